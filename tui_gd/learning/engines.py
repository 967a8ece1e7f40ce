"""The engines of a run: one for every loss that a lane descends on, on its train or test rows."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike

from tui_gd.learning.engine import Engine, LocalEngine, Penalty
from tui_gd.learning.losses import Targets, make_loss
from tui_gd.learning.models import Floats, Model
from tui_gd.learning.surface import SurfaceEngine, SurfaceLike


class TrainingData(Protocol):
    """What the trainer needs of a problem; see `tui_gd.problems.Problem` for shapes."""

    @property
    def task(self) -> str:
        """`binary`, `multiclass` or `regression`."""

    @property
    def x_train(self) -> Floats:
        """The training rows (rows, features + 1), ones last."""

    @property
    def y_train(self) -> Targets:
        """Their targets (rows,)."""

    @property
    def x_test(self) -> Floats:
        """The test rows, as the training rows."""

    @property
    def y_test(self) -> Targets:
        """Their targets (rows,)."""

    @property
    def surface(self) -> SurfaceLike | None:
        """The function of the weights that stands in for data, if one does."""

    @property
    def features(self) -> int:
        """The number of features, the column of ones not counted."""

    @property
    def outputs(self) -> int:
        """The number of scores a model gives per row."""

    def rows(self, x: Floats, which: slice) -> Floats:
        """Return some rows of `x` (rows, features + 1), ones last."""


def model_of(problem: TrainingData, hidden: tuple[int, ...], activation: str) -> Model:
    """Return the model of a problem; of a surface, one whose weights are the coordinates."""
    if problem.surface:
        return Model(len(problem.surface.names) - 1, 1)
    return Model(problem.features, problem.outputs, hidden, activation)


class Engines:
    """Makes engines by the names of their losses, and keeps those that the trainer uses.

    `penalty` and `row_weights` are for the train rows alone.
    """

    def __init__(
        self,
        problem: TrainingData,
        model: Model,
        *,
        penalty: Penalty,
        row_weights: Floats | None,
        threads: int | None,
        dtype: DTypeLike,
    ) -> None:
        self.penalty = penalty
        self._problem, self._model = problem, model
        self._row_weights, self._threads = row_weights, threads
        self._dtype = np.dtype(dtype)
        self._between_blocks: Callable[[], None] | None = None
        self._train: dict[str, Engine] = {}
        self._test: dict[str, Engine] = {}

    def make(self, loss: str) -> Engine:
        """Return an engine of its own for the loss of that name, for use on any thread."""
        problem = self._problem
        if problem.surface:
            return SurfaceEngine(problem.surface)
        return LocalEngine(
            self._model,
            make_loss(loss, problem.task, self._dtype),
            problem.x_train,
            problem.y_train,
            self._threads,
            penalty=self.penalty,
            row_weights=self._row_weights,
            dtype=self._dtype,
        )

    def train(self, loss: str) -> Engine:
        """Return the trainer's own engine for the loss of that name."""
        if loss not in self._train:
            self._train[loss] = self.make(loss)
            self._train[loss].between_blocks = self._between_blocks
        return self._train[loss]

    def test(self, loss: str) -> Engine:
        """Return the trainer's own engine for that loss on the test rows, without penalty."""
        if loss not in self._test:
            problem = self._problem
            rule = make_loss(loss, problem.task, self._dtype)
            engine = LocalEngine(
                self._model, rule, problem.x_test, problem.y_test, self._threads, dtype=self._dtype
            )
            engine.between_blocks = self._between_blocks
            self._test[loss] = engine
        return self._test[loss]

    @property
    def between_blocks(self) -> Callable[[], None] | None:
        """What all engines kept here call between blocks of rows; see `Engine`."""
        return self._between_blocks

    @between_blocks.setter
    def between_blocks(self, hook: Callable[[], None] | None) -> None:
        self._between_blocks = hook
        for engine in (*self._train.values(), *self._test.values()):
            engine.between_blocks = hook
