"""Epochs per second against the tutorial's own loop, as ratios from one process.

Both run in turn, in many short turns, and the median of the paired ratios is printed, because the
speed of a shared machine may change by a factor of two within seconds.

    python benchmarks/training.py            500×3, one lane and 64
    python benchmarks/training.py --tall     also 5,000,000×3 and 1,000,000×29, with bandwidth
    python benchmarks/training.py --memory   peak memory on the tall data, each in its own process
    python benchmarks/training.py --history  memory after a million epochs, against a thousand
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.tutorial import descend
from tui_gd import Trainer, load_problem
from tui_gd.problems import Problem

TALL = ((5_000_000, 3), (1_000_000, 29))
TALL_EPOCHS = 8  # epochs in a turn: a descent is many epochs in a row


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def median_ratio(ours: Callable[[], object], theirs: Callable[[], object], turns: int) -> float:
    """Return the median of their time over ours, pair by pair."""
    ours(), theirs()
    return statistics.median(timed(theirs) / timed(ours) for _ in range(turns))


def small() -> None:
    """500×3: one lane and 64, with history, with and without test losses."""
    problem = load_problem("blobs")
    X, y = problem.x_train, problem.y_train.reshape(-1, 1).astype(np.int64)
    for lanes, epochs in ((1, 1280), (64, 128)):
        runs = {
            tests: Trainer(problem, learning_rates=[0.01] * lanes, seed=1, test_losses=tests)
            for tests in (False, True)
        }
        W = runs[False].weights[0].reshape(-1, 1).copy()

        def ours(tests: bool, runs: dict = runs, epochs: int = epochs) -> None:
            runs[tests].advance(epochs)

        def theirs(W: np.ndarray = W) -> None:
            descend(X, y, W, 0.01, 1280)  # both take about as long: disturbed alike

        for tests, kind in ((False, "training losses"), (True, "test losses too")):
            ratio = median_ratio(partial(ours, tests), theirs, 25) * lanes * epochs / 1280
            print(f"500x3, {lanes} lanes, {kind}: {ratio:.2f} x the tutorial's lane-epochs/s")
        share = median_ratio(partial(ours, True), partial(ours, False), 25)
        print(f"500x3, {lanes} lanes: with test losses {share:.2f} x the speed without")


def tall_problem(rows: int, columns: int) -> Problem:
    """Return random data of that size, `columns` with the ones."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, columns))
    X[:, -1] = 1.0
    y = (X[:, 0] + rng.standard_normal(rows) > 0).astype(np.int8)
    names = tuple(f"x{i + 1}" for i in range(columns - 1))
    return Problem("tall", "binary", X, y, X[:100], y[:100], names, ("0", "1"))


def tall() -> None:
    """Full batches on tall data, and the bytes of X read per second."""
    for rows, columns in TALL:
        problem = tall_problem(rows, columns)
        X, y = problem.x_train, problem.y_train.reshape(-1, 1).astype(np.int64)
        trainer = Trainer(problem, learning_rates=[1e-7], seed=1)
        W = trainer.weights[0].reshape(-1, 1)

        def ours(trainer: Trainer = trainer) -> None:
            trainer.advance(TALL_EPOCHS)

        def theirs(X: np.ndarray = X, y: np.ndarray = y, W: np.ndarray = W) -> None:
            descend(X, y, W, 1e-7, TALL_EPOCHS)

        ratio = median_ratio(ours, theirs, 9)
        halves = np.array_split(X, 2)

        def read(halves: list[np.ndarray] = halves) -> None:
            for _ in range(TALL_EPOCHS):
                threads = [threading.Thread(target=np.sum, args=(half,)) for half in halves]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()

        bandwidth = median_ratio(ours, read, 9)
        print(f"{rows}x{columns}: {ratio:.2f} x the tutorial's epochs/s,", end=" ")
        print(f"{bandwidth:.2f} of the bytes of X per second that two threads of np.sum read")


def memory() -> None:
    """Peak memory of training over that of holding the data, each in a fresh process."""
    for rows, columns in TALL:
        peaks = {
            what: int(
                subprocess.run(
                    [sys.executable, __file__, "--peak", what, str(rows), str(columns)],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            for what in ("data", "ours", "tutorial")
        }
        for what in ("ours", "tutorial"):
            ratio = peaks[what] / peaks["data"]
            print(f"{rows}x{columns}: peak memory while training, {what}: {ratio:.2f} x the data's")


def history() -> None:
    """Print the memory of a history of a million epochs beside a thousand, at 500×3 with tests."""
    trainer = Trainer(load_problem("blobs"), learning_rates=[1e-4], seed=1)
    trainer.advance(1000)
    before = resident()
    trainer.advance(999_000)
    print(f"after 1,000,000 epochs: {(resident() - before) / 1e6:+.0f} MB against after 1,000")


def resident() -> int:
    """Return the bytes of memory that this process has now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def peak(what: str, rows: int, columns: int) -> None:
    """Print the peak memory in bytes of this process after a few epochs."""
    problem = tall_problem(rows, columns)
    if what == "ours":
        Trainer(problem, learning_rates=[1e-7], seed=1).advance(2)
    elif what == "tutorial":
        W = np.ones((columns, 1))
        descend(problem.x_train, problem.y_train.reshape(-1, 1), W, 1e-7, 2)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tall", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--history", action="store_true")
    parser.add_argument("--peak", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        peak(options.peak[0], int(options.peak[1]), int(options.peak[2]))
        return
    print(f"{len(os.sched_getaffinity(0))} cores, numpy {np.__version__}")
    if options.memory:
        memory()
    elif options.history:
        history()
    else:
        small()
        if options.tall:
            tall()


if __name__ == "__main__":
    main()
