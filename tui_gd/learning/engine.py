"""Engines: what computes loss and gradient for all lanes.

The local engine walks the data in blocks of rows that stay in the cache of one core. Blocks belong
to sections of fixed length; a thread takes whole sections. A section sums its blocks in order and
the sections are summed in order, so the number of threads does not change a bit.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from itertools import count
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from tui_gd.learning.losses import Loss
from tui_gd.learning.models import Floats, Model

BLOCK_ROWS = 8192
SECTION_BLOCKS = 16
# one buffer of scores: 64 Ki doubles are 512 KiB, so that two of them stay in a core's cache
BUFFER_SCORES = 65_536
# below this, a copy of the data with its columns contiguous costs nothing and BLAS is faster on it
SMALL_DATA_BYTES = 1 << 20


class Interrupted(Exception):  # noqa: N818 - not an error: what was asked for is no longer wanted
    """A pass over the data was given up between two blocks; nothing has changed."""


class Engine(Protocol):
    """The whole interface between the mathematics and the machines."""

    def loss_and_grad(
        self, weights: Floats, rows: NDArray[np.intp] | None = None
    ) -> tuple[Floats, Floats]:
        """Return the loss (lanes,) and the direction of descent (lanes, parameters)."""

    def loss(self, weights: Floats) -> Floats:
        """Return the loss (lanes,) alone, the same bits as `loss_and_grad` gives."""


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[Any]:
    """Hold BLAS to one thread while the context is open: on tall data its own threads cost time."""
    limit: AbstractContextManager[Any] = _blas().limit(limits=1, user_api="blas")
    return limit


class LocalEngine:
    """Loss and gradient on this machine's cores.

    `x` is (rows, features + 1) with ones last, `y` is (rows,). `weights` are (lanes, parameters).
    A lane's result does not depend on the other lanes, nor on the number of threads. Memory beside
    the data: two buffers of 512 KiB per thread, or of one block of one lane where that is more.

    `between_blocks`, if set, is called between blocks on the calling thread; it may raise
    `Interrupted` to give the pass up.
    """

    def __init__(
        self,
        model: Model,
        loss: Loss,
        x: Floats,
        y: NDArray[np.generic],
        threads: int | None = None,
    ) -> None:
        self.between_blocks: Callable[[], None] | None = None
        self._model = model
        self._loss = loss
        small = x.nbytes <= SMALL_DATA_BYTES
        self._x = np.asfortranarray(x) if small else x
        self._y = y.astype(x.dtype) if small else y
        self._threads = threads or len(os.sched_getaffinity(0))
        self._pool: ThreadPoolExecutor | None = None
        self._one_block = len(y) <= BLOCK_ROWS
        block = max(1, min(len(y), BLOCK_ROWS))
        self._lanes_at_once = max(1, BUFFER_SCORES // (block * model.outputs))
        outputs = (model.outputs,) if model.outputs > 1 else ()
        self._shape = (self._lanes_at_once, block, *outputs)
        self._buffers = [self._make_buffers()]

    def loss_and_grad(
        self, weights: Floats, rows: NDArray[np.intp] | None = None
    ) -> tuple[Floats, Floats]:
        """Return the loss (lanes,) and the direction of descent (lanes, parameters).

        The direction is `loss.descent_factor` times the gradient of the loss. With `rows`, both
        are those of these rows of the data alone, in this order.
        """
        if rows is None and self._one_block and len(weights) <= self._lanes_at_once:
            loss, grad = self._block(self._buffers[0], weights, self._x, self._y, True)
        else:
            loss, grad = self._passes(weights, rows, gradient=True)
        if self._loss.reduction == "mean":
            n = len(self._y) if rows is None else len(rows)
            np.divide(loss, n, loss)
            np.divide(grad, n, grad)
        return loss, grad

    def loss(self, weights: Floats) -> Floats:
        """Return the loss (lanes,) alone, the same bits as `loss_and_grad` gives."""
        loss, _ = self._passes(weights, None, gradient=False)
        if self._loss.reduction == "mean":
            np.divide(loss, len(self._y), loss)
        return loss

    def _make_buffers(self) -> tuple[Floats, Floats]:
        return np.empty(self._shape), np.empty(self._shape)

    def _passes(
        self, weights: Floats, rows: NDArray[np.intp] | None, *, gradient: bool
    ) -> tuple[Floats, Floats]:
        """One pass over the data for every group of lanes that the buffers hold."""
        group = self._lanes_at_once
        if len(weights) <= group:
            return self._one_pass(weights, rows, gradient)
        parts = [
            self._one_pass(weights[i : i + group], rows, gradient)
            for i in range(0, len(weights), group)
        ]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _one_pass(
        self, weights: Floats, rows: NDArray[np.intp] | None, gradient: bool
    ) -> tuple[Floats, Floats]:
        n = len(self._y) if rows is None else len(rows)
        if rows is None and self._one_block:
            return self._block(self._buffers[0], weights, self._x, self._y, gradient)
        section_rows = BLOCK_ROWS * SECTION_BLOCKS
        sections = -(-n // section_rows)
        losses = np.zeros((sections, len(weights)))
        grads = np.zeros((sections, *weights.shape)) if gradient else np.zeros((sections, 0, 0))
        given_up: list[bool] = []

        def work(buffers: tuple[Floats, Floats], mine: Iterator[int], *, calling: bool) -> None:
            with np.errstate(all="ignore"):  # numpy keeps this per thread; see Trainer
                for section in mine:
                    if section >= sections:
                        return
                    begin = section * section_rows
                    for start in range(begin, min(begin + section_rows, n), BLOCK_ROWS):
                        if given_up:
                            return
                        if calling and self.between_blocks:
                            self.between_blocks()
                        part = slice(start, min(start + BLOCK_ROWS, n))
                        chosen = part if rows is None else rows[part]
                        loss, grad = self._block(
                            buffers, weights, self._x[chosen], self._y[chosen], gradient
                        )
                        losses[section] += loss
                        if gradient:
                            grads[section] += grad

        shared = count()  # next() on it is one bytecode in C: safe between threads
        helpers = min(self._threads, sections) - 1
        while len(self._buffers) <= helpers:
            self._buffers.append(self._make_buffers())
        if helpers and self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads - 1, "engine")
        futures = [
            self._pool.submit(work, buffers, shared, calling=False)
            for buffers in self._buffers[1 : helpers + 1]
            if self._pool
        ]
        try:
            work(self._buffers[0], shared, calling=True)
        except BaseException:
            given_up.append(True)
            raise
        finally:
            for future in futures:
                future.result()
        return _sum_in_order(losses), _sum_in_order(grads)

    def _block(
        self,
        buffers: tuple[Floats, Floats],
        weights: Floats,
        x: Floats,
        y: NDArray[np.generic],
        gradient: bool,
    ) -> tuple[Floats, Floats]:
        lanes, rows = len(weights), len(y)
        scores, delta = buffers[0][:lanes, :rows], buffers[1][:lanes, :rows]
        self._model.scores(weights, x, scores)
        loss = self._loss.block(scores, y, delta, gradient)
        return loss, self._model.gradient(x, delta) if gradient else weights[:, :0]


def _sum_in_order(parts: Floats) -> Floats:
    """Sum over the first axis, first to last: `sum` would choose another order for one lane."""
    total: Floats = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total
