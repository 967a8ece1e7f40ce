"""A gauge of the learning rate: where α is between too small and too large."""

import math

from tui_gd.plots.cells import Cells, width
from tui_gd.plots.palette import Style, bold
from tui_gd.plots.scale import Scale, compact

SMALLER, LARGER = "<", ">"
GAUGE_ROWS = 2
_BELOW, _ABOVE = 100.0, 10.0
"""The axis reaches at least this factor below and above the limit."""
_FARTHEST = 1e6
"""Beyond this factor from the limit, α is shown at the end of the axis."""
_WIDEST = 61
_TURNS = 0.5
"""Above this share of the limit, a step overshoots the valley floor."""


def draw_gauge(columns: int, rate: float, limit: float | None, style: Style) -> Cells:
    """Return a logarithmic axis of α in two rows, with the limit on it and ``rate``.

    The first row is the bar: a line up to the limit ``│``, with ``┆`` where steps begin to
    overshoot, half of the limit, and what is too large hatched. The second row has the numbers.
    α is never drawn on the limit's other side, and on it only if it is equal; beyond an end of the
    axis it is ``<`` or ``>``. Without a limit the axis has no marks.
    """
    cells = Cells.blank(GAUGE_ROWS, columns, style)
    if columns <= 0:
        return cells
    known = limit is not None and math.isfinite(limit) and limit > 0.0
    middle = limit if known and limit is not None else rate
    middle = min(max(middle, 1e-250), 1e250) if math.isfinite(middle) else 1.0
    near = min(max(rate, middle / _FARTHEST), middle * _FARTHEST) if rate > 0.0 else middle
    if math.isnan(near):
        near = middle
    scale = Scale(
        10.0 ** math.floor(math.log10(min(near, middle / _BELOW)) + 1e-9),
        10.0 ** math.ceil(math.log10(max(near, middle * _ABOVE)) - 1e-9),
        log=True,
    )
    palette, symbols = style.palette, style.symbols
    bar = min(columns, _WIDEST)
    edge = None
    cells.put(0, 0, symbols.horizontal * bar, palette.good if known else palette.dim)
    if known:
        # with a cell on each side of it, if there is room
        edge = max(min(int(scale.bins(middle, bar)), bar - 2), min(1, bar - 1))
        turns = int(scale.bins(middle * _TURNS, bar))
        cells.put(0, turns, ":" if symbols.plain else "┆", palette.good)
        cells.put(0, edge + 1, symbols.hatch * (bar - edge - 1), palette.error)
        cells.put(0, edge, symbols.vertical, palette.text)
    _mark_rate(cells, bar, scale, edge, rate, middle, style)
    _write_numbers(cells, bar, scale, middle if known else None, style)
    return cells


def _mark_rate(
    cells: Cells,
    bar: int,
    scale: Scale,
    edge: int | None,
    rate: float,
    limit: float,
    style: Style,
) -> None:
    """Put α on the bar, on its own side of the limit."""
    sign, colour = style.symbols.now, bold(style.palette.text)
    if not rate >= scale.low:
        place, sign = 0, SMALLER
    elif rate > scale.high:
        place, sign = bar - 1, LARGER
    else:
        place = int(scale.bins(rate, bar))
    if edge is not None and rate == limit:
        place = edge
    elif edge is not None and rate < limit:
        place = min(place, max(edge - 1, 0))
    elif edge is not None and rate > limit:
        place = max(place, min(edge + 1, bar - 1))
        colour = bold(style.palette.error)
    cells.put(0, place, sign, colour)


def _write_numbers(cells: Cells, bar: int, scale: Scale, limit: float | None, style: Style) -> None:
    """Write the limit and those powers of ten under their places that do not touch."""
    palette = style.palette
    first, last = round(math.log10(scale.low)), round(math.log10(scale.high))
    decades = [float(f"1e{power}") for power in range(first, last + 1)]
    numbers = [(value, compact(value), palette.dim) for value in (*decades[:1], *decades[:0:-1])]
    if limit is not None:
        numbers.insert(0, (limit, compact(limit, 3), bold(palette.text)))
    taken: list[tuple[int, int]] = []
    for value, text, colour in numbers:
        size = width(text)
        begin = max(0, min(int(scale.bins(value, bar)) - size // 2, bar - size))
        stop = begin + size
        if size <= bar and all(stop < first or last < begin for first, last in taken):
            taken.append((begin, stop))
            cells.put(1, begin, text, colour)
