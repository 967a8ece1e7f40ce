"""A lesson's run without a screen: its start, what a prediction leads to, and the curves."""

import math
import shlex
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tui_gd.errors import ProblemError
from tui_gd.insight.curvature import curvature, safe_learning_rate
from tui_gd.learning.engine import computing
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Floats
from tui_gd.lessons.lesson import Lesson, Step
from tui_gd.lessons.player import Player, number_in
from tui_gd.problems import BUILTIN, SURFACES, Problem
from tui_gd.problems.surfaces import TYPED
from tui_gd.runs.recipe import Shared
from tui_gd.runs.recipe import replay as repeat
from tui_gd.runs.record import RunRecord
from tui_gd.runs.share import open_line, share_line
from tui_gd.session import commands, readers
from tui_gd.session.commands import Command
from tui_gd.session.observer import Observer
from tui_gd.session.options import Scope, options_of
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState
from tui_gd.session.verdict import measure, verdict_on
from tui_gd.training.checkpoint import Checkpoint
from tui_gd.training.trainer import Trainer

RECORDED = frozenset({"loss", "test", "norm", "alpha"})
"""What the history holds for every epoch."""
STUDENT = "student"
MOST_LOOKED_AT = 1000
"""Of so many epochs, at most, each is looked at for a task that is done."""
MOST_REPLAYED = 2_000_000
"""A run of more epochs than this is not replayed for a check or a grade."""


@dataclass
class LessonRun:
    """A run that a lesson can look at: its settings, its problem and its trainer.

    Checks and texts ask for the numbers and the verdict of its current lane. `seed` is that of the
    newest random start, `first_seed` that of the lesson's own.
    """

    settings: RunSettings
    problem: Problem
    trainer: Trainer
    seed: int
    first_seed: int

    @property
    def position(self) -> int:
        """The place of the current lane."""
        return self.trainer.position(self.trainer.current) or 0

    def number(self, name: str, epoch: int | None = None) -> float:
        """Return a number of the current lane, at `epoch` or at the viewed one."""
        if epoch is not None and name in RECORDED:
            return self._recorded(name, epoch)
        if epoch is not None:
            if epoch > self.trainer.newest:
                return math.nan
            other = self.copy()
            other.trainer.go_to(epoch)
            return other.number(name)
        trainer, position = self.trainer, self.position
        kind, _, index = name.partition("_")
        if index:
            values = trainer.weights if kind == "weight" else trainer.grad
            number = int(index) - 1
            return float(values[position][number]) if number < values.shape[1] else math.nan
        if name in {"test", "best"}:
            trainer.finish_tests()
        simple: dict[str, Callable[[], float]] = {
            "epoch": lambda: trainer.epoch,
            "newest": lambda: trainer.newest,
            "lanes": lambda: len(trainer.lanes),
            "start": lambda: max(0, self.seed - self.first_seed) + 1,
            "alpha": lambda: trainer.learning_rates[position],
            "loss": lambda: trainer.loss[position],
            "norm": lambda: float(np.linalg.norm(trainer.grad[position])),
            "test": lambda: self._recorded("test", trainer.epoch),
            "best": lambda: np.fmin.reduce(trainer.test_losses(position), initial=np.nan),
            "limit": lambda: self._curvature("limit"),
            "lambda": lambda: self._curvature("lambda"),
        }
        if name in simple:
            return float(simple[name]())
        return self._rows(name, trainer.weights[position])

    def _rows(self, name: str, weights: Floats) -> float:
        """Return how many test rows are right, wrong or changed since the start, or the accuracy.

        NaN if there are no classes or no test rows.
        """
        problem = self.trainer.problem
        if problem.surface is not None or problem.task == "regression" or not len(problem.y_test):
            return math.nan
        with computing():
            now = self.trainer.predictor.predict(weights, problem.x_test)
            if name == "changed":
                start = self.trainer.history.keyframes.start()[self.position, 0]
                return float((now != self.trainer.predictor.predict(start, problem.x_test)).sum())
        right = float((now == problem.y_test).sum())
        count = float(len(problem.y_test))
        return {"right": right, "wrong": count - right, "accuracy": right / count}[name]

    def _recorded(self, name: str, epoch: int) -> float:
        history, position = self.trainer.history, self.position
        lane = history.lanes[position]
        if epoch > lane.recorded:
            return math.nan
        if name == "alpha":
            return float(lane.rate_at(epoch))
        series = {"loss": "train", "test": "test", "norm": "norm"}[name]
        return float(history.series[series].at(position, epoch))

    def _curvature(self, name: str) -> float:
        trainer, position = self.trainer, self.position
        method = trainer.lanes[position].method_at(trainer.epoch)
        with np.errstate(all="ignore"):
            found = curvature(trainer.engines.make(method.loss), trainer.weights[position].copy())
        if name == "lambda":
            return found.largest
        factor = make_loss(method.loss, trainer.problem.task).descent_factor
        safe = safe_learning_rate(
            found, method.optimizer.name, factor, True, method.optimizer.momentum
        )
        return math.nan if safe.limit is None else safe.limit

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

    def carry_out(self, orders: Sequence[Command]) -> None:
        """Do what orders say, one after the other."""
        trainer = self.trainer
        for order in orders:
            match order:
                case commands.Step(epochs):
                    trainer.advance(epochs)
                case commands.StepBack(epochs):
                    trainer.back(epochs)
                case commands.GoTo(int(epoch)):
                    trainer.go_to(epoch)
                case commands.SetLearningRate(rate):
                    trainer.set_learning_rate(rate, self.position)
                case commands.Branch(optimizer, loss, rate):
                    new = trainer.branch(self.position, rate, optimizer=optimizer, loss=loss)
                    trainer.current = trainer.lanes[new].number
                case commands.Reset(new_start=True):
                    self.seed += 1
                    trainer.reset(self.seed)
                case commands.Reset():
                    trainer.reset()

    def copy(self) -> "LessonRun":
        """Return the run again, at the same epoch with the same bits, to be changed freely."""
        checkpoint = self.trainer.checkpoint(self.seed)
        return at_checkpoint(self.settings, self.problem, checkpoint, self.first_seed)

    def line(self) -> str:
        """Return the run's share line."""
        checkpoint = self.trainer.checkpoint(self.seed)
        return share_line(RunRecord(self.settings, self.problem, checkpoint))


def at_checkpoint(
    settings: RunSettings, problem: Problem, checkpoint: Checkpoint, first_seed: int
) -> LessonRun:
    """Return a run of its own where another one stands."""
    trainer = settings.make_trainer(problem)
    trainer.record_norms()
    trainer.restore(checkpoint)
    return LessonRun(settings, problem, trainer, checkpoint.seed, first_seed)


def begin(lesson: Lesson, seed: int) -> LessonRun:
    """Return a lesson's run at its start; `seed` stands for the learner's name.

    `ProblemError` if the lesson's `run` is at fault, or names a file.
    """
    start = start_of(lesson, seed)
    return from_shared(start, start.newest_seed)


def start_of(lesson: Lesson, seed: int) -> Shared:
    """Return settings and steps of a lesson's start; `LessonError` if it has a fault."""
    text = lesson.run.strip()
    try:
        if text.startswith("gd1:"):
            return open_line(text)
        return Shared(_settings(shlex.split(text), seed), (), 0)
    except (ProblemError, ValueError) as error:
        raise lesson.fault("run", f"run: {error}") from None


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


def from_shared(shared: Shared, first_seed: int) -> LessonRun:
    """Return the run that a share line leads to; `first_seed` is that of the lesson's start."""
    total = shared.epoch * max(1, len(shared.settings.alpha) * len(shared.settings.optimizer))
    if total > MOST_REPLAYED:
        raise ProblemError(f"{total} epochs are too many to replay here: {MOST_REPLAYED} at most")
    settings = replace(shared.settings, epochs=max(shared.settings.epochs, 1))
    problem = settings.load_problem()
    trainer = settings.make_trainer(problem)
    trainer.record_norms()
    repeat(trainer, shared)
    return LessonRun(settings, problem, trainer, shared.newest_seed, first_seed)


def orders_of(step: Step, run: LessonRun) -> list[Command]:
    """Return what a step does to a run: `then`, or as much of its solution as the task needs."""
    if step.until is None:
        return list(step.then)
    other, orders = run.copy(), list[Command]()
    for order in step.solution:
        if step.until.holds(other):
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
        if player.reached(other):
            return other
    return run if player.reached(run) else None


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
    record.asked = player.text(here)
    outcome = here.copy()
    outcome.carry_out(step.then)
    if not player.answer(given, outcome):
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
    return math.nan if mark is None else mark.value(here)


def curves(run: LessonRun, rates: Sequence[float], orders: Sequence[Command]) -> list[Floats]:
    """Return the losses that each learning rate would lead to, from here through `orders`.

    The first loss is that of here. Numbers after divergence are inf.
    """
    epochs = sum(order.epochs for order in orders if isinstance(order, commands.Step))
    found = []
    for rate in rates:
        other, changed = run.copy(), commands.SetLearningRate(rate)
        position, at = other.position, other.trainer.epoch
        other.carry_out([changed if type(one) is type(changed) else one for one in orders])
        losses = np.asarray(other.trainer.losses(position)[at : at + epochs + 1], np.float64)
        missing = epochs + 1 - len(losses)
        found.append(np.concatenate([losses, np.full(max(missing, 0), math.inf)]))
    return found
