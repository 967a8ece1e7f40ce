"""The tutorial's script, "Gradient descent with Python": the reference of this program.

Nothing here comes from tui_gd. The arithmetic is the tutorial's, line by line, as its reader types
it, without scipy's `expit`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import make_blobs
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split


@dataclass(frozen=True)
class Data:
    """The split data, y as columns (rows, 1)."""

    train_x: NDArray[np.float64]
    test_x: NDArray[np.float64]
    train_y: NDArray[np.int64]
    test_y: NDArray[np.int64]


def data(test_size: float = 0.5) -> Data:
    (X, y) = make_blobs(n_samples=1000, n_features=2, centers=2, cluster_std=1.5, random_state=1)
    y = y.reshape((y.shape[0], 1))
    X = np.c_[X, np.ones(X.shape[0])]
    return Data(*train_test_split(X, y, test_size=test_size, random_state=42))


def sigmoid_activation(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 / (1 + np.exp(-x))


def sigmoid_deriv(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x * (1 - x)


def predict(X: NDArray[np.float64], W: NDArray[np.float64]) -> NDArray[np.float64]:
    preds = sigmoid_activation(X.dot(W))
    preds[preds <= 0.5] = 0
    preds[preds > 0.5] = 1
    return preds


def descend(
    X: NDArray[np.float64],
    y: NDArray[np.int64],
    W: NDArray[np.float64],
    alpha: float,
    epochs: int,
) -> tuple[NDArray[np.float64], list[float], list[str]]:
    """Return the final weights (parameters,), the loss of every epoch, and the lines printed."""
    W = np.array(W, dtype=np.float64).reshape(-1, 1)
    losses, lines = [], []
    # the tutorial ignores overflow of exp, which gives the right limit p = 0
    with np.errstate(over="ignore"):
        for epoch in np.arange(0, epochs):
            preds = sigmoid_activation(X.dot(W))
            error = preds - y
            loss = np.sum((preds - y) ** 2)
            losses.append(float(loss))
            d = error * sigmoid_deriv(preds)
            gradient = X.T.dot(d)
            W += -alpha * gradient
            if epoch == 0 or (epoch + 1) % 5 == 0:
                lines.append(f"[INFO] epoch={int(epoch + 1)}, loss={loss:.7f}")
    return W[:, 0], losses, lines


def report(X: NDArray[np.float64], y: NDArray[np.int64], W: NDArray[np.float64]) -> str:
    with np.errstate(over="ignore"):
        return classification_report(y, predict(X, W.reshape(-1, 1)))
