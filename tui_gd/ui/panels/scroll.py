"""Scrolling: which of more lines than there is room for are seen, and where these are."""

from tui_gd.plots.cells import Cells, width
from tui_gd.plots.palette import Palette


class Scroll:
    """The part of a panel's lines that is seen; a page ends with lines that are seen again."""

    def __init__(self, again: int = 1) -> None:
        self.first = 0
        self._again = again
        self._room = 1

    def fit(self, count: int, room: int) -> int:
        """Return the first line seen, now that there are `count` and room for so many."""
        self._room = max(room, 1)
        self.first = max(0, min(self.first, count - room))
        return self.first

    def move(self, lines: int) -> None:
        """Scroll by lines; the end is found by the next `fit`."""
        self.first = max(0, self.first + lines)

    def turn(self, pages: int) -> None:
        """Scroll by what is seen at once."""
        self.move(pages * max(1, self._room - self._again))

    def put_place(self, cells: Cells, count: int, room: int, palette: Palette) -> None:
        """Write into a box's lower border which lines are seen, if these are not all."""
        if count > room > 0:
            rows, columns = cells.shape
            text = f" pgdn {self.first + 1}-{self.first + room}/{count} "
            cells.put(rows - 1, columns - width(text) - 2, text, palette.dim)
