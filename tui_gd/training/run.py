"""A run at rest: where its lanes are, and all that is on record of them."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.engine import Engines, computing
from tui_gd.learning.models import Floats
from tui_gd.learning.optimizers import Optimizer
from tui_gd.training.descent import Chunk, Descent
from tui_gd.training.evaluation import Evaluation
from tui_gd.training.history import Branch, History, Lane, Method, lane_name
from tui_gd.training.stops import StopRules


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
        """Be where the run stood; all of it is delta then."""
        self.history, self.evaluation = stand.history, stand.evaluation
        self.epoch, self.state = stand.epoch, stand.state
        self.loss, self.grad = stand.loss, stand.grad
        self.ahead = None
        self.use_methods()
        self.find_current()
        self.history.mark_unsaved()

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


# The lanes of a run made and changed: the first, another learning rate, a branch, one closed.


def first_lanes(
    rates: Sequence[float],
    optimizer: str | Sequence[str],
    loss: str,
    make_optimizer: Callable[[str], Optimizer],
) -> list[Lane]:
    """Return a lane for each learning rate; `optimizer` is a name for all lanes, or one for each.

    `ValueError` if there are fewer names or more.
    """
    names = [optimizer] * len(rates) if isinstance(optimizer, str) else list(optimizer)
    if len(names) != len(rates):
        raise ValueError(
            f"{len(names)} optimizers for {len(rates)} learning rates: name one, or each"
        )
    made = {name: make_optimizer(name) for name in names}
    return [
        Lane(number, lane_name(number), [(0, float(rate))], [Method(0, made[name], loss)])
        for number, (rate, name) in enumerate(zip(rates, names, strict=True))
    ]


def begun_again(run: Run, rates: list[float]) -> list[Lane]:
    """Return the lanes at epoch 0, with the learning rates given and the methods in force here."""
    return [
        Lane(one.number, one.name, [(0, rate)], [replace(one.method_at(run.epoch), since=0)])
        for one, rate in zip(run.lanes, rates, strict=True)
    ]


def set_learning_rate(run: Run, rate: float, lane: int) -> None:
    """Let the lane at a position descend with `rate` from here on.

    If it has later epochs on record, the rate is only proposed: see `Run.take_proposals`.
    """
    one = run.lanes[lane]
    if run.epoch >= one.recorded:
        if rate != one.rate_at(run.epoch):
            run.history.set_rate(lane, run.epoch, rate)
    else:
        one.proposed = None if rate == one.rate_at(run.epoch) else (run.epoch, rate)
    run.ahead = None


def branch(run: Run, lane: int, rate: float | None, optimizer: str | None, loss: str | None) -> int:
    """Copy a lane into a new lane and return its position; see `Trainer.branch`.

    What its test losses lack is left pending.
    """
    old = run.lanes[lane]
    method = _method_with(run, old.method_at(run.epoch), optimizer, loss)
    losses, grads = run.loss[lane : lane + 1], run.grad[lane : lane + 1]
    if method.loss != old.method_at(run.epoch).loss:
        # before anything changes, for the pass may be given up
        with run.computing():
            weights = np.ascontiguousarray(run.state[lane : lane + 1, 0])
            losses, grads = run.engines.train(method.loss).loss_and_grad(weights)
    rate = old.shown_rate(run.epoch) if rate is None else rate
    old.proposed = None
    new = run.history.branch(lane, run.epoch, run.next_number, lane_name(run.next_number))
    run.next_number += 1
    position = len(run.lanes) - 1
    run.history.entries.append(Branch(run.epoch, old.number, new.number, optimizer, loss))
    if rate != old.rate_at(run.epoch):
        run.history.set_rate(position, run.epoch, rate)
    run.evaluation.branch(lane, position, run.epoch)
    run.state = np.concatenate([run.state, run.state[lane : lane + 1]])
    run.loss = np.concatenate([run.loss, losses])
    run.grad = np.concatenate([run.grad, grads])
    run.ahead = None
    if method is not new.methods[-1]:
        _change_method(run, position, method)
    run.use_methods()
    return position


def _method_with(run: Run, method: Method, optimizer: str | None, loss: str | None) -> Method:
    """Return a method that begins here, or the one that there is where nothing differs."""
    rule = method.optimizer
    if optimizer is not None and optimizer != rule.name:
        rule = run.make_optimizer(optimizer)
    wanted = replace(method, optimizer=rule, loss=loss or method.loss)
    return method if wanted == method else replace(wanted, since=run.epoch)


def _change_method(run: Run, position: int, method: Method) -> None:
    """Let a lane that is new here descend by `method`, which begins here."""
    lane, history, epoch = run.lanes[position], run.history, run.epoch
    lane.methods = [*(old for old in lane.methods if old.since < epoch), method]
    missing = 1 + method.optimizer.slots - run.state.shape[1]
    if missing > 0:
        lanes, _, parameters = run.state.shape
        room = np.zeros((lanes, missing, parameters), run.state.dtype)
        run.state = np.concatenate([run.state, room], axis=1)
        history.keyframes.widen(method.optimizer.slots)
    for series in history.series.values():
        series.forget(position, epoch - 1)  # the numbers here were of the other method
    history.train_loss.write_lane(position, epoch, run.loss[position, None])
    if run.descent.record_steepness:
        norm = np.sqrt(np.vecdot(run.grad[position], run.grad[position]))
        history.norms.write_lane(position, epoch, norm[None])
    if run.test_losses:
        run.evaluation.forget(position, epoch - 1)
        alone = np.arange(len(run.lanes)) == position
        names = [one.method_at(epoch).loss for one in run.lanes]
        run.evaluation.add(epoch, run.state[None, :, 0], alone[None], names)


def close(run: Run, lane: int) -> None:
    """Drop the lane at a position; those after it move up by one. The last one stays."""
    if len(run.lanes) == 1:
        return
    run.history.close(lane, run.epoch)
    run.evaluation.close(lane)
    run.state = np.delete(run.state, lane, axis=0)
    run.loss, run.grad = np.delete(run.loss, lane), np.delete(run.grad, lane, axis=0)
    run.ahead = None
    run.find_current()
    run.use_methods()


# Going forward: chunk by chunk, until enough is done, a rule stops it, or it is interrupted.

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
