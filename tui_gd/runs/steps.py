"""Steps that turn a fresh trainer into a given run, bit for bit.

A lane is determined by its start, learning rates and methods, so whatever was done and undone is
left out. Lanes are numbered in the order in which they are made: first those of the settings, then
one for every `BranchOff`.
"""

from dataclasses import dataclass

from tui_gd.errors import ProblemError
from tui_gd.learning.engine import Interrupted
from tui_gd.session.settings import RunSettings
from tui_gd.training.trainer import Trainer


@dataclass(frozen=True, slots=True)
class DrawStart:
    """At epoch 0 all lanes go to the start of `seed`."""

    seed: int


@dataclass(frozen=True, slots=True)
class PutStart:
    """At epoch 0 some lanes go to these weights (parameters,)."""

    lanes: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class BranchOff:
    """At `epoch` lane `parent` is copied into a new lane; None keeps the parent's value."""

    epoch: int
    parent: int
    learning_rate: float | None = None
    optimizer: str | None = None
    loss: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeRate:
    """From `epoch` on a lane descends with this learning rate."""

    epoch: int
    lane: int
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Drop:
    """At `epoch` a lane is closed that existed only for another to branch from it."""

    epoch: int
    lane: int


@dataclass(frozen=True, slots=True)
class Rename:
    """A lane gets a name other than its letter."""

    lane: int
    name: str


Step = DrawStart | PutStart | BranchOff | ChangeRate | Drop | Rename


@dataclass(frozen=True)
class Shared:
    """A run to repeat: its settings, its steps in order, and the epoch that was viewed.

    `current` is the position of the viewed lane after the last step.
    """

    settings: RunSettings
    steps: tuple[Step, ...]
    epoch: int
    current: int = 0


def replay(trainer: Trainer, shared: Shared) -> None:
    """Bring a fresh trainer with the shared settings to the epoch and bits of the shared run.

    If all lanes diverge before a step, the run stops there. `ProblemError` if a step does not fit
    the problem; `Interrupted` if `trainer.interrupt` is set meanwhile.
    """
    made = [lane.number for lane in trainer.lanes]
    try:
        for step in shared.steps:
            if isinstance(step, BranchOff | ChangeRate | Drop) and not _go(trainer, step.epoch):
                return
            _do(trainer, step, made)
    except (ValueError, IndexError) as error:
        raise ProblemError(f"the share line does not fit its problem: {error}") from None
    if _go(trainer, shared.epoch):
        trainer.go_to(shared.epoch)


def _go(trainer: Trainer, epoch: int) -> bool:
    """Train up to `epoch`, ignoring stop rules; return whether it was reached."""
    while trainer.epoch < epoch:
        if trainer.interrupt:
            raise Interrupted
        if not trainer.advance(epoch - trainer.epoch) and not trainer.stopped:
            return False
    return True


def _do(trainer: Trainer, step: Step, made: list[int]) -> None:
    """Do one step; `made` are the trainer's lane numbers in the order of making."""

    def position(lane: int) -> int:
        found = trainer.position(made[lane])
        if found is None:
            raise ValueError(f"lane {lane} is closed")
        return found

    match step:
        case DrawStart(seed):
            trainer.reset(seed)
        case PutStart(lanes, weights):
            if len(weights) != trainer.model.parameters:
                raise ValueError(
                    f"a start has {len(weights)} weights, the model {trainer.model.parameters}"
                )
            for lane in lanes:
                trainer.reset(weights=weights, lane=position(lane))
        case BranchOff(_, parent, rate, optimizer, loss):
            new = trainer.branch(position(parent), rate, optimizer=optimizer, loss=loss)
            made.append(trainer.lanes[new].number)
        case ChangeRate(_, lane, rate):
            trainer.set_learning_rate(rate, position(lane))
        case Drop(_, lane):
            trainer.close(position(lane))
        case Rename(lane, name):
            trainer.lanes[position(lane)].name = name
