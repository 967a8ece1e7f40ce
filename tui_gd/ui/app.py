"""The Textual app: the first frame, the themes, the terminal, and the way out.

Nothing here imports numpy: the first frame is there as soon as Textual's own, and everything else
is imported behind it.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from textual import work
from textual._compositor import ChopsUpdate
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter, Monochrome
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets import Static

from tui_gd.settings import RunSettings
from tui_gd.ui.beginning import Beginning
from tui_gd.ui.keys import ACTIONS, target
from tui_gd.ui.plain import AsciiOnly
from tui_gd.ui.terminal import Terminal

if TYPE_CHECKING:
    from tui_gd.plots.palette import Palette
    from tui_gd.ui.screens.run import RunScreen
    from tui_gd.ui.shelf import Shelf


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
        shelf: "Shelf | None" = None,
        beginning: Beginning = Beginning(),  # noqa: B008 - it is frozen
    ) -> None:
        super().__init__()
        self.terminal = terminal
        self.fault: str | None = None
        self.run_screen: RunScreen | None = None
        self._settings, self._clock, self._shelf = settings, clock, shelf
        self._beginning = beginning
        self._dark = True
        self._own_filters: list[LineFilter] = []
        if terminal.depth == "mono" and not self.no_color:
            self._own_filters.append(Monochrome())
        if terminal.symbols.plain:
            self._own_filters.append(AsciiOnly())
        self.set_class(terminal.depth in {"16", "mono"}, "flat")

    @property
    def shelf(self) -> "Shelf":
        """Where runs are kept: the run store of this machine, unless another shelf was given."""
        if self._shelf is None:
            from tui_gd.ui.storeshelf import StoreShelf

            self._shelf = StoreShelf()
        return self._shelf

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
        self.call_after_refresh(self._import)

    @work(thread=True)
    def _import(self) -> None:
        import tui_gd.ui.screens.run  # noqa: F401

        self.call_from_thread(self._show)

    def _show(self) -> None:
        from tui_gd.plots.palette import palette_for
        from tui_gd.ui.screens.run import RunScreen

        for dark in (True, False):
            self.register_theme(_theme(palette_for(self.terminal.depth, dark), dark=dark))
        self.theme = _theme_name(dark=True)
        self.run_screen = RunScreen(self._settings, self._clock, self._beginning)
        self.push_screen(self.run_screen)

    def switch_theme(self) -> None:
        """Switch between dark and light."""
        self._dark = not self._dark
        self.theme = _theme_name(dark=self._dark)

    def give_up(self, fault: str) -> None:
        """Leave with a line that says what a person did wrong."""
        self.fault = fault
        self.exit(return_code=2)

    async def action_quit(self) -> None:
        """Stop training and leave; the runner can still be asked for its last state."""
        if self.run_screen:
            self.run_screen.studies.stop()
            if self.run_screen.runner:
                self.run_screen.runner.stop()
        self.exit()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every action of the key table by its text."""
        run_screen = self.run_screen
        if run_screen is None or screen is not run_screen:
            return
        for action in ACTIONS:
            if action.name == "command_palette":
                continue

            async def do(name: str = target(action)) -> None:
                await run_screen.run_action(name)

            yield SystemCommand(f"{action.text[0].upper()}{action.text[1:]}", action.shown, do)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what changes the lines that Textual draws itself: without colour, in ASCII."""
        return [*super().get_line_filters(), *self._own_filters]

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if self.run_screen and isinstance(renderable, ChopsUpdate):
            from tui_gd.ui.cellview import ExactUpdate

            renderable = ExactUpdate(renderable.chops, renderable.spans, renderable.chop_ends)
        super()._display(screen, renderable)


def _theme_name(*, dark: bool) -> str:
    return "gd-dark" if dark else "gd-light"


def _theme(palette: "Palette", *, dark: bool) -> Theme:
    """Return Textual's theme with the palette's colours, for what Textual draws itself."""
    from tui_gd.plots.palette import rgb

    ground = (18, 18, 18) if dark else (228, 228, 228)
    ink = (228, 228, 228) if dark else (18, 18, 18)

    def colour(value: int, default: tuple[int, int, int]) -> str:
        return "#{:02x}{:02x}{:02x}".format(*rgb(value, default))

    return Theme(
        name=_theme_name(dark=dark),
        dark=dark,
        primary=colour(palette.accent, ink),
        accent=colour(palette.accent, ink),
        warning=colour(palette.warning, ink),
        error=colour(palette.error, ink),
        success=colour(palette.good, ink),
        foreground=colour(palette.text, ink),
        background=colour(palette.background, ground),
        surface="#262626" if dark else "#d0d0d0",
        panel="#303030" if dark else "#c6c6c6",
    )
