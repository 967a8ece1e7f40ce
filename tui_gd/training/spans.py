"""Thinned series: the least and greatest value of every few epochs, with their epochs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats

FINENESS = 4096
"""Buckets of points are at most so many times as narrow as their epochs are old."""
LEAST_FINENESS = 64
MOST_LANES = 8  # so many lanes have points of that fineness, more lanes have coarser ones


class ThinnedSeries(NamedTuple):
    """Finite values (points,) of one number of one lane, and their epochs, rising."""

    epochs: NDArray[np.int64]
    values: Floats

    def between(self, first: int, stop: int) -> "ThinnedSeries":
        """Return those of epochs [first, stop); views."""
        begin, end = np.searchsorted(self.epochs, [first, stop]).tolist()
        return ThinnedSeries(self.epochs[begin:end], self.values[begin:end])

    def at(self, epoch: int) -> float:
        """Return the value at `epoch`, NaN if there is no point."""
        i = int(np.searchsorted(self.epochs, epoch))
        found = i < len(self.epochs) and self.epochs[i] == epoch
        return float(self.values[i]) if found else np.nan

    def with_point(self, epoch: int, value: float) -> "ThinnedSeries":
        """Return these and one more, if it is finite and not among them."""
        if not np.isfinite(value) or not np.isnan(self.at(epoch)):
            return self
        i = int(np.searchsorted(self.epochs, epoch))
        return ThinnedSeries(np.insert(self.epochs, i, epoch), np.insert(self.values, i, value))

    def at_all(self, epochs: NDArray[np.int64]) -> Floats:
        """Return the values at epochs (epochs,), rising, NaN where there is no point."""
        found: Floats = np.full(len(epochs), np.nan)
        inside = np.isin(self.epochs, epochs)
        found[np.searchsorted(epochs, self.epochs[inside])] = self.values[inside]
        return found


NO_POINTS = ThinnedSeries(np.empty(0, np.int64), np.empty(0))


def points_of(first: int, values: Floats) -> ThinnedSeries:
    """Return what is finite of values (epochs,) of epochs `first` and after."""
    known = np.flatnonzero(np.isfinite(values))
    return ThinnedSeries(known + first, values[known])


def joined(*parts: ThinnedSeries) -> ThinnedSeries:
    """Return points that follow one another as one."""
    return ThinnedSeries(
        np.concatenate([part.epochs for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


def fineness_of(lanes: int) -> int:
    """Return how fine the points of so many lanes are: a power of two."""
    each = max(1, FINENESS * MOST_LANES // max(1, lanes))
    power = 1 << (each.bit_length() - 1)
    return max(min(LEAST_FINENESS, FINENESS), min(FINENESS, power))


def bucket_width(epoch: int, fineness: int) -> int:
    """Return how wide the bucket is in which an epoch lies, see `bucket_starts`."""
    return 1 << max(0, (epoch // fineness).bit_length() - 1)


def bucket_starts(epochs: NDArray[np.int64], fineness: int) -> NDArray[np.int64]:
    """Return the first epochs of the buckets in which epochs (points,) lie.

    A bucket is as wide as the greatest power of two ≤ `max(1, epoch / fineness)`, `fineness` being
    a power of two. So the number of buckets up to epoch N is about `fineness · log2(N / fineness)`,
    and what is early is fine.
    """
    _, exponents = np.frexp(epochs // fineness)
    powers = np.maximum(exponents - 1, 0)
    starts: NDArray[np.int64] = (epochs >> powers) << powers
    return starts


def extremes(points: ThinnedSeries, buckets: NDArray[np.int64]) -> ThinnedSeries:
    """Return of every bucket the least value and the greatest.

    `buckets` (points,), rising, says which points lie in one. Of equal values the least is the
    first and the greatest the last.
    """
    epochs, values = points
    if not len(epochs):
        return points
    starts = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
    if len(starts) == len(epochs):
        return points
    counts = np.diff(starts, append=len(epochs))
    least = np.flatnonzero(values == np.repeat(np.minimum.reduceat(values, starts), counts))
    greatest = np.flatnonzero(values == np.repeat(np.maximum.reduceat(values, starts), counts))
    chosen = np.zeros(len(epochs), np.bool_)
    chosen[least[np.searchsorted(least, starts)]] = True
    ends = np.append(starts[1:], len(epochs))
    chosen[greatest[np.searchsorted(greatest, ends) - 1]] = True
    return ThinnedSeries(epochs[chosen], values[chosen])


def thinned(points: ThinnedSeries, fineness: int) -> ThinnedSeries:
    """Return the least and greatest of every bucket of `bucket_starts`."""
    return extremes(points, bucket_starts(points.epochs, fineness))


def block_extremes(first: int, values: Floats, width: int) -> list[ThinnedSeries]:
    """Return of every `width` epochs the least and greatest finite value, lane by lane.

    `values` (lanes, epochs) are of epochs `first` and after; at both ends, where fewer epochs have
    a multiple of `width` between them, all are returned. Much faster than `extremes`.
    """
    lanes, count = values.shape
    begin = min(count, -first % width)
    end = begin + (count - begin) // width * width
    finite = np.isfinite(values)
    chosen = finite.copy()
    if width > 1 and end > begin:
        blocks = (lanes, (end - begin) // width, width)
        inner, known = values[:, begin:end], finite[:, begin:end]
        least = np.where(known, inner, np.inf).reshape(blocks).argmin(axis=2)
        backwards = np.where(known, inner, -np.inf).reshape(blocks)[:, :, ::-1]
        greatest = width - 1 - backwards.argmax(axis=2)
        ends = np.zeros(blocks, np.bool_)
        np.put_along_axis(ends, least[:, :, None], values=True, axis=2)
        np.put_along_axis(ends, greatest[:, :, None], values=True, axis=2)
        chosen[:, begin:end] &= ends.reshape(lanes, end - begin)
    found = []
    for lane in range(lanes):
        places = np.flatnonzero(chosen[lane])
        found.append(ThinnedSeries(places + first, values[lane, places]))
    return found


def followed(points: ThinnedSeries, more: ThinnedSeries, fineness: int) -> ThinnedSeries:
    """Return points, thinned before, and those that follow them, thinned as well.

    A bucket that began among the former goes on among the latter.
    """
    if not len(more.epochs):
        return points
    begin = int(bucket_starts(more.epochs[:1], fineness)[0])
    at = int(np.searchsorted(points.epochs, begin))
    again = ThinnedSeries(points.epochs[at:], points.values[at:])
    return joined(
        ThinnedSeries(points.epochs[:at], points.values[:at]),
        thinned(joined(again, more), fineness),
    )


@dataclass(frozen=True, eq=False)
class KnownPoints:
    """What is known of one number of one lane over epochs [first, stop).

    Up to epoch `whole` as `thin` points; from there on all values, `values` (epochs,), NaN where
    unknown. They may end before `stop`: of what is later nothing is known.
    """

    first: int
    stop: int
    thin: ThinnedSeries = NO_POINTS
    whole: int = 0
    values: Floats = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, values: Floats, first: int = 0) -> "KnownPoints":
        """Return all values (epochs,) of epochs `first` and after."""
        return cls(first, first + len(values), NO_POINTS, first, values)

    @property
    def end(self) -> int:
        """One past the last epoch of which there may be a value."""
        if len(self.values):
            return self.whole + len(self.values)
        return int(self.thin.epochs[-1]) + 1 if len(self.thin.epochs) else self.first

    def at(self, epoch: int) -> float:
        """Return the value at an epoch, NaN where it is not on record."""
        if self.whole <= epoch:
            inside = epoch < self.whole + len(self.values)
            return float(self.values[epoch - self.whole]) if inside else np.nan
        return self.thin.at(epoch)

    def between(self, first: int, stop: int) -> Floats:
        """Return the values of epochs [first, stop), NaN where they are not on record."""
        found: Floats = np.full(max(0, stop - first), np.nan)
        thin = self.thin.between(first, stop)
        found[thin.epochs - first] = thin.values
        begin = max(first, self.whole)
        known = self.values[begin - self.whole : max(begin, stop) - self.whole]
        found[begin - first : begin - first + len(known)] = known
        return found

    def all(self) -> Floats:
        """Return the values of all epochs [first, stop), NaN where they are not on record."""
        return self.between(self.first, self.stop)

    def points(self, first: int = 0) -> ThinnedSeries:
        """Return all that is finite, from epoch `first` on."""
        begin = max(0, first - self.whole)
        whole = points_of(self.whole + begin, self.values[begin:])
        return joined(self.thin.between(first, self.whole), whole)

    def cut(self, stop: int) -> "KnownPoints":
        """Return what is known of epochs before `stop`."""
        stop = min(stop, self.stop)
        values = self.values[: max(0, stop - self.whole)]
        thin = self.thin.between(self.first, min(stop, self.whole))
        return KnownPoints(self.first, stop, thin, min(self.whole, stop), values)


# A stretch of epochs of which every number is kept, and least and greatest of its buckets.

FINEST = 8  # epochs in the smallest buckets that are kept
_LEAST_ROOM = 1024

Lanes = Sequence[int] | slice | int


class EpochSpan:
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
