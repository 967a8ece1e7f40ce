"""The optimizers against torch (see make_torch_reference.py) and calculations by hand."""

import json
import math
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tui_gd.learning.optimizers import OPTIMIZERS, make_optimizer

REFERENCE = json.loads(Path(__file__).with_name("torch_reference.json").read_text("utf-8"))
GIVEN, OWN = REFERENCE["given"], REFERENCE["own"]
NAMES = list(OPTIMIZERS)


def names_of(rules):
    return [" ".join(filter(None, (r["name"], str(r["momentum"] or "")))) for r in rules]


def beginning(optimizer, weights):
    weights = np.array(weights, dtype=float)
    state = np.zeros((len(weights), 1 + optimizer.slots, weights.shape[1]))
    state[:, 0] = weights
    return state


def column(numbers):
    return np.array(numbers, dtype=float).reshape(-1, 1)


def descend(optimizer, state, rates, gradient, updates):
    """Yield the state after each update; `gradient(k, weights)` is that of update k, from 0."""
    for k in range(updates):
        steps = np.full((len(state), 1), k + 1.0)
        out = np.full_like(state, np.nan)
        optimizer.update(state, gradient(k, state[:, 0]), rates, steps, out)
        state = out
        yield state


def compare(rule, start, rates, gradient, tolerance):
    """Follow `rule` of the reference file and return the last state."""
    optimizer = make_optimizer(rule["name"], rule["momentum"])
    state = beginning(optimizer, start)
    states = list(descend(optimizer, state, column(rates), gradient, rule["after"][-1]))
    for update, weights in zip(rule["after"], rule["weights"], strict=True):
        np.testing.assert_allclose(states[update - 1][:, 0], weights, rtol=tolerance, atol=0)
    return states[-1]


@pytest.mark.parametrize("rule", GIVEN["rules"], ids=names_of(GIVEN["rules"]))
def test_with_the_same_gradients_torch_has_the_same_weights_and_state(rule):
    gradients = np.array(GIVEN["gradients"])
    last = compare(rule, GIVEN["start"], GIVEN["rates"], lambda k, _: gradients[k], 1e-12)
    for slot, kept in enumerate(rule["kept"], 1):
        np.testing.assert_allclose(last[:, slot], kept, rtol=1e-12, atol=0)
    assert last.shape[1] == 1 + len(rule["kept"])


@pytest.mark.parametrize("rule", OWN["logistic"]["rules"], ids=names_of(OWN["logistic"]["rules"]))
def test_on_cross_entropy_torch_has_the_same_weights(rule):
    x, y = np.array(OWN["logistic"]["x"]), np.array(OWN["logistic"]["y"])

    def gradient(_, weights):
        p = 1 / (1 + np.exp(-weights @ x.T))
        return (p - y) @ x / len(y)

    compare(rule, OWN["start"], OWN["rates"], gradient, 1e-9)


@pytest.mark.parametrize("rule", OWN["quadratic"]["rules"], ids=names_of(OWN["quadratic"]["rules"]))
def test_on_a_quadratic_torch_has_the_same_weights(rule):
    a, b = np.array(OWN["quadratic"]["a"]), np.array(OWN["quadratic"]["b"])
    compare(rule, OWN["start"], OWN["rates"], lambda _, weights: weights @ a - b, 1e-9)


def test_the_reference_covers_all_rules():
    for rules in (GIVEN["rules"], OWN["logistic"]["rules"], OWN["quadratic"]["rules"]):
        assert {rule["name"] for rule in rules} == set(OPTIMIZERS)
    assert all(rule["after"][-1] == 200 for rule in GIVEN["rules"])


# W = 1, α = 0.1, g = 2 and then −1, without ε, hence the tolerance 1e-7
BY_HAND = {
    "sgd": (0.8, 0.9),
    # v = 2, then 0.9·2 − 1 = 0.8
    "momentum": (0.8, 0.72),
    # g + 0.9·v = 3.8, then −1 + 0.72
    "nesterov": (0.62, 0.648),
    # s = 4, then 5
    "adagrad": (0.9, 0.9 + 0.1 / math.sqrt(5)),
    # s = 0.01·4 = 0.04, then 0.99·0.04 + 0.01
    "rmsprop": (0.0, 0.1 / math.sqrt(0.0496)),
    # m = 0.2, v = 0.004; then m = 0.18 − 0.1, v = 0.003996 + 0.001, over 0.19 and 0.001999
    "adam": (0.9, 0.9 - 0.1 * (0.08 / 0.19) / math.sqrt(0.004996 / 0.001999)),
    # first, 1 − 0.1·0.01 = 0.999 of the weight
    "adamw": (0.899, 0.899 * 0.999 - 0.1 * (0.08 / 0.19) / math.sqrt(0.004996 / 0.001999)),
}


@pytest.mark.parametrize("name", NAMES)
def test_two_steps_calculated_by_hand(name):
    optimizer = make_optimizer(name)
    gradients = (column([2.0]), column([-1.0]))
    state = beginning(optimizer, [[1.0]])
    states = descend(optimizer, state, column([0.1]), lambda k, _: gradients[k], 2)
    assert [float(s[0, 0, 0]) for s in states] == pytest.approx(BY_HAND[name], rel=0, abs=1e-7)


@pytest.mark.parametrize("gradient", [1e-3, -0.5, 7.0, -1e6])
def test_adams_first_step_is_alpha_against_the_sign_of_the_gradient(gradient):
    # convnetjs multiplies by the bias correction: its first step is 0.003·α
    optimizer = make_optimizer("adam")
    steps = descend(
        optimizer, beginning(optimizer, [[0.0]]), column([0.25]), lambda *_: column([gradient]), 1
    )
    moved = float(next(steps)[0, 0, 0])
    assert moved == pytest.approx(-math.copysign(0.25, gradient), rel=2e-5)
    expected = -0.25 * gradient / (abs(gradient) + 1e-8)
    assert moved == pytest.approx(expected, rel=1e-14)


def random_update(optimizer, lanes, parameters, dtype=float):
    """Return a random state and gradient, with lanes that started at different times."""
    random = np.random.default_rng(lanes)
    state = random.standard_normal((lanes, 1 + optimizer.slots, parameters))
    if optimizer.name in {"adagrad", "rmsprop", "adam", "adamw"}:
        np.abs(state[:, -1], state[:, -1])
    gradient = random.standard_normal((lanes, parameters)) * 10.0 ** random.integers(-9, 4)
    rates = 10.0 ** random.uniform(-4, 0, (lanes, 1))
    steps = random.permutation(np.arange(lanes) % 40 + 1.0)[:, None]
    return state.astype(dtype), gradient.astype(dtype), rates, steps


@pytest.mark.parametrize("parameters", [1, 2, 3, 7, 8, 33])
@pytest.mark.parametrize("name", NAMES)
def test_a_lane_has_the_same_bits_alone_and_among_64(name, parameters):
    optimizer = make_optimizer(name)
    arguments = random_update(optimizer, 64, parameters)
    together = np.empty_like(arguments[0])
    optimizer.update(*arguments, together)
    for lane in range(64):
        alone = np.empty_like(together[:1])
        optimizer.update(*(a[lane : lane + 1].copy() for a in arguments), alone)
        assert alone.tobytes() == together[lane].tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_views_of_larger_arrays_work_and_only_out_is_written(name):
    # as when lanes with different optimizers share an array, or states lie in a keyframe buffer
    optimizer = make_optimizer(name)
    arguments = random_update(optimizer, 5, 3)
    expected = np.empty_like(arguments[0])
    optimizer.update(*arguments, expected)
    state, *others = arguments
    wide_state, wide_out = np.full((5, 6, 3), 7.0), np.full((10, 6, 3), 7.0)
    slots = 1 + optimizer.slots
    wide_state[:, :slots] = state
    before = [wide_state.copy(), *(a.copy() for a in others)]
    optimizer.update(wide_state[:, :slots], *others, wide_out[::2, :slots])
    assert np.array_equal(wide_out[::2, :slots], expected)
    assert (wide_out[1::2] == 7.0).all()
    assert (wide_out[:, slots:] == 7.0).all()
    for array, copy in zip([wide_state, *others], before, strict=True):
        assert array.tobytes() == copy.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_stays_near_double(name):
    optimizer = make_optimizer(name)
    double = random_update(optimizer, 6, 4)
    single = random_update(optimizer, 6, 4, np.float32)
    outs = [np.empty_like(double[0]), np.empty_like(single[0])]
    optimizer.update(*double, outs[0])
    optimizer.update(*single, outs[1])
    assert outs[1].dtype == np.float32
    np.testing.assert_allclose(outs[1], outs[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_zero_gradient_and_a_very_long_run_give_no_warning(name):
    # warnings are errors here: 0 / 0 at the first update, βᵗ underflowing at the millionth
    optimizer = make_optimizer(name)
    state = beginning(optimizer, [[1.0, -2.0]])
    nothing, rates = np.zeros((1, 2)), column([0.1])
    for update in (1.0, 1e6, 1e12):
        out = np.empty_like(state)
        with np.errstate(all="raise"):
            optimizer.update(state, nothing, rates, column([update]), out)
        left = 1 - 0.1 * 0.01 if name == "adamw" else 1.0
        assert out[:, 0].ravel().tolist() == [left, -2 * left]
        assert not out[:, 1:].any()


@pytest.mark.parametrize("name", NAMES)
def test_no_array_as_large_as_the_weights_is_allocated(name):
    optimizer = make_optimizer(name)
    arguments = random_update(optimizer, 2, 500_000)
    out = np.empty_like(arguments[0])
    tracemalloc.start()
    optimizer.update(*arguments, out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    weights = out[:, 0].nbytes
    # numpy 2.2 has buffers of 8192 numbers
    assert peak < (1.05 if name == "adamw" else 0.05) * weights


def test_momentum_0_is_plain_descent():
    arguments = random_update(make_optimizer("sgd"), 3, 4)
    plain = np.empty_like(arguments[0])
    make_optimizer("sgd").update(*arguments, plain)
    for name in ("momentum", "nesterov"):
        optimizer = make_optimizer(name, 0.0)
        state = beginning(optimizer, arguments[0][:, 0])
        out = np.empty_like(state)
        optimizer.update(state, *arguments[1:], out)
        assert np.array_equal(out[:, :1], plain)


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_has_title_and_formulas(name):
    optimizer = make_optimizer(name)
    assert optimizer.name == name
    assert optimizer.title == OPTIMIZERS[name]
    assert optimizer.formula.startswith("W ← ")
    assert len(optimizer.kept) == optimizer.slots


def test_momentum_is_09_by_default():
    assert make_optimizer("momentum").momentum == 0.9
    assert make_optimizer("nesterov", 0.5).momentum == 0.5
    assert make_optimizer("adam").momentum is None


def test_optimizers_with_equal_settings_are_equal():
    made = [make_optimizer(name) for name in NAMES]
    assert len({*made, *(make_optimizer(name) for name in NAMES)}) == len(NAMES)
    assert make_optimizer("momentum", 0.5) != make_optimizer("momentum")
    assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize(
    ("name", "momentum", "message"),
    [
        (
            "SGD\n",
            None,
            r"optimizer 'SGD\n' is none of:"
            " sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw",
        ),
        ("momentum", 1.0, "momentum 1 is not in [0, 1): 0 is none, 0.9 is usual"),
        ("nesterov", -0.1, "momentum -0.1 is not in [0, 1): 0 is none, 0.9 is usual"),
        ("momentum", math.nan, "momentum nan is not in [0, 1): 0 is none, 0.9 is usual"),
        ("adam", 0.9, "optimizer 'adam' has no momentum: only momentum and nesterov have"),
    ],
)
def test_a_wrong_name_or_momentum_is_a_one_line_error(name, momentum, message):
    with pytest.raises(ValueError, match=r"momentum|none of") as error:
        make_optimizer(name, momentum)
    assert str(error.value) == message
