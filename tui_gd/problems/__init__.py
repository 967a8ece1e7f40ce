"""Problems: what is learned from.

Listing them needs no numpy, which takes 0.1 s: the other names are imported when first used.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from tui_gd.errors import ProblemError, did_you_mean

if TYPE_CHECKING:
    from tui_gd.problems.builtin import BUILTIN
    from tui_gd.problems.load import load_problem
    from tui_gd.problems.problem import Problem
    from tui_gd.problems.surfaces import SURFACES, Surface

__all__ = ["BUILTIN", "SURFACES", "TITLES", "Problem", "Surface", "load_problem"]

_HOMES = {
    "BUILTIN": "builtin",
    "SURFACES": "surfaces",
    "Problem": "problem",
    "Surface": "surfaces",
    "load_problem": "load",
}

TITLES = {
    "blobs": "two blobs, the tutorial's data: 1000 rows, 2 features, 2 classes",
    "moons": "two half moons: 1000 rows, 2 features, 2 classes",
    "circles": "a circle in a circle: 1000 rows, 2 features, 2 classes",
    "xor": "signs equal or different: 1000 rows, 2 features, 2 classes",
    "spiral": "wound arms: 1000 rows, 2 features, 2 classes",
    "gaussians": "round clouds on a circle: 1000 rows, 2 features, 3 classes",
    "line": "y = 2 x1 + 1: 100 rows, 1 feature, regression",
    "plane": "y = x1 - 2 x2 + 1: 100 rows, 2 features, regression",
    "iris": "iris flowers by their petals: 150 rows, 4 features, 3 classes",
    "wine": "wines by their chemistry: 178 rows, 13 features, 3 classes",
    "breast-cancer": "tumours by their cells: 569 rows, 30 features, 2 classes",
    "digits": "handwritten digits, 8x8: 1797 rows, 64 features, 10 classes",
    "diabetes": "diabetes a year later: 442 rows, 10 features, regression",
    "surface:himmelblau": "four minima, all 0: (x^2 + y - 11)^2 + (x + y^2 - 7)^2, try -a 0.01",
    "surface:rosenbrock": "a bent, narrow valley: (1 - x)^2 + 100*(y - x^2)^2, try -a 0.001",
    "surface:beale": "flat, with steep corners: (1.5 - x + x*y)^2 + (2.25 - x + x*y^2)^2"
    " + (2.625 - x + x*y^3)^2, try -a 0.003",
    "surface:booth": "one long bowl: (x + 2*y - 7)^2 + (2*x + y - 5)^2, try -a 0.1",
    "surface:rastrigin": "a bowl of 121 minima, one global: 20 + x^2 + y^2 - 10*cos(2*pi*x)"
    " - 10*cos(2*pi*y), try -a 0.003",
    "surface:saddle": "a saddle at 0, 0 between two minima: x^2 - y^2 + y^4/4, try -a 0.1",
    "surface:two-valleys": "a deep valley and one less deep: (x^2 - 1)^2 + 0.3*x + (y - x/2)^2,"
    " try -a 0.05",
    "surface:two-valleys-1d": "the same with one weight: (x^2 - 1)^2 + 0.3*x, try -a 0.05",
}
"""Every named problem: what it is about, and after a colon its size or formula; plain ASCII.

A test compares them with the problems and surfaces themselves.
"""


def unknown_problem(name: str, commands: Iterable[str] = ()) -> ProblemError:
    """Return the error for an unknown problem; `commands` are other words it may stand for."""
    surfaces = {one.partition(":")[2]: one for one in TITLES if ":" in one}
    hint = did_you_mean(name, [*TITLES, *commands], surfaces)
    if ":" in name:
        listed = f": choose one of {', '.join(surfaces.values())}"
    else:
        listed = " (gd-tui problems lists them)" if hint else f": choose one of {', '.join(TITLES)}"
    return ProblemError(f"unknown problem {name!a}{hint}{listed}")


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"tui_gd.problems.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
