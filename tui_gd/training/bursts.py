"""Driving trainers: in bursts of a few epochs, side by side, and until a signal asks them to stop.

Between bursts there is time for other work. A signal ends training between two epochs.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.engine import (
    BLOCK_BYTES,
    Interrupted,
    LocalEngine,
    StackedEngine,
    computing,
    interrupting,
)
from tui_gd.training.descent import Chunk, Descent
from tui_gd.training.trainer import CHUNK_BYTES, Trainer

LONGEST = 1 << 20
"""The most epochs in one burst."""
MOST_LANES = 32
"""More runs side by side would hardly be faster, and each has its curves in memory."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SideBySide:
    """Several runs whose epochs are computed together: each trainer is a lane of one descent.

    The trainers stand at epoch 0 and have one lane each and equal settings, learning rate and l2
    aside; `possible` must be true of them. Each keeps its own history and test losses and stops by
    its own rules, all with the bits that it has alone. A run that has ended stays where it is, and
    the others go on. `interrupt` may be set from another thread.
    """

    trainers: Sequence[Trainer]
    interrupt: bool

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        self.trainers, self.interrupt = trainers, False
        for one in trainers:  # together they keep no more than one run would
            one.history.keyframes.budget //= len(trainers)
        self._going: list[Trainer] = []
        self._keep(sorted(trainers, key=lambda one: _engine(one).stack_kind))

    @staticmethod
    def possible(trainers: Sequence[Trainer]) -> bool:
        """Whether trainers of such settings gain from being side by side.

        They have one model, and no mini-batches, whose rows differ. All data with their buffers
        take no more than a block of rows does: beyond that, passes wait for memory.
        """
        engines = [one.engine for one in trainers]
        sizes = [one.stack_bytes for one in engines if isinstance(one, LocalEngine)]
        return (
            len(sizes) == len(engines) <= MOST_LANES
            and sum(sizes) <= BLOCK_BYTES
            and all(one.model == trainers[0].model for one in trainers)
            and not any(one.descent.batches.size for one in trainers)
        )

    @property
    def epoch(self) -> int:
        """The epoch of the runs that go on, or where the last of them has ended."""
        return max(trainer.epoch for trainer in self.trainers)

    @property
    def stopped(self) -> str:
        """Words if no run goes on, empty as long as one does."""
        return "" if self._going else "every run has ended"

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Which of the runs (runs,) cannot go on with finite numbers."""
        return np.array([one.diverged.all() for one in self.trainers])

    def advance(self, epochs: int = 1) -> int:
        """Go up to `epochs` epochs forward and return how many the runs that go on have done.

        Fewer are done when all have ended, and when `interrupt` is set, at the end of a chunk.
        """
        begin, goal = self.epoch, self.epoch + epochs
        with computing():
            while self._going and self.epoch < goal and not self.interrupt:
                self._advance_chunk(goal - self.epoch)
        return self.epoch - begin

    def _advance_chunk(self, most: int) -> None:
        going = self._going
        lengths, states = zip(*(one.next_chunk(most) for one in going), strict=True)
        state = np.concatenate(states)
        loss = np.concatenate([one.loss for one in going])
        grad = np.concatenate([one.grad for one in going])
        chunk = Chunk(min(*lengths, max(1, CHUNK_BYTES // state.nbytes)), state, loss, grad)
        rates = np.concatenate([one.learning_rates for one in going])[:, None]
        self._descent.fill(chunk, state, self.epoch, rates, None)
        for lane, one in enumerate(going):
            one.advance_by(chunk.of_lane(lane))
        self._keep(going)

    def _keep(self, trainers: Sequence[Trainer]) -> None:
        """Go on with those of the trainers that have not ended."""
        going = [one for one in trainers if not (one.stopped or one.diverged.all())]
        if going and len(going) != len(self._going):
            first = going[0].descent
            engine = StackedEngine([_engine(one) for one in going])
            methods = [first.methods[0]] * len(going)
            self._descent = Descent(lambda _: engine, methods, first.batches, first.schedule)
            self._descent.record_norms = first.record_norms
        self._going = going


def _engine(trainer: Trainer) -> LocalEngine:
    assert isinstance(trainer.engine, LocalEngine)
    return trainer.engine


class Bursts:
    """Advances `trainer` in bursts of about `seconds` seconds and at most `longest` epochs.

    The first burst is one epoch; none has more than twice the epochs of the one before. Only the
    thread's own computing time counts, because waiting does not tell how long an epoch takes.
    """

    def __init__(
        self, trainer: Trainer | SideBySide, seconds: float, longest: int = LONGEST
    ) -> None:
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


def bursts_while(
    wanted: Callable[[], bool], trainer: Trainer, goal: int, seconds: float, longest: int = LONGEST
) -> Iterator[int]:
    """Yield the epoch after each burst, as `Bursts.to` does.

    `Interrupted` is raised once `wanted()` is false. It is called between blocks of rows too, by
    the trainer's `between_blocks`, which stays set.
    """
    look = trainer.engines.between_blocks = interrupting(wanted)
    look()
    for epoch in Bursts(trainer, seconds, longest).to(goal):
        look()
        yield epoch


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

    def __init__(self, trainer: Trainer | SideBySide) -> None:
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
