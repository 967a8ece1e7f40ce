"""Signals that stop a training without an interface, which then ends between two epochs."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from tui_gd.learning.engine import Interrupted
from tui_gd.training.trainer import Trainer

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """The signal that has asked a training to stop; 0 for none yet."""

    signal: int

    def __init__(self, trainer: Trainer) -> None:
        self.signal = 0
        self._trainer = trainer

    def receive(self, number: int, _: FrameType | None) -> None:
        """Stop the training after the current block of rows; leave at once at a second signal."""
        if self.signal:
            self.signal = number
            self.leave()
        self.signal = number
        self._trainer.interrupt = True

    def between_blocks(self) -> None:
        """Abandon the pass in progress if a signal has come."""
        if self.signal:
            raise Interrupted

    def leave(self) -> None:
        """Leave with the signal's exit status."""
        if self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self.signal)


@contextmanager
def stop_on_signals(trainer: Trainer) -> Iterator[StopRequest]:
    """While the context is open, let interrupt, hang-up and termination stop training in order.

    Signals that the process ignores, as under nohup, stay ignored. Python delivers signals to the
    main thread, so on another thread nothing changes.
    """
    request = StopRequest(trainer)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {
        number: signal.signal(number, request.receive)
        for number in STOP_SIGNALS
        if signal.getsignal(number) not in {signal.SIG_IGN, None}
    }
    hook = trainer.engines.between_blocks
    trainer.engines.between_blocks = request.between_blocks
    try:
        yield request
    finally:
        trainer.engines.between_blocks = hook
        trainer.interrupt = False
        for number, handler in before.items():
            signal.signal(number, handler)
