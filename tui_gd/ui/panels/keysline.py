"""The keys line: the seven keys that matter most, each of which can be clicked."""

from textual import events

from tui_gd.plots.cells import Cells, width
from tui_gd.plots.palette import Palette, Symbols
from tui_gd.ui.cellview import CellView
from tui_gd.ui.keys import ACTIONS


class KeysLine(CellView):
    """Shows key and word of every action that has a word for it."""

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._places: list[tuple[int, int, str]] = []

    def draw_now(self, palette: Palette, symbols: Symbols) -> None:
        """Draw as many whole keys as fit."""
        columns = self.size.width
        cells = Cells.blank(1, columns, palette, symbols)
        self._places = []
        at = 0
        shown = [action for action in ACTIONS if action.footer]
        # help and quit are never left out
        for action in [*shown[-2:], *shown[:-2]] if columns < STACKED else shown:
            key = action.shown.partition(" or ")[0]
            word = action.footer.replace("α", "alpha") if symbols.plain else action.footer
            end = at + width(key) + 1 + width(word)
            if end > columns:
                break
            cells.put(0, at, key, palette.accent)
            cells.put(0, at + width(key) + 1, word, palette.dim)
            self._places.append((at, end, action.name))
            at = end + 2
        self.show(cells)

    async def on_click(self, event: events.Click) -> None:
        """Do what the clicked key does."""
        for start, stop, name in self._places:
            if start <= event.x < stop:
                await self.screen.run_action(f"app.{name}" if name == "quit" else name)


STACKED = 80
