"""A lesson's run without a screen: its start, what a prediction leads to, and the curves."""

import math
import shlex
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tui_gd.errors import ProblemError
from tui_gd.learning.models import Floats
from tui_gd.lessons.facts import RunFacts
from tui_gd.lessons.lesson import Lesson, LessonError
from tui_gd.lessons.orders import Order
from tui_gd.problems import BUILTIN, SURFACES, Problem
from tui_gd.problems.surfaces import TYPED
from tui_gd.runs.record import RunRecord
from tui_gd.runs.share import open_line, share_line
from tui_gd.runs.steps import Shared
from tui_gd.runs.steps import replay as repeat
from tui_gd.session import readers
from tui_gd.session.settings import RunSettings, Scope, options_of
from tui_gd.training.checkpoint import Checkpoint
from tui_gd.training.trainer import Trainer

STUDENT = "student"
MOST_REPLAYED = 2_000_000
"""A run of more epochs than this is not replayed for a check or a grade."""

VerdictOf = Callable[[Trainer, RunSettings, Problem], str]


@dataclass
class LessonRun:
    """A run that a lesson can look at: its settings, its problem and its trainer."""

    settings: RunSettings
    problem: Problem
    trainer: Trainer
    seed: int
    start: int = 1
    verdict: VerdictOf | None = None

    @property
    def facts(self) -> RunFacts:
        """What the run says now."""
        return RunFacts(self.trainer, start=self.start, verdict=self._verdict)

    def _verdict(self) -> str:
        if self.verdict is None:
            return ""
        return self.verdict(self.trainer, self.settings, self.problem)

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
            self.verdict,
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
    verdict: VerdictOf | None = None,
    start: int = 1,
) -> LessonRun:
    """Return a run of its own where another one stands."""
    trainer = settings.make_trainer(problem)
    trainer.record_norms()
    trainer.restore(checkpoint)
    return LessonRun(settings, problem, trainer, checkpoint.seed, start, verdict)


def begin(lesson: Lesson, seed: int, verdict: VerdictOf | None = None) -> LessonRun:
    """Return a lesson's run at its start; `seed` stands for the learner's name.

    `ProblemError` if the lesson's `run` is at fault, or names a file.
    """
    return from_shared(start_of(lesson, seed), verdict)


def start_of(lesson: Lesson, seed: int) -> Shared:
    """Return settings and steps of a lesson's start; `LessonError` if they cannot be had."""
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


def from_shared(shared: Shared, verdict: VerdictOf | None = None) -> LessonRun:
    """Return the run that a share line leads to."""
    total = shared.epoch * max(1, len(shared.settings.alpha) * len(shared.settings.optimizer))
    if total > MOST_REPLAYED:
        raise ProblemError(f"{total} epochs are too many to replay here: {MOST_REPLAYED} at most")
    settings = replace(shared.settings, epochs=max(shared.settings.epochs, 1))
    problem = settings.load_problem()
    trainer = settings.make_trainer(problem)
    trainer.record_norms()
    repeat(trainer, shared)
    return LessonRun(settings, problem, trainer, shared.newest_seed, 1, verdict)


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
