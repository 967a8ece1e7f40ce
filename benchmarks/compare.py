"""The tutorial's loop, scikit-learn and, if installed, torch beside this engine, in one run.

For every task, all of them do full-batch epochs on the same data, in turn. Printed are the median
time of an epoch and the median of the pairwise ratios. scikit-learn's SGDClassifier makes an
update per row, so its epoch does more; LogisticRegression is timed per iteration of its solver.

    python benchmarks/compare.py [--tall]
"""

import argparse
import importlib.util
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.training import tall_problem
from benchmarks.tutorial import descend
from tui_gd import Trainer, load_problem
from tui_gd.problems import Problem

Work = Callable[[], float]


def seconds(work: Callable[[], object], epochs: int) -> float:
    """Return the seconds of one epoch."""
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) / epochs


def ours(problem: Problem, epochs: int, **options: object) -> Work:
    """One lane of this engine."""
    trainer = Trainer(problem, learning_rates=[1e-6], test_losses=False, **options)  # type: ignore[arg-type]
    return lambda: seconds(lambda: trainer.advance(epochs), epochs)


def tutorial(problem: Problem, epochs: int) -> Work:
    """The tutorial's loop."""
    y = problem.y_train.reshape(-1, 1).astype(np.int64)
    W = np.ones((problem.x_train.shape[1], 1))
    return lambda: seconds(lambda: descend(problem.x_train, y, W, 1e-6, epochs), epochs)


def stochastic(problem: Problem, epochs: int) -> Work:
    """scikit-learn's SGDClassifier, an update per row."""
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(loss="log_loss", max_iter=epochs, tol=None, penalty=None)
    return lambda: seconds(lambda: model.fit(problem.x_train, problem.y_train), epochs)


def logistic(problem: Problem, epochs: int) -> Work:
    """scikit-learn's LogisticRegression (lbfgs), per iteration."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=epochs, tol=1e-12)

    def work() -> float:
        begin = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(problem.x_train, problem.y_train)
        return (time.perf_counter() - begin) / int(model.n_iter_[0])

    return work


def in_torch(problem: Problem, epochs: int, hidden: tuple[int, ...] = ()) -> Work:
    """Torch with autograd and SGD, cross-entropy."""
    import torch

    x = torch.tensor(problem.x_train[:, :-1])
    y = torch.tensor(problem.y_train.astype(np.int64))
    sizes = [problem.features, *hidden, len(problem.class_names)]
    layers: list[torch.nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [torch.nn.Linear(inputs, outputs, dtype=torch.float64), torch.nn.Tanh()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    rule = torch.nn.CrossEntropyLoss()

    def work() -> None:
        for _ in range(epochs):
            optimizer.zero_grad()
            rule(model(x), y).backward()
            optimizer.step()

    return lambda: seconds(work, epochs)


def compare(name: str, contenders: dict[str, Work], turns: int) -> None:
    """Print a line for each contender: time of an epoch, and over that of the first."""
    times: dict[str, list[float]] = {who: [] for who in contenders}
    for turn in range(turns + 1):
        for who, work in contenders.items():
            spent = work()
            if turn:
                times[who].append(spent)
    first = next(iter(contenders))
    print(f"\n{name}")
    for who, spent in times.items():
        ratio = statistics.median(
            other / own for other, own in zip(spent, times[first], strict=True)
        )
        print(f"  {who:<34} {statistics.median(spent) * 1e3:>10.4f} ms an epoch  {ratio:>8.2f} x")


def main() -> None:
    """Run all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tall", action="store_true", help="1,000,000x29 and 5,000,000x3 too")
    options = parser.parse_args()
    torch = importlib.util.find_spec("torch") is not None
    print(f"{len(os.sched_getaffinity(0))} cores, numpy {np.__version__}, torch: {torch}")

    blobs = load_problem("blobs")
    field: dict[str, Work] = {
        "gd-tui, sse": ours(blobs, 1000),
        "the tutorial's loop, sse": tutorial(blobs, 1000),
        "gd-tui, cross-entropy": ours(blobs, 1000, loss="cross-entropy"),
        "LogisticRegression, an iteration": logistic(blobs, 100),
        "SGDClassifier, updates per row": stochastic(blobs, 100),
    }
    if torch:
        field["torch, cross-entropy"] = in_torch(blobs, 200)
    compare("500x3", field, 9)

    digits = load_problem("digits", standardize=True)
    hidden = (32, 32)
    field = {"gd-tui, hidden 32,32": ours(digits, 20, loss="cross-entropy", hidden=hidden)}
    if torch:
        field["torch, hidden 32,32"] = in_torch(digits, 20, hidden)
    compare("digits, 898x65, cross-entropy of 10 classes", field, 9)

    if options.tall:
        for rows, columns in ((1_000_000, 29), (5_000_000, 3)):
            problem = tall_problem(rows, columns)
            field = {
                "gd-tui, sse": ours(problem, 1),
                "the tutorial's loop, sse": tutorial(problem, 1),
                "gd-tui, cross-entropy": ours(problem, 1, loss="cross-entropy"),
                "LogisticRegression, an iteration": logistic(problem, 5),
                "SGDClassifier, updates per row": stochastic(problem, 1),
            }
            if torch:
                field["torch, cross-entropy"] = in_torch(problem, 1)
            compare(f"{rows}x{columns}", field, 3)


if __name__ == "__main__":
    main()
