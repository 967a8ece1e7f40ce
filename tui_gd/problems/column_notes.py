"""Column notes: what a table's columns hold, what was done to them, and what would help."""

import math

import numpy as np

from tui_gd.problems.dates import date_text
from tui_gd.problems.features import FEW_ROWS, Done, Treatment, fault_of
from tui_gd.problems.problem import ColumnNote
from tui_gd.problems.tables import MOST_LABELS, Column, Floats, Table
from tui_gd.problems.target import Target

APART = 100.0
"""Standardizing helps features whose scales differ by more than this."""
LOOKED_AT = 10_000
MANY_ROWS = 50
_CLASSES_SHOWN = 10


def column_notes(
    table: Table,
    treatment: Treatment,
    target: Target,
    done: dict[int, Done],
    standardize: bool,
) -> tuple[ColumnNote, ...]:
    """Return a note for every column, the target's last."""
    notes = []
    for slot, column in enumerate(table.columns[:-1]):
        if slot in treatment.left_out:
            notes.append(_note(column, f"left out: {treatment.left_out[slot]}"))
        else:
            words = done[slot].words
            if standardize:
                words = "standardized" if words == "unchanged" else f"{words}; standardized"
            notes.append(_note(column, words, done[slot].features))
    return (*notes, _note(table.columns[-1], f"the target: {task_words(target)}"))


def plain_notes(table: Table, dates: str) -> tuple[ColumnNote, ...]:
    """Return a note for every column of a table without a target."""
    faults = [(column, fault_of(column, dates)) for column in table.columns]
    return tuple(_note(column, f"refused: {fault}" if fault else "") for column, fault in faults)


def task_words(target: Target) -> str:
    """Return what is learned, and why."""
    if not target.class_names:
        return f"a number {target.why}"
    some = ", ".join(target.class_names[:_CLASSES_SHOWN])
    more = ", ..." if len(target.class_names) > _CLASSES_SHOWN else ""
    return f"{len(target.class_names)} classes ({some}{more}) {target.why}"


def _verb(target: Target) -> str:
    return "has" if target.class_names else "is"


def hints_of(
    table: Table, treatment: Treatment, target: Target, x_train: Floats, standardize: bool
) -> tuple[str, ...]:
    """Return the task and what would help, one line each."""
    task = "classification" if target.class_names else "regression"
    hints = [f"{task}: {target.name} {_verb(target)} {task_words(target)}"]
    if treatment.left_out:
        names = ", ".join(table.columns[slot].name for slot in list(treatment.left_out)[:5])
        more = ", ..." if len(treatment.left_out) > 5 else ""
        hints.append(f"left out: {names}{more} (gd-tui data says why)")
    hints += table.remarks
    hints += [f"{column.name}: {column.remark}" for column in table.columns if column.remark]
    named = [table.columns[slot].name for slot in treatment.counting]
    # the columns of arrays cannot be dropped
    if named and len(x_train) > FEW_ROWS and table.memory is not None:
        verb = "counts" if len(named) == 1 else "count"
        hints.append(
            f"{', '.join(named[:5])} {verb} the rows: --drop {','.join(named[:5])} if that is all"
        )
    distinct = [table.columns[slot].name for slot in treatment.distinct]
    if distinct and len(x_train) >= MANY_ROWS:
        verb = "differs" if len(distinct) == 1 else "differ"
        hints.append(
            f"{', '.join(distinct[:5])} {verb} in every row: --drop {','.join(distinct[:5])} if"
            " that only names the rows"
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
    if column.kind == "text":
        count = f"more than {MOST_LABELS:,}" if column.many else f"{len(column.labels):,}"
        texts = f"{count} text{'s' * (column.many or len(column.labels) != 1)}"
    elif column.kind == "yes/no":
        texts = ""
    elif column.kind == "date":
        texts = ""
        if math.isfinite(column.low):
            texts = f"{date_text(column.low)} to {date_text(column.high)}"
    elif column.kind in {"number", "time"}:
        texts = f"{column.low:.6g} to {column.high:.6g}" if math.isfinite(column.low) else ""
    else:
        texts, missing = "", ""
    return ", ".join(filter(None, (texts, missing)))
