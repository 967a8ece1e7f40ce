"""The observer: turns a trainer into snapshots, which copy all that may be shown."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tui_gd.insight.evidence import Outcome
from tui_gd.insight.numeric import numeric_gradient
from tui_gd.learning.models import Floats, Predictor
from tui_gd.session.commands import LookAt
from tui_gd.session.snapshot import LaneSnapshot, Reading, Recent, Reference, RunState, Snapshot
from tui_gd.training.descent import lengths
from tui_gd.training.history import Lane, rates_at
from tui_gd.training.series import BUCKETS, Buckets, Series
from tui_gd.training.trainer import Trainer

ACCURACY_ROWS = 100_000
"""With more test rows, accuracy is not computed for every frame; the report has it."""
ACCURACY_NUMBERS = 100_000
"""How many scores, or outputs of a layer, are in memory at once to compute it."""
RECENT_EPOCHS = 512
"""A snapshot has every number of this many last epochs."""
PATH_POINTS = 256
PATH_NUMBERS = 200_000
"""The most points of a path, and the most numbers of all paths together."""

_NOTHING = Buckets(1, 0, np.empty(0), np.empty(0))


def state_of(trainer: Trainer, last: int) -> RunState:
    """Return the state of a run that nothing drives and that is to end at epoch `last`."""
    if trainer.diverged.all():
        return RunState.DIVERGED
    ended = trainer.stopped or trainer.epoch >= last
    return RunState.FINISHED if ended else RunState.PAUSED


class Observer:
    """Takes snapshots of a trainer, on the trainer's thread.

    Most numbers are of the trainer's `current` lane. `look` says which curves are wanted,
    `checking` whether the gradient is checked numerically.
    """

    def __init__(self, trainer: Trainer, predictor: Predictor) -> None:
        self.look = LookAt()
        self.checking = False
        self._trainer = trainer
        self._predictor = predictor
        self._marked: tuple[int, dict[int, Floats]] | None = None
        self._checked: tuple[tuple[object, ...], Floats] | None = None

    @property
    def position(self) -> int:
        """The position of the current lane among the trainer's lanes."""
        found = self._trainer.position(self._trainer.current)
        assert found is not None
        return found

    # The epoch that changes are measured from

    def mark(self) -> None:
        """Measure changes from the trainer's epoch."""
        weights = {
            lane.number: self._trainer.weights[i].copy()
            for i, lane in enumerate(self._trainer.lanes)
        }
        self._marked = (self._trainer.epoch, weights)

    def forget_mark(self) -> None:
        """Measure changes from epoch 0 again."""
        self._marked = None

    def _reference(self, position: int) -> Reference:
        lane = self._trainer.lanes[position]
        if self._marked is None:
            return Reference(0, self._trainer.history.keyframes.start()[position, 0])
        epoch, weights = self._marked
        if lane.number not in weights:  # branched since then: its parent's weights were its own
            weights[lane.number] = weights[lane.parent if lane.parent in weights else min(weights)]
        return Reference(epoch, weights[lane.number])

    # The gradient, checked numerically

    def check_gradient(self) -> bool:
        """Compute the current lane's gradient by differences; return whether that was needed."""
        if not self.checking or self._numeric(self.position) is not None:
            return False
        trainer, position = self._trainer, self.position
        engine = trainer.engines.train(trainer.lanes[position].method_at(trainer.epoch).loss)
        found = numeric_gradient(engine, trainer.weights[position].copy())
        # of the loss that is shown; descent follows this share of it
        direction = found.central * engine.rule.descent_factor
        self._checked = (self._place(position), direction)
        return True

    def _place(self, position: int) -> tuple[object, ...]:
        trainer = self._trainer
        number = trainer.lanes[position].number
        return (number, trainer.epoch, trainer.weights[position].tobytes())

    def _numeric(self, position: int) -> Floats | None:
        """Return the direction by differences, if it is known at the lane's weights."""
        if self.checking and self._checked and self._checked[0] == self._place(position):
            return self._checked[1]
        return None

    # Snapshots

    def snapshot(
        self,
        *,
        state: RunState,
        epochs: int,
        seed: int,
        epochs_per_second: float = 0.0,
        pace: float | None = None,
        notice: str = "",
    ) -> Snapshot:
        """Return a snapshot of the run as it is now, by default of one that nothing drives."""
        position = self.position
        return Snapshot(
            state=state,
            epoch=self._trainer.epoch,
            epochs=epochs,
            newest=self._trainer.newest,
            lanes=self._lanes(position),
            current=position,
            look=self.look,
            recent=self._recent(position),
            reference=self._reference(position),
            epochs_per_second=epochs_per_second,
            pace=pace,
            seed=seed,
            notice=notice,
            outcome=self._outcome(position),
            r2=self._r2(position),
            rate_factor=self._trainer.descent.schedule(self._trainer.epoch),
        )

    def _outcome(self, position: int) -> Outcome | None:
        """Return what a lane predicts for the test rows; None without classes or for many rows."""
        problem = self._trainer.problem
        if not self._has_classes():
            return None
        x, true = problem.rows(problem.x_test, slice(None)), problem.y_test.astype(np.intp)
        predicted = self._predictor.predict(self._trainer.weights[position], x)
        kinds = (true, predicted, true[predicted == true])
        classes = max(2, problem.outputs)
        counts = [tuple(np.bincount(kind, minlength=classes).tolist()) for kind in kinds]
        return Outcome("test", *counts)

    def _r2(self, position: int) -> float:
        """Return `1 − sum (y − ŷ)² / sum (y − mean y)²` of the test rows, NaN without any."""
        problem = self._trainer.problem
        if problem.task != "regression" or not self._few_test_rows():
            return math.nan
        x, true = problem.rows(problem.x_test, slice(None)), problem.y_test.astype(np.float64)
        with np.errstate(all="ignore"):
            missed = true - self._predictor.scores(self._trainer.weights[position], x)
            spread = true - true.mean()
            return float(1.0 - np.vecdot(missed, missed) / np.vecdot(spread, spread))

    def _has_classes(self) -> bool:
        """Whether there are classes, and few enough test rows to predict them for every frame."""
        return self._trainer.problem.task in {"binary", "multiclass"} and self._few_test_rows()

    def _few_test_rows(self) -> bool:
        problem = self._trainer.problem
        return not problem.parts and 0 < len(problem.y_test) <= ACCURACY_ROWS

    def _lanes(self, current: int) -> tuple[LaneSnapshot, ...]:
        trainer, history, epoch = self._trainer, self._trainer.history, self._trainer.epoch
        rates = trainer.learning_rates
        norms = lengths(trainer.grad)
        ahead = trainer.looked_ahead
        unknown = np.full(trainer.model.parameters, np.nan)
        weights, gradients = trainer.weights.copy(), trainer.grad.copy()
        points = max(2, min(PATH_POINTS, PATH_NUMBERS // weights.size))
        path_epochs, path = history.keyframes.path(trainer.newest, points)
        recorded = [lane.recorded for lane in trainer.lanes]
        known = path_epochs.searchsorted(recorded, side="right").tolist()
        last_factor = trainer.descent.schedule(epoch - 1) if epoch else math.nan
        curves, accuracies = self._curves(self.look), self._accuracies(current)
        early = self._early(curves)
        validation, validates = self._validation_curves(), trainer.validates
        loss_since = [lane.loss_since(epoch) for lane in trainer.lanes]
        lanes = []
        for i, lane in enumerate(trainer.lanes):
            method = lane.method_at(epoch)
            lanes.append(
                LaneSnapshot(
                    number=lane.number,
                    name=lane.name,
                    parent=lane.parent,
                    branched_at=lane.branched_at,
                    learning_rate=float(rates[i]),
                    optimizer=method.optimizer,
                    loss_name=method.loss,
                    loss_since=loss_since[i],
                    recorded=lane.recorded,
                    diverged=lane.diverged,
                    last_rate=lane.rate_at(epoch - 1) * last_factor if epoch else math.nan,
                    start_test=history.test_loss.at(i, loss_since[i]),
                    weights=weights[i],
                    gradient=gradients[i],
                    gradient_norm=float(norms[i]),
                    loss=float(trainer.loss[i]),
                    test_loss=history.test_loss.at(i, epoch),
                    accuracy=accuracies[i],
                    next_weights=ahead[0][i].copy() if ahead else unknown,
                    next_loss=float(ahead[1][i]) if ahead else math.nan,
                    numeric=self._numeric(i),
                    train=curves[i][0],
                    test=curves[i][1],
                    reading=self._reading(i),
                    path=path[: known[i], i],
                    path_epochs=path_epochs[: known[i]],
                    early=early[i],
                    validation=validation.get(i),
                    validation_loss=history.validation_loss.at(i, epoch),
                    start_validation=history.validation_loss.at(i, loss_since[i]),
                    best=trainer.best_of(i) if i == current and validates else None,
                )
            )
        return tuple(lanes)

    def _accuracies(self, current: int) -> list[float]:
        """Return the lanes' accuracies on the test rows; with much to compute `current`'s only."""
        trainer, problem = self._trainer, self._trainer.problem
        lanes, rows = len(trainer.lanes), len(problem.y_test)
        found = [math.nan] * lanes
        if not self._has_classes():
            return found
        wanted = range(lanes) if lanes * rows <= ACCURACY_ROWS else range(current, current + 1)
        x, weights = problem.rows(problem.x_test, slice(None)), trainer.weights
        numbers = rows * max(1, *trainer.model.hidden, trainer.model.outputs)
        at_once = max(1, ACCURACY_NUMBERS // numbers)
        for first in range(wanted.start, wanted.stop, at_once):
            stop = min(first + at_once, wanted.stop)
            hits = self._predictor.predict_lanes(weights[first:stop], x) == problem.y_test
            found[first:stop] = (np.count_nonzero(hits, axis=1) / rows).tolist()
        return found

    def _recent(self, position: int) -> Recent:
        stop = self._trainer.epoch + 1
        first = max(0, stop - RECENT_EPOCHS)
        series = self._trainer.history.series.values()  # in the order of the fields
        return Recent(first, *(one.between(position, first, stop) for one in series))

    # Curves

    def _early(
        self, curves: list[tuple[Buckets, Buckets]]
    ) -> Sequence[tuple[Buckets, Buckets] | None]:
        """Return the curves of the first epochs, None where their buckets would be no narrower."""
        wide = [train for train, _ in curves if train.width > 1]
        if not self.look.early or not wide or self.look.measure == "alpha":
            return [None] * len(curves)
        first = min(curve.first for curve in wide)
        span = max(2 * BUCKETS, *(curve.width for curve in wide))
        look = replace(self.look, first=first, last=first + span - 1)
        return self._curves(look)

    def _curves(self, look: LookAt) -> list[tuple[Buckets, Buckets]]:
        """Return the curves that a look chooses, a pair (train, test) for every lane."""
        history, lanes = self._trainer.history, self._trainer.lanes
        train: dict[int, Buckets] = {}
        test: dict[int, Buckets] = {}
        if look.measure == "alpha":
            factors = self._factors()
            for last, which in self._ends(look).items():
                train |= {i: _rates(lanes[i], look.first, last + 1, *factors) for i in which}
        elif look.measure == "norm":
            train = self._windows(history.norms, look)
        else:
            train = self._windows(history.train_loss, look)
            test = self._windows(history.test_loss, look)
        return [(train.get(i, _NOTHING), test.get(i, _NOTHING)) for i in range(len(lanes))]

    def _validation_curves(self) -> dict[int, Buckets]:
        """Return the lanes' curves of the validation losses; none if they are not looked at."""
        if not self._trainer.validates or self.look.measure != "loss":
            return {}
        return self._windows(self._trainer.history.validation_loss, self.look)

    def _windows(self, series: Series, look: LookAt) -> dict[int, Buckets]:
        """Return the curves that a look chooses, of the lanes that have such epochs."""
        found: dict[int, Buckets] = {}
        for last, which in self._ends(look).items():
            found.update(zip(which, series.windows(which, look.first, last + 1), strict=True))
        return found

    def _ends(self, look: LookAt) -> dict[int, list[int]]:
        """Return the lanes that have epochs which a look chooses, by the last of these."""
        ends: dict[int, list[int]] = {}
        for i, lane in enumerate(self._trainer.lanes):
            last = lane.recorded if look.last is None else min(look.last, lane.recorded)
            if look.first <= last:
                ends.setdefault(last, []).append(i)
        return ends

    def _factors(self) -> tuple[NDArray[np.intp], Floats]:
        """Return the epochs at which learning rates are drawn, and the schedule's factors there."""
        first = self.look.first
        stop = 1 + (self._trainer.newest if self.look.last is None else self.look.last)
        epochs = np.arange(first, max(stop, first + 1), -(-(stop - first) // (2 * BUCKETS)) or 1)
        schedule = self._trainer.descent.schedule
        return epochs, np.array([schedule(int(epoch)) for epoch in epochs])

    def _reading(self, position: int) -> Reading | None:
        epoch = self.look.cursor
        if epoch is None:
            return None
        history, lane = self._trainer.history, self._trainer.lanes[position]
        if epoch > lane.recorded:
            return Reading(epoch, math.nan, math.nan, math.nan, math.nan)
        return Reading(
            epoch,
            history.train_loss.at(position, epoch),
            history.test_loss.at(position, epoch),
            history.norms.at(position, epoch),
            lane.rate_at(epoch) * self._trainer.descent.schedule(epoch),
            history.validation_loss.at(position, epoch),
        )


def _rates(lane: Lane, first: int, stop: int, epochs: NDArray[np.intp], factors: Floats) -> Buckets:
    """Return the learning rates of a lane's updates as a curve; a bucket has its first one."""
    width = int(epochs[1] - epochs[0]) if len(epochs) > 1 else 1
    shown = epochs < stop
    values = rates_at(lane.rates, epochs[shown]) * factors[shown]
    return Buckets(width, stop, values, values, first)
