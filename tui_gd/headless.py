"""A run without an interface: the tutorial's lines, the report, and the run as JSON."""

import json
import math
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from tui_gd import __version__
from tui_gd.errors import OutputError
from tui_gd.learning.models import Floats
from tui_gd.learning.trainer import Trainer
from tui_gd.problems import Problem
from tui_gd.report import Report, print_reports, reports_of
from tui_gd.settings import OutputSettings, RunSettings
from tui_gd.wholefile import WholeFile

# training is let go on for about this long between two looks at what is to be printed
PRINT_SECONDS = 0.1


class Output:
    """A stream whose errors are said in one line; one that was closed takes nothing."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write, or raise `OutputError`; a pipe that broke stays a `BrokenPipeError`."""
        self._do(lambda stream: stream.write(text))

    def flush(self) -> None:
        """Have everything written out."""
        self._do(lambda stream: stream.flush())

    def _do(self, what: Callable[[TextIO], object]) -> None:
        try:
            if self._stream is not None:
                what(self._stream)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"to standard output: {error.strerror}") from None


def train(settings: RunSettings, output: OutputSettings) -> int:
    """Train, print and write what `output` says; return the exit status, 1 if diverged."""
    file = WholeFile(output.json, "--json") if output.json not in {None, "-"} else None
    try:
        return _train_and_write(settings, output, file)
    finally:
        if file:
            file.discard()


def _train_and_write(settings: RunSettings, output: OutputSettings, file: WholeFile | None) -> int:
    out = Output(sys.stderr if output.json == "-" else sys.stdout)
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
        text = json.dumps(document, allow_nan=False) + "\n"
        if file:
            file.write(text)
        else:
            Output(sys.stdout).write(text)
    out.flush()
    if trainer.diverged.all():
        epoch = max(lane.diverged or 0 for lane in trainer.lanes)
        print(
            f"gd-tui: diverged: after epoch {epoch} a number is no longer finite; try a smaller -a",
            file=sys.stderr,
        )
        return 1
    return 0


def _train(trainer: Trainer, epochs: int, out: Output | None) -> None:
    burst = 1
    with trainer.computing():
        while trainer.epoch < epochs and not trainer.diverged.all() and not trainer.stopped:
            before, begin = trainer.epoch, time.perf_counter()
            trainer.advance(min(burst, epochs - before))
            if time.perf_counter() - begin < PRINT_SECONDS:
                burst *= 2
            if out:
                _print_epochs(trainer, before, out)


def _print_epochs(trainer: Trainer, before: int, out: Output) -> None:
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
        "problem": about_problem(problem),
        "lanes": [
            {
                "alpha": lane.rates[0][1],
                "optimizer": trainer.descent.methods[i].optimizer.name,
                "initial_weights": start[i].tolist(),
                "weights": trainer.weights[i].tolist(),
                "train_loss": plain_numbers(trainer.losses(i)[:epochs]),
                "test_loss": plain_numbers(trainer.test_losses(i)[:epochs]),
                "final_train_loss": plain_numbers(trainer.losses(i)[epochs:])[0],
                "final_test_loss": plain_numbers(trainer.test_losses(i)[epochs:])[0],
                "diverged": lane.diverged,
                "report": reports[i].table,
            }
            for i, lane in enumerate(trainer.lanes)
        ],
        "seconds": seconds,
    }


def about_problem(problem: Problem) -> dict[str, Any]:
    """Return what a problem is, as plain values."""
    return {
        "name": problem.name,
        "task": problem.task,
        "train_rows": len(problem.y_train),
        "test_rows": len(problem.y_test),
        "features": [] if problem.surface else list(problem.feature_names),
        "classes": list(problem.class_names),
        "surface": problem.surface.as_dict() if problem.surface else None,
    }


def plain_numbers(losses: Floats) -> list[float | None]:
    """JSON has no NaN: the epochs after a lane diverged are null."""
    return [value if math.isfinite(value) else None for value in losses.tolist()]
