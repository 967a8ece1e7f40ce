"""The gauge: which side of the limit a value stands on must be read without colours."""

import math
from itertools import pairwise

import pytest

from tui_gd.plots.gauge import draw_gauge, gauge_label
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE

SYMBOLS = {"unicode": UNICODE, "ascii": ASCII}
DEPTHS = ("truecolor", "256", "16", "mono")
BAR = 41


def draw(columns, ratio, *, symbols=UNICODE, depth="truecolor", dark=True, **more):
    return draw_gauge(columns, ratio, style=Style(palette_for(depth, dark), symbols), **more)


def line(columns, ratio, **more):
    return draw(columns, ratio, **more).text()[0]


def bar(ratio, symbols=UNICODE):
    """The bar alone, 41 cells: 20 on each side of the limit, 10 a decade."""
    return line(BAR + 17, ratio, symbols=symbols).split(" ")[0]


@pytest.mark.parametrize(
    ("ratio", "place"), [(0.01, 0), (0.1, 10), (1.0, 20), (10.0, 30), (100.0, 40), (0.5, 17)]
)
def test_decades_are_equally_long_and_the_limit_is_in_the_middle(ratio, place):
    assert len(bar(ratio)) == BAR
    assert bar(ratio).index("●") == place
    assert bar(ratio, ASCII).index("@") == place


def test_below_is_a_line_and_above_are_signs_of_warning():
    assert bar(0.1) == "─" * 10 + "●" + "─" * 9 + "│" + "!" * 20
    assert bar(10.0) == "─" * 20 + "│" + "!" * 9 + "●" + "!" * 10
    assert bar(0.1, ASCII) == "-" * 10 + "@" + "-" * 9 + "|" + "!" * 20


@pytest.mark.parametrize("columns", [3, 5, 9, 20, 40, 58, 100])
def test_next_to_the_limit_a_value_is_still_on_its_own_side(columns):
    for ratio in (0.3, 0.99, 1 - 1e-12):
        text = line(columns, ratio)
        assert text.index("●") < text.index("│")
    for ratio in (1 + 1e-12, 1.01, 3.0):
        text = line(columns, ratio)
        assert text.index("●") > text.index("│")
    assert "│" not in line(columns, 1.0)


@pytest.mark.parametrize("ratio", [1e-300, 0.009, 0.0, -5.0, -math.inf])
def test_far_below_stands_at_the_left_end(ratio):
    assert bar(ratio).startswith("<─")
    assert "●" not in bar(ratio)


@pytest.mark.parametrize("ratio", [101.0, 1e300, math.inf])
def test_far_above_stands_at_the_right_end(ratio):
    assert bar(ratio).endswith("!>")
    assert "●" not in bar(ratio)


@pytest.mark.parametrize("ratio", [None, math.nan])
def test_without_a_limit_there_are_no_marks(ratio):
    assert line(60, ratio).split() == ["─" * 43, "no", "limit"]
    assert set(line(12, ratio)) <= {"─", " "}
    assert line(1, ratio) == " "


def test_a_single_cell_tells_the_side():
    assert [line(1, ratio) for ratio in (0.5, 1.0, 2.0)] == ["─", "│", "!"]


@pytest.mark.parametrize("name", SYMBOLS)
def test_the_numbers_stand_behind_the_bar_where_there_is_room(name):
    symbols = SYMBOLS[name]
    assert "0.35 x limit 0.0286" in line(60, 0.34999, limit=0.0286, symbols=symbols)
    assert "0.35 x limit " in line(30, 0.34999, limit=0.0286, symbols=symbols)
    assert "0.0286" not in line(30, 0.34999, limit=0.0286, symbols=symbols)
    assert "limit" not in line(20, 0.34999, limit=0.0286, symbols=symbols)


def test_labels_are_short_whatever_the_numbers():
    assert gauge_label(1234.56, 1e-12) == "1230 x limit 1e-12"
    assert gauge_label(math.inf, -math.inf) == "inf x limit -inf"
    assert gauge_label(0.0) == "0 x limit"
    assert gauge_label(None, 0.1) == "no limit"


def test_the_bar_keeps_its_length_while_numbers_change():
    ratios = (1e-9, 1.23e-7, 0.35, 1.0, 12.3, 1.23e9)
    assert len({len(line(60, ratio, limit=ratio).split(" ")[0]) for ratio in ratios}) == 1


@pytest.mark.parametrize(
    ("columns", "names"),
    [(58, ["0.01", "0.1", "1", "10", "100"]), (12, ["0.01", "1", "100"]), (5, ["1"]), (1, ["1"])],
)
def test_the_second_row_names_the_decades_that_have_room(columns, names):
    cells = draw(columns, 0.2, rows=2)
    assert cells.text()[1].split() == names
    if columns == 58:
        under = cells.text()[1]
        assert under[20] == "1"
        assert under[29:31] == "10"


@pytest.mark.parametrize("symbols", SYMBOLS.values(), ids=SYMBOLS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_size_and_number_is_drawn_in_the_terminals_characters(symbols, depth):
    ratios = (None, math.nan, -1.0, 0.0, 5e-324, 0.5, 1.0, 2.0, 1e300, math.inf, -math.inf)
    for rows in (0, 1, 2, 5):
        for columns in (0, 1, 2, 3, 8, 9, 26, 27, 200):
            for ratio in ratios:
                cells = draw(columns, ratio, symbols=symbols, depth=depth, rows=rows, limit=1e-300)
                assert cells.shape == (min(rows, 2), columns)
                if symbols.plain:
                    assert all(text.isascii() for text in cells.text())


def test_a_larger_value_never_stands_further_left():
    ratios = (0.011, 0.02, 0.2, 0.9, 0.9999, 1.0, 1.0001, 1.2, 5.0, 50.0, 99.0)
    places = [bar(ratio).index("●") for ratio in ratios]
    assert all(one <= other for one, other in pairwise(places))


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("depth", ["truecolor", "256", "16"])
def test_colours_repeat_what_the_signs_say(depth, dark):
    palette = palette_for(depth, dark)
    cells = draw(58, 10.0, depth=depth, dark=dark)
    assert (cells.fg[0, :20] == palette.good).all()
    assert (cells.fg[0, 21:41] == palette.error).all()
    assert palette.good != palette.error
