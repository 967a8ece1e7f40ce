"""Reports of how well a run predicts its test rows, by scikit-learn."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
