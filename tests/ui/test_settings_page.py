"""The page of settings: every option is there, and what is changed on it happens to the run."""

import re
from dataclasses import replace

import pytest

from tests.ui.driving import Driver, driving
from tui_gd.learning.models import ACTIVATIONS
from tui_gd.learning.optimizers import OPTIMIZERS
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.problems import load_problem
from tui_gd.session.options import Scope, options_of
from tui_gd.session.runner import Runner
from tui_gd.session.settings import RunSettings
from tui_gd.ui.keys import KeyNames
from tui_gd.ui.screens.settings_page import (
    SettingsPage,
    SettingsScreen,
    draw_settings,
    options_for,
    stepped,
)

FILES = set(options_of(RunSettings, Scope.FILES))
OPTIONS = options_of(RunSettings)


def names(problem: str) -> set[str]:
    settings = RunSettings(problem=problem)
    return {one.name for one in options_for(settings, load_problem(problem))}


def test_every_option_that_goes_with_a_problem_is_on_the_page() -> None:
    every = set(OPTIONS)
    assert names("spiral") == every - FILES - {"surface"}
    assert names("moons") == every - FILES - {"surface", "classes"}
    assert names("iris") == every - FILES - {"surface", *options_of(RunSettings, Scope.MADE)}
    of_rows = set(options_of(RunSettings, Scope.ROWS, Scope.MADE))
    assert names("surface:himmelblau") == every - FILES - of_rows - {"surface", "loss", "start"}


def test_options_of_files_are_there_for_a_file(tmp_path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("a,y\n" + "\n".join(f"{i},{i % 2}" for i in range(20)))
    settings = RunSettings(problem=str(file), target="y")
    found = {one.name for one in options_for(settings, settings.load_problem())}
    assert found == set(OPTIONS) - {"surface", *options_of(RunSettings, Scope.MADE)}


@pytest.mark.parametrize(
    ("name", "value", "up", "down"),
    [
        ("epochs", 100, 200, 50),
        ("epochs", 1, 2, 1),
        ("seed", 6, 7, 5),
        ("seed", 0, 1, 0),
        ("alpha", (0.01,), (0.03,), (0.003,)),
        ("hidden", (), (2,), ()),
        ("momentum", None, 0.5, None),
        ("test_size", 0.5, 0.6, 0.4),
        ("test_size", 0.25, 0.3, 0.2),
        ("patience", None, 10, None),
        ("patience", 0, 1, None),
        ("standardize", False, True, True),
        ("optimizer", ("sgd",), ("momentum",), ("adamw",)),
        ("gradient_norm", None, 1e-6, None),
    ],
)
def test_two_keys_step_through_the_values_of_an_option(name, value, up, down) -> None:
    option = OPTIONS[name]
    assert (stepped(option, value, 1), stepped(option, value, -1)) == (up, down)


@pytest.mark.parametrize("name", OPTIONS)
def test_steps_stay_within_what_the_reader_takes(name) -> None:
    option, value = OPTIONS[name], OPTIONS[name].default
    for by in [1] * 12 + [-1] * 24:
        value = stepped(option, value, by)
        if value not in {None, ()}:
            option.reader.plain(value)


async def open_page(driver: Driver) -> SettingsPage:
    await driver.press("semicolon")
    await driver.until(lambda: "settings of this run" in driver.text())
    assert isinstance(driver.app.screen, SettingsScreen)
    return driver.app.screen.page


async def choose(driver: Driver, page: SettingsPage, name: str) -> None:
    while page.option.name != name:
        await driver.press("down")


async def test_a_setting_begins_again_and_undo_brings_the_run_back() -> None:
    async with driving(columns=80, rows=24) as driver:
        await driver.press("greater_than_sign")
        before = await driver.status(epoch=10)
        page = await open_page(driver)
        await choose(driver, page, "hidden")
        await driver.press("right", "right")
        assert "enter begins again with hidden 4; 0 brings back the 10 epochs" in driver.text()
        await driver.press("enter")
        await driver.until(lambda: driver.run.settings.hidden == (4,))
        await driver.status(epoch=0)
        said = "began again with hidden 4 · 0 brings back the 10 epochs with hidden none"
        assert driver.notices() == [said]
        await driver.press("0")
        assert (await driver.status(epoch=10)).loss == before.loss
        assert driver.run.settings.hidden == ()


async def test_leaving_the_page_changes_nothing_and_keeps_what_was_chosen() -> None:
    async with driving() as driver:
        settings = driver.run.settings
        page = await open_page(driver)
        await choose(driver, page, "l2")
        await driver.press("right", "escape")
        assert driver.run.settings == settings
        await open_page(driver)
        assert "enter begins with l2 0.0001" in driver.text()
        await choose(driver, driver.app.screen.page, "l2")
        await driver.press("backspace")
        assert "nothing is changed yet" in driver.text()


async def test_epochs_and_learning_rate_act_at_once() -> None:
    async with driving() as driver:
        await driver.press("greater_than_sign")
        page = await open_page(driver)
        await choose(driver, page, "epochs")
        await driver.press("right")
        await choose(driver, page, "alpha")
        await driver.press("right")
        assert "enter acts at once" in driver.text()
        await driver.press("enter")
        now = await driver.status(epoch=10, epochs=200, alpha=0.03)
        assert now.state == "PAUSED"
        assert driver.run.undo.before is None


async def test_a_wrong_value_is_reported_and_a_run_that_cannot_begin_keeps_the_old_one() -> None:
    async with driving() as driver:
        page = await open_page(driver)
        await choose(driver, page, "l1")
        await driver.press("-", "1", "enter")
        await driver.until(lambda: "is not a number from 0" in driver.text())
        await driver.press("escape")
        await choose(driver, page, "samples")
        await driver.press("3", "enter", "enter")
        await driver.until(driver.notices)
        assert "all train rows (1 of 3) are of class" in driver.notices()[0]
        assert driver.run.settings.samples is None
        # it can be corrected
        assert driver.screen.draft == {"samples": 3}


async def test_an_entry_of_the_command_list_opens_the_page_at_a_setting() -> None:
    async with driving() as driver:
        await driver.press("colon")
        await driver.type("setting batch size")
        await driver.until(lambda: "rows in an update" in driver.text())
        await driver.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, SettingsScreen))
        assert driver.app.screen.page.option.name == "batch_size"


@pytest.mark.parametrize("symbols", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize(("rows", "columns"), [(24, 80), (40, 120), (12, 40), (3, 5)])
def test_the_page_fills_every_size_and_cuts_no_word(rows, columns, symbols) -> None:
    style = Style(palette_for("256", dark=True), symbols)
    settings = RunSettings()
    problem = settings.load_problem()
    snapshot = Runner(settings.make_trainer(problem), 100).snapshot
    page = SettingsPage(settings, settings, problem, snapshot, KeyNames(), {"hidden": (8, 8)})
    page.options = list(OPTIONS.values())
    for option in page.options:
        cells = draw_settings(page, rows, columns, style)
        assert cells.shape == (rows, columns)
        text = "\n".join(cells.text())
        assert text.isascii() or symbols is UNICODE
        if (rows, columns) == (24, 80):
            assert option.name.replace("_", " ") in text
            assert "esc leave" in text
        page.move(1)


async def test_another_problem_has_the_defaults_of_the_command_line() -> None:
    async with driving(hidden=(3,)) as driver:
        await driver.press("d", "down", "enter")
        await driver.until(lambda: driver.run.settings.problem == "moons")
        chosen = RunSettings.chosen({"problem": "moons", "hidden": (3,), "seed": 3})
        assert driver.run.settings == chosen.resolved(load_problem("moons", standardize=True))
        assert driver.run.wanted == chosen
        # and the tutorial's are those of the tutorial again
        await driver.press("d", "up", "enter")
        await driver.until(lambda: driver.run.settings.problem == "blobs")
        usual = RunSettings(hidden=(3,), seed=3)
        assert driver.run.wanted == usual
        assert replace(driver.run.settings, loss=None) == usual


async def test_a_loss_chosen_anew_has_its_own_automatic_learning_rate() -> None:
    settings = RunSettings.chosen({"problem": "moons", "seed": 3})
    async with driving(**settings.as_dict()) as driver:
        first = driver.run.settings.alpha
        await driver.press("l", "home", "down", "enter")
        await driver.until(lambda: driver.run.settings.loss == "mse")
        assert driver.run.settings.alpha != first
        expected = replace(settings, loss="mse").resolved(driver.run.problem)
        assert driver.run.settings.alpha == expected.alpha
        # a rate set by hand is kept
        await driver.press("plus")
        rate = (driver.run.runner.snapshot.lane.learning_rate,)
        await driver.press("l", "home", "enter")
        await driver.until(lambda: driver.run.settings.loss == "sse")
        assert driver.run.settings.alpha == rate


@pytest.mark.parametrize(("symbols", "more"), [(UNICODE, "…"), (ASCII, "..")])
@pytest.mark.parametrize("columns", [80, 100, 120])
async def test_a_list_that_goes_on_says_so(columns, symbols, more) -> None:
    async with driving(columns, 24, symbols=symbols) as driver:
        await open_page(driver)
        rows = driver.text().split("\n")
        for name, every in (("optimizer", OPTIMIZERS), ("activation", ACTIVATIONS)):
            row = next(one for one in rows if f" {name} " in one).strip("│| ")
            there = [one for one in every if re.search(rf"[ ,:]{one}\b", row)]
            assert there
            assert (len(there) == len(every)) != row.endswith(f", {more}"), row


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
async def test_the_selected_row_shows_that_its_value_is_changed(symbols) -> None:
    async with driving(80, 24, symbols=symbols) as driver:
        page = await open_page(driver)
        await choose(driver, page, "hidden")

        def row() -> str:
            return next(one for one in driver.text().split("\n") if re.search(r"\bhidden +\S", one))

        assert re.search(r"[▸>]  hidden +none", row())
        await driver.press("right")
        assert re.search(r"[▸>]\* hidden +2", row())
        await driver.press("down")
        assert re.search(r"[│|]  \* hidden +2", row())
