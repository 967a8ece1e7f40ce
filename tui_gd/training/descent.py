"""Descent: how the state of all lanes after an epoch follows from the state before it."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field

import numpy as np
from numpy import multiply, subtract
from numpy.typing import NDArray

from tui_gd.learning.engine import EngineMaker
from tui_gd.learning.models import Floats
from tui_gd.learning.schedules import Schedule, constant
from tui_gd.training.history import Method


@dataclass(frozen=True)
class Batches:
    """Mini-batches: `size` of the `rows` per update, 0 for all of them.

    The rows of an epoch are a permutation from `numpy.random.default_rng([seed, epoch])`, so any
    epoch can be computed again by itself. The last batch may be short; no row carries over.
    """

    rows: int
    size: int = 0
    seed: int = 0

    @property
    def steps(self) -> int:
        """The number of updates in an epoch."""
        return -(-self.rows // self.size) if self.size else 1

    def of(self, epoch: int) -> list[NDArray[np.intp]]:
        """Return the rows of every batch of the epoch from `epoch` to `epoch + 1`."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        return [order[i : i + self.size] for i in range(0, self.rows, self.size)]


class Chunk:
    """Consecutive epochs: `states` (epochs, lanes, 1 + slots, parameters) and their losses.

    The first `done` epochs are filled; `loss` (lanes,) and `grad` (lanes, parameters) belong to the
    last of them. `norms` (epochs, lanes) are ‖g‖ of the directions g, `cosines` those between an
    epoch's direction and the one before; NaN where not recorded.
    """

    def __init__(self, epochs: int, state: Floats, loss: Floats, grad: Floats) -> None:
        self.states = np.empty((epochs, *state.shape), state.dtype)
        self.losses = np.empty((epochs, len(state)))
        self.norms = np.full((epochs, len(state)), np.nan)
        self.cosines = np.full((epochs, len(state)), np.nan)
        self.done = 0
        self.loss, self.grad = loss, grad

    def take(self, other: "Chunk") -> None:
        """Copy the epochs of another chunk, which is no longer, to the beginning."""
        for name in ("states", "losses", "norms", "cosines"):
            getattr(self, name)[: other.done] = getattr(other, name)[: other.done]
        self.loss, self.grad, self.done = other.loss, other.grad, other.done

    def of_lane(self, lane: int) -> "Chunk":
        """Return a view of one lane's part."""
        part, own = copy(self), slice(lane, lane + 1)
        for name in ("states", "losses", "norms", "cosines"):
            setattr(part, name, getattr(self, name)[:, own])
        part.loss, part.grad = self.loss[own], self.grad[own]
        return part

    def measure(self, begin: int, before: Floats, grads: list[Floats]) -> None:
        """Fill norms and cosines of the epochs from `begin` on; `before` precedes `grads`.

        All at once, after the epochs: one by one, they would take as long as the epochs.
        """
        if not grads:
            return
        # faster than numpy.stack, which makes a view of each
        directions = np.concatenate([before, *grads]).reshape(-1, *before.shape)
        norms = lengths(directions)
        stop = begin + len(grads)
        self.norms[begin:stop] = norms[1:]
        self.cosines[begin:stop] = _cosines(directions, norms)


def lengths(vectors: Floats) -> Floats:
    """Return `‖v‖` (...,) of `vectors` (..., n), also where squares of parts overflow or vanish.

    0 for n = 0, inf only where a part is inf or no number is so large, NaN with a part NaN.
    """
    with np.errstate(all="ignore"):
        squares = np.vecdot(vectors, vectors)
        found: Floats = np.asarray(np.sqrt(squares))
        odd = ~_in_range(squares)
        if odd.any():
            parts, largest = _scaled(vectors[odd])
            scaled = largest * np.sqrt(np.vecdot(parts, parts))
            found[odd] = np.where((largest > 0.0) & (largest < np.inf), scaled, largest)
    return found


def length(vector: Floats) -> float:
    """Return `‖v‖` of one vector (n,), as `lengths` does."""
    return float(lengths(vector[None])[0])


def _cosines(vectors: Floats, norms: Floats) -> Floats:
    """Return the cosine (k − 1, ...) between each of `vectors` (k, ..., n) and the one before."""
    before, after = vectors[:-1], vectors[1:]
    with np.errstate(all="ignore"):
        sizes = norms[1:] * norms[:-1]
        found: Floats = np.vecdot(after, before) / sizes
        odd = ~_in_range(sizes)
        if odd.any():
            a, b = _scaled(after[odd])[0], _scaled(before[odd])[0]
            found[odd] = np.vecdot(a, b) / (np.sqrt(np.vecdot(a, a)) * np.sqrt(np.vecdot(b, b)))
    return found


def _in_range(squares: Floats) -> NDArray[np.bool_]:
    """Return where nothing overflowed, and nothing vanished that the sum would show."""
    kind = np.finfo(squares.dtype)
    found: NDArray[np.bool_] = (squares >= kind.tiny / kind.eps) & (squares <= kind.max)
    return found


def _scaled(vectors: Floats) -> tuple[Floats, Floats]:
    """Return the vectors (m, n) over their largest parts, and these (m,), in double precision."""
    vectors = vectors.astype(np.float64)
    largest: Floats = np.abs(vectors).max(axis=1, initial=0.0)
    return vectors / largest[:, None], largest


@dataclass(eq=False)
class Descent:
    """Fills chunks; `methods[lane]` says how each lane descends.

    `engine_for` returns the engine of a loss by its name, always the same one. `interrupt` may be
    set from another thread.
    """

    engine_for: EngineMaker
    methods: Sequence[Method]
    batches: Batches
    schedule: Schedule = constant
    record_norms: bool = field(default=False, init=False)
    interrupt: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.use(self.methods)

    def use(self, methods: Sequence[Method]) -> None:
        """Use these methods from now on."""
        self.methods = list(methods)
        self._plain = self.batches.size == 0 and self.schedule is constant
        self._plain &= all(method.optimizer.name == "sgd" for method in methods)
        self._plain &= len({method.loss for method in methods}) == 1

    def loss_and_grad(
        self,
        weights: Floats,
        rows: NDArray[np.intp] | None = None,
        methods: Sequence[Method] | None = None,
    ) -> tuple[Floats, Floats]:
        """Return loss (lanes,) and direction (lanes, parameters), each lane by its own loss.

        `methods` are by default those of the descent.
        """
        names = [method.loss for method in methods or self.methods]
        if len(set(names)) == 1:
            return self.engine_for(names[0]).loss_and_grad(weights, rows)
        loss, grad = np.empty(len(weights)), np.empty_like(weights)
        for name in dict.fromkeys(names):
            own = [lane for lane, other in enumerate(names) if other == name]
            loss[own], grad[own] = self.engine_for(name).loss_and_grad(weights[own], rows)
        return loss, grad

    def fill(
        self,
        chunk: Chunk,
        state: Floats,
        first: int,
        rates: Floats,
        frozen: NDArray[np.bool_] | None,
        last_methods: Sequence[Method] | None = None,
    ) -> None:
        """Fill `chunk` with the epochs that follow `state`, the state after `first` epochs.

        `rates` is (lanes, 1); `frozen` lanes do not move. `last_methods` are the methods in force
        from the chunk's last epoch on, if they change there: their losses evaluate that epoch. Ends
        early, after at least one epoch, when `interrupt` is set; an exception leaves the complete
        epochs in the chunk.
        """
        if self._plain and frozen is None and last_methods is None and state.shape[1] == 1:
            self._fill_plain(chunk, state[:, 0], rates)
            return
        begin, before, grads = chunk.done, chunk.grad, []
        state = self._with_fresh_optimizers(state, first)
        last = first + len(chunk.states)
        try:
            for epoch in range(first + chunk.done, last):
                if chunk.done:
                    state = chunk.states[chunk.done - 1]
                following = chunk.states[chunk.done]
                self._epoch(state, chunk.grad, epoch, rates, following)
                if frozen is not None:
                    following[frozen] = state[frozen]
                methods = last_methods if epoch + 1 == last else None
                weights = np.ascontiguousarray(following[:, 0])
                chunk.loss, chunk.grad = self.loss_and_grad(weights, methods=methods)
                chunk.losses[chunk.done] = chunk.loss
                chunk.done += 1
                if self.record_norms:
                    grads.append(chunk.grad)
                if self.interrupt:
                    break
        finally:
            chunk.measure(begin, before, grads)

    def _with_fresh_optimizers(self, state: Floats, epoch: int) -> Floats:
        """Return `state` with an empty optimizer state for lanes whose method starts at `epoch`."""
        fresh = [lane for lane, method in enumerate(self.methods) if method.since == epoch > 0]
        if fresh and state.shape[1] > 1:
            state = state.copy()
            state[fresh, 1:] = 0.0
        return state

    def _fill_plain(self, chunk: Chunk, weights: Floats, rates: Floats) -> None:
        """Fill by `W ← W − α·g` on all rows, with as little Python per epoch as possible.

        On 500 rows an epoch takes 8 µs, where every index and attribute counts.
        """
        begin = chunk.done
        if begin:
            weights = chunk.states[begin - 1, :, 0]
        # broadcasting at every epoch is slow
        rates = np.broadcast_to(rates, chunk.grad.shape).copy()
        evaluate = self.engine_for(self.methods[0].loss).loss_and_grad
        losses, grads, record = [], [], self.record_norms
        loss, before = chunk.loss, chunk.grad
        grad = before
        try:
            # iterating over an array makes views faster than indexing
            for following in chunk.states[begin:, :, 0]:
                multiply(grad, rates, following)
                subtract(weights, following, following)
                loss, grad = evaluate(following)
                weights = following
                losses.append(loss)
                if record:
                    grads.append(grad)
                if self.interrupt:
                    break
        finally:
            chunk.done += len(losses)
            chunk.loss, chunk.grad = loss, grad
            if losses:
                np.concatenate(losses, out=chunk.losses[begin : chunk.done].reshape(-1))
            chunk.measure(begin, before, grads)

    def _epoch(self, state: Floats, grad: Floats, epoch: int, rates: Floats, out: Floats) -> None:
        """Write the state after one epoch into `out`; `grad` is the full direction at `state`."""
        rates = rates * self.schedule(epoch)
        since = np.array([method.since for method in self.methods])[:, None]
        steps = (epoch - since) * float(self.batches.steps)
        if self.batches.size == 0:
            self._update(state, grad, rates, steps + 1.0, out)
            return
        spare = np.empty_like(out)
        batches = self.batches.of(epoch)
        # the last update must write into `out`
        targets = (out, spare) if len(batches) % 2 else (spare, out)
        for number, rows in enumerate(batches):
            _, part = self.loss_and_grad(np.ascontiguousarray(state[:, 0]), rows)
            target = targets[number % 2]
            self._update(state, part, rates, steps + number + 1.0, target)
            state = target

    def _update(
        self, state: Floats, grad: Floats, rates: Floats, steps: Floats, out: Floats
    ) -> None:
        """Make one update by every lane's optimizer; lanes with the same optimizer go together."""
        rules = [method.optimizer for method in self.methods]
        first = rules[0]
        if all(rule is first for rule in rules) and state.shape[1] == 1 + first.slots:
            first.update(state, grad, rates, steps, out)
            return
        out[:] = state
        for rule in dict.fromkeys(rules):
            own = [lane for lane, other in enumerate(rules) if other == rule]
            slots = slice(0, 1 + rule.slots)
            part = np.empty_like(state[own, slots])
            rule.update(state[own, slots], grad[own], rates[own], steps[own], part)
            out[own, slots] = part
