"""What a report says beyond scikit-learn's own text: scores, class weights, weights in units."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from tests.cli.commandline import call, check_refusal
from tests.runs.kept import record_of
from tui_gd.learning.models import Model, Predictor
from tui_gd.problems.load import load_problem
from tui_gd.runs.share import open_line, share_line
from tui_gd.session.report import ClassificationReport, classification, report_on
from tui_gd.session.runner import Runner
from tui_gd.session.settings import RunSettings
from tui_gd.session.weights import weights_beside_optimum, weights_of


def trained(name: str, **given: object):
    chosen = RunSettings.chosen({"problem": name, "seed": 1, **given})
    problem = chosen.load_problem()
    settings = chosen.resolved(problem)
    trainer = settings.make_trainer(problem)
    trainer.advance(settings.epochs)
    return problem, trainer


@pytest.mark.parametrize("name", ["breast-cancer", "wine"])
def test_scores_are_scikit_learns(name: str) -> None:
    problem, trainer = trained(name, epochs=20)
    predictor = Predictor(trainer.model, problem.task)
    report = report_on(problem, predictor, trainer.weights[0])
    assert isinstance(report, ClassificationReport)
    p = predictor.probabilities(trainer.weights[0], problem.x_test)
    y = problem.y_test
    assert report.scores["log_loss"] == pytest.approx(metrics.log_loss(y, p))
    area = metrics.roc_auc_score(y, p[:, 1] if p.shape[1] == 2 else p, multi_class="ovr")
    assert report.scores["roc_auc"] == pytest.approx(area)
    one_hot = np.eye(p.shape[1])[y]
    wanted = (
        metrics.average_precision_score(y, p[:, 1])
        if p.shape[1] == 2
        else metrics.average_precision_score(one_hot, p)
    )
    assert report.scores["average_precision"] == pytest.approx(wanted)


def test_at_every_threshold_the_report_is_scikit_learns() -> None:
    problem, trainer = trained("breast-cancer", epochs=20)
    predictor = Predictor(trainer.model, problem.task)
    report = report_on(problem, predictor, trainer.weights[0])
    assert isinstance(report, ClassificationReport)
    assert report.at(50) is report
    p, y = predictor.probabilities(trainer.weights[0], problem.x_test)[:, 1], problem.y_test
    matrices = set()
    for percent in range(1, 100):
        said, found = p > float(f"0.{percent:02}"), report.at(percent)
        matrix = metrics.confusion_matrix(y, said)
        assert found.confusion.tolist() == matrix.tolist()
        matrices.add(matrix.tobytes())
        expected = metrics.precision_recall_fscore_support(y, said, zero_division=0.0)
        for name, values in zip(problem.class_names, zip(*expected, strict=True), strict=True):
            assert list(found.table[name].values()) == pytest.approx(list(values), rel=1e-12)
        names = {"target_names": list(problem.class_names), "zero_division": 0.0}
        assert found.text == metrics.classification_report(y, said, **names)
        table = metrics.classification_report(y, said, output_dict=True, **names)
        assert list(found.table) == list(table)
        for average in ("macro avg", "weighted avg"):
            assert found.table[average] == pytest.approx(table[average], rel=1e-12)
        assert found.table["accuracy"] == pytest.approx(np.mean(said == y), rel=1e-12)
        assert found.scores == report.scores
    assert len(matrices) > 5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_probability_on_the_threshold_is_not_above_it(dtype: type) -> None:
    problem = load_problem((np.zeros((202, 1)), [0, 1] * 101), test_size=0.5)
    p = (np.arange(101) / 100).astype(dtype)
    p[0] = np.nan
    found = classification(problem, (p > 0.5).astype(np.intp), np.stack([1 - p, p], axis=1))
    for percent in range(1, 100):
        matrix = metrics.confusion_matrix(problem.y_test, p > percent / 100)
        assert found.at(percent).confusion.tolist() == matrix.tolist()


def test_a_class_that_is_never_predicted_has_measures_of_0() -> None:
    problem = load_problem((np.zeros((8, 1)), [0, 1] * 4), test_size=0.5)
    p = np.full(len(problem.y_test), 0.4)
    predicted = np.zeros(len(p), np.intp)
    found = classification(problem, predicted, np.stack([1 - p, p], axis=1)).at(60)
    assert found.table["1"] == {
        "precision": 0,
        "recall": 0,
        "f1-score": 0,
        "support": sum(problem.y_test),
    }


def test_rows_in_parts_are_counted_at_every_threshold(tmp_path: Path) -> None:
    x, y = noisy()
    table = np.column_stack([x, y])
    for i, rows in enumerate(np.array_split(table, 3)):
        np.savetxt(tmp_path / f"part-{i}.csv", rows, delimiter=",", header="a,b,c,y", comments="")
    problem, trainer = trained(str(tmp_path / "part-*.csv"), target="y", epochs=10)
    assert problem.parts
    predictor = Predictor(trainer.model, problem.task)
    found = report_on(problem, predictor, trainer.weights[0])
    assert isinstance(found, ClassificationReport)
    halves = problem.parts.each(lambda rows: rows.half("test"))
    p = np.concatenate([predictor.probabilities(trainer.weights[0], x)[:, 1] for x, _ in halves])
    true = np.concatenate([y for _, y in halves]).astype(int)
    names = {"target_names": list(problem.class_names), "zero_division": 0.0}
    assert found.text == metrics.classification_report(true, p > 0.5, **names)
    for percent in (10, 35, 90):
        expected = metrics.confusion_matrix(true, p > percent / 100)
        assert found.at(percent).confusion.tolist() == expected.tolist()


@pytest.mark.parametrize("parts", [False, True], ids=["whole", "parts"])
def test_a_run_has_a_threshold_of_its_own(tmp_path: Path, parts: bool) -> None:
    """Report, predictions and the status line follow it; reports at others can be asked for."""
    x, y = noisy()
    table = np.column_stack([x, y])
    for i, rows in enumerate(np.array_split(table, 2 if parts else 1)):
        np.savetxt(tmp_path / f"t-{i}.csv", rows, delimiter=",", header="a,b,c,y", comments="")
    name = str(tmp_path / ("t-*.csv" if parts else "t-0.csv"))
    problem, trainer = trained(name, target="y", epochs=10, threshold=0.35)
    weights, rows = trainer.weights[0], [(problem.x_test, problem.y_test)]
    if problem.parts:
        rows = problem.parts.each(lambda one: one.half("test"))
    scores = np.concatenate([x @ weights for x, _ in rows])
    p, true = 1 / (1 + np.exp(-scores)), np.concatenate([y for _, y in rows]).astype(int)
    report = report_on(problem, trainer.predictor, weights)
    assert isinstance(report, ClassificationReport)
    names = {"target_names": list(problem.class_names), "zero_division": 0.0}
    assert report.text == metrics.classification_report(true, p > 0.35, **names)
    assert report.at(50).text == metrics.classification_report(true, p > 0.5, **names)
    assert report.at(50).at(35).text == report.text
    if not parts:
        runner = Runner(trainer, 10)
        outcome = runner.snapshot.outcome
        assert outcome is not None
        assert outcome.right == (true == (p > 0.35)).sum()


@pytest.mark.parametrize("threshold", ["0", "1", "0.333", "nan", "x"])
def test_a_threshold_has_two_decimals(threshold: str) -> None:
    said = call("run", "moons", "--threshold", threshold, "--no-store")
    check_refusal(said, "--threshold", "0.01 to 0.99")


@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_a_threshold_goes_with_two_classes(name: str) -> None:
    check_refusal(
        call("run", name, "--threshold", "0.3", "--no-store"), "--threshold", "two classes"
    )


def test_a_run_says_its_threshold_and_share_lines_hold_it() -> None:
    said = call("run", "moons", "--threshold", "0.3", "--epochs", "3", "--seed", "1", "--no-store")
    assert "threshold 0.3: 1 is predicted above it" in said.out
    settings = RunSettings(problem="moons", threshold=0.3)
    problem = settings.load_problem()
    run = record_of(settings, problem, settings.make_trainer(problem))
    assert open_line(share_line(run)).settings.threshold == 0.3


def test_balanced_weights_end_where_scikit_learns_do() -> None:
    """Unpenalized logistic regression with balanced weights, on moons: its optimum is unique."""
    problem, trainer = trained("moons", class_weight="balanced", epochs=5000)
    model = LogisticRegression(C=np.inf, class_weight="balanced", tol=1e-12, max_iter=10_000)
    model.fit(problem.x_train[:, :-1], problem.y_train)
    expected = [*model.coef_[0], model.intercept_[0]]
    assert trainer.weights[0] == pytest.approx(expected, rel=1e-3)


def test_weights_by_name_multiply_the_rows_losses() -> None:
    problem, trainer = trained("breast-cancer", class_weight="malignant:3", epochs=1)
    _, plain = trained("breast-cancer", epochs=1)
    start = np.zeros_like(trainer.weights[:1])
    factor = np.where(problem.y_train == list(problem.class_names).index("malignant"), 3.0, 1.0)
    assert trainer.losses(0)[0] == pytest.approx(np.log(2.0))
    p = np.full(len(factor), 0.5)
    gradient = ((p - problem.y_train) * factor) @ problem.x_train / factor.sum()
    moved = trainer.weights[0] - start[0]
    assert moved / moved[0] == pytest.approx(gradient / gradient[0])
    assert trainer.weights[0] != pytest.approx(plain.weights[0])


@pytest.mark.parametrize("how", ["even", "nobody:3", "malignant:x", "malignant:-1", "balanced,x"])
def test_other_class_weights_are_refused(how: str) -> None:
    said = call("run", "breast-cancer", "--class-weight", how, "--no-store")
    check_refusal(said, "--class-weight", "balanced")


def test_a_regression_has_no_classes_to_weigh() -> None:
    said = call("run", "diabetes", "--class-weight", "balanced", "--no-store")
    check_refusal(said, "there are no classes here")


def in_units(x, y, **options: Any) -> tuple[Any, Any]:
    """The weights of a long run on standardized columns, in units, and the problem."""
    problem = load_problem((x, y), standardize=True)
    settings = RunSettings.chosen({"problem": "data", **options})
    settings = replace(settings, loss=settings.loss_for(problem))
    settings = settings.resolved(problem)
    trainer = settings.make_trainer(problem)
    trainer.advance(4000)
    (found,) = weights_beside_optimum(settings, trainer)
    assert found is not None
    return found, train_test_split(x, y, test_size=0.5, random_state=42)


def by_name(found: Any, name: str = "per_unit") -> dict[tuple[str, str], float]:
    return {(row.feature, row.output): getattr(row, name) for row in found.rows}


def noisy(rows: int = 400, classes: int = 2) -> tuple[Any, Any]:
    """Columns of very different scales, and classes that overlap."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((rows, 3)) * [1.0, 1000.0, 0.01] + [5.0, -2000.0, 0.3]
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    score = z @ [1.0, -2.0, 0.5] + rng.logistic(size=rows)
    return x, np.digitize(score, [0.0] if classes == 2 else [-1.0, 1.5])


def test_weights_in_units_are_those_of_scikit_learn_on_the_raw_columns() -> None:
    x, y = noisy()
    found, (x_train, _, y_train, _) = in_units(x, y)
    wanted = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(x_train, y_train)
    ours = by_name(found)
    np.testing.assert_allclose([ours[f"x{i}", ""] for i in (1, 2, 3)], wanted.coef_[0], rtol=1e-5)
    assert found.intercepts[0][1] == pytest.approx(wanted.intercept_[0], rel=1e-5)
    # the largest standardized weight comes first: that of the second column
    assert [row.feature for row in found.rows] == ["x2", "x1", "x3"]
    spread = x_train.std(axis=0)
    assert found.rows[0].standardized == pytest.approx(wanted.coef_[0, 1] * spread[1], rel=1e-5)
    assert found.optimum.estimator == "LogisticRegression(C=inf)"
    assert found.optimum.distance < 1e-5
    assert found.optimum.loss == pytest.approx(
        log_loss(y_train, wanted.predict_proba(x_train)), rel=1e-9
    )


def test_three_classes_have_weights_whose_mean_is_taken_out() -> None:
    x, y = noisy(classes=3)
    found, (x_train, _, y_train, _) = in_units(x, y, l2=0.01)
    scaler = StandardScaler().fit(x_train)
    wanted = LogisticRegression(C=1 / (0.01 * len(x_train)), tol=1e-10, max_iter=5000).fit(
        scaler.transform(x_train), y_train
    )
    own = wanted.coef_ - wanted.coef_.mean(axis=0)
    for at, name in enumerate("012"):
        ours = by_name(found, "standardized")
        np.testing.assert_allclose([ours[f"x{i}", name] for i in (1, 2, 3)], own[at], atol=1e-5)
        assert by_name(found)["x2", name] == pytest.approx(own[at, 1] / scaler.scale_[1], abs=1e-8)
    assert sum(value for _, value in found.intercepts) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("loss", "factor"), [("mse", 200 / 2), ("sse", 1 / 2)])
def test_a_ridge_of_the_same_penalty_is_the_optimum(loss: str, factor: float) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((400, 2)) * [1.0, 50.0]
    y = x @ [3.0, 0.1] + 7.0 + rng.standard_normal(400)
    found, (x_train, _, y_train, _) = in_units(x, y, l2=0.5, loss=loss)
    scaler = StandardScaler().fit(x_train)
    wanted = Ridge(alpha=0.5 * factor).fit(scaler.transform(x_train), y_train)
    best = by_name(found, "optimum")
    np.testing.assert_allclose(
        [best["x1", ""], best["x2", ""]], wanted.coef_ / scaler.scale_, rtol=1e-9
    )
    np.testing.assert_allclose(
        [by_name(found)[name, ""] for name in ("x1", "x2")],
        wanted.coef_ / scaler.scale_,
        rtol=1e-5,
    )
    assert "the same loss here" in found.optimum.sentence()


def test_what_has_no_known_optimum_says_why() -> None:
    x, y = noisy()
    found, _ = in_units(x, (x[:, 0] > 5.0).astype(int))
    assert "can be separated" in found.optimum.why
    assert all(row.optimum is None for row in found.rows)
    for options, part in (({"loss": "hinge"}, "with loss hinge"), ({"l1": 0.01}, "with --l1")):
        found, _ = in_units(x, y, **options)
        assert part in found.lines()[-1]


def test_weights_of_columns_as_they_are_are_ranked_by_their_spread() -> None:
    x, y = noisy()
    problem = load_problem((x, y))
    weights = np.array([2.0, 0.01, 100.0, -1.0])
    found = weights_of(problem, Model(3, 1), weights)
    assert found is not None
    assert [row.feature for row in found.rows] == ["x2", "x1", "x3"]
    assert by_name(found) == {("x1", ""): 2.0, ("x2", ""): 0.01, ("x3", ""): 100.0}
    assert found.intercepts == (("", -1.0),)
    assert found.rows[0].standardized == pytest.approx(0.01 * problem.x_train[:, 1].std())
