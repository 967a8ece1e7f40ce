"""Series: one number for every lane and epoch, all of them or in bounded memory, and their curves.

A curve for drawing is the least and the greatest value of every few epochs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.training.spans import (
    NO_POINTS,
    EpochSpan,
    KnownPoints,
    Lanes,
    ThinnedSeries,
    block_extremes,
    bucket_starts,
    bucket_width,
    fineness_of,
    followed,
    joined,
    points_of,
)

DENSE_EPOCHS = 1 << 17
"""How many of the newest epochs a bounded series keeps in full: about a second of training."""
LEAST_DENSE_EPOCHS = 2048
REVISITED_EPOCHS = 1024  # how many old epochs are kept in full after going back to them
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

    What was made from points is cached until `forget`, because a run draws it many times.
    """

    # by lanes, first epoch and width of the buckets: one past the last epoch, and the buckets
    _cache: dict[tuple[tuple[int, ...], int, int], tuple[int, Floats, Floats]] = field(
        default_factory=dict
    )

    def forget(self, stop: int = 0) -> None:
        """Keep only what was made from points before epoch `stop`: later ones have changed."""
        for key, (known, low, high) in self._cache.items():
            if known > stop:
                _, begin, width = key
                done = max(0, stop - begin) // width
                self._cache[key] = begin + done * width, low[:, :done], high[:, :done]

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
        key = (lanes, begin, width)
        if key not in self._cache and len(self._cache) >= _CACHED:
            self._cache.clear()
        known, low, high = self._cache.get(key) or self._halved(lanes, begin, width)
        if known != stop:
            # whole buckets are made already, unless they are too many
            done = (known - begin) // width if known < stop else 0
            at, more = begin + done * width, -(-(stop - begin) // width) - done
            fresh = np.full((2, len(lanes), more), np.nan)
            _put_ends([points[lane].between(at, stop) for lane in lanes], at, width, *fresh)
            low = np.concatenate([low[:, :done], fresh[0]], axis=1)
            high = np.concatenate([high[:, :done], fresh[1]], axis=1)
            self._cache[key] = stop, low, high
        return low, high

    def _halved(self, lanes: tuple[int, ...], begin: int, width: int) -> tuple[int, Floats, Floats]:
        """Return the epoch up to which there are buckets made from narrower ones, and these."""
        nothing = np.empty((len(lanes), 0))
        known, low, high = self._cache.get((lanes, begin, width // 2), (begin, nothing, nothing))
        done = (known - begin) // width
        low, high = (
            merge(ends[:, : 2 * done : 2], ends[:, 1 : 2 * done : 2])
            for merge, ends in ((np.fmin, low), (np.fmax, high))
        )
        return begin + done * width, low, high


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
    _put_ends([known.points()], 0, width, low[None], high[None])
    return Buckets(width, known.stop, low, high, 0, known.dense_from)


def _put_ends(
    lanes: Sequence[ThinnedSeries], first: int, width: int, low: Floats, high: Floats
) -> None:
    """Write the extremes of buckets (lanes, buckets) that have points.

    The first bucket begins at `first`.
    """
    epochs, values = joined(*lanes)
    lane = np.repeat(np.arange(len(lanes)), [len(one.epochs) for one in lanes])
    place = (epochs - first) // width + low.shape[1] * lane
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    if len(starts):
        low.flat[place[starts]] = np.minimum.reduceat(values, starts)
        high.flat[place[starts]] = np.maximum.reduceat(values, starts)


def _concatenated(early: Floats, late: Floats, inside: bool, merge: np.ufunc) -> Floats:
    """Return both buckets (lanes, buckets); if `inside`, the last and the first are one bucket."""
    if not inside:
        return np.concatenate([early, late], axis=1)
    found = np.concatenate([early, late[:, 1:]], axis=1)
    at = early.shape[1] - 1
    found[:, at] = merge(early[:, -1], late[:, 0])
    return found


class Series:
    """One number per lane and epoch: of all epochs, or in bounded memory.

    Without `dense` every value is kept. With it, at least that many of the newest epochs are (with
    many lanes `2 · dense / lanes`, but at least LEAST_DENSE_EPOCHS). Of the epochs before
    `dense_from`, only points are kept: the least and the greatest value of buckets that grow with
    the age of their epochs, see `bucket_starts`. When a run goes back to such an epoch, the values
    that it writes there again are kept in full in a second span, until it goes to other old epochs.
    """

    def __init__(self, lanes: int, dense: int | None = None) -> None:
        self._limit = dense
        self._newest = EpochSpan(lanes)
        self._revisited: EpochSpan | None = None
        self._points = [NO_POINTS] * lanes  # of each lane, before `dense_from`
        self._ends = np.zeros(lanes, np.int64)  # one past each lane's last epoch
        self._unsaved = np.zeros(lanes, np.int64)  # each lane's first unsaved epoch
        self._curves = Curves()

    @property
    def lanes(self) -> int:
        """The number of lanes."""
        return len(self._points)

    @property
    def stop(self) -> int:
        """One past the last epoch that was written."""
        return self._newest.stop

    @property
    def dense_from(self) -> int:
        """The first epoch from which on every value is on record."""
        return self._newest.begin

    @property
    def nbytes(self) -> int:
        """Bytes that the series takes."""
        points = sum(one.epochs.nbytes + one.values.nbytes for one in self._points)
        return points + self._newest.nbytes + (self._revisited.nbytes if self._revisited else 0)

    # Writing

    def write(self, first: int, block: Floats) -> None:
        """Write `block` (epochs, lanes) at epochs `first` and after."""
        self._write(slice(None), first, block.T)

    def write_lane(self, lane: int, first: int, values: Floats) -> None:
        """Write `values` (epochs,) of one lane at epochs `first` and after."""
        self._write(slice(lane, lane + 1), first, values[None])

    def _write(self, which: slice, first: int, values: Floats) -> None:
        """Write values (lanes, epochs) of neighbouring lanes at epochs `first` and after."""
        most = self._most
        if most is not None and values.shape[1] > (step := min(most, REVISITED_EPOCHS)):
            for at in range(0, values.shape[1], step):
                self._write(which, first + at, values[:, at : at + step])
            return
        stop = first + values.shape[1]
        self._mark_written(which, first, values)
        if first < self.dense_from:
            self._write_revisited(which, first, values[:, : self.dense_from - first])
            values, first = values[:, self.dense_from - first :], self.dense_from
        if values.shape[1]:
            if most is not None and stop - self.dense_from > 2 * most:
                self._thin(stop - most)
            self._newest.write(which, first, values, None if most is None else 2 * most)
        self._ends[which] = np.maximum(self._ends[which], stop)

    @property
    def _most(self) -> int | None:
        """How many epochs are dense at least."""
        if self._limit is None:
            return None
        limit = self._limit
        return max(min(LEAST_DENSE_EPOCHS, limit), min(limit, 2 * limit // self.lanes))

    def _mark_written(self, which: slice, first: int, values: Floats) -> None:
        """Mark what is new as unsaved; writing the same values again is not new."""
        stop = first + values.shape[1]
        unsaved, ends = self._unsaved[which], self._ends[which]
        if first >= self.stop:
            np.minimum(unsaved, first, out=unsaved)
            return
        if first < self.dense_from:
            old = ends < min(stop, self.dense_from)
            unsaved[old] = np.minimum(unsaved[old], np.maximum(first, ends[old]))
        begin = max(first, self.dense_from)
        if begin < stop:
            given = values[:, begin - first :]
            known = np.full(given.shape, np.nan)
            there = self._newest.part(which, begin, stop)
            known[:, : there.shape[1]] = there
            same = (known == given) | (np.isnan(known) & np.isnan(given))
            changed = ~same.all(axis=1)
            np.minimum(unsaved, begin + same.argmin(axis=1), out=unsaved, where=changed)

    def _write_revisited(self, which: slice, first: int, values: Floats) -> None:
        """Write values at thinned epochs; lanes that end before them get points."""
        stop = first + values.shape[1]
        revisited = self._revisited
        if revisited is None or not revisited.begin <= first <= revisited.stop:
            revisited = self._revisited = EpochSpan(self.lanes, first)
        room = min(self._most or REVISITED_EPOCHS, REVISITED_EPOCHS)
        if stop - revisited.begin > 2 * room:
            revisited.drop_before(stop - room)
        revisited.write(which, first, values, 2 * room)
        for lane in range(self.lanes)[which]:
            begin = max(first, int(self._ends[lane]))
            if begin < stop:
                self._add_points(lane, points_of(begin, revisited.part(lane, begin, stop)))

    def _add_points(self, lane: int, more: ThinnedSeries) -> None:
        (self._points[lane],) = followed([self._points[lane]], [more], fineness_of(self.lanes))
        self._curves.forget()

    def _thin(self, begin: int) -> None:
        """Replace the values before about epoch `begin` by points."""
        first, fineness = self.dense_from, fineness_of(self.lanes)
        last = bucket_width(begin, fineness)
        if 2 * last <= (self._most or 0):
            begin = begin // last * last
        at = first
        while at < begin:  # every width of bucket
            width = bucket_width(at, fineness)
            stop = min(begin, 2 * fineness * width)
            more = block_extremes(at, self._newest.part(slice(None), at, stop), width)
            if at % width == 0 == stop % width:  # whole buckets
                self._points = [joined(*pair) for pair in zip(self._points, more, strict=True)]
            else:
                self._points = followed(self._points, more, fineness)
                self._curves.forget(at // width * width)
            at = stop
        self._newest.drop_before(begin)

    def restore(self, known: Sequence[KnownPoints]) -> None:
        """Fill an empty series with what is known of every lane."""
        end = max(one.end for one in known)
        begin, most = 0, self._most
        if most is not None:
            begin = min(end, max(0, end - most, *(one.dense_from for one in known)))
        self._newest = EpochSpan(self.lanes, begin)
        self._newest.make_room(end)
        for lane, one in enumerate(known):
            self._newest.write(slice(lane, lane + 1), begin, one.between(begin, end)[None])
            self._ends[lane] = one.end
            self._add_points(lane, one.cut(begin).points())

    # Reading

    def at(self, lane: int, epoch: int) -> float:
        """Return a lane's value at `epoch`, or NaN."""
        for span in (self._newest, self._revisited):
            if span and span.begin <= epoch < span.stop:
                value = float(span.values[lane, epoch - span.begin])
                if span is self._newest or not np.isnan(value):
                    return value
        return self._points[lane].at(epoch)

    def between(self, lane: int, first: int, stop: int) -> Floats:
        """Return a lane's values of epochs [first, stop), a copy; NaN where not on record."""
        found: Floats = np.full(max(0, stop - first), np.nan)
        if first < self.dense_from:
            points = self._points[lane].between(first, stop)
            found[points.epochs - first] = points.values
            if self._revisited:
                self._revisited.lay_over(found, first, lane, stop)
        self._newest.lay_over(found, first, lane, stop)
        return found

    def block(self, first: int, stop: int) -> Floats:
        """Return a copy of the dense values (epochs, lanes) of [first, stop), NaN elsewhere."""
        found: Floats = np.full((self.lanes, stop - first), np.nan)
        for span in (self._revisited, self._newest):
            if span:
                span.lay_over(found, first, slice(None), stop)
        return found.T

    def known(self, lane: int, first: int, stop: int, viewed: int = -1) -> KnownPoints:
        """Return a copy of what is known of a lane over epochs [first, stop).

        Of the revisited epochs it includes only the value at `viewed`.
        """
        dense_from = min(max(first, self.dense_from), max(first, stop))
        values = self._newest.part(lane, dense_from, min(stop, int(self._ends[lane]))).copy()
        # points need no copy: every change makes new ones
        thinned = self._points[lane].between(first, dense_from)
        if first <= viewed < dense_from:
            thinned = thinned.with_point(viewed, self.at(lane, viewed))
        return KnownPoints(first, stop, thinned, dense_from, values)

    def least(self, lane: int, stop: int, first: int = 0) -> tuple[int, float]:
        """Return epoch and size of a lane's least value in [first, stop); (0, NaN) if none."""
        epochs, values = self._points[lane].between(first, stop)
        dense_from = max(first, self.dense_from)
        dense = self._newest.part(lane, dense_from, max(dense_from, stop))
        early = float(values.min()) if len(values) else np.nan
        late = float(np.fmin.reduce(dense)) if len(dense) else np.nan
        if np.isnan(early) and np.isnan(late):
            return 0, np.nan
        if not late < early and not np.isnan(early):
            return int(epochs[values.argmin()]), early
        return dense_from + int(np.argmax(dense == late)), late

    def take_unsaved(self, lane: int, recorded: int) -> int:
        """Return the first epoch written or dropped since the last call, and mark all as saved."""
        unsaved, self._unsaved[lane] = int(self._unsaved[lane]), recorded + 1
        return min(unsaved, recorded + 1)

    # Lanes

    def forget(self, lane: int, after: int) -> None:
        """Drop what a lane has after epoch `after`."""
        stop = after + 1
        self._unsaved[lane] = min(self._unsaved[lane], stop)
        self._ends[lane] = min(self._ends[lane], stop)
        self._newest.forget(lane, stop)
        if stop < self.dense_from:
            self._cut(lane, stop)
            self._retreat()

    def _cut(self, lane: int, stop: int) -> None:
        """Drop points from epoch `stop` on; a bucket cut in two is made again where possible."""
        begin = int(bucket_starts(np.array([max(0, stop - 1)]), fineness_of(self.lanes))[0])
        revisited, more = self._revisited, NO_POINTS
        if revisited:
            revisited.forget(lane, stop)
            begin = max(begin, revisited.begin)
            if begin < stop <= revisited.stop:
                more = points_of(begin, revisited.part(lane, begin, stop))
        if len(more.epochs):
            stop = begin  # these points are unsaved
            self._unsaved[lane] = min(self._unsaved[lane], begin)
        self._points[lane] = self._points[lane].between(0, stop)
        self._add_points(lane, more)
        self._curves.forget()

    def _retreat(self) -> None:
        """Make the revisited epochs the newest ones if no lane has later ones."""
        end, revisited = int(self._ends.max()), self._revisited
        if end >= self.dense_from:
            return
        begin = end
        if revisited and revisited.begin <= end <= revisited.stop:
            begin = revisited.begin
            np.minimum(self._unsaved, begin, out=self._unsaved)  # more is on record than was saved
        newest = EpochSpan(self.lanes, begin)
        newest.make_room(end)
        for lane in range(self.lanes):
            own = self.between(lane, begin, end)
            newest.write(slice(lane, lane + 1), begin, own[None])
            self._points[lane] = self._points[lane].between(0, begin)
        self._newest = newest
        if revisited and revisited.stop >= begin:
            self._revisited = None
        self._curves.forget()

    def copy_lane(self, lane: int, last: int) -> None:
        """Add a lane with the values that the lane at position `lane` has up to epoch `last`."""
        self._newest.copy_lane(lane)
        if self._revisited:
            self._revisited.copy_lane(lane)
        self._points.append(self._points[lane])
        self._ends = np.append(self._ends, self._ends[lane])
        self._unsaved = np.append(self._unsaved, 0)
        self._curves.forget()
        self.forget(self.lanes - 1, last)
        self._unsaved[-1] = 0

    def close_lane(self, position: int) -> None:
        """Drop a lane's values; later positions move up by one."""
        self._newest.close_lane(position)
        if self._revisited:
            self._revisited.close_lane(position)
        del self._points[position]
        self._ends = np.delete(self._ends, position)
        self._unsaved = np.delete(self._unsaved, position)
        self._curves.forget()
        self._retreat()

    # Curves

    def windows(self, lanes: Sequence[int], first: int, stop: int) -> list[Buckets]:
        """Return copies of several lanes' curves over [first, stop); see `Curves.windows`."""
        return self._curves.windows(self._newest, self._points, lanes, first, stop)
