"""A page of text that fills the screen, scrolls, and is closed again."""

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import command, events
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.command import CommandList, CommandPalette
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from tui_gd.plots.cells import Cells
from tui_gd.ui.cellview import CellView, picture_of

if TYPE_CHECKING:
    from tui_gd.ui.app import GdApp


# Screens over the run: they close once, whatever is pressed meanwhile.

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


_PAGE = 10
_END = 10_000_000


class Page(Closing[None]):
    """Shows what `picture` returns; scrolls, and closes with escape, q, enter or space."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,space", "dismiss", "back"),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown", f"scroll({_PAGE})", show=False),
        Binding("pageup", f"scroll({-_PAGE})", show=False),
        Binding("home,g", f"scroll({-_END})", show=False),
        Binding("end,G", f"scroll({_END})", show=False),
        Binding("ctrl+c,ctrl+q", "app.quit", show=False, priority=True),
    ]
    app: "GdApp"

    def __init__(self) -> None:
        super().__init__()
        self._offset = 0

    def picture(self, rows: int, columns: int, offset: int) -> tuple[Cells, int]:
        """Return the page scrolled to `offset`, or as far as it goes, and how far that was."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Lay out one picture."""
        yield CellView()

    def on_resize(self, _: events.Resize) -> None:
        """Draw at the new size."""
        self.call_after_refresh(self._draw)

    def action_scroll(self, by: int) -> None:
        """Scroll some lines."""
        self._offset += by
        self._draw()

    def on_mouse_scroll_down(self) -> None:
        """Scroll as the key down does."""
        self.action_scroll(1)

    def on_mouse_scroll_up(self) -> None:
        """Scroll as the key up does."""
        self.action_scroll(-1)

    def _draw(self) -> None:
        view = picture_of(self)
        if view is None:
            return
        cells, self._offset = self.picture(view.size.height, view.size.width, self._offset)
        view.show(cells)
