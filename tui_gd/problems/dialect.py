"""How a text table is written: its separator and its header, found from its first lines."""

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from tui_gd.errors import Fault, ProblemError, way
from tui_gd.problems.reading import BLANKS, Reading, numeral
from tui_gd.problems.text import safe_text

DELIMITERS = (",", "\t", ";", "|")
LINES = 50
LONGEST_FIELD = 1 << 24
_ANY_NUMBER = re.compile(rf"\s*(?:{numeral('.', None)}|{numeral(',', '.')})\s*")
YEARS = range(1500, 2200)
NO_HEADER = Fault(
    "no header found, so the columns are x1, x2, ...: --header takes the first line as names",
    way(header=True),
)


@dataclass(frozen=True)
class Dialect:
    """How a text table is written: its delimiter, its column names, whether it has a header.

    `blanks`: fields are separated by one blank or more; the cleaned text has tabs instead.
    """

    delimiter: str
    names: tuple[str, ...]
    header: bool
    blanks: bool = False

    @property
    def shown(self) -> str:
        """The delimiter's name in messages."""
        if self.blanks:
            return "blanks"
        return "a tab" if self.delimiter == "\t" else f"'{self.delimiter}'"


def rows_of(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a text that are not empty, each with the number of its last line."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    for row in reader:
        if row:
            yield reader.line_num, row


def sniff(shown: str, text: str, reading: Reading, known: Collection[str] = ()) -> Dialect:
    """Return the dialect of a table that starts with `text` (whole lines); `shown` names the file.

    The delimiter is comma, tab, semicolon or bar: the one that splits most of the first 50 rows
    into the same number of fields, more than one; if several do, the one with the largest share of
    numbers, and then the one with the most fields. The first row is a header if it has text above a
    column of numbers, no number at all, texts and then years above numbers, or lacks only its first
    name. Without a header the columns are x1, x2, and so on. `reading` overrides what is found.
    Where columns are `known` from another table, a first row that names all of them is a header,
    and one column is enough.
    """
    blanks = reading.separator == BLANKS
    if blanks:
        candidates: tuple[str, ...] = ("\t",)
    elif reading.separator is not None:
        candidates = (reading.separator,)
    else:
        candidates = tuple(sign for sign in DELIMITERS if sign != reading.decimal_sign)
    delimiter, rows, lines = _best_split(shown, text, candidates)
    is_narrow = _agreement(rows)[1] < 2
    if reading.separator is None and reading.decimal_sign in DELIMITERS and is_narrow:
        # then the numbers are in quotes
        delimiter, rows, lines = _best_split(shown, text, (reading.decimal_sign,))
    if not rows:
        raise ProblemError(f"{shown}: has no rows; a table needs a header and rows")
    if _agreement(rows)[1] < 2 and not known:
        raise _one_column(shown, rows, reading)
    first = _checked_first(shown, rows, lines, delimiter, reading)
    rows = [first, *rows[1:]]
    header = reading.header
    if header is None:
        is_known = bool(known) and set(known) <= {name.strip() for name in first}
        header = is_known or _is_header(rows, reading)
    numbers = tuple(f"x{i + 1}" for i in range(len(first)))
    names = tuple(name.strip() for name in first) if header else numbers
    return Dialect(delimiter, names, header, blanks)


Rows = list[list[str]]


def _best_split(shown: str, text: str, candidates: Sequence[str]) -> tuple[str, Rows, list[int]]:
    """Return the best delimiter, the first rows that it makes, and the last line of each."""
    split = {delimiter: _first_rows(shown, text, delimiter) for delimiter in candidates}
    delimiter = max(candidates, key=lambda one: _quality(split[one][0]))
    return delimiter, *split[delimiter]


def _one_column(shown: str, rows: Rows, reading: Reading) -> ProblemError:
    what = f"{shown}: has only one column; a table needs a target and at least one feature"
    if reading.separator is not None:
        return ProblemError(
            f"{what}: is --sep {safe_text(reading.sep or '')} right?", way(sep=None)
        )
    head, *counts = (len(re.findall(r'(?:"[^"]*"|[^\s"])+', row[0])) for row in rows)
    # R writes no name above the names of rows
    if len({*counts}) == 1 and counts[0] > 1 and head in {counts[0], counts[0] - 1}:
        return ProblemError(
            f"{what}: --sep blanks reads columns with blanks between them", way(sep=BLANKS)
        )
    return ProblemError(
        f"{what}, separated by commas, tabs, semicolons or bars; others need --sep", way(sep=None)
    )


def _checked_first(
    shown: str, rows: Rows, lines: list[int], delimiter: str, reading: Reading
) -> list[str]:
    """Return the first row, with an empty name where it lacks one for sure.

    `ProblemError` if it is not part of the table, or lacks names.
    """
    first, width = rows[0], _agreement(rows)[1]
    above = next((place for place, row in enumerate(rows) if len(row) == width), 0)
    remark = first[0].lstrip()[:1]
    if remark in {"#", "%"} and reading.comment is None and (above or _has_header_below(rows)):
        raise ProblemError(
            f"{shown}: the first line, {safe_text(delimiter.join(first), 40)!r}, is no header:"
            f" --comment '{remark}' leaves out lines that begin so",
            way(comment=remark),
        )
    if not above or len(rows) < above + 2 or len(rows[above + 1]) != width:
        return first
    if above > 1:
        raise ProblemError(
            f"{shown}: the first {above} lines with text have other numbers of values than the"
            f" {width} of the rows below them: leave them out with --skip-rows"
            f" {lines[above - 1]}",
            way(skip_rows=lines[above - 1]),
        )
    below = [row for row in rows[1:] if len(row) == width]
    if len(first) == width - 1 and reading.header is not False:
        if all(not row[-1].strip() for row in below):
            return [*first, ""]  # the rows end with a separator, and the header does not
        if reading.header:
            return ["", *first]
    keys = [row[0].strip() for row in below]
    whole = sum(key.isdecimal() for key in keys)
    named = not any(map(_looks_like_number, keys)) or whole == len(keys)
    mend, helps = f"leave it out with --skip-rows {lines[0]}", way(skip_rows=lines[0])
    if len(first) == width - 1 and named and len(set(keys)) == len(keys):
        mend, helps = "say with --header that the first one has no name", way(header=True)
    line, count = delimiter.replace("\t", " ").join(first), len(first)
    raise ProblemError(
        f"{shown}: the first line, {safe_text(line, 40)!r}, has {count} value{'s' * (count != 1)}"
        f" and the rows below it {width}: name every column in it, or {mend}",
        helps,
    )


def _has_header_below(rows: Rows) -> bool:
    """Whether the second row has text, and no number, above columns of numbers."""
    below = [row for row in rows[2:] if len(row) == len(rows[1])]
    columns = [[row[place] for row in below] for place in range(len(rows[1]))]
    numeric = [
        name
        for name, values in zip(rows[1], columns, strict=True)
        if sum(map(_looks_like_number, values)) > len(values) / 2
    ]
    return bool(numeric) and not any(map(_looks_like_number, numeric))


def _looks_like_number(cell: str) -> bool:
    return _ANY_NUMBER.fullmatch(cell) is not None


def _first_rows(shown: str, text: str, delimiter: str) -> tuple[Rows, list[int]]:
    try:
        numbered = list(itertools.islice(rows_of(text, delimiter), LINES))
    except csv.Error as error:
        raise ProblemError(f"{shown}: is not a text table ({error}); save it as CSV") from None
    return [row for _, row in numbered], [line for line, _ in numbered]


def _agreement(rows: Rows) -> tuple[float, int]:
    """Return the share of rows with the most common number of fields, and it; (0, 1) if one."""
    counts = Counter(map(len, rows))
    if not counts:
        return 0.0, 0
    fields, found = max(counts.items(), key=lambda item: (item[1], item[0]))
    return (found / len(rows), fields) if fields > 1 else (0.0, 1)


def _quality(rows: Rows) -> tuple[float, float, int]:
    """Return how well rows are split: by agreement, share of numbers (1,5 too), and fields."""
    share, fields = _agreement(rows)
    cells = [cell for row in rows for cell in row]
    numbers = sum(map(_looks_like_number, cells))
    return share, numbers / max(1, len(cells)), fields


def _is_header(rows: Rows, reading: Reading) -> bool:
    first, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]

    def is_number(cell: str) -> bool:
        return reading.is_number(cell) or _looks_like_number(cell)

    over_numbers, over_texts = [], []
    for column in range(len(first)):
        values = [row[column].strip() for row in below]
        values = [value for value in values if value not in reading.missing_numbers]
        if values and sum(map(is_number, values)) > len(values) / 2:
            over_numbers.append(column)
        else:
            over_texts.append(column)
    cells = [first[column].strip() for column in over_numbers or over_texts]
    if not any(map(is_number, cells)):
        return True
    named = [cell for cell in cells if not is_number(cell)]
    if over_numbers and any(cell not in reading.missing_numbers for cell in named):
        return True
    # programs that write an index leave the first name out
    if not first[0].strip() and len(set(first)) == len(first):
        return bool(below) and all(row[0].strip() for row in below)
    return _names_years(first, below, over_numbers, over_texts)


def _names_years(first: Sequence[str], below: Rows, numbers: list[int], texts: list[int]) -> bool:
    """Whether a row is a header such as `country,code,1960,1961` over numbers.

    Its numbers are whole and at equal steps, which most rows below are not: at least two years,
    three without texts beside them, or four other numbers. No text occurs below itself.
    """
    cells = [first[i] for i in numbers]
    if len(numbers) < 2 or not _at_equal_steps(cells):
        return False
    years = _are_years(cells)
    if len(numbers) < (2 if years and texts else 3 if years else 4) or not (years or texts):
        return False
    rows = [[row[i] for i in numbers] for row in below]
    alike = sum(_at_equal_steps(row) and (not years or _are_years(row)) for row in rows)
    if alike > len(below) / 2:
        return False
    return not any(first[i].strip() == row[i].strip() for row in below for i in texts)


def _are_years(cells: list[str]) -> bool:
    return all(cell.strip().isdecimal() and int(cell) in YEARS for cell in cells)


def _at_equal_steps(cells: list[str]) -> bool:
    cells = [cell.strip() for cell in cells]
    if not all(cell.isdecimal() and cell.isascii() and len(cell) < 10 for cell in cells):
        return False
    steps = {int(b) - int(a) for a, b in itertools.pairwise(cells)}
    return len(steps) == 1 and min(steps) > 0
