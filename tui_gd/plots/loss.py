"""The loss over the epochs: every lane, linear or logarithmic, with the epoch being viewed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .axes import Scale, frame, nice_limits
from .cells import SPACE
from .curves import Buckets, buckets_of, spans
from .dots import BRAILLE, pack, paint_spans, per_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .axes import Frame
    from .cells import Cells, Colour
    from .palette import Palette, Symbols


@dataclass(frozen=True)
class Curve:
    """A curve kept as the least and greatest value of each bucket of epochs.

    Bucket i covers the epochs [start + i·width, start + (i + 1)·width), the last one ends at
    ``stop``. ``low`` and ``high`` have one number per bucket; NaN and inf are gaps. With
    ``width`` 1 they are the same array and the curve is a line through the points.
    """

    label: str
    start: int
    width: int
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    colour: Colour
    dimmed: Colour
    """For the part after the epoch being viewed."""
    shown: str
    """The value at the epoch being viewed, for the legend."""
    stop: int | None = None
    """One after the last epoch; ``None``: all buckets are full."""
    dashed: bool = False
    """Told apart by dashes, without braille by another sign: for where colour does not tell."""

    def __post_init__(self) -> None:
        """Raise ValueError when ``low`` and ``high`` differ in shape or ``width`` is not ≥ 1."""
        if self.low.shape != self.high.shape or self.low.ndim != 1:
            raise ValueError(f"low {self.low.shape} and high {self.high.shape} must be alike, 1-d")
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")

    @property
    def end(self) -> int:
        """One after the last epoch."""
        full = self.start + self.width * len(self.low)
        return full if self.stop is None else min(self.stop, full)


def draw_loss(
    rows: int,
    columns: int,
    curves: Sequence[Curve],
    *,
    epoch: int,
    last_epoch: int,
    log: bool,
    palette: Palette,
    symbols: Symbols,
    title: str = "loss",
    focused: bool = False,
    x_label: str = "epoch",
    cursor: int | None = None,
) -> Cells:
    """Return the curves over epochs 0..``last_epoch`` (or further, if a curve goes further).

    The first curve lies on top and comes first in the legend. ``epoch``, the one being viewed, is
    marked on every curve; what lies after it is dimmed, and while there is something after it a
    thin line stands there. A line stands at the epoch ``cursor``. Values that are not finite, and
    those ≤ 0 on a logarithmic axis, are gaps. The limits come from the drawn values only.
    """
    lines = tuple(reversed(curves))
    groups = buckets_of(lines, log)
    newest = max((curve.end - 1 for curve in curves), default=0)
    x = Scale(0.0, float(max(last_epoch, epoch, newest, 1)))
    low = min((group.least for group in groups), default=np.inf)
    high = max((group.greatest for group in groups), default=-np.inf)
    y = Scale(*nice_limits(low, high, log), log)
    legend = tuple(
        (
            f"{curve.label} {curve.shown}".rstrip(),
            symbols.dashed if curve.dashed else symbols.solid,
            curve.colour,
        )
        for curve in curves
    )
    drawn = frame(
        rows,
        columns,
        x,
        y,
        title=title,
        legend=legend,
        x_label=x_label,
        palette=palette,
        symbols=symbols,
        focused=focused,
    )
    if drawn.rows and drawn.columns:
        viewed = int(x.bins(epoch, drawn.columns * symbols.dots[1]))
        _draw_curves(
            drawn,
            lines,
            groups,
            viewed=viewed,
            ruled=epoch < newest,
            palette=palette,
            symbols=symbols,
        )
        if cursor is not None:
            _rule(drawn, cursor, palette, symbols)
        _mark(drawn, lines, groups, epoch, symbols)
    return drawn.cells


def _draw_curves(
    drawn: Frame,
    curves: Sequence[Curve],
    groups: Sequence[Buckets],
    *,
    viewed: int,
    ruled: bool,
    palette: Palette,
    symbols: Symbols,
) -> None:
    """Paint all curves into one array of dots, each dot numbered by what was drawn there last."""
    down, across = symbols.dots
    shape = (drawn.rows * down, drawn.columns * across)
    owner = np.zeros(shape, np.int16)
    # 1 the line at the viewed epoch, then the dimmed curves, then the curves.
    if ruled:
        owner[::2, viewed] = 1
    if curves:
        low, high = spans(groups, len(curves), drawn, symbols)
        number = np.arange(len(curves), dtype=np.int16)[:, None]
        after = np.arange(shape[1]) > viewed
        if palette.depth == "mono":
            low[:, after & (np.arange(shape[1]) % 3 > 0)] = shape[0]
        if not symbols.plain:  # there the sign itself differs
            _dash(low, curves, shape[0])
        layer = 2 + number + np.where(after, 0, len(curves)).astype(np.int16)
        paint_spans(owner, low, high, layer)
    top = per_cell(owner, symbols)
    here = top > 0
    colours = np.array(
        [palette.background, palette.axis]
        + [curve.dimmed for curve in curves]
        + [curve.colour for curve in curves],
        np.int32,
    )
    area = np.s_[drawn.top : drawn.top + drawn.rows, drawn.left : drawn.left + drawn.columns]
    if symbols.plain:
        signs = [symbols.curve_dashed if curve.dashed else symbols.curve for curve in curves]
        glyphs = np.array(
            [ord(sign) for sign in (" ", symbols.vertical, *signs, *signs)], np.uint32
        )
        drawn.cells.code[area][here] = glyphs[top[here]]
    else:
        drawn.cells.code[area][here] = pack(owner > 0)[here] + BRAILLE
    drawn.cells.fg[area][here] = colours[top[here]]


def _dash(low: NDArray[np.intp], curves: Sequence[Curve], none: int) -> None:
    """Leave columns of the dashed curves out."""
    dashed = np.array([curve.dashed for curve in curves])
    low[np.ix_(dashed, np.arange(low.shape[1]) % 6 >= 4)] = none


def _rule(drawn: Frame, epoch: int, palette: Palette, symbols: Symbols) -> None:
    """Draw a line at an epoch, behind the curves."""
    column = int(drawn.x.bins(epoch, drawn.columns))
    if column < 0:
        return
    line = np.s_[drawn.top : drawn.top + drawn.rows, drawn.left + column]
    free = drawn.cells.code[line] == SPACE
    drawn.cells.code[line] = np.where(free, ord(symbols.vertical), drawn.cells.code[line])
    drawn.cells.fg[line] = np.where(free, palette.cursor, drawn.cells.fg[line])


def _mark(
    drawn: Frame,
    curves: Sequence[Curve],
    groups: Sequence[Buckets],
    epoch: int,
    symbols: Symbols,
) -> None:
    """Put a sign on every curve at the viewed epoch, the last curve's on top."""
    column = int(drawn.x.bins(epoch, drawn.columns))
    cells = drawn.cells
    marks: list[tuple[int, int]] = []
    for group in groups:
        at = (epoch - group.start) // group.width
        if not 0 <= at < group.low.shape[1] or epoch >= group.stop:
            continue
        values = (group.low[:, at] + (group.high[:, at] - group.low[:, at]) / 2).tolist()
        places = drawn.y.bins(values, drawn.rows).tolist()
        marks += zip(group.index.tolist(), places, strict=True)
    for index, place in sorted(marks):
        if place >= 0:
            row = drawn.top + drawn.rows - 1 - place
            cells.code[row, drawn.left + column] = ord(symbols.now)
            cells.fg[row, drawn.left + column] = curves[index].colour
