"""The current lane as a fitted scikit-learn estimator, written by joblib.

Only ever written: nothing of this program reads such a file, for who opens one runs what is in it.
"""

import io
import re

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.runs.record import MOST_EPOCHS, RunRecord

SURFACE = "a surface has no rows to predict: there is no estimator of it"


def without_estimator(exported: RunRecord) -> str:
    """Return why there is no estimator, or nothing."""
    if exported.epoch > MOST_EPOCHS:
        return f"an estimator has the loss of every epoch, of {MOST_EPOCHS} at most: export weights"
    return SURFACE if exported.problem.surface else ""


def estimator_files(exported: RunRecord) -> dict[str, bytes]:
    """Return `estimator.joblib`: `predict` of the problem's rows, without ones, is this run's.

    Classes are called by their names; whole numbers are numbers. `loss_curve_` has NaN where the
    record was thinned.
    """
    if reason := without_estimator(exported):
        raise ProblemError(reason)
    import joblib  # type: ignore[import-untyped]

    from tui_gd.estimators import (
        GradientDescentClassifier,
        GradientDescentRegressor,
        with_weights,
    )

    settings, lane, problem = exported.settings, exported.lane, exported.problem
    optimizer, loss = exported.method(lane)
    kind = GradientDescentRegressor if problem.task == "regression" else GradientDescentClassifier
    estimator = kind(
        loss=loss,
        learning_rate=exported.learning_rate(lane),
        optimizer=optimizer,
        momentum=settings.momentum if optimizer in {"momentum", "nesterov"} else None,
        hidden_layer_sizes=settings.hidden,
        activation=settings.activation,
        batch_size=settings.batch_size,
        schedule=settings.schedule,
        l1=settings.l1,
        l2=settings.l2,
        max_iter=max(1, exported.epoch),
        tol=None,
        start=settings.start or ("glorot" if settings.hidden else "normal"),
        random_state=settings.seed % 2**32,
    )
    losses = exported.series("train", lane).between(0, exported.epoch + 1)
    with_weights(
        estimator,
        exported.model,
        exported.weights(lane).astype(np.float64),
        classes=None if problem.task == "regression" else _labels(problem.class_names),
        loss_curve=losses.tolist(),
        seed=settings.seed,
    )
    out = io.BytesIO()
    joblib.dump(estimator, out)
    return {"estimator.joblib": out.getvalue()}


def _labels(names: tuple[str, ...]) -> NDArray[np.generic]:
    whole = all(re.fullmatch("-?[0-9]{1,9}", name) for name in names)
    return np.array([int(name) for name in names] if whole else list(names))
