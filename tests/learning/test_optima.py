"""Where descent ends: scikit-learn's optimum, and normal equations in exact fractions."""

from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.linear_model import LogisticRegression, Ridge

from tests.making import Floats
from tui_gd.problems import Problem, load_problem
from tui_gd.training.evaluation import StopRules
from tui_gd.training.trainer import Trainer


def standardised(x: Floats) -> Floats:
    """Return X (rows, features + 1): every feature of mean 0 and variance 1, ones last."""
    return np.c_[(x - x.mean(axis=0)) / x.std(axis=0), np.ones(len(x))]


def problem_of(x: Floats, y: np.ndarray, task: str = "regression") -> Problem:
    classes = () if task == "regression" else tuple(map(str, range(int(y.max()) + 1)))
    names = tuple(f"x{i}" for i in range(x.shape[1] - 1))
    return Problem("made", task, x, y, x[:2], y[:2], names, classes)  # type: ignore[arg-type]


def descended(problem: Problem, gradient_norm: float, epochs: int = 60_000, **options) -> Floats:
    """Return the weights where Nesterov's descent from zero reaches that gradient norm."""
    trainer = Trainer(
        problem,
        optimizer="nesterov",
        start="zeros",
        stop=StopRules(gradient_norm=gradient_norm),
        test_losses=False,
        **options,
    )
    trainer.advance(epochs)
    assert trainer.stopped.startswith("gradient norm"), np.linalg.norm(trainer.grad)
    assert trainer.epoch > 10
    return trainer.weights[0].copy()


# cross-entropy with L2 against scikit-learn ----------------------------------


def logistic(problem: Problem, l2: float) -> LogisticRegression:
    """scikit-learn minimises `½·w² + C·Σ loss`, `C·n` times our loss for `C = 1 / (l2·n)`."""
    model = LogisticRegression(
        solver="newton-cholesky", tol=1e-14, C=1 / (l2 * len(problem.y_train)), max_iter=1000
    )
    return model.fit(problem.x_train[:, :-1], problem.y_train)


@pytest.mark.parametrize("l2", [0.01, 0.3])
@pytest.mark.parametrize("name", ["blobs", "moons", "breast-cancer"])
def test_the_optimum_of_binary_cross_entropy_with_l2_is_scikit_learns(name: str, l2: float) -> None:
    problem = load_problem(name, standardize=True)
    found = descended(problem, 1e-10, loss="cross-entropy", l2=l2, learning_rates=[0.3])
    wanted = logistic(problem, l2)
    np.testing.assert_allclose(found[:-1], wanted.coef_[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found[-1], wanted.intercept_[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("l2", [0.01, 0.3])
@pytest.mark.parametrize("name", ["iris", "wine"])
def test_the_optimum_of_softmax_cross_entropy_with_l2_is_scikit_learns(
    name: str, l2: float
) -> None:
    """Biases have no penalty: only their differences are determined."""
    problem = load_problem(name, standardize=True)
    found = descended(problem, 1e-10, loss="cross-entropy", l2=l2, learning_rates=[0.3])
    matrix = found.reshape(problem.features + 1, problem.outputs)
    wanted = logistic(problem, l2)
    np.testing.assert_allclose(matrix[:-1].T, wanted.coef_, rtol=0, atol=1e-6)
    biases, intercepts = matrix[-1], wanted.intercept_
    np.testing.assert_allclose(
        biases - biases.mean(), intercepts - intercepts.mean(), rtol=0, atol=1e-6
    )


def test_row_weights_move_the_optimum_as_scikit_learns_sample_weights_do() -> None:
    problem = load_problem("moons", standardize=True)
    row_weights = np.random.default_rng(1).uniform(0, 3, len(problem.y_train))
    found = descended(
        problem,
        1e-10,
        loss="cross-entropy",
        l2=0.02,
        learning_rates=[0.3],
        row_weights=row_weights,
    )
    model = LogisticRegression(
        solver="newton-cholesky", tol=1e-14, C=1 / (0.02 * row_weights.sum()), max_iter=1000
    )
    model.fit(problem.x_train[:, :-1], problem.y_train, sample_weight=row_weights)
    np.testing.assert_allclose(found, [*model.coef_[0], *model.intercept_], rtol=0, atol=1e-6)


# least squares against exact fractions ---------------------------------------


def solved(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """Solve by Gauss-Jordan elimination, exactly."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(size):
        pivot = next(k for k in range(i, size) if rows[k][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(size):
            if k != i:
                factor = rows[k][i]
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [row[-1] for row in rows]


def normal_equations(x: Floats, y: Floats, l2: float = 0.0) -> Floats:
    """Solve `(XᵀX + ½·l2·n·I)·w = Xᵀy`, without a penalty on the bias, in exact fractions."""
    exact = [[Fraction(value) for value in row] for row in x.tolist()]
    columns, target = list(zip(*exact, strict=True)), [Fraction(value) for value in y.tolist()]

    def dot(a, b):
        return sum((p * q for p, q in zip(a, b, strict=True)), Fraction(0))

    matrix = [[dot(a, b) for b in columns] for a in columns]
    for i in range(len(columns) - 1):
        matrix[i][i] += Fraction(l2) * len(y) / 2
    found = solved(matrix, [dot(column, target) for column in columns])
    return np.array([float(value) for value in found])


def powers(rows: int, degree: int) -> tuple[Floats, Floats]:
    """Return `t, t², …` on 1 … rows: each column is nearly a combination of the others."""
    t = np.arange(1.0, rows + 1)
    x = np.stack([t**k for k in range(1, degree + 1)], axis=1)
    return x, np.sqrt(t) + np.cos(t)


def twins(rows: int, apart: float) -> tuple[Floats, Floats]:
    """Return three columns; the third is the sum of the others up to `apart`."""
    rng = np.random.default_rng(rows)
    x = rng.standard_normal((rows, 3))
    x[:, 2] = x[:, 0] + x[:, 1] + apart * x[:, 2]
    return x, x[:, 0] - 2 * x[:, 1] + rng.standard_normal(rows)


def trend(rows: int) -> tuple[Floats, Floats]:
    """Return columns that all grow with the years, as in economic tables."""
    year = np.arange(rows) - rows / 2
    rng = np.random.default_rng(7)
    grown = [(100 + 3 * year) * (1 + 0.01 * rng.standard_normal(rows)) for _ in range(4)]
    x = np.stack([1950 + year, *grown], axis=1)
    return x, 60 + 0.5 * year + rng.standard_normal(rows)


TABLES = {
    "powers to 2": powers(12, 2),
    "powers to 3": powers(15, 3),
    "twins 0.1 apart": twins(20, 0.1),
    "twins 0.01 apart": twins(20, 0.01),
    "trend": trend(16),
}


def curvatures(x: Floats, l2: float = 0.0) -> tuple[float, float]:
    """Return the largest and the smallest curvature of `‖Xw − y‖² / n + ½·l2·w²`."""
    held = np.diag([l2] * (x.shape[1] - 1) + [0.0])
    found = np.linalg.eigvalsh(2 * x.T @ x / len(x) + held)
    return float(found[-1]), float(found[0])


def least_squares(problem: Problem, loss: str = "mse", l2: float = 0.0, share: float = 1.0):
    """Return a trainer after Nesterov's descent, with rate `share / L` and momentum for κ.

    Every √κ epochs reduce the error by a factor e, down to the limit of rounding.
    """
    largest, smallest = curvatures(problem.x_train, l2)
    root = sqrt(largest / smallest)
    trainer = Trainer(
        problem,
        loss=loss,
        optimizer="nesterov",
        start="zeros",
        learning_rates=[share / largest],
        momentum=(root - 1) / (root + 1),
        l2=l2,
        test_losses=False,
    )
    trainer.advance(int(60 * root))
    return trainer


@pytest.mark.parametrize("table", TABLES)
def test_least_squares_end_at_the_normal_equations_in_exact_fractions(table: str) -> None:
    features, y = TABLES[table]
    x = standardised(features)
    assert np.linalg.cond(x) > 7  # unlike a table drawn at random
    wanted = normal_equations(x, y)
    found = least_squares(problem_of(x, y)).weights[0]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())


@pytest.mark.parametrize("table", TABLES)
def test_ridge_ends_at_its_normal_equations_in_exact_fractions(table: str) -> None:
    features, y = TABLES[table]
    x, l2 = standardised(features), 0.125
    wanted = normal_equations(x, y, l2)
    found = least_squares(problem_of(x, y), l2=l2).weights[0]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())
    # the same by scikit-learn, which adds alpha·w² to the sum of squares
    ridge = Ridge(alpha=l2 * len(y) / 2, solver="cholesky").fit(x[:, :-1], y)
    np.testing.assert_allclose(found, [*ridge.coef_, ridge.intercept_], rtol=1e-9, atol=1e-9)


def test_the_sum_of_squares_has_the_same_optimum_at_a_rate_n_times_smaller() -> None:
    """Its direction is half its gradient, `Xᵀ(Xw − y)`; the mean's is `2/n` times that."""
    features, y = TABLES["powers to 3"]
    x = standardised(features)
    mean = least_squares(problem_of(x, y))
    total = least_squares(problem_of(x, y), "sse", share=2 / len(y))
    np.testing.assert_allclose(mean.weights, total.weights, rtol=1e-9)
    np.testing.assert_allclose(mean.losses() * len(y), total.losses(), rtol=1e-9)


# losses with kinks, whose optimum a linear program finds -----------------------


def test_absolute_error_reaches_the_linear_programs_minimum() -> None:
    """Minimise Σ(u + v)/n subject to `Xw + u − v = y`, u, v ≥ 0."""
    features, y = twins(25, 1.0)
    x = standardised(features)
    n, parameters = x.shape
    cost = np.r_[np.zeros(parameters), np.ones(2 * n) / n]
    equations = np.hstack([x, np.eye(n), -np.eye(n)])
    bounds = [(None, None)] * parameters + [(0, None)] * (2 * n)
    least = linprog(cost, A_eq=equations, b_eq=y, bounds=bounds).fun
    trainer = Trainer(
        problem_of(x, y),
        loss="mae",
        start="zeros",
        learning_rates=[0.5],
        schedule=lambda epoch: 0.998**epoch,
        test_losses=False,
    )
    trainer.advance(6000)
    assert trainer.loss[0] >= least - 1e-12
    assert trainer.loss[0] == pytest.approx(least, rel=1e-3)
