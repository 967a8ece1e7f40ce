"""The frame of a plot: box, ticks and labels drawn by plotext, title and legend written on it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tui_gd.plots.cells import SPACE, Cells, fit, width
from tui_gd.plots.colours import Colour
from tui_gd.plots.scale import Scale, tick_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tui_gd.plots.palette import Style

LegendEntry = tuple[str, str, Colour]
"""Text, sample symbol, and the colour of the sample."""
Limits = tuple[float, float, float, float]
"""x from, x to, y from, y to."""

BORDER = 2
"""A box takes this many rows and columns away from its contents."""

_BOX = "─│┌┐└┘├┤┬┴┼"
# plotext keeps state in module-level objects besides the figure, and is not thread-safe.
_PLOTEXT = threading.Lock()


@dataclass(frozen=True)
class Heading:
    """What stands in the top border of a picture."""

    title: str = ""
    legend: tuple[LegendEntry, ...] = ()
    focused: bool = False
    """The picture is the panel that has the focus."""
    key: str = ""
    """The key that shows the panel, before the title."""
    right: str = ""
    """What stands at the right end, where there is room for it."""


@dataclass(frozen=True)
class Axes:
    """The two axes of a plot and what is written beside them."""

    x: Scale
    y: Scale
    x_label: str = ""
    y_label: str = ""

    @classmethod
    def of(cls, limits: Limits, x_label: str = "", y_label: str = "") -> Axes:
        """Return linear axes between limits."""
        return cls(Scale(*limits[:2]), Scale(*limits[2:]), x_label, y_label)


@dataclass(frozen=True)
class Geometry:
    """Where the plotting area lies in a frame, and what stands around it."""

    top: int
    left: int
    rows: int
    columns: int
    boxed: bool
    labelled: bool
    """A row for the axis labels stands below."""
    x_ticks: tuple[tuple[int, str], ...]
    """(column of the plotting area, label)."""
    y_ticks: tuple[tuple[int, str], ...]
    """(row of the plotting area counted from the bottom, label)."""


@dataclass(frozen=True)
class Frame:
    """A drawn frame and the plotting area in it: ``rows`` × ``columns`` from (top, left)."""

    cells: Cells
    top: int
    left: int
    rows: int
    columns: int
    x: Scale
    y: Scale

    @property
    def area(self) -> tuple[slice, slice]:
        """The plotting area as an index of the picture's arrays."""
        return (
            slice(self.top, self.top + self.rows),
            slice(self.left, self.left + self.columns),
        )


def frame(rows: int, columns: int, axes: Axes, heading: Heading, style: Style) -> Frame:
    """Return a new picture with box, ticks, labels, title and legend.

    All but title and legend is cached, so that a number changing in the legend costs nothing.
    Where there is no room, first the axis labels go, then the ticks, then the box with title.
    """
    place = geometry(rows, columns, axes)
    cells = _drawn(max(rows, 0), max(columns, 0), place, style).copy()
    if place.labelled:
        _write_labels(cells, place, axes, style.palette.text)
    if place.boxed:
        _write_heading(cells, place.left, place.left + place.columns, heading, style)
    return Frame(cells, place.top, place.left, place.rows, place.columns, axes.x, axes.y)


def draw_box(rows: int, columns: int, contents: Cells, heading: Heading, style: Style) -> Cells:
    """Return a box of (rows, columns) with a heading and `contents` inside: no axes."""
    palette, symbols = style.palette, style.symbols
    cells = Cells.blank(rows, columns, style)
    upper_left, upper_right, lower_left, lower_right = symbols.corners
    across = symbols.horizontal * max(0, columns - BORDER)
    for row in range(1, rows - 1):
        cells.put(row, 0, symbols.vertical, palette.axis)
        cells.put(row, columns - 1, symbols.vertical, palette.axis)
    cells.put(0, 0, upper_left + across + upper_right, palette.axis)
    cells.put(rows - 1, 0, lower_left + across + lower_right, palette.axis)
    _write_heading(cells, 1, columns - 1, heading, style)
    cells.paste(1, 1, contents)
    return cells


def _write_heading(cells: Cells, left: int, stop: int, heading: Heading, style: Style) -> None:
    """Write title and legend into the top border; entries that do not fit are left out."""
    palette, symbols, title = style.palette, style.symbols, heading.title
    if heading.focused:
        title = f"{symbols.focus} {title}" if title else symbols.focus
    at = left
    if heading.key:
        at = cells.put(0, at, f" {heading.key} ", palette.accent)
    shown = fit(title, stop - at, symbols.plain)
    at = cells.put(0, at, shown, palette.accent if heading.focused else palette.text)
    if heading.right and at + 4 + width(heading.right) <= stop:
        stop -= width(heading.right) + 2
        cells.put(0, stop, f" {heading.right} ", palette.dim)
    for text, sample, colour in heading.legend:
        # A blank, a piece of the border, a blank, the sample, a blank, the text.
        if at + 3 + width(sample) + 1 + width(text) + 1 > stop:
            break
        cells.put(0, at, " ", palette.text)
        cells.put(0, at + 2, " ", palette.text)
        at = cells.put(0, at + 3, sample, colour)
        at = cells.put(0, at, f" {text}", palette.text)
    if at < stop:
        cells.put(0, at, " ", palette.text)


def _write_labels(cells: Cells, place: Geometry, axes: Axes, colour: Colour) -> None:
    row = cells.shape[0] - 1
    at = 0
    if axes.y_label:
        beside = cells.shape[1] - width(axes.x_label) - 2
        y_label = fit(axes.y_label, max(place.columns // 3, beside, 1), cells.plain)
        at = cells.put(row, 0, y_label, colour) + 1
    x_label = fit(axes.x_label, cells.shape[1] - at - 1, cells.plain)
    centre = place.left + (place.columns - width(x_label)) // 2
    cells.put(row, max(centre, at), x_label, colour)


@lru_cache(maxsize=128)
def geometry(rows: int, columns: int, axes: Axes) -> Geometry:
    """Return where the plotting area of a frame of ``rows`` × ``columns`` lies, and its ticks."""
    boxed = rows >= 3 and columns >= 4
    if not boxed:
        return Geometry(0, 0, max(rows, 0), max(columns, 0), False, False, (), ())
    labelled = bool(axes.x_label or axes.y_label) and rows >= 9 and columns >= 16
    ticked = rows >= 6 and columns >= 16
    inner_rows = rows - 2 - ticked - labelled
    y_ticks: tuple[tuple[int, str], ...] = ()
    margin = 0
    if ticked:
        # 1-2-5 steps are unevenly high, so a logarithmic axis takes them closer.
        every = 2 if axes.y.log else 3
        y_ticks = _ticks(axes.y, inner_rows, min(max(inner_rows // every, 2), 9))
        margin = max((len(label) for _, label in y_ticks), default=0)
        if margin > columns // 3:
            y_ticks, margin = (), 0
    inner_columns = columns - 2 - margin
    x_ticks = _ticks(axes.x, inner_columns, max(inner_columns // 11, 2)) if ticked else ()
    return Geometry(1, margin + 1, inner_rows, inner_columns, True, labelled, x_ticks, y_ticks)


def _ticks(scale: Scale, cells: int, n: int) -> tuple[tuple[int, str], ...]:
    """Return cell and label of each tick; of two in one cell the first stays."""
    values = scale.ticks(n)
    labels = tick_labels(values, scale.log)
    taken: dict[int, str] = {}
    for place, label in zip(scale.bins(values, cells).tolist(), labels, strict=True):
        if place >= 0:
            taken.setdefault(place, label)
    return tuple(taken.items())


@lru_cache(maxsize=64)
def _drawn(rows: int, columns: int, place: Geometry, style: Style) -> Cells:
    """Return the coloured frame; not to be changed."""
    cells = Cells.blank(rows, columns, style)
    if not place.boxed:
        return cells
    code = _plotext_codes(rows - place.labelled, columns, place)
    box = np.isin(code, np.array([ord(symbol) for symbol in _BOX], np.uint32))
    if style.symbols.plain:
        code = code.copy()
        for symbol in _BOX:
            code[code == ord(symbol)] = ord({"─": "-", "│": "|"}.get(symbol, "+"))
    cells.code[: len(code)] = code
    cells.fg[: len(code)][box] = style.palette.axis
    return cells


@lru_cache(maxsize=64)
def _plotext_codes(rows: int, columns: int, place: Geometry) -> NDArray[np.uint32]:
    """Let plotext draw box and ticks; code points of shape (rows, columns), not to be changed.

    It is given cell numbers instead of values, so that a tick stands exactly where the data
    drawn by us does, whatever the scale.
    """
    with _PLOTEXT:
        figure = _figure(rows, columns)
        figure.xlim(0, max(place.columns - 1, 1))
        figure.ylim(0, max(place.rows - 1, 1))
        # Without data plotext leaves the ticks out.
        figure.scatter([0], [0], marker=" ")
        # Even without ticks they are given: plotext would choose its own.
        figure.xticks([at for at, _ in place.x_ticks], [label for _, label in place.x_ticks])
        figure.yticks([at for at, _ in place.y_ticks], [label for _, label in place.y_ticks])
        figure._build_matrix()
        lines = figure.monitor.matrix.marker[::-1]
    code = np.full((rows, columns), SPACE, np.uint32)
    for line, markers in zip(code, lines, strict=False):
        line[: len(markers)] = [ord(marker) for marker in markers[:columns]]
    code.setflags(write=False)
    return code


def _figure(rows: int, columns: int) -> Any:
    """Return an own plotext figure of fixed size that never looks at the terminal.

    plotext's module functions share one figure whose size follows the terminal's.
    """
    from plotext._figure import _figure_class  # 40 ms: not at import

    class Figure(_figure_class):  # type: ignore[misc]
        def _set_master(self) -> None:
            self._limit_size(False, False)
            self._set_terminal_size(columns, rows + 1)
            self._set_size(columns, rows)
            self._time = None
            self._dummy = _figure_class(self._master, self._master)
            self.monitor.set_size(self._size)
            self._dummy.monitor.set_size(self._size)
            self._set_interactive(False)

    figure = Figure()
    figure._set_sizes()
    return figure
