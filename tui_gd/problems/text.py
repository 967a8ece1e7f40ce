"""Text for and from a person: safe on a terminal, aligned in columns, read as a whole number."""

import shlex
import unicodedata
from collections.abc import Collection, Iterable, Sequence

# control, format (bidi overrides), lone surrogates, line and paragraph separators
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def safe_text(text: str, length: int | None = 60) -> str:
    """Return `text` with `?` for every character that moves or confuses a terminal.

    At most `length` characters, the last three then `...`; None cuts nothing.
    """
    if length is not None and len(text) > length:
        text = text[: length - 3] + "..."
    if text.isascii() and text.isprintable():
        return text
    return "".join("?" if unicodedata.category(sign) in _UNSAFE else sign for sign in text)


def option(name: str, value: str) -> str:
    """Return an option with its value as it is typed in a shell, as `--text zip`."""
    sign = "=" if value.startswith("-") else " "
    return f"--{name}{sign}{shlex.quote(value)}"


def whole_number(text: str, low: int = 0, high: int = 10**15 - 1) -> int | None:
    """Return the number that ASCII digits write, None for other text or one out of range."""
    if not (text.isdecimal() and text.isascii() and len(text) <= len(str(high))):
        return None
    number = int(text)
    return number if low <= number <= high else None


def distinct(names: Iterable[str]) -> list[str]:
    """Return the names, with a number behind those that are there already, as `name (2)`."""
    found: dict[str, None] = {}
    for name in names:
        one, number = name, 1
        while one in found:
            number += 1
            one = f"{name} ({number})"
        found[one] = None
    return list(found)


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Return a line for every row, cells two blanks apart, columns in `right` flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
