"""What a problem of files is without its rows: enough to export weights that were learned from it.

It is kept with the run, so that a file that is changed or gone takes no weights with it.
"""

from dataclasses import astuple
from typing import Any

import numpy as np

from tui_gd.problems import Problem
from tui_gd.problems.rules import FeatureRule

MOST_FEATURES = 1000
"""Of more features than these nothing is kept: all runs' descriptions are read to list the runs."""


def description(problem: Problem) -> dict[str, Any] | None:
    """Return a problem's task, names and rules, as JSON takes them; None if it is very wide."""
    if problem.features > MOST_FEATURES:
        return None
    return {
        "name": problem.name,
        "task": problem.task,
        "target": problem.target_name,
        "classes": list(problem.class_names),
        "features": list(problem.feature_names),
        "rules": [list(astuple(rule)) for rule in problem.rules],
    }


def without_rows(known: dict[str, Any]) -> Problem:
    """Return the problem that was described, with no rows; `ValueError` if it is none."""
    names, rules = tuple(map(str, known["features"])), known["rules"]
    if known["task"] not in {"binary", "multiclass", "regression"} or len(rules) not in {
        0,
        len(names),
    }:
        raise ValueError("the description of its data is damaged")
    x, y = np.empty((0, len(names) + 1)), np.empty(0)
    return Problem(
        name=str(known["name"]),
        task=known["task"],
        x_train=x,
        y_train=y,
        x_test=x,
        y_test=y,
        feature_names=names,
        class_names=tuple(map(str, known["classes"])),
        target_name=str(known["target"]),
        rules=tuple(FeatureRule(*rule) for rule in rules),
    )
