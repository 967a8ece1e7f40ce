"""Own data on the command line: `gd-tui data FILE`, and training on a file."""

import json
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


def test_data_refuses_what_is_no_table(tmp_path: Path, table: str) -> None:
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


def test_options_of_files_are_refused_with_others() -> None:
    for option in (
        ("--target", "y"),
        ("--test", "t.csv"),
        ("--stratify",),
        ("--task", "regression"),
    ):
        check_refusal(call("run", "moons", *option), option[0])
        check_refusal(call("run", "surface:booth", *option), option[0])
