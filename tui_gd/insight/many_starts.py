"""Many starts: hundreds of random starts, one lane each, and where each of them ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.engine import computing
from tui_gd.learning.models import Floats, Model
from tui_gd.training.bursts import Every, bursts_while
from tui_gd.training.descent import lengths
from tui_gd.training.evaluation import constant_loss
from tui_gd.training.trainer import Trainer

STARTS = 256
FEWEST_STARTS = 8
MOST_WORK = 2e9
"""`row_work` × starts × epochs for one loss: about twenty seconds of one core."""
LADDER = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""The learning rates to try for a loss."""
LADDER_STARTS = 16
FEWEST_LADDER_EPOCHS = 10
_BURST_SECONDS = 0.05
_SHOW_SECONDS = 0.25
_ACCURACY_ROWS = 65_536

# shares of the way from the best constant's loss down to the least final loss
BOTTOM_SHARE, STUCK_SHARE = 0.9, 0.1
# an end counts as lowest up to this share above the least value, see `lowest_found`
AS_LOW = 1e-4
# more names would leave no room for the plot
NAMED_MINIMA = 6


@dataclass(frozen=True)
class Basin:
    """A place where starts end: its short name, and whether it is as good as any."""

    name: str
    good: bool


@dataclass(frozen=True, eq=False)
class Minima:
    """The known minima of a function: `points` (minima, parameters), and which are global.

    No points: none are known. An end within `tolerance` of the nearest minimum has reached it. More
    than `NAMED_MINIMA` minima make two basins, the global and the local ones.
    """

    points: Floats
    is_global: tuple[bool, ...]
    tolerance: float


GAINED = (Basin("at the bottom", True), Basin("half-way", False), Basin("stuck", False))
FOUND = (Basin("lowest", True), Basin("higher", False))
DIVERGED = Basin("diverged", False)


@dataclass(frozen=True, eq=False)
class StartsResult:
    """The state of all starts after `done` of `epochs` epochs; arrays are (starts, …).

    `begin` and `end` (starts, parameters) are weights, `begin_losses` and `losses` the training
    losses there; a lane that diverged has `inf`. `accuracy` is that on the training rows, NaN where
    there are no classes. `basin` holds indices into `basins`, the last of which is for lanes that
    diverged. `good` says which starts reached a good minimum.

    On data, a start's basin depends on the share of the way down that it went,
    `s = (c − loss) / (c − least)`, with c the `reference`, the loss of the best constant, and least
    the least final loss: at the bottom for `s ≥ 0.9`, stuck for `s ≤ 0.1` (no better than a
    constant), else half-way. No start is good if even the least loss is not below c. This depends
    neither on the loss's scale nor on the spread. On a surface with known minima the basin is that
    of the nearest one, good if that is global, or none.
    """

    spread: float
    loss_name: str
    optimizer: str
    learning_rate: float
    epochs: int
    done: int
    begin: Floats
    end: Floats
    begin_losses: Floats
    losses: Floats
    accuracy: Floats
    reference: float
    basins: tuple[Basin, ...]
    basin: NDArray[np.intp]

    @property
    def good(self) -> NDArray[np.bool_]:
        """Which starts (starts,) reached a good minimum."""
        good = np.array([basin.good for basin in self.basins])
        reached: NDArray[np.bool_] = good[self.basin]
        return reached

    @property
    def counts(self) -> NDArray[np.intp]:
        """How many starts ended in each of `basins`."""
        return np.bincount(self.basin, minlength=len(self.basins))

    @property
    def order(self) -> NDArray[np.intp]:
        """The starts from the least final loss to the greatest, those that diverged last."""
        return np.argsort(self.losses, kind="stable")


def draw_starts(parameters: int, count: int, spread: float, seed: int) -> Floats:
    """Return `spread · N(0, 1)` (count, parameters) drawn with `default_rng([seed, 0])`.

    Fewer starts are the first ones of more; another spread scales the same starts.
    """
    rng = np.random.default_rng([abs(seed), 0])
    drawn: Floats = spread * rng.standard_normal((count, parameters))
    return drawn


def row_work(rows: int, model: Model) -> int:
    """Return what one epoch of one lane costs: `rows · (units + parameters / 16)`.

    Units are those of the output too. Measured from 3 to 20,000 weights: 4 to 10 ns each.
    """
    units = sum(model.hidden) + model.outputs
    return max(rows, 1) * (units + model.parameters // 16)


def affordable_starts(work: int, epochs: int) -> int:
    """Return how many starts are tried: `work · starts · epochs ≤ MOST_WORK`, but at least 8.

    `work` is the `row_work` of one epoch of one lane.
    """
    return min(STARTS, max(FEWEST_STARTS, int(MOST_WORK / max(work * epochs, 1))))


def ladder_size(work: int, epochs: int, starts: int) -> tuple[int, int]:
    """Return how many starts and epochs each rate of `LADDER` gets within the budget.

    First there are fewer starts, then fewer epochs, but at least 10.
    """
    fitting = MOST_WORK / (max(work, 1) * len(LADDER))
    count = int(min(LADDER_STARTS, starts, max(1.0, fitting / max(epochs, 1))))
    return count, int(min(epochs, max(FEWEST_LADDER_EPOCHS, fitting / count)))


def run_starts(
    trainer: Trainer,
    epochs: int,
    spread: float,
    *,
    minima: Minima | None = None,
    wanted: Callable[[], bool] = lambda: True,
    show: Callable[[StartsResult], None] | None = None,
) -> StartsResult:
    """Train the lanes of `trainer`, one for each start, up to `epochs`; return where they end.

    `show` gets the result so far every quarter of a second. `Interrupted` is raised as soon as
    `wanted` is false; it is called between blocks of rows too.
    """
    with computing():
        begin, losses = trainer.weights.copy(), trainer.loss.copy()
        reference = constant_loss(trainer.engine, trainer.problem, trainer.model)
        if not np.isfinite(reference):
            finite = losses[np.isfinite(losses)]
            reference = float(np.median(finite)) if len(finite) else np.nan

        def result(*, whole: bool) -> StartsResult:
            end, method = trainer.weights.copy(), trainer.descent.methods[0]
            diverged = trainer.diverged | ~np.isfinite(trainer.loss)
            ended = np.where(diverged, np.inf, trainer.loss)
            basins, basin = _basins(end, ended, reference, minima)
            return StartsResult(
                spread=spread,
                loss_name=method.loss,
                optimizer=method.optimizer.name,
                learning_rate=float(trainer.learning_rates[0]),
                epochs=epochs,
                done=trainer.epoch,
                begin=begin,
                end=end,
                begin_losses=losses,
                losses=ended,
                accuracy=_accuracy(trainer, end) if whole else np.full(len(end), np.nan),
                reference=reference,
                basins=(*basins, DIVERGED),
                basin=np.where(diverged, len(basins), basin),
            )

        time_to_show = Every(_SHOW_SECONDS)
        for epoch in bursts_while(wanted, trainer, epochs, _BURST_SECONDS):
            if show is not None and epoch < epochs and time_to_show():
                show(result(whole=False))
        return result(whole=True)


def best_rate(
    trainer: Trainer, rates: Sequence[float], epochs: int, wanted: Callable[[], bool]
) -> float:
    """Return the rate whose lanes have the least median loss after `epochs`; of two, the smaller.

    `trainer` has the same number of lanes for each rate, those of the first rate first. The loss of
    a lane that diverged counts as infinite.
    """
    with computing():
        for _ in bursts_while(wanted, trainer, epochs, _BURST_SECONDS):
            pass
        ended = np.where(trainer.diverged, np.inf, trainer.loss).reshape(len(rates), -1)
        median = np.median(ended, axis=1)
    return float(rates[int(np.argmin(np.where(np.isnan(median), np.inf, median)))])


def _basins(
    end: Floats, losses: Floats, reference: float, minima: Minima | None
) -> tuple[tuple[Basin, ...], NDArray[np.intp]]:
    """Return the basins of starts that have not diverged, and each start's index (starts,)."""
    if minima is None:
        return GAINED, basin_by_share(losses, reference)
    if len(minima.points):
        return nearest_basins(end, minima)
    return FOUND, lowest_found(end, losses, minima.tolerance)


def basin_by_share(losses: Floats, reference: float) -> NDArray[np.intp]:
    """Return indices into `GAINED` for final losses (starts,); those not finite are stuck.

    With `s = (c − loss) / (c − least)`, c the `reference` and least the least loss: at the
    bottom from `BOTTOM_SHARE` on, stuck up to `STUCK_SHARE`. All are stuck where the least is not
    below c.
    """
    bottom, half_way, stuck = range(len(GAINED))
    least = float(losses.min(initial=np.inf))
    # the loss must have fallen by more than rounding error
    if not reference - least > 1e-9 * abs(reference):
        return np.full(len(losses), stuck)
    share = (reference - losses) / (reference - least)
    found: NDArray[np.intp] = np.select(
        [share >= BOTTOM_SHARE, share > STUCK_SHARE], [bottom, half_way], stuck
    )
    return found


def nearest_basins(ends: Floats, minima: Minima) -> tuple[tuple[Basin, ...], NDArray[np.intp]]:
    """Return the basins, those of known minima and "no minimum", and each end's index (starts,).

    `ends` is (starts, parameters). An end is in the basin of the minimum with the least
    `‖end − minimum‖`, if that is within the tolerance, else in the last basin.
    """
    away = lengths(ends[:, None] - minima.points[None])
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
    """Return indices into `FOUND` for ends (starts, parameters) of a function of unknown minima.

    The lowest are those within `tolerance` of the end with the least loss, and those no more than
    `AS_LOW · max(|least|, q − least)` above it, q the upper quartile of the finite losses: a
    minimum may be the whole floor of a valley, or several may be equally low.
    """
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        return np.ones(len(losses), np.intp)
    least = float(finite.min())
    as_low = AS_LOW * max(abs(least), float(np.quantile(finite, 0.75)) - least)
    away = lengths(ends - ends[int(np.argmin(losses))])
    found: NDArray[np.intp] = np.where((losses <= least + as_low) | (away <= tolerance), 0, 1)
    return found


def _accuracy(trainer: Trainer, weights: Floats) -> Floats:
    """Return the share of training rows predicted right (lanes,); NaN without classes."""
    problem = trainer.problem
    rows = len(problem.y_train)
    if problem.task not in {"binary", "multiclass"}:
        return np.full(len(weights), np.nan)
    predictor, right = trainer.predictor, np.zeros(len(weights))
    for start in range(0, rows, _ACCURACY_ROWS):
        part = slice(start, start + _ACCURACY_ROWS)
        x, y = problem.rows(problem.x_train, part), problem.y_train[part]
        for lane, one in enumerate(weights):
            if trainer.engine.between_blocks is not None:
                trainer.engine.between_blocks()
            right[lane] += np.count_nonzero(predictor.predict(one, x) == y)
    return right / max(rows, 1)
