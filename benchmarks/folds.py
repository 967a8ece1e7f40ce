"""What folds gain from one reading, and from being trained side by side.

First the files: the seconds in which a file is read once and prepared for every fold, against
reading it for every fold. Then the training with test losses, Nesterov's method without hidden
layers and Adam's with: five runs one after another against

- the same runs side by side, as `gd-tui run --folds 5` trains them unless it says "not done";
  processor time of one thread;
- the same runs on two threads, elapsed time.

All in turn; the quartiles of the ratios.

    python benchmarks/folds.py
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from tui_gd import load_problem
from tui_gd.learning.engine import computing
from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings
from tui_gd.training.bursts import SideBySide
from tui_gd.training.trainer import Trainer

FOLDS, TURNS = 5, 12
CASES: tuple[tuple[int, int, tuple[int, ...], int], ...] = (
    (500, 3, (), 1000),
    (503, 3, (), 1000),
    (2000, 10, (), 400),
    (5000, 10, (), 200),
    (8000, 10, (), 200),
    (500, 3, (8,), 400),
    (2000, 10, (8, 8), 100),
    (10_000, 10, (16,), 40),
)
"""Rows, columns, hidden layers, epochs. The last are too large for `SideBySide.possible`."""


def make(rows: int, columns: int, classes: bool) -> list[Problem]:
    """Return the problem of each fold, on standard normal columns."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((rows, columns))
    y = x @ rng.standard_normal(columns) + rng.standard_normal(rows)
    data = (x, (y > 0).astype(int) if classes else y)
    held_out = [len(part) for part in np.array_split(np.arange(rows), FOLDS)]
    return [
        load_problem(data, test_size=count / rows, split_seed=fold)
        for fold, count in enumerate(held_out)
    ]


def trainers(problems: list[Problem], hidden: tuple[int, ...], loss: str) -> list[Trainer]:
    """Return a trainer for every fold, at epoch 0."""
    method, rate = ("adam", 0.01) if hidden else ("nesterov", 0.1)
    return [
        Trainer(
            problem,
            loss=loss,
            learning_rates=[rate],
            optimizer=method,
            start="glorot" if hidden else "zeros",
            hidden=hidden,
        )
        for problem in problems
    ]


def busy(work: Callable[[], object]) -> float:
    """Return the seconds of this thread's processor time that some work takes."""
    begin = time.thread_time()
    work()
    return time.thread_time() - begin


def elapsed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def compare_reading() -> None:
    """Print how much faster reading once is, for files of some sizes."""
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        for rows, columns, turns in ((5000, 10, 7), (50_000, 30, 5), (500_000, 10, 3)):
            x = rng.standard_normal((rows, columns))
            path = Path(folder) / "table.csv"
            names = ",".join(f"x{i}" for i in range(columns))
            np.savetxt(path, x, delimiter=",", header=names, comments="", fmt="%.6g")
            settings = RunSettings.chosen({"problem": str(path), "target": "x0"})

            def once(settings: RunSettings = settings) -> None:
                for _ in settings.load_folds(FOLDS):
                    pass

            def read(settings: RunSettings = settings) -> None:
                settings.load_folds(FOLDS)

            ratios = []
            for _ in range(turns):
                again = elapsed(once) + (FOLDS - 1) * elapsed(read)
                ratios.append(again / elapsed(once))
            low, middle, high = statistics.quantiles(ratios, n=4)
            print(
                f"{rows:,}x{columns}, csv: read once {middle:.2f} x as fast ({low:.2f} to"
                f" {high:.2f}), {elapsed(once):.2f} s"
            )


def compare_training(rows: int, columns: int, hidden: tuple[int, ...], epochs: int) -> None:
    """Print how much faster folds of that size are side by side, and on two threads."""
    for loss in ("cross-entropy", "mse"):
        problems = make(rows, columns, loss == "cross-entropy")

        def advance(runs: list[Trainer]) -> None:
            with computing():
                for one in runs:
                    one.advance(epochs)

        alone, ratios, threads = [], [], []
        for _ in range(TURNS):
            first, second, third, fourth = (trainers(problems, hidden, loss) for _ in range(4))
            alone.append(busy(lambda runs=first: advance(runs)))
            together = busy(lambda runs=second: SideBySide(runs).advance(epochs))
            ratios.append(alone[-1] / together)
            for one, other in zip(first, second, strict=True):
                assert one.weights.tobytes() == other.weights.tobytes()
            in_turn = elapsed(lambda runs=third: advance(runs))
            with ThreadPoolExecutor(2) as pool:
                each = [[one] for one in fourth]
                threads.append(in_turn / elapsed(lambda each=each: list(pool.map(advance, each))))
        low, middle, high = statistics.quantiles(ratios, n=4)
        fold = 1e3 * statistics.median(alone) / FOLDS * 1000 / epochs
        done = "" if SideBySide.possible(second) else " (not done)"
        layers = f", hidden {','.join(map(str, hidden))}" if hidden else ""
        print(
            f"{rows:,}x{columns}{layers}, {loss}: side by side{done} {middle:.2f} x as fast"
            f" ({low:.2f} to {high:.2f}), two threads {statistics.median(threads):.2f};"
            f" 1000 epochs of a fold {fold:.0f} ms"
        )


def main() -> None:
    """Print the ratios for every size."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores, numpy {np.__version__}, {FOLDS} folds")
    compare_reading()
    for case in CASES:
        compare_training(*case)


if __name__ == "__main__":
    main()
