"""Steps that turn a fresh trainer into a given run, bit for bit.

A lane is determined by its start, learning rates and methods, so whatever was done and undone is
left out. Lanes are numbered in the order in which they are made: first those of the settings, then
one for every `BranchOff`.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from tui_gd.errors import ProblemError
from tui_gd.learning.engine import Interrupted
from tui_gd.session.settings import RunSettings
from tui_gd.training.checkpoint import Checkpoint, LaneRecord
from tui_gd.training.history import Reset, lane_name
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
    """A run to repeat: settings, steps in order, and what the steps do not determine.

    `epoch` is the viewed one. `numbers` are those of the lanes that are left after the last step,
    in the order in which they were made, followed by the number of the next lane; empty if they are
    the numbers that the steps give. Lanes are then in the order of their numbers: `current` is the
    viewed one by its position, and `rates` are learning rates (position, rate) that were set at
    `epoch`, where later epochs are on record, and not used yet. `seed` is that of the newest random
    start and `goal` the last epoch wanted, None if steps and settings give them. `stop` is where a
    stop rule ended the run (`Trainer.stopped_at`) and whether the run is still there; None if
    repeating the run says so.
    """

    settings: RunSettings
    steps: tuple[Step, ...]
    epoch: int
    current: int = 0
    numbers: tuple[int, ...] = ()
    rates: tuple[tuple[int, float], ...] = ()
    seed: int | None = None
    goal: int | None = None
    stop: tuple[float, bool] | None = None

    @property
    def newest_seed(self) -> int:
        """The seed of the newest random start."""
        drawn = [step.seed for step in self.steps if isinstance(step, DrawStart)]
        return [self.settings.seed, *drawn][-1] if self.seed is None else self.seed

    @property
    def last_epoch(self) -> int:
        """The last epoch wanted."""
        return max(self.settings.epochs, self.epoch, self.goal or 0)


def replay(trainer: Trainer, shared: Shared) -> None:
    """Bring a fresh trainer with the shared settings to the epoch and bits of the shared run.

    If all lanes diverge before a step, the run stops there. `ProblemError` if a step does not fit
    the problem; `Interrupted` if `trainer.interrupt` is set meanwhile.
    """
    made = [lane.number for lane in trainer.lanes]
    try:
        for step in shared.steps:
            if isinstance(step, BranchOff | ChangeRate | Drop) and not _go(trainer, step.epoch):
                break
            _do(trainer, step, made)
        else:
            if _go(trainer, shared.epoch) and trainer.epoch != shared.epoch:
                trainer.go_to(shared.epoch)
        renamed = {made[step.lane] for step in shared.steps if isinstance(step, Rename)}
        trainer.restore(_settled(trainer, shared, renamed))
    except (ValueError, IndexError) as error:
        raise ProblemError(f"the share line does not fit its problem: {error}") from None


def _settled(trainer: Trainer, shared: Shared, renamed: Collection[int]) -> Checkpoint:
    """Return the checkpoint of a repeated run, with all that its steps do not determine.

    `renamed` are the numbers of lanes whose names are not the default.
    """
    found = trainer.checkpoint(shared.newest_seed)
    old = [lane.number for lane in found.lanes]
    *given, following = shared.numbers or (*old, found.next_number)
    numbers = dict(zip(old, given if len(given) == len(old) else old, strict=True))
    lanes: list[LaneRecord] = []
    for lane in sorted(found.lanes, key=lambda one: numbers[one.number]):
        number = numbers[lane.number]
        # a parent that was closed keeps a number that no lane has
        parent = None if lane.parent is None else numbers.get(lane.parent, -1 - lane.parent)
        name = lane.name if lane.number in renamed else lane_name(number)
        current = len(lanes) == shared.current
        lanes.append(replace(lane, number=number, name=name, parent=parent, current=current))
    if trainer.epoch == shared.epoch:
        for position, rate in shared.rates:
            lanes[position] = replace(lanes[position], proposed=(trainer.epoch, rate))
    stopped, stopped_at = found.stopped, found.stopped_at
    if shared.stop is not None:
        stopped_at, there = shared.stop
        stopped = (stopped or "by a rule") if there else ""
    return replace(
        found,
        lanes=tuple(lanes),
        keyframes=tuple(
            replace(frame, numbers=tuple(numbers[one] for one in frame.numbers))
            for frame in found.keyframes
        ),
        series={
            name: {numbers[one]: known for one, known in of_lanes.items()}
            for name, of_lanes in found.series.items()
        },
        entries=tuple(Reset(0, step.seed) for step in shared.steps if isinstance(step, DrawStart)),
        next_number=max(following, 1 + max(numbers.values())),
        stopped=stopped,
        stopped_at=stopped_at,
    )


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
