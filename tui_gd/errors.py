"""Errors that a person can cause; imports nothing, so that an error message comes at once."""

from collections.abc import Iterable, Mapping
from typing import Any

LISTED = 20
"""How many column names an error lists."""


Way = tuple[tuple[str, Any], ...]
"""Settings that help together, each with its value; see `way`."""


def way(**settings: Any) -> Way:
    """Return settings that help together.

    None: a person types the value; if the option is given already, it is left out. The value of a
    setting that names columns is the name of one.
    """
    return tuple(settings.items())


class Fault(str):
    """What is wrong, in words, and the ways out of it that the words name."""

    ways: tuple[Way, ...]

    def __new__(cls, text: str, *ways: Way) -> "Fault":
        """Return the words with their ways."""
        made = super().__new__(cls, text)
        made.ways = ways
        return made


class ProblemError(Exception):
    """Wrong input: one line that says what is wrong, where, and what to do.

    `ways` are the ways out that the line names, and `column` is the column that it is about.
    """

    def __init__(self, message: str = "", *ways: Way, column: str | None = None) -> None:
        super().__init__(message)
        self.ways = ways
        self.column = column


class TargetMissing(ProblemError):  # noqa: N818
    """A table without a named target column; `columns` are the names of its columns."""

    def __init__(self, name: str, columns: "tuple[str, ...]") -> None:
        shown = ", ".join(columns[:LISTED])
        more = f" and {len(columns) - LISTED} more" if len(columns) > LISTED else ""
        super().__init__(f"{name}: name the column to learn: --target X, X one of {shown}{more}")
        self.columns = columns


class MachinesLost(ProblemError):  # noqa: N818
    """The machines that hold the rows of a run do not answer any more; the run can go on later."""


class OutputError(Exception):
    """A file or standard output cannot be written; says which, and why."""


def did_you_mean(word: str, known: Iterable[str], aliases: Mapping[str, str] | None = None) -> str:
    """Return `; did you mean …?` with the most similar known word, or nothing.

    Case and `_` for `-` do not count. `aliases` are other names that people use for known words.
    """
    from difflib import get_close_matches

    def plain(text: str) -> str:
        return text.lower().replace("_", "-")[:40]

    meant = {plain(name): name for name in known}
    for other, name in (aliases or {}).items():
        if name in meant.values():
            meant.setdefault(other, name)
    near = get_close_matches(plain(word), meant, n=1, cutoff=0.65)
    return f"; did you mean {meant[near[0]]}?" if near else ""
