"""History: what every epoch of a run left behind, and the way back to any of them.

Losses are kept for every epoch. The state of all lanes (weights, and what an optimizer keeps) is
kept at keyframes: every epoch at first; when the budget is used up, every second, then
every fourth, and so on. What lies between two keyframes is computed again from the one before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats
from tui_gd.learning.optimizers import Optimizer

KEYFRAME_BYTES = 64 << 20
BUCKETS = 512  # at least so many buckets a curve, twice as many at most
FINEST = 8  # epochs in the smallest buckets that are kept


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


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """A curve as least and greatest values, a bucket for every `width` epochs from `first` on.

    Bucket i covers epochs [first + i·width, first + (i + 1)·width).
    `low` and `high` are (buckets,); NaN where no value of the bucket is finite. `stop` is one past
    the last epoch on record.
    """

    width: int
    stop: int
    low: Floats
    high: Floats
    first: int = 0


@dataclass(slots=True)
class Series:
    """One number per lane and epoch, complete, with buckets for drawing kept up to date.

    `_levels[k]` holds least and greatest finite values, (2, lanes, capacity), of every FINEST · 2ᵏ
    epochs, of which the first `_done[k]` are complete. They take half as much as the values.
    """

    lanes: int
    values: Floats = field(init=False)
    stop: int = 0
    _levels: list[Floats] = field(init=False, default_factory=list)
    _done: list[int] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.values = np.full((self.lanes, 1024), np.nan)

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
        self._changed(first)

    def _changed(self, first: int) -> None:
        """Have the buckets with epochs `first` and after made again when they are wanted."""
        for level, done in enumerate(self._done):
            self._done[level] = min(done, first // (FINEST << level))

    def at(self, lane: int, epoch: int) -> float:
        """Return lane number `lane`'s value at `epoch`, or NaN."""
        return float(self.values[lane, epoch]) if epoch < self.stop else np.nan

    def forget(self, lane: int, after: int) -> None:
        """Drop what lane number `lane` has after epoch `after`."""
        self.values[lane, after + 1 :] = np.nan
        self._changed(after + 1)

    def copy_lane(self, lane: int, last: int) -> None:
        """Add a lane that has lane number `lane`'s values up to epoch `last`."""
        values = np.vstack([self.values, self.values[lane]])
        values[-1, last + 1 :] = np.nan
        self.values = values
        self.lanes += 1
        self._levels = [np.append(ends, ends[:, lane, None], axis=1) for ends in self._levels]
        self._changed(last + 1)

    def close_lane(self, position: int) -> None:
        """Drop a lane's values; the positions after it move up by one."""
        self.values = np.delete(self.values, position, axis=0)
        self.lanes -= 1
        self._levels = [np.delete(ends, position, axis=1) for ends in self._levels]

    def buckets(self, lane: int, recorded: int) -> Buckets:
        """Return the curve of lane number `lane` up to epoch `recorded`, its own copy."""
        return self.window(lane, 0, recorded + 1)

    def window(self, lane: int, first: int, stop: int) -> Buckets:
        """Return lane number `lane`'s curve over epochs [first, stop), its own copy.

        A negative `first` is counted from `stop`: −100 are the last hundred. The width of the
        buckets is the least power of 2 of which 2·BUCKETS are enough; the first bucket begins at
        a multiple of it, at `first` or less than a bucket before.
        """
        return self.windows([lane], first, stop)[0]

    def windows(self, lanes: Sequence[int], first: int, stop: int) -> list[Buckets]:
        """Return what `window` does of several lanes, which costs little more than of one."""
        stop = min(stop, self.stop)
        first = min(max(0, stop + first) if first < 0 else first, stop)
        width = 1
        while -(-stop // width) - first // width > 2 * BUCKETS:
            width *= 2
        which: Sequence[int] | slice = lanes
        if list(lanes) == list(range(lanes[0], lanes[0] + len(lanes))):
            which = slice(lanes[0], lanes[0] + len(lanes))
        if width == 1:
            values = self.values[which, first:stop]
            values = np.where(np.isfinite(values), values, np.nan)
            return [Buckets(1, stop, one, one, first) for one in values]
        begin = first // width * width
        done = max(begin, min(stop, self._complete(width)) // width * width)
        low, high = self._ends(width, which, begin // width, done // width)
        rest = self.values[which, done:stop]
        if rest.size:
            starts = np.arange(0, stop - done, width)
            rest = np.where(np.isfinite(rest), rest, np.nan)
            low = np.concatenate([low, np.fmin.reduceat(rest, starts, axis=1)], axis=1)
            high = np.concatenate([high, np.fmax.reduceat(rest, starts, axis=1)], axis=1)
        else:
            low, high = low.copy(), high.copy()
        return [Buckets(width, stop, *ends, begin) for ends in zip(low, high, strict=True)]

    def _ends(
        self, width: int, which: Sequence[int] | slice, begin: int, end: int
    ) -> tuple[Floats, Floats]:
        """Return the kept least and greatest values of buckets `begin` to `end` of that width."""
        if width < FINEST:
            none = np.empty((len(self.values[which, :1]), 0))
            return none, none
        low, high = self._levels[(width // FINEST).bit_length() - 1][:, which, begin:end]
        return low, high

    def _complete(self, width: int) -> int:
        """Complete the kept buckets of that width; return the epoch at which they end."""
        if width < FINEST:
            return 0
        for level in range((width // FINEST).bit_length()):
            size = FINEST << level
            if level == len(self._levels):
                self._levels.append(np.empty((2, self.lanes, 0)))
                self._done.append(0)
            ends, done, wanted = self._levels[level], self._done[level], self.stop // size
            if wanted > ends.shape[2]:
                grown = np.empty((2, self.lanes, self.values.shape[1] // size))
                grown[:, :, :done] = ends[:, :, :done]
                self._levels[level] = ends = grown
            if wanted > done:
                self._fill(ends, level, done, wanted)
                self._done[level] = wanted
        return self._done[level] * width

    def _fill(self, ends: Floats, level: int, done: int, wanted: int) -> None:
        """Put buckets `done` to `wanted` of a level, from values or from the level before."""
        if level:
            finer = self._levels[level - 1][:, :, 2 * done : 2 * wanted]
            for merge, side, halves in zip((np.fmin, np.fmax), ends, finer, strict=True):
                merge(halves[:, ::2], halves[:, 1::2], out=side[:, done:wanted])
            return
        fresh = self.values[:, done * FINEST : wanted * FINEST]
        fresh = np.where(np.isfinite(fresh), fresh, np.nan).reshape(self.lanes, -1, FINEST)
        np.fmin.reduce(fresh, axis=2, out=ends[0, :, done:wanted])
        np.fmax.reduce(fresh, axis=2, out=ends[1, :, done:wanted])


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

    def path(self, last: int, most: int) -> tuple[NDArray[np.intp], Floats]:
        """Return up to `most` + 1 epochs on keyframes, `last` at the latest, and the weights there.

        The weights are (epochs, lanes, parameters).
        """
        count = min(last // self.stride, self._stop - 1) + 1
        chosen = np.arange(0, count, -(-count // most))
        return chosen * self.stride, self._frames[chosen, :, 0]

    def widen(self, slots: int) -> None:
        """Make room for so many slots of an optimizer beside the weights."""
        missing = 1 + slots - self._frames.shape[2]
        if missing > 0:
            lanes, _, parameters = self._frames[0].shape
            room = np.zeros((len(self._frames), lanes, missing, parameters), self._frames.dtype)
            self._frames = np.concatenate([self._frames, room], axis=2)
            self._keep_within_budget()

    def close_lane(self, position: int) -> None:
        """Drop a lane's states."""
        self._frames = np.delete(self._frames, position, axis=1)

    def _keep_within_budget(self) -> None:
        while self._frames.nbytes > self._budget and self._stop > 2:
            self._thin()
            self._resize(self._stop)

    def copy_lane(self, lane: int) -> None:
        """Add a lane with the states of the one at position `lane`."""
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
    """All of a run's epochs: the lanes, their numbers, the keyframes, and what was done to them.

    A lane's place among `lanes` is its position; it changes when a lane before it is closed.
    """

    def __init__(self, start: Floats, lanes: list[Lane]) -> None:
        self.lanes = lanes
        self.train_loss = Series(len(lanes))
        self.test_loss = Series(len(lanes))
        self.norms = Series(len(lanes))
        self.cosines = Series(len(lanes))
        self.keyframes = Keyframes(start)
        self.entries: list[Entry] = []

    @property
    def _series(self) -> tuple[Series, ...]:
        return self.train_loss, self.test_loss, self.norms, self.cosines

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
        self.entries.append(SetLearningRate(epoch, self.lanes[lane].number, rate))
        self.forget(lane, epoch)

    def forget(self, lane: int, after: int) -> None:
        """Drop what the lane at position `lane` has after epoch `after`."""
        one = self.lanes[lane]
        if one.diverged is not None and one.diverged >= after:
            one.diverged = None
        if one.recorded > after:
            one.recorded = after
            for series in self._series:
                series.forget(lane, after)

    def branch(self, parent: int, epoch: int, number: int, name: str) -> Lane:
        """Copy the lane at position `parent` up to `epoch` into a new lane, the last one."""
        old = self.lanes[parent]
        rates = [rate for rate in old.rates if rate[0] <= epoch]
        methods = [method for method in old.methods if method.since <= epoch]
        diverged = old.diverged if old.diverged is not None and old.diverged < epoch else None
        new = Lane(number, name, rates, methods, old.number, epoch, epoch, diverged)
        self.lanes.append(new)
        for series in self._series:
            series.copy_lane(parent, epoch)
        self.keyframes.copy_lane(parent)
        return new

    def close(self, position: int, epoch: int) -> None:
        """Drop a lane; the positions after it move up by one."""
        lane = self.lanes.pop(position)
        for series in self._series:
            series.close_lane(position)
        self.keyframes.close_lane(position)
        self.entries.append(Close(epoch, lane.number))

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
