"""The trainer: gradient descent on all lanes of a run, epoch by epoch, forward and back."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from tui_gd.learning.engine import Penalty, computing
from tui_gd.learning.models import Floats, Predictor, lane_starts
from tui_gd.learning.optimizers import Optimizer, make_optimizer
from tui_gd.learning.schedules import Schedule, constant
from tui_gd.problems.problem import Problem
from tui_gd.training.checkpoint import (
    Checkpoint,
    Delta,
    SavedMark,
    checkpoint_of,
    restored_history,
)
from tui_gd.training.descent import Batches, Chunk, Descent, length, lengths
from tui_gd.training.engines import Engines, draw_start, model_of
from tui_gd.training.evaluation import Best, StopRules
from tui_gd.training.history import Branch, History, Lane, Method, Reset, first_lanes

CHUNK_EPOCHS = 1024
CHUNK_BYTES = 8 << 20
# a chunk's test losses are computed in one call that nothing interrupts: 20 ms at most
CHUNK_ROWS = 1 << 21


class Trainer:
    """Gradient descent on all lanes of a run: `W ← W − α · g`, with every epoch on record.

    At rest, `epoch` epochs are done, and `loss` (lanes,), `grad` (lanes, parameters) and `weights`
    belong to them: `loss[lane]` is the training loss at `weights[lane]`, `grad[lane]` the direction
    g of the next update. `history` holds what every epoch left behind; `reset` makes a new one.
    Going forward over recorded epochs computes them again, with the same bits.

    There is one lane per learning rate. `optimizer` is one name for all lanes or one name each.
    Lanes start at `make_start(start, seed, model)` or at `initial_weights`, (parameters,) for all
    or (lanes, parameters). Wrong names and shapes raise a one-line `ValueError`.
    `between_blocks` is called between blocks of rows, from the first pass on; it may raise
    `Interrupted`, which leaves the run at the last complete epoch. With `keep_epochs`, memory is
    bounded: that many of the newest epochs keep every number, older ones a selection.

    Methods address a lane by its position in `lanes`, which changes when an earlier lane is closed;
    `position` finds a lane by its number, which never changes. `current` is the number of the
    selected lane. `stopped` says which stop rule ended the last `advance`, empty if none did; from
    epoch `stopped_at` on, infinity if there is none, the rules are ignored. With validation rows,
    `best` says which epoch counts; `validates` whether there are any.

    >>> from tui_gd import Trainer, load_problem
    >>> trainer = Trainer(load_problem("blobs"), learning_rates=[0.01], seed=1)
    >>> trainer.advance(100)
    100
    """

    # set by `_start`
    stopped: str
    stopped_at: float
    epoch: int
    loss: Floats
    grad: Floats
    history: History
    _state: Floats  # (lanes, 1 + slots, parameters), weights in slot 0; replaced, never written to

    def __init__(  # noqa: PLR0913
        self,
        problem: Problem,
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
        self.model = model_of(problem, tuple(hidden), activation)
        self.engines = Engines(
            problem,
            self.model,
            penalty=Penalty(l1, l2),
            row_weights=row_weights,
            threads=threads,
            dtype=np.dtype(dtype),
        )
        self.engines.between_blocks = between_blocks
        self.engine = self.engines.train(loss)
        self.threshold = 0.5
        self.stop_rules = stop or StopRules()
        self._start_name, self._momentum = start, momentum
        rows, test_rows = problem.train_rows, problem.test_rows
        validation_rows = problem.validation_rows
        self._pass_rows = max(1, rows, test_rows, validation_rows)
        self.validates = validation_rows > 0
        watched = self.stop_rules.patience is not None and not self.validates
        self._test_losses = test_rows > 0 and (test_losses or watched)
        self._keep_epochs = keep_epochs
        lanes = first_lanes(learning_rates, optimizer, loss, self._make_optimizer)
        methods = [lane.methods[0] for lane in lanes]
        batches = Batches(rows, batch_size, seed)
        self.descent = Descent(self.engines.train, methods, batches, schedule)
        self.descent.record_norms = self.stop_rules.gradient_norm is not None

        self.current = lanes[0].number
        self._ahead: Chunk | None = None  # the next epochs, if computed and still valid
        self._filling: Chunk | None = None  # the chunk in progress
        self._interrupt = False
        self._depth = 0  # of nested `_deferring` contexts
        self._visited = 0  # up to this epoch, recorded ones are computed again to be looked at
        self._deferred_rates: dict[int, float] = {}
        self._saved = SavedMark()
        weights = self._draw_start(seed) if initial_weights is None else initial_weights
        with self._deferring():
            self._start(lane_starts(weights, len(lanes), self.model.parameters, dtype), lanes)
            self.finish_tests()

    @property
    def predictor(self) -> Predictor:
        """Predicts by a lane's weights, of two classes at the trainer's `threshold`."""
        return Predictor(self.model, self.problem.task, self.threshold)

    def _make_optimizer(self, name: str) -> Optimizer:
        return make_optimizer(name, self._momentum if name in {"momentum", "nesterov"} else None)

    def _draw_start(self, seed: int) -> Floats:
        problem = self.problem
        mean = 0.0
        if problem.task == "regression":
            mean = problem.parts.target_mean if problem.parts else float(problem.y_train.mean())
        return draw_start(problem, self.model, self._start_name, seed, mean)

    def _start(self, weights: Floats, lanes: list[Lane]) -> None:
        """Go to epoch 0 at `weights` (lanes, parameters), with an empty history."""
        methods = [lane.methods[0] for lane in lanes]
        slots = max(method.optimizer.slots for method in methods)
        state = np.zeros((len(weights), 1 + slots, weights.shape[1]), weights.dtype)
        state[:, 0] = weights
        loss, grad = self.descent.loss_and_grad(weights, methods=methods)
        for lane, value in zip(lanes, loss, strict=True):
            lane.diverged = None if np.isfinite(value) else 0
        self.epoch, self._state, self.loss, self.grad = 0, state, loss, grad
        self._ahead = None
        self.stopped, self.stopped_at, self._visited = "", math.inf, 0
        self.descent.use(methods)
        self.history = History(state, lanes, keep_epochs=self._keep_epochs)
        self.history.train_loss.write(0, loss[None])
        if self.descent.record_norms:
            self._write_norms()
        self._evaluate(0, state[None], np.isfinite(loss)[None])

    # Where the run is

    @property
    def weights(self) -> Floats:
        """The weights (lanes, parameters) at `epoch`; a view that must not be written to."""
        return self._state[:, 0]

    @property
    def lanes(self) -> list[Lane]:
        """The lanes, in order of their numbers."""
        return self.history.lanes

    @property
    def newest(self) -> int:
        """The last recorded epoch."""
        return self.history.newest

    def position(self, number: int) -> int | None:
        """Return the position of the lane with that number, None if it was closed."""
        return next((i for i, lane in enumerate(self.lanes) if lane.number == number), None)

    @property
    def learning_rates(self) -> Floats:
        """The learning rate of every lane's next update that has not begun (lanes,)."""
        epoch = self.epoch + (self._filling.done + 1 if self._filling else 0)
        rates = self._deferred_rates
        return np.array([rates.get(i, lane.shown_rate(epoch)) for i, lane in enumerate(self.lanes)])

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Which lanes (lanes,) cannot go on from `epoch` with finite numbers."""
        return np.array(
            [lane.diverged is not None and lane.diverged <= self.epoch for lane in self.lanes]
        )

    # What is recorded

    def losses(self, lane: int = 0) -> Floats:
        """Return a lane's training losses (recorded + 1,): `losses()[k]` after k epochs.

        NaN where a bounded record has no number.
        """
        return self.losses_between(lane, 0, self.lanes[lane].recorded + 1)

    def losses_between(self, lane: int, begin: int, stop: int) -> Floats:
        """Return a lane's training losses after `begin` … `stop` − 1 epochs."""
        return self.history.train_loss.between(lane, begin, stop)

    def test_losses(self, lane: int = 0) -> Floats:
        """Return a lane's losses on the test rows, as `losses`; NaN where not computed."""
        return self.history.test_loss.between(lane, 0, self.lanes[lane].recorded + 1)

    def validation_losses(self, lane: int = 0) -> Floats:
        """Return a lane's losses on the validation rows, as `losses`; NaN without such rows."""
        return self.history.validation_loss.between(lane, 0, self.lanes[lane].recorded + 1)

    @property
    def pending_tests(self) -> bool:
        """Whether an interruption left test or validation losses out."""
        return self.history.evaluation.pending or self.history.validation.pending

    def finish_tests(self) -> None:
        """Compute the test and validation losses that an interruption left out."""
        with self._deferring():
            self._finish_evaluations()

    def _finish_evaluations(self) -> None:
        self.history.validation.finish(self.engines.validation)
        self.history.evaluation.finish(self.engines.test)

    # What counts

    @property
    def best(self) -> list[Best]:
        """What counts of every lane after `epoch` epochs: its weights, and their epoch.

        With validation rows that is the epoch of the least validation loss so far, with the loss
        function that the lane has now, the earliest of equal ones; else `epoch` itself. Whatever is
        reported, predicted or exported of a run comes from these weights.
        """
        return [self.best_of(position) for position in range(len(self.lanes))]

    def best_of(self, position: int) -> Best:
        """Return what counts of one lane; see `best`."""
        lane, known = self.lanes[position], self.history.validation.best[position]
        epoch, loss = self.history.validation_loss.least(
            position, self.epoch + 1, lane.loss_since(self.epoch)
        )
        if math.isnan(loss) or epoch == self.epoch:
            return Best(self.epoch, self.weights[position].copy())
        if known is None or known[0].epoch != epoch:
            known = (Best(epoch, self._weights_at(epoch)[position]), loss)
            self.history.validation.best[position] = known
        return known[0]

    def _weights_at(self, epoch: int) -> Floats:
        """Return the weights (lanes, parameters) of a recorded epoch; the run stays where it is."""
        keyframe, state = self.history.keyframe_before(epoch)
        if keyframe == epoch:
            return state[:, 0].copy()
        here = (self.epoch, self._state, self.loss, self.grad, self._ahead, self._visited)
        stop, proposed = (self.stopped, self.stopped_at), [lane.proposed for lane in self.lanes]
        hook, self.engines.between_blocks = self.engines.between_blocks, None
        interrupt = False
        try:
            self.go_to_keyframe(epoch)
            while self.epoch < epoch:
                interrupt |= self._interrupt
                self.interrupt = False
                self.advance(epoch - self.epoch)
            return self.weights.copy()
        finally:
            self.interrupt |= interrupt
            self.engines.between_blocks = hook
            self.epoch, self._state, self.loss, self.grad, self._ahead, self._visited = here
            self.stopped, self.stopped_at = stop
            for lane, proposal in zip(self.lanes, proposed, strict=True):
                lane.proposed = proposal
            self._use_methods()

    def record_norms(self) -> None:
        """Record the norms and cosines of the directions from here on; slows training down."""
        self.descent.record_norms = True
        if self.epoch == 0:
            self._write_norms()

    def _write_norms(self) -> None:
        self.history.norms.write(self.epoch, lengths(self.grad)[None])

    def _evaluate(self, first: int, states: Floats, finite: NDArray[np.bool_]) -> None:
        """Queue the test and validation losses of epochs `first` and after."""
        history, weights = self.history, states[:, :, 0]
        if self._test_losses:
            history.queue(history.evaluation, first, weights, finite)
        if self.validates:
            history.queue(history.validation, first, weights, finite)

    # Forward and back

    @property
    def interrupt(self) -> bool:
        """Set it, from any thread, to end `advance` after the epoch in progress."""
        return self._interrupt

    @interrupt.setter
    def interrupt(self, wanted: bool) -> None:
        self._interrupt = self.descent.interrupt = wanted

    def advance(self, epochs: int = 1) -> int:
        """Go up to `epochs` epochs forward and return how many were done.

        Fewer are done when all lanes have diverged, when a stop rule applies (`stopped` says which;
        another `advance` from there ignores the rules), or when `interrupt` is set, which is
        checked after every epoch.
        """
        begin = self.epoch
        goal = begin + epochs
        self.stopped = ""
        if self._visited <= begin < self.stopped_at:
            self.stopped_at = math.inf
        with self._deferring():
            if begin == 0 < goal:
                self._check_start()
            while self.epoch < goal and not (self.stopped or self.diverged.all()):
                self._advance_chunk(goal - self.epoch)
                if self._interrupt or self.stopped:
                    break
        return self.epoch - begin

    def end_visit(self) -> None:
        """Let stop rules apply from here on, though `go_to_keyframe` was asked to go further."""
        self._visited = min(self._visited, self.epoch)

    def back(self, epochs: int = 1) -> None:
        """Go `epochs` epochs back, at most to epoch 0."""
        self.go_to(max(0, self.epoch - epochs))

    def go_to(self, epoch: int) -> None:
        """Go to `epoch`: the same bits if it is recorded, computed if it is not."""
        with self._deferring():
            self.go_to_keyframe(epoch)
            self.advance(epoch - self.epoch)

    def go_to_keyframe(self, epoch: int) -> None:
        """Go to the last keyframe at or before `epoch`, unless the run is already closer.

        Visiting a recorded epoch does not change it: a proposed learning rate is dropped, and stop
        rules do not end the way there.
        """
        if epoch == self.epoch:
            return
        self._visited = min(epoch, self.newest)
        if epoch <= self.newest:
            self._drop_proposals()
        keyframe, state = self.history.keyframe_before(self.history.replay_start(epoch))
        if not keyframe <= self.epoch <= epoch:
            with self._deferring():
                self._move_to(keyframe, state)

    def look_ahead(self) -> tuple[Floats, Floats]:
        """Return the weights (lanes, parameters) and the loss (lanes,) after the next update.

        The run stays where it is; `advance` reuses what was computed.
        """
        while self._ahead is None:
            with self._deferring():
                chunk = Chunk(1, self._state, self.loss, self.grad)
                rates = self.learning_rates[:, None]
                methods = self._changed_methods(self.epoch + 1)
                self.descent.fill(chunk, self._state, self.epoch, rates, None, methods)
                if not self._deferred_rates:
                    self._ahead = chunk
        return self._ahead.states[0, :, 0], self._ahead.loss

    @property
    def looked_ahead(self) -> tuple[Floats, Floats] | None:
        """What `look_ahead` returned, None if that is no longer valid."""
        return self.look_ahead() if self._ahead else None

    def _advance_chunk(self, most: int) -> None:
        """Do up to `most` epochs, at most one chunk, with constant learning rates and methods."""
        begin = self.epoch
        self._apply_proposals()
        change = min(lane.next_change(begin) for lane in self.lanes)
        most = int(min(most, self._chunk_epochs(), change - begin))
        if begin < self._visited:  # rules apply from there on
            most = min(most, self._visited - begin)
        diverged = self.diverged
        frozen = diverged if diverged.any() else None
        chunk = Chunk(most, self._state, self.loss, self.grad)
        if self._ahead is not None and frozen is None and self._ahead.done <= most:
            chunk.take(self._ahead)
        self._ahead = None
        rates = self.learning_rates[:, None]
        if not self._interrupt:
            self.descent.interrupt = False
        if self._interrupt:  # another thread may have set it between the two lines above
            self.descent.interrupt = True
        methods = self._changed_methods(begin + most)
        self._filling = chunk
        try:
            if chunk.done < most and not (chunk.done and self._interrupt):
                self.descent.fill(chunk, self._state, begin, rates, frozen, methods)
        finally:
            self._filling = None
            if chunk.done:
                self._commit(chunk)
        if self._depth == 1:
            self._apply_deferred_rates()
        self._check_stop_rules(begin + 1, chunk)

    def advance_by(self, chunk: Chunk) -> int:
        """Go forward by the epochs of a chunk, which are those that `advance` would compute.

        The chunk begins here and has no more epochs than `next_chunk` says. As in `advance`, stop
        rules and numbers that are not finite end it early.
        """
        self._ahead = chunk
        done = self.advance(chunk.done)
        self._ahead = None
        return done

    def next_chunk(self, most: int) -> tuple[int, Floats]:
        """Return how many of the next `most` epochs are computed in one go, and the state here.

        The state is (lanes, 1 + slots, parameters) and must not be written to.
        """
        return min(most, self._chunk_epochs()), self._state

    def _chunk_epochs(self) -> int:
        # with a bounded record, a chunk must still be complete when its losses are read
        most = min(CHUNK_EPOCHS, self._keep_epochs or CHUNK_EPOCHS)
        rows = len(self.lanes) * self._pass_rows
        return max(1, min(most, CHUNK_BYTES // self._state.nbytes, CHUNK_ROWS // rows))

    def _commit(self, chunk: Chunk) -> None:
        """Record a chunk up to the first epoch at which a lane is no longer finite."""
        states, losses = chunk.states[: chunk.done], chunk.losses[: chunk.done]
        first, count = self.epoch + 1, len(states)
        loss, grad = chunk.loss, chunk.grad
        if not (np.isfinite(losses).all() and np.isfinite(states).all()):
            finite = np.isfinite(losses) & np.isfinite(states).all(axis=(2, 3))
            finite |= self.diverged  # a lane may have started at a loss that is not finite
            if not finite.all():
                count = int(np.argmin(finite.all(axis=1)))
                if count:
                    last = np.ascontiguousarray(states[count - 1, :, 0])
                    loss, grad = self.descent.loss_and_grad(last)
                for position in np.flatnonzero(~finite[count]).tolist():
                    self.lanes[position].diverged = self.epoch + count
        if not count:
            return
        self.epoch += count
        self._state, self.loss, self.grad = states[count - 1].copy(), loss, grad
        norms = (chunk.norms[:count], chunk.cosines[:count]) if self.descent.record_norms else None
        self.history.write(first, states[:count], losses[:count], norms)
        self._evaluate(first, states[:count], np.isfinite(losses[:count]))
        self._use_methods()
        self._finish_evaluations()

    def _check_start(self) -> None:
        """Stop at epoch 0 if the start fulfils a rule."""
        if self.stop_rules and self.stopped_at > 0:
            epoch, why = self._fulfilled(0, self.loss[None], lengths(self.grad)[None])
            if epoch == 0:
                self.stopped, self.stopped_at = why, 0

    def _check_stop_rules(self, first: int, chunk: Chunk) -> None:
        """Stop at the first epoch of the chunk that fulfils a rule, and forget what came after."""
        if not self.stop_rules or self.epoch < first or self.stopped_at <= self.epoch:
            return
        if first <= self._visited:
            return
        done = self.epoch + 1 - first
        epoch, why = self._fulfilled(first, chunk.losses[:done], chunk.norms[:done])
        if epoch < 0:
            return
        self.stopped_at = epoch
        if epoch < self.epoch:
            self._move_to(epoch, chunk.states[epoch - first].copy())
            for lane in range(len(self.lanes)):
                self.history.forget(lane, epoch)
        self.stopped = why

    def _fulfilled(self, first: int, losses: Floats, norms: Floats) -> tuple[int, str]:
        """Return the first of the epochs from `first` on that fulfils a rule; see `StopRules`."""
        rows = "validation" if self.validates else "test"  # those that patience looks at
        series, best = self.history.series[rows], list[tuple[int, float]]()
        if self.stop_rules.patience is not None:
            best = [series.least(lane, first) for lane in range(len(self.lanes))]
        watched = series.block(first, first + len(losses))
        return self.stop_rules.reason(first, losses, norms, watched, best, rows)

    def _move_to(self, epoch: int, state: Floats) -> None:
        """Move to `epoch`, whose state is `state`; proposed learning rates are dropped."""
        weights = np.ascontiguousarray(state[:, 0])
        loss, grad = self.descent.loss_and_grad(weights, methods=self._changed_methods(epoch))
        self.epoch, self._state, self.loss, self.grad = epoch, state, loss, grad
        self.stopped = ""
        self._use_methods()
        if epoch < self.history.train_loss.dense_from:  # a thinned record may lack this epoch
            known = np.array([one.diverged is None or one.diverged >= epoch for one in self.lanes])
            self.history.train_loss.write(epoch, np.where(known, loss, np.nan)[None])
            if self.descent.record_norms:
                norms = np.where(known, lengths(grad), np.nan)
                self.history.norms.write(epoch, norms[None])
        self._evaluate(epoch, state[None], np.isfinite(loss)[None])  # a saved run may lack it
        self._drop_proposals()

    def _changed_methods(self, epoch: int) -> list[Method] | None:
        """Return the methods in force at `epoch`, None if they are those of the descent."""
        methods = [lane.method_at(epoch) for lane in self.lanes]
        return None if methods == self.descent.methods else methods

    def _use_methods(self) -> None:
        """Let the descent use the methods in force at `epoch`."""
        if methods := self._changed_methods(self.epoch):
            self.descent.use(methods)

    # Learning rates

    def set_learning_rate(self, rate: float, lane: int = 0) -> None:
        """Let a lane descend with `rate` from here on.

        If the lane has later epochs on record, the rate is only proposed: they are dropped when the
        run goes on from here, not before. A rate that is set between two blocks of a pass applies
        from the next update.
        """
        if self._depth:
            self._deferred_rates[lane] = rate
            self.descent.interrupt = True  # the chunk in progress ends with its epoch
        else:
            self._change_rate(lane, rate)

    def _change_rate(self, lane: int, rate: float) -> None:
        one = self.lanes[lane]
        same = rate == one.rate_at(self.epoch)
        if self.epoch < one.recorded:
            one.proposed = None if same else (self.epoch, rate)
        elif not same:
            self.history.set_rate(lane, self.epoch, rate)
        self._ahead = None

    @contextmanager
    def _deferring(self) -> Iterator[None]:
        """Compute; learning rates set meanwhile, between two blocks, wait until the end."""
        self._depth += 1
        try:
            with computing():
                yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._apply_deferred_rates()

    def _apply_deferred_rates(self) -> None:
        rates, self._deferred_rates = self._deferred_rates, {}
        for lane, rate in rates.items():
            self._change_rate(lane, rate)

    def _apply_proposals(self) -> None:
        """Let learning rates proposed at `epoch` replace what comes after it."""
        for position, lane in enumerate(self.lanes):
            if lane.proposed and lane.proposed[0] == self.epoch:
                self.history.set_rate(position, self.epoch, lane.proposed[1])
                self._ahead = None
            lane.proposed = None

    def _drop_proposals(self) -> None:
        self._ahead = None
        for lane in self.lanes:
            lane.proposed = None

    # Lanes

    def branch(
        self,
        lane: int = 0,
        rate: float | None = None,
        *,
        optimizer: str | None = None,
        loss: str | None = None,
    ) -> int:
        """Copy a lane at `epoch` into a new lane and return its position, the last one.

        The new lane descends with `rate`, by default with the rate set here for the old lane; the
        old lane keeps its record. With another `optimizer` or `loss`, the new lane starts with an
        empty optimizer state. Unknown names raise `ValueError`.
        """
        with computing():
            old, here = self.lanes[lane], self.epoch
            method = self._method_with(old.method_at(here), optimizer, loss)
            losses, grads = self.loss[lane : lane + 1], self.grad[lane : lane + 1]
            if method.loss != old.method_at(here).loss:
                # before anything changes, because the pass may be interrupted
                weights = np.ascontiguousarray(self._state[lane : lane + 1, 0])
                losses, grads = self.engines.train(method.loss).loss_and_grad(weights)
            rate = old.shown_rate(here) if rate is None else rate
            old.proposed = None
            new = self.history.branch(lane, here)
            position = len(self.lanes) - 1
            self.history.entries.append(Branch(here, old.number, new.number, optimizer, loss))
            if rate != old.rate_at(here):
                self.history.set_rate(position, here, rate)
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
        """Return a method that starts here, or `method` itself if nothing differs."""
        rule = method.optimizer
        if optimizer is not None and optimizer != rule.name:
            rule = self._make_optimizer(optimizer)
        wanted = replace(method, optimizer=rule, loss=loss or method.loss)
        return method if wanted == method else replace(wanted, since=self.epoch)

    def _change_method(self, position: int, method: Method) -> None:
        """Let a lane that was branched here descend by `method`, which starts here."""
        missing = 1 + method.optimizer.slots - self._state.shape[1]
        if missing > 0:
            self._state = np.pad(self._state, ((0, 0), (0, missing), (0, 0)))
        norm = length(self.grad[position]) if self.descent.record_norms else None
        self.history.change_method(position, method, self.loss[position], norm)
        only = np.arange(len(self.lanes)) == position
        self._evaluate(self.epoch, self._state[None], only[None])

    def close(self, lane: int) -> None:
        """Drop the lane at a position; later lanes move up by one. The last lane stays."""
        if len(self.lanes) == 1:
            return
        self.history.close(lane, self.epoch)
        self._state = np.delete(self._state, lane, axis=0)
        self.loss, self.grad = np.delete(self.loss, lane), np.delete(self.grad, lane, axis=0)
        self._ahead = None
        if self.position(self.current) is None:
            self.current = self.lanes[-1].number
        self._use_methods()

    # Restart

    def reset(
        self, seed: int | None = None, *, weights: Sequence[float] | None = None, lane: int = 0
    ) -> None:
        """Go back to epoch 0 with an empty history; with `seed`, to another random start.

        With `weights` (parameters,), the lane at a position starts there. Lanes keep the learning
        rates, optimizers and losses that they have here.
        """
        start = self.history.keyframes.start()[:, 0].copy()
        if seed is not None:
            start[:] = self._draw_start(seed)
        chosen = number = None
        if weights is not None:
            start[lane] = weights
            chosen, number = tuple(map(float, weights)), self.lanes[lane].number
        entries = [*self.history.entries, Reset(self.epoch, seed, number, chosen)]
        next_number = self.history.next_number
        rates = self.learning_rates.tolist()
        lanes = [one.restarted(self.epoch, a) for one, a in zip(self.lanes, rates, strict=True)]
        with self._deferring():
            self._start(start, lanes)
            self.history.entries, self.history.next_number = entries, next_number
            self.finish_tests()

    # Saving

    def delta(self) -> Delta:
        """Return a copy of what is new since the last call; the first call returns everything.

        Only one recorder may call it.
        """
        found = self._saved.delta(self.history, self.epoch, self._state, self.current)
        return replace(found, best=self._best_by_number())

    def _best_by_number(self) -> dict[int, Best]:
        """Return what counts of every lane where that is not the epoch that the run is at."""
        found = zip(self.lanes, self.best if self.validates else (), strict=False)
        return {lane.number: best for lane, best in found if best.epoch != self.epoch}

    def checkpoint(self, seed: int = 0) -> Checkpoint:
        """Return a copy of everything that the run needs to go on from here."""
        found = checkpoint_of(self.history, self.epoch, self._state, self.current, seed)
        return replace(
            found,
            stopped=self.stopped,
            stopped_at=self.stopped_at,
            best=self._best_by_number(),
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go where a run of the same settings was, with the same bits.

        `ValueError`, in one line, if the checkpoint does not fit these settings.
        """
        with self._deferring():
            history = restored_history(
                checkpoint, self._make_optimizer, self.model.parameters, self._keep_epochs
            )
            keyframe, state = history.keyframe_before(checkpoint.epoch)
            self.history = history
            self.current = next(
                (one.number for one in checkpoint.lanes if one.current), self.lanes[0].number
            )
            for position, lane in enumerate(self.lanes):
                if best := checkpoint.best.get(lane.number):
                    loss = history.validation_loss.at(position, best.epoch)
                    history.validation.best[position] = (best, loss)
            self._move_to(keyframe, state.astype(self._state.dtype))
            self._saved = SavedMark()
            self.stopped_at, self._visited = -math.inf, 0  # the rules have had their say
            self.advance(checkpoint.epoch - self.epoch)
            self.stopped, self.stopped_at = checkpoint.stopped, checkpoint.stopped_at
        for lane, record in zip(self.lanes, checkpoint.lanes, strict=True):
            lane.proposed = record.proposed  # the replay has dropped it
