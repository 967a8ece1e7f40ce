"""A problem: a data set split into train and test, with its names and its task."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, eq=False)
class Problem:
    """A data set split into train and test, with feature and class names and a task.

    `x_train` and `x_test` have shape (rows, features + 1): the last column is all ones, so that
    the last row of a weight matrix is the bias. `y_train` and `y_test` have shape (rows,): class
    numbers 0 … classes − 1 in the smallest signed integer type that holds them, or for regression
    the target itself in float64. `target_name` says what y is, as an axis label.
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

    @property
    def features(self) -> int:
        """The number of features, the column of ones not counted."""
        return int(self.x_train.shape[1]) - 1

    @property
    def outputs(self) -> int:
        """The number of scores a model gives per row: one, or one per class if more than two."""
        return len(self.class_names) if self.task == "multiclass" else 1


def with_ones(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `x` (rows, features) with a column of ones last: (rows, features + 1)."""
    design = np.ones((x.shape[0], x.shape[1] + 1))
    design[:, :-1] = x
    return design
