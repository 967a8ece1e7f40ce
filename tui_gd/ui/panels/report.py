"""The report panel: scikit-learn's classification report and the confusion matrix."""

from typing import Any

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.plots.axes import BORDER, draw_box
from tui_gd.plots.cells import Cells, fit, width
from tui_gd.plots.confusion import draw_confusion
from tui_gd.plots.table import Table, draw_table
from tui_gd.session.report import (
    ClassificationReport,
    RegressionReport,
    Report,
    SurfaceReport,
    report_on,
)
from tui_gd.ui.panels.data import class_label
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.studies import Study

_HEADER = ("", "precision", "recall", "f1-score", "support")
_GAP = 3
_CONFUSION_COLUMNS = 22
# "weighted avg", and as much of a class's name as tells it from others
LEAST_NAME, MOST_NAME = 12, 24


class ReportPanel(Panel):
    """Draws the latest report; the title says to which epoch and lane it belongs."""

    NAME = "report"
    PLACE = 2

    def __init__(self) -> None:
        super().__init__()
        self.report: Report | None = None
        self.about = ""
        self._weights: Floats | None = None
        self._offset = 0
        self._room = 1

    def study(self, view: View) -> Study | None:
        """Return the report on the current lane at the viewed epoch, which takes milliseconds."""
        snapshot, lane = view.snapshot, view.snapshot.lane
        several = f", lane {lane.name}" if len(snapshot.lanes) > 1 else ""
        about = f"epoch {snapshot.epoch}{several}"
        problem, predictor, weights = view.problem, view.predictor, lane.weights
        return Study(
            (view.settings, snapshot.seed, lane.number, lane.name, snapshot.epoch, lane.loss),
            lambda _: (report_on(problem, predictor, weights), about, weights),
            seconds=1.0,
        )

    def take(self, key: tuple[object, ...], result: Any) -> None:
        """Take a report, and to what it belongs."""
        del key
        self.report, self.about, self._weights = result

    def forget(self) -> None:
        """Forget what was found about a problem: the run is on another one."""
        self.report, self.about, self._weights = None, "", None

    def at_hand(self, weights: Floats) -> Report | None:
        """Return the report on these weights (parameters,) if it is the one at hand."""
        return (
            self.report
            if self._weights is not None and np.array_equal(self._weights, weights)
            else None
        )

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return table and matrix, side by side where there is room."""
        style = view.style
        inner = Cells.blank(rows - BORDER, columns - BORDER, style)
        if self.report is None:
            inner.put(0, 1, "the report follows", style.palette.dim)
        else:
            self._draw_report(self.report, view, inner)
        return draw_box(
            rows,
            columns,
            inner,
            self.heading(", ".join(filter(None, self._heads(view)))),
            style,
        )

    def numbers(self, view: View) -> list[str]:
        """Return the report as it is printed, its measures with all digits, and the matrix."""
        if self.report is None:
            return []
        lines = [", ".join(filter(None, ("report", "test rows", self.about))), ""]
        lines += [*self.report.text.rstrip("\n").split("\n"), ""]
        for name, value in self.report.table.items():
            measures = value.items() if isinstance(value, dict) else [("", value)]
            lines += [f"{name} {measure}".strip() + f": {each}" for measure, each in measures]
        if isinstance(self.report, ClassificationReport):
            names = [class_label(name) for name in view.problem.class_names]
            lines += ["", f"confusion matrix, true rows, predicted columns: {', '.join(names)}"]
            rows = zip(names, self.report.confusion.tolist(), strict=True)
            lines += [f"{name}: {' '.join(map(str, row))}" for name, row in rows]
        return lines

    def _heads(self, view: View) -> tuple[str, ...]:
        return "report", "" if view.problem.surface else "test rows", self.about

    def _draw_report(self, report: Report, view: View, inner: Cells) -> None:
        style = view.style
        height, room = inner.shape
        body = table_rows(report)
        if isinstance(report, ClassificationReport):
            body = with_short_names(body, room - 1, plain=style.symbols.plain)
        header = _HEADER if isinstance(report, ClassificationReport) else ("", "value")
        columns = table_columns(header, body)
        beside = room - 1 >= columns + _GAP + _CONFUSION_COLUMNS
        below = height - len(body) - 2
        self._room = max(1, height - 1)
        self._offset = max(0, min(self._offset, len(body) - self._room))
        table = draw_table(
            height if beside else min(height, len(body) + 1),
            min(room - 1, columns),
            Table(header, body),
            style,
            offset=self._offset,
        )
        inner.paste(0, 1, table)
        if not isinstance(report, ClassificationReport):
            return
        names = [class_label(name) for name in view.problem.class_names]
        if beside:
            size = (height, min(room - 1 - columns - _GAP, 76))
            place = (0, 1 + columns + _GAP)
        elif below >= len(names) + 2:
            size, place = (below, min(room - 2, 76)), (len(body) + 2, 1)
        else:
            return
        matrix = draw_confusion(*size, report.confusion, names, style)
        inner.paste(*place, matrix)

    def moved(self, by: int, view: View) -> int:
        """Scroll the table by lines."""
        del view
        self._offset = max(0, self._offset + by)
        return 0

    def scroll_by(self, pages: int) -> None:
        """Scroll the table by what is seen at once."""
        self._offset = max(0, self._offset + pages * self._room)


def with_short_names(
    body: list[tuple[str, ...]], room: int, *, plain: bool
) -> list[tuple[str, ...]]:
    """Return the rows with names cut such that the numbers beside them can be seen in `room`."""
    numbers = table_columns(_HEADER[1:], [row[1:] for row in body]) + 2
    most = max(LEAST_NAME, min(MOST_NAME, room - numbers))
    return [(fit(row[0], most, plain), *row[1:]) for row in body]


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
    if isinstance(report, SurfaceReport):
        lines = (line.strip().split("  ", 1) for line in report.text.split("\n") if line)
        return [(name, value) for name, value in lines]
    for name, values in report.table.items():
        if isinstance(values, dict):
            scores = (f"{values[key]:.4f}" for key in ("precision", "recall", "f1-score"))
            rows.append((name, *scores, f"{values['support']:.0f}"))
        else:
            rows.append((name, "", "", f"{values:.4f}", f"{report.confusion.sum()}"))
    return rows
