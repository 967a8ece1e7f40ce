"""What reading once gains for folds, and what training them together would gain.

First the files: the seconds in which a file is read once and prepared for every fold, against
reading it for every fold. Then the training, one fold after another against

- lanes: five trainers with one lane each on four fifths of the rows against one trainer with five
  lanes on all rows, processor time of one thread. That is the most that lanes could gain: it leaves
  out what they would need, such as rows that a lane skips and a preparation of its own;
- threads: the same five trainers on two threads, elapsed time.

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

from tui_gd import Trainer, load_problem
from tui_gd.learning.engine import computing
from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings

FOLDS, TURNS = 5, 12
SIZES = ((500, 3, 1000), (2000, 10, 400), (5000, 10, 200), (50_000, 30, 20))
"""Rows, columns, epochs."""


def make(rows: int, columns: int, classes: bool) -> Problem:
    """Return a problem of standard normal columns, with that many rows to train on."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((rows + 100, columns))
    y = x @ rng.standard_normal(columns) + rng.standard_normal(rows + 100)
    problem = load_problem((x, (y > 0).astype(int) if classes else y), test_size=100 / (rows + 100))
    assert problem.train_rows == rows
    return problem


def seconds(problem: Problem, lanes: int, loss: str, epochs: int) -> float:
    """Return the processor time of a training."""
    rates = [0.1 + 0.001 * lane for lane in range(lanes)]
    begin = time.thread_time()
    Trainer(
        problem,
        loss=loss,
        learning_rates=rates,
        optimizer="nesterov",
        start="zeros",
        test_losses=False,
    ).advance(epochs)
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


def threads_ratio(problem: Problem, loss: str, epochs: int) -> float:
    """Return the time of the folds one after another over that on two threads."""

    def train(_: int) -> None:
        with computing():
            seconds(problem, 1, loss, epochs)

    alone = elapsed(lambda: [train(i) for i in range(FOLDS)])
    with ThreadPoolExecutor(2) as pool:
        return alone / elapsed(lambda: list(pool.map(train, range(FOLDS))))


def main() -> None:
    """Print the ratios for every size."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores, numpy {np.__version__}, {FOLDS} folds, Nesterov")
    compare_reading()
    with computing():
        for rows, columns, epochs in SIZES:
            for loss in ("cross-entropy", "mse"):
                classes = loss == "cross-entropy"
                whole = make(rows, columns, classes)
                part = make(rows * (FOLDS - 1) // FOLDS, columns, classes)
                ratios, alone, threads = [], [], []
                for _ in range(TURNS):
                    alone.append(FOLDS * seconds(part, 1, loss, epochs))
                    ratios.append(alone[-1] / seconds(whole, FOLDS, loss, epochs))
                    threads.append(threads_ratio(part, loss, epochs))
                low, middle, high = statistics.quantiles(ratios, n=4)
                each = 1e3 * statistics.median(alone) / FOLDS * 1000 / epochs
                print(
                    f"{rows:,}x{columns}, {loss}: lanes {middle:.2f} x as fast"
                    f" ({low:.2f} to {high:.2f}), two threads {statistics.median(threads):.2f};"
                    f" 1000 epochs of a fold {each:.0f} ms"
                )


if __name__ == "__main__":
    main()
