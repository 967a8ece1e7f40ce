"""Where an epoch's time goes: its stages, a bare loop of them, and what the machine allows.

Everything is run in turn in one process, and medians are printed.

    python benchmarks/stages.py          1,000,000×29 and 5,000,000×3 beside np.sum and the tutorial
    python benchmarks/stages.py --tests  500×3: what test losses cost, and at least must cost
"""

import argparse
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.training import TALL, tall_problem, timed
from benchmarks.tutorial import descend
from tui_gd import Trainer, load_problem
from tui_gd.learning.engine import LocalEngine, block_rows, computing
from tui_gd.learning.losses import make_loss
from tui_gd.training.engines import model_of

Work = Callable[[], object]
SHORT = 2048  # rows of a block that stays in a core's own cache
STAGES = ("X · W", "exp", "the other operations", "Xᵀ · d")


def medians(cases: dict[str, Work], turns: int) -> dict[str, float]:
    """Return the median seconds of every case; they are run in turn."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(turns + 1):
        for name, work in cases.items():
            seconds = timed(work)
            if turn:
                times[name].append(seconds)
    return {name: statistics.median(found) for name, found in times.items()}


class Bare:
    """An epoch as a loop over blocks of rows with nothing around it; no sum is kept."""

    def __init__(self, x: np.ndarray, y: np.ndarray, rows: int) -> None:
        self.x, self.y, self.rows = x, y, rows
        self.weights = 0.3 * np.random.default_rng(1).standard_normal(x.shape[1])
        self.seconds = [0.0] * len(STAGES)

    def blocks(self, numbers: count, work: Callable[..., None]) -> None:
        """Do `work` with the next block of rows until none is left."""
        q, d = np.empty((2, self.rows))
        while (begin := next(numbers) * self.rows) < len(self.x):
            x, y = self.x[begin : begin + self.rows], self.y[begin : begin + self.rows]
            work(x, y, q[: len(x)], d[: len(x)])

    def on(self, threads: int, work: Callable[..., None]) -> Work:
        """Return one pass over all rows on that many threads."""

        def run() -> None:
            numbers = count()
            helpers = [
                threading.Thread(target=self.blocks, args=(numbers, work))
                for _ in range(threads - 1)
            ]
            for helper in helpers:
                helper.start()
            self.blocks(numbers, work)
            for helper in helpers:
                helper.join()

        return run

    def products(self, x: np.ndarray, y: np.ndarray, q: np.ndarray, d: np.ndarray) -> None:
        """Only the two products of a block."""
        del y, d
        np.dot(x, self.weights, q)
        np.dot(q, x)

    def epoch(self, x: np.ndarray, y: np.ndarray, q: np.ndarray, d: np.ndarray) -> None:
        """Do all the work of a block."""
        clock = time.perf_counter
        begin = clock()
        np.dot(x, self.weights, q)
        first = clock()
        np.exp(q, q)
        exp = clock()
        np.add(q, 1.0, q)
        np.divide(1.0, q, q)
        np.subtract(1.0, q, d)
        np.multiply(q, d, q)
        np.subtract(d, y, d)
        np.vecdot(d, d)
        np.multiply(d, q, d)
        others = clock()
        np.dot(d, x)
        ends = (begin, first, exp, others, clock())
        for stage in range(len(STAGES)):
            self.seconds[stage] += ends[stage + 1] - ends[stage]


def tall(rows: int, columns: int, turns: int) -> None:
    """Print the stages of an epoch on tall data, and what the whole takes."""
    problem = tall_problem(rows, columns)
    x, y = problem.x_train, problem.y_train
    bare, short = Bare(x, y, block_rows(columns + 3)), Bare(x, y, SHORT)
    weights, rule = bare.weights[None], make_loss("sse", "binary")
    engines = [LocalEngine(model_of(problem, (), "tanh"), rule, x, y, n) for n in (1, 2)]
    halves = np.array_split(x, 2)

    def read() -> None:
        helper = threading.Thread(target=np.sum, args=(halves[0],))
        helper.start()
        np.sum(halves[1])
        helper.join()

    classes = y.reshape(-1, 1).astype(np.int64)
    reading, whole = "np.sum, 2 threads", "the tutorial's epoch"
    one, two = "1 thread", "2 threads"
    cases: dict[str, Work] = {
        f"np.sum, {one}": lambda: np.sum(x),
        reading: read,
        f"the two products, {one}": bare.on(1, bare.products),
        f"the two products, {two}": bare.on(2, bare.products),
        f"a bare loop, {one}": bare.on(1, bare.epoch),
        f"a bare loop, {two}": bare.on(2, bare.epoch),
        f"blocks of {SHORT:,} rows, {one}": short.on(1, short.epoch),
        f"blocks of {SHORT:,} rows, {two}": short.on(2, short.epoch),
        f"the engine's epoch, {one}": lambda: engines[0].loss_and_grad(weights),
        f"the engine's epoch, {two}": lambda: engines[1].loss_and_grad(weights),
    }

    def theirs() -> None:
        descend(x, classes, weights.T, 1e-7, 1)

    print(f"{rows}x{columns}: ms, bytes of X per second over np.sum's, × the tutorial's epochs/s")
    with computing():
        found = medians(cases, turns)
        bare.seconds = [0.0] * len(STAGES)
        loops = [timed(cases[f"a bare loop, {one}"]) for _ in range(turns)]
    found[whole] = medians({whole: theirs}, turns)[whole]  # with as many BLAS threads as it likes
    for name, seconds in found.items():
        print(
            f"  {name:30} {1e3 * seconds:7.1f} {found[reading] / seconds:5.2f}"
            f" {found[whole] / seconds:5.2f}"
        )
    shares = [100 * seconds / sum(loops) for seconds in bare.seconds]
    parts = ", ".join(f"{name} {share:.0f} %" for name, share in zip(STAGES, shares, strict=True))
    print(f"  of a bare loop on one thread: {parts}")


def tests(lanes: int, epochs: int, turns: int) -> None:
    """Print what is left of the speed of training with test losses, and with parts of them."""
    problem = load_problem("blobs")
    plain, full = (
        Trainer(problem, learning_rates=[0.01] * lanes, seed=1, test_losses=tested)
        for tested in (False, True)
    )
    engine = full.engines.test("sse")
    weights = np.repeat(plain.weights, epochs, axis=0)
    scores = np.full((64, len(problem.y_test)), -1.5)
    out = np.empty_like(scores)

    def train() -> None:
        plain.advance(epochs)

    def exponentials() -> None:
        train()
        for _ in range(lanes * epochs // len(scores)):
            np.exp(scores, out)

    def beside() -> None:
        helper = threading.Thread(target=engine.loss, args=(weights,))
        helper.start()
        train()
        helper.join()

    cases: dict[str, Work] = {
        "training losses only": train,
        "the test loss of every epoch": lambda: full.advance(epochs),
        "only an exp of every test row": exponentials,
        "test losses on a second thread": beside,
    }
    found = medians(cases, turns)
    for name, seconds in found.items():
        share = found["training losses only"] / seconds
        print(f"500x3, {lanes} lanes, {name}: {share:.2f} of the speed")


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", action="store_true")
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores, numpy {np.__version__}")
    if options.tests:
        tests(1, 1024, 4 * options.turns)
        tests(64, 64, 4 * options.turns)
        return
    for rows, columns in reversed(TALL):
        tall(rows, columns, options.turns)


if __name__ == "__main__":
    main()
