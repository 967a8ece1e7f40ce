"""Screens over the run: they close once, whatever is pressed meanwhile.

Fault of Textual 8.2: a screen that is told to close takes the uppermost one away, whichever that
is. Of two quick presses of enter the second one would close the run behind a question.
"""

from contextlib import suppress
from typing import TypeVar

from textual import command, events
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.command import CommandList, CommandPalette
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

Answer = TypeVar("Answer")


class Closing(Screen[Answer]):
    """A screen that closes only while it is the uppermost one."""

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Close with an answer; once closed, or behind another screen, nothing."""
        # `is_current` is also said of a screen that is seen behind another one
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()


class Question(Closing[Answer], ModalScreen[Answer]):
    """A screen that closes once, with the run seen behind it."""


class CommandChoices(CommandList):
    """Faults of Textual 8.2, each of which ends the app.

    A click on what a key has made listed no longer; a page up or down where nothing is listed.
    """

    def on_click(self, event: events.Click) -> None:
        """Take no click on what is not there."""
        clicked = event.style.meta.get("option")
        if clicked is not None and clicked >= self.option_count:
            event.prevent_default()

    def action_page_up(self) -> None:
        """Move up by a page, if there is one."""
        with suppress(KeyError):
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        """Move down by a page, if there is one."""
        with suppress(KeyError):
            super().action_page_down()  # type: ignore[no-untyped-call]


class Commands(CommandPalette):
    """The list of all commands by name; it closes as the others do."""

    def compose(self) -> ComposeResult:
        """Lay out, with a list that survives."""
        vars(command)["CommandList"] = CommandChoices
        yield from super().compose()

    def on_mount(self) -> None:
        """Have its cursor not blink: what waits sends nothing."""
        for line in self.query(Input):
            line.cursor_blink = False

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close; once closed nothing."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()
