"""Block, braille and box-drawing characters as rectangles, so that neighbouring cells join.

Fonts draw these with gaps or overlaps at most sizes; terminals draw them themselves, and so does
the picture of a screen. Every function gives rectangles `(left, top, right, bottom)` as fractions
of the cell, with the share of the foreground colour they are painted with.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle in fractions of a cell, painted with `share` of the foreground colour."""

    left: float
    top: float
    right: float
    bottom: float
    share: float = 1.0


_LOWER_BLOCKS = range(0x2581, 0x2589)
_LEFT_BLOCKS = range(0x2589, 0x2590)
_SHADES = {0x2591: 0.25, 0x2592: 0.5, 0x2593: 0.75}
_UPPER_LEFT, _UPPER_RIGHT, _LOWER_LEFT, _LOWER_RIGHT = (
    Box(0, 0, 0.5, 0.5),
    Box(0.5, 0, 1, 0.5),
    Box(0, 0.5, 0.5, 1),
    Box(0.5, 0.5, 1, 1),
)
_QUADRANTS = {
    "▖": (_LOWER_LEFT,),
    "▗": (_LOWER_RIGHT,),
    "▘": (_UPPER_LEFT,),
    "▙": (_UPPER_LEFT, _LOWER_LEFT, _LOWER_RIGHT),
    "▚": (_UPPER_LEFT, _LOWER_RIGHT),
    "▛": (_UPPER_LEFT, _UPPER_RIGHT, _LOWER_LEFT),
    "▜": (_UPPER_LEFT, _UPPER_RIGHT, _LOWER_RIGHT),
    "▝": (_UPPER_RIGHT,),
    "▞": (_UPPER_RIGHT, _LOWER_LEFT),
    "▟": (_UPPER_RIGHT, _LOWER_LEFT, _LOWER_RIGHT),
}
# Bit of a braille code point to column and row of its dot.
_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
_DIRECTIONS = {"UP": "up", "DOWN": "down", "LEFT": "left", "RIGHT": "right"}
_WEIGHTS = ("LIGHT", "HEAVY", "SINGLE", "DOUBLE")
_THIN_X, _THIN_Y = 1 / 9, 1 / 18  # One pixel of a cell of 9 by 18.


@functools.cache
def boxes(character: str) -> tuple[Box, ...] | None:
    """The rectangles of a character, or None for one that the font has to draw."""
    if len(character) != 1:
        return None
    code = ord(character)
    if 0x2580 <= code <= 0x259F:
        return _block(character, code)
    if 0x2800 <= code <= 0x28FF:
        return tuple(
            Box(column / 2 + 0.12, row / 4 + 0.06, column / 2 + 0.38, row / 4 + 0.19)
            for bit, (column, row) in enumerate(_DOTS)
            if (code - 0x2800) >> bit & 1
        )
    if 0x2500 <= code <= 0x257F:
        return _lines(unicodedata.name(character))
    return None


def _block(character: str, code: int) -> tuple[Box, ...]:
    if code in _LOWER_BLOCKS:
        return (Box(0, 1 - (code - 0x2580) / 8, 1, 1),)
    if code in _LEFT_BLOCKS:
        return (Box(0, 0, (0x2590 - code) / 8, 1),)
    if code in _SHADES:
        return (Box(0, 0, 1, 1, _SHADES[code]),)
    if character in _QUADRANTS:
        return _QUADRANTS[character]
    return {
        "▀": (Box(0, 0, 1, 0.5),),
        "▐": (Box(0.5, 0, 1, 1),),
        "▔": (Box(0, 0, 1, 1 / 8),),
        "▕": (Box(7 / 8, 0, 1, 1),),
    }[character]


def _arms(name: str) -> dict[str, str]:
    """Direction to weight of the arms of a box-drawing character, from its Unicode name.

    `DOWN LIGHT AND RIGHT HEAVY` gives every direction the weight after it,
    `LIGHT DOWN AND RIGHT` gives all of them the one in front.
    """
    words = name.replace("HORIZONTAL", "LEFT RIGHT").replace("VERTICAL", "UP DOWN").split()
    leading = next((word for word in words[:1] if word in _WEIGHTS), None)
    arms: dict[str, str] = {}
    waiting: list[str] = []
    for word in words:
        if word in _DIRECTIONS:
            waiting.append(_DIRECTIONS[word])
        elif word in _WEIGHTS and waiting:
            arms.update(dict.fromkeys(waiting, word))
            waiting = []
        elif word in _WEIGHTS:
            leading = word
    if leading is not None:
        arms.update(dict.fromkeys(waiting, leading))
    return arms


def _lines(name: str) -> tuple[Box, ...] | None:
    if "DIAGONAL" in name:
        return None
    arms = _arms(name.removeprefix("BOX DRAWINGS "))
    found: list[Box] = []
    for direction, weight in arms.items():
        for offset, width in ((-1, 1), (1, 1)) if weight == "DOUBLE" else ((0, 1),):
            thickness = 2 * width if weight == "HEAVY" else width
            found.append(_arm(direction, offset, thickness, joins="DOUBLE" in arms.values()))
    if "DASH" in name:
        dashes = {"DOUBLE": 2, "TRIPLE": 3, "QUADRUPLE": 4}
        count = next(number for word, number in dashes.items() if word in name)
        thickness = 2 if "HEAVY" in name else 1
        across = "HORIZONTAL" in name
        line = _arm("left", 0, thickness) if across else _arm("up", 0, thickness)
        steps = [(index / count, (index + 0.6) / count) for index in range(count)]
        return tuple(
            Box(low, line.top, high, line.bottom)
            if across
            else Box(line.left, low, line.right, high)
            for low, high in steps
        )
    return tuple(found)


def _arm(direction: str, offset: float, thickness: float, *, joins: bool = False) -> Box:
    """From an edge of the cell to the far side of the crossing line, so that corners are closed."""
    x, y = 4 / 9 + offset * _THIN_X, 8 / 18 + offset * _THIN_Y
    right, bottom = x + thickness * _THIN_X, y + thickness * _THIN_Y
    # The two strokes of a double line lie one pixel to either side of a single one.
    spread = 1 if joins else 0
    low_x, high_x = (4 - spread) / 9, (4 + thickness + spread) / 9
    low_y, high_y = (8 - spread) / 18, (8 + thickness + spread) / 18
    return {
        "up": Box(x, 0, right, high_y),
        "down": Box(x, low_y, right, 1),
        "left": Box(0, y, high_x, bottom),
        "right": Box(low_x, y, 1, bottom),
    }[direction]
