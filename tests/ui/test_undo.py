"""Undo: whatever a key discards comes back bit for bit, as often as something was discarded."""

import random
from concurrent.futures import Future
from dataclasses import replace

import pytest

from tests.ui.driving import Driver, driving
from tests.ui.libraries import three_runs
from tui_gd.problems import load_problem
from tui_gd.runs.store import Store
from tui_gd.session.settings import RunSettings
from tui_gd.ui.screens.live_run import Earlier, Undo, _bytes, _problem_bytes

# keys that discard something, and those before them
DISCARDING = {
    "restart": ((), ("r",)),
    "start": ((), ("n",)),
    "loss": ((), ("l", "down", "enter")),
    "optimizer": ((), ("o", "down", "enter")),
    "problem": ((), ("d", "down", "enter")),
    "lane": (("b", "full_stop"), ("C",)),
    "rate": (("comma",), ("plus", "plus", "full_stop")),
    "rescue": ((), ("u",)),
}


def whole(driver: Driver) -> tuple[object, ...]:
    """Everything that a person can see of a run, with all digits."""
    shot, run = driver.run.runner.snapshot, driver.run
    lanes = [
        (
            one.name,
            one.number,
            one.learning_rate,
            one.optimizer.name,
            one.loss_name,
            one.recorded,
            one.weights.tobytes(),
            one.gradient.tobytes(),
            float(one.loss).hex(),
            one.train.low.tobytes(),
        )
        for one in shot.lanes
    ]
    return run.problem.name, run.settings, shot.seed, shot.epoch, shot.newest, shot.epochs, lanes


@pytest.mark.parametrize("seed", range(4))
async def test_every_level_comes_back_bit_for_bit_and_goes_forward_again(seed) -> None:
    chance = random.Random(seed)
    async with driving(problem="moons", loss="mse", alpha=(0.3,)) as driver:
        seen = []
        for _ in range(6):
            before, keys = DISCARDING[chance.choice(list(DISCARDING))]
            await driver.press(*["full_stop"] * chance.randint(1, 3), *before)
            await driver.settled()
            seen.append(whole(driver))
            await driver.press(*keys)
            await driver.settled()
        last = whole(driver)
        for before in reversed(seen):
            await driver.press("0")
            await driver.settled()
            assert whole(driver) == before
        assert driver.run.undo.before is None
        while driver.run.undo.after:
            await driver.press("ctrl+r")
            await driver.settled()
        assert whole(driver) == last


async def test_a_run_goes_on_after_it_came_back() -> None:
    async with driving(epochs=60) as driver:
        await driver.press("greater_than_sign", "l", "down", "down", "enter", "full_stop", "0")
        await driver.status(epoch=10)
        await driver.press("f", "space")
        finished = await driver.status(state="FINISHED", epoch=60)
    async with driving(epochs=60) as driver:
        await driver.press("f", "space")
        assert (await driver.status(state="FINISHED", epoch=60)).loss == finished.loss


async def test_a_kept_run_that_came_back_is_the_one_that_is_kept() -> None:
    library = three_runs()

    def newest() -> dict[str, tuple[int, bool]]:
        with Store(library) as store:
            return {run.id: (run.newest, run.locked_by is not None) for run in store.runs()}

    async with driving(library=library) as driver:
        await driver.press("L")
        await driver.until(lambda: "loss of 3f9a" in driver.text())
        await driver.press("enter")
        await driver.status(epoch=10)
        await driver.press("l", "down", "enter")
        await driver.status(epoch=0)
        await driver.until(lambda: newest()["3f9a"] == (10, False))
        await driver.press("full_stop", "0")
        await driver.status(epoch=10)
        assert driver.run.kept_id == "3f9a"
        await driver.press("full_stop", "full_stop")
        await driver.until(lambda: newest()["3f9a"] == (12, True))
        await driver.press("r", "full_stop")
        await driver.until(lambda: newest()["3f9a"] == (1, True))
        await driver.press("0")
        await driver.until(lambda: newest()["3f9a"] == (12, True))
        await driver.app._press_keys(["q"])
    driver.run.put_away()
    assert newest()["3f9a"] == (12, False)


async def test_what_was_done_is_said_until_a_key_is_pressed() -> None:
    async with driving() as driver:
        await driver.press("greater_than_sign", "l", "down", "down", "enter")
        said = (
            "began again with cross-entropy · 0 brings back the 10 epochs with squared error"
            " · B keeps both"
        )
        await driver.until(lambda: driver.notices() == [said])
        driver.screen.notices.say_from_thread("the disk is full")  # comes by itself, after no key
        await driver.until(lambda: driver.notices() == [said, "the disk is full"])
        await driver.press("full_stop")
        assert driver.notices() == []


async def test_a_rate_set_before_later_epochs_says_what_it_replaces() -> None:
    async with driving() as driver:
        await driver.press("greater_than_sign", "comma", "comma", "plus", "plus")
        said = "α 0.1 from epoch 8 on · 0 brings back epochs 9 to 10 with α 0.01"
        assert driver.notices() == [said]
        await driver.press("full_stop")
        await driver.status(epoch=9, alpha=0.1)
        await driver.press("0")
        await driver.status(epoch=8, alpha=0.01)
        assert driver.run.runner.snapshot.newest == 10


def test_the_oldest_runs_go_first_when_there_is_no_room() -> None:
    settings, problem = RunSettings(seed=3), load_problem("blobs")
    trainer = settings.make_trainer(problem)
    trainer.advance(1000)
    checkpoint = Future()
    checkpoint.set_result(trainer.checkpoint())
    runs = [Earlier(str(at), settings, settings, problem, checkpoint, goal=100) for at in range(9)]
    undo = Undo(levels=4)
    for run in runs:
        undo.push(run)
    kept = []
    while undo.before:
        kept.append(undo.before.words)
        undo.swap(undo.before, replace(runs[0], words="now"), back=True)
    assert kept == ["8", "7", "6", "5"]
    tight = Undo(most_bytes=1)
    for run in runs:
        tight.push(run)
    assert tight.before.words == "8"
    tight.swap(tight.before, runs[0], back=True)
    assert tight.before is None
    roomy = Undo(most_bytes=_problem_bytes(problem) + 4 * _bytes(runs[0]))
    for run in runs:
        roomy.push(run)
    count = 0
    while roomy.before:
        count += 1
        roomy.swap(roomy.before, runs[0], back=True)
    assert count == 4


def test_a_run_that_comes_back_behind_the_next_key_ends_nothing() -> None:
    def named(words: str) -> Earlier:
        return Earlier(words, RunSettings(), RunSettings(), problem, Future(), goal=100)

    problem, undo = load_problem("blobs"), Undo()
    first, second, third, fourth = map(named, ("first", "second", "third", "fourth"))
    undo.push(first)
    undo.swap(first, second, back=True)
    undo.push(third)  # a key discarded something while the second run was on its way back
    undo.swap(second, fourth, back=False)
    assert (undo.before, undo.after) == (fourth, None)
    undo.swap(fourth, second, back=True)
    assert (undo.before, undo.after) == (third, second)
