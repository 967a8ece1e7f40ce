"""A height over a plane, shaded in levels with contours between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from tui_gd.plots.braille import BRAILLE, pack
from tui_gd.plots.cells import SPACE
from tui_gd.plots.colours import RGB, contrast, luminance, rgb
from tui_gd.plots.palette import Style
from tui_gd.plots.pixels import paint_pixels, upsampled
from tui_gd.plots.scale import LARGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tui_gd.plots.axes import Frame
    from tui_gd.plots.colours import Colour
    from tui_gd.plots.palette import Palette, Style

READABLE = 4.0
"""The least contrast of a sign (WCAG 2 asks 3 of graphics); black or white has 4.58 anywhere."""

_BLACK_WHITE = {"truecolor": (RGB, RGB | 0xFFFFFF), "256": (16, 231), "16": (0, 15)}
_DIGITS = 10


def level_edges(values: NDArray[np.floating], levels: int) -> NDArray[np.float64]:
    """Return the heights (levels − 1,) between levels, rising.

    Between equal shares of the area, which shows something wherever the landscape is, and equal
    steps of the height above the lowest on a logarithmic scale that has the median in its middle:
    the mean of both. Heights that are not finite do not count.
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


@dataclass(frozen=True, eq=False)
class Relief:
    """What has been shaded: the level of every cell (rows, columns), −1 where there is none."""

    level: NDArray[np.intp]
    colours: NDArray[np.int32]
    """The colour of every level, then that of none."""


def paint_relief(drawn: Frame, values: NDArray[np.floating] | None, style: Style) -> Relief:
    """Shade the plotting area by `values` (h, w), the first row the upper one, and draw contours.

    In half blocks with contours of braille dots (in 16 colours without); in plain in whole cells
    with digits for contours; without colours the digits alone. A contour lies where a level
    begins, on its upper side, and a digit names that level. What is not finite is left blank.
    """
    palette, symbols = style.palette, style.symbols
    colours = np.append(palette.heat, np.int32(palette.background)).astype(np.int32)
    mono = palette.depth == "mono"
    if values is None or not np.isfinite(values).any():
        return Relief(np.full((drawn.rows, drawn.columns), -1, np.intp), colours)
    known = np.where(np.isfinite(values), np.clip(values, -LARGEST, LARGEST), np.nan)
    edges = level_edges(known, _DIGITS if mono else len(palette.heat))
    cells = drawn.cells
    area = drawn.area
    if mono or symbols.plain:
        level = _levels(known, edges, drawn.rows, drawn.columns)
        if not mono:
            cells.bg[area] = colours[level]
        rim = _contours(level)
        cells.code[area] = np.where(rim, level + ord("0"), SPACE)
        if not mono:
            cells.fg[area] = contour_colours(palette)[level]
        return Relief(np.full_like(level, -1) if mono else level, colours)
    pixels = _levels(known, edges, drawn.rows * symbols.pixels, drawn.columns)
    paint_pixels(drawn, colours[pixels])
    level = np.maximum(pixels[0::2], pixels[1::2])
    if palette.depth == "16":  # so far apart that their edges are contours enough
        return Relief(level, colours)
    down, across = symbols.dots
    dots = pack(_contours(_levels(known, edges, drawn.rows * down, drawn.columns * across)))
    rim = dots > 0
    cells.code[area][rim] = dots[rim] + BRAILLE
    cells.fg[area][rim] = contour_colours(palette)[level[rim]]
    cells.bg[area][rim] = colours[level[rim]]
    return Relief(level, colours)


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
    """Return where a neighbour has a lower level, but one; what is not known has no contour."""
    rim = np.zeros(level.shape, np.bool_)
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1, :], np.s_[1:, :])):
        one, other = level[here], level[there]
        both = (one >= 0) & (other >= 0)
        rim[here] |= both & (one > other)
        rim[there] |= both & (other > one)
    return rim


def inks(colours: NDArray[np.int32], sign: Colour, palette: Palette) -> NDArray[np.int32]:
    """Return in which colour (levels + 1,) a sign is drawn over each level.

    The colour that comes nearest to its own among those that can be read there.
    """
    return _inks(tuple(colours.tolist()), int(sign), palette)


@lru_cache(maxsize=512)
def _inks(colours: tuple[int, ...], sign: Colour, palette: Palette) -> NDArray[np.int32]:
    if palette.depth == "mono" or sign < 0:
        return np.full(len(colours), sign, np.int32)
    black, white = _BLACK_WHITE[palette.depth]
    if sign in (black, white):
        near = [sign, black, white]
    elif palette.depth == "truecolor":
        near = [_mix(sign, end, share / 20) for share in range(21) for end in (black, white)]
    elif palette.depth == "256":
        near = sorted(range(16, 256), key=lambda one: _distance(one, sign))
    else:
        near = [sign, black, white]
    return np.array(
        [
            next((one for one in near if back < 0 or contrast(one, back) >= READABLE), near[-1])
            for back in colours
        ],
        np.int32,
    )


def ink_table(relief: Relief, colours: Sequence[Colour], palette: Palette) -> NDArray[np.int32]:
    """Return the ink (colours, levels + 1) of each colour on each level."""
    levels = tuple(relief.colours.tolist())
    known = {colour: _inks(levels, int(colour), palette) for colour in set(colours)}
    return np.stack([known[colour] for colour in colours])


def _distance(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(rgb(one), rgb(other), strict=True))


@lru_cache(maxsize=16)
def contour_colours(palette: Palette) -> NDArray[np.int32]:
    """Return the colour of the contours on each level, then on none: seen, but not loud.

    In true colour a mix of the level with black or white, elsewhere the grey that comes nearest.
    """
    shown = [*palette.heat.tolist(), palette.background]
    return np.array([_contour_colour(int(colour), palette) for colour in shown], np.int32)


def _contour_colour(colour: Colour, palette: Palette) -> Colour:
    wanted = 1.6
    if palette.depth == "mono" or colour < 0:
        return palette.dim
    black, white = _BLACK_WHITE[palette.depth]
    ink = white if luminance(colour) < 0.12 else black
    if palette.depth == "truecolor":
        mixes = [_mix(colour, ink, share / 20) for share in range(1, 21)]
    elif palette.depth == "256":
        mixes = [black, white, *range(232, 256)]
    else:
        mixes = [0, 15]
    side = [one for one in mixes if (luminance(one) > luminance(colour)) == (ink == white)]
    return min(side or mixes, key=lambda one: abs(contrast(one, colour) - wanted))


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    mixed = [round(a + (b - a) * share) for a, b in zip(rgb(one), rgb(other), strict=True)]
    return RGB | mixed[0] << 16 | mixed[1] << 8 | mixed[2]
