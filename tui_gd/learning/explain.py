"""One sample's way through the model to its share of the gradient, in numbers."""

import math
from dataclasses import dataclass

import numpy as np

from tui_gd.learning.models import Floats


@dataclass(frozen=True, eq=False)
class Chain:
    """x → z → p → error → δ → share, for one row and one lane.

    `z = x · W`, `p = 1 / (1 + exp(−z))`, `error = p − y`. `delta` is the row's δ = d loss / dz as
    descent uses it, `delta_formula` says how it follows from p; `share` (parameters,) is `δ · x`,
    its part of the gradient g. `loss` is its part of the loss.
    """

    x: Floats
    y: float
    z: float
    p: float
    error: float
    delta: float
    delta_formula: str
    share: Floats
    loss: float
    loss_formula: str


def chain(loss: str, weights: Floats, x: Floats, y: float, rows: int) -> Chain:
    """Return the chain of row `x` (features + 1,) with target `y` among `rows` training rows."""
    z = float(x @ weights)
    p = 1.0 / (1.0 + math.exp(-z)) if z > 0 else math.exp(z) / (1.0 + math.exp(z))
    error = p - y
    if loss == "sse":
        delta, formula = error * p * (1.0 - p), "(p − y) · p · (1 − p)"
        own, own_formula = error * error, "(p − y)²"
    else:
        delta, formula = error / rows, f"(p − y) / {rows}"
        own, own_formula = (
            float(np.logaddexp(0.0, z) - y * z) / rows,
            f"−ln(p of class {y:g}) / {rows}",
        )
    return Chain(x, y, z, p, error, delta, formula, delta * x, own, own_formula)
