"""Losses of several classes: a softmax, or a score for each class."""

import numpy as np
from numpy import add, exp, multiply, subtract
from numpy.typing import NDArray

from tui_gd.learning.losses.loss import Floats, Loss, SquaredError, Targets


def softmax(scores: Floats, out: Floats) -> Floats:
    """Write `exp(s_j) / sum_k exp(s_k)` over the last axis into `out`, the largest s first off.

    Return the logarithm of the denominator (lanes, rows) for scores less their largest; `scores`
    hold these then.
    """
    subtract(scores, scores.max(axis=2, keepdims=True), scores)
    exp(scores, out)
    total = out.sum(axis=2, keepdims=True)
    np.divide(out, total, out)
    log_total: Floats = np.log(total[:, :, 0])
    return log_total


def _at(y: Targets) -> tuple[slice, NDArray[np.intp], NDArray[np.intp]]:
    """Index the true class of every row in (lanes, rows, classes)."""
    return slice(None), np.arange(len(y)), y.astype(np.intp)


class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of a softmax: `log(sum_k exp(s_k)) − s_y`, `delta = p − onehot(y)`, in nats."""

    name = "cross-entropy"
    unit = "nats per sample"

    def rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        """Return the cross-entropy of every row and fill `delta`."""
        del spare
        own = _at(y)
        loss = softmax(scores, delta)
        loss -= scores[own]
        if gradient:
            delta[own] -= 1.0
        return loss


class SoftmaxSquaredError(SquaredError):
    """Squared error of a softmax: `sum_j e_j²`, `e = p − onehot(y)`.

    `delta_j = p_j · (e_j − sum_k e_k · p_k)`, half the derivative.
    """

    def rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        """Return the squared error of every row and fill `delta`."""
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

    `delta_j = 1` where that is positive, and `delta_y` is minus their number. Source: Weston and
    Watkins 1999, as taught in cs231n.
    """

    name = "hinge"

    def rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        """Return the hinge loss of every row and fill `delta`."""
        own = _at(y)
        subtract(scores, scores[own][:, :, None], spare)
        add(spare, 1.0, spare)  # not before: among scores of 1e300 the 1 would be lost
        spare[own] = 0.0
        np.maximum(spare, 0.0, out=spare)
        if gradient:
            np.greater(spare, 0.0, out=delta)
            delta[own] = -delta.sum(axis=2)
        loss: Floats = spare.sum(axis=2)
        return loss
