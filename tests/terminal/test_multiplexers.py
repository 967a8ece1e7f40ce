"""gd-tui in tmux and in GNU screen: on the screen and after leaving, all is as without them."""

from __future__ import annotations

import base64
import contextlib
import re
import shlex
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.terminal import gnuscreen, provocations, tmux, walks
from tests.terminal.fixtures import PROGRAM, missing
from tests.terminal.session import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = {"tmux": tmux.Server, "screen": gnuscreen.Server}
TRUE_COLOUR = {"COLORTERM": "truecolor"}


class Window(NamedTuple):
    """gd-tui in a window of a multiplexer, in a terminal."""

    terminal: Terminal
    server: tmux.Server | gnuscreen.Server
    env: dict[str, str]


@contextlib.contextmanager
def window(kind: str, columns: int, rows: int, data: Path, ground: bytes = b"") -> Iterator[Window]:
    """A window with gd-tui and then a shell that says how it has ended."""
    try:
        server = KINDS[kind]()
    except FileNotFoundError as error:
        missing(error)
    with server:
        env = {"GD_TUI_DATA": str(data), **TRUE_COLOUR, **getattr(server, "environment", {})}
        script = f"{shlex.join([*PROGRAM, '--seed', '3'])}; echo status=$?; read -r line"
        line = server.command(["/bin/sh", "-c", script])
        with Terminal(line, columns=columns, rows=rows, env=env, ground=ground) as terminal:
            walks.wait_for_status(terminal, epoch=0)
            yield Window(terminal, server, env)


def quits(terminal: Terminal) -> None:
    """`q` leaves a summary, and nothing of the picture."""
    terminal.press("q")
    terminal.wait_for("status=0")
    assert "epoch 1, loss" in terminal.text()
    assert "space run/pause" not in terminal.text()
    assert walks.status(terminal) is None
    terminal.press("enter")
    terminal.wait_for_exit()
    assert terminal.leftovers() == []


def copied(terminal: Terminal) -> str:
    """What has been put into the terminal's clipboard."""
    found = re.findall(rb"\x1b\]52;c?;([A-Za-z0-9+/=]+)(?:\x07|\x1b\\)", terminal.raw)
    return base64.b64decode(found[-1]).decode() if found else ""


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
@pytest.mark.parametrize("kind", KINDS)
def test_it_looks_and_works_as_without(kind: str, columns: int, rows: int, tmp_path: Path) -> None:
    with window(kind, columns, rows, tmp_path) as (terminal, _, _):
        provocations.draws_red_and_steps(terminal)
        terminal.wait_for(lambda now: walks.has_focus(now, "loss"))
        terminal.send(f"\x1b[<0;20;{rows - 6}M\x1b[<0;20;{rows - 6}m")
        # two panels lie side by side in a small terminal, four in a large one
        below = "loss" if columns < 100 else "report"
        terminal.wait_for(lambda now: walks.has_focus(now, below))
        terminal.press("w")
        terminal.wait_for(copied)
        text = copied(terminal)
        assert text.startswith("gd-tui  blobs  ")
        assert "epoch 1/100" in text
        assert text.endswith("\n")
        # the message of it comes a moment later, and goes
        terminal.wait_for(lambda terminal: re.search(r"sent \d+ lines", terminal.text()))
        terminal.wait_for(lambda terminal: not re.search(r"sent \d+ lines", terminal.text()))
        before = walks.settled(terminal)
        for index in range(40):
            terminal.resize(columns - index % 30, rows - index % 10)
            time.sleep(0.01)
        terminal.resize(columns, rows)
        terminal.wait_for_picture(before)
        quits(terminal)


def test_gnu_screen_passes_on_the_question_for_the_ground_and_the_answer(tmp_path: Path) -> None:
    """tmux answers for itself, if it knows the colour."""
    light = b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\"
    with window("screen", 100, 30, tmp_path, ground=light) as (terminal, _, _):
        assert b"\x1b]11;?" in terminal.raw
        terminal.press(".")
        walks.wait_for_status(terminal, epoch=1)
        assert terminal.cells()[2][0].background == "ffffff"
        assert "rgb:" not in terminal.text()
        quits(terminal)


@pytest.mark.parametrize("kind", KINDS)
def test_attached_again_the_whole_picture_is_there(kind: str, tmp_path: Path) -> None:
    with window(kind, 100, 30, tmp_path) as (first, server, env):
        first.press(".")
        walks.wait_for_status(first, epoch=1)
        before = walks.settled(first)
        first.hang_up()
        with Terminal(server.attach(), columns=100, rows=30, env=env) as second:
            second.wait_for_picture(before)
            second.press(".")
            walks.wait_for_status(second, epoch=2)
            second.press(",")
            walks.wait_for_status(second, epoch=1)
            quits(second)
