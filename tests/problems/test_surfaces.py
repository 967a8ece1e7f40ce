"""The named surfaces: their minima by hand and by scipy, their starts, their problems."""

import math
from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize

from tui_gd.errors import ProblemError
from tui_gd.problems import SURFACES, TITLES, Surface, load_problem
from tui_gd.problems.problem import surface_problem
from tui_gd.problems.surfaces import find_surface, typed_surface

ALL = list(SURFACES.values())


def named(surface: Surface) -> str:
    return surface.name


def descended(surface: Surface, start: np.ndarray) -> np.ndarray:
    def f(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = surface.value_and_gradient(point[None])
        return float(value[0]), gradient[0]

    return np.asarray(minimize(f, start, jac=True, method="BFGS", options={"gtol": 1e-9}).x)


def by_hand(x: float, y: float) -> dict[str, float]:
    """The functions written out, as in the tables of test functions."""
    wave = 10 - 10 * math.cos(2 * math.pi * x), 10 - 10 * math.cos(2 * math.pi * y)
    valleys = (x * x - 1) ** 2 + 0.3 * x
    return {
        "surface:himmelblau": (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2,
        "surface:rosenbrock": (1 - x) ** 2 + 100 * (y - x * x) ** 2,
        "surface:beale": (1.5 - x + x * y) ** 2
        + (2.25 - x + x * y**2) ** 2
        + (2.625 - x + x * y**3) ** 2,
        "surface:booth": (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2,
        "surface:rastrigin": x * x + y * y + sum(wave),
        "surface:saddle": x * x - y * y + y**4 / 4,
        "surface:two-valleys": valleys + (y - x / 2) ** 2,
        "surface:two-valleys-1d": valleys,
    }


@pytest.mark.parametrize("surface", ALL, ids=named)
def test_values_are_those_written_out(surface: Surface) -> None:
    points = np.random.default_rng(3).uniform(-3, 3, (40, 2))
    values = surface.value(points[:, : len(surface.names)])
    wanted = [by_hand(x, y)[surface.name] for x, y in points.tolist()]
    np.testing.assert_allclose(values, wanted, rtol=1e-11, atol=1e-11)


def test_there_is_every_surface_that_is_promised() -> None:
    promised = "himmelblau rosenbrock beale booth rastrigin saddle two-valleys two-valleys-1d"
    assert list(SURFACES) == [f"surface:{name}" for name in promised.split()]
    assert [len(surface.names) for surface in ALL] == [2] * 7 + [1]


def test_the_published_minima_are_there() -> None:
    published = {
        "himmelblau": [
            (3.0, 2.0),
            (-2.805118, 3.131312),
            (-3.779310, -3.283186),
            (3.584428, -1.848126),
        ],
        "rosenbrock": [(1.0, 1.0)],
        "beale": [(3.0, 0.5)],
        "booth": [(1.0, 3.0)],
        "rastrigin": [(0.0, 0.0)],
        "saddle": [(0.0, -1.414214), (0.0, 1.414214)],
    }
    for name, points in published.items():
        found = [m for m in SURFACES[f"surface:{name}"].minima if m.is_global]
        assert [m.point for m in found] == [pytest.approx(p, abs=1e-6) for p in points]
        assert {m.value for m in found} == {-1.0 if name == "saddle" else 0.0}


@pytest.mark.parametrize("surface", ALL, ids=named)
def test_minima_are_minima(surface: Surface) -> None:
    points = np.array([minimum.point for minimum in surface.minima])
    values, gradients = surface.value_and_gradient(points)
    np.testing.assert_allclose(values, [m.value for m in surface.minima], atol=1e-11)
    assert np.abs(gradients).max() < 1e-9
    h = 1e-5
    steps = h * np.eye(len(surface.names))
    hessians = np.stack(
        [
            surface.value_and_gradient(points + step)[1]
            - surface.value_and_gradient(points - step)[1]
            for step in steps
        ],
        axis=1,
    ) / (2 * h)
    assert (np.linalg.eigvalsh((hessians + hessians.transpose(0, 2, 1)) / 2) > 0.1).all()
    lowest = min(m.value for m in surface.minima)
    assert [m.is_global for m in surface.minima] == [m.value == lowest for m in surface.minima]


@pytest.mark.parametrize("surface", ALL, ids=named)
def test_scipy_finds_no_other_minimum_within_the_limits(surface: Surface) -> None:
    low, high = np.array(surface.limits).T
    reached = set()
    for start in np.random.default_rng(8).uniform(low, high, (60, len(low))):
        end = descended(surface, start)
        if (end < low).any() or (end > high).any():
            continue  # far out, where Beale's function is flat
        minimum, distance = surface.nearest(end) or (None, math.inf)
        assert distance < 1e-5, end
        reached.add(minimum)
    assert len(reached) >= min(len(surface.minima), 20)


def test_rastrigin_has_one_global_minimum_among_121() -> None:
    minima = SURFACES["surface:rastrigin"].minima
    assert len(minima) == len({m.point for m in minima}) == 121
    assert sum(m.is_global for m in minima) == 1


def test_the_saddle_has_a_saddle_at_the_origin() -> None:
    surface = SURFACES["surface:saddle"]
    value, gradient = surface.value_and_gradient(np.zeros((1, 2)))
    assert (value[0], *gradient[0]) == (0.0, 0.0, 0.0)
    around = surface.value(np.array([[0.1, 0.0], [-0.1, 0.0], [0.0, 0.1], [0.0, -0.1]]))
    assert np.sign(around).tolist() == [1, 1, -1, -1]


@pytest.mark.parametrize("surface", ALL, ids=named)
def test_the_learning_rate_in_the_title_stays_finite_and_goes_down(surface: Surface) -> None:
    rate = f"try -a {surface.learning_rate:g}"
    assert TITLES[surface.name].endswith(f": {surface.formula}, {rate}")
    assert TITLES[surface.name].isascii()
    low, high = np.array(surface.limits).T
    corners = np.array(list(product(*surface.limits)))
    starts = np.vstack([corners, np.random.default_rng(5).uniform(low, high, (200, len(low)))])
    points = starts
    for _ in range(400):
        points = points - surface.learning_rate * surface.value_and_gradient(points)[1]
    ends = surface.value(points)
    assert np.isfinite(points).all()
    assert (ends < surface.value(starts)).mean() > 0.97
    assert ends.min() < min(m.value for m in surface.minima) + 0.1


@pytest.mark.parametrize("surface", ALL, ids=named)
def test_starts_are_within_the_limits_and_belong_to_their_seed(surface: Surface) -> None:
    low, high = np.array(surface.limits).T
    starts = np.array([surface.draw_start(seed) for seed in range(300)])
    assert starts.shape == (300, len(surface.names))
    assert (starts >= low).all()
    assert (starts <= high).all()
    assert len(np.unique(starts, axis=0)) == 300
    # uniform: mean and spread of 300 draws
    np.testing.assert_allclose(starts.mean(axis=0), (low + high) / 2, atol=0.1 * (high - low).max())
    np.testing.assert_allclose(starts.std(axis=0), (high - low) / math.sqrt(12), rtol=0.12)
    assert np.array_equal(starts[7], surface.draw_start(7))
    middle = (low + high) / 2
    np.testing.assert_allclose(
        surface.draw_start(7, 5.0) - middle, 5 * (starts[7] - middle), rtol=1e-12
    )


def test_starts_are_where_the_function_is_finite() -> None:
    surface = typed_surface("log(x) + sqrt(y)")
    starts = np.array([surface.draw_start(seed) for seed in range(50)])
    assert (starts > 0).all()
    assert surface.draw_start(0, 1e-3).shape == (2,)
    assert typed_surface("log(-1 - x^2)").draw_start(1).shape == (1,)  # nowhere


def test_a_typed_surface_has_its_formula_and_no_known_minima() -> None:
    surface = typed_surface(" x^2  + 3*y ")
    assert (surface.name, surface.names, surface.minima) == ("x^2 + 3*y", ("x", "y"), ())
    assert surface.limits == ((-5.0, 5.0), (-5.0, 5.0))
    assert surface.nearest(np.zeros(2)) is None
    assert typed_surface("y^2").limits == ((-5.0, 5.0),)


def test_the_nearest_minimum_is_the_nearest() -> None:
    surface = SURFACES["surface:himmelblau"]
    found = surface.nearest(np.array([3.0, 2.5]))
    assert found is not None
    assert (found[0].point, found[1]) == ((3.0, 2.0), 0.5)
    assert surface.near == pytest.approx(0.01 * math.hypot(10, 10))


@pytest.mark.parametrize("surface", [*ALL, typed_surface("x^2")], ids=named)
def test_the_problem_of_a_surface_has_no_rows_and_a_weight_for_every_variable(
    surface: Surface,
) -> None:
    problem = surface_problem(surface)
    assert problem.surface is surface
    assert (problem.task, problem.name) == ("surface", surface.name)
    assert problem.x_train.shape == problem.x_test.shape == (0, len(surface.names))
    assert len(problem.y_train) == len(problem.y_test) == 0
    assert problem.features + 1 == len(surface.names)
    assert problem.outputs == 1
    assert problem.rows(problem.x_train, slice(0, 5)).shape == (0, len(surface.names))


def test_surfaces_are_loaded_by_name_and_others_are_refused_with_the_names() -> None:
    assert load_problem("surface:booth").surface is SURFACES["surface:booth"]
    for name in ("surface:", "surface:nosuch", "surface:Booth", "surface:x^2\n\x1b"):
        with pytest.raises(ProblemError) as caught:
            find_surface(name)
        line = str(caught.value)
        assert line.isprintable()
        assert all(known in line for known in SURFACES)
