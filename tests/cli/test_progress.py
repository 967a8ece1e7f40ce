"""Progress on stderr: what is done, its rate and the time left, on a terminal only."""

import io
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.cli.commandline import call
from tests.problems.tabling import customers, written
from tui_gd.__main__ import run
from tui_gd.cli import output
from tui_gd.insight import race
from tui_gd.session.settings import RunSettings


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[str], str]]:
    """Run a command with stderr on a terminal; return the lines shown there, and stdout."""
    monkeypatch.setattr(output, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(output, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(race, "SHOW_SECONDS", 0.0)
    monkeypatch.setenv("TERM", "xterm")

    def run_it(*words: object, stdout: io.StringIO | None = None) -> tuple[list[str], str]:
        errors, out = Terminal(), stdout or io.StringIO()
        monkeypatch.setattr(sys, "stderr", errors)
        monkeypatch.setattr(sys, "stdout", out)
        assert run([str(word) for word in words]) == 0, errors.getvalue()
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", errors.getvalue())
        return [
            line.strip() for line in re.split(r"[\r\n]+", plain) if line.strip()
        ], out.getvalue()

    return run_it


@pytest.fixture
def table(tmp_path: Path) -> str:
    return written(customers(), tmp_path / "churn.csv")


LEFT = r"[\d,.e+-]+ %s/s, (\d+ h )?(\d+ min )?(\d+ s )?left"


@pytest.mark.parametrize(
    ("words", "what", "unit"),
    [
        (("run", "--quiet", "-e", 50), "training", "epochs"),
        (("race", "-e", 40), "racing", "epochs"),
        (("check", "iris"), "checking", "steps"),
    ],
)
def test_work_shows_what_is_done_its_rate_and_the_time_left(
    shown: Callable[..., tuple[list[str], str]], words: tuple[object, ...], what: str, unit: str
) -> None:
    lines, out = shown(*words, "--seed", 1)
    found = [line for line in lines if re.fullmatch(rf"{what} .*\d+% {LEFT % unit}", line)]
    assert found, lines
    assert out == call(*words, "--seed", 1).out


def test_loading_a_table_shows_its_rows(
    shown: Callable[..., tuple[list[str], str]], table: str
) -> None:
    for words in (("run", "--quiet", "-e", 1), ("data",)):
        lines, _ = shown(words[0], table, "--target", "churn", *words[1:])
        assert any(
            re.search(rf"^loading .*churn.csv .*100% {LEFT % 'rows'}$", one) for one in lines
        )
    lines, _ = shown("data", table)
    assert any(line.startswith("reading ") for line in lines)


def test_a_kept_run_shows_its_rows_when_it_is_opened(
    shown: Callable[..., tuple[list[str], str]], table: str
) -> None:
    shown("run", table, "--target", "churn", "--quiet", "-e", 1)
    run_id = re.search(r'"id": "(\w+)"', shown("runs", "--json")[1])
    assert run_id
    for words in (("run", "--quiet", "-e", 2, "--resume"), ("show",)):
        lines, _ = shown(*words, run_id[1])
        assert any(re.search(rf"^loading .*churn.csv .*{LEFT % 'rows'}$", one) for one in lines)


def test_work_of_unknown_length_shows_that_it_goes_on(
    shown: Callable[..., tuple[list[str], str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    np.savez(tmp_path / "d.npz", X=np.arange(40.0).reshape(20, 2), y=np.arange(20) % 2)
    started = threading.Event()
    begin = output._ProgressLine._start

    def start(line: output._ProgressLine) -> None:
        begin(line)
        started.set()

    load = RunSettings.load_problem

    def slowly(settings: RunSettings, *rest: object) -> object:
        assert started.wait(60)
        return load(settings, *rest)

    monkeypatch.setattr(output._ProgressLine, "_start", start)
    monkeypatch.setattr(RunSettings, "load_problem", slowly)
    lines, _ = shown("run", tmp_path / "d.npz", "--quiet", "-e", 1)
    assert any(re.match(r"loading d\.npz .*0:00:0\d", line) for line in lines), lines


def test_an_export_that_trains_again_shows_it(
    shown: Callable[..., tuple[list[str], str]], tmp_path: Path
) -> None:
    shown("run", "line", "--quiet", "-e", 30)
    lines, _ = shown("runs", "--json")
    run_id = re.search(r'"id": "(\w+)"', shown("runs", "--json")[1])
    assert run_id
    lines, _ = shown("export", run_id[1], "losses", "--complete", "--to", tmp_path / "out")
    assert any(line.startswith("training again ") for line in lines)


def test_nothing_is_shown_where_lines_are_printed_on_the_terminal(
    shown: Callable[..., tuple[list[str], str]],
) -> None:
    lines, out = shown("run", "-e", 20, stdout=Terminal())
    assert not [line for line in lines if "training" in line]
    assert "epoch=20" in out
    lines, _ = shown("run", "-e", 20, "--json", "-")
    assert not [line for line in lines if "left" in line]


def test_nothing_is_shown_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "PATIENCE_SECONDS", 0.0)
    for words in (("run", "--quiet", "-e", 20), ("race", "-e", 5), ("check",)):
        said = call(*words)
        assert (said.status, said.err) == (0, "")


def test_short_work_shows_nothing(
    shown: Callable[..., tuple[list[str], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "PATIENCE_SECONDS", np.inf)
    assert shown("run", "--quiet", "-e", 20)[0] == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (7384, "2 h 3 min")],
)
def test_times_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert output.duration(seconds) == text


def test_the_line_leaves_room_for_the_echo_of_an_interrupt(
    shown: Callable[..., tuple[list[str], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines, _ = shown("run", "moons", "--folds", 2, "-e", 50)
    bars = [line for line in lines if line.startswith("folds 1 to 2 of 2") and "epochs/s" in line]
    assert bars
    assert max(map(len, bars)) + len("^C") < 80
