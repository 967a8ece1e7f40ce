"""A run as a copy that no longer changes: what `show`, `share` and `export` work from."""

import math
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.learning.engine import computing
from tui_gd.learning.models import Floats, Model, Predictor
from tui_gd.learning.schedules import parse_schedule
from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings
from tui_gd.session.weights import Weights, weights_beside_optimum, weights_of
from tui_gd.training.bursts import Bursts
from tui_gd.training.checkpoint import Checkpoint, LaneRecord
from tui_gd.training.engines import Engines, model_of
from tui_gd.training.history import rates_at
from tui_gd.training.spans import KnownPoints
from tui_gd.training.trainer import Trainer

WANTED = ("train", "test", "norm")
"""The series that `RunRecord.completed` computes where they are missing."""
MOST_EPOCHS = 10_000_000
"""Longer runs are not completed: the numbers of all their epochs take too much memory."""

SHOW_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class RunRecord:
    """Settings, problem and checkpoint of a run, whether from the store or from a live trainer.

    `current` is the number of the lane to export; None is the run's own current lane. The weights
    are those at `checkpoint.epoch`, which has a keyframe. `no_data` says why the problem has no
    rows; it is empty if it has them. `goal` is the last epoch wanted.
    """

    settings: RunSettings
    problem: Problem
    checkpoint: Checkpoint
    current: int | None = None
    no_data: str = ""
    goal: int = 0

    def trainer(self, *, test_losses: bool = True, bounded: bool = False) -> Trainer:
        """Return a trainer at this point of the run; `ProblemError` if the parts do not fit.

        A `bounded` trainer keeps only as many epochs' numbers as a screen can show.
        """
        try:
            start = self.checkpoint.keyframes[0].state[0, 0]
            trainer = self.settings.make_trainer(
                self.problem,
                test_losses=test_losses,
                initial_weights=start,
                bounded=bounded,
            )
            trainer.restore(self.checkpoint)
        except (ValueError, KeyError, IndexError) as error:
            raise ProblemError(f"the run cannot be continued: {error}") from None
        return trainer

    @property
    def command(self) -> str:
        """The command that starts such a run."""
        return shlex.join(["gd-tui", *self.settings.words()])

    @cached_property
    def model(self) -> Model:
        """The model that the weights belong to; for a surface, one with as many weights."""
        return model_of(self.problem, self.settings.hidden, self.settings.activation)

    @property
    def predictor(self) -> Predictor:
        """Predicts rows of data from weights."""
        return Predictor(self.model, self.problem.task, self.settings.threshold)

    @property
    def lanes(self) -> tuple[LaneRecord, ...]:
        """All lanes, in order of their numbers."""
        return self.checkpoint.lanes

    @property
    def lane(self) -> LaneRecord:
        """The lane to export."""
        found = [lane for lane in self.lanes if lane.number == self.current]
        found = found or [lane for lane in self.lanes if lane.current]
        return found[0] if found else self.lanes[0]

    @property
    def epoch(self) -> int:
        """The epoch that the run is at."""
        return self.checkpoint.epoch

    def weights(self, lane: LaneRecord) -> Floats:
        """Return the weights (parameters,) of a lane that count: those at `best_epoch`."""
        best = self.checkpoint.best.get(lane.number)
        return self.checkpoint.weights[lane.number] if best is None else best.weights

    def best_epoch(self, lane: LaneRecord) -> int:
        """Return the epoch of a lane's least validation loss so far, without such rows `epoch`."""
        best = self.checkpoint.best.get(lane.number)
        return self.epoch if best is None else best.epoch

    def method(self, lane: LaneRecord) -> tuple[str, str]:
        """Return the names of a lane's optimizer and loss at `epoch`."""
        return next(one[1:] for one in reversed(lane.methods) if one[0] <= self.epoch)

    def learning_rate(self, lane: LaneRecord) -> float:
        """Return a lane's learning rate at `epoch`, without the schedule's factor."""
        return next(rate for since, rate in reversed(lane.rates) if since <= self.epoch)

    def learning_rates(self, lane: LaneRecord, epochs: NDArray[np.intp]) -> list[float]:
        """Return the step sizes of the updates that follow `epochs`: rate times schedule."""
        schedule = parse_schedule(self.settings.schedule, self.settings.epochs)
        factors = np.array([schedule(epoch) for epoch in epochs.tolist()])
        found: list[float] = (rates_at(lane.rates, epochs) * factors).tolist()
        return found

    @property
    def validates(self) -> bool:
        """Whether some rows are validation rows."""
        return self.settings.validation_size is not None

    def value(self, name: str, lane: LaneRecord) -> float:
        """Return a series' number at `best_epoch`, or at the last one before the lane diverged."""
        epoch = self.best_epoch(lane)
        at = epoch if lane.diverged is None else min(epoch, lane.diverged)
        return self.series(name, lane).at(at)

    def test_loss(self, weights: Floats, loss: str) -> float:
        """Compute the loss of that name at `weights` (parameters,) on the test rows, or NaN."""
        problem, dtype = self.problem, np.dtype(self.settings.dtype)
        if not problem.test_rows:
            return math.nan
        engines = Engines(problem, self.model, dtype=dtype)
        with computing():
            return float(engines.test(loss).loss(weights.astype(dtype)[None])[0])

    def weights_beside_optimum(self) -> dict[int, Weights | None]:
        """Return, by lane, the weights of a linear model in the units of the data.

        Without the rows they have no optimum beside them.
        """
        problem, settings = self.problem, self.settings
        if self.no_data or problem.surface or settings.hidden:
            return {
                lane.number: weights_of(problem, self.model, self.weights(lane))
                for lane in self.lanes
            }
        trainer = self.trainer(test_losses=False, bounded=True)
        found = weights_beside_optimum(settings, trainer)
        return {lane.number: one for lane, one in zip(trainer.lanes, found, strict=True)}

    def series(self, name: str, lane: LaneRecord) -> KnownPoints:
        """Return what is recorded of a lane's `train`, `test`, `norm` or `cosine`."""
        return self.checkpoint.series[name][lane.number]

    def missing_epochs(self) -> int:
        """Return for how many epochs, summed over lanes, a loss or gradient norm is missing."""
        missing = 0
        for lane in self.lanes:
            stop = 1 + (lane.recorded if lane.diverged is None else lane.diverged)
            known = [self.series(name, lane).cut(stop).points().epochs for name in WANTED]
            missing += stop - len(reduce(np.intersect1d, known))
        return missing

    def completed(self, show: Callable[[int, int], None] | None = None) -> Self:
        """Return the run with the numbers of every epoch, by training it again from its start.

        `show` is told now and then how many epochs are done, and how many there are.
        `ProblemError` if it has more than `MOST_EPOCHS`.
        """
        checkpoint = self.checkpoint
        check_number(
            checkpoint.newest, "leave --complete out to export the epochs that are on record"
        )
        trainer = self.trainer()
        trainer.record_norms()
        trainer.go_to(0)
        trainer.record_norms()  # of epoch 0 too
        numbers = [lane.number for lane in trainer.lanes]
        starts = dict(zip(numbers, trainer.weights.copy(), strict=True))
        newest = checkpoint.newest
        for epoch in Bursts(trainer, SHOW_SECONDS).to(newest, past_stops=True):
            if show is not None:
                show(epoch, newest)
        found = trainer.checkpoint(checkpoint.seed)
        # a lane that had not reached `newest` ends where it did
        ends = {lane.number: lane.recorded + 1 for lane in self.lanes}
        series = {
            name: {number: known.cut(ends[number]) for number, known in lanes.items()}
            for name, lanes in found.series.items()
        }
        for lane in self.lanes:
            test = series["test"][lane.number].between(0, ends[lane.number])
            test[0] = self.test_loss(starts[lane.number], lane.methods[0][2])
            series["test"][lane.number] = KnownPoints.of(test)
        return replace(self, checkpoint=replace(checkpoint, series=series))


def check_number(epochs: int, instead: str) -> None:
    """Raise `ProblemError` if the numbers of so many epochs do not fit into memory."""
    if epochs > MOST_EPOCHS:
        raise ProblemError(
            f"{epochs} epochs are too many to compute all their numbers again"
            f" (at most {MOST_EPOCHS}): {instead}"
        )
