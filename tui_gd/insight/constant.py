"""The best constant: the least loss of predictions that ignore the features.

A model that is no better has learned nothing of the features, whatever its loss is.
"""

import numpy as np

from tui_gd.learning.engine import Engine, TrainingData
from tui_gd.learning.losses import Targets
from tui_gd.learning.models import Floats, Model

BISECTIONS = 60
"""Halvings of the targets' range for Huber's constant: more than the bits of a double."""


def constant_loss(engine: Engine, problem: TrainingData, model: Model) -> float:
    """Return the engine's loss on the train rows for the best constant scores; NaN without rows.

    All weights are 0 but those of the last bias.
    """
    if not len(problem.y_train):
        return np.nan
    weights = np.zeros((1, model.parameters))
    scores = best_constant(engine.rule.name, problem.task, problem.y_train, model.outputs)
    model.matrices(weights)[-1][0, -1] = scores
    return float(engine.loss(weights)[0])


def best_constant(loss: str, task: str, y: Targets, outputs: int) -> Floats:
    """Return the scores (outputs,), the same for all rows, with the least loss of that name.

    Of targets `y` (rows,): their mean for squared errors, their median for `mae`, for `huber` the
    c with `Σ clip(c − y, −1, 1) = 0`. Of classes with shares s: `log s`, or `log(s₁/s₀)` of two,
    for cross-entropy and squared errors, whose p is then s; for `hinge` `hinge_constant`.
    """
    if task == "regression":
        targets = np.asarray(y, np.float64)
        if loss == "mae":
            return np.array([np.median(targets)])
        return np.array([_huber_constant(targets) if loss == "huber" else targets.mean()])
    counts = np.bincount(y.astype(np.intp), minlength=max(2, outputs))
    if loss == "hinge":
        scores = hinge_constant(counts / len(y))
        return scores if outputs > 1 else np.sign(scores[1:] - scores[:1])
    shares: Floats = np.maximum(counts, 0.5) / len(y)
    return np.log(shares) if outputs > 1 else np.log(shares[1:] / shares[0])


def _huber_constant(targets: Floats) -> float:
    low, high = float(targets.min()), float(targets.max())
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if np.clip(middle - targets, -1.0, 1.0).sum() < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def hinge_constant(shares: Floats) -> Floats:
    """Return the scores (classes,) with the least `Σ_y s_y Σ_{j≠y} max(0, z_j − z_y + 1)`.

    A larger share gets no lower score, and from one class to the next the score falls by 0 or 1:
    less is worth nothing until it is 1, as the loss is linear between, and more only costs. With
    shares in falling order, a step of 1 behind the first t classes costs t times the shares behind
    it, and two classes on one level cost the larger share of the two. So the levels are found by
    dynamic programming over where one ends.
    """
    order = np.argsort(-shares, kind="stable")
    falling, count = shares[order], len(shares)
    behind = falling[::-1].cumsum()[::-1]
    best, last = np.full(count + 1, np.inf), np.zeros(count + 1, np.intp)
    best[0] = 0.0
    for start in range(count):
        step = best[start] + (start * behind[start] if start else 0.0)
        # the cost of a level that ends with each of the classes from here on
        level: Floats = np.concatenate([[0.0], falling[start:-1].cumsum()]).cumsum()
        better = step + level < best[start + 1 :]
        best[start + 1 :][better] = (step + level)[better]
        last[start + 1 :][better] = start
    scores, end, height = np.zeros(count), count, 0.0
    while end:
        scores[order[last[end] : end]] = height
        end, height = int(last[end]), height + 1.0
    return scores
