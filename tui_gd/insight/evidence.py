"""Evidence: the facts behind a verdict on a run, and the ratios that its rules compare.

Every ratio compares numbers of one kind. So it stays the same when the loss is multiplied by a
number and α divided by it, or when all data are, and the weights divided by it and α by its square.
These matter most:

- the change of the loss over the last `WINDOW` epochs, as a share of the loss;
- what is left to gain: `½ gᵀ|H|⁻¹g` as a share of the loss, by which the loss would fall on the
  quadratic with the curvature here. No offset of the target or of the weights changes it;
- what was found to be gained: the share by which the loss really is lower at the end of that step,
  or at the point along −g that the curvature along g says is lowest;
- the slope `‖∇L‖·‖W‖ / L`: the share by which the loss would fall at this slope if the weights
  moved as far as they are long;
- the distance `‖∇L‖ / (|gᵀHg/gᵀg|·‖W‖)`: how far away the gradient would vanish at this curvature,
  as a share of the weights' length. It is small at a minimum and at a saddle, but not on a plateau,
  where gradient and curvature vanish together.

For a function that may be negative, a range of its values replaces the loss: for what is left and
what was gained, the range of the lane so far; otherwise, if that is more, the range that its
curvature makes over the width of the picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tui_gd.learning.models import Floats

WINDOW = 10
HARDLY = 1e-3
"""A loss that changed by less than this share over the window hardly changes."""
ROUNDING = 1e-13
"""A step below this share of the weights is lost in their rounding."""
SATURATED = 1e-3
NO_CURVATURE = 1e-5
FAR_BELOW = 0.3
"""With α below this share of its limit, larger steps promise more."""
SLIGHT = 1e-4
"""The loss curves down slightly with less than this share of the largest curvature."""
NO_BETTER = 0.01
"""A loss must be lower than the best constant's by this share to be better."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """A lane's predictions for the `which` ("test" or "train") rows: counts (classes,) by class.

    `true` counts the rows of each class, `predicted` the rows predicted as it, and `found` those
    predicted as it rightly.
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

    @property
    def only_class(self) -> int | None:
        """The class that is predicted for every row, None if several are or all rows are of it."""
        classes = [index for index, count in enumerate(self.predicted) if count]
        if len(classes) != 1 or self.true[classes[0]] == self.rows:
            return None
        return classes[0]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The facts behind a verdict: one lane's last epochs, starting with epoch `first`.

    `train`, `test`, `norms`, `cosines` are (epochs,), the last belonging to the viewed epoch, NaN
    where not known. `test` are losses on the `held_out` rows, "test" or "validation". `norms` are
    those of the direction g of descent, which is `descent_factor` times the gradient, `cosines[i]`
    is the cosine between an epoch's direction and the one before.

    `learning_rate` is that of the next update, `alpha · factor` with the schedule's factor;
    `last_rate` that of the update that led here. `step` is the length of the next update, which
    leads to the loss `following`. `scale` is the largest length of the weights in the last `WINDOW`
    epochs; on a surface the width of what is drawn.

    `ratio` is the learning rate over its limit. `largest` and `smallest` are eigenvalues of the
    Hessian of the loss, known to within `doubt`; `along` is gᵀHg/gᵀg, `gain` ½ gᵀ|H|⁻¹g. `newton`
    is the loss at the end of the step |H|⁻¹g, `cauchy` that where the quadratic along −g is lowest,
    and `escape` the lowest loss found along the direction that curves down most.

    `start` is the loss of the lane's first weights, `constant` that of the best constant
    predictions, `test_constant` the test loss of these; `start_test` is the test loss of the first
    weights. `best_right` test rows were right near the epoch of the least test loss. `saturated` is
    `saturated_share`, and `stuck` the share of train rows that are saturated at a wrong class;
    `outcome` is what is predicted for the test rows, `r2` their R².

    `plain`: updates are W − α·g; `full_batch`: on all rows. `floor`: the loss cannot be below 0.
    `convex`: it has one minimum. `lowest`: the weights are near a minimum that is known to be
    global. `squared_sigmoid`: the loss is a squared error of a sigmoid or softmax. `overflow` says
    what the next update of a `diverged` lane overflows in.
    """

    first: int
    train: Floats
    test: Floats
    norms: Floats
    cosines: Floats
    learning_rate: float
    scale: float
    factor: float = 1.0
    last_rate: float = math.nan
    step: float = math.nan
    following: float = math.nan
    start: float = math.nan
    constant: float = math.nan
    start_test: float = math.nan
    best_right: int | None = None
    descent_factor: float = 1.0
    ratio: float | None = None
    largest: float | None = None
    smallest: float | None = None
    along: float | None = None
    gain: float = math.nan
    newton: float = math.nan
    cauchy: float = math.nan
    escape: float = math.nan
    doubt: float | None = None
    exact: bool = True
    saturated: float | None = None
    stuck: float | None = None
    plain: bool = True
    full_batch: bool = True
    floor: bool = True
    convex: bool = False
    lowest: bool = False
    squared_sigmoid: bool = False
    diverged: bool = False
    overflow: str | None = None
    outcome: Outcome | None = None
    r2: float = math.nan
    class_names: tuple[str, ...] = ()
    test_constant: float = math.nan
    held_out: str = "test"

    def __post_init__(self) -> None:
        """Raise ValueError unless there is an epoch, and all arrays are equally long."""
        shapes = {np.shape(a) for a in (self.train, self.test, self.norms, self.cosines)}
        if len(shapes) > 1 or len(self.train.shape) != 1 or not len(self.train):
            raise ValueError(f"expected four arrays (epochs,), not of shapes {sorted(shapes)}")


_UNKNOWN: dict[str, Any] = {
    **dict.fromkeys(("largest", "smallest", "along", "doubt", "saturated", "stuck", "outcome")),
    **dict.fromkeys(("gain", "newton", "cauchy", "escape"), math.nan),
}
"""What is measured at an epoch's own weights."""


class Facts:
    """The ratios that the rules compare, `back` epochs before the last; see the module.

    Unknown ratios are NaN, and no comparison with NaN is true. Only the series go back to earlier
    epochs. The curvature and all else belong to the last one, and are taken for those before it
    where the loss was between half and twice as large.
    """

    def __init__(self, evidence: Evidence, back: int = 0) -> None:
        end = len(evidence.train) - back
        if back and evidence.floor:
            last, then = float(evidence.train[-1]), float(evidence.train[end - 1])
            if not last / 2.0 <= then <= 2.0 * last:
                evidence = replace(evidence, **_UNKNOWN)
        self.evidence, self.back = evidence, back
        unknown = np.flatnonzero(~np.isfinite(evidence.train[: end - 1]))
        begin = int(unknown[-1]) + 1 if len(unknown) else 0
        self.first = evidence.first + begin
        self.train, self.test, self.norms, cosines = (
            np.asarray(values[begin:end], np.float64)
            for values in (evidence.train, evidence.test, evidence.norms, evidence.cosines)
        )
        self.epoch = self.first + len(self.train) - 1
        self.steps = min(WINDOW, len(self.train) - 1)
        self.loss, self.norm = float(self.train[-1]), float(self.norms[-1])
        self.following = float(evidence.train[end]) if back else evidence.following
        self.last_cosine, self.cosines = float(cosines[-1]), _finite(cosines[1:][-WINDOW:])
        self.rises = int((np.diff(self.train)[-WINDOW:] > 1e-12 * abs(self.loss)).sum())
        self.gradient = self.norm / evidence.descent_factor
        scale = evidence.scale or math.nan
        self._set_curvature(scale)
        reach = np.fmax(np.ptp(self.train), 0.5 * self.curvature * scale * scale)
        self.size = (abs(self.loss) if evidence.floor else float(reach)) or math.nan
        # the curvature is known at the last epoch only
        last = float(evidence.train[-1])
        fallen = np.fmax(np.ptp(self.train), evidence.start - last)
        self.now = abs(last) if evidence.floor else float(reach)
        self.worth = self.now if evidence.floor or not fallen > 0.0 else float(fallen)
        self.change = self.change_since(len(self.train) - 1 - self.steps)
        self.slope = self.gradient * scale / self.size
        self.bowl = 0.5 * self.curvature * scale * scale / self.size
        step = math.nan if back else evidence.step
        step = evidence.learning_rate * self.norm if math.isnan(step) else step
        self.still = step < ROUNDING * scale

    def _set_curvature(self, scale: float) -> None:
        """Set the largest |eigenvalue|, the doubt, the curvature along g, and the distance."""
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
        """Return gᵀHg/gᵀg by how the last update turned the direction, NaN if that is not known.

        `g₁ = g₀ − α·c·H·g₀`, so `g₀ᵀHg₀/g₀ᵀg₀ = (1 − cos·‖g₁‖/‖g₀‖) / (α·c)`, c the descent factor.
        """
        evidence = self.evidence
        if not (evidence.plain and evidence.full_batch) or len(self.norms) < 2:
            return math.nan
        before, now = (float(norm) for norm in self.norms[-2:])
        bend = 1.0 - self.last_cosine * now / before if before else math.nan
        if not abs(bend) > 1e-9:  # rounding
            return math.nan
        rate = evidence.learning_rate if math.isnan(evidence.last_rate) else evidence.last_rate
        return bend / (rate * evidence.descent_factor or math.nan)

    # What is left to gain

    @property
    def left(self) -> float:
        """The share by which the loss would fall on the quadratic here; NaN where none is known.

        If the gain is not known, the least curvature gives an upper bound.
        """
        evidence, gain = self.evidence, self.evidence.gain
        if math.isnan(gain) and evidence.smallest is not None and evidence.smallest > self.doubt:
            gain = 0.5 * self.gradient * self.gradient / evidence.smallest
        return 0.0 if gain <= ROUNDING * self.now else _share(gain, self.worth)

    @property
    def gained(self) -> float:
        """The share by which the loss was found to be lower elsewhere on the way down."""
        lower = np.fmin(self.evidence.newton, self.evidence.cauchy)
        return _share(float(self.evidence.train[-1] - lower), self.worth)

    @property
    def escapes(self) -> float:
        """The share by which the loss was found to be lower where it curves down."""
        return _share(float(self.evidence.train[-1] - self.evidence.escape), self.worth)

    @property
    def nowhere_down(self) -> bool:
        """Whether the loss is known to curve down in no direction."""
        smallest = self.evidence.smallest
        return smallest is not None and smallest >= -self.doubt

    @property
    def curves_up(self) -> bool:
        """Whether the loss is known to curve up in some direction, and down in none.

        A slight curvature down does not count where it was found to lead nowhere.
        """
        evidence, smallest = self.evidence, self.evidence.smallest
        if smallest is None or evidence.largest is None or not evidence.largest > self.doubt:
            return False
        slight = evidence.floor and smallest >= -SLIGHT * evidence.largest and not self.no_better
        return self.nowhere_down or (slight and self.escapes < HARDLY)

    @property
    def no_better(self) -> bool:
        """Whether the loss is known to be no lower than that of the best constant."""
        return float(self.evidence.train[-1]) > (1.0 - NO_BETTER) * self.evidence.constant

    @property
    def nothing_left(self) -> bool:
        """Whether only rounding error is left of the loss.

        That is between the rounding of the weights and its square, to which squared errors fall. It
        is compared with the start or the best constant, whichever is lower, because a height
        reached by diverging is no measure.
        """
        high = float(np.fmin(self.evidence.start, self.evidence.constant))
        if math.isnan(high):
            high = float(self.train[0])
        return self.evidence.floor and self.loss <= ROUNDING**1.5 * high

    # The learning rate

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
        """Whether α is known to be so far below its limit that a larger one would do better."""
        return self.evidence.ratio is not None and self.evidence.ratio < FAR_BELOW

    # What happened

    def change_since(self, index: int) -> float:
        """Return the change of the loss since the epoch of that index, as a share of it then."""
        before = float(self.train[index])
        change = self.loss - before
        size = abs(before) if self.evidence.floor else self.size
        return change / size if size else (0.0 if not change else math.copysign(math.inf, change))

    @property
    def hardly_changes(self) -> bool:
        """Whether the loss stayed within less than `HARDLY` of itself in the window."""
        range_ = float(np.ptp(self.train[-1 - self.steps :]))
        return range_ < HARDLY * self.size or not range_

    @property
    def above_start(self) -> bool:
        """Whether the loss is above that of the start."""
        start = self.evidence.start
        if math.isnan(start) and not self.first:
            start = float(self.train[0])
        return self.loss > start

    def numbers(self) -> tuple[tuple[str, float], ...]:
        """Return all ratios by name; unknown ones are NaN."""
        evidence = self.evidence

        def known(value: float | None) -> float:
            return math.nan if value is None else value

        return (
            ("epoch", self.epoch),
            ("loss", self.loss),
            ("change of the loss", self.change),
            ("epochs of that change", self.steps),
            ("‖g‖", self.norm),
            ("left to gain", self.left),
            ("found to gain", self.gained),
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


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def stuck_share(p: ArrayLike, y: NDArray[np.generic]) -> float:
    """Return the share of rows that are saturated, as in `saturated_share`, at a wrong class.

    `p` is (rows, classes), `y` (rows,) the classes' numbers. NaN without rows.
    """
    p = np.asarray(p, np.float64)
    if not len(p):
        return math.nan
    sure = (p * (1.0 - p)).max(axis=1) < SATURATED
    return float((sure & (p.argmax(axis=1) != y)).mean())


def saturated_share(p: ArrayLike) -> float:
    """Return the share of rows whose probabilities hardly change with their scores.

    `p` is (rows, classes), or (rows,) for class 1 of two. A row is saturated where `p·(1 − p)`, the
    derivative of a class's probability by its own score, is below 1e-3 for every class: then one
    class has p > 0.999. NaN without rows; a row with a NaN is not saturated.
    """
    p = np.asarray(p, np.float64)
    if not len(p):
        return math.nan
    slopes = p * (1.0 - p)
    largest = slopes if slopes.ndim == 1 else slopes.max(axis=1)
    return float((largest < SATURATED).mean())


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
    """Name the first number of the next update that is not finite.

    They are computed in this order: the direction g, the step α·g, a weight, the scores, the loss,
    the direction there. `direction`, `next_weights` and `next_direction` are (parameters,);
    `largest_score` is the largest |score| at `next_weights`; None is not known. Where a number
    after the weights overflows, the weight farthest from 0 is named. `names` are the weights'.
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
