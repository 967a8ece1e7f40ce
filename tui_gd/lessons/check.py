"""Checking a lesson: it is played once by its own answers, for several learners' names."""

import math
import textwrap
from collections.abc import Collection
from itertools import pairwise
from typing import NoReturn

from tui_gd.errors import ProblemError
from tui_gd.lessons.checks import Facts, actions_in, fill
from tui_gd.lessons.lesson import ENGLISH, Lesson, LessonError, known_words
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
        for _ in lesson.steps:
            try:
                _play(player, run)
            except LessonError:
                raise
            except ProblemError as error:
                raise _fault(player, player.step.kind, str(error)) from None
            player.next()


def _check_actions(lesson: Lesson, actions: Collection[str]) -> None:
    """Refuse actions that no key table knows; a name without arguments stands for all of it."""
    known = {*actions, *(action.partition("(")[0] for action in actions)}
    for name in lesson.lock:
        if name not in known:
            raise lesson.fault("lock", f"{name!r} is no action")
    for at, step in enumerate(lesson.steps):
        says = [choice.say for choice in step.choice] + [choice.text for choice in step.choice]
        for text in (step.text, step.after, step.too_high, step.too_low, *step.hint, *says):
            for name in actions_in(text):
                if name not in known:
                    raise lesson.fault(f"step.{at}.{step.kind}", f"<{name}> is no action")


def _check_words(lesson: Lesson) -> None:
    """Refuse a lesson in a language in which gd-tui has no words, unless the file brings them."""
    known = known_words()
    missing = [word for word in known[ENGLISH] if word not in lesson.words]
    if missing and lesson.lang not in known:
        what = f"for lang {lesson.lang!r} [words] needs {', '.join(missing)}"
        raise lesson.fault("lang", what)


def check_translation(lesson: Lesson, original: Lesson) -> None:
    """Refuse a translation that differs in more than its texts; `LessonError` names the place.

    Answers, hand-ins and progress hold in every language only if steps, orders, checks and the
    order of choices are the same.
    """

    def refuse(path: str) -> NoReturn:
        key = path.rpartition(".")[2]
        raise lesson.fault(path, f"{key} is not that of {original.name}")

    for key in ("id", "run", "panels", "hide", "lock", "skip", "reveal_after"):
        if getattr(lesson, key) != getattr(original, key):
            refuse(key)
    if len(lesson.steps) != len(original.steps):
        refuse("step")
    for at, (one, other) in enumerate(zip(lesson.steps, original.steps, strict=True)):
        keys = ("kind", "panel", "then", "number", "within", "range", "curves")
        for key in (*keys, "verdict", "until", "solution"):
            if getattr(one, key) != getattr(other, key):
                refuse(f"step.{at}.{key}")
        marks = [[(choice.right, choice.mark) for choice in step.choice] for step in (one, other)]
        if marks[0] != marks[1]:
            refuse(f"step.{at}.choice")


def _fault(player: Player, key: str, what: str) -> LessonError:
    """Return the error that something at a key of a player's step is wrong."""
    return player.lesson.fault(f"step.{player.at}.{key}", f"{what} (as {player.name})")


def _play(player: Player, run: LessonRun) -> None:
    """Do the step that a player is at as its author says it is done."""
    step = player.step
    _check_text(player, fill(step.text, run, lambda _: "key"))
    if step.until is not None:
        if step.until.holds(run):
            raise _fault(player, "until", "until is true before anything is done")
        run.carry_out(orders_of(step, run))
        if not player.reached(run):
            raise _fault(player, "solution", "solution does not reach until")
        return
    if step.curves:
        _check_curves(player, run)
    for choice in step.choice:
        if choice.mark is not None and math.isnan(choice.mark.value(run)):
            raise _fault(player, "choice", f"{choice.mark.text} has no value here")
    run.carry_out(step.then)
    if step.asks:
        _answer(player, run)


def _answer(player: Player, facts: Facts) -> None:
    """Give a question's own answer."""
    step = player.step
    if step.number is not None:
        true = step.number.value(facts)
        if math.isnan(true):
            raise _fault(player, "number", f"{step.number.text} has no value here")
        if step.range is not None and not step.is_right(true, true):
            raise _fault(player, "range", f"the true number, {true:.6g}, is not in range")
    if step.verdict and not player.right_answer(facts):
        raise _fault(player, "verdict", f"the verdict, {player.right_words(facts)}, is not listed")
    player.answer(player.right_answer(facts), facts)
    if player.record.right is not True:
        raise _fault(player, step.kind, "its own answer is not taken as right")


def _check_text(player: Player, text: str) -> None:
    step = player.step
    answers = max(len(step.choice), len(step.curves), len(step.verdict))
    lines = len(textwrap.wrap(text, TEXT_WIDTH)) + answers
    if lines > MOST_LINES:
        what = f"needs {lines} lines of 80 columns, and there are {MOST_LINES}"
        raise _fault(player, step.kind, what)


def _check_curves(player: Player, run: LessonRun) -> None:
    """Refuse curves that cannot be told apart."""
    ends = sorted(
        float(losses[-1]) for losses in curves(run, player.curve_rates(), player.step.then)
    )
    for one, other in pairwise(ends):
        if abs(other - one) < 0.01 * max(abs(one), abs(other)):
            raise _fault(player, "curves", "two curves end within 1 % of each other")
