"""From scores to probabilities and predicted classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.losses import sigmoid
from tui_gd.learning.models import Floats, Model


@dataclass(frozen=True)
class Predictor:
    """What a model says about rows of data; holds no weights, so threads may share it."""

    model: Model

    def scores(self, weights: Floats, x: Floats) -> Floats:
        """Return `x · W` for one lane's `weights` (parameters,): (rows,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            scores: Floats = self.model.scores(weights[None], x, np.empty((1, len(x))))[0]
        return scores

    def probabilities(self, weights: Floats, x: Floats) -> Floats:
        """Return the probability of every class (rows, classes); for two classes (1 − p, p)."""
        p = self.scores(weights, x)
        sigmoid(p, p)
        return np.stack([1.0 - p, p], axis=1)

    def predict(self, weights: Floats, x: Floats) -> NDArray[np.intp]:
        """Return the predicted class number of every row: 1 where p > 0.5, as the tutorial."""
        return (self.scores(weights, x) > 0.0).astype(np.intp)
