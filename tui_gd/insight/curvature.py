"""Curvature: the largest eigenvalue of the loss's Hessian, by products with it.

A product of the Hessian H with a vector v is a central difference of the gradient,
`Hv = (∇L(w + h·v) − ∇L(w − h·v)) / 2h`, two lanes of one engine call. Its error is a V over h:
truncation falls as h², rounding rises as `ε/h`. With `h = ε^(2/5) · (1 + max|w|)` = 5e-7 in double
precision it is 1e-10 to 1e-8 of `‖Hv‖` (measured on eight problems and losses), more only where
features are so large that the units switch within h. That is left of the V's foot at `ε^(1/3)`: a
network with relu then has a twentieth of the kinks within h.

A loss with kinks (hinge, mae, l1, relu within the model) has no Hessian there: a kink within h is
seen as a curvature of 1/h, which `Curvature.error` tells. Between kinks H is that of the smooth
piece.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from tui_gd.learning.engine import Engine, computing, interrupting
from tui_gd.learning.models import Floats

EXACT_PARAMETERS = 32
"""So many weights have their whole Hessian computed, in one engine call."""
TOLERANCE = 1e-3
MOST_PRODUCTS = 40

# how much of the first vector is random beside the direction of the time before: where the two
# largest eigenvalues have changed places, that direction alone would not show it
FRESH = 0.1
# the step of the second opinion on an eigenvalue, over that of the first
FINER = 0.125


@dataclass(frozen=True, eq=False)
class Curvature:
    """The Hessian of the shown loss, penalty included, at one lane's weights.

    `largest` is its algebraically largest eigenvalue, negative where the loss curves down in every
    direction; `direction` (parameters,) is its eigenvector, of length 1. `smallest` is the smallest
    eigenvalue; where `exact` is false, the true one is at most that, so a negative one proves a
    direction downhill, a positive one proves no minimum. `along_gradient` is `gᵀHg / gᵀg`, NaN at
    g = 0. `products` is the number of products with H.

    `error` is `‖Hv − λv‖ / |λ|` with H by differences of another step. It holds what iteration left
    and what differences are worth here; a distance of `error · |λ|` from an eigenvalue is not
    exceeded. It is inf where weights or gradient are not finite, and 0 for H = 0.
    """

    largest: float
    smallest: float
    direction: Floats
    along_gradient: float
    exact: bool
    products: int
    error: float
    loss_name: str


def curvature(
    engine: Engine,
    weights: Floats,
    *,
    wanted: Callable[[], bool] = lambda: True,
    start: Floats | None = None,
) -> Curvature:
    """Return the curvature of the engine's loss at `weights` (parameters,).

    Up to `EXACT_PARAMETERS` weights: all eigenvalues of the whole Hessian. More: Lanczos' method,
    which is power iteration that keeps its vectors; it ends with a residual of `TOLERANCE`, or
    after `MOST_PRODUCTS`. It begins with a fixed vector, or near `start`, the direction found at
    weights nearby. `Interrupted` when `wanted()` is false between two products or blocks of rows.

    Source: Lanczos, 1950; Golub and Van Loan, "Matrix Computations", section 10.1. The product by
    differences: Pearlmutter, "Fast exact multiplication by the Hessian", 1994, section 2.
    """
    with _giving_up(engine, wanted), computing():
        gradient = _gradients(engine, weights, weights[None].astype(np.float64))[0]
        count = len(weights)
        if not (np.isfinite(weights).all() and np.isfinite(gradient).all()) or not count:
            return _unknown(count, engine.rule.name)
        step = float(np.finfo(weights.dtype).eps ** 0.4 * (1.0 + np.abs(weights).max()))
        exact = count <= EXACT_PARAMETERS

        def product(vectors: Floats, step: float = step) -> Floats:
            return _products(engine, weights, vectors, step)

        found = _whole(product, count) if exact else _lanczos(product, _first(count, start))
        if found is None:
            return _unknown(count, engine.rule.name)
        largest, smallest, direction, products = found
        slope = gradient / np.linalg.norm(gradient)
        images = product(np.stack([direction, slope]), FINER * step)
        residual = float(np.linalg.norm(images[0] - largest * direction))
        error = residual / abs(largest) if residual else 0.0
        return Curvature(
            largest,
            smallest,
            direction,
            along_gradient=float(images[1] @ slope),
            exact=exact,
            products=products + 2,
            error=error if np.isfinite(error) else np.inf,
            loss_name=engine.rule.name,
        )


@contextmanager
def _giving_up(engine: Engine, wanted: Callable[[], bool]) -> Iterator[None]:
    """Let the engine look at `wanted()` between blocks of rows, beside what it does there."""
    before, give_up = engine.between_blocks, interrupting(wanted)

    def look() -> None:
        if before:
            before()
        give_up()

    engine.between_blocks = look
    try:
        look()
        yield
    finally:
        engine.between_blocks = before


def _gradients(engine: Engine, weights: Floats, lanes: Floats) -> Floats:
    """Return the gradients of the shown loss at `lanes`, computed in the weights' precision."""
    if engine.between_blocks:
        engine.between_blocks()
    direction = engine.loss_and_grad(lanes.astype(weights.dtype))[1]
    gradients: Floats = direction.astype(np.float64) / engine.rule.descent_factor
    return gradients


def _products(engine: Engine, weights: Floats, vectors: Floats, step: float) -> Floats:
    """Return H times each of `vectors` (vectors, parameters)."""
    count = len(vectors)
    moved = step * vectors
    up, down = weights + moved, weights - moved
    gradients = _gradients(engine, weights, np.concatenate([up, down]))
    images: Floats = (gradients[:count] - gradients[count:]) / (2.0 * step)
    return images


def _whole(
    product: Callable[[Floats], Floats], count: int
) -> tuple[float, float, Floats, int] | None:
    """Return largest and smallest eigenvalue, direction and number of products."""
    hessian = product(np.eye(count))
    hessian = 0.5 * (hessian + hessian.T)
    if not np.isfinite(hessian).all():
        return None
    values, vectors = np.linalg.eigh(hessian)
    direction: Floats = vectors[:, -1].copy()
    return float(values[-1]), float(values[0]), direction, count


def _first(count: int, start: Floats | None) -> Floats:
    """Return the vector that Lanczos begins with, of length 1."""
    first = np.random.default_rng(0).standard_normal(count)
    first /= np.linalg.norm(first)
    if start is not None and start.shape == (count,) and np.isfinite(start).all():
        first = start.astype(np.float64) + FRESH * first
        first /= np.linalg.norm(first)
    return first


def _lanczos(
    product: Callable[[Floats], Floats], first: Floats
) -> tuple[float, float, Floats, int] | None:
    """Return as `_whole` does, by H's action on ever more vectors that are orthogonal.

    Every new vector is made orthogonal to all before, twice: rounding would let eigenvalues come
    up more than once otherwise.
    """
    basis = first[None]
    diagonal: list[float] = []
    beside: list[float] = []
    while True:
        image = product(basis[-1:])[0]
        if not np.isfinite(image).all():
            return None
        diagonal.append(float(image @ basis[-1]))
        for _ in range(2):
            image = image - (basis @ image) @ basis
        length = float(np.linalg.norm(image))
        small = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        values, vectors = np.linalg.eigh(small)
        residual = length * abs(float(vectors[-1, -1]))
        # an end that all of H's action on these vectors stays within, but for rounding
        done = length <= 1e-7 * float(np.abs(values).max())
        if done or residual <= TOLERANCE * abs(values[-1]) or len(diagonal) == MOST_PRODUCTS:
            direction = vectors[:, -1] @ basis
            return float(values[-1]), float(values[0]), direction, len(diagonal)
        beside.append(length)
        basis = np.concatenate([basis, image[None] / length])


def _unknown(count: int, loss_name: str) -> Curvature:
    """Return what is said where numbers are not finite."""
    nowhere = np.full(count, np.nan)
    return Curvature(np.nan, np.nan, nowhere, np.nan, False, 0, np.inf, loss_name)


# Safe rate: the learning rate up to which descent is stable, by the curvature of the loss.

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
