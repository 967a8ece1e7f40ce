"""A run at rest: where its lanes are, and all that is on record of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.blas import computing
from tui_gd.learning.descent import Chunk, Descent
from tui_gd.learning.engines import Engines
from tui_gd.learning.evaluation import Evaluation
from tui_gd.learning.history import History, Lane, Method
from tui_gd.learning.models import Floats
from tui_gd.learning.optimizers import Optimizer


@dataclass(frozen=True, eq=False)
class Stand:
    """Where a run is, with its history, to be taken back to; what it holds is not copied."""

    history: History
    evaluation: Evaluation
    epoch: int
    state: Floats
    loss: Floats
    grad: Floats


class Run:
    """The lanes of a run after `epoch` epochs, with their history.

    `state` (lanes, 1 + slots, parameters) has the weights in slot 0; it is replaced, never written
    to. `loss` (lanes,) and `grad` (lanes, parameters), the direction g of the next update, belong
    to it. `ahead` is the epoch after `epoch`, where that is computed already and would still come
    out like this. The next new lane gets `next_number`; `current` is the number of the lane that is
    looked at most closely. `make_optimizer` makes one by its name.

    A pass over the data may raise `Interrupted`: the run is then where it was.
    """

    epoch: int
    state: Floats
    loss: Floats
    grad: Floats
    history: History
    evaluation: Evaluation
    ahead: Chunk | None

    def __init__(
        self,
        engines: Engines,
        descent: Descent,
        start: Floats,
        lanes: list[Lane],
        *,
        make_optimizer: Callable[[str], Optimizer],
        test_losses: bool,
        keep_epochs: int | None,
    ) -> None:
        self.engines, self.descent = engines, descent
        self.make_optimizer = make_optimizer
        self.test_losses, self.keep_epochs = test_losses, keep_epochs
        self.next_number = len(lanes)
        self.current = lanes[0].number
        self._computing = False
        self.begin(start, lanes)

    @property
    def lanes(self) -> list[Lane]:
        """The lanes, in order of their numbers."""
        return self.history.lanes

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Which lanes (lanes,) cannot go on from `epoch` with finite numbers."""
        return np.array(
            [lane.diverged is not None and lane.diverged <= self.epoch for lane in self.lanes]
        )

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Hold BLAS to one thread and numpy's warnings back while the context is open.

        Overflow is not an accident here: every loss and weight is looked at, and a lane stops at
        its last finite epoch. Nested contexts cost nothing.
        """
        if self._computing:
            yield
            return
        self._computing = True
        try:
            with computing():
                yield
        finally:
            self._computing = False

    def begin(self, start: Floats, lanes: list[Lane]) -> None:
        """Be at epoch 0, at `start` (lanes, parameters), with an empty history."""
        count, parameters = start.shape
        methods = [lane.methods[0] for lane in lanes]
        slots = max(method.optimizer.slots for method in methods)
        state = np.zeros((count, 1 + slots, parameters), start.dtype)
        state[:, 0] = start
        with self.computing():
            loss, grad = self.descent.loss_and_grad(start, methods=methods)
        for lane, value in zip(lanes, loss, strict=True):
            lane.diverged = None if np.isfinite(value) else 0
        self.epoch, self.state, self.loss, self.grad = 0, state, loss, grad
        self.descent.use(methods)
        self.history = History(state, lanes, keep_epochs=self.keep_epochs)
        self.history.train_loss.write(0, loss[None])
        if self.descent.record_steepness:
            self.record_norms()
        self.evaluation = Evaluation(self.engines.test, self.history.test_loss)
        self.ahead = None
        self._add_tests(0, state[None], np.isfinite(loss)[None])

    def take_up(self, history: History, epoch: int, next_number: int) -> None:
        """Have another history, at the keyframe before `epoch`."""
        keyframe, state = history.keyframe_before(epoch)
        self.history, self.next_number = history, next_number
        self.evaluation = Evaluation(self.engines.test, history.test_loss)
        self.move_to(keyframe, state.astype(self.state.dtype))

    def stand(self) -> Stand:
        """Return where the run is."""
        return Stand(self.history, self.evaluation, self.epoch, self.state, self.loss, self.grad)

    def take_back(self, stand: Stand) -> None:
        """Be where the run stood; all of it is news then."""
        self.history, self.evaluation = stand.history, stand.evaluation
        self.epoch, self.state = stand.epoch, stand.state
        self.loss, self.grad = stand.loss, stand.grad
        self.ahead = None
        self.use_methods()
        self.find_current()
        self.history.tell_again()

    def find_current(self) -> None:
        """Where the current lane is gone, let the last one be it."""
        if all(lane.number != self.current for lane in self.lanes):
            self.current = self.lanes[-1].number

    def record_norms(self) -> None:
        """Put the norms of `grad` on record."""
        self.history.norms.write(self.epoch, np.sqrt(np.vecdot(self.grad, self.grad))[None])

    def methods_then(self, epoch: int) -> list[Method] | None:
        """Return the methods in force at another epoch if they are not those in force here."""
        methods = [lane.method_at(epoch) for lane in self.lanes]
        return None if methods == self.descent.methods else methods

    def use_methods(self) -> None:
        """Descend by the methods in force at `epoch`."""
        if methods := self.methods_then(self.epoch):
            self.descent.use(methods)

    def move_to(self, epoch: int, state: Floats) -> None:
        """Be at `epoch`, where the state is `state`; learning rates proposed here are dropped."""
        weights = np.ascontiguousarray(state[:, 0])
        loss, grad = self.descent.loss_and_grad(weights, methods=self.methods_then(epoch))
        self.epoch, self.state, self.loss, self.grad = epoch, state, loss, grad
        self.use_methods()
        if epoch < self.history.train_loss.whole:  # where there may be no number on record
            known = np.array([one.diverged is None or one.diverged >= epoch for one in self.lanes])
            self.history.train_loss.write(epoch, np.where(known, loss, np.nan)[None])
            if self.descent.record_steepness:
                norms = np.where(known, np.sqrt(np.vecdot(grad, grad)), np.nan)
                self.history.norms.write(epoch, norms[None])
        self._add_tests(epoch, state[None], np.isfinite(loss)[None])  # a kept run may have none
        self.drop_proposals()

    def commit(self, chunk: Chunk) -> None:
        """Record a chunk, up to the first epoch at which a lane is no longer finite."""
        states, losses = chunk.states[: chunk.done], chunk.losses[: chunk.done]
        first, whole = self.epoch + 1, len(states)
        loss, grad = chunk.loss, chunk.grad
        ending: list[int] = []
        if not (np.isfinite(losses).all() and np.isfinite(states).all()):
            finite = np.isfinite(losses) & np.isfinite(states).all(axis=(2, 3))
            finite |= self.diverged  # a lane may have begun at a loss that is none
            if not finite.all():
                whole = int(np.argmin(finite.all(axis=1)))
                ending = np.flatnonzero(~finite[whole]).tolist()
            if whole < len(states) and whole:
                last = np.ascontiguousarray(states[whole - 1, :, 0])
                loss, grad = self.descent.loss_and_grad(last)
        for position in ending:
            self.lanes[position].diverged = self.epoch + whole
        if whole:
            self.epoch += whole
            self.state, self.loss, self.grad = states[whole - 1].copy(), loss, grad
            steepness = None
            if self.descent.record_steepness:
                steepness = (chunk.norms[:whole], chunk.cosines[:whole])
            self.history.write(first, states[:whole], losses[:whole], steepness)
            self._add_tests(first, states[:whole], np.isfinite(losses[:whole]))
            self.use_methods()
            self.evaluation.finish()

    def _add_tests(self, first: int, states: Floats, finite: NDArray[np.bool_]) -> None:
        """Let the test losses of epochs `first` and after be computed; the last by its methods."""
        if not self.test_losses:
            return
        weights, last = states[:, :, 0], first + len(states) - 1
        names = [method.loss for method in self.descent.methods]
        then = [lane.method_at(last).loss for lane in self.lanes]
        if then == names:
            self.evaluation.add(first, weights, finite, names)
        else:
            if len(states) > 1:
                self.evaluation.add(first, weights[:-1], finite[:-1], names)
            self.evaluation.add(last, weights[-1:], finite[-1:], then)

    def forget(self, lane: int, after: int) -> None:
        """Drop what the lane at a position has after epoch `after`."""
        self.history.forget(lane, after)
        self.evaluation.forget(lane, after)

    def take_proposals(self) -> None:
        """Let learning rates proposed at `epoch` replace what comes after it."""
        for position, lane in enumerate(self.lanes):
            if lane.proposed and lane.proposed[0] == self.epoch:
                rate = lane.proposed[1]
                self.forget(position, self.epoch)
                self.history.set_rate(position, self.epoch, rate)
                self.ahead = None
            lane.proposed = None

    def drop_proposals(self) -> None:
        """Forget learning rates that were proposed, and what was computed ahead."""
        self.ahead = None
        for lane in self.lanes:
            lane.proposed = None
