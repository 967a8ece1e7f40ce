"""The loss landscape: the loss over a plane through the weights, and the choice of the plane.

A plane runs along two weights, with the others held, or along the two principal directions of a
path.

Source of the latter: Li, Xu, Taylor, Studer, Goldstein, "Visualizing the Loss Landscape of Neural
Nets" (2018), section 7.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tui_gd.learning.engine import Engine
from tui_gd.learning.models import Floats

Limits = tuple[float, ...]
"""Low and high end of each axis, one axis after the other: two numbers, or four."""

LARGEST_WEIGHT = 1e150
"""Limits leave out larger weights, whose squared distances would not be finite."""

CALL_WEIGHTS = 1 << 20
"""The most weights in one call of the engine: 8 MiB of doubles."""
ROW_POINTS = 20_000_000
"""The work of one landscape: 0.2 s on one core."""
MOST_POINTS = 4096
LEAST_GRID = (8, 12)
# the share of the path's span that is added on each side
_MARGIN = 0.25
# limits that are more than this many times too wide are replaced
_TOO_WIDE = 8.0
_LARGEST_SVD = 10**9


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane (a line) in the space of all weights: `origin + a · axes[0] + b · axes[1]`.

    `origin` is (parameters,), `axes` (2, parameters) or (1, parameters), orthonormal. `labels` name
    the axes. For a plane along weights, `weights` are the indices of these weights, and the
    coordinates are their values.
    """

    origin: Floats
    axes: Floats
    labels: tuple[str, ...]
    weights: tuple[int, ...] = ()

    def project(self, weights: Floats) -> Floats:
        """Return the coordinates (n, axes) of the points nearest to weights (n, parameters)."""
        if self.weights:
            return weights[:, list(self.weights)].astype(np.float64)
        coordinates: Floats = (weights - self.origin).astype(np.float64) @ self.axes.T
        return coordinates

    def direction(self, vector: Floats) -> Floats:
        """Return the projection (axes,) of a vector (parameters,) on the axes."""
        along: Floats = self.axes @ vector.astype(np.float64)
        return along

    def lift(self, points: Floats) -> Floats:
        """Return the weights (n, parameters) at coordinates (n, axes), in the origin's dtype."""
        if self.weights:
            lifted = np.repeat(self.origin[None], len(points), axis=0)
            lifted[:, list(self.weights)] = points
            return lifted
        moved: Floats = (self.origin + points @ self.axes).astype(self.origin.dtype)
        return moved


def plane_of_weights(weights: Floats, chosen: Sequence[int], names: Sequence[str]) -> Plane:
    """Return the plane along one or two chosen weights; the others keep their values in `weights`.

    `weights` and `names` are (parameters,). `ValueError` for a weight that is chosen twice or does
    not exist.
    """
    if len(set(chosen)) != len(chosen) or not 1 <= len(chosen) <= 2:
        raise ValueError("a plane needs one weight, or two different ones")
    if not all(0 <= index < len(weights) for index in chosen):
        raise ValueError(f"there are weights 0 to {len(weights) - 1}, not {tuple(chosen)}")
    origin = weights.copy()
    origin[list(chosen)] = 0.0
    axes = np.zeros((len(chosen), len(weights)))
    axes[np.arange(len(chosen)), list(chosen)] = 1.0
    return Plane(origin, axes, tuple(names[index] for index in chosen), tuple(chosen))


def principal_plane(path: Floats, through: Floats, gradient: Floats) -> Plane:
    """Return the plane along the two principal directions of a path, through given weights.

    `path` is (points, parameters), at least two parameters; `through` and `gradient` are
    (parameters,). Coordinates are measured from the path's first point. The directions are the
    first right singular vectors of the path less its mean, the share of each in the path's variance
    is `s² / Σ s²`; their largest component is positive. Directions that a path of one
    point or along one line leaves open are the gradient's, then the axes of the weights with the
    largest derivative, each made orthogonal to the directions before.
    """
    directions, shares = _principal_directions(path)
    labels = [
        f"direction {number} ({100.0 * share:.3g} %)" for number, share in enumerate(shares, 1)
    ]
    slope = np.where(np.isfinite(gradient), gradient, 0.0).astype(np.float64)
    steepest = np.argsort(-np.abs(slope), kind="stable")[:3]
    along_weights = [("across", np.eye(1, len(slope), i)[0]) for i in steepest]
    for name, vector in [("gradient", slope), *along_weights]:
        rest = vector / (np.abs(vector).max() or 1.0)
        length = float(np.linalg.norm(rest))
        for _ in range(2):  # the second pass removes rounding errors
            for direction in directions:
                rest = rest - (rest @ direction) * direction
        norm = float(np.linalg.norm(rest))
        if len(directions) < 2 and norm > 1e-6 * length > 0.0:
            directions.append(_turned(rest / norm))
            labels.append(name)
    axes = np.stack(directions)
    start = path[0] if len(path) and np.isfinite(path[0]).all() else through
    along = axes @ (through - start).astype(np.float64)
    origin = through - (along @ axes).astype(through.dtype)
    return Plane(origin, axes, tuple(labels))


def _principal_directions(path: Floats) -> tuple[list[Floats], list[float]]:
    """Return at most two directions (parameters,) and their shares, fewer for lower rank."""
    good = path[np.isfinite(path).all(axis=1)].astype(np.float64)
    while len(good) > 2 and len(good) ** 2 * good.shape[1] > _LARGEST_SVD:
        good = good[::2]
    if len(good) < 2:
        return [], []
    size = float(np.abs(good).max()) or 1.0
    good = good / size
    centred = good - good.mean(axis=0)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    rank = int((singular > max(1e-7 * float(singular[0]), 1e-12)).sum())
    total = float((singular**2).sum())
    kept = range(min(rank, 2))
    return [_turned(directions[i]) for i in kept], [float(singular[i]) ** 2 / total for i in kept]


def _turned(direction: Floats) -> Floats:
    """Return the direction or its opposite, whichever has a positive largest component."""
    return -direction if direction[np.argmax(np.abs(direction))] < 0.0 else direction


def covering(points: Floats, before: Limits | None = None) -> Limits:
    """Return limits around points (n, axes), or the limits `before` while these still fit.

    Every axis has a margin of a quarter on both sides, and at least half of the widest axis's span;
    around a single place, twice the largest coordinate. Limits that have to grow do so on that side
    alone, by at least a quarter; limits more than eight times as wide as needed are replaced.
    Points that are not finite, or beyond `LARGEST_WEIGHT`, do not count.
    """
    good = points
    if not np.abs(points).max(initial=0.0) <= LARGEST_WEIGHT:
        good = points[(np.abs(points) <= LARGEST_WEIGHT).all(axis=1)]
    if not len(good):
        return before or (-1.0, 1.0) * points.shape[1]
    low, high = good.min(axis=0), good.max(axis=0)
    spans = high - low
    size = float(np.abs(good).max())
    # a path of one place has no scale; its distance from 0 gives one
    least = max(0.5 * float(spans.max()), 1e-9 * size)
    if float(spans.max()) <= 0.1 * size or not size:
        least = max(least, size or 1.0)
    wide = np.maximum(spans, least)
    middle = (low + high) / 2.0
    needed = [(float(m - w / 2), float(m + w / 2)) for m, w in zip(middle, wide, strict=True)]
    if before is not None and len(before) == 2 * len(needed):
        kept = list(zip(before[::2], before[1::2], strict=True))
        too_wide = all(
            b - a > _TOO_WIDE * (y - x) for (a, b), (x, y) in zip(kept, needed, strict=True)
        )
        if not too_wide:
            return tuple(
                edge
                for old, (x, y) in zip(kept, zip(low, high, strict=True), strict=True)
                for edge in _grown(old, float(x), float(y))
            )
    return tuple(edge for x, y in needed for edge in (x - _MARGIN * (y - x), y + _MARGIN * (y - x)))


def _grown(old: tuple[float, float], low: float, high: float) -> tuple[float, float]:
    """Return limits that include low … high: the old ones, widened where needed."""
    bottom, top = old
    span = max(high, top) - min(low, bottom)
    return (
        bottom if low >= bottom else low - _MARGIN * span,
        top if high <= top else high + _MARGIN * span,
    )


def zoomed(limits: Limits, factor: float, about: Sequence[float]) -> Limits:
    """Return limits magnified `factor` times about the point `about` (axes,).

    They stay unchanged where they would become too narrow for double precision, or not finite.
    """
    new = []
    for low, high, at in zip(limits[::2], limits[1::2], about, strict=True):
        bottom, top = at - (at - low) / factor, at + (high - at) / factor
        size = max(abs(bottom), abs(top))
        if not (math.isfinite(size) and size <= LARGEST_WEIGHT and top - bottom > 1e-9 * size):
            return limits
        new += [bottom, top]
    return tuple(new)


def work(rows: int, parameters: int, points: int = 1) -> int:
    """Return the cost of losses: `rows · points · (1 + parameters / 3)`, in units of 10 ns."""
    return rows * points * (3 + parameters) // 3


def grid_shape(rows: int, parameters: int, pixels: tuple[int, int]) -> tuple[int, int]:
    """Return how many points (down, across) to compute for a picture of `pixels`.

    Their `work` on that many rows of data stays below `ROW_POINTS`, but there are at least 8 × 12
    points and at most `MOST_POINTS`. The picture interpolates between them.
    """
    down, across = max(pixels[0], 1), max(pixels[1], 1)
    most = min(
        MOST_POINTS, max(ROW_POINTS // max(work(rows, parameters), 1), math.prod(LEAST_GRID))
    )
    if down * across <= most:
        return down, across
    share = math.sqrt(most / (down * across))
    h, w = (
        min(max(int(n * share), least), n)
        for n, least in zip((down, across), LEAST_GRID, strict=True)
    )
    return h, w


def grid(limits: Limits, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return the coordinates (w,) and falling (h,) of a grid: the centres of equal parts."""
    h, w = shape
    xs = limits[0] + (np.arange(w) + 0.5) / w * (limits[1] - limits[0])
    if len(limits) == 2:
        return xs, np.zeros(1)
    ys = limits[2] + (np.arange(h) + 0.5) / h * (limits[3] - limits[2])
    return xs, ys[::-1].copy()


def losses_on(
    engine: Engine,
    plane: Plane,
    xs: Floats,
    ys: Floats,
    between: Callable[[], None] | None = None,
) -> Floats:
    """Return the loss (h, w) at the points xs (w,), ys (h,) of a plane; of a line (1, w).

    Every point is a lane of one engine call, with very many weights of several calls. `between`, if
    given, is called between them and may raise `Interrupted`. A loss that overflows is inf or NaN.
    """
    if len(plane.axes) == 1:
        points, shape = xs[:, None], (1, len(xs))
    else:
        across, down = np.meshgrid(xs, ys)
        points, shape = np.stack([across.ravel(), down.ravel()], axis=1), across.shape
    at_once = max(1, CALL_WEIGHTS // max(len(plane.origin), 1))
    found = []
    with np.errstate(all="ignore"):
        for begin in range(0, len(points), at_once):
            if between is not None:
                between()
            lanes = plane.lift(points[begin : begin + at_once])
            found.append(engine.loss(lanes).astype(np.float64))
    return np.concatenate(found).reshape(shape)
