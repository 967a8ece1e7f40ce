"""Evidence: what a verdict on a run is found from, and the ratios that it rests on.

Every ratio is of numbers of one kind, so it stays when the loss is multiplied by a number (and α
divided by it), or all data are (and the weights divided by it, α by its square). These carry most:

- the change of the loss over the last `WINDOW` epochs, of the loss;
- the slope `‖∇L‖·‖W‖ / L`: by what share of itself the loss would fall, were the slope to stay as
  it is, if the weights moved as far as they are long;
- the distance `‖∇L‖ / (|gᵀHg/gᵀg|·‖W‖)`: how far the weights are, of their length, from where the
  gradient vanishes, were the curvature to stay. Small at a minimum and at a saddle, not on a
  plateau: there gradient and curvature vanish together;
- the bowl `½·|λ|·‖W‖² / L`: the same as the slope for the largest curvature λ.

Of a function that may be negative, L is how much it can change as far as it is known: over the
epochs, or by its curvature.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tui_gd.learning.models import Floats

WINDOW = 10
HARDLY = 1e-3
# a step below this, of the weights, is lost in their rounding
ROUNDING = 1e-13
SATURATED = 1e-3
NO_CURVATURE = 1e-5
# α so far below its limit: a larger one promises more
FAR_BELOW = 0.3


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a lane predicts for the `which` ("test" or "train") rows: counts (classes,) by class.

    `true` are the rows of every class, `predicted` those that are taken for it, `found` those that
    are taken for it rightly.
    """

    which: str
    true: tuple[int, ...]
    predicted: tuple[int, ...]
    found: tuple[int, ...]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.true)

    @property
    def right(self) -> int:
        """How many rows are right."""
        return sum(self.found)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a verdict is found from: one lane's last epochs, the first being epoch `first`.

    `train`, `test`, `norms`, `cosines` are (epochs,), the last belonging to the viewed epoch, NaN
    where not known. `norms` are those of the direction g of descent, which is `descent_factor`
    times the gradient, `cosines[i]` that between an epoch's direction and the one before. `scale`
    is the length of the weights, best the largest so far; `step` that of the next update, which
    leads to the loss `following`.

    `ratio` is α over its limit; `largest` and `smallest` are eigenvalues of the Hessian of the
    loss, known to within `doubt`; `along` is gᵀHg/gᵀg. `saturated` is what
    `saturated_share` gives, `highest` a loss from before these epochs, best the lane's first.
    `plain`: updates are W − α·g on all rows. `floor`: the loss cannot be below 0. `convex`: it
    has one minimum. `lowest`: the weights are known to be near one that none is below.
    `squared_sigmoid`: it is made of squared errors of a sigmoid or softmax. `overflow` says
    what the next update of a `diverged` lane overflows in.
    """

    first: int
    train: Floats
    test: Floats
    norms: Floats
    cosines: Floats
    learning_rate: float
    scale: float
    step: float = math.nan
    following: float = math.nan
    highest: float = math.nan
    descent_factor: float = 1.0
    ratio: float | None = None
    largest: float | None = None
    smallest: float | None = None
    along: float | None = None
    doubt: float | None = None
    exact: bool = True
    saturated: float | None = None
    plain: bool = True
    floor: bool = True
    convex: bool = False
    lowest: bool = False
    squared_sigmoid: bool = False
    diverged: bool = False
    overflow: str | None = None
    outcome: Outcome | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError unless there is an epoch, and all arrays are as long."""
        shapes = {np.shape(a) for a in (self.train, self.test, self.norms, self.cosines)}
        if len(shapes) > 1 or len(self.train.shape) != 1 or not len(self.train):
            raise ValueError(f"wanted are four arrays (epochs,), not of shapes {sorted(shapes)}")


class Facts:
    """The ratios that the rules look at; see the module.

    What is not known is NaN, which no comparison finds true.
    """

    first: int
    train: Floats
    test: Floats
    norms: Floats
    epoch: int
    steps: int
    loss: float
    norm: float
    last_cosine: float
    cosines: Floats
    rises: int
    gradient: float
    size: float
    change: float
    slope: float
    bowl: float
    still: bool
    curvature: float
    doubt: float
    along: float
    distance: float

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        unknown = np.flatnonzero(~np.isfinite(evidence.train[:-1]))
        begin = int(unknown[-1]) + 1 if len(unknown) else 0
        self.first = evidence.first + begin
        self.train, self.test, self.norms, cosines = (
            np.asarray(values[begin:], np.float64)
            for values in (evidence.train, evidence.test, evidence.norms, evidence.cosines)
        )
        self.epoch = self.first + len(self.train) - 1
        self.steps = min(WINDOW, len(self.train) - 1)
        self.loss, self.norm = float(self.train[-1]), float(self.norms[-1])
        self.last_cosine, self.cosines = float(cosines[-1]), _finite(cosines[1:][-WINDOW:])
        self.rises = int((np.diff(self.train)[-WINDOW:] > 1e-12 * abs(self.loss)).sum())
        self.gradient = self.norm / evidence.descent_factor
        scale = evidence.scale or math.nan
        self._measure_curvature(scale)
        reach = np.fmax(np.ptp(self.train), 0.5 * self.curvature * scale**2)
        self.size = (abs(self.loss) if evidence.floor else float(reach)) or math.nan
        self.change = self.change_since(len(self.train) - 1 - self.steps)
        self.slope = self.gradient * scale / self.size
        self.bowl = 0.5 * self.curvature * scale**2 / self.size
        step = evidence.step
        step = evidence.learning_rate * self.norm if math.isnan(step) else step
        self.still = step < ROUNDING * scale

    def _measure_curvature(self, scale: float) -> None:
        """Set the largest |eigenvalue|, the curvature along g, and the distance."""
        evidence = self.evidence
        known = [abs(e) for e in (evidence.largest, evidence.smallest) if e is not None]
        self.curvature = max(known, default=math.nan)
        doubt = evidence.doubt
        self.doubt = NO_CURVATURE * self.curvature if doubt is None else doubt
        self.along = self._along() if evidence.along is None else evidence.along
        self.distance = self.gradient / (abs(self.along) * scale) if self.along else math.nan
        if not self.gradient and self.curvature > 0.0:
            self.distance = 0.0

    def _along(self) -> float:
        """Return gᵀHg/gᵀg from how the last update turned the direction, NaN if that is unknown.

        `g₁ = g₀ − α·c·H·g₀`, so `g₀ᵀHg₀/g₀ᵀg₀ = (1 − cos·‖g₁‖/‖g₀‖) / (α·c)`, c the descent factor.
        """
        evidence = self.evidence
        if not evidence.plain or len(self.norms) < 2:
            return math.nan
        before, now = (float(norm) for norm in self.norms[-2:])
        bend = 1.0 - self.last_cosine * now / before if before else math.nan
        if not abs(bend) > 1e-9:  # rounding
            return math.nan
        return bend / (evidence.learning_rate * evidence.descent_factor or math.nan)

    @property
    def limit(self) -> float | None:
        """The largest safe learning rate, None where it is not known."""
        ratio = self.evidence.ratio
        limit = self.evidence.learning_rate / ratio if ratio and math.isfinite(ratio) else math.nan
        return limit if 0.0 < limit < math.inf else None

    @property
    def above_limit(self) -> bool:
        """Whether α is known to be above its limit."""
        return self.evidence.ratio is not None and self.evidence.ratio > 1.0

    @property
    def far_below_limit(self) -> bool:
        """Whether α is known to be so far below its limit that a larger one promises more."""
        return self.evidence.ratio is not None and self.evidence.ratio < FAR_BELOW

    @property
    def nothing_left(self) -> bool:
        """Whether all of the loss is gone but for what rounding leaves.

        That is between the rounding of the weights and its square, to which squared errors fall.
        """
        highest = np.fmax(self.evidence.highest, self.train.max())
        return self.evidence.floor and self.loss <= ROUNDING**1.5 * float(highest)

    def change_since(self, index: int) -> float:
        """Return the change of the loss since the epoch of that index, of the loss then."""
        before = float(self.train[index])
        change = self.loss - before
        size = abs(before) if self.evidence.floor else self.size
        return change / size if size else (0.0 if not change else math.copysign(math.inf, change))

    @property
    def hardly_changes(self) -> bool:
        """Whether the loss changed by less than `HARDLY` of itself in the window."""
        return abs(self.change) < HARDLY or not self.loss - self.train[-1 - self.steps]

    def numbers(self) -> tuple[tuple[str, float], ...]:
        """Return all of it by name, NaN what is not known."""
        evidence = self.evidence

        def known(value: float | None) -> float:
            return math.nan if value is None else value

        return (
            ("epoch", self.epoch),
            ("loss", self.loss),
            ("change of the loss", self.change),
            ("epochs of that change", self.steps),
            ("‖g‖", self.norm),
            ("slope", self.slope),
            ("distance", self.distance),
            ("bowl", self.bowl),
            ("cosine", float(self.cosines[-1]) if len(self.cosines) else math.nan),
            ("α / limit", known(evidence.ratio)),
            ("largest eigenvalue", known(evidence.largest)),
            ("smallest eigenvalue", known(evidence.smallest)),
            ("curvature along g", self.along),
            ("saturated", known(evidence.saturated)),
        )


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def saturated_share(p: ArrayLike) -> float:
    """Return the share of rows whose probabilities hardly follow their scores.

    `p` is (rows, classes), or (rows,) of class 1 of two. A row is saturated where `p·(1 − p)`, the
    derivative of a class's probability by its own score, is below 1e-3 for every class: then one
    class has p > 0.999. NaN without rows; a row with a NaN is not saturated.
    """
    p = np.asarray(p, np.float64)
    if not len(p):
        return math.nan
    slopes = p * (1.0 - p)
    largest = slopes if slopes.ndim == 1 else slopes.max(axis=1)
    return float((largest < SATURATED).mean())


# Overflow: which number is the first that is not finite where a run cannot go on.


def overflow_of(
    direction: Floats,
    learning_rate: float,
    next_weights: Floats,
    next_loss: float,
    *,
    next_direction: Floats | None = None,
    largest_score: float | None = None,
    names: Sequence[str] = (),
) -> str:
    """Return in words which number of the next update is the first that is not finite.

    In the order of computing: the direction g, the step α·g, a weight, the scores, the loss, the
    direction there. `direction`, `next_weights` and `next_direction` are (parameters,);
    `largest_score` is the largest |score| at `next_weights`; None is not known. With what comes
    after the weights, the weight that is farthest from 0 is named. `names` are the weights'.
    """
    label = [f"weight {i} ({name})" for i, name in enumerate(names, 1)]
    label += [f"weight {i}" for i in range(len(label) + 1, len(direction) + 1)]
    with np.errstate(all="ignore"):
        for what, values in (
            ("the gradient for ", direction),
            ("the step α·g for ", learning_rate * np.asarray(direction, np.float64)),
            ("", next_weights),
        ):
            if not np.isfinite(values).all():
                return f"{what}{label[int(np.argmin(np.isfinite(values)))]} overflowed"
    far = int(np.argmax(np.abs(next_weights)))
    went = f"{label[far]} went to {next_weights[far]:.2g}".replace("to -", "to −")
    for what, value in (
        ("the scores", largest_score),
        ("the loss", next_loss),
        ("the gradient", next_direction),
    ):
        if value is not None and not np.isfinite(value).all():
            return f"{what} overflowed: {went}"
    return f"a number that the optimizer keeps overflowed: {went}"
