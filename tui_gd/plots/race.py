"""Races: the final loss of each learning rate, and the curves of optimizers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.axes import (
    Axes,
    Canvas,
    Frame,
    LegendEntry,
    chequered,
    draw_rule,
    frame,
    paint_dots,
    put_brackets,
)
from tui_gd.plots.cells import Cells, curve_mask, width
from tui_gd.plots.curves import Curve, EpochView, draw_curves
from tui_gd.plots.palette import Colour, Style, bold
from tui_gd.plots.scale import Scale, compact, is_wide, nice_limits
from tui_gd.plots.symbols import CURVE, CURVE_DASHED

# a logarithmic axis goes down to this share of the greatest loss
LEAST_SHARE = 1e-12
# a test loss this many times above the least one, and above all train losses, leaves the plot
_HIGHEST = 3.0


def lifted(values: NDArray[np.float64], greatest: float) -> NDArray[np.float64]:
    """Return values for a logarithmic axis; values too small for it, even 0, go to its foot."""
    return np.maximum(values, greatest * LEAST_SHARE)


@dataclass(frozen=True, eq=False)
class Field:
    """The results of a race of learning rates to draw; arrays are (rates,), ``rates`` rising.

    ``losses`` are NaN if a rate ``diverged``; ``higher`` marks those that ended above ``begin``,
    the loss of the start. ``test`` are losses too, NaN if not known. ``best`` and ``best_test`` are
    indices, or None.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    diverged: NDArray[np.bool_]
    higher: NDArray[np.bool_]
    begin: float
    best: int | None
    test: NDArray[np.float64] | None = None
    best_test: int | None = None
    held_out: str = "test"


def draw_race(
    canvas: Canvas,
    field: Field,
    current: float,
    cursor: int | None = None,
    notes: tuple[str, ...] = (),
) -> Frame:
    """Return train and test losses over the learning rates, on a logarithmic axis.

    Losses that are not finite leave gaps.

    A broken rule stands at the rate ``current`` with its number. A sign stands at the best rate of
    each curve with its number. A solid rule stands at the index ``cursor``, with its point in
    brackets. The first of ``notes`` that fits stands below the plot. In the top row, ``×`` marks
    the rates that diverged and ``↑`` those that ended above the start; their columns are hatched.
    The limits of the losses come from the start and from losses below it; losses above it leave the
    plot.
    """
    palette, symbols = canvas.style.palette, canvas.style.symbols
    x, y = _rate_scale(field.rates), _loss_scale(field)
    losses = np.maximum(field.losses, y.low) if y.log else field.losses
    test = None if field.test is None or np.isnan(field.test).all() else field.test
    if test is not None and y.log:
        test = np.maximum(test, y.low)
    label = "α" if notes else "learning rate α"
    axes = Axes(x, y, symbols.spell(label), "loss" * bool(notes), notes, grid=True)
    # of each curve: its rows, its best rate, the losses, and the sign and colour of the best
    curves = (
        ("train", field.best, losses, symbols.now, palette.train),
        (field.held_out, field.best_test, test, symbols.wrong_points[0], palette.test),
    )
    bests = [
        (f"{rows}: best {compact(field.rates[best], 2)}", sign, colour)
        for rows, best, _, sign, colour in curves
        if best is not None
    ]
    drawn = frame(canvas.with_legend((*bests, *_failures(field, canvas.style))), axes)
    if not (drawn.rows and drawn.columns):
        return drawn
    above = len(bests)
    while above and not canvas.with_legend(bests[:above]).legend_fits:
        above -= 1
    _write_below(drawn, bests[above:])
    at = drawn.x.bins(field.rates, drawn.columns)
    _hatch(drawn, field)
    if test is not None:
        _curve(drawn, field.rates, test, dashed=True)
    _curve(drawn, field.rates, losses)
    shown = drawn.x.bins(current, drawn.columns)
    if shown >= 0:
        draw_rule(drawn, int(shown), palette.dim, every=2)
    if cursor is not None:
        draw_rule(drawn, int(at[cursor]), palette.cursor)
    _mark_failures(drawn, field, at)
    if cursor is not None:
        _bracket(drawn, int(at[cursor]), losses[cursor])
    taken = _label_current(drawn, int(shown), f"α {current:g}")
    for _, best, curve, sign, colour in reversed(curves):
        if best is not None and curve is not None:
            text = symbols.spell(compact(field.rates[best], 2))
            _mark_best(drawn, int(at[best]), curve[best], (text, sign, colour), taken)
    return drawn


def _rate_scale(rates: NDArray[np.float64]) -> Scale:
    low, high = (float(rates[0]), float(rates[-1])) if len(rates) else (0.1, 1.0)
    if low < high:
        return Scale(low, high, log=True)
    return Scale(max(low / 2, 5e-324), min(high * 2, 1e308) if high < 1e308 else 1.7e308, log=True)


def _loss_scale(field: Field) -> Scale:
    sound = np.isfinite(field.losses)
    kept = sound & ~field.higher
    kept = kept if kept.any() else sound
    shown = field.losses[kept]
    if field.test is not None:
        # a test loss may be far above all others, and would flatten them
        tested = field.test[kept]
        tested = tested[np.isfinite(tested)]
        limit = _HIGHEST * max(float(tested.min(initial=np.inf)), float(shown.max(initial=0.0)))
        shown = np.append(shown, tested[tested <= limit])
    if math.isfinite(field.begin):
        shown = np.append(shown, field.begin)
    log = is_wide(shown)
    if log:
        shown = lifted(shown, float(shown.max()))
    low, high = (shown.min(), shown.max()) if len(shown) else (np.inf, -np.inf)
    return Scale(*nice_limits(float(low), float(high), log), log)


def _failures(field: Field, style: Style) -> list[LegendEntry]:
    """Return how many rates failed, by the way in which they did."""
    kinds = ((field.diverged, "×", "diverged"), (field.higher, "↑", "ended higher"))
    return [
        (f"{kind.sum()} {text}", style.symbols.spell(sign), style.palette.error)
        for kind, sign, text in kinds
        if kind.any()
    ]


def _write_below(drawn: Frame, entries: Sequence[LegendEntry]) -> None:
    """Write what the legend has no room for into the lower border, the last at the right."""
    rows, columns = drawn.cells.shape
    stop = columns - 2
    for text, sample, colour in reversed(entries):
        words = f" {sample} {text} "
        if width(words) + 2 <= stop:
            stop -= width(words)
            drawn.cells.put(rows - 1, stop, words, colour)


def _hatch(drawn: Frame, field: Field) -> None:
    """Hatch the columns nearest to a rate that failed."""
    failed = field.diverged | field.higher
    if not failed.any():
        return
    places = drawn.x.position(field.rates, drawn.columns)
    between = (places[1:] + places[:-1]) / 2
    nearest = np.searchsorted(between, np.arange(drawn.columns))
    here = chequered(drawn) & failed[nearest]
    area = drawn.area
    drawn.cells.code[area][here] = ord(drawn.style.symbols.hatch)
    drawn.cells.fg[area][here] = drawn.style.palette.faint


def _curve(
    drawn: Frame, rates: NDArray[np.float64], losses: NDArray[np.float64], *, dashed: bool = False
) -> None:
    symbols, palette = drawn.style.symbols, drawn.style.palette
    high, wide = drawn.dots
    at = np.clip(drawn.x.position(rates, wide), 0, wide - 1)
    mask = curve_mask(at, drawn.y.position(losses, high), high, wide)
    if dashed and not symbols.plain:
        mask &= np.arange(wide) // symbols.dots[1] % 2 == 0
    colour, sign = (palette.test, CURVE_DASHED) if dashed else (palette.train, CURVE)
    paint_dots(drawn, mask, colour, sign)


def _mark_failures(drawn: Frame, field: Field, at: NDArray[np.intp]) -> None:
    for kind, sign in ((field.higher, "↑"), (field.diverged, "×")):
        text = drawn.style.symbols.spell(sign)
        for column in at[kind & (at >= 0)].tolist():
            drawn.cells.put(drawn.top, drawn.left + column, text, drawn.style.palette.error)


def _label_current(drawn: Frame, column: int, text: str) -> tuple[int, int, int]:
    """Write the current rate next to its rule; return the row and columns taken, within the plot.

    If there is no room in the plot, write nothing.
    """
    text = drawn.style.symbols.spell(text)
    row = drawn.rows - 1
    if column < 0 or drawn.rows < 3:
        return row, 0, 0
    left = column + 1 if column + 1 + width(text) <= drawn.columns else column - width(text)
    if left < 0:
        return row, 0, 0
    drawn.cells.put(drawn.top + row, drawn.left + left, text, drawn.style.palette.text)
    return row, left, left + width(text)


def _mark_best(
    drawn: Frame,
    column: int,
    loss: float,
    mark: tuple[str, str, Colour],
    taken: tuple[int, int, int],
) -> None:
    """Put a sign at the best rate, and its number below, above or beside it, where there is room.

    The mark is the number as text, the sign and the colour of both.
    """
    level = int(drawn.y.bins(loss, drawn.rows))
    if column < 0 or level < 0:
        return
    symbols, (text, sign, colour) = drawn.style.symbols, mark
    row = drawn.rows - 1 - level
    left = max(0, min(column - width(text) // 2, drawn.columns - width(text)))
    cells = drawn.cells
    for line in (row + 1, row - 1, row - 2):
        # a blank stays between the two
        meets = line == taken[0] and left <= taken[2] and taken[1] <= left + width(text)
        if not 0 < line < drawn.rows or width(text) > drawn.columns or meets:
            continue
        place = np.s_[drawn.top + line, drawn.left + left : drawn.left + left + width(text)]
        signs = {symbols.now, symbols.wrong_points[0], *"[]"}
        if not signs & set(map(chr, cells.code[place].tolist())):
            cells.put(drawn.top + line, drawn.left + left, text, colour)
            break
    cells.put(drawn.top + row, drawn.left + column, sign, bold(colour))


def _bracket(drawn: Frame, column: int, loss: float) -> None:
    level = int(drawn.y.bins(loss, drawn.rows))
    row = drawn.rows - 1 - level if level >= 0 else 0
    if column >= 0:
        put_brackets(drawn, row, column, drawn.style.palette.cursor)


def draw_contenders(canvas: Canvas, curves: Sequence[Curve], epochs: int) -> Cells:
    """Return curves over 0..``epochs``, the first on top; the names stand at their ends."""
    every = np.concatenate([np.empty(0), *(one.low for one in curves)])
    log = is_wide(every)
    if log:
        greatest = float(np.max(every, where=np.isfinite(every), initial=0.0))
        lows = [lifted(one.low, greatest) for one in curves]
        curves = [replace(one, low=low, high=low) for one, low in zip(curves, lows, strict=True)]
    last = max(epochs, 1)
    view = EpochView(last + 1, last=last, log=log)
    symbols = canvas.style.symbols
    named = [
        (one.label, symbols.dashed if one.dashed else symbols.solid, one.colour)
        for one in curves
        if one.label
    ]
    return draw_curves(canvas.with_legend(named), curves, view).cells
