"""Own data on the command line: `gd-tui data FILE`, and training on a file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commandline import call, check_refusal, process
from tests.problems.tabling import customers, written


@pytest.fixture
def table(tmp_path: Path) -> str:
    return written(customers(), tmp_path / "churn.csv")


def test_data_lists_the_columns_and_what_is_done_to_them(table: str) -> None:
    said = call("data", table)
    assert said.status == 0
    assert "600 rows" in said.out
    assert "--target" in said.out
    for name in customers().columns:
        assert name in said.out
    lines = {
        line.split()[0]: line for line in call("data", table, "--target", "churn").out.splitlines()
    }
    assert "median" in lines["income"]
    assert "missing" in lines["income"]
    assert "one-hot" in lines["contract"]
    assert "left out" in lines["customer"]
    assert "2 classes (no, yes)" in lines["churn"]
    assert (
        "contract=two year"
        in lines["30" if "30" in lines else next(k for k in lines if k.isdecimal())]
    )


def test_columns_can_be_dropped(table: str) -> None:
    said = call("data", table, "--target", "churn", "--drop", "customer,city")
    assert said.status == 0
    lines = {line.split()[0]: line for line in said.out.splitlines()}
    assert "--drop" in lines["customer"]
    assert "--drop" in lines["city"]
    assert "city=" not in said.out
    assert "customer" not in call("data", table, "--drop", "customer").out
    check_refusal(call("data", table, "--target", "churn", "--drop", "a,,b"), "--drop")
    check_refusal(call("run", "blobs", "--drop", "x1"), "--drop is for files")


def test_data_refuses_files_that_are_no_tables(tmp_path: Path, table: str) -> None:
    check_refusal(call("data", "blobs"), "not a file")
    check_refusal(call("data", tmp_path / "none.csv"), "no such file")
    check_refusal(call("data"), "FILE")
    check_refusal(call("data", table, "--target", "chrun"), "churn")


def test_a_table_trains_and_its_task_is_stated_on_stderr(table: str) -> None:
    said = call("run", table, "--target", "churn", "--standardize", "--loss", "cross-entropy",
                "-a", 1, "-e", 300, "--seed", 1, "--quiet", "--no-store")  # fmt: skip
    assert said.status == 0
    assert "yes" in said.out
    (line,) = [line for line in said.err.splitlines() if "classification" in line]
    assert "churn has 2 classes (no, yes)" in line
    accuracy = next(line for line in said.out.splitlines() if "accuracy" in line)
    assert float(accuracy.split()[1]) > 0.85


def test_the_json_names_the_features_and_the_settings(table: str) -> None:
    said = call("run", table, "--target", "churn", "--stratify", "--standardize", "-e", 2,
                "--json", "-", "--no-store", "--quiet")  # fmt: skip
    document = said.document
    assert "contract=two year" in document["problem"]["features"]
    assert document["problem"]["classes"] == ["no", "yes"]
    assert document["config"]["target"] == "churn"
    assert document["config"]["stratify"] is True
    assert json.dumps(document)


@pytest.mark.parametrize("command", ["run", "race", "check", "data"])
def test_faults_of_a_file_are_one_line(tmp_path: Path, command: str) -> None:
    path = tmp_path / "bad\x1b[2J.csv"
    path.write_text("a,b,y\n1,2,0\n3,4\n5,6,1\n")
    said = call(command, path, "--target", "y")
    check_refusal(said, "row 2 (line 3)", "2 values")
    assert "\x1b" not in said.err


def test_without_a_target_the_columns_are_named(table: str) -> None:
    check_refusal(call("run", table), "--target", "churn", "tenure")


def test_standard_input_trains(table: str) -> None:
    said = process(
        "run", "-", "--target", "churn", "-e", "2", "--standardize", "--no-store",
        shell=f"cat '{table}' | {{}}",
    )  # fmt: skip
    assert said.status == 0, said
    assert "epoch=1" in said.out
    assert "Warning" not in said.err
    empty = process("run", "-", "--target", "churn", shell="{} < /dev/null")
    check_refusal(empty, "empty")


def test_options_of_files_are_refused_with_other_problems() -> None:
    for option in (
        ("--target", "y"),
        ("--test", "t.csv"),
        ("--stratify",),
        ("--task", "regression"),
    ):
        check_refusal(call("run", "moons", *option), option[0])
        check_refusal(call("run", "surface:booth", *option), option[0])


# the options that read the table below, in training and in prediction
OPTIONS = ("--decimal", "comma", "--thousands", "point", "--no-header", "--skip-missing-target")


def european(folder: Path) -> Path:
    text = "A title\n" + "".join(
        f"{1 + i}.234,5;{i % 7},5;{('ja', 'nein', '')[i % 3]}\n" for i in range(60)
    )
    path = folder / "t.csv"
    path.write_bytes(text.encode("utf-16"))
    return path


def test_every_way_to_read_a_file_is_an_option(tmp_path: Path) -> None:
    path = european(tmp_path)
    options = (*OPTIONS, "--skip-rows", 1)
    said = call("data", path, "--target", 3, *options)
    assert said.status == 0, said
    lines = {line.split()[0]: line for line in said.out.splitlines()}
    assert "1234.5 to 59234.5" in lines["x1"]
    assert "2 classes (ja, nein)" in lines["x3"]
    assert "skipped 20 rows without a target" in said.out
    rest = ("--skip-rows", 1, "--skip-missing-target")
    check_refusal(call("data", path, "--target", 3, *rest), "--decimal", "x1")
    check_refusal(call("data", path, "--target", 3), "first line, 'A title'", "--skip-rows 1")


def test_a_stored_run_is_read_again_in_the_same_way(tmp_path: Path) -> None:
    path = european(tmp_path)
    options = ("--target", 3, *OPTIONS, "--skip-rows", 1, "--standardize", "--seed", 1, "-a", 0.05)
    whole = call("run", path, *options, "-e", 30, "--json", "-", "--no-store", "--quiet")
    assert call("run", path, *options, "-e", 20, "--quiet").status == 0
    run = str(json.loads(call("runs", "--json").out)["runs"][0]["id"])
    on = call("run", "--resume", run, "-e", 30, "--json", "-", "--quiet")
    assert on.document["lanes"] == whole.document["lanes"]
    assert on.document["config"]["header"] is False
    shown = call("show", run).out
    for words in ("--no-header", "--decimal comma", "--skip-missing-target", "--skip-rows 1"):
        assert words in shown
    assert call("export", run, "script", "--to", tmp_path / "out").status == 0
    script = [sys.executable, str(tmp_path / "out" / "repeat.py")]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("lane A, loss ")


def test_options_of_reading_are_checked(tmp_path: Path) -> None:
    path = european(tmp_path)
    for words, says in (
        (("--decimal", "x"), "--decimal"),
        (("--dates", "keep"), "--dates"),
        (("--sep", "ab"), "--sep"),
        (("--encoding", "none"), "--encoding"),
        (("--skip-rows", "-1"), "--skip-rows"),
        (("--skip-rows", 1, "--number", "9"), "no column '9'"),
    ):
        check_refusal(call("data", path, "--target", 3, *words), says)
    check_refusal(call("run", "moons", "--no-header"), "--header")
    check_refusal(call("run", "moons", "--decimal", "comma"), "--decimal is for files")


def test_features_of_dates_are_named_before_a_run(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f"{1 + i % 28}.3.2024,{i % 7},{i % 2}\n" for i in range(60)]
    path.write_text("day,a,y\n" + "".join(rows))
    said = call("data", path, "--target", "y")
    assert "weekday and days" not in said.out
    assert "day of the week and days since 2024-03-01" in said.out
    assert "left out: --dates drop" in call("data", path, "--target", "y", "--dates", "drop").out
    check_refusal(call("run", path, "--target", "y", "--dates", "refuse"), "'day'", "--drop")
