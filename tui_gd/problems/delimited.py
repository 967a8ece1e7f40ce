"""Text tables, CSV and TSV, as batches of columns."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tui_gd.errors import ProblemError
from tui_gd.problems.input_file import (
    CHUNK,
    Chunk,
    chunks,
    is_packed,
    parsed_ahead,
    reason,
    shown_path,
    size_of,
)
from tui_gd.problems.sources import Batch, Field, Kind, arrays_of, kind_of, named
from tui_gd.problems.text import safe_text

# Delimiter and header of a text table, found from its first lines.

DELIMITERS = (",", "\t", ";", "|")
LINES = 50
LONGEST_FIELD = 1 << 24
MISSING_TEXTS = frozenset(
    {
        "",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-NaN",
        "-nan",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "n/a",
        "nan",
        "null",
    }
)
"""Texts that stand for a missing value wherever they are."""
MISSING_NUMBERS = (*sorted(MISSING_TEXTS), "?", ".", "-", "None", "none", "missing", "Missing")
"""Texts that stand for a missing value among numbers."""
NUMBER = re.compile(r"[ \t]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*")


@dataclass(frozen=True)
class Dialect:
    """How a table is written: its delimiter, the names of its columns, whether it states them."""

    delimiter: str
    names: tuple[str, ...]
    header: bool

    @property
    def shown(self) -> str:
        """The delimiter as it is named in messages."""
        return "a tab" if self.delimiter == "\t" else f"'{self.delimiter}'"


def rows_of(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Give the rows of a text that are not empty, each with the number of its last line."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    for row in reader:
        if row:
            yield reader.line_num, row


def sniff(shown: str, text: str) -> Dialect:
    """Return the dialect of a table that begins with `text`, whole lines; `shown` names the file.

    The delimiter is the one of comma, tab, semicolon and bar that parts most of the first 50 rows
    into equally many fields, more than one. The first row is a header if it holds text where those
    below it hold numbers, or no number at all; without one the columns are x1, x2, and so on.
    """
    parted = {delimiter: _first_rows(shown, text, delimiter) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda one: _agreement(parted[one]))
    rows = parted[delimiter]
    if not rows:
        raise ProblemError(f"{shown}: has no rows; a table with a header and rows is wanted")
    if _agreement(rows)[1] < 2:
        raise ProblemError(
            f"{shown}: has one column only; wanted are a target and at least one feature,"
            " parted by commas, tabs, semicolons or bars (of spaces: tr -s ' ' ',')"
        )
    _check_first(shown, rows, delimiter)
    header = _is_header(rows)
    if not header:
        return Dialect(delimiter, tuple(f"x{i + 1}" for i in range(len(rows[0]))), False)
    return Dialect(delimiter, tuple(name.strip() for name in rows[0]), True)


def _check_first(shown: str, rows: list[list[str]], delimiter: str) -> None:
    """Refuse what stands above a table: a remark, a title, `sep=;`, a header that lacks names."""
    first, widths = rows[0], {len(row) for row in rows[1:]}
    if len(rows) > 2 and len(widths) == 1 and len(first) not in widths:
        (width,) = widths
        raise ProblemError(
            f"{shown}: the first line, {safe_text(delimiter.join(first), 40)!r}, has {len(first)}"
            f" value{'s' * (len(first) != 1)} and the rows below it {width}: it has to name every"
            " column, or go"
        )


def _first_rows(shown: str, text: str, delimiter: str) -> list[list[str]]:
    try:
        return list(islice((row for _, row in rows_of(text, delimiter)), LINES))
    except csv.Error as error:
        raise ProblemError(f"{shown}: is no table of text ({error}); save it as CSV") from None


def _agreement(rows: list[list[str]]) -> tuple[float, int]:
    """Return the share of rows that have as many fields as most, and that number; (0, 1) if one."""
    counts = Counter(map(len, rows))
    if not counts:
        return 0.0, 0
    fields, found = max(counts.items(), key=lambda item: (item[1], item[0]))
    return (found / len(rows), fields) if fields > 1 else (0.0, 1)


def _is_header(rows: list[list[str]]) -> bool:
    first, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    over_numbers = []
    for column, cell in enumerate(first):
        values = [row[column] for row in below if row[column].strip() not in MISSING_NUMBERS]
        if values and sum(map(_is_number, values)) > len(values) / 2:
            over_numbers.append(cell)
    if any(not _is_number(cell) and cell.strip() not in MISSING_NUMBERS for cell in over_numbers):
        return True
    return not any(map(_is_number, over_numbers or first))


def _is_number(cell: str) -> bool:
    return NUMBER.fullmatch(cell) is not None


_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# a packed file is about so many times as long unpacked
_PACKED = 3


class Delimited:
    """A text table. What is no number in a column that was taken for numbers makes it text.

    Kinds are those of the first MiB, as pyarrow infers them; `kinds`, by the names of columns,
    stand in for them.
    """

    def __init__(self, path: str, kinds: dict[str, Kind] | None = None) -> None:
        self.path, self.shown = path, shown_path(path)
        self.changed = False
        first = next(chunks(path), None)
        if first is None:
            raise ProblemError(f"{self.shown}: is empty; a table with a header and rows is wanted")
        self._check_bytes(first.data)
        self.dialect = sniff(self.shown, first.text(self.shown))
        names = named(self.shown, self.dialect.names)
        found = self._kinds_of(first) if kinds is None else {}
        self.fields = [
            Field(name, (kinds or {}).get(name, found.get(index, "text")))
            for index, name in enumerate(names)
        ]

    def batches(self) -> Iterator[Batch]:
        """Read the file from its start."""
        row = 0
        for chunk, parsed in parsed_ahead(chunks(self.path), self._parse):
            table = self._mend(chunk, row, parsed) if isinstance(parsed, Exception) else parsed
            if table.num_rows:
                yield Batch(row, table.num_rows, arrays_of(table), _Places(self, chunk, row))
            row += table.num_rows

    def rows_to_come(self, batch: Batch) -> int:
        """Judge by the size of the file and the rows of its first bytes."""
        size = size_of(self.path) * (_PACKED if is_packed(self.path) else 1)
        return int(max(size / CHUNK, 1) * batch.rows * 1.02) if size > CHUNK else batch.rows

    def records(self, chunk: Chunk) -> Iterator[tuple[int, list[str]]]:
        """Give line and fields of the rows of a chunk, as they are written."""
        header, first = chunk.first and self.dialect.header, chunk.line
        for line, fields in rows_of(chunk.text(self.shown), self.dialect.delimiter):
            if not header:
                yield first + line - 1, fields
            header = False

    def _check_bytes(self, data: bytes) -> None:
        if data.startswith(_UTF_16):
            raise ProblemError(f"{self.shown}: is written as UTF-16; save it as UTF-8")
        if b"\x00" in data:
            line = 1 + data.count(b"\n", 0, data.find(b"\x00"))
            raise ProblemError(
                f"{self.shown}: line {line} holds a zero byte: it is no text; a table as CSV,"
                " Parquet or Feather is wanted"
            )

    def _kinds_of(self, chunk: Chunk) -> dict[int, Kind]:
        import pyarrow as pa

        try:
            table = self._read(chunk, {})
        except (pa.ArrowException, ValueError) as error:
            raise self._fault(chunk, 0, error) from None
        kinds: dict[int, Kind] = {}
        for index, column in enumerate(table.schema.types):
            kind = kind_of(column)
            kinds[index] = kind if kind in {"number", "yes/no"} else "text"
        return kinds

    def _parse(self, chunk: Chunk) -> Any:
        import pyarrow as pa

        types = {
            "number": pa.float64(),
            "yes/no": pa.bool_(),
            "text": pa.dictionary(pa.int32(), pa.string()),
        }
        return self._read(
            chunk, {str(index): types[field.kind] for index, field in enumerate(self.fields)}
        )

    def _read(self, chunk: Chunk, types: dict[str, Any], only: Sequence[str] = ()) -> Any:
        from pyarrow import BufferReader
        from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, read_csv

        return read_csv(
            BufferReader(chunk.data),
            read_options=ReadOptions(
                use_threads=False,
                block_size=len(chunk.data) + 1,
                column_names=[str(index) for index in range(len(self.dialect.names))],
                skip_rows_after_names=int(chunk.first and self.dialect.header),
            ),
            parse_options=ParseOptions(delimiter=self.dialect.delimiter, newlines_in_values=True),
            convert_options=ConvertOptions(
                column_types=types, include_columns=list(only), null_values=list(MISSING_NUMBERS)
            ),
        )

    def _mend(self, chunk: Chunk, row: int, error: Exception) -> Any:
        """Return a chunk that could not be parsed, the columns at fault as text from now on."""
        import pyarrow as pa

        if not isinstance(error, (pa.ArrowException, ValueError)):
            raise error
        self._explain(chunk, row)
        try:
            numbers = [i for i, field in enumerate(self.fields) if field.kind != "text"]
            for index in self._no_numbers(chunk, numbers):
                self.fields[index] = Field(self.fields[index].name, "text")
                self.changed = True
            return self._parse(chunk)
        except (pa.ArrowException, ValueError) as other:
            raise self._fault(chunk, row, other) from None

    def _no_numbers(self, chunk: Chunk, columns: list[int]) -> list[int]:
        """Return those of the columns that hold something else than numbers, by bisection."""
        import pyarrow as pa

        if not columns:
            return []
        types = {
            str(i): pa.float64() if self.fields[i].kind == "number" else pa.bool_() for i in columns
        }
        try:
            self._read(chunk, types, list(types))
        except (pa.ArrowException, ValueError):
            if len(columns) == 1:
                return columns
            half = len(columns) // 2
            return self._no_numbers(chunk, columns[:half]) + self._no_numbers(chunk, columns[half:])
        return []

    def _explain(self, chunk: Chunk, row: int) -> None:
        """Raise `ProblemError` if the chunk is no UTF-8 or its rows are not of one length."""
        self._check_bytes(chunk.data)
        wanted = len(self.dialect.names)
        try:
            for number, (line, fields) in enumerate(self.records(chunk), row + 1):
                if len(fields) != wanted:
                    values = f"{len(fields)} value{'s' * (len(fields) != 1)}"
                    quote = " (is a quote never closed?)" if "\n" in fields[-1] else ""
                    raise ProblemError(
                        f"{self.shown}: row {number} (line {line}) has {values}, wanted are"
                        f" {wanted}, parted by {self.dialect.shown}{quote}; correct the line"
                    )
        except csv.Error as error:
            raise ProblemError(
                f"{self.shown}: from line {chunk.line} on: no table of text ({error})"
            ) from None

    def _fault(self, chunk: Chunk, row: int, error: Exception) -> ProblemError:
        try:
            self._explain(chunk, row)
        except ProblemError as known:
            return known
        first = chunk.line
        last = first + chunk.data.count(b"\n")
        return ProblemError(
            f"{self.shown}: between line {first} and {last}: {reason(error)}; correct it"
        )


class _Places:
    """How the rows of a chunk are named."""

    def __init__(self, source: Delimited, chunk: Chunk, row: int) -> None:
        self._source, self._chunk, self._row = source, chunk, row

    def __call__(self, row: int) -> str:
        """Name the row of that number within the chunk by its row and line in the file."""
        for number, (line, _) in enumerate(self._source.records(self._chunk)):
            if number == row:
                return f"row {self._row + row + 1} (line {line})"
        return f"row {self._row + row + 1}"
