"""The units of a network: their names and formulas, what they hand on, and between what."""

from collections.abc import Sequence

import numpy as np

from tui_gd.learning.models import Floats, Model
from tui_gd.plots.cells import width
from tui_gd.plots.network import Unit
from tui_gd.problems import Problem
from tui_gd.ui.panels.data import class_label
from tui_gd.ui.panels.panel import View

_RANGES = {"tanh": ((-1.0, 1.0), 0.0), "sigmoid": ((0.0, 1.0), 0.5)}


def output_names(problem: Problem) -> tuple[str, ...]:
    """Return the outputs' names: the classes, of two classes p, of a regression the target."""
    if problem.task == "multiclass":
        return tuple(class_label(name) for name in problem.class_names)
    return ("p",) if problem.task == "binary" else (problem.target_name,)


def layer_names(model: Model, problem: Problem) -> list[tuple[str, ...]]:
    """Return the names of what goes into every layer: the features, then u1, u2, … of a layer."""
    below = [tuple(f"u{unit}" for unit in range(1, size + 1)) for size in model.hidden]
    return [problem.feature_names, *below]


def unit_name(model: Model, problem: Problem, unit: Unit) -> str:
    """Return `unit 3 of layer 1` for a hidden unit, `output p` for an output."""
    layer, number = unit
    if layer < len(model.hidden):
        return f"unit {number + 1} of layer {layer + 1}"
    return f"output {output_names(problem)[number]}"


def formula(
    model: Model, problem: Problem, unit: Unit, names: Sequence[str], weights: Floats, room: int
) -> str:
    """Return a unit's formula in at most `room` cells if it can be: `tanh(0.52·x1 − 1.3·x2 + 0.1)`.

    `weights` (inputs + 1,) are those of the inputs `names` and the bias. Of too many the terms
    with the largest |w| are kept, and `…` stands for the others.
    """
    name = model.activation if unit[0] < len(model.hidden) else _OUTPUTS[problem.task]
    name = "" if name == "linear" else name
    room -= width(name) + 2 * bool(name)
    order = np.argsort(-np.abs(np.nan_to_num(weights[:-1])), kind="stable")
    # no more terms than could be of use: every one takes five cells and more
    kept = min(len(order), max(room // 5, 0) + 1)
    text = ""
    while True:
        shown = np.sort(order[:kept])
        terms = [f"{weights[at]:+.2g}·{names[at]}" for at in shown]
        terms += ["+…"] if kept < len(order) else []
        text = _sum([*terms, f"{weights[-1]:+.2g}"])
        if width(text) <= room or kept == 0:
            break
        kept -= 1
    return f"{name}({text})" if name else text


_OUTPUTS = {"binary": "sigmoid", "multiclass": "softmax", "regression": ""}


def _sum(terms: Sequence[str]) -> str:
    """Return signed terms as a sum.

    >>> _sum(["+0.5·x1", "-2·x2", "+…", "+0.1"])
    '0.5·x1 − 2·x2 + … + 0.1'
    """
    first, *others = terms
    head = f"−{first[1:]}" if first[0] == "-" else first.removeprefix("+")
    return head + "".join(f" {'−' if term[0] == '-' else '+'} {term[1:]}" for term in others)


def value_span(
    model: Model, problem: Problem, unit: Unit, values: Floats
) -> tuple[tuple[float, float], float]:
    """Return the lowest and highest value to be told apart, and that of the line between.

    tanh −1 … 1 and 0; sigmoid and p 0 … 1 and ½; others as far as `values` go, and 0.
    """
    if unit[0] < len(model.hidden):
        known = _RANGES.get(model.activation)
    else:
        known = None if problem.task == "regression" else _RANGES["sigmoid"]
    if known is not None:
        return known
    finite = values[np.isfinite(values)]
    low = float(np.clip(finite.min(initial=np.inf), -1e300, 1e300)) if len(finite) else 0.0
    high = float(np.clip(finite.max(initial=-np.inf), -1e300, 1e300)) if len(finite) else 1.0
    if not high - low > 1e-9 * max(abs(low), abs(high), 1e-280):
        high = low + max(abs(low), 1.0)
    return (low, high), 0.0


def matrices(view: View) -> list[Floats]:
    """Return the current lane's weights, a matrix (inputs + 1, outputs) for every layer."""
    model = view.predictor.model
    return [part[0] for part in model.matrices(view.snapshot.lane.weights[None])]


def unit_values(view: View, unit: Unit, x: Floats) -> Floats:
    """Return what a unit hands on for rows `x`; an output gives p, of a regression its score."""
    predictor, weights = view.predictor, view.snapshot.lane.weights
    if unit[0] < len(predictor.model.hidden):
        return predictor.units(weights, x)[unit[0]][:, unit[1]]
    if view.problem.task == "regression":
        return predictor.scores(weights, x)
    chances = predictor.probabilities(weights, x)
    return chances[:, 1 if view.problem.task == "binary" else unit[1]]


def sample_values(view: View, sample: int) -> tuple[Floats, ...]:
    """Return a train row's features, and what the units of every layer hand on for it."""
    problem = view.problem
    row = problem.rows(problem.x_train, sample % len(problem.y_train))[None]
    hidden = view.predictor.units(view.snapshot.lane.weights, row)
    outputs = range(view.predictor.model.outputs)
    last = [unit_values(view, (len(hidden), output), row) for output in outputs]
    return (row[0], *(layer[0] for layer in hidden), np.concatenate(last))
