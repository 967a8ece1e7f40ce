"""What all panels share: a view of the run, and how a panel is drawn from it."""

import math
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from textual import events
from textual.message import Message

from tui_gd.learning.prediction import Predictor
from tui_gd.plots.cells import Cells
from tui_gd.plots.palette import Palette, Symbols
from tui_gd.problems import Problem
from tui_gd.settings import RunSettings
from tui_gd.snapshot import RunState, Snapshot
from tui_gd.ui.cellview import CellView


@dataclass(frozen=True, eq=False)
class View:
    """All that a panel is drawn from: the run at one moment, and the terminal's means."""

    snapshot: Snapshot
    problem: Problem
    predictor: Predictor
    settings: RunSettings
    palette: Palette
    symbols: Symbols


class Panel(CellView, can_focus=True):
    """A panel: draws a view as cells, and answers keys that move within it."""

    NAME: ClassVar[str] = ""
    # while a run goes on, the panel is drawn no more often than its numbers can be read
    READING_SECONDS: ClassVar[float] = 0.0

    class Changed(Message):
        """The panel has another size, or got or lost the focus: it is to be drawn again."""

    @dataclass
    class Moved(Message):
        """The selection within a panel is to be moved."""

        panel: "Panel"
        by: int

    def __init__(self) -> None:
        super().__init__(id=self.NAME)
        self.cursor_on = False
        self._drawn_at = -math.inf

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the panel's picture."""
        raise NotImplementedError

    def draw_now(self, view: View) -> None:
        """Draw the view at the panel's size; what has not changed is not sent."""
        now = time.monotonic()
        running = view.snapshot.state is RunState.RUNNING
        if running and now - self._drawn_at < self.READING_SECONDS:
            return
        self._drawn_at = now
        if self.display and self.size:
            # the numbers of a diverged run overflow, and a warning would be written on the screen
            with np.errstate(all="ignore"):
                self.show(self.draw(view, self.size.height, self.size.width))

    def move(self, by: int) -> None:
        """Ask for the selection to be moved."""
        self.post_message(self.Moved(self, by))

    def moved(self, by: int, view: View) -> int:
        """Move the selection within the panel; return by how many lanes to move instead."""
        del by, view
        return 0

    def scroll_by(self, pages: int) -> None:
        """Scroll what does not fit."""

    def begin_cursor(self, view: View) -> bool:
        """Put a cursor into the plot; return whether this panel can have one."""
        del view
        return False

    def end_cursor(self) -> None:
        """Take the cursor away."""
        self.cursor_on = False

    def move_cursor(self, across: int, down: int, view: View) -> None:
        """Move the cursor by one step; `across` and `down` are −1, 0 or 1."""

    def on_resize(self, _: events.Resize) -> None:
        """Ask for a new picture."""
        self.post_message(self.Changed())

    def on_focus(self) -> None:
        """Ask for a new picture: the title shows the focus."""
        self.post_message(self.Changed())

    def on_blur(self) -> None:
        """Ask for a new picture: the title shows the focus."""
        self.post_message(self.Changed())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move as the key down does."""
        event.stop()
        self.move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move as the key up does."""
        event.stop()
        self.move(-1)
