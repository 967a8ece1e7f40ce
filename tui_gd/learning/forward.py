"""Going forward: chunk by chunk, until enough is done, a rule stops it, or it is interrupted."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from tui_gd.learning.descent import Chunk
from tui_gd.learning.lanes import set_learning_rate
from tui_gd.learning.models import Floats
from tui_gd.learning.run import Run
from tui_gd.learning.stops import StopRules

CHUNK_EPOCHS = 1024
CHUNK_BYTES = 8 << 20
# the test losses of a chunk are computed in one go, which nothing interrupts: some 20 ms at most
CHUNK_ROWS = 1 << 21


class Stop(NamedTuple):
    """Why a rule has stopped the run, empty if none has, and at which epoch."""

    why: str = ""
    epoch: float = math.inf


class Forward:
    """Takes a run forward, and keeps what is wanted of it meanwhile, between two blocks of rows.

    `rows` are those of a pass, train or test, whichever are more. `stopped` says which of the
    `rules` stopped the run, and is empty while none did.
    """

    def __init__(self, run: Run, rules: StopRules, rows: int) -> None:
        self._run, self._rules, self._rows = run, rules, max(1, rows)
        self._interrupt = False
        self._depth = 0
        self._filling: Chunk | None = None
        self._wanted: dict[int, float] = {}
        self.begin()

    def begin(self) -> None:
        """Look at the rules from here on as if none had stopped the run."""
        self.stop = Stop()

    @property
    def stop(self) -> Stop:
        """What stopped the run, if anything has; to be set where it is taken back."""
        return Stop(self.stopped, self._stopped_at)

    @stop.setter
    def stop(self, stop: Stop) -> None:
        self.stopped, self._stopped_at = stop

    @property
    def interrupt(self) -> bool:
        """Whether going forward is to end after the epoch in progress."""
        return self._interrupt

    @interrupt.setter
    def interrupt(self, wanted: bool) -> None:
        self._interrupt = self._run.descent.interrupt = wanted

    @property
    def learning_rates(self) -> Floats:
        """The learning rate of every lane's next update that has not begun (lanes,)."""
        epoch = self._run.epoch + (self._filling.done + 1 if self._filling else 0)
        lanes = enumerate(self._run.lanes)
        return np.array([self._wanted.get(i, lane.shown_rate(epoch)) for i, lane in lanes])

    def set_learning_rate(self, rate: float, lane: int) -> None:
        """Let the lane at a position descend with `rate`, from the end of the epoch in progress."""
        if self._depth:
            self._wanted[lane] = rate
            self._run.descent.interrupt = True  # the chunk in progress ends with its epoch
        else:
            set_learning_rate(self._run, rate, lane)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Let learning rates that are set meanwhile, between two blocks, wait until the end."""
        self._depth += 1
        try:
            with self._run.computing():
                yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._settle()

    def _settle(self) -> None:
        wanted, self._wanted = self._wanted, {}
        for lane, rate in wanted.items():
            set_learning_rate(self._run, rate, lane)

    def advance(self, epochs: int) -> int:
        """Go up to `epochs` epochs forward and return how many were done; see `Trainer.advance`."""
        run, begin = self._run, self._run.epoch
        goal = begin + epochs
        self.stopped = ""
        if begin < self._stopped_at:
            self._stopped_at = np.inf
        with self.working():
            while run.epoch < goal and not run.diverged.all():
                self._burst(goal - run.epoch)
                if self._interrupt or self.stopped:
                    break
        return run.epoch - begin

    def resume(self, epoch: int) -> None:
        """Go forward to the epoch at which a run was kept.

        A rule that stops it there has done so before: to go on is to go on without the rules.
        """
        self.advance(epoch - self._run.epoch)
        if self.stopped:
            self._stopped_at = self._run.epoch

    def look_ahead(self) -> Chunk:
        """Return the next epoch without going there; it is used when the run goes on."""
        run = self._run
        while run.ahead is None:
            with self.working():
                chunk = Chunk(1, run.state, run.loss, run.grad)
                rates = self.learning_rates[:, None]
                then = run.methods_then(run.epoch + 1)
                run.descent.fill(chunk, run.state, run.epoch, rates, None, then)
                if not self._wanted:
                    run.ahead = chunk
        return run.ahead

    def _burst(self, most: int) -> None:
        """Do up to `most` epochs, no more than a chunk, with one set of learning rates."""
        run, begin = self._run, self._run.epoch
        run.take_proposals()
        change = min(lane.next_change(begin) for lane in run.lanes)
        most = int(min(most, self._chunk_epochs(), change - begin))
        diverged = run.diverged
        frozen = diverged if diverged.any() else None
        chunk = Chunk(most, run.state, run.loss, run.grad)
        if run.ahead is not None and frozen is None:
            chunk.take(run.ahead)
        run.ahead = None
        rates = self.learning_rates[:, None]
        if not self._interrupt:
            run.descent.interrupt = False
        if self._interrupt:  # set by another thread between the two lines above
            run.descent.interrupt = True
        then = run.methods_then(begin + most)
        self._filling = chunk
        try:
            if chunk.done < most and not (chunk.done and self._interrupt):
                run.descent.fill(chunk, run.state, begin, rates, frozen, then)
        finally:
            self._filling = None
            if chunk.done:
                run.commit(chunk)
        if self._depth == 1:
            self._settle()
        self._look_for_stop(begin + 1, chunk)

    def _chunk_epochs(self) -> int:
        run = self._run
        # a chunk is whole on record when it is looked at
        most = min(CHUNK_EPOCHS, run.keep_epochs or CHUNK_EPOCHS)
        rows = len(run.lanes) * self._rows
        return max(1, min(most, CHUNK_BYTES // run.state.nbytes, CHUNK_ROWS // rows))

    def _look_for_stop(self, first: int, chunk: Chunk) -> None:
        """Stop at the first epoch of the chunk that fulfils a rule, and forget what came after."""
        run = self._run
        if not self._rules or run.epoch < first or self._stopped_at <= run.epoch:
            return  # who goes on after a stop means to
        done, test = run.epoch + 1 - first, run.history.test_loss
        best = []
        if self._rules.patience is not None:
            best = [test.least(lane, first) for lane in range(len(run.lanes))]
        epoch, why = self._rules.reason(
            first, chunk.losses[:done], chunk.norms[:done], test.block(first, run.epoch + 1), best
        )
        if epoch >= 0:
            self._stopped_at = epoch
            if epoch < run.epoch:
                run.move_to(epoch, chunk.states[epoch - first].copy())
                for lane in range(len(run.lanes)):
                    run.forget(lane, epoch)
            self.stopped = why
