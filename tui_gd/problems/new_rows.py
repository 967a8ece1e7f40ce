"""Rows to predict: from new data to the features that a model was trained on."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from tui_gd.errors import ProblemError
from tui_gd.problems import TITLES
from tui_gd.problems.arrays import read_features
from tui_gd.problems.columnar import Columnar
from tui_gd.problems.dates import day_of, hour_of
from tui_gd.problems.features import BLOCK, features
from tui_gd.problems.files import READING_OPTIONS, WITHOUT_COLUMNS, check_options, source_of
from tui_gd.problems.input_file import InputFile, format_of
from tui_gd.problems.load import Frame, is_frame
from tui_gd.problems.problem import DAY_FIRST, FeatureRule, Problem, as_they_are
from tui_gd.problems.reading import Reading
from tui_gd.problems.sources import MOST_COLUMNS, NAME_LENGTH, Batch, Column, Kind, Source
from tui_gd.problems.tables import MOST_LABELS, Floats, Table, read_table
from tui_gd.problems.text import option, safe_text

_KINDS: dict[str, Kind] = {"hour": "time", "text": "text", "rare": "text"}
_KINDS |= dict.fromkeys(("year", "month", "weekday", "days"), "date")
_NUMBERED = re.compile("x([1-9][0-9]*)", re.ASCII)


@dataclass(frozen=True, eq=False)
class NewRows:
    """The features of new data, a block of rows at a time: about `expected` rows.

    `parts`, cut anywhere, are (rows, features + 1), ones last. Very wide sparse ones stay sparse.
    """

    shown: str
    parts: Iterable[Any]
    expected: int

    def blocks(self) -> Iterator[Floats]:
        """Yield the features, a block of rows at a time, ones last: (rows, features + 1).

        However the parts are cut, the blocks are the same. `ProblemError` for a value that no rule
        can use.
        """
        held: Floats | None = None
        for x in self.parts:
            if hasattr(x, "indptr"):
                yield x
                continue
            held = x if held is None or not len(held) else np.concatenate([held, x])
            step = max(1, BLOCK // x.shape[1])
            while len(held) >= step:
                yield held[:step]
                held = held[step:]
        if held is not None and len(held):
            yield held


def _features_of(
    shown: str,
    rules: Sequence[FeatureRule],
    columns: Sequence[Column],
    values: Any,
    order: Sequence[int],
    begin: int = 0,
) -> Iterator[Any]:
    """Yield the features of values (rows, columns), a block of rows at a time.

    The `columns` are those that the rules name, and `order` their places in the values, which may
    be sparse. Texts are places in the labels of their column. `begin` is the number of the first
    row, from 0. `ProblemError` for a value that no rule can use.
    """
    width, sparse = len(rules) + 1, hasattr(values, "indptr")
    stay = sparse and width > MOST_COLUMNS
    step = BLOCK if stay else max(1, BLOCK // width)
    needs_value = (rule for rule in rules if rule.use not in {"missing", "text", "rare"})
    unfilled = {rule.column for rule in needs_value if rule.fill is None}
    for start in range(0, values.shape[0], step):
        part = values[start : start + step]
        if stay:
            from scipy.sparse import csr_array, hstack

            yield csr_array(hstack([part, np.ones((part.shape[0], 1))]))
            continue
        dense = part.toarray() if sparse else part
        found = [np.asarray(dense[:, slot], np.float64) for slot in order]
        for column, own in zip(columns, found, strict=True):
            wrong, why = np.isinf(own), "the number is infinite"
            if column.name in unfilled and not wrong.any():
                wrong = np.isnan(own)
                why = "the value is missing, and no median of train rows is known to fill it"
            if wrong.any():
                row = begin + start + int(np.argmax(wrong)) + 1
                raise ProblemError(f"{shown}: row {row}, column {column.name!r}: {why}")
        yield features(rules, columns, found)


def design(problem: Problem, data: Any) -> Floats:
    """Return rows for the problem's model, ones last (rows, features + 1), from new data.

    `data` is a data frame with the problem's columns, in any order, or an array (rows, features) in
    the order of `feature_names`. Gaps are filled, texts encoded and features scaled as they were on
    the train rows. `ProblemError` for data that do not fit the problem.
    """
    rules = problem.rules or as_they_are(problem.feature_names)
    if is_frame(data):
        rows = _rows_of(Frame(data), rules)
        return np.concatenate([*rows.blocks(), np.empty((0, len(rules) + 1))])
    x = np.asarray(data, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != problem.features:
        raise ProblemError(
            f"data of shape {x.shape}: {problem.name} needs (rows, {problem.features})"
        )
    odd = [rule.column for rule in rules if rule.use != "number"]
    if odd:
        raise ProblemError(f"column {odd[0]!r} is not just a number: name columns in a data frame")
    out = features(rules, [Column(rule.column, "number") for rule in rules], list(x.T))
    if not np.isfinite(out).all():
        row, slot = np.argwhere(~np.isfinite(out))[0]
        raise ProblemError(f"data: row {row} (from 0), column {slot} is not finite")
    return out


def rows_of_file(
    problem: Problem,
    path: str,
    trained: Reading,
    given: Mapping[str, Any],
) -> NewRows:
    """Return the rows of a file to predict, which is read as they are asked for; `-` is stdin.

    Columns are found by name, whatever their order; others, such as the target, are not used. The
    file is read as `trained` says, how the train rows were read, as far as that has an effect on
    its format; options `given` by a person come first. Every row is predicted: a footer is left out
    only where it is `given`. Columns of arrays have no names: x1, x2 and
    so on are found by their number.

    `ProblemError`, in one line, for a file that cannot be predicted from.
    """
    file = InputFile(path, given.get("encoding", trained.encoding))
    form = format_of(file)
    check_options(file, form, Reading(**given))
    rules = problem.rules or as_they_are(problem.feature_names)
    if form in WITHOUT_COLUMNS:
        return _rows_of_arrays(file, problem, rules)
    kept = READING_OPTIONS[form] - {"skip_footer"}
    reading = Reading(**{name: getattr(trained, name) for name in kept} | dict(given))
    names = [safe_text(name.strip(), NAME_LENGTH) for name in reading.number]
    columns = {rule.column for rule in rules}
    for name in names:
        if name not in columns and name.isdecimal() and "number" not in given:
            raise ProblemError(
                f"{file.shown}: --number {name} of the run names a column by its place; name it"
                " here, as --number NAME"
            )
    wanted = _wanted(rules)
    known = {name: None if kind == "number" else kind for name, kind in wanted.items()}
    as_text = {safe_text(name.strip(), NAME_LENGTH) for name in reading.text}
    reading = replace(reading, number=(), text=(), skip_missing_target=False)
    source = source_of(file, form, reading, known)
    for place, field in enumerate(source.fields):
        if field.name in names:
            source.fields[place] = replace(field, kind="number", forced=True)
        elif wanted.get(field.name) == "text" and (field.kind == "text" or field.name in as_text):
            source.fields[place] = replace(field, kind="text", forced=True)
    return _rows_of(source, rules)


def _wanted(rules: Sequence[FeatureRule]) -> dict[str, Kind]:
    """Return the columns that rules need, with their kinds."""
    wanted: dict[str, Kind] = {}
    for rule in rules:
        if rule.use != "missing":
            wanted[rule.column] = _KINDS.get(rule.use, "number")
    return {rule.column: wanted.get(rule.column, "text") for rule in rules}


def _rows_of(source: Source, rules: tuple[FeatureRule, ...]) -> NewRows:
    """Return the rows of a table; `ProblemError` for columns that are missing or of another kind.

    Dates that may be written in two ways are read as those of the train rows. All rows of a table
    decide about that, so a table with dates as text is read at once, others batch by batch.
    """
    wanted, shown = _wanted(rules), source.shown
    have = {field.name for field in source.fields}
    lacking = [name for name in wanted if name not in have]
    if lacking:
        some = ", ".join(map(repr, lacking[:5])) + ", ..." * (len(lacking) > 5)
        hints = "".join(f" ({remark})" for remark in source.remarks)
        plural = "s" if len(lacking) > 1 else ""
        raise ProblemError(f"{shown}: has no column{plural} {some}, which the model needs{hints}")
    day_first = {rule.column: rule.text == DAY_FIRST for rule in rules}
    like = [Column(name, kind, day_first=day_first[name]) for name, kind in wanted.items()]
    if isinstance(source, Columnar):
        source.keep(list(wanted))
    opened = _OneBatch.of(source)
    first = next(opened, None)
    of_kind = {field.name: field.kind for field in source.fields}
    at_once = any(kind == "date" != of_kind[name] for name, kind in wanted.items())
    parts: Iterable[Source] = [source] if first is None or at_once else chain([first], opened)
    expected = 0 if first is None else source.rows_to_come(first.batch)
    return NewRows(shown, _read(parts, like, rules), expected)


def _read(
    parts: Iterable[Source], like: list[Column], rules: Sequence[FeatureRule]
) -> Iterator[Floats]:
    """Read tables with the columns of `like`, one after another, and yield their features."""
    start = 0
    for part in parts:
        known = Table(part.shown, np.empty((0, 0)), like)
        table = read_table(part, [column.name for column in like], like=known)
        for column, values, one in zip(table.columns, table.values.T, like, strict=True):
            _check_kind(part.shown, column, values, one, start)
        order = range(len(like))
        yield from _features_of(part.shown, rules, table.columns, table.values, order, start)
        start += len(table.values)


class _OneBatch(Source):
    """A batch of a source as a table of its own; its rows are named as in the source."""

    def __init__(self, source: Source, batch: Batch) -> None:
        super().__init__(source.shown, source.reading)
        self.fields, self.batch = list(source.fields), batch

    @classmethod
    def of(cls, source: Source) -> Iterator["_OneBatch"]:
        """Yield the batches of a source; where a kind changes, it is read again up to there."""
        done = 0
        while True:
            source.changed = False
            for batch in source.batches():
                if source.changed:
                    break
                if batch.start >= done:
                    done = batch.start + batch.rows
                    yield cls(source, batch)
            else:
                return

    def batches(self, *, first: bool = False) -> Iterator[Batch]:
        """Give the batch."""
        del first  # there is no other
        yield replace(self.batch, start=0)


def _check_kind(shown: str, column: Column, values: Floats, known: Column, start: int) -> None:
    """Raise `ProblemError` if a column is not of the kind that it had in training, of `known`.

    The first value is that of the row with the number `start` from 0.
    """
    name, wanted = repr(column.name), known.kind
    if column.many:
        raise ProblemError(
            f"{shown}: column {name} has more than {MOST_LABELS:,} different texts; predict fewer"
            " rows at a time"
        )
    kind = "number" if column.kind == "yes/no" else column.kind
    if (kind == wanted and column.fault is None) or column.missing == len(values):
        return
    if kind == wanted:
        raise ProblemError(f"{shown}: {column.fault}")
    if kind == "text" and wanted == "number" and column.no_number is not None:
        place, value = column.no_number
        raise ProblemError(
            f"{shown}: {place}, column {name}: {value} is not a number, as those of the train rows"
            f" are; correct it, or name it with {option('missing', value[1:-1])}"
        )
    if kind == "text" and wanted in {"date", "time"}:
        read = hour_of if wanted == "time" else partial(day_of, day_first=bool(known.day_first))
        odd = [place for place, label in enumerate(column.labels) if read(label) is None]
        row = int(np.argmax(np.isin(values, odd)))
        value = "" if not odd else f": {safe_text(column.labels[int(values[row])])!r}"
        raise ProblemError(
            f"{shown}: row {start + row + 1}, column {name}{value} is not a {wanted} as those of"
            " the train rows; correct it, or leave it empty"
        )
    read_as = f": {option('text', column.name)} reads it so" if wanted == "text" else ""
    raise ProblemError(
        f"{shown}: column {name} holds {_plural(kind)}, and {_plural(wanted)} in training{read_as}"
    )


def _plural(kind: Kind) -> str:
    return {"text": "text", "nested": "lists, objects or bytes"}.get(kind, f"{kind}s")


def _rows_of_arrays(file: InputFile, problem: Problem, rules: tuple[FeatureRule, ...]) -> NewRows:
    """Return the rows of numpy's arrays or of svmlight, whose columns have numbers for names."""
    names = list(_wanted(rules))
    sparse_of = problem.features if all(rule.use == "number" for rule in rules) else None
    x = read_features(file, sparse_of)
    given, numbers = x.shape[1], [_NUMBERED.fullmatch(name) for name in names]
    places = [int(match[1]) for match in numbers if match]
    if len(places) < len(names):
        if problem.name not in TITLES or given != len(names):
            raise ProblemError(
                f"{file.shown}: has {given} columns without names, and the model needs"
                f" {', '.join(names[:5])}{', ...' * (len(names) > 5)}: name a table"
            )
        order = list(range(given))
    elif max(places) <= given:
        order = [place - 1 for place in places]
    elif given == len(names):
        # the target, which stood between them, is gone
        order = np.argsort(np.argsort(places)).tolist()
    else:
        raise ProblemError(
            f"{file.shown}: has {given} columns, and the model needs {max(places)}, x1 to"
            f" x{max(places)}"
        )
    odd = [rule for rule in rules if rule.use not in {"number", "missing"}]
    if odd:
        raise ProblemError(f"{file.shown}: column {odd[0].column!r} is no number: name a table")
    columns = [Column(name, "number") for name in names]
    return NewRows(file.shown, _features_of(file.shown, rules, columns, x, order), x.shape[0])
