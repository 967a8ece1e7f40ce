"""The columns of a table: choosing the target among them, and what was done to every one."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

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
from tui_gd.ui.cellview import CellView, picture_of
from tui_gd.ui.screens.page import Page, Question

if TYPE_CHECKING:
    from tui_gd.ui.app import GdApp

_PAGE = 10
_WIDEST = 60
_LONGEST_NAME, _LONGEST_WORDS = 28, 20


# Choosing the target


class TargetChoice(Question[str | None]):
    """Asks which column is to be learned; answers with its name. What is typed finds it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "back"),
        Binding("enter", "take", show=False),
        Binding("down", "select(1)", show=False),
        Binding("up", "select(-1)", show=False),
        Binding("pagedown", f"select({_PAGE})", show=False),
        Binding("pageup", f"select({-_PAGE})", show=False),
        Binding("backspace", "shorten", show=False),
    ]
    app: "GdApp"

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        super().__init__()
        self._name = name
        self._columns = tuple(columns)
        self._lowered = [column.casefold() for column in columns]
        self._found = list(range(len(columns)))
        self._typed = ""
        self._selected = 0

    def compose(self) -> ComposeResult:
        """Lay out one picture."""
        yield CellView()

    def on_resize(self, _: events.Resize) -> None:
        """Draw at the new size."""
        self.call_after_refresh(self._draw)

    def on_key(self, event: events.Key) -> None:
        """Take a printable character into what is looked for."""
        if event.character and event.is_printable:
            self._look_for(self._typed + event.character)
            event.stop()

    def on_paste(self, event: events.Paste) -> None:
        """Take a pasted line into what is looked for."""
        line = "".join(sign for sign in event.text.partition("\n")[0] if sign.isprintable())
        self._look_for(self._typed + line)

    def action_shorten(self) -> None:
        """Take the last character typed back."""
        self._look_for(self._typed[:-1])

    def action_select(self, by: int) -> None:
        """Select another column."""
        self._selected = max(0, min(self._selected + by, len(self._found) - 1))
        self._draw()

    def action_take(self) -> None:
        """Answer with the selected column."""
        if self._found:
            self.dismiss(self._columns[self._found[self._selected]])

    def on_mouse_scroll_down(self) -> None:
        """Select as the key down does."""
        self.action_select(1)

    def on_mouse_scroll_up(self) -> None:
        """Select as the key up does."""
        self.action_select(-1)

    def _look_for(self, text: str) -> None:
        self._typed, self._selected = text, 0
        self._found = found(self._lowered, text.casefold())
        self._draw()

    def _draw(self) -> None:
        view = picture_of(self)
        if view is None:
            return
        columns = [self._columns[i] for i in self._found]
        # as high as for all of them, whatever is found
        rows = min(self.size.height, max(len(self._columns), 1) + BORDER + 1)
        wide = min(self.size.width, _WIDEST)
        view.styles.height, view.styles.width = rows, wide
        cells = draw_choice(
            rows,
            wide,
            f"target: which column of {self._name}?",
            columns,
            self._selected,
            self._typed,
            self.app.style,
        )
        view.show(cells)


def found(lowered: Sequence[str], text: str) -> list[int]:
    """Return which names have `text` in them, those that begin with it first, in their order."""
    if not text:
        return list(range(len(lowered)))
    having = [i for i, name in enumerate(lowered) if text in name]
    return sorted(having, key=lambda i: not lowered[i].startswith(text))


def draw_choice(
    rows: int,
    columns: int,
    question: str,
    names: Sequence[str],
    selected: int,
    typed: str,
    style: Style,
) -> Cells:
    """Return the question with the names that can be chosen in a box of (rows, columns)."""
    palette = style.palette
    high, wide = max(0, rows - BORDER), max(0, columns - BORDER)
    inner = Cells.blank(high, wide, style)
    keys = "type to find it   enter takes   esc leaves"
    inner.put(
        0,
        1,
        f"find: {typed}" if typed else keys,
        palette.warning if typed else palette.dim,
    )
    room = max(0, high - 1)
    first = visible_offset(len(names), room, 0, selected)
    for row, name in enumerate(names[first : first + room], 1):
        here = first + row - 1 == selected
        colour = palette.accent if here else palette.text
        inner.put(row, 0, style.symbols.selected if here else " ", colour)
        inner.put(row, 2, fit(name, wide - 2, style.symbols.plain), colour)
    if not names:
        inner.put(1, 2, "no column has that in its name", palette.warning)
    elif len(names) > room:
        text = f"{selected + 1}/{len(names)}"
        inner.put(0, wide - len(text), text, palette.dim)
    return draw_box(rows, columns, inner, Heading(question), style)


# What was done to every column


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

    def __init__(self, problem: Problem, settings: RunSettings) -> None:
        super().__init__()
        self._problem = problem
        self._notes = column_notes(problem, settings)

    def picture(self, rows: int, columns: int, offset: int) -> tuple[Cells, int]:
        """Return the page, scrolled."""
        style = self.app.style
        return draw_columns(rows, columns, self._problem, self._notes, offset, style)


def draw_columns(
    rows: int,
    columns: int,
    problem: Problem,
    notes: Sequence[ColumnNote],
    offset: int,
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
