"""Braille: eight dots in a cell, and lines through points drawn with them."""

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.cells import Cells
from tui_gd.plots.symbols import Symbols

BRAILLE = 0x2800
_BITS = ((1, 8), (2, 16), (4, 32), (64, 128))
"""Bit of each dot of a cell, by row and column."""
_CROWDED = 16
"""With more spans than this per dot, whole masks are faster (measured: 64 noisy lanes)."""


def pack(mask: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Return the braille pattern (0..255) of each cell of a mask (4·rows, 2·columns)."""
    dots = mask.view(np.uint8)
    pattern = np.zeros((mask.shape[0] // 4, mask.shape[1] // 2), np.uint8)
    for down, bits in enumerate(_BITS):
        for across, bit in enumerate(bits):
            pattern += dots[down::4, across::2] * np.uint8(bit)
    return pattern.astype(np.uint32)


def per_cell(values: NDArray[np.int16], symbols: Symbols) -> NDArray[np.int16]:
    """Return the greatest value of each cell's dots: the topmost layer."""
    down, across = symbols.dots
    best = values[0::down, 0::across]
    for row in range(down):
        for column in range(across):
            if row or column:
                best = np.maximum(best, values[row::down, column::across])
    return best


def paint_spans(
    owner: NDArray[np.int16],
    low: NDArray[np.intp],
    high: NDArray[np.intp],
    layer: NDArray[np.int16],
) -> None:
    """Set vertical spans of ``owner``: per line and column the rows low..high (low > high: none).

    ``low``, ``high`` and ``layer`` have shape (lines, columns); later lines cover earlier ones.
    """
    rows, columns = owner.shape
    low, high = np.maximum(low, 0), np.minimum(high, rows - 1)
    lengths = np.maximum(high - low + 1, 0).ravel()
    total = int(lengths.sum())
    if total > _CROWDED * owner.size:
        row = np.arange(rows, dtype=np.int16)[:, None]
        first, last = low.astype(np.int16), high.astype(np.int16)
        for line in range(len(low)):
            inside = (row >= first[line]) & (row <= last[line])
            np.copyto(owner, layer[line], where=inside)
        return
    # The dots of a span are neighbours in the transposed array: its indices are counted up by
    # one from its first, all spans in one cumulative sum. NumPy assigns repeated indices in
    # order, so the last line wins.
    some = lengths > 0
    if not some.any():
        return
    lengths = lengths[some]
    begin = np.broadcast_to(np.arange(columns) * rows, low.shape) + low
    first_dot = begin.ravel()[some]
    step = np.ones(total, np.int32)
    starts = np.cumsum(lengths) - lengths
    step[starts] = np.diff(first_dot, prepend=0) - np.append(0, lengths[:-1] - 1)
    turned = owner.T.copy()
    turned.ravel()[np.cumsum(step, dtype=np.int32)] = np.repeat(layer.ravel()[some], lengths)
    owner[...] = turned.T


def blit(
    cells: Cells,
    top: int,
    left: int,
    mask: NDArray[np.bool_],
    colour: NDArray[np.int32] | int,
) -> NDArray[np.bool_]:
    """Draw a dot mask as braille over the cells from (top, left) on; return which cells changed."""
    pattern = pack(mask)
    here = pattern > 0
    rows, columns = pattern.shape
    area = np.s_[top : top + rows, left : left + columns]
    cells.code[area][here] = pattern[here] + BRAILLE
    cells.fg[area][here] = colour[here] if isinstance(colour, np.ndarray) else colour
    return here


def line_mask(
    at: NDArray[np.float64], height: NDArray[np.float64], rows: int, columns: int
) -> NDArray[np.bool_]:
    """Return the dots (rows, columns), top row first, of a line without gaps.

    Its points are ``at`` dots from the left, ascending, and ``height`` dots from the bottom. Points
    that are not finite are left out; fewer than two points make no line.
    """
    mask = np.zeros((rows, columns), np.bool_)
    good = np.isfinite(at) & np.isfinite(height)
    if good.sum() < 2:
        return mask
    centres = np.arange(columns)
    edges = np.interp(
        np.arange(columns + 1) - 0.5, at[good], height[good], left=np.nan, right=np.nan
    )
    middle = np.interp(centres, at[good], height[good], left=np.nan, right=np.nan)
    ends = np.stack([edges[:-1], middle, edges[1:]])
    known = np.isfinite(middle)
    low = np.where(known, np.nan_to_num(np.fmin.reduce(ends), nan=0.0), np.inf)
    high = np.where(known, np.nan_to_num(np.fmax.reduce(ends), nan=0.0), -np.inf)
    level = np.arange(rows)[:, None]
    inside = (level >= np.rint(low)) & (level <= np.rint(high))
    return np.ascontiguousarray(inside[::-1])


def curve_mask(
    at: NDArray[np.float64], height: NDArray[np.float64], rows: int, columns: int
) -> NDArray[np.bool_]:
    """Return the dots of the points themselves and of the lines between neighbours.

    Like ``line_mask``, but points that are not finite make gaps, and a lone point is a dot.
    """
    mask = np.zeros((rows, columns), np.bool_)
    good = np.isfinite(at) & np.isfinite(height)
    steps = np.flatnonzero(np.diff(good, prepend=False, append=False))
    for begin, stop in zip(steps[::2], steps[1::2], strict=True):
        mask |= line_mask(at[begin:stop], height[begin:stop], rows, columns)
    # a point outside the area is shown by the lines that lead to it, not by a dot
    across, up = np.rint(at[good]), np.rint(height[good])
    inside = (across >= 0) & (across < columns) & (up >= 0) & (up < rows)
    mask[rows - 1 - up[inside].astype(np.intp), across[inside].astype(np.intp)] = True
    return mask
