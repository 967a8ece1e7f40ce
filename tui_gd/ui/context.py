"""What every screen is handed: the terminal and its colours, the keys, the library of runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tui_gd.ui.keys import ACTIONS, Action, KeyNames
from tui_gd.ui.terminal import Terminal

if TYPE_CHECKING:
    from tui_gd.lessons.player import Player
    from tui_gd.plots.palette import Style
    from tui_gd.runs.steps import Shared
    from tui_gd.runs.store import Store


@dataclass(frozen=True)
class Beginning:
    """What the interface begins with.

    With `keep`, runs are kept; `kept` is the id of a kept run to go on with; `shared` is a run
    from a share line, to be repeated; `lesson` is a lesson and the share line of its run, empty at
    its start. Without any of them it is a new run. With `tour` the tour is offered.
    """

    keep: bool = False
    kept: str | None = None
    shared: "Shared | None" = None
    lesson: "tuple[Player, str] | None" = None
    tour: bool = False


@dataclass(eq=False)
class Context:
    """The means that all screens share.

    `actions` is the table of keys as this person has bound them; `library` is the file that runs
    are kept in, None for this machine's own; `dark` says which theme is in use.
    """

    terminal: Terminal
    actions: Sequence[Action] = ACTIONS
    library: Path | None = None
    dark: bool = True
    keys: KeyNames = field(init=False)

    def __post_init__(self) -> None:
        self.keys = KeyNames(self.actions)

    @property
    def style(self) -> "Style":
        """The colours of the theme in use and the characters, for this terminal."""
        from tui_gd.plots.palette import Style, palette_for  # imports numpy

        return Style(palette_for(self.terminal.depth, self.dark), self.terminal.symbols)

    def open_library(self) -> "Store":
        """Open the store of kept runs, which other programs write to meanwhile: close it soon."""
        from tui_gd.runs.store import Store

        return Store(self.library)
