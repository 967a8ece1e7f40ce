"""Checking a lesson: it is played once by its own answers, for several learners' names."""

import math
import textwrap
from collections.abc import Collection
from itertools import pairwise
from typing import NoReturn

from tui_gd.errors import ProblemError
from tui_gd.lessons.checks import Facts, actions_in, fill
from tui_gd.lessons.lesson import ENGLISH, Lesson, LessonError, Step, known_words
from tui_gd.lessons.player import Player, seed_of
from tui_gd.lessons.replay import LessonRun, begin, curves, orders_of

NAMES = ("Ada", "Bo", "Chen")
TEXT_WIDTH, MOST_LINES = 74, 6
"""A step's text and its choices have to fit into so many lines of an 80-column screen."""


def check_lesson(lesson: Lesson, actions: Collection[str] | None = None) -> None:
    """Play a lesson through; `LessonError` names the first step that does not work, with its place.

    Every number that is asked for exists, every `do` is not yet true at its start and is reached by
    its solution, every text fits an 80-column screen, and every action is one of `actions`.
    """
    if actions is not None:
        _check_actions(lesson, actions)
    _check_words(lesson)
    for name in NAMES:
        run = begin(lesson, seed_of(name))
        player = Player(lesson, name)
        for at, step in enumerate(lesson.steps):
            try:
                _play(player, run)
            except ProblemError as fault:
                key = fault.key if isinstance(fault, _StepError) else step.kind
                place = lesson.place(f"step.{at}.{key or step.kind}")
                raise LessonError(f"{lesson.name}, {place}: {fault} (as {name})") from None
            player.next()


def _check_actions(lesson: Lesson, actions: Collection[str]) -> None:
    """Refuse actions that no key table knows; a name without arguments stands for all of it."""
    known = {*actions, *(action.partition("(")[0] for action in actions)}
    for name in lesson.lock:
        if name not in known:
            raise LessonError(f"{lesson.name}, {lesson.place('lock')}: {name!r} is no action")
    for at, step in enumerate(lesson.steps):
        says = [choice.say for choice in step.choice] + [choice.text for choice in step.choice]
        for text in (step.text, step.after, step.too_high, step.too_low, *step.hint, *says):
            for name in actions_in(text):
                if name not in known:
                    place = lesson.place(f"step.{at}.{step.kind}")
                    raise LessonError(f"{lesson.name}, {place}: <{name}> is no action")


def _check_words(lesson: Lesson) -> None:
    """Refuse a lesson in a language in which gd-tui has no words, unless the file brings them."""
    known = known_words()
    missing = [word for word in known[ENGLISH] if word not in lesson.words]
    if missing and lesson.lang not in known:
        raise LessonError(
            f"{lesson.name}, {lesson.place('lang')}: for lang {lesson.lang!r} [words] needs"
            f" {', '.join(missing)}"
        )


def check_translation(lesson: Lesson, original: Lesson) -> None:
    """Refuse a translation that differs in more than its texts; `LessonError` names the place.

    Answers, hand-ins and progress hold in every language only if steps, orders, checks and the
    order of choices are the same.
    """
    for key in ("id", "run", "panels", "hide", "lock", "skip", "reveal_after"):
        if getattr(lesson, key) != getattr(original, key):
            _differs(lesson, key, original)
    if len(lesson.steps) != len(original.steps):
        _differs(lesson, "step", original)
    for at, (one, other) in enumerate(zip(lesson.steps, original.steps, strict=True)):
        keys = ("kind", "panel", "then", "number", "relative", "absolute", "range", "curves")
        for key in (*keys, "verdict", "until", "solution"):
            if getattr(one, key) != getattr(other, key):
                place = {"relative": "within", "absolute": "within"}.get(key, key)
                _differs(lesson, f"step.{at}.{place}", original)
        marks = [[(choice.right, choice.mark) for choice in step.choice] for step in (one, other)]
        if marks[0] != marks[1]:
            _differs(lesson, f"step.{at}.choice", original)


def _differs(lesson: Lesson, path: str, original: Lesson) -> NoReturn:
    key = path.rpartition(".")[2]
    raise LessonError(f"{lesson.name}, {lesson.place(path)}: {key} is not that of {original.name}")


class _StepError(ProblemError):
    """What is wrong with a step; `key` is the key of its table that is at fault."""

    def __init__(self, what: str, key: str = "") -> None:
        super().__init__(what)
        self.key = key


def _play(player: Player, run: LessonRun) -> None:
    """Do the step that a player is at as its author says it is done."""
    step = player.step
    _check_text(step, fill(step.text, run, lambda _: "key"))
    if step.until is not None:
        if step.until.holds(run):
            raise _StepError("until is true before anything is done", "until")
        run.carry_out(orders_of(step, run))
        if not player.reached(run):
            raise _StepError("solution does not reach until", "solution")
        return
    if step.curves:
        _check_curves(step, player, run)
    for choice in step.choice:
        if choice.mark is not None and math.isnan(choice.mark.value(run)):
            raise _StepError(f"{choice.mark.text} has no value here", "choice")
    run.carry_out(step.then)
    if not step.asks:
        return
    _answer(player, run)


def _answer(player: Player, facts: Facts) -> None:
    """Give a question's own answer."""
    step = player.step
    if step.number is not None:
        true = step.number.value(facts)
        if math.isnan(true):
            raise _StepError(f"{step.number.text} has no value here", "number")
        if step.range is not None and not step.is_right(true, true):
            raise _StepError(f"the true number, {true:.6g}, is not in range", "range")
    if step.verdict and not player.right_answer(facts):
        raise _StepError(f"the verdict, {player.right_words(facts)}, is not listed", "verdict")
    player.answer(player.right_answer(facts), facts)
    if player.record.right is not True:
        raise _StepError("its own answer is not taken as right")


def _check_text(step: Step, text: str) -> None:
    answers = max(len(step.choice), len(step.curves), len(step.verdict))
    lines = len(textwrap.wrap(text, TEXT_WIDTH)) + answers
    if lines > MOST_LINES:
        raise _StepError(f"needs {lines} lines of 80 columns, and there are {MOST_LINES}")


def _check_curves(step: Step, player: Player, run: LessonRun) -> None:
    """Refuse curves that cannot be told apart."""
    ends = sorted(float(losses[-1]) for losses in curves(run, player.curve_rates(), step.then))
    for one, other in pairwise(ends):
        if abs(other - one) < 0.01 * max(abs(one), abs(other)):
            raise _StepError("two curves end within 1 % of each other", "curves")
