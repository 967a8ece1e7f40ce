"""A loss curve in three sentences, for those who cannot see it: its fall, its knee, its plateau."""

from collections import deque

import numpy as np

from tui_gd.training.spans import ThinnedSeries

FLAT = 0.01
"""A plateau stays within this share of its largest value …"""
PLATEAU = 0.1
"""… for at least this share of the epochs."""
FALL = 0.9
"""By the knee this share of the fall is done …"""
KNEE = 0.5
"""… within this share of the epochs; of a straight line it takes FALL of them."""

ROUNDING = 1e-9
"""What rises by a smaller share may have been rounded."""


def describe(curve: ThinnedSeries, what: str, diverged: int | None = None) -> list[str]:
    """Return three sentences about a curve of losses Lₖ at epochs k, one if there is one loss.

    The fall is from the first loss to the last one, the knee the first epoch k with
    L₀ − Lₖ ≥ 0.9 (L₀ − min L), the plateau the most epochs on end within which
    max L − min L ≤ 0.01 max |L|. `diverged` is the last epoch with a finite loss, if there is one.
    """
    epochs, values = curve.epochs, curve.values
    if len(values) == 0:
        return [f"There is no {what} yet."]
    if len(values) == 1:
        return [f"There is one {what} so far: {values[0]:.6g} at epoch {epochs[0]}."]
    return [_fall(curve, what, diverged), _knee(curve), _plateau(curve)]


def _fall(curve: ThinnedSeries, what: str, diverged: int | None) -> str:
    epochs, values = curve.epochs, curve.values
    first, last, least = values[0], values[-1], int(values.argmin())
    by = _by(first, last)
    sentence = (
        f"The {what} {_goes(first, last)} from {first:.6g} at epoch {epochs[0]}"
        f" to {last:.6g} at epoch {epochs[-1]}{by and f',{by}'}"
    )
    if values[least] < min(first, last) - FLAT * abs(last):
        sentence += f"; its least is {values[least]:.6g} at epoch {epochs[least]}"
    steps = int(epochs[-1] - epochs[0])
    rises = int((np.diff(values) > ROUNDING * np.abs(values[1:])).sum())
    if rises and steps == len(values) - 1:
        sentence += f"; it rises in {rises} of {steps} epochs"
    if diverged is not None:
        sentence += "; after that it is no longer finite"
    return f"{sentence}."


def _knee(curve: ThinnedSeries) -> str:
    epochs, values = curve.epochs, curve.values
    whole = values[0] - values.min()
    if whole <= 0:
        return "There is no knee: it never falls below its start."
    knee = epochs[np.argmax(values[0] - values >= FALL * whole)]
    if knee - epochs[0] > KNEE * (epochs[-1] - epochs[0]):
        return f"There is no knee: nine tenths of the fall take until epoch {knee}."
    return f"The knee is at epoch {knee}: nine tenths of the fall are done by then."


def _plateau(curve: ThinnedSeries) -> str:
    epochs, values = curve.epochs, curve.values
    first, last = _flattest(curve)
    whole = epochs[-1] - epochs[0]
    if epochs[last] - epochs[first] >= max(PLATEAU * whole, 1):
        until = "on" if last == len(epochs) - 1 else f"to {epochs[last]}"
        near = f"{np.median(values[first : last + 1]):.6g}"
        return (
            f"It has a plateau: from epoch {epochs[first]} {until} it stays at {near} within 1 %."
        )
    tenth = int(np.searchsorted(epochs, epochs[-1] - PLATEAU * whole, side="right")) - 1
    begin, end = values[tenth], values[-1]
    return (
        f"There is no plateau: from epoch {epochs[tenth]} on it still {_goes(begin, end)}"
        f"{_by(begin, end)}."
    )


def _flattest(curve: ThinnedSeries) -> tuple[int, int]:
    """Return the first and the last point of the plateau; of several that long the last one."""
    epochs, values = curve.epochs, curve.values
    highest: deque[int] = deque()
    lowest: deque[int] = deque()
    begin, found = 0, (0, 0)
    for end, value in enumerate(values):
        while highest and values[highest[-1]] <= value:
            highest.pop()
        while lowest and values[lowest[-1]] >= value:
            lowest.pop()
        highest.append(end)
        lowest.append(end)
        while not _is_flat(values[lowest[0]], values[highest[0]]):
            begin += 1
            for ends in (highest, lowest):
                if ends[0] < begin:
                    ends.popleft()
        if epochs[end] - epochs[begin] >= epochs[found[1]] - epochs[found[0]]:
            found = begin, end
    return found


def _is_flat(low: float, high: float) -> bool:
    return bool(high - low <= FLAT * max(abs(low), abs(high)))


def _goes(first: float, last: float) -> str:
    return "falls" if last < first else "rises" if last > first else "goes"


def _by(first: float, last: float) -> str:
    """Return the change as a share of the first value, where that has a meaning."""
    if first <= 0 or last < 0 or first == last:
        return ""
    if last > 10 * first:
        return f" {last / first:.3g}-fold"
    share = abs(last - first) / first
    return f" by {100 * share:.4g} %" if not 0.9999 < share < 1 else " by more than 99.99 %"
