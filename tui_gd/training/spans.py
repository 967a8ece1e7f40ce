"""How a series stores its epochs: recent ones as a dense span, older ones as thinned points.

The points of an old epoch are the least and the greatest value of its bucket, see `bucket_starts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats

FINENESS = 4096
"""A bucket of points is at least 1 / FINENESS of its epochs' age wide."""
LEAST_FINENESS = 64
MOST_LANES = 8  # with more lanes than this, points are coarser

Lanes = Sequence[int] | slice | int


class ThinnedSeries(NamedTuple):
    """Finite values (points,) of one number of one lane, and their ascending epochs."""

    epochs: NDArray[np.int64]
    values: Floats

    def between(self, first: int, stop: int) -> "ThinnedSeries":
        """Return views of the points of epochs [first, stop)."""
        begin, end = self.epochs.searchsorted((first, stop)).tolist()
        return ThinnedSeries(self.epochs[begin:end], self.values[begin:end])

    def at(self, epoch: int) -> float:
        """Return the value at `epoch`, NaN without a point there."""
        i = int(self.epochs.searchsorted(epoch))
        found = i < len(self.epochs) and self.epochs[i] == epoch
        return float(self.values[i]) if found else np.nan

    def with_point(self, epoch: int, value: float) -> "ThinnedSeries":
        """Return these points and one more, if its value is finite and its epoch new."""
        if not np.isfinite(value) or not np.isnan(self.at(epoch)):
            return self
        i = int(np.searchsorted(self.epochs, epoch))
        return ThinnedSeries(np.insert(self.epochs, i, epoch), np.insert(self.values, i, value))

    def at_all(self, epochs: NDArray[np.int64]) -> Floats:
        """Return the values at ascending epochs (epochs,), NaN where there is no point."""
        found: Floats = np.full(len(epochs), np.nan)
        inside = np.isin(self.epochs, epochs)
        found[np.searchsorted(epochs, self.epochs[inside])] = self.values[inside]
        return found


NO_POINTS = ThinnedSeries(np.empty(0, np.int64), np.empty(0))


def points_of(first: int, values: Floats) -> ThinnedSeries:
    """Return the finite ones of values (epochs,) at epochs `first` and after."""
    known = np.flatnonzero(np.isfinite(values))
    return ThinnedSeries(known + first, values[known])


def joined(*parts: ThinnedSeries) -> ThinnedSeries:
    """Return parts that follow one another as one series."""
    return ThinnedSeries(
        np.concatenate([part.epochs for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


def fineness_of(lanes: int) -> int:
    """Return the fineness of the points of that many lanes, a power of two."""
    each = max(1, FINENESS * MOST_LANES // max(1, lanes))
    power = 1 << (each.bit_length() - 1)
    return max(min(LEAST_FINENESS, FINENESS), min(FINENESS, power))


def bucket_width(epoch: int, fineness: int) -> int:
    """Return the width of an epoch's bucket, see `bucket_starts`."""
    return 1 << max(0, (epoch // fineness).bit_length() - 1)


def bucket_starts(epochs: NDArray[np.int64], fineness: int) -> NDArray[np.int64]:
    """Return the first epoch of the bucket of every epoch (points,).

    The width of a bucket is the greatest power of two ≤ `max(1, epoch / fineness)`; `fineness` is a
    power of two. So there are about `fineness · log2(N / fineness)` buckets up to epoch N, and the
    early ones are fine, as on a logarithmic axis.
    """
    _, exponents = np.frexp(epochs // fineness)
    powers = np.maximum(exponents - 1, 0)
    starts: NDArray[np.int64] = (epochs >> powers) << powers
    return starts


def _are_extremes(values: Floats, starts: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which values (points,) are the least or the greatest of their bucket.

    `starts` (buckets,) is the first point of every bucket. Of equal values, the first counts as the
    least and the last as the greatest.
    """
    if len(starts) == len(values):
        return np.ones(len(values), np.bool_)
    counts = np.diff(starts, append=len(values))
    least = np.flatnonzero(values == np.repeat(np.minimum.reduceat(values, starts), counts))
    greatest = np.flatnonzero(values == np.repeat(np.maximum.reduceat(values, starts), counts))
    chosen = np.zeros(len(values), np.bool_)
    chosen[least[np.searchsorted(least, starts)]] = True
    ends = np.append(starts[1:], len(values))
    chosen[greatest[np.searchsorted(greatest, ends) - 1]] = True
    return chosen


def block_extremes(first: int, values: Floats, width: int) -> list[ThinnedSeries]:
    """Return each lane's least and greatest finite value of every `width` epochs.

    `values` (lanes, epochs) belong to epochs `first` and after; blocks begin at multiples of
    `width`, and the finite values of an incomplete block at either end are all returned.
    """
    lanes, count = values.shape
    begin = min(count, -first % width)
    end = begin + (count - begin) // width * width
    places = np.broadcast_to(np.arange(count), values.shape)
    if width > 1 and begin < end:
        pairs = _ends_of_blocks(values[:, begin:end].reshape(lanes, -1, width))
        inner = begin + pairs.reshape(lanes, -1)
        places = np.concatenate([places[:, :begin], inner, places[:, end:]], axis=1)
        values = np.take_along_axis(values, places, axis=1)
        chosen = np.isfinite(values)
        chosen[:, begin + 1 : begin + inner.shape[1] : 2] &= pairs[:, :, 0] < pairs[:, :, 1]
    else:
        chosen = np.isfinite(values)
    stops = np.cumsum(np.count_nonzero(chosen, axis=1))
    return _split(ThinnedSeries(places[chosen] + first, values[chosen]), stops)


def _split(points: ThinnedSeries, stops: NDArray[np.intp]) -> list[ThinnedSeries]:
    """Return views of consecutive parts of points; `stops` (parts,) is where each part ends."""
    parts, begin = [], 0
    for stop in stops.tolist():
        parts.append(ThinnedSeries(points.epochs[begin:stop], points.values[begin:stop]))
        begin = stop
    return parts


def _ends_of_blocks(blocks: Floats) -> NDArray[np.intp]:
    """Return the places of the least and greatest finite value of every block, the earlier first.

    `blocks` are (lanes, blocks, width), the places (lanes, blocks, 2) count from the first block
    on. Of equal values, the first counts as the least and the last as the greatest.
    """
    width = blocks.shape[2]
    # argmin and argmax find NaN and infinity, if there are any
    ends = np.stack([blocks.argmin(axis=2), width - 1 - blocks[:, :, ::-1].argmax(axis=2)], axis=2)
    if not np.isfinite(np.take_along_axis(blocks, ends, axis=2)).all():
        known = np.isfinite(blocks)
        backwards = np.where(known, blocks, -np.inf)[:, :, ::-1]
        ends[:, :, 0] = np.where(known, blocks, np.inf).argmin(axis=2)
        ends[:, :, 1] = width - 1 - backwards.argmax(axis=2)
    ends.sort(axis=2)
    ends += width * np.arange(blocks.shape[1])[:, None]
    return ends


def followed(
    points: Sequence[ThinnedSeries], more: Sequence[ThinnedSeries], fineness: int
) -> list[ThinnedSeries]:
    """Return every lane's thinned points followed by `more` of it, thinned too.

    The last bucket of its `points` may continue in `more`.
    """
    stays, again, sizes = [], [], []
    for old, new in zip(points, more, strict=True):
        at = len(old.epochs)
        if len(new.epochs):
            epoch = int(new.epochs[0])
            width = bucket_width(epoch, fineness)
            at = int(old.epochs.searchsorted(epoch // width * width))
        stays.append(ThinnedSeries(old.epochs[:at], old.values[:at]))
        again += [ThinnedSeries(old.epochs[at:], old.values[at:]), new]
        sizes.append(len(old.epochs) - at + len(new.epochs))
    late, stops = joined(*again), np.cumsum(sizes)
    begins = np.diff(bucket_starts(late.epochs, fineness), prepend=-1) != 0
    begins[stops[:-1][stops[:-1] < len(begins)]] = True  # of the next lane
    chosen = _are_extremes(late.values, np.flatnonzero(begins))
    stops = np.append(0, np.cumsum(chosen))[stops]
    parts = _split(ThinnedSeries(late.epochs[chosen], late.values[chosen]), stops)
    return [joined(*pair) for pair in zip(stays, parts, strict=True)]


def thinned(points: ThinnedSeries, fineness: int) -> ThinnedSeries:
    """Return the least and the greatest value of every bucket of `bucket_starts`."""
    return followed([NO_POINTS], [points], fineness)[0]


@dataclass(frozen=True, eq=False)
class KnownPoints:
    """What is known of one number of one lane over epochs [first, stop).

    Before epoch `dense_from`, points: `thinned`. From there on every value: `values` (epochs,), NaN
    where unknown; they may end before `stop`, and nothing is known after them.
    """

    first: int
    stop: int
    thinned: ThinnedSeries = NO_POINTS
    dense_from: int = 0
    values: Floats = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, values: Floats, first: int = 0) -> "KnownPoints":
        """Return what is known if `values` (epochs,) are those of epochs `first` and after."""
        return cls(first, first + len(values), NO_POINTS, first, values)

    @property
    def end(self) -> int:
        """One past the last epoch that may have a value."""
        if len(self.values):
            return self.dense_from + len(self.values)
        return int(self.thinned.epochs[-1]) + 1 if len(self.thinned.epochs) else self.first

    def at(self, epoch: int) -> float:
        """Return the value at an epoch, NaN if it is not on record."""
        if self.dense_from <= epoch:
            inside = epoch < self.dense_from + len(self.values)
            return float(self.values[epoch - self.dense_from]) if inside else np.nan
        return self.thinned.at(epoch)

    def between(self, first: int, stop: int) -> Floats:
        """Return the values of epochs [first, stop), NaN where they are not on record."""
        found: Floats = np.full(max(0, stop - first), np.nan)
        thin = self.thinned.between(first, stop)
        found[thin.epochs - first] = thin.values
        begin = max(first, self.dense_from)
        known = self.values[begin - self.dense_from : max(begin, stop) - self.dense_from]
        found[begin - first : begin - first + len(known)] = known
        return found

    def points(self, first: int = 0) -> ThinnedSeries:
        """Return all finite values from epoch `first` on."""
        begin = max(0, first - self.dense_from)
        dense = points_of(self.dense_from + begin, self.values[begin:])
        return joined(self.thinned.between(first, self.dense_from), dense)

    def cut(self, stop: int) -> "KnownPoints":
        """Return what is known of the epochs before `stop`."""
        stop = min(stop, self.stop)
        values = self.values[: max(0, stop - self.dense_from)]
        thin = self.thinned.between(self.first, min(stop, self.dense_from))
        return KnownPoints(self.first, stop, thin, min(self.dense_from, stop), values)


FINEST = 8  # epochs in the smallest cached bucket of a span
_LEAST_ROOM = 1024


class EpochSpan:
    """Every value (lanes, epochs) of epochs [begin, stop), NaN where unknown, with room for more.

    For drawing, `_levels[k]` caches the least and the greatest finite value, (2, lanes, capacity),
    of every FINEST · 2ᵏ epochs. The first bucket is the first one entirely in the span, and the
    first `_done[k]` buckets are complete. The caches take half as much memory as the values.
    """

    def __init__(self, lanes: int, begin: int = 0) -> None:
        self.begin = self.stop = begin
        self.values: Floats = np.full((lanes, _LEAST_ROOM), np.nan)
        self._levels: list[Floats] = []
        self._done: list[int] = []

    @property
    def nbytes(self) -> int:
        """Bytes reserved for values and caches."""
        return int(self.values.nbytes + sum(ends.nbytes for ends in self._levels))

    @property
    def lanes(self) -> int:
        """The number of lanes."""
        return len(self.values)

    def part(self, which: Lanes, first: int, stop: int) -> Floats:
        """Return a view of the values of epochs [first, stop) that are in the span."""
        begin = max(0, first - self.begin)
        return self.values[which, begin : max(begin, min(stop, self.stop) - self.begin)]

    def lay_over(self, found: Floats, first: int, which: Lanes, stop: int) -> None:
        """Write what is known of epochs [first, stop) into `found` (…, stop − first)."""
        begin = max(first, self.begin)
        values = self.part(which, begin, stop)
        if values.size:
            place = found[..., begin - first : begin - first + values.shape[-1]]
            np.copyto(place, values, where=~np.isnan(values))

    def write(self, which: slice, first: int, values: Floats, most: int | None = None) -> None:
        """Write values (lanes, epochs) at epochs `first` ≥ begin and after; see `make_room`."""
        stop = first + values.shape[1]
        self.make_room(stop, most)
        self.values[which, first - self.begin : stop - self.begin] = values
        self.changed(first)

    def make_room(self, stop: int, most: int | None = None) -> None:
        """Make room for epochs before `stop`, doubling the room up to `most` epochs."""
        need, room = stop - self.begin, self.values.shape[1]
        if need > room:
            twice = 2 * room if most is None else min(2 * room, most)
            grown = np.full((self.lanes, max(need, twice)), np.nan)
            grown[:, : self.stop - self.begin] = self.values[:, : self.stop - self.begin]
            self.values = grown
        self.stop = max(self.stop, stop)

    def drop_before(self, begin: int) -> None:
        """Drop the epochs before `begin`."""
        kept = self.values[:, begin - self.begin : self.stop - self.begin]
        self.values[:, : kept.shape[1]] = kept
        self.values[:, kept.shape[1] :] = np.nan
        bases = [self._base(level) for level in range(len(self._levels))]
        self.begin, self.stop = begin, max(begin, self.stop)
        for level, base in enumerate(bases):
            gone, done = self._base(level) - base, self._done[level]
            self._done[level] = max(0, done - gone)
            ends = self._levels[level]
            ends[:, :, : self._done[level]] = ends[:, :, gone : gone + self._done[level]]

    def forget(self, lane: int, stop: int) -> None:
        """Drop the values of a lane at epoch `stop` and after."""
        self.values[lane, max(0, stop - self.begin) :] = np.nan
        self.changed(stop)

    def copy_lane(self, lane: int) -> None:
        """Add a copy of a lane."""
        self.values = np.vstack([self.values, self.values[lane]])
        self._levels = [np.append(ends, ends[:, lane, None], axis=1) for ends in self._levels]

    def close_lane(self, lane: int) -> None:
        """Drop a lane."""
        self.values = np.delete(self.values, lane, axis=0)
        self._levels = [np.delete(ends, lane, axis=1) for ends in self._levels]

    # Least and greatest

    def changed(self, first: int) -> None:
        """Invalidate the caches from epoch `first` on."""
        for level, done in enumerate(self._done):
            self._done[level] = max(0, min(done, first // (FINEST << level) - self._base(level)))

    def _base(self, level: int) -> int:
        """Return the number of the first bucket of a level that lies entirely in the span."""
        return -(-self.begin // (FINEST << level))

    def extremes(self, which: Lanes, first: int, stop: int, width: int) -> tuple[Floats, Floats]:
        """Return the least and greatest finite values (lanes, buckets) of every `width` epochs.

        [first, stop) lies in the span and is not empty; buckets begin at multiples of `width`, a
        power of two. The arrays are new.
        """
        if width < FINEST or width == 1:
            return _reduced(self.part(which, first, stop), first, width)
        # a bucket much wider than a part of the span is made of several
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
        """Bring the cache of a level up to date; return its number of buckets."""
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
        """Fill buckets `done` to `wanted` of a level, from the values or from the level before."""
        first = self._base(level)
        if level:
            begin = 2 * first - self._base(level - 1)
            finer = self._levels[level - 1][:, :, begin + 2 * done : begin + 2 * wanted]
            for merge, side, halves in zip((np.fmin, np.fmax), ends, finer, strict=True):
                merge(halves[:, ::2], halves[:, 1::2], out=side[:, done:wanted])
            return
        begin = first * FINEST - self.begin
        fresh = self.values[:, begin + done * FINEST : begin + wanted * FINEST]
        ends[:, :, done:wanted] = _reduced(fresh, 0, FINEST)


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def _reduced(values: Floats, first: int, width: int) -> tuple[Floats, Floats]:
    """Return the extremes of every bucket of values (lanes, epochs) at epochs `first` and after.

    `width` is a power of two. With a width of one epoch, both are the same array.
    """
    if width == 1:
        low = _finite(values)
        return low, low
    before, epochs = first % width, values.shape[1]  # the first and last bucket may be cut off
    low = np.full((len(values), -(-(before + epochs) // width) * width), np.nan)
    np.copyto(low[:, before : before + epochs], values, where=np.isfinite(values))
    high = low
    while width > 1:  # halves of buckets: much faster than `reduceat`
        low = np.fmin(low[:, ::2], low[:, 1::2])
        high = np.fmax(high[:, ::2], high[:, 1::2])
        width //= 2
    return low, high
