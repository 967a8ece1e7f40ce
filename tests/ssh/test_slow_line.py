"""gd-tui through a real sshd and a slow line before it: frames do not queue on the way."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import pytest

from tests.terminal import slow, walks
from tests.terminal.fixtures import PROGRAM
from tests.terminal.session import ROOT, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.terminal import sshd

THERE_AND_BACK = 0.08
RATES = pytest.mark.parametrize("rate", [20_000, 50_000, 200_000])
FLAT_OUT = (*PROGRAM, "-e", "100000000", "-a", "0.0001", "--fps", "30")

# What Textual makes of a picture that changes 30 times a second.
BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    keys = frames = 0

    def compose(self):
        yield Static(id="keys")
        yield Static(id="picture")

    def on_mount(self):
        self.set_interval(1 / 30, self.draw)

    def draw(self):
        self.frames += 1
        self.query_one("#keys", Static).update(f"keys {self.keys} ")
        row = "".join(chr(65 + (self.frames + column) % 26) for column in range(80))
        self.query_one("#picture", Static).update("\\n".join([row] * 30))

    def on_key(self, event):
        self.keys += 1

Bare().run()
"""


@contextlib.contextmanager
def far_away(
    server: sshd.Server, command: Sequence[str], rate: float, home: Path
) -> Iterator[Terminal]:
    """A program at the other end of a line of `rate` bytes a second."""
    env = {"HOME": str(home), "PYTHONPATH": str(ROOT)}
    with slow.Line(server.port, rate, THERE_AND_BACK) as line:
        remote = server.command(command, env=env, cwd=home, port=line.port)
        with Terminal(remote, columns=120, rows=40) as terminal:
            yield terminal


def frames_until(terminal: Terminal, key: str, seen: Callable[[Terminal], bool]) -> int:
    """How many frames come after a key until one that answers it."""
    before = terminal.frames
    terminal.press(key)
    counted: list[int] = []

    def answered(terminal: Terminal) -> bool:
        if seen(terminal):
            counted.append(terminal.frames - before)
        return bool(counted)

    terminal.wait_for(answered)
    return counted[0]


@RATES
def test_a_key_is_answered_behind_a_few_frames_at_most(
    ssh_server: sshd.Server, tmp_path: Path, rate: float
) -> None:
    with far_away(ssh_server, FLAT_OUT, rate, tmp_path) as terminal:
        walks.wait_for_status(terminal, state="PAUSED", epoch=0)
        terminal.press("space")
        walks.wait_for_status(terminal, state="RUNNING")
        frames = terminal.frames
        terminal.wait_for(lambda terminal: terminal.frames > frames + 20)
        behind: list[int] = []
        for index in range(8):
            alpha = [0.0003, 0.0001][index % 2]

            def shows(terminal: Terminal, alpha: float = alpha) -> bool:
                now = walks.status(terminal)
                return now is not None and now.alpha == alpha

            behind.append(frames_until(terminal, "+-"[index % 2], shows))
        # two under way, one begun, and the answer; a busy machine may read a key late
        assert sorted(behind)[len(behind) // 2] <= 5
        terminal.press("space")
        walks.wait_for_status(terminal, state="PAUSED")
        terminal.press("q")
        assert terminal.wait_for_exit() == 0


def test_a_bare_app_answers_behind_all_that_has_queued(
    ssh_server: sshd.Server, tmp_path: Path
) -> None:
    with far_away(ssh_server, (sys.executable, "-c", BARE), 50_000, tmp_path) as terminal:
        terminal.wait_for(lambda terminal: terminal.frames > 20)
        # a busy machine needs some time to draw more than the line carries
        for presses in range(1, 20):
            seen = f"keys {presses}"
            queued = frames_until(
                terminal, "x", lambda terminal, seen=seen: terminal.line(0) == seen
            )
            if queued > 10:
                break
        assert queued > 10


def test_keys_typed_into_a_slow_line_are_all_there(ssh_server: sshd.Server, tmp_path: Path) -> None:
    with far_away(ssh_server, PROGRAM, 20_000, tmp_path) as terminal:
        walks.wait_for_status(terminal, state="PAUSED", epoch=0)
        terminal.press(*"." * 20)
        walks.wait_for_status(terminal, state="PAUSED", epoch=20)


def test_a_slow_line_shows_the_last_size(ssh_server: sshd.Server, tmp_path: Path) -> None:
    with far_away(ssh_server, PROGRAM, 50_000, tmp_path) as terminal:
        walks.shrink_and_grow_again(terminal)
