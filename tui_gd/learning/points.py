"""Points: of many epochs the least and the greatest value of every few, with their epochs."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats

FINENESS = 4096
"""Buckets of points are at most so many times as narrow as their epochs are old."""
LEAST_FINENESS = 64
MOST_LANES = 8  # so many lanes have points of that fineness, more lanes have coarser ones


class Points(NamedTuple):
    """Finite values (points,) of one number of one lane, and their epochs, rising."""

    epochs: NDArray[np.int64]
    values: Floats

    def between(self, first: int, stop: int) -> "Points":
        """Return those of epochs [first, stop); views."""
        begin, end = np.searchsorted(self.epochs, [first, stop]).tolist()
        return Points(self.epochs[begin:end], self.values[begin:end])

    def at(self, epoch: int) -> float:
        """Return the value at `epoch`, NaN if there is no point."""
        i = int(np.searchsorted(self.epochs, epoch))
        found = i < len(self.epochs) and self.epochs[i] == epoch
        return float(self.values[i]) if found else np.nan

    def with_point(self, epoch: int, value: float) -> "Points":
        """Return these and one more, if it is finite and not among them."""
        if not np.isfinite(value) or not np.isnan(self.at(epoch)):
            return self
        i = int(np.searchsorted(self.epochs, epoch))
        return Points(np.insert(self.epochs, i, epoch), np.insert(self.values, i, value))

    def at_all(self, epochs: NDArray[np.int64]) -> Floats:
        """Return the values at epochs (epochs,), rising, NaN where there is no point."""
        found: Floats = np.full(len(epochs), np.nan)
        inside = np.isin(self.epochs, epochs)
        found[np.searchsorted(epochs, self.epochs[inside])] = self.values[inside]
        return found


NO_POINTS = Points(np.empty(0, np.int64), np.empty(0))


def points_of(first: int, values: Floats) -> Points:
    """Return what is finite of values (epochs,) of epochs `first` and after."""
    known = np.flatnonzero(np.isfinite(values))
    return Points(known + first, values[known])


def joined(*parts: Points) -> Points:
    """Return points that follow one another as one."""
    return Points(
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


def extremes(points: Points, buckets: NDArray[np.int64]) -> Points:
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
    return Points(epochs[chosen], values[chosen])


def thinned(points: Points, fineness: int) -> Points:
    """Return the least and greatest of every bucket of `bucket_starts`."""
    return extremes(points, bucket_starts(points.epochs, fineness))


def block_extremes(first: int, values: Floats, width: int) -> list[Points]:
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
        found.append(Points(places + first, values[lane, places]))
    return found


def followed(points: Points, more: Points, fineness: int) -> Points:
    """Return points, thinned before, and those that follow them, thinned as well.

    A bucket that began among the former goes on among the latter.
    """
    if not len(more.epochs):
        return points
    begin = int(bucket_starts(more.epochs[:1], fineness)[0])
    at = int(np.searchsorted(points.epochs, begin))
    again = Points(points.epochs[at:], points.values[at:])
    return joined(
        Points(points.epochs[:at], points.values[:at]), thinned(joined(again, more), fineness)
    )


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of one number of one lane over epochs [first, stop).

    Up to epoch `whole` as `thin` points; from there on all values, `values` (epochs,), NaN where
    unknown. They may end before `stop`: of what is later nothing is known.
    """

    first: int
    stop: int
    thin: Points = NO_POINTS
    whole: int = 0
    values: Floats = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, values: Floats, first: int = 0) -> "Known":
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

    def points(self, first: int = 0) -> Points:
        """Return all that is finite, from epoch `first` on."""
        begin = max(0, first - self.whole)
        whole = points_of(self.whole + begin, self.values[begin:])
        return joined(self.thin.between(first, self.whole), whole)

    def cut(self, stop: int) -> "Known":
        """Return what is known of epochs before `stop`."""
        stop = min(stop, self.stop)
        values = self.values[: max(0, stop - self.whole)]
        thin = self.thin.between(self.first, min(stop, self.whole))
        return Known(self.first, stop, thin, min(self.whole, stop), values)
