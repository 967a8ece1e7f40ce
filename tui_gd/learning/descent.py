"""Descent: how the state of all lanes after one epoch follows from the one before."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import multiply, subtract
from numpy.typing import NDArray

from tui_gd.learning.engine import Engine
from tui_gd.learning.models import Floats
from tui_gd.learning.optimizers import Optimizer
from tui_gd.learning.schedules import Schedule, constant


@dataclass(frozen=True)
class Batches:
    """Mini-batches: `size` of the `rows` at a time, 0 for all of them in one update.

    The rows of an epoch are a permutation from `numpy.random.default_rng([seed, epoch])`, so any
    epoch can be computed again by itself. The last batch may be short; nothing is carried over.
    """

    rows: int
    size: int = 0
    seed: int = 0

    @property
    def steps(self) -> int:
        """The number of updates in an epoch."""
        return -(-self.rows // self.size) if self.size else 1

    def of(self, epoch: int) -> list[NDArray[np.intp]]:
        """Return the rows of every batch of the epoch that leads from `epoch` to the next."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        return [order[i : i + self.size] for i in range(0, self.rows, self.size)]


class Chunk:
    """Some epochs in a row: `states` (epochs, lanes, 1 + slots, parameters) and their losses.

    `done` of them are filled. `loss` (lanes,) and `grad` (lanes, parameters) belong to the last
    filled one.
    """

    def __init__(self, epochs: int, state: Floats, loss: Floats, grad: Floats) -> None:
        self.states = np.empty((epochs, *state.shape), state.dtype)
        self.losses = np.empty((epochs, len(state)))
        self.norms = np.empty((epochs, len(state)))
        self.done = 0
        self.loss, self.grad = loss, grad

    def take(self, other: "Chunk") -> None:
        """Begin with the one epoch of another chunk."""
        self.states[0], self.losses[0], self.norms[0] = (
            other.states[0],
            other.losses[0],
            other.norms[0],
        )
        self.loss, self.grad, self.done = other.loss, other.grad, 1


class Descent:
    """Fills chunks; `optimizers[lane]` is each lane's rule, begun at epoch `since[lane]`.

    `interrupt` may be set from another thread.
    """

    def __init__(
        self,
        engine: Engine,
        optimizers: Sequence[Optimizer],
        batches: Batches,
        schedule: Schedule = constant,
    ) -> None:
        self.engine = engine
        self.optimizers = list(optimizers)
        self.since = [0] * len(self.optimizers)
        self.batches = batches
        self.schedule = schedule
        self.record_norms = False
        self.interrupt = False

    @property
    def slots(self) -> int:
        """Numbers per weight that a state holds beside the weight itself."""
        return max(rule.slots for rule in self.optimizers)

    def add_lane(self, lane: int) -> None:
        """Add a lane that descends as lane number `lane`."""
        self.optimizers.append(self.optimizers[lane])
        self.since.append(self.since[lane])

    def fill(
        self,
        chunk: Chunk,
        state: Floats,
        first: int,
        rates: Floats,
        frozen: NDArray[np.bool_] | None,
    ) -> None:
        """Fill `chunk` with the epochs that follow `state`, the state after `first` epochs.

        `rates` is (lanes, 1); `frozen` lanes stay where they are. Ends early when `interrupt` is
        set, at least one epoch done; an exception leaves the epochs before it in the chunk.
        """
        if self._is_plain(frozen):
            self._fill_plain(chunk, state[:, 0], rates)
            return
        for epoch in range(first + chunk.done, first + len(chunk.states)):
            if chunk.done:
                state = chunk.states[chunk.done - 1]
            following = chunk.states[chunk.done]
            self._epoch(state, chunk.grad, epoch, rates, following)
            if frozen is not None:
                following[frozen] = state[frozen]
            chunk.loss, chunk.grad = self.engine.loss_and_grad(following[:, 0])
            chunk.losses[chunk.done] = chunk.loss
            if self.record_norms:
                chunk.norms[chunk.done] = np.sqrt(np.vecdot(chunk.grad, chunk.grad))
            chunk.done += 1
            if self.interrupt:
                break

    def _is_plain(self, frozen: NDArray[np.bool_] | None) -> bool:
        return (
            frozen is None
            and not self.record_norms
            and self.batches.size == 0
            and self.schedule is constant
            and all(rule.name == "sgd" for rule in self.optimizers)
        )

    def _fill_plain(self, chunk: Chunk, weights: Floats, rates: Floats) -> None:
        """Fill with `W ← W − α·g` on all rows at once: no more than that for every epoch.

        On 500 rows an epoch takes 8 µs, so that each indexing or attribute would count.
        """
        begin = chunk.done
        if begin:
            weights = chunk.states[begin - 1, :, 0]
        evaluate, losses, loss, grad = self.engine.loss_and_grad, [], chunk.loss, chunk.grad
        try:
            # iterating an array makes the views that indexing makes more slowly
            for following in chunk.states[begin:, :, 0]:
                multiply(grad, rates, following)
                subtract(weights, following, following)
                loss, grad = evaluate(following)
                weights = following
                losses.append(loss)
                if self.interrupt:
                    break
        finally:
            chunk.done += len(losses)
            chunk.loss, chunk.grad = loss, grad
            if losses:
                np.concatenate(losses, out=chunk.losses[begin : chunk.done].reshape(-1))

    def _epoch(self, state: Floats, grad: Floats, epoch: int, rates: Floats, out: Floats) -> None:
        """Write the state after one epoch into `out`; `grad` is that of all rows at `state`."""
        rates = rates * self.schedule(epoch)
        begun = np.array(self.since)[:, None]
        taken = (epoch - begun) * float(self.batches.steps)
        if self.batches.size == 0:
            self._update(state, grad, rates, taken + 1.0, out)
            return
        spare = np.empty_like(out)
        batches = self.batches.of(epoch)
        # the last update is to end in `out`
        targets = (out, spare) if len(batches) % 2 else (spare, out)
        for number, rows in enumerate(batches):
            _, part = self.engine.loss_and_grad(np.ascontiguousarray(state[:, 0]), rows)
            target = targets[number % 2]
            self._update(state, part, rates, taken + number + 1.0, target)
            state = target

    def _update(
        self, state: Floats, grad: Floats, rates: Floats, steps: Floats, out: Floats
    ) -> None:
        """Let every lane's own optimizer make one update; lanes of one optimizer go together."""
        first = self.optimizers[0]
        if all(rule is first for rule in self.optimizers):
            first.update(state, grad, rates, steps, out)
            return
        out[:] = state
        for rule in dict.fromkeys(self.optimizers):
            own = [i for i, other in enumerate(self.optimizers) if other is rule]
            slots = slice(0, 1 + rule.slots)
            part = np.empty_like(state[own, slots])
            rule.update(state[own, slots], grad[own], rates[own], steps[own], part)
            out[own, slots] = part
