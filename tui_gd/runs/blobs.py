"""Losses as they are stored: all of them at first, of long runs the least and greatest in buckets.

A row holds what one lane has of epochs [first, stop). With `width` 1 a series is stop − first
numbers, little-endian float64. With a greater width it is, for every bucket of so many epochs, the
least and the greatest finite value with the epochs at which they stand: first all epochs, as uint32
counted from `first`, then all values. A series that has no number is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.learning.points import NO_POINTS, Known, Points, bucket_width, joined
from tui_gd.learning.points import thinned as thinned_points
from tui_gd.learning.standing import SERIES

Blob = bytes | None
POINT_BYTES = 12
LONGEST = 1 << 31
"""So many epochs at most in a row, for its epochs are counted in 32 bits."""


@dataclass(frozen=True)
class Row:
    """What one lane has of epochs [first, stop), by the series' names; see this module."""

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
        """What the numbers take."""
        return sum(len(blob) for blob in self.series.values() if blob)


def whole_row(first: int, values: dict[str, Floats]) -> Row:
    """Return a row of all the values (epochs,) of epochs `first` and after."""
    stop = first + max((len(part) for part in values.values()), default=0)
    blobs = {name: _packed(part) for name, part in values.items()}
    return Row(first, stop, 1, blobs)


def _packed(values: Floats) -> Blob:
    return None if np.isnan(values).all() else np.ascontiguousarray(values, "<f8").tobytes()


def points(row: Row, name: str) -> Points:
    """Return what a row has of one series that is finite."""
    epochs, values = raw_points(row, name)
    finite = np.isfinite(values)
    return Points(epochs, values) if finite.all() else Points(epochs[finite], values[finite])


def raw_points(row: Row, name: str) -> Points:
    """Return all that a row has of one series."""
    blob = row.series.get(name)
    if not blob:
        return NO_POINTS
    if row.width == 1:
        values = np.frombuffer(blob, "<f8")
        return Points(np.arange(row.first, row.first + len(values)), values.astype(np.float64))
    count = len(blob) // POINT_BYTES
    epochs = np.frombuffer(blob, "<u4", count).astype(np.int64) + row.first
    return Points(epochs, np.frombuffer(blob, "<f8", count, 4 * count).astype(np.float64))


def known_of(rows: list[Row], name: str, stop: int) -> Known:
    """Return what rows that follow one another have of a series, over epochs [0, stop)."""
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
    return Known(0, stop, thin, whole, values[: min(end, stop - whole)])


def cut(row: Row, stop: int) -> Row:
    """Return a row without what it has of epoch `stop` and after."""
    series: dict[str, Blob] = {}
    for name in row.series:
        kept = raw_points(row, name).between(row.first, stop)
        if row.width == 1:
            series[name] = _packed(kept.values) if len(kept.values) else None
        else:
            series[name] = _pointed(row.first, kept)
    return Row(row.first, min(stop, row.stop), row.width, series)


def thinned(rows: list[Row], fineness: int) -> Iterator[Row]:
    """Give rows that follow one another again, with the least and greatest of every few epochs.

    See `tui_gd.learning.points.bucket_starts`; see `thin_rows`.
    """
    known = {name: joined(*(points(row, name) for row in rows)) for name in SERIES}
    yield from thin_rows(rows[0].first, rows[-1].stop, known, fineness)


def thin_rows(first: int, stop: int, known: Mapping[str, Points], fineness: int) -> Iterator[Row]:
    """Give rows of epochs [first, stop), one for all epochs whose buckets are of one width."""
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


def _whole(known: Points, first: int, stop: int) -> Floats:
    values: Floats = np.full(stop - first, np.nan)
    values[known.epochs - first] = known.values
    return values


def _pointed(first: int, known: Points) -> Blob:
    epochs, values = known
    if not epochs.size:
        return None
    return (epochs - first).astype("<u4").tobytes() + np.ascontiguousarray(values, "<f8").tobytes()
