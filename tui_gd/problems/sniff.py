"""Delimiter and header of a text table, found from its first lines."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from tui_gd.errors import ProblemError
from tui_gd.problems.harmless import harmless

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
            f"{shown}: the first line, {harmless(delimiter.join(first), 40)!r}, has {len(first)}"
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
