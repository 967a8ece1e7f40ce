"""What changed between two sets of weights: predictions of the test rows, and measures of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats, Predictor
from tui_gd.problems import Problem
from tui_gd.session.report import measures_of
from tui_gd.training.descent import length

BLOCK_ROWS = 8192
LISTED = 10_000
"""The most rows that are listed; the counts include all."""
MEASURES = ("precision", "recall", "f1-score")
ERRORS = ("R²", "mean absolute error", "root mean squared error")


@dataclass(frozen=True, eq=False)
class Flips:
    """Test rows whose predicted class changed: row numbers from 0 and class numbers, (n,) each.

    Broken ones first, then wrong to wrong, then fixed, each in the order of the data; at most
    `LISTED`.
    """

    rows: NDArray[np.intp]
    before: NDArray[np.intp]
    after: NDArray[np.intp]
    true: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ClassificationChanges:
    """How the predicted classes of the test rows changed.

    `fixed` became right, `broken` became wrong, `other` went from wrong to wrong; `flipped` is
    their sum, `rows` the number of test rows. `before` and `after` (classes, 3) are precision,
    recall and F1 of each class, `support` (classes,) its rows; `accuracy` is before, after.
    `confusion` (classes, classes) is counts after − counts before, rows true, columns predicted.
    """

    rows: int
    fixed: int
    broken: int
    other: int
    flips: Flips
    before: Floats
    after: Floats
    support: NDArray[np.intp]
    accuracy: tuple[float, float]
    confusion: NDArray[np.intp]

    @property
    def flipped(self) -> int:
        """How many rows have another predicted class."""
        return self.fixed + self.broken + self.other


@dataclass(frozen=True, eq=False)
class RegressionChanges:
    """How the predictions of the test rows changed.

    `listed` (n,) are at most `LISTED` row numbers, from 0, in falling order of
    ||after − y| − |before − y||; `true`, `before` and `after` (n,) belong to them. Of `rows` test
    rows `nearer` have a smaller error than before and `farther` a larger one. `measures_before` and
    `measures_after` (3,) are those of `ERRORS`, NaN where a prediction is not finite; R² is NaN
    also for fewer than two rows.
    """

    rows: int
    nearer: int
    farther: int
    listed: NDArray[np.intp]
    true: Floats
    before: Floats
    after: Floats
    measures_before: Floats
    measures_after: Floats


@dataclass(frozen=True, eq=False)
class SurfaceChanges:
    """How far the weights moved on a surface, `distance` = ‖after − before‖, and the values."""

    before: Floats
    after: Floats
    distance: float
    value_before: float
    value_after: float


Changes = ClassificationChanges | RegressionChanges | SurfaceChanges


def compare(
    problem: Problem,
    predictor: Predictor,
    before: Floats,
    after: Floats,
    between_blocks: Callable[[], None] | None = None,
) -> Changes:
    """Return what changed on the test rows from the weights `before` to `after` (parameters,).

    On a surface: what changed between the two points. `between_blocks` is called before every
    `BLOCK_ROWS` rows; what it raises gives the comparison up.
    """
    if problem.surface is not None:
        points = np.stack([before, after]).astype(np.float64)
        values = problem.surface.value(points)
        with np.errstate(all="ignore"):
            distance = length(points[1] - points[0])
        return SurfaceChanges(points[0], points[1], distance, float(values[0]), float(values[1]))
    rows, regression = len(problem.y_test), problem.task == "regression"
    dtype = np.dtype(np.float64) if regression else problem.y_test.dtype
    predicted = np.empty((2, rows), dtype)
    for start in range(0, rows, BLOCK_ROWS):
        if between_blocks is not None:
            between_blocks()
        block = slice(start, start + BLOCK_ROWS)
        x = problem.rows(problem.x_test, block)
        for weights, out in zip((before, after), predicted, strict=True):
            predict = predictor.scores if regression else predictor.predict
            out[block] = predict(weights, x)
    if regression:
        return _regression(problem.y_test.astype(np.float64), predicted[0], predicted[1])
    return _classification(problem.y_test, predicted[0], predicted[1], len(problem.class_names))


def _classification(
    true: NDArray[np.generic],
    before: NDArray[np.generic],
    after: NDArray[np.generic],
    classes: int,
) -> ClassificationChanges:
    right, became_right = before == true, after == true
    broken, other, fixed = (
        np.flatnonzero(which)
        for which in (
            right & ~became_right,
            ~right & ~became_right & (before != after),
            ~right & became_right,
        )
    )
    listed = np.concatenate([broken, other, fixed])[:LISTED]
    cells = [true.astype(np.intp) * classes + said.astype(np.intp) for said in (before, after)]
    counts = [np.bincount(one, minlength=classes**2).reshape(classes, classes) for one in cells]
    return ClassificationChanges(
        rows=len(true),
        fixed=len(fixed),
        broken=len(broken),
        other=len(other),
        flips=Flips(listed, *(part[listed].astype(np.intp) for part in (before, after, true))),
        before=measures_of(counts[0]),
        after=measures_of(counts[1]),
        support=counts[0].sum(axis=1),
        accuracy=(float(right.mean()), float(became_right.mean())),
        confusion=counts[1] - counts[0],
    )


def _regression(true: Floats, before: Floats, after: Floats) -> RegressionChanges:
    with np.errstate(all="ignore"):
        # a prediction that is not finite has the largest error
        errors = np.nan_to_num(np.abs(np.stack([before, after]) - true), nan=np.inf, posinf=np.inf)
        grown = np.nan_to_num(errors[1] - errors[0], nan=0.0, posinf=np.inf, neginf=-np.inf)
    size = np.abs(grown)
    order = np.argsort(-size, kind="stable")
    listed = order[size[order] > 0][:LISTED]
    return RegressionChanges(
        rows=len(true),
        nearer=int((grown < 0).sum()),
        farther=int((grown > 0).sum()),
        listed=listed,
        true=true[listed],
        before=before[listed],
        after=after[listed],
        measures_before=_measures(true, before),
        measures_after=_measures(true, after),
    )


def _measures(true: Floats, predicted: Floats) -> Floats:
    """Return R², mean absolute error and root of the mean squared error."""
    from sklearn import metrics

    if not np.isfinite(predicted).all():
        return np.full(len(ERRORS), np.nan)
    with np.errstate(all="ignore"):
        return np.array(
            [
                metrics.r2_score(true, predicted) if len(true) > 1 else np.nan,
                metrics.mean_absolute_error(true, predicted),
                metrics.root_mean_squared_error(true, predicted),
            ]
        )
