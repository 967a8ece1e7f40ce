"""Sources: files of tables as batches of columns, each column of one kind."""

import difflib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tui_gd.errors import Fault, ProblemError, Way
from tui_gd.problems.reading import Reading
from tui_gd.problems.text import safe_text, whole_number

Kind = Literal["number", "yes/no", "text", "date", "time", "nested"]
Kinds = Mapping[str, Kind | None]
"""Known columns of a table and their kinds; None if a kind is yet to be found."""
Progress = Callable[[float, float], None]
"""A callback: the rows read so far, and about how many there are."""
MOST_COLUMNS = 10_000
NAME_LENGTH = 200


@dataclass
class Column:
    """A column of a file, and what is known of its values once they are read.

    The values are numbers or places in `labels`, NaN if missing. Dates are days since 1970-01-01,
    times of day hours. `low` and `high` are the least and the largest value. `fault` says why
    nothing can be learned from the column and what to do; None if it is usable. `many` means more
    texts than are kept: then it has no values. `no_number` is the place of the first text that is
    not a number, and that text. `remark` says how its texts were read, or what may be wrong with
    its numbers. `forced`: the kind was chosen by an option. `index`: the file marks the column as
    an index. `first`: it is the first of the file. `day_first`: 3/4/2024 in it is in April.
    `whole`: some of its numbers are large and written as whole numbers, or this was not checked.
    """

    name: str
    kind: Kind
    forced: bool = False
    index: bool = False
    remark: str = ""
    whole: bool = False
    labels: tuple[str, ...] = ()
    missing: int = 0
    many: bool = False
    fault: Fault | None = None
    low: float = math.inf
    high: float = -math.inf
    no_number: tuple[str, str] | None = None
    first: bool = False
    day_first: bool | None = None
    _codes: dict[str, int] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows of a file from `start` on, as Arrow arrays; `where` names a row in messages.

    `columns` are the places in the file that the arrays belong to; None means all.
    """

    start: int
    rows: int
    arrays: Sequence[Any]
    where: Callable[[int], str]
    columns: Sequence[int] | None = None


class Source(ABC):
    """A file as batches of columns.

    `changed` becomes true when a column turns out to be of another kind than `fields` said at
    first; the batches must then be read again. `remarks` are notes for the person who trains on it.
    `rows` is the number of rows that the file states, 0 if it states none.
    """

    shown: str
    reading: Reading
    fields: list[Column]

    def __init__(self, shown: str, reading: Reading) -> None:
        self.shown, self.reading = shown, reading
        self.changed = False
        self.remarks: tuple[str, ...] = ()
        self.rows = 0

    @abstractmethod
    def batches(self, *, first: bool = False) -> Iterator[Batch]:
        """Read the file from its start; `ProblemError` for a fault in it."""

    def rows_to_come(self, batch: Batch) -> int:
        """Return about how many rows there are, by what the file states or by its first batch."""
        return max(batch.rows, self.rows)

    def without(self, drop: Sequence[str]) -> list[str]:
        """Return the names of the columns that are not in `drop`; `ProblemError` if one is not."""
        names = [field.name for field in self.fields]
        dropped = {find_column(self.shown, names, one, self.remarks) for one in drop}
        return [name for name in names if name not in dropped]


def kind_of(kind: Any) -> Kind:
    """Return the kind of column that an Arrow type makes."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        return kind_of(kind.value_type)
    kinds: tuple[tuple[Kind, tuple[str, ...]], ...] = (
        ("yes/no", ("is_boolean",)),
        ("number", ("is_integer", "is_floating", "is_decimal", "is_null", "is_duration")),
        ("text", ("is_string", "is_large_string", "is_string_view")),
        ("date", ("is_date", "is_timestamp")),
        ("time", ("is_time",)),
    )
    for name, tests in kinds:
        if any(getattr(types, test)(kind) for test in tests):
            return name
    return "nested"


def chosen(shown: str, fields: list[Column], reading: Reading) -> list[Column]:
    """Return the fields with the kinds chosen by options."""
    names = [field.name for field in fields]
    kinds: dict[str, Kind] = {}
    for option, kind in ((reading.number, "number"), (reading.text, "text")):
        for name in option:
            kinds[find_column(shown, names, name)] = kind  # type: ignore[assignment]
    return [
        replace(field, kind=kinds.get(field.name, field.kind), forced=field.name in kinds)
        for field in fields
    ]


def find_column(shown: str, names: Sequence[str], wanted: str, remarks: Sequence[str] = ()) -> str:
    """Return the name of a column that is given by its name or its number from 1.

    `ProblemError`, with the most similar names and the `remarks` on how the file was read, if
    there is none.
    """
    name = safe_text(wanted.strip(), NAME_LENGTH)
    if name in names:
        return name
    number = whole_number(wanted, 1, len(names))
    if number is not None:
        return names[number - 1]
    alike = [one for one in names if one.casefold() == name.casefold()]
    near = alike or difflib.get_close_matches(name, names, 3) or list(names[:10])
    more = ", ..." if len(names) > len(near) else ""
    said = "".join(f" ({remark})" for remark in remarks)
    ways = [way for remark in remarks if isinstance(remark, Fault) for way in remark.ways]
    raise ProblemError(
        f"{shown}: has no column {name!r}; it has {', '.join(near)}{more}{said}", *ways
    )


def wrong_column(shown: str, name: str, words: str, *ways: Way) -> ProblemError:
    """Return the error that says what is wrong with a column of a file."""
    return ProblemError(f"{shown}: column {name!r} {words}", *ways, column=name)


def arrays_of(table: Any) -> list[Any]:
    """Return the columns of an Arrow table as one array each."""
    return [
        column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        for column in table.columns
    ]


def row_name(start: int, index: int) -> str:
    """Name a row by its number in the file from 1; it is `index` rows after `start`."""
    return f"row {start + index + 1}"


def named(shown: str, names: Sequence[str], mend: str = "rename one", *ways: Way) -> list[str]:
    """Return column names that are safe to print; a column without a name gets one.

    `ProblemError` for two equal names, which says how to `mend` that and in which
    `ways`, and for more than `MOST_COLUMNS`.
    """
    if len(names) > MOST_COLUMNS:
        raise ProblemError(
            f"{shown}: has {len(names):,} columns, more than {MOST_COLUMNS:,}: take fewer"
        )
    places: dict[str, int] = {}
    for index, name in enumerate(names):
        text = safe_text(name.strip(), NAME_LENGTH) or f"column {index + 1}"
        if text in places:
            raise ProblemError(
                f"{shown}: columns {places[text] + 1} and {index + 1} are both named {text!r};"
                f" {mend}",
                *ways,
            )
        places[text] = index
    return list(places)
