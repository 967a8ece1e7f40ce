"""The verdict's line: in words how training goes, and what to try."""

from tui_gd.plots.cells import Cells, fit, width
from tui_gd.ui.cellview import CellView
from tui_gd.ui.panels.panel import View
from tui_gd.ui.panels.why import WhyPanel, kind_colour

_GAP = "   "


class VerdictLine(CellView):
    """Shows the verdict on the current lane at the viewed epoch."""

    def __init__(self) -> None:
        super().__init__(id="verdict")

    def draw_now(self, view: View, why: WhyPanel) -> None:
        """Draw the line at its width; what to try is left out where it does not fit."""
        columns = self.size.width
        cells = Cells.blank(1, columns, view.palette, view.symbols)
        if columns and self.display:
            text, advice, kind = why.line(view, columns)
            shown = fit(text, columns, view.symbols.plain)
            at = cells.put(0, 0, shown, kind_colour(kind, view.palette))
            if advice and at + width(_GAP + advice) <= columns:
                cells.put(0, at, _GAP + advice, view.palette.dim)
            self.show(cells)
