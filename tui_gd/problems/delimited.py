"""Text tables such as CSV and TSV, as batches of columns."""

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
"""Texts that mean a missing value in every column."""
MISSING_NUMBERS = (*sorted(MISSING_TEXTS), "?", ".", "-", "None", "none", "missing", "Missing")
"""Texts that mean a missing value in a column of numbers."""
NUMBER = re.compile(r"[ \t]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*")


@dataclass(frozen=True)
class Dialect:
    """How a text table is written: its delimiter, its column names, whether it has a header."""

    delimiter: str
    names: tuple[str, ...]
    header: bool

    @property
    def shown(self) -> str:
        """The delimiter's name in messages."""
        return "a tab" if self.delimiter == "\t" else f"'{self.delimiter}'"


def rows_of(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a text that are not empty, each with the number of its last line."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    for row in reader:
        if row:
            yield reader.line_num, row


def sniff(shown: str, text: str) -> Dialect:
    """Return the dialect of a table that starts with `text` (whole lines); `shown` names the file.

    The delimiter is comma, tab, semicolon or bar: the one that splits most of the first 50 rows
    into the same number of fields, more than one. The first row is a header if it has text over a
    column of numbers, or no number at all; without a header the columns are x1, x2, and so on.
    """
    parted = {delimiter: _first_rows(shown, text, delimiter) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda one: _agreement(parted[one]))
    rows = parted[delimiter]
    if not rows:
        raise ProblemError(f"{shown}: has no rows; a table needs a header and rows")
    if _agreement(rows)[1] < 2:
        raise ProblemError(
            f"{shown}: has only one column; a table needs a target and at least one feature,"
            " separated by commas, tabs, semicolons or bars (from spaces: tr -s ' ' ',')"
        )
    _check_first(shown, rows, delimiter)
    header = _is_header(rows)
    if not header:
        return Dialect(delimiter, tuple(f"x{i + 1}" for i in range(len(rows[0]))), False)
    return Dialect(delimiter, tuple(name.strip() for name in rows[0]), True)


def _check_first(shown: str, rows: list[list[str]], delimiter: str) -> None:
    """Refuse a first line that is not part of the table, or a header that lacks names."""
    first, widths = rows[0], {len(row) for row in rows[1:]}
    if len(rows) > 2 and len(widths) == 1 and len(first) not in widths:
        (width,) = widths
        raise ProblemError(
            f"{shown}: the first line, {safe_text(delimiter.join(first), 40)!r}, has {len(first)}"
            f" value{'s' * (len(first) != 1)} and the rows below it {width}: name every column"
            " in it, or delete it"
        )


def _first_rows(shown: str, text: str, delimiter: str) -> list[list[str]]:
    try:
        return list(islice((row for _, row in rows_of(text, delimiter)), LINES))
    except csv.Error as error:
        raise ProblemError(f"{shown}: is not a text table ({error}); save it as CSV") from None


def _agreement(rows: list[list[str]]) -> tuple[float, int]:
    """Return the most common number of fields, after the share of rows with it; (0, 1) if one."""
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
# how much longer a compressed file is when uncompressed, roughly
_PACKED = 3


class Delimited:
    """A text table: a value that is not a number turns a column of numbers into text.

    The kinds are those that pyarrow infers from the first MiB, or `kinds` by column name.
    """

    def __init__(self, path: str, kinds: dict[str, Kind] | None = None) -> None:
        self.path, self.shown = path, shown_path(path)
        self.changed = False
        first = next(chunks(path), None)
        if first is None:
            raise ProblemError(f"{self.shown}: is empty; a table needs a header and rows")
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
        """Estimate from the size of the file and the rows of its first bytes."""
        size = size_of(self.path) * (_PACKED if is_packed(self.path) else 1)
        return int(max(size / CHUNK, 1) * batch.rows * 1.02) if size > CHUNK else batch.rows

    def records(self, chunk: Chunk) -> Iterator[tuple[int, list[str]]]:
        """Yield line and fields of the rows of a chunk, as written."""
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
                f"{self.shown}: line {line} has a zero byte, so it is not text; save the table"
                " as CSV, Parquet or Feather"
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
        """Parse a chunk again that failed, with the columns at fault as text from now on."""
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
        """Return the columns that hold something other than numbers, by bisection."""
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
        """Raise `ProblemError` if the chunk is not UTF-8 or its rows differ in length."""
        self._check_bytes(chunk.data)
        wanted = len(self.dialect.names)
        try:
            for number, (line, fields) in enumerate(self.records(chunk), row + 1):
                if len(fields) != wanted:
                    values = f"{len(fields)} value{'s' * (len(fields) != 1)}"
                    quote = " (is a quote not closed?)" if "\n" in fields[-1] else ""
                    raise ProblemError(
                        f"{self.shown}: row {number} (line {line}) has {values}, not"
                        f" {wanted}, separated by {self.dialect.shown}{quote}; correct the line"
                    )
        except csv.Error as error:
            raise ProblemError(
                f"{self.shown}: from line {chunk.line} on: not a text table ({error})"
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
    """Names the rows of a chunk in messages."""

    def __init__(self, source: Delimited, chunk: Chunk, row: int) -> None:
        self._source, self._chunk, self._row = source, chunk, row

    def __call__(self, row: int) -> str:
        """Name a row of the chunk by its row and line in the file."""
        for number, (line, _) in enumerate(self._source.records(self._chunk)):
            if number == row:
                return f"row {self._row + row + 1} (line {line})"
        return f"row {self._row + row + 1}"
