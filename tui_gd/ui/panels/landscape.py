"""The landscape panel: the loss around the viewed weights, and the paths through it."""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from tui_gd.insight.explain import weight_names
from tui_gd.insight.landscape import Plane, covering, grid_shape, principal_plane
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Floats
from tui_gd.plots.axes import Canvas, Geometry, Heading, LegendEntry, geometry
from tui_gd.plots.cells import Cells, first_fitting, width
from tui_gd.plots.landscape import (
    Descent,
    Heights,
    draw_landscape,
    draw_landscape_line,
    place_at,
)
from tui_gd.plots.relief import BAR_COLUMNS, Track, marks
from tui_gd.session.commands import Command, SetStart
from tui_gd.session.snapshot import LaneSnapshot
from tui_gd.ui.panels.landscape_study import (
    Choice,
    Landscape,
    Windows,
    as_lines,
    choices,
    computation,
    digest,
    held_in_words,
    parse_choice,
    plane_through,
    titles,
    usual_choice,
)
from tui_gd.ui.panels.panel import (
    ARROWS,
    LEAVE,
    ZOOM,
    Hint,
    KeptEngine,
    Panel,
    View,
    run_hint,
    sample_in_words,
)
from tui_gd.ui.panels.readings import lane_labels
from tui_gd.ui.studies import Study

# the most numbers in all paths drawn at once; beyond it, points are left out evenly
PATH_NUMBERS = 2_000_000
_LANES_NAMED = 4


class Paths:
    """The lanes' paths in the coordinates of a plane, kept until either changes."""

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
                view.style.palette.lane(lane.number)[0],
                viewed=(here[0], lane.loss if len(here) == 1 else here[1]),
                sign="" if lane is current else _sign(lane, view),
                current=lane is current,
            )
            for lane, here in zip(lanes, places, strict=True)
        ]

    def _keep(self, lanes: list[LaneSnapshot], plane: Plane, every: slice) -> None:
        """Keep the points of these lanes' paths; find all that are not known yet at once."""
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
    """Return the first letter of a lane's name, if it is one cell wide."""
    letter = lane.name.strip()[:1]
    usable = width(letter) == 1 and letter.isalnum()
    return letter if usable and (letter.isascii() or not view.style.symbols.plain) else ""


def minima(view: View) -> list[tuple[float, float, bool]]:
    """Return the places of the known minima, and whether each is global.

    A place is two weights, or the only weight and the value.
    """
    found = []
    for one in view.problem.surface.minima if view.problem.surface else ():
        across, up, *_ = *one.point, one.value
        found.append((across, up, one.is_global))
    return found


def slope(view: View, plane: Plane) -> float:
    """Return the derivative of the shown loss along a line; descent may follow half of it."""
    lane = view.snapshot.lane
    factor = make_loss(lane.loss_name, view.problem.task).descent_factor
    return float(plane.direction(lane.gradient)[0]) / factor


def legend(view: View, *, arrow: bool) -> list[LegendEntry]:
    """Return what the signs mean; if there are several lanes, first say which is which.

    `arrow` is whether the direction of descent is drawn.
    """
    style, snapshot = view.style, view.snapshot
    palette, symbols = style.palette, style.symbols
    signs = marks(symbols)
    entries: list[LegendEntry] = []
    if len(view.lanes) > 1:
        names = lane_labels(view.lanes, "loss")
        others = [one for one in view.lanes if one is not snapshot.lane]
        entries = [
            (symbols.spell(names[lane.number]), symbols.solid, palette.lane(lane.number)[0])
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
        entries.append(("tangent", symbols.solid, palette.cursor))
    elif arrow:
        entries.append((symbols.spell("−g"), signs.heads[0], palette.cursor))
    return entries


class LandscapePanel(Panel):
    """Draws the loss over two weights or two principal directions; for one weight, as a curve.

    Moving in the panel chooses another plane. The cursor stands at a place of the plane; confirming
    it starts the run there and leaves the other weights as they are held.
    """

    NAME: ClassVar[str] = "landscape"
    PLACE: ClassVar[int] = 3
    at_minimum = False
    """Whether the verdict is that the gradient is zero: no direction leads down then."""

    _found: Landscape | None

    def __init__(self) -> None:
        super().__init__()
        self._at: tuple[float, ...] = (0.0, 0.0)
        self._picture = (30, 100)

    def forget(self) -> None:
        """Forget what was found about a problem, because the run has moved to another one."""
        super().forget()
        self._problem: object = None
        self._choice: Choice | None = None
        self._choices: list[Choice] = []
        self._windows, self._paths = Windows(), Paths()
        self._engine = KeptEngine(sampled=True)
        self.end_cursor()

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the last landscape found, with the paths and the viewed weights of this view."""
        self._picture = (rows, columns)
        shown, current = self._shown(view), view.snapshot.lane
        across, up = np.append(shown.place(current.next_weights), current.next_loss)[:2].tolist()
        tracks, epoch = self._paths.tracks(view, shown.plane), view.snapshot.epoch
        descent = Descent(tracks, epoch, following=(across, up))
        downhill = shown.plane.direction(-current.gradient)
        level = self.at_minimum or shown.is_flat(downhill)
        heading, axes = self._heading(shown, view, arrow=not level), shown.axes(columns)
        canvas = Canvas(rows, columns, view.style, heading)
        if len(shown.plane.axes) == 1:
            values = None if shown.values is None else shown.values[0]
            return draw_landscape_line(
                canvas,
                Heights(values, axes, minima(view)),
                replace(descent, slope=slope(view, shown.plane)),
                self._at[0] if self.cursor_on else None,
            )
        return draw_landscape(
            canvas,
            Heights(shown.values, axes, minima(view)),
            descent if level else replace(descent, downhill=tuple(downhill.tolist())),
            (self._at[0], self._at[1]) if self.cursor_on else None,
        )

    def study(self, view: View) -> Study:
        """Return the landscape of the plane through the viewed weights."""
        choice, lane = self._chosen(view), view.snapshot.lane
        shape = self._shape(choice, view)
        limits = self._windows.along(choice, view) if choice else self._windows.zoomed.get(choice)
        key: tuple[object, ...] = (view.problem, view.settings, lane.loss_name, choice)
        key = (*key, limits, shape)
        if choice:
            key = (*key, digest(plane_through(view, choice).origin))
        else:
            key = (*key, lane.number, tuple(one.number for one in view.lanes))
            key = (*key, lane.recorded, lane.path.shape, digest(lane.weights))
        before = self._windows.covering.get(choice)
        return Study(key, computation(view, choice, limits, before, shape, self._engine))

    def _shape(self, choice: Choice, view: View) -> tuple[int, int]:
        """Return how many points (down, across) to compute; a curve has two for every column."""
        rows, columns = self._picture
        down, across = (
            max(rows - 4, 2) * view.style.symbols.pixels,
            max(columns - 8 - BAR_COLUMNS, 2),
        )
        pixels = (1, 2 * across) if len(choice) == 1 else (down, across)
        return grid_shape(len(view.problem.y_train), len(view.snapshot.lane.weights), pixels)

    def take(self, key: tuple[object, ...], result: Any) -> None:
        """Show the landscape that was found; keep its limits if its directions are principal."""
        super().take(key, result)
        if not result.plane.weights:
            self._windows.covering[()] = result.limits

    def numbers(self, view: View) -> list[str]:
        """Return the plane, its losses point by point, and the paths, with all digits."""
        return as_lines(self._shown(view), view)

    def move(self, by: int, view: View) -> None:
        """Choose the next plane, or the one before."""
        chosen = self._chosen(view)
        usual = usual_choice(len(view.snapshot.lane.weights))
        if chosen == usual or chosen not in self._choices:
            self._choices = choices(view.snapshot.lane.gradient)
        at = self._choices.index(chosen) if chosen in self._choices else -(by > 0)
        self._choose(self._choices[(at + by) % len(self._choices)])

    def choose_plane(self, text: str, view: View) -> str | None:
        """Show a named plane (`x1, bias`, `1, 3`, `principal`), or return what is wrong."""
        self._chosen(view)
        found = parse_choice(text, view)
        if isinstance(found, str):
            return found
        self._choose(found)
        return None

    def _choose(self, choice: Choice) -> None:
        self._choice = choice
        self.end_cursor()

    def hints(self, view: View) -> tuple[Hint, ...]:
        """Return the keys of the cursor, or of the panel."""
        if self.cursor_on:
            here = Hint(("cursor",), "start here", 1, "start")
            return (Hint((), "move", 2, keys=ARROWS), here, ZOOM, LEAVE)
        return (
            run_hint(view),
            Hint(("cursor",), "choose a place", 2, "place"),
            Hint(("move(-1)", "move(1)"), "other weights", 3, "weights"),
            Hint(("choose_plane",), "name the weights", 6, "names"),
            ZOOM,
            Hint(("pan(-0.25)", "pan(0.25)"), "left, right", 7, "pan"),
            Hint(("copy",), "copy all digits", 8, "copy"),
        )

    def zoom(self, factor: float, view: View) -> bool:
        """Zoom around the cursor, or else the viewed weights."""
        shown = self._shown(view)
        here = np.array(self._at) if self.cursor_on else shown.place(view.snapshot.lane.weights)
        low, high = np.array(shown.limits[::2]), np.array(shown.limits[1::2])
        about = np.where((low <= here) & (here <= high), here, (low + high) / 2)
        return self._windows.zoom(self._chosen(view), factor, about.tolist())

    def zoom_at(self, x: int, y: int, factor: float, view: View) -> bool:
        """Zoom around a cell of the picture; for a cell outside the plot, do what `zoom` does."""
        at = self._place(x, y, view)
        if at is None:
            return self.zoom(factor, view)
        return self._windows.zoom(self._chosen(view), factor, at)

    def pan(self, share: float, view: View) -> bool:
        """Shift the view by a share of the width."""
        return self._windows.pan(self._chosen(view), share)

    def begin_cursor(self, view: View) -> bool:
        """Put the cursor at the viewed weights, or in the middle if they are out of view."""
        shown = self._shown(view)
        here = shown.place(view.snapshot.lane.weights)
        low, high = np.array(shown.limits[::2]), np.array(shown.limits[1::2])
        if not ((low <= here) & (here <= high)).all():
            here = (low + high) / 2
        self._at = tuple(here.tolist())
        self.cursor_on = True
        return True

    def move_cursor(self, across: int, down: int, view: View) -> None:
        """Move the cursor by a cell, within the plot."""
        shown = self._shown(view)
        area = self._area(shown)
        cells, steps = (max(area.columns, 1), max(area.rows, 1)), (across, -down)
        moved = []
        for axis in range(len(shown.plane.axes)):
            low, high = shown.limits[2 * axis : 2 * axis + 2]
            cell = (high - low) / cells[axis]
            at = self._at[axis] + steps[axis] * cell
            moved.append(min(max(at, low + cell / 2), high - cell / 2))
        self._at = tuple(moved)

    def confirm(self, view: View) -> Command | None:
        """Start at the cursor, with the weights that the plane holds."""
        return self._start(self._at, view) if self.cursor_on else None

    def click_at(self, x: int, y: int, view: View) -> Command | None:
        """Start at a cell of the plot; ignore a cell outside it.

        A start replaces the whole run. With data, runs may be long, so the click that focuses the
        panel does nothing else.
        """
        if self.click_focused and view.problem.surface is None:
            return None
        at = self._place(x, y, view)
        return None if at is None else self._start(at, view)

    def _start(self, at: tuple[float, ...], view: View) -> SetStart:
        lifted = self._shown(view).plane.lift(np.array([at]))[0]
        return SetStart(tuple(lifted.tolist()))

    def _place(self, x: int, y: int, view: View) -> tuple[float, ...] | None:
        """Return the coordinates of a cell of the picture, or None outside the plot."""
        shown = self._shown(view)
        line = len(shown.plane.axes) == 1
        place = place_at(self._area(shown), shown.axes(self._picture[1]), x, y)
        return place[:1] if place and line else place

    def _chosen(self, view: View) -> Choice:
        """Return the plane that is wanted; drop what is kept for another problem or model."""
        problem = (view.problem, len(view.snapshot.lane.weights))
        if self._problem != problem:
            self.forget()
            self._problem = problem
        if self._choice is None:
            self._choice = usual_choice(problem[1])
        return self._choice

    def _shown(self, view: View) -> Landscape:
        """Return the last landscape found; before there is one, only the plane."""
        choice, lane = self._chosen(view), view.snapshot.lane
        found = self._found
        if found is not None:
            return found
        if choice:
            plane, limits = plane_through(view, choice), self._windows.along(choice, view)
        else:
            plane = principal_plane(lane.path[:1], lane.weights, lane.gradient)
            limits = covering(plane.project(lane.path[:1]))
        return Landscape(plane, limits, lane.loss_name, np.zeros(0), np.zeros(0), None)

    def _area(self, shown: Landscape) -> Geometry:
        return geometry(*self._picture, shown.axes(self._picture[1]))

    def _heading(self, shown: Landscape, view: View, *, arrow: bool) -> Heading:
        """Return what the frame says; it drops what the axes also say before a sign's meaning."""
        short = "" if self.cursor_on else "Landscape"
        if short and sample_in_words(view.problem):
            short = titles(shown.plane, shown.loss_name, view)[-1]
        held = held_in_words(shown.plane, weight_names(view.problem, view.predictor.model))
        title = self._title(shown, view)
        return self.heading(view, title, legend(view, arrow=arrow), short=short, below=held)

    def _title(self, shown: Landscape, view: View) -> str:
        """Return what is shown, or where the cursor is, in as many words as fit."""
        forms = titles(shown.plane, shown.loss_name, view)
        if self.cursor_on:
            axes = zip(shown.plane.labels, self._at, strict=False)
            named = [(label.split(" (")[0], at) for label, at in axes]
            loss = f"loss ≈ {shown.loss_near(self._at):.4g}"
            forms = [
                f"{', '.join(f'{label} {at:.{digits}g}' for label, at in named)}: {loss}"
                for digits in (5, 3, 2)
            ]
        key = width(view.keys.of(self.action)) + 1
        room = self._area(shown).columns - 2 * (1 + self.focused) - key
        return first_fitting([view.style.symbols.spell(form) for form in forms], room)
