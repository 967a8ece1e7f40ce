"""Runs and problems as JSON documents."""

import math
from dataclasses import asdict
from typing import Any

from tui_gd import __version__
from tui_gd.learning.models import Floats
from tui_gd.problems import Problem
from tui_gd.session.report import Report, baseline_of
from tui_gd.session.settings import RunSettings
from tui_gd.training.trainer import Trainer


def about_problem(problem: Problem) -> dict[str, Any]:
    """Return a problem without its rows."""
    return {
        "name": problem.name,
        "task": problem.task,
        "train_rows": len(problem.y_train),
        "test_rows": len(problem.y_test),
        "features": [] if problem.surface else list(problem.feature_names),
        "classes": list(problem.class_names),
        "surface": problem.surface.as_dict() if problem.surface else None,
    }


def plain_number(value: float) -> float | None:
    """Return a number, None if JSON cannot hold it (NaN, infinity)."""
    return float(value) if math.isfinite(value) else None


def plain_numbers(losses: Floats) -> list[float | None]:
    """Return a list of `plain_number`: epochs after a lane diverged are null."""
    return [value if math.isfinite(value) else None for value in losses.tolist()]


def as_document(
    settings: RunSettings,
    problem: Problem,
    trainer: Trainer,
    reports: list[Report],
    seconds: float,
) -> dict[str, Any]:
    """Return a run as one object of plain values.

    `train_loss[k]` and `test_loss[k]` are the losses after k epochs, so that `train_loss[k]` is
    what epoch k + 1 prints; the loss at `weights` itself stands in `final_train_loss`.
    """
    epochs = trainer.epoch
    start = trainer.history.keyframes.start()[:, 0]
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
                "scores": getattr(reports[i], "scores", {}),
            }
            for i, lane in enumerate(trainer.lanes)
        ],
        "baseline": asdict(baseline) if (baseline := baseline_of(problem)) else None,
        "seconds": seconds,
    }
