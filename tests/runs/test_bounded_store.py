"""Thinned runs in the store: written, opened, resumed, exported."""

import csv
import io
import math
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.making import every
from tests.runs.kept import LINE, Kept, record_of
from tui_gd.cli.show import curve_lines, summary
from tui_gd.errors import ProblemError
from tui_gd.runs.exports import why_not
from tui_gd.runs.exports.tables import loss_files
from tui_gd.runs.record import RunRecord
from tui_gd.runs.resume import resume
from tui_gd.runs.store import Store
from tui_gd.runs.writer import Batch, Writer
from tui_gd.training import series as series_module
from tui_gd.training import spans as points_module
from tui_gd.training.checkpoint import Keyframe
from tui_gd.training.spans import KnownPoints, ThinnedSeries
from tui_gd.training.trainer import Trainer
from tui_gd.ui.screens.runs_page import read_detail

LONG = 10**9


class Bounded(Kept):
    """A stored run whose record is bounded."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.trainer = self.settings.make_trainer(self.problem, bounded=True)
        self.trainer.record_norms()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points_module, "FINENESS", 64)
    monkeypatch.setattr(series_module, "DENSE_EPOCHS", 256)
    monkeypatch.setattr(series_module, "LEAST_DENSE_EPOCHS", 128)


def taken_up(path: Path, name: str) -> Trainer:
    with Store(path) as store, resume(store, name, bounded=True) as run:
        return run.trainer


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("every", [100, 3000])
def test_a_bounded_run_is_stored_and_continues_with_its_bits_and_its_curves(
    tmp_path: Path, every: int
) -> None:
    run = Bounded(tmp_path)
    for _ in range(6000 // every):  # rarely, so that deltas have been thinned already
        run.trainer.advance(every)
        run.write()
    run.trainer.go_to(777)
    run.trainer.branch(0, 0.02)
    run.trainer.advance(500)
    run.trainer.back(40)
    run.trainer.set_learning_rate(0.001, 2)
    run.trainer.advance(90)
    name = run.close()
    again = taken_up(run.path, name)
    assert again.epoch == run.trainer.epoch
    for kind, kept in again.history.series.items():
        own = run.trainer.history.series[kind]
        for lane, one in enumerate(again.lanes):
            got, true = (
                kept.between(lane, 0, one.recorded + 1),
                own.between(lane, 0, one.recorded + 1),
            )
            both = np.isfinite(got) & np.isfinite(true)
            assert np.array_equal(got[both], true[both])
            if kind == "validation":  # this run has no such rows
                assert np.isnan(got).all()
                continue
            assert np.isfinite(got[kept.dense_from :]).all()
            assert np.isfinite(got).sum() > 500
            mine, theirs = (each.windows([lane], 0, one.recorded + 1)[0] for each in (kept, own))
            if mine.width > 8:
                assert np.nanmax(mine.high) == np.nanmax(theirs.high)
                assert np.nanmin(mine.low) == np.nanmin(theirs.low)
    for trainer in (again, run.trainer):
        trainer.go_to(6100)
    assert again.weights.tobytes() == run.trainer.weights.tobytes()
    whole = LINE.make_trainer(run.problem)
    whole.advance(777)
    for trainer in (again, run.trainer):
        trainer.go_to(777)
        assert trainer.weights[:2].tobytes() == whole.weights.tobytes()


def long_run(tmp_path: Path) -> tuple[Kept, str]:
    """Store what a run of 1,000,000,000 epochs would leave behind."""
    run = Kept(tmp_path)
    run.trainer.advance(100)
    run.write()
    checkpoint = run.trainer.checkpoint(3)
    epochs = np.unique(np.geomspace(1, LONG - 1000, 50_000).astype(np.int64))
    values = 1 + 1 / (1.0 + epochs)
    values[1000] = 50.0
    known = KnownPoints(0, LONG + 1, ThinnedSeries(epochs, values), LONG - 999, np.full(1000, 0.5))
    lanes = tuple(replace(lane, recorded=LONG) for lane in checkpoint.lanes)
    first, last = checkpoint.keyframes[0], checkpoint.keyframes[-1]
    fake = replace(
        checkpoint,
        epoch=LONG,
        newest=LONG,
        lanes=lanes,
        keyframes=(first, Keyframe(LONG, last.numbers, last.state)),
        series={name: dict.fromkeys((0, 1), known) for name in checkpoint.series},
    )
    run.trainer.advance(1)
    delta = replace(run.trainer.delta(), epoch=LONG, newest=LONG, lanes=lanes)
    with Store(run.path) as store:
        Writer(store, run.recorder.id or "").write(
            Batch(delta, fake, "paused", "", math.inf, 3, LONG)
        )
    run.recorder.close()
    return run, run.recorder.id or ""


def test_a_run_of_a_thousand_million_epochs_opens_in_little_memory(tmp_path: Path) -> None:
    run, name = long_run(tmp_path)
    tracemalloc.start()
    try:
        with Store(run.path) as store:
            kept = store.find(name)
            checkpoint = store.checkpoint(kept)
        words = "\n".join(summary(kept, checkpoint))
        drawn = curve_lines(checkpoint, 80, "utf-8")
        with Store(run.path) as store:
            detail = read_detail(store, name)
        trainer = taken_up(run.path, name)
        trainer.advance(2000)
        trainer.back(10)
        curve = trainer.history.train_loss.windows([0], 0, LONG)[0]
        exported = RunRecord(run.settings, run.problem, checkpoint)
        text = loss_files(exported)["losses.csv"].decode()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 << 20
    assert "epoch 1000000000 of 1000000000" in words
    assert "0.5" in words
    assert len(drawn) > 5
    assert detail.lanes[0].last == 0.5
    assert np.nanmax(detail.lanes[0].train.high) == 50.0
    assert trainer.epoch == LONG + 1990
    assert trainer.losses_between(0, LONG - 999, LONG).tolist() == [0.5] * 999
    assert np.nanmax(curve.high) == 50.0
    rows = list(csv.reader(io.StringIO(text)))[1:]
    assert 60_000 < len(rows) < 80_000
    assert rows[-1][0] == str(LONG)
    assert exported.missing_epochs() > LONG
    with pytest.raises(ProblemError, match="1000000000 epochs are too many"):
        exported.completed()
    assert "at most 10000000 epochs' losses: export weights" in why_not(exported, "estimator")


@pytest.mark.usefixtures("small")
def test_the_viewed_epoch_is_reported_although_its_neighbours_are_thinned(
    tmp_path: Path,
) -> None:
    run, whole = Bounded(tmp_path), LINE.make_trainer(LINE.load_problem())
    run.trainer.advance(4000)
    for epoch in (2501, 2502, 2503):
        for trainer in (run.trainer, whole):
            trainer.go_to(epoch)
        exported = record_of(run.settings, run.problem, run.trainer)
        for position, lane in enumerate(exported.lanes):
            assert exported.value("train", lane) == whole.losses(position)[epoch]
            assert exported.value("test", lane) == whole.test_losses(position)[epoch]


@pytest.mark.usefixtures("small")
def test_a_thinned_run_is_completed_by_training_it_again(tmp_path: Path) -> None:
    run, whole = Bounded(tmp_path), LINE.make_trainer(LINE.load_problem())
    for trainer in (run.trainer, whole):
        trainer.advance(3000)
    exported = record_of(run.settings, run.problem, run.trainer)
    assert exported.missing_epochs() > 1000
    full = exported.completed()
    assert full.missing_epochs() == 0
    for position, lane in enumerate(full.lanes):
        assert every(full.series("train", lane)).tolist() == whole.losses(position).tolist()
        assert every(full.series("test", lane)).tolist() == whole.test_losses(position).tolist()


def test_rows_of_equal_width_from_older_versions_still_open(tmp_path: Path) -> None:
    run = Kept(tmp_path)
    run.trainer.advance(1000)
    name = run.close()
    epochs = np.array([0, 3, 8, 12, 400, 511], np.int64)
    values = run.trainer.losses(0)[epochs]
    blob = epochs.astype("<u4").tobytes() + values.astype("<f8").tobytes()
    late = run.trainer.losses(0)[512:].astype("<f8").tobytes()
    with Store(run.path) as store, store.transaction() as connection:
        connection.execute("DELETE FROM losses WHERE lane = 0")
        connection.executemany(
            "INSERT INTO losses (run, lane, first, stop, width, nbytes, train)"
            " VALUES (?, 0, ?, ?, ?, ?, ?)",
            [(name, 0, 512, 256, len(blob), blob), (name, 512, 1001, 1, len(late), late)],
        )
    with Store(run.path) as store:
        known = store.checkpoint(store.find(name)).series["train"][0]
    assert (known.dense_from, known.stop) == (512, 1001)
    assert known.points().epochs.tolist() == [*epochs.tolist(), *range(512, 1001)]
    assert known.at(400) == run.trainer.losses(0)[400]
    assert np.isnan(known.at(401))
    again = taken_up(run.path, name)
    assert again.losses(0)[512:].tolist() == run.trainer.losses(0)[512:].tolist()
    with Store(run.path) as store, resume(store, name) as complete:
        complete.trainer.go_to(0)
        complete.trainer.advance(1000)
        check_same_train(complete.trainer, run.trainer)


def check_same_train(one: Trainer, other: Trainer) -> None:
    assert one.weights.tobytes() == other.weights.tobytes()
    assert one.losses(0).tobytes() == other.losses(0).tobytes()
