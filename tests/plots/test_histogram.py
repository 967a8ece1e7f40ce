"""Histograms: bars as high as there are values, read from the cells."""

import numpy as np
import pytest

from tui_gd.plots.axes import Axes, Canvas, Heading, geometry
from tui_gd.plots.histogram import (
    Stack,
    bars_across,
    bin_of,
    draw_histogram,
    draw_tally,
    loss_scales,
    tallest,
)
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.scale import Scale
from tui_gd.plots.symbols import ASCII, UNICODE

DEPTHS = ("truecolor", "256", "16", "mono")
STYLE = Style(palette_for("256", True), UNICODE)
RNG = np.random.default_rng(5)


def bars(scale, most=1):
    return Axes(scale, Scale(0.0, most))


def stacks(*values, style=STYLE):
    return [
        Stack(
            f"kind {index}",
            np.array(one, float),
            style.symbols.point(index),
            style.palette.lanes[index],
        )
        for index, one in enumerate(values)
    ]


def signs_of(cells, sign: str) -> int:
    """The cells with a sign, less the one in the legend."""
    return sum(row.count(sign) for row in cells.text()[1:])


def test_bins_are_numpys() -> None:
    values = 10.0 ** RNG.uniform(-3, 3, 500)
    counted = np.bincount(bin_of(values, Scale(1e-3, 1e3, log=True), 24), minlength=24)
    assert counted.tolist() == np.histogram(np.log10(values), 24, (-3.0, 3.0))[0].tolist()


def test_what_lies_beyond_is_in_the_outermost_bins() -> None:
    values = np.array([0.0, 1e-9, 1e9, np.inf, np.nan])
    found = bin_of(values, Scale(1e-3, 1e3, log=True), 10)
    assert found.tolist() == [0, 0, 9, 9, 9]


def test_the_same_share_of_the_reference_is_at_the_same_place() -> None:
    shares = 10.0 ** RNG.uniform(-5, 0.5, 200)
    one, other = loss_scales([(shares * 125.0, 125.0), (shares * 0.693, 0.693)])
    assert one.log
    assert bin_of(shares * 125.0, one, 40).tolist() == bin_of(shares * 0.693, other, 40).tolist()
    assert (one.low / 125.0, one.high / 125.0) == pytest.approx(
        (other.low / 0.693, other.high / 0.693)
    )


@pytest.mark.parametrize(
    "values", [[-1.0, 5.0], [], [np.nan, np.inf], [0.0, 0.0], [1e-300, 1e300], [-1e300, 1e300]]
)
@pytest.mark.parametrize("reference", [1.0, 0.0, -3.0, np.nan, 1e-200, 1e250])
def test_an_axis_for_whatever_numbers(values, reference) -> None:
    (scale,) = loss_scales([(np.array(values), reference)])
    assert scale.low < scale.high
    drawn = draw_histogram(Canvas(12, 50, STYLE, Heading("t")), stacks(values), bars(scale))
    assert drawn.shape == (12, 50)


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_without_colours_a_bar_has_a_sign_for_every_share(symbols) -> None:
    # ten rows of plotting area for 20 values: a sign stands for two of them
    palette = palette_for("mono", True)
    parts = stacks([1.0] * 12, [1.0] * 8, [9.0] * 4, style=Style(palette, symbols))
    cells = draw_histogram(
        Canvas(13, 40, Style(palette, symbols), Heading()), parts, bars(Scale(0.0, 10.0), 20)
    )
    assert [signs_of(cells, part.sign) for part in parts] == [6, 4, 2]
    column = [row.find(parts[0].sign) for row in cells.text()[1:]]
    assert len({at for at in column if at >= 0}) == 1
    lowest = max(i for i, row in enumerate(cells.text()) if parts[0].sign in row)
    highest = min(i for i, row in enumerate(cells.text()[1:], 1) if parts[1].sign in row)
    assert highest < lowest


@pytest.mark.parametrize("depth", ["truecolor", "256"])
def test_with_colours_bars_are_as_high_to_an_eighth(depth) -> None:
    palette = palette_for(depth, True)
    for count in (3, 20, 57, 100):
        parts = stacks([5.0] * count, style=Style(palette, UNICODE))
        cells = draw_histogram(
            Canvas(15, 40, Style(palette, UNICODE), Heading()), parts, bars(Scale(0.0, 10.0), 100)
        )
        eighths = 0
        for row in cells.text()[1:]:
            for sign in row:
                eighths += "▁▂▃▄▅▆▇█".find(sign) + 1
                eighths += 8 * (sign == "●")
        # a bar lower than a cell is its sign
        assert abs(eighths - max(count / 100 * 96, 8)) <= 1
        assert signs_of(cells, "●") == 1


def test_colours_of_a_stacked_bar_are_those_of_its_parts() -> None:
    palette = palette_for("256", True)
    parts = stacks([5.0] * 50, [5.0] * 50, style=Style(palette, UNICODE))
    cells = draw_histogram(
        Canvas(15, 40, Style(palette, UNICODE), Heading()), parts, bars(Scale(0.0, 10.0), 100)
    )
    blocks = [
        fg
        for code, fg in zip(cells.code.ravel().tolist(), cells.fg.ravel().tolist(), strict=True)
        if chr(code) == "█"
    ]
    assert blocks == [parts[1].colour] * 5 + [parts[0].colour] * 5
    assert signs_of(cells, "●") == signs_of(cells, "▲") == 1


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_every_part_is_seen_however_small(depth, symbols) -> None:
    palette = palette_for(depth, True)
    parts = stacks([1.0] * 5000, [1.0], [9.0], style=Style(palette, symbols))
    cells = draw_histogram(
        Canvas(9, 60, Style(palette, symbols), Heading()), parts, bars(Scale(0.0, 10.0))
    )
    assert signs_of(cells, parts[2].sign) == 1
    used = set(cells.fg.ravel().tolist()) | set(cells.bg.ravel().tolist())
    assert parts[1].colour in used
    legend = cells.text()[0]
    for part, count in zip(parts, (5000, 1, 1), strict=True):
        assert f"{part.sign} {count} {part.label}" in legend


def test_the_line_of_the_cursor_stands_at_its_value() -> None:
    palette = palette_for("256", True)
    found = []
    for value in (0.0, 5.0, 10.0, np.inf):
        cells = draw_histogram(
            Canvas(12, 40, Style(palette, UNICODE), Heading()),
            stacks([5.0]),
            bars(Scale(0.0, 10.0), 20),
            value,
        )
        line = (cells.code == ord("│")) & (cells.fg == palette.cursor)
        (column,) = set(np.nonzero(line)[1].tolist())
        assert line[:, column].sum() >= 7
        found.append(column)
    place = geometry(12, 40, Axes(Scale(0.0, 10.0), Scale(0.0, 20.0)))
    first, last = place.left, place.left + place.columns - 1
    assert found == [first, first + place.columns // 2, last, last]


def test_two_histograms_are_compared_on_one_axis_of_numbers() -> None:
    palette = palette_for("256", True)
    scale = Scale(0.0, 10.0)
    few, many = stacks([5.0] * 10), stacks([5.0] * 200)
    assert (tallest(40, few, scale), tallest(40, many, scale)) == (10, 200)
    alike = [
        draw_histogram(
            Canvas(14, 40, Style(palette, UNICODE), Heading()), one, bars(scale, 200)
        ).text()
        for one in (few, many)
    ]
    assert [row[:4] for row in alike[0]] == [row[:4] for row in alike[1]]
    assert "".join(alike[1]).count("█") > 8 > "".join(alike[0]).count("█")


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("depth", DEPTHS)
def test_any_size_any_numbers(symbols, depth) -> None:
    palette = palette_for(depth, False)
    values = [1.0, np.nan, np.inf, -np.inf, 1e308, -1e308, 0.0, 5e-324]
    for rows in (0, 1, 2, 3, 5, 9, 30):
        for columns in (0, 1, 2, 4, 15, 17, 60, 199):
            parts = stacks(values, [], [1.0], style=Style(palette, symbols))
            canvas = Canvas(rows, columns, Style(palette, symbols), Heading("変な名前\x1b[2J"))
            for scale in (Scale(0.0, 1.0), Scale(1e-300, 1e300, log=True)):
                one = draw_histogram(canvas, parts, bars(scale), np.nan)
                assert one.shape == (rows, columns)
                other = draw_tally(canvas, parts)
                assert other.shape == (rows, columns)
                for cells in (one, other):
                    assert not symbols.plain or all(row.isascii() for row in cells.text())
                    assert "\x1b" not in "".join(cells.text())


def test_bars_fill_the_width() -> None:
    for columns in range(1, 200):
        count, wide = bars_across(columns)
        assert columns - wide < count * wide <= columns


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_a_tally_says_label_and_number_with_a_bar(symbols) -> None:
    palette = palette_for("mono", True)
    parts = stacks([0.0] * 40, [0.0] * 10, [0.0], [], style=Style(palette, symbols))
    rows = draw_tally(Canvas(6, 50, Style(palette, symbols), Heading("ends")), parts).text()
    assert "ends" in rows[0]
    for part, row, count in zip(parts, rows[1:], (40, 10, 1, 0), strict=False):
        assert f"{part.sign} {part.label} {count:>2}  " in row
    signs = [row[9:].count(part.sign) for part, row in zip(parts, rows[1:], strict=False)]
    assert signs[0] == pytest.approx(4 * signs[1], abs=2)
    assert signs[2:] == [1, 0]
    # where not all fit, the largest stay
    rows = draw_tally(Canvas(4, 50, Style(palette, symbols), Heading("ends")), parts).text()
    assert "kind 0" in rows[1]
    assert "kind 1" in rows[2]
