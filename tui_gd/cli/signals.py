"""Signals that ask a training without an interface to end: it ends between two epochs."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from tui_gd.learning.engine import Interrupted
from tui_gd.training.trainer import Trainer

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Leave:
    """Which signal has asked to leave; 0 for none yet."""

    def __init__(self, trainer: Trainer) -> None:
        self.signal = 0
        self._trainer = trainer

    def ask(self, number: int, _: FrameType | None) -> None:
        """Have the training end after the block of rows in progress; at once if asked again."""
        if self.signal:
            self.signal = number
            self.go()
        self.signal = number
        self._trainer.interrupt = True

    def between_blocks(self) -> None:
        """Give the pass in progress up if asked to."""
        if self.signal:
            raise Interrupted

    def go(self) -> None:
        """Leave with the status that the signal has."""
        if self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self.signal)


@contextmanager
def leaving(trainer: Trainer) -> Iterator[Leave]:
    """While the context is open, let interrupt, hang-up and termination end a training in order.

    What this process was told to ignore, as by nohup, stays ignored. Signals reach the main thread
    only: in another nothing is changed.
    """
    leave = Leave(trainer)
    if threading.current_thread() is not threading.main_thread():
        yield leave
        return
    before = {
        number: signal.signal(number, leave.ask)
        for number in ASKING
        if signal.getsignal(number) not in {signal.SIG_IGN, None}
    }
    hook = trainer.engines.between_blocks
    trainer.engines.between_blocks = leave.between_blocks
    try:
        yield leave
    finally:
        trainer.engines.between_blocks = hook
        trainer.interrupt = False
        for number, handler in before.items():
            signal.signal(number, handler)
