"""Keys that come faster than snapshots."""

import pytest

from tests.ui.driving import driving
from tui_gd.session import commands
from tui_gd.session.runner import Runner
from tui_gd.session.settings import RunSettings
from tui_gd.ui.keys import ladder
from tui_gd.ui.screens.live_run import CommandSender


class Recorder(Runner):
    """A runner that never carries anything out: its snapshot stays the first one."""

    def __init__(self, alphas: tuple[float, ...]) -> None:
        settings = RunSettings(alpha=alphas, seed=1)
        super().__init__(settings.make_trainer(settings.load_problem()), 100)
        self.posted: list[commands.Command] = []

    def post(self, command: commands.Command) -> None:
        self.posted.append(command)


def steer(*alphas: float) -> tuple[CommandSender, Recorder]:
    recorder = Recorder(alphas)
    return CommandSender(recorder), recorder


def climb(sender: CommandSender, rungs: int) -> None:
    """Change the rate as `+` and `-` do."""
    sender.post(commands.SetLearningRate(ladder(sender.learning_rate, rungs)))


def rates(recorder: Recorder) -> list[float]:
    changes = [one for one in recorder.posted if isinstance(one, commands.SetLearningRate)]
    return [one.learning_rate for one in changes]


def test_three_rungs_are_climbed_before_a_snapshot_shows_the_first() -> None:
    sender, recorder = steer(0.01)
    for _ in range(3):
        climb(sender, 1)
    assert rates(recorder) == [0.03, 0.1, 0.3]
    climb(sender, -2)
    assert rates(recorder)[-1] == 0.03
    assert sender.learning_rate == 0.03


def test_a_lane_just_chosen_is_the_one_whose_rate_is_changed() -> None:
    sender, recorder = steer(0.01, 0.5)
    climb(sender, 1)
    sender.choose_lane(1)
    assert sender.lane == 1
    climb(sender, 1)
    assert recorder.posted == [
        commands.SetLearningRate(0.03),
        commands.SelectLane(1),
        commands.SetLearningRate(1.0),
    ]
    sender.choose_lane(1)
    assert recorder.posted[-1] == commands.SelectLane(0)


def test_a_branch_and_a_reset_keep_the_rate_and_another_epoch_does_not() -> None:
    sender, recorder = steer(0.01)
    climb(sender, 1)
    sender.post(commands.Branch())
    sender.post(commands.Reset())
    climb(sender, 1)
    assert rates(recorder) == [0.03, 0.1]
    sender.post(commands.StepBack())
    assert sender.learning_rate == 0.01


def test_one_lane_is_never_chosen_again() -> None:
    sender, recorder = steer(0.01)
    sender.choose_lane(1)
    assert recorder.posted == []


async def test_plus_five_times_at_once_climbs_five_rungs_also_while_running() -> None:
    async with driving(alpha=(1e-5,), epochs=10**9) as driver:
        await driver.press_at_once(*["plus"] * 5)
        await driver.status(alpha=0.003)
        await driver.press_at_once("space", *["minus"] * 5)
        await driver.status(alpha=1e-5, state="RUNNING")
        await driver.press("space")
        await driver.status(state="PAUSED")


@pytest.mark.parametrize("columns", [80, 120])
async def test_a_diverged_run_says_what_to_do(columns: int) -> None:
    # the gradient is larger than 1, so the first step leads beyond the largest number
    settings = {"alpha": (1e308,), "loss": "cross-entropy", "ready": False}
    async with driving(columns, 24, **settings) as driver:
        await driver.status(epoch=0)
        await driver.press("greater_than_sign")
        status = await driver.status(state="DIVERGED")
        await driver.until(lambda: "an α below" in driver.text())
        limit = driver.screen.board.why.rescue_rate(driver.screen.view, 1e308)
        assert limit < 100.0  # the curvature of a sigmoid on these points allows no more
        await driver.press("space")
        await driver.until(driver.notices)
        said = f"diverged at epoch {status.epoch}: u goes back with α {limit:g}"
        assert driver.notices() == [said]
        await driver.press("full_stop")
        await driver.answered()
        assert len(driver.notices()) == 1
