"""gd-tui started locally, over ssh and in tmux: the same `Session`, whatever lies between."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import pytest

from tests.terminal import sshd, tmux
from tests.terminal.session import ROOT, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

PROGRAM = (sys.executable, "-m", "tui_gd")
"""The command under test; what the script `gd-tui` runs."""


class Ended(NamedTuple):
    """How a session ended."""

    status: int
    printed: str
    """The normal screen with its scrollback: what the person sees above the next prompt."""
    leftovers: list[str]
    """What was not put back in the terminal, in words."""


@dataclass
class Session:
    """gd-tui at work in `terminal`."""

    terminal: Terminal

    def end(self) -> Ended:
        """Wait for the end of a program that was told to quit."""
        status = self.terminal.wait_for_exit()
        return Ended(status, self.terminal.scrollback(), self.terminal.leftovers())


@dataclass
class _TmuxSession(Session):
    server: tmux.Server

    def end(self) -> Ended:
        seen: list[str] = []

        def shows_status(terminal: Terminal) -> bool:
            seen[:] = [line for line in terminal.text().split("\n") if line.startswith("status=")]
            return bool(seen)

        self.terminal.wait_for(shows_status)
        printed = self.terminal.text()
        pane = {
            "alternate screen on": ("#{alternate_on}", "0"),
            "mouse on": ("#{mouse_any_flag}", "0"),
            "cursor hidden": ("#{cursor_flag}", "1"),
        }
        left = [
            f"{what}, in the pane"
            for what, (expression, untouched) in pane.items()
            if self.server.ask(expression) != untouched
        ]
        self.terminal.press("enter")
        self.terminal.wait_for_exit()
        return Ended(
            int(seen[0].removeprefix("status=")), printed, left + self.terminal.leftovers()
        )


@dataclass
class Place:
    """Where gd-tui runs; `start` starts it there, and everything is ended with the test."""

    name: str
    _open: Callable[[Sequence[str], int, int, dict[str, str]], Session]
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start(
        self,
        *arguments: str,
        columns: int = 80,
        rows: int = 24,
        env: dict[str, str] | None = None,
    ) -> Session:
        """Start `gd-tui arguments…` in a terminal of this size, in an empty directory and HOME."""
        session = self._open([*PROGRAM, *arguments], columns, rows, env or {})
        self._stack.callback(session.terminal.close)
        return session

    def close(self) -> None:
        """End all that was started."""
        self._stack.close()


def missing(error: FileNotFoundError) -> NoReturn:
    """Skip the test where a program is missing; in CI, fail."""
    if os.environ.get("CI"):
        pytest.fail(str(error))
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def ssh_server() -> Iterator[sshd.Server]:
    """One sshd for all tests of the session."""
    try:
        server = sshd.Server()
    except FileNotFoundError as error:
        missing(error)
    with server:
        yield server


@pytest.fixture
def local() -> Iterator[Place]:
    """gd-tui in a terminal on this machine."""

    def start(command: Sequence[str], columns: int, rows: int, env: dict[str, str]) -> Session:
        return Session(Terminal(command, columns=columns, rows=rows, env=env))

    place = Place("local", start)
    yield place
    place.close()


@pytest.fixture
def over_ssh(ssh_server: sshd.Server, tmp_path: Path) -> Iterator[Place]:
    """gd-tui at the other end of an ssh line."""

    def start(command: Sequence[str], columns: int, rows: int, env: dict[str, str]) -> Session:
        there = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **env}
        line = ssh_server.command(command, env=there, cwd=tmp_path)
        return Session(Terminal(line, columns=columns, rows=rows))

    place = Place("ssh", start)
    yield place
    place.close()


@pytest.fixture
def in_tmux() -> Iterator[Place]:
    """gd-tui in a tmux window."""
    with contextlib.ExitStack() as stack:

        def start(command: Sequence[str], columns: int, rows: int, env: dict[str, str]) -> Session:
            try:
                server = stack.enter_context(tmux.Server())
            except FileNotFoundError as error:
                missing(error)
            # A pane closes with its program, so a shell remains and prints the exit status.
            script = f"{shlex.join(command)}; echo status=$?; read -r line"
            line = server.command(["/bin/sh", "-c", script])
            return _TmuxSession(Terminal(line, columns=columns, rows=rows, env=env), server)

        place = Place("tmux", start)
        yield place
        place.close()
