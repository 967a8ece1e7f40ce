"""Screens over the run: they close once, whatever is pressed meanwhile.

Fault of Textual 8.2: a screen that is told to close takes the uppermost one away, whichever that
is. Of two quick presses of enter the second one would close the run behind a question.
"""

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, Screen

Answer = TypeVar("Answer")


class Closing(Screen[Answer]):
    """A screen that closes only while it is the uppermost one."""

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Close with an answer; once closed, or behind another screen, nothing."""
        return super().dismiss(result) if self.is_current else AwaitComplete()


class Question(Closing[Answer], ModalScreen[Answer]):
    """A screen that closes once, with the run seen behind it."""
