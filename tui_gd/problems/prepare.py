"""From a table to a problem: target, split and features, all in the table's memory."""

import numpy as np

from tui_gd.errors import ProblemError
from tui_gd.problems.column_notes import column_notes, hints_of
from tui_gd.problems.features import Done, Treatment, arrange, fit, transformed, treatment_of
from tui_gd.problems.problem import FeatureRule, Problem, as_they_are, standardized
from tui_gd.problems.split import (
    Preparation,
    check_classes,
    reorder,
    split_order,
    standardize_or_refuse,
)
from tui_gd.problems.tables import Floats, Table
from tui_gd.problems.target import target_like, target_of


def prepare(table: Table, other: Table | None, how: Preparation) -> Problem:
    """Return the problem of a table whose last column is the target; this uses up the table.

    `other` has the rows to test on, in the same columns; without it the table is split. Everything
    that is fitted is fitted on the train rows.
    """
    shown, rows = table.shown, len(table.values)
    if rows < 2:
        raise ProblemError(f"{shown}: has only one row; a problem needs at least two")
    target = target_of(shown, table.columns[-1], table.values[:, -1].copy(), how.task)
    if other is None:
        train, order = split_order(shown, target.y, target.class_names, how)
        reorder(table.values, order)
        y_train, y_test = target.y[order[:train]], target.y[order[train:]]
        del order
    else:
        train, y_train = rows, target.y
        y_test = target_like(other.shown, other.columns[-1], other.values[:, -1].copy(), target)
    check_classes(shown, y_train, target.class_names, rows)
    treatment = treatment_of(table, other, train, how.dates)
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


def _design(
    table: Table, other: Table | None, treatment: Treatment, train: int
) -> tuple[Floats, Floats | None, tuple[str, ...], tuple[FeatureRule, ...], dict[int, Done]]:
    """Return the features of both tables (rows, features + 1), names, rules, and the work done.

    Where all columns stay unchanged they stay in place, and ones replace the target.
    """
    used = [slot for slot, _ in treatment.used]
    if treatment.unchanged and len(used) == len(table.columns) - 1:
        for one in (table, other):
            if one is not None:
                one.values[:, -1] = 1.0
        names = tuple(column.name for column in table.columns[:-1])
        done = {slot: Done("unchanged", (name,)) for slot, name in enumerate(names)}
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
    """Give the texts of `other` the numbers that they have in `table`, new texts new ones."""
    for slot, (column, known) in enumerate(zip(other.columns, table.columns, strict=True)):
        if column.kind != "text" or column.many or known.many:
            continue
        numbers = {label: float(number) for number, label in enumerate(known.labels)}
        to = [numbers.get(label, float(len(numbers))) for label in column.labels]
        values = other.values[:, slot]
        there = ~np.isnan(values)
        values[there] = np.array(to)[values[there].astype(np.intp)]
