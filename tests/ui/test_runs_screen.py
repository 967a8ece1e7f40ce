"""The screen of kept runs: what is read there, and what its keys do."""

import math
import re
import threading
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from tests.ui.driving import Driver, driving
from tests.ui.libraries import (
    BLOBS,
    add_run,
    curve,
    kept,
    lane,
    set_column,
    three_details,
    three_runs,
)
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.runs.database import NAME
from tui_gd.runs.resume import resume
from tui_gd.runs.store import RunLock, Store
from tui_gd.session.commands import SetPace
from tui_gd.session.settings import RunSettings
from tui_gd.training.series import curve_of
from tui_gd.training.spans import KnownPoints
from tui_gd.ui.context import Context
from tui_gd.ui.screens.questions import Choice
from tui_gd.ui.screens.runs import RunsScreen
from tui_gd.ui.screens.runs_page import (
    MOST_BUCKETS,
    KeptDetail,
    KeptLane,
    RunsPage,
    best_lane,
    compared,
    curves_of,
    draw_runs,
    key_line,
    least,
    read_detail,
    row_at,
    when_of,
)
from tui_gd.ui.start import _summary

PALETTE = palette_for("256", True)
DETAILS = three_details()
RUNS = [kept(), kept("77c0", problem="moons", lanes=2), kept("01ab")]
SIZES = [(40, 120), (24, 80), (16, 50), (12, 40)]


def text(page: RunsPage, rows: int = 40, columns: int = 120, symbols=UNICODE) -> str:
    cells = draw_runs(page, rows, columns, Style(PALETTE, symbols))
    assert cells.shape == (rows, columns)
    return "\n".join(cells.text())


def lines_with(seen: str, word: str) -> list[list[str]]:
    """The words of every row of the tables that has this word."""
    return [line.replace("│", " ").split() for line in seen.split("\n") if word in line]


# The page


def test_the_list_shows_every_column_of_every_run() -> None:
    runs = [
        kept("3f9a", best=0.123456789, newest=80000, lanes=64, state="running"),
        kept("77c0", problem="/data/somewhere/churn.csv", best=math.nan, state="diverged"),
    ]
    seen = text(RunsPage(runs, details=DETAILS, now=time.time()))
    (header,) = lines_with(seen, "best loss")
    assert header[:8] == ["id", "when", "problem", "lanes", "epochs", "best", "loss", "state"]
    (first,) = lines_with(seen, "80000")
    day = time.strftime("%Y-%m-%d", time.localtime(runs[0].changed))
    assert first == ["▸", "3f9a", day, "blobs", "64", "80000", "0.123457", "running"]
    (second,) = lines_with(seen, "77c0")
    assert second == ["77c0", day, "churn.csv", "1", "10", "-", "diverged"]


def test_recent_times_are_written_shorter() -> None:
    now = time.mktime((2024, 5, 6, 23, 0, 0, 0, 0, -1))
    assert when_of(time.mktime((2024, 5, 6, 7, 8, 9, 0, 0, -1)), now) == "07:08"
    assert when_of(time.mktime((2024, 5, 5, 7, 8, 9, 0, 0, -1)), now) == "05-05 07:08"
    assert when_of(time.mktime((2023, 5, 6, 7, 8, 9, 0, 0, -1)), now) == "2023-05-06"


@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_at_every_size_id_state_and_the_way_back_are_there(rows, columns) -> None:
    seen = text(RunsPage(RUNS, details=DETAILS), rows, columns)
    assert "3f9a" in seen
    assert "paused" in seen
    assert "esc back" in seen
    assert "loss of 3f9a" in seen


def test_the_curves_of_marked_runs_lie_over_each_other() -> None:
    seen = text(RunsPage(RUNS, marked=("01ab", "77c0"), details=DETAILS))
    # numbered in the order of marking, each with its last loss; of two lanes the better one
    assert "1 01ab 0.5" in seen
    assert "2 77c0 B 1" in seen
    assert "best lane of each" in seen
    assert [line[:2] for line in lines_with(seen, "paused")] == [
        ["▸", "3f9a"],
        ["2", "77c0"],
        ["1", "01ab"],
    ]


def test_without_a_mark_the_selected_run_is_drawn_with_all_its_lanes() -> None:
    seen = text(RunsPage(RUNS, selected=1, details=DETAILS))
    assert "loss of 77c0" in seen
    assert "A 0.01 4" in seen
    assert "B 0.1 1" in seen
    seen = text(RunsPage(RUNS, selected=0, details=DETAILS))
    assert "train 2" in seen
    assert "test 3" in seen


def test_the_loss_axis_is_logarithmic_if_its_values_need_it_or_if_it_is_wanted() -> None:
    details = {"3f9a": KeptDetail({}, (lane(begin=1000.0, end=0.001),))}
    assert "0.01┤" in text(RunsPage(RUNS, details=details))
    assert "0.01┤" not in text(RunsPage(RUNS, details=details, log=False))
    assert "0.01┤" in text(RunsPage(RUNS, details=details, log=True))


def test_only_what_differs_stands_beside_each_other() -> None:
    _, header, body = compared(["3f9a", "01ab"], DETAILS)
    assert header == ["", "1 3f9a", "2 01ab"]
    table = {line[0]: line[1:] for line in body}
    assert table["best train loss"] == ["2.000000", "0.5000000"]
    assert table["best test loss"] == ["3.000000", "1.500000"]
    assert table["alpha"] == ["0.01", "0.3"]
    assert "seed" not in table
    table = {line[0]: line[1:] for line in compared(["3f9a", "77c0"], DETAILS)[2]}
    assert table["hidden"] == ["-", "8,8"]
    assert table["epochs done"] == ["10", "20"]
    assert table["best lane"] == ["A", "B"]


def test_one_run_shows_its_lanes_and_the_settings_that_are_not_usual() -> None:
    title, header, body = compared(["77c0"], DETAILS)
    assert (title, header) == ("77c0", ["", "A", "B"])
    table = {line[0]: line[1:] for line in body}
    assert table["best train loss"] == ["4.000000", "1.000000"]
    assert table["α"] == ["0.01", "0.1"]
    assert table["problem"] == ["moons"]
    assert table["hidden"] == ["8,8"]
    assert table["seed"] == ["3"]
    assert "batch-size" not in table


def test_the_best_lane_is_the_one_with_the_lowest_loss_on_record() -> None:
    nan = math.nan
    never = KeptLane("N", 1.0, "sgd", "sse", 0, curve([nan]), curve([nan]), nan, nan)
    dipped = KeptLane("D", 0.1, "sgd", "sse", 2, curve([5, 0.25, 9]), curve([nan] * 3), 9, nan)
    assert math.isnan(least(never.train))
    assert least(dipped.train) == 0.25
    assert best_lane(KeptDetail({}, (never, lane(), dipped))) is dipped
    assert best_lane(KeptDetail({}, (never,))) is never


def test_a_stored_curve_keeps_its_extremes_in_few_buckets() -> None:
    rng = np.random.default_rng(4)
    values = rng.random(10_001)
    values[[17, 5000]] = 99.0, -7.0
    values[[3, 9]] = np.nan, np.inf
    found = curve_of(KnownPoints.of(values), 100)
    assert found.width == 101
    assert found.stop == 10_001
    for i, (low, high) in enumerate(zip(found.low, found.high, strict=True)):
        part = values[i * 101 : (i + 1) * 101]
        part = part[np.isfinite(part)]
        assert (low, high) == (part.min(), part.max())
    assert curve_of(KnownPoints.of(values), MOST_BUCKETS).width == 5
    assert curve_of(KnownPoints.of(np.arange(3.0)), 100).low.tolist() == [0, 1, 2]
    assert np.isnan(curve_of(KnownPoints.of(np.full(3, np.nan)), 100).low).all()
    assert len(curve_of(KnownPoints.of(np.empty(0)), 100).low) == 0


def test_the_settings_take_the_place_of_the_curves_where_there_is_no_room_for_both() -> None:
    page = RunsPage(RUNS, details=DETAILS, marked=("3f9a", "01ab"))
    assert "best train loss" in text(page, 40, 120)
    assert "best train loss" in text(page, 40, 80)
    assert "best train loss" not in text(page, 24, 80)
    turned = RunsPage(RUNS, details=DETAILS, marked=("3f9a", "01ab"), settings=True)
    assert "best train loss" in text(turned, 24, 80)
    assert "┤" not in text(turned, 24, 80)


def test_a_list_that_is_being_read_or_empty_says_so() -> None:
    assert "reading…" in text(RunsPage([], message="reading…"))
    assert "reading…" in text(RunsPage(RUNS))
    assert "a run is kept from its first epoch on" in text(RunsPage([]))


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_runs_of_any_name_are_drawn_at_any_size(symbols) -> None:
    hostile = "\x1b[2J\u202e漢字" + "x" * 300 + "\n"
    runs = [kept("3f9a", problem=hostile, best=1e300, newest=10**12), kept("77c0")]
    nan = math.nan
    odd = KeptLane(hostile, nan, hostile, hostile, 3, curve([nan] * 4), curve([nan] * 4), nan, nan)
    details = {
        "3f9a": KeptDetail({"problem": hostile, hostile: [hostile], "alpha": None}, (odd, odd)),
        "77c0": KeptDetail({}, (replace(lane(), train=curve([-1e308, 0.0, 1e308])),)),
    }
    for page in (
        RunsPage(runs, details=details, message=hostile),
        RunsPage(runs, 1, ("77c0", "3f9a"), details, log=True, settings=True),
        RunsPage(runs, 1, ("3f9a",), details, scrolled=99),
        RunsPage([], marked=("gone",), selected=5),
    ):
        for rows in (0, 1, 2, 3, 5, 8, 13, 40):
            for columns in (0, 1, 2, 3, 9, 17, 40, 99, 100, 200):
                seen = text(page, rows, columns, symbols)
                assert "\x1b" not in seen
                assert "\u202e" not in seen
                assert symbols is UNICODE or seen.isascii()


def test_many_lanes_are_cut_to_those_that_can_be_read() -> None:
    detail = KeptDetail({}, tuple(lane(f"L{i}") for i in range(64)))
    title, header, _ = compared(["3f9a"], {"3f9a": detail})
    assert title == "3f9a, the first 16 of 64 lanes"
    assert len(header) == 17
    assert len(curves_of(["3f9a"], {"3f9a": detail}, PALETTE)[1]) == 64


def test_the_line_of_keys_has_the_way_back_and_the_help_wherever_they_fit() -> None:
    for columns in (17, 50, 80):
        line = key_line(columns, UNICODE)
        assert ("esc", "back") in line
        assert ("?", "help") in line
    assert ("u", "unmark all") in key_line(140, UNICODE)


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_the_help_has_the_keys_of_the_kept_runs_first(key) -> None:
    async with driving(80, 24) as driver:
        screen = await opened(driver)
        await driver.press(key)
        await driver.until(lambda: "unmark all" in driver.text())
        lines = [" ".join(line.strip(" │").split()) for line in driver.text().split("\n")]
        assert lines[1:4] == ["Kept runs", "space mark", "enter go on here"]
        assert "esc: back" in lines[0]
        await driver.press("space")
        await driver.until(lambda: "one pass over the train rows" in driver.text())
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is screen)


def test_a_click_falls_on_the_run_that_stands_there() -> None:
    page = RunsPage(RUNS, details=DETAILS)
    shown = text(page).split("\n")
    for index, run in enumerate(RUNS):
        row = next(i for i, line in enumerate(shown) if run.id in line and "paused" in line)
        assert row_at(page, 7, row, 40, 120) == index
    assert row_at(page, 7, 0, 40, 120) is None
    assert row_at(page, 7, 1, 40, 120) is None
    assert row_at(page, 7, 5, 40, 120) is None


# The screen


async def opened(driver: Driver) -> RunsScreen:
    await driver.press("L")
    await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))
    screen = driver.app.screen
    assert isinstance(screen, RunsScreen)
    return screen


@pytest.mark.parametrize(("rows", "columns"), SIZES)
async def test_it_is_browsed_and_left(rows, columns) -> None:
    async with driving(columns, rows) as driver:
        await opened(driver)
        await driver.until(lambda: "kept runs: 3" in driver.text())
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        await driver.press("down")
        await driver.until(lambda: "loss of 77c0" in driver.text())
        await driver.press("j", "j", "down")
        await driver.until(lambda: "loss of 01ab" in driver.text())
        await driver.press("k")
        await driver.until(lambda: "loss of 77c0" in driver.text())
        await driver.press("home")
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.screen)
        await opened(driver)
        await driver.press("q")
        await driver.until(lambda: driver.app.screen is driver.screen)
        assert not driver.app._exit


async def test_marked_runs_are_compared() -> None:
    library = three_runs()
    with Store(library) as store:
        lanes = [read_detail(store, run).lanes for run in ("3f9a", "77c0")]
    best = [f"{min(least(lane.train) for lane in one):.7g}" for one in lanes]
    async with driving(library=library) as driver:
        await opened(driver)
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        await driver.press("space", "space")
        await driver.until(lambda: "2 77c0 B" in driver.text())
        assert lines_with(driver.text(), "best train loss")[0][-2:] == best
        await driver.press("up", "up", "space")  # no longer
        await driver.until(lambda: "loss of 77c0" in driver.text())
        await driver.press("u", "home")
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        # the losses fall by more than a factor of 30
        assert "log, y: linear" in driver.text()
        await driver.press("y")
        await driver.until(lambda: re.search(r"epoch +y log", driver.text()))
        await driver.press("y")
        await driver.until(lambda: "log, y: linear" in driver.text())


async def test_nothing_is_read_on_the_thread_that_draws(monkeypatch) -> None:
    gate, usual = threading.Event(), Context.open_library

    def wait(self):
        assert threading.current_thread() is not threading.main_thread()
        gate.wait(60)
        return usual(self)

    monkeypatch.setattr(Context, "open_library", wait)
    async with driving() as driver:
        await opened(driver)
        await driver.until(lambda: "reading…" in driver.text())
        await driver.press("down", "question_mark")  # keys are answered meanwhile
        await driver.until(lambda: "unmark all" in driver.text())
        await driver.press("escape")
        gate.set()
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        assert "reading…" not in driver.text()


async def test_without_a_store_there_are_no_runs_and_none_is_made(tmp_path) -> None:
    async with driving(library=tmp_path / "runs.sqlite3") as driver:
        await opened(driver)
        await driver.until(lambda: "none yet" in driver.text())
    assert list(tmp_path.iterdir()) == []


def test_what_was_recorded_is_read(tmp_path) -> None:
    path = tmp_path / NAME
    trainer = add_run(path, "3f9a", RunSettings(loss="sse", seed=3, alpha=(0.01, 0.05)), 40)
    with Store(path) as store:
        (listed,) = store.runs()
        detail = read_detail(store, "3f9a")
    assert (listed.problem, listed.lanes, listed.newest) == ("blobs", 2, 40)
    assert (listed.state, listed.locked_by) == ("paused", None)
    assert listed.best == min(trainer.losses(0).min(), trainer.losses(1).min())
    for position, found in enumerate(detail.lanes):
        assert found.train.low.tolist() == found.train.high.tolist()
        assert found.train.low.tolist() == trainer.losses(position).tolist()
        assert found.last == trainer.loss[position]
        assert found.epochs == 40
    assert [found.learning_rate for found in detail.lanes] == [0.01, 0.05]
    assert detail.settings["problem"] == "blobs"


async def test_a_kept_run_goes_on_with_the_same_bits_and_stays_kept(tmp_path) -> None:
    path = tmp_path / NAME
    trainer = add_run(path, "3f9a", RunSettings(loss="sse", seed=3, epochs=40), 40)
    async with driving(library=path) as driver:
        await opened(driver)
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        await driver.press("enter")
        shown = await driver.status(state="FINISHED", epoch=40, epochs=40)
        assert float(shown.loss) == pytest.approx(trainer.loss[0], rel=1e-5)
        await driver.press("greater_than_sign")
        await driver.status(epoch=50)
        assert driver.run.kept_id == "3f9a"
        await driver.app._press_keys(["q"])
    driver.run.put_away()
    trainer.advance(10)
    with Store(path) as store:
        (listed,) = store.runs()
        weights = store.checkpoint(listed).keyframes[-1].state[0, 0]
    assert (listed.newest, listed.locked_by) == (50, None)
    assert np.array_equal(weights, trainer.weights[0])


async def test_enter_goes_on_with_the_run_where_it_was() -> None:
    async with driving() as driver:
        before = driver.run.runner
        assert driver.run.kept_id is None
        await opened(driver)
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        await driver.press("down", "enter")
        await driver.until(lambda: driver.app.screen is driver.screen)
        await driver.status(state="PAUSED", epoch=7, epochs=30)
        assert not before._thread.is_alive()
        assert driver.run.kept_id == "77c0"
        assert re.search("moons .*cross-entropy", driver.read("#top"))
        assert driver.run.runner.snapshot.seed == 11
        await driver.press("full_stop")
        await driver.status(epoch=8)
        # the run that is on the screen is not opened once more, nor deleted
        screen = await opened(driver)
        await driver.until(lambda: "kept runs: 3" in driver.text())
        await driver.press("home")  # it has changed last
        await driver.until(lambda: screen.page.run.id == "77c0")
        await driver.press("enter")
        await driver.until(lambda: "77c0 is the run you came from" in driver.notices()[0])
        await driver.press("x")
        await driver.until(lambda: "open another one before" in driver.notices()[0])
        assert isinstance(driver.app.screen, RunsScreen)


async def test_a_damaged_run_is_named_and_the_others_are_listed() -> None:
    library = three_runs()
    set_column(library, "77c0", "settings", "[1]")
    async with driving(library=library) as driver:
        await opened(driver)
        await driver.until(lambda: "kept runs: 2" in driver.text())
        await driver.until(lambda: "run 77c0 is damaged (" in " ".join(driver.notices()))
        assert "gd-tui rm 77c0" in " ".join(driver.notices())


async def test_the_run_on_the_screen_is_kept_before_another_takes_its_place() -> None:
    library = three_runs()

    def stored(run: str) -> tuple[int, str, bool]:
        with Store(library) as store:
            found = store.find(run)
        return found.epoch, found.state, found.locked_by is not None

    async with driving(library=library) as driver:
        await opened(driver)
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        await driver.press("down", "enter")
        await driver.status(epoch=7)
        await driver.press("full_stop", "full_stop")
        await driver.status(epoch=9)
        await driver.until(lambda: stored("77c0") == (9, "running", True))
        screen = await opened(driver)
        await driver.until(lambda: "kept runs: 3" in driver.text())
        await driver.press("home", "down")
        await driver.until(lambda: screen.page.run.id == "3f9a")
        await driver.press("enter")
        await driver.until(lambda: stored("77c0") == (9, "paused", False))
        await driver.status(epoch=10)
        assert driver.run.kept_id == "3f9a"
        assert stored("3f9a")[2]
        await driver.press("d")  # any other run takes its place too
        await driver.until(lambda: isinstance(driver.app.screen, Choice))
        await driver.press("down", "enter")
        await driver.until(lambda: not stored("3f9a")[2])
        await driver.until(lambda: driver.run.kept_id is None)


async def test_leaving_while_training_asks_nothing_and_says_the_way_back(capsys) -> None:
    library = three_runs()
    async with driving(library=library) as driver:
        await opened(driver)
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        await driver.press("down", "enter")
        await driver.status(epoch=7)
        driver.run.runner.post(SetPace(0.5))  # it is not to end before it is left
        await driver.press("space")
        await driver.status(state="RUNNING")
        await driver.app._press_keys(["q"])
        assert driver.app._exit
        driver.run.put_away()  # as `run_interface` does after the last frame
        epoch = driver.run.runner.trainer.epoch
        with Store(library) as store:
            kept = store.find("77c0")
        assert (kept.epoch, kept.state, kept.seed) == (epoch, "paused", 11)
    assert _summary(driver.screen) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith(f"gd-tui: moons, cross-entropy, seed 11: epoch {epoch}, loss ")
    assert "gd-tui: kept as 77c0 (gd-tui resume 77c0)" in printed[-2:]  # the report may be late


async def test_a_run_that_is_not_kept_promises_no_way_back(capsys) -> None:
    async with driving() as driver:
        await driver.app._press_keys(["q"])
        driver.run.put_away()
    assert _summary(driver.screen) == 0
    assert "kept as" not in capsys.readouterr().out


async def test_a_run_that_cannot_be_opened_leaves_the_one_before() -> None:
    library = three_runs()
    set_column(library, "3f9a", "settings", '{"problem": "blobs", "colour": "red"}')
    async with driving(library=library) as driver:
        await driver.press("full_stop")
        await driver.status(epoch=1)
        await opened(driver)
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        await driver.press("enter")
        await driver.until(lambda: driver.app.screen is driver.screen)
        await driver.until(lambda: "whose settings colour are" in " ".join(driver.notices()))
        await driver.press("full_stop")
        await driver.status(epoch=2)
        assert driver.run.kept_id is None


async def test_a_run_locked_by_another_program_is_listed_but_not_opened() -> None:
    library = three_runs()
    with closing(RunLock(library.parent, "3f9a")):
        async with driving(library=library) as driver:
            await opened(driver)
            await driver.until(lambda: "running" in driver.text())
            for key in ("enter", "delete"):
                await driver.press(key)
                await driver.until(driver.notices)
                (notice,) = driver.notices()
                assert notice.startswith("3f9a is locked by process ")
                assert isinstance(driver.app.screen, RunsScreen)
                driver.app.clear_notifications()
            await driver.until(lambda: "kept runs: 3" in driver.text())


async def test_deleting_is_asked_and_done_only_on_yes() -> None:
    library = three_runs()

    def ids() -> list[str]:
        with Store(library) as store:
            return [run.id for run in store.runs()]

    async with driving(library=library) as driver:
        await opened(driver)
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        for keys in (("enter",), ("escape",)):  # no is what is chosen
            await driver.press("x")
            await driver.until(lambda: isinstance(driver.app.screen, Choice))
            await driver.until(lambda: "Delete 3f9a (blobs, 10 epochs) for good?" in driver.text())
            await driver.press(*keys)
            await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))
        assert ids() == ["3f9a", "77c0", "01ab"]
        await driver.press("x")
        await driver.until(lambda: isinstance(driver.app.screen, Choice))
        await driver.press("down", "enter")
        await driver.until(lambda: "kept runs: 2" in driver.text())
        assert ids() == ["77c0", "01ab"]
        await driver.until(lambda: driver.notices() == ["deleted 3f9a"])
        await driver.until(lambda: "loss of 77c0" in driver.text())


async def test_a_store_that_cannot_be_read_says_so_and_is_tried_again() -> None:
    library = three_runs()
    sound = library.rename(library.with_name("sound"))
    library.write_bytes(b"no database at all" * 100)
    async with driving(library=library) as driver:
        screen = await opened(driver)
        await driver.until(lambda: "file is not a database" in driver.text())
        await driver.press("down", "space", "enter", "x", "u", "e")
        assert driver.app.screen is screen
        sound.rename(library)
        screen._refresh_list()
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        assert "not a database" not in driver.text()


async def test_a_run_that_goes_on_elsewhere_is_read_again() -> None:
    library = three_runs()
    async with driving(library=library) as driver:
        screen = await opened(driver)
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        assert lines_with(driver.text(), "epochs done")[0][-1] == "10"
        with Store(library) as store, resume(store, "3f9a") as resumed:
            recorder = resumed.recorder()
            resumed.trainer.advance(20)
            recorder.close(resumed.trainer, "PAUSED", 3)
        add_run(library, "ffff", BLOBS, 1)  # the selection stays where it is
        screen._refresh_list()
        await driver.until(lambda: "kept runs: 4" in driver.text())
        assert screen.page.run.id == "3f9a"
        await driver.until(lambda: lines_with(driver.text(), "epochs done")[0][-1] == "30")


async def test_in_ascii_mode_the_page_is_ascii() -> None:
    async with driving(80, 24, symbols=ASCII) as driver:
        await opened(driver)
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        await driver.press("space", "space", "tab")
        await driver.until(lambda: "best train loss" in driver.text())
        assert driver.text().isascii()
        await driver.press("x")
        await driver.until(lambda: isinstance(driver.app.screen, Choice))
        await driver.answered()
        assert driver.text().isascii()


async def test_a_click_selects_and_the_wheel_moves() -> None:
    async with driving() as driver:
        screen = await opened(driver)
        await driver.until(lambda: "kept runs: 3" in driver.text())
        await driver.pilot.click(offset=(8, 4))
        await driver.until(lambda: "loss of 01ab" in driver.text())
        screen.on_mouse_scroll_up()
        await driver.until(lambda: "loss of 77c0" in driver.text())
        screen.on_mouse_scroll_down()
        await driver.until(lambda: "loss of 01ab" in driver.text())
