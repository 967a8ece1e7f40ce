"""The Textual app: the first frame, the themes, the run's screen, and quitting.

Nothing here imports numpy: the first frame comes as soon as Textual can draw it, and everything
else is imported after it.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, work
from textual.app import ComposeResult, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets import Static

from tui_gd.session.settings import RunSettings
from tui_gd.ui.context import Beginning, Context
from tui_gd.ui.keys import target
from tui_gd.ui.terminal import Ground
from tui_gd.ui.textual_fixes.app import Closing, PacedApp

if TYPE_CHECKING:
    from tui_gd.plots.palette import Palette
    from tui_gd.plots.symbols import Depth
    from tui_gd.ui.screens.run import RunScreen

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
QUIT = 0
HANG_UP = 1
# the seconds in which the terminal should be given back in order …
IN_ORDER = 1.2
QUIT_IN_ORDER = 2.0
# … and the seconds from the signal to the end of the process
IN_ALL = 2.3


class GdApp(PacedApp[str]):
    """Gradient descent, live in a terminal; it returns a person's mistake, in one line."""

    TITLE: str | None = "gd-tui"
    CSS_PATH: ClassVar[str] = "app.tcss"
    ENABLE_COMMAND_PALETTE: ClassVar[bool] = True
    COMMAND_PALETTE_BINDING: ClassVar[str] = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", show=False),
        # has priority because the text line of a dialog would take it for copying
        Binding("ctrl+c", "quit", show=False, priority=True),
    ]

    def __init__(
        self,
        settings: RunSettings,
        context: Context,
        beginning: Beginning = Beginning(),  # noqa: B008 - it is frozen
    ) -> None:
        super().__init__(context.terminal)
        self.context = context
        # a terminal with few colours need not answer
        few = context.terminal.depth in {"16", "mono"}
        self.asks_ground = context.ask_ground and not few
        self.run_screen: RunScreen | None = None
        self.way_out: Leaving | None = None
        self._settings, self._beginning = settings, beginning
        self.set_class(context.terminal.depth != "truecolor", "flat")

    def compose(self) -> ComposeResult:
        """Say what is loading until the run is ready."""
        yield Static(f"loading {self._settings.problem}", markup=False)

    def on_mount(self) -> None:
        """Import what the run needs once the first frame is out."""
        if self.way_out:
            self.way_out.wait_for_no_thread()
        self.call_after_refresh(self._import)

    @work(thread=True)
    def _import(self) -> None:
        import tui_gd.ui.screens.actions  # noqa: F401

        self.call_from_thread(self._show)

    def _show(self) -> None:
        from tui_gd.ui.screens.actions import run_screen

        for dark in (True, False):
            self.register_theme(theme(self.context.palette(dark=dark), dark=dark))
        self.theme = self.context.theme
        self.run_screen = run_screen(self.context, self._settings, self._beginning)
        self.push_screen(self.run_screen)

    def on_ground(self, event: Ground) -> None:
        """Take the theme that suits the terminal's ground, unless the run is already on the screen.

        Nothing waits for the answer, because importing what the run needs takes longer.
        """
        if self.asks_ground and self.run_screen is None:
            self.context.dark = event.dark
            self.theme = "textual-dark" if event.dark else "textual-light"

    async def action_quit(self) -> None:
        """Stop training and leave; the runner can still give its last state."""
        if self.way_out:
            self.way_out.ask(QUIT)  # it makes sure that leaving comes to an end
        if self.run_screen:
            self.run_screen.board.studies.stop()
            if self.run_screen.run.runner:
                self.run_screen.run.runner.stop()
        self.exit()

    def terminal_gone(self) -> None:
        """Leave because the terminal has hung up; the thread that reads it calls this."""
        if self.way_out:
            self.way_out.ask(HANG_UP)
        else:
            super().terminal_gone()

    def _refresh_notifications(self) -> None:
        """Show messages on the lines of the run's screen; other screens show them as Textual does.

        Over panels they would cover parts of frames.
        """
        shown = self.run_screen
        if shown and self._screen_stack and (self.screen is shown or self.screen.is_modal):
            shown.call_later(shown.show_messages, self._notifications)
        else:
            super()._refresh_notifications()

    async def _shutdown(self) -> None:
        await super()._shutdown()
        if self.way_out:
            self.way_out.left()

    def pop_screen(self) -> AwaitComplete:
        """Close the uppermost screen, but never the run's."""
        if self.screen is self.run_screen:
            return AwaitComplete()
        return super().pop_screen()

    def draw_waiting(self) -> None:
        """Draw the run if it had to wait for the line to the terminal."""
        if self.run_screen:
            self.run_screen.draw_waiting()

    def action_show_help(self) -> None:
        """Show the help; everything behind it stays as it is."""
        from tui_gd.ui.screens.pages import HelpScreen

        own = self.screen.own_keys if isinstance(self.screen, Closing) else ("", ())
        self.push_screen(HelpScreen(self.context, own))

    def key_read(self) -> None:
        """Let training wait for the effects of a key; the thread that reads keys calls this."""
        if self.run_screen and self.run_screen.run.runner:
            self.run_screen.run.runner.expect_command()

    async def on_event(self, event: events.Event) -> None:
        """Tell the run's screen the time of a press, and whether it was a key."""
        if isinstance(event, events.InputEvent) and self.run_screen:
            self.run_screen.pressed_at = event.time
            if isinstance(event, events.Key):
                self.run_screen.notices.key_pressed()
        await super().on_event(event)

    # The list of commands

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every action of the key table by its text."""
        run_screen = self.run_screen
        if run_screen is None or screen is not run_screen:
            return
        for action in self.context.actions:
            if action.name != "command_palette":
                title = f"{action.text[0].upper()}{action.text[1:]}"
                do = partial(run_screen.run_action, target(action.name))
                yield SystemCommand(title, action.shown, do)
        for option in run_screen.options:
            title = f"Setting {option.name.replace('_', ' ')}"
            do = partial(run_screen.run_action, f"settings({option.name!r})")
            yield SystemCommand(title, option.help, do)

    def action_command_palette(self) -> None:
        """Show all commands by name, but only over the run: other screens have none."""
        if self.run_screen is not None and self.screen is self.run_screen:
            from tui_gd.ui.textual_fixes.app import Commands

            self.push_screen(Commands(id="--command-palette"))


# Leaving because of a key, a signal or a lost terminal: save first, and always end


class Unawaited(ThreadPoolExecutor):
    """Threads of the event loop; the loop's end does not wait for them.

    Loading a large file or importing scikit-learn cannot be interrupted.
    """

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Start nothing more and abandon what is still running."""
        del wait, cancel_futures
        super().shutdown(wait=False, cancel_futures=True)


class Leaving:
    """Ends the app, and the process if the app does not end.

    `save` stops the run and saves it; several threads may call it at once. A thread that starts at
    the beginning does all this. A signal handler could not: while it runs, the main thread may hold
    any lock, even the one needed to start a thread, or wait for a terminal that accepts nothing.
    """

    signal: int

    def __init__(self, app: PacedApp[Any], save: Callable[[], None]) -> None:
        self.signal = 0
        self._app, self._save = app, save
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._left = threading.Event()
        threading.Thread(target=self._watch, name="leaving", daemon=True).start()

    @staticmethod
    def wait_for_no_thread() -> None:
        """Let the running event loop end while its threads still work."""
        asyncio.get_running_loop().set_default_executor(Unawaited())

    def ask(self, number: int, frame: FrameType | None = None) -> None:
        """Leave because of a signal, `QUIT` or `HANG_UP`; any thread may call this."""
        del frame
        with suppress(OSError):
            os.write(self._writer, bytes([number]))

    def left(self) -> None:
        """Report that the terminal has been given back."""
        self._left.set()

    def _watch(self) -> None:
        number = os.read(self._reader, 1)[0]
        begun = time.monotonic()
        self.signal = number
        saving = threading.Thread(target=self._save, name="saving", daemon=True)
        saving.start()
        if number != QUIT:
            self._app.leave(128 + number)
        in_order = self._left.wait(QUIT_IN_ORDER if number == QUIT else IN_ORDER)
        if not in_order:
            self._app.abandon_terminal()
        elif number == QUIT:
            # a signal may still come while the run is saved and the report is made
            self._end_at_a_signal(saving)
        saving.join(max(0.0, begun + IN_ALL - time.monotonic()))
        if in_order:  # the main thread ends the process, unless it is blocked
            time.sleep(max(0.0, begun + IN_ALL - time.monotonic()))
        os._exit(128 + number if number else 0)

    def _end_at_a_signal(self, saving: threading.Thread) -> None:
        number = QUIT
        while number == QUIT:  # a person pressed the key twice
            number = os.read(self._reader, 1)[0]
        self.signal = number
        saving.join(IN_ALL)
        os._exit(128 + self.signal)


@contextmanager
def leaving(app: PacedApp[Any], save: Callable[[], None]) -> Iterator[Leaving]:
    """While the context is open, leave in order at interrupt, hang-up and termination.

    A signal that this process ignores, as under nohup, stays ignored. Only the main thread receives
    signals, so any other thread installs no handler.
    """
    way = Leaving(app, save)
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {
            number: signal.signal(number, way.ask)
            for number in ASKING
            if signal.getsignal(number) not in {signal.SIG_IGN, None}
        }
    try:
        yield way
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# Textual's themes in the palette's colours, for what Textual draws itself

_FEW_SURFACE = {True: "#000000", False: "#ffffff"}


def theme(palette: "Palette", *, dark: bool) -> Theme:
    """Return Textual's theme with the palette's colours, for what Textual draws itself."""
    from tui_gd.plots.palette import rgb

    ground = (18, 18, 18) if dark else (228, 228, 228)
    ink = (228, 228, 228) if dark else (18, 18, 18)

    def colour(value: int, default: tuple[int, int, int]) -> str:
        return "#{:02x}{:02x}{:02x}".format(*rgb(value, default))

    few = palette.depth in {"16", "mono"}
    return Theme(
        name=f"gd-{'dark' if dark else 'light'}",
        dark=dark,
        primary=colour(palette.focus, ink),
        accent=colour(palette.focus, ink),
        warning=colour(palette.warning, ink),
        error=colour(palette.error, ink),
        success=colour(palette.good, ink),
        foreground=colour(palette.text, ink),
        background=colour(palette.background, ground),
        surface=_FEW_SURFACE[dark] if few else "#262626" if dark else "#d0d0d0",
        panel="#303030" if dark else "#c6c6c6",
        variables=_of_few_colours(palette.depth, dark=dark) if few else {},
    )


def _of_few_colours(depth: "Depth", *, dark: bool) -> dict[str, str]:
    """Return the colours that Textual would mix: of 16, a mix would be grey or invisible."""
    chosen = _FEW_SURFACE[not dark]
    if depth == "16":
        chosen = "#0000ee" if dark else "#00ffff"
    ink = _FEW_SURFACE[dark if depth == "mono" else not dark]
    return {
        "block-cursor-blurred-background": chosen,
        "block-cursor-blurred-foreground": ink,
        "input-selection-background": chosen,
        "input-selection-foreground": ink,
        "scrollbar": chosen,
        "text-disabled": "#7f7f7f",
    }
