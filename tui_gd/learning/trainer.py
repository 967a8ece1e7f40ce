"""The trainer: gradient descent on all lanes of a run, epoch by epoch, forward and back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from tui_gd.learning.descent import Batches, Chunk, Descent
from tui_gd.learning.engine import LocalEngine, Penalty, one_blas_thread
from tui_gd.learning.evaluation import Evaluation
from tui_gd.learning.history import History, Lane, Reset
from tui_gd.learning.losses import Targets, make_loss
from tui_gd.learning.models import Floats, Model
from tui_gd.learning.optimizers import make_optimizer
from tui_gd.learning.schedules import Schedule, constant
from tui_gd.learning.starts import lane_names, make_start
from tui_gd.learning.stops import StopRules

CHUNK_EPOCHS = 1024
CHUNK_BYTES = 8 << 20
# the test losses of a chunk are computed in one go, which nothing interrupts: some 20 ms at most
CHUNK_ROWS = 1 << 21


class TrainingData(Protocol):
    """What the trainer needs of a problem; see `tui_gd.problems.Problem` for shapes."""

    @property
    def task(self) -> str:
        """`binary`, `multiclass` or `regression`."""

    @property
    def x_train(self) -> Floats:
        """The training rows (rows, features + 1), ones last."""

    @property
    def y_train(self) -> Targets:
        """Their targets (rows,)."""

    @property
    def x_test(self) -> Floats:
        """The test rows, as the training rows."""

    @property
    def y_test(self) -> Targets:
        """Their targets (rows,)."""

    @property
    def features(self) -> int:
        """The number of features, the column of ones not counted."""

    @property
    def outputs(self) -> int:
        """The number of scores a model gives per row."""

    def rows(self, x: Floats, which: slice) -> Floats:
        """Return some rows of `x` (rows, features + 1), ones last."""


class Trainer:
    """Gradient descent on all lanes: `W ← W − α · g`, with every epoch on record.

    At rest `epoch` epochs are done, and `weights`, `loss` and `grad` belong to them: `loss[lane]`
    is the training loss at `weights[lane]`, `grad[lane]` the direction g of the next update. Going
    forward over epochs on record computes them again and gives the same bits.

    One lane per learning rate; `optimizer` is a name for all lanes, or one for each. All lanes
    start at `make_start(start, seed, model)`, or at `initial_weights`, (parameters,) for all or
    (lanes, parameters). `ValueError`, in one line, for names and shapes that do not fit.

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
        optimizer: str | Sequence[str] = "sgd",
        momentum: float | None = None,
        hidden: Sequence[int] = (),
        activation: str = "tanh",
        batch_size: int = 0,
        schedule: Schedule = constant,
        l1: float = 0.0,
        l2: float = 0.0,
        stop: StopRules | None = None,
        start: str = "normal",
        seed: int = 0,
        initial_weights: ArrayLike | None = None,
        dtype: DTypeLike = np.float64,
        test_losses: bool = True,
        threads: int | None = None,
        row_weights: Floats | None = None,
    ) -> None:
        self.problem = problem
        self.model = Model(problem.features, problem.outputs, tuple(hidden), activation)
        self.stop_rules = stop or StopRules()
        self.stopped = ""
        self._test_losses = test_losses or self.stop_rules.patience is not None
        self._start_name = start
        self._dtype = np.dtype(dtype)
        self._interrupt = False
        self._computing = False
        self._depth = 0
        self._filling: Chunk | None = None
        self._wanted: dict[int, float] = {}
        rule = make_loss(loss, problem.task, self._dtype)
        self.engine = LocalEngine(
            self.model,
            rule,
            problem.x_train,
            problem.y_train,
            threads,
            penalty=Penalty(l1, l2),
            row_weights=row_weights,
            dtype=self._dtype,
        )
        self.test_engine = LocalEngine(
            self.model, rule, problem.x_test, problem.y_test, threads, dtype=self._dtype
        )
        lanes = len(learning_rates)
        names = [optimizer] * lanes if isinstance(optimizer, str) else list(optimizer)
        if len(names) != lanes:
            raise ValueError(
                f"{len(names)} optimizers for {lanes} learning rates: name one, or each"
            )
        made = {
            name: make_optimizer(name, momentum if name in {"momentum", "nesterov"} else None)
            for name in names
        }
        self.descent = Descent(
            self.engine,
            [made[name] for name in names],
            Batches(len(problem.y_train), batch_size, seed),
            schedule,
        )
        self.descent.record_norms = self.stop_rules.gradient_norm is not None
        self._names = lane_names()
        weights = self._start(seed, initial_weights, lanes)
        self._begin(weights, learning_rates, [next(self._names) for _ in learning_rates])

    def _start(self, seed: int, weights: ArrayLike | None, lanes: int) -> Floats:
        parameters = self.model.parameters
        if weights is None:
            weights = make_start(self._start_name, seed, self.model)
        start = np.array(weights, dtype=self._dtype)
        if start.shape not in {(parameters,), (lanes, parameters)}:
            raise ValueError(
                f"initial weights have shape {start.shape}: wanted is ({parameters},)"
                f" or ({lanes}, {parameters})"
            )
        return np.broadcast_to(start, (lanes, parameters)).copy()

    def _begin(self, start: Floats, rates: Sequence[float], names: list[str]) -> None:
        """Be at epoch 0 with an empty history; nothing changes before the first pass is done."""
        lanes, parameters = start.shape
        state = np.zeros((lanes, 1 + self.descent.slots, parameters), self._dtype)
        state[:, 0] = start
        with self.computing():
            loss, grad = self.engine.loss_and_grad(start)
        self.epoch, self._state, self.loss, self.grad = 0, state, loss, grad
        self.stopped = ""
        self._stopped_at: float = np.inf
        self.descent.since = [0] * lanes
        self.history = History(state, np.asarray(rates, dtype=np.float64), names)
        self.history.train_loss.write(0, loss[None])
        self._evaluation = Evaluation(self.test_engine, self.history.test_loss)
        self._ahead: Chunk | None = None
        with self._working():
            self._record_tests(0, state[None], np.isfinite(loss)[None])

    @property
    def interrupt(self) -> bool:
        """Whether going forward is to end after the epoch in progress."""
        return self._interrupt

    @interrupt.setter
    def interrupt(self, wanted: bool) -> None:
        self._interrupt = self.descent.interrupt = wanted

    @property
    def weights(self) -> Floats:
        """The weights (lanes, parameters) at `epoch`; a view, not to be written to."""
        return self._state[:, 0]

    @property
    def newest(self) -> int:
        """The last epoch on record."""
        return self.history.newest

    @property
    def lanes(self) -> list[Lane]:
        """The lanes of the run, in order of their numbers."""
        return self.history.lanes

    @property
    def learning_rates(self) -> Floats:
        """The learning rate of every lane's next update that has not begun (lanes,)."""
        epoch = self.epoch + (self._filling.done + 1 if self._filling else 0)
        return np.array(
            [self._wanted.get(i, lane.shown_rate(epoch)) for i, lane in enumerate(self.lanes)]
        )

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Which lanes (lanes,) cannot go on from `epoch` with finite numbers."""
        return np.array(
            [lane.diverged is not None and lane.diverged <= self.epoch for lane in self.lanes]
        )

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

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Let learning rates that are set meanwhile, between two blocks, wait until the end."""
        self._depth += 1
        try:
            with self.computing():
                yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._settle()

    def _settle(self) -> None:
        wanted, self._wanted = self._wanted, {}
        for lane, rate in wanted.items():
            self._set_learning_rate(rate, lane)

    def advance(self, epochs: int = 1) -> int:
        """Go up to `epochs` epochs forward and return how many were done.

        Fewer are done when all lanes have diverged, when a stop rule is fulfilled (`stopped` says
        why; to go on from there is to go on without the rules), or when `interrupt` is set
        meanwhile, which is looked at after every epoch; a pass over several blocks may raise
        `Interrupted` between them, which leaves the run at the last whole epoch.
        """
        begin = self.epoch
        goal = begin + epochs
        self.stopped = ""
        if begin < self._stopped_at:
            self._stopped_at = np.inf
        with self._working():
            while self.epoch < goal and not self.diverged.all():
                self._burst(goal - self.epoch)
                if self._interrupt or self.stopped:
                    break
        return self.epoch - begin

    def back(self, epochs: int = 1) -> None:
        """Go `epochs` epochs back, at most to epoch 0."""
        self.go_to(max(0, self.epoch - epochs))

    def go_to(self, epoch: int) -> None:
        """Go to `epoch`, with the bits that were there; computes what is not on record yet."""
        with self._working():
            self.skip_to(epoch)
            self.advance(epoch - self.epoch)

    def skip_to(self, epoch: int) -> None:
        """Go to the last keyframe at or before `epoch`, unless that is no nearer than here.

        To go to an epoch on record is to look at it, not to go on: a learning rate set here, which
        would replace it, is dropped.
        """
        if epoch <= self.newest:
            self._drop_proposals()
        keyframe, state = self.history.keyframes.before(min(epoch, self.history.common))
        if not keyframe <= self.epoch <= epoch:
            with self._working():
                self._move_to(keyframe, state)

    def set_learning_rate(self, rate: float, lane: int = 0) -> None:
        """Let a lane descend with `rate` from here on.

        If it has later epochs on record, these are dropped when the run goes on from here, and
        not before. Set between two blocks of a pass, it holds from the next update.
        """
        if self._depth:
            self._wanted[lane] = rate
            self.descent.interrupt = True  # the chunk in progress ends with its epoch
        else:
            self._set_learning_rate(rate, lane)

    def _set_learning_rate(self, rate: float, lane: int) -> None:
        one = self.lanes[lane]
        if self.epoch >= one.recorded:
            if rate != one.rate_at(self.epoch):
                self.history.set_rate(lane, self.epoch, rate)
        else:
            one.proposed = None if rate == one.rate_at(self.epoch) else (self.epoch, rate)
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
        self.descent.add_lane(lane)
        self._evaluation.branch(lane, new, self.epoch)
        self._state = np.concatenate([self._state, self._state[lane : lane + 1]])
        self.loss = np.append(self.loss, self.loss[lane])
        self.grad = np.concatenate([self.grad, self.grad[lane : lane + 1]])
        self._ahead = None
        return new

    def reset(self, seed: int | None = None) -> None:
        """Go back to epoch 0 and forget what came after; with `seed`, to another random start.

        Lanes keep the learning rates that they have here.
        """
        entries = [*self.history.entries, Reset(self.epoch, seed)]
        start = self.history.keyframes.start()[:, 0].copy()
        if seed is not None:
            start[:] = make_start(self._start_name, seed, self.model)
        self._begin(start, self.learning_rates.tolist(), [lane.name for lane in self.lanes])
        self.history.entries = entries

    def look_ahead(self) -> tuple[Floats, Floats]:
        """Return weights (lanes, parameters) and loss (lanes,) after the next update.

        The run stays where it is; what was computed is used when it goes on.
        """
        while self._ahead is None:
            with self._working():
                chunk = Chunk(1, self._state, self.loss, self.grad)
                rates = self.learning_rates[:, None]
                self.descent.fill(chunk, self._state, self.epoch, rates, None)
                if not self._wanted:
                    self._ahead = chunk
        return self._ahead.states[0, :, 0], self._ahead.loss

    @property
    def looked_ahead(self) -> tuple[Floats, Floats] | None:
        """What `look_ahead` returned, if it still holds."""
        return (self._ahead.states[0, :, 0], self._ahead.loss) if self._ahead else None

    @property
    def pending_tests(self) -> bool:
        """Whether an interruption left test losses out."""
        return self._evaluation.pending

    def finish_tests(self) -> None:
        """Compute the test losses that an interruption left out."""
        with self._working():
            self._evaluation.finish()

    def _move_to(self, epoch: int, state: Floats) -> None:
        """Be at `epoch` with `state`; nothing changes before the pass there is done."""
        loss, grad = self.engine.loss_and_grad(np.ascontiguousarray(state[:, 0]))
        self.epoch, self._state, self.loss, self.grad = epoch, state, loss, grad
        self._drop_proposals()

    def _drop_proposals(self) -> None:
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
        diverged = self.diverged
        frozen = diverged if diverged.any() else None
        chunk = Chunk(most, self._state, self.loss, self.grad)
        if self._ahead is not None and frozen is None:
            chunk.take(self._ahead)
        self._ahead = None
        rates = self.learning_rates[:, None]
        if not self._interrupt:
            self.descent.interrupt = False
        if self._interrupt:  # set by another thread between the two lines above
            self.descent.interrupt = True
        self._filling = chunk
        try:
            if chunk.done < most and not (chunk.done and self._interrupt):
                self.descent.fill(chunk, self._state, begin, rates, frozen)
        finally:
            self._filling = None
            if chunk.done:
                self._commit(chunk)
        if self._depth == 1:
            self._settle()
        self._look_for_stop(begin + 1, chunk)

    def _look_for_stop(self, first: int, chunk: Chunk) -> None:
        """Stop at the first epoch of the chunk that fulfils a rule, and forget what came after."""
        if not self.stop_rules or self.epoch < first or self._stopped_at <= self.epoch:
            return  # who goes on after a stop means to
        done = self.epoch + 1 - first
        epoch, why = self.stop_rules.reason(
            first,
            chunk.losses[:done],
            chunk.norms[:done],
            self.history.test_loss.values[:, : self.epoch + 1].T,
        )
        if epoch >= 0:
            self._stopped_at = epoch
            if epoch < self.epoch:
                self._move_to(epoch, chunk.states[epoch - first].copy())
                for lane in range(len(self.lanes)):
                    self._forget(lane, epoch)
            self.stopped = why

    def _commit(self, chunk: Chunk) -> None:
        """Record a chunk, up to the first epoch at which a lane is no longer finite."""
        states, losses = chunk.states[: chunk.done], chunk.losses[: chunk.done]
        first, whole = self.epoch + 1, len(states)
        loss, grad = chunk.loss, chunk.grad
        ending: list[int] = []
        if not (np.isfinite(losses).all() and np.isfinite(states).all()):
            finite = np.isfinite(losses) & np.isfinite(states).all(axis=(2, 3))
            whole = int(np.argmin(finite.all(axis=1)))
            ending = np.flatnonzero(~finite[whole]).tolist()
            if whole:
                last = np.ascontiguousarray(states[whole - 1, :, 0])
                loss, grad = self.engine.loss_and_grad(last)
        for number in ending:
            self.lanes[number].diverged = self.epoch + whole
        if whole:
            self.epoch += whole
            self._state, self.loss, self.grad = states[whole - 1].copy(), loss, grad
            self.history.write(first, states[:whole], losses[:whole])
            self._record_tests(first, states[:whole], np.isfinite(losses[:whole]))

    def _record_tests(self, first: int, states: Floats, finite: NDArray[np.bool_]) -> None:
        if self._test_losses:
            self._evaluation.add(first, states[:, :, 0], finite)
            self._evaluation.finish()

    def _forget(self, lane: int, after: int) -> None:
        self.history.forget(lane, after)
        self._evaluation.forget(lane, after)

    def _take_proposals(self) -> None:
        for number, lane in enumerate(self.lanes):
            if lane.proposed and lane.proposed[0] == self.epoch:
                rate = lane.proposed[1]
                self._forget(number, self.epoch)
                self.history.set_rate(number, self.epoch, rate)
                self._ahead = None
            lane.proposed = None

    def _chunk_epochs(self) -> int:
        rows = len(self.lanes) * max(len(self.problem.y_train), len(self.problem.y_test))
        return max(1, min(CHUNK_EPOCHS, CHUNK_BYTES // self._state.nbytes, CHUNK_ROWS // rows))
