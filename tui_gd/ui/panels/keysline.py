"""The keys line: the seven keys that matter most, each of which can be clicked."""

from collections.abc import Sequence

from textual import events

from tui_gd.plots.cells import Cells, width
from tui_gd.plots.palette import Palette, Symbols
from tui_gd.ui.cellview import CellView
from tui_gd.ui.keys import Action, target

_GAP = 2
# what is left out last where the line is short
_NEEDED = ("quit", "help")


class KeysLine(CellView):
    """Shows key and word of every action that has a word for it."""

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._places: list[tuple[int, int, str]] = []

    def draw_now(self, palette: Palette, symbols: Symbols, actions: Sequence[Action]) -> None:
        """Draw as many whole keys as fit."""
        columns = self.size.width
        cells = Cells.blank(1, columns, palette, symbols)
        entries = []
        for action in actions:
            if action.footer and action.shown:
                word = action.footer.replace("α", "alpha") if symbols.plain else action.footer
                entries.append((action.shown.partition(" or ")[0], word, action))
        ranked = sorted(entries, key=lambda entry: entry[2].name not in _NEEDED)
        while ranked and sum(width(k + w) + 1 + _GAP for k, w, _ in ranked) - _GAP > columns:
            ranked.pop()
        self._places = []
        at = 0
        for key, word, action in entries:
            if (key, word, action) in ranked:
                end = cells.put(0, at, key, palette.accent) + 1
                end = cells.put(0, end, word, palette.dim)
                self._places.append((at, end, target(action)))
                at = end + _GAP
        self.show(cells)

    async def on_click(self, event: events.Click) -> None:
        """Do what the clicked key does."""
        for start, stop, name in self._places:
            if start <= event.x < stop:
                await self.screen.run_action(name)
