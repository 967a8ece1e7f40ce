"""The scikit-learn face: gradient descent as a classifier and as a regressor."""

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from tui_gd.insight.curvature import BENT, auto_rate
from tui_gd.learning.engine import LocalEngine, Penalty, computing
from tui_gd.learning.losses import POSSIBLE, make_loss
from tui_gd.learning.models import ACTIVATIONS, STARTS, Floats, Model, Predictor, make_start
from tui_gd.learning.optimizers import OPTIMIZERS, Optimizer, make_optimizer
from tui_gd.learning.schedules import parse_schedule
from tui_gd.training.descent import Batches, Chunk, Descent
from tui_gd.training.history import Method

try:  # since scikit-learn 1.9
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in where scikit-learn knows no callbacks."""


# epochs between two checks of the loss; those after the stop are computed in vain
CHUNK_EPOCHS = 16
CHUNK_ROWS = 1 << 17
PART_ROWS = 8192
ADAPTIVE_RATE = 0.05
"""`auto` for optimizers that scale every weight's step by themselves."""


@dataclass(frozen=True)
class FitState:
    """Where a fit ended: all that it takes to go on as if it had never stopped.

    `state` is (1, 1 + slots, parameters), with early stopping that of the best epoch; `rule` is in
    use since epoch `since`, at learning `rate`.
    """

    model: Model
    rule: Optimizer
    state: Floats
    epoch: int
    since: int
    seed: int
    rate: float = 0.0


def _attributes(end: FitState, losses: list[float]) -> dict[str, Any]:
    """Return the attributes of an estimator after a fit without early stopping."""
    layers = end.model.matrices(end.state[:, 0])
    return {
        "n_iter_": end.epoch,
        "loss_curve_": losses,
        "best_loss_": min(losses, default=None),
        "validation_scores_": None,
        "best_validation_score_": None,
        "_fit_state": end,
        "coefs_": [matrix[0, :-1] for matrix in layers],
        "intercepts_": [matrix[0, -1] for matrix in layers],
    }


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """Rows that are not trained on: `x` (rows, features + 1), `y` and `weights` (rows,)."""

    predictor: Predictor
    x: Floats
    y: NDArray[Any]
    weights: Floats | None

    def score(self, weights: Floats) -> float:
        """Return what `score` of an estimator with `weights` (parameters,) would return."""
        from sklearn.metrics import r2_score

        if self.predictor.task == "regression":
            found = self.predictor.scores(weights, self.x)
            return float(r2_score(self.y, found, sample_weight=self.weights))
        right = self.predictor.predict(weights, self.x) == self.y
        return float(np.average(right, weights=self.weights))


class _Task:
    """A fit as scikit-learn's callbacks see it: a task with one subtask an epoch.

    The hooks get X, y and the sample weights of the fit.
    """

    watched: bool
    """Whether there are callbacks."""

    def __init__(self, estimator: Any, epochs: int, X: Any, y: Any, sample_weight: Any) -> None:
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self.watched = hasattr(estimator, "_skl_callbacks")
        make = getattr(estimator, "_init_callback_context", None)
        self._fit: Any = make and make(max_subtasks=epochs)
        self._epoch: Any = None
        if self._fit:
            self._fit.call_on_fit_task_begin(**self._data)

    def begin_epoch(self) -> None:
        """Tell callbacks that an epoch begins."""
        if self.watched:
            self._epoch = self._fit.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._data)

    def end_epoch(self, fitted: Callable[[], dict[str, Any]]) -> bool:
        """Tell callbacks that an epoch is done; return whether one of them stops the fit.

        `fitted` returns the attributes of the estimator as if the fit ended here.
        """
        return self.watched and bool(
            self._epoch.call_on_fit_task_end(**self._data, reconstruction_attributes=fitted)
        )

    def end(self) -> None:
        """Tell callbacks that the fit is done."""
        if self._fit:
            self._fit.call_on_fit_task_end(**self._data, reconstruction_attributes={})


@dataclass(kw_only=True, eq=False, repr=False)
class _Parameters:
    """The parameters of both estimators, which scikit-learn reads from the `__init__` made here."""

    loss: str = "mse"
    learning_rate: float | str = "auto"
    optimizer: str = "auto"
    momentum: float | None = None
    hidden_layer_sizes: ArrayLike = ()
    activation: str = "tanh"
    batch_size: int = 0
    schedule: str = "constant"
    l1: float = 0.0
    l2: float = 0.0
    max_iter: int = 1000
    tol: float | None = 1e-4
    n_iter_no_change: int = 50
    early_stopping: bool = False
    validation_fraction: float = 0.1
    start: str = "auto"
    random_state: int | np.random.RandomState | None = None
    warm_start: bool = False


class GradientDescent(CallbackSupportMixin, _Parameters, BaseEstimator):  # type: ignore[misc] # untyped
    """What both estimators share; `fit` descends, `partial_fit` for one epoch."""

    n_iter_: int
    coefs_: list[Floats]
    intercepts_: list[Any]

    classes_: NDArray[Any]
    _fit_state: FitState
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {
        "loss": [StrOptions(set(POSSIBLE["regression"]))],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "optimizer": [StrOptions({"auto", *OPTIMIZERS})],
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
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "start": [StrOptions({"auto", *STARTS})],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
    }

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fit_state")

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
        """Learn y (rows,) from X (rows, features) in up to `max_iter` epochs."""
        return self._learn(X, y, sample_weight, go_on=self.warm_start)

    def _targets(
        self, y: NDArray[Any], weights: Floats | None, classes: ArrayLike | None, go_on: bool
    ) -> tuple[NDArray[Any], Floats | None]:
        """Return the numbers to learn (rows,) and the row weights."""
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
        """Descend, with `partial` for one epoch, with `go_on` from where the last fit ended."""
        if partial and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        go_on = go_on and hasattr(self, "_fit_state")
        numeric = isinstance(self, RegressorMixin)
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=np.float64, y_numeric=numeric, reset=not go_on
        )
        weights: Floats | None = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
        given, given_weights = (X, y), weights
        y, weights = self._targets(y, weights, classes, go_on)
        if weights is not None:
            if not (weights >= 0.0).all() or not weights.any():
                raise ValueError("weights of rows and classes must not be negative nor all zero")
            # left out, because a row of weight 0 would still take a place in a mini-batch
            some = weights > 0.0
            X, y, weights = X[some], y[some], weights[some]
            given_weights = None if given_weights is None else given_weights[some]
        model, seed = self._model(X.shape[1]), self._seed(go_on)
        held_out = None
        if self.early_stopping:
            train, taken = self._divided(y, seed)
            held = None if given_weights is None else given_weights[taken]
            held_out = _HeldOut(Predictor(model, self._task), _with_ones(X[taken]), y[taken], held)
            X, y, weights = X[train], y[train], None if weights is None else weights[train]
        mean = float(np.average(y, weights=weights)) if self._task == "regression" else 0.0
        begin = self._start_of_fit(model, seed, go_on=go_on, mean=mean)
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
        rate = self._rate(engine, begin)
        before = self.loss_curve_ if go_on else []
        scored = (self.validation_scores_ if go_on else None) or []

        def fitted(state: Floats, losses: list[float], scores: list[float]) -> dict[str, Any]:
            epoch = begin.epoch + len(losses) - 1
            end = replace(begin, state=state.copy(), epoch=epoch, rate=rate)
            curve = [*(before or losses[:1]), *losses[1:]]
            found = _attributes(end, curve)
            if scores:
                found["best_loss_"] = None
                found["validation_scores_"] = [*(scored or scores[:1]), *scores[1:]]
                found["best_validation_score_"] = max(scores)
            return found

        task = _Task(self, 1 if partial else self.max_iter, *given, sample_weight)
        epochs, tol = (1, None) if partial else (self.max_iter, self.tol)
        found = self._descend(descent, begin, rate, task, fitted, held_out, epochs, tol)
        self.__dict__.update(found)
        task.end()
        return self

    def _rate(self, engine: LocalEngine, begin: FitState) -> float:
        """Return the learning rate; `auto` is half the limit at the start, for Adam 0.05."""
        if self.learning_rate != "auto":
            return float(self.learning_rate)
        if begin.rate:
            return begin.rate
        if begin.rule.name not in {"sgd", "momentum", "nesterov"}:
            return ADAPTIVE_RATE
        return auto_rate(engine, begin.state[0, 0].copy(), max(2, self._outputs))

    def _model(self, features: int) -> Model:
        sizes = np.atleast_1d(np.asarray(self.hidden_layer_sizes))
        if sizes.size and (sizes.ndim > 1 or sizes.dtype.kind not in "iu" or sizes.min() < 1):
            raise ValueError(f"hidden_layer_sizes {sizes.tolist()} are not whole numbers from 1")
        return Model(features, self._outputs, tuple(sizes.tolist()), self.activation)

    def _seed(self, go_on: bool) -> int:
        """Return the seed of the start, the mini-batches and the held-out rows."""
        if go_on:
            return self._fit_state.seed
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(2**31 - 1)
        return int(seed)

    def _divided(self, y: NDArray[Any], seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the rows to train on and those to hold out, by scikit-learn's split."""
        from sklearn.model_selection import train_test_split

        train, held_out = train_test_split(
            np.arange(len(y)),
            test_size=self.validation_fraction,
            random_state=seed,
            stratify=None if self._task == "regression" else y,
        )
        if len(held_out) < 2:
            raise ValueError(
                f"validation_fraction={self.validation_fraction:g} holds out only one of"
                f" {len(y)} rows: raise it"
            )
        return train, held_out

    def _start_of_fit(self, model: Model, seed: int, *, go_on: bool, mean: float) -> FitState:
        """Return where the fit begins: where the last one ended, or at a new start."""
        name = self.optimizer
        if name == "auto":
            adaptive = model.hidden or self.batch_size or self.loss in BENT
            name = "adam" if adaptive else "nesterov"
        rule = make_optimizer(name, self.momentum)
        state = np.zeros((1, 1 + rule.slots, model.parameters))
        if go_on:
            last = self._fit_state
            if model != last.model:
                raise ValueError("layers and activation cannot change while a fit goes on")
            if rule == last.rule:
                return last
            state[:, 0] = last.state[:, 0]
            return replace(last, rule=rule, state=state, since=last.epoch, rate=0.0)
        start = self.start
        if start == "auto" and self.activation == "relu" and model.hidden:
            start = "he"
        state[:, 0] = make_start("mean" if start == "auto" else start, seed, model, mean)
        return FitState(model, rule, state, 0, 0, seed)

    def _descend(
        self,
        descent: Descent,
        begin: FitState,
        rate: float,
        task: _Task,
        fitted: Callable[[Floats, list[float], list[float]], dict[str, Any]],
        held_out: _HeldOut | None,
        epochs: int,
        tol: float | None,
    ) -> dict[str, Any]:
        """Return `fitted` of the state that counts, all losses and scores from 0 on; may warn."""
        rates = np.array([[rate]])
        most = max(1, min(CHUNK_EPOCHS, CHUNK_ROWS // max(1, descent.batches.rows)))
        if task.watched:
            most = 1
        state, stale, stopped = begin.state, 0, False
        with computing():
            loss, grad = descent.loss_and_grad(state[:, 0])
            losses, kept = [float(loss[0])], state
            scores = [held_out.score(state[0, 0])] if held_out else []
            best = -scores[0] if scores else losses[0]
            while len(losses) <= epochs and stale < self.n_iter_no_change and not stopped:
                task.begin_epoch()
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
                    if held_out:
                        scores.append(held_out.score(state[0, 0]))
                    reached = -scores[-1] if scores else losses[-1]
                    stale = stale + 1 if tol is not None and reached >= best - tol else 0
                    if not scores or reached < best:
                        kept = state
                    best = min(best, reached)
                    stopped = task.end_epoch(functools.partial(fitted, kept, losses, scores))
                    if stale >= self.n_iter_no_change:
                        break
        if tol is not None and losses[-1] > losses[0] + tol:
            _warn(f"the loss rose from {losses[0]:g} to {losses[-1]:g}: lower learning_rate")
        elif tol is not None and stale < self.n_iter_no_change and not stopped:
            still = "validation score still rises" if scores else "loss still falls"
            _warn(f"max_iter={epochs} epochs are done and the {still}: raise max_iter")
        return fitted(kept, losses, scores)

    def _predict(self, X: Any, predict: Callable[[Predictor, Floats, Floats], Any]) -> NDArray[Any]:
        """Return what `predict(predictor, weights, rows)` returns for all rows, block by block."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        predictor = Predictor(self._fit_state.model, self._task)
        weights = self._fit_state.state[0, 0]
        parts = [X[i : i + PART_ROWS] for i in range(0, X.shape[0], PART_ROWS)]
        return np.concatenate([predict(predictor, weights, _with_ones(part)) for part in parts])


def _warn(what: str) -> None:
    warnings.warn(what, ConvergenceWarning, stacklevel=6)  # where `fit` is called


def _with_ones(X: Any) -> Floats:
    """Return an array or CSR matrix as dense rows with ones last: (rows, features + 1)."""
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
    """Make an estimator as if it had learned `weights` (parameters,) of `model`.

    `classes` (classes,) are the labels by class number, None for a regressor; `loss_curve` are the
    losses of epochs 0 … n. If the fit goes on, it does so with an empty optimizer state and the
    mini-batches of `seed`.
    """
    rule = make_optimizer(estimator.optimizer, estimator.momentum)
    state = np.zeros((1, 1 + rule.slots, model.parameters))
    state[0, 0] = weights
    epochs = max(0, len(loss_curve) - 1)
    end = FitState(model, rule, state, epochs, epochs, seed)
    estimator.__dict__.update(_attributes(end, loss_curve), n_features_in_=model.features)
    if classes is not None:
        estimator.classes_ = classes


def _has_probabilities(estimator: Any) -> bool:
    if estimator.loss == "hinge":
        raise AttributeError("loss='hinge' gives no probabilities: see decision_function")
    return True


@dataclass(kw_only=True, eq=False, repr=False)
class GradientDescentClassifier(ClassifierMixin, GradientDescent):  # type: ignore[misc] # untyped
    """A classifier by gradient descent: `W ← W − α·∂L/∂W`, epoch by epoch.

    Scores are `[x, 1]·W`, or those of a network; two classes have one score and a sigmoid, more
    classes one score each and a softmax. The defaults learn standardised features without tuning:
    use a `Pipeline` with `StandardScaler`. X may be CSR, but `fit` makes it dense as a whole
    (`predict` block by block), so it must fit into memory at 8 bytes a number.

    Parameters, all by keyword:

    - `loss`: `"cross-entropy"`, `"sse"`, `"mse"` (of probabilities) or `"hinge"`, which has no
      `predict_proba`. The penalty `l1·Σ|w| + l2/2·Σw²` (0.0, 0.0) over all weights but biases is
      added: with cross-entropy, `l2` is 1 / (C · rows) of `LogisticRegression`.
    - `learning_rate` α (0.05), times `schedule` (`"constant"`, see `learning.schedules`), which
      counts epochs up to `max_iter`.
    - `optimizer` (`"adam"`; `"sgd"`, `"momentum"`, `"nesterov"`, `"adagrad"`, `"rmsprop"`,
      `"adamw"`), and `momentum` for the two that have one (None: 0.9).
    - `hidden_layer_sizes` (()) and `activation` (`"tanh"`; `"sigmoid"`, `"relu"`, `"linear"`).
    - `batch_size` (0: all rows at once); rows are shuffled in each epoch.
    - `max_iter` (1000) epochs at most. Fewer if for `n_iter_no_change` (50) epochs the loss has not
      fallen by `tol` (1e-4) below its previous minimum; `tol=None` always does all epochs.
    - `early_stopping` (False) holds out `validation_fraction` (0.1) of the rows, of every class
      alike, as `train_test_split` does with the seed `random_state`. The fit then stops if for
      `n_iter_no_change` epochs the score on them, accuracy or R², has not risen by `tol` above its
      previous maximum, and keeps the weights of the first epoch with the highest score.
    - `start`: `"zeros"`, `"glorot"`, `"he"`, `"normal"`, or `"auto"`: zeros without hidden layers,
      he with relu, otherwise glorot. `random_state` (None) is the seed of start and mini-batches.
    - `warm_start` (False): `fit` goes on where the last one ended, with its optimizer state.
    - `class_weight` (None): a dict, or `"balanced"`: rows / (classes · rows of the class). It and
      `sample_weight` multiply the losses of the rows, and a mean loss is over the sum of the
      weights: weight 2 counts as two equal rows, weight 0 as none.

    Attributes: `classes_`; `coef_` (1 or classes, features) and `intercept_` without hidden layers,
    `coefs_` and `intercepts_` layer by layer; `n_iter_`, all epochs so far; `loss_curve_`, whose
    element k is the training loss after k epochs; `best_loss_`, the least of them; with
    `early_stopping` instead `validation_scores_`, whose element k is the score on the held-out rows
    after k epochs, and `best_validation_score_`; `n_features_in_`, `feature_names_in_`.

    Since scikit-learn 1.9, `set_callbacks` takes its callbacks: a fit is a task with one subtask an
    epoch, and a callback that returns True after an epoch ends the fit there.

    `ValueError` if the loss overflows; `ConvergenceWarning` if the loss rose, or still fell at
    `max_iter`.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from tui_gd import GradientDescentClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> make_pipeline(StandardScaler(), GradientDescentClassifier()).fit(X, y).score(X, y) > 0.95
    True
    """

    loss: str = "cross-entropy"
    learning_rate: float = 0.05
    optimizer: str = "adam"
    class_weight: dict[Any, float] | str | None = None

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {
        **GradientDescent._parameter_constraints,
        "loss": [StrOptions(set(POSSIBLE["binary"]))],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    @property
    def _task(self) -> str:
        return "binary" if len(self.classes_) == 2 else "multiclass"

    @property
    def _outputs(self) -> int:
        return 1 if len(self.classes_) == 2 else len(self.classes_)

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Descend for one epoch on these rows; the first call must name all `classes`."""
        if classes is None and not hasattr(self, "_fit_state"):
            raise ValueError("classes must be passed on the first call to partial_fit")
        if self.class_weight == "balanced":
            raise ValueError("class_weight='balanced' needs all rows at once: give a dict instead")
        return self._learn(X, y, sample_weight, go_on=True, partial=True, classes=classes)

    def decision_function(self, X: Any) -> Floats:
        """Return the scores: (rows,) with two classes, otherwise (rows, classes)."""
        return self._predict(X, Predictor.scores)

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of every class (rows, classes)."""
        return self._predict(X, Predictor.probabilities)

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Floats:
        """Return the logarithm of every class's probability (rows, classes).

        It is finite also where the probability itself is below the smallest number and reads 0.
        """
        return self._predict(X, Predictor.log_probabilities)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the label (rows,) with the highest score; with two classes, the second if > 0."""
        numbers = self._predict(X, Predictor.predict)
        labels: NDArray[Any] = self.classes_[numbers]
        return labels

    def _targets(
        self, y: NDArray[Any], weights: Floats | None, classes: ArrayLike | None, go_on: bool
    ) -> tuple[NDArray[Any], Floats | None]:
        """Return the class numbers (rows,), and the row weights times the class weights."""
        check_classification_targets(y)
        known = unique_labels(y if classes is None else classes)
        if go_on:
            if classes is not None and not np.array_equal(known, self.classes_):
                raise ValueError(f"classes {known} are not those of before: {self.classes_}")
            known = self.classes_
        unknown = np.setdiff1d(y, known)
        if unknown.size:
            raise ValueError(f"y holds labels that are not among the classes: {unknown}")
        if len(known) < 2:
            raise ValueError("at least 2 classes are needed, but y has only 1 class")
        self.classes_ = known
        numbers = np.searchsorted(known, y)
        if self.class_weight is None:
            return numbers, weights
        weights = np.ones(len(y)) if weights is None else weights
        if self.class_weight == "balanced":
            counts = np.bincount(numbers, weights, len(known))
            factors = weights.sum() / (len(known) * np.where(counts > 0.0, counts, 1.0))
        else:
            factors = compute_class_weight(self.class_weight, classes=known, y=y)
        return numbers, weights * factors[numbers]


@dataclass(kw_only=True, eq=False, repr=False)
class GradientDescentRegressor(RegressorMixin, GradientDescent):  # type: ignore[misc] # untyped
    """A regressor by gradient descent: `W ← W − α·∂L/∂W`, epoch by epoch.

    `loss` is `"mse"`, `"sse"`, `"mae"` or `"huber"` (δ = 1) of the score `[x, 1]·W`, or of that of
    a network. All else is as in `GradientDescentClassifier`, without classes; `coef_` is
    (features,), `intercept_` (1,). By default the intercept starts at the target's mean and the
    rest at 0, Nesterov's method descends, and α is half the limit that the curvature at the start
    allows, so that targets in any unit are learned from standardised features. With hidden layers
    or batches it is Adam with α 0.05, which moves a weight by about α an epoch: standardise the
    target then, by `TransformedTargetRegressor`.

    >>> import numpy as np
    >>> from tui_gd import GradientDescentRegressor
    >>> X = np.linspace(-1.5, 1.5, 50)[:, None]
    >>> model = GradientDescentRegressor(max_iter=2000, tol=1e-9).fit(X, 0.5 * X[:, 0] - 1.0)
    >>> model.coef_.round(3), model.intercept_.round(3)
    (array([0.5]), array([-1.]))
    """

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Descend for one epoch on these rows."""
        return self._learn(X, y, sample_weight, go_on=True, partial=True)

    def predict(self, X: Any) -> Floats:
        """Return the predicted target (rows,)."""
        return self._predict(X, Predictor.scores)
