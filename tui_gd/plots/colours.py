"""Numbers for colours, and how well one can be read on another."""

from __future__ import annotations

Colour = int
"""−1 the terminal's own; 0..255 an xterm palette number; ``RGB | 0xRRGGBB`` true colour.

A foreground may be `bold`.
"""

RGB = 1 << 24
_BOLD = 1 << 25
_BOLD_DEFAULT = -2

ANSI = (
    (0x00, 0x00, 0x00), (0xCD, 0x00, 0x00), (0x00, 0xCD, 0x00), (0xCD, 0xCD, 0x00),
    (0x00, 0x00, 0xEE), (0xCD, 0x00, 0xCD), (0x00, 0xCD, 0xCD), (0xE5, 0xE5, 0xE5),
    (0x7F, 0x7F, 0x7F), (0xFF, 0x00, 0x00), (0x00, 0xFF, 0x00), (0xFF, 0xFF, 0x00),
    (0x5C, 0x5C, 0xFF), (0xFF, 0x00, 0xFF), (0x00, 0xFF, 0xFF), (0xFF, 0xFF, 0xFF),
)  # fmt: skip
"""xterm's own; other terminals differ, which is why 16 colours are used with care."""


def bold(colour: Colour) -> Colour:
    """Return a foreground colour in which letters are bold."""
    return _BOLD_DEFAULT if colour < 0 else colour | _BOLD


def is_bold(colour: Colour) -> bool:
    """Return whether letters of this colour are bold."""
    return colour >= _BOLD or colour == _BOLD_DEFAULT


def regular(colour: Colour) -> Colour:
    """Return a colour without `bold`."""
    return -1 if colour < 0 else colour & ~_BOLD


def rgb(colour: Colour, default: tuple[int, int, int] = (0, 0, 0)) -> tuple[int, int, int]:
    """Return red, green, blue (0..255) as xterm shows a colour; ``default`` for −1."""
    colour = regular(colour)
    if colour < 0:
        return default
    if colour >= RGB:
        return (colour >> 16) & 255, (colour >> 8) & 255, colour & 255
    if colour < 16:
        return ANSI[colour]
    if colour >= 232:
        grey = 8 + 10 * (colour - 232)
        return grey, grey, grey
    cube = colour - 16
    red, green, blue = (
        0 if step == 0 else 55 + 40 * step for step in (cube // 36, cube // 6 % 6, cube % 6)
    )
    return red, green, blue


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return a true colour between two: the first for ``share`` 0, the other for 1."""
    red, green, blue = (
        round(a + (b - a) * share) for a, b in zip(rgb(one), rgb(other), strict=True)
    )
    return RGB | red << 16 | green << 8 | blue


def luminance(colour: Colour) -> float:
    """Return the relative luminance of WCAG 2, 0 (black) to 1 (white)."""
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (channel / 255 for channel in rgb(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of WCAG 2, 1 (none) to 21: (L₁ + 0.05) / (L₂ + 0.05)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
