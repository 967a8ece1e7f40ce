"""The weights of a linear model in the units of the data, beside scikit-learn's optimum."""

import math
import warnings
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tui_gd.insight.verdict import share
from tui_gd.learning.engine import Engine, computing
from tui_gd.learning.models import Floats, Model
from tui_gd.problems import Problem
from tui_gd.problems.text import aligned, safe_text
from tui_gd.session.settings import RunSettings
from tui_gd.training.trainer import Trainer


@dataclass(frozen=True)
class FeatureWeight:
    """A feature's weight for one class, or for the only score: in three scales; see `Weights`."""

    feature: str
    output: str
    per_unit: float
    standardized: float
    optimum: float | None = None


@dataclass(frozen=True)
class Optimum:
    """What scikit-learn finds for the same loss, penalty and rows: the known answer.

    `above` is how far the loss of the weights lies above the optimum's. `distance` is ‖w − w*‖ /
    ‖w*‖ over the standardized weights, biases left out, NaN where w* is 0. `why` says why there is
    no such answer; the rest is then empty.
    """

    estimator: str = ""
    loss: float = math.nan
    above: float = math.nan
    distance: float = math.nan
    why: str = ""

    def sentence(self) -> str:
        """Return in a line how far the weights are from the optimum."""
        if self.why:
            return f"no known optimum: {self.why}"
        same = self.above <= 1e-9 * abs(self.loss)
        here = "the same loss here" if same else f"here {self.above:.2g} above"
        away = f", weights differ by {share(self.distance)}"
        return (
            f"optimum by scikit-learn's {self.estimator}: loss {self.loss:.7g};"
            f" {here}{'' if math.isnan(self.distance) else away}"
        )


@dataclass(frozen=True, eq=False)
class Weights:
    """The weights of a linear model in the units of the data, the largest first.

    The model's features are zⱼ = (fⱼ − μⱼ) / sⱼ, with μ = 0 and s = 1 where they were not
    standardized, and its score is Σⱼ wⱼ·zⱼ + b. So fⱼ weighs vⱼ = wⱼ / sⱼ per unit, and the
    intercept is c = b − Σⱼ wⱼ·μⱼ / sⱼ: Σⱼ vⱼ·fⱼ + c is the same score. The standardized weight is
    wⱼ·σⱼ, σⱼ the standard deviation of zⱼ over the train rows (their first 2,000,000 numbers): what
    the score changes by when fⱼ grows by one standard deviation. `rows` are in the order of its
    absolute value.

    With more than two classes, the mean over the classes is taken from every feature's weights and
    from the biases: no prediction depends on it.
    """

    rows: tuple[FeatureWeight, ...]
    intercepts: tuple[tuple[str, float], ...]
    optimum: Optimum

    def lines(self, most: int | None = None) -> list[str]:
        """Return a table of at most `most` weights, the intercepts, and how far the optimum is."""
        several = len(self.intercepts) > 1
        known = any(row.optimum is not None for row in self.rows)
        head = ["weight of", *["for"] * several, "per unit", "standardized", *["optimum"] * known]
        table = [tuple(head)]
        for row in self.rows[:most]:
            names = [safe_text(row.feature, 40), *[safe_text(row.output, 20)] * several]
            last = [f"{row.optimum:.6g}"] if row.optimum is not None else []
            table.append((*names, f"{row.per_unit:.6g}", f"{row.standardized:.6g}", *last))
        for output, value in self.intercepts[:most]:
            names = ["intercept", *[safe_text(output, 20)] * several]
            table.append((*names, f"{value:.6g}", *[""] * (len(head) - len(names) - 1)))
        lines = aligned(table, right=range(1 + several, len(head)))
        if most is not None and len(self.rows) > most:
            lines.append(f"{len(self.rows) - most:,} more weights: exported")
        return [*(line.rstrip() for line in lines), self.optimum.sentence()]

    def as_document(self) -> dict[str, Any]:
        """Return the weights as plain values."""
        optimum = {
            "estimator": self.optimum.estimator or None,
            "loss": plain_number(self.optimum.loss),
            "above": plain_number(self.optimum.above),
            "distance": plain_number(self.optimum.distance),
            "why": self.optimum.why or None,
        }
        return {
            "weights": [asdict(row) for row in self.rows],
            "intercepts": [value for _, value in self.intercepts],
            "optimum": optimum,
        }


MOST_NUMBERS = 2_000_000
"""Train rows of more numbers than this, rows × features, are not fitted by scikit-learn."""
MOST_LISTED = 20_000
ITERATIONS = 2000


def weights_of(
    problem: Problem,
    model: Model,
    weights: Floats,
    engine: Engine | None = None,
    optimum: tuple[Floats | None, Optimum] = (None, Optimum(why="it was not computed")),
) -> Weights | None:
    """Return one lane's `weights` (parameters,) in the units of the data; None if not linear.

    `optimum` is what `find_optimum` returned, with the same `engine`. Weights that are not finite,
    or more than 20,000, are not listed.
    """
    linear = not (problem.surface or model.hidden)
    if not linear or model.parameters > MOST_LISTED or not np.isfinite(weights).all():
        return None
    matrix = _centred(np.asarray(weights, np.float64).reshape(model.shapes[0]))
    means = np.array([rule.mean for rule in problem.rules] or np.zeros(problem.features))
    scales = np.array([rule.scale for rule in problem.rules] or np.ones(problem.features))
    spreads = _spreads(problem)
    own = matrix[:-1] / scales[:, None]
    standardized = matrix[:-1] * spreads[:, None]
    intercepts = matrix[-1] - means @ own
    outputs = problem.class_names if problem.outputs > 1 else ("",)
    best, known = optimum
    best_own = None if best is None else _centred(best.reshape(model.shapes[0]))[:-1]
    if best_own is not None:
        size = float(np.linalg.norm(best_own * spreads[:, None]))
        away = float(np.linalg.norm(standardized - best_own * spreads[:, None]))
        loss = math.nan if engine is None else float(engine.loss(weights[None])[0])
        known = replace(known, above=loss - known.loss, distance=away / size if size else math.nan)
        best_own = best_own / scales[:, None]
    order = np.argsort(-np.abs(standardized), axis=None, kind="stable").tolist()
    rows = [
        FeatureWeight(
            problem.feature_names[slot],
            outputs[output],
            float(own[slot, output]),
            float(standardized[slot, output]),
            None if best_own is None else float(best_own[slot, output]),
        )
        for slot, output in (divmod(one, len(outputs)) for one in order)
    ]
    return Weights(tuple(rows), tuple(zip(outputs, intercepts.tolist(), strict=True)), known)


def _centred(matrix: Floats) -> Floats:
    """Return weights (features + 1, outputs) without their mean over the classes, if several."""
    return matrix - matrix.mean(axis=1, keepdims=True) if matrix.shape[1] > 1 else matrix


def _spreads(problem: Problem) -> Floats:
    """Return the standard deviations (features,) of the features that the model was trained on."""
    rows = min(len(problem.y_train), max(1, MOST_NUMBERS // max(1, problem.features)))
    if not rows or problem.is_sparse or any(rule.scale != 1.0 for rule in problem.rules):
        return np.ones(problem.features)
    spreads: Floats = problem.rows(problem.x_train, slice(0, rows))[:, :-1].std(axis=0)
    return spreads


def find_optimum(
    settings: RunSettings, problem: Problem, loss: str, engine: Engine
) -> tuple[Floats | None, Optimum]:
    """Return the weights (parameters,) of a linear model's optimum and its loss.

    `engine` computes the loss of that name on the train rows. A mean loss over rows of weights r
    with the penalty l2/2·‖w‖² is least where scikit-learn's is with C = 1 / (l2·Σr) for classes
    (`LogisticRegression`), and with α = l2·n/2 for a mean of squared errors, l2/2 for their sum
    (`Ridge`; without penalty `LinearRegression`). Other losses, l1, sparse rows and more than
    2,000,000 numbers have no such answer, and neither have classes that a plane separates without
    a penalty: their weights grow without end.
    """
    why = _why_no_optimum(settings, problem, loss)
    if why:
        return None, Optimum(why=why)
    x = problem.rows(problem.x_train, slice(0, len(problem.y_train)))[:, :-1]
    y, n = problem.y_train, float(len(problem.y_train))
    # without a penalty the scale of a column changes nothing, and iterations need a common one
    spreads = np.ones(x.shape[1])
    if not settings.ridge:
        spreads = x.std(axis=0)
        spreads[spreads == 0.0] = 1.0
    x = x / spreads
    if problem.task == "regression":
        from sklearn.linear_model import LinearRegression, Ridge

        alpha = settings.ridge / 2 * (n if loss == "mse" else 1.0)
        fitted = (Ridge(alpha=alpha) if alpha else LinearRegression()).fit(x, y)
        name = f"Ridge(alpha={alpha:.6g})" if alpha else "LinearRegression()"
        coefficients, bias = np.atleast_2d(fitted.coef_), np.atleast_1d(fitted.intercept_)
    else:
        from sklearn.linear_model import LogisticRegression

        row_weights = settings.row_weights(problem)
        total = n if row_weights is None else float(row_weights.sum())
        c = 1.0 / (settings.ridge * total) if settings.ridge else math.inf
        with warnings.catch_warnings():
            # whether it came to the end is checked below
            warnings.simplefilter("ignore")
            fitted = LogisticRegression(C=c, tol=1e-9, max_iter=ITERATIONS).fit(x, y, row_weights)
        name = f"LogisticRegression(C={c:.6g})" if settings.ridge else "LogisticRegression(C=inf)"
        if fitted.n_iter_[0] >= ITERATIONS:
            return None, Optimum(why=f"scikit-learn did not find it in {ITERATIONS:,} iterations")
        if not settings.ridge and fitted.score(x, y) == 1.0:
            return None, Optimum(
                why="the classes can be separated, so weights grow without end: --l2 gives one"
            )
        coefficients, bias = fitted.coef_, fitted.intercept_
    best = np.concatenate([(coefficients / spreads).T, bias[None]]).ravel()
    return best, Optimum(name, float(engine.loss(best[None])[0]))


def _why_no_optimum(settings: RunSettings, problem: Problem, loss: str) -> str:
    """Return why scikit-learn has no answer, nothing if it has one."""
    numbers = len(problem.y_train) * problem.features
    known = {"sse", "mse"} if problem.task == "regression" else {"cross-entropy"}
    reasons = {
        "with hidden layers there may be many": bool(settings.hidden),
        "the rows are not at hand": not numbers or problem.parts is not None,
        f"with loss {loss} scikit-learn has none": loss not in known,
        "with --l1 it is not computed": settings.l1 > 0.0,
        "sparse rows are not fitted": problem.is_sparse,
        f"{numbers:,} numbers are more than the {MOST_NUMBERS:,} that are fitted": (
            numbers > MOST_NUMBERS
        ),
    }
    return next((why for why, holds in reasons.items() if holds), "")


def weights_beside_optimum(settings: RunSettings, trainer: Trainer) -> list[Weights | None]:
    """Return the weights of every lane of a linear model beside the optimum of its loss."""
    found: dict[str, tuple[Floats | None, Optimum]] = {}
    problem, methods = trainer.problem, trainer.descent.methods
    several = list[Weights | None]()
    if problem.surface or settings.hidden or trainer.model.parameters > MOST_LISTED:
        return [None] * len(methods)
    for i, method in enumerate(methods):
        with computing():
            engine = trainer.engines.make(method.loss)
            if method.loss not in found:
                found[method.loss] = find_optimum(settings, problem, method.loss, engine)
            best = trainer.best_of(i).weights
            several.append(weights_of(problem, trainer.model, best, engine, found[method.loss]))
    return several


def plain_number(value: float) -> float | None:
    """Return a number, None if JSON cannot hold it (NaN, infinity)."""
    return float(value) if math.isfinite(value) else None
