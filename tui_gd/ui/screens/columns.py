"""The columns of a table: what was done to every one."""

import textwrap
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

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
from tui_gd.ui.screens.page import Page

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
