"""Problems whose rows are read in parts: several files, or one that is cut at row groups or lines.

A part is read, described and prepared where it lies; only facts come here, and they are merged in
the order of the parts. So the problem depends on how its files are cut, which follows from the
files alone, and not on the machines.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError, way
from tui_gd.problems import pieces
from tui_gd.problems.features import (
    PARTS,
    Seen,
    Treatment,
    features_of,
    treatment_of,
    varying_parts,
)
from tui_gd.problems.files import WITHOUT_COLUMNS, chosen_columns, source_of
from tui_gd.problems.input_file import InputFile, files_of, format_of, shown_path
from tui_gd.problems.machines import PART_BYTES, Items, Machines, Parts
from tui_gd.problems.pieces import TEST, TRAIN, VALIDATION, Facts, Head, Moments, Piece
from tui_gd.problems.prepare import Target, column_notes, hints_of, target_of
from tui_gd.problems.problem import FeatureRule, Problem, standardized, task_of
from tui_gd.problems.reading import Reading
from tui_gd.problems.sources import Column, Progress, wrong_column
from tui_gd.problems.split import Preparation, check_split, split_rows
from tui_gd.problems.tables import MOST_LABELS, Floats, Table
from tui_gd.problems.text import option

T = TypeVar("T")
SAMPLE_ROWS, SAMPLE_NUMBERS = 20_000, 4 << 20
"""About this many rows, or numbers if that is less, of each use are drawn by panels."""
SLACK_BYTES = 32 << 20
"""What a task takes beside the rows of its part."""
GROUP = 32
"""Of so many parts, results that may be large are here at once."""
EXACT_MEDIAN = 1 << 22
"""Up to this many train rows a median is exact; beyond it, it is found in a histogram."""
SPANS = 8
"""So many columns have a histogram at a time."""


@dataclass(frozen=True)
class Wanted:
    """Which data are to be read and learned, as the command line states it."""

    pattern: str
    target: str | None
    drop: tuple[str, ...]
    test: str | None
    how: Preparation
    reading: Reading


def load_partitioned(
    wanted: Wanted, machines: Machines, progress: Progress | None = None
) -> Problem:
    """Return the problem of files that are read in parts on `machines`.

    Rows are numbered through the files in the order of their names, and split by their number as on
    one machine; `x_train` and the others of the problem are a sample. `progress` is told parts. The
    rest is as for `load_file`.
    """
    loading = _Loading(wanted, machines)
    loading.read(progress)
    target = loading.target()
    loading.split(target)
    loading.find_facts()
    treatment = treatment_of(loading.table, loading.seen(), loading.train, wanted.how.dates)
    medians = loading.medians(treatment)
    rules, names, done = features_of(
        loading.table, treatment, medians, loading.train, len(treatment.seen)
    )
    if wanted.how.standardize:
        moments = Moments.merged(loading.call(pieces.moments_of, rules))
        rules = standardized(rules, *moments.scales())
    handles, lengths = loading.ready(rules, target)
    about = column_notes(loading.table, treatment, target, done, wanted.how.standardize)
    problem = loading.problem(handles, lengths, target, names)
    hints = hints_of(loading.table, treatment, target, problem.x_train, wanted.how.standardize)
    return replace(problem, rules=rules, about=about, hints=(*hints, *problem.hints))


class _Loading:
    """The steps from files to a problem.

    `parts` are handles of the parts and, from `split` on, what their rows are used for.
    """

    parts: list[tuple[Any, ...]]
    facts: list[Facts]
    train: int

    def __init__(self, wanted: Wanted, machines: Machines) -> None:
        self.how, self.machines = wanted.how, machines
        self.shown = shown_path(wanted.pattern)
        self.pieces: list[Piece] = []
        self.recipe = pieces.Recipe(wanted.reading, (), ())
        self.dropped: list[Column] = []
        halves = [(files_of(wanted.pattern), False)]
        halves += [(files_of(wanted.test), True)] if wanted.test is not None else []
        for paths, test in halves:
            for path in paths:
                self._cut(path, test, wanted)
        self.heads: list[Head] = []
        self.table = Table(self.shown, np.empty((0, 0)), [])

    def _cut(self, path: str, test: bool, wanted: Wanted) -> None:
        file = InputFile(path, wanted.reading.encoding)
        form = format_of(file)
        if form in WITHOUT_COLUMNS:
            raise ProblemError(
                f"{file.shown}: only tables are read in parts (CSV, Parquet, Feather, JSON lines)"
            )
        first = not self.pieces
        source = source_of(file, form, wanted.reading, None if first else dict(self.recipe.kinds))
        if first:
            names = chosen_columns(source, wanted.target, wanted.drop)
            kinds = tuple((one.name, one.kind) for one in source.fields)
            self.recipe = pieces.Recipe(wanted.reading, tuple(names), kinds)
            self.dropped = [one for one in source.fields if one.name not in names]
        self.pieces += pieces.pieces_of(path, form, source, test)

    def read(self, progress: Progress | None) -> None:
        """Read all parts, again if a column turns out to be of another kind."""
        largest = max(self.pieces, key=lambda piece: piece.size)
        room = self.machines.make_room(
            f"the largest part of {shown_path(largest.path)}, which is read at once",
            max(PART_BYTES, largest.size * 5 // 4 + SLACK_BYTES),
        )
        most = None if room is None else (room - SLACK_BYTES) * 4 // 5
        for _ in range(3):
            raws = self.machines.hold(
                pieces.read_piece,
                [(piece, self.recipe, most) for piece in self.pieces],
                progress,
                (pieces.RawPart, [self.recipe.name_of(piece) for piece in self.pieces]),
            )
            labels = self._describe(raws)
            kinds = dict(self.recipe.kinds)
            for piece, head in zip(self.pieces, self.heads, strict=True):
                for name, kind in head.part.kinds:
                    if kind != kinds.get(name) and piece.form in {"delimited", "arff"}:
                        kinds[name] = "text"
            if kinds == dict(self.recipe.kinds):
                break
            self.recipe = replace(self.recipe, kinds=tuple(kinds.items()))
        columns = _merged_columns(self.heads, labels)
        remarks = dict.fromkeys(remark for head in self.heads for remark in head.part.remarks)
        if self.recipe.reading.skip_footer:
            said = self.recipe.reading.said_footer
            remarks |= {f"{shown_path(one.path)}: {said}": None for one in self.pieces if one.test}
        self.table = Table(
            self.shown, np.empty((0, 0)), columns, remarks=tuple(remarks), dropped=self.dropped
        )
        self.parts = [(raw,) for raw in raws]

    def _describe(self, raws: Sequence[Any]) -> list[set[str] | None]:
        """Fill `self.heads`, without labels; return those of each column, None if too many."""
        self.heads = []
        labels: list[set[str] | None] = [set() for _ in self.recipe.names]
        for head in self._grouped(pieces.head_of, [(raw,) for raw in raws]):
            for slot, column in enumerate(head.part.columns):
                known = labels[slot]
                if known is not None:
                    known.update(column.labels)
                    labels[slot] = None if len(known) > MOST_LABELS else known
            bare = tuple(replace(column, labels=()) for column in head.part.columns)
            self.heads.append(replace(head, part=replace(head.part, columns=bare)))
        return labels

    def _grouped(self, task: Callable[..., T], items: Items) -> Iterator[T]:
        """Yield what a task returns for every item, without holding all of it at once."""
        for start in range(0, len(items), GROUP):
            yield from self.machines.call(task, items[start : start + GROUP])

    def call(self, task: Callable[..., T], *arguments: Any) -> list[T]:
        """Return `task(part, uses, *arguments)` for every part, in order."""
        return self.machines.call(task, [(*part, *arguments) for part in self.parts])

    def split(self, target: Target) -> None:
        """Decide for every part what its rows are used for (rows,)."""
        every = list(zip(self.heads, self.pieces, self.parts, strict=True))
        split = [head.rows for head, piece, _ in every if not piece.test]
        rows, apart = sum(split), any(piece.test for piece in self.pieces)
        if rows < 2:
            raise ProblemError(f"{self.shown}: has only one row; a problem needs at least two")
        how, uses = self.how, np.full(rows, TRAIN, np.int8)
        each = 50 if how.stratify else 30 if how.validation_size is not None else 5
        self.machines.make_room(f"the split of {rows:,} rows of {self.shown}", each * rows)
        if how.stratify or how.validation_size is not None:
            y: NDArray[np.generic] = np.zeros(rows, np.int8)
            if how.stratify and target.class_names:
                here = [(*part, target) for _, piece, part in every if not piece.test]
                y = np.concatenate(self.machines.call(pieces.class_numbers, here))
            parts = split_rows(self.shown, y, target.class_names, how, tested=apart)
            uses[parts.validation], uses[parts.test] = VALIDATION, TEST
            del parts, y
        elif not apart:
            uses[_test_rows(self.shown, rows, how)] = TEST
        self._make_room(rows, 32, 0)
        own = iter(np.split(uses, np.cumsum(split)[:-1]))
        self.parts = [
            (*part, np.full(head.rows, TEST, np.int8) if piece.test else next(own))
            for head, piece, part in every
        ]

    def _make_room(self, rows: int, each: int, features: int) -> None:
        """Make room for work on a part: its values, `each` bytes a row, and features of rows."""
        width = len(self.table.columns)
        most = max(head.rows for head in self.heads)
        share = max(end - begin for begin, end in pieces.shares_of(most, features))
        size = 8 * most * width + each * most + 8 * share * (features + 1) + SLACK_BYTES
        self.machines.make_room(f"the largest part of {self.shown}", size, beside=rows)

    def ready(
        self, rules: tuple[FeatureRule, ...], target: Target
    ) -> tuple[list[Any], list[tuple[int, ...]]]:
        """Return handles of the rows for engines, and how many of them have each use.

        The parts as they were read are given up.
        """
        features = len(rules)
        self._make_room(sum(head.rows for head in self.heads), 24, features)
        items, lengths = [], []
        for raw, uses in self.parts:
            for begin, end in pieces.shares_of(len(uses), features):
                own = uses[begin:end]
                items.append((raw, own, rules, target, (begin, end)))
                lengths.append(tuple(np.bincount(own, minlength=3).tolist()))
        handles = self.machines.hold(pieces.rows_of, items)
        self.parts = []
        share = max(map(sum, lengths))
        self.machines.make_room(
            f"the largest part of {self.shown}", 8 * share * (features + 1) + SLACK_BYTES
        )
        return handles, lengths

    def find_facts(self) -> None:
        """Count the train rows and find the facts on all columns but the target."""
        self.train = sum(int((uses == TRAIN).sum()) for _, uses in self.parts)
        self.facts = [Facts() for _ in self.table.columns[:-1]]
        for part in self._grouped(pieces.facts_of, self.parts):
            for own, other in zip(self.facts, part, strict=True):
                own.merge(other)

    def target(self) -> Target:
        """Return what is learned; its `y` is empty."""
        column = self.table.columns[-1]
        found: set[Any] = set().union(*self.call(pieces.target_values))
        if column.kind == "text":
            values = np.arange(max(1, len(column.labels)), dtype=np.float64)
        else:
            values = np.array(sorted(found), np.float64)
            if 2 * len(values) <= sum(head.rows for head in self.heads):
                values = np.tile(values, 2)  # as often as whole numbers need to be classes
        target = target_of(self.shown, column, values, self.how.task)
        return replace(target, y=target.y[:0])

    def seen(self) -> list[Seen]:
        """Return of all columns but the target what `seen_of` does for one table."""
        return list(map(self._seen, range(len(self.facts)), self.table.columns, self.facts))

    def _seen(self, slot: int, column: Column, facts: Facts) -> Seen:
        counts, counting = facts.counts or Counter(), self._counts(slot)
        seen = Seen(facts.there, column.missing > 0, distinct=counting, counting=counting)
        if column.kind == "text" and not column.many:
            labels = sorted(counts)
            codes = np.array([bisect_left(column.labels, label) for label in labels], np.float64)
            return replace(seen, codes=codes, counts=np.array([counts[one] for one in labels], int))
        days = _numbers(facts)
        if column.kind == "date" and len(days):
            return replace(seen, parts=varying_parts(days), first=math.floor(days[0]))
        return replace(seen, parts=PARTS)  # too many to be known here: see `medians`

    def _counts(self, slot: int) -> bool:
        """Whether a column counts the rows, from part to part."""
        spans = [head.counting[slot] for head in self.heads]
        if not all(spans):
            return False
        known = cast(list[tuple[float, float]], spans)
        return all(b[0] == a[1] + 1.0 for a, b in pairwise(known))

    def medians(self, treatment: Treatment) -> dict[int, float]:
        """Return the medians, by slot, of all columns used but text, in the train rows."""
        numbers = [slot for slot, use in treatment.used if use in {"number", "filled"}]
        medians = dict(zip(numbers, self._medians(numbers), strict=True))
        for slot, use in treatment.used:
            if use not in {"date", "time"}:
                continue
            if self.facts[slot].counts is None:
                words = (
                    f"holds more than {MOST_LABELS:,} different {use}s: leave it out with --drop"
                )
                raise wrong_column(self.shown, self.table.columns[slot].name, words)
            medians[slot] = _counted_median(self.facts[slot])
        return medians

    def _medians(self, slots: Sequence[int]) -> list[float]:
        """Return the medians of some columns in the train rows.

        Beyond `EXACT_MEDIAN` rows it is the middle of the bin that holds it, of `BINS` equal bins
        between the least and the largest value: off by (largest − least) / (2 · `BINS`) at most.
        """
        medians: list[float] = []
        if self.train <= EXACT_MEDIAN:
            size = max(1, EXACT_MEDIAN // self.train)
            for start in range(0, len(slots), size):
                some = slots[start : start + size]
                values = zip(*self.call(pieces.train_values, some), strict=True)
                medians += [float(np.median(np.concatenate(one))) for one in values]
            return medians
        for start in range(0, len(slots), SPANS):
            some = slots[start : start + SPANS]
            columns = [self.table.columns[slot] for slot in some]
            spans = [
                (slot, column.low, column.high if column.high > column.low else column.low + 1.0)
                for slot, column in zip(some, columns, strict=True)
            ]
            counts = np.sum(self.call(pieces.histograms, spans), axis=0)
            for (slot, low, high), own in zip(spans, counts, strict=True):
                place = int(np.searchsorted(np.cumsum(own), self.facts[slot].there / 2.0))
                medians.append(low + (place + 0.5) * (high - low) / pieces.BINS)
        return medians

    def problem(
        self,
        handles: list[Any],
        lengths: list[tuple[int, ...]],
        target: Target,
        names: tuple[str, ...],
    ) -> Problem:
        """Return the problem, with a sample of the rows and hints on the parts."""
        rows = sum(head.rows for head in self.heads)
        totals = np.sum(lengths, axis=0).tolist()
        classes = len(target.class_names)
        found = self._summaries(handles, lengths, classes, len(names))
        counts, moments, x, y = [], [], [], []
        for summaries in zip(*found, strict=True):
            counts.append(np.sum([one.counts for one in summaries], axis=0))
            moments.append(Moments.merged([one.moments for one in summaries]))
            x.append(np.concatenate([one.x for one in summaries]))
            y.append(np.concatenate([one.y for one in summaries]))
        if classes and (counts[TRAIN] > 0).sum() < 2:
            raise ProblemError(
                f"{self.shown}: all train rows ({self.train:,} of {rows:,}) are of class"
                f" {target.class_names[int(counts[TRAIN].argmax())]!r}; take another split seed"
            )
        tested = moments[TEST]
        parts = Parts(
            self.machines,
            handles,
            counts=tuple(own[TRAIN] for own in lengths),
            test_rows=totals[TEST],
            numbers=self.train * (len(names) + 1),
            digests=tuple(head.digest for head in self.heads),
            validation_rows=totals[VALIDATION],
            class_counts=tuple(counts[TRAIN].tolist()),
            test_counts=tuple(counts[TEST].tolist()),
            target_mean=0.0 if classes else float(moments[TRAIN].means[0]),
            test_moments=(0.0, 0.0)
            if classes
            else (float(tested.means[0]), float(tested.squares[0])),
        )
        number = f"{len(handles)} part{'s' * (len(handles) != 1)}"
        validation = f", {totals[VALIDATION]:,} validation rows" * bool(totals[VALIDATION])
        sample = f"{number}, {self.train:,} train rows{validation} and {totals[TEST]:,} test rows"
        if len(x[TRAIN]) < self.train:
            sample += f"; panels draw a sample of {len(x[TRAIN]):,} train rows"
        return Problem(
            name=self.shown,
            task=task_of(target.class_names),
            x_train=x[TRAIN],
            y_train=y[TRAIN],
            x_test=x[TEST],
            y_test=y[TEST],
            feature_names=names,
            class_names=target.class_names,
            target_name=target.name,
            hints=(sample, *self.machines.remarks),
            x_validation=x[VALIDATION],
            y_validation=y[VALIDATION],
            parts=parts,
        )

    def _summaries(
        self,
        handles: Sequence[Any],
        lengths: Sequence[tuple[int, ...]],
        classes: int,
        features: int,
    ) -> list[list[pieces.Summary]]:
        most = min(SAMPLE_ROWS, SAMPLE_NUMBERS // (features + 1) + 1)
        every = [max(1, -(-total // most)) for total in np.sum(lengths, axis=0).tolist()]
        items, passed = [], [0] * len(every)
        for handle, own in zip(handles, lengths, strict=True):
            first = [-done % step for done, step in zip(passed, every, strict=True)]
            items.append((handle, classes, every, first))
            passed = [done + length for done, length in zip(passed, own, strict=True)]
        return self.machines.call(pieces.summaries_of, items)


def _test_rows(shown: str, rows: int, how: Preparation) -> NDArray[Any]:
    """Return the numbers of the test rows, those of `train_test_split`, in half of its memory."""
    seed = check_split(shown, rows, how)
    kind = np.int32 if rows < 1 << 31 else np.int64
    order: NDArray[Any] = np.arange(rows, dtype=kind)
    np.random.RandomState(seed).shuffle(order)
    return order[: math.ceil(how.test_size * rows)]


def _merged_columns(heads: Sequence[Head], labels: Sequence[set[str] | None]) -> list[Column]:
    """Return the columns of all parts as one, with `labels`: `ProblemError` if kinds differ."""
    merged = []
    for slot, first in enumerate(heads[0].part.columns):
        found = [(head, head.part.columns[slot]) for head in heads]
        known = [(head, one) for head, one in found if one.missing < head.rows] or found
        one = replace(known[0][1])
        for head, other in known:
            alike = {"number", "yes/no"}
            if other.kind != one.kind and not {other.kind, one.kind} <= alike:
                words = (
                    f"holds {other.kind}, but {one.kind} in {known[0][0].part.shown}; make them the"
                    f" same, or read the column as text with {option('text', first.name)}"
                )
                raise wrong_column(head.part.shown, first.name, words, way(text=first.name))
            if other.kind != one.kind:
                one.kind = "number"
            if other.day_first != one.day_first:
                raise ProblemError(
                    f"{head.part.shown}: column {first.name!r} holds dates with the day first, but"
                    " elsewhere with the month first; write them as 2024-03-04"
                )
        every = [other for _, other in found]
        one.missing = sum(other.missing for other in every)
        one.many = any(other.many for other in every)
        one.low, one.high = min(c.low for c in every), max(c.high for c in every)
        one.fault = next((c.fault for c in every if c.fault), None)
        one.remark = next((c.remark for c in every if c.remark), "")
        one.many |= labels[slot] is None
        one.labels = () if one.many else tuple(sorted(labels[slot] or ()))
        merged.append(one)
    return merged


def _numbers(facts: Facts) -> Floats:
    """Return the different values of a column, sorted."""
    return np.array(sorted(facts.counts or ()), np.float64)


def _counted_median(facts: Facts) -> float:
    """Return the median of values that are counted."""
    values = _numbers(facts)
    ends = np.cumsum([(facts.counts or {})[one] for one in values.tolist()])
    middle = [(facts.there - 1) // 2, facts.there // 2]
    return float(values[np.searchsorted(ends, middle, side="right")].mean())
