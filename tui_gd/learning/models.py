"""Models: from rows to scores, from the scores' derivative to the gradient; initial weights.

Every lane has its own BLAS call of the same shape: `numpy.matvec`, and `matmul` on a stack of
matrices, call BLAS once per matrix. So a lane's bits do not depend on the number of lanes. One
matrix product over all lanes would be faster, but its rounding changes with their number, and a
replay after a branch would not give the same bits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from tui_gd.learning.losses import Sigmoid, softmax

Floats = NDArray[np.float64]


def is_sparse(x: object) -> bool:
    """Whether rows of data are a sparse matrix of scipy in compressed rows or columns."""
    return hasattr(x, "indptr")


def multiply(a: Floats, b: Floats, out: Floats, *, unlock: bool) -> None:
    """Write the products of matrices `a` (one for all, or one per lane) and `b` (lanes) into `out`.

    A sparse `a` is one for all. With few lanes, numpy's `matmul` keeps the interpreter lock, so two
    threads are no faster than one. With `unlock`, `dot` releases it: one Python call per lane.
    """
    if is_sparse(a):
        for lane, product in enumerate(out):
            product[...] = a @ b[lane]
        return
    if not unlock:
        np.matmul(a, b, out)
        return
    for lane, product in enumerate(out):
        product[...] = np.dot(a if a.ndim == 2 else a[lane], b[lane])


def multiply_pairs(x: Floats, weights: Floats, out: Floats) -> None:
    """Write `x · weights[lane]` into `out` (lanes, rows), two rows of `x` at a time.

    Two rows are one row of twice the length, times a matrix of two columns with the weights once
    in each. Some BLAS kernels do that up to three times as fast as rows of a few columns.
    """
    columns, even = x.shape[1], len(x) // 2 * 2
    pairs = x[:even].reshape(-1, 2 * columns)
    for own, scores in zip(weights, out, strict=True):
        twice = np.zeros((2 * columns, 2))
        twice[:columns, 0] = twice[columns:, 1] = own
        np.dot(pairs, twice, scores[:even].reshape(-1, 2))
    if even < len(x):
        np.vecdot(weights, x[-1], out[:, -1])


@dataclass(slots=True, eq=False)
class Buffers:
    """Memory for one block of rows and some lanes, made once and used for every block.

    `scores`, `delta` and `spare` are (lanes, rows), with several outputs (lanes, rows, outputs);
    `hidden` has one (lanes, rows, units + 1) per hidden layer, whose last column is ones. `rows` is
    for rows of data that have to be converted. `unlock` and `pairs` choose how products are
    computed, see `multiply` and `multiply_pairs`.
    """

    scores: Floats
    delta: Floats
    spare: Floats
    hidden: tuple[Floats, ...] = ()
    rows: Floats | None = None
    unlock: bool = False
    pairs: bool = False
    _part: "Buffers | None" = None

    def cut(self, lanes: int, rows: int) -> "Buffers":
        """Return the part for that many lanes and rows; the same one as long as they are equal."""
        if self._part is None or self._part.scores.shape[:2] != (lanes, rows):
            self._part = Buffers(
                self.scores[:lanes, :rows],
                self.delta[:lanes, :rows],
                self.spare[:lanes, :rows],
                tuple(layer[:lanes, :rows] for layer in self.hidden),
                unlock=self.unlock,
                pairs=self.pairs,
            )
        return self._part


@dataclass(frozen=True)
class Model:
    """A network of layers `a ← activation([a, 1] · W)`, the last one without activation.

    A lane's weights are its layers in order, each a matrix W (inputs + 1, outputs) row by row, the
    bias row last. Without hidden layers and with one output, this is the tutorial's column.
    """

    features: int
    outputs: int
    hidden: tuple[int, ...] = ()
    activation: str = "tanh"

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """The shape of every layer's matrix."""
        sizes = (self.features, *self.hidden, self.outputs)
        return tuple((inputs + 1, outputs) for inputs, outputs in pairwise(sizes))

    @cached_property
    def parameters(self) -> int:
        """The number of weights of one lane."""
        return sum(rows * columns for rows, columns in self.shapes)

    @cached_property
    def is_bias(self) -> NDArray[np.bool_]:
        """Which weights (parameters,) are biases."""
        parts = [np.zeros(shape, np.bool_) for shape in self.shapes]
        for part in parts:
            part[-1] = True
        return np.concatenate([part.ravel() for part in parts])

    def buffers(self, lanes: int, rows: int, dtype: DTypeLike = np.float64) -> Buffers:
        """Return buffers for that many lanes and rows."""
        shape = (lanes, rows, self.outputs) if self.outputs > 1 else (lanes, rows)
        scores, delta, spare = (np.empty(shape, dtype) for _ in range(3))
        hidden = tuple(np.ones((lanes, rows, units + 1), dtype) for units in self.hidden)
        return Buffers(scores, delta, spare, hidden)

    def matrices(self, weights: Floats) -> list[Floats]:
        """View `weights` (lanes, parameters) as one (lanes, inputs + 1, outputs) per layer."""
        views, start = [], 0
        for rows, columns in self.shapes:
            part = weights[:, start : start + rows * columns]
            views.append(part.reshape(-1, rows, columns))
            start += rows * columns
        return views

    def scores(self, weights: Floats, x: Floats, buffers: Buffers) -> Floats:
        """Write the scores of rows `x` (rows, features + 1), ones last, into the buffers.

        Lanes with rows of their own have `x` (lanes, rows, features + 1), here and below.
        """
        scores = buffers.scores
        if not self.hidden:
            if self.outputs > 1:
                multiply(x, weights.reshape(-1, *self.shapes[0]), scores, unlock=buffers.unlock)
            elif is_sparse(x):
                multiply(x, weights, scores, unlock=buffers.unlock)
            elif buffers.pairs and x.flags.c_contiguous:
                multiply_pairs(x, weights, scores)
            else:
                np.matvec(x, weights, scores)
            return scores
        matrices = self.matrices(weights)
        below: Floats = x
        for matrix, layer in zip(matrices, buffers.hidden, strict=False):
            units = layer[:, :, :-1]
            multiply(below, matrix, units, unlock=buffers.unlock)
            ACTIVATIONS[self.activation].apply(units)
            below = layer
        if self.outputs == 1:
            np.matvec(below, matrices[-1][:, :, 0], scores)
        else:
            multiply(below, matrices[-1], scores, unlock=buffers.unlock)
        return scores

    def gradient(self, weights: Floats, x: Floats, delta: Floats, buffers: Buffers) -> Floats:
        """Return the gradient (lanes, parameters) from `δ = ∂loss/∂scores`, by backpropagation.

        For every layer `∂loss/∂W = aᵀ · δ`, and below it `δ ← (δ · Wᵀ) ∘ activation'`. `buffers`
        must be as `scores` left them.
        """
        grad: Floats
        unlock = buffers.unlock
        dense_column = not self.hidden and self.outputs == 1 and not is_sparse(x)
        if dense_column and not unlock:
            grad = np.vecmat(delta, x)
            return grad
        grad = np.empty_like(weights)
        if dense_column:
            for own, lane_grad in zip(delta, grad, strict=True):
                np.dot(own, x, lane_grad)  # unlike vecmat, it releases the interpreter lock
            return grad
        parts, matrices = self.matrices(grad), self.matrices(weights)
        above = delta[:, :, None] if self.outputs == 1 else delta
        for number in range(len(self.hidden), 0, -1):
            layer = buffers.hidden[number - 1]
            multiply(layer.transpose(0, 2, 1), above, parts[number], unlock=unlock)
            below = np.empty((*above.shape[:2], self.hidden[number - 1]), above.dtype)
            multiply(above, matrices[number][:, :-1].transpose(0, 2, 1), below, unlock=unlock)
            above = below
            ACTIVATIONS[self.activation].carry_back(above, layer[:, :, :-1])
        multiply(x.T if x.ndim == 2 else x.mT, above, parts[0], unlock=unlock)
        return grad

    def bind(
        self, x: Floats, buffers: Buffers
    ) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
        """Return `scores` and `gradient` as functions of the weights; δ is `buffers.delta`.

        For data of a single block, where looking things up for every pass takes a tenth of the
        time.
        """
        scores, delta = buffers.scores, buffers.delta
        if not self.hidden and self.outputs == 1 and not is_sparse(x) and not buffers.pairs:
            matvec, vecmat = np.matvec, np.vecmat
            return lambda weights: matvec(x, weights, scores), lambda _: vecmat(delta, x)
        return (
            lambda weights: self.scores(weights, x, buffers),
            lambda weights: self.gradient(weights, x, delta, buffers),
        )


@dataclass(frozen=True)
class Activation:
    """An activation f in place, and `δ ← δ ∘ f'` in place, f' computed from the values of f."""

    apply: Callable[[Floats], object]
    carry_back: Callable[[Floats, Floats], object]


def _sigmoid(values: Floats) -> None:
    Sigmoid(values.dtype)(values, values)


def _sigmoid_back(delta: Floats, values: Floats) -> None:
    np.multiply(delta, values * (1.0 - values), delta)


def _tanh_back(delta: Floats, values: Floats) -> None:
    np.multiply(delta, 1.0 - values * values, delta)


def _relu_back(delta: Floats, values: Floats) -> None:
    np.multiply(delta, values > 0.0, delta)


ACTIVATIONS = {
    "sigmoid": Activation(_sigmoid, _sigmoid_back),
    "tanh": Activation(lambda f: np.tanh(f, f), _tanh_back),
    "relu": Activation(lambda f: np.maximum(f, 0.0, out=f), _relu_back),
    "linear": Activation(lambda _: None, lambda *_: None),
}


@dataclass(frozen=True)
class Predictor:
    """What a model predicts; it holds no weights, so threads may share it.

    Of two classes, class 1 is predicted where its probability is above `threshold`.
    """

    model: Model
    task: str
    threshold: float = 0.5

    def scores(self, weights: Floats, x: Floats) -> Floats:
        """Return the scores of one lane's `weights` (parameters,): (rows,) or (rows, classes)."""
        with np.errstate(all="ignore"):
            buffers = self.model.buffers(1, x.shape[0])
            scores: Floats = self.model.scores(weights[None], x, buffers)[0]
        return scores

    def units(self, weights: Floats, x: Floats) -> tuple[Floats, ...]:
        """Return the values of every hidden layer, (rows, units) each, for one lane's weights."""
        with np.errstate(all="ignore"):
            buffers = self.model.buffers(1, x.shape[0])
            self.model.scores(weights[None], x, buffers)
        return tuple(layer[0, :, :-1] for layer in buffers.hidden)

    def probabilities(self, weights: Floats, x: Floats) -> Floats:
        """Return the probability of every class (rows, classes); with two classes (1 − p, p)."""
        scores = self.scores(weights, x)
        if self.task == "multiclass":
            out = np.empty_like(scores)
            softmax(scores[None], out[None])
            return out
        p = Sigmoid(scores.dtype)(scores, scores)
        return np.stack([1.0 - p, p], axis=1)

    def log_probabilities(self, weights: Floats, x: Floats) -> Floats:
        """Return `ln p` of every class (rows, classes), also where p is 0 for a computer.

        With two classes `−ln(1 + exp(±s))` of the score s, otherwise `s − ln Σ exp(s)` of the
        scores.
        """
        scores = self.scores(weights, x)
        with np.errstate(all="ignore"):
            if self.task != "multiclass":
                return -np.logaddexp(0.0, np.stack([scores, -scores], axis=1))
            below = scores - scores.max(axis=1, keepdims=True)
            found: Floats = below - np.log(np.exp(below).sum(axis=1, keepdims=True))
        return found

    def predict(self, weights: Floats, x: Floats) -> NDArray[np.intp]:
        """Return the predicted class number of every row.

        With two classes, class 1 where p > `threshold`, in the tutorial 0.5; else the most probable
        class.
        """
        predicted: NDArray[np.intp] = self.predict_lanes(weights[None], x)[0]
        return predicted

    def predict_lanes(self, weights: Floats, x: Floats) -> NDArray[np.intp]:
        """Return the predicted classes (lanes, rows) for `weights` (lanes, parameters).

        Needs memory for the scores and the hidden layers of all lanes at once.
        """
        with np.errstate(all="ignore"):
            scores = self.model.scores(weights, x, self.model.buffers(len(weights), x.shape[0]))
        if self.task == "multiclass":
            best: NDArray[np.intp] = scores.argmax(axis=2)
            return best
        if self.threshold == 0.5:
            return (scores > 0.0).astype(np.intp)
        return (Sigmoid(scores.dtype)(scores, scores) > self.threshold).astype(np.intp)


# Initial weights

STARTS = {
    "normal": "standard normal, as the tutorial",
    "glorot": "uniform within ±√(6 / (inputs + outputs)), biases 0",
    "he": "normal with variance 2 / inputs, biases 0",
    "zeros": "all zero",
    "mean": "zeros, with hidden layers glorot; the intercept at the mean of a regression's target",
}


def make_start(name: str, seed: int, model: Model, intercept: float = 0.0) -> Floats:
    """Return a start (parameters,) drawn with `numpy.random.default_rng(seed)`.

    `normal` is one standard normal draw per weight, `zeros` none. `glorot` draws each layer from
    U(−a, a), `a = √(6 / (inputs + outputs))`; `he` from N(0, 2 / inputs); their biases are 0.
    `mean` is `zeros`, with hidden layers `glorot`, and the last biases are `intercept`: so a
    regression begins at its target's mean. Sources: Glorot and Bengio, 2010; He et al., 2015.
    """
    if name == "mean":
        start = make_start("glorot" if len(model.shapes) > 1 else "zeros", seed, model)
        model.matrices(start[None])[-1][0, -1] = intercept
        return start
    rng = np.random.default_rng(seed)
    if name == "normal":
        return rng.standard_normal(model.parameters)
    start = np.zeros(model.parameters)
    if name == "zeros":
        return start
    for (rows, outputs), matrix in zip(model.shapes, model.matrices(start[None]), strict=True):
        inputs = rows - 1
        if name == "glorot":
            limit = np.sqrt(6.0 / (inputs + outputs))
            matrix[0, :-1] = rng.uniform(-limit, limit, (inputs, outputs))
        else:
            matrix[0, :-1] = rng.standard_normal((inputs, outputs)) * np.sqrt(2.0 / inputs)
    return start


def lane_starts(weights: ArrayLike, lanes: int, parameters: int, dtype: DTypeLike) -> Floats:
    """Return `weights`, (parameters,) for all lanes or (lanes, parameters), as a new full array.

    `ValueError`, in one line, for other shapes.
    """
    start = np.array(weights, dtype=dtype)
    if start.shape not in {(parameters,), (lanes, parameters)}:
        raise ValueError(
            f"initial weights have shape {start.shape}: give ({parameters},)"
            f" or ({lanes}, {parameters})"
        )
    return np.broadcast_to(start, (lanes, parameters)).copy()
