"""Which panels a terminal of some size has room for, and how they are arranged."""

from dataclasses import dataclass

SMALLEST = (40, 12)  # columns, rows
STACKED_COLUMNS = 60
WIDE = (100, 24)
PANEL_ROWS = 10


@dataclass(frozen=True)
class Arrangement:
    """`shown` are the numbers of the panels: in two columns if `wide`, else on top of each other.

    In a `tiny` terminal there is no room for any.
    """

    tiny: bool
    wide: bool
    shown: range


def arrange(columns: int, rows: int, *, panels: int, focused: int, maximised: bool) -> Arrangement:
    """Return all panels where there is room, else as many as fit, the focused one among them."""
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        return Arrangement(tiny=True, wide=False, shown=range(0))
    if maximised:
        return Arrangement(tiny=False, wide=False, shown=range(focused, focused + 1))
    if columns >= WIDE[0] and rows >= WIDE[1]:
        return Arrangement(tiny=False, wide=True, shown=range(panels))
    count = max(1, (rows - 2) // PANEL_ROWS) if columns >= STACKED_COLUMNS else 1
    first = focused // count * count
    return Arrangement(tiny=False, wide=False, shown=range(first, min(first + count, panels)))
