"""Keys changed in `config.toml`, the page of all keys, and signs that are hard to type."""

from __future__ import annotations

import re
import string
import subprocess
import sys
from pathlib import Path

import pytest
from textual.keys import _character_to_key

from tests.cli.commandline import ROOT, command
from tests.terminal.session import Terminal
from tests.ui.driving import Driver
from tui_gd.cli.plain_run import COMMANDS
from tui_gd.errors import ProblemError
from tui_gd.insight.verdict import Try
from tui_gd.plots.symbols import UNICODE
from tui_gd.session.settings import RunSettings
from tui_gd.ui.app import GdApp
from tui_gd.ui.context import Context, read_preferences
from tui_gd.ui.keys import (
    ACTIONS,
    CURSOR_KEYS,
    Action,
    KeyNames,
    changed_actions,
    config_path,
    name_of_key,
    shown_keys,
)
from tui_gd.ui.terminal import Terminal as Screen

# on German or French keyboards these are typed with AltGr, or as dead keys that wait for a letter
HARD = set("[]{}\\|@~#^`´")
PLAIN = {*string.ascii_letters, *string.digits, *(f"f{number}" for number in range(1, 13))}
# desktops and terminals take these for themselves
TAKEN = {"f10", "f11"}


def keys_of(actions: tuple[Action, ...], name: str) -> list[str]:
    (action,) = (one for one in actions if one.name == name)
    return action.keys.split(",")


# The table


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_action_has_a_letter_a_digit_or_a_function_key(action) -> None:
    assert PLAIN & set(action.keys.split(",")) - TAKEN


def test_no_key_needs_a_sign_behind_altgr_or_a_dead_key() -> None:
    keys = [key for action in ACTIONS for key in action.keys.split(",")]
    keys += [key for both in CURSOR_KEYS for key in both.split(",")]
    signs = {shown_keys(key) for key in keys}
    assert {"+", "-", "<", "?"} < signs
    assert not signs & HARD


def test_the_page_of_keys_is_as_the_table_is() -> None:
    made = subprocess.run(
        [sys.executable, "docs/make_keys.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr


def test_the_page_names_every_action_with_all_its_keys() -> None:
    page = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    rows = {}
    for line in page.splitlines():
        cells = line.split(" | ")
        if line.startswith("| `"):
            rows[cells[-1].rstrip(" |").strip("`")] = cells
    assert sorted(rows) == sorted(action.name for action in ACTIONS)
    for action in ACTIONS:
        assert rows[action.name][1] == action.text
        assert len(rows[action.name][0].lstrip("| ").split()) == len(action.keys.split(","))


# The file


def test_without_a_file_the_table_is_as_it_is(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GD_TUI_CONFIG", str(tmp_path))
    assert config_path() == tmp_path / "config.toml"
    assert read_preferences().actions is ACTIONS
    monkeypatch.delenv("GD_TUI_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_path() == tmp_path / "gd-tui" / "config.toml"


def test_the_pages_own_example_is_taken() -> None:
    page = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    import tomllib

    actions = changed_actions(tomllib.loads(example))
    assert keys_of(actions, "step(1)") == ["n", "right"]
    assert keys_of(actions, "new_start") == ["ctrl+n"]
    assert keys_of(actions, "theme") == [""]
    assert len(actions) == len(ACTIONS)
    untouched = [a for a, b in zip(actions, ACTIONS, strict=True) if a is b]
    assert len(untouched) == len(ACTIONS) - 3


def test_two_actions_can_exchange_their_keys() -> None:
    actions = changed_actions({"keys": {"reset": "n", "new_start": "r"}})
    assert keys_of(actions, "reset") == ["n"]
    assert keys_of(actions, "new_start") == ["r"]


@pytest.mark.parametrize(
    ("written", "key", "shown"),
    [
        ("?x", None, None),
        ("Ö", "Ö", "Ö"),
        ("ß", "ß", "ß"),
        ("!", "exclamation_mark", "!"),
        ("%", "percent_sign", "%"),
        ("_", "underscore", "_"),
        ("F11", "f11", "F11"),
        ("Ctrl+T", "ctrl+t", "ctrl+t"),
        ("del", "delete", "del"),
        ("backspace", "backspace", "backspace"),
        ("ctrl+m", None, None),
        ("ctrl+i", None, None),
        ("hyper+x", None, None),
        ("", None, None),
        ("\x07", None, None),
        ("f99", None, None),
        ("a,b", None, None),
    ],
)
def test_how_a_key_is_written(written, key, shown) -> None:
    changes = {"keys": {"theme": written, "undo": []}}  # which has backspace
    if key is None:
        with pytest.raises(ProblemError, match=r"^theme: .*key"):
            changed_actions(changes)
        return
    (action,) = (one for one in changed_actions(changes) if one.name == "theme")
    assert action.keys == key
    assert action.shown == shown


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('[keys]\nrest = "x"', ["'rest' is no action", "'reset'"]),
        ('[keys]\nzzzzzzz = "x"', ["no action", "docs/keys.md"]),
        ('[keys]\nreset = "q"', ["the key q", "reset and quit", "give quit another"]),
        ('[keys]\nreset = "f11"\ntheme = "f11"', ["the key F11", "reset", "theme"]),
        ('[keys]\nreset = "ctrl+c"', ["ctrl+c"]),
        ("[keys]\nreset = 3", ["reset: 3 is no key"]),
        ("[keys]\nreset = [3]", ["reset: 3 is no key"]),
        ('[keys]\nreset = ["x", {}]', ["reset: {} is no key"]),
        ('keys = "x"', ["keys is a table"]),
        ('[colors]\nred = "x"', ["[colors] is not known", "[keys], [screen], [colours]"]),
        ('[colours]\nred = "x"', ["[colours] 'red' is not known", "palette, dark, light"]),
        ('[colours]\npalette = "mine"', ["write usual or safe"]),
        ('[colours.dark]\n"class 0" = "blue"', ["[colours.dark] class 0: blue is no colour"]),
        ('[colours.light]\nclas0 = "#112233"', ["[colours.light] 'clas0' is not known"]),
        ("colours = 3", ["colours is a table"]),
        ('[screen]\ntheme = "grey"', ["write dark, light or auto"]),
        ('[screen]\ntheme = ["dark"]', ["theme = ['dark']: write dark, light or auto"]),
        ("[colours]\npalette = {}", ["palette = {}: write usual or safe"]),
        ("[screen]\nmouse = 1", ["mouse = 1: write true or false"]),
        ("[screen]\nmuse = true", ["'muse' is not known; did you mean mouse"]),
        ("[keys\n", ["line 1"]),
        ('[keys]\nreset = "x"\nreset = "y"', ["Cannot overwrite"]),
        ('[keys]\n"\\u001b[31m" = "x"', ["is no action"]),
        ("a" * 2_000_000, ["too large"]),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, text, parts) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ProblemError) as refused:
        read_preferences(file)
    said = str(refused.value)
    assert said.startswith(f"{file}: ")
    assert said.isprintable()
    for part in parts:
        assert part in said


def test_bytes_that_are_no_text_and_a_directory_are_refused(tmp_path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ProblemError, match="not UTF-8"):
        read_preferences(file)
    with pytest.raises(ProblemError, match="directory"):
        read_preferences(tmp_path)


# The interface with other keys


async def test_changed_keys_act_and_are_shown_and_the_old_ones_do_nothing() -> None:
    actions = changed_actions(
        {"keys": {"step(1)": "ö", "step_back(1)": "left", "quit": "ô", "zoom(0.5)": "ü"}}
    )
    app = GdApp(
        RunSettings(seed=3),
        Context(Screen("256", UNICODE, 60.0), actions),
    )
    try:
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            driver = Driver(app, pilot)
            await driver.until(lambda: app.run_screen and app.run_screen.run.runner, "a runner")
            await driver.settled()
            assert "ö ← step" in driver.read("#keys")
            assert "ô quit" in driver.read("#keys")
            await driver.press("ö", "ö", "full_stop")
            await driver.status(epoch=2)
            await driver.press("comma", "left")
            await driver.status(epoch=1)
            await driver.press("question_mark")
            await driver.until(lambda: "ö             one epoch forward" in driver.text())
            await driver.press("space")
            await driver.until(lambda: "ü             zoom out" in driver.text())
            await driver.press("escape")
            await driver.press("ô")
            await driver.until(lambda: app._exit)
    finally:
        assert app.run_screen.run.runner.stop(60.0)


async def test_every_mention_of_a_key_names_the_bound_one() -> None:
    moved = {
        "run_or_pause": "ö",
        "step(1)": [],
        "rescue": "ä",
        "quit": "ô",
        "mark": "é",
        "move(1)": "ß",
        "move(-1)": "à",
    }
    app = GdApp(
        RunSettings(seed=3, problem="line", alpha=(3.0,), epochs=400),
        Context(Screen("256", UNICODE, 60.0), changed_actions({"keys": moved})),
    )
    try:
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            driver = Driver(app, pilot)
            await driver.until(lambda: app.run_screen and app.run_screen.run.runner, "a runner")
            await driver.settled()
            assert "à ß" in driver.read("#step")
            await driver.press("7")
            await driver.until(lambda: re.search(r"Try +ö +run +ctrl\+p", driver.read("#verdict")))
            await driver.press("8")
            await driver.until(lambda: "é: compare with the epoch" in driver.text())
            await driver.press("7", "full_stop", "f", "ö")
            await driver.status(state="DIVERGED")
            await driver.until(lambda: re.search(r"Try +ä +back", driver.read("#verdict")))
            await driver.press("ö")
            await driver.until(lambda: "ä goes back with α 0." in driver.text())
            await driver.press("C")
            await driver.until(lambda: "the last lane stays: ô quits" in driver.text())
            await pilot.resize_terminal(30, 8)
            await driver.until(lambda: "ô to quit" in driver.read("#tiny"))
    finally:
        assert app.run_screen.run.runner.stop()


def test_every_key_has_a_name_and_every_advice_an_action() -> None:
    names = KeyNames()
    for action in ACTIONS:
        assert names.of(action.name) == shown_keys(action.keys.partition(",")[0])
    assert {name: names.of(name) for name in COMMANDS} == {
        "run_or_pause": "space",
        "step(1)": ".",
        "help": "?",
        "step_back(10)": "<",
        "go_to": "g",
        "rescue": "u",
        "reset": "r",
        "new_start": "n",
        "learning_rate(1)": "+",
        "learning_rate(-1)": "-",
        "type_learning_rate": "a",
        "branch_with": "B",
        "race('optimizers')": "O",
        "panel('why')": "7",
        "panel('report')": "3",
    }
    assert names.tries(()) == ""
    assert (
        names.tries((Try("", "more data"), Try("learning_rate(-1)", "less")))
        == "try more data   - less"
    )
    without = KeyNames(changed_actions({"keys": {"reset": [], "command_palette": []}}))
    assert without.of("reset") == '"again from the same start"'


def test_the_table_itself_stays_as_it_is() -> None:
    before = tuple(ACTIONS)
    changed_actions({"keys": {"step(1)": "ö"}})
    assert before == ACTIONS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[keys]\nreset = "q"\n', "the key q is for two actions"),
        ('[keys]\nrest = "x"\n', "'rest' is no action; is it 'reset'?"),
        ('[colours.dark]\nkey = "yellow"\n', "[colours.dark] key: yellow is no colour as"),
        ('[screen]\nthem = "dark"\n', "[screen] 'them' is not known"),
        ("[keys\n", "line 1"),
    ],
)
def test_a_fault_in_the_file_is_one_line_and_the_status_is_two(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "config.toml").write_text(text)
    env = {"GD_TUI_CONFIG": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with Terminal(command("--no-store"), env=env, columns=250) as terminal:
        assert terminal.wait_for_exit() == 2
        (line,) = terminal.text().strip().split("\n")
        assert line.startswith(f"gd-tui: {tmp_path / 'config.toml'}: ")
        assert said in line
        assert terminal.restored()


def test_the_command_reads_the_file(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    env = {"GD_TUI_CONFIG": str(tmp_path), "PYTHONPATH": str(ROOT)}
    config.write_text('[keys]\n"step(1)" = "n"\nnew_start = []\n')
    with Terminal(command("--no-store"), env=env) as terminal:
        terminal.wait_for(r"PAUSED\s+epoch 0/")
        terminal.press("n", "n")
        terminal.wait_for(r"PAUSED\s+epoch 2/")
        terminal.press("ctrl+c")
        assert terminal.wait_for_exit() == 0


def test_names_of_keys_are_textuals() -> None:
    for sign in map(chr, [*range(33, 127), *range(161, 1000), 0x2026, 0x20AC]):
        if sign.isprintable():
            assert name_of_key(sign) == _character_to_key(sign), sign
