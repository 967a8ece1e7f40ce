"""Lessons on the screen: what a learner reads, presses and gets."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.ui.driving import Driver, driving
from tui_gd.lessons.lesson import PANELS
from tui_gd.lessons.library import bundled
from tui_gd.lessons.player import Player
from tui_gd.lessons.progress import saved
from tui_gd.runs.store import Store
from tui_gd.session.commands import SetPace
from tui_gd.session.snapshot import RunState
from tui_gd.ui.context import Beginning
from tui_gd.ui.panels.widget import CellView
from tui_gd.ui.screens.pages import HelpScreen
from tui_gd.ui.screens.settings_page import SettingsScreen


def lesson(name: str, learner: str = "Ada", lang: str = "en") -> Beginning:
    return Beginning(keep=True, lesson=(Player(bundled(name, lang), learner), ""))


def begin(name: str, columns: int = 80, rows: int = 24, lang: str = "en", **how: Any):
    """The interface with a lesson at its first step."""
    return driving(columns, rows, beginning=lesson(name, lang=lang), **how)


async def reads(driver: Driver, *texts: str) -> None:
    """Wait until the lesson's box shows all of these."""

    def shows() -> bool:
        box = " ".join(driver.read("#lesson").replace("│", " ").split())
        return all(text in box for text in texts)

    await driver.until(shows, f"the box with {texts}")
    await driver.answered()


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
async def test_the_tours_first_steps(columns: int, rows: int) -> None:
    async with begin("tour", columns, rows) as driver:
        await reads(driver, "Tour 1 of 7", "472 of 500", "1 fall")
        await driver.press(".")
        assert (await driver.status()).epoch == 0  # locked until the prediction is made
        assert driver.notices() == ["answer first"]
        await driver.press("enter")
        await reads(driver, "Right. It fell from 448.5 to 392:", "enter next")
        assert (await driver.status(epoch=1)).loss.startswith("392.0")
        await driver.press("enter")
        await reads(driver, "Tour 2 of 7", "For the weight of x2 it is 68.8")
        await driver.press("1")
        await reads(driver, "Not this time. Up is where the loss grows.")
        await driver.press("enter")
        await reads(driver, "Tour 3 of 7", "[space] lets it run")
        await driver.press("space")
        await reads(driver, "Done. Steep at first, then flat. And yet")


async def test_the_tour_speaks_of_its_own_run_not_of_the_one_before() -> None:
    async with driving(80, 24) as driver:
        assert not (await driver.status()).loss.startswith("448.5")
        await driver.press("f4")
        await reads(driver, "Tour 1 of 7", "472 of 500 points", "The loss, 448.5")


async def test_a_run_that_goes_on_is_paused_for_the_next_step() -> None:
    async with begin("tour") as driver:
        await reads(driver, "Tour 1 of 7", "1 fall")
        await driver.press("1")
        await reads(driver, "Right.")
        driver.run.sender.post(SetPace(5.0))
        await driver.press("space")
        await driver.until(lambda: driver.screen.view.snapshot.state is RunState.RUNNING)
        await driver.press("enter")
        await reads(driver, "Tour 2 of 7", "Which way will the next step move it?")
        assert driver.screen.view.snapshot.state is RunState.PAUSED


async def test_a_number_is_typed_and_a_wrong_one_gets_a_hint() -> None:
    async with begin("slope") as driver:
        await reads(driver, "Slope and sign, by hand 1 of 7")
        await driver.press("enter")
        await reads(driver, "How large is the slope along x?")
        await driver.type("-9,9")  # a decimal comma, not one epoch back
        await reads(driver, "-9,9_")
        await driver.press("backspace", "enter")
        await reads(driver, "Not yet (1 of 3). Higher: it is 2 times")
        run = driver.screen.view.snapshot.lane
        await driver.type(f"{2 * run.weights[0]:.5f}")
        await driver.press("enter")
        await reads(driver, "Right.")


async def test_leaving_and_coming_back(tmp_path: Path) -> None:
    library = tmp_path / "runs.sqlite3"
    async with begin("slope", library=library) as driver:
        await reads(driver, "1 of 7")
        await driver.press("enter")
        await reads(driver, "2 of 7")
        await driver.press("s")
        await reads(driver, "3 of 7")
        await driver.press("escape")
        await driver.until(lambda: driver.screen.lesson.guide is None)
        await driver.until(lambda: "F4 comes back to it" in driver.text())
        await driver.press("f4")
        await reads(driver, "3 of 7")
    with Store(library) as store:
        left = saved(store)["slope"]
    assert (left.place, left.name, left.steps) == (2, "Ada", 7)


async def test_a_key_that_a_lesson_locks_says_so() -> None:
    async with begin("overshoot") as driver:
        await reads(driver, "Overshoot in a narrow valley 1 of 6")
        await driver.press("o")
        assert driver.notices() == ["not in this lesson"]
        await driver.press("7")
        assert not driver.screen.board.shows(driver.screen.board.why)


async def test_curves_are_shown_and_one_is_chosen() -> None:
    async with begin("overshoot") as driver:
        await reads(driver, "1 of 6")
        await driver.press("enter")
        await reads(driver, "2 of 6")
        await driver.type("0.96")
        await driver.press("enter")
        await reads(driver, "Right.")
        await driver.press("enter")
        await reads(driver, "Which of these curves", "█", "↑ ↓ choose")
        player = Player(bundled("overshoot"), "Ada", at=2)
        await driver.press(str(player.curve_rates().index(0.09) + 1))
        await reads(driver, "Right. It is")
        await driver.status(epoch=21, alpha=0.09)


async def test_a_lesson_survives_resizes_and_another_theme() -> None:
    async with begin("tour") as driver:
        await reads(driver, "Tour 1 of 7")
        await driver.press("t")
        for size in ((120, 40), (44, 14), (30, 8), (80, 24)):
            await driver.pilot.resize_terminal(*size)
        await reads(driver, "Tour 1 of 7", "1 fall")


async def test_the_first_start_offers_the_tour_once(tmp_path: Path) -> None:
    library = tmp_path / "runs.sqlite3"
    async with driving(library=library, beginning=Beginning(tour=True)) as driver:
        await driver.settled()
        assert "New here? F4: a tour of seven steps." in driver.text()
        await driver.until(library.exists)  # which says that it has been offered
        await driver.press("f4")
        await reads(driver, "Tour 1 of 7")
        assert "New here?" not in driver.text()
    async with driving() as driver:
        await driver.settled()
        assert "New here?" not in driver.text()


async def test_a_prediction_stays_on_the_curve_until_the_run_begins_again() -> None:
    async with begin("tour") as driver:
        await reads(driver, "Tour 1 of 7")
        await driver.press("2")  # it will rise
        await reads(driver, "Not this time.")
        await driver.until(lambda: "◇ your guess 493.4" in driver.read("#loss"))
        await driver.press("enter")
        await reads(driver, "2 of 7")
        await driver.press("2")
        await driver.press("enter", "space")
        await driver.status(epoch=100)
        assert "◇ your guess 493.4" in driver.read("#loss")
        await driver.press(",")
        assert "◇ your guess" in driver.read("#loss")  # the epochs are still there
        await driver.press("i")
        assert "◇" not in driver.read("#loss")  # norms are no losses
        await driver.press("i", "i")
        assert "◇ your guess" in driver.read("#loss")
        await driver.press("r")
        await driver.until(lambda: "◇" not in driver.read("#loss"))
        await driver.press("space")
        await driver.status(epoch=100)
        assert "◇" not in driver.read("#loss")


@pytest.mark.parametrize("depth", ["256", "mono"])
async def test_the_panel_that_a_step_speaks_of_is_pointed_at(depth: Any) -> None:
    async with begin("tour", depth=depth) as driver:
        await reads(driver, "» Tour 1 of 7")
        await driver.until(lambda: "» " in driver.read("#data").splitlines()[0])
        assert "»" not in driver.read("#loss")
        await driver.press("enter", "enter", "2", "enter")
        await reads(driver, "3 of 7")
        await driver.until(lambda: "» " in driver.read("#loss").splitlines()[0])
        assert "»" not in driver.read("#data")
        await driver.press("escape")
        await driver.until(lambda: "»" not in driver.text())


async def test_every_panel_can_be_pointed_at() -> None:
    async with begin("tour") as driver:
        await reads(driver, "1 of 7")
        steps = [replace(driver.screen.lesson.guide.player.step, panel=name) for name in PANELS]
        for name, step in zip(PANELS, steps, strict=True):
            lesson = replace(driver.screen.lesson.guide.player.lesson, steps=(step,))
            driver.screen.lesson.guide.player.lesson = lesson
            driver.screen.show_panel(name)
            await driver.until(lambda name=name: "» " in driver.read(f"#{name}").partition("\n")[0])


async def test_the_tour_in_german() -> None:
    async with begin("tour", lang="de") as driver:
        await reads(driver, "Rundgang 1 von 7 · Was du siehst", "enter antworten", "esc verlassen")
        await driver.press(".")
        assert driver.notices() == ["antworte zuerst"]
        await driver.press("enter")
        await reads(driver, "Richtig. Er sank von 448.5 auf 392:", "enter weiter")
        await driver.until(lambda: "◇ geschätzt 403.7" in driver.read("#loss"))


async def test_coming_back_the_run_is_where_it_was_too(tmp_path: Path) -> None:
    library = tmp_path / "runs.sqlite3"
    async with begin("tour", library=library) as driver:
        await reads(driver, "1 of 7")
        await driver.press("enter", "enter", "2", "enter")
        await reads(driver, "3 of 7")
        await driver.press(".")
        await driver.status(epoch=3)
        await driver.press("escape")
        await driver.until(lambda: driver.screen.lesson.left and driver.screen.lesson.left[1])
        await driver.press("space")
        await driver.status(epoch=100)
        await driver.press("f4")
        await reads(driver, "3 of 7")
        await driver.status(epoch=3)
        await driver.until(lambda: "◇ your guess" in driver.read("#loss"))
    async with driving(80, 24, library=library) as driver:  # and on another day
        await driver.press("f4")
        await reads(driver, "Tour 3 of 7")
        await driver.status(epoch=3)


async def test_skipping_leads_the_run_to_where_the_next_step_begins() -> None:
    async with begin("tour") as driver:
        await reads(driver, "1 of 7")
        await driver.press("s")
        await reads(driver, "2 of 7", "For the weight of x2 it is 68.8")
        await driver.status(epoch=1)
        await driver.press("s")
        await reads(driver, "3 of 7")
        await driver.press("s")
        await reads(driver, "4 of 7", "from 45 to 0.42. There")
        await driver.status(epoch=60)


async def test_a_wrong_answer_leaves_the_question_to_be_read() -> None:
    async with begin("slope") as driver:
        await reads(driver, "1 of 7")
        await driver.press("enter")
        await reads(driver, "How large is the slope along x?")
        await driver.type("99")
        await driver.press("enter")
        await reads(
            driver, "Not yet (1 of 3). Lower: it is 2 times", "How large is the slope along x?"
        )


async def test_panels_can_be_shown_and_used_and_the_keys_come_back_to_the_lesson() -> None:
    async with begin("tour") as driver:
        await reads(driver, "1 of 7")
        await driver.press("4", "enter")  # the panel is shown, and enter answers
        await reads(driver, "Right. It fell")
        assert "step" in driver.shown()
        await driver.press("tab")
        await reads(driver, "tab back to the lesson")
        await driver.press("enter")  # the panel's
        await reads(driver, "1 of 7")
        await driver.press("escape")
        await reads(driver, "enter next")
        await driver.press("tab", "tab", "enter")
        await reads(driver, "2 of 7")


async def test_escape_leaves_the_cursor_before_the_lesson() -> None:
    async with begin("tour") as driver:
        await reads(driver, "1 of 7")
        for _ in range(2):
            await driver.press("s")
        await reads(driver, "3 of 7")
        await driver.press("enter")
        await driver.until(lambda: driver.screen.board.panel.cursor_on)
        await driver.press("escape")
        await driver.until(lambda: not driver.screen.board.panel.cursor_on)
        await reads(driver, "3 of 7")


async def test_the_help_begins_with_the_keys_that_count_in_the_lesson_now() -> None:
    async with begin("tour", 80, 24) as driver:
        await reads(driver, "Tour 1 of 7")
        await driver.press("question_mark")
        await driver.until(lambda: isinstance(driver.app.screen, HelpScreen))
        view = driver.app.screen.query_one(CellView)
        await driver.until(lambda: view.cells is not None)
        text = "\n".join(view.cells.text())
        places = [text.find(words) for words in ("Tour 1 of 7", "answer", "leave", "Training")]
        assert -1 < places[0] < places[1] < places[2]
        assert re.search(r"enter +answer", text)
        assert re.search(r"esc +leave", text)
        assert places[3] == -1 or places[3] > places[2]


def locking(name: str, *lock: str) -> Beginning:
    """A bundled lesson that locks these actions, and no others."""
    return Beginning(lesson=(Player(replace(bundled(name), lock=lock), "Ada"), ""))


@pytest.mark.parametrize(
    ("lock", "moved", "taken"),
    [("cursor", False, False), ("settings", True, False), ("choose_loss", True, True)],
)
async def test_the_threshold_obeys_the_locks_of_a_lesson(lock, moved, taken) -> None:
    async with driving(120, 40, beginning=locking("plateau", lock)) as driver:
        await reads(driver, "1 of ")
        await driver.press("3", "tab", "enter", "left", "left")
        assert ("threshold 0.48" in driver.read("#report")) is moved
        await driver.press("enter")
        assert driver.run.settings.threshold == (0.48 if taken else 0.5)
        assert ("not in this lesson" in driver.notices()) is not taken


async def test_a_threshold_that_was_being_moved_stays_when_a_lesson_locks_it() -> None:
    async with driving(120, 40) as driver:
        await driver.press("3", "enter", "left")
        await driver.until(lambda: "threshold 0.49" in driver.read("#report"))
        player = Player(replace(bundled("plateau"), lock=("cursor",)), "Ada")
        driver.screen.lesson.open(player, "")
        await reads(driver, "1 of ")
        driver.screen.board.panel.cursor_on = True
        await driver.press("tab", "left", "left", "enter")
        assert "threshold 0.49" in driver.read("#report")
        assert driver.run.settings.threshold == 0.5
        assert driver.notices() == ["not in this lesson"]


async def test_a_start_from_the_landscape_obeys_the_lock_of_new_starts() -> None:
    async with driving(120, 40, beginning=locking("overshoot", "new_start")) as driver:
        await reads(driver, "1 of ")
        start = driver.screen.view.snapshot.lane.weights
        await driver.press("5", "tab")
        await driver.settled()
        await driver.press("enter", "right", "right", "enter")
        assert driver.notices() == ["not in this lesson"]
        assert list(driver.screen.view.snapshot.lane.weights) == list(start)


async def test_a_setting_obeys_the_lock_of_the_key_that_changes_it() -> None:
    async with driving(120, 40, beginning=locking("plateau", "choose_loss")) as driver:
        await reads(driver, "1 of ")
        loss = driver.run.settings.loss
        await driver.press(";")
        await driver.until(lambda: isinstance(driver.app.screen, SettingsScreen))
        driver.app.screen.dismiss({"loss": "cross-entropy"})
        await driver.until(lambda: driver.notices() == ["not in this lesson"])
        await driver.answered()
        assert driver.run.settings.loss == loss
