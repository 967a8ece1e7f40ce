"""A widget that shows an array of cells and has only the changed ones sent."""

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tui_gd.plots.cells import Cells, changed_spans
from tui_gd.plots.colours import RGB, Colour, is_bold, regular


@lru_cache(maxsize=4096)
def _style(fg: Colour, bg: Colour) -> Style:
    return Style(color=_colour(regular(fg)), bgcolor=_colour(bg), bold=is_bold(fg) or None)


def _colour(colour: Colour) -> Color:
    if colour < 0:
        return Color.default()
    if colour < RGB:
        return Color.from_ansi(colour)
    return Color.from_rgb(colour >> 16 & 255, colour >> 8 & 255, colour & 255)


class CellView(Widget):
    """Shows cells as they are: exact palette numbers, no theme, no rounding of colours."""

    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._cells: Cells | None = None
        # rows drawn for the width there was: Textual asks for all rows whenever one has changed
        self._strips: dict[int, Strip] = {}
        self._strips_width = 0

    @property
    def cells(self) -> Cells | None:
        """What is shown."""
        return self._cells

    def show(self, cells: Cells) -> None:
        """Show these cells; where nothing has changed, nothing is sent."""
        spans = changed_spans(self._cells, cells)
        if self._cells is not None and self._cells.shape == cells.shape:
            for row, _, _ in spans:
                self._strips.pop(row, None)
        else:
            self._strips.clear()
        self._cells = cells
        if spans:
            self.refresh(*(Region(start, row, stop - start, 1) for row, start, stop in spans))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of `crop`, past Textual's cache of styled lines and its filters.

        Its filters would turn palette numbers into true colour.
        """
        width = self.size.width
        if width != self._strips_width:
            self._strips.clear()
            self._strips_width = width
        return [self._strip(y).crop(crop.x, crop.right) for y in crop.line_range]

    def _strip(self, y: int) -> Strip:
        """Return the row at `y`, the one made before while nothing in it has changed."""
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = self._new_strip(y)
        return strip

    def _new_strip(self, y: int) -> Strip:
        cells, width = self._cells, self.size.width
        if cells is None or y >= cells.shape[0] or not cells.shape[1]:
            return Strip([Segment(" " * width, _style(-1, -1))], width)
        code, fg, bg = cells.code[y], cells.fg[y], cells.bg[y]
        edges = np.flatnonzero((fg[1:] != fg[:-1]) | (bg[1:] != bg[:-1])) + 1
        starts = [0, *edges.tolist()]
        # the second cell of a double-width character has code 0, and no text
        text = "".join(map(chr, code.tolist()))
        segments = []
        for start, stop, fore, back in zip(
            starts, [*starts[1:], len(code)], fg[starts].tolist(), bg[starts].tolist(), strict=True
        ):
            if part := text[start:stop].replace("\0", ""):
                segments.append(Segment(part, _style(fore, back)))
        return Strip(segments, len(code)).adjust_cell_length(width, _style(-1, -1))


def picture_of(screen: Screen[Any]) -> CellView | None:
    """Return the picture that a screen is; None before it is laid out and once it is closed."""
    return next(iter(screen.query(CellView)), None)
