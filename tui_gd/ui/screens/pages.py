"""Pages that fill the screen: the help, and what was done to the columns of a table."""

import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui_gd.plots.axes import BORDER, Heading, draw_box
from tui_gd.plots.cells import Cells, fit
from tui_gd.plots.palette import Style
from tui_gd.plots.symbols import Symbols
from tui_gd.plots.table import Table, draw_table, visible_offset
from tui_gd.problems import Problem
from tui_gd.problems.problem import ColumnNote
from tui_gd.session.settings import RunSettings
from tui_gd.ui.context import Context
from tui_gd.ui.keys import ACTIONS, Action
from tui_gd.ui.panels.widget import CellView, picture_of
from tui_gd.ui.textual_fixes.app import Closing

_PAGE = 10
_END = 10_000_000

Picture = Callable[[int, int, int], tuple[Cells, int]]
"""From rows, columns and the line to scroll to: the page, and the line that it is scrolled to."""


class Page(Closing[None]):
    """Shows what `picture` returns; scrolls, and closes with escape, q, enter or space."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,space", "dismiss", "back"),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown", f"scroll({_PAGE})", show=False),
        Binding("pageup", f"scroll({-_PAGE})", show=False),
        Binding("home,g", f"scroll({-_END})", show=False),
        Binding("end,G", f"scroll({_END})", show=False),
        Binding("ctrl+c,ctrl+q", "app.quit", show=False, priority=True),
    ]

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self._picture = picture
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

    def on_mouse_scroll_down(self) -> None:
        """Scroll as the key down does."""
        self.action_scroll(1)

    def on_mouse_scroll_up(self) -> None:
        """Scroll as the key up does."""
        self.action_scroll(-1)

    def _draw(self) -> None:
        view = picture_of(self)
        if view is not None:
            cells, self._offset = self._picture(view.size.height, view.size.width, self._offset)
            view.show(cells)


# The help: every key, from the one table

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
            inner.put(row, left, keys, palette.text if heading else palette.key)
            indent = _KEYS_WIDTH if keys else 0
            inner.put(row, left + indent, symbols.spell(text), palette.text)
    last = min(offset + height, longest)
    more = symbols.spell(f"   ↑ ↓: {offset + 1}–{last} of {longest}") if longest > height else ""
    box = draw_box(rows, columns, inner, Heading(f"help   esc: back{more}"), style)
    return box, offset


# The columns of a table: what was done to every one

_LONGEST_NAME, _LONGEST_WORDS = 28, 20


def column_notes(problem: Problem, settings: RunSettings) -> tuple[ColumnNote, ...]:
    """Return a note on every column of a table; of other problems on every feature."""
    if problem.about:
        return problem.about
    done = "mean 0, variance 1" if settings.standardize else "as it is"
    return tuple(ColumnNote(name, "number", "", done, (name,)) for name in problem.feature_names)


def summary(problem: Problem) -> str:
    """Return in a line what is learned from how many rows."""
    task = problem.task
    classes = f" of {len(problem.class_names)} classes" if problem.class_names else ""
    rows = f"{len(problem.y_train)} train and {len(problem.y_test)} test rows"
    return f"{task}{classes}: {problem.target_name} from {problem.features} features; {rows}"


class ColumnsScreen(Page):
    """Shows what was done to every column; the key that opens it closes it too."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("D", "dismiss", show=False)]

    def __init__(self, context: Context, problem: Problem, settings: RunSettings) -> None:
        notes = column_notes(problem, settings)
        super().__init__(partial(draw_columns, problem=problem, notes=notes, style=context.style))


def draw_columns(
    rows: int,
    columns: int,
    offset: int,
    *,
    problem: Problem,
    notes: Sequence[ColumnNote],
    style: Style,
) -> tuple[Cells, int]:
    """Return the page scrolled to `offset`, or as far as it goes, and how far that was."""
    palette, symbols = style.palette, style.symbols
    high, wide = max(0, rows - BORDER), max(0, columns - BORDER)
    inner = Cells.blank(high, wide, style)
    heads = [(line, palette.text) for line in _wrapped(summary(problem), wide, symbols)]
    for number, hint in enumerate(problem.hints):  # the first says what the task is
        colour = palette.warning if number else palette.text
        heads += [(line, colour) for line in _wrapped(hint, wide, symbols)]
    heads = heads[: high // 2]
    for row, (text, colour) in enumerate(heads):
        inner.put(row, 1, text, colour)
    top = len(heads) + 1
    room = max(0, high - top - 1)
    offset = visible_offset(len(notes), room, max(0, offset), None)
    shown = notes[offset : offset + room]  # a table may have a hundred thousand columns
    longest, most = max(_LONGEST_WORDS, wide // 4), max(_LONGEST_WORDS, wide // 3)
    body: list[tuple[str, ...]] = [
        (
            fit(note.name, _LONGEST_NAME, symbols.plain),
            note.kind,
            fit(symbols.spell(note.found), longest, symbols.plain),
            fit(symbols.spell(note.done), most, symbols.plain),
            _features(note),
        )
        for note in shown
    ]
    header: tuple[str, ...] = ("column", "kind", "values", "what was done", "features")
    if not any(note.found for note in notes):
        header, body = _without_values(header), [_without_values(line) for line in body]
    table = draw_table(
        max(0, high - top),
        max(0, wide - 2),
        Table(header, body, align=["<"] * 5),
        style,
    )
    inner.paste(top, 1, table)
    last = min(offset + room, len(notes))
    which = f"{offset + 1}–{last} of {len(notes)}" if len(notes) > room else f"{len(notes)}"
    title = f"columns: {which}   {problem.name.rpartition('/')[2] or problem.name}   esc: back"
    box = draw_box(rows, columns, inner, Heading(symbols.spell(title)), style)
    return box, offset


def _wrapped(text: str, columns: int, symbols: Symbols) -> list[str]:
    return textwrap.wrap(symbols.spell(text), max(20, columns - 2))


def _without_values(line: tuple[str, ...]) -> tuple[str, ...]:
    return (*line[:2], *line[3:])


def _features(note: ColumnNote) -> str:
    """Return the names of a column's features, or how many they are."""
    if note.features == (note.name,):
        return "itself"
    if not note.features:
        return "-"
    return f"{len(note.features)}: {', '.join(note.features[:20])}"
