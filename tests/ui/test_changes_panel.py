"""The changes panel: what it says of two epochs, against hand calculation."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.making import make_problem, problem_of
from tests.ui.viewing import DEPTHS, SIZES, study, text_of, view_of
from tui_gd.learning.engine import Interrupted
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.problems import load_problem
from tui_gd.ui.panels.changes import ChangesPanel


def five_rows():
    x = np.stack([[0.0, 1.0, 2.0, 3.0, 2.2], np.ones(5)], axis=1)
    y = np.array([0, 1, 1, 1, 0], np.int8)
    return problem_of(x, y, x, y)


# 1 where x > 2.5, then where x > 0.5: rows 2 and 3 are fixed, row 5 broken
BEFORE, AFTER = (1.0, -2.5), (1.0, -0.5)


def shown(rows=20, columns=100, **options) -> str:
    panel = ChangesPanel()
    view = view_of(five_rows(), AFTER, BEFORE, **options)
    assert study(panel, view)
    return text_of(panel, view, rows, columns)


def test_the_counts_the_measures_and_the_rows() -> None:
    text = shown()
    assert re.search(r"8 Changes, test rows ─+ epoch 0 → 37 ╮", text)
    assert "3 of 5 predictions changed: ▲ 2 became right, ▼ 1 became wrong" in text
    assert "accuracy 0.6000 → 0.8000  ▲0.2000" in text
    # by hand: class 0 has 2 of 4 predicted rows right, then 1 of 1, of its 2 rows
    assert re.search(
        r"class 0 +0\.5000 → 1\.0000 ▲0\.5000 +1\.0000 → 0\.5000 ▼0\.5000 +0\.6667 → 0\.6667 0 ",
        text,
    )
    assert re.search(r"class 1 +1\.0000 → 0\.7500 ▼0\.2500 +0\.3333 → 1\.0000 ▲0\.6667", text)
    rows = re.findall(r"(\d+)  (class \d)  (class \d) → (class \d) +\S (\w+) +([\d.]+)", text)
    assert rows == [
        ("5", "class 0", "class 0", "class 1", "wrong", "2.2"),
        ("2", "class 1", "class 0", "class 1", "right", "1"),
        ("3", "class 1", "class 0", "class 1", "right", "2"),
    ]


def test_the_confusion_is_shown_where_there_is_room() -> None:
    assert "as 0" not in shown(columns=90)
    text = shown(columns=120)
    assert re.search(r"support +as 0 +as 1", text)
    assert re.search(r"class 0 .* 2 +▼1 +▲1", text)
    assert re.search(r"class 1 .* 3 +▼2 +▲2", text)


@pytest.mark.parametrize("columns", [34, 48, 58, 80, 100])
def test_every_class_keeps_its_f1_and_no_column_is_cut(columns) -> None:
    text = shown(columns=columns)
    table = [line for line in text.split("\n") if re.match(r"│ class \d", line)]
    assert len(table) == 2
    for line, change in zip(table, (r" 0\.\d+ 0  ", r"▲0\.36|▲0\.357"), strict=True):
        assert re.search(change, line)
        assert "…" not in line
    assert "f1-score" in text


@pytest.mark.parametrize("columns", range(34, 121, 3))
def test_no_word_and_no_number_is_cut_at_any_width(columns) -> None:
    """Every word and number of a narrow panel is one of the widest panel, too."""
    cases = [
        (make_problem(10, test_rows=60), (-1.0, -1.0, 0.3), (1.0, 1.0, -0.3)),
        (line_problem(), (1.0, 0.0), (-1.0, 0.0)),
        (load_problem("surface:himmelblau"), (-3.123456, 2.0), (0.0, -1e-5)),
    ]
    for problem, after, before in cases:
        panel, view = ChangesPanel(), view_of(problem, after, before)
        study(panel, view)
        whole = set(re.split(r"[\s│,]+", text_of(panel, view, 80, 200)))
        text = text_of(panel, view, 80, columns)
        words = {word for word in re.split(r"[\s│,]+", text) if "─" not in word}
        rounded = {word for word in words if re.fullmatch(r"[▲▼]?[01]\.\d+", word)}
        short = {"MAE", "RMSE", "changed:", "changed", "right", "wrong", "lane", "pgdn", ""}
        assert words - whole - rounded <= short
        assert "…" not in text


def test_in_plain_everything_is_ascii_and_signs_are_plus_and_minus() -> None:
    text = shown(symbols=ASCII)
    assert text.isascii()
    assert re.search(r"8 Changes, test rows -+ epoch 0 -> 37 \+", text)
    assert "3 of 5 predictions changed: + 2 became right, - 1 became wrong" in text
    assert "0.6000 -> 0.8000  +0.2000" in text
    assert "?" not in text


def test_at_the_marked_epoch_it_says_so_and_how_to_mark_another() -> None:
    panel = ChangesPanel()
    view = view_of(five_rows(), AFTER, epoch=12, marked=12)
    assert panel.study(view) is None
    text = " ".join(re.sub("[│╭╮╰╯─]", " ", text_of(panel, view, 12, 60)).split())
    assert "Other epochs are compared with this one, epoch 12" in text
    assert "x: compare with the epoch on the screen instead." in text


def test_until_the_comparison_is_there_the_old_one_stays_with_its_epochs() -> None:
    panel, problem = ChangesPanel(), five_rows()
    view = view_of(problem, AFTER, BEFORE)
    assert "the comparison follows" in text_of(panel, view, 10, 60)
    study(panel, view)
    later = view_of(problem, BEFORE, BEFORE, epoch=40)
    assert "epoch 0 → 37" in text_of(panel, later, 10, 60)
    study(panel, later)
    text = text_of(panel, later, 10, 60)
    assert "epoch 0 → 40" in text
    assert "0 of 5 changed" in text
    other = view_of(five_rows(), AFTER, BEFORE)
    assert "the comparison follows" in text_of(panel, other, 10, 60)


def test_a_key_is_all_that_the_comparison_depends_on() -> None:
    panel, problem = ChangesPanel(), five_rows()
    key = panel.study(view_of(problem, AFTER, BEFORE)).key
    assert panel.study(view_of(problem, AFTER, BEFORE)).key == key
    assert panel.study(view_of(problem, BEFORE, BEFORE)).key != key
    assert panel.study(view_of(problem, AFTER, AFTER)).key != key
    assert panel.study(view_of(five_rows(), AFTER, BEFORE)).key != key
    hash(key)


def test_a_comparison_that_is_not_wanted_any_more_is_given_up() -> None:
    with pytest.raises(Interrupted):
        study(ChangesPanel(), view_of(five_rows(), AFTER, BEFORE), wanted=False)


def test_the_rows_are_scrolled_and_their_head_stays() -> None:
    problem = make_problem(10, test_rows=300)
    panel = ChangesPanel()
    view = view_of(problem, (-1.0, -1.0, 0.3), (1.0, 1.0, -0.3))
    study(panel, view)
    first = text_of(panel, view, 14, 80)
    assert "300 of 300 predictions changed" in first
    assert "pgdn 1-12/306" in first
    panel.move(7, view)
    text = text_of(panel, view, 14, 80)
    assert "changed" not in text
    assert re.match(r"│ row  true", text.split("\n")[1])
    panel.scroll_by(-100)
    seen = set()
    for _ in range(60):
        text = text_of(panel, view, 14, 80)
        seen |= set(re.findall(r"│ +(\d+)  class", text))
        panel.scroll_by(1)
    assert seen == {str(row) for row in range(1, 301)}
    panel.scroll_by(-100)
    assert text_of(panel, view, 14, 80) == first


def test_a_lane_is_named_where_there_are_several() -> None:
    assert "epoch 5 → 37, lane A" in shown(marked=5, lanes=2)


def line_problem():
    problem = five_rows()
    y = np.array([0.0, 1.0, 2.0, 3.0, 9.2])
    return replace(problem, task="regression", y_train=y, y_test=y, class_names=())


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_a_regression_shows_the_errors(symbols) -> None:
    panel = ChangesPanel()
    view = view_of(line_problem(), (1.0, 0.0), (0.0, 0.0), symbols=symbols)
    study(panel, view)
    text = text_of(panel, view, 20, 100)
    more, less, arrow, square = ("+", "-", "->", "R^2") if symbols.plain else ("▲", "▼", "→", "R²")
    # errors 0, 1, 2, 3, 9.2 become 0, 0, 0, 0, 7
    assert f"of 5: {less} 4 nearer, {more} 0 farther" in text
    assert re.search(
        rf"mean absolute error +3\.04 {re.escape(arrow)} 1\.4 +{re.escape(less)}1\.64 better", text
    )
    assert square in text
    rows = re.findall(r"^\S +(\d+) +([\d.]+) +([\d.]+) +([\d.]+) +\S ([\d.]+)", text, re.M)
    assert rows == [
        ("4", "3", "0", "3", "0"),
        ("5", "9.2", "0", "2.2", "7"),
        ("3", "2", "0", "2", "0"),
        ("2", "1", "0", "1", "0"),
    ]
    assert text.isascii() or symbols is UNICODE


def test_a_surface_shows_the_way_and_the_value() -> None:
    problem = load_problem("surface:himmelblau")
    panel = ChangesPanel()
    view = view_of(problem, (3.0, 2.0), (0.0, 0.0))
    study(panel, view)
    text = text_of(panel, view, 8, 70)
    assert "(0, 0) → (3, 2)" in text
    assert "moved  3.60555" in text
    assert "value  170 → 0  ▼170 better" in text  # 11² + 7² at the origin
    assert "test rows" not in text
    assert f"distance  {13**0.5:.17g}" in panel.numbers(view)


def test_the_numbers_are_complete() -> None:
    panel = ChangesPanel()
    view = view_of(five_rows(), AFTER, BEFORE)
    assert panel.numbers(view) == ["changes: none known"]
    study(panel, view)
    lines = panel.numbers(view)
    assert lines[0] == "Changes, test rows, epoch 0 → 37"
    assert "rows 5, flipped 3, fixed 2, broken 1, other 0" in lines
    assert f"accuracy  {3 / 5:.17g}  {4 / 5:.17g}" in lines
    assert any(line.startswith(f"class 1  1  0.75  {1 / 3:.17g}  1  ") for line in lines)
    assert "-1  1" in lines
    assert "-2  2" in lines
    assert f"5  class 0  class 0  class 1  {2.2:.17g}" in lines


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("depth", DEPTHS)
def test_it_can_be_drawn_at_any_size(symbols, depth) -> None:
    cases = [
        (load_problem("iris"), np.linspace(-1, 1, 15)),
        (line_problem(), (1.0, 0.0)),
        (line_problem(), (np.inf, np.nan)),
        (load_problem("surface:rosenbrock"), (1.0, 1.0)),
        (replace(five_rows(), class_names=("\x1b[31m", "日本語" * 9)), AFTER),
    ]
    for problem, weights in cases:
        panel = ChangesPanel()
        before = np.zeros(len(weights))
        view = view_of(problem, weights, before, depth=depth, symbols=symbols)
        with np.errstate(all="ignore"):
            study(panel, view)
            for rows, columns in SIZES:
                cells = panel.draw(view, rows, columns)
                assert cells.shape == (rows, columns)
                if symbols.plain:
                    assert (cells.code < 127).all()
