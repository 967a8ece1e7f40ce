"""Splitting into train and test rows, and standardizing by the train rows."""

import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.problems.problem import Problem, Task, as_they_are, standardized, with_ones
from tui_gd.problems.text import safe_text

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
# numbers moved at a time
BLOCK = 1 << 18
SEEDS = 2**32
"""Seeds are below this: what `train_test_split` and the generators of scikit-learn take."""


@dataclass(frozen=True)
class Preparation:
    """How a table is split and prepared: options of the command line."""

    test_size: float = 0.5
    split_seed: int = 42
    stratify: bool = False
    standardize: bool = False
    task: str | None = None
    dates: str = "features"


@dataclass(frozen=True, eq=False)
class DataSet:
    """Rows before the split: `x` (rows, features) without ones, `y` (rows,).

    With `class_names`, y holds class numbers 0 … classes − 1; without, the target of a regression.
    """

    x: NDArray[np.float64]
    y: NDArray[np.generic]
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()
    target_name: str = "y"

    @property
    def task(self) -> Task:
        """Binary with two classes, multiclass with more, regression with none."""
        if not self.class_names:
            return "regression"
        return "binary" if len(self.class_names) <= 2 else "multiclass"


def split(
    name: str, data: DataSet, test_size: float, *, split_seed: int = 42, standardize: bool = False
) -> Problem:
    """Split `data` as the tutorial does, and return the problem of that name.

    A column of ones comes last, then `train_test_split(test_size=…, random_state=split_seed)`, not
    stratified: ⌈test_size·rows⌉ rows are test rows. `standardize` gives every feature mean 0 and
    variance 1 over the train rows (`standardize_features`).

    Raises `ProblemError` if `test_size` is not between 0 and 1, if no row is left to train on, or
    if all train rows are of one class.
    """
    rows = len(data.y)
    split_seed = check_split(name, rows, test_size, split_seed)
    from sklearn.model_selection import train_test_split

    x_train, x_test, y_train, y_test = train_test_split(
        with_ones(data.x), data.y, test_size=test_size, random_state=split_seed
    )
    check_classes(name, y_train, data.class_names, rows)
    rules = as_they_are(data.feature_names, x_train)
    if standardize:
        rules = standardized(rules, *standardize_or_refuse(name, x_train, x_test))
    kind = class_type(len(data.class_names)) if data.class_names else np.dtype(np.float64)
    return Problem(
        name=name,
        task=data.task,
        x_train=x_train,
        y_train=y_train.astype(kind),
        x_test=x_test,
        y_test=y_test.astype(kind),
        feature_names=data.feature_names,
        class_names=data.class_names,
        target_name=data.target_name,
        rules=rules,
    )


def split_order(
    name: str, y: NDArray[np.generic], class_names: tuple[str, ...], how: Preparation
) -> tuple[int, Indices]:
    """Return the number of train rows, and the order that puts them before the test rows.

    The rows are those of `train_test_split(test_size=…, random_state=split_seed)`, with
    `stratify=y` if `how` says so. `ProblemError` if the rows cannot be split like this.
    """
    seed = check_split(name, len(y), how.test_size, how.split_seed)
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    if not how.stratify:
        splits = ShuffleSplit(1, test_size=how.test_size, random_state=seed).split(y)
    else:
        if not class_names:
            raise ProblemError(f"{name}: --stratify needs classes, and this is a regression")
        counts = np.bincount(y)
        if counts.min() < 2:
            rare = class_names[int(np.argmin(counts))]
            raise ProblemError(
                f"{name}: class {rare!r} has only one row, which --stratify cannot split: leave"
                " the row or the option out"
            )
        splits = StratifiedShuffleSplit(1, test_size=how.test_size, random_state=seed).split(y, y)
    try:
        train, test = next(splits)
    except ValueError as error:
        raise ProblemError(
            f"{name}: cannot be split like this: {safe_text(str(error), 200)}"
        ) from None
    return len(train), np.concatenate([train, test])


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


def check_split(name: str, rows: int, test_size: float, split_seed: int) -> int:
    """Return the seed; `ProblemError` for a split without train rows or a bad seed."""
    if not 0 < test_size < 1:
        raise ProblemError(f"{name}: test size {test_size} is not between 0 and 1; try 0.5")
    if rows - math.ceil(test_size * rows) < 1:
        raise ProblemError(
            f"{name}: test size {test_size} leaves none of {rows} rows to train on; "
            "make it smaller or take more rows"
        )
    return whole(name, "split seed", split_seed, 0, SEEDS - 1)


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


def standardize_or_refuse(
    name: str, x_train: NDArray[np.float64], x_test: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Do and return what `standardize_features` does; `ProblemError` if a square overflows."""
    try:
        with np.errstate(over="raise"):
            return standardize_features(x_train, x_test)
    except (OverflowError, FloatingPointError):
        raise ProblemError(
            f"{name}: the numbers are too large to standardize: scale them down"
        ) from None


def standardize_features(
    x_train: NDArray[np.float64], x_test: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standardize the features of both arrays (rows, features + 1) in place.

    x ← (x − mean) / √variance for every column but the last, mean and variance (divided by the
    number of rows) over the train rows alone, as scikit-learn's `StandardScaler` does it. A feature
    that is constant in train, rounding aside, is centred but not divided. It works on one column
    at a time, so that it allocates nothing as large as the data. Returns the means that it
    subtracted and the scales that it divided by, (features,) each.
    """
    features = x_train.shape[1] - 1
    means, scales = np.zeros(features), np.ones(features)
    rows, precision = len(x_train), float(np.finfo(np.float64).eps)
    for column in range(features):
        train, test = x_train[:, column], x_test[:, column]
        mean = float(train.mean())
        means[column] = mean
        train -= mean
        test -= mean
        left = float(train.mean())  # the rounding error of the mean
        variance = float(np.square(train).mean()) - left**2
        # StandardScaler's bound for "constant": the rounding error of a variance in two passes
        if variance > rows * precision * variance + (rows * mean * precision) ** 2:
            scale = math.sqrt(variance)
            train /= scale
            test /= scale
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
