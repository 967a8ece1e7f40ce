"""Tables: the columns of a file, read in batches into one array of numbers."""

import mmap
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import Fault, ProblemError, way
from tui_gd.problems import dates
from tui_gd.problems.reading import Reading, written_otherwise
from tui_gd.problems.sources import Batch, Column, Kind, Progress, Source, wrong_column
from tui_gd.problems.text import option, safe_text

Floats = NDArray[np.float64]


class GrowableArray:
    """Memory for numbers that grows without a copy; only pages that are written to are used.

    numpy's own `resize` copies, because its arrays span several mappings, which cannot move as one.
    """

    def __init__(self, numbers: int) -> None:
        self._map = _mapping(numbers)

    def array(self, rows: int, columns: int) -> Floats:
        """Return its first numbers as an array (rows, columns) that keeps the memory alive."""
        flat = np.frombuffer(self._map, np.float64, rows * columns)
        return flat.reshape(rows, columns)

    def grow(self, numbers: int) -> None:
        """Make room for at least this many numbers; the content stays.

        It copies everything if the system cannot move pages, or while one of its arrays is alive.
        """
        if 8 * numbers <= len(self._map):
            return
        try:
            self._map.resize(8 * numbers)
        except (BufferError, SystemError, OSError):
            self._copy(numbers)

    def _copy(self, numbers: int) -> None:
        larger = _mapping(numbers)
        held = len(self._map) // 8
        np.frombuffer(larger, np.float64, held)[:] = np.frombuffer(self._map, np.float64, held)
        self._map = larger


def _mapping(numbers: int) -> mmap.mmap:
    try:
        made = mmap.mmap(-1, max(8, 8 * numbers), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError, ValueError) as error:
        raise MemoryError from error
    with suppress(AttributeError, OSError):  # not on every system
        made.madvise(mmap.MADV_HUGEPAGE)
    return made


MOST_LABELS = 100_000
"""A column with more different texts than this keeps none of them."""
EXACT = 2**53
"""Below this every whole number is a float64 of its own."""
LOOKED_AT = 1000
MOVED = 1 << 18
FEW_NUMBERS = 20
MOSTLY = 0.9
GROWTH = 1.25


@dataclass(eq=False)
class Table:
    """A file's `values` (rows, columns) and its columns; `memory` is set if the values may grow.

    `dropped` are the columns of the file that were not read.
    """

    shown: str
    values: Floats
    columns: list[Column]
    memory: GrowableArray | None = None
    remarks: tuple[str, ...] = ()
    dropped: Sequence[Column] = ()

    def copy(self) -> "Table":
        """Return a copy that can be used up; `ProblemError` if the memory does not suffice."""
        rows, columns = self.values.shape
        check_memory(self.shown, rows, columns)
        memory = GrowableArray(rows * columns) if self.memory is not None else None
        values = memory.array(rows, columns) if memory is not None else np.empty((rows, columns))
        values[:] = self.values
        return replace(self, values=values, columns=list(map(replace, self.columns)), memory=memory)

    def reshape(self, columns: int) -> None:
        """Change the length of rows: the numbers stay in place in memory."""
        rows, used = len(self.values), self.values.size
        if self.memory is None:
            self.memory = GrowableArray(max(used, rows * columns))
            self.memory.array(1, used)[0] = self.values.reshape(-1)
        self.values = np.empty((0, 0))
        self.memory.grow(rows * columns)
        self.values = self.memory.array(rows, columns)


def read_table(
    source: Source,
    names: Sequence[str],
    target: str | None = None,
    like: Table | None = None,
    progress: Progress | None = None,
    *,
    first: bool = False,
    most: int | None = None,
) -> Table:
    """Return the named columns in that order; `ProblemError` for a missing value of `target`.

    Everything goes straight into one array, which grows with the rows. Text becomes whole numbers,
    its places in the sorted `labels`. Dates that may be written in two ways are read as in `like`,
    a table of the same columns. `skip_missing_target` leaves out rows without one. With `first`
    only as many rows are read as come at once. A table of more than `most` bytes is refused.
    """
    import pyarrow as pa

    collect = partial(_collect, source, names, target, progress, first=first, most=most)
    try:
        # it is None if a column turned out to be of another kind: then once more, as that kind
        table = collect() or collect()
    except MemoryError:
        raise ProblemError(f"{source.shown}: not enough memory; take fewer rows") from None
    if table is None:
        raise ProblemError(f"{source.shown}: the file changed while it was read; try again")
    if not len(table.values):
        raise ProblemError(f"{source.shown}: has no rows below its header")
    if target is not None and source.reading.skip_missing_target:
        _skip_rows(table, names.index(target))
    pa.default_memory_pool().release_unused()  # it would keep what it needed while reading
    for slot, column in enumerate(table.columns):
        known = None if like is None else like.columns[slot].day_first
        _finish(column, table.values[:, slot], source.reading, known)
    return table


def _skip_rows(table: Table, target: int) -> None:
    """Leave out the rows without a target; the others move up in place."""
    missing = np.isnan(table.values[:, target])
    skipped, rows = int(missing.sum()), len(missing)
    if not skipped:
        return
    if skipped == rows:
        words = "is missing in all rows; choose another --target"
        raise wrong_column(table.shown, table.columns[target].name, words)
    end, step = 0, max(1, MOVED // table.values.shape[1])
    for start in range(0, rows, step):
        part = table.values[start : start + step][~missing[start : start + step]]
        table.values[end : end + len(part)] = part
        end += len(part)
    table.values = table.values[:end]
    for column, values in zip(table.columns, table.values.T, strict=True):
        if not column.many and column.kind != "nested":
            column.missing = int(np.isnan(values).sum())
            column.low, column.high = float(np.fmin.reduce(values)), float(np.fmax.reduce(values))
    table.remarks += (f"skipped {skipped:,} row{'s' * (skipped != 1)} without a target",)


def _collect(
    source: Source,
    names: Sequence[str],
    target: str | None,
    progress: Progress | None,
    *,
    first: bool,
    most: int | None,
) -> Table | None:
    source.changed = False
    slots = {name: slot for slot, name in enumerate(names)}
    order = [slots.get(field.name, -1) for field in source.fields]
    columns = {
        slot: replace(field, first=place == 0, _codes={})
        for place, (slot, field) in enumerate(zip(order, source.fields, strict=True))
    }
    columns.pop(-1, None)
    memory, rows, width = GrowableArray(0), 0, len(names)
    values = memory.array(0, width)
    last = slots[target] if target is not None else -1
    expected, done = 0, 0.0
    for batch in source.batches(first=first):
        if source.changed:
            continue
        end = batch.start + batch.rows
        if end > len(values):
            more = int(rows * GROWTH) if rows else source.rows_to_come(batch)
            wanted = end if first else max(end, more)
            if most is not None:
                _check_most(source.shown, end, width, most)
                wanted = max(end, min(wanted, most // (8 * width)))
            check_memory(source.shown, wanted, width)
            del values
            memory.grow(wanted * width)
            values = memory.array(wanted, width)
        block = values[batch.start : end]
        into = order if batch.columns is None else [order[index] for index in batch.columns]
        for slot, array in zip(into, batch.arrays, strict=True):
            if slot >= 0:
                _fill(columns[slot], block[:, slot], array, batch, source)
        _check(source, columns, block, batch, sorted(set(into) - {-1}), last)
        rows = max(rows, end)
        del block
        if progress is not None:
            expected = expected or source.rows_to_come(batch)
            # a batch may hold some of the columns only
            done += batch.rows * len(batch.arrays) / len(source.fields)
            progress(done, max(expected, done))
    if source.changed:
        return None
    in_order = [columns[slot] for slot in range(width)]
    dropped = [field for field in source.fields if field.name not in slots]
    return Table(source.shown, memory.array(rows, width), in_order, memory, source.remarks, dropped)


def check_memory(shown: str, rows: int, columns: int) -> None:
    """Raise `ProblemError` for a table larger than this machine's memory."""
    needed = 8 * rows * columns
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return
    if needed > memory:
        raise ProblemError(
            f"{shown}: {rows:,} rows of {columns:,} numbers need {needed / 1e9:.0f} GB and this"
            f" machine has {memory / 1e9:.0f}: take fewer rows or columns"
        )


def _check_most(shown: str, rows: int, columns: int, most: int) -> None:
    """Raise `ProblemError` for a part that needs more than `most` bytes."""
    if 8 * rows * columns > most:
        raise ProblemError(
            f"{shown}: a part of it takes more than the {most / 1e6:.0f} MB left for it: give more"
            " --memory, or write the table in several files or smaller row groups"
        )


def _fill(column: Column, out: Floats, array: Any, batch: Batch, source: Source) -> None:
    """Put an Arrow array into a column of the table."""
    import pyarrow as pa

    types, kind = pa.types, column.kind
    value = array.type.value_type if types.is_dictionary(array.type) else array.type
    is_text = types.is_string(value) or types.is_large_string(value) or types.is_string_view(value)
    if kind == "nested":
        out[:] = np.nan
    elif kind == "text" or (kind == "number" and is_text):
        if not is_text:
            array = array.cast(pa.string())
        if not types.is_dictionary(array.type):
            array = array.dictionary_encode()
        if kind == "text":
            _fill_text(column, out, array, batch, source)
        else:
            _fill_loose(column, out, array, source)
    else:
        if types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if types.is_temporal(array.type):
            out[:] = _from_temporal(array)
            return
        column.whole |= types.is_integer(array.type) or getattr(array.type, "scale", None) == 0
        if types.is_boolean(array.type):
            array = array.cast(pa.int8())
        if not (types.is_floating(array.type) or types.is_integer(array.type)):
            try:
                array = array.cast(pa.float64())
            except (pa.ArrowException, ValueError):
                words = f"holds {array.type}, not numbers"
                raise wrong_column(source.shown, column.name, words) from None
        out[:] = array.to_numpy(zero_copy_only=False)


def _from_temporal(array: Any) -> Floats:
    """Return dates and durations in days, times in hours; NaN where they are missing."""
    import pyarrow as pa

    types, kind = pa.types, array.type
    # a date of 64 bits is in milliseconds
    unit = "day" if types.is_date32(kind) else getattr(kind, "unit", "ms")
    per_day = {"day": 1.0, "s": 86_400.0, "ms": 86_400e3, "us": 86_400e6, "ns": 86_400e9}[unit]
    size = pa.int32() if kind.bit_width == 32 else pa.int64()
    numbers = array.view(size).to_numpy(zero_copy_only=False).astype(np.float64)
    days: Floats = numbers / per_day
    return 24.0 * days if types.is_time(kind) else days


def _by_label(array: Any, of_label: Floats) -> Floats:
    """Return the numbers of a dictionary array, by the numbers (labels + 1,) of its labels."""
    indices = array.indices.to_numpy(zero_copy_only=False)
    if array.indices.null_count:
        missing = len(of_label) - 1
        indices = np.where(np.isnan(indices), missing, indices).astype(np.intp)
    chosen: Floats = of_label[indices]
    return chosen


def _fill_text(column: Column, out: Floats, array: Any, batch: Batch, source: Source) -> None:
    if column.many:
        out[:] = np.nan
        return
    codes, labels, reading = column._codes, array.dictionary.to_pylist(), source.reading
    of_label = np.full(len(labels) + 1, np.nan)
    for index, text in enumerate(labels):
        label = "" if text is None else str(text).strip()
        if label in reading.missing_texts:
            continue
        of_label[index] = codes.setdefault(label, len(codes))
        if column.no_number is None and not reading.is_number(label):
            first = np.flatnonzero(array.indices.to_numpy(zero_copy_only=False) == index)
            if len(first):
                column.no_number = (batch.where(int(first[0])), repr(safe_text(label)))
    out[:] = _by_label(array, of_label)
    column.many = len(codes) > MOST_LABELS


def _fill_loose(column: Column, out: Floats, array: Any, source: Source) -> None:
    """Read texts as numbers, because a person said so; what is not a number is a gap."""
    reading = source.reading
    of_label = np.full(len(array.dictionary) + 1, np.nan)
    for index, text in enumerate(array.dictionary.to_pylist()):
        label = "" if text is None else str(text).strip()
        number = None if label in reading.missing_numbers else reading.loose_number(label)
        if number is not None:
            of_label[index] = number
        elif label not in reading.missing_numbers and column.no_number is None:
            column.no_number = ("", repr(safe_text(label)))
    out[:] = _by_label(array, of_label)


def _check(
    source: Source,
    columns: dict[int, Column],
    block: Floats,
    batch: Batch,
    slots: list[int],
    target: int,
) -> None:
    """Count missing values in `slots`; `ProblemError` for infinite ones and a missing target."""
    part = block if len(slots) == block.shape[1] else block[:, slots]
    with np.errstate(all="ignore"):
        odd = ~np.isfinite(part.sum(axis=0))
    low, high = np.fmin.reduce(part, axis=0).tolist(), np.fmax.reduce(part, axis=0).tolist()
    for place, slot in enumerate(slots):
        column, values = columns[slot], block[:, slot]
        column.low, column.high = min(column.low, low[place]), max(column.high, high[place])
        if not odd[place] or column.many or column.kind == "nested":
            continue
        infinite, missing = np.isinf(values), np.isnan(values)
        if infinite.any():
            raise ProblemError(
                f"{source.shown}: {batch.where(int(np.argmax(infinite)))}, column"
                f" {column.name!r}: the number is infinite or too large; correct it, leave it"
                " empty, or name it as it is written, as --missing=inf,-inf",
                way(missing=("inf", "-inf")),
                column=column.name,
            )
        if slot == target and missing.any() and not source.reading.skip_missing_target:
            raise ProblemError(
                f"{source.shown}: {batch.where(int(np.argmax(missing)))}, column"
                f" {column.name!r}: the target is missing; fill it in, or leave such rows out with"
                " --skip-missing-target",
                way(skip_missing_target=True),
                column=column.name,
            )
        column.missing += int(missing.sum())


def _finish(column: Column, values: Floats, reading: Reading, day_first: bool | None) -> None:
    """Sort the labels of a text column or turn them into dates, and find what is wrong with it."""
    name = column.name
    if column.kind == "nested":
        column.fault = Fault(f"column {name!r} holds lists, objects or bytes; {_INSTEAD}")
    if column.kind == "number" and column.no_number is not None:
        column.remark = f"read from text; gaps where it is no number, as {column.no_number[1]}"
    elif column.kind == "number" and _is_rounded(column, values):
        column.remark = (
            f"whole numbers from {EXACT:,} on are rounded: {option('text', name)} keeps them apart"
        )
    elif column.kind == "number" and _are_days(values):
        column.remark = (
            f"numbers such as {column.low:.0f} may be dates: written as"
            f" {column.low // 10_000:.0f}-MM-DD they become year, month and day"
        )
    if column.kind != "text":
        return
    found = list(column._codes)
    column._codes, column.remark = {}, ""
    if not column.many and not column.forced and _read_dates(column, values, found, day_first):
        return
    if not column.many:
        column.labels = tuple(sorted(found))
        place = {label: index for index, label in enumerate(column.labels)}
        _replace(values, np.array([place[label] for label in found], np.float64))
    if not column.forced:
        column.fault = _text_fault(column, found, reading)


def _is_rounded(column: Column, values: Floats) -> bool:
    """Whether a column holds whole numbers so large that float64 may make two of them equal."""
    largest = max(-column.low, column.high)
    if not column.whole or not EXACT <= largest < 2.0**64:
        return False
    return bool((np.isnan(values) | (values == np.rint(values))).all())


def _are_days(values: Floats) -> bool:
    """Whether all numbers are dates since 1800, written as 20240131, with enough different ones."""
    if not len(values) or not 1800_01_01 <= np.fmin.reduce(values) <= 2199_12_31:
        return False
    there = values[~np.isnan(values)]
    month, day = there // 100 % 100, there % 100
    days = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (there <= 2199_12_31)
    return bool((days & (there == np.rint(there))).all()) and len(np.unique(there)) >= FEW_NUMBERS


def _replace(values: Floats, numbers: Floats) -> None:
    """Put `numbers[code]` in the place of every code in `values`."""
    with_missing = np.append(numbers, np.nan)
    for start in range(0, len(values), 1 << 16):
        part = values[start : start + (1 << 16)]
        part[:] = with_missing[np.where(np.isnan(part), len(numbers), part).astype(np.intp)]


def _read_dates(column: Column, values: Floats, found: list[str], known: bool | None) -> bool:
    """Turn a text column into dates or times of day, if most of its texts are; whether it did."""
    some = found[:LOOKED_AT]
    is_ambiguous = dates.is_ambiguous(some)
    day_first = (
        known
        if is_ambiguous and known is not None
        else dates.day_comes_first(some, are_dates=known is not None)
    )
    if not some or (day_first is None and dates.hour_of(some[0]) is None):
        return False
    kind: Kind = "time" if dates.hour_of(some[0]) is not None else "date"

    def number(text: str) -> float | None:
        return dates.hour_of(text) if kind == "time" else dates.day_of(text, bool(day_first))

    good = sum(number(text) is not None for text in some)
    if good < len(some) and (good <= FEW_NUMBERS or good < MOSTLY * len(some)):
        return False
    numbers = [number(text) for text in found]
    column.kind = kind
    if None in numbers:
        wrong, name = safe_text(found[numbers.index(None)]), column.name
        column.fault = Fault(
            f"column {name!r}: {wrong!r} is not a {kind} as most of the column is; correct it,"
            f" leave it empty, name it with {option('missing', wrong)}, or read the column as text"
            f" with {option('text', name)}",
            way(missing=(wrong,)),
            way(text=name),
        )
        return True
    _replace(values, np.array(numbers, np.float64))
    column.low, column.high = float(np.nanmin(values)), float(np.nanmax(values))
    column.day_first = day_first
    if kind == "date" and is_ambiguous and known is None:
        order = "day/month/year" if day_first else "month/day/year"
        column.remark = f"{safe_text(some[0])} read as {order}"
    return True


_INSTEAD = "leave it out with --drop, or turn it into numbers"


def _text_fault(column: Column, found: list[str], reading: Reading) -> Fault | None:
    otherwise = written_otherwise(column.name, found, reading)
    if otherwise is not None:
        return otherwise
    numbers = sum(map(reading.is_number, found))
    if numbers <= FEW_NUMBERS or numbers < MOSTLY * len(found):
        if column.no_number is not None and 2 * numbers >= len(found):
            place, value = column.no_number
            column.remark = (
                f"read as text, because {value} in {place} is not a number:"
                f" {option('number', column.name)} reads numbers"
            )
        return None
    quoted, as_text = option("text", column.name), way(text=column.name)
    if column.no_number is None:
        return Fault(
            f"column {column.name!r} holds numbers written as text; read them with"
            f" {option('number', column.name)}, or as text with {quoted}",
            way(number=column.name),
            as_text,
        )
    place, value = column.no_number
    return Fault(
        f"{place}, column {column.name!r}: {value} is not a number as most of the column is;"
        f" correct it, name it with {option('missing', value[1:-1])}, or read the column as text"
        f" with {quoted}",
        way(missing=(value[1:-1],)),
        as_text,
    )
