"""A race of optimizers: the losses of each by epoch, named by a sign on the curve."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .axes import Scale, frame, nice_limits
from .cells import SPACE
from .curves import buckets_of, spans
from .dots import BRAILLE, pack, paint_spans, per_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .axes import Frame
    from .cells import Cells
    from .curves import Buckets
    from .loss import Curve
    from .palette import Palette, Symbols

# losses that differ by more than this factor are drawn on a logarithmic axis
LOG_SPAN = 20.0
# a logarithmic axis goes down to this share of the greatest loss
LEAST_SHARE = 1e-12


def is_wide(losses: NDArray[np.float64]) -> bool:
    """Return whether losses, none below 0, span more than a linear axis shows."""
    finite = losses[np.isfinite(losses)]
    if not finite.any() or finite.min() < 0:
        return False
    return bool(finite.min() < finite.max() / LOG_SPAN)


def lifted(values: NDArray[np.float64], greatest: float) -> NDArray[np.float64]:
    """Return values for a logarithmic axis: what is too small for it, 0 too, stands at its foot."""
    return np.maximum(values, greatest * LEAST_SHARE)


def draw_contenders(
    rows: int,
    columns: int,
    curves: Sequence[Curve],
    names: Sequence[str],
    *,
    epochs: int,
    palette: Palette,
    symbols: Symbols,
    title: str = "race",
    focused: bool = False,
) -> Cells:
    """Return curves of one epoch a bucket over 0..``epochs``, the first on top.

    ``names`` are single characters, one for each curve or blank: each is written onto its curve,
    no two in one column, so that curves are told apart without colours.
    """
    every = np.concatenate([np.empty(0), *(one.low for one in curves)])
    log = is_wide(every)
    if log:
        greatest = float(np.max(every, where=np.isfinite(every), initial=0.0))
        curves = [_lifted_curve(one, greatest) for one in curves]
    lines = tuple(reversed(curves))
    groups = buckets_of(lines, log)
    low = min((group.least for group in groups), default=np.inf)
    high = max((group.greatest for group in groups), default=-np.inf)
    drawn = frame(
        rows,
        columns,
        Scale(0.0, float(max(epochs, 1))),
        Scale(*nice_limits(low, high, log), log),
        title=title,
        legend=[
            (one.label, symbols.dashed if one.dashed else symbols.solid, one.colour)
            for one in curves
            if one.label
        ],
        x_label="epoch",
        palette=palette,
        symbols=symbols,
        focused=focused,
    )
    if drawn.rows and drawn.columns and groups:
        _draw_lines(drawn, lines, groups, palette, symbols)
        _name_lines(drawn, curves, names)
    return drawn.cells


def _lifted_curve(curve: Curve, greatest: float) -> Curve:
    low = lifted(curve.low, greatest)
    return replace(curve, low=low, high=low)


def _draw_lines(
    drawn: Frame,
    lines: Sequence[Curve],
    groups: Sequence[Buckets],
    palette: Palette,
    symbols: Symbols,
) -> None:
    down, across = symbols.dots
    owner = np.zeros((drawn.rows * down, drawn.columns * across), np.int16)
    low, high = spans(groups, len(lines), drawn, symbols)
    if not symbols.plain:  # there the sign itself differs
        dashed = np.array([one.dashed for one in lines])
        low[np.ix_(dashed, np.arange(low.shape[1]) % 6 >= 4)] = len(owner)
    layer = np.broadcast_to(np.arange(1, len(lines) + 1, dtype=np.int16)[:, None], low.shape)
    paint_spans(owner, low, high, layer)
    top = per_cell(owner, symbols)
    here = top > 0
    area = drawn.area
    if symbols.plain:
        signs = [symbols.curve_dashed if one.dashed else symbols.curve for one in lines]
        glyphs = np.array([SPACE, *map(ord, signs)], np.uint32)
        drawn.cells.code[area][here] = glyphs[top[here]]
    else:
        drawn.cells.code[area][here] = pack(owner > 0)[here] + BRAILLE
    colours = np.array([palette.background, *(one.colour for one in lines)], np.int32)
    drawn.cells.fg[area][here] = colours[top[here]]


def _name_lines(drawn: Frame, curves: Sequence[Curve], names: Sequence[str]) -> None:
    """Write the names onto their curves, one after another from left to right."""
    named = [(one, name) for one, name in zip(curves, names, strict=True) if name.strip()]
    for order, (curve, name) in enumerate(named):
        at = int(len(curve.high) * (order + 0.5) / len(named))
        if at < len(curve.high):
            column = int(drawn.x.bins(curve.start + at * curve.width, drawn.columns))
            level = int(drawn.y.bins(curve.high[at], drawn.rows))
            if column >= 0 and level >= 0:
                row = drawn.top + drawn.rows - 1 - level
                drawn.cells.put(row, drawn.left + column, name, curve.colour)
