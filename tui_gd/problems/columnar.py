"""Parquet and Feather as batches of columns."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any

from tui_gd.errors import ProblemError
from tui_gd.problems.input_file import InputFile, cannot_read, reason
from tui_gd.problems.reading import Reading
from tui_gd.problems.sources import Batch, Column, Source, chosen, kind_of, named, row_name

NUMBERS = 1 << 18
"""Numbers read at a time."""
FEWEST_ROWS = 256
"""Rows read at a time, however many columns there are."""
COLUMNS = 8
"""Columns of a Parquet file read at a time: each holds its dictionary in memory."""
# bytes per column; without a buffer pyarrow fetches and keeps a whole row group
BUFFER = 1 << 16


class Columnar(Source):
    """A Parquet file or, if `feather`, one of Arrow's IPC format, which is Feather version 2."""

    path: str
    group_rows: list[int]
    """Rows of every row group of Parquet; of Feather 0 for every record batch."""

    def __init__(self, file: InputFile, reading: Reading, *, feather: bool) -> None:
        super().__init__(file.shown, reading)
        self.path, self._feather = file.path, feather
        self._groups: range | None = None
        self._kept: list[int] | None = None
        with self._one_line():
            opened = self._open()
            schema = opened.schema if feather else opened.schema_arrow
            if feather:
                self.group_rows = [0] * int(opened.num_record_batches)
            else:
                groups = map(opened.metadata.row_group, range(opened.num_row_groups))
                self.group_rows = [int(group.num_rows) for group in groups]
                self.rows = int(opened.metadata.num_rows)
            self._names, types = schema.names, schema.types
        if not self._names:
            raise ProblemError(f"{self.shown}: has no columns")
        indices = _index_columns(schema.metadata)
        fields = [
            Column(name, kind_of(kind), index=stated in indices)
            for name, stated, kind in zip(
                named(self.shown, self._names), self._names, types, strict=True
            )
        ]
        self.fields = chosen(self.shown, fields, reading)

    def only(self, begin: int, end: int | None) -> None:
        """Read only the row groups or record batches from `begin` to `end` from now on."""
        self._groups = range(begin, len(self.group_rows) if end is None else end)
        self.rows = sum(self.group_rows[group] for group in self._groups)

    def keep(self, names: Sequence[str]) -> None:
        """Read only these columns of Parquet from now on, all together, some rows at a time."""
        if not self._feather:
            self._kept = [place for place, field in enumerate(self.fields) if field.name in names]

    def batches(self, *, first: bool = False) -> Iterator[Batch]:
        """Read the file from its start; of Parquet a few columns at a time, with all their rows.

        With `first` read the first rows only, equally many of every column.
        """
        every, most = range(len(self.fields)), 1 if first else None
        step = len(every) if self._feather else COLUMNS
        groups: list[Sequence[int]] = [every[one : one + step] for one in every[::step]]
        rows = set()
        for columns in groups if self._kept is None else [self._kept]:
            row = 0
            for batch in islice(self._numbered(columns), most):
                yield batch
                row = batch.start + batch.rows
            rows.add(row)
        if len(rows) > 1:
            raise self._fault(ValueError("columns of different lengths"))

    def _numbered(self, columns: Sequence[int]) -> Iterator[Batch]:
        reading = self._record_batches() if self._feather else self._row_groups(columns)
        row = 0
        while True:
            with self._one_line():
                batch = next(reading, None)
                if batch is None:
                    return
                batch.validate(full=True)  # in a damaged file offsets of texts may point anywhere
            if batch.num_rows:
                yield Batch(row, batch.num_rows, batch.columns, partial(row_name, row), columns)
            row += batch.num_rows

    def _open(self) -> Any:
        import pyarrow as pa
        from pyarrow import ipc, parquet

        if self._feather:
            return ipc.open_file(pa.OSFile(self.path))
        return parquet.ParquetFile(self.path, buffer_size=BUFFER, pre_buffer=False)

    def _row_groups(self, columns: Sequence[int]) -> Iterator[Any]:
        names = [self._names[index] for index in columns]
        file, groups = self._open(), None if self._groups is None else list(self._groups)
        size = max(NUMBERS // max(min(COLUMNS, len(self._names)), len(columns)), FEWEST_ROWS)
        for batch in file.iter_batches(size, groups, columns=names):
            yield batch.select(names)

    def _record_batches(self) -> Iterator[Any]:
        file = self._open()
        for index in self._groups or range(file.num_record_batches):
            yield file.get_batch(index)

    @contextmanager
    def _one_line(self) -> Iterator[None]:
        """Turn pyarrow's exceptions into one line."""
        import pyarrow as pa

        try:
            yield
        except (
            pa.ArrowException,
            OSError,
            ValueError,
            KeyError,
            MemoryError,
            OverflowError,
        ) as error:
            raise self._fault(error) from None

    def _fault(self, error: Exception) -> ProblemError:
        if isinstance(error, FileNotFoundError | PermissionError):
            return cannot_read(self.path, error)
        name = "Feather" if self._feather else "Parquet"
        return ProblemError(
            f"{self.shown}: cannot be read as {name}: it is damaged or cut off ({reason(error)});"
            " write or copy it again"
        )


def _index_columns(metadata: Mapping[bytes, bytes] | None) -> set[str]:
    """Return the columns that pandas, which wrote the file, states to be its index."""
    try:
        stated = json.loads((metadata or {}).get(b"pandas", b"{}"))
        return {name for name in stated.get("index_columns", ()) if isinstance(name, str)}
    except (ValueError, AttributeError, TypeError):
        return set()
