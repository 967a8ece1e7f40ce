"""The screen of a run: status line, panels, keys; commands go to the runner, snapshots come."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui_gd.errors import OutputError, ProblemError, TargetMissing
from tui_gd.learning.engine import Interrupted, computing
from tui_gd.plots.palette import Palette
from tui_gd.problems import Problem
from tui_gd.problems.text import safe_text
from tui_gd.runs.recorder import Recorder
from tui_gd.runs.steps import Shared, replay
from tui_gd.session.commands import CheckGradient, LookAt, SelectLane
from tui_gd.session.runner import Runner
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.training.trainer import Trainer
from tui_gd.ui.beginning import Beginning
from tui_gd.ui.cellview import paint
from tui_gd.ui.keys import ACTIONS, CURSOR_KEYS, Action, target
from tui_gd.ui.library import CheckpointTap
from tui_gd.ui.panels.board import SMALLEST, VERDICT_ROWS, Board
from tui_gd.ui.panels.lines import KeysLine, StatusLine, TinyPage, VerdictLine
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.screens.run_actions import (
    HINT_SECONDS,
    WATCHED_EPOCHS,
    WATCHED_SECONDS,
    KeepingActions,
)
from tui_gd.ui.studies import Progress, Studies, Study

# training waits while a frame is drawn: after it, so many times as long it is let alone …
FRAME_REST = 4.0
# … but for no longer than this, in seconds
LONGEST_REST = 0.25
# the thread that writes a frame gets the interpreter lock before training does
WRITING_SECONDS = 0.0002
FAILED = "\nThe run is kept up to here. {quit} quits, and prints what to report."
FAILED_SECONDS = 3600.0
# of a key that is held no more steps are let through than are drawn, if one takes so many seconds
SLOW_STEP_SECONDS = 0.01


class RunScreen(KeepingActions):
    """Draws the latest snapshot at the terminal's frame rate and turns keys into commands."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, f"move_cursor{by}", show=False) for keys, by in CURSOR_KEYS.items()
    ]

    def __init__(
        self,
        settings: RunSettings,
        clock: Callable[[], float],
        beginning: Beginning,
        actions: Sequence[Action] = ACTIONS,
    ) -> None:
        super().__init__(settings)
        self._beginning = beginning
        cursor = ",".join(CURSOR_KEYS).split(",")
        for action in actions:
            for key in action.keys.split(","):
                if key not in cursor:  # Textual's own for tab would come first
                    self._bindings.key_to_bindings.pop(key, None)
            if action.keys:  # all of a screen's own, after those of the cursor
                self._bindings.bind(
                    action.keys, target(action), show=False, priority=action.name == "quit"
                )
        self.board = Board()
        self._status, self._verdict = StatusLine(), VerdictLine()
        self._keys, self._tiny = KeysLine(), TinyPage(SMALLEST)
        self.studies = Studies(clock)
        self._drawn: Snapshot | None = None
        self._stale = True
        self._wanted_look: LookAt | None = None
        self._rests_until = -math.inf
        self._waiting = self._metered = False

    def compose(self) -> ComposeResult:
        """Lay out the status line, the verdict, the panels and the keys."""
        yield self._status
        yield self._verdict
        yield self.board
        yield self._keys
        yield self._tiny

    @property
    def runner(self) -> Runner | None:
        """What drives the run, once there is one."""
        return self.sender.runner

    # From start to first snapshot

    def on_mount(self) -> None:
        """Begin to draw, and load the problem once the first frame is out."""
        self.board.focus_panel()
        self.set_interval(1.0 / self.app.terminal.fps, self._beat)
        if self._beginning.kept:
            self.call_after_refresh(self.open_kept, self._beginning.kept)
        else:
            self.call_after_refresh(self._load, self.settings, self._beginning.shared)

    def begin(self, settings: RunSettings) -> None:
        """Begin a run, on the problem that there is if there is one."""
        self._load(settings, None)

    @work(thread=True, exclusive=True, group="load")
    def _load(self, settings: RunSettings, shared: Shared | None) -> None:
        """Load the problem and make the runner: scikit-learn is imported here."""
        try:
            same = self.runner and settings.data == self.settings.data
            problem = self.problem if same else settings.load_problem()
            settings = replace(settings, loss=settings.loss_for(problem))
            trainer = settings.make_trainer(problem, bounded=True)
            if shared is not None:
                trainer.record_norms()
                replay(trainer, shared)
        except TargetMissing as error:
            self.app.call_from_thread(self.ask_target, settings, error.columns, str(error))
            return
        except ProblemError as error:
            self.app.call_from_thread(self.refuse, str(error))
            return
        keeper = Recorder(settings, problem, warn=self.tell) if self._beginning.keep else None
        runner = self._runner_for(settings, trainer, CheckpointTap(keeper))
        if shared is not None:
            runner[0].post(SelectLane(trainer.lanes[shared.current].number))
        self.app.call_from_thread(self._take, settings, problem, *runner)

    @staticmethod
    def _runner_for(
        settings: RunSettings,
        trainer: Trainer,
        tap: CheckpointTap,
        *,
        seed: int | None = None,
        goal: int | None = None,
    ) -> tuple[Runner, CheckpointTap]:
        """Return what is to drive a run up to epoch `goal`, and what it tells of it."""
        pace = settings.epochs / WATCHED_SECONDS if settings.epochs <= WATCHED_EPOCHS else None
        runner = Runner(
            trainer,
            settings.epochs if goal is None else goal,
            seed=settings.seed if seed is None else seed,
            pace=pace,
            record=tap.take,
        )
        return runner, tap

    def open_kept(self, run: str) -> None:
        """Go on with a kept run in place of the one on the screen, which stays if that fails."""
        self._open(run)

    @work(thread=True, exclusive=True, group="load")
    def _open(self, run: str) -> None:
        self.keep_now()
        try:
            kept = self.app.library.reopen(run)
        except (ProblemError, OutputError) as error:
            self.app.call_from_thread(self.refuse, str(error))
            return
        settings = replace(kept.settings, loss=kept.settings.loss_for(kept.problem))
        tap = CheckpointTap(kept.keeper(self.tell) if kept.keeper else None)
        runner = self._runner_for(settings, kept.trainer, tap, seed=kept.seed, goal=kept.goal)
        self.app.call_from_thread(self._take, settings, kept.problem, *runner, kept.note)

    def refuse(self, fault: str) -> None:
        """Say why a run cannot begin: in the one there is, or on the way out."""
        if self.runner:
            self.say(safe_text(fault, None), warning=True)
        elif self.asked is not None:  # it was the wrong column
            self.say(safe_text(fault, None), warning=True)
            self.ask_target(*self.asked)
        else:
            self.app.give_up(fault)

    def _take(
        self,
        settings: RunSettings,
        problem: Problem,
        runner: Runner,
        tap: CheckpointTap,
        note: str = "",
    ) -> None:
        """Have a run on the screen, in place of the one there was."""
        fresh = self.runner is None or problem is not self.problem
        self.replace_run()
        if self.runner and fresh:
            self.studies.stop()
            self.board.forget()
        self.settings, self.problem = settings, problem
        self.tap, self.asked = tap, None
        self.sender.take(runner)
        self.hidden.clear()
        self.key_repeat.forget()
        self._wanted_look = None
        self.board.suit(surface=problem.surface is not None)
        self.lay_out()
        runner.changed = self._changed
        runner.start()
        if self.checking:
            runner.post(CheckGradient(wanted=True))
        for hint in (note, *problem.hints) if fresh else ():
            if hint:
                self.notify(safe_text(hint, None), timeout=HINT_SECONDS, markup=False)
        self._stale = True
        self._tick()

    # Drawing

    @property
    def palette(self) -> Palette:
        """The colours of the theme in use."""
        return self.app.palette

    @property
    def view(self) -> View:
        """The run as it is to be drawn now."""
        assert self.runner
        return View(
            self.runner.snapshot,
            self.problem,
            self.runner.predictor,
            self.settings,
            self.app.style,
            self.runner.make_engine,
            frozenset(self.hidden),
            self.app.key_names,
        )

    @property
    def _training(self) -> bool:
        return self.runner is not None and self.runner.snapshot.state is RunState.RUNNING

    def _changed(self) -> None:
        """Have the new snapshot drawn at once; called on the runner's thread."""
        self.call_later(self._answer)

    def _answer(self) -> None:
        """Draw what a command has led to."""
        self.app.flow.hurry()
        self._tick()

    def _beat(self) -> None:
        """Draw at the frame rate, while a run goes on no more often than it can be afforded."""
        rested = time.monotonic() >= self._rests_until and self.app.flow.due
        if not self._training or rested:
            self._tick()

    def _tick(self) -> None:
        """Draw the latest snapshot if it is not on the screen yet."""
        if self.runner is None:
            self._draw_empty()
            return
        self.runner.want_snapshot()
        unchanged = self.runner.snapshot is self._drawn and not self._stale
        # behind a question the run goes on; behind the help it would not be seen
        seen = self.is_active or self.app.screen.is_modal
        if unchanged or not seen or self.board.tiny:
            return
        self._waiting = not self.app.can_draw
        if self._waiting:
            return
        begun = time.monotonic()
        self.runner.begin_frame()
        self.studies.begin_frame()
        self._draw(self.view)
        if paint(self):
            time.sleep(WRITING_SECONDS)
            self._end_frame(self.runner, begun)
        else:
            self.call_after_refresh(self._end_frame, self.runner, begun)

    @property
    def step_pending(self) -> bool:
        """Whether steps are slow and the one asked for is not on the screen yet."""
        runner = self.runner
        if runner is None or runner.epoch_seconds < SLOW_STEP_SECONDS:
            return False
        return runner.busy or runner.snapshot is not self._drawn

    def action_meter(self) -> None:
        """Show what is sent to the terminal in the status line, or no longer."""
        self._metered = not self._metered
        self.redraw()

    def _sent(self, view: View) -> str:
        """Return what is sent to the terminal: a second while running, in all at rest."""
        if not self._metered:
            return ""
        flow = self.app.flow
        if view.snapshot.state is not RunState.RUNNING:
            return f"{flow.frames} frames {flow.bytes / 1e3:.0f} kB"
        frames, sent = flow.rates()
        return f"{frames:.0f} frames/s {sent / 1e3:.1f} kB/s"

    def draw_waiting(self) -> None:
        """Draw what had to wait for the line to the terminal."""
        if self._waiting:
            self._tick()

    def _end_frame(self, runner: Runner, begun: float) -> None:
        """Let training and studies go on."""
        runner.end_frame()
        self.studies.end_frame()
        now = time.monotonic()
        self._rests_until = now + min(FRAME_REST * (now - begun), LONGEST_REST)
        if not self.step_pending and (step := self.key_repeat.drawn()):
            self.sender.post(step)

    def _draw(self, view: View) -> None:
        before, self._drawn, self._stale = self._drawn, view.snapshot, False
        self._status.draw_now(view, self._sent(view))
        self._verdict.draw_now(view, self.board.why)
        self.board.draw_now(view)
        self._look(view)
        self._study(view)
        notice = view.snapshot.notice
        if notice and (before is None or before.notice != notice):
            failed = view.snapshot.state is RunState.FAILED
            self.notify(
                safe_text(notice, None)
                + (FAILED.format(quit=view.keys.of("quit")) if failed else ""),
                severity="error",
                timeout=FAILED_SECONDS if failed else HINT_SECONDS,
                markup=False,
            )

    def _draw_empty(self) -> None:
        if self._stale:
            self._stale = False
            self._status.draw_loading(f"loading {self.settings.problem}", self.app.style)

    def redraw(self) -> None:
        """Draw again although the run is where it was."""
        self._stale = True
        self._keys.draw_now(self.app.style, self.app.actions)
        if self.board.tiny:
            self._tiny.draw_now(self.app.style, self.app.key_names)
        self._tick()

    def on_panel_changed(self) -> None:
        """Draw panels again that have another size or focus."""
        self._stale = True
        self.call_later(self._tick)

    def on_screen_resume(self) -> None:
        """Draw what has changed while another screen was shown."""
        self._stale = True
        self.app.listen_to_mouse(wanted=True)

    def on_screen_suspend(self) -> None:
        """Leave the keyboard to the screen that comes on top."""
        self.app.listen_to_mouse(wanted=False)

    def _look(self, view: View) -> None:
        """Have the curves in the snapshots that the loss panel wants."""
        wanted = self.board.loss.wanted_look(view)
        if wanted not in {view.snapshot.look, self._wanted_look}:
            self._wanted_look = wanted
            self.sender.post(wanted)

    def _study(self, view: View) -> None:
        """Begin the studies that the panels shown want for this view."""
        running = view.snapshot.state is RunState.RUNNING
        for panel in self._studying():
            study = panel.study(view)
            if study is None:
                continue
            show = partial(self._show, panel, view.problem, study.key)
            progress = self.studies.begin(panel.NAME, study, running=running, show=show)
            if progress:
                self._make(panel, view.problem, study, progress)

    def _studying(self) -> list[Panel]:
        """Return the panels whose studies are made: those shown; the verdict's always."""
        why = self.board.why
        return [*self.board.shown, *([] if self.board.shows(why) else [why])]

    def _show(self, panel: Panel, problem: Problem, key: tuple[object, ...], result: Any) -> None:
        """Hand part of a result over; called on a study's thread."""
        self.app.call_from_thread(self._take_part, panel, problem, key, result)

    # without a description Textual writes out all arguments, data and weights among them
    @work(thread=True, group="study", description="study")
    def _make(self, panel: Panel, problem: Problem, study: Study, progress: Progress) -> None:
        try:
            with computing():
                result = study.compute(progress)
        except Interrupted:
            self.app.call_from_thread(self.studies.end, panel.NAME, found=False)
        except MemoryError:
            # the run is not to end because of it; the same study is not begun again
            self.app.call_from_thread(self.studies.end, panel.NAME, found=True)
            self.app.call_from_thread(self.say, f"too little memory: {panel.NAME}", warning=True)
        else:
            self.app.call_from_thread(self.studies.end, panel.NAME, found=True)
            self._show(panel, problem, study.key, result)

    def _take_part(
        self, panel: Panel, problem: Problem, key: tuple[object, ...], result: Any
    ) -> None:
        if problem is self.problem:  # else another has been begun meanwhile
            panel.take(key, result)
        self._stale = True
        if not self._training:  # else it is in the next frame
            self._tick()

    # Layout

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for the size."""
        del event
        self.lay_out()

    def lay_out(self) -> None:
        """Choose the layout for the size, and draw."""
        self.set_class(self.board.fit_to(self.size).tiny, "tiny")
        self.set_class(self.size.height < VERDICT_ROWS, "low")
        if self.focused is None and not self.board.tiny:
            self.board.focus_panel()  # hidden in a tiny terminal, it had lost the focus
        self.redraw()
