"""Decision regions: which class is predicted where, how surely, and where the boundary runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sanitised(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return probabilities (rows, columns, classes ≥ 2); p of one class alone becomes 1 − p, p.

    What is not finite (a diverged model) becomes 0 for all classes: no class, no strength.
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 3 or 0 in p.shape:
        raise ValueError(f"probabilities must be (rows, columns, classes), not {p.shape}")
    good = np.isfinite(p).all(axis=2, keepdims=True)
    if not good.all():
        p = np.where(good, p, 0.0 if p.shape[2] > 1 else 0.5)
    return np.concatenate([1 - p, p], axis=2) if p.shape[2] == 1 else p


def winner_and_margin(
    probabilities: NDArray[np.float64],
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the most probable class and its lead over the second, both (rows, columns)."""
    if probabilities.shape[2] == 2:
        lead = probabilities[:, :, 1] - probabilities[:, :, 0]
        return (lead > 0).astype(np.intp), np.abs(lead)
    winner = probabilities.argmax(axis=2)
    highest = np.partition(probabilities, -2, axis=2)
    return winner, highest[:, :, -1] - highest[:, :, -2]


def resampled(values: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """Return ``values`` (rows, columns, …) at another resolution, the nearest of each."""
    if values.shape[:2] == (rows, columns):
        return values
    row = (np.arange(rows) * 2 + 1) * values.shape[0] // (2 * rows)
    column = (np.arange(columns) * 2 + 1) * values.shape[1] // (2 * columns)
    nearest: NDArray[np.float64] = values[row[:, None], column]
    return nearest


def _weights(n: int, of: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return for each of ``n`` bins its two neighbours among ``of`` and the share of the second."""
    at = np.clip((np.arange(n) + 0.5) * of / n - 0.5, 0, of - 1)
    first = np.minimum(at.astype(np.intp), max(of - 2, 0))
    return first, np.minimum(first + 1, of - 1), at - first


def upsampled(values: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """Return ``values`` (rows, columns) at another resolution, bilinear between bin centres."""
    first, second, share = _weights(rows, values.shape[0])
    tall = values[first] * (1 - share)[:, None] + values[second] * share[:, None]
    first, second, share = _weights(columns, values.shape[1])
    wide: NDArray[np.float64] = tall[:, first] * (1 - share) + tall[:, second] * share
    return wide


def boundary(probabilities: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.bool_]:
    """Return the dots (rows, columns) nearest to where the most probable class changes.

    Of two neighbouring dots with different classes, that with the smaller lead is the boundary;
    probabilities between the given grid points are interpolated bilinearly.
    """
    classes = probabilities.shape[2]
    if classes == 2:
        lead = upsampled(probabilities[:, :, 1] - probabilities[:, :, 0], rows, columns)
        winner, margin = (lead > 0).astype(np.int8), np.abs(lead)
    else:
        best = np.full((rows, columns), -np.inf)
        second = best.copy()
        winner = np.zeros((rows, columns), np.int8)
        for label in range(classes):
            one = upsampled(probabilities[:, :, label], rows, columns)
            leads = one > best
            np.maximum(second, np.minimum(one, best), out=second)
            np.copyto(best, one, where=leads)
            np.copyto(winner, np.int8(label % 127), where=leads)
        margin = best - second
    mask = np.zeros((rows, columns), np.bool_)
    for here, there in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1, :], np.s_[1:, :]),
    ):
        crossed = winner[here] != winner[there]
        nearer = margin[here] <= margin[there]
        mask[here] |= crossed & nearer
        mask[there] |= crossed & ~nearer
    return mask
