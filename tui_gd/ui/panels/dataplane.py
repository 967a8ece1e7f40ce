"""The plane in which a problem is drawn: its axes, its limits, and as many rows as can be told."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.axes import Limits
from tui_gd.plots.decision import decision_limits
from tui_gd.problems import Problem
from tui_gd.problems.projection import Projection, choose_projection

# more points than this are not told apart in a terminal; every k-th row is drawn
POINTS = 4000


@dataclass(frozen=True, eq=False)
class DataPlane:
    """How a problem is drawn, with limits around train and test points alike."""

    problem: Problem
    projection: Projection
    limits: Limits

    @classmethod
    def of(cls, problem: Problem) -> "DataPlane":
        """Return the plane of `problem`, which has two features or more."""
        projection = choose_projection(problem)
        both = []
        for train in (True, False):
            x, y = half(problem, train=train)
            both.append(projection.project(problem.rows(x, slice(None, None, stride(y)))))
        return cls(problem, projection, decision_limits(np.vstack(both)))


def half(problem: Problem, *, train: bool) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Return X and y of the train rows, or of the test rows."""
    if train:
        return problem.x_train, problem.y_train
    return problem.x_test, problem.y_test


def stride(y: NDArray[np.generic]) -> int:
    """Return k such that every k-th of the rows is drawn: at most `POINTS` of them."""
    return max(1, -(-len(y) // POINTS))
