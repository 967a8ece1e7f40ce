"""The screen of a run: status line, panels, keys; commands go to the runner, snapshots come."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen

from tui_gd import runner as commands
from tui_gd.learning.losses import POSSIBLE, TITLES
from tui_gd.plots.palette import Palette
from tui_gd.problems import Problem, ProblemError
from tui_gd.runner import Runner, RunState, Snapshot
from tui_gd.settings import RunSettings
from tui_gd.ui.keys import ACTIONS, ladder
from tui_gd.ui.panels.data import DataPanel
from tui_gd.ui.panels.keysline import KeysLine
from tui_gd.ui.panels.loss import LossPanel
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.panels.report import ReportPanel
from tui_gd.ui.panels.status import StatusLine
from tui_gd.ui.panels.step import StepPanel
from tui_gd.ui.panels.tiny import TinyPage
from tui_gd.ui.screens.help import HelpScreen
from tui_gd.ui.screens.questions import Choice, Prompt

if TYPE_CHECKING:
    from tui_gd.report import ClassificationReport
    from tui_gd.ui.app import GdApp

SMALLEST = (40, 12)
STACKED_COLUMNS = 60
WIDE = (100, 24)
PANEL_ROWS = 10
REPORT_SECONDS = 1.0
# a run of no more epochs than this is slowed down until it takes about so many seconds
WATCHED_EPOCHS = 1000
WATCHED_SECONDS = 3.0


class RunScreen(Screen[None]):
    """Draws the latest snapshot at the terminal's frame rate and turns keys into commands."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            action.keys,
            f"app.{action.name}" if action.name in {"quit", "command_palette"} else action.name,
            action.text,
            show=False,
            priority=action.name == "quit",
        )
        for action in ACTIONS
    ]
    app: "GdApp"

    def __init__(self, settings: RunSettings) -> None:
        super().__init__()
        self.settings = settings
        self.runner: Runner | None = None
        self.problem: Problem
        self._panels: tuple[Panel, ...] = (LossPanel(), DataPanel(), ReportPanel(), StepPanel())
        self._maximised = False
        self._shown = 0  # the panel that is shown when not all are
        self._drawn: Snapshot | None = None
        self._stale = True
        self._reported: tuple[object, ...] | None = None
        self._reporting = False
        self._report_at = -math.inf

    def compose(self) -> ComposeResult:
        """Lay out the status line, the panels and the keys."""
        yield StatusLine()
        with Container(id="panels"):
            yield from self._panels
        yield KeysLine()
        yield TinyPage(SMALLEST)

    # From start to first snapshot

    def on_mount(self) -> None:
        """Begin to draw, and load the problem once the first frame is out."""
        self._panels[0].focus()
        self.set_interval(1.0 / self.app.terminal.fps, self._tick)
        self.call_after_refresh(self._load, self.settings)

    @work(thread=True, exclusive=True, group="load")
    def _load(self, settings: RunSettings) -> None:
        """Load the problem and make the runner: scikit-learn is imported here."""
        try:
            problem = self.view.problem if self.runner else settings.load_problem()
            trainer = settings.make_trainer(problem)
        except ProblemError as error:
            self.app.call_from_thread(self.app.give_up, str(error))
            return
        pace = settings.epochs / WATCHED_SECONDS if settings.epochs <= WATCHED_EPOCHS else None
        runner = Runner(trainer, settings.epochs, seed=settings.seed, pace=pace)
        self.app.call_from_thread(self._begin, settings, problem, runner)

    def _begin(self, settings: RunSettings, problem: Problem, runner: Runner) -> None:
        if self.runner:
            self.runner.stop()
        self.settings, self.problem, self.runner = settings, problem, runner
        runner.changed = self._changed
        runner.start()
        self._reported = None
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
            self.palette,
            self.app.terminal.symbols,
        )

    def _changed(self) -> None:
        """Have the new snapshot drawn at once; called on the runner's thread."""
        self.call_later(self._tick)

    def _tick(self) -> None:
        """Draw the latest snapshot if it is not on the screen yet."""
        if self.runner is None:
            self._draw_empty()
            return
        self.runner.want_snapshot()
        snapshot = self.runner.snapshot
        if (snapshot is self._drawn and not self._stale) or not self.is_current:
            return
        self.runner.begin_frame()
        self._draw(self.view)
        self.call_after_refresh(self.runner.end_frame)

    def _draw(self, view: View) -> None:
        before, self._drawn, self._stale = self._drawn, view.snapshot, False
        self.query_one(StatusLine).draw_now(view)
        data = self.query_one(DataPanel)
        data.sample = self.query_one(StepPanel).sample
        for panel in self._panels:
            panel.draw_now(view)
        self._ask_for_report(view)
        if view.snapshot.notice and (before is None or before.notice != view.snapshot.notice):
            self.notify(view.snapshot.notice, severity="error", timeout=10, markup=False)

    def _draw_empty(self) -> None:
        if self._stale:
            self._stale = False
            terminal = self.app.terminal
            self.query_one(StatusLine).draw_loading(
                f"loading {self.settings.problem}", self.palette, terminal.symbols
            )
            self.query_one(KeysLine).draw_now(self.palette, terminal.symbols)

    def redraw(self) -> None:
        """Draw again although the run is where it was."""
        self._stale = True
        self.query_one(KeysLine).draw_now(self.palette, self.app.terminal.symbols)
        self._tick()

    def on_panel_size_changed(self) -> None:
        """Draw panels again that have another size or focus."""
        self._stale = True
        self.call_later(self._tick)

    def on_screen_resume(self) -> None:
        """Draw what has changed while another screen was shown."""
        self._stale = True

    # The report

    def _ask_for_report(self, view: View) -> None:
        """Have a report made: at rest of every epoch, while running once a second."""
        snapshot = view.snapshot
        wanted = (self.settings, snapshot.current, snapshot.epoch, snapshot.lane.learning_rate)
        now = self.app.clock()
        soon = now - self._report_at < REPORT_SECONDS and snapshot.state is RunState.RUNNING
        if self._reporting or soon or not self.query_one(ReportPanel).display:
            return
        key = (*wanted[:3], snapshot.lane.loss)
        if key != self._reported:
            self._reporting, self._reported, self._report_at = True, key, now
            self._make_report(view)

    @work(thread=True, group="report")
    def _make_report(self, view: View) -> None:
        from tui_gd.report import classification

        predicted = view.predictor.predict(view.snapshot.lane.weights, view.problem.x_test)
        report = classification(view.problem, predicted)
        self.app.call_from_thread(self._show_report, view, report)

    def _show_report(self, view: View, report: "ClassificationReport") -> None:
        panel = self.query_one(ReportPanel)
        several = f" · lane {view.snapshot.lane.name}" if len(view.snapshot.lanes) > 1 else ""
        panel.report, panel.about = report, f"epoch {view.snapshot.epoch}{several}"
        self._reporting = False
        self._stale = True
        self._tick()

    # Layout

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for the size."""
        del event
        self._arrange()

    def _arrange(self) -> None:
        """All panels where there is room, else as many on top of each other as fit."""
        width, height = self.size
        tiny = width < SMALLEST[0] or height < SMALLEST[1]
        self.set_class(tiny, "tiny")
        if tiny:
            self.query_one(TinyPage).draw_now(self.palette, self.app.terminal.symbols)
            return
        wide = width >= WIDE[0] and height >= WIDE[1] and not self._maximised
        fitting = max(1, (height - 2) // PANEL_ROWS) if width >= STACKED_COLUMNS else 1
        count = len(self._panels) if wide else 1 if self._maximised else fitting
        first = self._shown // count * count
        box = self.query_one("#panels")
        box.set_class(wide, "wide")
        box.set_class(not wide, "stacked")
        for number, panel in enumerate(self._panels):
            panel.display = first <= number < first + count
        self.redraw()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember which panel has the focus."""
        if event.widget in self._panels:
            self._shown = self._panels.index(event.widget)  # type: ignore[arg-type]

    def _show(self, number: int) -> None:
        self._shown = number
        self._arrange()
        self._panels[number].focus()

    @property
    def _focused(self) -> Panel:
        return self._panels[self._shown]

    # Actions: training

    def _post(self, command: commands.Command) -> None:
        if self.runner:
            self.runner.post(command)

    @property
    def _snapshot(self) -> Snapshot | None:
        return self.runner.snapshot if self.runner else None

    def _say_diverged(self) -> bool:
        """Say why the run cannot go on, if it cannot."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.state is not RunState.DIVERGED:
            return False
        self.notify(
            f"diverged at epoch {snapshot.epoch}: step back (,) and lower alpha (-)",
            severity="warning",
            markup=False,
        )
        return True

    def action_run_or_pause(self) -> None:
        """Run or pause."""
        if self._snapshot and self._snapshot.state is RunState.RUNNING:
            self._post(commands.Pause())
        elif not self._say_diverged():
            self._post(commands.Resume())

    def action_step(self, epochs: int) -> None:
        """Go some epochs forward."""
        if not self._say_diverged():
            self._post(commands.Step(epochs))

    def action_step_back(self, epochs: int) -> None:
        """Go some epochs back."""
        if self._snapshot and self._snapshot.epoch == 0:
            self.notify("this is the first epoch", timeout=2)
        self._post(commands.StepBack(epochs))

    def action_first(self) -> None:
        """Go to epoch 0."""
        self._post(commands.GoTo(0))

    def action_newest(self) -> None:
        """Go to the newest epoch."""
        self._post(commands.GoTo(None))

    def action_flat_out(self) -> None:
        """Switch between flat out and a pace that can be watched."""
        if snapshot := self._snapshot:
            watched = max(1.0, self.settings.epochs / WATCHED_SECONDS)
            pace = min(watched, WATCHED_EPOCHS / WATCHED_SECONDS) if snapshot.pace is None else None
            self._post(commands.SetPace(pace))
            self.notify(f"{pace:.0f} epochs a second" if pace else "flat out", timeout=2)

    @work
    async def action_go_to(self) -> None:
        """Ask for an epoch and go there."""
        if snapshot := self._snapshot:
            question = f"Go to epoch (0 to {snapshot.newest}, or further)"
            epoch = await self.app.push_screen_wait(
                Prompt(question, str(snapshot.epoch), parse_epoch)
            )
            if epoch is not None:
                self._post(commands.GoTo(int(epoch)))

    # Actions: descent

    def action_learning_rate(self, rungs: int) -> None:
        """Move the learning rate on the ladder."""
        if snapshot := self._snapshot:
            self._set_learning_rate(ladder(self._wanted_rate(snapshot), rungs))

    def _wanted_rate(self, snapshot: Snapshot) -> float:
        """The rate last asked for, which a snapshot under way does not show yet."""
        return snapshot.lane.learning_rate

    def _set_learning_rate(self, rate: float) -> None:
        if 0 < rate < math.inf:
            self._post(commands.SetLearningRate(rate))

    @work
    async def action_type_learning_rate(self) -> None:
        """Ask for a learning rate."""
        if snapshot := self._snapshot:
            shown = f"{snapshot.lane.learning_rate:g}"
            rate = await self.app.push_screen_wait(
                Prompt("Learning rate α", shown, parse_learning_rate)
            )
            if rate is not None:
                self._set_learning_rate(rate)

    def action_branch(self) -> None:
        """Branch here into a new lane, which becomes the current one."""
        self._post(commands.Branch())

    def action_reset(self) -> None:
        """Go back to the same start."""
        self._post(commands.Reset())

    def action_new_start(self) -> None:
        """Go to a new random start."""
        self._post(commands.Reset(new_start=True))

    @work
    async def action_choose_loss(self) -> None:
        """Ask for the loss and begin again with it, from the same start."""
        if snapshot := self._snapshot:
            options = [
                (name, f"{name}: {TITLES[name]}") for name in POSSIBLE[self.problem.task]
            ]
            loss = await self.app.push_screen_wait(Choice("Loss", options, self.settings.loss))
            if loss is not None and loss != self.settings.loss:
                rates = tuple(lane.learning_rate for lane in snapshot.lanes)
                self._load(replace(self.settings, loss=loss, alpha=rates, seed=snapshot.seed))

    # Actions: view

    def action_log_axis(self) -> None:
        """Switch the loss axis between linear and logarithmic."""
        panel = self.query_one(LossPanel)
        panel.log_axis = not panel.log_axis
        self.redraw()

    def action_train_points(self) -> None:
        """Switch between test and train points."""
        panel = self.query_one(DataPanel)
        panel.train = not panel.train
        self.redraw()

    def action_panel(self, name: str) -> None:
        """Show a panel and put the focus on it."""
        self._show([panel.NAME for panel in self._panels].index(name))

    def action_focus_panel(self, by: int) -> None:
        """Put the focus on another panel."""
        self._show((self._shown + by) % len(self._panels))

    def action_move(self, by: int) -> None:
        """Move the selection in the focused panel."""
        if self.runner:
            lane = self._focused.move(by, self.view)
            if lane is not None and lane != self.runner.snapshot.current:
                self._post(commands.SelectLane(lane))
            self.redraw()

    def action_maximise(self) -> None:
        """Show the focused panel alone."""
        self._maximised = not self._maximised
        self._arrange()

    def action_restore(self) -> None:
        """Show all panels again."""
        self._maximised = False
        self._arrange()

    def action_theme(self) -> None:
        """Switch between dark and light."""
        self.app.switch_theme()
        self.redraw()

    def action_help(self) -> None:
        """Show the help."""
        self.app.push_screen(HelpScreen(self.palette, self.app.terminal.symbols))


def parse_learning_rate(text: str) -> float:
    """Return a positive finite number; `ValueError` says what is wrong."""
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise ValueError("not a positive number")
    return rate


def parse_epoch(text: str) -> float:
    """Return a whole number from 0; `ValueError` says what is wrong."""
    if not (text.isdecimal() and text.isascii()):
        raise ValueError("not a whole number from 0")
    return int(text)
