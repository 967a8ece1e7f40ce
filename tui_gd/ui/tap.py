"""Asks a run where it stands, on the thread that drives it, and hands it on to be kept."""

import threading
from collections.abc import Callable

from tui_gd.learning.standing import Standing
from tui_gd.learning.trainer import Trainer
from tui_gd.ui.shelf import RunKeeper

# one pass over the data may take so long
PATIENCE_SECONDS = 30.0


class StandingTap:
    """Passes what a runner tells on to `keeper`, and takes a copy of the run when asked to."""

    def __init__(self, keeper: RunKeeper | None = None) -> None:
        self.keeper = keeper
        self._asking = threading.Lock()
        self._wanted = False
        self._answered = threading.Event()
        self._standing: Standing | None = None

    def take(self, trainer: Trainer, state: str, seed: int) -> None:
        """Pass on; called on the runner's thread."""
        if self._wanted:
            self._wanted = False
            self._standing = trainer.standing(seed)
            self._answered.set()
        if self.keeper:
            self.keeper.take(trainer, state, seed)

    def ask(self, prod: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> Standing | None:
        """Return where the run stands; None if the runner has not said so within `seconds`.

        `prod` has the runner tell of the run soon. Not to be called on the interface's thread.
        """
        with self._asking:
            self._answered.clear()
            self._standing = None
            self._wanted = True
            prod()
            self._answered.wait(seconds)
            self._wanted = False
            standing, self._standing = self._standing, None
            return standing
