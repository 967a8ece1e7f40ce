"""Messages over the run: they stand below the panels, whole, and no frame is torn."""

import pytest

from tests.ui.driving import Driver, driving
from tui_gd.plots.cells import width
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.ui.panels.lines import said_rows, shortened

LONG = (
    "began again with 30 % test rows, standardized columns, three hidden layers of 8 tanh units"
    " and L2 0.001 · 0 brings back the 100 epochs with 50 % test rows and no hidden layer · B keeps"
    " both · gd-tui-blobs/a-folder-with-a-name-that-is-longer-than-a-row-of-a-terminal-with-eighty"
    "-columns/report.txt"
)
SIZES = [(80, 24), (120, 40), (60, 20), (40, 12), (132, 24)]


def torn(driver: Driver) -> list[str]:
    """The rows of the screen on which a panel's frame differs from what the panel has drawn."""
    found, rows = [], driver.text().split("\n")
    for name in driver.shown():
        widget = driver.screen.query_one(f"#{name}")
        top, left = widget.region.y, widget.region.x
        for row, text in enumerate(driver.read(f"#{name}").split("\n"), top):
            if rows[row][left : left + len(text)] != text:
                found.append(rows[row])
    return found


def said(driver: Driver) -> str:
    """What is read in the rows of messages."""
    rows = driver.text().split("\n")
    return " ".join(row[3:].rstrip() for row in rows if row.startswith((" ▌ ", " | ")))


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize(("columns", "rows"), SIZES)
@pytest.mark.parametrize("text", ["nothing to undo; L lists the kept runs", LONG[:140], LONG])
async def test_a_message_tears_no_frame_and_is_whole_where_there_is_room(
    text, columns, rows, symbols
) -> None:
    async with driving(columns, rows, symbols=symbols) as driver:
        height = driver.screen.board.size.height
        driver.screen.notices.say(text)
        await driver.until(lambda: said(driver), "a message")
        whole = "".join(symbols.words(text).split())
        if rows >= 20:
            await driver.until(lambda: "".join(said(driver).split()) == whole, "all of it")
        await driver.answered()
        words = "".join(said(driver).split())
        assert whole.startswith(words.removesuffix(symbols.words("…")))
        assert torn(driver) == []
        driver.app.clear_notifications()
        await driver.until(lambda: not said(driver))
        await driver.until(lambda: driver.screen.board.size.height == height)
        await driver.answered()
        assert torn(driver) == []


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
async def test_a_short_message_moves_no_panel_and_leaves_the_footer(columns, rows) -> None:
    async with driving(columns, rows) as driver:
        tabs, footer = driver.text().split("\n")[-2:]
        await driver.press("0")
        await driver.until(lambda: said(driver) == "nothing to undo; L lists the kept runs")
        assert driver.text().split("\n")[-1] == footer
        assert tabs not in driver.text()
        await driver.pilot.click("#tabs")
        await driver.until(lambda: driver.text().split("\n")[-2:] == [tabs, footer])


async def test_messages_stand_below_each_other_and_go_one_by_one() -> None:
    async with driving() as driver:
        add = driver.screen.notices.add
        for text in ("one", "two", "three"):
            add(text, 10.0)
        await driver.until(lambda: said(driver) == "one two three")
        await driver.answered()
        assert torn(driver) == []
        first = next(iter(driver.app._notifications))
        first.timeout = 0.0
        driver.app._refresh_notifications()
        await driver.until(lambda: said(driver) == "two three")


async def test_a_message_on_the_page_of_kept_runs_is_within_its_frame() -> None:
    async with driving() as driver:
        await driver.press("L")
        await driver.until(lambda: "esc back" in driver.text().split("\n")[-1])
        before = driver.text().split("\n")
        driver.app.screen.notices.say(LONG, warning=True)
        await driver.until(lambda: "began again with" in driver.text())
        now = driver.text().split("\n")
        assert now[-1] == before[-1]
        assert [row[0] + row[-1] for row in now] == [row[0] + row[-1] for row in before]


@pytest.mark.parametrize("columns", [1, 2, 3, 5, 8, 40])
@pytest.mark.parametrize("room", [0, 1, 2])
def test_messages_without_room_are_left_out_or_end_in_an_ellipsis(columns: int, room: int) -> None:
    style = Style(palette_for("256", dark=True), UNICODE)
    rows = [("the whole of a message", 0), ("another one", 0), ("and one more", 0)]
    found = shortened(rows, room, style, columns)
    assert len(found) == room
    assert all(text.endswith("…") for text, _ in found[-1:])


async def test_a_terminal_made_too_small_while_a_message_stands_shows_its_size_and_comes_back() -> (
    None
):
    async with driving(80, 24) as driver:
        driver.app.notify(LONG)
        await driver.until(lambda: "began again with" in driver.text())
        for columns, rows in ((20, 8), (3, 2), (80, 24)):
            await driver.pilot.resize_terminal(columns, rows)
            await driver.answered()
        await driver.until(lambda: "began again with" in driver.text())
        assert not torn(driver)


async def test_a_line_replaces_one_that_is_still_on_its_way_to_the_screen() -> None:
    async with driving() as driver:
        driver.screen.notices.say_loading("loading blobs")
        driver.screen.notices.say("began again", stay=True)
        await driver.until(lambda: "began again" in driver.notices())
        assert driver.notices() == ["began again"]


@pytest.mark.parametrize("word", ["👍🏽" * 30, "क्षि" * 40, "👨‍👩‍👧" * 20, "❤️" * 50, "x" * 200])
def test_no_row_of_a_message_is_wider_than_the_screen(word: str) -> None:
    style = Style(palette_for("256", dark=True), UNICODE)
    rows = [text for text, _ in said_rows([(f"no file {word}", "error")], style, 40)]
    assert "".join("".join(rows).split()) == f"nofile{word}"
    assert max(map(width, rows)) <= 36
