"""Many starts: one lane for each of hundreds of random starts, and where every one of them ends."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.engine import computing, interrupting
from tui_gd.learning.models import Floats, Model, Predictor
from tui_gd.training.bursts import Bursts, Every
from tui_gd.training.trainer import Trainer

# Basins: where descents from many starts end, by known minima or by how far they came down.

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


STARTS = 256
FEWEST_STARTS = 8
# `row_work` × starts × epochs that one loss may cost: some twenty seconds of a core
MOST_WORK = 2e9
# the learning rates among which the best one for a loss is looked for
LADDER = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
LADDER_STARTS = 16
FEWEST_LADDER_EPOCHS = 10
_BURST_SECONDS = 0.05
_SHOW_SECONDS = 0.25
_ACCURACY_ROWS = 65_536


@dataclass(frozen=True, eq=False)
class StartsResult:
    """Where all starts stand after `done` of `epochs` epochs; arrays are (starts, …).

    `begin` and `end` (starts, parameters) are weights, `begin_losses` and `losses` the training
    losses there, the last `inf` for a lane that diverged. `accuracy` is that on the training rows,
    NaN where there are no classes. `basin` are places in `basins`, the last of which is of those
    that diverged. `good` says which starts reached a good minimum.

    Without known minima a start's basin is told by the share of the way down that it went,
    `s = (c − loss) / (c − least)`, with c the loss of the best scores that ignore the features
    (without rows: the median loss of the starts) and least the least final loss:
    good `s ≥ 0.9`, lost `s ≤ 0.1` (no better than to ignore the features), or between. No start is
    good if even the least loss is not below c. This is free of the loss's scale and of the spread.
    With known minima it is the nearest one, good if that is global, or none.
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

    Fewer starts are the first of more, and another spread is the same starts nearer or farther.
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


def affordable_starts(work: int, epochs: int, wanted: int = STARTS) -> int:
    """Return how many starts are tried: `work · starts · epochs ≤ 2e9`, but 8 at least.

    `work` is that of an epoch of one lane, `row_work`.
    """
    return min(wanted, max(FEWEST_STARTS, int(MOST_WORK / max(work * epochs, 1))))


def ladder_size(work: int, epochs: int, starts: int) -> tuple[int, int]:
    """Return with how many starts and epochs each rate of `LADDER` is tried, within the budget.

    Where it is too small, first there are fewer starts, then fewer epochs: 10 at least.
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
    """Let the lanes of `trainer`, one for each start, go on to `epochs`; say where they end.

    `show` is given the checkpoint after every quarter of a second. As soon as `wanted` is false,
    which is looked at between blocks of rows too, `Interrupted` is raised.
    """
    with computing():
        begin, losses = trainer.weights.copy(), trainer.loss.copy()
        reference = _loss_without_features(trainer)
        if not np.isfinite(reference):
            finite = losses[np.isfinite(losses)]
            reference = float(np.median(finite)) if len(finite) else np.nan

        def checkpoint(*, whole: bool) -> StartsResult:
            return _standing(trainer, epochs, spread, (begin, losses), reference, minima, whole)

        time_to_show = Every(_SHOW_SECONDS)
        for epoch in _bursts(trainer, epochs, wanted):
            if show is not None and epoch < epochs and time_to_show():
                show(checkpoint(whole=False))
        return checkpoint(whole=True)


def best_rate(
    trainer: Trainer, rates: Sequence[float], epochs: int, wanted: Callable[[], bool]
) -> float:
    """Return the rate whose lanes have the least median loss after `epochs`, of equals the least.

    `trainer` has the same number of lanes for each rate, those of the first rate first. A lane
    that diverged counts as infinitely high.
    """
    with computing():
        for _ in _bursts(trainer, epochs, wanted):
            pass
        ended = np.where(trainer.diverged, np.inf, trainer.loss).reshape(len(rates), -1)
        median = np.median(ended, axis=1)
    return float(rates[int(np.argmin(np.where(np.isnan(median), np.inf, median)))])


def _bursts(trainer: Trainer, epochs: int, wanted: Callable[[], bool]) -> Iterator[int]:
    """Go forward in bursts and yield the epoch after each; raise `Interrupted` if not wanted."""
    look = trainer.engines.between_blocks = interrupting(wanted)
    look()
    for epoch in Bursts(trainer, _BURST_SECONDS).to(epochs):
        yield epoch
        look()


def _loss_without_features(trainer: Trainer) -> float:
    """Return the training loss of scores that are the same for all rows; NaN without rows.

    They are those of the share of every class, `log(share)` or `log(share / (1 − share))`, or the
    mean of the target.
    """
    problem, model = trainer.problem, trainer.model
    y = problem.y_train
    if not len(y):
        return np.nan
    weights = np.zeros((1, model.parameters), trainer.weights.dtype)
    if problem.task == "regression":
        scores = np.array([float(np.asarray(y, np.float64).mean())])
    else:
        counts = np.bincount(y.astype(np.intp), minlength=max(2, model.outputs))
        shares = np.maximum(counts, 0.5) / len(y)
        scores = np.log(shares) if model.outputs > 1 else np.log(shares[1:] / shares[0])
    model.matrices(weights)[-1][0, -1] = scores
    return float(trainer.engine.loss(weights)[0])


def _standing(
    trainer: Trainer,
    epochs: int,
    spread: float,
    began: tuple[Floats, Floats],
    reference: float,
    minima: Minima | None,
    whole: bool,
) -> StartsResult:
    end = trainer.weights.copy()
    diverged = trainer.diverged | ~np.isfinite(trainer.loss)
    losses = np.where(diverged, np.inf, trainer.loss)
    basins: tuple[Basin, ...]
    if minima is not None and len(minima.points):
        basins, basin = nearest_basins(end, minima)
    elif minima is not None:
        basins, basin = FOUND, lowest_found(end, losses, minima.tolerance)
    else:
        basins, basin = GAINED, basin_by_share(losses, reference)
    basin = np.where(diverged, len(basins), basin)
    method = trainer.descent.methods[0]
    return StartsResult(
        spread=spread,
        loss_name=method.loss,
        optimizer=method.optimizer.name,
        learning_rate=float(trainer.learning_rates[0]),
        epochs=epochs,
        done=trainer.epoch,
        begin=began[0],
        end=end,
        begin_losses=began[1],
        losses=losses,
        accuracy=_accuracy(trainer, end) if whole else np.full(len(end), np.nan),
        reference=reference,
        basins=(*basins, DIVERGED),
        basin=basin,
    )


def _accuracy(trainer: Trainer, weights: Floats) -> Floats:
    """Return the share of training rows (lanes,) that are predicted right; NaN without classes."""
    problem = trainer.problem
    rows = len(problem.y_train)
    if problem.task not in {"binary", "multiclass"}:
        return np.full(len(weights), np.nan)
    predictor, right = Predictor(trainer.model, problem.task), np.zeros(len(weights))
    for start in range(0, rows, _ACCURACY_ROWS):
        part = slice(start, start + _ACCURACY_ROWS)
        x, y = problem.rows(problem.x_train, part), problem.y_train[part]
        for lane, one in enumerate(weights):
            if trainer.engine.between_blocks is not None:
                trainer.engine.between_blocks()
            right[lane] += np.count_nonzero(predictor.predict(one, x) == y)
    return right / max(rows, 1)
