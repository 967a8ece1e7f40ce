"""The why panel: how training goes, α and its limit, and the numbers behind the verdict."""

import math
import time
from typing import ClassVar

from tui_gd.insight.curvature import SafeRate, compared, wording
from tui_gd.insight.diagnosis import FLAT_SLOPE, NEAR, STRAIGHT, TURNED, going, rescue_rate
from tui_gd.insight.evidence import SATURATED
from tui_gd.insight.verdict import Steady, Verdict, epochs, share
from tui_gd.plots.axes import BORDER
from tui_gd.plots.cells import Cells, first_fitting, width, wrapped
from tui_gd.plots.gauge import GAUGE_ROWS, draw_gauge
from tui_gd.plots.palette import Colour
from tui_gd.plots.table import Table, draw_table
from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.session.verdict import (
    Measured,
    has_diverged,
    is_hurried,
    measure,
    safe_rate,
    verdict_on,
)
from tui_gd.ui.panels.lines import kind_colour
from tui_gd.ui.panels.panel import KeptEngine, ScrollingPanel, View
from tui_gd.ui.studies import Progress, Study

_STEP_SIZE = "step size  "
# with fewer cells than this, the gauge has no label
_LABELLED = 48
_TABLE_GAP = 2
_HALF = "The tutorial's gradient leaves out the factor 2 of (p − y)²; this one does too."

_About = tuple[Snapshot, Problem, RunSettings, Measured | None]


class WhyPanel(ScrollingPanel):
    """Draws the verdict with its numbers, and α against its limit.

    Studies next to the run find curvature and saturation. Until they know them for the viewed
    epoch, the panel shows the last known ones with their epoch, and the verdict does without.
    """

    NAME: ClassVar[str] = "why"
    PLACE: ClassVar[int] = 2
    READING_SECONDS = 0.25

    _found: Measured | None

    def forget(self) -> None:
        """Forget what was found about a problem, because the run has moved to another one."""
        super().forget()
        self._steady, self._lane = Steady(), -1
        # the lines around the panels show the verdict too
        self._judged: tuple[_About, Verdict] | None = None
        self._engine = KeptEngine()

    def verdict(self, view: View) -> Verdict:
        """Return how training goes at the viewed epoch; while it goes on, without flicker."""
        snapshot = view.snapshot
        if snapshot.lane.number != self._lane:
            self._steady, self._lane = Steady(), snapshot.lane.number
        about = (snapshot, view.problem, view.settings, self._found)
        judged = self._judged
        if not judged or any(one is not it for one, it in zip(about, judged[0], strict=True)):
            judged = self._judged = (about, verdict_on(*about))
        running = snapshot.state is RunState.RUNNING
        return self._steady.show(judged[1], running=running, now=time.monotonic())

    def rescue_rate(self, view: View, rate: float) -> float:
        """Return the learning rate to try after `rate` was too large, by the limit shown."""
        safe = self._safe(view)
        return rescue_rate(rate, safe.limit if safe else None, view.snapshot.rate_factor)

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the verdict, the gauge, and the table of numbers."""
        style, snapshot = view.style, view.snapshot
        height, room = max(rows - BORDER, 0), max(columns - BORDER - 2, 1)
        contents = self._contents(view, height, room)
        heading = self.heading(view, "Why", right=f"epoch {snapshot.epoch}{view.of_lane}")
        cells = self.draw_scrolled(contents, rows, columns, heading, style)
        hint = f" {view.keys.of('copy')} copies all digits "
        if width(hint) + 4 <= columns and 0 < contents.shape[0] <= height:
            cells.put(rows - 1, columns - width(hint) - 2, hint, style.palette.dim)
        return cells

    def _contents(self, view: View, height: int, room: int) -> Cells:
        """Return everything there is to say.

        If not all of it fits, blank lines go first, then mere explanations, then what the verdict
        above the panels says as well. The rest scrolls.
        """
        style = view.style
        palette, words = style.palette, style.symbols.words
        verdict = self.verdict(view)
        colour = kind_colour(verdict.kind, palette)
        title = words(verdict.title)
        said = wrapped(words(f"{verdict.line} {verdict.why}".strip()), room)
        if title.endswith("."):
            title = title.rstrip(".")
            text = words(f"{verdict.text} {verdict.why}".strip())
            said = [title, *(wrapped(text, room) if text else ())]
        table = self._table(view, verdict, room)
        rates, more = self._rates(view, room)
        halved = view.snapshot.lane.loss_name == "sse" and view.problem.task != "regression"
        note = wrapped(words(_HALF), room) if halved else []
        fixed = len(rates) + GAUGE_ROWS + len(table)
        if fixed + len(said) + len(more) + len(note) > height:
            more, note = [], []
            said = said if fixed + len(said) <= height else said[:1]
        whole = fixed + len(said) + len(more) + len(note)
        blank = int(whole + 2 <= height)
        cells = Cells.blank(whole + 2 * blank, room, style)
        at = _put_lines(cells, 0, said, palette.text)
        cells.put(0, 0, said[0][: len(title)], colour)
        at = self._put_gauge(cells, at + blank, view)
        indent = _indent(room)
        for line in (*rates, *more):
            cells.put(at, indent, line, palette.text if line in rates else palette.dim)
            at += 1
        at += blank
        drawn = Table((), table, align=("<", ">", "<"), gap=_TABLE_GAP)
        cells.paste(at, 0, draw_table(len(table), room, drawn, style))
        _put_lines(cells, at + len(table), note, palette.dim)
        return cells

    def _put_gauge(self, cells: Cells, at: int, view: View) -> int:
        """Draw α on its axis; return the row after it."""
        style, room = view.style, cells.shape[1]
        indent, safe = _indent(room), self._safe(view)
        limit = safe.limit if safe else None
        rate = view.snapshot.learning_rate
        if indent:
            cells.put(at, 0, _STEP_SIZE.rstrip(), style.palette.text)
        cells.paste(at, indent, draw_gauge(room - indent, rate, limit, style))
        return at + GAUGE_ROWS

    def _rates(self, view: View, room: int) -> tuple[list[str], list[str]]:
        """Return the lines about α and its limit, and further lines with the consequences."""
        safe, room = self._safe(view), max(room - _indent(room), 1)
        if safe is None:
            return ["the curvature follows"], []
        words, rate = view.style.symbols.words, view.snapshot.learning_rate
        found = self._found_here(view)
        said = compared(rate, safe)
        if found and found.epoch != view.snapshot.epoch:
            said += f" (curvature of epoch {found.epoch})"
        formula = f"({safe.formula})"  # it breaks as a whole
        said = said.replace(formula, formula.replace(" ", "\N{NO-BREAK SPACE}"))
        lines = [line.replace("\N{NO-BREAK SPACE}", " ") for line in wrapped(words(said), room)]
        follows = safe.follows(rate)
        return lines, wrapped(words(follows), room) if follows else []

    def _table(self, view: View, verdict: Verdict, room: int) -> list[tuple[str, str, str]]:
        """Return the name and value of every known number, and its meaning if it fits."""
        values, lane = dict(verdict.numbers), view.snapshot.lane
        steps, change, cosine = (
            values[name] for name in ("epochs of that change", "change of the loss", "cosine")
        )
        slope, distance, left = values["slope"], values["distance"], values["left to gain"]
        flat, away = slope < FLAT_SLOPE, distance >= NEAR
        way = "turned back" if cosine < TURNED else "at an angle"
        way = "same way" if cosine > STRAIGHT else way
        cos = f"cos {cosine:.2f}".replace("-", "−")
        was, limits = ("", ""), ("", "")
        found, safe = self._found_here(view), self._safe(view)
        if found and math.isfinite(found.start_norm):
            was = f"was {found.start_norm:.3g} at the start", f"was {found.start_norm:.3g}"
        if safe and safe.limit is not None:
            limits = "sets the largest safe step", "limits α"
        downhill = "none found that is negative", "none found < 0"
        if values["smallest eigenvalue"] < 0:
            downhill = "negative: a way down exists", "a way down"
        elif found is None or found.curvature.exact:
            downhill = "uphill in every direction", "all uphill"
        # p(1−p) is a factor of a row's pull only for squared error
        pull = lane.loss_name in {"sse", "mse"}
        few, saturated = f"{SATURATED:g}", values["saturated"]
        # name, value, how to write it, its meaning, and its meaning in few words
        rows: tuple[tuple[str, float, str, str, str], ...] = (
            (
                *(f"loss, last {epochs(int(steps))}", change if steps else math.nan),
                *(_percent(change), going(verdict), going(verdict)),
            ),
            ("gradient ‖g‖", values["‖g‖"], "", *was),
            (
                *("gain on this slope", slope, share(slope) if slope < 1 else "all"),
                "of the loss" + f": flat (below {share(FLAT_SLOPE)})" * flat,
                f"flat, below {share(FLAT_SLOPE)}" if flat else "of the loss",
            ),
            (
                *("nearest level point", distance, share(distance)),
                *("of ‖W‖ away" + ": not at a minimum" * away, "of ‖W‖ away"),
            ),
            (
                *("gain by curvature", left, share(float(f"{left:.3g}"))),
                *(_tried(values["found to gain"]), "of the loss"),
            ),
            ("last two steps", cosine, way, cos, cos),
            ("steepest curvature λ", values["largest eigenvalue"], "", *limits),
            ("lowest curvature", values["smallest eigenvalue"], "", *downhill),
            (
                "rows without pull" if pull else "saturated rows",
                *(saturated, share(saturated), f"p(1−p) below {few}", f"p(1−p) < {few}"),
            ),
        )
        spell = view.style.symbols.words
        known = [
            (
                spell(name),
                spell((text or f"{value:.3g}").replace("-", "−")),
                (spell(long), spell(short)),
            )
            for name, value, text, long, short in rows
            if math.isfinite(value)
        ]
        names = max((width(name) for name, _, _ in known), default=0)
        before = names + max((width(text) for _, text, _ in known), default=0) + 2 * _TABLE_GAP
        return [
            (name, text, first_fitting([*meanings, ""], room - before))
            for name, text, meanings in known
        ]

    def numbers(self, view: View) -> list[str]:
        """Return the verdict, the advice and all numbers, with all their digits."""
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
        """Return the study of curvature, saturation and overflow at the viewed weights."""
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

    def _found_here(self, view: View) -> Measured | None:
        """Return what was found last, if it was on the viewed lane."""
        found = self._found
        return found if found is not None and found.of(view.snapshot.lane) else None

    def _safe(self, view: View) -> SafeRate | None:
        """Return the limit of α by the last known curvature, None if there is none yet."""
        found = self._found_here(view)
        if found is None:
            return None
        return safe_rate(view.snapshot.lane, view.problem, view.settings, found.curvature)


def _indent(room: int) -> int:
    """Return the cells before the gauge: those of its label if it fits."""
    return width(_STEP_SIZE) if room >= _LABELLED else 0


def _percent(change: float) -> str:
    """Return a change in per cent, to two digits, with its sign."""
    return f"{'+' if change > 0 else ''}{change * 100:.2g} %"


def _tried(gained: float) -> str:
    tried = f"; a step tried gains {share(gained)}" if gained > 0 else ""
    return f"of the loss{tried}"


def _put_lines(cells: Cells, at: int, lines: list[str], colour: Colour) -> int:
    for row, line in enumerate(lines, at):
        cells.put(row, 0, line, colour)
    return at + len(lines)
