"""The target of a table: its column, its task and its classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.problems.split import class_type
from tui_gd.problems.tables import Column, Floats
from tui_gd.problems.text import distinct, safe_text

FEW_KINDS = 20
"""Up to this many different whole numbers are classes."""
MOST_CLASSES = 1000
LOOKED_AT = 1000


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
        raise ProblemError(f"{shown}: {column.fault}")
    if column.kind in {"date", "time"}:
        raise ProblemError(
            f"{shown}: column {name!r} holds {column.kind}s, which cannot be the target;"
            " choose another --target"
        )
    if column.many or len(column.labels) > MOST_CLASSES:
        raise ProblemError(
            f"{shown}: column {name!r} has more than {MOST_CLASSES} different texts, too many for"
            " classes: choose another --target"
        )
    if (values == values[0]).all():
        value = column.labels[int(values[0])] if column.labels else f"{values[0]:g}"
        raise ProblemError(
            f"{shown}: column {name!r} is {safe_text(value)} in all {rows} rows: there is nothing"
            " to learn, choose another --target"
        )
    if column.kind == "text":
        if task == "regression":
            raise ProblemError(
                f"{shown}: column {name!r} holds text, which --task regression cannot learn"
            )
        kind = class_type(len(column.labels))
        labels = tuple(distinct(safe_text(label) for label in column.labels))
        return Target(name, values.astype(kind), labels, "because it is text", column.labels)
    if task == "regression":
        return Target(name, values, (), "as --task says")
    kinds = whole_kinds(values) if task is None else np.unique(values)
    if not len(kinds) or (task is None and 2 * len(kinds) > rows and column.kind == "number"):
        return Target(name, values, (), "because its values are not just a few whole numbers")
    if len(kinds) > MOST_CLASSES:
        raise ProblemError(
            f"{shown}: column {name!r} has {len(kinds):,} different numbers, more than"
            f" {MOST_CLASSES} classes: leave --task classification out"
        )
    y = np.searchsorted(kinds, values).astype(class_type(len(kinds)))
    if column.kind == "yes/no":
        return Target(name, y, ("false", "true"), "because it is yes or no", (0.0, 1.0))
    why = "because its values are few whole numbers" if task is None else "as --task says"
    numbers = tuple(kinds.tolist())
    return Target(name, y, tuple(f"{kind:.15g}" for kind in numbers), why, numbers)


def whole_kinds(values: NDArray[np.generic]) -> Floats:
    """Return the different values (kinds,), sorted; none unless they are 2 to 20 whole numbers."""
    none = np.empty(0)
    if len(np.unique(values[:LOOKED_AT])) > FEW_KINDS:
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
            " of the train rows: correct it, or leave the row out"
        )
    return y.astype(train.y.dtype)
