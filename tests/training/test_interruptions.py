"""Between two blocks of rows: an interrupted pass, a new learning rate, a snapshot."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from tests.making import make_problem
from tui_gd.learning.engine import Interrupted
from tui_gd.training.history import Reset, SetLearningRate
from tui_gd.training.trainer import Trainer

LARGE = 70_000


class Hook:
    """A `between_blocks` hook that calls `act` once, at its `at`-th call."""

    def __init__(self, act: Callable[[], object], at: int = 2) -> None:
        self.act, self.left = act, at

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.act()


def interrupt() -> None:
    raise Interrupted


def large(**options: object) -> Trainer:
    return Trainer(make_problem(LARGE), seed=4, threads=1, **options)  # type: ignore[arg-type]


def test_an_interrupted_epoch_leaves_the_last_complete_one() -> None:
    trainer, twin = large(), large()
    trainer.advance(3)
    twin.advance(3)
    trainer.engine.between_blocks = Hook(interrupt)
    with pytest.raises(Interrupted):
        trainer.advance(2)
    for one in (trainer, twin):
        assert one.epoch == one.newest == 3
        assert np.isfinite(one.weights).all()
    for again in range(2):
        assert trainer.weights.tobytes() == twin.weights.tobytes()
        assert trainer.loss.tobytes() == twin.loss.tobytes()
        assert trainer.grad.tobytes() == twin.grad.tobytes()
        assert trainer.losses().tobytes() == twin.losses().tobytes()
        assert trainer.test_losses().tobytes() == twin.test_losses().tobytes()
        if not again:
            trainer.advance(2)
            twin.advance(2)


@pytest.mark.parametrize("what", ["back", "go_to", "reset", "new start", "look_ahead", "branch"])
def test_an_interrupted_move_leaves_a_consistent_state(what: str) -> None:
    trainer = large()
    trainer.advance(4)
    moves = {
        "back": lambda: trainer.back(2),
        "go_to": lambda: trainer.go_to(1),
        "reset": trainer.reset,
        "new start": lambda: trainer.reset(9),
        "look_ahead": trainer.look_ahead,
        "branch": lambda: (trainer.branch(), trainer.advance()),
    }
    trainer.engine.between_blocks = Hook(interrupt)
    with pytest.raises(Interrupted):
        moves[what]()
    value, grad = large().engine.loss_and_grad(trainer.weights)
    assert trainer.loss.tobytes() == value.tobytes()
    assert trainer.grad.tobytes() == grad.tobytes()
    assert trainer.losses()[trainer.epoch] == value[0]


@pytest.mark.parametrize("what", ["advance", "back", "go_to", "reset", "new start", "look_ahead"])
def test_loss_and_gradient_belong_to_the_weights_between_all_blocks(what: str) -> None:
    """Because the runner takes snapshots there."""
    trainer = large()
    trainer.advance(4)
    twin = large().engine
    seen = []

    def look() -> None:
        value, grad = twin.loss_and_grad(trainer.weights)
        seen.append(bool((trainer.loss == value).all() and (trainer.grad == grad).all()))

    trainer.engine.between_blocks = look
    {
        "advance": trainer.advance,
        "back": lambda: trainer.back(2),
        "go_to": lambda: trainer.go_to(1),
        "reset": trainer.reset,
        "new start": lambda: trainer.reset(9),
        "look_ahead": trainer.look_ahead,
    }[what]()
    assert len(seen) > 2
    assert all(seen)


def test_a_rate_set_during_an_epoch_applies_from_the_next_update() -> None:
    trainer, twin = large(), large()
    trainer.engine.between_blocks = Hook(lambda: trainer.set_learning_rate(0.001))
    trainer.advance(3)
    twin.advance(1)
    twin.set_learning_rate(0.001)
    twin.advance(2)
    assert trainer.weights.tobytes() == twin.weights.tobytes()
    trainer.engine.between_blocks = None
    trainer.go_to(0)
    trainer.go_to(3)
    assert trainer.weights.tobytes() == twin.weights.tobytes()


def set_a_rate_and_interrupt(trainer: Trainer) -> None:
    """Start an epoch, set a learning rate between its blocks, and interrupt the epoch."""

    def act() -> None:
        trainer.set_learning_rate(0.001)
        raise Interrupted

    trainer.engine.between_blocks = Hook(act)
    with pytest.raises(Interrupted):
        trainer.advance()


def test_a_rate_set_during_an_interrupted_epoch_applies_at_once() -> None:
    trainer = large()
    trainer.advance(2)
    set_a_rate_and_interrupt(trainer)
    assert trainer.epoch == 2
    assert trainer.learning_rates.tolist() == [0.001]


def test_a_rate_set_during_an_interrupted_replay_is_not_lost() -> None:
    trainer = large()
    trainer.advance(5)
    trainer.back(3)
    set_a_rate_and_interrupt(trainer)
    assert trainer.epoch == 2
    trainer.advance(2)
    assert trainer.learning_rates.tolist() == [0.001]


def test_a_rate_set_while_going_back_is_not_lost() -> None:
    trainer = large()
    trainer.advance(5)
    trainer.engine.between_blocks = Hook(lambda: trainer.set_learning_rate(0.001))
    trainer.back(2)
    assert trainer.learning_rates.tolist() == [0.001]


def test_a_rate_set_while_looking_ahead_applies_to_that_update() -> None:
    trainer, twin = large(), large()
    for one in (trainer, twin):
        one.advance(2)
    trainer.engine.between_blocks = Hook(lambda: trainer.set_learning_rate(0.001))
    trainer.look_ahead()
    twin.set_learning_rate(0.001)
    assert trainer.learning_rates.tolist() == [0.001]
    wanted_weights, wanted_loss = twin.look_ahead()
    weights, value = trainer.look_ahead()
    assert weights.tobytes() == wanted_weights.tobytes()
    assert value.tobytes() == wanted_loss.tobytes()
    trainer.advance()
    twin.advance()
    assert trainer.weights.tobytes() == twin.weights.tobytes()


def test_looking_ahead_is_the_next_epoch() -> None:
    trainer, twin = large(learning_rates=[0.01, 0.002]), large(learning_rates=[0.01, 0.002])
    weights, value = trainer.look_ahead()
    assert trainer.epoch == 0
    twin.advance()
    assert weights.tobytes() == twin.weights.tobytes()
    assert value.tobytes() == twin.loss.tobytes()
    trainer.advance()
    for one in (trainer, twin):
        one.advance(2)
    assert trainer.weights.tobytes() == twin.weights.tobytes()
    assert trainer.losses(1).tobytes() == twin.losses(1).tobytes()


def test_interrupt_ends_an_advance_after_the_epoch_in_progress() -> None:
    trainer = Trainer(make_problem(50), seed=1)
    trainer.interrupt = True
    assert trainer.advance(100) <= 1
    trainer.interrupt = False
    assert trainer.advance(100) == 100


def test_interrupt_set_from_another_thread_ends_a_long_advance() -> None:
    trainer = Trainer(make_problem(50), seed=1)
    timer = threading.Timer(0.05, setattr, (trainer, "interrupt", True))
    timer.start()
    assert trainer.advance(10**7) < 10**6
    timer.join()


# test losses that an interruption left out -----------------------------------


def with_many_test_rows() -> Trainer:
    return Trainer(make_problem(50, test_rows=70_000), seed=3, threads=1)


def after_five_epochs() -> tuple[Trainer, Trainer]:
    """Return a trainer without the test losses of epochs 1 … 5, and one that has them."""
    trainer, twin = with_many_test_rows(), with_many_test_rows()
    trainer.engines.test("sse").between_blocks = Hook(interrupt)
    with pytest.raises(Interrupted):
        trainer.advance(5)
    twin.advance(5)
    return trainer, twin


def test_missing_test_losses_are_computed_later() -> None:
    trainer, twin = after_five_epochs()
    assert trainer.epoch == 5
    assert trainer.pending_tests
    trainer.finish_tests()
    assert not trainer.pending_tests
    assert trainer.test_losses().tobytes() == twin.test_losses().tobytes()


def test_missing_losses_of_dropped_epochs_are_not_written_later() -> None:
    """Epochs 4 and 5 were dropped before their test losses were computed."""
    trainer, twin = after_five_epochs()
    for one in (trainer, twin):
        one.back(2)
        one.set_learning_rate(0.5)
        one.advance(1)
        one.advance(1)
    assert trainer.losses().tobytes() == twin.losses().tobytes()
    assert trainer.test_losses().tobytes() == twin.test_losses().tobytes()


def test_missing_losses_are_not_written_into_a_later_branch() -> None:
    trainer, twin = after_five_epochs()
    for one in (trainer, twin):
        one.back(2)
        one.branch(0, 0.5)
        one.advance(1)
        one.advance(1)
    for lane in range(2):
        assert trainer.test_losses(lane).tobytes() == twin.test_losses(lane).tobytes()


def test_missing_test_losses_do_not_move_a_change_of_optimizer() -> None:
    twin = Trainer(make_problem(50, test_rows=70_000), seed=3, test_losses=False)
    twin.advance(5)
    twin.branch(0, optimizer="adam")
    twin.advance(5)
    trainer = with_many_test_rows()
    trainer.restore(twin.checkpoint())
    trainer.go_to(0)
    trainer.engines.test("sse").between_blocks = Hook(interrupt)
    with pytest.raises(Interrupted):
        trainer.advance(5)
    assert trainer.epoch == 5
    trainer.advance(5)
    assert trainer.weights.tobytes() == twin.weights.tobytes()


def test_a_reset_with_missing_test_losses_is_recorded() -> None:
    trainer = with_many_test_rows()
    trainer.advance(5)
    trainer.set_learning_rate(0.5)
    trainer.engines.test("sse").between_blocks = Hook(interrupt)
    with pytest.raises(Interrupted):
        trainer.reset(9)
    assert trainer.history.entries == [SetLearningRate(5, 0, 0.5), Reset(5, 9)]
