"""Stop rules: when a run ends before its last epoch, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats


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
