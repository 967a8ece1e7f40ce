"""The run library on a real store: what was recorded is read, resumed and exported."""

import numpy as np
import pytest

from tests.ui.driving import driving
from tui_gd.errors import ProblemError
from tui_gd.runs.recorder import Recorder
from tui_gd.session.settings import RunSettings
from tui_gd.ui.library import StoredRunLibrary
from tui_gd.ui.screens.runs import RunsScreen


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("GD_TUI_DATA", str(tmp_path))
    return tmp_path


def recorded(epochs: int = 40, **settings):
    """Train and keep a run of two lanes, of which the second one branched; return its trainer."""
    run = RunSettings(**{"seed": 3, "epochs": epochs, "loss": "sse", **settings})
    problem = run.load_problem()
    trainer = run.make_trainer(problem)
    recorder = Recorder(run, problem)
    trainer.advance(10)
    recorder.take(trainer, "RUNNING", 3)
    trainer.branch(0, 0.05)
    trainer.advance(epochs - 10)
    recorder.close(trainer, "PAUSED", 3)
    return recorder.id, trainer


def test_without_a_store_there_are_no_runs(store) -> None:
    assert StoredRunLibrary().runs() == []
    assert list(store.iterdir()) == []  # and none is made by looking


def test_what_was_recorded_is_listed_and_read() -> None:
    run, trainer = recorded()
    (listed,) = StoredRunLibrary().runs()
    assert (listed.id, listed.problem, listed.lanes, listed.epochs) == (run, "blobs", 2, 40)
    assert listed.state == "paused"
    assert listed.driver == ""
    assert listed.best == min(trainer.losses(0).min(), trainer.losses(1).min())
    detail = StoredRunLibrary().read(run)
    for position, lane in enumerate(detail.lanes):
        assert lane.train.low.tolist() == lane.train.high.tolist()
        assert lane.train.low.tolist() == trainer.losses(position).tolist()
        assert lane.last == trainer.loss[position]
        assert lane.epochs == 40
    assert [lane.learning_rate for lane in detail.lanes] == [0.01, 0.05]
    assert detail.settings["problem"] == "blobs"


def test_a_run_taken_up_again_goes_on_with_the_same_bits() -> None:
    run, trainer = recorded()
    kept = StoredRunLibrary().reopen(run)
    assert (kept.id, kept.seed, kept.goal, kept.trainer.epoch) == (run, 3, 40, 40)
    keeper = kept.keeper(pytest.fail)
    (listed,) = StoredRunLibrary().runs()
    assert listed.state == "running"
    assert "process" in listed.driver
    for attempt in (StoredRunLibrary().reopen, StoredRunLibrary().delete):
        with pytest.raises(ProblemError, match="locked by"):
            attempt(run)
    kept.trainer.advance(5)
    trainer.advance(5)
    assert (kept.trainer.weights == trainer.weights).all()
    assert keeper.id == run
    keeper.close(kept.trainer, "PAUSED", 3)
    (listed,) = StoredRunLibrary().runs()
    assert (listed.epochs, listed.state, listed.driver) == (45, "paused", "")


def test_a_kept_run_is_what_its_exports_are_made_from() -> None:
    run, trainer = recorded()
    exported = StoredRunLibrary().exported(run)
    assert exported.epoch == 40
    for position, lane in enumerate(exported.lanes):
        assert (exported.weights(lane) == trainer.weights[position]).all()
        assert (exported.series("train", lane).all() == trainer.losses(position)).all()


def test_what_is_deleted_is_gone() -> None:
    run, _ = recorded()
    StoredRunLibrary().delete(run)
    assert StoredRunLibrary().runs() == []
    for ask in (StoredRunLibrary().read, StoredRunLibrary().reopen, StoredRunLibrary().exported):
        with pytest.raises(ProblemError, match="no kept run has this id"):
            ask(run)


async def test_on_the_screen_a_kept_run_goes_on_and_stays_kept() -> None:
    run, trainer = recorded()
    async with driving(library=StoredRunLibrary()) as driver:
        await driver.press("L")
        await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))
        await driver.until(lambda: f"loss of {run}" in driver.text())
        await driver.press("enter")
        shown = await driver.status(state="FINISHED", epoch=40, epochs=40)
        assert float(shown.loss) == pytest.approx(trainer.loss[0], rel=1e-7)
        await driver.press("greater_than_sign")
        await driver.status(epoch=50)
        assert driver.run.kept_id == run
        await driver.app._press_keys(["q"])
    driver.run.put_away()
    trainer.advance(10)
    kept = StoredRunLibrary().exported(run)
    for position, lane in enumerate(kept.lanes):
        assert np.array_equal(kept.weights(lane), trainer.weights[position])
    (listed,) = StoredRunLibrary().runs()
    assert (listed.epochs, listed.driver) == (50, "")
