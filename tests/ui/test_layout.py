"""What is shown at which size, and what is drawn and sent at all."""

import numpy as np
import pytest
from textual._compositor import ChopsUpdate
from textual.widget import Widget

from tests.ui.driving import driving
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.session.commands import Branch, SetLearningRate
from tui_gd.ui.panels.board import arrange

ALL = ["loss", "data", "report", "step"]
NAMES = [*ALL, "landscape", "lanes", "why", "changes", "network", "race", "starts"]


@pytest.mark.parametrize(
    ("columns", "rows", "shown"),
    [
        (120, 40, ALL),
        (121, 41, ALL),
        (100, 29, ALL),
        (100, 24, ["loss", "data"]),
        (200, 20, ["loss", "data"]),
        (99, 40, ["loss", "data", "report"]),
        (80, 24, ["loss", "data"]),
        (72, 28, ["loss", "data"]),
        (60, 29, ["loss", "data"]),
        (60, 23, ["loss"]),
        (59, 50, ["loss"]),
        (50, 16, ["loss"]),
        (40, 12, ["loss"]),
    ],
)
async def test_as_many_panels_as_there_is_room_for(columns, rows, shown) -> None:
    async with driving(columns, rows) as driver:
        assert driver.shown() == shown
        # every cell belongs to one panel or line, but for two blank lines on high screens
        seen = np.zeros((rows, columns), int)
        for widget in driver.screen.query("#top, #status, #verdict, #tabs, #keys, PanelWidget"):
            if widget.display:
                area = widget.region
                seen[area.y : area.bottom, area.x : area.right] += 1
                assert widget.cells.shape == (area.height, area.width)
        blank = (seen == 0).all(axis=1)
        assert blank.sum() == (2 if rows >= 34 else 0)
        assert (seen[~blank] == 1).all()
        for name in ALL:
            await driver.press(str(ALL.index(name) + 1))
            await driver.until(lambda name=name: driver.focused() == [name])


@pytest.mark.parametrize(("columns", "rows"), [(30, 8), (39, 40), (120, 11), (1, 1), (8, 2)])
async def test_too_small_a_terminal_says_what_it_needs_and_can_be_left(columns, rows) -> None:
    async with driving(columns, rows) as driver:
        if (columns, rows) == (30, 8):
            await driver.until(lambda: "Too small: 30x8" in driver.text())
            assert "40x12" in driver.text()
            assert "q to quit" in driver.text()
        await driver.press("full_stop")  # keys still act, nothing is drawn
        await driver.until(lambda: driver.run.runner.snapshot.epoch == 1)
        await driver.app._press_keys(["q"])
        assert driver.app._exit


async def test_growing_again_shows_the_same_to_the_last_cell() -> None:
    async with driving(120, 40) as driver:
        before = driver.text()
        for size in ((80, 24), (30, 8), (50, 16), (200, 60), (1, 1), (120, 40)):
            await driver.pilot.resize_terminal(*size)
        await driver.until(lambda: driver.text() == before)


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24), (50, 16)])
async def test_a_panel_is_maximised_and_all_are_there_again(columns, rows) -> None:
    async with driving(columns, rows) as driver:
        before = driver.shown()
        await driver.press("m")
        await driver.until(lambda: driver.shown() == ["loss"])
        await driver.press("tab")
        await driver.until(lambda: driver.shown() == ["data"])
        around = arrange(columns, rows, maximised=True).around
        await driver.until(lambda: len(driver.read("#data").split("\n")) == rows - around)
        await driver.press("1", "escape")
        await driver.until(lambda: driver.shown() == before)


def test_panels_beside_others_have_ten_rows_and_there_is_always_one() -> None:
    for columns in range(1, 301, 7):
        for rows in range(1, 101, 3):
            for maximised in (False, True):
                one = arrange(columns, rows, maximised=maximised)
                assert one.tiny == (columns < 40 or rows < 12)
                if one.tiny:
                    continue
                assert 1 <= one.count <= (1 if maximised else 4)
                assert (rows - one.around) // one.down >= (10 if one.down > 1 else 6)
                assert columns // one.across >= (36 if one.across > 1 else 40)
                if not maximised and columns >= 2.5 * rows and columns >= 80:
                    assert one.across == 2  # side by side


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24), (50, 16), (40, 12)])
async def test_every_panel_can_be_shown_and_has_the_focus_then(columns, rows) -> None:
    async with driving(columns, rows) as driver:
        for key, name in zip("123456789RS", NAMES, strict=True):
            await driver.press(key)
            await driver.until(lambda name=name: driver.focused() == [name], name)
            assert name in driver.shown()
        await driver.press("tab")  # from the lower right to the upper left
        await driver.until(lambda: driver.focused() == ["loss"])


@pytest.mark.parametrize(("symbols", "depth"), [(UNICODE, "256"), (ASCII, "16"), (UNICODE, "mono")])
async def test_no_panel_fails_at_any_size(symbols, depth) -> None:
    widths = (1, 2, 3, 4, 5, 8, 12, 16, 17, 25, 40, 58, 80, 300)
    heights = (1, 2, 3, 4, 5, 6, 8, 9, 10, 14, 22, 38, 100)
    async with driving(symbols=symbols, depth=depth) as driver:
        driver.run.sender.post(Branch())
        driver.run.sender.post(SetLearningRate(0.5))
        await driver.press("greater_than_sign", "comma")
        await driver.status(epoch=9)
        await driver.settled()
        view = driver.screen.view
        for panel in driver.screen.board.panels:
            for cursor in (False, True):
                if cursor and not panel.begin_cursor(view):
                    continue
                for rows in heights:
                    for columns in widths if not cursor else (1, 17, 80):
                        cells = panel.draw(view, rows, columns)
                        assert cells.shape == (rows, columns)
                        assert symbols is UNICODE or cells.code.max() < 128


async def test_a_storm_of_sizes_with_every_panel_maximised() -> None:
    rng = np.random.default_rng(5)
    async with driving() as driver:
        await driver.press("m")
        for number in range(24):
            driver.screen.action_step(1)
            await driver.press(str(number % 4 + 1))
            size = int(rng.integers(1, 301)), int(rng.integers(1, 101))
            await driver.pilot.resize_terminal(*size)
        await driver.pilot.resize_terminal(120, 40)
        await driver.press("escape", "1")
        await driver.status(state="PAUSED", epoch=24)
        await driver.until(lambda: driver.shown() == ALL)
        await driver.settled()


# What is drawn and sent


async def test_paused_nothing_is_drawn_and_nothing_refreshed(monkeypatch) -> None:
    async with driving() as driver:
        await driver.press("full_stop")
        await driver.status(epoch=1)
        await driver.settled()
        frames, refreshed = [], []
        monkeypatch.setattr(driver.run.runner, "want_snapshot", lambda: frames.append(1))
        monkeypatch.setattr(Widget, "refresh", lambda *whatever, **_: refreshed.append(whatever))
        await driver.until(lambda: len(frames) > 20)
        assert refreshed == []


async def test_only_what_has_changed_is_refreshed(monkeypatch) -> None:
    async with driving(80, 24) as driver:
        areas = []
        panel = driver.screen.query_one("#data")
        original = panel.refresh
        monkeypatch.setattr(panel, "refresh", lambda *a, **k: (areas.extend(a), original(*a, **k)))
        before = panel.cells
        await driver.press("full_stop")
        await driver.status(epoch=1)
        await driver.settled()
        after = panel.cells
        changed = (before.code != after.code) | (before.fg != after.fg) | (before.bg != after.bg)
        covered = np.zeros(changed.shape, bool)
        for area in areas:
            covered[area.y : area.bottom, area.x : area.right] = True
        assert (covered | ~changed).all()
        assert 0 < covered.mean() < 0.5


def rows_sent(driver, monkeypatch) -> list[set[int]]:
    """The rows of every update that goes to the terminal from now on."""
    sent, display = [], driver.app._display

    def noted(screen, update) -> None:
        if isinstance(update, ChopsUpdate):
            sent.append({row for row, _, _ in update.spans})
        elif update is not None:
            sent.append(set(range(screen.size.height)))
        display(screen, update)

    monkeypatch.setattr(driver.app, "_display", noted)
    return sent


async def test_what_is_drawn_is_sent_at_once_and_only_once(monkeypatch) -> None:
    async with driving(80, 24) as driver:
        await driver.settled()
        sent = rows_sent(driver, monkeypatch)
        driver.screen.action_meter()
        assert sent == [{0}]
        await driver.answered()
        await driver.pilot.pause(0.1)
        assert sent == [{0}]


async def test_what_is_drawn_beneath_a_question_is_sent_with_it(monkeypatch) -> None:
    async with driving(80, 24) as driver:
        await driver.press("o")
        sent, ended = rows_sent(driver, monkeypatch), []
        end_frame = driver.run.runner.end_frame
        monkeypatch.setattr(
            driver.run.runner, "end_frame", lambda: (ended.append(list(sent)), end_frame())
        )
        driver.screen.action_meter()
        assert sent == []
        await driver.until(lambda: any(0 in rows for rows in sent))
        await driver.until(lambda: ended and ended[-1])  # training goes on once it has been sent


async def test_a_panel_that_is_not_shown_is_not_drawn(monkeypatch) -> None:
    async with driving(80, 24) as driver:
        drawn = []
        for panel in driver.screen.board.panels:
            original = panel.draw
            monkeypatch.setattr(
                panel,
                "draw",
                lambda *a, name=panel.NAME, original=original: (drawn.append(name), original(*a))[
                    1
                ],
            )
        await driver.press("full_stop")
        await driver.status(epoch=1)
        assert set(drawn) == {"loss", "data"}
        await driver.settled()
        drawn.clear()
        await driver.pilot.resize_terminal(30, 8)
        await driver.press("full_stop")
        await driver.until(lambda: driver.run.runner.snapshot.epoch == 2)
        await driver.answered()
        assert drawn == []


async def test_behind_the_help_nothing_is_drawn_and_afterwards_all_is_new() -> None:
    async with driving(epochs=10**9) as driver:
        await driver.press("question_mark")
        await driver.until(lambda: driver.app.screen is not driver.screen)
        before = driver.read("#status")
        driver.screen.action_step(1)
        await driver.until(lambda: driver.run.runner.snapshot.epoch == 1)
        await driver.answered()
        assert driver.read("#status") == before
        await driver.press("escape")
        await driver.status(epoch=1)
