"""The engines of a run: on rows in memory, on a surface, and on rows that lie in parts.

Parts lie on disk or on the workers of a cluster. Each gives the sums of its own sections, and these
are added in the order of the parts. So the bits depend on how the rows are cut, not on which
machine computes a part or when it is ready.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.engine import (
    Engine,
    LocalEngine,
    Penalty,
    Sums,
    add_penalty,
    interrupting,
    sum_in_order,
)
from tui_gd.learning.losses import Floats, Loss, Targets, Value, make_loss
from tui_gd.learning.models import Model, make_start
from tui_gd.problems.machines import Half, Look, Parts, Rows
from tui_gd.problems.problem import Problem
from tui_gd.problems.surfaces import Surface


@dataclass(frozen=True, eq=False)
class SectionSums:
    """The task that a machine does with a part: `LocalEngine.section_sums` of one kind of rows.

    `class_factors` (classes,) multiply the losses of the rows of a class.
    """

    model: Model
    loss: str
    task: str
    dtype: np.dtype[Any]
    half: Half
    class_factors: Floats | None = None

    def __call__(self, part: Rows, weights: Floats, gradient: bool = True) -> tuple[Floats, Floats]:
        """Return losses (sections, lanes) and directions (sections, lanes, parameters)."""
        x, y = part.half(self.half)
        if not len(y):
            shape = (*weights.shape[:1], weights.shape[1] if gradient else 0)
            return np.zeros((0, len(weights))), np.zeros((0, *shape))
        engine = self.engine(x, y, threads=1)
        if part.wanted is not None:
            engine.between_blocks = interrupting(part.wanted)
        return engine.section_sums(weights, gradient=gradient)

    def engine(
        self,
        x: Floats,
        y: Targets,
        *,
        threads: int | None = None,
        penalty: Penalty | None = None,
        weight: float | None = None,
    ) -> LocalEngine:
        """Return an engine that computes with some rows as with a part of all.

        Each counts as `weight` rows, if that is given.
        """
        row_weights = None if self.class_factors is None else self.class_factors[y]
        if weight is not None:
            row_weights = weight * (np.ones(len(y)) if row_weights is None else row_weights)
        return LocalEngine(
            self.model,
            make_loss(self.loss, self.task, self.dtype),
            x,
            y,
            threads,
            penalty=penalty,
            row_weights=row_weights,
            dtype=self.dtype,
            part=True,
        )


class PartitionedEngine:
    """Loss and gradient on rows in parts; see `Engine`.

    The bits are those of a `LocalEngine` on the rows of all parts, in their order, if every part
    but the last has a multiple of `SECTION_ROWS` rows and the parts are more than one.
    """

    def __init__(
        self,
        model: Model,
        parts: Parts,
        work: SectionSums,
        *,
        penalty: Penalty | None = None,
        sample: tuple[Floats, Targets] | None = None,
    ) -> None:
        self.between_blocks: Look | None = None
        self.rule: Loss = make_loss(work.loss, work.task, work.dtype)
        self.penalty = penalty or Penalty()
        self._model, self._parts, self._work, self._sample = model, parts, work, sample
        counts = {
            "train": parts.train_rows,
            "validation": parts.validation_rows,
            "test": parts.test_rows,
        }
        n = float(counts[work.half])
        if work.class_factors is not None:
            n = float(np.dot(work.class_factors, parts.class_counts))
        self._scales = self.rule.loss_scale(max(n, 1e-300)), self.rule.grad_scale(max(n, 1e-300))

    def loss_and_grad(
        self, weights: Floats, rows: NDArray[np.intp] | None = None
    ) -> tuple[Floats, Floats]:
        """Return the loss (lanes,) and the direction of descent (lanes, parameters).

        Some `rows` are fetched, in their order, and computed with here: their bits are those of a
        `LocalEngine` that is given the same `rows`.
        """
        if rows is None:
            return self._sums(weights, gradient=True)
        x, y = self._parts.take(rows, self.between_blocks)
        engine = self._work.engine(x, y, penalty=self.penalty)
        engine.between_blocks = self.between_blocks
        return engine.loss_and_grad(weights, np.arange(len(y)))

    def loss(self, weights: Floats) -> Floats:
        """Return the loss (lanes,) alone, the same bits as `loss_and_grad` gives."""
        return self._sums(weights, gradient=False)[0]

    def sampled(self) -> LocalEngine:
        """Return an engine on the sample of the train rows; a sum is estimated for all rows."""
        assert self._sample is not None, "only train rows have a sample"
        x, y = self._sample
        return self._work.engine(
            x, y, penalty=self.penalty, weight=self._parts.train_rows / max(1, len(y))
        )

    def _sums(self, weights: Floats, *, gradient: bool) -> Sums:
        found = self._parts.each(self._work, weights, gradient, look=self.between_blocks)
        sections = [pair for losses, grads in found for pair in zip(losses, grads, strict=True)]
        losses, grads = zip(*sections, strict=True)
        loss, grad = sum_in_order(losses), sum_in_order(grads).astype(weights.dtype, copy=False)
        np.multiply(loss, self._scales[0], loss)
        np.multiply(grad, self._scales[1], grad)
        add_penalty(self.penalty, self._model, self.rule, weights, (loss, grad))
        return loss, grad


class SurfaceEngine:
    """Descent on a function f of one or two weights: `loss(w) = f(w)`, direction `∇f(w)`.

    There are no rows of data, so nothing calls `between_blocks`. Numbers are computed in double
    precision and returned in that of the weights.
    """

    def __init__(self, surface: Surface) -> None:
        self.rule: Loss = Value()
        self.between_blocks: Callable[[], None] | None = None
        self._surface = surface

    def loss_and_grad(
        self, weights: Floats, rows: NDArray[np.intp] | None = None
    ) -> tuple[Floats, Floats]:
        """Return the value (lanes,) and the gradient (lanes, parameters); `rows` is ignored."""
        del rows
        values, gradient = self._surface.value_and_gradient(weights)
        return _as(values, weights), _as(gradient, weights)

    def loss(self, weights: Floats) -> Floats:
        """Return the value (lanes,) alone, the same bits as `loss_and_grad` gives."""
        return _as(self._surface.value(weights), weights)


def _as(numbers: Floats, weights: Floats) -> Floats:
    with np.errstate(over="ignore"):  # in single precision, large numbers become inf
        return numbers.astype(weights.dtype, copy=False)


def model_of(problem: Problem, hidden: tuple[int, ...], activation: str) -> Model:
    """Return the model of a problem; for a surface, its weights are the coordinates."""
    if problem.surface:
        return Model(len(problem.surface.names) - 1, 1)
    return Model(problem.features, problem.outputs, hidden, activation)


def draw_start(
    problem: Problem, model: Model, name: str, seed: int, intercept: float = 0.0
) -> Floats:
    """Return a start (parameters,); on a surface, all but `zeros` are drawn within its limits."""
    if problem.surface and name != "zeros":
        return problem.surface.draw_start(seed)
    return make_start(name, seed, model, intercept)


@dataclass(eq=False)
class Engines:
    """The engines of a run: one per loss, for its training, its test and its validation rows.

    `penalty` and `row_weights` apply to the training rows only. Of rows in parts, `row_weights` are
    those of the classes (classes,).
    """

    problem: Problem
    model: Model
    _: KW_ONLY
    penalty: Penalty = field(default_factory=Penalty)
    row_weights: Floats | None = None
    threads: int | None = None
    dtype: np.dtype[Any]
    _between_blocks: Callable[[], None] | None = field(default=None, init=False)
    _kept: dict[tuple[Half, str], Engine] = field(default_factory=dict, init=False)

    def make(self, loss: str) -> Engine:
        """Return a new engine for the loss of that name on the training rows, for any thread."""
        return self._new("train", loss)

    def train(self, loss: str) -> Engine:
        """Return the trainer's engine for the loss of that name."""
        return self._own("train", loss)

    def test(self, loss: str) -> Engine:
        """Return the trainer's engine for that loss on the test rows, without penalty."""
        return self._own("test", loss)

    def validation(self, loss: str) -> Engine:
        """Return the trainer's engine for that loss on the validation rows, without penalty."""
        return self._own("validation", loss)

    def _own(self, half: Half, loss: str) -> Engine:
        if (half, loss) not in self._kept:
            engine = self._new(half, loss)
            engine.between_blocks = self._between_blocks
            self._kept[half, loss] = engine
        return self._kept[half, loss]

    def _new(self, half: Half, loss: str) -> Engine:
        problem, model, dtype, train = self.problem, self.model, self.dtype, half == "train"
        if problem.surface:
            return SurfaceEngine(problem.surface)
        penalty, row_weights = (self.penalty, self.row_weights) if train else (None, None)
        x, y = {
            "train": (problem.x_train, problem.y_train),
            "validation": (problem.x_validation, problem.y_validation),
            "test": (problem.x_test, problem.y_test),
        }[half]
        if problem.parts:
            work = SectionSums(model, loss, problem.task, dtype, half, row_weights)
            sample = (x, y) if train else None
            return PartitionedEngine(model, problem.parts, work, penalty=penalty, sample=sample)
        return LocalEngine(
            model,
            make_loss(loss, problem.task, dtype),
            x,
            y,
            self.threads,
            penalty=penalty,
            row_weights=row_weights,
            dtype=dtype,
        )

    @property
    def between_blocks(self) -> Callable[[], None] | None:
        """What all of the trainer's engines call between blocks of rows; see `Engine`."""
        return self._between_blocks

    @between_blocks.setter
    def between_blocks(self, hook: Callable[[], None] | None) -> None:
        self._between_blocks = hook
        for engine in self._kept.values():
            engine.between_blocks = hook
