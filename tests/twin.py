"""A twin of a run: slow and simple, it computes every lane alone from its start."""

from copy import copy
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from tests.making import Floats, make_engine, make_problem
from tui_gd.learning.optimizers import make_optimizer
from tui_gd.training.checkpoint import Checkpoint

ROWS = 12
LOSSES = ["sse", "cross-entropy"]


class Update(NamedTuple):
    """How one update is made; the optimizer is in use since epoch `since`."""

    rate: float
    optimizer: str = "sgd"
    loss: str = "sse"
    since: int = 0


@dataclass
class TwinLane:
    """A lane as the list of its updates: `updates[k]` goes from epoch k to k + 1."""

    start: Floats
    following: Update
    updates: list[Update] = field(default_factory=list)
    proposed: float | None = None

    def update_at(self, epoch: int) -> Update:
        return self.updates[epoch] if epoch < len(self.updates) else self.following

    def shown(self, epoch: int) -> float:
        return self.update_at(epoch).rate if self.proposed is None else self.proposed

    def go_on(self, epoch: int) -> None:
        """Make the update from `epoch`, recorded or not."""
        if self.proposed is not None:
            self.following = self.update_at(epoch)._replace(rate=self.proposed)
            self.updates, self.proposed = self.updates[:epoch], None
        if epoch == len(self.updates):
            self.updates.append(self.following)


class Twin:
    """A run that computes all lanes again, each by itself, whenever it is asked."""

    def __init__(self, start: Floats, rates: list[float]) -> None:
        self.problem = make_problem(ROWS)
        train = self.problem.x_train, self.problem.y_train
        test = self.problem.x_test, self.problem.y_test
        self.engines = {loss: make_engine(*train, loss) for loss in LOSSES}
        self.test_engines = {loss: make_engine(*test, loss) for loss in LOSSES}
        self.lanes = [TwinLane(start, Update(rate)) for rate in rates]
        self.epoch = 0
        # before the last reset: the lanes and the epoch, and the trainer's checkpoint
        self.replaced: tuple[list[TwinLane], int] | None = None
        self.checkpoint: Checkpoint | None = None

    def copy(self) -> "Twin":
        other = copy(self)
        other.lanes = [replace(lane, updates=list(lane.updates)) for lane in self.lanes]
        return other

    def step(self, state: Floats, grad: Floats, how: Update, epoch: int) -> Floats:
        """Make one update of one lane with the state (1, 1 + slots, parameters)."""
        out = np.empty_like(state)
        steps = np.array([[epoch - how.since + 1.0]])
        make_optimizer(how.optimizer).update(state, grad, np.array([[how.rate]]), steps, out)
        return out

    def passes(self, lane: int) -> tuple[Floats, Floats, Floats, list[float], list[float]]:
        """Return weights, loss and gradient at `epoch`, and both losses of all recorded epochs."""
        one = self.lanes[lane]
        weights, how = one.start, None
        here, losses, test_losses = None, [], []
        for epoch in range(len(one.updates) + 1):
            before, how = how, one.update_at(epoch)
            if before is None or (before.optimizer, before.since) != (how.optimizer, how.since):
                state = np.zeros((1, 1 + make_optimizer(how.optimizer).slots, 3))
                state[0, 0] = weights
            loss, grad = self.engines[how.loss].loss_and_grad(weights[None])
            losses.append(float(loss[0]))
            test_losses.append(float(self.test_engines[how.loss].loss(weights[None])[0]))
            if epoch == self.epoch:
                here = weights, loss, grad[0]
            if epoch < len(one.updates):
                state = self.step(state, grad, how, epoch)
                weights = state[0, 0]
        assert here
        return *here, losses, test_losses

    def advance(self, epochs: int) -> None:
        for _ in range(epochs):
            for lane in self.lanes:
                lane.go_on(self.epoch)
            self.epoch += 1

    def go_back(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.forget_proposals()
        self.epoch = epoch

    def forget_proposals(self) -> None:
        for lane in self.lanes:
            lane.proposed = None

    def set_learning_rate(self, rate: float, lane: int) -> None:
        one = self.lanes[lane]
        if self.epoch == len(one.updates):
            one.following = one.following._replace(rate=rate)
        else:
            one.proposed = None if rate == one.update_at(self.epoch).rate else rate

    def branch(
        self,
        lane: int,
        rate: float | None,
        optimizer: str | None = None,
        loss: str | None = None,
    ) -> None:
        old = self.lanes[lane]
        before = old.update_at(self.epoch)
        wanted = before._replace(
            rate=old.shown(self.epoch) if rate is None else rate,
            optimizer=optimizer or before.optimizer,
            loss=loss or before.loss,
        )
        if (wanted.optimizer, wanted.loss) != (before.optimizer, before.loss):
            wanted = wanted._replace(since=self.epoch)
        old.proposed = None
        self.lanes.append(TwinLane(old.start, wanted, old.updates[: self.epoch]))

    def close(self, lane: int) -> None:
        if len(self.lanes) > 1:
            del self.lanes[lane]

    def reset(self, start: Floats | None, chosen: tuple[int, Floats] | None = None) -> None:
        self.replaced = self.lanes, self.epoch
        lanes = []
        for lane, one in enumerate(self.lanes):
            begin = one.start if start is None else start
            if chosen and chosen[0] == lane:
                begin = chosen[1]
            how = one.update_at(self.epoch)._replace(rate=one.shown(self.epoch), since=0)
            lanes.append(TwinLane(begin, how))
        self.lanes, self.epoch = lanes, 0

    def undo_reset(self) -> None:
        if self.replaced is not None:
            (self.lanes, self.epoch), self.replaced = self.replaced, (self.lanes, self.epoch)
