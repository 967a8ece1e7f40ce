"""Curvature: the eigenvalues of the loss's Hessian, and the largest safe learning rate by them.

A product of the Hessian H with a vector v is a central difference of the gradient,
`Hv = (∇L(w + h·v) − ∇L(w − h·v)) / 2h`, two lanes of one engine call. Its error is a V over h:
truncation falls as h², rounding rises as `ε/h`. With `h = ε^(2/5) · (1 + max|w|)`, 5e-7 in double
precision, it is 1e-10 to 1e-8 of `‖Hv‖` (measured on eight problems and losses). It is larger only
if features are so large that the units switch within h. This h is left of the V's foot at
`ε^(1/3)`: a network with relu then has a twentieth of the kinks within h.

On a kink (hinge, mae, l1, relu) the loss has no Hessian, although differences give some number.
There the slopes of the gradient on both sides differ, however small h is; elsewhere their gap
shrinks with h. So every product compares them, and if they differ, there is no result.
"""

from dataclasses import dataclass, replace

import numpy as np

from tui_gd.insight.verdict import times
from tui_gd.learning.engine import Engine, computing
from tui_gd.learning.models import Floats
from tui_gd.problems import Problem
from tui_gd.training.descent import length, lengths

EXACT_PARAMETERS = 32
"""The whole Hessian is computed for at most this many weights."""
TOLERANCE, RESIDUAL = 1e-3, 1e-5
"""Lanczos' method ends when the residuals of the largest and of the smallest eigenvalue are below
these shares of the largest."""
EXACT = 1e-7
"""The whole Hessian's eigenvalues are exact to this share of the largest, and often better."""
MOST_PRODUCTS = 80
"""Lanczos' method ends after this many products, whatever it has found."""
KINK = 0.01
"""The least gap between the slopes on both sides of a kink, over the largest eigenvalue."""

CALL_LANES = 128
"""One engine call has this many lanes, few enough for it to end soon."""
# the random share of the first vector, the rest being the direction found before: if the two
# largest eigenvalues have changed places, that direction alone would not show it
FRESH = 0.1
# the step of the second opinion on an eigenvalue, as a multiple of the first step
FINER = 0.125
# the rounding of a gradient may reach this many ε of its length
GRADIENT_ROUNDING = 1e3


@dataclass(frozen=True, eq=False)
class Curvature:
    """The Hessian of the shown loss, penalty included, at one lane's weights.

    `largest` is its algebraically largest eigenvalue, negative if the loss curves down in every
    direction; `direction` (parameters,) is its eigenvector, of length 1. `smallest` is the smallest
    eigenvalue, to within `doubt`; it is NaN if not known, since Lanczos' method may end before
    finding it. A negative eigenvalue counts even if it may not be the smallest, because it proves
    that there is a way down. `along_gradient` is `gᵀHg / gᵀg`, NaN at g = 0.

    `newton` is the step `|H|⁻¹g` (parameters,) and `gain` `½ gᵀ|H|⁻¹g`, by which the loss falls on
    the quadratic of this curvature. |H| has the absolute eigenvalues, and `doubt` in place of
    smaller ones. They are None and NaN unless `exact`, which means that the whole Hessian was
    computed. `downhill` is the eigenvector of the smallest eigenvalue, if that is negative.
    `products` is the number of products with H.

    `error` is `‖Hv − λv‖ / |λ|` with H by differences of another step. It includes the remainder of
    the iteration and the error of differences; an eigenvalue is within `error · |λ|` of λ. It is
    inf if weights or gradient are not finite, or on a `kink`, and 0 for H = 0.
    """

    largest: float
    smallest: float
    direction: Floats
    along_gradient: float = np.nan
    exact: bool = False
    products: int = 0
    error: float = np.inf
    loss_name: str = ""
    gain: float = np.nan
    newton: Floats | None = None
    downhill: Floats | None = None
    doubt: float = 0.0
    kink: bool = False


def curvature(
    engine: Engine,
    weights: Floats,
    *,
    start: Floats | None = None,
    whole: bool | None = None,
    both_ends: bool = True,
) -> Curvature:
    """Return the curvature of the engine's loss at `weights` (parameters,).

    With the `whole` Hessian (by default up to `EXACT_PARAMETERS` weights), this finds all
    eigenvalues by 2·parameters gradients. Otherwise it uses Lanczos' method, which is power
    iteration that keeps its vectors. That finds both ends of the spectrum, or only the largest
    eigenvalue, with at most `MOST_PRODUCTS`. It starts with a fixed vector, or near `start`, the
    direction found at nearby weights. The engine's `between_blocks` is called between engine calls
    too; what it raises ends the search.

    Source: Lanczos, 1950; Golub and Van Loan, "Matrix Computations", section 10.1. The product by
    differences: Pearlmutter, "Fast exact multiplication by the Hessian", 1994, section 2.
    """
    count = len(weights)
    exact = count <= EXACT_PARAMETERS if whole is None else whole
    with computing():
        hessian = _Differences(engine, weights)
        # for numbers that are not finite, and on a kink
        unknown = Curvature(np.nan, np.nan, np.full(count, np.nan), loss_name=engine.rule.name)
        if not (count and np.isfinite(weights).all() and np.isfinite(hessian.gradient).all()):
            return unknown
        first = _first(count, start)
        found = _whole(hessian) if exact else _lanczos(hessian, first, both_ends=both_ends)
        if found is None:
            return unknown
        slope = hessian.gradient / length(hessian.gradient)
        images = hessian.times(np.stack([found.direction, slope]), FINER * hessian.step)
        residual = length(images[0] - found.largest * found.direction)
        if hessian.on_kink(max(abs(found.largest), abs(np.nan_to_num(found.smallest))), residual):
            return replace(unknown, kink=True)
        error = residual / abs(found.largest) if residual else 0.0
        return replace(
            found,
            doubt=max(found.doubt, residual if exact else 0.0),
            along_gradient=float(images[1] @ slope),
            exact=exact,
            products=hessian.products,
            error=error if np.isfinite(error) else np.inf,
            loss_name=engine.rule.name,
        )


class _Differences:
    """The Hessian by differences of the gradient; `gap` is the largest one between both sides."""

    def __init__(self, engine: Engine, weights: Floats) -> None:
        self._engine, self._weights = engine, weights
        self.gradient: Floats = self._gradients(weights[None].astype(np.float64))[0]
        epsilon = float(np.finfo(weights.dtype).eps)
        self.step = float(epsilon**0.4 * (1.0 + np.abs(weights).max(initial=0.0)))
        self._rounding = GRADIENT_ROUNDING * epsilon * length(self.gradient)
        self.gap = 0.0
        self.products = 0

    def times(self, vectors: Floats, step: float | None = None) -> Floats:
        """Return H times each of `vectors` (vectors, parameters)."""
        step = step or self.step
        parts = []
        for begin in range(0, len(vectors), CALL_LANES // 2):
            moved = step * vectors[begin : begin + CALL_LANES // 2]
            lanes = np.concatenate([self._weights + moved, self._weights - moved])
            up, down = np.split(self._gradients(lanes), 2)
            gaps = lengths(up + down - 2.0 * self.gradient)
            gap = float(gaps[np.isfinite(gaps)].max(initial=0.0)) - self._rounding
            self.gap = max(self.gap, gap / step)
            parts.append((up - down) / (2.0 * step))
        self.products += len(vectors)
        images: Floats = np.concatenate(parts)
        return images

    def on_kink(self, size: float, residual: float) -> bool:
        """Return whether there was a kink, compared with eigenvalues of that size.

        The slopes on both sides then differ. If the gradient on the kink is the middle of both, the
        products of a finer step differ instead, by the `residual` and by more than rounding.
        """
        rounding = self._rounding / (FINER * self.step)
        return self.gap > KINK * size or residual > max(KINK * size, rounding)

    def _gradients(self, lanes: Floats) -> Floats:
        """Return the gradients of the shown loss at `lanes`, computed in the weights' precision."""
        engine = self._engine
        if engine.between_blocks:
            engine.between_blocks()
        direction = engine.loss_and_grad(lanes.astype(self._weights.dtype))[1]
        gradients: Floats = direction.astype(np.float64) / engine.rule.descent_factor
        return gradients


def _whole(differences: _Differences) -> Curvature | None:
    """Find all eigenvalues; None if a product is not finite.

    As from `_lanczos`, `curvature` has yet to fill in `along_gradient`, `exact`, `products`,
    `error` and `loss_name`.
    """
    count = len(differences.gradient)
    hessian = differences.times(np.eye(count))
    hessian = 0.5 * (hessian + hessian.T)
    if not np.isfinite(hessian).all():
        return None
    values, vectors = np.linalg.eigh(hessian)
    doubt = EXACT * float(np.abs(values).max())
    downhill = vectors[:, 0].copy() if values[0] < -doubt else None
    largest, smallest, direction = float(values[-1]), float(values[0]), vectors[:, -1].copy()
    found = Curvature(largest, smallest, direction, doubt=doubt, downhill=downhill)
    if not doubt:
        return found
    along = vectors.T @ differences.gradient
    newton: Floats = vectors @ (along / np.maximum(np.abs(values), doubt))
    return replace(found, gain=0.5 * float(newton @ differences.gradient), newton=newton)


def _first(count: int, start: Floats | None) -> Floats:
    """Return the vector that Lanczos' method starts with, of length 1."""
    first = np.random.default_rng(0).standard_normal(count)
    first /= np.linalg.norm(first)
    if start is not None and start.shape == (count,) and np.isfinite(start).all():
        first = start.astype(np.float64) + FRESH * first
        first /= np.linalg.norm(first)
    return first


def _lanczos(hessian: _Differences, first: Floats, *, both_ends: bool) -> Curvature | None:
    """Find the ends of the spectrum by H's action on ever more orthogonal vectors.

    Every new vector becomes orthogonal to all previous ones, twice. Otherwise rounding would bring
    up the same eigenvalues again.
    """
    basis = first[None]
    diagonal: list[float] = []
    beside: list[float] = []
    while True:
        image = hessian.times(basis[-1:])[0]
        if not np.isfinite(image).all():
            return None
        diagonal.append(float(image @ basis[-1]))
        for _ in range(2):
            image = image - (basis @ image) @ basis
        left = length(image)
        small = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        values, vectors = np.linalg.eigh(small)
        least, largest = float(values[0]), float(values[-1])
        size = max(abs(least), abs(largest))
        # an eigenvalue is within its residual, the action of H that leaves these vectors
        lower, upper = (left * abs(float(vectors[-1, end])) for end in (0, -1))
        # all of H's action stays within these vectors, apart from rounding
        closed = left <= 1e-7 * size
        doubt = RESIDUAL * size
        known = closed or lower <= doubt
        enough = upper <= TOLERANCE * abs(largest) and (known or not both_ends)
        if closed or enough or len(diagonal) == min(MOST_PRODUCTS, len(first)):
            downhill = vectors[:, 0] @ basis if least < -doubt else None
            smallest = least if known or downhill is not None else np.nan
            direction = vectors[:, -1] @ basis
            return Curvature(largest, smallest, direction, doubt=doubt, downhill=downhill)
        beside.append(left)
        basis = np.concatenate([basis, image[None] / left])


# The largest safe learning rate

KINKED = frozenset({"hinge", "mae"})
LARGEST_ERROR = 0.1
"""An eigenvalue with a larger `Curvature.error` is not used."""

_FLAT = "no upward curvature: λ is 0"


@dataclass(frozen=True)
class SafeRate:
    """The learning rate up to which descent is stable on a quadratic of this curvature.

    A `limit` of None means that there is none, and `why` says why. `formula` is the limit in terms
    of λ; `below` and `above` say what a learning rate on that side of it does.
    """

    limit: float | None
    why: str = ""
    formula: str = ""
    below: str = ""
    above: str = ""

    def ratio(self, rate: float) -> float | None:
        """Return `α / limit`, or None without a limit."""
        return None if self.limit is None else rate / self.limit

    def follows(self, rate: float) -> str:
        """Return what a learning rate does on its side of the limit; empty without a limit."""
        share = self.ratio(rate)
        if share is None:
            return ""
        return self.below if share <= 1.0 else self.above


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
        # if the loss bends up again, no Hessian here can tell
        below = "the loss curves more down than up here, λ says nothing of far larger steps"
    return SafeRate(limit, "", formula, below, "a step may overshoot")


def compared(rate: float, safe: SafeRate) -> str:
    """Return how a learning rate compares with its limit, in one line.

    >>> compared(0.01, SafeRate(3.06, formula="4/λ"))
    'α 0.01: 310 times below the largest safe step, 3.06 (4/λ)'
    """
    share = safe.ratio(rate)
    if share is None or safe.limit is None:
        return f"no limit for α: {safe.why}"
    if share <= _SEVERAL:
        place = f"{_rounded(1.0 / share)} times below"
    elif share <= 1.0:
        # rounded down: 100 % would be the limit itself
        place = f"{100.0 if share == 1.0 else min(100.0 * share, 99.0):.0f} % of"
    else:
        place = f"{_rounded(share)} times"
    return f"α {rate:.4g}: {place} the largest safe step, {safe.limit:.3g} ({safe.formula})"


_SEVERAL = 0.5
"""Below this share of the limit, the text says how many times below."""


def _rounded(factor: float) -> str:
    """Return a factor above 1 to two digits, and to more if it would read 1."""
    text = times(factor)
    return f"{factor:.3g}" if text == "1" else text


def wording(rate: float, safe: SafeRate) -> str:
    """Return `compared`, and what follows from it.

    Counted over 36,000 random states of 18 models (`benchmarks/curvature.py --states 2000`): below
    the limit, a step of plain descent lowers the loss in 99.1 to 100 % of them, depending on the
    model. With huber, whose λ counts only rows within 1, it is 92 to 97 %; on a quadratic, always.
    Above the limit, it is still 5 to 95 %, and less if more of the gradient lies across the valley:
    the step *may* overshoot. Momentum settles: after 100 updates, the loss is no higher in 98 to
    100 %.
    """
    follows = safe.follows(rate)
    return f"{compared(rate, safe)}: {follows}" if follows else compared(rate, safe)


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
        (found.kink, "the loss has a kink here, and no curvature"),
        (not np.isfinite(found.largest), "the numbers are not finite here"),
        (found.largest == 0.0, _FLAT),
        (found.largest < 0.0, "no upward curvature here"),
        (found.error > LARGEST_ERROR, "the curvature is not known here: it is next to 0"),
    )
    return next((why for holds, why in reasons if holds), "")


BENT = frozenset({"hinge", "mae", "huber"})
"""Losses whose curvature at one place says nothing about other places."""
ADAPTIVE_RATE = 0.01
"""Optimizers that scale the step of every weight by themselves: curvature sets them no limit."""


def auto_rate(engine: Engine, weights: Floats, classes: int = 2) -> float:
    """Return a learning rate for plain descent and momentum from the curvature at `weights`.

    It is `1 / (f·λ)`, half of plain descent's limit, rounded down to two digits: λ is the largest
    eigenvalue of the Hessian and f the direction of descent over the gradient. Cross-entropy over K
    > 2 classes may curve K/2 times as much elsewhere as at equal probabilities, so λ is taken K/2
    times. If the loss does not curve up, and for losses in `BENT`, it is 0.01.

    Source: Nesterov, "Introductory Lectures on Convex Optimization", 2004, section 1.2.3.
    """
    if engine.rule.name in BENT:
        return ADAPTIVE_RATE
    largest = curvature(engine, weights).largest
    if engine.rule.name == "cross-entropy" and classes > 2:
        largest *= classes / 2.0
    if not 0.0 < largest < np.inf:
        return ADAPTIVE_RATE
    rate = 1.0 / (engine.rule.descent_factor * largest)
    scale = 10.0 ** (np.floor(np.log10(rate)) - 1.0)
    return float(f"{np.floor(rate / scale + 1e-9) * scale:.2g}")


MOST_FEATURES, MOST_TERMS = 500, 1_000_000_000
"""No penalty is sought for more features d than this, nor if n·d·max(d, 100) is larger for n rows:
it would take seconds, or a second copy of large data."""
LEAST_RATIO, MOST_RATIO = 0.1, 10.0
"""The least penalty that is used and the greatest, as multiples of the mean curvature."""


def auto_l2(problem: Problem, loss: str) -> float:
    """Return the l2 penalty that the train rows call for; 0 unless the columns say little.

    It is the λ of greatest evidence in Bayesian linear regression. The targets Y, (n, C), are the
    target, or for K classes their K − 1 indicators, all uncorrelated and of variance 1. Given the
    columns X, all centred, `Y ~ N(0, σ²(I + XXᵀ/(nλ)))` in the n − 1 dimensions that centring
    leaves. With the eigenvalues h and eigenvectors U of `XᵀX/n`, and `z = UᵀXᵀY/n`, the logarithm
    of the evidence is, up to a constant,

        −½·(n − 1)·C·log σ² − ½·C·Σ log(1 + h/λ),   σ² = (‖Y‖² − n·Σ z²/(h + λ)) / ((n − 1)·C)

    A λ of a tenth of the mean of h or less changes what is predicted too little to be worth a
    penalty, and is taken as 0. Otherwise it is multiplied with the curvature that the loss has
    along one unit of `½(f − y)²`, 2 for mse, and for cross-entropy the indicators' mean variance
    at equal predictions for all rows; it is rounded to two digits.

    Data in parts, data too large (`MOST_FEATURES`, `MOST_TERMS`) and other losses have no penalty.

    Source: MacKay, "Bayesian interpolation", Neural Computation 4, 1992.
    """
    n, d = len(problem.y_train), problem.features
    too_large = d > MOST_FEATURES or n * d * max(d, 100) > MOST_TERMS
    if loss not in {"mse", "cross-entropy"} or problem.parts or too_large:
        return 0.0
    x = problem.rows(problem.x_train, slice(0, n))
    x = (x.toarray() if problem.is_sparse else x)[:, :-1]  # type: ignore[attr-defined]
    x = x - x.mean(axis=0)
    y = problem.y_train.astype(np.float64)[:, None]
    if problem.task != "regression":
        y = (problem.y_train[:, None] == np.arange(len(problem.class_names))).astype(np.float64)
    y -= y.mean(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        squares, target_squares = x.T @ x / n, y.T @ y / n
    if not (np.isfinite(squares).all() and np.isfinite(target_squares).all()):
        return 0.0
    variances, axes = np.linalg.eigh(target_squares)
    seen = variances > 1e-9 * variances.max(initial=0.0)
    values, vectors = np.linalg.eigh(squares)
    curved = values > 1e-9 * values.max(initial=0.0)
    if not (seen.any() and curved.any()):
        return 0.0
    targets = y @ axes[:, seen] / np.sqrt(variances[seen])
    h, count = values[curved], int(seen.sum())
    z2 = ((vectors[:, curved].T @ (x.T @ targets) / n) ** 2).sum(axis=1)
    ratios = np.geomspace(LEAST_RATIO / 100.0, MOST_RATIO, 81)
    penalties = ratios[:, None] * h.mean()
    variance = np.maximum(count - (z2 / (h + penalties)).sum(axis=1), 0.0) / count
    with np.errstate(divide="ignore"):
        evidence = -(n - 1) * np.log(variance) - np.log1p(h / penalties).sum(axis=1)
    best = int(evidence.argmax())
    if ratios[best] < LEAST_RATIO:
        return 0.0
    if problem.task == "regression":
        scale = 2.0
    else:
        scale = variances[seen].mean() / (2.0 if problem.task == "binary" else 1.0)
    return float(f"{penalties[best, 0] * scale:.2g}")
