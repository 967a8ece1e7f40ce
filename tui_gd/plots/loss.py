"""Curves over the epochs: every lane, linear or logarithmic, with the epoch being viewed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .axes import Scale, frame, nice_limits
from .cells import SPACE, width
from .curves import Buckets, EpochScale, buckets_of, spans
from .dots import BRAILLE, pack, paint_spans, per_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .axes import Frame
    from .cells import Cells, Colour
    from .palette import Palette, Symbols

_FAINT = "."
"""A cell of a curve in the background where there is no braille."""
_NAME_CELLS = 3
"""Of a longer name the first letter stands at the end of the curve."""
_MOST_FAINT = 16
"""Of more curves than this only the averages are drawn: the others would cover each other."""
_PLACES = 12
"""So many places along a curve are tried for its name."""


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
    name: str = ""
    """Stands at the end of the curve, for where colour does not tell."""
    early: Curve | None = None
    """The same in narrower buckets up to where one of this curve begins: drawn in its place."""

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
    """Return the curves over epochs 0..``last_epoch``, or further if a curve goes further."""
    return draw_curves(
        rows,
        columns,
        curves,
        epoch=epoch,
        epochs=(0, max(last_epoch, epoch, *(curve.end - 1 for curve in curves), 1)),
        log=log,
        palette=palette,
        symbols=symbols,
        title=title,
        focused=focused,
        x_label=x_label,
        cursor=cursor,
    ).cells


def draw_curves(
    rows: int,
    columns: int,
    curves: Sequence[Curve],
    *,
    epoch: int,
    epochs: tuple[int, int],
    log: bool,
    palette: Palette,
    symbols: Symbols,
    title: str,
    log_epochs: bool = False,
    smooth: int = 0,
    legend: bool = True,
    focused: bool = False,
    x_label: str = "epoch",
    cursor: int | None = None,
) -> Frame:
    """Return the curves over the first to the last of ``epochs``, and where they are drawn.

    The first curve lies on top and comes first in the legend. ``epoch``, the one being viewed, is
    marked on every curve; what lies after it is dimmed, and while there is something after it a
    thin line stands there. A line stands at the epoch ``cursor``. Values that are not finite, and
    those ≤ 0 on a logarithmic axis, are gaps. The limits come from the drawn values only. With
    ``smooth`` the moving average over so many epochs (odd) lies over every curve, and the curve
    itself is faint: dimmed, in mono dotted, in plain of points; of very many curves it is left out.
    """
    lines = tuple(reversed(curves))
    first, last = epochs
    groups = buckets_of(lines, log, first, last, smooth)
    newest = max((curve.end - 1 for curve in curves), default=0)
    x = (EpochScale if log_epochs else Scale)(float(first), float(max(last, first + 1)))
    low = min((group.least for group in groups), default=np.inf)
    high = max((group.greatest for group in groups), default=-np.inf)
    entries = tuple(
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
        Scale(*nice_limits(low, high, log), log),
        title=title,
        legend=entries if legend else (),
        x_label=x_label,
        palette=palette,
        symbols=symbols,
        focused=focused,
    )
    if drawn.rows and drawn.columns:
        places = drawn.columns * symbols.dots[1]
        viewed = int(x.bins(epoch, places)) if epoch <= last else places
        _draw_curves(
            drawn,
            lines,
            groups,
            viewed=viewed,
            ruled=epoch < newest and 0 <= viewed < places,
            faint=smooth > 0,
            palette=palette,
            symbols=symbols,
        )
        if cursor is not None:
            _rule(drawn, cursor, palette, symbols)
        _mark(drawn, lines, groups, epoch, symbols)
    return drawn


def _draw_curves(
    drawn: Frame,
    curves: Sequence[Curve],
    groups: Sequence[Buckets],
    *,
    viewed: int,
    ruled: bool,
    faint: bool,
    palette: Palette,
    symbols: Symbols,
) -> None:
    """Paint all curves into one array of dots, each dot numbered by what was drawn there last.

    With ``faint`` the curves are in the background, and as many averages follow them.
    """
    if faint and len(curves) > _MOST_FAINT:
        groups = [group for group in groups if group.index[0] >= len(curves)]
    down, across = symbols.dots
    shape = (drawn.rows * down, drawn.columns * across)
    owner = np.zeros(shape, np.int16)
    # 1 the line at the viewed epoch, then the dimmed curves, then the curves.
    if ruled:
        owner[::2, viewed] = 1
    lines = [*curves, *curves] if faint else curves
    behind = len(curves) if faint else 0
    if lines:
        low, high = spans(groups, len(lines), drawn, symbols)
        number = np.arange(len(lines), dtype=np.int16)[:, None]
        after = np.arange(shape[1]) > viewed
        if palette.depth == "mono":
            low[:, after & (np.arange(shape[1]) % 3 > 0)] = shape[0]
            low[:behind, 1::2] = shape[0]
        if not symbols.plain:  # there the sign itself differs
            _dash(low, lines, shape[0])
        layer = 2 + number + np.where(after, 0, len(lines)).astype(np.int16)
        paint_spans(owner, low, high, layer)
    top = per_cell(owner, symbols)
    here = top > 0
    dimmed = [curve.dimmed for curve in lines]
    bright = [*dimmed[:behind], *(curve.colour for curve in lines[behind:])]
    colours = np.array([palette.background, palette.axis, *dimmed, *bright], np.int32)
    area = drawn.area
    if symbols.plain:
        signs = [symbols.curve_dashed if curve.dashed else symbols.curve for curve in lines]
        signs[:behind] = [_FAINT] * behind
        glyphs = np.array(
            [ord(sign) for sign in (" ", symbols.vertical, *signs, *signs)], np.uint32
        )
        drawn.cells.code[area][here] = glyphs[top[here]]
    else:
        drawn.cells.code[area][here] = pack(owner > 0)[here] + BRAILLE
    drawn.cells.fg[area][here] = colours[top[here]]
    if any(curve.name for curve in curves):
        _name(drawn, lines[behind:], low[behind:], high[behind:], symbols)


def _name(
    drawn: Frame,
    curves: Sequence[Curve],
    low: NDArray[np.intp],
    high: NDArray[np.intp],
    symbols: Symbols,
) -> None:
    """Put every curve's name behind its end, or where that is taken on the curve before it.

    ``low`` and ``high`` are its spans of dots. The name of a curve that is covered there is left
    out, the last curve's comes first.
    """
    down, across = symbols.dots
    names = [curve.name if width(curve.name) <= _NAME_CELLS else curve.name[0] for curve in curves]
    sizes = np.array([width(name) for name in names])[:, None]
    drawn_at = low <= high
    ends = low.shape[1] - 1 - np.argmax(drawn_at[:, ::-1], axis=1)[:, None]
    # a blank cell stands between two names
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
    if column < 0:
        return
    cells = drawn.cells
    marks: list[tuple[int, int]] = []
    for group in groups:
        if group.index[0] >= len(curves):
            continue  # an average is not the value at an epoch
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
