"""Which colour plays which role, for every depth of colour and both themes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .cells import RGB, Colour
from .colours import ANSI, CHOSEN
from .symbols import ASCII, UNICODE, Depth, Symbols

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ASCII",
    "UNICODE",
    "Depth",
    "Palette",
    "Symbols",
    "contrast",
    "luminance",
    "palette_for",
    "rgb",
]


# Compared by identity: palette_for gives the same object for the same request, and a palette is
# part of the key of every cached frame.
@dataclass(frozen=True, eq=False)
class Palette:
    """The roles of the colours of one depth and theme; in mono every one is −1."""

    depth: Depth
    dark: bool
    background: Colour
    text: Colour
    dim: Colour
    axis: Colour
    accent: Colour
    """Title of the focused panel."""
    warning: Colour
    error: Colour
    good: Colour
    train: Colour
    test: Colour
    train_dimmed: Colour
    test_dimmed: Colour
    """The part of a curve that lies after the epoch being viewed."""
    boundary: Colour
    misclassified: Colour
    cursor: Colour
    lanes: tuple[Colour, ...]
    lanes_dimmed: tuple[Colour, ...]
    classes: tuple[Colour, ...]
    """Glyphs, readable on every region."""
    regions: NDArray[np.int32]
    """Shape (classes, levels), from the boundary to certainty."""
    heat: NDArray[np.int32]
    """Shape (levels,), from low to high: the confusion matrix."""
    heat_ink: NDArray[np.int32]
    """Shape (levels,): text that can be read on ``heat``."""

    def lane(self, index: int) -> tuple[Colour, Colour]:
        """Return the colour and the dimmed colour of a lane; they repeat after the last."""
        index %= len(self.lanes)
        return self.lanes[index], self.lanes_dimmed[index]

    def region(self, label: ArrayLike, strength: ArrayLike) -> NDArray[np.int32]:
        """Return background colours for predicted classes with ``strength`` 0 (boundary) to 1."""
        classes, levels = self.regions.shape
        level = np.rint(np.asarray(strength) * (levels - 1)).astype(np.intp)
        colours: NDArray[np.int32] = self.regions[
            np.asarray(label) % classes, np.clip(level, 0, levels - 1)
        ]
        return colours

    def confusion(self, share: ArrayLike) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return background and text colours for shares of a row, 0 to 1."""
        level = self._heat_level(share)
        return self.heat[level], self.heat_ink[level]

    def _heat_level(self, share: ArrayLike) -> NDArray[np.intp]:
        steps = len(self.heat)
        level = (np.nan_to_num(np.asarray(share, np.float64)) * steps).astype(np.intp)
        return np.clip(level, 0, steps - 1)


@lru_cache(maxsize=16)
def palette_for(depth: Depth, dark: bool) -> Palette:
    """Return the palette of a colour depth and theme, always the same object for the same two."""
    chosen = CHOSEN[depth, dark]
    black, white = chosen.black, chosen.white
    ink = tuple(
        white if contrast(white, colour) > contrast(black, colour) else black
        for colour in chosen.heat
    )
    roles = {
        name: value
        for name, value in vars(chosen).items()
        if name not in {"black", "white", "regions", "heat"}
    }
    return Palette(
        depth=depth,
        dark=dark,
        regions=_frozen(chosen.regions),
        heat=_frozen(chosen.heat),
        heat_ink=_frozen(ink),
        **roles,
    )


def _frozen(values: ArrayLike) -> NDArray[np.int32]:
    array = np.array(values, np.int32)
    array.setflags(write=False)
    return array


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
