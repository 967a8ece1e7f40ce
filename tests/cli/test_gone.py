"""Kept runs whose data are gone, changed, moved, or came from standard input: what is left."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest

from tests.cli.commandline import Said, call, check_refusal, process
from tui_gd.problems import input_file
from tui_gd.runs import identity
from tui_gd.runs.database import store_path
from tui_gd.runs.exports import export, why_not
from tui_gd.runs.identity import FOLDER, MOST_FEATURES
from tui_gd.runs.resume import open_without_data
from tui_gd.runs.store import Store


def table(folder: Path, name: str = "train.csv", rows: int = 60, first: int = 0) -> Path:
    """A table of customers with gaps."""
    lines = [
        f"{i % 7},{-i % 5 if i % 9 else ''},{'basic' if i % 4 else 'gold'},{'ny'[i % 3 > 0]}"
        for i in range(first, first + rows)
    ]
    path = folder / name
    path.write_text("\n".join(["months,calls,plan,churn", *lines]) + "\n")
    return path


def keep(path: Path, *more: object) -> str:
    options = ("--target", "churn", "--seed", 1, "-a", "0.05", "-e", 20, "--quiet")
    said = call("run", path, *options, *more)
    assert said.status == 0, said
    return newest()


def newest() -> str:
    return str(json.loads(call("runs", "--json").out)["runs"][0]["id"])


def files_of(said: Said) -> list[str]:
    assert said.status == 0, said
    return [Path(line).name for line in said.out.split()]


@pytest.mark.parametrize("how", ["gone", "longer", "changed"])
def test_weights_and_losses_survive_the_data(tmp_path: Path, how: str) -> None:
    path = table(tmp_path)
    run = keep(path, "--standardize")
    kinds = ("weights", "losses", "predict", "estimator")
    assert call("export", run, *kinds, "--to", tmp_path / "before").status == 0
    if how == "gone":
        path.unlink()
    else:
        text = path.read_text()
        path.write_text(f"{text}1,1,gold,n\n" if how == "longer" else text.replace("0,", "1,", 1))
    said = call("export", run, *kinds, "--to", tmp_path / "after")
    assert "weights.npz" in files_of(said)
    for name in ("weights.json", "losses.csv", "model.json", "predict.py"):
        assert (tmp_path / "before" / name).read_text() == (tmp_path / "after" / name).read_text()
    one, two = (joblib.load(tmp_path / at / "estimator.joblib") for at in ("before", "after"))
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])
    assert one.classes_.tolist() == two.classes_.tolist() == ["n", "y"]
    # kinds that need rows are left out unless named, and the message says so
    said = call("export", run, "--to", tmp_path / "usual")
    assert "report.txt" not in files_of(said)
    assert {"weights.json", "losses.csv", "repeat.py"} <= set(files_of(said))
    assert str(path) in said.err
    assert "needs no data" in said.err
    check_refusal(call("export", run, "report", "--to", tmp_path / "no"), "report needs the data")
    check_refusal(call("export", run, "losses", "--complete", "--to", tmp_path / "no"), str(path))
    assert not (tmp_path / "no").exists()


def test_a_run_on_standard_input_can_predict(tmp_path: Path) -> None:
    text = table(tmp_path).read_text()
    said = process(
        "run",
        "-",
        "--target",
        "churn",
        "-e",
        "20",
        "--quiet",
        shell=f"{{}} < {tmp_path / 'train.csv'}",
    )
    assert said.status == 0, said
    run = newest()
    files_of(call("export", run, "predict", "--to", tmp_path / "out"))
    script = [sys.executable, "-I", str(tmp_path / "out" / "predict.py"), "-"]
    out = subprocess.run(script, input=text, capture_output=True, text=True, check=True).stdout
    assert [row[0] in {"churn", "n", "y"} for row in csv.reader(out.splitlines())] == [True] * 61


@pytest.mark.parametrize("features", [MOST_FEATURES, MOST_FEATURES + 1])
def test_a_very_wide_table_is_not_described(tmp_path: Path, features: int) -> None:
    path = tmp_path / "wide.csv"
    rows = np.random.default_rng(0).integers(0, 9, (20, features + 1))
    rows[:, -1] = np.arange(20) % 2
    header = ",".join([*(f"c{i}" for i in range(features)), "churn"])
    np.savetxt(path, rows, "%d", ",", header=header, comments="")
    run = keep(path)
    path.unlink()
    said = call("export", run, "weights", "--to", tmp_path / "out")
    if features <= MOST_FEATURES:
        assert said.status == 0
    else:
        check_refusal(said, "wide.csv: No such file")


def test_moved_data_are_found_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    path, test = table(old), table(old, "test.csv", 30, 60)
    run = keep(path, "--test", test)
    whole = call(
        "run", path, "--target", "churn", "--seed", 1, "-a", "0.05", "-e", 30, "--test", test,
        "--json", "-", "--quiet", "--no-store",
    )  # fmt: skip
    for one in (path, test):
        os.rename(one, new / one.name)
    check_refusal(call("run", "--resume", run), "train.csv: No such file", "where it is now")
    monkeypatch.chdir(new)
    said = call("run", "--resume", run, "-e", 30, "--json", "-", "--quiet")
    assert said.document["lanes"] == whole.document["lanes"]
    # another file of that name is not used
    table(new, rows=59)
    check_refusal(call("run", "--resume", run), "train.csv: No such file")


def test_the_script_finds_all_its_files_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table(tmp_path)
    table(tmp_path, "test.csv", 30, 60)
    np.save("start.npy", np.zeros(6))
    run = keep(Path("train.csv"), "--test", "test.csv", "--init", "start.npy")
    np.save("X.npy", np.arange(40.0).reshape(20, 2) / 40)
    np.save("y.npy", np.arange(20) % 2)
    call("run", "X.npy", "--target", "y.npy", "-e", 5, "--quiet")
    for number in (run, newest()):
        assert call("export", number, "script", "--to", f"to{number}").status == 0
        done = subprocess.run(
            [sys.executable, str(tmp_path / f"to{number}" / "repeat.py")],
            capture_output=True,
            text=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("lane A, loss ")


def test_standard_input_is_stored_with_the_run(tmp_path: Path) -> None:
    path = table(tmp_path)
    options = ("--target", "churn", "--seed", "1", "--quiet", "-a", "0.05")
    for name, command in (("train.csv", "cat"), ("train.csv", "gzip -c")):
        said = process(
            "run", "-", *options, "-e", "20", shell=f"{command} {tmp_path / name} | {{}}"
        )
        assert said.status == 0, said
        run = newest()
        kept = store_path().parent / FOLDER / run
        assert kept.stat().st_mode & 0o777 == 0o600
        whole = call("run", path, *options, "-e", 30, "--json", "-", "--no-store").document
        on = call("run", "--resume", run, "-e", 30, "--json", "-", "--quiet")
        assert on.document["lanes"] == whole["lanes"]
        assert call("show", run).err == ""
        assert "report.txt" in files_of(call("export", run, "--to", tmp_path / "out"))
        kept.write_bytes(kept.read_bytes()[:-1])
        check_refusal(call("run", "--resume", run), "has changed since")
        assert call("rm", run).status == 0
        assert not kept.exists()


def test_long_standard_input_is_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = table(tmp_path).stat().st_size
    with open(tmp_path / "train.csv", "rb") as file:
        monkeypatch.setattr(input_file, "_spooled", lambda: file)
        monkeypatch.setattr(identity, "MOST_BYTES", size - 1)
        assert identity.keep_input(tmp_path / "data", "1234") is None
        assert not (tmp_path / "data").exists()
        monkeypatch.setattr(identity, "MOST_BYTES", size)
        assert identity.keep_input(tmp_path / "data", "1234") is not None
        assert file.tell() == 0
    copy = tmp_path / "data" / FOLDER / "1234"
    assert copy.read_bytes() == (tmp_path / "train.csv").read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        {"features": ["one"], "rules": []},
        {"rules": [["a"] * 9]},
        {"rules": []},
        {"task": "surface"},
        {"classes": list("abc"), "task": "multiclass"},
        None,
    ],
)
def test_a_damaged_description_is_not_used(
    tmp_path: Path, damage: dict[str, object] | None
) -> None:
    path = table(tmp_path)
    run = keep(path)
    path.unlink()
    with Store() as store:
        known = store.find(run).identity
        known["described"] = damage if damage is None else {**known["described"], **damage}
        store.set_identity(run, known)
    said = call("export", run, "weights", "predict", "--to", tmp_path / "out")
    check_refusal(said, "predict" if damage == {"rules": []} else "train.csv: No such file")
    assert not (tmp_path / "out").exists()


def test_the_interface_exports_a_kept_run_without_its_data(tmp_path: Path) -> None:
    path = table(tmp_path)
    run = keep(path)
    path.unlink()
    with Store() as store:
        exported = open_without_data(store, store.find(run))
    assert str(path) in exported.no_data
    assert "report needs the data" in why_not(exported, "report")
    assert [path.name for path in export(exported, "weights", tmp_path / "out")] == [
        "weights.npz",
        "weights.npy",
        "weights.json",
        "weights.csv",
    ]
