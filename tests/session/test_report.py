"""What a report says beyond scikit-learn's own text: scores without a threshold, class weights."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from tests.cli.commandline import call, check_refusal
from tui_gd.learning.models import Predictor
from tui_gd.session.report import ClassificationReport, report_on
from tui_gd.session.settings import RunSettings


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
