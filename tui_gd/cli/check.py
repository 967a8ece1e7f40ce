"""`gd-tui check`: checks the gradient numerically and prints tables and a verdict."""

import argparse
import sys
from dataclasses import dataclass
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from tui_gd.cli.options import settings_of
from tui_gd.cli.output import load_problem, progress
from tui_gd.insight import numeric
from tui_gd.insight.curvature import KINKED
from tui_gd.insight.explain import weight_names
from tui_gd.learning.models import Floats
from tui_gd.problems.text import safe_text
from tui_gd.training.trainer import Trainer

MOST_WEIGHTS = 20
LEAST_NAME, MOST_NAME = 8, 32


def main(options: argparse.Namespace) -> int:
    """Check the gradient at the start of a run; return the exit status, 1 if it is wrong."""
    options.dtype = "float64"  # in float32, the differences are mostly rounding
    settings = settings_of(options)
    problem = load_problem(settings)
    return 0 if print_check(settings.resolved(problem).make_trainer(problem), sys.stdout) else 1


@dataclass(frozen=True, eq=False)
class Check:
    """One lane's gradient compared with differences of its loss.

    `table` is `numeric.step_table` and `best` its best row. `analytic` and `central` are the
    gradient by formula and by central differences with `step`, and `errors` their relative errors,
    all (parameters,). For a right gradient `step` is the best h; for a wrong one it is the usual h,
    because the h that looks best may hide the error. The table leaves out the weights that are
    `kinked` (parameters,).
    """

    table: list[numeric.StepError]
    best: numeric.StepError
    step: float
    analytic: Floats
    central: Floats
    errors: Floats
    kinked: NDArray[np.bool_]
    limit: float

    @property
    def right(self) -> bool:
        """Whether the best central error is below the limit."""
        return self.best.central < self.limit


def check_gradient(trainer: Trainer, lane: int = 0) -> Check:
    """Compare one lane's gradient at its weights with differences of the training loss."""
    engine, weights = trainer.engine, trainer.weights[lane]
    factor = engine.rule.descent_factor
    analytic = trainer.grad[lane] / np.asarray(factor, weights.dtype)
    kinked = np.zeros(weights.shape, np.bool_)
    if has_kinks(trainer):
        kinked = numeric.on_kink(engine, weights, analytic)
    with progress("checking", "steps") as show:
        table = numeric.step_table(engine, weights, analytic, among=~kinked, show=show)
    best = numeric.best_row(table)
    limit = numeric.limit(weights)
    step = best.step if best.central < limit else numeric.usual_step(weights)
    found = numeric.numeric_gradient(engine, weights, step)
    errors = numeric.weight_errors(found.central, analytic, found.loss)
    return Check(table, best, step, analytic, found.central, errors, kinked, limit)


def has_kinks(trainer: Trainer) -> bool:
    """Return whether the loss has kinks: hinge, mae, relu within the model, the l1 penalty."""
    model, engine = trainer.model, trainer.engine
    relu = bool(model.hidden) and model.activation == "relu"
    return relu or engine.rule.name in KINKED or bool(trainer.engines.penalty.l1)


def print_check(trainer: Trainer, out: TextIO) -> bool:
    """Compare a gradient with differences of the loss, print it, return if it is right.

    The first table gives the largest relative error of all weights for steps h from 1e-1 to 1e-14,
    for the central difference and for the tutorial's one-sided one. The error falls with h, then
    rises: the V. The second table lists at most `MOST_WEIGHTS` weights at the best h (see `Check`),
    the worst first. The gradient is right if the best central error is below `numeric.limit`. A
    weight on a kink has a mark, and passes if its gradient lies between the slopes on both sides.

    The text is plain ASCII, apart from names in the data.
    """
    check = check_gradient(trainer)
    loss = trainer.engine.rule
    print(
        f"gradient of the training loss ({loss.name}, {loss.unit}) against its differences:"
        f" epoch {trainer.epoch}, lane {trainer.lanes[0].name}, {len(check.errors)} weights",
        file=out,
    )
    _print_table(check, out)
    _print_weights(check, shown_names(trainer), out)
    _print_verdict(check, trainer, out)
    return check.right


def _print_table(check: Check, out: TextIO) -> None:
    print("\nlargest relative error of all weights; * is the best h", file=out)
    print("  h      (L(w+h) - L(w-h)) / 2h   (L(w+h) - L(w)) / h", file=out)
    for row in check.table:
        mark = "*" if row is check.best else " "
        print(f"{mark} {row.step:.0e}{row.central:>18.1e}{row.one_sided:>24.1e}", file=out)


def _print_weights(check: Check, names: list[str], out: TextIO) -> None:
    ranked = np.lexsort((-np.abs(check.analytic), -check.errors, check.kinked))[:MOST_WEIGHTS]
    room = max(LEAST_NAME, *(min(len(names[i]), MOST_NAME) for i in ranked))
    print(f"\nat h = {check.step:.0e}, the worst first", file=out)
    print(f"  {'weight':<{room}}{'analytic':>17}{'numeric':>17}{'rel. error':>12}", file=out)
    for i in ranked:
        note = "   kink" if check.kinked[i] else ""
        numbers = f"{check.analytic[i]:>+17.9e}{check.central[i]:>+17.9e}{check.errors[i]:>12.1e}"
        print(f"  {names[i][:MOST_NAME]:<{room}}{numbers}{note}", file=out)
    left = len(names) - len(ranked)
    if left:
        print(f"  {left} more left out, none of them worse", file=out)


def _print_verdict(check: Check, trainer: Trainer, out: TextIO) -> None:
    print(file=out)
    if check.kinked.any():
        print(
            f"{check.kinked.sum()} of {len(check.kinked)} weights are on a kink: left out of the"
            " table; their gradient lies between the slopes on both sides",
            file=out,
        )
    if not check.right:
        if not np.isfinite(check.best.central):
            print("a number is not finite: try other initial weights", file=out)
        elif check.analytic.dtype != np.float64:
            print("differences in single precision are too coarse to tell: try float64", file=out)
        elif has_kinks(trainer):
            print("kinks near these weights may be the cause: try another seed", file=out)
    verdict = "right" if check.right else "WRONG"
    found = f"relative error {check.best.central:.1e} at h = {check.best.step:.0e}"
    print(f"the gradient is {verdict}: {found}, limit {check.limit:.0e}", file=out)


def shown_names(trainer: Trainer) -> list[str]:
    """Return a name for every weight of a lane, in the order of its row, safe for a terminal."""
    names = weight_names(trainer.problem, trainer.model)
    return [safe_text(name.replace("→", "->"), None) for name in names]
