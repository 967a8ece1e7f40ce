"""Driving a trainer: in bursts of a few epochs, and until a signal asks it to stop.

Between bursts there is time for other work. A signal ends training between two epochs.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tui_gd.learning.engine import Interrupted
from tui_gd.training.trainer import Trainer

LONGEST = 1 << 20
"""The most epochs in one burst."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Bursts:
    """Advances `trainer` in bursts of about `seconds` seconds and at most `longest` epochs.

    The first burst is one epoch; none has more than twice the epochs of the one before. Only the
    thread's own computing time counts, because waiting does not tell how long an epoch takes.
    """

    def __init__(self, trainer: Trainer, seconds: float, longest: int = LONGEST) -> None:
        self._trainer, self._seconds, self._longest = trainer, seconds, longest
        self._epochs = 1

    def once(self, goal: int, most: int = LONGEST) -> int:
        """Do one burst of at most `most` epochs, up to epoch `goal`; return how many were done.

        Like `Trainer.advance`, it may do fewer or raise `Interrupted`.
        """
        trainer, begin = self._trainer, time.thread_time()
        done = trainer.advance(min(self._epochs, most, goal - trainer.epoch))
        took = max(time.thread_time() - begin, 1e-9)
        fitting = int(done * self._seconds / took)
        self._epochs = max(1, min(2 * self._epochs, fitting, self._longest))
        return done

    def to(
        self, goal: int, wanted: Callable[[], bool] = lambda: True, *, past_stops: bool = False
    ) -> Iterator[int]:
        """Yield the epoch after each burst until `goal` is reached.

        It ends early when all lanes have diverged, when a stop rule applies (unless `past_stops`),
        or when `wanted()`, which is called before each burst, returns false.
        """
        trainer = self._trainer
        while trainer.epoch < goal and not trainer.diverged.all() and wanted():
            self.once(goal)
            yield trainer.epoch
            if trainer.stopped and not past_stops:
                return


class Every:
    """A clock that is due every `seconds` seconds, for the first time that long after its start."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last = seconds, time.perf_counter()

    def __call__(self) -> bool:
        """Return whether it is due; if so, start the next interval."""
        now = time.perf_counter()
        due = now - self._last >= self._seconds
        if due:
            self._last = now
        return due


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
    """While the context is open, let `STOP_SIGNALS` stop training in order; see `receiving`."""
    request, hook = StopRequest(trainer), trainer.engines.between_blocks
    with receiving(request.receive):
        trainer.engines.between_blocks = request.between_blocks
        try:
            yield request
        finally:
            trainer.engines.between_blocks = hook
            trainer.interrupt = False


@contextmanager
def receiving(receive: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let `receive` handle `STOP_SIGNALS` while the context is open.

    Signals that the process ignores, as under nohup, stay ignored. Python delivers signals to the
    main thread, so on another thread nothing changes.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in STOP_SIGNALS:
            if signal.getsignal(number) not in {signal.SIG_IGN, None}:
                before[number] = signal.signal(number, receive)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
