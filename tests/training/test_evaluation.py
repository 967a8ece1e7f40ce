"""The best constant: against scipy's linear programs and minimisers, and by hand."""

import numpy as np
import pytest
from scipy.optimize import linprog, minimize_scalar
from scipy.special import huber as scipy_huber

from tui_gd.learning.losses import POSSIBLE
from tui_gd.problems import Problem, load_problem
from tui_gd.session.settings import RunSettings
from tui_gd.training.evaluation import best_constant, constant_loss, hinge_constant


def skewed(rows: int = 401, seed: int = 5) -> np.ndarray:
    """A target with a long tail: its mean is far above its median."""
    return np.exp(2.0 * np.random.default_rng(seed).standard_normal(rows))


def regression(y: np.ndarray) -> Problem:
    x = np.column_stack([np.arange(len(y)) % 7, np.ones(len(y))]).astype(float)
    return Problem("skewed", "regression", x, y, x[:0], y[:0], ("x",), ())


def reference(problem: Problem, loss: str, **options) -> float:
    trainer = RunSettings(loss=loss, **options).make_trainer(problem)
    return constant_loss(trainer.engine, problem, trainer.model)


def test_the_best_constant_of_the_absolute_error_is_the_median() -> None:
    y = skewed()
    median, mean = np.abs(y - np.median(y)).mean(), np.abs(y - y.mean()).mean()
    assert reference(regression(y), "mae") == pytest.approx(median, rel=1e-14)
    assert median < 0.9 * mean


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_best_constant_of_the_huber_loss_is_its_minimum_over_constants(scale) -> None:
    y = scale * skewed()
    best = minimize_scalar(
        lambda c: scipy_huber(1.0, c - y).mean(),
        bounds=(y.min(), y.max()),
        method="bounded",
        options={"xatol": 1e-12 * scale},
    )
    assert reference(regression(y), "huber") == pytest.approx(best.fun, rel=1e-9)


def test_the_best_constant_hinge_loss_of_two_classes_is_twice_the_smaller_share() -> None:
    y = (np.arange(500) % 5 == 0).astype(np.intp)  # 20 % of class 1
    for classes in (y, 1 - y):
        x = np.column_stack([np.ones(500), np.ones(500)])
        problem = Problem("b", "binary", x, classes, x[:0], y[:0], ("x",), ("a", "b"))
        assert reference(problem, "hinge") == pytest.approx(0.4, rel=1e-14)


def hinge_program(shares: np.ndarray) -> float:
    """The least hinge loss of constant scores, as a linear program: a slack for each pair."""
    count = len(shares)
    pairs = [(y, j) for y in range(count) for j in range(count) if j != y]
    cost = np.concatenate([np.zeros(count), [shares[y] for y, _ in pairs]])
    rows = np.zeros((len(pairs), count + len(pairs)))
    for row, (y, j) in enumerate(pairs):  # z_j − z_y − slack ≤ −1
        rows[row, [j, y, count + row]] = 1.0, -1.0, -1.0
    bounds = [(None, None)] * count + [(0, None)] * len(pairs)
    return linprog(cost, A_ub=rows, b_ub=-np.ones(len(pairs)), bounds=bounds).fun


def hinge_of(scores: np.ndarray, shares: np.ndarray) -> float:
    loss = np.maximum(0.0, scores[None] - scores[:, None] + 1.0)
    return float(shares @ (loss.sum(axis=1) - 1.0))


@pytest.mark.parametrize("classes", [2, 3, 4, 7, 12])
def test_the_best_constant_of_a_hinge_loss_of_more_classes_is_that_of_the_linear_program(
    classes,
) -> None:
    rng = np.random.default_rng(classes)
    for power in (0.0, 0.5, 1.0, 4.0, 12.0):
        shares = rng.dirichlet(np.ones(classes)) ** power
        shares /= shares.sum()
        found = hinge_of(hinge_constant(shares), shares)
        # the solver's own tolerance is 1e-7
        assert found == pytest.approx(hinge_program(shares), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", ["blobs", "iris", "diabetes"])
def test_no_other_constant_is_better(name) -> None:
    problem = load_problem(name)
    rng = np.random.default_rng(0)
    for loss in POSSIBLE[problem.task]:
        trainer = RunSettings(problem=name, loss=loss).make_trainer(problem)
        model, outputs = trainer.model, trainer.model.outputs
        best = best_constant(loss, problem.task, problem.y_train, outputs)
        lanes = np.zeros((300, model.parameters))
        for spread, part in zip((1e-3, 0.1, 3.0), np.split(lanes, 3), strict=True):
            model.matrices(part)[-1][:, -1] = best + spread * rng.standard_normal((100, outputs))
        least = constant_loss(trainer.engine, problem, model)
        assert least <= trainer.engine.loss(lanes).min() * (1 + 1e-12)
