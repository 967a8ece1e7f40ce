"""Keys, mouse and sizes that come at moments nobody plans for."""

import contextlib
import re
import sqlite3
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from rich.style import Style as RichStyle
from textual import events
from textual.css.query import NoMatches
from textual.widgets import Input, OptionList

from tests.ui.driving import PATIENCE, Driver, driving, three_runs
from tui_gd.learning.engine import Interrupted
from tui_gd.plots.cells import Cells
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import UNICODE
from tui_gd.runs import database
from tui_gd.runs.share import open_line
from tui_gd.session.runner import Runner
from tui_gd.session.settings import RunSettings
from tui_gd.session.verdict import measure
from tui_gd.ui import start
from tui_gd.ui.app import GdApp
from tui_gd.ui.context import Beginning, Context
from tui_gd.ui.panels import why
from tui_gd.ui.panels.step import vector
from tui_gd.ui.panels.widget import CellView, LinesWidget
from tui_gd.ui.screens.actions import begin_with
from tui_gd.ui.screens.pages import HelpScreen
from tui_gd.ui.screens.questions import Choice, Prompt
from tui_gd.ui.start import _say_where_kept, _summary
from tui_gd.ui.studies import Study
from tui_gd.ui.terminal import Terminal
from tui_gd.ui.textual_fixes.app import Commands


async def test_a_late_focus_event_of_a_replaced_panel_is_ignored() -> None:
    async with driving(60, 20) as driver:
        await driver.press("S")
        await driver.until(lambda: driver.shown() == ["starts"])
        board = driver.screen.board
        board.on_descendant_focus(events.DescendantFocus(board.step))
        driver.screen.lay_out()
        await driver.until(lambda: driver.focused() == ["starts"])


@pytest.mark.parametrize("key", ["a", "l", "ctrl+p"])
async def test_ctrl_c_quits_also_where_a_question_is_asked(key) -> None:
    async with driving() as driver:
        await driver.press(key)
        await driver.until(lambda: driver.app.screen is not driver.screen)
        await driver.until(lambda: key == "l" or list(driver.app.screen.query(Input)))
        await driver.press("ctrl+c")
        await driver.until(lambda: driver.app._exit)


async def test_the_list_of_commands_opens_over_the_run_only() -> None:
    async with driving() as driver:
        await driver.press("l")
        await driver.until(lambda: isinstance(driver.app.screen, Choice))
        question = driver.app.screen
        await driver.press("ctrl+p")
        driver.app.action_command_palette()
        assert driver.app.screen is question
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.screen)
        driver.app.action_command_palette()
        driver.app.action_command_palette()
        assert [type(one) for one in driver.app.screen_stack[-2:]] == [
            type(driver.screen),
            Commands,
        ]
        driver.app.exit()


async def test_an_answer_to_a_covered_question_closes_no_screen() -> None:
    async with driving() as driver:
        await driver.press("l")
        await driver.until(lambda: isinstance(driver.app.screen, Choice))
        behind = driver.app.screen
        before = Choice("Another", [("one", "one")], "one")
        await driver.app.push_screen(before)
        behind.dismiss("mse")  # an enter that was still on its way
        assert driver.app.screen is before
        before.dismiss(None)
        assert driver.app.screen is behind
        behind.dismiss(None)
        await driver.until(lambda: driver.app.screen is driver.screen)


async def test_closing_the_list_of_commands_twice_closes_no_other_screen() -> None:
    async with driving() as driver:
        driver.app.action_command_palette()
        await driver.until(lambda: list(driver.app.screen.query(Input)))
        commands = driver.app.screen
        commands.dismiss()
        question = Choice("Another", [("one", "one")], "one")
        await driver.app.push_screen(question)
        commands.dismiss()
        assert driver.app.screen is question
        driver.app.exit()


async def test_a_click_on_a_command_that_is_listed_no_longer_does_nothing() -> None:
    async with driving() as driver:
        driver.app.action_command_palette()
        await driver.until(lambda: list(driver.app.screen.query(OptionList)))
        (listed,) = driver.app.screen.query(OptionList)
        there = RichStyle.from_meta({"option": 100_000})
        listed.post_message(
            events.Click(listed, 1, 1, 0, 0, 1, False, False, False, 1, 1, style=there)
        )
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.screen)
        assert driver.app._exception is None


async def test_a_page_up_or_down_while_no_command_is_listed_yet_does_nothing() -> None:
    async with driving() as driver:
        driver.app.action_command_palette()
        await driver.until(lambda: list(driver.app.screen.query(OptionList)))
        (listed,) = driver.app.screen.query(OptionList)
        listed.clear_options()
        listed.action_page_up()
        listed.action_page_down()
        assert listed.highlighted is None
        driver.app.exit()


async def test_an_error_while_the_app_is_being_left_is_no_fault_of_the_run() -> None:
    async with driving() as driver:
        driver.app.exit()
        driver.app._handle_exception(NoMatches("the list of commands that has been taken down"))
    assert driver.app.return_code == 0
    assert driver.app._exception is None


async def test_the_last_line_is_about_the_viewed_lane_also_after_one_was_closed(capsys) -> None:
    async with driving(80, 24) as driver:
        await driver.press("b", "plus", "full_stop")
        await driver.status(epoch=1, alpha=0.03)
        await driver.press("up", "C")
        await driver.until(lambda: len(driver.run.runner.snapshot.lanes) == 1)
        lane = driver.run.runner.snapshot.lane
        assert lane.number == 1
    assert _summary(driver.screen) == 0
    assert f"loss {lane.loss:.8g}, alpha {lane.learning_rate:g}" in capsys.readouterr().out


async def test_on_leaving_reports_are_made_that_are_not_at_hand(monkeypatch, capsys) -> None:
    monkeypatch.setattr(start, "REPORT_SECONDS", 60.0)
    async with driving(80, 24, alpha=(0.01, 1e-9)) as driver:
        await driver.press("full_stop")
        await driver.status(epoch=1)
    assert _summary(driver.screen) == 0
    printed = capsys.readouterr().out
    assert "best" in printed
    assert "1e-09" in printed
    assert "weighted avg" in printed


async def test_on_leaving_a_run_that_could_not_be_kept_is_given_as_a_line(
    monkeypatch, capsys
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 1e6)  # leaving would never end
    async with driving(80, 24, library=three_runs(), beginning=Beginning(keep=True)) as driver:
        path = driver.screen.context.library
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await driver.press("full_stop")
            await driver.status(epoch=1)
            assert driver.run.runner.stop(60.0)
            driver.run.put_away()
    _say_where_kept(driver.screen)
    out, err = capsys.readouterr()
    assert "another program has locked the run store" in err
    line = re.search(r"repeats the run: gd-tui '(gd1:.*)'", out)
    assert line
    settings = open_line(line[1]).settings
    assert (settings.problem, settings.seed) == ("blobs", 3)


async def test_dragging_the_landscape_starts_no_run_where_the_button_is_released() -> None:
    async with driving(depth="truecolor") as driver:
        await driver.press("full_stop", "5")
        await driver.status(epoch=1)
        await driver.settled()
        weights = driver.run.runner.snapshot.lane.weights.tolist()
        await driver.pilot.mouse_down("#landscape", offset=(20, 8))
        panel = driver.screen.board.landscape
        limits = panel._windows.zoomed.get((0, 1))
        widget = driver.screen.query_one("#landscape")
        moved = events.MouseMove(widget, 24, 8, 4, 0, 1, False, False, False, 60, 28)
        widget.on_mouse_move(moved)
        await driver.pilot.mouse_up("#landscape", offset=(24, 8))
        await driver.pilot.click("#keys", offset=(79, 0))  # all events have been seen to
        await driver.until(lambda: panel._windows.zoomed.get((0, 1)) != limits)
        assert driver.run.runner.snapshot.lane.weights.tolist() == weights
        await driver.pilot.click("#landscape", offset=(24, 8))
        await driver.status(epoch=0)


async def test_a_button_that_is_up_drags_nothing_though_urxvt_reports_it_as_held() -> None:
    async with driving(depth="truecolor") as driver:
        await driver.press("full_stop", "5")
        await driver.status(epoch=1)
        await driver.settled()
        await driver.pilot.click("#landscape", offset=(20, 8))
        await driver.status(epoch=0)
        panel, widget = driver.screen.board.landscape, driver.screen.query_one("#landscape")
        limits = panel._windows.zoomed.get((0, 1))
        widget.on_mouse_move(events.MouseMove(widget, 24, 8, 4, 0, 1, False, False, False, 60, 28))
        await driver.pilot.click("#landscape", offset=(24, 8))
        await driver.settled()
        assert panel._windows.zoomed.get((0, 1)) == limits


@pytest.mark.parametrize("problem", ["blobs", "surface:booth"])
async def test_the_click_that_focuses_the_landscape_costs_no_run_of_data(problem) -> None:
    async with driving(problem=problem, alpha=(0.001,)) as driver:
        await driver.press("5", "full_stop", "1")
        await driver.status(epoch=1)
        await driver.until(lambda: driver.focused() == ["loss"])
        await driver.settled()
        await driver.pilot.click("#landscape", offset=(24, 8))
        await driver.until(lambda: driver.focused() == ["landscape"])
        if problem == "blobs":
            await driver.settled()
            assert driver.read_status().epoch == 1
            await driver.pilot.click("#landscape", offset=(24, 8))
        await driver.status(epoch=0)


def test_a_line_drawn_while_it_had_no_columns_can_be_shown_wider() -> None:
    line = LinesWidget("keys")
    assert isinstance(line, CellView)
    line.cells = Cells.blank(1, 0, Style(palette_for("256", True), UNICODE))
    assert line._new_strip(0).text.strip() == ""


def test_of_a_long_vector_only_visible_numbers_are_written() -> None:
    written = []

    class Number(float):
        def __format__(self, how: str) -> str:
            written.append(self)
            return float.__format__(self, how)

    assert vector([Number(n) for n in range(1, 100_001)], 20) == "(1, 2, 3, …, 1e+5)"
    assert len(written) < 20
    for room in range(40):
        text = vector([1.5, -2.0, 3.25, 4.0], room)
        assert len(text) <= room or text == "(1.5, …)"
        assert (text == "(1.5, −2, 3.25, 4)") == (room >= 18)


@pytest.mark.parametrize("optimizers", [("sgd",), ("sgd", "adam")])
def test_a_race_is_given_up_within_the_first_pass_over_the_data(optimizers) -> None:
    settings = RunSettings(alpha=(0.01, 0.1), optimizer=optimizers, seed=1, samples=100_000)
    problem = settings.load_problem()
    asked = 0

    def wanted() -> bool:
        nonlocal asked
        asked += 1
        return asked < 3

    with pytest.raises(Interrupted):
        settings.race(problem, np.zeros(3), wanted=wanted)
    assert asked == 3


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("3", "iris"),
        ("3", "line"),
        ("3", "surface:two-valleys-1d"),
        ("7S", "line"),
        ("8R", "surface:himmelblau"),
        ("9S", "iris"),
        ("5O", "diabetes"),
    ],
)
async def test_another_problem_is_begun_while_panels_show_the_one_before(keys, problem) -> None:
    async with driving(epochs=20) as driver:
        await driver.press("full_stop", *keys)
        await driver.settled()
        begin_with(driver.screen, problem)
        await driver.until(lambda: driver.run.settings.problem == problem)
        await driver.settled()
        await driver.press("full_stop")
        await driver.status(epoch=1)
        await driver.settled()
        assert f" {problem} " in driver.read("#top")


async def test_the_rescue_goes_back_to_where_the_loss_was_least() -> None:
    async with driving(problem="plane", alpha=(0.2,), epochs=100) as driver:
        await driver.press("greater_than_sign")
        await driver.status(epoch=10)
        await driver.press("a")
        await driver.type("1.5")
        await driver.press("enter")
        await driver.status(alpha=1.5)
        await driver.press(*["greater_than_sign"] * 5)
        status = await driver.status(epoch=60)
        losses = driver.run.runner.trainer.losses(0)
        assert float(status.loss) > 100 * losses.min()
        await driver.press("u")
        await driver.status(epoch=int(losses.argmin()), alpha=0.15)


async def test_the_rescue_takes_a_learning_rate_below_the_limit_of_the_gauge() -> None:
    async with driving(problem="plane", alpha=(60.0,), loss="mse", start="zeros") as driver:
        await driver.press("greater_than_sign")
        await driver.status(epoch=10)
        await driver.settled()
        x = driver.run.problem.x_train
        limit = 2.0 / float(np.linalg.eigvalsh(2.0 * x.T @ x / len(x))[-1])
        assert 3.0 * limit < 6.0  # a tenth would leap as well
        advice = driver.screen.board.why.verdict(driver.screen.view).tries[0].argument
        goal, advised = advice.split()
        await driver.press("u")
        status = await driver.status(epoch=int(goal))
        assert float(status.alpha) == float(advised)
        assert 0.4 * limit < float(status.alpha) <= 0.5 * limit
        assert any(f"with α {advised}" in notice for notice in driver.notices())
        await driver.press("greater_than_sign")
        status = await driver.status(epoch=10)
        losses = driver.run.runner.trainer.losses(0)
        assert (np.diff(losses) < 0.0).all()


async def test_a_study_given_up_at_rest_is_followed_by_the_one_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, over = threading.Event(), threading.Event()

    def late(snapshot, problem, predictor, engine, start=None):
        """At epoch 1, notice the order to stop only when all else is done."""
        if snapshot.epoch == 1:
            begun.set()
            assert over.wait(60.0)
            engine.between_blocks()
        return measure(snapshot, problem, predictor, engine, start)

    async with driving() as driver:
        monkeypatch.setattr(why, "measure", late)
        await driver.press("full_stop")
        await driver.until(begun.is_set)
        await driver.press("full_stop")
        await driver.status(epoch=2)
        under_way = driver.screen.board.studies._made.values()
        await driver.until(lambda: sum(bool(one.progress) for one in under_way) == 1, "one left")
        await driver.answered()
        over.set()

        def known() -> bool:
            numbers = dict(driver.screen.board.why.verdict(driver.screen.view).numbers)
            return numbers["epoch"] == 2 and np.isfinite(numbers["largest eigenvalue"])

        await driver.until(known)


async def test_at_a_minimum_no_arrow_points_along_rounding() -> None:
    async with driving(problem="surface:himmelblau", epochs=300) as driver:
        await driver.press("full_stop", "5")
        await driver.status(epoch=1)
        await driver.settled()
        arrows = "←↑→↓↖↗↘↙"

        def drawn() -> str:
            """The plot between its title and the names of its axes."""
            lines = driver.read("#landscape").split("\n")
            assert "y ↑   x →" in lines[-2]
            return "\n".join(lines[1:-2])

        assert any(arrow in drawn() for arrow in arrows)
        await driver.press("g")
        await driver.type("300")
        await driver.press("enter")
        await driver.status(epoch=300)
        await driver.settled()
        assert not any(arrow in drawn() for arrow in arrows)


async def test_a_study_begins_without_a_description_of_its_data() -> None:
    async with driving() as driver:
        begun = []
        run_worker = driver.screen.board.run_worker

        def count(*work: object, **how: object) -> object:
            begun.append(how)
            return run_worker(*work, **how)

        driver.screen.board.run_worker = count
        await driver.press("full_stop")
        await driver.settled()
        assert "study" in {how["group"] for how in begun}
        assert all(len(how["description"]) < 100 for how in begun)


async def test_a_study_without_enough_memory_ends_nothing(monkeypatch) -> None:
    made = []

    def too_large(*_: object) -> object:
        made.append(1)
        raise MemoryError

    async with driving() as driver:
        monkeypatch.setattr(
            driver.screen.board.race, "study", lambda _view: Study(("too", "large"), too_large)
        )
        await driver.press("R")
        await driver.until(lambda: driver.notices() == ["too little memory: race"])
        await driver.press("full_stop")
        await driver.status(epoch=1)
        assert len(made) == 1


@pytest.fixture
def loaded(monkeypatch) -> Iterator[threading.Event]:
    """Set it to let problems load."""
    loaded, load = threading.Event(), RunSettings.load_problem

    def slow(self, *arguments, **named):
        assert loaded.wait(PATIENCE)
        return load(self, *arguments, **named)

    monkeypatch.setattr(RunSettings, "load_problem", slow)
    yield loaded
    loaded.set()


# keys, and what they lead to on `blobs`
PLAYED = [
    (("full_stop", "full_stop"), {"state": "PAUSED", "epoch": 2}),
    (("greater_than_sign", "comma"), {"state": "PAUSED", "epoch": 9}),
    (("space",), {"state": "FINISHED", "epoch": 30}),
    (("space", "space"), {"state": "PAUSED", "epoch": 0}),
    (("space", "plus", "space"), {"state": "PAUSED", "epoch": 0, "alpha": 0.03}),
    (("plus", "plus", "full_stop"), {"state": "PAUSED", "epoch": 1, "alpha": 0.1}),
    (("full_stop", "r"), {"state": "PAUSED", "epoch": 0}),
    (("full_stop", "r", "0"), {"state": "PAUSED", "epoch": 1}),
]


@pytest.mark.parametrize(("keys", "wanted"), PLAYED)
async def test_keys_that_come_while_the_problem_is_loading_are_played_then(
    keys, wanted, loaded
) -> None:
    async with driving(ready=False, epochs=30) as driver:
        await driver.until(lambda: "loading blobs" in driver.text())
        for key in keys:
            await driver.pilot.press(key)
        assert driver.run.runner is None
        loaded.set()
        await driver.status(**wanted)
        await driver.settled()
        await driver.status(**wanted)


async def load_slowly(driver: Driver, problem: str) -> None:
    """Choose a problem, and see that it is loading."""
    begin_with(driver.screen, problem)
    await driver.until(lambda: driver.notices() == [f"loading {problem} · esc gives it up"])


async def press(driver: Driver, *keys: str) -> None:
    """Press keys while a run is loading, which `driver.press` would wait for."""
    for key in keys:
        await driver.pilot.press(key)


@pytest.mark.parametrize(("keys", "wanted"), PLAYED)
async def test_keys_after_choosing_a_problem_are_for_the_new_run(keys, wanted, loaded) -> None:
    loaded.set()
    async with driving(epochs=30, problem="moons", alpha=(0.01,)) as driver:
        old = await driver.status(epoch=0)
        before = driver.run.runner
        loaded.clear()
        await load_slowly(driver, "blobs")
        await press(driver, *keys)
        await driver.until(lambda: not before.busy)
        assert driver.read_status() == old
        assert len(before.snapshot.lanes) == 1
        loaded.set()
        await driver.until(lambda: " blobs " in driver.read("#top"))
        await driver.status(**wanted)
        await driver.settled()
        await driver.status(**wanted)


async def test_a_branch_asked_for_while_a_run_is_loading_is_one_of_the_new_run(loaded) -> None:
    loaded.set()
    async with driving() as driver:
        before = driver.run.runner
        loaded.clear()
        await load_slowly(driver, "moons")
        await press(driver, "full_stop", "b")
        said = "loading moons · then . b · esc gives it up"
        await driver.until(lambda: driver.notices() == [said])
        loaded.set()
        await driver.until(lambda: "lane B of 2" in driver.read("#top"))
        await driver.status(epoch=1)
        assert (before.snapshot.epoch, len(before.snapshot.lanes)) == (0, 1)


async def test_a_question_and_what_follows_it_is_not_taken_while_a_run_is_loading(loaded) -> None:
    loaded.set()
    async with driving() as driver:
        loaded.clear()
        await load_slowly(driver, "moons")
        await press(driver, "full_stop", *"a0.3", "enter")
        said = "loading moons · then . · not taken: a 0 . enter · esc gives it up"
        await driver.until(lambda: driver.notices() == [said])
        assert driver.app.screen is driver.screen
        loaded.set()
        await driver.status(epoch=1)
        await driver.press("a")
        await driver.until(lambda: isinstance(driver.app.screen, Prompt))


async def test_escape_gives_up_what_is_loading(loaded) -> None:
    loaded.set()
    async with driving() as driver:
        await driver.press("full_stop")
        old, before = await driver.status(epoch=1), driver.run.runner
        loaded.clear()
        await load_slowly(driver, "moons")
        await press(driver, "greater_than_sign", "question_mark")
        await driver.until(lambda: isinstance(driver.app.screen, HelpScreen))
        await press(driver, "escape", "escape")
        await driver.until(lambda: driver.notices() == ["given up: this run stays"])
        loaded.set()
        await driver.press("full_stop")
        await driver.status(epoch=2)
        assert driver.run.runner is before
        assert " blobs " in driver.read("#top")
        await driver.press("comma")
        assert await driver.status(epoch=1) == old


async def test_keys_are_named_that_came_for_a_run_that_cannot_begin(loaded) -> None:
    loaded.set()
    async with driving() as driver:
        before = driver.run.runner
        loaded.clear()
        await load_slowly(driver, "nothing")
        await press(driver, "full_stop", "plus")
        loaded.set()
        await driver.until(lambda: "not taken: . +" in driver.notices())
        assert "nothing" in driver.notices()[0]
        await driver.answered()
        assert driver.run.runner is before
        await driver.status(epoch=0, alpha=0.01)


async def test_the_program_can_be_left_while_the_problem_is_loading(monkeypatch) -> None:
    loaded, load = threading.Event(), RunSettings.load_problem

    def slow(self, *arguments, **named):
        loaded.wait(PATIENCE)
        return load(self, *arguments, **named)

    monkeypatch.setattr(RunSettings, "load_problem", slow)
    async with driving(ready=False) as driver:
        await driver.until(lambda: "loading blobs" in driver.text())
        await driver.pilot.press("q")
        assert driver.app._exit
        loaded.set()


async def test_a_frame_that_is_due_lets_a_key_go_first_but_not_twice(monkeypatch) -> None:
    async with driving(epochs=10**9) as driver:
        await driver.press("space")
        await driver.until(lambda: driver.run.training)
        screen = driver.screen
        drawn: list[bool] = []
        with monkeypatch.context() as patched:
            patched.setattr(Runner, "waits", property(lambda _: True))
            patched.setattr(screen, "_tick", lambda: drawn.append(True))
            patched.setattr(screen, "_rests_until", 0.0)
            patched.setattr(screen, "_gave_way", False)
            seen = []
            for _ in range(4):
                screen._beat()
                seen.append(len(drawn))
        assert seen == [0, 1, 1, 2]


async def test_that_the_first_run_is_on_the_screen_is_told_once() -> None:
    context = Context(Terminal("256", UNICODE, fps=60.0), library=three_runs())
    app = GdApp(RunSettings(seed=3), context)
    told: list[bool] = []
    context.settled = lambda: told.append(app.run_screen._drawn is not None)
    async with app.run_test(size=(120, 40)) as pilot:
        driver = Driver(app, pilot)
        await driver.until(lambda: told)
        driver.run.begin(RunSettings(problem="moons", seed=3))
        await driver.until(lambda: driver.run.problem.name == "moons")
        await driver.answered()
    assert told == [True]
