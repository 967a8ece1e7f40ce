"""Lessons on the screen: what a learner reads, presses and gets."""

from pathlib import Path

import pytest

from tests.ui.driving import Driver, driving
from tui_gd.lessons.library import bundled
from tui_gd.lessons.player import Player
from tui_gd.lessons.progress import saved
from tui_gd.runs.store import Store
from tui_gd.ui.context import Beginning


def lesson(name: str, learner: str = "Ada") -> Beginning:
    return Beginning(keep=True, lesson=(Player(bundled(name), learner), ""))


def begin(name: str, columns: int = 80, rows: int = 24, library: Path | None = None):
    """The interface with a lesson at its first step."""
    return driving(columns, rows, library=library, beginning=lesson(name))


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
        await reads(driver, "Right. The loss fell from 448.5 to 392.", "enter next")
        assert (await driver.status(epoch=1)).loss.startswith("392.0")
        await driver.press("enter")
        await reads(driver, "Tour 2 of 7", "For the weight of x2 it is 68.8")
        await driver.press("1")
        await reads(driver, "Not this time. Up is where the loss rises.")
        await driver.press("enter")
        await reads(driver, "Tour 3 of 7", "space runs")
        await driver.press("space")
        await reads(driver, "Done. Steep at first, then flat.")


async def test_a_number_is_typed_and_a_wrong_one_gets_a_hint() -> None:
    async with begin("slope") as driver:
        await reads(driver, "Slope and sign, by hand 1 of 6")
        await driver.press("enter")
        await reads(driver, "How large is the slope along x here?")
        await driver.type("-9.9")
        await reads(driver, "-9.9_")
        await driver.press("backspace", "enter")
        await reads(driver, "Not yet. Take 2 times")
        run = driver.run.view.snapshot.lane
        await driver.type(f"{2 * run.weights[0]:.5f}")
        await driver.press("enter")
        await reads(driver, "Right. You said")


async def test_leaving_and_coming_back(tmp_path: Path) -> None:
    library = tmp_path / "runs.sqlite3"
    async with begin("slope", library=library) as driver:
        await reads(driver, "1 of 6")
        await driver.press("enter")
        await reads(driver, "2 of 6")
        await driver.press("s")
        await reads(driver, "3 of 6")
        await driver.press("escape")
        await driver.until(lambda: driver.run.guide is None)
        await driver.until(lambda: "F4 comes back to it" in driver.text())
        await driver.press("f4")
        await reads(driver, "3 of 6")
    with Store(library) as store:
        left = saved(store)["slope"]
    assert (left.place, left.name, left.steps) == (2, "Ada", 6)


async def test_what_a_lesson_locks_says_so() -> None:
    async with begin("overshoot") as driver:
        await reads(driver, "Overshoot in a narrow valley 1 of 6")
        await driver.press("o")
        assert driver.notices() == ["not in this lesson"]
        await driver.press("7")
        assert not driver.run.board.shows(driver.run.board.why)


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


async def test_the_first_start_offers_the_tour_once() -> None:
    async with driving(beginning=Beginning(tour=True)) as driver:
        await driver.settled()
        assert "New here? F4 starts the tour" in driver.text()
        await driver.press("f4")
        await reads(driver, "Tour 1 of 7")
    async with driving() as driver:
        await driver.settled()
        assert "New here?" not in driver.text()
