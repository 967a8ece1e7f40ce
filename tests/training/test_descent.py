"""Descent against explicit loops: mini-batches, schedules, mixed races, stop rules, float32."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.making import ON_DATA, Floats, make_problem, make_rows
from tui_gd.learning.optimizers import OPTIMIZERS
from tui_gd.learning.schedules import parse_schedule
from tui_gd.problems import Problem, load_problem
from tui_gd.session.settings import RunSettings
from tui_gd.training.descent import Batches, Chunk, length, lengths
from tui_gd.training.evaluation import StopRules
from tui_gd.training.trainer import Trainer

START = np.array([0.4, -0.9, 0.2])


def problem_for(task: str, rows: int = 60) -> Problem:
    rng = np.random.default_rng([rows, len(task)])
    x = np.ones((2 * rows, 4))
    x[:, :-1] = rng.standard_normal((2 * rows, 3))
    if task == "regression":
        y, classes = x[:, :3].sum(axis=1) + rng.standard_normal(2 * rows), ()
    else:
        count = 2 if task == "binary" else 3
        y, classes = rng.integers(0, count, 2 * rows).astype(np.int8), tuple("abc"[:count])
        x[:, 0] += y
    names = ("p", "q", "r")
    return Problem("made", task, x[:rows], y[:rows], x[rows:], y[rows:], names, classes)  # type: ignore[arg-type]


def gradient_of(loss: str, w: Floats, x: Floats, y: np.ndarray) -> Floats:
    """Return the direction of one sigmoid unit on these rows, as the tutorial writes it."""
    p = 1 / (1 + np.exp(-x @ w))
    if loss == "sse":
        return x.T @ ((p - y) * p * (1 - p))
    return x.T @ (p - y) / len(y)


# mini-batches ----------------------------------------------------------------


@pytest.mark.parametrize(("rows", "size"), [(10, 3), (10, 5), (7, 1), (5, 5), (5, 9), (1, 1)])
def test_the_rows_of_an_epoch_are_a_permutation_cut_into_batches(rows: int, size: int) -> None:
    batches = Batches(rows, size, seed=4)
    for epoch in (0, 1, 2, 1000):
        parts = batches.of(epoch)
        assert len(parts) == batches.steps == -(-rows // size)
        assert [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
        # the last batch has the remaining rows; none carries over to the next epoch
        assert len(parts[-1]) == rows - size * (len(parts) - 1)
        together = np.concatenate(parts)
        assert sorted(together.tolist()) == list(range(rows))
        np.testing.assert_array_equal(together, np.random.default_rng([4, epoch]).permutation(rows))


def test_every_epoch_and_every_seed_has_its_own_order() -> None:
    orders = {
        np.concatenate(Batches(40, 7, seed).of(epoch)).tobytes()
        for seed in range(5)
        for epoch in range(20)
    }
    assert len(orders) == 100


@pytest.mark.parametrize("loss", ["sse", "cross-entropy"])
@pytest.mark.parametrize("size", [1, 7, 16, 50, 49, 51])
def test_mini_batches_descend_as_an_explicit_loop(loss: str, size: int) -> None:
    """50 rows: full batches, a short last one, exactly one batch, less than one batch."""
    problem = make_problem(50)
    x, y = problem.x_train, problem.y_train
    trainer = Trainer(
        problem,
        loss=loss,
        learning_rates=[0.05, 0.3],
        batch_size=size,
        seed=11,
        initial_weights=START,
    )
    trainer.advance(6)
    for lane, rate in enumerate([0.05, 0.3]):
        w = START.copy()
        for epoch in range(6):
            order = np.random.default_rng([11, epoch]).permutation(50)
            for begin in range(0, 50, size):
                rows = order[begin : begin + size]
                w = w - rate * gradient_of(loss, w, x[rows], y[rows])
            p = 1 / (1 + np.exp(-x @ w))
            wanted = (
                np.sum((p - y) ** 2)
                if loss == "sse"
                else -np.mean(np.log(np.where(y == 1, p, 1 - p)))
            )
            # the reported loss is that of all rows
            assert trainer.losses(lane)[epoch + 1] == pytest.approx(wanted, rel=1e-12)
        np.testing.assert_allclose(trainer.weights[lane], w, rtol=1e-12)


def test_mini_batches_of_adam_count_every_update() -> None:
    """In the bias correction `1 − βᵗ`, t counts updates, not epochs."""
    problem = make_problem(23)
    x, y = problem.x_train, problem.y_train
    trainer = Trainer(
        problem,
        loss="cross-entropy",
        optimizer="adam",
        learning_rates=[0.02],
        batch_size=5,
        seed=2,
        initial_weights=START,
    )
    w, m, v, t = START.copy(), np.zeros(3), np.zeros(3), 0
    for epoch in range(7):
        order = np.random.default_rng([2, epoch]).permutation(23)
        for rows in (order[:5], order[5:10], order[10:15], order[15:20], order[20:]):
            t += 1
            g = gradient_of("cross-entropy", w, x[rows], y[rows])
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            w = w - 0.02 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        trainer.advance()
        np.testing.assert_allclose(trainer.weights[0], w, rtol=1e-11)
    assert t == 35


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", [0, 9])
def test_replay_gives_the_same_bits(optimizer: str, size: int) -> None:
    trainer = Trainer(
        problem_for("multiclass"),
        loss="cross-entropy",
        hidden=(4,),
        optimizer=optimizer,
        learning_rates=[0.02, 0.05],
        batch_size=size,
        schedule=parse_schedule("warmup:3+cosine", 30),
        seed=6,
    )
    visited = [trainer.weights.tobytes()]
    for _ in range(20):
        trainer.advance()
        visited.append(trainer.weights.tobytes())
    losses = trainer.losses(1).tobytes()
    for epoch in (0, 13, 5, 20, 19, 1, 20):
        trainer.go_to(epoch)
        assert trainer.weights.tobytes() == visited[epoch]
    assert trainer.losses(1).tobytes() == losses
    trainer.reset()
    trainer.advance(20)
    assert trainer.weights.tobytes() == visited[20]


# schedules -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("step:3:0.5", lambda epoch: 0.5 ** (epoch // 3)),
        ("exponential:0.9", lambda epoch: 0.9**epoch),
        ("inverse:0.5", lambda epoch: (epoch + 1) ** -0.5),
        ("cosine", lambda epoch: (1 + np.cos(np.pi * epoch / 12)) / 2),
        ("warmup:4+constant", lambda epoch: min(1, (epoch + 1) / 4)),
    ],
)
@pytest.mark.parametrize("size", [0, 8])
def test_a_schedule_multiplies_the_rate_of_its_epoch(
    text: str, factor: Callable[[int], float], size: int
) -> None:
    problem = make_problem(30)
    x, y = problem.x_train, problem.y_train
    trainer = Trainer(
        problem,
        learning_rates=[0.1],
        schedule=parse_schedule(text, 12),
        batch_size=size,
        seed=3,
        initial_weights=START,
    )
    w = START.copy()
    for epoch in range(12):
        order = np.random.default_rng([3, epoch]).permutation(30)
        for begin in range(0, 30, size or 30):
            rows = order[begin : begin + (size or 30)]
            w = w - 0.1 * factor(epoch) * gradient_of("sse", w, x[rows], y[rows])
        trainer.advance()
        np.testing.assert_allclose(trainer.weights[0], w, rtol=1e-11)


# lanes of different optimizers -----------------------------------------------


@pytest.mark.parametrize("size", [0, 13])
def test_a_race_of_all_optimizers_equals_each_alone_bit_for_bit(size: int) -> None:
    names = [*OPTIMIZERS, "adam", "sgd", "momentum"]
    rates = [0.001 * (lane + 1) for lane in range(len(names))]
    options = {
        "loss": "cross-entropy",
        "batch_size": size,
        "hidden": (3,),
        "l2": 0.01,
        "schedule": parse_schedule("exponential:0.95", 40),
        "seed": 8,
    }
    race = Trainer(problem_for("binary"), optimizer=names, learning_rates=rates, **options)
    race.advance(40)
    for lane, (name, rate) in enumerate(zip(names, rates, strict=True)):
        alone = Trainer(problem_for("binary"), optimizer=name, learning_rates=[rate], **options)
        alone.advance(40)
        assert alone.weights[0].tobytes() == race.weights[lane].tobytes(), name
        assert alone.losses().tobytes() == race.losses(lane).tobytes(), name


@pytest.mark.parametrize("task", ON_DATA)
@pytest.mark.parametrize("hidden", [(), (4, 3)])
def test_every_optimizer_lowers_every_loss(task: str, hidden: tuple[int, ...]) -> None:
    problem = problem_for(task)
    for loss in ON_DATA[task]:
        small = 0.1 / len(problem.y_train) if loss == "sse" else 0.01
        rates = [small if name in {"sgd", "momentum", "nesterov"} else 0.01 for name in OPTIMIZERS]
        trainer = Trainer(
            problem,
            loss=loss,
            hidden=hidden,
            start="glorot",
            optimizer=list(OPTIMIZERS),
            learning_rates=rates,
        )
        trainer.advance(60)
        for lane, name in enumerate(OPTIMIZERS):
            losses = trainer.losses(lane)
            assert len(losses) == 61
            assert losses[-1] < losses[0], (loss, name)


# stop rules ------------------------------------------------------------------


def followed(trainer: Trainer, epochs: int) -> tuple[list[Floats], list[Floats], list[Floats]]:
    """Return training losses, test losses and gradient norms (lanes,) after 0 … `epochs` epochs."""
    train, test, norms = [], [], []
    lanes = range(len(trainer.lanes))
    for epoch in range(epochs + 1):
        train.append(np.array([trainer.losses(lane)[epoch] for lane in lanes]))
        test.append(np.array([trainer.test_losses(lane)[epoch] for lane in lanes]))
        norms.append(np.linalg.norm(trainer.grad, axis=1))
        trainer.advance()
    return train, test, norms


def overfitting(**options: object) -> Trainer:
    """Return a trainer with few rows and many features: the test loss falls, then rises."""
    x, y = make_rows(20, 12)
    x_test, y_test = make_rows(40, 12, seed=1)
    names = tuple(f"x{i}" for i in range(12))
    problem = Problem("made", "binary", x, y, x_test, y_test, names, ("0", "1"))
    return Trainer(
        problem,
        loss="cross-entropy",
        seed=3,
        learning_rates=[0.5, 0.2],
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("size", [0, 7])
def test_a_run_stops_at_the_first_epoch_with_the_target_loss(size: int) -> None:
    train, _, _ = followed(overfitting(batch_size=size), 300)
    target = float(max(train[200]))
    wanted = next(epoch for epoch, losses in enumerate(train) if max(losses) <= target)
    trainer = overfitting(batch_size=size, stop=StopRules(target_loss=target))
    assert trainer.advance(1000) == wanted
    assert trainer.epoch == trainer.newest == wanted
    assert trainer.stopped == f"training loss at most {target:g}"
    assert [trainer.losses(lane)[-1] for lane in (0, 1)] == train[wanted].tolist()


def test_a_run_stops_at_the_first_epoch_with_the_gradient_norm() -> None:
    _, _, norms = followed(overfitting(), 300)
    least = float(max(norms[180]))
    wanted = next(epoch for epoch, found in enumerate(norms) if epoch and max(found) <= least)
    trainer = overfitting(stop=StopRules(gradient_norm=least))
    assert trainer.advance(1000) == wanted
    assert trainer.stopped == f"gradient norm at most {least:g}"
    assert np.linalg.norm(trainer.grad, axis=1).max() <= least


def naive_patience(test: list[Floats], patience: int) -> int:
    """Return the first epoch at which no lane had a new minimum for `patience` epochs."""
    lanes = len(test[0])
    best, waited = list(test[0]), [0] * lanes
    for epoch in range(1, len(test)):
        for lane in range(lanes):
            if test[epoch][lane] < best[lane]:
                best[lane], waited[lane] = test[epoch][lane], 0
            else:
                waited[lane] += 1
        if all(count >= patience for count in waited):
            return epoch
    return -1


@pytest.mark.parametrize("size", [0, 7])
@pytest.mark.parametrize("patience", [1, 2, 5, 20, 100])
def test_a_run_stops_when_patience_runs_out(patience: int, size: int) -> None:
    _, test, _ = followed(overfitting(batch_size=size), 400)
    wanted = naive_patience(test, patience)
    assert wanted > patience
    trainer = overfitting(batch_size=size, stop=StopRules(patience=patience))
    assert trainer.advance(1000) == wanted
    assert trainer.stopped == f"test loss no lower for {patience} epochs"
    again = overfitting(batch_size=size, stop=StopRules(patience=patience))
    while not again.stopped:  # epoch by epoch, it stops at the same one
        again.advance()
    assert again.epoch == wanted
    assert again.weights.tobytes() == trainer.weights.tobytes()


def test_the_first_rule_that_applies_is_reported() -> None:
    train, test, norms = followed(overfitting(), 300)
    patience = naive_patience(test, 5)
    early, late = float(max(train[patience - 3])), float(max(train[patience + 50]))
    for target, wanted, why in ((early, patience - 3, "training loss"), (late, patience, "test")):
        rules = StopRules(target_loss=target, gradient_norm=max(norms[-1]) / 10, patience=5)
        trainer = overfitting(stop=rules)
        trainer.advance(1000)
        assert trainer.epoch == wanted
        assert trainer.stopped.startswith(why)


def test_a_run_goes_on_to_its_last_epoch_if_no_rule_applies() -> None:
    trainer = overfitting(stop=StopRules(target_loss=1e-9, gradient_norm=1e-9, patience=10_000))
    assert trainer.advance(500) == 500
    assert trainer.stopped == ""


# single precision ------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", [0, 11])
def test_float32_descends_in_float32_close_to_float64(optimizer: str, size: int) -> None:
    """For smooth losses, whose paths do not depend on the last digits."""
    found = {}
    for dtype in (np.float32, np.float64):
        trainer = Trainer(
            problem_for("multiclass"),
            loss="cross-entropy",
            hidden=(4,),
            optimizer=optimizer,
            learning_rates=[0.01],
            batch_size=size,
            start="glorot",
            seed=5,
            dtype=dtype,
        )
        trainer.advance(50)
        assert trainer.weights.dtype == trainer.grad.dtype == trainer.loss.dtype == dtype
        found[dtype] = trainer
    single, double = found[np.float32], found[np.float64]
    np.testing.assert_allclose(single.weights, double.weights, rtol=0, atol=1e-4)
    np.testing.assert_allclose(single.losses(), double.losses(), rtol=1e-4)
    assert not np.array_equal(single.weights, double.weights)


@pytest.mark.parametrize("task", ON_DATA)
@pytest.mark.parametrize("hidden", [(), (3,)])
def test_every_loss_in_float32_is_close_to_float64(task: str, hidden: tuple[int, ...]) -> None:
    for loss in ON_DATA[task]:
        options = {"loss": loss, "hidden": hidden, "seed": 5, "l1": 0.01, "l2": 0.1}
        single = Trainer(problem_for(task), dtype=np.float32, **options)
        double = Trainer(problem_for(task), **options)
        np.testing.assert_allclose(single.loss, double.loss, rtol=1e-4)
        scale = np.abs(double.grad).max()
        np.testing.assert_allclose(single.grad, double.grad, rtol=1e-4, atol=1e-4 * scale)
        assert single.loss.dtype == single.grad.dtype == np.float32


def test_the_tutorials_problem_in_float32_ends_close_to_float64() -> None:
    runs = [Trainer(load_problem("blobs"), seed=1, dtype=dtype) for dtype in ("f4", "f8")]
    for trainer in runs:
        trainer.advance(100)
    np.testing.assert_allclose(runs[0].weights, runs[1].weights, rtol=1e-4)
    np.testing.assert_allclose(runs[0].losses(), runs[1].losses(), rtol=1e-4)


def test_losses_fall_steadily_at_a_rate_below_the_curvature() -> None:
    """With L the largest curvature of least squares, α < 1/L never raises the loss."""
    problem = problem_for("regression")
    curvature = np.linalg.eigvalsh(2 * problem.x_train.T @ problem.x_train / 60)[-1]
    trainer = Trainer(problem, loss="mse", learning_rates=[1 / curvature], seed=1)
    trainer.advance(10)
    assert all(later < before for before, later in pairwise(trainer.losses()))


def diverging_plane(**rules: float) -> Trainer:
    """The start has a loss of 2.58, and every epoch a higher one."""
    start = np.zeros(3)
    return Trainer(
        load_problem("plane"),
        loss="mse",
        learning_rates=[2.0],
        initial_weights=start,
        stop=StopRules(**rules),
    )


def test_a_start_that_fulfils_a_rule_is_where_the_run_stops() -> None:
    x, y = load_problem("plane").x_train, load_problem("plane").y_train
    loss, norm = np.mean(y**2), np.linalg.norm(2 * x.T @ y / len(y))
    assert loss == pytest.approx(2.58, abs=0.005)
    for rules, why in (
        ({"target_loss": 5.0}, "training loss at most 5"),
        ({"target_loss": loss * (1 + 1e-12)}, "training loss at most"),
        ({"gradient_norm": norm * (1 + 1e-12)}, "gradient norm at most"),
    ):
        trainer = diverging_plane(**rules)
        assert trainer.advance(50) == 0
        assert (trainer.epoch, trainer.newest) == (0, 0)
        assert trainer.stopped.startswith(why)
        # a second advance ignores the rules
        assert trainer.advance(7) == 7
        assert not trainer.stopped
    for rules in ({"target_loss": loss * (1 - 1e-12)}, {"gradient_norm": norm * (1 - 1e-12)}):
        assert diverging_plane(**rules).advance(3) == 3


@given(
    rates=st.lists(st.floats(0.01, 1.2), min_size=1, max_size=3),
    share=st.floats(0.01, 1.5),
    bursts=st.lists(st.integers(1, 9), min_size=1, max_size=6),
)
def test_a_run_never_passes_an_epoch_that_fulfils_its_target(rates, share, bursts) -> None:
    """The first epoch at which all lanes are at the target is the last, epoch 0 included."""
    problem = load_problem("line")
    free = Trainer(problem, loss="mse", learning_rates=rates, seed=3)
    target = share * float(free.loss.max())
    free.advance(sum(bursts))
    losses = np.array([free.losses(lane) for lane in range(len(rates))]).max(axis=0)
    reached = np.flatnonzero(losses <= target)
    trainer = Trainer(
        problem, loss="mse", learning_rates=rates, seed=3, stop=StopRules(target_loss=target)
    )
    for burst in bursts:
        trainer.advance(burst)
        if trainer.stopped:
            break
    wanted = int(reached[0]) if len(reached) else sum(bursts)
    assert trainer.epoch == wanted
    assert bool(trainer.stopped) == bool(len(reached))


def test_going_on_after_a_stop_ignores_the_rules() -> None:
    trainer = Trainer(load_problem("blobs"), seed=1, stop=StopRules(patience=3))
    stopped_after = trainer.advance(1000)
    assert stopped_after < 1000
    assert trainer.stopped
    assert trainer.advance(100) == 100
    assert not trainer.stopped
    trainer.go_to(1)
    assert trainer.advance(1000) == stopped_after - 1
    assert trainer.stopped


@pytest.mark.parametrize("resumed", [False, True])
def test_visiting_an_epoch_beyond_a_stop_is_not_stopped(resumed: bool) -> None:
    def made() -> Trainer:
        return Trainer(load_problem("blobs"), seed=1, stop=StopRules(patience=3))

    trainer = made()
    stop = trainer.advance(1000)
    trainer.advance(100)
    plain = Trainer(load_problem("blobs"), seed=1)
    plain.advance(stop + 50)
    if resumed:  # with the keyframes of the start and of the last epoch only
        checkpoint = trainer.checkpoint()
        ends = (checkpoint.keyframes[0], checkpoint.keyframes[-1])
        trainer = made()
        trainer.restore(replace(checkpoint, keyframes=ends))
    trainer.back(50)
    assert (trainer.epoch, trainer.stopped) == (stop + 50, "")
    assert np.array_equal(trainer.weights, plain.weights)
    assert trainer.advance(10) == 10  # the run had gone on past the stop
    trainer.go_to(stop - 1)
    assert trainer.advance(100) == 1  # and stops again when it goes on from before it
    assert trainer.stopped


# lengths and cosines ---------------------------------------------------------

PARTS = st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), min_size=1, max_size=5)
POWERS = st.integers(-1040, 990)


@given(PARTS, POWERS)
def test_the_length_of_a_vector_is_right_however_large_or_small_its_parts(
    parts: list[float], power: int
) -> None:
    vector = np.ldexp(parts, power)
    expected = math.hypot(*vector)
    assert length(vector) == pytest.approx(expected, rel=1e-14, abs=1e-322)
    both = lengths(np.stack([vector, np.ones(len(parts))])[None])
    assert both.shape == (1, 2)
    assert both[0].tolist() == pytest.approx(
        [expected, math.sqrt(len(parts))], rel=1e-13, abs=1e-322
    )


def test_the_length_of_what_is_not_finite_is_not_finite() -> None:
    odd = np.array([[np.inf, 1.0], [np.nan, 1.0], [1.7e308, 1.7e308], [0.0, 0.0], [3e200, 4e200]])
    np.testing.assert_allclose(lengths(odd), [np.inf, np.nan, np.inf, 0.0, 5e200])
    single = np.array([[3e30, 4e30], [3e-40, 4e-40]], np.float32)
    np.testing.assert_allclose(lengths(single), [5e30, 5e-40], rtol=1e-4)
    assert length(np.empty(0)) == 0.0


@given(PARTS, PARTS, POWERS, POWERS)
def test_a_cosine_does_not_depend_on_lengths(
    a: list[float], b: list[float], power: int, other: int
) -> None:
    count = min(len(a), len(b))
    first, second = (np.array(parts[:count]) for parts in (a, b))
    size = math.hypot(*first) * math.hypot(*second)
    if not size > 1e-6:
        return
    chunk = Chunk(1, np.zeros((1, 1, count)), np.zeros(1), np.zeros((1, count)))
    chunk.measure(0, np.ldexp(first, max(power, -900))[None], [np.ldexp(second, other)[None]])
    assert chunk.norms[0, 0] == pytest.approx(
        math.hypot(*np.ldexp(second, other)), rel=1e-13, abs=1e-322
    )
    if other > -900:  # below, the parts themselves lose digits
        expected = math.fsum(first * second) / size
        assert chunk.cosines[0, 0] == pytest.approx(expected, abs=1e-12)


def test_gradients_of_5e289_have_a_length_and_a_cosine() -> None:
    settings = RunSettings("surface", surface="3e289*x + 4e289*y", alpha=(1e-300,))
    trainer = settings.make_trainer(settings.load_problem())
    trainer.record_norms()
    trainer.advance(3)
    norms, cosines = trainer.history.norms, trainer.history.cosines
    assert [norms.at(0, epoch) for epoch in range(4)] == pytest.approx([5e289] * 4)
    assert [cosines.at(0, epoch) for epoch in (1, 2, 3)] == pytest.approx([1.0] * 3)
