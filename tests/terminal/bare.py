"""A bare Textual app with a training thread: what gd-tui would be without its hardening.

With `GD_TUI_TEST_BARE=1` the tests of survival run it in gd-tui's place, to see that they fail.
"""

import sys
import threading
import time
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import Static


class BareApp(App[None]):
    """`.` is an epoch, space trains on a thread, q quits."""

    BINDINGS: ClassVar[list[BindingType]] = [
        (".", "step", ""),
        ("space", "train", ""),
        ("q", "quit", ""),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.epoch, self.training = 0, False
        self.thread = threading.Thread(target=self.train, daemon=True)

    def compose(self) -> ComposeResult:
        """Say where the run stands."""
        yield Static(self.status(), markup=False)

    def status(self) -> str:
        """The first row, in the words of gd-tui."""
        state = "RUNNING" if self.training else "PAUSED"
        return f"{state}  epoch {self.epoch}/100  loss {1 / (1 + self.epoch):.8g}  α 0.01"

    def train(self) -> None:
        """An epoch each hundredth of a second."""
        while self.training:
            self.epoch += 1
            time.sleep(0.01)

    def show(self) -> None:
        """Draw the status."""
        self.query_one(Static).update(self.status())

    def on_mount(self) -> None:
        """Draw ten times a second."""
        self.set_interval(0.1, self.show)

    def action_step(self) -> None:
        """One epoch."""
        self.epoch += 1
        self.show()

    def action_train(self) -> None:
        """Train until told to stop."""
        self.training = True
        self.thread.start()


if __name__ == "__main__":
    BareApp().run()
    sys.exit(0)
