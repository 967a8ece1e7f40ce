"""Races, branches and steps back in any order: no epoch that was there ever changes a bit."""

import threading

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.making import make_problem
from tests.session.test_runner import PATIENCE, wait_for
from tests.training.test_bounded_run import small
from tests.twin import LOSSES, ROWS, Twin
from tui_gd.insight.race import RaceResult, race, rates_around
from tui_gd.problems import Problem
from tui_gd.session.commands import (
    Branch,
    CloseLane,
    Command,
    GoTo,
    Mark,
    Pause,
    Resume,
    SelectLane,
    SetLearningRate,
    SetStart,
    Step,
    StepBack,
)
from tui_gd.session.runner import Runner
from tui_gd.session.snapshot import Snapshot
from tui_gd.training.trainer import Trainer

RACE_EPOCHS = 30
RATES = st.sampled_from([1e-3, 0.02, 0.1, 0.5])
NUMBERS = st.integers(0, 4)
KEYS = st.one_of(
    st.tuples(st.just("step"), st.integers(1, 12)),
    st.tuples(st.just("back"), st.integers(1, 12)),
    st.tuples(st.just("go to"), st.integers(0, 20)),
    st.tuples(st.just("rate"), RATES),
    st.tuples(st.just("run a while")),
    st.tuples(st.just("race")),
    st.tuples(st.just("mark")),
    st.tuples(
        st.just("branch"),
        st.none() | st.sampled_from(["momentum", "adam"]),
        st.none() | st.sampled_from(LOSSES),
    ),
    st.tuples(st.just("select"), NUMBERS),
    st.tuples(st.just("close"), NUMBERS),
    st.tuples(st.just("set start"), st.tuples(*[st.floats(-3, 3)] * 3)),
)
FAR_KEYS = st.one_of(KEYS, st.tuples(st.just("step"), st.integers(10, 40)))


class Bench:
    """A runner, its twin, and the races that were begun."""

    def __init__(self, keep_epochs: int | None = None) -> None:
        self.problem = make_problem(ROWS)
        start = np.random.default_rng(5).standard_normal(3)
        trainer = Trainer(self.problem, initial_weights=start, keep_epochs=keep_epochs)
        trainer.record_norms()
        self.runner = Runner(trainer, 10**6, pace=300.0)
        self.twin = Twin(start, [0.01])
        self.current = 0
        self.races: list[tuple[threading.Thread, list[RaceResult], np.ndarray]] = []
        self.runner.start()

    def rest(self) -> Snapshot:
        """Wait until every command is carried out and the run is at rest."""
        runner = self.runner
        wait_for(lambda: runner.failure or runner.resting)
        assert runner.failure is None
        return runner.snapshot

    def post(self, *commands: Command) -> Snapshot:
        done = threading.Event()
        self.runner.changed = done.set
        for command in commands:
            self.runner.post(command)
        wait_for(done.is_set)
        return self.rest()

    def press(self, key: tuple) -> None:
        twin, lanes = self.twin, len(self.twin.lanes)
        match key:
            case ("step", epochs):
                goal = twin.epoch + epochs
                self.post(Step(epochs))
                wait_for(lambda: self.runner.snapshot.epoch == goal)
                twin.advance(epochs)
            case ("back", epochs):
                self.post(StepBack(epochs))
                twin.go_back(max(0, twin.epoch - epochs))
            case ("go to", epoch):
                if epoch > twin.epoch and any(lane.proposed is not None for lane in twin.lanes):
                    return  # on record, so that it is not gone on from a rate that was tried out
                self.post(GoTo(epoch))
                wait_for(lambda: self.runner.snapshot.epoch == epoch)
                if epoch < twin.epoch:
                    twin.go_back(epoch)
                else:
                    twin.advance(epoch - twin.epoch)
            case ("rate", rate):
                self.post(SetLearningRate(rate))
                twin.set_learning_rate(rate, self.current)
            case ("run a while",):
                begin = twin.epoch
                self.runner.post(Resume())
                wait_for(lambda: self.runner.trainer.epoch > begin)
                twin.advance(self.post(Pause()).epoch - begin)
            case ("race",):
                self.race()
            case ("mark",):
                self.post(Mark())
            case ("branch", optimizer, loss):
                if lanes < 5:
                    self.post(Branch(optimizer, loss))
                    twin.branch(self.current, None, optimizer, loss)
                    self.current = lanes
            case ("select", lane):
                self.current = lane % lanes
                self.post(SelectLane(self.runner.snapshot.lanes[self.current].number))
            case ("close", lane):
                chosen = lane % lanes
                self.post(CloseLane(self.runner.snapshot.lanes[chosen].number))
                twin.close(chosen)
                if lanes > 1 and (chosen < self.current or self.current == lanes - 1):
                    self.current -= chosen <= self.current
            case ("set start", weights):
                self.post(SetStart(weights))
                twin.reset(None, (self.current, np.array(weights)))

    def race(self) -> None:
        """Begin a race of 64 rates from here; it goes on beside what is done next."""
        weights = self.runner.snapshot.lane.weights
        found: list[RaceResult] = []
        thread = threading.Thread(target=lambda: found.append(raced(self.problem, weights)))
        thread.start()
        self.races.append((thread, found, weights))

    def check(self) -> None:
        shot = self.rest()
        assert shot.epoch == self.twin.epoch
        assert len(shot.lanes) == len(self.twin.lanes)
        for position, lane in enumerate(shot.lanes):
            weights, loss, grad, losses, _ = self.twin.passes(position)
            assert lane.weights.tobytes() == weights.tobytes()
            assert lane.loss == loss[0]
            assert lane.gradient.tobytes() == grad.tobytes()
            shown = lane.train.low  # so few that each has its own bucket
            known = np.flatnonzero(np.isfinite(shown))
            assert len(shown) == len(losses)
            assert shown[known].tolist() == [losses[epoch] for epoch in known]
            assert known.tolist()[-1:] == [len(losses) - 1] or lane.train.dense_from > lane.recorded
            if not lane.train.dense_from:
                assert len(known) == len(losses)
            wanted = self.twin.lanes[position].update_at(shot.epoch)
            assert (lane.optimizer.name, lane.loss_name) == (wanted.optimizer, wanted.loss)

    def end(self) -> None:
        for thread, found, weights in self.races:
            thread.join()
            alone = raced(self.problem, weights)
            assert found[0].train.tobytes() == alone.train.tobytes()
        assert self.runner.stop(PATIENCE)


def raced(problem: Problem, weights: np.ndarray) -> RaceResult:
    rates = rates_around(0.01, 64, 3.0).tolist()
    trainer = Trainer(problem, learning_rates=rates, initial_weights=weights, test_losses=False)
    return race(trainer, RACE_EPOCHS)


def press_all(bench: Bench, keys: list[tuple]) -> None:
    try:
        for key in keys:
            bench.press(key)
            bench.check()
    finally:
        bench.end()


@given(keys=st.lists(KEYS, min_size=4, max_size=15))
@settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
def test_whatever_is_pressed_every_epoch_has_the_bits_of_the_naive_twin(keys: list[tuple]) -> None:
    press_all(Bench(), keys)


@given(keys=st.lists(FAR_KEYS, min_size=4, max_size=12))
@settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
def test_every_epoch_of_a_bounded_record_has_the_bits_of_the_twin(keys: list[tuple]) -> None:
    with small():
        press_all(Bench(keep_epochs=4), keys)
