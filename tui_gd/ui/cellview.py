"""A widget that shows an array of cells and has only the changed ones sent."""

from functools import lru_cache
from itertools import pairwise

import numpy as np
from rich.color import Color
from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui_gd.plots.cells import RGB, Cells, Colour, changed_spans


@lru_cache(maxsize=4096)
def _style(fg: Colour, bg: Colour) -> Style:
    return Style(color=_colour(fg), bgcolor=_colour(bg))


def _colour(colour: Colour) -> Color:
    if colour < 0:
        return Color.default()
    if colour < RGB:
        return Color.from_ansi(colour)
    return Color.from_rgb(colour >> 16 & 255, colour >> 8 & 255, colour & 255)


class CellView(Widget):
    """Shows cells as they are: exact palette numbers, no theme, no rounding of colours."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._cells: Cells | None = None

    @property
    def cells(self) -> Cells | None:
        """What is shown."""
        return self._cells

    def show(self, cells: Cells) -> None:
        """Show these cells; where nothing has changed, nothing is sent."""
        spans = changed_spans(self._cells, cells)
        self._cells = cells
        if spans:
            self.refresh(*(Region(start, row, stop - start, 1) for row, start, stop in spans))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of `crop`, past Textual's cache of styled lines and its filters.

        Its filters would turn palette numbers into true colour.
        """
        return [self._strip(y).crop(crop.x, crop.right) for y in crop.line_range]

    def _strip(self, y: int) -> Strip:
        cells, width = self._cells, self.size.width
        if cells is None or y >= cells.shape[0]:
            return Strip([Segment(" " * width, _style(-1, -1))], width)
        code, fg, bg = cells.code[y], cells.fg[y], cells.bg[y]
        edges = np.flatnonzero((fg[1:] != fg[:-1]) | (bg[1:] != bg[:-1])) + 1
        bounds = [0, *edges.tolist(), len(code)]
        segments = []
        for start, stop in pairwise(bounds):
            text = "".join(map(chr, filter(None, code[start:stop].tolist())))
            if text:
                segments.append(Segment(text, _style(int(fg[start]), int(bg[start]))))
        return Strip(segments, len(code)).adjust_cell_length(width, _style(-1, -1))


class ExactUpdate(ChopsUpdate):
    """Textual's partial update, but each span is sent from where it begins.

    Textual 8.2 sends a changed span from the left edge of its widget on, and a newline after
    every span.
    """

    def render_segments(self, console: Console) -> str:
        """Return the control sequences that paint the changed spans."""
        parts: list[str] = []
        for y, x1, x2 in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= x2 or end <= x1:
                    continue
                start, stop = max(x, x1), min(end, x2)
                parts.append(Control.move_to(start, y).segment.text)
                parts.append(strip.crop(start - x, stop - x).render(console))
        return "".join(parts)
