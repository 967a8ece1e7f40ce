"""Bursts: how long they are, where they end, and that they change nothing in the training."""

import numpy as np
import pytest

from tests.making import make_problem
from tui_gd.problems import load_problem
from tui_gd.training import bursts
from tui_gd.training.bursts import Bursts, Every, SideBySide
from tui_gd.training.evaluation import StopRules
from tui_gd.training.trainer import Trainer


class Clock:
    """A clock that stands still but for what is added to it."""

    def __init__(self) -> None:
        self.now = 0.0

    def thread_time(self) -> float:
        return self.now

    perf_counter = thread_time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(bursts, "time", made)
    return made


class Slow:
    """A trainer whose every epoch takes `seconds` of a clock."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds
        self.epoch, self.stopped = 0, ""
        self.diverged = np.zeros(1, bool)
        self.asked: list[int] = []

    def advance(self, epochs: int) -> int:
        self.asked.append(epochs)
        self.clock.now += self.seconds * epochs
        self.epoch += epochs
        return epochs


def test_bursts_double_until_they_take_as_long_as_they_may(clock: Clock) -> None:
    trainer = Slow(clock, 0.003)
    assert list(Bursts(trainer, 0.1).to(100)) == [1, 3, 7, 15, 31, 63, 96, 100]
    assert trainer.asked == [1, 2, 4, 8, 16, 32, 33, 4]  # 0.1 s are 33 epochs


def test_bursts_become_shorter_when_epochs_take_longer(clock: Clock) -> None:
    trainer = Slow(clock, 0.001)
    made = Bursts(trainer, 0.008)
    for _ in range(5):
        made.once(1000)
    trainer.seconds = 0.004
    for _ in range(2):
        made.once(1000)
    assert trainer.asked == [1, 2, 4, 8, 8, 8, 2]


def test_a_burst_has_no_more_epochs_than_are_allowed(clock: Clock) -> None:
    trainer = Slow(clock, 1e-6)
    made = Bursts(trainer, 1.0, longest=16)
    for _ in range(7):
        made.once(1000)
    assert made.once(1000, most=3) == 3
    assert trainer.asked == [1, 2, 4, 8, 16, 16, 16, 3]


def test_bursts_end_when_they_are_not_wanted_any_more(clock: Clock) -> None:
    trainer = Slow(clock, 0.01)
    assert list(Bursts(trainer, 0.01).to(100, lambda: trainer.epoch < 5)) == [1, 2, 3, 4, 5]


def test_bursts_lead_where_single_epochs_lead() -> None:
    one, many = (Trainer(make_problem(50), seed=1) for _ in range(2))
    for _ in range(300):
        one.advance()
    assert list(Bursts(many, 0.001).to(300))[-1] == 300
    assert many.weights.tobytes() == one.weights.tobytes()


def test_bursts_end_with_a_stop_rule_or_a_divergence() -> None:
    rule = StopRules(target_loss=10.0)
    stopping = Trainer(load_problem("blobs"), seed=1, stop=rule)
    ended = list(Bursts(stopping, 0.001).to(10**6))[-1]
    assert stopping.stopped
    assert ended == stopping.epoch < 10**6
    assert stopping.losses()[ended] <= rule.target_loss < stopping.losses()[ended - 1]
    diverging = Trainer(make_problem(50), seed=1, learning_rates=[1e308], loss="cross-entropy")
    assert list(Bursts(diverging, 0.001).to(10**6))[-1] == diverging.epoch < 10**6
    assert diverging.diverged.all()


def test_bursts_go_on_past_stops_if_they_are_to() -> None:
    for target in (10.0, 1e9):  # reached on the way, and at the start
        rule = StopRules(target_loss=target)
        free, stopping = (Trainer(load_problem("blobs"), seed=1, stop=one) for one in (None, rule))
        free.advance(200)
        assert list(Bursts(stopping, 0.001).to(200, past_stops=True))[-1] == 200
        assert stopping.weights.tobytes() == free.weights.tobytes()


def test_every_so_many_seconds_it_is_time(clock: Clock) -> None:
    due = Every(0.5)
    seen = []
    for now in (0.1, 0.4, 0.5, 0.6, 0.9, 1.1, 1.2, 5.0, 5.1):
        clock.now = now
        seen.append(due())
    assert seen == [False, False, True, False, False, True, False, True, False]


def test_runs_side_by_side_keep_what_one_would_and_go_back_with_the_same_bits() -> None:
    def trainers() -> list[Trainer]:
        problems = [make_problem(60, seed=seed) for seed in range(3)]
        return [
            Trainer(one, learning_rates=[rate], optimizer="adam", seed=1)
            for one, rate in zip(problems, (0.01, 0.02, 0.03), strict=True)
        ]

    room, together = 20_000, trainers()  # a state is 9 numbers, so 277 epochs
    for one in together:
        one.history.keyframes.budget = room
    runs = SideBySide(together)
    assert SideBySide.possible(together)
    assert list(Bursts(runs, 0.1).to(500))[-1] == runs.epoch == 500
    assert sum(one.history.keyframes.nbytes for one in together) <= room
    for one, alone in zip(together, trainers(), strict=True):
        for epoch in (500, 123, 250, 501):
            one.go_to(epoch)
            alone.go_to(epoch)
            assert one.weights.tobytes() == alone.weights.tobytes()
            assert one.loss.tobytes() == alone.loss.tobytes()
        assert one.losses().tobytes() == alone.losses().tobytes()
        assert one.test_losses().tobytes() == alone.test_losses().tobytes()


def test_runs_that_differ_in_their_model_or_take_mini_batches_are_not_side_by_side() -> None:
    one, other = (Trainer(make_problem(60, features)) for features in (2, 3))
    assert SideBySide.possible([one, Trainer(make_problem(61))])
    assert not SideBySide.possible([one, other])
    assert not SideBySide.possible([Trainer(make_problem(60), batch_size=20)])
    assert not SideBySide.possible([Trainer(load_problem("surface:booth"))])
