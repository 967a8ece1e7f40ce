"""A plane shaded by height, with contours between the levels, and the paths of lanes over it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.axes import Frame, paint_dots, paint_pixels, put_brackets, upsampled
from tui_gd.plots.cells import BRAILLE, SPACE, pack, per_cell, width
from tui_gd.plots.palette import Colour, bold
from tui_gd.plots.scale import LARGEST, compact
from tui_gd.plots.symbols import CURVE, CURVE_DASHED, Symbols

BAR_COLUMNS = 10
"""Columns for the colour bar and its numbers, to the right of the plotting area."""
_DIGITS = 10
_BAR_STEP = 3
"""Rows from one number of the colour bar to the next."""
_ARROW = 0.14
"""Length of an arrow, as a share of the plot's width or height."""
Place = tuple[float, float]

_MOST_DOTS = 40_000
"""The most dots of lines in one picture; longer lines set every second dot, or fewer."""
_FARTHEST = 1e9
"""Points farther from the plot are moved to this distance, so that all stays finite."""


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


# The paths of lanes, with their signs


@dataclass(frozen=True, eq=False)
class Track:
    """The path of one lane in the coordinates of the plot: `points` (n, 2) at `epochs` (n,).

    The part after the viewed epoch is dashed. `viewed` is the lane's place at that epoch, marked
    with `sign`; the first point is marked as the start.
    """

    points: NDArray[np.float64]
    epochs: NDArray[np.integer]
    colour: Colour
    viewed: Place | None = None
    sign: str = ""
    current: bool = False


@dataclass(frozen=True)
class Marks:
    """The sign of each thing that can be marked; all are one cell wide."""

    viewed: str
    start: str
    following: str
    global_minimum: str
    local_minimum: str
    past: str
    future: str
    """A point of a path on a curve, before and after the viewed epoch."""
    heads: str
    """Arrowheads for eight directions, counter-clockwise from the right."""


UNICODE_MARKS = Marks("◆", "●", "◇", "★", "☆", "•", "◦", "→↗↑↖←↙↓↘")
ASCII_MARKS = Marks("@", "o", "x", "M", "m", "*", "+", ">/^\\</v\\")


def marks(symbols: Symbols) -> Marks:
    """Return the signs of a kind of terminal."""
    return ASCII_MARKS if symbols.plain else UNICODE_MARKS


@dataclass(frozen=True, eq=False)
class Relief:
    """A shaded plotting area, and all that can be drawn on it without changing the shades.

    `ground` is the background of every cell (rows, columns). `edges` are the lowest height, those
    between levels, and the highest; empty if none is known.
    """

    drawn: Frame
    ground: NDArray[np.int32]
    edges: NDArray[np.float64]

    @classmethod
    def painted(cls, drawn: Frame, values: NDArray[np.floating] | None) -> "Relief":
        """Shade the plotting area by `values` (h, w), the first row the upper one, with contours.

        Shades are half blocks and contours braille dots. In plain, shades are whole cells and
        contours digits; with few colours there are digits alone. A contour marks the beginning of a
        level, on its upper side, and a digit names that level. Values that are not finite are left
        blank.
        """
        palette, symbols = drawn.style.palette, drawn.style.symbols
        blank = np.full((drawn.rows, drawn.columns), palette.background, np.int32)
        if values is None or not np.isfinite(values).any():
            return cls(drawn, blank, np.zeros(0))
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
            return cls(drawn, ground, edges)
        pixels = _levels(known, inner, drawn.rows * symbols.pixels, drawn.columns)
        paint_pixels(drawn, colours[pixels])
        ground = colours[np.maximum(pixels[0::2], pixels[1::2])]
        rim = paint_dots(drawn, _contours(_levels(known, inner, *drawn.dots)), palette.contour)
        cells.bg[area][rim] = ground[rim]
        return cls(drawn, ground, edges)

    def paint_bar(self) -> None:
        """Draw the levels with their heights, from low to high, to the right of the plot."""
        drawn, levels = self.drawn, len(self.edges) - 1
        if levels < 1 or drawn.rows < levels // 2:
            return
        palette, cells = drawn.style.palette, drawn.cells
        left = drawn.left + drawn.columns + 1
        pixels = drawn.style.symbols.pixels
        height = drawn.rows * pixels
        level = np.arange(height)[::-1] * levels // height
        upper, lower = level[::pixels], level[pixels - 1 :: pixels]
        bar = np.s_[drawn.top : drawn.top + drawn.rows, left : left + 1]
        if palette.filled:
            top, bottom = palette.relief[upper, None], palette.relief[lower, None]
            split = (top != bottom) & (pixels > 1)
            cells.code[bar] = np.where(split, ord("▀"), SPACE)
            cells.fg[bar], cells.bg[bar] = top, bottom
        else:
            cells.code[bar] = lower[:, None] + ord("0")
            cells.fg[bar] = palette.contour
        for row in range(0, drawn.rows, _BAR_STEP):
            share = 1.0 - row / max(drawn.rows - 1, 1)
            value = float(np.interp(share * levels, np.arange(levels + 1), self.edges))
            text = drawn.style.symbols.spell(compact(value, 2))
            if width(text) <= BAR_COLUMNS - 3:
                cells.put(drawn.top + row, left + 2, text, palette.dim)

    def paint_signs(
        self,
        places: NDArray[np.floating] | Sequence[Place],
        signs: Sequence[str],
        colours: Sequence[Colour],
    ) -> None:
        """Write signs, one cell wide, at places (n, 2) of the plot; places outside are left out.

        Give one sign and one colour for all places, or one each.
        """
        at = np.asarray(places, np.float64).reshape(-1, 2)
        if not len(at):
            return
        drawn = self.drawn
        row, column, inside = drawn.pixels_of(at)
        cells, cell = drawn.cells, (drawn.top + row, drawn.left + column)
        codes, inks = np.array([ord(one) for one in signs], np.uint32), np.array(colours, np.int32)
        cells.code[cell] = codes[inside if len(codes) > 1 else 0]
        cells.fg[cell] = inks[inside if len(inks) > 1 else 0]
        cells.bg[cell] = self.ground[row, column]

    def paint_minima(self, minima: Sequence[tuple[float, float, bool]]) -> None:
        """Mark known minima (x, y, whether global); global and local ones have different signs."""
        kinds = marks(self.drawn.style.symbols)
        signs = [kinds.global_minimum if deepest else kinds.local_minimum for *_, deepest in minima]
        places = [(x, y) for x, y, _ in minima]
        self.paint_signs(places, signs, [self.drawn.style.palette.cursor])

    def paint_ends(
        self,
        tracks: Sequence[Track],
        starts: Sequence[tuple[NDArray[np.floating], Colour]],
        following: Place | None,
    ) -> None:
        """Mark where tracks start, where the next step leads and, on top, the viewed places."""
        signs, cursor = marks(self.drawn.style.symbols), self.drawn.style.palette.cursor
        places = np.array([place for place, _ in starts], np.float64)
        self.paint_signs(places, [signs.start], [colour for _, colour in starts])
        if following is not None:
            self.paint_signs([following], [signs.following], [cursor])
        viewed = [track for track in tracks if track.viewed is not None]
        self.paint_signs(
            [track.viewed for track in viewed if track.viewed is not None],
            [track.sign or signs.viewed for track in viewed],
            [cursor if track.current else track.colour for track in viewed],
        )

    def paint_cursor(self, place: Place) -> None:
        """Draw the cursor at a place: a cross in brackets."""
        drawn = self.drawn
        if (at := drawn.cell(*place)) is None:
            return
        row, column = at
        put_brackets(drawn, row, column, bold(drawn.style.palette.cursor), "+")
        beside = slice(max(column - 1, 0), column + 2)
        drawn.cells.bg[drawn.area][row, beside] = self.ground[row, beside]

    def paint_arrow(self, at: Place, towards: Place) -> None:
        """Draw an arrow from `at` in the direction of the vector `towards`, if it has one.

        Its length is a share of the plot's width, or of its height if it is steep.
        """
        drawn = self.drawn
        across, up = drawn.x.high - drawn.x.low, drawn.y.high - drawn.y.low
        scaled = np.array([towards[0] / across, towards[1] / up])
        longest = float(np.abs(scaled).max())
        if not (np.isfinite(scaled).all() and longest > 0.0):
            return
        scaled *= _ARROW / longest
        tip = at[0] + float(scaled[0]) * across, at[1] + float(scaled[1]) * up
        if not np.isfinite(tip).all():
            return
        cursor = drawn.style.palette.cursor
        self.paint_lines([np.array([at, tip])], [0], [cursor])
        # on screen cells are twice as high as wide
        right = (tip[0] - at[0]) / across * drawn.columns
        upwards = (tip[1] - at[1]) / up * drawn.rows * 2.0
        eighth = round(float(np.arctan2(upwards, right)) / (np.pi / 4)) % 8
        self.paint_signs([tip], [marks(drawn.style.symbols).heads[eighth]], [cursor])

    def paint_tracks(self, tracks: Sequence[Track], epoch: int) -> None:
        """Draw the paths, later ones over earlier ones; parts after `epoch` lie below all."""
        pieces: list[NDArray[np.float64]] = []
        layers: list[int] = []
        colours: list[Colour] = []
        seen = [int(track.epochs.searchsorted(epoch, "right")) for track in tracks]
        for past in (False, True):
            for track, passed in zip(tracks, seen, strict=True):
                points = track.points[:passed] if past else track.points[passed:]
                if not len(points):
                    continue
                if track.viewed is not None:
                    here = np.array([track.viewed])
                    points = np.concatenate([points, here] if past else [here, points])
                if len(points) > 1:
                    pieces.append(points)
                    layers.append(2 * len(colours) + (not past))
                    colours.append(track.colour)
        self.paint_lines(pieces, layers, colours)

    def paint_lines(
        self,
        pieces: Sequence[NDArray[np.float64]],
        layers: Sequence[int],
        colours: Sequence[Colour],
        plain: tuple[str, str] = (CURVE, CURVE_DASHED),
    ) -> None:
        """Draw polylines (n, 2). Layer 2·i is line i, 2·i + 1 the same dashed; higher layers win.

        `plain` has the signs of solid and dashed lines without braille.
        """
        drawn, symbols = self.drawn, self.drawn.style.symbols
        if not pieces:
            return
        owner = np.full(drawn.dots, -1, np.int16)
        points = np.concatenate(pieces)
        x = drawn.x.position(points[:, 0], owner.shape[1])
        y = len(owner) - 1 - drawn.y.position(points[:, 1], len(owner))
        lengths = [len(piece) for piece in pieces]
        layer = np.repeat(np.array(layers, np.int16), lengths)
        joined = np.ones(len(points) - 1, np.bool_)
        joined[np.cumsum(lengths)[:-1] - 1] = False
        _set_segments(owner, x, y, joined, layer)
        best = per_cell(owner, symbols)
        here = best >= 0
        area = drawn.area
        if symbols.plain:
            signs = np.array([ord(sign) for sign in plain], np.uint32)
            drawn.cells.code[area][here] = signs[best[here] % 2]
        else:
            drawn.cells.code[area][here] = pack(owner >= 0)[here] + BRAILLE
        drawn.cells.fg[area][here] = np.array(colours, np.int32)[best[here] // 2]
        drawn.cells.bg[area][here] = self.ground[here]


def _set_segments(
    owner: NDArray[np.int16],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    joined: NDArray[np.bool_],
    layer: NDArray[np.int16],
) -> None:
    """Set the dots of lines through columns `x` and rows `y`; higher layers win.

    `joined` (n − 1,) says which points are joined to the one before; `layer` (n,) is their layer.
    """
    rows, columns = owner.shape
    x, y = np.clip(x, -_FARTHEST, _FARTHEST), np.clip(y, -_FARTHEST, _FARTHEST)
    which, enter, leave = _inside(x, y, joined, rows, columns)
    if (np.diff(layer) < 0).any():
        order = np.argsort(layer[which], kind="stable")
        which, enter, leave = which[order], enter[order], leave[order]
    step_x, step_y = x[which + 1] - x[which], y[which + 1] - y[which]
    part = leave - enter
    steps = np.maximum(np.abs(step_x), np.abs(step_y)) * part
    dots = steps.astype(np.intp) + 1
    total = int(dots.sum())
    if not total:
        return
    if total > _MOST_DOTS:
        dots = np.maximum(dots * _MOST_DOTS // total, 1)
        total = int(dots.sum())
    share = part / dots
    first = np.cumsum(dots) - dots
    # dot i of a segment is (i + 1) shares from where the segment enters
    of = np.repeat(np.arange(len(dots)), dots)
    index = np.arange(1, total + 1) - first[of]
    across = (x[which] + enter * step_x + 0.5)[of] + (share * step_x)[of] * index
    down = (y[which] + enter * step_y + 0.5)[of] + (share * step_y)[of] * index
    column, row = across.astype(np.int32), down.astype(np.int32)
    np.clip(column, 0, columns - 1, out=column)
    np.clip(row, 0, rows - 1, out=row)
    of_layer = layer[which][of]
    # dashes stay in place while the path grows
    kept = ((of_layer & 1) == 0) | ((column + (row >> 1)) & 1 == 0)
    owner.ravel()[(row * columns + column)[kept]] = of_layer[kept]


def _inside(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    joined: NDArray[np.bool_],
    rows: int,
    columns: int,
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Return the visible segments, and the visible share of each, from and to (Liang–Barsky)."""
    with np.errstate(all="ignore"):
        step_x, step_y = np.diff(x), np.diff(y)
        which = np.flatnonzero(joined & (np.abs(step_x) + np.abs(step_y) > 0.05))
        enter, leave = np.zeros(len(which)), np.ones(len(which))
        for at, step, size in ((x[which], step_x[which], columns), (y[which], step_y[which], rows)):
            low, high = (-0.5 - at) / step, (size - 0.5 - at) / step
            still = step == 0
            beside = still & ((at < -0.5) | (at > size - 0.5))
            first = np.where(still, np.where(beside, np.inf, -np.inf), np.minimum(low, high))
            last = np.where(still, np.inf, np.maximum(low, high))
            np.maximum(enter, first, out=enter)
            np.minimum(leave, last, out=leave)
        seen = enter <= leave
    return which[seen], enter[seen], leave[seen]
