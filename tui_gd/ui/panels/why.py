"""The why panel: how training goes in words, the numbers behind it, and what to try."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tui_gd.insight.curvature import (
    LARGEST_ERROR,
    Curvature,
    SafeRate,
    curvature,
    safe_learning_rate,
    wording,
)
from tui_gd.insight.diagnosis import Kind, Verdict, diagnose
from tui_gd.insight.evidence import Evidence, overflow_of, saturated_share
from tui_gd.learning.engine import Engine
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Floats
from tui_gd.plots.axes import BORDER, draw_box
from tui_gd.plots.cells import Cells, width, wrapped
from tui_gd.plots.colours import Colour
from tui_gd.plots.gauge import draw_gauge
from tui_gd.plots.palette import Palette
from tui_gd.plots.symbols import Symbols
from tui_gd.plots.table import draw_table
from tui_gd.ui.panels.arithmetic import weight_names
from tui_gd.ui.panels.panel import KeptEngine, Panel, Scroll, View
from tui_gd.ui.studies import Progress, Study

# The signs of how training goes: a view of the run, and what a study found, as evidence.

# of more rows, so many are looked at for what is saturated and what overflows
MOST_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class SignsFound:
    """What a study found at a lane's weights (parameters,); None is what there is not.

    `first_loss` is that of the lane's first weights, in the loss that it descends on here.
    """

    lane: int
    loss_name: str
    epoch: int
    weights: Floats
    curvature: Curvature
    first_loss: float
    saturated: float | None
    overflow: str | None


def evidence_of(view: View, found: SignsFound | None) -> Evidence:
    """Return what the snapshot shows of the current lane, and what was found, as evidence."""
    lane, recent = view.snapshot.lane, view.snapshot.recent
    begin = min(max(0, _loss_begun(view) - recent.first), len(recent.train) - 1)
    task = view.problem.task
    squares = lane.loss_name in {"sse", "mse"} and task in {"binary", "multiclass"}
    limited = safe_rate(view, found.curvature) if found else None
    bent = found.curvature if found and found.curvature.error <= LARGEST_ERROR else None
    return Evidence(
        first=recent.first + begin,
        train=recent.train[begin:],
        test=recent.test[begin:],
        norms=recent.norms[begin:],
        cosines=recent.cosines[begin:],
        learning_rate=lane.learning_rate,
        scale=_scale(view),
        step=float(np.linalg.norm(lane.next_weights - lane.weights)),
        following=lane.next_loss,
        highest=found.first_loss if found else math.nan,
        descent_factor=make_loss(lane.loss_name, task).descent_factor,
        ratio=limited.ratio(lane.learning_rate) if limited else None,
        largest=bent.largest if bent else None,
        smallest=bent.smallest if bent else None,
        along=bent.along_gradient if bent else None,
        exact=bent.exact if bent else True,
        saturated=found.saturated if found else None,
        plain=lane.optimizer.name == "sgd"
        and view.settings.schedule == "constant"
        and _full_batch(view),
        floor=task != "surface",
        convex=task != "surface" and not view.settings.hidden and not squares,
        lowest=_at_lowest(view),
        squared_sigmoid=squares,
        diverged=has_diverged(view),
        overflow=found.overflow if found else None,
    )


def _loss_begun(view: View) -> int:
    """Return the epoch from which on the current lane's losses are of one kind."""
    lanes = {lane.number: lane for lane in view.snapshot.lanes}
    lane = view.snapshot.lane
    while lane.parent is not None:
        parent = lanes.get(lane.parent)
        if lane.branched_at <= view.snapshot.epoch and (
            parent is None or parent.loss_name != lane.loss_name
        ):
            return lane.branched_at
        if parent is None:
            break
        lane = parent
    return 0


def _at_lowest(view: View) -> bool:
    """Whether the current lane is near a global minimum that is known."""
    surface, weights = view.problem.surface, view.snapshot.lane.weights
    found = surface.nearest(weights) if surface else None
    return bool(surface and found and found[0].is_global and found[1] <= surface.near)


def _full_batch(view: View) -> bool:
    return not 0 < view.settings.batch_size < len(view.problem.y_train)


def safe_rate(view: View, found: Curvature) -> SafeRate:
    """Return the limit of the current lane's learning rate, by the curvature."""
    lane = view.snapshot.lane
    return safe_learning_rate(
        found,
        lane.optimizer.name,
        make_loss(lane.loss_name, view.problem.task).descent_factor,
        _full_batch(view),
        lane.optimizer.momentum,
    )


def has_diverged(view: View) -> bool:
    """Return whether the current lane cannot go on from the viewed epoch."""
    lane = view.snapshot.lane
    return lane.diverged is not None and lane.diverged <= view.snapshot.epoch


def _scale(view: View) -> float:
    """Return the greatest length of the weights so far; of a surface how large what is drawn is."""
    lane, surface = view.snapshot.lane, view.problem.surface
    so_far = lane.path[lane.path_epochs <= view.snapshot.epoch]
    lengths = np.sqrt(np.vecdot(so_far, so_far)).max(initial=0.0)
    if surface is not None:
        lengths = max(lengths, *(float(high) - float(low) for low, high in surface.limits))
    return max(float(lengths), float(np.linalg.norm(lane.weights)))


def saturated(view: View) -> float | None:
    """Return the share of the train rows that are saturated, None where nothing has p."""
    lane = view.snapshot.lane
    if view.problem.task not in {"binary", "multiclass"} or lane.loss_name == "hinge":
        return None
    return saturated_share(view.predictor.probabilities(lane.weights, _some_rows(view)))


def overflow(view: View, engine: Engine) -> str:
    """Return what the next update overflows in, by one pass at the weights it leads to."""
    lane = view.snapshot.lane
    following = lane.next_weights
    if np.isnan(following).all():
        following = lane.weights - lane.learning_rate * lane.gradient
    loss, direction = engine.loss_and_grad(following[None])
    largest = None
    if view.problem.task != "surface" and np.isfinite(following).all():
        scores = view.predictor.scores(following, _some_rows(view))
        largest = float(np.abs(scores).max(initial=0.0))
    return overflow_of(
        lane.gradient,
        lane.learning_rate,
        following,
        float(loss[0]),
        next_direction=direction[0],
        largest_score=largest,
        names=weight_names(view.problem, len(following)),
    )


def _some_rows(view: View) -> Floats:
    problem = view.problem
    every = max(1, -(-len(problem.y_train) // MOST_ROWS))
    return problem.rows(problem.x_train, slice(None, None, every))


# what was found at weights that lie so near, of their length, holds here too
NEAR = 1e-2
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

    NAME = "why"
    PLACE = 2
    READING_SECONDS = 0.25

    def __init__(self) -> None:
        super().__init__()
        self._found: SignsFound | None = None
        self._engine = KeptEngine()
        self._scroll = Scroll()

    def forget(self) -> None:
        """Forget what was found about a problem: the run is on another one."""
        self._found = None
        self._engine.forget()

    def verdict(self, view: View) -> Verdict:
        """Return how training goes at the epoch being viewed."""
        with np.errstate(all="ignore"):
            return diagnose(evidence_of(view, self._near(view)))

    def line(self, view: View, columns: int) -> tuple[str, str, Kind]:
        """Return the verdict in at most `columns` cells, the advice if it fits too, and the kind.

        Both are in the terminal's characters; between them and the border stand two cells.
        """
        verdict = self.verdict(view)
        text = spelled(verdict.text, view.style.symbols)
        advice = spelled(view.keys.press(verdict.advice), view.style.symbols)
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
        cells = draw_box(
            rows,
            columns,
            inner,
            title=title,
            style=style,
            focused=self.focused,
        )
        self._scroll.put_place(cells, contents.shape[0], height, style.palette)
        return cells

    def _contents(self, view: View, height: int, room: int) -> Cells:
        """Return all that there is to say, with blank lines where `height` leaves room."""
        style = view.style
        palette, symbols = style.palette, style.symbols
        verdict, found, safe = self.verdict(view), self._found_here(view), self._safe(view)
        colour = kind_colour(verdict.kind, palette)
        lines = [(line, colour) for line in wrapped(spelled(verdict.text, symbols), room)]
        if verdict.advice:
            advice = spelled(view.keys.press(verdict.advice), symbols)
            lines += [(line, palette.text) for line in wrapped(advice, room)]
        if safe is None:
            words = [("the curvature follows", palette.dim)]
        else:
            said = spelled(wording(view.snapshot.lane.learning_rate, safe), symbols)
            if found and found.epoch != view.snapshot.epoch:
                said += f" (curvature of epoch {found.epoch})"
            words = [(line, palette.text) for line in wrapped(said, room)]
        exact = found is None or found.curvature.exact
        table_rows = _table(verdict, view.snapshot.lane.loss_name, exact=exact)
        body = [[symbols.spell(cell) for cell in row] for row in table_rows]
        gauge_rows = 2 if safe is not None and safe.limit is not None else 1
        used = len(lines) + len(words) + gauge_rows + len(body)
        blank = int(used + 2 <= height)
        cells = Cells.blank(used + 2 * blank, room, style)
        at = _put_lines(cells, 0, lines) + blank
        ratio = safe.ratio(view.snapshot.lane.learning_rate) if safe else None
        limit = safe.limit if safe else None
        gauge = draw_gauge(room, ratio, limit=limit, rows=gauge_rows, style=style)
        cells.paste(at, 0, gauge)
        at = _put_lines(cells, at + gauge_rows, words) + blank
        table = draw_table(len(body), room, (), body, align=("<", ">", "<"), style=style)
        cells.paste(at, 0, table)
        return cells

    def numbers(self, view: View) -> list[str]:
        """Return verdict, advice and all numbers with all their digits."""
        snapshot, verdict, safe = view.snapshot, self.verdict(view), self._safe(view)
        rate = snapshot.lane.learning_rate
        lines = [
            f"why: epoch {snapshot.epoch}, lane {snapshot.lane.name}",
            verdict.text,
            f"advice: {view.keys.press(verdict.advice) or 'none'}",
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
        diverged = has_diverged(view)
        key = (
            view.problem,
            view.settings,
            lane.number,
            lane.loss_name,
            lane.weights.tobytes(),
            lane.next_weights.tobytes() if diverged else b"",
        )

        def compute(progress: Progress) -> SignsFound:
            engine = self._engine.of(view, lane.loss_name)
            engine.between_blocks = progress.check
            return SignsFound(
                lane.number,
                lane.loss_name,
                snapshot.epoch,
                lane.weights,
                curvature(engine, lane.weights, start=start),
                float(engine.loss(lane.path[:1])[0]),
                saturated(view),
                overflow(view, engine) if diverged else None,
            )

        return Study(key, compute)

    def take(self, key: tuple[object, ...], result: Any) -> None:
        """Keep what was found."""
        del key
        if isinstance(result, SignsFound):
            self._found = result

    def moved(self, by: int, view: View) -> int:
        """Scroll by lines."""
        del view
        self._scroll.move(by)
        return 0

    def scroll_by(self, pages: int) -> None:
        """Scroll by what is seen at once, less a line."""
        self._scroll.turn(pages)

    def _found_here(self, view: View) -> SignsFound | None:
        """Return what was found last, if it was on the viewed lane."""
        found, lane = self._found, view.snapshot.lane
        if found is None or (found.lane, found.loss_name) != (lane.number, lane.loss_name):
            return None
        return found if found.weights.shape == lane.weights.shape else None

    def _near(self, view: View) -> SignsFound | None:
        """Return what was found last, if it holds at the viewed weights."""
        found, weights = self._found_here(view), view.snapshot.lane.weights
        if found is None:
            return None
        moved = float(np.linalg.norm(weights - found.weights))
        return found if moved <= NEAR * float(np.linalg.norm(weights)) else None

    def _safe(self, view: View) -> SafeRate | None:
        """Return the limit of α by the curvature found last, None before there is any."""
        found = self._found_here(view)
        return safe_rate(view, found.curvature) if found else None


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
