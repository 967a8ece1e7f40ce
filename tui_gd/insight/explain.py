"""One step in numbers: the names of the weights, and one sample's way to its share of g.

Also a loss curve in three sentences, for those who cannot see it: fall, knee and plateau.
"""

from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from tui_gd.learning.losses import Sigmoid, make_loss, softmax
from tui_gd.learning.models import ACTIVATIONS, Floats, Model
from tui_gd.problems import Problem
from tui_gd.training.spans import ThinnedSeries

# One step

# one row's part of the loss, and its δ = d loss / d score as used in descent; n is the number of
# rows, t = ±1 the class, and for several classes e = p − onehot(y)
_FORMULAS = {
    ("binary", "sse"): ("(p − y)²", "(p − y)·p(1−p)"),
    ("binary", "mse"): ("(p − y)² / n", "2·(p − y)·p(1−p) / n"),
    ("binary", "cross-entropy"): ("−ln(p of class y) / n", "(p − y) / n"),
    ("binary", "hinge"): ("max(0, 1 − t·z) / n", "−t / n where t·z < 1, else 0"),
    ("multiclass", "sse"): ("sum e²", "p·(e − sum e·p)"),
    ("multiclass", "mse"): ("sum e² / n", "2·p·(e − sum e·p) / n"),
    ("multiclass", "cross-entropy"): ("−ln(p of class y) / n", "(p − onehot(y)) / n"),
    ("multiclass", "hinge"): (
        "sum of max(0, z − z of class y + 1) / n",
        "1 / n where positive; class y: −their sum",
    ),
    ("regression", "sse"): ("(z − y)²", "z − y"),
    ("regression", "mse"): ("(z − y)² / n", "2·(z − y) / n"),
    ("regression", "mae"): ("|z − y| / n", "sign(z − y) / n"),
    ("regression", "huber"): ("error² / 2n, past 1: (|error| − ½) / n", "error, at most ±1, / n"),
}


@dataclass(frozen=True, eq=False)
class Quantity:
    """A name, the formula that gives it, and its numbers."""

    name: str
    formula: str
    values: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class BackwardLayer:
    """A layer's part in the backward pass of one row: weight k → j has the share `aₖ · δⱼ` of g.

    `inputs` (inputs + 1,) are the aₖ that go into the layer, 1 for the bias last. `delta` (units,)
    are the δⱼ: of the last layer d loss / d zⱼ as descent uses it, of those below
    `δⱼ = f′(zⱼ) · sum over l of w_jl · δ_l`. `slopes` (units,) are the f′(zⱼ), None of the last.
    """

    inputs: Floats
    slopes: Floats | None
    delta: Floats

    @property
    def shares(self) -> Floats:
        """The shares of the layer's weights, (inputs + 1, units)."""
        return np.outer(self.inputs, self.delta)


@dataclass(frozen=True, eq=False)
class Chain:
    """x → z → p → error → loss → δ → share, for one row and one lane.

    With hidden layers there is a quantity for each of them before z. `share` (parameters,) is the
    row's part of the gradient g, `layers` is the backward pass that leads to it, first layer first.
    """

    x: Floats
    y: float
    steps: tuple[Quantity, ...]
    share: Floats
    layers: tuple[BackwardLayer, ...]


def chain(
    model: Model, task: str, loss: str, weights: Floats, x: Floats, y: float, rows: int
) -> Chain:
    """Return the chain of row `x` (features + 1,) with target `y` among `rows` training rows.

    The numbers come from the functions that train, applied to this one row.
    """
    rule = make_loss(loss, task)
    buffers = model.buffers(1, 1)
    lane, row = weights[None].astype(np.float64), x[None].astype(np.float64)
    target = np.array([y])
    with np.errstate(all="ignore"):
        z = np.atleast_1d(model.scores(lane, row, buffers)[0, 0]).copy()
        own = rule.block(buffers.scores, target, buffers.delta, buffers.spare, True)[0]
        delta = buffers.delta * rule.grad_scale(rows)
        share = model.gradient(lane, row, delta, buffers)[0]
    own_formula, delta_formula = (
        formula.replace(" n", f" {rows}").replace("2n", f"2·{rows}")
        for formula in _FORMULAS[task, loss]
    )
    steps = [*_hidden(model, buffers.hidden), Quantity("z", _score_formula(model), tuple(z))]
    steps += _output(task, loss, z, y)
    steps.append(Quantity("loss", own_formula, (float(own * rule.loss_scale(rows)),)))
    flat = tuple(np.atleast_1d(delta[0, 0]).tolist())
    steps.append(Quantity("δ", delta_formula, flat))
    layers = _backward(model, lane, buffers.hidden, x, np.array(flat))
    return Chain(x, y, tuple(steps), share, layers)


def _backward(
    model: Model, weights: Floats, hidden: tuple[Floats, ...], x: Floats, delta: Floats
) -> tuple[BackwardLayer, ...]:
    """Return the backward pass from the δ of the outputs (outputs,), first layer first."""
    inputs = [x, *(layer[0, 0] for layer in hidden)]
    layers = [BackwardLayer(inputs[-1], None, delta)]
    with np.errstate(all="ignore"):
        for number in range(len(hidden), 0, -1):
            matrix = model.matrices(weights)[number][0]
            slopes = np.ones((1, len(inputs[number]) - 1))
            ACTIVATIONS[model.activation].carry_back(slopes, inputs[number][None, :-1])
            delta = slopes[0] * (matrix[:-1] @ delta)
            layers.append(BackwardLayer(inputs[number - 1], slopes[0], delta))
    return tuple(reversed(layers))


def _score_formula(model: Model) -> str:
    return f"W{len(model.hidden) + 1}·a{len(model.hidden)}" if model.hidden else "w·x"


def _hidden(model: Model, layers: tuple[Floats, ...]) -> list[Quantity]:
    quantities = []
    for number, layer in enumerate(layers, 1):
        below = "x" if number == 1 else f"a{number - 1}"
        formula = f"{model.activation}(W{number}·{below})"
        quantities.append(Quantity(f"a{number}", formula, tuple(layer[0, 0, :-1].tolist())))
    return quantities


def _output(task: str, loss: str, z: Floats, y: float) -> list[Quantity]:
    """Return the quantities between the scores and the loss."""
    if task == "regression":
        return [Quantity("error", "z − y", (float(z[0]) - y,))]
    if loss == "hinge":
        if task == "multiclass":
            return []
        sign = 1.0 if y == 1 else -1.0
        return [Quantity("t·z", "(2y − 1)·z", (sign * float(z[0]),))]
    if task == "binary":
        p = float(Sigmoid(np.float64)(z, np.empty(1))[0])
        return [
            Quantity("p", "1/(1+e^−z)", (p,)),
            Quantity("error", "p − y", (p - y,)),
        ]
    p_all = np.empty((1, 1, len(z)))
    softmax(z[None, None].copy(), p_all)
    error = p_all[0, 0].copy()
    error[int(y)] -= 1.0
    return [
        Quantity("p", "softmax(z)", tuple(p_all[0, 0].tolist())),
        Quantity("e", "p − onehot(y)", tuple(error.tolist())),
    ]


def weight_names(problem: Problem, model: Model) -> tuple[str, ...]:
    """Return a name for each weight of a lane, in the order of its row.

    The weights of a surface are its variables. Without hidden layers a weight has its feature's
    name, with several classes `feature → class`. In a network `layer 2: 3 → 1` leads from unit 3
    below to unit 1 of layer 2; features and several classes go by their names.
    """
    if problem.surface:
        return problem.surface.names
    return _names(problem.feature_names, model.hidden, problem.class_names[: model.outputs])


@lru_cache(maxsize=4)
def _names(
    features: tuple[str, ...], hidden: tuple[int, ...], classes: tuple[str, ...]
) -> tuple[str, ...]:
    outputs = classes if len(classes) > 1 else ("1",)
    if not hidden and len(outputs) == 1:
        return (*features, "bias")
    units = [tuple(str(unit) for unit in range(1, size + 1)) for size in hidden]
    layers = list(pairwise([features, *units, outputs]))
    return tuple(
        f"{f'layer {number}: ' if hidden else ''}{start} → {end}"
        for number, (below, above) in enumerate(layers, 1)
        for start in (*below, "bias")
        for end in above
    )


# A curve in sentences

FLAT = 0.01
"""A plateau stays within this share of its largest value …"""
PLATEAU = 0.1
"""… for at least this share of the epochs."""
FALL = 0.9
"""By the knee this share of the fall is done …"""
KNEE = 0.5
"""… within this share of the epochs; a straight line needs FALL of them."""

ROUNDING = 1e-9
"""What rises by a smaller share may have been rounded."""


def describe(curve: ThinnedSeries, what: str, diverged: int | None = None) -> list[str]:
    """Return three sentences about a curve of losses Lₖ at epochs k, one if there is one loss.

    The fall is from the first loss to the last one, the knee the first epoch k with
    L₀ − Lₖ ≥ 0.9 (L₀ − min L), the plateau the most epochs on end within which
    max L − min L ≤ 0.01 max |L|. `diverged` is the last epoch with a finite loss, if there is one.
    """
    epochs, values = curve.epochs, curve.values
    if len(values) == 0:
        return [f"There is no {what} yet."]
    if len(values) == 1:
        return [f"There is one {what} so far: {values[0]:.6g} at epoch {epochs[0]}."]
    return [_fall(curve, what, diverged), _knee(curve), _plateau(curve)]


def _fall(curve: ThinnedSeries, what: str, diverged: int | None) -> str:
    epochs, values = curve.epochs, curve.values
    first, last, least = values[0], values[-1], int(values.argmin())
    by = _by(first, last)
    sentence = (
        f"The {what} {_goes(first, last)} from {first:.6g} at epoch {epochs[0]}"
        f" to {last:.6g} at epoch {epochs[-1]}{by and f',{by}'}"
    )
    if values[least] < min(first, last) - FLAT * abs(last):
        sentence += f"; its lowest value is {values[least]:.6g} at epoch {epochs[least]}"
    steps = int(epochs[-1] - epochs[0])
    rises = int((np.diff(values) > ROUNDING * np.abs(values[1:])).sum())
    if rises and steps == len(values) - 1:
        sentence += f"; it rises in {rises} of {steps} epochs"
    if diverged is not None:
        sentence += "; after that it is no longer finite"
    return f"{sentence}."


def _knee(curve: ThinnedSeries) -> str:
    epochs, values = curve.epochs, curve.values
    whole = values[0] - values.min()
    if whole <= 0:
        return "There is no knee: it never falls below its start."
    knee = epochs[np.argmax(values[0] - values >= FALL * whole)]
    if knee - epochs[0] > KNEE * (epochs[-1] - epochs[0]):
        return f"There is no knee: nine tenths of the fall take until epoch {knee}."
    return f"The knee is at epoch {knee}: nine tenths of the fall are done by then."


def _plateau(curve: ThinnedSeries) -> str:
    epochs, values = curve.epochs, curve.values
    first, last = _flattest(curve)
    whole = epochs[-1] - epochs[0]
    if epochs[last] - epochs[first] >= max(PLATEAU * whole, 1):
        until = "on" if last == len(epochs) - 1 else f"to {epochs[last]}"
        near = f"{np.median(values[first : last + 1]):.6g}"
        return (
            f"It has a plateau: from epoch {epochs[first]} {until} it stays at {near} within 1 %."
        )
    tenth = int(np.searchsorted(epochs, epochs[-1] - PLATEAU * whole, side="right")) - 1
    begin, end = values[tenth], values[-1]
    return (
        f"There is no plateau: from epoch {epochs[tenth]} on it still {_goes(begin, end)}"
        f"{_by(begin, end)}."
    )


def _flattest(curve: ThinnedSeries) -> tuple[int, int]:
    """Return the first and the last point of the plateau; of equally long ones the last."""
    epochs, values = curve.epochs, curve.values
    highest: deque[int] = deque()
    lowest: deque[int] = deque()
    begin, found = 0, (0, 0)
    for end, value in enumerate(values):
        while highest and values[highest[-1]] <= value:
            highest.pop()
        while lowest and values[lowest[-1]] >= value:
            lowest.pop()
        highest.append(end)
        lowest.append(end)
        while not _is_flat(values[lowest[0]], values[highest[0]]):
            begin += 1
            for ends in (highest, lowest):
                if ends[0] < begin:
                    ends.popleft()
        if epochs[end] - epochs[begin] >= epochs[found[1]] - epochs[found[0]]:
            found = begin, end
    return found


def _is_flat(low: float, high: float) -> bool:
    return bool(high - low <= FLAT * max(abs(low), abs(high)))


def _goes(first: float, last: float) -> str:
    return "falls" if last < first else "rises" if last > first else "goes"


def _by(first: float, last: float) -> str:
    """Return the change as a share of the first value, where that has a meaning."""
    if first <= 0 or last < 0 or first == last:
        return ""
    if last > 10 * first:
        return f" {last / first:.3g}-fold"
    share = abs(last - first) / first
    return f" by {100 * share:.4g} %" if not 0.9999 < share < 1 else " by more than 99.99 %"
