"""The picture of a race: what a person must be able to read from it."""

import dataclasses
import math
import re

import numpy as np
import pytest

from tui_gd.plots.axes import Canvas, Heading
from tui_gd.plots.curves import Curve
from tui_gd.plots.palette import Style, bold, palette_for
from tui_gd.plots.race import Field, draw_contenders, draw_race
from tui_gd.plots.symbols import ASCII, UNICODE

# as is, diverges from index 7 on, and at 6 it ends above the start
RATES = 10.0 ** np.linspace(-4, 0, 9)
LOSSES = np.array([90.0, 80.0, 60.0, 30.0, 20.0, 40.0, 170.0, np.nan, np.nan])
DEPTHS = ["truecolor", "256", "16", "mono"]


def field_of(losses=LOSSES, begin=100.0, rates=RATES) -> Field:
    losses = np.asarray(losses, float)
    finite = np.isfinite(losses)
    best = int(np.nanargmin(losses)) if finite.any() else None
    higher = finite & (np.nan_to_num(losses) > begin)
    return Field(np.asarray(rates, float), losses, ~finite, higher, begin, best)


def draw(field=None, rows=20, columns=90, symbols=UNICODE, depth="256", **more):
    return draw_race(
        Canvas(
            rows,
            columns,
            Style(palette_for(depth, True), symbols),
            Heading(more.pop("title", "race")),
        ),
        field or field_of(),
        more.pop("current", 1e-3),
        **more,
    )


def inner(drawn) -> list[str]:
    """The rows of the plot itself."""
    lines = drawn.cells.text()[drawn.top : drawn.top + drawn.rows]
    return [line[drawn.left : drawn.left + drawn.columns] for line in lines]


def column_of(rate: float, drawn) -> int:
    """The column of a rate: the axis is even in log10, from the first rate to the last."""
    share = (math.log10(rate) - math.log10(RATES[0])) / math.log10(RATES[-1] / RATES[0])
    return min(int(share * drawn.columns), drawn.columns - 1)


@pytest.mark.parametrize(("rows", "columns"), [(20, 90), (12, 50), (35, 120)])
@pytest.mark.parametrize(("symbols", "sign"), [(UNICODE, "●"), (ASCII, "@")])
def test_the_best_rate_is_marked_where_it_lies_and_named(rows, columns, symbols, sign) -> None:
    drawn = draw(rows=rows, columns=columns, symbols=symbols)
    lines = inner(drawn)
    places = [(row, line.index(sign)) for row, line in enumerate(lines) if sign in line]
    assert len(places) == 1
    row, column = places[0]
    assert column == column_of(RATES[4], drawn)
    assert row == drawn.rows - 1 - int(
        (20 - drawn.y.low) / (drawn.y.high - drawn.y.low) * drawn.rows
    )
    assert any("0.01" in line for line in lines)


@pytest.mark.parametrize(("symbols", "sign"), [(UNICODE, "○"), (ASCII, "x")])
def test_the_test_losses_have_a_curve_and_a_best_of_their_own(symbols, sign) -> None:
    test = LOSSES * 1.2
    test[2] = 10.0
    field = dataclasses.replace(field_of(), test=test, best_test=2)
    drawn = draw(field, symbols=symbols)
    row, column = next(
        (row, line.index(sign)) for row, line in enumerate(inner(drawn)[1:], 1) if sign in line
    )
    assert column == column_of(RATES[2], drawn)
    palette = palette_for("256", True)
    area = drawn.cells.fg[drawn.area]
    assert area[row, column] == bold(palette.test)
    assert palette.test in area
    assert palette.train in area
    heading = drawn.cells.text()[0]
    assert f"{sign} test: best 0.001" in heading
    assert heading.index("train: best 0.01") < heading.index("test: best")


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_the_current_rate_has_a_rule_and_its_number(symbols) -> None:
    drawn = draw(symbols=symbols, current=1e-3)
    column = column_of(1e-3, drawn)
    text = inner(drawn)
    assert sum(line[column] == symbols.vertical for line in text) >= drawn.rows // 2 - 3
    assert f"{'a' if symbols.plain else 'α'} 0.001" in text[-1]


def test_a_current_rate_that_did_not_race_has_no_rule() -> None:
    drawn = draw(current=50.0)
    assert not any("│" in line for line in inner(drawn))


@pytest.mark.parametrize(("symbols", "cross", "arrow"), [(UNICODE, "×", "↑"), (ASCII, "x", "^")])
def test_what_diverged_and_what_ended_higher_is_marked_at_the_top(symbols, cross, arrow) -> None:
    drawn = draw(symbols=symbols)
    top = inner(drawn)[0]
    crosses = [i for i, sign in enumerate(top) if sign == cross]
    assert crosses == [column_of(rate, drawn) for rate in RATES[7:]]
    assert top[column_of(RATES[6], drawn)] == arrow
    dots = symbols.hatch
    between = column_of(RATES[7], drawn)
    assert any(dots in line[between : between + 2] for line in inner(drawn)[1:])
    left = column_of(RATES[3], drawn)
    assert not any(dots in re.sub(r"0\.\d+", "", line[:left]) for line in inner(drawn))
    heading = drawn.cells.text()[0]
    assert "2 diverged" in draw(columns=120, symbols=symbols).cells.text()[0], heading


def test_where_nothing_failed_nothing_is_marked() -> None:
    text = "".join(draw(field_of(LOSSES[:6], rates=RATES[:6])).cells.text())
    assert "×" not in text
    assert "diverged" not in text
    assert UNICODE.hatch not in text


def test_the_curve_has_a_gap_where_losses_are_not_finite() -> None:
    losses = np.array([90, 80, 70, np.nan, np.nan, 50, 40, 30, 20.0])
    drawn = draw(field_of(losses))
    lines = inner(drawn)
    braille = [any("⠀" < line[c] <= "⣿" for line in lines) for c in range(drawn.columns)]
    assert all(braille[: column_of(RATES[2], drawn)])
    assert not any(braille[column_of(RATES[2], drawn) + 2 : column_of(RATES[5], drawn)])
    assert braille[column_of(RATES[6], drawn)]


def test_a_rate_between_two_that_diverged_is_seen() -> None:
    losses = np.full(9, np.nan)
    losses[2], losses[4] = 50.0, 30.0
    drawn = draw(field_of(losses))
    assert any("⠀" < line[column_of(RATES[2], drawn)] <= "⣿" for line in inner(drawn))


def test_losses_that_end_astronomically_high_leave_the_plot_but_not_the_axis() -> None:
    losses = LOSSES.copy()
    losses[6] = 1e280
    drawn = draw(field_of(losses))
    assert drawn.y.high < 1e4
    assert inner(drawn)[0][column_of(RATES[6], drawn)] == "↑"


@pytest.mark.parametrize("spread", [(90.0, 1e-9), (90.0, 0.0)])
def test_a_wide_span_has_a_logarithmic_axis_with_the_best_on_it(spread) -> None:
    drawn = draw(field_of(np.geomspace(spread[0], max(spread[1], 1e-300), 9) * (spread[1] > 0)))
    if spread[1]:
        assert drawn.y.log
    assert sum("●" in line for line in inner(drawn)) == 1


def test_losses_below_zero_have_a_linear_axis() -> None:
    drawn = draw(field_of(np.linspace(-1000, 90, 9)))
    assert not drawn.y.log
    assert drawn.y.low <= -1000


def test_the_cursor_is_a_rule_with_its_point_in_brackets() -> None:
    drawn = draw(cursor=2)
    column = column_of(RATES[2], drawn)
    lines = inner(drawn)
    assert any(line[column - 1] == "[" and line[column + 1] == "]" for line in lines)
    rule = [line[column] == "│" for line in lines]
    assert sum(rule) >= drawn.rows - 5


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_size_can_be_drawn_and_plain_stays_ascii(symbols, depth) -> None:
    fields = [
        field_of(),
        field_of(np.full(9, np.nan), begin=math.nan),
        field_of([5.0], rates=[0.1]),
        field_of([], rates=[]) if depth == "256" else field_of([1e300, 1e-300], rates=[1e-300, 1]),
    ]
    for rows in (0, 1, 2, 3, 5, 6, 9, 20):
        for columns in (0, 1, 2, 3, 4, 15, 16, 40, 90):
            for field in fields:
                cursor = 0 if len(field.rates) else None
                drawn = draw(
                    field, rows, columns, symbols, depth, cursor=cursor, title="競走 \x1b[31m α"
                )
                assert drawn.cells.shape == (rows, columns)
                if symbols.plain:
                    assert (drawn.cells.code < 127).all()
                assert not (drawn.cells.code == 27).any()


def curves_of(count=3, epochs=50):
    curves = []
    for number in range(count):
        values = 100.0 * np.exp(-0.02 * (number + 1) * np.arange(epochs + 1))
        for dashed in (False, True):
            shown = values * (1.2 if dashed else 1.0)
            colour = 10 + number
            name = "" if dashed else str(number + 1)
            curves.append(
                Curve("", 0, 1, shown, shown, colour, colour, "", dashed=dashed, name=name)
            )
    return curves


def contenders(rows=22, columns=90, symbols=UNICODE, depth="256", curves=None):
    if curves is None:
        curves = curves_of()
    return draw_contenders(
        Canvas(
            rows, columns, Style(palette_for(depth, True), symbols), Heading("race of optimizers")
        ),
        curves,
        50,
    )


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_curve_carries_its_number_lower_losses_further_down(symbols, depth) -> None:
    lines = contenders(symbols=symbols, depth=depth).text()[1:-3]
    rows = []
    for name in "123":
        found = [row for row, line in enumerate(lines) if name in line.partition("┤")[2] + line[5:]]
        assert found, name
        rows.append(found[0])
    assert rows == sorted(rows)


def test_train_and_test_are_told_apart_without_colours() -> None:
    curves = curves_of(1)
    text = "\n".join(contenders(symbols=ASCII, curves=curves).text())
    assert text.count("*") > 30
    assert text.count("+") > 30
    lines = contenders(curves=curves, rows=40).text()
    assert any("⠀" in line or "  " in line for line in lines)


def test_curves_with_gaps_zeros_and_nothing_at_all_are_drawn() -> None:
    holed = np.array([5.0, np.nan, np.inf, 0.0, 1e-30] + [2.0] * 46)
    empty = np.empty(0)
    curves = [
        Curve("a", 0, 1, v, v, 1, 1, "", name="1") for v in (holed, empty, np.full(51, np.nan))
    ]
    for symbols in (UNICODE, ASCII):
        for rows in (0, 1, 2, 3, 6, 9, 20):
            for columns in (0, 1, 3, 4, 16, 60):
                cells = contenders(rows, columns, symbols, curves=curves)
                assert cells.shape == (rows, columns)
                assert contenders(rows, columns, symbols, curves=[]).shape == cells.shape
                if symbols.plain:
                    assert (cells.code < 127).all()
