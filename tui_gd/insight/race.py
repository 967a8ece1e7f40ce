"""Races: many learning rates from one start, one lane each, and how each of them ended."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.engine import computing
from tui_gd.learning.models import Floats
from tui_gd.training.bursts import Every, bursts_while
from tui_gd.training.trainer import Trainer

ROUNDING = 1e-9
"""A loss above the start's by no more than this share differs by rounding alone."""
NEAR = 0.01
"""A loss within this share of the least one counts as arrived."""
CLIFF, CLIFF_SHARE, BESIDE = 10.0, 1e-3, 2.0
"""Beyond a cliff a loss is so many times as large, and by this share of the start's loss larger;
it is at most by this factor of the learning rate away."""
HALF = 0.5
"""A rate that goes down less far than this share is too small to be advised."""
LONGEST_BURST = 16
"""Bursts are short, because the rest of a burst is computed again when a lane diverges."""
BURST_SECONDS = 0.02
SHOW_SECONDS = 0.1


def rates_around(rate: float, count: int, decades: float) -> Floats:
    """Return `rate · 10^(decades · (i − ⌊count/2⌋) / (count − 1))` for i = 0 … count − 1.

    They rise, (count,), and include `rate` itself exactly; rates beyond the range of doubles are
    left out. `ValueError` unless `rate` and `decades` are positive and `count` is at least 1.

    >>> rates_around(0.01, 3, 2.0).tolist()
    [0.001, 0.01, 0.1]
    """
    if not (0 < rate < math.inf and 0 < decades < math.inf and count >= 1):
        raise ValueError(f"no {count} learning rates over {decades:g} decades around {rate:g}")
    places = np.arange(count) - count // 2
    with np.errstate(over="ignore", under="ignore"):
        rates = rate * 10.0 ** (decades * places / max(count - 1, 1))
    found: Floats = np.unique(rates[(rates > 0) & np.isfinite(rates)])
    return found


def rounded(rate: float) -> str:
    """Return a learning rate as a person would type it: to two digits, or whole if it is short.

    >>> rounded(0.24041), rounded(0.0125), rounded(0.3)
    ('0.24', '0.0125', '0.3')
    """
    whole = float(f"{rate:.3g}")
    return f"{whole if whole == rate else float(f'{rate:.2g}'):g}"


@dataclass(frozen=True, eq=False)
class Contender:
    """An optimizer with the best of its own learning rates.

    `lane` is that rate's lane in the race, None if all lanes of the optimizer diverged; then the
    numbers are NaN and the arrays empty. `train` and `test` (epochs + 1,) are its losses after
    0 … epochs. `near` is the first epoch with `loss ≤ least + 0.01 · |least|`.
    """

    optimizer: str
    lane: int | None
    rate: float = math.nan
    train_loss: float = math.nan
    test_loss: float = math.nan
    near: int | None = None
    train: Floats = field(default_factory=lambda: np.empty(0))
    test: Floats = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True, eq=False)
class RaceResult:
    """The state of a race's lanes after `done` of `epochs` epochs; arrays are (lanes,).

    `train` and `test` are the losses at that epoch, NaN where the lane diverged or where the test
    loss was not computed. `diverged` is the last epoch with finite numbers, −1 for lanes that still
    have them. `ended_higher` lanes are finite, but above `begin`, the loss of the start. `best` is
    the lane with the least training loss, `best_test` that with the least test loss, of two the one
    with the smaller rate; None for none. There is one contender for each optimizer.

    Of several `folds` losses are means over them, and a lane has failed if it has in one of them;
    see `over_folds`.

    With validation rows these stand in for the test rows, so that no rate is chosen by the latter:
    `held_out` says on which rows, "test" or "validation", the losses in `test` are.

    Each optimizer is compared at the best of its own rates: one rate for all would be unfair, since
    α means something else in each. Adam's first step is α long in every direction, that of gradient
    descent α times the gradient.
    """

    rates: Floats
    optimizers: tuple[str, ...]
    epochs: int
    done: int
    begin: float
    train: Floats
    test: Floats
    diverged: NDArray[np.intp]
    ended_higher: NDArray[np.bool_]
    best: int | None
    best_test: int | None
    contenders: tuple[Contender, ...]
    held_out: str = "test"
    folds: int = 0

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which lanes diverged or ended above the start."""
        failed: NDArray[np.bool_] = (self.diverged >= 0) | self.ended_higher
        return failed

    @property
    def diverging_band(self) -> tuple[float, float] | None:
        """The least and the greatest rate that failed; None for none, or for several optimizers."""
        rates = self.rates[self.failed]
        if not len(rates) or len(self.contenders) > 1:
            return None
        return float(rates.min()), float(rates.max())

    def cliff(self, lane: int) -> int | None:
        """Return the lane with the next larger rate, if it is near and the loss jumps up there.

        It does if that lane failed, or if its train or test loss is `CLIFF` times this lane's and
        larger by `CLIFF_SHARE` of the start's loss.
        """
        same = np.array(self.optimizers) == self.optimizers[lane]
        near = (self.rates > self.rates[lane]) & (self.rates <= BESIDE * self.rates[lane])
        larger = np.flatnonzero(same & near)
        if not len(larger):
            return None
        beyond = int(larger[np.argmin(self.rates[larger])])
        jumps = any(
            losses[beyond] > CLIFF * abs(losses[lane])
            and losses[beyond] - losses[lane] > CLIFF_SHARE * abs(self.begin)
            for losses in (self.train, self.test)
        )
        return beyond if self.failed[beyond] or jumps else None

    @property
    def advised(self) -> int | None:
        """The lane to go on with: the best on held-out rows, else on train rows, away from a cliff.

        Only lanes count that went down at least `HALF` as far as the lowest.
        It is `best` if its test loss is within `NEAR` of the least; of several optimizers, and
        where every lane is at a cliff, too. Of several optimizers, with validation rows, it is
        `best_test`.
        """
        if len(self.contenders) > 1 and self.held_out == "validation":
            return self.best_test
        if len(self.contenders) > 1 or self.best is None:
            return self.best
        losses = self.train if self.best_test is None else self.test
        at_cliff = np.array([self.cliff(lane) is not None for lane in range(len(losses))])
        behind = self.begin - self.train < HALF * (self.begin - self.train[self.best])
        found = _least(np.where(at_cliff | self.failed | behind, np.nan, losses), self.rates)
        if found is None or (not at_cliff[self.best] and self.alike(losses, self.best, found)):
            return self.best
        return found

    @staticmethod
    def alike(losses: Floats, lane: int, other: int) -> bool:
        """Return whether a lane's loss is within `NEAR` of another's."""
        return bool(losses[lane] - losses[other] <= NEAR * abs(losses[other]))

    def edge(self, lane: int) -> str:
        """Return which end of its optimizer's rates a lane has, in words; nothing for neither.

        If such a lane is the best one, a better rate may lie beyond it.
        """
        own = self.rates[np.array(self.optimizers) == self.optimizers[lane]]
        ends = {float(own.min()): "the smallest tried", float(own.max()): "the largest tried"}
        return ends.get(float(self.rates[lane]), "") if len(own) > 1 else ""

    def beyond(self, lane: int) -> str:
        """Return how the next larger rate ends where the loss jumps up, in words, else nothing."""
        next_lane = self.cliff(lane)
        if next_lane is None:
            return ""
        if self.diverged[next_lane] >= 0:
            end = "diverges"
        else:
            end = f"ends at {self.train[next_lane]:.2g}"
        return f"the next rate, {rounded(self.rates[next_lane])}, {end}"

    def note(self, lane: int, current: float = math.nan) -> str:
        """Describe a lane in a few words; `current` is the rate in use."""
        notes = []
        if lane in {self.best, self.best_test, self.advised}:
            least = (
                "least train loss" * (lane == self.best),
                f"least {self.held_out} loss" * (lane == self.best_test),
            )
            notes = ["best"] if lane == self.advised else [one for one in least if one]
            notes += [one for one in (self.edge(lane), self.beyond(lane)) if one]
        if self.rates[lane] == current:
            notes.append("current")
        if self.diverged[lane] >= 0:
            notes.append(f"diverged after epoch {self.diverged[lane]}")
        if self.ended_higher[lane]:
            notes.append("ended higher")
        return ", ".join(notes)

    @classmethod
    def of(
        cls, trainer: Trainer, epochs: int | None = None, test: Floats | None = None
    ) -> "RaceResult":
        """Return the state of the lanes of `trainer`, which all had one start, at its epoch.

        `epochs` is the last epoch of the race, by default the present one. `test` (lanes,) are the
        test losses, by default those on record.
        """
        lanes, done, validates = trainer.lanes, trainer.epoch, trainer.validates
        diverged = np.array([-1 if lane.diverged is None else lane.diverged for lane in lanes])
        finite = (diverged < 0) & np.isfinite(trainer.loss)
        train = np.where(finite, trainer.loss, np.nan)
        if test is None:
            history = trainer.history
            series = history.validation_loss if validates else history.test_loss
            test = np.array([series.at(i, done) for i in range(len(lanes))])
        held_out = np.where(finite & np.isfinite(test), test, np.nan)
        rates = np.array([lane.rates[0][1] for lane in lanes])
        names = tuple(lane.method_at(0).optimizer.name for lane in lanes)
        begin = float(trainer.losses(0)[0])

        def contender(name: str) -> Contender:
            lane = _best_of(name, names, rates, held_out if validates else train)
            if lane is None:
                return Contender(name, None)
            losses = trainer.losses(lane)[: done + 1]
            others = trainer.validation_losses if validates else trainer.test_losses
            least = float(np.nanmin(losses))
            near = int(np.argmax(losses <= least + NEAR * abs(least)))
            ends = float(train[lane]), float(held_out[lane])
            return Contender(
                name, lane, float(rates[lane]), *ends, near, losses, others(lane)[: done + 1]
            )

        return cls(
            rates=rates,
            optimizers=names,
            epochs=done if epochs is None else epochs,
            done=done,
            begin=begin,
            train=train,
            test=held_out,
            diverged=diverged,
            ended_higher=finite & (train > begin + ROUNDING * abs(begin)),
            best=_least(train, rates),
            best_test=_least(held_out, rates),
            contenders=tuple(map(contender, dict.fromkeys(names))),
            held_out="validation" if validates else "test",
        )


def race(
    trainer: Trainer,
    epochs: int,
    *,
    wanted: Callable[[], bool] = lambda: True,
    show: Callable[[RaceResult], None] | None = None,
) -> RaceResult:
    """Train all lanes of `trainer` up to `epochs` and return how they ended.

    `show` gets the state about ten times a second, or after every epoch that takes longer.
    `Interrupted` is raised as soon as `wanted` is false; it is called between blocks of rows too.
    Test losses that the trainer does not record are computed once, at the end.
    """
    time_to_show = Every(SHOW_SECONDS)
    with computing():
        for epoch in bursts_while(wanted, trainer, epochs, BURST_SECONDS, LONGEST_BURST):
            if show is not None and epoch < epochs and time_to_show():
                show(RaceResult.of(trainer, epochs))
        result = RaceResult.of(trainer, epochs)
        if not np.isnan(result.test).all() or not len(trainer.problem.y_test):
            return result
        engine = trainer.engines.test(trainer.lanes[0].method_at(0).loss)
        test = engine.loss(np.ascontiguousarray(trainer.weights))
    return RaceResult.of(trainer, epochs, test)


def over_folds(results: Sequence[RaceResult]) -> RaceResult:
    """Return the race over folds, from the race of the same lanes in each fold.

    A lane's losses are their means over the folds, NaN where it diverged in one of them. Nothing is
    trained on the rows that a fold holds out, so they stand in for validation rows. Contenders have
    no curves.
    """
    first = results[0]
    rates, optimizers = first.rates, first.optimizers
    train, held_out = (
        np.mean([getattr(one, name) for one in results], axis=0) for name in ("train", "test")
    )
    ends = np.array([one.diverged for one in results])
    diverged = np.where(ends < 0, np.iinfo(ends.dtype).max, ends).min(axis=0)

    def contender(name: str) -> Contender:
        lane = _best_of(name, optimizers, rates, held_out)
        lane = _best_of(name, optimizers, rates, train) if lane is None else lane
        if lane is None:
            return Contender(name, None)
        return Contender(name, lane, float(rates[lane]), float(train[lane]), float(held_out[lane]))

    return RaceResult(
        rates=rates,
        optimizers=optimizers,
        epochs=first.epochs,
        done=max(one.done for one in results),
        begin=float(np.mean([one.begin for one in results])),
        train=train,
        test=held_out,
        diverged=np.where((ends < 0).all(axis=0), -1, diverged),
        ended_higher=np.any([one.ended_higher for one in results], axis=0),
        best=_least(train, rates),
        best_test=_least(held_out, rates),
        contenders=tuple(map(contender, dict.fromkeys(optimizers))),
        held_out="validation",
        folds=len(results),
    )


def _least(losses: Floats, rates: Floats) -> int | None:
    """Return the index of the least loss, of equal ones that of the smallest rate."""
    if np.isnan(losses).all():
        return None
    equal = np.flatnonzero(losses == np.nanmin(losses))
    return int(equal[np.argmin(rates[equal])])


def _best_of(name: str, names: tuple[str, ...], rates: Floats, losses: Floats) -> int | None:
    """Return the lane with the least loss among those of the optimizer `name`."""
    return _least(np.where(np.array(names) == name, losses, np.nan), rates)
