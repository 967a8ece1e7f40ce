"""The loss over a plane through the weights or over one weight, with the lanes' paths."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.axes import Axes, Canvas, Geometry, LegendEntry, Limits, frame
from tui_gd.plots.cells import Cells
from tui_gd.plots.palette import Colour, Style
from tui_gd.plots.relief import BAR_COLUMNS, Place, Relief, Track, marks
from tui_gd.plots.scale import Scale, compact, nice_limits

_BAR_FROM = 50
"""Pictures narrower than this have no colour bar."""
_BARRIERS = 2.5
"""A curve with a barrier is drawn up to this many times the barrier's height."""
_TANGENT = 0.12
"""How far the tangent extends on both sides, as a share of the plot's width."""


@dataclass(frozen=True, eq=False)
class Group:
    """Places (n, 2) marked with the same sign, one cell wide, and the same colour."""

    places: NDArray[np.floating]
    sign: str
    colour: Colour


@dataclass(frozen=True, eq=False)
class Heights:
    """The loss over a plane, `values` (h, w), the first row at the top, or over one weight, (w,).

    They belong to the centres of equal parts of the axes and may hold inf and NaN, which make gaps
    in a curve; None: not known yet. `minima` are x, y and whether the minimum is global; over one
    weight y is the loss. `groups` are drawn on a plane.
    """

    values: NDArray[np.floating] | None
    axes: Axes
    minima: Sequence[tuple[float, float, bool]] = ()
    groups: Sequence[Group] = ()


@dataclass(frozen=True, eq=False)
class Descent:
    """The paths of the lanes, the selected one last, and the next step from the viewed epoch."""

    tracks: Sequence[Track] = ()
    epoch: int = 0
    """The viewed epoch."""
    downhill: Place | None = None
    """The direction of the arrow at the viewed place: the negative gradient."""
    slope: float | None = None
    """The slope of the tangent, over one weight."""
    following: Place | None = None
    """Where the next step leads."""


def plane_axes(columns: int, limits: Limits, x_label: str, y_label: str) -> Axes:
    """Return the axes of a landscape in a picture that wide, with room for the colour bar."""
    beside = BAR_COLUMNS if columns >= _BAR_FROM else 0
    return replace(Axes.of(limits, x_label, y_label), beside=beside)


def line_axes(
    limits: tuple[float, float],
    values: NDArray[np.floating] | None,
    x_label: str = "",
    y_label: str = "loss",
) -> Axes:
    """Return axes for the loss over one weight.

    With a barrier between two valleys, the height is cut above the barrier to make it visible.
    """
    finite = values[np.isfinite(values)] if values is not None else np.zeros(0)
    height = (0.0, 1.0)
    if finite.size:
        low, high = float(finite.min()), float(finite.max())
        inside = (finite[1:-1] > finite[:-2]) & (finite[1:-1] >= finite[2:])
        barrier = float(finite[1:-1][inside].max(initial=low))
        cut = barrier - low > 1e-9 * (high - low)
        height = nice_limits(low, min(high, low + _BARRIERS * (barrier - low)) if cut else high)
    return Axes(Scale(*limits), Scale(*height), x_label, y_label, grid=True)


def place_at(place: Geometry, axes: Axes, column: int, row: int) -> Place | None:
    """Return the coordinates of a cell's centre, None outside the plotting area."""
    across, down = column - place.left, row - place.top
    if not (0 <= across < place.columns and 0 <= down < place.rows):
        return None
    x = axes.x.centres(place.columns)[across]
    y = axes.y.centres(place.rows)[place.rows - 1 - down]
    return float(x), float(y)


def draw_landscape(
    canvas: Canvas, plane: Heights, descent: Descent, cursor: Place | None = None
) -> Cells:
    """Return the picture: contours, groups of places, paths, minima, the next step and the cursor.

    If the axes leave room beside the plot, a bar shows the heights of the levels; otherwise the
    legend ends with the lowest and highest value.
    """
    axes, tracks = plane.axes, descent.tracks
    if not axes.beside:
        legend = (*canvas.heading.legend, *_range(plane.values, canvas.style))
        canvas = replace(canvas, heading=replace(canvas.heading, legend=legend))
    drawn = frame(canvas, axes)
    if not (drawn.rows and drawn.columns):
        return drawn.cells
    relief = Relief.painted(drawn, plane.values)
    if axes.beside:
        relief.paint_bar()
    for group in plane.groups:
        relief.paint_signs(group.places, [group.sign], [group.colour])
    relief.paint_tracks(tracks, descent.epoch)
    relief.paint_minima(plane.minima)
    viewed = tracks[-1].viewed if tracks else None
    if viewed is not None and descent.downhill is not None:
        relief.paint_arrow(viewed, descent.downhill)
    starts = [(track.points[0], track.colour) for track in tracks if len(track.points)]
    relief.paint_ends(tracks, starts, descent.following)
    if cursor is not None:
        relief.paint_cursor(cursor)
    return drawn.cells


def _range(values: NDArray[np.floating] | None, style: Style) -> list[LegendEntry]:
    """Return the colours, or digits, of the lowest and highest level with their values."""
    palette = style.palette
    finite = values[np.isfinite(values)] if values is not None else np.zeros(0)
    if not finite.size:
        return []
    if palette.filled and not style.symbols.plain:
        samples = [("██", int(palette.relief[end])) for end in (0, -1)]
    else:
        highest = len(palette.relief) - 1 if palette.filled else 9
        samples = [(str(level), palette.text) for level in (0, highest)]
    numbers = (style.symbols.spell(compact(float(end))) for end in (finite.min(), finite.max()))
    return [
        (f"{word} {number}", sample, colour)
        for word, number, (sample, colour) in zip(("low", "high"), numbers, samples, strict=True)
    ]


def draw_landscape_line(
    canvas: Canvas, line: Heights, descent: Descent, cursor: float | None = None
) -> Cells:
    """Return the curve of the loss with the points of the lanes' paths on it, and the tangent.

    Only the first coordinate of the tracks' points, (n, 1) or (n, 2), counts: they lie on the
    curve. `viewed` is the exact (weight, loss). The axes come from `line_axes`.
    """
    drawn = frame(canvas, line.axes)
    if not (drawn.rows and drawn.columns):
        return drawn.cells
    tracks = descent.tracks
    relief = Relief.painted(drawn, None)
    heights = np.zeros(0) if line.values is None else line.values
    curve = np.stack([line.axes.x.centres(len(heights)), heights], axis=1)
    viewed = tracks[-1].viewed if tracks else None
    tangent = None
    if viewed is not None and descent.slope is not None:
        tangent = _tangent(viewed, descent.slope, drawn.x)
    _paint_curve(relief, curve, _steps(curve, tracks, descent.epoch), tangent)
    relief.paint_minima(line.minima)
    starts = [
        (place, track.colour)
        for track in tracks
        for place in _on(curve, np.asarray(track.points, np.float64)[:1, 0])
    ]
    relief.paint_ends(tracks, starts, descent.following)
    if cursor is not None:
        for x, y in _on(curve, np.array([cursor])):
            relief.paint_cursor((float(x), float(y)))
    return drawn.cells


_Steps = tuple[NDArray[np.float64], bool, Colour]
"""A part of a lane's path: points (n, 2) on the curve, whether it is past, and its colour."""


def _steps(curve: NDArray[np.float64], tracks: Sequence[Track], epoch: int) -> list[_Steps]:
    """Return the paths on the curve; the parts after `epoch` come first, to be covered."""
    return [
        (
            _on(curve, np.asarray(track.points, np.float64)[(track.epochs <= epoch) == past, 0]),
            past,
            track.colour,
        )
        for past in (False, True)
        for track in tracks
    ]


def _tangent(viewed: Place, slope: float, x: Scale) -> NDArray[np.float64]:
    """Return the ends (2, 2) of a line with that slope through a place."""
    reach = _TANGENT * (x.high - x.low)
    at = viewed[0] + np.array([-reach, reach])
    return np.stack([at, viewed[1] + slope * (at - viewed[0])], axis=1)


def _paint_curve(
    relief: Relief,
    curve: NDArray[np.float64],
    steps: Sequence[_Steps],
    tangent: NDArray[np.float64] | None,
) -> None:
    """Draw the curve, on it the paths as lines and then as signs, and the tangent."""
    palette, symbols = relief.drawn.style.palette, relief.drawn.style.symbols
    lines, colours = [curve], [palette.dim]
    if not symbols.plain:
        lines += [_along(curve, places) for places, _, _ in steps]
        colours += [colour for _, _, colour in steps]
    if tangent is not None:
        lines.append(tangent)
        colours.append(palette.cursor)
    layers = [2 * i for i in range(len(lines))]
    relief.paint_lines(lines, layers, colours, (".", "."))
    signs = marks(symbols)
    for places, past, colour in steps:
        relief.paint_signs(places, [signs.past if past else signs.future], [colour])


def _along(curve: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the part (n, 2) of the curve that spans all of some places on it."""
    known = places[np.isfinite(places).all(axis=1)]
    if len(known) < 2:
        return known
    first, last = known[known[:, 0].argmin()], known[known[:, 0].argmax()]
    inside = curve[(curve[:, 0] > first[0]) & (curve[:, 0] < last[0])]
    return np.concatenate([first[None], inside, last[None]])


def _on(curve: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the points (n, 2) of a curve at some places, NaN outside it."""
    good = np.isfinite(curve).all(axis=1)
    if not good.any():
        return np.stack([along, np.full(len(along), np.nan)], axis=1)
    known = curve[good]
    height = np.interp(along, known[:, 0], known[:, 1], left=np.nan, right=np.nan)
    return np.stack([along, height], axis=1)
