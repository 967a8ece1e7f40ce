"""A height over a plane, shaded in levels of one hue with contours between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tui_gd.plots.axes import paint_pixels, upsampled
from tui_gd.plots.braille import BRAILLE, pack
from tui_gd.plots.cells import SPACE, width
from tui_gd.plots.scale import LARGEST, compact

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tui_gd.plots.axes import Frame
    from tui_gd.plots.palette import Style

BAR_COLUMNS = 10
"""Columns for the colour bar and its numbers, to the right of the plotting area."""
_DIGITS = 10
_BAR_STEP = 3
"""Rows from one number of the colour bar to the next."""


@dataclass(frozen=True, eq=False)
class Relief:
    """The shading: the background of every cell (rows, columns) and the levels' heights."""

    ground: NDArray[np.int32]
    edges: NDArray[np.float64]
    """The lowest height, those between levels, and the highest; empty if none is known."""


def level_edges(values: NDArray[np.floating], levels: int) -> NDArray[np.float64]:
    """Return the heights (levels − 1,) between levels, rising.

    They are the mean of two scales. One gives all levels equal shares of the area, so that every
    landscape shows some shape. The other has equal steps of the height above the lowest, on a
    logarithmic scale with the median in its middle. Heights that are not finite do not count.
    """
    finite = np.clip(values[np.isfinite(values)], -LARGEST, LARGEST)
    if not finite.size:
        return np.zeros(max(levels - 1, 0))
    shares = np.arange(1, levels) / levels
    ordered = np.sort(finite, axis=None)
    size = max(abs(float(ordered[0])), abs(float(ordered[-1])), 1e-300)
    ordered = ordered / size
    by_area = np.interp(shares * (len(ordered) - 1), np.arange(len(ordered)), ordered)
    above = ordered - ordered[0]
    middle, top = float(above[len(above) // 2]), float(above[-1])
    if not top:
        return by_area * size
    # log1p(above / unit) has the median half way up where unit = middle² / (top − 2 · middle)
    steep = top > 2.2 * middle
    unit = max(middle**2 / (top - 2.0 * middle), 1e-9 * top) if steep else 1e3 * top
    by_height = ordered[0] + unit * np.expm1(shares * np.log1p(top / unit))
    edges: NDArray[np.float64] = (by_area + by_height) / 2.0 * size
    return edges


def paint_relief(drawn: Frame, values: NDArray[np.floating] | None, style: Style) -> Relief:
    """Shade the plotting area by `values` (h, w), the first row the upper one, and draw contours.

    Shades are half blocks and contours braille dots. In plain, shades are whole cells and contours
    digits; with few colours there are digits alone. A contour marks the beginning of a level, on
    its upper side, and a digit names that level. Values that are not finite are left blank.
    """
    palette, symbols = style.palette, style.symbols
    blank = np.full((drawn.rows, drawn.columns), palette.background, np.int32)
    if values is None or not np.isfinite(values).any():
        return Relief(blank, np.zeros(0))
    known = np.where(np.isfinite(values), np.clip(values, -LARGEST, LARGEST), np.nan)
    inner = level_edges(known, len(palette.relief) if palette.filled else _DIGITS)
    edges = np.array([np.nanmin(known), *inner, np.nanmax(known)])
    cells, area = drawn.cells, drawn.area
    colours = np.append(palette.relief, np.int32(palette.background))
    if symbols.plain or not palette.filled:
        level = _levels(known, inner, drawn.rows, drawn.columns)
        ground = colours[level] if palette.filled else blank
        rim = _contours(level)
        cells.code[area] = np.where(rim, level + ord("0"), SPACE)
        cells.fg[area] = palette.contour
        cells.bg[area] = ground
        return Relief(ground, edges)
    pixels = _levels(known, inner, drawn.rows * symbols.pixels, drawn.columns)
    paint_pixels(drawn, colours[pixels])
    ground = colours[np.maximum(pixels[0::2], pixels[1::2])]
    down, across = symbols.dots
    dots = pack(_contours(_levels(known, inner, drawn.rows * down, drawn.columns * across)))
    rim = dots > 0
    cells.code[area][rim] = dots[rim] + BRAILLE
    cells.fg[area][rim] = palette.contour
    cells.bg[area][rim] = ground[rim]
    return Relief(ground, edges)


def paint_bar(drawn: Frame, relief: Relief, style: Style) -> None:
    """Draw the levels with their heights, from low to high, to the right of the plotting area."""
    levels = len(relief.edges) - 1
    if levels < 1 or drawn.rows < levels // 2:
        return
    palette, cells = style.palette, drawn.cells
    left = drawn.left + drawn.columns + 1
    height = drawn.rows * style.symbols.pixels
    level = np.arange(height)[::-1] * levels // height
    upper, lower = (
        level[:: style.symbols.pixels],
        level[style.symbols.pixels - 1 :: style.symbols.pixels],
    )
    for row in range(drawn.rows):
        at = drawn.top + row
        if not palette.filled:
            cells.put(at, left, str(int(lower[row])), palette.contour)
            continue
        top, bottom = int(palette.relief[upper[row]]), int(palette.relief[lower[row]])
        split = style.symbols.pixels > 1 and top != bottom
        cells.put(at, left, "▀" if split else " ", top, bottom)
    for row in range(0, drawn.rows, _BAR_STEP):
        share = 1.0 - row / max(drawn.rows - 1, 1)
        text = _short(float(np.interp(share * levels, np.arange(levels + 1), relief.edges)))
        if width(text) <= BAR_COLUMNS - 3:
            cells.put(drawn.top + row, left + 2, text, palette.dim)


def _short(value: float) -> str:
    return compact(float(f"{value:.2g}"))


def _levels(
    values: NDArray[np.float64], edges: NDArray[np.float64], rows: int, columns: int
) -> NDArray[np.intp]:
    """Return the level of every bin (rows, columns), −1 where the value is not a number."""
    shown = values if values.shape == (rows, columns) else upsampled(values, rows, columns)
    level = np.searchsorted(edges, shown, side="left")
    unknown = np.isnan(shown)
    if unknown.any():
        level[unknown] = -1
    return level


def _contours(level: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return where a neighbour has a lower level; unknown cells have no contour."""
    rim = np.zeros(level.shape, np.bool_)
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1, :], np.s_[1:, :])):
        one, other = level[here], level[there]
        both = (one >= 0) & (other >= 0)
        rim[here] |= both & (one > other)
        rim[there] |= both & (other > one)
    return rim
