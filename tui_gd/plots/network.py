"""A network as a picture: units in columns, with lines as strong as their weights."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.cells import Cells, blit, fit, per_cell, width
from tui_gd.plots.palette import Style

_WEAK, _MEDIUM, _STRONG = 0.1, 0.3, 0.65
"""Shares of the layer's largest |w| above which a line is dotted, thin, thick."""
_LOOSE = 3
"""Units this many rows apart leave room for a bias below."""
_CROWDED = 3
"""With more lines than this per row between two layers, only the strongest of those that do not
touch the selected unit are drawn: one for every second row."""
_EXPONENT = re.compile(r"e\+?(-?)0*(\d+)")
_PERIOD = 8
_PATTERNS = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [1, 0, 1, 0, 1, 0, 1, 0],  # w > 0: dotted, thin, thick
        [1, 1, 1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1, 1, 1],
        [1, 1, 0, 0, 0, 0, 0, 0],  # w < 0: the same, with gaps
        [1, 1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0, 0],
    ],
    np.bool_,
)
_NEGATIVE = 3
_PLAIN = np.array([ord(sign) for sign in " .+#,-="], np.uint32)


Unit = tuple[int, int]
"""The number of a layer, not counting the inputs, and of a unit in it, both from 0."""


@dataclass(frozen=True, eq=False)
class Network:
    """A network to draw: its weights and the names of its inputs and outputs."""

    layers: Sequence[NDArray[np.floating]]
    """A matrix (inputs + 1, outputs) per layer, with the bias row last."""
    inputs: Sequence[str]
    outputs: Sequence[str]
    activations: Sequence[NDArray[np.floating]] = ()
    """Values (units,) of the inputs and of every layer."""
    selected: Unit | None = None


# The places of units, and which ones are shown of a layer that does not fit

BIAS = 7
"""Cells for a bias beside its unit."""
_ROOM = 8
"""Lines must be at least this many cells long to leave room for names and biases."""
_READABLE = 8
"""A layer that does not fit keeps rows free between units if it can still show this many."""


@dataclass(frozen=True)
class Column:
    """The drawn units of one layer and their rows, and the row and number of those left out."""

    at: int
    units: tuple[int, ...]
    rows: tuple[int, ...]
    gaps: tuple[tuple[int, int], ...] = ()

    @property
    def apart(self) -> int:
        """The rows from one unit to the next, where they are closest."""
        return min((b - a for a, b in pairwise(self.rows)), default=_LOOSE)


@dataclass(frozen=True)
class Layout:
    """The layout of the picture: a column for the inputs and for every layer."""

    columns: tuple[Column, ...]
    left: int
    """Cells for the names of inputs."""
    right: int
    """Cells for the names of outputs."""
    biases: bool
    legend: bool

    def line_ends(self, gap: int) -> tuple[int, int]:
        """Return the first cell of the lines after column `gap`, and the one after the last."""
        start = self.columns[gap].at + (1 if gap == 0 else 2)
        if gap and self.biases:
            start += BIAS
        return start, self.columns[gap + 1].at - 1


def finite(matrix: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return a matrix without NaN or numbers too large for computing their shares."""
    return np.nan_to_num(np.asarray(matrix, np.float64), nan=0.0, posinf=1e300, neginf=-1e300)


def layout_of(rows: int, columns: int, network: Network) -> Layout:
    """Return the layout for a picture of that size; the inputs shown depend on their |w|."""
    selected = network.selected
    layers = [finite(matrix) for matrix in network.layers]
    sizes = (len(layers[0]) - 1, *(matrix.shape[1] for matrix in layers))
    legend = rows >= 8
    height = rows - legend
    most = height if sizes[0] <= height else _cut(height) - 1
    strength = np.abs(layers[0][:-1])
    if selected is not None and selected[0] == 0:
        strength = strength[:, selected[1], None]
    strength = strength.max(axis=1, initial=0.0)
    strongest = tuple(sorted(np.argsort(-strength, kind="stable")[:most].tolist()))
    longest = (
        max(map(width, network.inputs), default=0),
        max(map(width, network.outputs), default=0),
    )
    return _layout(height, columns, sizes, strongest, longest, selected, legend)


def unit_at(rows: int, columns: int, network: Network, place: tuple[int, int]) -> Unit | None:
    """Return the unit that `draw_network` draws nearest to the cell (row, column) `place`.

    None if that is an input, or no unit is within two rows and eight columns.
    """
    if rows < 1 or columns < 1 or not network.layers:
        return None
    layout = layout_of(rows, columns, network)
    near = [
        (2 * abs(row - place[0]) + abs(column.at - place[1]), number - 1, unit)
        for number, column in enumerate(layout.columns)
        for unit, row in zip(column.units, column.rows, strict=True)
        if abs(row - place[0]) <= 2 and abs(column.at - place[1]) <= 8
    ]
    _, layer, unit = min(near, default=(0, -1, 0))
    return (layer, unit) if layer >= 0 else None


@lru_cache(maxsize=64)
def _layout(
    height: int,
    columns: int,
    sizes: tuple[int, ...],
    inputs: tuple[int, ...],
    longest: tuple[int, int],
    selected: Unit | None,
    legend: bool,
) -> Layout:
    """Return places for the shown `inputs` and for as many units as fit."""
    count = len(sizes) - 1
    names = tuple(min(one, max(columns // 5, 1)) for one in longest)
    wide, narrow = (names[0], names[1], True), (names[0], names[1], False)
    for left, right, biases in (wide, narrow, (0, 0, False)):
        first = left + bool(left)
        last = columns - 2 - (right + bool(right)) - (BIAS if biases else 0)
        apart = (last - first) / count
        if apart - 4 - (BIAS if biases else 0) >= _ROOM:
            break
    first, last = max(first, 0), max(last, 0)
    places = [round(first + (last - first) * number / count) for number in range(count + 1)]
    made = [_spread(places[0], height, inputs, sizes[0] - len(inputs))]
    for layer, (at, size) in enumerate(zip(places[1:], sizes[1:], strict=True)):
        keep = selected[1] if selected is not None and selected[0] == layer else None
        made.append(_some(at, height, size, keep))
    return Layout(tuple(made), left, right, biases, legend)


def _cut(height: int) -> int:
    """Return the rows that a layer takes if it does not fit."""
    return max(height // 2, min(height, _READABLE))


def _row(slot: int, of: int, height: int) -> int:
    return (2 * slot + 1) * height // (2 * of)


def _spread(at: int, height: int, units: tuple[int, ...], left_out: int) -> Column:
    """Return units spread over the height, with the number left out in the last row."""
    slots = max(len(units) + (left_out > 0), 1)
    rows = tuple(_row(slot, slots, height) for slot in range(len(units)))
    return Column(at, units, rows, ((_row(slots - 1, slots, height), left_out),) * (left_out > 0))


def _some(at: int, height: int, size: int, keep: int | None) -> Column:
    """Return all units of a layer, or the first ones, the last one and `keep`, evenly spread."""
    shown = list(range(size))
    if size > height:
        room = _cut(height)
        inside = keep is not None and room - 2 <= keep < size - 1
        shown = list(range(max(room - (4 if inside else 2), 0)))
        shown += [keep] if inside and keep is not None else []
        shown += [size - 1] if room > 2 else []
        shown = shown or [keep or 0]
    slots: list[tuple[int, int]] = []  # a unit and 0, or −1 and the number left out
    for before, unit in pairwise([-1, *shown, size]):
        if unit - before > 1:
            slots.append((-1, unit - before - 1))
        if unit < size:
            slots.append((unit, 0))
    if len(slots) > height:
        slots = [slot for slot in slots if slot[0] >= 0]
    rows = [_row(slot, len(slots), height) for slot in range(len(slots))]
    both = list(zip(slots, rows, strict=True))
    return Column(
        at,
        tuple(unit for (unit, _), _ in both if unit >= 0),
        tuple(row for (unit, _), row in both if unit >= 0),
        tuple((row, left) for (unit, left), row in both if unit < 0),
    )


# The picture


def draw_network(rows: int, columns: int, network: Network, style: Style) -> Cells:
    """Return the network as units in columns with lines between them.

    A line is dotted, thin or thick above 0.1, 0.3 and 0.65 of the layer's largest |w| (biases do
    not count), solid if w > 0 and dashed if w < 0. A unit's bias is beside or below it, and its
    activation, if given, below it. The selected unit is bracketed, and its lines are drawn over
    the dimmed others. A layer that does not fit shows its first units, its last and the selected
    one; inputs that do not fit show those with the largest |w|, towards the selected unit if they
    lead to it. The number of hidden units is written beside them.
    """
    cells = Cells.blank(rows, columns, style)
    if rows < 1 or columns < 1 or not network.layers:
        return cells
    layout = layout_of(rows, columns, network)
    _draw_lines(cells, layout, network, style)
    for number, column in enumerate(layout.columns):
        _draw_units(cells, layout, number, network, style)
        for row, count in column.gaps:
            text = style.symbols.spell(f"… {count} more")
            cells.put(row, max(column.at + 1 - width(text), 0), text, style.palette.dim)
    _draw_names(cells, layout, network, style)
    _draw_activations(cells, layout, network, style)
    if layout.legend:
        _draw_legend(cells, style)
    return cells


# on a large screen, all lines between two layers take some 10 MB
@lru_cache(maxsize=16)
def _raster(
    shape: tuple[int, int],
    ends: tuple[int, int],
    rows: tuple[tuple[int, ...], tuple[int, ...]],
    down: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
    """Return all lines between two columns of units as dots of a mask of `shape`.

    All are (lines, dots): flat indices of the dots, of the dots beside them for thick lines, and
    places in the pattern. Line number = left unit · right units + right unit.
    """
    from_row, to_row = (np.array(side) * down + down // 2 for side in rows)
    start = np.repeat(from_row, len(to_row))[:, None]
    rise = np.tile(to_row, len(from_row))[:, None] - start
    across = ends[1] - 1 - ends[0]
    length = max(across, int(np.abs(rise).max(initial=0)), 1)
    share = np.arange(length + 1) / length
    x = np.rint(ends[0] + across * share).astype(np.intp)[None]
    y = np.rint(start + rise * share).astype(np.intp)
    dots = y * shape[1] + x
    steep = np.abs(rise) > across
    beside = np.where(
        steep,
        y * shape[1] + np.minimum(x + 1, ends[1] - 1),
        np.minimum(y + 1, shape[0] - 1) * shape[1] + x,
    )
    own = np.maximum(np.abs(rise), across)
    places = np.rint(own * share).astype(np.intp) % _PERIOD
    return dots.astype(np.int32), beside.astype(np.int32), places.astype(np.int8)


def _draw_lines(cells: Cells, layout: Layout, network: Network, style: Style) -> None:
    """Draw the lines, stronger ones over weaker ones."""
    palette, symbols, selected = style.palette, style.symbols, network.selected
    down, across = symbols.dots
    shape = (cells.shape[0] * down, cells.shape[1] * across)
    owner = np.zeros(shape[0] * shape[1], np.int16)
    # colour and kind of each line number in `owner`
    colours, kinds = [np.array([palette.text])], [np.array([0])]
    drawn = 1
    for gap, matrix in enumerate(map(finite, network.layers)):
        left, right = layout.columns[gap], layout.columns[gap + 1]
        start, stop = layout.line_ends(gap)
        if stop - start < 1:
            continue
        shown = matrix[np.ix_(left.units, right.units)].ravel()
        own = _touching(left, right, gap, selected)
        most = len(shown)
        if most > _CROWDED * cells.shape[0]:
            # without colours the selected unit's lines would be lost among the others
            most = 0 if palette.depth == "mono" and own.any() else cells.shape[0] // 2
        kind, order = _kinds(shown, float(np.abs(matrix[:-1]).max(initial=0.0)), own, most)
        dots, beside, places = _raster(
            shape, (start * across, stop * across), (left.rows, right.rows), down
        )
        number = np.arange(drawn, drawn + len(order), dtype=np.int16)[:, None]
        drawn += len(order)
        on = _PATTERNS[kind[order][:, None], places[order]]
        number = np.broadcast_to(number, on.shape)
        if not symbols.plain:
            thick = kind[order] % _NEGATIVE == 0
            owner[beside[order[thick]][on[thick]]] = number[thick][on[thick]]
        owner[dots[order][on]] = number[on]
        bright, dimmed = np.array(palette.classes[:2]), np.array(palette.classes_dimmed)
        sign = (kind > _NEGATIVE).astype(np.intp)
        colours.append(np.where(own | (selected is None), bright[sign], dimmed[sign])[order])
        kinds.append(kind[order])
    table = np.concatenate(colours).astype(np.int32)
    dots_owner = owner.reshape(shape)
    if symbols.plain:
        here = dots_owner > 0
        cells.code[here] = _PLAIN[np.concatenate(kinds)[dots_owner[here]]]
        cells.fg[here] = table[dots_owner[here]]
    else:
        blit(cells, 0, 0, dots_owner > 0, table[per_cell(dots_owner, symbols)])


def _touching(left: Column, right: Column, gap: int, selected: Unit | None) -> NDArray[np.bool_]:
    """Return which lines (left units · right units,) begin or end at the selected unit."""
    own = np.zeros((len(left.units), len(right.units)), np.bool_)
    if selected is not None and gap == selected[0]:
        own[:, np.array(right.units) == selected[1]] = True
    if selected is not None and gap == selected[0] + 1:
        own[np.array(left.units) == selected[1]] = True
    return own.ravel()


def _kinds(
    weights: NDArray[np.float64], largest: float, own: NDArray[np.bool_], most: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return each line's row in the table of patterns, and the lines to draw, weakest first.

    Those of the selected unit, `own`, come last; the number of the others is limited.
    """
    share = np.abs(weights) / largest if largest > 0 else np.zeros(len(weights))
    strength = (share >= _WEAK).astype(np.intp) + (share >= _MEDIUM) + (share >= _STRONG)
    kind = np.where((weights < 0) & (strength > 0), strength + _NEGATIVE, strength)
    others, mine = (np.flatnonzero((kind > 0) & (own == which)) for which in (False, True))
    others = others[np.argsort(share[others], kind="stable")]
    mine = mine[np.argsort(share[mine], kind="stable")]
    return kind, np.concatenate([others[max(len(others) - most, 0) :], mine])


def _draw_units(cells: Cells, layout: Layout, number: int, network: Network, style: Style) -> None:
    """Draw the units of one column, each with its bias beside or below it."""
    palette = style.palette
    column = layout.columns[number]
    for unit, row in zip(column.units, column.rows, strict=True):
        chosen = network.selected == (number - 1, unit)
        colour = palette.cursor if chosen else palette.text
        cells.put(row, column.at, style.symbols.point(0), colour)
        if chosen:
            cells.put(row, column.at - 1, "[", palette.cursor)
            cells.put(row, column.at + 1, "]", palette.cursor)
        if number and (layout.biases or column.apart >= _LOOSE):
            bias = style.symbols.spell(_short(network.layers[number - 1][-1, unit]))
            below = min(column.at - 2, cells.shape[1] - len(bias))
            place = (row, column.at + 2) if layout.biases else (row + 1, max(below, 0))
            cells.put(*place, bias, palette.dim)


def _short(value: float) -> str:
    """Return a signed number in less than `BIAS` cells: `+0.31`, `-1.2e3`; below 1e-99 it is 0."""
    if abs(value) < 1e-99:
        return "+0"
    forms = [_EXPONENT.sub(r"e\1\2", f"{value:+{form}}") for form in (".2g", ".1g", ".0e")]
    return next((form for form in forms if len(form) < BIAS), forms[-1])


def _draw_names(cells: Cells, layout: Layout, network: Network, style: Style) -> None:
    ink = style.palette.text
    if layout.left:
        column = layout.columns[0]
        for unit, row in zip(column.units, column.rows, strict=True):
            name = fit(network.inputs[unit], layout.left, cells.plain)
            cells.put(row, layout.left - width(name), name, ink)
    if layout.right:
        column = layout.columns[-1]
        at = column.at + 2 + (BIAS if layout.biases else 0)
        for unit, row in zip(column.units, column.rows, strict=True):
            cells.put(row, at, fit(network.outputs[unit], layout.right, cells.plain), ink)


def _draw_activations(cells: Cells, layout: Layout, network: Network, style: Style) -> None:
    """Write every unit's value below it, if its layer leaves rows free between units.

    A value that the legend or the value of the next layer would cover is left out.
    """
    room = min((b.at - a.at for a, b in pairwise(layout.columns)), default=cells.shape[1])
    for number, (column, values) in enumerate(
        zip(layout.columns, network.activations, strict=False)
    ):
        beside = number == 0 or layout.biases
        if column.apart < (2 if beside else _LOOSE):
            continue
        for unit, row in zip(column.units, column.rows, strict=True):
            text = style.symbols.spell(f"={values[unit]:.2g}")
            below = row + (1 if beside else 2)
            if below >= cells.shape[0] - layout.legend or len(text) > room:
                continue
            at = column.at + 1 - len(text) if number == 0 else column.at + (1 if beside else -2)
            at = max(min(at, cells.shape[1] - len(text)), 0)
            cells.put(below, at, text, style.palette.text)


def _draw_legend(cells: Cells, style: Style) -> None:
    palette, symbols = style.palette, style.symbols
    row = cells.shape[0] - 1
    samples = ("#+.", "=-,") if symbols.plain else (symbols.solid, symbols.dashed)
    at = 0
    for sample, text, colour in zip(
        samples, (" w > 0   ", " w < 0   "), palette.classes[:2], strict=True
    ):
        at = cells.put(row, at, sample, colour)
        at = cells.put(row, at, text, palette.dim)
    for note in ("the thicker, the larger |w|; at a unit its bias", "thick: large |w|"):
        if at + width(note) <= cells.shape[1]:
            cells.put(row, at, note, palette.dim)
            break
