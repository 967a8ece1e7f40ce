"""The trainer: gradient descent on all lanes of a run, epoch by epoch, forward and back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from tui_gd.learning.descent import Batches, Chunk, Descent
from tui_gd.learning.engine import Penalty, one_blas_thread
from tui_gd.learning.engines import Engines, TrainingData, model_of
from tui_gd.learning.evaluation import Evaluation
from tui_gd.learning.history import Branch, History, Lane, Method, Reset
from tui_gd.learning.models import Floats
from tui_gd.learning.optimizers import Optimizer, make_optimizer
from tui_gd.learning.schedules import Schedule, constant
from tui_gd.learning.standing import (
    KEYFRAMES,
    Keyframe,
    LaneRecord,
    News,
    Standing,
    Told,
    restored_history,
    states_of,
)
from tui_gd.learning.starts import lane_names, make_start
from tui_gd.learning.stops import StopRules

CHUNK_EPOCHS = 1024
# where old epochs are gone back to, so many before them are computed again too, or fewer
RECENT_EPOCHS = 512
CHUNK_BYTES = 8 << 20
# the test losses of a chunk are computed in one go, which nothing interrupts: some 20 ms at most
CHUNK_ROWS = 1 << 21


class Trainer:
    """Gradient descent on all lanes: `W ← W − α · g`, with every epoch on record.

    At rest `epoch` epochs are done, and `weights`, `loss` and `grad` belong to them: `loss[lane]`
    is the training loss at `weights[lane]`, `grad[lane]` the direction g of the next update. Going
    forward over epochs on record computes them again and gives the same bits.

    One lane per learning rate; `optimizer` is a name for all lanes, or one for each. All lanes
    start at `make_start(start, seed, model)`, or at `initial_weights`, (parameters,) for all or
    (lanes, parameters). `ValueError`, in one line, for names and shapes that do not fit.
    `between_blocks` is called between blocks of rows, from the first pass on. With `keep_epochs`
    memory is bounded: so many newest epochs keep their losses and norms, older ones some of them.

    Lanes are named by their positions in `lanes`, which change when a lane before them is closed;
    `position` finds a lane by its number, which stays.

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
        between_blocks: Callable[[], None] | None = None,
        keep_epochs: int | None = None,
    ) -> None:
        self.problem = problem
        self._keep_epochs = keep_epochs
        self.model = model_of(problem, tuple(hidden), activation)
        self.engines = Engines(
            problem,
            self.model,
            penalty=Penalty(l1, l2),
            row_weights=row_weights,
            threads=threads,
            dtype=dtype,
        )
        self.stop_rules = stop or StopRules()
        self.stopped = ""
        self._test_losses = test_losses or self.stop_rules.patience is not None
        self._test_losses &= len(problem.y_test) > 0
        self._start_name = start
        self._dtype = np.dtype(dtype)
        self._interrupt = False
        self._computing = False
        self._depth = 0
        self._filling: Chunk | None = None
        self._wanted: dict[int, float] = {}
        self._momentum = momentum
        self.engines.between_blocks = between_blocks
        self.engine = self.engines.train(loss)
        lanes = len(learning_rates)
        names = [optimizer] * lanes if isinstance(optimizer, str) else list(optimizer)
        if len(names) != lanes:
            raise ValueError(
                f"{len(names)} optimizers for {lanes} learning rates: name one, or each"
            )
        made = {name: self._optimizer(name) for name in names}
        methods = [Method(0, made[name], loss) for name in names]
        batches = Batches(len(problem.y_train), batch_size, seed)
        self.descent = Descent(self.engines.train, methods, batches, schedule)
        self.descent.record_steepness = self.stop_rules.gradient_norm is not None
        self._names: Iterator[tuple[int, str]] = enumerate(lane_names())
        self._told = Told()
        self._begin(
            self._start(seed, initial_weights, lanes),
            [
                Lane(*next(self._names), [(0, float(rate))], [method])
                for rate, method in zip(learning_rates, methods, strict=True)
            ],
        )

    def _optimizer(self, name: str) -> Optimizer:
        return make_optimizer(name, self._momentum if name in {"momentum", "nesterov"} else None)

    def _draw_start(self, seed: int) -> Floats:
        surface = self.problem.surface
        if surface and self._start_name != "zeros":
            return surface.draw_start(seed)
        return make_start(self._start_name, seed, self.model)

    def _start(self, seed: int, weights: ArrayLike | None, lanes: int) -> Floats:
        parameters = self.model.parameters
        if weights is None:
            weights = self._draw_start(seed)
        start = np.array(weights, dtype=self._dtype)
        if start.shape not in {(parameters,), (lanes, parameters)}:
            raise ValueError(
                f"initial weights have shape {start.shape}: wanted is ({parameters},)"
                f" or ({lanes}, {parameters})"
            )
        return np.broadcast_to(start, (lanes, parameters)).copy()

    def _begin(self, start: Floats, lanes: list[Lane]) -> None:
        """Be at epoch 0 with an empty history; nothing changes before the first pass is done."""
        count, parameters = start.shape
        methods = [lane.methods[0] for lane in lanes]
        slots = max(method.optimizer.slots for method in methods)
        state = np.zeros((count, 1 + slots, parameters), self._dtype)
        state[:, 0] = start
        with self.computing():
            loss, grad = self.descent.loss_and_grad(start, methods=methods)
        for lane, value in zip(lanes, loss, strict=True):
            lane.diverged = None if np.isfinite(value) else 0
        self.epoch, self._state, self.loss, self.grad = 0, state, loss, grad
        self.stopped = ""
        self._stopped_at: float = np.inf
        self.descent.use(methods)
        self.history = History(state, lanes, keep_epochs=self._keep_epochs)
        self.history.train_loss.write(0, loss[None])
        if self.descent.record_steepness:
            self.history.norms.write(0, np.sqrt(np.vecdot(grad, grad))[None])
        self._evaluation = Evaluation(self.engines.test, self.history.test_loss)
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

    def record_steepness(self) -> None:
        """Record norm and cosine of the directions from here on: a fiftieth of the time."""
        self.descent.record_steepness = True
        if self.epoch == 0:
            self.history.norms.write(0, np.sqrt(np.vecdot(self.grad, self.grad))[None])

    def position(self, number: int) -> int | None:
        """Return the position of the lane of that number, None if it was closed."""
        return next((i for i, lane in enumerate(self.lanes) if lane.number == number), None)

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
        """Return the training losses (recorded + 1,) of a lane: `losses()[k]` after k epochs.

        NaN where a bounded record has none.
        """
        return self.losses_between(lane, 0, self.lanes[lane].recorded + 1)

    def losses_between(self, lane: int, begin: int, stop: int) -> Floats:
        """Return the training losses after `begin` … `stop` − 1 epochs."""
        return self.history.train_loss.between(lane, begin, stop)

    def test_losses(self, lane: int = 0) -> Floats:
        """Return the losses on the test rows, as `losses`; NaN where not computed."""
        return self.history.test_loss.between(lane, 0, self.lanes[lane].recorded + 1)

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
        if epoch == self.epoch:
            return
        if epoch <= self.newest:
            self._drop_proposals()
        keyframe, state = self.history.keyframes.before(
            min(self._replayed_from(epoch), self.history.common)
        )
        if not keyframe <= self.epoch <= epoch:
            with self._working():
                self._move_to(keyframe, state)

    def _replayed_from(self, epoch: int) -> int:
        """Return from which epoch on numbers are wanted where a record was thinned.

        Those before `epoch` say how the run came there. There are as many again to be computed as
        keyframes lie apart, or twice as many, so that it takes up to three times as long.
        """
        if epoch >= self.history.train_loss.whole:
            return epoch
        return max(0, epoch - min(RECENT_EPOCHS, 2 * self.history.keyframes.stride))

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

    def branch(
        self,
        lane: int = 0,
        rate: float | None = None,
        *,
        optimizer: str | None = None,
        loss: str | None = None,
    ) -> int:
        """Copy a lane at `epoch` into a new lane and return its position, the last one.

        The new lane descends with `rate`, or else with the learning rate that was set here for
        the old one; the old lane keeps what it has on record. With another `optimizer` or `loss`
        it begins here with nothing kept. `ValueError` for unknown names.
        """
        old = self.lanes[lane]
        method = self._method_with(old.method_at(self.epoch), optimizer, loss)
        losses, grads = self.loss[lane : lane + 1], self.grad[lane : lane + 1]
        if method.loss != old.method_at(self.epoch).loss:
            # before anything changes, for the pass may be given up
            with self.computing():
                weights = np.ascontiguousarray(self._state[lane : lane + 1, 0])
                losses, grads = self.engines.train(method.loss).loss_and_grad(weights)
        rate = old.shown_rate(self.epoch) if rate is None else rate
        old.proposed = None
        new = self.history.branch(lane, self.epoch, *next(self._names))
        position = len(self.lanes) - 1
        self.history.entries.append(Branch(self.epoch, old.number, new.number, optimizer, loss))
        if rate != old.rate_at(self.epoch):
            self.history.set_rate(position, self.epoch, rate)
        self._evaluation.branch(lane, position, self.epoch)
        self._state = np.concatenate([self._state, self._state[lane : lane + 1]])
        self.loss = np.concatenate([self.loss, losses])
        self.grad = np.concatenate([self.grad, grads])
        self._ahead = None
        if method is not new.methods[-1]:
            self._change_method(position, method)
        self._use_methods()
        self.finish_tests()
        return position

    def _method_with(self, method: Method, optimizer: str | None, loss: str | None) -> Method:
        """Return a method that begins here, or the one that there is where nothing differs."""
        rule = method.optimizer
        if optimizer not in {None, rule.name}:
            rule = self._optimizer(str(optimizer))
        wanted = replace(method, optimizer=rule, loss=loss or method.loss)
        return method if wanted == method else replace(wanted, since=self.epoch)

    def _change_method(self, position: int, method: Method) -> None:
        """Let a lane that is new here descend by `method`, which begins here."""
        lane, history, epoch = self.lanes[position], self.history, self.epoch
        lane.methods = [*(old for old in lane.methods if old.since < epoch), method]
        missing = 1 + method.optimizer.slots - self._state.shape[1]
        if missing > 0:
            lanes, _, parameters = self._state.shape
            room = np.zeros((lanes, missing, parameters), self._dtype)
            self._state = np.concatenate([self._state, room], axis=1)
            history.keyframes.widen(method.optimizer.slots)
        for series in history.series.values():
            series.forget(position, epoch - 1)  # the numbers here were of the other method
        history.train_loss.write_lane(position, epoch, self.loss[position, None])
        if self.descent.record_steepness:
            norm = np.sqrt(np.vecdot(self.grad[position], self.grad[position]))
            history.norms.write_lane(position, epoch, norm[None])
        if self._test_losses:
            self._evaluation.forget(position, epoch - 1)
            alone = np.arange(len(self.lanes)) == position
            names = [one.method_at(epoch).loss for one in self.lanes]
            self._evaluation.add(epoch, self._state[None, :, 0], alone[None], names)

    def _use_methods(self) -> None:
        """Descend by the methods in force at `epoch`."""
        methods = [lane.method_at(self.epoch) for lane in self.lanes]
        if methods != self.descent.methods:
            self.descent.use(methods)

    def close(self, lane: int) -> None:
        """Drop the lane at a position; those after it move up by one. The last one stays."""
        if len(self.lanes) == 1:
            return
        self.history.close(lane, self.epoch)
        self._evaluation.close(lane)
        self._state = np.delete(self._state, lane, axis=0)
        self.loss, self.grad = np.delete(self.loss, lane), np.delete(self.grad, lane, axis=0)
        self._ahead = None
        self._use_methods()

    def reset(
        self, seed: int | None = None, *, weights: Sequence[float] | None = None, lane: int = 0
    ) -> None:
        """Go back to epoch 0 and forget what came after; with `seed`, to another random start.

        With `weights` (parameters,), the lane at a position starts there. Lanes keep the learning
        rates, optimizers and losses that they have here.
        """
        start = self.history.keyframes.start()[:, 0].copy()
        if seed is not None:
            start[:] = self._draw_start(seed)
        chosen = None
        if weights is not None:
            start[lane] = weights
            chosen = tuple(map(float, weights))
        number = None if weights is None else self.lanes[lane].number
        entries = [*self.history.entries, Reset(self.epoch, seed, number, chosen)]
        rates = self.learning_rates.tolist()
        lanes = [
            Lane(one.number, one.name, [(0, rate)], [replace(one.method_at(self.epoch), since=0)])
            for one, rate in zip(self.lanes, rates, strict=True)
        ]
        self._begin(start, lanes)
        self.history.entries = entries

    # What lasts

    def _keyframe(self, epoch: int, state: Floats) -> Keyframe:
        return Keyframe(epoch, tuple(lane.number for lane in self.lanes), state)

    def _next_number(self) -> int:
        """Return the number of the next lane."""
        number, name = next(self._names)
        self._names = chain([(number, name)], self._names)
        return number

    def news(self) -> News:
        """Return what is new since this was asked before: the first time, all.

        It costs a copy of what is new. Only one may ask.
        """
        here = self._keyframe(self.epoch, self._state.copy())
        return self._told.news(self.history, self.epoch, self.newest, here, self._next_number())

    def standing(self, seed: int = 0) -> Standing:
        """Return all that the run needs to go on from here, copied."""
        history = self.history
        epochs = history.keyframes.spread(min(self.epoch, history.common), KEYFRAMES)
        frames = {epoch: history.keyframes.before(epoch)[1] for epoch in epochs}
        frames[self.epoch] = self._state.copy()
        return Standing(
            self.epoch,
            self.newest,
            tuple(map(LaneRecord.of, self.lanes)),
            tuple(self._keyframe(epoch, state) for epoch, state in sorted(frames.items())),
            {
                name: {
                    lane.number: series.known(position, 0, lane.recorded + 1, self.epoch)
                    for position, lane in enumerate(self.lanes)
                }
                for name, series in history.series.items()
            },
            tuple(history.entries),
            seed,
            self._next_number(),
        )

    def restore(self, standing: Standing) -> None:
        """Be where a run of the same settings stood, with the bits that were there.

        `ValueError`, in one line, if it cannot be of these settings.
        """
        lanes = [record.lane(self._optimizer) for record in standing.lanes]
        methods = [lane.method_at(standing.epoch) for lane in lanes]
        slots = max(method.optimizer.slots for lane in lanes for method in lane.methods)
        states = states_of(standing, slots)
        if 0 not in states or states[0].shape[2] != self.model.parameters:
            raise ValueError("the kept weights are not those of this model")
        history = restored_history(standing, lanes, states, self._keep_epochs)
        keyframe, state = history.keyframes.before(min(standing.epoch, history.common))
        self.history = history
        self._evaluation = Evaluation(self.engines.test, history.test_loss)
        self._names = (
            (n, name) for n, name in enumerate(lane_names()) if n >= standing.next_number
        )
        self.descent.use(methods)
        self._told = Told()
        self.stopped, self._stopped_at, self._ahead = "", np.inf, None
        with self._working():
            self._move_to(keyframe, state.astype(self._dtype))
            self.advance(standing.epoch - self.epoch)
        if self.stopped:
            self._stopped_at = self.epoch

    def look_ahead(self) -> tuple[Floats, Floats]:
        """Return weights (lanes, parameters) and loss (lanes,) after the next update.

        The run stays where it is; what was computed is used when it goes on.
        """
        while self._ahead is None:
            with self._working():
                chunk = Chunk(1, self._state, self.loss, self.grad)
                rates = self.learning_rates[:, None]
                then = self._methods_then(self.epoch + 1)
                self.descent.fill(chunk, self._state, self.epoch, rates, None, then)
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
        weights = np.ascontiguousarray(state[:, 0])
        loss, grad = self.descent.loss_and_grad(weights, methods=self._methods_then(epoch))
        self.epoch, self._state, self.loss, self.grad = epoch, state, loss, grad
        self._use_methods()
        if epoch < self.history.train_loss.whole:  # where there may be no number on record
            known = np.array([one.diverged is None or one.diverged >= epoch for one in self.lanes])
            self.history.train_loss.write(epoch, np.where(known, loss, np.nan)[None])
            if self.descent.record_steepness:
                norms = np.where(known, np.sqrt(np.vecdot(grad, grad)), np.nan)
                self.history.norms.write(epoch, norms[None])
        if self._test_losses:  # a run taken up again may not have them
            names = [method.loss for method in self.descent.methods]
            self._evaluation.add(epoch, state[None, :, 0], np.isfinite(loss)[None], names)
        self._drop_proposals()

    def _methods_then(self, epoch: int) -> list[Method] | None:
        """Return the methods in force at another epoch if they are not those in force here."""
        methods = [lane.method_at(epoch) for lane in self.lanes]
        return None if methods == self.descent.methods else methods

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
        then = self._methods_then(begin + most)
        self._filling = chunk
        try:
            if chunk.done < most and not (chunk.done and self._interrupt):
                self.descent.fill(chunk, self._state, begin, rates, frozen, then)
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
            self.history.test_loss.block(first, self.epoch + 1),
            [self.history.test_loss.least(i, first) for i in range(len(self.lanes))]
            if self.stop_rules.patience is not None
            else (),
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
            self._state, self.loss, self.grad = states[whole - 1].copy(), loss, grad
            steepness = None
            if self.descent.record_steepness:
                steepness = (chunk.norms[:whole], chunk.cosines[:whole])
            self.history.write(first, states[:whole], losses[:whole], steepness)
            self._record_tests(first, states[:whole], np.isfinite(losses[:whole]))
            self._use_methods()

    def _record_tests(self, first: int, states: Floats, finite: NDArray[np.bool_]) -> None:
        if not self._test_losses:
            return
        weights, last = states[:, :, 0], first + len(states) - 1
        names = [method.loss for method in self.descent.methods]
        then = [lane.method_at(last).loss for lane in self.lanes]
        if then == names:
            self._evaluation.add(first, weights, finite, names)
        else:
            if len(states) > 1:
                self._evaluation.add(first, weights[:-1], finite[:-1], names)
            self._evaluation.add(last, weights[-1:], finite[-1:], then)
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
        rows = len(self.lanes) * max(len(self.problem.y_train), len(self.problem.y_test), 1)
        # a chunk is whole on record when it is looked at
        most = min(CHUNK_EPOCHS, self._keep_epochs or CHUNK_EPOCHS)
        return max(1, min(most, CHUNK_BYTES // self._state.nbytes, CHUNK_ROWS // rows))
