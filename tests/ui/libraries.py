"""Kept runs: three in a real store, and pages of runs whose curves are formulas."""

from __future__ import annotations

import shutil
import sqlite3
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from unittest.mock import patch

import numpy as np

from tui_gd.runs.database import NAME
from tui_gd.runs.recorder import Recorder
from tui_gd.runs.store import KeptRun, Store
from tui_gd.session.settings import RunSettings
from tui_gd.training.series import Buckets
from tui_gd.training.trainer import Trainer
from tui_gd.ui.screens.runs_page import KeptDetail, KeptLane

# 2024-05-06 07:08:09 in UTC
WHEN = 1714979289.0
BLOBS = RunSettings(loss="sse", seed=3, epochs=10)
MOONS = RunSettings("moons", loss="cross-entropy", alpha=(0.01, 0.1), seed=11, epochs=20)


def add_run(
    path: Path, run: str, settings: RunSettings, epochs: int, *, goal: int | None = None
) -> Trainer:
    """Keep a run under this id, trained for so many epochs, paused; return its trainer."""
    problem = settings.load_problem()
    trainer = settings.make_trainer(problem)
    with patch.object(Store, "_draw_id", lambda _: run):
        recorder = Recorder(settings, problem, path=path, goal=goal)
        trainer.advance(epochs)
        recorder.take(trainer, "RUNNING", settings.seed)
        recorder.close(trainer, "PAUSED", settings.seed)
    assert recorder.id == run
    return trainer


def set_column(path: Path, run: str, column: str, value: Any) -> None:
    """Write into the row of a run in the list of runs."""
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, run))
    connection.close()


@lru_cache(maxsize=1)
def _three() -> Path:
    path = Path(mkdtemp()) / NAME
    add_run(path, "3f9a", BLOBS, 10)
    add_run(path, "77c0", MOONS, 7, goal=30)
    add_run(path, "01ab", RunSettings(loss="sse", seed=3, alpha=(0.3,), epochs=10), 10)
    for age, run in enumerate(("3f9a", "77c0", "01ab")):
        set_column(path, run, "changed", WHEN - age)
    return path


def three_runs(folder: Path | None = None) -> Path:
    """Return a store with the runs 3f9a and 01ab on `blobs`, and 77c0 on `moons`."""
    folder = folder or Path(mkdtemp())
    shutil.copytree(_three().parent, folder, dirs_exist_ok=True)
    return folder / NAME


# What a page is drawn from


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
        "started": WHEN,
        "changed": WHEN,
        "problem": "blobs",
        "settings": {},
        "identity": {},
        "versions": {},
        "state": "paused",
        "stopped": "",
        "epoch": 10,
        "newest": 10,
        "goal": 10,
        "seed": 3,
        "next_number": 1,
        "lanes": 1,
        "best": 2.0,
    }
    return KeptRun(run, **{**usual, **changes})


def three_details() -> dict[str, KeptDetail]:
    return {
        "3f9a": KeptDetail({"problem": "blobs", "alpha": [0.01], "seed": 3}, (lane(),)),
        "77c0": KeptDetail(
            {"problem": "moons", "alpha": [0.01, 0.1], "seed": 3, "hidden": [8, 8]},
            (lane("A", 0.01, 8.0, 4.0), lane("B", 0.1, 8.0, 1.0, 20)),
        ),
        "01ab": KeptDetail({"problem": "blobs", "alpha": [0.3], "seed": 3}, (lane(end=0.5),)),
    }
