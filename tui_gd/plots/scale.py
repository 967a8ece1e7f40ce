"""From values to positions on an axis: scales, limits, ticks and their labels."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

LARGEST = 1e300
"""Values are clipped here, so that the width of an axis stays finite."""
_SMALLEST_SPAN = 1e-290
_WIDE = 30.0
"""Values that span more than this factor get a logarithmic axis."""


@dataclass(frozen=True)
class Scale:
    """An axis from ``low`` (left, bottom) to ``high``; with ``log`` both are greater than 0.

    The axis is divided into ``n`` equal bins (cells, half blocks or dots):
    position = (v − low) / (high − low) · n − ½, so that bin i has its centre at position i and
    the bins of two resolutions coincide.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for limits that are not finite, not rising, or ≤ 0 with ``log``."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"limits must be finite and rising, not {self.low}..{self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic axis begins above 0, not at {self.low}")

    def position(self, values: ArrayLike, n: int) -> NDArray[np.float64]:
        """Return positions in bins; NaN for what is not finite, or ≤ 0 on a logarithmic axis."""
        v = np.asarray(values, np.float64)
        low, high = self.low, self.high
        good = np.isfinite(v) & (v > 0) if self.log else np.isfinite(v)
        if not good.all():
            v = np.where(good, v, np.nan)
        if self.log:
            v, low, high = np.log10(v), math.log10(low), math.log10(high)
        else:
            v = np.clip(v, -LARGEST, LARGEST)
        return (v / (high - low) - low / (high - low)) * n - 0.5

    def bins(self, values: ArrayLike, n: int) -> NDArray[np.intp]:
        """Return the bin of each value, −1 for values outside the axis or not finite."""
        at = self.position(values, n)
        with np.errstate(invalid="ignore"):
            inside = (at >= -0.5 - 1e-9) & (at <= n - 0.5 + 1e-9)
        found = np.clip(np.where(inside, at + 0.5, 0), 0, n - 1)
        return np.where(inside, found, -1).astype(np.intp)

    def centres(self, n: int) -> NDArray[np.float64]:
        """Return the values at the centres of ``n`` bins, rising."""
        share = (np.arange(n) + 0.5) / n
        if self.log:
            low, high = math.log10(self.low), math.log10(self.high)
            logged: NDArray[np.float64] = 10.0 ** (low + share * (high - low))
            return logged
        return self.low + share * (self.high - self.low)

    def ticks(self, n: int) -> tuple[float, ...]:
        """Return about ``n`` round values on the axis, rising."""
        return (log_ticks if self.log else nice_ticks)(self.low, self.high, n)


def _step(span: float, n: int) -> float:
    """Return the smallest 1-2-5 step of which at most ``n`` fit into ``span``."""
    raw = span / max(n, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1.0, 2.0, 5.0):
        if factor * power >= raw * (1 - 1e-9):
            return factor * power
    return 10.0 * power


@lru_cache(maxsize=256)
def nice_ticks(low: float, high: float, n: int) -> tuple[float, ...]:
    """Return about ``n`` multiples of 1, 2 or 5 · 10ᵏ within [low, high]."""
    if n <= 0 or high - low < _SMALLEST_SPAN:
        return ()
    step = _step(high - low, n)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(_exact(index * step) for index in range(first, last + 1))


@lru_cache(maxsize=256)
def log_ticks(low: float, high: float, n: int) -> tuple[float, ...]:
    """Return at most ``n`` ticks within [low, high] (> 0): 1-2-5 · 10ᵏ, or powers of ten.

    If less than a decade holds fewer than two of these, the ticks are linear.
    """
    if n <= 0:
        return ()
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = _powers(low, high, factors, range(first, last + 1))
        if len(ticks) <= n:
            return ticks if len(ticks) > 1 else nice_ticks(low, high, n)
    every = math.ceil((last - first + 1) / n)
    return _powers(low, high, (1,), range(math.ceil(first / every) * every, last + 1, every))


def _powers(low: float, high: float, factors: tuple[int, ...], powers: range) -> tuple[float, ...]:
    found = (float(f"{factor}e{power}") for power in powers for factor in factors)
    return tuple(v for v in found if low * (1 - 1e-9) <= v <= high * (1 + 1e-9))


@lru_cache(maxsize=256)
def tick_labels(ticks: tuple[float, ...], log: bool = False) -> tuple[str, ...]:
    """Return short labels that tell the ticks apart: ``0.05``, ``2500``, ``10k``, ``1e-6``."""
    if log:
        return tuple(compact(tick) for tick in ticks)
    if not ticks:
        return ()
    largest = max(map(abs, ticks))
    step = min((b - a for a, b in pairwise(ticks)), default=largest)
    unit, sign = 1.0, ""
    if largest and (largest < 1e-3 or largest >= 1e9):
        power = math.floor(math.log10(largest))
        unit, sign = 10.0**power, f"e{power}"
    elif largest >= 1e4:
        unit, sign = (1e6, "M") if largest >= 1e6 else (1e3, "k")
    digits = _decimals(step / unit)
    return tuple("0" if tick == 0 else f"{tick / unit:.{digits}f}{sign}" for tick in ticks)


def _decimals(step: float) -> int:
    return 0 if step <= 0 else min(max(0, -math.floor(math.log10(step) + 1e-9)), 12)


def compact(value: float, digits: int = 4) -> str:
    """Return a value to some digits in few characters: ``0.05``, ``200``, ``10k``, ``1e-6``."""
    value = float(f"{value:.{digits}g}")
    size = abs(value)
    if size == 0:
        return "0"
    if 1e-3 <= size < 1e4:
        return f"{value:.4g}"
    if 1e4 <= size < 1e6:
        return f"{value / 1e3:.4g}k"
    mantissa, _, power = f"{value:.3e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"


def nice_limits(low: float, high: float, log: bool = False) -> tuple[float, float]:
    """Return limits around [low, high] that rarely move while the data grows.

    Linear limits are multiples of a 1-2-5 step of at least a fifth of the span, and begin at 0 if
    that costs no more than half of the height. Logarithmic ones are 1, 2 or 5 · 10ᵏ. Without data
    (positive data if logarithmic) the axis is 0..1 (0.1..1).
    """
    low, high = max(low, -LARGEST), min(high, LARGEST)
    if not low <= high or (log and high <= 0):
        return (0.1, 1.0) if log else (0.0, 1.0)
    if log:
        low, high = max(low, 1e-300), max(high, 1e-300)
        bottom, top = _rung(low, up=False), _rung(high, up=True)
        return (bottom, top) if bottom < top else (bottom / 2, top * 2)
    span = high - low
    if span <= max(abs(low), abs(high)) * 1e-9 or span < _SMALLEST_SPAN:
        span = max(abs(high), abs(low))
        if span < _SMALLEST_SPAN:  # half of the smallest number is 0
            return (-1.0 if low < 0 else 0.0), 1.0
        return low - span / 2, high + span / 2
    if 0 < low <= high / 2:
        low, span = 0.0, high
    step = _step(span, 5)
    bottom, top = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return _exact(bottom), _exact(top)


def is_wide(values: NDArray[np.float64]) -> bool:
    """Return whether finite values, none below 0, span more than a linear axis can show."""
    finite = values[np.isfinite(values)]
    if not finite.any() or finite.min() < 0:
        return False
    return bool(finite.min() < finite.max() / _WIDE)


def _exact(value: float) -> float:
    """Return 0.6 for 0.6000000000000001: a sum of steps without its rounding error."""
    return float(f"{value:.12g}")


def _rung(value: float, up: bool) -> float:
    """Return the nearest of 1, 2, 5 · 10ᵏ at or beyond ``value``."""
    power = math.floor(math.log10(value))
    rungs = [
        float(f"{factor}e{exponent}")
        for exponent in range(power - 1, power + 2)
        for factor in (1, 2, 5)
    ]
    if up:
        return next(rung for rung in rungs if rung >= value * (1 - 1e-9))
    return next(rung for rung in reversed(rungs) if rung <= value * (1 + 1e-9))
