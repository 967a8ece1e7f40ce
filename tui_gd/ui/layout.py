"""Which panels a terminal of some size has room for, and how they are arranged."""

from dataclasses import dataclass

SMALLEST = (40, 12)  # columns, rows
STACKED_COLUMNS = 60
WIDE = (100, 24)
PANEL_ROWS = 10
PLACES = 4


VERDICT_ROWS = 16  # with fewer, the verdict's line is left out


@dataclass(frozen=True)
class Arrangement:
    """How many panels are shown: in two columns if `wide`, else on top of each other.

    In a `tiny` terminal there is no room for any.
    """

    tiny: bool
    wide: bool
    count: int


def arrange(columns: int, rows: int, *, maximised: bool) -> Arrangement:
    """Return as many panels as there is room for, four in a wide terminal."""
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        return Arrangement(tiny=True, wide=False, count=0)
    if maximised:
        return Arrangement(tiny=False, wide=False, count=1)
    if columns >= WIDE[0] and rows >= WIDE[1]:
        return Arrangement(tiny=False, wide=True, count=PLACES)
    lines = 2 + (rows >= VERDICT_ROWS)
    count = max(1, (rows - lines) // PANEL_ROWS) if columns >= STACKED_COLUMNS else 1
    return Arrangement(tiny=False, wide=False, count=min(count, PLACES))
