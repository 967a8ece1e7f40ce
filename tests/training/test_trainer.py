"""The trainer against the tutorial's loop, and updates that are not finite."""

import numpy as np
import pytest
from sklearn.metrics import classification_report

from tests import tutorial
from tests.making import Floats, make_engine, make_problem
from tui_gd import load_problem
from tui_gd.cli.run import reports_of
from tui_gd.training.trainer import Trainer

ALPHAS = [1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3]
EPOCHS = [1, 7, 100, 1000]


def start_of(seed: int) -> Floats:
    return np.random.default_rng([77, seed]).standard_normal(3)


@pytest.fixture(scope="module")
def data() -> tutorial.Data:
    return tutorial.data()


# the tutorial's loop ---------------------------------------------------------


def test_the_problem_is_the_tutorials(data: tutorial.Data) -> None:
    problem = load_problem("blobs")
    assert np.array_equal(problem.x_train, data.train_x)
    assert np.array_equal(problem.x_test, data.test_x)
    assert np.array_equal(problem.y_train, data.train_y[:, 0])
    assert np.array_equal(problem.y_test, data.test_y[:, 0])


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_the_tutorials_loop(data: tutorial.Data, seed: int, alpha: float) -> None:
    start = start_of(seed)
    trainer = Trainer(load_problem("blobs"), learning_rates=[alpha], initial_weights=start)
    for epochs in EPOCHS:
        trainer.advance(epochs - trainer.epoch)
        weights, losses, _ = tutorial.descend(data.train_x, data.train_y, start, alpha, epochs)
        np.testing.assert_allclose(trainer.losses()[:epochs], losses, rtol=1e-10)
        np.testing.assert_allclose(trainer.weights[0], weights, rtol=1e-10)


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_the_tutorials_loop_as_well_as_that_agrees_with_itself(
    data: tutorial.Data, seed: int
) -> None:
    """At α = 1 descent is chaotic: one ulp in the tutorial's start changes its own losses."""
    start = start_of(seed)
    _, losses, _ = tutorial.descend(data.train_x, data.train_y, start, 1.0, 1000)
    moved = np.zeros(1000)
    for number in range(3):
        for way in (-np.inf, np.inf):
            other = start.copy()
            other[number] = np.nextafter(other[number], way)
            _, others, _ = tutorial.descend(data.train_x, data.train_y, other, 1.0, 1000)
            moved = np.maximum(moved, np.abs(np.subtract(others, losses)) / losses)
    trainer = Trainer(load_problem("blobs"), learning_rates=[1.0], initial_weights=start)
    trainer.advance(1000)
    allowed = np.maximum(1e-10, 10 * np.maximum.accumulate(moved))
    assert (np.abs(trainer.losses()[:1000] - losses) / losses <= allowed).all()
    # before chaos sets in, and in most runs to the end, the contract's 1e-10 holds
    assert np.median(allowed[:5]) == 1e-10


def test_every_lane_of_a_race_agrees_with_the_tutorials_loop(data: tutorial.Data) -> None:
    start = start_of(9)
    trainer = Trainer(load_problem("blobs"), learning_rates=ALPHAS, initial_weights=start)
    trainer.advance(100)
    for lane, alpha in enumerate(ALPHAS):
        weights, losses, _ = tutorial.descend(data.train_x, data.train_y, start, alpha, 100)
        np.testing.assert_allclose(trainer.losses(lane)[:100], losses, rtol=1e-10)
        np.testing.assert_allclose(trainer.weights[lane], weights, rtol=1e-10)


def test_loss_k_belongs_to_the_weights_before_update_k_plus_1(data: tutorial.Data) -> None:
    trainer = Trainer(load_problem("blobs"), seed=3)
    visited = [trainer.weights[0].copy()]
    for _ in range(5):
        trainer.advance()
        visited.append(trainer.weights[0].copy())
    assert len(trainer.losses()) == 6
    for k, weights in enumerate(visited):
        for x, y, kept in (
            (data.train_x, data.train_y, trainer.losses()),
            (data.test_x, data.test_y, trainer.test_losses()),
        ):
            wanted = np.sum((tutorial.sigmoid_activation(x @ weights) - y[:, 0]) ** 2)
            assert kept[k] == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_report_is_scikit_learns_on_the_tutorials_weights(
    data: tutorial.Data, seed: int
) -> None:
    start = start_of(seed)
    problem = load_problem("blobs")
    trainer = Trainer(problem, learning_rates=[1e-5, 0.01], initial_weights=start)
    trainer.advance(20)
    for lane, alpha in enumerate([1e-5, 0.01]):
        weights, _, _ = tutorial.descend(data.train_x, data.train_y, start, alpha, 20)
        report = reports_of(trainer)[lane]
        assert report.text == tutorial.report(data.test_x, data.test_y, weights)
        predicted = tutorial.predict(data.test_x, weights[:, None])[:, 0].astype(int)
        assert report.table == classification_report(
            data.test_y[:, 0], predicted, output_dict=True, zero_division=0.0
        )


def test_a_seeds_start_is_numpys_standard_normal() -> None:
    wanted = np.random.default_rng(12).standard_normal(3)
    assert np.array_equal(Trainer(load_problem("blobs"), seed=12).weights, wanted[None])
    lanes = Trainer(load_problem("blobs"), seed=12, learning_rates=[0.1, 0.2]).weights
    assert np.array_equal(lanes, np.stack([wanted, wanted]))


def test_initial_weights_are_for_all_lanes_or_one_row_each() -> None:
    problem, rates = load_problem("blobs"), [0.1, 0.2]
    each = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(
        Trainer(problem, learning_rates=rates, initial_weights=each).weights, each
    )
    for wrong in (np.zeros(2), np.zeros((3, 1)), np.zeros((3, 3)), np.zeros((1, 3)), 1.0):
        with pytest.raises(ValueError, match="shape"):
            Trainer(problem, learning_rates=rates, initial_weights=wrong)


def test_cross_entropy_descends_along_its_gradient(data: tutorial.Data) -> None:
    """Twin: mean nats per sample, gradient `Xᵀ(p − y) / n`."""
    w = start_of(1)
    trainer = Trainer(
        load_problem("blobs"), loss="cross-entropy", learning_rates=[0.5], initial_weights=w
    )
    trainer.advance(50)
    losses = []
    for _ in range(50):
        p = tutorial.sigmoid_activation(data.train_x @ w)
        y = data.train_y[:, 0]
        losses.append(-np.mean(np.log(np.where(y, p, 1 - p))))
        w = w - 0.5 * data.train_x.T @ (p - y) / len(y)
    np.testing.assert_allclose(trainer.losses()[:50], losses, rtol=1e-10)
    np.testing.assert_allclose(trainer.weights[0], w, rtol=1e-10)


# updates that are not finite --------------------------------------------------


def diverging() -> Trainer:
    """Return a trainer whose lane 1 diverges at some epoch after the fifth."""
    trainer = Trainer(make_problem(60), learning_rates=[0.01, 0.02], seed=2)
    trainer.advance(5)
    trainer.set_learning_rate(1e308, 1)
    return trainer


def test_a_lane_stops_at_its_last_finite_epoch_and_the_others_go_on() -> None:
    trainer, alone = diverging(), Trainer(make_problem(60), learning_rates=[0.01], seed=2)
    assert trainer.advance(35) == 35
    alone.advance(40)
    last = trainer.lanes[1].diverged
    assert last is not None
    assert 5 <= last < 40
    assert trainer.lanes[0].diverged is None
    assert trainer.diverged.tolist() == [False, True]
    assert np.isfinite(trainer.weights).all()
    assert trainer.weights[0].tobytes() == alone.weights[0].tobytes()
    assert trainer.losses(0).tobytes() == alone.losses().tobytes()
    # the twin: the update from epoch `last` is the first that is not finite
    weights = [np.random.default_rng(2).standard_normal(3)]
    engine = make_engine(trainer.problem.x_train, trainer.problem.y_train)
    with np.errstate(all="ignore"):
        for epoch in range(last + 1):
            _, grad = engine.loss_and_grad(weights[-1][None])
            weights.append(weights[-1] - (0.02 if epoch < 5 else 1e308) * grad[0])
        beyond = engine.loss(weights[-1][None])
    assert all(np.isfinite(w).all() for w in weights[:-1])
    assert not (np.isfinite(weights[-1]).all() and np.isfinite(beyond).all())
    assert trainer.weights[1].tobytes() == weights[last].tobytes()
    assert np.isfinite(trainer.losses(1)[: last + 1]).all()
    assert np.isnan(trainer.losses(1)[last + 1 :]).all()


def test_a_diverged_lane_has_no_later_test_losses() -> None:
    trainer = diverging()
    trainer.advance(40)
    last = trainer.lanes[1].diverged
    assert last is not None
    assert np.array_equal(np.isfinite(trainer.test_losses(1)), np.isfinite(trainer.losses(1)))


@pytest.mark.parametrize("steady", [0, 1, 9])
def test_a_run_whose_lanes_have_all_diverged_goes_no_further(steady: int) -> None:
    trainer = Trainer(make_problem(60), seed=2)
    trainer.advance(steady)
    trainer.set_learning_rate(1e308)
    done = steady + trainer.advance(1000)
    assert done == trainer.epoch == trainer.lanes[0].diverged < 1000
    kept = trainer.weights.copy()
    assert trainer.advance(5) == 0
    assert np.array_equal(trainer.weights, kept)
    assert np.isfinite(kept).all()
    assert np.isfinite(trainer.losses()).all()


@pytest.mark.parametrize("back", [0, 1])
def test_a_lower_rate_goes_on_from_where_a_lane_diverged(back: int) -> None:
    trainer = Trainer(make_problem(60), seed=2)
    last = trainer.advance(4)
    trainer.set_learning_rate(1e308)
    last += trainer.advance(1000)
    trainer.back(back)
    begin = trainer.weights[0].copy()
    trainer.set_learning_rate(1e-3)
    assert trainer.advance(10) == 10
    assert trainer.epoch == last - back + 10
    assert trainer.lanes[0].diverged is None
    engine = make_engine(trainer.problem.x_train, trainer.problem.y_train)
    for _ in range(10):
        begin = begin - engine.loss_and_grad(begin[None])[1][0] * 1e-3
    assert trainer.weights[0].tobytes() == begin.tobytes()


def test_going_back_and_forward_over_a_divergence_gives_the_same_bits() -> None:
    trainer = diverging()
    trainer.advance(7)
    last = trainer.lanes[1].diverged
    assert last is not None
    kept, losses = trainer.weights.copy(), trainer.losses(1)
    for epoch in (0, last, 4, 12, last + 1, 1):
        trainer.go_to(epoch)
        trainer.advance(12 - epoch)
        assert trainer.weights.tobytes() == kept.tobytes()
        assert trainer.losses(1).tobytes() == losses.tobytes()
        assert trainer.lanes[1].diverged == last


def test_looking_ahead_leaves_a_diverged_lane_where_it_is() -> None:
    trainer, twin = diverging(), diverging()
    for one in (trainer, twin):
        one.advance(10)
    last = twin.lanes[1].diverged
    trainer.look_ahead()
    trainer.advance(3)
    twin.advance(3)
    assert trainer.lanes[1].diverged == last
    assert trainer.weights.tobytes() == twin.weights.tobytes()


def test_looking_ahead_does_not_move_a_diverged_lane_with_a_lower_rate() -> None:
    """It stays until the run goes back, with or without looking ahead."""
    trainer, twin = diverging(), diverging()
    for one in (trainer, twin):
        one.advance(10)
        one.set_learning_rate(1e-3, 1)
    trainer.look_ahead()
    trainer.advance(2)
    twin.advance(2)
    assert trainer.weights.tobytes() == twin.weights.tobytes()
    assert trainer.lanes[1].diverged == twin.lanes[1].diverged
