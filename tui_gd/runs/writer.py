"""Writes batches of a run into the store's tables, each batch in one transaction."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from tui_gd.runs.database import stored_seed
from tui_gd.runs.rows import (
    POINT_BYTES,
    Row,
    RunRows,
    cut,
    thin_rows,
    thinned,
    whole_row,
)
from tui_gd.runs.store import Store
from tui_gd.training.checkpoint import Checkpoint, Delta, Keyframe, LaneDelta
from tui_gd.training.evaluation import Best
from tui_gd.training.spans import FINENESS

BLOCK = 1024
"""Epochs per row of losses at least; the smaller rows of slow runs are joined to this many."""
LOSS_BYTES = 32 << 20
"""A run's losses take at most this; beyond it the older ones are thinned."""
KEYFRAMES = 64
"""Keyframes are thinned to this many when there are twice as many."""
FRAME_BYTES = 64 << 20
"""Keyframes take at most this, unless the first and the last alone take more."""
_USUAL_SERIES = 4
"""So many numbers an epoch has; validation losses, if any, make a run a quarter larger."""
_DOUBLINGS = 24
"""The longest run's number of epochs has doubled this often since thinning began."""


@dataclass(frozen=True, eq=False)
class Batch:
    """What to write of a run: `delta`, or the whole run in `checkpoint`, and its state."""

    delta: Delta
    checkpoint: Checkpoint | None
    state: str
    stopped: str
    stopped_at: float
    seed: int
    goal: int


@dataclass
class Writer:
    """Writes the batches of one run; it caches where rows end, so only one may write a run.

    It calls `give_way`, which may wait, before every lane.
    """

    store: Store
    run: str
    give_way: Callable[[], object] = lambda: None
    _stops: dict[int, int] = field(default_factory=dict)  # by lane, the epoch after its last row
    _small: dict[int, list[int]] = field(default_factory=dict)  # by lane, short rows' first epochs
    _unmeasured: float = float("inf")  # bytes of losses written since `_thin_losses` looked
    _frames: int = 0
    _most_frames: int = 0
    _best: dict[int, Best] | None = None  # by lane, what is stored; None if that is not known

    def __post_init__(self) -> None:
        self._rows = RunRows(self.store.connection, self.run)
        with self.store.transaction():
            stops = "SELECT lane, max(stop) FROM losses WHERE run = ? GROUP BY lane"
            self._stops = dict(self._rows.execute(stops).fetchall())
            self._frames = self._number("SELECT count(*) FROM keyframes WHERE run = ?")

    def _number(self, question: str) -> int:
        (number,) = self._rows.execute(question).fetchone()
        return int(number)

    def write(self, batch: Batch) -> None:
        """Write all of a batch or nothing; after a `StoreError` only a whole checkpoint fits."""
        with self.store.transaction():
            if batch.checkpoint:
                self._write_whole(batch.checkpoint)
            else:
                self._write_delta(batch.delta)
            self._thin_frames(batch.delta.epoch)
            if self._unmeasured > LOSS_BYTES / 8:
                self._thin_losses(batch.delta)
            self._write_run(batch)

    def _write_run(self, batch: Batch) -> None:
        delta = batch.delta
        self._rows.connection.execute(
            "UPDATE runs SET changed = ?, state = ?, stopped = ?, stopped_at = ?, epoch = ?,"
            " newest = ?, goal = ?, seed = ?, next_number = ?, lanes = ?, best = (SELECT min(least)"
            " FROM losses WHERE run = ? AND least IS NOT NULL) WHERE id = ?",
            (
                time.time(),
                batch.state,
                batch.stopped,
                int(batch.stopped_at) if math.isfinite(batch.stopped_at) else None,
                delta.epoch,
                delta.newest,
                batch.goal,
                stored_seed(batch.seed),
                delta.next_number,
                len(delta.lanes),
                self.run,
                self.run,
            ),
        )

    def _write_whole(self, checkpoint: Checkpoint) -> None:
        self._delete_all()
        self._rows.put_lanes(checkpoint.lanes)
        self._put_best(checkpoint.best)
        self._rows.put_entries(0, checkpoint.entries)
        for frame in checkpoint.keyframes:
            self._put_frame(frame)
        changes = [
            LaneDelta(
                lane.number,
                0,
                {name: lanes[lane.number] for name, lanes in checkpoint.series.items()},
            )
            for lane in checkpoint.lanes
        ]
        self._write_losses(changes)

    def _write_delta(self, delta: Delta) -> None:
        valid_to = delta.valid_to
        if delta.restart:
            self._delete_all()
            self._put_frame(delta.restart)
        else:
            present = {lane.number for lane in delta.lanes}
            for number in self._stops.keys() - present:
                self._rows.execute("DELETE FROM losses WHERE run = ? AND lane = ?", number)
                del self._stops[number]
                self._small.pop(number, None)
            # later keyframes have no row of a new branch
            new = present - self._stops.keys()
            branched = [lane.branched_at for lane in delta.lanes if lane.number in new]
            if branched and self._stops:
                valid_to = min(valid_to, *branched)
        if valid_to != float("inf"):
            self._rows.execute("DELETE FROM keyframes WHERE run = ? AND epoch > ?", int(valid_to))
        self._rows.put_lanes(delta.lanes)
        self._put_best(delta.best)
        if delta.entries:
            place = self._number("SELECT count(*) FROM entries WHERE run = ?")
            self._rows.put_entries(place, delta.entries)
        self._put_frame(delta.keyframe)
        self._write_losses(list(delta.changes))

    def _delete_all(self) -> None:
        for table in ("lanes", "entries", "keyframes", "losses", "best"):
            self._rows.execute(f"DELETE FROM {table} WHERE run = ?")
        self._stops, self._small, self._frames, self._best = {}, {}, 0, {}

    # Losses

    def _write_losses(self, changes: list[LaneDelta]) -> None:
        rows = []
        for change in changes:
            self.give_way()
            number, first = change.number, change.first
            if self._stops.get(number, 0) != first:
                self._drop_from(number, first)
            stop = max((known.stop for known in change.values.values()), default=first)
            whole = max((known.dense_from for known in change.values.values()), default=first)
            self._stops[number] = stop
            if first < (thin := min(whole, stop)):  # these are recorded as points only
                known = ((name, one.cut(thin).points()) for name, one in change.values.items())
                fresh = thin_rows(first, thin, known, fineness(len(changes)))
                rows += [(number, row) for row in fresh]
                self._small.pop(number, None)
            if whole < stop:
                late = {name: known.between(whole, stop) for name, known in change.values.items()}
                row = whole_row(whole, late)
                rows.append((number, self._joined(number, row)))
        self._unmeasured += self._rows.put_losses(rows)

    def _drop_from(self, number: int, first: int) -> None:
        """Delete what is stored of a lane from epoch `first` on."""
        reaching = self._rows.losses(number, after=first - 1)
        after = "DELETE FROM losses WHERE run = ? AND lane = ? AND stop > ?"
        self._rows.execute(after, number, first)
        kept = [(number, cut(row, first)) for row in reaching if row.first < first]
        self._rows.put_losses(kept)
        self._small[number] = [one for one in self._small.get(number, []) if one < first]

    def _joined(self, number: int, row: Row) -> Row:
        """Return the row, joined with the small rows before it if together they are long enough."""
        small = self._small.setdefault(number, [])
        begin = small[0] if small else row.first
        if row.stop - begin < BLOCK:
            small.append(row.first)
            return row
        if small:
            before = self._rows.losses(number, after=begin - 1, before=row.first)
            joined = "DELETE FROM losses WHERE run = ? AND lane = ? AND first >= ? AND first < ?"
            self._rows.execute(joined, number, begin, row.first)
            row = _one_row([*before, row])
            small.clear()
        return row

    def _thin_losses(self, delta: Delta) -> None:
        """Thin the older losses if all of them take more than `LOSS_BYTES`."""
        self._unmeasured = 0
        total = "SELECT coalesce(sum(nbytes), 0) FROM losses WHERE run = ?"
        if self._number(total) <= LOSS_BYTES:
            return
        # the newest quarter stays whole; the older ones will take at most half
        lanes = len(delta.lanes)
        whole = max(BLOCK, LOSS_BYTES // 4 // (8 * 4 * lanes))
        for lane in delta.lanes:
            self.give_way()
            end = lane.recorded - whole
            # rows that stay are not read: unpacked, they take much memory
            old = [row for row in self._rows.losses(lane.number, before=end) if row.stop <= end]
            if not old:
                continue
            thin = "DELETE FROM losses WHERE run = ? AND lane = ? AND stop <= ?"
            self._rows.execute(thin, lane.number, old[-1].stop)
            fresh = thinned(old, fineness(lanes))
            self._rows.put_losses([(lane.number, row) for row in fresh])
            gone = old[-1].stop
            small = self._small.get(lane.number, [])
            self._small[lane.number] = [one for one in small if one >= gone]

    # Weights

    def _put_best(self, best: Mapping[int, Best]) -> None:
        if best != self._best:  # each is the same object until another epoch counts
            self._rows.put_best(best)
            self._best = dict(best)

    def _put_frame(self, frame: Keyframe) -> None:
        self._rows.put_frame(frame)
        self._frames += 1
        self._most_frames = max(1, min(KEYFRAMES, FRAME_BYTES // max(1, frame.state.nbytes)))

    def _thin_frames(self, epoch: int) -> None:
        """Keep the first keyframe, that of `epoch`, the last, and an even selection between."""
        if self._frames <= 2 * self._most_frames:
            return
        rows = self._rows.execute("SELECT epoch FROM keyframes WHERE run = ? ORDER BY epoch")
        epochs = [one for (one,) in rows.fetchall()]
        self._frames = len(epochs)
        if self._frames <= 2 * self._most_frames:
            return
        kept = evenly(epochs, self._most_frames) | {epoch}
        for one in set(epochs) - kept:
            self._rows.execute("DELETE FROM keyframes WHERE run = ? AND epoch = ?", one)
        self._frames = len(kept)


def fineness(lanes: int) -> int:
    """Return the buckets' fineness at which the points of all lanes take half of `LOSS_BYTES`."""
    each = LOSS_BYTES // 2 // (POINT_BYTES * 2 * _USUAL_SERIES * _DOUBLINGS * lanes)
    return min(FINENESS, 1 << max(1, each).bit_length() - 1)


def evenly(epochs: list[int], most: int) -> set[int]:
    """Return about `most` evenly spaced ones of the sorted epochs, the first and last included."""
    apart = (epochs[-1] - epochs[0]) / most
    kept = [epochs[0]]
    for epoch in epochs:
        if epoch - kept[-1] >= apart:
            kept.append(epoch)
    return {*kept, epochs[-1]}


def _one_row(rows: list[Row]) -> Row:
    """Join adjacent whole rows."""
    first, stop = rows[0].first, rows[-1].stop
    values = {}
    for name in rows[-1].series:
        values[name] = np.full(stop - first, np.nan)
        for row in rows:
            epochs, known = row.series[name]
            values[name][epochs - first] = known
    return whole_row(first, values)
