"""What of a run is to be written, and into which folder."""

import re
from collections.abc import Collection, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui_gd.plots.axes import BORDER, Heading, draw_box
from tui_gd.plots.cells import Cells, fit
from tui_gd.plots.palette import Style
from tui_gd.plots.table import visible_offset
from tui_gd.ui.cellview import CellView, picture_of
from tui_gd.ui.screens.page import Question
from tui_gd.ui.screens.questions import Prompt

if TYPE_CHECKING:
    from tui_gd.ui.app import GdApp

Answer = tuple[tuple[str, ...], str]
"""The kinds chosen, and the folder."""

_WIDEST = 72
_KEYS = ("space chooses", "a all", "f folder", "enter writes", "esc leaves")
_LEAST_ROWS = 5
_NAME_LETTERS = 40


class ExportScreen(Question[Answer | None]):
    """Asks for kinds of files, (kind, text) each, and a folder; remembers nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,e", "dismiss(None)", "back"),
        Binding("down,j", "select(1)", show=False),
        Binding("up,k", "select(-1)", show=False),
        Binding("space,x", "choose", show=False),
        Binding("a", "choose_all", show=False),
        Binding("f", "folder", show=False),
        Binding("enter", "take", show=False),
    ]
    app: "GdApp"

    def __init__(
        self, what: str, kinds: Sequence[tuple[str, str]], chosen: Collection[str], folder: str
    ) -> None:
        super().__init__()
        self._what, self._kinds, self._folder = what, tuple(kinds), folder
        self._chosen = set(chosen)
        self._selected = 0

    def compose(self) -> ComposeResult:
        """Lay out one picture."""
        yield CellView()

    def on_resize(self, _: events.Resize) -> None:
        """Draw at the new size."""
        self.call_after_refresh(self._draw)

    def action_select(self, by: int) -> None:
        """Select another kind."""
        self._selected = max(0, min(self._selected + by, len(self._kinds) - 1))
        self._draw()

    def action_choose(self) -> None:
        """Have the selected kind written, or no longer."""
        self._chosen ^= {self._kinds[self._selected][0]}
        self._draw()

    def action_choose_all(self) -> None:
        """Have all kinds written; if they are, none."""
        every = {kind for kind, _ in self._kinds}
        self._chosen = set() if every <= self._chosen else every
        self._draw()

    @work
    async def action_folder(self) -> None:
        """Ask for the folder."""
        question = "Folder (it is made if there is none)"
        folder = await self.app.push_screen_wait(Prompt(question, self._folder, parse_folder))
        if folder is not None:
            self._folder = folder
            self._draw()

    def action_take(self) -> None:
        """Answer; with nothing chosen, the selected kind is."""
        chosen = self._chosen or {self._kinds[self._selected][0]}
        self.dismiss((tuple(kind for kind, _ in self._kinds if kind in chosen), self._folder))

    def _draw(self) -> None:
        view = picture_of(self)
        if view is None:
            return
        rows = min(self.size.height, len(self._kinds) + BORDER + 3)
        columns = min(self.size.width, _WIDEST)
        view.styles.height, view.styles.width = rows, columns
        cells = draw_export(
            rows,
            columns,
            self._what,
            self._kinds,
            self._chosen,
            self._selected,
            self._folder,
            self.app.style,
        )
        view.show(cells)


def folder_for(problem: str, run: str) -> str:
    """Return the name of a folder for a run's files: `gd-tui-blobs-3f9a`."""
    name = re.sub(r"[^\w.-]+", "-", PurePath(problem).name)[:_NAME_LETTERS].strip(".-")
    return "-".join(part for part in ("gd-tui", name, run) if part)


def parse_folder(text: str) -> str:
    """Return the name of a folder; `ValueError` says what is wrong with it."""
    if not text:
        raise ValueError("name a folder; . is this one")
    if not text.isprintable():
        raise ValueError("has characters that cannot be printed")
    return text


def draw_export(
    rows: int,
    columns: int,
    what: str,
    kinds: Sequence[tuple[str, str]],
    chosen: Collection[str],
    selected: int,
    folder: str,
    style: Style,
) -> Cells:
    """Return the question in a box of (rows, columns)."""
    palette, symbols = style.palette, style.symbols
    high, wide = max(0, rows - BORDER), max(0, columns - BORDER)
    inner = Cells.blank(high, wide, style)
    room = max(0, high - (3 if high >= _LEAST_ROWS else 2))
    first = visible_offset(len(kinds), room, 0, selected)
    size = max((len(kind) for kind, _ in kinds), default=0)
    for row, (kind, text) in enumerate(kinds[first : first + room]):
        here = first + row == selected
        colour = palette.accent if here else palette.text
        inner.put(row, 0, symbols.selected if here else " ", colour)
        inner.put(row, 2, "[x]" if kind in chosen else "[ ]", colour)
        inner.put(row, 6, kind, colour)
        inner.put(
            row,
            8 + size,
            fit(symbols.spell(text), wide - 8 - size, symbols.plain),
            colour,
        )
    if room < len(kinds) and room > 0:
        text = f"{selected + 1}/{len(kinds)}"
        inner.put(high - 2, wide - len(text), text, palette.dim)
    inner.put(high - 2, 2, f"into {fit(folder, wide - 14, symbols.plain)}", palette.text)
    at = 2
    for key in _KEYS:
        if at + len(key) <= wide:
            at = inner.put(high - 1, at, key, palette.dim) + 2
    title = f"export {what}"
    return draw_box(rows, columns, inner, Heading(title), style)
