"""Made-up problems and engines for tests."""

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.engine import LocalEngine
from tui_gd.learning.losses import POSSIBLE
from tui_gd.problems import Problem
from tui_gd.training.spans import KnownPoints
from tui_gd.training.trainer import Trainer

Floats = NDArray[np.float64]

# the losses of each task with rows of data
ON_DATA = {task: losses for task, losses in POSSIBLE.items() if task != "surface"}


def every(known: KnownPoints) -> Floats:
    """Return the values of all epochs [first, stop), NaN where they are not on record."""
    return known.between(known.first, known.stop)


def make_rows(rows: int, features: int = 2, seed: int = 0) -> tuple[Floats, NDArray[np.int8]]:
    """Return X (rows, features + 1), ones last, and inseparable classes y (rows,)."""
    rng = np.random.default_rng([seed, rows, features])
    x = np.ones((rows, features + 1))
    x[:, :-1] = rng.standard_normal((rows, features))
    y = (x[:, :-1].sum(axis=1) + rng.standard_normal(rows) > 0.3).astype(np.int8)
    y[:2] = 0, 1
    return x, y


def problem_of(
    x: Floats,
    y: NDArray[np.int8],
    x_test: Floats | None = None,
    y_test: NDArray[np.int8] | None = None,
) -> Problem:
    return Problem(
        name="made",
        task="binary",
        x_train=x,
        y_train=y,
        x_test=x[:7] if x_test is None else x_test,
        y_test=y[:7] if y_test is None else y_test,
        feature_names=tuple(f"x{i}" for i in range(x.shape[1] - 1)),
        class_names=("0", "1"),
    )


def make_problem(rows: int, features: int = 2, *, test_rows: int = 7, seed: int = 0) -> Problem:
    return problem_of(
        *make_rows(rows, features, seed), *make_rows(test_rows, features, seed + 1000)
    )


def make_engine(
    x: Floats, y: NDArray[np.int8], loss: str = "sse", threads: int | None = None
) -> LocalEngine:
    """Return the engine that a trainer uses on these rows."""
    engine = Trainer(problem_of(x, y), loss=loss, threads=threads, test_losses=False).engine
    assert isinstance(engine, LocalEngine)
    return engine
