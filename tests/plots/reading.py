"""What a person sees in cells: the dots of braille, and the contrast of two colours."""

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.palette import Colour, rgb

BRAILLE = 0x2800


def unpack(code: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return the dots (4·rows, 2·columns) of code points; anything but braille has none."""
    pattern = np.where((code >= BRAILLE) & (code < BRAILLE + 256), code - BRAILLE, 0)
    mask = np.zeros((code.shape[0] * 4, code.shape[1] * 2), np.bool_)
    for down, bits in enumerate(((1, 8), (2, 16), (4, 32), (64, 128))):
        for across, bit in enumerate(bits):
            mask[down::4, across::2] = (pattern & bit) > 0
    return mask


def luminance(channels: tuple[int, int, int]) -> float:
    """Return the relative luminance of WCAG 2 of red, green and blue, 0 (black) to 1 (white)."""
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (channel / 255 for channel in channels)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of WCAG 2, 1 (none) to 21: (L₁ + 0.05) / (L₂ + 0.05)."""
    low, high = sorted(luminance(rgb(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)
