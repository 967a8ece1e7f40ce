"""What a study computes for a landscape: its plane, its limits, and the losses on it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tui_gd.insight.explain import weight_names
from tui_gd.insight.landscape import (
    Limits,
    Plane,
    covering,
    grid,
    losses_on,
    plane_of_weights,
    principal_plane,
    work,
    zoomed,
)
from tui_gd.learning.engine import Engine
from tui_gd.learning.models import Floats
from tui_gd.plots.axes import Axes
from tui_gd.plots.landscape import line_axes, plane_axes
from tui_gd.problems.text import whole_number
from tui_gd.session.snapshot import LaneSnapshot
from tui_gd.ui.panels.panel import KeptEngine, View, sample_in_words
from tui_gd.ui.studies import Progress

Choice = tuple[int, ...]
"""The numbers of one or two weights; none means the principal directions."""

PRINCIPAL: Choice = ()
_WORD = "principal"
# with more weights than this, pairs are offered only of the steepest weights
_ALL_PAIRS, _STEEPEST = 4, 4


def usual_choice(parameters: int) -> Choice:
    """Return the plane to show first: the first two weights, or the principal one if many."""
    if parameters == 1:
        return (0,)
    return (0, 1) if parameters <= _ALL_PAIRS else PRINCIPAL


def choices(gradient: Floats) -> list[Choice]:
    """Return the planes to choose from for a gradient (parameters,).

    For up to four weights: all pairs, then the principal directions. For more: the principal
    directions, then the pairs of the four weights with the largest derivative.
    """
    count = len(gradient)
    if count <= 2:
        return [usual_choice(count)]
    if count <= _ALL_PAIRS:
        return [*combinations(range(count), 2), PRINCIPAL]
    steepness = -np.abs(np.nan_to_num(gradient, nan=0.0))
    steepest = sorted(np.argsort(steepness, kind="stable")[:_STEEPEST].tolist())
    return [PRINCIPAL, *combinations(steepest, 2)]


def parse_choice(text: str, view: View) -> Choice | str:
    """Return the plane that a text names (`x1, bias`, `1, 3`, `principal`), or what is wrong."""
    count = len(view.snapshot.lane.weights)
    names = weight_names(view.problem, view.predictor.model)
    words = [word.strip() for word in text.split(",")]
    if [word.casefold() for word in words] == [_WORD]:
        return PRINCIPAL if count > 2 else f"{count} weights have no {_WORD} directions to choose"
    wanted = min(count, 2)
    if len(words) != wanted:
        several = "two weights, such as" if wanted == 2 else "one weight, such as"
        return f"name {several} {', '.join(names[:wanted])}" + (f", or {_WORD}" * (count > 2))
    found = []
    for word in words:
        index = _weight(word, names)
        if index is None:
            return f"no weight {word!r}: there are {_some(names)}, or numbers 1 to {count}"
        found.append(index)
    if len(set(found)) != wanted:
        return f"{names[found[0]]} is named twice: name two different weights"
    return tuple(found)


def _weight(word: str, names: Sequence[str]) -> int | None:
    """Return the weight of that name, or else of that number, counted from 1."""
    folded = [name.casefold() for name in names]
    if word.casefold() in folded:
        return folded.index(word.casefold())
    number = whole_number(word, 1, len(names))
    return None if number is None else number - 1


def _some(names: Sequence[str]) -> str:
    if len(names) <= 6:
        return ", ".join(names)
    return f"{', '.join(names[:3])} … {names[-1]}"


def titles(plane: Plane, loss: str, view: View) -> list[str]:
    """Return a landscape's titles, the longest first: the loss, the sample and the axes."""
    axes = " × ".join(plane.labels)
    if sample := sample_in_words(view.problem):
        short = " × ".join(label.split(" (")[0] for label in plane.labels)
        few = f"on {len(view.problem.y_train):,} rows"
        return [
            f"Landscape {loss} on {sample}, {axes}",
            f"Landscape on {sample}, {short}",
            f"Landscape {few}, {short}",
            f"Landscape {few}",
        ]
    if not plane.weights:
        short = " × ".join(label.split(" (")[0] for label in plane.labels)
        return [f"Landscape {loss}, {axes}", f"Landscape, {axes}", f"Landscape, {short}", axes]
    return [f"Landscape {loss}, {axes}", f"Landscape {axes}", axes]


def held_in_words(plane: Plane, names: Sequence[str]) -> tuple[str, ...]:
    """Return which weights a plane holds at their values, the longest form first."""
    held = [index for index in range(len(names)) if index not in plane.weights]
    if not plane.weights or not held:
        return ()
    kept = [f"{names[index]} held at {plane.origin[index]:.4g}" for index in held]
    count = f"{len(held)} weights held"
    return (", ".join(kept), count) if len(held) <= 2 else (count,)


# if there is more work than this, a coarse landscape is shown before the fine one
COARSE_FIRST = 2_000_000
COARSER = 4
# if its loss has grown this many times, a lane runs away; the limits cover this many of its points
RUNAWAY_GROWTH = 100.0
RUNAWAY_POINTS = 8
# a slope that would change only this share of the picture's range has no direction to show
FLAT = 1e-9


@dataclass(frozen=True, eq=False)
class Landscape:
    """The losses (h, w) at xs (w,) and ys (h,) of a plane within limits; None: not known yet."""

    plane: Plane
    limits: Limits
    loss_name: str
    xs: Floats
    ys: Floats
    values: Floats | None

    @classmethod
    def of(
        cls, plane: Plane, limits: Limits, shape: tuple[int, int], loss_name: str, engine: Engine
    ) -> "Landscape":
        """Return the losses at `shape` points (h, w), computed by an engine for that loss."""
        xs, ys = grid(limits, shape)
        values = losses_on(engine, plane, xs, ys, engine.between_blocks)
        return cls(plane, limits, loss_name, xs, ys, values)

    def axes(self, columns: int) -> Axes:
        """Return the axes of the picture; if it has one weight, the height is the loss."""
        if len(self.plane.axes) == 1:
            values = None if self.values is None else self.values[0]
            limits = self.limits[0], self.limits[1]
            return line_axes(limits, values, self.plane.labels[0], self.loss_name)
        left, right, bottom, top = self.limits
        return plane_axes(columns, (left, right, bottom, top), *self.plane.labels)

    def place(self, weights: Floats) -> Floats:
        """Return the coordinates (axes,) of weights (parameters,)."""
        place: Floats = self.plane.project(weights[None])[0]
        return place

    def loss_near(self, at: tuple[float, ...]) -> float:
        """Return the loss at the grid point nearest to a place; NaN if none is known."""
        if self.values is None:
            return np.nan
        column = int(np.argmin(np.abs(self.xs - at[0])))
        row = int(np.argmin(np.abs(self.ys - at[1]))) if len(at) > 1 else 0
        return float(self.values[row, column])

    def is_flat(self, descent: Floats) -> bool:
        """Whether a step along `descent`, as long as the picture, hardly changes the loss.

        At a minimum, only rounding decides the direction.
        """
        if self.values is None or not (known := self.values[np.isfinite(self.values)]).size:
            return False
        across = float(np.linalg.norm(np.diff(np.reshape(self.limits, (-1, 2)))))
        return float(np.linalg.norm(descent)) * across < FLAT * float(np.ptp(known))


def computation(
    view: View,
    choice: Choice,
    limits: Limits | None,
    before: Limits | None,
    shape: tuple[int, int],
    kept: KeptEngine,
) -> Callable[[Progress], Landscape]:
    """Return a function that computes a plane's landscape on `shape` points (h, w), coarse first.

    Without `limits`, the limits cover the paths; `before` are the previous limits.
    """
    lane = view.snapshot.lane

    def compute(progress: Progress) -> Landscape:
        engine = kept.of(view, lane.loss_name)
        engine.between_blocks = progress.check
        if choice:
            plane = plane_through(view, choice)
        else:
            plane = principal_plane(lane.path, lane.weights, lane.gradient)
        within = limits or covering(plane.project(near_paths(view)), before)
        if work(len(view.problem.y_train), len(lane.weights), shape[0] * shape[1]) > COARSE_FIRST:
            coarse = max(shape[0] // COARSER, 1), max(shape[1] // COARSER, 2)
            progress.show(Landscape.of(plane, within, coarse, lane.loss_name, engine))
        return Landscape.of(plane, within, shape, lane.loss_name, engine)

    return compute


def plane_through(view: View, choice: Choice) -> Plane:
    """Return the plane along the chosen weights through the viewed ones."""
    weights = view.snapshot.lane.weights
    return plane_of_weights(weights, choice, weight_names(view.problem, view.predictor.model))


def near_paths(view: View) -> Floats:
    """Return what limits have to cover (n, parameters): the lanes' paths and viewed weights.

    Of a lane that runs away, this is only the first points of its path: the last ones would hide
    everything else. On a surface, which has limits of its own, it is only the lane's start.
    """
    runaway = 1 if view.problem.surface else RUNAWAY_POINTS
    parts = []
    for lane in view.lanes:
        if _runs_away(lane):
            parts.append(lane.path[:runaway])
        else:
            parts += [lane.path, lane.weights[None]]
    return np.concatenate(parts)


def _runs_away(lane: LaneSnapshot) -> bool:
    """Return whether a lane has diverged, or its loss has grown as if it would."""
    losses = lane.train.high
    grown = len(losses) > 1 and bool(losses[-1] > RUNAWAY_GROWTH * abs(losses[0]) > 0.0)
    return lane.diverged is not None or grown


def as_lines(shown: Landscape, view: View) -> list[str]:
    """Return the plane, its losses point by point, and the paths in it, with all digits."""
    plane = shown.plane
    names = weight_names(view.problem, view.predictor.model)
    labels = " ".join(f"{label!r}" for label in plane.labels)
    title = ", ".join([titles(plane, shown.loss_name, view)[0], *held_in_words(plane, names)[:1]])
    lines = [f"{title}, epoch {view.snapshot.epoch}"]
    if plane.weights:
        held = [index for index in range(len(names)) if index not in plane.weights]
        lines += [f"held {names[index]} {float(plane.origin[index])!r}" for index in held]
    if shown.values is not None:
        lines.append(f"{labels} loss")
        for y, row in zip(shown.ys.tolist(), shown.values.tolist(), strict=True):
            down = [] if len(plane.axes) == 1 else [y]
            for x, value in zip(shown.xs.tolist(), row, strict=True):
                lines.append(" ".join(map(repr, (x, *down, value))))
    lines.append(f"lane epoch {labels}")
    for lane in view.lanes:
        points = plane.project(lane.path).tolist()
        for epoch, point in zip(lane.path_epochs.tolist(), points, strict=True):
            lines.append(f"{lane.name} {epoch} {' '.join(map(repr, point))}")
    return lines


def digest(weights: Floats) -> bytes:
    """Return 16 bytes that identify these weights."""
    return hashlib.blake2b(weights.tobytes(), digest_size=16).digest()


class Windows:
    """The limits of every plane that has been shown; they move as rarely as possible.

    `covering` are the last ones that covered the paths, `zoomed` those that a person has chosen.
    """

    def __init__(self) -> None:
        self.covering: dict[Choice, Limits] = {}
        self.zoomed: dict[Choice, Limits] = {}

    def along(self, choice: Choice, view: View) -> Limits:
        """Return a plane's limits along weights: the zoomed ones, or ones that cover the paths.

        On a surface they are never narrower than its own.
        """
        if choice in self.zoomed:
            return self.zoomed[choice]
        points = [near_paths(view)[:, list(choice)]]
        before = self.covering.get(choice)
        if view.problem.surface is not None:
            corners = np.array([view.problem.surface.limits[index] for index in choice])
            points.append(corners.T)
            before = before or tuple(map(float, corners.ravel()))
        self.covering[choice] = covering(np.concatenate(points), before)
        return self.covering[choice]

    def zoom(self, choice: Choice, factor: float, about: Sequence[float]) -> bool:
        """Zoom around a place that stays where it is."""
        limits = self.zoomed.get(choice) or self.covering.get(choice)
        if limits is None:
            return False
        self.zoomed[choice] = zoomed(limits, factor, about)
        return True

    def pan(self, choice: Choice, share: float) -> bool:
        """Shift the view by a share of the width."""
        limits = self.zoomed.get(choice) or self.covering.get(choice)
        if limits is None:
            return False
        by = share * (limits[1] - limits[0])
        self.zoomed[choice] = (limits[0] + by, limits[1] + by, *limits[2:])
        return True
