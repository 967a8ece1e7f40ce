"""The current lane as a script that predicts from rows of the raw table, and its numbers beside.

All numbers and names are JSON: nothing of them is code, and nothing has to be unpickled.
"""

import json
from dataclasses import asdict
from pathlib import Path

from tui_gd import __version__
from tui_gd.errors import ProblemError
from tui_gd.problems.delimited import MISSING_NUMBERS, MISSING_TEXTS
from tui_gd.runs.record import RunRecord


def without_columns(exported: RunRecord) -> str:
    """Return why there is no script that predicts from a table, or nothing."""
    if exported.problem.rules:
        return ""
    if exported.problem.surface:
        return "a surface has no rows to predict: there is no script that predicts"
    return "it is not on record how its features are made: there is no script that predicts"


def predict_files(exported: RunRecord) -> dict[str, bytes]:
    """Return `predict.py`, of Python and numpy alone, and `model.json`, which it reads."""
    if reason := without_columns(exported):
        raise ProblemError(reason)
    problem, weights = exported.problem, exported.weights(exported.lane)
    model = {
        "version": __version__,
        "problem": problem.name,
        "lane": exported.lane.name,
        "epoch": exported.epoch,
        "target": problem.target_name,
        "task": problem.task,
        "classes": list(problem.class_names),
        "missing texts": sorted(MISSING_TEXTS),
        "missing numbers": sorted(MISSING_NUMBERS),
        "features": [
            {"feature": name, **asdict(rule)}
            for name, rule in zip(problem.feature_names, problem.rules, strict=True)
        ],
        "activation": exported.settings.activation,
        "layers": [layer[0].tolist() for layer in exported.model.matrices(weights[None])],
    }
    text = json.dumps(model, indent=1, allow_nan=False)
    script = Path(__file__).with_name("predict.py").read_bytes()
    return {"predict.py": script, "model.json": text.encode() + b"\n"}
