"""Text tables such as CSV, TSV and ARFF, as batches of columns."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from tui_gd.errors import Fault, ProblemError, way
from tui_gd.problems.dialect import NO_HEADER, Dialect, rows_of, sniff
from tui_gd.problems.input_file import Chunk, InputFile, parsed_ahead, reason
from tui_gd.problems.reading import BLANKS, Reading, numeral, odd_numbers
from tui_gd.problems.sources import (
    Batch,
    Column,
    Kind,
    Kinds,
    Source,
    arrays_of,
    chosen,
    kind_of,
    named,
    row_name,
)
from tui_gd.problems.text import safe_text

# blanks around a missing value are part of it for pyarrow
_PADDING = 32
LOOKED_AT = 20_000
"""How many values of the first rows are looked at for odd numbers."""
# UTF-16 is told by these first bytes, of which this share is zero
SEEN, SEEN_TEXT = 1 << 12, 0.4
_BLANKS = re.compile(rb'("[^"]*")|[ \t]+')


class Delimited(Source):
    """A text table: a value that is not a number turns a column of numbers into text.

    The kinds are those that pyarrow infers from the first MiB, or `kinds` by column name, of which
    None are inferred.
    """

    dialect: Dialect
    begins: int
    """The offset of the first chunk; above it there may be chunks of nothing but comments."""

    # within these a line end does not end a row
    _line_quote = b'"'

    def __init__(self, file: InputFile, reading: Reading, kinds: Kinds | None = None) -> None:
        super().__init__(file.shown, reading)
        self._file = file
        self._dates: dict[int, Any] = {}
        self._known = tuple(kinds or ())
        self._span: tuple[int, int | None] = (0, None)
        first = next(self.chunks(), None)
        if first is None:
            raise ProblemError(f"{self.shown}: is empty; a table needs a header and rows")
        self.begins = first.offset
        self._check_bytes(first.data)
        self.dialect = self._find_dialect(first)
        header = first.line + first.data[: -len(first.data.lstrip())].count(b"\n")
        mend = f"rename one, or take numbers for names with --no-header --skip-rows {header}"
        names = named(self.shown, self.dialect.names, mend, way(header=False, skip_rows=header))
        # of known kinds only dates need a look at how they are written
        known = kinds or {}
        sniffed = kinds is None or bool({None, "date"} & set(known.values()))
        found = self._kinds_of(first) if sniffed else {}
        fields = [
            Column(name, known.get(name) or found.get(index, "text"), whole=kinds is not None)
            if known.get(name) not in {"date", "time"}
            else Column(name, "date" if found.get(index) == "date" else "text")
            for index, name in enumerate(names)
        ]
        self.fields = chosen(self.shown, fields, reading)
        if kinds is None:
            self._note_odd_numbers(first)

    def _note_odd_numbers(self, first: Chunk) -> None:
        """Remark on numbers that may be names or gaps, by how the first rows write them."""
        width = len(self.fields)
        with suppress(csv.Error, ProblemError):
            rows = islice(self.records(first), max(20, LOOKED_AT // width))
            columns = zip(*(row for _, row in rows if len(row) == width), strict=True)
            for place, texts in enumerate(columns):
                field = self.fields[place]
                if field.kind == "number":
                    numbers = [text.strip() for text in texts]
                    odd = "" if field.forced else odd_numbers(field.name, numbers, self.reading)
                    whole = any(map(self.reading.is_long, numbers))
                    self.fields[place] = replace(field, remark=odd, whole=whole)

    def only(self, begin: int, end: int | None) -> None:
        """Read only the bytes from `begin` to `end` from now on; both stand behind a line end."""
        self._span = begin, end

    def batches(self, *, first: bool = False) -> Iterator[Batch]:
        """Read the file from its start, with `first` its first rows only."""
        row, last = 0, None
        for chunk, parsed in parsed_ahead(self.chunks(), self._parse):
            table = self._mend(chunk, row, parsed) if isinstance(parsed, Exception) else parsed
            if table.num_rows:
                yield Batch(row, table.num_rows, arrays_of(table), partial(self._place, chunk, row))
                if first:
                    return
                last = table.column(0)[-1].as_py()
            row += table.num_rows
        if isinstance(last, str) and _SUMS.fullmatch(last):
            footer = self.reading.skip_footer + 1
            self.remarks += (
                Fault(
                    f"the last row begins with {safe_text(last.strip())!r}: --skip-footer {footer}"
                    " leaves it out if it sums up the others",
                    way(skip_footer=footer),
                ),
            )

    def rows_to_come(self, batch: Batch) -> int:
        """Estimate from the size of the file and the rows of its first bytes."""
        begin, end = self._span
        return self._file.estimate(batch.rows, None if end is None else end - begin)

    def records(self, chunk: Chunk) -> Iterator[tuple[int, list[str]]]:
        """Yield line and fields of the rows of a chunk, as written."""
        header, first = self._has_header(chunk), chunk.line
        for line, fields in rows_of(chunk.text(), self.dialect.delimiter):
            if not header:
                yield first + line - 1, fields
            header = False

    def _has_header(self, chunk: Chunk) -> bool:
        return self.dialect.header and chunk.offset == self.begins

    def _find_dialect(self, first: Chunk) -> Dialect:
        dialect = sniff(self.shown, first.text(), self.reading, self._known)
        if not dialect.header and self.reading.header is None:
            self.remarks = (NO_HEADER,)
        return dialect

    def chunks(self) -> Iterator[Chunk]:
        """Yield chunks without comments and skipped rows, and with tabs in place of blanks."""
        is_last = self._span[1] in {None, self._file.size}
        footer = self.reading.skip_footer if is_last else 0
        with closing(self._file.chunks(self._line_quote, *self._span)) as chunks:
            cleaned = (replace(chunk, data=self._cleaned(chunk)) for chunk in chunks)
            yield from (one for one in _without_last(cleaned, footer) if one.data.strip())

    def _cleaned(self, chunk: Chunk) -> bytes:
        """Return the bytes of a chunk with lines that are left out empty: they still count."""
        data, reading = chunk.data, self.reading
        if chunk.first and reading.skip_rows:
            head = data.split(b"\n", reading.skip_rows)
            if len(head) <= reading.skip_rows:
                raise ProblemError(
                    f"{self.shown}: --skip-rows {reading.skip_rows} leaves nothing of it",
                    way(skip_rows=None),
                )
            data = b"\n" * reading.skip_rows + head[-1]
        if reading.comment is not None:
            sign = re.escape(reading.comment.encode())
            data = re.sub(rb"(?m)^[ \t]*" + sign + rb"[^\n]*", b"", data)
        if reading.separator == BLANKS:
            data = _BLANKS.sub(
                lambda match: match[1] or (b"\t" if _is_inside(match) else b""), data
            )
        return data

    def _check_bytes(self, data: bytes) -> None:
        if b"\x00" in data:
            line = 1 + data.count(b"\n", 0, data.find(b"\x00"))
            zeros = [data[start:SEEN:2].count(0) for start in (0, 1)]
            if max(zeros) > SEEN_TEXT * len(data[:SEEN]) and not min(zeros):
                order = "be" if zeros[0] else "le"
                raise ProblemError(
                    f"{self.shown}: has a zero byte beside every letter: --encoding utf-16-{order}"
                    " reads it",
                    way(encoding=f"utf-16-{order}"),
                )
            raise ProblemError(
                f"{self.shown}: line {line} has a zero byte, so it is not text; save the table"
                " as CSV, Parquet or Feather"
            )

    def _kinds_of(self, chunk: Chunk) -> dict[int, Kind]:
        import pyarrow as pa

        try:
            table = self._read(chunk, {})
        except (pa.ArrowException, ValueError) as error:
            try:
                self._explain(chunk, 0)
            except ProblemError as known:
                raise known from None
            raise self._fault(chunk, error) from None
        kinds: dict[int, Kind] = {}
        for index, column in enumerate(table.columns):
            kind = kind_of(column.type)
            if kind == "date":
                self._dates[index] = column.type
            if kind == "text" and self.reading.thousands is not None:
                try:
                    self._numbers(column)
                    kind = "number"
                except pa.ArrowInvalid:
                    pass
            kinds[index] = kind if kind in {"number", "yes/no", "date"} else "text"
        return kinds

    def _parse(self, chunk: Chunk) -> Any:
        return self._read(
            chunk, {str(index): self._type(index) for index in range(len(self.fields))}
        )

    def _type(self, index: int) -> Any:
        import pyarrow as pa

        field = self.fields[index]
        types = {"number": pa.float64(), "yes/no": pa.bool_(), "date": self._dates.get(index)}
        # what a person wants as numbers is read from text later
        known = None if field.forced else types.get(field.kind)
        return known or pa.dictionary(pa.int32(), pa.string())

    def _read(self, chunk: Chunk, types: dict[str, Any], only: Sequence[str] = ()) -> Any:
        """Parse a chunk; `types` has a type by column ("0", "1", …), others are inferred."""
        import pyarrow as pa
        from pyarrow import BufferReader
        from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, read_csv

        grouped = [] if self.reading.thousands is None else [
            name for name, kind in types.items() if kind == pa.float64()
        ]  # fmt: skip
        header = self._has_header(chunk)
        # pyarrow would count an empty line before the header as the header
        data = chunk.data.lstrip(b"\r\n") if header else chunk.data
        table = read_csv(
            BufferReader(data),
            read_options=ReadOptions(
                use_threads=False,
                block_size=len(chunk.data) + 1,
                column_names=[str(index) for index in range(len(self.dialect.names))],
                skip_rows_after_names=int(header),
            ),
            parse_options=ParseOptions(delimiter=self.dialect.delimiter, newlines_in_values=True),
            convert_options=ConvertOptions(
                column_types=types | dict.fromkeys(grouped, pa.string()),
                include_columns=list(only),
                null_values=self._null_values,
                decimal_point=self.reading.decimal_sign,
            ),
        )
        for name in grouped:
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, self._numbers(table.column(place)))
        return table

    @property
    def _null_values(self) -> list[str]:
        missing = sorted(self.reading.missing_numbers)
        padded = [f"{before}{text}{behind}" for text in missing if text
                  for before, behind in ((" ", ""), ("", " "))]  # fmt: skip
        return [*missing, *padded, *(" " * count for count in range(1, _PADDING))]

    def _numbers(self, texts: Any) -> Any:
        """Return texts with signs between thousands as numbers; `ArrowInvalid` if they are not."""
        import pyarrow as pa
        import pyarrow.compute as pc

        signs = self.reading.decimal_sign, self.reading.thousands_sign
        texts = pc.utf8_trim_whitespace(texts.cast(pa.string()))
        missing = pc.is_in(texts, value_set=pa.array(sorted(self.reading.missing_numbers)))
        texts = pc.if_else(missing, pa.scalar(None, pa.string()), texts)
        if pc.all(pc.match_substring_regex(texts, f"^{numeral(*signs)}$")).as_py() is False:
            raise pa.ArrowInvalid("a value is not a number")
        texts = pc.replace_substring_regex(texts, "[^0-9+\\-eE" + re.escape(signs[0]) + "]", "")
        return pc.replace_substring(texts, signs[0], ".").cast(pa.float64())

    def _mend(self, chunk: Chunk, row: int, error: Exception) -> Any:
        """Parse a chunk again that failed, with the columns at fault as text from now on."""
        import pyarrow as pa

        if not isinstance(error, (pa.ArrowException, ValueError)):
            raise error
        self._explain(chunk, row)
        try:
            others = [i for i, field in enumerate(self.fields) if field.kind != "text"]
            for index in self._at_fault(chunk, others):
                self.fields[index] = replace(self.fields[index], kind="text")
                self.changed = True
            return self._parse(chunk)
        except (pa.ArrowException, ValueError) as other:
            raise self._fault(chunk, other) from None

    def _at_fault(self, chunk: Chunk, columns: list[int]) -> list[int]:
        """Return the columns with a value that is not of their kind, by bisection."""
        import pyarrow as pa

        if not columns:
            return []
        types = {str(index): self._type(index) for index in columns}
        try:
            self._read(chunk, types, list(types))
        except (pa.ArrowException, ValueError):
            if len(columns) == 1:
                return columns
            half = len(columns) // 2
            return self._at_fault(chunk, columns[:half]) + self._at_fault(chunk, columns[half:])
        return []

    def _explain(self, chunk: Chunk, row: int) -> None:
        """Raise `ProblemError` if the chunk is not UTF-8 or its rows differ in length."""
        self._check_bytes(chunk.data)
        wanted = len(self.dialect.names)
        try:
            for number, (line, fields) in enumerate(self.records(chunk), row + 1):
                if len(fields) != wanted:
                    place = f"row {number} (line {line})" if not self._span[0] else f"line {line}"
                    values = f"{len(fields)} value{'s' * (len(fields) != 1)}"
                    quote = " (is a quote not closed?)" if "\n" in fields[-1] else ""
                    footer = self._footer_from(chunk, number - row - 1)
                    mend = "correct the line"
                    if footer:
                        footer += self.reading.skip_footer
                        mend += (
                            f", or leave out what is below the table with --skip-footer {footer}"
                        )
                    raise ProblemError(
                        f"{self.shown}: {place} has {values}, not"
                        f" {wanted}, separated by {self.dialect.shown}{quote}; {mend}",
                        *([way(skip_footer=footer)] if footer else []),
                    )
        except csv.Error as error:
            raise ProblemError(
                f"{self.shown}: from line {chunk.line} on: not a text table ({error})"
            ) from None

    def _place(self, chunk: Chunk, start: int, row: int) -> str:
        """Name a row of a chunk by its row and line in the file; in a part, by its line."""
        line = next(islice(self.records(chunk), row, None), (0, []))[0]
        if not line:
            return row_name(start, row)
        return f"line {line}" if self._span[0] else f"{row_name(start, row)} (line {line})"

    def _footer_from(self, chunk: Chunk, row: int) -> int:
        """Return how many rows of a chunk there are from a row on, if they look like a footer.

        There are few and none of them has as many values as the table has columns.
        """
        with suppress(csv.Error):
            rest = [fields for _, fields in islice(self.records(chunk), row, row + MOST_FOOTER + 1)]
            if len(rest) <= MOST_FOOTER and row:
                return len(rest) * all(len(one) < len(self.dialect.names) for one in rest)
        return 0

    def _fault(self, chunk: Chunk, error: Exception) -> ProblemError:
        first = chunk.line
        last = first + chunk.data.count(b"\n")
        return ProblemError(
            f"{self.shown}: between line {first} and {last}: {reason(error)}; correct it"
        )


MOST_FOOTER = 20
"""The most lines below a table that a refusal takes for a footer."""
# what the first column says in a row that sums up the others
_SUMS = re.compile(
    r"\s*(grand\s+|sub-?)?(total|sum|average|mean|summe|gesamt|insgesamt|somme)s?\s*:?\s*",
    re.IGNORECASE,
)
_FULL_LINE = re.compile(rb"(?m)^[^\n]*?\S")


def _without_last(chunks: Iterable[Chunk], lines: int) -> Iterator[Chunk]:
    """Yield the chunks without the last lines that are not empty."""
    if not lines:
        yield from chunks
        return
    held: list[tuple[Chunk, list[int]]] = []
    for chunk in chunks:
        held.append((chunk, [match.start() for match in _FULL_LINE.finditer(chunk.data)]))
        while sum(len(starts) for _, starts in held[1:]) >= lines:
            yield held.pop(0)[0]
    while held and len(held[-1][1]) <= lines:
        lines -= len(held.pop()[1])
    for place, (chunk, starts) in enumerate(held, 1):
        end = starts[-lines] if lines and place == len(held) else None
        yield replace(chunk, data=chunk.data[:end])


def _is_inside(match: "re.Match[bytes]") -> bool:
    """Whether blanks stand between two fields, not at the start or the end of a line."""
    text, start, end = match.string, match.start(), match.end()
    before = text[start - 1 : start] not in {b"", b"\n"}
    return before and text[end : end + 1] not in {b"", b"\n", b"\r"}


_DATA = re.compile(rb"^[ \t]*@data\b[^\n]*\n", re.MULTILINE | re.IGNORECASE)
_SPARSE = re.compile(rb"(?:\s*%[^\n]*\n)*\s*\{")
_ATTRIBUTE = re.compile(
    r"""^[ \t]*@attribute\s+"""
    r"""(?:'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>[^"]*)"|(?P<plain>[^\s{]+))"""
    r"\s*(?P<type>[^\n]*)",
    re.MULTILINE | re.IGNORECASE,
)


class Arff(Delimited):
    """A table in the attribute-relation format of Weka and OpenML; `?` is a missing value."""

    _line_quote = b""

    def __init__(self, file: InputFile, reading: Reading, kinds: Kinds | None = None) -> None:
        first = file.first_bytes(1 << 24)
        data = _DATA.search(first)
        head = first[: data.end() if data else 0].decode("utf-8", "replace")
        found = [
            (match["single"] or match["double"] or match["plain"] or "", match["type"].strip())
            for match in _ATTRIBUTE.finditer(head)
        ]
        if not data or not found:
            raise ProblemError(
                f"{file.shown}: ARFF needs lines with @attribute, then one with @data, then rows"
            )
        rows = first[data.end() :]
        self._absent = _absent([kind for _, kind in found]) if _SPARSE.match(rows) else []
        if len(self._absent) > MOST_SPARSE:
            raise ProblemError(
                f"{file.shown}: sparse rows of ARFF are read with up to {MOST_SPARSE:,} columns,"
                f" and it has {len(found):,}; convert it to svmlight"
            )
        self._attributes = tuple(name.replace("\\'", "'") for name, _ in found)
        numbers = ("numeric", "real", "integer")
        stated: dict[str, Kind] = {
            safe: "number" if kind.lower().startswith(numbers) else "text"
            for safe, (_, kind) in zip(named(file.shown, self._attributes), found, strict=True)
        }
        given = {name: kind for name, kind in (kinds or {}).items() if kind is not None}
        missing = (*reading.missing, "?")
        reading = replace(reading, missing=missing, comment="%", skip_rows=head.count("\n"))
        super().__init__(file, reading, {**stated, **given})

    def _find_dialect(self, _: Chunk) -> Dialect:
        return Dialect(",", self._attributes, False)

    def _cleaned(self, chunk: Chunk) -> bytes:
        """Return the bytes of a chunk with quotes as in CSV."""
        data = super()._cleaned(chunk)
        if self._absent:
            data = _SPARSE_ROW.sub(partial(self._dense, chunk), data)
        return _QUOTED.sub(_requoted, data)

    def _dense(self, chunk: Chunk, row: "re.Match[bytes]") -> bytes:
        """Return a sparse row as one with all values: a number that is absent is 0."""
        values, text, end = list(self._absent), row[1].rstrip(), 0
        places = set[int]()
        while end < len(text):
            entry = _ENTRY.match(text, end)
            place = int(entry[1]) if entry else -1
            if entry is None or place >= len(values) or place in places:
                line = chunk.line + row.string.count(b"\n", 0, row.start())
                shown = safe_text(text[end:].strip().decode("utf-8", "replace"), 40)
                raise ProblemError(
                    f"{self.shown}: line {line}: {shown!r} in a sparse row: an entry is the number"
                    f" of an attribute, 0 to {len(values) - 1} and each once, and its value;"
                    " correct it"
                )
            places.add(place)
            values[place], end = entry[2], entry.end()
        return b",".join(values)


MOST_SPARSE = 1000
"""Sparse rows with up to this many columns are written out as rows with all values."""
_SPARSE_ROW = re.compile(rb"(?m)^[ \t]*\{([^\n]*)\}[ \t]*\r?$")
_VALUE = rb"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,'"{}]+"""
_ENTRY = re.compile(rb"[ \t]*([0-9]{1,9})[ \t]+(" + _VALUE + rb")[ \t]*(?:,|$)")


def _absent(kinds: Sequence[str]) -> list[bytes]:
    """Return what a sparse row leaves out: 0, and of a list of texts the first."""
    first = [re.match(r"\{\s*(" + _VALUE.decode() + ")", kind) for kind in kinds]
    return [match[1].encode() if match else b"0" for match in first]


# a value in either kind of quotes, within which a backslash stands before a quote
_QUOTED = re.compile(
    rb"""(?m)(^|,)[ \t]*(?:'((?:[^'\\]|\\.|'')*)'|"((?:[^"\\]|\\.|"")*)")[ \t]*(?=,|\r?$)"""
)


def _requoted(match: "re.Match[bytes]") -> bytes:
    single = match[2] is not None
    text = match[2].replace(b"''", b"'") if single else match[3].replace(b'""', b'"')
    text = re.sub(rb"\\(.)", rb"\1", text)
    return match[1] + b'"' + text.replace(b'"', b'""') + b'"'
