"""A table of text in cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tui_gd.plots.cells import Cells, fit, width
from tui_gd.plots.colours import Colour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui_gd.plots.palette import Style

Align = Literal["<", ">"]


def draw_table(
    rows: int,
    columns: int,
    header: Sequence[str],
    body: Sequence[Sequence[str]],
    *,
    style: Style,
    align: Sequence[Align] | None = None,
    title: str = "",
    focused: bool = False,
    offset: int = 0,
    selected: int | None = None,
    highlight: Mapping[tuple[int, int], Colour] | None = None,
    gap: int = 2,
) -> Cells:
    """Return a table: title, header, and the rows of ``body`` from ``offset`` on.

    ``align`` per column, by default the first left and the others right. ``selected`` is marked
    and kept in sight; ``highlight`` colours single cells by (row, column) of ``body``. Columns
    that do not fit are left out from the right, the last one shown is cut. Rows that do not fit
    are told by ``4–9/12`` at the right of the first line.
    """
    palette, symbols = style.palette, style.symbols
    cells = Cells.blank(rows, columns, style)
    numbers: list[Align] = [">"] * max(len(header) - 1, 0)
    sides: Sequence[Align] = align if align is not None else ["<", *numbers]
    marker = 0 if selected is None else width(symbols.selected) + 1
    widths = [
        max((width(line[column]) for line in (header, *body) if column < len(line)), default=0)
        for column in range(max(map(len, (header, *body)), default=0))
    ]
    top = 0
    if title:
        head = f"{symbols.focus} {title}" if focused else title
        colour = palette.accent if focused else palette.text
        cells.put(0, 0, fit(head, columns, symbols.plain), colour)
        top = 1

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
            at += widths[column] + gap

    if any(header):
        line(top, header, [palette.dim] * len(header))
        top += 1
    room = max(rows - top, 0)
    offset = visible_offset(len(body), room, offset, selected)
    for row, values in enumerate(body[offset : offset + room], offset):
        chosen = row == selected
        plain = palette.accent if chosen else palette.text
        given = highlight or {}
        line(top + row - offset, values, [given.get((row, c), plain) for c in range(len(values))])
        if chosen:
            cells.put(top + row - offset, 0, symbols.selected, palette.accent)
    if 0 < room < len(body):
        dash = "-" if symbols.plain else "–"
        text = f" {offset + 1}{dash}{offset + room}/{len(body)}"
        if width(text) <= columns:
            cells.put(0, columns - width(text), text, palette.dim)
    return cells


def visible_offset(count: int, room: int, offset: int, selected: int | None) -> int:
    """Return the first row to show of ``count`` in ``room``, so that ``selected`` is in sight."""
    if selected is not None:
        offset = min(max(offset, selected - room + 1), selected)
    return max(min(offset, count - room), 0)
