"""Commands: what a run can be asked to do."""

from dataclasses import dataclass


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
    """Copy the current lane here into a new lane, which becomes the current one."""


@dataclass(frozen=True, slots=True)
class SelectLane:
    """Make a lane, by its number, the current one."""

    lane: int


@dataclass(frozen=True, slots=True)
class Reset:
    """Go back to epoch 0: to the same start, or to a new random one."""

    new_start: bool = False


@dataclass(frozen=True, slots=True)
class SetPace:
    """Do no more than so many epochs a second while running; None is flat out."""

    epochs_per_second: float | None


@dataclass(frozen=True, slots=True)
class CheckGradient:
    """At rest, hold the gradient of the current lane against differences of the loss, or not."""

    wanted: bool


Command = (
    Pause
    | Resume
    | Step
    | StepBack
    | GoTo
    | SetLearningRate
    | Branch
    | SelectLane
    | Reset
    | SetPace
    | CheckGradient
)

# commands that end steps in progress
CALLING_OFF = Pause | GoTo | Reset
# commands that leave weights and history as they are: carried out between two blocks of a run
LIGHT = SetLearningRate | SelectLane | SetPace | CheckGradient
