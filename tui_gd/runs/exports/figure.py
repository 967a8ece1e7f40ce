"""The loss curve and the decision map as pictures, if matplotlib is installed."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.problems.text import safe_text
from tui_gd.runs.record import RunRecord
from tui_gd.training.checkpoint import LaneRecord
from tui_gd.training.spans import ThinnedSeries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 2000
"""Points per curve at most; longer curves keep the extremes of every few epochs."""
GRID = 300
SHOWN_ROWS = 5000
DOTS_PER_INCH = 150
MARKERS = "osD^v<>pXh"
MISSING = "curves and maps as pictures need matplotlib: pip install 'gd-tui[plots]'"


def without_plots(_: RunRecord) -> str:
    """Return why no pictures can be made, or an empty text."""
    return "" if find_spec("matplotlib") else MISSING


def without_map(run: RunRecord) -> str:
    """Return why there is no decision map, or an empty text."""
    problem = run.problem
    if problem.surface or problem.task == "regression":
        return "a decision map needs classes: export the loss curve instead"
    if problem.features != 2:
        return f"a decision map needs two features; this problem has {problem.features}"
    return without_plots(run)


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence matplotlib's warnings about missing glyphs and numbers near infinity."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@_quietly()
def curve_files(run: RunRecord) -> dict[str, bytes]:
    """Return the losses of all lanes as `loss.png` and `loss.svg`; only train losses are solid.

    A branch is drawn from the epoch at which it left its parent.
    """
    figure, axes = _figure()
    lowest = np.inf
    handles, labels = [], []
    for place, lane in enumerate(run.lanes):
        colour, marker = f"C{place % 10}", MARKERS[place % len(MARKERS)]
        for name, style, alpha in (
            ("train", "-", 1.0),
            ("test", "--", 0.6),
            ("validation", ":", 0.8),
        ):
            epochs, values = _own_epochs(run, lane, name)
            if len(values):
                lowest = min(lowest, float(values.min()))
                (line,) = axes.plot(epochs, values, style, color=colour, alpha=alpha, lw=1.2)
                # markers distinguish the lanes without colour
                line.set(marker=marker, markersize=4, markevery=(0.02 * (place % 5), 0.2))
                handles.append(line)
                optimizer, _ = run.method(lane)
                rate = run.learning_rate(lane)
                labels.append(f"{safe_text(lane.name)}: {optimizer}, α = {rate:g}, {name}")
    if 0.0 < lowest < np.inf:
        axes.set_yscale("log")
    if run.epoch != run.checkpoint.newest:
        axes.axvline(run.epoch, color="0.5", lw=0.8)
    axes.set_xlabel("epoch")
    _label(axes.set_ylabel, f"loss ({', '.join(_losses(run))})")
    _label(axes.set_title, safe_text(run.problem.name))
    _legend(axes, handles, labels)
    return _saved(figure, "loss")


@_quietly()
def map_files(run: RunRecord) -> dict[str, bytes]:
    """Return regions, boundary and test rows of the current lane: `decision.png`, `decision.svg`.

    Wrongly predicted rows are larger, with a black edge. Only the first `SHOWN_ROWS` are drawn.
    """
    problem, lane = run.problem, run.lane
    weights = run.weights(lane)
    x = problem.rows(problem.x_test, slice(SHOWN_ROWS))
    y = np.asarray(problem.y_test[: len(x)]).astype(np.intp)
    low, high = x[:, :2].min(axis=0), x[:, :2].max(axis=0)
    margin = 0.08 * np.where(high > low, high - low, 1.0)
    low, high = low - margin, high + margin
    across, up = (np.linspace(low[i], high[i], GRID) for i in range(2))
    points = np.stack([*map(np.ravel, np.meshgrid(across, up)), np.ones(GRID * GRID)], axis=1)
    if problem.task == "binary":  # the boundary itself, not the cells of the grid
        shown = run.predictor.probabilities(weights, points)[:, 1].reshape(GRID, GRID)
        levels = np.array([-0.1, run.predictor.threshold, 1.1])
    else:
        shown = run.predictor.predict(weights, points).reshape(GRID, GRID).astype(np.float64)
        levels = np.arange(len(problem.class_names) + 1) - 0.5
    figure, axes = _figure()
    colours = [f"C{i % 10}" for i in range(len(problem.class_names))]
    axes.contourf(across, up, shown, levels=levels, colors=colours, alpha=0.3)
    wrong = run.predictor.predict(weights, x) != y
    handles = []
    for number, colour in enumerate(colours):
        for miss, edge in ((False, "none"), (True, "black")):
            own = (y == number) & (wrong == miss)
            marks = axes.scatter(
                x[own, 0],
                x[own, 1],
                s=40 if miss else 16,
                marker=MARKERS[number % len(MARKERS)],
                color=colour,
                edgecolors=edge,
                linewidths=1.0,
            )
            if not miss:
                handles.append(marks)
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    _label(axes.set_xlabel, safe_text(problem.feature_names[0]))
    _label(axes.set_ylabel, safe_text(problem.feature_names[1]))
    title = f"{safe_text(problem.name)}, lane {safe_text(lane.name)}, epoch {run.epoch}"
    _label(axes.set_title, f"{title}: {int(wrong.sum())} of {len(y)} test rows wrong")
    _legend(axes, handles, [safe_text(name) for name in problem.class_names])
    return _saved(figure, "decision")


def _losses(run: RunRecord) -> list[str]:
    return list(dict.fromkeys(run.method(lane)[1] for lane in run.lanes))


def _own_epochs(run: RunRecord, lane: LaneRecord, name: str) -> tuple[Floats, Floats]:
    """Return the epochs and values of a lane's curve; a branch's curve starts at its branch."""
    begin = lane.branched_at if lane.parent in {one.number for one in run.lanes} else 0
    return _thinned(run.series(name, lane).points(begin))


def _thinned(points: ThinnedSeries) -> tuple[Floats, Floats]:
    """Return epochs and values to draw; spikes are kept."""
    epochs, values = points
    width = -(-2 * len(values) // POINTS)
    if len(values) > POINTS:
        starts = range(0, len(values), width)
        chosen = {
            start + int(pick(values[start : start + width]))
            for start in starts
            for pick in (np.argmin, np.argmax)
        }
        kept = np.array(sorted(chosen | {0, len(values) - 1}))
        epochs, values = epochs[kept], values[kept]
    return epochs.astype(np.float64), values


def _figure() -> "tuple[Figure, Axes]":
    """Return a figure without a window and without global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    return figure, figure.add_subplot()


def _label(setter: Any, text: str) -> None:
    """Set a text literally: `$` in a name does not start a formula."""
    setter(text, parse_math=False)


def _legend(axes: "Axes", handles: list[Any], labels: list[str]) -> None:
    if not 0 < len(handles) <= 20:
        return
    # matplotlib leaves out labels that start with an underscore
    shown = [f" {label}" if label.startswith("_") else label for label in labels]
    for text in axes.legend(handles, shown, fontsize="small").get_texts():
        text.set_parse_math(False)


def _saved(figure: "Figure", name: str) -> dict[str, bytes]:
    files = {}
    for kind, metadata in (("png", {}), ("svg", {"Date": None})):
        out = io.BytesIO()
        figure.savefig(out, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
        files[f"{name}.{kind}"] = out.getvalue()
    return files
