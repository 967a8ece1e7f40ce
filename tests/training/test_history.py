"""The history, compared with a twin that always computes every lane alone from its start.

Equal always means equal bits.
"""

import copy
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.making import Floats, make_engine, make_problem
from tests.training.test_series import check_buckets
from tests.twin import LOSSES, ROWS, Twin
from tui_gd.training import history, series
from tui_gd.training.trainer import Trainer

RATES = [1e-4, 0.003, 0.02, 0.1, 0.5, 2.0]


def check(trainer: Trainer, twin: Twin) -> None:
    assert trainer.epoch == twin.epoch
    assert trainer.newest == max(len(lane.updates) for lane in twin.lanes)
    assert trainer.learning_rates.tolist() == [lane.shown(twin.epoch) for lane in twin.lanes]
    assert len(trainer.lanes) == len(twin.lanes)
    for lane, one in enumerate(twin.lanes):
        weights, loss, grad, losses, test_losses = twin.passes(lane)
        assert trainer.weights[lane].tobytes() == weights.tobytes()
        assert trainer.loss[lane : lane + 1].tobytes() == loss.tobytes()
        assert trainer.grad[lane].tobytes() == grad.tobytes()
        assert trainer.lanes[lane].recorded == len(one.updates)
        assert trainer.losses(lane).tolist() == losses
        assert trainer.test_losses(lane).tolist() == test_losses
        check_buckets(
            trainer.history.train_loss.windows([lane], 0, len(one.updates) + 1)[0], losses
        )


NUMBERS = st.integers(0, 4)
COMMANDS = st.one_of(
    st.tuples(st.just("advance"), st.integers(0, 5)),
    st.tuples(st.just("back"), st.integers(0, 5)),
    st.tuples(st.just("go_to"), st.integers(0, 12)),
    st.tuples(st.just("rate"), NUMBERS, st.sampled_from(RATES)),
    st.tuples(
        st.just("branch"),
        NUMBERS,
        st.none() | st.sampled_from(RATES),
        st.none() | st.sampled_from(["sgd", "momentum", "adam"]),
        st.none() | st.sampled_from(LOSSES),
    ),
    st.tuples(st.just("close"), NUMBERS),
    st.tuples(st.just("set start"), NUMBERS, st.tuples(*[st.floats(-3, 3)] * 3)),
    st.tuples(st.just("reset"), st.none() | st.integers(0, 3)),
    st.tuples(st.just("look_ahead")),
    st.tuples(st.just("take back")),
)


def carry_out(command: tuple, trainer: Trainer, twin: Twin) -> None:
    lanes = len(twin.lanes)
    match command:
        case ("advance", epochs):
            assert trainer.advance(epochs) == epochs
            twin.advance(epochs)
        case ("back", epochs):
            trainer.back(epochs)
            twin.go_back(max(0, twin.epoch - epochs))
        case ("go_to", epoch):
            if epoch > twin.epoch and any(lane.proposed is not None for lane in twin.lanes):
                return  # has its own test
            trainer.go_to(epoch)
            if epoch < twin.epoch:
                twin.go_back(epoch)
            else:
                twin.advance(epoch - twin.epoch)
        case ("rate", lane, rate):
            trainer.set_learning_rate(rate, lane % lanes)
            twin.set_learning_rate(rate, lane % lanes)
        case ("branch", lane, rate, *names):
            if lanes < 5:
                how = dict(zip(("optimizer", "loss"), names, strict=False))
                assert trainer.branch(lane % lanes, rate, **how) == lanes
                twin.branch(lane % lanes, rate, **how)
        case ("close", lane):
            trainer.close(lane % lanes)
            twin.close(lane % lanes)
        case ("set start", lane, weights):
            twin.checkpoint = trainer.checkpoint()
            trainer.reset(weights=weights, lane=lane % lanes)
            twin.reset(None, (lane % lanes, np.array(weights)))
        case ("reset", seed):
            twin.checkpoint = trainer.checkpoint()
            trainer.reset(seed)
            start = None if seed is None else np.random.default_rng(seed).standard_normal(3)
            twin.reset(start)
        case ("take back",):
            if twin.checkpoint is not None:
                now = trainer.checkpoint()
                trainer.restore(twin.checkpoint)
                twin.checkpoint = now
                twin.undo_reset()
        case ("look_ahead",):
            weights, loss = trainer.look_ahead()
            for lane in range(lanes):
                ahead = copy.deepcopy(twin)
                ahead.advance(1)
                following, loss_there, *_ = ahead.passes(lane)
                assert weights[lane].tobytes() == following.tobytes()
                assert loss[lane] == loss_there[0]


@pytest.fixture(params=["every epoch", "few keyframes"])
def budget(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Room for all keyframes, or for seven states of one lane, so that many are dropped."""
    if request.param == "few keyframes":
        monkeypatch.setattr(history, "Keyframes", partial(history.Keyframes, budget=7 * 3 * 8))
    monkeypatch.setattr(series, "BUCKETS", 4)
    return str(request.param)


@pytest.mark.usefixtures("budget")
@given(
    lanes=st.lists(st.sampled_from(RATES), min_size=1, max_size=3),
    commands=st.lists(COMMANDS, min_size=5, max_size=30),
)
@example(  # a rate is proposed, the epoch left and visited again
    lanes=[0.1],
    commands=[("advance", 9), ("back", 5), ("rate", 0, 0.5), ("back", 1), ("go_to", 4)],
)
@example(  # an optimizer with a state, started on a branch and passed from both sides
    lanes=[0.1],
    commands=[
        ("advance", 6),
        ("back", 2),
        ("branch", 0, None, "adam", "cross-entropy"),
        ("advance", 5),
        ("back", 7),
        ("advance", 4),
        ("branch", 1, None, "momentum", None),
        ("advance", 5),
        ("close", 1),
        ("go_to", 1),
        ("advance", 8),
    ],
)
@example(  # a branch before a change of its parent's rate
    lanes=[0.1],
    commands=[
        ("advance", 4),
        ("rate", 0, 0.5),
        ("advance", 4),
        ("back", 6),
        ("branch", 0, None),
        ("advance", 8),
    ],
)
@example(
    lanes=[0.1, 0.02],
    commands=[
        ("advance", 9),
        ("back", 5),
        ("branch", 0, 0.5),
        ("advance", 2),
        ("rate", 1, 0.003),
        ("advance", 9),
        ("go_to", 3),
        ("look_ahead",),
        ("advance", 9),
    ],
)
@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_way_through_a_run_gives_the_bits_of_the_direct_way(
    lanes: list[float], commands: list[tuple]
) -> None:
    start = np.random.default_rng(5).standard_normal(3)
    problem = make_problem(ROWS)
    trainer = Trainer(problem, learning_rates=lanes, initial_weights=start)
    twin = Twin(start, lanes)
    check(trainer, twin)
    for command in commands:
        carry_out(command, trainer, twin)
        check(trainer, twin)


def test_setting_a_rate_after_stepping_back_drops_later_epochs_only_on_going_on() -> None:
    trainer = Trainer(make_problem(ROWS), seed=1)
    trainer.advance(10)
    losses, weights = trainer.losses(), trainer.weights.copy()
    trainer.back(4)
    trainer.set_learning_rate(0.5)
    assert trainer.learning_rates.tolist() == [0.5]
    assert trainer.newest == 10
    assert trainer.losses().tolist() == losses.tolist()
    trainer.back(1)
    assert trainer.learning_rates.tolist() == [0.01]
    trainer.go_to(10)
    assert trainer.weights.tobytes() == weights.tobytes()
    assert trainer.losses().tolist() == losses.tolist()
    trainer.back(4)
    trainer.set_learning_rate(0.5)
    trainer.advance(1)
    assert trainer.newest == 7
    assert trainer.losses()[:7].tolist() == losses[:7].tolist()
    assert trainer.losses()[7] != losses[7]


@pytest.mark.usefixtures("budget")
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_visiting_a_recorded_epoch_drops_nothing(steps: int) -> None:
    """Not even with a proposed rate, however far apart keyframes are."""
    trainer = Trainer(make_problem(ROWS), seed=1)
    visited = [trainer.weights.copy()]
    for _ in range(64):
        trainer.advance()
        visited.append(trainer.weights.copy())
    for epoch in (24, 25, 31):
        trainer.go_to(epoch)
        trainer.set_learning_rate(0.5)
        trainer.go_to(epoch + steps)
        assert trainer.newest == 64
        assert trainer.weights.tobytes() == visited[epoch + steps].tobytes()


def test_entries_list_the_changes() -> None:
    trainer = Trainer(make_problem(ROWS), seed=1)
    trainer.advance(5)
    trainer.set_learning_rate(0.5)
    trainer.advance(3)
    trainer.branch(0, 0.25)
    trainer.advance(2)
    trainer.reset(8)
    entries = trainer.history.entries
    assert history.SetLearningRate(5, 0, 0.5) in entries
    assert history.Branch(8, 0, 1) in entries
    assert history.SetLearningRate(8, 1, 0.25) in entries
    assert entries[-1] == history.Reset(10, 8)


# 100,000 epochs --------------------------------------------------------------

MANY = 100_000
BUDGET = 100 * 3 * 8


@dataclass
class LongRun:
    trainer: Trainer
    visited: dict[int, Floats]
    losses: Floats


@pytest.fixture(scope="module")
def long_run() -> LongRun:
    problem = make_problem(ROWS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "Keyframes", partial(history.Keyframes, budget=BUDGET))
        trainer = Trainer(problem, learning_rates=[0.3], seed=6, test_losses=False)
    engine = make_engine(problem.x_train, problem.y_train)
    most = 0
    while trainer.epoch < MANY:
        trainer.advance(min(997, MANY - trainer.epoch))
        most = max(most, trainer.history.keyframes.nbytes)
    assert most <= BUDGET
    weights = np.random.default_rng(6).standard_normal((1, 3))
    wanted = {0, 1, 2, 63, 64, 1000, 1024, 50_001, 65_535, 65_536, 99_999, MANY}
    visited, losses = {}, np.empty(MANY + 1)
    for epoch in range(MANY + 1):
        if epoch in wanted:
            visited[epoch] = weights[0]
        loss, grad = engine.loss_and_grad(weights)
        losses[epoch] = loss[0]
        weights = weights - 0.3 * grad
    return LongRun(trainer, visited, losses)


def test_all_losses_of_a_long_run_are_complete(long_run: LongRun) -> None:
    assert long_run.trainer.losses().tobytes() == long_run.losses.tobytes()


def test_a_long_run_goes_to_any_epoch_with_the_same_bits(long_run: LongRun) -> None:
    epochs = np.random.default_rng(0).permutation(list(long_run.visited)).tolist()
    for epoch in [*epochs, MANY]:
        long_run.trainer.go_to(epoch)
        assert long_run.trainer.epoch == epoch
        assert long_run.trainer.newest == MANY
        assert long_run.trainer.weights[0].tobytes() == long_run.visited[epoch].tobytes()
        assert long_run.trainer.loss[0] == long_run.losses[epoch]
        assert long_run.trainer.history.keyframes.nbytes <= BUDGET


def test_a_branch_of_a_long_run_keeps_the_budget_and_the_bits(long_run: LongRun) -> None:
    trainer = long_run.trainer
    trainer.go_to(65_536)
    trainer.branch(0)
    trainer.branch(0, 0.1)
    assert trainer.history.keyframes.nbytes <= BUDGET
    trainer.advance(MANY - 65_536)
    assert trainer.history.keyframes.nbytes <= BUDGET
    for lane in range(2):
        assert trainer.weights[lane].tobytes() == long_run.visited[MANY].tobytes()
        assert trainer.losses(lane).tobytes() == long_run.losses.tobytes()
    assert trainer.losses(2)[: 65_536 + 1].tobytes() == long_run.losses[: 65_536 + 1].tobytes()
    trainer.go_to(50_001)
    for lane in range(3):
        assert trainer.weights[lane].tobytes() == long_run.visited[50_001].tobytes()


def test_branches_beyond_the_budget_keep_the_start_and_the_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When not even two states fit, epoch 0 remains and everything follows from it."""
    monkeypatch.setattr(history, "Keyframes", partial(history.Keyframes, budget=5 * 3 * 8))
    start = np.random.default_rng(5).standard_normal(3)
    trainer, twin = Trainer(make_problem(ROWS), initial_weights=start), Twin(start, [0.01])
    for lane in range(8):
        for command in (("advance", 5), ("back", 2)):
            carry_out(command, trainer, twin)
        assert trainer.branch(lane, 0.1) == lane + 1
        twin.branch(lane, 0.1)
        check(trainer, twin)
    for epoch in (3, 20, 0, 11):
        carry_out(("go_to", epoch), trainer, twin)
        check(trainer, twin)
