"""Problems from files: tables, numpy's arrays and svmlight."""

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np

from tui_gd.errors import ProblemError, TargetMissing
from tui_gd.problems.arrays import check_arrays, load_arrays, read_svmlight, table_of
from tui_gd.problems.columnar import Columnar
from tui_gd.problems.delimited import Delimited
from tui_gd.problems.input_file import Format, format_of, shown_path
from tui_gd.problems.jsonlines import JsonLines
from tui_gd.problems.prepare import prepare
from tui_gd.problems.problem import ColumnNote, Problem
from tui_gd.problems.sources import Kind, Source
from tui_gd.problems.split import Preparation
from tui_gd.problems.tables import Table, read_table
from tui_gd.problems.target import find_column

_WITHOUT_COLUMNS: tuple[Format, ...] = ("npz", "npy", "svmlight")


def load_file(  # noqa: PLR0913
    path: str,
    target: str | None = None,
    *,
    drop: Sequence[str] = (),
    test: str | None = None,
    test_size: float = 0.5,
    split_seed: int = 42,
    stratify: bool = False,
    standardize: bool = False,
    task: str | None = None,
) -> Problem:
    """Return the problem of a file; `-` is a text table on standard input.

    The `target` of a table (CSV, TSV, Parquet, Feather, JSON lines) is a column, by name or by
    number from 1; for X.npy it is the file of the targets; .npz and svmlight have their own.
    Columns in `drop`, given the same way, are not read. Rows are split like those of the built-in
    problems, `stratify` keeps the shares of the classes; with `test`, a file of rows to test on,
    all rows are train rows. `task`, "classification" or "regression", overrides what the target
    looks like.

    Raises `ProblemError`, in one line with row and column, for a file that cannot be learned from,
    and `TargetMissing` for a table without `target`.
    """
    form = format_of(path)
    if form == "npy":
        if test is not None:
            raise ProblemError(f"{shown_path(path)}: --test needs .npz: save X and y in one file")
    elif form in _WITHOUT_COLUMNS and target is not None:
        raise ProblemError(f"{shown_path(path)}: has its own targets: leave --target out")
    if form in _WITHOUT_COLUMNS and drop:
        raise ProblemError(f"{shown_path(path)}: its columns have no names: leave --drop out")
    how = Preparation(test_size, split_seed, stratify, standardize, task)
    if form == "svmlight":
        return _svmlight(path, test, how)
    if form in _WITHOUT_COLUMNS:
        return load_arrays(path, target, test=test, **asdict(how))
    source = source_of(path, form)
    every = [field.name for field in source.fields]
    dropped = {find_column(source.shown, every, one) for one in drop}
    names = [name for name in every if name not in dropped]
    if target is None:
        raise TargetMissing(source.shown, tuple(names))
    name = find_column(source.shown, every, target)
    if name in dropped:
        raise ProblemError(
            f"{source.shown}: column {name!r} is the target, so --drop cannot leave it out"
        )
    names.remove(name)
    table = read_table(source, [*names, name], name)
    other = _read_test(test, table, name) if test is not None else None
    problem = prepare(table, other, how)
    notes = [
        ColumnNote(field.name, field.kind, "", "left out: --drop")
        for field in source.fields
        if field.name in dropped
    ]
    return replace(problem, about=(*problem.about[:-1], *notes, *problem.about[-1:]))


def read_columns(path: str, drop: Sequence[str] = ()) -> Table:
    """Return the columns of a table without those in `drop`.

    `ProblemError` for a file that is not a table.
    """
    form = format_of(path)
    if form in _WITHOUT_COLUMNS:
        raise ProblemError(f"{shown_path(path)}: has no column names to list")
    source = source_of(path, form)
    every = [field.name for field in source.fields]
    dropped = {find_column(source.shown, every, one) for one in drop}
    return read_table(source, [name for name in every if name not in dropped])


def source_of(path: str, form: Format, kinds: dict[str, Kind] | None = None) -> Source:
    """Return a table as batches of columns; `kinds` are the kinds of a text table's columns."""
    if form == "delimited":
        return Delimited(path, kinds)
    return JsonLines(path) if form == "json" else Columnar(path, feather=form == "feather")


def _svmlight(path: str, test: str | None, how: Preparation) -> Problem:
    shown, (x, y) = shown_path(path), read_svmlight(path)
    check_arrays(shown, x, y)
    if test is None:
        return prepare(table_of(shown, x, y), None, how)
    x_test, y_test = read_svmlight(test)
    check_arrays(shown_path(test), x_test, y_test)
    if x_test.shape[1] > x.shape[1]:
        raise ProblemError(
            f"{shown_path(test)}: has {x_test.shape[1]} features, {shown} has {x.shape[1]}"
        )
    # the last features are missing if they are 0 in all rows
    wide = np.zeros((len(x_test), x.shape[1]))
    wide[:, : x_test.shape[1]] = x_test
    return prepare(table_of(shown, x, y), table_of(shown_path(test), wide, y_test), how)


def _read_test(path: str, train: Table, target: str) -> Table:
    """Return the columns of `train` from a second file, in the order of `train`."""
    kinds: dict[str, Kind] = {column.name: column.kind for column in train.columns}
    source = source_of(path, format_of(path), kinds)
    have = {field.name: field.kind for field in source.fields}
    for column in train.columns:
        if column.name not in have:
            raise ProblemError(
                f"{source.shown}: has no column {column.name!r}, but {train.shown} has; add it"
            )
    table = read_table(source, list(kinds), target)
    for column, known in zip(table.columns, train.columns, strict=True):
        one, two = ("text" if entry.kind == "text" else "number" for entry in (column, known))
        if one != two and known.missing < len(train.values) and column.missing < len(table.values):
            if column.no_number is not None:
                place, value = column.no_number
                raise ProblemError(
                    f"{source.shown}: {place}, column {column.name!r}: {value} is not a number,"
                    f" but {train.shown} has numbers there; correct it, or leave it empty"
                )
            raise ProblemError(
                f"{source.shown}: column {column.name!r} holds {one}, but {two} in"
                f" {train.shown}; make them the same"
            )
    return table
