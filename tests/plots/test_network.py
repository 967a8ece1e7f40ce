"""The picture of a network: which units and lines it has, against the weights it was given."""

import re
from itertools import pairwise

import numpy as np
import pytest

from tests.plots.reading import unpack
from tui_gd.plots.axes import Axes, Canvas, Heading, geometry
from tui_gd.plots.cells import BRAILLE
from tui_gd.plots.decision import UnitOutput, draw_unit
from tui_gd.plots.network import Network, draw_network, unit_at
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE

DEPTHS = ["truecolor", "256", "16", "mono"]


def draw(layers, rows=20, columns=60, *, depth="truecolor", symbols=UNICODE, outputs=None, **more):
    layers = [np.array(matrix, float) for matrix in layers]
    inputs = [f"x{number + 1}" for number in range(len(layers[0]) - 1)]
    outputs = outputs or [f"y{number + 1}" for number in range(layers[-1].shape[1])]
    palette = palette_for(depth, True)
    network = Network(layers, inputs, outputs, **more)
    return draw_network(rows, columns, network, Style(palette, symbols))


def random_net(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((a + 1, b)) for a, b in pairwise(sizes)]


def glyphs(cells, sign="●"):
    """Columns → rows in which there is a unit."""
    rows, columns = np.nonzero(cells.code == ord(sign))
    return {int(column): rows[columns == column].tolist() for column in np.unique(columns)}


def dots(cells, colour=None):
    code = cells.code if colour is None else np.where(cells.fg == colour, cells.code, 0)
    return unpack(code[:-1])  # without the legend


@pytest.mark.parametrize("sizes", [(2, 1), (2, 8, 1), (4, 6, 3), (2, 8, 8, 1)])
def test_every_layer_is_a_column_of_its_units(sizes) -> None:
    found = glyphs(draw(random_net(*sizes)))
    assert [len(found[column]) for column in sorted(found)] == list(sizes)
    for rows in found.values():
        assert np.ptp(np.diff(rows)) <= 1 if len(rows) > 2 else True


def test_names_stand_beside_their_units_and_biases_at_them() -> None:
    cells = draw([[[1.0, -2.0], [0.5, 0.1], [0.31, -7.25]]], outputs=["cat", "dog"])
    lines = cells.text()
    assert [line.split()[0] for line in lines if line.strip()[:1] == "x"] == ["x1", "x2"]
    assert any("+0.31" in line and "cat" in line for line in lines)
    assert any("−7.2" in line and "dog" in line for line in lines)


@pytest.mark.parametrize(
    ("bias", "text"),
    [(0.0, "+0"), (-1234.5, "−1.2e3"), (1e120, "+1e120"), (1e-120, "+0"), (0.00512, "+0.005"),
     (np.nan, "nan"), (np.inf, "+inf")],
)  # fmt: skip
def test_a_bias_is_short_whatever_it_is(bias, text) -> None:
    assert f"{text} " in "\n".join(draw([[[1.0], [bias]]], 9, 40).text())


def test_a_stronger_weight_is_a_thicker_line_and_a_weak_one_none() -> None:
    palette = palette_for("truecolor", True)
    counts = []
    for weight in (0.05, 0.2, 0.5, 1.0):
        # the line in question leads straight from x2 to y2; the largest weight is that of x1
        cells = draw([[[1.0, 0, 0], [0, weight, 0], [0, 0, 0], [0, 0, 0]]], 22, 60)
        mask = dots(cells, palette.classes[0])
        middle = glyphs(cells)[min(glyphs(cells))][1]
        counts.append(int(mask[4 * middle : 4 * middle + 4].sum()))
    assert counts[0] == 0
    assert 0 < counts[1] <= 0.6 * counts[2]
    assert counts[3] == 2 * counts[2]


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("depth", DEPTHS)
def test_a_negative_weight_is_told_by_gaps_or_sign_and_not_by_colour_alone(symbols, depth) -> None:
    lines = []
    for weight in (1.0, -1.0):
        cells = draw([[[weight], [0.0]]], 9, 60, symbols=symbols, depth=depth)
        row = glyphs(cells, symbols.point(0))
        line = cells.text()[next(iter(row.values()))[0]]
        lines.append(line[line.index(symbols.point(0)) + 1 : line.rindex(symbols.point(0)) - 1])
    positive, negative = lines
    assert " " not in positive.strip()
    assert " " in negative.strip()
    if symbols.plain:
        assert set(positive.strip()) == {"#"}
        assert set(negative.strip()) == {"=", " "}


@pytest.mark.parametrize("where", [(0, 0), (0, 3), (1, 2)])
def test_a_line_leads_from_its_unit_to_its_unit(where) -> None:
    matrix = np.zeros((3, 4))
    matrix[where] = 1.0
    cells = draw([matrix], 24, 60)
    found = glyphs(cells)
    left, right = (found[column] for column in sorted(found))
    rows, columns = np.nonzero(dots(cells))
    assert abs(rows[columns.argmin()] / 4 - left[where[0]]) < 1
    assert abs(rows[columns.argmax()] / 4 - right[where[1]]) < 1
    # and is straight: no dot is farther than two from the chord
    first, last = columns.argmin(), columns.argmax()
    along = (columns - columns[first]) / np.ptp(columns)
    chord = rows[first] + along * (rows[last] - rows[first])
    assert np.abs(rows - chord).max() <= 2.5


def test_the_selected_unit_is_bracketed_and_its_lines_are_bright() -> None:
    palette = palette_for("truecolor", True)
    layers = [np.ones((3, 3)), np.ones((4, 1))]
    cells = draw(layers, selected=(0, 1))
    text = "\n".join(cells.text())
    assert text.count("[●]") == 1
    assert dots(cells, palette.classes[0]).any()
    assert dots(cells, palette.classes_dimmed[0]).any()
    alone = [matrix.copy() for matrix in layers]
    alone[0][:, [0, 2]] = 0
    alone[1][[0, 2]] = 0
    own = draw(alone, selected=(0, 1))
    # the same bright dots as if there were no other lines; where lines meet, others add theirs
    assert (dots(cells, palette.classes[0]) >= dots(own, palette.classes[0])).all()
    assert not dots(own, palette.classes_dimmed[0]).any()


def test_a_layer_that_does_not_fit_shows_first_last_and_selected_and_counts_the_others() -> None:
    cells = draw(random_net(2, 40, 1), 12, 60, selected=(0, 20))
    text = "\n".join(cells.text())
    found = glyphs(cells)
    middle = found[sorted(found)[1]]
    left_out = [int(word) for word in text.replace("…", " ").split() if word.isdigit()]
    assert sum(left_out) + len(middle) == 40
    assert "[●]" in text
    assert text.count(" more") == 2
    assert draw(random_net(2, 40, 1), 12, 60, symbols=ASCII).text()[0].isascii()


def test_the_inputs_with_the_largest_weights_are_shown_if_there_are_too_many() -> None:
    matrix = np.full((65, 10), 0.01)
    matrix[[3, 17, 40], 5] = 2.0, -3.0, 1.0
    matrix[60, 4] = 9.0
    for selected, names in (((0, 5), {"x4", "x18", "x41"}), (None, {"x61"})):
        text = "\n".join(draw([matrix], 20, 80, selected=selected).text())
        shown = {word for word in text.split() if word[0] == "x"}
        assert names <= shown
        assert f"{64 - len(shown)} more" in text
        for number in range(1, 11):
            assert f" y{number}" in text


def test_where_lines_are_crowded_and_colours_missing_only_the_selected_units_are_drawn() -> None:
    layers = [np.zeros((11, 30)), np.ones((31, 30)), np.zeros((31, 2))]
    cells = draw(layers, 30, 120, depth="mono", selected=(1, 4))
    layers[1] = np.zeros((31, 30))
    layers[1][:-1, 4] = 1.0
    assert (dots(cells) == dots(draw(layers, 30, 120, depth="mono", selected=(1, 4)))).all()
    assert dots(cells).any()


def test_values_stand_below_their_units() -> None:
    layers = [[[1.0, -1.0], [0.0, 0.0]], [[1.0], [1.0], [0.0]]]
    values = [np.array([0.25]), np.array([0.76, -0.5]), np.array([0.125])]
    text = "\n".join(draw(layers, 20, 70, activations=values).text())
    for word in ("=0.25", "=0.76", "=−0.5", "=0.12"):
        assert word in text


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("sizes", [(1, 1), (2, 8, 8, 1), (64, 10), (3, 50, 50, 50, 12)])
def test_it_can_be_drawn_at_any_size_and_with_any_numbers(symbols, sizes) -> None:
    for wild in (0.0, np.nan, np.inf, -np.inf, 1e300, 1e-300):
        layers = random_net(*sizes)
        layers[0][0, 0] = wild
        layers[-1][-1, -1] = wild
        for rows in (0, 1, 2, 3, 9, 40):
            for columns in (0, 1, 2, 3, 7, 20, 120):
                cells = draw(layers, rows, columns, symbols=symbols, selected=(0, 0))
                assert cells.shape == (rows, columns)
                if symbols.plain:
                    assert (cells.code < 127).all()


def test_no_braille_in_plain_and_no_colour_in_mono() -> None:
    cells = draw(random_net(2, 5, 1), symbols=ASCII, depth="mono", selected=(0, 2))
    assert (cells.code < BRAILLE).all()
    assert set(cells.fg.ravel().tolist()) == {-1}
    assert "#+. w > 0" in cells.text()[-1]


def test_a_unit_is_found_where_it_is_drawn() -> None:
    layers = random_net(3, 5, 2)
    cells = draw(layers, 24, 70)
    found = glyphs(cells)
    network = Network(layers, ["x"] * 3, ["y"] * 2)
    for number, column in enumerate(sorted(found)):
        for unit, row in enumerate(found[column]):
            hit = unit_at(24, 70, network, (row, column))
            assert hit == (None if number == 0 else (number - 1, unit))
    assert unit_at(24, 70, network, (0, 20)) is None
    assert unit_at(0, 0, network, (0, 0)) is None


# A unit's map

MAP_AXES = Axes.of((-1.0, 1.0, -1.0, 1.0), "x1", "x2")


def draw_map(
    values, *, points=(), labels=(), depth="truecolor", symbols=UNICODE, rows=24, columns=60
):
    return draw_unit(
        Canvas(rows, columns, Style(palette_for(depth, True), symbols), Heading("unit")),
        UnitOutput(np.asarray(values, float), -1.0, 1.0, 0.0),
        np.array(points, float).reshape(-1, 2),
        np.array(labels, int),
        MAP_AXES,
    )


def test_shades_run_from_the_lowest_to_the_highest_and_the_line_is_where_it_is_nought() -> None:
    ramp = np.linspace(-1, 1, 200)[None].repeat(100, axis=0)
    cells = draw_map(ramp)
    regions = palette_for("truecolor", True).regions
    # from the colour of class 0 over the ground to that of class 1
    shades = [*regions[0, ::-1].tolist(), *regions[1, 1:].tolist()]
    place = geometry(24, 60, MAP_AXES)
    row = cells.bg[10, place.left : place.left + place.columns].tolist()
    line = [shades.index(colour) for colour in row]
    assert line == sorted(line)
    assert (line[0], line[-1]) == (0, len(shades) - 1)
    rows, columns = np.nonzero(unpack(cells.code))
    inside = np.arange(place.left, place.left + place.columns)
    assert len(set(rows.tolist())) > 60
    assert np.abs(columns / 2 - (inside[0] + inside[-1]) / 2).max() <= 1


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("depth", DEPTHS)
def test_points_keep_their_glyphs_and_shades_can_be_told_without_colour(symbols, depth) -> None:
    ramp = np.linspace(-1, 1, 50)[None].repeat(50, axis=0)
    cells = draw_map(
        ramp, points=[(-0.5, 0.5), (0.5, -0.5)], labels=[0, 1], depth=depth, symbols=symbols
    )
    text = "\n".join(cells.text()[:-2])  # without the labels' arrows
    assert text.count(symbols.point(0)) == 1
    assert text.count(symbols.point(1)) == 1
    if depth == "mono":
        dense = "=" if symbols.plain else "▓"
        line = cells.text()[12]
        assert dense in line[40:]
        assert dense not in line[:30]
    assert text.isascii() or not symbols.plain


@pytest.mark.parametrize("wild", [np.nan, np.inf, -np.inf, 1e300])
def test_a_map_can_be_drawn_of_anything(wild) -> None:
    for rows in (0, 1, 2, 5, 20):
        for columns in (0, 1, 3, 8, 50):
            for shape in ((0, 0), (2, 2), (40, 40)):
                cells = draw_map(np.full(shape, wild), rows=rows, columns=columns)
                assert cells.shape == (rows, columns)


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_the_legend_covers_no_part_of_a_value(columns) -> None:
    layers = random_net(2, 8, 8, 1)
    values = [np.full(size, -0.4375) for size in (2, 8, 8, 1)]
    seen = 0
    for rows in range(4, 60):
        text = draw(layers, rows, columns, activations=values).text()
        if "w > 0" not in text[-1]:
            continue
        seen += 1
        assert not any(
            sign.isdigit() for sign in text[-1].replace("w > 0", "").replace("w < 0", "")
        )
        numbers = re.findall(r"=[−.\d]*", "\n".join(text[:-1]))
        assert set(numbers) <= {"=−0.44"}
        # the bias of the output is in the last column
        bias = f"{layers[-1][-1, 0]:+.2g}"
        assert bias in "\n".join(text) or bias[:3] not in "\n".join(text)
    assert seen > 20
