"""Problems: what is learned from."""

from tui_gd.errors import ProblemError
from tui_gd.problems.builtin import BUILTIN, load_problem
from tui_gd.problems.problem import Problem
from tui_gd.problems.projection import Projection, choose_projection
from tui_gd.problems.surfaces import SURFACES, Minimum, Surface

__all__ = [
    "BUILTIN",
    "SURFACES",
    "Minimum",
    "Problem",
    "ProblemError",
    "Projection",
    "Surface",
    "choose_projection",
    "load_problem",
]
