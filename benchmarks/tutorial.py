"""The tutorial's loop, as the yardstick of all benchmarks of training."""

import numpy as np
from numpy.typing import NDArray


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """As the tutorial writes it."""
    return 1.0 / (1 + np.exp(-x))


def descend(
    X: NDArray[np.float64],
    y: NDArray[np.int64],
    W: NDArray[np.float64],
    alpha: float,
    epochs: int,
) -> tuple[NDArray[np.float64], list[float]]:
    """Run the tutorial's loop from `W` (features + 1, 1) on `y` (rows, 1)."""
    W = W.copy()
    losses = []
    for _ in np.arange(0, epochs):
        preds = sigmoid(X.dot(W))
        error = preds - y
        loss = np.sum(error**2)
        losses.append(loss)
        d = error * preds * (1 - preds)
        gradient = X.T.dot(d)
        W += -alpha * gradient
    return W, losses
