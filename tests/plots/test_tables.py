import numpy as np
import pytest

from tests.plots.reading import contrast
from tui_gd.plots.palette import Style, bold, palette_for, regular, rgb
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.plots.table import (
    Table,
    abbreviated,
    draw_confusion,
    draw_table,
    short_names,
    visible_offset,
)

PALETTE = palette_for("256", True)
MATRIX = np.array([[230, 20], [3, 12047]])


def confusion(rows, columns, matrix=MATRIX, names=("cat", "dog"), symbols=UNICODE, depth="256"):
    return draw_confusion(rows, columns, matrix, names, Style(palette_for(depth, True), symbols))


@pytest.mark.parametrize(("symbols", "depth"), [(UNICODE, "256"), (ASCII, "16"), (ASCII, "mono")])
def test_rows_are_true_and_columns_predicted(symbols, depth):
    text = confusion(5, 70, symbols=symbols, depth=depth).text()
    assert text[0].split() == ["predicted"]
    assert text[1].split() == ["true", "cat", "dog"]
    assert text[2].split() == ["cat", "230", "20", "20", "taken", "for", "dog"]
    assert text[3].split() == ["dog", "3", "12047", "3", "taken", "for", "cat"]


def test_a_number_stands_below_its_head():
    text = confusion(5, 70).text()
    assert text[1].index("cat") + 3 == text[2].index("230") + 3 == text[3].index(" 3 ") + 2
    assert text[1].index("dog") + 3 == text[2].index(" 20 ") + 3 == text[3].index("12047") + 5


@pytest.mark.parametrize("depth", ["truecolor", "256"])
def test_right_is_green_and_wrong_is_red_by_its_share_of_the_row(depth):
    palette = palette_for(depth, True)
    cells = confusion(5, 70, depth=depth)
    right, wrong = cells.text()[2].index("230"), cells.text()[2].index(" 20 ") + 1
    assert cells.bg[2, right] == palette.hit(True, 230 / 250)
    assert cells.bg[2, wrong] == palette.hit(False, 20 / 250)
    assert contrast(int(cells.bg[2, right]), palette.background) > contrast(
        int(cells.bg[2, wrong]), palette.background
    )
    red, green, _ = rgb(int(palette.hits[1, -1]))
    assert green > red
    red, green, _ = rgb(int(palette.hits[0, -1]))
    assert red > green


def test_where_no_area_is_filled_the_numbers_have_the_colours():
    palette = palette_for("16", True)
    cells = confusion(5, 70, depth="16")
    assert set(cells.bg.ravel().tolist()) == {palette.background}
    text = cells.text()[2]
    assert regular(int(cells.fg[2, text.index("230")])) == palette.good
    assert regular(int(cells.fg[2, text.index(" 20 ") + 1])) == palette.error


def test_nothing_is_faint():
    cells = confusion(4, 60, np.array([[5, 0], [0, 5]]))
    at = cells.text()[2].index(" 0 ") + 1
    assert cells.fg[2, at] == PALETTE.faint
    assert cells.bg[2, at] == PALETTE.background


def test_names_have_the_colours_of_their_classes():
    cells = confusion(5, 70)
    assert cells.fg[1, cells.text()[1].index("dog")] == PALETTE.classes[1]
    assert cells.fg[2, 0] == PALETTE.classes[0]


def test_a_remark_says_what_happens_to_a_class():
    text = confusion(6, 70, np.array([[9, 0, 0], [4, 0, 0], [0, 0, 0]]), ("a", "b", "c")).text()
    assert text[2].endswith("all right".ljust(len(text[2]) - text[2].index("all right")))
    assert "all taken for a" in text[3]
    assert "no rows" in text[4]


def test_numbers_are_abbreviated_where_it_is_narrow():
    text = "\n".join(confusion(6, 14).text())
    assert "12k" in text
    assert abbreviated(12_345, 5) == "12345"
    assert abbreviated(12_345, 4) == "12k"
    assert abbreviated(1_234, 4) == "1234"
    assert abbreviated(1_234, 3) == "1k"
    assert abbreviated(3_400_000, 3) == "3M"


def test_classes_that_do_not_fit_are_counted():
    names = [f"digit {k}" for k in range(20)]
    text = confusion(8, 30, np.ones((20, 20), int), names).text()
    assert text[-1].startswith("the first ")
    assert "of 20 classes" in text[-1]


@pytest.mark.parametrize(
    ("names", "columns", "expected"),
    [
        ([f"class {k}" for k in range(3)], 7, ["class 0", "class 1", "class 2"]),
        ([f"class {k}" for k in range(12)], 4, [str(k) for k in range(12)]),
        (["setosa", "versicolor", "virginica"], 4, ["set…", "ver…", "vir…"]),
        (["a lake", "a lane"], 3, ["…ke", "…ne"]),
        (["abcdef1xyz", "abcdef2xyz"], 3, ["1", "2"]),
    ],
)
def test_heads_are_short_and_differ(names, columns, expected):
    assert short_names(names, columns, plain=False) == expected


@pytest.mark.parametrize(("classes", "columns"), [(10, 70), (30, 160)])
def test_no_two_heads_of_many_classes_are_alike(classes, columns):
    names = [f"class {k}" for k in range(classes)]
    heads = confusion(40, columns, np.ones((classes, classes), int), names).text()[1].split()[1:]
    assert heads == [str(k) for k in range(classes)]


def test_no_size_raises():
    for classes in (1, 2, 12):
        matrix = np.full((classes, classes), 123)
        for rows in (1, 2, 3, 4, 6, 30, 100):
            for columns in (1, 2, 5, 12, 60, 300):
                cells = confusion(rows, columns, matrix, [f"class {k}" for k in range(classes)])
                assert cells.shape == (rows, columns)
    assert confusion(9, 30, np.zeros((2, 2), int)).shape == (9, 30)


HEADER = ["", "precision", "support"]
BODY = [[f"class {k}", f"0.{k}", str(100 * k)] for k in range(10)]


def table(rows=8, columns=40, highlight=(), **more):
    shown = Table(HEADER, BODY, highlight=dict(highlight))
    return draw_table(rows, columns, shown, Style(PALETTE, UNICODE), **more)


def test_a_table_has_names_left_and_numbers_right():
    lines = table(12).text()
    assert lines[0].rstrip() == "         precision  support"
    assert lines[2].rstrip() == "class 1        0.1      100"


def test_the_selected_row_is_marked_and_kept_in_sight():
    lines = table(8, selected=9).text()
    assert lines[0].split() == [*HEADER[1:], "4–10/10"]
    assert table(8, 27).text()[0].split() == HEADER[1:]  # nothing is written over the header
    assert lines[-1].startswith("▸ class 9")
    assert table(8, selected=9).fg[-1, 3] == bold(PALETTE.focus)


def test_a_number_that_does_not_fit_is_left_out_whole():
    lines = table(12, 26).text()  # 7 + 2 + 9 + 2 + 7 = 27 cells would be needed
    assert lines[0].split() == ["precision"]
    assert lines[2].split() == ["class", "1", "0.1"]
    assert table(12, 27).text()[2].split() == ["class", "1", "0.1", "100"]


def test_single_cells_are_highlighted():
    cells = table(12, highlight={(1, 1): 203})
    assert set(cells.fg[2, 15:18]) == {203}
    assert cells.fg[2, 0] == PALETTE.text


def test_the_offset_stays_within_the_rows():
    assert visible_offset(10, 4, 100, None) == 6
    assert visible_offset(10, 4, -5, None) == 0
    assert visible_offset(10, 4, 0, 7) == 4
    assert visible_offset(2, 4, 1, None) == 0


def test_no_size_of_a_table_raises():
    for rows in (1, 2, 5, 50):
        for columns in (1, 3, 12, 25, 200):
            for selected in (None, 0, 9):
                cells = table(rows, columns, selected=selected)
                assert cells.shape == (rows, columns)
