"""The data with what a model predicts there: regions, one unit's output, or a fitted line."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase, digits

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.axes import (
    Axes,
    Canvas,
    Frame,
    Geometry,
    LegendEntry,
    Limits,
    chequered,
    frame,
    geometry,
    paint_dots,
    paint_pixels,
    put_brackets,
    resampled,
    upsampled,
)
from tui_gd.plots.cells import SPACE, Cells, line_mask
from tui_gd.plots.palette import Style, bold
from tui_gd.plots.scale import compact
from tui_gd.plots.symbols import Symbols
from tui_gd.plots.table import short_names

# cells of a class's name in the legend, where not all names fit whole
_WHOLE, _LONGEST_NAME, _SHORTEST_NAME = 99, 10, 3
_TEXTURES, _PLAIN_TEXTURES = " ░▒▓", " .:="
_MARGIN = 0.08
"""The share of the span that is free on each side of the data."""

Index = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows and columns."""


@dataclass(frozen=True, eq=False)
class ClassifiedPoints:
    """Points (n, 2) with the numbers (n,) of their true and predicted classes."""

    points: NDArray[np.floating]
    labels: NDArray[np.integer]
    predicted: NDArray[np.integer]
    class_names: Sequence[str]

    @property
    def classes(self) -> int:
        """How many classes there are, at least 2."""
        return max(len(self.class_names), 1 + int(np.max(self.labels, initial=0)), 2)

    @property
    def kind(self) -> NDArray[np.intp]:
        """The class of each point (n,), plus `classes` if it is misclassified."""
        labels = np.asarray(self.labels, np.intp)
        wrong = labels != np.asarray(self.predicted)
        return np.where(wrong, labels + self.classes, labels)


def decision_limits(points: NDArray[np.floating]) -> Limits:
    """Return limits around points (n, 2) with a margin."""
    finite = points[np.isfinite(points).all(axis=1)] if len(points) else points
    if not len(finite):
        return (0.0, 1.0, 0.0, 1.0)
    low, high = finite.min(axis=0), finite.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    span = np.where(high - low > size * 1e-9, high - low, np.where(size > 0, size, 1.0))
    low, high = low - span * _MARGIN, high + span * _MARGIN
    return (float(low[0]), float(high[0]), float(low[1]), float(high[1]))


def decision_grid(
    rows: int, columns: int, axes: Axes, symbols: Symbols
) -> tuple[Geometry, NDArray[np.float64], NDArray[np.float64]]:
    """Return the plotting area and where to evaluate the model: ``xs`` (w,), ``ys`` (h,).

    These are the centres of half blocks (of cells in plain): w = columns, h = 2 · rows of the area.
    ``ys`` falls, because the first row of a picture is at the top. `draw_decision` takes the
    probabilities at ``np.meshgrid(xs, ys)``.
    """
    place = geometry(rows, columns, axes)
    return place, axes.x.centres(place.columns), axes.y.centres(place.rows * symbols.pixels)[::-1]


def draw_decision(
    canvas: Canvas,
    points: ClassifiedPoints,
    probabilities: NDArray[np.floating],
    axes: Axes,
    cursor: tuple[float, float] | None = None,
) -> Cells:
    """Return regions, boundary and points; ``cursor`` brackets the point at (x, y).

    ``probabilities`` (h, w, classes) are on the grid of `decision_grid`; other resolutions are
    stretched. A misclassified point is hollow, in the colour of its class. If points share a cell,
    a misclassified one is shown, otherwise the majority. Raises ValueError for a wrong shape.
    """
    style, kind = canvas.style, points.kind
    palette, marks = style.palette, _marks(points, style)
    drawn = frame(_with_legend(canvas, _legend(points, kind, marks, style)), axes)
    if not (drawn.rows and drawn.columns):
        return drawn.cells
    chance = sanitised(probabilities)
    # a braille cell has one background: that of the pixel nearer to the boundary
    behind, pixels = np.full((drawn.rows, drawn.columns), palette.background, np.int32), None
    if palette.filled:
        pixels, behind = _regions(chance, drawn)
        paint_pixels(drawn, pixels)
    else:
        _fill_textures(drawn, chance)
    crossed = paint_dots(drawn, boundary(chance, *drawn.dots), palette.boundary)
    drawn.cells.bg[drawn.area][crossed] = behind[crossed]
    at, pixel, shown = _shown_points(drawn, points.points, kind, points.classes)
    drawn.cells.code[at] = marks.codes[shown]
    if pixels is None:
        pixels = np.repeat(behind, style.symbols.pixels, axis=0)
    on = at[0] - drawn.top, at[1] - drawn.left
    ground = np.where(crossed[on], behind[on], pixels[pixel])
    drawn.cells.bg[at] = np.where(marks.reversed[shown], marks.colours[shown], ground)
    drawn.cells.fg[at] = np.where(marks.reversed[shown], ground, marks.colours[shown])
    if cursor is not None:
        _paint_cursor(drawn, points, marks, cursor)
    return drawn.cells


@dataclass(frozen=True, eq=False)
class _Marks:
    """How every kind of point is drawn, (2 · classes,) each: right ones first, then wrong ones.

    Up to ten classes have glyphs, hollow for wrong points. More classes have letters, reversed for
    wrong points, or upper case in mono.
    """

    codes: NDArray[np.uint32]
    colours: NDArray[np.int32]
    reversed: NDArray[np.bool_]


def _marks(points: ClassifiedPoints, style: Style) -> _Marks:
    palette, symbols, classes = style.palette, style.symbols, points.classes
    glyphs = classes <= len(symbols.points)
    if glyphs:
        right = [symbols.point(label) for label in range(classes)]
        wrong = [symbols.wrong_points[label] for label in range(classes)]
    else:
        right = class_letters(points.class_names, classes, mono=palette.depth == "mono")
        wrong = [sign.upper() if palette.depth == "mono" else sign for sign in right]
    colours = [palette.class_colour(label) for label in range(classes)] * 2
    turned = not glyphs and palette.depth != "mono"
    return _Marks(
        np.array([ord(sign) for sign in right + wrong], np.uint32),
        np.array(colours, np.int32),
        np.repeat([False, turned], classes),
    )


def class_letters(names: Sequence[str], classes: int, *, mono: bool = False) -> list[str]:
    """Return a sign for each of many classes: its name if that is one character, else a, b, ….

    After z come A to Z and digits, in `mono`, where upper case means wrong, digits. Of still more
    classes the signs repeat.
    """
    own = [name for name in names if len(name) == 1 and name.isascii() and name.isalnum()]
    if len(set(own)) == classes:
        return own
    signs = ascii_lowercase + ("" if mono else ascii_uppercase) + digits
    return [signs[label % len(signs)] for label in range(classes)]


def _with_legend(canvas: Canvas, entries: list[LegendEntry]) -> Canvas:
    """Return the canvas with a legend of all classes, with names as long as there is room for.

    The number of wrong points comes after them, if it fits. Of many classes the first and the last
    are named. Where not even the shortest names fit, as many as do are shown, and dots after them.
    """
    palette, symbols = canvas.style.palette, canvas.style.symbols
    dots = ".." if symbols.plain else "…"
    *classes, wrong = entries
    names = [name for name, _, _ in classes]
    if len(classes) > len(symbols.points):
        (first, sign, colour), (last, to, other) = classes[0], classes[-1]
        classes = [(first, sign, colour), (last, f"{dots} {to}", other)]
        names = [first, last]
    for cells in (_WHOLE, *range(_LONGEST_NAME, _SHORTEST_NAME - 1, -1)):
        short = short_names(names, cells, plain=symbols.plain)
        some = tuple((name, *one[1:]) for name, one in zip(short, classes, strict=True))
        for legend in ((*some, wrong), some):
            found = canvas.with_legend(legend)
            if found.legend_fits:
                return found
    for count in range(len(some) - 1, 0, -1):
        found = canvas.with_legend((*some[:count], (dots, "", palette.dim)))
        if found.legend_fits:
            break
    return found


def _legend(
    points: ClassifiedPoints, kind: NDArray[np.intp], marks: _Marks, style: Style
) -> list[LegendEntry]:
    """Return legend entries: the classes, as many as fit, and the number of wrong points."""
    signs = [chr(code) for code in marks.codes.tolist()]
    counts = np.bincount(kind[kind >= points.classes], minlength=2 * points.classes)
    often = int(counts.argmax()) if counts.any() else points.classes
    # as wide as it can become, so that nothing beside it moves
    size = len(str(len(kind))) + len(" wrong")
    wrong = (f"{f'{counts.sum()} wrong':>{size}}", signs[often], style.palette.text)
    if len(kind) and not counts.any():
        wrong = (f"{'all right':>{size + 2}}", "", style.palette.good)
    classes = [
        (name, sign, style.palette.class_colour(label))
        for label, (name, sign) in enumerate(zip(points.class_names, signs, strict=False))
    ]
    return [*classes, wrong]


def _regions(
    chance: NDArray[np.float64], drawn: Frame
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the colour of every pixel, and for each cell that of the pixel nearer the boundary."""
    style = drawn.style
    shown = resampled(chance, drawn.rows * style.symbols.pixels, drawn.columns)
    winner, lead = winner_and_margin(shown)
    pixels = style.palette.region(winner, lead)
    if style.symbols.pixels == 1:
        return pixels, pixels
    weakest = np.where(lead[0::2] < lead[1::2], pixels[0::2], pixels[1::2])
    return pixels, weakest


def _fill_textures(drawn: Frame, chance: NDArray[np.float64]) -> None:
    """With few colours, fill the parts of each class's region where the model is sure.

    With 16 colours by dots in the class's dim colour, without colours by a sign of its own.
    """
    palette, symbols = drawn.style.palette, drawn.style.symbols
    winner, lead = winner_and_margin(resampled(chance, drawn.rows, drawn.columns))
    some = symbols.textures if palette.depth == "mono" else symbols.textures[1:2]
    signs = np.array([ord(sign) for sign in some], np.uint32)
    here = chequered(drawn) & (lead > 0.5)
    drawn.cells.code[drawn.area] = np.where(here, signs[winner % len(signs)], SPACE)
    drawn.cells.fg[drawn.area] = palette.region(winner, 1.0)


def _paint_cursor(
    drawn: Frame, points: ClassifiedPoints, marks: _Marks, cursor: tuple[float, float]
) -> None:
    """Bracket the chosen point, and show its own glyph even if others share the cell."""
    palette = drawn.style.palette
    if (at := drawn.cell(*cursor)) is None:
        return
    put_brackets(drawn, *at, bold(palette.cursor))
    same = np.flatnonzero((np.asarray(points.points) == cursor).all(axis=1))
    if len(same):
        drawn.cells.code[drawn.area][at] = marks.codes[points.kind[same[0]]]
        drawn.cells.fg[drawn.area][at] = palette.cursor


@dataclass(frozen=True, eq=False)
class UnitOutput:
    """The output (h, w) of one unit on the grid of `decision_grid`."""

    values: NDArray[np.floating]
    low: float
    """The values of the lowest and the highest shade."""
    high: float
    level: float
    """A line is drawn where the output has this value."""


def draw_unit(
    canvas: Canvas,
    unit: UnitOutput,
    points: NDArray[np.floating],
    labels: NDArray[np.integer],
    axes: Axes,
) -> Cells:
    """Return a unit's output as shades, with a line at its level and the points on top.

    Other resolutions are interpolated; values that are not finite get the lowest shade. `points`
    (n, 2) have the glyphs of their classes, `labels` (n,); if several share a cell, the most
    frequent is shown.
    """
    drawn = frame(canvas.with_legend(_shade_legend(unit, canvas.style)), axes)
    if not (drawn.rows and drawn.columns) or not np.size(unit.values):
        return drawn.cells
    palette, each = canvas.style.palette, canvas.style.symbols.pixels
    sound = np.nan_to_num(
        np.asarray(unit.values, np.float64), nan=unit.low, posinf=unit.high, neginf=unit.low
    )
    height, across = drawn.rows * each, drawn.columns
    fewer = sound.shape[0] < height or sound.shape[1] < across
    above = (upsampled if fewer else resampled)(sound, height, across) - unit.level
    reach = np.where(above > 0, unit.high - unit.level, unit.level - unit.low)
    lead = np.clip(np.abs(above) / np.maximum(reach, 1e-300), 0.0, 1.0)
    pixels = np.full(above.shape, palette.background, np.int32)
    if palette.filled:
        pixels = palette.region(above > 0, lead)
        paint_pixels(drawn, pixels)
    else:
        _fill_shades(drawn, above[::each] > 0, lead[::each])
    both = np.stack([unit.level - sound, sound - unit.level], axis=2)
    crossed = paint_dots(drawn, boundary(both, *drawn.dots), palette.boundary)
    drawn.cells.bg[drawn.area][crossed] = pixels[each - 1 :: each][crossed]
    rows_of_data = ClassifiedPoints(points, labels, labels, ())
    marks = _marks(rows_of_data, canvas.style)
    at, pixel, shown = _shown_points(drawn, points, rows_of_data.kind, rows_of_data.classes)
    drawn.cells.code[at] = marks.codes[shown]
    drawn.cells.fg[at] = marks.colours[shown]
    drawn.cells.bg[at] = pixels[pixel]
    return drawn.cells


def _fill_shades(drawn: Frame, above: NDArray[np.bool_], lead: NDArray[np.float64]) -> None:
    """With few colours, fill every other cell according to the output's distance from the level.

    Without colours, signs run from the lowest output to the highest.
    """
    palette = drawn.style.palette
    textures = _PLAIN_TEXTURES if drawn.style.symbols.plain else _TEXTURES
    signs = np.array([ord(sign) for sign in textures], np.uint32)
    share = np.where(above, 1.0 + lead, 1.0 - lead) / 2.0 if palette.depth == "mono" else lead
    level = np.clip(share * len(signs), 0, len(signs) - 1).astype(np.intp)
    drawn.cells.code[drawn.area] = np.where(chequered(drawn), signs[level], SPACE)
    drawn.cells.fg[drawn.area] = palette.region(above, 1.0)


def _shade_legend(unit: UnitOutput, style: Style) -> list[LegendEntry]:
    """Return the lowest and the highest output with their colours or signs."""
    palette, plain = style.palette, style.symbols.plain
    textures = _PLAIN_TEXTURES if plain else _TEXTURES
    samples = (textures[0], textures[-1])
    if palette.depth != "mono":
        samples = ("#", "#") if plain else ("█", "█")
    return [
        (style.symbols.spell(compact(value)), sample * 2, palette.class_colour(label))
        for label, (value, sample) in enumerate(zip((unit.low, unit.high), samples, strict=True))
    ]


def _shown_points(
    drawn: Frame, points: NDArray[np.floating], kind: NDArray[np.intp], classes: int
) -> tuple[Index, Index, NDArray[np.intp]]:
    """Return the cells that hold points, a pixel of each, and the kind to show there.

    `points` (n, 2) have `kind` (n,): the class, plus `classes` if misclassified. If several share a
    cell, the most telling is shown. Pixels are numbered as in `paint_pixels`.
    """
    each = drawn.style.symbols.pixels
    pixel, column, inside = drawn.pixels_of(points, each)
    row = pixel // each
    shown, kinds = most_telling(row * drawn.columns + column, kind[inside], classes)
    cells = (drawn.top + row[shown], drawn.left + column[shown])
    return cells, (pixel[shown], column[shown]), kinds


def most_telling(
    cell: NDArray[np.intp], kind: NDArray[np.intp], classes: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return for every occupied cell the index of one of its points and the kind to show.

    Misclassified points come first, then the most frequent kind; ties go to the lower class.
    """
    _, first, group = np.unique(cell, return_index=True, return_inverse=True)
    counts = np.bincount(group * 2 * classes + kind, minlength=len(first) * 2 * classes)
    counts = counts.reshape(len(first), 2 * classes)
    wrong = counts[:, classes:]
    wrong[wrong > 0] += len(cell)
    shown = counts.argmax(axis=1)
    # the first point of that kind, for the region behind it
    match = np.flatnonzero(kind == shown[group])
    index = first.copy()
    index[group[match[::-1]]] = match[::-1]
    return index, shown


def sanitised(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return probabilities (rows, columns, classes ≥ 2); p of one class alone becomes 1 − p, p.

    Values that are not finite (a diverged model) become 0 for all classes: no class, no strength.
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 3 or 0 in p.shape:
        raise ValueError(f"probabilities must be (rows, columns, classes), not {p.shape}")
    good = np.isfinite(p).all(axis=2, keepdims=True)
    if not good.all():
        p = np.where(good, p, 0.0 if p.shape[2] > 1 else 0.5)
    return np.concatenate([1 - p, p], axis=2) if p.shape[2] == 1 else p


def winner_and_margin(
    probabilities: NDArray[np.float64],
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the most probable class and its lead over the second, both (rows, columns)."""
    if probabilities.shape[2] == 2:
        lead = probabilities[:, :, 1] - probabilities[:, :, 0]
        return (lead > 0).astype(np.intp), np.abs(lead)
    winner = probabilities.argmax(axis=2)
    highest = np.partition(probabilities, -2, axis=2)
    return winner, highest[:, :, -1] - highest[:, :, -2]


def boundary(probabilities: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.bool_]:
    """Return the dots (rows, columns) nearest to where the most probable class changes.

    Of two neighbouring dots with different classes, the one with the smaller lead is the boundary.
    Probabilities between the given grid points are interpolated bilinearly.
    """
    classes = probabilities.shape[2]
    if classes == 2:
        lead = upsampled(probabilities[:, :, 1] - probabilities[:, :, 0], rows, columns)
        winner, margin = (lead > 0).astype(np.int8), np.abs(lead)
    else:
        best = np.full((rows, columns), -np.inf)
        second = best.copy()
        winner = np.zeros((rows, columns), np.int8)
        for label in range(classes):
            one = upsampled(probabilities[:, :, label], rows, columns)
            leads = one > best
            np.maximum(second, np.minimum(one, best), out=second)
            np.copyto(best, one, where=leads)
            np.copyto(winner, np.int8(label % 127), where=leads)
        margin = best - second
    mask = np.zeros((rows, columns), np.bool_)
    for here, there in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1, :], np.s_[1:, :]),
    ):
        crossed = winner[here] != winner[there]
        nearer = margin[here] <= margin[there]
        mask[here] |= crossed & nearer
        mask[there] |= crossed & ~nearer
    return mask


@dataclass(frozen=True, eq=False)
class FittedLine:
    """The predictions of a model: a polyline through places (m, 2), rising in x."""

    places: NDArray[np.floating]
    label: str


def fit_columns(columns: int, limits: tuple[float, float], symbols: Symbols) -> NDArray[np.float64]:
    """Return where to evaluate the line: slightly more places than there are dots across."""
    return np.linspace(limits[0], limits[1], max(2, columns * symbols.dots[1]))


def draw_fit(
    canvas: Canvas,
    points: NDArray[np.floating],
    line: FittedLine,
    axes: Axes,
    cursor: tuple[float, float] | None = None,
) -> Cells:
    """Return ``points`` (n, 2) and the line over them.

    Values outside the limits or not finite are left out. ``cursor`` brackets the point at (x, y).
    """
    palette, symbols = canvas.style.palette, canvas.style.symbols
    legend = (
        (f"{len(points)} points", symbols.point(0), palette.classes[0]),
        (line.label, symbols.solid, palette.train),
    )
    drawn = frame(canvas.with_legend(legend), axes)
    if not (drawn.rows and drawn.columns):
        return drawn.cells
    row, column, _ = drawn.pixels_of(points)
    drawn.cells.code[drawn.area][row, column] = ord(symbols.point(0))
    drawn.cells.fg[drawn.area][row, column] = palette.classes[0]
    high, wide = drawn.dots
    at = drawn.x.position(line.places[:, 0], wide)
    mask = line_mask(at, drawn.y.position(line.places[:, 1], high), high, wide)
    paint_dots(drawn, mask, palette.train)
    if cursor is not None and (cell := drawn.cell(*cursor)):
        put_brackets(drawn, *cell, palette.cursor, symbols.point(0))
    return drawn.cells
