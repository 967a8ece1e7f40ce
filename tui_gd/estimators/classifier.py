"""Gradient descent as a classifier: labels, probabilities, weights of classes."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from tui_gd.estimators.base import GradientDescent
from tui_gd.learning.losses import POSSIBLE
from tui_gd.learning.models import Floats
from tui_gd.learning.prediction import Predictor


def _has_probabilities(estimator: Any) -> bool:
    if estimator.loss == "hinge":
        raise AttributeError("loss='hinge' gives no probabilities: see decision_function")
    return True


class GradientDescentClassifier(ClassifierMixin, GradientDescent):  # type: ignore[misc] # untyped
    """A classifier by gradient descent: `W ← W − α·∂L/∂W`, epoch by epoch.

    Scores are `[x, 1]·W`, or those of a network; a sigmoid of one score tells two classes apart, a
    softmax of one score per class more. Defaults learn on standardised features without tuning; a
    `Pipeline` with `StandardScaler` provides them. X may be CSR, but becomes dense as a whole in
    `fit` (block by block in `predict`), so it must fit into memory: 8 bytes a number.

    Parameters, all by keyword:

    - `loss`: `"cross-entropy"`, `"sse"`, `"mse"` (of probabilities) or `"hinge"`, which has no
      `predict_proba`. Penalties `l1·Σ|w| + l2/2·Σw²` (0.0, 0.0) are added, biases left out: with
      cross-entropy `l2` is 1 / (C · rows) of `LogisticRegression`.
    - `learning_rate` α (0.05), times `schedule` (`"constant"`, see `learning.schedules`), which
      counts epochs up to `max_iter`.
    - `optimizer` (`"adam"`; `"sgd"`, `"momentum"`, `"nesterov"`, `"adagrad"`, `"rmsprop"`,
      `"adamw"`), and `momentum` for the two that have one (None: 0.9).
    - `hidden_layer_sizes` (()) and `activation` (`"tanh"`; `"sigmoid"`, `"relu"`, `"linear"`).
    - `batch_size` (0: all rows at once), shuffled anew in each epoch.
    - `max_iter` epochs at most (1000), fewer once `n_iter_no_change` (50) in a row have not taken
      the loss by `tol` (1e-4) below its least before; with None all are done.
    - `start`: `"zeros"`, `"glorot"`, `"he"`, `"normal"`, or `"auto"`: zeros without hidden layers,
      he with relu, else glorot. `random_state` (None) is the seed of start and mini-batches.
    - `warm_start` (False): `fit` goes on, with the optimizer's memory, where the last one ended.
    - `class_weight` (None): a dict, or `"balanced"`: rows / (classes · rows of the class). It and
      `sample_weight` multiply the losses of the rows, a mean loss is over their sum: 2 is a row
      twice, 0 none.

    Attributes: `classes_`; `coef_` (1 or classes, features) and `intercept_` without hidden layers,
    `coefs_` and `intercepts_` layer by layer; `n_iter_`, all epochs so far; `loss_curve_`, its k-th
    the training loss after k epochs; `n_features_in_`, `feature_names_in_`.

    `ValueError` if the loss overflows, `ConvergenceWarning` if `max_iter` ends a loss that falls or
    if it rose.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from tui_gd import GradientDescentClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> make_pipeline(StandardScaler(), GradientDescentClassifier()).fit(X, y).score(X, y) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {
        **GradientDescent._parameter_constraints,
        "loss": [StrOptions(set(POSSIBLE["binary"]))],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        *,
        loss: str = "cross-entropy",
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
        class_weight: dict[Any, float] | str | None = None,
    ) -> None:
        super().__init__(
            loss=loss,
            learning_rate=learning_rate,
            optimizer=optimizer,
            momentum=momentum,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            batch_size=batch_size,
            schedule=schedule,
            l1=l1,
            l2=l2,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            start=start,
            random_state=random_state,
            warm_start=warm_start,
        )
        self.class_weight = class_weight

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
        """Descend for one epoch on these rows; the first call names all `classes` to come."""
        if classes is None and not hasattr(self, "_reached"):
            raise ValueError("classes must be passed on the first call to partial_fit")
        if self.class_weight == "balanced":
            raise ValueError("class_weight='balanced' needs all rows at once: give a dict instead")
        return self._learn(X, y, sample_weight, go_on=True, partial=True, classes=classes)

    def decision_function(self, X: Any) -> Floats:
        """Return the scores: (rows,) for two classes, else (rows, classes)."""
        return self._tell(X, Predictor.scores)

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of every class (rows, classes)."""
        return self._tell(X, Predictor.probabilities)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the label (rows,) of the highest score; of two the second if its score is > 0."""
        numbers = self._tell(X, Predictor.predict)
        labels: NDArray[Any] = self.classes_[numbers]
        return labels

    def _targets(
        self, y: NDArray[Any], weights: Floats | None, classes: ArrayLike | None, go_on: bool
    ) -> tuple[NDArray[Any], Floats | None]:
        """Return the class numbers (rows,), and the weights times those of the classes."""
        check_classification_targets(y)
        known = unique_labels(y if classes is None else classes)
        if go_on:
            if classes is not None and not np.array_equal(known, self.classes_):
                raise ValueError(f"classes {known} are not those of before: {self.classes_}")
            known = self.classes_
        strange = np.setdiff1d(y, known)
        if strange.size:
            raise ValueError(f"y holds labels that are not among the classes: {strange}")
        if len(known) < 2:
            raise ValueError("at least 2 classes are needed, here is only 1 class")
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
