"""Views of a run made by hand, so that a panel can be drawn without a runner or a screen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from tui_gd.learning.models import Model, Predictor
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import UNICODE, Depth, Symbols
from tui_gd.session.settings import RunSettings
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.studies import Progress

if TYPE_CHECKING:
    from tui_gd.problems import Problem

DEPTHS: tuple[Depth, ...] = ("truecolor", "256", "16", "mono")
SIZES = [
    (rows, columns) for rows in (0, 1, 2, 3, 5, 10, 24) for columns in (0, 1, 2, 4, 9, 30, 100)
]


def view_of(
    problem: Problem,
    weights: Any,
    before: Any = None,
    *,
    hidden: tuple[int, ...] = (),
    activation: str = "tanh",
    epoch: int = 37,
    marked: int = 0,
    depth: Depth = "truecolor",
    dark: bool = True,
    symbols: Symbols = UNICODE,
    lanes: int = 1,
) -> View:
    """A view at `epoch`, the current lane having `weights`, and `before` at epoch `marked`."""
    after = np.asarray(weights, np.float64)
    model = Model(problem.features, problem.outputs, hidden, activation)
    lane = SimpleNamespace(name="A", number=0, weights=after)
    others = [SimpleNamespace(name="B", number=1, weights=after)] * (lanes - 1)
    reference = SimpleNamespace(
        epoch=marked, weights=after if before is None else np.asarray(before, np.float64)
    )
    snapshot = SimpleNamespace(
        epoch=epoch, lane=lane, lanes=(lane, *others), current=0, reference=reference
    )
    return View(
        snapshot,  # type: ignore[arg-type]
        problem,
        Predictor(model, problem.task),
        RunSettings(hidden=hidden, activation=activation),
        Style(palette_for(depth, dark), symbols),
        lambda _: None,  # type: ignore[arg-type, return-value]
    )


def study(panel: Panel, view: View, *, wanted: bool = True) -> bool:
    """Do what the panel wants computed, as the interface would; return whether it wants any."""
    found = panel.study(view)
    if found is not None:
        progress = Progress(lambda _: None)
        progress.wanted = wanted
        panel.take(found.key, found.compute(progress))
    return found is not None


def text_of(panel: Panel, view: View, rows: int, columns: int) -> str:
    """What a person reads in the panel at this size; its shape is checked."""
    cells = panel.draw(view, rows, columns)
    assert cells.shape == (rows, columns)
    return "\n".join(cells.text())
