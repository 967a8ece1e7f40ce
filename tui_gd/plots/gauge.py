"""A gauge: where a value stands between far below its limit and far above, in one or two rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tui_gd.plots.cells import Cells
from tui_gd.plots.scale import compact

if TYPE_CHECKING:
    from tui_gd.plots.palette import Palette, Style

DECADES = 2
"""The gauge reaches so many decades down and up from the limit: 0.01 to 100 times it."""

ABOVE, SMALLER, LARGER = "!", "<", ">"
_SMALLEST_BAR, _LARGEST_BAR = 9, 61
# the most that a label takes, so that the bar keeps its length while the numbers change
_ROOM, _LIMIT_ROOM = len(" 1.23e-10 x limit"), len(" 1.23e-10")


def gauge_label(ratio: float | None, limit: float | None = None) -> str:
    """Return the numbers of a gauge: ``0.35 x limit``, and the limit where it is given."""
    if ratio is None or math.isnan(ratio):
        return "no limit"
    text = f"{_short(ratio)} x limit"
    return text if limit is None else f"{text} {_short(limit)}"


def draw_gauge(
    columns: int,
    ratio: float | None,
    *,
    style: Style,
    limit: float | None = None,
    rows: int = 1,
) -> Cells:
    """Return a bar from 0.01 to 100 times the limit, the limit in its middle, ``ratio`` on it.

    The scale is logarithmic. Below the limit the bar is drawn with ``─``, above with ``!``; a value
    beyond an end stands at the end as ``<`` or ``>``. A value is never drawn on the limit's other
    side, and on it only if it is equal. ``ratio`` None or NaN: no limit, a line without marks. The
    numbers stand behind the bar where there is room. A second row names the decades.
    """
    palette = style.palette
    cells = Cells.blank(min(rows, 2), columns, style)
    if columns <= 0 or rows <= 0:
        return cells
    if columns - _ROOM - _LIMIT_ROOM < _SMALLEST_BAR:
        limit = None
    room = _ROOM + (_LIMIT_ROOM if limit is not None else 0)
    labelled = columns - room >= _SMALLEST_BAR
    bar = min(columns - room if labelled else columns, _LARGEST_BAR)
    bar -= bar % 2 == 0
    known = ratio is not None and not math.isnan(ratio)
    _draw_bar(cells, bar, ratio if known else None, style)
    if labelled:
        colour = palette.text
        if known and ratio is not None and ratio > 1.0:
            colour = palette.error
        label = style.symbols.spell(gauge_label(ratio, limit))
        cells.put(0, bar + 1, label, colour if known else palette.dim)
    if rows >= 2:
        _name_decades(cells, bar, palette)
    return cells


def _draw_bar(cells: Cells, bar: int, ratio: float | None, style: Style) -> None:
    palette, symbols = style.palette, style.symbols
    half = bar // 2
    if ratio is None:
        cells.put(0, 0, symbols.horizontal * bar if half else " ", palette.dim)
        return
    cells.put(0, 0, symbols.horizontal * half, palette.good)
    cells.put(0, half, symbols.vertical, palette.text)
    cells.put(0, half + 1, ABOVE * half, palette.error)
    place = _place(ratio, half)
    sign = symbols.now
    if not half:
        # a single cell: which side of the limit
        sign = symbols.horizontal if ratio < 1.0 else ABOVE if ratio > 1.0 else symbols.vertical
    elif ratio < 10.0**-DECADES:
        sign = SMALLER
    elif ratio > 10.0**DECADES:
        sign = LARGER
    cells.put(0, place, sign, palette.error if ratio > 1.0 else palette.cursor)


def _place(ratio: float, half: int) -> int:
    """Return the cell of a ratio; the limit's is ``half``."""
    if ratio == 1.0 or not half:
        return half
    decades = math.log10(ratio) if ratio > 0.0 else -math.inf
    share = max(-1.0, min(decades / DECADES, 1.0))
    # away from the limit's own cell, on the right side of it
    distance = max(1, round(abs(share) * half))
    return half - distance if ratio < 1.0 else half + distance


def _name_decades(cells: Cells, bar: int, palette: Palette) -> None:
    """Write 0.01 … 100 under their places, those that do not touch; the limit's first."""
    half = bar // 2
    taken: list[tuple[int, int]] = []
    for decade in (0, -DECADES, DECADES, *range(1 - DECADES, 0), *range(1, DECADES)):
        text = f"{10.0**decade:g}"
        at = half + round(decade / DECADES * half)
        begin = max(0, min(at - len(text) // 2, bar - len(text)))
        if len(text) > bar or any(
            begin <= last and first <= begin + len(text) for first, last in taken
        ):
            continue
        taken.append((begin, begin + len(text)))
        cells.put(1, begin, text, palette.dim)


def _short(value: float) -> str:
    """Return a number in three digits."""
    if not math.isfinite(value):
        return "-inf" if value < 0 else "inf"
    return compact(float(f"{value:.3g}"))
