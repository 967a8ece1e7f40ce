"""What losses say beside the descent: which epoch counts, when to stop, how good a constant is.

Losses on test and validation rows are computed after the fact, many epochs in one call. Descent
does not need them, so a pass over these rows may be interrupted: what is missing stays in a queue.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.engine import Engine, EngineMaker
from tui_gd.learning.losses import Targets
from tui_gd.learning.models import Floats, Model
from tui_gd.problems.problem import Problem
from tui_gd.training.series import Series


@dataclass(slots=True)
class _Pending:
    """The weights (epochs, lanes, parameters) of some lanes at epochs `first` and after."""

    first: int
    lanes: list[int]
    loss: str
    weights: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The weights (parameters,) of a lane that count, and the epoch that they are from."""

    epoch: int
    weights: Floats


class Evaluation:
    """A queue of weights whose losses on some rows are to be written into `series`.

    Lanes go by position. `best` has, where it is known, each lane's epoch of the least loss since
    its last change of the loss; only losses computed here count, so what is on record may be less.
    """

    def __init__(self, series: Series) -> None:
        self._series = series
        self._pending: list[_Pending] = []
        self.best: list[tuple[Best, float] | None] = [None] * series.lanes

    @property
    def pending(self) -> bool:
        """Whether any loss is missing."""
        return bool(self._pending)

    def add(
        self, first: int, weights: Floats, finite: NDArray[np.bool_], losses: Sequence[str]
    ) -> None:
        """Queue the weights (epochs, lanes, parameters) of epochs `first` and after.

        `losses` names every lane's loss in these epochs. A lane is evaluated up to its last epoch
        that has `finite` (epochs, lanes) set and no loss on record.
        """
        missing = finite & np.isnan(self._series.block(first, first + len(weights)))
        epochs = np.where(missing.any(axis=0), len(missing) - missing[::-1].argmax(axis=0), 0)
        alike: dict[tuple[str, int], list[int]] = {}
        for lane, count in enumerate(epochs.tolist()):
            if count:
                alike.setdefault((losses[lane], count), []).append(lane)
        for (loss, count), lanes in alike.items():
            part = weights[:count] if len(lanes) == weights.shape[1] else weights[:count, lanes]
            self._pending.append(_Pending(first, lanes, loss, part.copy()))

    def finish(self, engine_for: EngineMaker) -> None:
        """Compute everything in the queue; `Interrupted` leaves the rest in it."""
        while self._pending:
            one = self._pending[0]
            epochs, lanes, parameters = one.weights.shape
            losses = engine_for(one.loss).loss(one.weights.reshape(-1, parameters))
            losses = losses.reshape(epochs, lanes)
            self._note_best(one, losses)
            if one.lanes == list(range(self._series.lanes)):
                self._series.write(one.first, losses)
            else:
                for lane, values in zip(one.lanes, losses.T, strict=True):
                    self._series.write_lane(lane, one.first, values)
            del self._pending[0]

    def _note_best(self, one: _Pending, losses: Floats) -> None:
        least = np.where(np.isnan(losses), np.inf, losses).argmin(axis=0)
        for column, (lane, at) in enumerate(zip(one.lanes, least.tolist(), strict=True)):
            loss, known = float(losses[at, column]), self.best[lane]
            if loss < (np.inf if known is None else known[1]):
                weights = one.weights[at, column].copy()
                self.best[lane] = (Best(one.first + at, weights), loss)

    def forget(self, lane: int, after: int) -> None:
        """Remove a lane's weights after epoch `after`."""
        known = self.best[lane]
        if known is not None and known[0].epoch > after:
            self.best[lane] = None
        kept = self._of_lane(lane, after)
        self._remove(lane)
        self._pending += kept

    def branch(self, parent: int, lane: int, epoch: int) -> None:
        """Queue for a new lane what its parent has in the queue up to `epoch`."""
        self.best.append(self.best[parent])
        self.forget(lane, epoch)
        for one in self._of_lane(parent, epoch):
            one.lanes = [lane]
            self._pending.append(one)

    def close(self, position: int) -> None:
        """Remove a lane; later positions move up by one."""
        self._remove(position)
        del self.best[position]
        for one in self._pending:
            one.lanes = [lane - (lane > position) for lane in one.lanes]

    def _of_lane(self, lane: int, last: int) -> list[_Pending]:
        """Return copies of what is queued of one lane up to epoch `last`."""
        found = []
        for one in self._pending:
            epochs = max(0, last + 1 - one.first)
            if lane in one.lanes and epochs:
                own = one.lanes.index(lane)
                part = one.weights[:epochs, own : own + 1].copy()
                found.append(_Pending(one.first, [lane], one.loss, part))
        return found

    def _remove(self, lane: int) -> None:
        for one in self._pending:
            if lane in one.lanes:
                one.weights = np.delete(one.weights, one.lanes.index(lane), axis=1)
                one.lanes.remove(lane)
        self._pending = [one for one in self._pending if one.lanes]


# Stop rules


@dataclass(frozen=True)
class StopRules:
    """When a run stops before its last epoch; a rule that is None does not apply.

    `target_loss`: every lane's training loss is at most this. `gradient_norm`: every lane's
    gradient norm is. `patience`: no lane's loss on the validation rows, or on the test rows where
    there are none, has had a new minimum for this many epochs.
    """

    target_loss: float | None = None
    gradient_norm: float | None = None
    patience: int | None = None

    def __bool__(self) -> bool:
        """Whether there is any rule."""
        return (self.target_loss, self.gradient_norm, self.patience) != (None, None, None)

    def reason(
        self,
        first: int,
        train: Floats,
        norms: Floats,
        watched: Floats,
        best: Sequence[tuple[int, float]],
        rows: str = "test",
    ) -> tuple[int, str]:
        """Return the first epoch that fulfils a rule, and the rule in words; (−1, "") if none.

        `train`, `norms` and `watched` are (epochs, lanes) of epochs `first` and after. `watched`
        and `best` are needed only for patience: losses on the `rows` of that name, and each lane's
        least before `first`, as (epoch, loss).
        """
        found: list[tuple[NDArray[np.bool_], str]] = []
        if self.target_loss is not None:
            found.append((train <= self.target_loss, f"training loss at most {self.target_loss:g}"))
        if self.gradient_norm is not None:
            low = norms <= self.gradient_norm
            found.append((low, f"gradient norm at most {self.gradient_norm:g}"))
        if self.patience is not None:
            stale = _epochs_without_best(first, watched, best) >= self.patience
            found.append((stale, f"{rows} loss no lower for {self.patience} epochs"))
        fulfilled = [(lanes.all(axis=1), why) for lanes, why in found]
        reached = [(first + int(np.argmax(at)), why) for at, why in fulfilled if at.any()]
        return min(reached, default=(-1, ""))


def _epochs_without_best(
    first: int, losses: Floats, best: Sequence[tuple[int, float]]
) -> NDArray[np.intp]:
    """Return for every epoch (epochs, lanes) how many epochs ago the least loss so far was."""
    before = np.array(best).reshape(-1, 2)
    least = np.fmin.accumulate(np.vstack([before[:, 1], losses]), axis=0)
    at = np.arange(first, first + len(losses))[:, None]
    improved = np.where(least[1:] < least[:-1], at, before[:, 0].astype(np.intp))
    last: NDArray[np.intp] = np.maximum.accumulate(improved, axis=0)
    return at - last


# The best constant

BISECTIONS = 60
"""Halvings of the targets' range for Huber's constant: more than the bits of a double."""


def constant_loss(engine: Engine, problem: Problem, model: Model) -> float:
    """Return the engine's loss on the train rows for the best constant scores; NaN without rows.

    All weights are 0 but those of the last bias.
    """
    if not len(problem.y_train):
        return np.nan
    weights = np.zeros((1, model.parameters))
    scores = best_constant(engine.rule.name, problem.task, problem.y_train, model.outputs)
    model.matrices(weights)[-1][0, -1] = scores
    return float(engine.loss(weights)[0])


def best_constant(loss: str, task: str, y: Targets, outputs: int) -> Floats:
    """Return the scores (outputs,), the same for all rows, with the least loss of that name.

    Of targets `y` (rows,): their mean for squared errors, their median for `mae`, for `huber` the
    c with `Σ clip(c − y, −1, 1) = 0`. Of classes with shares s: `log s`, or `log(s₁/s₀)` of two,
    for cross-entropy and squared errors, whose p is then s; for `hinge` `hinge_constant`.
    """
    if task == "regression":
        targets = np.asarray(y, np.float64)
        if loss == "mae":
            return np.array([np.median(targets)])
        return np.array([_huber_constant(targets) if loss == "huber" else targets.mean()])
    counts = np.bincount(y.astype(np.intp), minlength=max(2, outputs))
    if loss == "hinge":
        scores = hinge_constant(counts / len(y))
        return scores if outputs > 1 else np.sign(scores[1:] - scores[:1])
    shares: Floats = np.maximum(counts, 0.5) / len(y)
    return np.log(shares) if outputs > 1 else np.log(shares[1:] / shares[0])


def _huber_constant(targets: Floats) -> float:
    low, high = float(targets.min()), float(targets.max())
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if np.clip(middle - targets, -1.0, 1.0).sum() < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def hinge_constant(shares: Floats) -> Floats:
    """Return the scores (classes,) with the least `Σ_y s_y Σ_{j≠y} max(0, z_j − z_y + 1)`.

    A larger share gets no lower score, and from one class to the next the score falls by 0 or 1:
    less is worth nothing until it is 1, as the loss is linear between, and more only costs. With
    shares in falling order, a step of 1 behind the first t classes costs t times the shares behind
    it, and two classes on one level cost the larger share of the two. So the levels are found by
    dynamic programming over where one ends.
    """
    order = np.argsort(-shares, kind="stable")
    falling, count = shares[order], len(shares)
    behind = falling[::-1].cumsum()[::-1]
    best, last = np.full(count + 1, np.inf), np.zeros(count + 1, np.intp)
    best[0] = 0.0
    for start in range(count):
        step = best[start] + (start * behind[start] if start else 0.0)
        # the cost of a level that ends with each of the classes from here on
        level: Floats = np.concatenate([[0.0], falling[start:-1].cumsum()]).cumsum()
        better = step + level < best[start + 1 :]
        best[start + 1 :][better] = (step + level)[better]
        last[start + 1 :][better] = start
    scores, end, height = np.zeros(count), count, 0.0
    while end:
        scores[order[last[end] : end]] = height
        end, height = int(last[end]), height + 1.0
    return scores
