"""Validation rows: which epoch counts, when patience ends a run, and what follows from both."""

import numpy as np
import pytest
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from tests.making import Floats
from tui_gd import Trainer, load_problem
from tui_gd.errors import ProblemError
from tui_gd.problems import Problem
from tui_gd.training.evaluation import StopRules
from tui_gd.training.history import Keyframes

FEATURES, EPOCHS, RATE = 30, 120, 0.3


@pytest.fixture(scope="module")
def data() -> tuple[Floats, Floats]:
    """Return X (rows, features) and noisy classes: a model of 40 rows soon learns the noise."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((400, FEATURES))
    y = (x[:, 0] + x[:, 1] + 0.5 * rng.standard_normal(400) > 0).astype(np.float64)
    return x, y


def overfitting(data: tuple[Floats, Floats]) -> Problem:
    return load_problem(data, test_size=0.8, validation_size=0.5)


def by_hand(data: tuple[Floats, Floats], rate: float = RATE) -> tuple[list[Floats], list[float]]:
    """Return the weights and the validation losses after 0 … epochs, by a plain loop."""
    x = np.c_[data[0], np.ones(len(data[0]))]
    x_train, _, y_train, _ = train_test_split(x, data[1], test_size=0.8, random_state=42)
    x_train, x_val, y_train, y_val = train_test_split(
        x_train, y_train, test_size=0.5, random_state=42
    )
    w = np.zeros(FEATURES + 1)
    weights, losses = [], []
    for epoch in range(EPOCHS + 1):
        if epoch:
            p = 1 / (1 + np.exp(-x_train @ w))
            w = w - rate * x_train.T @ (p - y_train) / len(y_train)
        weights.append(w)
        losses.append(log_loss(y_val, 1 / (1 + np.exp(-x_val @ w)), labels=[0.0, 1.0]))
    return weights, losses


def trainer_of(problem: Problem, *rates: float, patience: int | None = None) -> Trainer:
    return Trainer(
        problem,
        loss="cross-entropy",
        learning_rates=rates or (RATE,),
        start="zeros",
        stop=StopRules(patience=patience),
    )


def test_the_weights_that_count_are_those_of_the_least_validation_loss(
    data: tuple[Floats, Floats],
) -> None:
    weights, losses = by_hand(data)
    best = int(np.argmin(losses))
    assert 0 < best < EPOCHS  # or this tests nothing
    problem = overfitting(data)
    trainer = trainer_of(problem)
    trainer.advance(EPOCHS)
    assert np.allclose(trainer.validation_losses(), losses, rtol=1e-10)
    assert trainer.best[0].epoch == best
    assert np.allclose(trainer.best[0].weights, weights[best], rtol=1e-9)
    # the run itself stands at its last epoch, and reports on the best one
    assert np.allclose(trainer.weights[0], weights[-1], rtol=1e-9)
    right = (problem.x_test @ weights[best] > 0) == problem.y_test
    report = trainer.report()
    assert report.table["accuracy"] == pytest.approx(right.mean())
    assert (trainer.predict(problem.x_test[:, :-1]) == (problem.x_test @ weights[best] > 0)).all()
    assert trainer.curves()["validation_loss"].tolist() == trainer.validation_losses().tolist()


@pytest.mark.parametrize("patience", [1, 7])
def test_patience_looks_at_the_validation_rows(data: tuple[Floats, Floats], patience: int) -> None:
    _, losses = by_hand(data)
    stop, least, at = 0, np.inf, 0
    for epoch, loss in enumerate(losses):
        if loss < least:
            least, at = loss, epoch
        if epoch - at >= patience:
            stop = epoch
            break
    trainer = trainer_of(overfitting(data), patience=patience)
    assert trainer.advance(EPOCHS) == stop > 0
    assert trainer.stopped == f"validation loss no lower for {patience} epochs"
    assert trainer.best[0].epoch == at


def test_stepping_back_counts_the_epochs_up_to_there(data: tuple[Floats, Floats]) -> None:
    weights, losses = by_hand(data)
    trainer = trainer_of(overfitting(data))
    trainer.advance(EPOCHS)
    last = trainer.weights.copy()
    for epoch in (0, 3, int(np.argmin(losses)), EPOCHS - 1):
        trainer.go_to(epoch)
        best = int(np.argmin(losses[: epoch + 1]))
        assert trainer.best[0].epoch == best
        assert np.allclose(trainer.best[0].weights, weights[best], rtol=1e-9)
        assert trainer.epoch == epoch
    trainer.go_to(EPOCHS)
    assert np.array_equal(trainer.weights, last)


def test_the_best_epoch_is_computed_again_without_moving_the_run(
    data: tuple[Floats, Floats],
) -> None:
    trainer = trainer_of(overfitting(data), RATE, RATE / 2, patience=60)
    # so small that only some epochs are keyframes
    trainer.history.keyframes = Keyframes(trainer.history.keyframes.start(), budget=8000)
    trainer.advance(EPOCHS)
    trainer.set_learning_rate(0.5, 1)
    expected = trainer.best
    assert trainer.history.keyframes.stride > 1
    assert expected[0].epoch % trainer.history.keyframes.stride  # or nothing is computed
    before = (trainer.epoch, trainer.stopped, trainer.stopped_at, trainer.learning_rates.tolist())
    state, loss, grad = trainer.weights.copy(), trainer.loss.copy(), trainer.grad.copy()
    trainer.history.validation.best = [None, None]
    for known, again in zip(expected, trainer.best, strict=True):
        assert known.epoch == again.epoch
        assert np.array_equal(known.weights, again.weights)
    after = (trainer.epoch, trainer.stopped, trainer.stopped_at, trainer.learning_rates.tolist())
    assert before == after
    for one, other in ((state, trainer.weights), (loss, trainer.loss), (grad, trainer.grad)):
        assert np.array_equal(one, other)


def test_lanes_and_branches_have_their_own_best_epochs(data: tuple[Floats, Floats]) -> None:
    trainer = trainer_of(overfitting(data), RATE, RATE / 4)
    trainer.advance(EPOCHS)
    for lane, rate in enumerate((RATE, RATE / 4)):
        assert trainer.best[lane].epoch == int(np.argmin(by_hand(data, rate)[1]))
    best = trainer.best[0].epoch
    trainer.go_to(best + 2)
    # the branch has its parent's past, best epoch included, and what it learns from here on
    position = trainer.branch(0, 1e-9)
    assert trainer.best[position].epoch == best
    trainer.advance(5)
    assert trainer.best[position].epoch == best
    # losses of two kinds are not compared: of another loss only its own epochs count
    other = trainer.branch(0, loss="sse")
    assert trainer.best[other].epoch == best + 7
    trainer.close(0)
    assert trainer.best[0].epoch == min(best + 7, int(np.argmin(by_hand(data, RATE / 4)[1])))


def test_going_on_from_an_earlier_epoch_forgets_the_best_after_it(
    data: tuple[Floats, Floats],
) -> None:
    _, losses = by_hand(data)
    best = int(np.argmin(losses))
    trainer = trainer_of(overfitting(data))
    trainer.advance(EPOCHS)
    trainer.go_to(best - 2)
    trainer.set_learning_rate(1e-9)
    trainer.advance(1)
    assert trainer.newest == best - 1
    assert trainer.best[0].epoch in {best - 2, best - 1}
    assert trainer.validation_losses()[-1] == pytest.approx(losses[best - 2], rel=1e-6)


def test_a_checkpoint_holds_the_best_weights(data: tuple[Floats, Floats]) -> None:
    trainer = trainer_of(overfitting(data))
    trainer.advance(EPOCHS)
    checkpoint = trainer.checkpoint()
    best = trainer.best[0]
    assert np.array_equal(checkpoint.best[0].weights, best.weights)
    again = trainer_of(overfitting(data))
    again.restore(checkpoint)
    assert again.epoch == EPOCHS
    assert again.best[0].epoch == best.epoch
    assert np.array_equal(again.best[0].weights, best.weights)
    assert np.array_equal(again.weights, trainer.weights)
    assert np.array_equal(again.validation_losses(), trainer.validation_losses())


def test_the_last_epoch_counts_without_validation_rows(data: tuple[Floats, Floats]) -> None:
    problem = load_problem(data, test_size=0.8)
    trainer = trainer_of(problem, patience=5)
    trainer.advance(EPOCHS)
    assert trainer.stopped == "test loss no lower for 5 epochs"
    assert trainer.best[0].epoch == trainer.epoch
    assert np.array_equal(trainer.best[0].weights, trainer.weights[0])
    assert np.isnan(trainer.validation_losses()).all()
    assert not trainer.checkpoint().best


@pytest.mark.parametrize(("size", "stratify"), [(0.25, False), (0.25, True), (37, False)])
def test_validation_rows_are_those_of_a_second_split(
    data: tuple[Floats, Floats], size: float, stratify: bool
) -> None:
    x, y = data
    kinds = {"stratify": y} if stratify else {}
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.3, random_state=7, **kinds
    )
    kinds = {"stratify": y_train} if stratify else {}
    x_train, x_val, y_train, y_val = train_test_split(
        x_train, y_train, test_size=size, random_state=7, **kinds
    )
    problem = load_problem(
        data,
        test_size=0.3,
        split_seed=7,
        validation_size=size,
        stratify=stratify,
        standardize=True,
    )
    mean, scale = x_train.mean(axis=0), x_train.std(axis=0)
    for rows, own, targets, classes in (
        (x_train, problem.x_train, y_train, problem.y_train),
        (x_val, problem.x_validation, y_val, problem.y_validation),
        (x_test, problem.x_test, y_test, problem.y_test),
    ):
        assert np.allclose(own[:, :-1], (rows - mean) / scale, rtol=1e-12, atol=1e-12)
        assert (own[:, -1] == 1).all()
        assert np.array_equal(classes, targets)


def test_validation_rows_leave_rows_to_train_on() -> None:
    data = ([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]], [0, 1, 0, 1, 0, 1])
    with pytest.raises(ProblemError, match=r"validation size 3 leaves none of 3 train rows"):
        load_problem(data, validation_size=3)
    with pytest.raises(ProblemError, match=r"validation size 0\.9 leaves none of 3 train rows"):
        load_problem(data, validation_size=0.9)
