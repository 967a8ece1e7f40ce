"""`--validation-size` from the command line: what is printed, kept, resumed and exported."""

import csv
import io
import json
import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from tests.cli.commandline import call
from tests.making import Floats

EPOCHS, RATE = 80, 0.3
OPTIONS = (
    "--loss",
    "cross-entropy",
    "--optimizer",
    "sgd",
    "-a",
    RATE,
    "--start",
    "zeros",
    "--l2",
    0,
)
SPLIT = ("--test-size", 0.8, "--validation-size", 0.5, "--no-standardize")


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GD_TUI_DATA", str(tmp_path / "runs"))
    return tmp_path / "runs" / "runs.sqlite3"


def table(path: Path) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((400, 30))
    y = (x[:, 0] + x[:, 1] + 0.5 * rng.standard_normal(400) > 0).astype(np.float64)
    with (path / "noisy.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*(f"f{i}" for i in range(30)), "y"])
        rows.writerows([*row, int(one)] for row, one in zip(x.tolist(), y.tolist(), strict=True))
    return x, y


def by_hand(x: Floats, y: Floats) -> tuple[int, list[float], Floats, float]:
    """Return the best epoch, all validation losses, its weights and its accuracy on test rows."""
    x_train, x_test, y_train, y_test = train_test_split(
        np.c_[x, np.ones(len(x))], y, test_size=0.8, random_state=42
    )
    x_train, x_val, y_train, y_val = train_test_split(
        x_train, y_train, test_size=0.5, random_state=42
    )
    w, weights, losses = np.zeros(31), [], []
    for _ in range(EPOCHS + 1):
        weights.append(w)
        losses.append(log_loss(y_val, 1 / (1 + np.exp(-x_val @ w)), labels=[0.0, 1.0]))
        w = w - RATE * x_train.T @ (1 / (1 + np.exp(-x_train @ w)) - y_train) / len(y_train)
    best = int(np.argmin(losses))
    return best, losses, weights[best], float(accuracy_score(y_test, x_test @ weights[best] > 0))


def run_id() -> str:
    return call("runs").out.splitlines()[1].split()[0]


def test_the_best_epoch_is_reported_kept_resumed_and_exported(tmp_path: Path) -> None:
    best, losses, weights, accuracy = by_hand(*table(tmp_path))
    assert 2 < best < EPOCHS - 20
    file = tmp_path / "noisy.csv"
    words = (file, "--target", "y", *OPTIONS, *SPLIT)
    said = call("run", *words, "-e", 40, "--json", "-")
    assert f"best epoch {best} of 40: validation loss {losses[best]:.7f}" in said.err
    (lane,) = said.document["lanes"]
    assert lane["best_epoch"] == best
    assert np.allclose([*lane["validation_loss"], lane["final_validation_loss"]], losses[:41])
    assert np.allclose(lane["weights"], weights, rtol=1e-9)
    assert not np.allclose(lane["last_weights"], weights)
    assert lane["report"]["accuracy"] == pytest.approx(accuracy)
    assert said.document["problem"]["validation_rows"] == 40

    # the store goes on from the last epoch, and still knows the best one
    run = run_id()
    assert f"best epoch {best} of 40" in call("show", run).out
    again = call("run", "--resume", run, "-e", EPOCHS, "--json", "-").document["lanes"][0]
    assert again["best_epoch"] == best
    assert again["weights"] == lane["weights"]
    assert again["train_loss"][:40] == lane["train_loss"]
    straight = call("run", *words, "-e", EPOCHS, "--json", "-", "--no-store").document["lanes"][0]
    for name in ("weights", "last_weights", "validation_loss", "train_loss"):
        assert straight[name] == again[name]

    # what is exported are the best weights, with the data and without
    folder = tmp_path / "out"
    call("export", run, "report", "losses", "weights", "predict", "estimator", "--to", folder)
    report = json.loads((folder / "report.json").read_text())["lanes"][0]
    assert report["best_epoch"] == best
    assert report["weights"] == lane["weights"]
    assert report["final_train_loss"] == lane["train_loss"][best]
    assert report["report"]["accuracy"] == pytest.approx(accuracy)
    with (folder / "losses.csv").open() as text:
        rows = list(csv.DictReader(text))
    assert [float(row["validation_loss"]) for row in rows] == [
        *straight["validation_loss"],
        straight["final_validation_loss"],
    ]
    with np.load(folder / "weights.npz") as arrays:
        assert arrays["weights"][0].tolist() == lane["weights"]
        assert (arrays["epochs"].tolist(), int(arrays["epoch"])) == ([best], EPOCHS)
    model = json.loads((folder / "model.json").read_text())
    assert model["epoch"] == best
    assert np.ravel(model["layers"][0]).tolist() == lane["weights"]
    file.rename(tmp_path / "moved.csv")
    call("export", run, "weights", "--to", tmp_path / "later")
    with np.load(tmp_path / "later" / "weights.npz") as arrays:
        assert arrays["weights"][0].tolist() == lane["weights"]


def test_rows_to_test_on_may_come_from_a_file(tmp_path: Path) -> None:
    table(tmp_path)
    file = tmp_path / "noisy.csv"
    words = ("run", file, "--target", "y", "--test", file, "--validation-size", 100, "--json", "-")
    said = call(*words, "--split-seed", 3, "--stratify", "--quiet")
    rows = {
        name: said.document["problem"][f"{name}_rows"] for name in ("train", "validation", "test")
    }
    assert rows == {"train": 300, "validation": 100, "test": 400}
    refused = call("run", file, "--target", "y", "--test", file, "--split-seed", 3)
    assert refused.status == 2
    assert "nothing is split: leave --split-seed out" in refused.err


def test_patience_says_which_rows_it_looks_at(tmp_path: Path) -> None:
    table(tmp_path)
    words = ("run", tmp_path / "noisy.csv", "--target", "y", *OPTIONS, "--patience", 3, "--quiet")
    assert "--patience looks at the test rows" in call(*words).err
    assert "looks at the test rows" not in call(*words, "--validation-size", 0.2).err


@pytest.mark.parametrize("size", ["0", "1.5", "-1", "none"])
def test_a_size_is_a_share_or_a_number_of_rows(size: str) -> None:
    said = call("run", "--validation-size", size)
    assert said.status == 2
    assert "is not a share between 0 and 1, or a whole number of rows" in said.err


def test_lanes_are_compared_by_the_validation_loss() -> None:
    """A lane that memorizes its rows is not the best, though its training loss is the least."""
    words = ("run", "moons", "--noise", 0.6, "--samples", 80, "--hidden", 64, "--seed", 1)
    said = call(*words, "-a", "0.1,0.0001", "-e", 300, "--validation-size", 0.5, "--json", "-")
    lanes = said.document["lanes"]
    least = [min(filter(None, lane["validation_loss"])) for lane in lanes]
    name = "AB"[int(np.argmin(least))]
    assert f"\nlane {name}, alpha=" in said.err


def test_a_race_advises_by_the_validation_loss(tmp_path: Path) -> None:
    """Its lanes are runs: the one that ends with the least validation loss is advised."""
    table(tmp_path)
    words = (tmp_path / "noisy.csv", "--target", "y", *OPTIONS[:4], *OPTIONS[6:], *SPLIT)
    words = (*words, "-a", "0.05,0.3,1", "-e", EPOCHS, "--seed", 1, "--json", "-")
    raced = call("race", *words)
    lanes = call("run", *words, "--no-store").document["lanes"]
    ends = [lane["final_validation_loss"] for lane in lanes]
    found = raced.document
    assert [lane["validation_loss"] for lane in found["lanes"]] == ends
    assert {lane["test_loss"] for lane in found["lanes"]} == {None}
    best = int(np.argmin(ends))
    assert best != int(np.argmin([lane["final_train_loss"] for lane in lanes]))
    assert found["best_validation"] == found["advised"] == best
    assert f"validation_loss={ends[best]:.8g}" in raced.err.splitlines()[-1]
    assert "test loss" not in raced.err


def test_plain_says_which_epoch_is_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    best, losses, _, accuracy = by_hand(*table(tmp_path))
    words = (tmp_path / "noisy.csv", "--target", "y", *OPTIONS, *SPLIT, "--plain")
    commands = "run 60\nreport\nshow loss\nverdict\nback 50\nreport\ndescribe validation\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(commands))
    said = call(*words)
    assert said.status == 0
    assert "40 train rows, 40 validation rows, 320 test rows" in said.out
    assert f"best epoch {best} of 60: validation loss {losses[best]:.7f}" in said.out
    assert f"accuracy                           {accuracy:.2f}       320" in said.out
    curve = {
        int(line.split()[0]): float(line.split()[-1])
        for line in said.out.partition("epoch lane train test validation")[2].splitlines()[1:62]
    }
    assert np.allclose(list(curve.values()), losses[:61])
    # the verdict looks at the validation rows, whose turn is elsewhere than that of the test rows
    assert f"Validation rows get worse since epoch {best} " in said.out
    assert f"best epoch {int(np.argmin(losses[:11]))} of 10: validation loss" in said.out


def test_a_store_without_validation_losses_is_read_and_gets_them(store: Path) -> None:
    call("run", "--seed", 1, "-e", 30, "--quiet")
    first = run_id()
    with sqlite3.connect(store) as connection:  # as an earlier version made it
        connection.execute("ALTER TABLE losses DROP COLUMN validation")
        connection.execute("DROP TABLE best")
    connection.close()
    assert "epoch 30 of 30" in call("show", first).out
    assert call("run", "--seed", 1, "--validation-size", 0.2, "--quiet").status == 0
    assert "best epoch" in call("show", run_id()).out
    assert call("run", "--resume", first, "-e", 60, "--quiet").status == 0
