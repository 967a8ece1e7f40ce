"""What an export is made from, wherever the run is: on screen, without one, or in the store."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.engine import LocalEngine, computing
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Floats, Model, Predictor
from tui_gd.learning.schedules import parse_schedule
from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings
from tui_gd.training.checkpoint import Checkpoint, LaneRecord
from tui_gd.training.spans import KnownPoints
from tui_gd.training.trainer import Trainer


@dataclass(frozen=True, eq=False)
class Exported:
    """A run as it stands, in copies: nothing of it changes while it is written.

    `current` is the number of the lane that is looked at; None is the run's current one. The
    weights are those at `checkpoint.epoch`, which has a keyframe. `gone` says why the problem has
    no rows.
    """

    settings: RunSettings
    problem: Problem
    checkpoint: Checkpoint
    current: int | None = None
    gone: str = ""

    @classmethod
    def of(
        cls,
        settings: RunSettings,
        problem: Problem,
        trainer: Trainer,
        *,
        seed: int | None = None,
        current: int | None = None,
    ) -> Self:
        """Return a trainer's run; on the trainer's thread. `seed` is that of its newest start."""
        checkpoint = trainer.checkpoint(settings.seed if seed is None else seed)
        return cls(settings, problem, checkpoint, current)

    @cached_property
    def model(self) -> Model:
        """The model whose weights these are; of a surface, one with its weights."""
        settings, problem = self.settings, self.problem
        return Model(problem.features, problem.outputs, settings.hidden, settings.activation)

    @property
    def predictor(self) -> Predictor:
        """What the model says about rows of data."""
        return Predictor(self.model, self.problem.task)

    @property
    def lanes(self) -> tuple[LaneRecord, ...]:
        """All lanes, in order of their numbers."""
        return self.checkpoint.lanes

    @property
    def lane(self) -> LaneRecord:
        """The lane that is looked at."""
        found = [lane for lane in self.lanes if lane.number == self.current]
        found = found or [lane for lane in self.lanes if lane.current]
        return found[0] if found else self.lanes[0]

    @property
    def epoch(self) -> int:
        """The epoch that is looked at."""
        return self.checkpoint.epoch

    def weights(self, lane: LaneRecord) -> Floats:
        """Return a lane's weights (parameters,) at `epoch`."""
        return self.checkpoint.weights[lane.number]

    def method(self, lane: LaneRecord) -> tuple[str, str]:
        """Return the names of optimizer and loss by which a lane descends at `epoch`."""
        return next(one[1:] for one in reversed(lane.methods) if one[0] <= self.epoch)

    def learning_rate(self, lane: LaneRecord) -> float:
        """Return a lane's learning rate at `epoch`, as it was set."""
        return next(rate for since, rate in reversed(lane.rates) if since <= self.epoch)

    def learning_rates(self, lane: LaneRecord, epochs: NDArray[np.intp]) -> list[float]:
        """Return the learning rates of the updates from some epochs on, times the schedule's."""
        schedule = parse_schedule(self.settings.schedule, self.settings.epochs)
        starts = np.array([since for since, _ in lane.rates])
        which = np.searchsorted(starts, epochs, side="right") - 1
        rates = [rate for _, rate in lane.rates]
        return [
            rates[i] * schedule(epoch)
            for i, epoch in zip(which.tolist(), epochs.tolist(), strict=True)
        ]

    def value(self, name: str, lane: LaneRecord) -> float:
        """Return the number of a series at `epoch`, or where the lane diverged before; or NaN."""
        at = self.epoch if lane.diverged is None else min(self.epoch, lane.diverged)
        return self.series(name, lane).at(at)

    def test_loss(self, weights: Floats, loss: str) -> float:
        """Compute the loss of that name at `weights` (parameters,) on the test rows, or NaN."""
        problem, dtype = self.problem, np.dtype(self.settings.dtype)
        if not len(problem.y_test):
            return math.nan
        rule = make_loss(loss, problem.task, dtype)
        engine = LocalEngine(self.model, rule, problem.x_test, problem.y_test, dtype=dtype)
        with computing():
            return float(engine.loss(weights.astype(dtype)[None])[0])

    def series(self, name: str, lane: LaneRecord) -> KnownPoints:
        """Return what is known of a lane's `train`, `test`, `norm` or `cosine`."""
        return self.checkpoint.series[name][lane.number]
