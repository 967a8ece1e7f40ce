"""Colours as numbers, and which one plays which role in every depth of colour and both themes.

One colour has one meaning: a class is the same colour as a point, as a region and in every table;
the training loss is the colour of plain text, the test loss violet; `key` colours keys and nothing
else; good, warning and error are for verdicts and for right and wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tui_gd.plots.symbols import Depth, Symbols

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


_LEVELS = 10
"""Steps of a ramp."""
_FADED = 0.5
"""Share of the ground in the colour of what lies after the viewed epoch."""
_QUIET = 0.30
"""Share of a class's own colour in its region, for the third class and further ones."""


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
    faint: Colour
    """What need not be read: the grid, a count of 0, panels that are not shown."""
    frame: Colour
    focus: Colour
    """The frame of the panel that has the focus, the selected row of a list."""
    key: Colour
    """Keys, and nothing else."""
    good: Colour
    warning: Colour
    error: Colour
    test: Colour
    test_dimmed: Colour
    boundary: Colour
    cursor: Colour
    lanes: tuple[Colour, ...]
    lanes_dimmed: tuple[Colour, ...]
    """The part of a curve that lies after the epoch being viewed."""
    classes: tuple[Colour, ...]
    """Points and names, readable on every region."""
    classes_dimmed: tuple[Colour, ...]
    """Of the first two: weights that are not looked at."""
    regions: NDArray[np.int32]
    """Shape (classes, levels), from the boundary to certainty."""
    relief: NDArray[np.int32]
    """Shape (levels,), from low to high: the landscape."""
    contour: Colour
    hits: NDArray[np.int32]
    """Shape (2, levels): the ground of wrong and of right counts, by their share of the row."""

    @property
    def train(self) -> Colour:
        """The training loss: plain text."""
        return self.text

    @property
    def train_dimmed(self) -> Colour:
        """The training loss after the epoch being viewed."""
        return self.lanes_dimmed[0]

    @property
    def filled(self) -> bool:
        """Whether there are colours enough to fill areas with quiet tints."""
        return self.depth in {"truecolor", "256"}

    def lane(self, index: int) -> tuple[Colour, Colour]:
        """Return the colour and the dimmed colour of a lane; they repeat after the last."""
        index %= len(self.lanes)
        return self.lanes[index], self.lanes_dimmed[index]

    def class_colour(self, label: int) -> Colour:
        """Return the colour of a class; they repeat after the last."""
        return self.classes[label % len(self.classes)]

    def region(self, label: ArrayLike, strength: ArrayLike) -> NDArray[np.int32]:
        """Return background colours for predicted classes with ``strength`` 0 (boundary) to 1."""
        return _shade(self.regions, np.asarray(label) % len(self.regions), strength)

    def hit(self, right: ArrayLike, share: ArrayLike) -> NDArray[np.int32]:
        """Return background colours for counts that are right or wrong, by their share 0 to 1."""
        return _shade(self.hits, np.asarray(right).astype(np.intp), share)


@dataclass(frozen=True)
class Style:
    """How a picture is drawn in one terminal: its colours and its characters."""

    palette: Palette
    symbols: Symbols


@dataclass(frozen=True)
class Colours:
    """The colours a person wants: a palette by name, and (role, 0xRRGGBB) pairs of both themes.

    Roles are those of `Palette` in `ROLES`, and `class 0` to `class 9`.
    """

    palette: str = "usual"
    dark: tuple[tuple[str, int], ...] = ()
    light: tuple[tuple[str, int], ...] = ()


ROLES = (
    "background", "text", "dim", "faint", "frame", "focus", "key", "good", "warning",
    "error", "test", "boundary", "cursor",
)  # fmt: skip
CLASS_ROLES = tuple(f"class {label}" for label in range(10))


@lru_cache(maxsize=16)
def palette_for(depth: Depth, dark: bool, colours: Colours = Colours()) -> Palette:
    """Return the palette of a depth and theme, the same object for the same arguments.

    `colours` change it where there are colours enough to name one: in true colour and 256.
    """
    if depth == "mono":
        return _no_colours(dark)
    makers = {"truecolor": _true_colours, "256": _256_colours, "16": _16_colours}
    palette = makers[depth](dark)
    if colours.palette == "safe":
        palette = _safe(palette)
    own = dict(colours.dark if dark else colours.light)
    return _with_own(palette, own) if own and palette.filled else palette


# Seen without red or green cones, a blue and an orange stay as far apart as with them.


def _safe(palette: Palette) -> Palette:
    """Return a palette that says right and good in blue, wrong and bad in orange."""
    ground = palette.background
    if palette.depth == "truecolor":
        values = (
            (0x56C8F0, 0xFF9A5A, 0x5C3A10, 0x12405C)
            if palette.dark
            else (0x005F9E, 0xB34700, 0xFAD9B0, 0xC7E3F7)
        )
        good, error, wrong, right = _rgb(*values)
        hits = _frozen([_ramp(ground, one, 0.5) for one in (wrong, right)])
    elif palette.depth == "256":
        good, error = (81, 209) if palette.dark else (25, 130)
        dark, light = (
            [(233, 235, 58, 94), (233, 235, 24, 24)],
            [(231, 255, 223, 222), (231, 255, 195, 153)],
        )
        hits = _frozen(dark if palette.dark else light)
    else:
        good, error = (14, 11) if palette.dark else (4, 1)
        hits = palette.hits
    return replace(palette, good=good, error=error, hits=hits)


def _with_own(palette: Palette, own: Mapping[str, int]) -> Palette:
    """Return a palette with some roles in the user's colours; regions follow their classes."""
    true = palette.depth == "truecolor"
    colours = {role: RGB | value if true else nearest(value) for role, value in own.items()}
    roles: dict[str, Any] = {role: colours[role] for role in ROLES if role in colours}
    classes, regions = list(palette.classes), palette.regions.tolist()
    ground = roles.get("background", palette.background)
    for label, role in enumerate(CLASS_ROLES):
        if role in colours:
            classes[label] = colours[role]
            sure = mix(ground, classes[label], _QUIET)
            ramp = _ramp(ground, sure, 0.8)
            levels = len(regions[label])
            regions[label] = (
                ramp
                if true
                else [nearest(one & 0xFFFFFF) for one in ramp[:: _LEVELS // levels]][:levels]
            )
    if true:
        roles["classes_dimmed"] = tuple(mix(one, ground, _FADED) for one in classes[:2])
    return replace(palette, classes=tuple(classes), regions=_frozen(regions), **roles)


def nearest(value: int) -> Colour:
    """Return the number from 16 to 255 of xterm's palette that is nearest to 0xRRGGBB."""
    wanted = rgb(RGB | value)
    return min(
        range(16, 256),
        key=lambda number: sum((a - b) ** 2 for a, b in zip(rgb(number), wanted, strict=True)),
    )


def _true_colours(dark: bool) -> Palette:
    """Return the palette from 0xRRGGBB, with ramps that begin at the ground."""
    if dark:
        ground, text = _rgb(0x0F131A, 0xE6EAF0)
        regions = _rgb(0x17395C, 0x573515)
        roles = _roles(
            dim=0x9AA4B2, faint=0x697586, frame=0x2E3744, focus=0x8AB4F8,
            key=0xFFD866, good=0x6FD08C, warning=0xF5C451, error=0xFF7B72, test=0xC9A2FF,
            boundary=0xF2F5F9, cursor=0xFFFFFF, contour=0x5C6F82,
        )  # fmt: skip
        lanes = _rgb(
            text, 0x4FD1C5, 0xF28FC4, 0xC3D66B, 0xB79BFF, 0xF28B78, 0x8FB8DE, 0xD9B36C
        )  # fmt: skip
        classes = _rgb(
            0x7CC4FF, 0xFFB86B, 0x8BE0A4, 0xC9A2FF, 0xD7E26B, 0xF29AC6, 0x63D5D0, 0xC8A27C,
            0xE57F7F, 0xB9C0CA,
        )  # fmt: skip
        low, high, wrong, right = _rgb(0x0C121C, 0x2F5573, 0x55272B, 0x1D4030)
    else:
        ground, text = _rgb(0xFFFFFF, 0x1F2328)
        regions = _rgb(0xCFE4F7, 0xFBDDBB)
        roles = _roles(
            dim=0x57606A, faint=0x818B98, frame=0xC4CCD4, focus=0x0B5CAD,
            key=0x6639BA, good=0x1A7F37, warning=0x8A5A00, error=0xC5221F, test=0x8250DF,
            boundary=0x1F2328, cursor=0x000000, contour=0x7E9DB8,
        )  # fmt: skip
        lanes = _rgb(
            text, 0x00707A, 0xA8326F, 0x5B6B00, 0x6E40C9, 0xB3391F, 0x2F5F9E, 0x7A5200
        )  # fmt: skip
        classes = _rgb(
            0x0B5CAD, 0xA04A00, 0x1A7F37, 0x8250DF, 0x6B6B00, 0xB1307A, 0x00707A, 0x7A4B1F,
            0xB3261E, 0x57606A,
        )  # fmt: skip
        low, high, wrong, right = _rgb(0xFFFFFF, 0xA9C6DD, 0xFBD5D2, 0xD2F0DC)
    sure = [*regions, *(mix(ground, one, _QUIET) for one in classes[2:])]
    return Palette(
        depth="truecolor",
        dark=dark,
        background=ground,
        text=text,
        test_dimmed=mix(roles["test"], ground, _FADED),
        lanes=lanes,
        lanes_dimmed=tuple(mix(one, ground, _FADED) for one in lanes),
        classes=classes,
        classes_dimmed=tuple(mix(one, ground, _FADED) for one in classes[:2]),
        regions=_frozen([_ramp(ground, one, 0.8) for one in sure]),
        relief=_frozen(_ramp(low, high)),
        hits=_frozen([_ramp(ground, one, 0.5) for one in (wrong, right)]),
        **roles,
    )


def _rgb(*values: int) -> tuple[Colour, ...]:
    return tuple(RGB | value for value in values)


def _roles(**values: int) -> dict[str, Colour]:
    return {name: RGB | value for name, value in values.items()}


def _ramp(weak: Colour, strong: Colour, power: float = 1.0) -> list[Colour]:
    """Return levels between two true colours, both included: at share s of the way s^power."""
    return [mix(weak, strong, (level / (_LEVELS - 1)) ** power) for level in range(_LEVELS)]


# Of xterm's 256, a cube of six steps and 24 greys, the dark and the pale ones are few: a ramp has
# four levels there, and the landscape is grey.


def _256_colours(dark: bool) -> Palette:
    if dark:
        return Palette(
            depth="256", dark=True,
            background=233, text=254, dim=248, faint=242, frame=238, focus=111, key=221,
            good=114, warning=220, error=210, test=183, test_dimmed=60,
            boundary=255, cursor=231,
            lanes=(254, 80, 211, 149, 141, 209, 110, 179),
            lanes_dimmed=(243, 30, 132, 64, 61, 131, 60, 94),
            classes_dimmed=(60, 94),
            classes=(117, 215, 115, 183, 185, 212, 80, 180, 217, 250),
            regions=_frozen([
                (233, 233, 233, 17), (233, 234, 235, 52), (233, 234, 235, 22), (233, 234, 53, 53),
                (233, 234, 235, 58), (233, 234, 235, 89), (233, 234, 235, 23), (233, 234, 236, 237),
                (233, 234, 235, 88), (233, 235, 238, 239),
            ]),
            relief=_frozen((232, 233, 234, 235, 236, 237, 238, 239)), contour=243,
            hits=_frozen([(233, 235, 52, 88), (233, 235, 22, 22)]),
        )  # fmt: skip
    return Palette(
        depth="256", dark=False,
        background=231, text=235, dim=241, faint=245, frame=251, focus=25, key=55,
        good=28, warning=94, error=160, test=98, test_dimmed=183,
        boundary=234, cursor=16,
        lanes=(235, 23, 125, 58, 56, 124, 25, 94),
        lanes_dimmed=(247, 73, 175, 143, 141, 173, 110, 179),
        classes_dimmed=(110, 180),
        classes=(25, 130, 28, 98, 58, 125, 23, 94, 124, 241),
        regions=_frozen([
            (231, 255, 254, 153), (231, 255, 254, 223), (231, 255, 194, 194), (231, 255, 189, 189),
            (231, 230, 229, 229), (231, 255, 225, 225), (231, 255, 195, 195), (231, 255, 230, 230),
            (231, 255, 224, 224), (231, 255, 254, 254),
        ]),
        relief=_frozen((231, 255, 254, 253, 252, 251, 250)), contour=244,
        hits=_frozen([(231, 255, 224, 217), (231, 255, 194, 157)]),
    )  # fmt: skip


# Terminals with 16 colours choose them themselves, some harshly: no area is filled with one.
# The background is painted: the theme would be unreadable on the terminal's own.


def _16_colours(dark: bool) -> Palette:
    ground = 0 if dark else 15
    if dark:
        return Palette(
            depth="16", dark=True,
            background=ground, text=15, dim=7, faint=8, frame=8, focus=14, key=14,
            good=10, warning=11, error=9, test=13, test_dimmed=5, boundary=15, cursor=15,
            lanes=(15, 14, 10, 9, 12, 11, 6, 2), lanes_dimmed=(8, 6, 2, 1, 4, 3, 8, 8),
            classes_dimmed=(4, 3),
            classes=(12, 11, 10, 13, 14, 9, 15, 6, 2, 7),
            regions=_frozen([(4,), (3,), (2,), (5,), (6,), (1,), (8,), (6,), (2,), (8,)]),
            relief=_frozen([ground] * _LEVELS), contour=7, hits=_frozen([[ground]] * 2),
        )  # fmt: skip
    return Palette(
        depth="16", dark=False,
        background=ground, text=0, dim=8, faint=8, frame=8, focus=4, key=5,
        good=2, warning=1, error=1, test=5, test_dimmed=13, boundary=0, cursor=0,
        lanes=(0, 4, 1, 5, 8, 12, 9, 2), lanes_dimmed=(7, 12, 9, 13, 7, 7, 7, 10),
        classes_dimmed=(12, 9),
        classes=(4, 1, 5, 8, 0, 9, 12, 4, 1, 5),
        regions=_frozen([(12,), (9,), (13,), (7,), (8,), (9,), (12,), (12,), (9,), (13,)]),
        relief=_frozen([ground] * _LEVELS), contour=8, hits=_frozen([[ground]] * 2),
    )  # fmt: skip


def _no_colours(dark: bool) -> Palette:
    return Palette(
        depth="mono",
        dark=dark,
        lanes=(-1,) * 8,
        lanes_dimmed=(-1,) * 8,
        classes=(-1,) * 10,
        classes_dimmed=(-1,) * 2,
        regions=_frozen([[-1]] * 10),
        relief=_frozen([-1] * _LEVELS),
        hits=_frozen([[-1]] * 2),
        **dict.fromkeys((*ROLES, "test_dimmed", "contour"), -1),
    )


def _frozen(values: Sequence[int] | Sequence[Sequence[int]]) -> NDArray[np.int32]:
    array = np.array(values, np.int32)
    array.setflags(write=False)
    return array


def _shade(
    ramps: NDArray[np.int32], row: NDArray[np.integer], share: ArrayLike
) -> NDArray[np.int32]:
    """Return the colours of shares 0 to 1 on these rows; what is not a number has the first."""
    last = ramps.shape[1] - 1
    level = np.rint(np.nan_to_num(np.asarray(share, np.float64)) * last)
    colours: NDArray[np.int32] = ramps[row, np.clip(level, 0, last).astype(np.intp)]
    return colours
