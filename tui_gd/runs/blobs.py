"""Losses as they are stored: all of them at first, of long runs the least and greatest in buckets.

A row holds what one lane has of epochs [first, stop). With `width` 1 a series is stop − first
numbers, little-endian float64. With a greater width it is, for every bucket of so many epochs, the
least and the greatest finite value with the epochs at which they stand: first all epochs, as uint32
counted from `first`, then all values. A series that has no number is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats
from tui_gd.learning.standing import SERIES

Blob = bytes | None
Points = tuple[NDArray[np.int64], Floats]
"""Epochs and values of what is known of a series."""

POINT_BYTES = 12
NO_POINTS: Points = (np.empty(0, np.int64), np.empty(0))


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
        _, values = points(self, "train")
        values = values[np.isfinite(values)]
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
    """Return what a row has of one series: the epochs (points,) and the values."""
    blob = row.series.get(name)
    if not blob:
        return NO_POINTS
    if row.width == 1:
        values = np.frombuffer(blob, "<f8")
        return np.arange(row.first, row.first + len(values)), values
    count = len(blob) // POINT_BYTES
    epochs = np.frombuffer(blob, "<u4", count).astype(np.int64) + row.first
    return epochs, np.frombuffer(blob, "<f8", count, 4 * count)


def put_into(row: Row, name: str, values: Floats) -> None:
    """Put what a row has of a series into `values`, which begin at epoch 0."""
    epochs, known = points(row, name)
    inside = epochs < len(values)
    values[epochs[inside]] = known[inside]


def cut(row: Row, stop: int) -> Row:
    """Return a row without what it has of epoch `stop` and after."""
    series: dict[str, Blob] = {}
    for name in row.series:
        epochs, values = points(row, name)
        keep = epochs < stop
        if row.width == 1:
            series[name] = _packed(values[keep]) if keep.any() else None
        else:
            series[name] = _pointed(row.first, (epochs[keep], values[keep]))
    return Row(row.first, min(stop, row.stop), row.width, series)


def thinned(rows: list[Row], width: int, buckets: int) -> Iterator[Row]:
    """Give rows again with one least and one greatest value for every `width` epochs.

    `rows` follow one another; each new one holds up to `buckets` buckets.
    """
    first, stop = rows[0].first, rows[-1].stop
    known = {name: _joined(rows, name) for name in SERIES}
    known = {name: _extremes(part, width) for name, part in known.items()}
    for begin in range(first, stop, width * buckets):
        end = min(stop, begin + width * buckets)
        series = {name: _pointed(begin, _between(part, begin, end)) for name, part in known.items()}
        yield Row(begin, end, width, series)


def _joined(rows: list[Row], name: str) -> Points:
    parts = [points(row, name) for row in rows]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _between(known: Points, begin: int, end: int) -> Points:
    where = slice(*np.searchsorted(known[0], [begin, end]).tolist())
    return known[0][where], known[1][where]


def _extremes(known: Points, width: int) -> Points:
    """Return the least and greatest finite value of every bucket, in order of their epochs."""
    epochs, values = known
    finite = np.isfinite(values)
    epochs, values = epochs[finite], values[finite]
    if not epochs.size:
        return NO_POINTS
    order = np.lexsort((values, epochs // width))
    bucket = (epochs // width)[order]
    begins = np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))
    ends = np.append(begins[1:], len(bucket)) - 1
    chosen = np.unique(np.concatenate([order[begins], order[ends]]))
    return epochs[chosen], values[chosen]


def _pointed(first: int, known: Points) -> Blob:
    epochs, values = known
    if not epochs.size:
        return None
    return (epochs - first).astype("<u4").tobytes() + np.ascontiguousarray(values, "<f8").tobytes()
