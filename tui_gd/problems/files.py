"""Problems from files: tables, numpy's arrays and svmlight."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial
from importlib import import_module

from tui_gd.errors import ProblemError, TargetMissing, way
from tui_gd.problems.arrays import read_arrays, read_svmlight
from tui_gd.problems.columnar import Columnar
from tui_gd.problems.delimited import Arff, Delimited
from tui_gd.problems.input_file import Format, InputFile, format_of
from tui_gd.problems.jsonlines import JsonLines
from tui_gd.problems.prepare import looks_at, prepare
from tui_gd.problems.problem import ColumnLook, FirstRows, Problem
from tui_gd.problems.reading import Reading
from tui_gd.problems.sources import Kinds, Progress, Source, find_column, wrong_column
from tui_gd.problems.split import Preparation
from tui_gd.problems.tables import MOST_LABELS, Table, read_table

WITHOUT_COLUMNS: tuple[Format, ...] = ("npz", "npy", "svmlight")
"""Formats whose columns have no names."""
AS_IT_IS = Reading()
AS_USUAL = Preparation()


def load_file(
    path: str,
    target: str | None = None,
    *,
    drop: Sequence[str] = (),
    test: str | None = None,
    how: Preparation = AS_USUAL,
    reading: Reading = AS_IT_IS,
    progress: Progress | None = None,
) -> Problem:
    """Return the problem of a file, prepared as `how` says; the rest is as for `read_file`."""
    read = read_file(path, target, drop=drop, test=test, reading=reading, progress=progress)
    return read(how)


def read_file(
    path: str,
    target: str | None = None,
    *,
    drop: Sequence[str] = (),
    test: str | None = None,
    reading: Reading = AS_IT_IS,
    progress: Progress | None = None,
) -> Callable[[Preparation], Problem]:
    """Read a file and return a function that makes its problem; with folds, one for each, in order.

    `-` is standard input. The `target` of a table (CSV, TSV, JSON, ARFF, Parquet, Feather) is a
    column, by name or by number from 1; for an .npy it is the file of the targets, or the number of
    a column; .npz and svmlight have their own. Columns in `drop`, given the same way, are not read.
    With `test`, a file of rows to test on, all rows are train rows. Both files are read as
    `reading` says; `progress` is called while a table is read.

    Raises `ProblemError`, in one line with row and column, for a file that cannot be learned from,
    and `TargetMissing` for a table without `target`.
    """
    file = InputFile(path, reading.encoding)
    form = format_of(file)
    check_options(file, form, reading)
    if form in WITHOUT_COLUMNS and drop:
        raise ProblemError(
            f"{file.shown}: its columns have no names: leave --drop out", way(drop=None)
        )
    if form != "npy" and form in WITHOUT_COLUMNS and target is not None:
        raise ProblemError(f"{file.shown}: has its own targets: leave --target out")
    if form == "svmlight":
        return read_svmlight(file, test)
    if form in WITHOUT_COLUMNS:
        return read_arrays(path, target, test=test, reading=reading)
    other = None
    if test is not None:
        beside = InputFile(test, reading.encoding)
        other = partial(source_of, beside, format_of(beside), reading)
    return learn_from(source_of(file, form, reading), target, drop, other, progress)


def learn_from(
    source: Source,
    target: str | None,
    drop: Sequence[str],
    test: Callable[[Kinds], Source] | None,
    progress: Progress | None = None,
) -> Callable[[Preparation], Problem]:
    """Read a table; `test` gives rows to test on, of columns of given kinds.

    The rest is as for `read_file`.
    """
    names = chosen_columns(source, target, drop)
    name = names[-1]
    table = read_table(source, names, name, progress=progress)
    other = _read_test(test, table, name) if test is not None else None
    if other is not None:
        table.remarks += tuple(f"{other.shown}: {remark}" for remark in other.remarks)
    return partial(prepare, table, other)


def chosen_columns(source: Source, target: str | None, drop: Sequence[str]) -> list[str]:
    """Return the columns to read, the target last.

    `ProblemError` for a column that is not there; `TargetMissing` without a target.
    """
    every, names = source.without(()), source.without(drop)
    if target is None:
        raise TargetMissing(source.shown, tuple(names))
    name = find_column(source.shown, every, target, source.remarks)
    if name not in names:
        words = "is the target, so --drop cannot leave it out"
        raise wrong_column(source.shown, name, words, way(drop=None))
    names.remove(name)
    return [*names, name]


def read_columns(
    path: str,
    drop: Sequence[str] = (),
    reading: Reading = AS_IT_IS,
    progress: Progress | None = None,
    *,
    first: bool = False,
) -> Table:
    """Return the columns of a table without those in `drop`; with `first` its first rows only.

    `ProblemError` for a file that is not a table.
    """
    file = InputFile(path, reading.encoding)
    form = format_of(file)
    check_options(file, form, reading)
    if form in WITHOUT_COLUMNS:
        raise ProblemError(f"{file.shown}: has no column names to list")
    source = source_of(file, form, reading)
    return read_table(source, source.without(drop), progress=progress, first=first)


def look_into(path: str, reading: Reading = AS_IT_IS) -> FirstRows:
    """Return what the first rows of a table show of its columns.

    Their kinds are those found in the file, whatever `reading` makes of single columns.
    `ProblemError` for a file that is not a table.
    """
    reading = replace(reading, number=(), text=())
    try:
        table = read_columns(path, (), reading, first=True)
    except ProblemError:
        file = InputFile(path, reading.encoding)
        form = format_of(file)
        if form in WITHOUT_COLUMNS:
            raise
        source = source_of(file, form, reading)
        looks = tuple(ColumnLook(field.name, field.kind) for field in source.fields)
        return FirstRows(looks, 0, source.remarks)
    return FirstRows(looks_at(table), len(table.values), table.remarks)


_OF_TEXT = {"missing", "encoding", "number", "text", "skip_missing_target"}
READING_OPTIONS: dict[Format, set[str]] = {
    "delimited": {field.name for field in fields(Reading)},
    "arff": _OF_TEXT,
    "json": _OF_TEXT,
    "parquet": _OF_TEXT - {"encoding"},
    "feather": _OF_TEXT - {"encoding"},
    "npz": {"skip_missing_target"},
    "npy": {"skip_missing_target"},
    "svmlight": {"encoding"},
}
"""The options of `Reading` that have an effect on a format."""


def check_options(file: InputFile, form: Format, reading: Reading) -> None:
    """Raise `ProblemError` for an option that has no effect on such a file."""
    for field in fields(Reading):
        given = getattr(reading, field.name) != field.default
        if given and field.name not in READING_OPTIONS[form]:
            name = "svmlight" if form == "svmlight" else form.upper()
            option = f"--{field.name.replace('_', '-')}"
            raise ProblemError(
                f"{file.shown}: {option} has no effect on {name}: leave it out",
                way(**{field.name: None}),
            )


def source_of(
    file: InputFile, form: Format, reading: Reading, kinds: Kinds | None = None
) -> Source:
    """Return a table as batches of columns; `kinds` are the kinds of a text table's columns."""
    try:
        import_module("pyarrow")
    except ImportError:
        raise ProblemError(
            f"{file.shown}: tables are read with pyarrow, which is missing: pip install pyarrow"
        ) from None
    if form in {"delimited", "arff"}:
        return (Arff if form == "arff" else Delimited)(file, reading, kinds)
    if form == "json":
        return JsonLines(file, reading, kinds)
    return Columnar(file, reading, feather=form == "feather")


def _read_test(source_like: Callable[[Kinds], Source], train: Table, target: str) -> Table:
    """Return the columns of `train` from a second table, in the order of `train`."""
    source = source_like({column.name: column.kind for column in train.columns})
    have = {field.name: field.kind for field in source.fields}
    for column in train.columns:
        if column.name not in have:
            raise ProblemError(
                f"{source.shown}: has no column {column.name!r}, but {train.shown} has; add it"
            )
    table = read_table(source, [column.name for column in train.columns], target, train)
    if isinstance(source, Delimited) and source.reading.skip_footer:
        table.remarks += (source.reading.said_footer,)
    for column, known in zip(table.columns, train.columns, strict=True):
        one, two = (
            entry.kind if entry.kind in {"text", "date", "time"} else "number"
            for entry in (column, known)
        )
        if column.many and not known.many:
            words = f"has more than {MOST_LABELS:,} different texts; test on fewer rows"
            raise wrong_column(source.shown, column.name, words)
        if one != two and known.missing < len(train.values) and column.missing < len(table.values):
            if column.no_number is not None and two == "number":
                place, value = column.no_number
                raise ProblemError(
                    f"{source.shown}: {place}, column {column.name!r}: {value} is not a number,"
                    f" but {train.shown} has numbers there; correct it, or leave it empty",
                    column=column.name,
                )
            words = f"holds {one}, but {two} in {train.shown}; make them the same"
            raise wrong_column(source.shown, column.name, words)
    return table
