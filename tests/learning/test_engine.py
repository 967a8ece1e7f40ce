"""The engine against plain Python, differences, and itself with other threads and lanes."""

import math
import threading
import tracemalloc
import warnings

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.metrics import log_loss

from tests import tutorial
from tests.making import ON_DATA, Floats, make_engine, make_rows
from tui_gd.learning import engine as engine_module
from tui_gd.learning.engine import (
    Interrupted,
    LocalEngine,
    Penalty,
    StackedEngine,
    computing,
)
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Model

LOSSES = ["sse", "cross-entropy"]


def slow(loss: str, weights: Floats, x: Floats, y: np.ndarray) -> tuple[float, list[float]]:
    """Return loss and direction in plain Python, row by row; fsum rounds sums once."""
    losses: list[float] = []
    shares: list[list[float]] = [[] for _ in weights]
    for row, target in zip(x.tolist(), y.tolist(), strict=True):
        z = sum(a * b for a, b in zip(row, weights.tolist(), strict=True))
        p = 1 / (1 + math.exp(-z))
        if loss == "sse":
            losses.append((p - target) ** 2)
            delta = (p - target) * p * (1 - p)
        else:
            losses.append(-math.log(p if target else 1 - p))
            delta = p - target
        for share, value in zip(shares, row, strict=True):
            share.append(delta * value)
    n = len(x) if loss == "cross-entropy" else 1
    return math.fsum(losses) / n, [math.fsum(share) / n for share in shares]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("rows", "features"), [(1, 1), (2, 2), (500, 2), (8192, 3), (8193, 3), (20_001, 2), (333, 28)]
)
def test_agrees_with_a_sum_over_rows_in_plain_python(loss: str, rows: int, features: int) -> None:
    x, y = make_rows(max(rows, 2), features)
    x, y = x[:rows], y[:rows]
    weights = 0.7 * np.random.default_rng(1).standard_normal((3, features + 1))
    got_loss, got_grad = make_engine(x, y, loss).loss_and_grad(weights)
    assert got_loss.shape == (3,)
    assert got_grad.shape == weights.shape
    for lane in range(3):
        wanted_loss, wanted_grad = slow(loss, weights[lane], x, y)
        np.testing.assert_allclose(got_loss[lane], wanted_loss, rtol=1e-12)
        scale = np.abs(wanted_grad).max()
        np.testing.assert_allclose(got_grad[lane], wanted_grad, rtol=1e-12, atol=1e-12 * scale)


@pytest.mark.parametrize("rows", [500, 20_000])
def test_cross_entropy_is_scikit_learns_log_loss(rows: int) -> None:
    x, y = make_rows(rows)
    engine = make_engine(x, y, "cross-entropy")
    for weights in np.random.default_rng(2).standard_normal((5, 3)):
        p = 1 / (1 + np.exp(-(x @ weights)))
        assert engine.loss(weights[None])[0] == pytest.approx(log_loss(y, p), rel=1e-12)


def test_squared_error_is_the_tutorials_sum() -> None:
    data = tutorial.data()
    weights = np.array([0.3, -0.2, 0.1])
    engine = make_engine(data.train_x, data.train_y[:, 0].astype(np.int8))
    after, losses, _ = tutorial.descend(data.train_x, data.train_y, weights, 1.0, 1)
    loss, direction = engine.loss_and_grad(weights[None])
    assert loss[0] == pytest.approx(losses[0], rel=1e-13)
    np.testing.assert_allclose(direction[0], weights - after, rtol=1e-12)


@pytest.mark.parametrize(("loss", "factor"), [("sse", 0.5), ("cross-entropy", 1.0)])
@pytest.mark.parametrize("rows", [400, 9000])
def test_direction_is_the_derivative_of_the_loss(loss: str, factor: float, rows: int) -> None:
    """For the tutorial's squared error, it is half the derivative."""
    x, y = make_rows(rows, 4)
    engine = make_engine(x, y, loss)

    def value(weights: Floats) -> float:
        return float(engine.loss(weights[None])[0])

    for weights in np.random.default_rng(3).standard_normal((3, 5)):
        _, grad = engine.loss_and_grad(weights[None])
        scale = np.abs(grad).max()
        h = 1e-5
        central = [(value(weights + h * e) - value(weights - h * e)) / (2 * h) for e in np.eye(5)]
        np.testing.assert_allclose(
            grad[0], factor * np.array(central), rtol=1e-7, atol=1e-7 * scale
        )
        forward = approx_fprime(weights, value, 1e-7)
        np.testing.assert_allclose(grad[0], factor * forward, rtol=1e-4, atol=1e-4 * scale)


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_alone_has_the_same_bits_as_with_the_gradient(loss: str) -> None:
    for rows in (500, 30_000):
        x, y = make_rows(rows)
        engine = make_engine(x, y, loss)
        weights = np.random.default_rng(4).standard_normal((9, 3))
        assert engine.loss(weights).tobytes() == engine.loss_and_grad(weights)[0].tobytes()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("rows", [500, 70_000, 300_000])
def test_the_number_of_threads_changes_no_bit(loss: str, rows: int) -> None:
    x, y = make_rows(rows)
    weights = np.random.default_rng(5).standard_normal((4, 3))
    results = set()
    for threads in (1, 2, 3, 5):
        engine = make_engine(x, y, loss, threads)
        for _ in range(3):  # threads take different blocks in each pass
            value, grad = engine.loss_and_grad(weights)
            results.add((value.tobytes(), grad.tobytes()))
    assert len(results) == 1


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("rows", "features"), [(500, 2), (7001, 2), (300_000, 2), (20_000, 7)])
def test_a_lane_has_the_same_bits_alone_and_among_others(
    loss: str, rows: int, features: int
) -> None:
    x, y = make_rows(rows, features)
    engine = make_engine(x, y, loss)
    weights = np.random.default_rng(6).standard_normal((150, features + 1))
    together = engine.loss_and_grad(weights)
    for number in (0, 1, 31, 64, 65, 149):
        alone = engine.loss_and_grad(weights[number : number + 1])
        assert alone[0].tobytes() == together[0][number].tobytes()
        assert alone[1].tobytes() == together[1][number].tobytes()
    for begin, stop in ((3, 5), (10, 17), (40, 104)):
        some = engine.loss_and_grad(weights[begin:stop])
        assert some[0].tobytes() == together[0][begin:stop].tobytes()
        assert some[1].tobytes() == together[1][begin:stop].tobytes()


@pytest.mark.parametrize("kernels", [set(), {"any"}])
@pytest.mark.parametrize("features", [1, 2, 15])
def test_both_ways_to_multiply_rows_of_few_columns_agree_with_exact_sums(
    monkeypatch: pytest.MonkeyPatch, kernels: set[str], features: int
) -> None:
    monkeypatch.setattr(engine_module.ONE_BLAS_THREAD, "kernels", lambda: kernels)
    monkeypatch.setattr(engine_module, "AVX512_KERNELS", {"any"})
    monkeypatch.setattr(engine_module, "SMALL_DATA_BYTES", 0)
    x, y = make_rows(1001, features)
    weights = 0.5 * np.random.default_rng(1).standard_normal((2, features + 1))
    value, grad = make_engine(x, y).loss_and_grad(weights)
    for lane in range(2):
        wanted = slow("sse", weights[lane], x, y)
        assert value[lane] == pytest.approx(wanted[0], rel=1e-12)
        np.testing.assert_allclose(grad[lane], wanted[1], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("hidden", [(), (4,), (5, 3)])
@pytest.mark.parametrize(
    ("task", "loss"), [(t, one) for t, all_ in ON_DATA.items() for one in all_]
)
def test_stacked_lanes_have_the_bits_of_their_own_engines_on_their_own_rows(
    task: str, loss: str, hidden: tuple[int, ...], dtype: type
) -> None:
    rng = np.random.default_rng(8)
    model = Model(4, 3 if task == "multiclass" else 1, hidden)
    for weighted in (False, True):
        engines = []
        for rows, l2 in ((101, 0.1), (101, 0.3), (102, 0.3), (101, 0.0), (7, 0.0)):
            x = np.ones((rows, 5))
            x[:, :-1] = rng.standard_normal((rows, 4))
            kinds = {"binary": 2, "multiclass": 3}
            y = rng.integers(kinds[task], size=rows) if task in kinds else rng.standard_normal(rows)
            engines.append(
                LocalEngine(
                    model,
                    make_loss(loss, task, dtype),
                    x,
                    y,
                    penalty=Penalty(0.01 if weighted else 0.0, l2),
                    row_weights=rng.uniform(0.5, 2.0, rows) if weighted else None,
                    dtype=dtype,
                )
            )
        stacked = StackedEngine(engines)
        for _ in range(2):
            weights = rng.standard_normal((5, model.parameters)).astype(dtype)
            together = stacked.loss_and_grad(weights)
            assert together[0].dtype == together[1].dtype == dtype
            assert stacked.loss(weights).tobytes() == together[0].tobytes()
            for lane, engine in enumerate(engines):
                alone = engine.loss_and_grad(weights[lane : lane + 1])
                assert alone[0].tobytes() == together[0][lane].tobytes()
                assert alone[1].tobytes() == together[1][lane].tobytes()


def test_a_stacked_mean_is_over_each_lanes_own_sum_of_weights() -> None:
    x, y = make_rows(8)
    weights = np.random.default_rng(9).standard_normal((2, 3))
    per_row = [np.full(8, 0.125), np.full(8, 2.0)]  # the first sum is 1, which needs no factor
    rule = make_loss("cross-entropy", "binary")
    engines = [LocalEngine(Model(2, 1), rule, x, y, row_weights=one) for one in per_row]
    losses, grads = StackedEngine(engines).loss_and_grad(weights)
    for lane in range(2):
        wanted_loss, wanted_grad = slow("cross-entropy", weights[lane], x, y)
        assert losses[lane] == pytest.approx(wanted_loss, rel=1e-13)
        np.testing.assert_allclose(grads[lane], wanted_grad, rtol=1e-12)


def test_only_small_rows_in_memory_can_be_stacked() -> None:
    x, y = make_rows(500)
    assert make_engine(x, y).stack_bytes == 500 * (3 + 3) * 8  # columns, and three buffers
    for rows in (70_000, 300_000):  # several blocks; more than a MiB
        assert math.isinf(make_engine(*make_rows(rows)).stack_bytes)
    sparse = LocalEngine(Model(2, 1), make_loss("mse", "binary"), csr_array(x), y)
    assert math.isinf(sparse.stack_bytes)


def test_a_lane_has_the_same_bits_with_many_sections() -> None:
    """numpy's `sum` over more than eight parts uses another order for a single lane."""
    x, y = make_rows(1_500_000)
    engine = make_engine(x, y)
    weights = np.random.default_rng(6).standard_normal((24, 3))
    together = engine.loss(weights)
    alone = np.concatenate([engine.loss(weights[i : i + 1]) for i in range(24)])
    assert alone.tobytes() == together.tobytes()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("rows", [500, 40_000])
def test_rows_selects_these_rows_in_their_order(loss: str, rows: int) -> None:
    x, y = make_rows(rows)
    whole = make_engine(x, y, loss)
    weights = np.random.default_rng(7).standard_normal((3, 3))
    before = whole.loss_and_grad(weights)
    order = np.random.default_rng(8).permutation(rows)
    for chosen in (order[:1], order[:37], order[: rows // 2], order, np.array([5, 5, 5])):
        part = make_engine(x[chosen], y[chosen], loss)
        got, wanted = whole.loss_and_grad(weights, chosen), part.loss_and_grad(weights)
        np.testing.assert_allclose(got[0], wanted[0], rtol=1e-13)
        scale = np.abs(x[chosen]).sum()
        np.testing.assert_allclose(got[1], wanted[1], rtol=1e-12, atol=1e-15 * scale)
        again = whole.loss_and_grad(weights, chosen)
        assert got[0].tobytes() == again[0].tobytes()
        assert got[1].tobytes() == again[1].tobytes()
    after = whole.loss_and_grad(weights)
    assert before[0].tobytes() == after[0].tobytes()
    assert before[1].tobytes() == after[1].tobytes()


@pytest.mark.parametrize("loss", LOSSES)
def test_the_next_pass_changes_neither_results_nor_inputs(loss: str) -> None:
    for rows in (300, 20_000):
        x, y = make_rows(rows)
        kept_x, kept_y = x.copy(), y.copy()
        engine = make_engine(x, y, loss)
        weights = np.random.default_rng(9).standard_normal((2, 3))
        kept = weights.copy()
        value, grad = engine.loss_and_grad(weights)
        copies = value.copy(), grad.copy()
        engine.loss_and_grad(weights + 1)
        engine.loss(weights - 1)
        assert np.array_equal(value, copies[0])
        assert np.array_equal(grad, copies[1])
        assert np.array_equal(weights, kept)
        assert np.array_equal(x, kept_x)
        assert np.array_equal(y, kept_y)


def test_a_pass_makes_no_temporary_as_long_as_the_data() -> None:
    x, y = make_rows(1_000_000)
    engine = make_engine(x, y, "sse")
    weights = np.zeros((1, 3))
    tracemalloc.start()
    try:
        for _ in range(2):
            engine.loss_and_grad(weights)
        _, peak = tracemalloc.get_traced_memory()
        assert peak < 25e6
        # the measurement does see an array of a million scores
        tracemalloc.reset_peak()
        np.exp(x @ weights[0])
        assert tracemalloc.get_traced_memory()[1] > 16e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [1e3, 1e6, 1e150])
@pytest.mark.parametrize("rows", [500, 9000])
def test_extreme_weights_give_finite_squared_error_and_no_warning(size: float, rows: int) -> None:
    x, y = make_rows(rows)
    engine = make_engine(x, y, "sse")
    weights = size * np.array([[1, 1, 1], [-1, 1, 1], [1, -1, -1], [-1, -1, -1]], dtype=float)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss, grad = engine.loss_and_grad(weights)
    assert np.isfinite(grad).all()
    wanted = [np.sum((expit(x @ w) - y) ** 2) for w in weights]
    np.testing.assert_allclose(loss, wanted, rtol=1e-9)


def test_extreme_weights_give_no_warning_while_another_thread_computes() -> None:
    x, y = make_rows(500)
    engine = make_engine(x, y, "sse")
    inside, done = threading.Event(), threading.Event()

    def compute() -> None:
        with computing():
            inside.set()
            done.wait()

    other = threading.Thread(target=compute)
    other.start()
    inside.wait()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loss, _ = engine.loss_and_grad(np.full((1, 3), 1e6))
    finally:
        done.set()
        other.join()
    assert loss[0] == np.sum((expit(x @ np.full(3, 1e6)) - y) ** 2)


@pytest.mark.parametrize("size", [1e3, 1e6, 1e150])
def test_extreme_weights_give_the_cross_entropy_of_their_scores(size: float) -> None:
    x, y = make_rows(500)
    weights = size * np.array([[1.0, -2.0, 0.5]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss, grad = make_engine(x, y, "cross-entropy").loss_and_grad(weights)
    z = x @ weights[0]
    assert loss[0] == pytest.approx(np.mean(np.logaddexp(0, np.where(y, -z, z))), rel=1e-12)
    assert np.isfinite(grad).all()


@pytest.mark.parametrize(("threads", "calls_until"), [(1, 3), (2, 1)])
def test_a_pass_can_be_interrupted_between_blocks_and_the_next_is_complete(
    threads: int, calls_until: int
) -> None:
    x, y = make_rows(400_000)
    engine = make_engine(x, y, "sse", threads)
    weights = np.zeros((2, 3))
    wanted = engine.loss_and_grad(weights)
    calls = []

    def give_up() -> None:
        calls.append(threading.get_ident())
        if len(calls) == calls_until:
            raise Interrupted

    engine.between_blocks = give_up
    with pytest.raises(Interrupted):
        engine.loss_and_grad(weights)
    assert calls == [threading.get_ident()] * calls_until
    got = engine.loss_and_grad(weights)
    assert got[0].tobytes() == wanted[0].tobytes()
    assert got[1].tobytes() == wanted[1].tobytes()
