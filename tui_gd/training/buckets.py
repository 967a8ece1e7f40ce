"""Curves for drawing: the least and the greatest value of every few epochs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.training.spans import EpochSpan, KnownPoints, Lanes, ThinnedSeries

BUCKETS = 512  # at least so many buckets a curve, twice as many at most
_HELD = 32  # curves of points


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """A curve as least and greatest values, a bucket for every `width` epochs from `first` on.

    Bucket i covers epochs [first + i·width, first + (i + 1)·width).
    `low` and `high` are (buckets,); NaN where no value of the bucket is finite. `stop` is one past
    the last epoch on record. Before epoch `whole` there are points of a thinned record, and NaN
    between them where a bucket is narrower than they lie apart; `beside` are (epoch, value) of the
    last one before the curve and the first one after it.
    """

    width: int
    stop: int
    low: Floats
    high: Floats
    first: int = 0
    whole: int = 0
    beside: tuple[tuple[int, float], ...] = ()


@dataclass(slots=True)
class Curves:
    """Makes curves of points and of the whole stretch that follows them.

    Those of points are held until `clear`, for a run draws the same ones many times.
    """

    _held: dict[tuple[object, ...], tuple[Floats, Floats]] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget what was made of points that have changed."""
        self._held.clear()

    def windows(
        self,
        whole: EpochSpan,
        points: list[ThinnedSeries],
        lanes: Sequence[int],
        first: int,
        stop: int,
    ) -> list[Buckets]:
        """Return the curves of several lanes over epochs [first, stop), copies.

        `points[lane]` are of epochs before `whole`. A negative `first` is counted from `stop`: −100
        are the last hundred. The width of the buckets is the least power of 2 of which 2·BUCKETS
        are enough; the first bucket begins at a multiple of it, at `first` or less than a bucket
        before.
        """
        stop = min(stop, whole.stop)
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
        elif begin >= whole.begin:
            low, high = whole.ends(which, begin, stop, width)
        else:
            low, high = self._of_points(points, tuple(lanes), begin, min(stop, whole.begin), width)
            if stop > whole.begin:
                late = whole.ends(which, whole.begin, stop, width)
                inside = whole.begin % width > 0
                low = _laid_together(low, late[0], inside, np.fmin)
                high = _laid_together(high, late[1], inside, np.fmax)
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
                min(whole.begin, stop),
                _beside(whole, points[lane], lane, begin, stop) if begin < whole.begin else (),
            )
            for lane, ends in zip(lanes, pairs, strict=True)
        ]

    def _of_points(
        self, points: list[ThinnedSeries], lanes: tuple[int, ...], begin: int, stop: int, width: int
    ) -> tuple[Floats, Floats]:
        """Return least and greatest (lanes, buckets) of points of [begin, stop), as they are held.

        They are not to be written to.
        """
        key = (lanes, begin, stop, width)
        if key not in self._held:
            if len(self._held) >= _HELD:
                self._held.clear()
            low, high = np.full((2, len(lanes), -(-(stop - begin) // width)), np.nan)
            for i, lane in enumerate(lanes):
                _put_ends(points[lane].between(begin, stop), begin, width, low[i], high[i])
            self._held[key] = low, high
        return self._held[key]


def _beside(
    whole: EpochSpan, points: ThinnedSeries, lane: int, first: int, stop: int
) -> tuple[tuple[int, float], ...]:
    """Return what a lane has on record next to epochs [first, stop)."""
    found = []
    if first and (begin := int(np.searchsorted(points.epochs, first))):
        found.append((int(points.epochs[begin - 1]), float(points.values[begin - 1])))
    if stop <= whole.begin:
        end = int(np.searchsorted(points.epochs, stop))
        if end < len(points.epochs):
            found.append((int(points.epochs[end]), float(points.values[end])))
        elif np.isfinite(whole.values[lane, 0]):
            found.append((whole.begin, float(whole.values[lane, 0])))
    return tuple(found)


def curve_of(known: KnownPoints, most: int) -> Buckets:
    """Return what is known of a lane as a curve of at most `most` buckets, all of equal width."""
    width = max(1, -(-known.stop // most))
    low, high = np.full((2, -(-known.stop // width)), np.nan)
    _put_ends(known.points(), 0, width, low, high)
    return Buckets(width, known.stop, low, high, 0, known.whole)


def _put_ends(points: ThinnedSeries, first: int, width: int, low: Floats, high: Floats) -> None:
    """Put least and greatest into the buckets that have points; the first begins at `first`."""
    epochs, values = points
    place = (epochs - first) // width
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    if len(starts):
        low[place[starts]] = np.minimum.reduceat(values, starts)
        high[place[starts]] = np.maximum.reduceat(values, starts)


def _laid_together(early: Floats, late: Floats, inside: bool, merge: np.ufunc) -> Floats:
    """Return buckets (lanes, buckets) and those that follow; `inside` the first has a bucket."""
    if not inside:
        return np.concatenate([early, late], axis=1)
    found = np.concatenate([early, late[:, 1:]], axis=1)
    at = early.shape[1] - 1
    found[:, at] = merge(early[:, -1], late[:, 0])
    return found
