"""Gradient descent as a regressor."""

from typing import Any, Self

from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin, _fit_context

from tui_gd.estimators.base import GradientDescent
from tui_gd.learning.models import Floats
from tui_gd.learning.prediction import Predictor


class GradientDescentRegressor(RegressorMixin, GradientDescent):  # type: ignore[misc] # untyped
    """A regressor by gradient descent: `W ← W − α·∂L/∂W`, epoch by epoch.

    `loss` is `"mse"`, `"sse"`, `"mae"` or `"huber"` (δ = 1) of the score `[x, 1]·W`, or of that of
    a network. All else is as in `GradientDescentClassifier`, without classes; `coef_` is
    (features,), `intercept_` (1,). Defaults learn on standardised features *and* target: Adam moves
    a weight by about α an epoch, so for a target in other units raise `learning_rate`, or let
    `TransformedTargetRegressor` standardise it, or use `optimizer="nesterov"`.

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
        return self._tell(X, Predictor.scores)
