"""Damaged rows of the store: the run is named and left out, in one line; nothing else suffers."""

import json
import sqlite3
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.commandline import Said, call
from tests.runs.kept import LINE, Kept
from tui_gd.runs.database import NAME
from tui_gd.session.settings import RunSettings

HUGE = 100_000_000_000
FIRST, SECOND = "aaaa", "bbbb"


def make_store(directory: Path) -> Path:
    """Store two runs, `FIRST` with branches and a restart; return the store's path."""
    for name in (FIRST, SECOND):
        run = Kept(directory, LINE)
        run.trainer.advance(30)
        run.write()
        run.trainer.branch(0, 0.02, optimizer="adam")
        run.trainer.close(1)
        run.trainer.advance(20)
        run.write()
        kept = run.close()
        with sqlite3.connect(directory / NAME) as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            for table in ("lanes", "entries", "keyframes", "losses"):
                connection.execute(f"UPDATE {table} SET run = ? WHERE run = ?", (name, kept))
            connection.execute("UPDATE runs SET id = ? WHERE id = ?", (name, kept))
        connection.close()
    return directory / NAME


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = make_store(tmp_path_factory.mktemp("whole"))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.read_bytes()


@pytest.fixture
def store(whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GD_TUI_DATA", str(tmp_path))
    (tmp_path / NAME).write_bytes(whole)
    return tmp_path / NAME


def damage(path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(statement, values)
    connection.close()


def check_one_line(said: Said) -> None:
    """Check that a call worked, or was refused in one line; no other exception gets here."""
    assert said.status in {0, 1, 2}
    if said.status == 2:
        assert len(said.err.splitlines()) == 1
        assert said.err.startswith("gd-tui: ")


def ask_everything(folder: Path, run: str) -> list[Said]:
    return [
        call("runs"),
        call("show", run),
        call("export", run, "losses", "weights", "report", "--to", folder / "out"),
        call("share", run),
        call("run", "--resume", run, "-e", 55, "--quiet"),
    ]


def test_the_undamaged_store_answers_everything(store: Path) -> None:
    for run in (FIRST, SECOND):
        for said in ask_everything(store.parent, run):
            assert said.status == 0, said


IN_THE_LIST = [
    ("changed", 1e300),
    ("changed", -1.0),
    ("began", "yesterday"),
    ("settings", "[1, 2]"),
    ("settings", "{"),
    ("identity", json.dumps({"files": 7})),
    ("identity", json.dumps({"files": [{"option": "problem", "path": "a\0b"}]})),
    ("versions", '{"numpy": 2}'),
    ("epoch", HUGE),
    ("newest", -1),
    ("goal", 2**60),
    ("lanes", -3),
    ("lanes", 0),
    ("seed", "one"),
    ("problem", b"\xff\xfe"),
]


@pytest.mark.parametrize(("column", "value"), IN_THE_LIST)
def test_a_damaged_run_is_named_and_left_out_of_the_list(
    store: Path, column: str, value: object
) -> None:
    damage(store, f"UPDATE runs SET {column} = ? WHERE id = ?", value, FIRST)
    said = call("runs")
    assert said.status == 0
    assert SECOND in said.out
    assert FIRST not in said.out
    assert said.err.startswith(f"gd-tui: run {FIRST} is damaged (")
    assert len(said.err.splitlines()) == 1
    assert [run["id"] for run in json.loads(call("runs", "--json").out)["runs"]] == [SECOND]
    for words in (("show", FIRST), ("share", FIRST), ("run", "--resume", FIRST)):
        refused = call(*words)
        assert refused.status == 2
        assert refused.err.startswith(f"gd-tui: run {FIRST} is damaged (")
        assert len(refused.err.splitlines()) == 1
    for said in ask_everything(store.parent, SECOND):
        assert said.status == 0
    assert call("rm", FIRST).out == f"deleted {FIRST} (damaged)\n"
    assert call("runs").err == ""


def test_an_id_that_is_a_path_deletes_no_file(store: Path) -> None:
    bad = f"../{NAME}"
    damage(store, "UPDATE runs SET id = ? WHERE id = ?", bad, FIRST)
    assert "its id is not hexadecimal" in call("runs").err
    assert call("rm", bad).status == 0
    assert store.exists()
    assert call("show", SECOND).status == 0


def lane_with(**changed: Any) -> tuple[str, str]:
    """Return a statement that changes the JSON of lanes, and its value."""
    return "UPDATE lanes SET record = json_patch(record, ?) WHERE run = 'aaaa'", json.dumps(changed)


IN_THE_RECORD: list[tuple[Any, ...]] = [
    ("UPDATE runs SET epoch = ?, newest = ? WHERE id = 'aaaa'", HUGE, HUGE),
    ("DELETE FROM keyframes WHERE run = 'aaaa'",),
    ("DELETE FROM keyframes WHERE run = 'aaaa' AND epoch = 0",),
    ("DELETE FROM keyframes WHERE run = 'aaaa' AND epoch = 50",),
    ("UPDATE keyframes SET shape = ? WHERE run = 'aaaa'", f"[2, 1, {HUGE}]"),
    ("UPDATE keyframes SET shape = ? WHERE run = 'aaaa'", "[-1, 1, 2]"),
    ("UPDATE keyframes SET numbers = ? WHERE run = 'aaaa'", "[0, 1, 2, 3]"),
    ("UPDATE keyframes SET dtype = ? WHERE run = 'aaaa'", "|O"),
    ("UPDATE keyframes SET epoch = ? WHERE run = 'aaaa' AND epoch = 50", HUGE),
    ("DELETE FROM lanes WHERE run = 'aaaa'",),
    ("UPDATE lanes SET record = ? WHERE run = 'aaaa'", "[" * 100_000),
    lane_with(recorded=HUGE),
    lane_with(parent=7),
    lane_with(rates=[[0, -1.0]]),
    lane_with(methods=[[0, "magic", "mse"]]),
    lane_with(methods=[]),
    lane_with(name=None),
    ("UPDATE entries SET entry = ? WHERE run = 'aaaa'", '{"what": "Reset", "epoch": "x"}'),
    ("UPDATE entries SET entry = ? WHERE run = 'aaaa'", '{"what": "Nothing"}'),
    ("UPDATE losses SET stop = ? WHERE run = 'aaaa'", HUGE),
    ("UPDATE losses SET first = first + ? WHERE run = 'aaaa'", HUGE),
    ("UPDATE losses SET width = ? WHERE run = 'aaaa'", HUGE),
    ("UPDATE losses SET train = ? WHERE run = 'aaaa'", "text"),
    ("DELETE FROM losses WHERE run = 'aaaa'",),
]


@pytest.mark.parametrize("change", IN_THE_RECORD)
def test_a_damaged_record_is_refused_in_one_line_and_little_memory(
    store: Path, change: tuple[Any, ...]
) -> None:
    damage(store, *change)
    tracemalloc.start()
    try:
        for words in (("show", FIRST), ("share", FIRST), ("run", "--resume", FIRST)):
            said = call(*words)
            assert said.status == 2
            assert f"run {FIRST} is damaged (" in said.err
            assert len(said.err.splitlines()) == 1
            assert "\n" not in said.out
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200 << 20
    assert call("show", SECOND).status == 0
    assert call("rm", FIRST).status == 0


COLUMNS = {
    "runs": [
        *("id", "began", "changed", "problem", "settings", "identity", "versions", "state"),
        *("stopped", "epoch", "newest", "goal", "seed", "next_number", "lanes", "best"),
        "stopped_at",
    ],
    "lanes": ["position", "number", "record"],
    "entries": ["place", "entry"],
    "keyframes": ["epoch", "numbers", "shape", "dtype", "state"],
    "losses": ["lane", "first", "stop", "width", "nbytes", "least", "train", "test", "norm"],
}
VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, 1, 2, 49, 51, HUGE, 2**53, -1]),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.binary(max_size=40),
    st.sampled_from(["[]", "{}", "[1]", '{"a": 1}', "[0]", "[1, 1, 2]", "null", "NaN"]),
)
PLACES = st.sampled_from([(table, column) for table, names in COLUMNS.items() for column in names])


@given(
    changes=st.lists(st.tuples(PLACES, VALUES), min_size=1, max_size=3),
    cut=st.integers(0, 400),
    every=st.sampled_from([1, 3]),
)
@settings(max_examples=60)
def test_random_damage_never_ends_in_a_traceback(
    whole: bytes, changes: list[tuple[tuple[str, str], object]], cut: int, every: int
) -> None:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        path = Path(directory) / NAME
        path.write_bytes(whole)
        patch.setenv("GD_TUI_DATA", directory)
        for (table, column), value in changes:
            named = "id" if table == "runs" else "run"
            with sqlite3.connect(path) as connection:
                connection.execute("PRAGMA foreign_keys = OFF")
                connection.execute(
                    f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {named} = ?"
                    " AND rowid % ? = ?",
                    (value, FIRST, every, cut % every),
                )
                connection.execute(
                    f"UPDATE OR IGNORE {table} SET {column} = substr({column}, 1, ?)"
                    f" WHERE {named} = ? AND typeof({column}) IN ('text', 'blob')"
                    " AND rowid % 7 = ?",
                    (cut, FIRST, cut % 7),
                )
            connection.close()
        tracemalloc.start()
        try:
            for said in ask_everything(Path(directory), FIRST):
                check_one_line(said)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 400 << 20
        for said in ask_everything(Path(directory), SECOND):
            assert said.status == 0, said
        assert SECOND in call("runs").out


def test_a_seed_of_64_bits_is_stored(tmp_path: Path) -> None:
    seed = 2**64 - 1
    run = Kept(tmp_path, RunSettings("line", samples=20, seed=seed, epochs=20))
    run.trainer.advance(20)
    run.close()
    assert run.warnings == []
    assert run.kept().seed == seed
