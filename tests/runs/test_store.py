"""The run store: ids, states, permissions, damage, several programs at once."""

import errno
import math
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.commandline import ROOT
from tests.making import every
from tests.runs.kept import Kept, keep
from tui_gd.errors import ProblemError
from tui_gd.runs import database
from tui_gd.runs.database import NAME, StoreError, data_directory, on_network
from tui_gd.runs.rows import cut, packed, points, thinned, whole_row
from tui_gd.runs.store import RunLock, RunLockedError, Store, lock_owner


def test_only_the_owner_may_read_the_store(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    run = Kept(data)
    run.trainer.advance(10)
    run.write()
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    files = [path for path in data.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {NAME, run.recorder.id}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    run.close()


def test_the_environment_names_the_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GD_TUI_DATA", str(tmp_path / "own"))
    assert data_directory() == tmp_path / "own"
    monkeypatch.delenv("GD_TUI_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_directory().name == "gd-tui"
    assert tmp_path in data_directory().parents


def test_a_run_is_found_by_the_first_characters_of_its_id(tmp_path: Path) -> None:
    names = [keep(tmp_path) for _ in range(3)]
    with Store(tmp_path / NAME) as store:
        # two ids that start alike
        for name, wanted in zip(names, ("3f9a", "3f9b", "a0"), strict=True):
            store.connection.execute("PRAGMA foreign_keys = OFF")
            store.connection.execute("UPDATE runs SET id = ? WHERE id = ?", (wanted, name))
        assert store.find("a").id == "a0"
        assert store.find("3F9A ").id == "3f9a"
        with pytest.raises(ProblemError, match=r"3f: ambiguous ID \(3f9., 3f9.\)"):
            store.find("3f")
        for unknown in ("", "b", "3f9a0"):
            with pytest.raises(ProblemError, match="no kept run has this id; gd-tui runs lists"):
                store.find(unknown)


def test_the_list_describes_a_run(tmp_path: Path) -> None:
    run = Kept(tmp_path)
    run.trainer.advance(40)
    run.write()
    run.trainer.back(10)
    name = run.close()
    kept = run.kept()
    best = min(np.nanmin(run.trainer.losses(lane)) for lane in (0, 1))
    assert (kept.id, kept.problem, kept.lanes) == (name, "line", 2)
    assert (kept.epoch, kept.newest, kept.goal, kept.seed) == (30, 40, 1000, 3)
    assert kept.best == best
    assert kept.as_dict()["epochs"] == 40
    assert kept.as_dict()["best_loss"] == best
    assert 0 <= kept.changed - kept.started < 60


@pytest.mark.parametrize(
    ("word", "live", "ended"),
    [
        ("RUNNING", "running", "interrupted"),
        ("PAUSED", "running", "paused"),
        ("FINISHED", "finished", "finished"),
        ("DIVERGED", "diverged", "diverged"),
        ("FAILED", "running", "interrupted"),
    ],
)
def test_the_state_of_a_live_and_of_an_ended_process(
    tmp_path: Path, word: str, live: str, ended: str
) -> None:
    run = Kept(tmp_path)
    run.trainer.advance(5)
    run.write(word)
    kept = run.kept()
    assert kept.state == live
    assert kept.locked_by
    assert kept.locked_by.pid == os.getpid()
    assert run.recorder._lock
    run.recorder._lock.close()  # as at the end of the process
    kept = run.kept()
    assert (kept.state, kept.locked_by) == (ended, None)
    run.close()


def test_a_run_closed_while_running_is_paused(tmp_path: Path) -> None:
    run = Kept(tmp_path)
    run.trainer.advance(5)
    run.write("RUNNING")
    run.close()
    assert run.kept().state == "paused"


def test_deleting_removes_all_of_a_run_and_nothing_else(tmp_path: Path) -> None:
    first, second = keep(tmp_path), keep(tmp_path)
    with Store(tmp_path / NAME) as store:
        store.delete(first)
        assert [run.id for run in store.runs()] == [second]
        for table in ("lanes", "entries", "keyframes", "losses"):
            (left,) = store.connection.execute(
                f"SELECT count(*) FROM {table} WHERE run = ?", (first,)
            ).fetchone()
            assert left == 0, table
        assert store.checkpoint(store.find(second)).newest == 100
    assert not (tmp_path / "locks" / first).exists()


def test_a_locked_run_is_not_deleted(tmp_path: Path) -> None:
    run = Kept(tmp_path)
    run.trainer.advance(5)
    run.write()
    with Store(tmp_path / NAME) as store:
        with pytest.raises(RunLockedError, match=f"locked by process {os.getpid()}, since 2"):
            store.delete(run.recorder.id or "")
        assert len(store.runs()) == 1
    run.close()


def test_only_one_process_gets_the_lock(tmp_path: Path) -> None:
    assert lock_owner(tmp_path, "ab12") is None
    with closing(RunLock(tmp_path, "ab12")):
        with pytest.raises(RunLockedError, match="run ab12 is locked by process"):
            RunLock(tmp_path, "ab12")
        with closing(RunLock(tmp_path, "cd34")):
            pass
    with closing(RunLock(tmp_path, "ab12")):
        pass


# Damage


def read_all(path: Path) -> str:
    """Read everything; return the error, empty if there is none."""
    try:
        with Store(path) as store:
            for run in store.runs():
                store.checkpoint(run)
    except StoreError as error:
        return str(error)
    return ""


def damaged(path: Path) -> str:
    message = read_all(path)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_a_file_that_is_not_a_store_is_reported_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text("these are not the bytes of a store\n" * 100)
    assert "damaged (file is not a database)" in damaged(path)
    assert path.read_text().startswith("these")


def test_a_truncated_store_is_reported_in_one_line(tmp_path: Path) -> None:
    keep(tmp_path)
    path = tmp_path / NAME
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    assert "damaged" in damaged(path)


def test_flipped_bytes_never_cause_a_traceback(tmp_path: Path) -> None:
    keep(tmp_path)
    path, chance = tmp_path / NAME, np.random.default_rng(1)
    whole = path.read_bytes()
    for _ in range(60):
        broken = bytearray(whole)
        for place in chance.integers(0, len(whole), 30):
            broken[place] ^= int(chance.integers(1, 256))
        path.write_bytes(broken)
        assert "\n" not in read_all(path)


def written_by_another(directory: Path, statement: str) -> Path:
    """Return the path of a store that another program has changed."""
    path = directory / NAME
    with sqlite3.connect(path) as other:
        other.execute(statement)
    other.close()
    return path


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = written_by_another(tmp_path, "CREATE TABLE theirs (x)")
    assert "not a run store of gd-tui" in damaged(path)


def test_a_store_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    keep(tmp_path)
    path = written_by_another(tmp_path, "PRAGMA user_version = 7")
    assert "version 7, and this gd-tui reads 1" in damaged(path)


def test_a_missing_store_has_no_runs(tmp_path: Path) -> None:
    with Store(tmp_path / "none" / NAME) as store:
        assert store.runs() == []
        with pytest.raises(ProblemError, match="none is kept in"):
            store.find("a")
    assert not (tmp_path / "none").exists()


# Journals


def test_a_write_ahead_log_is_used_where_it_works(tmp_path: Path) -> None:
    keep(tmp_path)
    with Store(tmp_path / NAME) as store:
        assert store.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert store.connection.execute("PRAGMA synchronous").fetchone() == (1,)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".probe")] == []


@pytest.mark.parametrize("what", ["_wal_works", "on_network"])
def test_a_rollback_journal_is_used_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(database, what, lambda _: what == "on_network")
    name = keep(tmp_path)
    with Store(tmp_path / NAME) as store:
        assert store.connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert store.checkpoint(store.find(name)).newest == 100


@pytest.mark.parametrize(
    ("path", "network"),
    [("/home/ada/x", True), ("/home/x", False), ("/mnt/a b/x", True), ("/homes/ada", False)],
)
def test_mounts_show_network_file_systems(tmp_path: Path, path: str, network: bool) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 / ext4 rw 0 0\nserver:/ada /home/ada nfs4 rw 0 0\n"
        "//server/x /mnt/a\\040b cifs rw 0 0\n"
    )
    assert on_network(Path(path), str(mounts)) is network
    assert not on_network(Path(path), str(tmp_path / "nothing"))


WRITER = """
import sys
from pathlib import Path
from tests.runs.kept import Kept
run = Kept(Path(sys.argv[1]))
for _ in range(40):
    run.trainer.advance(25)
    run.write()
print(run.close(), run.recorder.fault, len(run.warnings))
"""


def test_two_programs_write_into_one_store(tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[0].split() for process in running]
    names = {words[0] for words in said}
    assert len(names) == 2
    assert [words[1:] for words in said] == [["0"], ["0"]]
    with Store(tmp_path / NAME) as store:
        assert {run.id for run in store.runs()} == names
        one, other = (store.checkpoint(run) for run in store.runs())
    assert one.newest == other.newest == 1000
    for lane in (0, 1):
        assert np.array_equal(every(one.series["train"][lane]), every(other.series["train"][lane]))


# Losses in rows


def test_thinned_losses_are_the_least_and_greatest_of_every_bucket() -> None:
    chance = np.random.default_rng(5)
    values = chance.standard_normal(1000)
    values[chance.integers(0, 1000, 50)] = math.nan
    values[40:60] = math.nan
    values[77] = math.inf
    rows = [whole_row(0, {"train": values[:600]}), whole_row(600, {"train": values[600:]})]
    found, ends = {}, [0]
    for row in thinned(rows, 32):
        assert row.first == ends[-1]
        ends.append(row.stop)
        found.update(zip(*(part.tolist() for part in points(row, "train")), strict=True))
    assert ends == [0, 64, 128, 256, 512, 1000]
    wanted, first = {}, 0
    while first < 1000:
        width = 1
        while 2 * width <= first / 32:
            width *= 2
        bucket = [(values[i], i) for i in range(first, min(first + width, 1000))]
        bucket = [one for one in bucket if abs(one[0]) < 99]
        ends = (min(bucket), max(bucket)) if bucket else ()
        wanted.update({epoch: value for value, epoch in ends})
        first += width
    assert found == wanted


def test_a_row_is_cut_at_an_epoch() -> None:
    values = np.arange(10.0)
    row = whole_row(5, {"train": values, "test": np.full(10, math.nan)})
    assert row.least == 0.0
    assert packed(row, "test") is None
    part = cut(row, 8)
    assert (part.first, part.stop) == (5, 8)
    assert points(part, "train")[0].tolist() == [5, 6, 7]
    early, thin = thinned([row], 4)
    assert (early.first, early.stop, thin.first, thin.stop) == (5, 8, 8, 15)
    assert points(early, "train")[0].tolist() == [5, 6, 7]
    assert points(thin, "train")[0].tolist() == [8, 9, 10, 11, 12, 13, 14]
    early, thin = thinned([row], 1)
    assert points(early, "train")[0].tolist() == [5, 7]
    assert points(thin, "train")[0].tolist() == [8, 14]
    part = cut(thin, 10)
    assert (part.first, part.stop) == (8, 10)
    assert points(part, "train")[0].tolist() == [8]
    assert points(part, "train")[1].tolist() == [3.0]


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_read_only_store_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    run = keep(tmp_path, epochs=30)
    with sqlite3.connect(tmp_path / NAME) as connection:
        assert connection.execute(f"PRAGMA journal_mode = {mode}").fetchone() == (mode,)
    connection.close()
    before = (tmp_path / NAME).read_bytes()

    def refuse(path: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(database, "make_private_file", refuse)
    with Store(tmp_path / NAME) as store:
        (found,) = store.runs()
        assert (found.id, found.newest) == (run, 30)
        assert store.checkpoint(found).newest == 30
        with pytest.raises(StoreError, match="runs cannot be kept there"):
            store.delete(run)
    assert (tmp_path / NAME).read_bytes() == before
    with pytest.raises(StoreError, match="Read-only"):
        Store(tmp_path / "other" / NAME, create=True)


@pytest.mark.parametrize("moment", range(9))
def test_a_store_that_another_process_makes_meanwhile_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """The other process makes all of it just before one of the statements outside a transaction."""
    path, opened = tmp_path / NAME, database._opened
    statements = iter(range(100))

    class Overtaken(sqlite3.Connection):
        def execute(self, sql: str, /, *values: Any) -> sqlite3.Cursor:
            if not self.in_transaction and next(statements) == moment:
                with monkeypatch.context() as alone:
                    alone.setattr(database, "_opened", opened)
                    database.connect(path).close()
            return super().execute(sql, *values)

    def overtaken(name: Path) -> sqlite3.Connection:
        return sqlite3.connect(name, isolation_level=None, factory=Overtaken)

    monkeypatch.setattr(database, "_opened", overtaken)
    with closing(database.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)
    assert next(statements) > moment
