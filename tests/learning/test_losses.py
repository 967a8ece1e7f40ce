"""Losses and their gradients against torch's autograd, and at extreme scores."""

import json
import warnings

import numpy as np
import pytest

from tests.learning import make_gradient_reference as made
from tests.learning.make_gradient_reference import CASES, Case
from tests.making import ON_DATA, Floats
from tui_gd.learning import LOSSES
from tui_gd.learning.engine import LocalEngine
from tui_gd.learning.losses import POSSIBLE, Loss, make_loss
from tui_gd.learning.models import ACTIVATIONS, Model

REFERENCE = json.loads(made.FILE.read_text("utf-8"))
SIZES = [1e3, 1e6, 1e300]


def engine_of(case: Case, **options: object) -> LocalEngine:
    x, y, _ = made.inputs(case)
    model = Model(made.FEATURES, made.OUTPUTS[case.task], case.hidden, case.activation)
    return LocalEngine(model, make_loss(case.loss, case.task), x, y, **options)  # type: ignore[arg-type]


# torch -----------------------------------------------------------------------


def test_the_inputs_are_those_that_torch_was_given() -> None:
    """If this fails, numpy's generator has changed: make the reference again."""
    assert made.digest() == REFERENCE["digest"]


def test_the_reference_covers_all_losses_tasks_and_activations() -> None:
    assert ON_DATA == made.LOSSES
    assert set(ACTIVATIONS) == set(made.ACTIVATIONS)
    assert set(REFERENCE["cases"]) == {str(case) for case in CASES}
    assert len(CASES) == 12 * (1 + 2 * 4)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_loss_and_gradient_are_torchs(case: Case) -> None:
    wanted = REFERENCE["cases"][str(case)]
    _, _, weights = made.inputs(case)
    loss, direction = engine_of(case).loss_and_grad(weights)
    np.testing.assert_allclose(loss, wanted["loss"], rtol=1e-12, atol=0)
    # the tutorial descends along half the gradient of its sum of squares
    factor = 0.5 if case.loss == "sse" else 1.0
    gradient = factor * np.array(wanted["gradient"])
    # terms of rows cancel: the sum may be less than a thousandth of them
    scale = np.abs(gradient).max()
    np.testing.assert_allclose(direction, gradient, rtol=1e-12, atol=1e-15 * scale)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_direction_is_the_gradient_times_the_factor_of_the_loss(case: Case) -> None:
    assert make_loss(case.loss, case.task).descent_factor == (0.5 if case.loss == "sse" else 1.0)


# extreme scores ----------------------------------------------------------------


def rows_of(loss: Loss, scores: Floats, y: np.ndarray) -> tuple[Floats, Floats]:
    """Return the loss of every row and delta for one lane; any warning but overflow is an error."""
    buffers = [np.full((1, *scores.shape), np.nan) for _ in range(2)]
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        warnings.simplefilter("error")
        losses = loss._rows(scores[None].copy(), y, *buffers, gradient=True)
    assert losses.shape == (1, len(scores))
    return losses[0].copy(), buffers[0][0].copy()


def expect(loss: Loss, scores: list[object], y: list[float], losses: object, delta: object) -> None:
    got = rows_of(loss, np.array(scores, dtype=float), np.array(y))
    np.testing.assert_allclose(got[0], losses, rtol=1e-14, atol=1e-300)
    # p is never below e^−709
    np.testing.assert_allclose(got[1], delta, rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["sse", "mse"])
def test_squared_error_of_a_sigmoid_at_extreme_scores(name: str, size: float) -> None:
    loss = make_loss(name, "binary")
    scores = np.array([size, size, -size, -size])
    losses, delta = rows_of(loss, scores, np.array([1, 0, 1, 0]))
    np.testing.assert_array_equal(losses, [0, 1, 1, 0])
    # p·(1 − p) is e^−1000 and less
    np.testing.assert_allclose(delta, np.zeros(4), atol=1e-300)
    with np.errstate(over="ignore"):
        alone = [
            float(loss.block(scores[None, [i]].copy(), y, *np.empty((2, 1, 1)), gradient=True)[0])
            for i, y in enumerate(np.array([[1], [0], [1], [0]]))
        ]
    assert alone == [0, 1, 1, 0]


@pytest.mark.parametrize("size", SIZES)
def test_cross_entropy_of_a_sigmoid_at_extreme_scores(size: float) -> None:
    expect(
        make_loss("cross-entropy", "binary"),
        [size, size, -size, -size],
        [1, 0, 1, 0],
        [0, size, size, 0],
        [0, 1, -1, 0],
    )


@pytest.mark.parametrize("size", SIZES)
def test_hinge_at_extreme_scores(size: float) -> None:
    expect(
        make_loss("hinge", "binary"),
        [size, size, -size, -size, 0],
        [1, 0, 1, 0, 1],
        [0, 1 + size, 1 + size, 0, 1],
        [0, 1, -1, 0, -1],
    )


FAR = [[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [-1.0, -1.0, 1.0], [1.0, 1.0, -1.0], [1.0, 1.0, 1.0]]
FAR_Y = [0, 0, 2, 0, 1]


@pytest.mark.parametrize("size", SIZES)
def test_cross_entropy_of_a_softmax_at_extreme_scores(size: float) -> None:
    half, third = np.log(2.0), np.log(3.0)
    expect(
        make_loss("cross-entropy", "multiclass"),
        list(size * np.array(FAR)),
        FAR_Y,
        [0, 2 * size, 0, half, third],
        [[0, 0, 0], [-1, 1, 0], [0, 0, 0], [-0.5, 0.5, 0], [1 / 3, -2 / 3, 1 / 3]],
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["sse", "mse"])
def test_squared_error_of_a_softmax_at_extreme_scores(name: str, size: float) -> None:
    """Of three equal scores `p_j · (e_j − Σ e·p)` is 1/9 and −2/9; of two, ∓1/4."""
    losses, delta = rows_of(make_loss(name, "multiclass"), size * np.array(FAR), np.array(FAR_Y))
    np.testing.assert_allclose(losses, [0, 2, 0, 0.5, 2 / 3], rtol=1e-14)
    wanted = [[0, 0, 0], [0, 0, 0], [0, 0, 0], [-0.25, 0.25, 0], [1 / 9, -2 / 9, 1 / 9]]
    np.testing.assert_allclose(delta, wanted, rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("size", SIZES)
def test_multiclass_hinge_at_extreme_scores(size: float) -> None:
    lost = [0, 2 * size + 1 + size + 1, 0, 1, 2]
    expect(
        make_loss("hinge", "multiclass"),
        list(size * np.array(FAR)),
        FAR_Y,
        lost,
        [[0, 0, 0], [-2, 1, 1], [0, 0, 0], [-1, 1, 0], [1, -2, 1]],
    )


@pytest.mark.parametrize("size", SIZES)
def test_absolute_and_huber_loss_at_extreme_scores(size: float) -> None:
    scores, y = [size, -size, 0.5], [0.0, 0.0, 0.5]
    expect(make_loss("mae", "regression"), scores, y, [size, size, 0], [1, -1, 0])
    huber = [size - 0.5, size - 0.5, 0]
    expect(make_loss("huber", "regression"), scores, y, huber, [1, -1, 0])


@pytest.mark.parametrize("name", ["sse", "mse"])
@pytest.mark.parametrize("size", [1e3, 1e6, 1e150])
def test_squared_error_at_extreme_scores(name: str, size: float) -> None:
    expect(make_loss(name, "regression"), [size, -size], [0, 0], [size**2] * 2, [size, -size])


def test_a_squared_error_that_overflows_is_inf() -> None:
    """As 1e300² does; the trainer silences numpy's warning and stops before it."""
    with np.errstate(over="ignore"):
        losses, delta = rows_of(make_loss("sse", "regression"), np.array([1e300]), np.zeros(1))
    assert losses[0] == np.inf
    assert delta[0] == 1e300


@pytest.mark.parametrize("task", ON_DATA)
@pytest.mark.parametrize("size", SIZES)
def test_no_loss_is_nan_at_extreme_scores_in_either_precision(task: str, size: float) -> None:
    outputs = 3 if task == "multiclass" else 1
    for dtype in (np.float64, np.float32):
        scores = np.array([1, -1, 0.5, 0, -0.5, 1]) * min(size, float(np.finfo(dtype).max) / 64)
        scores = scores.astype(dtype)[None]
        if outputs > 1:
            scores = scores.reshape(1, 2, 3)
        y = np.array([1, 0, 1, 0, 0, 1], np.int8)[: scores.shape[1]]
        for name in ON_DATA[task]:
            buffers = np.empty((2, *scores.shape), dtype)
            with np.errstate(over="ignore" if name in {"sse", "mse"} else "raise", invalid="raise"):
                loss = make_loss(name, task, dtype).block(scores.copy(), y, *buffers, gradient=True)
            assert not np.isnan(loss).any(), name
            assert np.isfinite(buffers[0]).all(), name
            assert loss.dtype == buffers.dtype == dtype


def test_small_cross_entropy_keeps_its_digits() -> None:
    """`log(1 + e^−s)` is e^−s to sixteen digits for s = 40."""
    loss, _ = rows_of(
        make_loss("cross-entropy", "binary"), np.array([40.0, -40.0]), np.array([1, 0])
    )
    np.testing.assert_allclose(loss, [np.exp(-40.0)] * 2, rtol=1e-14)


# names -----------------------------------------------------------------------


def test_a_loss_of_another_task_is_a_one_line_error() -> None:
    for task, names in POSSIBLE.items():
        for name in [*LOSSES, "nonsense"]:
            if name in names:
                assert make_loss(name, task).name in {name, "sse"}
            else:
                with pytest.raises(
                    ValueError, match=f"^loss {name} does not go .*{task}"
                ) as caught:
                    make_loss(name, task)
                assert "\n" not in str(caught.value)
