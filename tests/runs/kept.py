"""Small runs for the tests of the run store, recorded into a given file."""

from pathlib import Path

import numpy as np

from tui_gd.problems import Problem
from tui_gd.runs.database import NAME
from tui_gd.runs.record import RunRecord
from tui_gd.runs.recorder import Recorder
from tui_gd.runs.store import KeptRun, Store
from tui_gd.session.settings import RunSettings
from tui_gd.training.history import SERIES
from tui_gd.training.trainer import Trainer

LINE = RunSettings("line", samples=20, alpha=(0.01, 0.003), seed=3, epochs=1000)


class Kept:
    """A run and its recorder; `write` returns when everything has been written."""

    def __init__(self, directory: Path, settings: RunSettings = LINE) -> None:
        self.path = directory / NAME
        self.settings = settings
        self.problem = settings.load_problem()
        self.trainer = settings.make_trainer(self.problem)
        self.warnings: list[str] = []
        self.recorder = Recorder(settings, self.problem, path=self.path, warn=self.warnings.append)

    def write(self, state: str = "running") -> None:
        assert self.recorder.take(self.trainer, state, self.settings.seed)
        self.recorder.wait()

    def close(self, state: str | None = None) -> str:
        self.recorder.close(self.trainer, state)
        assert self.recorder.id
        return self.recorder.id

    def kept(self) -> KeptRun:
        with Store(self.path) as store:
            return store.find(self.recorder.id or "")


def record_of(
    settings: RunSettings,
    problem: Problem,
    trainer: Trainer,
    *,
    seed: int | None = None,
    current: int | None = None,
) -> RunRecord:
    """Return a copy of a trainer's run, as exports and share lines get it."""
    checkpoint = trainer.checkpoint(settings.seed if seed is None else seed)
    return RunRecord(settings, problem, checkpoint, current)


def keep(directory: Path, settings: RunSettings = LINE, epochs: int = 100) -> str:
    """Store a run of that many epochs and return its id."""
    run = Kept(directory, settings)
    run.trainer.advance(epochs)
    return run.close()


def check_same(one: Trainer, other: Trainer) -> None:
    """Check that two trainers have the same run, bit for bit."""
    assert (one.epoch, one.current) == (other.epoch, other.current)
    assert np.array_equal(one.weights, other.weights)
    assert np.array_equal(one.learning_rates, other.learning_rates)
    assert [(lane.number, lane.name, lane.recorded) for lane in one.lanes] == [
        (lane.number, lane.name, lane.recorded) for lane in other.lanes
    ]
    for position, lane in enumerate(one.lanes):
        for name in SERIES:
            ours, theirs = (
                trainer.history.series[name].between(position, 0, lane.recorded + 1)
                for trainer in (one, other)
            )
            assert np.array_equal(ours, theirs, equal_nan=True), name
