"""From buckets of epochs to spans of dots: which rows a curve covers in each column."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .scale import Scale, log_ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from .axes import Frame
    from .loss import Curve
    from .palette import Symbols


@dataclass(frozen=True)
class EpochScale(Scale):
    """A logarithmic axis of epochs, on which epoch 0 has a place: position ~ log10(epoch + 1).

    ``low`` ≥ 0 and ``high`` are epochs.
    """

    log: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError for limits that are not finite, not rising, or below 0."""
        Scale(self.low + 1, self.high + 1, log=True)

    def position(self, values: ArrayLike, n: int) -> NDArray[np.float64]:
        """Return positions in bins; NaN for what is not finite or not greater than −1."""
        return Scale(self.low + 1, self.high + 1, log=True).position(np.add(values, 1.0), n)

    def centres(self, n: int) -> NDArray[np.float64]:
        """Return the values at the centres of ``n`` bins, rising."""
        found: NDArray[np.float64] = Scale(self.low + 1, self.high + 1, log=True).centres(n) - 1
        return found

    def ticks(self, n: int) -> tuple[float, ...]:
        """Return 0, if it is on the axis, and at most ``n`` − 1 ticks 1-2-5 · 10ᵏ above it."""
        if n <= 0:
            return ()
        zero = (0.0,) if self.low <= 0 else ()
        low = max(self.low, 1.0)
        return (*zero, *(log_ticks(low, self.high, n - len(zero)) if self.high > low else ()))


def smoothed(values: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Return the centred moving average: mean of the finite values within ± ``half`` places.

    Along the last axis, shape as given; at the ends of fewer values; NaN where none is finite.
    No sum is a difference of larger sums, so that a spike leaves no error behind it.
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

    The values are cut into blocks of ``length``; what is summed is the end of one block and the
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
    """Return what lies halfway between; NaN where an end is not finite."""
    good = np.isfinite(low) & np.isfinite(high)
    return np.where(good, low, np.nan) / 2 + np.where(good, high, np.nan) / 2


def bridged(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    width: int,
    stop: int,
    beside: Sequence[tuple[int, float]] = (),
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both with straight lines where buckets before ``stop`` have nothing between others.

    ``low`` and ``high`` are (buckets,), of ``width`` epochs; ``stop`` is counted from the first of
    them. There only some epochs are on record, and the gaps between them are none of the curve's.
    ``beside`` are (epoch, value) of what is on record before and after, counted likewise. Where
    nothing comes before or after, nothing is put.
    """
    early = low[: max(0, -(-stop // width))]
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
    """Return how many buckets of ``width`` epochs to either side make about ``epochs`` (odd)."""
    return max(0, round((epochs / width - 1) / 2))


@dataclass(frozen=True)
class Buckets:
    """Curves over the same epochs, stacked, so that lanes cost one pass and not one each."""

    index: NDArray[np.intp]
    """Which curves these are."""
    start: int
    width: int
    stop: int
    low: NDArray[np.float64]
    """Shape (curves, buckets); NaN where nothing is to be drawn."""
    high: NDArray[np.float64]
    least: float
    greatest: float
    """Limits of what is drawn; inf and −inf if nothing is."""


def buckets_of(
    curves: Sequence[Curve],
    log: bool,
    first: float = -math.inf,
    last: float = math.inf,
    smooth: int = 0,
) -> list[Buckets]:
    """Return the curves grouped by their epochs, with everything undrawable made NaN.

    Of each the buckets with epochs ``first`` to ``last``. With ``smooth`` (epochs, odd) further
    groups follow, whose curves are the moving averages and numbered after all others.
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
    for (start, width, end, count, place_of_first), members in alike.items():
        numbers = np.array(list(members), np.intp)
        low = np.array([one.low for one in members.values()], np.float64)
        high = low
        if any(one.high is not one.low for one in members.values()):
            high = np.array([one.high for one in members.values()], np.float64)
        begin = -(-(place_of_first - start) // width)
        begin = max(begin, int((first - start) // width) if first > start else 0)
        stop = int(min(count, (last - start) // width + 1)) if last < end else count
        if begin >= stop:
            continue
        place = (start + begin * width, width, min(end, start + stop * width))
        if smooth:
            middle = low if high is low else middles(low, high)
            mean = smoothed(middle, half_width(smooth, width))[:, begin:stop]
            averages.append(_drawable(numbers + len(curves), *place, mean, mean, log))
        single = high is low
        low = low[:, begin:stop]
        high = low if single else high[:, begin:stop]
        raw.append(_drawable(numbers, *place, low, high, log))
    return raw + averages


def _drawable(
    index: NDArray[np.intp],
    start: int,
    width: int,
    stop: int,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    log: bool,
) -> Buckets:
    drawable = np.isfinite(low) & np.isfinite(high)
    if log:
        drawable &= low > 0
    if not drawable.all():
        low, high = _with_gaps(low, high, log)
        drawable = ~np.isnan(low)
    least = float(np.min(low, initial=np.inf, where=drawable))
    greatest = float(np.max(high, initial=-np.inf, where=drawable))
    return Buckets(index, start, width, stop, low, high, least, greatest)


def _with_gaps(
    low: NDArray[np.float64], high: NDArray[np.float64], log: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both with NaN for what cannot be drawn; of half a bucket the other half stays."""
    floor = 0.0 if log else -np.inf
    low_good = np.isfinite(low) & (low > floor)
    high_good = np.isfinite(high) & (high > floor)
    kept_low = np.where(low_good, low, np.where(high_good, high, np.nan))
    kept_high = np.where(high_good, high, np.where(low_good, low, np.nan))
    return kept_low, kept_high


def spans(
    groups: Sequence[Buckets], lines: int, drawn: Frame, symbols: Symbols
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return first and last dot row (from the top) of each curve in each dot column.

    Shape (lines, dot columns); an empty span has its first row below the last of the plot.
    """
    down, across = symbols.dots
    n_rows, n_columns = drawn.rows * down, drawn.columns * across
    first = np.full((lines, n_columns), n_rows, np.intp)
    last = np.full((lines, n_columns), -1, np.intp)
    for group in groups:
        low, high = _group_spans(group, drawn, n_rows, n_columns)
        here = ~np.isnan(low)
        rows = group.index
        upper = np.where(here, n_rows - 1 - np.where(here, high, 0), n_rows).astype(np.intp)
        lower = np.where(here, n_rows - 1 - np.where(here, low, 0), -1).astype(np.intp)
        # a curve may be in two groups, its early epochs in another one
        first[rows] = np.minimum(first[rows], upper)
        last[rows] = np.maximum(last[rows], lower)
    return first, last


def _group_spans(
    group: Buckets, drawn: Frame, n_rows: int, n_columns: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return lowest and highest dot (from the bottom) per curve and column, NaN for none.

    A curve is the two lines through its buckets' lows and highs. A column shows the buckets that
    lie in it, and the lines between its two edges, so that neighbouring columns always touch.
    """
    begin = group.start + group.width * np.arange(group.low.shape[1], dtype=np.float64)
    end = np.minimum(begin + group.width, group.stop) - 1
    low_ends, high_ends, epoch = group.low, group.high, (begin + end) / 2
    if drawn.x.log and group.width > 1:  # there a bucket may be wide, and its middle not central
        epoch = np.stack([begin, end], axis=1).ravel()
        low_ends, high_ends = (np.repeat(ends, 2, axis=1) for ends in (low_ends, high_ends))
    buckets, single = low_ends.shape[1], group.high is group.low
    at = np.clip(drawn.x.position(epoch, n_columns), 0, n_columns - 1)

    def dot(values: NDArray[np.float64]) -> NDArray[np.float32]:
        at = drawn.y.position(values, n_rows).astype(np.float32)  # dots need no more digits
        return np.clip(at, 0, n_rows - 1, out=at)

    # The buckets themselves.
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

    # The lines at the edges between columns; NaN beside a gap.
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
    # Only dots whose centre the line passes, or a gentle slope would be two dots thick …
    inner_low, inner_high = np.ceil(between_low), np.floor(between_high)
    # … but a column that holds no such dot gets the nearest.
    none = inner_low > inner_high
    middle = np.where(np.isnan(low), np.rint((between_low + between_high) / 2), np.nan)
    inner_low = np.where(none, middle, inner_low)
    inner_high = np.where(none, middle, inner_high)
    return np.fmin(np.rint(low), inner_low), np.fmax(np.rint(high), inner_high)
