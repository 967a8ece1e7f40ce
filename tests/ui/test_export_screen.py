"""Exporting from the screen: the question, the files, and the message afterwards."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.ui.driving import Driver, driving
from tests.ui.libraries import set_column, three_runs
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.runs.exports import KINDS, USUAL
from tui_gd.ui.screens.exports import ExportScreen, folder_for, parse_folder
from tui_gd.ui.screens.runs import RunsScreen


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_folder_is_named_after_problem_and_run() -> None:
    assert folder_for("blobs", "3f9a") == "gd-tui-blobs-3f9a"
    assert folder_for("/data/my churn\x1b.csv", "") == "gd-tui-my-churn-.csv"
    assert folder_for("../..", "") == "gd-tui"
    assert len(folder_for("x" * 300, "3f9a")) < 60


@pytest.mark.parametrize("text", ["", "a\x1bb", "a\nb"])
def test_no_folder(text) -> None:
    with pytest.raises(ValueError, match=r"name a folder|cannot be printed"):
        parse_folder(text)
    assert parse_folder("a b/c") == "a b/c"


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
async def test_the_question_is_drawn_at_any_size(symbols) -> None:
    async with driving(symbols=symbols) as driver:
        await asked(driver)
        await driver.press("f")
        await driver.type("x" * 300)
        for columns, rows in ((1, 1), (2, 30), (3, 5), (9, 3), (40, 12), (72, 8), (120, 40)):
            await driver.pilot.resize_terminal(columns, rows)
            await driver.answered()
            assert symbols is UNICODE or driver.text().isascii()


async def test_what_is_chosen_is_seen_without_colours() -> None:
    async with driving(symbols=ASCII, depth="mono") as driver:
        await asked(driver)

        def mark_of(kind: str) -> str:
            return re.search(rf"\[(.)\] {kind} ", driver.text())[1]

        await driver.press("a", "a")  # none
        await driver.until(lambda: mark_of("losses") == " ")
        await driver.press("down", "space")
        await driver.until(lambda: mark_of("losses") == "x")
        assert mark_of("weights") == " "


async def asked(driver: Driver, *keys: str) -> ExportScreen:
    await driver.press(*(keys or ("e",)))
    await driver.until(lambda: isinstance(driver.app.screen, ExportScreen))
    screen = driver.app.screen
    assert isinstance(screen, ExportScreen)
    return screen


async def say(driver: Driver, text: str) -> None:
    await driver.until(lambda: any(text in notice for notice in driver.notices()), text)


@pytest.mark.parametrize(("rows", "columns"), [(40, 120), (24, 80), (16, 50), (12, 40)])
async def test_the_question_is_asked_and_left(rows, columns) -> None:
    async with driving(columns, rows) as driver:
        await asked(driver)
        await driver.until(lambda: "Export this run" in driver.text())
        for kind in list(KINDS)[:4]:
            assert kind in driver.text()
        assert "gd-tui-blobs" in driver.text()
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.screen)
        assert list(Path().iterdir()) == []


async def test_the_files_chosen_by_default_hold_the_numbers_of_the_run(here) -> None:
    async with driving() as driver:
        await driver.press("greater_than_sign", "b", "plus", "full_stop")
        await driver.status(epoch=11)
        await driver.settled()
        await asked(driver)
        await driver.press("enter")
        await say(driver, "into gd-tui-blobs")
        snapshot = driver.run.runner.snapshot
        folder = here / "gd-tui-blobs"
        with open(folder / "losses.csv", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["epoch"] == "11"]
        assert [float(row["train_loss"]) for row in rows] == [one.loss for one in snapshot.lanes]
        weights = np.load(folder / "weights.npy")
        assert (weights == [one.weights for one in snapshot.lanes]).all()
        report = json.loads((folder / "report.json").read_text())
        assert report["epoch"] == 11
        assert [one["current"] for one in report["lanes"]] == [False, True]
        for kind in USUAL:
            assert any(kind in path.name for path in folder.iterdir()) or kind == "script"


async def test_a_run_that_goes_on_is_exported_between_two_epochs(here) -> None:
    async with driving(epochs=10**7) as driver:
        await driver.press("space")
        await driver.status(state="RUNNING")
        await asked(driver)
        await driver.press("a", "a", "down", "space", "enter")  # none, then the losses
        await say(driver, "wrote 1 file into gd-tui-blobs")
        assert (await driver.status()).state == "RUNNING"
        with open(here / "gd-tui-blobs" / "losses.csv", encoding="utf-8") as file:
            epochs = [int(row["epoch"]) for row in csv.DictReader(file)]
        assert epochs == list(range(len(epochs)))
        assert len(epochs) > 1


async def test_the_picture_is_that_of_the_run(here) -> None:
    async with driving() as driver:
        await driver.press("full_stop")
        await driver.status(epoch=1)
        await asked(driver)
        await driver.press("a", "a", "end", "space", "enter")
        await say(driver, "wrote 1 file")
        picture = (here / "gd-tui-blobs" / "screen.svg").read_text(encoding="utf-8")
        assert picture.startswith("<svg")
        assert "PAUSED" in picture
        assert "export" not in picture.replace("export\xa0", "")


async def test_another_folder_is_typed(here) -> None:
    async with driving() as driver:
        await asked(driver)
        await driver.press("f", "ctrl+u", "enter")
        await driver.until(lambda: "name a folder; . is the current one" in driver.text())
        await driver.type("results/one")
        await driver.press("enter")
        await say(driver, "into results/one")
        assert (here / "results" / "one" / "losses.csv").exists()


async def test_a_failed_write_is_reported_and_the_run_goes_on(here) -> None:
    (here / "gd-tui-blobs").write_text("a file is in the way")
    async with driving() as driver:
        await asked(driver)
        await driver.press("enter")
        await say(driver, "gd-tui-blobs")
        assert "wrote" not in driver.notices()[0]
        await driver.press("full_stop")
        await driver.status(epoch=1)


async def test_a_run_that_does_not_answer_is_reported(monkeypatch) -> None:
    async with driving() as driver:
        monkeypatch.setattr(driver.run.runner, "checkpoint", lambda: None)
        await asked(driver)
        await driver.press("enter")
        await say(driver, "the run does not answer")


async def test_a_fault_of_an_export_ends_nothing(monkeypatch) -> None:
    def fail(*_, **__):
        raise ZeroDivisionError("\x1b[2Jnothing")

    monkeypatch.setattr("tui_gd.runs.exports.export", fail)
    async with driving() as driver:
        await asked(driver)
        await driver.press("enter")
        await say(driver, "cannot export: ZeroDivisionError: ?[2Jnothing")
        await driver.press("full_stop")
        await driver.status(epoch=1)


async def test_a_kept_run_is_exported_from_the_list(here) -> None:
    library = three_runs()
    set_column(library, "3f9a", "settings", '{"problem": "blobs", "colour": "red"}')
    async with driving(library=library) as driver:
        await driver.press("L")
        await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))
        await driver.until(lambda: "kept runs: 3" in driver.text())
        await asked(driver, "down", "e")
        await driver.until(lambda: "Export 77c0" in driver.text())
        assert "screen" not in driver.text()  # there is no picture of it
        await driver.press("enter")
        await say(driver, "into gd-tui-77c0")
        with open(here / "gd-tui-77c0" / "losses.csv", encoding="utf-8") as file:
            rows = [row["epoch"] for row in csv.DictReader(file)]
        assert rows == [str(epoch) for epoch in range(8)] * 2  # of two lanes
        assert isinstance(driver.app.screen, RunsScreen)
        await asked(driver, "up", "e")
        await driver.press("enter")
        await say(driver, "whose settings colour are not known here")
