"""Verdicts on whole runs, in states that are easily taken for others."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_gd.insight.diagnosis import rescue_rate
from tui_gd.insight.evidence import stuck_share
from tui_gd.insight.verdict import LINE_CELLS, Kind, Steady, Verdict
from tui_gd.learning.models import Predictor
from tui_gd.problems import Problem
from tui_gd.session.observer import Observer
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.session.verdict import evidence_of, measure, safe_rate, verdict_on


class Run:
    """A run that is asked for its verdict as the interface asks."""

    def __init__(self, options: RunSettings, problem: Problem | None = None, start=None) -> None:
        self.settings = options
        self.problem = problem or options.load_problem()
        self.trainer = options.make_trainer(self.problem, initial_weights=start)
        self.trainer.record_norms()
        self.predictor = Predictor(self.trainer.model, self.problem.task)
        self.observer = Observer(self.trainer, self.predictor)

    def to(self, epoch: int) -> "Run":
        self.trainer.go_to(epoch)
        return self

    def snapshot(self, state: RunState = RunState.PAUSED) -> Snapshot:
        if not self.trainer.diverged.all():
            self.trainer.look_ahead()
        return self.observer.snapshot(state=state, epochs=100, seed=0)

    def measured(self):
        with np.errstate(all="ignore"):
            engine = self.trainer.engines.make(self.trainer.lanes[0].methods[0].loss)
            return measure(self.snapshot(), self.problem, self.predictor, engine)

    def says(self) -> Verdict:
        with np.errstate(all="ignore"):
            return verdict_on(self.snapshot(), self.problem, self.settings, self.measured())


def table(x: np.ndarray, y: np.ndarray, task: str = "regression", names: tuple = ()) -> Problem:
    x = np.column_stack([x, np.ones(len(x))])
    half = len(x) // 2
    features = tuple(f"x{i}" for i in range(1, x.shape[1]))
    return Problem("t", task, x[:half], y[:half], x[half:], y[half:], features, names)


# a height that was reached by diverging is no measure ------------------------------


def test_a_loss_that_came_down_from_a_divergence_is_not_at_a_minimum() -> None:
    run = Run(RunSettings("line", alpha=(2.0,), seed=1, loss="mse"))
    run.trainer.advance(60)
    run.trainer.back(1)
    run.trainer.set_learning_rate(0.1)
    run.trainer.advance(340)
    x, y = run.problem.x_train, run.problem.y_train
    least = np.mean((x @ np.linalg.lstsq(x, y, rcond=None)[0] - y) ** 2)
    assert run.trainer.loss[0] > 1000 * least
    assert run.says().kind not in {Kind.MINIMUM, Kind.NEARLY, Kind.BY_HEART}
    run.trainer.advance(1500)
    assert run.trainer.loss[0] == pytest.approx(least, rel=1e-6)
    assert run.says().kind is Kind.MINIMUM


def test_weights_that_come_down_from_a_divergence_do_not_stand_still() -> None:
    options = RunSettings("line", alpha=(2.0,), seed=1, loss="mse", optimizer=("nesterov",))
    run = Run(replace(options, standardize=True))
    run.trainer.advance(60)
    run.trainer.back(1)
    run.trainer.set_learning_rate(0.1)
    run.trainer.advance(240)
    for _ in range(4):
        before = run.trainer.loss[0]
        run.trainer.advance(100)
        assert 1.0 < run.trainer.loss[0] < 0.01 * before
        assert run.says().kind is Kind.DESCENDING


@pytest.mark.parametrize("size", [1e30, 1e80])
def test_a_start_that_is_huge_is_no_measure_either(size: float) -> None:
    run = Run(RunSettings("line", alpha=(0.1,), loss="mse"), start=np.array([size, size])).to(60)
    assert run.trainer.loss[0] > 1e6
    assert run.says().kind is not Kind.MINIMUM


# what is learned, and what only seems to be ------------------------------------------


def test_where_all_test_rows_are_right_nothing_overfits() -> None:
    for seed in range(24):
        run = Run(RunSettings(seed=seed)).to(100)
        outcome = run.snapshot().outcome
        assert outcome is not None
        if outcome.right == outcome.rows:
            assert run.says().kind is not Kind.OVERFITTING, seed


def test_rows_that_are_learned_by_heart_are_no_minimum_in_green() -> None:
    rng = np.random.default_rng(4)
    problem = table(rng.standard_normal((40, 30)), rng.standard_normal(40))
    steep = np.linalg.eigvalsh(problem.x_train.T @ problem.x_train / 20)[-1]
    run = Run(RunSettings(loss="mse", alpha=(0.5 / steep,)), problem).to(20000)
    snapshot = run.snapshot()
    # 20 rows and 31 weights: the train rows can be met exactly
    assert snapshot.lane.loss < 1e-12
    verdict = run.says()
    assert verdict.kind is Kind.BY_HEART
    assert verdict.line.startswith("Learned by heart. Train loss ")
    y, predicted = problem.y_test, problem.x_test @ snapshot.lane.weights
    r2 = 1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert verdict.why == f"R² on the test rows is {r2:.4g}.".replace("-", "−")


def rare(seed: int, rows: int = 1000) -> Problem:
    """Five of a hundred rows are of a class that the features do not tell from the other."""
    rng = np.random.default_rng(seed)
    y = (rng.permutation(rows) < rows // 200).astype(np.int8)
    return table(rng.standard_normal((rows, 2)), y, "binary", ("ok", "fraud"))


@pytest.mark.parametrize("epoch", [30, 200, 2000])
@pytest.mark.parametrize("loss", ["cross-entropy", "mse"])
def test_one_class_for_every_row_is_reported(epoch: int, loss: str) -> None:
    run = Run(RunSettings(loss=loss, alpha=(0.5,), start="zeros"), rare(1)).to(epoch)
    missed = int((run.problem.y_test == 1).sum())
    verdict = run.says()
    assert verdict.kind is Kind.ONE_CLASS
    assert verdict.title == 'Predicts "ok" for every row.'
    assert f'0 of {missed} rows of "fraud" found' in verdict.line
    assert verdict.why == 'Most rows are "ok", so saying it always is cheap.'
    assert len(verdict.line) <= LINE_CELLS
    assert "panel('report')" in [one.action for one in verdict.tries]


def test_a_boundary_on_its_way_is_no_one_class() -> None:
    rng = np.random.default_rng(0)
    y = (np.arange(400) % 2).astype(np.int8)
    problem = table(rng.standard_normal((400, 2)) + 2.0 * y[:, None], y, "binary", ("a", "b"))
    run = Run(RunSettings(loss="cross-entropy", alpha=(0.1,)), problem, np.array([0.0, 0.0, -3.0]))
    run.to(4)
    assert run.snapshot().outcome.only_class == 0
    assert run.trainer.losses()[4] < 0.9 * run.trainer.losses()[0]
    assert run.says().kind is Kind.DESCENDING


# offsets, and fits that are exactly at their minimum ------------------------------------


@given(
    offset=st.sampled_from([0.0, 30.0, -1e4, 1e6]),
    noise=st.sampled_from([0.3, 3.0]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25, deadline=None)
def test_a_least_squares_fit_is_at_its_minimum_and_only_there(offset, noise, seed) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((200, 2))
    y = x @ np.array([1.0, -2.0]) + noise * rng.standard_normal(200) + offset
    problem = table(x, y)
    least = np.linalg.lstsq(problem.x_train, problem.y_train, rcond=None)[0]
    options = RunSettings(loss="mse", alpha=(1e-4,))
    for epoch in (0, 3, 12):
        assert Run(options, problem, least).to(epoch).says().kind is Kind.MINIMUM
    # at weights of ordinary size most of the loss is left to gain, however far the minimum is
    away = Run(options, problem, np.array([3.0, 3.0, 0.0])).to(4)
    assert away.says().kind in {Kind.DESCENDING, Kind.VALLEY}


def test_pure_noise_and_a_coin_are_at_their_minimum() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    x = rng.standard_normal((400, 3))
    noise = table(x, rng.standard_normal(400))
    least = np.linalg.lstsq(noise.x_train, noise.y_train, rcond=None)[0]
    assert Run(RunSettings(loss="mse"), noise, least).to(20).says().kind is Kind.MINIMUM
    coin = table(x, rng.integers(0, 2, 400).astype(np.int8), "binary", ("heads", "tails"))
    fit = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    fit.fit(coin.x_train[:, :-1], coin.y_train)
    least = np.append(fit.coef_[0], fit.intercept_)
    run = Run(RunSettings(loss="cross-entropy", alpha=(0.5,)), coin, least).to(200)
    assert run.says().kind is Kind.MINIMUM


def test_half_a_unit_from_a_minimum_far_away_is_not_there() -> None:
    run = Run(RunSettings("surface", surface="(x-1000)^2", alpha=(1e-3,)), start=np.array([1000.5]))
    for epoch in (0, 3, 10):
        assert run.to(epoch).says().kind not in {Kind.MINIMUM, Kind.NEARLY, Kind.PLATEAU}
    run.trainer.set_learning_rate(0.3)
    run.trainer.advance(60)
    assert run.says().kind is Kind.MINIMUM


def test_a_loss_that_can_still_fall_by_some_per_cent_is_no_minimum() -> None:
    """½·gᵀH⁻¹g in closed form: 5 % of the loss along the direction that curves least."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 2)) * [1.0, 40.0]
    problem = table(x, x @ [1.0, 0.1] + rng.standard_normal(200))
    matrix, y = problem.x_train, problem.y_train
    least = np.linalg.lstsq(matrix, y, rcond=None)[0]
    loss = np.mean((matrix @ least - y) ** 2)
    values, vectors = np.linalg.eigh(2 * matrix.T @ matrix / len(y))
    for share, kinds in (
        (0.05, {Kind.VALLEY, Kind.DESCENDING}),
        (0.001, {Kind.NEARLY}),
        (1e-8, {Kind.MINIMUM}),
    ):
        start = least + vectors[:, 0] * math.sqrt(2 * share * loss / values[0])
        run = Run(RunSettings(loss="mse", alpha=(1.0 / values[-1],)), problem, start).to(12)
        assert run.says().kind in kinds, share
        left = dict(run.says().numbers)["left to gain"]
        now = (run.trainer.loss[0] - loss) / run.trainer.loss[0]
        assert left == pytest.approx(now, rel=1e-3, abs=1e-9)


# schedules ---------------------------------------------------------------------------------


def test_the_schedule_counts_in_limit_and_verdict() -> None:
    run = Run(
        RunSettings("plane", loss="sse", alpha=(0.02,), seed=1, schedule="exponential:0.5")
    ).to(15)
    snapshot, measured = run.snapshot(), run.measured()
    x = run.problem.x_train
    limit = 4 / np.linalg.eigvalsh(2 * x.T @ x)[-1]  # descent follows half the gradient
    used = 0.02 * 0.5**15
    assert snapshot.learning_rate == pytest.approx(used)
    lane = snapshot.lane
    np.testing.assert_allclose(lane.weights - lane.next_weights, used * lane.gradient, rtol=1e-6)
    safe = safe_rate(lane, run.problem, run.settings, measured.curvature)
    assert safe.limit == pytest.approx(limit, rel=1e-6)
    evidence = evidence_of(snapshot, run.problem, run.settings, measured)
    assert evidence.ratio == pytest.approx(used / limit, rel=1e-6)
    assert evidence.last_rate == pytest.approx(0.02 * 0.5**14)


def test_a_schedule_that_went_down_is_not_above_the_limit() -> None:
    run = Run(RunSettings("plane", loss="sse", alpha=(0.06,), seed=1, schedule="step:5:0.01"))
    for epoch in (12, 20):
        verdict = run.to(epoch).says()
        assert "the largest safe value" not in verdict.line + verdict.why
        assert verdict.kind is not Kind.DIVERGING


@given(
    factor=st.floats(0.3, 1.3),
    rate=st.floats(0.01, 0.9),
    epoch=st.integers(1, 12),
)
@settings(max_examples=25, deadline=None)
def test_the_ratio_is_that_of_the_step_that_is_taken(factor, rate, epoch) -> None:
    options = RunSettings("line", loss="mse", alpha=(rate,), schedule=f"exponential:{factor}")
    run = Run(options).to(epoch)
    snapshot = run.snapshot()
    moved = np.linalg.norm(snapshot.lane.next_weights - snapshot.lane.weights)
    used = moved / snapshot.lane.gradient_norm
    x = run.problem.x_train
    limit = 2 / np.linalg.eigvalsh(2 * x.T @ x / len(x))[-1]
    evidence = evidence_of(snapshot, run.problem, options, run.measured())
    assert evidence.ratio == pytest.approx(used / limit, rel=1e-5)


# the limit in what is advised -------------------------------------------------------------------


def test_the_rescue_is_below_the_limit() -> None:
    run = Run(RunSettings("line", alpha=(60.0,), loss="mse", seed=1)).to(12)
    verdict = run.says()
    assert verdict.kind is Kind.DIVERGING
    x = run.problem.x_train
    limit = 2 / np.linalg.eigvalsh(2 * x.T @ x / len(x))[-1]
    assert verdict.tries[0].action == "rescue"
    goal, rate = verdict.tries[0].argument.split()
    assert 0.4 * limit < float(rate) <= 0.5 * limit < 6.0
    # the loss is least at the start
    assert int(goal) == 0
    assert verdict.tries[0].words == f"back to epoch 0 with α {rate}"


@given(st.floats(1e-12, 1e12), st.none() | st.floats(1e-12, 1e12))
def test_a_rescue_takes_a_tenth_or_half_of_the_limit(rate: float, limit: float | None) -> None:
    lower = rescue_rate(rate, limit)
    wanted = rate / 10 if limit is None else min(rate / 10, limit / 2)
    assert 0.9 * wanted <= lower <= wanted * (1 + 1e-9)
    assert float(f"{lower:.2g}") == lower


# stability ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "hidden", "seed", "alpha"),
    [
        ("moons", (4,), 1, 0.1),
        ("moons", (4,), 2, 0.1),
        ("moons", (4,), 1, 1.0),
        ("xor", (), 1, 0.1),
        ("xor", (), 2, 0.1),
        ("xor", (4,), 2, 0.1),
        ("circles", (), 2, 1.0),
        ("line", (4,), 2, 1.0),
        ("plane", (4,), 1, 1.0),
    ],
)
def test_a_verdict_does_not_change_from_step_to_step(
    problem: str, hidden: tuple[int, ...], seed: int, alpha: float
) -> None:
    # far too large steps: the loss goes up and down in leaps
    run = Run(RunSettings(problem, hidden=hidden, seed=seed, alpha=(alpha,)))
    kinds = [run.to(epoch).says().kind for epoch in range(3, 40)]
    stays = [1]
    for before, now in pairwise(kinds):
        if before is now:
            stays[-1] += 1
        else:
            stays.append(1)
    # the last may have only begun
    assert min(stays[:-1], default=3) >= 3, kinds


def test_the_same_epoch_gets_the_same_verdict_from_both_sides() -> None:
    run = Run(RunSettings("moons", hidden=(4,), seed=1, alpha=(0.1,)))
    up = [run.to(epoch).says().kind for epoch in range(20)]
    down = [run.to(epoch).says().kind for epoch in reversed(range(20))]
    assert up == down[::-1]


def test_a_verdict_looks_at_the_same_epochs_when_the_parent_lane_is_closed() -> None:
    run = Run(RunSettings(seed=1)).to(40)
    run.trainer.branch(0, 0.02)
    run.trainer.branch(1, loss="mse")
    run.trainer.advance(20)
    for closed, lane, begin in ((None, 1, 0), (None, 2, 40), (0, 1, 0), (1, 2, 40)):
        if closed is not None:
            run.trainer.close(run.trainer.position(closed))
        run.trainer.current = lane
        evidence = evidence_of(run.snapshot(), run.problem, run.settings, None)
        losses = run.trainer.losses(run.trainer.position(lane))[begin:]
        assert (evidence.first, evidence.train.tolist()) == (begin, losses.tolist())


def test_while_running_a_new_kind_is_shown_after_half_a_second() -> None:
    good = Verdict(Kind.DESCENDING, "Learning.", "")
    zigzag, up = replace(good, kind=Kind.ZIGZAG), replace(good, kind=Kind.DIVERGING)
    steady = Steady()

    def shown(verdict: Verdict, now: float, *, running: bool = True) -> Kind:
        return steady.show(verdict, running=running, now=now).kind

    assert shown(good, 0.0) is Kind.DESCENDING
    assert shown(zigzag, 0.1) is Kind.DESCENDING
    assert shown(zigzag, 0.5) is Kind.DESCENDING
    assert shown(up, 0.6) is Kind.DESCENDING  # another kind waits from its own beginning
    assert shown(zigzag, 0.7) is Kind.DESCENDING
    assert shown(zigzag, 1.1) is Kind.DESCENDING
    assert shown(zigzag, 1.21) is Kind.ZIGZAG
    assert shown(good, 1.3) is Kind.ZIGZAG
    assert shown(good, 1.31, running=False) is Kind.DESCENDING
    assert shown(replace(good, kind=Kind.DIVERGED), 1.32) is Kind.DIVERGED
    changed = replace(zigzag, kind=Kind.DIVERGED, text="other numbers")
    assert steady.show(changed, running=True, now=1.33).text == "other numbers"


# what is measured ----------------------------------------------------------------------------


def test_stuck_rows_are_those_that_are_sure_of_a_wrong_class() -> None:
    p = np.array([[0.9999, 0.0001], [0.0001, 0.9999], [0.6, 0.4], [1.0, 0.0]])
    assert stuck_share(p, np.array([0, 0, 1, 1])) == 2 / 4
    assert math.isnan(stuck_share(np.zeros((0, 2)), np.zeros(0)))


def test_many_weights_are_measured_whole_at_rest_and_quickly_while_running() -> None:
    run = Run(RunSettings("moons", hidden=(12,), samples=100, loss="mse", alpha=(0.1,))).to(30)
    assert run.trainer.model.parameters == 49
    engine = run.trainer.engines.make("mse")
    for state, exact in ((RunState.PAUSED, True), (RunState.RUNNING, False)):
        found = measure(run.snapshot(state), run.problem, run.predictor, engine)
        assert found.curvature.exact == exact
