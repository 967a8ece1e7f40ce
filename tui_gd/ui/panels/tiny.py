"""What is shown where nothing else fits: the size that is needed, and the one that is there."""

from tui_gd.plots.cells import Cells
from tui_gd.plots.palette import Palette, Symbols
from tui_gd.ui.cellview import CellView
from tui_gd.ui.keynames import KeyNames


class TinyPage(CellView):
    """Says how large the terminal has to be; `needed` is (columns, rows)."""

    def __init__(self, needed: tuple[int, int]) -> None:
        super().__init__(id="tiny")
        self._needed = needed

    def draw_now(self, palette: Palette, symbols: Symbols, keys: KeyNames) -> None:
        """Draw the page at the screen's size."""
        width, height = self.screen.size
        cells = Cells.blank(height, width, palette, symbols)
        lines = (
            f"needs {self._needed[0]}x{self._needed[1]}",
            f"is {width}x{height}",
            f"{keys.of('quit')} quits",
        )
        top = max(0, (height - len(lines)) // 2)
        for row, line in enumerate(lines, top):
            cells.put(row, max(0, (width - len(line)) // 2), line, palette.warning)
        self.show(cells)
