"""A table of text in cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tui_gd.plots.cells import SPACE, Cells, fit, width
from tui_gd.plots.palette import Colour, bold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui_gd.plots.palette import Style

Align = Literal["<", ">"]


@dataclass(frozen=True, eq=False)
class Table:
    """Lines of text in columns."""

    header: Sequence[str]
    body: Sequence[Sequence[str]]
    align: Sequence[Align] | None = None
    """The alignment of each column; by default the first left and the others right."""
    highlight: Mapping[tuple[int, int], Colour] = field(default_factory=dict)
    """Colours of single cells, by (row, column) of the body."""
    gap: int = 2
    """Blanks between two columns."""


def draw_table(
    rows: int,
    columns: int,
    table: Table,
    style: Style,
    *,
    offset: int = 0,
    selected: int | None = None,
) -> Cells:
    """Return a table: its header, and its body from row ``offset`` on.

    The row ``selected`` is marked and kept visible. Columns that do not fit are left out from the
    right; the last one shown is cut. If rows do not fit, the first line ends in ``4–9/12``, if it
    has room.
    """
    palette, symbols = style.palette, style.symbols
    header, body = table.header, table.body
    cells = Cells.blank(rows, columns, style)
    numbers: list[Align] = [">"] * max(len(header) - 1, 0)
    sides: Sequence[Align] = table.align if table.align is not None else ["<", *numbers]
    marker = 0 if selected is None else width(symbols.selected) + 1
    widths = [
        max((width(line[column]) for line in (header, *body) if column < len(line)), default=0)
        for column in range(max(map(len, (header, *body)), default=0))
    ]

    def line(row: int, values: Sequence[str], colours: Sequence[Colour]) -> None:
        at = marker
        for column, value in enumerate(values):
            room = min(widths[column], columns - at)
            if room <= 0:
                return
            text = fit(value, room, symbols.plain)
            right = column < len(sides) and sides[column] == ">"
            place = at + (room - width(text) if right else 0)
            cells.put(row, place, text, colours[column])
            at += widths[column] + table.gap

    top = int(any(header))
    if top:
        line(0, header, [palette.dim] * len(header))
    room = max(rows - top, 0)
    offset = visible_offset(len(body), room, offset, selected)
    for row, values in enumerate(body[offset : offset + room], offset):
        chosen = row == selected
        plain = bold(palette.focus) if chosen else palette.text
        colours = [table.highlight.get((row, column), plain) for column in range(len(values))]
        line(top + row - offset, values, colours)
        if chosen:
            cells.put(top + row - offset, 0, symbols.selected, palette.focus)
    if 0 < room < len(body):
        dash = "-" if symbols.plain else "–"
        text = f" {offset + 1}{dash}{offset + room}/{len(body)}"
        if width(text) <= columns and (cells.code[0, columns - width(text) :] == SPACE).all():
            cells.put(0, columns - width(text), text, palette.dim)
    return cells


def visible_offset(count: int, room: int, offset: int, selected: int | None) -> int:
    """Return the first of ``count`` rows to show in ``room`` lines, with ``selected`` visible."""
    if selected is not None:
        offset = min(max(offset, selected - room + 1), selected)
    return max(min(offset, count - room), 0)
