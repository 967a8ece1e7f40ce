"""What classifier and regressor share: parameters, descent, predictions block by block."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from tui_gd.learning.blas import computing
from tui_gd.learning.descent import Batches, Chunk, Descent
from tui_gd.learning.engine import LocalEngine, Penalty
from tui_gd.learning.history import Method
from tui_gd.learning.losses import POSSIBLE, make_loss
from tui_gd.learning.models import ACTIVATIONS, Floats, Model
from tui_gd.learning.optimizers import OPTIMIZERS, Optimizer, make_optimizer
from tui_gd.learning.prediction import Predictor
from tui_gd.learning.schedules import parse_schedule
from tui_gd.learning.starts import STARTS, make_start

# between two looks at the loss; what lies beyond the stop is computed in vain
CHUNK_EPOCHS = 16
CHUNK_ROWS = 1 << 17
PART_ROWS = 8192


@dataclass(frozen=True)
class Reached:
    """What a descent has reached: all that it takes to go on as if it had never stopped.

    `state` is (1, 1 + slots, parameters); `rule` began at epoch `since`.
    """

    model: Model
    rule: Optimizer
    state: Floats
    epoch: int
    since: int
    seed: int


class GradientDescent(BaseEstimator):  # type: ignore[misc] # scikit-learn is untyped
    """An estimator with the weights of one lane; `fit` descends, `partial_fit` for an epoch."""

    classes_: NDArray[Any]
    _reached: Reached
    loss_curve_: list[float]

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {
        "loss": [StrOptions(set(POSSIBLE["regression"]))],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "momentum": [Interval(Real, 0, 1, closed="left"), None],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "batch_size": [Interval(Integral, 0, None, closed="left")],
        "schedule": [str],
        "l1": [Interval(Real, 0, None, closed="left")],
        "l2": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "start": [StrOptions({"auto", *STARTS})],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        *,
        loss: str = "mse",
        learning_rate: float = 0.05,
        optimizer: str = "adam",
        momentum: float | None = None,
        hidden_layer_sizes: ArrayLike = (),
        activation: str = "tanh",
        batch_size: int = 0,
        schedule: str = "constant",
        l1: float = 0.0,
        l2: float = 0.0,
        max_iter: int = 1000,
        tol: float | None = 1e-4,
        n_iter_no_change: int = 50,
        start: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        warm_start: bool = False,
    ) -> None:
        self.loss = loss
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.momentum = momentum
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.batch_size = batch_size
        self.schedule = schedule
        self.l1 = l1
        self.l2 = l2
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.start = start
        self.random_state = random_state
        self.warm_start = warm_start

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_reached")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @property
    def _task(self) -> str:
        return "regression"

    @property
    def _outputs(self) -> int:
        return 1

    @property
    def coef_(self) -> Floats:
        """The weights without hidden layers: (1 or classes, features), regression (features,)."""
        coef = self._only(self.coefs_).T
        return coef[0] if self._task == "regression" else coef

    @property
    def intercept_(self) -> Floats:
        """The biases without hidden layers: (1 or classes,)."""
        return self._only(self.intercepts_)

    @staticmethod
    def _only(layers: list[Floats]) -> Floats:
        if len(layers) > 1:
            raise AttributeError("with hidden layers see coefs_ and intercepts_, layer by layer")
        return layers[0]

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn y (rows,) from X (rows, features), up to `max_iter` epochs."""
        return self._learn(X, y, sample_weight, go_on=self.warm_start)

    def _targets(
        self, y: NDArray[Any], weights: Floats | None, classes: ArrayLike | None, go_on: bool
    ) -> tuple[NDArray[Any], Floats | None]:
        """Return the numbers to learn (rows,) and the weights of the rows."""
        del classes, go_on
        return y.astype(np.float64), weights

    def _learn(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        *,
        go_on: bool,
        partial: bool = False,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Descend, `partial` for one epoch; where `go_on`, from where an earlier descent stands."""
        go_on = go_on and hasattr(self, "_reached")
        numeric = isinstance(self, RegressorMixin)
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=np.float64, y_numeric=numeric, reset=not go_on
        )
        weights: Floats | None = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
        y, weights = self._targets(y, weights, classes, go_on)
        if weights is not None:
            if not (weights >= 0.0).all() or not weights.any():
                raise ValueError("weights of rows and classes must not be negative nor all zero")
            # left out, because a row of weight zero would still take a place in a mini-batch
            some = weights > 0.0
            X, y, weights = X[some], y[some], weights[some]
        begin = self._begin(X.shape[1], go_on=go_on)
        engine = LocalEngine(
            begin.model,
            make_loss(self.loss, self._task),
            _with_ones(X),
            y,
            penalty=Penalty(self.l1, self.l2),
            row_weights=weights,
        )
        schedule = parse_schedule(self.schedule, self.max_iter + (0 if partial else begin.epoch))
        batches = Batches(len(y), self.batch_size, begin.seed)
        method = Method(begin.since, begin.rule, self.loss)
        descent = Descent(lambda _: engine, [method], batches, schedule)
        state, losses = self._descend(descent, begin, partial=partial)
        self.n_iter_ = begin.epoch + len(losses) - 1
        self.loss_curve_ = [*(self.loss_curve_ if go_on else losses[:1]), *losses[1:]]
        self._reached = replace(begin, state=state, epoch=self.n_iter_)
        layers = begin.model.matrices(state[:, 0])
        self.coefs_ = [matrix[0, :-1] for matrix in layers]
        self.intercepts_ = [matrix[0, -1] for matrix in layers]
        return self

    def _begin(self, features: int, *, go_on: bool) -> Reached:
        """Return where the descent begins: where the last one stands, or at a new start."""
        sizes = np.atleast_1d(np.asarray(self.hidden_layer_sizes))
        if sizes.size and (sizes.ndim > 1 or sizes.dtype.kind not in "iu" or sizes.min() < 1):
            raise ValueError(f"hidden_layer_sizes {sizes.tolist()} are not whole numbers from 1")
        model = Model(features, self._outputs, tuple(sizes.tolist()), self.activation)
        rule = make_optimizer(self.optimizer, self.momentum)
        state = np.zeros((1, 1 + rule.slots, model.parameters))
        if go_on:
            last = self._reached
            if model != last.model:
                raise ValueError("layers and activation cannot change while a fit goes on")
            if rule == last.rule:
                return last
            state[:, 0] = last.state[:, 0]
            return replace(last, rule=rule, state=state, since=last.epoch)
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(2**31 - 1)
        start = self.start
        if start == "auto":
            start = "zeros" if not model.hidden else "he" if self.activation == "relu" else "glorot"
        state[:, 0] = make_start(start, int(seed), model)
        return Reached(model, rule, state, 0, 0, int(seed))

    def _descend(
        self, descent: Descent, begin: Reached, *, partial: bool
    ) -> tuple[Floats, list[float]]:
        """Return the state at the end and the losses from the beginning on; warn as it ends."""
        epochs, tol = (1, None) if partial else (self.max_iter, self.tol)
        rates = np.array([[float(self.learning_rate)]])
        most = max(1, min(CHUNK_EPOCHS, CHUNK_ROWS // max(1, descent.batches.rows)))
        state, stale = begin.state, 0
        with computing():
            loss, grad = descent.loss_and_grad(state[:, 0])
            losses = [float(loss[0])]
            best = losses[0]
            while len(losses) <= epochs and stale < self.n_iter_no_change:
                chunk = Chunk(min(most, epochs + 1 - len(losses)), state, loss, grad)
                descent.fill(chunk, state, begin.epoch + len(losses) - 1, rates, None)
                loss, grad = chunk.loss, chunk.grad
                for following, number in zip(chunk.states, chunk.losses[:, 0], strict=True):
                    if not (np.isfinite(number) and np.isfinite(following).all()):
                        raise ValueError(
                            f"the loss is no longer finite after {len(losses)} epochs:"
                            " lower learning_rate or standardise the features"
                        )
                    state = following
                    losses.append(float(number))
                    stale = stale + 1 if tol is not None and number >= best - tol else 0
                    best = min(best, losses[-1])
                    if stale >= self.n_iter_no_change:
                        break
        if tol is not None and losses[-1] > losses[0] + tol:
            _warn(f"the loss rose from {losses[0]:g} to {losses[-1]:g}: lower learning_rate")
        elif tol is not None and stale < self.n_iter_no_change:
            _warn(f"max_iter={epochs} epochs are done and the loss still falls: raise max_iter")
        return state.copy(), losses

    def _tell(self, X: Any, tell: Callable[[Predictor, Floats, Floats], Any]) -> NDArray[Any]:
        """Return what `tell` says about the rows, asked block by block."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        predictor = Predictor(self._reached.model, self._task)
        weights = self._reached.state[0, 0]
        parts = [X[i : i + PART_ROWS] for i in range(0, X.shape[0], PART_ROWS)]
        return np.concatenate([tell(predictor, weights, _with_ones(part)) for part in parts])


def _warn(what: str) -> None:
    warnings.warn(what, ConvergenceWarning, stacklevel=6)  # where `fit` is called


def _with_ones(X: Any) -> Floats:
    """Return the rows of an array or CSR matrix, ones last: (rows, features + 1), dense."""
    design = np.ones((X.shape[0], X.shape[1] + 1))
    for i in range(0, len(design), PART_ROWS):
        part = X[i : i + PART_ROWS]
        design[i : i + PART_ROWS, :-1] = part.toarray() if hasattr(part, "toarray") else part
    return design


def with_weights(
    estimator: GradientDescent,
    model: Model,
    weights: Floats,
    *,
    classes: NDArray[Any] | None,
    loss_curve: list[float],
    seed: int,
) -> None:
    """Let an estimator be as if it had learned `weights` (parameters,), of a `model` of its layers.

    `classes` (classes,) are the labels by class number, None for a regressor; `loss_curve` are the
    losses of epochs 0 … n. Its optimizer has kept nothing, and mini-batches are of `seed`, should
    it go on from there.
    """
    rule = make_optimizer(estimator.optimizer, estimator.momentum)
    state = np.zeros((1, 1 + rule.slots, model.parameters))
    state[0, 0] = weights
    epochs = max(0, len(loss_curve) - 1)
    estimator._reached = Reached(model, rule, state, epochs, epochs, seed)
    if classes is not None:
        estimator.classes_ = classes
    layers = model.matrices(state[:, 0])
    estimator.coefs_ = [matrix[0, :-1] for matrix in layers]
    estimator.intercepts_ = [matrix[0, -1] for matrix in layers]
    estimator.n_features_in_ = model.features
    estimator.n_iter_, estimator.loss_curve_ = epochs, loss_curve
