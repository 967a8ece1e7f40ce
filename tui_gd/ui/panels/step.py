"""The step panel: why the weights move, and how one row of the data pulls at them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tui_gd.insight.explain import BackwardLayer, Chain, Quantity, chain, weight_names
from tui_gd.learning.models import Floats
from tui_gd.plots.axes import BORDER
from tui_gd.plots.cells import Cells, first_fitting, fit, width, wrapped
from tui_gd.plots.palette import Colour, Palette
from tui_gd.plots.symbols import Symbols
from tui_gd.plots.table import Table, draw_table
from tui_gd.problems import Problem
from tui_gd.ui.panels.data import class_label
from tui_gd.ui.panels.panel import Hint, ScrollingPanel, View

SEPARATOR = "   "
_NONE = "-"
# digits of weights and of steps, and cells between columns, the roomiest first
_DIGITS = ((6, 5, 2), (6, 4, 2), (5, 4, 2), (4, 4, 2), (4, 3, 2), (4, 3, 1), (3, 2, 1))
# cells that aligned numbers may take beyond their digits
_ASIDE = 5
# the fewest digits for which numbers are aligned rather than each in its own form
_FEWEST_DIGITS = 3
# cells of the learning rate above a column, which stays where it is for 0.3 as for 0.003
_RATE_CELLS = 9
# the fewest weights shown in full, and the fewest shown of more
_ALL_WEIGHTS, _FEWEST_WEIGHTS = 4, 2
# a row whose factor p(1−p) is below this hardly moves a weight
_NO_PULL = 1e-2
_UNIT_CELLS = 9

Line = list[tuple[str, Colour]]
"""Pieces of text, each with its colour."""


@dataclass(frozen=True)
class _Rule:
    """How the weights move: the formula, the header of the change, and the change (parameters,)."""

    formula: str
    header: str
    change: Floats
    note: str = ""


class StepPanel(ScrollingPanel):
    """Draws the update of every weight, and one row's way from x to its pull on the weights.

    If not all of it fits, blank lines and notes go first. Then, if there are many weights, only
    those with the largest gradients stay. The rest scrolls.
    """

    NAME: ClassVar[str] = "step"
    PLACE: ClassVar[int] = 3
    READING_SECONDS = 0.25

    def __init__(self) -> None:
        super().__init__()
        self.sample = 0

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the arithmetic at the viewed epoch."""
        style, snapshot = view.style, view.snapshot
        self.sample %= max(len(view.problem.y_train), 1)
        height, room = max(rows - BORDER, 0), max(columns - BORDER - 2, 1)
        contents = self._contents(view, height, room)
        heading = self.heading(
            view,
            "Step: why the weights move" if columns >= 50 else "Step",
            right=f"epoch {snapshot.epoch} → {snapshot.epoch + 1}",
        )
        return self.draw_scrolled(contents, rows, columns, heading, style)

    def _contents(self, view: View, height: int, room: int) -> Cells:
        """Return everything there is to say, if possible in at most `height` rows."""
        style, lane = view.style, view.snapshot.lane
        palette, count = style.palette, len(view.snapshot.lane.weights)
        rule, row = _rule(view), self._row_lines(view, room)
        head: list[Line] = [[(one, palette.dim)] for one in _wrap(rule.formula, room)]
        notes: list[Line] = [[(one, palette.dim)] for one in _wrap(rule.note, room)]
        after = _loss_lines(view, room) if lane.numeric is None else []
        fixed = len(head) + 1 + len(after) + len(row)
        roomy = fixed + count + len(notes) + 2 <= height
        fitting = max(_FEWEST_WEIGHTS, height - fixed - 1)
        all_shown = count <= _ALL_WEIGHTS or fixed + count <= height
        table = self._table(view, rule, room, count if all_shown else fitting)
        blank: list[Line] = [[]] if roomy else []
        above = [*head, *(notes if roomy else []), *blank]
        below = [*after, *blank, *row]
        cells = Cells.blank(len(above) + table.shape[0] + len(below), room, style)
        cells.paste(len(above), 0, table)
        rows = (*range(len(above)), *range(len(above) + table.shape[0], cells.shape[0]))
        for at, line in zip(rows, (*above, *below), strict=True):
            _put(cells, at, line, view.style.symbols)
        return cells

    def _table(self, view: View, rule: _Rule, room: int, most: int) -> Cells:
        """Return the updates of all weights, or of the `most` with the largest gradients."""
        lane, style = view.snapshot.lane, view.style
        symbols, palette = style.symbols, style.palette
        names = [symbols.spell(name) for name in weight_names(view.problem, view.predictor.model)]
        shown = np.arange(len(names))
        if len(names) > most:
            shown = np.sort(np.argsort(-np.abs(lane.gradient), kind="stable")[:most])
        first = [_fitting_name(names[index], max(8, room // 3), symbols.plain) for index in shown]
        forms: list[tuple[tuple[int, int, int], tuple[int, ...]]] = [(one, ()) for one in _DIGITS]
        # better to leave out a column than to cut the numbers of another
        forms += [(_DIGITS[-1], (3,)), (_DIGITS[-1], (3, 2))]
        for (of_weights, of_steps, gap), left_out in forms:
            header, columns = _columns(view, rule, shown, (of_weights, of_steps))
            whole = [header, *(list(row) for row in zip(first, *columns, strict=True))]
            kept = [column for column in range(5) if column not in left_out]
            lines = [[symbols.words(row[column]) for column in kept] for row in whole]
            if _table_width(lines, gap) <= room:
                break
        colours = {(row, 0): palette.dim for row in range(len(first))}
        if lane.numeric is None and 3 not in left_out and "×" in rule.header:
            colours |= {(row, 3): palette.key for row in range(len(first))}
        table = Table(lines[0], lines[1:], highlight=colours, gap=gap)
        drawn = draw_table(len(lines), room, table, style)
        if len(names) == len(shown):
            return drawn
        cells = Cells.blank(len(lines) + 1, room, style)
        cells.paste(0, 0, drawn)
        note = f"{len(shown)} largest gradients of {len(names)} weights"
        forms_of_note = (f"the {note}", note, f"{len(shown)} of {len(names)} weights")
        cells.put(len(lines), 0, first_fitting(forms_of_note, room), palette.dim)
        return cells

    # One row of the data

    def _chain(self, view: View) -> Chain:
        problem, lane, rows = view.problem, view.snapshot.lane, len(view.problem.y_train)
        row, target = problem.rows(problem.x_train, self.sample), problem.y_train[self.sample]
        model, loss = view.predictor.model, lane.loss_name
        return chain(model, problem.task, loss, lane.weights, row, float(target), rows)

    def _row_lines(self, view: View, room: int) -> list[Line]:
        """Return one row's way forward to its prediction, and back to its pull on the weights."""
        problem, palette = view.problem, view.style.palette
        if problem.surface:
            return []
        one = self._chain(view)
        which = f"row {self.sample + 1} of {len(problem.y_train)} {view.keys.moving}"
        bright = palette.key if self.focused else palette.dim
        described = _described(problem, one, room)
        lines: list[Line] = [[(which, bright), (SEPARATOR + described, palette.text)]]
        if width(which + SEPARATOR + described) > room:
            lines = [[(which, bright)], [(described, palette.text)]]
        weights = view.snapshot.lane.weights if not view.predictor.model.hidden else None
        for step in one.steps:
            lines += _step_lines(step, one, weights, problem, palette, room)
        lines += _pull_lines(one, problem, palette, room)
        return lines

    def hints(self, view: View) -> tuple[Hint, ...]:
        """Return the keys of this panel."""
        if view.problem.surface:
            return ()
        return (
            Hint(("step(1)", "step_back(1)"), "step, back", 1, "step"),
            Hint(("move(-1)", "move(1)"), "row", 2),
            Hint(("check_gradient",), "check the gradient", 4, "check"),
            Hint(("scroll(1)",), "scroll", 6),
            Hint(("copy",), "copy all digits", 5, "copy"),
            Hint(("learning_rate(1)", "learning_rate(-1)"), "α", 3),
        )

    def move(self, by: int, view: View) -> None:
        """Choose the next row, or the one before."""
        self.sample = (self.sample + by) % max(len(view.problem.y_train), 1)

    # As text, with all digits

    def numbers(self, view: View) -> list[str]:
        """Return the update of every weight, and one row's way, with all digits."""
        lane, problem, epoch = view.snapshot.lane, view.problem, view.snapshot.epoch
        rule = _rule(view)
        header = ["weight", "value", "gradient", rule.header.strip(), "new weight"]
        columns = [lane.weights, lane.gradient, rule.change, lane.weights - rule.change]
        if lane.numeric is not None:
            header, columns = [*header, "gradient by differences"], [*columns, lane.numeric]
        names = weight_names(problem, view.predictor.model)
        lines = [
            f"step {epoch} to {epoch + 1}, {lane.optimizer.formula}",
            f"loss {lane.loss!r}"
            + ("" if np.isnan(lane.next_loss) else f", after the step {lane.next_loss!r}"),
            f"alpha {lane.learning_rate * view.snapshot.rate_factor!r}, length of the gradient"
            f" {lane.gradient_norm!r}",
            *([rule.note] if rule.note else []),
            "",
            ", ".join(header),
        ]
        rows = zip(names, np.stack(columns, axis=1).tolist(), strict=True)
        lines += [", ".join([name, *map(repr, row)]) for name, row in rows]
        return lines if problem.surface else [*lines, "", *self._row_numbers(view)]

    def _row_numbers(self, view: View) -> list[str]:
        one = self._chain(view)
        named: list[tuple[str, Iterable[float]]] = [
            ("x", one.x.tolist()),
            ("y", (one.y,)),
            *((f"{step.name} = {step.formula}", step.values) for step in one.steps),
        ]
        for number, layer in enumerate(one.layers, 1):
            of = f" of layer {number}" if len(one.layers) > 1 else ""
            if layer.slopes is not None:
                named += [(f"f′(z){of}", layer.slopes.tolist()), (f"δ{of}", layer.delta.tolist())]
        named.append(("share of the gradient", one.share.tolist()))
        return [
            f"train row {self.sample + 1} of {len(view.problem.y_train)}",
            *(f"{name} = {', '.join(repr(float(v)) for v in values)}" for name, values in named),
        ]


# How the weights move


def _rule(view: View) -> _Rule:
    """Return the rule of the next update: α × gradient for plain descent, else the step."""
    lane, settings, snapshot = view.snapshot.lane, view.settings, view.snapshot
    half = lane.loss_name == "sse"
    note = "as in the tutorial, the gradient leaves out the factor 2 of (p − y)²" if half else ""
    if half and view.problem.task == "regression":
        note = "the gradient leaves out the factor 2 of (z − y)²"
    rate = lane.learning_rate * snapshot.rate_factor
    batched = 0 < settings.batch_size < view.problem.train_rows
    scheduled = f"α = {lane.learning_rate:g} × {snapshot.rate_factor:.2g} ({settings.schedule})"
    if snapshot.rate_factor != 1.0:
        note = f"{scheduled}; {note}" if note else scheduled
    if lane.optimizer.name == "sgd" and not batched:
        formula = "new weight = weight − α × gradient"
        return _Rule(formula, f"× α {rate:.3g}".rjust(_RATE_CELLS), rate * lane.gradient, note)
    name = lane.optimizer.name
    formula = f"new weight = weight − step   {name}: {lane.optimizer.formula}"
    if batched:
        batches = -(-view.problem.train_rows // settings.batch_size)
        formula = f"new weight = weight − step, the sum of {batches} mini-batches ({name})"
    return _Rule(formula, "step", lane.weights - lane.next_weights, note)


def _columns(
    view: View, rule: _Rule, shown: NDArray[np.intp], digits: tuple[int, int]
) -> tuple[list[str], list[list[str]]]:
    """Return the header and, for the `shown` weights, the columns after the names."""
    lane, (of_weights, of_steps) = view.snapshot.lane, digits
    weights, gradients = lane.weights[shown], lane.gradient[shown]
    columns = [aligned(weights, of_weights), aligned(gradients, of_steps)]
    if lane.numeric is not None:
        found = lane.numeric[shown]
        scale = np.maximum(np.maximum(np.abs(gradients), np.abs(found)), 1e-300)
        errors = [f"{error:.1e}" for error in np.abs(gradients - found) / scale]
        header = ["", "weight", "gradient", "by differences", "rel. error"]
        return header, [*columns, aligned(found, of_steps), errors]
    change = rule.change[shown]
    after = aligned(weights - change, of_weights)
    arrows = ["↓" if by > 0.0 else "↑" if by < 0.0 else " " for by in change.tolist()]
    moved = [f"{text} {arrow}" for text, arrow in zip(after, arrows, strict=True)]
    header = ["", "weight", "gradient", rule.header, "new weight  "]
    return header, [*columns, aligned(change, of_steps), moved]


def _fitting_name(name: str, room: int, plain: bool) -> str:
    """Return a weight's name in at most `room` cells, but always the whole name of its target."""
    if width(name) <= room:
        return name
    start, arrow, end = name.replace("layer ", "L", 1).rpartition(" -> " if plain else " → ")
    if not arrow:
        return fit(name, room, plain)
    return fit(start, max(room - width(arrow + end), 3), plain) + arrow + end


def aligned(values: Iterable[float], digits: int) -> list[str]:
    """Return numbers with as many decimals each, so that the smallest has `digits` digits.

    If that is too wide, it has fewer, down to three; else each number has its own form. NaN, not
    known yet, becomes a dash.

    >>> aligned([0.5, -12.25], 3), aligned([1e-9, 4000.0], 3)
    (['0.500', '−12.250'], ['1e-9', '4000'])
    >>> aligned([-0.0003127, 0.00013329], 5)
    ['−0.0003127', '0.0001333']
    """
    numbers = list(values)
    known = [abs(value) for value in numbers if math.isfinite(value) and value]
    texts = [short(value, digits) for value in numbers]
    for fewer in range(digits, min(digits, _FEWEST_DIGITS) - 1, -1) if known else ():
        decimals = max(0, fewer - 1 - math.floor(math.log10(min(known))))
        fixed = [f"{value:.{min(decimals, 20)}f}" for value in numbers]
        if max(map(len, fixed)) <= digits + _ASIDE:
            texts = fixed
            break
    return [
        _NONE if math.isnan(value) else text.replace("-", "−", 1) if value < 0 else text
        for value, text in zip(numbers, texts, strict=True)
    ]


def short(value: float, digits: int) -> str:
    """Return a number in few cells: exponents without leading zeros.

    >>> short(1.25e-06, 3), short(-0.5, 3)
    ('1.25e-6', '-0.5')
    """
    mantissa, e, exponent = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}e{int(exponent):+d}" if e else mantissa


def _number(value: float, digits: int = 7) -> str:
    """Return a number with a true minus."""
    text = short(value, digits)
    return "−" + text[1:] if text.startswith("-") else text


def _loss_lines(view: View, room: int) -> list[Line]:
    """Return the loss before and after the step, and by how much it falls or rises."""
    lane, palette = view.snapshot.lane, view.style.palette
    change = lane.next_loss - lane.loss
    line = [("loss ", palette.dim), (_number(lane.loss, 8), palette.text)]
    if math.isnan(change):
        return [line]
    line.append((f" → {_number(lane.next_loss, 8)}", palette.text))
    words, colour = ("falls", palette.good) if change <= 0 else ("rises", palette.error)
    said = (f"{words} by {short(abs(change), 3)}", colour)
    beside = sum(width(text) for text, _ in line) + width(SEPARATOR + said[0])
    return [[*line, (SEPARATOR, palette.text), said]] if beside <= room else [line, [said]]


# One row's way to its pull on the weights


def _described(problem: Problem, one: Chain, room: int) -> str:
    """Return what a row is: its class or target, and as many of its features as fit."""
    if problem.class_names:
        what = class_label(problem.class_names[int(one.y)])
    else:
        what = f"{problem.target_name} {_number(one.y, 5)}"
    features = [
        f"{name} {_number(value, 4)}"
        for name, value in zip(problem.feature_names, one.x.tolist(), strict=False)
    ]
    for count in range(min(len(features), room // 6), 0, -1):
        more = ", …" if count < len(features) else ""
        text = f"{what} at {', '.join(features[:count])}{more}"
        if width(text) <= room:
            return text
    return what


def _step_lines(
    step: Quantity,
    one: Chain,
    weights: Floats | None,
    problem: Problem,
    palette: Palette,
    room: int,
) -> list[Line]:
    """Return one step of the way forward; `weights` are those of a model without hidden layers."""
    if step.name in {"loss", "δ"}:
        return []
    value, single = step.values[0], len(step.values) == 1
    head, verdict = f"{step.name} = {step.formula} = ", None
    if step.name == "z" and single and weights is not None:
        return [[(_sum_of_products(one.x, weights, value, room), palette.text)]]
    if step.name == "p" and single:
        verdict = (value > 0.5) == (one.y == 1)
        name = class_label(problem.class_names[1])
        head = first_fitting((f"p({name}) = {step.formula} = ", head, "p = "), room - 18)
    elif step.name == "p":
        verdict = int(np.argmax(step.values)) == int(one.y)
    elif step.name == "t·z":
        verdict = value > 0
    rest = room - width(head) - (8 if verdict is not None else 0)
    line = [(head + (_number(value) if single else vector(step.values, rest)), palette.text)]
    if verdict is not None:
        word, colour = ("right", palette.good) if verdict else ("wrong", palette.error)
        line.append((SEPARATOR + word, colour))
    return [line]


def _sum_of_products(x: Floats, weights: Floats, z: float, room: int) -> str:
    """Return z with its terms, `0.5·2 − 1·3 + 0.25 = −1.75`, if they fit."""
    result = _number(z)
    terms = ""
    for weight, value in zip(weights.tolist()[:8], x.tolist(), strict=False):
        sign = "−" if weight < 0 else "+"
        size = short(abs(weight), 4)
        factor = f"·({_number(value, 4)})" if value < 0 else f"·{_number(value, 4)}"
        terms += f" {sign} {size}{'' if value == 1.0 else factor}"
    first = terms[3:] if terms.startswith(" +") else terms[1:2] + terms[3:]
    whole = f"z = {first} = {result}"
    return whole if len(weights) <= 8 and width(whole) <= room else f"z = w·x = {result}"


def _pull_lines(one: Chain, problem: Problem, palette: Palette, room: int) -> list[Line]:
    """Return the way back: δ, and the row's pull on the weights, layer by layer."""
    formula = next(step.formula for step in one.steps if step.name == "δ")
    last = one.layers[-1]
    lines: list[Line] = []
    if len(one.layers) == 1 and len(last.delta) == 1:
        bracketed = formula if "/" not in formula else f"({formula})"
        forms = (
            f"pull on the weights = {bracketed}·x = ",
            f"pull = {bracketed}·x = ",
            "pull = δ·x = ",
        )
        head = first_fitting(forms, room - 24)
        lines.append([(head + vector(one.share, room - width(head)), palette.text)])
    else:
        head = first_fitting((f"δ = {formula} = ", "δ = "), room - 24)
        single = len(last.delta) == 1
        delta = _number(float(last.delta[0])) if single else vector(last.delta, room - width(head))
        lines.append([(head + delta, palette.text)])
        for number in range(len(one.layers), 0, -1):
            layer = one.layers[number - 1]
            if layer.slopes is not None:
                lines += _layer_lines(layer, one.layers[number].inputs, number, palette, room)
            lines.append([(_share(layer, number, len(one.layers), problem, room), palette.text)])
    slope = _sigmoid_slope(one, formula)
    if slope is not None and slope < _NO_PULL:
        long = "p(1−p) is next to 0: this row hardly moves a weight"
        lines.append([(first_fitting((long, "p(1−p) is next to 0"), room), palette.warning)])
    return lines


def _sigmoid_slope(one: Chain, formula: str) -> float | None:
    """Return p(1 − p) if it is a factor of the row's pull."""
    p = next((step for step in one.steps if step.name == "p"), None)
    if p is None or "p(1−p)" not in formula:
        return None
    return p.values[0] * (1.0 - p.values[0])


def _layer_lines(
    layer: BackwardLayer, units: Floats, number: int, palette: Palette, room: int
) -> list[Line]:
    """Return a hidden layer's units in columns: the value of each, its f′(z), and its δ."""
    assert layer.slopes is not None
    count = len(layer.delta)
    shown = min(count, max(1, (room - 10) // _UNIT_CELLS))
    more = f" of {count}" if shown < count else ""
    head = f"layer {number}{more}"
    labels = [("unit", [str(at + 1) for at in range(shown)])]
    for name, values in (("a", units[:-1]), ("f′(z)", layer.slopes), ("δ", layer.delta)):
        labels.append((name, [_number(value, 3) for value in values[:shown].tolist()]))
    lines: list[Line] = []
    for row, (name, texts) in enumerate(labels):
        start = f"{head if row == 0 else '  ' + name:<10}"
        text = start + "".join(f"{text:>{_UNIT_CELLS}}" for text in texts)
        lines.append([(text, palette.dim if row == 0 else palette.text)])
    return lines


def _share(layer: BackwardLayer, number: int, layers: int, problem: Problem, room: int) -> str:
    """Return the row's largest pull on a layer's weights as `aₖ · δⱼ`."""
    # its pull on the bias is δ itself
    shares = np.abs(np.nan_to_num(layer.shares[:-1]))
    k, j = np.unravel_index(int(shares.argmax()), shares.shape)
    below = problem.feature_names[k] if number == 1 else str(k + 1)
    above = str(j + 1)
    if number == layers and len(problem.class_names) > 2:
        above = class_label(problem.class_names[j])
    a, delta = float(layer.inputs[k]), float(layer.delta[j])
    name = f"layer {number}: {below} → {above}" if layers > 1 else f"{below} → {above}"
    forms = (
        f"{name}: share aₖ·δⱼ = {_factor(a)}·{_factor(delta)} = {_number(a * delta, 4)}",
        f"{name}: aₖ·δⱼ = {_factor(a)}·{_factor(delta)} = {_number(a * delta, 3)}",
        f"{name}: aₖ·δⱼ = {_number(a * delta, 4)}",
        f"{name}: {_number(a * delta, 3)}",
    )
    if width(forms[-1]) > room:  # rather a shorter name than a shorter number
        end = f": {_number(a * delta, 3)}"
        return _fitting_name(name, room - width(end), plain=False) + end
    return first_fitting(forms, room)


def _factor(value: float) -> str:
    text = _number(value, 4)
    return f"({text})" if value < 0 else text


def _wrap(text: str, room: int) -> list[str]:
    """Return a text in lines: parts that stand apart get their own, long ones wrap."""
    parts = wrapped(text, room, SEPARATOR) if text else []
    return [line for part in parts for line in wrapped(part, room)]


def _put(cells: Cells, row: int, line: Line, symbols: Symbols) -> None:
    """Write the pieces of a line; leave out any after the first that does not fit whole."""
    at, room = 0, cells.shape[1]
    for text, colour in line:
        spelled = symbols.words(text)
        if at and at + width(spelled) > room:
            return
        at = cells.put(row, at, fit(spelled, room - at, symbols.plain), colour)


def vector(values: Iterable[float], room: int) -> str:
    """Return `(1.5, 2, 3)`, if possible in at most `room` cells: `(1.5, …, 3)`, the last one kept.

    >>> vector([1.5, 2, 3, 4], 20), vector([1.5, 2, 3, 4], 11)
    ('(1.5, 2, 3, 4)', '(1.5, …, 4)')
    """
    numbers = list(values)
    # a number and its comma take three cells or more, so more than these can never be visible
    words = [_number(value, 5) for value in numbers[: max(room, 0) // 3 + 2]]
    whole = f"({', '.join(words)})"
    if len(words) == len(numbers) and (width(whole) <= room or len(words) < 2):
        return whole
    last = _number(numbers[-1], 5)
    for kept in range(min(len(words), len(numbers) - 2), 0, -1):
        # as many from the front as fit, and the last one, which belongs to the bias
        text = f"({', '.join([*words[:kept], '…', last])})"
        if width(text) <= room:
            return text
    return f"({words[0]}, …)"


def _table_width(rows: Sequence[Sequence[str]], gap: int) -> int:
    """Return the cells that a table of these rows takes."""
    widest = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return sum(widest) + gap * (len(widest) - 1)
