"""A run without an interface: the tutorial's lines, the report, and the run as JSON."""

import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from tui_gd import __version__
from tui_gd.learning.models import Floats
from tui_gd.learning.prediction import Predictor
from tui_gd.learning.trainer import Trainer
from tui_gd.problems import Problem, ProblemError
from tui_gd.report import Report, report_on
from tui_gd.settings import OutputSettings, RunSettings

# training is let go on for about this long between two looks at what is to be printed
PRINT_SECONDS = 0.1


def train(settings: RunSettings, output: OutputSettings) -> int:
    """Train, print and write what `output` says; return the exit status, 1 if diverged."""
    if output.json and output.json != "-":
        _check_writable(Path(output.json))
    out = sys.stderr if output.json == "-" else sys.stdout
    problem = settings.load_problem()
    trainer = settings.make_trainer(problem, test_losses=output.json is not None)
    start = trainer.weights.copy()
    begin = time.perf_counter()
    _train(trainer, settings.epochs, None if output.quiet else out)
    seconds = time.perf_counter() - begin
    if not output.quiet:
        if trainer.stopped:
            print(f"[INFO] stopped after {trainer.epoch} epochs: {trainer.stopped}", file=out)
        print("[INFO] evaluating...", file=out)
    reports = reports_of(trainer, problem)
    print_reports(trainer, reports, out)
    if output.json:
        document = as_document(settings, problem, trainer, start, reports, seconds)
        _write(json.dumps(document, allow_nan=False), output.json)
    if trainer.diverged.all():
        epoch = max(lane.diverged or 0 for lane in trainer.lanes)
        print(
            f"gd-tui: diverged: after epoch {epoch} a number is no longer finite; try a smaller -a",
            file=sys.stderr,
        )
        return 1
    return 0


def _train(trainer: Trainer, epochs: int, out: TextIO | None) -> None:
    burst = 1
    with trainer.computing():
        while trainer.epoch < epochs and not trainer.diverged.all() and not trainer.stopped:
            before, begin = trainer.epoch, time.perf_counter()
            trainer.advance(min(burst, epochs - before))
            if time.perf_counter() - begin < PRINT_SECONDS:
                burst *= 2
            if out:
                _print_epochs(trainer, before, out)


def _print_epochs(trainer: Trainer, before: int, out: TextIO) -> None:
    """Print the epochs from `before` on as the tutorial does: 1 and every fifth.

    Its `epoch=N` prints the loss before its Nth update: the one after N − 1 epochs.
    """
    several = len(trainer.lanes) > 1
    losses = [trainer.losses_between(i, before, trainer.epoch) for i in range(len(trainer.lanes))]
    for epoch in range(before + 1, trainer.epoch + 1):
        if epoch == 1 or epoch % 5 == 0:
            for lane, values in zip(trainer.lanes, losses, strict=True):
                alpha = f", alpha={lane.rates[0][1]:g}" if several else ""
                print(
                    f"[INFO] epoch={epoch}, loss={values[epoch - 1 - before]:.7f}{alpha}", file=out
                )
    out.flush()


def reports_of(trainer: Trainer, problem: Problem) -> list[Report]:
    """Return every lane's report at the trainer's epoch."""
    predictor = Predictor(trainer.model, problem.task)
    return [report_on(problem, predictor, weights) for weights in trainer.weights]


def print_reports(trainer: Trainer, reports: list[Report], out: TextIO) -> None:
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


def as_document(
    settings: RunSettings,
    problem: Problem,
    trainer: Trainer,
    start: Floats,
    reports: list[Report],
    seconds: float,
) -> dict[str, Any]:
    """Return a run as one object of plain values.

    `train_loss[k]` and `test_loss[k]` are the losses after k epochs, so that `train_loss[k]` is
    what epoch k + 1 prints; the loss at `weights` itself stands in `final_train_loss`.
    """
    epochs = trainer.epoch
    return {
        "version": __version__,
        "config": {**settings.as_dict(), "loss": settings.loss_for(problem)},
        "stopped": trainer.stopped,
        "problem": {
            "name": problem.name,
            "task": problem.task,
            "train_rows": len(problem.y_train),
            "test_rows": len(problem.y_test),
            "features": list(problem.feature_names),
            "classes": list(problem.class_names),
        },
        "lanes": [
            {
                "alpha": lane.rates[0][1],
                "optimizer": trainer.descent.optimizers[i].name,
                "initial_weights": start[i].tolist(),
                "weights": trainer.weights[i].tolist(),
                "train_loss": _plain(trainer.losses(i)[:epochs]),
                "test_loss": _plain(trainer.test_losses(i)[:epochs]),
                "final_train_loss": _plain(trainer.losses(i)[epochs:])[0],
                "final_test_loss": _plain(trainer.test_losses(i)[epochs:])[0],
                "diverged": lane.diverged,
                "report": reports[i].table,
            }
            for i, lane in enumerate(trainer.lanes)
        ],
        "seconds": seconds,
    }


def _plain(losses: Floats) -> list[float | None]:
    """JSON has no NaN: the epochs after a lane diverged are null."""
    return [value if math.isfinite(value) else None for value in losses.tolist()]


def _check_writable(path: Path) -> None:
    if path.is_dir():
        raise ProblemError(f"--json {path}: is a directory; name a file in it")
    if not os.access(path.parent, os.W_OK):
        raise ProblemError(f"--json {path}: cannot write there; name another place")


def _write(text: str, path: str) -> None:
    """Write a file whole or not at all."""
    if path == "-":
        print(text)
        return
    target = Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
