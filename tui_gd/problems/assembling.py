"""From a table to a problem: the target, the split, the features, all in the table's memory."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.problems.columns import (
    Done,
    Treatment,
    arrange,
    column_notes,
    fit,
    hints_of,
    transformed,
    treatment_of,
)
from tui_gd.problems.problem import FeatureRule, Problem, as_they_are, standardized
from tui_gd.problems.split import check_classes, check_split, standardize_or_refuse
from tui_gd.problems.tables import Floats, Table
from tui_gd.problems.target import Target, target_like, target_of
from tui_gd.problems.text import safe_text

Indices = NDArray[np.intp]
# numbers that change places at a time
BLOCK = 1 << 18


@dataclass(frozen=True)
class Division:
    """How a table is divided into train and test, and taken: the options of the command line."""

    test_size: float = 0.5
    split_seed: int = 42
    stratify: bool = False
    standardize: bool = False
    task: str | None = None


def assemble(table: Table, other: Table | None, how: Division) -> Problem:
    """Return the problem of a table whose last column is the target; the table is used up.

    `other`, of the same columns, are the rows to test on; without it the table is split. All that
    is fitted is fitted on the train rows.
    """
    shown, rows = table.shown, len(table.values)
    if rows < 2:
        raise ProblemError(f"{shown}: has one row only; at least two are wanted")
    target = target_of(shown, table.columns[-1], table.values[:, -1].copy(), how.task)
    if other is None:
        train, order = split_order(shown, target, how)
        reorder(table.values, order)
        y_train, y_test = target.y[order[:train]], target.y[order[train:]]
        del order
    else:
        train, y_train = rows, target.y
        y_test = target_like(other.shown, other.columns[-1], other.values[:, -1].copy(), target)
    check_classes(shown, y_train, target.class_names, rows)
    treatment = treatment_of(table, other, train)
    x, x_other, names, rules, done = _design(table, other, treatment, train)
    x_train, x_test = (x[:train], x[train:]) if x_other is None else (x, x_other)
    hints = hints_of(table, treatment, target, x_train, how.standardize)
    if how.standardize:
        rules = standardized(rules, *standardize_or_refuse(shown, x_train, x_test))
    classes = len(target.class_names)
    return Problem(
        name=shown,
        task="regression" if not classes else "binary" if classes == 2 else "multiclass",
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        feature_names=names,
        class_names=target.class_names,
        target_name=target.name,
        about=column_notes(table, treatment, target, done, how.standardize),
        hints=hints,
        rules=rules,
    )


def split_order(shown: str, target: Target, how: Division) -> tuple[int, Indices]:
    """Return how many rows are train, and the order that puts them before those of the test.

    Rows come out as from `train_test_split(test_size=…, random_state=split_seed)`, and with
    `stratify=y` where that is asked for.
    """
    rows = len(target.y)
    seed = check_split(shown, rows, how.test_size, how.split_seed)
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    if not how.stratify:
        splits = ShuffleSplit(1, test_size=how.test_size, random_state=seed).split(target.y)
    else:
        if not target.class_names:
            raise ProblemError(f"{shown}: --stratify goes with classes, not with a regression")
        counts = np.bincount(target.y)
        if counts.min() < 2:
            name = target.class_names[int(np.argmin(counts))]
            raise ProblemError(
                f"{shown}: class {name!r} is in one row only, which --stratify cannot divide: leave"
                " the row or the option out"
            )
        splits = StratifiedShuffleSplit(1, test_size=how.test_size, random_state=seed).split(
            target.y, target.y
        )
    try:
        train, test = next(splits)
    except ValueError as error:
        raise ProblemError(f"{shown}: cannot be split so: {safe_text(str(error), 200)}") from None
    return len(train), np.concatenate([train, test])


def reorder(values: Floats, order: Indices) -> None:
    """Put row `order[i]` of `values` at place i, for all i, in place.

    Some places at a time: their rows are fetched, and what stood there moves to where these came
    from; `at` says which row stands at a place, `place` where a row stands.
    """
    rows = len(order)
    kind = np.int32 if rows < 1 << 31 else np.int64
    at: NDArray[Any] = np.arange(rows, dtype=kind)
    place: NDArray[Any] = at.copy()
    step = max(1, BLOCK // values.shape[1])
    for start in range(0, rows, step):
        wanted = order[start : start + step]
        end = start + len(wanted)
        come_from = place[wanted]
        fetched = values[come_from]
        near = (come_from >= start) & (come_from < end)
        displaced = np.ones(end - start, dtype=bool)
        displaced[come_from[near] - start] = False
        leaving, free = np.flatnonzero(displaced) + start, come_from[~near]
        values[free] = values[leaving]
        at[free] = at[leaving]
        place[at[free]] = free
        values[start:end] = fetched
        at[start:end] = wanted
        place[wanted] = np.arange(start, end)


def _design(
    table: Table, other: Table | None, treatment: Treatment, train: int
) -> tuple[Floats, Floats | None, tuple[str, ...], tuple[FeatureRule, ...], dict[int, Done]]:
    """Return the rows of features with ones last, of both tables, the features, what was done.

    Numbers that are taken as they are stay where they are; the ones come in place of the target.
    """
    used = [slot for slot, _ in treatment.used]
    if treatment.as_they_are and len(used) == len(table.columns) - 1:
        for one in (table, other):
            if one is not None:
                one.values[:, -1] = 1.0
        names = tuple(column.name for column in table.columns[:-1])
        done = {slot: Done("as it is", (name,)) for slot, name in enumerate(names)}
        x_other = None if other is None else other.values
        return table.values, x_other, names, as_they_are(names), done
    if other is not None:
        _relabel(table, other)
    raw = arrange(table, treatment)
    fitted = fit(raw[:train], table, treatment)
    del raw
    x = transformed(table, fitted, len(used))
    x_other = None
    if other is not None:
        arrange(other, treatment)
        x_other = transformed(other, fitted, len(used))
    return x, x_other, fitted.features, fitted.rules, fitted.done


def _relabel(table: Table, other: Table) -> None:
    """Give the texts of `other` the numbers that they have in `table`, new ones to new texts."""
    for slot, (column, known) in enumerate(zip(other.columns, table.columns, strict=True)):
        if column.kind != "text" or column.many or known.many:
            continue
        numbers = {label: float(number) for number, label in enumerate(known.labels)}
        to = [numbers.get(label, float(len(numbers))) for label in column.labels]
        values = other.values[:, slot]
        there = ~np.isnan(values)
        values[there] = np.array(to)[values[there].astype(np.intp)]
