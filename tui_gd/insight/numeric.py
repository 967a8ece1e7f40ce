"""The gradient by differences of the loss, to check the gradient that descent uses.

The differences are of the loss that is shown, penalty included. An engine's direction of descent is
`loss.descent_factor` times that loss's gradient, so divide it by that factor first.

Two errors work against each other. Truncation falls with the step h: as h² for the central
difference, as h for the one-sided one. Rounding rises as `ε·L / h`, since the two losses agree in
most of their digits. So the error over h is a V; its foot is near `ε^(1/3)` = 6e-6 for the central
difference (error about 1e-10) and near `√ε` = 1.5e-8 for the one-sided one (about 1e-8).

A loss with kinks (hinge, mae, relu in the model, the l1 penalty) has no derivative at them. A
difference across a kink sees both slopes, whatever the gradient is; the smaller h, the fewer rows
have a kink within h.
"""

from collections.abc import Callable, Sequence
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

    It is one call of the engine with 2·parameters + 1 lanes; beyond about 700 parameters, one call
    for every `CHUNK_WEIGHTS` numbers.

    Source: both formulas as in cs231n, "Gradient checks".
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

    It is 0 for equal numbers, 2 for opposite ones, ½ where one is twice the other. Numbers below
    `tiny` are compared with `tiny` instead.
    """
    with np.errstate(invalid="ignore"):
        error: Floats = np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), tiny)
    return error


def limit(weights: Floats) -> float:
    """Return the relative error above which a gradient is wrong.

    1e-6 in double precision. Right gradients differ by rounding alone: with the best h by at most
    1e-7, with kinks by 5e-7 (measured on seven problems with all losses and several networks, at
    the start and after training). The smallest common mistake, `n − 1` for `n`, is off by 1/n; a
    forgotten factor 2, `p·(1 − p)` or penalty by far more. In single precision rounding is 7e5
    times as coarse (`ε^(2/3)`), so only mistakes above 5 % are found.
    """
    return 1e-6 if weights.dtype == np.float64 else 5e-2


def least_derivative(loss: float, weights: Floats) -> float:
    """Return the derivative below which no difference is exact to `limit`.

    `100 · ε^(2/3) · |L| / limit`: rounding at the foot of the V is `ε·L / h` with `h = ε^(1/3)`;
    sums over many rows and a foot elsewhere make it up to a hundred times that. It is the `tiny` of
    `relative_error`.
    """
    smallest = np.finfo(np.float64).smallest_normal
    return float(max(100.0 * _epsilon(weights) ** (2 / 3) * abs(loss) / limit(weights), smallest))


def step_table(
    engine: Engine,
    weights: Floats,
    analytic: Floats,
    among: Chosen = ALL,
    show: Callable[[int, int], None] | None = None,
) -> list[StepError]:
    """Return one row per step: the error of differences against the gradient `analytic`.

    `weights` and `analytic` are (parameters,); divide an engine's direction of descent by
    `loss.descent_factor` first. The error is the largest of the weights `among`, relative to
    `least_derivative` where the derivative is smaller than that; inf where one is not finite.
    `show` is told after every row how many there are, and how many there will be.
    """
    rows: list[StepError] = []
    for step in STEPS:
        numeric = numeric_gradient(engine, weights, step)
        errors = (
            weight_errors(gradient, analytic, numeric.loss)[among].max(initial=0.0)
            for gradient in (numeric.central, numeric.one_sided)
        )
        rows.append(StepError(step, *map(float, errors)))
        if show is not None:
            show(len(rows), len(STEPS))
    return rows


def weight_errors(numeric: Floats, analytic: Floats, loss: float) -> Floats:
    """Return the relative error of every weight (parameters,), as in the table.

    `analytic` has the dtype of the weights, which decides how much rounding is expected.
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
    """Return which weights (parameters,) are on a kink that explains their error.

    On a kink the slopes to both sides differ however small h is (elsewhere the gap shrinks with h),
    and the gradient is between them, as a subgradient has to be. A network with relu starts like
    this where biases are 0: a row that switches off all units of a layer leaves the next at 0.
    """
    foot = _epsilon(weights) ** (1 / 3)
    far, near = (numeric_gradient(engine, weights, h) for h in (foot, 0.1 * foot))
    least = limit(weights) * least_derivative(near.loss, weights)
    forward, backward = near.one_sided, 2.0 * near.central - near.one_sided
    gap, wider = np.abs(forward - backward), 2.0 * np.abs(far.one_sided - far.central)
    # the slopes are off by h·L''/2, which is small beside the gap of a kink
    below = np.minimum(forward, backward) - 0.01 * gap
    above = np.maximum(forward, backward) + 0.01 * gap
    within = (below <= analytic) & (analytic <= above)
    kink: NDArray[np.bool_] = (gap > 100.0 * least) & (gap > 0.5 * wider) & within
    return kink


def _epsilon(weights: Floats) -> float:
    return float(np.finfo(weights.dtype).eps)
