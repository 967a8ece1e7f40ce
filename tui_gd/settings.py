"""What a run is started with, as the command line states it."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.learning.trainer import Trainer
from tui_gd.problems import Problem, ProblemError, load_problem


@dataclass(frozen=True)
class RunSettings:
    """Everything that is needed to repeat a run from its start."""

    problem: str = "blobs"
    epochs: int = 100
    alpha: tuple[float, ...] = (0.01,)
    loss: str = "sse"
    test_size: float = 0.5
    seed: int = 0
    init: str | None = None

    def load_problem(self) -> Problem:
        """Return the problem; `ProblemError` if it cannot be had."""
        return load_problem(self.problem, self.test_size)

    def make_trainer(self, problem: Problem, *, test_losses: bool = True) -> Trainer:
        """Return a trainer at epoch 0; `ProblemError` if the initial weights do not fit."""
        try:
            return Trainer(
                problem,
                loss=self.loss,
                learning_rates=self.alpha,
                seed=self.seed,
                initial_weights=_read_weights(self.init) if self.init else None,
                test_losses=test_losses,
            )
        except ValueError as error:
            raise ProblemError(f"--init {self.init}: {error}") from None

    def as_dict(self) -> dict[str, Any]:
        """Return the settings by the names of the command line's options."""
        return asdict(self)


def _read_weights(path: str) -> Floats:
    try:
        weights = np.load(Path(path), allow_pickle=False)
    except FileNotFoundError:
        raise ProblemError(f"--init {path}: no such file") from None
    except (OSError, ValueError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ProblemError(
            f"--init {path}: not a .npy file of numbers ({reason}); write one with numpy.save"
        ) from None
    if not isinstance(weights, np.ndarray) or weights.dtype.kind not in "fiu":
        raise ProblemError(f"--init {path}: not an array of numbers; write one with numpy.save")
    if not np.isfinite(weights).all():
        raise ProblemError(f"--init {path}: has a weight that is not finite")
    return weights.astype(np.float64)


@dataclass(frozen=True)
class OutputSettings:
    """What a run without an interface prints and writes; `json` is a path or `-`."""

    json: str | None = None
    quiet: bool = False
    notice: str = field(default="", repr=False)
