"""Expressions in x and y: the formulas of surfaces, with exact gradients."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tui_gd.problems import dual
from tui_gd.problems.dual import FUNCTIONS, OF_TWO, Dual, Floats, WholePower
from tui_gd.problems.formula import Grammar, Part, fault, read_formula

LARGEST_WHOLE_POWER = 64
VARIABLES = ("x", "y")
CONSTANTS = {"pi": math.pi, "e": math.e}
GRAMMAR = Grammar(
    subject="surface",
    example="x^2 + y^2",
    names=(*VARIABLES, *CONSTANTS),
    functions={**dict.fromkeys(FUNCTIONS, 1), **dict.fromkeys(OF_TWO, 2)},
)
_OPERATIONS: dict[tuple[str, int], Callable[..., Dual]] = {
    ("+", 2): dual.add,
    ("-", 2): dual.subtract,
    ("*", 2): dual.multiply,
    ("/", 2): dual.divide,
    ("^", 2): dual.power,
    ("-", 1): dual.negative,
    **{(name, 1): function for name, function in FUNCTIONS.items()},
    **{(name, 2): function for name, function in OF_TWO.items()},
}


@dataclass(frozen=True)
class Operation:
    """A step of an expression: replaces the top `count` duals of the stack with one."""

    of: Callable[..., Dual]
    count: int


Step = Operation | str | np.float64
"""A step for the stack: an operation, a variable by its name, or a number."""


@dataclass(frozen=True, eq=False)
class Expression:
    """An expression: its text, its variables in order, its steps for a stack."""

    text: str
    names: tuple[str, ...]
    steps: tuple[Step, ...]

    def value(self, points: Floats) -> Floats:
        """Return the values (points,) at `points` (points, names)."""
        return self._evaluate(points, slopes=False)[0]

    def value_and_gradient(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the values (points,) and the gradients (points, names) at `points`.

        A point's bits do not depend on the other points, and the values are those of `value`.
        NaN or inf where the expression, or its derivative, is undefined or too large.
        """
        return self._evaluate(points, slopes=True)

    def _evaluate(self, points: Floats, *, slopes: bool) -> tuple[Floats, Floats]:
        variables = {}
        for i, name in enumerate(self.names):
            unit = [dual.ONE if slopes and i == j else None for j in range(len(self.names))]
            variables[name] = Dual(np.array(points[:, i], np.float64), tuple(unit))
        with np.errstate(all="ignore"):
            result = _run(self.steps, variables)
        value = np.empty(len(points))
        value[:] = result.value
        gradient = np.zeros((len(points), len(self.names)))
        for i, slope in enumerate(result.slopes):
            if slope is not None:
                gradient[:, i] = slope
        return value, gradient


def _run(steps: tuple[Step, ...], variables: dict[str, Dual]) -> Dual:
    stack: list[Dual] = []
    for step in steps:
        if isinstance(step, Operation):
            arguments = stack[-step.count :]
            del stack[-step.count :]
            stack.append(step.of(*arguments))
        elif isinstance(step, str):
            stack.append(variables[step])
        else:
            stack.append(Dual(step))
    return stack[0]


def parse(text: str) -> Expression:
    """Return the expression that `text` states; else `ProblemError`, in one line with the column.

    At most 500 characters and 40 levels deep; every part without a variable must be finite.
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
    return Expression(" ".join(text.split()), names, tuple(steps))


def _number(text: str, part: Part) -> np.float64:
    value = np.float64(part.text)
    if not np.isfinite(value):
        what = f"{part.token.shown} is too large a number: the limit is 1.8e308"
        raise fault(GRAMMAR, text, part.token, what)
    return value


def _add_operation(text: str, part: Part, steps: list[Step]) -> None:
    """Add an operation on the last steps; if they are all numbers, add its result instead."""
    operation = Operation(_OPERATIONS[part.text, part.count], part.count)
    n = steps[-1]
    if part.text == "^" and isinstance(n, np.float64) and _is_small_whole(n):
        steps.pop()
        operation = Operation(WholePower(int(n)), 1)
    arguments = steps[-operation.count :]
    if not all(isinstance(step, np.float64) for step in arguments):
        steps.append(operation)
        return
    with np.errstate(all="ignore"):
        value = np.float64(_run((*arguments, operation), {}).value)
    if not np.isfinite(value):
        what = f"{part.token.text} does not give a finite number here"
        raise fault(GRAMMAR, text, part.token, what)
    steps[-operation.count :] = [value]


def _is_small_whole(n: np.float64) -> bool:
    return n.is_integer() and bool(abs(n) <= LARGEST_WHOLE_POWER)
