"""The window of epochs that curves are drawn in: zoomed, moved along, and following a run."""

import math
from dataclasses import dataclass

SHORTEST = 4
"""The last epoch of a window is at least so many after the first."""
_STEPS = 8
"""A window that follows a run moves on by such a part of its length."""
_FARTHEST = 700.0
"""exp of more is no number."""


@dataclass(frozen=True, slots=True)
class Window:
    """Epochs `first` to `last`, both within; `following`: it moves on with the newest epoch."""

    first: int
    last: int
    following: bool = False

    @property
    def span(self) -> int:
        """How many epochs the last is after the first."""
        return self.last - self.first

    def share(self, epoch: float, *, log: bool) -> float:
        """Return where an epoch lies: 0 is the first, 1 the last; on an axis of log(epoch + 1)."""
        first, last = _place(self.first, log), _place(self.last, log)
        return (_place(epoch, log) - first) / (last - first)

    def at(self, share: float, *, log: bool) -> float:
        """Return the epoch that lies there."""
        first, last = _place(self.first, log), _place(self.last, log)
        place = first + share * (last - first)
        return math.expm1(min(place, _FARTHEST)) if log else place

    def beside(self, newest: int) -> "Window":
        """Return the window where it is now: by whole steps so far that `newest` lies within."""
        if not self.following or self.first <= newest <= self.last:
            return self
        step = max(1, self.span // _STEPS)
        beyond = newest - self.last if newest > self.last else newest - self.first
        by = math.ceil(beyond / step) * step if beyond > 0 else math.floor(beyond / step) * step
        first = max(0, self.first + by)
        return Window(first, first + self.span, following=True)


def zoomed(
    window: Window, factor: float, about: float, whole: Window, *, log: bool
) -> Window | None:
    """Return the window `factor` times narrower, in which epoch `about` stays where it is.

    Within `whole`; None if that is all of it.
    """
    part = window.share(about, log=log)
    ends = [window.at(part + (end - part) / factor, log=log) for end in (0.0, 1.0)]
    first, last = (round(min(max(end, whole.first), whole.last)) for end in ends)
    if last - first < SHORTEST:
        middle = min(max(first, round(about) - SHORTEST // 2), whole.last - SHORTEST)
        first = max(whole.first, middle)
        last = min(whole.last, first + SHORTEST)
    return _within(first, last, whole)


def moved(window: Window, share: float, whole: Window, *, log: bool) -> Window | None:
    """Return the window moved along the axis by a share of its length, within `whole`."""
    low, high = window.share(whole.first, log=log), window.share(whole.last, log=log)
    by = max(low, min(share, high - 1))
    ends = [window.at(end + by, log=log) for end in (0.0, 1.0)]
    first, last = (round(min(max(end, whole.first), whole.last)) for end in ends)
    if not log:  # rounding both ends must not change the length
        first = min(first, whole.last - window.span)
        last = first + window.span
    return _within(first, max(last, min(first + SHORTEST, whole.last)), whole)


def _within(first: int, last: int, whole: Window) -> Window | None:
    if first <= whole.first and last >= whole.last:
        return None
    return Window(first, last)


def _place(epoch: float, log: bool) -> float:
    return math.log1p(max(epoch, 0.0)) if log else epoch
