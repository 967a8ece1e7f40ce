"""From the columns of a table to features, with scikit-learn's transformers."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import Fault, ProblemError, way
from tui_gd.problems.dates import date_text
from tui_gd.problems.problem import DAY_FIRST, FeatureRule, as_they_are
from tui_gd.problems.sources import MOST_COLUMNS
from tui_gd.problems.tables import MOST_LABELS, Column, Floats, Table, check_memory
from tui_gd.problems.text import distinct, option, safe_text

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
NO_NAME = re.compile(r"column \d+|Unnamed: \d+|__index_level_\d+__", re.ASCII)

Use = Literal["number", "filled", "text", "date", "time"]
DatePart = Literal["year", "month", "weekday", "days"]
# the features of a date, and what their names add to the column's
PARTS: tuple[DatePart, ...] = ("year", "month", "weekday", "days")


@dataclass(frozen=True)
class Treatment:
    """Which columns of a table are used and how, and why others are left out.

    `used` are (slot, use): first numbers without gaps, then numbers with gaps, text, dates and
    times. `counting` are the slots of columns that count the rows, `distinct` those of other
    whole numbers that are different in every row.
    """

    used: tuple[tuple[int, Use], ...]
    left_out: dict[int, str]
    counting: tuple[int, ...] = ()
    distinct: tuple[int, ...] = ()

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


def treatment_of(table: Table, other: Table | None, train: int, dates: str) -> Treatment:
    """Choose the treatment of all columns but the last, by the first `train` rows.

    Numbers without gaps stay unchanged; gaps are filled with the median, and a feature marks them.
    Text is encoded one-hot. Dates become their parts, or are left out or refused, as `dates` says:
    features, drop or refuse. Left out are text columns in which nearly every value differs, columns
    that hold one text or nothing, and indices. `ProblemError` for columns at fault, and if no
    column is left.
    """
    uses: dict[Use, list[int]] = {"number": [], "filled": [], "text": [], "date": [], "time": []}
    left_out: dict[int, str] = {}
    counting: list[int] = []
    distinct: list[int] = []
    refuse_faults(table, dates)
    for slot, column in enumerate(table.columns[:-1]):
        values = table.values[:, slot]
        is_index = has_distinct_numbers(column, values)
        why = why_left_out(column, values, train, dates, is_distinct=is_index)
        if why:
            left_out[slot] = why
            continue
        if is_index:
            counts = column.high - column.low == len(values) - 1
            (counting if counts else distinct).append(slot)
        if column.kind in {"text", "date", "time"}:
            uses[column.kind].append(slot)
        else:
            missing = column.missing or (other is not None and other.columns[slot].missing)
            uses["filled" if missing else "number"].append(slot)
    used = tuple((slot, use) for use, slots in uses.items() for slot in slots)
    refuse_nothing_left(table, used, left_out)
    return Treatment(used, left_out, tuple(counting), tuple(distinct))


def refuse_nothing_left(
    table: Table, used: Sequence[tuple[int, Use]], left_out: dict[int, str]
) -> None:
    """Raise `ProblemError` if no column is used."""
    if not used:
        named = [f"{table.columns[slot].name}: {why}" for slot, why in list(left_out.items())[:5]]
        reasons = "; ".join(named) or "the target is the only one"
        indices = [slot for slot, why in left_out.items() if "index" in why]
        index = table.columns[indices[0]].name if indices else ""
        hint = f": {option('number', index)} takes the index" if indices else ""
        raise ProblemError(
            f"{table.shown}: no column is left to learn from ({reasons}){hint}",
            *([way(number=index)] if indices else []),
        )


def refuse_faults(table: Table, dates: str) -> None:
    """Raise `ProblemError` for the first column at fault; the message names the others too."""
    faults = {
        column.name: fault
        for column in table.columns[:-1]
        if not column.many and (fault := fault_of(column, dates))
    }
    if not faults:
        return
    # what reads decimal commas with thousands reads columns without thousands too
    both = {"decimal", "thousands"}
    worst = max(faults, key=lambda name: any(both <= dict(one).keys() for one in faults[name].ways))
    names = [repr(name) for name in faults if name != worst]
    more = ", ..." if len(names) > 5 else ""
    others = f" (also {', '.join(names[:5])}{more}: gd-tui data says why)" if names else ""
    raise ProblemError(f"{table.shown}: {faults[worst]}{others}", *faults[worst].ways, column=worst)


def fault_of(column: Column, dates: str) -> Fault | None:
    """Return why nothing can be learned from a column, None if something can."""
    if column.kind in {"date", "time"} and dates == "refuse":
        shown = "" if column.kind == "time" else f", as {date_text(column.low)}"
        return Fault(
            f"column {column.name!r} holds dates or times{shown}; leave it out with --drop"
        )
    return column.fault


def has_distinct_numbers(column: Column, values: Floats) -> bool:
    """Whether the values of a column are whole numbers, a different one in every row."""
    if column.kind != "number" or column.missing or column.high - column.low < len(values) - 1:
        return False
    if not (values == np.rint(values)).all():
        return False
    return bool((np.diff(np.sort(values)) > 0).all())


def rare_below(train: int) -> int:
    """Return the number of train rows that a text needs for a feature of its own."""
    return max(2, math.ceil(RARE * train))


def why_left_out(
    column: Column, values: Floats, train: int, dates: str, *, is_distinct: bool
) -> str | None:
    """Return why a column is left out, None if it is not.

    `values` are those of all rows, the first `train` of which are train rows; `is_distinct` is
    whether `has_distinct_numbers`.
    """
    there = values[:train]
    if column.missing:
        there = there[~np.isnan(there)]
    nameless = is_distinct and not column.forced and NO_NAME.fullmatch(column.name)
    counts = column.high - column.low == len(values) - 1
    why = None
    if column.many:
        why = f"more than {MOST_LABELS:,} different texts"
    elif column.kind in {"date", "time"} and dates == "drop":
        why = "--dates drop"
    elif column.index and not column.forced:
        why = "the index of the table"
    elif not len(there):
        why = "all missing"
    elif column.kind == "text":
        why = why_no_text(np.unique(there, return_counts=True)[1], train)
    elif column.kind == "date" and not varying_parts(there):
        why = "one value only"
    elif nameless and (column.first or counts):
        why = "an unnamed index"
    return why


def why_no_text(counts: NDArray[np.intp], train: int) -> str | None:
    """Return why a text column is left out, by how often its texts occur in the train rows."""
    there = int(counts.sum())
    if there > FEW_ROWS and len(counts) >= NEARLY_EVERY * there:
        return "nearly every value differs"
    if there < train:
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
            rules += as_they_are(names, raw[:, start:end])
            done |= {slot: Done("unchanged", (table.columns[slot].name,)) for slot in slots}
            continue
        if use in {"date", "time"}:
            one, (made, ruled, work) = _dates(raw[:, start:end], columns)
            steps.append((str(start), one, slice(start, end)))
        else:
            one = (_imputer if use == "filled" else _encoder)(len(raw)).fit(raw[:, start:end])
            steps.append((str(start), FrozenEstimator(one), slice(start, end)))
            if use == "filled":
                marked = set(one.indicator_.features_.tolist())
                made, ruled, work = filled(columns, one.statistics_, marked)
            else:
                made, ruled, work = encoded(columns, one.categories_, one.infrequent_categories_)
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


Made = tuple[list[str], list[FeatureRule], list[Done]]
"""Features in order, their rules, and the work done to every column."""


def filled(columns: list[Column], medians: Sequence[float], marked: set[int]) -> Made:
    """Return what becomes of numbers with gaps; the train rows of the `marked` ones have some."""
    made = [column.name for column in columns]
    made += [f"{columns[i].name} missing" for i in sorted(marked)]
    rules = [
        FeatureRule(column.name, "number", fill=float(median))
        for column, median in zip(columns, medians, strict=True)
    ]
    rules += [FeatureRule(columns[i].name, "missing") for i in sorted(marked)]
    work = []
    for index, (column, median) in enumerate(zip(columns, medians, strict=True)):
        words = f"gaps filled with the median {median:.6g}"
        if index in marked:
            marks = (column.name, f"{column.name} missing")
            work.append(Done(f"{words}, and a feature marks them", marks))
        else:
            work.append(Done(f"{words}; the train rows have none", (column.name,)))
    return made, rules, work


def encoded(
    columns: list[Column], categories: Sequence[Floats], infrequent: Sequence[Floats | None]
) -> Made:
    """Return what becomes of text, by the codes of all texts and of the rare ones among them."""
    made: list[str] = []
    rules: list[FeatureRule] = []
    work = []
    for column, codes, rare in zip(columns, categories, infrequent, strict=True):
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


def date_part(days: Floats, part: DatePart) -> Floats:
    """Return a part of dates in days since 1970-01-01: months from 1, weekdays from Monday, 0."""
    whole = np.floor(days).astype(np.int64).astype("datetime64[D]")
    if part == "year":
        found = whole.astype("datetime64[Y]").astype(np.int64) + 1970
    elif part == "month":
        found = whole.astype("datetime64[M]").astype(np.int64) % 12 + 1
    elif part == "weekday":
        # 1970-01-01 was a Thursday
        found = (whole.astype(np.int64) + 3) % 7
    else:
        return days
    return found.astype(np.float64)


def varying_parts(days: Floats) -> tuple[DatePart, ...]:
    """Return the parts that differ among dates without gaps."""
    return tuple(part for part in PARTS if np.ptp(date_part(days, part)) > 0)


def _dates(raw: Floats, columns: list[Column]) -> tuple[Any, Made]:
    """Return what computes the features of dates and times, and what becomes of them."""
    from sklearn.preprocessing import FunctionTransformer

    there = [values[~np.isnan(values)] for values in raw.T]
    fills = [float(np.median(values)) for values in there]
    made = dated(columns, there, fills, [len(values) < len(raw) for values in there])
    places = {column.name: place for place, column in enumerate(columns)}
    compute = partial(_computed, rules=made[1], places=places)
    return FunctionTransformer(compute, check_inverse=False), made


def dated(
    columns: list[Column], found: Sequence[Floats], fills: Sequence[float], gaps: Sequence[bool]
) -> Made:
    """Return what becomes of dates and times.

    `found` are the values of every column in the train rows, each at least once; `fills` stand in
    for missing ones, `gaps` says whether there are any.
    """
    made: list[str] = []
    rules: list[FeatureRule] = []
    work = []
    for column, there, fill, missing in zip(columns, found, fills, gaps, strict=True):
        names = []
        if column.kind == "time":
            names.append(f"{column.name} hour")
            rules.append(FeatureRule(column.name, "hour", fill))
            words = "hours since midnight"
        else:
            parts = varying_parts(there)
            first = math.floor(there.min())
            order = DAY_FIRST if column.day_first else ""
            for part in parts:
                names.append(f"{column.name} {part}")
                rules.append(
                    FeatureRule(column.name, part, fill, order, mean=first * (part == "days"))
                )
            listed = [_IN_WORDS[part] for part in parts]
            words = ", ".join(listed[:-1]) + " and " * (len(listed) > 1) + listed[-1]
            words = words.replace("days since", f"days since {date_text(first)}")
        if missing:
            names.append(f"{column.name} missing")
            rules.append(FeatureRule(column.name, "missing"))
            words += "; gaps filled with the median, and a feature marks them"
        made += names
        work.append(Done(words, tuple(names)))
    return made, rules, work


_IN_WORDS = {"year": "year", "month": "month", "weekday": "day of the week", "days": "days since"}


def _computed(raw: Floats, rules: list[FeatureRule], places: dict[str, int]) -> Floats:
    """Return the features (rows, rules) of dates and times (rows, columns)."""
    features = np.empty((len(raw), len(rules)))
    for out, rule in zip(features.T, rules, strict=True):
        values = raw[:, places[rule.column]]
        missing = np.isnan(values)
        if rule.use == "missing":
            out[:] = missing
            continue
        values = np.where(missing, rule.fill or 0.0, values)
        part = values if rule.use == "hour" else date_part(values, cast(DatePart, rule.use))
        out[:] = part - rule.mean
    return features


def _text_rule(column: Column, code: float) -> FeatureRule:
    if math.isnan(code):
        return FeatureRule(column.name, "missing")
    return FeatureRule(column.name, "text", text=column.labels[int(code)])


def _label(column: Column, code: float) -> str:
    if math.isnan(code):
        return "(missing)"
    return safe_text(column.labels[int(code)], LABEL_SHOWN)
