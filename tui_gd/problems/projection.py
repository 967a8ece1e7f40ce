"""Projections of data with any number of features onto the plane."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.problems.problem import Problem

Floats = NDArray[np.float64]

BLOCK_ROWS = 8192
"""Train rows per block for the principal components."""


@dataclass(frozen=True, eq=False)
class Axis:
    """A feature (`feature` is its column) or a principal component (`feature` is None).

    `direction` (features,) has length 1.
    """

    label: str
    direction: Floats
    feature: int | None = None


@dataclass(frozen=True, eq=False)
class Projection:
    """Two axes through the mean of the train rows (features,): rows to points, and back.

    `project` turns rows into points, `lift` turns points into rows of the plane that the axes span
    through the mean; on that plane each inverts the other. A problem with one feature has one axis:
    the vertical one is then the target, labelled `target`.
    """

    axes: tuple[Axis, ...]
    mean: Floats
    target: str = ""

    @property
    def labels(self) -> tuple[str, str]:
        """The labels of the horizontal and the vertical axis."""
        return self.axes[0].label, self.target if self.uses_target else self.axes[1].label

    @property
    def uses_target(self) -> bool:
        """Whether the vertical axis is the target; `project` then needs it."""
        return len(self.axes) == 1

    def project(self, x: Floats, y: NDArray[np.generic] | None = None) -> Floats:
        """Return the points (rows, 2) of the rows `x` (rows, features + 1), ones last.

        The coordinate on a feature is its value, on a component v it is (x − mean)·v, on the
        target it is `y` (rows,): the true target, or a model's prediction for these rows.

        Raises `ValueError` if the vertical axis is the target and `y` is missing.
        """
        points = np.empty((len(x), 2))
        for column, axis in enumerate(self.axes):
            if axis.feature is not None:
                points[:, column] = x[:, axis.feature]
            else:
                points[:, column] = (x[:, :-1] - self.mean) @ axis.direction
        if self.uses_target:
            if y is None:
                raise ValueError("the vertical axis is the target: project(x, y) needs y")
            points[:, 1] = y
        return points

    def lift(self, points: Floats) -> Floats:
        """Return the rows (n, features + 1), ones last, of the plane's `points` (n, 2).

        For two features the row has the point's values, and the other features their mean; for two
        components it is mean + t₁·v₁ + t₂·v₂. In general it is the one point of mean + span(v₁, v₂)
        with these coordinates. A coordinate on the target is ignored.
        """
        rows = np.ones((len(points), len(self.mean) + 1))
        basis = np.array([axis.direction for axis in self.axes])
        # the mean's own coordinates: its value on a feature, 0 on a component
        origin = [0.0 if axis.feature is None else self.mean[axis.feature] for axis in self.axes]
        steps = np.linalg.solve(basis @ basis.T, (points[:, : len(self.axes)] - origin).T)
        rows[:, :-1] = self.mean + steps.T @ basis
        for column, axis in enumerate(self.axes):
            if axis.feature is not None:
                rows[:, axis.feature] = points[:, column]  # to the last bit
        return rows


def choose_projection(problem: Problem) -> Projection:
    """Return the projection of `problem` that its features suggest.

    One feature is drawn against the target, two features against each other, and more on the first
    two principal components of the train rows.
    """
    # data mapped from a file have no column of ones
    features = problem.x_train[:, : problem.features]
    mean = features.mean(axis=0, dtype=np.float64)
    if problem.features > 2:
        found = zip(*principal_components(features), strict=True)
        axes = [
            Axis(f"PC{number} ({_percent(float(share))})", direction)
            for number, (direction, share) in zip((1, 2), found, strict=False)
        ]
        return Projection(tuple(axes), mean)
    units = zip(problem.feature_names, np.eye(problem.features), strict=True)
    axes = [Axis(name, unit, column) for column, (name, unit) in enumerate(units)]
    return Projection(tuple(axes), mean, problem.target_name)


def principal_components(x: Floats) -> tuple[Floats, Floats]:
    """Return the components (n, features) and their shares of the variance (n,), largest first.

    With `x` (rows, features), without ones, centred as C = U·S·Vᵀ,
    the components are the rows of Vᵀ and the shares sᵢ² / Σs². The loading of largest magnitude
    is positive, of several equal ones the first. n is the smaller of rows + 2 and features, so
    that there are two even for one row.

    It works block by block: in the next decomposition S·Vᵀ replaces the blocks before (it has the
    same singular values and components), so that nothing as large as x is allocated.
    """
    mean = x.mean(axis=0, dtype=np.float64)
    done = np.zeros((2, x.shape[1]))
    for start in range(0, len(x), BLOCK_ROWS):
        block = x[start : start + BLOCK_ROWS] - mean
        _, singular, components = np.linalg.svd(np.vstack([done, block]), full_matrices=False)
        done = singular[:, np.newaxis] * components
    sizes = np.abs(components)
    # equal loadings differ by rounding: the first one close to the largest decides
    largest = (sizes >= sizes.max(axis=1, keepdims=True) * (1 - 1e-9)).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    variances = np.square(singular)
    total = float(variances.sum())
    return components * signs[:, np.newaxis], variances / total if total > 0 else variances


def _percent(share: float) -> str:
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{100 * share:.0f} %"
