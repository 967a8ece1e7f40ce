"""Snapshots: a run at one moment, frozen. They are all that the interface knows of the run."""

from dataclasses import dataclass
from enum import StrEnum
from math import nan

import numpy as np
from numpy.typing import NDArray

from tui_gd.insight.evidence import Outcome
from tui_gd.learning.models import Floats
from tui_gd.learning.optimizers import Optimizer
from tui_gd.session.commands import LookAt
from tui_gd.training.evaluation import Best
from tui_gd.training.series import Buckets


class RunState(StrEnum):
    """The state of a run, in the words of the status line."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    FINISHED = "FINISHED"
    DIVERGED = "DIVERGED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, eq=False)
class Recent:
    """The current lane's numbers from epoch `first` up to the viewed one.

    Arrays are (epochs,), NaN where a number is not known. `norms` are those of the direction of
    descent, `cosines[i]` is the cosine between an epoch's direction and that of the epoch before.
    """

    first: int
    train: Floats
    test: Floats
    norms: Floats
    cosines: Floats
    validation: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The epoch that changes are measured from, and the current lane's weights (parameters,)."""

    epoch: int
    weights: Floats


@dataclass(frozen=True, slots=True)
class Reading:
    """A lane's exact numbers at one epoch; NaN where none is recorded."""

    epoch: int
    train: float
    test: float
    norm: float
    learning_rate: float
    validation: float = nan


@dataclass(frozen=True, slots=True, eq=False)
class LaneSnapshot:
    """One lane at the snapshot's epoch; arrays are (parameters,), NaN what is not known yet.

    `number` identifies a lane for the whole run; `loss_name` is the loss that it descends on here,
    and has since epoch `loss_since`.
    `last_rate` is the learning rate, with the schedule's factor, of the update that led here, and
    `start_test` the test loss of the first weights that it had with this loss.
    `path` (points, parameters) are weights at `path_epochs` (points,), from epoch 0 to the last
    recorded one. `gradient` is the direction of the next update, which leads to `next_weights` and
    `next_loss`. `numeric` is that direction by differences of the loss, if it was asked for.
    `train` and `test` are the curves that the snapshot's `look` chooses, `early` those of the first
    epochs in narrower buckets, `reading` the numbers at its cursor. With validation rows
    `validation` is the curve of the losses on them, `start_validation` is as `start_test`, and the
    current lane has `best`, the weights that count after so many epochs.
    """

    number: int
    name: str
    parent: int | None
    branched_at: int
    learning_rate: float
    optimizer: Optimizer
    loss_name: str
    loss_since: int
    recorded: int
    diverged: int | None
    last_rate: float
    start_test: float
    weights: Floats
    gradient: Floats
    gradient_norm: float
    loss: float
    test_loss: float
    accuracy: float
    next_weights: Floats
    next_loss: float
    numeric: Floats | None
    train: Buckets
    test: Buckets
    reading: Reading | None
    path: Floats
    path_epochs: NDArray[np.intp]
    early: tuple[Buckets, Buckets] | None = None
    validation: Buckets | None = None
    validation_loss: float = nan
    start_validation: float = nan
    best: Best | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A run at one moment: everything belongs to the weights after `epoch` epochs.

    `outcome` is what the current lane predicts for the test rows, None where there are no classes
    or too many rows; `r2` is its coefficient of determination there in a regression. `rate_factor`
    is the schedule's factor of all learning rates at this epoch.
    """

    state: RunState
    epoch: int
    epochs: int
    newest: int
    lanes: tuple[LaneSnapshot, ...]
    current: int
    look: LookAt
    recent: Recent
    reference: Reference
    epochs_per_second: float
    pace: float | None
    seed: int
    notice: str = ""
    outcome: Outcome | None = None
    r2: float = nan
    rate_factor: float = 1.0

    @property
    def learning_rate(self) -> float:
        """The learning rate of the current lane's next update: α times the schedule's factor."""
        return self.lane.learning_rate * self.rate_factor

    @property
    def lane(self) -> LaneSnapshot:
        """The current lane: `lanes[current]`."""
        return self.lanes[self.current]
