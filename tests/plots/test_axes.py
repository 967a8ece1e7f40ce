import math
import re
import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui_gd.plots import axes
from tui_gd.plots.axes import Axes, Canvas, Heading, draw_box, frame, geometry
from tui_gd.plots.cells import Cells
from tui_gd.plots.palette import Style, bold, palette_for
from tui_gd.plots.scale import (
    Scale,
    compact,
    log_ticks,
    nice_limits,
    nice_ticks,
    tick_labels,
)
from tui_gd.plots.symbols import ASCII, UNICODE

LABELS = ("x_label", "y_label", "notes", "grid")
PALETTE = palette_for("256", True)


STYLE = Style(PALETTE, UNICODE)
AXES = Axes(Scale(0, 10_000), Scale(0.01, 2, True), "epoch", grid=True)


def inside(text=""):
    cells = Cells.blank(2, 18, STYLE)
    cells.put(0, 0, text, PALETTE.text)
    return cells


def drawn(rows=14, columns=60, symbols=UNICODE, x=(0, 10_000), y=(0.01, 2), log=True, **more):
    labels = {"x_label": "epoch"} | {name: more.pop(name) for name in LABELS if name in more}
    where = Axes(Scale(*x), Scale(*y, log), **labels)
    legend = tuple(more.pop("legend", ()))
    heading = Heading("loss", legend, **more)
    return frame(Canvas(rows, columns, Style(PALETTE, symbols), heading), where)


def test_the_frame_carries_title_legend_ticks_and_labels():
    legend = [("train 0.02571", "──", 75), ("test 0.09998", "╌╌", 215)]
    text = drawn(legend=legend, key="1", notes=("y log",), grid=True).cells.text()
    assert text[0] == "╭ 1 loss ────────────── ── train 0.02571   ╌╌ test 0.09998 ╮"
    assert text[-1] == "╰" + "─" * 58 + "╯"
    assert text[-2].strip("│").split() == ["epoch", "y", "log"]
    assert text[-3].strip("│").split() == ["0", "5k", "10k"]
    labels = [line.strip("│").split("┤")[0].strip() for line in text if "┤" in line]
    assert labels == ["1", "0.1", "0.01"] or len(labels) >= 3
    assert [float(label) for label in labels] == sorted(map(float, labels), reverse=True)


def test_a_tick_stands_where_the_data_of_its_value_does():
    f = drawn(grid=True)
    lines = f.cells.text()
    for row, line in enumerate(lines):
        if "┤" in line:
            value = float(line.strip("│").split("┤")[0])
            assert f.rows - 1 - int(f.y.bins(value, f.rows)) == row - f.top
    labels = lines[f.top + f.rows]
    for value, text in ((0, "0"), (5000, "5k"), (10_000, "10k")):
        place = f.left + int(f.x.bins(value, f.columns))
        begin = re.search(rf"(?<!\d){text}\b", labels).start()
        assert begin - 1 <= place <= begin + len(text)


def test_negative_ticks_have_a_minus_sign():
    lines = drawn(x=(-5, 5), y=(-1, 1), log=False).cells.text()
    assert "−1" in "".join(lines)
    assert "-1" in "".join(drawn(x=(-5, 5), y=(-1, 1), log=False, symbols=ASCII).cells.text())


def test_grid_dots_are_faint_and_stand_at_the_ticks():
    f = drawn(grid=True)
    rows = {row for row, _ in geometry(14, 60, AXES).y_ticks}
    dots = f.cells.code[f.area] == ord("·")
    assert {f.rows - 1 - row for row in np.flatnonzero(dots.any(axis=1))} == rows
    assert set(f.cells.fg[f.area][dots]) == {PALETTE.frame}
    for style in (Style(PALETTE, ASCII), Style(palette_for("mono", True), UNICODE)):
        lines = frame(Canvas(14, 60, style, Heading()), AXES).cells.text()[1:-3]
        assert not any(dot in line[6:] for line in lines for dot in (" . .", "·"))


def test_the_inner_area_reaches_the_box_at_the_right():
    f = drawn()
    lines = f.cells.text()
    assert {line[f.left + f.columns] for line in lines[1:-1]} == {"│"}
    assert f.left + f.columns == 59
    assert frame(Canvas(14, 60, STYLE, Heading()), replace(AXES, beside=9)).columns == f.columns - 9


def test_plain_frames_are_ascii():
    text = "".join(drawn(symbols=ASCII, legend=[("train", "==", 75)]).cells.text())
    assert text.isascii()
    assert "|" in text
    assert "+" in text


def test_a_narrow_legend_drops_its_last_entries_and_never_wraps():
    legend = [("train 0.02571", "━━", 75), ("test 0.09998", "━━", 215)]
    top = drawn(columns=34, legend=legend).cells.text()[0]
    assert "train 0.02571" in top
    assert "test" not in top
    assert top.endswith("╮")
    assert not Canvas(34, 34, STYLE, Heading("loss", tuple(legend))).legend_fits
    assert Canvas(34, 60, STYLE, Heading("loss", tuple(legend))).legend_fits


def test_words_at_the_right_stand_behind_the_legend_or_are_left_out():
    legend = (("train", "──", 75),)
    both = Heading("loss", legend, key="1", right="epoch 3")
    assert (
        draw_box(Canvas(3, 50, STYLE, both), inside()).text()[0].endswith("─ ── train ─ epoch 3 ╮")
    )
    assert "epoch" not in draw_box(Canvas(3, 24, STYLE, both), inside()).text()[0]
    assert "── train" in draw_box(Canvas(3, 24, STYLE, both), inside()).text()[0]


def test_the_panel_that_a_lesson_speaks_of_has_a_coloured_frame_and_a_sign():
    for depth in ("truecolor", "256", "16", "mono"):
        style = Style(palette_for(depth, dark=True), UNICODE)
        cells = draw_box(
            Canvas(6, 30, style, Heading("loss", pointed=True)), Cells.blank(4, 28, style)
        )
        assert cells.text()[0].startswith("╭ » loss ─")
        assert cells.fg[3, 0] == style.palette.warning
        both = Heading("loss", pointed=True, focused=True)
        cells = draw_box(Canvas(6, 30, style, both), Cells.blank(4, 28, style))
        assert cells.fg[3, 0] == style.palette.focus
        assert "» loss" in cells.text()[0]


def test_the_focused_panel_has_a_coloured_frame_and_without_colours_a_sign():
    for focused in (True, False):
        f = drawn(focused=focused)
        assert (
            f.cells.fg[5, 0] == f.cells.fg[-1, 7] == (PALETTE.focus if focused else PALETTE.frame)
        )
    mono = Heading("loss", focused=True)
    for symbols, sign in ((UNICODE, "▸"), (ASCII, ">")):
        style = Style(palette_for("mono", True), symbols)
        assert f" {sign} loss " in frame(Canvas(14, 60, style, mono), AXES).cells.text()[0]


def test_key_and_title_stand_out():
    cells = draw_box(Canvas(3, 30, STYLE, Heading("loss", key="1")), inside())
    assert cells.text()[0].startswith("╭ 1 loss ──")
    assert cells.fg[0, 2] == bold(PALETTE.key)
    assert cells.fg[0, 4] == bold(PALETTE.text)


def test_a_box_shows_what_is_in_it():
    text = draw_box(
        Canvas(4, 20, STYLE, Heading("a title that is much too long")), inside("hello")
    ).text()
    assert text[1] == "│hello" + " " * 13 + "│"
    assert text[0] == "╭ a title that is ─╮"


def test_the_short_title_is_taken_where_more_of_the_legend_fits_beside_it():
    legend = (("class 0", "●", 75), ("class 1", "▲", 215))
    heading = Heading("Data, test rows", legend, key="2", short="Data, test")
    assert (
        draw_box(Canvas(3, 45, STYLE, heading), inside())
        .text()[0]
        .startswith("╭ 2 Data, test rows ─")
    )
    for columns in (44, 42, 38):
        text = draw_box(Canvas(3, columns, STYLE, heading), inside()).text()[0]
        assert ("test rows" in text) == (columns > 42)
        assert "● class 0" in text
        assert "▲ class 1" in text
    assert "╭ 2 Data, test rows ─" in draw_box(Canvas(3, 24, STYLE, heading), inside()).text()[0]


def test_axis_labels_go_first_when_room_is_short():
    assert "epoch" in "".join(drawn(rows=9).cells.text())
    low = "".join(drawn(rows=8).cells.text())
    assert "epoch" not in low
    assert "10k" in low
    lower = "".join(drawn(rows=5).cells.text())
    assert "10k" not in lower
    assert "loss" in lower
    assert "loss" not in "".join(drawn(rows=2).cells.text())


def test_where_both_axis_labels_fit_neither_is_cut():
    labels = {"x_label": "direction 1 (64.6 %)", "y_label": "direction 2 (19.2 %)"}
    last = drawn(columns=60, **labels).cells.text()[-2]
    assert "direction 2 (19.2 %) ↑   direction 1 (64.6 %) →" in last
    plain = drawn(columns=60, symbols=ASCII, **labels).cells.text()[-2]
    assert "direction 2 (19.2 %) ^   direction 1 (64.6 %) ->" in plain
    long = {"x_label": "epoch", "y_label": "y" * 99}
    assert "epoch" in drawn(columns=48, **long).cells.text()[-2]


def test_a_note_that_does_not_fit_is_left_out():
    assert drawn(notes=("y log",)).cells.text()[-2].endswith(" y log │")
    assert "note" not in drawn(notes=("note " * 20,)).cells.text()[-2]
    assert drawn(notes=("note " * 20, "short")).cells.text()[-2].endswith(" short │")


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_no_size_raises(symbols):
    for rows in (0, 1, 2, 3, 5, 6, 8, 9, 10, 100):
        for columns in (0, 1, 2, 3, 4, 5, 15, 16, 17, 40, 300):
            f = drawn(rows, columns, symbols, y_label="x2", focused=True, legend=[("a", "=", 1)])
            assert f.cells.shape == (rows, columns)
            assert f.top + f.rows <= rows
            assert f.left + f.columns <= columns


def test_plotext_draws_a_frame_once_however_the_legend_changes():
    axes._framed.cache_clear()
    axes._plotext_codes.cache_clear()
    for number in range(20):
        drawn(legend=[(f"train {number}", "━━", 75)])
    assert axes._plotext_codes.cache_info().misses == 1


def test_a_changed_picture_does_not_change_the_cached_one():
    first = drawn()
    first.cells.code[:] = ord("x")
    assert "x" not in "".join(drawn(x_label="").cells.text())


def test_plotext_draws_whatever_size_the_terminal_has_and_prints_nothing(monkeypatch, capfd):
    wide = drawn(30, 200).cells.text()
    monkeypatch.setenv("COLUMNS", "10")
    monkeypatch.setenv("LINES", "5")
    axes._framed.cache_clear()
    axes._plotext_codes.cache_clear()
    assert drawn(30, 200).cells.text() == wide
    assert len(re.findall(r"\d+", wide[-3])) > 5
    assert capfd.readouterr() == ("", "")


def test_frames_are_drawn_from_several_threads_alike():
    axes._framed.cache_clear()
    axes._plotext_codes.cache_clear()
    sizes = [(12 + k, 40 + 3 * k) for k in range(8)]
    alone = {size: drawn(*size).cells.text() for size in sizes}
    axes._framed.cache_clear()
    axes._plotext_codes.cache_clear()
    found = {}
    threads = [
        threading.Thread(target=lambda s=size: found.update({s: drawn(*s).cells.text()}))
        for size in sizes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == alone


def test_bins_of_two_resolutions_lie_on_each_other():
    scale = Scale(-1, 3)
    values = np.linspace(-1, 3, 101)
    cells, dots = scale.bins(values, 10), scale.bins(values, 40)
    assert np.array_equal(cells, dots // 4)
    assert np.allclose(scale.position(scale.centres(10), 10), np.arange(10))
    logged = Scale(0.01, 10, True)
    assert np.allclose(logged.position(logged.centres(7), 7), np.arange(7))


def test_a_value_without_a_place_has_no_bin():
    assert Scale(0, 1).bins([-0.1, 0, 1, 1.1, np.nan, np.inf, -np.inf], 10).tolist() == [
        -1, 0, 9, -1, -1, -1, -1,
    ]  # fmt: skip
    assert Scale(0.1, 1, True).bins([0, -1, 0.1], 10).tolist() == [-1, -1, 0]


@pytest.mark.parametrize("bad", [(1, 1), (2, 1), (0, math.nan), (0, math.inf)])
def test_limits_must_rise(bad):
    with pytest.raises(ValueError, match="rising"):
        Scale(*bad)


def test_ticks_are_one_two_five():
    assert nice_ticks(0, 10_000, 5) == (0, 2000, 4000, 6000, 8000, 10_000)
    assert nice_ticks(-1.3, 2.4, 4) == (-1, 0, 1, 2)
    assert log_ticks(0.01, 2, 9) == (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
    assert log_ticks(1e-12, 1e3, 5) == (1e-12, 1e-8, 1e-4, 1)


def test_labels_are_short_and_differ():
    assert tick_labels((0, 5000, 10_000)) == ("0", "5k", "10k")
    assert tick_labels((0, 2500, 5000)) == ("0", "2500", "5000")
    assert tick_labels((-0.5, 0.0, 0.5)) == ("-0.5", "0", "0.5")
    assert tick_labels((1e-6, 2e-6)) == ("1e-6", "2e-6")
    assert compact(0.05) == "0.05"
    assert compact(1e-6) == "1e-6"
    assert compact(10_000) == "10k"


values = st.floats(-1e300, 1e300, allow_nan=False)


@given(values, values, st.booleans())
@example(5e-324, 5e-324, False)
@example(-5e-324, -5e-324, False)
def test_limits_hold_the_data_and_ticks_lie_within(one, other, log):
    low, high = sorted((one, other))
    bottom, top = nice_limits(low, high, log)
    assert bottom < top
    scale = Scale(bottom, top, log)
    if not log:
        slack = 1e-8 * (top - bottom)
        assert bottom - slack <= low <= high <= top + slack
    elif low > 1e-299:
        assert bottom <= low * (1 + 1e-6)
        assert high <= top * (1 + 1e-6)
    ticks = (log_ticks if log else nice_ticks)(scale.low, scale.high, 6)
    labels = tick_labels(ticks, log)
    assert len(set(labels)) == len(ticks)


def test_limits_move_rarely():
    losses = 2 * np.exp(-np.arange(500) / 100)
    for log, most in ((False, 20), (True, 8)):
        limits = {
            nice_limits(losses[: k + 1].min(), losses[: k + 1].max(), log) for k in range(500)
        }
        assert len(limits) <= most


def test_the_names_of_axes_are_never_cut_within_their_parentheses() -> None:
    axes = Axes.of((0.0, 1.0, 0.0, 1.0), "direction 1 (91.1 %)", "direction 2 (6.62 %)")
    lines = frame(Canvas(12, 40, STYLE, Heading("Landscape")), axes).cells.text()
    assert "direction 2 ↑   direction 1 →" in lines[-2]
    lines = frame(Canvas(12, 60, STYLE, Heading("Landscape")), axes).cells.text()
    assert "direction 2 (6.62 %) ↑   direction 1 (91.1 %) →" in lines[-2]
    # but two names that differ there alone stay told apart
    axes = Axes.of((0.0, 1.0, 0.0, 1.0), "length of it (inches)", "length of it (millimetres)")
    text = frame(Canvas(12, 40, STYLE, Heading("Data")), axes).cells.text()[-2]
    assert "(" in text
