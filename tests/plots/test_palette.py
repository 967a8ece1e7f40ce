import numpy as np
import pytest

from tui_gd.plots.colours import RGB, contrast, rgb
from tui_gd.plots.palette import Palette, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE

COLOURED = [(depth, dark) for depth in ("truecolor", "256") for dark in (True, False)]
ALL = [(depth, dark) for depth in ("truecolor", "256", "16", "mono") for dark in (True, False)]
ROLES = [
    "background",
    "text",
    "dim",
    "axis",
    "accent",
    "warning",
    "error",
    "good",
    "train",
    "test",
    "train_dimmed",
    "test_dimmed",
    "boundary",
    "misclassified",
    "cursor",
]


def colours(palette: Palette) -> list[int]:
    single = [getattr(palette, role) for role in ROLES]
    several = [*palette.lanes, *palette.lanes_dimmed, *palette.classes]
    arrays = [palette.regions, palette.heat, palette.heat_ink]
    return [*single, *several, *(int(v) for array in arrays for v in array.ravel())]


@pytest.mark.parametrize(("depth", "dark"), ALL)
def test_every_colour_belongs_to_its_depth(depth, dark):
    allowed = {
        "truecolor": lambda c: RGB <= c < 2 * RGB,
        "256": lambda c: 16 <= c < 256,
        "16": lambda c: -1 <= c < 16,
        "mono": lambda c: c == -1,
    }[depth]
    assert all(allowed(colour) for colour in colours(palette_for(depth, dark)))


@pytest.mark.parametrize(("depth", "dark"), ALL)
def test_there_are_enough_colours_and_the_palette_is_one_object(depth, dark):
    palette = palette_for(depth, dark)
    assert palette is palette_for(depth, dark)
    assert len(palette.lanes) >= 8
    assert len(palette.lanes) == len(palette.lanes_dimmed)
    assert len(palette.classes) >= 10
    assert len(palette.regions) >= 10


@pytest.mark.parametrize(("depth", "dark"), COLOURED)
def test_text_can_be_read(depth, dark):
    palette = palette_for(depth, dark)
    back = palette.background
    for role, least in (("text", 7), ("dim", 4), ("accent", 4.5), ("warning", 4.4), ("error", 4.5)):
        assert contrast(getattr(palette, role), back) >= least, role
    for colour in (*palette.lanes, palette.train, palette.test):
        assert contrast(colour, back) >= 3
    for cell, ink in zip(palette.heat, palette.heat_ink, strict=True):
        assert contrast(int(cell), int(ink)) >= 4.5


@pytest.mark.parametrize(("depth", "dark"), COLOURED)
def test_every_glyph_can_be_read_on_every_region(depth, dark):
    palette = palette_for(depth, dark)
    glyphs = {*palette.classes, palette.misclassified, palette.boundary, palette.cursor}
    for region in palette.regions.ravel():
        for glyph in glyphs:
            assert contrast(glyph, int(region)) >= 3, (glyph, int(region))


@pytest.mark.parametrize(("depth", "dark"), COLOURED)
def test_lanes_and_regions_differ(depth, dark):
    palette = palette_for(depth, dark)
    assert len(set(palette.lanes)) == len(palette.lanes)
    assert len({int(c) for c in palette.regions[:, -1]}) == len(palette.regions)


@pytest.mark.parametrize(("depth", "dark"), COLOURED)
def test_a_region_fades_towards_the_boundary(depth, dark):
    palette = palette_for(depth, dark)
    weak, strong = (int(c) for c in palette.region([0, 0], [0.0, 1.0]))
    extreme = RGB | (0x000000 if dark else 0xFFFFFF)
    assert contrast(weak, extreme) < contrast(strong, extreme)
    assert palette.region([0, 1, 10], [1.0] * 3)[0] == palette.region(10, 1.0)


def test_xterm_numbers_are_shown_as_xterm_shows_them():
    assert rgb(233) == (0x12, 0x12, 0x12)
    assert rgb(254) == (0xE4, 0xE4, 0xE4)
    assert rgb(75) == (0x5F, 0xAF, 0xFF)
    assert rgb(RGB | 0x123456) == (0x12, 0x34, 0x56)
    assert contrast(RGB, RGB | 0xFFFFFF) == pytest.approx(21)


def test_shares_outside_and_nan_are_clipped():
    palette = palette_for("256", True)
    colour, _ = palette.confusion(np.array([-1.0, 0.0, np.nan, 1.0, 2.0]))
    assert colour.tolist() == [53, 53, 53, 226, 226]


def test_plain_symbols_are_ascii_and_glyphs_differ():
    assert all(
        text.isascii()
        for value in vars(ASCII).values()
        for text in (value if isinstance(value, tuple) else [value])
        if isinstance(text, str)
    )
    for symbols in (ASCII, UNICODE):
        signs = [*symbols.points, *symbols.wrong_points, symbols.wrong]
        assert len(set(signs)) == len(signs)
