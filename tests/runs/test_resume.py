"""Resume: the same bits as an uninterrupted run, or one line that says why not."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.runs.kept import LINE, Kept, check_same, keep
from tui_gd.errors import ProblemError
from tui_gd.problems import pieces
from tui_gd.problems.machines import KEPT
from tui_gd.runs import database, identity, rows
from tui_gd.runs.database import NAME
from tui_gd.runs.resume import resume
from tui_gd.runs.store import Store
from tui_gd.session.settings import RunSettings

KINDS = {
    "race": LINE,
    "momentum": replace(LINE, optimizer=("momentum", "sgd"), momentum=0.8),
    "mini-batches": replace(LINE, optimizer=("adam",), batch_size=3),
    "float32": replace(LINE, dtype="float32", optimizer=("rmsprop",)),
    "schedule": replace(LINE, schedule="warmup:20+cosine", epochs=300),
    "network": RunSettings("moons", samples=60, hidden=(4,), seed=2, alpha=(0.1,), epochs=300),
    "classes": RunSettings("iris", alpha=(0.01,), l1=0.01, epochs=300, seed=1),
    "surface": RunSettings("surface:himmelblau", alpha=(0.001, 0.01), epochs=300, seed=4),
    "formula": RunSettings("surface", surface="x^2 + 3*y^2", alpha=(0.05,), epochs=300),
    "patience": RunSettings("moons", samples=60, alpha=(0.02,), patience=60, epochs=300, seed=1),
    "gradient": replace(LINE, gradient_norm=0.05),
    "diverging": replace(LINE, alpha=(0.001, 5.0)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, kind: str) -> None:
    settings = KINDS[kind]
    keep(tmp_path, settings, epochs=150)
    whole = settings.make_trainer(settings.load_problem())
    whole.advance(150)
    with Store(tmp_path / NAME) as store, resume(store) as one:
        check_same(one.trainer, whole)
        assert one.note == ""
        assert one.goal == settings.epochs
        assert one.settings == settings
        assert (one.trainer.stopped, one.trainer.stopped_at) == (whole.stopped, whole.stopped_at)
        for trainer in (one.trainer, whole):
            trainer.advance(150)  # after a stop: without the rules
        check_same(one.trainer, whole)
        for trainer in (one.trainer, whole):
            trainer.go_to(1)
            trainer.advance(400)
        assert (one.trainer.stopped, one.trainer.stopped_at) == (whole.stopped, whole.stopped_at)
        check_same(one.trainer, whole)


def test_initial_weights_no_longer_need_their_file(tmp_path: Path) -> None:
    start = tmp_path / "start.npy"
    np.save(start, np.array([[0.5, -1.0], [2.0, 3.0]]))
    settings = replace(LINE, init=str(start))
    keep(tmp_path, settings)
    whole = settings.make_trainer(settings.load_problem())
    whole.advance(100)
    start.unlink()
    with Store(tmp_path / NAME) as store, resume(store) as one:
        check_same(one.trainer, whole)
        assert one.trainer.history.keyframes.start()[:, 0].tolist() == [[0.5, -1.0], [2.0, 3.0]]


def test_a_text_in_parts_is_parsed_once_for_a_run_and_gone_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GD_TUI_DATA", str(tmp_path))
    table = tmp_path / "table.csv"
    table.write_text("a,y\n" + "".join(f"{i % 7}.5,{i % 2}\n" for i in range(500)))
    settings = RunSettings(
        str(table), target="y", memory=1 << 30, alpha=(0.01,), batch_size=64, validation_size=0.2
    )
    run = keep(tmp_path, settings)
    read: list[object] = []
    original = pieces.read_piece

    def counted(*arguments: Any) -> Any:
        read.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(pieces, "read_piece", counted)
    whole = settings.make_trainer(settings.load_problem())
    assert not read
    whole.advance(150)
    with Store(tmp_path / NAME) as store:
        with resume(store, run) as one:
            assert not read
            one.trainer.advance(50)
            check_same(one.trainer, whole)
        content = table.read_text()
        table.write_text(content.replace("0.5,0", "0.7,0", 1))
        with pytest.raises(ProblemError, match=f"run {run}: the contents of .* have changed"):
            resume(store, run)
        assert len(read) == 1
        table.write_text(content)
        kept = tmp_path / KEPT
        assert [one.name for one in kept.iterdir()] == [run]
        store.delete(run)
        assert not any(kept.iterdir())


def test_resume_takes_the_newest_unlocked_run_that_can_continue(tmp_path: Path) -> None:
    first = keep(tmp_path)
    keep(tmp_path, replace(LINE, alpha=(5.0,)), epochs=1000)
    run = Kept(tmp_path)
    run.trainer.advance(5)
    run.write()
    with Store(tmp_path / NAME) as store:
        diverged = next(kept for kept in store.runs() if kept.newest not in {5, 100})
        store.connection.execute("UPDATE runs SET state = 'diverged' WHERE id = ?", (diverged.id,))
        with resume(store) as one:
            assert one.id == first
            with pytest.raises(ProblemError, match="no run that can continue"):
                resume(store)
            with pytest.raises(ProblemError, match=f"run {first} is locked by process"):
                resume(store, first)
        resume(store, first).close()
    run.close()


def arrays(directory: Path) -> RunSettings:
    chance = np.random.default_rng(0)
    x = chance.standard_normal((40, 2))
    np.save(directory / "X.npy", x)
    np.save(directory / "y.npy", (x.sum(axis=1) > 0).astype(np.int64))
    return RunSettings("X.npy", target="y.npy", alpha=(0.01,), seed=1)


def refusal(directory: Path) -> str:
    with Store(directory / "data" / NAME) as store:
        with pytest.raises(ProblemError) as caught:
            resume(store)
        name = store.runs()[0].id
        assert store.runs()[0].locked_by is None  # its lock is free again
    message = str(caught.value)
    assert message.startswith(f"run {name}: ")
    assert "\n" not in message
    return message


def test_missing_or_changed_data_are_reported_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = arrays(tmp_path)
    keep(tmp_path / "data", settings)
    x, y = tmp_path / "X.npy", tmp_path / "y.npy"
    whole = x.read_bytes()
    x.write_bytes(whole + b"more")
    assert f"{x}: has changed since: {len(whole) + 4:,} bytes, not {len(whole):,}" in refusal(
        tmp_path
    )
    x.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert f"{x}: its contents have changed since" in refusal(tmp_path)
    x.write_bytes(whole)
    y.rename(tmp_path / "z.npy")
    assert f"--target {y}: No such file" in refusal(tmp_path)
    (tmp_path / "z.npy").rename(y)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with Store(tmp_path / "data" / NAME) as store, resume(store) as one:
        assert one.trainer.epoch == 100
        assert one.settings.problem == str(x)


def test_without_a_digest_the_modification_time_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run may be killed before its data were digested."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tui_gd.runs.recorder.with_digests", lambda known, _: known)
    keep(tmp_path / "data", arrays(tmp_path))
    with Store(tmp_path / "data" / NAME) as store:
        assert "sha256" not in store.runs()[0].identity["files"][0]
        monkeypatch.undo()
        with resume(store) as one:
            one.trainer.advance(10)
            one.recorder().close()
    x = tmp_path / "X.npy"
    x.write_bytes(x.read_bytes())
    assert "its contents have changed since" in refusal(tmp_path)


def test_lost_standard_input_is_reported(tmp_path: Path) -> None:
    run = Kept(tmp_path / "data")
    run.recorder._identity = {**run.recorder._identity, "stdin": True}
    run.trainer.advance(5)
    run.close()
    assert "its data came from standard input and were not kept" in refusal(tmp_path)


def changed(directory: Path, column: str, key: str, value: object) -> None:
    """Change a stored column."""
    with Store(directory / NAME) as store:
        (text,) = store.connection.execute(f"SELECT {column} FROM runs").fetchone()
        words = json.loads(text)
        words[key] = value
        store.connection.execute(f"UPDATE runs SET {column} = ?", (json.dumps(words),))


def test_generated_data_that_differ_are_refused(tmp_path: Path) -> None:
    keep(tmp_path / "data")
    changed(tmp_path / "data", "versions", "scikit-learn", "0.1")
    changed(tmp_path / "data", "identity", "arrays", "0" * 64)
    assert "the rows of line differ here (scikit-learn 0.1 then, " in refusal(tmp_path)


def test_different_versions_are_named(tmp_path: Path) -> None:
    keep(tmp_path)
    changed(tmp_path, "versions", "numpy", "1.0")
    with Store(tmp_path / NAME) as store, resume(store) as one:
        assert "numpy 1.0 then, " in one.note
        assert "last digits may differ" in one.note


def test_settings_of_another_program_are_refused(tmp_path: Path) -> None:
    keep(tmp_path / "data")
    changed(tmp_path / "data", "settings", "wormholes", 3)
    assert "kept by gd-tui 0.1.0, whose" in refusal(tmp_path)
    assert "wormholes" in refusal(tmp_path)


def test_the_array_digest_tells_every_array_apart() -> None:
    problem = LINE.load_problem()
    one = identity.arrays_digest(problem)
    assert one == identity.arrays_digest(LINE.load_problem())
    for name in ("x_train", "y_train", "x_test", "y_test"):
        other = np.array(getattr(problem, name))
        other.flat[1] += 1
        assert identity.arrays_digest(replace(problem, **{name: other})) != one


def test_the_store_has_one_name() -> None:
    assert database.store_path() == database.data_directory() / NAME


@pytest.mark.parametrize("beyond", [0, 20])
def test_a_run_that_a_rule_has_stopped_goes_on_past_it_as_if_it_was_never_left(
    tmp_path: Path, beyond: int
) -> None:
    settings = RunSettings(
        "moons",
        samples=40,
        noise=0.6,
        hidden=(8,),
        optimizer=("adam",),
        alpha=(0.05,),
        patience=30,
        epochs=400,
        seed=3,
    )
    run = Kept(tmp_path, settings)
    stop = run.trainer.advance(400)
    assert 30 < stop < 400
    run.trainer.advance(beyond)
    run.close("finished")
    with Store(tmp_path / NAME) as store, resume(store) as one:
        assert one.trainer.stopped == ("" if beyond else run.trainer.stopped)
        assert one.trainer.advance(400 - one.trainer.epoch) == 400 - stop - beyond
        assert one.trainer.epoch == 400


def test_a_store_without_the_epoch_of_the_stop_is_read_and_completed(tmp_path: Path) -> None:
    settings = replace(LINE, alpha=(0.01,), target_loss=1.5)
    name = keep(tmp_path, settings, epochs=1000)
    path = tmp_path / NAME
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE runs DROP COLUMN stopped_at")
    connection.close()
    connection = database._connect_read_only(path)
    checkpoint = rows.RunRows(connection, name).checkpoint()
    connection.close()
    assert checkpoint
    assert checkpoint.stopped
    assert checkpoint.stopped_at == checkpoint.epoch < 1000
    Store(path).close()
    with sqlite3.connect(path) as connection:
        assert "stopped_at" in database.columns_of(connection, "runs")
    connection.close()
