"""What the loss panel says in numbers: its legend, the list of lanes, and all of it as text."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.plots.cells import Cells, width
from tui_gd.plots.colours import Colour
from tui_gd.plots.curves import Curve, bridged, half_width, middles, smoothed
from tui_gd.session.snapshot import LaneSnapshot
from tui_gd.training.buckets import Buckets
from tui_gd.ui.panels.panel import View

# The window of epochs that curves are drawn in: zoomed, moved along, and following a run.

SHORTEST = 4
"""The last epoch of a window is at least so many after the first."""
_STEPS = 8
"""A window that follows a run moves on by such a part of its length."""
_FARTHEST = 700.0
"""exp of more is no number."""


@dataclass(frozen=True, slots=True)
class Window:
    """Epochs `first` to `last`, both within; `following`: it moves on with the newest epoch."""

    first: int
    last: int
    following: bool = False

    @property
    def span(self) -> int:
        """How many epochs the last is after the first."""
        return self.last - self.first

    def share(self, epoch: float, *, log: bool) -> float:
        """Return where an epoch lies: 0 is the first, 1 the last; on an axis of log(epoch + 1)."""
        first, last = _place(self.first, log), _place(self.last, log)
        return (_place(epoch, log) - first) / (last - first)

    def at(self, share: float, *, log: bool) -> float:
        """Return the epoch that lies there."""
        first, last = _place(self.first, log), _place(self.last, log)
        place = first + share * (last - first)
        return math.expm1(min(place, _FARTHEST)) if log else place

    def beside(self, newest: int) -> "Window":
        """Return the window where it is now: by whole steps so far that `newest` lies within."""
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

    Within `whole`; None if that is all of it.
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
"""So many lines of numbers are made at most."""
_NONE = "-"


@dataclass(frozen=True)
class Measure:
    """What can be drawn over the epochs: its title, the label of one curve, its value now."""

    title: str
    label: str
    now: Callable[[LaneSnapshot], float]


MEASURES = {
    "loss": Measure("loss", "train", lambda lane: lane.loss),
    "norm": Measure("gradient norm", "‖g‖", lambda lane: lane.gradient_norm),
    "alpha": Measure("learning rate α", "α", lambda lane: lane.learning_rate),
}


def label(lane: LaneSnapshot, measure: str, *, differ: bool) -> str:
    """Return the lane's name and learning rate, and its loss where lanes have different ones."""
    rate = f" {lane.learning_rate:g}" if measure != "alpha" else ""
    return f"{lane.name}{rate}" + (f" {lane.loss_name}" if differ else "")


def shown(value: float, digits: int) -> str:
    """Return a number in so many digits, a dash for none."""
    return _NONE if math.isnan(value) else f"{value:.{digits}g}"


def at_epoch(lane: LaneSnapshot, measure: str, epoch: int) -> tuple[float, float]:
    """Return what the measure was exactly at an epoch: of the loss train and test; NaN: no record.

    From the lane's reading; from its curves, if that is of another epoch and they have one bucket
    for each.
    """
    reading = lane.reading
    if reading is None or reading.epoch != epoch:
        return _in_bucket(lane.train, epoch), _in_bucket(lane.test, epoch)
    if measure == "norm":
        return reading.norm, math.nan
    if measure == "alpha":
        return reading.learning_rate, math.nan
    return reading.train, reading.test


def _in_bucket(buckets: Buckets, epoch: int) -> float:
    at = epoch - buckets.first
    inside = buckets.width == 1 and 0 <= at < len(buckets.low)
    return float(buckets.low[at]) if inside else math.nan


def curve_of(
    text: str,
    buckets: Buckets,
    value: float,
    colours: tuple[Colour, Colour],
    *,
    digits: int,
    begin: int = 0,
    name: str = "",
    dashed: bool = False,
    early: Buckets | None = None,
) -> Curve:
    """Return a curve from epoch `begin` on, or from the bucket it lies in; its `early` epochs."""
    head = None
    if early is not None and early.width < buckets.width and begin < early.stop:
        head = curve_of(text, early, value, colours, digits=digits, begin=begin)
    low, high = bridged(
        buckets.low,
        buckets.high,
        buckets.width,
        buckets.dense_from - buckets.first,
        [(at - buckets.first, known) for at, known in buckets.beside],
    )
    skipped = max(0, min((begin - buckets.first) // buckets.width, len(low)))
    single, low = high is low, low[skipped:]
    high = low if single else high[skipped:]
    return Curve(
        label=text,
        start=buckets.first + skipped * buckets.width,
        width=buckets.width,
        low=low,
        high=high,
        colour=colours[0],
        dimmed=colours[1],
        shown=shown(value, digits),
        stop=buckets.stop,
        dashed=dashed,
        name=name,
        early=head,
    )


def lines_of(curves: Sequence[Curve], *, several: bool) -> list[tuple[str, bool, Colour]]:
    """Return text, whether it is dashed, and colour of each; with several lanes not the test's."""
    listed = [one for one in curves if not (several and one.label == "test" and not one.name)]
    return [(f"{one.label} {one.shown}", one.dashed, one.colour) for one in listed]


def list_lanes(cells: Cells, lines: list[tuple[str, bool, Colour]], view: View) -> None:
    """List the lanes in the upper right of the plot, which losses leave free first.

    The border has room for one or two of them. In at most half of the plot's rows; how many are
    left out stands in the last one.
    """
    symbols = view.style.symbols
    texts = [
        (f"{symbols.dashed if dashed else symbols.solid} {text}", colour)
        for text, dashed, colour in lines
    ]
    if max(width(text) for text, _ in texts) <= cells.shape[1] // 2:
        _write(cells, texts, view)


def list_readings(cells: Cells, view: View, current: Curve, epoch: int) -> None:
    """List the lanes as `list_lanes` does, with what they were at an epoch, in columns.

    In as many digits as there is room for in two thirds of the panel.
    """
    measure = view.snapshot.look.measure
    differ = len({lane.loss_name for lane in view.lanes}) > 1 and measure != "alpha"
    now = view.snapshot.lane
    lanes = [now, *(lane for lane in view.lanes if lane is not now)]
    names = [view.style.symbols.spell(label(lane, measure, differ=differ)) for lane in lanes]
    values = [at_epoch(lane, measure, epoch) for lane in lanes]
    colours = [current.colour, *(view.style.palette.lane(lane.number)[0] for lane in lanes[1:])]
    head = (
        ("train", "test")
        if measure == "loss"
        else (view.style.symbols.spell(MEASURES[measure].label),)
    )
    longest = max(map(width, names))
    for digits, columns in ((8, len(head)), (5, len(head)), (4, 1)):
        rows = [[shown(value, digits) for value in row[:columns]] for row in values]
        widths = [max(map(width, column)) for column in zip(head, *rows, strict=False)]
        texts = [(_row(" " * (longest + 3), head[:columns], widths), view.style.palette.dim)]
        texts += [
            (_row(f"{view.style.symbols.solid} {name:<{longest}}", row, widths), colour)
            for name, row, colour in zip(names, rows, colours, strict=True)
        ]
        if width(texts[0][0]) <= cells.shape[1] * 2 // 3:
            _write(cells, texts, view, heading=1)
            return


def _row(first: str, row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join([first, *(f"{word:>{w}}" for word, w in zip(row, widths, strict=False))])


def _write(cells: Cells, lines: list[tuple[str, Colour]], view: View, *, heading: int = 0) -> None:
    rows, columns = cells.shape
    room = (rows - 4) // 2
    if room < 1 + heading:
        return
    longest = max(width(text) for text, _ in lines)
    if len(lines) > room:
        left_out = f"and {len(lines) - room + 1} more lanes"
        lines = [*lines[: room - 1], (left_out, view.style.palette.dim)]
        longest = max(longest, width(left_out))
    for row, (text, colour) in enumerate(lines, 1):
        cells.put(row, columns - 2 - longest, text + " " * (longest - width(text)), colour)


# As text, with all digits


def numbers_of(view: View, window: Window, cursor: int | None, smooth: int) -> list[str]:
    """Return the numbers of all drawn lanes: at the cursor, or else now and as they are drawn.

    The curves epoch by epoch where a bucket is one epoch; otherwise the least and the greatest
    value of each bucket.
    """
    lanes, measure, epoch = view.lanes, view.snapshot.look.measure, view.snapshot.epoch
    heading = "epoch lane alpha train test norm loss"
    if cursor is not None:
        return [heading, *(_at_cursor(lane, measure, cursor) for lane in lanes)]
    lines = [heading]
    for lane in lanes:
        values = (lane.learning_rate, lane.loss, lane.test_loss, lane.gradient_norm)
        lines.append(f"{epoch} {lane.name} {_all_digits(values)} {lane.loss_name}")
    lines.append("")
    if smooth:
        lines.append("smoothed: the mean of train about each epoch, of fewer epochs at the ends")
    room = LONGEST - len(lines) - 2  # a title comes before them, and a heading
    exact = all(lane.train.width == 1 for lane in lanes)
    rows = [line for lane in lanes for line in _curve(lane, window, measure, smooth, exact=exact)]
    if len(rows) > room:
        rows[room - 1 :] = [f"and {len(rows) - room + 1} more lines"]
    return [*lines, _heading(measure, smooth, exact=exact), *rows]


def _at_cursor(lane: LaneSnapshot, measure: str, epoch: int) -> str:
    reading = lane.reading
    if reading is not None and reading.epoch == epoch:
        values = (reading.learning_rate, reading.train, reading.test, reading.norm)
    else:
        known = at_epoch(lane, measure, epoch)
        values = (
            known[0] if measure == "alpha" else math.nan,
            *(known if measure == "loss" else (math.nan, math.nan)),
            known[0] if measure == "norm" else math.nan,
        )
    return f"{epoch} {lane.name} {_all_digits(values)} {lane.loss_name}"


def _all_digits(values: Sequence[float]) -> str:
    return " ".join(_NONE if math.isnan(value) else repr(float(value)) for value in values)


def _columns(measure: str) -> tuple[str, ...]:
    return ("train", "test") if measure == "loss" else (measure,)


def _heading(measure: str, smooth: int, *, exact: bool) -> str:
    more = ["smoothed"] if smooth else []
    if exact:
        return " ".join(["epoch", "lane", *_columns(measure), *more])
    ends = [f"{name}_{end}" for name in _columns(measure) for end in ("least", "greatest")]
    return " ".join(["first", "last", "lane", *ends, *more])


def _curve(
    lane: LaneSnapshot, window: Window, measure: str, smooth: int, *, exact: bool
) -> list[str]:
    """Return a lane's curve within the window, a line for each bucket; `exact`: of one epoch."""
    buckets = lane.train
    size = len(buckets.low)
    firsts = buckets.first + buckets.width * np.arange(size)
    lasts = np.minimum(firsts + buckets.width, buckets.stop) - 1
    parts = [buckets.low, buckets.high]
    if measure == "loss":
        parts += [_padded(lane.test.low, size), _padded(lane.test.high, size)]
    if exact:
        parts = parts[::2]
    if smooth:
        middle = middles(buckets.low, buckets.high)
        parts.append(smoothed(middle, half_width(smooth, buckets.width)))
    inside = (lasts >= window.first) & (firsts <= window.last)
    inside &= (lasts >= buckets.dense_from) | ~np.isnan(buckets.low)  # what was thinned has no line
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
