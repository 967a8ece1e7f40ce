"""The loss over a plane through the weights, shaded, with the paths of the lanes over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tui_gd.plots.axes import Scale, compact, frame, geometry
from tui_gd.plots.relief import paint_relief
from tui_gd.plots.tracks import (
    Place,
    Track,
    arrow_head,
    arrow_tip,
    paint_cursor,
    paint_ends,
    paint_lines,
    paint_minima,
    paint_signs,
    paint_tracks,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tui_gd.plots.axes import Frame, Geometry, LegendEntry, Limits
    from tui_gd.plots.cells import Cells
    from tui_gd.plots.colours import Colour
    from tui_gd.plots.palette import Style
    from tui_gd.plots.relief import Relief
from tui_gd.plots.scale import nice_limits
from tui_gd.plots.tracks import marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tui_gd.plots.axes import Frame, Geometry, LegendEntry
    from tui_gd.plots.cells import Cells
    from tui_gd.plots.colours import Colour
    from tui_gd.plots.palette import Style
    from tui_gd.plots.relief import Relief
    from tui_gd.plots.tracks import Place, Track

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
    style: Style,
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
    shown = [*_range(values, style), *legend]
    drawn = frame(
        rows,
        columns,
        Scale(*limits[:2]),
        Scale(*limits[2:]),
        title=title,
        legend=shown,
        x_label=x_label,
        y_label=y_label,
        style=style,
        focused=focused,
    )
    if not (drawn.rows and drawn.columns):
        return drawn.cells
    relief = paint_relief(drawn, values, style)
    for group in groups:
        paint_signs(drawn, relief, group.places, [group.sign], [group.colour], style.palette)
    paint_tracks(drawn, relief, tracks, epoch, style)
    paint_minima(drawn, relief, minima, style)
    viewed = tracks[-1].viewed if tracks else None
    if viewed is not None and descent is not None:
        _paint_arrow(drawn, relief, viewed, descent, style)
    starts = [(track.points[0], track.colour) for track in tracks if len(track.points)]
    paint_ends(drawn, relief, tracks, starts, following, style)
    if cursor is not None:
        paint_cursor(drawn, relief, cursor, style)
    return drawn.cells


def _range(values: NDArray[np.floating] | None, style: Style) -> list[LegendEntry]:
    """Return the colours, or digits, of the lowest and highest level with their values."""
    palette = style.palette
    finite = values[np.isfinite(values)] if values is not None else np.zeros(0)
    if not finite.size:
        return []
    if palette.depth == "mono":
        samples = [("0", palette.text), ("9", palette.text)]
    else:
        ends = int(palette.heat[0]), int(palette.heat[-1])
        if style.symbols.plain:
            samples = [
                ("0", palette.text),
                (str(len(palette.heat) - 1), palette.text),
            ]
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
    style: Style,
) -> None:
    palette = style.palette
    tip = arrow_tip(drawn.x, drawn.y, viewed, descent, _ARROW)
    if not np.isfinite(tip).all():
        return
    line = np.array([viewed, tip])
    paint_lines(drawn, relief, [line], [0], [palette.accent], style)
    head = arrow_head(drawn, viewed, tip, style.symbols)
    paint_signs(drawn, relief, [tip], [head], [palette.accent], palette)


# The loss over one weight: a curve, the path along it, and the tangent at the viewed epoch.

# how far the tangent goes to both sides, as a share of the width
_TANGENT = 0.12


def loss_limits(values: NDArray[np.floating] | None) -> tuple[float, float]:
    """Return limits of the loss around the finite ones of `values`."""
    finite = values[np.isfinite(values)] if values is not None else np.zeros(0)
    if not finite.size:
        return 0.0, 1.0
    return nice_limits(float(finite.min()), float(finite.max()))


def line_area(
    rows: int,
    columns: int,
    limits: tuple[float, float],
    values: NDArray[np.floating] | None,
) -> Geometry:
    """Return where the plotting area lies in a picture of `rows` × `columns`."""
    return geometry(rows, columns, Scale(*limits), Scale(*loss_limits(values)), True)


def draw_landscape_line(
    rows: int,
    columns: int,
    *,
    xs: NDArray[np.floating],
    values: NDArray[np.floating] | None,
    limits: tuple[float, float],
    style: Style,
    tracks: Sequence[Track] = (),
    epoch: int = 0,
    slope: float | None = None,
    following: Place | None = None,
    minima: Sequence[tuple[float, float, bool]] = (),
    cursor: float | None = None,
    x_label: str = "",
    y_label: str = "loss",
    title: str = "landscape",
    legend: Sequence[LegendEntry] = (),
    focused: bool = False,
) -> Cells:
    """Return the curve through `xs` (w,), `values` (w,) with the points of the lanes' paths on it.

    The tracks' points are (n, 1) or (n, 2), of which the first coordinate counts: they lie on the
    curve. `viewed` is (weight, loss) exactly, `slope` that of the tangent there, `following` where
    the next step leads. `minima` are weight, loss and whether the minimum is global. Values that
    are not finite are gaps; None is: not known yet.
    """
    bottom, top = loss_limits(values)
    drawn = frame(
        rows,
        columns,
        Scale(*limits),
        Scale(bottom, top),
        title=title,
        legend=legend,
        x_label=x_label,
        y_label=y_label,
        style=style,
        focused=focused,
    )
    if not (drawn.rows and drawn.columns):
        return drawn.cells
    relief = paint_relief(drawn, None, style)
    curve = np.zeros((0, 2)) if values is None else np.stack([xs, values], axis=1)
    viewed = tracks[-1].viewed if tracks else None
    tangent = None if viewed is None or slope is None else _tangent(viewed, slope, limits)
    _paint_curve(drawn, relief, curve, _steps(curve, tracks, epoch), tangent, style)
    paint_minima(drawn, relief, minima, style)
    starts = [
        (place, track.colour)
        for track in tracks
        for place in _on(curve, np.asarray(track.points, np.float64)[:1, 0])
    ]
    paint_ends(drawn, relief, tracks, starts, following, style)
    if cursor is not None:
        for x, y in _on(curve, np.array([cursor])):
            paint_cursor(drawn, relief, (float(x), float(y)), style)
    return drawn.cells


@dataclass(frozen=True, eq=False)
class _Steps:
    """A part of a lane's path: its points (n, 2) on the curve, before or after the viewed epoch."""

    places: NDArray[np.float64]
    past: bool
    colour: Colour


def _steps(curve: NDArray[np.float64], tracks: Sequence[Track], epoch: int) -> list[_Steps]:
    """Return the paths on the curve, what lies after `epoch` first: the past covers it."""
    return [
        _Steps(
            _on(curve, np.asarray(track.points, np.float64)[(track.epochs <= epoch) == past, 0]),
            past,
            track.colour if past else track.dimmed,
        )
        for past in (False, True)
        for track in tracks
    ]


def _tangent(viewed: Place, slope: float, limits: tuple[float, float]) -> NDArray[np.float64]:
    """Return the ends (2, 2) of the line of that slope through a place."""
    reach = _TANGENT * (limits[1] - limits[0])
    at = viewed[0] + np.array([-reach, reach])
    return np.stack([at, viewed[1] + slope * (at - viewed[0])], axis=1)


def _paint_curve(
    drawn: Frame,
    relief: Relief,
    curve: NDArray[np.float64],
    steps: Sequence[_Steps],
    tangent: NDArray[np.float64] | None,
    style: Style,
) -> None:
    """Draw the curve, over it the paths as lines and then as signs, and the tangent."""
    palette = style.palette
    lines, colours = [curve], [palette.dim]
    if not style.symbols.plain:  # where the curve would hide below them
        lines += [one.places for one in steps]
        colours += [one.colour for one in steps]
    if tangent is not None:
        lines.append(tangent)
        colours.append(palette.accent)
    layers = [2 * i for i in range(len(lines))]
    paint_lines(drawn, relief, lines, layers, colours, style, (".", "."))
    signs = marks(style.symbols)
    for one in steps:
        sign = signs.past if one.past else signs.future
        paint_signs(drawn, relief, one.places, [sign], [one.colour], palette)


def _on(curve: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the points (n, 2) of a curve over some places, NaN beside it."""
    good = np.isfinite(curve).all(axis=1)
    if not good.any():
        return np.stack([along, np.full(len(along), np.nan)], axis=1)
    known = curve[good]
    height = np.interp(along, known[:, 0], known[:, 1], left=np.nan, right=np.nan)
    return np.stack([along, height], axis=1)
