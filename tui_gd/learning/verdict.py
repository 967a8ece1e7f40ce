"""What a verdict is: a kind in one word, a text, an advice, and the numbers that it rests on."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How training goes, in one word."""

    BEGINNING = "beginning"
    DESCENDING = "descending"
    ZIGZAG = "zig-zagging"
    DIVERGING = "diverging"
    DIVERGED = "diverged"
    PLATEAU = "plateau"
    VALLEY = "valley"
    SATURATED = "saturated"
    FLAT = "flat"
    SADDLE = "saddle"
    MINIMUM = "minimum"
    OVERFITTING = "overfitting"


@dataclass(frozen=True)
class Verdict:
    """The verdict: `text` begins with the kind; `advice` is as in that module, or empty.

    `numbers` are names and values of all that it rests on, NaN what is not known.
    """

    kind: Kind
    text: str
    advice: str
    numbers: tuple[tuple[str, float], ...] = ()


Found = tuple[Kind, str, str] | None
"""What a rule finds: kind, text without it, advice; None where the rule does not apply."""
