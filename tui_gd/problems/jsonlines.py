"""JSON lines, one object per line, as batches of columns."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from tui_gd.errors import ProblemError
from tui_gd.problems.input_file import (
    CHUNK,
    Chunk,
    chunks,
    parsed_ahead,
    reason,
    shown_path,
    size_of,
)
from tui_gd.problems.sources import (
    NAME_LENGTH,
    Batch,
    Field,
    Kind,
    arrays_of,
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


class JsonLines:
    """A table of JSON lines; the first MiB decides its fields and their kinds."""

    def __init__(self, path: str) -> None:
        import pyarrow as pa

        self.path, self.shown = path, shown_path(path)
        self.changed = False
        first = next(chunks(path, quotes=False), None)
        if first is None or not first.data.strip():
            raise ProblemError(f"{self.shown}: is empty; JSON lines need an object on every line")
        if first.data.lstrip()[:1] == b"[":
            raise ProblemError(
                f"{self.shown}: is one JSON list; write an object on every line (jq -c '.[]')"
            )
        try:
            schema = self._read(first, None).schema
        except (pa.ArrowException, ValueError) as error:
            raise self._fault(first, 0, error) from None
        if not schema.names:
            raise ProblemError(f"{self.shown}: its objects have no fields")
        names = named(self.shown, schema.names)
        self.fields = [
            Field(name, kind_of(kind)) for name, kind in zip(names, schema.types, strict=True)
        ]
        types = {"number": pa.float64(), "yes/no": pa.bool_(), "text": pa.string()}
        self._schema = pa.schema(
            [
                (entry.name, types.get(field.kind, entry.type))
                for entry, field in zip(schema, self.fields, strict=True)
            ]
        )

    def batches(self) -> Iterator[Batch]:
        """Read the file from its start."""
        row = 0
        for chunk, table in parsed_ahead(
            chunks(self.path, quotes=False), lambda chunk: self._read(chunk, self._schema)
        ):
            if isinstance(table, Exception):
                raise self._fault(chunk, row, table)
            if table.num_rows:
                yield Batch(
                    row,
                    table.num_rows,
                    arrays_of(table.select(self._schema.names)),
                    partial(row_name, row),
                )
            row += table.num_rows

    def rows_to_come(self, batch: Batch) -> int:
        """Estimate from the size of the file and the rows of its first bytes."""
        return int(max(size_of(self.path) / CHUNK, 1) * batch.rows * 1.02)

    def _read(self, chunk: Chunk, schema: Any) -> Any:
        from pyarrow import BufferReader
        from pyarrow.json import ParseOptions, ReadOptions, read_json

        chunk.text(self.shown)  # pyarrow accepts texts that are not UTF-8
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
            lines = chunk.text(self.shown).splitlines()
        except ProblemError as wrong:
            return wrong
        known: dict[str, Kind] = {field.name: field.kind for field in getattr(self, "fields", ())}
        kinds = dict(known)
        first = chunk.line
        for number, line in enumerate(lines):
            if not line.strip():
                continue
            row += 1
            fault = _wrong_with(line, kinds, bool(known))
            if fault:
                return ProblemError(f"{self.shown}: row {row} (line {first + number}){fault}")
        return ProblemError(f"{self.shown}: from line {first} on: {reason(error)}; correct it")


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
