"""The picture of a landscape: what a person must see, and where, in every kind of terminal."""

import re

import numpy as np
import pytest

from tests.plots.reading import contrast, unpack
from tui_gd.plots.axes import Axes, Canvas, Heading, geometry
from tui_gd.plots.landscape import (
    Descent,
    Group,
    Heights,
    Track,
    draw_landscape,
    draw_landscape_line,
    line_axes,
    place_at,
    plane_axes,
)
from tui_gd.plots.palette import Style, bold, palette_for
from tui_gd.plots.relief import BAR_COLUMNS, level_edges
from tui_gd.plots.symbols import ASCII, UNICODE

LIMITS = (-2.0, 2.0, -1.0, 3.0)
TERMINALS = [
    (depth, dark, symbols)
    for depth in ("truecolor", "256", "16", "mono")
    for dark in (True, False)
    for symbols in (UNICODE, ASCII)
]
COLOURED = [(depth, dark) for depth in ("truecolor", "256") for dark in (True, False)]
AXES = Axes.of(LIMITS, "a", "b")
AREA = geometry(26, 80, AXES)


def bowl(h=60, w=70):
    """(x − 1)² + (y − 1)² on the grid of the limits, first row above."""
    xs = -2 + (np.arange(w) + 0.5) / w * 4
    ys = 3 - (np.arange(h) + 0.5) / h * 4
    return (xs - 1) ** 2 + (ys[:, None] - 1) ** 2


def draw(values, rows=26, columns=80, symbols=UNICODE, depth="truecolor", dark=True, **more):
    plane = Heights(values, AXES, more.pop("minima", ()), more.pop("groups", ()))
    cursor, heading = more.pop("cursor", None), more.pop("heading", Heading("landscape"))
    style = Style(palette_for(depth, dark), symbols)
    return draw_landscape(Canvas(rows, columns, style, heading), plane, Descent(**more), cursor)


def cell(x, y):
    column = int((x - LIMITS[0]) / (LIMITS[1] - LIMITS[0]) * AREA.columns)
    row = AREA.rows - 1 - int((y - LIMITS[2]) / (LIMITS[3] - LIMITS[2]) * AREA.rows)
    return AREA.top + row, AREA.left + column


INNER = np.s_[AREA.top : AREA.top + AREA.rows, AREA.left : AREA.left + AREA.columns]


def a_track(points, viewed=None, number=0, palette=None, **more):
    points = np.asarray(points, float).reshape(-1, 2)
    colour, _ = (palette or palette_for("truecolor", True)).lane(number)
    return Track(points, np.arange(len(points)), colour, viewed=viewed, **more)


@pytest.mark.parametrize(("depth", "dark"), COLOURED)
def test_low_is_the_first_colour_and_high_the_last(depth, dark):
    cells = draw(bowl(), depth=depth, dark=dark)
    heat = palette_for(depth, dark).relief.tolist()
    assert cells.bg[cell(1, 1)] == heat[0]
    assert cells.bg[cell(-1.98, -0.98)] == heat[-1]
    assert set(np.unique(cells.bg[INNER])) == set(heat)


@pytest.mark.parametrize(("depth", "dark"), COLOURED)
def test_shades_only_rise_going_up_hill(depth, dark):
    cells = draw(bowl(), depth=depth, dark=dark)
    heat = palette_for(depth, dark).relief.tolist()
    row, column = cell(1, 1)
    right = [heat.index(bg) for bg in cells.bg[row, column : AREA.left + AREA.columns]]
    assert right == sorted(right)


@pytest.mark.parametrize(("symbols", "depth"), [(UNICODE, "mono"), (ASCII, "mono"),
                                                (ASCII, "256"), (UNICODE, "16")])  # fmt: skip
def test_without_shades_contours_are_digits_that_rise_going_up_hill(symbols, depth):
    cells = draw(bowl(), symbols=symbols, depth=depth)
    row, column = cell(1, 1)
    line = cells.text()[row][AREA.left : column][::-1]
    digits = [int(sign) for sign in line if sign.isdecimal()]
    assert digits == sorted(digits)
    assert len(set(digits)) >= 3
    assert re.search(r" 0 low \d\S* .* [79] high \d", cells.text()[0])  # what the digits stand for


def test_a_contour_lies_where_the_loss_is_the_same():
    values = bowl()
    cells = draw(values, depth="truecolor")
    dots = unpack(cells.code[INNER])
    rows, columns = np.nonzero(dots)
    x = LIMITS[0] + (columns + 0.5) / dots.shape[1] * 4
    y = LIMITS[3] - (rows + 0.5) / dots.shape[0] * 4
    radius = np.hypot(x - 1, y - 1)
    wanted = np.sqrt(level_edges(values, len(palette_for("truecolor", True).relief)))
    # every dot lies within one dot (0.03 across, 0.05 down) of one of the circles
    assert len(rows) > 100
    assert np.abs(radius[:, None] - wanted).min(axis=1).max() < 0.08


def test_levels_share_the_area_and_the_height():
    values = np.linspace(0.0, 1.0, 1001)
    np.testing.assert_allclose(level_edges(values, 4), [0.25, 0.5, 0.75], atol=2e-3)
    steep = np.exp(np.linspace(0.0, 20.0, 1001))
    edges = level_edges(steep, 10)
    assert (np.diff(edges) > 0).all()
    shares = np.diff(np.searchsorted(steep, [0.0, *edges, np.inf])) / 1001
    assert shares.min() > 0.02
    assert shares.max() < 0.3


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((4, 5)),
        np.full((4, 5), np.nan),
        np.full((4, 5), np.inf),
        np.array([[1.0, np.inf], [np.nan, -1.0]]),
        np.array([[1e308, -1e308], [1e-308, 0.0]]),
        np.array([[3.0]]),
        np.array([[1.0, 1.0 + 1e-15]]),
        np.full((3, 3), -1e300),
    ],
)
@pytest.mark.parametrize(("depth", "dark", "symbols"), TERMINALS)
def test_any_values_can_be_drawn(values, depth, dark, symbols):
    cells = draw(values, depth=depth, dark=dark, symbols=symbols)
    assert np.all(np.diff(level_edges(values, 8)) >= 0)
    assert not symbols.plain or max(cells.code.ravel()) < 128


def test_what_is_not_finite_is_blank():
    values = bowl()
    values[:, :35] = np.inf
    cells = draw(values)
    palette = palette_for("truecolor", True)
    left = AREA.left + AREA.columns // 2 - 2
    beside = np.s_[AREA.top : AREA.top + AREA.rows, AREA.left : left]
    assert set(cells.bg[beside].ravel()) == {palette.background}
    assert set(cells.code[beside].ravel()) == {32}


@pytest.mark.parametrize(("depth", "dark"), COLOURED)
def test_a_path_keeps_its_colour_and_can_be_read_everywhere(depth, dark):
    palette = palette_for(depth, dark)
    track = a_track([(-2, -1), (2, 3)], palette=palette)
    plain, cells = (draw(bowl(), depth=depth, dark=dark, tracks=t, epoch=9) for t in ([], [track]))
    changed = plain.code != cells.code
    assert changed.sum() > AREA.columns
    for row, column in np.argwhere(changed):
        assert cells.fg[row, column] == track.colour
        assert contrast(track.colour, int(cells.bg[row, column])) >= 3


def test_a_path_goes_from_its_start_to_its_end_without_gaps():
    cells = draw(None, tracks=[a_track([(-2, -1), (2, 3)])], epoch=1)
    dots = unpack(cells.code[INNER])
    rows, columns = np.nonzero(dots)
    assert set(range(4, dots.shape[1])) <= set(columns)  # the start's sign covers the first cell
    at_x = -2 + (columns + 0.5) / dots.shape[1] * 4
    at_y = 3 - (rows + 0.5) / dots.shape[0] * 4
    assert np.abs(at_y - (at_x + 1)).max() < 0.06


def test_a_path_that_leaves_the_plot_is_clipped_at_its_edge():
    inside = draw(None, tracks=[a_track([(-1, 0), (2, 1.5)])], epoch=1)
    beyond = draw(None, tracks=[a_track([(-1, 0), (2e6, 1e6 + 0.5)])], epoch=1)
    ours, theirs = (unpack(cells.code[INNER]) for cells in (inside, beyond))
    assert ours.sum() == pytest.approx(theirs.sum(), abs=6)
    assert (ours & theirs).sum() > 0.8 * ours.sum()


@pytest.mark.parametrize(("depth", "dark", "symbols"), TERMINALS)
def test_what_lies_after_the_viewed_epoch_is_dashed(depth, dark, symbols):
    points = [(x, 2.5) for x in np.linspace(-2, 2, 41)]
    cells = draw(None, depth=depth, dark=dark, symbols=symbols, tracks=[a_track(points)], epoch=20)
    row = cell(0, 2.5)[0]
    line = cells.code[row, AREA.left + 1 : AREA.left + AREA.columns - 1]
    half = len(line) // 2
    if symbols.plain:
        past, future = (line[: half - 2] == ord("*")), (line[half + 2 :] == ord("+"))
        assert past.all()
        assert future.sum() >= len(future) // 3
    else:
        dots = unpack(line[None]).sum(axis=0)
        assert dots[: 2 * half - 4].all()
        assert dots[2 * half + 4 :].sum() <= half + 4


@pytest.mark.parametrize(("depth", "dark", "symbols"), TERMINALS)
def test_everything_that_is_marked_can_be_read_without_colours(depth, dark, symbols):
    tracks = [
        a_track(
            [(-1.5, 2.5), (-1, 2), (-0.5, 1.5)], (-1, 2), 1, palette_for(depth, dark), sign="B"
        ),
        a_track(
            [(1.5, -0.5), (1.2, 0), (1.1, 0.5)], (1.2, 0), 0, palette_for(depth, dark), current=True
        ),
    ]
    cells = draw(
        bowl(),
        depth=depth,
        dark=dark,
        symbols=symbols,
        tracks=tracks,
        epoch=1,
        downhill=(-1.0, 0.0),
        following=(-0.3, 0.3),
        minima=[(1.0, 1.0, True), (-1.7, -0.7, False)],
        groups=[Group(np.array([[0.1, -0.8], [5.0, 5.0]]), "%", palette_for(depth, dark).good)],
        cursor=(0.0, 2.9),
    )
    signs = "@oxMm<" if symbols.plain else "◆●◇★☆←"
    seen = {
        (1.2, 0.0): signs[0],
        (1.5, -0.5): signs[1],
        (-1.5, 2.5): signs[1],
        (-0.3, 0.3): signs[2],
        (1.0, 1.0): signs[3],
        (-1.7, -0.7): signs[4],
        (-1.0, 2.0): "B",
        (0.1, -0.8): "%",
        (0.0, 2.9): "+",
    }
    for place, sign in seen.items():
        assert chr(cells.code[cell(*place)]) == sign, place
    row = cells.text()[cell(1.2, 0.0)[0]]
    assert signs[5] in row[: cell(1.2, 0.0)[1]]  # the arrow's head, to the left
    assert "[+]" in "\n".join(cells.text())
    if symbols.plain:
        assert all(line.isascii() for line in cells.text())
    if depth == "mono":
        assert set(cells.fg.ravel()) == {-1, bold(-1)}
        assert set(cells.bg.ravel()) == {-1}


@pytest.mark.parametrize(
    ("towards", "sign"),
    [((1, 0), "→"), ((0, 1), "↑"), ((-1, 0), "←"), ((0, -1), "↓"),
     ((1, 1), "↗"), ((-1, 1), "↖"), ((-1, -1), "↙"), ((1, -1), "↘")],
)  # fmt: skip
def test_the_arrow_points_along_the_descent(towards, sign):
    # one unit is as wide as it is high: the area's cells are twice as high as wide
    across = 2.0 * 2 * AREA.rows / AREA.columns
    viewed = (0.0, 1.0)
    track = a_track([viewed], viewed, current=True)
    vector = (towards[0] * across, towards[1])
    cells = draw(None, tracks=[track], downhill=vector)
    assert sign in "\n".join(cells.text())
    row, column = np.argwhere(cells.code[INNER] == ord(sign))[-1] + (AREA.top, AREA.left)
    here = cell(*viewed)
    assert np.sign(column - here[1]) == towards[0]
    assert np.sign(here[0] - row) == towards[1]


@pytest.mark.parametrize("vector", [(0.0, 0.0), (np.nan, 1.0), (np.inf, 0.0)])
def test_there_is_no_arrow_without_a_direction(vector):
    track = a_track([(0.0, 1.0)], (0.0, 1.0), current=True)
    with_it, without = (draw(None, tracks=[track], downhill=d) for d in (vector, None))
    assert with_it.text() == without.text()


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 5, 6, 9, 12])
@pytest.mark.parametrize("columns", [0, 1, 3, 4, 10, 16, 40])
def test_any_size_can_be_drawn(rows, columns, symbols):
    bad = [(np.nan, 0.0), (1e300, -1e300), (np.inf, 1.0), (0.0, 0.0)]
    for values in (bowl(), None):
        cells = draw(
            values,
            rows,
            columns,
            symbols,
            tracks=[a_track(bad, (np.nan, 1.0)), a_track([], (0.0, 0.0), current=True)],
            epoch=2,
            downhill=(1e300, -1e-300),
            following=(np.nan, np.nan),
            minima=[(np.inf, 0.0, True)],
            groups=[Group(np.zeros((0, 2)), "%", 1)],
            cursor=(1e9, 0.0),
            heading=Heading("損失\x1b[31m" * 9, focused=True),
        )
        assert cells.shape == (rows, columns)
        heights = None if values is None else values[0, :7]
        line = draw_landscape_line(
            Canvas(rows, columns, Style(palette_for("256", True), symbols), Heading()),
            Heights(heights, line_axes((-1.0, 1.0), heights)),
            Descent(
                [a_track(bad, (np.nan, 1.0)), a_track([], (0.0, 0.0), current=True)],
                epoch=2,
                slope=np.inf,
                following=(np.nan, 1.0),
            ),
            cursor=0.3,
        )
        assert line.shape == (rows, columns)


def test_a_cell_and_its_place_belong_together():
    for column, row in [(AREA.left, AREA.top), (AREA.left + 30, AREA.top + 7)]:
        place = place_at(AREA, AXES, column, row)
        assert cell(*place) == (row, column)
    last = place_at(AREA, AXES, AREA.left + AREA.columns - 1, AREA.top + AREA.rows - 1)
    assert last == pytest.approx((2 - 2 / AREA.columns, -1 + 2 / AREA.rows))
    for outside in [(AREA.left - 1, 3), (AREA.left + AREA.columns, 3), (20, 0), (20, 25)]:
        assert place_at(AREA, AXES, *outside) is None


def test_the_legend_tells_the_lowest_and_the_highest_loss():
    values = bowl() + 3.0
    for symbols in (UNICODE, ASCII):
        head = draw(values, symbols=symbols).text()[0]
        assert f"{values.min():.4g}" in head
        assert f"{values.max():.4g}" in head


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("depth", ["truecolor", "256", "16", "mono"])
def test_where_there_is_room_a_bar_has_the_levels_and_their_heights(symbols, depth):
    values, axes = bowl() + 3.0, plane_axes(80, LIMITS, "a", "b")
    assert axes.beside == BAR_COLUMNS
    style = Style(palette_for(depth, True), symbols)
    cells = draw_landscape(
        Canvas(26, 80, style, Heading("landscape")), Heights(values, axes), Descent()
    )
    place = geometry(26, 80, axes)
    bar = place.left + place.columns + 1
    numbers = [
        (row, float(text))
        for row, line in enumerate(cells.text()[place.top : place.top + place.rows], place.top)
        if (text := line[bar + 1 : -1].strip())
    ]
    assert len(numbers) >= 5
    heights = [number for _, number in numbers]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] == pytest.approx(values.max(), rel=0.1)
    assert heights[-1] == pytest.approx(values.min(), rel=0.2)
    assert "low" not in cells.text()[0]
    # a height has the colour, or digit, that it has in the landscape
    rows = np.s_[place.top : place.top + place.rows]
    if style.palette.filled:
        grounds = cells.bg[rows, bar].tolist()
        order = [style.palette.relief.tolist().index(ground) for ground in grounds]
        assert order == sorted(order, reverse=True)
        assert (order[0], order[-1]) == (len(style.palette.relief) - 1, 0)
    else:
        digits = [line[bar] for line in cells.text()[rows]]
        assert digits == sorted(digits, reverse=True)
        assert (digits[0], digits[-1]) == ("9", "0")


def test_a_narrow_landscape_has_no_bar():
    assert plane_axes(40, LIMITS, "a", "b").beside == 0


def parabola(symbols=UNICODE, depth="256", **more):
    xs = -2 + (np.arange(120) + 0.5) / 120 * 4
    values = (xs - 0.5) ** 2
    axes = line_axes((-2.0, 2.0), values, "w")
    line = Heights(values, axes, more.pop("minima", ()))
    style = Style(palette_for(depth, True), symbols)
    cells = draw_landscape_line(Canvas(26, 80, style, Heading("landscape")), line, Descent(**more))
    return cells, geometry(26, 80, axes)


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("depth", ["truecolor", "256", "16", "mono"])
def test_over_one_weight_the_loss_is_a_curve_with_its_path_on_it(symbols, depth):
    points = np.array([[-1.5], [1.7], [0.9], [0.6]])
    track = Track(points, np.arange(4), 1, viewed=(1.7, 1.44), current=True)
    cells, area = parabola(
        symbols,
        depth,
        tracks=[track],
        epoch=1,
        slope=2.4,
        following=(0.9, 0.16),
        minima=[(0.5, 0.0, True)],
    )
    found = {}
    for sign in "@oxM" if symbols.plain else "◆●◇★":
        places = np.argwhere(cells.code[2:-3] == ord(sign))
        assert len(places) == 1, sign
        row, column = places[0] + (2 - area.top, -area.left)
        found[sign] = (-2 + (column + 0.5) / area.columns * 4, row)
    at_x = [x for x, _ in found.values()]
    assert at_x == pytest.approx([1.7, -1.5, 0.9, 0.5], abs=4 / area.columns)
    rows = [row for _, row in found.values()]
    assert rows[1] < rows[0] < rows[2] <= rows[3]  # losses 4, 1.44, 0.16, 0
    assert not symbols.plain or all(line.isascii() for line in cells.text())


def test_the_tangent_touches_the_curve_with_its_slope():
    track = Track(np.zeros((0, 1)), np.zeros(0, int), 1, viewed=(-1.5, 4.0), current=True)
    (plain, area), (cells, _) = parabola(), parabola(tracks=[track], slope=-4.0)
    accent = palette_for("256", True).cursor
    inner = np.s_[area.top : area.top + area.rows, area.left : area.left + area.columns]
    rows, columns = np.nonzero(cells.fg[inner] == accent)
    assert len(rows) > 3
    order = np.argsort(columns)
    assert (np.diff(rows[order]) >= 0).all()  # falls to the right
    assert plain.text() != cells.text()


def valleys(symbols=UNICODE, **more):
    """Two valleys of different depth: at -1.035 and 0.96, with a barrier between them."""
    xs = -2 + (np.arange(240) + 0.5) / 240 * 4
    values = (xs**2 - 1) ** 2 + 0.3 * xs
    axes = line_axes((-2.0, 2.0), values, "w")
    style = Style(palette_for("256", True), symbols)
    line = Heights(values, axes)
    cells = draw_landscape_line(Canvas(36, 118, style, Heading("landscape")), line, Descent(**more))
    return cells, geometry(36, 118, axes), axes


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_a_barrier_between_two_valleys_is_seen(symbols):
    cells, area, _ = valleys(symbols)
    inner = cells.code[area.top : area.top + area.rows, area.left : area.left + area.columns]
    curve = (inner == ord(".")) if symbols.plain else (inner >= 0x2800)
    rows = np.where(curve.any(axis=0), curve.argmax(axis=0), -1)

    def row_at(x):
        return rows[int((x + 2) / 4 * area.columns)]

    left, barrier, right = row_at(-1.035), row_at(0.076), row_at(0.96)
    # the right valley is 0.6 higher than the left one, the barrier 0.7 above it
    assert min(left, right) - barrier >= 5
    assert left > right


def test_a_path_over_one_weight_lies_on_the_curve():
    points = np.array([[1.6], [0.4], [1.3], [0.6]])
    track = Track(points, np.arange(4), 1, viewed=(0.6, (0.36 - 1) ** 2 + 0.18), current=True)
    (plain, area, _), (cells, _, _) = valleys(), valleys(tracks=[track], epoch=3)
    inner = np.s_[area.top : area.top + area.rows, area.left : area.left + area.columns]
    path = cells.fg[inner] == 1
    assert path.any(axis=0).sum() > 0.25 * area.columns
    assert (plain.code[inner][path] >= 0x2800).all()  # nothing where the curve is not
