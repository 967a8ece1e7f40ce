"""From the columns of a table to features: what is done to every column, by scikit-learn."""

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tui_gd.errors import ProblemError
from tui_gd.problems.problem import ColumnNote, FeatureRule, as_they_are
from tui_gd.problems.sources import MOST_COLUMNS
from tui_gd.problems.tables import MOST_LABELS, Column, Floats, Table, room_for
from tui_gd.problems.target import Target
from tui_gd.problems.text import distinct, safe_text

NEARLY_EVERY = 0.9
"""A text column with so many different values for a row is left out."""
FEW_ROWS = 10
RARE = 0.01
"""Texts in a smaller share of the train rows than this are one feature together."""
MOST_TEXTS = 50
LABEL_SHOWN = 40
# numbers that are moved or transformed at a time
BLOCK = 1 << 17
# columns are fitted in about so many groups, of which one is copied at a time
GROUPS = 16
_NO_NAME = re.compile(r"column \d+|Unnamed: \d+|__index_level_\d+__", re.ASCII)

Use = Literal["number", "filled", "text"]


@dataclass(frozen=True)
class Treatment:
    """Which columns of a table are used and how, and why others are left out.

    `used` are (slot, use): first the numbers that are all there, then those that are filled, then
    text. `counting` are those of them that count the rows.
    """

    used: tuple[tuple[int, Use], ...]
    left_out: dict[int, str]
    counting: tuple[int, ...] = ()

    @property
    def as_they_are(self) -> bool:
        """Whether nothing is to be done to the columns that are used."""
        return all(use == "number" for _, use in self.used)


@dataclass(frozen=True)
class Done:
    """What was done to a column, in words, and the features that it became."""

    words: str
    features: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted ColumnTransformer, its features' names and rules, what was done by slot."""

    transformer: Any
    features: tuple[str, ...]
    rules: tuple[FeatureRule, ...]
    done: dict[int, Done]


def treatment_of(table: Table, other: Table | None, train: int) -> Treatment:
    """Choose what is done to all columns but the last, by the first `train` rows.

    Numbers that are all there are taken as they are; where some are missing, the median fills in
    and a feature says where. Text is encoded one-hot. Left out are text of which nearly every
    value differs, columns that hold one text or nothing, and running numbers without a name.
    `ProblemError` for columns of dates, and if no column is left.
    """
    uses: dict[Use, list[int]] = {"number": [], "filled": [], "text": []}
    left_out = {}
    counting = []
    _refuse_faults(table)
    for slot, column in enumerate(table.columns[:-1]):
        counts = _counts(column, table.values[:, slot])
        if counts:
            counting.append(slot)
        why = _why_not(column, table.values[:, slot], train, counts)
        if why:
            left_out[slot] = why
        elif column.kind == "text":
            uses["text"].append(slot)
        else:
            missing = column.missing or (other is not None and other.columns[slot].missing)
            uses["filled" if missing else "number"].append(slot)
    used = tuple((slot, use) for use, slots in uses.items() for slot in slots)
    if not used:
        named = [f"{table.columns[slot].name}: {why}" for slot, why in list(left_out.items())[:5]]
        raise ProblemError(
            f"{table.shown}: no column is left to learn from ({'; '.join(named) or 'one only'})"
        )
    return Treatment(used, left_out, tuple(counting))


def _refuse_faults(table: Table) -> None:
    """Raise `ProblemError` for the first column at fault; it names the others too."""
    faulty = [column for column in table.columns[:-1] if column.fault and not column.many]
    if not faulty:
        return
    names = ", ".join(repr(column.name) for column in faulty[1:6])
    more = ", ..." if len(faulty) > 6 else ""
    others = f" (and so {names}{more}: gd-tui data tells why)" if names else ""
    raise ProblemError(f"{table.shown}: {faulty[0].fault}{others}")


def _counts(column: Column, values: Floats) -> bool:
    """Whether a column counts the rows: whole numbers without a gap, each once, in any order."""
    if column.kind != "number" or column.missing:
        return False
    return column.high - column.low == len(values) - 1 and bool(
        (np.diff(np.sort(values)) == 1.0).all()
    )


def rare_below(train: int) -> int:
    """Return in how many train rows a text has to be so that it is a feature of its own."""
    return max(2, math.ceil(RARE * train))


def _why_not(column: Column, values: Floats, train: int, counts: bool) -> str | None:
    """Return why a column is left out, None if it is not."""
    if column.many:
        return f"more than {MOST_LABELS:,} different texts"
    there = values[:train]
    if column.missing:
        there = there[~np.isnan(there)]
    if not len(there):
        return "all missing"
    if column.kind == "text":
        return _why_no_text(there, train)
    nameless = counts and _NO_NAME.fullmatch(column.name)
    return "a running number without a name" if nameless else None


def _why_no_text(there: Floats, train: int) -> str | None:
    """Return why a column of text is left out; `there` are its values that are not missing."""
    counts = np.unique(there, return_counts=True)[1]
    if len(there) > FEW_ROWS and len(counts) >= NEARLY_EVERY * len(there):
        return "nearly every value differs"
    if len(there) < train:
        return None
    if len(counts) == 1:
        return "one value only"
    return "every value is rare" if counts.max() < rare_below(train) else None


def arrange(table: Table, treatment: Treatment) -> Floats:
    """Move the used columns to the front of the table's memory; return them (rows, used)."""
    values, slots = table.values, [slot for slot, _ in treatment.used]
    flat, width = values.reshape(-1), len(slots)
    step = max(1, BLOCK // values.shape[1])
    for start in range(0, len(values), step):
        block = values[start : start + step, slots]
        flat[start * width : start * width + block.size] = block.ravel()
    raw: Floats = flat[: len(values) * width].reshape(len(values), width)
    return raw


def fit(raw: Floats, table: Table, treatment: Treatment) -> Fitted:
    """Fit scikit-learn's ColumnTransformer on the train rows `raw` (rows, used columns).

    SimpleImputer with the median and indicators, and OneHotEncoder, a group of columns each: fit
    for all columns at once would copy them several times.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.frozen import FrozenEstimator

    steps: list[tuple[str, Any, slice]] = []
    features: list[str] = []
    rules: list[FeatureRule] = []
    done: dict[int, Done] = {}
    for start, end in _groups([use for _, use in treatment.used]):
        slots = [slot for slot, _ in treatment.used[start:end]]
        columns = [table.columns[slot] for slot in slots]
        names = [column.name for column in columns]
        use = treatment.used[start][1]
        if use == "number":
            steps.append((str(start), "passthrough", slice(start, end)))
            features += names
            rules += as_they_are(names)
            done |= {slot: Done("as it is", (table.columns[slot].name,)) for slot in slots}
            continue
        one = (_imputer if use == "filled" else _encoder)(len(raw)).fit(raw[:, start:end])
        steps.append((str(start), FrozenEstimator(one), slice(start, end)))
        made, ruled, told = (_filled if use == "filled" else _encoded)(one, columns)
        features += made
        rules += ruled
        done |= dict(zip(slots, told, strict=True))
    transformer = ColumnTransformer(steps, sparse_threshold=0.0)
    return Fitted(transformer.fit(raw[:2]), tuple(distinct(features)), tuple(rules), done)


def transformed(table: Table, fitted: Fitted, used: int) -> Floats:
    """Transform all rows in the table's own memory; return (rows, features + 1), ones last.

    The table begins with its columns as `arrange` leaves them, and is used up. From the last rows
    to the first: a row of features is longer than one of columns.
    """
    rows, width = len(table.values), len(fitted.features) + 1
    if width > MOST_COLUMNS:
        raise ProblemError(
            f"{table.shown}: {width - 1:,} features are more than {MOST_COLUMNS:,}: leave columns"
            " of text out"
        )
    room_for(table.shown, rows, width)
    table.reshape(width)
    values = table.values
    flat = values.reshape(-1)
    step = max(1, BLOCK // width)
    for start in reversed(range(0, rows, step)):
        end = min(rows, start + step)
        block = flat[start * used : end * used].reshape(end - start, used).copy()
        out = values[start:end]
        out[:, :-1] = fitted.transformer.transform(block)
        out[:, -1] = 1.0
    return values


def _groups(uses: list[Use]) -> list[tuple[int, int]]:
    """Return the ranges of neighbours of one use, those with something to fit cut into pieces."""
    size = max(1, math.ceil(len(uses) / GROUPS))
    ranges, start = [], 0
    for end in range(1, len(uses) + 1):
        cut = uses[start] != "number" and end - start >= size
        if end == len(uses) or uses[end] != uses[start] or cut:
            ranges.append((start, end))
            start = end
    return ranges


def _imputer(_: int) -> Any:
    from sklearn.impute import SimpleImputer

    return SimpleImputer(strategy="median", add_indicator=True)


def _encoder(rows: int) -> Any:
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=rare_below(rows),
        max_categories=MOST_TEXTS,
        sparse_output=False,
    )


_Made = tuple[list[str], list[FeatureRule], list[Done]]


def _filled(imputer: Any, columns: list[Column]) -> _Made:
    """Return the features of numbers that were filled, in order, their rules, what was done."""
    marked = set(imputer.indicator_.features_.tolist())
    made = [column.name for column in columns]
    made += [f"{columns[i].name} missing" for i in sorted(marked)]
    rules = [
        FeatureRule(column.name, "number", fill=float(median))
        for column, median in zip(columns, imputer.statistics_, strict=True)
    ]
    rules += [FeatureRule(columns[i].name, "missing") for i in sorted(marked)]
    told = []
    for index, (column, median) in enumerate(zip(columns, imputer.statistics_, strict=True)):
        words = f"missing ones filled with the median {median:.6g}"
        if index in marked:
            marks = (column.name, f"{column.name} missing")
            told.append(Done(f"{words}, and a feature says where", marks))
        else:
            told.append(Done(f"{words}; none in the train rows", (column.name,)))
    return made, rules, told


def _encoded(encoder: Any, columns: list[Column]) -> _Made:
    """Return the features of text that was encoded, in order, their rules, what was done."""
    made: list[str] = []
    rules: list[FeatureRule] = []
    told = []
    for column, codes, rare in zip(
        columns, encoder.categories_, encoder.infrequent_categories_, strict=True
    ):
        grouped = set() if rare is None else set(map(str, rare))
        own = [code for code in codes if str(code) not in grouped]
        names = distinct(f"{column.name}={_label(column, code)}" for code in own)
        rules += [_text_rule(column, code) for code in own]
        words = f"one-hot, {len(own)} texts"
        if grouped:
            names.append(f"{column.name}=(rare)")
            rules.append(FeatureRule(column.name, "rare"))
            words += (
                f" and {len(grouped)} rare ones together" if len(grouped) > 1 else " and a rare one"
            )
        made += names
        told.append(Done(words, tuple(names)))
    return made, rules, told


def _text_rule(column: Column, code: float) -> FeatureRule:
    if math.isnan(code):
        return FeatureRule(column.name, "missing")
    return FeatureRule(column.name, "text", text=column.labels[int(code)])


def _label(column: Column, code: float) -> str:
    if math.isnan(code):
        return "(missing)"
    return safe_text(column.labels[int(code)], LABEL_SHOWN)


# What is said about a table: what was found in every column, what was done, what would help.

APART = 100.0
"""Features whose scales differ by more than this are better standardized."""
LOOKED_AT = 10_000
_CLASSES_SHOWN = 10


def column_notes(
    table: Table,
    treatment: Treatment,
    target: Target,
    done: dict[int, Done],
    standardize: bool,
) -> tuple[ColumnNote, ...]:
    """Return a note about every column, the target's last."""
    notes = []
    for slot, column in enumerate(table.columns[:-1]):
        if slot in treatment.left_out:
            notes.append(_note(column, f"left out: {treatment.left_out[slot]}"))
        else:
            words = done[slot].words + ("; then mean 0, variance 1" if standardize else "")
            notes.append(_note(column, words, done[slot].features))
    return (*notes, _note(table.columns[-1], f"the target: {task_words(target)}"))


def plain_notes(table: Table) -> tuple[ColumnNote, ...]:
    """Return a note about every column of a table of which no target was named."""
    return tuple(
        _note(column, f"refused: {column.fault}" if column.fault else "")
        for column in table.columns
    )


def task_words(target: Target) -> str:
    """Return what is learned and what that was told by."""
    if not target.class_names:
        return f"a number, {target.why}"
    some = ", ".join(target.class_names[:_CLASSES_SHOWN])
    more = ", ..." if len(target.class_names) > _CLASSES_SHOWN else ""
    return f"{len(target.class_names)} classes ({some}{more}), {target.why}"


def hints_of(
    table: Table, treatment: Treatment, target: Target, x_train: Floats, standardize: bool
) -> tuple[str, ...]:
    """Return the task, and what would help: sentences of one line."""
    task = "classification" if target.class_names else "regression"
    hints = [f"{task}: {target.name} is {task_words(target)}"]
    if treatment.left_out:
        names = ", ".join(table.columns[slot].name for slot in list(treatment.left_out)[:5])
        more = ", ..." if len(treatment.left_out) > 5 else ""
        hints.append(f"left out: {names}{more} (gd-tui data tells why)")
    named = [
        table.columns[slot].name for slot in treatment.counting if slot not in treatment.left_out
    ]
    # columns of arrays, which have no room to grow in, cannot be dropped
    if named and len(x_train) > FEW_ROWS and table.room is not None:
        verb = "counts" if len(named) == 1 else "count"
        hints.append(
            f"{', '.join(named[:5])} {verb} the rows: --drop {','.join(named[:5])} if that is all"
        )
    numbers = [slot for slot, use in treatment.used if use != "text"]
    if not standardize and numbers:
        hints += _scale_hint(x_train[:LOOKED_AT, : len(numbers)])
    return tuple(hints)


def _scale_hint(x: Floats) -> list[str]:
    """Compare the root mean squares of the features that are numbers, (rows, numbers)."""
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
    """Return in words which values a column holds."""
    missing = f"{column.missing:,} missing" if column.missing else ""
    if column.kind == "text":
        count = f"more than {MOST_LABELS:,}" if column.many else f"{len(column.labels):,}"
        texts = f"{count} text{'s' * (column.many or len(column.labels) != 1)}"
    elif column.kind == "yes/no":
        texts = ""
    elif column.kind == "number":
        texts = f"{column.low:.6g} to {column.high:.6g}" if math.isfinite(column.low) else ""
    else:
        texts, missing = "", ""
    return ", ".join(filter(None, (texts, missing)))
