"""From the columns of a table to features, with scikit-learn's transformers."""

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tui_gd.errors import ProblemError
from tui_gd.problems.problem import FeatureRule, as_they_are
from tui_gd.problems.sources import MOST_COLUMNS
from tui_gd.problems.tables import MOST_LABELS, Column, Floats, Table, check_memory
from tui_gd.problems.text import distinct, safe_text

NEARLY_EVERY = 0.9
"""A text column with this many different values per row is left out."""
FEW_ROWS = 10
RARE = 0.01
"""Texts in a smaller share of the train rows than this share one feature."""
MOST_TEXTS = 50
LABEL_SHOWN = 40
# numbers moved or transformed at a time
BLOCK = 1 << 17
# columns are fitted in about this many groups; one is copied at a time
GROUPS = 16
_NO_NAME = re.compile(r"column \d+|Unnamed: \d+|__index_level_\d+__", re.ASCII)

Use = Literal["number", "filled", "text"]


@dataclass(frozen=True)
class Treatment:
    """Which columns of a table are used and how, and why others are left out.

    `used` are (slot, use): first numbers without gaps, then numbers with gaps, then text.
    `counting` are the slots of columns that count the rows.
    """

    used: tuple[tuple[int, Use], ...]
    left_out: dict[int, str]
    counting: tuple[int, ...] = ()

    @property
    def unchanged(self) -> bool:
        """Whether the columns that are used need no work."""
        return all(use == "number" for _, use in self.used)


@dataclass(frozen=True)
class Done:
    """What was done to a column, in words, and the features that it became."""

    words: str
    features: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted ColumnTransformer, the names and rules of its features, the work done by slot."""

    transformer: Any
    features: tuple[str, ...]
    rules: tuple[FeatureRule, ...]
    done: dict[int, Done]


def treatment_of(table: Table, other: Table | None, train: int) -> Treatment:
    """Choose the treatment of all columns but the last, by the first `train` rows.

    Numbers without gaps stay unchanged; gaps are filled with the median, and a feature marks them.
    Text is encoded one-hot. Left out are text columns in which nearly every value differs, columns
    that hold one text or nothing, and unnamed indices. `ProblemError` for columns at fault, and if
    no column is left.
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
        reasons = "; ".join(named) or "the target is the only one"
        raise ProblemError(f"{table.shown}: no column is left to learn from ({reasons})")
    return Treatment(used, left_out, tuple(counting))


def _refuse_faults(table: Table) -> None:
    """Raise `ProblemError` for the first column at fault; the message names the others too."""
    faulty = [column for column in table.columns[:-1] if column.fault and not column.many]
    if not faulty:
        return
    names = ", ".join(repr(column.name) for column in faulty[1:6])
    more = ", ..." if len(faulty) > 6 else ""
    others = f" (also {names}{more}: gd-tui data says why)" if names else ""
    raise ProblemError(f"{table.shown}: {faulty[0].fault}{others}")


def _counts(column: Column, values: Floats) -> bool:
    """Whether a column holds consecutive whole numbers, each once, in any order."""
    if column.kind != "number" or column.missing:
        return False
    return column.high - column.low == len(values) - 1 and bool(
        (np.diff(np.sort(values)) == 1.0).all()
    )


def rare_below(train: int) -> int:
    """Return the number of train rows that a text needs for a feature of its own."""
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
    return "an unnamed index" if nameless else None


def _why_no_text(there: Floats, train: int) -> str | None:
    """Return why a text column is left out; `there` are its values without the missing ones."""
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

    It fits SimpleImputer (median, with indicators) and OneHotEncoder, one group of columns at a
    time: fitting all columns at once would copy them several times.
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
            done |= {slot: Done("unchanged", (table.columns[slot].name,)) for slot in slots}
            continue
        one = (_imputer if use == "filled" else _encoder)(len(raw)).fit(raw[:, start:end])
        steps.append((str(start), FrozenEstimator(one), slice(start, end)))
        made, ruled, work = (_filled if use == "filled" else _encoded)(one, columns)
        features += made
        rules += ruled
        done |= dict(zip(slots, work, strict=True))
    transformer = ColumnTransformer(steps, sparse_threshold=0.0)
    return Fitted(transformer.fit(raw[:2]), tuple(distinct(features)), tuple(rules), done)


def transformed(table: Table, fitted: Fitted, used: int) -> Floats:
    """Transform all rows in the table's own memory; return (rows, features + 1), ones last.

    The table starts with its columns as `arrange` leaves them, and is used up. The work goes from
    the last rows to the first, because a row of features is longer than a row of columns.
    """
    rows, width = len(table.values), len(fitted.features) + 1
    if width > MOST_COLUMNS:
        raise ProblemError(
            f"{table.shown}: {width - 1:,} features are more than {MOST_COLUMNS:,}: leave text"
            " columns out with --drop"
        )
    check_memory(table.shown, rows, width)
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
    """Return ranges of neighbours with the same use, cut into pieces if they are to be fitted."""
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
    """Return the features of numbers with gaps, in order, their rules, and the work done."""
    marked = set(imputer.indicator_.features_.tolist())
    made = [column.name for column in columns]
    made += [f"{columns[i].name} missing" for i in sorted(marked)]
    rules = [
        FeatureRule(column.name, "number", fill=float(median))
        for column, median in zip(columns, imputer.statistics_, strict=True)
    ]
    rules += [FeatureRule(columns[i].name, "missing") for i in sorted(marked)]
    work = []
    for index, (column, median) in enumerate(zip(columns, imputer.statistics_, strict=True)):
        words = f"gaps filled with the median {median:.6g}"
        if index in marked:
            marks = (column.name, f"{column.name} missing")
            work.append(Done(f"{words}, and a feature marks them", marks))
        else:
            work.append(Done(f"{words}; the train rows have none", (column.name,)))
    return made, rules, work


def _encoded(encoder: Any, columns: list[Column]) -> _Made:
    """Return the features of encoded text, in order, their rules, and the work done."""
    made: list[str] = []
    rules: list[FeatureRule] = []
    work = []
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
        work.append(Done(words, tuple(names)))
    return made, rules, work


def _text_rule(column: Column, code: float) -> FeatureRule:
    if math.isnan(code):
        return FeatureRule(column.name, "missing")
    return FeatureRule(column.name, "text", text=column.labels[int(code)])


def _label(column: Column, code: float) -> str:
    if math.isnan(code):
        return "(missing)"
    return safe_text(column.labels[int(code)], LABEL_SHOWN)
