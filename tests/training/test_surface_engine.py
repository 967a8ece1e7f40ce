"""Descent on a function of the weights: value, direction, independent lanes."""

import numpy as np
import pytest

from tui_gd.insight.explain import weight_names
from tui_gd.insight.numeric import numeric_gradient
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Model
from tui_gd.problems import SURFACES, Surface
from tui_gd.problems.problem import surface_problem
from tui_gd.problems.surfaces import typed_surface
from tui_gd.training.engines import SurfaceEngine

ALL = [*SURFACES.values(), typed_surface("exp(sin(3*x)) * tanh(y) + abs(x)^1.5 / (2 + cos(y))")]


def named(surface: Surface) -> str:
    return surface.name[:20]


def points_of(surface: Surface, lanes: int) -> np.ndarray:
    low, high = np.array(surface.limits).T
    return np.random.default_rng(lanes).uniform(low, high, (lanes, len(low)))


@pytest.mark.parametrize("surface", ALL, ids=named)
def test_the_direction_agrees_with_differences_of_the_value(surface: Surface) -> None:
    engine = SurfaceEngine(surface)
    weights = points_of(surface, 20)
    loss, grad = engine.loss_and_grad(weights)
    assert (loss.shape, grad.shape) == ((20,), weights.shape)
    for lane in range(20):
        found = numeric_gradient(engine, weights[lane])
        assert found.loss == loss[lane]
        scale = max(1.0, np.abs(grad[lane]).max(), loss[lane])
        np.testing.assert_allclose(grad[lane], found.central, rtol=1e-5, atol=1e-6 * scale)


@pytest.mark.parametrize("surface", ALL, ids=named)
@pytest.mark.parametrize("others", [2, 3, 7, 64, 4000])
def test_a_lanes_bits_do_not_depend_on_the_other_lanes(surface: Surface, others: int) -> None:
    engine = SurfaceEngine(surface)
    weights = points_of(surface, others + 1)
    loss, grad = engine.loss_and_grad(weights)
    assert engine.loss(weights).tobytes() == loss.tobytes()
    for lane in np.linspace(0, others, 30).astype(int):
        alone = engine.loss_and_grad(weights[lane : lane + 1])
        assert alone[0].tobytes() == loss[lane : lane + 1].tobytes()
        assert alone[1].tobytes() == grad[lane : lane + 1].tobytes()
    # a slice of a state (lanes, slots, parameters) is not contiguous
    state = np.zeros((others + 1, 3, weights.shape[1]))
    state[:, 0] = weights
    again = engine.loss_and_grad(state[:, 0])
    assert (again[0].tobytes(), again[1].tobytes()) == (loss.tobytes(), grad.tobytes())


def test_rows_are_ignored_and_weights_unchanged() -> None:
    engine = SurfaceEngine(SURFACES["surface:booth"])
    weights = np.array([[1.0, 1.0]])
    before = weights.copy()
    loss, grad = engine.loss_and_grad(weights, np.arange(0))
    # (1 + 2 − 7)² + (2 + 1 − 5)², derivatives 2·(−4) + 4·(−2), 4·(−4) + 2·(−2)
    assert (loss[0], *grad[0]) == (20.0, -16.0, -20.0)
    assert np.array_equal(weights, before)
    assert engine.loss_and_grad(np.empty((0, 2)))[1].shape == (0, 2)


def test_the_loss_is_the_value_and_descends_along_the_full_gradient() -> None:
    rule = SurfaceEngine(SURFACES["surface:booth"]).rule
    assert (rule.name, rule.descent_factor, rule.unit) == ("value", 1.0, "value of the function")
    assert rule.loss_scale(1) == rule.grad_scale(1) == 1.0
    assert make_loss("value", "surface").name == "value"
    scores, delta, spare = (np.array([[2.0, -3.0]]) for _ in range(3))
    assert rule.block(scores, np.zeros(2), delta, spare, gradient=True).tolist() == [-1.0]
    assert delta.tolist() == [[1.0, 1.0]]
    with pytest.raises(ValueError, match="choose value"):
        make_loss("sse", "surface")


def test_single_precision_weights_give_single_precision_results() -> None:
    engine = SurfaceEngine(SURFACES["surface:himmelblau"])
    weights = points_of(SURFACES["surface:himmelblau"], 9).astype(np.float32)
    loss, grad = engine.loss_and_grad(weights)
    assert loss.dtype == grad.dtype == engine.loss(weights).dtype == np.float32
    double, _ = engine.loss_and_grad(weights.astype(np.float64))
    np.testing.assert_array_equal(loss, double.astype(np.float32))
    assert engine.loss(np.array([[1e30, 0.0]], np.float32))[0] == np.inf


def test_weights_have_the_names_of_the_variables() -> None:
    for formula, names in (("x^2", ("x",)), ("y^2", ("y",)), ("x*y", ("x", "y"))):
        problem = surface_problem(typed_surface(formula))
        assert weight_names(problem, Model(len(names), 1)) == names
