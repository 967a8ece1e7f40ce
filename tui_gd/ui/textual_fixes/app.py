"""Textual's app and dialogs, mended: one frame in flight, any size at any time, closed once.

Each part names the fault of Textual 8.2 that it works around. Nothing here imports numpy.
"""

import math
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, TypeVar

from rich._wrap import divide_line
from rich.console import RenderableType
from rich.segment import Segment
from textual import command, constants, content, events
from textual._compositor import ChopsUpdate, CompositorUpdate
from textual._styles_cache import StylesCache
from textual._widget_navigation import Direction
from textual.app import App, ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.command import CommandList, CommandPalette
from textual.driver import Driver
from textual.filter import ANSIToTruecolor, LineFilter, Monochrome
from textual.screen import ModalScreen, Screen
from textual.strip import Strip
from textual.style import Style
from textual.widgets import Input, OptionList, SelectionList

from tui_gd.ui.terminal import AsciiOnly, Terminal, clipboard, in_screen
from tui_gd.ui.textual_fixes.flow import (
    Asking,
    ExactUpdate,
    Flow,
    is_behind,
    put_back,
    put_back_all,
)

Result = TypeVar("Result")

COLOUR_SYSTEMS = {"16": "standard", "256": "256", "truecolor": "truecolor"}

# the interval of checks whether a terminal that lags, or does not answer, takes frames again
LOOK_SECONDS = 0.1
LOOK_SOON_SECONDS = 0.02
# a position in the first row looks like F3 with shift, alt or ctrl: ESC [1;2R to ESC [1;16R
F3_COLUMNS = range(1, 16)


def _divide_line(text: str, width: int, fold: bool = True) -> list[int]:
    """Return the places at which a line breaks.

    Fault: in a window of one to three columns, a notification, a list or a dialog has no column for
    its text, and wrapping the text ends the app.
    """
    return divide_line(text, max(width, 1), fold)


_inner_and_outer = StylesCache.get_inner_outer.__wrapped__


@lru_cache(1024)
def _get_inner_outer(base: Color, background: Color) -> tuple[Style, Style]:
    """Return the inner and the outer background.

    Fault: Textual remembers it for every widget that ever existed, and with it the widget's lines.
    That keeps up to 1,024 closed screens in memory.
    """
    found: tuple[Style, Style] = _inner_and_outer(None, base, background)
    return found


class PacedApp(App[Result]):
    """An app that sends a frame only when the terminal has drawn the one before.

    Fault: Textual writes frames as fast as it makes them. On a slow line they queue up, and the
    answer to a key waits behind all of them.
    """

    def __init__(self, terminal: Terminal) -> None:
        # fault: rich reduces colours to 16 for a TERM that it does not know, such as alacritty
        if system := COLOUR_SYSTEMS.get(terminal.depth):
            vars(constants)["COLOR_SYSTEM"] = system
        vars(content)["divide_line"] = _divide_line
        StylesCache.get_inner_outer = staticmethod(_get_inner_outer)  # type: ignore[method-assign, assignment]
        super().__init__()
        self.terminal = terminal
        # whether to ask the terminal for the colour of its ground, which `on_ground` then gets
        self.asks_ground = False
        self.flow = Flow()
        self._looking = False
        self._laid_out_at = -math.inf
        self._own_filters: list[LineFilter] = []
        if terminal.depth == "mono" and not self.no_color:
            self._own_filters.append(Monochrome())
        if terminal.symbols.plain:
            self._own_filters.append(AsciiOnly())

    # What an app adds

    def draw_waiting(self) -> None:
        """Draw what had to wait for the line to the terminal."""

    def terminal_gone(self) -> None:
        """Leave because the terminal has hung up; the thread that reads it calls this."""
        self.leave(1)

    # The terminal, and the way out

    def get_driver_class(self) -> type[Driver]:
        """Return Textual's driver for this platform, mended."""
        driver = super().get_driver_class()
        if sys.platform == "win32":
            return driver
        from tui_gd.ui.textual_fixes.driver import mended

        return mended(driver)

    def leave(self, status: int) -> None:
        """Exit with this status; any thread may call this."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self.exit, None, status)

    def abandon_terminal(self) -> None:
        """Give the terminal back although it accepts no output; any thread may call this."""
        if abandon := getattr(self._driver, "abandon", None):
            abandon()

    def copy_to_clipboard(self, text: str) -> None:
        """Copy text to the clipboard of the terminal.

        Fault: the sequence that Textual sends does not pass through GNU screen.
        """
        self._clipboard = text
        if self._driver is not None:
            self._driver.write(clipboard(text, os.environ))

    def listen_to_mouse(self, *, wanted: bool) -> None:
        """In GNU screen, switch the reporting of the mouse on or off.

        While it is on, screen passes escape on only with the next byte, so escape would leave no
        dialog.
        """
        report = getattr(self._driver, "report_mouse", None)
        if report is not None and in_screen(os.environ):
            report(wanted)

    def _handle_exception(self, error: Exception) -> None:
        """End because of an error, unless the app is already leaving.

        Fault: the list of commands keeps filling itself, although its widgets have gone.
        """
        if not self._exit:
            super()._handle_exception(error)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters for the lines that Textual draws itself: no colour, or ASCII.

        Fault: Textual turns palette numbers into true colour and back into the nearest number,
        which turns red into magenta.
        """
        filters = super().get_line_filters()
        if self.terminal.depth in {"16", "256"}:
            filters = [one for one in filters if not isinstance(one, ANSIToTruecolor)]
        return [*filters, *self._own_filters]

    # One frame in flight

    @property
    def can_draw(self) -> bool:
        """Whether a frame would be sent; if not, `draw_waiting` is called when it would be.

        No frame of another size than the window's is sent. The first one does not wait for the
        second of the two events that tell the size at the start.
        """
        event = self._resize_event
        if event is not None and (not self._screen_stack or event.size != self.screen.outer_size):
            return False
        return self.flow.free and not is_behind(self._driver)

    def on_mount(self) -> None:
        """Begin to check whether the terminal takes frames."""
        self.set_interval(LOOK_SECONDS, self._look)

    async def on_event(self, event: events.Event) -> None:
        """Draw the answer to a key without waiting for the frame in flight."""
        if isinstance(event, events.Key):
            self.flow.hurry()
        await super().on_event(event)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Send a frame, or remember where it would paint until one can be sent."""
        if self.is_headless or not isinstance(renderable, CompositorUpdate):
            super()._display(screen, renderable)
            return
        if not self.can_draw:
            put_back(screen, renderable)
            self._look_soon()
            return
        if isinstance(renderable, ChopsUpdate):
            renderable = ExactUpdate(renderable.chops, renderable.spans, renderable.chop_ends)
        super()._display(screen, Asking(renderable, self.flow, screen.outer_size))

    def on_cursor_position(self, event: events.CursorPosition) -> None:
        """Take the terminal's answer: it has drawn the frame in flight."""
        looks_like_f3 = event.y == 0 and event.x in F3_COLUMNS and self.size.height > 1
        if not looks_like_f3 and self.flow.answered(event.x):
            self._go_on()

    def _look_soon(self) -> None:
        """Check again soon if the writer lags: no answer tells when it has caught up."""
        if self.flow.free and not self._looking:
            self._looking = True
            if is_behind(self._driver):
                self.flow.fell_behind()
            self.set_timer(LOOK_SOON_SECONDS, self._look)

    def _look(self) -> None:
        self._looking = False
        self.flow.give_up()
        if self.can_draw:
            self._go_on()

    def _go_on(self) -> None:
        """Draw what has waited for the line."""
        if not self._running or self._batch_count or not self._screen_stack:
            return
        screen = self.screen
        if screen._compositor._dirty_regions:
            # the frame includes what `draw_waiting` draws now
            screen.call_after_refresh(self._paint_missed, screen)
        self.draw_waiting()

    def _paint_missed(self, screen: Screen[Any]) -> None:
        if screen is self.screen and screen._compositor._dirty_regions:
            screen._compositor_refresh()

    # Sizes

    def on_resize(self, event: events.Resize) -> None:
        """Paint everything again after every change of size, even one that was undone since.

        Fault: Textual then sees no change, but the terminal has cut off what did not fit.
        """
        del event
        if self._size is not None and self._screen_stack:
            put_back_all(self.screen)

    def _check_resize(self) -> None:
        """Lay out for the latest size, once for each frame.

        Fault: Textual lays out for every size that a window passes through.
        """
        now = time.monotonic()
        due = self._laid_out_at + 1.0 / self.terminal.fps
        if self._resize_event is not None and (now < due or not self.flow.free):
            if self._resize_timer is not None:
                self._resize_timer.stop()
            wait = max(due - now, LOOK_SOON_SECONDS)
            self._resize_timer = self.set_timer(wait, self._check_resize)
            return
        self._laid_out_at = now
        super()._check_resize()


Answer = TypeVar("Answer")

OwnKeys = tuple[str, Sequence[tuple[str, str]]]
"""A title, and the keys of one screen with what they do; the help shows them first."""

# the same keys on every screen; a line of text takes the first for itself
HELP = Binding("question_mark,f1", "app.show_help", show=False)


class Key(NamedTuple):
    """Keys of one screen, by Textual's names, and their action; the help shows `shown`, `text`.

    Without an action, they are keys of something within the screen.
    """

    keys: str
    action: str
    shown: str = ""
    text: str = ""


class Closing(Screen[Answer]):
    """A screen that closes only while it is the uppermost one.

    Fault of Textual 8.2: two quick keys close a screen twice, which ends the app.

    The help lists `KEYS`, which are bound as well, under `HEADING`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [HELP]
    HEADING: ClassVar[str] = ""
    KEYS: ClassVar[tuple[Key, ...]] = ()
    own_keys: ClassVar[OwnKeys] = ("", ())

    def __init_subclass__(cls, **how: Any) -> None:
        """Bind the keys of a class."""
        if keys := vars(cls).get("KEYS"):
            bound = [Binding(one.keys, one.action, show=False) for one in keys if one.action]
            cls.BINDINGS = [*vars(cls).get("BINDINGS", ()), *bound]
            cls.own_keys = cls.HEADING, [(one.shown, one.text) for one in keys if one.shown]
        super().__init_subclass__(**how)

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Close with an answer; do nothing if already closed, or behind another screen."""
        # `is_current` is also true of a screen that is visible behind another one
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()


class Dialog(Closing[Answer], ModalScreen[Answer]):
    """A screen that closes once, with the run visible behind it."""


class Entries(OptionList):
    """A list without two faults of Textual 8.2, each of which ends the app.

    One is a click on an entry that a key has just removed; the other is a page up or down in a list
    that has no room yet.
    """

    def on_click(self, event: events.Click) -> None:
        """Ignore a click on an entry that is no longer listed."""
        clicked = event.style.meta.get("option")
        if clicked is not None and clicked >= self.option_count:
            event.prevent_default()

    def _move_page(self, direction: Direction) -> None:
        with suppress(KeyError):
            super()._move_page(direction)


class Checklist(SelectionList[str], Entries):
    """A list with several choices, with `[x]` or `[ ]` before each.

    Fault of Textual 8.2: only its colour shows that an entry is chosen.
    """

    def render_line(self, y: int) -> Strip:
        """Return a line with a mark that is visible without colours."""
        line = super().render_line(y)
        at = self.scroll_offset.y + y
        if at >= self.option_count or len(line._segments) < 5:
            return line
        _, _, _, gap, *rest = line
        mark = "[x]" if self.get_option_at_index(at).value in self.selected else "[ ]"
        return Strip([Segment(mark, gap.style), gap, *rest])


class CommandChoices(CommandList, Entries, can_focus=False):
    """The list of commands, without the faults of other lists."""


class Commands(CommandPalette, Closing[None]):
    """The list of all commands by name; it closes once, as the dialogs do."""

    def compose(self) -> ComposeResult:
        """Lay out, with the mended list."""
        vars(command)["CommandList"] = CommandChoices
        yield from super().compose()

    def on_mount(self) -> None:
        """Stop the cursor from blinking, so that a waiting dialog sends nothing."""
        for line in self.query(Input):
            line.cursor_blink = False
