"""The loss over a plane through the weights, shaded, with the paths of the lanes over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .axes import Scale, compact, frame, geometry
from .marks import (
    Place,
    arrow_head,
    arrow_tip,
    paint_cursor,
    paint_ends,
    paint_minima,
    paint_signs,
)
from .relief import paint_relief
from .tracks import Track, paint_lines, paint_tracks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .axes import Frame, Geometry, LegendEntry, Limits
    from .cells import Cells, Colour
    from .palette import Palette, Symbols
    from .relief import Relief

__all__ = ["Group", "Place", "Track", "draw_landscape", "landscape_area", "place_at"]

# the arrow's length, as a share of width or height
_ARROW = 0.14


@dataclass(frozen=True, eq=False)
class Group:
    """Places (n, 2) that are marked with one sign, one cell wide, in one colour."""

    places: NDArray[np.floating]
    sign: str
    colour: Colour


def landscape_area(
    rows: int, columns: int, limits: Limits, *, x_label: str, y_label: str
) -> Geometry:
    """Return where the plotting area lies in a picture of `rows` × `columns`."""
    return geometry(rows, columns, Scale(*limits[:2]), Scale(*limits[2:]), bool(x_label or y_label))


def place_at(place: Geometry, limits: Limits, column: int, row: int) -> Place | None:
    """Return the coordinates of the middle of a cell of the picture, None outside the area."""
    across, down = column - place.left, row - place.top
    if not (0 <= across < place.columns and 0 <= down < place.rows):
        return None
    x = Scale(*limits[:2]).centres(place.columns)[across]
    y = Scale(*limits[2:]).centres(place.rows)[place.rows - 1 - down]
    return float(x), float(y)


def draw_landscape(
    rows: int,
    columns: int,
    *,
    values: NDArray[np.floating] | None,
    limits: Limits,
    palette: Palette,
    symbols: Symbols,
    tracks: Sequence[Track] = (),
    epoch: int = 0,
    descent: tuple[float, float] | None = None,
    following: Place | None = None,
    minima: Sequence[tuple[float, float, bool]] = (),
    groups: Sequence[Group] = (),
    cursor: Place | None = None,
    x_label: str = "",
    y_label: str = "",
    title: str = "landscape",
    legend: Sequence[LegendEntry] = (),
    focused: bool = False,
) -> Cells:
    """Return the picture: contours, paths, the places of `groups`, minima and the cursor.

    `values` (h, w), the first row the upper one, at the centres of equal parts of the limits; they
    may hold inf and NaN, and None is: not known yet. Of the tracks the current one comes last; from
    where it is at `epoch` an arrow points along `descent`, a vector, and `following` is where the
    next step leads. `minima` are x, y and whether the minimum is global. The legend begins with the
    lowest and highest value.
    """
    shown = [*_range(values, palette, symbols), *legend]
    drawn = frame(
        rows,
        columns,
        Scale(*limits[:2]),
        Scale(*limits[2:]),
        title=title,
        legend=shown,
        x_label=x_label,
        y_label=y_label,
        palette=palette,
        symbols=symbols,
        focused=focused,
    )
    if not (drawn.rows and drawn.columns):
        return drawn.cells
    relief = paint_relief(drawn, values, palette, symbols)
    for group in groups:
        paint_signs(drawn, relief, group.places, [group.sign], [group.colour], palette)
    paint_tracks(drawn, relief, tracks, epoch, palette, symbols)
    paint_minima(drawn, relief, minima, palette, symbols)
    viewed = tracks[-1].viewed if tracks else None
    if viewed is not None and descent is not None:
        _paint_arrow(drawn, relief, viewed, descent, palette, symbols)
    starts = [(track.points[0], track.colour) for track in tracks if len(track.points)]
    paint_ends(drawn, relief, tracks, starts, following, palette, symbols)
    if cursor is not None:
        paint_cursor(drawn, relief, cursor, palette, symbols)
    return drawn.cells


def _range(
    values: NDArray[np.floating] | None, palette: Palette, symbols: Symbols
) -> list[LegendEntry]:
    """Return the colours, or digits, of the lowest and highest level with their values."""
    finite = values[np.isfinite(values)] if values is not None else np.zeros(0)
    if not finite.size:
        return []
    if palette.depth == "mono":
        samples = [("0", palette.text), ("9", palette.text)]
    else:
        ends = int(palette.heat[0]), int(palette.heat[-1])
        if symbols.plain:
            samples = [("0", palette.text), (str(len(palette.heat) - 1), palette.text)]
        else:
            samples = [("██", one) for one in ends]
    numbers = compact(float(f"{finite.min():.4g}")), compact(float(f"{finite.max():.4g}"))
    return [
        (f"{word} {number}", sample, colour)
        for word, number, (sample, colour) in zip(("low", "high"), numbers, samples, strict=True)
    ]


def _paint_arrow(
    drawn: Frame,
    relief: Relief,
    viewed: Place,
    descent: tuple[float, float],
    palette: Palette,
    symbols: Symbols,
) -> None:
    tip = arrow_tip(drawn.x, drawn.y, viewed, descent, _ARROW)
    if not np.isfinite(tip).all():
        return
    line = np.array([viewed, tip])
    paint_lines(drawn, relief, [line], [0], [palette.accent], palette, symbols)
    head = arrow_head(drawn, viewed, tip, symbols)
    paint_signs(drawn, relief, [tip], [head], [palette.accent], palette)
