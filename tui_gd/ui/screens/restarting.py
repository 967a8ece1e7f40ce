"""What keys do to begin a run again: from a start, with other settings; and to undo it."""

from dataclasses import replace
from typing import Any

from textual import work

from tui_gd import commands
from tui_gd.learning.losses import POSSIBLE, TITLES
from tui_gd.learning.optimizers import OPTIMIZERS
from tui_gd.problems import BUILTIN, SURFACES
from tui_gd.settings import OF_DATA, OF_DATA_MADE, OF_FILES, RunSettings
from tui_gd.ui.screens.actions import TrainingActions
from tui_gd.ui.screens.questions import Choice


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
            self.steering.post(command)

    def _begin_anew(self, command: commands.Reset | commands.SetStart) -> None:
        """Have the run begun again, and say how to undo it if there was one."""
        snapshot = self.steering.snapshot
        self.steering.post(command)
        if snapshot and snapshot.newest:
            epochs = "epoch" if snapshot.newest == 1 else f"{snapshot.newest} epochs"
            undo = self.app.key_names.of("take_back")
            self.say(f"begun again; {undo} brings back the {epochs} before")

    def action_take_back(self) -> None:
        """Go back to the run before it was begun again, or to the one begun again."""
        snapshot = self.steering.snapshot
        if snapshot is None:
            return
        if snapshot.other_newest is None:
            runs = self.app.key_names.of("kept_runs")
            self.say(f"nothing was begun again; {runs} lists the kept runs")
        else:
            self.steering.post(commands.TakeBack())
            undo = self.app.key_names.of("take_back")
            self.say(f"the run before, up to epoch {snapshot.other_newest}; {undo} swaps again")

    @work
    async def action_choose_loss(self) -> None:
        """Ask for the loss and begin again with it, from the same start."""
        if self.steering.snapshot:
            options = [(name, f"{name}: {TITLES[name]}") for name in POSSIBLE[self.problem.task]]
            now = self.settings.loss_for(self.problem)
            loss = await self.app.push_screen_wait(Choice("Loss", options, now))
            if loss is not None and loss != now:
                self._begin_again(loss=loss)

    @work
    async def action_choose_optimizer(self) -> None:
        """Ask for the optimizer and begin again with it, from the same start."""
        if self.steering.snapshot:
            options = [(name, f"{name}: {title}") for name, title in OPTIMIZERS.items()]
            now = self.steering.snapshot.lane.optimizer.name
            name = await self.app.push_screen_wait(Choice("Optimizer", options, now))
            if name is not None and (name,) != self.settings.optimizer:
                self._begin_again(optimizer=(name,), momentum=None)

    @work
    async def action_choose_problem(self) -> None:
        """Ask for the problem and begin with it."""
        if self.steering.snapshot:
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
        fresh = ["surface", "loss", "init", *OF_FILES, *OF_DATA_MADE]
        changes: dict[str, Any] = {}
        if surface := SURFACES.get(problem):
            fresh += [*OF_DATA, "start"]
            changes["alpha"] = (surface.learning_rate or usual.alpha[0],)
        elif self.problem.surface:
            changes["alpha"] = usual.alpha
        changes |= {name: getattr(usual, name) for name in fresh}
        self._begin_again(problem=problem, **changes)

    def _begin_again(self, **changes: Any) -> None:
        """Begin with other settings; lanes keep their learning rates if they can."""
        snapshot = self.steering.snapshot
        assert snapshot
        rates = tuple(lane.learning_rate for lane in snapshot.lanes)
        if len(self.settings.optimizer) > 1:  # each of them descends with each rate
            rates = self.settings.alpha
        changes = {"alpha": rates, "seed": snapshot.seed, **changes}
        self.begin(replace(self.settings, **changes))
