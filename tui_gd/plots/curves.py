"""From buckets of epochs to spans of dots: which rows a curve covers in each column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .axes import Frame
    from .loss import Curve
    from .palette import Symbols


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


def buckets_of(curves: Sequence[Curve], log: bool) -> list[Buckets]:
    """Return the curves grouped by their epochs, with everything undrawable made NaN."""
    alike: dict[tuple[int, int, int, int], list[int]] = {}
    for index, curve in enumerate(curves):
        key = (curve.start, curve.width, curve.end, len(curve.low))
        alike.setdefault(key, []).append(index)
    return [
        _stacked([curves[index] for index in members], members, log)
        for (_, _, _, count), members in alike.items()
        if count
    ]


def _stacked(curves: Sequence[Curve], index: Sequence[int], log: bool) -> Buckets:
    low = np.array([curve.low for curve in curves], np.float64)
    high = low
    if any(curve.high is not curve.low for curve in curves):
        high = np.array([curve.high for curve in curves], np.float64)
    drawable = np.isfinite(low) & np.isfinite(high)
    if log:
        drawable &= low > 0
    if not drawable.all():
        low, high = _with_gaps(low, high, log)
        drawable = ~np.isnan(low)
    least = float(np.min(low, initial=np.inf, where=drawable))
    greatest = float(np.max(high, initial=-np.inf, where=drawable))
    first = curves[0]
    return Buckets(
        np.array(index, np.intp), first.start, first.width, first.end, low, high, least, greatest
    )


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
        first[rows] = np.where(here, n_rows - 1 - np.where(here, high, 0), n_rows)
        last[rows] = np.where(here, n_rows - 1 - np.where(here, low, 0), -1)
    return first, last


def _group_spans(
    group: Buckets, drawn: Frame, n_rows: int, n_columns: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return lowest and highest dot (from the bottom) per curve and column, NaN for none.

    A curve is the two lines through its buckets' lows and highs. A column shows the buckets that
    lie in it, and the lines between its two edges, so that neighbouring columns always touch.
    """
    buckets = group.low.shape[1]
    epoch = group.start + group.width * np.arange(buckets, dtype=np.float64)
    epoch += (np.minimum(epoch + group.width, group.stop) - epoch - 1) / 2
    at = np.clip(drawn.x.position(epoch, n_columns), 0, n_columns - 1)

    def dot(values: NDArray[np.float64]) -> NDArray[np.float32]:
        at = drawn.y.position(values, n_rows).astype(np.float32)  # dots need no more digits
        return np.clip(at, 0, n_rows - 1, out=at)

    # The buckets themselves.
    column = np.rint(at).astype(np.intp)
    begin = np.flatnonzero(np.diff(column, prepend=-1))
    occupied = column[begin]
    shape = (len(group.low), n_columns)
    low, high = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    low[:, occupied] = dot(np.fmin.reduceat(group.low, begin, axis=1))
    if group.high is group.low and len(begin) == buckets:
        high[:, occupied] = low[:, occupied]
    else:
        high[:, occupied] = dot(np.fmax.reduceat(group.high, begin, axis=1))
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

    edge_low = crossing(group.low)
    edge_high = edge_low if group.high is group.low else crossing(group.high)
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
