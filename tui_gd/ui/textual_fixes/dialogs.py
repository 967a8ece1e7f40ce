"""Screens over the run, and Textual's list of commands: they close once, whatever is pressed."""

from contextlib import suppress
from typing import TypeVar

from rich.segment import Segment
from textual import command, events
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.command import CommandList, CommandPalette
from textual.screen import ModalScreen, Screen
from textual.strip import Strip
from textual.widgets import Input, SelectionList

Answer = TypeVar("Answer")


class Closing(Screen[Answer]):
    """A screen that closes only while it is the uppermost one.

    Fault of Textual 8.2: a screen that is closed twice, by two quick keys, ends the app.
    """

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Close with an answer; do nothing once closed, or behind another screen."""
        # `is_current` is also true of a screen that is seen behind another one
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()


class Dialog(Closing[Answer], ModalScreen[Answer]):
    """A screen that closes once, with the run seen behind it."""


class Checklist(SelectionList[str]):
    """A list of which several entries can be chosen, `[x]` or `[ ]` before each.

    Fault of Textual 8.2: what is chosen can be told by its colour only.
    """

    def render_line(self, y: int) -> Strip:
        """Return a line with a mark that can be seen without colours."""
        line = super().render_line(y)
        at = self.scroll_offset.y + y
        if at >= self.option_count or len(line._segments) < 5:
            return line
        _, _, _, gap, *rest = line
        mark = "[x]" if self.get_option_at_index(at).value in self.selected else "[ ]"
        return Strip([Segment(mark, gap.style), gap, *rest])


class CommandChoices(CommandList):
    """The list of commands without two faults of Textual 8.2, each of which ends the app.

    A click on a command that a key has just removed from the list; a page up or down where nothing
    is listed.
    """

    def on_click(self, event: events.Click) -> None:
        """Ignore a click on what is no longer listed."""
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
    """The list of all commands by name; it closes once, as the dialogs do."""

    def compose(self) -> ComposeResult:
        """Lay out, with a list that survives."""
        vars(command)["CommandList"] = CommandChoices
        yield from super().compose()

    def on_mount(self) -> None:
        """Stop the cursor from blinking: a dialog that waits sends nothing."""
        for line in self.query(Input):
            line.cursor_blink = False

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close; once closed do nothing."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()
