"""A lesson: a TOML file of steps, read without trusting its author.

A file holds no code. It names a start (what follows `gd-tui` on a command line, or a share line),
panels, and steps of four kinds: `read`, `predict` (guess, then see), `do` (bring the run to a
state) and `ask`. What a step does to the run is written in the words of `gd-tui --plain`; checks
are read by `tui_gd.lessons.checks`. What gd-tui itself says in a lesson is in `words.toml` by
language, and a file may bring words of its own.
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from tui_gd.errors import ProblemError
from tui_gd.learning import LOSSES, OPTIMIZERS
from tui_gd.lessons.checks import KINDS as VERDICTS
from tui_gd.lessons.checks import Check, as_name, fill, read_check
from tui_gd.session import commands, readers
from tui_gd.session.commands import Command

T = TypeVar("T")

VERSION = 1
LARGEST_FILE = 1 << 18
MOST_STEPS = 60
LONGEST_TITLE = 60
LONGEST_TEXT = 420
LONGEST_WORD = 160
MOST_EPOCHS = 1_000_000
ORDERS = ("step", "run", "back", "goto", "alpha", "branch", "reset", "new")
"""The words for what a step does to a run."""
PANELS = ("loss", "data", "report", "step", "landscape", "lanes", "why", "changes", "network")
ENGLISH = "en"

Kind = Literal["read", "predict", "do", "ask"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Skip = Literal["free", "counted", "never"]
SKIPS: tuple[Skip, ...] = get_args(Skip)
_QUESTION = ("number", "within", "range", "too_high", "too_low", "curves", "choice", "one_of")
_KEYS_OF: Mapping[Kind, tuple[str, ...]] = {
    "predict": (*_QUESTION, "verdict"),
    "do": ("until", "hint", "solution"),
    "ask": (*_QUESTION, "verdict"),
}
"""The keys that only steps of some kinds may have."""


class LessonError(ProblemError):
    """What is wrong with a lesson's file, and where: one line."""


@cache
def known_words() -> dict[str, dict[str, str]]:
    """Return what gd-tui says in lessons, by language; every `{}` is filled in."""
    text = (resources.files("tui_gd.lessons") / "words.toml").read_text("utf-8")
    return tomllib.loads(text)


@dataclass(frozen=True)
class Choice:
    """An answer to choose; `say` is the reply to it.

    `mark` is the loss that it predicts: a formula, computed before `then`.
    """

    text: str
    right: bool = False
    say: str = ""
    mark: Check | None = None


@dataclass(frozen=True)
class Step:
    """One step. The question is `number`, `curves`, `choice`, `verdict`, `one_of`, or none.

    `then` is carried out when the prediction is given, or when a `read` step is left. A number is
    right `within` a share of its size or so much of it, or in `range`. `until` ends a `do`. `after`
    is shown with the answer.
    """

    kind: Kind
    text: str
    title: str = ""
    panel: str = ""
    then: tuple[Command, ...] = ()
    number: Check | None = None
    within: tuple[float, float] = (0.0, 0.0)
    range: tuple[float, float] | None = None
    too_high: str = ""
    too_low: str = ""
    curves: tuple[float, ...] = ()
    choice: tuple[Choice, ...] = ()
    one_of: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    until: Check | None = None
    hint: tuple[str, ...] = ()
    solution: tuple[Command, ...] = ()
    after: str = ""

    @property
    def asks(self) -> bool:
        """Whether the step waits for an answer."""
        return self.kind in {"predict", "ask"}

    def is_right(self, given: float, true: float) -> bool:
        """Return whether a number is near enough to the true one."""
        if self.range is not None:
            return self.range[0] <= given <= self.range[1]
        share, size = self.within
        return abs(given - true) <= max(size, share * abs(true))


@dataclass(frozen=True)
class Lesson:
    """A lesson as its file states it; `digest` is of the file's bytes."""

    id: str
    title: str
    run: str
    steps: tuple[Step, ...]
    digest: str
    name: str = ""
    """What errors call the file."""
    lang: str = ENGLISH
    panels: tuple[str, ...] = ("loss", "data")
    hide: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()
    skip: Skip = "counted"
    reveal_after: int = 3
    words: Mapping[str, str] = field(default_factory=dict)
    """What the file says in place of `words.toml`."""
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict, compare=False, repr=False)
    """Line and column of every key's value, by the key's path, such as `step.2.until`."""

    def say(self, word: str, *values: object) -> str:
        """Return what gd-tui says in the lesson's language, with each `{}` filled in."""
        known = known_words()
        words = {**known[ENGLISH], **known.get(self.lang, {}), **self.words}
        parts = words[word].split("{}")
        filled = [part + str(value) for part, value in zip(parts, values, strict=False)]
        return "".join([*filled, *parts[len(filled) :]])

    def fault(self, path: str, what: str) -> LessonError:
        """Return the error that something at a key is wrong, with its place in the file."""
        return _fault(self.name, self.places, path, what)


def _fault(name: str, places: Mapping[str, tuple[int, int]], path: str, what: str) -> LessonError:
    """Return the error that something is wrong at a key, or in its table if the key is missing."""
    line, column = places.get(path) or places.get(path.rpartition(".")[0], (1, 1))
    return LessonError(f"{name}, line {line}, column {column}: {what}")


def read_lesson(path: Path) -> Lesson:
    """Read the lesson in a file; `LessonError` says what is wrong, with line and column."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise LessonError(f"{path}: {error.strerror or error}") from None
    return parse_lesson(data, str(path))


def parse_lesson(data: bytes, name: str) -> Lesson:
    """Read a lesson from a file's bytes; `name` is what errors call it."""
    if len(data) > LARGEST_FILE:
        raise LessonError(f"{name}: is larger than {LARGEST_FILE // 1024} kB")
    try:
        text = data.decode("utf-8")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise LessonError(f"{name}: byte {error.start + 1} is not UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise LessonError(f"{name}: not a TOML file: {reason}") from None
    return _Table(document, name, _places(text)).lesson(hashlib.sha256(data).hexdigest())


class _Table:
    """A table of a lesson's file: reads its keys; every fault names its line and column.

    `name` is what errors call the file, `places` are those of its keys, and `path` is the table's.
    """

    def __init__(
        self, values: dict[str, Any], name: str, places: dict[str, tuple[int, int]], path: str = ""
    ) -> None:
        self._values, self._name, self._places, self._path = values, name, places, path

    def _inner(self, values: object, path: str, what: str) -> "_Table":
        """Return a table within this one; if it is not a table, `what` is the error."""
        if type(values) is not dict:
            raise self._fault(path, what)
        return _Table(values, self._name, self._places, f"{self._path}.{path}".strip("."))

    def _fault(self, key: str, what: str) -> LessonError:
        """Return the error that something at a key is wrong, or, without a key, in the table."""
        return _fault(self._name, self._places, f"{self._path}.{key}".strip("."), what)

    def lesson(self, digest: str) -> Lesson:
        """Return the lesson in a document."""
        values = self._values
        known = {"format_version", "id", "lang", "title", "run", "panels", "hide", "lock", "skip"}
        self._refuse_others(known | {"reveal_after", "words", "step"})
        if values.get("format_version") != VERSION:
            raise self._fault("format_version", f"format_version must be {VERSION}")
        identity = self._text("id", LONGEST_TITLE, required=True)
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", identity):
            raise self._fault("id", "id takes small letters, digits and hyphens, such as overshoot")
        skip = values.get("skip", "counted")
        if skip not in SKIPS:
            raise self._fault("skip", f"skip is one of {', '.join(SKIPS)}")
        reveal = values.get("reveal_after", 3)
        if type(reveal) is not int or not 1 <= reveal <= 20:
            raise self._fault("reveal_after", "reveal_after is a whole number from 1 to 20")
        steps = values.get("step")
        if type(steps) is not list or not steps:
            raise self._fault("", "a lesson needs [[step]] tables")
        if len(steps) > MOST_STEPS:
            raise self._fault("", f"a lesson has at most {MOST_STEPS} steps")
        return Lesson(
            id=identity,
            title=self._text("title", LONGEST_TITLE, required=True),
            run=self._text("run", 20_000),
            steps=tuple(
                self._inner(step, f"step.{i}", "a step is a table: [[step]]").step()
                for i, step in enumerate(steps)
            ),
            digest=digest,
            name=self._name,
            lang=self._lang(),
            panels=self._panels("panels") or ("loss", "data"),
            hide=self._panels("hide"),
            lock=self._texts("lock", 40),
            skip=skip,
            reveal_after=reveal,
            words=self._inner(
                values.get("words", {}), "words", "words is a table: [words]"
            ).words(),
            places=self._places,
        )

    def _lang(self) -> str:
        lang = self._text("lang", 20) or ENGLISH
        if not re.fullmatch(r"[a-z]{2,3}", lang):
            raise self._fault("lang", "lang is a language's code of 2 or 3 letters, such as de")
        return lang

    def words(self) -> dict[str, str]:
        """Return what the file says in place of `words.toml`."""
        english = known_words()[ENGLISH]
        self._refuse_others(set(english))
        words = {key: self._text(key, LONGEST_WORD, required=True) for key in self._values}
        for key, text in words.items():
            if text.count("{}") != english[key].count("{}"):
                raise self._fault(key, f"{key} needs every {{}} of {english[key]!a}")
        return words

    def step(self) -> Step:
        """Return the step in a table."""
        kinds = [kind for kind in KINDS if kind in self._values]
        if len(kinds) != 1:
            raise self._fault("", f"a step has one of {', '.join(KINDS)}")
        kind = kinds[0]
        self._refuse_others({kind, "title", "panel", "then", "after", *_KEYS_OF.get(kind, ())})
        panel = self._text("panel", 20)
        if panel and panel not in PANELS:
            raise self._fault("panel", f"panel is one of {', '.join(PANELS)}")
        step = Step(
            kind,
            self._filled(kind, LONGEST_TEXT, required=True),
            self._text("title", LONGEST_TITLE),
            panel,
            self._orders("then"),
            self._check("number"),
            self._within(),
            self._range(),
            self._filled("too_high", LONGEST_WORD),
            self._filled("too_low", LONGEST_WORD),
            self._rates(),
            self._choices(),
            self._texts("one_of", 60),
            self._verdicts(),
            self._check("until"),
            self._texts("hint", LONGEST_WORD),
            self._orders("solution"),
            self._filled("after", LONGEST_TEXT),
        )
        self._complete(step)
        return step

    def _complete(self, step: Step) -> None:
        """Refuse a step that asks nothing, or more than one thing."""
        asked = (step.number, step.curves, step.choice, step.verdict, step.one_of)
        if step.asks and sum(map(bool, asked)) != 1:
            raise self._fault("", "a question has one of number, curves, choice, verdict, one_of")
        if step.kind == "predict" and not step.then:
            raise self._fault("", "a prediction needs then: what the run does")
        if step.curves and not any(isinstance(one, commands.SetLearningRate) for one in step.then):
            raise self._fault("curves", "curves needs then = ['alpha X', 'run N']")
        if step.kind == "ask" and step.curves:
            raise self._fault("curves", "curves is for predict: the run draws the true one")
        if step.kind == "do" and step.until is None:
            raise self._fault("", "do needs until: the condition that ends it")
        if step.kind == "do" and not step.solution:
            raise self._fault("", "do needs solution: the commands that reach it")
        if step.choice and not any(choice.right for choice in step.choice):
            raise self._fault("choice", "one choice needs right = true")
        if step.number and step.range is None and not any(step.within):
            raise self._fault("number", "a number needs within or range")

    def _refuse_others(self, known: Collection[str]) -> None:
        for key in self._values:
            if key not in known:
                raise self._fault(key, f"{key[:40]!a} is none of {', '.join(sorted(known))}")

    def _text(self, key: str, most: int, *, required: bool = False) -> str:
        return self._as_text(self._values.get(key, ""), key, most, required=required)

    def _as_text(self, value: object, key: str, most: int, *, required: bool) -> str:
        if type(value) is not str:
            raise self._fault(key, f"{key} is text, in quotes")
        text = " ".join(value.split())
        if required and not text:
            raise self._fault(key, f"{key} is missing")
        if len(text) > most:
            raise self._fault(key, f"{key} has {len(text)} characters, {most} are the most")
        if not text.isprintable():
            raise self._fault(key, f"{key} has a character that cannot be shown")
        return text

    def _parsed(self, key: str, parse: Callable[[str], T], text: str) -> T:
        """Return what a text at a key stands for."""
        try:
            return parse(text)
        except ProblemError as error:
            raise self._fault(key, str(error)) from None

    def _filled(self, key: str, most: int, *, required: bool = False) -> str:
        """Read text in which `{formula}` stands for a number of the run."""
        text = self._text(key, most, required=required)
        return self._parsed(key, lambda text: fill(text, None), text)

    def _texts(self, key: str, most: int) -> tuple[str, ...]:
        value = self._values.get(key, [])
        if type(value) is str:
            value = [value]
        if type(value) is not list or len(value) > 20:
            raise self._fault(key, f"{key} is a list of at most 20 texts")
        return tuple(self._as_text(one, key, most, required=True) for one in value)

    def _panels(self, key: str) -> tuple[str, ...]:
        panels = self._texts(key, 20)
        for panel in panels:
            if panel not in PANELS:
                raise self._fault(key, f"{panel!a} is none of {', '.join(PANELS)}")
        return panels

    def _orders(self, key: str) -> tuple[Command, ...]:
        return tuple(self._parsed(key, read_order, text) for text in self._texts(key, 60))

    def _check(self, key: str) -> Check | None:
        text = self._text(key, 300)
        return self._parsed(key, read_check, text) if text else None

    def _within(self) -> tuple[float, float]:
        within = self._values.get("within", 0.0)
        try:
            if type(within) is not str:
                return 0.0, readers.number(0).plain(within)
            percent, sign, rest = within.strip().partition("%")
            return readers.number(0).typed(percent if sign and not rest else "") / 100.0, 0.0
        except ValueError:
            what = "within is a number from 0, or a share such as '5 %'"
            raise self._fault("within", what) from None

    def _range(self) -> tuple[float, float] | None:
        span = self._values.get("range")
        if span is None:
            return None
        try:
            low, high = readers.several(readers.number(), 2, 2).plain(span)
            if low > high:
                raise ValueError
        except ValueError:
            raise self._fault("range", "range is [least, greatest]") from None
        return low, high

    def _rates(self) -> tuple[float, ...]:
        value = self._values.get("curves", [])
        try:
            rates = readers.several(readers.number(), 2, 5).plain(value) if value != [] else ()
        except ValueError:
            raise self._fault(
                "curves", "curves is a list of 2 to 5 numbers, learning rates"
            ) from None
        if any(rate <= 0.0 for rate in rates) or len(set(rates)) < len(rates):
            raise self._fault("curves", "curves takes different learning rates above 0")
        return rates

    def _choices(self) -> tuple[Choice, ...]:
        value = self._values.get("choice", [])
        if type(value) is not list or (value and not 2 <= len(value) <= 6):
            raise self._fault("choice", "choice is a list of 2 to 6 tables")
        form = "a choice is { text = '…', right = true, say = '…' }"
        tables = [self._inner(one, "choice", form) for one in value]
        return tuple(one.choice(form, mark="predict" in self._values) for one in tables)

    def choice(self, form: str, *, mark: bool) -> Choice:
        """Return the choice in a table; with `mark` it may say which loss it predicts."""
        right = self._values.get("right", False)
        if not self._values.keys() <= {"text", "right", "say", "mark"}:
            raise self._fault("", form)
        if "mark" in self._values and not mark:
            raise self._fault("", "mark is for predict: the loss that a choice predicts")
        if type(right) is not bool:
            raise self._fault("", "right is true or false")
        text = self._text("text", 70, required=True)
        return Choice(text, right, self._filled("say", LONGEST_WORD), self._check("mark"))

    def _verdicts(self) -> tuple[str, ...]:
        kinds = self._texts("verdict", 30)
        names = tuple(map(as_name, kinds))
        for name in names:
            if name not in VERDICTS:
                raise self._fault("verdict", f"{name!a} is none of {', '.join(VERDICTS)}")
        if kinds and not 2 <= len(set(names)) == len(names) <= 6:
            raise self._fault("verdict", "verdict is a list of 2 to 6 different verdicts")
        return names


def read_order(text: str) -> Command:
    """Read what a run is to do, in the words of `--plain`; `ProblemError` says what is wrong.

    >>> read_order("run 20"), read_order("alpha 0.09")
    (Step(epochs=20), SetLearningRate(learning_rate=0.09))
    """
    name, _, argument = text.partition(" ")
    argument = argument.strip()
    if name not in ORDERS:
        raise ProblemError(f"{name[:20]!a} is none of {', '.join(ORDERS)}")
    if name in {"reset", "new"}:
        if argument:
            raise ProblemError(f"nothing follows {name}")
        return commands.Reset(new_start=name == "new")
    if name == "branch" and (not argument or argument in {*OPTIMIZERS, *LOSSES}):
        optimizer = argument if argument in OPTIMIZERS else None
        return commands.Branch(optimizer, argument if argument in LOSSES else None)
    if name in {"alpha", "branch"}:
        try:
            rate = readers.number(0, above=True).typed(argument)
        except ValueError:
            raise ProblemError(f"{name} needs a learning rate, as {name} 0.03") from None
        if name == "branch":
            return commands.Branch(learning_rate=rate)
        return commands.SetLearningRate(rate)
    if name in {"step", "back"} and not argument:
        argument = "1"
    if not (argument.isdecimal() and argument.isascii() and len(argument) < 8):
        raise ProblemError(f"{name} needs a number of epochs, as {name} 20")
    number = int(argument)
    if not (name == "goto" or number) or number > MOST_EPOCHS:
        raise ProblemError(f"{name} takes 1 to {MOST_EPOCHS} epochs")
    if name == "goto":
        return commands.GoTo(number)
    return commands.StepBack(number) if name == "back" else commands.Step(number)


# strings and comments, in which nothing is looked for, the heads of tables, and keys
_PLACE = re.compile(
    r"""("{3}|'{3})[\s\S]*?\1|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*"""
    r"""|^[ \t]*(?:\[\[(step)\]\]|\[(words)\]|([A-Za-z_]+)[ \t]*=[ \t]*)""",
    re.MULTILINE,
)


def _places(text: str) -> dict[str, tuple[int, int]]:
    """Return line and column, from 1, of every key's value and every table; tomllib keeps none."""
    places: dict[str, tuple[int, int]] = {}
    step, table = -1, ""
    for found in _PLACE.finditer(text):
        _, is_step, is_words, key = found.groups()
        line = text.count("\n", 0, found.end()) + 1
        if is_step or is_words:
            step += bool(is_step)
            table = f"step.{step}" if is_step else "words"
            places[table] = line, 1
        elif key:
            column = found.end() - text.rfind("\n", 0, found.end())
            places.setdefault(f"{table}.{key}".lstrip("."), (line, column))
    return places
