"""The picture of a regression: where a person must see points and line."""

import numpy as np
import pytest

from tests.plots.reading import unpack
from tui_gd.plots.axes import Axes, Canvas, Heading
from tui_gd.plots.decision import FittedLine, draw_fit
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE

LIMITS = (0.0, 10.0, 0.0, 10.0)


def draw(points, line, *, rows=22, columns=60, symbols=UNICODE, depth="truecolor", **more):
    return draw_fit(
        Canvas(rows, columns, Style(palette_for(depth, True), symbols), Heading("data")),
        np.asarray(points, float).reshape(-1, 2),
        FittedLine(np.asarray(line, float).reshape(-1, 2), "fit"),
        Axes.of(LIMITS, "x1", "y"),
        **more,
    )


def test_the_diagonal_goes_from_corner_to_corner_without_gaps() -> None:
    cells = draw([], [(0, 0), (10, 10)])
    dots = unpack(cells.code)
    rows, columns = np.nonzero(dots)
    assert columns[np.argmin(rows)] > columns[np.argmax(rows)]  # up to the right
    used = np.unique(columns)
    assert (np.diff(used) == 1).all()
    middle = np.argmin(np.abs(columns - (used[0] + used[-1]) / 2))
    assert abs(rows[middle] - (rows.min() + rows.max()) / 2) <= 2


def test_points_are_seen_and_the_legend_tells_what_is_what() -> None:
    cells = draw([(2, 8), (8, 8)], [(0, 1), (10, 1)])
    text = "\n".join(cells.text())
    assert text.count("●") == 2 + 1  # and the sample in the legend
    assert "2 points" in text
    assert "fit" in text
    assert "x1" in text


def test_the_cursor_brackets_its_point_in_plain_characters_too() -> None:
    cells = draw([(5, 5)], [(0, 1), (10, 1)], symbols=ASCII, depth="mono", cursor=(5, 5))
    text = "\n".join(cells.text())
    assert "[o]" in text
    assert text.isascii()


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (12, 8), (100, 300)])
def test_every_size_and_wild_numbers_are_drawn(size: tuple[int, int]) -> None:
    line = [(0, np.nan), (3, 4), (5, np.inf), (7, -1e300), (10, 3)]
    cells = draw([(1, 1), (np.nan, 2), (1e300, 3)], line, rows=size[0], columns=size[1])
    assert cells.shape == size
