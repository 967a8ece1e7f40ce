"""The help: every key, from the one table."""

import textwrap
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import ClassVar

from textual.binding import Binding, BindingType

from tui_gd.plots.axes import BORDER, Heading, draw_box
from tui_gd.plots.cells import Cells
from tui_gd.plots.palette import Style
from tui_gd.ui.context import Context
from tui_gd.ui.keys import ACTIONS, Action
from tui_gd.ui.screens.page import Page

_INTRODUCTION = (
    "Each epoch moves the weights against the gradient, W ← W − α·g; all drawn belongs to the "
    "epoch named above."
)
_KEYS_WIDTH = 14
_COLUMN = 1 + _KEYS_WIDTH + max(len(action.text) for action in ACTIONS)
# the groups of the right one of two columns
_RIGHT = ("Panels", "Curves", "View", "Program")
_WORDS = {"→": "right", "←": "left", "↑": "up", "↓": "dn"}

Line = tuple[str, str]
"""Keys and text; a heading has no text, a line of text no keys, the rest of one a blank."""


class HelpScreen(Page):
    """Lists the keys; those that open it close it too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "dismiss", show=False),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__(partial(draw_help, style=context.style, actions=context.actions))


def help_columns(room: int, actions: Sequence[Action] = ACTIONS) -> list[list[Line]]:
    """Return the lines in one column, or in two where each has room."""
    introduction = [("", line) for line in textwrap.wrap(_INTRODUCTION, max(room, 20))]
    left, right = [*introduction], [("", "")] * len(introduction)
    for group, members in groupby(actions, key=lambda action: action.group):
        column = right if group in _RIGHT else left
        if len(column) > len(introduction):
            column.append(("", ""))
        column.append((group, ""))
        for action in members:
            if not action.shown:
                continue
            first, *more = textwrap.wrap(action.text, max(room - _KEYS_WIDTH, 20))
            column += [(action.shown, first), *((" ", line) for line in more)]
    if room >= 2 * _COLUMN:
        return [left, right]
    return [[*left, ("", ""), *right[len(introduction) :]]]


def draw_help(
    rows: int,
    columns: int,
    offset: int,
    style: Style,
    actions: Sequence[Action] = ACTIONS,
) -> tuple[Cells, int]:
    """Return the help scrolled to `offset`, or as far as it goes, and how far that was."""
    palette, symbols = style.palette, style.symbols
    inner = Cells.blank(rows - BORDER, columns - BORDER, style)
    height, width = inner.shape
    parts = help_columns(width - 2, actions)
    longest = max(map(len, parts))
    offset = max(0, min(offset, longest - height))
    for number, part in enumerate(parts):
        left = 1 + number * (width // len(parts))
        for row, (keys, text) in enumerate(part[offset : offset + height]):
            if symbols.plain:
                for arrow, word in _WORDS.items():
                    keys = keys.replace(arrow, word)  # noqa: PLW2901 - the same, spelt out
            heading = bool(keys) and not text
            inner.put(row, left, keys, palette.accent if heading else palette.warning)
            indent = _KEYS_WIDTH if keys else 0
            inner.put(row, left + indent, symbols.spell(text), palette.text)
    last = min(offset + height, longest)
    more = symbols.spell(f"   ↑ ↓: {offset + 1}–{last} of {longest}") if longest > height else ""
    box = draw_box(rows, columns, inner, Heading(f"help   esc: back{more}"), style)
    return box, offset
