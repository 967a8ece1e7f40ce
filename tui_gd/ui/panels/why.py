"""The why panel: how training goes in words, the numbers behind it, and what to try."""

import math
from typing import Any, ClassVar

from tui_gd.insight.curvature import SafeRate, wording
from tui_gd.insight.diagnosis import Kind, Verdict, rescue_rate
from tui_gd.plots.axes import BORDER, draw_box
from tui_gd.plots.cells import Cells, width, wrapped
from tui_gd.plots.gauge import GAUGE_ROWS, draw_gauge
from tui_gd.plots.palette import Colour, Palette
from tui_gd.plots.symbols import Symbols
from tui_gd.plots.table import Table, draw_table
from tui_gd.session.verdict import (
    Measured,
    has_diverged,
    is_hurried,
    measure,
    safe_rate,
    verdict_on,
)
from tui_gd.ui.panels.panel import KeptEngine, Panel, Scroll, View
from tui_gd.ui.studies import Progress, Study

_GAP = "  "
_MEANINGS = {
    "slope": "at ‖W‖, of the loss: flat below 0.05",
    "distance": "to where g vanishes, of ‖W‖",
    "bowl": "½·λ·‖W‖², of the loss",
    "cosine": "of the last two steps",
    "largest eigenvalue": "λ of the loss's Hessian",
    "curvature along g": "gᵗHg/gᵗg",
    "saturated": "of the samples: p(1 − p) < 0.001",
}


class WhyPanel(Panel):
    """Draws the verdict with its numbers, and α against its limit.

    Curvature and saturation are studied beside the run; until they are known here, those found
    last are shown with their epoch, and the verdict does without.
    """

    NAME: ClassVar[str] = "why"
    PLACE: ClassVar[int] = 2
    READING_SECONDS = 0.25

    def __init__(self) -> None:
        super().__init__()
        self._found: Measured | None = None
        self._engine = KeptEngine()
        self._scroll = Scroll()

    def forget(self) -> None:
        """Forget what was found about a problem: the run is on another one."""
        self._found = None
        self._engine.forget()

    def verdict(self, view: View) -> Verdict:
        """Return how training goes at the epoch being viewed."""
        return verdict_on(view.snapshot, view.problem, view.settings, self._found)

    def rescue_rate(self, view: View, rate: float) -> float:
        """Return the learning rate to go on with after `rate` was too large, by the limit shown."""
        safe = self._safe(view)
        return rescue_rate(rate, safe.limit if safe else None, view.snapshot.rate_factor)

    def line(self, view: View, columns: int) -> tuple[str, str, Kind]:
        """Return the verdict in at most `columns` cells, the advice if it fits too, and the kind.

        Both are in the terminal's characters; between them and the border stand two cells.
        """
        verdict = self.verdict(view)
        text = spelled(verdict.line, view.style.symbols)
        advice = spelled(view.keys.tries(verdict.tries), view.style.symbols)
        if width(text) + width(_GAP) + width(advice) > columns:
            advice = ""
        if width(text) > columns:
            text = _cut(text, columns)
        return text, advice, verdict.kind

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the verdict, what to try, the gauge, and the table of numbers."""
        style, lane = view.style, view.snapshot.lane
        height, room = max(rows - BORDER, 0), max(columns - BORDER - 2, 1)
        contents = self._contents(view, height, room)
        inner = Cells.blank(height, columns - BORDER, style)
        inner.paste(-self._scroll.fit(contents.shape[0], height), 1, contents)
        title = f"why  epoch {view.snapshot.epoch}"
        if len(view.snapshot.lanes) > 1:
            title += f", lane {lane.name}"
        cells = draw_box(rows, columns, inner, self.heading(title), style)
        self._scroll.put_place(cells, contents.shape[0], height, style.palette)
        return cells

    def _contents(self, view: View, height: int, room: int) -> Cells:
        """Return all that there is to say, with blank lines where `height` leaves room."""
        style = view.style
        palette, symbols = style.palette, style.symbols
        verdict, found, safe = self.verdict(view), self._found_here(view), self._safe(view)
        colour = kind_colour(verdict.kind, palette)
        lines = [(line, colour) for line in wrapped(spelled(verdict.line, symbols), room)]
        if verdict.why:
            why = spelled(verdict.why, symbols)
            lines += [(line, palette.text) for line in wrapped(why, room)]
        if verdict.tries:
            advice = spelled(view.keys.tries(verdict.tries), symbols)
            lines += [(line, palette.text) for line in wrapped(advice, room)]
        if safe is None:
            words = [("the curvature follows", palette.dim)]
        else:
            said = spelled(wording(view.snapshot.learning_rate, safe), symbols)
            if found and found.epoch != view.snapshot.epoch:
                said += f" (curvature of epoch {found.epoch})"
            words = [(line, palette.text) for line in wrapped(said, room)]
        exact = found is None or found.curvature.exact
        table_rows = _table(verdict, view.snapshot.lane.loss_name, exact=exact)
        body = [[symbols.spell(cell) for cell in row] for row in table_rows]
        used = len(lines) + len(words) + GAUGE_ROWS + len(body)
        blank = int(used + 2 <= height)
        cells = Cells.blank(used + 2 * blank, room, style)
        at = _put_lines(cells, 0, lines) + blank
        limit = safe.limit if safe else None
        cells.paste(at, 0, draw_gauge(room, view.snapshot.learning_rate, limit, style))
        at = _put_lines(cells, at + GAUGE_ROWS, words) + blank
        table = draw_table(len(body), room, Table((), body, align=("<", ">", "<")), style)
        cells.paste(at, 0, table)
        return cells

    def numbers(self, view: View) -> list[str]:
        """Return verdict, advice and all numbers with all their digits."""
        snapshot, verdict, safe = view.snapshot, self.verdict(view), self._safe(view)
        rate = snapshot.learning_rate
        lines = [
            f"why: epoch {snapshot.epoch}, lane {snapshot.lane.name}",
            verdict.line,
            *([verdict.why] if verdict.why else []),
            f"advice: {view.keys.tries(verdict.tries) or 'none'}",
            f"learning rate: {rate!r}",
        ]
        if safe is not None:
            limit = "none" if safe.limit is None else repr(safe.limit)
            lines += [f"limit of the learning rate: {limit}", wording(rate, safe)]
        lines += [f"{name}: {value!r}" for name, value in verdict.numbers]
        found = self._found_here(view)
        if found:
            lines += [
                f"curvature of epoch {found.epoch}, relative error {found.curvature.error!r}",
                f"direction of the largest: {found.curvature.direction.tolist()!r}",
            ]
        return lines

    def study(self, view: View) -> Study:
        """Return what finds curvature, saturation, and what overflows, at the viewed weights."""
        snapshot, lane, known = view.snapshot, view.snapshot.lane, self._found_here(view)
        start = known.curvature.direction if known else None
        diverged = has_diverged(snapshot)
        key = (
            view.problem,
            view.settings,
            lane.number,
            lane.loss_name,
            lane.weights.tobytes(),
            lane.next_weights.tobytes() if diverged else b"",
            is_hurried(snapshot, view.predictor),
        )

        def compute(progress: Progress) -> Measured:
            engine = self._engine.of(view, lane.loss_name)
            engine.between_blocks = progress.check
            return measure(snapshot, view.problem, view.predictor, engine, start)

        return Study(key, compute)

    def take(self, key: tuple[object, ...], result: Any) -> None:
        """Keep what was found."""
        del key
        if isinstance(result, Measured):
            self._found = result

    def moved(self, by: int, view: View) -> int:
        """Scroll by lines."""
        del view
        self._scroll.move(by)
        return 0

    def scroll_by(self, pages: int) -> None:
        """Scroll by what is seen at once, less a line."""
        self._scroll.turn(pages)

    def _found_here(self, view: View) -> Measured | None:
        """Return what was found last, if it was on the viewed lane."""
        found = self._found
        return found if found is not None and found.of(view.snapshot.lane) else None

    def _safe(self, view: View) -> SafeRate | None:
        """Return the limit of α by the curvature found last, None before there is any."""
        found = self._found_here(view)
        if found is None:
            return None
        return safe_rate(view.snapshot.lane, view.problem, view.settings, found.curvature)


def kind_colour(kind: Kind, palette: Palette) -> Colour:
    """Return the colour of a verdict's word."""
    return {
        Kind.BEGINNING: palette.dim,
        Kind.DESCENDING: palette.good,
        Kind.MINIMUM: palette.good,
        Kind.DIVERGING: palette.error,
        Kind.DIVERGED: palette.error,
    }.get(kind, palette.warning)


def spelled(text: str, symbols: Symbols) -> str:
    """Return a verdict's text or advice in the terminal's characters."""
    return symbols.spell(text.replace("α", "alpha") if symbols.plain else text)


def _cut(text: str, columns: int) -> str:
    """Return as many whole words as fit, the first in any case as far as it fits."""
    return wrapped(text, columns)[0][: max(columns, 0)]


def _put_lines(cells: Cells, at: int, lines: list[tuple[str, Colour]]) -> int:
    for row, (line, colour) in enumerate(lines, at):
        cells.put(row, 0, line, colour)
    return at + len(lines)


def _table(verdict: Verdict, loss_name: str, *, exact: bool) -> list[tuple[str, str, str]]:
    """Return name, value and meaning of what is known; `exact` is that of the curvature."""
    values = dict(verdict.numbers)
    steps = values.pop("epochs of that change")
    for name in ("epoch", "loss", "α / limit"):
        del values[name]
    rows = []
    for name, value in values.items():
        if not math.isfinite(value):
            continue
        meaning = _MEANINGS.get(name, "")
        if name == "change of the loss":
            meaning = f"in {steps:.0f} epochs, of the loss"
        elif name == "‖g‖" and loss_name == "sse":
            meaning = "g is half the gradient"
        elif name == "smallest eigenvalue":
            above = "downhill nowhere" if exact else "none found that is negative"
            meaning = "downhill along its direction" if value < 0 else above
        rows.append((name, f"{value:.4g}".replace("-", "−"), meaning))
    return rows
