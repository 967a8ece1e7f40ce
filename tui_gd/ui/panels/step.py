"""The step panel: the arithmetic of the next update, and of one sample's part in it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tui_gd.insight.explain import Chain, Quantity, chain, weight_names
from tui_gd.learning.models import Floats
from tui_gd.plots.axes import BORDER, draw_box
from tui_gd.plots.cells import Cells, fit, width
from tui_gd.plots.table import Table, draw_table
from tui_gd.session.snapshot import LaneSnapshot
from tui_gd.ui.panels.panel import Panel, Scroll, View

SEPARATOR = "   "
_NONE = "-"
# a vector of which less than this is seen is rather given a line of its own
_VECTOR = 24
_HEADER = ("", "W", "g", "α·g", "W − α·g")
# of an optimizer with a memory, or of several steps: what they come to in one epoch
_OTHER_HEADER = ("", "W", "g", "step", "W − step")
_CHECK_HEADER = ("", "W", "g", "by differences", "rel. error")
_DIGITS = ((7, 5), (6, 4), (5, 3), (4, 2))
# so many weights are always shown, of more at least the other number
_ALL_WEIGHTS, _FEWEST_WEIGHTS = 4, 2


@dataclass(frozen=True)
class _Layout:
    """Lines above and below the table of weights."""

    head: list[str]
    chain: list[str]
    blank: bool = False
    """A blank line stands between table and chain."""

    @property
    def rows(self) -> int:
        """The lines without those of the weights."""
        return len(self.head) + 1 + self.blank + len(self.chain)


class StepPanel(Panel):
    """Draws `W ← W − α·g` with its numbers, and x → z → p → error → share for one sample.

    Where not all fits, lines are merged, then of the weights only those with the largest |g| are
    shown, then the rest is scrolled.
    """

    NAME = "step"
    PLACE = 3
    READING_SECONDS = 0.25

    def __init__(self) -> None:
        super().__init__()
        self.sample = 0
        self._scroll = Scroll()

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the arithmetic at the epoch being viewed."""
        style, snapshot = view.style, view.snapshot
        self.sample %= max(len(view.problem.y_train), 1)
        height, room = max(rows - BORDER, 0), max(columns - BORDER - 2, 1)
        contents = self._contents(view, height, room)
        inner = Cells.blank(height, columns - BORDER, style)
        inner.paste(-self._scroll.fit(contents.shape[0], height), 1, contents)
        title = f"step {snapshot.epoch} → {snapshot.epoch + 1} · {snapshot.lane.optimizer.formula}"
        cells = draw_box(rows, columns, inner, self.heading(style.symbols.spell(title)), style)
        self._scroll.put_place(cells, contents.shape[0], height, style.palette)
        return cells

    def _contents(self, view: View, height: int, room: int) -> Cells:
        """Return all that there is to say, in as few rows as needed to fit into `height`."""
        style = view.style
        palette = style.palette
        count = len(view.snapshot.lane.weights)
        layouts = self._layouts(view, room)
        layout = next((one for one in layouts if one.rows + count <= height), layouts[-1])
        fitting = max(_FEWEST_WEIGHTS, height - layout.rows - 1)
        all_shown = count <= _ALL_WEIGHTS or layout.rows + count <= height
        table = self._table(view, room, count if all_shown else fitting)
        top, bottom = len(layout.head), len(layout.head) + table.shape[0] + layout.blank
        cells = Cells.blank(bottom + len(layout.chain), room, style)
        for row, line in enumerate(layout.head):
            cells.put(row, 0, fit(line, room, style.symbols.plain), palette.text)
        cells.paste(top, 0, table)
        for row, line in enumerate(layout.chain, bottom):
            colour = palette.text
            if row == bottom:
                colour = palette.accent if self.focused else palette.dim
            cells.put(row, 0, fit(line, room, style.symbols.plain), colour)
        return cells

    def _layouts(self, view: View, room: int) -> list[_Layout]:
        """Return the layouts from the roomiest to the tightest."""
        lane, problem, spell = view.snapshot.lane, view.problem, view.style.symbols.spell
        head = [spell(piece) for piece in head_pieces(lane, halved=self._halved(view))]
        short = flow(head[:3], room)
        if problem.surface:
            return [_Layout(flow(head, room), []), _Layout(short, [])]
        row = problem.rows(problem.x_train, self.sample)
        target = float(problem.y_train[self.sample])
        rows = len(problem.y_train)
        name = spell(f"train sample {self.sample + 1} of {rows}  ({view.keys.moving} choose)")
        model, loss = view.predictor.model, lane.loss_name
        one = chain(model, problem.task, loss, lane.weights, row, target, rows)
        lines = [spell(line) for line in chain_lines(one, room)]

        def merged(*, with_loss: bool) -> list[str]:
            heading = spell(f"sample {self.sample + 1} of {rows} ({view.keys.moving})")
            pieces = chain_pieces(one, room, len(heading), with_loss=with_loss)
            return flow([heading, *map(spell, pieces)], room)

        return [
            _Layout([head[0], *flow(head[1:], room)], [name, *lines], blank=True),
            _Layout(flow(head, room), [name, *lines]),
            _Layout(flow(head, room), merged(with_loss=True)),
            _Layout(short, merged(with_loss=True)),
            _Layout(short, merged(with_loss=False)),
        ]

    @staticmethod
    def _halved(view: View) -> bool:
        """Whether descent follows half the loss's gradient, as the tutorial does."""
        return view.snapshot.lane.loss_name == "sse"

    @staticmethod
    def _steps(view: View) -> tuple[tuple[str, ...], Floats]:
        """Return the table's header, and by how much every weight is lowered: by α·g.

        With another optimizer, mini-batches or a schedule by what the runner found looking ahead.
        """
        lane, settings = view.snapshot.lane, view.settings
        plain = lane.optimizer.name == "sgd" and settings.schedule == "constant"
        if plain and not 0 < settings.batch_size < len(view.problem.y_train):
            return _HEADER, lane.learning_rate * lane.gradient
        return _OTHER_HEADER, lane.weights - lane.next_weights

    def _table(self, view: View, room: int, most: int) -> Cells:
        """Return the updates of all weights, or of the `most` with the largest |g|."""
        lane, symbols = view.snapshot.lane, view.style.symbols
        header, steps = self._steps(view)
        if lane.numeric is not None:
            header = _CHECK_HEADER
        names = [symbols.spell(name) for name in weight_names(view.problem, view.predictor.model)]
        shown = np.arange(len(names))
        if len(names) > most:
            shown = np.sort(np.argsort(-np.abs(lane.gradient), kind="stable")[:most])
        body, columns = [], list(range(5))
        for digits in _DIGITS:
            checked = lane.numeric is not None
            row = check_row if checked else update_row
            last = lane.numeric if lane.numeric is not None else steps
            body = [
                row(
                    fit(names[index], max(8, room // 4), symbols.plain),
                    lane.weights[index],
                    lane.gradient[index],
                    last[index],
                    digits,
                )
                for index in shown
            ]
            if _table_width([*body, header]) <= room:
                break
        for column in (3, 2):  # rather leave a column out than cut the numbers of another
            if _table_width([[row[c] for c in columns] for row in [*body, header]]) > room:
                columns.remove(column)
        table = draw_table(
            len(body) + 1,
            room,
            Table(
                [symbols.spell(header[column]) for column in columns],
                [[row[column] for column in columns] for row in body],
            ),
            view.style,
        )
        if len(names) == len(shown):
            return table
        cells = Cells.blank(len(body) + 2, room, view.style)
        cells.paste(0, 0, table)
        note = f"the {len(shown)} largest |g| of {len(names)} weights"
        cells.put(len(body) + 1, 0, fit(note, room, symbols.plain), view.style.palette.dim)
        return cells

    def numbers(self, view: View) -> list[str]:
        """Return the update of every weight, and the sample's chain, with all digits."""
        lane, problem = view.snapshot.lane, view.problem
        epoch = view.snapshot.epoch
        header, steps = self._steps(view)
        columns = [lane.weights, lane.gradient, steps, lane.weights - steps]
        if lane.numeric is not None:
            header, columns = (*header, "g by differences"), [*columns, lane.numeric]
        names = weight_names(problem, view.predictor.model)
        lines = [
            f"step {epoch} to {epoch + 1}, {lane.optimizer.formula}",
            f"loss {lane.loss!r}"
            + ("" if np.isnan(lane.next_loss) else f", after the step {lane.next_loss!r}"),
            f"alpha {lane.learning_rate!r}, norm of g {lane.gradient_norm!r}",
            *(["g is half the gradient"] if self._halved(view) else []),
            "",
            ", ".join(["weight", *header[1:]]),
        ]
        rows = zip(names, np.stack(columns, axis=1).tolist(), strict=True)
        lines += [", ".join([name, *map(repr, row)]) for name, row in rows]
        return lines if problem.surface else [*lines, "", *self._chain_numbers(view)]

    def _chain_numbers(self, view: View) -> list[str]:
        problem, lane, rows = view.problem, view.snapshot.lane, len(view.problem.y_train)
        row = problem.rows(problem.x_train, self.sample)
        target = float(problem.y_train[self.sample])
        model, loss = view.predictor.model, lane.loss_name
        one = chain(model, problem.task, loss, lane.weights, row, target, rows)
        steps = [(f"{step.name} = {step.formula}", step.values) for step in one.steps]
        named = [
            ("x", one.x.tolist()),
            ("y", (one.y,)),
            *steps,
            (f"share of g = {one.share_formula}", one.share.tolist()),
        ]
        return [
            f"train sample {self.sample + 1} of {rows}",
            *(f"{name} = {', '.join(repr(float(v)) for v in values)}" for name, values in named),
        ]

    def moved(self, by: int, view: View) -> int:
        """Choose the next sample, or the one before."""
        self.sample = (self.sample + by) % max(len(view.problem.y_train), 1)
        return 0

    def scroll_by(self, pages: int) -> None:
        """Scroll by what is seen at once, less a line."""
        self._scroll.turn(pages)


def _table_width(rows: Sequence[Sequence[str]]) -> int:
    """Return the cells that a table of these rows takes."""
    widest = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return sum(widest) + 2 * (len(widest) - 1)


# Every weight's update, and one sample's share in it, in words and numbers


def update_row(
    name: str, weight: float, gradient: float, step: float, digits: tuple[int, int] = (7, 5)
) -> tuple[str, ...]:
    """Return one weight's update: name, W, g, step, W − step; `digits` of weights and of steps.

    What is not known yet, NaN, is a dash.
    """
    of_weights, of_steps = digits
    return (
        name,
        f"{weight:+.{of_weights}g}",
        f"{gradient:+.{of_steps}g}",
        _NONE if math.isnan(step) else f"{step:+.{of_steps}g}",
        _NONE if math.isnan(step) else f"{weight - step:+.{of_weights}g}",
    )


def check_row(
    name: str, weight: float, gradient: float, found: float, digits: tuple[int, int] = (7, 5)
) -> tuple[str, ...]:
    """Return one weight's gradient beside that found by differences, and how far they differ."""
    error = abs(gradient - found) / max(abs(gradient), abs(found), 1e-300)
    return (
        name,
        f"{weight:+.{digits[0]}g}",
        f"{gradient:+.{digits[0]}g}",
        f"{found:+.{digits[0]}g}",
        f"{error:.1e}",
    )


def head_pieces(lane: LaneSnapshot, *, halved: bool) -> list[str]:
    """Return the loss before and after, the learning rate and the gradient's norm."""
    change = lane.next_loss - lane.loss
    after = "" if math.isnan(change) else f" → {lane.next_loss:.8g} ({change:+.2e})"
    return [
        f"loss {lane.loss:.8g}{after}",
        f"α {lane.learning_rate:g}",
        f"‖g‖ {lane.gradient_norm:.6g}",
        *(["g is half the gradient"] if halved else []),
    ]


def chain_lines(one: Chain, room: int) -> list[str]:
    """Return one sample's arithmetic, a line for each step; vectors are cut to `room` cells."""
    given, share = f"   y = {one.y:g}", f"share of g = {one.share_formula} = "
    lines = [f"x     = {vector(one.x, room - 8 - width(given))}{given}"]
    for step in one.steps:
        head = f"{step.name:<5} = {step.formula} = "
        lines.append(head + _numbers(step, room - width(head)))
    return [*lines, f"{share}{vector(one.share, room - width(share))}"]


def chain_pieces(one: Chain, room: int, heading: int, *, with_loss: bool) -> list[str]:
    """Return the same in pieces, several of which may share a line.

    Where x has room beside a heading of so many cells and before y, it is cut to that.
    """
    share, given = f"share = {one.share_formula} = ", f"y = {one.y:g}"
    beside = room - heading - width(f"{SEPARATOR}x = {SEPARATOR}{given}")
    pieces = [f"x = {vector(one.x, beside if beside > _VECTOR else room - 4)}", given]
    for step in one.steps:
        if with_loss or step.name != "loss":
            head = f"{step.name} = {step.formula} = "
            pieces.append(head + _numbers(step, room - width(head)))
    return [*pieces, f"{share}{vector(one.share, room - width(share))}"]


def _numbers(step: Quantity, room: int) -> str:
    """Return one number, to as many digits as its kind needs, or a vector."""
    if len(step.values) > 1:
        return vector(step.values, room)
    value = step.values[0]
    if step.name in {"loss", "δ"}:
        return f"{value:+.5g}" if step.signed else f"{value:.5g}"
    return f"{value:+.7g}" if step.signed else f"{value:.7g}"


def vector(values: Iterable[float], room: int) -> str:
    """Return `(1.5, 2, 3)` in at most `room` cells if it can be: `(1.5, …, 3)`, the last kept.

    >>> vector([1.5, 2, 3, 4], 20), vector([1.5, 2, 3, 4], 11)
    ('(1.5, 2, 3, 4)', '(1.5, …, 4)')
    """
    numbers = list(values)
    # a number and its comma take three cells: more than these are never seen, nor written
    words = [f"{value:.5g}" for value in numbers[: max(room, 0) // 3 + 2]]
    whole = f"({', '.join(words)})"
    if len(words) == len(numbers) and (len(whole) <= room or len(words) < 2):
        return whole
    last = f"{numbers[-1]:.5g}"
    for kept in range(min(len(words), len(numbers) - 2), 0, -1):
        # as many from the front as fit, and the last, which belongs to the bias
        text = f"({', '.join([*words[:kept], '…', last])})"
        if len(text) <= room:
            return text
    return f"({words[0]}, …)"


def flow(pieces: Sequence[str], room: int) -> list[str]:
    """Return the pieces in lines of at most `room` cells, as many in each as fit."""
    lines: list[str] = []
    for piece in pieces:
        if lines and width(lines[-1] + SEPARATOR + piece) <= room:
            lines[-1] += SEPARATOR + piece
        else:
            lines.append(piece)
    return lines
