"""Which colour plays which role, for every depth of colour and both themes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from tui_gd.plots.colours import RGB, Colour, contrast
from tui_gd.plots.symbols import Depth, Symbols

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


# The colours themselves, chosen by hand for every kind of terminal and theme.


@dataclass(frozen=True)
class Chosen:
    """One theme in one depth: numbers of that depth (0xRRGGBB, 0..255, 0..15)."""

    background: int
    text: int
    dim: int
    axis: int
    accent: int
    warning: int
    error: int
    good: int
    train: int
    test: int
    train_dimmed: int
    test_dimmed: int
    boundary: int
    misclassified: int
    cursor: int
    black: int
    white: int
    lanes: tuple[int, ...]
    lanes_dimmed: tuple[int, ...]
    classes: tuple[int, ...]
    regions: tuple[tuple[int, ...], ...]
    """For each class from the boundary (weak) to certainty (strong)."""
    heat: tuple[int, ...]
    """From low to high."""


def _ramp(weak: int, strong: int, levels: int = 10) -> tuple[int, ...]:
    """Return ``levels`` steps between two 0xRRGGBB colours, the first not quite the weak one."""
    shares = [0.1 + 0.9 * level / (levels - 1) for level in range(levels)]
    channels = [((weak >> shift) & 255, (strong >> shift) & 255) for shift in (16, 8, 0)]
    return tuple(
        sum(
            round(low + (high - low) * share) << shift
            for (low, high), shift in zip(channels, (16, 8, 0), strict=True)
        )
        for share in shares
    )


# Dark regions keep a luminance below 0.16 and glyphs one above 0.56, light ones the reverse, so
# that the glyph of any class can be read on the region of any other.
_DARK = Chosen(
    background=0x121212, text=0xC9D1D9, dim=0x8B949E, axis=0x6E7681, accent=0xFFD866,
    warning=0xFFB454, error=0xFF6B6B, good=0x7EE787,
    train=0x58A6FF, test=0xFF9E3B, train_dimmed=0x2B4A70, test_dimmed=0x6B4722,
    boundary=0xFFFFFF, misclassified=0xFFA8F5, cursor=0xFFFFFF, black=0, white=0xFFFFFF,
    lanes=(0x58A6FF, 0xFF9E3B, 0x5FD787, 0xFF6EB4, 0xE3D45F, 0xB48CFF, 0x4FD6D6, 0xFF6B6B,
           0xC98A5E, 0xA9C46C),
    lanes_dimmed=(0x2B4A70, 0x6B4722, 0x2E5F40, 0x6E3550, 0x625C2E, 0x4F4170, 0x295E5E, 0x6E3434,
                  0x5C4230, 0x4C5734),
    classes=(0xFFFFFF, 0xFFD866, 0x8CF0FF, 0xFFC2E0, 0xB4F08C, 0xFFCFA0, 0xDCD0FF, 0xF5F0A0,
             0xA8FFD8, 0xD8E2EC),
    regions=tuple(
        _ramp(0x121212, strong)
        for strong in (0x1F5FBF, 0xC0392B, 0x1E7A3C, 0x7A3DB8, 0x8A5A1A, 0x14757A, 0xA8327E,
                       0x5F6670, 0x3F4FA8, 0x6B6B1E)
    ),
    heat=(0x440154, 0x482878, 0x3E4989, 0x31688E, 0x26828E, 0x1F9E89, 0x35B779, 0x6ECE58,
          0xB5DE2B, 0xFDE725),
)  # fmt: skip

_LIGHT = Chosen(
    background=0xE0E0E0, text=0x24292F, dim=0x5F6770, axis=0x8C959F, accent=0x6F3CC4,
    warning=0x7D5200, error=0xA8001A, good=0x116329,
    train=0x0550AE, test=0xB54700, train_dimmed=0x9DB4D2, test_dimmed=0xD9B59A,
    boundary=0x000000, misclassified=0x8A0073, cursor=0x000000, black=0, white=0xFFFFFF,
    lanes=(0x0550AE, 0xB54700, 0x116329, 0xA81067, 0x6B5A00, 0x6A35C2, 0x006A75, 0xB3001B,
           0x7A4F7A, 0x4A6314),
    lanes_dimmed=(0x9DB4D2, 0xD9B59A, 0x9DBFA6, 0xD4A3BF, 0xC2BA94, 0xBFABDD, 0x98BFC2, 0xD7A0A8,
                  0xC4B2C4, 0xB2BC9C),
    classes=(0x0A3069, 0x82071E, 0x0B4F26, 0x4A1486, 0x5C3A00, 0x00484F, 0x70105A, 0x24292F,
             0x1B1F8A, 0x454500),
    regions=tuple(
        _ramp(0xFFFFFF, strong)
        for strong in (0x6FB1FF, 0xFF8A75, 0x7FD08F, 0xC8A2F5, 0xE0B070, 0x6CCBCF, 0xF596CF,
                       0xB4BAC2, 0xA3AEFA, 0xC6C660)
    ),
    heat=(0xFFF7BC, 0xFFE28E, 0xFECC60, 0xF4A93E, 0xE57F23, 0xD15A0D, 0xB04509, 0x903005,
          0x742434, 0x4A1486),
)  # fmt: skip

_DARK_256 = Chosen(
    background=233, text=252, dim=245, axis=242, accent=221, warning=215, error=203, good=114,
    train=75, test=215, train_dimmed=24, test_dimmed=94,
    boundary=231, misclassified=219, cursor=231, black=16, white=231,
    lanes=(75, 215, 78, 205, 185, 141, 80, 203, 173, 107),
    lanes_dimmed=(24, 94, 22, 89, 58, 54, 23, 52, 95, 58),
    classes=(231, 221, 123, 225, 157, 223, 189, 229, 159, 254),
    regions=(
        (235, 17, 18, 25), (235, 52, 88, 124), (235, 234, 22, 22), (235, 53, 54, 55),
        (235, 58, 58, 94), (235, 236, 23, 23), (235, 53, 90, 126), (235, 237, 239, 241),
        (235, 17, 18, 19), (235, 236, 58, 58),
    ),
    heat=(53, 54, 24, 30, 35, 76, 148, 226),
)  # fmt: skip

_LIGHT_256 = Chosen(
    background=254, text=235, dim=241, axis=246, accent=55, warning=94, error=124, good=22,
    train=25, test=130, train_dimmed=110, test_dimmed=180,
    boundary=16, misclassified=90, cursor=16, black=16, white=231,
    lanes=(25, 130, 22, 125, 58, 55, 23, 124, 96, 64),
    lanes_dimmed=(110, 180, 108, 175, 144, 140, 109, 174, 182, 150),
    classes=(17, 88, 22, 54, 52, 23, 53, 234, 18, 233),
    regions=(
        (255, 189, 153, 111), (255, 224, 217, 210), (255, 194, 157, 114), (255, 225, 183, 177),
        (255, 230, 222, 179), (255, 195, 159, 80), (255, 225, 219, 213), (255, 253, 251, 249),
        (255, 189, 147, 147), (255, 230, 192, 149),
    ),
    heat=(230, 229, 222, 215, 208, 166, 130, 88, 53),
)  # fmt: skip

# Of xterm's dark eight only blue, red, magenta and grey leave a bright glyph readable; with more
# classes the regions repeat and the boundary and the glyphs tell them apart.
# The background is painted: one of these themes would be unreadable on the terminal's own.
_DARK_16 = Chosen(
    background=0, text=7, dim=8, axis=8, accent=11, warning=11, error=9, good=10,
    train=14, test=11, train_dimmed=6, test_dimmed=3,
    boundary=15, misclassified=14, cursor=15, black=0, white=15,
    lanes=(14, 11, 10, 13, 12, 9, 15, 6),
    lanes_dimmed=(6, 3, 2, 5, 4, 1, 8, 8),
    classes=(15, 11, 10, 15, 11, 10, 15, 11, 10, 15),
    regions=((0, 4), (0, 1), (0, 5), (0, 8), (0, 4), (0, 1), (0, 5), (0, 8), (0, 4), (0, 1)),
    heat=(0, 4, 6, 2, 3, 11),
)  # fmt: skip

_LIGHT_16 = Chosen(
    background=15, text=0, dim=8, axis=8, accent=5, warning=5, error=1, good=2,
    train=4, test=1, train_dimmed=6, test_dimmed=3,
    boundary=0, misclassified=5, cursor=0, black=0, white=15,
    lanes=(4, 1, 2, 5, 6, 3, 8, 12),
    lanes_dimmed=(12, 9, 10, 13, 14, 11, 7, 7),
    classes=(4, 1, 0, 5, 4, 1, 0, 5, 4, 1),
    regions=((15, 14), (15, 11), (15, 10), (15, 7), (15, 14), (15, 11), (15, 10), (15, 7),
             (15, 14), (15, 11)),
    heat=(15, 11, 3, 1, 5, 4),
)  # fmt: skip


def true(chosen: Chosen) -> Chosen:
    """Return the theme with every 0xRRGGBB packed as a true colour."""

    def packed(value: int | tuple[int, ...]) -> int | tuple[int, ...]:
        if isinstance(value, tuple):
            return tuple(RGB | one for one in value)
        return RGB | value

    fields = {name: packed(value) for name, value in vars(chosen).items() if name != "regions"}
    regions = tuple(tuple(RGB | one for one in ramp) for ramp in chosen.regions)
    return Chosen(**fields, regions=regions)  # type: ignore[arg-type]


_MONO = Chosen(
    **dict.fromkeys(
        ("background", "text", "dim", "axis", "accent", "warning", "error", "good", "train",
         "test", "train_dimmed", "test_dimmed", "boundary", "misclassified", "cursor", "black",
         "white"),
        -1,
    ),
    lanes=(-1,) * 8, lanes_dimmed=(-1,) * 8, classes=(-1,) * 10, regions=((-1,),) * 10, heat=(-1,),
)  # fmt: skip

CHOSEN = {
    ("truecolor", True): true(_DARK),
    ("truecolor", False): true(_LIGHT),
    ("256", True): _DARK_256,
    ("256", False): _LIGHT_256,
    ("16", True): _DARK_16,
    ("16", False): _LIGHT_16,
    ("mono", True): _MONO,
    ("mono", False): _MONO,
}


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


@dataclass(frozen=True)
class Style:
    """How a picture is drawn in one terminal: its colours and its characters."""

    palette: Palette
    symbols: Symbols
