"""What keys do with kept runs, with exports, and with the columns of a table."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work

from tui_gd import commands
from tui_gd.errors import OutputError, ProblemError
from tui_gd.learning.standing import Standing
from tui_gd.runner import Runner
from tui_gd.settings import RunSettings
from tui_gd.snapshot import RunState
from tui_gd.ui.copying import harmless
from tui_gd.ui.screens.columns import ColumnsScreen, TargetChoice
from tui_gd.ui.screens.exporting import ExportScreen, folder_for
from tui_gd.ui.screens.runs import RunsScreen
from tui_gd.ui.screens.viewing import ViewingActions
from tui_gd.ui.tap import PATIENCE_SECONDS, StandingTap

if TYPE_CHECKING:
    from tui_gd.runs.exported import Exported

HINT_SECONDS = 10.0


class KeepingActions(ViewingActions):
    """A screen from which kept runs are opened, and whose run is kept and exported.

    `tap` stands between the run's runner and what keeps it. `asked` is the question for a target
    that has been answered, until there is a run.
    """

    def __init__(self, settings: RunSettings) -> None:
        super().__init__(settings)
        self.tap = StandingTap()
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
        if self.steering.runner:
            _put_away(self.steering.runner, self.tap)

    @work(thread=True, group="keep")
    def _put_away(self, runner: Runner, tap: StandingTap) -> None:
        _put_away(runner, tap)

    def replace_run(self) -> None:
        """Stop the run on the screen, which another takes the place of, and have it kept."""
        if self.steering.runner:
            self.steering.runner.stop()
            if self.tap.keeper:
                self._put_away(self.steering.runner, self.tap)

    def tell(self, fault: str) -> None:
        """Say why a run is not kept; called on any thread."""
        if self.is_attached and self.app.is_running:
            self.app.call_later(self.say, harmless(fault), warning=True)

    def _ask(self) -> Standing | None:
        """Return where the run stands; not on the interface's thread."""
        runner, snapshot = self.steering.runner, self.steering.snapshot
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

        screen = RunsScreen(self.app.shelf, current=lambda: self.kept_id, export=self._export_kept)
        self.app.push_screen(screen, go_on)

    # Exports

    def action_export(self) -> None:
        """Ask what is to be exported of the run on the screen, and where to."""
        if self.steering.runner:
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
            exported = self.app.shelf.exported(run) if run else self.exported()
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
            self.app.call_from_thread(self.say, harmless(said), warning=warning)

    def exported(self) -> "Exported":
        """Return the run on the screen for an export; not on the interface's thread."""
        from tui_gd.runs.exported import Exported

        standing, snapshot = self._ask(), self.steering.snapshot
        if standing is None or snapshot is None:
            raise ProblemError("the run does not answer: pause it, and export again")
        return Exported(self.settings, self.problem, standing, snapshot.lane.number)

    # Columns

    def action_columns(self) -> None:
        """Show what was done to every column."""
        if self.steering.runner is None:
            return
        if self.problem.surface:
            self.say("a surface has no columns")
        else:
            self.app.push_screen(ColumnsScreen(self.problem, self.settings))

    @work
    async def ask_target(self, settings: RunSettings, columns: tuple[str, ...], fault: str) -> None:
        """Ask which of a table's columns is the target, and load it with that one."""
        name = harmless(Path(settings.problem).name)
        target = await self.app.push_screen_wait(TargetChoice(name, columns))
        self.asked = None if target is None else (settings, columns, fault)
        if target is None:
            self.refuse(fault)
        else:
            self.begin(replace(settings, target=target))

    def refuse(self, fault: str) -> None:
        """Say why a run cannot begin: in the one there is, or on the way out."""
        raise NotImplementedError


def _put_away(runner: Runner, tap: StandingTap) -> None:
    """Have all of a run kept that has been stopped, or has failed, and give it back."""
    if tap.keeper:
        sound = runner.stop(PATIENCE_SECONDS) and not runner.failure
        snapshot = runner.snapshot
        trainer = runner.trainer if sound else None
        # a run whose training failed can go on from what was kept of it
        state = RunState.PAUSED if runner.failure else snapshot.state
        tap.keeper.close(trainer, str(state), snapshot.seed)
