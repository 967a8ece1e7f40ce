"""What keys do to the run: training and descent. Each method is an action of the key table."""

import time
from typing import TYPE_CHECKING

import numpy as np
from textual import work
from textual.notifications import SeverityLevel
from textual.screen import Screen

from tui_gd import commands
from tui_gd.learning.losses import POSSIBLE, TITLES
from tui_gd.learning.optimizers import OPTIMIZERS
from tui_gd.problems import Problem
from tui_gd.settings import RunSettings
from tui_gd.snapshot import RunState, Snapshot
from tui_gd.ui.holding import Holding
from tui_gd.ui.screens.questions import (
    Choice,
    Prompt,
    parse_epoch,
    parse_learning_rate,
    parse_name,
)
from tui_gd.ui.steering import Steering

if TYPE_CHECKING:
    from tui_gd.ui.app import GdApp

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
        self.steering = Steering()
        self.holding = Holding(time.monotonic)
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
        snapshot = self.steering.snapshot
        if snapshot is None or snapshot.state is not RunState.DIVERGED:
            return False
        rescue = self.app.key_names.of("rescue")
        self.say(f"diverged at epoch {snapshot.epoch}: {rescue} goes back with α/10", warning=True)
        return True

    # Training

    def action_run_or_pause(self) -> None:
        """Run or pause."""
        snapshot = self.steering.snapshot
        if snapshot and snapshot.state is RunState.RUNNING:
            self.steering.post(commands.Pause())
        elif not self._say_diverged():
            self.steering.post(commands.Resume())

    def action_step(self, epochs: int) -> None:
        """Go some epochs forward."""
        if not self._say_diverged():
            self._step(commands.Step(epochs))

    def action_step_back(self, epochs: int) -> None:
        """Go some epochs back."""
        snapshot = self.steering.snapshot
        if snapshot and snapshot.epoch == 0:
            self.say("this is the first epoch")
        self._step(commands.StepBack(epochs))

    def _step(self, command: commands.Step | commands.StepBack) -> None:
        allowed = self.holding.press(command, pending=self.step_pending)
        if allowed:
            self.steering.post(allowed)

    def action_first(self) -> None:
        """Go to epoch 0."""
        self.steering.post(commands.GoTo(0))

    def action_newest(self) -> None:
        """Go to the newest epoch."""
        self.steering.post(commands.GoTo(None))

    def action_flat_out(self) -> None:
        """Switch between flat out and a pace that can be watched."""
        if snapshot := self.steering.snapshot:
            watched = max(1.0, self.settings.epochs / WATCHED_SECONDS)
            pace = min(watched, WATCHED_EPOCHS / WATCHED_SECONDS) if snapshot.pace is None else None
            self.steering.post(commands.SetPace(pace))
            self.say(f"{pace:.0f} epochs a second" if pace else "flat out")

    @work
    async def action_go_to(self) -> None:
        """Ask for an epoch and go there."""
        if snapshot := self.steering.snapshot:
            question = f"Go to epoch (0 to {snapshot.newest}, or further)"
            epoch = await self.app.push_screen_wait(
                Prompt(question, str(snapshot.epoch), parse_epoch)
            )
            if epoch is not None:
                self.steering.post(commands.GoTo(int(epoch)))

    # Descent

    def action_learning_rate(self, rungs: int) -> None:
        """Move the learning rate on the ladder."""
        self.steering.climb(rungs)

    @work
    async def action_type_learning_rate(self) -> None:
        """Ask for a learning rate."""
        if self.steering.snapshot:
            question = self.app.terminal.symbols.spell("Learning rate α of the current lane")
            shown = f"{self.steering.learning_rate:g}"
            rate = await self.app.push_screen_wait(Prompt(question, shown, parse_learning_rate))
            if rate is not None:
                self.steering.post(commands.SetLearningRate(rate))

    def action_rescue(self) -> None:
        """Go back to before the loss rose, and on with a tenth of the learning rate."""
        snapshot = self.steering.snapshot
        if snapshot is None:
            return
        rate = float(f"{self.steering.learning_rate / 10.0:.12g}")  # 0.003, not 0.00300…04
        goal = rescue_epoch(snapshot)
        self.steering.post(commands.StepBack(snapshot.epoch - goal))
        self.steering.post(commands.SetLearningRate(rate))
        self.say(f"epoch {goal}, α {rate:g}")

    # Lanes

    def action_branch(self) -> None:
        """Branch here into a new lane, which becomes the current one."""
        self.steering.post(commands.Branch())

    @work
    async def action_branch_with(self) -> None:
        """Ask for another optimizer or loss and branch here with it."""
        if snapshot := self.steering.snapshot:
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
                self.steering.post(commands.Branch(optimizer, loss))

    @work
    async def action_name_lane(self) -> None:
        """Ask for a name of the current lane."""
        if snapshot := self.steering.snapshot:
            lane = snapshot.lane
            question = f"Name of lane {lane.name}"
            name = await self.app.push_screen_wait(Prompt(question, lane.name, parse_name))
            if name is not None:
                self.steering.post(commands.RenameLane(lane.number, name))

    def action_hide_lane(self) -> None:
        """Leave the current lane out of the plots when it is not the current one, or no longer."""
        if snapshot := self.steering.snapshot:
            lane = snapshot.lanes[self.steering.lane]
            self.hidden ^= {lane.number}
            hidden = lane.number in self.hidden
            self.say(f"lane {lane.name} is {'hidden' if hidden else 'shown'} beside other lanes")

    def action_close_lane(self) -> None:
        """Drop the current lane."""
        if snapshot := self.steering.snapshot:
            lane = snapshot.lanes[self.steering.lane]
            if len(snapshot.lanes) == 1:
                self.say(f"the last lane stays: {self.app.key_names.of('quit')} quits")
            else:
                self.steering.post(commands.CloseLane(lane.number))
                self.say(f"lane {lane.name} is closed")

    def action_mark(self) -> None:
        """Compare other epochs to this one from now on."""
        if snapshot := self.steering.snapshot:
            self.steering.post(commands.Mark())
            self.say(f"changes are now those since epoch {snapshot.epoch}")

    def action_check_gradient(self) -> None:
        """Hold the gradient against differences of the loss in the step panel, or no longer."""
        self.checking = not self.checking
        self.steering.post(commands.CheckGradient(self.checking))
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
