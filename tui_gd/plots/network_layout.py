"""Where the units of a drawn network stand, and which of a layer that does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .cells import width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Unit = tuple[int, int]
"""A layer's number from 0, the inputs not counted, and the number from 0 of a unit in it."""

BIAS = 7
"""Cells for a bias beside its unit."""
_ROOM = 8
"""Lines shorter than so many cells are not worth names and biases."""
_READABLE = 8
"""A layer that does not fit keeps a line free between its units, but shows so many if it can."""


@dataclass(frozen=True)
class Column:
    """The units of one layer that are drawn, their rows, and how many are left out in which."""

    at: int
    units: tuple[int, ...]
    rows: tuple[int, ...]
    gaps: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Layout:
    """Where everything stands: a column for the inputs and for every layer."""

    columns: tuple[Column, ...]
    left: int
    """Cells for the inputs' names."""
    right: int
    """Cells for the outputs' names."""
    biases: bool
    legend: bool

    def line_ends(self, gap: int) -> tuple[int, int]:
        """Return the first cell and that after the last of lines from column `gap` on."""
        start = self.columns[gap].at + (1 if gap == 0 else 2)
        if gap and self.biases:
            start += BIAS
        return start, self.columns[gap + 1].at - 1


def finite(matrix: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return a matrix without NaN, and with numbers so large that their shares can be taken."""
    return np.nan_to_num(np.asarray(matrix, np.float64), nan=0.0, posinf=1e300, neginf=-1e300)


def layout_of(
    rows: int,
    columns: int,
    layers: Sequence[NDArray[np.float64]],
    inputs: Sequence[str],
    outputs: Sequence[str],
    selected: Unit | None,
) -> Layout:
    """Return the layout for a picture of so many cells; the inputs shown depend on their |w|."""
    sizes = (len(layers[0]) - 1, *(matrix.shape[1] for matrix in layers))
    legend = rows >= 8
    height = rows - legend
    most = height if sizes[0] <= height else _cut(height) - 1
    strength = np.abs(layers[0][:-1])
    if selected is not None and selected[0] == 0:
        strength = strength[:, selected[1], None]
    strength = strength.max(axis=1, initial=0.0)
    strongest = tuple(sorted(np.argsort(-strength, kind="stable")[:most].tolist()))
    longest = (max(map(width, inputs), default=0), max(map(width, outputs), default=0))
    return _layout(height, columns, sizes, strongest, longest, selected, legend)


def unit_at(
    rows: int,
    columns: int,
    layers: Sequence[NDArray[np.floating]],
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    place: tuple[int, int],
    selected: Unit | None = None,
) -> Unit | None:
    """Return the unit that `draw_network` draws nearest to the cell (row, column) `place`.

    None if that is an input, or no unit is within two rows and eight columns.
    """
    if rows < 1 or columns < 1 or not layers:
        return None
    sound = [finite(matrix) for matrix in layers]
    layout = layout_of(rows, columns, sound, inputs, outputs, selected)
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
    """Return places for the `inputs` that are shown and for as many of all units as fit."""
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
    """Return the lines taken by a layer that does not fit."""
    return max(height // 2, min(height, _READABLE))


def _row(slot: int, of: int, height: int) -> int:
    return (2 * slot + 1) * height // (2 * of)


def _spread(at: int, height: int, units: tuple[int, ...], left_out: int) -> Column:
    """Return units evenly over the height, and in the last line how many are left out."""
    slots = max(len(units) + (left_out > 0), 1)
    rows = tuple(_row(slot, slots, height) for slot in range(len(units)))
    return Column(at, units, rows, ((_row(slots - 1, slots, height), left_out),) * (left_out > 0))


def _some(at: int, height: int, size: int, keep: int | None) -> Column:
    """Return all units of a layer, or the first ones, the last one and `keep`, evenly."""
    shown = list(range(size))
    if size > height:
        room = _cut(height)
        inside = keep is not None and room - 2 <= keep < size - 1
        shown = list(range(max(room - (4 if inside else 2), 0)))
        shown += [keep] if inside and keep is not None else []
        shown += [size - 1] if room > 2 else []
        shown = shown or [keep or 0]
    slots: list[tuple[int, int]] = []  # a unit and 0, or −1 and how many are left out
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
