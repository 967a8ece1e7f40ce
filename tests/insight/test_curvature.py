"""The Hessian's largest eigenvalue against closed forms and torch, and the limit of α from it."""

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import eigvalsh, null_space
from scipy.optimize import linprog, minimize, minimize_scalar
from scipy.special import expit
from scipy.special import softmax as softmax_of
from scipy.stats import multivariate_normal
from sklearn.linear_model import BayesianRidge
from sklearn.preprocessing import StandardScaler

from benchmarks.curvature import FAMILIES, Family, outcomes
from tests.making import make_rows
from tui_gd.insight.curvature import (
    EXACT_PARAMETERS,
    MOST_PRODUCTS,
    RESIDUAL,
    TOLERANCE,
    Curvature,
    auto_l2,
    curvature,
    safe_learning_rate,
    wording,
)
from tui_gd.learning.engine import Interrupted, LocalEngine, Penalty, interrupting
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Model
from tui_gd.learning.optimizers import make_optimizer
from tui_gd.problems import Problem, load_problem
from tui_gd.problems.problem import Task

REFERENCE = json.loads(Path(__file__).with_name("curvature_reference.json").read_text("utf-8"))


class Function:
    """An engine of a function of the weights: `loss` and `gradient` of one lane's weights."""

    def __init__(self, loss, gradient):
        self._loss, self._gradient = loss, gradient
        self.rule = make_loss("mse", "regression")
        self.between_blocks = None
        self.calls = 0

    def loss(self, weights):
        return np.array([self._loss(row) for row in weights])

    def loss_and_grad(self, weights, rows=None):
        assert rows is None
        self.calls += 1
        return self.loss(weights), np.array([self._gradient(row) for row in weights])


def quadratic(hessian):
    """`½ wᵀHw`."""
    return Function(lambda w: 0.5 * w @ hessian @ w, lambda w: hessian @ w)


def with_eigenvalues(values, seed=0):
    """Return a symmetric matrix with these eigenvalues, and the vector of the last."""
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(values),) * 2))[0]
    return turn @ np.diag(values) @ turn.T, turn[:, -1]


def linear_engine(task, loss, x, y, outputs=1, **more):
    model = Model(x.shape[1] - 1, outputs)
    return LocalEngine(model, make_loss(loss, task), x, y, **more)


def some(**changes):
    """Return a curvature with λ = 4 and nothing else to say."""
    made = Curvature(4.0, 1.0, np.array([1.0, 0.0]), 2.0, True, 4, 0.0, "mse")
    return replace(made, **changes)


# the eigenvalue -----------------------------------------------------------------


@pytest.mark.parametrize(("loss", "scale"), [("mse", 2 / 60), ("sse", 2)])
def test_linear_regression_has_twice_the_rows_moments(loss, scale):
    """`H = 2XᵀX`, over n for the mean; of the shown loss, of which sse descends on half."""
    x, _ = make_rows(60, 4)
    y = x @ np.arange(5.0) + 1.0
    weights = np.linspace(-2, 3, 5)
    found = curvature(linear_engine("regression", loss, x, y), weights)
    hessian = scale * x.T @ x
    values, vectors = np.linalg.eigh(hessian)
    assert found.exact
    assert found.largest == pytest.approx(values[-1], rel=1e-7)
    assert found.smallest == pytest.approx(values[0], rel=1e-6)
    assert abs(found.direction @ vectors[:, -1]) == pytest.approx(1.0, abs=1e-7)
    gradient = scale * x.T @ (x @ weights - y)
    along = gradient @ hessian @ gradient / (gradient @ gradient)
    assert found.along_gradient == pytest.approx(along, rel=1e-6)
    assert found.error < 1e-6


def test_logistic_cross_entropy_with_a_penalty():
    """`Xᵀ diag(p(1 − p)) X / n`, and l2 for every weight but the bias."""
    x, y = make_rows(50, 3)
    weights = np.array([0.5, -1.0, 2.0, 0.3])
    engine = linear_engine("binary", "cross-entropy", x, y, penalty=Penalty(l2=0.1))
    p = expit(x @ weights)
    hessian = x.T @ ((p * (1 - p))[:, None] * x) / 50 + np.diag([0.1, 0.1, 0.1, 0.0])
    values = eigvalsh(hessian)
    found = curvature(engine, weights)
    assert (found.largest, found.smallest) == pytest.approx((values[-1], values[0]), rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_sum_of_squares_of_a_sigmoid(seed):
    """`L'' = 2(p(1 − p))² + 2(p − y)·p(1 − p)(1 − 2p)` for each row; it may curve down."""
    x, y = make_rows(40, 2, seed)
    weights = 2.0 * np.random.default_rng(seed).standard_normal(3)
    p = expit(x @ weights)
    slope = p * (1 - p)
    second = 2 * slope**2 + 2 * (p - y) * slope * (1 - 2 * p)
    values = eigvalsh(x.T @ (second[:, None] * x))
    found = curvature(linear_engine("binary", "sse", x, y), weights)
    assert found.largest == pytest.approx(values[-1], rel=1e-5)
    assert found.smallest == pytest.approx(values[0], rel=1e-5)


def test_softmax_cross_entropy():
    """Rows' `diag(p) − ppᵀ` between classes times `xxᵀ` between features, weights row by row."""
    x, _ = make_rows(30, 2)
    y = np.arange(30) % 3
    weights = np.linspace(-1, 1, 9)
    p = softmax_of(x @ weights.reshape(3, 3), axis=1)
    hessian = sum(
        np.kron(np.outer(row, row), np.diag(q) - np.outer(q, q))
        for row, q in zip(x, p, strict=True)
    )
    values = eigvalsh(hessian / 30)
    found = curvature(linear_engine("multiclass", "cross-entropy", x, y, 3), weights)
    assert found.largest == pytest.approx(values[-1], rel=1e-7)
    # adding the same to all classes changes nothing: three directions without curvature
    assert found.smallest == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda c: f"{c['hidden']} {c['loss']}")
def test_networks_have_the_curvature_that_torch_finds(case):
    x = np.hstack([np.array(REFERENCE["x"]), np.ones((len(REFERENCE["x"]), 1))])
    classes, weights = case["classes"], np.array(case["weights"])
    task, outputs = ("binary", 1) if classes == 2 else ("multiclass", classes)
    model = Model(2, outputs, tuple(case["hidden"]), case["activation"])
    engine = LocalEngine(model, make_loss(case["loss"], task), x, np.array(case["y"]))
    assert engine.loss(weights[None])[0] == pytest.approx(case["value"], rel=1e-12)
    found = curvature(engine, weights)
    assert found.exact == (len(weights) <= EXACT_PARAMETERS)
    assert found.largest == pytest.approx(case["largest"], rel=1e-6 if found.exact else TOLERANCE)
    assert found.along_gradient == pytest.approx(case["along_gradient"], rel=1e-6)
    assert found.error < 2 * TOLERANCE
    if found.exact:
        assert found.smallest == pytest.approx(case["smallest"], rel=1e-6)
    else:
        assert case["smallest"] - 1e-6 <= found.smallest < 0.9 * case["smallest"]


@pytest.mark.parametrize(
    "values",
    [
        np.linspace(0, 1, 60) ** 4,
        np.linspace(-50, 1, 60),
        np.linspace(-9, -1, 60),
        np.r_[np.zeros(58), 3.0, 3.0001],
        np.r_[np.full(59, -1e-3), 1e6],
        np.geomspace(1e-9, 1, 200),
    ],
    ids=["even", "down more than up", "down only", "twins", "steep", "wide"],
)
def test_lanczos_finds_the_largest_of_many_and_its_error_holds(values):
    hessian, _ = with_eigenvalues(values)
    weights = np.random.default_rng(5).standard_normal(len(values))
    found = curvature(quadratic(hessian), weights)
    assert not found.exact
    assert found.products <= MOST_PRODUCTS + 2
    off = np.abs(values - found.largest).min()
    assert off <= found.error * abs(found.largest) * 1.01 + 1e-9 * np.abs(values).max()
    assert found.largest == pytest.approx(values.max(), rel=0.02)
    # what is said of the smallest is true: it is found, or negative, or not known
    size = np.abs(values).max()
    if not np.isnan(found.smallest):
        assert found.smallest >= values.min() - 1e-6 * size
        assert found.smallest < 0 or found.smallest == pytest.approx(values.min(), abs=1e-5 * size)
    assert np.linalg.norm(found.direction) == pytest.approx(1.0)


def test_an_earlier_direction_saves_products_and_does_not_mislead():
    """The largest two have changed places: beginning with the old direction finds the new one."""
    values = np.r_[np.linspace(0, 0.2, 98), 1.0, 3.0]
    before, direction = with_eigenvalues(values)
    weights = np.ones(100)
    cold = curvature(quadratic(before), weights, both_ends=False)
    warm = curvature(quadratic(before), weights, start=cold.direction, both_ends=False)
    assert warm.products < cold.products
    assert warm.largest == pytest.approx(3.0, rel=TOLERANCE)
    after, _ = with_eigenvalues(np.r_[values[:98], 4.0, 3.0])
    assert curvature(quadratic(after), weights, start=direction).largest == pytest.approx(4.0)
    # one of another run is not used
    assert curvature(quadratic(after), weights, start=np.full(7, np.nan)).largest == (
        pytest.approx(4.0, rel=TOLERANCE)
    )


def test_equal_states_give_equal_bits():
    hessian, _ = with_eigenvalues(np.linspace(-1, 2, 50))
    one, two = (curvature(quadratic(hessian), np.ones(50)) for _ in range(2))
    assert one.largest == two.largest
    np.testing.assert_array_equal(one.direction, two.direction)


def test_single_precision_tells_four_digits():
    x, y = make_rows(200, 3)
    weights = np.array([0.5, -1.0, 2.0, 0.3], np.float32)
    p = expit(x @ weights)
    largest = eigvalsh(x.T @ ((p * (1 - p))[:, None] * x) / 200)[-1]
    engine = linear_engine("binary", "cross-entropy", x, y, dtype=np.float32)
    found = curvature(engine, weights)
    assert found.largest == pytest.approx(largest, rel=2e-4)
    assert found.error < 1e-3


# where no limit is known -------------------------------------------------------


@pytest.mark.parametrize("count", [3, 50])
def test_a_plain_has_no_limit(count):
    flat = Function(lambda w: float(w.sum()), np.ones_like)
    found = curvature(flat, np.linspace(-1, 1, count))
    assert (found.largest, found.smallest, found.error) == (0.0, 0.0, 0.0)
    safe = safe_learning_rate(found, "sgd")
    assert safe.limit is None
    assert wording(0.1, safe) == "no limit for α: no upward curvature: λ is 0"


@pytest.mark.parametrize("count", [2, 40])
def test_a_hilltop_has_no_limit(count):
    hessian, _ = with_eigenvalues(-np.linspace(1, 2, count))
    found = curvature(quadratic(hessian), np.full(count, 0.1))
    assert found.largest == pytest.approx(-1.0, rel=0.01)
    safe = safe_learning_rate(found, "sgd")
    assert safe.limit is None
    assert wording(0.1, safe) == "no limit for α: no upward curvature here"


@pytest.mark.parametrize("wild", [np.nan, np.inf, 1e308])
@pytest.mark.parametrize("count", [3, 50])
def test_numbers_that_are_not_finite_are_reported_and_not_used(wild, count):
    weights = np.ones(count)
    weights[1] = wild
    found = curvature(Function(lambda w: float(w @ w), lambda w: 2 * w * np.abs(w)), weights)
    assert np.isnan(found.largest)
    assert found.error == np.inf
    assert "not finite" in wording(0.1, safe_learning_rate(found, "sgd"))


def test_at_a_minimum_only_the_gradient_has_no_direction():
    hessian, _ = with_eigenvalues([1.0, 5.0])
    found = curvature(quadratic(hessian), np.zeros(2))
    assert found.largest == pytest.approx(5.0)
    assert np.isnan(found.along_gradient)
    assert safe_learning_rate(found, "sgd").limit == pytest.approx(0.4)


@pytest.mark.parametrize("offset", [0.0, 1e-9, 3e-8])
def test_on_a_kink_there_is_no_curvature(offset):
    kinked = Function(lambda w: abs(w[0]) + w @ w, lambda w: 2 * w + [np.sign(w[0]), 0.0])
    found = curvature(kinked, np.array([offset, 0.5]))
    assert found.kink
    assert np.isnan(found.largest)
    assert "has a kink here" in wording(0.1, safe_learning_rate(found, "sgd"))


def softmax_network(x, y, hidden, masks=None):
    """Cross-entropy of a relu network and its gradient, by hand; `masks` hold its piece fixed."""
    features, classes, rows = x.shape[1], int(y.max()) + 1, np.arange(len(y))
    split = features * hidden

    def gradient(weights):
        first = weights[:split].reshape(features, hidden)
        second = weights[split:].reshape(hidden + 1, classes)
        z = x @ first
        on = z > 0 if masks is None else masks
        a = np.hstack([z * on, np.ones((len(x), 1))])
        e = softmax_of(a @ second, axis=1)
        e[rows, y] -= 1.0
        e /= len(x)
        back = (e @ second[:-1].T) * on
        return np.concatenate([(x.T @ back).ravel(), (a.T @ e).ravel()])

    return gradient


def hessian_of(gradient, weights, h=1e-5):
    """The Hessian by central differences of a smooth gradient."""
    moves = h * np.eye(len(weights))
    found = [(gradient(weights + move) - gradient(weights - move)) / (2 * h) for move in moves]
    return (np.array(found) + np.array(found).T) / 2


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("zeros", ["none", "some", "all"])
def test_a_relu_network_has_the_curvature_of_its_piece_or_none(seed, zeros):
    """Where no row switches a unit the loss is smooth; at weights of zero all rows do."""
    rng = np.random.default_rng(seed)
    x, _ = make_rows(30, 3, seed)
    y = rng.integers(3, size=30)
    model = Model(3, 3, (4,), "relu")
    weights = rng.standard_normal(model.parameters)
    if zeros != "none":
        weights[model.matrices(weights[None])[0][0].ravel().size * (zeros == "some") :] = 0.0
    if zeros == "some":
        model.matrices(weights[None])[0][0, :, :2] = 0.0
    engine = LocalEngine(model, make_loss("cross-entropy", "multiclass"), x, y)
    found = curvature(engine, weights)
    if zeros == "none":
        on = x @ model.matrices(weights[None])[0][0] > 0
        values = eigvalsh(hessian_of(softmax_network(x, y, 4, on), weights))
        assert not found.kink
        assert found.largest == pytest.approx(values[-1], rel=1e-5)
        assert found.smallest == pytest.approx(values[0], rel=1e-4, abs=1e-6 * values[-1])
    else:
        assert found.kink
        assert np.isnan([found.largest, found.smallest, found.along_gradient]).all()
        assert safe_learning_rate(found, "sgd").limit is None


@pytest.mark.parametrize("whole", [True, False])
def test_at_the_zeros_of_a_larger_relu_network_there_is_no_curvature(whole):
    problem = load_problem("wine", standardize=True)
    model = Model(problem.features, problem.outputs, (4,), "relu")
    loss = make_loss("cross-entropy", problem.task)
    engine = LocalEngine(model, loss, problem.x_train, problem.y_train, penalty=Penalty(l2=0.1))
    assert curvature(engine, np.zeros(model.parameters), whole=whole).kink


def test_the_absolute_error_has_no_curvature_at_its_minimum_and_none_beside_it():
    """Its least value is on two kinks: the line through two of the points."""
    x = np.column_stack([np.arange(9.0), np.ones(9)])
    y = 2.0 * x[:, 0] + np.array([0.0, 3, -1, 2, 0, -4, 1, -2, 0.0])
    engine = linear_engine("regression", "mae", x, y)
    fit = linprog(
        np.r_[0, 0, 0, 0, np.ones(9)],
        A_ub=np.block([[x, -x, -np.eye(9)], [-x, x, -np.eye(9)]]),
        b_ub=np.r_[y, -y],
    ).x
    least = fit[:2] - fit[2:4]
    assert (np.abs(x @ least - y) < 1e-9).sum() >= 2
    assert curvature(engine, least).kink
    beside = curvature(engine, least + np.array([0.01, 0.02]))
    assert (beside.largest, beside.kink) == (0.0, False)


@pytest.mark.parametrize("hidden", [11, 15])
def test_a_hidden_unit_split_in_two_is_a_saddle_that_is_found_or_not_denied(hidden):
    """Two equal units in place of one leave the loss as it is, and open a way down."""
    x, _ = make_rows(60, 2, 3)
    y = np.sin(2.0 * x[:, 0]) + 0.3 * x[:, 1] ** 2
    network, split = Model(2, 1, (hidden,)), Model(2, 1, (hidden + 1,))
    engine = LocalEngine(network, make_loss("mse", "regression"), x, y)

    def loss_and_gradient(weights):
        loss, gradient = engine.loss_and_grad(weights[None])
        return float(loss[0]), gradient[0]

    start = np.random.default_rng(0).standard_normal(network.parameters)
    options = {"maxiter": 300, "ftol": 0.0, "gtol": 0.0}
    least = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options=options).x
    first, second = (matrix[0] for matrix in network.matrices(least[None]))
    doubled = np.hstack([first, first[:, :1]])
    shared = np.vstack([0.3 * second[:1], second[1:-1], 0.7 * second[:1], second[-1:]])
    weights = np.concatenate([doubled.ravel(), shared.ravel()])
    larger = LocalEngine(split, make_loss("mse", "regression"), x, y)
    assert larger.loss(weights[None])[0] == pytest.approx(engine.loss(least[None])[0], rel=1e-12)

    def gradient(w):
        a, b = w[: 3 * (hidden + 1)].reshape(3, -1), w[3 * (hidden + 1) :]
        units = np.tanh(x @ a)
        error = 2.0 * (units @ b[:-1] + b[-1] - y) / len(y)
        back = np.outer(error, b[:-1]) * (1.0 - units**2)
        return np.concatenate([(x.T @ back).ravel(), units.T @ error, [error.sum()]])

    np.testing.assert_allclose(gradient(weights), larger.loss_and_grad(weights[None])[1][0], 1e-9)
    values = eigvalsh(hessian_of(gradient, weights))
    assert values[0] < -1e-6 * values[-1]
    found = curvature(larger, weights, whole=True)
    assert found.exact
    assert found.smallest == pytest.approx(values[0], rel=1e-3, abs=1e-7 * values[-1])
    assert found.largest == pytest.approx(values[-1], rel=1e-6)
    by_products = curvature(larger, weights, whole=False)
    if not np.isnan(by_products.smallest):
        assert values[0] >= by_products.smallest - 2 * by_products.doubt
        assert by_products.doubt == pytest.approx(1e-5 * values[-1], rel=1e-3)


def test_both_extreme_eigenvalues_are_found_within_the_stated_residual():
    rng = np.random.default_rng(3)
    for _ in range(20):
        values = np.sort(rng.standard_normal(120) * 10.0 ** rng.uniform(-4, 0, 120))
        values[:: rng.integers(1, 4)] **= 2
        values.sort()
        hessian, _ = with_eigenvalues(values, 1)
        found = curvature(quadratic(hessian), np.ones(120), whole=False)
        size = np.abs(values).max()
        assert found.largest == pytest.approx(values[-1], rel=2 * TOLERANCE)
        if not np.isnan(found.smallest) and found.smallest > -RESIDUAL * size:
            assert values[0] >= -2 * RESIDUAL * size


@pytest.mark.parametrize("count", [2, 9, 50])
def test_the_gain_is_what_the_quadratic_would_still_fall(count):
    """`½ wᵀHw` at w is above its least value 0 by itself."""
    hessian, _ = with_eigenvalues(np.geomspace(1e-3, 7.0, count))
    weights = np.random.default_rng(count).standard_normal(count)
    found = curvature(quadratic(hessian), weights, whole=True)
    assert found.gain == pytest.approx(0.5 * weights @ hessian @ weights, rel=1e-4)
    # where it curves down, the step leads away from the saddle, and the gain is as large
    values = np.r_[-1.0, np.ones(count - 1)]
    down, _ = with_eigenvalues(values)
    engine, found = quadratic(down), curvature(quadratic(down), weights, whole=True)
    assert found.gain == pytest.approx(0.5 * weights @ weights, rel=1e-6)
    after = engine.loss(np.array([weights, weights - found.newton]))
    assert after[1] < after[0]
    assert abs(found.downhill @ down @ found.downhill) == pytest.approx(1.0)
    assert curvature(quadratic(hessian), weights, whole=True).downhill is None


def test_a_kink_further_off_does_not_disturb():
    kinked = Function(lambda w: abs(w[0]) + w @ w, lambda w: 2 * w + [np.sign(w[0]), 0.0])
    found = curvature(kinked, np.array([1e-5, 0.5]))
    assert found.largest == pytest.approx(2.0, rel=1e-6)


@pytest.mark.parametrize("loss", ["hinge", "mae"])
def test_hinge_and_mae_have_no_limit(loss):
    x, y = make_rows(30)
    engine = linear_engine("binary" if loss == "hinge" else "regression", loss, x, y * 1.0)
    found = curvature(engine, np.array([0.1, 0.2, 0.3]))
    assert found.largest == 0.0
    said = wording(0.1, safe_learning_rate(found, "sgd"))
    assert said == f"no limit for α: {loss} has kinks, and λ says nothing of the next one"


# giving up -----------------------------------------------------------------------


def test_it_gives_up_between_products():
    hessian, _ = with_eigenvalues(np.linspace(0, 1, 80))
    engine = quadratic(hessian)
    engine.between_blocks = interrupting(lambda: engine.calls < 5)
    with pytest.raises(Interrupted):
        curvature(engine, np.ones(80))
    assert engine.calls == 5


def test_it_gives_up_between_blocks_of_rows():
    x, y = make_rows(100_000)
    engine = linear_engine("binary", "sse", x, y, threads=1)
    answers = iter([True] * 5)
    engine.between_blocks = interrupting(lambda: next(answers, False))
    with pytest.raises(Interrupted):
        curvature(engine, np.zeros(3))


# the limit -----------------------------------------------------------------------


@pytest.mark.parametrize("descent_factor", [1.0, 0.5])
@pytest.mark.parametrize(
    ("name", "mu"),
    [("sgd", None)] + [(rule, mu) for rule in ("momentum", "nesterov") for mu in (0.0, 0.5, 0.9)],
)
def test_below_the_limit_every_direction_dies_out_and_above_one_grows(name, mu, descent_factor):
    """By the optimizers themselves, on ½λw² for λ from 0.1 to 4, with the gradient's share."""
    rule = make_optimizer(name, mu)
    safe = safe_learning_rate(some(), name, descent_factor, momentum=rule.momentum)
    curves = np.array([[0.1, 1.0, 2.5, 4.0]])
    sizes = {}
    for share in (0.98, 1.02):
        state = np.ones((1, 1 + rule.slots, 4))
        state[:, 1:] = 0.0
        for step in range(1500):
            following = np.empty_like(state)
            grad = descent_factor * curves * state[:, 0]
            rates, steps = np.full((1, 1), share * safe.limit), np.full((1, 1), step + 1.0)
            rule.update(state, grad, rates, steps, following)
            state = following
        sizes[share] = np.abs(state[0, 0])
    assert sizes[0.98].max() < 1e-2
    assert sizes[1.02][-1] > 10.0
    assert sizes[1.02][:-1].max() < 1e-2


def test_the_formulas_of_the_limits():
    """λ = 4: 2/λ; twice that where descent follows half; with μ = 0.9 times 1.9, or 1.9/2.8."""
    wanted = {
        ("sgd", 1.0): (0.5, "2/λ"),
        ("sgd", 0.5): (1.0, "4/λ"),
        ("momentum", 1.0): (0.95, "2(1 + μ)/λ"),
        ("momentum", 0.5): (1.9, "4(1 + μ)/λ"),
        ("nesterov", 1.0): (0.95 / 2.8, "2(1 + μ)/((1 + 2μ)·λ)"),
    }
    for (name, factor), (limit, formula) in wanted.items():
        mu = make_optimizer(name).momentum
        safe = safe_learning_rate(some(), name, factor, momentum=mu)
        assert safe.limit == pytest.approx(limit)
        assert safe.formula == formula
        assert safe.ratio(limit / 4) == pytest.approx(0.25)


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam", "adamw"])
def test_rules_that_scale_each_weight_have_no_limit(name):
    safe = safe_learning_rate(some(), name)
    assert safe.limit is None
    assert safe.ratio(0.1) is None
    assert wording(0.1, safe) == f"no limit for α: {name} scales every weight's step by itself"


def test_mini_batches_have_no_limit():
    safe = safe_learning_rate(some(), "sgd", full_batch=False)
    assert wording(0.1, safe) == "no limit for α: every mini-batch has a curvature of its own"


@pytest.mark.parametrize("tiny", [5e-324, 1e-310])
def test_a_curvature_next_to_nothing_is_none(tiny):
    assert safe_learning_rate(some(largest=tiny), "sgd").limit is None


# the line about it ---------------------------------------------------------------


def test_the_line_has_both_numbers_and_the_word_may():
    plain = safe_learning_rate(some(largest=70.0), "sgd")
    assert wording(0.01, plain) == (
        "α 0.01: 2.9 times below the largest safe step, 0.0286 (2/λ):"
        " a step lowers the loss almost always"
    )
    assert wording(0.1, plain) == (
        "α 0.1: 3.5 times the largest safe step, 0.0286 (2/λ): a step may overshoot"
    )
    heavy = safe_learning_rate(some(), "momentum", momentum=0.9)
    assert wording(0.1, heavy) == (
        "α 0.1: 9.5 times below the largest safe step, 0.95 (2(1 + μ)/λ):"
        " steps settle, though one may go up"
    )
    assert wording(1.0, heavy).endswith("steps may grow")
    # next to the limit, on either side, it never reads as the limit itself
    assert wording(0.0285, plain).startswith("α 0.0285: 99 % of the largest safe step")
    assert wording(0.029, plain).startswith("α 0.029: 1.02 times the largest safe step")
    assert wording(0.02, plain).startswith("α 0.02: 70 % of the largest safe step")
    huber = safe_learning_rate(some(loss_name="huber"), "sgd")
    assert wording(0.1, huber).endswith("a step lowers the loss mostly")


def test_where_the_loss_curves_more_down_than_up_nothing_is_promised_below_the_limit():
    # λ of z⁴ − z² + y²/200 at z = 0 is 0.01: z = αg overshoots long before α = 200
    down = safe_learning_rate(some(largest=0.01, smallest=-2.0), "sgd")
    assert down.limit == pytest.approx(200.0)
    assert "curves more down than up" in wording(0.1, down)
    assert "lowers" not in wording(0.1, down)
    assert wording(300.0, down).endswith("a step may overshoot")
    assert "lowers" in wording(0.1, safe_learning_rate(some(largest=2.0, smallest=-1.9), "sgd"))


STATES = 300


@lru_cache
def stepped(family: Family):
    """Return what a step did from each of many random states, and how many had no limit."""
    return outcomes(family, STATES, rows=80, seed=5, epochs=8)


def lowered(found, wanted):
    chosen = [one.lowered for one in found if wanted(one)]
    return sum(chosen), len(chosen)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_below_the_limit_a_step_lowers_the_loss_almost_always(family):
    found, without = stepped(family)
    assert len(found) + without > 0.5 * STATES
    down, steps = lowered(found, lambda one: one.ratio <= 1.0)
    # some 150 steps of a model for which it is 99.1 to 100 % of a thousand, with huber 92 to 97 %
    assert down >= (0.88 if family.loss == "huber" else 0.97) * steps
    over_down, over_steps = lowered(found, lambda one: one.ratio > 1.0)
    assert over_down / over_steps < down / steps
    if family.kind == "quadratic":
        assert down == steps
        # there the next step is known: by the curvature along the gradient
        assert all(one.lowered == (one.along < 1.0) for one in found)


def test_over_all_states_99_of_100_steps_below_the_limit_descend_and_above_it_either_happens():
    found = [one for family in FAMILIES if family.loss != "huber" for one in stepped(family)[0]]
    assert len(FAMILIES) * STATES >= 5000
    down, steps = lowered(found, lambda one: one.ratio <= 1.0)
    assert steps > 2000
    assert down >= 0.99 * steps
    over_down, over_steps = lowered(found, lambda one: one.ratio > 1.0)
    assert over_steps > 2000
    assert 0.3 * over_steps < over_down < 0.9 * over_steps


@pytest.mark.parametrize("share", [0.05, 0.5, 0.99, 1.01, 2.0, 20.0])
def test_along_the_steepest_direction_of_a_quadratic_the_limit_is_sharp(share):
    hessian, direction = with_eigenvalues([0.5, 1.0, 7.0])
    engine = quadratic(hessian)
    found = curvature(engine, 3.0 * direction)
    rate = share * safe_learning_rate(found, "sgd").limit
    loss, grad = engine.loss_and_grad(3.0 * direction[None])
    after = engine.loss(3.0 * direction[None] - rate * grad)
    assert (after[0] < loss[0]) == (share < 1.0)


# The penalty that is chosen where the columns say little


def table_of(x, y, task: Task, classes: int = 0) -> Problem:
    """A problem whose train rows are all rows, x as it is given."""
    ones = np.column_stack([x, np.ones(len(x))])
    names = tuple(f"x{i}" for i in range(x.shape[1]))
    classes_of = tuple(map(str, range(classes)))
    return Problem("table", task, ones, y, ones[:0], y[:0], names, classes_of)


def test_the_penalty_of_a_regression_is_that_of_bayesian_ridge() -> None:
    """Its prior and noise have precisions λ' and α', so that λ = λ'/(α'·n), doubled for mse."""
    rng = np.random.default_rng(5)
    x = StandardScaler().fit_transform(rng.standard_normal((60, 12)))
    y = x @ rng.standard_normal(12) * 0.25 + rng.standard_normal(60)
    # in the dimensions that centring leaves
    plane = null_space(np.ones((1, 60))).T
    fitted = BayesianRidge(max_iter=2000, tol=1e-10, fit_intercept=False).fit(plane @ x, plane @ y)
    known = fitted.lambda_ / (fitted.alpha_ * 60)
    assert 0.1 < known < 10
    # it is looked for at steps of 9 %
    assert auto_l2(table_of(x, 1e3 * y - 7, "regression"), "mse") == pytest.approx(
        2 * known, rel=0.06
    )


@pytest.mark.parametrize("classes", [2, 3])
def test_the_penalty_for_classes_has_the_greatest_evidence(classes) -> None:
    """The evidence by scipy's normal density of all targets, its variance at its best by search."""
    rng = np.random.default_rng(3)
    n = 40
    x = StandardScaler().fit_transform(rng.standard_normal((n, 8)))
    y = rng.choice(classes, n, p=[0.6, 0.4] if classes == 2 else [0.5, 0.3, 0.2])
    indicators = np.eye(classes)[y] - np.eye(classes)[y].mean(axis=0)
    u, _, _ = np.linalg.svd(indicators, full_matrices=False)
    white = u[:, : classes - 1] * np.sqrt(n)  # uncorrelated, of variance 1

    plane = null_space(np.ones((1, n))).T  # what centring leaves

    def evidence(penalty: float) -> float:
        shape = plane @ (np.eye(n) + x @ x.T / (n * penalty)) @ plane.T

        def missed(log_variance: float) -> float:
            normal = multivariate_normal(np.zeros(n - 1), np.exp(log_variance) * shape)
            return -sum(normal.logpdf(plane @ column) for column in white.T)

        return -minimize_scalar(missed, bounds=(-3, 1), method="bounded").fun

    penalties = np.geomspace(0.1, 10, 81)
    best = penalties[int(np.argmax([evidence(one) for one in penalties]))]
    # p(1 − p) for one sigmoid unit, the mean eigenvalue of diag(p) − ppᵀ for softmax
    p = np.bincount(y) / n
    curves = p[0] * p[1] if classes == 2 else np.linalg.eigvalsh(np.diag(p) - np.outer(p, p))[1:]
    chosen = auto_l2(
        table_of(x, y, "binary" if classes == 2 else "multiclass", classes), "cross-entropy"
    )
    assert chosen == pytest.approx(best * np.mean(curves), rel=0.1)


def test_columns_that_say_enough_and_what_is_not_looked_at_have_no_penalty() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 5))
    told = table_of(
        x, x @ [1.0, -2.0, 0.5, 0.0, 1.0] + 0.3 * rng.standard_normal(200), "regression"
    )
    assert auto_l2(told, "mse") == 0.0
    noise = table_of(x, rng.standard_normal(200), "regression")
    assert auto_l2(noise, "mse") > 0.0
    assert auto_l2(noise, "mae") == 0.0
    # more columns than rows fit any target, and still say nothing
    wide_noise = table_of(rng.standard_normal((50, 300)), rng.standard_normal(50), "regression")
    assert auto_l2(wide_noise, "mse") > 0.0
    assert auto_l2(table_of(x, np.full(200, 3.0), "regression"), "mse") == 0.0
    assert auto_l2(table_of(0 * x, x[:, 0], "regression"), "mse") == 0.0
    wide = rng.standard_normal((20, 501))
    assert auto_l2(table_of(wide, wide[:, 0], "regression"), "mse") == 0.0


def test_rows_whose_squares_overflow_have_no_penalty() -> None:
    x = np.random.default_rng(0).standard_normal((20, 3))
    assert auto_l2(table_of(1e200 * x, x[:, 0], "regression"), "mse") == 0.0
    assert auto_l2(table_of(x, 1e200 * x[:, 0], "regression"), "mse") == 0.0
