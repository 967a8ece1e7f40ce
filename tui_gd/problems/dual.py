"""Dual numbers: a value with its exact derivatives, for many points at once.

Forward-mode automatic differentiation: every operation gives its value and, by the chain rule, the
slopes of that value along each variable. All of it is elementwise, with operations whose result
for one point does not depend on the points beside it.

Source: Griewank and Walther 2008, "Evaluating Derivatives", chapter 3.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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


ZERO, ONE = np.float64(0.0), np.float64(1.0)


def operation(
    value: Callable[..., Number], *derivatives: Callable[..., Number]
) -> Callable[..., Dual]:
    """Return a function of duals by the chain rule: `slope = sum_k derivative_k · slope_k`.

    `value` takes the values of the arguments; a derivative, one for each argument, takes them and
    the result, and is computed only if its argument has a slope.
    """

    def of(*duals: Dual) -> Dual:
        values = [dual.value for dual in duals]
        result = value(*values)
        slopes: list[Number | None] = [None] * max(len(dual.slopes) for dual in duals)
        for dual, derivative in zip(duals, derivatives, strict=True):
            factor = None
            for i, slope in enumerate(dual.slopes):
                if slope is not None:
                    factor = derivative(*values, result) if factor is None else factor
                    before = slopes[i]
                    slopes[i] = factor * slope if before is None else before + factor * slope
        return Dual(result, tuple(slopes))

    return of


LARGEST_WHOLE_POWER = 64


def _small_whole(exponent: Number) -> int | None:
    """Return an exponent that all points share, if it is a small whole number."""
    if not isinstance(exponent, np.float64) or not exponent.is_integer():
        return None
    return int(exponent) if abs(exponent) <= LARGEST_WHOLE_POWER else None


def _power(base: Number, exponent: Number) -> Number:
    """Return a power, NaN for a base < 0 unless the exponent is whole."""
    n = _small_whole(exponent)
    return _any_power(base, exponent) if n is None else _whole_power(base, n)


def _power_by_base(base: Number, exponent: Number, _: Number) -> Number:
    """Return `exponent · base^(exponent − 1)`, 0 where the exponent is 0."""
    n = _small_whole(exponent)
    if n is None:
        return np.where(exponent == 0.0, 0.0, exponent * _any_power(base, exponent - ONE))
    return exponent * _whole_power(base, n - 1) if n else ZERO


def _whole_power(base: Number, n: int) -> Number:
    """Return a power by repeated multiplication."""
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


def _any_power(base: Number, exponent: Number) -> Number:
    # numpy computes other last bits if all exponents are the same number, such as 2, as they are
    # for one point: so a last point with another exponent is always added
    size = np.broadcast(base, exponent).size
    full = np.empty((2, size + 1))
    full[0, :-1], full[1, :-1] = base, exponent
    full[:, -1] = 1.7
    out: Floats = np.power(full[0], full[1])[:-1]
    return out if np.ndim(base) or np.ndim(exponent) else np.float64(out[0])


def _choice(compare: Callable[[Number, Number], Any]) -> Callable[..., Dual]:
    """Return a function that chooses one of two duals with its slopes, the first of equal ones."""

    # not numpy's minimum: whether that returns 0 or −0 depends on their places in the array
    def chosen(a: Number, b: Number, of_first: Number, of_second: Number) -> Number:
        return np.where(compare(a, b) | np.isnan(a), of_first, of_second)[()]

    return operation(
        lambda a, b: chosen(a, b, a, b),
        lambda a, b, _: chosen(a, b, ONE, ZERO),
        lambda a, b, _: chosen(a, b, ZERO, ONE),
    )


OPERATIONS: Mapping[tuple[str, int], Callable[..., Dual]] = {
    ("+", 2): operation(operator.add, lambda *_: ONE, lambda *_: ONE),
    ("-", 2): operation(operator.sub, lambda *_: ONE, lambda *_: -ONE),
    ("*", 2): operation(operator.mul, lambda _, b, __: b, lambda a, *_: a),
    ("/", 2): operation(operator.truediv, lambda _, b, __: ONE / b, lambda _, b, f: -f / b),
    ("^", 2): operation(
        _power, _power_by_base, lambda a, _, f: np.where(f == 0.0, 0.0, f * np.log(a))
    ),
    ("-", 1): operation(operator.neg, lambda *_: -ONE),
    ("sin", 1): operation(np.sin, lambda x, _: np.cos(x)),
    ("cos", 1): operation(np.cos, lambda x, _: -np.sin(x)),
    ("tan", 1): operation(np.tan, lambda _, f: ONE + f * f),
    ("exp", 1): operation(np.exp, lambda _, f: f),
    ("log", 1): operation(np.log, lambda x, _: ONE / x),
    ("sqrt", 1): operation(np.sqrt, lambda _, f: 0.5 / f),
    ("abs", 1): operation(np.abs, lambda x, _: np.sign(x)),
    ("tanh", 1): operation(np.tanh, lambda _, f: (ONE - f) * (ONE + f)),
    ("min", 2): _choice(np.less_equal),
    ("max", 2): _choice(np.greater_equal),
}
"""Operators and functions by name and number of arguments, with their derivatives.

log is the natural one, abs has the slope 0 at 0, and of equal numbers min and max take the first.
"""
FUNCTIONS = {name: count for name, count in OPERATIONS if name.isalpha()}
"""The number of arguments of every function, by name."""
