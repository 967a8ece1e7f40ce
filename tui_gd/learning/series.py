"""Series: one number for every lane and epoch, and the curves that are drawn of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tui_gd.learning.models import Floats

BUCKETS = 512  # at least so many buckets a curve, twice as many at most
FINEST = 8  # epochs in the smallest buckets that are kept


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
    _fresh: list[int] = field(init=False)  # by lane, the first epoch not told as news
    _levels: list[Floats] = field(init=False, default_factory=list)
    _done: list[int] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.values = np.full((self.lanes, 1024), np.nan)
        self._fresh = [0] * self.lanes

    def write(self, first: int, block: Floats) -> None:
        """Put `block` (epochs, lanes) at epochs `first` and after."""
        known = self.values[:, first : first + len(block)].T
        if first >= self.stop or not np.array_equal(block, known, equal_nan=True):
            self._fresh = [min(fresh, first) for fresh in self._fresh]
        self._make_room(first, first + len(block))
        self.values[:, first : first + len(block)] = block.T

    def write_lane(self, lane: int, first: int, values: Floats) -> None:
        """Put `values` (epochs,) of one lane at epochs `first` and after."""
        self._make_room(first, first + len(values))
        self.values[lane, first : first + len(values)] = values
        self._fresh[lane] = min(self._fresh[lane], first)

    def news(self, lane: int, recorded: int) -> int:
        """Return the first epoch that was written or dropped since this was asked before."""
        fresh, self._fresh[lane] = self._fresh[lane], recorded + 1
        return min(fresh, recorded + 1)

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
        self._fresh[lane] = min(self._fresh[lane], after + 1)
        self._changed(after + 1)

    def copy_lane(self, lane: int, last: int) -> None:
        """Add a lane that has lane number `lane`'s values up to epoch `last`."""
        values = np.vstack([self.values, self.values[lane]])
        values[-1, last + 1 :] = np.nan
        self.values = values
        self._fresh.append(0)
        self.lanes += 1
        self._levels = [np.append(ends, ends[:, lane, None], axis=1) for ends in self._levels]
        self._changed(last + 1)

    def close_lane(self, position: int) -> None:
        """Drop a lane's values; the positions after it move up by one."""
        self.values = np.delete(self.values, position, axis=0)
        del self._fresh[position]
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
