"""A regression in two dimensions: points, and the line that a model draws through them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tui_gd.plots.axes import Axes, Frame, Heading, frame
from tui_gd.plots.braille import blit, line_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tui_gd.plots.cells import Cells
    from tui_gd.plots.palette import Style
    from tui_gd.plots.symbols import Symbols


@dataclass(frozen=True, eq=False)
class FittedLine:
    """What a model predicts: a polyline through places (m, 2), rising in x."""

    places: NDArray[np.floating]
    label: str


def fit_columns(columns: int, limits: tuple[float, float], symbols: Symbols) -> NDArray[np.float64]:
    """Return where to evaluate the line: a little more often than there are dots across."""
    return np.linspace(limits[0], limits[1], max(2, columns * symbols.dots[1]))


def draw_fit(
    rows: int,
    columns: int,
    points: NDArray[np.floating],
    line: FittedLine,
    axes: Axes,
    style: Style,
    heading: Heading,
    cursor: tuple[float, float] | None = None,
) -> Cells:
    """Return ``points`` (n, 2) and the line over them.

    What is not finite or outside the limits is left out. ``cursor`` brackets the point at (x, y).
    """
    palette, symbols = style.palette, style.symbols
    legend = (
        (f"{len(points)} points", symbols.point(0), palette.classes[0]),
        (line.label, symbols.solid, palette.train),
        *heading.legend,
    )
    drawn = frame(rows, columns, axes, replace(heading, legend=legend), style)
    if not (drawn.rows and drawn.columns):
        return drawn.cells
    cells, area = drawn.cells, drawn.area
    column, row = drawn.x.bins(points[:, 0], drawn.columns), drawn.y.bins(points[:, 1], drawn.rows)
    inside = (column >= 0) & (row >= 0)
    row, column = drawn.rows - 1 - row[inside], column[inside]
    cells.code[area][row, column] = ord(symbols.point(0))
    cells.fg[area][row, column] = palette.classes[0]
    down, across = symbols.dots
    high, wide = drawn.rows * down, drawn.columns * across
    at = drawn.x.position(line.places[:, 0], wide)
    mask = line_mask(at, drawn.y.position(line.places[:, 1], high), high, wide)
    if symbols.plain:
        cells.code[area][mask] = ord(symbols.curve)
        cells.fg[area][mask] = palette.train
    else:
        blit(cells, drawn.top, drawn.left, mask, palette.train)
    if cursor is not None:
        _bracket(drawn, cursor, style)
    return cells


def _bracket(drawn: Frame, point: tuple[float, float], style: Style) -> None:
    column = int(drawn.x.bins(point[0], drawn.columns))
    row = int(drawn.y.bins(point[1], drawn.rows))
    if column < 0 or row < 0:
        return
    left, right = style.symbols.brackets
    signs = (left, style.symbols.point(0), right)
    for place, sign in zip((column - 1, column, column + 1), signs, strict=True):
        if 0 <= place < drawn.columns:
            at = drawn.top + drawn.rows - 1 - row
            drawn.cells.put(at, drawn.left + place, sign, style.palette.cursor)
