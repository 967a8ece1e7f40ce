"""A bare Textual app with a training thread: what gd-tui would be without its hardening.

It does what Textual's guide shows: a worker thread trains, a timer draws ten times a second, and
the run is written after `run()`. `test_both_apps.py` provokes it as it does gd-tui.
"""

import os
import sys
import time
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

# of a region of the data, as gd-tui has it in true colour
RED = "#c0392b"


class Plot(Widget):
    """A screen full of the characters of curves."""

    def render_line(self, y: int) -> Strip:
        """Draw a row: a red cell, and braille that is in no particular style."""
        line = "".join(chr(0x2801 + (column * y) % 255) for column in range(self.size.width - 1))
        return Strip([Segment(" ", Style(bgcolor=RED)), Segment(line)])


class BareApp(App[None]):
    """`.` is an epoch, space trains on a thread, q quits."""

    CSS = "Static { height: 1; } Plot { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        (".", "step", ""),
        ("space", "train", ""),
        ("q", "quit", ""),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.epoch, self.training = 0, False

    def compose(self) -> ComposeResult:
        """Say where the run stands, and plot."""
        yield Static(self.status(), markup=False)
        yield Plot()

    def status(self) -> str:
        """The first row, in the words of gd-tui."""
        state = "RUNNING" if self.training else "PAUSED"
        return f"{state}  epoch {self.epoch}/100  train loss {1 / (1 + self.epoch):.8g}  α 0.01"

    def train(self) -> None:
        """An epoch each hundredth of a second."""
        while self.training:
            self.advance()
            time.sleep(0.01)

    def advance(self) -> None:
        """One epoch."""
        self.epoch += 1

    def show(self) -> None:
        """Draw where it stands."""
        self.query_one(Static).update(self.status())
        self.query_one(Plot).refresh()

    def on_mount(self) -> None:
        """Draw ten times a second."""
        self.set_interval(0.1, self.show)

    def action_step(self) -> None:
        """One epoch."""
        self.advance()
        self.show()

    def action_train(self) -> None:
        """Train until told to stop."""
        self.training = True
        self.run_worker(self.train, thread=True)


def main() -> int:
    """Run it, then save; return the exit status."""
    app = BareApp()
    app.run()
    (Path(os.environ["GD_TUI_DATA"]) / "saved").write_text(str(app.epoch), encoding="ascii")
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
