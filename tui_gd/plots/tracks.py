"""Paths over a shaded plane, such that they can be read on every shade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .dots import BRAILLE, pack, per_cell
from .relief import ink_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .axes import Frame
    from .cells import Colour
    from .marks import Place
    from .palette import Palette, Symbols
    from .relief import Relief

# so many dots of lines in one picture; of longer ones only every second dot is set, or less
_MOST_DOTS = 40_000
# what lies farther from the plot is drawn as if it lay there, so that all stays finite
_FARTHEST = 1e9


@dataclass(frozen=True, eq=False)
class Track:
    """The path of one lane in the coordinates of the plot: `points` (n, 2) at `epochs` (n,).

    What lies after the epoch being viewed is `dimmed` and dashed. `viewed` is where the lane is at
    that epoch, marked with `sign`; the first point is marked as start.
    """

    points: NDArray[np.float64]
    epochs: NDArray[np.integer]
    colour: Colour
    dimmed: Colour
    viewed: Place | None = None
    sign: str = ""
    current: bool = False


def paint_tracks(
    drawn: Frame,
    relief: Relief,
    tracks: Sequence[Track],
    epoch: int,
    palette: Palette,
    symbols: Symbols,
) -> None:
    """Draw the paths, later ones over earlier ones, and what lies after `epoch` below all."""
    pieces: list[NDArray[np.float64]] = []
    layers: list[int] = []
    colours: list[Colour] = []
    seen = [int(track.epochs.searchsorted(epoch, "right")) for track in tracks]
    for past in (False, True):
        for track, passed in zip(tracks, seen, strict=True):
            points = track.points[:passed] if past else track.points[passed:]
            if not len(points):
                continue
            if track.viewed is not None:
                here = np.array([track.viewed])
                points = np.concatenate([points, here] if past else [here, points])
            if len(points) > 1:
                pieces.append(points)
                layers.append(2 * len(colours) + (not past))
                colours.append(track.colour if past else track.dimmed)
    paint_lines(drawn, relief, pieces, layers, colours, palette, symbols)


def paint_lines(
    drawn: Frame,
    relief: Relief,
    pieces: Sequence[NDArray[np.float64]],
    layers: Sequence[int],
    colours: Sequence[Colour],
    palette: Palette,
    symbols: Symbols,
    plain: tuple[str, str] | None = None,
) -> None:
    """Draw polylines (n, 2). Layer 2·i is line i, 2·i + 1 the same dashed; the higher covers.

    `plain` are the signs of solid and dashed lines where there is no braille.
    """
    if not pieces:
        return
    down, across = symbols.dots
    owner = np.full((drawn.rows * down, drawn.columns * across), -1, np.int16)
    points = np.concatenate(pieces)
    x = drawn.x.position(points[:, 0], owner.shape[1])
    y = len(owner) - 1 - drawn.y.position(points[:, 1], len(owner))
    lengths = [len(piece) for piece in pieces]
    layer = np.repeat(np.array(layers, np.int16), lengths)
    joined = np.ones(len(points) - 1, np.bool_)
    joined[np.cumsum(lengths)[:-1] - 1] = False
    _set_segments(owner, x, y, joined, layer)
    best = per_cell(owner, symbols)
    here = best >= 0
    area = drawn.area
    if symbols.plain:
        solid, dashed = plain or (symbols.curve, symbols.curve_dashed)
        signs = np.array([ord(solid), ord(dashed)], np.uint32)
        drawn.cells.code[area][here] = signs[best[here] % 2]
    else:
        drawn.cells.code[area][here] = pack(owner >= 0)[here] + BRAILLE
    level = relief.level[here]
    drawn.cells.fg[area][here] = ink_table(relief, colours, palette)[best[here] // 2, level]
    drawn.cells.bg[area][here] = relief.colours[level]


def _set_segments(
    owner: NDArray[np.int16],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    joined: NDArray[np.bool_],
    layer: NDArray[np.int16],
) -> None:
    """Set the dots of lines through columns `x` and rows `y`; the higher layer stays on top.

    `joined` (n − 1,) says which points are joined to the one before, `layer` (n,) whose they are.
    """
    rows, columns = owner.shape
    x, y = np.clip(x, -_FARTHEST, _FARTHEST), np.clip(y, -_FARTHEST, _FARTHEST)
    which, enter, leave = _inside(x, y, joined, rows, columns)
    if (np.diff(layer) < 0).any():
        order = np.argsort(layer[which], kind="stable")
        which, enter, leave = which[order], enter[order], leave[order]
    step_x, step_y = x[which + 1] - x[which], y[which + 1] - y[which]
    part = leave - enter
    steps = np.maximum(np.abs(step_x), np.abs(step_y)) * part
    dots = steps.astype(np.intp) + 1
    total = int(dots.sum())
    if not total:
        return
    if total > _MOST_DOTS:
        dots = np.maximum(dots * _MOST_DOTS // total, 1)
        total = int(dots.sum())
    share = part / dots
    first = np.cumsum(dots) - dots
    # dot i of a segment lies (i + 1) shares from where the segment enters
    of = np.repeat(np.arange(len(dots)), dots)
    index = np.arange(1, total + 1) - first[of]
    across = (x[which] + enter * step_x + 0.5)[of] + (share * step_x)[of] * index
    down = (y[which] + enter * step_y + 0.5)[of] + (share * step_y)[of] * index
    column, row = across.astype(np.int32), down.astype(np.int32)
    np.clip(column, 0, columns - 1, out=column)
    np.clip(row, 0, rows - 1, out=row)
    of_layer = layer[which][of]
    # dashes that stay where they are while the path grows
    kept = ((of_layer & 1) == 0) | ((column + (row >> 1)) & 1 == 0)
    owner.ravel()[(row * columns + column)[kept]] = of_layer[kept]


def _inside(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    joined: NDArray[np.bool_],
    rows: int,
    columns: int,
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Return the segments that are seen, and from which to which share of them (Liang–Barsky)."""
    with np.errstate(all="ignore"):
        step_x, step_y = np.diff(x), np.diff(y)
        which = np.flatnonzero(joined & (np.abs(step_x) + np.abs(step_y) > 0.05))
        enter, leave = np.zeros(len(which)), np.ones(len(which))
        for at, step, size in ((x[which], step_x[which], columns), (y[which], step_y[which], rows)):
            low, high = (-0.5 - at) / step, (size - 0.5 - at) / step
            still = step == 0
            beside = still & ((at < -0.5) | (at > size - 0.5))
            first = np.where(still, np.where(beside, np.inf, -np.inf), np.minimum(low, high))
            last = np.where(still, np.inf, np.maximum(low, high))
            np.maximum(enter, first, out=enter)
            np.minimum(leave, last, out=leave)
        seen = enter <= leave
    return which[seen], enter[seen], leave[seen]
