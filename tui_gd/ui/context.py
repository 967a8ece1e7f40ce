"""What every screen receives: the terminal, the library of runs, and a person's preferences.

`config.toml` belongs to the person, so a fault in it is an error in one line. The program writes
the last view as a whole file or not at all, so of two sessions the last one counts. If the program
cannot read the view, it says so in one line and shows the usual view.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tui_gd.errors import OutputError, ProblemError, did_you_mean
from tui_gd.files import VARIABLE, WholeFile, directory
from tui_gd.problems.text import safe_text
from tui_gd.ui.keys import (
    ACTIONS,
    TABLE,
    Action,
    KeyNames,
    changed_actions,
    config_path,
    read_config,
)
from tui_gd.ui.terminal import Terminal

if TYPE_CHECKING:
    from tui_gd.lessons.player import Player
    from tui_gd.plots.palette import Colours, Palette, Style
    from tui_gd.runs.recipe import Shared
    from tui_gd.runs.store import Store

Theme = Literal["dark", "light"]

SCREEN, COLOURS = "screen", "colours"
THEMES: tuple[Theme, ...] = ("dark", "light")
VIEW_NAME = "view.json"
LARGEST_VIEW = 1 << 16


@dataclass(frozen=True)
class Preferences:
    """The keys, and the tables `[screen]` and `[colours]` of the file.

    A `theme` of None means the theme of the last session, or else the one of the terminal's ground.
    """

    actions: tuple[Action, ...] = ACTIONS
    theme: Theme | None = None
    mouse: bool = True
    palette: str = "usual"
    own: Mapping[Theme, Mapping[str, int]] = field(default_factory=dict)

    @cached_property
    def colours(self) -> "Colours":
        """The colours in the form that palettes take."""
        from tui_gd.plots.palette import Colours  # imports numpy

        dark, light = (tuple(self.own.get(theme, {}).items()) for theme in THEMES)
        return Colours(self.palette, dark, light)


def read_preferences(path: Path | None = None) -> Preferences:
    """Return the contents of the file; `ProblemError` says what is wrong in it, and where."""
    path = path or config_path()
    try:
        document = read_config(path)
        for name in document:
            if name not in {TABLE, SCREEN, COLOURS}:
                raise ProblemError(
                    f"[{safe_text(name)}] is not known: there is [{TABLE}], [{SCREEN}], [{COLOURS}]"
                )
        screen, colours = _table(document, SCREEN), _table(document, COLOURS)
        _known(screen, SCREEN, ("theme", "mouse"))
        _known(colours, COLOURS, ("palette", *THEMES))
        theme = screen.get("theme", "auto")
        if theme not in (*THEMES, "auto"):  # a list or a table cannot be in a set
            raise ProblemError(f"theme = {safe_text(str(theme))}: write dark, light or auto")
        mouse = screen.get("mouse", True)
        if not isinstance(mouse, bool):
            raise ProblemError(f"mouse = {safe_text(str(mouse))}: write true or false")
        palette = colours.get("palette", "usual")
        if palette not in ("usual", "safe"):
            raise ProblemError(f"palette = {safe_text(str(palette))}: write usual or safe")
        own = {one: _colours(colours, one) for one in THEMES if one in colours}
        chosen = None if theme == "auto" else theme
        return Preferences(changed_actions(document), chosen, mouse, palette, own)
    except ProblemError as error:
        raise ProblemError(f"{path}: {error}") from None


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise ProblemError(f"{name} is a table: write [{name}] and its values below it")
    return table


def _known(table: Mapping[str, Any], name: str, known: tuple[str, ...]) -> None:
    for one in table:
        if one not in known:
            hint = did_you_mean(one, known, {}) or f": there is {', '.join(known)}"
            raise ProblemError(f"[{name}] {safe_text(one)!r} is not known{hint}")


def _colours(colours: Mapping[str, Any], theme: Theme) -> dict[str, int]:
    from tui_gd.plots.palette import CLASS_ROLES, ROLES  # imports numpy

    where = f"{COLOURS}.{theme}"
    table = _table({where: colours[theme]}, where)
    _known(table, where, (*ROLES, *CLASS_ROLES))
    for role, value in table.items():
        if not (isinstance(value, str) and re.fullmatch("#[0-9a-fA-F]{6}", value)):
            raise ProblemError(
                f'[{where}] {role}: {safe_text(str(value))} is no colour as "#7cc4ff"'
            )
    return {role: int(value[1:], 16) for role, value in table.items()}


# The last view


@dataclass(frozen=True)
class LastView:
    """How the last session left the screen: a chosen theme, the panels, and how curves are drawn.

    `panels` names the panels at the four places; `focused` names the panel with the focus.
    """

    theme: Theme | None = None
    panels: tuple[str, ...] = ()
    focused: str = ""
    maximised: bool = False
    log_axis: bool | None = None
    log_epochs: bool = False
    smooth: int = 0


def view_path() -> Path:
    """Return the path of the view's file: next to the runs if `GD_TUI_DATA` moves them."""
    return directory(VARIABLE, "state") / VIEW_NAME


def read_view(path: Path) -> tuple[LastView, str]:
    """Return the last view and what is wrong with its file, or the usual view."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_VIEW + 1)
        found = json.loads(text)
        return _view(found), ""
    except (FileNotFoundError, NotADirectoryError):
        return LastView(), ""
    except OSError as error:
        return LastView(), f"{path}: {error.strerror}; the usual view is shown"
    except (ValueError, RecursionError):
        return LastView(), f"{path} is damaged; the usual view is shown"


def _view(found: object) -> LastView:
    """Return the view in a file's JSON; `ValueError` if it is not a view."""
    if not isinstance(found, dict):
        raise ValueError("not an object")
    known = {one.name for one in fields(LastView)}
    view = LastView(**{name: value for name, value in found.items() if name in known})
    if isinstance(view.panels, list):  # JSON has no tuples
        view = replace(view, panels=tuple(view.panels))
    sound = (
        view.theme in (None, *THEMES)
        and isinstance(view.panels, tuple)
        and all(isinstance(name, str) for name in (*view.panels, view.focused))
        and all(isinstance(flag, bool) for flag in (view.maximised, view.log_epochs))
        and (view.log_axis is None or isinstance(view.log_axis, bool))
        and type(view.smooth) is int
    )
    if not sound:
        raise ValueError("not a view")
    return view


def write_view(path: Path, view: LastView) -> None:
    """Replace the stored view, or keep it if the file cannot be written."""
    values = {name: value for name, value in vars(view).items() if value is not None}
    with suppress(OSError, ProblemError, OutputError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = WholeFile(str(path), "the view")
        try:
            file.write(json.dumps(values, indent=1) + "\n")
        finally:
            file.discard()


# All of it


@dataclass(frozen=True)
class Beginning:
    """What the interface begins with.

    With `keep`, the program keeps runs. `kept` is the id of a kept run to continue, `shared` is a
    run from a share line to repeat, and `lesson` is a lesson with the share line of its run, empty
    at its start. Without any of them, the interface begins a new run. With `tour` it offers the
    tour.
    """

    keep: bool = False
    kept: str | None = None
    shared: "Shared | None" = None
    lesson: "tuple[Player, str] | None" = None
    tour: bool = False


@dataclass(eq=False)
class Context:
    """The means that all screens share.

    `actions` is the table of keys as this person has bound them. `library` is the file of kept
    runs, None for the usual one. `dark` says which theme is in use, and `ask_ground` asks for the
    theme of the terminal's ground, if the terminal answers in time. `view` is the last view, and
    `view_path` is where to write it, None for nowhere. `notes` are messages to show first.
    `settled` is called once, when the first run is on the screen.
    """

    terminal: Terminal
    actions: Sequence[Action] = ACTIONS
    library: Path | None = None
    dark: bool = True
    preferences: Preferences = Preferences()
    ask_ground: bool = False
    mouse: bool = True
    view: LastView = LastView()
    view_path: Path | None = None
    notes: tuple[str, ...] = ()
    settled: Callable[[], object] = lambda: None
    keys: KeyNames = field(init=False)

    def __post_init__(self) -> None:
        self.keys = KeyNames(self.actions)

    @property
    def theme(self) -> str:
        """Textual's name of the theme in use."""
        return f"gd-{'dark' if self.dark else 'light'}"

    @property
    def style(self) -> "Style":
        """The colours of the theme in use, and the characters, for this terminal."""
        from tui_gd.plots.palette import Style  # imports numpy

        return Style(self.palette(dark=self.dark), self.terminal.symbols)

    def palette(self, *, dark: bool) -> "Palette":
        """Return the palette of a theme, in the colours that this person wants."""
        from tui_gd.plots.palette import palette_for

        return palette_for(self.terminal.depth, dark, self.preferences.colours)

    def open_library(self) -> "Store":
        """Open the store of kept runs; close it soon, because other programs write to it too."""
        from tui_gd.runs.store import Store

        return Store(self.library)
