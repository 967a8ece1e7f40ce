"""Planes through the weights, their limits, and the losses on them."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tests.making import make_engine, make_rows, problem_of
from tui_gd.insight.landscape import (
    LEAST_GRID,
    MOST_POINTS,
    covering,
    grid,
    grid_shape,
    losses_on,
    plane_of_weights,
    principal_plane,
    work,
    zoomed,
)
from tui_gd.learning.engine import Interrupted
from tui_gd.training.trainer import Trainer

NAMES = ("a", "b", "c", "d")


def a_path(points: int = 40, parameters: int = 7, seed: int = 1):
    rng = np.random.default_rng(seed)
    steps = rng.standard_normal((points, parameters)) * np.linspace(3.0, 0.2, parameters)
    return np.cumsum(steps, axis=0)


@pytest.mark.parametrize("chosen", [(0, 1), (2, 0), (3,)])
def test_a_plane_along_weights_has_these_weights_as_coordinates(chosen):
    weights = np.array([0.1, -2.0, 3.3, 1e-9])
    plane = plane_of_weights(weights, chosen, NAMES)
    assert plane.labels == tuple(NAMES[i] for i in chosen)
    np.testing.assert_array_equal(plane.project(weights[None])[0], weights[list(chosen)])
    np.testing.assert_array_equal(plane.lift(plane.project(weights[None]))[0], weights)
    moved = plane.lift(np.full((1, len(chosen)), 5.5))[0]
    held = [i for i in range(4) if i not in chosen]
    assert (moved[list(chosen)] == 5.5).all()
    assert (moved[held] == weights[held]).all()


def test_weights_beside_the_plane_may_be_anything_without_harm():
    plane = plane_of_weights(np.zeros(3), (0, 1), NAMES)
    np.testing.assert_array_equal(plane.project(np.array([[1.0, 2.0, np.inf]])), [[1.0, 2.0]])


@pytest.mark.parametrize("chosen", [(0, 0), (0, 4), (-1,), (), (0, 1, 2)])
def test_a_plane_needs_one_or_two_different_weights(chosen):
    with pytest.raises(ValueError, match=r"weight"):
        plane_of_weights(np.zeros(4), chosen, NAMES)


@pytest.mark.parametrize(("points", "parameters"), [(40, 7), (5, 60), (300, 3)])
def test_principal_directions_and_shares_are_those_of_scikit_learn(points, parameters):
    path = a_path(points, parameters)
    plane = principal_plane(path, path[-1], np.ones(parameters))
    fitted = PCA(n_components=2, svd_solver="full").fit(path)
    np.testing.assert_allclose(plane.axes, fitted.components_, atol=1e-9)
    for number, share in enumerate(fitted.explained_variance_ratio_):
        assert plane.labels[number] == f"direction {number + 1} ({100 * share:.3g} %)"


def test_a_principal_plane_goes_through_the_weights_and_is_measured_from_the_start():
    path = a_path()
    through = path[17]
    plane = principal_plane(path, through, np.ones(7))
    np.testing.assert_allclose(plane.lift(plane.project(through[None]))[0], through, atol=1e-12)
    np.testing.assert_allclose(plane.project(path[:1]), [[0.0, 0.0]], atol=1e-12)
    # another epoch viewed: the same coordinates for the same path
    other = principal_plane(path, path[3], np.ones(7))
    np.testing.assert_allclose(other.project(path), plane.project(path), atol=1e-12)
    np.testing.assert_allclose(plane.axes @ plane.axes.T, np.eye(2), atol=1e-12)
    points = np.array([[0.5, -2.0], [3.0, 4.0]])
    np.testing.assert_allclose(plane.project(plane.lift(points)), points, atol=1e-12)


def test_the_second_direction_of_a_straight_path_is_the_gradients():
    direction = np.array([2.0, 1.0, 0.0])
    path = np.arange(5.0)[:, None] * direction
    plane = principal_plane(path, path[-1], np.array([1.0, 0.0, 3.0]))
    np.testing.assert_allclose(plane.axes[0], direction / np.sqrt(5), atol=1e-12)
    rest = np.array([1.0, 0.0, 3.0]) - (2.0 / 5.0) * direction
    np.testing.assert_allclose(plane.axes[1], rest / np.linalg.norm(rest), atol=1e-12)
    assert plane.labels == ("direction 1 (100 %)", "gradient")


@pytest.mark.parametrize("gradient", [np.zeros(3), np.full(3, np.nan), np.array([1e200, 0, 0])])
@pytest.mark.parametrize("points", [0, 1, 2])
def test_there_is_a_plane_whatever_the_path_and_the_gradient(gradient, points):
    path = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]])[:points]
    plane = principal_plane(path, np.array([1.0, 2.0, 3.0]), gradient)
    np.testing.assert_allclose(plane.axes @ plane.axes.T, np.eye(2), atol=1e-12)
    assert len(plane.labels) == 2


def test_epochs_that_are_not_finite_do_not_count_for_the_directions():
    path = a_path()
    broken = np.vstack([path, np.full((2, 7), np.nan)])
    plane, whole = (principal_plane(p, path[-1], np.ones(7)) for p in (broken, path))
    np.testing.assert_array_equal(plane.axes, whole.axes)


def test_huge_paths_have_directions():
    path = a_path() * 1e200
    plane = principal_plane(path, path[-1], np.ones(7))
    np.testing.assert_allclose(plane.axes, PCA(2).fit(path / 1e200).components_, atol=1e-9)


def test_losses_are_those_of_a_double_loop():
    x, y = make_rows(40, 2)
    engine = make_engine(x, y)
    plane = plane_of_weights(np.array([0.3, -0.7, 0.25]), (0, 2), ("a", "b", "c"))
    xs, ys = grid((-2.0, 3.0, -1.0, 1.0), (4, 6))
    values = losses_on(engine, plane, xs, ys)
    assert ys[0] > ys[-1]
    for row, height in enumerate(ys):
        for column, across in enumerate(xs):
            p = 1 / (1 + np.exp(-(x @ np.array([across, -0.7, height]))))
            assert values[row, column] == pytest.approx(((p - y) ** 2).sum(), rel=1e-12)


def test_a_grid_lies_at_the_centres_of_equal_parts():
    xs, ys = grid((0.0, 4.0, 0.0, 3.0), (3, 4))
    assert xs.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert ys.tolist() == [2.5, 1.5, 0.5]
    xs, ys = grid((0.0, 4.0), (1, 2))
    assert (xs.tolist(), ys.tolist()) == ([1.0, 3.0], [0.0])


def test_losses_along_a_line_and_in_single_precision():
    x, y = make_rows(30, 1)
    trainer = Trainer(problem_of(x, y), dtype=np.float32, test_losses=False)
    plane = plane_of_weights(trainer.weights[0], (1,), ("a", "bias"))
    xs, ys = grid((-1.0, 1.0), (1, 5))
    values = losses_on(trainer.engine, plane, xs, ys)
    assert values.shape == (1, 5)
    assert values.dtype == np.float64
    p = 1 / (1 + np.exp(-(x[:, :1] * trainer.weights[0, 0] + xs)))
    np.testing.assert_allclose(values[0], ((p - y[:, None]) ** 2).sum(axis=0), rtol=1e-5)


def test_overflow_raises_nothing():
    x, y = make_rows(20, 1)
    x = x * 1e200
    engine = make_engine(x, y, "mse")
    plane = plane_of_weights(np.array([1e150, 1.0]), (0, 1), ("a", "bias"))
    values = losses_on(engine, plane, *grid((1e299, 1e300, 0.0, 1.0), (2, 2)))
    assert values.shape == (2, 2)


def test_many_weights_are_several_calls_that_can_be_given_up():
    calls = []

    class Counting:
        def loss(self, weights):
            calls.append(len(weights))
            return weights.sum(axis=1)

    plane = plane_of_weights(np.zeros(1 << 18), (0, 1), [str(i) for i in range(1 << 18)])
    values = losses_on(Counting(), plane, *grid((0.0, 2.0, 0.0, 2.0), (2, 3)))
    assert sum(calls) == 6
    assert max(calls) == 4
    np.testing.assert_allclose(values[:, 0], [1.5 + 1 / 3, 0.5 + 1 / 3])

    def give_up():
        raise Interrupted

    with pytest.raises(Interrupted):
        losses_on(Counting(), plane, *grid((0.0, 1.0, 0.0, 1.0), (2, 3)), give_up)


def test_limits_leave_a_margin_and_stay_while_the_path_fits():
    points = np.array([[0.0, 0.0], [4.0, 2.0]])
    limits = covering(points)
    assert limits == (-1.0, 5.0, -0.5, 2.5)
    assert covering(points * 0.9, limits) == limits
    assert covering(np.array([[0.0, 0.0], [4.9, 2.0]]), limits) == limits
    grown = covering(np.array([[0.0, 0.0], [5.2, 2.0]]), limits)
    assert grown[0] == limits[0]
    assert grown[2:] == limits[2:]
    assert grown[1] > 5.2 + 1.0  # by a quarter at once, not by what is needed


def test_a_growing_path_moves_the_limits_seldom():
    limits, moves = None, 0
    for length in range(1, 1000):
        before, limits = limits, covering(np.array([[0.0, 1.0], [length / 10, 1.1]]), limits)
        moves += before != limits
        assert limits[0] <= 0.0
        assert limits[1] >= length / 10
    assert moves < 40


def test_limits_much_too_wide_are_given_up():
    wide = (-1000.0, 1000.0, -1000.0, 1000.0)
    limits = covering(np.array([[0.0, 0.0], [4.0, 2.0]]), wide)
    assert limits == (-1.0, 5.0, -0.5, 2.5)


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((1, 2)),
        np.zeros((0, 2)),
        np.array([[3.0, -1e-9]]),
        np.array([[np.nan, 1.0], [np.inf, 2.0], [1.0, 1.0]]),
        np.array([[1e-300, 1e-300], [2e-300, 0.0]]),
        np.array([[1e140, 0.0], [-1e140, 1.0]]),
        np.array([[1e308, 0.0], [-1e308, 1.0]]),
        np.array([[5.0], [5.0]]),
    ],
)
def test_limits_rise_whatever_the_points(points):
    limits = np.array(covering(points))
    assert np.isfinite(limits).all()
    assert (limits[::2] < limits[1::2]).all()
    assert len(limits) == 2 * points.shape[1]


def test_zooming_leaves_its_point_where_it_is():
    limits = zoomed((0.0, 10.0, -1.0, 1.0), 2.0, (5.0, 1.0))
    assert limits == (2.5, 7.5, 0.0, 1.0)
    assert zoomed(limits, 0.5, (5.0, 1.0)) == (0.0, 10.0, -1.0, 1.0)
    for _ in range(2000):
        limits = zoomed(limits, 2.0, (5.0, 1.0))
    assert limits[0] < limits[1]
    for _ in range(5000):
        limits = zoomed(limits, 0.5, (5.0, 1.0))
    assert np.isfinite(limits).all()


def test_the_grid_gets_coarser_with_the_work_but_never_too_coarse():
    assert grid_shape(500, 3, (40, 60)) == (40, 60)
    h, w = grid_shape(500, 3, (200, 400))
    assert h * w <= MOST_POINTS
    assert w / h == pytest.approx(2.0, rel=0.1)
    h, w = grid_shape(100_000, 3, (60, 100))
    assert work(100_000, 3, h * w) <= 20_000_000
    assert grid_shape(5_000_000, 3, (60, 100)) == LEAST_GRID
    assert grid_shape(10**12, 10**6, (60, 100)) == LEAST_GRID
    assert grid_shape(10**9, 3, (4, 5)) == (4, 5)
    assert grid_shape(0, 2, (60, 60)) == (60, 60)
    assert grid_shape(10, 1, (1, 200)) == (1, 200)
