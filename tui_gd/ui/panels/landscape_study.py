"""What is computed for a landscape: its plane, its limits, and the losses on it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tui_gd.learning.landscape import (
    Limits,
    Plane,
    covering,
    grid,
    losses_on,
    plane_of_weights,
    principal_plane,
    work,
)
from tui_gd.learning.models import Floats
from tui_gd.snapshot import LaneSnapshot
from tui_gd.ui.panels.arithmetic import weight_names
from tui_gd.ui.panels.engines import KeptEngine
from tui_gd.ui.panels.panel import View
from tui_gd.ui.panels.planes import Choice, titles
from tui_gd.ui.studies import Progress

# work above which a coarse landscape is shown before the fine one
COARSE_FIRST = 2_000_000
COARSER = 4
# a lane whose loss has grown so many times runs away; so many points of its path are covered
RUNAWAY_GROWTH = 100.0
RUNAWAY_POINTS = 8
# a slope that would change so small a part of the differences in the picture points nowhere
FLAT = 1e-9


@dataclass(frozen=True, eq=False)
class Landscape:
    """The losses (h, w) at xs (w,), ys (h,) of a plane within limits; None is: not known yet."""

    plane: Plane
    limits: Limits
    loss_name: str
    xs: Floats
    ys: Floats
    values: Floats | None
    final: bool = True

    def place(self, weights: Floats) -> Floats:
        """Return the coordinates (axes,) of weights (parameters,)."""
        place: Floats = self.plane.project(weights[None])[0]
        return place

    def loss_near(self, at: tuple[float, ...]) -> float:
        """Return the loss at the grid point nearest to a place; NaN where none is known."""
        if self.values is None:
            return np.nan
        column = int(np.argmin(np.abs(self.xs - at[0])))
        row = int(np.argmin(np.abs(self.ys - at[1]))) if len(at) > 1 else 0
        return float(self.values[row, column])

    def is_flat(self, descent: Floats) -> bool:
        """Whether a step as far as the picture goes, along `descent`, changes next to nothing.

        At a minimum the direction is that of rounding alone.
        """
        if self.values is None or not (known := self.values[np.isfinite(self.values)]).size:
            return False
        across = float(np.hypot(*np.diff(np.reshape(self.limits, (-1, 2)))[:, 0]))
        return float(np.hypot(*descent)) * across < FLAT * float(np.ptp(known))


def computation(
    view: View,
    choice: Choice,
    limits: Limits | None,
    before: Limits | None,
    shape: tuple[int, int],
    kept: KeptEngine,
) -> Callable[[Progress], Landscape]:
    """Return what computes the landscape of a plane, on `shape` points (h, w), coarse ones first.

    Without `limits` they cover the paths; `before` are those that were there.
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

        def landscape(shape: tuple[int, int], *, final: bool) -> Landscape:
            xs, ys = grid(within, shape)
            values = losses_on(engine, plane, xs, ys, progress.check)
            return Landscape(plane, within, lane.loss_name, xs, ys, values, final)

        if work(len(view.problem.y_train), len(lane.weights), shape[0] * shape[1]) > COARSE_FIRST:
            coarse = max(shape[0] // COARSER, 1), max(shape[1] // COARSER, 2)
            progress.show(landscape(coarse, final=False))
        return landscape(shape, final=True)

    return compute


def plane_through(view: View, choice: Choice) -> Plane:
    """Return the plane along the chosen weights through the viewed ones."""
    weights = view.snapshot.lane.weights
    return plane_of_weights(weights, choice, weight_names(view.problem, len(weights)))


def near_paths(view: View) -> Floats:
    """Return what limits have to cover (n, parameters): the lanes' paths and where they are viewed.

    Of a lane that runs away only the first points of its path: the last would hide all the rest.
    On a surface, which has limits of its own, only its start.
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
    """Return whether a lane diverged, or its loss has grown as if it were to."""
    losses = lane.train.high
    grown = len(losses) > 1 and bool(losses[-1] > RUNAWAY_GROWTH * abs(losses[0]) > 0.0)
    return lane.diverged is not None or grown


def as_lines(shown: Landscape, view: View) -> list[str]:
    """Return the plane, its losses point by point, and the paths in it, with all digits."""
    plane = shown.plane
    names = weight_names(view.problem, len(plane.origin))
    labels = " ".join(f"{label!r}" for label in plane.labels)
    lines = [f"{titles(plane, shown.loss_name, names)[0]}, epoch {view.snapshot.epoch}"]
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
    """Return 16 bytes that tell weights from others."""
    return hashlib.blake2b(weights.tobytes(), digest_size=16).digest()
