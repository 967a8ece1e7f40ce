"""The step panel: the arithmetic of the next update, and of one sample's part in it."""

import math

from tui_gd.learning.explain import Chain, chain
from tui_gd.plots.box import BORDER, draw_box
from tui_gd.plots.cells import Cells
from tui_gd.plots.table import draw_table
from tui_gd.ui.panels.panel import Panel, View

_PLAIN = str.maketrans(
    {
        "·": ".",
        "−": "-",
        "←": "<-",
        "→": "->",
        "α": "a",
        "‖": "|",
        "²": "^2",
        "δ": "d",
        "—": "-",
        "↑": "^",
        "↓": "v",
    }
)


class StepPanel(Panel):
    """Draws `W ← W − α·g` with its numbers, and x → z → p → error → share for one sample."""

    NAME = "step"

    def __init__(self) -> None:
        super().__init__()
        self.sample = 0

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the arithmetic at the epoch being viewed."""
        palette, symbols = view.palette, view.symbols
        snapshot, lane = view.snapshot, view.snapshot.lane
        inner = Cells.blank(rows - BORDER, columns - BORDER, palette, symbols)

        def put(row: int, text: str, colour: int) -> None:
            inner.put(row, 1, text.translate(_PLAIN) if symbols.plain else text, colour)

        loss = view.settings.loss
        change = lane.next_loss - lane.loss
        after = "" if math.isnan(change) else f" → {lane.next_loss:.8g} ({change:+.2e})"
        put(0, f"loss {lane.loss:.8g}{after}", palette.text)
        put(
            1,
            f"α {lane.learning_rate:g}   ‖g‖ {lane.gradient_norm:.6g}"
            + ("   g is half the gradient" if loss == "sse" else ""),
            palette.text,
        )
        names = (*view.problem.feature_names, "bias")
        weights = zip(names, lane.weights, lane.gradient, strict=True)
        body = [update_row(name, w, g, lane.learning_rate) for name, w, g in weights]
        header = ("", "W", "g", "α·g", "W − α·g")
        table = draw_table(
            min(len(body) + 1, max(2, inner.shape[0] - 12)),
            inner.shape[1] - 1,
            [word.translate(_PLAIN) if symbols.plain else word for word in header],
            body,
            palette=palette,
            symbols=symbols,
        )
        inner.paste(2, 1, table)
        below = 3 + table.shape[0]
        problem = view.problem
        self.sample %= len(problem.y_train)
        row, target = problem.x_train[self.sample], float(problem.y_train[self.sample])
        one = chain(loss, lane.weights, row, target, len(problem.y_train))
        heading = f"train sample {self.sample + 1} of {len(problem.y_train)}"
        put(below, f"{heading}  (↑ ↓ choose)", palette.accent if self.has_focus else palette.dim)
        for number, line in enumerate(chain_lines(one), below + 1):
            put(number, line, palette.text)
        title = f"step {snapshot.epoch} → {snapshot.epoch + 1} · W ← W − α·g"
        return draw_box(
            rows,
            columns,
            inner,
            title=title.translate(_PLAIN) if symbols.plain else title,
            palette=palette,
            symbols=symbols,
            focused=self.has_focus,
        )

    def move(self, by: int, view: View) -> int | None:
        """Choose the next sample, or the one before."""
        self.sample = (self.sample + by) % len(view.problem.y_train)
        return None


def update_row(name: str, weight: float, gradient: float, rate: float) -> tuple[str, ...]:
    """Return one weight's update: name, W, g, α·g, W − α·g."""
    step = rate * gradient
    return (name, f"{weight:+.7g}", f"{gradient:+.5g}", f"{step:+.5g}", f"{weight - step:+.7g}")


def chain_lines(one: Chain) -> list[str]:
    """Return one sample's arithmetic, a line for each step."""

    def vector(values: object) -> str:
        return "(" + ", ".join(f"{value:.5g}" for value in values) + ")"  # type: ignore[attr-defined]

    return [
        f"x     = {vector(one.x)}   y = {one.y:g}",
        f"z     = x·W = {one.z:.7g}",
        f"p     = 1 / (1 + exp(−z)) = {one.p:.7g}",
        f"error = p − y = {one.error:+.7g}",
        f"loss  = {one.loss_formula} = {one.loss:.5g}",
        f"δ     = {one.delta_formula} = {one.delta:+.5g}",
        f"share of g = δ·x = {vector(one.share)}",
    ]
