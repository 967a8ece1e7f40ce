"""From a table to a problem: target, split, features, and notes on columns, in place."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError, way
from tui_gd.problems.dates import date_text
from tui_gd.problems.features import (
    FEW_ROWS,
    Done,
    Treatment,
    fault_of,
    features_of,
    seen_of,
    transform,
    treatment_of,
    why_left_out,
)
from tui_gd.problems.problem import (
    ColumnLook,
    ColumnNote,
    FeatureRule,
    Problem,
    standardized,
    task_of,
)
from tui_gd.problems.reading import MISSING_NUMBERS
from tui_gd.problems.sources import Column, wrong_column
from tui_gd.problems.split import (
    Preparation,
    check_classes,
    class_type,
    reorder,
    split_rows,
    standardize_features,
)
from tui_gd.problems.tables import MOST_LABELS, Floats, Table
from tui_gd.problems.text import distinct, option, safe_text


def prepare(
    table: Table, other: Table | None, how: Preparation, target: "Target | None" = None
) -> Problem:
    """Return the problem of a table whose last column is the target; this uses up the table.

    A fold that others follow works on a copy. `other` has the rows to test on, in the same columns;
    without it the table is split. Everything that is fitted is fitted on the train rows. A `target`
    that is known takes the place of the last column.
    """
    if how.fold is not None and how.fold[0] + 1 < how.fold[1]:
        table = table.copy()
    shown, rows = table.shown, len(table.values)
    if rows < 2:
        raise ProblemError(f"{shown}: has only one row; a problem needs at least two")
    if target is None:
        target = target_of(shown, table.columns[-1], table.values[:, -1].copy(), how.task)
    parts = split_rows(shown, target.y, target.class_names, how, tested=other is not None)
    if other is None or len(parts.validation):
        reorder(table.values, parts.order)
    train, tested = len(parts.train), len(parts.train) + len(parts.validation)
    y_train, y_validation, y_test = (
        target.y[part] for part in (parts.train, parts.validation, parts.test)
    )
    del parts
    if other is not None:
        y_test = target_like(other.shown, other.columns[-1], other.values[:, -1].copy(), target)
    check_classes(shown, y_train, target.class_names, rows)
    beside = [column.missing > 0 for column in (other or table).columns]
    seen = [
        seen_of(column, table.values[:, slot], train, missing=beside[slot])
        for slot, column in enumerate(table.columns[:-1])
    ]
    treatment = treatment_of(table, seen, train, how.dates)
    rules, names, done = _design(table, other, treatment, train)
    x_train, x_validation = table.values[:train], table.values[train:tested]
    x_test = table.values[tested:] if other is None else other.values
    if how.standardize:
        rules = standardized(rules, *standardize_features(shown, x_train, x_validation, x_test))
    return Problem(
        name=shown,
        task=task_of(target.class_names),
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        feature_names=names,
        class_names=target.class_names,
        target_name=target.name,
        about=column_notes(table, treatment, target, done, how.standardize),
        hints=hints_of(table, treatment, target, x_train, how.standardize),
        rules=rules,
        x_validation=x_validation,
        y_validation=y_validation,
    )


def _design(
    table: Table, other: Table | None, treatment: Treatment, train: int
) -> tuple[tuple[FeatureRule, ...], tuple[str, ...], dict[int, Done]]:
    """Turn both tables into features (rows, features + 1); return rules, names, and the work done.

    Where all columns stay unchanged they stay in place, and ones replace the target.
    """
    used = [slot for slot, _ in treatment.used]
    medians = {
        slot: float(np.nanmedian(table.values[:train, slot]))
        for slot, use in treatment.used
        if use != "text"
    }
    group = math.ceil(len(used) / GROUPS)
    rules, names, done = features_of(table, treatment, medians, train, group)
    for one in (table, other):
        if one is not None and treatment.unchanged and len(used) == len(table.columns) - 1:
            one.values[:, -1] = 1.0
        elif one is not None:
            transform(one, used, rules)
    return rules, names, done


GROUPS = 16
"""The marks of gaps follow this share of the columns: kept weights have that order."""
_ANOTHER = "choose another --target"
FEW_WHOLE = "because its values are few whole numbers"
MANY_CLASSES = 10
"""If more classes than this are numbers, a hint says that they may be learned as numbers."""
FEW_KINDS = 20
"""Up to this many different whole numbers are classes."""
MOST_CLASSES = 1000
DISTINCT_ROWS = 1000
"""Whether there are few different numbers is decided by these first rows, if they have many."""


@dataclass(frozen=True, eq=False)
class Target:
    """What is learned: class numbers or numbers (rows,), the names of the classes, and why.

    `kinds` are the texts or numbers that the classes have in the file.
    """

    name: str
    y: NDArray[np.generic]
    class_names: tuple[str, ...]
    why: str
    kinds: tuple[str, ...] | tuple[float, ...] = ()


def target_of(shown: str, column: Column, values: Floats, task: str | None) -> Target:
    """Return the target that a column makes; `values` (rows,) are numbers or places of labels.

    Text and yes/no are classes. Numbers are classes if they are at most 20 different whole ones
    that occur twice or more on average. `task` "classification" or "regression" overrides that.
    Classes are in the order of their labels or numbers.
    """
    name, rows = column.name, len(values)
    if column.fault:
        raise ProblemError(f"{shown}: {column.fault}", *column.fault.ways, column=name)
    if column.kind in {"date", "time"}:
        words = f"holds {column.kind}s, which cannot be the target; {_ANOTHER}"
        raise wrong_column(shown, name, words)
    if column.many or len(column.labels) > MOST_CLASSES:
        words = f"has more than {MOST_CLASSES} different texts, too many for classes: {_ANOTHER}"
        raise wrong_column(shown, name, words)
    if (values == values[0]).all():
        value = column.labels[int(values[0])] if column.labels else f"{values[0]:g}"
        words = f"is {safe_text(value)} in every row: there is nothing to learn, {_ANOTHER}"
        raise wrong_column(shown, name, words)
    if column.kind == "text":
        if task == "regression":
            words = "holds text, which --task regression cannot learn"
            raise wrong_column(shown, name, words, way(task=None))
        kind = class_type(len(column.labels))
        labels = tuple(distinct(safe_text(label) for label in column.labels))
        return Target(name, values.astype(kind), labels, "because it is text", column.labels)
    if task == "regression":
        return Target(name, values, (), "as --task says")
    kinds = whole_kinds(values) if task is None else np.unique(values)
    if not len(kinds) or (task is None and 2 * len(kinds) > rows and column.kind == "number"):
        return Target(name, values, (), "because its values are not just a few whole numbers")
    if len(kinds) > MOST_CLASSES:
        words = f"has {len(kinds):,} different numbers, more than {MOST_CLASSES} classes: leave"
        raise wrong_column(shown, name, f"{words} --task classification out", way(task=None))
    y = np.searchsorted(kinds, values).astype(class_type(len(kinds)))
    if column.kind == "yes/no":
        return Target(name, y, ("false", "true"), "because it is yes or no", (0.0, 1.0))
    why = FEW_WHOLE if task is None else "as --task says"
    numbers = tuple(kinds.tolist())
    return Target(name, y, tuple(f"{kind:.15g}" for kind in numbers), why, numbers)


def whole_kinds(values: NDArray[np.generic]) -> Floats:
    """Return the different values (kinds,), sorted; none unless they are 2 to 20 whole numbers."""
    none = np.empty(0)
    if len(np.unique(values[:DISTINCT_ROWS])) > FEW_KINDS:
        return none
    kinds = np.unique(values).astype(np.float64)
    whole = 2 <= len(kinds) <= FEW_KINDS and bool((kinds == np.rint(kinds)).all())
    return kinds if whole else none


def target_like(shown: str, column: Column, values: Floats, train: Target) -> NDArray[np.generic]:
    """Return the target of the file to test on, in the classes of `train`.

    `ProblemError` for a row of another class.
    """
    if not train.class_names:
        return values
    if column.kind == "text":
        known = {label: number for number, label in enumerate(train.kinds)}
        numbers = np.array([known.get(label, -1) for label in column.labels] or [-1])
        y = numbers[values.astype(np.intp)]
    else:
        kinds = np.array(train.kinds, np.float64)
        y = np.minimum(np.searchsorted(kinds, values), len(kinds) - 1)
        y = np.where(kinds[y] == values, y, -1)
    unknown = np.flatnonzero(y < 0)
    if len(unknown):
        row = int(unknown[0])
        value = column.labels[int(values[row])] if column.labels else f"{values[row]:g}"
        raise ProblemError(
            f"{shown}: row {row + 1}, column {column.name!r}: {safe_text(value)!r} is not a class"
            " of the train rows: correct it, or leave the row out",
            column=column.name,
        )
    return y.astype(train.y.dtype)


APART = 100.0
"""Standardizing helps features whose scales differ by more than this."""
LOOKED_AT = 10_000
MANY_ROWS = 50
_CLASSES_SHOWN = 10


def column_notes(
    table: Table, treatment: Treatment, target: Target, done: dict[int, Done], standardize: bool
) -> tuple[ColumnNote, ...]:
    """Return a note for every column: those read, those that --drop left out, then the target."""
    notes = []
    for slot, column in enumerate(table.columns[:-1]):
        if slot in treatment.left_out:
            notes.append(_note(column, f"left out: {treatment.left_out[slot]}"))
        else:
            words = done[slot].words
            if standardize:
                words = "standardized" if words == "unchanged" else f"{words}; standardized"
            notes.append(_note(column, words, done[slot].features))
    notes += [ColumnNote(one.name, one.kind, "", "left out: --drop") for one in table.dropped]
    return (*notes, _note(table.columns[-1], f"the target: {_task_words(target)}"))


def plain_notes(table: Table, dates: str) -> tuple[ColumnNote, ...]:
    """Return a note for every column of a table without a target."""
    faults = [(column, fault_of(column, dates)) for column in table.columns]
    return tuple(_note(column, f"refused: {fault}" if fault else "") for column, fault in faults)


def looks_at(table: Table) -> tuple[ColumnLook, ...]:
    """Return what the rows of a table show of every column, taken as a feature."""
    looks = []
    for column, values in zip(table.columns, table.values.T, strict=True):
        there = values[~np.isnan(values)]
        counted = not column.many and column.kind != "nested"
        seen = seen_of(column, values, len(values))
        looks.append(
            ColumnLook(
                column.name,
                column.kind,
                len(np.unique(there)) if counted else None,
                len(values) - len(there) if counted else 0,
                _shown(column, float(there[0])) if counted and len(there) else "",
                why_left_out(column, seen, len(values), "features") or "",
                fault_of(column, "features") or "",
            )
        )
    return tuple(looks)


def _shown(column: Column, value: float) -> str:
    """Return a value of a column as a person would write it."""
    if column.kind == "text":
        return safe_text(column.labels[int(value)])
    if column.kind == "date":
        return date_text(value)
    if column.kind == "yes/no":
        return "true" if value else "false"
    return f"{value:.10g}"


def _task_words(target: Target) -> str:
    """Return in words what is learned, and why."""
    if not target.class_names:
        return f"a number {target.why}"
    some = ", ".join(target.class_names[:_CLASSES_SHOWN])
    more = ", ..." if len(target.class_names) > _CLASSES_SHOWN else ""
    return f"{len(target.class_names)} classes ({some}{more}) {target.why}"


def task_hint(target: Target) -> str:
    """Return a hint on what is learned, and why."""
    task, verb = ("classification", "has") if target.class_names else ("regression", "is")
    return f"{task}: {target.name} {verb} {_task_words(target)}"


def hints_of(
    table: Table, treatment: Treatment, target: Target, x_train: Floats, standardize: bool
) -> tuple[str, ...]:
    """Return the task and hints on what would help, one line each."""
    hints = [task_hint(target)]
    if treatment.left_out:
        names = ", ".join(table.columns[slot].name for slot in list(treatment.left_out)[:5])
        more = ", ..." if len(treatment.left_out) > 5 else ""
        hints.append(f"left out: {names}{more} (gd-tui data says why)")
    hints += [
        f"class {label!r} may mean a missing target: {option('missing', label)}"
        " --skip-missing-target leaves such rows out"
        for label in target.class_names
        if label in MISSING_NUMBERS
    ]
    first: dict[str, str] = {}
    pairs = [(first.setdefault(label.casefold(), label), label) for label in target.class_names]
    alike = [pair for pair in pairs if pair[0] != pair[1]]
    if alike:
        others = len(alike) - 1
        more = f" (and {others:,} other pair{'s' * (others > 1)})" if others else ""
        hints.append(
            f"classes {alike[0][0]!r} and {alike[0][1]!r} differ in case alone"
            f"{more}: make them the same"
        )
    if len(target.kinds) > MANY_CLASSES and target.why == FEW_WHOLE:
        hints.append(f"--task regression learns {target.name} as a number")
    hints += table.remarks
    hints += [f"{column.name}: {column.remark}" for column in table.columns if column.remark]
    used = [
        (column.name, one)
        for slot, (column, one) in enumerate(zip(table.columns, treatment.seen, strict=False))
        if slot not in treatment.left_out and one.distinct
    ]
    counting = [name for name, one in used if one.counting]
    # the columns of arrays cannot be dropped
    if counting and len(x_train) > FEW_ROWS and table.memory is not None:
        verb, listed = "counts" if len(counting) == 1 else "count", ",".join(counting[:5])
        hints.append(f"{', '.join(counting[:5])} {verb} the rows: --drop {listed} if that is all")
    differing = [name for name, one in used if not one.counting]
    if differing and len(x_train) >= MANY_ROWS:
        verb, listed = "differs" if len(differing) == 1 else "differ", ",".join(differing[:5])
        hints.append(
            f"{', '.join(differing[:5])} {verb} in every row: --drop {listed} if that only names"
            " the rows"
        )
    numbers = [slot for slot, use in treatment.used if use in {"number", "filled"}]
    if not standardize and numbers:
        hints += _scale_hint(x_train[:LOOKED_AT, : len(numbers)])
    return tuple(hints)


def _scale_hint(x: Floats) -> list[str]:
    """Compare the root mean squares of number features (rows, numbers)."""
    with np.errstate(all="ignore"):
        largest = np.abs(x).max(axis=0)
        scales = largest * np.sqrt(np.square(x / np.where(largest > 0, largest, 1.0)).mean(axis=0))
    scales = scales[scales > 0]
    if len(scales) > 1 and scales.max() > APART * scales.min():
        ratio = scales.max() / scales.min()
        return [f"features differ in scale by {_rounded(ratio)}: --standardize would help"]
    if len(scales) and scales.max() > APART:
        return [f"features are as large as {_rounded(scales.max())}: --standardize would help"]
    return []


def _rounded(number: float) -> str:
    return f"{float(f'{number:.2g}'):,.0f}" if number < 1e9 else f"{number:.1e}"


def _note(column: Column, done: str, features: tuple[str, ...] = ()) -> ColumnNote:
    return ColumnNote(column.name, column.kind, _found(column), done, features)


def _found(column: Column) -> str:
    """Return what a column holds, in words."""
    missing = f"{column.missing:,} missing" if column.missing else ""
    if column.kind == "nested":
        return ""
    if column.kind == "text":
        count = f"more than {MOST_LABELS:,}" if column.many else f"{len(column.labels):,}"
        values = f"{count} text{'s' * (column.many or len(column.labels) != 1)}"
    elif column.kind == "yes/no" or not math.isfinite(column.low):
        values = ""
    elif column.kind == "date":
        values = f"{date_text(column.low)} to {date_text(column.high)}"
    else:
        values = f"{column.low:.6g} to {column.high:.6g}"
    return ", ".join(filter(None, (values, missing)))
