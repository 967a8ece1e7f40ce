"""Kept runs on the command line: list, show, resume, delete, and refusals."""

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.cli.commandline import call, check_refusal, interrupted, process
from tui_gd.runs.database import store_path
from tui_gd.session.settings import RunSettings

LINE = ("line", "--samples", 30, "--seed", 2, "-a", "0.01")


def keep(*words: object) -> str:
    """Train a run and return its id."""
    said = call("run", "--quiet", *words)
    assert (said.status, said.err) == (0, ""), said
    return str(listed()[0]["id"])


def listed() -> list[dict[str, object]]:
    said = call("runs", "--json")
    assert (said.status, said.err) == (0, "")
    found = said.document["runs"]
    assert isinstance(found, list)
    return found


def test_an_empty_list_says_so_and_creates_nothing() -> None:
    said = call("runs")
    assert said.status == 0
    assert said.out == f"no runs are kept in {store_path().parent}\n"
    assert listed() == []
    assert not store_path().exists()


def test_the_list_has_a_line_per_run_newest_first() -> None:
    first = keep(*LINE, "-e", 40)
    second = keep("moons", "-a", "0.001,0.01", "-e", 7, "--seed", 1)
    said = call("runs")
    heads, *lines = said.out.splitlines()
    assert heads.split() == ["id", "when", "state", "problem", "lanes", "epochs", "best", "loss"]
    assert [line.split()[0] for line in lines] == [second, first]
    assert re.fullmatch(
        second + r"  \d{4}-\d\d-\d\d \d\d:\d\d  finished  moons +2 +7 +[\d.e+-]+", lines[0]
    )
    document = call("run", *LINE, "-e", 40, "--json", "-", "--no-store").document
    (lane,) = document["lanes"]
    (run,) = [run for run in listed() if run["id"] == first]
    assert (run["epochs"], run["state"], run["problem"]) == (40, "finished", "line")
    assert run["best_loss"] == min(*lane["train_loss"], lane["final_train_loss"])


def test_no_store_keeps_no_run() -> None:
    assert call("run", *LINE, "-e", 4, "--no-store").status == 0
    assert not store_path().parent.joinpath("locks").exists()
    assert listed() == []


def test_a_resumed_run_equals_one_with_all_epochs_at_once() -> None:
    options = ("iris", "-a", "0.01,0.002", "--optimizer", "adam", "--batch-size", 20, "--seed", 5)
    name = keep(*options, "-e", 30)
    said = call("run", "--resume", name[:3], "-e", 55, "--json", "-")
    whole = call("run", *options, "-e", 55, "--json", "-", "--no-store")
    ours, theirs = said.document, whole.document
    for document in (ours, theirs):
        del document["seconds"]
    assert ours == theirs
    assert said.epoch_lines == [
        line for line in whole.epoch_lines if int(line.split("=")[1].split(",")[0]) > 30
    ]
    assert [run["epochs"] for run in listed()] == [55]


def test_stored_test_losses_are_not_computed_again() -> None:
    name = keep(*LINE, "-e", 30, "--json", os.devnull)
    said = call("run", "--resume", name, "-e", 40, "--json", "-", "--quiet")
    assert "again" not in said.err
    assert None not in said.document["lanes"][0]["test_loss"]


def test_a_finished_run_is_only_reported() -> None:
    name = keep(*LINE, "-e", 5000, "--target-loss", 1)
    (run,) = listed()
    assert run["stopped"] == "training loss at most 1"
    said = call("run", "--resume", name)
    assert said.status == 0
    assert said.epoch_lines == []
    assert "mean absolute error" in said.out
    assert listed()[0]["epochs"] == run["epochs"]


def test_a_schedule_keeps_the_number_of_epochs_it_started_with() -> None:
    name = keep(*LINE, "-e", 30, "--schedule", "cosine")
    document = call("run", "--resume", name, "-e", 50, "--json", "-", "--quiet").document
    given = {"problem": "line", "samples": 30, "seed": 2, "epochs": 30, "schedule": "cosine"}
    given["alpha"] = (0.01,)
    chosen = RunSettings.chosen(given)
    problem = chosen.load_problem()
    whole = chosen.resolved(problem).make_trainer(problem)
    whole.advance(50)
    assert document["lanes"][0]["weights"] == whole.weights[0].tolist()
    assert document["config"]["epochs"] == 30
    assert listed()[0]["last_epoch"] == 50


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["runs", "x"], ["unrecognized arguments: x"]),
        (["show"], ["the following arguments are required: ID", "gd-tui show --help"]),
        (["show", "nosuch"], ["nosuch: no kept run has this id", "none is kept in"]),
        (["rm", "nosuch"], ["nosuch: no kept run has this id"]),
        (["resume", "nosuch"], ["nosuch: no kept run has this id"]),
        (["resume"], ["no run that can continue is kept"]),
        (["run", "--resume", "nosuch"], ["nosuch: no kept run has this id"]),
        (["run", "--resume=a", "-a", "0.1"], ["a kept run has its options; leave --alpha out"]),
        (["run", "--resume"], ["argument --resume: expected one argument"]),
        (["run", "--resume", "a", "-e", "0"], ["0 is not a whole number from 1"]),
    ],
)
def test_impossible_requests_are_refused_in_one_line(words: list[str], parts: list[str]) -> None:
    check_refusal(call(*words), *parts)


def test_a_past_epoch_is_refused() -> None:
    name = keep(*LINE, "-e", 30)
    check_refusal(
        call("run", "--resume", name, "-e", 20), f"-e 20: run {name} is at epoch 30 already"
    )
    assert listed()[0]["state"] == "finished"


def test_show_prints_settings_curve_and_report() -> None:
    name = keep("-e", 40, "-a", "0.01,0.001", "--seed", 1, "--l2", "0.1")
    said = call("show", name)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(f"run {name}: blobs, finished\n")
    assert "epoch 40 of 40 (40 on record), seed 1" in said.out
    assert "options: --epochs 40 --alpha 0.01,0.001 --l2 0.1" in said.out
    document = call(
        *("run", "-e", 40, "-a", "0.01,0.001", "--seed", 1, "--l2", "0.1", "--json", "-")
    ).document
    for lane in document["lanes"]:
        assert f"{lane['final_train_loss']:.8g}" in said.out
    assert "training loss" in said.out
    assert "weighted avg" in said.out
    # stdout is a file here, with an encoding without braille
    picture = said.out[said.out.index("training loss") - 20 : said.out.index("precision")]
    assert sum("+" in line or "|" in line or "│" in line for line in picture.splitlines()) > 10


def test_show_without_the_data_says_why_there_is_no_report(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((30, 2))
    np.savez(tmp_path / "data.npz", X=x, y=(x[:, 0] > 0).astype(np.int64))
    assert call("run", str(tmp_path / "data.npz"), "-e", 20, "--seed", 1).status == 0
    name = str(listed()[0]["id"])
    (tmp_path / "data.npz").unlink()
    said = call("show", name)
    assert said.status == 0
    assert "training loss" in said.out
    assert said.err == (
        f"gd-tui: no report: run {name}: {tmp_path / 'data.npz'}: No such file or directory;"
        " put the file back, or start gd-tui where it is now\n"
    )
    check_refusal(call("run", "--resume", name), "data.npz: No such file")


def test_rm_deletes_all_named_runs_or_none() -> None:
    first, second = keep(*LINE, "-e", 5), keep(*LINE, "-e", 6)
    check_refusal(call("rm", first, "nosuch"), "nosuch")
    assert len(listed()) == 2
    said = call("rm", first)
    assert said.out == f"deleted {first} (line, 5 epochs)\n"
    assert [run["id"] for run in listed()] == [second]


def test_a_diverged_run_is_stored_as_diverged() -> None:
    said = call("run", *LINE[:5], "-a", 3, "-e", 5000)
    assert said.status == 1
    (run,) = listed()
    assert run["state"] == "diverged"
    assert call("run", "--resume", str(run["id"]), "--quiet").status == 1


def test_a_directory_of_an_unknown_user_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GD_TUI_DATA", "~nobody-of-that-name/runs")
    check_refusal(call("runs"), "GD_TUI_DATA: ~nobody-of-that-name/runs: there is no such user")


def test_a_run_that_cannot_be_stored_is_trained_anyway() -> None:
    store_path().parent.mkdir(exist_ok=True)
    store_path().write_bytes(b"this is no store" * 500)
    said = call("run", *LINE, "-e", 10)
    assert said.status == 0
    assert said.out == call("run", *LINE, "-e", 10, "--no-store").out
    (line,) = said.err.splitlines()
    assert line.startswith("gd-tui: the run is not kept: ")
    assert "damaged (file is not a database)" in line
    for words in (["runs"], ["runs", "--json"], ["resume"], ["show", "a"], ["rm", "a"]):
        check_refusal(call(*words), str(store_path()), "damaged", "GD_TUI_DATA")
    assert store_path().read_bytes() == b"this is no store" * 500


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stores_the_run_and_says_how_to_resume(number: int, status: int) -> None:
    code, errors = interrupted(number, "-a", "1e-5", "--seed", "1")
    assert code == status
    (run,) = listed()
    assert errors == f"gd-tui: kept as {run['id']} (gd-tui run --resume {run['id']})\n"
    assert run["state"] == "paused"


def test_a_reader_that_leaves_early_leaves_a_stored_run() -> None:
    said = process("run", "-e", "200000", "--seed", "1", shell="{} | head -1")
    assert said.err == ""
    (run,) = listed()
    assert run["state"] == "paused"


def test_a_table_and_its_second_file_are_recognised(tmp_path: Path) -> None:
    rows = [f"{i % 7},{-i % 5},{'yes' if i % 3 else 'no'}" for i in range(60)]
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("\n".join(["months,calls,churn", *rows[:40]]))
    test.write_text("\n".join(["months,calls,churn", *rows[40:]]))
    options = (str(train), "--target", "churn", "--test", str(test), "--seed", 1, "-a", "0.001")
    assert call("run", *options, "-e", 20).status == 0
    name = str(listed()[0]["id"])
    said = call("run", "--resume", name, "-e", 30, "--json", "-", "--quiet")
    whole = call("run", *options, "-e", 30, "--json", "-", "--quiet", "--no-store")
    assert said.document["lanes"] == whole.document["lanes"]
    test.write_text(test.read_text().replace("yes", "no ", 1))
    check_refusal(call("run", "--resume", name), f"--test {test}: its contents have changed")
