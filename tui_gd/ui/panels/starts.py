"""The panel of many starts: how many of them reach the bottom, on two losses."""

from typing import Any, ClassVar

import numpy as np

from tui_gd.insight.many_starts import GAINED, STARTS, Basin, StartsResult
from tui_gd.learning.losses import make_loss
from tui_gd.plots.axes import BORDER, Axes, Canvas, Heading, draw_words, geometry
from tui_gd.plots.cells import Cells, first_fitting, fit, width
from tui_gd.plots.histogram import Stack, draw_histogram, draw_tally, loss_scales, tallest
from tui_gd.plots.landscape import (
    Descent,
    Group,
    Heights,
    draw_landscape,
    place_at,
)
from tui_gd.plots.palette import Colour, Style
from tui_gd.plots.scale import Scale
from tui_gd.plots.symbols import Symbols
from tui_gd.session.commands import Command, SetStart
from tui_gd.ui.panels.landscape import minima
from tui_gd.ui.panels.panel import LEAVE, Hint, Panel, View, run_hint
from tui_gd.ui.panels.starts_study import StartsFound, computation, other_loss, settings_of
from tui_gd.ui.studies import Study

_ELSEWHERE = {"half-way": "stop half-way", "stuck": "are stuck", "diverged": "diverge"}
"""What the starts that reach no minimum do, by the name of their basin."""


def counts_in_words(
    result: StartsResult,
    room: int,
    symbols: Symbols,
    *,
    about: str = "",
    keys: str = "",
    goal: str = "the bottom",
) -> str:
    """Return how many starts reach the goal, in the longest sentence that fits.

    `about` precedes it, with the `keys` that change it, and outlasts the learning rate.
    """
    count, reached = len(result.losses), int(result.good.sum())
    name, rate = result.loss_name, f"α {result.learning_rate:g}"
    done = f"{result.done}"
    if result.done < result.epochs:
        done = f"{result.done} of {result.epochs}"
    lead = f"{about}: " if about else ""
    changed = f"{about} ({keys}): " if about else ""
    ends = ", ".join(
        [
            f"{reached} of {count} reach {goal}",
            *(
                f"{number} {_ELSEWHERE[basin.name]}"
                for basin, number in zip(result.basins, result.counts.tolist(), strict=True)
                if number and basin.name in _ELSEWHERE
            ),
        ]
    )
    forms = (
        f"{changed}{name}, {rate}: {ends} after {done} epochs",
        f"{lead}{name}, {rate}: {ends}",
        f"{lead}{name}, {rate}: {reached} of {count} reach {goal} in {done} epochs",
        f"{lead}{name}, {rate}: {reached} of {count} reach {goal}",
        f"{lead}{name}, {rate}: {reached} of {count} reach it",
        f"{lead}{name} {rate}: {reached}/{count} reach it",
        f"{lead}{name}: {reached}/{count} reach it",
        f"{lead}{name}: {reached}/{count}",
        f"{name}: {reached}/{count}",
        f"{reached}/{count}",
    )
    return fitting(forms, room, symbols)


def end_in_words(
    result: StartsResult, start: int, room: int, symbols: Symbols, *, where: str, hint: str = ""
) -> str:
    """Return where one start ends, in as many words as fit; `where` names the start."""
    end = "diverged"
    if np.isfinite(result.losses[start]):
        basin = result.basins[result.basin[start]]
        end = f"{result.loss_name} {result.losses[start]:.5g}, {basin.name}"
    longer = end
    if np.isfinite(result.accuracy[start]):
        longer = f"{end}, accuracy {result.accuracy[start]:.3f}"
    forms = (f"{where}: {longer} {hint}".rstrip(), f"{where}: {longer}", f"{where}: {end}", where)
    return fitting(forms, room, symbols)


def ends_in_words(result: StartsResult, style: Style) -> str:
    """Return how many starts end in each basin, with the basins' signs."""
    return "  ".join(
        f"{sign_of(result.basins, place, style)[0]} {count} {basin.name}"
        for place, (count, basin) in enumerate(
            zip(result.counts.tolist(), result.basins, strict=True)
        )
        if count
    )


def table_of(result: StartsResult) -> list[str]:
    """Return every start's end with all digits, separated by tabs, the best first."""
    lines = [
        f"{len(result.losses)} starts, spread {result.spread!r}, {result.optimizer},"
        f" {result.loss_name}, alpha {result.learning_rate!r}, after {result.done} epochs:"
        f" {int(result.good.sum())} good",
        "start\tfinal loss\tbasin\tgood\taccuracy\tloss at the start\tweights at the start",
    ]
    for start in result.order.tolist():
        fields = (
            f"{start + 1}",
            repr(float(result.losses[start])),
            result.basins[result.basin[start]].name,
            "yes" if result.good[start] else "no",
            repr(float(result.accuracy[start])),
            repr(float(result.begin_losses[start])),
            " ".join(map(repr, result.begin[start].tolist())),
        )
        lines.append("\t".join(fields))
    return lines


def sign_of(basins: tuple[Basin, ...], place: int, style: Style) -> tuple[str, Colour]:
    """Return a basin's sign and colour; the last basin, of diverged starts, has a cross."""
    palette, symbols = style.palette, style.symbols
    if place == len(basins) - 1:
        return "×", palette.error
    first = next((index for index, basin in enumerate(basins) if basin.good), -1)
    if place == first:
        return symbols.point(place), palette.good
    # the lanes' third colour is green, which here means good
    others = [colour for index, colour in enumerate(palette.lanes) if index != 2]
    return symbols.point(place), others[(place + (place < first)) % len(others)]


def stacks_of(result: StartsResult, style: Style) -> list[Stack]:
    """Return each basin's part of the bars."""
    return [
        Stack(
            style.symbols.spell(basin.name),
            result.losses[result.basin == place],
            *sign_of(result.basins, place, style),
        )
        for place, basin in enumerate(result.basins)
    ]


def fitting(forms: tuple[str, ...], room: int, symbols: Symbols) -> str:
    """Return the first form that fits, in the terminal's characters; else cut the last one."""
    found = first_fitting([symbols.spell(form) for form in forms], room)
    return fit(found, max(room, 0), symbols.plain)


SPREADS = (1.0, 5.0, 20.0)
# on a surface, the spread is a multiple of its limits; little is visible outside of them
SURFACE_SPREADS = (1.0, 2.0, 5.0)
_WHERE = "where they start"
_TERRAIN_FROM, _TERRAIN_ROWS = 70, 8
_HISTOGRAM_ROWS, _HISTOGRAM_COLUMNS = 4, 24
# rows at which a histogram gets ticks, and at which each one gets labels
_TICKED_ROWS, _LABELLED_ROWS = 6, 12
# columns that the histogram's title cannot use: those of box and numbers, or of the box alone
_MARGIN, _BARE_MARGIN = 8, 4


class StartsPanel(Panel):
    """Draws the final losses of random starts, and where they began, by where they end.

    The upper histogram is for the loss of the run, the lower one for another loss from the same
    starts. Moving in the panel chooses the spread of the starts. The cursor stands at one start,
    from the best to the worst; confirming it starts the run there.
    """

    NAME: ClassVar[str] = "starts"
    PLACE: ClassVar[int] = 3

    _found: StartsFound | None

    def __init__(self) -> None:
        super().__init__()
        self._spread = 0
        self._rank = 0
        self._picture = (0, 0)

    @property
    def action(self) -> str:
        """The action that shows the panel."""
        return self.NAME

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the histograms and the landscape next to them; if too small, only the counts."""
        self._picture = (rows, columns)
        losses = 2 if other_loss(view.problem.task, view.snapshot.lane.loss_name) else 1
        if self._found is None:
            heading = self.heading(view, "Many starts")
            return draw_words(Canvas(rows, columns, view.style, heading), [self._coming(view)])
        if rows < _HISTOGRAM_ROWS * losses or columns < _HISTOGRAM_COLUMNS:
            return self._counts(view, rows, columns)
        cells = Cells.blank(rows, columns, view.style)
        left = self._left()
        top = 0
        for index in range(losses):
            height = (rows - top) // (losses - index)
            cells.paste(top, 0, self._histogram(view, index, losses, height, left))
            top += height
        if left < columns:
            cells.paste(0, left, self._terrain(view, rows, columns - left))
        return cells

    def study(self, view: View) -> Study:
        """Return the study of all starts, which descend as the current lane does."""
        settings, spread = settings_of(view), self._chosen_spread(view)
        key = (self.NAME, view.problem, settings, spread)
        return Study(key, computation(view, settings, spread))

    def take(self, key: tuple[object, ...], result: Any) -> None:
        """Take where the starts end."""
        self._found = result
        self._rank = min(self._rank, len(result.results[0].losses) - 1)

    def hints(self, view: View) -> tuple[Hint, ...]:
        """Return the keys of the cursor, or of the panel."""
        if self.cursor_on:
            return (
                Hint((), "start", 2, keys="← →"),
                Hint((), "group of ends", 4, "group", keys="↑ ↓"),
                Hint(("cursor",), "take this start", 1),
                LEAVE,
            )
        return (
            run_hint(view),
            Hint(("move(-1)", "move(1)"), "wider starts, narrower", 2, "spread"),
            Hint(("cursor",), "choose a start", 3, "start"),
            Hint(("copy",), "copy all digits", 4, "copy"),
        )

    def move(self, by: int, view: View) -> None:
        """Choose the next larger spread, or the one before."""
        self._spread = (self._spread + by) % len(self._spreads(view))

    @staticmethod
    def _spreads(view: View) -> tuple[float, ...]:
        return SURFACE_SPREADS if view.problem.surface else SPREADS

    def _chosen_spread(self, view: View) -> float:
        return self._spreads(view)[self._spread]

    # The cursor

    def begin_cursor(self, view: View) -> bool:
        """Put the cursor at the best start in the basin where the most bad starts end."""
        if self._found is None:
            return False
        own = self._found.results[0]
        missed = np.bincount(own.basin[~own.good], minlength=len(own.basins))
        where = np.flatnonzero(own.basin[own.order] == missed.argmax())
        self._rank = int(where[0]) if missed.any() else 0
        self.cursor_on = True
        return True

    def move_cursor(self, across: int, down: int, view: View) -> None:
        """Go to the next start by final loss; up and down jump to the next group of ends."""
        if self._found is None:
            return
        own = self._found.results[0]
        last = len(own.losses) - 1
        if across:
            self._rank = min(max(self._rank + across, 0), last)
        elif down:
            ends = own.basin[own.order]
            rank = self._rank
            while 0 <= rank + down <= last and ends[rank + down] == ends[self._rank]:
                rank += down
            self._rank = min(max(rank + down, 0), last)

    def confirm(self, view: View) -> Command | None:
        """Let the current lane start at the chosen start."""
        start = self._start()
        if start is None or self._found is None:
            return None
        weights = self._found.results[0].begin[start]
        if len(weights) != view.predictor.model.parameters:  # of another problem
            return None
        return SetStart(tuple(weights.tolist()))

    def click_at(self, x: int, y: int, view: View) -> Command | None:
        """Put the cursor at the start nearest to a place of the landscape."""
        found, left = self._found, self._left()
        rows, columns = self._picture
        if found is None or found.terrain is None or left >= columns:
            return None
        axes, limits = found.terrain.axes(columns - left), np.array(found.terrain.limits)
        at = place_at(geometry(rows, columns - left, axes), axes, x - left, y)
        if at is not None:
            size = limits[1::2] - limits[::2]
            own = found.results[0]
            away = ((found.terrain.plane.project(own.begin) - at) / size)[own.order]
            self._rank = int(np.vecdot(away, away).argmin())
            self.cursor_on = True
        return None

    def _start(self) -> int | None:
        """Return the number of the start at the cursor."""
        if self._found is None or not self.cursor_on:
            return None
        return int(self._found.results[0].order[self._rank])

    # Pictures

    def _left(self) -> int:
        """Return the columns of the histograms: all of them if the landscape does not fit."""
        rows, columns = self._picture
        flat = self._found is not None and self._found.results[0].begin.shape[1] < 2
        if self._found is None or flat or columns < _TERRAIN_FROM or rows < _TERRAIN_ROWS:
            return columns
        return max(46, columns * 11 // 20)

    @property
    def _results(self) -> tuple[StartsResult, ...]:
        """Where the starts end on each loss, as far as that is known."""
        return self._found.results if self._found else ()

    def _title(self, view: View, index: int, room: int) -> str:
        """Return the counts of a loss, or where the start at the cursor ends."""
        symbols, start = view.style.symbols, self._start()
        if index >= len(self._results):
            other = other_loss(view.problem.task, view.snapshot.lane.loss_name)
            return fitting((f"{other} follows", str(other)), room, symbols)
        result = self._results[index]
        if start is not None and start < len(result.losses):
            where = "the same start"
            if index == 0:
                where = f"start {self._rank + 1} of {len(result.losses)}"
            hint = "" if index else f"({view.keys.of('cursor')}: start there)"
            return end_in_words(result, start, room, symbols, where=where, hint=hint)
        about = "" if index else self._about(view)
        goal, surface = "the bottom", view.problem.surface
        if surface is not None:
            goal = "a global minimum" if surface.minima else "the lowest value found"
        keys = view.keys.moving
        return counts_in_words(result, room, symbols, about=about, keys=keys, goal=goal)

    def _about(self, view: View) -> str:
        """Return the spread shown, and the chosen one if its result is not there yet."""
        chosen = self._chosen_spread(view)
        shown = self._results[0].spread if self._results else chosen
        return f"spread {shown:g}" if shown == chosen else f"spread {shown:g} → {chosen:g}"

    def _histogram(self, view: View, index: int, losses: int, rows: int, columns: int) -> Cells:
        style, results = view.style, self._results
        margin = _MARGIN if rows >= _TICKED_ROWS else _BARE_MARGIN
        margin += 0 if index else 2 * self.focused + width(view.keys.of(self.action)) + 1
        title = self._title(view, index, columns - margin)
        heading = Heading(title) if index else self.heading(view, title)
        canvas = Canvas(rows, columns, style, heading)
        if index >= len(results):
            return draw_words(canvas, [])
        result = results[index]
        if result.basins[:-1] != GAINED:
            return draw_tally(canvas, stacks_of(result, style))
        scales = loss_scales([(one.losses, one.reference) for one in results])
        stacks = [stacks_of(one, style) for one in results]
        most = max(
            tallest(columns - _MARGIN, stack, scale)
            for stack, scale in zip(stacks, scales, strict=True)
        )
        start, task = self._start(), view.problem.task
        unit = "" if task == "surface" else f", {make_loss(result.loss_name, task).unit}"
        after = f", after {result.done} epochs"
        forms = tuple(f"final {result.loss_name}{more}" for more in (unit + after, unit, ""))
        meaning = fitting(forms, columns - 2 * _MARGIN, style.symbols)
        labelled = index == losses - 1 or rows >= _LABELLED_ROWS
        labels = (meaning, "starts") if labelled else ()
        return draw_histogram(
            canvas,
            stacks[index],
            Axes(scales[index], Scale(0.0, max(most, 1)), *labels),
            None if start is None else float(result.losses[start]),
        )

    def _terrain(self, view: View, rows: int, columns: int) -> Cells:
        style = view.style
        terrain, start = self._found.terrain if self._found else None, self._start()
        if terrain is None:
            return draw_words(Canvas(rows, columns, view.style, Heading(_WHERE)), [])
        own = self._results[0]
        at = terrain.plane.project(own.begin)
        signs = [sign_of(own.basins, i, style) for i in range(len(own.basins))]
        # the small groups lie on top of the large ones
        order = np.argsort(-own.counts, kind="stable").tolist()
        return draw_landscape(
            Canvas(rows, columns, style, Heading(self._where(own, columns - _MARGIN, style))),
            Heights(
                terrain.values,
                terrain.axes(columns),
                minima(view),
                groups=[Group(at[own.basin == place], *signs[place]) for place in order],
            ),
            Descent(),
            None if start is None else (float(at[start, 0]), float(at[start, 1])),
        )

    @staticmethod
    def _where(own: StartsResult, room: int, style: Style) -> str:
        """Return the landscape's title, with the signs of all basins that some start ends in."""
        signs = ", ".join(
            f"{sign_of(own.basins, place, style)[0]} {basin.name}"
            for place, basin in enumerate(own.basins)
            if own.counts[place]
        )
        forms = (
            f"{_WHERE} on {own.loss_name}: {signs}",
            f"{_WHERE}: {signs}",
            f"starts: {signs}",
            signs,
            _WHERE,
        )
        return fitting(forms, room, style.symbols)

    def _counts(self, view: View, rows: int, columns: int) -> Cells:
        """Return the counts in words only."""
        room = max(columns - BORDER - 1, 0)
        lines = [self._title(view, index, room) for index in range(len(self._results))]
        if rows - BORDER >= 2 * len(lines):
            ends = [ends_in_words(one, view.style) for one in self._results]
            lines = [line for pair in zip(lines, ends, strict=True) for line in pair]
        heading = self.heading(view, f"Many starts, {self._about(view)}")
        canvas = Canvas(rows, columns, view.style, heading)
        return draw_words(canvas, lines, view.style.palette.text)

    def numbers(self, view: View) -> list[str]:
        """Return every start's end on every loss, from the best to the worst of each."""
        lines = [line for result in self._results for line in table_of(result)]
        return lines or [self._coming(view)]

    def summary(self, view: View) -> list[str]:
        """Return one line per loss: how many starts end in each basin."""
        style = view.style
        return [
            f"{counts_in_words(result, 200, style.symbols)}: {ends_in_words(result, style)}"
            for result in self._results
        ]

    def _coming(self, view: View) -> str:
        lane, spread = view.snapshot.lane, self._chosen_spread(view)
        return f"{STARTS} random starts of spread {spread:g} descend on {lane.loss_name}"
