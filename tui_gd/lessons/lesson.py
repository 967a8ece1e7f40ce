"""A lesson: a TOML file of steps, read without trusting its author.

A file holds no code. It names a start (what follows `gd-tui` on a command line, or a share line),
panels, and steps of four kinds: `read`, `predict` (guess, then see), `do` (bring the run to a
state) and `ask`. What a step does to the run is written in the words of `gd-tui --plain`; checks
are read by `tui_gd.lessons.checks`. What gd-tui itself says in a lesson is in `words.toml` by
language, and a file may bring words of its own.
"""

import hashlib
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from tui_gd.errors import ProblemError
from tui_gd.lessons.checks import KINDS as VERDICTS
from tui_gd.lessons.checks import Check, as_name, fill, read_check
from tui_gd.lessons.orders import Order, read_order
from tui_gd.session import readers

VERSION = 1
LARGEST_FILE = 1 << 18
MOST_STEPS = 60
LONGEST_TITLE = 60
LONGEST_TEXT = 420
LONGEST_WORD = 160
PANELS = ("loss", "data", "report", "step", "landscape", "lanes", "why", "changes", "network")
SKIPS = ("free", "counted", "never")
ENGLISH = "en"

Kind = Literal["read", "predict", "do", "ask"]
KINDS: tuple[Kind, ...] = ("read", "predict", "do", "ask")
Skip = Literal["free", "counted", "never"]


class LessonError(ProblemError):
    """What is wrong with a lesson's file, and where: one line."""


@cache
def known_words() -> dict[str, dict[str, str]]:
    """Return what gd-tui says in lessons, by language; every `{}` is filled in."""
    text = (resources.files("tui_gd.lessons") / "words.toml").read_text("utf-8")
    return tomllib.loads(text)


def words_for(lang: str) -> dict[str, str]:
    """Return what gd-tui says in that language, or in English where it has no words."""
    known = known_words()
    return known[ENGLISH] | known.get(lang, {})


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
    right within `relative` times its size or `absolute` of it, or in `range`. `until` ends a `do`.
    `after` is shown with the answer.
    """

    kind: Kind
    text: str
    title: str = ""
    panel: str = ""
    then: tuple[Order, ...] = ()
    number: Check | None = None
    relative: float = 0.0
    absolute: float = 0.0
    range: tuple[float, float] | None = None
    too_high: str = ""
    too_low: str = ""
    curves: tuple[float, ...] = ()
    choice: tuple[Choice, ...] = ()
    one_of: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    until: Check | None = None
    hint: tuple[str, ...] = ()
    solution: tuple[Order, ...] = ()
    after: str = ""

    @property
    def asks(self) -> bool:
        """Whether the step waits for an answer."""
        return self.kind in {"predict", "ask"}

    def is_right(self, given: float, true: float) -> bool:
        """Return whether a number is near enough to the true one."""
        if self.range is not None:
            return self.range[0] <= given <= self.range[1]
        return abs(given - true) <= max(self.absolute, self.relative * abs(true))


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
    """Line and column of every key, by its path, as `step.2.until`."""

    def say(self, word: str, *values: object) -> str:
        """Return what gd-tui says in the lesson's language, with each `{}` filled in."""
        parts = (self.words.get(word) or words_for(self.lang)[word]).split("{}")
        filled = [part + str(value) for part, value in zip(parts, values, strict=False)]
        return "".join([*filled, *parts[len(filled) :]])

    def place(self, path: str) -> str:
        """Return where in the file a key is, as `line 12, column 9`."""
        line, column = self.places.get(path, (1, 1))
        return f"line {line}, column {column}"


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
    return _Reader(name, text).lesson(document, hashlib.sha256(data).hexdigest())


class _Reader:
    """Reads the tables of a lesson; every fault names its line and column."""

    def __init__(self, name: str, text: str) -> None:
        self._name, self._places = name, _places(text)

    def fault(self, path: str, what: str) -> LessonError:
        """Return the error that something at a key is wrong."""
        line, column = self._places.get(path) or self._places.get(path.rpartition(".")[0], (1, 1))
        return LessonError(f"{self._name}, line {line}, column {column}: {what}")

    def lesson(self, document: dict[str, Any], digest: str) -> Lesson:
        """Return the lesson in a document."""
        known = {"format_version", "id", "lang", "title", "run", "panels", "hide", "lock", "skip"}
        self._refuse_others(document, known | {"reveal_after", "words", "step"}, "")
        version = document.get("format_version")
        if version != VERSION:
            raise self.fault("format_version", f"format_version must be {VERSION}")
        identity = self._text(document, "id", LONGEST_TITLE, required=True)
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", identity):
            raise self.fault("id", "id takes small letters, digits and hyphens, as overshoot")
        skip = document.get("skip", "counted")
        if skip not in SKIPS:
            raise self.fault("skip", f"skip is one of {', '.join(SKIPS)}")
        reveal = document.get("reveal_after", 3)
        if type(reveal) is not int or not 1 <= reveal <= 20:
            raise self.fault("reveal_after", "reveal_after is a whole number from 1 to 20")
        steps = document.get("step")
        if type(steps) is not list or not steps:
            raise self.fault("", "a lesson needs [[step]] tables")
        if len(steps) > MOST_STEPS:
            raise self.fault("", f"a lesson has at most {MOST_STEPS} steps")
        return Lesson(
            id=identity,
            title=self._text(document, "title", LONGEST_TITLE, required=True),
            run=self._text(document, "run", 20_000),
            steps=tuple(self._step(step, f"step.{i}") for i, step in enumerate(steps)),
            digest=digest,
            name=self._name,
            lang=self._lang(document),
            panels=self._panels(document, "panels") or ("loss", "data"),
            hide=self._panels(document, "hide"),
            lock=self._texts(document, "lock", 40),
            skip=skip,
            reveal_after=reveal,
            words=self._words(document),
            places=self._places,
        )

    def _lang(self, document: dict[str, Any]) -> str:
        lang = self._text(document, "lang", 20) or ENGLISH
        if not re.fullmatch(r"[a-z]{2,3}", lang):
            raise self.fault("lang", "lang is a language's code of 2 or 3 letters, as de")
        return lang

    def _words(self, document: dict[str, Any]) -> dict[str, str]:
        """Read what the file says in place of `words.toml`."""
        table = document.get("words", {})
        if type(table) is not dict:
            raise self.fault("words", "words is a table: [words]")
        english = known_words()[ENGLISH]
        self._refuse_others(table, set(english), "words")
        words = {key: self._text(table, key, LONGEST_WORD, "words", required=True) for key in table}
        for key, text in words.items():
            if text.count("{}") != english[key].count("{}"):
                raise self.fault(f"words.{key}", f"{key} needs every {{}} of {english[key]!a}")
        return words

    def _step(self, table: object, path: str) -> Step:
        if type(table) is not dict:
            raise self.fault(path, "a step is a table: [[step]]")
        kinds = [kind for kind in KINDS if kind in table]
        if len(kinds) != 1:
            raise self.fault(path, f"a step has one of {', '.join(KINDS)}")
        kind = kinds[0]
        allowed = {kind, "title", "panel", "then", "after"}
        if kind in {"predict", "ask"}:
            allowed |= {"number", "within", "range", "too_high", "too_low", "curves", "choice"}
            allowed |= {"one_of", "verdict"}
        if kind == "do":
            allowed |= {"until", "hint", "solution"}
        self._refuse_others(table, allowed, path)
        within, span = self._tolerance(table, path)
        panel = self._text(table, "panel", 20, path)
        if panel and panel not in PANELS:
            raise self.fault(f"{path}.panel", f"panel is one of {', '.join(PANELS)}")
        step = Step(
            kind,
            self._filled(table, kind, LONGEST_TEXT, path, required=True),
            self._text(table, "title", LONGEST_TITLE, path),
            panel,
            self._orders(table, "then", path),
            self._check(table, "number", path),
            *within,
            span,
            self._filled(table, "too_high", LONGEST_WORD, path),
            self._filled(table, "too_low", LONGEST_WORD, path),
            self._rates(table, path),
            self._choices(table, path),
            self._texts(table, "one_of", 60, path),
            self._verdicts(table, path),
            self._check(table, "until", path),
            self._texts(table, "hint", LONGEST_WORD, path),
            self._orders(table, "solution", path),
            self._filled(table, "after", LONGEST_TEXT, path),
        )
        self._complete(step, path)
        return step

    def _complete(self, step: Step, path: str) -> None:
        """Refuse a step that asks nothing, or more than one thing."""
        asked = (step.number, step.curves, step.choice, step.verdict, step.one_of)
        if step.asks and sum(map(bool, asked)) != 1:
            raise self.fault(path, "a question has one of number, curves, choice, verdict, one_of")
        if step.kind == "predict" and not step.then:
            raise self.fault(path, "a prediction needs then: what the run does")
        if step.curves and not any(order.name == "alpha" for order in step.then):
            raise self.fault(f"{path}.curves", "curves needs then = ['alpha X', 'run N']")
        if step.kind == "ask" and step.curves:
            raise self.fault(f"{path}.curves", "curves is for predict: the run draws the true one")
        if step.kind == "do" and step.until is None:
            raise self.fault(path, "do needs until: the condition that ends it")
        if step.kind == "do" and not step.solution:
            raise self.fault(path, "do needs solution: the commands that reach it")
        if step.choice and not any(choice.right for choice in step.choice):
            raise self.fault(f"{path}.choice", "one choice needs right = true")
        if step.number and step.range is None and not (step.relative or step.absolute):
            raise self.fault(f"{path}.number", "a number needs within or range")

    def _refuse_others(self, table: dict[str, Any], known: set[str], path: str) -> None:
        for key in table:
            if key not in known:
                place = f"{path}.{key}".lstrip(".")
                raise self.fault(place, f"{key[:40]!a} is none of {', '.join(sorted(known))}")

    def _text(
        self, table: dict[str, Any], key: str, most: int, path: str = "", *, required: bool = False
    ) -> str:
        value = table.get(key, "")
        place = f"{path}.{key}".lstrip(".")
        if type(value) is not str:
            raise self.fault(place, f"{key} is text, in quotes")
        text = " ".join(value.split())
        if required and not text:
            raise self.fault(place, f"{key} is missing")
        if len(text) > most:
            raise self.fault(place, f"{key} has {len(text)} characters, {most} are the most")
        if not text.isprintable():
            raise self.fault(place, f"{key} has a character that cannot be shown")
        return text

    def _filled(
        self, table: dict[str, Any], key: str, most: int, path: str, *, required: bool = False
    ) -> str:
        """Read text in which `{formula}` stands for a number of the run."""
        text = self._text(table, key, most, path, required=required)
        try:
            fill(text, None)
        except ProblemError as error:
            raise self.fault(f"{path}.{key}", str(error)) from None
        return text

    def _texts(self, table: dict[str, Any], key: str, most: int, path: str = "") -> tuple[str, ...]:
        value = table.get(key, [])
        place = f"{path}.{key}".lstrip(".")
        if type(value) is str:
            value = [value]
        if type(value) is not list or len(value) > 20:
            raise self.fault(place, f"{key} is a list of at most 20 texts")
        return tuple(self._text({key: one}, key, most, path, required=True) for one in value)

    def _panels(self, table: dict[str, Any], key: str) -> tuple[str, ...]:
        panels = self._texts(table, key, 20)
        for panel in panels:
            if panel not in PANELS:
                raise self.fault(key, f"{panel!a} is none of {', '.join(PANELS)}")
        return panels

    def _orders(self, table: dict[str, Any], key: str, path: str) -> tuple[Order, ...]:
        orders = []
        for text in self._texts(table, key, 60, path):
            try:
                orders.append(read_order(text))
            except ProblemError as error:
                raise self.fault(f"{path}.{key}", str(error)) from None
        return tuple(orders)

    def _check(self, table: dict[str, Any], key: str, path: str) -> Check | None:
        text = self._text(table, key, 300, path)
        if not text:
            return None
        try:
            return read_check(text)
        except ProblemError as error:
            raise self.fault(f"{path}.{key}", str(error)) from None

    def _tolerance(
        self, table: dict[str, Any], path: str
    ) -> tuple[tuple[float, float], tuple[float, float] | None]:
        """Return (relative, absolute) and the range."""
        within, span = table.get("within", 0.0), table.get("range")
        relative = absolute = 0.0
        if isinstance(within, str):
            percent = within.strip().removesuffix("%").strip()
            try:
                relative = float(percent) / 100.0
            except ValueError:
                relative = math.nan
            if not within.strip().endswith("%"):
                relative = math.nan
        else:
            absolute = self._number(within, f"{path}.within")
        if not (0.0 <= relative < math.inf and absolute >= 0.0):
            raise self.fault(f"{path}.within", "within is a number from 0, or a share as '5 %'")
        if span is None:
            return (relative, absolute), None
        if type(span) is not list or len(span) != 2:
            raise self.fault(f"{path}.range", "range is [least, greatest]")
        low, high = (self._number(one, f"{path}.range") for one in span)
        if not low <= high:
            raise self.fault(f"{path}.range", "range is [least, greatest]")
        return (relative, absolute), (low, high)

    def _number(self, value: object, path: str) -> float:
        try:
            return readers.number().plain(value)
        except ValueError:
            raise self.fault(path, f"{path.rpartition('.')[2]} takes numbers") from None

    def _rates(self, table: dict[str, Any], path: str) -> tuple[float, ...]:
        value = table.get("curves", [])
        if type(value) is not list or (value and not 2 <= len(value) <= 5):
            raise self.fault(f"{path}.curves", "curves is a list of 2 to 5 learning rates")
        rates = tuple(self._number(one, f"{path}.curves") for one in value)
        if any(rate <= 0.0 for rate in rates) or len(set(rates)) < len(rates):
            raise self.fault(f"{path}.curves", "curves takes different learning rates above 0")
        return rates

    def _choices(self, table: dict[str, Any], path: str) -> tuple[Choice, ...]:
        value = table.get("choice", [])
        place = f"{path}.choice"
        if type(value) is not list or (value and not 2 <= len(value) <= 6):
            raise self.fault(place, "choice is a list of 2 to 6 tables")
        choices = []
        for one in value:
            if type(one) is not dict or not set(one) <= {"text", "right", "say", "mark"}:
                raise self.fault(place, "a choice is { text = '…', right = true, say = '…' }")
            if "mark" in one and "predict" not in table:
                raise self.fault(place, "mark is for predict: the loss that a choice predicts")
            if type(one.get("right", False)) is not bool:
                raise self.fault(place, "right is true or false")
            text = self._text(one, "text", 70, place, required=True)
            choices.append(
                Choice(
                    text,
                    one.get("right", False),
                    self._filled(one, "say", LONGEST_WORD, place),
                    self._check(one, "mark", place),
                )
            )
        return tuple(choices)

    def _verdicts(self, table: dict[str, Any], path: str) -> tuple[str, ...]:
        kinds = self._texts(table, "verdict", 30, path)
        names = tuple(map(as_name, kinds))
        for name in names:
            if name not in VERDICTS:
                raise self.fault(f"{path}.verdict", f"{name!a} is none of {', '.join(VERDICTS)}")
        if kinds and not 2 <= len(set(names)) == len(names) <= 6:
            raise self.fault(f"{path}.verdict", "verdict is a list of 2 to 6 different verdicts")
        return names


def _places(text: str) -> dict[str, tuple[int, int]]:
    """Return line and column of every key of a lesson's file, from 1.

    tomllib keeps no positions, so lines are looked at: `[[step]]` begins a step, `[words]` the
    words, `key =` is a key.
    """
    places: dict[str, tuple[int, int]] = {}
    step, inside, table = -1, "", ""
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            inside = "" if inside in line else inside
            continue
        if line.strip().startswith("[[step]]"):
            step += 1
            table = f"step.{step}."
            places[f"step.{step}"] = (number, 1)
            continue
        if line.strip().startswith("[words]"):
            table = "words."
            places["words"] = (number, 1)
            continue
        found = re.match(r"\s*([A-Za-z_]+)\s*=\s*", line)
        if found:
            places.setdefault(table + found[1], (number, found.end() + 1))
            for quotes in ('"""', "'''"):
                if line.count(quotes) == 1:
                    inside = quotes
    return places
