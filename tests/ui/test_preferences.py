"""What is remembered between starts, what `config.toml` says, and the terminal's own ground."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.terminal.session import ROOT, Terminal
from tests.ui.driving import Driver, driving
from tui_gd.plots.palette import RGB, palette_for
from tui_gd.ui.context import LastView, read_preferences, read_view, write_view

VIEW = LastView("light", ("step", "data", "report", "why"), "why", True, True, True, 21)
# the ground of the dark and the light theme in 256 colours
GROUNDS = {"dark": "121212", "light": "ffffff"}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "tui_gd", "--seed", "3", "--no-store", *words]


def start(home: Path, *words: str, **how: object) -> Terminal:
    env = {"GD_TUI_CONFIG": str(home), "PYTHONPATH": str(ROOT)}
    return Terminal(command(*words), home=home, env=env, columns=120, rows=40, **how)


def ground(terminal: Terminal) -> str:
    """The theme that the cell in the upper left corner of the status line's next row shows."""
    background = terminal.cells()[2][0].background
    return next(theme for theme, colour in GROUNDS.items() if colour == background)


def quit_(terminal: Terminal) -> None:
    terminal.press("q")
    assert terminal.wait_for_exit() == 0


# The view of last time


def test_a_view_is_read_as_it_was_written(tmp_path) -> None:
    path = tmp_path / "new" / "view.json"
    assert read_view(path) == (LastView(), "")
    for view in (VIEW, LastView()):
        write_view(path, view)
        assert read_view(path) == (view, "")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "\x00\xff", '{"theme": "grey"}', '{"panels": 3}', '{"smooth": true}',
     '{"panels": [1]}', '{"log_axis": 1}', '{"theme": []}', "[" * 100_000],
)  # fmt: skip
def test_a_broken_view_is_reported_in_one_line_and_the_usual_one_is_shown(tmp_path, text) -> None:
    path = tmp_path / "view.json"
    path.write_text(text, encoding="latin-1")
    view, fault = read_view(path)
    assert view == LastView()
    assert fault == f"{path} is damaged; the usual view is shown"
    assert read_view(tmp_path)[0] == LastView()
    assert "directory" in read_view(tmp_path)[1]


def test_two_sessions_that_write_at_once_leave_one_whole_view(tmp_path) -> None:
    path = tmp_path / "view.json"
    views = [LastView(smooth=at, panels=("x" * at * 50,)) for at in range(8)]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            list(threads.map(lambda view: write_view(path, view), views))
            assert read_view(path)[0] in views
    assert [file.name for file in tmp_path.iterdir()] == ["view.json"]


def test_a_view_that_cannot_be_written_is_not_reported(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    write_view(tmp_path / "file" / "view.json", VIEW)
    write_view(tmp_path, VIEW)


async def test_the_screen_begins_as_it_was_left() -> None:
    async with driving() as driver:
        await driver.press("7", "s", "s", "Y", "y", "m", "t")
        left = driver.screen.last_view
    assert left.panels[left.panels.index("why")] == left.focused == "why"
    assert (left.theme, left.maximised, left.log_epochs, left.smooth) == ("light", True, True, 21)
    async with driving(view=left) as driver:
        assert driver.screen.last_view == left
        assert driver.shown() == ["why"]
        await driver.press("escape")
        assert "why" in driver.shown()
        assert driver.screen.board.loss.smoothing == 21


async def test_names_of_another_version_are_left_out() -> None:
    async with driving(view=LastView(None, ("loss", "nothing"), "gone", smooth=7)) as driver:
        assert driver.shown() == ["loss", "data", "report", "step"]
        assert driver.screen.board.loss.smoothing == 0


def test_the_theme_is_remembered_and_the_command_line_counts(tmp_path) -> None:
    with start(tmp_path) as terminal:
        terminal.wait_for(r"PAUSED\s+epoch 0/")
        assert ground(terminal) == "dark"
        terminal.press("t")
        terminal.wait_for(lambda shown: ground(shown) == "light")
        quit_(terminal)
    view = json.loads((tmp_path / ".local" / "state" / "gd-tui" / "view.json").read_text())
    assert view["theme"] == "light"
    for words, seen in (((), "light"), (("--theme", "dark"), "dark")):
        with start(tmp_path, *words) as terminal:
            terminal.wait_for(r"PAUSED\s+epoch 0/")
            assert ground(terminal) == seen
            quit_(terminal)
    (tmp_path / "config.toml").write_text('[screen]\ntheme = "dark"\n')
    with start(tmp_path) as terminal:
        terminal.wait_for(r"PAUSED\s+epoch 0/")
        assert ground(terminal) == "dark"
        quit_(terminal)


def test_a_broken_view_does_not_keep_the_program_from_starting(tmp_path) -> None:
    view = tmp_path / ".local" / "state" / "gd-tui" / "view.json"
    view.parent.mkdir(parents=True)
    view.write_text("{")
    with start(tmp_path) as terminal:
        terminal.wait_for("damaged;")
        terminal.wait_for(r"PAUSED\s+epoch 0/")
        quit_(terminal)
    assert read_view(view)[1] == ""


# The terminal's own ground


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\", "light"),
        (b"\x1b]11;rgb:fdfd/f6f6/e3e3\a", "light"),
        (b"\x1b]11;rgb:0000/2b2b/3636\x1b\\", "dark"),
        (b"\x1b]11;no colour\x1b\\", "dark"),
        (b"", "dark"),
    ],
)
def test_the_theme_is_that_of_the_terminal(tmp_path, answer, seen) -> None:
    with start(tmp_path, ground=answer) as terminal:
        terminal.wait_for(r"PAUSED\s+epoch 0/")
        assert ground(terminal) == seen
        # the answer was no key, and keys are heard
        terminal.press(".")
        terminal.wait_for(r"PAUSED\s+epoch 1/")
        quit_(terminal)


def test_an_answer_that_comes_too_late_changes_nothing(tmp_path) -> None:
    with start(tmp_path) as terminal:
        terminal.wait_for(r"PAUSED\s+epoch 0/")
        terminal.send(b".\x1b]11;rgb:ffff/ffff/ffff\x1b\\.")
        terminal.wait_for(r"PAUSED\s+epoch 2/")
        assert ground(terminal) == "dark"
        quit_(terminal)


# The mouse and the colours


@pytest.mark.parametrize(
    ("words", "config", "listens"),
    [((), "", True), (("--no-mouse",), "", False), ((), "[screen]\nmouse = false\n", False)],
)
def test_the_mouse_can_be_left_to_the_terminal(tmp_path, words, config, listens) -> None:
    (tmp_path / "config.toml").write_text(config)
    with start(tmp_path, *words) as terminal:
        terminal.wait_for(r"PAUSED\s+epoch 0/")
        # a dialog over the run, and back: GNU screen's way of switching it has no part in it
        terminal.press("o")
        terminal.wait_for("plain gradient descent")
        terminal.press("escape")
        assert (1000 in terminal.modes) is listens
        quit_(terminal)


CONFIG = """
[colours]
palette = "safe"
[colours.dark]
key = "#ff00ff"
"class 1" = "#00ff00"
[keys]
new_start = "ctrl+n"
"""


async def test_colours_of_ones_own_are_those_on_the_screen(tmp_path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG)
    preferences = read_preferences(file)
    palette = palette_for("truecolor", True, preferences.colours)
    assert palette.key == RGB | 0xFF00FF
    assert palette.class_colour(1) == RGB | 0x00FF00
    usual = palette_for("truecolor", True)
    assert palette.class_colour(0) == usual.class_colour(0)
    assert palette.error != usual.error
    # the region of a class follows it: thirty per cent of it over the ground
    assert palette.regions[1, -1] == RGB | 0x0A5A12
    assert (palette.regions[0] == usual.regions[0]).all()
    assert (
        palette_for("truecolor", False, preferences.colours).key
        == palette_for("truecolor", False).key
    )
    few = palette_for("256", True, preferences.colours)
    assert (few.key, few.class_colour(1)) == (201, 46)
    for depth in ("16", "mono"):
        plain = palette_for(depth, True, preferences.colours)
        assert plain.key == palette_for(depth, True).key
    async with driving(depth="truecolor", preferences=preferences) as driver:
        assert _has_colour(driver, RGB | 0xFF00FF)
        assert _has_colour(driver, RGB | 0x00FF00)


def _has_colour(driver: Driver, colour: int) -> bool:
    from tui_gd.ui.panels.widget import CellView

    views = [view.cells for view in driver.screen.query(CellView) if view.cells is not None]
    return any((cells.fg == colour).any() for cells in views)
