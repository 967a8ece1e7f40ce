"""A lesson's run without a screen: its start, what a prediction leads to, and the curves."""

import math
import shlex
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tui_gd.errors import ProblemError
from tui_gd.learning.engine import computing
from tui_gd.learning.models import Floats
from tui_gd.lessons.facts import RunFacts
from tui_gd.lessons.lesson import Lesson, LessonError, Step
from tui_gd.lessons.orders import Order
from tui_gd.lessons.player import Player, number_in
from tui_gd.problems import BUILTIN, SURFACES, Problem
from tui_gd.problems.surfaces import TYPED
from tui_gd.runs.record import RunRecord
from tui_gd.runs.share import open_line, share_line
from tui_gd.runs.steps import Shared
from tui_gd.runs.steps import replay as repeat
from tui_gd.session import readers
from tui_gd.session.observer import Observer
from tui_gd.session.options import Scope, options_of
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState
from tui_gd.session.verdict import measure, verdict_on
from tui_gd.training.checkpoint import Checkpoint
from tui_gd.training.trainer import Trainer

STUDENT = "student"
MOST_LOOKED_AT = 1000
"""Of so many epochs, at most, each is looked at for a task that is done."""
MOST_REPLAYED = 2_000_000
"""A run of more epochs than this is not replayed for a check or a grade."""


@dataclass
class LessonRun:
    """A run that a lesson can look at: its settings, its problem and its trainer."""

    settings: RunSettings
    problem: Problem
    trainer: Trainer
    seed: int
    start: int = 1

    @property
    def facts(self) -> RunFacts:
        """The numbers of the run now."""
        return RunFacts(self.trainer, start=self.start, verdict=self.verdict, at=self._facts_at)

    def _facts_at(self, epoch: int) -> RunFacts:
        other = self.copy()
        other.trainer.go_to(epoch)
        return RunFacts(other.trainer, start=self.start)

    def verdict(self) -> str:
        """Return the kind of the verdict on the current lane."""
        trainer = self.trainer
        predictor = trainer.predictor
        ended = bool(trainer.diverged.all())
        if not ended:
            trainer.look_ahead()
        trainer.finish_tests()
        snapshot = Observer(trainer, predictor).snapshot(
            state=RunState.DIVERGED if ended else RunState.PAUSED,
            epochs=max(self.settings.epochs, trainer.epoch),
            seed=self.seed,
        )
        with computing(), np.errstate(all="ignore"):
            engine = trainer.engines.make(snapshot.lane.loss_name)
            measured = measure(snapshot, self.problem, predictor, engine)
            return str(verdict_on(snapshot, self.problem, self.settings, measured).kind)

    def carry_out(self, orders: Sequence[Order]) -> None:
        """Do what orders say, one after the other."""
        for order in orders:
            before = self.seed
            self.seed = order.carry_out(self.trainer, before)
            self.start += order.name == "new"

    def copy(self) -> "LessonRun":
        """Return the run again, at the same epoch with the same bits, to be changed freely."""
        return at_checkpoint(
            self.settings,
            self.problem,
            self.trainer.checkpoint(self.seed),
            self.start,
        )

    def line(self) -> str:
        """Return the run's share line."""
        checkpoint = self.trainer.checkpoint(self.seed)
        return share_line(RunRecord(self.settings, self.problem, checkpoint))


def at_checkpoint(
    settings: RunSettings,
    problem: Problem,
    checkpoint: Checkpoint,
    start: int = 1,
) -> LessonRun:
    """Return a run of its own where another one stands."""
    trainer = settings.make_trainer(problem)
    trainer.record_norms()
    trainer.restore(checkpoint)
    return LessonRun(settings, problem, trainer, checkpoint.seed, start)


def begin(lesson: Lesson, seed: int) -> LessonRun:
    """Return a lesson's run at its start; `seed` stands for the learner's name.

    `ProblemError` if the lesson's `run` is at fault, or names a file.
    """
    return from_shared(start_of(lesson, seed))


def start_of(lesson: Lesson, seed: int) -> Shared:
    """Return settings and steps of a lesson's start; `LessonError` if it has a fault."""
    text = lesson.run.strip()
    try:
        if text.startswith("gd1:"):
            return open_line(text)
        return Shared(_settings(shlex.split(text), seed), (), 0)
    except (ProblemError, ValueError) as error:
        raise LessonError(f"{lesson.name}, {lesson.place('run')}: run: {error}") from None


def _settings(words: list[str], seed: int) -> RunSettings:
    """Return the settings that follow `gd-tui` on a command line; `student` stands for `seed`."""
    options = options_of(RunSettings)
    flags = {flag: one for one in options.values() for flag in (one.flag, one.short) if flag}
    given: dict[str, Any] = {"seed": 0}
    left = deque(words)
    while left:
        word, equals, value = left.popleft().partition("=")
        if not word.startswith("-"):
            given["problem"] = word
            continue
        one = flags.get(word)
        if one is None or one.scope in {Scope.FILES, Scope.LOCAL}:
            raise ValueError(f"{word[:40]!a} is not for a lesson")
        if one.reader is readers.boolean:
            given[one.name] = True
            continue
        if not equals:
            if not left:
                raise ValueError(f"{word} needs a value")
            value = left.popleft()
        if one.name == "seed" and value == STUDENT:
            value = str(seed)
        try:
            given[one.name] = one.reader.typed(value)
        except ValueError as error:
            raise ValueError(f"{word}: {error}") from None
    if "surface" in given:
        given["problem"] = TYPED
    settings = RunSettings.of(given)
    if settings.problem not in {*BUILTIN, *SURFACES, TYPED}:
        raise ValueError(f"{settings.problem[:40]!a} is no built-in problem")
    return settings


def from_shared(shared: Shared) -> LessonRun:
    """Return the run that a share line leads to."""
    total = shared.epoch * max(1, len(shared.settings.alpha) * len(shared.settings.optimizer))
    if total > MOST_REPLAYED:
        raise ProblemError(f"{total} epochs are too many to replay here: {MOST_REPLAYED} at most")
    settings = replace(shared.settings, epochs=max(shared.settings.epochs, 1))
    problem = settings.load_problem()
    trainer = settings.make_trainer(problem)
    trainer.record_norms()
    repeat(trainer, shared)
    return LessonRun(settings, problem, trainer, shared.newest_seed)


def orders_of(step: Step, run: LessonRun) -> list[Order]:
    """Return what a step does to a run: `then`, or as much of its solution as the task needs."""
    if step.until is None:
        return list(step.then)
    other, orders = run.copy(), list[Order]()
    for order in step.solution:
        if step.until.holds(other.facts):
            break
        other.carry_out([order])
        orders.append(order)
    return orders


def reach(player: Player, run: LessonRun, before: int) -> LessonRun | None:
    """Return the run at the first epoch after `before` at which a task was done, None if at none.

    Epochs are looked at one by one, because a run goes on meanwhile: a loss that has to be reached
    by epoch 20 counts although the run is at 25. The player remembers that the task is done.
    """
    epochs = range(before + 1, run.trainer.epoch)
    other = run.copy() if epochs else run
    for epoch in epochs[:MOST_LOOKED_AT]:
        other.trainer.go_to(epoch)
        if player.reached(other.facts):
            return other
    return run if player.reached(run.facts) else None


def begin_at(lesson: Lesson, seed: int, at: int) -> LessonRun:
    """Return a lesson's run at the beginning of step `at`, as those before it leave it."""
    run = begin(lesson, seed)
    for step in lesson.steps[:at]:
        run.carry_out(orders_of(step, run))
    return run


def take_answer(player: Player, given: str, here: LessonRun) -> bool:
    """Judge an answer by what a copy of the run does; return whether the step is done.

    What was predicted of the loss is remembered with the epoch that the prediction is about.
    """
    step, record = player.step, player.record
    record.asked = player.text(here.facts)
    outcome = here.copy()
    outcome.carry_out(step.then)
    if not player.answer(given, outcome.facts):
        return False
    record.run = here.line()
    guess = _guessed_loss(player, given, here)
    if math.isfinite(guess) and step.then:
        record.guess, record.guess_epoch = guess, outcome.trainer.epoch
    return True


def _guessed_loss(player: Player, given: str, here: LessonRun) -> float:
    """Return the loss that an answer predicts, NaN if it predicts none."""
    step = player.step
    if step.number is not None:
        return number_in(given) if step.number.text.strip() == "loss" else math.nan
    if step.curves:
        return float(curves(here, player.curve_rates(), step.then)[int(given) - 1][-1])
    mark = step.choice[int(given) - 1].mark if step.choice else None
    return math.nan if mark is None else mark.value(here.facts)


def curves(run: LessonRun, rates: Sequence[float], orders: Sequence[Order]) -> list[Floats]:
    """Return the losses that each learning rate would lead to, from here through `orders`.

    The first loss is that of here. Numbers after divergence are inf.
    """
    epochs = sum(order.epochs for order in orders)
    found = []
    for rate in rates:
        other = run.copy()
        trainer = other.trainer
        position = trainer.position(trainer.current) or 0
        at = trainer.epoch
        for order in orders:
            changed = replace(order, number=rate) if order.name == "alpha" else order
            other.seed = changed.carry_out(trainer, other.seed)
        losses = np.asarray(trainer.losses(position)[at : at + epochs + 1], np.float64)
        missing = epochs + 1 - len(losses)
        found.append(np.concatenate([losses, np.full(max(missing, 0), math.inf)]))
    return found
