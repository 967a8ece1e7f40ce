"""The rows of one run in the store's tables: how its numbers are packed, written and read."""

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tui_gd.learning import LOSSES, OPTIMIZERS
from tui_gd.learning.models import Floats
from tui_gd.runs.database import columns_of, json_object, seed_of
from tui_gd.session import readers
from tui_gd.training.checkpoint import Checkpoint, Keyframe, LaneRecord, of_all_lanes
from tui_gd.training.evaluation import Best
from tui_gd.training.history import SERIES, Branch, Close, Entry, Reset, SetLearningRate
from tui_gd.training.spans import NO_POINTS, KnownPoints, ThinnedSeries, bucket_width, joined
from tui_gd.training.spans import thinned as thinned_points

Values = tuple[object, ...]
POINT_BYTES = 12
LONGEST = 1 << 31
"""Epochs per row at most: they are counted in 32 bits."""


@dataclass(frozen=True)
class Row:
    """One lane's numbers of epochs [first, stop), by the names of the series.

    With `width` 1 a series has a number for every epoch from `first` on, NaN where none is known;
    it may end early. A wider row has points: the least and the greatest number of every bucket of
    `width` epochs.
    """

    first: int
    stop: int
    width: int
    series: Mapping[str, ThinnedSeries]

    @property
    def least(self) -> float | None:
        """The least finite training loss."""
        values = points(self, "train").values
        return float(values.min()) if values.size else None

    @property
    def epochs(self) -> int:
        """The most epochs for which a series has numbers."""
        return max((len(known.epochs) for known in self.series.values()), default=0)

    @property
    def is_dense(self) -> bool:
        """Whether a series has a number for each of the row's epochs."""
        return self.width == 1 and self.epochs == self.stop - self.first


def whole_row(first: int, values: Mapping[str, Floats]) -> Row:
    """Return a row of values (epochs,), one for every epoch from `first` on."""
    series = {
        name: ThinnedSeries(np.arange(first, first + len(part)), part)
        for name, part in values.items()
    }
    return Row(first, first + max(map(len, values.values()), default=0), 1, series)


def points(row: Row, name: str) -> ThinnedSeries:
    """Return the finite numbers of one series."""
    epochs, values = row.series[name]
    finite = np.isfinite(values)
    return ThinnedSeries(epochs[finite], values[finite])


def packed(row: Row, name: str) -> bytes | None:
    """Return one series as the store holds it, None without numbers.

    Of a row of width 1 it is a float64 per epoch. Of a wider one it is all epochs as uint32 after
    `first`, then their values as float64.
    """
    epochs, values = row.series.get(name, NO_POINTS)
    if np.isnan(values).all():
        return None
    places = b"" if row.width == 1 else (epochs - row.first).astype("<u4").tobytes()
    return places + np.ascontiguousarray(values, "<f8").tobytes()


def _unpacked(blob: bytes | None, first: int, stop: int, width: int) -> ThinnedSeries:
    """Return the numbers that `packed` has packed; `ValueError` if they are damaged."""
    if not blob:
        return NO_POINTS
    if width == 1:
        values = np.frombuffer(blob, "<f8").astype(np.float64)
        if len(values) > stop - first:
            raise ValueError("losses have more epochs than they say")
        return ThinnedSeries(np.arange(first, first + len(values)), values)
    count = len(blob) // POINT_BYTES
    if len(blob) % POINT_BYTES:
        raise ValueError("points are cut short")
    epochs = np.frombuffer(blob, "<u4", count).astype(np.int64) + first
    if (np.diff(epochs) <= 0).any() or epochs[-1] >= stop:
        raise ValueError("points of losses are out of order")
    return ThinnedSeries(epochs, np.frombuffer(blob, "<f8", count, 4 * count).astype(np.float64))


def known_of(rows: list[Row], name: str, stop: int) -> KnownPoints:
    """Return a series over epochs [0, stop) from adjacent rows."""
    dense_from, late = stop, len(rows)
    while late and not rows[late - 1].epochs:  # of epochs after the lane diverged nothing is known
        late -= 1
    last = late
    while late and rows[late - 1].is_dense and (late == last or rows[late - 1].stop == dense_from):
        late -= 1
        dense_from = rows[late].first
    thin = joined(NO_POINTS, *(points(row, name) for row in rows[:late]))
    values = np.full(rows[last - 1].stop - dense_from if late < last else 0, np.nan)
    end = 0
    for row in rows[late:last]:
        epochs, known = row.series[name]
        values[epochs - dense_from] = known
        end = row.stop - dense_from if len(epochs) else end
    return KnownPoints(0, stop, thin, dense_from, values[: min(end, stop - dense_from)])


def cut(row: Row, stop: int) -> Row:
    """Return a row without the numbers of epoch `stop` and later."""
    series = {name: known.between(row.first, stop) for name, known in row.series.items()}
    return replace(row, stop=min(stop, row.stop), series=series)


def thinned(rows: list[Row], fineness: int) -> Iterator[Row]:
    """Thin adjacent rows to the least and the greatest number of every bucket of epochs.

    For the buckets see `tui_gd.training.spans.bucket_starts`.
    """
    known = ((name, joined(*(points(row, name) for row in rows))) for name in rows[0].series)
    yield from thin_rows(rows[0].first, rows[-1].stop, known, fineness)


def thin_rows(
    first: int, stop: int, known: Iterable[tuple[str, ThinnedSeries]], fineness: int
) -> Iterator[Row]:
    """Yield thinned rows of epochs [first, stop), one row for every width of bucket.

    `known` yields names and points of series, which are thinned one after the other: all of them at
    once would take much memory.
    """
    kept = {name: thinned_points(part, fineness) for name, part in known}
    begin = first
    while begin < stop:
        width = bucket_width(begin, fineness)
        end = min(stop, 2 * fineness * width, begin + LONGEST)
        parts = {name: part.between(begin, end) for name, part in kept.items()}
        if width == 1:
            every = np.arange(begin, end)
            yield whole_row(begin, {name: part.at_all(every) for name, part in parts.items()})
        else:
            yield Row(begin, end, width, parts)
        begin = end


_ROWS_AT_ONCE = 500  # SQLite takes 32,766 numbers in a statement
_WHOLE, _FROM_ONE = readers.whole(), readers.whole(1)
_RATE = readers.number(0, above=True)
_OPTIMIZER, _LOSS = readers.one_of(*OPTIMIZERS), readers.one_of(*LOSSES)
_NOT_WHOLE = frozenset({"learning_rate", "optimizer", "loss", "weights"})
_ENTRIES: dict[str, type[Entry]] = {
    kind.__name__: kind for kind in (SetLearningRate, Branch, Close, Reset)
}


@dataclass(frozen=True)
class RunRows:
    """The rows of one run in the store's tables."""

    connection: sqlite3.Connection
    run: str

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Execute a statement whose first value is the run's id."""
        return self.connection.execute(statement, (self.run, *values))

    # Reading

    def checkpoint(self) -> Checkpoint | None:
        """Return the run's checkpoint, None if there is no such run.

        Damaged rows raise one of `ValueError`, `TypeError`, `KeyError`, `IndexError`.
        """
        late = "stopped_at" if "stopped_at" in columns_of(self.connection, "runs") else "NULL"
        found = self.execute(
            f"SELECT epoch, newest, seed, next_number, stopped, {late} FROM runs WHERE id = ?"
        ).fetchone()
        if found is None:
            return None
        epoch, newest, seed, number, stopped, stopped_at = found
        _WHOLE.plain(epoch), _WHOLE.plain(newest), _WHOLE.plain(number)
        if stopped_at is None:
            stopped_at = epoch if stopped else math.inf
        else:
            _WHOLE.plain(stopped_at)
        texts = self.execute("SELECT record FROM lanes WHERE run = ? ORDER BY position").fetchall()
        lanes = tuple(_record(json_object(text)) for (text,) in texts)
        _check_lanes(lanes, epoch, newest, number)
        texts = self.execute("SELECT entry FROM entries WHERE run = ? ORDER BY place").fetchall()
        entries = tuple(_entry(json_object(text)) for (text,) in texts)
        frames = self.execute(
            "SELECT epoch, numbers, shape, dtype, state FROM keyframes WHERE run = ? ORDER BY epoch"
        ).fetchall()
        keyframes = tuple(of_all_lanes([_frame(*one) for one in frames], lanes, entries))
        _check_keyframes(keyframes, epoch, newest)
        values = {lane.number: self._series(lane) for lane in lanes}
        series = {name: {n: part[name] for n, part in values.items()} for name in SERIES}
        parameters = keyframes[0].state.shape[2]
        return Checkpoint(
            epoch,
            newest,
            lanes,
            keyframes,
            series,
            entries,
            seed_of(seed),
            number,
            stopped,
            stopped_at,
            dict(self._best(epoch, parameters)),
        )

    def _series(self, lane: LaneRecord) -> dict[str, KnownPoints]:
        rows = self.losses(lane.number)
        stop = 0
        for row in rows:
            if row.first < stop or row.stop <= row.first:
                raise ValueError(f"losses of lane {lane.number} are out of order")
            stop = row.stop
        if stop != lane.recorded + 1:
            raise ValueError(f"losses of lane {lane.number} do not reach its last epoch")
        return {name: known_of(rows, name, lane.recorded + 1) for name in SERIES}

    def losses(self, lane: int, after: int = -1, before: int = 2**62) -> list[Row]:
        """Return a lane's rows that reach beyond epoch `after` and start before epoch `before`."""
        there = columns_of(self.connection, "losses")
        names = [name if name in there else f"NULL AS {name}" for name in SERIES]
        found = self.execute(
            f"SELECT first, stop, width, {', '.join(names)} FROM losses"
            " WHERE run = ? AND lane = ? AND stop > ? AND first < ? ORDER BY first",
            lane,
            after + 1,
            before,
        )
        rows = []
        for first, stop, width, *blobs in found:
            _WHOLE.plain(first), _WHOLE.plain(stop), _FROM_ONE.plain(width)
            if not all(isinstance(blob, bytes | None) for blob in blobs):
                raise ValueError("losses are not numbers")
            try:
                known = [_unpacked(blob, first, stop, width) for blob in blobs]
            except ValueError as error:
                raise ValueError(f"{error}, in lane {lane}") from None
            rows.append(Row(first, stop, width, dict(zip(SERIES, known, strict=True))))
        return rows

    def _best(self, epoch: int, parameters: int) -> Iterator[tuple[int, Best]]:
        """Yield the number of each lane whose best epoch is stored, and what counts of it."""
        if not columns_of(self.connection, "best"):
            return
        rows = self.execute("SELECT lane, epoch, dtype, weights FROM best WHERE run = ?").fetchall()
        for lane, at, dtype, blob in rows:
            weights = _array(dtype, blob)
            if not 0 <= _WHOLE.plain(at) <= epoch or weights.shape != (parameters,):
                raise ValueError("the best weights do not fit the run")
            yield _WHOLE.plain(lane), Best(at, weights)

    # Writing

    def put_losses(self, rows: list[tuple[int, Row]]) -> int:
        """Store rows, each of the lane of that number, in place of those of the same first epoch.

        Returns how many bytes all packed numbers take.
        """
        values, total = list[Values](), 0
        for lane, row in rows:
            blobs = [packed(row, name) for name in SERIES]
            size = sum(len(blob) for blob in blobs if blob)
            values.append((lane, row.first, row.stop, row.width, size, row.least, *blobs))
            total += size
        columns = ("lane", "first", "stop", "width", "nbytes", "least", *SERIES)
        self._put("losses", columns, values)
        return total

    def put_lanes(self, lanes: tuple[LaneRecord, ...]) -> None:
        """Store the lanes of the run, in place of those that it had."""
        self.execute("DELETE FROM lanes WHERE run = ? AND position >= ?", len(lanes))
        values = [(i, lane.number, json.dumps(vars(lane))) for i, lane in enumerate(lanes)]
        self._put("lanes", ("position", "number", "record"), values)

    def put_frame(self, frame: Keyframe) -> None:
        """Store a keyframe, in place of one of the same epoch."""
        numbers, shape = json.dumps(frame.numbers), json.dumps(frame.state.shape)
        columns = ("epoch", "numbers", "shape", "dtype", "state")
        self._put("keyframes", columns, [(frame.epoch, numbers, shape, *_stored(frame.state))])

    def put_best(self, best: Mapping[int, Best]) -> None:
        """Store what counts of the run's lanes, in place of what did."""
        self.execute("DELETE FROM best WHERE run = ?")
        rows = [(number, one.epoch, *_stored(one.weights)) for number, one in best.items()]
        self._put("best", ("lane", "epoch", "dtype", "weights"), rows)

    def put_entries(self, place: int, entries: Sequence[Entry]) -> None:
        """Store the entries of a history from `place` on, each as a line of text."""
        values = [
            (i, json.dumps({"what": type(entry).__name__, **asdict(entry)}))
            for i, entry in enumerate(entries, start=place)
        ]
        self._put("entries", ("place", "entry"), values)

    def _put(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
        """Write rows of values into a table, in place of those with the same key.

        Many in one statement: every statement waits for the interpreter lock, which the trainer
        has.
        """
        marks = f"({', '.join('?' * (1 + len(columns)))})"
        for i in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[i : i + _ROWS_AT_ONCE]
            self.connection.execute(
                f"INSERT OR REPLACE INTO {table} (run, {', '.join(columns)})"
                f" VALUES {', '.join([marks] * len(part))}",
                [value for row in part for value in (self.run, *row)],
            )


def _check_lanes(lanes: tuple[LaneRecord, ...], epoch: int, newest: int, next_number: int) -> None:
    """Raise `ValueError` if lanes do not fit each other, or the epochs that the run names."""
    numbers = [lane.number for lane in lanes]
    if not lanes or sorted(set(numbers)) != numbers or numbers[-1] >= next_number:
        raise ValueError("its lanes are missing or numbered twice")
    if newest != max(lane.recorded for lane in lanes) or epoch > newest:
        raise ValueError(f"epoch {max(epoch, newest)} is not on record")
    for lane in lanes:
        for changes in (lane.rates, lane.methods):
            epochs = [change[0] for change in changes]
            if epochs[:1] != [0] or sorted(set(epochs)) != epochs or epochs[-1] > newest:
                raise ValueError(f"the changes of lane {lane.number} are out of order")
        if lane.parent is not None and lane.parent >= lane.number:
            raise ValueError(f"lane {lane.number} branches from a later one")


def _check_keyframes(keyframes: tuple[Keyframe, ...], epoch: int, newest: int) -> None:
    """Raise `ValueError` if weights are missing that a run starts or goes on with."""
    epochs = [frame.epoch for frame in keyframes]
    if epochs[:1] != [0] or epoch not in epochs or epochs[-1] > newest:
        raise ValueError("weights are missing")
    if len({frame.state.shape[2] for frame in keyframes}) > 1:
        raise ValueError("weights are of several sizes")


def _record(values: dict[str, Any]) -> LaneRecord:
    lane = LaneRecord(
        **{
            **values,
            "rates": tuple((_WHOLE.plain(at), _RATE.plain(rate)) for at, rate in values["rates"]),
            "methods": tuple(
                (_WHOLE.plain(at), _OPTIMIZER.plain(name), _LOSS.plain(loss))
                for at, name, loss in values["methods"]
            ),
            "proposed": _proposed(values.get("proposed")),
        }
    )
    for value in (lane.number, lane.branched_at, lane.recorded, lane.diverged or 0):
        _WHOLE.plain(value)
    if type(lane.name) is not str or type(lane.parent) not in {int, type(None)}:
        raise ValueError("a lane's name or parent is damaged")
    return lane


def _proposed(value: Any) -> tuple[int, float] | None:
    if value is None:
        return None
    epoch, rate = value
    return _WHOLE.plain(epoch), _RATE.plain(rate)


def _entry(values: dict[str, Any]) -> Entry:
    entry = _ENTRIES[values.pop("what")](**values)
    numbers = [value for name, value in values.items() if name not in _NOT_WHOLE]
    if not all(type(value) in {int, type(None)} for value in numbers):
        raise ValueError("an entry of its history is damaged")
    if isinstance(entry, Reset) and entry.weights is not None:
        return replace(entry, weights=tuple(map(float, entry.weights)))
    return entry


def _frame(epoch: int, numbers: str, shape: str, dtype: str, state: bytes) -> Keyframe:
    lanes, size = json.loads(numbers), json.loads(shape)
    weights = _array(dtype, state)
    _WHOLE.plain(epoch)
    if not isinstance(size, list) or len(size) != 3 or not isinstance(lanes, list):
        raise ValueError("weights have no shape")
    if [len(lanes), *(_FROM_ONE.plain(one) for one in size[1:])] != size:
        raise ValueError("weights are not those of its lanes")
    return Keyframe(epoch, tuple(lanes), weights.reshape(size))


def _stored(array: Floats) -> tuple[str, bytes]:
    """Return the type and the bytes of an array as the store holds them."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return little.dtype.str, little.tobytes()


def _array(dtype: str, blob: bytes) -> Floats:
    """Return the numbers that `_stored` has packed; `ValueError` if they are damaged."""
    if dtype not in {"<f8", "<f4"} or not isinstance(blob, bytes):
        raise ValueError("weights are not numbers")
    array = np.frombuffer(blob, np.dtype(dtype))
    return array.astype(array.dtype.newbyteorder("="))
