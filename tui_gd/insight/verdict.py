"""Verdicts: how training goes, in one sentence with its reason, and what to try.

A kind has to hold for `HOLD` epochs before it is shown. A verdict names actions, never keys or
commands: the part of the program that shows it knows those. The rules are in
`tui_gd.insight.diagnosis`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How training goes, in a word or two."""

    BEGINNING = "beginning"
    DESCENDING = "descending"
    NEARLY = "nearly there"
    MINIMUM = "minimum"
    BY_HEART = "by heart"
    ONE_CLASS = "one class"
    OVERFITTING = "overfitting"
    ZIGZAG = "zig-zagging"
    NOISY = "noisy batches"
    DIVERGING = "diverging"
    DIVERGED = "diverged"
    PLATEAU = "plateau"
    SATURATED = "saturated"
    SADDLE = "saddle"
    VALLEY = "valley"
    FLAT = "flat"


@dataclass(frozen=True, slots=True)
class Try:
    """One thing to try; it appears behind its key or command: `B branch with cross-entropy`.

    `action` is written as in `ui/keys.py`, such as `step(1)`; it is empty if no key does it.
    `short` are the words if there is little room. `argument` is what the action is given besides:
    an epoch for `go_to`, epoch and learning rate for `rescue`, `loss NAME` or `optimizer NAME` for
    `branch_with`.
    """

    action: str
    words: str
    argument: str = ""
    short: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How training goes: what happens, why, and what to try, the most important first.

    `title` is the beginning of the first line, which stands out, and `text` is the rest of it.
    Together they have at most `LINE_CELLS` cells, and so has `why`. `numbers` are the names and
    values of everything that the verdict rests on, NaN if not known.
    """

    kind: Kind
    title: str
    text: str
    why: str = ""
    tries: tuple[Try, ...] = ()
    numbers: tuple[tuple[str, float], ...] = ()

    @property
    def line(self) -> str:
        """The first line: what happens."""
        return f"{self.title} {self.text}".strip()


LINE_CELLS = 76


# Things to try

RUN, STEP, HELP = Try("run_or_pause", "run"), Try("step(1)", "one step"), Try("help", "help")
LARGER, SMALLER = Try("learning_rate(1)", "larger steps"), Try("learning_rate(-1)", "smaller steps")
NUMBERS = Try("panel('why')", "the numbers behind this", short="the numbers")
OTHER_START = Try("new_start", "another start")
MAY_END_LOWER = Try("new_start", "another start may end lower", short="another start")
CROSS_ENTROPY = Try(
    "branch_with",
    "branch with cross-entropy, which has no such plateau",
    "loss cross-entropy",
    "with cross-entropy",
)
MOMENTUM = Try(
    "branch_with", "branch with momentum, which is faster here", "optimizer momentum", "momentum"
)
ALL_OPTIMIZERS = Try("race('optimizers')", "race all optimizers from here", short="race optimizers")
REGULARIZE = Try("", "more data, or L2", short="more data, L2")
LARGER_BATCHES = Try("", "larger batches")
REPORT = Try("panel('report')", "the report")


# Numbers in the form that a verdict writes


def epochs(count: int) -> str:
    """Return `1 epoch`, `2 epochs`."""
    return f"{count} epoch" if count == 1 else f"{count} epochs"


def signed(value: float, digits: int = 2) -> str:
    """Return a number to so many digits with a true minus.

    >>> signed(-0.5), signed(12345.0)
    ('−0.5', '1.2e+04')
    """
    text = f"{value:.{digits}g}"
    return text.replace("-", "−", 1) if value < 0 else text


def percent(change: float) -> str:
    """Return a change in per cent with its sign.

    >>> percent(-0.032), percent(2.5), percent(0.0)
    ('−3.2 %', '+250 %', '±0 %')
    """
    sign = "−" if change < 0 else "+" if change > 0 else "±"
    return sign + share(abs(change))


def share(value: float) -> str:
    """Return a share in per cent, to two digits; near the whole, two digits of the rest.

    >>> share(0.4), share(0.9983), share(1.0), share(2.5)
    ('40 %', '99.83 %', '100 %', '250 %')
    """
    size = value * 100.0
    if 99.0 < size < 100.0:
        return f"{100.0 - float(f'{100.0 - size:.2g}'):.12g} %"
    return f"{size:.0f} %" if 99.0 < size < 1e5 else f"{size:.2g} %"


def times(factor: float) -> str:
    """Return a factor to two digits.

    >>> times(3.04), times(1234.5), times(2.4e13)
    ('3', '1,200', '2.4e+13')
    """
    return f"{float(f'{factor:.2g}'):,g}" if factor < 1e6 else f"{factor:.2g}"


def ratio_of(a: float, b: float) -> float:
    """Return a/b, inf for b = 0, NaN for 0/0."""
    return a / b if b else (math.nan if not a else math.inf)


# Holding a verdict

HOLD = 3
"""A kind is shown after it has held for this many epochs."""
MEMORY = 12
"""The epochs to look back to find the kind that held last."""
HOLD_SECONDS = 0.5
"""While a run goes on, a kind is shown after it has held for this many seconds."""


def held(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the last verdict of the kind that last held for `HOLD` of them, the newest being last.

    If no kind held, take the first one after the beginning; without a beginning, the most frequent
    one.
    """
    kinds = [verdict.kind for verdict in verdicts if verdict.kind is not Kind.BEGINNING]
    ends = range(HOLD, len(kinds) + 1)
    held = [kinds[end - 1] for end in ends if len(set(kinds[end - HOLD : end])) == 1]
    if held:
        kind = held[-1]
    elif len(kinds) < len(verdicts):
        kind = kinds[0]
    else:
        kind = max(reversed(kinds), key=kinds.count)
    return next(verdict for verdict in reversed(verdicts) if verdict.kind is kind)


class Steady:
    """Shows verdicts as they come; while a run goes on, it shows a new kind only after a while.

    Many epochs pass between two frames, so a kind that holds for a few of them would flicker.
    """

    def __init__(self) -> None:
        self._shown: Verdict | None = None
        self._new: tuple[Kind, float] | None = None

    def show(self, verdict: Verdict, *, running: bool, now: float) -> Verdict:
        """Return what to show at the time `now`, in seconds, after `verdict` has been found."""
        shown, ended = self._shown, verdict.kind in {Kind.DIVERGED, Kind.BEGINNING}
        if not running or ended or shown is None or shown.kind is verdict.kind:
            self._shown, self._new = verdict, None
        elif self._new is None or self._new[0] is not verdict.kind:
            self._new = (verdict.kind, now)
        elif now - self._new[1] >= HOLD_SECONDS:
            self._shown, self._new = verdict, None
        assert self._shown is not None
        return self._shown
