"""The trainer: gradient descent on all lanes of a run, epoch by epoch, forward and back."""

import string
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count, product
from typing import Protocol

import numpy as np
from numpy import multiply, subtract
from numpy.typing import ArrayLike, NDArray

from tui_gd.learning.engine import BLOCK_ROWS, Interrupted, LocalEngine, one_blas_thread
from tui_gd.learning.history import History, Lane, Reset
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Floats, Model

CHUNK_EPOCHS = 256
CHUNK_BYTES = 8 << 20
# the test losses of a chunk are computed in one go, which nothing interrupts: some 20 ms at most
CHUNK_ROWS = 1 << 21


class TrainingData(Protocol):
    """What the trainer needs of a problem; see `tui_gd.problems.Problem` for shapes."""

    @property
    def task(self) -> str: ...
    @property
    def features(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def x_train(self) -> Floats: ...
    @property
    def y_train(self) -> NDArray[np.generic]: ...
    @property
    def x_test(self) -> Floats: ...
    @property
    def y_test(self) -> NDArray[np.generic]: ...


def random_start(seed: int, parameters: int) -> Floats:
    """Return a start (parameters,) from a standard normal, by `numpy.random.default_rng(seed)`."""
    return np.random.default_rng(seed).standard_normal(parameters)


def lane_names() -> Iterator[str]:
    """Yield A, B, …, Z, AA, AB, …."""
    for length in count(1):
        yield from map("".join, product(string.ascii_uppercase, repeat=length))


class Trainer:
    """Gradient descent on all lanes: `W ← W − α · g`, with every epoch on record.

    At rest `epoch` epochs are done, and `weights`, `loss` and `grad` belong to them: `loss[lane]`
    is the training loss at `weights[lane]`, `grad[lane]` the direction g of the next update. Going
    forward over epochs on record computes them again and gives the same bits.

    `initial_weights` is (parameters,) for all lanes or (lanes, parameters); without it all lanes
    start at `random_start(seed, parameters)`. `ValueError` if its shape fits neither.

    >>> from tui_gd import Trainer, load_problem
    >>> trainer = Trainer(load_problem("blobs"), learning_rates=[0.01], seed=1)
    >>> trainer.advance(100)
    100
    """

    def __init__(
        self,
        problem: TrainingData,
        *,
        loss: str = "sse",
        learning_rates: Sequence[float] = (0.01,),
        seed: int = 0,
        initial_weights: ArrayLike | None = None,
        test_losses: bool = True,
        threads: int | None = None,
    ) -> None:
        self.problem = problem
        self.loss_rule = make_loss(loss, problem.task)
        self.model = Model(problem.features, problem.outputs)
        self.interrupt = False
        self._test_losses = test_losses
        self._computing = False
        self._in_flight = False
        self.engine = LocalEngine(
            self.model, self.loss_rule, problem.x_train, problem.y_train, threads
        )
        self.test_engine = LocalEngine(
            self.model, self.loss_rule, problem.x_test, problem.y_test, threads
        )
        self._names = lane_names()
        start = self._start(seed, initial_weights, len(learning_rates))
        self.epoch = 0
        self.loss: Floats
        self.grad: Floats
        self._begin(start, learning_rates, [next(self._names) for _ in learning_rates])

    def _start(self, seed: int, weights: ArrayLike | None, lanes: int) -> Floats:
        parameters = self.model.parameters
        if weights is None:
            weights = random_start(seed, parameters)
        start = np.array(weights, dtype=np.float64)
        if start.shape not in {(parameters,), (lanes, parameters)}:
            raise ValueError(
                f"initial weights have shape {start.shape}: wanted is ({parameters},)"
                f" or ({lanes}, {parameters})"
            )
        return np.broadcast_to(start, (lanes, parameters)).copy()

    def _begin(self, start: Floats, rates: Sequence[float], names: list[str]) -> None:
        self.epoch = 0
        self._state = start[:, None, :].copy()
        self.history = History(self._state, np.asarray(rates, dtype=np.float64), names)
        self._pending_tests: list[tuple[int, Floats]] = []
        self._ahead: tuple[Floats, Floats, Floats] | None = None
        with self.computing():
            self._evaluate()
            self.history.train_loss.write(0, self.loss[None].copy())
            self._record_tests(0, self._state[None])

    @property
    def weights(self) -> Floats:
        """The weights (lanes, parameters) at `epoch`; a view, not to be written to."""
        return self._state[:, 0]

    @property
    def newest(self) -> int:
        """The last epoch on record."""
        return self.history.newest

    @property
    def learning_rates(self) -> Floats:
        """The learning rate of every lane's next update (lanes,)."""
        epoch = self.epoch + self._in_flight
        return np.array([lane.shown_rate(epoch) for lane in self.history.lanes])

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Which lanes (lanes,) cannot go on from `epoch` with finite numbers."""
        return np.array(
            [lane.diverged is not None and lane.diverged <= self.epoch for lane in self.lanes]
        )

    @property
    def lanes(self) -> list[Lane]:
        """The lanes of the run, in order of their numbers."""
        return self.history.lanes

    def losses(self, lane: int = 0) -> Floats:
        """Return the training losses (recorded + 1,) of a lane: `losses()[k]` after k epochs."""
        return self.history.train_loss.values[lane, : self.lanes[lane].recorded + 1].copy()

    def losses_between(self, lane: int, begin: int, stop: int) -> Floats:
        """Return the training losses after `begin` … `stop` − 1 epochs."""
        return self.history.train_loss.values[lane, begin:stop].copy()

    def test_losses(self, lane: int = 0) -> Floats:
        """Return the losses on the test rows, as `losses`; NaN where not computed."""
        return self.history.test_loss.values[lane, : self.lanes[lane].recorded + 1].copy()

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Hold BLAS to one thread and numpy's warnings back while the context is open.

        Overflow is not an accident here: the trainer looks at every loss and weight itself and
        stops at the last finite epoch. Nested contexts cost nothing.
        """
        if self._computing:
            yield
            return
        self._computing = True
        try:
            with one_blas_thread(), np.errstate(all="ignore"):
                yield
        finally:
            self._computing = False

    def advance(self, epochs: int = 1) -> int:
        """Go up to `epochs` epochs forward and return how many were done.

        Fewer are done when all lanes have diverged, or when `interrupt` is set meanwhile, which
        is looked at after every epoch; a pass over several blocks may raise `Interrupted` between
        them, which leaves the run at the last whole epoch.
        """
        goal = self.epoch + epochs
        begin = self.epoch
        with self.computing():
            while self.epoch < goal and not self.diverged.all():
                self._burst(goal - self.epoch)
                if self.interrupt:
                    break
        return self.epoch - begin

    def back(self, epochs: int = 1) -> None:
        """Go `epochs` epochs back, at most to epoch 0."""
        self.go_to(max(0, self.epoch - epochs))

    def go_to(self, epoch: int) -> None:
        """Go to `epoch`, with the bits that were there; computes what is not on record yet."""
        self.skip_to(epoch)
        self.advance(epoch - self.epoch)

    def skip_to(self, epoch: int) -> None:
        """Go to the last keyframe at or before `epoch`, unless that is no nearer than here."""
        keyframe, state = self.history.keyframes.before(min(epoch, self.history.common))
        if not keyframe <= self.epoch <= epoch:
            with self.computing():
                self._move_to(keyframe, state)

    def set_learning_rate(self, rate: float, lane: int = 0) -> None:
        """Let a lane descend with `rate` from here on.

        If it has later epochs on record, these are dropped when the run goes on from here, and
        not before.
        """
        one, epoch = self.lanes[lane], self.epoch + self._in_flight
        if epoch >= one.recorded:
            self.history.set_rate(lane, epoch, rate)
        else:
            one.proposed = None if rate == one.rate_at(epoch) else (epoch, rate)
        self._ahead = None

    def branch(self, lane: int = 0, rate: float | None = None) -> int:
        """Copy a lane at `epoch` into a new lane and return its number.

        The new lane descends with `rate`, or else with the learning rate that was set here for
        the old one; the old lane keeps what it has on record.
        """
        old = self.lanes[lane]
        wanted = old.shown_rate(self.epoch) if rate is None else rate
        old.proposed = None
        new = self.history.branch(lane, self.epoch, next(self._names))
        if wanted != old.rate_at(self.epoch):
            self.history.set_rate(new, self.epoch, wanted)
        self._state = np.concatenate([self._state, self._state[lane : lane + 1]])
        self.loss = np.append(self.loss, self.loss[lane])
        self.grad = np.concatenate([self.grad, self.grad[lane : lane + 1]])
        self._pending_tests = [
            (first, np.concatenate([states, states[:, lane : lane + 1]], axis=1))
            for first, states in self._pending_tests
        ]
        self._ahead = None
        return new

    def reset(self, seed: int | None = None) -> None:
        """Go back to epoch 0 and forget what came after; with `seed`, to another random start.

        Lanes keep the learning rates that they have here.
        """
        entries = [*self.history.entries, Reset(self.epoch, seed)]
        start = self.history.keyframes.start()[:, 0]
        if seed is not None:
            start[:] = random_start(seed, self.model.parameters)
        self._begin(start, self.learning_rates.tolist(), [lane.name for lane in self.lanes])
        self.history.entries = entries

    def look_ahead(self) -> tuple[Floats, Floats]:
        """Return weights (lanes, parameters) and loss (lanes,) after the next update.

        The run stays where it is; what was computed is used when it goes on.
        """
        if self._ahead is None:
            with self.computing():
                state = np.empty_like(self._state)
                self._update(self._state, self.grad, self.learning_rates[:, None], state)
                self._ahead = (state, *self.engine.loss_and_grad(state[:, 0]))
        return self._ahead[0][:, 0], self._ahead[1]

    @property
    def looked_ahead(self) -> tuple[Floats, Floats] | None:
        """What `look_ahead` returned, if it still holds."""
        return (self._ahead[0][:, 0], self._ahead[1]) if self._ahead else None

    @property
    def pending_tests(self) -> bool:
        """Whether an interruption left test losses out."""
        return bool(self._pending_tests)

    def finish_tests(self) -> None:
        """Compute the test losses that an interruption left out."""
        with self.computing():
            while self._pending_tests:
                first, states = self._pending_tests[0]
                flat = states[:, :, 0].reshape(-1, self.model.parameters)
                losses = self.test_engine.loss(flat).reshape(len(states), -1)
                self._pending_tests.pop(0)
                self.history.write_tests(first, losses)

    def _update(self, state: Floats, grad: Floats, rates: Floats, out: Floats) -> None:
        """`W ← W − α · g`, elementwise on (lanes, parameters)."""
        following = out[:, 0]
        np.multiply(grad, rates, following)
        np.subtract(state[:, 0], following, following)

    def _evaluate(self) -> None:
        self.loss, self.grad = self.engine.loss_and_grad(self._state[:, 0])

    def _move_to(self, epoch: int, state: Floats) -> None:
        before = self.epoch, self._state
        self.epoch, self._state = epoch, state
        try:
            self._evaluate()
        except BaseException:
            self.epoch, self._state = before
            raise
        self._ahead = None
        for lane in self.lanes:
            lane.proposed = None

    def _burst(self, most: int) -> None:
        """Do up to `most` epochs, no more than a chunk, with one set of learning rates."""
        begin = self.epoch
        self._take_proposals()
        most = min(most, self._chunk_epochs())
        change = min(lane.next_change(begin) for lane in self.lanes)
        if begin + most > change:
            most = int(change) - begin
        frozen = self.diverged if any(lane.diverged is not None for lane in self.lanes) else None
        if frozen is not None and not frozen.any():
            frozen = None
        rates = self.learning_rates[:, None]
        states = np.empty((most, *self._state.shape))
        losses = np.empty((most, len(self.lanes)))
        state, weights, loss, grad = self._state, self.weights, self.loss, self.grad
        evaluate = self.engine.loss_and_grad
        done = 0
        self._in_flight = True
        try:
            if self._ahead is not None:
                states[0], loss, grad = self._ahead
                self._ahead = None
                state, weights, losses[0], done = states[0], states[0, :, 0], loss, 1
            # iterating arrays makes the views that indexing makes more slowly
            rest = zip(states[done:], states[done:, :, 0], losses[done:], strict=True)
            for following, moved, recorded in rest:
                multiply(grad, rates, moved)
                subtract(weights, moved, moved)
                if frozen is not None:
                    following[frozen] = state[frozen]
                loss, grad = evaluate(moved)
                state, weights = following, moved
                recorded[:] = loss
                done += 1
                if self.interrupt:
                    break
        finally:
            self._in_flight = False
            if done:
                self._commit(states[:done], losses[:done], loss, grad)

    def _commit(self, states: Floats, losses: Floats, loss: Floats, grad: Floats) -> None:
        """Record a burst, up to the first epoch at which a lane is no longer finite."""
        first, whole = self.epoch + 1, len(states)
        if not (np.isfinite(losses).all() and np.isfinite(states).all()):
            finite = np.isfinite(losses) & np.isfinite(states).all(axis=(2, 3))
            whole = int(np.argmin(finite.all(axis=1)))
            for number in np.flatnonzero(~finite[whole]):
                self.lanes[number].diverged = self.epoch + whole
        if whole:
            self.epoch += whole
            self._state = states[whole - 1].copy()
            self.history.write(first, states[:whole], losses[:whole])
        if whole == len(states):
            self.loss, self.grad = loss, grad
        else:
            self._evaluate()
        if whole:
            self._record_tests(first, states[:whole])

    def _record_tests(self, first: int, states: Floats) -> None:
        if self._test_losses and not self.history.has_tests(first, len(states)):
            self._pending_tests.append((first, states))
            self.finish_tests()

    def _take_proposals(self) -> None:
        for number, lane in enumerate(self.lanes):
            if lane.proposed and lane.proposed[0] == self.epoch:
                self.history.set_rate(number, self.epoch, lane.proposed[1])
            lane.proposed = None

    def _chunk_epochs(self) -> int:
        if len(self.problem.y_train) > BLOCK_ROWS:
            return 1
        rows = len(self.lanes) * max(1, len(self.problem.y_test))
        return max(1, min(CHUNK_EPOCHS, CHUNK_BYTES // self._state.nbytes, CHUNK_ROWS // rows))


__all__ = ["Interrupted", "Trainer", "random_start"]
