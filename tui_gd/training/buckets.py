"""Curves for drawing: the least and the greatest value of every few epochs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.training.spans import EpochSpan, KnownPoints, Lanes, ThinnedSeries

BUCKETS = 512  # a curve has at least this many buckets, if it has enough epochs, at most twice
_CACHED = 32  # curves of points


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """A curve as the least and greatest value of every `width` epochs from `first` on.

    Bucket i covers epochs [first + i·width, first + (i + 1)·width). `low` and `high` (buckets,) are
    NaN where a bucket has no finite value. `stop` is one past the last recorded epoch. Before epoch
    `dense_from` the record is thinned: buckets narrower than the distance of its points are NaN in
    between. `beside` has (epoch, value) of the last point before the curve and the first after it.
    """

    width: int
    stop: int
    low: Floats
    high: Floats
    first: int = 0
    dense_from: int = 0
    beside: tuple[tuple[int, float], ...] = ()


@dataclass(slots=True)
class Curves:
    """Makes curves from thinned points and the dense span that follows them.

    What was made from points is cached until `clear`, because a run draws it many times.
    """

    _cache: dict[tuple[object, ...], tuple[Floats, Floats]] = field(default_factory=dict)

    def clear(self) -> None:
        """Empty the cache: the points have changed."""
        self._cache.clear()

    def windows(
        self,
        dense: EpochSpan,
        points: list[ThinnedSeries],
        lanes: Sequence[int],
        first: int,
        stop: int,
    ) -> list[Buckets]:
        """Return copies of several lanes' curves over epochs [first, stop).

        `points[lane]` are those before `dense`. A negative `first` counts from `stop`: −100 means
        the last hundred epochs. The width of a bucket is the least power of two for which 2·BUCKETS
        suffice; buckets begin at multiples of it, the first at or just before `first`.
        """
        stop = min(stop, dense.stop)
        first = min(max(0, stop + first) if first < 0 else first, stop)
        width = 1
        while -(-stop // width) - first // width > 2 * BUCKETS:
            width *= 2
        begin = first // width * width
        which: Lanes = lanes
        if list(lanes) == list(range(lanes[0], lanes[0] + len(lanes))):
            which = slice(lanes[0], lanes[0] + len(lanes))
        if begin == stop:
            low = high = np.empty((len(lanes), 0))
        elif begin >= dense.begin:
            low, high = dense.extremes(which, begin, stop, width)
        else:
            low, high = self._of_points(points, tuple(lanes), begin, min(stop, dense.begin), width)
            if stop > dense.begin:
                late = dense.extremes(which, dense.begin, stop, width)
                inside = dense.begin % width > 0
                low = _concatenated(low, late[0], inside, np.fmin)
                high = _concatenated(high, late[1], inside, np.fmax)
            else:
                low, high = low.copy(), high.copy()
            high = low if width == 1 else high
        pairs = ((one, one) for one in low) if high is low else zip(low, high, strict=True)
        return [
            Buckets(
                width,
                stop,
                *ends,
                begin,
                min(dense.begin, stop),
                _beside(dense, points[lane], lane, begin, stop) if begin < dense.begin else (),
            )
            for lane, ends in zip(lanes, pairs, strict=True)
        ]

    def _of_points(
        self, points: list[ThinnedSeries], lanes: tuple[int, ...], begin: int, stop: int, width: int
    ) -> tuple[Floats, Floats]:
        """Return the cached extremes (lanes, buckets) of the points of [begin, stop)."""
        key = (lanes, begin, stop, width)
        if key not in self._cache:
            if len(self._cache) >= _CACHED:
                self._cache.clear()
            low, high = np.full((2, len(lanes), -(-(stop - begin) // width)), np.nan)
            for i, lane in enumerate(lanes):
                _put_ends(points[lane].between(begin, stop), begin, width, low[i], high[i])
            self._cache[key] = low, high
        return self._cache[key]


def _beside(
    dense: EpochSpan, points: ThinnedSeries, lane: int, first: int, stop: int
) -> tuple[tuple[int, float], ...]:
    """Return a lane's points next to epochs [first, stop), outside them."""
    found = []
    if first and (begin := int(np.searchsorted(points.epochs, first))):
        found.append((int(points.epochs[begin - 1]), float(points.values[begin - 1])))
    if stop <= dense.begin:
        end = int(np.searchsorted(points.epochs, stop))
        if end < len(points.epochs):
            found.append((int(points.epochs[end]), float(points.values[end])))
        elif np.isfinite(dense.values[lane, 0]):
            found.append((dense.begin, float(dense.values[lane, 0])))
    return tuple(found)


def curve_of(known: KnownPoints, most: int) -> Buckets:
    """Return what is known of a lane as a curve of at most `most` buckets of equal width."""
    width = max(1, -(-known.stop // most))
    low, high = np.full((2, -(-known.stop // width)), np.nan)
    _put_ends(known.points(), 0, width, low, high)
    return Buckets(width, known.stop, low, high, 0, known.dense_from)


def _put_ends(points: ThinnedSeries, first: int, width: int, low: Floats, high: Floats) -> None:
    """Write the extremes of buckets that have points; the first bucket begins at `first`."""
    epochs, values = points
    place = (epochs - first) // width
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    if len(starts):
        low[place[starts]] = np.minimum.reduceat(values, starts)
        high[place[starts]] = np.maximum.reduceat(values, starts)


def _concatenated(early: Floats, late: Floats, inside: bool, merge: np.ufunc) -> Floats:
    """Return both buckets (lanes, buckets); if `inside`, the last and the first are one bucket."""
    if not inside:
        return np.concatenate([early, late], axis=1)
    found = np.concatenate([early, late[:, 1:]], axis=1)
    at = early.shape[1] - 1
    found[:, at] = merge(early[:, -1], late[:, 0])
    return found
