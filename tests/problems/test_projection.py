import dataclasses

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tui_gd.problems import BUILTIN, Problem, load_problem
from tui_gd.problems.projection import BLOCK_ROWS, choose_projection, principal_components

WIDE = ["iris", "wine", "breast-cancer", "digits", "diabetes"]


def problem_of(x, y=None, names=None):
    x = np.column_stack([np.asarray(x, dtype=float), np.ones(len(x))])
    y = np.zeros(len(x)) if y is None else np.asarray(y)
    names = names or tuple(f"x{column + 1}" for column in range(x.shape[1] - 1))
    return Problem("mine", "regression", x, y, x, y, names)


def share_of(label):
    return label[label.index("(") + 1 : label.index(" %")]


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("standardize", [False, True])
def test_components_are_those_of_scikit_learns_pca(name, standardize):
    problem = load_problem(name, standardize=standardize)
    pca = PCA(svd_solver="full").fit(problem.x_train[:, :-1])
    components, shares = principal_components(problem.x_train[:, :-1])
    assert np.allclose(shares, pca.explained_variance_ratio_, rtol=1e-9, atol=1e-13)
    signs = np.sign((components[:2] * pca.components_[:2]).sum(axis=1))
    assert np.allclose(components[:2], signs[:, np.newaxis] * pca.components_[:2], atol=1e-9)
    projection = choose_projection(problem)
    ours, theirs = projection.project(problem.x_test), pca.transform(problem.x_test[:, :-1])
    assert np.allclose(ours, theirs[:, :2] * signs, rtol=1e-9, atol=1e-9 * np.abs(theirs).max())
    for number, label in enumerate(projection.labels):
        percent = 100 * pca.explained_variance_ratio_[number]
        assert label.startswith(f"PC{number + 1} (")
        assert abs(float(share_of(label).strip("<>")) - percent) <= 1
    assert not projection.uses_target


def test_components_block_by_block():
    random = np.random.default_rng(0)
    x = random.standard_normal((2 * BLOCK_ROWS + 17, 4)) @ np.diag([5, 3, 2, 1]) + 100
    x = x @ np.linalg.qr(random.standard_normal((4, 4)))[0]
    pca = PCA(svd_solver="full").fit(x)
    components, shares = principal_components(x)
    assert np.allclose(shares, pca.explained_variance_ratio_, rtol=1e-10)
    assert np.allclose(np.abs(components @ pca.components_.T), np.eye(4), atol=1e-10)


@pytest.mark.parametrize("name", WIDE)
def test_the_largest_loading_is_positive(name):
    components, _ = principal_components(load_problem(name).x_train[:, :-1])
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
    assert (largest > 0).all()


def test_signs_of_equal_loadings_do_not_hang_on_rounding():
    # by hand: x3 is constant, x2 = −x1, so PC1 = (1, −1, 0)/√2 with all of the variance
    x = np.array([[-2.0, 2.0, 7.0], [-1.0, 1.0, 7.0], [0.0, 0.0, 7.0], [3.0, -3.0, 7.0]])
    for rows in (x, x[::-1], x * 1.1, x * 0.3):
        components, shares = principal_components(rows)
        assert np.allclose(components[0], [np.sqrt(0.5), -np.sqrt(0.5), 0])
        assert np.allclose(shares, [1, 0, 0])


@pytest.mark.parametrize("name", BUILTIN)
def test_lift_then_project_gives_the_point_again(name):
    problem = load_problem(name, standardize=name == "digits")
    projection = choose_projection(problem)
    points = projection.project(problem.x_train, problem.y_train)
    rows = projection.lift(points)
    assert rows.shape == (len(points), problem.features + 1)
    assert (rows[:, -1] == 1).all()
    again = projection.project(rows, problem.y_train)
    assert np.allclose(again, points, rtol=1e-12, atol=1e-12 * np.abs(points).max())
    assert np.allclose(projection.lift(again), rows, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["blobs", "gaussians", "plane"])
def test_two_features_are_drawn_as_they_are(name):
    problem = load_problem(name)
    projection = choose_projection(problem)
    assert projection.labels == ("x1", "x2")
    assert np.array_equal(projection.project(problem.x_test), problem.x_test[:, :2])
    assert np.array_equal(projection.lift(problem.x_test[:, :2]), problem.x_test)


def test_one_feature_is_drawn_against_the_target():
    problem = load_problem("line")
    projection = choose_projection(problem)
    assert projection.uses_target
    assert projection.labels == ("x1", "y")
    points = projection.project(problem.x_test, problem.y_test)
    assert np.array_equal(points, np.column_stack([problem.x_test[:, 0], problem.y_test]))
    assert np.array_equal(projection.lift(points), problem.x_test)
    with pytest.raises(ValueError, match="needs y"):
        projection.project(problem.x_test)


def test_the_plane_of_components_by_hand():
    problem = load_problem("iris")
    projection = choose_projection(problem)
    first, second = (axis.direction for axis in projection.axes)
    mean = problem.x_train[:, :-1].mean(axis=0)
    expected = np.append(mean + 2 * first - 0.5 * second, 1)
    assert np.allclose(projection.lift(np.array([[2, -0.5]])), expected)
    assert np.allclose(projection.lift(np.zeros((1, 2))), np.append(mean, 1))


@pytest.mark.parametrize("rows", [1, 2])
def test_few_or_equal_rows_still_give_two_axes(rows):
    projection = choose_projection(problem_of(np.ones((rows, 4))))
    assert projection.labels == ("PC1 (0 %)", "PC2 (0 %)")
    basis = np.array([axis.direction for axis in projection.axes])
    assert np.allclose(basis @ basis.T, np.eye(2))
    assert np.array_equal(projection.project(projection.lift(np.zeros((1, 2)))), np.zeros((1, 2)))


def test_shares_that_would_round_to_nothing_or_everything():
    projection = choose_projection(load_problem("wine"))
    assert projection.labels == ("PC1 (>99 %)", "PC2 (<1 %)")


def test_a_projection_is_frozen_and_repeats_bit_for_bit():
    problem = load_problem("digits")
    one, two = choose_projection(problem), choose_projection(problem)
    assert one.project(problem.x_test).tobytes() == two.project(problem.x_test).tobytes()
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.mean = two.mean
