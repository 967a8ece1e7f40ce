"""Lines through points that are not evenly spaced, as dots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def line_mask(
    at: NDArray[np.float64], height: NDArray[np.float64], rows: int, columns: int
) -> NDArray[np.bool_]:
    """Return the dots (rows, columns), first row on top, of a line without gaps.

    Its points lie at the dots ``at``, rising, from the left, and ``height`` from below; points
    that are not finite are left out, and of fewer than two there is no line.
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

    As ``line_mask``, but points that are not finite are gaps, and a point alone is a dot.
    """
    mask = np.zeros((rows, columns), np.bool_)
    good = np.isfinite(at) & np.isfinite(height)
    steps = np.flatnonzero(np.diff(good, prepend=False, append=False))
    for begin, stop in zip(steps[::2], steps[1::2], strict=True):
        mask |= line_mask(at[begin:stop], height[begin:stop], rows, columns)
    # what lies beyond the dots is shown by the lines that lead there, not by a dot
    across, up = np.rint(at[good]), np.rint(height[good])
    inside = (across >= 0) & (across < columns) & (up >= 0) & (up < rows)
    mask[rows - 1 - up[inside].astype(np.intp), across[inside].astype(np.intp)] = True
    return mask
