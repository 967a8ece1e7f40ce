"""Dual numbers: a value with its exact derivatives, for many points at once.

Forward-mode automatic differentiation: every operation gives its value and, by the chain rule, the
slopes of that value along each variable. All of it is elementwise, with operations whose result
for one point does not depend on the points beside it.

Source: Griewank and Walther 2008, "Evaluating Derivatives", chapter 3.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Number = Floats | np.float64


@dataclass(frozen=True, slots=True, eq=False)
class Dual:
    """A value (points,) and its slope along each variable; None for a slope of zero.

    A number that all points share is a scalar.
    """

    value: Number
    slopes: tuple[Number | None, ...] = ()


def follow(value: Number, *parts: tuple[Dual, Callable[[], Number]]) -> Dual:
    """Return a dual by the chain rule: `slope = sum_k factor_k · slope_k` over the parts.

    A part is an operand with a function that returns the derivative of `value` with respect to it;
    the function is called only if the operand has a slope.
    """
    slopes: list[Number | None] = [None] * max([len(dual.slopes) for dual, _ in parts])
    for dual, factor in parts:
        scale = None
        for i, slope in enumerate(dual.slopes):
            if slope is not None:
                scale = factor() if scale is None else scale
                before = slopes[i]
                slopes[i] = scale * slope if before is None else before + scale * slope
    return Dual(value, tuple(slopes))


ONE = np.float64(1.0)


def add(a: Dual, b: Dual) -> Dual:
    """Return a + b."""
    return follow(a.value + b.value, (a, lambda: ONE), (b, lambda: ONE))


def subtract(a: Dual, b: Dual) -> Dual:
    """Return a − b."""
    return follow(a.value - b.value, (a, lambda: ONE), (b, lambda: -ONE))


def multiply(a: Dual, b: Dual) -> Dual:
    """Return a · b."""
    return follow(a.value * b.value, (a, lambda: b.value), (b, lambda: a.value))


def divide(a: Dual, b: Dual) -> Dual:
    """Return a / b."""
    quotient = a.value / b.value
    return follow(quotient, (a, lambda: ONE / b.value), (b, lambda: -quotient / b.value))


def negative(a: Dual) -> Dual:
    """Return −a."""
    return follow(-a.value, (a, lambda: -ONE))


@dataclass(frozen=True)
class WholePower:
    """a^n for a whole n, by repeated multiplication; slope `n · a^(n − 1)`."""

    n: int

    def __call__(self, a: Dual) -> Dual:
        """Return the power of a dual."""
        return follow(_whole_power(a.value, self.n), (a, lambda: self._slope(a.value)))

    def _slope(self, base: Number) -> Number:
        if self.n == 0:
            return np.float64(0.0)
        return np.float64(self.n) * _whole_power(base, self.n - 1)


def _whole_power(base: Number, n: int) -> Number:
    if n < 0:
        return ONE / _whole_power(base, -n)
    if n == 0:
        return np.ones_like(base)[()]
    result: Number | None = None
    while n:
        if n & 1:
            result = base if result is None else result * base
        n >>= 1
        if n:
            base = base * base
    assert result is not None
    return result


def power(a: Dual, b: Dual) -> Dual:
    """Return a^b; NaN for a < 0 unless b is whole.

    Slopes: `b · a^(b − 1)` along a, 0 where b is 0, and `a^b · log a` along b, 0 where a^b is 0.
    """
    base, exponent = a.value, b.value
    value = _power(base, exponent)
    return follow(
        value,
        (a, lambda: np.where(exponent == 0.0, 0.0, exponent * _power(base, exponent - ONE))),
        (b, lambda: np.where(value == 0.0, 0.0, value * np.log(base))),
    )


def _power(base: Number, exponent: Number) -> Number:
    # numpy computes other last bits if all exponents are the same number, such as 2, as they are
    # for one point: so a last point with another exponent is always added
    size = np.broadcast(base, exponent).size
    full = np.empty((2, size + 1))
    full[0, :-1], full[1, :-1] = base, exponent
    full[:, -1] = 1.7
    out: Floats = np.power(full[0], full[1])[:-1]
    return out if np.ndim(base) or np.ndim(exponent) else np.float64(out[0])


def least(a: Dual, b: Dual) -> Dual:
    """Return the lesser of a and b, with its slopes; those of a where they are equal."""
    return _chosen(a, b, np.less_equal(a.value, b.value))


def greatest(a: Dual, b: Dual) -> Dual:
    """Return the greater of a and b, with its slopes; those of a where they are equal."""
    return _chosen(a, b, np.greater_equal(a.value, b.value))


def _chosen(a: Dual, b: Dual, first: NDArray[np.bool_] | np.bool_) -> Dual:
    # not numpy's minimum: whether that returns 0 or −0 depends on their places in the array
    first = first | np.isnan(a.value)
    return follow(
        np.where(first, a.value, b.value)[()],
        (a, lambda: np.where(first, 1.0, 0.0)),
        (b, lambda: np.where(first, 0.0, 1.0)),
    )


@dataclass(frozen=True)
class Function:
    """A function of one number: its value, and its derivative from the argument and the value."""

    value: Callable[[Number], Number]
    slope: Callable[[Number, Number], Number]

    def __call__(self, a: Dual) -> Dual:
        """Return the function of a dual."""
        value = self.value(a.value)
        return follow(value, (a, lambda: self.slope(a.value, value)))


FUNCTIONS: dict[str, Callable[[Dual], Dual]] = {
    "sin": Function(np.sin, lambda x, _: np.cos(x)),
    "cos": Function(np.cos, lambda x, _: -np.sin(x)),
    "tan": Function(np.tan, lambda _, f: ONE + f * f),
    "exp": Function(np.exp, lambda _, f: f),
    "log": Function(np.log, lambda x, _: ONE / x),
    "sqrt": Function(np.sqrt, lambda _, f: 0.5 / f),
    "abs": Function(np.abs, lambda x, _: np.sign(x)),
    "tanh": Function(np.tanh, lambda _, f: (ONE - f) * (ONE + f)),
}
"""Functions of one argument by name; log is the natural one, abs has the slope 0 at 0."""
OF_TWO: dict[str, Callable[[Dual, Dual], Dual]] = {"min": least, "max": greatest}
"""Functions of two arguments by name."""
