"""Safe rate: the learning rate up to which descent is stable, by the curvature of the loss.

Where a loss has kinks, curvature is that of the smooth piece. With relu and l1 the next step is
foretold by it as well as elsewhere (99.7 to 100 %). With hinge and mae it is 0 for a linear model,
and for a network misses what matters: 71 % (hinge, one layer of tanh). So these have no limit.
"""

from dataclasses import dataclass

import numpy as np

from tui_gd.learning.curvature import Curvature

KINKED = frozenset({"hinge", "mae"})
LARGEST_ERROR = 0.1
"""From this `Curvature.error` on, the eigenvalue is not used."""

_FLAT = "no upward curvature: λ is 0"


@dataclass(frozen=True)
class SafeRate:
    """The learning rate up to which descent is stable on a quadratic of this curvature.

    `limit` None: there is none, and `why` says why not. `formula` is the limit in terms of λ;
    `below` and `above` say what a learning rate on that side of it does.
    """

    limit: float | None
    why: str = ""
    formula: str = ""
    below: str = ""
    above: str = ""

    def ratio(self, rate: float) -> float | None:
        """Return `α / limit`, None without a limit."""
        return None if self.limit is None else rate / self.limit


def safe_learning_rate(
    found: Curvature,
    optimizer: str,
    descent_factor: float = 1.0,
    full_batch: bool = True,
    momentum: float | None = None,
) -> SafeRate:
    """Return the limit of the learning rate for an optimizer, by the largest eigenvalue λ.

    `descent_factor` f is the direction of descent over the gradient (½ for `sse`, else 1). On a
    quadratic no direction grows if `α·f·λ` is below 2 for `sgd`, `2(1 + μ)` for `momentum`,
    `2(1 + μ)/(1 + 2μ)` for `nesterov`. Along an eigenvector the weights follow
    `z² − (1 + μ − αfλ)·z + μ = 0`, with Nesterov `z² − (1 + μ)(1 − αfλ)·z + μ(1 − αfλ) = 0`; the
    limit is where a root leaves the unit circle, at z = −1.

    Source: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Cohen
    et al., "Gradient descent on neural networks typically occurs at the edge of stability", 2021,
    appendix B.
    """
    why = _why_none(found, optimizer, full_batch)
    if why:
        return SafeRate(None, why)
    mu = momentum or 0.0
    share = f"{2.0 / descent_factor:g}"
    factor, formula = 2.0, f"{share}/λ"
    if mu and optimizer == "momentum":
        factor, formula = 2.0 * (1.0 + mu), f"{share}(1 + μ)/λ"
    elif mu:
        factor, formula = 2.0 * (1.0 + mu) / (1.0 + 2.0 * mu), f"{share}(1 + μ)/((1 + 2μ)·λ)"
    limit = factor / descent_factor / found.largest
    if not np.isfinite(limit):
        return SafeRate(None, _FLAT)
    if mu:
        return SafeRate(limit, "", formula, "steps settle, though one may go up", "steps may grow")
    often = "mostly" if found.loss_name == "huber" else "almost always"
    below = f"a step lowers the loss {often}"
    if -found.smallest > found.largest:
        # where it bends up again, no Hessian here can tell
        below = "the loss curves more down than up here, λ says nothing of far larger steps"
    return SafeRate(limit, "", formula, below, "a step may overshoot")


def wording(rate: float, safe: SafeRate) -> str:
    """Return in one line how a learning rate stands to its limit.

    Counted over 36,000 random states of 18 models (`benchmarks/curvature.py --states 2000`): below
    the limit a step of plain descent lowers the loss in 99.1 to 100 % of them by model, with huber,
    whose λ counts only rows within 1, in 92 to 97 %; on a quadratic always. Above it, still in 5 to
    95 %, the fewer the more of the gradient lies across the valley: it *may* overshoot. What
    settles with momentum: after 100 updates the loss is no higher in 98 to 100 %.
    """
    share = safe.ratio(rate)
    if share is None or safe.limit is None:
        return f"no limit for α: {safe.why}"
    many = "of" if share <= 1.0 else "times"
    place = f"α {rate:.4g} is {share:.3g} {many} {safe.formula} = {safe.limit:.4g}"
    return f"{place}: {safe.below if share <= 1.0 else safe.above}"


def _why_none(found: Curvature, optimizer: str, full_batch: bool) -> str:
    """Return why there is no limit, or nothing."""
    kinked = f"{found.loss_name} has kinks, and λ says nothing of the next one"
    reasons = (
        (
            optimizer not in {"sgd", "momentum", "nesterov"},
            f"{optimizer} scales every weight's step by itself",
        ),
        (not full_batch, "every mini-batch has a curvature of its own"),
        (found.loss_name in KINKED, kinked),
        (not np.isfinite(found.largest), "the numbers are not finite here"),
        (found.largest == 0.0, _FLAT),
        (found.largest < 0.0, "no upward curvature here"),
        (
            found.error > LARGEST_ERROR,
            "the curvature cannot be told here (a kink, or next to none)",
        ),
    )
    return next((why for holds, why in reasons if holds), "")
