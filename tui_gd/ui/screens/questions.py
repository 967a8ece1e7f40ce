"""What comes up over a screen: notices, a line of text, a choice among several."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from tui_gd.errors import ProblemError
from tui_gd.learning.losses import POSSIBLE
from tui_gd.plots.symbols import Symbols
from tui_gd.problems import TITLES
from tui_gd.problems.input_file import InputFile, files_of, format_of, names_file, shown_path
from tui_gd.problems.problem import Task
from tui_gd.problems.text import safe_text, whole_number
from tui_gd.ui.textual_fixes.app import Dialog, Entries, Key

LONGEST_NAME = 20
HINT_SECONDS = 10.0
STAY_SECONDS = 86400.0


class Notices:
    """Lines that come up over a screen, each for a moment.

    `loading` is the shown line about what is loading, or empty.
    """

    def __init__(self, screen: Screen[Any], symbols: Symbols) -> None:
        self._screen, self._symbols = screen, symbols
        self._stays = False
        self.loading = ""

    def say(self, text: str, *, warning: bool = False, stay: bool = False) -> None:
        """Show a line for a moment, or until the next key; it replaces the one before."""
        if stay or not self._stays:  # a thread's fault is shown below what stays
            self._clear()
        text = self._symbols.spell(safe_text(text, None))
        seconds = STAY_SECONDS if stay else 5.0 if warning else 2.0
        self.add(text, seconds, "warning" if warning else "information")
        self._stays = stay or self._stays

    def add(self, text: str, seconds: float, severity: SeverityLevel = "information") -> None:
        """Show a text below those that are shown already."""
        self._screen.notify(text, severity=severity, timeout=seconds, markup=False)

    def say_loading(self, text: str) -> None:
        """Show what is loading until `loaded`, or until another line replaces it."""
        self._clear()
        self.loading = self._symbols.spell(safe_text(text, None))
        self.add(self.loading, STAY_SECONDS)

    def loaded(self) -> None:
        """Remove the line about what is loading, if it is still shown."""
        if self.loading:
            self._clear()

    def key_pressed(self) -> None:
        """Remove a line that stays until a key is pressed."""
        if self._stays:
            self._clear()

    def _clear(self) -> None:
        self._stays, self.loading = False, ""
        app = self._screen.app
        app.call_later(
            app.clear_notifications
        )  # after lines that are still on their way to the screen

    def say_from_thread(self, text: str, *, warning: bool = True) -> None:
        """Show a line; any thread may call this, even after the screen has gone."""
        if self._screen.is_attached and self._screen.app.is_running:
            self._screen.app.call_later(self.say, text, warning=warning)


def text_line(value: str, **how: Any) -> Input:
    """Return a line to type in."""
    line = Input(value, **how)
    line.cursor_blink = False  # a blinking cursor would send something while the dialog waits
    return line


class Prompt(Dialog[Any]):
    """Asks for a line; `parse` returns its value or raises `ValueError` with what is wrong.

    The line begins with `value`; typing replaces it unless `select` is False.
    """

    KEYS = (Key("escape", "dismiss(None)"),)

    def __init__(
        self, question: str, value: str, parse: Callable[[str], Any], *, select: bool = True
    ) -> None:
        super().__init__()
        self._question, self._value, self._parse = question, value, parse
        self._select = select
        self._fault = Label("", classes="fault", markup=False)

    def compose(self) -> ComposeResult:
        """Lay out the question and the line for the answer."""
        with Vertical():
            yield Label(self._question, markup=False)
            yield text_line(self._value, select_on_focus=self._select)
            yield self._fault
            yield Label("enter takes  esc leaves", markup=False)

    def on_input_changed(self) -> None:
        """Remove the message about the line as it was before the change."""
        self._fault.update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer, or say what is wrong with it."""
        try:
            self.dismiss(self._parse(event.value.strip()))
        except ValueError as error:
            self._fault.update(str(error))


class Whole(Dialog[None]):
    """Shows a text to its end, in as many lines as it takes; it scrolls if they are too many."""

    HEADING = "The line that repeats the run"
    KEYS = (
        Key("", "", "↑ ↓ pgup pgdn", "scroll, if there is more of it"),
        Key("escape,enter,q", "dismiss(None)", "esc, enter or q", "back"),
    )

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """Lay out the title, the text and the keys."""
        with Vertical():
            yield Label(self._title, markup=False)
            with VerticalScroll():
                yield Label(self._text, markup=False)
            yield Label("esc leaves", markup=False)


class Choice(Dialog[str | None]):
    """Asks for one of several, (value, text) each; answers with its value."""

    HEADING = "List"
    KEYS = (
        Key("j", "app.simulate_key('down')", "↑ ↓ or j k", "the entry before, the next"),
        Key("k", "app.simulate_key('up')"),
        Key("", "", "pgup pgdn", "ten entries further up, down"),
        Key("", "", "enter", "take the entry"),
        Key("escape", "dismiss(None)", "esc", "back, nothing is changed"),
    )

    def __init__(
        self, question: str, options: Sequence[tuple[str, str]], chosen: str | None = None
    ) -> None:
        super().__init__()
        self._question, self._chosen = question, chosen
        self._values = [value for value, _ in options]
        self._list = Entries(
            *(Option(safe_text(text, None), id=str(at)) for at, (_, text) in enumerate(options)),
            markup=False,
        )

    def compose(self) -> ComposeResult:
        """Lay out the question and the entries."""
        with Vertical():
            yield Label(self._question, markup=False)
            yield self._list
            yield Label("↑ ↓ choose  enter takes  esc leaves", markup=False)

    def on_mount(self) -> None:
        """Begin at the present choice."""
        if self._chosen in self._values:
            self._list.highlighted = self._values.index(self._chosen)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer."""
        if event.option_id is not None:
            self.dismiss(self._values[int(event.option_id)])


def found(lowered: Sequence[str], text: str) -> list[int]:
    """Return the texts that contain `text`, first those that begin with it, else in their order."""
    having = [at for at, one in enumerate(lowered) if text in one]
    return sorted(having, key=lambda at: not lowered[at].startswith(text))


# The meaning of a typed line


FILE = "file"
"""Stands for a file among the names of problems."""
FILE_WORDS = "your own: CSV, Parquet, JSON lines, numpy, svmlight"
OPEN_FILE = "Open a file: a table, as data/churn.csv, or arrays"


def parse_file(text: str) -> str:
    """Return the name of a file that can be opened; `ValueError` says why one cannot."""
    path = str(Path(text).expanduser())
    try:
        format_of(InputFile(files_of(path)[0]))
    except ProblemError as error:
        raise ValueError(str(error).removeprefix(f"{shown_path(path)}: ")) from None
    return path if names_file(path) else f"./{path}"


def parse_learning_rate(text: str) -> float:
    """Return a positive finite number; `ValueError` says what is wrong."""
    try:
        rate = float(text)
    except ValueError:
        raise ValueError("not a number: type one like 0.03") from None
    if not 0 < rate < math.inf:
        raise ValueError("not a positive number")
    return rate


def parse_epoch(text: str) -> float:
    """Return a whole number from 0; `ValueError` says what is wrong."""
    number = whole_number(text)
    if number is None:
        raise ValueError("not a whole number from 0 to 999999999999999")
    return number


def parse_name(text: str) -> str:
    """Return the name of a lane; `ValueError` says what is wrong."""
    if not text:
        raise ValueError("a name has at least one character")
    if len(text) > LONGEST_NAME or not text.isprintable():
        raise ValueError(f"at most {LONGEST_NAME} characters that can be printed")
    return text


Options = list[tuple[str, str]]
"""Values and the lines that stand for them."""

ADVISED = " ←"
TARGETS = ("class", "label", "target", "y")
"""Names that the target column often has."""

_OF_CLASSES = {
    "sse": "sum of (p − y)² · the tutorial's · flat near p = 0 and 1",
    "mse": "mean of (p − y)² · as sse, whatever the number of rows",
    "cross-entropy": "−ln p of the true class · no plateau · usual for classes",
    "hinge": "only rows near the boundary count · as in an SVM",
}
_OF_NUMBERS = {
    "sse": "sum of (z − y)² · grows with the number of rows",
    "mse": "mean of (z − y)² · usual for numbers",
    "mae": "mean of |z − y| · outliers pull no harder than others",
    "huber": "squared when small, absolute when large · for outliers",
}
OPTIMIZER_WORDS = {
    "sgd": "plain gradient descent, W ← W − α·g",
    "momentum": "keeps its speed · faster along valleys",
    "nesterov": "momentum that looks ahead · overshoots less",
    "adagrad": "a step for each weight, which only gets smaller",
    "rmsprop": "a step for each weight, by its recent gradients",
    "adam": "momentum, a step for each weight · a good first choice",
    "adamw": "Adam whose L2 penalty shrinks the weights themselves",
}


def loss_words(task: Task) -> dict[str, str]:
    """Return what each possible loss is for."""
    words = _OF_NUMBERS if task == "regression" else _OF_CLASSES
    return {name: words.get(name, "value of the function") for name in POSSIBLE[task]}


def listed(words: Mapping[str, str], symbols: Symbols, advised: str = "") -> Options:
    """Return an entry for each value, shown by its last word, with the advised one marked."""
    names = {value: value.rpartition(" ")[2] for value in words}
    size = max(map(len, names.values()), default=0) + len(ADVISED) + 1
    return [
        (value, f"{names[value] + ADVISED * (value == advised):<{size}}{symbols.spell(text)}")
        for value, text in words.items()
    ]


def problem_words() -> dict[str, str]:
    """Return what each built-in problem is about."""
    return {name: title.partition(": ")[0] for name, title in TITLES.items()}


def likely_target(columns: Sequence[str]) -> str:
    """Return the column that is probably the target: by its name, else the last one."""
    by_name = {column.casefold(): column for column in reversed(columns)}
    return next((by_name[name] for name in TARGETS if name in by_name), columns[-1])
