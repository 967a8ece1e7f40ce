"""The command line as a process: pipes, closed streams, signals."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commandline import ROOT, check_refusal, interrupted, process


def test_json_to_a_pipe_goes_through_the_pipe(tmp_path: Path) -> None:
    """As root, `--json /dev/null` would otherwise replace the device by a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        said = process("run", "--quiet", "-e", "1", "--seed", "1", "--json", str(pipe))
        assert stat.S_ISFIFO(pipe.stat().st_mode)
        assert said.status == 0
        assert json.loads(os.read(reader, 1 << 16))["lanes"]
    finally:
        os.close(reader)


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_without_a_terminal_on_stdout_it_behaves_as_run(term: str) -> None:
    said = process("--seed", "5", "-e", "10", TERM=term)
    run = process("run", "--seed", "5", "-e", "10", TERM=term)
    assert said.status == run.status == 0
    assert said.out == run.out
    assert said.out.startswith("[INFO] epoch=1, loss=")
    assert run.err == ""
    assert "Traceback" not in said.err
    assert "\x1b" not in said.out + said.err


def test_an_error_of_the_process_is_one_line_and_status_2() -> None:
    check_refusal(process("run", "nosuch"), "nosuch")


def test_a_reader_that_leaves_early_causes_no_traceback() -> None:
    said = process("run", "-e", "200000", shell="{} | head -1")
    assert said.out.startswith("[INFO] epoch=1, ")
    assert len(said.out.splitlines()) == 1
    assert said.err == ""
    assert said.status not in {0, 1, 2}


def test_output_that_cannot_be_written_causes_no_traceback() -> None:
    said = process("run", "-e", "5", shell="{} > /dev/full")
    assert said.status != 0
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("mode", [["run"], []])
def test_a_closed_stdout_causes_no_traceback(mode: list[str]) -> None:
    said = process(*mode, "-e", "5", "--seed", "1", shell="{} >&-")
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) <= 1


def test_an_interrupted_run_has_status_130_and_no_traceback() -> None:
    status, errors = interrupted(signal.SIGINT)
    assert status == 130
    assert "Traceback" not in errors
    assert len(errors.splitlines()) <= 1


# A module written in C that is interrupted while it is imported may lose the exception.
LOSES = """
import os, signal, sys

class Loses:
    def find_spec(self, name, path=None, target=None):
        if name == "tui_gd.cli.run":
            try:
                os.kill(os.getpid(), signal.SIGINT)
                signal.sigtimedwait([], 1)
            except KeyboardInterrupt:
                pass

sys.meta_path.insert(0, Loses())
sys.argv[1:] = ["run", "-e", "5", "--no-store"]
from tui_gd.__main__ import main
sys.exit(main())
"""


def test_an_interrupt_in_the_middle_of_an_import_is_not_lost() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOSES], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert done.stdout + done.stderr == ""
