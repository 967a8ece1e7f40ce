"""History: the lanes of a run, what every epoch left behind, and what was done to them."""

from dataclasses import dataclass

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.learning.optimizers import Optimizer
from tui_gd.training.keyframes import Keyframes
from tui_gd.training.series import Series

# where old epochs are gone back to, so many before them are computed again too, or fewer
RECENT_EPOCHS = 512


@dataclass(frozen=True, slots=True)
class SetLearningRate:
    """From `epoch` on, lane number `lane` descends with `learning_rate`."""

    epoch: int
    lane: int
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Branch:
    """At `epoch` lane number `parent` was copied into lane number `lane`.

    From there on that has another optimizer or another loss, where one is named.
    """

    epoch: int
    parent: int
    lane: int
    optimizer: str | None = None
    loss: str | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """At `epoch` lane number `lane` was dropped."""

    epoch: int
    lane: int


@dataclass(frozen=True, slots=True)
class Reset:
    """At `epoch` all lanes went back to epoch 0: to the same start, or to the one of `seed`.

    Lane number `lane` went to `weights` instead, where these are given.
    """

    epoch: int
    seed: int | None
    lane: int | None = None
    weights: tuple[float, ...] | None = None


Entry = SetLearningRate | Branch | Close | Reset


@dataclass(frozen=True, slots=True)
class Method:
    """How a lane descends from epoch `since` on: by `optimizer`, on the loss of that name."""

    since: int
    optimizer: Optimizer
    loss: str


@dataclass(slots=True)
class Lane:
    """One line of descent: where it comes from, by which methods and rates it descends.

    `number` is its own for the whole run, `parent` the number of the lane it branched from.
    `methods` are in order of their first epochs: the first one's is 0. `rates` are (epoch, learning
    rate) in order of the epoch: the first is at epoch 0, each holds for the updates from its epoch
    on. `recorded` is the last epoch on record; `diverged` is the epoch whose update would have made
    a weight or the loss infinite or not a number. `proposed` is (epoch, learning rate) wanted from
    an epoch that has later ones on record: these are replaced only when the run goes on from there.
    """

    number: int
    name: str
    rates: list[tuple[int, float]]
    methods: list[Method]
    parent: int | None = None
    branched_at: int = 0
    recorded: int = 0
    diverged: int | None = None
    proposed: tuple[int, float] | None = None

    def rate_at(self, epoch: int) -> float:
        """Return the learning rate of the update from `epoch` to the next."""
        return next(rate for start, rate in reversed(self.rates) if start <= epoch)

    def shown_rate(self, epoch: int) -> float:
        """Return the learning rate that the next update from `epoch` would have."""
        if self.proposed and self.proposed[0] == epoch:
            return self.proposed[1]
        return self.rate_at(epoch)

    def method_at(self, epoch: int) -> Method:
        """Return the method of the update from `epoch` to the next."""
        return next(method for method in reversed(self.methods) if method.since <= epoch)

    def next_change(self, epoch: int) -> float:
        """Return the first epoch after `epoch` at which rate or method changes, or infinity."""
        starts = [start for start, _ in self.rates] + [method.since for method in self.methods]
        return min((start for start in starts if start > epoch), default=float("inf"))

    def set_rate(self, epoch: int, rate: float) -> None:
        """Let the lane descend with `rate` from `epoch` on, whatever was set for later."""
        self.rates = [(start, old) for start, old in self.rates if start < epoch]
        if not self.rates or self.rates[-1][1] != rate:
            self.rates.append((epoch, rate))


def lane_name(number: int) -> str:
    """Return the name that the lane of that number gets by itself: A, B, …, Z, AA, AB, …."""
    name, number = "", number + 1
    while number:
        number, letter = divmod(number - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


class History:
    """All of a run's epochs: the lanes, their numbers, the keyframes, and what was done to them.

    A lane's place among `lanes` is its position; it changes when a lane before it is closed.
    With `keep_epochs` so many newest epochs keep all their numbers, older ones some: see `Series`.
    """

    def __init__(
        self,
        start: Floats,
        lanes: list[Lane],
        keyframes: Keyframes | None = None,
        keep_epochs: int | None = None,
    ) -> None:
        self.lanes = lanes
        self.train_loss = Series(len(lanes), keep_epochs)
        self.test_loss = Series(len(lanes), keep_epochs)
        self.norms = Series(len(lanes), keep_epochs)
        self.cosines = Series(len(lanes), keep_epochs)
        self.keyframes = keyframes or Keyframes(start)
        self.entries: list[Entry] = []

    @property
    def series(self) -> dict[str, Series]:
        """What is kept of every epoch, by name."""
        return {
            "train": self.train_loss,
            "test": self.test_loss,
            "norm": self.norms,
            "cosine": self.cosines,
        }

    @property
    def newest(self) -> int:
        """The last epoch that any lane has on record."""
        return max(lane.recorded for lane in self.lanes)

    @property
    def common(self) -> int:
        """The last epoch that all lanes have on record."""
        return min(lane.recorded for lane in self.lanes)

    def keyframe_before(self, epoch: int) -> tuple[int, Floats]:
        """Return the last keyframe at or before `epoch` that is of all lanes: epoch and state."""
        return self.keyframes.before(min(epoch, self.common))

    def replayed_from(self, epoch: int) -> int:
        """Return from which epoch on numbers are wanted of who goes to `epoch`.

        Where the record was thinned, those before `epoch` say how the run came there. There are as
        many again to be computed as keyframes lie apart, or twice as many, so that it takes up to
        three times as long.
        """
        if epoch >= self.train_loss.whole:
            return epoch
        return max(0, epoch - min(RECENT_EPOCHS, 2 * self.keyframes.stride))

    def set_rate(self, lane: int, epoch: int, rate: float) -> None:
        """Let a lane descend with `rate` from `epoch` on; what it has after `epoch` is dropped."""
        self.lanes[lane].set_rate(epoch, rate)
        self.entries.append(SetLearningRate(epoch, self.lanes[lane].number, rate))
        self.forget(lane, epoch)

    def forget(self, lane: int, after: int) -> None:
        """Drop what the lane at position `lane` has after epoch `after`."""
        one = self.lanes[lane]
        if one.diverged is not None and one.diverged >= after:
            one.diverged = None
        if one.recorded > after:
            one.recorded = after
            for series in self.series.values():
                series.forget(lane, after)

    def branch(self, parent: int, epoch: int, number: int, name: str) -> Lane:
        """Copy the lane at position `parent` up to `epoch` into a new lane, the last one."""
        old = self.lanes[parent]
        rates = [rate for rate in old.rates if rate[0] <= epoch]
        methods = [method for method in old.methods if method.since <= epoch]
        diverged = old.diverged if old.diverged is not None and old.diverged < epoch else None
        new = Lane(number, name, rates, methods, old.number, epoch, epoch, diverged)
        self.lanes.append(new)
        for series in self.series.values():
            series.copy_lane(parent, epoch)
        self.keyframes.copy_lane(parent)
        return new

    def close(self, position: int, epoch: int) -> None:
        """Drop a lane; the positions after it move up by one."""
        lane = self.lanes.pop(position)
        for series in self.series.values():
            series.close_lane(position)
        self.keyframes.close_lane(position)
        self.entries.append(Close(epoch, lane.number))

    def mark_unsaved(self) -> None:
        """Have all that is on record be delta, told or not."""
        for series in self.series.values():
            series.mark_unsaved()

    def write(
        self, first: int, states: Floats, train: Floats, steepness: tuple[Floats, Floats] | None
    ) -> None:
        """Record epochs `first` and after: states and training losses, (epochs, lanes, …).

        `steepness`, where it was computed: norms and cosines of the directions, as the losses.
        """
        last = first + len(states) - 1
        given = (train, *(steepness or ()))
        for position, lane in enumerate(self.lanes):
            if lane.diverged is not None and lane.diverged < last:
                for values in given:
                    values[max(0, lane.diverged + 1 - first) :, position] = np.nan
            lane.recorded = max(lane.recorded, last)
        self.train_loss.write(first, train)
        if steepness:
            self.norms.write(first, steepness[0])
            self.cosines.write(first, steepness[1])
        self.keyframes.write(first, states)
