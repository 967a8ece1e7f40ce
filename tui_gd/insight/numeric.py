"""The gradient by differences of the loss: how a gradient that was worked out is checked.

Differences are of the loss as it is *shown*, the penalty included. What an engine gives as the
direction of descent is `loss.descent_factor` times that loss's gradient, so divide by it first.

Two errors work against each other. Truncation falls with the step h: as h² for the central
difference, as h for the one-sided. Rounding rises as `ε·L / h`: two losses that agree in most of
their digits are subtracted. So the error over h is a V; its foot lies near `ε^(1/3)` = 6e-6 for
the central difference (error about 1e-10) and near `√ε` = 1.5e-8 for the one-sided (about 1e-8).

A loss with kinks (hinge, mae, relu within the model, the l1 penalty) has no derivative there. A
difference across a kink sees both slopes, whatever the gradient says; the smaller h, the fewer
rows have one within h.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.engine import Engine, computing
from tui_gd.learning.models import Floats

STEPS = tuple(float(f"1e-{power:02d}") for power in range(1, 15))
"""The steps of the table, from 1e-1 to 1e-14."""

Chosen = NDArray[np.bool_] | EllipsisType
ALL = ...

# lanes × parameters of one engine call: 8 MiB of doubles
CHUNK_WEIGHTS = 1 << 20


@dataclass(frozen=True, eq=False)
class Differences:
    """The gradient (parameters,) of the loss at one lane's weights, by two formulas.

    `central` is `(L(w + h) − L(w − h)) / 2h`, `one_sided` is `(L(w + h) − L(w)) / h`, with one
    weight moved at a time. `loss` is L(w).
    """

    step: float
    loss: float
    central: Floats
    one_sided: Floats


class StepError(NamedTuple):
    """The largest relative error over all weights, by both formulas with step `step`."""

    step: float
    central: float
    one_sided: float


def numeric_gradient(engine: Engine, weights: Floats, step: float = 1e-5) -> Differences:
    """Return the gradient of the shown loss at `weights` (parameters,) by differences.

    One call of the engine for all weights: 2·parameters lanes, and one that stays. With more than
    some 700 parameters it is one call for every `CHUNK_WEIGHTS` numbers.

    Source: both formulas as in the tutorial and in cs231n, "Gradient checks".
    """
    parameters = len(weights)
    at_once = max(1, CHUNK_WEIGHTS // (2 * parameters))
    up, down = np.empty(parameters), np.empty(parameters)
    loss = np.nan
    with computing():
        for begin in range(0, parameters, at_once):
            moved = np.arange(begin, min(begin + at_once, parameters))
            count = len(moved)
            lanes = np.repeat(weights[None], 2 * count + 1, axis=0)
            lanes[np.arange(count), moved] += step
            lanes[np.arange(count, 2 * count), moved] -= step
            losses = engine.loss(lanes).astype(np.float64)
            up[moved], down[moved], loss = losses[:count], losses[count:-1], losses[-1]
        central, one_sided = (up - down) / (2.0 * step), (up - loss) / step
    return Differences(step, float(loss), central, one_sided)


def relative_error(
    a: Floats, b: Floats, tiny: float = float(np.finfo(np.float64).smallest_normal)
) -> Floats:
    """Return `|a − b| / max(|a|, |b|, tiny)`, elementwise; NaN where a or b is not finite.

    It is 0 for equal numbers, 2 for opposite ones, ½ where one is twice the other. What is below
    `tiny` is measured against `tiny` instead.
    """
    with np.errstate(invalid="ignore"):
        error: Floats = np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), tiny)
    return error


def limit(weights: Floats) -> float:
    """Return the relative error that tells a right gradient from a wrong one.

    1e-6 in double precision. Right ones are off by rounding alone: with the best h at most by 1e-7,
    with kinks by 5e-7 (measured on seven problems with all losses and several networks, begun and
    trained). The faintest mistake in use, `n − 1` for `n`, is off by 1/n; what is forgotten (a
    factor 2, `p·(1 − p)`, the penalty) by far more. In single precision rounding is 7e5 times as
    coarse (`ε^(2/3)`), and only mistakes above 5 % are told.
    """
    return 1e-6 if weights.dtype == np.float64 else 5e-2


def least_derivative(loss: float, weights: Floats) -> float:
    """Return the size below which no difference tells a derivative to within `limit`.

    `100 · ε^(2/3) · |L| / limit`: what rounding leaves at the foot of the V is `ε·L / h` with
    `h = ε^(1/3)`; sums over many rows and a foot elsewhere make it up to a hundred times that. For
    `tiny` of `relative_error`.
    """
    smallest = np.finfo(np.float64).smallest_normal
    return float(max(100.0 * _epsilon(weights) ** (2 / 3) * abs(loss) / limit(weights), smallest))


def step_table(
    engine: Engine,
    weights: Floats,
    analytic: Floats,
    steps: Sequence[float] = STEPS,
    among: Chosen = ALL,
) -> list[StepError]:
    """Return one row per step: how far differences are from `analytic`, the gradient of the loss.

    `weights` and `analytic` are (parameters,); an engine's direction of descent is to be divided
    by `loss.descent_factor` first. The error is the largest of the weights `among`, relative to
    `least_derivative` where the derivative is smaller than that; inf where one is not finite.
    """
    rows = []
    for step in steps:
        numeric = numeric_gradient(engine, weights, step)
        errors = (
            weight_errors(gradient, analytic, numeric.loss)[among].max(initial=0.0)
            for gradient in (numeric.central, numeric.one_sided)
        )
        rows.append(StepError(step, *map(float, errors)))
    return rows


def weight_errors(numeric: Floats, analytic: Floats, loss: float) -> Floats:
    """Return every weight's relative error as the table has it (parameters,).

    `analytic` is to be of the weights' dtype, which decides how much rounding is expected.
    """
    errors = relative_error(numeric, analytic, least_derivative(loss, analytic))
    return np.nan_to_num(errors, nan=np.inf)


def best_row(table: Sequence[StepError]) -> StepError:
    """Return the row with the smallest error of the central difference."""
    return min(table, key=lambda row: row.central)


def usual_step(weights: Floats) -> float:
    """Return the step of the table nearest to `ε^(1/3)`: 1e-5, in single precision 1e-2."""
    foot = np.log(_epsilon(weights)) / 3.0
    return min(STEPS, key=lambda step: abs(float(np.log(step)) - foot))


def on_kink(engine: Engine, weights: Floats, analytic: Floats) -> NDArray[np.bool_]:
    """Return which weights (parameters,) stand on a kink that explains their difference.

    There the slopes to both sides differ however small h is (elsewhere their gap shrinks with h),
    and the gradient lies between them, as a subgradient has to. A network with relu and biases 0
    begins like this: a row that switches off all units of a layer leaves the next at exactly 0.
    """
    foot = _epsilon(weights) ** (1 / 3)
    far, near = (numeric_gradient(engine, weights, h) for h in (foot, 0.1 * foot))
    least = limit(weights) * least_derivative(near.loss, weights)
    forward, backward = near.one_sided, 2.0 * near.central - near.one_sided
    gap, wider = np.abs(forward - backward), 2.0 * np.abs(far.one_sided - far.central)
    # the slopes are off by h·L''/2, which is little beside the gap where that is a kink's
    below = np.minimum(forward, backward) - 0.01 * gap
    above = np.maximum(forward, backward) + 0.01 * gap
    within = (below <= analytic) & (analytic <= above)
    kink: NDArray[np.bool_] = (gap > 100.0 * least) & (gap > 0.5 * wider) & within
    return kink


def _epsilon(weights: Floats) -> float:
    return float(np.finfo(weights.dtype).eps)
