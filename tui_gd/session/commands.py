"""Commands: what a run can be asked to do."""

from concurrent.futures import Future
from dataclasses import dataclass, field

from tui_gd.training.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop after the epoch in progress, or between its blocks."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on to the last epoch wanted; when that is reached, for as many epochs again."""


@dataclass(frozen=True, slots=True)
class Step:
    """Go some epochs forward, then pause."""

    epochs: int = 1


@dataclass(frozen=True, slots=True)
class StepBack:
    """Go some epochs back, then pause."""

    epochs: int = 1


@dataclass(frozen=True, slots=True)
class GoTo:
    """Go to an epoch, then pause; None is the newest."""

    epoch: int | None


@dataclass(frozen=True, slots=True)
class SetLearningRate:
    """Let the current lane descend with this learning rate from here on."""

    learning_rate: float


@dataclass(frozen=True, slots=True)
class Branch:
    """Copy the current lane here into a new lane, which becomes the current one.

    From here on it has this optimizer and this loss, each by its name, and this learning rate;
    None is the old lane's.
    """

    optimizer: str | None = None
    loss: str | None = None
    learning_rate: float | None = None


@dataclass(frozen=True, slots=True)
class SelectLane:
    """Make a lane, by its number, the current one."""

    lane: int


@dataclass(frozen=True, slots=True)
class RenameLane:
    """Give a lane, by its number, another name."""

    lane: int
    name: str


@dataclass(frozen=True, slots=True)
class CloseLane:
    """Drop a lane, by its number, with all that is on record of it; the last one stays."""

    lane: int


@dataclass(frozen=True, slots=True)
class SetStart:
    """Go back to epoch 0 and let the current lane start with these weights (parameters,)."""

    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Make the viewed epoch the one to which others are compared."""


@dataclass(frozen=True, slots=True)
class LookAt:
    """Have the curves `measure` (loss, norm or alpha) of epochs `first` … `last` in snapshots.

    `last` None is the newest; a `first` below 0 counts from it. `cursor` is an epoch whose numbers
    are wanted exactly. With `early` the first epochs are wanted in narrower buckets too, where
    those of the curves have several: on a logarithmic axis they take half of the room.
    """

    measure: str = "loss"
    first: int = 0
    last: int | None = None
    cursor: int | None = None
    early: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """Go back to epoch 0: to the same start, or to a new random one."""

    new_start: bool = False


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Be where the run stood before it was begun again; a second time, be here again."""


@dataclass(frozen=True, slots=True)
class SetPace:
    """Do no more than so many epochs a second while running; None is flat out."""

    epochs_per_second: float | None


@dataclass(frozen=True, slots=True)
class CheckGradient:
    """At rest, hold the gradient of the current lane against differences of the loss, or not."""

    wanted: bool


@dataclass(frozen=True, slots=True, eq=False)
class TakeCheckpoint:
    """Copy the run as it is now into `answer`, after the recorder has been offered what is new.

    The answer is cancelled if the runner ends first. Neither a run nor a seek stops for it; steps
    that were asked for are done before it.
    """

    answer: Future[Checkpoint] = field(default_factory=Future)


Command = (
    Pause
    | Resume
    | Step
    | StepBack
    | GoTo
    | SetLearningRate
    | Branch
    | SelectLane
    | RenameLane
    | CloseLane
    | SetStart
    | Mark
    | LookAt
    | Reset
    | TakeBack
    | SetPace
    | CheckGradient
    | TakeCheckpoint
)

# commands that end steps in progress
CALLING_OFF = Pause | GoTo | Reset | SetStart | TakeBack
# commands that leave weights and history as they are: carried out between two blocks of a run
LIGHT = (
    SetLearningRate
    | SelectLane
    | RenameLane
    | Mark
    | LookAt
    | SetPace
    | CheckGradient
    | TakeCheckpoint
)
# commands after which a run that has stopped is where it was
LOOKING = SelectLane | RenameLane | Mark | LookAt | SetPace | CheckGradient
