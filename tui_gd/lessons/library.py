"""Where lessons are, and whether they are sound.

Some come with gd-tui, others are in the config directory. To check a lesson, it is played once by
its own answers, for several learners' names.
"""

import glob
import math
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from tui_gd.errors import ProblemError
from tui_gd.lessons.checks import Facts, actions_in, fill
from tui_gd.lessons.lesson import (
    ENGLISH,
    Lesson,
    LessonError,
    known_words,
    parse_lesson,
    read_lesson,
)
from tui_gd.lessons.player import Player, seed_of
from tui_gd.lessons.replay import LessonRun, begin, curves, orders_of

TOUR = "tour"
ORDER = (
    TOUR,
    "slope",
    "learning-rate",
    "overshoot",
    "plateau",
    "valleys",
    "momentum",
    "many-starts",
    "overfitting",
    "standardize",
    "hidden-layer",
)
"""The lessons that come with gd-tui, in the order in which they build on each other."""


def language(environ: Mapping[str, str]) -> str:
    """Return the code of the language that the environment asks for, as `de`.

    The first of LC_ALL, LC_MESSAGES and LANG that is set counts, as POSIX says.
    """
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environ[name] for name in names if environ.get(name)), "")
    code = re.match(r"[a-z]{2,3}(?=[_.@]|$)", locale)
    return code[0] if code else ENGLISH


def bundled(name: str, lang: str = ENGLISH) -> Lesson:
    """Return a lesson that comes with gd-tui, in that language if it has one, else in English."""
    folder = resources.files("tui_gd.lessons") / "bundled"
    file = folder / f"{name}.{lang}.toml"
    if lang == ENGLISH or not file.is_file():
        file = folder / f"{name}.toml"
    return parse_lesson(file.read_bytes(), file.name)


def translations(name: str) -> list[Lesson]:
    """Return a bundled lesson in every language, the English one first."""
    files = (resources.files("tui_gd.lessons") / "bundled").iterdir()
    found = sorted(file.name.split(".")[1] for file in files if file.name.startswith(f"{name}."))
    return [bundled(name), *(bundled(name, lang) for lang in found if lang != "toml")]


def template() -> str:
    """Return a commented lesson to start from."""
    return (resources.files("tui_gd.lessons") / "template.toml").read_text("utf-8")


def own_directory() -> Path:
    """Return the folder for lessons of one's own."""
    import platformdirs

    return Path(platformdirs.user_config_dir("gd-tui", appauthor=False)) / "lessons"


def own_lessons() -> Iterator[Lesson | LessonError]:
    """Yield every lesson in the config directory, or the error that makes it unreadable."""
    try:
        files = sorted(own_directory().glob("*.toml"))
    except OSError:
        return
    for file in files:
        try:
            yield read_lesson(file)
        except LessonError as error:
            yield error


def in_language(lessons: Sequence[Lesson], lang: str) -> Lesson:
    """Return one of several translations: in that language, else in English, else the first."""
    return max(lessons, key=lambda one: (one.lang == lang, one.lang == ENGLISH))


def find_lesson(name: str, lang: str) -> Lesson:
    """Return the lesson of that id, in that language if it has one, or the lesson in that file."""
    return in_language(all_languages(name), lang)


def all_languages(name: str) -> list[Lesson]:
    """Return the lesson of that id, or in that file, and its translations.

    A file's translations lie beside it: `mine.de.toml` beside `mine.toml`. `ProblemError` if there
    is no such lesson.
    """
    if name in ORDER:
        return translations(name)
    own = [one for one in own_lessons() if isinstance(one, Lesson) and one.id == name]
    if own:
        return own
    if "/" in name or name.endswith(".toml") or Path(name).exists():
        path = Path(name)
        lesson = read_lesson(path)
        beside = sorted(path.parent.glob(f"{glob.escape(path.stem)}.*.toml"))
        return [lesson, *(one for one in map(read_lesson, beside) if one.id == lesson.id)]
    raise ProblemError(f"{name[:60]!a} is no lesson: gd-tui lessons lists them")


# Checking

NAMES = ("Ada", "Bo", "Chen")
TEXT_WIDTH, MOST_LINES = 74, 6
"""The size into which a step's text and choices have to fit on an 80-column screen."""


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
    """Refuse actions that are not in `actions`; a name without arguments may take any."""
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
