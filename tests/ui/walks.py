"""What is done and seen for every action of the key table."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from textual._compositor import LayoutUpdate
from textual.command import CommandPalette
from textual.geometry import Region

from tests.ui.driving import Driver
from tui_gd.runs.share import open_line
from tui_gd.session.commands import SetPace
from tui_gd.ui.panels.widget import CellView
from tui_gd.ui.screens.exports import ExportScreen
from tui_gd.ui.screens.pages import ColumnsScreen, HelpScreen
from tui_gd.ui.screens.questions import Choice, Prompt, Whole
from tui_gd.ui.screens.runs import RunsScreen

Walk = Callable[[Driver, str], Awaitable[None]]
WALKS: dict[str, Walk] = {}


def walk(action: str) -> Callable[[Walk], Walk]:
    """Register what is done and seen for an action; the walk is given one of its keys."""

    def register(function: Walk) -> Walk:
        WALKS[action] = function
        return function

    return register


def panel_walk(action: str, name: str) -> None:
    @walk(action)
    async def _(driver: Driver, key: str) -> None:
        # from another panel, so that there is something to see
        await driver.press("2" if key == "1" else "1", key)
        await driver.until(lambda: driver.focused() == [name])


for _name in ("loss", "data", "report", "step", "landscape", "lanes", "why", "changes", "network"):
    panel_walk(f"panel('{_name}')", _name)


@walk("run_or_pause")
async def _(driver: Driver, key: str) -> None:
    driver.run.runner.post(SetPace(2.0))  # it is not to end before it is paused
    await driver.press(key)
    await driver.status(state="RUNNING")
    await driver.until(lambda: driver.read_status().epoch > 0)
    await driver.press(key)
    paused = await driver.status(state="PAUSED")
    assert 0 < paused.epoch < 100


@walk("step(1)")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.status(state="PAUSED", epoch=1)


@walk("step_back(1)")
async def _(driver: Driver, key: str) -> None:
    await driver.press("full_stop")
    first = await driver.status(epoch=1)
    await driver.press("full_stop")
    second = await driver.status(epoch=2)
    await driver.press(key)
    again = await driver.status(epoch=1)
    assert again.loss == first.loss != second.loss


@walk("step(10)")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.status(state="PAUSED", epoch=10)


@walk("step_back(10)")
async def _(driver: Driver, key: str) -> None:
    await driver.press("greater_than_sign", "full_stop")
    await driver.status(epoch=11)
    await driver.press(key)
    await driver.status(epoch=1)


@walk("first")
async def _(driver: Driver, key: str) -> None:
    await driver.press("greater_than_sign")
    await driver.status(epoch=10)
    await driver.press(key)
    await driver.status(epoch=0)
    assert driver.run.runner.snapshot.newest == 10


@walk("newest")
async def _(driver: Driver, key: str) -> None:
    await driver.press("greater_than_sign")
    await driver.status(epoch=10)
    await driver.press("home")
    await driver.status(epoch=0)
    await driver.press(key)
    await driver.status(epoch=10)


@walk("go_to")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: isinstance(driver.app.screen, Prompt))
    await driver.press("7", "enter")
    await driver.status(state="PAUSED", epoch=7)


@walk("flat_out")
async def _(driver: Driver, key: str) -> None:
    assert driver.run.runner.snapshot.pace
    await driver.press(key)
    await driver.until(lambda: driver.run.runner.snapshot.pace is None)
    assert driver.notices() == ["flat out"]
    await driver.press(key)
    await driver.until(lambda: driver.run.runner.snapshot.pace)
    assert driver.notices() == ["33 epochs a second"]


@walk("learning_rate(1)")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.status(alpha=0.03, epoch=0)


@walk("learning_rate(-1)")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.status(alpha=0.003, epoch=0)


@walk("type_learning_rate")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: isinstance(driver.app.screen, Prompt))
    await driver.type("0.25")
    await driver.press("enter")
    await driver.status(alpha=0.25)


@walk("branch")
async def _(driver: Driver, key: str) -> None:
    await driver.press("full_stop", key)
    await driver.until(lambda: "lane B of 2" in driver.read("#top"))
    await driver.status(epoch=1)


@walk("branch_with")
async def _(driver: Driver, key: str) -> None:
    await driver.press("full_stop", key)
    await driver.until(lambda: isinstance(driver.app.screen, Choice))
    await driver.until(lambda: "Branch here into a new lane" in driver.text())
    await driver.press("down", "enter")  # past mse
    await driver.until(lambda: len(driver.run.runner.snapshot.lanes) == 2)
    assert driver.run.runner.snapshot.lane.loss_name == "cross-entropy"
    await driver.press("6")
    await driver.until(lambda: re.search(r"B +cross-entropy .* A at 1 ", text_of(driver)))


def text_of(driver: Driver) -> str:
    return driver.read("#lanes")


@walk("name_lane")
async def _(driver: Driver, key: str) -> None:
    await driver.press("b")
    await driver.until(lambda: "lane B of 2" in driver.read("#top"))
    await driver.press(key)
    await driver.until(lambda: isinstance(driver.app.screen, Prompt))
    await driver.type("slow")
    await driver.press("enter")
    await driver.until(lambda: "lane slow of 2" in driver.read("#top"))


@walk("hide_lane")
async def _(driver: Driver, key: str) -> None:
    await driver.press("full_stop", "b", "plus", "full_stop")
    await driver.until(lambda: "A α 0.01" in driver.read("#loss"))
    await driver.press(key, "up")
    await driver.until(lambda: "lane A of 2" in driver.read("#top"))
    await driver.until(lambda: "B α 0.03" not in driver.read("#loss"))
    await driver.press("6")
    await driver.until(lambda: "B hidden" in text_of(driver))


@walk("close_lane")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: driver.notices() == ["the last lane stays: q quits"])
    await driver.press("full_stop", "b", "plus", "full_stop")
    await driver.until(lambda: "lane B of 2" in driver.read("#top"))
    await driver.press(key)
    await driver.status(epoch=2, alpha=0.01)
    assert "lane" not in driver.read("#status")


@walk("rescue")
async def _(driver: Driver, key: str) -> None:
    await driver.press("greater_than_sign", "full_stop", "full_stop")
    await driver.status(epoch=12)
    await driver.press(key)
    await driver.status(epoch=2, alpha=0.001)
    said = "back at epoch 2 with α 0.001 · 0 brings back epochs 3 to 12 with α 0.01"
    assert driver.notices() == [said]


@walk("mark")
async def _(driver: Driver, key: str) -> None:
    await driver.press("full_stop", "full_stop", key, "full_stop", "8")
    await driver.until(lambda: "epoch 2 → 3" in driver.read("#changes"))


@walk("race('rates')")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: driver.focused() == ["race"])
    await driver.until(lambda: "64 rates" in driver.read("#race"))
    await driver.settled()
    await driver.press("enter", "right", "enter")
    await driver.until(lambda: driver.read_status().alpha != 0.01)


@walk("race('optimizers')")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: "adagrad" in driver.read("#race"))


@walk("starts")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: "of 256" in driver.read("#starts"), "counts of 256 starts")
    await driver.until(lambda: driver.read("#starts").count("of 256") == 2, "both losses")


@walk("choose_plane")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: isinstance(driver.app.screen, Prompt))
    await driver.type("x2, bias")
    await driver.press("enter")
    await driver.until(lambda: driver.focused() == ["landscape"])
    await driver.until(lambda: "bias ↑   x2 →" in driver.read("#landscape"))


@walk("log_epochs")
async def _(driver: Driver, key: str) -> None:
    await driver.press("greater_than_sign")
    await driver.status(epoch=10)
    linear = driver.read("#loss")
    await driver.press(key)
    await driver.until(lambda: driver.read("#loss") != linear)


@walk("measure")
async def _(driver: Driver, key: str) -> None:
    await driver.press("greater_than_sign", key)
    await driver.until(lambda: "Gradient norm" in driver.read("#loss"))
    norm = driver.run.runner.snapshot.lane.gradient_norm
    await driver.until(lambda: f"{norm:.4g}" in driver.read("#loss"))
    await driver.press(key)
    await driver.until(lambda: "Learning rate" in driver.read("#loss"))
    await driver.press(key)
    await driver.until(lambda: re.match("╭ 1 Loss ─+ ── train ", driver.read("#loss")))


@walk("smooth")
async def _(driver: Driver, key: str) -> None:
    await driver.press("greater_than_sign", key)
    await driver.until(lambda: "smoothed over 5" in driver.read("#loss"))
    await driver.press(key, key, key)
    await driver.until(lambda: "smoothed" not in driver.read("#loss"))


@walk("zoom(2.0)")
async def _(driver: Driver, key: str) -> None:
    await driver.press(*["greater_than_sign"] * 4)
    await driver.status(epoch=40)
    await driver.press(key)
    await driver.until(lambda: re.search(r"epochs \d+ to \d+", driver.read("#loss")))


@walk("zoom(0.5)")
async def _(driver: Driver, key: str) -> None:
    await WALKS["zoom(2.0)"](driver, "z")
    await driver.press(key)
    await driver.until(lambda: not re.search(r"epochs \d+ to \d+", driver.read("#loss")))


async def pan(driver: Driver, key: str) -> None:
    def window() -> tuple[int, int]:
        first, last = re.search(r"epochs (\d+) to (\d+)", driver.read("#loss")).groups()
        return int(first), int(last)

    await WALKS["zoom(2.0)"](driver, "z")
    once = window()
    await driver.press("z")
    await driver.until(lambda: window() != once, f"from {once}")
    before = window()
    await driver.press(key)
    sign = 1 if key == "H" else -1
    await driver.until(lambda: (window()[0] - before[0]) * sign > 0, f"from {before}")


WALKS["pan(0.25)"] = WALKS["pan(-0.25)"] = pan


def numbers_in(text: str) -> set[float]:
    return set(map(float, re.findall(r"-?\d+\.\d+(?:e-?\d+)?", text)))


@walk("copy")
async def _(driver: Driver, key: str) -> None:
    await driver.press("4", key)
    await driver.until(lambda: driver.app.clipboard)
    assert "W writes gd-tui-blobs-step-epoch0.txt" in driver.notices()[-1]
    assert set(driver.run.runner.snapshot.lane.weights) <= numbers_in(driver.app.clipboard)


@walk("write")
async def _(driver: Driver, key: str) -> None:
    await driver.press("4", key)
    await driver.until(lambda: any("wrote" in notice for notice in driver.notices()))
    path = Path("gd-tui-blobs-step-epoch0.txt")
    text = path.read_text()
    path.unlink()
    assert set(driver.run.runner.snapshot.lane.weights) <= numbers_in(text)


@walk("share")
async def _(driver: Driver, key: str) -> None:
    await driver.press("full_stop", key)
    await driver.until(lambda: isinstance(driver.app.screen, Whole))
    line = driver.app.clipboard
    await driver.until(lambda: line[:30] in driver.text())
    shared = open_line(line)
    assert (shared.settings.problem, shared.settings.seed) == ("blobs", 3)
    await driver.press("escape")
    await driver.until(lambda: driver.app.screen is driver.screen)


@walk("reset")
async def _(driver: Driver, key: str) -> None:
    start = await driver.status(epoch=0)
    await driver.press("greater_than_sign")
    await driver.status(epoch=10)
    await driver.press(key)
    await driver.until(lambda: driver.run.runner.snapshot.newest == 0)
    await driver.settled()
    assert (await driver.status(epoch=0)).loss == start.loss


@walk("new_start")
async def _(driver: Driver, key: str) -> None:
    start = await driver.status(epoch=0)
    await driver.press("full_stop", key)
    await driver.until(lambda: driver.run.runner.snapshot.seed == 4)
    await driver.settled()
    assert (await driver.status(epoch=0)).loss != start.loss


@walk("undo")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: driver.notices() == ["nothing to undo; L lists the kept runs"])
    await driver.press("greater_than_sign", "b", "plus", "comma")
    before = await driver.status(epoch=9)
    await driver.press("r")
    await driver.status(epoch=0)
    said = ["restarted from the same start · 0 brings back the 10 epochs"]
    await driver.until(lambda: driver.notices() == said)
    await driver.press("full_stop")
    assert driver.notices() == []
    await driver.press("n")
    await driver.status(epoch=0)
    assert driver.notices() == ["a new random start · 0 brings back the epoch of seed 3"]
    await driver.press(key)
    await driver.status(epoch=1)
    said = "back to the epoch of seed 3 · 0 goes further back · ctrl+r goes forward again"
    await driver.until(lambda: driver.notices() == [said])
    await driver.press(key)
    again = await driver.status(epoch=9)
    assert again.loss == before.loss
    assert driver.notices() == ["back to the 10 epochs · ctrl+r goes forward again"]
    await driver.press("full_stop")
    await driver.status(epoch=10)


@walk("redo")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: driver.notices() == ["nothing to redo"])
    await driver.press("greater_than_sign", "r", "full_stop", "0")
    await driver.status(epoch=10)
    await driver.press(key)
    await driver.status(epoch=1)
    await driver.press("0", "r", key)  # another restart: there is nothing to redo
    await driver.until(lambda: driver.notices() == ["nothing to redo"])
    await driver.status(epoch=0)


@walk("choose_loss")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: isinstance(driver.app.screen, Choice))
    await driver.until(lambda: "no plateau · usual for classes" in driver.text())
    await driver.press("down", "down", "enter")
    await driver.until(lambda: "cross-entropy" in driver.read("#top"))


@walk("choose_optimizer")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: "gradient descent" in driver.text())
    await driver.press("down", "enter")
    await driver.until(lambda: "W ← W − α·v" in driver.read("#step"))


@walk("choose_problem")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: isinstance(driver.app.screen, Choice))
    await driver.press("down", "enter")
    await driver.until(lambda: driver.app.screen is driver.screen)
    await driver.until(lambda: driver.run.settings.problem != "blobs")
    name = driver.run.settings.problem
    await driver.until(lambda: f" {name} " in driver.read("#top"))


@walk("check_gradient")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: "by differences" in driver.read("#step"))
    errors = re.findall(r"^│ \w+ .* (\d\.\de-\d+) ", driver.read("#step"), re.MULTILINE)
    assert len(errors) == 3
    assert max(map(float, errors)) < 1e-6
    await driver.press(key)
    await driver.until(lambda: "new weight" in driver.read("#step").split("\n")[2])
    assert "by differences" not in driver.read("#step")


@walk("log_axis")
async def _(driver: Driver, key: str) -> None:
    def ticks() -> list[str]:
        return re.findall(r"^│ *([\d.]+)┤", driver.read("#loss"), re.MULTILINE)

    await driver.press("greater_than_sign")
    await driver.status(epoch=10)
    await driver.settled()
    # from 237 to 0.36: the axis is logarithmic by itself
    assert {"1", "10", "100"} <= set(ticks())
    await driver.press(key)
    await driver.until(lambda: ticks() == ["200", "100", "0"])
    await driver.press(key)
    await driver.until(lambda: {"1", "10", "100"} <= set(ticks()))


@walk("train_points")
async def _(driver: Driver, key: str) -> None:
    assert "Data, test" in driver.read("#data")
    await driver.press(key)
    await driver.until(lambda: "Data, train" in driver.read("#data"))


@walk("maximise")
async def _(driver: Driver, key: str) -> None:
    await driver.press("4", key)
    await driver.until(lambda: driver.shown() == ["step"])
    await driver.until(lambda: len(driver.read("#step").split("\n")) == 31)


@walk("restore")
async def _(driver: Driver, key: str) -> None:
    await driver.press("m")
    await driver.until(lambda: driver.shown() == ["loss"])
    await driver.press(key)
    await driver.until(lambda: driver.shown() == ["loss", "data", "report", "step"])


@walk("focus_panel(1)")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: driver.focused() == ["data"])


@walk("focus_panel(-1)")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: driver.focused() == ["step"])


@walk("move(1)")
async def _(driver: Driver, key: str) -> None:
    await driver.press("4", key)
    await driver.until(lambda: "row 2 of 500" in driver.read("#step"))
    await driver.press("1", "b")
    await driver.until(lambda: "lane B of 2" in driver.read("#top"))
    await driver.press(key)
    await driver.until(lambda: "lane A of 2" in driver.read("#top"))


@walk("move(-1)")
async def _(driver: Driver, key: str) -> None:
    await driver.press("4", key)
    await driver.until(lambda: "row 500 of 500" in driver.read("#step"))


async def scroll(driver: Driver, key: str) -> None:
    await driver.pilot.resize_terminal(50, 14)
    await driver.press("4")
    await driver.until(lambda: "pgdn 1-7/13" in driver.read("#step"))
    up = key in {"pageup", "T"}
    await driver.press(*(["pagedown"] if up else []), key)
    end = "pgdn 1-7/13" if up else "pgdn 7-13/13"
    await driver.until(lambda: end in driver.read("#step"))
    assert ("pull = " in driver.read("#step")) != up
    assert ("new weight = " in driver.read("#step")) == up


WALKS["scroll(1)"] = WALKS["scroll(-1)"] = scroll


@walk("cursor")
async def _(driver: Driver, key: str) -> None:
    await driver.press("full_stop")
    await driver.status(epoch=1)
    await driver.press(key)
    await driver.until(lambda: " epoch 1 ─" in driver.read("#loss"))
    await driver.press("escape")
    await driver.until(lambda: " epoch " not in driver.read("#loss").split("\n")[0])


@walk("export")
async def _(driver: Driver, key: str) -> None:
    with TemporaryDirectory() as folder:
        await driver.press("full_stop", key)
        await driver.until(lambda: isinstance(driver.app.screen, ExportScreen))
        await driver.press("f", "ctrl+u")
        await driver.type(folder)
        await driver.press("enter")
        await driver.until(lambda: any("wrote" in notice for notice in driver.notices()))
        with np.load(Path(folder) / "weights.npz") as file:
            assert (file["weights"] == driver.run.runner.snapshot.lane.weights).all()


@walk("kept_runs")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))
    await driver.until(lambda: "loss of 3f9a" in driver.text())
    await driver.press("enter")
    await driver.until(lambda: driver.app.screen is driver.screen)
    await driver.until(lambda: driver.run.kept_id == "3f9a")
    await driver.status(state="FINISHED", epoch=10)


@walk("settings")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: "settings of this run" in driver.text())
    await driver.press("down", "2", "5", "0", "enter", "enter")
    await driver.status(epochs=250)
    await driver.until(lambda: driver.app.screen is driver.screen)


@walk("columns")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: isinstance(driver.app.screen, ColumnsScreen))
    await driver.until(lambda: "x2" in driver.text())
    assert "binary of 2 classes" in driver.text()
    await driver.press("escape")
    await driver.until(lambda: driver.app.screen is driver.screen)


@walk("meter")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: re.search(r"\d+ frames \d+ kB", driver.read("#top")))
    await driver.press(key)
    await driver.until(lambda: "frames" not in driver.read("#top"))


@walk("repaint")
async def _(driver: Driver, key: str) -> None:
    before, sent = driver.text(), list[object]()
    display = driver.app._display

    def listen(screen: object, update: object) -> None:
        sent.append(update)
        display(screen, update)

    driver.app._display = listen
    asked = dict.fromkeys(driver.screen.query(CellView), 0)
    for view in asked:

        def render(crop: Region, view: CellView = view, usual: Any = view.render_lines) -> Any:
            asked[view] += crop.height
            return usual(crop)

        view.render_lines = render
    await driver.press(key)
    # the whole screen is sent, in which every row of all that is shown is drawn
    await driver.until(lambda: any(isinstance(one, LayoutUpdate) for one in sent))
    for view, rows in asked.items():
        if view.display and view.size and view.region:
            assert rows >= view.size.height, view
    assert driver.text() == before


@walk("lesson")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: "Tour 1 of 7" in driver.read("#lesson"))
    await driver.press(key)
    await driver.until(lambda: driver.screen.lesson.guide is None)


@walk("theme")
async def _(driver: Driver, key: str) -> None:
    def background() -> int:
        return int(driver.screen.query_one("#step").cells.bg[1, 1])

    dark = background()
    await driver.press(key)
    await driver.until(lambda: background() != dark)
    assert driver.app.theme == "gd-light"
    await driver.press(key)
    await driver.until(lambda: background() == dark)


@walk("help")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: isinstance(driver.app.screen, HelpScreen))
    await driver.until(lambda: "one epoch forward" in driver.text())
    await driver.press("escape")
    await driver.until(lambda: driver.app.screen is driver.screen)


@walk("command_palette")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.until(lambda: isinstance(driver.app.screen, CommandPalette))


@walk("quit")
async def _(driver: Driver, key: str) -> None:
    runner = driver.run.runner
    await driver.app._press_keys([key])
    assert driver.app._exit
    assert driver.app.return_code == 0
    assert not runner._thread.is_alive()
