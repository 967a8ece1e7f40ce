"""A picture made of terminal cells: the character and the colours of each."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.palette import Colour, Style

CONTINUATION = 0
"""Code of the second cell of a double-width character: nothing is written there."""

SPACE = 32
# Cc control, Cf format (bidi overrides, soft hyphen), Cs lone surrogates from undecodable file
# names, Zl/Zp line and paragraph separators: each of them moves or confuses a terminal.
UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_COMBINING = frozenset({"Mn", "Me"})


@lru_cache(maxsize=4096)
def _shaped(text: str, plain: bool) -> tuple[int, ...]:
    """Safe code points of ``text``, one a cell; wide ones are followed by CONTINUATION."""
    if text.isascii() and text.isprintable():
        return tuple(text.encode("ascii"))
    codes: list[int] = []
    for character in unicodedata.normalize("NFC", text):
        codes += _codes(character, plain)
    return tuple(codes)


@lru_cache(maxsize=4096)
def _codes(character: str, plain: bool) -> tuple[int, ...]:
    """Code points for the cells of one character; none for a combining one."""
    category = unicodedata.category(character)
    if category in _COMBINING:
        return ()  # a cell holds one code point; NFC has composed all it can
    wide = unicodedata.east_asian_width(character) in "WF"
    if plain and not character.isascii():
        return (ord("?"),) * (2 if wide else 1)
    if category in UNSAFE:
        return (ord("?") if plain else ord("·"),)
    return (ord(character), CONTINUATION) if wide else (ord(character),)


def width(text: str) -> int:
    """Return the width of ``text`` in cells: 2 for a wide character, 0 for a combining one."""
    if text.isascii() and text.isprintable():
        return len(text)
    return len(_shaped(text, False))


def widest(texts: Sequence[str]) -> int:
    """Return the width of the widest of ``texts``, 0 without any."""
    joined = "".join(texts)
    measure = len if joined.isascii() and joined.isprintable() else width
    return max(map(measure, texts), default=0)


def fit(text: str, columns: int, plain: bool = False) -> str:
    """Return ``text`` cut to at most ``columns`` cells; a cut ends in ``…`` (plain: ``.``)."""
    if width(text) <= columns:
        return text
    if columns <= 0:
        return ""
    kept = ""
    used = 0
    for character in unicodedata.normalize("NFC", text):
        used += width(character)
        if used > columns - 1:
            break
        kept += character
    return kept + ("." if plain else "…")


def fit_words(text: str, columns: int, plain: bool = False) -> str:
    """Return as much of ``text`` as fits into ``columns`` cells: its first parts between commas.

    If not even the first part fits, as many of its words as do; `fit` cuts a first word.

    >>> fit_words("Data, test rows", 12), fit_words("Learning rate", 10)
    ('Data', 'Learning')
    """
    parts = text.split(", ")
    while len(parts) > 1 and width(", ".join(parts)) > columns:
        parts.pop()
    return fit(wrapped(", ".join(parts), columns)[0], columns, plain).rstrip(",: ")


def wrapped(text: str, columns: int, blank: str = " ") -> list[str]:
    """Return ``text`` in lines of at most ``columns`` cells; a longer word gets its own line.

    Lines end only where there is a ``blank``.

    >>> wrapped("one two three", 8)
    ['one two', 'three']
    """
    lines: list[str] = []
    for word in text.split(blank):
        if lines and width(lines[-1] + blank + word) <= columns:
            lines[-1] += blank + word
        else:
            lines.append(word)
    return lines


def first_fitting(forms: Sequence[str], columns: int) -> str:
    """Return the first of several texts that fits into ``columns`` cells, else the last."""
    return next((form for form in forms if width(form) <= columns), forms[-1])


@dataclass(slots=True)
class Cells:
    """Code point, foreground and background of every cell, each of shape (rows, columns)."""

    code: NDArray[np.uint32]
    fg: NDArray[np.int32]
    bg: NDArray[np.int32]
    plain: bool = False
    """Only ASCII can be written: anything else becomes ``?``."""

    @classmethod
    def blank(cls, rows: int, columns: int, style: Style) -> "Cells":
        """Return spaces in the style's text and background colours."""
        shape = (max(rows, 0), max(columns, 0))
        return cls(
            np.full(shape, SPACE, np.uint32),
            np.full(shape, style.palette.text, np.int32),
            np.full(shape, style.palette.background, np.int32),
            style.symbols.plain,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.code.shape
        return rows, columns

    def copy(self) -> "Cells":
        """Return an independent copy."""
        return Cells(self.code.copy(), self.fg.copy(), self.bg.copy(), self.plain)

    def put(self, row: int, column: int, text: str, fg: Colour, bg: Colour | None = None) -> int:
        """Write ``text`` starting at a cell and return the column after it.

        The text is clipped at the edges. Control and format characters become ``·`` (``?`` in
        plain); combining ones are composed or dropped. A wide character is never cut in half: a
        space takes its place. ``bg=None`` keeps the existing background.
        """
        ascii_only = text.isascii() and text.isprintable()
        codes = (
            np.frombuffer(text.encode("ascii"), np.uint8)
            if ascii_only
            else np.array(_shaped(text, self.plain), np.uint32)
        )
        end = column + len(codes)
        rows, columns = self.code.shape
        first, last = max(column, 0), min(end, columns)
        if not 0 <= row < rows or first >= last:
            return end
        if not ascii_only:
            if codes[first - column] == CONTINUATION:
                codes[first - column] = SPACE
            if last < end and codes[last - column] == CONTINUATION:
                codes[last - column - 1] = SPACE
        line = self.code[row]
        if first > 0 and line[first] == CONTINUATION:
            line[first - 1] = SPACE
        if last < columns and line[last] == CONTINUATION:
            line[last] = SPACE
        line[first:last] = codes[first - column : last - column]
        self.fg[row, first:last] = fg
        if bg is not None:
            self.bg[row, first:last] = bg
        return end

    def paste(self, row: int, column: int, other: "Cells") -> None:
        """Copy another picture onto this one at (row, column), clipped."""
        rows, columns = self.shape
        top, left = max(row, 0), max(column, 0)
        bottom = min(row + other.shape[0], rows)
        right = min(column + other.shape[1], columns)
        if top >= bottom or left >= right:
            return
        source = np.s_[top - row : bottom - row, left - column : right - column]
        target = np.s_[top:bottom, left:right]
        if left > 0:  # a wide character of this picture loses its second half
            before = self.code[top:bottom, left - 1]
            before[self.code[top:bottom, left] == CONTINUATION] = SPACE
        if right < columns:  # … or its first half
            after = self.code[top:bottom, right]
            after[after == CONTINUATION] = SPACE
        codes = other.code[source].copy()
        codes[codes[:, 0] == CONTINUATION, 0] = SPACE
        beyond = right - column
        if beyond < other.shape[1]:
            cut = other.code[top - row : bottom - row, beyond] == CONTINUATION
            codes[cut, -1] = SPACE
        self.code[target] = codes
        self.fg[target] = other.fg[source]
        self.bg[target] = other.bg[source]

    def text(self) -> list[str]:
        """Return the rows as strings, without colours."""
        return ["".join(chr(code) for code in row if code) for row in self.code.tolist()]


def changed_spans(before: Cells | None, after: Cells, gap: int = 4) -> list[tuple[int, int, int]]:
    """Return the spans (row, start, stop) to send to turn ``before`` into ``after``.

    Two spans of a row with fewer than ``gap`` unchanged cells between them become one, because
    moving the terminal's cursor costs about as many bytes. A wide character is never split.
    Without ``before``, or if its shape differs, every row is one span.
    """
    rows, columns = after.shape
    if rows == 0 or columns == 0:
        return []
    if before is None or before.shape != after.shape:
        return [(row, 0, columns) for row in range(rows)]
    changed = before.code != after.code
    changed |= before.fg != after.fg
    changed |= before.bg != after.bg
    if not changed.any():
        return []
    second = after.code == CONTINUATION
    if second.any():
        changed[:, :-1] |= changed[:, 1:] & second[:, 1:]
        changed[:, 1:] |= changed[:, :-1] & second[:, 1:]
    row, column = np.nonzero(changed)
    starts = np.ones(len(row), np.bool_)
    starts[1:] = (row[1:] != row[:-1]) | (column[1:] - column[:-1] > gap)
    stops = np.append(starts[1:], True)
    return list(
        zip(
            row[starts].tolist(),
            column[starts].tolist(),
            (column[stops] + 1).tolist(),
            strict=True,
        )
    )
