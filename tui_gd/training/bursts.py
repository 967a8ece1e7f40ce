"""Bursts: training goes forward a few epochs at a time, so that something else is done between."""

import time
from collections.abc import Callable, Iterator

from tui_gd.training.trainer import Trainer

LONGEST = 1 << 20
"""So many epochs are in a burst at most."""


class Bursts:
    """Takes `trainer` forward in bursts of about `seconds`, of at most `longest` epochs.

    The first burst is one epoch, and none is more than twice as long as the one before. What the
    thread waits for does not count, as it says nothing of how long an epoch takes.
    `epoch_seconds` is the time that an epoch of the last burst took.
    """

    epoch_seconds: float

    def __init__(self, trainer: Trainer, seconds: float, longest: int = LONGEST) -> None:
        self.epoch_seconds = 0.0
        self._trainer, self._seconds, self._longest = trainer, seconds, longest
        self._epochs = 1

    def once(self, goal: int, most: int = LONGEST) -> int:
        """Do one burst, of at most `most` epochs and not beyond epoch `goal`; return its epochs.

        As `Trainer.advance` it may do fewer, or raise `Interrupted`.
        """
        trainer, begin = self._trainer, time.thread_time()
        done = trainer.advance(min(self._epochs, most, goal - trainer.epoch))
        took = max(time.thread_time() - begin, 1e-9)
        if done:
            self.epoch_seconds = took / done
        fitting = int(done * self._seconds / took)
        self._epochs = max(1, min(2 * self._epochs, fitting, self._longest))
        return done

    def to(
        self, goal: int, wanted: Callable[[], bool] = lambda: True, *, past_stops: bool = False
    ) -> Iterator[int]:
        """Yield the epoch after each burst until `goal` is reached.

        It ends before that when all lanes have diverged, when a stop rule is fulfilled, unless it
        goes on `past_stops`, or when `wanted()` is false, which is called before each burst.
        """
        trainer = self._trainer
        while trainer.epoch < goal and not trainer.diverged.all() and wanted():
            self.once(goal)
            yield trainer.epoch
            if trainer.stopped and not past_stops:
                return


class Every:
    """Says about every so many seconds that it is time; the first time so long after it is made."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last = seconds, time.perf_counter()

    def __call__(self) -> bool:
        """Return whether so much time has passed since it last was time."""
        now = time.perf_counter()
        due = now - self._last >= self._seconds
        if due:
            self._last = now
        return due
