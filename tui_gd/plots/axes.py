"""The frame of a picture: a box with title and legend, ticks and labels, and how it is filled."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.cells import SPACE, Cells, blit, fit, fit_words, width
from tui_gd.plots.palette import Colour, Palette, Style, bold
from tui_gd.plots.scale import Scale, tick_labels
from tui_gd.plots.symbols import CURVE

LegendEntry = tuple[str, str, Colour]
"""Text, sample symbol, and the colour of both."""
Limits = tuple[float, float, float, float]
"""x from, x to, y from, y to."""

BORDER = 2
"""The rows and columns that a box takes from its contents."""

_GAPS = (3, 2, 1)
"""Blanks between two legend entries: the first of these that fits."""
_ROOMY = 40
"""Narrower frames have no blank next to the labels."""
GRID, _GRID_STEP = ord("·"), 2
# plotext keeps state in module-level objects besides the figure, and is not thread-safe.
_PLOTEXT = threading.Lock()


@dataclass(frozen=True)
class Heading:
    """The words in the borders of a picture."""

    title: str = ""
    legend: tuple[LegendEntry, ...] = ()
    """At the right end; entries that do not fit are left out, from the last one on."""
    focused: bool = False
    """Whether the panel has the focus."""
    key: str = ""
    """The key that shows the panel, before the title."""
    pointed: bool = False
    """A lesson speaks of the picture."""
    right: str = ""
    """Words at the right end, behind the legend, where there is room for them."""
    short: str = ""
    """A shorter title, where more of the legend fits beside it."""
    below: tuple[str, ...] = ()
    """At the right end of the lower border: the first that fits."""


@dataclass(frozen=True)
class Canvas:
    """What is drawn on: its size in cells, its style, and the words in its borders."""

    rows: int
    columns: int
    style: Style
    heading: Heading

    def with_legend(self, entries: Sequence[LegendEntry]) -> "Canvas":
        """Return a canvas with these entries before those of its legend."""
        heading = replace(self.heading, legend=(*entries, *self.heading.legend))
        return replace(self, heading=heading)

    @property
    def legend_fits(self) -> bool:
        """Whether there is room for the whole legend."""
        _, count, *_ = _heading_for(self.columns, self.heading, self.style)
        return count == len(self.heading.legend)


@dataclass(frozen=True)
class Axes:
    """The two axes of a plot and what is written beside them."""

    x: Scale
    y: Scale
    x_label: str = ""
    y_label: str = ""
    """With it, the labels are at the left, with arrows; without it, that of x is below its axis."""
    notes: tuple[str, ...] = ()
    """Written to the right of the labels: the first for which there is room.

    A label below its axis moves to the left for a note."""
    grid: bool = False
    """Faint dots at the ticks of y: for curves."""
    beside: int = 0
    """Free columns to the right of the plotting area."""

    @classmethod
    def of(
        cls, limits: Limits, x_label: str = "", y_label: str = "", notes: tuple[str, ...] = ()
    ) -> "Axes":
        """Return linear axes between limits."""
        return cls(Scale(*limits[:2]), Scale(*limits[2:]), x_label, y_label, notes)


@dataclass(frozen=True)
class Geometry:
    """Where the plotting area is in a frame, and what surrounds it."""

    top: int
    left: int
    rows: int
    columns: int
    boxed: bool
    labelled: bool
    """Whether there is a row for the axis labels below."""
    x_ticks: tuple[tuple[int, str], ...]
    """(column of the plotting area, label)."""
    y_ticks: tuple[tuple[int, str], ...]
    """(row of the plotting area counted from the bottom, label)."""


@dataclass(frozen=True)
class Frame:
    """A drawn frame and the plotting area in it: ``rows`` × ``columns`` from (top, left)."""

    cells: Cells
    style: Style
    top: int
    left: int
    rows: int
    columns: int
    x: Scale
    y: Scale

    @property
    def area(self) -> tuple[slice, slice]:
        """The plotting area as an index of the picture's arrays."""
        across = slice(self.left, self.left + self.columns)
        return slice(self.top, self.top + self.rows), across

    @property
    def dots(self) -> tuple[int, int]:
        """The dots of the plotting area, down and across."""
        down, across = self.style.symbols.dots
        return self.rows * down, self.columns * across

    def cell(self, x: float, y: float) -> tuple[int, int] | None:
        """Return row and column of a place within the plotting area; None outside of it."""
        column, row = int(self.x.bins(x, self.columns)), int(self.y.bins(y, self.rows))
        return None if column < 0 or row < 0 else (self.rows - 1 - row, column)

    def pixels_of(
        self, points: NDArray[np.floating], each: int = 1
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """Return row, column and number of those points (n, 2) that lie in the plotting area.

        There are `each` rows of pixels in a cell.
        """
        column = self.x.bins(points[:, 0], self.columns)
        row = self.y.bins(points[:, 1], self.rows * each)
        inside = np.flatnonzero((column >= 0) & (row >= 0))
        return self.rows * each - 1 - row[inside], column[inside], inside


def frame(canvas: Canvas, axes: Axes) -> Frame:
    """Return a new picture with box, ticks, labels, title and legend.

    All but labels, title and legend are cached, so a changing number in the legend costs nothing.
    Without room, the axis labels go first, then the ticks, then the box.
    """
    shape, style, heading = (canvas.rows, canvas.columns), canvas.style, canvas.heading
    place = geometry(*shape, axes)
    border = _border_colour(heading, style.palette)
    cells = _framed(*shape, place, style, border=border, grid=axes.grid).copy()
    if place.labelled:
        _write_labels(cells, place, axes, style.palette.dim)
    if place.boxed:
        _write_heading(cells, heading, style)
    return Frame(cells, style, place.top, place.left, place.rows, place.columns, axes.x, axes.y)


def draw_box(canvas: Canvas, contents: Cells) -> Cells:
    """Return a box with a heading and `contents` inside: no axes."""
    style, heading = canvas.style, canvas.heading
    cells = Cells.blank(canvas.rows, canvas.columns, style)
    _draw_border(cells, style, _border_colour(heading, style.palette))
    _write_heading(cells, heading, style)
    cells.paste(1, 1, contents)
    return cells


def draw_words(canvas: Canvas, lines: Sequence[str], colour: Colour | None = None) -> Cells:
    """Return a box with lines of text, dim or in a colour, for when there is no picture."""
    palette, symbols = canvas.style.palette, canvas.style.symbols
    inner = Cells.blank(canvas.rows - BORDER, canvas.columns - BORDER, canvas.style)
    for row, line in enumerate(lines):
        text = fit(symbols.spell(line), max(canvas.columns - BORDER - 1, 0), symbols.plain)
        inner.put(row, 1, text, palette.dim if colour is None else colour)
    return draw_box(canvas, inner)


def draw_rule(drawn: Frame, column: int, colour: Colour, every: int = 1) -> None:
    """Draw a line down a column of the plot, in every ``every``-th row, behind what is there."""
    if not 0 <= column < drawn.columns:
        return
    symbols = drawn.style.symbols
    line = np.s_[drawn.top : drawn.top + drawn.rows : every, drawn.left + column]
    free = np.isin(drawn.cells.code[line], (SPACE, GRID, ord(symbols.hatch)))
    drawn.cells.code[line] = np.where(free, ord(symbols.vertical), drawn.cells.code[line])
    drawn.cells.fg[line] = np.where(free, colour, drawn.cells.fg[line])


def put_brackets(
    drawn: Frame,
    row: int,
    column: int,
    colour: Colour,
    sign: str = "",
    ground: Colour | None = None,
) -> None:
    """Put brackets, and a ``sign`` between them, around a cell of the plotting area."""
    for at, text in zip((column - 1, column, column + 1), ("[", sign, "]"), strict=True):
        if text and 0 <= at < drawn.columns:
            drawn.cells.put(drawn.top + row, drawn.left + at, text, colour, ground)


def _border_colour(heading: Heading, palette: Palette) -> Colour:
    if heading.focused:
        return palette.focus
    return palette.warning if heading.pointed else palette.frame


def _draw_border(cells: Cells, style: Style, colour: Colour) -> None:
    rows, columns = cells.shape
    symbols = style.symbols
    upper_left, upper_right, lower_left, lower_right = symbols.corners
    across = symbols.horizontal * max(0, columns - BORDER)
    cells.code[:, :1] = cells.code[:, -1:] = ord(symbols.vertical)
    cells.fg[:, :1] = cells.fg[:, -1:] = colour
    cells.put(0, 0, upper_left + across + upper_right, colour)
    cells.put(rows - 1, 0, lower_left + across + lower_right, colour)


@lru_cache(maxsize=128)
def _heading_for(columns: int, heading: Heading, style: Style) -> tuple[str, int, int, int]:
    """Return the title; of the legend beside it how many entries fit, the gap, and the width.

    The short title is taken where more of the legend, or the words at the right, fit beside it.
    """
    marked = width(style.symbols.focus) + 1 if _is_marked(heading, style) else 0
    marked += width(style.symbols.pointed) + 1 if heading.pointed else 0
    before = 2 + marked + (width(heading.key) + 1 if heading.key else 0)
    found = []
    for title in dict.fromkeys((heading.title, heading.short or heading.title)):
        # a corner and a piece of border stay
        room = columns - before - (width(title) + 1 if title else 0) - 2
        count, gap, taken = _shown_legend(heading, room)
        right = not heading.right or width(f" {heading.right} ") <= room - taken
        found.append(((count, right), (title, count, gap, taken)))
    return max(found, key=lambda one: one[0])[1]


def _is_marked(heading: Heading, style: Style) -> bool:
    """Return whether a sign shows the focus because the frame has no colour."""
    return heading.focused and style.palette.depth == "mono"


def _write_heading(cells: Cells, heading: Heading, style: Style) -> None:
    """Write key, title and legend into the top border, and the words below into the lower one."""
    palette, symbols = style.palette, style.symbols
    rows, columns = cells.shape
    stop = columns - 1
    title, count, gap, taken = _heading_for(columns, heading, style)
    at = 1
    parts = [
        (symbols.focus if _is_marked(heading, style) else "", palette.text),
        (symbols.pointed if heading.pointed else "", bold(palette.warning)),
        (heading.key, bold(palette.key)),
        (title, bold(palette.text)),
    ]
    for text, colour in parts:
        if text and at + 1 < stop:
            at = cells.put(0, at, " ", palette.text)
            at = cells.put(0, at, fit_words(text, stop - at, symbols.plain), colour)
    if 1 < at < stop:
        at = cells.put(0, at, " ", palette.text)
    entries = heading.legend[:count]
    right = f" {heading.right} " if heading.right else ""
    if right and taken + width(right) + 1 <= stop - at:
        stop -= width(right)
        cells.put(0, stop, right, palette.dim)
        stop -= bool(entries)  # with a piece of border between the two
    at = stop - taken
    for index, (text, sample, colour) in enumerate(entries):
        at = cells.put(0, at, " " * (gap if index else 1), palette.text)
        at = cells.put(0, at, f"{sample} {text}" if sample else text, colour)
    if entries:
        cells.put(0, at, " ", palette.text)
    below = (f" {text} " for text in heading.below if text and width(text) <= columns - 4)
    if rows > BORDER and (words := next(below, "")):
        cells.put(rows - 1, columns - 1 - width(words), words, palette.dim)


def _shown_legend(heading: Heading, room: int) -> tuple[int, int, int]:
    """Return how many entries fit into ``room`` cells, the blanks between them, and their width.

    The width includes a blank at each end.
    """
    totals = accumulate(
        width(text) + (width(sample) + 1 if sample else 0) for text, sample, _ in heading.legend
    )
    widths = [total + 2 for total in totals]
    count = sum(wide + _GAPS[-1] * between <= room for between, wide in enumerate(widths))
    forms = [(count, gap, widths[count - 1] + gap * (count - 1)) for gap in _GAPS if count]
    return next((form for form in forms if form[2] <= room), (0, 0, 0))


def _write_labels(cells: Cells, place: Geometry, axes: Axes, colour: Colour) -> None:
    """Write the labels into the last row but one, and a note to their right if it fits."""
    row, stop, plain = cells.shape[0] - 2, cells.shape[1] - 2, cells.plain
    if axes.y_label:
        up, right = ("^", "->") if plain else ("↑", "→")
        room = stop - 2 - len(up + right) - 5
        x_label, y_label = axes.x_label, axes.y_label
        if width(x_label) + width(y_label) > room:
            names = x_label.partition(" (")[0], y_label.partition(" (")[0]
            x_label, y_label = (x_label, y_label) if names[0] == names[1] else names
        y_label = fit(y_label, max(room // 2, room - width(x_label)), plain)
        x_label = fit(x_label, room - width(y_label), plain)
        end = cells.put(row, 2, f"{y_label} {up}   {x_label} {right}", colour)
        note = next((one for one in axes.notes if end + 2 + width(one) <= stop), "")
    else:
        x_label = fit(axes.x_label, place.columns, plain)
        free = stop - place.left - width(x_label) - 2
        note = next((one for one in axes.notes if width(one) <= free), "")
        middle = place.left + (place.columns - width(x_label)) // 2
        if note:
            middle = min(middle, stop - width(note) - 2 - width(x_label))
        cells.put(row, middle, x_label, colour)
    cells.put(row, stop - width(note), note, colour)


@lru_cache(maxsize=128)
def geometry(rows: int, columns: int, axes: Axes) -> Geometry:
    """Return the place of the plotting area in a frame of ``rows`` × ``columns``, and its ticks."""
    boxed = rows >= 3 and columns >= 4
    if not boxed:
        return Geometry(0, 0, max(rows, 0), max(columns, 0), False, False, (), ())
    labelled = bool(axes.x_label or axes.y_label or axes.notes) and rows >= 9 and columns >= 16
    ticked = rows >= 6 and columns >= 16
    inner_rows = rows - BORDER - ticked - labelled
    y_ticks: tuple[tuple[int, str], ...] = ()
    margin = 0
    if ticked:
        # 1-2-5 steps differ in height, so a logarithmic axis may have more of them
        every = 2 if axes.y.log else 3
        y_ticks = _ticks(axes.y, inner_rows, min(max(inner_rows // every, 2), 9))
        margin = max((len(label) for _, label in y_ticks), default=0)
        if margin > columns // 3:
            y_ticks, margin = (), 0
        margin += 1 + (columns >= _ROOMY)
    inner_columns = max(columns - BORDER - margin - axes.beside, 0)
    x_ticks = _ticks(axes.x, inner_columns, max(inner_columns // 11, 2)) if ticked else ()
    return Geometry(1, margin + 1, inner_rows, inner_columns, True, labelled, x_ticks, y_ticks)


def _ticks(scale: Scale, cells: int, n: int) -> tuple[tuple[int, str], ...]:
    """Return the cell and label of each tick; of two in one cell the first is kept."""
    values = scale.ticks(n)
    labels = tick_labels(values, scale.log)
    taken: dict[int, str] = {}
    for place, label in zip(scale.bins(values, cells).tolist(), labels, strict=True):
        if place >= 0:
            taken.setdefault(place, label)
    return tuple(taken.items())


@lru_cache(maxsize=64)
def _framed(
    rows: int, columns: int, place: Geometry, style: Style, *, border: Colour, grid: bool
) -> Cells:
    """Return box, ticks and grid in colours; the result is cached and must not be changed."""
    palette, plain = style.palette, style.symbols.plain
    cells = Cells.blank(rows, columns, style)
    if not place.boxed:
        return cells
    _draw_border(cells, style, border)
    if place.left == 1:
        return cells
    code = _plotext_codes(place)
    ticks = code == ord("┤")
    code = np.where((code == ord("│")) | (ticks & (not grid)), SPACE, code)
    for ours, other in (("┤", "|"),) if plain else (("-", "−"),):
        code[code == ord(ours)] = ord(other)
    area = np.s_[place.top : place.top + len(code), 1 : 1 + code.shape[1]]
    cells.code[area] = code
    cells.fg[area] = np.where(ticks, palette.frame, palette.dim)
    # no grid where it cannot be faint or would look like a curve
    if grid and not plain and palette.depth != "mono":
        for row, _ in place.y_ticks:
            line = place.top + place.rows - 1 - row
            dots = np.s_[line, place.left : place.left + place.columns : _GRID_STEP]
            cells.code[dots] = GRID
            cells.fg[dots] = palette.frame
    return cells


@lru_cache(maxsize=64)
def _plotext_codes(place: Geometry) -> NDArray[np.uint32]:
    """Return the code points inside the box, with plotext's ticks; they must not be changed.

    plotext gets cell numbers instead of values, so that a tick is exactly where the data is drawn,
    whatever the scale.
    """
    margin = max((len(label) for _, label in place.y_ticks), default=0) + 1
    blank = place.left - 1 - margin
    rows, columns = place.rows + 1, margin + place.columns
    with _PLOTEXT:
        lines = _plotext_text(rows, columns, place).split("\n")
    code = np.full((rows, blank + columns), SPACE, np.uint32)
    for line, text in zip(code, lines, strict=False):
        line[blank : blank + len(text)] = [ord(sign) for sign in text[:columns]]
    code.setflags(write=False)
    return code


def _plotext_text(rows: int, columns: int, place: Geometry) -> str:
    """Return plotext's axes as lines of text; its version 6 has other names than version 5."""
    import plotext  # 40 ms: not at import

    last_column, last_row = max(place.columns - 1, 1), max(place.rows - 1, 1)
    # given even if there are none, or plotext would choose its own
    x_ticks = [at for at, _ in place.x_ticks], [label for _, label in place.x_ticks]
    y_ticks = [at for at, _ in place.y_ticks], [label for _, label in place.y_ticks]
    if int(plotext.__version__.partition(".")[0]) < 6:
        plotext.clear_figure()
        plotext.limit_size(False, False)
        plotext.plotsize(columns, rows)
        plotext.xaxes(False, False)
        plotext.yaxes(True, False)
        plotext.xlim(0, last_column)
        plotext.ylim(0, last_row)
        plotext.xticks(*x_ticks)
        plotext.yticks(*y_ticks)
        plotext.scatter([0], [0], marker=" ")  # without data it leaves the ticks out
        text = plotext.build()
    else:
        figure = plotext.figure
        figure.clear()
        plotext.terminal.limit(False, False)
        figure.plot_size(columns, rows)
        figure.axes(False)
        figure.axes(True, axis="y", side="left")
        for ruler, last, ticks in (
            (figure.ruler("x", "lower"), last_column, x_ticks),
            (figure.ruler("y", "left"), last_row, y_ticks),
        ):
            ruler.lim(0, last)
            ruler.ticks(*ticks)
        figure.draw(figure.signal([0], [0], marker=" "))
        text = str(figure.build())
    return str(plotext.uncolorize(text))


_HALF = ord("▀")


def paint_pixels(drawn: Frame, pixels: NDArray[np.int32]) -> None:
    """Fill the plotting area with colours, (rows, columns) or two to a cell, (2 · rows, columns).

    Two pixels of one colour become a blank; of two colours, an upper half block.
    """
    cells, area = drawn.cells, drawn.area
    if len(pixels) == drawn.rows:
        cells.bg[area] = pixels
        return
    upper, lower = pixels[0::2], pixels[1::2]
    split = upper != lower
    cells.bg[area] = lower
    cells.code[area][split] = _HALF
    cells.fg[area][split] = upper[split]


def paint_dots(
    drawn: Frame, dots: NDArray[np.bool_], colour: Colour, sign: str = CURVE
) -> NDArray[np.bool_]:
    """Draw a mask of the plotting area's dots: in braille, or in plain a `sign` for each.

    Return the cells (rows, columns) that have dots.
    """
    if not drawn.style.symbols.plain:
        return blit(drawn.cells, drawn.top, drawn.left, dots, colour)
    drawn.cells.code[drawn.area][dots] = ord(sign)
    drawn.cells.fg[drawn.area][dots] = colour
    return dots


def chequered(drawn: Frame) -> NDArray[np.bool_]:
    """Return every other cell (rows, columns), where a texture leaves glyphs and lines readable."""
    grid: NDArray[np.bool_] = (np.arange(drawn.rows)[:, None] + np.arange(drawn.columns)) % 2 == 0
    return grid


def resampled(values: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """Return ``values`` (rows, columns, …) at another resolution, the nearest of each."""
    if values.shape[:2] == (rows, columns):
        return values
    row = (np.arange(rows) * 2 + 1) * values.shape[0] // (2 * rows)
    column = (np.arange(columns) * 2 + 1) * values.shape[1] // (2 * columns)
    nearest: NDArray[np.float64] = values[row[:, None], column]
    return nearest


def upsampled(values: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """Return ``values`` (rows, columns) at another resolution, bilinear between bin centres."""
    first, second, share = _weights(rows, values.shape[0])
    tall = values[first] * (1 - share)[:, None] + values[second] * share[:, None]
    first, second, share = _weights(columns, values.shape[1])
    wide: NDArray[np.float64] = tall[:, first] * (1 - share) + tall[:, second] * share
    return wide


@lru_cache(maxsize=64)
def _weights(n: int, of: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return for each of ``n`` bins its two neighbours among ``of`` and the share of the second."""
    at = np.clip((np.arange(n) + 0.5) * of / n - 0.5, 0, of - 1)
    first = np.minimum(at.astype(np.intp), max(of - 2, 0))
    return first, np.minimum(first + 1, of - 1), at - first
