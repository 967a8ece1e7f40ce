"""The help: every key, from the one table."""

from itertools import groupby
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui_gd.plots.box import BORDER, draw_box
from tui_gd.plots.cells import Cells
from tui_gd.plots.palette import Palette, Symbols
from tui_gd.ui.cellview import CellView
from tui_gd.ui.keys import ACTIONS

_INTRODUCTION = (
    "gd-tui shows gradient descent at work: each epoch moves every weight a little",
    "against the gradient of the loss, W <- W - alpha * g. What is drawn belongs to",
    "the weights after the epoch that the first line names.",
)
_KEYS_WIDTH = 13


class HelpScreen(Screen[None]):
    """Lists the keys; scrolls, and closes with escape, `?` or q."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q,enter,space", "dismiss", "back"),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("ctrl+c", "app.quit", show=False, priority=True),
    ]

    def __init__(self, palette: Palette, symbols: Symbols) -> None:
        super().__init__()
        self._palette, self._symbols = palette, symbols
        self._offset = 0

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

    def _draw(self) -> None:
        view = self.query_one(CellView)
        rows, columns = view.size.height, view.size.width
        cells, self._offset = draw_help(rows, columns, self._offset, self._palette, self._symbols)
        view.show(cells)


def help_lines() -> list[tuple[str, str]]:
    """Return the lines of the help: (keys, text); a heading has no text, a text line no keys."""
    lines = [("", line) for line in _INTRODUCTION]
    for group, actions in groupby(ACTIONS, key=lambda action: action.group):
        lines += [("", ""), (group, "")]
        lines += [(action.shown, action.text) for action in actions]
    return lines


def draw_help(
    rows: int, columns: int, offset: int, palette: Palette, symbols: Symbols
) -> tuple[Cells, int]:
    """Return the help scrolled to `offset`, or as far as it goes, and how far that was.

    In two columns where there is room, so that all of it is seen at once.
    """
    inner = Cells.blank(rows - BORDER, columns - BORDER, palette, symbols)
    lines = help_lines()
    height, width = inner.shape
    split = len(_INTRODUCTION) + 1
    second = next(i for i, line in enumerate(lines) if line[0] == "View") - 1
    if width >= 2 * 56 and height < len(lines):
        left, right = lines[:second], [("", "")] * split + lines[second + 1 :]
        columns_of_lines = [(1, left), (width // 2, right)]
    else:
        columns_of_lines = [(1, lines)]
    longest = max(len(part) for _, part in columns_of_lines)
    offset = max(0, min(offset, longest - height))
    for column, part in columns_of_lines:
        for row, (keys, text) in enumerate(part[offset : offset + height]):
            if keys and not text:
                inner.put(row, column, keys, palette.accent)
                continue
            shown = keys
            if symbols.plain:
                for arrow, word in (("→", "right"), ("←", "left"), ("↑", "up"), ("↓", "down")):
                    shown = shown.replace(arrow, word)
            inner.put(row, column, shown, palette.warning)
            inner.put(row, column + (_KEYS_WIDTH if keys else 0), text, palette.text)
    more = "   up / down: more" if longest > height else ""
    box = draw_box(
        rows,
        columns,
        inner,
        title=f"help   esc: back{more}",
        palette=palette,
        symbols=symbols,
    )
    return box, offset
