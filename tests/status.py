"""The status line, read as a program would: its words in their fixed order, a contract."""

from __future__ import annotations

import re
from typing import NamedTuple

# a console without α shows `alpha`; where there is little room, words and fields are left out
STATUS = re.compile(
    r"(?P<state>[A-Z]+)\s+epoch (?P<epoch>\d+)\s*/\s*(?P<epochs>\d+)"
    r"(?:\s+train(?: loss)? (?P<loss>\S+))?(?:\s+test(?: loss)? \S+)?"
    r"(?:\s+(?:right \d+(?:/| of )\d+(?: test rows \([^)]*\))?|R(?:²|\^2) \S+))?"
    r"\s+(?:learning rate )?(?:α|alpha) (?P<alpha>\S+)(?P<rest>.*)"
)


class Status(NamedTuple):
    """The fields of the status line; `loss` as it is written, empty if it is left out."""

    state: str
    epoch: int
    epochs: int
    loss: str
    alpha: float
    rest: str


def status_in(text: str) -> Status | None:
    """Return the first status line in a text."""
    found = STATUS.search(text)
    return found and Status(
        found["state"],
        int(found["epoch"]),
        int(found["epochs"]),
        found["loss"] or "",
        float(found["alpha"]),
        found["rest"],
    )
