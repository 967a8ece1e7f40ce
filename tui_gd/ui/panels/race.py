"""The race panel: which learning rate, or which optimizer, ends lowest from here."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import numpy as np

from tui_gd.insight.race import Contender, RaceResult, rates_around, rounded
from tui_gd.learning.models import Floats
from tui_gd.learning.optimizers import OPTIMIZERS
from tui_gd.plots.axes import BORDER, Canvas, Frame, draw_box, draw_words
from tui_gd.plots.cells import Cells, first_fitting, width
from tui_gd.plots.curves import Curve
from tui_gd.plots.race import Field, draw_contenders, draw_race
from tui_gd.plots.table import Table, draw_table
from tui_gd.session.commands import Branch, Command, SetLearningRate
from tui_gd.session.settings import DECADES, DECADES_EACH, RATES, RATES_EACH, RunSettings
from tui_gd.session.verdict import has_diverged
from tui_gd.ui.panels.panel import LEAVE, Hint, Panel, View
from tui_gd.ui.panels.readings import shown
from tui_gd.ui.studies import Progress, Study

_HEADER = ("", "optimizer", "best α", "train", "test", "within 1 %", "")
_NONE = "-"
_DIGITS = 5
# the digits of a loss at the cursor, where there is room and where there is less
_CURSOR_DIGITS = (5, 3, 2)
_ROOMY = 64


def contender_curves(result: RaceResult, view: View, chosen: int) -> list[Curve]:
    """Return every optimizer's train and test curve, the chosen optimizer's on top.

    The table's numbers are the names of the training curves.
    """
    curves = []
    order = [chosen, *(i for i in range(len(result.contenders)) if i != chosen)]
    for number in order:
        one = result.contenders[number]
        full, dimmed = view.style.palette.lane(number)
        train, test = (f"{one.optimizer} train", result.held_out) if number == chosen else ("", "")
        for label, values, dashed in ((train, one.train, False), (test, one.test, True)):
            # the compared curves must be visible on any projector, so test curves of others stay
            # behind
            colour = dimmed if dashed and number != chosen else full
            name = "" if dashed else str(number + 1)
            curves.append(
                Curve(label, 0, 1, values, values, colour, dimmed, "", dashed=dashed, name=name)
            )
    return curves


def optimizer_table(result: RaceResult, view: View, chosen: int, rows: int, columns: int) -> Cells:
    """Return a numbered row for each optimizer, with its best rate and how it ended."""
    palette, spell = view.style.palette, view.style.symbols.spell
    body = [
        [spell(text) for text in _row(result, number, one)]
        for number, one in enumerate(result.contenders)
    ]
    return draw_table(
        rows,
        columns,
        Table(
            [spell(result.held_out if text == "test" else text) for text in _HEADER],
            body,
            align=(">", "<", ">", ">", ">", ">", "<"),
            highlight={(number, 0): palette.lane(number)[0] for number in range(len(body))},
            gap=2 if columns >= _ROOMY else 1,
        ),
        view.style,
        selected=chosen,
    )


def _row(result: RaceResult, number: int, one: Contender) -> list[str]:
    """Return an optimizer's cells of the table."""
    if one.lane is None:
        return [str(number + 1), one.optimizer, *[_NONE] * 4, "all diverged"]
    notes = ["best"] if one.lane == result.best else []
    if edge := result.edge(one.lane):
        notes.append(edge)
    elif result.cliff(one.lane) is not None:
        notes.append("next diverges")
    return [
        str(number + 1),
        one.optimizer,
        f"{one.rate:.4g}",
        shown(one.train_loss, _DIGITS),
        shown(one.test_loss, _DIGITS),
        f"{one.near}",
        ", ".join(notes),
    ]


Mode = Literal["rates", "optimizers"]
MOST_EPOCHS = 1000
WIDTHS = (1.0, DECADES, 6.0)
"""The powers of ten that a race of learning rates may span."""
# with fewer rows, a plot above the table of optimizers shows nothing
_FEWEST_PLOT_ROWS = 8


@dataclass(frozen=True, eq=False)
class _Start:
    """Where a race begins: the weights at an epoch of the run on this data, around this rate."""

    data: tuple[object, ...]
    epoch: int
    rate: float
    weights: Floats
    key: bytes


@dataclass(frozen=True, eq=False)
class _Held:
    """A race, and where it began."""

    mode: Mode
    epoch: int
    result: RaceResult


def _notes(result: RaceResult) -> tuple[str, ...]:
    """Return the rate to take and the reason, the longest form first."""
    best, advised = result.best, result.advised
    if best is None or advised is None:
        return ("", "")
    take = rounded(result.rates[advised])
    if edge := result.edge(advised):
        return (
            f"{take} is {edge}: a better one may lie beyond; race around it",
            f"{take} is {edge}: race around it",
            edge,
        )
    if beyond := result.beyond(best):
        jump = f"above {rounded(result.rates[best])} the loss jumps"
        if best == advised:
            return f"{jump}: {beyond}", jump
        return f"take {take}: {jump}: {beyond}", f"take {take}: {jump}", f"take {take}"
    rows = "train" if result.best_test is None or advised == best else result.held_out
    return f"take {take}, the best on {rows} rows", f"take {take}"


class RacePanel(Panel):
    """Draws the final loss over the learning rates, or the optimizers' losses by epoch.

    A race begins at the weights that are viewed when it starts, and keeps them while the run goes
    on. A change of data, loss or optimizer starts it again. Every optimizer appears with the best
    of its own rates, because one rate for all would make the comparison unfair.
    """

    NAME: ClassVar[str] = "race"
    PLACE: ClassVar[int] = 3

    _found: _Held | None

    def __init__(self) -> None:
        super().__init__()
        self.mode: Mode = "rates"
        self._start: _Start | None = None
        self._wanted_key: tuple[object, ...] = ()
        self._place = 0
        self._width = WIDTHS.index(DECADES)
        self._chosen = 0
        self._drawn: Frame | None = None
        self._table_top = 0

    @property
    def action(self) -> str:
        """The action that starts the race that is shown."""
        return f"race('{self._found.mode if self._found else self.mode}')"

    def forget(self) -> None:
        """Forget what was found about a problem, because the run has moved to another one."""
        super().forget()
        self._found_key: tuple[object, ...] = ()

    def start(self, mode: Mode, view: View) -> int:
        """Let a race begin at the weights being viewed, around their learning rate.

        If the cursor is at a rate of a race, the new race begins around that rate. From the weights
        of a lane that has diverged, no loss comes down again; the race then begins at the lane's
        first weights. Returns the epoch of the weights where it begins.
        """
        lane, epoch, weights = view.snapshot.lane, view.snapshot.epoch, view.snapshot.lane.weights
        if has_diverged(view.snapshot):
            epoch, weights = int(lane.path_epochs[0]), lane.path[0]
        weights, rate = weights.copy(), lane.learning_rate
        if self.cursor_on and mode == self.mode == "rates" and self._found:
            rate = float(self._found.result.rates[self._place])
            self.end_cursor()
        self.mode = mode
        self._start = _Start(view.settings.data, epoch, rate, weights, weights.tobytes())
        return epoch

    def study(self, view: View) -> Study:
        """Return the race."""
        known, of_run = self._start, (view.settings.data, len(view.snapshot.lane.weights))
        if known is None or (known.data, len(known.weights)) != of_run:
            self.start(self.mode, view)
        assert self._start is not None
        start, problem = self._start, view.problem
        settings, held = self._settings(view, start), partial(_Held, self.mode, start.epoch)

        def compute(progress: Progress) -> _Held:
            result = settings.race(
                problem,
                start.weights,
                wanted=lambda: progress.wanted,
                show=lambda part: progress.show(held(part)),
            )
            return held(result)

        self._wanted_key = ("race", self.mode, settings, start.epoch, start.key)
        return Study(self._wanted_key, compute)

    def _settings(self, view: View, start: _Start) -> RunSettings:
        lane = view.snapshot.lane
        if self.mode == "rates":
            count, decades, names = RATES, WIDTHS[self._width], [lane.optimizer.name]
        else:
            count, decades, names = RATES_EACH, DECADES_EACH, list(OPTIMIZERS)
        return view.settings.of_race(
            rates_around(start.rate, count, decades).tolist(),
            names,
            loss=lane.loss_name,
            epochs=min(max(view.settings.epochs, 1), MOST_EPOCHS),
        )

    def take(self, key: tuple[object, ...], result: _Held) -> None:
        """Take the state of a race; the choice made in the race before stays."""
        self._found, self._found_key = result, key
        self._place = min(self._place, len(result.result.rates) - 1)
        self._chosen = min(self._chosen, len(result.result.contenders) - 1)

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the picture of the last race, even while the next one goes on."""
        held = self._found
        self._drawn = None
        if held is None:
            canvas = Canvas(rows, columns, view.style, self.heading(view, "Race"))
            return draw_words(canvas, ["racing …"])
        if held.mode == "optimizers":
            return self._draw_optimizers(held, view, rows, columns)
        result = held.result
        short = "" if result.best is None else f"{len(result.rates)} rates"
        heading = self.heading(view, self._title(held, view), short=short)
        if self.cursor_on:
            room = columns - BORDER - 2 * (1 + self.focused) - width(view.keys.of(self.action)) - 1
            forms = [self._about(result, self._place, digits) for digits in _CURSOR_DIGITS]
            heading = self.heading(view, first_fitting(forms, room))
        self._drawn = draw_race(
            Canvas(rows, columns, view.style, heading),
            Field(
                result.rates,
                result.train,
                result.diverged >= 0,
                result.ended_higher,
                result.begin,
                result.best,
                result.test,
                result.best_test,
                result.held_out,
            ),
            view.snapshot.lane.learning_rate,
            self._place if self.cursor_on else None,
            tuple(view.style.symbols.spell(note) for note in _notes(result)),
        )
        return self._drawn.cells

    def _title(self, held: _Held, view: View) -> str:
        result = held.result
        what = f"{len(result.rates)} learning rates"
        if held.mode == "optimizers":
            what = f"{len(result.contenders)} optimizers"
        current = self._found_key == self._wanted_key
        if held.mode == "rates" and current and (result.diverged >= 0).all():
            lower, again = (view.keys.of(key) for key in ("learning_rate(-1)", "race('rates')"))
            return f"All {what} diverged: press {lower}, then {again}"
        title = f"{what}, {result.epochs} epochs each from epoch {held.epoch}"
        if result.done < result.epochs:
            title += f", {result.done} done"
        if not current:
            title += ", racing anew …"
        return title

    @staticmethod
    def _about(result: RaceResult, lane: int, digits: int) -> str:
        """Return a rate, and how it ended, with this many digits."""
        rate = f"α {result.rates[lane]:.{digits + 1}g}"
        if result.diverged[lane] >= 0:
            return f"{rate} diverged after epoch {result.diverged[lane]}"
        higher = " ↑" if result.ended_higher[lane] else ""
        losses = f"{rate}, train {result.train[lane]:.{digits}g}{higher}"
        if np.isnan(result.test[lane]):
            return losses
        return f"{losses}, {result.held_out} {result.test[lane]:.{digits}g}"

    def _draw_optimizers(self, held: _Held, view: View, rows: int, columns: int) -> Cells:
        """Return the curves with the table below, or only the table if there are too few rows."""
        style, result = view.style, held.result
        count = len(result.contenders) + 1
        title = self._title(held, view)
        plot_rows = rows - count
        if plot_rows < _FEWEST_PLOT_ROWS:
            self._table_top = 1
            inner = Cells.blank(rows - BORDER, columns - BORDER, style)
            room = rows - BORDER, columns - BORDER - 1
            inner.paste(0, 1, optimizer_table(result, view, self._chosen, *room))
            return draw_box(Canvas(rows, columns, style, self.heading(view, title)), inner)
        self._table_top = plot_rows
        curves, heading = contender_curves(result, view, self._chosen), self.heading(view, title)
        canvas = Canvas(plot_rows, columns, style, heading)
        plot = draw_contenders(canvas, curves, result.epochs)
        table = optimizer_table(result, view, self._chosen, count, columns - 1)
        cells = Cells.blank(rows, columns, style)
        cells.paste(0, 0, plot)
        cells.paste(plot_rows, 1, table)
        return cells

    def numbers(self, view: View) -> list[str]:
        """Return the whole table of the race."""
        held = self._found
        if held is None:
            return []
        result, current = held.result, view.snapshot.lane.learning_rate
        lines = [f"{self._title(held, view)}, start loss {result.begin!r}"]
        if held.mode == "optimizers":
            lines.append("optimizer\tbest alpha\ttrain loss\ttest loss\twithin 1 % at epoch")
            lines += [
                f"{one.optimizer}\t{one.rate!r}\t{one.train_loss!r}\t{one.test_loss!r}\t{one.near}"
                for one in result.contenders
            ]
        lines.append("alpha\toptimizer\ttrain loss\ttest loss\tnote")
        for lane, name in enumerate(result.optimizers):
            losses = f"{result.train[lane].item()!r}\t{result.test[lane].item()!r}"
            note = result.note(lane, current)
            lines.append(f"{result.rates[lane].item()!r}\t{name}\t{losses}\t{note}".rstrip())
        return lines

    def move(self, by: int, view: View) -> None:
        """Choose the next or previous optimizer; for learning rates, a wider or narrower range."""
        if self._found and self._found.mode == "optimizers":
            self._chosen = (self._chosen + by) % len(self._found.result.contenders)
        elif self._found:
            self._width = (self._width + by) % len(WIDTHS)

    def hints(self, view: View) -> tuple[Hint, ...]:
        """Return the keys of the race that is shown."""
        held = self._found
        if held is None:
            return ()
        if held.mode == "optimizers":
            return (
                Hint(("move(-1)", "move(1)"), "optimizer", 1),
                Hint(("cursor",), "branch with it", 2, "branch"),
                Hint(("copy",), "copy all digits", 3, "copy"),
            )
        if not self.cursor_on:
            wide = f"{WIDTHS[self._width]:g} powers of ten wide"
            return (
                Hint(("cursor",), "choose a rate", 1, "choose"),
                Hint(("move(-1)", "move(1)"), wide, 2, "width"),
                Hint((self.action,), "race from here", 3, "again"),
                Hint(("copy",), "copy all digits", 4, "copy"),
            )
        rate = rounded(float(held.result.rates[self._place]))
        return (
            Hint((), "move", 2, keys="← →"),
            Hint(("cursor",), f"take α {rate}", 1),
            Hint((self.action,), f"race around {rate}", 3, "around it"),
            LEAVE,
        )

    def begin_cursor(self, view: View) -> bool:
        """Put the cursor at the advised rate; without a race there is none."""
        if self._found is None:
            return False
        result = self._found.result
        advised = result.advised
        self._place = len(result.rates) // 2 if advised is None else advised
        self.cursor_on = True
        return True

    def move_cursor(self, across: int, down: int, view: View) -> None:
        """Move the cursor to the next rate, or choose an optimizer."""
        if self._found and self._found.mode == "optimizers":
            self.move(down or across, view)
        elif self._found:
            self._place = max(0, min(self._place + across, len(self._found.result.rates) - 1))

    def confirm(self, view: View) -> Command | None:
        """Return the command that takes the rate at the cursor, or the chosen optimizer's lane."""
        if self._found is None:
            return None
        result = self._found.result
        if self._found.mode == "optimizers":
            best = result.contenders[self._chosen]
            if best.lane is None:  # all of its rates diverged
                return None
            return Branch(optimizer=best.optimizer, learning_rate=best.rate)
        return SetLearningRate(float(result.rates[self._place]))

    def click_at(self, x: int, y: int, view: View) -> Command | None:
        """Move the cursor to the clicked rate, or choose the clicked optimizer."""
        if self._found is None:
            return None
        if self._found.mode == "optimizers":
            row = y - self._table_top - 1
            if 0 <= row < len(self._found.result.contenders):
                self._chosen = row
        elif self._drawn is not None and self._drawn.columns:
            places = self._drawn.x.position(self._found.result.rates, self._drawn.columns)
            self._place = int(np.argmin(np.abs(places - (x - self._drawn.left))))
            self.cursor_on = True
        return None
