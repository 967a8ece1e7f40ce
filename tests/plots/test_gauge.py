"""The gauge: on which side of the limit α stands must be read without colours."""

import math
from itertools import pairwise

import pytest

from tui_gd.plots.gauge import draw_gauge
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE

SYMBOLS = {"unicode": UNICODE, "ascii": ASCII}
DEPTHS = ("truecolor", "256", "16", "mono")
BAR = 61


def draw(columns, rate, limit=1.0, *, symbols=UNICODE, depth="truecolor", dark=True):
    return draw_gauge(columns, rate, limit, Style(palette_for(depth, dark), symbols))


def bar(rate, limit=1.0, columns=BAR, symbols=UNICODE):
    return draw(columns, rate, limit, symbols=symbols).text()[0]


@pytest.mark.parametrize(
    ("rate", "place"), [(0.01, 0), (0.1, 20), (1.0, 40), (10.0, 60), (0.316, 30), (3.16, 50)]
)
def test_decades_are_equally_long_and_alpha_is_read_off_the_axis(rate, place):
    # three decades, from 100 times below the limit to 10 times above it
    assert abs(bar(rate).index("●") - place) <= 1
    assert abs(bar(rate, symbols=ASCII).index("@") - place) <= 1


def test_below_the_limit_is_a_line_and_above_it_is_hatched():
    assert bar(0.01) == "●" + "─" * 33 + "┆" + "─" * 5 + "│" + "▒" * 20
    assert bar(0.01, symbols=ASCII) == "@" + "-" * 33 + ":" + "-" * 5 + "|" + "#" * 20


def test_half_of_the_limit_is_marked():
    # log10(0.5 / 0.01) of three decades
    assert bar(0.02).index("┆") == int(math.log10(50) / 3 * BAR)


@pytest.mark.parametrize("columns", [3, 5, 9, 20, 40, 58, 100])
def test_next_to_the_limit_alpha_is_still_on_its_own_side(columns):
    for rate in (0.3, 0.99, 1 - 1e-12):
        text = bar(rate, columns=columns)
        assert text.index("●") < text.index("│")
    for rate in (1 + 1e-12, 1.01, 3.0):
        text = bar(rate, columns=columns)
        assert text.index("●") > text.index("│")
    assert "│" not in bar(1.0, columns=columns)


@pytest.mark.parametrize("rate", [1e-300, 1e-9, 0.0, -5.0, -math.inf])
def test_far_below_stands_at_the_left_end(rate):
    assert bar(rate).startswith(("<─", "<┆"))
    assert "●" not in bar(rate)


@pytest.mark.parametrize("rate", [1e8, 1e300, math.inf])
def test_far_above_stands_at_the_right_end(rate):
    assert bar(rate).endswith("▒>")
    assert "●" not in bar(rate)


@pytest.mark.parametrize("limit", [None, math.nan, math.inf, 0.0])
def test_without_a_limit_there_is_an_axis_without_marks(limit):
    assert set(bar(0.3, limit)) == {"─", "●"}
    assert "0.01" not in draw(BAR, 0.3, limit).text()[0]


@pytest.mark.parametrize(
    ("rate", "limit", "names"),
    [
        (0.01, 3.06, ["0.01", "0.1", "1", "3.06", "10", "100"]),
        (0.2, 1.0, ["0.01", "0.1", "1", "10"]),
        (1e-7, 0.5, ["1e-7", "1e-6", "1e-5", "1e-4", "0.001", "0.01", "0.1", "0.5", "10"]),
    ],
)
def test_the_second_row_has_the_limit_and_the_decades_that_have_room(rate, limit, names):
    assert draw(BAR, rate, limit).text()[1].split() == names


@pytest.mark.parametrize("columns", [1, 5, 12, 30])
def test_where_it_is_narrow_the_limit_comes_first(columns):
    words = draw(columns, 0.01, 3.06).text()[1].split()
    assert ("3.06" in words) == (columns >= 4)


def test_a_number_stands_under_its_place():
    cells = draw(BAR, 0.02, 3.06)
    place = cells.text()[0].index("│")
    begin = cells.text()[1].index("3.06")
    assert begin <= place < begin + 4


@pytest.mark.parametrize("symbols", SYMBOLS.values(), ids=SYMBOLS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_size_and_number_is_drawn_in_the_terminals_characters(symbols, depth):
    rates = (math.nan, -1.0, 0.0, 5e-324, 0.5, 1.0, 2.0, 1e300, math.inf, -math.inf)
    for columns in (0, 1, 2, 3, 8, 9, 26, 27, 200):
        for rate in rates:
            for limit in (None, 1.0, 1e-300, 1e300, 5e-324, math.inf, -1.0):
                cells = draw(columns, rate, limit, symbols=symbols, depth=depth)
                assert cells.shape == (2, columns)
                if symbols.plain:
                    assert all(text.isascii() for text in cells.text())


def test_a_larger_alpha_never_stands_further_left():
    rates = (0.011, 0.02, 0.2, 0.9, 0.9999, 1.0, 1.0001, 1.2, 5.0, 9.0)
    places = [bar(rate).index("●") for rate in rates]
    assert all(one <= other for one, other in pairwise(places))


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("depth", ["truecolor", "256", "16"])
def test_colours_repeat_what_the_signs_say(depth, dark):
    palette = palette_for(depth, dark)
    cells = draw(BAR, 0.01, depth=depth, dark=dark)
    assert set(cells.fg[0, 1:40].tolist()) == {palette.good}
    assert set(cells.fg[0, 41:].tolist()) == {palette.error}
    assert palette.good != palette.error
