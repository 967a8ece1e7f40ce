"""Snapshots: a run at one moment, frozen; all that the interface knows of it."""

from dataclasses import dataclass
from enum import StrEnum

from tui_gd.learning.history import Buckets
from tui_gd.learning.models import Floats
from tui_gd.learning.optimizers import Optimizer


class RunState(StrEnum):
    """What a run is doing, in the words of the status line."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    FINISHED = "FINISHED"
    DIVERGED = "DIVERGED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, eq=False)
class LaneSnapshot:
    """One lane at the snapshot's epoch; arrays are (parameters,). NaN is: not known yet.

    `gradient` is the direction of the next update, `next_weights` and `next_loss` are what that
    update leads to. `numeric` is the direction by differences of the loss, where that was wanted.
    """

    number: int
    name: str
    parent: int | None
    branched_at: int
    learning_rate: float
    optimizer: Optimizer
    recorded: int
    diverged: int | None
    weights: Floats
    gradient: Floats
    gradient_norm: float
    loss: float
    test_loss: float
    next_weights: Floats
    next_loss: float
    numeric: Floats | None
    train: Buckets
    test: Buckets


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A run at one moment; everything in it belongs to the weights after `epoch` epochs."""

    state: RunState
    epoch: int
    epochs: int
    newest: int
    lanes: tuple[LaneSnapshot, ...]
    current: int
    accuracy: float
    epochs_per_second: float
    pace: float | None
    seed: int
    notice: str = ""

    @property
    def lane(self) -> LaneSnapshot:
        """The current lane."""
        return self.lanes[self.current]
