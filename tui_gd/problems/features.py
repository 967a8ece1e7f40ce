"""From the columns of a table to features: which are used, by which rules, and their values."""

import math
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import Fault, ProblemError, way
from tui_gd.problems.dates import date_text
from tui_gd.problems.problem import DAY_FIRST, FeatureRule
from tui_gd.problems.sources import MOST_COLUMNS, Column
from tui_gd.problems.tables import MOST_LABELS, Floats, Table, check_memory
from tui_gd.problems.text import distinct, option, safe_text

NEARLY_EVERY = 0.9
"""A text column with this many different values per row is left out."""
FEW_ROWS = 10
RARE = 0.01
"""Texts in a smaller share of the train rows than this share one feature."""
MOST_TEXTS = 50
LABEL_SHOWN = 40
# numbers moved or made at a time, but this many rows at least: every column costs a few calls
BLOCK, BLOCK_ROWS = 1 << 17, 512
NO_NAME = re.compile(r"column \d+|Unnamed: \d+|__index_level_\d+__", re.ASCII)

Use = Literal["number", "filled", "text", "date", "time"]
DatePart = Literal["year", "month", "weekday", "days"]
# the features of a date, and what their names add to the column's
PARTS: tuple[DatePart, ...] = ("year", "month", "weekday", "days")


@dataclass(frozen=True)
class Treatment:
    """Which columns of a table are used and how, and why others are left out.

    `used` are (slot, use): first numbers without gaps, then numbers with gaps, text, dates and
    times. `seen` has what is known of every column, by slot.
    """

    used: tuple[tuple[int, Use], ...]
    left_out: dict[int, str]
    seen: Sequence["Seen"]

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
class Seen:
    """What is known of a column: `there` of the train rows have a value.

    Of text, `codes` are the different ones there, rising, each of which occurs `counts` times. Of
    dates, `parts` are those that differ there, and `first` is the first day. `missing`: some rows
    have no value, test rows included. `distinct`: the values are whole numbers, a different one in
    every row; `counting`: they count the rows.
    """

    there: int
    missing: bool
    codes: Floats = field(default_factory=lambda: np.empty(0))
    counts: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    parts: tuple[DatePart, ...] = ()
    first: int = 0
    distinct: bool = False
    counting: bool = False


def seen_of(column: Column, values: Floats, train: int, *, missing: bool = False) -> Seen:
    """Return what is known of a column by its values (rows,); the first `train` are train rows."""
    there = values[:train]
    if column.missing:
        there = there[~np.isnan(there)]
    texts = there if column.kind == "text" and not column.many else there[:0]
    distinct = _has_distinct_numbers(column, values)
    is_date = column.kind == "date" and len(there)
    return Seen(
        len(there),
        missing or column.missing > 0,
        *np.unique(texts, return_counts=True),
        parts=varying_parts(there) if is_date else (),
        first=math.floor(there.min()) if is_date else 0,
        distinct=distinct,
        counting=distinct and column.high - column.low == len(values) - 1,
    )


def treatment_of(table: Table, seen: Sequence[Seen], train: int, dates: str) -> Treatment:
    """Choose the treatment of all columns but the last, by what is known of each.

    Numbers without gaps stay unchanged; gaps are filled with the median, and a feature marks them.
    Text is encoded one-hot. Dates become their parts, or are left out or refused, as `dates` says:
    features, drop or refuse. Left out are text columns in which nearly every value differs, columns
    that hold one text or nothing, and indices. `ProblemError` for columns at fault, and if no
    column is left.
    """
    uses: dict[Use, list[int]] = {"number": [], "filled": [], "text": [], "date": [], "time": []}
    left_out: dict[int, str] = {}
    _refuse_faults(table, dates)
    for slot, (column, own) in enumerate(zip(table.columns, seen, strict=False)):
        why = why_left_out(column, own, train, dates)
        if why:
            left_out[slot] = why
        elif column.kind in {"text", "date", "time"}:
            uses[cast(Use, column.kind)].append(slot)
        else:
            uses["filled" if own.missing else "number"].append(slot)
    used = tuple((slot, use) for use, slots in uses.items() for slot in slots)
    if not used:
        raise _nothing_left(table, left_out)
    return Treatment(used, left_out, seen)


def _nothing_left(table: Table, left_out: dict[int, str]) -> ProblemError:
    named = [f"{table.columns[slot].name}: {why}" for slot, why in list(left_out.items())[:5]]
    reasons = "; ".join(named) or "the target is the only one"
    indices = [slot for slot, why in left_out.items() if "index" in why]
    index = table.columns[indices[0]].name if indices else ""
    hint = f": {option('number', index)} takes the index" if indices else ""
    return ProblemError(
        f"{table.shown}: no column is left to learn from ({reasons}){hint}",
        *([way(number=index)] if indices else []),
    )


def _refuse_faults(table: Table, dates: str) -> None:
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


def _has_distinct_numbers(column: Column, values: Floats) -> bool:
    """Whether the values of a column are whole numbers, a different one in every row."""
    if column.kind != "number" or column.missing or column.high - column.low < len(values) - 1:
        return False
    if not (values == np.rint(values)).all():
        return False
    return bool((np.diff(np.sort(values)) > 0).all())


def why_left_out(column: Column, seen: Seen, train: int, dates: str) -> str | None:
    """Return why a column is left out of what the `train` rows teach, None if it is not."""
    unnamed = seen.distinct and not column.forced and NO_NAME.fullmatch(column.name)
    why = None
    if column.many:
        why = f"more than {MOST_LABELS:,} different texts"
    elif column.kind in {"date", "time"} and dates == "drop":
        why = "--dates drop"
    elif column.index and not column.forced:
        why = "the index of the table"
    elif not seen.there:
        why = "all missing"
    elif column.kind == "text":
        why = _why_no_text(seen.counts, train)
    elif column.kind == "date" and not seen.parts:
        why = "one value only"
    elif unnamed and (column.first or seen.counting):
        why = "an unnamed index"
    return why


def _rare_below(train: int) -> int:
    """Return the number of train rows that a text needs for a feature of its own."""
    return max(2, math.ceil(RARE * train))


def _why_no_text(counts: NDArray[np.intp], train: int) -> str | None:
    """Return why a text column is left out, by how often its texts occur in the train rows."""
    there = int(counts.sum())
    if there > FEW_ROWS and len(counts) >= NEARLY_EVERY * there:
        return "nearly every value differs"
    if there < train:
        return None
    if len(counts) == 1:
        return "one value only"
    return "every value is rare" if counts.max() < _rare_below(train) else None


Made = list[tuple[str, FeatureRule]]
"""Names and rules of features, in order."""


def features_of(
    table: Table, treatment: Treatment, medians: Mapping[int, float], train: int, group: int
) -> tuple[tuple[FeatureRule, ...], tuple[str, ...], dict[int, Done]]:
    """Return rules and names of all features, and the work done to every column, by slot.

    Gaps are filled as by scikit-learn's SimpleImputer, texts encoded as by its OneHotEncoder.
    The `medians` of the train rows are by slot, for all columns but text. The marks of numbers with
    gaps follow each `group` of such columns.
    """
    made: Made = []
    done: dict[int, Done] = {}
    for use in dict.fromkeys(use for _, use in treatment.used):
        slots = [slot for slot, one in treatment.used if one == use]
        for start in range(0, len(slots), group):
            marks: Made = []
            for slot in slots[start : start + group]:
                median = medians.get(slot, math.nan)
                own, mark, words = _made(
                    table.columns[slot], use, treatment.seen[slot], median, train
                )
                made += own
                marks += mark
                done[slot] = Done(words, tuple(name for name, _ in own + mark))
            made += marks
    if len(made) > MOST_COLUMNS:
        raise ProblemError(
            f"{table.shown}: {len(made):,} features are more than {MOST_COLUMNS:,}: leave text"
            " columns out with --drop"
        )
    return tuple(rule for _, rule in made), tuple(distinct(name for name, _ in made)), done


def _made(
    column: Column, use: Use, seen: Seen, median: float, train: int
) -> tuple[Made, Made, str]:
    """Return the features of a column, the marks of its gaps that come later, and the work."""
    gaps = train - seen.there
    mark = [(f"{column.name} missing", FeatureRule(column.name, "missing"))] if gaps else []
    if use in {"number", "filled"}:
        words = "unchanged"
        if use == "filled":
            marked = ", and a feature marks them" if gaps else "; the train rows have none"
            words = f"gaps filled with the median {median:.6g}{marked}"
        return [(column.name, FeatureRule(column.name, "number", median))], mark, words
    if use == "text":
        made, words = _one_hot(column, seen, gaps, train)
        return made, [], words
    made, words = _parts_of(column, seen, median)
    filled = "; gaps filled with the median, and a feature marks them" if gaps else ""
    return made + mark, [], words + filled


def _one_hot(column: Column, seen: Seen, gaps: int, train: int) -> tuple[Made, str]:
    """Return the features of texts, and of gaps as if they were a text, and the work.

    Rare texts share a feature: they occur in fewer than `_rare_below` train rows, or are not among
    the `MOST_TEXTS` − 1 most frequent ones.
    """
    codes, counts = seen.codes, seen.counts
    if gaps:
        codes, counts = np.append(codes, np.nan), np.append(counts, gaps)
    rare = counts < _rare_below(train)
    if len(counts) - int(rare.sum()) + 1 > MOST_TEXTS:
        rare[np.argsort(counts, kind="stable")[: -(MOST_TEXTS - 1)]] = True
    own, together = codes[~rare].tolist(), int(rare.sum())
    made = [_of_text(column, code) for code in own]
    names = distinct(f"{column.name}={text}" for text, _ in made)
    made = list(zip(names, [rule for _, rule in made], strict=True))
    words = f"one-hot, {len(own)} texts"
    if together:
        made.append((f"{column.name}=(rare)", FeatureRule(column.name, "rare")))
        words += f" and {together} rare ones together" if together > 1 else " and a rare one"
    return made, words


def _of_text(column: Column, code: float) -> tuple[str, FeatureRule]:
    """Return a text as names show it, and its rule."""
    if math.isnan(code):
        return "(missing)", FeatureRule(column.name, "missing")
    text = column.labels[int(code)]
    return safe_text(text, LABEL_SHOWN), FeatureRule(column.name, "text", text=text)


def _parts_of(column: Column, seen: Seen, median: float) -> tuple[Made, str]:
    """Return the features of dates or times and the work; `median` stands in for missing ones."""
    name = column.name
    if column.kind == "time":
        return [(f"{name} hour", FeatureRule(name, "hour", median))], "hours since midnight"
    order = DAY_FIRST if column.day_first else ""
    rules = [
        FeatureRule(name, part, median, order, mean=seen.first * (part == "days"))
        for part in seen.parts
    ]
    listed = [_IN_WORDS.get(part, f"days since {date_text(seen.first)}") for part in seen.parts]
    words = ", ".join(listed[:-1]) + " and " * (len(listed) > 1) + listed[-1]
    return [(f"{name} {rule.use}", rule) for rule in rules], words


_IN_WORDS = {"year": "year", "month": "month", "weekday": "day of the week"}


def varying_parts(days: Floats) -> tuple[DatePart, ...]:
    """Return the parts that differ among dates without gaps."""
    return tuple(part for part in PARTS if np.ptp(_date_part(days, part)) > 0)


def _date_part(days: Floats, part: DatePart) -> Floats:
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


def features(
    rules: Sequence[FeatureRule], columns: Sequence[Column], values: Sequence[NDArray[Any]]
) -> Floats:
    """Return features (rows, rules + 1), ones last, of columns and their `values` (rows,) each."""
    out = np.ones((len(values[0]), len(rules) + 1))
    places: dict[str, list[int]] = {}
    for place, rule in enumerate(rules):
        places.setdefault(rule.column, []).append(place)
    for column, own in zip(columns, values, strict=True):
        missing = np.isnan(own)
        made = {
            place: _feature(rules[place], column, own, missing)
            for place in places[column.name]
            if rules[place].use != "rare"
        }
        for place in places[column.name]:
            rule = rules[place]
            feature = 1.0 - sum(made.values()) if rule.use == "rare" else made[place]
            out[:, place] = (feature - rule.mean) / rule.scale
    return out


def _feature(
    rule: FeatureRule, column: Column, values: Floats, missing: NDArray[np.bool_]
) -> NDArray[Any]:
    """Return what a rule makes of values (rows,) before they are scaled."""
    if rule.use == "missing":
        return missing
    if rule.use == "text":
        code = bisect_left(column.labels, rule.text)
        known = column.labels[code : code + 1] == (rule.text,)
        return np.equal(values, code if known else -1)
    filled = np.where(missing, np.nan if rule.fill is None else rule.fill, values)
    whole = rule.use in {"number", "hour"}
    return filled if whole else _date_part(filled, cast(DatePart, rule.use))


def transform(table: Table, used: Sequence[int], rules: Sequence[FeatureRule]) -> None:
    """Replace the `used` columns of a table by features, ones last, in its own memory.

    First these columns move to the front of the memory. Then the work goes from the last rows to
    the first, because a row of features is longer than a row of columns.
    """
    rows, width = len(table.values), len(rules) + 1
    flat, count = table.values.reshape(-1), len(used)
    step = max(1, BLOCK // table.values.shape[1])
    for start in range(0, rows, step):
        block = table.values[start : start + step, used]
        flat[start * count : start * count + block.size] = block.ravel()
    del flat
    check_memory(table.shown, rows, width)
    table.reshape(width)
    flat = table.values.reshape(-1)
    columns = [table.columns[slot] for slot in used]
    step = max(BLOCK_ROWS, BLOCK // width)
    for start in reversed(range(0, rows, step)):
        end = min(rows, start + step)
        block = flat[start * count : end * count].reshape(end - start, count)
        table.values[start:end] = features(rules, columns, list(block.T.copy()))
