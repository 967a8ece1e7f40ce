"""JSON as batches of columns: an object or a list on every line, or one list of them."""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from tui_gd.errors import ProblemError
from tui_gd.problems import input_file
from tui_gd.problems.input_file import Chunk, InputFile, parsed_ahead, reason
from tui_gd.problems.reading import LOOKED_AT, Reading
from tui_gd.problems.sources import (
    NAME_LENGTH,
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

_OF_KIND: dict[Kind, tuple[type, ...]] = {
    "number": (int, float),
    "yes/no": (bool,),
    "text": (str,),
    "date": (str,),
}


class JsonLines(Source):
    """A table of JSON objects or lists; the first MiB decides its fields and their kinds.

    A field that has texts beside numbers becomes a column of text, and so does one of numbers that
    is text by `kinds`, of which other kinds have no effect.
    """

    def __init__(self, file: InputFile, reading: Reading, kinds: Kinds | None = None) -> None:
        import pyarrow as pa

        super().__init__(file.shown, reading)
        self._file = file
        with file.open_text() as text:
            start = file.read(text, input_file.CHUNK).removeprefix(codecs.BOM_UTF8)
        self._is_list = start.lstrip()[:1] == b"["
        first = next(self._chunks(), None)
        if first is None or not first.data.strip():
            raise ProblemError(f"{self.shown}: is empty; JSON needs objects, one for every row")
        if not self._is_list:
            _check_lines(self.shown, start)
        try:
            schema = self._parse(first, None).schema
        except (pa.ArrowException, ValueError) as error:
            raise self._fault(first, 0, error) from None
        if not schema.names:
            raise ProblemError(f"{self.shown}: its objects have no fields")
        names = named(self.shown, schema.names)
        rows = [json.loads(line) for line in first.text().splitlines()[:LOOKED_AT] if line.strip()]
        whole = {name for row in rows for name, value in row.items()
                 if _is_number(value) and reading.is_long(str(value))}  # fmt: skip
        fields = [
            Column(name, kind_of(kind), whole=stated in whole)
            for name, stated, kind in zip(names, schema.names, schema.types, strict=True)
        ]
        texts = {name for name, kind in (kinds or {}).items() if kind == "text"}
        self.fields = [
            replace(one, kind="text") if one.name in texts and one.kind == "number" else one
            for one in chosen(self.shown, fields, reading)
        ]
        types = {"number": pa.float64(), "yes/no": pa.bool_(), "text": pa.string()}
        # numbers that a person wants as text are read as they are written
        read_as = [
            "text" if one.kind == "text" and field.kind == "number" else field.kind
            for one, field in zip(self.fields, fields, strict=True)
        ]
        self._schema = pa.schema(
            [
                (entry.name, types.get(kind, entry.type))
                for entry, kind in zip(schema, read_as, strict=True)
            ]
        )

    def batches(self, *, first: bool = False) -> Iterator[Batch]:
        """Read the file from its start, with `first` its first rows only."""
        row = 0
        for chunk, table in parsed_ahead(
            self._chunks(), lambda chunk: self._parse(chunk, self._schema)
        ):
            if isinstance(table, Exception):
                raise self._fault(chunk, row, table)
            self._note_texts(table.schema)
            if table.num_rows:
                yield Batch(
                    row,
                    table.num_rows,
                    arrays_of(table.select(self._schema.names)),
                    partial(row_name, row),
                )
                if first:
                    return
            row += table.num_rows

    def rows_to_come(self, batch: Batch) -> int:
        """Estimate from the size of the file and the rows of its first bytes."""
        return self._file.estimate(batch.rows)

    def _chunks(self) -> Iterator[Chunk]:
        return _list_chunks(self._file) if self._is_list else self._file.chunks(b"")

    def _parse(self, chunk: Chunk, schema: Any) -> Any:
        """Parse a chunk; where fields have texts beside numbers, the numbers as texts."""
        import pyarrow as pa

        try:
            return self._read(chunk, schema)
        except (pa.ArrowException, ValueError):
            numbers, texts = _numbers_and_texts(chunk, schema)
            if not numbers & texts:
                raise
            entries = [
                {
                    name: json.dumps(value) if name in texts and _is_number(value) else value
                    for name, value in json.loads(line).items()
                }
                for line in chunk.text().splitlines()
                if line.strip()
            ]
            data = "\n".join(map(json.dumps, entries)).encode()
            if schema is not None:
                schema = pa.schema(
                    [(one.name, pa.string() if one.name in texts else one.type) for one in schema]
                )
            return self._read(replace(chunk, data=data), schema)

    def _note_texts(self, found: Any) -> None:
        """Remember the fields that turned out to have texts: the file is to be read again."""
        for place, (known, one) in enumerate(zip(self._schema, found, strict=True)):
            if known.type != one.type:
                self._schema = self._schema.set(place, one)
                if not self.fields[place].forced:
                    self.fields[place] = replace(self.fields[place], kind="text")
                    self.changed = True

    def _read(self, chunk: Chunk, schema: Any) -> Any:
        from pyarrow import BufferReader
        from pyarrow.json import ParseOptions, ReadOptions, read_json

        chunk.text()  # pyarrow accepts texts that are not UTF-8
        return read_json(
            BufferReader(chunk.data),
            read_options=ReadOptions(use_threads=False, block_size=len(chunk.data) + 1),
            parse_options=ParseOptions(
                explicit_schema=schema,
                unexpected_field_behavior="infer" if schema is None else "error",
            ),
        )

    def _fault(self, chunk: Chunk, row: int, error: Exception) -> Exception:
        """Return the error that names the first line with a fault."""
        import pyarrow as pa

        if not isinstance(error, (pa.ArrowException, ValueError)):
            return error
        try:
            lines = chunk.text().splitlines()
        except ProblemError as wrong:
            return wrong
        known: dict[str, Kind] = {field.name: field.kind for field in getattr(self, "fields", ())}
        kinds = dict(known)
        first = 0 if self._is_list else chunk.line
        for number, line in enumerate(lines):
            if not line.strip():
                continue
            row += 1
            fault = _wrong_with(line, kinds, bool(known))
            if fault:
                place = f"row {row}" if self._is_list else f"row {row} (line {first + number})"
                return ProblemError(f"{self.shown}: {place}{fault}")
        return ProblemError(f"{self.shown}: from row {row} on: {reason(error)}; correct it")


def _numbers_and_texts(chunk: Chunk, schema: Any) -> tuple[set[str], set[str]]:
    """Return the fields with numbers and those with texts, in a chunk or by the schema."""
    import pyarrow as pa

    kinds = {} if schema is None else {one.name: one.type for one in schema}
    numbers = {name for name, kind in kinds.items() if pa.types.is_floating(kind)}
    texts = {name for name, kind in kinds.items() if pa.types.is_string(kind)}
    for line in chunk.text().splitlines():
        entries = json.loads(line) if line.strip() else {}
        if not isinstance(entries, dict):
            return set(), set()
        numbers |= {name for name, value in entries.items() if _is_number(value)}
        texts |= {name for name, value in entries.items() if isinstance(value, str)}
    return numbers, texts


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong_with(line: str, kinds: dict[str, Kind], known: bool) -> str | None:
    """Return what is wrong with a line, as the end of a sentence; None if it is fine.

    Unless all fields are `known`, it adds the kinds of new ones to `kinds`.
    """
    try:
        entries = json.loads(line)
    except (ValueError, RecursionError) as wrong:
        return f": not valid JSON ({reason(wrong)}); correct the line"
    if not isinstance(entries, dict):
        return ": not an object; every line needs one"
    for name, value in entries.items():
        shown = safe_text(name.strip(), NAME_LENGTH)
        if shown not in kinds:
            if known:
                return f": no line before has the field {shown!r}; write it in all lines"
            kind = next((kind for kind, of in _OF_KIND.items() if type(value) in of), None)
            if kind:
                kinds[shown] = kind
        wanted = _OF_KIND.get(kinds.get(shown, "nested"), ())
        if wanted and value is not None and type(value) not in wanted:
            return (
                f", column {shown!r}: {safe_text(json.dumps(value))} is of another kind than"
                f" the values before it ({kinds[shown]}); correct it"
            )
    return None


def _check_lines(shown: str, data: bytes) -> None:
    """Raise `ProblemError` for a single object, on several lines or with columns or rows in it."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(value, dict):
        return
    nested = bool(value) and all(isinstance(entry, dict | list) for entry in value.values())
    lists = {name: one for name, one in value.items() if isinstance(one, list) and one}
    tables = [name for name, one in lists.items() if isinstance(one[0], dict)]
    if nested or tables or b"\n" in data.strip():
        mend = " (in pandas: orient='records')"
        if tables and (table := safe_text(tables[0])):
            mend = f": write the list in {table!r} to a file of its own"
        raise ProblemError(
            f"{shown}: is one object of JSON; a table needs one on every line, or a list of"
            f" objects{mend}"
        )


# a list whose first value is no row: lists stand on lines of their own
_LISTS = re.compile(r"\s*\[\s*[^\s\[{\]]")
_LINE_END, _COMMA_TOO = re.compile(r"\n(?=\s*\[)"), ",\n"


_COMMA = re.compile(r"[ \t\r\n]*(,|\]|$)[ \t\r\n]*")


def _list_chunks(file: InputFile) -> Iterator[Chunk]:
    """Yield the objects of one JSON list as chunks of lines."""
    decoder, lines, size, rows = json.JSONDecoder(), list[str](), 0, 0
    with file.open_text() as opened:
        data = file.read(opened, -1)
    text = Chunk(file, data, 0).text()
    if _LISTS.match(text):  # one on every line
        text = f"[{_LINE_END.sub(_COMMA_TOO, text.strip())}]"
    names: list[str] | None = None
    start = text.index("[") + 1
    start += len(text[start : start + 1000]) - len(text[start : start + 1000].lstrip())
    while text[start : start + 1] not in {"]", ""}:
        try:
            value, end = decoder.raw_decode(text, start)
            after = _COMMA.match(text, end)
            if after is None or not after[1]:
                raise ValueError("a comma or ] is missing")
        except (ValueError, RecursionError) as wrong:
            line = text.count("\n", 0, start) + 1
            raise ProblemError(
                f"{file.shown}: row {rows + 1} (line {line}): not valid JSON ({reason(wrong)});"
                " correct it"
            ) from None
        rows += 1
        entry = text[start:end].replace("\n", " ").replace("\r", " ")
        if isinstance(value, list) and (names is not None or (value and rows == 1)):
            if names is None:
                is_header = all(isinstance(one, str) for one in value)
                names = value if is_header else [f"x{i + 1}" for i in range(len(value))]
                named(file.shown, names)
            if len(value) != len(names):
                values = f"{len(value)} value{'s' * (len(value) != 1)}"
                raise ProblemError(
                    f"{file.shown}: list {rows} has {values}, and the first {len(names)}; correct"
                    " it"
                )
            entry = "" if value is names else json.dumps(dict(zip(names, value, strict=True)))
        elif names is not None or not isinstance(value, dict):
            kind = "an object" if names is None else "a list"
            raise ProblemError(
                f"{file.shown}: row {rows} of its list is not {kind}; a table needs objects such"
                ' as {"name": 1}, or lists'
            )
        lines += [entry] * bool(entry)
        size += end - start
        if size >= input_file.CHUNK:
            yield Chunk(file, "\n".join(lines).encode(), rows)
            lines, size = [], 0
        start = after.end()
        if after[1] == "]":
            if start < len(text):
                line = text.count("\n", 0, start) + 1
                raise ProblemError(f"{file.shown}: line {line}: more text behind the list of JSON")
            break
    if lines:
        yield Chunk(file, "\n".join(lines).encode(), rows)
