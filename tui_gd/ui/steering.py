"""Sends commands to the runner, and knows where they lead before a snapshot shows it."""

import math

from tui_gd import commands
from tui_gd.runner import Runner
from tui_gd.snapshot import Snapshot
from tui_gd.ui.keys import ladder


class Steering:
    """One run's commands; without a runner they go nowhere.

    Keys come faster than snapshots: lane and learning rate last asked for count until a snapshot
    shows them, so that pressing `+` three times at once climbs three rungs.
    """

    def __init__(self) -> None:
        self.runner: Runner | None = None
        self._lane: int | None = None
        self._rate: float | None = None

    def take(self, runner: Runner) -> None:
        """Steer this runner from now on."""
        self.runner, self._lane, self._rate = runner, None, None

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest snapshot."""
        return self.runner.snapshot if self.runner else None

    def post(self, command: commands.Command) -> None:
        """Have a command carried out."""
        match command:
            case commands.SetLearningRate(rate):
                self._rate = rate
            case commands.SelectLane(lane):
                self._lane, self._rate = lane, None
            case commands.Branch(learning_rate=float()):
                self._rate = None
            case commands.CloseLane() | commands.TakeBack():
                self._lane = self._rate = None
            case commands.StepBack() | commands.GoTo():
                self._rate = None  # another epoch may have another one on record
        if self.runner:
            self.runner.post(command)

    @property
    def lane(self) -> int:
        """The position of the lane that is current once all commands are carried out."""
        snapshot = self.snapshot
        if snapshot is None:
            return 0
        numbers = [lane.number for lane in snapshot.lanes]
        if self._lane not in numbers or self._lane == snapshot.lane.number:
            self._lane = None
            return snapshot.current
        return numbers.index(self._lane)

    @property
    def learning_rate(self) -> float:
        """That lane's learning rate; NaN without a run."""
        snapshot = self.snapshot
        if snapshot is None:
            return math.nan
        shown = snapshot.lanes[self.lane].learning_rate
        if self._rate is None or self._rate == shown:
            self._rate = None
            return shown
        return self._rate

    def climb(self, rungs: int) -> None:
        """Move the learning rate on the ladder 1, 3, 10, as far as numbers go."""
        rate = self.learning_rate
        if 1e-300 < rate < 1e300:
            self.post(commands.SetLearningRate(ladder(rate, rungs)))

    def choose_lane(self, by: int) -> None:
        """Make the lane after the current one the current one, or another one so many further."""
        if snapshot := self.snapshot:
            lane = (self.lane + by) % len(snapshot.lanes)
            if lane != self.lane:
                self.post(commands.SelectLane(snapshot.lanes[lane].number))
