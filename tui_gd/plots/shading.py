"""A plotting area filled with colours: half blocks, textures, and boundary and points upon them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tui_gd.plots.dots import blit, pack
from tui_gd.plots.scatter import most_telling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tui_gd.plots.axes import Frame
    from tui_gd.plots.palette import Style
    from tui_gd.plots.symbols import Symbols

_HALF = ord("▀")

Index = tuple["NDArray[np.intp]", "NDArray[np.intp]"]
"""Rows and columns."""


def paint_pixels(drawn: Frame, pixels: NDArray[np.int32]) -> None:
    """Fill the plotting area with colours, (rows, columns) or two to a cell, (2 · rows, columns).

    Two pixels of one colour are a blank on it; two colours are an upper half block.
    """
    cells, area = drawn.cells, drawn.area
    if len(pixels) == drawn.rows:
        cells.bg[area] = pixels
        return
    upper, lower = pixels[0::2], pixels[1::2]
    split = upper != lower
    cells.bg[area] = lower
    cells.code[area][split] = _HALF
    cells.fg[area][split] = upper[split]


def chequered(drawn: Frame) -> NDArray[np.bool_]:
    """Return every other cell (rows, columns): where a texture leaves glyphs and lines readable."""
    grid: NDArray[np.bool_] = (np.arange(drawn.rows)[:, None] + np.arange(drawn.columns)) % 2 == 0
    return grid


def paint_boundary(
    drawn: Frame,
    mask: NDArray[np.bool_],
    behind: NDArray[np.int32],
    style: Style,
) -> None:
    """Draw the dots of `mask` as a boundary, each cell on one background: `behind` (rows, columns).

    The mask has `symbols.dots` dots for each cell; in plain these are whole cells.
    """
    cells, area = drawn.cells, drawn.area
    if style.symbols.plain:
        here = mask
        cells.code[area][here] = ord(style.symbols.boundary)
        cells.fg[area][here] = style.palette.boundary
    else:
        here = pack(mask) > 0
        blit(cells, drawn.top, drawn.left, mask, style.palette.boundary)
    cells.bg[area][here] = behind[here]


def shown_points(
    drawn: Frame,
    points: NDArray[np.floating],
    kind: NDArray[np.intp],
    classes: int,
    symbols: Symbols,
) -> tuple[Index, Index, NDArray[np.intp]]:
    """Return the cells of the picture that hold points, a pixel of each, and the kind to show.

    `points` (n, 2) have `kind` (n,), a class, plus `classes` if misclassified; of several in one
    cell the most telling is shown. Pixels are counted as `paint_pixels` does.
    """
    height = drawn.rows * symbols.pixels
    column = drawn.x.bins(points[:, 0], drawn.columns)
    pixel = drawn.y.bins(points[:, 1], height)
    inside = np.flatnonzero((column >= 0) & (pixel >= 0))
    column, pixel = column[inside], height - 1 - pixel[inside]
    row = pixel // symbols.pixels
    shown, kinds = most_telling(row * drawn.columns + column, kind[inside], classes)
    cells = (drawn.top + row[shown], drawn.left + column[shown])
    return cells, (pixel[shown], column[shown]), kinds
