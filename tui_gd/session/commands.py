"""Commands: what the runner can be asked to do."""

from concurrent.futures import Future
from dataclasses import dataclass, field

from tui_gd.training.checkpoint import Checkpoint


class Command:
    """What the runner can be asked to do."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Pause(Command):
    """Pause after the epoch in progress, on large data between two blocks of its rows."""


@dataclass(frozen=True, slots=True)
class Resume(Command):
    """Run to the last epoch wanted; if that is reached, extend the run by as many epochs again."""


@dataclass(frozen=True, slots=True)
class Step(Command):
    """Go some epochs forward, then pause."""

    epochs: int = 1


@dataclass(frozen=True, slots=True)
class StepBack(Command):
    """Go some epochs back, then pause."""

    epochs: int = 1


@dataclass(frozen=True, slots=True)
class GoTo(Command):
    """Go to an epoch, then pause; None is the newest."""

    epoch: int | None


@dataclass(frozen=True, slots=True)
class SetLearningRate(Command):
    """Give the current lane this learning rate from here on."""

    learning_rate: float


@dataclass(frozen=True, slots=True)
class Branch(Command):
    """Copy the current lane here into a new lane, which becomes the current one.

    The new lane has this optimizer and this loss, both by name, and this learning rate; None keeps
    the old lane's.
    """

    optimizer: str | None = None
    loss: str | None = None
    learning_rate: float | None = None


@dataclass(frozen=True, slots=True)
class SelectLane(Command):
    """Make a lane, by its number, the current one."""

    lane: int


@dataclass(frozen=True, slots=True)
class RenameLane(Command):
    """Give a lane, by its number, another name."""

    lane: int
    name: str


@dataclass(frozen=True, slots=True)
class CloseLane(Command):
    """Drop a lane, by its number, and its history; the last lane cannot be dropped."""

    lane: int


@dataclass(frozen=True, slots=True)
class SetStart(Command):
    """Go back to epoch 0 and let the current lane start with these weights (parameters,)."""

    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Mark(Command):
    """Compare later epochs with the viewed one."""


@dataclass(frozen=True, slots=True)
class LookAt(Command):
    """Choose the curves in snapshots: `measure` (loss, norm or alpha) of epochs `first` … `last`.

    `last` None is the newest; a `first` below 0 counts from it. `cursor` is an epoch whose exact
    numbers are wanted. `early` adds the first epochs in narrower buckets, since they take half of a
    logarithmic axis.
    """

    measure: str = "loss"
    first: int = 0
    last: int | None = None
    cursor: int | None = None
    early: bool = False


@dataclass(frozen=True, slots=True)
class Reset(Command):
    """Go back to epoch 0: to the same start, or to a new random one."""

    new_start: bool = False


@dataclass(frozen=True, slots=True)
class SetEpochs(Command):
    """Make this the last epoch wanted; a run that is beyond it stays where it is."""

    epochs: int


@dataclass(frozen=True, slots=True)
class SetPace(Command):
    """Limit the epochs a second while running; None is as fast as possible."""

    epochs_per_second: float | None


@dataclass(frozen=True, slots=True)
class CheckGradient(Command):
    """Check the current lane's gradient numerically whenever the run rests, or stop doing so."""

    wanted: bool


@dataclass(frozen=True, slots=True, eq=False)
class TakeCheckpoint(Command):
    """Copy the run as it is now into `answer`, after the recorder has been offered what is new.

    The answer is cancelled if the runner ends first. Neither a run nor a seek stops for it; steps
    that were asked for are done before it.
    """

    answer: Future[Checkpoint] = field(default_factory=Future)


# commands that end steps in progress and take their place
CALLING_OFF = Pause | GoTo | Reset | SetStart
# commands that only look: a run that a stop rule has ended stays finished
LOOKING = SelectLane | RenameLane | Mark | LookAt | SetEpochs | SetPace | CheckGradient
# commands that leave weights and history unchanged: a running epoch goes on after them
LIGHT = LOOKING | SetLearningRate | TakeCheckpoint
