"""The current lane as a fitted scikit-learn estimator, written by joblib.

gd-tui never reads such a file, because loading one runs the code in it.
"""

import io

import numpy as np

from tui_gd.errors import ProblemError
from tui_gd.problems.load import labels_of
from tui_gd.runs.record import MOST_EPOCHS, RunRecord

SURFACE = "a surface has no rows to predict, so it has no estimator"


def without_estimator(run: RunRecord) -> str:
    """Return why there is no estimator, or an empty text."""
    if run.epoch > MOST_EPOCHS:
        return f"an estimator holds at most {MOST_EPOCHS} epochs' losses: export weights instead"
    return SURFACE if run.problem.surface else ""


def estimator_files(run: RunRecord) -> dict[str, bytes]:
    """Return `estimator.joblib`, which predicts as this run does from features without ones.

    Classes are labelled by name, or by number if all names are whole numbers. `loss_curve_` has
    NaN where the record was thinned.
    """
    if reason := without_estimator(run):
        raise ProblemError(reason)
    import joblib  # type: ignore[import-untyped]

    from tui_gd.estimators import (
        GradientDescentClassifier,
        GradientDescentRegressor,
        with_weights,
    )

    settings, lane, problem = run.settings, run.lane, run.problem
    optimizer, loss = run.method(lane)
    kind = GradientDescentRegressor if problem.task == "regression" else GradientDescentClassifier
    estimator = kind(
        loss=loss,
        learning_rate=run.learning_rate(lane),
        optimizer=optimizer,
        momentum=settings.momentum if optimizer in {"momentum", "nesterov"} else None,
        hidden_layer_sizes=settings.hidden,
        activation=settings.activation,
        batch_size=settings.batch_size,
        schedule=settings.schedule,
        l1=settings.l1,
        l2=settings.l2,
        max_iter=max(1, run.epoch),
        tol=None,
        start=settings.start or ("glorot" if settings.hidden else "normal"),
        random_state=settings.seed % 2**32,
    )
    losses = run.series("train", lane).between(0, run.best_epoch(lane) + 1)
    with_weights(
        estimator,
        run.model,
        run.weights(lane).astype(np.float64),
        classes=None if problem.task == "regression" else labels_of(problem),
        loss_curve=losses.tolist(),
        seed=settings.seed,
    )
    out = io.BytesIO()
    joblib.dump(estimator, out)
    return {"estimator.joblib": out.getvalue()}
