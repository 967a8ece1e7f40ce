"""A titled box around a picture, for panels that have no axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cells import Cells, fit

if TYPE_CHECKING:
    from .palette import Palette, Symbols

# a box takes this many cells of each direction away from its contents
BORDER = 2


def draw_box(
    rows: int,
    columns: int,
    contents: Cells,
    *,
    title: str,
    palette: Palette,
    symbols: Symbols,
    focused: bool = False,
) -> Cells:
    """Return a box of (rows, columns) with its title in the upper line and `contents` inside."""
    cells = Cells.blank(rows, columns, palette, symbols)
    upper_left, upper_right, lower_left, lower_right = symbols.corners
    across = symbols.horizontal * max(0, columns - BORDER)
    for row in range(1, rows - 1):
        cells.put(row, 0, symbols.vertical, palette.axis)
        cells.put(row, columns - 1, symbols.vertical, palette.axis)
    cells.put(0, 0, upper_left + across + upper_right, palette.axis)
    cells.put(rows - 1, 0, lower_left + across + lower_right, palette.axis)
    head = f"{symbols.focus} {title}" if focused else title
    colour = palette.accent if focused else palette.text
    cells.put(0, 1, fit(f"{head} ", columns - BORDER, symbols.plain), colour)
    cells.paste(1, 1, contents)
    return cells
