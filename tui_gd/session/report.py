"""Reports: how well a run predicts its test rows, by scikit-learn; a run as a JSON document."""

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from tui_gd import __version__
from tui_gd.learning.models import Floats, Predictor
from tui_gd.problems import Problem, Surface
from tui_gd.problems.machines import Parts, Rows
from tui_gd.problems.text import safe_text
from tui_gd.session.settings import TUTORIAL, RunSettings
from tui_gd.session.weights import plain_number, weights_beside_optimum
from tui_gd.training.trainer import Trainer

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


REPORT_ROWS = 8192
THRESHOLDS = np.arange(1, 100) / 100
"""The thresholds that the report of two classes can be read at."""


@dataclass(frozen=True, eq=False, repr=False)
class _Printed:
    """A report: `text` as printed, and `table`."""

    text: str
    table: dict[str, Any]

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, eq=False, repr=False)
class ClassificationReport(_Printed):
    """scikit-learn's classification report on the test rows.

    `text` is `classification_report` as printed, `table` its `output_dict`, `confusion` the counts
    (classes, classes), rows true and columns predicted. `scores` are those that need no threshold:
    `roc_auc`, `average_precision` and `log_loss`. `by_threshold` has the counts of two classes at
    each of `THRESHOLDS`, (99, 2, 2); of more classes it is empty. `percent` / 100 is the threshold
    of this report.
    """

    confusion: NDArray[np.int64]
    scores: dict[str, float]
    by_threshold: NDArray[np.int64]
    percent: int = 50

    def at(self, percent: int) -> Self:
        """Return the report with the second of two classes predicted where its p > `percent` / 100.

        The percents are 1 to 99. At its own it is this report.
        """
        if percent == self.percent:
            return self
        confusion = self.by_threshold[percent - 1]
        text, table = _of_counts(confusion, list(self.table)[: len(confusion)])
        return replace(self, text=text, table=table, confusion=confusion, percent=percent)


@dataclass(frozen=True, eq=False, repr=False)
class RegressionReport(_Printed):
    """scikit-learn's measures of a regression on the test rows: `text` as printed, and `table`.

    The table holds R², mean absolute error, root mean squared error and largest error.
    """


@dataclass(frozen=True, eq=False, repr=False)
class SurfaceReport(_Printed):
    """Where a lane is on a surface: `text` as printed, and `table`.

    The table holds every weight by its name, the `value`, the `nearest minimum` among those known,
    `its value` and the `distance` to it, and `kind`: `global` or `local` where that distance is at
    most `surface.near`, else None. What is not known is None.
    """

    @property
    def reached(self) -> str:
        """The kind of minimum that was reached, in words."""
        if self.table["nearest minimum"] is None:
            return "its minima are not known"
        kind = self.table["kind"]
        if kind is None:
            return f"{self.table['distance']:.2g} away from the nearest minimum"
        return f"{kind} minimum"

    @property
    def place(self) -> str:
        """The point and what was reached, in one line."""
        names = list(self.table)[: list(self.table).index("value")]
        reached = self.reached
        if self.table["kind"] is not None:
            where = _point(self.table["nearest minimum"])
            reached = f"{self.table['distance']:.1e} from the {reached} {where}"
        return f"{_point([self.table[name] for name in names])}, {reached}"


Report = ClassificationReport | RegressionReport | SurfaceReport


def report_on(problem: Problem, predictor: Predictor, weights: Floats) -> Report:
    """Report on one lane's `weights` (parameters,) by the problem's test rows, or its surface."""
    if problem.surface:
        return surface_report(problem.surface, weights)
    if problem.parts:
        return _report_in_parts(problem, problem.parts, predictor, weights)
    # block by block: the test rows may be mapped from a file
    parts = (
        problem.rows(problem.x_test, slice(i, i + REPORT_ROWS))
        for i in range(0, len(problem.y_test), REPORT_ROWS)
    )
    if problem.task == "regression":
        return regression(problem, np.concatenate([predictor.scores(weights, x) for x in parts]))
    blocks = [(predictor.predict(weights, x), predictor.probabilities(weights, x)) for x in parts]
    predicted, probabilities = map(np.concatenate, zip(*blocks, strict=True))
    return classification(problem, predicted, probabilities, predictor.threshold)


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
    return _regression_of(table)


def _regression_of(table: dict[str, Any]) -> RegressionReport:
    lines = [f"{name:>24}  {value:>12.6g}" for name, value in table.items()]
    return RegressionReport("\n".join(["", *lines, ""]), table)


def surface_report(surface: Surface, weights: Floats) -> SurfaceReport:
    """Report where `weights` (parameters,) are among the known minima of a surface."""
    value = float(surface.value(weights[None])[0])
    table: dict[str, Any] = dict(zip(surface.names, map(float, weights), strict=True))
    table |= {
        "value": value if math.isfinite(value) else None,
        "nearest minimum": None,
        "its value": None,
        "distance": None,
        "kind": None,
    }
    if found := surface.nearest(weights):
        minimum, distance = found
        table |= {
            "nearest minimum": list(minimum.point),
            "its value": minimum.value,
            "distance": distance,
            "kind": minimum.kind if distance <= surface.near else None,
        }
    known = {name: entry for name, entry in table.items() if name != "kind" and entry is not None}
    lines = [
        f"{name:>24}  {_point(entry) if isinstance(entry, list) else f'{entry:.9g}'}"
        for name, entry in known.items()
    ]
    lines.append(f"{'reached':>24}  {SurfaceReport('', table).reached}")
    return SurfaceReport("\n".join(["", *lines, ""]), table)


def _point(point: list[float]) -> str:
    return f"({', '.join(f'{number:.6g}' for number in point)})"


def classification(
    problem: Problem, predicted: NDArray[np.intp], probabilities: Floats, threshold: float = 0.5
) -> ClassificationReport:
    """Report on class numbers (test rows,) and probabilities (test rows, classes).

    Of two classes the second is predicted where its probability is above the `threshold`.
    """
    from sklearn.metrics import classification_report, confusion_matrix

    labels = np.arange(len(problem.class_names))
    chosen = {"labels": labels, "target_names": list(problem.class_names), "zero_division": 0.0}
    return ClassificationReport(
        text=classification_report(problem.y_test, predicted, **chosen),
        table=classification_report(problem.y_test, predicted, output_dict=True, **chosen),
        confusion=confusion_matrix(problem.y_test, predicted, labels=labels),
        scores=_scores(problem.y_test, len(problem.class_names), probabilities),
        by_threshold=_by_threshold(problem.y_test, probabilities),
        percent=round(100 * threshold),
    )


def _by_threshold(y: NDArray[np.generic], probabilities: Floats) -> NDArray[np.int64]:
    """Return the counts [threshold, true, predicted] of two classes, (0, 2, 2) of more."""
    if probabilities.shape[1] != 2:
        return np.zeros((0, 2, 2), np.int64)
    # compared in their own type, as `gd-tui predict --threshold` does; NaN is above none
    p = np.nan_to_num(probabilities[:, 1])
    passed = np.searchsorted(THRESHOLDS.astype(p.dtype), p)
    size = len(THRESHOLDS) + 1
    counts = np.bincount(y.astype(np.intp) * size + passed, minlength=2 * size).reshape(2, size)
    second = counts[:, ::-1].cumsum(axis=1)[:, -2::-1]
    first = counts.sum(axis=1, keepdims=True) - second
    return np.stack([first, second], axis=2).transpose(1, 0, 2)


def measures_of(confusion: NDArray[np.int64]) -> Floats:
    """Return precision, recall and F1 of each class (classes, 3); 0 where the divisor is 0.

    `confusion` (classes, classes) counts rows: true classes in rows, predicted ones in columns.
    """
    right, true, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    shares = [right / said.clip(1), right / true.clip(1), 2 * right / (true + said).clip(1)]
    return np.stack(shares, axis=1)


def _of_counts(confusion: NDArray[np.int64], names: list[str]) -> tuple[str, dict[str, Any]]:
    """Return text and table of scikit-learn's `classification_report`, from the counts alone."""
    measures, true = measures_of(confusion), confusion.sum(axis=1)
    rows = int(true.sum())
    weighted = true @ measures / max(rows, 1)
    accuracy = float(np.trace(confusion) / max(rows, 1))

    def entry(values: Floats, support: int) -> dict[str, Any]:
        keys = ("precision", "recall", "f1-score")
        return dict(zip(keys, values.tolist(), strict=True)) | {"support": support}

    table: dict[str, Any] = {
        name: entry(values, int(support))
        for name, values, support in zip(names, measures, true, strict=True)
    }
    table["accuracy"] = accuracy
    table["macro avg"] = entry(measures.mean(axis=0), rows)
    table["weighted avg"] = entry(weighted, rows)
    size = max(len("weighted avg"), *map(len, names))
    lines = [f"{'':>{size}}  {'precision':>9} {'recall':>9} {'f1-score':>9} {'support':>9}", ""]
    for name, found in table.items():
        if name == "accuracy":
            lines += ["", f"{name:>{size}}  {'':>9} {'':>9} {found:>9.2f} {rows:>9}"]
        else:
            precision, recall, f1, support = found.values()
            shares = f"{precision:>9.2f} {recall:>9.2f} {f1:>9.2f}"
            lines.append(f"{name:>{size}}  {shares} {support:>9}")
    return "\n".join([*lines, ""]), table


SCORED_NUMBERS = 1 << 22
"""Of rows in parts, scores need as many probabilities here at once, at most."""


@dataclass(frozen=True, eq=False)
class _Outcome:
    """The counts of one part's test rows, and their y and probabilities if they are wanted.

    Of a regression `errors` are the sums of |e| and e² and the largest |e|.
    """

    confusion: NDArray[np.int64]
    by_threshold: NDArray[np.int64]
    scored: tuple[NDArray[np.generic], Floats] | None
    errors: tuple[float, float, float] = (0.0, 0.0, 0.0)


def _outcome(
    rows: Rows, predictor: Predictor, weights: Floats, classes: int, scored: bool
) -> _Outcome:
    x, y = rows.half("test")
    confusion = np.zeros((classes, classes), np.int64)
    found: list[Floats] = [np.empty((0, classes))]
    by_threshold = _by_threshold(y[:0], found[0])
    total = squares = largest = 0.0
    for start in range(0, len(y), REPORT_ROWS):
        part, true = x[start : start + REPORT_ROWS], y[start : start + REPORT_ROWS]
        if not classes:
            missed = np.abs(true.astype(np.float64) - predictor.scores(weights, part))
            total, squares = total + float(missed.sum()), squares + float(np.vecdot(missed, missed))
            largest = max(largest, float(missed.max()))
            continue
        np.add.at(confusion, (true.astype(np.intp), predictor.predict(weights, part)), 1)
        if scored or classes == 2:
            probabilities = predictor.probabilities(weights, part)
            by_threshold += _by_threshold(true, probabilities)
            if scored:
                found.append(probabilities)
    pairs = (y, np.concatenate(found)) if scored else None
    return _Outcome(confusion, by_threshold, pairs, (total, squares, largest))


def _report_in_parts(
    problem: Problem, parts: Parts, predictor: Predictor, weights: Floats
) -> Report:
    """Report on rows in parts: every part counts its own, and the counts are added here."""
    classes, rows = len(problem.class_names), parts.test_rows
    scored = 0 < classes * rows <= SCORED_NUMBERS
    found: list[_Outcome] = parts.each(_outcome, predictor, weights, classes, scored)
    if not classes:
        totals, squares, largest = zip(*(one.errors for one in found), strict=True)
        spread, missed = parts.test_moments[1], math.fsum(squares)
        table = {
            "r2": 1.0 - missed / spread if spread > 0.0 else float("nan"),
            "mean absolute error": math.fsum(totals) / max(rows, 1),
            "root mean squared error": math.sqrt(missed / max(rows, 1)),
            "max error": max(largest),
            "support": rows,
        }
        return _regression_of(table)
    confusion = np.sum([one.confusion for one in found], axis=0)
    by_threshold = np.sum([one.by_threshold for one in found], axis=0)
    text, table = _of_counts(confusion, list(problem.class_names))
    scores = {}
    if scored:
        pairs = [one.scored for one in found if one.scored]
        y, probabilities = (np.concatenate(one) for one in zip(*pairs, strict=True))
        scores = _scores(y, classes, probabilities)
    percent = round(100 * predictor.threshold)
    return ClassificationReport(text, table, confusion, scores, by_threshold, percent)


RANKS = 0.7
"""From this ROC AUC on, probabilities rank the classes well."""
DOMINANT = 0.8
"""From this share of the largest class on, another class is rare."""


@dataclass(frozen=True)
class Baseline:
    """A prediction that ignores the features, and its score on the test rows.

    It is always the largest class of the train rows, scored by accuracy, or for a regression their
    mean, scored by R².
    """

    says: str
    score: float

    def sentence(self, report: Report, *, fell: bool, penalized: bool = False) -> str:
        """Return in a line how a report compares, with what to try where it is no better.

        If the loss `fell`, another learning rate would not help, nor would a penalty if the weights
        are `penalized`. If the probabilities rank the classes well, nothing need be tried: a rare
        class is not predicted often, or too often. Only two classes have a threshold.
        """
        if isinstance(report, RegressionReport):
            ours = report.table["r2"]
            words = f"R² {ours:.4g}; always saying the mean, {self.says}: {self.score:.4g}"
        else:
            ours = report.table["accuracy"]
            words = f"right {ours:.1%}; always saying {self.says!r}: {self.score:.1%}"
        if ours > self.score:
            return words
        if isinstance(report, ClassificationReport) and report.scores.get("roc_auc", 0.0) >= RANKS:
            why = "The classes are ranked well all the same"
            if self.score >= DOMINANT:
                why = "Of a rare class accuracy says little"
            threshold = ", --threshold" if len(report.confusion) == 2 else ""
            return f"{words}. {why}: see recall, ROC AUC{threshold}"
        if fell and penalized:
            return f"{words}. No better: try other columns, another --l2, or --hidden 16"
        tried = "--l2 0.01" if fell else "-a auto"
        return f"{words}. No better: try {tried}, more epochs (-e), or --hidden 16"


def baseline_of(problem: Problem) -> Baseline | None:
    """Return the baseline of a problem; None for a surface, and without test rows."""
    if problem.surface or not problem.test_rows:
        return None
    parts, y, y_test = problem.parts, problem.y_train, problem.y_test
    if problem.task == "regression":
        if parts:
            (true_mean, spread), mean = parts.test_moments, parts.target_mean
            missed = spread + parts.test_rows * (true_mean - mean) ** 2
        else:
            true, mean = np.asarray(y_test, np.float64), float(y.mean())
            spread = float(((true - true.mean()) ** 2).sum())
            missed = float(((true - mean) ** 2).sum())
        return Baseline(f"{mean:.4g}", 1.0 - missed / spread if spread else 0.0)
    largest = int(np.argmax(parts.class_counts if parts else np.bincount(y)))
    right = parts.test_counts[largest] if parts else np.count_nonzero(y_test == largest)
    return Baseline(safe_text(problem.class_names[largest], 30), right / problem.test_rows)


FAR_ABOVE = 10.0
FAR_BELOW = -1.0


def explosion(trainer: Trainer, reports: list[Report]) -> str:
    """Return a line if every lane ended finite, but far above its start; else nothing.

    Far above means ten times the loss of epoch 0, or an R² below −1 on the test rows of a lane
    whose train loss rose.
    """
    if trainer.diverged.all() or trainer.problem.surface:
        return ""
    starts = np.array([trainer.losses_between(i, 0, 1)[0] for i in range(len(trainer.lanes))])
    ends = trainer.loss
    if trainer.validates:
        epochs = [best.epoch for best in trainer.best]
        ends = np.array([trainer.losses_between(i, e, e + 1)[0] for i, e in enumerate(epochs)])
    with np.errstate(all="ignore"):
        risen = ends / starts
    far = [
        ratio > FAR_ABOVE
        or (ratio > 1.0 and isinstance(one, RegressionReport) and one.table["r2"] < FAR_BELOW)
        for ratio, one in zip(risen.tolist(), reports, strict=True)
    ]
    if not all(far):
        return ""
    return (
        f"exploded: the loss is {min(risen):.3g} times that of the start; try -a auto,"
        " or a smaller -a"
    )


def _scores(y: NDArray[np.generic], count: int, probabilities: Floats) -> dict[str, float]:
    """Return the scores that depend on the probabilities (test rows, classes), not on a threshold.

    Of more than two classes each is held against all others, and their mean is taken. Empty where
    not every class is among the test rows, or the numbers are not finite.
    """
    from sklearn import metrics

    if len(np.unique(y)) < max(count, 2) or not np.isfinite(probabilities).all():
        return {}
    if count == 2:
        p = probabilities[:, 1]
        area, precision = metrics.roc_auc_score(y, p), metrics.average_precision_score(y, p)
    else:
        total = probabilities.sum(axis=1, keepdims=True)
        area = metrics.roc_auc_score(y, probabilities / total, multi_class="ovr")
        precision = metrics.average_precision_score(np.eye(count)[y], probabilities)
    true = probabilities[np.arange(len(y)), y]
    loss = -np.log(np.maximum(true, np.finfo(np.float64).tiny)).mean()
    return {
        "roc_auc": float(area),
        "average_precision": float(precision),
        "log_loss": float(loss),
    }


SCORES = {"roc_auc": "ROC AUC", "average_precision": "average precision", "log_loss": "log loss"}
"""The scores of a classification, as people read them."""


def scores_line(report: Report) -> str:
    """Return the scores of a classification in a line, nothing where there are none."""
    if not isinstance(report, ClassificationReport) or not report.scores:
        return ""
    return ", ".join(f"{SCORES[name]} {value:.4f}" for name, value in report.scores.items())


def reports_of(trainer: Trainer) -> list[Report]:
    """Return every lane's report on the weights that count; see `Trainer.best`."""
    return [report_on(trainer.problem, trainer.predictor, best.weights) for best in trainer.best]


def best_line(trainer: Trainer, position: int) -> str:
    """Return in a line which epoch of a lane counts; empty without validation rows."""
    if not trainer.validates:
        return ""
    epoch = trainer.best_of(position).epoch
    loss = trainer.history.validation_loss.at(position, epoch)
    if not math.isfinite(loss):
        return ""
    return f"best epoch {epoch} of {trainer.epoch}: validation loss {loss:{_digits(loss)}}"


def _digits(loss: float) -> str:
    """Return the format of a loss; a very large one is written with a power of ten."""
    return ".7f" if abs(loss) < 1e6 else ".6e"


def measure_of(report: Report) -> tuple[str, str]:
    """Return the name of the measure that lanes are compared by, and this report's value."""
    if isinstance(report, SurfaceReport):
        return "ended at", report.place
    name = "accuracy" if isinstance(report, ClassificationReport) else "r2"
    return name, f"{report.table[name]:.4f}"


def best_lane(trainer: Trainer) -> int:
    """Return the position of the lane with the least validation loss so far.

    Without validation rows it is the one with the least training loss that has not diverged.
    """
    if trainer.validates:
        series = trainer.history.validation_loss
        losses = np.array([series.at(i, one.epoch) for i, one in enumerate(trainer.best)])
        return int(np.argmin(np.where(np.isnan(losses), np.inf, losses)))
    return int(np.argmin(np.where(trainer.diverged, np.inf, trainer.loss)))


def print_reports(trainer: Trainer, reports: list[Report], out: "SupportsWrite[str]") -> None:
    """Print the report; of several lanes one line each, then the report of the best.

    With validation rows a line before it says which epoch it is of.
    """
    best = 0
    if len(reports) > 1:
        best = best_lane(trainer)
        measure, _ = measure_of(reports[0])
        print(f"{'lane':>4} {'optimizer':>9} {'alpha':>12} {'loss':>14} {measure:>9}", file=out)
        for i, lane in enumerate(trainer.lanes):
            mark = f"diverged after epoch {lane.diverged}" if trainer.diverged[i] else ""
            if i == best:
                mark = mark or "best"
            row = (
                f"{lane.name:>4} {trainer.descent.methods[i].optimizer.name:>9}"
                f" {trainer.learning_rates[i]:>12g} {trainer.loss[i]:>14{_digits(trainer.loss[i])}}"
                f" {measure_of(reports[i])[1]:>9} {mark}"
            )
            print(row.rstrip(), file=out)
        print(
            f"\nlane {trainer.lanes[best].name}, alpha={trainer.learning_rates[best]:g}", file=out
        )
    if words := best_line(trainer, best):
        print(words, file=out)
    report, problem = reports[best], trainer.problem
    if isinstance(report, ClassificationReport) and report.percent != 50:
        second = safe_text(problem.class_names[1])
        print(f"threshold {report.percent / 100:g}: {second} is predicted above it", file=out)
    print(report.text, file=out)
    baseline = baseline_of(problem)
    if baseline and problem.name != TUTORIAL:  # whose output is that of the tutorial's script
        fell = bool(trainer.loss[best] < trainer.losses(best)[0])
        penalized = trainer.engines.penalty.l2 > 0.0
        print(baseline.sentence(report, fell=fell, penalized=penalized), file=out)
        if words := scores_line(report):
            print(words, file=out)


def about_problem(problem: Problem) -> dict[str, Any]:
    """Return a problem without its rows."""
    return {
        "name": problem.name,
        "task": problem.task,
        "train_rows": problem.train_rows,
        "test_rows": problem.test_rows,
        **({"validation_rows": problem.validation_rows} if problem.validation_rows else {}),
        "features": [] if problem.surface else list(problem.feature_names),
        "classes": list(problem.class_names),
        "surface": problem.surface.as_dict() if problem.surface else None,
    }


def plain_numbers(losses: Floats) -> list[float | None]:
    """Return a list of `plain_number`: epochs after a lane diverged are null."""
    return [plain_number(value) for value in losses.tolist()]


def _validation(trainer: Trainer, position: int) -> dict[str, Any]:
    """Return what validation rows add to a lane in a document."""
    losses, epoch = trainer.validation_losses(position), trainer.epoch
    return {
        "best_epoch": trainer.best_of(position).epoch,
        "validation_loss": plain_numbers(losses[:epoch]),
        "final_validation_loss": plain_numbers(losses[epoch:])[0],
        "last_weights": trainer.weights[position].tolist(),
    }


def as_document(
    settings: RunSettings, trainer: Trainer, reports: list[Report], seconds: float
) -> dict[str, Any]:
    """Return a run as one object of plain values.

    `train_loss[k]` and `test_loss[k]` are the losses after k epochs, so that `train_loss[k]` is
    what epoch k + 1 prints; the loss after the last epoch stands in `final_train_loss`. With
    validation rows, `weights` and `report` are those after `best_epoch` epochs, and `last_weights`
    those after the last; without, they are of the last epoch.
    """
    problem, epochs, best = trainer.problem, trainer.epoch, trainer.best
    start = trainer.history.keyframes.start()[:, 0]
    in_units = weights_beside_optimum(settings, trainer)
    return {
        "version": __version__,
        "config": settings.config(problem),
        "stopped": trainer.stopped,
        "problem": about_problem(problem),
        "lanes": [
            {
                "alpha": lane.rates[0][1],
                "optimizer": trainer.descent.methods[i].optimizer.name,
                "initial_weights": start[i].tolist(),
                "weights": best[i].weights.tolist(),
                "train_loss": plain_numbers(trainer.losses(i)[:epochs]),
                "test_loss": plain_numbers(trainer.test_losses(i)[:epochs]),
                "final_train_loss": plain_numbers(trainer.losses(i)[epochs:])[0],
                "final_test_loss": plain_numbers(trainer.test_losses(i)[epochs:])[0],
                "diverged": lane.diverged,
                "report": reports[i].table,
                "scores": getattr(reports[i], "scores", {}),
                "in_units": None if (found := in_units[i]) is None else found.as_document(),
                **(_validation(trainer, i) if trainer.validates else {}),
            }
            for i, lane in enumerate(trainer.lanes)
        ],
        "baseline": asdict(baseline) if (baseline := baseline_of(problem)) else None,
        "seconds": seconds,
    }
