"""What is drawn over a landscape: the lanes' paths, known minima, and what the signs mean."""

import numpy as np

from tui_gd.learning.landscape import Plane
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Floats
from tui_gd.plots.axes import LegendEntry
from tui_gd.plots.cells import width
from tui_gd.plots.marks import marks
from tui_gd.plots.tracks import Track
from tui_gd.snapshot import LaneSnapshot
from tui_gd.ui.panels.panel import View

# numbers in the paths that are drawn at once; of more, points are left out evenly
PATH_NUMBERS = 2_000_000
_LANES_NAMED = 4


class Paths:
    """The lanes' paths in the coordinates of a plane, kept while neither changes."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Floats, Plane, Floats]] = {}

    def tracks(self, view: View, plane: Plane) -> list[Track]:
        """Return one track for each lane that is drawn, the current one last."""
        current = view.snapshot.lane
        lanes = sorted(view.lanes, key=lambda lane: lane is current)
        numbers = sum(lane.path.size for lane in lanes)
        every = slice(None, None, max(1, -(-numbers // PATH_NUMBERS)))
        self._keep(lanes, plane, every)
        places = plane.project(np.stack([lane.weights for lane in lanes])).tolist()
        return [
            Track(
                self._kept[lane.number][2],
                lane.path_epochs[every],
                *view.palette.lane(lane.number),
                viewed=(here[0], lane.loss if len(here) == 1 else here[1]),
                sign="" if lane is current else _sign(lane, view),
                current=lane is current,
            )
            for lane, here in zip(lanes, places, strict=True)
        ]

    def _keep(self, lanes: list[LaneSnapshot], plane: Plane, every: slice) -> None:
        """Keep the points of these lanes' paths: those not known yet are found all at once."""
        kept = {}
        fresh = []
        for lane in lanes:
            before = self._kept.get(lane.number)
            if before is not None and before[0] is lane.path and before[1] is plane:
                kept[lane.number] = before
            else:
                fresh.append((lane, lane.path[every]))
        if fresh:
            points = plane.project(np.concatenate([path for _, path in fresh]))
            stop = 0
            for lane, path in fresh:
                stop += len(path)
                kept[lane.number] = (lane.path, plane, points[stop - len(path) : stop])
        self._kept = kept


def _sign(lane: LaneSnapshot, view: View) -> str:
    """Return the first letter of a lane's name, if that is one cell wide."""
    letter = lane.name.strip()[:1]
    usable = width(letter) == 1 and letter.isalnum()
    return letter if usable and (letter.isascii() or not view.symbols.plain) else ""


def minima(view: View) -> list[tuple[tuple[float, ...], float, bool]]:
    """Return the known minima: point, value, whether it is global."""
    if view.problem.surface is None:
        return []
    return [(one.point, one.value, one.is_global) for one in view.problem.surface.minima]


def slope(view: View, plane: Plane) -> float:
    """Return the derivative of the shown loss along a line; descent may follow half of it."""
    lane = view.snapshot.lane
    factor = make_loss(lane.loss_name, view.problem.task).descent_factor
    return float(plane.direction(lane.gradient)[0]) / factor


def legend(view: View) -> list[LegendEntry]:
    """Return what the signs mean; of several lanes first which is which."""
    palette, symbols, snapshot = view.palette, view.symbols, view.snapshot
    signs = marks(symbols)
    entries: list[LegendEntry] = []
    if len(view.lanes) > 1:
        others = [one for one in view.lanes if one is not snapshot.lane]
        entries = [
            (
                symbols.spell(f"{lane.name} α {lane.learning_rate:g}"),
                symbols.solid,
                palette.lane(lane.number)[0],
            )
            for lane in [snapshot.lane, *others][:_LANES_NAMED]
        ]
    entries.append((f"epoch {snapshot.epoch}", signs.viewed, palette.cursor))
    entries.append(("next", signs.following, palette.cursor))
    kinds = {is_global for _, _, is_global in minima(view)}
    if True in kinds:
        entries.append(("minimum", signs.global_minimum, palette.cursor))
    if False in kinds:
        entries.append(("local", signs.local_minimum, palette.cursor))
    entries.append(("start", signs.start, palette.lane(snapshot.lane.number)[0]))
    if len(snapshot.lane.weights) == 1:
        entries.append(("tangent", symbols.solid, palette.accent))
    else:
        entries.append((symbols.spell("−g"), signs.heads[0], palette.accent))
    return entries
