"""The rows of one run in the store's tables: how its numbers are packed, written and read."""

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.runs.database import columns_of
from tui_gd.training.checkpoint import SERIES, Checkpoint, Keyframe, LaneRecord
from tui_gd.training.history import Branch, Close, Entry, Reset, SetLearningRate
from tui_gd.training.spans import NO_POINTS, KnownPoints, ThinnedSeries, bucket_width, joined
from tui_gd.training.spans import thinned as thinned_points

Blob = bytes | None
POINT_BYTES = 12
LONGEST = 1 << 31
"""Epochs per row at most: they are counted in 32 bits."""


@dataclass(frozen=True)
class Row:
    """One lane's numbers of epochs [first, stop), packed, by the names of the series.

    With `width` 1 a blob holds one float64 per epoch. Wider rows hold points: all epochs as uint32
    after `first`, then their values as float64, the least and the greatest of every bucket of
    `width` epochs.
    """

    first: int
    stop: int
    width: int
    series: dict[str, Blob]

    @property
    def least(self) -> float | None:
        """The least finite training loss."""
        values = points(self, "train").values
        return float(values.min()) if values.size else None

    @property
    def nbytes(self) -> int:
        """The size of the packed numbers."""
        return sum(len(blob) for blob in self.series.values() if blob)


def whole_row(first: int, values: dict[str, Floats]) -> Row:
    """Return a row of values (epochs,), one for every epoch from `first` on."""
    stop = first + max((len(part) for part in values.values()), default=0)
    blobs = {name: _packed(part) for name, part in values.items()}
    return Row(first, stop, 1, blobs)


def _packed(values: Floats) -> Blob:
    return None if np.isnan(values).all() else np.ascontiguousarray(values, "<f8").tobytes()


def points(row: Row, name: str) -> ThinnedSeries:
    """Return the finite numbers of one series."""
    epochs, values = raw_points(row, name)
    finite = np.isfinite(values)
    return (
        ThinnedSeries(epochs, values)
        if finite.all()
        else ThinnedSeries(epochs[finite], values[finite])
    )


def raw_points(row: Row, name: str) -> ThinnedSeries:
    """Return all numbers of one series."""
    blob = row.series.get(name)
    if not blob:
        return NO_POINTS
    if row.width == 1:
        values = np.frombuffer(blob, "<f8")
        return ThinnedSeries(
            np.arange(row.first, row.first + len(values)), values.astype(np.float64)
        )
    count = len(blob) // POINT_BYTES
    epochs = np.frombuffer(blob, "<u4", count).astype(np.int64) + row.first
    return ThinnedSeries(epochs, np.frombuffer(blob, "<f8", count, 4 * count).astype(np.float64))


def known_of(rows: list[Row], name: str, stop: int) -> KnownPoints:
    """Return a series over epochs [0, stop) from adjacent rows."""
    whole, late = stop, len(rows)
    while (
        late and rows[late - 1].width == 1 and (rows[late - 1].stop == whole or late == len(rows))
    ):
        late -= 1
        whole = rows[late].first
    thin = joined(NO_POINTS, *(points(row, name) for row in rows[:late]))
    values = np.full(max(0, rows[-1].stop - whole) if rows else 0, np.nan)
    end = 0
    for row in rows[late:]:
        epochs, known = raw_points(row, name)
        values[epochs - whole] = known
        end = row.stop - whole if len(epochs) else end
    return KnownPoints(0, stop, thin, whole, values[: min(end, stop - whole)])


def cut(row: Row, stop: int) -> Row:
    """Return a row without the numbers of epoch `stop` and later."""
    series: dict[str, Blob] = {}
    for name in row.series:
        kept = raw_points(row, name).between(row.first, stop)
        if row.width == 1:
            series[name] = _packed(kept.values) if len(kept.values) else None
        else:
            series[name] = _pointed(row.first, kept)
    return Row(row.first, min(stop, row.stop), row.width, series)


def thinned(rows: list[Row], fineness: int) -> Iterator[Row]:
    """Thin adjacent rows to the least and the greatest number of every bucket of epochs.

    For the buckets see `tui_gd.training.spans.bucket_starts`.
    """
    known = {name: joined(*(points(row, name) for row in rows)) for name in SERIES}
    yield from thin_rows(rows[0].first, rows[-1].stop, known, fineness)


def thin_rows(
    first: int, stop: int, known: Mapping[str, ThinnedSeries], fineness: int
) -> Iterator[Row]:
    """Yield thinned rows of epochs [first, stop), one row for every width of bucket."""
    kept = {name: thinned_points(part, fineness) for name, part in known.items()}
    begin = first
    while begin < stop:
        width = bucket_width(begin, fineness)
        end = min(stop, 2 * fineness * width, begin + LONGEST)
        parts = {name: part.between(begin, end) for name, part in kept.items()}
        if width == 1:
            yield whole_row(begin, {name: _whole(part, begin, end) for name, part in parts.items()})
        else:
            series = {name: _pointed(begin, part) for name, part in parts.items()}
            yield Row(begin, end, width, series)
        begin = end


def _whole(known: ThinnedSeries, first: int, stop: int) -> Floats:
    values: Floats = np.full(stop - first, np.nan)
    values[known.epochs - first] = known.values
    return values


def _pointed(first: int, known: ThinnedSeries) -> Blob:
    epochs, values = known
    if not epochs.size:
        return None
    return (epochs - first).astype("<u4").tobytes() + np.ascontiguousarray(values, "<f8").tobytes()


_ROWS_AT_ONCE = 500  # SQLite takes 32,766 numbers in a statement
_ENTRIES: dict[str, type[Entry]] = {
    kind.__name__: kind for kind in (SetLearningRate, Branch, Close, Reset)
}


def read_checkpoint(connection: sqlite3.Connection, run: str) -> Checkpoint | None:
    """Return a run's checkpoint, None if there is no such run.

    Damaged rows raise one of `ValueError`, `TypeError`, `KeyError`, `IndexError`.
    """
    late = "stopped_at" if "stopped_at" in columns_of(connection, "runs") else "NULL"
    found = connection.execute(
        f"SELECT epoch, newest, seed, next_number, stopped, {late} FROM runs WHERE id = ?", (run,)
    ).fetchone()
    if found is None:
        return None
    epoch, newest, seed, number, stopped, stopped_at = found
    if stopped_at is None:
        stopped_at = epoch if stopped else math.inf
    lanes = tuple(_record(text) for text in _texts(connection, "record", "lanes", "position", run))
    entries = tuple(_entry(text) for text in _texts(connection, "entry", "entries", "place", run))
    frames = connection.execute(
        "SELECT epoch, numbers, shape, dtype, state FROM keyframes WHERE run = ? ORDER BY epoch",
        (run,),
    ).fetchall()
    keyframes = tuple(_of_all_lanes([_frame(*one) for one in frames], lanes, entries))
    values = {lane.number: _series(connection, run, lane) for lane in lanes}
    series = {name: {n: part[name] for n, part in values.items()} for name in SERIES}
    return Checkpoint(
        epoch, newest, lanes, keyframes, series, entries, seed, number, stopped, stopped_at
    )


def _texts(
    connection: sqlite3.Connection, column: str, table: str, order: str, run: str
) -> list[str]:
    rows = connection.execute(
        f"SELECT {column} FROM {table} WHERE run = ? ORDER BY {order}", (run,)
    )
    return [text for (text,) in rows]


def _series(connection: sqlite3.Connection, run: str, lane: LaneRecord) -> dict[str, KnownPoints]:
    rows = rows_of(connection, run, lane.number)
    return {name: known_of(rows, name, lane.recorded + 1) for name in SERIES}


def rows_of(
    connection: sqlite3.Connection, run: str, lane: int, after: int = -1, before: int = 2**62
) -> list[Row]:
    """Return a lane's rows that reach beyond epoch `after` and start before epoch `before`."""
    found = connection.execute(
        f"SELECT first, stop, width, {', '.join(SERIES)} FROM losses"
        " WHERE run = ? AND lane = ? AND stop > ? AND first < ? ORDER BY first",
        (run, lane, after + 1, before),
    )
    return [
        Row(first, stop, width, dict(zip(SERIES, blobs, strict=True)))
        for first, stop, width, *blobs in found
    ]


def put_rows(connection: sqlite3.Connection, run: str, rows: list[tuple[int, Row]]) -> None:
    """Store rows, each of the lane of that number, in place of those that begin at the same epoch.

    Many in one statement: every statement waits for the interpreter lock, which the trainer has.
    """
    for i in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[i : i + _ROWS_AT_ONCE]
        marks = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"] * len(part))
        values: list[object] = []
        for lane, row in part:
            values += [run, lane, row.first, row.stop, row.width, row.nbytes, row.least]
            values += [row.series.get(name) for name in SERIES]
        connection.execute(
            "INSERT OR REPLACE INTO losses (run, lane, first, stop, width, nbytes, least,"
            f" {', '.join(SERIES)}) VALUES {marks}",
            values,
        )


def put_lanes(connection: sqlite3.Connection, run: str, lanes: tuple[LaneRecord, ...]) -> None:
    """Store the lanes of a run, in place of those that it had."""
    connection.execute("DELETE FROM lanes WHERE run = ? AND position >= ?", (run, len(lanes)))
    for i in range(0, len(lanes), _ROWS_AT_ONCE):
        part = lanes[i : i + _ROWS_AT_ONCE]
        values: list[object] = []
        for position, lane in enumerate(part, start=i):
            values += [run, position, lane.number, json.dumps(vars(lane))]
        connection.execute(
            "INSERT OR REPLACE INTO lanes (run, position, number, record) VALUES "
            + ", ".join(["(?, ?, ?, ?)"] * len(part)),
            values,
        )


def put_frame(connection: sqlite3.Connection, run: str, frame: Keyframe) -> None:
    """Store a keyframe, in place of one of the same epoch."""
    state = np.ascontiguousarray(frame.state, frame.state.dtype.newbyteorder("<"))
    connection.execute(
        "INSERT OR REPLACE INTO keyframes (run, epoch, numbers, shape, dtype, state)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            run,
            frame.epoch,
            json.dumps(frame.numbers),
            json.dumps(state.shape),
            state.dtype.str,
            state.tobytes(),
        ),
    )


def entry_text(entry: Entry) -> str:
    """Return an entry of a history as a line of text."""
    return json.dumps({"what": type(entry).__name__, **asdict(entry)})


def _record(text: str) -> LaneRecord:
    values = json.loads(text)
    values["rates"] = tuple((int(epoch), float(rate)) for epoch, rate in values["rates"])
    values["methods"] = tuple(
        (int(at), str(name), str(loss)) for at, name, loss in values["methods"]
    )
    if values.get("proposed") is not None:
        epoch, rate = values["proposed"]
        values["proposed"] = (int(epoch), float(rate))
    return LaneRecord(**values)


def _entry(text: str) -> Entry:
    values = json.loads(text)
    kind = _ENTRIES[values.pop("what")]
    if values.get("weights") is not None:
        values["weights"] = tuple(values["weights"])
    return kind(**values)


def _frame(epoch: int, numbers: str, shape: str, dtype: str, state: bytes) -> Keyframe:
    if dtype not in {"<f8", "<f4"}:
        raise ValueError(f"numbers of type {dtype}")
    array = np.frombuffer(state, np.dtype(dtype)).reshape(json.loads(shape))
    return Keyframe(epoch, tuple(json.loads(numbers)), array.astype(array.dtype.newbyteorder("=")))


def _of_all_lanes(
    frames: list[Keyframe], lanes: tuple[LaneRecord, ...], entries: tuple[Entry, ...]
) -> Iterator[Keyframe]:
    """Yield the keyframes that have, or inherit, a row for every lane.

    Before its branch a lane has the row of its ancestor, which may be closed by now.
    """
    born: dict[int, tuple[int, int]] = {}
    for entry in entries:
        if isinstance(entry, Reset):
            born = {}  # a reset restarts every lane at epoch 0
        elif isinstance(entry, Branch):
            born[entry.lane] = (entry.parent, entry.epoch)
    numbers = tuple(lane.number for lane in lanes)
    for frame in frames:
        rows = [_row_of(number, frame, born) for number in numbers]
        whole = [row for row in rows if row is not None]
        if len(whole) == len(rows):
            yield Keyframe(frame.epoch, numbers, np.ascontiguousarray(frame.state[whole]))


def _row_of(number: int, frame: Keyframe, born: dict[int, tuple[int, int]]) -> int | None:
    while number not in frame.numbers:
        if number not in born or born[number][1] < frame.epoch:
            return None
        number = born[number][0]
    return frame.numbers.index(number)
