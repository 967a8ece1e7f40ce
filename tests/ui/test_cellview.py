"""Rows kept from an earlier frame equal rows that are made anew."""

from __future__ import annotations

from unittest.mock import PropertyMock, patch

import numpy as np
import pytest
from rich.segment import Segment
from textual.geometry import Region, Size

from tui_gd.plots.cells import Cells
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import UNICODE
from tui_gd.ui.panels.lines import Lines
from tui_gd.ui.panels.widget import CellView, LinesWidget, _style


def read(view: CellView, width: int, rows: int) -> list[list[tuple[str, int, int]]]:
    """Every row as (character, foreground's number, background's), cell by cell."""
    found = []
    for strip in view.render_lines(Region(0, 0, width, rows)):
        row = []
        for segment in strip:
            assert isinstance(segment, Segment)
            assert segment.style
            assert segment.style.color
            assert segment.style.bgcolor
            colours = segment.style.color.number or 0, segment.style.bgcolor.number or 0
            row += [(character, *colours) for character in segment.text]
        found.append(row)
    return found


def expected(cells: Cells) -> list[list[tuple[str, int, int]]]:
    """The same from the cells, one by one."""
    rows, columns = cells.shape
    return [
        [
            (chr(cells.code[row, at]), int(cells.fg[row, at]), int(cells.bg[row, at]))
            for at in range(columns)
            if cells.code[row, at]
        ]
        for row in range(rows)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_shown_is_what_was_drawn_last(seed: int) -> None:
    random = np.random.default_rng(seed)
    view = CellView()
    cells = Cells.blank(6, 20, Style(palette_for("256", True), UNICODE))
    with (
        patch.object(CellView, "size", new_callable=PropertyMock, return_value=Size(20, 6)),
        patch.object(CellView, "refresh"),
    ):
        for _ in range(30):
            cells = cells.copy()
            for text in random.choice(["a", "loss", "漢字", " ", "▀▄"], 2):
                row, column = int(random.integers(0, 6)), int(random.integers(0, 17))
                colours = random.integers(1, 255, 2).tolist()
                cells.put(row, column, str(text), *colours)
            cells.fg[cells.fg < 0] = 7
            cells.bg[cells.bg < 0] = 1
            view.show(cells)
            assert read(view, 20, 6) == expected(cells)


def test_a_new_width_replaces_every_row() -> None:
    view = CellView()
    cells = Cells.blank(2, 10, Style(palette_for("256", True), UNICODE))
    cells.put(0, 0, "0123456789", 7, 1)
    with patch.object(CellView, "refresh"):
        for width in (10, 14, 10):
            size = Size(width, 2)
            with patch.object(CellView, "size", new_callable=PropertyMock, return_value=size):
                view.show(cells)
                first = view.render_lines(Region(0, 0, width, 2))[0]
                assert first.cell_length == width
                assert first.text == "0123456789".ljust(width)
    assert _style(-1, -1).color is not None


def test_lines_are_drawn_again_when_what_they_are_about_has_changed_and_only_then() -> None:
    drawn: list[tuple[str, int]] = []

    def draw(text: str, columns: int) -> Lines:
        drawn.append((text, columns))
        cells = Cells.blank(1, columns, Style(palette_for("256", True), UNICODE))
        cells.put(0, 0, text, 3)
        return Lines(cells, ((0, 0, len(text), text),))

    def other(text: str, columns: int) -> Lines:
        return draw(text.upper(), columns)

    widget = LinesWidget("tabs")
    with (
        patch.object(CellView, "size", new_callable=PropertyMock, return_value=Size(20, 1)),
        patch.object(CellView, "refresh"),
    ):
        wanted = [(draw, "one", 20), (draw, "two", 20), (draw, "two", 12), (other, "two", 12)]
        for shown, text, columns in wanted:
            for _ in range(3):
                widget.show_lines(shown, text, columns)
                said = text.upper() if shown is other else text
                assert widget.cells
                assert widget.cells.text() == [said.ljust(columns)]
                assert widget._places == ((0, 0, 3, said),)
    assert drawn == [("one", 20), ("two", 20), ("two", 12), ("TWO", 12)]
