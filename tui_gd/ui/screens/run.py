"""The screen of a run: status line, panels, keys; commands go to the runner, snapshots come."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui_gd.commands import CheckGradient
from tui_gd.errors import ProblemError
from tui_gd.plots.palette import Palette
from tui_gd.problems import Problem
from tui_gd.runner import Runner
from tui_gd.settings import RunSettings
from tui_gd.snapshot import Snapshot
from tui_gd.ui.keys import ACTIONS, CURSOR_KEYS, target
from tui_gd.ui.layout import SMALLEST
from tui_gd.ui.panels.board import Board
from tui_gd.ui.panels.keysline import KeysLine
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.panels.status import StatusLine
from tui_gd.ui.panels.tiny import TinyPage
from tui_gd.ui.reports import ReportSchedule
from tui_gd.ui.screens.actions import WATCHED_EPOCHS, WATCHED_SECONDS, TrainingActions
from tui_gd.ui.screens.help import HelpScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_gd.report import Report


class RunScreen(TrainingActions):
    """Draws the latest snapshot at the terminal's frame rate and turns keys into commands."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(keys, f"move_cursor{by}", show=False) for keys, by in CURSOR_KEYS.items()),
        *(
            Binding(
                action.keys,
                target(action),
                action.text,
                show=False,
                priority=action.name == "quit",
            )
            for action in ACTIONS
        ),
    ]

    def __init__(self, settings: RunSettings, clock: "Callable[[], float]") -> None:
        super().__init__(settings)
        self.board = Board()
        self._reports = ReportSchedule(clock)
        self._drawn: Snapshot | None = None
        self._stale = True

    def compose(self) -> ComposeResult:
        """Lay out the status line, the panels and the keys."""
        yield StatusLine()
        yield self.board
        yield KeysLine()
        yield TinyPage(SMALLEST)

    @property
    def runner(self) -> Runner | None:
        """What drives the run, once there is one."""
        return self.steering.runner

    # From start to first snapshot

    def on_mount(self) -> None:
        """Begin to draw, and load the problem once the first frame is out."""
        self.board.panel.focus()
        self.set_interval(1.0 / self.app.terminal.fps, self._tick)
        self.call_after_refresh(self.begin, self.settings)

    def begin(self, settings: RunSettings) -> None:
        """Begin a run, on the problem that there is if there is one."""
        self._load(settings)

    @work(thread=True, exclusive=True, group="load")
    def _load(self, settings: RunSettings) -> None:
        """Load the problem and make the runner: scikit-learn is imported here."""
        try:
            same = self.runner and settings.data == self.settings.data
            problem = self.problem if same else settings.load_problem()
            settings = replace(settings, loss=settings.loss_for(problem))
            trainer = settings.make_trainer(problem)
        except ProblemError as error:
            self.app.call_from_thread(self._refuse, str(error))
            return
        pace = settings.epochs / WATCHED_SECONDS if settings.epochs <= WATCHED_EPOCHS else None
        runner = Runner(trainer, settings.epochs, seed=settings.seed, pace=pace)
        self.app.call_from_thread(self._take, settings, problem, runner)

    def _refuse(self, fault: str) -> None:
        """Say why a run cannot begin: in the one there is, or on the way out."""
        if self.runner:
            self.say(fault, warning=True)
        else:
            self.app.give_up(fault)

    def _take(self, settings: RunSettings, problem: Problem, runner: Runner) -> None:
        if self.runner:
            self.runner.stop()
        self.settings, self.problem = settings, problem
        self.steering.take(runner)
        runner.changed = self._changed
        runner.start()
        if self.checking:
            runner.post(CheckGradient(wanted=True))
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
        unchanged = self.runner.snapshot is self._drawn and not self._stale
        # behind a question the run goes on; behind the help it would not be seen
        seen = self.is_active or self.app.screen.is_modal
        if unchanged or not seen or self.board.tiny:
            return
        self.runner.begin_frame()
        self._draw(self.view)
        self.call_after_refresh(self.runner.end_frame)

    def _draw(self, view: View) -> None:
        before, self._drawn, self._stale = self._drawn, view.snapshot, False
        self.query_one(StatusLine).draw_now(view)
        self.board.draw_now(view)
        if self.board.report.display and self._reports.due(self.settings, view.snapshot):
            self._make_report(view)
        if view.snapshot.notice and (before is None or before.notice != view.snapshot.notice):
            self.notify(view.snapshot.notice, severity="error", timeout=10, markup=False)

    def _draw_empty(self) -> None:
        if self._stale:
            self._stale = False
            self.query_one(StatusLine).draw_loading(
                f"loading {self.settings.problem}", self.palette, self.app.terminal.symbols
            )

    def redraw(self) -> None:
        """Draw again although the run is where it was."""
        self._stale = True
        self.query_one(KeysLine).draw_now(self.palette, self.app.terminal.symbols)
        if self.board.tiny:
            self.query_one(TinyPage).draw_now(self.palette, self.app.terminal.symbols)
        self._tick()

    def on_panel_changed(self) -> None:
        """Draw panels again that have another size or focus."""
        self._stale = True
        self.call_later(self._tick)

    def on_screen_resume(self) -> None:
        """Draw what has changed while another screen was shown."""
        self._stale = True

    @work(thread=True, group="report")
    def _make_report(self, view: View) -> None:
        from tui_gd.report import report_on

        report = report_on(view.problem, view.predictor, view.snapshot.lane.weights)
        self.app.call_from_thread(self._show_report, view, report)

    def _show_report(self, view: View, report: "Report") -> None:
        panel = self.board.report
        several = f", lane {view.snapshot.lane.name}" if len(view.snapshot.lanes) > 1 else ""
        panel.report, panel.about = report, f"epoch {view.snapshot.epoch}{several}"
        self._reports.done()
        self._stale = True
        self._tick()

    # Layout

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for the size."""
        del event
        self._arrange()

    def _arrange(self) -> None:
        self.set_class(self.board.fit_to(self.size).tiny, "tiny")
        if self.focused is None and not self.board.tiny:
            self.board.panel.focus()  # hidden in a tiny terminal, it had lost the focus
        self.redraw()

    def _focus_chosen(self) -> None:
        self._arrange()
        self.board.panel.focus()

    # Actions of the view

    def action_log_axis(self) -> None:
        """Switch the loss axis between linear and logarithmic."""
        panel = self.board.loss
        panel.log_axis = not panel.log_axis
        self.redraw()

    def action_train_points(self) -> None:
        """Switch between test and train points."""
        panel = self.board.points
        panel.train = not panel.train
        self.redraw()

    def action_panel(self, name: str) -> None:
        """Show a panel and put the focus on it."""
        self.board.choose(name)
        self._focus_chosen()

    def action_focus_panel(self, by: int) -> None:
        """Put the focus on another panel."""
        self.board.choose_next(by)
        self._focus_chosen()

    def action_move(self, by: int) -> None:
        """Move the selection in the focused panel."""
        self.board.panel.move(by)

    def on_panel_moved(self, event: Panel.Moved) -> None:
        """Move the selection in a panel: a sample, a row, or the current lane."""
        if self.runner:
            self.steering.choose_lane(event.panel.moved(event.by, self.view))
            self.redraw()

    def action_scroll(self, pages: int) -> None:
        """Scroll the focused panel."""
        self.board.panel.scroll_by(pages)
        self.redraw()

    def action_maximise(self) -> None:
        """Show the focused panel alone."""
        self.board.maximised = not self.board.maximised
        self._arrange()

    def action_restore(self) -> None:
        """Leave the cursor, or else show all panels again."""
        if self.board.panel.cursor_on:
            self.board.panel.end_cursor()
            self.redraw()
        else:
            self.board.maximised = False
            self._arrange()

    def action_theme(self) -> None:
        """Switch between dark and light."""
        self.app.switch_theme()
        self.redraw()

    def action_help(self) -> None:
        """Show the help."""
        self.app.push_screen(HelpScreen(self.palette, self.app.terminal.symbols))

    # The cursor of the focused plot

    def action_cursor(self) -> None:
        """Put a cursor into the focused plot, or take it away."""
        if self.board.panel.cursor_on:
            self.board.panel.end_cursor()
        elif self.runner and not self.board.panel.begin_cursor(self.view):
            self.say("the loss and the data can have a cursor")
        self.redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let arrows move the cursor only while there is one."""
        del parameters
        return action != "move_cursor" or self.board.panel.cursor_on

    def action_move_cursor(self, across: int, down: int) -> None:
        """Move the cursor; the chosen train sample is the one of the step panel too."""
        if self.runner:
            self.board.panel.move_cursor(across, down, self.view)
            self.board.step.sample = self.board.points.sample
            self.redraw()
