"""A picture made of terminal cells: what stands where, and in which colours."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tui_gd.plots.palette import Colour, Style

CONTINUATION = 0
"""Code of the second cell of a double-width character: nothing is to be written there."""

SPACE = 32
# Cc control, Cf format (bidi overrides, soft hyphen), Cs lone surrogates from undecodable file
# names, Zl/Zp line and paragraph separators: each of them moves or confuses a terminal.
UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_COMBINING = frozenset({"Mn", "Me"})


@lru_cache(maxsize=4096)
def _shaped(text: str, plain: bool) -> tuple[int, ...]:
    """Code points of ``text`` cell by cell, harmless, wide ones followed by CONTINUATION."""
    if text.isascii() and text.isprintable():
        return tuple(text.encode("ascii"))
    codes: list[int] = []
    for character in unicodedata.normalize("NFC", text):
        codes += _codes(character, plain)
    return tuple(codes)


@lru_cache(maxsize=4096)
def _codes(character: str, plain: bool) -> tuple[int, ...]:
    """Code points of the cells of one character, none for a combining one."""
    category = unicodedata.category(character)
    if category in _COMBINING:
        return ()  # a cell holds one code point; NFC has composed what can be composed
    wide = unicodedata.east_asian_width(character) in "WF"
    if plain and not character.isascii():
        return (ord("?"),) * (2 if wide else 1)
    if category in UNSAFE:
        return (ord("?") if plain else ord("·"),)
    return (ord(character), CONTINUATION) if wide else (ord(character),)


def width(text: str) -> int:
    """Return how many cells ``text`` takes: 2 for a double-width character, 0 for a combining."""
    if text.isascii() and text.isprintable():
        return len(text)
    return len(_shaped(text, False))


def fit(text: str, columns: int, plain: bool = False) -> str:
    """Return ``text`` cut to at most ``columns`` cells, a cut shown by ``…`` (plain: ``.``)."""
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


def wrapped(text: str, columns: int) -> list[str]:
    """Return ``text`` in lines of at most so many cells; a word that is longer has its own.

    >>> wrapped("one two three", 8)
    ['one two', 'three']
    """
    lines: list[str] = []
    for word in text.split(" "):
        if lines and width(f"{lines[-1]} {word}") <= columns:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


@dataclass(slots=True)
class Cells:
    """Code point, foreground and background of every cell, each of shape (rows, columns)."""

    code: NDArray[np.uint32]
    fg: NDArray[np.int32]
    bg: NDArray[np.int32]
    plain: bool = False
    """Only ASCII may be put: anything else becomes ``?``."""

    @classmethod
    def blank(cls, rows: int, columns: int, style: Style) -> Cells:
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

    def copy(self) -> Cells:
        """Return an independent copy."""
        return Cells(self.code.copy(), self.fg.copy(), self.bg.copy(), self.plain)

    def put(self, row: int, column: int, text: str, fg: Colour, bg: Colour | None = None) -> int:
        """Write ``text`` from a cell on and return the column after it.

        Clipped at the edges. Control and format characters are shown as ``·`` (``?`` in plain),
        combining ones are composed or dropped. Half of a double-width character is never left:
        where one would be cut, a space stands. ``bg=None`` keeps the background that is there.
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

    def paste(self, row: int, column: int, other: Cells) -> None:
        """Copy another picture onto this one, its upper left cell at (row, column), clipped."""
        rows, columns = self.shape
        top, left = max(row, 0), max(column, 0)
        bottom = min(row + other.shape[0], rows)
        right = min(column + other.shape[1], columns)
        if top >= bottom or left >= right:
            return
        source = np.s_[top - row : bottom - row, left - column : right - column]
        target = np.s_[top:bottom, left:right]
        if left > 0:  # a wide character of ours that loses its second half
            before = self.code[top:bottom, left - 1]
            before[self.code[top:bottom, left] == CONTINUATION] = SPACE
        if right < columns:  # … or its first
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
    """Return (row, start, stop) of what has to be sent to turn ``before`` into ``after``.

    Spans of one row with fewer than ``gap`` unchanged cells between them are one span, because
    moving the terminal's cursor costs about as many bytes. A double-width character is never
    split. Without ``before``, or with one of another shape, every row is one whole span.
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
