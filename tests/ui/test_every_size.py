"""Every panel at every size, with names whose characters are two cells wide, or none."""

from __future__ import annotations

import random
import re
import unicodedata
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
from textual.screen import Screen

from tests.ui.driving import Driver, driving
from tui_gd.plots.symbols import ASCII, UNICODE, Symbols
from tui_gd.session.commands import Branch, RenameLane
from tui_gd.ui.panels.panel import Panel
from tui_gd.ui.screens.questions import Whole
from tui_gd.ui.screens.table_page import TableScreen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

COLUMNS = (1, 2, 3, 9, 40, 59, 80, 121, 300)
ROWS = (1, 2, 5, 12, 24, 100)
# columns and rows of a window that is resized again and again
SCREENS = (
    (1, 1),
    (300, 1),
    (1, 100),
    (40, 11),
    (40, 12),
    (60, 16),
    (100, 24),
    (300, 100),
    (80, 24),
)
NAMES = (
    "高さ",
    "e\u0301tat",
    "ᄒ\u1161ᆫ",
    "a\u0308\u0323\u0301",
    "ﬀ🐈\u200d⬛",
    "x" * 80,
    "日本語" * 70,
    "אורך\u202e",  # right to left, and a character that reverses what follows
    "a\tb\x1b[31mc\x07",
)
CLASSES = ("猫", "n\u0303o", "犬" * 40, "ארוך", "\x1b]0;x\x07")
# keys that open screens with names on them, or over such screens
OPENED = (
    "o", "l", "d", "a", "g", "e", "L", "D", "N", "B", "v", "question_mark", "colon", "w",
)  # fmt: skip
OPEN_ON = ((1, 1), (39, 11), (40, 12), (61, 16), (80, 24), (121, 40), (300, 100))


def cells_of(text: str) -> int:
    """The cells of a line, counted character by character."""
    return sum(
        0
        if unicodedata.combining(sign) or unicodedata.category(sign) in {"Mn", "Me", "Cf"}
        else 2
        if unicodedata.east_asian_width(sign) in "WF"
        else 1
        for sign in text
    )


def table(path: Path) -> str:
    """A table of classes whose names are wide, long, or no names."""
    rng = np.random.default_rng(5)
    lines = [",".join((*NAMES, "面"))]
    for row in range(90):
        values = ",".join(f"{value:.3f}" for value in rng.normal(row % 3, 1.0, len(NAMES)))
        lines.append(f"{values},{CLASSES[row % len(CLASSES)]}")
    file = path / "名前.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    return str(file)


@asynccontextmanager
async def wide(path: Path, symbols: Symbols = UNICODE) -> AsyncIterator[Driver]:
    """A run of that table with two lanes, one of a wide name, some epochs on."""
    options = {"target": "面", "hidden": (4,), "alpha": (0.01,), "standardize": True}
    async with driving(problem=table(path), symbols=symbols, **options) as driver:
        await driver.press("greater_than_sign")
        await driver.status(epoch=10)
        driver.run.sender.post(Branch("adam"))
        driver.run.sender.post(RenameLane(1, "猫の名前e\u0301"))
        await driver.until(lambda: "猫" in driver.run.runner.snapshot.lanes[-1].name)
        await driver.settled()
        yield driver


def panels(driver: Driver) -> list[Panel]:
    found = list(driver.screen.board.panels)
    assert len(found) == 11
    return found


@pytest.mark.parametrize("symbols", [UNICODE, ASCII], ids=["unicode", "ascii"])
async def test_every_panel_fills_every_size_exactly(tmp_path, symbols) -> None:
    async with wide(tmp_path, symbols) as driver:
        view = driver.screen.view
        for panel in panels(driver):
            for rows in ROWS:
                for columns in COLUMNS:
                    cells = panel.draw(view, rows, columns)
                    assert cells.shape == (rows, columns), panel.NAME
                    for line in cells.text():
                        assert cells_of(line) == columns, (panel.NAME, rows, columns, line)
                        assert line.isascii() or not symbols.plain


async def test_every_panel_alone_on_every_screen_stays_within_it(tmp_path) -> None:
    async with wide(tmp_path) as driver:
        names = [panel.NAME for panel in panels(driver)]
        driver.screen.board.maximised = True
        for columns, rows in SCREENS:
            await driver.pilot.resize_terminal(columns, rows)
            await driver.until(lambda size=(columns, rows): driver.app.size == size)
            for name in names:
                driver.screen.board.choose(name)
                driver.screen.lay_out()
                await driver.pilot._wait_for_screen()
                strips = driver.app.screen._compositor.render_strips(driver.app.size)
                assert len(strips) == rows
                for strip in strips:
                    assert cells_of(strip.text) == columns, (name, columns, rows, strip.text)
                if columns >= 40 and rows >= 12:
                    assert driver.shown() == [name]
        # after all of that it is as it was
        await driver.press("escape", "full_stop")
        await driver.status(epoch=11)


def names_end_at_the_edge(driver: Driver, what: object) -> None:
    strips = driver.app.screen._compositor.render_strips(driver.app.size)
    columns, rows = driver.app.size
    assert len(strips) == rows
    for strip in strips:
        assert cells_of(strip.text) == columns, (what, columns, rows, strip.text)
        assert not any(unicodedata.category(sign) == "Cc" for sign in strip.text), (
            what,
            strip.text,
        )
        assert "\u202e" not in strip.text, (what, strip.text)


async def test_whatever_is_opened_stays_within_every_screen(tmp_path) -> None:
    opened = set()
    async with wide(tmp_path) as driver:
        for columns, rows in OPEN_ON:
            await driver.pilot.resize_terminal(columns, rows)
            await driver.until(lambda size=(columns, rows): driver.app.size == size)
            for key in OPENED:
                stack = len(driver.app.screen_stack)
                await driver.pilot.press(key)
                await driver.pilot._wait_for_screen()
                await driver.pilot.pause()
                names_end_at_the_edge(driver, key)
                if len(driver.app.screen_stack) > stack:
                    opened.add(key)
                while len(driver.app.screen_stack) > stack:
                    depth = len(driver.app.screen_stack)
                    await driver.pilot.press("escape")
                    await driver.until(lambda depth=depth: len(driver.app.screen_stack) < depth)
    assert opened == set(OPENED) - {"w"}


def kinds(of: type[Screen]) -> set[type[Screen]]:
    """All screens that the program can show: classes without others that add to them."""
    below = of.__subclasses__()
    if not below:
        return {of} if of.__module__.startswith("tui_gd") else set()
    return set().union(*(kinds(one) for one in below))


async def test_every_screen_survives_a_storm_of_sizes_and_keys(tmp_path) -> None:
    draw = random.Random(1)
    seen: set[type[Screen]] = set()
    keys = ("down", "up", "tab", "pagedown", "end", "left", "x", "1", "backspace", "f1", "ctrl+p")
    async with wide(tmp_path) as driver:
        for key in (*OPENED, "semicolon"):
            await driver.pilot.resize_terminal(100, 30)
            await driver.press(key)
            if key != "w":  # it writes a file, and opens nothing
                await driver.until(lambda: driver.app.screen is not driver.screen, key)
            driver.screen.notices.say(
                "a notice that needs more than one line, however wide the window is"
            )
            for _ in range(4):
                narrow = draw.random() < 0.6
                size = draw.randint(1, 3 if narrow else 150), draw.randint(1, 50)
                await driver.pilot.resize_terminal(*size)
                await driver.pilot.press(*draw.sample(keys, 2))
                seen |= {type(one) for one in driver.app.screen_stack}
                names_end_at_the_edge(driver, (key, size))
            await driver.pilot.resize_terminal(100, 30)
            while driver.app.screen is not driver.screen:
                depth = len(driver.app.screen_stack)
                await driver.pilot.press("escape")
                await driver.until(lambda depth=depth: len(driver.app.screen_stack) < depth)
        # a table's page and a text shown whole have tests of their own
        assert kinds(Screen) - {TableScreen, Whole} <= seen
        await driver.pilot.press("q")
        await driver.until(lambda: driver.app._exit)


async def test_a_long_name_leaves_the_numbers_of_the_report_in_sight(tmp_path) -> None:
    async with wide(tmp_path) as driver:
        driver.app.clear_notifications()  # what the problem is, in rows that the panels lack
        await driver.press("3")
        for columns in (80, 120, 200):
            await driver.pilot.resize_terminal(columns, 40)
            await driver.until(lambda columns=columns: driver.app.size.width == columns)
            await driver.until(lambda: "weighted avg" in driver.read("#report"))
            lines = driver.read("#report").split("\n")
            long = next(line for line in lines if "犬犬犬" in line)
            assert len(re.findall(r"\b[01]\.\d{4}\b", long)) == 3, long
            assert any(re.search(r"accuracy +[01]\.\d{4} +45\b", line) for line in lines)
