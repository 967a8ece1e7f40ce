"""Series: one number for every lane and epoch, and the curves that are drawn of them."""

from collections.abc import Sequence

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.training.buckets import Buckets, Curves
from tui_gd.training.spans import (
    NO_POINTS,
    EpochSpan,
    KnownPoints,
    ThinnedSeries,
    block_extremes,
    bucket_starts,
    bucket_width,
    fineness_of,
    followed,
    joined,
    points_of,
)

WHOLE = 1 << 17
"""So many newest epochs are whole in a bounded series: a second's, where epochs are fastest."""
LEAST_WHOLE = 2048
ASIDE = 1024  # so many old epochs that were gone back to are whole


class Series:
    """One number per lane and epoch: of all epochs, or in bounded memory.

    Without `whole` every value is kept. With it, at least so many newest epochs are (fewer of many
    lanes: `2 · whole / lanes`, but not less than LEAST_WHOLE); of those before them, `points`, the
    least and greatest of buckets that grow with their epochs' age, see `bucket_starts`. What is
    written again at such an epoch, since a run went back there, is whole in a second stretch,
    aside, until other old epochs are gone to.
    """

    def __init__(self, lanes: int, whole: int | None = None) -> None:
        self._limit = whole
        self._newest = EpochSpan(lanes)
        self._aside: EpochSpan | None = None
        self._points = [NO_POINTS] * lanes  # of each lane's epochs before those in `_newest`
        self._ends = np.zeros(lanes, np.int64)  # one past each lane's last epoch
        self._fresh = np.zeros(lanes, np.int64)  # each lane's first epoch not told as delta
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
    def whole(self) -> int:
        """The epoch from which on every value is on record."""
        return self._newest.begin

    @property
    def nbytes(self) -> int:
        """Bytes that the record takes."""
        points = sum(one.epochs.nbytes + one.values.nbytes for one in self._points)
        return points + self._newest.nbytes + (self._aside.nbytes if self._aside else 0)

    # Writing

    def write(self, first: int, block: Floats) -> None:
        """Put `block` (epochs, lanes) at epochs `first` and after."""
        self._put(slice(None), first, block.T)

    def write_lane(self, lane: int, first: int, values: Floats) -> None:
        """Put `values` (epochs,) of one lane at epochs `first` and after."""
        self._put(slice(lane, lane + 1), first, values[None])

    def _put(self, which: slice, first: int, values: Floats) -> None:
        """Put values (lanes, epochs) of neighbouring lanes at epochs `first` and after."""
        most = self._most
        if most is not None and values.shape[1] > (step := min(most, ASIDE)):
            for at in range(0, values.shape[1], step):
                self._put(which, first + at, values[:, at : at + step])
            return
        stop = first + values.shape[1]
        self._note(which, first, values)
        if first < self.whole:
            self._put_aside(which, first, values[:, : self.whole - first])
            values, first = values[:, self.whole - first :], self.whole
        if values.shape[1]:
            if most is not None and stop - self.whole > 2 * most:
                self._thin(stop - most)
            self._newest.write(which, first, values, None if most is None else 2 * most)
        self._ends[which] = np.maximum(self._ends[which], stop)

    @property
    def _most(self) -> int | None:
        """How many epochs are whole at least."""
        if self._limit is None:
            return None
        return max(min(LEAST_WHOLE, self._limit), min(self._limit, 2 * self._limit // self.lanes))

    def _note(self, which: slice, first: int, values: Floats) -> None:
        """Take note of what is delta; the same values again are none."""
        stop = first + values.shape[1]
        fresh, ends = self._fresh[which], self._ends[which]
        if first >= self.stop:
            np.minimum(fresh, first, out=fresh)
            return
        if first < self.whole:
            old = ends < min(stop, self.whole)
            fresh[old] = np.minimum(fresh[old], np.maximum(first, ends[old]))
        begin = max(first, self.whole)
        if begin < stop:
            given = values[:, begin - first :]
            known = np.full(given.shape, np.nan)
            there = self._newest.part(which, begin, stop)
            known[:, : there.shape[1]] = there
            same = (known == given) | (np.isnan(known) & np.isnan(given))
            changed = ~same.all(axis=1)
            np.minimum(fresh, begin + same.argmin(axis=1), out=fresh, where=changed)

    def _put_aside(self, which: slice, first: int, values: Floats) -> None:
        """Put values at epochs of which there are points; of lanes that end before, add points."""
        stop = first + values.shape[1]
        aside = self._aside
        if aside is None or not aside.begin <= first <= aside.stop:
            aside = self._aside = EpochSpan(self.lanes, first)
        room = min(self._most or ASIDE, ASIDE)
        if stop - aside.begin > 2 * room:
            aside.drop_before(stop - room)
        aside.write(which, first, values, 2 * room)
        for lane in range(self.lanes)[which]:
            begin = max(first, int(self._ends[lane]))
            if begin < stop:
                self._add(lane, points_of(begin, aside.part(lane, begin, stop)))

    def _add(self, lane: int, more: ThinnedSeries) -> None:
        self._points[lane] = followed(self._points[lane], more, fineness_of(self.lanes))
        self._curves.clear()

    def _thin(self, begin: int) -> None:
        """Keep points of the epochs before about `begin`."""
        first, fineness = self.whole, fineness_of(self.lanes)
        # of the widths of these buckets that of the first divides all
        width, last = bucket_width(first, fineness), bucket_width(begin, fineness)
        if 2 * last <= (self._most or 0):
            begin = begin // last * last
        alike = first % width == 0 and begin % width == 0 and width == last
        going = self._newest.part(slice(None), first, begin)
        for lane, more in enumerate(block_extremes(first, going, width)):
            if alike:  # no bucket goes on from those before
                self._points[lane] = joined(self._points[lane], more)
            else:
                self._add(lane, more)
        self._curves.clear()
        self._newest.drop_before(begin)

    def restore(self, known: Sequence[KnownPoints]) -> None:
        """Take up what is known of every lane; nothing was written before."""
        end = max(one.end for one in known)
        begin, most = 0, self._most
        if most is not None:
            begin = min(end, max(0, end - most, *(one.whole for one in known)))
        self._newest = EpochSpan(self.lanes, begin)
        self._newest.make_room(end)
        for lane, one in enumerate(known):
            self._newest.write(slice(lane, lane + 1), begin, one.between(begin, end)[None])
            self._ends[lane] = one.end
            self._add(lane, one.cut(begin).points())

    # Reading

    def at(self, lane: int, epoch: int) -> float:
        """Return a lane's value at `epoch`, or NaN."""
        if epoch < self.whole:
            return float(self.between(lane, epoch, epoch + 1)[0])
        return float(self._newest.values[lane, epoch - self.whole]) if epoch < self.stop else np.nan

    def between(self, lane: int, first: int, stop: int) -> Floats:
        """Return a lane's values of epochs [first, stop), a copy; NaN where not on record."""
        found: Floats = np.full(max(0, stop - first), np.nan)
        if first < self.whole:
            points = self._points[lane].between(first, stop)
            found[points.epochs - first] = points.values
            if self._aside:
                self._aside.lay_over(found, first, lane, stop)
        self._newest.lay_over(found, first, lane, stop)
        return found

    def block(self, first: int, stop: int) -> Floats:
        """Return the whole values (epochs, lanes) of [first, stop), NaN for all others; a copy."""
        found: Floats = np.full((self.lanes, stop - first), np.nan)
        for stretch in (self._aside, self._newest):
            if stretch:
                stretch.lay_over(found, first, slice(None), stop)
        return found.T

    def known(self, lane: int, first: int, stop: int, viewed: int = -1) -> KnownPoints:
        """Return what is known of a lane over epochs [first, stop), its own copy.

        Of what is whole aside, the value at epoch `viewed` alone is in it.
        """
        whole = min(max(first, self.whole), max(first, stop))
        values = self._newest.part(lane, whole, min(stop, int(self._ends[lane]))).copy()
        # points are never written to: there are new ones with every change
        thin = self._points[lane].between(first, whole)
        if first <= viewed < whole:
            thin = thin.with_point(viewed, self.at(lane, viewed))
        return KnownPoints(first, stop, thin, whole, values)

    def least(self, lane: int, stop: int) -> tuple[int, float]:
        """Return the epoch before `stop` with a lane's least value, and that; (0, NaN) if none."""
        epochs, values = self._points[lane].between(0, stop)
        whole = self._newest.part(lane, self.whole, stop)
        early = float(values.min()) if len(values) else np.nan
        late = float(np.fmin.reduce(whole)) if len(whole) else np.nan
        if np.isnan(early) and np.isnan(late):
            return 0, np.nan
        if not late < early and not np.isnan(early):
            return int(epochs[values.argmin()]), early
        return self.whole + int(np.argmax(whole == late)), late

    def delta(self, lane: int, recorded: int) -> int:
        """Return the first epoch that was written or dropped since this was asked before."""
        fresh, self._fresh[lane] = int(self._fresh[lane]), recorded + 1
        return min(fresh, recorded + 1)

    def mark_unsaved(self) -> None:
        """Have all be delta, told or not."""
        self._fresh[:] = 0

    # Lanes

    def forget(self, lane: int, after: int) -> None:
        """Drop what a lane has after epoch `after`."""
        stop = after + 1
        self._fresh[lane] = min(self._fresh[lane], stop)
        self._ends[lane] = min(self._ends[lane], stop)
        self._newest.forget(lane, stop)
        if stop < self.whole:
            self._cut(lane, stop)
            self._retreat()

    def _cut(self, lane: int, stop: int) -> None:
        """Drop points at epoch `stop` and after; of a bucket that is cut in two, what is whole."""
        begin = int(bucket_starts(np.array([max(0, stop - 1)]), fineness_of(self.lanes))[0])
        aside, more = self._aside, NO_POINTS
        if aside:
            aside.forget(lane, stop)
            begin = max(begin, aside.begin)
            if begin < stop <= aside.stop:
                more = points_of(begin, aside.part(lane, begin, stop))
        if len(more.epochs):
            stop = begin  # there are points now that were not told
            self._fresh[lane] = min(self._fresh[lane], begin)
        self._points[lane] = self._points[lane].between(0, stop)
        self._add(lane, more)
        self._curves.clear()

    def _retreat(self) -> None:
        """Let the newest epochs be those aside, once no lane has later ones."""
        end, aside = int(self._ends.max()), self._aside
        if end >= self.whole:
            return
        begin = end
        if aside and aside.begin <= end <= aside.stop:
            begin = aside.begin
            np.minimum(self._fresh, begin, out=self._fresh)  # more is on record than was told
        newest = EpochSpan(self.lanes, begin)
        newest.make_room(end)
        for lane in range(self.lanes):
            own = self.between(lane, begin, end)
            newest.write(slice(lane, lane + 1), begin, own[None])
            self._points[lane] = self._points[lane].between(0, begin)
        self._newest = newest
        if aside and aside.stop >= begin:
            self._aside = None
        self._curves.clear()

    def copy_lane(self, lane: int, last: int) -> None:
        """Add a lane that has lane number `lane`'s values up to epoch `last`."""
        self._newest.copy_lane(lane)
        if self._aside:
            self._aside.copy_lane(lane)
        self._points.append(self._points[lane])
        self._ends = np.append(self._ends, self._ends[lane])
        self._fresh = np.append(self._fresh, 0)
        self._curves.clear()
        self.forget(self.lanes - 1, last)
        self._fresh[-1] = 0

    def close_lane(self, position: int) -> None:
        """Drop a lane's values; the positions after it move up by one."""
        self._newest.close_lane(position)
        if self._aside:
            self._aside.close_lane(position)
        del self._points[position]
        self._ends = np.delete(self._ends, position)
        self._fresh = np.delete(self._fresh, position)
        self._curves.clear()
        self._retreat()

    # Curves

    def buckets(self, lane: int, recorded: int) -> Buckets:
        """Return the curve of lane number `lane` up to epoch `recorded`, its own copy."""
        return self.window(lane, 0, recorded + 1)

    def window(self, lane: int, first: int, stop: int) -> Buckets:
        """Return lane number `lane`'s curve over epochs [first, stop), its own copy."""
        return self.windows([lane], first, stop)[0]

    def windows(self, lanes: Sequence[int], first: int, stop: int) -> list[Buckets]:
        """Return several lanes' curves over epochs [first, stop), see `Curves.windows`."""
        return self._curves.windows(self._newest, self._points, lanes, first, stop)
