"""One sample's arithmetic: by hand, and all samples together are the loss and the gradient."""

import math

import numpy as np
import pytest

from tests.making import ON_DATA
from tui_gd.insight.explain import Chain, chain, weight_names
from tui_gd.learning.engine import LocalEngine
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Model, Predictor
from tui_gd.problems import Problem, load_problem

PROBLEMS = {"binary": "moons", "multiclass": "gaussians", "regression": "plane"}
CASES = [
    (task, loss, hidden)
    for task, losses in ON_DATA.items()
    for loss in losses
    for hidden in ((), (4, 3))
]


def explained(
    problem: Problem, loss: str, hidden: tuple[int, ...], seed: int
) -> tuple[list[Chain], np.ndarray, Model]:
    model = Model(problem.features, problem.outputs, hidden)
    weights = np.random.default_rng(seed).standard_normal(model.parameters)
    rows = len(problem.y_train)
    chains = [
        chain(model, problem.task, loss, weights, x, float(y), rows)
        for x, y in zip(problem.x_train, problem.y_train, strict=True)
    ]
    return chains, weights, model


@pytest.mark.parametrize(("task", "loss", "hidden"), CASES)
def test_all_samples_together_are_the_loss_and_the_gradient(
    task: str, loss: str, hidden: tuple[int, ...]
) -> None:
    problem = load_problem(PROBLEMS[task], samples=60)
    chains, weights, model = explained(problem, loss, hidden, 4)
    engine = LocalEngine(model, make_loss(loss, task), problem.x_train, problem.y_train)
    value, grad = engine.loss_and_grad(weights[None])
    parts = [next(step for step in one.steps if step.name == "loss").values[0] for one in chains]
    np.testing.assert_allclose(sum(parts), value[0], rtol=1e-12)
    np.testing.assert_allclose(sum(one.share for one in chains), grad[0], rtol=1e-9, atol=1e-13)


def test_the_tutorials_unit_by_hand() -> None:
    weights, x = np.array([0.5, -1.0, 0.25]), np.array([2.0, 1.0, 1.0])
    one = chain(Model(2, 1), "binary", "sse", weights, x, 1.0, 500)
    p = 1 / (1 + math.exp(-0.25))
    wanted = {
        "z": 0.25,
        "p": p,
        "error": p - 1,
        "loss": (p - 1) ** 2,
        "δ": (p - 1) * p * (1 - p),
    }
    assert [step.name for step in one.steps] == list(wanted)
    for step in one.steps:
        assert step.values == (pytest.approx(wanted[step.name], rel=1e-14),)
    np.testing.assert_allclose(one.share, wanted["δ"] * x, rtol=1e-13)


def test_a_softmax_by_hand() -> None:
    weights, x = np.array([0.5, -1.0, 2.0, 0.0, 0.5, -0.5]), np.array([2.0, 1.0])
    one = chain(Model(1, 3), "multiclass", "cross-entropy", weights, x, 2.0, 10)
    z = np.array([1.0, -1.5, 3.5])
    p = np.exp(z) / np.exp(z).sum()
    steps = {step.name: step for step in one.steps}
    np.testing.assert_allclose(steps["z"].values, z)
    np.testing.assert_allclose(steps["p"].values, p)
    np.testing.assert_allclose(steps["e"].values, p - [0, 0, 1])
    np.testing.assert_allclose(steps["loss"].values, -np.log(p[2]) / 10)
    np.testing.assert_allclose(steps["δ"].values, (p - [0, 0, 1]) / 10)
    np.testing.assert_allclose(one.share, np.outer(x, (p - [0, 0, 1]) / 10).ravel())


def test_hidden_layers_stand_before_the_score() -> None:
    model = Model(1, 1, (2,), "tanh")
    weights = np.array([0.5, -1.0, 0.25, 0.75, 2.0, -3.0, 0.125])
    one = chain(model, "regression", "mae", weights, np.array([2.0, 1.0]), -1.0, 4)
    steps = {step.name: step for step in one.steps}
    a = np.tanh([0.5 * 2 + 0.25, -1.0 * 2 + 0.75])
    z = 2.0 * a[0] - 3.0 * a[1] + 0.125
    np.testing.assert_allclose(steps["a1"].values, a)
    np.testing.assert_allclose(steps["z"].values, z)
    np.testing.assert_allclose(steps["error"].values, z + 1)
    np.testing.assert_allclose(steps["loss"].values, abs(z + 1) / 4)
    np.testing.assert_allclose(steps["δ"].values, 0.25)


def test_the_hinges_sign_is_that_of_the_class() -> None:
    weights, x = np.array([0.5, 0.0]), np.array([1.0, 1.0])
    for y, margin in ((1.0, 0.5), (0.0, -0.5)):
        one = chain(Model(1, 1), "binary", "hinge", weights, x, y, 1)
        steps = {step.name: step for step in one.steps}
        assert steps["t·z"].values == (margin,)
        assert steps["loss"].values == (1 - margin,)
        assert steps["δ"].values == (-1.0 if y else 1.0,)


@pytest.mark.parametrize(
    ("name", "hidden", "first", "last"),
    [
        ("moons", (), "x1", "bias"),
        ("moons", (4, 3), "layer 1: x1 → 1", "layer 3: bias → 1"),
        ("gaussians", (), "x1 → 0", "bias → 2"),
        ("gaussians", (5,), "layer 1: x1 → 1", "layer 2: bias → 2"),
    ],
)
def test_every_weight_has_a_name_of_its_own(
    name: str, hidden: tuple[int, ...], first: str, last: str
) -> None:
    problem = load_problem(name, samples=60)
    model = Model(problem.features, problem.outputs, hidden)
    names = weight_names(problem, model)
    assert (names[0], names[-1]) == (first, last)
    assert len(set(names)) == len(names) == model.parameters


def test_a_weight_leads_from_and_to_the_units_in_its_name() -> None:
    problem = load_problem("moons", samples=60)
    model = Model(problem.features, problem.outputs, (4, 3))
    weights = np.random.default_rng(2).standard_normal(model.parameters)
    at = weight_names(problem, model).index("layer 2: 3 → 1")
    units = Predictor(model, problem.task).units(weights, problem.x_train)
    # with every other weight of unit 1 of layer 2 at 0 its value is tanh(w · unit 3 of layer 1)
    for number, one in enumerate(weight_names(problem, model)):
        if one.startswith("layer 2:") and one.endswith("→ 1") and number != at:
            weights[number] = 0.0
    second = Predictor(model, problem.task).units(weights, problem.x_train)[1]
    np.testing.assert_allclose(second[:, 0], np.tanh(weights[at] * units[0][:, 2]), rtol=1e-12)


@pytest.mark.parametrize(("task", "loss", "hidden"), [case for case in CASES if case[2]])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
def test_the_backward_pass_layer_by_layer(
    task: str, loss: str, hidden: tuple[int, ...], activation: str
) -> None:
    problem = load_problem(PROBLEMS[task], samples=60)
    model = Model(problem.features, problem.outputs, hidden, activation)
    weights = np.random.default_rng(8).standard_normal(model.parameters)
    x, y, rows = problem.x_train[3], float(problem.y_train[3]), len(problem.y_train)
    one = chain(model, task, loss, weights, x, y, rows)
    # the shares of all layers, one after the other, are the row's share of the gradient
    shares = np.concatenate([layer.shares.ravel() for layer in one.layers])
    np.testing.assert_allclose(shares, one.share, rtol=1e-12, atol=1e-300)
    # f'(z) by differences of the activation, from the inputs of the layer
    for number, layer in enumerate(one.layers[:-1]):
        z = layer.inputs @ model.matrices(weights[None])[number][0]
        rise = (F[activation](z + 1e-6) - F[activation](z - 1e-6)) / 2e-6
        np.testing.assert_allclose(layer.slopes, rise, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(one.layers[number + 1].inputs[:-1], F[activation](z), rtol=1e-12)
    assert one.layers[-1].slopes is None


F = {
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "relu": lambda z: np.maximum(z, 0.0),
}
