"""The screen of a run: commands go to the runner, snapshots come back and are drawn.

What keys do stands in `actions.py`.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
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
from tui_gd.lessons.player import Player, seed_of
from tui_gd.lessons.replay import LessonRun, start_of
from tui_gd.problems import Problem
from tui_gd.problems.text import safe_text
from tui_gd.runs.record import RunRecord
from tui_gd.runs.recorder import Recorder
from tui_gd.runs.resume import resume
from tui_gd.runs.share import open_line
from tui_gd.runs.steps import Shared, replay
from tui_gd.runs.store import Store
from tui_gd.session.commands import CheckGradient, Command, LookAt, Reset, SetStart
from tui_gd.session.runner import Runner
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.training.trainer import Trainer
from tui_gd.ui.cellview import CellView
from tui_gd.ui.context import Beginning, Context
from tui_gd.ui.keys import CURSOR_KEYS, target
from tui_gd.ui.panels import lines
from tui_gd.ui.panels.board import LESSON_ROWS, SMALLEST, Board
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.panels.widget import LinesWidget, PanelWidget
from tui_gd.ui.screens.lesson import Guide, LessonBox, guide_for
from tui_gd.ui.screens.questions import Choice
from tui_gd.ui.sender import CommandSender, KeyRepeat
from tui_gd.ui.studies import Progress, Studies, Study
from tui_gd.ui.textual_fixes.app import PacedApp
from tui_gd.ui.textual_fixes.flow import paint_now

# after a frame, training runs alone for so many times as long as the frame took …
FRAME_REST = 4.0
# … but for no longer than this, in seconds
LONGEST_REST = 0.25
# the thread that writes a frame gets the interpreter lock before training does
WRITING_SECONDS = 0.0002
FAILED = "\nThe run is kept up to here. {quit} quits, and prints what to report."
FAILED_SECONDS = 3600.0
HINT_SECONDS = 10.0
# if a step takes so many seconds, a held key makes no more steps than are drawn
SLOW_STEP_SECONDS = 0.01
# a pass over the data, which stopping may have to wait for, may take so long
STOP_SECONDS = 30.0
# a run of no more epochs than this is slowed down until it takes about so many seconds
WATCHED_EPOCHS = 1000
WATCHED_SECONDS = 3.0
_WHEEL = 1.25
# while a run goes on, a task is looked at for being done no more often than this, in seconds
LESSON_SECONDS = 0.3


class RunScreen(Screen[None]):
    """Draws the latest snapshot at the terminal's frame rate, and owns what drives the run.

    `recorder` keeps the run, if it is kept; `hidden` are the numbers of the lanes that plots leave
    out; `asked` is the question for a target column that was answered, until a run has begun.
    """

    app: PacedApp[str]
    problem: Problem
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, f"move_cursor{by}", show=False) for keys, by in CURSOR_KEYS.items()
    ]

    def __init__(self, context: Context, settings: RunSettings, beginning: Beginning) -> None:
        super().__init__()
        self.context, self.settings = context, settings
        self._beginning = beginning
        cursor = ",".join(CURSOR_KEYS).split(",")
        for action in context.actions:
            for key in action.keys.split(","):
                if key not in cursor:  # Textual's own binding of tab would come first
                    self._bindings.key_to_bindings.pop(key, None)
            if action.keys:  # all of a screen's own, after those of the cursor
                self._bindings.bind(
                    action.keys, target(action), show=False, priority=action.name == "quit"
                )
        self.board = Board()
        self._top, self._status = LinesWidget("top"), LinesWidget("status")
        self._verdict, self._tabs = LinesWidget("verdict"), LinesWidget("tabs")
        self._keys, self._tiny = LinesWidget("keys"), LinesWidget("tiny")
        self._lesson_box = LessonBox()
        self.guide: Guide | None = None
        self.studies = Studies(time.monotonic)
        self.sender, self.key_repeat = CommandSender(), KeyRepeat(time.monotonic)
        self.recorder: Recorder | None = None
        self.asked: tuple[RunSettings, tuple[str, ...], str] | None = None
        self.hidden: set[int] = set()
        self.checking = self.metered = False
        self._drawn: Snapshot | None = None
        self._stale = True
        self._wanted_look: LookAt | None = None
        self._rests_until = -math.inf
        self._waiting = False
        self._lesson_looked = -math.inf
        self.left_lesson: Player | None = None

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
        """What drives the run, once there is one."""
        return self.sender.runner

    def say(self, text: str, *, warning: bool = False) -> None:
        """Show a line for a moment, in place of the one before."""
        self.app.clear_notifications()
        text = self.context.terminal.symbols.spell(safe_text(text, None))
        severity: SeverityLevel = "warning" if warning else "information"
        self.notify(text, severity=severity, timeout=5 if warning else 2, markup=False)

    def say_from_thread(self, text: str, *, warning: bool = True) -> None:
        """Show a line; called on any thread, also after the screen has gone."""
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

    def begin(self, settings: RunSettings) -> None:
        """Begin a run, on the data that is loaded if the settings name the same."""
        self._load(settings, None)

    @work(thread=True, exclusive=True, group="load")
    def _load(self, settings: RunSettings, shared: Shared | None) -> None:
        """Load the problem and make the runner: scikit-learn is imported here."""
        try:
            same = self.runner and settings.data == self.settings.data
            problem = self.problem if same else settings.load_problem()
            problem.check_dense()
            settings = settings.resolved(problem)
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
        recorder, goal = None, shared.last_epoch if shared else settings.epochs
        if self._beginning.keep:
            path = self.context.library
            recorder = Recorder(settings, problem, path=path, goal=goal, warn=self.say_from_thread)
        seed = shared.newest_seed if shared else settings.seed
        runner = _runner(trainer, settings, recorder, seed=seed, goal=goal)
        self.app.call_from_thread(self._take, settings, problem, runner, recorder)

    @work(thread=True, exclusive=True, group="load")
    def open_kept(self, run: str) -> None:
        """Go on with a kept run in place of the one on the screen, which stays if that fails."""
        if self.runner and self.recorder:
            self.runner.checkpoint()  # by then the recorder has everything that is new
        try:
            with self.context.open_library() as store:
                kept = resume(store, run, bounded=True)
        except (ProblemError, OutputError) as error:
            self.app.call_from_thread(self.refuse, str(error))
            return
        settings = replace(kept.settings, loss=kept.settings.loss_for(kept.problem))
        recorder = kept.recorder(warn=self.say_from_thread)
        runner = _runner(kept.trainer, settings, recorder, seed=kept.seed, goal=kept.goal)
        self.app.call_from_thread(self._take, settings, kept.problem, runner, recorder, kept.note)

    def refuse(self, fault: str) -> None:
        """Say why a run cannot begin: over the run on the screen, or on the way out."""
        if self.runner:
            self.say(fault, warning=True)
        elif self.asked is not None:  # it was the wrong column
            self.say(fault, warning=True)
            self.ask_target(*self.asked)
        else:
            self.app.exit(fault, return_code=2)

    @work
    async def ask_target(self, settings: RunSettings, columns: tuple[str, ...], fault: str) -> None:
        """Ask which of a table's columns is the target, and load the table with that one."""
        name = safe_text(Path(settings.problem).name, None)
        question = f"target: which column of {name}?"
        options = [(column, column) for column in columns]
        target = await self.app.push_screen_wait(Choice(question, options, find=True))
        self.asked = None if target is None else (settings, columns, fault)
        if target is None:
            self.refuse(fault)
        else:
            self.begin(replace(settings, target=target))

    def _take(
        self,
        settings: RunSettings,
        problem: Problem,
        runner: Runner,
        recorder: Recorder | None,
        note: str = "",
    ) -> None:
        """Show a run in place of the one on the screen."""
        fresh = self.runner is None or problem is not self.problem
        if self.runner:
            self.runner.stop()
            if self.recorder:
                self._put_away(self.runner, self.recorder)
            if fresh:
                self.studies.stop()
                self.board.forget()
        self.settings, self.problem = settings, problem
        self.recorder, self.asked = recorder, None
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
        for hint in (offer, note, *problem.hints) if fresh else ():
            if hint:
                self.notify(safe_text(hint, None), timeout=HINT_SECONDS, markup=False)
        self._stale = True
        self._tick()
        if self.guide:
            self._lesson_box.focus()

    # Keeping

    @property
    def kept_id(self) -> str | None:
        """The id under which the run on the screen is kept, None while it is not."""
        return self.recorder.id if self.recorder else None

    def put_away(self) -> None:
        """Write the whole run, once its runner has stopped; may wait for a disk."""
        if self.runner and self.recorder:
            _put_away(self.runner, self.recorder)

    @work(thread=True, group="keep")
    def _put_away(self, runner: Runner, recorder: Recorder) -> None:
        _put_away(runner, recorder)

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
        """The run as it is to be drawn now."""
        assert self.runner
        return View(
            self.runner.snapshot,
            self.problem,
            self.runner.predictor,
            self.settings,
            self.context.style,
            self.runner.make_engine,
            frozenset(self.hidden),
            self.context.keys,
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
        if paint_now(self, CellView):
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

    def _sent(self, view: View) -> str:
        """Return what is sent to the terminal: a second while running, in all at rest."""
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
        footer = lines.footer_of(self.board.panel, view)
        self._keys.show_lines(lines.draw_footer(footer, keys, style, columns))

    def _draw_empty(self) -> None:
        if self._stale:
            self._stale = False
            text, columns = f"loading {self.settings.problem}", self.size.width
            self._status.show_lines(lines.draw_text(text, self.context.style, columns))

    def redraw(self) -> None:
        """Draw again although the run is where it was."""
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

    # The lesson

    def open_lesson(self, player: Player, line: str) -> None:
        """Begin a lesson, or go on with it where the share line `line` leads."""
        try:
            shared = open_line(line) if line else start_of(player.lesson, seed_of(player.name))
            self.guide = guide_for(player, self.context.keys)
        except ProblemError as error:
            self.refuse(str(error))
            return
        self._lesson_box.guide = self.guide
        for panel in reversed(player.lesson.panels):
            self.board.choose(panel)
        self._load(shared.settings, shared)

    def close_lesson(self) -> None:
        """Leave the lesson; the run goes on."""
        if self.guide:
            where = self.context.keys.of("lesson")
            self.say(f"{self.guide.lesson.title}: saved; {where} comes back to it")
            self.left_lesson = self.guide.player
        self.guide = self._lesson_box.guide = None
        self.board.focus_panel()
        self.lay_out()

    def _guide(self, view: View) -> None:
        """Have the run looked at where the lesson waits for it."""
        guide = self.guide
        if guide is None or guide.busy or not (guide.wants_text or guide.watches):
            return
        resting = view.snapshot.state is not RunState.RUNNING
        if guide.wants_text and resting:
            self._ask_run(guide, partial(guide.read, self.context.style), self._show_lesson)
        elif guide.watches and time.monotonic() > self._lesson_looked + LESSON_SECONDS:
            self._lesson_looked = time.monotonic()
            self._ask_run(guide, guide.look, self._lesson_looked_at)

    def _lesson_looked_at(self, done: object) -> None:
        if done:
            self._save_lesson()
        self._show_lesson(done)

    @work(thread=True, group="lesson", description="lesson")
    def _ask_run(
        self, guide: Guide, work: Callable[[LessonRun], object], then: Callable[[object], None]
    ) -> None:
        """Do some work on a copy of the run, then something with its result."""
        runner, guide.busy = self.runner, True
        assert runner
        try:
            with computing():
                run = guide.run_at(runner, self.settings, self.problem)
                result = work(run) if run is not None else None
        except ProblemError as error:
            self.say_from_thread(str(error))
            return
        finally:
            guide.busy = False
        self.app.call_from_thread(then, result)

    def _show_lesson(self, _: object = None) -> None:
        """Draw the lesson's box, which may have another height now."""
        if self.guide is None:
            return
        style = self.context.style
        rows = self.guide.picture(style).rows(self.size.width, style.symbols)
        if self._lesson_box.styles.height is None or self._lesson_box.size.height != rows:
            self._lesson_box.styles.height = rows
            self.call_after_refresh(self.lay_out)
        self._lesson_box.draw_now(style)
        self._stale = True

    def on_lesson_box_answered(self, event: LessonBox.Answered) -> None:
        """Judge an answer by a copy of the run; once it is given, the run does what was asked."""
        guide = self.guide
        if guide is None or guide.busy:
            return

        def answered(done: object) -> None:
            if done:
                for order in guide.player.step.then:
                    self.sender.post(order.command())
                self._save_lesson()
            self._show_lesson()

        self._ask_run(guide, partial(guide.judge, event.text), answered)

    def on_lesson_box_asked(self, event: LessonBox.Asked) -> None:
        """Go on, skip, give a hint, or leave."""
        guide = self.guide
        if guide is None:
            return
        match event.what:
            case "leave":
                self._save_lesson()
                self.close_lesson()
                return
            case "next" if guide.player.finished:
                self.close_lesson()
                return
            case "next" | "skip":
                moved = guide.player.next() if event.what == "next" else guide.player.skip()
                if moved:
                    if panel := guide.player.step.panel:
                        self.board.choose(panel)
                        self.lay_out()
                    self._save_lesson()
            case "hint":
                guide.player.hint()
        self._show_lesson()
        self._tick()

    def _save_lesson(self) -> None:
        guide = self.guide
        if guide is None or not self._beginning.keep:
            return

        def write(run: LessonRun) -> None:
            with Store(self.context.library, create=True) as store:
                guide.save(store, run)

        self._ask_run(guide, write, lambda _: None)

    # Layout

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for the size."""
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
        if self.focused is None and not self.board.tiny:
            self.board.focus_panel()  # hidden in a tiny terminal, it had lost the focus
        self.redraw()

    # The panels: what they ask for, and the cursor of the focused one

    def show_panel(self, name: str) -> None:
        """Show a panel and put the focus on it."""
        self.board.choose(name)
        self.lay_out()
        self.board.focus_panel()

    def carry_out(self, command: Command) -> None:
        """Send a command that a key or a panel leads to; say how to undo what it discards."""
        snapshot = self.sender.snapshot
        self.sender.post(command)
        if isinstance(command, Reset | SetStart) and snapshot and snapshot.newest:
            epochs = "epoch" if snapshot.newest == 1 else f"{snapshot.newest} epochs"
            undo = self.context.keys.of("take_back")
            self.say(f"begun again; {undo} brings back the {epochs} before")

    def on_panel_wheeled(self, event: PanelWidget.Wheeled) -> None:
        """Zoom at the pointer; where nothing can be zoomed, move the selection."""
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
        """Let a panel handle a click, and carry out the command that it leads to."""
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
        """Move the cursor; the step panel follows the train sample chosen with it."""
        if self.runner:
            self.sender.choose_lane(self.board.panel.move_cursor(across, down, self.view))
            self.board.step.sample = self.board.points.sample
            self.redraw()


def _runner(
    trainer: Trainer, settings: RunSettings, recorder: Recorder | None, *, seed: int, goal: int
) -> Runner:
    """Return what is to drive a run up to epoch `goal`; a short run at a pace to be watched."""
    pace = settings.epochs / WATCHED_SECONDS if settings.epochs <= WATCHED_EPOCHS else None
    record = recorder.take if recorder else None
    extension = settings.epochs
    return Runner(trainer, goal, seed=seed, pace=pace, record=record, extension=extension)


def _put_away(runner: Runner, recorder: Recorder) -> None:
    """Have the whole run written once it has stopped or failed, and release it."""
    sound = runner.stop(STOP_SECONDS) and not runner.failure
    # a run whose training failed can go on from what was kept of it
    state = RunState.PAUSED if runner.failure else runner.snapshot.state
    snapshot = runner.snapshot
    trainer = runner.trainer if sound else None
    recorder.close(trainer, str(state), snapshot.seed, snapshot.epochs)
