"""Steps that turn a fresh trainer into a given run, bit for bit, and how they are found.

A lane is determined by its start, learning rates and methods, so whatever was done and undone is
left out. Lanes are numbered in the order in which they are made: first those of the settings, then
one for every `BranchOff`.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from tui_gd.errors import ProblemError
from tui_gd.learning import OPTIMIZERS
from tui_gd.learning.engine import Interrupted
from tui_gd.learning.models import Floats
from tui_gd.problems import Problem
from tui_gd.runs.record import RunRecord
from tui_gd.session.settings import RunSettings
from tui_gd.training.checkpoint import Checkpoint, LaneRecord, states_of
from tui_gd.training.engines import draw_start
from tui_gd.training.history import Reset, lane_name
from tui_gd.training.trainer import Trainer

# The steps, and doing them


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


# Finding them


@dataclass(frozen=True)
class _Path:
    """How a lane descends from epoch 0 on; equal `start` means bitwise equal weights."""

    start: bytes
    rates: tuple[tuple[int, float], ...]
    methods: tuple[tuple[int, str, str], ...]
    branched_at: int = 0

    @classmethod
    def of(cls, lane: LaneRecord, start: Floats) -> "_Path":
        # a diverged lane no longer moves: later rates change nothing
        end = math.inf if lane.diverged is None else lane.diverged
        rates = tuple(rate for rate in lane.rates if rate[0] <= end)
        return cls(start.tobytes(), rates, lane.methods, lane.branched_at)

    @property
    def last_method(self) -> int:
        """The epoch from which the last method is used."""
        return self.methods[-1][0]

    def rate_at(self, epoch: int) -> float:
        return next(rate for since, rate in reversed(self.rates) if since <= epoch)

    def method_at(self, epoch: int) -> tuple[str, str]:
        return next(one[1:] for one in reversed(self.methods) if one[0] <= epoch)

    def before(self, epoch: int) -> "_Path":
        """Return a lane that is like this one up to `epoch` and then changes nothing more."""
        return replace(
            self,
            rates=tuple(one for one in self.rates if one[0] < epoch),
            methods=tuple(one for one in self.methods if one[0] < epoch),
        )

    def same_until(self, other: "_Path") -> float:
        """Return the first epoch whose update may differ; −1 if the starts do."""
        if self.start != other.start:
            return -1
        rates = {since for since, _ in {*self.rates} ^ {*other.rates}}
        methods = {since for since, _, _ in {*self.methods} ^ {*other.methods}}
        return min(rates | methods, default=math.inf)

    def forks(self, other: "_Path", made_at: int) -> range | None:
        """Return the epochs at which this lane can branch off `other`, which exists from `made_at`.

        A branch either keeps the methods of `other` or starts another one at the branch.
        """
        last, same = self.last_method, self.same_until(other)
        kept = tuple(one for one in other.methods if one[0] <= last)
        if kept == self.methods:
            ends = [one[0] - 1 for one in other.methods if one[0] > last]
            low, high = max(last, made_at), min([same, *ends])
            if low <= high:
                return range(low, int(min(high, max(low, self.branched_at))) + 1)
        begins = made_at <= last <= same and other.method_at(last) != self.method_at(last)
        return range(last, last + 1) if begins else None


def _branch_off(epoch: int, parent: int, old: _Path, new: _Path) -> BranchOff:
    """Return the step that makes a lane like `new` from lane `parent`, which is like `old`."""
    rate, (rule, loss) = new.rate_at(epoch), new.method_at(epoch)
    old_rule, old_loss = old.method_at(epoch)
    return BranchOff(
        epoch,
        parent,
        None if rate == old.rate_at(epoch) else rate,
        None if rule == old_rule else rule,
        None if loss == old_loss else loss,
    )


class _Plan:
    """Plans lanes one after another and collects the steps that make them.

    `steps` are (epoch, order, step); a lane's number is its place in the order of planning.
    """

    def __init__(self, roots: Sequence[_Path]) -> None:
        self.paths: list[_Path] = []
        self.made_at: list[int] = []
        self.used_until: list[int] = []
        self.steps: list[tuple[int, int, BranchOff | ChangeRate | Drop]] = []
        for root in roots:
            self._add(root, 0)

    def make(self, path: _Path, parent: int | None = None) -> int:
        """Plan a lane, as a branch of `parent` if possible; return its number."""
        forks = {
            number: epochs
            for number, other in enumerate(self.paths)
            if (epochs := path.forks(other, self.made_at[number])) is not None
        }
        if parent in forks and path.branched_at in forks[parent]:
            return self._branch(path, parent, path.branched_at)
        if not forks:
            # no lane passes the point where its last method starts: plan one that does
            forerunner = self.make(self._forerunner(path))
            return self._branch(path, forerunner, path.last_method)
        best = max(forks, key=lambda number: forks[number][-1])
        return self._branch(path, best, forks[best][-1])

    def _forerunner(self, path: _Path) -> _Path:
        begin = path.last_method
        before = path.before(begin)
        rule, loss = path.method_at(begin)
        if before.method_at(begin) != (rule, loss):
            return before
        # the method restarts itself, which only a branch from a different method does
        other = next(name for name in OPTIMIZERS if name != rule)
        return replace(before, methods=(*before.methods, (begin, other, loss)), branched_at=begin)

    def _branch(self, path: _Path, parent: int, epoch: int) -> int:
        step = _branch_off(epoch, parent, self.paths[parent], path)
        self.steps.append((epoch, len(self.paths), step))
        self.used_until[parent] = max(self.used_until[parent], epoch)
        return self._add(path, epoch)

    def _add(self, path: _Path, epoch: int) -> int:
        number = len(self.paths)
        self.paths.append(path)
        self.made_at.append(epoch)
        self.used_until.append(epoch)
        for since, rate in path.rates:
            if since > epoch:
                self.steps.append((since, number, ChangeRate(since, number, rate)))
        return number

    def finished(self, kept: Iterable[int], roots: int) -> tuple[list[Step], list[int]]:
        """Return the steps in order, with lanes numbered as they are made, and that numbering.

        Lanes that are not `kept` are closed. The first `roots` lanes exist before the first step.
        """
        wanted, steps = set(kept), self.steps.copy()
        for number, epoch in enumerate(self.used_until):
            if number not in wanted:
                steps.append((epoch, len(self.paths) + number, Drop(epoch, number)))
        steps.sort(key=lambda one: one[:2])
        order = list(range(roots))
        order += [number for _, number, step in steps if isinstance(step, BranchOff)]
        called = {number: place for place, number in enumerate(order)}
        renumbered = [_renumbered(step, called) for _, _, step in steps]
        return renumbered, order


def _renumbered(step: BranchOff | ChangeRate | Drop, called: dict[int, int]) -> Step:
    if isinstance(step, BranchOff):
        return replace(step, parent=called[step.parent])
    return replace(step, lane=called[step.lane])


def recipe(run: RunRecord) -> Shared:
    """Return settings and steps that `replay` turns into the same lanes, bit for bit."""
    settings, problem, checkpoint = run.settings, run.problem, run.checkpoint
    starts = dict(
        zip(
            (lane.number for lane in checkpoint.lanes),
            states_of(checkpoint, 0)[0][:, 0],
            strict=True,
        )
    )
    paths = {lane.number: _Path.of(lane, starts[lane.number]) for lane in checkpoint.lanes}
    numbers = _roots(checkpoint.lanes, paths)
    roots = [_only_first_method(paths[number]) for number in numbers]
    settings, steps = _first_lanes(settings, problem, roots)
    steps += _put_starts(run, [starts[number] for number in numbers], rooted=not any(steps))
    plan = _Plan(roots)
    made = {number: n for n, number in enumerate(numbers) if roots[n] == paths[number]}
    for lane in checkpoint.lanes:
        if lane.number not in made:
            parent = None if lane.parent is None else made.get(lane.parent)
            made[lane.number] = plan.make(paths[lane.number], parent)
    later, order = plan.finished(made.values(), len(roots))
    steps += later
    places = {number: order.index(n) for number, n in made.items()}
    in_order = sorted(checkpoint.lanes, key=lambda one: places[one.number])
    steps += [
        Rename(places[lane.number], lane.name)
        for lane in in_order
        if lane.name != lane_name(lane.number)
    ]
    wanted = (*(lane.number for lane in in_order), checkpoint.next_number)
    repeated = (*(places[lane.number] for lane in in_order), len(order))
    shared = Shared(
        settings,
        tuple(steps),
        checkpoint.epoch,
        checkpoint.lanes.index(run.lane),
        () if wanted == repeated else wanted,
        tuple(
            (position, lane.proposed[1])
            for position, lane in enumerate(checkpoint.lanes)
            if lane.proposed and lane.proposed[0] == checkpoint.epoch
        ),
        stop=_stop(run) if settings.stop_rules else None,
    )
    return replace(
        shared,
        seed=None if checkpoint.seed == shared.newest_seed else checkpoint.seed,
        goal=run.goal if run.goal > shared.last_epoch else None,
    )


def _stop(run: RunRecord) -> tuple[float, bool]:
    """Return where a stop rule ended a run, and whether the run is still there."""
    checkpoint = run.checkpoint
    before = checkpoint.stopped_at <= checkpoint.epoch
    return (checkpoint.stopped_at if before else math.inf), bool(checkpoint.stopped)


def _roots(lanes: Sequence[LaneRecord], paths: Mapping[int, _Path]) -> list[int]:
    """Return the numbers of the lanes to start with: one for every different start at least."""
    roots = [lane.number for lane in lanes if lane.parent is None] or [lanes[0].number]
    for lane in lanes:
        if paths[lane.number].start not in {paths[number].start for number in roots}:
            roots.append(lane.number)
    return roots


def _only_first_method(path: _Path) -> _Path:
    return path.before(path.methods[1][0]) if len(path.methods) > 1 else path


def _first_lanes(
    settings: RunSettings, problem: Problem, roots: Sequence[_Path]
) -> tuple[RunSettings, list[Step]]:
    """Return settings whose lanes are the roots at epoch 0, and steps where branches must help."""
    rates = [path.rates[0][1] for path in roots]
    rules = [path.methods[0][1] for path in roots]
    losses = [path.methods[0][2] for path in roots]
    usual = replace(settings, loss=None).loss_for(problem)
    settings = replace(settings, init=None, loss=None if losses[0] == usual else losses[0])
    optimizers = tuple(dict.fromkeys(rules))
    alphas = tuple(rates[: len(roots) // len(optimizers)])
    if len(set(losses)) == 1 and list(zip(rules, rates, strict=True)) == list(
        product(optimizers, alphas)
    ):
        return replace(settings, alpha=alphas, optimizer=optimizers), []
    return replace(settings, alpha=(rates[0],), optimizer=(rules[0],)), [
        _branch_off(0, 0, roots[0], root) for root in roots[1:]
    ]


def _put_starts(run: RunRecord, starts: Sequence[Floats], *, rooted: bool) -> list[Step]:
    """Return the steps that put the roots at their starts; `rooted` if none of them is a branch."""
    settings, checkpoint = run.settings, run.checkpoint
    resets = [one.seed for one in checkpoint.entries if isinstance(one, Reset)]
    seeds = [
        settings.seed,
        checkpoint.seed,
        *(seed for seed in reversed(resets) if seed is not None),
    ]
    steps: list[Step] = []
    known = None
    for seed in dict.fromkeys(seeds):
        drawn = draw_start(run.problem, run.model, settings.start_name, seed)
        drawn = drawn.astype(starts[0].dtype)
        if any(drawn.tobytes() == start.tobytes() for start in starts):
            known = drawn.tobytes()
            if seed != settings.seed or not rooted:
                steps.append(DrawStart(seed))
            break
    else:
        if not rooted:  # any start will do: a reset makes branches into lanes of their own
            steps.append(DrawStart(settings.seed))
    own: dict[bytes, tuple[Floats, list[int]]] = {}
    for lane, start in enumerate(starts):
        if start.tobytes() != known:
            own.setdefault(start.tobytes(), (start, []))[1].append(lane)
    steps += [PutStart(tuple(lanes), tuple(map(float, start))) for start, lanes in own.values()]
    return steps
