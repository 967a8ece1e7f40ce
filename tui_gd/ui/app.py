"""The Textual app: the first frame, the themes, the terminal, and the way out.

Nothing here imports numpy: the first frame is there as soon as Textual's own, and everything else
is imported behind it.
"""

import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from textual import events, work
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App, ComposeResult, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.filter import ANSIToTruecolor, LineFilter, Monochrome
from textual.screen import Screen
from textual.widgets import Static

from tui_gd.session.settings import RunSettings
from tui_gd.ui.beginning import Beginning
from tui_gd.ui.keyfile import KeyNames
from tui_gd.ui.keys import ACTIONS, Action, target
from tui_gd.ui.terminal import AsciiOnly, Terminal, clipboard, in_screen
from tui_gd.ui.textual_fixes.flow import Asking, Flow, Missed, is_behind
from tui_gd.ui.themes import theme_name

if TYPE_CHECKING:
    from textual.driver import Driver

    from tui_gd.plots.palette import Palette, Style
    from tui_gd.ui.leaving import Leaving
    from tui_gd.ui.library import RunLibrary
    from tui_gd.ui.screens.run import RunScreen


# how soon it is looked again whether a terminal that is behind, or does not answer, takes a frame
LOOK_SECONDS = 0.1
LOOK_SOON_SECONDS = 0.02
# an answer from there may as well be F3 with shift, alt, ctrl: ESC [1;2R to ESC [1;16R
F3_COLUMNS = range(1, 16)


class GdApp(App[None]):
    """Gradient descent, live in a terminal."""

    TITLE = "gd-tui"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING: ClassVar[str] = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", show=False),
        # with priority: the line of a question would take it for copying
        Binding("ctrl+c", "quit", show=False, priority=True),
    ]

    def __init__(
        self,
        settings: RunSettings,
        terminal: Terminal,
        clock: Callable[[], float] = time.monotonic,
        library: "RunLibrary | None" = None,
        beginning: Beginning = Beginning(),  # noqa: B008 - it is frozen
        actions: Sequence[Action] = ACTIONS,
    ) -> None:
        super().__init__()
        self.terminal = terminal
        self.fault: str | None = None
        self.run_screen: RunScreen | None = None
        self.way_out: Leaving | None = None
        self._settings, self._clock, self._shelf = settings, clock, library
        self._beginning = beginning
        self.actions, self.key_names = actions, KeyNames(actions)
        self.flow = Flow()
        self._missed = Missed()
        self._looking = False
        self._laid_out_at = -math.inf
        self._dark = True
        self._own_filters: list[LineFilter] = []
        if terminal.depth == "mono" and not self.no_color:
            self._own_filters.append(Monochrome())
        if terminal.symbols.plain:
            self._own_filters.append(AsciiOnly())
        self.set_class(terminal.depth != "truecolor", "flat")

    @property
    def library(self) -> "RunLibrary":
        """Where runs are kept: the run store of this machine, unless another library was given."""
        if self._shelf is None:
            from tui_gd.ui.library import StoredRunLibrary

            self._shelf = StoredRunLibrary()
        return self._shelf

    @property
    def style(self) -> "Style":
        """The colours and characters of the terminal."""
        from tui_gd.plots.palette import Style

        return Style(self.palette, self.terminal.symbols)

    @property
    def palette(self) -> "Palette":
        """The colours of the theme in use, for this terminal."""
        from tui_gd.plots.palette import palette_for

        return palette_for(self.terminal.depth, self._dark)

    def compose(self) -> ComposeResult:
        """Say what is being done until the run can be shown."""
        yield Static(f"loading {self._settings.problem}", markup=False)

    def on_mount(self) -> None:
        """Import what the run needs once the first frame is out."""
        if self.way_out:
            self.way_out.wait_for_no_thread()
        self.set_interval(LOOK_SECONDS, self._look)
        self.call_after_refresh(self._import)

    @work(thread=True)
    def _import(self) -> None:
        import tui_gd.ui.screens.run  # noqa: F401

        self.call_from_thread(self._show)

    def _show(self) -> None:
        from tui_gd.plots.palette import palette_for
        from tui_gd.ui.screens.run import RunScreen
        from tui_gd.ui.themes import theme

        for dark in (True, False):
            self.register_theme(theme(palette_for(self.terminal.depth, dark), dark=dark))
        self.theme = theme_name(dark=True)
        self.run_screen = RunScreen(self._settings, self._clock, self._beginning, self.actions)
        self.push_screen(self.run_screen)

    def switch_theme(self) -> None:
        """Switch between dark and light."""
        self._dark = not self._dark
        self.theme = theme_name(dark=self._dark)

    def give_up(self, fault: str) -> None:
        """Leave with a line that says what a person did wrong."""
        self.fault = fault
        self.exit(return_code=2)

    async def action_quit(self) -> None:
        """Stop training and leave; the runner can still be asked for its last state."""
        if self.way_out:
            self.way_out.quit()
        if self.run_screen:
            self.run_screen.studies.stop()
            if self.run_screen.runner:
                self.run_screen.runner.stop()
        self.exit()

    # The terminal, and the way out

    def get_driver_class(self) -> "type[Driver]":
        """Return Textual's driver for this platform, mended."""
        driver = super().get_driver_class()
        if sys.platform == "win32":
            return driver
        from tui_gd.ui.textual_fixes.driver import mended

        return mended(driver)

    def leave(self, status: int) -> None:
        """Leave with this exit status; called on any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self.exit, None, status)

    def terminal_gone(self) -> None:
        """Leave because the terminal has hung up; called on the thread that reads it."""
        if self.way_out:
            self.way_out.gone()
        else:
            self.leave(1)

    def abandon_terminal(self) -> None:
        """Give the terminal back although it takes nothing; called on any thread."""
        if abandon := getattr(self._driver, "abandon", None):
            abandon()

    def copy_to_clipboard(self, text: str) -> None:
        """Copy text to the clipboard of the terminal, through tmux or GNU screen too."""
        self._clipboard = text
        if self._driver is not None:
            self._driver.write(clipboard(text, os.environ))

    def listen_to_mouse(self, *, wanted: bool) -> None:
        """In GNU screen, have the mouse reported or not: over the run it is, behind a question not.

        While it is, screen hands escape on with the next byte only: no way out of a question.
        """
        report = getattr(self._driver, "report_mouse", None)
        if report is not None and in_screen(os.environ):
            report(wanted)

    def pop_screen(self) -> AwaitComplete:
        """Close the uppermost screen, but never the run's: see `ui/screens/closing.py`."""
        if self.screen is self.run_screen:
            return AwaitComplete()
        return super().pop_screen()

    def _handle_exception(self, error: Exception) -> None:
        """End because of an error; while leaving, what fails is only what has been taken down.

        Fault of Textual 8.2: the list of commands is filled on, and finds its widgets gone.
        """
        if not self._exit:
            super()._handle_exception(error)

    async def _shutdown(self) -> None:
        await super()._shutdown()
        if self.way_out:
            self.way_out.left()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every action of the key table by its text."""
        run_screen = self.run_screen
        if run_screen is None or screen is not run_screen:
            return
        for action in self.actions:
            if action.name == "command_palette":
                continue

            async def do(name: str = target(action)) -> None:
                await run_screen.run_action(name)

            yield SystemCommand(f"{action.text[0].upper()}{action.text[1:]}", action.shown, do)

    def action_command_palette(self) -> None:
        """Show all commands by name, over the run only: elsewhere there are none."""
        if self.run_screen is not None and self.screen is self.run_screen:
            from tui_gd.ui.screens.page import Commands

            self.push_screen(Commands(id="--command-palette"))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what changes the lines that Textual draws itself: without colour, in ASCII.

        Palette numbers stay what they are: what is seen beside a question would go through true
        colour to the next of the numbers, which for red is magenta.
        """
        filters = super().get_line_filters()
        if self.terminal.depth in {"16", "256"}:
            filters = [one for one in filters if not isinstance(one, ANSIToTruecolor)]
        return [*filters, *self._own_filters]

    # One frame in flight

    @property
    def can_draw(self) -> bool:
        """Whether a frame would be sent; if not, the run's screen is asked again when it would."""
        return self.flow.free and self._resize_event is None and not is_behind(self._driver)

    def key_read(self) -> None:
        """Have training wait for what a key leads to; called on the thread that reads it."""
        if self.run_screen and self.run_screen.runner:
            self.run_screen.runner.expect_command()

    async def on_event(self, event: events.Event) -> None:
        """Have what answers a key drawn without waiting for the frame in flight."""
        if isinstance(event, events.Key):
            self.flow.hurry()
        await super().on_event(event)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Send a frame, or remember what it would have painted until one can be sent."""
        if self.is_headless or not isinstance(renderable, CompositorUpdate):
            super()._display(screen, renderable)
            return
        if not self.can_draw:
            self._missed.add(screen, renderable)
            self._look_soon()
            return
        if isinstance(renderable, LayoutUpdate):
            self._missed = Missed()  # all of the screen is in it
        elif self.run_screen and isinstance(renderable, ChopsUpdate):
            from tui_gd.ui.cellview import ExactUpdate

            renderable = ExactUpdate(renderable.chops, renderable.spans, renderable.chop_ends)
        super()._display(screen, Asking(renderable, self.flow, screen.outer_size))

    def on_cursor_position(self, event: events.CursorPosition) -> None:
        """Take the terminal's answer: it has drawn the frame that was in flight."""
        looks_like_f3 = event.y == 0 and event.x in F3_COLUMNS and self.size.height > 1
        if not looks_like_f3 and self.flow.answered(event.x):
            self._go_on()

    def _look_soon(self) -> None:
        """Look again shortly if the writer is behind: no answer will tell when it is not."""
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
        """Draw what has been waiting for the line."""
        if not self._running or self._batch_count or not self._screen_stack:
            return
        screen = self.screen
        if self._missed:
            self._missed.hand_over(screen)
            # what the run's screen draws now goes out with it
            screen.call_after_refresh(self._paint_missed, screen)
        if self.run_screen:
            self.run_screen.draw_waiting()

    def _paint_missed(self, screen: Screen[object]) -> None:
        if screen is self.screen and screen._compositor._dirty_regions:
            screen._compositor_refresh()

    # Sizes

    def on_resize(self, event: events.Resize) -> None:
        """Have all painted again after every change of size, even one that is undone by now.

        Textual sees no change then, but the terminal has cut off what did not fit.
        """
        del event
        if self._size is not None:
            self._missed.add_all()

    def _check_resize(self) -> None:
        """Lay out for the last size, once for each frame."""
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
