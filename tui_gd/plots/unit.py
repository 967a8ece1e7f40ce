"""What one unit of a network hands on, as shading over the plane of the data, points on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tui_gd.plots.axes import Frame, Scale, compact, frame
from tui_gd.plots.cells import SPACE
from tui_gd.plots.regions import boundary, resampled, upsampled
from tui_gd.plots.shading import chequered, paint_boundary, paint_pixels, shown_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tui_gd.plots.axes import Limits
    from tui_gd.plots.cells import Cells
    from tui_gd.plots.palette import Style
    from tui_gd.plots.symbols import Symbols

_TEXTURES, _PLAIN_TEXTURES = " ░▒▓", " .:="


def draw_unit(
    rows: int,
    columns: int,
    *,
    values: NDArray[np.floating],
    span: tuple[float, float],
    level: float,
    points: NDArray[np.floating],
    labels: NDArray[np.integer],
    limits: Limits,
    style: Style,
    x_label: str = "x1",
    y_label: str = "x2",
    title: str = "unit",
    focused: bool = False,
) -> Cells:
    """Return `values` (h, w) on the grid of `decision_grid` as shades from `span[0]` to `span[1]`.

    Another resolution is interpolated; what is not finite has the lowest shade. A line is drawn
    where the value is `level`. `points` (n, 2) have the glyphs of their classes, `labels` (n,); of
    several in one cell the most frequent is shown.
    """
    palette, symbols = style.palette, style.symbols
    textures = _PLAIN_TEXTURES if symbols.plain else _TEXTURES
    mono = palette.depth == "mono"
    swatch = symbols.curve if symbols.plain else "█"
    samples = (textures[0], textures[-1]) if mono else (swatch, swatch)
    drawn = frame(
        rows,
        columns,
        Scale(*limits[:2]),
        Scale(*limits[2:]),
        title=title,
        legend=[
            (compact(value), sample * 2, int(colour))
            for value, sample, colour in zip(
                span, samples, (palette.heat[0], palette.heat[-1]), strict=True
            )
        ],
        x_label=x_label,
        y_label=y_label,
        style=style,
        focused=focused,
    )
    if not (drawn.rows and drawn.columns) or not np.size(values):
        return drawn.cells
    low, high = span
    sound = np.nan_to_num(np.asarray(values, np.float64), nan=low, posinf=high, neginf=low)
    pixels = _resized(sound, drawn.rows * symbols.pixels, drawn.columns)
    share = np.clip((pixels - low) / (high - low), 0.0, 1.0)
    colours, ink = palette.confusion(share)
    paint_pixels(drawn, colours)
    if mono:
        _texture(drawn, share[:: symbols.pixels], textures)
    _draw_level(drawn, sound - level, colours, style)
    _draw_points(drawn, points, labels, colours, ink, symbols)
    return drawn.cells


def _resized(values: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """Return values at another resolution, interpolated where there are fewer."""
    if values.shape[0] < rows or values.shape[1] < columns:
        return upsampled(values, rows, columns)
    return resampled(values, rows, columns)


def _texture(drawn: Frame, share: NDArray[np.float64], textures: str) -> None:
    """Where there are no colours, fill every other cell by the share of the shades."""
    signs = np.array([ord(sign) for sign in textures], np.uint32)
    filled = signs[np.clip(share * len(signs), 0, len(signs) - 1).astype(np.intp)]
    drawn.cells.code[drawn.area] = np.where(chequered(drawn), filled, SPACE)


def _draw_level(
    drawn: Frame,
    above: NDArray[np.float64],
    colours: NDArray[np.int32],
    style: Style,
) -> None:
    """Draw the line on which `above` (h, w) is 0, on the colours of the cells' lower pixels."""
    symbols = style.symbols
    down, across = symbols.dots
    both = np.stack([-above, above], axis=2)
    mask = boundary(both, drawn.rows * down, drawn.columns * across)
    paint_boundary(drawn, mask, colours[symbols.pixels - 1 :: symbols.pixels], style)


def _draw_points(
    drawn: Frame,
    points: NDArray[np.floating],
    labels: NDArray[np.integer],
    colours: NDArray[np.int32],
    ink: NDArray[np.int32],
    symbols: Symbols,
) -> None:
    """Put one glyph into each cell that holds points, on the shade behind it."""
    kind = labels.astype(np.intp)
    classes = int(kind.max(initial=0)) + 1
    at, pixel, which = shown_points(drawn, points, kind, classes, symbols)
    glyphs = np.array([ord(symbols.point(label)) for label in range(classes)], np.uint32)
    drawn.cells.code[at] = glyphs[which]
    drawn.cells.fg[at] = ink[pixel]
    drawn.cells.bg[at] = colours[pixel]
