"""A regression in two dimensions: points, and the line that a model draws through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tui_gd.plots.axes import Scale, frame
from tui_gd.plots.dots import blit
from tui_gd.plots.polyline import line_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tui_gd.plots.axes import Limits
    from tui_gd.plots.cells import Cells
    from tui_gd.plots.palette import Style
    from tui_gd.plots.symbols import Symbols


def fit_columns(columns: int, limits: Limits, symbols: Symbols) -> NDArray[np.float64]:
    """Return where to evaluate the line: a little more often than there are dots across."""
    return np.linspace(limits[0], limits[1], max(2, columns * symbols.dots[1]))


def draw_fit(
    rows: int,
    columns: int,
    *,
    points: NDArray[np.floating],
    line: NDArray[np.floating],
    limits: Limits,
    style: Style,
    x_label: str,
    y_label: str,
    line_label: str,
    title: str = "data",
    focused: bool = False,
    cursor: tuple[float, float] | None = None,
) -> Cells:
    """Return ``points`` (n, 2) and the polyline through ``line`` (m, 2), rising in x.

    The line lies over the points. What is not finite or outside the limits is left out.
    ``cursor`` brackets the point at (x, y).
    """
    palette, symbols = style.palette, style.symbols
    drawn = frame(
        rows,
        columns,
        Scale(*limits[:2]),
        Scale(*limits[2:]),
        title=title,
        legend=[
            (f"{len(points)} points", symbols.point(0), palette.classes[0]),
            (line_label, symbols.solid, palette.train),
        ],
        x_label=x_label,
        y_label=y_label,
        style=style,
        focused=focused,
    )
    if not (drawn.rows and drawn.columns):
        return drawn.cells
    cells = drawn.cells
    area = drawn.area
    row, column = _places(points, drawn.x, drawn.y, drawn.rows, drawn.columns)
    cells.code[area][row, column] = ord(symbols.point(0))
    cells.fg[area][row, column] = palette.classes[0] if palette.depth != "mono" else palette.text
    down, across = symbols.dots
    high, wide = drawn.rows * down, drawn.columns * across
    at, height = drawn.x.position(line[:, 0], wide), drawn.y.position(line[:, 1], high)
    mask = line_mask(at, height, high, wide)
    if symbols.plain:
        cells.code[area][mask] = ord(symbols.curve)
        cells.fg[area][mask] = palette.train
    else:
        blit(cells, drawn.top, drawn.left, mask, palette.train)
    if cursor is not None:
        _mark(
            cells,
            drawn.top,
            drawn.left,
            cursor,
            (drawn.x, drawn.y),
            (drawn.rows, drawn.columns),
            style,
        )
    return cells


def _places(
    points: NDArray[np.floating], x: Scale, y: Scale, rows: int, columns: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    column, row = x.bins(points[:, 0], columns), y.bins(points[:, 1], rows)
    inside = (column >= 0) & (row >= 0)
    return rows - 1 - row[inside], column[inside]


def _mark(
    cells: Cells,
    top: int,
    left: int,
    cursor: tuple[float, float],
    scales: tuple[Scale, Scale],
    size: tuple[int, int],
    style: Style,
) -> None:
    symbols = style.symbols
    column = int(scales[0].bins(cursor[0], size[1]))
    row = int(scales[1].bins(cursor[1], size[0]))
    if column < 0 or row < 0:
        return
    for place, sign in zip(
        (column - 1, column, column + 1),
        (symbols.brackets[0], symbols.point(0), symbols.brackets[1]),
        strict=True,
    ):
        if 0 <= place < size[1]:
            cells.put(top + size[0] - 1 - row, left + place, sign, style.palette.cursor)
