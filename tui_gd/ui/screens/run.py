"""The screen of a run: it sends commands to the runner, and draws the snapshots that come back.

`actions.py` says what keys do.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.screen import Screen

from tui_gd.errors import OutputError, ProblemError, TargetMissing
from tui_gd.learning.engine import Interrupted, computing
from tui_gd.lessons.orders import Order
from tui_gd.lessons.player import Player, seed_of
from tui_gd.lessons.progress import resumed, save
from tui_gd.lessons.replay import LessonRun, orders_of, start_of
from tui_gd.problems import Problem
from tui_gd.problems.input_file import files_of
from tui_gd.problems.problem import ColumnNote
from tui_gd.problems.text import safe_text
from tui_gd.runs.record import RunRecord
from tui_gd.runs.recorder import Recorder
from tui_gd.runs.resume import resume
from tui_gd.runs.share import open_line
from tui_gd.runs.steps import Shared, replay
from tui_gd.runs.store import RunLock, Store
from tui_gd.session.commands import (
    CheckGradient,
    Command,
    LookAt,
    Pause,
    SetLearningRate,
    SetStart,
    TakeCheckpoint,
)
from tui_gd.session.options import Option
from tui_gd.session.runner import Runner
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.training.checkpoint import Checkpoint
from tui_gd.training.trainer import Trainer
from tui_gd.ui.context import Beginning, Context, LastView
from tui_gd.ui.keys import CURSOR_KEYS, target
from tui_gd.ui.panels import lines
from tui_gd.ui.panels.board import LESSON_ROWS, SMALLEST, Board
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.panels.widget import CellView, LinesWidget, PanelWidget
from tui_gd.ui.screens.lesson import Guide, LessonBox, guide_for
from tui_gd.ui.screens.questions import (
    MOST_LISTED,
    Choice,
    column_options,
    likely_target,
    with_first,
)
from tui_gd.ui.screens.settings_page import options_for
from tui_gd.ui.sender import CommandSender, KeyRepeat
from tui_gd.ui.studies import Progress, Studies, Study
from tui_gd.ui.textual_fixes.app import OwnKeys, PacedApp
from tui_gd.ui.textual_fixes.flow import paint_now
from tui_gd.ui.undo import Change, Earlier, Undo

# after a frame, training runs alone for this many times as long as the frame took …
FRAME_REST = 4.0
# … but for no longer than this, in seconds
LONGEST_REST = 0.25
# for this long, the thread that writes a frame gets the interpreter lock before training does
WRITING_SECONDS = 0.0002
FAILED = "\nThe run is kept up to here. {quit} quits, and prints what to report."
FAILED_SECONDS = 3600.0
STAY_SECONDS = 86400.0
HINT_SECONDS = 10.0
# if a step takes this many seconds, a held key makes no more steps than the screen can draw
SLOW_STEP_SECONDS = 0.01
# a stop may have to wait for a pass over the data, which may take this long
STOP_SECONDS = 30.0
# a run of at most this many epochs is slowed down until it takes about this many seconds
WATCHED_EPOCHS = 1000
WATCHED_SECONDS = 3.0
_WHEEL = 1.25
# while a run goes on, it is checked for a finished task no more often than this, in seconds
LESSON_SECONDS = 0.3


class RunScreen(Screen[None]):
    """Draws the latest snapshot at the terminal's frame rate, and owns what drives the run.

    `wanted` are the settings as given; `settings` also contain what follows from the data. `draft`
    are changes on the settings page that no run has begun with yet. `recorder` keeps the run, if it
    is kept. `hidden` are the numbers of the lanes that plots leave out. `asked` is the answered
    question for a target column, until a run begins.
    """

    context: Context
    settings: RunSettings
    wanted: RunSettings
    draft: dict[str, Any]
    board: Board
    studies: Studies
    sender: CommandSender
    key_repeat: KeyRepeat
    pressed_at: float
    """When the terminal sent the latest key or button, which may be long before its effect."""

    app: PacedApp[str]
    problem: Problem
    # otherwise the first panel would take the focus from the panel that had it last time
    AUTO_FOCUS: ClassVar[str | None] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, f"move_cursor{by}", show=False) for keys, by in CURSOR_KEYS.items()
    ]

    def __init__(self, context: Context, settings: RunSettings, beginning: Beginning) -> None:
        super().__init__()
        self.context, self.settings, self.wanted = context, settings, settings
        self.draft: dict[str, Any] = {}
        self._beginning = beginning
        cursor = ",".join(CURSOR_KEYS).split(",")
        for action in context.actions:
            for key in action.keys.split(","):
                if key not in cursor:  # Textual's own binding of tab would come first
                    self._bindings.key_to_bindings.pop(key, None)
            if action.keys:  # all keys of this screen, after those of the cursor
                self._bindings.bind(
                    action.keys, target(action), show=False, priority=action.name == "quit"
                )
        self.board = Board()
        self._top, self._status = LinesWidget("top"), LinesWidget("status")
        self._verdict, self._tabs = LinesWidget("verdict"), LinesWidget("tabs")
        self._keys, self._tiny = LinesWidget("keys"), LinesWidget("tiny")
        self._lesson_box = LessonBox()
        self.guide: Guide | None = None
        view = context.view
        self.board.choose_all(view.panels, view.focused)
        self.board.maximised = view.maximised
        loss = self.board.loss
        loss.log_axis, loss.log_epochs, loss.smoothing = (
            view.log_axis,
            view.log_epochs,
            view.smooth,
        )
        self.studies = Studies(time.monotonic)
        self.pressed_at = 0.0
        self.sender, self.key_repeat = CommandSender(), KeyRepeat(lambda: self.pressed_at)
        self.recorder: Recorder | None = None
        self.asked: _Asked | None = None
        self.hidden: set[int] = set()
        self.checking = self.metered = False
        self._drawn: Snapshot | None = None
        self._stale = True
        self._wanted_look: LookAt | None = None
        self._rests_until = -math.inf
        self._waiting = False
        self._lesson_looked = -math.inf
        # the lesson that the learner left, and the share line of its run
        self.left_lesson: tuple[Player, str] | None = None
        self.undo = Undo()
        self._stays = False
        # learning rates tried one after another replace the same epochs: the undo entry, lane and
        # epoch
        self._tried_rates: tuple[Earlier, int, int] | None = None
        # the last run that was put away, and whether that has finished
        self._put_aside: tuple[str | None, threading.Event] = None, threading.Event()

    def compose(self) -> ComposeResult:
        """Lay out the lines around the panels, and the panels."""
        yield self._top
        yield self._status
        yield self._verdict
        yield self.board
        yield self._lesson_box
        yield self._tabs
        yield self._keys
        yield self._tiny

    @property
    def runner(self) -> Runner | None:
        """What drives the run, if there is one."""
        return self.sender.runner

    @property
    def options(self) -> list[Option]:
        """The settings that suit the problem; none before there is a run."""
        return options_for(self.settings, self.problem) if self.runner else []

    @property
    def last_view(self) -> LastView:
        """The view to restore at the next start."""
        board = self.board
        theme = self.context.view.theme
        if self.guide:  # the lesson has chosen the panels
            return replace(self.context.view, theme=theme)
        return LastView(
            theme,
            board.places(),
            board.panel.NAME,
            board.maximised,
            board.loss.log_axis,
            board.loss.log_epochs,
            board.loss.smoothing,
        )

    @property
    def lesson_keys(self) -> OwnKeys:
        """The keys that count in the lesson now, none without one."""
        if self.guide is None:
            return "", ()
        picture = self.guide.picture(self.context.style, focused=self._lesson_box.has_focus)
        return picture.title, picture.keys

    def say(self, text: str, *, warning: bool = False, stay: bool = False) -> None:
        """Show a line for a moment, or until the next key; it replaces the one before."""
        if stay or not self._stays:  # a fault told by a thread comes beside what stays
            self.app.clear_notifications()
        text = self.context.terminal.symbols.spell(safe_text(text, None))
        severity: SeverityLevel = "warning" if warning else "information"
        seconds = STAY_SECONDS if stay else 5.0 if warning else 2.0
        self.notify(text, severity=severity, timeout=seconds, markup=False)
        self._stays = stay or self._stays

    def key_pressed(self) -> None:
        """Remove a message that stays until a key is pressed."""
        if self._stays:
            self._stays = False
            self.app.clear_notifications()

    def say_from_thread(self, text: str, *, warning: bool = True) -> None:
        """Show a line; any thread may call this, even after the screen has gone."""
        if self.is_attached and self.app.is_running:
            self.app.call_later(self.say, text, warning=warning)

    # From start to first snapshot

    def on_mount(self) -> None:
        """Begin to draw, and load the problem once the first frame is out."""
        self.board.focus_panel()
        self.set_interval(1.0 / self.context.terminal.fps, self._beat)
        if self._beginning.lesson:
            self.call_after_refresh(self.open_lesson, *self._beginning.lesson)
        elif self._beginning.kept:
            self.call_after_refresh(self.open_kept, self._beginning.kept)
        else:
            self.call_after_refresh(self._load, self.settings, self._beginning.shared)

    def begin(self, settings: RunSettings, change: Change | None = None) -> None:
        """Begin a run; keep the data in memory if the settings name the same."""
        self._load(settings, None, change)

    @work(thread=True, exclusive=True, group="load")
    def _load(
        self, settings: RunSettings, shared: Shared | None, change: Change | None = None
    ) -> None:
        """Load the problem and make the runner: this imports scikit-learn."""
        try:
            same = self.runner and settings.data == self.settings.data
            problem = self.problem if same else settings.load_problem()
            problem.check_dense()
            wanted, settings = settings, settings.resolved(problem)
            settings = replace(settings, loss=settings.loss_for(problem))
            trainer = settings.make_trainer(problem, bounded=True)
            if shared is not None:
                trainer.record_norms()
                replay(trainer, shared)
        except TargetMissing as error:
            asked = _Asked(settings, error.columns, str(error), *_first_values(settings, error))
            self.app.call_from_thread(self.ask_target, asked)
            return
        except ProblemError as error:
            self.app.call_from_thread(self.refuse, str(error))
            return
        goal = shared.last_epoch if shared else settings.epochs
        seed = shared.newest_seed if shared else settings.seed
        recorder = None
        if self._beginning.keep:
            recorder = self._new_recorder(settings, problem, goal)
        runner = self._runner(trainer, settings, recorder, seed=seed, goal=goal)
        self._hand_over(_Loaded(settings, wanted, problem, runner, recorder), change)

    def _hand_over(self, loaded: "_Loaded", change: Change | None = None) -> None:
        """Stop the run on the screen, keep it for undo, and show another; on a worker thread."""
        earlier = self._stopped(change.before if change else "")
        self.app.call_from_thread(self._take, loaded)
        if earlier:
            self.app.call_from_thread(self.undo.push, earlier)
        if change:
            self.app.call_from_thread(self.announce, change)

    def _runner(
        self,
        trainer: Trainer,
        settings: RunSettings,
        recorder: Recorder | None,
        *,
        seed: int,
        goal: int,
    ) -> Runner:
        """Return the runner that drives a run up to epoch `goal`.

        It has the pace of the run on the screen; a short first run is slow enough to watch.
        """
        pace = settings.epochs / WATCHED_SECONDS if settings.epochs <= WATCHED_EPOCHS else None
        if self.runner:
            pace = self.runner.snapshot.pace
        record = recorder.take if recorder else None
        extension = settings.epochs
        return Runner(trainer, goal, seed=seed, pace=pace, record=record, extension=extension)

    @work(thread=True, exclusive=True, group="load")
    def open_kept(self, run: str) -> None:
        """Continue a kept run in place of the one on the screen, which stays if that fails."""
        try:
            with self.context.open_library() as store:
                kept = resume(store, run, bounded=True)
        except (ProblemError, OutputError) as error:
            self.app.call_from_thread(self.refuse, str(error))
            return
        settings = replace(kept.settings, loss=kept.settings.loss_for(kept.problem))
        recorder = kept.recorder(warn=self.say_from_thread)
        runner = self._runner(kept.trainer, settings, recorder, seed=kept.seed, goal=kept.goal)
        self._hand_over(_Loaded(settings, settings, kept.problem, runner, recorder, kept.note))

    def refuse(self, fault: str) -> None:
        """Say why a run cannot begin: over the run on the screen, or while leaving."""
        if self.runner:
            self.say(fault, warning=True)
        elif self.asked is not None:  # it was the wrong column
            self.say(fault, warning=True)
            self.ask_target(self.asked)
        else:
            self.app.exit(fault, return_code=2)

    @work
    async def ask_target(self, asked: "_Asked") -> None:
        """Ask which of a table's columns is the target, and load the table with that target."""
        columns: Sequence[str] = asked.columns
        name = safe_text(Path(asked.settings.problem).name, None)
        question = f"target: which column of {name}?"
        if asked.rows:
            question += f" Values in its first {asked.rows:,} rows:"
        likely = likely_target(columns)
        if len(columns) > MOST_LISTED:
            columns = with_first(columns, likely)
        symbols = self.context.terminal.symbols
        options = column_options(columns, asked.notes, self.app.size.width, symbols)
        target = await self.app.push_screen_wait(Choice(question, options, likely, find=True))
        self.asked = None if target is None else asked
        if target is None:
            self.refuse(asked.fault)
        else:
            self.begin(replace(asked.settings, target=target))

    def _take(self, loaded: "_Loaded") -> None:
        """Show a run in place of the one on the screen."""
        problem, runner = loaded.problem, loaded.runner
        fresh = self.runner is None or problem is not self.problem
        if self.runner:
            self.runner.stop()
            if self.recorder and self.recorder is not loaded.recorder:
                self._put_aside = (self.recorder.id, threading.Event())
                self._put_away(self.runner, self.recorder, self._put_aside[1])
            if fresh:
                self.studies.stop()
                self.board.forget()
        self.settings, self.wanted, self.problem = loaded.settings, loaded.wanted, problem
        self.draft = {}
        self.recorder, self.asked = loaded.recorder, None
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
        offer = ""
        if self._beginning.tour and fresh and not self.guide:
            offer = (
                f"New here? {self.context.keys.of('lesson')} starts the tour: seven short steps."
            )
        if offer:
            self._remember_offer()
        notes, self.context.notes = self.context.notes, ()
        said = (*notes, offer, loaded.note, *loaded.settings.remarks(problem))
        for hint in said if fresh else ():
            if hint:
                self.notify(safe_text(hint, None), timeout=HINT_SECONDS, markup=False)
        self._stale = True
        self._tick()
        if self.guide:
            self._lesson_box.focus()

    # Keeping

    @property
    def kept_id(self) -> str | None:
        """The id of the kept run on the screen, None while it is not kept."""
        return self.recorder.id if self.recorder else None

    @property
    def missing(self) -> str:
        """Why the end of the run on the screen is not kept; ask once it has been put away."""
        return self.recorder.missing if self.recorder else ""

    def put_away(self) -> None:
        """Write the whole run, once its runner has stopped; may wait for a disk."""
        if self.runner and self.recorder:
            _put_away(self.runner, self.recorder)

    @work(thread=True, group="keep")
    def _put_away(self, runner: Runner, recorder: Recorder, done: threading.Event) -> None:
        _put_away(runner, recorder)
        done.set()

    def _new_recorder(self, settings: RunSettings, problem: Problem, goal: int) -> Recorder:
        path = self.context.library
        return Recorder(settings, problem, path=path, goal=goal, warn=self.say_from_thread)

    # Undo

    def discard(self, command: Command, change: Change) -> None:
        """Send a command that discards something, and say how to undo it."""
        if runner := self.runner:
            checkpoint = TakeCheckpoint()
            self.undo.push(self._earlier(runner, change.before, checkpoint.answer))
            self.sender.post(checkpoint)
            self.sender.post(command)
            self.announce(change)

    def announce(self, change: Change) -> None:
        """Say what was done and how to undo it, until the next key."""
        keys = self.context.keys
        said = [change.done, f"{keys.of('undo')} brings back {change.before}"]
        if change.both:
            said.append(f"{keys.of('branch_with')} keeps both")
        self.say(" · ".join(said), stay=True)

    @work(thread=True, exclusive=True, group="load")
    def bring_back(self, earlier: Earlier, *, back: bool) -> None:
        """Show a run that was replaced, or, if not `back`, one that undo has left."""
        try:
            checkpoint = earlier.checkpoint.result(STOP_SECONDS)
            record = RunRecord(earlier.settings, earlier.problem, checkpoint)
            trainer = record.trainer(bounded=True)
        except (ProblemError, TimeoutError, CancelledError):
            self.say_from_thread(f"{earlier.words} cannot be brought back")
            return
        now = self._stopped("")
        recorder = self._recorder_of(earlier)
        runner = self._runner(
            trainer, earlier.settings, recorder, seed=earlier.seed, goal=earlier.goal
        )
        loaded = _Loaded(earlier.settings, earlier.wanted, earlier.problem, runner, recorder)

        def show() -> None:
            self._take(loaded)
            if now:
                self.undo.swap(now, back=back)
            said = [f"back to {earlier.words}"]
            if self.undo.before:
                said.append(f"{self.context.keys.of('undo')} goes further back")
            if self.undo.after:
                said.append(f"{self.context.keys.of('redo')} goes forward again")
            self.say(" · ".join(said), stay=True)

        self.app.call_from_thread(show)

    def _stopped(self, words: str) -> Earlier | None:
        """Stop the run on the screen and return it as undo keeps it; on a worker thread."""
        runner = self.runner
        if runner is None:
            return None
        answer: Future[Checkpoint] = Future()
        if runner.stop(STOP_SECONDS) and not runner.failure:
            answer.set_result(runner.trainer.checkpoint(runner.snapshot.seed))
        else:
            answer.cancel()
        return self._earlier(runner, words or "the run before", answer)

    def _earlier(self, runner: Runner, words: str, checkpoint: "Future[Checkpoint]") -> Earlier:
        now = runner.snapshot
        return Earlier(
            words,
            self.settings,
            self.wanted,
            self.problem,
            checkpoint,
            now.seed,
            now.epochs,
            self.kept_id,
        )

    def _recorder_of(self, earlier: Earlier) -> Recorder | None:
        """Return the recorder for a run that undo or redo brings back; on a worker thread."""
        if earlier.kept and earlier.kept == self.kept_id:
            return self.recorder
        if not (earlier.kept or self._beginning.keep):
            return None
        if earlier.kept:
            if self._put_aside[0] == earlier.kept:
                self._put_aside[1].wait(STOP_SECONDS)
            with suppress(ProblemError, OutputError), self.context.open_library() as store:
                kept = store.find(earlier.kept)
                return Recorder(
                    earlier.settings,
                    earlier.problem,
                    path=self.context.library,
                    goal=earlier.goal,
                    kept=kept,
                    lock=RunLock(store.directory, kept.id),
                    warn=self.say_from_thread,
                )
        return self._new_recorder(earlier.settings, earlier.problem, earlier.goal)

    def exported(self) -> RunRecord:
        """Return the run on the screen for an export; not on the interface's thread."""
        runner, snapshot = self.runner, self.sender.snapshot
        checkpoint = runner.checkpoint() if runner else None
        if checkpoint is None or snapshot is None:
            raise ProblemError("the run does not answer: pause it, and export again")
        lane, goal = snapshot.lane.number, snapshot.epochs
        return RunRecord(self.settings, self.problem, checkpoint, lane, goal=goal)

    # Drawing

    @property
    def view(self) -> View:
        """The run as panels should draw it now."""
        assert self.runner
        snapshot, guide = self.runner.snapshot, self.guide
        resting = snapshot.state is not RunState.RUNNING and not self.runner.busy
        return View(
            snapshot,
            self.problem,
            self.runner.predictor,
            self.settings,
            self.context.style,
            self.runner.make_engine,
            frozenset(self.hidden),
            self.context.keys,
            guide.marks(snapshot.newest, resting=resting) if guide else (),
        )

    @property
    def _training(self) -> bool:
        return self.runner is not None and self.runner.snapshot.state is RunState.RUNNING

    def _changed(self) -> None:
        """Draw the new snapshot at once; the runner's thread calls this."""
        self.call_later(self._answer)

    def _answer(self) -> None:
        """Draw the effect of a command."""
        self.app.flow.hurry()
        self._tick()

    def _beat(self) -> None:
        """Draw at the frame rate, but while a run goes on leave it enough time."""
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
        # behind a question the run goes on; behind the help nobody would see it
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
        if paint_now(self, CellView):
            time.sleep(WRITING_SECONDS)
            self._end_frame(self.runner, begun)
        else:
            self.call_after_refresh(self._end_frame, self.runner, begun)

    @property
    def step_pending(self) -> bool:
        """Whether steps are slow and the last requested one is not on the screen yet."""
        runner = self.runner
        if runner is None or runner.step_seconds < SLOW_STEP_SECONDS:
            return False
        return runner.busy or runner.snapshot is not self._drawn

    def _sent(self, view: View) -> str:
        """Return what is sent to the terminal: per second while running, in all at rest."""
        if not self.metered:
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
        self._draw_lines(view)
        for panel in self.board.panels:
            panel.pointed = self.guide is not None and self.guide.pointed == panel.NAME
        self.board.draw_now(view)
        self._look(view)
        self._study(view)
        self._guide(view)
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

    def _draw_lines(self, view: View) -> None:
        """Draw the lines around the panels."""
        keys, style, columns = view.keys, view.style, self.size.width
        shown = [panel.NAME for panel in self.board.shown]
        verdict, rows = self.board.why.verdict(view), self._verdict.size.height
        self._top.show_lines(lines.draw_top(view, columns, self._sent(view)))
        self._status.show_lines(lines.draw_status(view, columns))
        self._verdict.show_lines(lines.draw_verdict(verdict, keys, style, rows, columns))
        self._tabs.show_lines(lines.draw_tabs(shown, keys, style, columns))
        taught = self._lesson_box.has_focus
        footer = lines.footer_of(None if taught else self.board.panel, view)
        self._keys.show_lines(lines.draw_footer(footer, keys, style, columns))

    def _draw_empty(self) -> None:
        if self._stale:
            self._stale = False
            text, columns = f"loading {self.settings.problem}", self.size.width
            keys, style = self.context.keys, self.context.style
            self._status.show_lines(lines.draw_text(text, style, columns))
            self._keys.show_lines(lines.draw_footer((lines.QUIT,), keys, style, columns))

    def redraw(self) -> None:
        """Draw again, although the run has not changed."""
        self._stale = True
        self._lesson_box.draw_now(self.context.style)
        if self.board.tiny:
            self._tiny.show_lines(
                lines.draw_tiny(
                    self.size.height,
                    self.size.width,
                    SMALLEST,
                    self.context.keys.of("quit"),
                    self.context.style,
                )
            )
        self._tick()

    def on_panel_changed(self) -> None:
        """Draw panels again after a change of their size or focus."""
        self._stale = True
        self.call_later(self._tick)

    def on_screen_resume(self) -> None:
        """Draw what changed while another screen was on top."""
        self._stale = True
        self.app.listen_to_mouse(wanted=True)

    def on_screen_suspend(self) -> None:
        """Stop listening to the mouse while another screen is on top."""
        self.app.listen_to_mouse(wanted=False)

    def _look(self, view: View) -> None:
        """Ask for snapshots with the curves that the loss panel wants."""
        wanted = self.board.loss.wanted_look(view)
        if wanted not in {view.snapshot.look, self._wanted_look}:
            self._wanted_look = wanted
            self.sender.post(wanted)

    def _study(self, view: View) -> None:
        """Begin the studies that the shown panels want for this view."""
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
        """Return the panels that get studies: the shown ones, and always the verdict's."""
        why = self.board.why
        return [*self.board.shown, *([] if self.board.shows(why) else [why])]

    def _show(self, panel: Panel, problem: Problem, key: tuple[object, ...], result: Any) -> None:
        """Hand over a part of a result; the study's thread calls this."""
        self.app.call_from_thread(self._take_part, panel, problem, key, result)

    # without a description, Textual writes out all arguments, including data and weights
    @work(thread=True, group="study", description="study")
    def _make(self, panel: Panel, problem: Problem, study: Study, progress: Progress) -> None:
        try:
            with computing():
                result = study.compute(progress)
        except Interrupted:
            self.app.call_from_thread(self._given_up, panel)
        except MemoryError:
            # this must not end the run; the same study does not begin again
            self.app.call_from_thread(self.studies.end, panel.NAME, found=True)
            self.app.call_from_thread(self.say, f"too little memory: {panel.NAME}", warning=True)
        else:
            self.app.call_from_thread(self.studies.end, panel.NAME, found=True)
            self._show(panel, problem, study.key, result)

    def _given_up(self, panel: Panel) -> None:
        """Begin the study that replaces this one, even when the run is at rest."""
        if self.studies.end(panel.NAME, found=False):
            self._draw_again()

    def _take_part(
        self, panel: Panel, problem: Problem, key: tuple[object, ...], result: Any
    ) -> None:
        if problem is self.problem:  # else another problem has begun since
            panel.take(key, result)
        self._draw_again()

    def _draw_again(self) -> None:
        self._stale = True
        if not self._training:  # else the next frame shows it
            self._tick()

    # The lesson

    def open_lesson(self, player: Player, line: str) -> None:
        """Begin a lesson, or continue it where the share line `line` leads."""
        try:
            shared = open_line(line) if line else start_of(player.lesson, seed_of(player.name))
            self.guide = guide_for(player, self.context.keys)
        except ProblemError as error:
            self.refuse(str(error))
            return
        self.app.clear_notifications()
        self._lesson_box.guide = self.guide
        for panel in reversed(player.lesson.panels):
            self.board.choose(panel)
        if self.guide.pointed:
            self.board.choose(self.guide.pointed)
        self.lay_out()
        self.focus_lesson()
        self._load(shared.settings, shared)

    @work(thread=True, exclusive=True, group="lesson", description="lesson")
    def open_saved(self, player: Player) -> None:
        """Continue a lesson where the learner left it, in this session or before; else begin it."""
        line = ""
        with suppress(ProblemError, OutputError), self.context.open_library() as store:
            line = resumed(store, player)
        self.app.call_from_thread(self.open_lesson, player, line)

    @work(thread=True, group="keep")
    def _remember_offer(self) -> None:
        """Create the file of kept runs: if it exists, the tour is not offered."""
        with suppress(ProblemError, OutputError), Store(self.context.library, create=True):
            pass

    def focus_lesson(self, *, toggle: bool = False) -> bool:
        """Focus the lesson, or with `toggle` a panel if it has the focus; return if one is open."""
        if self.guide is None:
            return False
        if toggle and self._lesson_box.has_focus:
            self.board.focus_panel()
        else:
            self._lesson_box.focus()
        return True

    def close_lesson(self) -> None:
        """Leave the lesson; the run goes on."""
        guide = self.guide
        self.guide = self._lesson_box.guide = None
        self.board.focus_panel()
        self.lay_out()
        if guide is None or guide.player.finished:
            self.left_lesson = None
            return
        where = self.context.keys.of("lesson")
        self.say(f"{guide.lesson.title}: saved; {where} comes back to it")
        self.left_lesson = guide.player, ""
        self._save_lesson(guide)

    def _guide(self, view: View) -> None:
        """Look at the run when the lesson waits for it."""
        guide, runner = self.guide, self.runner
        if guide is None or runner is None or guide.busy:
            return
        resting = view.snapshot.state is not RunState.RUNNING and not runner.busy
        if guide.wants_text and resting:
            self._ask_run(guide, partial(guide.read, self.context.style), self._show_lesson)
        elif guide.watches and time.monotonic() > self._lesson_looked + LESSON_SECONDS:
            self._lesson_looked = time.monotonic()
            self._ask_run(guide, guide.look, self._lesson_looked_at)

    def _lesson_looked_at(self, done: object) -> None:
        if done and self.guide:
            self._save_lesson(self.guide)
        self._show_lesson()

    def _ask_run(
        self, guide: Guide, work: Callable[[LessonRun], object], then: Callable[[object], None]
    ) -> None:
        """Do some work on a copy of the run, and then something with its result."""
        guide.busy = True
        self._ask_copy(guide, work, then)

    @work(thread=True, group="lesson", description="lesson")
    def _ask_copy(
        self, guide: Guide, work: Callable[[LessonRun], object], then: Callable[[object], None]
    ) -> None:
        runner, result = self.runner, None
        assert runner
        try:
            with computing():
                run = guide.run_at(runner, self.settings, self.problem)
                result = work(run) if run is not None else None
        except ProblemError as error:
            self.say_from_thread(str(error))

        def answered() -> None:
            guide.busy = False
            then(result)

        self.app.call_from_thread(answered)

    def _show_lesson(self, _: object = None) -> None:
        """Draw the lesson's box, which may have another height now."""
        if self.guide is None:
            return
        style = self.context.style
        picture = self.guide.picture(style, focused=self._lesson_box.has_focus)
        rows = picture.rows(self.size.width, style.symbols)
        height = self._lesson_box.styles.height
        # the present size may be outdated, so compare the height that was last requested
        if height is None or height.value != rows:
            self._lesson_box.styles.height = rows
            self.call_after_refresh(self.lay_out)
        self._lesson_box.draw_now(style)
        self._stale = True

    def on_lesson_box_answered(self, event: LessonBox.Answered) -> None:
        """Judge an answer on a copy of the run; if it counts, the run does what the step says."""
        guide = self.guide
        if guide is None or guide.busy:
            return

        def answered(done: object) -> None:
            if done:
                self._post_orders(guide.player.step.then)
                self._save_lesson(guide)
            self._show_lesson()

        self._ask_run(guide, partial(guide.judge, event.text), answered)

    def on_lesson_box_asked(self, event: LessonBox.Asked) -> None:
        """Continue, skip, give a hint, or leave."""
        guide = self.guide
        if guide is None:
            return
        match event.what:
            case "leave" if self.board.panel.cursor_on and not guide.player.finished:
                self.board.panel.end_cursor()
                self.redraw()
                return
            case "leave":
                self.close_lesson()
                return
            case "next" if guide.player.finished:
                self.close_lesson()
                return
            case "next" | "skip" if not guide.busy:
                self._go_on(guide, skip=event.what == "skip")
            case "hint":
                guide.player.hint()
        self._show_lesson()
        self._tick()

    def _go_on(self, guide: Guide, *, skip: bool) -> None:
        """Go to the next step; after a skipped step, the run does what it would have led to."""
        player, step = guide.player, guide.player.step
        waited, record = player.waits, player.record
        if not (player.skip() if skip else player.next()):
            return
        if waited:
            record.asked = guide.text
        if self._training and not player.finished:
            self.sender.post(Pause())  # the numbers of the next step are those of a run at rest

        def lead(orders: object) -> None:
            self._post_orders(orders if isinstance(orders, list) else [])
            self._save_lesson(guide)
            self._tick()

        if (waited or step.kind == "read") and (step.then or step.solution):
            self._ask_run(guide, partial(orders_of, step), lead)
        else:
            self._save_lesson(guide)
        if guide.pointed:
            self.board.choose(guide.pointed)
            self.lay_out()

    def _post_orders(self, orders: Sequence[Order]) -> None:
        """Let the run on the screen do what a step says."""
        epoch = self.runner.snapshot.epoch if self.runner else 0
        for order in orders:
            self.sender.post(order.command(epoch))
            epoch = 0  # after the first order, the epoch is not known

    @work(thread=True, group="lesson", description="lesson")
    def _save_lesson(self, guide: Guide) -> None:
        """Save the progress of a lesson, and the run as it is."""
        runner = self.runner
        run = guide.run_at(runner, self.settings, self.problem) if runner else None
        if run is None:
            return
        line = run.line()
        if self.left_lesson and self.left_lesson[0] is guide.player:
            self.left_lesson = guide.player, line
        if self._beginning.keep:
            try:
                with Store(self.context.library, create=True) as store:
                    save(store, guide.player, line)
            except (ProblemError, OutputError) as error:
                self.say_from_thread(str(error))

    # Layout

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for the size, and draw."""
        del event
        self.lay_out()

    def lay_out(self) -> None:
        """Choose the layout for the size, and draw."""
        taught = self.guide is not None
        now = self.board.fit_to(self.size, below=LESSON_ROWS if taught else 0)
        self._lesson_box.display = taught
        self.set_class(now.tiny, "tiny")
        self._tabs.display = bool(now.tabs) and not now.tiny
        self._verdict.styles.height = now.verdict
        self._verdict.styles.margin = (now.blank, 0)
        lost = self.focused is None and not self.board.tiny  # hidden in a tiny terminal
        if lost and not self.focus_lesson():
            self.board.focus_panel()
        self.redraw()

    # The panels: their commands, and the cursor of the focused one

    def show_panel(self, name: str) -> None:
        """Show a panel and put the focus on it, unless a lesson has the focus."""
        taught = self._lesson_box.has_focus
        self.board.choose(name)
        self.lay_out()
        if not taught:
            self.board.focus_panel()

    def carry_out(self, command: Command) -> None:
        """Send a panel's command; say how to undo what it discards."""
        snapshot = self.sender.snapshot
        if isinstance(command, SetStart) and snapshot:
            self.discard(command, Change("started there", epochs_in_words(snapshot)))
        elif isinstance(command, SetLearningRate):
            self.set_rate(command.learning_rate)
        else:
            self.sender.post(command)

    def set_rate(self, rate: float) -> None:
        """Set the current lane's rate; if that replaces later epochs, say how to undo it."""
        snapshot = self.sender.snapshot
        if snapshot is None:
            return
        lane, command = snapshot.lanes[self.sender.lane], SetLearningRate(rate)
        if lane.recorded <= snapshot.epoch:
            self.sender.post(command)
            return
        done = f"α {rate:g} from epoch {snapshot.epoch} on"
        tried = self._tried_rates
        if tried and tried == (self.undo.before, lane.number, snapshot.epoch):
            self.sender.post(command)  # the same key again replaces the same epochs
            self.announce(Change(done, tried[0].words))
            return
        before = f"epochs {snapshot.epoch + 1} to {lane.recorded} with α {lane.learning_rate:g}"
        self.discard(command, Change(done, before))
        if self.undo.before:
            self._tried_rates = self.undo.before, lane.number, snapshot.epoch

    def on_panel_wheeled(self, event: PanelWidget.Wheeled) -> None:
        """Zoom at the pointer; if the panel cannot zoom, move the selection."""
        if self.runner:
            factor = _WHEEL**event.up
            if not event.panel.zoom_at(event.x, event.y, factor, self.view):
                self.sender.choose_lane(event.panel.moved(-event.up, self.view))
            self.redraw()

    def on_panel_dragged(self, event: PanelWidget.Dragged) -> None:
        """Move the window with the pointer."""
        if self.runner and event.panel.pan(event.share, self.view):
            self.redraw()

    def on_panel_clicked(self, event: PanelWidget.Clicked) -> None:
        """Let a panel handle a click, and carry out the command that follows from it."""
        if self.runner:
            command = event.panel.click_at(event.x, event.y, self.view)
            if command is not None:
                self.carry_out(command)
            self.redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let arrows move the cursor only while there is one."""
        del parameters
        return action != "move_cursor" or self.board.panel.cursor_on

    def action_move_cursor(self, across: int, down: int) -> None:
        """Move the cursor; the step panel follows its train sample."""
        if self.runner:
            self.sender.choose_lane(self.board.panel.move_cursor(across, down, self.view))
            self.board.step.sample = self.board.points.sample
            self.redraw()


@dataclass(frozen=True, eq=False)
class _Loaded:
    """A run that is ready to show; `note` is a message, or empty."""

    settings: RunSettings
    wanted: RunSettings
    problem: Problem
    runner: Runner
    recorder: Recorder | None
    note: str = ""


@dataclass(frozen=True)
class _Asked:
    """A table without a target: its columns, and notes on them from the first rows, if any."""

    settings: RunSettings
    columns: tuple[str, ...]
    fault: str
    notes: tuple[ColumnNote, ...] = ()
    rows: int = 0


def _first_values(
    settings: RunSettings, missing: TargetMissing
) -> tuple[tuple[ColumnNote, ...], int]:
    """Return notes on a table's columns in its first rows, and the number of these rows.

    Return none if the table has more columns than the list, or if a value cannot be read: after the
    choice of a target, the program reads the whole table and reports the fault.
    """
    if len(missing.columns) > MOST_LISTED:
        return (), 0
    from tui_gd.problems.files import read_columns
    from tui_gd.problems.prepare import count_notes

    with suppress(ProblemError):
        path = files_of(settings.problem)[0]
        table = read_columns(path, settings.drop, settings.reading, first=True)
        return count_notes(table), len(table.values)
    return (), 0


def epochs_in_words(snapshot: Snapshot) -> str:
    """Return the length of a run: `the 100 epochs`, `the start`."""
    if snapshot.newest < 2:
        return "the epoch" if snapshot.newest else "the start"
    return f"the {snapshot.newest} epochs"


def _put_away(runner: Runner, recorder: Recorder) -> None:
    """Write the whole run once it has stopped or failed, and release it."""
    sound = runner.stop(STOP_SECONDS) and not runner.failure
    # a run whose training failed can continue from the part that was kept
    state = RunState.PAUSED if runner.failure else runner.snapshot.state
    snapshot = runner.snapshot
    trainer = runner.trainer if sound else None
    recorder.close(trainer, str(state), snapshot.seed, snapshot.epochs)
