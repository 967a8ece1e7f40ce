"""The Textual app: the themes, the terminal, and the way out."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.console import RenderableType
from textual._compositor import ChopsUpdate
from textual.app import App, SystemCommand
from textual.filter import LineFilter, Monochrome
from textual.screen import Screen
from textual.theme import Theme

from tui_gd.plots.palette import Palette, palette_for, rgb
from tui_gd.settings import RunSettings
from tui_gd.ui.cellview import ExactUpdate
from tui_gd.ui.keys import ACTIONS, target
from tui_gd.ui.plain import AsciiOnly
from tui_gd.ui.screens.run import RunScreen
from tui_gd.ui.terminal import Terminal


class GdApp(App[None]):
    """Gradient descent, live in a terminal."""

    TITLE = "gd-tui"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING: ClassVar[str] = "ctrl+p"

    def __init__(
        self,
        settings: RunSettings,
        terminal: Terminal,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.terminal = terminal
        self.fault: str | None = None
        self.run_screen = RunScreen(settings, clock)
        self._dark = True
        self._own_filters: list[LineFilter] = []
        if terminal.depth == "mono" and not self.no_color:
            self._own_filters.append(Monochrome())
        if terminal.symbols.plain:
            self._own_filters.append(AsciiOnly())
        self.set_class(terminal.depth in {"16", "mono"}, "flat")
        for dark in (True, False):
            self.register_theme(_theme(palette_for(terminal.depth, dark), dark=dark))
        self.theme = _theme_name(dark=True)

    @property
    def palette(self) -> Palette:
        """The colours of the theme in use, for this terminal."""
        return palette_for(self.terminal.depth, self._dark)

    def on_mount(self) -> None:
        """Show the run."""
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
        if self.run_screen.runner:
            self.run_screen.runner.stop()
        self.exit()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every action of the key table by its text."""
        if not isinstance(screen, RunScreen):
            return
        for action in ACTIONS:
            if action.name == "command_palette":
                continue

            async def do(name: str = target(action)) -> None:
                await self.run_screen.run_action(name)

            yield SystemCommand(f"{action.text[0].upper()}{action.text[1:]}", action.shown, do)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what changes the lines that Textual draws itself: without colour, in ASCII."""
        return [*super().get_line_filters(), *self._own_filters]

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if isinstance(renderable, ChopsUpdate):
            renderable = ExactUpdate(renderable.chops, renderable.spans, renderable.chop_ends)
        super()._display(screen, renderable)


def _theme_name(*, dark: bool) -> str:
    return "gd-dark" if dark else "gd-light"


def _theme(palette: Palette, *, dark: bool) -> Theme:
    """Return Textual's theme with the palette's colours, for what Textual draws itself."""
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
