"""The colours of every kind of terminal: their depth, their roles, and their contrast."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import ImageFont

from tests.plots.reading import contrast, luminance
from tests.terminal.picture import FONT
from tui_gd.plots.palette import (
    RGB,
    Colours,
    Palette,
    bold,
    is_bold,
    mix,
    palette_for,
    regular,
    rgb,
)
from tui_gd.plots.symbols import ASCII, UNICODE

COLOURED = [(depth, dark) for depth in ("truecolor", "256", "16") for dark in (True, False)]
FILLED = [(depth, dark) for depth in ("truecolor", "256") for dark in (True, False)]
ALL = [*COLOURED, ("mono", True), ("mono", False)]
ROLES = [
    "background", "text", "dim", "faint", "frame", "focus", "key", "good", "warning",
    "error", "train", "train_dimmed", "test", "test_dimmed", "boundary", "cursor", "contour",
]  # fmt: skip


def colours(palette: Palette) -> list[int]:
    single = [getattr(palette, role) for role in ROLES]
    several = [*palette.lanes, *palette.lanes_dimmed, *palette.classes, *palette.classes_dimmed]
    arrays = [palette.regions, palette.relief, palette.hits]
    return [*single, *several, *(int(v) for array in arrays for v in array.ravel())]


@pytest.mark.parametrize(("depth", "dark"), ALL)
def test_every_colour_belongs_to_its_depth(depth, dark):
    allowed = {
        "truecolor": lambda c: RGB <= c < 2 * RGB,
        "256": lambda c: 16 <= c < 256,
        "16": lambda c: 0 <= c < 16,
        "mono": lambda c: c == -1,
    }[depth]
    assert all(allowed(colour) for colour in colours(palette_for(depth, dark)))


@pytest.mark.parametrize(("depth", "dark"), ALL)
def test_there_are_enough_colours_and_the_palette_is_one_object(depth, dark):
    palette = palette_for(depth, dark)
    assert palette is palette_for(depth, dark)
    assert len(palette.lanes) == len(palette.lanes_dimmed) == 8
    assert len(palette.classes) == len(palette.regions) == 10


# Machado, Oliveira, Fernandes 2009, severity 1: linear RGB as seen without one kind of cone
BLIND = {
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
}  # fmt: skip
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
          [0.0193339, 0.1191920, 0.9503041]]  # fmt: skip
WHITE = [0.95047, 1.0, 1.08883]


def lab(colour: int, seen: list[list[float]]) -> np.ndarray:
    """CIE L*a*b* of a colour as an eye sees it, by the CIE's formulas."""
    share = np.array(rgb(colour)) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = np.array(TO_XYZ) @ np.clip(np.array(seen) @ linear, 0, 1) / WHITE
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eye", BLIND)
@pytest.mark.parametrize(("depth", "dark"), FILLED)
def test_eyes_without_red_or_green_cones_tell_the_safe_palette_apart(depth, dark, eye) -> None:
    palette = palette_for(depth, dark, Colours("safe"))
    pairs = {
        "points": (palette.class_colour(0), palette.class_colour(1)),
        "regions": (palette.regions[0, -1], palette.regions[1, -1]),
        "verdicts": (palette.good, palette.error),
        "counts": (palette.hits[0, -1], palette.hits[1, -1]),
    }
    apart = {
        name: float(np.linalg.norm(lab(int(one), BLIND[eye]) - lab(int(other), BLIND[eye])))
        for name, (one, other) in pairs.items()
    }
    assert all(distance >= 25 for distance in apart.values()), apart
    # the counts of the usual palette are not, in true colour
    wrong, right = (int(colour) for colour in palette_for("truecolor", dark).hits[:, -1])
    assert np.linalg.norm(lab(wrong, BLIND[eye]) - lab(right, BLIND[eye])) < 10
    assert contrast(palette.good, palette.background) >= 4.5
    assert contrast(palette.error, palette.background) >= 4.5


# WCAG contrasts of the colours as they were chosen, to one digit
@pytest.mark.parametrize(
    ("dark", "expected"),
    [
        (True, {"text": 15.4, "dim": 7.4, "faint": 4.0, "key": 13.5, "good": 9.8, "warning": 11.4,
                "error": 7.4}),
        (False, {"text": 15.8, "dim": 6.4, "faint": 3.5, "key": 7.3, "good": 5.1, "warning": 5.9,
                 "error": 5.8}),
    ],
)  # fmt: skip
def test_words_have_the_contrast_they_were_chosen_for(dark, expected):
    palette = palette_for("truecolor", dark)
    found = {role: contrast(getattr(palette, role), palette.background) for role in expected}
    assert found == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(
    ("dark", "own", "others"), [(True, (6.3, 6.4), (5.8, 6.9)), (False, (5.1, 4.7), (5.1, 4.6))]
)
def test_points_have_the_contrast_they_were_chosen_for(dark, own, others):
    palette = palette_for("truecolor", dark)
    first, second = (int(colour) for colour in palette.regions[:2, -1])
    found = [contrast(palette.classes[0], first), contrast(palette.classes[1], second)]
    assert found == pytest.approx(own, abs=0.06)
    found = [contrast(palette.classes[0], second), contrast(palette.classes[1], first)]
    assert found == pytest.approx(others, abs=0.06)


@pytest.mark.parametrize(("depth", "dark"), COLOURED)
def test_text_can_be_read(depth, dark):
    palette = palette_for(depth, dark)
    least = {"text": 7, "dim": 4, "faint": 3, "key": 4, "good": 2, "warning": 4, "error": 4}
    if depth != "16":
        least["good"] = 4.5
    for role, wanted in least.items():
        assert contrast(getattr(palette, role), palette.background) >= wanted, role


@pytest.mark.parametrize(("depth", "dark"), FILLED)
def test_curves_can_be_told_from_the_ground_and_from_what_comes_later(depth, dark):
    palette = palette_for(depth, dark)
    ground = palette.background
    for colour, dimmed in zip(
        (*palette.lanes, palette.test),
        (*palette.lanes_dimmed, palette.test_dimmed),
        strict=True,
    ):
        assert contrast(colour, ground) >= 4.4
        assert 1.5 <= contrast(dimmed, ground) < 0.75 * contrast(colour, ground)


@pytest.mark.parametrize(("depth", "dark"), FILLED)
def test_every_point_can_be_read_on_every_region(depth, dark):
    palette = palette_for(depth, dark)
    for region in palette.regions.ravel().tolist():
        for glyph in {*palette.classes, palette.boundary, palette.cursor}:
            assert contrast(glyph, region) >= 3, (glyph, region)


@pytest.mark.parametrize(("depth", "dark"), FILLED)
def test_every_path_can_be_read_on_every_height(depth, dark):
    palette = palette_for(depth, dark)
    for height in palette.relief.tolist():
        for colour in {*palette.lanes, palette.cursor}:
            assert contrast(colour, height) >= 3, (colour, height)


@pytest.mark.parametrize(("depth", "dark"), FILLED)
def test_heights_rise_in_one_hue_and_contours_are_seen(depth, dark):
    palette = palette_for(depth, dark)
    heights = [luminance(rgb(colour)) for colour in palette.relief.tolist()]
    steps = [(b - a) * (1 if dark else -1) for a, b in pairwise(heights)]
    assert min(steps) > 0
    for height in palette.relief.tolist():
        red, _, blue = rgb(height)
        assert blue >= red  # blue, or grey
        assert 1.4 <= contrast(palette.contour, height) < 5
    if depth == "truecolor":
        assert len(heights) == 10


@pytest.mark.parametrize(("depth", "dark"), FILLED)
def test_numbers_can_be_read_on_right_and_wrong(depth, dark):
    palette = palette_for(depth, dark)
    for ground in palette.hits.ravel().tolist():
        assert contrast(palette.text, ground) >= (7 if depth == "truecolor" else 4.5)
    assert (palette.hit([False, True], 0.0) == palette.background).all()


@pytest.mark.parametrize(("depth", "dark"), COLOURED)
def test_lanes_and_regions_differ(depth, dark):
    palette = palette_for(depth, dark)
    assert len(set(palette.lanes)) == len(palette.lanes)
    if palette.filled:
        assert len({int(c) for c in palette.regions[:, -1]}) == len(palette.regions)


@pytest.mark.parametrize(("depth", "dark"), COLOURED)
def test_a_class_has_one_hue_as_a_point_and_as_a_region(depth, dark):
    palette = palette_for(depth, dark)
    blue, orange = (rgb(colour) for colour in palette.classes[:2])
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]
    for region, (more, less) in zip(
        palette.regions[:2, -1].tolist(), ((2, 0), (0, 2)), strict=True
    ):
        assert rgb(region)[more] > rgb(region)[less]


@pytest.mark.parametrize(("depth", "dark"), ALL)
def test_keys_have_a_colour_of_their_own(depth, dark):
    palette = palette_for(depth, dark)
    if depth in {"truecolor", "256"}:
        roles = [role for role in ROLES if role != "key"]
        assert palette.key not in {getattr(palette, role) for role in roles}
        assert palette.key not in {*palette.lanes, *palette.classes}
    assert palette.train == palette.text


@pytest.mark.parametrize(("depth", "dark"), FILLED)
def test_a_region_rises_from_the_ground(depth, dark):
    palette = palette_for(depth, dark)
    weak, middle, strong = (int(c) for c in palette.region([0] * 3, [0.0, 0.5, 1.0]))
    assert weak == palette.background
    assert contrast(weak, middle) < contrast(weak, strong)
    assert palette.region([0, 1, 10], [1.0] * 3)[0] == palette.region(10, 1.0)


def test_a_region_is_mixed_by_the_share_to_the_power_of_four_fifths():
    palette = palette_for("truecolor", True)
    ground, sure = palette.background, int(palette.regions[0, -1])
    assert palette.regions.shape[1] == 10
    for level in range(10):
        expected = mix(ground, sure, (level / 9) ** 0.8)
        assert palette.region(0, level / 9) == expected
    assert rgb(sure) == (0x17, 0x39, 0x5C)


def test_regions_of_more_classes_are_three_tenths_of_their_points_colour():
    for dark in (True, False):
        palette = palette_for("truecolor", dark)
        for label in range(2, 10):
            expected = mix(palette.background, palette.classes[label], 0.3)
            assert palette.region(label, 1.0) == expected


def test_xterm_numbers_are_shown_as_xterm_shows_them():
    assert rgb(233) == (0x12, 0x12, 0x12)
    assert rgb(254) == (0xE4, 0xE4, 0xE4)
    assert rgb(75) == (0x5F, 0xAF, 0xFF)
    assert rgb(RGB | 0x123456) == (0x12, 0x34, 0x56)
    assert contrast(RGB, RGB | 0xFFFFFF) == pytest.approx(21)


@pytest.mark.parametrize("colour", [-1, 0, 7, 255, RGB, RGB | 0xFFFFFF])
def test_a_bold_colour_is_the_same_colour(colour):
    assert is_bold(bold(colour))
    assert not is_bold(colour)
    assert regular(bold(colour)) == colour == regular(colour)
    assert bold(bold(colour)) == bold(colour)
    assert rgb(bold(colour)) == rgb(colour)
    assert np.int32(bold(colour)) == bold(colour)


def test_shares_outside_and_nan_are_clipped():
    palette = palette_for("256", True)
    shares = np.array([-1.0, 0.0, np.nan, 1.0, 2.0])
    low, high = palette.hits[1, 0], palette.hits[1, -1]
    assert palette.hit(True, shares).tolist() == [low, low, low, high, high]


def test_plain_symbols_are_ascii_and_glyphs_differ():
    assert all(
        text.isascii()
        for value in vars(ASCII).values()
        for text in (value if isinstance(value, tuple) else [value])
        if isinstance(text, str)
    )
    for symbols in (ASCII, UNICODE):
        signs = [*symbols.points, *symbols.wrong_points]
        assert len(set(signs)) == len(signs)


def test_signs_are_in_the_font_that_many_terminals_use():
    font = ImageFont.truetype(FONT, 15)
    missing = bytes(font.getmask("\U0010fffe"))
    signs = (*UNICODE.points, *UNICODE.wrong_points, *UNICODE.textures)
    assert [sign for sign in signs if bytes(font.getmask(sign)) == missing] == []
