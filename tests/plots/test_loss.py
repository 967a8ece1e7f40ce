import re
from itertools import pairwise

import numpy as np
import pytest

from tests.plots.reading import unpack
from tui_gd.plots import axes
from tui_gd.plots.axes import Axes, Canvas, Heading, geometry
from tui_gd.plots.cells import pack
from tui_gd.plots.curves import (
    Curve,
    EpochScale,
    EpochView,
    Mark,
    curve_legend,
    draw_curves,
    half_width,
    smoothed,
)
from tui_gd.plots.palette import Style, bold, palette_for
from tui_gd.plots.scale import Scale, nice_limits
from tui_gd.plots.symbols import ASCII, UNICODE

PALETTE = palette_for("256", True)
BLUE, NAVY, ORANGE, BROWN = 75, 24, 215, 94


def curve(values, start=0, width=1, stop=None, colours=(BLUE, NAVY), **more):
    low, high = values if isinstance(values, tuple) else (values, values)
    options = {"label": "train", "shown": "0.5", "stop": stop} | more
    return Curve(
        start=start,
        width=width,
        low=np.asarray(low, float),
        high=np.asarray(high, float),
        colour=colours[0],
        dimmed=colours[1],
        **options,
    )


def draw(curves, rows=20, columns=60, epoch=10**9, last=1, log=False, symbols=UNICODE, **more):
    newest = max((c.end - 1 for c in curves), default=0)
    epoch = min(epoch, newest)
    style = more.pop("style", Style(PALETTE, symbols))
    view = EpochView(epoch, last=max(last, newest, 1), log=log, **more)
    canvas = Canvas(rows, columns, style, Heading("loss"))
    return draw_curves(canvas.with_legend(curve_legend(curves, canvas)), curves, view).cells


def inside(cells, curves, last=1, log=False):
    """The plotting area's cells as drawn, and its scales, found without the code that draws."""
    low = min(np.nanmin(np.where(np.isfinite(c.low), c.low, np.nan)) for c in curves)
    high = max(np.nanmax(np.where(np.isfinite(c.high), c.high, np.nan)) for c in curves)
    newest = max(c.end - 1 for c in curves)
    x, y = Scale(0, max(last, newest)), Scale(*nice_limits(low, high, log), log)
    place = geometry(*cells.shape, Axes(x, y, "epoch", grid=True))
    area = np.s_[place.top : place.top + place.rows, place.left : place.left + place.columns]
    return cells.code[area], cells.fg[area], x, y


def dots_of(code):
    """The braille dots; a cell with the mark of the viewed epoch counts as full."""
    dots = unpack(code)
    dots |= np.repeat(np.repeat(code == ord(UNICODE.now), 4, 0), 2, 1)
    return dots


def test_braille_is_packed_and_unpacked_to_the_same_dots():
    mask = np.random.default_rng(0).random((12, 20)) < 0.5
    assert np.array_equal(unpack(pack(mask) + 0x2800), mask)
    one = np.zeros((4, 2), bool)
    one[0, 0] = one[3, 1] = True
    assert chr(0x2800 + int(pack(one)[0, 0])) == "⢁"


@pytest.mark.parametrize("log", [False, True])
def test_the_curve_passes_through_its_points(log):
    values = 3 * np.exp(-np.arange(40) / 9) + 0.05
    curves = [curve(values)]
    code, _, x, y = inside(draw(curves, log=log), curves, log=log)
    dots = dots_of(code)
    for epoch, value in enumerate(values):
        column = int(x.bins(epoch, dots.shape[1]))
        row = dots.shape[0] - 1 - int(y.bins(value, dots.shape[0]))
        assert dots[row, column], (epoch, row, column)


def test_a_straight_line_is_drawn_straight_unbroken_and_thin():
    curves = [curve([0.0, 1.0])]
    code, _, _, _ = inside(draw(curves), curves)
    dots = dots_of(code)
    dots[:, -2:] = unpack(code)[:, -2:]
    rows, columns = dots.shape
    for column in range(columns - 2):
        at = np.flatnonzero(dots[:, column])
        expected = rows - 0.5 - (column + 0.5) / columns * rows
        assert len(at)
        assert np.abs(at - expected).max() <= 1
        assert len(at) == 1


def test_a_steep_curve_has_no_holes():
    values = [0, 1, 0, 1, 0.5, 0]
    curves = [curve(values)]
    code, _, _, _ = inside(draw(curves), curves)
    dots = dots_of(code)
    spans = [np.flatnonzero(column) for column in dots.T]
    for one, other in pairwise(spans):
        assert len(one)
        assert one.max() - one.min() + 1 == len(one)
        assert one.min() <= other.max() + 1
        assert other.min() <= one.max() + 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_a_gap_and_moves_no_limit(bad):
    values = np.linspace(1, 0.5, 20)
    holed = values.copy()
    holed[8:12] = bad
    curves = [curve(holed)]
    cells = draw(curves)
    code, _, x, _ = inside(cells, curves)
    dots = dots_of(code)
    n = dots.shape[1]
    left, right = int(x.bins(7, n)), int(x.bins(12, n))
    assert not dots[:, left + 1 : right].any()
    assert dots[:, left].any()
    assert dots[:, right].any()
    full = draw([curve(values)]).text()
    assert [line[:5] for line in cells.text()] == [line[:5] for line in full]


def test_a_point_between_two_gaps_is_seen():
    curves = [curve([np.nan, 1.0, np.nan, 0.5])]
    code, _, x, _ = inside(draw(curves), curves)
    dots = dots_of(code)
    assert dots[:, int(x.bins(1, dots.shape[1]))].any()


def test_zero_and_below_are_gaps_on_a_logarithmic_axis():
    values = np.array([1.0, 0.5, 0.0, -1.0, 0.25, 0.125])
    code, _, x, _ = inside(draw([curve(values)], log=True), [curve(values[values > 0])], 5, True)
    dots = dots_of(code)
    n = dots.shape[1]
    assert not dots[:, int(x.bins(1, n)) + 2 : int(x.bins(4, n)) - 1].any()


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    "values", [[0.0] * 5, [np.nan] * 5, [], [1.0], [5e-324, 1e300], [-2.0, -1]]
)
def test_odd_curves_are_drawn_without_a_warning(values, log):
    for size in ((1, 1), (5, 10), (20, 60)):
        for symbols in (UNICODE, ASCII):
            cells = draw([curve(values)], *size, log=log, symbols=symbols)
            assert cells.shape == size


def test_one_epochs_spike_in_a_million_is_seen():
    losses = np.full(1_000_000, 0.1)
    losses[345_678] = 1.0
    width = 1000
    low, high = (getattr(losses.reshape(-1, width), name)(axis=1) for name in ("min", "max"))
    curves = [curve((low, high), width=width)]
    code, _, x, y = inside(draw(curves), curves)
    dots = dots_of(code)
    column, top = int(x.bins(345_678, dots.shape[1])), int(y.bins(1.0, dots.shape[0]))
    near = dots[:, column - 1 : column + 2]
    assert near[dots.shape[0] - 1 - top].any()
    assert not np.delete(dots, np.s_[column - 2 : column + 3], axis=1)[: dots.shape[0] // 2].any()


def test_the_last_bucket_ends_at_stop():
    curves = [curve([1.0, 0.5], width=1000, stop=1001)]
    assert curves[0].end == 1001
    code, _, _, _ = inside(draw(curves), curves)
    assert dots_of(code)[:, -2:].any()


def test_the_later_part_is_dimmed_after_stepping_back_and_the_epoch_marked():
    values = np.linspace(1, 0.2, 101)
    curves = [curve(values)]
    cells = draw(curves, epoch=50)
    code, fg, x, y = inside(cells, curves)
    column = int(x.bins(50, code.shape[1]))
    drawn = (code >= 0x2800) & (code < 0x2900)
    assert set(fg[:, :column][drawn[:, :column]]) == {BLUE}
    assert set(fg[:, column + 1 :][drawn[:, column + 1 :]]) == {NAVY}
    row = code.shape[0] - 1 - int(y.bins(values[50], code.shape[0]))
    assert code[row, column] == ord(UNICODE.now)
    assert fg[row, column] == BLUE
    assert drawn[:, column].sum() == code.shape[0] - 1  # the thin line


def test_the_newest_epoch_is_marked_on_the_curves_only():
    curves = [curve(np.linspace(1, 0.2, 101)), curve(np.linspace(2, 1, 101))]
    code, _, _, _ = inside(draw(curves), curves)
    assert (code == ord(UNICODE.now)).sum() == 2
    assert (code[:, -1] != ord(" ")).sum() < code.shape[0] / 2


def test_the_first_curve_lies_on_top_where_two_meet():
    same = np.linspace(1, 0.2, 50)
    curves = [curve(same), curve(same, colours=(ORANGE, BROWN))]
    code, fg, _, _ = inside(draw(curves), curves)
    assert set(fg[(code >= 0x2800) | (code == ord(UNICODE.now))]) == {BLUE}


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_a_cursor_is_a_line_behind_the_curves(symbols):
    curves = [curve(np.linspace(1, 0.2, 101))]
    without, cells = (draw(curves, symbols=symbols, cursor=at) for at in (None, 50))
    changed = without.code != cells.code
    columns = set(np.nonzero(changed)[1])
    assert len(columns) == 1
    assert set(cells.code[changed]) == {ord(symbols.vertical)}
    assert set(without.code[changed]) <= {ord(" "), ord("·")}
    assert set(cells.fg[changed]) == {PALETTE.cursor}


def test_a_dashed_curve_has_gaps_and_its_sample_too_in_colour():
    curves = [curve(np.linspace(1, 0.2, 101), dashed=True)]
    cells = draw(curves)
    code, _, _, _ = inside(cells, curves)
    seen = dots_of(code).any(axis=0)
    assert 0.6 < seen.mean() < 0.75
    assert "╌╌ train" in cells.text()[0]


def test_the_legend_shows_every_curve_with_its_value():
    curves = [curve([1, 2.0], shown="0.02571"), curve([2, 1.0], label="test", shown="0.09998")]
    top = draw(curves).text()[0]
    assert top.startswith("╭ loss ──")
    assert top.endswith(" ── train 0.02571   ── test 0.09998 ╮")
    # where there is no room for the values, the names; where there is none for these, nothing
    assert draw(curves, columns=30).text()[0].endswith("─ ─ train   ─ test ╮")
    assert "train" not in draw(curves, columns=22).text()[0]


def test_mono_has_no_colour_and_dashes_tell_the_curves_apart():
    curves = [curve(np.linspace(2, 1, 40)), curve(np.linspace(1, 0.2, 40), dashed=True)]
    flat = palette_for("mono", True)
    white = [curve(c.low, dashed=c.dashed, colours=(-1, -1)) for c in curves]
    cells = draw(white, style=Style(flat, UNICODE))
    assert set(cells.fg.ravel()) == {-1, bold(-1)}
    assert set(cells.bg.ravel()) == {-1}
    code, _, _, y = inside(cells, white)
    dots = unpack(code)
    split = dots.shape[0] - 1 - int(y.bins(1.0, dots.shape[0]))
    assert dots[: split + 1, 2:-4].any(axis=0).mean() > dots[split + 2 :, 2:-4].any(axis=0).mean()
    assert "── train" in cells.text()[0]
    assert "╌╌ train" in cells.text()[0]


def test_plain_curves_have_different_signs():
    curves = [curve(np.linspace(2, 1, 40)), curve(np.linspace(1, 0.2, 40), dashed=True)]
    text = "".join(draw(curves, symbols=ASCII).text())
    assert text.isascii()
    assert "***" in text
    assert "+++" in text


def test_many_lanes_give_the_same_as_one_after_the_other():
    rng = np.random.default_rng(3)
    lanes = [rng.random(300) + i / 5 for i in range(30)]
    shown = [curve((v - 0.1, v + 0.1), colours=(i, i)) for i, v in enumerate(lanes)]
    code, fg, _, _ = inside(draw(shown), shown)
    together = unpack(code)
    alone = np.zeros_like(together)
    hull = [curve([shown[0].low.min(), np.nan]), curve([shown[-1].high.max(), np.nan])]
    for c in shown:
        bounds = [curve([b.low[0]], start=0) for b in hull]
        alone |= unpack(inside(draw([*bounds, c]), [*bounds, c])[0])
    unmarked = np.repeat(np.repeat(code != ord(UNICODE.now), 4, 0), 2, 1)
    unmarked[:, :2] = unmarked[:, -2:] = False
    assert (alone & unmarked & ~together).sum() == 0
    assert np.all(np.diff(np.argmax((fg == 29) & (code >= 0x2800), axis=0)) < 50)


def test_the_frame_is_drawn_once_while_the_numbers_change():
    axes._framed.cache_clear()
    axes._plotext_codes.cache_clear()
    for epoch in range(60, 100):
        draw([curve(2 * np.exp(-np.arange(epoch) / 40), shown=str(epoch))], last=100)
    assert axes._plotext_codes.cache_info().misses == 1


def test_all_sizes():
    curves = [curve(np.linspace(1, 0.1, 30)), curve(np.linspace(1, 0.1, 30))]
    for rows in (1, 2, 3, 6, 9, 30, 100):
        for columns in (1, 2, 4, 15, 16, 60, 300):
            for log in (False, True):
                assert draw(curves, rows, columns, log=log).shape == (rows, columns)


# the height of the plot, and curves that share cells -------------------------


@pytest.mark.parametrize(
    ("values", "wide"),
    [([1.0, 29.0], False), ([1.0, 31.0], True), ([0.0, 1.0, 50.0], True), ([-1.0, 100.0], False),
     ([np.nan, 5.0], False), ([], False), ([0.0, 0.0], False), ([1.0, np.inf, 40.0], True)],
)  # fmt: skip
def test_values_that_span_more_than_30_times_want_a_logarithmic_axis(values, wide):
    assert around((0, 9), [curve(values), curve([2.0])], log=None).y.log == wide


def test_only_what_is_shown_decides_about_the_axis():
    falling = [curve(np.geomspace(1000, 1, 101))]
    for epochs, log, notes in (((0, 100), True, "log, y"), ((90, 100), False, "y log")):
        drawn = around(epochs, falling, log=None, notes=(("y log",), ("log, y: linear",)))
        assert drawn.y.log == log
        assert notes in drawn.cells.text()[-2]
    assert not around((0, 100), falling, log=False).y.log


def test_at_the_start_two_dots_are_not_blown_up():
    both = [curve([236.6]), curve([241.2], colours=(ORANGE, BROWN))]
    drawn = around((0, 100), both)
    assert drawn.y.low == 0.0
    rows = [at for at, line in enumerate(drawn.cells.text()) if "●" in line]
    assert max(rows) - min(rows) <= 1
    assert drawn.y.high < 1000


def both_curves(apart, symbols=UNICODE, depth="256"):
    palette = palette_for(depth, True)
    values = np.linspace(2, 1, 101)
    colours = (palette.train, palette.train_dimmed), (palette.test, palette.test_dimmed)
    curves = [
        curve(values, colours=colours[0]),
        curve(values + apart, colours=colours[1], label="test", dashed=True),
    ]
    return palette, plotted(around((0, 100), curves, style=Style(palette, symbols)))


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_where_train_and_test_share_a_cell_it_is_dim(symbols):
    palette, (code, fg) = both_curves(0.0, symbols)
    lines = np.isin(code, [ord("*"), ord("+")]) if symbols.plain else code >= 0x2800
    assert set(fg[lines].tolist()) == {palette.dim}
    palette, (code, fg) = both_curves(5.0, symbols)
    lines = np.isin(code, [ord("*"), ord("+")]) if symbols.plain else code >= 0x2800
    assert set(fg[lines].tolist()) == {palette.train, palette.test}


def test_the_dots_of_both_are_there():
    _, (code, _) = both_curves(0.02)
    train = plotted(around((0, 100), [curve(np.linspace(2, 1, 101))]))[0]
    assert (dots_of(code) >= dots_of(train))[:, 2:-2].mean() > 0.98
    assert dots_of(code).sum() > 1.2 * dots_of(train).sum()


# smoothing -------------------------------------------------------------------


@pytest.mark.parametrize("half", [1, 2, 10, 50])
def test_the_moving_average_is_the_convolution_and_shorter_at_the_ends(half):
    values = np.random.default_rng(half).normal(size=(3, 90))
    ones = np.ones(2 * half + 1)
    full = np.s_[half : half + 90]
    for got, row in zip(smoothed(values, half), values, strict=True):
        expected = np.convolve(row, ones)[full] / np.convolve(np.ones(90), ones)[full]
        assert got == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("length", [1, 2, 5, 30])
def test_the_moving_average_leaves_out_what_is_not_finite(length):
    values = np.random.default_rng(1).normal(size=length)
    values[::3] = [np.nan, np.inf, -np.inf, np.nan, np.inf, 1, 2, 3, 4, 5][: len(values[::3])]
    for half in (0, 1, 3):
        got = smoothed(values, half)
        for at in range(length):
            near = [v for v in values[max(0, at - half) : at + half + 1] if np.isfinite(v)]
            expected = sum(near) / len(near) if near else np.nan
            assert got[at] == pytest.approx(expected, nan_ok=True)


def test_a_spike_leaves_no_error_behind_it():
    values = np.full(400, 1e-9)
    values[100] = 1e12
    assert smoothed(values, 10)[120:] == pytest.approx(1e-9, rel=1e-12)


def test_on_buckets_the_average_is_over_about_as_many_epochs():
    assert [half_width(21, width) for width in (1, 2, 4, 8, 64)] == [10, 5, 2, 1, 0]


def around(epochs, curves, rows=20, columns=60, symbols=UNICODE, **more):
    newest = max(c.end - 1 for c in curves)
    style = more.pop("style", Style(PALETTE, symbols))
    more.setdefault("log", False)
    view = EpochView(**{"epoch": newest, "first": epochs[0], "last": epochs[1]} | more)
    canvas = Canvas(rows, columns, style, Heading("loss"))
    return draw_curves(canvas.with_legend(curve_legend(curves, canvas)), curves, view)


def plotted(drawn):
    area = np.s_[drawn.top : drawn.top + drawn.rows, drawn.left : drawn.left + drawn.columns]
    return drawn.cells.code[area], drawn.cells.fg[area]


def test_the_average_lies_bright_over_the_faint_curve():
    values = np.tile([0.0, 1.0], 101)[:201]  # the average over 5 is 0.4 or 0.6
    code, fg = plotted(around((0, 200), [curve(values)], smooth=5))
    drawn = (code >= 0x2800) & (code < 0x2900)
    bright = np.flatnonzero((drawn & (fg == BLUE)).any(axis=1))
    share = 1 - (bright + 0.5) / len(code)
    assert 0.3 < share.min() < share.max() < 0.7
    dimmed = np.flatnonzero((drawn & (fg == NAVY)).any(axis=1))
    assert dimmed.min() <= 1
    assert dimmed.max() >= len(code) - 2
    mark = np.argwhere(code == ord(UNICODE.now))
    assert len(mark) == 1  # at the value itself, not at the average
    assert mark[0][0] == len(code) - 1
    assert fg[tuple(mark[0])] == BLUE


def test_without_colours_the_average_is_told_by_its_sign():
    values = np.tile([0.0, 1.0], 101)[:201]
    code, _ = plotted(around((0, 200), [curve(values)], smooth=5, symbols=ASCII))
    assert {ord("."), ord("*")} <= set(code.ravel())
    stars = np.flatnonzero((code == ord("*")).any(axis=1))
    points = np.flatnonzero((code == ord(".")).any(axis=1))
    assert points.min() < stars.min() <= stars.max() < points.max()
    mono = palette_for("mono", True)
    white = curve(values, colours=(-1, -1))
    code, _ = plotted(around((0, 200), [white], smooth=5, style=Style(mono, UNICODE)))
    dots = dots_of(code)
    assert dots[0].sum() <= dots.shape[1] / 2  # the faint curve has gaps
    assert dots[:, 2:-4].any(axis=0).all()  # the average has none


def test_only_the_averages_of_very_many_curves_are_drawn():
    values = np.tile([0.0, 1.0], 101)[:201]
    for count, faint in ((16, True), (17, False)):
        code, fg = plotted(around((0, 200), [curve(values) for _ in range(count)], smooth=5))
        assert (NAVY in fg[code >= 0x2800]) == faint
        assert BLUE in fg[(code >= 0x2800) & (code < 0x2900)]


# windows of epochs -----------------------------------------------------------


def test_only_what_lies_in_the_window_is_drawn_and_moves_the_limits():
    values = np.linspace(100, 0, 1001)
    drawn = around((900, 1000), [curve(values)])
    assert drawn.x.low == 900
    assert drawn.y.high == 10
    code, _ = plotted(drawn)
    dots = dots_of(code)
    for epoch in (900, 925, 950, 999):
        column = int(drawn.x.bins(epoch, dots.shape[1]))
        row = dots.shape[0] - 1 - int(drawn.y.bins(values[epoch], dots.shape[0]))
        assert dots[max(row - 1, 0) : row + 2, column].any(), epoch


def test_an_epoch_outside_the_window_has_no_mark_and_dims_as_it_should():
    curves = [curve(np.linspace(1, 0.2, 101))]
    for epoch, colour in ((10, NAVY), (100, BLUE)):
        code, fg = plotted(around((40, 60), curves, epoch=epoch))
        assert ord(UNICODE.now) not in code
        assert set(fg[~np.isin(code, [ord(" "), ord("·")])]) == {colour}


def test_the_average_at_the_edge_of_a_window_knows_what_lies_beyond():
    values = np.where(np.arange(200) < 100, 1.0, 0.0)
    drawn = around((100, 150), [curve(values)], smooth=101, log=False)
    code, fg = plotted(drawn)
    # at epoch 100: 50 ones of 101; a window of its own would have none
    row = np.flatnonzero(((fg == BLUE) & (code >= 0x2800))[:, 0])
    assert drawn.y.high > 0.45
    assert row.min() == drawn.rows - 1 - int(drawn.y.bins(50 / 101, drawn.rows))


def test_a_window_beyond_all_curves_is_empty():
    code, _ = plotted(around((500, 600), [curve([1.0, 2.0])]))
    assert set(code.ravel()) == {ord(" "), ord("·")}  # the grid


# a logarithmic axis of epochs ------------------------------------------------


def test_epoch_0_has_a_place_on_a_logarithmic_axis():
    scale = EpochScale(0.0, 999.0)
    assert scale.position([0, 9, 99, 999], 300) == pytest.approx([-0.5, 99.5, 199.5, 299.5])
    assert scale.bins(0, 300) == 0
    assert scale.centres(3)[0] == pytest.approx(10**0.5 - 1)
    assert scale.ticks(5) == (0.0, 1.0, 10.0, 100.0)
    assert EpochScale(20.0, 300.0).ticks(9)[0] >= 20
    with pytest.raises(ValueError, match="above 0"):
        EpochScale(-2.0, 5.0)


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_the_ticks_of_a_logarithmic_epoch_axis_stand_where_the_epochs_are(symbols):
    values = 1.0 / (np.arange(1000) + 1)
    drawn = around((0, 999), [curve(values)], log_epochs=True, symbols=symbols, log=True)
    lines = drawn.cells.text()
    labels = lines[-3].strip("│|")
    assert labels.split() == ["0", "1", "10", "100"]
    for epoch in (0, 1, 10, 100):
        place = drawn.left + int(drawn.columns * np.log10(epoch + 1) / 3)
        begin = re.search(rf"\b{epoch}\b", lines[-3]).start()
        assert begin - 1 <= place <= begin + len(str(epoch))
    if not symbols.plain:  # 1/(epoch + 1) is straight where both axes are logarithmic
        dots = dots_of(plotted(drawn)[0])
        rows, columns = dots.shape
        for column in range(4, columns - 4):
            at = np.flatnonzero(dots[:, column])
            assert np.abs(at - (column + 0.5) / columns * rows).max() <= 3


def test_a_wide_bucket_covers_its_epochs_on_a_logarithmic_axis():
    low, high = np.full(10, 1.0), np.full(10, 3.0)
    drawn = around((0, 999), [curve((low, high), width=100)], log_epochs=True, columns=80)
    dots = dots_of(plotted(drawn)[0])
    assert dots.any(axis=0).all()  # the first bucket from epoch 0 on


@pytest.mark.parametrize("log_epochs", [False, True])
def test_early_epochs_are_drawn_as_they_are_and_the_rest_in_wide_buckets(log_epochs):
    epochs, width, stop = np.arange(8000), 8, 1024
    values = 1.0 + 50.0 / (epochs + 1.0) + 0.2 * np.sin(epochs / 7.0)
    parts = values.reshape(-1, width)
    wide = (parts.min(axis=1), parts.max(axis=1))
    early = curve(values[:stop])
    more = {"log_epochs": log_epochs, "columns": 80}
    exact = dots_of(plotted(around((0, 7999), [curve(values)], **more))[0])
    coarse = dots_of(plotted(around((0, 7999), [curve(wide, width=width)], **more))[0])
    mixed = dots_of(plotted(around((0, 7999), [curve(wide, width=width, early=early)], **more))[0])
    columns = exact.shape[1]
    share = np.log10(stop + 1) / np.log10(8000) if log_epochs else stop / 7999
    last = int(columns * share) - 2
    assert (mixed[:, :last] == exact[:, :last]).all()
    assert (mixed[:, last + 5 :] == coarse[:, last + 5 :]).all()
    assert mixed.any(axis=0).all()
    assert log_epochs == (coarse[:, :last] != exact[:, :last]).any()


# names at the ends of curves -------------------------------------------------


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_every_curve_has_its_name_at_its_end(symbols):
    curves = [
        curve(np.linspace(1, 0.9, 50), name="A"),
        curve(np.linspace(1, 0.5, 50), name="B", colours=(ORANGE, BROWN)),
        curve(np.linspace(1, 0.1, 50), name="CD"),
    ]
    drawn = around((0, 99), curves, symbols=symbols)
    lines = drawn.cells.text()
    column = drawn.left + int(drawn.x.bins(49, drawn.columns))
    for one, text in zip(curves, ("A", "B", "CD"), strict=True):
        row = drawn.top + drawn.rows - 1 - int(drawn.y.bins(one.low[-1], drawn.rows))
        assert lines[row][column + 1 : column + 1 + len(text)] == text
        assert drawn.cells.fg[row, column + 1] == one.colour


def test_names_that_would_lie_on_each_other_stand_beside_each_other():
    same = np.linspace(1, 0.5, 50)
    curves = [curve(same, name=name) for name in "ABCD"]
    text = "".join(around((0, 49), curves).cells.text()[1:-2])
    assert all(text.count(name) == 1 for name in "ABCD")


@pytest.mark.parametrize("name", ["\x1b]0;evil\a", "猫の名前", "  ", "a\nb", "é" * 40])
@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_odd_names_do_no_harm(name, symbols):
    for size in ((1, 1), (3, 4), (9, 16), (20, 60)):
        drawn = around((0, 49), [curve([1.0] * 50, name=name)], *size, symbols=symbols)
        text = "".join(drawn.cells.text())
        assert not symbols.plain or text.isascii()
        assert "\x1b" not in text
        assert "\n" not in text


def test_all_sizes_of_everything():
    curves = [curve(np.linspace(1, 0.1, 30), name="A"), curve([np.nan, 0.5, np.inf], name="B")]
    for size in ((0, 0), (1, 300), (2, 2), (6, 15), (9, 16), (35, 120)):
        for epochs in ((0, 29), (0, 1), (7, 9), (3, 10**9)):
            for log_epochs in (False, True):
                drawn = around(epochs, curves, *size, log_epochs=log_epochs, smooth=5, cursor=8)
                assert drawn.cells.shape == size


def test_a_guess_stands_at_its_place_with_its_value():
    falling = curve(np.linspace(400, 100, 51))
    drawn = around((0, 100), [falling], marks=(Mark(80, 250.0, "guess"),))
    (at,) = np.argwhere(drawn.cells.code == ord(UNICODE.guess))
    assert at[1] - drawn.left == int(drawn.x.bins(80, drawn.columns))
    assert drawn.top + drawn.rows - 1 - at[0] == int(drawn.y.bins(250.0, drawn.rows))
    assert "guess 250" in drawn.cells.text()[at[0]]
    assert (drawn.cells.fg == bold(PALETTE.focus)).sum() == 1 + len("guess 250")


def test_a_near_guess_widens_the_axis_and_a_far_one_is_an_arrow_at_its_edge():
    falling = curve(np.linspace(400, 300, 51))
    near = around((0, 50), [falling], marks=(Mark(50, 150.0, "guess"),))
    assert near.y.low <= 150
    far = around((0, 50), [falling], marks=(Mark(25, -1e6, "guess"),))
    assert far.y.low > 100
    (at,) = np.argwhere(far.cells.code == ord("↓"))
    assert at[0] == far.top + far.rows - 1
    high = around((0, 50), [falling], marks=(Mark(25, 1e6, "guess"),))
    (at,) = np.argwhere(high.cells.code == ord("↑"))
    assert at[0] == high.top
    assert "guess 1e+06" in high.cells.text()[at[0]]


def test_the_last_of_several_guesses_is_labelled_and_one_out_of_sight_is_left_out():
    falling = curve(np.linspace(400, 100, 101))
    marks = (Mark(10, 150.0, "guess"), Mark(60, 350.0, "guess"), Mark(999, 200.0, "guess"))
    cells = around((0, 100), [falling], marks=marks[:2]).cells
    assert (cells.code == ord(UNICODE.guess)).sum() == 2
    text = "\n".join(cells.text())
    assert "guess 350" in text
    assert "150 " not in text.replace("guess 350", "")
    cells = around((0, 100), [falling], marks=marks[2:]).cells
    assert UNICODE.guess not in "\n".join(cells.text())


def test_a_guess_without_colours_and_braille_has_a_sign():
    mono = Style(palette_for("mono", dark=True), ASCII)
    falling = curve(np.linspace(400, 100, 51))
    cells = around((0, 50), [falling], marks=(Mark(40, 300.0, "guess"),), style=mono).cells
    assert "? guess 300" in "\n".join(cells.text())
