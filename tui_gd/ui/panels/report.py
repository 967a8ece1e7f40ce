"""The report panel: scikit-learn's classification report and the confusion matrix."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.plots.axes import BORDER, Canvas, draw_box
from tui_gd.plots.cells import Cells, fit, width, wrapped
from tui_gd.plots.palette import Colour, Style
from tui_gd.plots.table import Table, draw_confusion, draw_table
from tui_gd.session.report import (
    SCORES,
    ClassificationReport,
    RegressionReport,
    Report,
    SurfaceReport,
    report_on,
)
from tui_gd.session.snapshot import RunState
from tui_gd.session.weights import Optimum, Weights, find_optimum, weights_of
from tui_gd.ui.panels.data import class_label
from tui_gd.ui.panels.panel import LEAVE, Hint, KeptEngine, ScrollingPanel, TakeThreshold, View
from tui_gd.ui.studies import Progress, Study

# header and cells of the five columns, the roomiest first, and the digits of a share
_LAYOUTS = (
    (("", "precision", "recall", "f1", "rows"), (12, 10, 10, 10, 10), 4),
    (("", "precision", "recall", "f1", "rows"), (12, 10, 8, 8, 6), 4),
    (("", "prec.", "recall", "f1", "rows"), (12, 7, 7, 7, 6), 3),
    (("", "prec.", "recall", "f1", "rows"), (8, 7, 7, 6, 6), 3),
    (("", "prec.", "recall", "f1", "rows"), (6, 6, 7, 5, 5), 2),
)
_AVERAGES = {"macro avg": "macro", "weighted avg": "weighted"}
# a name is cut to no fewer cells than the first, and gets no more than the second
_LEAST_NAME, _MOST_NAME = 8, 24
_MEASURES = {
    "r2": "R²",
    "mean absolute error": "mean absolute error",
    "root mean squared error": "root of mean squared error",
    "max error": "largest error",
    "support": "rows",
}
_GAP = 3
_NUMBER = 11
_MOST_WEIGHTS = 50
_CONFUSION_COLUMNS = 30
_CONFUSION_WIDEST = 76
_USUAL_PERCENT = 50


class ReportPanel(ScrollingPanel):
    """Draws the latest report; the title names its epoch and lane.

    For two classes, the cursor moves the threshold for the probability of the second one.
    """

    NAME: ClassVar[str] = "report"
    PLACE: ClassVar[int] = 2

    def forget(self) -> None:
        """Forget what was found about a problem, because the run has moved to another one."""
        super().forget()
        self.report: Report | None = None
        self.about: Any = ""
        self._percent: int | None = None  # that of the report
        self._weights: Floats | None = None
        self._in_units: Weights | None = None
        self._engine = KeptEngine()
        # what scikit-learn found, and the data, penalty and loss that it found it for
        self._optimum: tuple[tuple[object, ...], tuple[Floats | None, Optimum]] | None = None
        self.end_cursor()

    def study(self, view: View) -> Study | None:
        """Return the report on the weights of the current lane that count; takes milliseconds.

        They are those of the viewed epoch, or with validation rows those of the best epoch so far.
        """
        snapshot, lane = view.snapshot, view.snapshot.lane
        about, weights = f"epoch {snapshot.epoch}{view.of_lane}", lane.weights
        if lane.best is not None:
            about, weights = f"best epoch {lane.best.epoch}{view.of_lane}", lane.best.weights
        problem, predictor = view.problem, view.predictor
        # finding scikit-learn's optimum takes up to seconds, and it is the same at all epochs
        of_data = (problem, view.settings.l1, view.settings.ridge, lane.loss_name)
        kept = self._optimum[1] if self._optimum and self._optimum[0] == of_data else None
        beside = kept is not None or snapshot.state is not RunState.RUNNING

        def compute(progress: Progress) -> tuple[Any, ...]:
            report, model, known = report_on(problem, predictor, weights), predictor.model, kept
            in_units = weights_of(problem, model, weights)
            if known is None and in_units is not None and beside:
                progress.show((report, about, weights, in_units))
                progress.check()
                made = self._engine.of(view, lane.loss_name)
                known = find_optimum(view.settings, problem, lane.loss_name, made)
                self._optimum = (of_data, known)
            if known is not None and in_units is not None:
                engine = self._engine.of(view, lane.loss_name) if known[0] is not None else None
                in_units = weights_of(problem, model, weights, engine, known)
            return report, about, weights, in_units

        name, epoch = (lane.number, lane.name), snapshot.epoch
        key = (view.settings, snapshot.seed, name, epoch, lane.loss, beside)
        return Study(key, compute, seconds=1.0)

    def take(self, key: tuple[object, ...], result: Any) -> None:
        """Take a report, and the epoch and lane it belongs to."""
        self.report, self.about, self._weights, self._in_units = result

    def at_hand(self, weights: Floats) -> Report | None:
        """Return the panel's report if it is on these weights (parameters,)."""
        known = self._weights is not None and np.array_equal(self._weights, weights)
        return self.report if known else None

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return table and matrix, side by side if they fit."""
        style = view.style
        height, room = max(rows - BORDER, 0), max(columns - BORDER - 1, 0)
        inner = Cells.blank(height, columns - BORDER, style)
        count = below = 0
        report = self._at_threshold()
        if report is None:
            inner.put(0, 1, "the report follows", style.palette.dim)
        else:
            head, contents = self._contents(report, view, height, room)
            contents = self._with_weights(contents, room, style)
            count, below = contents.shape[0], max(height - head.shape[0], 0)
            inner.paste(head.shape[0] - self.first_line(count, below), 1, contents)
            inner.paste(0, 1, head)
        rows_of = "" if view.problem.surface else ", test rows"
        if self._tells_threshold:
            rows_of = f", threshold {self._threshold}"
        heading = self.heading(view, f"Report{rows_of}", right=self.about)
        cells = draw_box(Canvas(rows, columns, style, heading), inner)
        self.put_place(cells, count, below, style.palette)
        return cells

    def numbers(self, view: View) -> list[str]:
        """Return the report as `run` prints it, its measures with all digits, and the matrix."""
        report = self._at_threshold()
        if report is None:
            return []
        lines = [", ".join(filter(None, ("report", "test rows", self.about)))]
        if isinstance(report, ClassificationReport) and len(report.by_threshold):
            second = class_label(view.problem.class_names[1])
            lines.append(f"threshold {self._threshold}: {second} is predicted above it")
            if self._shown != _USUAL_PERCENT:
                lines.append(self._command())
        lines += ["", *report.text.rstrip("\n").split("\n"), ""]
        for name, value in report.table.items():
            measures = value.items() if isinstance(value, dict) else [("", value)]
            lines += [f"{name} {measure}".strip() + f": {each}" for measure, each in measures]
        if isinstance(report, ClassificationReport):
            lines += [f"{SCORES[name]}: {value}" for name, value in report.scores.items()]
            names = [class_label(name) for name in view.problem.class_names]
            lines += ["", f"confusion matrix, true rows, predicted columns: {', '.join(names)}"]
            rows = zip(names, report.confusion.tolist(), strict=True)
            lines += [f"{name}: {' '.join(map(str, row))}" for name, row in rows]
        if self._in_units is not None:
            lines += ["", *self._in_units.lines()]
        return lines

    def _at_threshold(self) -> Report | None:
        report = self.report
        if isinstance(report, ClassificationReport) and len(report.by_threshold):
            return report.at(self._shown)
        return report

    @property
    def _shown(self) -> int:
        """The threshold that the report is shown at, in percent."""
        if self._percent is not None:
            return self._percent
        report = self.report
        return report.percent if isinstance(report, ClassificationReport) else _USUAL_PERCENT

    @property
    def _tells_threshold(self) -> bool:
        return self.cursor_on or self._shown != _USUAL_PERCENT

    @property
    def _threshold(self) -> str:
        return f"{self._shown / 100:g}"

    def _command(self, program: str = "gd-tui ") -> str:
        """Return the command that predicts with the threshold."""
        return f"{program}predict ID FILE --threshold {self._threshold}"

    # The cursor: the threshold

    def begin_cursor(self, view: View) -> bool:
        """Let the arrows move the threshold, if there are two classes."""
        self.cursor_on = view.problem.task == "binary"
        return self.cursor_on

    def move_cursor(self, across: int, down: int, view: View) -> None:
        """Move the threshold: by 0.01 to the right and left, by 0.1 up and down."""
        self._percent = min(max(self._shown + across - 10 * down, 1), 99)

    def confirm(self, view: View) -> TakeThreshold | None:
        """Return what gives the run the threshold that the report is shown at."""
        shown, self._percent = self._percent, None
        if shown is None or shown / 100 == view.settings.threshold:
            return None
        return TakeThreshold(shown / 100)

    def hints(self, view: View) -> tuple[Hint, ...]:
        """Return what the keys do while the arrows move the threshold."""
        if not self.cursor_on:
            return ()
        second = class_label(view.problem.class_names[1])
        return (
            Hint((), f"threshold of p({second})", 1, "threshold", keys="← →"),
            Hint((), "by 0.1", 2, keys="↑ ↓"),
            Hint(("cursor",), f"take {self._threshold}", 1),
            LEAVE,
        )

    def _contents(self, report: Report, view: View, height: int, room: int) -> tuple[Cells, Cells]:
        """Return the line that stays while the rest scrolls, and the rest."""
        style = view.style
        if not isinstance(report, ClassificationReport):
            body = _measures(report, style, room)
            numbers = isinstance(report, RegressionReport)
            table = Table((), body, align=("<", ">" if numbers else "<"))
            return Cells.blank(0, room, style), draw_table(len(body), room, table, style)
        names = [class_label(name) for name in view.problem.class_names]
        header, widths, digits = _layout(names, room)
        head = Cells.blank(1, room, style)
        _put_row(head, 0, header, widths, [style.palette.dim] * len(header))
        rows = _class_rows(report, names, digits, widths[0], plain=style.symbols.plain)
        used = sum(widths)
        beside = room - used - _GAP >= _CONFUSION_COLUMNS
        needed = max(len(names) + 2, len(rows) + 1)
        size = (min(height, needed), min(room - used - _GAP, _CONFUSION_WIDEST))
        if not beside:
            size = (len(names) + 2, min(room, _CONFUSION_WIDEST))
        matrix = draw_confusion(*size, report.confusion, names, style)
        # the scores that need no threshold, each with its value below those of f1
        scores = [[SCORES[name], f"{value:.{digits}f}"] for name, value in report.scores.items()]
        # if not all of it fits, the matrix is worth more than the scores
        first = not beside and 2 + len(rows) + matrix.shape[0] + len(scores) > height
        between = len(rows) + len(scores) * (not first)
        below = int(self._tells_threshold) if beside else 1 + matrix.shape[0]
        scored = between + below if first else len(rows)
        high = max(between + below, scored + len(scores), beside * (matrix.shape[0] - 1))
        contents = Cells.blank(high, room, style)
        for row, line in enumerate(rows):
            ink = style.palette.class_colour(row) if row < len(names) else style.palette.dim
            ink = style.palette.text if line[0] == "accuracy" else ink
            _put_row(contents, row, line, widths, [ink, *[style.palette.text] * 4])
        value_at = (sum(widths[:3]), widths[3])
        for row, line in enumerate(scores, scored):
            _put_row(contents, row, line, value_at, [style.palette.dim, style.palette.text])
        if self._tells_threshold:
            words = self._command()
            words = words if width(words) <= (used if beside else room) else self._command("")
            contents.put(between, 0, words, style.palette.dim)
        if beside:
            contents.paste(-1, used + _GAP, matrix)
            head.paste(0, used + _GAP, matrix)
        else:
            contents.paste(between + 1, 0, matrix)
        return head, contents

    def _with_weights(self, contents: Cells, room: int, style: Style) -> Cells:
        """Return the contents, and below them the weights in the units of the data."""
        found = self._in_units
        if found is None:
            return contents
        spell = style.symbols.spell
        known = found.rows[:1] and found.rows[0].optimum is not None
        heads = ["per unit", "std.", *["optimum"] * bool(known)]
        heads = heads[: max(min(len(heads), (room - _LEAST_NAME) // _NUMBER), 1)]
        name = min(max(room - _NUMBER * len(heads), 1), _MOST_NAME)
        widths = [name, *[_NUMBER] * len(heads)]
        lines = [["weight of", *heads]]
        for row in found.rows[:_MOST_WEIGHTS]:
            numbers = (row.per_unit, row.standardized, row.optimum)
            label = f"{row.feature}: {row.output}" if row.output else row.feature
            label = class_label(label)
            shown = (spell(f"{number:.4g}") for number in numbers if number is not None)
            lines.append([label, *shown])
        lines += [
            [f"intercept: {output}" if output else "intercept", spell(f"{value:.4g}")]
            for output, value in found.intercepts[:_MOST_WEIGHTS]
        ]
        together = found.optimum.sentence().replace(" %", "\N{NO-BREAK SPACE}%")
        said = [part.replace("\N{NO-BREAK SPACE}", " ") for part in wrapped(together, max(room, 1))]
        top = contents.shape[0] + 1
        cells = Cells.blank(top + len(lines) + len(said), room, style)
        cells.paste(0, 0, contents)
        text, dim = style.palette.text, style.palette.dim
        for at, line in enumerate(lines):
            texts = [fit(line[0], name - 1, style.symbols.plain), *line[1 : 1 + len(heads)]]
            _put_row(cells, top + at, texts, widths, [text if at else dim] * len(widths))
        for at, part in enumerate(said):
            cells.put(top + len(lines) + at, 0, part, dim)
        return cells


def _layout(names: list[str], room: int) -> tuple[tuple[str, ...], tuple[int, ...], int]:
    """Return header, widths and digits of the table: the roomiest that fits, names cut least."""
    longest = min(max(map(width, names), default=0), _MOST_NAME)
    for header, widths, digits in _LAYOUTS:
        wanted, left = max(longest, widths[0]), room - sum(widths[1:])
        form = header, (max(min(wanted, left), 1), *widths[1:]), digits
        if left >= min(wanted, max(_LEAST_NAME, widths[0])):
            break
    return form


def _class_rows(
    report: ClassificationReport, names: list[str], digits: int, longest: int, *, plain: bool
) -> list[list[str]]:
    """Return scikit-learn's rows: the classes, accuracy, macro and weighted average."""
    rows, labels = [], iter(names)
    for name, values in report.table.items():
        if isinstance(values, dict):
            shown = next(labels, name if longest >= 12 else _AVERAGES.get(name, name))
            shares = [f"{values[key]:.{digits}f}" for key in ("precision", "recall", "f1-score")]
            rows.append([fit(shown, longest, plain), *shares, f"{values['support']:.0f}"])
        else:
            row = [fit(name, longest, plain), "", "", f"{values:.{digits}f}"]
            rows.append([*row, f"{report.confusion.sum()}"])
    return rows


def _put_row(
    cells: Cells, row: int, texts: Sequence[str], widths: Sequence[int], colours: Sequence[Colour]
) -> None:
    """Write a row, which may end early: the first column on the left, numbers on the right."""
    at = 0
    for column, (text, size, colour) in enumerate(zip(texts, widths, colours, strict=False)):
        place = at if column == 0 else at + size - width(text)
        cells.put(row, place, text, colour)
        at += size


def _measures(report: RegressionReport | SurfaceReport, style: Style, room: int) -> list[list[str]]:
    """Return names and values of a regression's measures, or of a point on a surface."""
    if isinstance(report, RegressionReport):
        spell = style.symbols.spell
        names = [spell(_MEASURES.get(name, name)) for name in report.table]
        beside = room - max(map(width, names)) - 2
        rows = []
        for name, value in zip(names, report.table.values(), strict=True):
            numbers = (spell(f"{value:.{digits}g}") for digits in range(6, 1, -1))
            rows.append([name, next((one for one in numbers if width(one) <= beside), "")])
        return rows
    text = style.symbols.spell(report.text)
    lines = [line.strip().split("  ", 1) for line in text.split("\n") if line]
    beside = room - max(width(name) for name, _ in lines) - 2
    rows = []
    for name, value in lines:
        parts = wrapped(value.strip(), max(beside, 1))
        rows += [[name if part is parts[0] else "", part] for part in parts]
    return rows
