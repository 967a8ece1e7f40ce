"""What a keyboard sends for a key that is called by its name."""

from __future__ import annotations

_NAMED = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "backspace": "\x7f",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "insert": "\x1b[2~",
    "delete": "\x1b[3~",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "f3": "\x1bOR",
    "f4": "\x1bOS",
    **{
        f"f{number}": f"\x1b[{code}~"
        for number, code in zip(range(5, 13), (15, 17, 18, 19, 20, 21, 23, 24), strict=True)
    },
}


def sequence(key: str) -> str:
    """What xterm sends for `key`: a name of the table, `ctrl+` and a letter, or one character."""
    if key in _NAMED:
        return _NAMED[key]
    if len(key) == 1:
        return key
    modifier, _, letter = key.partition("+")
    if (
        modifier == "ctrl"
        and len(letter) == 1
        and letter.upper() in "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_"
    ):
        return chr(ord(letter.upper()) - ord("@"))
    raise ValueError(f"no such key: {key!r}")
