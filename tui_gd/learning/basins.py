"""Basins: where descents from many starts end, by known minima or by how far they came down."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats

# shares of the way from the loss without the features down to the least final loss
GOOD_SHARE, LOST_SHARE = 0.9, 0.1
# of the least value found, or of what others lie above it: so much higher is as low
AS_LOW = 1e-4
# of more minima a legend would be all there is to see
NAMED_MINIMA = 6


@dataclass(frozen=True)
class Basin:
    """Where starts end: its short name, and whether it is a good minimum."""

    name: str
    good: bool


@dataclass(frozen=True, eq=False)
class Minima:
    """Known minima of a function: `points` (minima, parameters), global or not; or none are known.

    An end within `tolerance` of the nearest one has reached it. Of more minima than have names of
    their own, 6, the global ones make one basin, and the local ones.
    """

    points: Floats
    is_global: tuple[bool, ...]
    tolerance: float


GAINED = (Basin("good", True), Basin("between", False), Basin("lost", False))
FOUND = (Basin("lowest", True), Basin("higher", False))
DIVERGED = Basin("diverged", False)


def basin_by_share(losses: Floats, reference: float) -> NDArray[np.intp]:
    """Return places in `GAINED` for final losses (starts,), not finite ones as lost.

    By `s = (c − loss) / (c − least)`, c the `reference`, least the least loss: good from
    `GOOD_SHARE` on, lost up to `LOST_SHARE`. All are lost where the least is not below c.
    """
    good, between, lost = range(len(GAINED))
    least = float(losses.min(initial=np.inf))
    # the way down is to be more than rounding
    if not reference - least > 1e-9 * abs(reference):
        return np.full(len(losses), lost)
    share = (reference - losses) / (reference - least)
    found: NDArray[np.intp] = np.select(
        [share >= GOOD_SHARE, share > LOST_SHARE], [good, between], lost
    )
    return found


def nearest_basins(ends: Floats, minima: Minima) -> tuple[tuple[Basin, ...], NDArray[np.intp]]:
    """Return the basins of known minima, and none; and in which of them each end (starts,) is.

    `ends` is (starts, parameters). An end is in the basin of the minimum that is nearest to it, by
    `‖end − minimum‖`, if that is within the tolerance, else in the last one.
    """
    away = np.sqrt(((ends[:, None] - minima.points[None]) ** 2).sum(axis=2))
    nearest = away.argmin(axis=1)
    near = away[np.arange(len(ends)), nearest] <= minima.tolerance
    basins = [
        Basin(f"({', '.join(f'{value:.4g}' for value in point)})", good)
        for point, good in zip(minima.points.tolist(), minima.is_global, strict=True)
    ]
    if len(basins) > NAMED_MINIMA:
        basins = [Basin("global minimum", True), Basin("local minima", False)]
        nearest = np.where(np.array(minima.is_global)[nearest], 0, 1)
    return (*basins, Basin("no minimum", False)), np.where(near, nearest, len(basins))


def lowest_found(ends: Floats, losses: Floats, tolerance: float) -> NDArray[np.intp]:
    """Return places in `FOUND` for ends (starts, parameters) of a function of unknown minima.

    The lowest are those within `tolerance` of the end with the least loss, and those no more than
    `AS_LOW · max(|least|, q − least)` above it, q the upper quartile of the finite losses: for a
    minimum may be a valley's whole floor, or there may be several as low.
    """
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        return np.ones(len(losses), np.intp)
    least = float(finite.min())
    as_low = AS_LOW * max(abs(least), float(np.quantile(finite, 0.75)) - least)
    away = np.sqrt(((ends - ends[int(np.argmin(losses))]) ** 2).sum(axis=1))
    found: NDArray[np.intp] = np.where((losses <= least + as_low) | (away <= tolerance), 0, 1)
    return found
