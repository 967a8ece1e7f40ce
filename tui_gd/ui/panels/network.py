"""The network panel: units and weights, and the selected unit's value over the data."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from tui_gd.learning.models import Floats, Model
from tui_gd.plots.axes import BORDER, Axes, Canvas, Heading, draw_box, draw_words
from tui_gd.plots.cells import Cells, width
from tui_gd.plots.decision import (
    FittedLine,
    UnitOutput,
    decision_grid,
    draw_fit,
    draw_unit,
    fit_columns,
)
from tui_gd.plots.network import Network, Unit, draw_network, unit_at
from tui_gd.problems import Problem
from tui_gd.session.commands import Command
from tui_gd.ui.panels.data import (
    PlanePanel,
    class_label,
    ground_word,
    some_rows,
    with_margin,
)
from tui_gd.ui.panels.panel import ARROWS, LEAVE, Hint, View, run_hint

_RANGES = {"tanh": ((-1.0, 1.0), 0.0), "sigmoid": ((0.0, 1.0), 0.5)}


def output_names(problem: Problem) -> tuple[str, ...]:
    """Return the outputs' names: the classes, p if there are two, or the target of a regression."""
    if problem.task == "multiclass":
        return tuple(class_label(name) for name in problem.class_names)
    return ("p",) if problem.task == "binary" else (problem.target_name,)


def drawn_network(view: View, selected: Unit, sample: int | None = None) -> Network:
    """Return the weights with their names, and the activations of a training sample."""
    activations = () if sample is None else sample_values(view, sample)
    names, outputs = view.problem.feature_names, output_names(view.problem)
    return Network(matrices(view), names, outputs, activations, selected)


def layer_names(view: View) -> list[tuple[str, ...]]:
    """Return the names of every layer's inputs: the features, then u1, u2, … of a layer."""
    sizes = view.predictor.model.hidden
    below = [tuple(f"u{unit}" for unit in range(1, size + 1)) for size in sizes]
    return [view.problem.feature_names, *below]


def unit_name(view: View, unit: Unit) -> str:
    """Return `unit 3 of layer 1` for a hidden unit, `output p` for an output."""
    layer, number = unit
    if layer < len(view.predictor.model.hidden):
        return f"unit {number + 1} of layer {layer + 1}"
    return f"output {output_names(view.problem)[number]}"


def formula(view: View, unit: Unit, room: int) -> str:
    """Return a unit's formula, if possible in `room` cells: `tanh(0.52·x1 − 1.3·x2 + 0.1)`.

    If it has too many terms, those with the largest |w| stay, and `…` stands for the others.
    """
    model, (layer, number) = view.predictor.model, unit
    weights, names = matrices(view)[layer][:, number], layer_names(view)[layer]
    name = model.activation if layer < len(model.hidden) else _OUTPUTS[view.problem.task]
    name = "" if name == "linear" else name
    room -= width(name) + 2 * bool(name)
    order = np.argsort(-np.abs(np.nan_to_num(weights[:-1])), kind="stable")
    # more terms than these can never fit: each takes at least five cells
    kept = min(len(order), max(room // 5, 0) + 1)
    # a point between number and name would look like part of the number
    times = "*" if view.style.symbols.plain else "·"
    text = ""
    for count in range(kept, -1, -1):
        shown = np.sort(order[:count])
        terms = [f"{weights[at]:+.2g}{times}{names[at]}" for at in shown]
        terms += ["+…"] if count < len(order) else []
        text = _sum([*terms, f"{weights[-1]:+.2g}"])
        if width(text) <= room:
            break
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


def value_span(view: View, unit: Unit, values: Floats) -> tuple[tuple[float, float], float]:
    """Return the lowest and the highest value of a scale, and the value on the line between.

    tanh: −1 … 1 and 0; sigmoid and p: 0 … 1 and ½; others: the range of `values`, and 0.
    """
    model = view.predictor.model
    if unit[0] < len(model.hidden):
        known = _RANGES.get(model.activation)
    else:
        known = None if view.problem.task == "regression" else _RANGES["sigmoid"]
    if known is not None:
        return known
    finite = values[np.isfinite(values)]
    low = float(np.clip(finite.min(initial=np.inf), -1e300, 1e300)) if len(finite) else 0.0
    high = float(np.clip(finite.max(initial=-np.inf), -1e300, 1e300)) if len(finite) else 1.0
    if not high - low > 1e-9 * max(abs(low), abs(high), 1e-280):
        high = low + max(abs(low), 1.0)
    return (low, high), 0.0


def matrices(view: View) -> list[Floats]:
    """Return the current lane's weights, one matrix (inputs + 1, outputs) for every layer."""
    model = view.predictor.model
    return [part[0] for part in model.matrices(view.snapshot.lane.weights[None])]


def unit_values(view: View, unit: Unit, x: Floats) -> Floats:
    """Return a unit's value for rows `x`: an output gives p, or the score of a regression."""
    predictor, weights = view.predictor, view.snapshot.lane.weights
    if unit[0] < len(predictor.model.hidden):
        return predictor.units(weights, x)[unit[0]][:, unit[1]]
    if view.problem.task == "regression":
        return predictor.scores(weights, x)
    chances = predictor.probabilities(weights, x)
    return chances[:, 1 if view.problem.task == "binary" else unit[1]]


def sample_values(view: View, sample: int) -> tuple[Floats, ...]:
    """Return a train row's features and the value of every unit of every layer for it."""
    problem = view.problem
    row = problem.rows(problem.x_train, sample % len(problem.y_train))[None]
    hidden = view.predictor.units(view.snapshot.lane.weights, row)
    outputs = range(view.predictor.model.outputs)
    last = [unit_values(view, (len(hidden), output), row) for output in outputs]
    return (row[0], *(layer[0] for layer in hidden), np.concatenate(last))


# with this many cells or more, network and map stand side by side
_BESIDE_COLUMNS, _BESIDE_ROWS = 90, 8
_WIDEST_MAP = 90
# cells of a frame next to its title, for ticks and border, and for the scale of the shades
_MARGINS, _SCALE = 9, 15
# weights times pixels in a frame: if there are more, the map is coarser
_WORK = 2_000_000


class NetworkPanel(PlanePanel):
    """Draws the current lane's network; up and down select a unit.

    Next to the network stands a map of the selected unit's value over the plane of the data panel;
    while the cursor is on, the map takes the network's place. `sample`, if set, is a train row
    whose values stand at the units.
    """

    NAME: ClassVar[str] = "network"
    PLACE: ClassVar[int] = 3

    def __init__(self) -> None:
        super().__init__()
        self.sample: int | None = None
        self._chosen = 0
        self._drawn = (0, 0)

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the network and the map, side by side if they fit."""
        if view.problem.surface is not None:
            lines = ("There is no network here:", "the weights are a point on a surface.")
            return draw_words(
                Canvas(rows, columns, view.style, self.heading(view, "Network")), lines
            )
        self._drawn = (rows, columns)
        unit = self._selected(view.predictor.model)
        beside = columns >= _BESIDE_COLUMNS and rows >= _BESIDE_ROWS
        if self.cursor_on:
            title = f"{self._sizes(view)}, {unit_name(view, unit)}: "
            title += formula(view, unit, columns - _MARGINS - width(title))
            return self._map(view, unit, rows, columns, title)
        if not beside:
            return self._network(view, unit, rows, columns, alone=True)
        right = min(columns // 2 - 2, _WIDEST_MAP)
        cells = Cells.blank(rows, columns, view.style)
        cells.paste(0, 0, self._network(view, unit, rows, columns - right, alone=False))
        title = formula(view, unit, right - _MARGINS - _SCALE)
        cells.paste(0, columns - right, self._map(view, unit, rows, right, title))
        return cells

    def _network(self, view: View, unit: Unit, rows: int, columns: int, *, alone: bool) -> Cells:
        style = view.style
        network = drawn_network(view, unit, self.sample)
        inner = draw_network(rows - BORDER, columns - BORDER, network, style)
        title = f"{self._sizes(view)}, {unit_name(view, unit)}"
        below = ""
        if alone:
            whole = f"{title}: {formula(view, unit, columns)}"
            if width(whole) <= columns - 2 * BORDER - 1:
                title = whole
            else:
                below = formula(view, unit, columns - 2 * BORDER - 2)
        heading = self.heading(view, title, below=(below,))
        return draw_box(Canvas(rows, columns, style, heading), inner)

    def _map(self, view: View, unit: Unit, rows: int, columns: int, title: str) -> Cells:
        """Return a unit's value over the data: shades, or a curve over a single feature."""
        if view.problem.features == 1:
            return self._curve(view, unit, rows, columns, title)
        plane, ground = self.plane_of(view.problem), ground_word(view)
        axes = Axes.of(plane.limits, *plane.projection.labels)
        _, xs, ys = decision_grid(rows, columns, axes, view.style.symbols)
        parameters = view.predictor.model.parameters
        coarser = int(np.ceil(np.sqrt(len(xs) * len(ys) * parameters / _WORK)))
        if coarser > 1:
            xs, ys = (_coarser(values, coarser) for values in (xs, ys))
        values = unit_values(view, unit, plane.grid(xs, ys)).reshape(len(ys), len(xs))
        span, level = value_span(view, unit, values)
        _, y = some_rows(view.problem, train=False)
        labels = y if view.problem.class_names else np.zeros(len(y))
        heading = replace(self._map_heading(view, title), below=(f"{ground}: the unit's value",))
        return draw_unit(
            Canvas(rows, columns, view.style, heading),
            UnitOutput(values, *span, level),
            plane.test_points,
            labels.astype(np.intp),
            axes,
        )

    def _map_heading(self, view: View, title: str) -> Heading:
        """Return the heading of a unit's map, which has no key of its own next to the network."""
        if self.cursor_on:
            return self.heading(view, title)
        return Heading(view.style.symbols.spell(title))

    def _curve(self, view: View, unit: Unit, rows: int, columns: int, title: str) -> Cells:
        """Return a unit's value over the only feature, and under it the places of the points."""
        problem, symbols = view.problem, view.style.symbols
        some, _ = some_rows(problem, train=False)
        across = with_margin(np.concatenate([problem.x_train[:, 0], problem.x_test[:, 0]]))
        places = fit_columns(columns, across, symbols)
        line = unit_values(view, unit, np.stack([places, np.ones_like(places)], axis=1))
        (bottom, top), _ = value_span(view, unit, line)
        room = 0.06 * (top - bottom)
        return draw_fit(
            Canvas(rows, columns, view.style, self._map_heading(view, title)),
            np.stack([some[:, 0], np.full(len(some), bottom)], axis=1),
            FittedLine(np.stack([places, line], axis=1), "value"),
            Axes.of(
                (*across, bottom - room, top + room),
                problem.feature_names[0],
                unit_name(view, unit),
            ),
        )

    def _selected(self, model: Model) -> Unit:
        """Return the selected unit's number, counted over all layers."""
        units = [
            (layer, unit) for layer, (_, size) in enumerate(model.shapes) for unit in range(size)
        ]
        self._chosen = max(0, min(self._chosen, len(units) - 1))
        return units[self._chosen]

    def _choose(self, model: Model, unit: Unit) -> None:
        sizes = [size for _, size in model.shapes]
        self._chosen = sum(sizes[: unit[0]]) + unit[1]

    def _sizes(self, view: View) -> str:
        model = view.predictor.model
        sizes = "-".join(map(str, (model.features, *model.hidden, model.outputs)))
        return f"Network {sizes}{view.of_lane}"

    def hints(self, view: View) -> tuple[Hint, ...]:
        """Return the keys that choose a unit."""
        if view.problem.surface is not None:
            return ()
        if self.cursor_on:
            return (Hint((), "another unit", 2, keys=ARROWS), LEAVE)
        return (
            run_hint(view),
            Hint(("move(-1)", "move(1)"), "another unit", 2, "unit"),
            Hint(("cursor",), "the unit's map alone", 3, "map"),
            Hint(("copy",), "copy all digits", 4, "copy"),
        )

    def move(self, by: int, view: View) -> None:
        """Select the next unit or the one before, layer by layer."""
        if view.problem.surface is None:
            count = sum(size for _, size in view.predictor.model.shapes)
            self._chosen = (self._chosen + by) % count

    def begin_cursor(self, view: View) -> bool:
        """Show only the unit's map; the arrows then walk from unit to unit."""
        self.cursor_on = view.problem.surface is None
        return self.cursor_on

    def move_cursor(self, across: int, down: int, view: View) -> None:
        """Go to the next or previous unit of the layer, or to the next or previous layer."""
        model = view.predictor.model
        layer, unit = self._selected(model)
        sizes = [size for _, size in model.shapes]
        after = max(0, min(layer + across, len(sizes) - 1))
        place = (unit + 0.5) / sizes[layer] if after != layer else 0.0
        unit = int(place * sizes[after]) if after != layer else (unit + down) % sizes[layer]
        self._choose(model, (after, unit))

    def click_at(self, x: int, y: int, view: View) -> Command | None:
        """Select the unit at a cell of the drawn network."""
        rows, columns = self._drawn
        if view.problem.surface is not None or self.cursor_on:
            return None
        if columns >= _BESIDE_COLUMNS and rows >= _BESIDE_ROWS:
            columns -= min(columns // 2 - 2, _WIDEST_MAP)
        model = view.predictor.model
        network = drawn_network(view, self._selected(model))
        found = unit_at(rows - BORDER, columns - BORDER, network, (y - 1, x - 1))
        if found is not None and x < columns:
            self._choose(model, found)
        return None

    def numbers(self, view: View) -> list[str]:
        """Return every weight by layer, unit and input."""
        snapshot = view.snapshot
        lines = [f"{self._sizes(view)}, epoch {snapshot.epoch}, weights"]
        if view.problem.surface is not None:
            return [*lines, *(f"{value:.17g}" for value in snapshot.lane.weights)]
        names = layer_names(view)
        for layer, matrix in enumerate(matrices(view)):
            for unit in range(matrix.shape[1]):
                lines.append(unit_name(view, (layer, unit)))
                both = zip((*names[layer], "bias"), matrix[:, unit], strict=True)
                lines += [f"  {name}  {value:.17g}" for name, value in both]
        return lines


def _coarser(values: Floats, by: int) -> Floats:
    """Return the centres of bins `by` times as wide, as many as fit."""
    count = max(len(values) // by, 2)
    step = (values[-1] - values[0]) / max(len(values) - 1, 1)
    low, high = values[0] - step / 2, values[-1] + step / 2
    centres: Floats = low + (np.arange(count) + 0.5) * (high - low) / count
    return centres
