"""Text tables, CSV and TSV, as batches of columns."""

import csv
from collections.abc import Iterator, Sequence
from typing import Any

from tui_gd.errors import ProblemError
from tui_gd.problems.chunks import CHUNK, Chunk, chunks, parsed_ahead
from tui_gd.problems.opened import is_packed, reason, shown_path, size_of
from tui_gd.problems.sniff import MISSING_NUMBERS, rows_of, sniff
from tui_gd.problems.sources import Batch, Field, Kind, arrays_of, kind_of, named

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
