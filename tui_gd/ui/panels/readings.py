"""What the loss panel writes next to its curves: the legend and the list of lanes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui_gd.plots.cells import Cells, widest, width
from tui_gd.plots.curves import Curve, bridged
from tui_gd.plots.palette import Colour
from tui_gd.session.snapshot import LaneSnapshot, Reading
from tui_gd.training.series import Buckets
from tui_gd.ui.panels.lines import losses_in_words, number
from tui_gd.ui.panels.panel import View


@dataclass(frozen=True)
class Measure:
    """A measure over the epochs: its title, the label of one curve, and its value."""

    title: str
    label: str
    of: Callable[[Reading], float]


MEASURES = {
    "loss": Measure("Loss", "train", lambda reading: reading.train),
    "norm": Measure("Gradient norm", "‖g‖", lambda reading: reading.norm),
    "alpha": Measure("Learning rate α", "α", lambda reading: reading.learning_rate),
}


def lane_labels(lanes: Sequence[LaneSnapshot], measure: str) -> dict[int, str]:
    """Return each lane's name and what sets it apart (optimizer, α, loss), by its number."""
    columns = [
        [lane.optimizer.name for lane in lanes],
        [f"α {lane.learning_rate:g}" for lane in lanes] if measure != "alpha" else [],
        losses_in_words([lane.loss_name for lane in lanes]),
    ]
    differing = [column for column in columns if len(set(column)) > 1]
    labels = map(" ".join, zip([lane.name for lane in lanes], *differing, strict=True))
    return dict(zip([lane.number for lane in lanes], labels, strict=True))


def shown(value: float, digits: int) -> str:
    """Return a number with that many digits, zeros too so that it stays as wide; NaN is a dash."""
    return not_known(value) or number(value, digits)


def not_known(value: float) -> str:
    """Return a dash for NaN, nothing for a number."""
    return "-" if math.isnan(value) else ""


def reading_of(lane: LaneSnapshot, view: View, epoch: int | None) -> Reading:
    """Return a lane's exact numbers at an epoch, None for the viewed one; NaN: no record.

    They come from the lane's reading. If that is of another epoch, what its curves show comes from
    these, provided that they have one bucket for each epoch.
    """
    if epoch is None:
        rate, now = lane.learning_rate, view.snapshot.epoch
        losses = lane.loss, lane.test_loss
        return Reading(now, *losses, lane.gradient_norm, rate, lane.validation_loss)
    if lane.reading is not None and lane.reading.epoch == epoch:
        return lane.reading
    shown, nothing = _in_bucket(lane.train, epoch), (math.nan, math.nan)
    losses, norm, rate = {
        "loss": ((shown, _in_bucket(lane.test, epoch)), *nothing),
        "norm": (nothing, shown, math.nan),
        "alpha": (nothing, math.nan, shown),
    }[view.snapshot.look.measure]
    return Reading(epoch, *losses, norm, rate, _in_bucket(lane.validation, epoch))


def _in_bucket(buckets: Buckets | None, epoch: int) -> float:
    if buckets is None or buckets.width != 1:
        return math.nan
    at = epoch - buckets.first
    return float(buckets.low[at]) if 0 <= at < len(buckets.low) else math.nan


def curve_of(
    text: str,
    buckets: Buckets,
    value: str,
    colours: tuple[Colour, Colour],
    *,
    begin: int = 0,
    name: str = "",
    dashed: bool = False,
    early: Buckets | None = None,
) -> Curve:
    """Return a curve from epoch `begin` on, with its value as text and its `early` epochs."""
    head = None
    if early is not None and early.width < buckets.width and begin < early.stop:
        head = curve_of(text, early, value, colours, begin=begin)
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
        shown=value,
        stop=buckets.stop,
        dashed=dashed,
        name=name,
        early=head,
    )


def list_lanes(cells: Cells, curves: Sequence[Curve], view: View) -> None:
    """List the curves in the upper right of the plot, the part that losses leave free first.

    The border has room for one or two of them. If a value would take more than half of the width,
    the list has none. It takes at most half of the plot's rows, and its last line says how many
    lanes it leaves out.
    """
    symbols = view.style.symbols
    # of 64 lanes, most have no line
    listed = curves[: max(_list_rows(cells), 0)]
    samples = [symbols.dashed if curve.dashed else symbols.solid for curve in listed]
    values = [
        f"{sign} {one.label} {symbols.spell(one.shown)}"
        for sign, one in zip(samples, listed, strict=True)
    ]
    names = [f"{sign[:1]} {one.label}" for sign, one in zip(samples, listed, strict=True)]
    fits = widest(values) <= cells.shape[1] // 2
    colours = [curve.colour for curve in listed]
    lines = list(zip(values if fits else names, colours, strict=True))
    _write(cells, lines, view, beside=len(curves) - len(listed))


def list_readings(cells: Cells, view: View, current: Curve, epoch: int) -> None:
    """List the lanes as `list_lanes` does, in columns with their values at an epoch.

    The columns have as many digits as fit into two thirds of the panel.
    """
    measure = view.snapshot.look.measure
    now = view.snapshot.lane
    lanes = [now, *(lane for lane in view.lanes if lane is not now)]
    labels = lane_labels(lanes, measure)
    spell = view.style.symbols.spell
    names = [spell(labels[lane.number]) for lane in lanes]
    readings = [reading_of(lane, view, epoch) for lane in lanes]
    values = [(MEASURES[measure].of(one), one.test) for one in readings]
    colours = [current.colour, *(view.style.palette.lane(lane.number)[0] for lane in lanes[1:])]
    head = ("train", "test") if measure == "loss" else (spell(MEASURES[measure].label),)
    longest = widest(names)
    for digits, columns in ((8, len(head)), (5, len(head)), (4, 1)):
        rows = [[spell(shown(value, digits)) for value in row[:columns]] for row in values]
        widths = [widest(column) for column in zip(head, *rows, strict=False)]
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


def _list_rows(cells: Cells) -> int:
    """Return how many rows of a plot a list may take."""
    return (cells.shape[0] - 4) // 2


def _write(
    cells: Cells,
    lines: list[tuple[str, Colour]],
    view: View,
    *,
    heading: int = 0,
    beside: int = 0,
) -> None:
    """Write as many of the lines as fit, and how many are left out, `beside` others included."""
    room, columns = _list_rows(cells), cells.shape[1]
    if room < 1 + heading:
        return
    longest = widest([text for text, _ in lines])
    if longest + 3 > columns:
        return
    if len(lines) + beside > room:
        left_out = f"and {len(lines) + beside - room + 1} more lanes"
        lines = [*lines[: room - 1], (left_out, view.style.palette.dim)]
        longest = max(longest, width(left_out))
    for row, (text, colour) in enumerate(lines, 1):
        blank = " " * (longest - width(text) + 1)
        cells.put(row, columns - 3 - longest, f" {text}{blank}", colour)
