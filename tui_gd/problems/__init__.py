"""Problems: what is learned from.

The names below are imported when first used: numpy takes 0.1 s, and listing problems needs none.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from tui_gd.errors import ProblemError

if TYPE_CHECKING:
    from tui_gd.problems.builtin import BUILTIN
    from tui_gd.problems.catalog import TITLES
    from tui_gd.problems.load import load_problem
    from tui_gd.problems.problem import Problem
    from tui_gd.problems.projection import Projection, choose_projection
    from tui_gd.problems.surfaces import SURFACES, Minimum, Surface

__all__ = [
    "BUILTIN",
    "SURFACES",
    "TITLES",
    "Minimum",
    "Problem",
    "ProblemError",
    "Projection",
    "Surface",
    "choose_projection",
    "load_problem",
]

_HOMES = {
    "BUILTIN": "builtin",
    "SURFACES": "surfaces",
    "Minimum": "surfaces",
    "Problem": "problem",
    "Projection": "projection",
    "Surface": "surfaces",
    "TITLES": "catalog",
    "choose_projection": "projection",
    "load_problem": "load",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"tui_gd.problems.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
