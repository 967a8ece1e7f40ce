"""A problem: a data set split into train and test, with its names and its task."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.problems.machines import Parts
from tui_gd.problems.surfaces import Surface

DAY_FIRST = "day first"
Task = Literal["binary", "multiclass", "regression", "surface"]
Use = Literal["number", "missing", "text", "rare", "year", "month", "weekday", "days", "hour"]


@dataclass(frozen=True)
class FeatureRule:
    """One feature as a function of one column: (f(value) − mean) / scale.

    By `use`, f is the number, or `fill` where it is missing ("number"); 1 where the value is
    missing ("missing"), where it equals `text` ("text"), or where no other rule of the column gives
    1 ("rare"), and 0 elsewhere; of a date its year, its month from 1, its weekday from Monday, 0,
    or its days since 1970-01-01; of a time of day its hours since midnight ("hour"). `fill`, the
    median of the train rows, stands in for missing numbers, dates (in days) and times; it is None
    where no median is known. The `text` of dates is `DAY_FIRST` if 3/4/2024 is in April.
    """

    column: str
    use: Use
    fill: float | None = None
    text: str = ""
    mean: float = 0.0
    scale: float = 1.0


def as_they_are(names: Iterable[str]) -> tuple[FeatureRule, ...]:
    """Return the rules of features that are unchanged columns of numbers."""
    return tuple(FeatureRule(name, "number") for name in names)


def standardized(
    rules: tuple[FeatureRule, ...], means: NDArray[np.float64], scales: NDArray[np.float64]
) -> tuple[FeatureRule, ...]:
    """Return the rules with the means and scales (features,) of standardized features."""
    return tuple(
        replace(rule, mean=rule.mean + rule.scale * mean, scale=rule.scale * scale)
        for rule, mean, scale in zip(rules, means.tolist(), scales.tolist(), strict=True)
    )


@dataclass(frozen=True)
class ColumnNote:
    """What was found in a column of a table, what was done to it, and which features it became.

    `kind` is number, yes/no, text, date or nested; `found` and `done` are words.
    """

    name: str
    kind: str
    found: str
    done: str
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColumnLook:
    """What the first rows of a table show of a column.

    `values` counts the different values, None where nobody has counted; `example` is the first one.
    `left_out` and `fault` say why nothing is learned from the column unless a person decides
    otherwise: it is left out, or refused.
    """

    name: str
    kind: str = ""
    values: int | None = None
    gaps: int = 0
    example: str = ""
    left_out: str = ""
    fault: str = ""


@dataclass(frozen=True)
class FirstRows:
    """What the first `rows` of a table show: its columns, and remarks on how it is read.

    If these rows cannot be read, `rows` is 0 and only the names of the columns are known.
    """

    columns: tuple[ColumnLook, ...] = ()
    rows: int = 0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Problem:
    """A data set split into train and test, with feature and class names and a task.

    `x_train` and `x_test` have shape (rows, features + 1): the last column is all ones, so that
    the last row of a weight matrix is the bias. Data mapped from a file may have any number type
    and no ones, shape (rows, features): `rows` converts them. Wide data may be sparse matrices.

    `y_train` and `y_test` have shape (rows,): class numbers 0 … classes − 1 in the smallest signed
    integer type that holds them, or for regression the target itself in float64. `target_name`
    says what y is, as an axis label.

    Data that are read in `parts` stay there: `x_train` and the others are then a sample of their
    rows; `train_rows`, `validation_rows` and `test_rows` count all of them.

    `x_validation` and `y_validation` are rows of the same kind that are neither trained on nor
    tested on: they say which epoch is the best. There may be none.

    A problem of task `surface` is a function of the weights, `surface`; it has no rows.

    For a table, `about` has a note for every column, `hints` are sentences for the person who
    trains on it, and `rules` say how each feature is computed from a row of the table.
    """

    name: str
    task: Task
    x_train: NDArray[np.float64]
    y_train: NDArray[np.generic]
    x_test: NDArray[np.float64]
    y_test: NDArray[np.generic]
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()
    target_name: str = "y"
    surface: Surface | None = None
    about: tuple[ColumnNote, ...] = ()
    hints: tuple[str, ...] = ()
    rules: tuple[FeatureRule, ...] = ()
    x_validation: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 1)))
    y_validation: NDArray[np.generic] = field(default_factory=lambda: np.empty(0))
    parts: Parts | None = None

    @property
    def train_rows(self) -> int:
        """The number of train rows."""
        return self.parts.train_rows if self.parts else len(self.y_train)

    @property
    def test_rows(self) -> int:
        """The number of test rows."""
        return self.parts.test_rows if self.parts else len(self.y_test)

    @property
    def validation_rows(self) -> int:
        """The number of validation rows."""
        return self.parts.validation_rows if self.parts else len(self.y_validation)

    @property
    def sample(self) -> "Problem":
        """The problem of the rows at hand: those drawn of rows in parts, or else all."""
        return replace(self, parts=None)

    @property
    def sizes(self) -> str:
        """The numbers of train, validation and test rows in words."""
        validated = f"{self.validation_rows} validation rows, " if self.validation_rows else ""
        return f"{self.train_rows} train rows, {validated}{self.test_rows} test rows"

    @property
    def features(self) -> int:
        """The number of features, without the column of ones."""
        return len(self.feature_names)

    @property
    def is_sparse(self) -> bool:
        """Whether the rows are sparse matrices of scipy in compressed rows."""
        return hasattr(self.x_train, "indptr")

    @property
    def outputs(self) -> int:
        """The number of scores a model gives per row: one, or one per class if more than two."""
        return len(self.class_names) if self.task == "multiclass" else 1

    def close(self) -> None:
        """Give up rows in parts, and the machines that hold them."""
        if self.parts:
            self.parts.close()

    def check_dense(self) -> None:
        """Raise `ProblemError` for sparse rows, which panels cannot draw."""
        if self.is_sparse:
            raise ProblemError(
                f"{self.name}: {self.features:,} features stay sparse, and panels cannot draw them:"
                " use gd-tui run"
            )

    def rows(
        self, x: NDArray[np.generic], which: slice | NDArray[np.intp] | int
    ) -> NDArray[np.float64]:
        """Return some rows of one of its arrays in memory, in float64 with ones last.

        Of sparse data, one row is dense and several stay sparse.
        """
        if self.is_sparse:
            some = x[[which]].toarray()[0] if isinstance(which, int) else x[which]  # type: ignore[attr-defined]
            return cast(NDArray[np.float64], some)
        chosen = np.asarray(x[which], dtype=np.float64)
        if chosen.shape[-1] == self.features + 1:
            return chosen
        ready = np.ones((*chosen.shape[:-1], self.features + 1))
        ready[..., :-1] = chosen
        return ready


def task_of(class_names: tuple[str, ...]) -> Task:
    """Return the task: binary with two classes, multiclass with more, regression with none."""
    if not class_names:
        return "regression"
    return "binary" if len(class_names) == 2 else "multiclass"


def with_ones(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `x` (rows, features) with a column of ones last: (rows, features + 1)."""
    design = np.ones((x.shape[0], x.shape[1] + 1))
    design[:, :-1] = x
    return design


def surface_problem(surface: Surface) -> Problem:
    """Return the problem of descending on a surface: it has no rows, and weights for features.

    The last weight takes the place of the bias, so that a row of x, if there were one, would be as
    long as the weights of a lane.
    """
    weights = len(surface.names)
    return Problem(
        name=surface.name,
        task="surface",
        x_train=np.empty((0, weights)),
        y_train=np.empty(0),
        x_test=np.empty((0, weights)),
        y_test=np.empty(0),
        feature_names=surface.names[:-1],
        target_name="value",
        surface=surface,
    )
