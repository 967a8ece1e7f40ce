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
    """The weights (epochs, parameters) of one lane at epochs `first` and after, and its loss."""

    lane: int
    loss: str
    first: int
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

        `losses` names every lane's loss in these epochs. Only those with `finite` (epochs, lanes)
        set and no test loss on record are evaluated.
        """
        missing = finite & np.isnan(self._series.block(first, first + len(weights)))
        for lane in np.flatnonzero(missing.any(axis=0)).tolist():
            last = int(np.flatnonzero(missing[:, lane])[-1])
            part = weights[: last + 1, lane].copy()
            self._pending.append(_Pending(lane, losses[lane], first, part))

    def finish(self, engine_for: EngineMaker) -> None:
        """Compute everything in the queue; `Interrupted` leaves the rest in it."""
        while self._pending:
            # lanes with the same epochs and the same loss go into one call
            one = self._pending[0]
            alike = (one.loss, one.first, len(one.weights))
            group = [p for p in self._pending if (p.loss, p.first, len(p.weights)) == alike]
            weights = np.concatenate([p.weights for p in group])
            losses = engine_for(one.loss).loss(weights)
            for part, pending in zip(losses.reshape(len(group), -1), group, strict=True):
                self._series.write_lane(pending.lane, one.first, part)
            done = set(map(id, group))
            self._pending = [p for p in self._pending if id(p) not in done]

    def forget(self, lane: int, after: int) -> None:
        """Remove a lane's weights after epoch `after`."""
        for pending in self._pending:
            if pending.lane == lane:
                pending.weights = pending.weights[: max(0, after + 1 - pending.first)]
        self._pending = [pending for pending in self._pending if len(pending.weights)]

    def branch(self, parent: int, lane: int, epoch: int) -> None:
        """Queue for a new lane what its parent has in the queue up to `epoch`."""
        copies = [
            _Pending(lane, p.loss, p.first, p.weights[: max(0, epoch + 1 - p.first)])
            for p in self._pending
            if p.lane == parent
        ]
        self._pending += [copy for copy in copies if len(copy.weights)]

    def close(self, position: int) -> None:
        """Remove a lane; later positions move up by one."""
        self._pending = [pending for pending in self._pending if pending.lane != position]
        for pending in self._pending:
            pending.lane -= pending.lane > position
