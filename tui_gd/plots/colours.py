"""Numbers for colours, and how well one can be read on another."""

from __future__ import annotations

Colour = int
"""−1 the terminal's own; 0..255 an xterm palette number; ``RGB | 0xRRGGBB`` true colour."""

RGB = 1 << 24

ANSI = (
    (0x00, 0x00, 0x00), (0xCD, 0x00, 0x00), (0x00, 0xCD, 0x00), (0xCD, 0xCD, 0x00),
    (0x00, 0x00, 0xEE), (0xCD, 0x00, 0xCD), (0x00, 0xCD, 0xCD), (0xE5, 0xE5, 0xE5),
    (0x7F, 0x7F, 0x7F), (0xFF, 0x00, 0x00), (0x00, 0xFF, 0x00), (0xFF, 0xFF, 0x00),
    (0x5C, 0x5C, 0xFF), (0xFF, 0x00, 0xFF), (0x00, 0xFF, 0xFF), (0xFF, 0xFF, 0xFF),
)  # fmt: skip
"""xterm's own; other terminals differ, which is why 16 colours are used with care."""


def rgb(colour: Colour, default: tuple[int, int, int] = (0, 0, 0)) -> tuple[int, int, int]:
    """Return red, green, blue (0..255) as xterm shows a colour; ``default`` for −1."""
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
