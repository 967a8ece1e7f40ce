"""Models in the engine against plain Python; starts against their distribution."""

import math
from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
import pytest
from scipy import stats

from tests.making import ON_DATA, Floats
from tui_gd.learning.engine import LARGEST_BLOCK, LocalEngine, Penalty
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import ACTIVATIONS, STARTS, Model, make_start

OUTPUTS = {"binary": 1, "multiclass": 3, "regression": 1}
COMBINATIONS = [
    (task, loss, hidden, activation)
    for task, losses in ON_DATA.items()
    for loss in losses
    for hidden in ((), (3,), (4, 2))
    for activation in (ACTIVATIONS if hidden else ("tanh",))
]


# the twin: slow and obviously right --------------------------------------------


def activation_of(name: str, z: float) -> tuple[float, float]:
    """Return the value and the derivative."""
    if name == "sigmoid":
        value = 1 / (1 + math.exp(-z))
        return value, value * (1 - value)
    if name == "tanh":
        return math.tanh(z), 1 / math.cosh(z) ** 2
    if name == "relu":
        return (z, 1.0) if z > 0 else (0.0, 0.0)
    return z, 1.0


def loss_of(name: str, task: str, scores: list[float], y: float) -> tuple[float, list[float]]:
    """Return one row's loss and its derivative with respect to every score."""
    if task == "multiclass":
        return multiclass_loss_of(name, scores, int(y))
    if task == "binary":
        loss, slope = binary_loss_of(name, scores[0], y)
    else:
        loss, slope = regression_loss_of(name, scores[0] - y)
    return loss, [slope]


def multiclass_loss_of(name: str, scores: list[float], own: int) -> tuple[float, list[float]]:
    exps = [math.exp(s) for s in scores]
    p = [e / sum(exps) for e in exps]
    error = [pj - (j == own) for j, pj in enumerate(p)]
    if name == "cross-entropy":
        return -math.log(p[own]), error
    if name == "hinge":
        margins = [s - scores[own] + 1 for s in scores]
        wrong = [j != own and m > 0 for j, m in enumerate(margins)]
        slopes = [1.0 if w else 0.0 for w in wrong]
        slopes[own] = -sum(slopes)
        return sum(m for m, w in zip(margins, wrong, strict=True) if w), slopes
    # d p_k / d s_j = p_k·([j = k] − p_j)
    classes = range(len(scores))
    slopes = [sum(2 * error[k] * p[k] * ((j == k) - p[j]) for k in classes) for j in classes]
    return sum(e * e for e in error), slopes


def binary_loss_of(name: str, s: float, y: float) -> tuple[float, float]:
    p = 1 / (1 + math.exp(-s))
    if name == "cross-entropy":
        return math.log1p(math.exp(-s if y else s)), p - y
    if name == "hinge":
        t = 1 if y else -1
        return max(0.0, 1 - t * s), -t if t * s < 1 else 0
    return (p - y) ** 2, 2 * (p - y) * p * (1 - p)


def regression_loss_of(name: str, r: float) -> tuple[float, float]:
    if name == "mae":
        return abs(r), math.copysign(1, r)
    if name == "huber":
        return (r * r / 2, r) if abs(r) <= 1 else (abs(r) - 0.5, math.copysign(1, r))
    return r * r, 2 * r


def slow(
    combination: tuple[str, str, tuple[int, ...], str],
    weights: Sequence[float],
    x: Floats,
    y: np.ndarray,
    row_weights: Floats,
    l1: float = 0.0,
    l2: float = 0.0,
) -> tuple[float, list[float]]:
    """Return loss and gradient of one lane in plain Python."""
    task, name, hidden, activation = combination
    sizes = [x.shape[1] - 1, *hidden, OUTPUTS[task]]
    # index of the weight from unit i of a layer to unit j of the next
    layers, start = [], 0
    for inputs, outputs in pairwise(sizes):
        layers.append(
            {(i, j): start + i * outputs + j for i in range(inputs + 1) for j in range(outputs)}
        )
        start += (inputs + 1) * outputs
    assert start == len(weights)
    total, gradient = 0.0, [0.0] * len(weights)
    for row, target, share in zip(x.tolist(), y.tolist(), row_weights.tolist(), strict=True):
        values, slopes = [row], []
        for number, at in enumerate(layers):
            below, count = values[-1], sizes[number + 1]
            z = [sum(b * weights[at[i, j]] for i, b in enumerate(below)) for j in range(count)]
            if number < len(hidden):
                pairs = [activation_of(activation, one) for one in z]
                values.append([value for value, _ in pairs] + [1.0])
                slopes.append([slope for _, slope in pairs])
            else:
                loss, delta = loss_of(name, task, z, target)
        total += share * loss
        for number in reversed(range(len(layers))):
            at = layers[number]
            for i, j in at:
                gradient[at[i, j]] += share * delta[j] * values[number][i]
            if number:
                delta = [
                    slope * sum(weights[at[i, j]] * d for j, d in enumerate(delta))
                    for i, slope in enumerate(slopes[number - 1])
                ]
    n = 1.0 if name == "sse" else float(row_weights.sum())
    total, gradient = total / n, [g / n for g in gradient]
    for at, inputs in zip(layers, sizes, strict=False):
        for (i, _), place in at.items():
            if i < inputs:
                w = weights[place]
                total += l1 * abs(w) + l2 / 2 * w * w
                gradient[place] += l1 * math.copysign(1, w) + l2 * w
    return total, gradient


def data_of(task: str, rows: int, features: int = 3) -> tuple[Floats, np.ndarray]:
    rng = np.random.default_rng([rows, features, OUTPUTS[task]])
    x = np.ones((rows, features + 1))
    x[:, :-1] = rng.standard_normal((rows, features))
    if task == "regression":
        return x, 1.5 * rng.standard_normal(rows)
    return x, rng.integers(0, max(2, OUTPUTS[task]), rows).astype(np.int8)


@pytest.mark.parametrize("combination", COMBINATIONS, ids=lambda c: " ".join(map(str, c)))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.03, 0.7)])
def test_the_engine_agrees_with_the_twin(
    combination: tuple[str, str, tuple[int, ...], str], weighted: bool, l1: float, l2: float
) -> None:
    task, name, hidden, activation = combination
    x, y = data_of(task, 17)
    rng = np.random.default_rng(5)
    row_weights = rng.uniform(0, 3, len(y)) * (rng.random(len(y)) < 0.8) if weighted else None
    model = Model(3, OUTPUTS[task], hidden, activation)
    loss = make_loss(name, task)
    engine = LocalEngine(model, loss, x, y, penalty=Penalty(l1, l2), row_weights=row_weights)
    weights = rng.standard_normal((4, model.parameters))
    shown, direction = engine.loss_and_grad(weights)
    assert engine.loss(weights).tobytes() == shown.tobytes()
    counted = np.ones(len(y)) if row_weights is None else row_weights
    for lane in range(4):
        wanted, gradient = slow(combination, weights[lane].tolist(), x, y, counted, l1, l2)
        np.testing.assert_allclose(shown[lane], wanted, rtol=1e-13)
        factor = 0.5 if name == "sse" else 1.0
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(
            direction[lane] / factor, gradient, rtol=1e-12, atol=1e-15 * scale
        )


@pytest.mark.parametrize("combination", COMBINATIONS[::5], ids=lambda c: " ".join(map(str, c)))
def test_several_blocks_give_the_sum_of_their_parts(
    combination: tuple[str, str, tuple[int, ...], str],
) -> None:
    """Two blocks against one engine for each half."""
    task, name, hidden, activation = combination
    rows = LARGEST_BLOCK + 1001
    x, y = data_of(task, rows)
    row_weights = np.random.default_rng(1).uniform(0, 2, rows)
    model = Model(3, OUTPUTS[task], hidden, activation)
    weights = np.random.default_rng(2).standard_normal((3, model.parameters))
    loss = make_loss(name, task)
    whole = LocalEngine(model, loss, x, y, row_weights=row_weights).loss_and_grad(weights)
    wanted_loss, wanted_grad, total = np.zeros(3), np.zeros_like(weights), 0.0
    for part in (slice(0, 3000), slice(3000, 3001), slice(3001, rows)):
        engine = LocalEngine(model, loss, x[part], y[part], row_weights=row_weights[part])
        share = 1.0 if name == "sse" else row_weights[part].sum()
        value, grad = engine.loss_and_grad(weights)
        wanted_loss += share * value
        wanted_grad += share * grad
        total += share
    total = 1.0 if name == "sse" else total
    np.testing.assert_allclose(whole[0], wanted_loss / total, rtol=1e-12)
    scale = np.abs(wanted_grad / total).max()
    np.testing.assert_allclose(whole[1], wanted_grad / total, rtol=1e-10, atol=1e-13 * scale)


@pytest.mark.parametrize("task", ON_DATA)
@pytest.mark.parametrize("hidden", [(), (4, 2)])
def test_integer_row_weights_equal_repeated_rows(task: str, hidden: tuple[int, ...]) -> None:
    x, y = data_of(task, 30)
    times = np.random.default_rng(3).integers(0, 4, 30)
    model = Model(3, OUTPUTS[task], hidden)
    weights = np.random.default_rng(4).standard_normal((2, model.parameters))
    for name in ON_DATA[task]:
        loss, penalty = make_loss(name, task), Penalty(0.1, 0.2)
        got = LocalEngine(model, loss, x, y, penalty=penalty, row_weights=times.astype(float))
        wanted = LocalEngine(model, loss, x.repeat(times, 0), y.repeat(times), penalty=penalty)
        for one, other in zip(
            got.loss_and_grad(weights), wanted.loss_and_grad(weights), strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("task", ON_DATA)
def test_row_weights_apply_to_selected_rows(task: str) -> None:
    """As in a mini-batch: a mean is over the weights of its rows only."""
    x, y = data_of(task, 30)
    rng = np.random.default_rng(6)
    row_weights, chosen = rng.uniform(0, 3, 30), rng.permutation(30)[:11]
    model = Model(3, OUTPUTS[task], (4,))
    weights = rng.standard_normal((2, model.parameters))
    for name in ON_DATA[task]:
        loss = make_loss(name, task)
        got = LocalEngine(model, loss, x, y, row_weights=row_weights).loss_and_grad(weights, chosen)
        part = LocalEngine(model, loss, x[chosen], y[chosen], row_weights=row_weights[chosen])
        for one, other in zip(got, part.loss_and_grad(weights), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


# weights in a row ------------------------------------------------------------


def test_weights_are_layer_by_layer_with_the_bias_row_last() -> None:
    model = Model(2, 3, (4,))
    assert model.shapes == ((3, 4), (5, 3))
    assert model.parameters == 27
    row = np.arange(27.0)
    first, second = model.matrices(row[None])
    np.testing.assert_array_equal(first[0], [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]])
    np.testing.assert_array_equal(second[0, -1], [24, 25, 26])
    np.testing.assert_array_equal(np.flatnonzero(model.is_bias), [8, 9, 10, 11, 24, 25, 26])
    assert np.shares_memory(first, row)


def test_without_hidden_layers_and_with_one_output_weights_are_the_tutorials_column() -> None:
    model = Model(2, 1)
    assert model.shapes == ((3, 1),)
    np.testing.assert_array_equal(model.is_bias, [False, False, True])
    x, weights = data_of("binary", 9, 2)[0], np.array([[0.3, -2.0, 0.7]])
    scores = model.scores(weights, x, model.buffers(1, 9))
    np.testing.assert_allclose(scores[0], x.dot(weights.reshape(3, 1))[:, 0], rtol=1e-15)


# starts ----------------------------------------------------------------------

WIDE = Model(300, 20, (200,))


def test_the_normal_start_is_numpys_own_draw() -> None:
    for model in (Model(2, 1), Model(3, 4, (5,))):
        wanted = np.random.default_rng(9).standard_normal(model.parameters)
        np.testing.assert_array_equal(make_start("normal", 9, model), wanted)
    start = make_start("normal", 1, WIDE)
    assert stats.kstest(start, "norm").pvalue > 0.01
    assert stats.kstest(start[WIDE.is_bias], "norm").pvalue > 0.01


def test_a_glorot_start_is_uniform_within_its_bound() -> None:
    for (rows, outputs), matrix in zip(
        WIDE.shapes, WIDE.matrices(make_start("glorot", 2, WIDE)[None]), strict=True
    ):
        limit = math.sqrt(6 / (rows - 1 + outputs))
        drawn = matrix[0, :-1].ravel()
        assert np.abs(drawn).max() <= limit
        assert np.abs(drawn).max() > 0.99 * limit
        # variance 2 / (inputs + outputs), as in Glorot and Bengio
        assert drawn.var() == pytest.approx(2 / (rows - 1 + outputs), rel=0.05)
        assert stats.kstest(drawn, "uniform", (-limit, 2 * limit)).pvalue > 0.01


def test_a_he_start_is_normal_with_variance_2_by_inputs() -> None:
    for (rows, _), matrix in zip(
        WIDE.shapes, WIDE.matrices(make_start("he", 3, WIDE)[None]), strict=True
    ):
        spread = math.sqrt(2 / (rows - 1))
        drawn = matrix[0, :-1].ravel()
        assert drawn.var() == pytest.approx(spread**2, rel=0.06)
        assert abs(drawn.mean()) < 4 * spread / math.sqrt(drawn.size)
        assert stats.kstest(drawn / spread, "norm").pvalue > 0.01


@pytest.mark.parametrize(("name", "model"), list(product(STARTS, [Model(2, 1), WIDE])))
def test_a_start_depends_only_on_its_seed_and_biases_are_zero(name: str, model: Model) -> None:
    start = make_start(name, 4, model)
    assert start.shape == (model.parameters,)
    np.testing.assert_array_equal(start, make_start(name, 4, model))
    other = make_start(name, 5, model)
    if name == "zeros" or (name == "mean" and not model.hidden):
        assert not start.any()
    else:
        drawn = ~model.is_bias
        assert not np.isclose(start[drawn], other[drawn], rtol=1e-12).any()
        assert (name == "normal") == start[model.is_bias].any()
