"""Reports of how well a run predicts its test rows, by scikit-learn."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats
from tui_gd.learning.prediction import Predictor
from tui_gd.problems import Problem


@dataclass(frozen=True, eq=False)
class ClassificationReport:
    """scikit-learn's classification report on the test rows.

    `text` is `classification_report` as printed, `table` its `output_dict`, `confusion` the counts
    (classes, classes), rows true and columns predicted.
    """

    text: str
    table: dict[str, Any]
    confusion: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RegressionReport:
    """scikit-learn's measures of a regression on the test rows: `text` as printed, and `table`.

    The table holds R², mean absolute error, root of the mean squared error and largest error.
    """

    text: str
    table: dict[str, Any]


Report = ClassificationReport | RegressionReport


def report_on(problem: Problem, predictor: Predictor, weights: Floats) -> Report:
    """Report on one lane's `weights` (parameters,) by the problem's test rows."""
    if problem.task == "regression":
        return regression(problem, predictor.scores(weights, problem.x_test))
    return classification(problem, predictor.predict(weights, problem.x_test))


def regression(problem: Problem, predicted: Floats) -> RegressionReport:
    """Report on `predicted` (test rows,) numbers against the problem's test rows."""
    from sklearn import metrics

    y = problem.y_test
    table = {
        "r2": float(metrics.r2_score(y, predicted)) if len(y) > 1 else float("nan"),
        "mean absolute error": float(metrics.mean_absolute_error(y, predicted)),
        "root mean squared error": float(metrics.root_mean_squared_error(y, predicted)),
        "max error": float(metrics.max_error(y, predicted)),
        "support": len(y),
    }
    lines = [f"{name:>24}  {value:>12.6g}" for name, value in table.items()]
    return RegressionReport("\n".join(["", *lines, ""]), table)


def classification(problem: Problem, predicted: NDArray[np.intp]) -> ClassificationReport:
    """Report on `predicted` (test rows,) class numbers against the problem's test rows."""
    from sklearn.metrics import classification_report, confusion_matrix

    labels = np.arange(len(problem.class_names))
    chosen = {"labels": labels, "target_names": list(problem.class_names), "zero_division": 0.0}
    return ClassificationReport(
        text=classification_report(problem.y_test, predicted, **chosen),
        table=classification_report(problem.y_test, predicted, output_dict=True, **chosen),
        confusion=confusion_matrix(problem.y_test, predicted, labels=labels),
    )
