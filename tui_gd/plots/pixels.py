"""A plotting area filled with colours, two pixels to a cell, and grids brought to its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tui_gd.plots.axes import Frame

_HALF = ord("▀")


def paint_pixels(drawn: Frame, pixels: NDArray[np.int32]) -> None:
    """Fill the plotting area with colours, (rows, columns) or two to a cell, (2 · rows, columns).

    Two pixels of one colour are a blank on it; two colours are an upper half block.
    """
    cells, area = drawn.cells, drawn.area
    if len(pixels) == drawn.rows:
        cells.bg[area] = pixels
        return
    upper, lower = pixels[0::2], pixels[1::2]
    split = upper != lower
    cells.bg[area] = lower
    cells.code[area][split] = _HALF
    cells.fg[area][split] = upper[split]


def chequered(drawn: Frame) -> NDArray[np.bool_]:
    """Return every other cell (rows, columns): where a texture leaves glyphs and lines readable."""
    grid: NDArray[np.bool_] = (np.arange(drawn.rows)[:, None] + np.arange(drawn.columns)) % 2 == 0
    return grid


def resampled(values: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """Return ``values`` (rows, columns, …) at another resolution, the nearest of each."""
    if values.shape[:2] == (rows, columns):
        return values
    row = (np.arange(rows) * 2 + 1) * values.shape[0] // (2 * rows)
    column = (np.arange(columns) * 2 + 1) * values.shape[1] // (2 * columns)
    nearest: NDArray[np.float64] = values[row[:, None], column]
    return nearest


def upsampled(values: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """Return ``values`` (rows, columns) at another resolution, bilinear between bin centres."""
    first, second, share = _weights(rows, values.shape[0])
    tall = values[first] * (1 - share)[:, None] + values[second] * share[:, None]
    first, second, share = _weights(columns, values.shape[1])
    wide: NDArray[np.float64] = tall[:, first] * (1 - share) + tall[:, second] * share
    return wide


def _weights(n: int, of: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return for each of ``n`` bins its two neighbours among ``of`` and the share of the second."""
    at = np.clip((np.arange(n) + 0.5) * of / n - 0.5, 0, of - 1)
    first = np.minimum(at.astype(np.intp), max(of - 2, 0))
    return first, np.minimum(first + 1, of - 1), at - first
