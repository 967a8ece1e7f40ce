"""Engines: what computes the loss and the gradient of all lanes.

The local engine walks through the data in blocks of rows, and each thread takes the next block.
Blocks form sections of fixed length. The blocks of a section are summed in order and the sections
are summed in order, so the number of threads does not change a bit.
"""

import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass
from itertools import count, groupby
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray
from threadpoolctl import ThreadpoolController

from tui_gd.learning.losses import (
    Floats,
    Loss,
    SigmoidSquaredError,
    Targets,
)
from tui_gd.learning.models import Buffers, Model, is_sparse


class _OneBlasThread:
    """Holds BLAS to one thread while any of its contexts is open; they may nest and overlap.

    BLAS has one setting for the whole process, so this counts contexts over the whole process. On
    tall data, BLAS's own threads make it slower, and they sum in another order.
    """

    held: int

    def __init__(self) -> None:
        self.held = 0
        self._lock = threading.Lock()
        self._controller: ThreadpoolController | None = None
        self._limiter: Any = None
        self._kernels: set[str] | None = None

    def __enter__(self) -> None:
        with self._lock:
            if not self.held:
                self._limiter = self._libraries().limit(limits=1, user_api="blas")
                self._limiter.__enter__()
            self.held += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.held -= 1
            if not self.held:
                self._limiter.__exit__(None, None, None)

    def kernels(self) -> set[str]:
        """Return the names of the processors that the loaded BLAS kernels are made for."""
        with self._lock:
            if self._kernels is None:
                self._kernels = {str(one.get("architecture")) for one in self._libraries().info()}
            return self._kernels

    def _libraries(self) -> ThreadpoolController:
        self._controller = self._controller or ThreadpoolController()
        return self._controller


ONE_BLAS_THREAD = _OneBlasThread()


class _ThisThread(threading.local):
    """Whether the thread is inside a `computing` context."""

    computing = False


_THIS_THREAD = _ThisThread()


@contextmanager
def computing() -> Iterator[None]:
    """Hold BLAS to one thread and silence numpy's warnings, on this thread, inside the context.

    Overflow is expected: callers check whether the numbers that come out are finite.
    """
    before, _THIS_THREAD.computing = _THIS_THREAD.computing, True
    try:
        with ONE_BLAS_THREAD, np.errstate(all="ignore"):
            yield
    finally:
        _THIS_THREAD.computing = before


Rows = NDArray[np.intp]
Sums = tuple[Floats, Floats]
"""Loss (lanes,) and direction of descent (lanes, parameters), over some rows."""

# The most bytes of a block of rows with its buffers. A fraction of it would stay in a core's
# second-level cache, but between numpy's operations two threads wait for the interpreter lock, and
# the shorter the block, the more. On two threads, from 3 to 1,000 columns, longer ones are faster.
BLOCK_BYTES = 1 << 22
SMALLEST_BLOCK, LARGEST_BLOCK = 1024, 65_536
SECTION_ROWS = 2 * LARGEST_BLOCK
# per buffer of scores: 32 Ki doubles are 256 KiB
BUFFER_SCORES = 32_768
# up to this size the data are copied in column order: it costs nothing and BLAS is faster on it
SMALL_DATA_BYTES = 1 << 20
# with these kernels of OpenBLAS, `multiply_pairs` is faster for up to this many columns
AVX512_KERNELS = {"SkylakeX", "Cooperlake", "SapphireRapids"}
MOST_PAIR_COLUMNS = 16


def block_rows(numbers: int) -> int:
    """Return the rows of a block with that many numbers a row: a power of two."""
    fitting = max(1, BLOCK_BYTES // (8 * numbers))
    return min(max(1 << (fitting.bit_length() - 1), SMALLEST_BLOCK), LARGEST_BLOCK)


class Interrupted(Exception):  # noqa: N818 - not an error: the result is no longer wanted
    """A pass over the data was given up between two blocks; nothing has changed."""


def interrupting(wanted: Callable[[], bool]) -> Callable[[], None]:
    """Return a `between_blocks` hook that raises `Interrupted` once `wanted()` is false."""

    def look() -> None:
        if not wanted():
            raise Interrupted

    return look


class Engine(Protocol):
    """The whole interface between the mathematics and the machines.

    `rule` is the loss. `between_blocks`, if set, is called between blocks of rows, on the calling
    thread; it may raise `Interrupted` to give up the pass.
    """

    rule: Loss
    between_blocks: Callable[[], None] | None

    def loss_and_grad(
        self, weights: Floats, rows: NDArray[np.intp] | None = None
    ) -> tuple[Floats, Floats]:
        """Return the loss (lanes,) and the direction of descent (lanes, parameters)."""

    def loss(self, weights: Floats) -> Floats:
        """Return the loss (lanes,) alone, the same bits as `loss_and_grad` gives."""


EngineMaker = Callable[[str], Engine]
"""Makes an engine on a run's data from the name of a loss."""


def _cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Penalty:
    """A term of the training loss: `l1 · sum|w| + l2/2 · sum w²` over all weights but biases."""

    l1: float = 0.0
    l2: float = 0.0


class LocalEngine:
    """Loss and gradient on this machine's cores; see `Engine`.

    `x` is (rows, features + 1) with ones last, `y` is (rows,). A sparse `x`, in compressed rows, is
    multiplied as it is. If `x` has no column of ones, or another type than `dtype`, its rows are
    converted block by block: it may be mapped from a file larger than memory. `row_weights` (rows,)
    multiply the losses of the rows; a mean is then over the sum of the weights.

    A `part` of larger data is computed as it would be within them, however few its rows are: see
    `section_sums`.

    A lane's result depends neither on the other lanes nor on the number of threads. Memory beside
    the data: three buffers of 256 KiB per thread, or of one block of one lane if that is more.

    `stack_bytes` is what a lane takes in a `StackedEngine`, its rows with their buffers; infinite
    if the data are too large for one.
    """

    penalty: Penalty
    stack_bytes: float

    def __init__(  # noqa: PLR0913
        self,
        model: Model,
        loss: Loss,
        x: Floats,
        y: Targets,
        threads: int | None = None,
        *,
        penalty: Penalty | None = None,
        row_weights: Floats | None = None,
        dtype: DTypeLike = np.float64,
        part: bool = False,
    ) -> None:
        self.between_blocks: Callable[[], None] | None = None
        self._model = model
        self.rule = loss
        self._dtype = np.dtype(dtype)
        self._signed: SigmoidSquaredError | None = None
        columns = numbers = model.features + 1
        if is_sparse(x):
            x = x.astype(self._dtype, copy=False)
            numbers = max(1, x.nnz // max(1, x.shape[0]))  # type: ignore[attr-defined]
        elif x.nbytes <= SMALL_DATA_BYTES and not part:
            ready = np.ones((len(x), columns), self._dtype, order="F")
            ready[:, : x.shape[1]] = x
            x, y = ready, y.astype(self._dtype)
            plain = row_weights is None and not model.hidden
            if plain and type(loss) is SigmoidSquaredError:
                self._signed = loss
                x *= 2.0 * y[:, None].astype(self._dtype) - 1.0
        self._x, self._y = x, y
        self._as_it_is = x.shape[1] == columns and x.dtype == self._dtype
        self._row_weights = None if row_weights is None else row_weights.astype(self._dtype)
        self.penalty = penalty or Penalty()
        self._l2: Floats | None = None  # of every lane, in a stack
        self._threads = threads or _cores()
        self._pool: ThreadPoolExecutor | None = None
        units = sum(units + 1 for units in model.hidden)
        numbers += 3 * model.outputs + 2 * units
        rows = block_rows(numbers)
        self._one_block = len(y) <= rows
        small = self._one_block and not part and not is_sparse(x) and x.nbytes <= SMALL_DATA_BYTES
        self.stack_bytes = 8.0 * numbers * len(y) if small else math.inf
        self._block_rows = block = max(1, min(len(y), rows))
        widest = max(model.outputs, *(units + 1 for units in model.hidden), 1)
        self._lanes_at_once = max(1, BUFFER_SCORES // (block * widest))
        self._unlock = part or not self._one_block
        # small data are in column order, which needs no pairs
        self._pairs = columns <= MOST_PAIR_COLUMNS and self._dtype == np.float64
        self._pairs &= not is_sparse(x) and not x.flags.f_contiguous
        self._pairs &= not ONE_BLAS_THREAD.kernels().isdisjoint(AVX512_KERNELS)
        self._buffers = [self._make_buffers()]
        self._bound_lanes, self._bound_pass = -1, self._bind(0)
        self._scales: tuple[float | Floats, float | Floats] = self._scales_for(None)
        self._plain = self._scales == (1.0, 1.0) and not (self.penalty.l1 or self.penalty.l2)

    @classmethod
    def stack(cls, engines: Sequence["LocalEngine"]) -> "LocalEngine":
        """Return one engine for as many lanes, each on the rows of its own engine.

        All have one `stack_kind`. `x` is (lanes, rows, features + 1), each lane's in column order.
        """
        first, lanes = engines[0], len(engines)
        found = copy(first)
        found._x = np.stack([one._x.T for one in engines]).mT
        found._y = np.stack([one._y for one in engines])
        weights = [one._row_weights for one in engines if one._row_weights is not None]
        found._row_weights = np.stack(weights) if weights else None
        found._buffers = [first._model.buffers(lanes, found._y.shape[1], first._dtype)]
        loss_scales, grad_scales = zip(*(one._scales for one in engines), strict=True)
        found._scales = (
            np.array(loss_scales, first._dtype),
            np.array(grad_scales, first._dtype)[:, None],
        )
        found._plain = all(one._plain for one in engines)
        found._l2 = np.array([one.penalty.l2 for one in engines], first._dtype)
        found._bound_lanes, found._bound_pass = lanes, found._bind(lanes)
        return found

    @property
    def stack_kind(self) -> tuple[int, bool]:
        """The number of rows, and whether there is a penalty: one of 0 may turn inf to NaN."""
        return len(self._y), bool(self.penalty.l1 or self.penalty.l2)

    def loss_and_grad(
        self, weights: Floats, rows: NDArray[np.intp] | None = None
    ) -> tuple[Floats, Floats]:
        """Return the loss (lanes,) and the direction of descent (lanes, parameters).

        The direction is `rule.descent_factor` times the gradient of the loss. With `rows`, both are
        those of these rows only, in this order.
        """
        if not _THIS_THREAD.computing:
            with computing():
                return self.loss_and_grad(weights, rows)
        if rows is None and len(weights) == self._bound_lanes:
            loss, grad = self._bound_pass(weights)
        else:
            loss, grad = self._passes(weights, rows, gradient=True)
        if not self._plain:
            self._finish(weights, rows, loss, grad)
        return loss, grad

    def loss(self, weights: Floats) -> Floats:
        """Return the loss (lanes,) alone, the same bits as `loss_and_grad` gives."""
        with computing():
            loss, grad = self._passes(weights, None, gradient=False)
        if not self._plain:
            self._finish(weights, None, loss, grad)
        return loss

    def section_sums(self, weights: Floats, *, gradient: bool = True) -> tuple[Floats, Floats]:
        """Return the sums over every section of rows, without factors and penalty.

        They are losses (sections, lanes) and directions (sections, lanes, parameters), without
        parameters if no `gradient` is wanted. Sections are `SECTION_ROWS` rows, the last one fewer.
        Data that are cut at multiples of that have the sections of all their parts, in order.
        """
        size = self._lanes_at_once
        with computing():
            groups = [
                self._section_sums(weights[i : i + size], None, gradient)
                for i in range(0, len(weights), size)
            ]
        sections = list(zip(*groups, strict=True))
        losses = [np.concatenate([loss for loss, _ in section]) for section in sections]
        grads = [np.concatenate([grad for _, grad in section]) for section in sections]
        return np.stack(losses), np.stack(grads)

    def _make_buffers(self) -> Buffers:
        buffers = self._model.buffers(self._lanes_at_once, self._block_rows, self._dtype)
        buffers.unlock, buffers.pairs = self._unlock, self._pairs
        if not self._as_it_is:
            buffers.rows = np.ones((self._block_rows, self._model.features + 1), self._dtype)
        return buffers

    def _scales_for(self, rows: NDArray[np.intp] | None) -> tuple[float, float]:
        if self._row_weights is not None:
            n = float(self._row_weights.sum() if rows is None else self._row_weights[rows].sum())
        else:
            n = float(len(self._y) if rows is None else len(rows))
        return self.rule.loss_scale(max(n, 1e-300)), self.rule.grad_scale(max(n, 1e-300))

    def _finish(
        self, weights: Floats, rows: NDArray[np.intp] | None, loss: Floats, grad: Floats
    ) -> None:
        """Apply the factors of the loss and add the penalty, in place."""
        loss_scale, grad_scale = self._scales if rows is None else self._scales_for(rows)
        np.multiply(loss, loss_scale, loss)
        np.multiply(grad, grad_scale, grad)
        add_penalty(self.penalty, self._model, self.rule, weights, (loss, grad), self._l2)

    def _passes(self, weights: Floats, rows: Rows | None, *, gradient: bool) -> Sums:
        """Make one pass over the data for every group of lanes that fits into the buffers."""
        size = self._lanes_at_once
        groups = [weights[i : i + size] for i in range(0, len(weights), size)]
        if rows is not None or not self._one_block or not self._as_it_is:
            parts = [self._sections(group, rows, gradient) for group in groups]
        elif gradient and len(groups) == 1:
            self._bound_lanes, self._bound_pass = len(weights), self._bind(len(weights))
            return self._bound_pass(weights)
        else:
            every_row = slice(0, len(self._y))
            parts = [self._block(group, self._buffers[0], every_row, gradient) for group in groups]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _sections(self, weights: Floats, rows: Rows | None, gradient: bool) -> Sums:
        """Make one pass over all sections; their sums are added in order, in double precision."""
        losses, grads = zip(*self._section_sums(weights, rows, gradient), strict=True)
        return sum_in_order(losses), sum_in_order(grads).astype(weights.dtype, copy=False)

    def _section_sums(self, weights: Floats, rows: Rows | None, gradient: bool) -> list[Sums]:
        """Return the sums of every section, in order and in double precision."""
        n = len(self._y) if rows is None else len(rows)
        size = self._block_rows

        def sums(block: int, buffers: Buffers) -> Sums:
            part = slice(block * size, min((block + 1) * size, n))
            return self._block(weights, buffers, part if rows is None else rows[part], gradient)

        losses, grads = zip(*self._share(-(-n // size), sums), strict=True)
        of_section = max(1, SECTION_ROWS // size)
        return [
            (sum_in_order(losses[i : i + of_section]), sum_in_order(grads[i : i + of_section]))
            for i in range(0, len(losses), of_section)
        ]

    def _share(self, units: int, work: Callable[[int, Buffers], Sums]) -> list[Sums]:
        """Return `work(unit, buffers)` for every unit; each thread takes the next unit."""
        results: dict[int, Sums] = {}
        shared = count()  # next() is one step in C, so threads may share it
        given_up = threading.Event()

        def run(buffers: Buffers, look: Callable[[], None]) -> None:
            with np.errstate(all="ignore"):  # per thread; see `computing`
                look()
                while (unit := next(shared)) < units:
                    results[unit] = work(unit, buffers)
                    look()

        def assist(buffers: Buffers) -> None:
            with suppress(Interrupted):
                run(buffers, interrupting(lambda: not given_up.is_set()))

        helpers = min(self._threads, units) - 1
        while len(self._buffers) <= helpers:
            self._buffers.append(self._make_buffers())
        if helpers > 0 and self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads - 1, "engine")
        futures = [
            self._pool.submit(assist, buffers)
            for buffers in self._buffers[1 : helpers + 1]
            if self._pool
        ]
        try:
            run(self._buffers[0], self.between_blocks or (lambda: None))
        except BaseException:
            given_up.set()
            raise
        finally:
            for future in futures:
                if not future.cancel():  # on a busy machine a helper may not have started
                    future.result()
        return [results[unit] for unit in range(units)]

    def _block(
        self, weights: Floats, buffers: Buffers, chosen: slice | Rows, gradient: bool
    ) -> Sums:
        """Return the sums over the chosen rows, which fit into the buffers."""
        x, y = self._x[chosen], self._y[chosen]
        if buffers.rows is not None:
            buffers.rows[: len(x), : x.shape[1]] = x
            x = buffers.rows[: len(x)]
        row_weights = None if self._row_weights is None else self._row_weights[chosen]
        cut = buffers.cut(len(weights), x.shape[0])
        scores = self._model.scores(weights, x, cut)
        if self._signed:
            loss = self._signed.signed_block(scores, cut.delta, gradient)
        else:
            loss = self.rule.block(scores, y, cut.delta, cut.spare, gradient, row_weights)
        if gradient:
            return loss, self._model.gradient(weights, x, cut.delta, cut)
        return loss, weights[:, :0]

    def _bind(self, lanes: int) -> Callable[[Floats], Sums]:
        """Return `_block` with gradient for that many lanes, if the data are a single block."""
        buffers = self._buffers[0].cut(lanes, self._y.shape[-1])
        delta, spare = buffers.delta, buffers.spare
        scores, gradient = self._model.bind(self._x, buffers)
        if self._signed:
            signed_block = self._signed.signed_block
            return lambda weights: (
                signed_block(scores(weights), delta, True),
                gradient(weights),
            )
        y, row_weights, block = self._y, self._row_weights, self.rule.block
        return lambda weights: (
            block(scores(weights), y, delta, spare, True, row_weights),
            gradient(weights),
        )


class StackedEngine:
    """Loss and gradient of lanes with rows of their own: lane k on those of `engines[k]`.

    The engines, all with finite `stack_bytes`, have one model, loss, l1 and type. Neighbours of one
    `stack_kind` share every call of numpy, which calls BLAS once for each lane, as it does for one.
    So each lane has the bits of its own engine.
    """

    def __init__(self, engines: Sequence[LocalEngine]) -> None:
        self.between_blocks: Callable[[], None] | None = None
        self.rule: Loss = engines[0].rule
        alike = [list(group) for _, group in groupby(engines, lambda one: one.stack_kind)]
        stacks = [LocalEngine.stack(group) for group in alike]
        ends = np.cumsum([len(group) for group in alike]).tolist()
        self._parts = [
            (stack.loss_and_grad, slice(end - len(group), end))
            for stack, group, end in zip(stacks, alike, ends, strict=True)
        ]

    def loss_and_grad(
        self, weights: Floats, rows: NDArray[np.intp] | None = None
    ) -> tuple[Floats, Floats]:
        """Return the loss (lanes,) and the direction of descent (lanes, parameters)."""
        assert rows is None, "each lane has rows of its own"
        if len(self._parts) == 1:
            return self._parts[0][0](weights)
        found = [evaluate(weights[lanes]) for evaluate, lanes in self._parts]
        losses, grads = zip(*found, strict=True)
        return np.concatenate(losses), np.concatenate(grads)

    def loss(self, weights: Floats) -> Floats:
        """Return the loss (lanes,) alone, the same bits as `loss_and_grad` gives."""
        return self.loss_and_grad(weights)[0]


def sum_in_order(parts: Sequence[Floats]) -> Floats:
    """Sum the parts in order, in double precision; numpy's `sum` has another order for one lane."""
    total: Floats = parts[0].astype(np.float64)
    for part in parts[1:]:
        total += part
    return total


def add_penalty(
    penalty: Penalty,
    model: Model,
    rule: Loss,
    weights: Floats,
    sums: Sums,
    lanes_l2: Floats | None = None,
) -> None:
    """Add the penalty of all weights but biases to the loss and the direction, in place.

    `lanes_l2` (lanes,) takes the place of the penalty's l2.
    """
    loss, grad = sums
    if not (penalty.l1 or penalty.l2):
        return
    l2 = penalty.l2 if lanes_l2 is None else lanes_l2
    penalized = np.where(model.is_bias, 0.0, weights)
    loss += penalty.l1 * np.abs(penalized).sum(axis=1)
    loss += l2 / 2.0 * np.vecdot(penalized, penalized)
    if grad.shape[1]:
        shrinking = (l2 * penalized.T).T
        grad += rule.descent_factor * (penalty.l1 * np.sign(penalized) + shrinking)
