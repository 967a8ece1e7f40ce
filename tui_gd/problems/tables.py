"""Tables: the columns of a file, read in batches into one array of numbers."""

import mmap
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.problems.delimited import MISSING_TEXTS, NUMBER
from tui_gd.problems.sources import Batch, Kind, Source
from tui_gd.problems.text import safe_text

Floats = NDArray[np.float64]


class GrowableArray:
    """Memory for numbers that grows without a copy; only pages that are written to are taken.

    numpy's own `resize` copies: its arrays lie in several mappings, which cannot move as one.
    """

    def __init__(self, numbers: int) -> None:
        self._map = _mapping(numbers)

    def array(self, rows: int, columns: int) -> Floats:
        """Return its first numbers as an array (rows, columns) that keeps the memory alive."""
        flat = np.frombuffer(self._map, np.float64, rows * columns)
        return flat.reshape(rows, columns)

    def grow(self, numbers: int) -> None:
        """Make room for at least this many numbers; the content stays.

        It copies everything where pages cannot be moved, and while an array of it is still alive.
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
    with suppress(AttributeError, OSError):  # not everywhere
        made.madvise(mmap.MADV_HUGEPAGE)
    return made


MOST_LABELS = 100_000
"""No texts are kept of a column with more different ones."""
_MONTH = (
    "(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?"
    r"|oct(ober)?|nov(ember)?|dec(ember)?)\.?"
)
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}([T ].*)?"
    r"|\d{1,2}[-/]\d{1,2}[-/]\d{2}|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
    rf"|([a-z]{{3,9}},? )?({_MONTH} \d{{1,2}},? |\d{{1,2}}[- ]{_MONTH}[- ,]{{1,2}})\d{{2,4}}( .*)?",
    re.ASCII | re.IGNORECASE,
)
_COMMA = re.compile(r"[+-]?\d*,\d+|[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
# of money, of percent, and with thousands set apart
_SIGNED = re.compile(
    r"[+-]?[$€£¥] ?[+-]?\d[\d.,' ]*|[+-]?\d[\d.,' ]* ?[%$€£¥]"
    r"|[+-]?\d{1,3}([ '’\xa0\u202f]\d{3})+([.,]\d+)?"
)
LOOKED_AT = 1000
FEW_NUMBERS = 20
MOSTLY = 0.9
GROWTH = 1.25


@dataclass
class Column:
    """What is known about a column whose values are numbers or places in `labels`, NaN if missing.

    `fault` says why nothing can be learned from it and what to do; None if it is usable. `many`
    means more texts than are kept: then it has no values. `low` and `high` are its least and its
    largest value. `no_number` is the place of the first text that is not a number, and that text.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...] = ()
    missing: int = 0
    many: bool = False
    fault: str | None = None
    low: float = np.inf
    high: float = -np.inf
    _codes: dict[str, int] = field(default_factory=dict, repr=False)
    no_number: tuple[str, str] | None = None


@dataclass(eq=False)
class Table:
    """A file's `values` (rows, columns) and its columns; `memory` is set if the values may grow."""

    shown: str
    values: Floats
    columns: list[Column]
    memory: GrowableArray | None = None

    def reshape(self, columns: int) -> None:
        """Change the length of rows: the numbers stay in place in memory."""
        rows, used = len(self.values), self.values.size
        if self.memory is None:
            self.memory = GrowableArray(max(used, rows * columns))
            self.memory.array(1, used)[0] = self.values.reshape(-1)
        self.values = np.empty((0, 0))
        self.memory.grow(rows * columns)
        self.values = self.memory.array(rows, columns)


def read_table(source: Source, names: Sequence[str], target: str | None = None) -> Table:
    """Return the named columns in that order; `ProblemError` for a missing value of `target`.

    Everything goes straight into one array, which grows with the rows. Text becomes whole numbers,
    its places in the sorted `labels`.
    """
    try:
        table = _collect(source, names, target)
        if table is None:
            table = _collect(source, names, target)
    except MemoryError:
        raise ProblemError(f"{source.shown}: not enough memory; take fewer rows") from None
    if table is None:
        raise ProblemError(f"{source.shown}: the file changed while it was read; try again")
    if not len(table.values):
        raise ProblemError(f"{source.shown}: has no rows below its header")
    _release()
    for slot, column in enumerate(table.columns):
        _finish(column, table.values[:, slot])
    return table


def _release() -> None:
    """Give back pyarrow's spare memory."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


def _collect(source: Source, names: Sequence[str], target: str | None) -> Table | None:
    source.changed = False
    slots = {name: slot for slot, name in enumerate(names)}
    order = [slots.get(field.name, -1) for field in source.fields]
    columns = {
        slot: Column(field.name, field.kind)
        for slot, field in zip(order, source.fields, strict=True)
    }
    columns.pop(-1, None)
    memory, rows, width = GrowableArray(0), 0, len(names)
    values = memory.array(0, width)
    last = slots[target] if target is not None else -1
    for batch in source.batches():
        if source.changed:
            continue
        end = batch.start + batch.rows
        if end > len(values):
            wanted = max(end, int(rows * GROWTH) if rows else source.rows_to_come(batch))
            check_memory(source.shown, wanted, width)
            del values
            memory.grow(wanted * width)
            values = memory.array(wanted, width)
        block = values[batch.start : end]
        into = order if batch.columns is None else [order[index] for index in batch.columns]
        for slot, array in zip(into, batch.arrays, strict=True):
            if slot >= 0:
                _fill(columns[slot], block[:, slot], array, batch, source.shown)
        _check(source.shown, columns, block, batch, sorted(set(into) - {-1}), last)
        rows = max(rows, end)
        del block
    if source.changed:
        return None
    in_order = [columns[slot] for slot in range(width)]
    return Table(source.shown, memory.array(rows, width), in_order, memory)


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


def _fill(column: Column, out: Floats, array: Any, batch: Batch, shown: str) -> None:
    """Put an Arrow array into a column of the table."""
    import pyarrow as pa

    if column.kind in {"date", "nested"}:
        out[:] = np.nan
    elif column.kind == "text":
        if not pa.types.is_dictionary(array.type):
            array = array.dictionary_encode()
        _fill_text(column, out, array, batch)
    else:
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if pa.types.is_boolean(array.type):
            array = array.cast(pa.int8())
        if not (pa.types.is_floating(array.type) or pa.types.is_integer(array.type)):
            try:
                array = array.cast(pa.float64())
            except (pa.ArrowException, ValueError):
                raise ProblemError(
                    f"{shown}: column {column.name!r} holds {array.type}, not numbers"
                ) from None
        out[:] = array.to_numpy(zero_copy_only=False)


def _fill_text(column: Column, out: Floats, array: Any, batch: Batch) -> None:
    if column.many:
        out[:] = np.nan
        return
    codes, labels = column._codes, array.dictionary.to_pylist()
    of_label = np.full(len(labels) + 1, np.nan)
    indices = array.indices.to_numpy(zero_copy_only=False)
    if array.indices.null_count:
        indices = np.where(np.isnan(indices), len(labels), indices).astype(np.intp)
    for index, text in enumerate(labels):
        label = "" if text is None else str(text).strip()
        if label in MISSING_TEXTS:
            continue
        of_label[index] = codes.setdefault(label, len(codes))
        if column.no_number is None and not NUMBER.fullmatch(str(text)):
            first = np.flatnonzero(indices == index)
            if len(first):
                column.no_number = (batch.where(int(first[0])), repr(safe_text(str(text))))
    out[:] = of_label[indices]
    column.many = len(codes) > MOST_LABELS


def _check(
    shown: str,
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
        if not odd[place] or column.many or column.kind in {"date", "nested"}:
            continue
        infinite, missing = np.isinf(values), np.isnan(values)
        if infinite.any():
            raise ProblemError(
                f"{shown}: {batch.where(int(np.argmax(infinite)))}, column {column.name!r}: the"
                " number is infinite or too large; correct it, or leave it empty"
            )
        if slot == target and missing.any():
            raise ProblemError(
                f"{shown}: {batch.where(int(np.argmax(missing)))}, column {column.name!r}: the"
                " target is missing; fill it in, or leave the row out"
            )
        column.missing += int(missing.sum())


def _finish(column: Column, values: Floats) -> None:
    """Sort the labels of a text column, and find what is wrong with a column."""
    name = column.name
    if column.kind == "date":
        column.fault = f"column {name!r} holds dates or times; {_INSTEAD}"
    if column.kind == "nested":
        column.fault = f"column {name!r} holds lists, objects or bytes; {_INSTEAD}"
    if column.kind != "text":
        return
    found = list(column._codes)
    if not column.many:
        column.labels = tuple(sorted(found))
        place = {label: index for index, label in enumerate(column.labels)}
        rank = np.array([*(place[label] for label in found), np.nan])
        for start in range(0, len(values), 1 << 16):
            part = values[start : start + (1 << 16)]
            part[:] = rank[np.where(np.isnan(part), len(found), part).astype(np.intp)]
    column.fault = _text_fault(column, found)
    column._codes = {}


_INSTEAD = "leave it out with --drop, or turn it into numbers"


def _text_fault(column: Column, found: list[str]) -> str | None:
    some = found[:LOOKED_AT]
    if some and all(map(_DATE.fullmatch, some)):
        column.kind = "date"
        return f"column {column.name!r} holds dates or times, as {safe_text(some[0])!r}; {_INSTEAD}"
    if (
        len(some) > 1
        and all(_COMMA.fullmatch(text) or NUMBER.fullmatch(text) for text in some)
        and any(map(_COMMA.fullmatch, some))
    ):
        return (
            f"column {column.name!r} holds numbers with commas, as {safe_text(some[0])!r}; write"
            " them with a point, and thousands without a sign"
        )
    if (
        len(some) > 1
        and all(_SIGNED.fullmatch(text) or NUMBER.fullmatch(text) for text in some)
        and any(map(_SIGNED.fullmatch, some))
    ):
        sign = next(filter(_SIGNED.fullmatch, some))
        return (
            f"column {column.name!r} holds numbers with signs, as {safe_text(sign)!r}; write them"
            " as numbers alone, or leave the column out with --drop"
        )
    numbers = sum(NUMBER.fullmatch(text) is not None for text in found)
    if numbers <= FEW_NUMBERS or numbers < MOSTLY * len(found):
        return None
    if column.no_number is None:
        return f"column {column.name!r} holds numbers written as text; store them as numbers"
    place, value = column.no_number
    return (
        f"{place}, column {column.name!r}: {value} is not a number as most of the column is;"
        " correct it, or leave it empty"
    )
