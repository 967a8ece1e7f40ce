import numpy as np
import pytest

from tests.plots.reading import unpack
from tui_gd.plots.axes import Axes, Canvas, Heading
from tui_gd.plots.decision import (
    ClassifiedPoints,
    class_letters,
    decision_grid,
    decision_limits,
    draw_decision,
    most_telling,
)
from tui_gd.plots.palette import Style, bold, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE

LIMITS = (-2.0, 2.0, -1.0, 3.0)
AXES = Axes.of(LIMITS, "x1", "x2")
EMPTY = np.zeros((0, 2))
NONE = np.zeros(0, int)


def sigmoid_of(weights, steep=1.0):
    def model(points):
        z = steep * (points @ np.array(weights[:2]) + weights[2])
        p = 1 / (1 + np.exp(-np.clip(z, -500, 500)))
        return np.stack([1 - p, p], axis=-1)

    return model


def draw(
    model, rows=24, columns=70, symbols=UNICODE, depth="256", dark=True, names=("a", "b"), **more
):
    place, xs, ys = decision_grid(rows, columns, AXES, symbols)
    points = {"points": EMPTY, "labels": NONE, "predicted": NONE, "class_names": names} | more
    cursor = points.pop("cursor", None)
    return place, draw_decision(
        Canvas(rows, columns, Style(palette_for(depth, dark), symbols), Heading("decision")),
        ClassifiedPoints(**points),
        model(np.stack(np.meshgrid(xs, ys), axis=-1)),
        AXES,
        cursor,
    )


def area(place):
    return np.s_[place.top : place.top + place.rows, place.left : place.left + place.columns]


def at(place, x, y):
    column = int((x - LIMITS[0]) / (LIMITS[1] - LIMITS[0]) * place.columns)
    row = int((LIMITS[3] - y) / (LIMITS[3] - LIMITS[2]) * place.rows)
    return place.top + row, place.left + column


@pytest.mark.parametrize("steep", [1.0, 5.0, 1000.0])
@pytest.mark.parametrize("weights", [(1, 1, -1), (2, -1, 0.3), (0, 1, -1.03), (1, 0, 0.21)])
def test_the_boundary_lies_within_a_dot_of_the_line(weights, steep):
    place, cells = draw(sigmoid_of(weights, steep))
    dots = unpack(cells.code[area(place)])
    rows, columns = dots.shape
    row, column = np.nonzero(dots)
    width, height = (LIMITS[1] - LIMITS[0]) / columns, (LIMITS[3] - LIMITS[2]) / rows
    x, y = LIMITS[0] + (column + 0.5) * width, LIMITS[3] - (row + 0.5) * height
    # How far in dots the line is, along the nearer of the two axes.
    z = weights[0] * x + weights[1] * y + weights[2]
    distance = z / max(abs(weights[0]) * width, abs(weights[1]) * height)
    assert len(row) >= min(rows, columns) // 2
    # of a step nothing is known between two pixels: half a pixel is two dots high or one across
    assert np.abs(distance).max() <= (1.3 if steep > 100 else 0.9) + 1e-9
    # and it leans to neither side
    assert abs(distance.mean()) < 0.25
    if weights[0] == 0:
        assert sorted(set(column)) == list(range(columns))
    if weights[1] == 0:
        assert sorted(set(row)) == list(range(rows))


def test_each_side_has_the_colour_of_its_class_strong_where_it_is_sure():
    place, cells = draw(sigmoid_of((1, 0, 0), 20))
    palette = palette_for("256", True)
    left, right = at(place, -1.9, 1), at(place, 1.9, 1)
    assert cells.bg[left] == palette.regions[0, -1]
    assert cells.bg[right] == palette.regions[1, -1]


def test_half_blocks_double_the_rows():
    place, xs, ys = decision_grid(24, 70, AXES, UNICODE)
    assert (len(ys), len(xs)) == (2 * place.rows, place.columns)
    assert ys[0] > ys[-1]
    probabilities = np.zeros((len(ys), len(xs), 2))
    probabilities[0::2, :, 0] = probabilities[1::2, :, 1] = 1
    _, cells = draw(lambda _: probabilities, columns=70)
    palette = palette_for("256", True)
    # A boundary runs through every cell here, so look at the colours only where there is none.
    assert set(np.unique(cells.bg[area(place)])) <= set(palette.regions[:2].ravel())


def test_two_pixels_in_a_cell_are_an_upper_half_block():
    place, xs, ys = decision_grid(24, 70, AXES, UNICODE)
    probabilities = np.zeros((len(ys), len(xs), 2))
    probabilities[..., 0] = 1
    probabilities[0, :] = [0.6, 0.4]
    _, cells = draw(lambda _: probabilities)
    palette = palette_for("256", True)
    row = np.s_[place.top, place.left : place.left + place.columns]
    assert set(cells.code[row]) == {ord("▀")}
    assert set(cells.fg[row]) == {int(palette.region(0, 0.2))}
    assert set(cells.bg[row]) == {int(palette.region(0, 1.0))}


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("depth", ["truecolor", "256", "16", "mono"])
@pytest.mark.parametrize("dark", [True, False])
def test_a_wrong_point_keeps_its_colour_and_is_hollow(symbols, depth, dark):
    points = np.array([[-1.5, 0.05], [1.5, 0.05], [-1.5, 2.05], [1.5, 2.05]])
    palette = palette_for(depth, dark)
    place, cells = draw(
        sigmoid_of((1, 0, 0), 20),
        symbols=symbols,
        depth=depth,
        dark=dark,
        points=points,
        labels=np.array([0, 1, 1, 0]),
        predicted=np.array([0, 1, 0, 1]),
    )
    places = [at(place, *point) for point in points]
    signs = [chr(cells.code[one]) for one in places]
    assert signs == [*symbols.points[:2], symbols.wrong_points[1], symbols.wrong_points[0]]
    assert "2 wrong" in cells.text()[0]
    classes = palette.classes
    assert [cells.fg[one] for one in places] == [classes[0], classes[1], classes[1], classes[0]]
    if palette.filled:
        grounds = [cells.bg[one] for one in places]
        assert grounds == [palette.regions[label, -1] for label in (0, 1, 0, 1)]
    if depth == "mono":
        assert set(cells.fg.ravel()) <= {-1, bold(-1)}
        assert set(cells.bg.ravel()) == {-1}


def test_a_point_on_the_boundary_keeps_the_ground_beside_it():
    points = np.array([[x, 1.01] for x in np.linspace(-2, 2, 200)])
    labels = np.zeros(200, int)
    place, without = draw(sigmoid_of((0, 1, -1), 1000))
    _, cells = draw(sigmoid_of((0, 1, -1), 1000), points=points, labels=labels, predicted=labels)
    row = np.s_[at(place, 0, 1.01)[0], place.left : place.left + place.columns]
    assert (cells.code[row] == ord("●")).all()
    assert (cells.bg[row] == without.bg[row]).all()
    # with a model that is sure: the full tint of the class on one side, as the row beside has it
    palette = palette_for("256", True)
    assert np.isin(cells.bg[row], palette.regions[1]).all()
    assert (cells.bg[row] != palette.background).all()
    above, here, below = (without.bg[row[0] + by, row[1]] for by in (-1, 0, 1))
    assert ((here == above) | (here == below)).all()


def test_in_16_colours_regions_are_dots_in_the_dim_colour_of_their_class():
    palette = palette_for("16", True)
    place, cells = draw(sigmoid_of((1, 0, 0), 20), depth="16")
    assert set(cells.bg.ravel().tolist()) == {palette.background}
    code, fg = cells.code[area(place)], cells.fg[area(place)]
    half = code.shape[1] // 2
    for side, colour in ((np.s_[:, : half - 3], 4), (np.s_[:, half + 3 :], 3)):
        dots = code[side] == ord("·")
        assert 0.4 < dots.mean() < 0.6
        assert set(fg[side][dots].tolist()) == {colour}


def letters(classes, wrong=False, depth="256", names=None):
    points = np.stack([np.linspace(-1.9, 1.9, classes), np.full(classes, 0.05)], axis=1)
    labels = np.arange(classes)
    return draw(
        lambda grid: np.full((*grid.shape[:2], classes), 1 / classes),
        columns=120,
        depth=depth,
        names=names or [f"class {k}" for k in range(classes)],
        points=points,
        labels=labels,
        predicted=(labels + wrong) % classes,
    )


def test_more_than_ten_classes_have_letters_of_their_own():
    place, cells = letters(20)
    line = cells.text()[at(place, 0, 0.05)[0]][place.left :]
    assert line.replace(" ", "").rstrip("│") == "abcdefghijklmnopqrst"
    _, cells = letters(12, names=list("0123456789AB"))
    assert "0" in "".join(cells.text())
    assert class_letters(list("0123456789AB"), 12) == list("0123456789AB")


def test_their_wrong_points_are_reversed_or_without_colours_upper_case():
    palette = palette_for("256", True)
    place, cells = letters(20, wrong=True)
    row, column = at(place, -1.9, 0.05)
    assert chr(cells.code[row, column]) == "a"
    assert cells.bg[row, column] == palette.classes[0]
    place, cells = letters(20, wrong=True, depth="mono")
    assert "A" in cells.text()[at(place, 0, 0.05)[0]]


def test_thirty_classes_have_signs_of_their_own_and_a_legend_of_the_first_and_the_last():
    for depth in ("256", "mono"):
        place, cells = letters(30, depth=depth)
        line = cells.text()[at(place, 0, 0.05)[0]][place.left :]
        signs = [sign for sign in line if sign.isalnum()]
        assert len(set(signs)) == len(signs) == 30
        assert f"a class 0   … {signs[-1]} class 29   " in cells.text()[0]
    assert len(set(class_letters([f"k{i}" for i in range(62)], 62))) == 62


@pytest.mark.parametrize(
    ("columns", "names", "legend"),
    [
        (60, [f"class {k}" for k in range(10)], "● 0 ▲ 1 ■ 2 ◆ 3 ★ 4 ▼ 5 ✚ 6 ► 7 ♣ 8 ♠ 9 ╮"),
        (40, [f"class {k}" for k in range(10)], "● 0 ▲ 1 ■ 2 ◆ 3 ★ 4 ▼ 5 … ╮"),
        (
            60,
            ["setosa", "versicolor", "virginica"],
            "● setosa ▲ versicolor ■ virginica all right ╮",
        ),
        (36, ["setosa", "versicolor", "virginica"], "● set… ▲ ver… ■ vir… ╮"),
    ],
)
def test_where_names_do_not_fit_the_legend_shortens_all_rather_than_leave_some_out(
    columns, names, legend
):
    labels = np.arange(len(names))
    points = np.stack([np.linspace(-1.9, 1.9, len(names)), np.full(len(names), 0.05)], axis=1)
    _, cells = draw(
        lambda grid: np.full((*grid.shape[:2], len(names)), 1 / len(names)),
        columns=columns,
        names=names,
        points=points,
        labels=labels,
        predicted=labels,
    )
    assert legend in cells.text()[0]


@pytest.mark.parametrize(("wrong", "said"), [(False, "all right"), (True, "○ 2 wrong")])
def test_the_legend_says_how_many_are_wrong_or_that_all_are_right(wrong, said):
    points, labels = np.array([[-1.5, 0.05], [-1.5, 1.05]]), np.array([0, 0])
    _, cells = draw(sigmoid_of((1, 0, 0)), points=points, labels=labels, predicted=labels + wrong)
    assert said in cells.text()[0]


def test_with_more_classes_a_wrong_point_still_tells_its_own():
    def model(grid):
        right, upper = grid[..., 0] >= 0, grid[..., 1] >= 1
        return np.stack([~right, right & ~upper, right & upper], axis=-1).astype(float)

    place, cells = draw(
        model,
        names=("a", "b", "c"),
        points=np.array([[-1.02, 0.05], [1.02, 0.05], [1.02, 2.05]]),
        labels=np.array([1, 1, 0]),
        predicted=np.array([0, 1, 2]),
    )
    palette = palette_for("256", True)
    signs = [
        chr(cells.code[at(place, *point)]) for point in ((-1.02, 0.05), (1.02, 0.05), (1.02, 2.05))
    ]
    assert signs == ["△", "▲", "○"]
    corners = [cells.bg[at(place, *point)] for point in ((-1.9, 0), (1.9, -0.9), (1.9, 2.9))]
    assert corners == [palette.regions[k, -1] for k in range(3)]
    dots = unpack(cells.code[area(place)])
    assert dots.any(axis=1).all()  # the vertical boundary
    assert dots[:, dots.shape[1] // 2 + 1 :].any(axis=0).all()  # and the horizontal one


def test_in_a_shared_cell_a_wrong_point_wins_else_the_majority():
    cell = np.array([5, 5, 5, 7, 7, 7, 9])
    kind = np.array([0, 0, 3, 0, 1, 1, 1])  # two classes: 2 and 3 are misclassified
    index, shown = most_telling(cell, kind, 2)
    assert cell[index].tolist() == [5, 7, 9]
    assert shown.tolist() == [3, 1, 1]
    assert kind[index].tolist() == [3, 1, 1]


def test_the_chosen_point_stands_in_brackets():
    points = np.array([[0.52, 1.05], [0.52, 1.05]])
    place, cells = draw(
        sigmoid_of((1, 0, 0)), points=points, labels=np.array([0, 0]),
        predicted=np.array([1, 1]), cursor=(0.52, 1.05),
    )  # fmt: skip
    row, column = at(place, 0.52, 1.05)
    assert "".join(chr(c) for c in cells.code[row, column - 1 : column + 2]) == "[○]"


def test_mono_regions_have_their_own_texture():
    place, cells = draw(sigmoid_of((1, 0, 0), 20), depth="mono", symbols=ASCII)
    code = cells.code[area(place)]
    half = code.shape[1] // 2
    assert set(code[:, : half - 3].ravel()) == {ord(" ")}
    assert ord(".") in code[:, half + 3 :]


def test_small_changes_of_probability_change_no_cell():
    _, xs, ys = decision_grid(24, 70, AXES, UNICODE)
    p = sigmoid_of((1, 1, -1), 3)(np.stack(np.meshgrid(xs, ys), axis=-1))
    shifted = np.stack([p[..., 0] - 1e-4, p[..., 1] + 1e-4], axis=-1)
    one, other = draw(lambda _: p)[1], draw(lambda _: shifted)[1]
    assert (one.bg != other.bg).mean() < 0.01


@pytest.mark.parametrize("shape", [(1, 1, 2), (5, 7, 3), (40, 68, 1), (200, 300, 2)])
def test_any_grid_is_stretched(shape):
    p = np.random.default_rng(0).random(shape)
    _, cells = draw(lambda _: p)
    assert cells.shape == (24, 70)


def test_a_diverged_model_gives_a_neutral_picture():
    _, cells = draw(lambda grid: np.full((*grid.shape[:2], 2), np.nan))
    assert not unpack(cells.code).any()


def test_points_outside_or_not_finite_are_not_drawn():
    points = np.array([[9.0, 9.0], [np.nan, 0.0], [np.inf, 0.0]])
    labels = np.zeros(3, int)
    _, cells = draw(sigmoid_of((1, 0, 0)), points=points, labels=labels, predicted=labels)
    assert "●" not in "".join(cells.text()[1:])


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_no_size_raises(symbols):
    points = np.random.default_rng(0).normal(size=(50, 2))
    labels = (points[:, 0] > 0).astype(int)
    for rows in (1, 2, 3, 6, 9, 30, 100):
        for columns in (1, 2, 4, 15, 16, 60, 300):
            _, cells = draw(sigmoid_of((1, 0, 0)), rows, columns, symbols, points=points,
                            labels=labels, predicted=1 - labels, cursor=(0.0, 0.0))  # fmt: skip
            assert cells.shape == (rows, columns)


def test_limits_hold_the_points_with_a_margin():
    points = np.array([[0.0, 5.0], [10.0, 5.0], [np.nan, 1.0]])
    low, high, bottom, top = decision_limits(points)
    assert (low, high) == pytest.approx((-0.8, 10.8))
    assert bottom < 5 < top
    assert decision_limits(EMPTY) == (0, 1, 0, 1)


def test_probabilities_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="probabilities"):
        draw(lambda _: np.zeros((3, 3)))
