"""`gd-tui run --folds`: scikit-learn's folds, and the numbers of a plain loop of runs over them."""

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

from tests.cli.commandline import call
from tests.making import Floats

FOLDS = 4


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GD_TUI_DATA", str(tmp_path / "runs"))


def make(kind: str) -> tuple[Floats, list[object]]:
    """Return X (rows, 3), on scales that need standardizing, and targets, of classes or numbers."""
    rng = np.random.default_rng(11)
    x = rng.standard_normal((90, 3)) * [1.0, 20.0, 300.0]
    y = x @ [1.0, 0.1, 0.002] + rng.standard_normal(90)
    if kind == "regression":
        return x, list(y)
    return x, ["yes" if one else "no" for one in y > 0.7]


def write(path: Path, x: Floats, y: list[object]) -> Path:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["a", "b", "c", "y"])
        rows.writerows([*row, one] for row, one in zip(x.tolist(), y, strict=True))
    return path


@pytest.mark.parametrize("kind", ["classes", "regression"])
@pytest.mark.parametrize("more", [(), ("--validation-size", 0.25, "--patience", 5, "-a", 0.5)])
def test_folds_are_separate_runs_on_the_folds_of_scikit_learn(
    tmp_path: Path, kind: str, more: tuple[object, ...]
) -> None:
    x, y = make(kind)
    options = ("--target", "y", "-e", 60, "--seed", 3, *more, "--json", "-")
    said = call("run", write(tmp_path / "all.csv", x, y), *options, "--folds", FOLDS)
    assert said.status == 0
    names = ("accuracy", "log_loss") if kind == "classes" else ("r2", "rmse")
    parts = StratifiedKFold if kind == "classes" else KFold
    expected = []
    for fold, (train, test) in zip(
        said.document["folds"],
        parts(FOLDS, shuffle=True, random_state=42).split(x, y),
        strict=True,
    ):
        one = write(tmp_path / "train.csv", x[train], [y[i] for i in train])
        other = write(tmp_path / "test.csv", x[test], [y[i] for i in test])
        (lane,) = call("run", one, "--test", other, *options).document["lanes"]
        assert fold["weights"] == lane["weights"]
        assert fold["alpha"] == lane["alpha"]
        assert fold["test_rows"] == len(test)
        assert fold["train_rows"] + fold["validation_rows"] == len(train)
        report = {**lane["report"], **lane["scores"]}
        report |= {"rmse": report.get("root mean squared error")}
        assert {name: report[name] for name in names} == fold["scores"]
        expected.append([report[name] for name in names])
    for word, values in (
        ("mean", np.mean(expected, axis=0)),
        ("std", np.std(expected, axis=0)),
    ):
        assert list(said.document[word].values()) == pytest.approx(values.tolist(), rel=1e-12)
        line = next(one for one in said.err.splitlines() if one.split()[:1] == [word])
        assert line.split()[1:] == [f"{value:.4f}" for value in values]
    assert len([line for line in said.err.splitlines() if line.split()[:1] == ["1"]]) == 1


def test_a_regression_reaches_what_scikit_learn_does(tmp_path: Path) -> None:
    x, y = make("regression")
    said = call("run", write(tmp_path / "all.csv", x, y), "--target", "y", "--folds", 5)
    theirs = cross_val_score(
        LinearRegression(), x, y, cv=KFold(5, shuffle=True, random_state=42), scoring="r2"
    )
    rows = {line.split()[0]: line.split() for line in said.out.splitlines()}
    assert [float(rows[str(i)][4]) for i in range(1, 6)] == pytest.approx(list(theirs), abs=1e-4)
    assert float(rows["mean"][1]) == pytest.approx(theirs.mean(), abs=1e-4)
    assert float(rows["std"][1]) == pytest.approx(theirs.std(), abs=1e-4)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--test-size", 0.3), "--folds: every row is tested on in one of the folds: leave"),
        (("-a", "0.1,0.2"), "--folds trains one lane in each fold: name one -a"),
        (("--resume", "3f9a"), "--folds: a run that has begun is not cross-validated"),
        (("--samples", 4), "are too few for 3 folds; take fewer folds"),
        (("surface:booth",), "a surface has no rows: leave --folds out"),
    ],
)
def test_what_cannot_be_cross_validated_is_refused(words: tuple[object, ...], reason: str) -> None:
    said = call("run", *words, "--folds", 3)
    assert (said.status, said.out) == (2, "")
    assert reason in said.err
    assert call("run", "--folds", 1).status == 2


def test_a_fold_that_diverges_ends_with_status_1() -> None:
    said = call("run", "plane", "--no-standardize", "-a", 1e9, "--folds", 2, "--optimizer", "sgd")
    assert said.status == 1
    assert "diverged: in fold 1, 2; try a smaller -a" in said.err


def test_nothing_is_kept() -> None:
    call("run", "iris", "--folds", 2, "-e", 3)
    assert "no runs" in call("runs").out + call("runs").err
