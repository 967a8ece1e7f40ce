"""Epochs per second with the store against without it, in one process.

Both train in turn for `SECONDS` each; the median of the paired ratios is printed.

    python benchmarks/store.py
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from tui_gd.cli.run import STORE_SECONDS
from tui_gd.learning.engine import computing
from tui_gd.runs.recorder import Recorder
from tui_gd.session.settings import RunSettings
from tui_gd.training.trainer import Trainer

SECONDS = 2.0
TURNS = 7
BURST = 2048


def speed(trainer: Trainer, recorder: Recorder | None, burst: int) -> float:
    """Return epochs per second, training as `gd-tui run` does."""
    begin = taken = now = time.perf_counter()
    first = trainer.epoch
    while now - begin < SECONDS:
        trainer.advance(burst)
        now = time.perf_counter()
        if recorder and now - taken >= STORE_SECONDS:
            recorder.take(trainer, "running")
            taken = now
    return (trainer.epoch - first) / (now - begin)


def compare(settings: RunSettings, directory: Path, burst: int) -> None:
    """Print the ratio of the speeds and the size of the store."""
    problem = settings.load_problem()
    plain = settings.make_trainer(problem, test_losses=False)
    kept = settings.make_trainer(problem, test_losses=False)
    path = directory / "runs.sqlite3"
    recorder = Recorder(settings, problem, path=path)
    ratios, speeds = [], []
    with computing():
        for _ in range(TURNS):
            without = speed(plain, None, burst)
            speeds.append(without)
            ratios.append(speed(kept, recorder, burst) / without)
    recorder.close(kept)
    print(
        f"{len(problem.y_train)}x{problem.features + 1}, {len(kept.lanes)} lanes,"
        f" {statistics.median(speeds):,.0f} epochs/s: {statistics.median(ratios):.3f} x that speed"
        f" when kept; {kept.epoch:,} epochs in {path.stat().st_size / 1e6:.1f} MB {recorder.fault}"
    )


def main() -> None:
    """One lane, several, and a network."""
    print(f"{len(os.sched_getaffinity(0))} cores, numpy {np.__version__}")
    runs = (
        (RunSettings(alpha=(1e-4,), epochs=10**9), BURST),
        (RunSettings(alpha=(1e-4,) * 64, epochs=10**9), 64),
        (RunSettings("digits", hidden=(64,), alpha=(1e-4,), epochs=10**9), 8),
    )
    for settings, burst in runs:
        with tempfile.TemporaryDirectory() as directory:
            compare(settings, Path(directory), burst)


if __name__ == "__main__":
    main()
