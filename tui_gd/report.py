"""Reports of how well a run predicts its test rows, by scikit-learn."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats
from tui_gd.learning.prediction import Predictor
from tui_gd.learning.trainer import Trainer
from tui_gd.problems import Problem


class SupportsWrite(Protocol):
    """Where text can be printed."""

    def write(self, text: str, /) -> object:
        """Take some text."""


REPORT_ROWS = 8192


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
    # one block after the other: the test rows may be mapped from a file
    parts = (
        problem.rows(problem.x_test, slice(i, i + REPORT_ROWS))
        for i in range(0, len(problem.y_test), REPORT_ROWS)
    )
    if problem.task == "regression":
        return regression(problem, np.concatenate([predictor.scores(weights, x) for x in parts]))
    return classification(problem, np.concatenate([predictor.predict(weights, x) for x in parts]))


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


def reports_of(trainer: Trainer, problem: Problem) -> list[Report]:
    """Return every lane's report at the trainer's epoch."""
    predictor = Predictor(trainer.model, problem.task)
    return [report_on(problem, predictor, weights) for weights in trainer.weights]


def print_reports(trainer: Trainer, reports: list[Report], out: SupportsWrite) -> None:
    """Print the report; of several lanes a line each, and the report of the best."""
    best = 0
    if len(reports) > 1:
        finite = np.where(trainer.diverged, np.inf, trainer.loss)
        best = int(np.argmin(finite))
        measure = "accuracy" if "accuracy" in reports[0].table else "r2"
        print(f"{'lane':>4} {'optimizer':>9} {'alpha':>12} {'loss':>14} {measure:>9}", file=out)
        for i, lane in enumerate(trainer.lanes):
            mark = f"diverged after epoch {lane.diverged}" if trainer.diverged[i] else ""
            if i == best:
                mark = mark or "best"
            row = (
                f"{lane.name:>4} {trainer.descent.optimizers[i].name:>9}"
                f" {trainer.learning_rates[i]:>12g} {trainer.loss[i]:>14.7f}"
                f" {reports[i].table[measure]:>9.4f} {mark}"
            )
            print(row.rstrip(), file=out)
        print(
            f"\nlane {trainer.lanes[best].name}, alpha={trainer.learning_rates[best]:g}", file=out
        )
    print(reports[best].text, file=out)
