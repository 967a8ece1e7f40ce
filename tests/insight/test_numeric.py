"""The gradient by differences, and `gd-tui check`: right gradients pass, wrong ones do not."""

import io
import math
import re

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import expit

from tests.making import ON_DATA, Floats, make_engine, make_problem, make_rows
from tui_gd import load_problem
from tui_gd.cli import check
from tui_gd.cli.check import check_gradient, has_kinks, print_check, shown_names
from tui_gd.insight import numeric
from tui_gd.insight.numeric import (
    STEPS,
    best_row,
    numeric_gradient,
    on_kink,
    relative_error,
    step_table,
)
from tui_gd.learning.losses import Loss, SigmoidSquaredError
from tui_gd.problems import Problem
from tui_gd.training import engines
from tui_gd.training.trainer import Trainer

PROBLEMS = {"binary": "moons", "multiclass": "iris", "regression": "diabetes"}


class Counting:
    """An engine of `loss` alone, that counts its calls."""

    def __init__(self, function):
        self.function, self.calls, self.lanes = function, 0, 0

    def loss(self, weights: Floats) -> Floats:
        self.calls += 1
        self.lanes += len(weights)
        return np.array([self.function(row) for row in weights])

    def loss_and_grad(self, weights, rows=None):
        raise AssertionError(f"not wanted: {len(weights)} lanes, {rows}")


def cube(w: Floats) -> float:
    return float(np.sum(np.arange(1.0, len(w) + 1) * w**3))


def printed(trainer: Trainer) -> tuple[bool, str]:
    out = io.StringIO()
    return print_check(trainer, out), out.getvalue()


# the differences -------------------------------------------------------------


def test_both_formulas_of_a_cube() -> None:
    """`((w + h)³ − (w − h)³) / 2h = 3w² + h²`; one-sided `3w² + 3wh + h²`; h = 1/8 is exact."""
    w, h = np.array([1.0, -2.0, 0.5]), 0.125
    found = numeric_gradient(Counting(cube), w, h)
    factor = np.array([1, 2, 3])
    np.testing.assert_array_equal(found.central, factor * (3 * w**2 + h**2))
    np.testing.assert_array_equal(found.one_sided, factor * (3 * w**2 + 3 * w * h + h**2))
    assert found.loss == cube(w)
    assert found.step == h


def test_all_weights_of_a_lane_take_one_call_of_the_engine() -> None:
    engine = Counting(cube)
    numeric_gradient(engine, np.ones(100), 1e-5)
    assert engine.calls == 1
    assert engine.lanes == 201


def test_many_parameters_are_taken_in_parts_that_fit_into_memory() -> None:
    engine = Counting(cube)
    w = np.linspace(-1, 1, 1500)
    found = numeric_gradient(engine, w, 2.0**-10)
    assert engine.calls == math.ceil(1500 / (numeric.CHUNK_WEIGHTS // 3000))
    assert 1 < engine.calls < 10
    wanted = np.arange(1.0, 1501) * (3 * w**2 + 2.0**-20)
    np.testing.assert_allclose(found.central, wanted, rtol=1e-6, atol=1e-4)


def test_differences_leave_the_weights_alone() -> None:
    w = np.array([0.5, 1.5])
    numeric_gradient(Counting(cube), w)
    np.testing.assert_array_equal(w, [0.5, 1.5])


def test_the_one_sided_formula_is_scipys() -> None:
    x, y = make_rows(200, 3)
    engine = make_engine(x, y)
    w = np.random.default_rng(1).standard_normal(4)
    wanted = approx_fprime(w, lambda row: np.sum((expit(x @ row) - y) ** 2), 1e-4)
    np.testing.assert_allclose(numeric_gradient(engine, w, 1e-4).one_sided, wanted, rtol=1e-8)


@pytest.mark.parametrize("h", [1e-2, 1e-5])
def test_differences_are_of_the_loss_that_is_shown(h: float) -> None:
    """The whole gradient of the tutorial's sum, twice what it descends along; with the penalty."""
    problem = make_problem(80)
    trainer = Trainer(problem, l1=0.3, l2=0.7, seed=4)
    w, x, y = trainer.weights[0], problem.x_train, problem.y_train
    p = expit(x @ w)
    held = np.array([1, 1, 0])
    wanted = 2 * x.T @ ((p - y) * p * (1 - p)) + held * (0.3 * np.sign(w) + 0.7 * w)
    found = numeric_gradient(trainer.engine, w, h)
    np.testing.assert_allclose(found.central, wanted, rtol=10 * h * h + 1e-8)
    np.testing.assert_allclose(2 * trainer.grad[0], wanted, rtol=1e-12)
    assert found.loss == trainer.loss[0]


def test_relative_error_of_known_pairs() -> None:
    a = np.array([1.0, 2.0, -1.0, 0.0, 0.0, 3.0, 1e-12, np.nan])
    b = np.array([1.0, 1.0, 1.0, 0.0, 5.0, 2.7, 0.0, 1.0])
    wanted = [0, 0.5, 2, 0, 1, 0.1, 1, np.nan]
    np.testing.assert_allclose(relative_error(a, b), wanted)
    np.testing.assert_allclose(relative_error(b, a), wanted)
    small = relative_error(np.array([1e-12]), np.array([0.0]), tiny=1e-6)
    np.testing.assert_allclose(small, [1e-6])


# the V -----------------------------------------------------------------------


def table_of(trainer: Trainer, factor: float) -> list[numeric.StepError]:
    return step_table(trainer.engine, trainer.weights[0], trainer.grad[0] / factor)


@pytest.mark.parametrize(
    ("task", "loss", "hidden"),
    [
        (task, loss, hidden)
        for task in ("binary", "multiclass")
        for loss in ("sse", "mse", "cross-entropy")
        for hidden in ((), (4, 3))
    ]
    + [("regression", "mse", (4, 3))],
)
def test_the_error_falls_with_h_then_rises(task: str, loss: str, hidden: tuple[int, ...]) -> None:
    problem = load_problem(PROBLEMS[task], standardize=True)
    trainer = Trainer(problem, loss=loss, hidden=hidden, seed=3)
    table = table_of(trainer, 0.5 if loss == "sse" else 1.0)
    assert [row.step for row in table] == list(STEPS) == [10.0**-k for k in range(1, 15)]
    central = [row.central for row in table]
    one_sided = [row.one_sided for row in table]
    best = best_row(table)
    assert 1e-7 < best.step < 1e-3
    assert best.central < 1e-7
    assert 1e-9 < STEPS[int(np.argmin(one_sided))] < 1e-5
    assert best.central < 0.1 * min(one_sided)
    # down by h² and by h: each tenth of h leaves about a hundredth, and a tenth
    assert central[2] < 0.05 * central[1] < 0.05 * 0.2 * central[0]
    assert one_sided[4] < 0.2 * one_sided[3] < 0.2 * 0.2 * one_sided[2]
    # up by 1/h
    assert central[13] > 10 * central[11] > 100 * central[8]
    assert one_sided[13] > 10 * one_sided[11]
    foot = table.index(best)
    assert central[0] > 1e4 * central[foot] < central[13] * 1e-4


def test_a_parabola_has_no_truncation_in_the_central_difference() -> None:
    trainer = Trainer(load_problem("diabetes", standardize=True), loss="mse", seed=3)
    table = table_of(trainer, 1.0)
    assert table[0].central < 1e-11
    assert table[0].one_sided > 1e-5


def test_a_gradient_of_zero_is_right_about_a_loss_of_zero() -> None:
    table = step_table(Counting(lambda _: 0.0), np.ones(2), np.zeros(2))
    assert {row.central for row in table} == {0.0}


def test_what_is_not_finite_is_never_right() -> None:
    table = step_table(Counting(lambda _: math.inf), np.ones(2), np.zeros(2))
    assert all(row.central == np.inf == row.one_sided for row in table)


# right gradients pass --------------------------------------------------------


@pytest.mark.parametrize("task", ON_DATA)
@pytest.mark.parametrize(
    ("hidden", "activation"),
    [((), "tanh"), ((5,), "sigmoid"), ((4, 3), "tanh"), ((4, 3), "relu"), ((3,), "linear")],
)
@pytest.mark.parametrize("epochs", [0, 200])
def test_every_loss_and_model_has_a_right_gradient(
    task: str, hidden: tuple[int, ...], activation: str, epochs: int
) -> None:
    problem = load_problem(PROBLEMS[task], standardize=True)
    for loss in ON_DATA[task]:
        rate = 0.05 / len(problem.y_train) if loss == "sse" else 0.05
        trainer = Trainer(
            problem,
            loss=loss,
            hidden=hidden,
            activation=activation,
            learning_rates=[rate],
            l2=0.1,
            start="glorot",
            seed=2,
        )
        trainer.advance(epochs)
        found = check_gradient(trainer)
        assert found.right, (loss, found.best)
        # where every small step crosses a kink, h has to be so small that rounding shows
        assert found.best.central < (5e-7 if has_kinks(trainer) else 1e-7), loss
        assert found.kinked.mean() < 0.5


@pytest.mark.parametrize("name", ["blobs", "breast-cancer", "plane"])
def test_data_as_they_come_have_a_right_gradient(name: str) -> None:
    trainer = Trainer(load_problem(name), seed=1)
    assert check_gradient(trainer).right


def test_mini_batches_are_checked_on_all_rows() -> None:
    trainer = Trainer(make_problem(90), batch_size=7, seed=1)
    trainer.advance(3)
    assert check_gradient(trainer).right


def test_every_lane_is_checked_by_itself() -> None:
    trainer = Trainer(make_problem(50), learning_rates=[0.01, 0.1])
    trainer.advance(5)
    trainer.grad = trainer.grad * np.array([[1.0], [1.01]])
    assert check_gradient(trainer, 0).right
    assert not check_gradient(trainer, 1).right


@pytest.mark.parametrize("task", ON_DATA)
def test_single_precision_is_judged_by_what_it_can_tell(task: str) -> None:
    for hidden in ((), (3,)):
        problem = load_problem(PROBLEMS[task], standardize=True)
        trainer = Trainer(problem, loss="mse", hidden=hidden, seed=1, dtype=np.float32)
        assert check_gradient(trainer).right
        trainer.grad = trainer.grad * np.float32(2)
        assert not check_gradient(trainer).right


# wrong ones do not -----------------------------------------------------------


class SlopelessSquaredError(SigmoidSquaredError):
    """`(p − y)²` with `delta = p − y`: copies of the tutorial without `p·(1 − p)`."""

    def block(self, scores, y, delta, *_):
        np.subtract(expit(scores), y, delta)
        return np.vecdot(delta, delta)


class OneRowLessSquaredError(SigmoidSquaredError):
    """A mean over `n` rows whose gradient is over `n − 1`."""

    def grad_scale(self, n: float) -> float:
        return 2.0 / (n - 1)


def broken(monkeypatch: pytest.MonkeyPatch, loss: Loss, rows: int = 300) -> Trainer:
    monkeypatch.setattr(engines, "make_loss", lambda *_: loss)
    return Trainer(make_problem(rows), seed=1)


def test_a_gradient_without_the_slope_of_the_sigmoid_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right, text = printed(broken(monkeypatch, SlopelessSquaredError("sum")))
    assert not right
    assert text.splitlines()[-1].startswith("the gradient is WRONG: ")
    monkeypatch.undo()
    assert printed(Trainer(make_problem(300), seed=1))[0]


def test_a_gradient_divided_by_one_row_less_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    found = check_gradient(broken(monkeypatch, OneRowLessSquaredError("mean"), 20_000))
    assert not found.right
    assert found.best.central == pytest.approx(1 / 20_000, rel=0.01)


@pytest.mark.parametrize("factor", [2.0, 0.5, -1.0, 1 + 1e-5, 0.0])
@pytest.mark.parametrize("epochs", [0, 3000])
def test_a_gradient_with_a_wrong_factor_is_wrong(factor: float, epochs: int) -> None:
    """Begun and at the optimum's side, where the gradient is small beside the loss."""
    trainer = Trainer(make_problem(300), loss="cross-entropy", learning_rates=[0.02], seed=1)
    trainer.advance(epochs)
    assert check_gradient(trainer).right
    trainer.grad = trainer.grad * factor
    found = check_gradient(trainer)
    assert not found.right
    if factor in {2.0, 0.5}:
        assert found.best.central == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("where", range(4))
def test_one_wrong_weight_among_many_is_found_and_stands_first(where: int) -> None:
    problem = load_problem("iris", standardize=True)
    trainer = Trainer(problem, hidden=(3,), loss="cross-entropy", seed=1)
    trainer.grad = trainer.grad.copy()
    number = 5 * where + 2
    trainer.grad[0, number] *= 1.01
    right, text = printed(trainer)
    assert not right
    lines = text.splitlines()
    first = lines[next(i for i, line in enumerate(lines) if "the worst first" in line) + 2]
    assert first.strip().startswith(shown_names(trainer)[number])


def test_a_forgotten_penalty_is_wrong() -> None:
    trainer = Trainer(make_problem(100), loss="cross-entropy", l2=0.01, seed=1)
    trainer.grad = trainer.grad - 0.01 * trainer.weights * ~trainer.model.is_bias
    assert not check_gradient(trainer).right


# kinks -----------------------------------------------------------------------


def test_a_weight_on_a_kink_is_told_from_a_wrong_one() -> None:
    """|w| at 0 has slopes −1 and 1 and any gradient between; a smooth weight beside it does not."""

    def kinked(w: Floats) -> float:
        return float(abs(w[0]) + w[1] ** 2 + 3 * max(0.0, w[2]))

    engine, w = Counting(kinked), np.array([0.0, 0.7, 0.0])
    for gradient in ([0.5, 1.4, 0.0], [-1.0, 1.4, 3.0]):
        np.testing.assert_array_equal(on_kink(engine, w, np.array(gradient)), [True, False, True])
    outside = on_kink(engine, w, np.array([1.5, 1.4, -0.5]))
    np.testing.assert_array_equal(outside, [False, False, False])
    away = np.array([0.3, 0.7, -0.2])
    assert not on_kink(engine, away, np.array([1.0, 1.4, 0.0])).any()


def test_units_that_begin_switched_off_are_kinks_and_the_rest_is_still_checked() -> None:
    """With biases 0, a row that no unit of the first layer answers stands at 0 in the second."""
    trainer = Trainer(
        load_problem("blobs", standardize=True),
        hidden=(4, 3),
        activation="relu",
        start="glorot",
        seed=3,
    )
    right, text = printed(trainer)
    found = check_gradient(trainer)
    assert right
    assert 0 < found.kinked.sum() < 10
    assert f"{found.kinked.sum()} of {len(found.kinked)} weights are on a kink" in text
    trainer.grad = trainer.grad * 2
    assert not printed(trainer)[0]


def test_losses_models_and_penalties_with_kinks() -> None:
    problem = make_problem(30)
    assert not has_kinks(Trainer(problem))
    assert not has_kinks(Trainer(problem, activation="relu"))
    assert has_kinks(Trainer(problem, hidden=(2,), activation="relu"))
    assert has_kinks(Trainer(problem, loss="hinge"))
    assert has_kinks(Trainer(problem, l1=0.1))
    assert not has_kinks(Trainer(problem, l2=0.1, hidden=(2,)))
    assert has_kinks(Trainer(load_problem("line"), loss="mae"))


# what is printed -------------------------------------------------------------


def test_the_printed_table_says_all() -> None:
    trainer = Trainer(load_problem("blobs"), seed=1)
    right, text = printed(trainer)
    assert right
    assert text.isascii()
    assert max(map(len, text.splitlines()[1:])) <= 80
    rows = re.findall(r"^([* ]) (1e-\d\d) +(\S+) +(\S+)$", text, re.M)
    assert [float(h) for _, h, _, _ in rows] == list(STEPS)
    marked = [(h, float(central)) for mark, h, central, _ in rows if mark == "*"]
    assert len(marked) == 1
    assert marked[0][1] == min(float(central) for _, _, central, _ in rows)
    number = r"([+-]\d\.\d{9}e[+-]\d\d)"
    weights = re.findall(rf"^  (\S+) +{number} *{number} +(\S+)$", text, re.M)
    assert sorted(name for name, *_ in weights) == ["bias", "x1", "x2"]
    errors = [float(error) for *_, error in weights]
    assert errors == sorted(errors, reverse=True)
    analytic = {name: float(value) for name, value, _, _ in weights}
    # the gradient of the loss that is shown: twice the tutorial's direction
    wanted = dict(zip(["x1", "x2", "bias"], 2 * trainer.grad[0], strict=True))
    assert analytic == pytest.approx(wanted, rel=1e-8)
    assert re.fullmatch(
        r"the gradient is right: relative error \S+ at h = 1e-\d\d, limit 1e-06",
        text.splitlines()[-1],
    )
    assert "left out" not in text


def test_at_most_twenty_weights_are_printed_and_the_rest_counted() -> None:
    trainer = Trainer(load_problem("iris"), hidden=(4,), loss="cross-entropy", seed=1)
    _, text = printed(trainer)
    assert text.count(" -> ") == check.MOST_WEIGHTS == 20
    assert f"{trainer.model.parameters - 20} more left out" in text


def test_weights_are_named_in_the_order_of_their_row() -> None:
    assert shown_names(Trainer(load_problem("blobs"))) == ["x1", "x2", "bias"]
    trainer = Trainer(load_problem("line"), loss="mse", hidden=(2, 1))
    (feature,) = load_problem("line").feature_names
    assert shown_names(trainer) == [
        f"layer 1: {feature} -> 1",
        f"layer 1: {feature} -> 2",
        "layer 1: bias -> 1",
        "layer 1: bias -> 2",
        "layer 2: 1 -> 1",
        "layer 2: 2 -> 1",
        "layer 2: bias -> 1",
        "layer 3: 1 -> 1",
        "layer 3: bias -> 1",
    ]


def test_names_from_a_file_cannot_move_the_terminal() -> None:
    x, y = make_rows(20)
    problem = Problem("made", "binary", x, y, x, y, ("a\x1b[2J\nb", "ü" * 90), ("0", "1"))
    _, text = printed(Trainer(problem))
    assert "\x1b" not in text
    assert "a?[2J?b" in text
    assert max(map(len, text.splitlines())) < 120


def test_the_run_stays_where_it_is() -> None:
    trainer, twin = (Trainer(make_problem(40), learning_rates=[0.1, 0.2]) for _ in range(2))
    trainer.advance(5)
    printed(trainer)
    trainer.advance(5)
    twin.advance(10)
    assert trainer.weights.tobytes() == twin.weights.tobytes()
