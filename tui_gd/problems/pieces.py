"""Pieces of files: how files are cut, and what is done with a piece where it lies."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.problems import input_file
from tui_gd.problems.columnar import Columnar
from tui_gd.problems.delimited import Arff, Delimited
from tui_gd.problems.features import features
from tui_gd.problems.files import source_of
from tui_gd.problems.input_file import STANDARD_INPUT, UNPACKED, Format, InputFile
from tui_gd.problems.machines import Half, Rows
from tui_gd.problems.prepare import MOST_CLASSES, Target, target_like
from tui_gd.problems.problem import FeatureRule
from tui_gd.problems.reading import Reading
from tui_gd.problems.sources import Column, Kind, Source
from tui_gd.problems.tables import MOST_LABELS, Floats, read_table

TEXT_BYTES = 32 << 20
"""A text file is cut into parts of about this many bytes."""
PART_NUMBERS = 4 << 20
"""Row groups form parts of about this many numbers."""
BINS = 1 << 14
"""The bins of a histogram."""
BLOCK_ROWS, BLOCK_NUMBERS = 1 << 16, 1 << 21
"""So many rows, and numbers, are turned into features at a time."""
ROWS_NUMBERS = 8 << 20
"""Rows that are ready for an engine form parts of at most about this many numbers."""
HALVES: tuple[Half, ...] = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
"""What a row is used for: its place in `HALVES`."""
Uses = NDArray[np.int8]


# How files are cut


@dataclass(frozen=True)
class Piece:
    """A part of the data: bytes, row groups or record batches `begin` to `end` of a file.

    All of it if `end` is None. Its rows are test rows only if `test`. `size` are the bytes of its
    numbers in memory; 0 if only reading can tell.
    """

    path: str
    form: Format
    begin: int = 0
    end: int | None = None
    test: bool = False
    size: int = 0


@dataclass(frozen=True)
class Recipe:
    """How pieces are read: the columns `names`, the target last; text tables as `kinds` say."""

    reading: Reading
    names: tuple[str, ...]
    kinds: tuple[tuple[str, Kind], ...]

    def open(self, piece: Piece) -> Source:
        """Return the source of a piece."""
        file = InputFile(piece.path, self.reading.encoding)
        source = source_of(file, piece.form, self.reading, dict(self.kinds))
        have = {one.name for one in source.fields}
        for name in self.names:
            if name not in have:
                raise ProblemError(
                    f"{source.shown}: has no column {name!r}, as the first file has; add it"
                )
        if piece.begin or piece.end is not None:
            assert isinstance(source, Delimited | Columnar)
            source.only(piece.begin, piece.end)
        return source

    def name_of(self, piece: Piece) -> str:
        """Return a name for a piece of a text, which changes with the file and how it is read.

        Empty for a piece that is read fast or cannot be read twice.
        """
        if piece.form in {"parquet", "feather"} or piece.path == STANDARD_INPUT:
            return ""
        found = os.stat(piece.path)
        known = (os.path.abspath(piece.path), found.st_size, found.st_mtime_ns, piece, self)
        return hashlib.sha256(f"{version('gd-tui')} {known}".encode()).hexdigest()[:32]


def pieces_of(path: str, form: Format, source: Source, test: bool) -> list[Piece]:
    """Cut a file: text at lines, Parquet at row groups, Feather at record batches."""
    file = InputFile(path, source.reading.encoding)
    as_it_is = not file.is_packed and path != STANDARD_INPUT
    cuts, sizes = [0], [file.size * (UNPACKED if file.is_packed else 1)]
    if isinstance(source, Columnar):
        rows, width, held = source.group_rows, max(1, len(source.fields)), 0
        for group, count in enumerate(rows):
            if held and (held + count) * width > PART_NUMBERS:
                cuts.append(group)
                held = 0
            held += max(count, PART_NUMBERS // width // 8 if form == "feather" else 1)
        cuts.append(len(rows))
        sizes = [8 * width * sum(rows[a:b]) for a, b in pairwise(cuts)]
    elif (
        isinstance(source, Delimited)
        and not isinstance(source, Arff)
        and as_it_is
        and file.text_encoding() is None
    ):
        # not those of comments alone: every piece needs rows
        for chunk in source.chunks():
            if chunk.offset - cuts[-1] >= TEXT_BYTES and chunk.offset > source.begins:
                cuts.append(chunk.offset)
        # a footer must not begin in the piece before
        if source.reading.skip_footer and len(cuts) > 1 and file.size - cuts[-1] < input_file.CHUNK:
            cuts.pop()
        cuts.append(file.size)
        sizes = [min(TEXT_BYTES, file.size)] * (len(cuts) - 1)
    if len(sizes) == 1:
        return [Piece(path, form, test=test, size=sizes[0])]
    return [
        Piece(path, form, *ends, test, size)
        for ends, size in zip(pairwise(cuts), sizes, strict=True)
    ]


# What is done with a piece, on the machine that holds it


@dataclass(frozen=True, eq=False)
class RawPart:
    """The columns of a piece as they are in the file: `values` (rows, columns), the target last.

    `kinds` are those that its source found in it.
    """

    shown: str
    values: Floats
    columns: tuple[Column, ...]
    kinds: tuple[tuple[str, Kind], ...]
    remarks: tuple[str, ...]

    def rest_as_text(self) -> str:
        """Return everything but the values, as JSON."""
        columns = [{**vars(one), "_codes": {}} for one in self.columns]
        return json.dumps([self.shown, columns, self.kinds, self.remarks])

    @classmethod
    def from_text(cls, text: str) -> "RawPart":
        """Return a part without values from its rest."""
        shown, columns, kinds, remarks = json.loads(text)
        made = tuple(Column(**one) for one in columns)
        for column in made:
            column.labels = tuple(column.labels)
        pairs = tuple((name, kind) for name, kind in kinds)
        return cls(shown, np.empty((0, len(made))), made, pairs, tuple(remarks))


def read_piece(piece: Piece, recipe: Recipe, most: int | None = None) -> RawPart:
    """Read a piece; `ProblemError` if its numbers need more than `most` bytes."""
    source = recipe.open(piece)
    table = read_table(source, recipe.names, recipe.names[-1], most=most)
    kinds = tuple((one.name, one.kind) for one in source.fields)
    return RawPart(source.shown, table.values, tuple(table.columns), kinds, table.remarks)


@dataclass(frozen=True, eq=False)
class Head:
    """What is known of a part as soon as it is read: all but its rows, their number and digest."""

    part: RawPart
    rows: int
    digest: str
    counting: tuple[tuple[float, float] | None, ...]
    """First and last value of columns that count the rows of the part, else None."""


def head_of(raw: RawPart) -> Head:
    """Describe a part."""
    digest = hashlib.sha256(np.ascontiguousarray(raw.values).data)
    digest.update(repr([(one.name, one.kind, one.labels) for one in raw.columns]).encode())
    rows = len(raw.values)
    counting: list[tuple[float, float] | None] = []
    for column, values in zip(raw.columns, raw.values.T, strict=True):
        number = column.kind == "number" and not column.missing and rows
        counts = number and bool((np.diff(values) == 1.0).all())
        counting.append((float(values[0]), float(values[-1])) if counts else None)
    bare = replace(raw, values=raw.values[:0].copy())
    return Head(bare, rows, digest.hexdigest(), tuple(counting))


@dataclass(eq=False)
class Facts:
    """What is known of a column: `there` counts its values in the train rows.

    `counts` say how often each of them occurs there, of text, dates and times of day; None if they
    are too many.
    """

    there: int = 0
    counts: Counter[Any] | None = field(default_factory=Counter)

    def merge(self, other: "Facts") -> None:
        """Add the facts of the next part."""
        self.there += other.there
        if self.counts is not None and other.counts is not None:
            self.counts.update(other.counts)
        if self.counts is None or other.counts is None or len(self.counts) > MOST_LABELS:
            self.counts = None


def facts_of(raw: RawPart, uses: Uses) -> list[Facts]:
    """Return facts on all columns but the last, by the train rows among `uses` (rows,)."""
    found = []
    for column, values in zip(raw.columns[:-1], raw.values.T, strict=False):
        known = values[(uses == TRAIN) & ~np.isnan(values)]
        facts = Facts(len(known))
        if column.kind in {"text", "date", "time"} and not column.many:
            kinds, counts = np.unique(known, return_counts=True)
            if len(kinds) > MOST_LABELS:
                facts.counts = None
            else:
                named: list[Any] = kinds.tolist()
                if column.kind == "text":
                    named = [column.labels[int(code)] for code in kinds]
                facts.counts = Counter(dict(zip(named, counts.tolist(), strict=True)))
        found.append(facts)
    return found


def target_values(raw: RawPart) -> set[Any]:
    """Return the different values of the target, or a few more than classes may have."""
    column, values = raw.columns[-1], raw.values[:, -1]
    if column.kind == "text":
        return set(column.labels)
    return set(np.unique(values)[: MOST_CLASSES + 1].tolist())


def class_numbers(raw: RawPart, target: Target) -> NDArray[np.generic]:
    """Return the class numbers (rows,) of all rows."""
    return target_like(raw.shown, raw.columns[-1], raw.values[:, -1], target)


def train_values(raw: RawPart, uses: Uses, slots: Sequence[int]) -> list[Floats]:
    """Return the values of some columns in the train rows that are not missing."""
    found = [raw.values[uses == TRAIN, slot] for slot in slots]
    return [values[~np.isnan(values)] for values in found]


def histograms(
    raw: RawPart, uses: Uses, spans: Sequence[tuple[int, float, float]]
) -> NDArray[np.intp]:
    """Count (spans, bins) values in the train rows; a span is a slot, and from where to where."""
    slots = [slot for slot, _, _ in spans]
    return np.array([
        np.histogram(values, BINS, (low, high))[0]
        for values, (_, low, high) in zip(train_values(raw, uses, slots), spans, strict=True)
    ])  # fmt: skip


def _features(raw: RawPart, rules: tuple[FeatureRule, ...], rows: Any) -> Floats:
    """Return features (rows, rules + 1) of some rows, ones last."""
    named = {rule.column for rule in rules}
    slots = [slot for slot, column in enumerate(raw.columns) if column.name in named]
    chosen, columns = raw.values[rows], [raw.columns[slot] for slot in slots]
    return features(rules, columns, [chosen[:, slot] for slot in slots])


@dataclass(eq=False)
class Moments:
    """Count, means (features,) and sums of squares about them, of numbers in any order of parts.

    Two parts merge by Chan, Golub and LeVeque's formula: with δ = m₂ − m₁ and n = n₁ + n₂ the mean
    is m₁ + δ·n₂/n and the sum of squares S₁ + S₂ + δ²·n₁·n₂/n (The American Statistician 37, 1983).
    """

    count: int
    means: Floats
    squares: Floats

    @classmethod
    def of(cls, x: Floats) -> "Moments":
        """Return those of the rows of `x` (rows, features)."""
        if not len(x):
            return cls(0, np.zeros(x.shape[1]), np.zeros(x.shape[1]))
        means = x.mean(axis=0)
        about = x - means
        return cls(len(x), means + about.mean(axis=0), np.einsum("ij,ij->j", about, about))

    @classmethod
    def merged(cls, found: "Sequence[Moments]") -> "Moments":
        """Return those of all parts."""
        total = cls(0, np.zeros_like(found[0].means), np.zeros_like(found[0].means))
        for one in found:
            total.merge(one)
        return total

    def merge(self, other: "Moments") -> None:
        """Add those of the next part."""
        if not other.count:
            return
        count = self.count + other.count
        apart = other.means - self.means
        self.means = self.means + apart * (other.count / count)
        self.squares = (
            self.squares + other.squares + apart**2 * (self.count * (other.count / count))
        )
        self.count = count

    def scales(self) -> tuple[Floats, Floats]:
        """Return what standardizing subtracts and divides by; 1 for features that are constant."""
        precision = float(np.finfo(np.float64).eps)
        variance = self.squares / max(1, self.count)
        # the bound of `standardize_features`
        bound = self.count * precision * variance + (self.count * self.means * precision) ** 2
        return self.means, np.where(variance > bound, np.sqrt(variance), 1.0)


def moments_of(raw: RawPart, uses: Uses, rules: tuple[FeatureRule, ...]) -> Moments:
    """Return the moments of the features of the train rows."""
    total = Moments.of(np.empty((0, len(rules))))
    for some in _blocks(np.flatnonzero(uses == TRAIN), len(rules)):
        total.merge(Moments.of(_features(raw, rules, some)[:, :-1]))
    return total


def _blocks(rows: NDArray[np.intp], features: int) -> Iterator[NDArray[np.intp]]:
    step = max(1, min(BLOCK_ROWS, BLOCK_NUMBERS // (features + 1)))
    return (rows[start : start + step] for start in range(0, len(rows), step))


def shares_of(rows: int, features: int) -> list[tuple[int, int]]:
    """Cut the rows of a piece evenly into shares of about `ROWS_NUMBERS` numbers at most."""
    shares = max(1, min(rows, -(-rows * (features + 1) // ROWS_NUMBERS)))
    ends = [rows * share // shares for share in range(shares + 1)]
    return list(pairwise(ends))


def rows_of(
    raw: RawPart,
    uses: Uses,
    rules: tuple[FeatureRule, ...],
    target: Target,
    share: tuple[int, int],
) -> Rows:
    """Return a share of the rows of a part for an engine: by their use, then as in the file.

    `uses` (rows,) are those of the share.
    """
    order = np.argsort(uses, kind="stable")
    x, end = np.empty((len(order), len(rules) + 1)), 0
    for some in _blocks(order + share[0], len(rules)):
        x[end : end + len(some)] = _features(raw, rules, some)
        end += len(some)
    own = raw.values[slice(*share), -1]
    y = target_like(raw.shown, raw.columns[-1], own, target)[order]
    counts = np.bincount(uses, minlength=3).tolist()
    return Rows(x, np.ascontiguousarray(y), counts[TRAIN], counts[VALIDATION])


@dataclass(frozen=True, eq=False)
class Summary:
    """The targets of a part's rows of one use in numbers, and a sample of the rows."""

    counts: NDArray[np.intp]
    moments: Moments
    x: Floats
    y: NDArray[np.generic]


def summaries_of(
    rows: Rows, classes: int, every: Sequence[int], first: Sequence[int]
) -> list[Summary]:
    """Summarize the rows of a part by their use; every k-th row from the `first` on is taken."""
    found = []
    for half, step, start in zip(HALVES, every, first, strict=True):
        x, y = rows.half(half)
        counts = np.bincount(y.astype(np.intp), minlength=classes) if classes else np.zeros(0, int)
        moments = Moments.of(np.asarray(y, np.float64)[:, None] if not classes else x[:0, :1])
        found.append(Summary(counts, moments, x[start::step].copy(), y[start::step].copy()))
    return found
