"""The command line, called in this process or started as one, and what it said."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tui_gd.__main__ import run

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Said:
    """Exit status, stdout and stderr."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one object on stdout; NaN and Infinity are no JSON."""
        found = json.loads(self.out, parse_constant=pytest.fail)
        assert isinstance(found, dict)
        return found

    @property
    def epoch_lines(self) -> list[str]:
        return [line for line in (self.out + self.err).splitlines() if "[INFO] epoch=" in line]


def call(*argv: object) -> Said:
    """Run the command line in this process, as with stdout in a file."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = run([str(word) for word in argv])
        except SystemExit as leave:
            status = leave.code if isinstance(leave.code, int) else 0
    return Said(status, out.getvalue(), err.getvalue())


def command(*argv: str) -> list[str]:
    return [sys.executable, "-m", "tui_gd", *argv]


@contextlib.contextmanager
def started(*argv: str, stdin: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    """A process with pipes, killed at the end."""
    with subprocess.Popen(
        command(*argv),
        cwd=ROOT,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def interrupted(number: int, *argv: str) -> tuple[int, str]:
    """Run, send a signal after epoch 1, and return status and stderr."""
    with started("run", "-e", "1e9", *argv) as running:
        assert running.stdout
        assert running.stdout.readline().startswith("[INFO] epoch=1, ")
        running.send_signal(number)
        _, errors = running.communicate(timeout=60)
    return running.returncode, errors


def process(*argv: str, shell: str = "{}", **environ: str) -> Said:
    """Run in a shell: `shell` is the line, {} in it stands for the command."""
    words = " ".join(f"'{word}'" for word in command(*argv))
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell.format(words)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONWARNINGS": "error", **environ},
    )
    return Said(done.returncode, done.stdout, done.stderr)


def check_refusal(said: Said, *parts: str) -> None:
    assert said.status == 2, said
    assert said.out == "", said
    line, *more = said.err.splitlines()
    assert not more, said
    assert line.startswith("gd-tui: ")
    assert said.err.endswith("\n")
    for part in parts:
        assert part in line, said
