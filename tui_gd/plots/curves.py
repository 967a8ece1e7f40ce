"""Curves over the epochs, one a lane, on a linear or logarithmic axis, with the viewed epoch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tui_gd.plots.axes import GRID, Axes, Canvas, Frame, LegendEntry, draw_rule, frame
from tui_gd.plots.cells import BRAILLE, SPACE, pack, paint_spans, per_cell, width
from tui_gd.plots.palette import Colour, bold
from tui_gd.plots.scale import Scale, is_wide, log_ticks, nice_limits
from tui_gd.plots.symbols import CURVE, CURVE_DASHED

_FAINT = "."
"""A cell of a background curve without braille."""
_NAME_CELLS = 3
"""The end of the curve shows only the first letter of a longer name."""
_ENTRY_CELLS = 3
"""An entry of a legend takes at least this many cells: a sample, and two blanks."""
_MOST_FAINT = 16
"""With more curves than this only averages are drawn: raw curves would hide each other."""
_MOST_STRETCHED = 5.0
"""A mark makes a linear axis at most this many times as long as the curves need."""
_PLACES = 12
"""How many places along a curve are tried for its name."""


@dataclass(frozen=True)
class Curve:
    """A curve kept as the least and greatest value of each bucket of epochs.

    Bucket i covers epochs [start + i·width, start + (i + 1)·width); the last one ends at ``stop``.
    ``low`` and ``high`` have one number per bucket; NaN and inf make gaps. With ``width`` 1 they
    are the same array, and the curve is a line through the points.
    """

    label: str
    start: int
    width: int
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    colour: Colour
    dimmed: Colour
    """The colour after the viewed epoch."""
    shown: str
    """The value at the viewed epoch, for the legend."""
    stop: int | None = None
    """One past the last epoch; ``None``: all buckets are full."""
    dashed: bool = False
    """Drawn dashed, or with another sign without braille: for terminals without enough colours."""
    name: str = ""
    """Written at the end of the curve, for terminals without enough colours."""
    early: "Curve | None" = None
    """The same curve in narrower buckets, drawn instead of it up to where one of its own begins."""

    @property
    def end(self) -> int:
        """One past the last epoch."""
        full = self.start + self.width * len(self.low)
        return full if self.stop is None else min(self.stop, full)


@dataclass(frozen=True)
class Buckets:
    """Curves over the same epochs, stacked so that all lanes cost one pass."""

    index: NDArray[np.intp]
    """The numbers of these curves."""
    start: int
    width: int
    stop: int
    low: NDArray[np.float64]
    """Shape (curves, buckets); NaN where nothing is drawn."""
    high: NDArray[np.float64]
    least: float
    greatest: float
    """Limits of the drawn values; inf and −inf if there are none."""


@dataclass(frozen=True)
class Mark:
    """A guess: a sign of its own among the curves, with its value and a label beside it."""

    epoch: int
    value: float
    label: str


@dataclass(frozen=True)
class EpochView:
    """Which epochs are shown, and how."""

    epoch: int
    """The viewed epoch: marked on every curve; later epochs are dimmed."""
    first: int = 0
    last: int | None = None
    """``None``: the end of the longest curve."""
    log: bool | None = None
    """Whether the axis is logarithmic, where values ≤ 0 make gaps; ``None``: if they need it."""
    log_epochs: bool = False
    smooth: int = 0
    """Draw the moving average over this many epochs (odd) on every curve. The curve itself is
    faint: dimmed, dotted in mono, points in plain; with very many curves it is left out."""
    cursor: int | None = None
    """The epoch of a vertical line."""
    x_label: str = "epoch"
    notes: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    """Written to the right of the label, for a linear and for a logarithmic axis: what fits."""
    marks: tuple[Mark, ...] = ()
    """The last one has its label beside it."""


def draw_curves(canvas: Canvas, curves: Sequence[Curve], view: EpochView) -> Frame:
    """Return a picture of the curves over the epochs, and where they are drawn in it.

    The first curve is on top. If there are epochs after the viewed one, a thin line marks it.
    Values that are not finite make gaps. The limits follow from the drawn values alone. For a
    legend see `curve_legend`.
    """
    lines = tuple(reversed(curves))
    newest = max((curve.end - 1 for curve in curves), default=0)
    last = max(newest, view.epoch, 1) if view.last is None else view.last
    groups, log = _groups(lines, view, last)
    x = (EpochScale if view.log_epochs else Scale)(
        float(view.first), float(max(last, view.first + 1))
    )
    low = min((group.least for group in groups), default=np.inf)
    high = max((group.greatest for group in groups), default=-np.inf)
    if newest <= view.first and low >= 0 and not log:
        low = 0.0  # one epoch alone does not tell what heights its neighbours need
    low, high = _with_marks(low, high, log, view)
    y = Scale(*nice_limits(low, high, log), log)
    drawn = frame(canvas, Axes(x, y, view.x_label, notes=view.notes[log], grid=True))
    if drawn.rows and drawn.columns:
        _, places = drawn.dots
        viewed = int(x.bins(view.epoch, places)) if view.epoch <= last else places
        ruled = view.epoch < newest and 0 <= viewed < places
        _draw_curves(drawn, lines, groups, viewed=viewed, ruled=ruled, faint=view.smooth > 0)
        if view.cursor is not None:
            column = int(drawn.x.bins(view.cursor, drawn.columns))
            draw_rule(drawn, column, drawn.style.palette.cursor)
        _mark(drawn, lines, groups, view.epoch)
        for mark in view.marks:
            _put_guess(drawn, mark, labelled=mark is view.marks[-1])
    return drawn


def _with_marks(low: float, high: float, log: bool, view: EpochView) -> tuple[float, float]:
    """Return limits that contain the marks, but for those that would flatten the curves."""
    if not low <= high:
        return low, high
    for mark in view.marks:
        value = mark.value
        if log:
            near = 0.0 < low * 1e-2 <= value <= high * 1e2
        else:
            least, greatest = min(low, value), max(high, value)
            near = greatest - least <= _MOST_STRETCHED * (high - low)
        if near:
            low, high = min(low, value), max(high, value)
    return low, high


def _put_guess(drawn: Frame, mark: Mark, *, labelled: bool) -> None:
    """Put a mark's sign, or at the edge an arrow to where it lies, and its label if it has room."""
    symbols, cells = drawn.style.symbols, drawn.cells
    across = int(drawn.x.bins(mark.epoch, drawn.columns))
    if across < 0:
        return
    above = mark.value > drawn.y.high
    place = drawn.rows - 1 if above else int(drawn.y.bins(mark.value, drawn.rows))
    sign = symbols.spell("↑" if above else "↓") if above or place < 0 else symbols.guess
    row = drawn.top + drawn.rows - 1 - max(place, 0)
    colour = bold(drawn.style.palette.focus)
    cells.put(row, drawn.left + across, sign, colour)
    if not labelled:
        return
    value = f"{mark.value:.4g}".replace("-", "−")
    for text in (symbols.spell(f"{mark.label} {value}"), symbols.spell(value)):
        room = width(text)
        starts = [at for at in (across + 2, across - 1 - room) if 0 <= at <= drawn.columns - room]
        lines = [line for line in (row, row - 1, row + 1) if 0 <= line - drawn.top < drawn.rows]
        places = [(line, drawn.left + at) for line in lines for at in starts]
        free = [
            (line, at)
            for line, at in places
            if np.isin(cells.code[line, at : at + room], (SPACE, GRID)).all()
        ]
        if places:
            cells.put(*(free or places)[0], text, colour)
            return


def _groups(curves: Sequence[Curve], view: EpochView, last: int) -> tuple[list[Buckets], bool]:
    """Return the curves in groups, and whether their values are on a logarithmic axis.

    They need one if they span more than a linear axis can show; zeros do not count.
    """
    epochs = (view.first, last, view.smooth)
    if view.log:
        return buckets_of(curves, True, *epochs), True
    groups = buckets_of(curves, False, *epochs)
    least = min((group.least for group in groups), default=0.0)
    if view.log is not None or least < 0.0:
        return groups, False
    positive = groups if least > 0.0 else buckets_of(curves, True, *epochs)
    ends = [(group.least, group.greatest) for group in positive if group.least <= group.greatest]
    log = is_wide(np.array(ends))
    return (positive if log else groups), log


def curve_legend(curves: Sequence[Curve], canvas: Canvas) -> tuple[LegendEntry, ...]:
    """Return an entry for each curve, with its value if there is room; () if not all fit."""
    if _ENTRY_CELLS * len(curves) > canvas.columns:
        return ()
    symbols = canvas.style.symbols
    samples = [symbols.dashed if curve.dashed else symbols.solid for curve in curves]
    colours = [curve.colour for curve in curves]
    names = [curve.label for curve in curves]
    values = [f"{curve.label} {symbols.spell(curve.shown)}".rstrip() for curve in curves]
    for texts, signs in ((values, samples), (names, [one[:1] for one in samples])):
        entries = tuple(zip(texts, signs, colours, strict=True))
        if canvas.with_legend(entries).legend_fits:
            return entries
    return ()


def _draw_curves(
    drawn: Frame,
    curves: Sequence[Curve],
    groups: Sequence[Buckets],
    *,
    viewed: int,
    ruled: bool,
    faint: bool,
) -> None:
    """Paint all curves into one array of dots; each dot holds the number of the topmost layer.

    With ``faint`` the curves are in the background, and their averages follow them.
    """
    palette, symbols = drawn.style.palette, drawn.style.symbols
    if faint and len(curves) > _MOST_FAINT:
        groups = [group for group in groups if group.index[0] >= len(curves)]
    shape = drawn.dots
    owner = np.zeros(shape, np.int16)
    # layer 1 is the line at the viewed epoch; the dimmed curves follow, then the curves
    if ruled:
        owner[::2, viewed] = 1
    lines = [*curves, *curves] if faint else curves
    behind = len(curves) if faint else 0
    if lines:
        low, high = spans(groups, len(lines), drawn)
        number = np.arange(len(lines), dtype=np.int16)[:, None]
        after = np.arange(shape[1]) > viewed
        if palette.depth == "mono":
            low[:, after & (np.arange(shape[1]) % 3 > 0)] = shape[0]
            low[:behind, 1::2] = shape[0]
        shared = _shared(low[-2:], high[-2:], lines, drawn)
        if not symbols.plain:  # without braille the sign itself differs
            dashed = np.array([curve.dashed for curve in lines])
            low[np.ix_(dashed, np.arange(shape[1]) % 6 >= 4)] = shape[0]
        layer = 2 + number + np.where(after, 0, len(lines)).astype(np.int16)
        paint_spans(owner, low, high, layer)
    top = per_cell(owner, symbols)
    here = top > 0
    dimmed = [curve.dimmed for curve in lines]
    bright = [*dimmed[:behind], *(curve.colour for curve in lines[behind:])]
    colours = np.array([palette.background, palette.faint, *dimmed, *bright], np.int32)
    area = drawn.area
    if symbols.plain:
        signs = [CURVE_DASHED if curve.dashed else CURVE for curve in lines]
        signs[:behind] = [_FAINT] * behind
        glyphs = [ord(sign) for sign in (" ", symbols.vertical, *signs, *signs)]
        drawn.cells.code[area][here] = np.array(glyphs, np.uint32)[top[here]]
    else:
        drawn.cells.code[area][here] = pack(owner > 0)[here] + BRAILLE
    drawn.cells.fg[area][here] = colours[top[here]]
    if lines and shared is not None:
        beyond = np.arange(drawn.columns) > viewed // symbols.dots[1]
        both = np.where(beyond, palette.train_dimmed, palette.dim)
        at = shared & (top > len(lines) + 1)
        at |= shared & beyond & (top > 1)
        drawn.cells.fg[area][at] = np.broadcast_to(both, at.shape)[at]
    if any(curve.name for curve in curves):
        _name(drawn, lines[behind:], low[behind:], high[behind:])


def _name(
    drawn: Frame, curves: Sequence[Curve], low: NDArray[np.intp], high: NDArray[np.intp]
) -> None:
    """Write every curve's name after its end, or on the curve before it if that place is taken.

    ``low`` and ``high`` are its spans of dots. The last curve is named first; a curve that is
    covered there gets no name.
    """
    down, across = drawn.style.symbols.dots
    names = [curve.name if width(curve.name) <= _NAME_CELLS else curve.name[0] for curve in curves]
    sizes = np.array([width(name) for name in names])[:, None]
    drawn_at = low <= high
    ends = low.shape[1] - 1 - np.argmax(drawn_at[:, ::-1], axis=1)[:, None]
    # with a blank cell between two names
    at = ends // across + 1 - np.arange(_PLACES) * (sizes + 1)
    dot = np.clip(at * across, 0, ends)
    line = np.arange(len(curves))[:, None]
    free = drawn_at[line, dot] & (at >= 0) & (at + sizes <= drawn.columns) & (sizes > 0)
    row = (low[line, dot] + high[line, dot]) // 2 // down
    wide = drawn.columns + _NAME_CELLS + 1
    taken = bytearray(drawn.rows * wide)
    places = zip(row.tolist(), at.tolist(), free.tolist(), strict=True)
    named = list(zip(names, sizes.ravel().tolist(), curves, places, strict=True))
    for name, size, curve, tried in reversed(named):
        for down_at, across_at, good in zip(*tried, strict=True):
            begin = down_at * wide + across_at
            if good and taken.find(1, begin, begin + size + 1) < 0:
                taken[begin : begin + size + 1] = b"\1" * (size + 1)
                drawn.cells.put(drawn.top + down_at, drawn.left + across_at, name, curve.colour)
                break


def _shared(
    low: NDArray[np.intp], high: NDArray[np.intp], curves: Sequence[Curve], drawn: Frame
) -> NDArray[np.bool_] | None:
    """Return the cells that both of the upper two curves cross, if one of them is dashed.

    ``low`` and ``high`` are the spans of dots of these two.
    """
    if len(curves) < 2 or not curves[-2].dashed or curves[-1].dashed:
        return None
    here = np.ones((drawn.rows, drawn.columns), np.bool_)
    for one in (0, 1):
        owner = np.zeros(drawn.dots, np.int16)
        paint_spans(owner, low[[one]], high[[one]], np.ones_like(low[[one]], np.int16))
        here &= per_cell(owner, drawn.style.symbols) > 0
    return here


def _mark(drawn: Frame, curves: Sequence[Curve], groups: Sequence[Buckets], epoch: int) -> None:
    """Mark the viewed epoch on every curve; the last curve's mark is on top."""
    column = int(drawn.x.bins(epoch, drawn.columns))
    if column < 0:
        return
    numbers, places = [], []
    for group in groups:
        if group.index[0] >= len(curves):
            continue  # an average is not the value at this epoch
        at = (epoch - group.start) // group.width
        if not 0 <= at < group.low.shape[1] or epoch >= group.stop:
            continue
        middle = group.low[:, at] + (group.high[:, at] - group.low[:, at]) / 2
        numbers.append(group.index)
        places.append(drawn.y.bins(middle, drawn.rows))
    if not numbers:
        return
    index, place = np.concatenate(numbers), np.concatenate(places)
    order = np.argsort(index, kind="stable")
    order = order[place[order] >= 0]
    at_row, at_column = drawn.top + drawn.rows - 1 - place[order], drawn.left + column
    drawn.cells.code[at_row, at_column] = ord(drawn.style.symbols.now)
    drawn.cells.fg[at_row, at_column] = [curves[one].colour for one in index[order].tolist()]


@dataclass(frozen=True)
class EpochScale(Scale):
    """A logarithmic axis of epochs that includes epoch 0: position ~ log10(epoch + 1).

    ``low`` ≥ 0 and ``high`` are epochs.
    """

    log: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError for limits that are not finite, not rising, or below 0."""
        Scale(self.low + 1, self.high + 1, log=True)

    def position(self, values: ArrayLike, n: int) -> NDArray[np.float64]:
        """Return positions in bins; NaN for values that are not finite or not above −1."""
        return Scale(self.low + 1, self.high + 1, log=True).position(np.add(values, 1.0), n)

    def centres(self, n: int) -> NDArray[np.float64]:
        """Return the values at the centres of ``n`` bins, rising."""
        found: NDArray[np.float64] = Scale(self.low + 1, self.high + 1, log=True).centres(n) - 1
        return found

    def ticks(self, n: int) -> tuple[float, ...]:
        """Return 0, if the axis includes it, and at most ``n`` − 1 ticks 1-2-5 · 10ᵏ above it."""
        if n <= 0:
            return ()
        zero = (0.0,) if self.low <= 0 else ()
        low = max(self.low, 1.0)
        return (*zero, *(log_ticks(low, self.high, n - len(zero)) if self.high > low else ()))


def smoothed(values: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Return the centred moving average: the mean of the finite values within ± ``half`` places.

    It runs along the last axis and keeps the shape; near the ends it averages fewer values, and it
    is NaN where none is finite. No sum is a difference of larger sums, so a spike leaves no
    rounding error behind.
    """
    count, length = values.shape[-1], 2 * half + 1
    if half < 1 or not count:
        return np.where(np.isfinite(values), values, np.nan)
    finite = np.isfinite(values)
    sums = _moving_sums(np.where(finite, values, 0.0), length)
    if finite.all():
        at = np.arange(count)
        counts = np.minimum(at + half, count - 1) - np.maximum(at - half, 0) + 1.0
    else:
        counts = _moving_sums(finite.astype(np.float64), length)
    means = np.full(values.shape, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _moving_sums(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Return the sums of ``length`` (odd) values around each, zeros beyond the ends.

    The values are cut into blocks of ``length``; each sum is the end of one block plus the
    beginning of the next.
    """
    *lanes, count = values.shape
    blocks = -(-(count + length - 1) // length)
    padded = np.zeros((*lanes, blocks * length))
    padded[..., length // 2 : length // 2 + count] = values
    cut = padded.reshape(*lanes, blocks, length)
    ends = np.cumsum(cut[..., ::-1], axis=-1)[..., ::-1]
    ends[..., 0] = 0.0
    beginnings = np.cumsum(cut, axis=-1).reshape(padded.shape)
    sums: NDArray[np.float64] = ends.reshape(padded.shape)[..., :count].copy()
    sums += beginnings[..., length - 1 : length - 1 + count]
    return sums


def middles(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the midpoints; NaN where an end is not finite."""
    good = np.isfinite(low) & np.isfinite(high)
    return np.where(good, low, np.nan) / 2 + np.where(good, high, np.nan) / 2


def bridged(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    width: int,
    stop: int,
    beside: Sequence[tuple[int, float]] = (),
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both with empty buckets before ``stop`` filled by straight lines.

    ``low`` and ``high`` (buckets,) hold ``width`` epochs a bucket; ``stop`` counts epochs from the
    first one. Before ``stop`` the record is thinned, so an empty bucket is no gap of the curve.
    ``beside`` has (epoch, value) of the recorded neighbours before and after, counted likewise.
    Buckets without a neighbour on both sides stay empty.
    """
    early = low[: -(-stop // width)] if stop > 0 else low[:0]
    if not early.size or not np.isnan(early.min()):
        return low, high
    finite = np.isfinite(low) & np.isfinite(high)
    missing = np.flatnonzero(~finite[: len(early)])
    outside = [((epoch - (width - 1) / 2) / width, value) for epoch, value in beside]
    before = [one for one in outside if one[0] < 0]
    after = [one for one in outside if one[0] >= 0]
    known = np.flatnonzero(finite)
    places = np.array([*(at for at, _ in before), *known, *(at for at, _ in after)])

    def filled(ends: NDArray[np.float64]) -> NDArray[np.float64]:
        values = [*(value for _, value in before), *ends[known], *(value for _, value in after)]
        ends = ends.copy()
        if values:
            ends[missing] = np.interp(missing, places, values, left=np.nan, right=np.nan)
        return ends

    joined = filled(low)
    return joined, joined if high is low else filled(high)


def half_width(epochs: int, width: int) -> int:
    """Return how many buckets of ``width`` epochs on either side cover about ``epochs`` (odd)."""
    return max(0, round((epochs / width - 1) / 2))


def buckets_of(
    curves: Sequence[Curve],
    log: bool,
    first: float = -math.inf,
    last: float = math.inf,
    smooth: int = 0,
) -> list[Buckets]:
    """Return the curves grouped by their epochs, with NaN for all that cannot be drawn.

    Only buckets with epochs ``first`` to ``last`` are kept. With ``smooth`` (epochs, odd), groups
    of moving averages follow, numbered after all the curves.
    """
    alike: dict[tuple[int, int, int, int, int], dict[int, Curve]] = {}
    for index, curve in enumerate(curves):
        begin = curve.start
        if curve.early is not None and curve.early.end > begin:
            early, begin = curve.early, curve.early.end
            key = (early.start, early.width, early.end, len(early.low), early.start)
            alike.setdefault(key, {})[index] = early
        key = (curve.start, curve.width, curve.end, len(curve.low), begin)
        alike.setdefault(key, {})[index] = curve
    raw, averages = [], []
    for (start, bucket_width, end, count, place_of_first), members in alike.items():
        numbers = np.array(list(members), np.intp)
        low = np.array([one.low for one in members.values()], np.float64)
        high = low
        if any(one.high is not one.low for one in members.values()):
            high = np.array([one.high for one in members.values()], np.float64)
        begin = -(-(place_of_first - start) // bucket_width)
        begin = max(begin, int((first - start) // bucket_width) if first > start else 0)
        stop = int(min(count, (last - start) // bucket_width + 1)) if last < end else count
        if begin >= stop:
            continue
        place = (start + begin * bucket_width, bucket_width, min(end, start + stop * bucket_width))
        if smooth:
            middle = low if high is low else middles(low, high)
            mean = smoothed(middle, half_width(smooth, bucket_width))[:, begin:stop]
            averages.append(_drawable(numbers + len(curves), place, mean, mean, log))
        single = high is low
        low = low[:, begin:stop]
        high = low if single else high[:, begin:stop]
        raw.append(_drawable(numbers, place, low, high, log))
    return raw + averages


def _drawable(
    index: NDArray[np.intp],
    place: tuple[int, int, int],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    log: bool,
) -> Buckets:
    """Return buckets at a place, (start, width, stop), with NaN where a value cannot be drawn.

    If only one of low and high can be drawn, both become that one.
    """
    low_good, high_good = (np.isfinite(ends) for ends in (low, high))
    if log:
        low_good, high_good = low_good & (low > 0), high_good & (high > 0)
    if not (low_good.all() and high_good.all()):
        kept_low = np.where(low_good, low, np.where(high_good, high, np.nan))
        kept_high = np.where(high_good, high, np.where(low_good, low, np.nan))
        low, high = kept_low, kept_high
    drawable = low_good | high_good
    least = float(np.min(low, initial=np.inf, where=drawable))
    greatest = float(np.max(high, initial=-np.inf, where=drawable))
    return Buckets(index, *place, low, high, least, greatest)


def spans(
    groups: Sequence[Buckets], lines: int, drawn: Frame
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first and last dot row (from the top) of each curve in each dot column.

    Both have shape (lines, dot columns); an empty span begins below the last row of the plot.
    """
    n_rows, n_columns = drawn.dots
    first = np.full((lines, n_columns), n_rows, np.intp)
    last = np.full((lines, n_columns), -1, np.intp)
    for group in groups:
        low, high = _group_spans(group, drawn)
        here = ~np.isnan(low)
        rows = group.index
        upper = np.where(here, n_rows - 1 - np.where(here, high, 0), n_rows).astype(np.intp)
        lower = np.where(here, n_rows - 1 - np.where(here, low, 0), -1).astype(np.intp)
        # the early epochs of a curve may be in another group
        first[rows] = np.minimum(first[rows], upper)
        last[rows] = np.maximum(last[rows], lower)
    return first, last


def _group_spans(group: Buckets, drawn: Frame) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lowest and highest dot (from the bottom) per curve and column, NaN for none.

    A curve is two lines, through the lows and through the highs of its buckets. A column shows the
    buckets in it and the lines between its two edges, so neighbouring columns always touch.
    """
    n_rows, n_columns = drawn.dots
    begin = group.start + group.width * np.arange(group.low.shape[1], dtype=np.float64)
    end = np.minimum(begin + group.width, group.stop) - 1
    low_ends, high_ends, epoch = group.low, group.high, (begin + end) / 2
    if drawn.x.log and group.width > 1:  # the middle is not its central epoch
        epoch = np.stack([begin, end], axis=1).ravel()
        low_ends, high_ends = (np.repeat(ends, 2, axis=1) for ends in (low_ends, high_ends))
    buckets, single = low_ends.shape[1], group.high is group.low
    at = np.clip(drawn.x.position(epoch, n_columns), 0, n_columns - 1)

    def dot(values: NDArray[np.float64]) -> NDArray[np.float32]:
        at = drawn.y.position(values, n_rows).astype(np.float32)  # precise enough
        return np.clip(at, 0, n_rows - 1, out=at)

    # the buckets themselves
    column = np.rint(at).astype(np.intp)
    edges = np.flatnonzero(np.diff(column, prepend=-1))
    occupied = column[edges]
    shape = (len(low_ends), n_columns)
    low, high = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    low[:, occupied] = dot(np.fmin.reduceat(low_ends, edges, axis=1))
    if single and len(edges) == buckets:
        high[:, occupied] = low[:, occupied]
    else:
        high[:, occupied] = dot(np.fmax.reduceat(high_ends, edges, axis=1))
    if buckets == 1:
        return np.rint(low), np.rint(high)

    # the lines at the edges between columns; NaN beside a gap
    edge = np.arange(n_columns - 1) + 0.5
    segment = np.clip(np.searchsorted(at, edge, side="right") - 1, 0, buckets - 2)
    width = at[segment + 1] - at[segment]
    outside = (edge < at[0]) | (edge > at[-1]) | (width <= 0)
    share = np.where(outside, np.nan, (edge - at[segment]) / np.where(width > 0, width, 1))
    share = share.astype(np.float32)

    def crossing(values: NDArray[np.float64]) -> NDArray[np.float32]:
        left = dot(values.take(segment, axis=1))
        right = dot(values.take(segment + 1, axis=1))
        return left + (right - left) * share

    edge_low = crossing(low_ends)
    edge_high = edge_low if single else crossing(high_ends)
    between_low, between_high = low.copy(), high.copy()
    for side in (np.s_[:, :-1], np.s_[:, 1:]):
        between_low[side] = np.fmin(between_low[side], edge_low)
        between_high[side] = np.fmax(between_high[side], edge_high)
    # only dots whose centre the line passes, or a gentle slope would be two dots thick …
    inner_low, inner_high = np.ceil(between_low), np.floor(between_high)
    # … but a column that holds no such dot gets the nearest.
    none = inner_low > inner_high
    middle = np.where(np.isnan(low), np.rint((between_low + between_high) / 2), np.nan)
    inner_low = np.where(none, middle, inner_low)
    inner_high = np.where(none, middle, inner_high)
    return np.fmin(np.rint(low), inner_low), np.fmax(np.rint(high), inner_high)
