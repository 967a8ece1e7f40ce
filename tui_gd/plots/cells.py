"""A picture made of terminal cells: the character and the colours of each.

In braille, a cell has eight dots: lines through points are drawn with them.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.palette import Colour, Style
from tui_gd.plots.symbols import Symbols

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


# Dots

BRAILLE = 0x2800
_BITS = ((1, 8), (2, 16), (4, 32), (64, 128))
"""Bit of each dot of a cell, by row and column."""
_CROWDED = 16
"""With more spans than this per dot, whole masks are faster (measured: 64 noisy lanes)."""


def pack(mask: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Return the braille pattern (0..255) of each cell of a mask (4·rows, 2·columns)."""
    dots = mask.view(np.uint8)
    pattern = np.zeros((mask.shape[0] // 4, mask.shape[1] // 2), np.uint8)
    for down, bits in enumerate(_BITS):
        for across, bit in enumerate(bits):
            pattern += dots[down::4, across::2] * np.uint8(bit)
    return pattern.astype(np.uint32)


def per_cell(values: NDArray[np.int16], symbols: Symbols) -> NDArray[np.int16]:
    """Return the greatest value of each cell's dots: the topmost layer."""
    down, across = symbols.dots
    best = values[0::down, 0::across]
    for row in range(down):
        for column in range(across):
            if row or column:
                best = np.maximum(best, values[row::down, column::across])
    return best


def paint_spans(
    owner: NDArray[np.int16],
    low: NDArray[np.intp],
    high: NDArray[np.intp],
    layer: NDArray[np.int16],
) -> None:
    """Set vertical spans of ``owner``: per line and column the rows low..high (low > high: none).

    ``low``, ``high`` and ``layer`` have shape (lines, columns); later lines cover earlier ones.
    """
    rows, columns = owner.shape
    low, high = np.maximum(low, 0), np.minimum(high, rows - 1)
    lengths = np.maximum(high - low + 1, 0).ravel()
    total = int(lengths.sum())
    if total > _CROWDED * owner.size:
        row = np.arange(rows, dtype=np.int16)[:, None]
        first, last = low.astype(np.int16), high.astype(np.int16)
        for line in range(len(low)):
            inside = (row >= first[line]) & (row <= last[line])
            np.copyto(owner, layer[line], where=inside)
        return
    # The dots of a span are neighbours in the transposed array: its indices are counted up by
    # one from its first, all spans in one cumulative sum. NumPy assigns repeated indices in
    # order, so the last line wins.
    some = lengths > 0
    if not some.any():
        return
    lengths = lengths[some]
    begin = np.broadcast_to(np.arange(columns) * rows, low.shape) + low
    first_dot = begin.ravel()[some]
    step = np.ones(total, np.int32)
    starts = np.cumsum(lengths) - lengths
    step[starts] = np.diff(first_dot, prepend=0) - np.append(0, lengths[:-1] - 1)
    turned = owner.T.copy()
    turned.ravel()[np.cumsum(step, dtype=np.int32)] = np.repeat(layer.ravel()[some], lengths)
    owner[...] = turned.T


def blit(
    cells: Cells,
    top: int,
    left: int,
    mask: NDArray[np.bool_],
    colour: NDArray[np.int32] | int,
) -> NDArray[np.bool_]:
    """Draw a dot mask as braille over the cells from (top, left) on; return which have dots.

    The other cells stay unchanged.
    """
    pattern = pack(mask)
    here = pattern > 0
    rows, columns = pattern.shape
    area = np.s_[top : top + rows, left : left + columns]
    cells.code[area][here] = pattern[here] + BRAILLE
    cells.fg[area][here] = colour[here] if isinstance(colour, np.ndarray) else colour
    return here


def line_mask(
    at: NDArray[np.float64], height: NDArray[np.float64], rows: int, columns: int
) -> NDArray[np.bool_]:
    """Return the dots (rows, columns), top row first, of a line without gaps.

    Its points are ``at`` dots from the left, ascending, and ``height`` dots from the bottom. Points
    that are not finite are left out; fewer than two points make no line.
    """
    mask = np.zeros((rows, columns), np.bool_)
    good = np.isfinite(at) & np.isfinite(height)
    if good.sum() < 2:
        return mask
    centres = np.arange(columns)
    edges = np.interp(
        np.arange(columns + 1) - 0.5, at[good], height[good], left=np.nan, right=np.nan
    )
    middle = np.interp(centres, at[good], height[good], left=np.nan, right=np.nan)
    ends = np.stack([edges[:-1], middle, edges[1:]])
    known = np.isfinite(middle)
    low = np.where(known, np.nan_to_num(np.fmin.reduce(ends), nan=0.0), np.inf)
    high = np.where(known, np.nan_to_num(np.fmax.reduce(ends), nan=0.0), -np.inf)
    level = np.arange(rows)[:, None]
    inside = (level >= np.rint(low)) & (level <= np.rint(high))
    return np.ascontiguousarray(inside[::-1])


def curve_mask(
    at: NDArray[np.float64], height: NDArray[np.float64], rows: int, columns: int
) -> NDArray[np.bool_]:
    """Return the dots of the points themselves and of the lines between neighbours.

    Like ``line_mask``, but points that are not finite make gaps, and a lone point is a dot.
    """
    mask = np.zeros((rows, columns), np.bool_)
    good = np.isfinite(at) & np.isfinite(height)
    steps = np.flatnonzero(np.diff(good, prepend=False, append=False))
    for begin, stop in zip(steps[::2], steps[1::2], strict=True):
        mask |= line_mask(at[begin:stop], height[begin:stop], rows, columns)
    # a point outside the area is shown by the lines that lead to it, not by a dot
    across, up = np.rint(at[good]), np.rint(height[good])
    inside = (across >= 0) & (across < columns) & (up >= 0) & (up < rows)
    mask[rows - 1 - up[inside].astype(np.intp), across[inside].astype(np.intp)] = True
    return mask
