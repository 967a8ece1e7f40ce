"""What changed between two sets of weights, against hand calculation, loops and scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, precision_recall_fscore_support, r2_score

from tests.making import make_problem, problem_of
from tui_gd.learning.engine import Interrupted
from tui_gd.learning.models import Model, Predictor
from tui_gd.problems import load_problem
from tui_gd.problems.problem import surface_problem
from tui_gd.problems.surfaces import typed_surface
from tui_gd.session import changes
from tui_gd.session.changes import ClassificationChanges, RegressionChanges, SurfaceChanges, compare


def line_of(values, y):
    """A problem with one feature whose test rows have these values and classes."""
    x = np.stack([np.array(values, float), np.ones(len(values))], axis=1)
    return problem_of(x, np.array(y, np.int8), x, np.array(y, np.int8))


def binary(problem):
    return Predictor(Model(problem.features, 1), "binary")


def test_by_hand_two_fixed_one_broken() -> None:
    # predicted 1 where x > threshold: first above 2.5, then above 0.5
    problem = line_of([0.0, 1.0, 2.0, 3.0, 2.2], [0, 1, 1, 1, 0])
    found = compare(problem, binary(problem), np.array([1.0, -2.5]), np.array([1.0, -0.5]))
    assert isinstance(found, ClassificationChanges)
    assert (found.flipped, found.fixed, found.broken, found.other) == (3, 2, 1, 0)
    assert found.flips.rows.tolist() == [4, 1, 2]  # what broke stands first
    assert found.flips.before.tolist() == [0, 0, 0]
    assert found.flips.after.tolist() == [1, 1, 1]
    assert found.flips.true.tolist() == [0, 1, 1]
    assert found.accuracy == (3 / 5, 4 / 5)
    # class 0: predicted for 4 rows, 2 rightly, of 2 rows; then for 1, rightly
    assert found.before[0] == pytest.approx([2 / 4, 1.0, 2 * 0.5 / 1.5])
    assert found.after[0] == pytest.approx([1.0, 0.5, 2 * 0.5 / 1.5])
    assert found.before[1] == pytest.approx([1.0, 1 / 3, 0.5])
    assert found.after[1] == pytest.approx([3 / 4, 1.0, 2 * 0.75 / 1.75])
    assert found.support.tolist() == [2, 3]
    assert found.confusion.tolist() == [[-1, 1], [-2, 2]]


def test_many_blocks_are_as_one_and_scikit_learns_numbers(monkeypatch) -> None:
    monkeypatch.setattr(changes, "BLOCK_ROWS", 7)
    problem = load_problem("iris")
    predictor = Predictor(Model(4, 3), "multiclass")
    rng = np.random.default_rng(5)
    before, after = rng.standard_normal((2, predictor.model.parameters))
    found = compare(problem, predictor, before, after)
    assert isinstance(found, ClassificationChanges)
    one, two = (
        np.argmax(problem.x_test @ weights.reshape(5, 3), axis=1) for weights in (before, after)
    )
    fixed = broken = other = 0
    for was, now, true in zip(one, two, problem.y_test, strict=True):
        fixed += bool(was != true and now == true)
        broken += bool(was == true and now != true)
        other += bool(was != now and true not in (was, now))
    assert (found.fixed, found.broken, found.other) == (fixed, broken, other)
    assert other > 0
    for predicted, scores in ((one, found.before), (two, found.after)):
        expected = precision_recall_fscore_support(problem.y_test, predicted, zero_division=0)
        assert scores == pytest.approx(np.stack(expected[:3], axis=1))
    assert found.confusion.sum() == 0
    naive = np.zeros((3, 3), int)
    for was, now, true in zip(one, two, problem.y_test, strict=True):
        naive[true, was] -= 1
        naive[true, now] += 1
    assert (found.confusion == naive).all()
    flipped = set(np.flatnonzero(one != two).tolist())
    assert set(found.flips.rows.tolist()) == flipped


def test_the_list_is_cut_but_the_counts_are_exact(monkeypatch) -> None:
    monkeypatch.setattr(changes, "LISTED", 10)
    problem = make_problem(10, test_rows=300)
    weights = np.array([1.0, 1.0, -0.3])
    found = compare(problem, binary(problem), weights, -weights)
    assert isinstance(found, ClassificationChanges)
    assert found.flipped == 300
    assert len(found.flips.rows) == 10
    assert found.fixed + found.broken == 300


def test_nothing_changes_between_equal_weights() -> None:
    problem = make_problem(10, test_rows=30)
    weights = np.array([0.4, 1.0, -0.3])
    found = compare(problem, binary(problem), weights, weights)
    assert isinstance(found, ClassificationChanges)
    assert found.flipped == 0
    assert not found.confusion.any()
    assert (found.before == found.after).all()


def regression(values, y):
    problem = line_of(values, [0] * len(values))
    y = np.array(y, float)
    return replace(problem, task="regression", y_train=y, y_test=y, class_names=())


def test_a_regression_lists_the_errors_that_changed_most() -> None:
    problem = regression([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 5.0, 3.0])
    predictor = Predictor(Model(1, 1), "regression")
    found = compare(problem, predictor, np.array([0.0, 0.0]), np.array([1.0, 0.0]))
    assert isinstance(found, RegressionChanges)
    # errors 0, 1, 5, 3 become 0, 0, 3, 0
    assert found.listed.tolist() == [3, 2, 1]
    assert (found.nearer, found.farther) == (3, 0)
    assert found.before.tolist() == [0, 0, 0]
    assert found.after.tolist() == [3, 2, 1]
    assert found.true.tolist() == [3, 5, 1]
    y = problem.y_test
    assert found.measures_before == pytest.approx([r2_score(y, 0 * y), 9 / 4, (35 / 4) ** 0.5])
    x = problem.x_test[:, 0]
    assert found.measures_after == pytest.approx(
        [r2_score(y, x), mean_absolute_error(y, x), (9 / 4) ** 0.5]
    )


@pytest.mark.parametrize("wild", [np.nan, np.inf, -np.inf, 1e200])
def test_weights_that_are_not_finite_are_no_error(wild) -> None:
    problem = regression([0.0, 1.0, 2.0], [0.0, 1.0, 5.0])
    predictor = Predictor(Model(1, 1), "regression")
    good, bad = np.array([1.0, 0.0]), np.array([wild, 0.0])
    for before, after in ((good, bad), (bad, good), (bad, bad)):
        found = compare(problem, predictor, before, after)
        assert isinstance(found, RegressionChanges)
        assert found.rows == 3
    assert found.nearer == found.farther == 0
    classes = make_problem(10)
    compare(classes, binary(classes), np.full(3, wild), np.zeros(3))


def test_a_comparison_can_be_given_up_between_blocks(monkeypatch) -> None:
    monkeypatch.setattr(changes, "BLOCK_ROWS", 10)
    problem = make_problem(10, test_rows=100)
    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        compare(problem, binary(problem), np.zeros(3), np.ones(3), stop)
    assert len(calls) == 3


def test_a_surface_has_the_way_and_the_values() -> None:
    problem = surface_problem(typed_surface("x^2 + y^2"))
    predictor = Predictor(Model(1, 1), "surface")
    found = compare(problem, predictor, np.array([3.0, 4.0]), np.array([0.0, 0.0]))
    assert isinstance(found, SurfaceChanges)
    assert (found.distance, found.value_before, found.value_after) == (5.0, 25.0, 0.0)


def test_the_hidden_units_are_those_of_the_formula() -> None:
    model = Model(2, 1, (3, 2), "tanh")
    rng = np.random.default_rng(1)
    weights, x = rng.standard_normal(model.parameters), rng.standard_normal((5, 3))
    x[:, -1] = 1
    first, second = Predictor(model, "binary").units(weights, x)
    one = np.tanh(x @ weights[:9].reshape(3, 3))
    two = np.tanh(np.column_stack([one, np.ones(5)]) @ weights[9:17].reshape(4, 2))
    assert first == pytest.approx(one)
    assert second == pytest.approx(two)
    assert Predictor(Model(2, 1), "binary").units(weights[:3], x) == ()
