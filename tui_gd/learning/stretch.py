"""A stretch of epochs of which every number is kept, and least and greatest of its buckets."""

from collections.abc import Sequence

import numpy as np

from tui_gd.learning.models import Floats

FINEST = 8  # epochs in the smallest buckets that are kept
_LEAST_ROOM = 1024

Lanes = Sequence[int] | slice | int


class Stretch:
    """Values (lanes, epochs) of epochs [begin, stop), NaN where unknown; there is room for more.

    `_levels[k]` holds least and greatest finite values, (2, lanes, capacity), of every FINEST · 2ᵏ
    epochs, the first of which begin at `begin` or up to a bucket later; the first `_done[k]` are
    complete. They take half as much as the values.
    """

    def __init__(self, lanes: int, begin: int = 0, room: int = _LEAST_ROOM) -> None:
        self.begin = self.stop = begin
        self.values: Floats = np.full((lanes, room), np.nan)
        self._levels: list[Floats] = []
        self._done: list[int] = []

    @property
    def nbytes(self) -> int:
        """Bytes reserved for values and buckets."""
        return int(self.values.nbytes + sum(ends.nbytes for ends in self._levels))

    @property
    def lanes(self) -> int:
        """The number of lanes."""
        return len(self.values)

    def part(self, which: Lanes, first: int, stop: int) -> Floats:
        """Return a view of the values of epochs [first, stop), of those that there are."""
        begin = max(0, first - self.begin)
        return self.values[which, begin : max(begin, min(stop, self.stop) - self.begin)]

    def lay_over(self, found: Floats, first: int, which: Lanes, stop: int) -> None:
        """Put what is known of epochs [first, stop) into values (…, epochs) from `first` on."""
        begin = max(first, self.begin)
        values = self.part(which, begin, stop)
        if values.size:
            place = found[..., begin - first : begin - first + values.shape[-1]]
            np.copyto(place, values, where=~np.isnan(values))

    def write(self, which: slice, first: int, values: Floats, most: int | None = None) -> None:
        """Put values (lanes, epochs) at epochs `first` ≥ begin and after; see `make_room`."""
        stop = first + values.shape[1]
        self.make_room(stop, most)
        self.values[which, first - self.begin : stop - self.begin] = values
        self.changed(first)

    def make_room(self, stop: int, most: int | None = None) -> None:
        """Have room for epochs before `stop`: twice as much as before, but no more than `most`."""
        need, room = stop - self.begin, self.values.shape[1]
        if need > room:
            twice = 2 * room if most is None else min(2 * room, most)
            grown = np.full((self.lanes, max(need, twice)), np.nan)
            grown[:, : self.stop - self.begin] = self.values[:, : self.stop - self.begin]
            self.values = grown
        self.stop = max(self.stop, stop)

    def drop_before(self, begin: int) -> None:
        """Let the stretch begin at a later epoch."""
        kept = self.values[:, begin - self.begin : self.stop - self.begin]
        self.values[:, : kept.shape[1]] = kept
        self.values[:, kept.shape[1] :] = np.nan
        self.begin, self.stop = begin, max(begin, self.stop)
        self._levels, self._done = [], []

    def forget(self, lane: int, stop: int) -> None:
        """Drop what a lane has at epoch `stop` and after."""
        self.values[lane, max(0, stop - self.begin) :] = np.nan
        self.changed(stop)

    def copy_lane(self, lane: int) -> None:
        """Add a lane with the values of another."""
        self.values = np.vstack([self.values, self.values[lane]])
        self._levels = [np.append(ends, ends[:, lane, None], axis=1) for ends in self._levels]

    def close_lane(self, lane: int) -> None:
        """Drop a lane's values."""
        self.values = np.delete(self.values, lane, axis=0)
        self._levels = [np.delete(ends, lane, axis=1) for ends in self._levels]

    # Least and greatest

    def changed(self, first: int) -> None:
        """Have the buckets with epochs `first` and after made again when they are wanted."""
        for level, done in enumerate(self._done):
            self._done[level] = max(0, min(done, first // (FINEST << level) - self._base(level)))

    def _base(self, level: int) -> int:
        """Return the number of the first bucket of a level that lies in the stretch as a whole."""
        return -(-self.begin // (FINEST << level))

    def ends(self, which: Lanes, first: int, stop: int, width: int) -> tuple[Floats, Floats]:
        """Return least and greatest finite values (lanes, buckets) of every `width` epochs.

        Of epochs [first, stop) within the stretch, not none; buckets begin at multiples of `width`,
        a power of two. New arrays.
        """
        if width < FINEST or width == 1:
            return _reduced(self.part(which, first, stop), first, width)
        # wider buckets than a part of the stretch are made of several
        size = FINEST
        while size < width and 4 * size <= self.stop - self.begin:
            size *= 2
        level = (size // FINEST).bit_length() - 1
        base, done = self._base(level), self._complete(level)
        begin = -(-first // size)
        end = max(begin, min(stop // size, base + done))
        if begin == end:
            return _reduced(self.part(which, first, stop), first, width)
        count = -(-stop // width) - first // width
        shape = (len(self.values[which, :1]), count)
        found = np.full((2, *shape), np.nan)
        place = np.arange(begin, end) * size // width - first // width
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        kept = self._levels[level][:, which, begin - base : end - base]
        raw = ((self.part(which, first, begin * size), 0), (self.part(which, end * size, stop), -1))
        for side, merge, ends in zip(found, (np.fmin, np.fmax), kept, strict=True):
            if len(starts) == len(place):
                side[:, place[0] : place[-1] + 1] = ends
            else:
                side[:, place[starts]] = merge.reduceat(ends, starts, axis=1)
            for values, column in raw:
                if values.size:
                    rest = merge.reduce(_finite(values), axis=1)
                    side[:, column] = merge(side[:, column], rest)
        return found[0], found[1]

    def _complete(self, level: int) -> int:
        """Complete the kept buckets of a level; return how many there are."""
        for one in range(level + 1):
            if one == len(self._levels):
                self._levels.append(np.empty((2, self.lanes, 0)))
                self._done.append(0)
            ends, done = self._levels[one], self._done[one]
            wanted = max(0, self.stop // (FINEST << one) - self._base(one))
            if wanted > ends.shape[2]:
                grown = np.empty((2, self.lanes, self.values.shape[1] // (FINEST << one)))
                grown[:, :, :done] = ends[:, :, :done]
                self._levels[one] = ends = grown
            if wanted > done:
                self._fill(ends, one, done, wanted)
                self._done[one] = wanted
        return self._done[level]

    def _fill(self, ends: Floats, level: int, done: int, wanted: int) -> None:
        """Put buckets `done` to `wanted` of a level, from values or from the level before."""
        first = self._base(level)
        if level:
            begin = 2 * first - self._base(level - 1)
            finer = self._levels[level - 1][:, :, begin + 2 * done : begin + 2 * wanted]
            for merge, side, halves in zip((np.fmin, np.fmax), ends, finer, strict=True):
                merge(halves[:, ::2], halves[:, 1::2], out=side[:, done:wanted])
            return
        begin = first * FINEST - self.begin
        fresh = self.values[:, begin + done * FINEST : begin + wanted * FINEST]
        fresh = _finite(fresh).reshape(self.lanes, -1, FINEST)
        np.fmin.reduce(fresh, axis=2, out=ends[0, :, done:wanted])
        np.fmax.reduce(fresh, axis=2, out=ends[1, :, done:wanted])


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def _reduced(values: Floats, first: int, width: int) -> tuple[Floats, Floats]:
    """Return least and greatest of values (lanes, epochs) of epochs `first` and after, by buckets.

    Of single epochs both are the same array.
    """
    values = _finite(values)
    if width == 1:
        return values, values
    # the first bucket may be cut off
    starts = np.maximum(np.arange(-(first % width), values.shape[1], width), 0)
    return np.fmin.reduceat(values, starts, axis=1), np.fmax.reduceat(values, starts, axis=1)
