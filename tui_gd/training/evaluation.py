"""Losses on the test rows, computed after the fact, many epochs in one call.

Descent does not need them, so a pass over the test rows may be interrupted: what is missing stays
in the queue.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.engine import EngineMaker
from tui_gd.learning.models import Floats
from tui_gd.training.series import Series


@dataclass(slots=True)
class _Pending:
    """The weights (epochs, lanes, parameters) of some lanes at epochs `first` and after."""

    first: int
    lanes: list[int]
    loss: str
    weights: Floats


class Evaluation:
    """A queue of weights whose test losses are to be written into `series`, lanes by position."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._pending: list[_Pending] = []

    @property
    def pending(self) -> bool:
        """Whether any loss is missing."""
        return bool(self._pending)

    def add(
        self, first: int, weights: Floats, finite: NDArray[np.bool_], losses: Sequence[str]
    ) -> None:
        """Queue the weights (epochs, lanes, parameters) of epochs `first` and after.

        `losses` names every lane's loss in these epochs. A lane is evaluated up to its last epoch
        that has `finite` (epochs, lanes) set and no test loss on record.
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
            if one.lanes == list(range(self._series.lanes)):
                self._series.write(one.first, losses)
            else:
                for lane, values in zip(one.lanes, losses.T, strict=True):
                    self._series.write_lane(lane, one.first, values)
            del self._pending[0]

    def forget(self, lane: int, after: int) -> None:
        """Remove a lane's weights after epoch `after`."""
        kept = self._of_lane(lane, after)
        self._remove(lane)
        self._pending += kept

    def branch(self, parent: int, lane: int, epoch: int) -> None:
        """Queue for a new lane what its parent has in the queue up to `epoch`."""
        for one in self._of_lane(parent, epoch):
            one.lanes = [lane]
            self._pending.append(one)

    def close(self, position: int) -> None:
        """Remove a lane; later positions move up by one."""
        self._remove(position)
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
