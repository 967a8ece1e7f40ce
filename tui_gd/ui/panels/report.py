"""The report panel: scikit-learn's classification report and the confusion matrix."""

from tui_gd.plots.box import BORDER, draw_box
from tui_gd.plots.cells import Cells, width
from tui_gd.plots.confusion import draw_confusion
from tui_gd.plots.table import draw_table
from tui_gd.report import ClassificationReport, RegressionReport, Report
from tui_gd.ui.panels.data import class_label
from tui_gd.ui.panels.panel import Panel, View

_HEADER = ("", "precision", "recall", "f1-score", "support")
_GAP = 3
_CONFUSION_COLUMNS = 22


class ReportPanel(Panel):
    """Draws the latest report; the title says to which epoch and lane it belongs."""

    NAME = "report"

    def __init__(self) -> None:
        super().__init__()
        self.report: Report | None = None
        self.about = ""
        self._offset = 0
        self._room = 1

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return table and matrix, side by side where there is room."""
        palette, symbols = view.palette, view.symbols
        inner = Cells.blank(rows - BORDER, columns - BORDER, palette, symbols)
        if self.report is None:
            inner.put(0, 1, "the report follows", palette.dim)
        else:
            self._draw_report(self.report, view, inner)
        return draw_box(
            rows,
            columns,
            inner,
            title=", ".join(filter(None, ("report", "test rows", self.about))),
            palette=palette,
            symbols=symbols,
            focused=self.has_focus,
        )

    def _draw_report(self, report: Report, view: View, inner: Cells) -> None:
        palette, symbols = view.palette, view.symbols
        height, room = inner.shape
        body = table_rows(report)
        header = _HEADER if isinstance(report, ClassificationReport) else ("", "value")
        columns = table_columns(header, body)
        beside = room - 1 >= columns + _GAP + _CONFUSION_COLUMNS
        below = height - len(body) - 2
        self._room = max(1, height - 1)
        self._offset = max(0, min(self._offset, len(body) - self._room))
        table = draw_table(
            height if beside else min(height, len(body) + 1),
            min(room - 1, columns),
            header,
            body,
            palette=palette,
            symbols=symbols,
            offset=self._offset,
        )
        inner.paste(0, 1, table)
        if isinstance(report, RegressionReport):
            return
        names = [class_label(name) for name in view.problem.class_names]
        if beside:
            size = (height, min(room - 1 - columns - _GAP, 76))
            place = (0, 1 + columns + _GAP)
        elif below >= len(names) + 2:
            size, place = (below, min(room - 2, 76)), (len(body) + 2, 1)
        else:
            return
        matrix = draw_confusion(*size, report.confusion, names, palette=palette, symbols=symbols)
        inner.paste(*place, matrix)

    def moved(self, by: int, view: View) -> int:
        """Scroll the table by lines."""
        del view
        self._offset = max(0, self._offset + by)
        return 0

    def scroll_by(self, pages: int) -> None:
        """Scroll the table by what is seen at once."""
        self._offset = max(0, self._offset + pages * self._room)


def table_columns(header: tuple[str, ...], body: list[tuple[str, ...]]) -> int:
    """Return the cells that the table takes, two between its columns."""
    widest = [max(map(width, column)) for column in zip(header, *body, strict=True)]
    return sum(widest) + 2 * (len(widest) - 1)


def table_rows(report: Report) -> list[tuple[str, ...]]:
    """Return the rows of scikit-learn's report: classes, accuracy, macro and weighted average.

    Of a regression: each measure and its value.
    """
    rows: list[tuple[str, ...]] = []
    if isinstance(report, RegressionReport):
        return [(name, f"{value:.6g}") for name, value in report.table.items()]
    for name, values in report.table.items():
        if isinstance(values, dict):
            scores = (f"{values[key]:.4f}" for key in ("precision", "recall", "f1-score"))
            rows.append((name, *scores, f"{values['support']:.0f}"))
        else:
            rows.append((name, "", "", f"{values:.4f}", f"{report.confusion.sum()}"))
    return rows
