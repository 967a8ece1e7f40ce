"""Losses of a block of rows with their derivatives, in numerically safe forms.

A loss turns scores into one sum per lane, and in place into the derivative that descent follows.
It works on `scores` and `delta` of shape (lanes, rows), which it may overwrite, and on `y` (rows,); without `gradient` it leaves the derivative out. Each lane is summed by itself, in the
order of the rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# exp(709.8) is the largest finite double; past this a sigmoid is 0 to 300 digits anyway
LARGEST_EXPONENT = 709.0


def sigmoid(z: Floats, out: Floats) -> Floats:
    """Write `p = 1 / (1 + exp(−z))` into `out`, without overflow for any finite z."""
    np.negative(z, out)
    np.minimum(out, LARGEST_EXPONENT, out=out)
    np.exp(out, out)
    np.add(out, 1.0, out)
    return np.reciprocal(out, out)


def squared_error_sum(
    scores: Floats, y: NDArray[np.generic], delta: Floats, gradient: bool
) -> Floats:
    """Return the tutorial's loss `sum((p − y)²)` per lane, p = sigmoid(score).

    Writes into `delta` the tutorial's direction `(p − y) · p · (1 − p)`, which is *half* the
    derivative of the loss. Source: the tutorial "Gradient descent with Python" (pyimagesearch).
    """
    p = sigmoid(scores, scores)
    np.subtract(p, y, delta)
    loss: Floats = np.vecdot(delta, delta)
    if gradient:
        np.multiply(delta, p, delta)
        np.subtract(1.0, p, p)
        np.multiply(delta, p, delta)
    return loss


def cross_entropy(scores: Floats, y: NDArray[np.generic], delta: Floats, gradient: bool) -> Floats:
    """Return `sum(log(1 + exp(s)) − y·s)` per lane: nats, with p = sigmoid(s).

    Writes the derivative `p − y` into `delta`. The logarithm is computed as
    `max(s, 0) + log1p(exp(−|s|))`, which neither overflows nor loses small terms.
    """
    loss: Floats = -np.vecdot(scores, y.astype(scores.dtype, copy=False))
    np.maximum(scores, 0.0, out=delta)
    loss += delta.sum(axis=1)
    np.abs(scores, delta)
    np.negative(delta, delta)
    np.exp(delta, delta)
    np.log1p(delta, delta)
    loss += delta.sum(axis=1)
    if gradient:
        np.subtract(sigmoid(scores, delta), y, delta)
    return loss


@dataclass(frozen=True)
class Loss:
    """A loss by name: what is summed over rows, whether it is divided by their number, and more.

    `descent_factor` is the direction descent follows divided by the gradient of the loss shown:
    ½ for the tutorial's squared error, 1 for all others.
    """

    name: str
    title: str
    reduction: Literal["sum", "mean"]
    unit: str
    block: Callable[[Floats, NDArray[np.generic], Floats, bool], Floats]
    descent_factor: float = 1.0


LOSSES = {
    "sse": Loss(
        "sse", "squared error", "sum", "summed over samples", squared_error_sum, descent_factor=0.5
    ),
    "cross-entropy": Loss(
        "cross-entropy", "cross-entropy", "mean", "nats per sample", cross_entropy
    ),
}
