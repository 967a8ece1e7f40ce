"""A library in memory: kept runs whose curves are formulas, so that what is read can be known."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from tui_gd.errors import ProblemError
from tui_gd.session.settings import RunSettings
from tui_gd.training.buckets import Buckets
from tui_gd.ui.library import KeptDetail, KeptLane, KeptRun, Reopened

if TYPE_CHECKING:
    from tui_gd.training.trainer import Trainer

# 2024-05-06 07:08:09 in UTC
WHEN = 1714979289.0


def curve(values: Any) -> Buckets:
    array = np.asarray(values, np.float64)
    return Buckets(1, len(array), array, array)


def lane(
    name: str = "A", rate: float = 0.01, begin: float = 8.0, end: float = 2.0, epochs: int = 10
) -> KeptLane:
    """A lane whose loss falls by equal steps; the test loss is one more."""
    values = np.linspace(begin, end, epochs + 1)
    return KeptLane(
        name, rate, "sgd", "sse", epochs, curve(values), curve(values + 1), end, end + 1
    )


def kept(run: str = "3f9a", **changes: Any) -> KeptRun:
    usual = {
        "when": WHEN,
        "problem": "blobs",
        "lanes": 1,
        "epochs": 10,
        "best": 2.0,
        "state": "paused",
    }
    return KeptRun(run, **{**usual, **changes})


class MemoryKeeper:
    """Takes note of the epochs of which it was told, and of how the run was left."""

    def __init__(self, run: str) -> None:
        self.id = run
        self.epochs: list[int] = []
        self.closed: tuple[int, str, int] | None = None

    def take(self, trainer: Trainer, state: str, seed: int) -> None:
        del state, seed
        self.epochs.append(trainer.epoch)

    def close(self, trainer: Trainer | None, state: str, seed: int) -> None:
        self.closed = (trainer.epoch if trainer else -1, state, seed)


class MemoryRunLibrary:
    """Three runs unless told otherwise; `gate`, while it is closed, keeps every reader waiting."""

    def __init__(
        self, runs: list[KeptRun] | None = None, details: dict[str, KeptDetail] | None = None
    ) -> None:
        self.kept = [kept(), kept("77c0", problem="moons", lanes=2), kept("01ab")]
        if runs is not None:
            self.kept = runs
        self.details = details if details is not None else three_details()
        self.gate = threading.Event()
        self.gate.set()
        self.fault = ""
        self.keepers: list[MemoryKeeper] = []

    def _enter(self) -> None:
        assert threading.current_thread() is not threading.main_thread()
        self.gate.wait(60)
        if self.fault:
            raise ProblemError(self.fault)

    def runs(self) -> list[KeptRun]:
        self._enter()
        return list(self.kept)

    def read(self, run: str) -> KeptDetail:
        self._enter()
        return self.details[run]

    def delete(self, run: str) -> None:
        self._enter()
        self.kept = [one for one in self.kept if one.id != run]

    def reopen(self, run: str) -> Reopened:
        """The run of these settings, trained for 7 epochs."""
        self._enter()
        settings = RunSettings(problem="moons", loss="cross-entropy", seed=11, epochs=20)
        problem = settings.load_problem()
        trainer = settings.make_trainer(problem)
        trainer.advance(7)
        return Reopened(run, settings, problem, trainer, 11, 30, keeper=lambda _: self.keep(run))

    def keep(self, run: str) -> MemoryKeeper:
        self.keepers.append(MemoryKeeper(run))
        return self.keepers[-1]

    def exported(self, run: str) -> Any:
        raise NotImplementedError(run)


def three_details() -> dict[str, KeptDetail]:
    return {
        "3f9a": KeptDetail({"problem": "blobs", "alpha": [0.01], "seed": 3}, (lane(),)),
        "77c0": KeptDetail(
            {"problem": "moons", "alpha": [0.01, 0.1], "seed": 3, "hidden": [8, 8]},
            (lane("A", 0.01, 8.0, 4.0), lane("B", 0.1, 8.0, 1.0, 20)),
            0.9375,
        ),
        "01ab": KeptDetail({"problem": "blobs", "alpha": [0.3], "seed": 3}, (lane(end=0.5),)),
    }
