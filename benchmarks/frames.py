"""How long one frame of each panel takes at 120×35, and plotext's own time for the same plot.

`python benchmarks/frames.py` prints, per panel, the median milliseconds of our drawing with the
frame cached (as it is while training), of finding the changed spans against the frame before,
and of plotext drawing the same data, all in one process, alternating; the last column is plotext's
time divided by ours.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from tui_gd.plots.axes import Axes, Canvas, Heading
from tui_gd.plots.cells import Cells, changed_spans
from tui_gd.plots.curves import Curve, EpochView, curve_legend, draw_curves
from tui_gd.plots.decision import (
    ClassifiedPoints,
    decision_grid,
    decision_limits,
    draw_decision,
)
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import UNICODE
from tui_gd.plots.table import draw_confusion

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, COLUMNS = 35, 120
PALETTE = palette_for("truecolor", True)
STYLE = Style(PALETTE, UNICODE)
REPEATS = 60


def curves(lanes: int) -> list[Curve]:
    rng = np.random.default_rng(0)
    epoch = np.arange(1024 * 16)
    found = []
    for lane in range(lanes):
        for name, floor in (("train", 0.02), ("test", 0.09)):
            loss = (1.5 * np.exp(-epoch * 4e-4 * (1 + lane / 40)) + floor) * (1 + lane / 40)
            loss = (loss * np.exp(rng.normal(0, 0.03, len(epoch)))).reshape(1024, 16)
            colour, dimmed = PALETTE.lane(lane)
            bounds = loss.min(axis=1), loss.max(axis=1)
            found.append(Curve(name, 0, 16, *bounds, colour, dimmed, f"{loss[-1, -1]:.5f}"))
    return found


def loss_frame(lanes: int) -> tuple[Callable[[int], Cells], Callable[[], Any]]:
    drawn = curves(lanes)

    def ours(frame: int) -> Cells:
        view = EpochView(4000 + 10 * frame, last=16_384, log=True)
        canvas = Canvas(ROWS, COLUMNS, STYLE, Heading("loss"))
        return draw_curves(canvas.with_legend(curve_legend(drawn, canvas)), drawn, view).cells

    def plotext() -> Any:
        figure = own_figure()
        for curve in drawn:
            x = (curve.start + curve.width * np.arange(len(curve.low))).tolist()
            for bound in (curve.low, curve.high):
                figure.plot(x, np.log10(bound).tolist(), marker="braille", color="blue")
        return figure.build()

    return ours, plotext


def decision_frame(classes: int) -> tuple[Callable[[int], Cells], Callable[[], Any]]:
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 2, (classes, 2))
    labels = np.arange(500) % classes
    points = centres[labels] + rng.normal(0, 0.6, (500, 2))
    axes = Axes.of(decision_limits(points), "x1", "x2")
    _, xs, ys = decision_grid(ROWS, COLUMNS, axes, UNICODE)
    grid = np.stack(np.meshgrid(xs, ys), axis=-1)

    def chances(at: np.ndarray, frame: int) -> np.ndarray:
        shifted = centres + 0.01 * frame
        score = -((at[..., None, :] - shifted) ** 2).sum(axis=-1)
        power = np.exp(score - score.max(axis=-1, keepdims=True))
        return power / power.sum(axis=-1, keepdims=True)

    frames = [chances(grid, frame) for frame in range(REPEATS + 2)]
    predicted = chances(points, 0).argmax(axis=-1)

    names = [f"class {k}" for k in range(classes)]
    rows = ClassifiedPoints(points, labels, predicted, names)

    def ours(frame: int) -> Cells:
        heading = Heading("data")
        return draw_decision(Canvas(ROWS, COLUMNS, STYLE, heading), rows, frames[frame], axes)

    def plotext() -> Any:
        figure = own_figure()
        winner = frames[0].argmax(axis=-1)
        for label in range(classes):
            row, column = np.nonzero(winner == label)
            figure.scatter(xs[column].tolist(), ys[row].tolist(), marker="hd", color=label + 1)
        for label in range(classes):
            mine = points[labels == label]
            figure.scatter(mine[:, 0].tolist(), mine[:, 1].tolist(), marker="●", color=label + 9)
        return figure.build()

    return ours, plotext


def confusion_frame() -> tuple[Callable[[int], Cells], Callable[[], Any]]:
    rng = np.random.default_rng(0)
    actual, predicted = rng.integers(0, 6, (2, 500))
    predicted = np.where(rng.random(500) < 0.8, actual, predicted)
    matrix = np.zeros((6, 6), np.int64)
    np.add.at(matrix, (actual, predicted), 1)
    names = [f"class {k}" for k in range(6)]

    def ours(frame: int) -> Cells:
        return draw_confusion(ROWS, COLUMNS, matrix + frame, names, STYLE)

    def plotext() -> Any:
        figure = own_figure()
        figure.confusion_matrix(actual.tolist(), predicted.tolist())
        return figure.build()

    return ours, plotext


def own_figure() -> Any:
    import plotext

    if not plotext.__version__.startswith("5."):
        raise SystemExit("compares with plotext 5: pip install 'plotext<6'")
    from plotext._figure import _figure_class

    figure = _figure_class()
    figure._limit_size(False, False)
    figure.plot_size(COLUMNS, ROWS)
    return figure


def milliseconds(call: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    result = call()
    return (time.perf_counter() - begin) * 1e3, result


def main() -> None:
    print(f"{os.cpu_count()} cores, {COLUMNS}x{ROWS} cells, medians in ms")
    print(f"{'panel':<28}{'ours':>8}{'spans':>8}{'plotext':>9}{'ratio':>8}")
    for name, (ours, plotext), rivals in (
        ("loss, 1 lane, train + test", loss_frame(1), 10),
        ("loss, 64 lanes × 2", loss_frame(64), 1),
        ("decision, 2 classes", decision_frame(2), 10),
        ("decision, 5 classes", decision_frame(5), 10),
        ("confusion, 6 classes", confusion_frame(), 10),
    ):
        before = ours(0)
        mine, spans, theirs = [], [], []
        for frame in range(1, REPEATS + 1):
            took, after = milliseconds(lambda ours=ours, frame=frame: ours(frame))
            mine.append(took)
            spans.append(milliseconds(lambda a=before, b=after: changed_spans(a, b))[0])
            before = after
            if frame <= rivals:
                theirs.append(milliseconds(plotext)[0])
        medians = [statistics.median(times) for times in (mine, spans, theirs)]
        ratio = medians[2] / medians[0]
        print(f"{name:<28}{medians[0]:8.2f}{medians[1]:8.3f}{medians[2]:9.1f}{ratio:8.1f}")


if __name__ == "__main__":
    main()
