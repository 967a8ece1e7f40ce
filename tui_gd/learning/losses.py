"""Losses with their derivatives, in numerically safe forms, a block of rows at a time.

A loss turns the scores s of a block into a sum per lane and into the derivative δ that descent
follows. The buffers `scores`, `delta` and `spare` are (lanes, rows), with several outputs (lanes,
rows, outputs); all three may be overwritten. `y` is (rows,): class numbers, or the target. Lanes
with rows of their own have `y`, and weights of rows, of shape (lanes, rows). A lane's sum runs over
its own rows in order, so its bits do not depend on other lanes.

A mean is divided by the number of rows once, after all blocks: see `loss_scale`, `grad_scale`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
from numpy import add, divide, exp, minimum, multiply, negative, subtract, vecdot
from numpy.typing import DTypeLike, NDArray

Floats = NDArray[np.float64]
Targets = NDArray[np.generic]
Reduction = Literal["sum", "mean"]


class Loss(ABC):
    """One loss, for one kind of scores.

    Descent follows `descent_factor` times the gradient of the loss: ½ for the tutorial's sum of
    squares, 1 for all others. `unit` says what the number means.
    """

    name: ClassVar[str]
    reduction: Reduction = "mean"
    descent_factor: float = 1.0
    unit: str = "mean over samples"

    @abstractmethod
    def _rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        """Return the loss of every row (lanes, rows); with `gradient`, fill `delta`."""

    def block(
        self,
        scores: Floats,
        y: Targets,
        delta: Floats,
        spare: Floats,
        gradient: bool,
        weights: Floats | None = None,
    ) -> Floats:
        """Return the weighted sum over the rows (lanes,); with `gradient`, fill `delta`."""
        losses = self._rows(scores, y, delta, spare, gradient)
        if weights is None:
            total: Floats = losses.sum(axis=1)
            return total
        if gradient:
            multiply(delta, weights if delta.ndim == 2 else weights[..., None], delta)
        weighted: Floats = vecdot(losses, weights)
        return weighted

    def loss_scale(self, n: float) -> float:
        """Return the factor from a sum over `n` rows to the loss."""
        return 1.0 / n if self.reduction == "mean" else 1.0

    def grad_scale(self, n: float) -> float:
        """Return the factor from the sum `xᵀ · delta` over `n` rows to the direction."""
        return self.loss_scale(n)


class SquaredError(Loss):
    """Squared error: `sum((f − y)²)` is `sse`, the mean over the rows is `mse`.

    `delta` is half the derivative. `sse` descends along that half, as the tutorial does; `mse`
    along its full gradient, with the factor 2/n, as torch.nn.MSELoss.
    """

    name = "sse"
    reduction: Reduction
    descent_factor: float
    unit: str

    def __init__(self, reduction: Reduction) -> None:
        self.reduction = reduction
        if reduction == "sum":
            self.descent_factor, self.unit = 0.5, "summed over samples"

    def grad_scale(self, n: float) -> float:
        """Return 1 for `sse` and 2/n for `mse`."""
        return 2.0 / n if self.reduction == "mean" else 1.0


class Value(Loss):
    """The score itself, for a function of the weights whose value is the only score."""

    name = "value"
    reduction: Reduction = "sum"
    unit = "value of the function"

    def _rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        del y, gradient
        delta[:] = 1.0
        spare[:] = scores
        return spare


# Two classes


class Sigmoid:
    """`p = 1 / (1 + exp(−z))`, without overflow."""

    one: NDArray[Any]

    def __init__(self, dtype: DTypeLike) -> None:
        # an array, because converting a Python number at every call takes a tenth of the time
        self.one = np.array(1.0, dtype)
        # beyond this, p is 0 to 300 digits (float32: 37), and 1 / exp(…) would be subnormal: with
        # such numbers products take a hundred cycles, and a saturated lane four times as long
        self._largest = np.array(700.0 if self.one.dtype == np.float64 else 87.0, dtype)

    def __call__(self, z: Floats, out: Floats) -> Floats:
        """Write the sigmoid of `z` into `out`, which may be `z` itself."""
        negative(z, out)
        minimum(out, self._largest, out=out)
        return self.complement(out, out)

    def complement(self, z: Floats, out: Floats) -> Floats:
        """Write `1 / (1 + exp(z))` into `out`, which may be `z` itself.

        It is 0 where exp overflows, so callers silence numpy's warning: a limit of `z` would take a
        tenth of an epoch.
        """
        exp(z, out)
        add(out, self.one, out)
        divide(self.one, out, out)  # numpy's reciprocal is half as fast
        return out


class SigmoidSquaredError(SquaredError):
    """Squared error of one sigmoid unit: `(p − y)²`, `delta = (p − y) · p · (1 − p)`.

    Computed from `q = 1 / (1 + exp(s))` and `p = 1 − q`, which is one operation less than p first.
    Source: the tutorial's script (pyimagesearch, "Gradient descent with Python").
    """

    def __init__(self, reduction: Reduction, dtype: DTypeLike = np.float64) -> None:
        super().__init__(reduction)
        self._sigmoid = Sigmoid(dtype)

    def block(
        self,
        scores: Floats,
        y: Targets,
        delta: Floats,
        spare: Floats,
        gradient: bool,
        weights: Floats | None = None,
    ) -> Floats:
        """Return the sum per lane, without row weights as one scalar product."""
        if weights is not None:
            return super().block(scores, y, delta, spare, gradient, weights)
        self._errors(scores, y, delta, gradient)
        loss: Floats = vecdot(delta, delta)
        if gradient:
            multiply(delta, scores, delta)
        return loss

    def _errors(self, scores: Floats, y: Targets, delta: Floats, gradient: bool) -> None:
        """Write p − y into `delta` and, with `gradient`, p · (1 − p) into `scores`."""
        # two buffers instead of three, for the cache
        q = self._sigmoid.complement(scores, scores)
        subtract(self._sigmoid.one, q, delta)
        if gradient:
            multiply(q, delta, q)
        subtract(delta, y, delta)

    def signed_block(self, scores: Floats, delta: Floats, gradient: bool) -> Floats:
        """Return the same as `block` for rows that were multiplied by t = ±1, their class.

        From `scores` t·s follow `r = 1 / (1 + exp(t·s)) = |p − y|`, the loss r² and, as derivative
        with respect to the scores, `delta = r² · (r − 1)`: two operations less than with y.
        """
        r = self._sigmoid.complement(scores, scores)
        loss: Floats = vecdot(r, r)
        if gradient:
            # two buffers instead of three, for the cache
            multiply(r, r, delta)
            subtract(r, self._sigmoid.one, r)
            multiply(delta, r, delta)
        return loss

    def _rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        del spare
        self._errors(scores, y, delta, gradient)
        squares: Floats = delta * delta
        if gradient:
            multiply(delta, scores, delta)
        return squares


class BinaryCrossEntropy(Loss):
    """Cross-entropy of one sigmoid unit: `log(1 + exp(s)) − y·s`, `delta = p − y`, in nats.

    Computed as `max(s, 0) − y·s + log1p(exp(−|s|))`: without overflow, and small terms count.
    """

    name = "cross-entropy"
    unit = "nats per sample"

    def __init__(self, dtype: DTypeLike = np.float64) -> None:
        self._sigmoid = Sigmoid(dtype)

    def _rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        np.maximum(scores, 0.0, out=spare)
        multiply(scores, y, delta)
        subtract(spare, delta, spare)
        np.abs(scores, delta)
        negative(delta, delta)
        exp(delta, delta)
        np.log1p(delta, delta)
        add(spare, delta, spare)
        if gradient:
            subtract(self._sigmoid(scores, delta), y, delta)
        return spare


class BinaryHinge(Loss):
    """Hinge loss: `max(0, 1 − t·s)` with t = ±1, `delta = −t` where it is positive.

    Source: scikit-learn's `hinge_loss` and `SGDClassifier(loss="hinge")`.
    """

    name = "hinge"

    def _rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        sign = np.where(y == 1, 1.0, -1.0).astype(scores.dtype)
        multiply(scores, sign, spare)
        subtract(1.0, spare, spare)
        np.maximum(spare, 0.0, out=spare)
        if gradient:
            multiply(spare > 0.0, -sign, delta)
        return spare


# Several classes


def softmax(scores: Floats, out: Floats) -> Floats:
    """Write `exp(s_j − m) / sum_k exp(s_k − m)` over the last axis into `out`, m the largest s.

    Return the logarithm of the denominator (lanes, rows); `scores` become `s − m`.
    """
    subtract(scores, scores.max(axis=2, keepdims=True), scores)
    exp(scores, out)
    total = out.sum(axis=2, keepdims=True)
    np.divide(out, total, out)
    log_total: Floats = np.log(total[:, :, 0])
    return log_total


def _at(y: Targets) -> tuple[slice | NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Index the true class of every row in (lanes, rows, classes)."""
    lanes = slice(None) if y.ndim == 1 else np.arange(len(y))[:, None]
    return lanes, np.arange(y.shape[-1]), y.astype(np.intp)


class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of a softmax: `log(sum_k exp(s_k)) − s_y`, `delta = p − onehot(y)`, in nats.

    Source: torch.nn.CrossEntropyLoss.
    """

    name = "cross-entropy"
    unit = "nats per sample"

    def _rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        del spare
        own = _at(y)
        loss = softmax(scores, delta)
        loss -= scores[own]
        if gradient:
            delta[own] -= 1.0
        return loss


class SoftmaxSquaredError(SquaredError):
    """Squared error of a softmax (Brier score): `sum_j e_j²`, `e = p − onehot(y)`.

    `delta_j = p_j · (e_j − sum_k e_k · p_k)`, half the derivative.
    """

    def _rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        p, error = scores, delta
        softmax(scores, spare)
        p[:] = spare
        error[:] = p
        error[_at(y)] -= 1.0
        loss: Floats = multiply(error, error, spare).sum(axis=2)
        if gradient:
            mean = multiply(error, p, spare).sum(axis=2, keepdims=True)
            subtract(error, mean, error)
            multiply(error, p, error)
        return loss


class MulticlassHinge(Loss):
    """Multiclass SVM loss: the sum over wrong classes j of `max(0, s_j − s_y + 1)`.

    `delta_j = 1` where that is positive, and `delta_y` is minus their number.
    Source: Weston and Watkins, 1999; cs231n.
    """

    name = "hinge"

    def _rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        own = _at(y)
        subtract(scores, scores[own][:, :, None], spare)
        add(spare, 1.0, spare)  # last, because the 1 would be lost in scores of 1e300
        spare[own] = 0.0
        np.maximum(spare, 0.0, out=spare)
        if gradient:
            np.greater(spare, 0.0, out=delta)
            delta[own] = -delta.sum(axis=2)
        loss: Floats = spare.sum(axis=2)
        return loss


# Regression: the score is the prediction


class RegressionSquaredError(SquaredError):
    """Squared error of the score: `(s − y)²`, `delta = s − y`."""

    def _rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        del gradient
        subtract(scores, y, delta)
        return multiply(delta, delta, spare)


class AbsoluteError(Loss):
    """Absolute error: `|s − y|`, `delta = sign(s − y)`, 0 at 0."""

    name = "mae"

    def _rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        subtract(scores, y, delta)
        np.abs(delta, spare)
        if gradient:
            np.sign(delta, delta)
        return spare


class Huber(Loss):
    """Huber loss of r = s − y: `½r²` for |r| ≤ 1, else `|r| − ½`; `delta = clip(r, −1, 1)`.

    Source: torch.nn.HuberLoss with δ = 1.
    """

    name = "huber"

    def _rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        del gradient
        r, clipped = scores, delta
        subtract(scores, y, r)
        np.clip(r, -1.0, 1.0, out=clipped)
        # c·(r − c/2) is r²/2 inside, where c = r, and |r| − 1/2 outside, where c = ±1
        multiply(clipped, -0.5, spare)
        add(spare, r, spare)
        return multiply(spare, clipped, spare)


_LOSSES: dict[str, dict[str, Callable[[DTypeLike], Loss]]] = {
    "binary": {
        "sse": lambda dtype: SigmoidSquaredError("sum", dtype),
        "mse": lambda dtype: SigmoidSquaredError("mean", dtype),
        "cross-entropy": BinaryCrossEntropy,
        "hinge": lambda _: BinaryHinge(),
    },
    "multiclass": {
        "sse": lambda _: SoftmaxSquaredError("sum"),
        "mse": lambda _: SoftmaxSquaredError("mean"),
        "cross-entropy": lambda _: SoftmaxCrossEntropy(),
        "hinge": lambda _: MulticlassHinge(),
    },
    "regression": {
        "sse": lambda _: RegressionSquaredError("sum"),
        "mse": lambda _: RegressionSquaredError("mean"),
        "mae": lambda _: AbsoluteError(),
        "huber": lambda _: Huber(),
    },
    "surface": {"value": lambda _: Value()},
}

POSSIBLE = {task: tuple(losses) for task, losses in _LOSSES.items()}
"""The losses of each task."""


def make_loss(name: str, task: str, dtype: DTypeLike = np.float64) -> Loss:
    """Return the loss of that name for a task; `ValueError` if the task does not have it."""
    if name not in _LOSSES[task]:
        raise ValueError(
            f"loss {name} does not go with a {task} problem: choose {', '.join(POSSIBLE[task])}"
        )
    return _LOSSES[task][name](dtype)
