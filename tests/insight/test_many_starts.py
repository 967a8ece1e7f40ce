"""Many starts: where they end, against the tutorial's loop and scikit-learn's optimum."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from tests import tutorial
from tests.making import make_rows, problem_of
from tui_gd.insight.many_starts import (
    GAINED,
    MOST_WORK,
    Minima,
    affordable_starts,
    basin_by_share,
    best_rate,
    draw_starts,
    ladder_size,
    row_work,
    run_starts,
)
from tui_gd.learning.engine import Interrupted
from tui_gd.learning.models import Model
from tui_gd.problems import Problem, load_problem
from tui_gd.session.settings import RunSettings
from tui_gd.training.trainer import Trainer


def of_starts(problem, starts, loss: str, rate: float) -> Trainer:
    one = replace(RunSettings(), alpha=(rate,) * len(starts), loss=loss)
    return one.make_trainer(problem, test_losses=False, initial_weights=starts)


@pytest.fixture(scope="module")
def blobs():
    return load_problem("blobs")


def test_starts_are_normal_with_the_spread_and_the_first_of_more() -> None:
    starts = draw_starts(7, 4000, 5.0, 3)
    assert starts.shape == (4000, 7)
    assert starts.std() == pytest.approx(5.0, rel=0.02)
    assert abs(starts.mean()) < 0.15
    assert (draw_starts(7, 10, 5.0, 3) == starts[:10]).all()
    assert draw_starts(7, 10, 20.0, 3) == pytest.approx(4.0 * starts[:10])
    assert (draw_starts(7, 10, 5.0, 4) != starts[:10]).all()


def test_ends_and_counts_are_those_of_the_tutorials_loop(blobs) -> None:
    data, starts = tutorial.data(), draw_starts(3, 24, 5.0, 0)
    y = data.train_y
    ends, losses, accuracies = [], [], []
    for start in starts:
        end, _, _ = tutorial.descend(data.train_x, y, start, 0.01, 100)
        p = tutorial.sigmoid_activation(data.train_x @ end)
        ends.append(end)
        losses.append(((p - y[:, 0]) ** 2).sum())
        accuracies.append(((p > 0.5) == y[:, 0]).mean())
    # the best that ignores the features: p is the share of class 1
    alike = ((y.mean() - y) ** 2).sum()
    good = [loss <= alike - 0.9 * (alike - min(losses)) for loss in losses]
    lost = [loss >= alike - 0.1 * (alike - min(losses)) for loss in losses]
    assert 4 < sum(good) < 20
    assert sum(lost) > 4
    result = run_starts(of_starts(blobs, starts, "sse", 0.01), 100, 5.0)
    assert result.losses == pytest.approx(losses, rel=1e-8)
    assert result.end == pytest.approx(np.array(ends), rel=1e-8)
    assert result.accuracy == pytest.approx(accuracies)
    assert result.reference == pytest.approx(alike)
    assert result.good.tolist() == good
    assert (result.basin == 2).tolist() == lost
    assert result.counts.sum() == 24
    assert result.order.tolist() == np.argsort(losses).tolist()
    assert result.begin.tolist() == starts.tolist()
    assert (result.done, result.learning_rate, result.loss_name) == (100, 0.01, "sse")


@pytest.mark.parametrize("spread", [1.0, 5.0, 20.0])
def test_squared_error_loses_starts_that_cross_entropy_does_not(blobs, spread) -> None:
    starts = draw_starts(3, 128, spread, 0)
    squared = run_starts(of_starts(blobs, starts, "sse", 0.01), 100, spread)
    entropy = run_starts(of_starts(blobs, starts, "cross-entropy", 10.0), 100, spread)
    assert entropy.good.all()
    assert squared.good.sum() < (128 if spread == 1 else 96)
    for result in (squared, entropy):
        assert (result.accuracy[result.good] > 0.95).all()
    # a plateau, where about half of the rows are right, is not good
    assert (squared.accuracy[squared.basin == 2] < 0.85).all()
    assert not squared.good[squared.accuracy < 0.9].any()


def test_cross_entropy_ends_at_the_optimum_of_scikit_learn_from_every_start() -> None:
    x, y = make_rows(400)
    best = LogisticRegression(C=np.inf, tol=1e-10).fit(x[:, :2], y)
    least = log_loss(y, best.predict_proba(x[:, :2]))
    result = run_starts(
        of_starts(problem_of(x, y), draw_starts(3, 16, 5.0, 1), "cross-entropy", 3.0), 400, 5.0
    )
    assert result.losses == pytest.approx(least, rel=1e-6)
    assert result.good.all()
    assert result.counts.tolist() == [16, 0, 0, 0]


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e9])
def test_basins_depend_on_the_share_of_the_way_down(scale) -> None:
    losses = np.array([0.0, 9.9, 10.1, 89.9, 90.1, 250.0, np.inf])
    assert basin_by_share(losses * scale, 100.0 * scale).tolist() == [0, 0, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("reference", [99.0, 100.0, 100.0 + 1e-12, np.nan])
def test_no_start_is_good_if_the_best_is_no_better_than_a_constant(reference) -> None:
    assert basin_by_share(np.array([100.0, 120.0]), reference).tolist() == [2, 2]


def test_starts_that_diverge_are_named_and_come_last() -> None:
    # x' = x − 0.04 x³ is about 1/x² ← 1/x² + 0.08 for small x, and farther away for large ones
    problem = RunSettings(problem="surface", surface="x^4").load_problem()
    starts = np.array([[0.5], [100.0], [0.2]])
    result = run_starts(of_starts(problem, starts, "value", 0.01), 50, 1.0)
    assert [result.basins[place].name for place in result.basin] == [
        "half-way",
        "diverged",
        "at the bottom",
    ]
    assert result.losses[[0, 2]] == pytest.approx([1 / 8**2, 1 / 29**2], rel=0.02)
    assert result.losses[1] == np.inf
    assert result.good.tolist() == [False, False, True]
    assert result.order.tolist() == [2, 0, 1]
    assert np.isnan(result.accuracy).all()
    # without rows it is the median of the starts
    assert result.reference == pytest.approx(0.5**4)


def test_a_start_that_only_found_the_median_of_a_skewed_target_is_lost() -> None:
    rng = np.random.default_rng(2)
    x = np.column_stack([rng.standard_normal(300), np.ones(300)])
    y = np.exp(2.0 * rng.standard_normal(300)) + 9.0 * x[:, 0]
    problem = Problem("skewed", "regression", x, y, x[:0], y[:0], ("x",), ())
    median = np.median(y)
    starts = np.array([[0.0, median], [9.0, 1.0]])
    result = run_starts(of_starts(problem, starts, "mae", 1e-9), 1, 1.0)
    assert result.reference == pytest.approx(np.abs(y - median).mean())
    assert [result.basins[place].name for place in result.basin] == ["stuck", "at the bottom"]
    # of the mean's loss, the median alone would be a tenth of the way down and more
    share = (np.abs(y - y.mean()).mean() - result.losses[0]) / (
        np.abs(y - y.mean()).mean() - result.losses[1]
    )
    assert share > 0.1


@pytest.mark.parametrize("name", ["iris", "diabetes", "blobs"])
def test_the_reference_is_the_loss_of_the_best_constant(name) -> None:
    problem = load_problem(name)
    loss = {"iris": "cross-entropy", "diabetes": "mse", "blobs": "cross-entropy"}[name]
    y = np.asarray(problem.y_train)
    if name == "diabetes":
        expected = y.var()
    else:
        share = np.bincount(y) / len(y)
        expected = -(share * np.log(share)).sum()
    trainer = RunSettings(problem=name, loss=loss).make_trainer(problem)
    starts = draw_starts(trainer.model.parameters, 2, 1.0, 0)
    result = run_starts(of_starts(problem, starts, loss, 1e-3), 1, 1.0)
    assert result.reference == pytest.approx(expected)


def test_the_best_rate_has_the_least_median(blobs) -> None:
    starts, rates = draw_starts(3, 5, 5.0, 2), (0.001, 0.1, 1.0)
    data = tutorial.data()
    medians = []
    for rate in rates:
        losses = []
        for start in starts:
            end, _, _ = tutorial.descend(data.train_x, data.train_y, start, rate, 40)
            p = tutorial.sigmoid_activation(data.train_x @ end)
            losses.append(((p - data.train_y[:, 0]) ** 2).sum())
        medians.append(np.median(losses))
    settings = RunSettings(alpha=tuple(np.repeat(rates, 5).tolist()), loss="sse")
    trainer = settings.make_trainer(blobs, initial_weights=np.tile(starts, (3, 1)))
    assert best_rate(trainer, rates, 40, lambda: True) == rates[int(np.argmin(medians))]


def test_a_rate_that_diverges_is_not_the_best() -> None:
    problem = load_problem("line")
    settings = RunSettings(alpha=(0.01, 0.01, 50.0, 50.0), loss="mse")
    trainer = settings.make_trainer(problem, initial_weights=np.ones((4, 2)))
    assert best_rate(trainer, (0.01, 50.0), 600, lambda: True) == 0.01


@pytest.mark.parametrize(("formula", "rate"), [("himmelblau", 0.01), ("rastrigin", 0.002)])
def test_on_a_surface_basins_are_the_known_minima(formula, rate) -> None:
    problem = RunSettings(problem=f"surface:{formula}").load_problem()
    surface = problem.surface
    minima = Minima(
        np.array([minimum.point for minimum in surface.minima]),
        tuple(minimum.is_global for minimum in surface.minima),
        surface.near,
    )
    starts = np.stack([surface.draw_start(seed) for seed in range(24)])
    result = run_starts(of_starts(problem, starts, "value", rate), 300, 1.0, minima=minima)
    for end, basin, good in zip(result.end, result.basin, result.good, strict=True):
        near = [m for m in surface.minima if np.hypot(*(end - m.point)) <= surface.near]
        name = result.basins[basin].name
        if not near:
            assert name == "no minimum"
        elif len(surface.minima) > 6:
            assert name == ("global minimum" if near[0].is_global else "local minima")
        else:
            assert name == "({:.4g}, {:.4g})".format(*near[0].point)
        assert good == any(m.is_global for m in near)
    assert len(set(result.basin.tolist())) >= (3 if formula == "himmelblau" else 1)


def test_starts_that_are_no_longer_wanted_are_given_up(blobs) -> None:
    with pytest.raises(Interrupted):
        run_starts(of_starts(blobs, np.ones((2, 3)), "sse", 0.01), 10, 1.0, wanted=lambda: False)


def test_fewer_starts_where_they_cost_much() -> None:
    assert affordable_starts(500, 100) == 256
    assert affordable_starts(1_000_000, 100) == 20
    assert affordable_starts(5_000_000, 1000) == 8
    for work, epochs in ((500, 100), (10_000, 300), (1_000_000, 100), (5_000_000, 1000)):
        starts, fewer = ladder_size(work, epochs, 256)
        assert 1 <= starts <= 16
        assert 10 <= fewer <= epochs
        if fewer > 10:
            assert work * starts * fewer * 13 <= MOST_WORK


def test_a_start_of_many_weights_costs_what_its_products_cost() -> None:
    # products with 16 weights take as long as one unit's sigmoid
    assert row_work(500, Model(2, 1)) == 500
    assert row_work(500, Model(63, 1)) == 500 * (1 + 4)
    assert row_work(500, Model(63, 10, (20,))) == 500 * (30 + (64 * 20 + 21 * 10) // 16)
    assert row_work(0, Model(1, 1)) == 1  # a surface
    assert affordable_starts(row_work(200, Model(100_000, 1)), 100) < 20


def test_the_names_of_basins() -> None:
    assert [(basin.name, basin.good) for basin in GAINED] == [
        ("at the bottom", True),
        ("half-way", False),
        ("stuck", False),
    ]
