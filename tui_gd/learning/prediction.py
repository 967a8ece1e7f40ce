"""From scores to probabilities and predicted classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.losses import Sigmoid, softmax
from tui_gd.learning.models import Floats, Model


@dataclass(frozen=True)
class Predictor:
    """What a model says about rows of data; holds no weights, so threads may share it."""

    model: Model
    task: str

    def scores(self, weights: Floats, x: Floats) -> Floats:
        """Return the scores of one lane's `weights` (parameters,): (rows,) or (rows, classes)."""
        with np.errstate(all="ignore"):
            buffers = self.model.buffers(1, len(x))
            scores: Floats = self.model.scores(weights[None], x, buffers)[0]
        return scores

    def units(self, weights: Floats, x: Floats) -> tuple[Floats, ...]:
        """Return what the units of every hidden layer hand on, (rows, units) each, of one lane."""
        with np.errstate(all="ignore"):
            buffers = self.model.buffers(1, len(x))
            self.model.scores(weights[None], x, buffers)
        return tuple(layer[0, :, :-1] for layer in buffers.hidden)

    def probabilities(self, weights: Floats, x: Floats) -> Floats:
        """Return the probability of every class (rows, classes); for two classes (1 − p, p)."""
        scores = self.scores(weights, x)
        if self.task == "multiclass":
            out = np.empty_like(scores)
            softmax(scores[None], out[None])
            return out
        p = Sigmoid(scores.dtype)(scores, scores)
        return np.stack([1.0 - p, p], axis=1)

    def predict(self, weights: Floats, x: Floats) -> NDArray[np.intp]:
        """Return the predicted class number of every row.

        Of two classes it is 1 where p > 0.5, as in the tutorial; of more the most probable.
        """
        predicted: NDArray[np.intp] = self.predict_lanes(weights[None], x)[0]
        return predicted

    def predict_lanes(self, weights: Floats, x: Floats) -> NDArray[np.intp]:
        """Return what `predict` does of every lane's `weights` (lanes, parameters): (lanes, rows).

        All lanes' scores, and the units of all their layers, are held at once.
        """
        with np.errstate(all="ignore"):
            scores = self.model.scores(weights, x, self.model.buffers(len(weights), len(x)))
        if self.task == "multiclass":
            best: NDArray[np.intp] = scores.argmax(axis=2)
            return best
        return (scores > 0.0).astype(np.intp)
