"""Losses with their derivatives, in numerically safe forms, a block of rows at a time.

A loss turns the scores of a block into a sum per lane, and into the derivative that descent
follows. Scores, derivative (`delta`) and a third buffer (`spare`) are (lanes, rows), with several
outputs (lanes, rows, outputs); all three may be overwritten. `y` is (rows,): class numbers, or the
target itself. A lane's sum runs over its own rows alone, in their order, so that its bits do not
depend on the lanes beside it.

What is divided by the number of rows is divided once, after all blocks: see `loss_scale` and
`grad_scale`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

from tui_gd.learning.losses.binary import (
    BinaryCrossEntropy,
    BinaryHinge,
    Sigmoid,
    SigmoidSquaredError,
)
from tui_gd.learning.losses.loss import Floats, Loss, Targets, Value
from tui_gd.learning.losses.multiclass import (
    MulticlassHinge,
    SoftmaxCrossEntropy,
    SoftmaxSquaredError,
    softmax,
)
from tui_gd.learning.losses.regression import AbsoluteError, Huber, RegressionSquaredError

__all__ = [
    "ON_DATA",
    "POSSIBLE",
    "TITLES",
    "Floats",
    "Loss",
    "Sigmoid",
    "SigmoidSquaredError",
    "Targets",
    "Value",
    "make_loss",
    "softmax",
]

TITLES = {
    "sse": "squared error, summed: the tutorial's",
    "mse": "squared error, mean",
    "cross-entropy": "cross-entropy, nats per sample",
    "hinge": "hinge (SVM) loss, mean",
    "mae": "absolute error, mean",
    "huber": "Huber loss, mean",
    "value": "value of the function",
}

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
"""All losses by task."""
ON_DATA = {task: losses for task, losses in POSSIBLE.items() if task != "surface"}
"""Losses of rows of data, by task."""


def make_loss(name: str, task: str, dtype: DTypeLike = np.float64) -> Loss:
    """Return the loss of that name for a task; `ValueError` if it does not go with it."""
    if name not in _LOSSES[task]:
        raise ValueError(
            f"loss {name} does not go with a {task} problem: choose {', '.join(POSSIBLE[task])}"
        )
    return _LOSSES[task][name](dtype)
