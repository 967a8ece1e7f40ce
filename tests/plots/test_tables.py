import numpy as np
import pytest

from tui_gd.plots.confusion import abbreviated, confusion_size, draw_confusion
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.plots.table import Table, draw_table, visible_offset

PALETTE = palette_for("256", True)
MATRIX = np.array([[230, 20], [3, 12047]])


def confusion(rows, columns, matrix=MATRIX, names=("cat", "dog"), symbols=UNICODE, depth="256"):
    palette = palette_for(depth, True)
    return draw_confusion(rows, columns, matrix, names, Style(palette, symbols))


@pytest.mark.parametrize(("symbols", "depth"), [(UNICODE, "256"), (ASCII, "16"), (ASCII, "mono")])
def test_rows_are_true_and_columns_predicted(symbols, depth):
    text = confusion(*confusion_size(2), symbols=symbols, depth=depth).text()
    assert text[0].startswith("confusion (rows: true, columns: predicted)")
    assert text[1].split() == ["cat", "dog"]
    lines = [line.split() for line in text[2:] if line.strip()]
    assert lines == [["cat", "230", "20"], ["dog", "3", "12047"]]


def test_a_cell_has_the_colour_of_its_share_of_the_row():
    cells = confusion(*confusion_size(2))
    columns = {text: "".join(map(chr, cells.code[3])).index(text) for text in ("230", "20 ")}
    for text, share in (("230", 0.92), ("20 ", 0.08)):
        back, ink = PALETTE.confusion(share)
        assert cells.bg[3, columns[text]] == back
        assert cells.fg[3, columns[text]] == ink


def test_numbers_are_abbreviated_where_it_is_narrow():
    text = "\n".join(confusion(6, 14).text())
    assert "12k" in text
    assert abbreviated(12_345, 5) == "12345"
    assert abbreviated(12_345, 4) == "12k"
    assert abbreviated(1_234, 4) == "1234"
    assert abbreviated(1_234, 3) == "1k"
    assert abbreviated(3_400_000, 3) == "3M"


def test_classes_that_do_not_fit_are_told():
    names = [f"digit {k}" for k in range(20)]
    text = confusion(8, 30, np.ones((20, 20), int), names).text()
    assert text[-1].startswith("first ")
    assert "of 20 classes" in text[-1]
    assert "…it 0" in text[1] or "… 0" in text[1]


def test_no_size_raises():
    for classes in (1, 2, 12):
        matrix = np.full((classes, classes), 123)
        for rows in (1, 2, 3, 4, 6, 30, 100):
            for columns in (1, 2, 5, 12, 60, 300):
                cells = confusion(rows, columns, matrix, [f"class {k}" for k in range(classes)])
                assert cells.shape == (rows, columns)
    assert confusion(9, 30, np.zeros((2, 2), int)).shape == (9, 30)


def test_names_and_matrix_belong_together():
    with pytest.raises(ValueError, match="names"):
        confusion(9, 30, names=("a",))


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
    assert lines[-1].startswith("▸ class 9")
    assert table(8, selected=9).fg[-1, 3] == PALETTE.accent


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
