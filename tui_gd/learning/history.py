"""History: what every epoch of a run left behind, and the way back to any of them.

Losses are kept for every epoch. The state of all lanes (weights, and later what an optimizer
keeps) is kept at keyframes: every epoch at first; when the budget is used up, every second, then
every fourth, and so on. What lies between two keyframes is computed again from the one before.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats

KEYFRAME_BYTES = 64 << 20
BUCKETS = 512  # at least so many buckets a curve, twice as many at most


@dataclass(frozen=True, slots=True)
class SetLearningRate:
    """From `epoch` on, lane number `lane` descends with `learning_rate`."""

    epoch: int
    lane: int
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Branch:
    """At `epoch` lane number `parent` was copied into lane number `lane`."""

    epoch: int
    parent: int
    lane: int


@dataclass(frozen=True, slots=True)
class Reset:
    """At `epoch` all lanes went back to epoch 0: to the same start, or to the one of `seed`."""

    epoch: int
    seed: int | None


Entry = SetLearningRate | Branch | Reset


@dataclass(slots=True)
class Lane:
    """One line of descent: where it comes from and with which learning rates it descends.

    `rates` are (epoch, learning rate) in order of the epoch: the first is at epoch 0, each holds
    for the updates from its epoch on. `recorded` is the last epoch on record; `diverged` is the
    epoch whose update would have made a weight or the loss infinite or not a number. `proposed` is
    (epoch, learning rate) wanted from an epoch that has later ones on record: these are replaced
    only when the run goes on from there.
    """

    name: str
    rates: list[tuple[int, float]]
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

    def next_change(self, epoch: int) -> float:
        """Return the first epoch after `epoch` at which the learning rate changes, or infinity."""
        return next((start for start, _ in self.rates if start > epoch), float("inf"))

    def set_rate(self, epoch: int, rate: float) -> None:
        """Let the lane descend with `rate` from `epoch` on, whatever was set for later."""
        self.rates = [(start, old) for start, old in self.rates if start < epoch]
        if not self.rates or self.rates[-1][1] != rate:
            self.rates.append((epoch, rate))


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """A curve as least and greatest values: bucket i covers epochs [i·width, (i + 1)·width).

    `low` and `high` are (buckets,); NaN where no value of the bucket is finite. `stop` is one past
    the last epoch on record.
    """

    width: int
    stop: int
    low: Floats
    high: Floats


@dataclass(slots=True)
class Series:
    """One number per lane and epoch, complete, with buckets for drawing kept up to date."""

    lanes: int
    values: Floats = field(init=False)
    stop: int = 0
    _width: int = 1
    _done: int = 0  # so many buckets are complete in _low and _high
    _low: Floats = field(init=False)
    _high: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.values = np.full((self.lanes, 1024), np.nan)
        self._low = np.empty((self.lanes, 2 * BUCKETS))
        self._high = np.empty((self.lanes, 2 * BUCKETS))

    def write(self, first: int, block: Floats) -> None:
        """Put `block` (epochs, lanes) at epochs `first` and after."""
        self._make_room(first, first + len(block))
        self.values[:, first : first + len(block)] = block.T

    def write_lane(self, lane: int, first: int, values: Floats) -> None:
        """Put `values` (epochs,) of one lane at epochs `first` and after."""
        self._make_room(first, first + len(values))
        self.values[lane, first : first + len(values)] = values

    def _make_room(self, first: int, stop: int) -> None:
        if stop > self.values.shape[1]:
            grown = np.full((self.lanes, max(stop, 2 * self.values.shape[1])), np.nan)
            grown[:, : self.stop] = self.values[:, : self.stop]
            self.values = grown
        self.stop = max(self.stop, stop)
        self._done = min(self._done, first // self._width)

    def at(self, lane: int, epoch: int) -> float:
        """Return lane number `lane`'s value at `epoch`, or NaN."""
        return float(self.values[lane, epoch]) if epoch < self.stop else np.nan

    def forget(self, lane: int, after: int) -> None:
        """Drop what lane number `lane` has after epoch `after`."""
        self.values[lane, after + 1 :] = np.nan
        self._done = min(self._done, (after + 1) // self._width)

    def copy_lane(self, lane: int, last: int) -> None:
        """Add a lane that has lane number `lane`'s values up to epoch `last`."""
        values = np.vstack([self.values, self.values[lane]])
        values[-1, last + 1 :] = np.nan
        self.values = values
        self.lanes += 1
        self._low = np.empty((self.lanes, 2 * BUCKETS))
        self._high = np.empty((self.lanes, 2 * BUCKETS))
        self._width, self._done = 1, 0

    def buckets(self, lane: int, recorded: int) -> Buckets:
        """Return the curve of lane number `lane` up to epoch `recorded`, its own copy."""
        self._complete_buckets()
        stop = recorded + 1
        done = min(self._done, stop // self._width)
        low, high = self._low[lane, :done], self._high[lane, :done]
        rest = self.values[lane, done * self._width : stop]
        if rest.size:
            starts = np.arange(0, rest.size, self._width)
            rest = np.where(np.isfinite(rest), rest, np.nan)
            low = np.concatenate([low, np.fmin.reduceat(rest, starts)])
            high = np.concatenate([high, np.fmax.reduceat(rest, starts)])
        return Buckets(self._width, stop, low.copy(), high.copy())

    def _complete_buckets(self) -> None:
        while self.stop > 2 * BUCKETS * self._width:
            for ends, merge in ((self._low, np.fmin), (self._high, np.fmax)):
                half = self._done // 2
                merge(ends[:, : 2 * half : 2], ends[:, 1 : 2 * half : 2], out=ends[:, :half])
            self._done //= 2
            self._width *= 2
        complete = self.stop // self._width
        if complete > self._done:
            fresh = self.values[:, self._done * self._width : complete * self._width]
            fresh = np.where(np.isfinite(fresh), fresh, np.nan)
            fresh = fresh.reshape(self.lanes, -1, self._width)
            np.fmin.reduce(fresh, axis=2, out=self._low[:, self._done : complete])
            np.fmax.reduce(fresh, axis=2, out=self._high[:, self._done : complete])
            self._done = complete


class Keyframes:
    """The state of all lanes every `stride` epochs, in no more than `budget` bytes.

    A state is (lanes, slots, parameters); slot 0 holds the weights. The start, epoch 0, is always
    kept. When the budget is used up, every second keyframe is dropped.
    """

    def __init__(self, start: Floats, budget: int = KEYFRAME_BYTES) -> None:
        self.stride = 1
        self._budget = budget
        self._frames = start[None].copy()
        self._stop = 1

    @property
    def nbytes(self) -> int:
        """Bytes reserved for keyframes."""
        return int(self._frames.nbytes)

    @property
    def _limit(self) -> int:
        return max(2, self._budget // max(1, int(self._frames[0].nbytes)))

    def write(self, first: int, states: Floats) -> None:
        """Keep those of `states` (epochs, lanes, slots, parameters) that fall on the stride."""
        stop = first + len(states)
        while (stop - 1) // self.stride >= self._limit:
            self._thin()
        begin = -(-first // self.stride)
        end = (stop - 1) // self.stride + 1
        if end <= begin:
            return
        if end > len(self._frames):
            self._resize(min(self._limit, max(end, 2 * len(self._frames))))
        self._frames[begin:end] = states[begin * self.stride - first :: self.stride]
        self._stop = max(self._stop, end)

    def before(self, epoch: int) -> tuple[int, Floats]:
        """Return the last keyframe at or before `epoch`: its epoch and a copy of the state."""
        i = min(epoch // self.stride, self._stop - 1)
        return i * self.stride, self._frames[i].copy()

    def start(self) -> Floats:
        """Return a copy of the state at epoch 0."""
        start: Floats = self._frames[0].copy()
        return start

    def copy_lane(self, lane: int) -> None:
        """Add a lane with lane number `lane`'s states."""
        lanes = self._frames.shape[1]
        while len(self._frames) * self._frames[0].nbytes * (lanes + 1) // lanes > self._budget:
            if self._stop <= 2:
                break
            self._thin()
            self._resize(self._stop)
        self._frames = np.concatenate([self._frames, self._frames[:, lane : lane + 1]], axis=1)

    def _thin(self) -> None:
        kept = self._frames[: self._stop : 2]
        self._frames[: len(kept)] = kept
        self._stop = len(kept)
        self.stride *= 2

    def _resize(self, length: int) -> None:
        grown = np.empty((length, *self._frames.shape[1:]), self._frames.dtype)
        grown[: self._stop] = self._frames[: self._stop]
        self._frames = grown


class History:
    """All of a run's epochs: the lanes, their losses, the keyframes, and what was done to them."""

    def __init__(self, start: Floats, rates: NDArray[np.float64], names: list[str]) -> None:
        lanes = len(start)
        self.lanes = [Lane(name, [(0, float(r))]) for name, r in zip(names, rates, strict=True)]
        self.train_loss = Series(lanes)
        self.test_loss = Series(lanes)
        self.keyframes = Keyframes(start)
        self.entries: list[Entry] = []

    @property
    def newest(self) -> int:
        """The last epoch that any lane has on record."""
        return max(lane.recorded for lane in self.lanes)

    @property
    def common(self) -> int:
        """The last epoch that all lanes have on record."""
        return min(lane.recorded for lane in self.lanes)

    def set_rate(self, lane: int, epoch: int, rate: float) -> None:
        """Let a lane descend with `rate` from `epoch` on; what it has after `epoch` is dropped."""
        self.lanes[lane].set_rate(epoch, rate)
        self.entries.append(SetLearningRate(epoch, lane, rate))
        self.forget(lane, epoch)

    def forget(self, lane: int, after: int) -> None:
        """Drop what lane number `lane` has after epoch `after`."""
        one = self.lanes[lane]
        if one.diverged is not None and one.diverged >= after:
            one.diverged = None
        if one.recorded > after:
            one.recorded = after
            self.train_loss.forget(lane, after)
            self.test_loss.forget(lane, after)

    def branch(self, parent: int, epoch: int, name: str) -> int:
        """Copy lane number `parent` up to `epoch` into a new lane and return its number."""
        old = self.lanes[parent]
        rates = [rate for rate in old.rates if rate[0] <= epoch]
        diverged = old.diverged if old.diverged is not None and old.diverged < epoch else None
        self.lanes.append(Lane(name, rates, parent, epoch, epoch, diverged))
        self.train_loss.copy_lane(parent, epoch)
        self.test_loss.copy_lane(parent, epoch)
        self.keyframes.copy_lane(parent)
        lane = len(self.lanes) - 1
        self.entries.append(Branch(epoch, parent, lane))
        return lane

    def write(self, first: int, states: Floats, train: Floats) -> None:
        """Record epochs `first` and after: states and training losses, (epochs, lanes, …)."""
        last = first + len(states) - 1
        for number, lane in enumerate(self.lanes):
            if lane.diverged is not None and lane.diverged < last:
                train[max(0, lane.diverged + 1 - first) :, number] = np.nan
            lane.recorded = max(lane.recorded, last)
        self.train_loss.write(first, train)
        self.keyframes.write(first, states)
