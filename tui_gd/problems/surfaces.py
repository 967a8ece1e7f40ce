"""Surfaces: functions of one or two weights that optimizers descend on.

They are test functions with known minima, or typed formulas in x and y. Gradients are exact.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from tui_gd.problems import unknown_problem
from tui_gd.problems.dual import FUNCTIONS, ONE, OPERATIONS, Dual, Floats
from tui_gd.problems.formula import Grammar, Part, fault, read_formula

PREFIX = "surface:"
TYPED = "surface"
"""The name of the problem whose surface was typed."""
USUAL_LIMITS = (-5.0, 5.0)
NEAR = 0.01
"""The part of the limits' diagonal within which a point is near a minimum."""
DRAWS = 256
VARIABLES = ("x", "y")
CONSTANTS = {"pi": math.pi, "e": math.e}
GRAMMAR = Grammar(
    subject="surface",
    example="x^2 + y^2",
    names=(*VARIABLES, *CONSTANTS),
    functions=FUNCTIONS,
)

# Expressions

Step = tuple[str, int] | str | np.float64
"""A step for the stack: one of `OPERATIONS`, a variable by its name, or a number."""


def _run(steps: tuple[Step, ...], variables: dict[str, Dual]) -> Dual:
    stack: list[Dual] = []
    for step in steps:
        if isinstance(step, tuple):
            arguments = stack[-step[1] :]
            del stack[-step[1] :]
            stack.append(OPERATIONS[step](*arguments))
        elif isinstance(step, str):
            stack.append(variables[step])
        else:
            stack.append(Dual(step))
    return stack[0]


def _parse(text: str) -> tuple[tuple[str, ...], tuple[Step, ...]]:
    """Return the variables of an expression, in order, and its steps for a stack.

    `ProblemError`, in one line with the column, for a fault. At most 500 characters and 40 levels
    deep; every part without a variable must be finite.
    """
    parts = read_formula(text, GRAMMAR)
    steps: list[Step] = []
    for part in parts:
        if part.kind == "number":
            steps.append(_number(text, part))
        elif part.text in CONSTANTS:
            steps.append(np.float64(CONSTANTS[part.text]))
        elif part.kind == "name":
            steps.append(part.text)
        else:
            _add_operation(text, part, steps)
    names = tuple(name for name in VARIABLES if name in steps)
    if not names:
        first = min((part.token for part in parts), key=lambda token: token.column)
        raise fault(GRAMMAR, text, first, "has neither x nor y; try 'x^2 + y^2'")
    return names, tuple(steps)


def _number(text: str, part: Part) -> np.float64:
    value = np.float64(part.text)
    if not np.isfinite(value):
        what = f"{part.token.shown} is too large a number: the limit is 1.8e308"
        raise fault(GRAMMAR, text, part.token, what)
    return value


def _add_operation(text: str, part: Part, steps: list[Step]) -> None:
    """Add an operation on the last steps; if they are all numbers, add its result instead."""
    operation = part.text, part.count
    arguments = steps[-part.count :]
    if not all(isinstance(step, np.float64) for step in arguments):
        steps.append(operation)
        return
    with np.errstate(all="ignore"):
        value = np.float64(_run((*arguments, operation), {}).value)
    if not np.isfinite(value):
        what = f"{part.token.text} does not give a finite number here"
        raise fault(GRAMMAR, text, part.token, what)
    steps[-part.count :] = [value]


# Surfaces


@dataclass(frozen=True)
class Minimum:
    """A minimum of a surface: its place, its value, and whether it is the lowest."""

    point: tuple[float, ...]
    value: float
    is_global: bool = True

    @property
    def kind(self) -> str:
        """`global` or `local`."""
        return "global" if self.is_global else "local"


@dataclass(frozen=True, eq=False)
class Surface:
    """A function of one or two weights that is its own loss: `loss(w) = f(w)`.

    `limits` (low, high), one pair for each weight, bound the picture and the random starts.
    `minima` are the known ones within the limits. With `learning_rate`, plain gradient descent
    stays finite from every start within the limits; None if no such rate is known.
    """

    name: str
    formula: str
    limits: tuple[tuple[float, float], ...]
    minima: tuple[Minimum, ...] = ()
    learning_rate: float | None = None

    @cached_property
    def _parsed(self) -> tuple[tuple[str, ...], tuple[Step, ...]]:
        return _parse(self.formula)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the weights: x, y, or both."""
        return self._parsed[0]

    def value(self, points: Floats) -> Floats:
        """Return the values (points,) at `points` (points, weights)."""
        return self._evaluate(points, slopes=False)[0]

    def value_and_gradient(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the values (points,) and the exact gradients (points, weights) at `points`.

        A point's bits do not depend on the other points, and the values are those of `value`.
        NaN or inf where the formula, or its derivative, is undefined or too large.
        """
        return self._evaluate(points, slopes=True)

    def _evaluate(self, points: Floats, *, slopes: bool) -> tuple[Floats, Floats]:
        names, steps = self._parsed
        variables = {}
        for i, name in enumerate(names):
            unit = [ONE if slopes and i == j else None for j in range(len(names))]
            variables[name] = Dual(np.array(points[:, i], np.float64), tuple(unit))
        with np.errstate(all="ignore"):
            result = _run(steps, variables)
        value = np.empty(len(points))
        value[:] = result.value
        gradient = np.zeros((len(points), len(names)))
        for i, slope in enumerate(result.slopes):
            if slope is not None:
                gradient[:, i] = slope
        return value, gradient

    def draw_start(self, rng_seed: int, spread: float = 1.0) -> Floats:
        """Return a start (weights,), uniform within the limits made `spread` times as wide.

        It comes from `numpy.random.default_rng(rng_seed)`; where the function is not finite, as
        log(x) for x < 0, the next draw counts, up to 256 of them.
        """
        low, high = np.array(self.limits).T
        middle, half = (low + high) / 2.0, spread * (high - low) / 2.0
        rng = np.random.default_rng(rng_seed)
        draws: Floats = middle + half * rng.uniform(-1.0, 1.0, (DRAWS, len(middle)))
        values, gradients = self.value_and_gradient(draws)
        finite = np.isfinite(values) & np.isfinite(gradients).all(axis=1)
        start: Floats = draws[int(np.argmax(finite))].copy()
        return start

    def as_dict(self) -> dict[str, Any]:
        """Return formula, names, limits and known minima as plain values."""
        return {
            "formula": self.formula,
            "names": list(self.names),
            "limits": [list(limit) for limit in self.limits],
            "minima": [
                {"point": list(minimum.point), "value": minimum.value, "kind": minimum.kind}
                for minimum in self.minima
            ],
        }

    def nearest(self, point: Floats) -> tuple[Minimum, float] | None:
        """Return the known minimum nearest to `point` (weights,) and its distance, or None."""
        if not self.minima:
            return None
        distances = [math.dist(minimum.point, point) for minimum in self.minima]
        least = int(np.argmin(distances))
        return self.minima[least], distances[least]

    @property
    def near(self) -> float:
        """The distance up to which a point counts as near a minimum: 1 % of the diagonal."""
        return NEAR * math.hypot(*(high - low for low, high in self.limits))


def find_surface(name: str) -> Surface:
    """Return the surface `surface:NAME`; `ProblemError` lists the names if there is none."""
    if name not in SURFACES:
        raise unknown_problem(name)
    return SURFACES[name]


def typed_surface(formula: str) -> Surface:
    """Return the surface of a formula in x and y; `ProblemError`, with the column, for a fault.

    Its limits are −5 … 5, and it has no known minima.
    """
    text, (names, _) = " ".join(formula.split()), _parse(formula)
    return Surface(text, text, (USUAL_LIMITS,) * len(names))


def _square(low: float, high: float) -> tuple[tuple[float, float], ...]:
    return ((low, high),) * 2


def _rastrigin_minima(weights: int) -> tuple[Minimum, ...]:
    """Return the minima of `sum(10 + x² − 10 cos 2πx)`: all combinations of the minima of a term.

    Those lie near whole numbers, where `2x + 20π sin 2πx = 0`.
    """
    one = (
        (0.0, 0.0),
        (0.994958637652335, 0.994959057093292),
        (1.98991223370855, 3.97983119055409),
        (2.98485570103948, 8.95460124148701),
        (3.97978386030075, 15.9192437924615),
        (4.97469139089505, 24.8737229345422),
    )
    terms = [(-x, value) for x, value in one[:0:-1]] + list(one)
    return tuple(
        Minimum(
            tuple(x for x, _ in chosen),
            sum(value for _, value in chosen),
            not any(x for x, _ in chosen),
        )
        for chosen in product(terms, repeat=weights)
    )


_TWO_VALLEYS = ((-1.03557871408885, -0.305428483743916), (0.960149555519106, 0.294146481028263))

SURFACES: Mapping[str, Surface] = {
    surface.name: surface
    for surface in (
        Surface(
            "surface:himmelblau",
            "(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
            _square(-5.0, 5.0),
            (
                Minimum((3.0, 2.0), 0.0),
                Minimum((-2.80511808695275, 3.13131251825057), 0.0),
                Minimum((-3.77931025337775, -3.28318599128617), 0.0),
                Minimum((3.58442834033049, -1.84812652696440), 0.0),
            ),
            0.01,
        ),
        Surface(
            "surface:rosenbrock",
            "(1 - x)^2 + 100*(y - x^2)^2",
            ((-2.0, 2.0), (-1.0, 3.0)),
            (Minimum((1.0, 1.0), 0.0),),
            0.001,
        ),
        Surface(
            "surface:beale",
            "(1.5 - x + x*y)^2 + (2.25 - x + x*y^2)^2 + (2.625 - x + x*y^3)^2",
            ((0.0, 4.0), (-1.0, 1.5)),
            (Minimum((3.0, 0.5), 0.0),),
            0.003,
        ),
        Surface(
            "surface:booth",
            "(x + 2*y - 7)^2 + (2*x + y - 5)^2",
            _square(-10.0, 10.0),
            (Minimum((1.0, 3.0), 0.0),),
            0.1,
        ),
        Surface(
            "surface:rastrigin",
            "20 + x^2 + y^2 - 10*cos(2*pi*x) - 10*cos(2*pi*y)",
            _square(-5.12, 5.12),
            _rastrigin_minima(2),
            0.003,
        ),
        Surface(
            "surface:saddle",
            "x^2 - y^2 + y^4/4",
            _square(-2.5, 2.5),
            (
                Minimum((0.0, -math.sqrt(2.0)), -1.0),
                Minimum((0.0, math.sqrt(2.0)), -1.0),
            ),
            0.1,
        ),
        Surface(
            "surface:two-valleys",
            "(x^2 - 1)^2 + 0.3*x + (y - x/2)^2",
            _square(-2.0, 2.0),
            tuple(Minimum((x, x / 2.0), value, value < 0.0) for x, value in _TWO_VALLEYS),
            0.05,
        ),
        Surface(
            "surface:two-valleys-1d",
            "(x^2 - 1)^2 + 0.3*x",
            ((-2.0, 2.0),),
            tuple(Minimum((x,), value, value < 0.0) for x, value in _TWO_VALLEYS),
            0.05,
        ),
    )
}
"""The surfaces by name, in the order of the list; `TITLES` describes them."""
