"""Faults of options and input: one line on stderr, status 2, nothing on stdout."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.commandline import call, check_refusal


@pytest.mark.parametrize("mode", [[], ["run"]])
@pytest.mark.parametrize(
    ("option", "values"),
    [
        (
            "--alpha",
            ["0", "-1", "nan", "inf", "-inf", "1e999", "abc", "", "0.1,", ",", "0.1,0", "0.1;1"],
        ),
        ("--epochs", ["0", "-1", "1.5", "nan", "inf", "1e999", "abc", "", "10,20"]),
        ("--seed", ["-1", "1.5", "abc", "", "nan", "²"]),
        ("--test-size", ["0", "1", "-0.5", "1.5", "nan", "abc", ""]),
        ("--loss", ["abc", ""]),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(
    mode: list[str], option: str, values: list[str]
) -> None:
    short = {"--alpha": "-a", "--epochs": "-e"}
    for value in values:
        check_refusal(call(*mode, f"{option}={value}"), option)
        if option in short:
            check_refusal(call(*mode, short[option], value))


@pytest.mark.parametrize(
    "argv",
    [
        ["run", "nosuch"],
        ["nosuch"],
        ["run", ""],
        ["run", "--nosuch"],
        ["--nosuch"],
        ["--json", "-"],
        ["run", "--ep", "3"],
        ["run", "blobs", "blobs"],
        ["run", "-e"],
        ["run", "--json"],
        ["problems", "x"],
        ["--fps", "0"],
        ["run", "--test-size", "0.9999"],
    ],
)
def test_what_does_not_exist_is_refused_in_one_line(argv: list[str]) -> None:
    check_refusal(call(*argv))


def test_an_unknown_problem_is_refused_with_a_list_of_the_known_ones() -> None:
    check_refusal(call("run", "bl\nobs\x1b[31m"), "blobs")
    assert "\x1b" not in call("run", "bl\x1b[31m").err
    check_refusal(call("run", "nosuch"), "nosuch", "blobs")


def object_array(path: Path) -> None:
    np.save(path, np.array([1, "a", None], dtype=object), allow_pickle=True)


class Trap:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("unpickled",))


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap()))


def pickled_in_npy(path: Path) -> None:
    np.save(path, np.array([Trap(), Trap(), Trap()], dtype=object), allow_pickle=True)


def npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, w=np.zeros(3))


def cut_off(path: Path) -> None:
    np.save(path, np.zeros(3))
    path.write_bytes(path.read_bytes()[:-8])


def header_alone(path: Path) -> None:
    """A header that announces 24 TB of numbers, and nothing else."""
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 3), }"
    header = header.ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())


def saved(values: Any) -> Callable[[Path], None]:
    return lambda path: np.save(path, values)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(saved(np.zeros(2)), id="too few"),
        pytest.param(saved(np.zeros(4)), id="too many"),
        pytest.param(saved(np.zeros((3, 1))), id="a column"),
        pytest.param(saved(np.zeros((2, 3))), id="two lanes for one alpha"),
        pytest.param(saved(np.zeros((1, 1, 3))), id="three axes"),
        pytest.param(saved(np.float64(1)), id="a number"),
        pytest.param(saved(np.zeros(0)), id="nothing"),
        pytest.param(saved(np.array([1, np.nan, 1])), id="nan"),
        pytest.param(saved(np.array([1, np.inf, 1])), id="inf"),
        pytest.param(
            saved(np.array([1, 1, 1], np.longdouble) * np.longdouble("1e4000")), id="huge"
        ),
        pytest.param(saved(np.zeros(3, complex)), id="complex"),
        pytest.param(saved(np.array(["1", "2", "3"])), id="text"),
        pytest.param(saved(np.zeros(3, "M8[s]")), id="dates"),
        pytest.param(saved(np.zeros(3, [("a", float)])), id="records"),
        object_array,
        pickled,
        pickled_in_npy,
        npz,
        cut_off,
        header_alone,
        pytest.param(lambda path: path.write_text("1 2 3\n"), id="words"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.mkdir(), id="a directory"),
        pytest.param(lambda _: None, id="no file"),
    ],
)
def test_initial_weights_that_do_not_fit_are_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "w.npy"
    write(file)
    check_refusal(call("run", "-e", 1, "--init", file), "--init", "w.npy")
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize("target", [".", "nosuch/run.json", "file/run.json", "x" * 300, "", "link"])
def test_json_where_nothing_can_be_written_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nosuch/run.json")
    check_refusal(call("run", "-e", 1, "--json", target), "--json")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "link"}


def test_an_empty_init_is_refused() -> None:
    check_refusal(call("run", "-e", 1, "--init", ""), "--init")


def test_numbers_too_large_to_standardize_are_refused(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((60, 3)) * 1e300
    np.savez(tmp_path / "d.npz", X=x, y=x[:, 0] > 0)
    check_refusal(call("run", tmp_path / "d.npz", "--standardize"), "standardize")


def test_a_constant_target_and_a_missing_file_are_reported(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", X=np.eye(6), y=np.zeros(6))
    check_refusal(call("run", tmp_path / "d.npz"), "nothing to learn")
    check_refusal(call("run", tmp_path / "none.npy"), "no such file")


def test_a_full_device_is_reported_in_one_line() -> None:
    said = call("run", "-e", 1, "--quiet", "--json", "/dev/full")
    assert said.status == 1
    (line,) = said.err.splitlines()
    assert "/dev/full" in line


def test_the_help_is_ascii() -> None:
    for command in ((), ("run",), ("check",), ("problems",)):
        assert call(*command, "--help").out.isascii()
