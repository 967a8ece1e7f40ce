"""Races against single runs, the tutorial's loop, and descent written out with numpy."""

import math

import numpy as np
import pytest

from benchmarks.tutorial import descend
from tests.making import make_problem
from tui_gd.insight import race as racing
from tui_gd.insight.race import RaceResult, race, rates_around
from tui_gd.learning.engine import Interrupted
from tui_gd.learning.optimizers import OPTIMIZERS
from tui_gd.problems import Problem, load_problem
from tui_gd.session import settings
from tui_gd.training.trainer import Trainer

X = np.array([[0.5, 1.0], [-1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
Y = np.array([1.0, -2.0, 3.0, 7.0])
RATES = [0.001, 0.01, 0.1, 0.19, 0.25, 3.0, 1e9, 1e80]
EPOCHS = 40


def line_problem() -> Problem:
    return Problem("line", "regression", X, Y, X[:2], Y[:2], ("x",), ())


def line_race(rates=RATES, epochs=EPOCHS, **more) -> RaceResult:
    trainer = Trainer(
        line_problem(), loss="mse", learning_rates=rates, initial_weights=[0.0, 0.0], **more
    )
    return race(trainer, epochs)


def line_descent(rate: float) -> tuple[list[float], int | None]:
    """The losses from (0, 0) by `mean(e²)` and its gradient, and the last finite epoch."""
    w, losses = np.zeros(2), []
    with np.errstate(all="ignore"):
        for epoch in range(EPOCHS + 1):
            error = X @ w - Y
            loss = np.mean(error**2)
            if not (np.isfinite(loss) and np.isfinite(w).all()):
                return losses, epoch - 1
            losses.append(float(loss))
            w = w - rate * 2 / len(Y) * X.T @ error
    return losses, None


@pytest.mark.parametrize("count", [1, 2, 3, 16, 63, 64])
@pytest.mark.parametrize("rate", [0.01, 1 / 3, 7e5])
def test_rates_are_evenly_spaced_in_their_logarithms_with_the_rate_itself(rate, count) -> None:
    rates = rates_around(rate, count, 2.5)
    assert rates.shape == (count,)
    assert rate in rates
    if count > 1:
        assert np.diff(np.log10(rates)) == pytest.approx(np.full(count - 1, 2.5 / (count - 1)))
        assert math.log10(rates[-1] / rates[0]) == pytest.approx(2.5)


def test_the_usual_rates_are_64_over_3_decades() -> None:
    rates = rates_around(0.01, settings.RATES, settings.DECADES)
    assert len(rates) == 64
    assert rates[-1] / rates[0] == pytest.approx(1000)


@pytest.mark.parametrize("rate", [1.7e308, 5e-324, 1e-320])
def test_at_the_ends_of_the_numbers_there_are_fewer_rates(rate) -> None:
    rates = rates_around(rate, 9, 40.0)
    assert rate in rates
    assert (rates > 0).all()
    assert np.isfinite(rates).all()
    assert (np.diff(rates) > 0).all()


@pytest.mark.parametrize(
    "wrong", [(0.0, 3, 1.0), (-1.0, 3, 1.0), (math.inf, 3, 1.0), (0.1, 0, 1.0), (0.1, 3, 0.0)]
)
def test_impossible_rates_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="learning rates"):
        rates_around(*wrong)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"optimizer": "adam", "loss": "cross-entropy"},
        {"batch_size": 50, "optimizer": "nesterov"},
        {"hidden": (3,), "loss": "cross-entropy"},
    ],
)
def test_each_lane_equals_a_run_of_that_rate_alone_bit_for_bit(more) -> None:
    problem = make_problem(200, test_rows=90)
    rates = rates_around(0.05, 9, 3.0)
    weights = Trainer(problem, seed=4, **more).weights[0].copy()
    trainer = Trainer(
        problem, learning_rates=rates, initial_weights=weights, test_losses=False, **more
    )
    result = race(trainer, 23)
    assert result.done == result.epochs == 23
    for lane, rate in enumerate(rates):
        alone = Trainer(problem, learning_rates=[rate], initial_weights=weights, **more)
        alone.advance(23)
        assert result.train[lane] == alone.loss[0]
        assert result.test[lane] == alone.test_losses()[-1]
        assert result.begin == alone.losses()[0]
        assert np.array_equal(trainer.losses(lane), alone.losses())


def test_the_losses_are_those_of_the_tutorials_loop() -> None:
    problem = load_problem("blobs")
    trainer = Trainer(problem, learning_rates=[0.0003, 0.01, 0.2], seed=1)
    start = trainer.weights[0].reshape(-1, 1)
    result = race(trainer, 30)
    y = problem.y_train.reshape(-1, 1).astype(np.int64)
    for lane, rate in enumerate(result.rates):
        _, losses = descend(problem.x_train, y, start, rate, 31)
        assert result.train[lane] == pytest.approx(losses[30], rel=1e-9)
        assert result.begin == pytest.approx(losses[0], rel=1e-12)


def test_lanes_that_diverge_and_lanes_that_end_higher_are_told_apart() -> None:
    result = line_race()
    for lane, rate in enumerate(RATES):
        losses, last = line_descent(rate)
        if last is None:
            assert result.diverged[lane] == -1
            assert result.train[lane] == pytest.approx(losses[-1], rel=1e-6)
            assert result.ended_higher[lane] == (losses[-1] > losses[0])
        else:
            assert result.diverged[lane] == last
            assert np.isnan(result.train[lane])
            assert np.isnan(result.test[lane])
            assert not result.ended_higher[lane]
            assert result.note(lane) == f"diverged after epoch {last}"
    assert result.ended_higher.any()
    assert (result.diverged >= 0).any()
    assert result.done == EPOCHS


def test_descent_fails_above_2_over_the_greatest_curvature() -> None:
    limit = 2 / np.linalg.eigvalsh(2 / len(Y) * X.T @ X)[-1]
    rates = limit * np.array([0.5, 0.9, 0.99, 1.2, 2.0, 1e30])
    result = line_race(rates.tolist(), 2000)
    assert result.failed.tolist() == [False, False, False, True, True, True]
    assert result.diverging_band == (rates[3], rates[5])
    assert result.best in {0, 1, 2}


def test_the_best_lane_has_the_least_loss_of_the_finite_ones() -> None:
    result = line_race()
    final = [line_descent(rate) for rate in RATES]
    finite = {lane: losses[-1] for lane, (losses, last) in enumerate(final) if last is None}
    assert result.best == min(finite, key=lambda lane: finite[lane])
    above = f"the next rate, 0.25, ends at {finite[RATES.index(0.25)]:.2g}"
    assert result.note(result.best, 0.19) == f"least train loss, {above}, current"
    # the next lower one is not at a cliff: its own next rate ends lower
    assert RATES[result.advised] == 0.1
    assert result.note(result.advised) == "best"
    assert line_race([0.001, 0.01]).note(1) == "best, the largest tried"
    assert line_race([0.1, 0.1]).best == 0


def test_where_all_diverge_there_is_no_best() -> None:
    result = line_race([1e80, 1e90])
    assert result.best is None
    assert result.diverging_band == (1e80, 1e90)
    assert result.contenders[0].lane is None
    assert result.contenders[0].near is None
    assert result.done < result.epochs == EPOCHS


def test_at_a_minimum_rounding_is_not_taken_for_a_higher_end() -> None:
    weights, *_ = np.linalg.lstsq(X, Y, rcond=None)
    trainer = Trainer(
        line_problem(), loss="mse", learning_rates=[0.01, 0.1], initial_weights=weights
    )
    result = race(trainer, 500)
    assert not result.failed.any()
    assert result.diverging_band is None


def test_every_optimizer_contends_with_the_best_of_its_rates() -> None:
    problem = make_problem(120, test_rows=40)
    rates = rates_around(0.05, 5, 3.0).tolist()
    names = [name for name in OPTIMIZERS for _ in rates]
    trainer = Trainer(problem, learning_rates=rates * len(OPTIMIZERS), optimizer=names, seed=2)
    result = race(trainer, 40)
    assert [one.optimizer for one in result.contenders] == list(OPTIMIZERS)
    assert result.diverging_band is None
    for number, one in enumerate(result.contenders):
        own = range(number * len(rates), (number + 1) * len(rates))
        assert one.lane == min(own, key=lambda lane: result.train[lane])
        alone = Trainer(problem, learning_rates=[one.rate], optimizer=one.optimizer, seed=2)
        alone.advance(40)
        assert np.array_equal(one.train, alone.losses())
        assert np.array_equal(one.test, alone.test_losses())
        assert one.train_loss == alone.losses()[-1]
        assert one.test_loss == alone.test_losses()[-1]
        least = min(one.train)
        assert one.near == next(k for k, v in enumerate(one.train) if v <= least + 0.01 * least)
    best = min(result.contenders, key=lambda one: one.train_loss)
    assert result.best == best.lane


def test_the_standing_is_shown_while_the_race_goes_on(monkeypatch) -> None:
    monkeypatch.setattr(racing, "SHOW_SECONDS", 0.0)
    monkeypatch.setattr(racing, "BURST_SECONDS", 0.0)
    shown: list[RaceResult] = []
    trainer = Trainer(make_problem(50), learning_rates=[0.01, 0.1], seed=1)
    final = race(trainer, 6, show=shown.append)
    assert [part.done for part in shown] == [1, 2, 3, 4, 5]
    assert {part.epochs for part in shown} == {6}
    for part in shown:
        assert part.train.tolist() == [trainer.losses(i)[part.done] for i in range(2)]
    assert final.train.tolist() == trainer.loss.tolist()


def test_a_race_that_is_no_longer_wanted_is_given_up() -> None:
    looks = iter([True, True, False])
    trainer = Trainer(make_problem(50), learning_rates=[0.01, 0.1], seed=1)
    with pytest.raises(Interrupted):
        race(trainer, 10_000, wanted=lambda: next(looks))
    assert trainer.epoch < 10


def test_it_is_given_up_between_the_blocks_of_an_epoch_too() -> None:
    # 300,000 rows are many blocks
    trainer = Trainer(make_problem(300_000), learning_rates=[1e-6] * 3, seed=1, test_losses=False)
    looks = iter([True, True, False])
    with pytest.raises(Interrupted):
        race(trainer, 3, wanted=lambda: next(looks))
    assert trainer.epoch == 0


def test_without_test_rows_there_are_no_test_losses() -> None:
    problem = Problem("line", "regression", X, Y, X[:0], Y[:0], ("x",), ())
    trainer = Trainer(problem, loss="mse", learning_rates=[0.01, 0.1], seed=1)
    result = race(trainer, 5)
    assert np.isnan(result.test).all()
    assert np.isfinite(result.train).all()
