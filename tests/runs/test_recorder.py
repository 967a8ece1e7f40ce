"""The recorder stores the run whatever is done to it, and no fault stops the training."""

import contextlib
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.making import every
from tests.runs.kept import LINE, Kept, check_same
from tui_gd.runs import database, recorder, writer
from tui_gd.runs.database import NAME
from tui_gd.runs.resume import resume
from tui_gd.runs.store import Store
from tui_gd.runs.writer import evenly
from tui_gd.training.checkpoint import Checkpoint
from tui_gd.training.trainer import Trainer


def resumed(path: Path, name: str) -> Trainer:
    with Store(path) as store, resume(store, name) as one:
        return one.trainer


def do_something(trainer: Trainer, chance: np.random.Generator, earlier: list[Checkpoint]) -> None:
    """Make random changes to a run; `earlier` are its checkpoints before it was reset."""
    lane = int(chance.integers(len(trainer.lanes)))
    trainer.current = trainer.lanes[lane].number
    match int(chance.integers(9)):
        case 0 | 1 | 2:
            trainer.advance(int(chance.integers(1, 60)))
        case 3:
            trainer.go_to(int(chance.integers(0, trainer.newest + 1)))
        case 4:
            trainer.set_learning_rate(float(chance.choice([0.001, 0.02, 0.004])), lane)
        case 5 if len(trainer.lanes) < 5:
            optimizer = [None, "adam", "momentum"][int(chance.integers(3))]
            loss = [None, "huber"][int(chance.integers(2))]
            trainer.branch(lane, optimizer=optimizer, loss=loss)
        case 6:
            trainer.close(lane)
        case 7 if chance.integers(4) == 0:
            earlier.append(trainer.checkpoint())
            trainer.reset(int(chance.integers(100)))
            trainer.advance(3)
        case 8 if earlier:
            trainer.restore(earlier.pop())


@pytest.mark.parametrize("seed", range(12))
def test_the_stored_run_is_the_run_whatever_was_done_to_it(tmp_path: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    run = Kept(tmp_path, replace(LINE, batch_size=6 * (seed % 2)))
    trainer = run.trainer
    trainer.advance(20)
    earlier: list[Checkpoint] = []
    for i in range(60):
        do_something(trainer, chance, earlier)
        trainer.finish_tests()
        if chance.integers(2):
            run.write()
        if i % 20 == 19:
            run.write()
            with Store(run.path) as store:
                kept = store.find(run.recorder.id or "")
                checkpoint = store.checkpoint(kept)
            assert checkpoint.entries == tuple(trainer.history.entries)
            assert kept.newest == trainer.newest
            least = min(np.nanmin(trainer.losses(lane)) for lane in range(len(trainer.lanes)))
            assert kept.best == least
    name = run.close()
    assert run.warnings == []
    other = resumed(run.path, name)
    check_same(other, trainer)
    # forward, and back into the history
    middle = trainer.newest // 2
    for one in (other, trainer):
        one.advance(30)
    check_same(other, trainer)
    for one in (other, trainer):
        one.go_to(middle)
        one.advance(10)
    check_same(other, trainer)


def test_a_run_is_stored_over_several_sessions(tmp_path: Path) -> None:
    run = Kept(tmp_path)
    run.trainer.advance(50)
    name = run.close()
    whole = LINE.make_trainer(run.problem)
    whole.advance(50)
    for session in range(4):
        with Store(run.path) as store, resume(store, name) as one:
            keeper = one.recorder(warn=run.warnings.append)
            for trainer in (one.trainer, whole):
                if session == 2:
                    trainer.back(20)
                    trainer.set_learning_rate(0.005, 1)
                    trainer.branch(0, optimizer="adam")
                trainer.advance(40)
            keeper.close(one.trainer, "paused")
    check_same(resumed(run.path, name), whole)
    assert run.warnings == []


def test_nothing_is_stored_before_the_first_epoch(tmp_path: Path) -> None:
    run = Kept(tmp_path)
    assert not run.recorder.take(run.trainer, "PAUSED", 3)
    run.recorder.close(run.trainer)
    assert run.recorder.id is None
    assert not run.path.exists()


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    run = Kept(tmp_path)
    run.trainer.advance(5)
    run.write("PAUSED")
    changed = run.kept().changed
    run.write("PAUSED")
    assert run.kept().changed == changed
    run.close()


def test_small_rows_are_joined(tmp_path: Path) -> None:
    run = Kept(tmp_path)
    for _ in range(45):
        run.trainer.advance(100)
        run.write()
    name = run.close()
    with Store(run.path) as store:
        rows = store.connection.execute(
            "SELECT stop - first FROM losses WHERE lane = 1 ORDER BY first"
        ).fetchall()
    assert sum(count for (count,) in rows) == 4501
    assert len(rows) < 4500 / writer.BLOCK + writer.BLOCK / 100 + 1
    check_same(resumed(run.path, name), run.trainer)


def test_long_runs_are_thinned_and_keep_their_newest_epochs_and_extremes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LOSS_BYTES", 600_000)
    run = Kept(tmp_path)
    for _ in range(100):
        run.trainer.advance(300)
        run.write()
    name = run.close()
    with Store(run.path) as store:
        (total,) = store.connection.execute("SELECT sum(nbytes) FROM losses").fetchone()
        widths = {one for (one,) in store.connection.execute("SELECT width FROM losses")}
        checkpoint = store.checkpoint(store.find(name))
    # four series of two lanes over 30,000 epochs would be 1,920,000 bytes
    assert total < 700_000
    assert min(widths) == 1
    assert max(widths) >= 4
    for lane in (0, 1):
        ours, theirs = every(checkpoint.series["train"][lane]), run.trainer.losses(lane)
        known = np.isfinite(ours)
        assert np.array_equal(ours[known], theirs[known])
        assert known[-2000:].all()
        assert 500 < known.sum() < 15_000
        assert np.nanmin(ours) == theirs.min()
        assert np.nanmax(ours) == theirs.max()
        # no gap is wider than two buckets
        assert np.diff(np.flatnonzero(known)).max() < 2 * max(widths)
    assert run.kept().best == min(run.trainer.losses(lane).min() for lane in (0, 1))
    other = resumed(run.path, name)
    for trainer in (other, run.trainer):
        trainer.go_to(1234)
    assert np.array_equal(other.weights, run.trainer.weights)


def test_keyframes_are_thinned_evenly_and_keep_the_first_and_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "KEYFRAMES", 8)
    run = Kept(tmp_path)
    for _ in range(100):
        run.trainer.advance(10)
        run.write()
        with Store(run.path) as store:
            epochs = [
                epoch
                for (epoch,) in store.connection.execute("SELECT epoch FROM keyframes ORDER BY 1")
            ]
        assert epochs[0] == 0
        assert epochs[-1] == run.trainer.epoch
        assert len(epochs) <= 17
        if len(epochs) > 10:
            assert np.diff(epochs).max() <= 2.5 * run.trainer.epoch / 8 + 10
    run.close()


def test_evenly_leaves_no_gap_of_two_parts() -> None:
    epochs = [0, 1, 2, 3, 50, 60, 61, 62, 80, 100]
    assert evenly(epochs, 5) == {0, 50, 80, 100}
    assert evenly([7], 3) == {7}


# Faults


def test_a_full_disk_is_reported_once_and_everything_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RETRY_SECONDS", 0.0)
    run = Kept(tmp_path)
    run.trainer.advance(50)
    run.write()
    store = run.recorder._store
    assert store
    (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
    store.connection.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(3):
        run.trainer.advance(5000)
        run.recorder.take(run.trainer, "RUNNING", 3)
        run.recorder.wait()
    assert len(run.warnings) == 1
    assert "is not kept from here" in run.warnings[0]
    assert "full" in run.warnings[0]
    assert run.kept().newest == 50  # as it was before
    store.connection.execute("PRAGMA max_page_count = 100000")
    run.trainer.advance(10)
    name = run.close()
    assert len(run.warnings) == 1
    check_same(resumed(run.path, name), run.trainer)


@pytest.mark.parametrize("what", ["a file", "not a store"])
def test_an_unusable_store_is_reported_once_and_training_continues(
    tmp_path: Path, what: str
) -> None:
    data = tmp_path / "data"
    if what == "a file":
        data.write_text("no directory")
    else:
        data.mkdir()
        (data / NAME).write_bytes(b"no store" * 1000)
    run = Kept(data)
    for _ in range(3):
        run.trainer.advance(10)
        run.recorder.take(run.trainer, "RUNNING", 3)
        run.recorder.wait()
    run.recorder.close(run.trainer)
    assert run.trainer.epoch == 30
    assert run.recorder.id is None
    assert len(run.warnings) == 1
    assert run.warnings[0].startswith("the run is not kept: ")
    assert str(data) in run.warnings[0]
    assert "\n" not in run.warnings[0]


def test_a_store_that_breaks_while_training_is_reported_once(tmp_path: Path) -> None:
    run = Kept(tmp_path)
    run.trainer.advance(10)
    run.write()
    store = run.recorder._store
    assert store
    store.connection.execute("DROP TABLE losses")
    for _ in range(3):
        run.trainer.advance(10)
        run.recorder.take(run.trainer, "RUNNING", 3)
        run.recorder.wait()
    run.recorder.close(run.trainer)
    assert len(run.warnings) == 1
    assert "is not kept from here" in run.warnings[0]


def test_on_the_way_out_a_locked_store_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Kept(tmp_path)
    run.trainer.advance(10)
    run.write()
    before = run.trainer.checkpoint(3)
    monkeypatch.setattr(database, "BUSY_SECONDS", 1e6)  # closing would never end
    monkeypatch.setattr(database, "HURRIED_SECONDS", 0.1)
    with contextlib.closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        run.trainer.advance(10)
        run.recorder.take(run.trainer, "RUNNING", 3)
        run.recorder.close(run.trainer)
        said = f"run {run.recorder.id} is not kept from here: "
        assert run.recorder.missing.startswith(said)
        assert "another program has locked the run store" in run.recorder.missing
        assert run.warnings == [run.recorder.missing]
    assert run.recorder.id
    kept = resumed(tmp_path / NAME, run.recorder.id)
    assert kept.checkpoint(3).epoch == before.epoch == 10


def test_a_run_that_is_written_whole_misses_nothing(tmp_path: Path) -> None:
    run = Kept(tmp_path)
    run.trainer.advance(10)
    run.recorder.close(run.trainer)
    assert run.recorder.missing == ""


def test_a_running_run_does_not_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a slow batch the next one has everything since."""
    import threading

    go, started = threading.Event(), threading.Event()
    write = writer.Writer.write

    def slow(self: writer.Writer, batch: writer.Batch) -> None:
        started.set()
        assert go.wait(60)
        write(self, batch)

    monkeypatch.setattr(writer.Writer, "write", slow)
    run = Kept(tmp_path)
    run.trainer.advance(10)
    assert run.recorder.take(run.trainer, "RUNNING", 3)
    assert started.wait(60)
    taken = []
    for _ in range(20):
        run.trainer.advance(10)
        taken.append(run.recorder.take(run.trainer, "RUNNING", 3))
    assert not any(taken)
    go.set()
    name = run.close()
    check_same(resumed(run.path, name), run.trainer)


def test_what_is_new_of_a_lane_is_not_written_before_the_interface_lets_it(tmp_path: Path) -> None:
    run = Kept(tmp_path, replace(LINE, alpha=(0.01, 0.02)))
    asked, allowed = threading.Event(), threading.Event()

    def give_way() -> None:
        asked.set()
        assert allowed.wait(60.0)

    run.trainer.advance(20)
    run.write()
    run.recorder.give_way = give_way
    run.trainer.advance(20)
    assert run.recorder.take(run.trainer, "running")
    assert asked.wait(60.0)
    assert run.kept().newest == 20
    allowed.set()
    assert run.recorder.wait()
    assert run.kept().newest == 40
