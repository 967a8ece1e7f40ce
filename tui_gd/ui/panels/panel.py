"""What all panels share: a view of the run, and how a panel is drawn from it."""

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.message import Message

from tui_gd.learning.prediction import Predictor
from tui_gd.plots.cells import Cells
from tui_gd.plots.palette import Palette, Symbols
from tui_gd.problems import Problem
from tui_gd.runner import Snapshot
from tui_gd.settings import RunSettings
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

    class SizeChanged(Message):
        """The panel has another size and is to be drawn again."""

    def __init__(self) -> None:
        super().__init__(id=self.NAME)

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the panel's picture."""
        raise NotImplementedError

    def draw_now(self, view: View) -> None:
        """Draw the view at the panel's size; what has not changed is not sent."""
        if self.display and self.size:
            self.show(self.draw(view, self.size.height, self.size.width))

    def move(self, by: int, view: View) -> int | None:
        """Move the selection within the panel; return a lane's number to make it current."""
        del by, view
        return None

    def on_resize(self, _: events.Resize) -> None:
        """Ask for a new picture."""
        self.post_message(self.SizeChanged())

    def on_focus(self) -> None:
        """Ask for a new picture: the title shows the focus."""
        self.post_message(self.SizeChanged())

    def on_blur(self) -> None:
        """Ask for a new picture: the title shows the focus."""
        self.post_message(self.SizeChanged())
