"""Histograms of final losses: bars of starts, stacked by how they ended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.axes import BORDER, Axes, Canvas, Frame, draw_box, draw_rule, frame, put_brackets
from tui_gd.plots.cells import SPACE, Cells, fit, width
from tui_gd.plots.palette import Colour, Palette
from tui_gd.plots.scale import Scale, nice_limits

# values below this share of the reference go into the lowest bin, because they are as good as zero;
# so do a few outliers that would make the axis twice as long
LEAST_SHARE, LEAST_QUANTILE = 1e-6, 0.02
# bars are as wide as possible with room for this many
_BARS = 48
_EIGHTHS = np.array([SPACE, *range(0x2581, 0x2589)], np.uint32)
"""Blocks of 0 to 8 eighths of a cell's height."""


@dataclass(frozen=True, eq=False)
class Stack:
    """A part of all bars: values (n,) of one kind, with the sign and colour of that kind.

    Values that are not finite, NaN included, go into the highest bin.
    """

    label: str
    values: NDArray[np.floating]
    sign: str
    colour: Colour


def loss_scales(parts: Sequence[tuple[NDArray[np.floating], float]]) -> tuple[Scale, ...]:
    """Return an axis for each (values, reference); equal `v / reference` are at the same place.

    The axes are logarithmic, from the share of the lowest 2 % (at least 1e-6) to the greatest one.
    If a value is below 0 or a reference is not above 0, each gets a linear axis of its own.
    """
    finite = [(values[np.isfinite(values)], reference) for values, reference in parts]
    if not all(1e-280 < reference < 1e280 and (values >= 0).all() for values, reference in finite):
        ends = [(values.min(initial=np.inf), values.max(initial=-np.inf)) for values, _ in finite]
        return tuple(Scale(*nice_limits(float(low), float(high))) for low, high in ends)
    with np.errstate(over="ignore"):
        parted = [values / reference for values, reference in finite]
    shares = np.concatenate([np.zeros(0), *parted])
    shares = np.clip(shares, LEAST_SHARE, 1e12)
    low = min(float(np.quantile(shares, LEAST_QUANTILE)) if len(shares) else 1.0, 0.5) / 1.5
    high = max(float(shares.max(initial=1.0)), 2.0) * 1.5
    return tuple(
        Scale(max(low * reference, 1e-300), min(high * reference, 1e300), log=True)
        for _, reference in finite
    )


def bars_across(columns: int) -> tuple[int, int]:
    """Return how many bars fit into that many columns, and the width of each."""
    wide = max(1, columns // _BARS)
    return columns // wide, wide


def bin_of(values: NDArray[np.floating], scale: Scale, count: int) -> NDArray[np.intp]:
    """Return the bin of each value; values beyond the axis go into the outermost bins."""
    values = np.asarray(values, np.float64)
    inside = np.clip(np.where(np.isnan(values), np.inf, values), scale.low, scale.high)
    # rounding may put the limit itself outside
    return np.maximum(scale.bins(inside, count), 0)


def tallest(columns: int, stacks: Sequence[Stack], scale: Scale) -> int:
    """Return the number of starts in the highest bar of a plotting area of that many columns."""
    count = bars_across(max(columns, 1))[0]
    values = [np.zeros(0), *(stack.values for stack in stacks)]
    where = bin_of(np.concatenate(values), scale, count)
    return int(np.bincount(where, minlength=1).max())


def draw_histogram(
    canvas: Canvas, stacks: Sequence[Stack], axes: Axes, cursor: float | None = None
) -> Cells:
    """Return a histogram of the values, one stack on top of the other.

    The first stack is at the bottom. Each part of a bar has the sign of its stack at its foot; with
    16 colours, without colours and in plain characters, bars consist of these signs alone. Every
    part that is not empty is visible, however small. A line marks the value `cursor`. The legend
    names only stacks with values. The axis of the counts reaches at least as high as that of
    `axes`, so that two histograms can be compared.
    """
    legend = [
        (f"{len(one.values)} {one.label}", one.sign, one.colour)
        for one in stacks
        if len(one.values)
    ]
    high = max(axes.y.high, float(tallest(max(canvas.columns - 8, 1), stacks, axes.x)))
    y = Scale(0.0, nice_limits(0.0, high)[1])
    drawn = frame(canvas.with_legend(legend), replace(axes, y=y))
    if drawn.rows and drawn.columns:
        _draw_bars(drawn, stacks)
        if cursor is not None:
            _rule(drawn, cursor)
    return drawn.cells


def draw_tally(canvas: Canvas, stacks: Sequence[Stack]) -> Cells:
    """Return a line for each stack: sign, label, count, and a bar of the signs.

    For values that matter less than their kinds. If the lines do not fit, those of the smallest
    stacks are left out.
    """
    palette, symbols = canvas.style.palette, canvas.style.symbols
    inner = Cells.blank(canvas.rows - BORDER, canvas.columns - BORDER, canvas.style)
    height, room = inner.shape
    kept = sorted(range(len(stacks)), key=lambda index: (-len(stacks[index].values), index))
    shown = [stacks[index] for index in sorted(kept[:height])]
    labels = [fit(one.label, max(room // 2, 0), symbols.plain) for one in shown]
    across = max(map(width, labels), default=0)
    digits = max((len(str(len(one.values))) for one in shown), default=1)
    begin = across + digits + 6
    most = max((len(one.values) for one in shown), default=0) or 1
    for row, (one, label) in enumerate(zip(shown, labels, strict=True)):
        count = len(one.values)
        inner.put(row, 1, one.sign, one.colour)
        inner.put(row, 3, label, palette.text)
        inner.put(row, across + 4, f"{count:>{digits}}", palette.text)
        cells = max(round(count / most * (room - begin - 1)), min(count, 1))
        inner.put(row, begin, one.sign * cells, one.colour)
    return draw_box(canvas, inner)


def _draw_bars(drawn: Frame, stacks: Sequence[Stack]) -> None:
    palette = drawn.style.palette
    count, wide = bars_across(drawn.columns)
    heights = np.array(
        [np.bincount(bin_of(one.values, drawn.x, count), minlength=count) for one in stacks],
        np.float64,
    ).reshape(len(stacks), count)
    signs_only = drawn.style.symbols.plain or palette.depth in {"16", "mono"}
    unit = 1 if signs_only else 8
    owner = _owners(heights, drawn.y.high, drawn.rows * unit)
    code, fg, bg = _cells_of(owner.reshape(drawn.rows, unit, count), stacks, palette)
    if signs_only:
        signs = np.array([SPACE, *(ord(one.sign) for one in stacks)], np.uint32)
        code = signs[owner + 1]
    span = np.s_[drawn.left : drawn.left + count * wide]
    for name, values in (("code", code), ("fg", fg), ("bg", bg)):
        area = getattr(drawn.cells, name)[drawn.top : drawn.top + drawn.rows, span]
        area[...] = np.repeat(values[::-1], wide, axis=1)
    if not signs_only:
        _sign_feet(drawn, owner.reshape(drawn.rows, unit, count), stacks, wide)


def _owners(heights: NDArray[np.float64], high: float, units: int) -> NDArray[np.intp]:
    """Return the stack of each unit of height (units, bars) from the bottom up, −1 for none.

    A part that is not empty gets at least one unit; if that makes a bar too high, its largest part
    shrinks.
    """
    tall = np.where(heights > 0, np.maximum(np.rint(heights / high * units), 1), 0).astype(np.intp)
    over = np.maximum(tall.sum(axis=0) - units, 0)
    if over.any():
        largest = tall.argmax(axis=0)
        every = np.arange(tall.shape[1])
        tall[largest, every] = np.maximum(tall[largest, every] - over, 0)
    owner = np.full((units, heights.shape[1]), -1, np.intp)
    level, bottom = np.arange(units)[:, None], np.zeros(heights.shape[1], np.intp)
    for index, height in enumerate(tall):
        owner[(level >= bottom) & (level < bottom + height)] = index
        bottom = bottom + height
    return owner


def _cells_of(
    owner: NDArray[np.intp], stacks: Sequence[Stack], palette: Palette
) -> tuple[NDArray[np.uint32], NDArray[np.int32], NDArray[np.int32]]:
    """Return block, foreground and background of each cell (rows, bars), the lowest row first.

    A cell has two colours: that of its lowest part, and that of the part above it.
    """
    colours = np.array([*(one.colour for one in stacks), palette.background], np.int32)
    first = owner[:, 0]
    full = (owner == first[:, None]).sum(axis=1)
    last = np.take_along_axis(owner, np.minimum(full, owner.shape[1] - 1)[:, None], axis=1)[:, 0]
    full = np.where(first < 0, 0, full)
    both = (full < owner.shape[1]) & (first >= 0) & (last >= 0)
    eighths = np.minimum(full * 8 // owner.shape[1], 8)
    return _EIGHTHS[eighths], colours[first], np.where(both, colours[last], palette.background)


def _sign_feet(drawn: Frame, owner: NDArray[np.intp], stacks: Sequence[Stack], wide: int) -> None:
    """Write the sign of each part of a bar into the lowest cell that the part fills."""
    background = drawn.style.palette.background
    whole = (owner == owner[:, :1]).all(axis=1) & (owner[:, 0] >= 0)
    area = np.s_[drawn.top : drawn.top + drawn.rows, drawn.left :]
    code, fg, bg = (part[area] for part in (drawn.cells.code, drawn.cells.fg, drawn.cells.bg))
    for index, one in enumerate(stacks):
        own = whole & (owner[:, 0] == index)
        low = (owner[0, 0] == index) & ~whole[0]  # the sign shows it
        bar = np.flatnonzero(own.any(axis=0) | low)
        row = drawn.rows - 1 - np.where(low, 0, own.argmax(axis=0))[bar]
        inverse = own.any(axis=0)[bar] & ~low[bar]
        column = bar * wide
        for beside in range(wide):
            code[row, column + beside] = SPACE
            bg[row, column + beside] = np.where(inverse, one.colour, background)
        middle = column + (wide - 1) // 2
        code[row, middle] = ord(one.sign)
        fg[row, middle] = np.where(inverse, background, one.colour)


def _rule(drawn: Frame, value: float) -> None:
    """Draw a vertical line at a value, next to the bars, with a sign on top."""
    palette = drawn.style.palette
    count, wide = bars_across(drawn.columns)
    bar = int(bin_of(np.array([value]), drawn.x, count)[0])
    column = bar * wide + (wide - 1) // 2
    draw_rule(drawn, column, palette.cursor)
    put_brackets(drawn, drawn.rows - 1, column, palette.cursor, ground=palette.background)
