"""Points that share cells: which of them is shown, and by which glyph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tui_gd.plots.palette import Style


@dataclass(frozen=True)
class Scatter:
    """Points (n, 2) and their ``kind`` (n,): the class, plus ``classes`` if misclassified."""

    points: NDArray[np.floating]
    kind: NDArray[np.intp]
    classes: int

    def glyphs(self, style: Style) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
        """Return code point and colour of every kind, both (2 · classes,)."""
        palette = style.palette
        labels = range(self.classes)
        right = [ord(style.symbols.point(label)) for label in labels]
        wrong = [ord(style.symbols.wrong_point(label, self.classes)) for label in labels]
        colours = [palette.classes[label % len(palette.classes)] for label in labels]
        return (
            np.array(right + wrong, np.uint32),
            np.array(colours + [palette.misclassified] * self.classes, np.int32),
        )


def scatter_of(
    points: NDArray[np.floating],
    labels: NDArray[np.integer],
    predicted: NDArray[np.integer],
    classes: int,
) -> Scatter:
    """Return points with their kinds; ValueError if the three do not belong together."""
    points = np.asarray(points, np.float64)
    labels = np.asarray(labels, np.intp)
    predicted = np.asarray(predicted, np.intp)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points) == len(labels) == len(predicted):
        raise ValueError(
            f"points {points.shape}, labels {labels.shape} and predicted {predicted.shape} "
            "must be (n, 2), (n,) and (n,)"
        )
    classes = max(classes, 1 + int(labels.max(initial=0)), 2)
    return Scatter(points, labels + classes * (labels != predicted), classes)


def most_telling(
    cell: NDArray[np.intp], kind: NDArray[np.intp], classes: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return for every occupied cell one of its points (an index) and the kind to show.

    A misclassified one before all others, else the most frequent; of equals the lower class.
    """
    _, first, group = np.unique(cell, return_index=True, return_inverse=True)
    counts = np.bincount(group * 2 * classes + kind, minlength=len(first) * 2 * classes)
    counts = counts.reshape(len(first), 2 * classes)
    wrong = counts[:, classes:]
    wrong[wrong > 0] += len(cell)
    shown = counts.argmax(axis=1)
    # Of the points of that kind the first, for the region behind it.
    match = np.flatnonzero(kind == shown[group])
    index = first.copy()
    index[group[match[::-1]]] = match[::-1]
    return index, shown
