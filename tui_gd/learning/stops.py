"""Stop rules: when a run has done enough, and why."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tui_gd.learning.models import Floats


@dataclass(frozen=True)
class StopRules:
    """When a run stops before its last epoch; a rule that is None is not looked at.

    `target_loss`: every lane's training loss is at or below it. `gradient_norm`: every lane's
    gradient norm is. `patience`: for so many epochs no lane's test loss was lower than before.
    """

    target_loss: float | None = None
    gradient_norm: float | None = None
    patience: int | None = None

    def __bool__(self) -> bool:
        """Whether there is any rule."""
        return (self.target_loss, self.gradient_norm, self.patience) != (None, None, None)

    def reason(self, first: int, train: Floats, norms: Floats, test: Floats) -> tuple[int, str]:
        """Return the first epoch that fulfils a rule, and which; (−1, "") if none does.

        `train` and `norms` are (epochs, lanes) of epochs `first` and after; `test` (epochs, lanes)
        begins at epoch 0 and ends with the same epoch.
        """
        found = []
        if self.target_loss is not None:
            hit = _first((train <= self.target_loss).all(axis=1))
            found.append((first + hit, f"training loss at most {self.target_loss:g}", hit))
        if self.gradient_norm is not None:
            hit = _first((norms <= self.gradient_norm).all(axis=1))
            found.append((first + hit, f"gradient norm at most {self.gradient_norm:g}", hit))
        if self.patience is not None:
            stale = _epochs_without_best(test)
            hit = _first((stale[first:] >= self.patience).all(axis=1))
            found.append((first + hit, f"test loss no lower for {self.patience} epochs", hit))
        reached = [(epoch, why) for epoch, why, hit in found if hit >= 0]
        return min(reached, default=(-1, ""))


def _first(hits: ArrayLike) -> int:
    found = np.flatnonzero(hits)
    return int(found[0]) if found.size else -1


def _epochs_without_best(losses: Floats) -> NDArray[np.intp]:
    """Return for every epoch (epochs, lanes) how long ago the least loss so far was."""
    best = np.fmin.accumulate(losses, axis=0)
    at = np.arange(len(losses))[:, None]
    improved = np.ones(losses.shape, np.bool_)
    improved[1:] = best[1:] < best[:-1]
    last: NDArray[np.intp] = np.maximum.accumulate(np.where(improved, at, 0), axis=0)
    return at - last
