"""Losses of numbers: the score itself is the prediction."""

import numpy as np
from numpy import add, multiply, subtract

from tui_gd.learning.losses.loss import Floats, Loss, SquaredError, Targets


class RegressionSquaredError(SquaredError):
    """Squared error of the score itself: `(s − y)²`, `delta = s − y`."""

    def rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        """Return `(s − y)²` and fill `delta`."""
        del gradient
        subtract(scores, y, delta)
        return multiply(delta, delta, spare)


class AbsoluteError(Loss):
    """Absolute error: `|s − y|`, `delta = sign(s − y)`, 0 at 0."""

    name = "mae"

    def rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        """Return `|s − y|` and fill `delta`."""
        subtract(scores, y, delta)
        np.abs(delta, spare)
        if gradient:
            np.sign(delta, delta)
        return spare


class Huber(Loss):
    """Huber loss with δ = 1: `½r²` for |r| ≤ 1, else `|r| − ½`; `delta = clip(r, −1, 1)`.

    As torch's HuberLoss, with r = s − y.
    """

    name = "huber"

    def rows(
        self, scores: Floats, y: Targets, delta: Floats, spare: Floats, gradient: bool
    ) -> Floats:
        """Return the Huber loss of every row and fill `delta`."""
        del gradient
        r, clipped = scores, delta
        subtract(scores, y, r)
        np.clip(r, -1.0, 1.0, out=clipped)
        # c·(r − c/2) is r²/2 inside, where c = r, and |r| − 1/2 outside, where c = ±1
        multiply(clipped, -0.5, spare)
        add(spare, r, spare)
        return multiply(spare, clipped, spare)
