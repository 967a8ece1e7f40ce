"""What runs and problems are in plain values, as JSON has them, and in the words of the command."""

import math
import shlex
from typing import Any

from tui_gd.learning.models import Floats
from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings


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


def plain_number(value: float) -> float | None:
    """Return a number, or None for what JSON has no number for."""
    return float(value) if math.isfinite(value) else None


def plain_numbers(losses: Floats) -> list[float | None]:
    """Return numbers as JSON has them: the epochs after a lane diverged are null."""
    return [value if math.isfinite(value) else None for value in losses.tolist()]


def command_line(settings: RunSettings) -> str:
    """Return the command that begins a run of these settings."""
    return shlex.join(["gd-tui", *settings.words()])


def size_of(problem: Problem) -> str:
    """Return the size of a problem in words."""
    if problem.surface:
        return problem.surface.formula
    kind = f"{len(problem.class_names)} classes" if problem.class_names else "regression"
    features = "1 feature" if problem.features == 1 else f"{problem.features} features"
    train, test = len(problem.y_train), len(problem.y_test)
    return f"{train} train rows, {test} test rows, {features}, {kind}"
