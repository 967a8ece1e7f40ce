"""What one unit of a network hands on, as shading over the plane of the data, points on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .axes import Frame, Scale, compact, frame
from .cells import SPACE
from .dots import blit, pack
from .regions import boundary, resampled, upsampled
from .scatter import most_telling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .cells import Cells
    from .decision import Limits
    from .palette import Palette, Symbols

_HALF = ord("▀")
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
    palette: Palette,
    symbols: Symbols,
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
        palette=palette,
        symbols=symbols,
        focused=focused,
    )
    if not (drawn.rows and drawn.columns) or not np.size(values):
        return drawn.cells
    low, high = span
    sound = np.nan_to_num(np.asarray(values, np.float64), nan=low, posinf=high, neginf=low)
    pixels = _resized(sound, drawn.rows * symbols.pixels, drawn.columns)
    share = np.clip((pixels - low) / (high - low), 0.0, 1.0)
    colours, ink = palette.confusion(share)
    _shade(drawn, colours, symbols)
    if mono:
        _texture(drawn, share[:: symbols.pixels], textures)
    _draw_level(
        drawn, sound - level, colours[symbols.pixels - 1 :: symbols.pixels], palette, symbols
    )
    _draw_points(drawn, points, labels, colours, ink, symbols)
    return drawn.cells


def _resized(values: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """Return values at another resolution, interpolated where there are fewer."""
    if values.shape[0] < rows or values.shape[1] < columns:
        return upsampled(values, rows, columns)
    return resampled(values, rows, columns)


def _inside(drawn: Frame) -> tuple[slice, slice]:
    return (
        slice(drawn.top, drawn.top + drawn.rows),
        slice(drawn.left, drawn.left + drawn.columns),
    )


def _shade(drawn: Frame, colours: NDArray[np.int32], symbols: Symbols) -> None:
    """Two pixels of one colour are a blank on it; two colours are an upper half block."""
    cells, area = drawn.cells, _inside(drawn)
    upper, lower = colours[:: symbols.pixels], colours[symbols.pixels - 1 :: symbols.pixels]
    split = upper != lower
    cells.bg[area] = lower
    cells.code[area][split] = _HALF
    cells.fg[area][split] = upper[split]


def _texture(drawn: Frame, share: NDArray[np.float64], textures: str) -> None:
    """Where there are no colours, fill every other cell: glyphs and line must stand out."""
    signs = np.array([ord(sign) for sign in textures], np.uint32)
    filled = signs[np.clip(share * len(signs), 0, len(signs) - 1).astype(np.intp)]
    sparse = (np.arange(drawn.rows)[:, None] + np.arange(drawn.columns)) % 2 == 0
    drawn.cells.code[_inside(drawn)] = np.where(sparse, filled, SPACE)


def _draw_level(
    drawn: Frame,
    above: NDArray[np.float64],
    behind: NDArray[np.int32],
    palette: Palette,
    symbols: Symbols,
) -> None:
    """Draw the line on which `above` (h, w) is 0, on the colours of the cells `behind` it."""
    down, across = symbols.dots
    both = np.stack([-above, above], axis=2)
    mask = boundary(both, drawn.rows * down, drawn.columns * across)
    cells, area = drawn.cells, _inside(drawn)
    if symbols.plain:
        here: NDArray[np.bool_] = mask
        cells.code[area][here] = ord(symbols.boundary)
        cells.fg[area][here] = palette.boundary
    else:
        here = pack(mask) > 0
        blit(cells, drawn.top, drawn.left, mask, palette.boundary)
    cells.bg[area][here] = behind[here]


def _draw_points(
    drawn: Frame,
    points: NDArray[np.floating],
    labels: NDArray[np.integer],
    colours: NDArray[np.int32],
    ink: NDArray[np.int32],
    symbols: Symbols,
) -> None:
    """Put one glyph into each cell that holds points, on the shade behind it."""
    column = drawn.x.bins(points[:, 0], drawn.columns)
    pixel = drawn.y.bins(points[:, 1], len(colours))
    inside = np.flatnonzero((column >= 0) & (pixel >= 0))
    if not len(inside):
        return
    column, pixel = column[inside], len(colours) - 1 - pixel[inside]
    row, kind = pixel // symbols.pixels, labels[inside].astype(np.intp)
    classes = int(kind.max()) + 1
    shown, which = most_telling(row * drawn.columns + column, kind, classes)
    glyphs = np.array([ord(symbols.point(label)) for label in range(classes)], np.uint32)
    at = (drawn.top + row[shown], drawn.left + column[shown])
    drawn.cells.code[at] = glyphs[which]
    drawn.cells.fg[at] = ink[pixel[shown], column[shown]]
    drawn.cells.bg[at] = colours[pixel[shown], column[shown]]
