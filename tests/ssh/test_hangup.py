"""The other end of the line is gone: gd-tui ends there, with the run kept."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from benchmarks.kills import check_whole
from tests.terminal import provocations, sshd, walks
from tests.terminal.fixtures import Place
from tests.terminal.session import PATIENCE, ROOT, Terminal
from tui_gd.runs.database import NAME
from tui_gd.runs.store import Store

LONG = ("--seed", "3", "-e", "1000000000")


def running(place: Place, data: Path) -> Terminal:
    terminal = place.start(*LONG, env={"GD_TUI_DATA": str(data)}).terminal
    walks.wait_for_status(terminal, epoch=0)
    terminal.press("f", "space")
    terminal.wait_for(lambda terminal: (walks.status(terminal) or (0, 0))[1] > 20)
    return terminal


def remote(data: Path) -> list[int]:
    """The processes of gd-tui at the other end (this machine, too) that keep runs in `data`."""
    word = f"GD_TUI_DATA={data}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if word in variables and sys.executable.encode() in command:
            found.append(int(process.name))
    return found


def check_ended(data: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while remote(data):
        assert time.monotonic() < deadline, "it still runs at the other end"
        time.sleep(0.05)
    with Store(data / NAME) as store:
        (kept,) = store.runs()
    assert kept.state == "paused"
    assert kept.locked_by is None
    assert check_whole(data / NAME, more=50) >= kept.newest


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_ssh_client_is_killed(over_ssh: Place, tmp_path: Path, number: signal.Signals) -> None:
    terminal = running(over_ssh, tmp_path)
    assert remote(tmp_path)
    terminal.signal(number)
    terminal.wait_for_exit()
    check_ended(tmp_path)


def test_a_bare_app_saves_nothing_when_the_ssh_client_is_killed(
    ssh_server: sshd.Server, tmp_path: Path
) -> None:
    env = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "GD_TUI_DATA": str(tmp_path)}
    bare = (sys.executable, "-m", "tests.terminal.bare")
    with Terminal(ssh_server.command(bare, env=env, cwd=tmp_path)) as terminal:
        walks.wait_for_status(terminal, epoch=0)
        provocations.train(terminal)
        assert remote(tmp_path)
        terminal.signal(signal.SIGKILL)
        terminal.wait_for_exit()
        deadline = time.monotonic() + PATIENCE
        while remote(tmp_path):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert not (tmp_path / "saved").exists()


def test_the_window_with_the_ssh_client_is_closed(over_ssh: Place, tmp_path: Path) -> None:
    terminal = running(over_ssh, tmp_path)
    terminal.hang_up()
    check_ended(tmp_path)


def test_the_client_stalls_and_is_killed(over_ssh: Place, tmp_path: Path) -> None:
    terminal = running(over_ssh, tmp_path)
    terminal.signal(signal.SIGSTOP)
    time.sleep(2.0)
    terminal.signal(signal.SIGKILL)
    check_ended(tmp_path)


def test_a_signal_at_the_other_end_restores_the_terminal_here(
    over_ssh: Place, tmp_path: Path
) -> None:
    terminal = running(over_ssh, tmp_path)
    (process,) = remote(tmp_path)
    os.kill(process, signal.SIGTERM)
    assert terminal.wait_for_exit() == 128 + signal.SIGTERM
    assert terminal.leftovers() == []
    check_ended(tmp_path)
