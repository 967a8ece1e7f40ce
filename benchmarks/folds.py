"""What folds would gain as lanes of one trainer, on one pass over the rows, over one after another.

Five trainers with one lane each on four fifths of the rows are compared with one trainer with five
lanes on all rows. That is the most that lanes could gain: it leaves out what they would need, such
as rows that a lane skips and a preparation of its own. Processor time of one thread, in turn, and
the quartiles of the ratios.

    python benchmarks/folds.py
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from tui_gd import Trainer, load_problem
from tui_gd.learning.engine import computing
from tui_gd.problems import Problem

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


def main() -> None:
    """Print the ratio for every size."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores, numpy {np.__version__}, {FOLDS} folds, Nesterov")
    with computing():
        for rows, columns, epochs in SIZES:
            for loss in ("cross-entropy", "mse"):
                classes = loss == "cross-entropy"
                whole = make(rows, columns, classes)
                part = make(rows * (FOLDS - 1) // FOLDS, columns, classes)
                ratios, alone = [], []
                for _ in range(TURNS):
                    alone.append(FOLDS * seconds(part, 1, loss, epochs))
                    ratios.append(alone[-1] / seconds(whole, FOLDS, loss, epochs))
                low, middle, high = statistics.quantiles(ratios, n=4)
                each = 1e3 * statistics.median(alone) / FOLDS * 1000 / epochs
                print(
                    f"{rows:,}x{columns}, {loss}: lanes {middle:.2f} x as fast"
                    f" ({low:.2f} to {high:.2f}); 1000 epochs of a fold {each:.0f} ms"
                )


if __name__ == "__main__":
    main()
