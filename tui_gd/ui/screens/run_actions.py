"""What keys do to the run: training and descent. Each method is an action of the key table."""

import time
from typing import TYPE_CHECKING

import numpy as np
from textual import work
from textual.notifications import SeverityLevel
from textual.screen import Screen

from tui_gd.learning.losses import POSSIBLE, TITLES
from tui_gd.learning.optimizers import OPTIMIZERS
from tui_gd.problems import Problem
from tui_gd.session import commands
from tui_gd.session.settings import RunSettings, Scope, options_of
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.ui.screens.questions import Choice, Prompt, parse_epoch, parse_learning_rate, parse_name
from tui_gd.ui.sender import CommandSender, KeyRepeat

if TYPE_CHECKING:
    from tui_gd.ui.app import GdApp
from dataclasses import replace
from pathlib import Path
from typing import Any

from tui_gd.errors import OutputError, ProblemError
from tui_gd.problems import BUILTIN, SURFACES
from tui_gd.problems.text import safe_text
from tui_gd.session.runner import Runner
from tui_gd.training.checkpoint import Checkpoint
from tui_gd.ui.copying import panel_text, write_panel
from tui_gd.ui.library import PATIENCE_SECONDS, CheckpointTap
from tui_gd.ui.panels.board import Board
from tui_gd.ui.panels.panel import View
from tui_gd.ui.panels.race import Mode
from tui_gd.ui.panels.widget import PanelWidget
from tui_gd.ui.screens.columns import ColumnsScreen, TargetChoice
from tui_gd.ui.screens.exporting import ExportScreen, folder_for
from tui_gd.ui.screens.help import HelpScreen
from tui_gd.ui.screens.runs import RunsScreen

if TYPE_CHECKING:
    from tui_gd.runs.record import RunRecord

# a run of no more epochs than this is slowed down until it takes about so many seconds
WATCHED_EPOCHS = 1000
WATCHED_SECONDS = 3.0
RESCUE_EPOCHS = 10


class TrainingActions(Screen[None]):
    """A screen whose keys steer a run."""

    app: "GdApp"
    problem: Problem

    def __init__(self, settings: RunSettings) -> None:
        super().__init__()
        self.settings = settings
        self.sender = CommandSender()
        self.key_repeat = KeyRepeat(time.monotonic)
        self.checking = False
        self.hidden: set[int] = set()

    @property
    def step_pending(self) -> bool:
        """Whether steps are slow and the one asked for is not on the screen yet."""
        raise NotImplementedError

    def say(self, text: str, *, warning: bool = False) -> None:
        """Show a line for a moment, in place of the one before."""
        self.app.clear_notifications()
        text = self.app.terminal.symbols.spell(text)
        severity: SeverityLevel = "warning" if warning else "information"
        self.notify(text, severity=severity, timeout=5 if warning else 2, markup=False)

    def _say_diverged(self) -> bool:
        """Say why the run cannot go on, if it cannot."""
        snapshot = self.sender.snapshot
        if snapshot is None or snapshot.state is not RunState.DIVERGED:
            return False
        rescue = self.app.key_names.of("rescue")
        self.say(f"diverged at epoch {snapshot.epoch}: {rescue} goes back with α/10", warning=True)
        return True

    # Training

    def action_run_or_pause(self) -> None:
        """Run or pause."""
        snapshot = self.sender.snapshot
        if snapshot and snapshot.state is RunState.RUNNING:
            self.sender.post(commands.Pause())
        elif not self._say_diverged():
            self.sender.post(commands.Resume())

    def action_step(self, epochs: int) -> None:
        """Go some epochs forward."""
        if not self._say_diverged():
            self._step(commands.Step(epochs))

    def action_step_back(self, epochs: int) -> None:
        """Go some epochs back."""
        snapshot = self.sender.snapshot
        if snapshot and snapshot.epoch == 0:
            self.say("this is the first epoch")
        self._step(commands.StepBack(epochs))

    def _step(self, command: commands.Step | commands.StepBack) -> None:
        allowed = self.key_repeat.press(command, pending=self.step_pending)
        if allowed:
            self.sender.post(allowed)

    def action_first(self) -> None:
        """Go to epoch 0."""
        self.sender.post(commands.GoTo(0))

    def action_newest(self) -> None:
        """Go to the newest epoch."""
        self.sender.post(commands.GoTo(None))

    def action_flat_out(self) -> None:
        """Switch between flat out and a pace that can be watched."""
        if snapshot := self.sender.snapshot:
            watched = max(1.0, self.settings.epochs / WATCHED_SECONDS)
            pace = min(watched, WATCHED_EPOCHS / WATCHED_SECONDS) if snapshot.pace is None else None
            self.sender.post(commands.SetPace(pace))
            self.say(f"{pace:.0f} epochs a second" if pace else "flat out")

    @work
    async def action_go_to(self) -> None:
        """Ask for an epoch and go there."""
        if snapshot := self.sender.snapshot:
            question = f"Go to epoch (0 to {snapshot.newest}, or further)"
            epoch = await self.app.push_screen_wait(
                Prompt(question, str(snapshot.epoch), parse_epoch)
            )
            if epoch is not None:
                self.sender.post(commands.GoTo(int(epoch)))

    # Descent

    def action_learning_rate(self, rungs: int) -> None:
        """Move the learning rate on the ladder."""
        self.sender.climb(rungs)

    @work
    async def action_type_learning_rate(self) -> None:
        """Ask for a learning rate."""
        if self.sender.snapshot:
            question = self.app.terminal.symbols.spell("Learning rate α of the current lane")
            shown = f"{self.sender.learning_rate:g}"
            rate = await self.app.push_screen_wait(Prompt(question, shown, parse_learning_rate))
            if rate is not None:
                self.sender.post(commands.SetLearningRate(rate))

    def action_rescue(self) -> None:
        """Go back to before the loss rose, and on with a tenth of the learning rate."""
        snapshot = self.sender.snapshot
        if snapshot is None:
            return
        rate = float(f"{self.sender.learning_rate / 10.0:.12g}")  # 0.003, not 0.00300…04
        goal = rescue_epoch(snapshot)
        self.sender.post(commands.StepBack(snapshot.epoch - goal))
        self.sender.post(commands.SetLearningRate(rate))
        self.say(f"epoch {goal}, α {rate:g}")

    # Lanes

    def action_branch(self) -> None:
        """Branch here into a new lane, which becomes the current one."""
        self.sender.post(commands.Branch())

    @work
    async def action_branch_with(self) -> None:
        """Ask for another optimizer or loss and branch here with it."""
        if snapshot := self.sender.snapshot:
            lane = snapshot.lane
            options = [
                (f"optimizer {name}", f"optimizer {name}: {title}")
                for name, title in OPTIMIZERS.items()
                if name != lane.optimizer.name
            ]
            options += [
                (f"loss {name}", f"loss {name}: {TITLES[name]}")
                for name in POSSIBLE[self.problem.task]
                if name != lane.loss_name
            ]
            question = "Branch here with another"
            answer = await self.app.push_screen_wait(Choice(question, options, options[0][0]))
            if answer is not None:
                kind, _, name = answer.partition(" ")
                optimizer, loss = (name, None) if kind == "optimizer" else (None, name)
                self.sender.post(commands.Branch(optimizer, loss))

    @work
    async def action_name_lane(self) -> None:
        """Ask for a name of the current lane."""
        if snapshot := self.sender.snapshot:
            lane = snapshot.lane
            question = f"Name of lane {lane.name}"
            name = await self.app.push_screen_wait(Prompt(question, lane.name, parse_name))
            if name is not None:
                self.sender.post(commands.RenameLane(lane.number, name))

    def action_hide_lane(self) -> None:
        """Leave the current lane out of the plots when it is not the current one, or no longer."""
        if snapshot := self.sender.snapshot:
            lane = snapshot.lanes[self.sender.lane]
            self.hidden ^= {lane.number}
            hidden = lane.number in self.hidden
            self.say(f"lane {lane.name} is {'hidden' if hidden else 'shown'} beside other lanes")

    def action_close_lane(self) -> None:
        """Drop the current lane."""
        if snapshot := self.sender.snapshot:
            lane = snapshot.lanes[self.sender.lane]
            if len(snapshot.lanes) == 1:
                self.say(f"the last lane stays: {self.app.key_names.of('quit')} quits")
            else:
                self.sender.post(commands.CloseLane(lane.number))
                self.say(f"lane {lane.name} is closed")

    def action_mark(self) -> None:
        """Compare other epochs to this one from now on."""
        if snapshot := self.sender.snapshot:
            self.sender.post(commands.Mark())
            self.say(f"changes are now those since epoch {snapshot.epoch}")

    def action_check_gradient(self) -> None:
        """Hold the gradient against differences of the loss in the step panel, or no longer."""
        self.checking = not self.checking
        self.sender.post(commands.CheckGradient(self.checking))
        self.say("differences of the loss beside g" if self.checking else "the step again")


def rescue_epoch(snapshot: Snapshot) -> int:
    """Return the epoch to go back to: that of the least loss where it has at least doubled since.

    Else ten epochs back, or the first.
    """
    train, usual = snapshot.recent.train, max(0, snapshot.epoch - RESCUE_EPOCHS)
    if not np.isfinite(train).any():
        return usual
    lowest = int(np.nanargmin(train))
    if snapshot.lane.loss > 2.0 * train[lowest]:
        return min(usual, snapshot.recent.first + lowest)
    return usual


# What keys do to begin a run again: from a start, with other settings; and to undo it.


class RestartingActions(TrainingActions):
    """A screen whose keys begin its run again."""

    def begin(self, settings: RunSettings) -> None:
        """Begin a run with other settings on the same problem."""
        raise NotImplementedError

    def action_reset(self) -> None:
        """Go back to the same start."""
        self._begin_anew(commands.Reset())

    def action_new_start(self) -> None:
        """Go to a new random start."""
        self._begin_anew(commands.Reset(new_start=True))

    def carry_out(self, command: commands.Command) -> None:
        """Have done what a panel has led to."""
        if isinstance(command, commands.SetStart):
            self._begin_anew(command)
        else:
            self.sender.post(command)

    def _begin_anew(self, command: commands.Reset | commands.SetStart) -> None:
        """Have the run begun again, and say how to undo it if there was one."""
        snapshot = self.sender.snapshot
        self.sender.post(command)
        if snapshot and snapshot.newest:
            epochs = "epoch" if snapshot.newest == 1 else f"{snapshot.newest} epochs"
            undo = self.app.key_names.of("take_back")
            self.say(f"begun again; {undo} brings back the {epochs} before")

    def action_take_back(self) -> None:
        """Go back to the run before it was begun again, or to the one begun again."""
        snapshot = self.sender.snapshot
        if snapshot is None:
            return
        if snapshot.other_newest is None:
            runs = self.app.key_names.of("kept_runs")
            self.say(f"nothing was begun again; {runs} lists the kept runs")
        else:
            self.sender.post(commands.TakeBack())
            undo = self.app.key_names.of("take_back")
            self.say(f"the run before, up to epoch {snapshot.other_newest}; {undo} swaps again")

    @work
    async def action_choose_loss(self) -> None:
        """Ask for the loss and begin again with it, from the same start."""
        if self.sender.snapshot:
            options = [(name, f"{name}: {TITLES[name]}") for name in POSSIBLE[self.problem.task]]
            now = self.settings.loss_for(self.problem)
            loss = await self.app.push_screen_wait(Choice("Loss", options, now))
            if loss is not None and loss != now:
                self._begin_again(loss=loss)

    @work
    async def action_choose_optimizer(self) -> None:
        """Ask for the optimizer and begin again with it, from the same start."""
        if self.sender.snapshot:
            options = [(name, f"{name}: {title}") for name, title in OPTIMIZERS.items()]
            now = self.sender.snapshot.lane.optimizer.name
            name = await self.app.push_screen_wait(Choice("Optimizer", options, now))
            if name is not None and (name,) != self.settings.optimizer:
                self._begin_again(optimizer=(name,), momentum=None)

    @work
    async def action_choose_problem(self) -> None:
        """Ask for the problem and begin with it."""
        if self.sender.snapshot:
            options = [(name, f"{name}: {one.about}") for name, one in BUILTIN.items()]
            options += [(name, f"{name}: {one.about}") for name, one in SURFACES.items()]
            names = [name for name, _ in options]
            now = self.settings.problem if self.settings.problem in names else names[0]
            name = await self.app.push_screen_wait(Choice("Problem", options, now))
            if name is not None and name != self.settings.problem:
                self._begin_with(name)

    def _begin_with(self, problem: str) -> None:
        """Begin with another problem, with what of the settings goes with it."""
        usual = RunSettings(problem=problem)
        fresh = ["surface", "loss", "init", *options_of(usual, Scope.FILES, Scope.MADE)]
        changes: dict[str, Any] = {}
        if surface := SURFACES.get(problem):
            fresh += [*options_of(usual, Scope.ROWS), "start"]
            changes["alpha"] = (surface.learning_rate or usual.alpha[0],)
        elif self.problem.surface:
            changes["alpha"] = usual.alpha
        changes |= {name: getattr(usual, name) for name in fresh}
        self._begin_again(problem=problem, **changes)

    def _begin_again(self, **changes: Any) -> None:
        """Begin with other settings; lanes keep their learning rates if they can."""
        snapshot = self.sender.snapshot
        assert snapshot
        rates = tuple(lane.learning_rate for lane in snapshot.lanes)
        if len(self.settings.optimizer) > 1:  # each of them descends with each rate
            rates = self.settings.alpha
        changes = {"alpha": rates, "seed": snapshot.seed, **changes}
        self.begin(replace(self.settings, **changes))


# What keys and mouse do to the view: panels, their cursors, zoom and studies.

_WHEEL = 1.25


class ViewingActions(RestartingActions):
    """A screen whose keys choose what is seen of a run."""

    board: Board

    @property
    def view(self) -> View:
        """The run as it is to be drawn now."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw again although the run is where it was."""
        raise NotImplementedError

    def lay_out(self) -> None:
        """Choose the layout for the size, and draw."""
        raise NotImplementedError

    # Panels

    def show_panel(self, name: str) -> None:
        """Show a panel and put the focus on it."""
        self.board.choose(name)
        self.lay_out()
        self.board.focus_panel()

    def action_panel(self, name: str) -> None:
        """Show a panel and put the focus on it."""
        self.show_panel(name)

    def action_focus_panel(self, by: int) -> None:
        """Put the focus on another panel."""
        self.board.choose_next(by)
        self.show_panel(self.board.panel.NAME)

    def action_maximise(self) -> None:
        """Show the focused panel alone."""
        self.board.maximised = not self.board.maximised
        self.lay_out()

    def action_restore(self) -> None:
        """Leave the cursor, else show the whole plot, else show all panels again."""
        if self.board.panel.cursor_on:
            self.board.panel.end_cursor()
            self.redraw()
        elif self.board.panel.restore():
            self.redraw()
        else:
            self.board.maximised = False
            self.lay_out()

    def action_move(self, by: int) -> None:
        """Move the selection in the focused panel: a sample, a row, or the current lane."""
        if self.sender.runner:
            self.sender.choose_lane(self.board.panel.moved(by, self.view))
            self.redraw()

    def action_scroll(self, pages: int) -> None:
        """Scroll the focused panel."""
        self.board.panel.scroll_by(pages)
        self.redraw()

    def action_train_points(self) -> None:
        """Switch between test and train points."""
        panel = self.board.points
        panel.train = not panel.train
        self.redraw()

    def action_theme(self) -> None:
        """Switch between dark and light."""
        self.app.switch_theme()
        self.redraw()

    def action_help(self) -> None:
        """Show the help."""
        self.app.push_screen(HelpScreen(self.app.style, self.app.actions))

    # Curves

    def action_log_axis(self) -> None:
        """Switch the loss axis between linear and logarithmic."""
        self.board.loss.log_axis = not self.board.loss.log_axis
        self.redraw()

    def action_log_epochs(self) -> None:
        """Switch the epoch axis between linear and logarithmic."""
        self.board.loss.log_epochs = not self.board.loss.log_epochs
        self.redraw()

    def action_measure(self) -> None:
        """Draw the loss, the gradient norm or the learning rate."""
        self.board.loss.next_measure()
        self.redraw()

    def action_smooth(self) -> None:
        """Smooth the curves more, or no longer."""
        self.board.loss.smooth()
        self.redraw()

    def action_zoom(self, factor: float) -> None:
        """Zoom in the focused panel, or else in the loss."""
        if self.sender.runner:
            if not self.board.panel.zoom(factor, self.view):
                self.board.loss.zoom(factor, self.view)
            self.redraw()

    def action_pan(self, share: float) -> None:
        """Move the window of the focused panel, or else of the loss."""
        if self.sender.runner:
            if not self.board.panel.pan(share, self.view):
                self.board.loss.pan(share, self.view)
            self.redraw()

    def on_panel_wheeled(self, event: PanelWidget.Wheeled) -> None:
        """Zoom at the pointer; where nothing can be zoomed, move the selection."""
        if self.sender.runner:
            factor = _WHEEL**event.up
            if not event.panel.zoom_at(event.x, event.y, factor, self.view):
                self.sender.choose_lane(event.panel.moved(-event.up, self.view))
            self.redraw()

    def on_panel_dragged(self, event: PanelWidget.Dragged) -> None:
        """Move the window with the pointer."""
        if self.sender.runner and event.panel.pan(event.share, self.view):
            self.redraw()

    def on_panel_clicked(self, event: PanelWidget.Clicked) -> None:
        """Let a panel take a click; what it leads to is done."""
        if self.sender.runner:
            command = event.panel.click_at(event.x, event.y, self.view)
            if command is not None:
                self.carry_out(command)
            self.redraw()

    # The cursor of the focused plot

    def action_cursor(self) -> None:
        """Put a cursor into the focused plot; when there is one, take what it is at."""
        if self.sender.runner is None:
            return
        panel = self.board.panel
        if panel.cursor_on:
            command = panel.confirm(self.view)
            panel.end_cursor()
            if command is not None:
                self.carry_out(command)
        elif not panel.begin_cursor(self.view):
            self.say("no cursor here: loss, data, landscape, network, race, starts have one")
        self.redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let arrows move the cursor only while there is one."""
        del parameters
        return action != "move_cursor" or self.board.panel.cursor_on

    def action_move_cursor(self, across: int, down: int) -> None:
        """Move the cursor; the chosen train sample is the one of the step panel too."""
        if self.sender.runner:
            lanes = self.board.panel.move_cursor(across, down, self.view)
            self.sender.choose_lane(lanes)
            self.board.step.sample = self.board.points.sample
            self.redraw()

    # Studies

    def action_race(self, mode: Mode) -> None:
        """Race learning rates or optimizers from the viewed weights."""
        if self.sender.runner:
            view = self.view
            epoch = self.board.race.start(mode, view)
            self.show_panel("race")
            if epoch != view.snapshot.epoch:
                reset = view.keys.of("reset")
                self.say(f"diverged: racing from epoch {epoch}; {reset} goes back there")

    def action_starts(self) -> None:
        """Show where hundreds of random starts end."""
        self.show_panel("starts")

    @work
    async def action_choose_plane(self) -> None:
        """Ask for the weights of the landscape."""
        if self.sender.runner is None:
            return

        def parse(text: str) -> str:
            if fault := self.board.landscape.choose_plane(text, self.view):
                raise ValueError(fault)
            return text

        question = "Landscape over two weights (x1, bias or 1, 3), or principal"
        if await self.app.push_screen_wait(Prompt(question, "", parse)) is not None:
            self.show_panel("landscape")

    # Numbers

    def _numbers(self) -> str:
        panel = self.board.panel
        return panel_text(self.view, panel.NAME, panel.numbers(self.view))

    def action_copy(self) -> None:
        """Copy the focused panel's numbers to the clipboard of the terminal."""
        if self.sender.runner:
            text = self._numbers()
            self.app.copy_to_clipboard(text)
            self.say(f"copied {len(text.splitlines())} lines of {self.board.panel.NAME}")

    def action_write(self) -> None:
        """Write the focused panel's numbers to a file."""
        if self.sender.runner is None:
            return
        try:
            path = write_panel(self.view, self.board.panel.NAME, self._numbers())
        except OutputError as error:
            self.say(f"cannot write {error}", warning=True)
        else:
            self.say(f"wrote {path}")


# What keys do with kept runs, with exports, and with the columns of a table.

HINT_SECONDS = 10.0


class KeepingActions(ViewingActions):
    """A screen from which kept runs are opened, and whose run is kept and exported.

    `tap` stands between the run's runner and what keeps it. `asked` is the question for a target
    that has been answered, until there is a run.
    """

    def __init__(self, settings: RunSettings) -> None:
        super().__init__(settings)
        self.tap = CheckpointTap()
        self.asked: tuple[RunSettings, tuple[str, ...], str] | None = None

    # The run on the screen

    @property
    def kept_id(self) -> str | None:
        """The id under which the run on the screen is kept, None while it is not."""
        return self.tap.keeper.id if self.tap.keeper else None

    def keep_now(self) -> None:
        """Have the keeper told of all there is of the run; called on a worker thread."""
        if self.tap.keeper:
            self._ask()

    def put_away(self) -> None:
        """Have all of the run kept, once its runner has stopped; may wait for a disk."""
        if self.sender.runner:
            _put_away(self.sender.runner, self.tap)

    @work(thread=True, group="keep")
    def _put_away(self, runner: Runner, tap: CheckpointTap) -> None:
        _put_away(runner, tap)

    def replace_run(self) -> None:
        """Stop the run on the screen, which another takes the place of, and have it kept."""
        if self.sender.runner:
            self.sender.runner.stop()
            if self.tap.keeper:
                self._put_away(self.sender.runner, self.tap)

    def tell(self, fault: str) -> None:
        """Say why a run is not kept; called on any thread."""
        if self.is_attached and self.app.is_running:
            self.app.call_later(self.say, safe_text(fault, None), warning=True)

    def _ask(self) -> Checkpoint | None:
        """Return where the run stands; not on the interface's thread."""
        runner, snapshot = self.sender.runner, self.sender.snapshot
        if runner is None or snapshot is None:
            return None
        return self.tap.ask(lambda: runner.post(commands.SelectLane(snapshot.lane.number)))

    def open_kept(self, run: str) -> None:
        """Go on with a kept run in place of the one on the screen, which stays if that fails."""
        raise NotImplementedError

    # Kept runs

    def action_kept_runs(self) -> None:
        """Browse the kept runs, and go on with one of them if that is the answer."""

        def go_on(run: str | None) -> None:
            if run is not None:
                self.open_kept(run)

        screen = RunsScreen(
            self.app.library, current=lambda: self.kept_id, export=self._export_kept
        )
        self.app.push_screen(screen, go_on)

    # Exports

    def action_export(self) -> None:
        """Ask what is to be exported of the run on the screen, and where to."""
        if self.sender.runner:
            self._export(self.kept_id or "", "this run")

    def _export_kept(self, run: str) -> None:
        self._export(run, run, stored=run != self.kept_id)

    @work
    async def _export(self, run: str, what: str, *, stored: bool = False) -> None:
        from tui_gd.runs.export import KINDS, SCREEN, USUAL

        kinds = [(kind, text) for kind, text in KINDS.items() if kind != SCREEN or not stored]
        folder = folder_for(run if stored else self.settings.problem, "" if stored else run)
        answer = await self.app.push_screen_wait(ExportScreen(what, kinds, USUAL, folder))
        if answer is not None:
            picture = self.app.export_screenshot() if SCREEN in answer[0] else ""
            self.say(f"exporting {what} ...")
            self._write_export(run if stored else "", *answer, picture)

    @work(thread=True, group="export")
    def _write_export(self, run: str, kinds: tuple[str, ...], folder: str, picture: str) -> None:
        from tui_gd.runs.export import export

        try:
            exported = self.app.library.exported(run) if run else self.exported()
            paths = export(exported, kinds, Path(folder).expanduser(), picture=picture)
        except (ProblemError, OutputError) as error:
            said, warning = str(error), True
        except Exception as error:
            # whatever is wrong with an export, the run is not to end because of it
            said, warning = f"cannot export: {type(error).__name__}: {error}", True
        else:
            said = f"wrote {len(paths)} file{'s' if len(paths) > 1 else ''} into {folder}"
            warning = False
        if self.is_attached and self.app.is_running:
            self.app.call_from_thread(self.say, safe_text(said, None), warning=warning)

    def exported(self) -> "RunRecord":
        """Return the run on the screen for an export; not on the interface's thread."""
        from tui_gd.runs.record import RunRecord

        checkpoint, snapshot = self._ask(), self.sender.snapshot
        if checkpoint is None or snapshot is None:
            raise ProblemError("the run does not answer: pause it, and export again")
        return RunRecord(self.settings, self.problem, checkpoint, snapshot.lane.number)

    # Columns

    def action_columns(self) -> None:
        """Show what was done to every column."""
        if self.sender.runner is None:
            return
        if self.problem.surface:
            self.say("a surface has no columns")
        else:
            self.app.push_screen(ColumnsScreen(self.problem, self.settings))

    @work
    async def ask_target(self, settings: RunSettings, columns: tuple[str, ...], fault: str) -> None:
        """Ask which of a table's columns is the target, and load it with that one."""
        name = safe_text(Path(settings.problem).name, None)
        target = await self.app.push_screen_wait(TargetChoice(name, columns))
        self.asked = None if target is None else (settings, columns, fault)
        if target is None:
            self.refuse(fault)
        else:
            self.begin(replace(settings, target=target))

    def refuse(self, fault: str) -> None:
        """Say why a run cannot begin: in the one there is, or on the way out."""
        raise NotImplementedError


def _put_away(runner: Runner, tap: CheckpointTap) -> None:
    """Have all of a run kept that has been stopped, or has failed, and give it back."""
    if tap.keeper:
        sound = runner.stop(PATIENCE_SECONDS) and not runner.failure
        snapshot = runner.snapshot
        trainer = runner.trainer if sound else None
        # a run whose training failed can go on from what was kept of it
        state = RunState.PAUSED if runner.failure else snapshot.state
        tap.keeper.close(trainer, str(state), snapshot.seed)
