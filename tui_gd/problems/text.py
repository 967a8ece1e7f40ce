"""Text from files, made harmless: what moves or confuses a terminal is replaced."""

import unicodedata
from collections.abc import Iterable

# control, format (bidi overrides), lone surrogates, line and paragraph separators
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def distinct(names: Iterable[str]) -> list[str]:
    """Return names with a number behind those that others have too, as `name (2)`."""
    found: dict[str, None] = {}
    for name in names:
        one, number = name, 1
        while one in found:
            number += 1
            one = f"{name} ({number})"
        found[one] = None
    return list(found)


def harmless(text: str, length: int = 60) -> str:
    """Return `text` with `?` for every control character, at most `length` characters of it."""
    if len(text) > length:
        text = text[: length - 3] + "..."
    if text.isascii() and text.isprintable():
        return text
    return "".join("?" if unicodedata.category(sign) in _UNSAFE else sign for sign in text)
