"""The loss panel: losses, gradient norms or learning rates of every lane over the epochs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.plots.axes import Canvas, Frame
from tui_gd.plots.cells import Cells
from tui_gd.plots.curves import (
    Curve,
    EpochView,
    curve_legend,
    draw_curves,
    half_width,
    middles,
    smoothed,
)
from tui_gd.session.commands import LookAt
from tui_gd.session.snapshot import LaneSnapshot
from tui_gd.training.series import Buckets
from tui_gd.ui.panels.panel import LEAVE, ZOOM, Hint, Panel, View
from tui_gd.ui.panels.readings import (
    MEASURES,
    curve_of,
    lane_labels,
    list_lanes,
    list_readings,
    not_known,
    reading_of,
    shown,
)

SHORTEST = 4
"""The fewest epochs between the first and last epoch of a window."""
_STEPS = 8
"""A window that follows a run moves on by this share of its length."""
_FARTHEST = 700.0
"""exp overflows above this."""


@dataclass(frozen=True, slots=True)
class Window:
    """Epochs `first` to `last`, both included; if `following`, it moves with the newest epoch."""

    first: int
    last: int
    following: bool = False

    @property
    def span(self) -> int:
        """The epochs between first and last."""
        return self.last - self.first

    def share(self, epoch: float, *, log: bool) -> float:
        """Return an epoch's place, 0 to 1; `log`: on an axis of log(epoch + 1)."""
        first, last = _place(self.first, log), _place(self.last, log)
        return (_place(epoch, log) - first) / (last - first)

    def at(self, share: float, *, log: bool) -> float:
        """Return the epoch at a share of the axis."""
        first, last = _place(self.first, log), _place(self.last, log)
        place = first + share * (last - first)
        return math.expm1(min(place, _FARTHEST)) if log else place

    def beside(self, newest: int) -> "Window":
        """Return the window; if it follows the run, move it by whole steps to contain `newest`."""
        if not self.following or self.first <= newest <= self.last:
            return self
        step = max(1, self.span // _STEPS)
        beyond = newest - self.last if newest > self.last else newest - self.first
        by = math.ceil(beyond / step) * step if beyond > 0 else math.floor(beyond / step) * step
        first = max(0, self.first + by)
        return Window(first, first + self.span, following=True)


def zoomed(
    window: Window, factor: float, about: float, whole: Window, *, log: bool
) -> Window | None:
    """Return the window `factor` times narrower, in which epoch `about` stays where it is.

    It stays within `whole`; None if it is all of it.
    """
    part = window.share(about, log=log)
    ends = [window.at(part + (end - part) / factor, log=log) for end in (0.0, 1.0)]
    first, last = (round(min(max(end, whole.first), whole.last)) for end in ends)
    if last - first < SHORTEST:
        middle = min(max(first, round(about) - SHORTEST // 2), whole.last - SHORTEST)
        first = max(whole.first, middle)
        last = min(whole.last, first + SHORTEST)
    return _within(first, last, whole)


def moved(window: Window, share: float, whole: Window, *, log: bool) -> Window | None:
    """Return the window moved along the axis by a share of its length, within `whole`."""
    low, high = window.share(whole.first, log=log), window.share(whole.last, log=log)
    by = max(low, min(share, high - 1))
    ends = [window.at(end + by, log=log) for end in (0.0, 1.0)]
    first, last = (round(min(max(end, whole.first), whole.last)) for end in ends)
    if not log:  # rounding both ends must not change the length
        first = min(first, whole.last - window.span)
        last = first + window.span
    return _within(first, max(last, min(first + SHORTEST, whole.last)), whole)


def _within(first: int, last: int, whole: Window) -> Window | None:
    if first <= whole.first and last >= whole.last:
        return None
    return Window(first, last)


def _place(epoch: float, log: bool) -> float:
    return math.log1p(max(epoch, 0.0)) if log else epoch


LONGEST = 100_000
"""The most lines of numbers in a text."""
SMOOTHINGS = (0, 5, 21, 101)
"""Epochs of the moving average; 0 means none."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How the curves are drawn; a `window` of None means all epochs."""

    window: Window | None = None
    smooth: int = 0


class LossPanel(Panel):
    """Draws the curves of a measure; moving in it makes another lane the current one.

    The cursor stands at an epoch: the title names it, and the legend gives the exact numbers there.
    A snapshot contains what `wanted_look` asked for earlier; the panel keeps its picture until a
    snapshot contains what it wants now.
    """

    NAME: ClassVar[str] = "loss"
    CHOOSES_LANES = True

    def __init__(self) -> None:
        super().__init__()
        # None: the values decide
        self.log_axis: bool | None = None
        self.log_epochs = False
        self.measure = "loss"
        self._way = self._drawn_way = _Way()
        self._cursor = 0
        self._frame: Frame | None = None

    # The drawing

    def wanted_look(self, view: View) -> LookAt:
        """Return what the next snapshots should contain for the panel.

        It reaches beyond the window as far as the moving average does. For losses and norms, a
        negative first epoch counts from the newest.
        """
        window, beyond = self._way.window, self._way.smooth // 2
        cursor = min(self._cursor, view.snapshot.newest) if self.cursor_on else None
        first, last = 0, None
        if window is not None and window.following:
            first = -(window.span + 1 + beyond)
            if self.measure == "alpha":
                first = window.beside(view.snapshot.newest).first
        elif window is not None:
            first, last = max(0, window.first - beyond), window.last + beyond
        return LookAt(self.measure, first, last, cursor, early=self.log_epochs)

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the curves: the current lane's train and test, then the other lanes' train."""
        snapshot = view.snapshot
        if _answers(snapshot.look, self.wanted_look(view)):
            self._drawn_way = self._way
        window = self._window(self._drawn_way, view)
        cursor = self._cursor_epoch(view)
        curves = self._curves(view, cursor)
        several = len(view.lanes) > 1
        title = self._title(view, cursor)
        short = title if cursor is None else title.removeprefix(f"{MEASURES['loss'].title}, ")
        heading = self.heading(view, title, short=short)
        listed = several and cursor is not None
        canvas = Canvas(rows, columns, view.style, heading)
        legend = () if listed else curve_legend(curves, canvas)
        self._frame = draw_curves(
            canvas.with_legend(legend),
            curves,
            EpochView(
                snapshot.epoch,
                window.first,
                window.last,
                log=self.log_axis,
                log_epochs=self.log_epochs,
                smooth=self._drawn_way.smooth,
                cursor=cursor,
                x_label=self._x_label(snapshot.lane),
                notes=self._notes(view),
                marks=view.marks if snapshot.look.measure == "loss" else (),
            ),
        )
        cells = self._frame.cells
        if listed and cursor is not None:
            list_readings(cells, view, curves[0], cursor)
        elif not legend:
            list_lanes(cells, curves, view)
        return cells

    def toggle_log(self) -> None:
        """Switch the loss axis between linear and logarithmic."""
        drawn = self._frame is not None and self._frame.y.log
        self.log_axis = not drawn

    def _curves(self, view: View, cursor: int | None) -> list[Curve]:
        """Return the curves, topmost first: train and test of the current lane, then the others."""
        palette, measure = view.style.palette, view.snapshot.look.measure
        current, lanes = view.snapshot.lane, view.lanes
        several = len(lanes) > 1
        train = (palette.train, palette.train_dimmed)
        if several:
            train = palette.lane(current.number)
        digits = 4 if cursor is None else 8
        names, surface = lane_labels(lanes, measure), view.problem.surface is not None
        alone = "value" if surface and measure == "loss" else MEASURES[measure].label

        def main_curve(lane: LaneSnapshot, colours: tuple[int, int]) -> Curve:
            value = MEASURES[measure].of(reading_of(lane, view, cursor))
            return curve_of(
                view.style.symbols.spell(names[lane.number] if several else alone),
                lane.train,
                f"{value:g}" if measure == "alpha" else shown(value, digits),
                colours,
                begin=lane.branched_at if lane.parent is not None else 0,
                name=lane.name if several else "",
                early=early(lane, 0),
            )

        def early(lane: LaneSnapshot, which: int) -> Buckets | None:
            return lane.early[which] if lane.early and self.log_epochs else None

        curves = [main_curve(current, train)]
        if measure == "loss" and not surface:
            here, ink = reading_of(current, view, cursor), (palette.test, palette.test_dimmed)
            value, first = shown(here.test, digits), early(current, 1)
            curves.append(curve_of("test", current.test, value, ink, dashed=True, early=first))
            if (rows := current.validation) is not None:
                value, ink = shown(here.validation, digits), (palette.boundary, palette.dim)
                curves.append(curve_of("validation", rows, value, ink, dashed=True))
        others = [lane for lane in lanes if lane is not current]
        return curves + [main_curve(lane, palette.lane(lane.number)) for lane in others]

    def _title(self, view: View, cursor: int | None) -> str:
        """Return the measure, the window or the epoch at the cursor, and how it is drawn."""
        measure, way = view.snapshot.look.measure, self._drawn_way
        parts = [MEASURES[measure].title]
        if measure == "loss" and cursor is None and (best := view.snapshot.lane.best):
            parts.append(f"best epoch {best.epoch}")
        if cursor is not None:
            parts.append(f"epoch {cursor}")
        elif way.window is not None:
            window = self._window(way, view)
            parts.append(f"epochs {window.first} to {window.last}")
        if way.smooth:
            bucket = view.snapshot.lane.train.width
            over = (2 * half_width(way.smooth, bucket) + 1) * bucket
            parts.append(f"smoothed over {over}" if bucket == 1 else f"smoothed over about {over}")
        return ", ".join(parts)

    @staticmethod
    def _notes(view: View) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the scale of the values, and the keys that change it: linear, then logarithmic."""
        log, smooth = view.keys.of("log_axis"), f"{view.keys.of('smooth')} smooth"
        linear, logarithmic = f"{log} log", f"log, {log}: linear"
        return (f"{linear}  {smooth}", linear), (f"{logarithmic}  {smooth}", logarithmic, "log")

    def _x_label(self, lane: LaneSnapshot) -> str:
        if not self.log_epochs:
            return "epoch"
        bucket, early = lane.train.width, lane.early[0] if lane.early else None
        text = "epoch, as log(epoch + 1)" + (f", {bucket} at a time" if bucket > 1 else "")
        return f"{text} from {early.stop} on" if early and early.width < bucket else text

    @staticmethod
    def _whole(view: View) -> Window:
        return Window(0, max(view.snapshot.epochs, view.snapshot.newest, 1))

    def _window(self, way: _Way, view: View) -> Window:
        """Return the window of this way, or that of all epochs."""
        if way.window is None:
            return self._whole(view)
        return way.window.beside(view.snapshot.newest)

    def _cursor_epoch(self, view: View) -> int | None:
        """Return the epoch at which the cursor is drawn; its exact numbers are known."""
        if not self.cursor_on:
            return None
        lane = view.snapshot.lane
        wanted = min(self._cursor, view.snapshot.newest)
        if lane.train.width == 1 or lane.reading is None:
            return wanted
        return lane.reading.epoch

    def numbers(self, view: View) -> list[str]:
        """Return the numbers of every drawn lane: at the cursor, or of the curves as drawn."""
        cursor, window = self._cursor_epoch(view), self._window(self._drawn_way, view)
        smooth = self._drawn_way.smooth
        return [self._title(view, cursor), *numbers_of(view, window, cursor, smooth)]

    # The choice of what to draw

    def next_measure(self) -> None:
        """Switch from the loss to the gradient norm, and then to the learning rate."""
        names = list(MEASURES)
        self.measure = names[(names.index(self.measure) + 1) % len(names)]

    @property
    def smoothing(self) -> int:
        """The epochs of the moving average, 0 for none."""
        return self._way.smooth

    @smoothing.setter
    def smoothing(self, epochs: int) -> None:
        self._way = _Way(self._way.window, epochs if epochs in SMOOTHINGS else 0)

    def smooth(self) -> None:
        """Choose the next moving average, or none."""
        at = SMOOTHINGS.index(self._way.smooth) + 1
        self._way = _Way(self._way.window, SMOOTHINGS[at % len(SMOOTHINGS)])

    def zoom(self, factor: float, view: View) -> bool:
        """Zoom in (> 1) or out around the cursor, the viewed epoch or the newest."""
        snapshot, window = view.snapshot, self._window(self._way, view)
        about = self._cursor if self.cursor_on else snapshot.epoch
        if not window.first <= about <= window.last:
            about = min(max(snapshot.newest, window.first), window.last)
        self._choose(zoomed(window, factor, about, self._whole(view), log=self.log_epochs), view)
        return True

    def zoom_at(self, x: int, y: int, factor: float, view: View) -> bool:
        """Zoom around the epoch in column `x` of the panel."""
        window, about = self._window(self._way, view), self._epoch_at(x)
        if about is not None:
            whole = self._whole(view)
            self._choose(zoomed(window, factor, about, whole, log=self.log_epochs), view)
        return True

    def pan(self, share: float, view: View) -> bool:
        """Move the window by a share of its length; a positive share moves to later epochs."""
        if self.windowed:
            window = self._window(self._way, view)
            self._choose(moved(window, share, self._whole(view), log=self.log_epochs), view)
        return True

    @property
    def windowed(self) -> bool:
        """Whether only a part of the epochs is shown."""
        return self._way.window is not None

    def restore(self) -> bool:
        """Draw all epochs again; return whether a window was set."""
        before = self.windowed
        self._way = _Way(None, self._way.smooth)
        return before

    def _choose(self, window: Window | None, view: View) -> None:
        """Set a window; if it reaches the newest epoch, it follows the run."""
        if window is not None:
            following = window.first <= view.snapshot.newest <= window.last
            window = Window(window.first, window.last, following)
        self._way = _Way(window, self._way.smooth)

    # The cursor

    def hints(self, view: View) -> tuple[Hint, ...]:
        """Return the keys of the cursor."""
        if not self.cursor_on:
            return ()
        lanes = (Hint((), "lane", 4, keys="↑ ↓"),) if len(view.snapshot.lanes) > 1 else ()
        copy = Hint(("copy",), "copy all digits", 6, "copy")
        return (Hint((), "epoch", 2, keys="← →"), *lanes, ZOOM, copy, LEAVE)

    def begin_cursor(self, view: View) -> bool:
        """Put the cursor at the viewed epoch, or at the nearest drawn one."""
        window = self._window(self._way, view)
        self._put_cursor(min(max(view.snapshot.epoch, window.first), window.last), view)
        return True

    def click_at(self, x: int, y: int, view: View) -> None:
        """Put the cursor at the epoch in column `x` of the panel."""
        epoch = self._epoch_at(x)
        if epoch is not None:
            self._put_cursor(round(epoch), view)

    def _put_cursor(self, epoch: int, view: View) -> None:
        self._cursor = max(0, min(epoch, view.snapshot.newest))
        self.cursor_on = True

    def move_cursor(self, across: int, down: int, view: View) -> None:
        """Move the cursor by a column of the plot along the epochs; the screen chooses lanes.

        If the cursor leaves the window, the window moves with it.
        """
        if not across:
            return
        window, log = self._window(self._way, view), self.log_epochs
        columns = max(self._frame.columns if self._frame else 1, 1)
        beside = window.at(window.share(self._cursor, log=log) + across / columns, log=log)
        step = max(1, int(abs(beside - self._cursor)))
        self._put_cursor(self._cursor + across * step, view)
        if not window.first <= self._cursor <= window.last:
            self.pan(across / 4, view)

    def _epoch_at(self, x: int) -> float | None:
        """Return the epoch in a column of the panel, or in the plot's column nearest to it."""
        frame = self._frame
        if frame is None or not frame.columns:
            return None
        column = min(max(x - frame.left, 0), frame.columns - 1)
        return float(frame.x.centres(frame.columns)[column])


def _answers(look: LookAt, wanted: LookAt) -> bool:
    """Return whether the wanted curves are there; for learning rates also the ones before."""
    if (look.measure, look.last) != (wanted.measure, wanted.last):
        return False
    before = look.measure == "alpha" and look.last is None and look.first <= wanted.first
    return look.first == wanted.first or before


# The curves as lines of text with all digits


def numbers_of(view: View, window: Window, cursor: int | None, smooth: int) -> list[str]:
    """Return the numbers of all drawn lanes: at the cursor, or else now and as they are drawn.

    A bucket of one epoch gives the curves epoch by epoch; a longer one gives the least and the
    greatest value of each bucket.
    """
    lanes, measure = view.lanes, view.snapshot.look.measure
    validated = view.problem.validation_rows > 0
    lines = [f"epoch lane alpha train test norm loss{' validation' * validated}"]
    for lane in lanes:
        one = reading_of(lane, view, cursor)
        values = _all_digits((one.learning_rate, one.train, one.test, one.norm))
        line = f"{one.epoch} {lane.name} {values} {lane.loss_name}"
        lines.append(f"{line} {_all_digits([one.validation])}" if validated else line)
    if cursor is not None:
        return lines
    lines.append("")
    if smooth:
        lines.append("smoothed: the mean of train about each epoch, of fewer epochs at the ends")
    room = LONGEST - len(lines) - 2  # a title and a header come first
    exact = all(lane.train.width == 1 for lane in lanes)
    rows = [line for lane in lanes for line in _curve(lane, window, measure, smooth, exact=exact)]
    if len(rows) > room:
        rows[room - 1 :] = [f"and {len(rows) - room + 1} more lines"]
    return [*lines, _heading(lanes[0], measure, smooth, exact=exact), *rows]


def _all_digits(values: Sequence[float]) -> str:
    return " ".join(not_known(value) or repr(float(value)) for value in values)


def _columns(lane: LaneSnapshot, measure: str) -> tuple[str, ...]:
    if measure != "loss":
        return (measure,)
    return ("train", "test") if lane.validation is None else ("train", "test", "validation")


def _heading(lane: LaneSnapshot, measure: str, smooth: int, *, exact: bool) -> str:
    more = ["smoothed"] if smooth else []
    if exact:
        return " ".join(["epoch", "lane", *_columns(lane, measure), *more])
    ends = [f"{name}_{end}" for name in _columns(lane, measure) for end in ("least", "greatest")]
    return " ".join(["first", "last", "lane", *ends, *more])


def _curve(
    lane: LaneSnapshot, window: Window, measure: str, smooth: int, *, exact: bool
) -> list[str]:
    """Return a lane's curve within the window, line by line; `exact`: buckets of one epoch."""
    buckets = lane.train
    size = len(buckets.low)
    firsts = buckets.first + buckets.width * np.arange(size)
    lasts = np.minimum(firsts + buckets.width, buckets.stop) - 1
    curves = [buckets, lane.test, lane.validation] if measure == "loss" else [buckets]
    parts = [_padded(part, size) for one in curves if one for part in (one.low, one.high)]
    if exact:
        parts = parts[::2]
    if smooth:
        middle = middles(buckets.low, buckets.high)
        parts.append(smoothed(middle, half_width(smooth, buckets.width)))
    inside = (lasts >= window.first) & (firsts <= window.last)
    inside &= (lasts >= buckets.dense_from) | ~np.isnan(buckets.low)  # thinned epochs have no line
    columns = [part[inside].tolist() for part in parts]
    epochs = [firsts[inside].tolist(), *([] if exact else [lasts[inside].tolist()])]
    return [
        f"{' '.join(map(str, at))} {lane.name} {_all_digits(values)}"
        for at, values in zip(zip(*epochs, strict=True), zip(*columns, strict=True), strict=True)
    ]


def _padded(values: Floats, size: int) -> Floats:
    padded = np.full(size, np.nan)
    padded[: len(values)] = values[:size]
    return padded
