"""What a loss is: a block of scores in, the sum of the loss out, and its derivative."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np
from numpy import multiply, vecdot
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Targets = NDArray[np.generic]
Reduction = Literal["sum", "mean"]


class Loss(ABC):
    """One loss, for one kind of scores.

    `descent_factor` is the direction descent follows over the gradient of the loss: ½ for the
    tutorial's sum of squares, 1 for all others. `unit` says what the number means.
    """

    name: ClassVar[str]
    reduction: Reduction = "mean"
    descent_factor: float = 1.0
    unit: str = "mean over samples"

    @abstractmethod
    def rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        """Return the loss of every row (lanes, rows) and, with `gradient`, fill `delta`."""

    def block(
        self,
        scores: Floats,
        y: Targets,
        delta: Floats,
        spare: Floats,
        gradient: bool,
        weights: Floats | None = None,
    ) -> Floats:
        """Return the sum over the rows (lanes,), each times its weight, and fill `delta`."""
        losses = self.rows(scores, y, delta, spare, gradient)
        if weights is None:
            total: Floats = losses.sum(axis=1)
            return total
        if gradient:
            multiply(delta, weights if delta.ndim == 2 else weights[:, None], delta)
        weighted: Floats = vecdot(losses, weights)
        return weighted

    def loss_scale(self, n: float) -> float:
        """Return what sums over `n` rows are multiplied by to give the loss."""
        return 1.0 / n if self.reduction == "mean" else 1.0

    def grad_scale(self, n: float) -> float:
        """Return what sums of `xᵀ · delta` over `n` rows are multiplied by: the direction."""
        return self.loss_scale(n)


class SquaredError(Loss):
    """Squared error: `sum((f − y)²)` as `sse`, divided by the number of rows as `mse`.

    `delta` is half the derivative. `sse` follows that half, as the tutorial does; `mse` follows
    its whole gradient, `2/n`, as torch's MSELoss.
    """

    name = "sse"

    def __init__(self, reduction: Reduction) -> None:
        self.reduction = reduction
        if reduction == "sum":
            self.descent_factor, self.unit = 0.5, "summed over samples"

    def grad_scale(self, n: float) -> float:
        """Return 1 for `sse` and 2/n for `mse`."""
        return 2.0 / n if self.reduction == "mean" else 1.0


class Value(Loss):
    """The score itself: of a function of the weights, which has its value for its only score."""

    name = "value"
    reduction = "sum"
    unit = "value of the function"

    def rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        """Return the scores, whose slope is 1 everywhere."""
        del y, gradient
        delta[:] = 1.0
        spare[:] = scores
        return spare
