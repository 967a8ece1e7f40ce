"""The words of the plain interface: its commands, and how what follows them is read."""

from dataclasses import dataclass

from tui_gd.problems.harmless import harmless

MOST_DIGITS = 15


class WordError(Exception):
    """What is wrong with a command, in one line."""


@dataclass(frozen=True, slots=True)
class Word:
    """A command: its names, the usual one first, what may follow it, and what it does.

    `name` is also that of the method of `PlainRun`, whose text argument is what follows, or empty.
    """

    name: str
    short: tuple[str, ...]
    argument: str
    text: str


WORDS = (
    Word("step", ("s", "."), "[N]", "N epochs forward, one if none is named; so does Enter alone"),
    Word("back", ("b", ","), "[N]", "N epochs back, one if none is named"),
    Word("run", ("r",), "[N]", "N epochs forward; without N up to the run's last epoch"),
    Word("goto", ("g",), "N", "go to epoch N"),
    Word("alpha", ("a",), "X", "learning rate from here on, a number, up or down"),
    Word("branch", (), "[X]", "copy the lane; X is the new one's learning rate or optimizer"),
    Word("lane", (), "NAME", "make another lane the current one"),
    Word("lanes", (), "", "every lane in a line"),
    Word("status", (), "", "where the run stands"),
    Word("verdict", ("v",), "", "in words how training goes, and what to try"),
    Word("report", (), "", "the report on the test rows"),
    Word("show", (), "PANEL", "all numbers of a panel of the interface, with all digits"),
    Word("race", (), "[all|optimizers]", "race 64 learning rates from here: the best, or all"),
    Word("reset", (), "", "again from the same start"),
    Word("new", (), "", "new random start"),
    Word("help", ("h", "?"), "", "these lines"),
    Word("quit", ("q", "exit"), "", "leave; the run is kept"),
)


def find_word(text: str) -> Word:
    """Return the command of that name; `WordError` if there is none."""
    for word in WORDS:
        if text in {word.name, *word.short}:
            return word
    raise WordError(f"{harmless(text)!r} is no command: help lists them")


def help_lines() -> list[str]:
    """Return every command in a line."""
    entries = [
        (f"{word.name} {word.argument}".rstrip(), ", ".join(word.short), word.text)
        for word in WORDS
    ]
    first, second = (max(len(entry[i]) for entry in entries) for i in (0, 1))
    return [f"{name:<{first}}  {short:<{second}}  {text}" for name, short, text in entries]


def nothing(text: str) -> None:
    """Refuse what follows a command that takes nothing."""
    if text:
        raise WordError(f"{harmless(text)!r}: nothing follows this command")


def whole(text: str, example: str) -> int:
    """Read a whole number from 0; `WordError` says what is wrong, and names an example."""
    if not (text.isdecimal() and text.isascii() and len(text) <= MOST_DIGITS):
        raise WordError(f"{harmless(text)!r} is not a whole number from 0: name {example}")
    return int(text)


def count(text: str) -> int:
    """Read a number of epochs from 1; nothing is one."""
    number = whole(text, "a number of epochs, as 10") if text else 1
    if number == 0:
        raise WordError("'0' is not a number of epochs from 1")
    return number
