"""The widgets that show what is drawn: one for a panel, one for the lines around the panels."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui_gd.plots.cells import Cells, changed_spans
from tui_gd.plots.palette import RGB, Colour, is_bold, regular
from tui_gd.session.snapshot import RunState
from tui_gd.ui.keys import target
from tui_gd.ui.panels.lines import Lines
from tui_gd.ui.panels.panel import Panel, View


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
    """Shows `cells` exactly: palette numbers as they are, no theme, no rounded colours."""

    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.cells: Cells | None = None
        # rows drawn at the current width: Textual asks for all rows whenever one of them changes
        self._strips: dict[int, Strip] = {}
        self._strips_width = 0

    def show(self, cells: Cells) -> None:
        """Show these cells; unchanged cells send nothing."""
        spans = changed_spans(self.cells, cells)
        if self.cells is not None and self.cells.shape == cells.shape:
            for row, _, _ in spans:
                self._strips.pop(row, None)
        else:
            self._strips.clear()
        self.cells = cells
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
        """Return the row at `y`; reuse the last one until something in it changes."""
        if y not in self._strips:
            self._strips[y] = self._new_strip(y)
        return self._strips[y]

    def _new_strip(self, y: int) -> Strip:
        cells, width = self.cells, self._strips_width
        if cells is None or y >= cells.shape[0] or not cells.shape[1]:
            return Strip([Segment(" " * width, _style(-1, -1))], width)
        code, fg, bg = cells.code[y], cells.fg[y], cells.bg[y]
        edges = np.flatnonzero((fg[1:] != fg[:-1]) | (bg[1:] != bg[:-1])) + 1
        starts = [0, *edges.tolist()]
        # the second cell of a double-width character has code 0, and no text
        text = code.astype("<u4").tobytes().decode("utf-32-le")
        stops, colours = [*edges.tolist(), len(code)], (fg[starts].tolist(), bg[starts].tolist())
        segments = [
            Segment(part, _style(fore, back))
            for start, stop, fore, back in zip(starts, stops, *colours, strict=True)
            if (part := text[start:stop].replace("\0", ""))
        ]
        return Strip(segments, len(code)).adjust_cell_length(width, _style(-1, -1))


class LinesWidget(CellView):
    """Shows lines; a click on one of their places performs its action."""

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self._places: tuple[tuple[int, int, int, str], ...] = ()
        self._drawn: tuple[object, ...] = ()

    def show_lines(self, draw: Callable[..., Lines], *about: object) -> None:
        """Show the lines that `draw(*about)` returns; do nothing if they show the same already."""
        if (draw, *about) != self._drawn:
            self._drawn = (draw, *about)
            lines = draw(*about)
            self._places = lines.places
            self.show(lines.cells)

    async def on_click(self, event: events.Click) -> None:
        """Perform the action of the clicked place."""
        for row, start, stop, action in self._places:
            if row == event.y and start <= event.x < stop:
                await self.screen.run_action(target(action))
                return


class PanelWidget(CellView, can_focus=True):
    """Shows one panel; the widget's id is the panel's name."""

    class Changed(Message, namespace="panel"):
        """The widget has changed its size, or gained or lost the focus: draw it again."""

    @dataclass
    class Wheeled(Message, namespace="panel"):
        """The wheel turned over a cell of the panel: up is 1, down −1."""

        panel: Panel
        x: int
        y: int
        up: int

    @dataclass
    class Clicked(Message, namespace="panel"):
        """A cell of the panel was clicked."""

        panel: Panel
        x: int
        y: int

    @dataclass
    class Dragged(Message, namespace="panel"):
        """The pointer dragged the plot by a share of its width."""

        panel: Panel
        share: float

    def __init__(self, panel: Panel) -> None:
        super().__init__(id=panel.NAME)
        self.panel = panel
        self._drawn_at = -math.inf
        self._held = self._dragging = self._focusing = False

    def draw_now(self, view: View) -> None:
        """Draw the view at the widget's size; unchanged cells send nothing."""
        now = time.monotonic()
        running = view.snapshot.state is RunState.RUNNING
        if running and now - self._drawn_at < self.panel.READING_SECONDS:
            return
        self._drawn_at = now
        if self.display and self.size:
            self.panel.focused = self.has_focus
            # the numbers of a diverged run overflow; numpy's warning would land on the screen
            with np.errstate(all="ignore"):
                self.show(self.panel.draw(view, self.size.height, self.size.width))

    def on_resize(self, _: events.Resize) -> None:
        """Ask for a new picture."""
        self.post_message(self.Changed())

    def on_focus(self) -> None:
        """Ask for a new picture: the frame shows the focus."""
        self.post_message(self.Changed())
        # the event of the button that gave the focus is already queued, and this one follows it
        self._focusing = True
        self.call_later(self._end_focusing)

    def _end_focusing(self) -> None:
        self._focusing = False

    def on_blur(self) -> None:
        """Ask for a new picture: the frame shows the focus."""
        self.post_message(self.Changed())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out of a plot, or move as the key down does."""
        event.stop()
        self.post_message(self.Wheeled(self.panel, event.x, event.y, -1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom into a plot, or move as the key up does."""
        event.stop()
        self.post_message(self.Wheeled(self.panel, event.x, event.y, 1))

    def on_mouse_down(self) -> None:
        """Remember that the pointer has not moved yet, and whether this button gave the focus."""
        self._held, self._dragging, self.panel.click_focused = True, False, self._focusing

    def on_mouse_up(self) -> None:
        """Remember that the button is up: urxvt reports it as held in later movements, too."""
        self._held = False

    def on_click(self, event: events.Click) -> None:
        """Hand on a click; a button released after a drag is not a click."""
        if not self._dragging:
            self.post_message(self.Clicked(self.panel, event.x, event.y))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Pan while the button is down."""
        held = self._held and event.button
        self._dragging |= bool(held and (event.delta_x or event.delta_y))
        if held and event.delta_x and self.size.width:
            self.post_message(self.Dragged(self.panel, -event.delta_x / self.size.width))
