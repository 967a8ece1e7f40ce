"""Descent on a function of the weights themselves: no rows of data, no model between."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.losses import Floats, Loss, Value


class SurfaceLike(Protocol):
    """What descent needs of a surface; see `tui_gd.problems.surfaces.Surface`."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the weights."""

    def draw_start(self, rng_seed: int, spread: float = 1.0) -> Floats:
        """Return a start (parameters,) within the limits."""

    def value(self, points: Floats) -> Floats:
        """Return the values (lanes,) at `points` (lanes, parameters)."""

    def value_and_gradient(self, points: Floats) -> tuple[Floats, Floats]:
        """Return values (lanes,) and gradients (lanes, parameters), a point's own bits each."""


class SurfaceEngine:
    """The value of a function of one or two weights as their loss, and its exact gradient.

    `loss(w) = f(w)`, direction of descent `∇f(w)`. A lane's result does not depend on the other
    lanes. It is computed in double precision and returned in the weights' own. There are no rows,
    so `between_blocks` is only kept for callers who look at it between two calls.
    """

    def __init__(self, surface: SurfaceLike) -> None:
        self.rule: Loss = Value()
        self.between_blocks: Callable[[], None] | None = None
        self._surface = surface

    def loss_and_grad(
        self, weights: Floats, rows: NDArray[np.intp] | None = None
    ) -> tuple[Floats, Floats]:
        """Return the value (lanes,) and the gradient (lanes, parameters); `rows` say nothing."""
        del rows
        values, gradient = self._surface.value_and_gradient(weights)
        return _as(values, weights), _as(gradient, weights)

    def loss(self, weights: Floats) -> Floats:
        """Return the value (lanes,) alone, the same bits as `loss_and_grad` gives."""
        return _as(self._surface.value(weights), weights)


def _as(numbers: Floats, weights: Floats) -> Floats:
    with np.errstate(over="ignore"):  # what single precision cannot hold is inf
        return numbers.astype(weights.dtype, copy=False)
