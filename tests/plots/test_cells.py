import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_gd.plots.cells import CONTINUATION, Cells, changed_spans, fit, widest, width
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE

PALETTE = palette_for("256", True)


def blank(rows=3, columns=8, symbols=UNICODE):
    return Cells.blank(rows, columns, Style(PALETTE, symbols))


def apply(before, after, spans):
    result = before.copy()
    for row, start, stop in spans:
        for name in ("code", "fg", "bg"):
            getattr(result, name)[row, start:stop] = getattr(after, name)[row, start:stop]
    return result


def same(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("code", "fg", "bg")
    )


def test_put_writes_text_in_its_colours_and_returns_the_next_column():
    cells = blank()
    assert cells.put(1, 2, "abc", 75, 17) == 5
    assert cells.text() == [" " * 8, "  abc   ", " " * 8]
    assert cells.fg[1, 2:5].tolist() == [75] * 3
    assert cells.bg[1].tolist() == [233] * 2 + [17] * 3 + [233] * 3


def test_put_without_background_keeps_the_one_that_is_there():
    cells = blank()
    cells.bg[0] = 52
    cells.put(0, 0, "x", 75)
    assert cells.bg[0].tolist() == [52] * 8


@pytest.mark.parametrize(("row", "column"), [(-1, 0), (3, 0), (0, 8), (0, -3)])
def test_put_outside_changes_nothing(row, column):
    cells = blank()
    cells.put(row, column, "abc", 75)
    assert same(cells, blank())


def test_put_is_clipped_at_both_edges():
    cells = blank()
    cells.put(0, -2, "abcd", 75)
    cells.put(1, 6, "abcd", 75)
    assert cells.text()[:2] == ["cd      ", "      ab"]


@pytest.mark.parametrize(
    "text", ["\x1b[31m", "a\nb", "a\rb", "\x9b2J", "a\u202eb", "\udc9b", "a\tb"]
)
def test_control_characters_are_harmless(text):
    for symbols, sign in ((UNICODE, "·"), (ASCII, "?")):
        cells = blank(symbols=symbols)
        cells.put(0, 0, text, 75)
        shown = cells.text()[0]
        assert shown.isprintable()
        assert sign in shown


def test_wide_characters_take_two_cells_and_are_never_halved():
    cells = blank(1, 5)
    cells.put(0, 0, "日本語", 75)
    assert cells.code[0].tolist() == [ord("日"), CONTINUATION, ord("本"), CONTINUATION, 32]
    assert cells.text() == ["日本 "]
    cells.put(0, 1, "x", 75)
    assert cells.text() == [" x本 "]
    cells.put(0, 2, "y", 75)
    assert cells.text() == [" xy  "]


def test_a_wide_character_half_outside_on_the_left_leaves_a_blank():
    cells = blank(1, 4)
    cells.put(0, -1, "日ab", 75)
    assert cells.text() == [" ab "]


def test_paste_leaves_no_half_character():
    below, above = blank(1, 6), blank(1, 2)
    below.put(0, 0, "日本語", 75)
    above.put(0, 0, "xy", 75)
    below.paste(0, 1, above)
    assert below.text() == [" xy 語"]
    wide = blank(1, 4)
    wide.put(0, 0, "日本", 75)
    narrow = blank(1, 3)
    narrow.paste(0, 0, wide)
    assert narrow.text() == ["日 "]
    narrow.paste(0, -1, wide)
    assert narrow.text() == [" 本"]


def test_combining_characters_are_composed_or_dropped():
    cells = blank(1, 4)
    cells.put(0, 0, "éx̂", 75)
    assert cells.text() == ["éx  "]
    assert width("é") == 1


def test_plain_cells_hold_ascii_only():
    cells = blank(1, 6, ASCII)
    cells.put(0, 0, "é日x", 75)
    assert cells.text() == ["???x  "]


def test_fit_shows_that_it_has_cut():
    assert fit("abcdef", 4) == "abc…"
    assert fit("abcdef", 4, plain=True) == "abc."
    assert fit("日本語", 4) == "日…"
    assert fit("abc", 3) == "abc"
    assert fit("abc", 0) == ""


def test_spans_are_whole_rows_without_a_frame_before_or_with_another_shape():
    assert changed_spans(None, blank(2, 5)) == [(0, 0, 5), (1, 0, 5)]
    assert changed_spans(blank(2, 4), blank(2, 5)) == [(0, 0, 5), (1, 0, 5)]
    assert changed_spans(blank(), blank()) == []


def test_near_changes_are_one_span_and_distant_ones_two():
    before, after = blank(1, 20), blank(1, 20)
    after.put(0, 2, "x", 75)
    after.put(0, 6, "x", 75)
    assert changed_spans(before, after, gap=4) == [(0, 2, 7)]
    assert changed_spans(before, after, gap=3) == [(0, 2, 3), (0, 6, 7)]


def test_a_changed_wide_character_is_sent_whole():
    before, after = blank(1, 6), blank(1, 6)
    before.put(0, 2, "日", 75)
    after.put(0, 2, "本", 75)
    assert changed_spans(before, after) == [(0, 2, 4)]


pieces = st.lists(
    st.tuples(
        st.integers(-1, 4),
        st.integers(-3, 15),
        st.text(alphabet="ab 日é\x1b", max_size=6),
        st.integers(-1, 3),
        st.none() | st.integers(-1, 3),
    ),
    max_size=6,
)


@given(pieces, pieces, st.integers(1, 6))
def test_the_changed_spans_turn_the_old_picture_into_the_new(first, second, gap):
    before, after = blank(4, 14), blank(4, 14)
    for cells, puts in ((before, first), (after, second)):
        for row, column, text, fg, bg in puts:
            cells.put(row, column, text, fg, bg)
            for line in cells.code:
                halves = np.flatnonzero(line == CONTINUATION)
                assert 0 not in halves
                assert all(line[half - 1] in (ord("日"),) for half in halves)
    spans = changed_spans(before, after, gap)
    assert same(apply(before, after, spans), after)
    for row, start, stop in spans:
        assert after.code[row, start] != CONTINUATION
        assert stop == 14 or after.code[row, stop] != CONTINUATION


def test_the_widest_of_several_texts_counts_cells_and_not_characters():
    assert widest([]) == 0
    assert widest(["", "three"]) == 5
    assert widest(["abc", "日本"]) == 4
    assert widest(["a\u0301", "α"]) == 1
