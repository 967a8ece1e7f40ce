"""Help, palette, questions, notices and the mouse; without colours, and in ASCII."""

import gc
import re
import weakref
from itertools import pairwise

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from tests.making import ON_DATA
from tests.plots.reading import contrast
from tests.ui.driving import Driver, driving
from tui_gd.learning.optimizers import OPTIMIZERS
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE, Symbols
from tui_gd.session.snapshot import Snapshot
from tui_gd.ui.keys import ACTIONS
from tui_gd.ui.panels.lines import loss_in_words
from tui_gd.ui.screens.pages import draw_help
from tui_gd.ui.screens.questions import (
    OPTIMIZER_WORDS,
    Choice,
    Prompt,
    likely_target,
    loss_words,
    parse_epoch,
    parse_learning_rate,
)
from tui_gd.ui.terminal import spelt

PALETTE = palette_for("256", True)
# an action without a line of its own stands in the line before
LISTED = [action for action in ACTIONS if action.shown]


# Help and palette


def test_a_key_without_a_line_stands_in_the_line_before() -> None:
    for before, action in pairwise(ACTIONS):
        if not action.shown:
            assert before.shown
            keys = action.keys.split(",")
            assert any(key in before.shown or key.upper() in before.shown for key in keys)


def help_at(rows: int, columns: int, symbols: Symbols = UNICODE) -> list[list[str]]:
    """The rows of every page of the help."""
    found, number = [], 0
    while True:
        cells, page = draw_help(rows, columns, number, Style(PALETTE, symbols))
        if page < number:
            return found
        found.append(cells.text())
        assert "esc: back" in found[-1][0]
        number += 1


@pytest.mark.parametrize(
    ("rows", "columns", "pages"), [(40, 120, 2), (24, 80, 6), (150, 100, 1), (12, 40, 20)]
)
def test_the_pages_of_the_help_list_every_action_whole(rows, columns, pages) -> None:
    found = help_at(rows, columns)
    assert len(found) == pages
    lines = "\n".join("\n".join(page) for page in found)
    words = " ".join(lines.replace("│", " ").split())
    for action in LISTED:
        assert action.shown in lines
        if columns < 100:  # in two columns a wrapped text stands beside another one
            assert action.text in words, action.text


def test_the_first_page_at_80x24_says_what_is_seen_before_any_group_of_keys() -> None:
    first, second, *_ = help_at(24, 80)
    text = "\n".join(first)
    for word in ("epoch", "loss", "α", "points", "background", "lane", "verdict", "first keys"):
        assert f"│ {word} " in text
    assert "page 1 of 6" in first[0]
    assert "b branches" in text
    assert second[1].startswith("│ Training ")


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_the_help_has_no_size_at_which_it_fails(symbols) -> None:
    for rows in (1, 2, 3, 10, 100):
        for columns in (1, 2, 3, 20, 60, 112, 113, 300):
            cells, _ = draw_help(rows, columns, 3, Style(PALETTE, symbols))
            assert cells.shape == (rows, columns)
            assert symbols is UNICODE or "\n".join(cells.text()).isascii()


async def test_keys_and_wheel_turn_the_pages_of_the_help() -> None:
    async with driving(80, 24) as driver:
        await driver.press("question_mark")
        await driver.until(lambda: "page 1 of 6" in driver.text())
        for key in ("space", "right", "down", "pagedown"):
            await driver.press(key)
        await driver.until(lambda: "page 5 of 6" in driver.text())
        await driver.press("left", "up")
        await driver.until(lambda: "page 3 of 6" in driver.text())
        driver.app.screen.on_mouse_scroll_down()
        await driver.until(lambda: "page 4 of 6" in driver.text())
        await driver.press("end")
        await driver.until(lambda: "page 6 of 6" in driver.text())
        await driver.press("q")  # leaves the help, not the program
        await driver.until(lambda: driver.app.screen is driver.screen)
        assert not driver.app._exit


SCREENS = {
    "Prompt": ("a",),
    "Choice": ("o",),
    "ExportScreen": ("e",),
    "ColumnsScreen": ("D",),
    "SettingsScreen": ("semicolon",),
    "Commands": ("colon",),
    "RunsScreen": ("L",),
}


@pytest.mark.parametrize("name", SCREENS)
async def test_help_and_escape_do_the_same_on_every_screen(name) -> None:
    async with driving() as driver:
        await driver.press(*SCREENS[name])
        await driver.until(lambda: type(driver.app.screen).__name__ == name)
        typed = name in {"Prompt", "Commands"}  # a line of text takes the question mark
        for key in ("f1",) if typed else ("f1", "question_mark"):
            await driver.press(key)
            await driver.until(lambda: "What is seen" in driver.text())
            await driver.press("escape")
            await driver.until(lambda: type(driver.app.screen).__name__ == name)
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.screen)
        await driver.press("full_stop")
        await driver.status(epoch=1)


async def test_share_is_found_by_its_name_and_shows_the_line_that_it_sends() -> None:
    async with driving(80, 24) as driver:
        for key in ("full_stop", "plus", "full_stop", "b", "plus", "full_stop", "B", "enter"):
            await driver.press(key)
        await driver.press("colon")
        await driver.until(lambda: isinstance(driver.app.screen, CommandPalette))
        await driver.type("share")
        await driver.until(lambda: "Share: copy the line" in driver.text())
        await driver.press("enter")
        await driver.until(lambda: "this line in quotes" in driver.text())
        # whether a terminal takes it is not known
        assert "repeat the run (sent to the terminal)" in driver.text()
        line = driver.app.clipboard
        assert line.startswith("gd1:")
        # all of it can be read, in as many lines as it takes
        shown = re.findall(r"│ +(\S+?) *│", driver.text())
        assert len(line) > 100
        assert line in "".join(shown)
        assert "esc leaves" in driver.text()


async def test_a_question_says_which_keys_answer_it() -> None:
    async with driving(80, 24) as driver:
        for key in ("l", "o", "d", "B"):
            await driver.press(key)
            await driver.until(lambda: "↑ ↓ choose  enter takes  esc leaves" in driver.text())
            assert "…" not in driver.text() or key == "d"
            await driver.press("escape")
        await driver.press("a")
        await driver.until(lambda: "enter takes  esc leaves" in driver.text())


async def test_the_question_for_a_plane_says_what_each_kind_is_for() -> None:
    async with driving(80, 24) as driver:
        await driver.press("v")
        await driver.until(lambda: "or principal: the two directions" in driver.text())
        assert "Landscape over two weights, as x1, bias or 1, 3" in driver.text()


async def test_the_palette_offers_every_action_and_carries_it_out() -> None:
    async with driving() as driver:
        offered = {command.title for command in driver.app.get_system_commands(driver.screen)}
        for action in ACTIONS:
            if action.name != "command_palette":
                assert action.text[0].upper() + action.text[1:] in offered
        await driver.press("ctrl+p")
        await driver.until(lambda: isinstance(driver.app.screen, CommandPalette))
        await driver.type("ten epochs forw")
        await driver.until(lambda: "Ten epochs forward" in driver.text())
        await driver.press("enter")
        await driver.until(lambda: driver.app.screen is driver.screen)
        await driver.status(epoch=10)


# Questions


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("x", "not a number: type one like 0.03"),
        ("", "not a number: type one like 0.03"),
        ("0", "not a positive number"),
        ("-1", "not a positive number"),
        ("nan", "not a positive number"),
        ("inf", "not a positive number"),
        ("1e999", "not a positive number"),
    ],
)
def test_no_learning_rate(text, wrong) -> None:
    with pytest.raises(ValueError, match=wrong):
        parse_learning_rate(text)
    assert parse_learning_rate("3e-2") == 0.03


@pytest.mark.parametrize("text", ["-1", "1.5", "", "x", "²", "9" * 20])
def test_no_epoch(text) -> None:
    with pytest.raises(ValueError, match="whole number"):
        parse_epoch(text)
    assert parse_epoch("120") == 120


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (40, 12)])
async def test_a_wrong_answer_says_what_is_wrong_and_stays_open(columns, rows) -> None:
    async with driving(columns, rows) as driver:
        await driver.press("a")
        await driver.until(lambda: isinstance(driver.app.screen, Prompt))
        assert driver.app.screen.query_one(Input).value == "0.01"
        await driver.press("x", "enter")
        await driver.until(lambda: "not a number: type one like 0.03" in driver.text())
        await driver.press("backspace")
        await driver.until(lambda: "not a number" not in driver.text())
        await driver.press("3", "enter")
        await driver.until(lambda: driver.app.screen is driver.screen)
        await driver.status(alpha=3.0)


@pytest.mark.parametrize("key", ["a", "g", "l"])
async def test_escape_leaves_a_question_and_changes_nothing(key) -> None:
    async with driving() as driver:
        before = driver.read("#status")
        await driver.press(key)
        await driver.until(lambda: isinstance(driver.app.screen, Prompt | Choice))
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.screen)
        assert driver.read("#status") == before


async def test_a_question_that_waits_does_not_blink() -> None:
    async with driving() as driver:
        await driver.press("a")
        await driver.until(lambda: isinstance(driver.app.screen, Prompt))
        assert not driver.app.screen.query_one(Input).cursor_blink


@pytest.mark.parametrize("task", ON_DATA)
def test_every_loss_has_a_name_and_says_what_it_is_for(task) -> None:
    words = loss_words(task)
    assert tuple(words) == ON_DATA[task]
    assert "value of the function" not in words.values()
    names = {loss_in_words(loss, short=False) for loss in words}
    assert len(names) == len(words)
    assert names.isdisjoint(set(words) - {"cross-entropy"})


def test_every_optimizer_can_be_chosen() -> None:
    assert list(OPTIMIZER_WORDS) == list(OPTIMIZERS)


async def test_another_loss_keeps_start_rates_and_lanes() -> None:
    async with driving(alpha=(0.01, 0.03)) as driver:
        weights = driver.run.runner.snapshot.lane.weights
        await driver.press("plus")
        await driver.status(alpha=0.03)
        await driver.press("l")
        await driver.until(lambda: isinstance(driver.app.screen, Choice))
        await driver.press("j", "k", "j", "j", "enter")
        await driver.until(lambda: driver.run.settings.loss == "cross-entropy")
        await driver.settled()
        snapshot = driver.run.runner.snapshot
        assert [lane.learning_rate for lane in snapshot.lanes] == [0.03, 0.03]
        assert (snapshot.lane.weights == weights).all()


# Notices


async def test_a_notice_takes_the_place_of_the_one_before() -> None:
    async with driving() as driver:
        await driver.press("comma", "comma", "f")
        await driver.until(lambda: driver.notices() == ["flat out"])
        await driver.until(lambda: "flat out" in driver.text())


async def test_the_rule_that_stops_a_run_is_named() -> None:
    async with driving(target_loss=100.0) as driver:
        await driver.press("greater_than_sign")
        await driver.until(driver.notices)
        assert driver.notices()[0].startswith("stopped: ")
        snapshot = driver.run.runner.snapshot
        assert isinstance(snapshot, Snapshot)
        assert snapshot.lane.loss <= 100


@pytest.mark.parametrize("depth", ["truecolor", "256"])
@pytest.mark.parametrize("dark", [True, False])
async def test_a_notice_can_be_read(depth, dark) -> None:
    async with driving(depth=depth) as driver:
        if not dark:
            await driver.press("t")
        await driver.press("comma")
        await driver.until(lambda: "this is the first epoch" in driver.text())
        strips = driver.app.screen._compositor.render_strips(driver.app.size)
        style = next(s.style for strip in strips for s in strip if "first epoch" in s.text)
        ink, ground = (
            1 << 24 | c.red << 16 | c.green << 8 | c.blue
            for c in (style.color.get_truecolor(), style.bgcolor.get_truecolor())
        )
        assert contrast(ink, ground) >= 4.5


# The mouse


async def test_a_click_focuses_a_panel() -> None:
    async with driving() as driver:
        await driver.pilot.click("#report", offset=(5, 5))
        await driver.until(lambda: driver.focused() == ["report"])


async def test_a_click_on_a_key_does_what_the_key_does() -> None:
    async with driving() as driver:
        line = driver.read("#keys")
        await driver.pilot.click("#keys", offset=(line.index("step"), 0))
        await driver.status(epoch=1)
        await driver.pilot.click("#keys", offset=(line.index(". , step") + 2, 0))
        await driver.status(epoch=0)
        await driver.pilot.click("#keys", offset=(line.index("+ - α"), 0))
        await driver.status(alpha=0.03)
        await driver.pilot.click("#keys", offset=(line.index("? help") - 1, 0))  # between two
        await driver.pilot.click("#keys", offset=(len(line) - 1, 0))
        assert driver.app.screen is driver.screen
        await driver.pilot.click("#keys", offset=(line.index("? help"), 0))
        await driver.until(lambda: driver.app.screen is not driver.screen)


async def test_a_click_on_quit_quits() -> None:
    async with driving() as driver:
        await driver.pilot.click("#keys", offset=(driver.read("#keys").index("quit"), 0))
        assert driver.app._exit


async def test_the_wheel_moves_as_up_and_down_in_the_panel_under_it() -> None:
    from textual.events import MouseScrollDown, MouseScrollUp

    async with driving() as driver:

        async def roll(kind: type) -> None:
            await driver.pilot._post_mouse_events([kind], widget="#step", offset=(5, 5))

        await roll(MouseScrollDown)
        await driver.until(lambda: "row 2 of 500" in driver.read("#step"))
        await roll(MouseScrollUp)
        await roll(MouseScrollUp)
        await driver.until(lambda: "row 500 of 500" in driver.read("#step"))


# Without colours, and in ASCII


async def walk_through_all_screens(driver: Driver) -> list[str]:
    """Every screen's text: the run, its panels maximised, help, palette, questions, a notice."""
    seen = []

    async def look(*keys: str) -> None:
        await driver.press(*keys)
        await driver.answered()
        seen.append(driver.text())

    await look("full_stop", "b", "plus", "greater_than_sign", "comma")
    await look("enter", "left")
    await look("escape", "2", "enter", "left", "p")
    for panel in "1234":
        await look(panel, "m")
        await look("escape", "escape")
    await look("home", "comma")
    for key in ("question_mark", "a", "g", "l", "ctrl+p"):
        await look(key)
        if key in "ag":
            await look("x", "enter")
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.screen)
    await look("t")
    await driver.pilot.resize_terminal(30, 8)
    await look()
    return seen


@pytest.mark.parametrize("columns", [120, 80])
async def test_in_ascii_mode_every_screen_is_ascii(columns) -> None:
    async with driving(columns, 40 if columns == 120 else 24, symbols=ASCII) as driver:
        for text in await walk_through_all_screens(driver):
            assert text.isascii(), sorted({c for c in text if not c.isascii()})
            assert "?" not in re.sub(r"\?\s+(or F1|help)", "", text)


async def test_with_no_color_no_screen_has_colours(monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with driving(depth="mono") as driver:
        assert driver.app.no_color
        assert all(await walk_through_all_screens(driver))
        await driver.pilot.resize_terminal(120, 40)
        for keys in ((), ("a",)):
            await driver.press(*keys)
            await driver.answered()
            for strip in driver.app.screen._compositor.render_strips(driver.app.size):
                for segment in strip:
                    for colour in (segment.style.color, segment.style.bgcolor):
                        triplet = colour.triplet if colour and not colour.is_default else None
                        assert triplet is None or len(set(triplet)) == 1  # a grey


def test_ascii_is_as_wide_as_what_it_stands_for() -> None:
    assert spelt("╭──╮ α…") == "+--+ a."
    assert spelt("🔎x") == "??x"
    assert spelt("plain") == "plain"


async def test_the_advised_loss_is_marked_and_chosen_where_a_run_is_stuck() -> None:
    async with driving(seed=6) as driver:  # half of the rows are wrong, on a plateau
        await driver.press("f", "space")
        await driver.status(state="FINISHED")
        await driver.settled()
        await driver.press("B")
        await driver.until(lambda: isinstance(driver.app.screen, Choice))
        await driver.until(lambda: "cross-entropy ←" in driver.text())
        await driver.press("enter")
        await driver.until(lambda: len(driver.run.runner.snapshot.lanes) == 2)
        assert driver.run.runner.snapshot.lane.loss_name == "cross-entropy"


@pytest.mark.parametrize(
    ("columns", "likely"),
    [(("y", "x"), "y"), (("a", "Label", "b"), "Label"), (("a", "b", "price"), "price")],
)
def test_the_likely_target_has_its_name_or_is_the_last(columns, likely) -> None:
    assert likely_target(columns) == likely


@pytest.mark.parametrize("keys", [("ctrl+p",), ("l",), ("e",), ("L",), ("question_mark",), ()])
async def test_dialogs_and_notices_survive_windows_of_a_few_columns(keys) -> None:
    async with driving() as driver:
        await driver.press(*keys)
        for columns, rows in ((4, 30), (3, 2), (2, 10), (1, 1), (5, 30), (120, 40)):
            await driver.pilot.resize_terminal(columns, rows)
            driver.screen.notices.say("a notice of several words")
            await driver.answered()
            await driver.press("down", "up")
        assert not driver.app._exit


@pytest.mark.parametrize("key", ["L", "question_mark", "l", "a", "e"])
async def test_nothing_of_a_closed_screen_stays_in_memory(key: str) -> None:
    async with driving() as driver:

        async def opened_and_closed() -> list[weakref.ref[object]]:
            """Return what there was of the screen, and the lines of every part."""
            await driver.press(key)
            await driver.until(lambda: driver.app.screen is not driver.screen)
            await driver.until(lambda: driver.app.screen.is_mounted)
            await driver.answered()
            screen = driver.app.screen
            parts = [weakref.ref(part) for part in (screen, *screen.query("*"))]
            lines = [weakref.ref(part._styles_cache) for part in (screen, *screen.query("*"))]
            del screen
            await driver.press("escape")
            await driver.until(lambda: driver.app.screen is driver.screen)
            return [*parts, *lines]

        gone = [one for _ in range(4) for one in await opened_and_closed()]
        for _ in range(4):  # timers and threads hold on to the newest for a while
            await opened_and_closed()

        def collected() -> bool:
            gc.collect()
            return all(one() is None for one in gone)

        await driver.until(collected)


@pytest.mark.parametrize("columns", [60, 80, 100, 114, 120, 140, 160])
def test_a_key_and_its_word_are_on_one_line_of_the_help(columns) -> None:
    text = "\n".join("\n".join(page) for page in help_at(40, columns))
    pairs = ("space run", ". one epoch", ", back", "+ - α", "7 the reasons", "; settings")
    for pair in (*pairs, "0 undo", "q quit", "b branches"):
        assert f" {pair}" in text, pair


async def test_the_footer_has_whole_words_for_what_matters_most_where_there_is_room() -> None:
    async with driving() as driver:
        await driver.press("5")
        await driver.until(lambda: "place" in driver.read("#keys"))
        words = driver.read("#keys")
        assert "enter choose a place ↑ ↓ other weights v name the weights" in words
        assert "? help q quit" in words


SAID = {
    "short": "nothing to undo; L lists the kept runs",
    "long": "began again with cross-entropy · 0 brings the 100 epochs with squared error back · B"
    " keeps both",
    "copied": "sent 12 lines to the terminal, which may ignore it; W writes a file instead",
}


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24), (60, 20)])
async def test_a_message_covers_neither_status_nor_verdict_and_leaves_no_trace(
    columns, rows, said
) -> None:
    async with driving(columns, rows) as driver:
        await driver.press("full_stop")
        await driver.status(epoch=1)
        await driver.settled()
        before = driver.text().split("\n")
        driver.screen.notices.say(SAID[said])
        first, *_, last = SAID[said].split(" ")
        await driver.until(lambda: f"▌ {first}" in driver.text() and f" {last} " in driver.text())
        during = driver.text().split("\n")
        covered = [at for at, row in enumerate(during) if row != before[at]]
        for kept in ("#top", "#status", "#verdict"):
            region = driver.screen.query_one(kept).region
            assert not set(range(region.y, region.bottom)) & set(covered), kept
        # what was beneath is there again
        driver.app.clear_notifications()
        await driver.until(lambda: driver.text().split("\n") == before)


async def test_a_message_does_not_hide_rows_of_a_page_that_opens() -> None:
    async with driving(80, 24) as driver:
        for key, title in (("question_mark", "help"), ("semicolon", "settings of"), ("D", "colu")):
            driver.screen.notices.say("▚ what was said before")
            await driver.until(lambda: "▚" in driver.text())
            await driver.press(key)
            await driver.until(lambda title=title: f"╭ {title}" in driver.text())
            assert "▚" not in driver.text()
            await driver.press("escape")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("home",), "this is the first epoch"),
        (("end",), "this is the newest epoch"),
        (("r",), "this is the start; n is another"),
        (("H",), "all epochs are shown; z zooms in"),
        (("5", "7", "p"), "train points; 2 shows it"),
        (("7", "6", "1", "6", "s"), "smoothed over 5; 1 shows it"),
    ],
)
async def test_a_key_that_changes_nothing_that_is_seen_says_so(keys, said) -> None:
    async with driving(80, 24) as driver:
        await driver.press(*keys)
        assert driver.notices() == [said]


async def test_what_a_surface_has_not_is_said_in_whole_sentences() -> None:
    async with driving(80, 24, problem="surface:two-valleys-1d") as driver:
        await driver.press("2")
        words = " ".join(driver.read("#data").replace("│", " ").split())
        assert "a surface has no rows of data: 5 shows it" in words
        await driver.press("p")
        assert driver.notices() == ["a surface has no rows"]
