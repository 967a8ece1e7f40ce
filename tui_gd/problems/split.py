"""Splitting into train and test rows, and standardizing by the train rows."""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError, way
from tui_gd.problems.text import safe_text

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
# numbers moved at a time
BLOCK = 1 << 18
SEEDS = 2**32
"""Seeds are below this: what `train_test_split` and the generators of scikit-learn take."""


@dataclass(frozen=True)
class Preparation:
    """How a table is split and prepared: options of the command line.

    `validation_size` is the share, or from 1 on the number, of the train rows that become
    validation rows. With `fold`, (i, k), the test rows are part i, from 0, of k parts.
    """

    test_size: float = 0.5
    split_seed: int = 42
    stratify: bool = False
    standardize: bool = False
    task: str | None = None
    dates: str = "features"
    validation_size: float | None = None
    fold: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Split:
    """The rows (rows,) of a data set by their use, as places in it."""

    train: Indices
    validation: Indices
    test: Indices

    @property
    def order(self) -> Indices:
        """All rows: train, then validation, then test."""
        return np.concatenate([self.train, self.validation, self.test])


def split_rows(
    name: str,
    y: NDArray[np.generic],
    class_names: tuple[str, ...],
    how: Preparation,
    *,
    tested: bool = False,
) -> Split:
    """Return which rows are for training, validation and test.

    Test rows are those of `train_test_split(test_size=…, random_state=split_seed)`, with
    `stratify=y` if `how` says so; none where the data are `tested` on other rows. With `how.fold`
    they are a part of `KFold(k, shuffle=True, random_state=split_seed)`, of classes
    `StratifiedKFold`. Validation rows come from another `train_test_split` of the train rows, with
    `test_size=validation_size` and the same seed, stratified alike.

    `ProblemError` if the rows cannot be split like this.
    """
    how = replace(how, split_seed=whole(name, "split seed", how.split_seed, 0, SEEDS - 1))
    if how.stratify and not class_names:
        raise ProblemError(
            f"{name}: --stratify needs classes, and this is a regression", way(stratify=None)
        )
    train, test = np.arange(len(y)), np.empty(0, np.intp)
    if how.fold is not None:
        train, test = _fold(name, y, class_names, *how.fold, how.split_seed)
    elif not tested:
        check_split(name, len(y), how)
        train, test = _divided(name, y, class_names, how, how.test_size)
    validation = test[:0]
    if how.validation_size is not None:
        size, rows = how.validation_size, len(train)
        if size >= rows or (size < 1 and rows - math.ceil(size * rows) < 1):
            raise ProblemError(
                f"{name}: validation size {size:g} leaves none of {rows} train rows to train on;"
                " make it smaller"
            )
        kept, taken = _divided(name, y[train], class_names, how, size)
        train, validation = train[kept], train[taken]
    return Split(train, validation, test)


def _divided(
    name: str, y: NDArray[np.generic], class_names: tuple[str, ...], how: Preparation, size: float
) -> tuple[Indices, Indices]:
    """Return the two parts that `train_test_split` makes of rows, as places among them."""
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    kind = StratifiedShuffleSplit if how.stratify else ShuffleSplit
    if how.stratify:
        counts = np.bincount(y, minlength=len(class_names))
        if counts.min() < 2:
            rare = class_names[int(np.argmin(counts))]
            raise ProblemError(
                f"{name}: class {rare!r} has only one row, which --stratify cannot split: leave"
                " the row or the option out",
                way(stratify=None),
            )
    wanted = int(size) if size >= 1 else size
    try:
        splitter = kind(1, test_size=wanted, random_state=how.split_seed)
        first, second = next(splitter.split(y, y))
    except ValueError as error:
        raise ProblemError(
            f"{name}: cannot be split like this: {safe_text(str(error), 200)}"
        ) from None
    return first, second


def _fold(
    name: str,
    y: NDArray[np.generic],
    class_names: tuple[str, ...],
    part: int,
    folds: int,
    seed: int,
) -> tuple[Indices, Indices]:
    """Return the rows outside and inside a fold."""
    from sklearn.model_selection import KFold, StratifiedKFold

    least = int(np.bincount(y).min()) if class_names else len(y)
    if least < folds:
        what = f"{len(y)} rows"
        if class_names:
            what = f"the {least} rows of class {class_names[int(np.bincount(y).argmin())]!r}"
        raise ProblemError(f"{name}: {what} are too few for {folds} folds; take fewer folds")
    kind = StratifiedKFold if class_names else KFold
    train, test = list(kind(folds, shuffle=True, random_state=seed).split(y, y))[part]
    return train, test


def reorder(values: Floats, order: Indices) -> None:
    """Move row `order[i]` of `values` to place i, for all i, in place.

    A block of places at a time: their rows are fetched, and the rows that were there move to where
    the fetched ones came from. `at` has the row at every place, `place` the place of every row.
    """
    rows = len(order)
    kind = np.int32 if rows < 1 << 31 else np.int64
    at: NDArray[Any] = np.arange(rows, dtype=kind)
    place: NDArray[Any] = at.copy()
    step = max(1, BLOCK // values.shape[1])
    for start in range(0, rows, step):
        wanted = order[start : start + step]
        end = start + len(wanted)
        come_from = place[wanted]
        fetched = values[come_from]
        near = (come_from >= start) & (come_from < end)
        displaced = np.ones(end - start, dtype=bool)
        displaced[come_from[near] - start] = False
        leaving, free = np.flatnonzero(displaced) + start, come_from[~near]
        values[free] = values[leaving]
        at[free] = at[leaving]
        place[at[free]] = free
        values[start:end] = fetched
        at[start:end] = wanted
        place[wanted] = np.arange(start, end)


def check_split(name: str, rows: int, how: Preparation) -> int:
    """Return the seed; `ProblemError` for a split without train rows or a bad seed."""
    test_size = how.test_size
    if not 0 < test_size < 1:
        raise ProblemError(f"{name}: test size {test_size} is not between 0 and 1; try 0.5")
    if rows - math.ceil(test_size * rows) < 1:
        raise ProblemError(
            f"{name}: test size {test_size} leaves none of {rows} rows to train on; "
            "make it smaller or take more rows"
        )
    return whole(name, "split seed", how.split_seed, 0, SEEDS - 1)


def check_classes(
    name: str, y_train: NDArray[np.generic], class_names: tuple[str, ...], rows: int
) -> None:
    """Raise `ProblemError` if all train rows, of `rows` in all, are of one class."""
    if class_names and (y_train == y_train[0]).all():
        raise ProblemError(
            f"{name}: all train rows ({len(y_train)} of {rows}) are of class "
            f"{class_names[int(y_train[0])]!r}; take a smaller test size, more rows or "
            "another split seed"
        )


def standardize_features(name: str, x_train: Floats, *others: Floats) -> tuple[Floats, Floats]:
    """Standardize the features of all arrays (rows, features + 1) in place.

    x ← (x − mean) / √variance for every column but the last, mean and variance (divided by the
    number of rows) over the train rows alone, as scikit-learn's `StandardScaler` does it. A feature
    that is constant in train, rounding aside, is centred but not divided. It works on one column
    at a time, so that it allocates nothing as large as the data. Returns the means that it
    subtracted and the scales that it divided by, (features,) each.

    `ProblemError` if a square overflows.
    """
    try:
        with np.errstate(over="raise"):
            return _standardize(x_train, others)
    except (OverflowError, FloatingPointError):
        raise ProblemError(
            f"{name}: the numbers are too large to standardize: scale them down"
        ) from None


def _standardize(x_train: Floats, others: Sequence[Floats]) -> tuple[Floats, Floats]:
    features = x_train.shape[1] - 1
    means, scales = np.zeros(features), np.ones(features)
    count, precision = len(x_train), float(np.finfo(np.float64).eps)
    for column in range(features):
        train = x_train[:, column]
        every = [train, *(rows[:, column] for rows in others)]
        mean = float(train.mean())
        means[column] = mean
        for values in every:
            np.subtract(values, mean, out=values)
        left = float(train.mean())  # the rounding error of the mean
        variance = float(np.square(train).mean()) - left**2
        # StandardScaler's bound for "constant": the rounding error of a variance in two passes
        if variance > count * precision * variance + (count * mean * precision) ** 2:
            scale = math.sqrt(variance)
            for values in every:
                np.divide(values, scale, out=values)
            scales[column] = scale
    return means, scales


def whole(name: str, what: str, value: int, low: int, high: int) -> int:
    """Return `value` if it is a whole number from `low` to `high`; else `ProblemError`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = low - 1
    if not low <= number <= high:
        raise ProblemError(f"{name}: {what} {value!r} is not a whole number from {low} to {high}")
    return number


def class_type(classes: int) -> np.dtype[np.generic]:
    """Return the smallest signed integer type that holds 0 … classes − 1."""
    return np.min_scalar_type(-classes)
