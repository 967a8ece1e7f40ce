"""The runner: commands in, consistent snapshots out, and how soon it stops."""

import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.making import Floats, make_engine, make_problem
from tui_gd.problems import Problem
from tui_gd.session.commands import (
    Branch,
    CheckGradient,
    Command,
    GoTo,
    Pause,
    Reset,
    Resume,
    SelectLane,
    SetLearningRate,
    SetPace,
    Step,
    StepBack,
    TakeCheckpoint,
)
from tui_gd.session.runner import Runner
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.training.trainer import Trainer

# seconds that a busy machine may need; a passing test never waits that long
PATIENCE = 60.0
ENDLESS = 10**9


def wait_for(condition: Callable[[], object], what: str = "") -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE} s in vain {what}"
        time.sleep(0.001)


class Driven:
    """Start a runner; at the end of the test it is stopped, whatever happened."""

    def __init__(self) -> None:
        self.runners: list[Runner] = []

    def __call__(
        self,
        problem: Problem | None = None,
        *commands: Command,
        epochs: int = ENDLESS,
        start: bool = True,
        **options: object,
    ) -> Runner:
        """Post `commands` before the thread starts: then they are taken in one go."""
        trainer = Trainer(problem or make_problem(50), seed=1, **options)  # type: ignore[arg-type]
        runner = Runner(trainer, epochs, seed=1)
        self.runners.append(runner)
        for command in commands:
            runner.post(command)
        if start:
            runner.start()
        return runner


@pytest.fixture
def driven() -> Iterator[Driven]:
    made = Driven()
    yield made
    for runner in made.runners:
        assert runner.stop(PATIENCE)


@pytest.fixture(scope="module")
def large() -> Problem:
    return make_problem(2_000_000)


@pytest.fixture(scope="module")
def medium() -> Problem:
    """Several blocks, some milliseconds a pass."""
    return make_problem(300_000)


def settled(runner: Runner, epoch: int, state: RunState = RunState.PAUSED) -> Snapshot:
    wait_for(lambda: runner.resting, f"for rest at epoch {epoch}")
    assert runner.snapshot.epoch == epoch
    assert runner.snapshot.state is state
    return runner.snapshot


def straight(problem: Problem, rates: list[float]) -> tuple[Floats, float]:
    """Weights and loss after updates with `rates`, by engine passes alone."""
    engine = make_engine(problem.x_train, problem.y_train)
    weights = np.random.default_rng(1).standard_normal((1, 3))
    loss, grad = engine.loss_and_grad(weights)
    for rate in rates:
        weights = weights - rate * grad
        loss, grad = engine.loss_and_grad(weights)
    return weights[0], float(loss[0])


# commands --------------------------------------------------------------------


def test_a_run_begins_paused_at_epoch_0(driven: Driven) -> None:
    runner = driven(epochs=100, start=False)
    first = runner.snapshot
    assert (first.state, first.epoch, first.epochs, first.newest) == (RunState.PAUSED, 0, 100, 0)
    assert first.seed == 1
    assert first.current == 0
    assert first.pace is None
    runner.start()
    weights, loss = straight(runner.trainer.problem, [])
    here = settled(runner, 0).lane
    assert here.weights.tobytes() == weights.tobytes()
    assert here.loss == loss
    assert (here.name, here.number, here.parent, here.recorded) == ("A", 0, None, 0)


def test_step_goes_so_many_epochs_forward_and_pauses(driven: Driven) -> None:
    runner = driven()
    runner.post(Step())
    settled(runner, 1)
    runner.post(Step(9))
    here = settled(runner, 10)
    weights, loss = straight(runner.trainer.problem, [0.01] * 10)
    assert here.lane.weights.tobytes() == weights.tobytes()
    assert here.lane.loss == loss
    assert here.newest == 10


def test_a_burst_of_steps_makes_as_many_epochs(driven: Driven) -> None:
    runner = driven()
    for _ in range(20):
        runner.post(Step(1))
    settled(runner, 20)
    time.sleep(0.02)
    assert runner.snapshot.epoch == 20


def test_step_back_and_go_to(driven: Driven) -> None:
    runner = driven()
    runner.post(Step(30))
    settled(runner, 30)
    for command, epoch in (
        (StepBack(), 29),
        (StepBack(10), 19),
        (GoTo(25), 25),
        (GoTo(3), 3),
        (GoTo(None), 30),
        (StepBack(99), 0),
        (GoTo(40), 40),
        (GoTo(40), 40),
    ):
        runner.post(command)
        here = settled(runner, epoch)
        weights, loss = straight(runner.trainer.problem, [0.01] * epoch)
        assert here.lane.weights.tobytes() == weights.tobytes()
        assert here.lane.loss == loss
        assert here.newest == max(30, epoch)


def test_resume_runs_to_the_last_epoch_wanted_and_then_as_many_again(driven: Driven) -> None:
    runner = driven(None, epochs=300)
    runner.post(Resume())
    here = settled(runner, 300, RunState.FINISHED)
    assert (
        here.lane.weights.tobytes() == straight(runner.trainer.problem, [0.01] * 300)[0].tobytes()
    )
    runner.post(Resume())
    settled(runner, 600, RunState.FINISHED)
    assert runner.snapshot.epochs == 600
    runner.post(StepBack(1))
    settled(runner, 599)


def test_pausing_while_running_flat_out_takes_effect(driven: Driven) -> None:
    runner = driven(None, Resume())
    for _ in range(5):
        before = runner.snapshot.epoch
        wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch > before)  # noqa: B023
        assert runner.snapshot.state is RunState.RUNNING
        runner.post(Pause())
        wait_for(lambda: runner.snapshot.state is RunState.PAUSED)
        epoch = runner.snapshot.epoch
        assert epoch > 0
        time.sleep(0.02)
        assert runner.snapshot.epoch == epoch
        runner.post(Resume())


def test_step_while_running_pauses(driven: Driven) -> None:
    runner = driven(None, Resume())
    time.sleep(0.02)
    runner.post(Step())
    wait_for(lambda: runner.resting)
    assert runner.snapshot.state is RunState.PAUSED
    epoch = runner.snapshot.epoch
    time.sleep(0.02)
    assert runner.snapshot.epoch == epoch


def test_learning_rate_branch_and_lanes(driven: Driven) -> None:
    runner = driven()
    runner.post(Step(3))
    settled(runner, 3)
    runner.post(SetLearningRate(0.5))
    wait_for(lambda: runner.snapshot.lane.learning_rate == 0.5)
    runner.post(Step(2))
    settled(runner, 5)
    runner.post(StepBack(1))
    settled(runner, 4)
    runner.post(Branch())
    wait_for(lambda: len(runner.snapshot.lanes) == 2)
    here = runner.snapshot
    assert here.current == 1
    assert (here.lane.name, here.lane.parent, here.lane.branched_at) == ("B", 0, 4)
    runner.post(SetLearningRate(0.125))
    runner.post(Step(3))
    here = settled(runner, 7)
    problem = runner.trainer.problem
    old, new = [0.01] * 3 + [0.5] * 4, [0.01] * 3 + [0.5, *[0.125] * 3]
    assert here.lanes[0].weights.tobytes() == straight(problem, old)[0].tobytes()
    assert here.lanes[1].weights.tobytes() == straight(problem, new)[0].tobytes()
    assert [lane.learning_rate for lane in here.lanes] == [0.5, 0.125]
    runner.post(SelectLane(0))
    wait_for(lambda: runner.snapshot.current == 0)
    assert runner.snapshot.lane is runner.snapshot.lanes[0]


def test_reset_goes_to_the_same_start_or_to_a_new_one(driven: Driven) -> None:
    runner = driven()
    runner.post(Step(5))
    settled(runner, 5)
    runner.post(Reset())
    here = settled(runner, 0)
    assert here.seed == 1
    assert here.newest == 0
    assert here.lane.weights.tobytes() == straight(runner.trainer.problem, [])[0].tobytes()
    runner.post(Reset(new_start=True))
    wait_for(lambda: runner.snapshot.seed != 1)
    here = settled(runner, 0)
    wanted = np.random.default_rng(here.seed).standard_normal(3)
    assert here.lane.weights.tobytes() == wanted.tobytes()


def test_pace_bounds_the_epochs_a_second(driven: Driven) -> None:
    begin = time.monotonic()
    runner = driven(None, SetPace(50.0), Resume())
    wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch >= 10)
    took = time.monotonic() - begin
    assert took >= 9 / 50 * 0.9
    assert runner.snapshot.pace == 50.0
    runner.post(SetPace(None))
    wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch > 2000)


def test_a_posted_command_is_carried_out_after_those_before_it(driven: Driven) -> None:
    """A step counts as carried out when its epochs are done, however fast the next command is."""
    runner = driven(None, Step(3), StepBack(1))
    settled(runner, 2)
    assert runner.snapshot.newest == 3


def test_a_rate_posted_between_steps_holds_from_there(driven: Driven) -> None:
    runner = driven(None, Step(3), SetLearningRate(0.5), Step(2))
    here = settled(runner, 5)
    wanted, _ = straight(runner.trainer.problem, [0.01] * 3 + [0.5] * 2)
    assert here.lane.weights.tobytes() == wanted.tobytes()


def test_a_branch_posted_after_steps_is_made_there(driven: Driven) -> None:
    runner = driven(None, Step(3), Branch())
    settled(runner, 3)
    assert len(runner.snapshot.lanes) == 2
    assert runner.snapshot.lane.branched_at == 3


def test_a_run_that_diverges_says_so_and_goes_on_with_a_lower_rate(driven: Driven) -> None:
    runner = driven(None, Resume(), learning_rates=[1e308], loss="cross-entropy")
    wait_for(lambda: runner.snapshot.state is RunState.DIVERGED)
    here = runner.snapshot
    assert here.lane.diverged == here.epoch
    assert np.isfinite(here.lane.weights).all()
    runner.post(SetLearningRate(0.01))
    runner.post(Step(5))
    assert settled(runner, here.epoch + 5).lane.diverged is None


class Slipping(deque):  # type: ignore[type-arg]
    """An inbox whose `append` lets the runner's thread take the command before it returns."""

    def append(self, command: object) -> None:
        super().append(command)
        end = time.monotonic() + 1
        while self and time.monotonic() < end:
            time.sleep(0.0005)


def test_a_command_taken_while_it_is_being_posted_leaves_no_interrupt(driven: Driven) -> None:
    """The threads may change over between any two lines of `post`; else training crawls on."""
    runner = driven(start=False)
    runner._inbox = Slipping()
    runner.start()
    runner.post(Resume())
    wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch > 100)
    runner.post(SetPace(None))
    epoch = runner.trainer.epoch
    wait_for(lambda: runner.trainer.epoch > epoch + 1000, "for training to go on")
    assert not runner.trainer.interrupt


# large data ------------------------------------------------------------------


class Blocks:
    """Counts the blocks of rows that a runner comes to; a pass over `large` has dozens.

    `late` are those that it came to when there was a command, or it was to stop.
    """

    def __init__(self, runner: Runner) -> None:
        self.done = self.late = 0
        engines = runner.trainer.engines
        look = engines.between_blocks

        def count() -> None:
            self.done += 1
            self.late += bool(runner._inbox) or runner._ending
            look()

        engines.between_blocks = count


# a command may come while the runner looks
AT_ONCE = 2


def test_stopping_in_mid_epoch_of_large_data_is_quick(driven: Driven, large: Problem) -> None:
    for wait in (0.0, 0.05, 0.13):
        runner = driven(large, Resume(), start=False)
        blocks = Blocks(runner)
        runner.start()
        time.sleep(wait)
        assert runner.stop(PATIENCE)
        assert blocks.late <= AT_ONCE
    whole = runner.trainer
    loss, grad = make_engine(large.x_train, large.y_train).loss_and_grad(whole.weights)
    assert whole.loss.tobytes() == loss.tobytes()
    assert whole.grad.tobytes() == grad.tobytes()


def test_pausing_in_mid_epoch_of_large_data_is_quick(driven: Driven, large: Problem) -> None:
    runner = driven(large, Resume(), start=False)
    blocks = Blocks(runner)
    runner.start()
    wait_for(lambda: blocks.done > 10)
    runner.post(Pause())
    wait_for(lambda: runner.snapshot.state is RunState.PAUSED)
    assert blocks.late <= AT_ONCE
    epoch = runner.snapshot.epoch
    time.sleep(0.1)
    assert runner.snapshot.epoch == epoch


def test_ten_steps_posted_while_a_pass_is_under_way_are_all_done(
    driven: Driven, medium: Problem
) -> None:
    runner = driven(medium, Step())
    for _ in range(10):
        runner.post(Step())
        time.sleep(0.0013)
    here = settled(runner, 11)
    assert here.lane.weights.tobytes() == straight(medium, [0.01] * 11)[0].tobytes()


def test_many_steps_back_during_passes_over_large_data_are_all_done(
    driven: Driven, medium: Problem
) -> None:
    runner = driven(medium, Step(12), learning_rates=[1e-5])
    settled(runner, 12)
    for _ in range(6):
        runner.post(StepBack())
        time.sleep(0.0013)
    here = settled(runner, 6)
    assert here.lane.weights.tobytes() == straight(medium, [1e-5] * 6)[0].tobytes()


@pytest.mark.parametrize("command", [StepBack(3), GoTo(2), Reset(), Reset(new_start=True)])
def test_a_command_during_another_ones_pass_leaves_the_runner_alive(
    driven: Driven, medium: Problem, command: Command
) -> None:
    runner = driven(medium, Step(8), learning_rates=[1e-5])
    settled(runner, 8)
    for delay in (0.0005, 0.001, 0.002, 0.004):
        runner.post(command)
        time.sleep(delay)
        runner.post(Pause())
        time.sleep(delay)
        runner.post(Step(2))
    runner.post(GoTo(5))
    settled(runner, 5)
    seed = runner.snapshot.seed
    weights = np.random.default_rng(seed).standard_normal((1, 3))
    engine = make_engine(medium.x_train, medium.y_train)
    for _ in range(5):
        weights = weights - 1e-5 * engine.loss_and_grad(weights)[1]
    assert runner.snapshot.lane.weights.tobytes() == weights[0].tobytes()


def test_a_rate_set_in_mid_epoch_of_large_data_holds_from_the_next_update(
    driven: Driven, large: Problem
) -> None:
    runner = driven(large, Resume(), learning_rates=[1e-6])
    wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch >= 1)
    runner.post(SetLearningRate(3e-7))
    wait_for(lambda: runner.snapshot.lane.learning_rate == 3e-7)
    epoch = runner.snapshot.epoch
    wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch >= epoch + 3)
    runner.post(Pause())
    wait_for(lambda: runner.snapshot.state is RunState.PAUSED)
    assert runner.stop(PATIENCE)
    (first, old), (changed, new) = runner.trainer.lanes[0].rates
    assert (first, old, new) == (0, 1e-6, 3e-7)
    # epoch `changed` was done with the old rate; it is the one in progress or the one shown
    assert changed in {epoch, epoch + 1}
    assert runner.trainer.epoch > changed


def test_a_rate_set_just_before_a_pause_holds_at_once(driven: Driven, large: Problem) -> None:
    """The pass in progress is given up, so that the next update is the one it was set for."""
    runner = driven(large, Resume(), learning_rates=[1e-6])
    wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch >= 1)
    runner.post(SetLearningRate(3e-7))
    runner.post(Pause())
    wait_for(lambda: runner.snapshot.state is RunState.PAUSED)
    assert runner.snapshot.lane.learning_rate == 3e-7


# snapshots -------------------------------------------------------------------


class Inspector:
    """Recomputes everything in a snapshot from its weights; bit for bit."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.train = make_engine(problem.x_train, problem.y_train)
        self.test = make_engine(problem.x_test, problem.y_test)

    def check(self, shot: Snapshot) -> None:
        for lane in shot.lanes:
            loss, grad = self.train.loss_and_grad(lane.weights[None])
            assert lane.loss == loss[0]
            assert lane.gradient.tobytes() == grad[0].tobytes()
            assert lane.gradient_norm == pytest.approx(np.linalg.norm(grad[0]), rel=1e-12)
            assert lane.train.stop == lane.recorded + 1
            if lane.recorded == shot.epoch:
                assert lane.train.low[-1] <= lane.loss <= lane.train.high[-1]
            if math.isfinite(lane.test_loss):
                assert lane.test_loss == self.test.loss(lane.weights[None])[0]
            if math.isfinite(lane.next_loss):
                following = lane.weights - lane.learning_rate * grad[0]
                assert lane.next_weights.tobytes() == following.tobytes()
                assert lane.next_loss == self.train.loss(following[None])[0]
        assert shot.newest == max(lane.recorded for lane in shot.lanes)
        for lane in shot.lanes:
            hits = (self.problem.x_test @ lane.weights > 0) == self.problem.y_test
            assert lane.accuracy == pytest.approx(hits.mean())


@pytest.mark.parametrize("rows", [50, 60_000])
def test_everything_in_a_snapshot_belongs_to_its_weights(driven: Driven, rows: int) -> None:
    problem = make_problem(rows, test_rows=40)
    inspector = Inspector(problem)
    runner = driven(problem, Resume())
    shots: list[Snapshot] = []
    runner.changed = lambda: shots.append(runner.snapshot)
    commands = [
        SetLearningRate(0.02),
        Pause(),
        Resume(),
        SetLearningRate(0.001),
        Branch(),
        SetLearningRate(0.03),
        StepBack(3),
        SetLearningRate(0.002),
        Resume(),
        Pause(),
        SetLearningRate(0.004),
        Step(2),
        StepBack(2),
        SetLearningRate(0.005),
        Resume(),
        SelectLane(0),
        SetLearningRate(0.006),
        Reset(),
        SetLearningRate(0.007),
        Resume(),
    ]
    checked: dict[int, Snapshot] = {}
    end = time.monotonic() + PATIENCE
    for number, command in enumerate(itertools.cycle(commands)):
        if number % len(commands) == 0:
            checked = {id(shot): shot for shot in shots}
            enough = len(checked) > 40 and len({shot.epoch for shot in checked.values()}) > 10
            if number >= 3 * len(commands) and (enough or time.monotonic() > end):
                break
        runner.want_snapshot()
        time.sleep((0.0004, 0.003, 0.012)[number % 3])
        shots.append(runner.snapshot)
        if not (isinstance(command, Branch) and len(runner.snapshot.lanes) > 2):
            runner.post(command)
    assert runner.stop(PATIENCE)
    assert runner.failure is None
    assert len(checked) > 40
    assert len({shot.epoch for shot in checked.values()}) > 10
    for shot in checked.values():
        inspector.check(shot)


def test_a_snapshot_does_not_change_afterwards(driven: Driven) -> None:
    runner = driven(None, Step(5))
    shot = settled(runner, 5)
    kept = shot.lane.weights.copy(), shot.lane.gradient.copy(), shot.lane.train.low.copy()
    runner.post(Resume())
    wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch > 2000)
    assert shot.lane.weights.tobytes() == kept[0].tobytes()
    assert shot.lane.gradient.tobytes() == kept[1].tobytes()
    assert shot.lane.train.low.tobytes() == kept[2].tobytes()


def test_test_losses_left_out_by_a_pause_are_made_up_at_rest(driven: Driven) -> None:
    problem = make_problem(50, test_rows=200_000)
    runner = driven(problem, Resume())
    for _ in range(10):
        time.sleep(0.005)
        runner.post(Pause())
        runner.post(Resume())
    runner.post(Pause())
    wait_for(lambda: runner.resting)
    assert runner.snapshot.state is RunState.PAUSED
    assert runner.stop(PATIENCE)
    trainer = runner.trainer
    assert not trainer.pending_tests
    losses = trainer.test_losses()
    assert np.isfinite(losses).all()
    assert losses[-1] == make_engine(problem.x_test, problem.y_test).loss(trainer.weights)[0]


# frames and failures ---------------------------------------------------------


def watched(runner: Runner) -> Callable[[], int]:
    """Return a function: it waits until training waits for the interface, and returns the epoch."""
    given_way, give_way = threading.Event(), runner._give_way

    def told() -> None:
        given_way.set()
        give_way()

    def held() -> int:
        assert given_way.wait(PATIENCE)
        return runner.trainer.epoch

    runner._give_way = told  # type: ignore[method-assign]
    return held


def test_training_waits_while_a_frame_is_drawn_and_not_forever(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = driven(None, Resume())
    held = watched(runner)
    with monkeypatch.context() as patched:
        patched.setattr("tui_gd.session.runner.FRAME_SECONDS", PATIENCE)
        wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch > 100)
        runner.begin_frame()
        before = held()
        time.sleep(0.05)
        assert runner.waits
        assert runner.trainer.epoch == before
        runner.end_frame()
        wait_for(lambda: runner.trainer.epoch > before)
    runner.begin_frame()
    wait_for(lambda: runner.trainer.epoch > before + 1)
    runner.end_frame()


def test_training_waits_for_the_command_of_a_key_until_its_frame_has_ended(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = driven(None, Resume())
    held = watched(runner)
    with monkeypatch.context() as patched:
        patched.setattr("tui_gd.session.runner.KEY_SECONDS", PATIENCE)
        wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch > 100)
        runner.begin_frame()
        runner.expect_command()
        before = held()
        runner.end_frame()  # begun before the key: training still waits for the key's command
        assert runner.waits
        runner.post(SetLearningRate(0.003))
        wait_for(lambda: runner.snapshot.lanes[0].learning_rate == 0.003)
        assert runner.trainer.epoch == before
        runner.begin_frame()
        runner.end_frame()
        assert not runner.waits
        wait_for(lambda: runner.trainer.epoch > before)
    runner.expect_command()  # a key that leads to no command
    wait_for(lambda: runner.trainer.epoch > before + 1)


def test_a_step_that_was_asked_for_does_not_wait_for_the_next_key(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui_gd.session.runner.KEY_SECONDS", PATIENCE)
    runner = driven()
    runner.expect_command()
    runner.post(Step(3))
    wait_for(lambda: runner.resting and runner.snapshot.epoch == 3)


def test_an_error_in_the_thread_is_the_state_failed(driven: Driven) -> None:
    runner = driven()
    settled(runner, 0)
    told = threading.Event()
    runner.changed = told.set

    def fail(*_: object, **__: object) -> None:
        raise MemoryError("no room for the weights")

    runner.trainer.advance = fail  # type: ignore[method-assign,assignment]
    runner.post(Resume())
    wait_for(lambda: runner.failure)
    wait_for(lambda: runner.snapshot.state is RunState.FAILED)
    assert isinstance(runner.failure, MemoryError)
    assert "no room for the weights" in runner.snapshot.notice
    assert told.wait(PATIENCE)
    wait_for(lambda: not runner._thread.is_alive())
    assert runner.stop()


def test_a_command_that_cannot_be_carried_out_is_the_state_failed(driven: Driven) -> None:
    runner = driven(None, Branch(optimizer="none"))
    wait_for(lambda: runner.failure)
    wait_for(lambda: not runner._thread.is_alive())
    assert isinstance(runner.failure, ValueError)


def test_stop_before_start_and_twice(driven: Driven) -> None:
    runner = driven(start=False)
    assert runner.stop()
    assert runner.stop()


# checkpoints -----------------------------------------------------------------


def test_a_checkpoint_holds_the_run_as_it_is_after_the_steps_before(driven: Driven) -> None:
    runner = driven(None, Step(7))
    found = runner.checkpoint(PATIENCE)
    assert found is not None
    assert found.epoch == 7
    other = Trainer(make_problem(50), seed=1)
    other.restore(found)
    weights, loss = straight(other.problem, [0.01] * 7)
    assert other.weights[0].tobytes() == weights.tobytes()
    assert other.loss[0] == loss


@pytest.mark.parametrize("under_way", [Resume(), GoTo(10**12)])
def test_a_run_or_a_seek_goes_on_after_a_checkpoint(driven: Driven, under_way: Command) -> None:
    runner = driven(None, under_way)
    wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch > 10)
    found = runner.checkpoint(PATIENCE)
    assert found is not None
    assert found.epoch > 10
    wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch > found.epoch)
    assert runner.snapshot.state is RunState.RUNNING


def test_a_checkpoint_comes_in_mid_epoch_of_large_data(driven: Driven, large: Problem) -> None:
    runner = driven(large, Resume(), start=False)
    blocks = Blocks(runner)
    runner.start()
    wait_for(lambda: blocks.done > 10)
    assert runner.checkpoint(PATIENCE) is not None
    assert blocks.late <= AT_ONCE


def test_the_recorder_is_offered_the_run_before_a_checkpoint_is_taken() -> None:
    class Offered:
        epochs: list[int] = []  # noqa: RUF012

        def take(self, trainer: Trainer, _state: str, _seed: int, _goal: int) -> None:
            self.epochs.append(trainer.epoch)

    runner = Runner(Trainer(make_problem(50), seed=1), ENDLESS, record=Offered().take)
    runner.start()
    runner.post(Resume())
    wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch > 10)
    found = runner.checkpoint(PATIENCE)
    assert found is not None
    assert found.epoch in Offered.epochs
    assert runner.stop(PATIENCE)


def test_a_checkpoint_is_none_from_a_runner_that_has_ended_or_is_late(driven: Driven) -> None:
    runner = driven(start=False)
    assert runner.checkpoint(0.01) is None
    runner.start()
    settled(runner, 0)
    assert runner.stop(PATIENCE)
    assert runner.checkpoint(PATIENCE) is None  # at once: a test that waits here fails
    failing = driven(None, Branch(optimizer="none"), TakeCheckpoint(), start=False)
    answer = failing._inbox[1].answer  # type: ignore[union-attr]
    failing.start()
    wait_for(answer.cancelled)


# the gradient against differences ---------------------------------------------


def test_the_gradient_is_held_against_differences_at_rest_when_wanted(driven: Driven) -> None:
    runner = driven(None, Step(3))
    assert settled(runner, 3).lane.numeric is None
    runner.post(CheckGradient(wanted=True))
    wait_for(lambda: runner.snapshot.lane.numeric is not None)
    here = runner.snapshot.lane
    engine, step, found = make_engine(*_rows(runner)), 1e-5, []
    for move in np.eye(3) * step:
        up, down = (engine.loss((here.weights + sign * move)[None])[0] for sign in (1, -1))
        found.append((up - down) / (2 * step) / 2)  # descent follows half the gradient of sse
    np.testing.assert_allclose(here.numeric, found, rtol=1e-7)
    np.testing.assert_allclose(here.numeric, here.gradient, rtol=1e-6)
    runner.post(Step())
    wait_for(lambda: runner.snapshot.epoch == 4 and runner.snapshot.lane.numeric is not None)
    np.testing.assert_allclose(runner.snapshot.lane.numeric, runner.snapshot.lane.gradient, 1e-6)
    runner.post(CheckGradient(wanted=False))
    wait_for(lambda: runner.snapshot.lane.numeric is None)


def _rows(runner: Runner) -> tuple[Floats, Floats]:
    problem = runner.trainer.problem
    return problem.x_train, problem.y_train


def test_going_to_a_far_epoch_is_running_and_any_command_calls_it_off(driven: Driven) -> None:
    for command in (Pause(), StepBack(1), Branch(), SetLearningRate(0.02)):
        runner = driven(None, GoTo(10**12))
        wait_for(lambda: runner.want_snapshot() or runner.snapshot.epoch > 10)  # noqa: B023
        assert runner.snapshot.state is RunState.RUNNING
        runner.post(command)
        wait_for(lambda: runner.snapshot.state is RunState.PAUSED)  # noqa: B023
        epoch = runner.snapshot.epoch
        time.sleep(0.02)
        assert runner.snapshot.epoch == epoch


class Late(deque[Command]):
    """An inbox that gets a command just after the runner has found it empty."""

    runner: Runner | None = None

    def __len__(self) -> int:
        found = super().__len__()
        if self.runner is not None:
            runner, self.runner = self.runner, None
            runner.post(Pause())
        return found


def test_a_command_that_comes_while_a_frame_ends_interrupts_the_epoch(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = driven(start=False)
    runner._carry_out(Resume())
    runner.begin_frame()
    monkeypatch.setattr(runner, "_give_way", lambda: None)  # the frame is over just now
    inbox = Late()
    monkeypatch.setattr(runner, "_inbox", inbox)
    seen: list[bool] = []

    def advance(epochs: int) -> int:
        seen.append(runner.trainer.interrupt)
        return epochs

    monkeypatch.setattr(runner.trainer, "advance", advance)
    inbox.runner = runner
    runner._train()
    assert list(inbox) == [Pause()]
    assert seen == [True]


def test_a_wanted_snapshot_waits_for_the_frame_and_for_a_command(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = driven(start=False)
    runner._carry_out(Resume())
    told: list[Snapshot] = []
    in_frame: list[Snapshot] = []
    before = runner.snapshot

    def advance(epochs: int) -> int:
        runner.want_snapshot()
        runner.begin_frame()
        return epochs

    def give_way() -> None:
        in_frame.append(runner.snapshot)
        runner.end_frame()

    monkeypatch.setattr(runner.trainer, "advance", advance)
    monkeypatch.setattr(runner, "_give_way", give_way)
    runner._train()
    assert in_frame == [before]
    after = runner.snapshot
    assert after is not before

    monkeypatch.setattr(
        runner.trainer, "advance", lambda _: runner.post(SetLearningRate(0.25)) or 1
    )
    runner.changed = lambda: told.append(runner.snapshot)
    runner.want_snapshot()
    runner._train()
    assert runner.snapshot is after
    runner._turn()
    assert [shot.lanes[0].learning_rate for shot in told] == [0.25]


@pytest.mark.parametrize(("seconds", "wanted"), [(0.7, ["told"]), (1.5, ["recorded", "told"])])
def test_while_the_run_goes_on_the_answer_to_a_key_comes_before_the_recorder(
    seconds: float, wanted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    trainer = Trainer(make_problem(50), seed=1)
    runner = Runner(trainer, ENDLESS, record=lambda *_: seen.append("recorded"))
    runner._carry_out(Resume())
    runner.changed = lambda: seen.append("told")
    monkeypatch.setattr("tui_gd.session.runner.time.perf_counter", lambda: 100.0 + seconds)
    runner._recorded_at = 100.0
    runner.post(SetLearningRate(0.25))
    monkeypatch.setattr(trainer, "advance", lambda _: runner.post(Pause()) or 1)
    runner._turn()
    assert seen == wanted
    runner._inbox.clear()
    monkeypatch.setattr(trainer, "advance", lambda _: 1)
    runner._train()  # no key comes during this burst
    assert seen.count("recorded") == 1


def test_another_thread_waits_for_the_frame_as_training_does(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui_gd.session.runner.FRAME_SECONDS", PATIENCE)
    runner, seen = driven(start=False), list[str]()
    runner.let_interface_go_first()  # no frame, no wait
    glances: list[float] = []

    def glance(seconds: float) -> None:
        glances.append(seconds)
        if len(glances) == 3:
            seen.append("drawn")
            runner.end_frame()

    runner.begin_frame()
    monkeypatch.setattr("tui_gd.session.runner.time.sleep", glance)
    runner.let_interface_go_first()
    seen.append("went on")
    assert seen == ["drawn", "went on"]
    assert len(glances) == 3
