"""Sends commands to the runner, and knows their effect before a snapshot shows it."""

import math
from collections.abc import Callable

from tui_gd.session import commands
from tui_gd.session.commands import Command
from tui_gd.session.runner import Runner
from tui_gd.session.snapshot import Snapshot

# A held key differs from repeated presses by the time between two events.

# a held key repeats every 20 to 90 ms; hardly anybody presses a key again so soon
REPEAT_SECONDS = 0.1


class KeyRepeat:
    """Lets a step key through, unless it is held and the last step is not on the screen yet.

    The second of two quick presses waits until that step is drawn. A third one shows that the key
    is held, and then none waits: when the key is released, the run stops.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: Command | None = None
        self._pressed_at = 0.0
        self._quick = 0
        self._waiting: Command | None = None

    def press(self, command: Command, *, pending: bool) -> Command | None:
        """Return the command to send now; `pending`: a step is slow and not on the screen yet."""
        now = self._clock()
        quick = command == self._last and now - self._pressed_at < REPEAT_SECONDS
        self._quick = self._quick + 1 if quick else 0
        self._last, self._pressed_at = command, now
        waits = pending and self._quick > 0
        if self._quick != 1:
            self._waiting = None
        elif waits:
            self._waiting = command
        return None if waits else command

    def drawn(self) -> Command | None:
        """Return the command that waited until the step was on the screen."""
        command, self._waiting = self._waiting, None
        return command

    def forget(self) -> None:
        """Drop the waiting command, because another run or another command has come."""
        self._waiting = None


class CommandSender:
    """One run's commands; without a runner they go nowhere.

    Keys come faster than snapshots. The lane and the learning rate that were last requested count
    until a snapshot shows them, so three quick presses of `+` climb three rungs.
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
        """Send a command."""
        match command:
            case commands.SetLearningRate(rate):
                self._rate = rate
            case commands.SelectLane(lane):
                self._lane, self._rate = lane, None
            case commands.Branch(learning_rate=float()):
                self._rate = None
            case commands.CloseLane():
                self._lane = self._rate = None
            case commands.StepBack() | commands.GoTo():
                self._rate = None  # another epoch may have another rate on record
        if self.runner:
            self.runner.post(command)

    @property
    def lane(self) -> int:
        """The position of the lane that is current after all commands."""
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
        """The learning rate of that lane; NaN without a run."""
        snapshot = self.snapshot
        if snapshot is None:
            return math.nan
        shown = snapshot.lanes[self.lane].learning_rate
        if self._rate is None or self._rate == shown:
            self._rate = None
            return shown
        return self._rate

    def choose_lane(self, by: int) -> None:
        """Make the lane `by` places after the current one the current lane."""
        if snapshot := self.snapshot:
            lane = (self.lane + by) % len(snapshot.lanes)
            if lane != self.lane:
                self.post(commands.SelectLane(snapshot.lanes[lane].number))
