"""Defaults that learn: on all data but the tutorial's, beside scikit-learn's numbers."""

from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from tests.cli.commandline import call
from tui_gd.learning.models import Predictor
from tui_gd.session.report import Baseline, ClassificationReport, baseline_of, report_on
from tui_gd.session.settings import RunSettings


def learned(name: str) -> tuple[float, float]:
    """Return what plain defaults reach on the test rows, and the baseline."""
    chosen = RunSettings.chosen({"problem": name, "seed": 1})
    problem = chosen.load_problem()
    settings = chosen.resolved(problem)
    trainer = settings.make_trainer(problem)
    trainer.advance(settings.epochs)
    report = report_on(problem, Predictor(trainer.model, problem.task), trainer.weights[0])
    baseline = baseline_of(problem)
    assert baseline
    return report.table["r2" if problem.task == "regression" else "accuracy"], baseline.score


@pytest.mark.parametrize(
    ("name", "load"), [("breast-cancer", load_breast_cancer), ("wine", load_wine)]
)
def test_classes_are_learned_as_well_as_by_scikit_learn(name, load) -> None:
    x, y = load(return_X_y=True)
    train, test, y_train, y_test = train_test_split(x, y, test_size=0.5, random_state=42)
    scaler = StandardScaler().fit(train)
    model = LogisticRegression(max_iter=10_000).fit(scaler.transform(train), y_train)
    ours, baseline = learned(name)
    assert ours == pytest.approx(model.score(scaler.transform(test), y_test), abs=0.03)
    assert baseline == pytest.approx((y_test == np.bincount(y_train).argmax()).mean())
    assert ours > baseline


def test_a_regression_is_learned_as_well_as_by_scikit_learn() -> None:
    x, y = load_diabetes(return_X_y=True)
    train, test, y_train, y_test = train_test_split(x, y, test_size=0.5, random_state=42)
    model = LinearRegression().fit(train, y_train)
    ours, baseline = learned("diabetes")
    assert ours == pytest.approx(model.score(test, y_test), abs=0.03)
    residual = ((y_test - y_train.mean()) ** 2).sum() / ((y_test - y_test.mean()) ** 2).sum()
    assert baseline == pytest.approx(1 - residual)


def test_the_rate_is_half_the_limit_of_the_hessian() -> None:
    """Mean squared error on standardized columns: H = 2 XᵀX / n, and α = 1/λ, rounded down."""
    chosen = RunSettings.chosen({"problem": "diabetes"})
    problem = chosen.load_problem()
    x = problem.x_train
    largest = np.linalg.eigvalsh(2 * x.T @ x / len(x))[-1]
    (rate,) = chosen.resolved(problem).alpha
    assert rate <= 1 / largest < rate * 1.1


def test_the_tutorial_keeps_its_own_defaults_and_what_is_given_counts() -> None:
    assert RunSettings.chosen({}) == RunSettings()
    assert RunSettings.chosen({"problem": "surface:saddle"}).optimizer == ("sgd",)
    chosen = RunSettings.chosen({"problem": "wine", "standardize": False, "epochs": 7})
    assert (chosen.standardize, chosen.epochs, chosen.loss) == (False, 7, "auto")


def test_a_regression_starts_at_the_mean_of_its_target() -> None:
    chosen = RunSettings.chosen({"problem": "diabetes"})
    problem = chosen.load_problem()
    start = chosen.resolved(problem).make_trainer(problem).weights[0]
    assert start[-1] == pytest.approx(problem.y_train.mean())
    assert not start[:-1].any()


def test_the_baseline_is_printed_and_an_explosion_is_status_one(tmp_path: Path) -> None:
    said = call("run", "wine", "--seed", 1, "--quiet", "--no-store")
    assert said.status == 0
    baseline = said.out.splitlines()[-2]
    assert baseline.startswith("right 9")
    assert "always saying" in baseline
    far = call(
        *("run", "diabetes", "--optimizer", "sgd", "-a", 0.3, "-e", 60, "--quiet", "--no-store")
    )
    assert far.status == 1
    assert far.err.startswith("gd-tui: exploded: the loss is ")
    assert "No better: try -a auto" in far.out
    # random targets: the loss falls, and the learning rate is not at fault
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((80, 20)), rng.standard_normal(80)
    np.savez(tmp_path / "noise.npz", X=x, y=y)
    words = ("run", tmp_path / "noise.npz", "-e", 300, "--quiet", "--no-store", "--l2", 0)
    assert "No better: try --l2 0.01, more epochs (-e), or --hidden 16" in call(*words).out


def test_columns_without_a_word_on_the_target_do_not_make_it_worse_than_the_baseline(
    tmp_path: Path,
) -> None:
    """Without a penalty a model learns the noise of its train rows."""
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((120, 15)), rng.random(120) < 0.3
    np.savez(tmp_path / "noise.npz", X=x, y=y.astype(int))
    train, test, y_train, y_test = train_test_split(x, y, test_size=0.5, random_state=42)
    scaler = StandardScaler().fit(train)
    model = LogisticRegression(C=np.inf).fit(scaler.transform(train), y_train)
    unpenalized = model.score(scaler.transform(test), y_test)
    baseline = (y_test == (y_train.mean() > 0.5)).mean()
    assert unpenalized < baseline
    words = ("run", tmp_path / "noise.npz", "--quiet", "--no-store", "--json", "-")
    for option, accuracy in (((), baseline), (("--l2", 0), unpenalized)):
        (lane,) = call(*words, *option).document["lanes"]
        assert lane["report"]["accuracy"] == pytest.approx(accuracy)
    said = call("run", tmp_path / "noise.npz", "-e", 5, "--no-store").out
    assert "(auto: the columns say little)" in said.splitlines()[0]
    assert "No better: try other columns, another --l2, or --hidden 16" in said


@pytest.mark.parametrize("more", [(), ("--class-weight", "balanced"), ("--threshold", 0.2)])
def test_a_rare_class_is_measured_as_scikit_learn_does_and_not_called_a_failure(
    tmp_path: Path, more: tuple[object, ...]
) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3000, 3))
    y = rng.random(3000) < 1 / (1 + np.exp(4.4 - x @ [1.2, 0.8, 0.0]))
    np.savez(tmp_path / "rare.npz", X=x, y=y.astype(int))
    words = ("run", tmp_path / "rare.npz", "--stratify", "--no-store", *more)
    (lane,) = call(*words, "--quiet", "--json", "-").document["lanes"]
    train, test = train_test_split(np.arange(3000), test_size=0.5, random_state=42, stratify=y)
    scaler, weight = StandardScaler().fit(x[train]), dict(zip(more[::2], more[1::2], strict=True))
    model = LogisticRegression(C=1e9, class_weight=weight.get("--class-weight"), tol=1e-10)
    p = model.fit(scaler.transform(x[train]), y[train]).predict_proba(scaler.transform(x[test]))
    said = p[:, 1] > weight.get("--threshold", 0.5)
    assert lane["scores"] == pytest.approx(
        {
            "roc_auc": metrics.roc_auc_score(y[test], p[:, 1]),
            "average_precision": metrics.average_precision_score(y[test], p[:, 1]),
            "log_loss": metrics.log_loss(y[test], p),
        },
        rel=1e-4,
    )
    assert lane["report"]["1"]["recall"] == pytest.approx(metrics.recall_score(y[test], said))
    assert lane["report"]["1"]["precision"] == pytest.approx(
        metrics.precision_score(y[test], said, zero_division=0.0)
    )
    line = call(*words).out.splitlines()[-2]
    if lane["report"]["accuracy"] <= 1 - y[test].mean():
        assert line.endswith(
            "Of a rare class accuracy says little: see recall, ROC AUC, --threshold"
        )
    assert "No better" not in line


@pytest.mark.parametrize(
    ("classes", "share", "says"),
    [
        (3, 0.9, "Of a rare class accuracy says little: see recall, ROC AUC"),
        (3, 0.4, "The classes are ranked well all the same: see recall, ROC AUC"),
        (2, 0.6, "The classes are ranked well all the same: see recall, ROC AUC, --threshold"),
    ],
)
def test_a_threshold_is_named_for_two_classes_and_rarity_for_a_rare_one(
    classes: int, share: float, says: str
) -> None:
    report = ClassificationReport(
        "", {"accuracy": share}, np.eye(classes, dtype=np.int64), {"roc_auc": 0.9},
        np.empty((0, 2, 2), np.int64),
    )  # fmt: skip
    assert Baseline("a", share).sentence(report, fell=True).endswith(f"{share:.1%}. {says}")


def test_the_tutorials_output_stays_the_tutorials() -> None:
    said = call("run", "--seed", 1, "--no-store")
    assert said.out.startswith("[INFO] epoch=1, loss=")
    assert "always saying" not in said.out


def test_what_was_chosen_is_printed_and_can_be_repeated() -> None:
    said = call("run", "wine", "--seed", 1, "-e", 5, "--no-store")
    first = said.out.splitlines()[0]
    assert first.startswith("[INFO] loss cross-entropy, optimizer nesterov, alpha ")
    assert "(auto), start mean, 5 epochs, columns standardized" in first
    rate = first.partition("alpha ")[2].split()[0]
    again = call("run", "wine", "--seed", 1, "-e", 5, "-a", rate, "--no-store")
    assert again.out.splitlines()[1:] == said.out.splitlines()[1:]


def test_numbers_beyond_single_precision_are_refused_with_the_way_out(tmp_path: Path) -> None:
    """The largest float32 is 2^128 · (1 − 2^−24), 3.4e38."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 2)), rng.standard_normal(40)
    np.savez(tmp_path / "far.npz", X=x, y=1e39 * y)
    words = ("run", tmp_path / "far.npz", "-e", 5, "--quiet", "--no-store")
    for folds in ((), ("--folds", 3)):
        said = call(*words, *folds, "--dtype", "float32")
        assert said.status == 2
        assert "--dtype float32 holds numbers up to 3.4e+38" in said.err
    assert call(*words).status == 0
