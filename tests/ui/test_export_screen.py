"""Exporting from the screen: what is asked, what is written, and what is said of it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.ui.driving import Driver, driving
from tests.ui.libraries import MemoryRunLibrary
from tui_gd.errors import ProblemError
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.runs.export import KINDS, USUAL
from tui_gd.runs.record import RunRecord
from tui_gd.session.settings import RunSettings
from tui_gd.ui.screens.exporting import ExportScreen, draw_export, folder_for, parse_folder
from tui_gd.ui.screens.questions import Prompt
from tui_gd.ui.screens.runs import RunsScreen

PALETTE = palette_for("256", True)
SOME = [("report", "the report"), ("losses", "CSV"), ("weights", "all lanes")]


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
def test_the_question_has_no_size_at_which_it_fails(symbols) -> None:
    hostile = "\x1b[2J\u202e漢字" + "x" * 300
    for rows in (0, 1, 2, 3, 4, 5, 6, 7, 12, 40):
        for columns in (0, 1, 2, 3, 9, 40, 72):
            for kinds in (SOME, SOME * 9, [(hostile, hostile)]):
                cells = draw_export(
                    rows, columns, hostile, kinds, {"losses"}, 2, hostile, Style(PALETTE, symbols)
                )
                assert cells.shape == (rows, columns)
                text = "\n".join(cells.text())
                assert "\x1b" not in text
                assert symbols is UNICODE or text.isascii()


def test_what_is_chosen_is_seen_without_colours() -> None:
    cells = draw_export(8, 72, "this run", SOME, {"losses"}, 2, "out", Style(PALETTE, UNICODE))
    lines = [" ".join(line.strip("│ ").split()) for line in cells.text()]
    assert lines[1:4] == ["[ ] report the report", "[x] losses CSV", "▸ [ ] weights all lanes"]
    assert "into out" in lines


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
        await driver.until(lambda: "export this run" in driver.text())
        for kind in list(KINDS)[:4]:
            assert kind in driver.text()
        assert "into gd-tui-blobs" in driver.text()
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.run)
        assert list(Path().iterdir()) == []


async def test_what_usually_is_written_holds_the_numbers_of_the_run(here) -> None:
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
        await driver.press("a", "a", "up", *["down"] * (len(KINDS) - 1), "space", "enter")
        await say(driver, "wrote 1 file")
        picture = (here / "gd-tui-blobs" / "screen.svg").read_text(encoding="utf-8")
        assert picture.startswith("<svg")
        assert "PAUSED" in picture
        assert "export" not in picture.replace("export\xa0", "")


async def test_another_folder_is_typed(here) -> None:
    async with driving() as driver:
        screen = await asked(driver)
        await driver.press("f")
        await driver.until(lambda: isinstance(driver.app.screen, Prompt))
        await driver.type("results/one")
        await driver.press("enter")
        await driver.until(lambda: driver.app.screen is screen)
        await driver.until(lambda: "into results/one" in driver.text())
        await driver.press("enter")
        await say(driver, "into results/one")
        assert (here / "results" / "one" / "losses.csv").exists()


async def test_what_cannot_be_written_is_said_and_the_run_goes_on(here) -> None:
    (here / "gd-tui-blobs").write_text("a file is in the way")
    async with driving() as driver:
        await asked(driver)
        await driver.press("enter")
        await say(driver, "gd-tui-blobs")
        assert "wrote" not in driver.notices()[0]
        await driver.press("full_stop")
        await driver.status(epoch=1)


async def test_a_run_that_does_not_answer_is_said(monkeypatch) -> None:
    async with driving() as driver:
        monkeypatch.setattr(driver.run.tap, "ask", lambda *_: None)
        await asked(driver)
        await driver.press("enter")
        await say(driver, "the run does not answer")


async def test_a_fault_of_an_export_ends_nothing(monkeypatch) -> None:
    def fail(*_, **__):
        raise ZeroDivisionError("\x1b[2Jnothing")

    monkeypatch.setattr("tui_gd.runs.export.export", fail)
    async with driving() as driver:
        await asked(driver)
        await driver.press("enter")
        await say(driver, "cannot export: ZeroDivisionError: ·[2Jnothing")
        await driver.press("full_stop")
        await driver.status(epoch=1)


class Exporting(MemoryRunLibrary):
    """A library from which the run 77c0 can be exported, and no other."""

    def exported(self, run: str) -> RunRecord:
        self._enter()
        if run != "77c0":
            raise ProblemError(f"{run}: data.csv has changed since")
        settings = RunSettings(problem="moons", loss="sse", seed=5, epochs=3)
        problem = settings.load_problem()
        trainer = settings.make_trainer(problem)
        trainer.advance(3)
        return RunRecord.of(settings, problem, trainer)


async def test_a_kept_run_is_exported_from_the_list(here) -> None:
    async with driving(library=Exporting()) as driver:
        await driver.press("L")
        await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))
        await driver.until(lambda: "kept runs: 3" in driver.text())
        await asked(driver, "down", "e")
        await driver.until(lambda: "export 77c0" in driver.text())
        assert "screen" not in driver.text()  # there is no picture of it
        await driver.press("enter")
        await say(driver, "into gd-tui-77c0")
        with open(here / "gd-tui-77c0" / "losses.csv", encoding="utf-8") as file:
            assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2", "3"]
        assert isinstance(driver.app.screen, RunsScreen)
        await asked(driver, "up", "e")
        await driver.press("enter")
        await say(driver, "3f9a: data.csv has changed since")
