"""Started where it should not draw: behind a prompt, or in a terminal without a cursor."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

import pytest

from tests.terminal import walks
from tests.terminal.fixtures import PROGRAM
from tests.terminal.session import PATIENCE, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINE = shlex.join([*PROGRAM, "--seed", "3", "--no-store"])


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Terminal]:
    """A shell with job control."""
    env = {"GD_TUI_DATA": str(tmp_path), "PS1": "READY "}
    with Terminal(["bash", "--norc", "-i"], env=env, columns=100) as terminal:
        terminal.wait_for("READY")
        yield terminal


def test_in_the_background_it_waits_and_then_comes_up(shell: Terminal) -> None:
    shell.send(f"{LINE} &\n")
    shell.wait_for(r"\[1\]")
    end = time.monotonic() + PATIENCE
    while "Stopped" not in shell.scrollback():
        # the shell reports its jobs before a prompt; many prompts scroll the report off
        assert time.monotonic() < end, shell.describe()
        shell.send("\n")
        time.sleep(0.5)
    assert not shell.alternate
    shell.send("fg\n")
    walks.wait_for_status(shell, epoch=0)
    shell.press(".")
    walks.wait_for_status(shell, epoch=1)
    shell.press("q")
    shell.wait_for(lambda terminal: "epoch 1, loss" in terminal.scrollback())
    assert not shell.alternate


def test_where_no_shell_can_bring_it_to_the_front_it_says_so(shell: Terminal) -> None:
    shell.send(f"({LINE} </dev/tty &) ; sleep 1\n")
    shell.wait_for("gd-tui: the terminal belongs to another program")
    assert b"\x1b[?1049h" not in shell.raw


@pytest.mark.parametrize("name", ["unknown", "network", "emacs"])
def test_a_terminal_without_a_cursor_gets_lines(name: str) -> None:
    env = {"TERM": name}
    with Terminal([*PROGRAM, "-e", "5", "--no-store"], env=env, columns=120) as terminal:
        assert terminal.wait_for_exit() == 0
        said = terminal.scrollback()
        assert f"TERM={name} cannot move the cursor: training without an interface" in said
        assert "[INFO] epoch=5" in said
        assert b"\x1b" not in terminal.raw


def test_an_unknown_terminal_is_assumed_to_have_a_cursor() -> None:
    with Terminal([*PROGRAM, "--no-store"], env={"TERM": "xterm-of-tomorrow"}) as terminal:
        walks.wait_for_status(terminal, epoch=0)
