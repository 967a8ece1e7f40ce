"""A race of learning rates: its time, against single runs and the tutorial's loop.

The race is made, run and read, with the test losses at its end, as a panel does it. Single runs are
one trainer for each rate; the tutorial's loop runs once for each rate. All three are run in
turn in one process, and the medians of the paired ratios are printed.

    python benchmarks/race.py
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.training import timed
from benchmarks.tutorial import descend
from tui_gd import load_problem
from tui_gd.insight.race import rates_around
from tui_gd.learning.engine import computing
from tui_gd.learning.optimizers import OPTIMIZERS
from tui_gd.problems import Problem
from tui_gd.session.settings import DECADES, DECADES_EACH, RATES, RATES_EACH, RunSettings

EPOCHS = 100
TURNS = 15


def rates(problem: Problem, center: float) -> None:
    """Race 64 learning rates for 100 epochs on the tutorial's data, around a usual or high one."""
    settings = RunSettings(seed=1)
    X, y = problem.x_train, problem.y_train.reshape(-1, 1).astype(np.int64)
    weights = settings.make_trainer(problem).weights[0].copy()
    W = weights.reshape(-1, 1)
    alphas = rates_around(center, RATES, DECADES).tolist()
    raced = settings.of_race(alphas, ["sgd"], loss="sse", epochs=EPOCHS)

    def race() -> None:
        raced.race(problem, weights)

    def single() -> None:
        for alpha in alphas:
            one = settings.of_race([alpha], ["sgd"], loss="sse", epochs=EPOCHS)
            one.race(problem, weights)

    def tutorial() -> None:
        with np.errstate(over="ignore"):
            for alpha in alphas:
                descend(X, y, W, alpha, EPOCHS)

    race(), single(), tutorial()
    turns = [(timed(race), timed(single), timed(tutorial)) for _ in range(TURNS)]
    ours, alone, theirs = (statistics.median(turn[i] / turn[0] for turn in turns) for i in range(3))
    assert ours == 1.0
    milliseconds = statistics.median(turn[0] for turn in turns) * 1e3
    print(
        f"500x3, {len(alphas)} alphas around {center:g} x {EPOCHS} epochs: {milliseconds:.1f} ms;"
        f" {alone:.1f} x as fast as single runs, {theirs:.1f} x as the tutorial's loop"
    )


def optimizers(problem: Problem) -> None:
    """All optimizers with 16 rates each, and the test losses of every epoch."""
    settings = RunSettings(seed=1)
    weights = settings.make_trainer(problem).weights[0].copy()
    alphas = rates_around(0.01, RATES_EACH, DECADES_EACH).tolist()
    raced = settings.of_race(alphas, list(OPTIMIZERS), loss="sse", epochs=EPOCHS)

    def race() -> None:
        raced.race(problem, weights)

    race()
    milliseconds = statistics.median(timed(race) for _ in range(TURNS)) * 1e3
    lanes = len(alphas) * len(OPTIMIZERS)
    print(f"500x3, {lanes} lanes of all optimizers x {EPOCHS} epochs: {milliseconds:.1f} ms")


def main() -> None:
    """Print all figures."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores, numpy {np.__version__}")
    problem = load_problem("blobs")
    with computing():
        for center in (0.01, 1.0):
            rates(problem, center)
        optimizers(problem)


if __name__ == "__main__":
    main()
