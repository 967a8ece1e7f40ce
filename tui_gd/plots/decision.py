"""The data in two dimensions over the regions in which a model predicts each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tui_gd.plots.axes import Frame, Geometry, LegendEntry, Limits, Scale, frame, geometry
from tui_gd.plots.cells import SPACE
from tui_gd.plots.regions import boundary, resampled, sanitised, winner_and_margin
from tui_gd.plots.scatter import Scatter, scatter_of
from tui_gd.plots.shading import chequered, paint_boundary, paint_pixels, shown_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tui_gd.plots.cells import Cells
    from tui_gd.plots.palette import Style
    from tui_gd.plots.symbols import Symbols


def decision_limits(points: NDArray[np.floating], margin: float = 0.08) -> Limits:
    """Return limits around points (n, 2) with a margin, given as a share of the span."""
    finite = points[np.isfinite(points).all(axis=1)] if len(points) else points
    if not len(finite):
        return (0.0, 1.0, 0.0, 1.0)
    low, high = finite.min(axis=0), finite.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    span = np.where(high - low > size * 1e-9, high - low, np.where(size > 0, size, 1.0))
    low, high = low - span * margin, high + span * margin
    return (float(low[0]), float(high[0]), float(low[1]), float(high[1]))


def decision_grid(
    rows: int,
    columns: int,
    limits: Limits,
    *,
    symbols: Symbols,
    x_label: str = "x1",
    y_label: str = "x2",
) -> tuple[Geometry, NDArray[np.float64], NDArray[np.float64]]:
    """Return the plotting area and where to evaluate the model: ``xs`` (w,), ``ys`` (h,).

    These are the centres of half blocks (of cells in plain): w = columns, h = 2 · rows of the
    area. ``ys`` falls, because the first row of a picture is the upper one. The probabilities
    of ``np.meshgrid(xs, ys)`` are what `draw_decision` takes.
    """
    x, y = Scale(*limits[:2]), Scale(*limits[2:])
    place = geometry(rows, columns, x, y, bool(x_label or y_label))
    return place, x.centres(place.columns), y.centres(place.rows * symbols.pixels)[::-1]


def draw_decision(
    rows: int,
    columns: int,
    *,
    probabilities: NDArray[np.floating],
    points: NDArray[np.floating],
    labels: NDArray[np.integer],
    predicted: NDArray[np.integer],
    class_names: Sequence[str],
    limits: Limits,
    style: Style,
    x_label: str = "x1",
    y_label: str = "x2",
    title: str = "decision",
    focused: bool = False,
    cursor: tuple[float, float] | None = None,
) -> Cells:
    """Return regions, boundary and points; ``cursor`` brackets the point at (x, y).

    ``probabilities`` (h, w, classes) on the grid of `decision_grid`; another resolution is
    stretched. Labels and predictions are class numbers (n,). Where points share a cell, a
    misclassified one is shown, else the majority. Raises ValueError for a wrong shape.
    """
    scatter = scatter_of(points, labels, predicted, len(class_names))
    wrong = int((scatter.kind >= scatter.classes).sum())
    drawn = frame(
        rows,
        columns,
        Scale(*limits[:2]),
        Scale(*limits[2:]),
        title=title,
        legend=_legend(class_names, wrong, style),
        x_label=x_label,
        y_label=y_label,
        style=style,
        focused=focused,
    )
    if not (drawn.rows and drawn.columns):
        return drawn.cells
    chance = sanitised(probabilities)
    pixels, weakest = _regions(chance, drawn, style)
    paint_pixels(drawn, pixels)
    if style.palette.depth == "mono":
        _texture(drawn, chance, style.symbols)
    down, across = style.symbols.dots
    mask = boundary(chance, drawn.rows * down, drawn.columns * across)
    # a braille cell has one background: that of the pixel nearer to the boundary
    paint_boundary(drawn, mask, weakest, style)
    _paint_points(drawn, scatter, pixels, style)
    if cursor is not None:
        _paint_cursor(drawn, scatter, cursor, style)
    return drawn.cells


def _legend(names: Sequence[str], wrong: int, style: Style) -> list[LegendEntry]:
    palette = style.palette
    entries = [
        (
            name,
            style.symbols.point(label),
            palette.classes[label % len(palette.classes)],
        )
        for label, name in enumerate(names)
    ]
    sample = style.symbols.wrong_point(0, len(names))
    return [*entries, (f"wrong {wrong}", sample, palette.misclassified)]


def _regions(
    chance: NDArray[np.float64], drawn: Frame, style: Style
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the colour of every pixel, and per cell that of its pixel nearer to the boundary."""
    shown = resampled(chance, drawn.rows * style.symbols.pixels, drawn.columns)
    winner, lead = winner_and_margin(shown)
    pixels = style.palette.region(winner, lead)
    if style.symbols.pixels == 1:
        return pixels, pixels
    weakest = np.where(lead[0::2] < lead[1::2], pixels[0::2], pixels[1::2])
    return pixels, weakest


def _texture(drawn: Frame, chance: NDArray[np.float64], symbols: Symbols) -> None:
    """Where there are no colours, fill the region of each class with its sign where it is sure."""
    winner, lead = winner_and_margin(resampled(chance, drawn.rows, drawn.columns))
    signs = np.array([ord(sign) for sign in symbols.textures], np.uint32)
    filled = signs[winner % len(signs)]
    drawn.cells.code[drawn.area] = np.where(chequered(drawn) & (lead > 0.5), filled, SPACE)


def _paint_points(
    drawn: Frame,
    scatter: Scatter,
    pixels: NDArray[np.int32],
    style: Style,
) -> None:
    """Put one glyph into each cell that holds points, on the colour of the region behind it."""
    at, pixel, kind = shown_points(
        drawn, scatter.points, scatter.kind, scatter.classes, style.symbols
    )
    glyphs, colours = scatter.glyphs(style)
    drawn.cells.code[at] = glyphs[kind]
    drawn.cells.fg[at] = colours[kind]
    drawn.cells.bg[at] = pixels[pixel]


def _paint_cursor(
    drawn: Frame,
    scatter: Scatter,
    cursor: tuple[float, float],
    style: Style,
) -> None:
    """Bracket the chosen point, and show its own glyph even where others share the cell."""
    column = int(drawn.x.bins(cursor[0], drawn.columns))
    row = drawn.rows - 1 - int(drawn.y.bins(cursor[1], drawn.rows))
    if column < 0 or row >= drawn.rows:
        return
    cells, at = drawn.cells, drawn.top + row
    for place, sign in zip((column - 1, column + 1), style.symbols.brackets, strict=True):
        if 0 <= place < drawn.columns:
            cells.put(at, drawn.left + place, sign, style.palette.cursor)
    same = np.flatnonzero((scatter.points == cursor).all(axis=1))
    if len(same):
        glyphs, _ = scatter.glyphs(style)
        cells.code[at, drawn.left + column] = glyphs[scatter.kind[same[0]]]
        cells.fg[at, drawn.left + column] = style.palette.cursor
