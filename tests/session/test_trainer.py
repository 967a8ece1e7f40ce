"""The trainer for Python: reports, curves, predictions on own data, and what a notebook shows."""

import doctest
import pickle
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import classification_report, r2_score

import tui_gd.problems.load
import tui_gd.session.trainer
from tests.problems.tabling import customers
from tui_gd import Trainer, load_problem
from tui_gd.errors import ProblemError
from tui_gd.problems.new_rows import design


def test_a_report_is_scikit_learns_on_the_test_rows() -> None:
    problem = load_problem("moons")
    trainer = Trainer(problem, learning_rates=[0.01, 1e-9], seed=1)
    trainer.advance(200)
    for lane in (0, 1):
        predicted = (problem.x_test @ trainer.weights[lane] > 0).astype(int)
        report = trainer.report(lane)
        wanted = classification_report(
            problem.y_test, predicted, target_names=["0", "1"], zero_division=0.0
        )
        assert report.text == str(report) == repr(report) == wanted
    assert trainer.report().text == trainer.report(0).text
    trainer = Trainer(load_problem("plane"), loss="mse", learning_rates=[0.1], seed=1)
    trainer.advance(50)
    predicted = trainer.problem.x_test @ trainer.weights[0]
    assert trainer.report().table["r2"] == pytest.approx(
        r2_score(trainer.problem.y_test, predicted)
    )
    assert "r2" in repr(trainer.report())
    with pytest.raises(IndexError):
        trainer.report(1)


def test_curves_are_columns_for_a_data_frame() -> None:
    trainer = Trainer(load_problem("blobs"), learning_rates=[0.01, 0.02], seed=1)
    trainer.advance(10)
    trainer.set_learning_rate(0.1, 1)
    trainer.advance(5)
    frame = pd.DataFrame(trainer.curves())
    assert list(frame) == ["lane", "epoch", "train_loss", "test_loss", "learning_rate"]
    assert list(frame["lane"]) == ["A"] * 16 + ["B"] * 16
    assert list(frame["epoch"]) == [*range(16)] * 2
    for position, name in enumerate("AB"):
        lane = frame[frame["lane"] == name]
        np.testing.assert_array_equal(lane["train_loss"], trainer.losses(position))
        np.testing.assert_array_equal(lane["test_loss"], trainer.test_losses(position))
        assert lane["train_loss"].iloc[-1] == trainer.loss[position]
    assert list(frame["learning_rate"]) == [0.01] * 16 + [0.02] * 10 + [0.1] * 6
    assert pl.DataFrame(trainer.curves()).height == 32
    trainer.back(12)
    assert len(trainer.curves()["epoch"]) == 8


def churn(**options: object):
    frame = customers()
    return frame.iloc[200:], load_problem(
        frame.iloc[200:], "churn", test=frame.iloc[:200], drop=["customer"], **options
    )


@pytest.mark.parametrize("standardize", [False, True])
def test_new_rows_of_a_frame_are_prepared_as_the_test_rows_were(standardize: bool) -> None:
    _, problem = churn(standardize=standardize)
    frame = customers().iloc[:200]
    np.testing.assert_allclose(design(problem, frame), problem.x_test, rtol=1e-12, atol=1e-12)
    shuffled = pl.from_pandas(frame[frame.columns[::-1]])
    np.testing.assert_allclose(design(problem, shuffled), problem.x_test, rtol=1e-12, atol=1e-12)


def test_predictions_are_the_classes_of_the_data() -> None:
    _, problem = churn(standardize=True)
    trainer = Trainer(problem, loss="cross-entropy", learning_rates=[0.5], seed=1)
    trainer.advance(200)
    predicted = trainer.predict(customers().iloc[:200].drop(columns="churn"))
    assert set(predicted) == {"no", "yes"}
    wanted = (problem.x_test @ trainer.weights[0] > 0).astype(int)
    np.testing.assert_array_equal(predicted, np.array(["no", "yes"])[wanted])
    truth = np.array(["no", "yes"])[problem.y_test]
    assert (predicted == truth).mean() == pytest.approx(trainer.report().table["accuracy"])


def test_predictions_of_arrays_are_whole_numbers_or_a_regressions() -> None:
    iris = load_problem("iris", standardize=True)
    trainer = Trainer(iris, loss="cross-entropy", learning_rates=[0.5, 1e-9], seed=1)
    trainer.advance(100)
    raw = load_problem("iris").x_test[:, :-1]
    predicted = trainer.predict(raw)
    assert predicted.dtype.kind == "U"
    scores = iris.x_test @ trainer.weights[0].reshape(5, 3)
    np.testing.assert_array_equal(predicted, np.array(iris.class_names)[scores.argmax(axis=1)])
    assert (trainer.predict(raw, lane=1) != predicted).any()
    x = np.random.default_rng(2).standard_normal((60, 2))
    trainer = Trainer(load_problem((x, x @ [2.0, -1.0])), loss="mse", learning_rates=[0.3], seed=1)
    trainer.advance(200)
    np.testing.assert_allclose(trainer.predict(x), x @ [2.0, -1.0], atol=1e-6)
    digits = Trainer(load_problem("blobs"), seed=1)
    assert set(digits.predict([[-1.5, 4.5], [-10.0, -3.0]]).tolist()) <= {0, 1}


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ([[1.0]], "(rows, 2)"),
        ([1.0, 2.0], "(rows, 2)"),
        ([[1.0, np.inf]], "row 0 (from 0), column 1 is not finite"),
        (pd.DataFrame({"x1": [1.0]}), "no column 'x2'"),
        (pd.DataFrame({"x1": ["a"], "x2": [1.0]}), "row 1, column 'x1': 'a' is not a number"),
        (pd.DataFrame({"x1": [np.inf, 1.0], "x2": [1.0, 1.0]}), "row 1, column 'x1'"),
    ],
)
def test_rows_that_do_not_fit_are_refused_in_one_line(data, part: str) -> None:
    with pytest.raises(ProblemError) as caught:
        Trainer(load_problem("blobs"), seed=1).predict(data)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_text_needs_a_frame_and_a_surface_has_nothing_to_predict() -> None:
    _, problem = churn()
    trainer = Trainer(problem, seed=1)
    with pytest.raises(ProblemError, match="name columns in a data frame"):
        trainer.predict(np.zeros((2, problem.features)))
    with pytest.raises(ProblemError, match="no rows to predict"):
        Trainer(load_problem("surface:booth"), loss="value", seed=1).predict([[1.0]])


def test_texts_unknown_in_training_are_no_class_of_their_own() -> None:
    frame = pd.DataFrame({"plan": ["a", "b"] * 20, "n": range(40), "y": [0, 1, 1, 0] * 10})
    problem = load_problem(frame, "y")
    rows = design(problem, pd.DataFrame({"plan": ["a", "zzz", None], "n": [0, 1, 2]}))
    places = [problem.feature_names.index(f"plan={name}") for name in "ab"]
    assert rows[:, places].tolist() == [[1, 0], [0, 0], [0, 0]]


def test_what_is_shown_says_where_the_run_is() -> None:
    trainer = Trainer(load_problem("blobs"), learning_rates=[0.01] * 10, seed=1)
    trainer.advance(7)
    text = repr(trainer)
    assert text.startswith("<Trainer on blobs, epoch 7: A sgd α 0.01 loss ")
    assert f"loss {trainer.loss[0]:.6g};" in text
    assert text.endswith("; 2 more>")
    assert "\n" not in text


def test_a_notebook_shows_the_curves_and_the_lanes() -> None:
    trainer = Trainer(load_problem("blobs"), learning_rates=[0.01, 0.02], seed=1)
    trainer.advance(40)
    trainer.lanes[0].name = "<b>&"
    page = ElementTree.fromstring(trainer._repr_html_().replace("<br>", ""))
    lines = page.findall(".//polyline")
    assert len(lines) == 2
    losses = trainer.losses(0)
    points = np.array([p.split(",") for p in lines[0].get("points", "").split()], float)
    logs = np.log10(np.concatenate([losses, trainer.losses(1)]))
    height = 160 * (1 - (np.log10(losses) - logs.min()) / (logs.max() - logs.min()))
    np.testing.assert_allclose(points[:, 0], np.arange(41) * 480 / 40, atol=0.06)
    np.testing.assert_allclose(points[:, 1], height, atol=0.06)
    cells = ["".join(cell.itertext()) for cell in page.findall(".//td")]
    assert cells[:4] == ["<b>&", "sgd", "0.01", f"{trainer.loss[0]:.6g}"]
    diverged = Trainer(load_problem("line"), loss="mse", learning_rates=[1e9], seed=1)
    diverged.advance(50)
    assert "nan" not in re.sub(r"<td>.*?</td>", "", diverged._repr_html_())


def test_pickling_is_refused_in_words_and_its_parts_go_on_with_the_same_bits() -> None:
    options = {"learning_rates": [0.01], "batch_size": 32, "seed": 1}
    trainer = Trainer(load_problem("moons"), **options)
    trainer.advance(20)
    with pytest.raises(TypeError, match=r"checkpoint\(\)"):
        pickle.dumps(trainer)
    problem, checkpoint = pickle.loads(pickle.dumps((trainer.problem, trainer.checkpoint(1))))
    other = Trainer(problem, **options)
    other.restore(checkpoint)
    for one in (trainer, other):
        one.advance(10)
    assert other.weights.tobytes() == trainer.weights.tobytes()


@pytest.mark.parametrize("module", [tui_gd.session.trainer, tui_gd.problems.load])
def test_the_examples_of_the_docstrings_hold(module) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 2
    assert found.failed == 0
