"""The report panel: scikit-learn's classification report and the confusion matrix."""

import numpy as np

from tui_gd.plots.box import BORDER, draw_box
from tui_gd.plots.cells import Cells
from tui_gd.plots.confusion import draw_confusion
from tui_gd.plots.table import draw_table
from tui_gd.report import ClassificationReport
from tui_gd.ui.panels.data import class_label
from tui_gd.ui.panels.panel import Panel, View

_HEADER = ("", "precision", "recall", "f1-score", "support")
_TABLE_COLUMNS = 52
_CONFUSION_COLUMNS = 30


class ReportPanel(Panel):
    """Draws the latest report; the title says to which epoch and lane it belongs."""

    NAME = "report"

    def __init__(self) -> None:
        super().__init__()
        self.report: ClassificationReport | None = None
        self.about = ""
        self._offset = 0

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return table and matrix, side by side where there is room."""
        palette, symbols = view.palette, view.symbols
        height, width = rows - BORDER, columns - BORDER
        inner = Cells.blank(height, width, palette, symbols)
        if self.report is None:
            inner.put(0, 1, "the report follows", palette.dim)
        else:
            self._draw_report(self.report, view, inner)
        return draw_box(
            rows,
            columns,
            inner,
            title=f"report · test rows · {self.about}".removesuffix(" · ").replace(
                "·", "-" if symbols.plain else "·"
            ),
            palette=palette,
            symbols=symbols,
            focused=self.has_focus,
        )

    def _draw_report(self, report: ClassificationReport, view: View, inner: Cells) -> None:
        palette, symbols = view.palette, view.symbols
        height, width = inner.shape
        body = table_rows(report)
        beside = width >= _TABLE_COLUMNS + _CONFUSION_COLUMNS
        below = height - len(body) - 2
        table = draw_table(
            height if beside else min(height, len(body) + 1),
            min(width - 1, _TABLE_COLUMNS),
            _HEADER,
            body,
            palette=palette,
            symbols=symbols,
            offset=self._offset,
        )
        inner.paste(0, 1, table)
        names = [class_label(name) for name in view.problem.class_names]
        if beside:
            size = (height, width - _TABLE_COLUMNS - 3)
            place = (0, _TABLE_COLUMNS + 2)
        elif below >= len(names) + 2:
            size, place = (below, min(width - 2, 76)), (len(body) + 2, 1)
        else:
            return
        matrix = draw_confusion(*size, report.confusion, names, palette=palette, symbols=symbols)
        inner.paste(*place, matrix)

    def move(self, by: int, view: View) -> int | None:
        """Scroll the table."""
        del view
        last = 0 if self.report is None else len(table_rows(self.report)) - 1
        self._offset = int(np.clip(self._offset + by, 0, last))
        return None


def table_rows(report: ClassificationReport) -> list[tuple[str, ...]]:
    """Return the rows of scikit-learn's report: classes, accuracy, macro and weighted average."""
    rows: list[tuple[str, ...]] = []
    for name, values in report.table.items():
        if isinstance(values, dict):
            scores = (f"{values[key]:.4f}" for key in ("precision", "recall", "f1-score"))
            rows.append((name, *scores, f"{values['support']:.0f}"))
        else:
            rows.append((name, "", "", f"{values:.4f}", f"{report.confusion.sum()}"))
    return rows
