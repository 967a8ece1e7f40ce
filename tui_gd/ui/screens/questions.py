"""Questions asked over the run: a number to type, one of several to choose."""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from tui_gd.problems.text import whole_number
from tui_gd.ui.screens.page import Question

LONGEST_NAME = 20


class Prompt(Question[Any]):
    """Asks for a line; `parse` returns what it means or raises `ValueError` with what is wrong."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "back")]

    def __init__(self, question: str, value: str, parse: Callable[[str], Any]) -> None:
        super().__init__()
        self._question, self._value, self._parse = question, value, parse
        self._fault = Label("", classes="fault", markup=False)

    def compose(self) -> ComposeResult:
        """Lay out the question and the line to type in."""
        with Vertical():
            yield Label(self._question, markup=False)
            line = Input(self._value, select_on_focus=True)
            line.cursor_blink = False  # a question that waits sends nothing
            yield line
            yield self._fault

    def on_input_changed(self) -> None:
        """Take back what was said about the line before it was changed."""
        self._fault.update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer, or say what is wrong with it."""
        try:
            self.dismiss(self._parse(event.value.strip()))
        except ValueError as error:
            self._fault.update(str(error))


class Choice(Question[str | None]):
    """Asks for one of several; (value, text) each."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "back"),
        Binding("j", "next", show=False),
        Binding("k", "before", show=False),
    ]

    def __init__(self, question: str, options: Sequence[tuple[str, str]], chosen: str) -> None:
        super().__init__()
        self._question, self._chosen = question, chosen
        self._values = [value for value, _ in options]
        self._list = OptionList(*(Option(text, id=value) for value, text in options), markup=False)

    def compose(self) -> ComposeResult:
        """Lay out the question and what can be chosen."""
        with Vertical():
            yield Label(self._question, markup=False)
            yield self._list

    def on_mount(self) -> None:
        """Begin at what is chosen now."""
        self._list.highlighted = self._values.index(self._chosen)

    def action_next(self) -> None:
        """Move down."""
        self._list.action_cursor_down()

    def action_before(self) -> None:
        """Move up."""
        self._list.action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer."""
        self.dismiss(event.option_id)


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
