"""Rows in parts give the bits of the same rows in one piece, wherever they are cut."""

import threading
from itertools import pairwise

import numpy as np
import pytest

from tests.making import Floats, make_rows
from tui_gd.learning.engine import SECTION_ROWS, LocalEngine, Penalty
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Model
from tui_gd.problems.machines import Half, Parts, Rows, ThisMachine
from tui_gd.training.engines import PartitionedEngine, SectionSums

ROWS = 3 * SECTION_ROWS + 12_345


def parts_of(x: Floats, y: np.ndarray, cuts: list[int], test: int = 0) -> Parts:
    """Return the rows cut before each of `cuts`; the first `test` rows of a part are test rows."""
    bounds = [0, *cuts, len(y)]
    parts = [slice(a, b) for a, b in pairwise(bounds)]
    rows = [Rows(x[one], y[one], len(y[one]) - test) for one in parts]
    classes = tuple(np.bincount(y).tolist())
    return Parts(
        ThisMachine(),
        rows,
        tuple(one.train for one in rows),
        test * len(rows),
        x.size,
        ("",) * len(rows),
        class_counts=classes,
    )


@pytest.mark.parametrize("hidden", [(), (5,)])
@pytest.mark.parametrize("loss", ["sse", "cross-entropy"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_parts_cut_at_sections_have_the_bits_of_the_rows_in_one_piece(
    hidden: tuple[int, ...], loss: str, dtype: str
) -> None:
    x, y = make_rows(ROWS)
    model, kind, penalty = Model(2, 1, hidden), np.dtype(dtype), Penalty(0.1, 0.2)
    factors = np.array([1.0, 3.5])  # whose sum over the rows is exact
    rule = make_loss(loss, "binary", kind)
    whole = LocalEngine(model, rule, x, y, penalty=penalty, row_weights=factors[y], dtype=kind)
    rng = np.random.default_rng(3)
    weights = rng.standard_normal((3, model.parameters)).astype(kind)
    wanted = whole.loss_and_grad(weights)
    work = SectionSums(model, loss, "binary", kind, "train", factors)
    for cuts in ([1], [2], [1, 2], [1, 3], [1, 2, 3]):
        parts = parts_of(x, y, [cut * SECTION_ROWS for cut in cuts])
        engine = PartitionedEngine(model, parts, work, penalty=penalty)
        loss_found, grad = engine.loss_and_grad(weights)
        np.testing.assert_array_equal(grad, wanted[1])
        np.testing.assert_array_equal(loss_found, wanted[0])
        np.testing.assert_array_equal(engine.loss(weights), wanted[0])
        parts.close()


def test_test_rows_are_summed_apart() -> None:
    x, y = make_rows(3000)
    model = Model(2, 1)
    parts = parts_of(x, y, [1000, 2000], test=400)
    weights = np.array([[0.3, -0.2, 0.1]])
    kept = np.r_[0:600, 1000:1600, 2000:2600]
    halves: tuple[tuple[Half, np.ndarray], ...] = (
        ("train", kept),
        ("test", np.setdiff1d(np.arange(3000), kept)),
    )
    for half, rows in halves:
        work = SectionSums(model, "cross-entropy", "binary", np.dtype(float), half)
        found = PartitionedEngine(model, parts, work).loss(weights)
        wanted = LocalEngine(model, make_loss("cross-entropy", "binary"), x[rows], y[rows])
        np.testing.assert_allclose(found, wanted.loss(weights), rtol=1e-13)
    parts.close()


def test_a_pass_over_parts_can_be_given_up() -> None:
    x, y = make_rows(ROWS)
    model = Model(2, 1)
    parts = parts_of(x, y, [SECTION_ROWS])
    looked = threading.Event()

    class Waiting(SectionSums):
        def __call__(self, *arguments: object) -> object:
            assert looked.wait(60)
            return super().__call__(*arguments)

    class Enough(Exception):  # noqa: N818
        pass

    def look() -> None:
        looked.set()
        raise Enough

    work = Waiting(model, "sse", "binary", np.dtype(float), "train")
    engine = PartitionedEngine(model, parts, work)

    engine.between_blocks = look
    with pytest.raises(Enough):
        engine.loss_and_grad(np.zeros((1, 3)))
    engine.between_blocks = None
    assert np.isfinite(engine.loss_and_grad(np.zeros((1, 3)))[0]).all()
    parts.close()
