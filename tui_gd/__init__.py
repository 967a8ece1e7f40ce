"""Gradient descent, live in a terminal: the public names, imported when first used."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_gd.estimators import GradientDescentClassifier, GradientDescentRegressor
    from tui_gd.problems import load_problem
    from tui_gd.session.trainer import Trainer

__version__ = "0.1.0"

__all__ = [
    "GradientDescentClassifier",
    "GradientDescentRegressor",
    "Trainer",
    "__version__",
    "load_problem",
]

_HOMES = {
    "GradientDescentClassifier": "tui_gd.estimators",
    "GradientDescentRegressor": "tui_gd.estimators",
    "Trainer": "tui_gd.session.trainer",
    "load_problem": "tui_gd.problems",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
