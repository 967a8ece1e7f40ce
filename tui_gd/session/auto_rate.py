"""The learning rate `auto`: from the curvature of the loss at the start."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from tui_gd.learning.losses import make_loss

if TYPE_CHECKING:
    from tui_gd.problems import Problem
    from tui_gd.session.settings import RunSettings

ADAPTIVE_RATE = 0.01
"""For optimizers that scale every weight's step by itself, no curvature sets a limit."""
_FIRST_ORDER = {"sgd", "momentum", "nesterov"}


def auto_rates(settings: "RunSettings", problem: "Problem") -> tuple[float, ...]:
    """Return a learning rate for each optimizer, rounded down to two digits.

    For `sgd`, `momentum` and `nesterov` it is `1 / (f·λ)`, half of plain descent's limit: λ is the
    largest eigenvalue of the Hessian at the start, and f the direction of descent over the
    gradient. Cross-entropy over K > 2 classes may curve K/2 times as much elsewhere as at equal
    probabilities, so λ is taken K/2 times. All others get 0.01, and so does a loss without a
    curvature there. Source: Nesterov, "Introductory Lectures on Convex Optimization", 2004, 1.2.3.
    """
    from tui_gd.insight.curvature import curvature

    loss = settings.loss_for(problem)
    if not _FIRST_ORDER & set(settings.optimizer):
        return (ADAPTIVE_RATE,)
    trainer = replace(settings, alpha=(ADAPTIVE_RATE,), optimizer=("sgd",)).make_trainer(
        problem, test_losses=False
    )
    largest = curvature(trainer.engines.make(loss), trainer.weights[0].copy()).largest
    if loss == "cross-entropy" and len(problem.class_names) > 2:
        largest *= len(problem.class_names) / 2.0
    factor = make_loss(loss, problem.task).descent_factor
    rate = 1.0 / (factor * largest) if largest > 0.0 else math.nan
    return (_two_digits(rate) if 0.0 < rate < math.inf else ADAPTIVE_RATE,)


def _two_digits(rate: float) -> float:
    """Return a number rounded down to two significant digits."""
    scale = 10.0 ** (math.floor(math.log10(rate)) - 1)
    return float(f"{math.floor(rate / scale + 1e-9) * scale:.2g}")
