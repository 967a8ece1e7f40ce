"""The problems that come with the program."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tui_gd.problems.problem import Problem, with_ones


@dataclass(frozen=True)
class Builtin:
    """A problem by name: a line about it, and how it is made for a share of test rows."""

    title: str
    make: Callable[[float], Problem]


def blobs(test_size: float = 0.5) -> Problem:
    """Return the tutorial's problem: two Gaussian blobs of 500 points each, in two features.

    `make_blobs(n_samples=1000, n_features=2, centers=2, cluster_std=1.5, random_state=1)`, a
    column of ones last, `train_test_split(test_size=…, random_state=42)`.
    """
    from sklearn.datasets import make_blobs
    from sklearn.model_selection import train_test_split

    x, y = make_blobs(n_samples=1000, n_features=2, centers=2, cluster_std=1.5, random_state=1)
    x_train, x_test, y_train, y_test = train_test_split(
        with_ones(x), y, test_size=test_size, random_state=42
    )
    return Problem(
        name="blobs",
        task="binary",
        x_train=x_train,
        y_train=y_train.astype(np.int8),
        x_test=x_test,
        y_test=y_test.astype(np.int8),
        feature_names=("x1", "x2"),
        class_names=("0", "1"),
    )


BUILTIN = {"blobs": Builtin("two blobs in two features, the tutorial's data (two classes)", blobs)}
