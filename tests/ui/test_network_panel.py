"""The network panel: its title, its numbers, and the selected unit's map, against numpy."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.making import make_problem
from tests.ui.viewing import DEPTHS, SIZES, text_of, view_of
from tui_gd.plots.axes import Axes, geometry
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.problems import load_problem
from tui_gd.ui.panels.network import NetworkPanel, formula, value_span

# x1, x2 and bias to three units, then to p
FIRST = np.array([[0.52, 2.0, 0.0], [-1.3, 0.0, 1.0], [0.1, -1.0, 0.5]])
SECOND = np.array([1.5, -0.5, 0.25, -0.125])
WEIGHTS = np.concatenate([FIRST.ravel(), SECOND])


def panel_of(problem=None, weights=WEIGHTS, hidden=(3,), **options):
    view = view_of(
        make_problem(40, test_rows=60) if problem is None else problem,
        weights,
        hidden=hidden,
        **options,
    )
    return NetworkPanel(), view


@pytest.mark.parametrize(("rows", "columns"), [(10, 60), (18, 58), (18, 88)])
def test_the_title_names_the_unit_and_its_formula_stands_there_or_below(rows, columns) -> None:
    panel, view = panel_of()
    lines = text_of(panel, view, rows, columns).split("\n")
    assert "Network 2-3-1, unit 1 of layer 1" in lines[0]
    place = 0 if columns > 70 else -1
    assert "tanh(0.52·x0 − 1.3·x1 + 0.1)" in lines[place]


def test_up_and_down_select_the_units_layer_by_layer() -> None:
    panel, view = panel_of()
    names = []
    for _ in range(5):
        names.append(re.search(r"Network 2-3-1, (.*?):", text_of(panel, view, 12, 89))[1])
        panel.move(1, view)
    assert names == [
        "unit 1 of layer 1",
        "unit 2 of layer 1",
        "unit 3 of layer 1",
        "output p",
        "unit 1 of layer 1",
    ]
    panel.move(-2, view)
    assert "output p: sigmoid(1.5·u1 − 0.5·u2 + 0.25·u3 − 0.12)" in text_of(panel, view, 12, 89)


def test_where_there_is_room_the_map_stands_beside_the_network() -> None:
    panel, view = panel_of()
    text = text_of(panel, view, 30, 120)
    title = text.split("\n")[0]
    assert "Network 2-3-1, unit 1 of layer 1" in title
    assert "tanh(0.52·x0 − 1.3·x1 + 0.1)" in title
    assert "−1" in title.rpartition("tanh")[2]
    assert "[●]" in text
    assert "▲" in text
    assert "background: the unit's value" in text.split("\n")[-1]


def test_enter_shows_the_map_alone_and_arrows_walk_from_unit_to_unit() -> None:
    panel, view = panel_of()
    assert "[●]" in text_of(panel, view, 18, 80)
    assert panel.begin_cursor(view)
    text = text_of(panel, view, 18, 80)
    assert "[●]" not in text
    assert "▲" in text
    assert "unit 1 of layer 1" in text
    panel.move_cursor(0, -1, view)
    assert "unit 3 of layer 1" in text_of(panel, view, 18, 80)
    panel.move_cursor(1, 0, view)
    assert "output p" in text_of(panel, view, 18, 80)
    panel.move_cursor(1, 0, view)
    panel.move_cursor(-1, 0, view)
    assert "unit 2 of layer 1" in text_of(panel, view, 18, 80)
    panel.end_cursor()
    assert "[●]" in text_of(panel, view, 18, 80)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "linear"])
def test_the_map_is_the_units_activation(activation) -> None:
    # unit 2 sees only x0 and is 0 at x0 = 0.5: everything left of that is darker
    panel, view = panel_of(activation=activation)
    panel.move(1, view)
    panel.begin_cursor(view)
    cells = panel.draw(view, 24, 80)
    regions = view.style.palette.regions
    heat = [*regions[0, ::-1].tolist(), *regions[1, 1:].tolist()]
    axes = Axes.of(panel._plane.limits, *panel._plane.projection.labels)
    place = geometry(24, 80, axes)
    for line in cells.bg[2:18, place.left : place.left + place.columns]:
        levels = [heat.index(colour) for colour in line.tolist() if colour in heat]
        assert levels == sorted(levels)
        # a unit that is never below its level has one colour alone
        assert (levels[0], levels[-1]) == (9 if activation == "relu" else 0, len(heat) - 1)


def test_the_map_of_a_softmax_output_is_the_p_of_its_class() -> None:
    problem = load_problem("iris", standardize=True)
    weights = np.zeros((5, 3))
    weights[-1] = np.log([1.0, 2.0, 5.0])  # p is 1/8, 2/8, 5/8 everywhere
    panel, view = panel_of(problem, weights.ravel(), hidden=())
    for expected in (1, 2, 5):
        panel.begin_cursor(view)
        cells = panel.draw(view, 24, 80)
        # from 0.5 to 0 the colour of class 0 grows stronger, from 0.5 to 1 that of class 1
        share = expected / 8
        ground = view.style.palette.region(share > 0.5, abs(share - 0.5) / 0.5)
        inside = cells.bg[1:-3, 8:-1]
        assert (inside == ground).mean() > 0.9
        panel.move(1, view)


def test_over_one_feature_a_unit_is_a_curve() -> None:
    problem = load_problem("line")
    panel, view = panel_of(problem, np.array([2.0, 0.5, 1.0, 0.0]), hidden=(1,))
    panel.begin_cursor(view)
    text = text_of(panel, view, 20, 80)
    assert "tanh(2·x" in text
    assert f"{len(problem.y_test)} points" in text
    panel.move(1, view)
    assert f"output {problem.target_name}: 1·u1 + 0" in text_of(panel, view, 20, 80)


def test_a_sample_s_values_stand_at_the_units() -> None:
    problem = make_problem(40, test_rows=60)
    panel, view = panel_of(problem)
    panel.sample = 7
    row = problem.x_train[7]
    hidden = np.tanh(row @ FIRST)
    p = 1 / (1 + np.exp(-(np.append(hidden, 1.0) @ SECOND)))
    text = text_of(panel, view, 24, 80)
    for value in (*row[:2], *hidden, p):
        assert f"={value:.2g}".replace("-", "−") in text


def test_the_numbers_are_all_weights_by_name() -> None:
    panel, view = panel_of(lanes=2)
    lines = panel.numbers(view)
    assert lines[0] == "Network 2-3-1, lane A, epoch 37, weights"
    assert lines[1:5] == [
        "unit 1 of layer 1",
        f"  x0  {0.52:.17g}",
        f"  x1  {-1.3:.17g}",
        f"  bias  {0.1:.17g}",
    ]
    assert lines[-5:] == ["output p", "  u1  1.5", "  u2  -0.5", "  u3  0.25", "  bias  -0.125"]
    assert len(lines) == 1 + 4 + len(WEIGHTS)


def test_a_click_selects_a_unit() -> None:
    panel, view = panel_of()
    cells = panel.draw(view, 20, 80)
    rows, columns = np.nonzero(cells.code == ord("●"))
    for column, row in zip(columns.tolist(), rows.tolist(), strict=True):
        assert panel.click_at(column, row, view) is None
        lines = panel.draw(view, 20, 80).text()
        inputs = column == columns.min()
        assert (lines[row][column - 1 : column + 2] == "[●]") == (not inputs)


def test_a_surface_has_no_network() -> None:
    problem = load_problem("surface:himmelblau")
    panel, view = panel_of(problem, np.array([1.0, 2.0]), hidden=())
    assert "There is no network here" in text_of(panel, view, 10, 60)
    assert not panel.begin_cursor(view)
    panel.move(1, view)
    assert panel.click_at(3, 3, view) is None
    assert panel.numbers(view)[1:] == ["1", "2"]


def test_a_smaller_model_takes_the_selection_in() -> None:
    panel, view = panel_of()
    panel.move(-1, view)
    panel.draw(view, 20, 80)
    linear, smaller = panel_of(weights=np.array([1.0, -2.0, 0.5]), hidden=())
    del linear
    assert "output p: sigmoid(1·x0 − 2·x1 + 0.5)" in text_of(panel, smaller, 20, 80)


@pytest.mark.parametrize(
    ("weights", "room", "expected"),
    [
        ([0.5, -2.0, 0.1], 40, "tanh(0.5·x0 − 2·x1 + 0.1)"),
        ([0.5, -2.0, 0.1], 22, "tanh(−2·x1 + … + 0.1)"),
        ([0.5, -2.0, 0.1], 5, "tanh(… + 0.1)"),
        ([np.nan, np.inf, 0.0], 40, "tanh(nan·x0 + inf·x1 + 0)"),
    ],
)
def test_a_formula_keeps_the_largest_terms(weights, room, expected) -> None:
    first = FIRST.copy()
    first[:, 0] = weights
    _, view = panel_of(weights=np.concatenate([first.ravel(), SECOND]))
    assert formula(view, (0, 0), room) == expected


@pytest.mark.parametrize(
    ("values", "span"),
    [([0.0, 3.0], (0.0, 3.0)), ([2.0, 2.0], (2.0, 4.0)), ([np.nan], (0.0, 1.0)),
     ([np.inf, 1.0, 5.0], (1.0, 5.0))],
)  # fmt: skip
def test_a_span_always_rises(values, span) -> None:
    _, view = panel_of(activation="relu")
    found, level = value_span(view, (0, 0), np.array(values))
    assert found == span
    assert level == 0.0


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("depth", DEPTHS)
def test_it_can_be_drawn_at_any_size(symbols, depth) -> None:
    small = make_problem(20)
    cases = [
        (small, WEIGHTS, (3,)),
        (small, WEIGHTS * np.nan, (3,)),
        (small, WEIGHTS * 1e300, (3,)),
        (replace(small, feature_names=("\x1b[31m", "日本語" * 9)), np.ones(3), ()),
        (load_problem("line"), np.array([1.0, np.inf]), ()),
        (load_problem("surface:two-valleys-1d"), np.array([0.5]), ()),
    ]
    for problem, weights, hidden in cases:
        panel, view = panel_of(problem, weights, hidden, depth=depth, symbols=symbols)
        for cursor in (False, True):
            panel.cursor_on = cursor
            for rows, columns in SIZES:
                with np.errstate(all="ignore"):
                    cells = panel.draw(view, rows, columns)
                assert cells.shape == (rows, columns)
                if symbols.plain:
                    assert (cells.code < 127).all()
