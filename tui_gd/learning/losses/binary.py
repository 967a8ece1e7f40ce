"""Losses of two classes: one sigmoid unit, or one score."""

import numpy as np
from numpy import add, exp, minimum, multiply, negative, reciprocal, subtract, vecdot
from numpy.typing import DTypeLike

from tui_gd.learning.losses.loss import Floats, Loss, Reduction, SquaredError, Targets


class Sigmoid:
    """`p = 1 / (1 + exp(−z))`, written into `out`; never overflows."""

    def __init__(self, dtype: DTypeLike) -> None:
        # arrays, because numpy converts a Python number anew at every call: a tenth of the time
        self.one = np.array(1.0, dtype)
        # beyond this p is 0 to 300 digits (float32: to 37), and 1 / exp would be subnormal: every
        # product with such a number takes a hundred cycles, a saturated lane four times as long
        self.largest = np.array(700.0 if self.one.dtype == np.float64 else 87.0, dtype)

    def __call__(self, z: Floats, out: Floats) -> Floats:
        """Write the sigmoid of `z` into `out`, which may be `z` itself."""
        negative(z, out)
        minimum(out, self.largest, out=out)
        exp(out, out)
        add(out, self.one, out)
        reciprocal(out, out)
        return out


class SigmoidSquaredError(SquaredError):
    """Squared error of one sigmoid unit: `(p − y)²`, `delta = (p − y) · p · (1 − p)`.

    Computed by way of `q = 1 / (1 + exp(s))` and `p = 1 − q`, which is one step less than p first.
    Source: the tutorial's script (pyimagesearch, "Gradient descent with Python").
    """

    def __init__(self, reduction: Reduction, dtype: DTypeLike = np.float64) -> None:
        super().__init__(reduction)
        sigmoid = Sigmoid(dtype)
        self._one, self._largest = sigmoid.one, sigmoid.largest

    def block(
        self,
        scores: Floats,
        y: Targets,
        delta: Floats,
        spare: Floats,
        gradient: bool,
        weights: Floats | None = None,
    ) -> Floats:
        """Return the sum per lane; without weights one product, not a square and a sum."""
        if weights is not None:
            return super().block(scores, y, delta, spare, gradient, weights)
        one, q, p = self._one, scores, spare
        minimum(scores, self._largest, out=q)
        exp(q, q)
        add(q, one, q)
        reciprocal(q, q)
        subtract(one, q, p)
        subtract(p, y, delta)
        loss: Floats = vecdot(delta, delta)
        if gradient:
            multiply(delta, q, delta)
            multiply(delta, p, delta)
        return loss

    def rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        """Return `(p − y)²` and fill `delta`, by the same steps."""
        self.block(scores, y, delta, spare, gradient=False)
        q, p, squares = scores, spare, delta * delta
        if gradient:
            multiply(delta, q, delta)
            multiply(delta, p, delta)
        return squares


class BinaryCrossEntropy(Loss):
    """Cross-entropy of one sigmoid unit: `log(1 + exp(s)) − y·s`, `delta = p − y`, in nats.

    Computed as `max(s, 0) − y·s + log1p(exp(−|s|))`: nothing overflows, no small term is lost.
    """

    name = "cross-entropy"
    unit = "nats per sample"

    def __init__(self, dtype: DTypeLike = np.float64) -> None:
        self._sigmoid = Sigmoid(dtype)

    def rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        """Return the cross-entropy of every row and fill `delta`."""
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

    scikit-learn's `SGDClassifier(loss="hinge")` and its `hinge_loss` use the same form.
    """

    name = "hinge"

    def rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        """Return the hinge loss of every row and fill `delta`."""
        sign = np.where(y == 1, 1.0, -1.0).astype(scores.dtype)
        multiply(scores, sign, spare)
        subtract(1.0, spare, spare)
        np.maximum(spare, 0.0, out=spare)
        if gradient:
            multiply(spare > 0.0, -sign, delta)
        return spare
