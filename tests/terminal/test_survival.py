"""Whatever happens to process and terminal: it ends in order or goes on, and nothing is lost.

`test_both_apps.py` has what is provoked on a bare Textual app too; here is what only gd-tui has:
its kept runs and its way back.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks.kills import check_whole
from tests.terminal import walks
from tests.terminal.fixtures import PROGRAM
from tests.terminal.provocations import NOISE, WATCHDOG, answers
from tests.terminal.session import Terminal
from tui_gd.runs.database import NAME
from tui_gd.runs.store import Store

LONG = ("--seed", "3", "-e", "1000000000")
RESTORED = b"\x1b[?1049l"

Start = Callable[..., Terminal]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start gd-tui in a terminal; `wrap` is put before its command line."""
    opened: list[Terminal] = []

    def begin(*arguments: str, wrap: Sequence[str] = (), code: str = "") -> Terminal:
        command = [sys.executable, "-c", code, *arguments] if code else [*PROGRAM, *arguments]
        opened.append(Terminal([*wrap, *command], env={"GD_TUI_DATA": str(tmp_path)}))
        walks.wait_for_status(opened[-1], epoch=0)
        return opened[-1]

    yield begin
    for terminal in opened:
        terminal.close()


def running(start: Start, **more: Sequence[str]) -> Terminal:
    """gd-tui in the middle of a long run of which something has been kept."""
    terminal = start(*LONG, **more)
    terminal.press("f", "space")
    terminal.wait_for(lambda terminal: (walks.status(terminal) or (0, 0))[1] > 20)
    return terminal


def check_kept(directory: Path, more: int = 50) -> None:
    """The run is in the store, paused, unlocked, and goes on bit for bit."""
    with Store(directory / NAME) as store:
        (kept,) = store.runs()
    assert kept.state == "paused"
    assert kept.locked_by is None
    assert kept.newest > 0
    assert check_whole(directory / NAME, more=more) >= kept.newest


def ends_within(process: Callable[[], int | None], seconds: float) -> int:
    deadline = time.monotonic() + seconds + NOISE
    while (status := process()) is None:
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.02)
    return status


def leaves(terminal: Terminal, status: int = 0) -> None:
    terminal.press("q")
    assert terminal.wait_for_exit() == status, terminal.scrollback()
    assert terminal.leftovers() == []


# Signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_in_order_with_the_run_kept(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    terminal = running(start)
    terminal.signal(number)
    assert terminal.wait_for_exit(WATCHDOG + NOISE) == 128 + number
    assert terminal.leftovers() == []
    assert "gd-tui resume" in terminal.scrollback()
    check_kept(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_although_the_terminal_is_frozen(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    terminal = running(start)
    terminal.hold()
    for width in range(60, 90):  # as much to draw as the terminal can hold and more
        terminal.resize(width, 24)
        time.sleep(0.05)
    begun = time.monotonic()
    terminal.signal(number)
    assert ends_within(lambda: terminal.exit_status, WATCHDOG) == 128 + number
    assert time.monotonic() - begun < WATCHDOG + NOISE
    terminal.release()
    terminal.wait_for_exit()
    assert terminal.leftovers() == []
    check_kept(tmp_path)


def test_a_signal_before_the_run_is_there_ends_it(tmp_path: Path) -> None:
    with Terminal([*PROGRAM, "--no-store"], env={"GD_TUI_DATA": str(tmp_path)}) as terminal:
        terminal.wait_for(lambda terminal: terminal.alternate)
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_for_exit(WATCHDOG + NOISE) == 128 + signal.SIGTERM
        assert terminal.leftovers() == []


def test_the_window_is_closed(start: Start, tmp_path: Path) -> None:
    terminal = running(start)
    terminal.hang_up()
    assert ends_within(lambda: terminal.exit_status, WATCHDOG) == 128 + signal.SIGHUP
    check_kept(tmp_path)


def test_the_terminal_is_gone_although_hang_ups_are_ignored(start: Start, tmp_path: Path) -> None:
    terminal = running(start, wrap=("/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh"))
    terminal.hang_up()
    assert ends_within(lambda: terminal.exit_status, WATCHDOG) == 128 + signal.SIGHUP
    check_kept(tmp_path)


# Stopping


def test_it_refuses_to_be_stopped_from_the_terminal(start: Start) -> None:
    terminal = start()
    for _ in range(20):
        terminal.signal(signal.SIGTSTP)
        terminal.signal(signal.SIGCONT)
        terminal.press(".")
    walks.wait_for_status(terminal, epoch=20)
    answers(terminal)


def test_a_stopped_process_goes_on_with_a_fresh_picture(start: Start) -> None:
    terminal = start()
    before = walks.settled(terminal)
    terminal.signal(signal.SIGSTOP)
    with open(os.ttyname(terminal._slave), "wb", buffering=0) as shell:
        shell.write(b"\x1b[?1049l\x1b[2J\x1b[?25h$ fg\r\n")
    modes = termios.tcgetattr(terminal._slave)
    modes[3] |= termios.ICANON | termios.ECHO
    termios.tcsetattr(terminal._slave, termios.TCSANOW, modes)
    terminal.wait_for(lambda terminal: not terminal.alternate)
    terminal.signal(signal.SIGCONT)
    terminal.wait_for(lambda terminal: terminal.text() == before and terminal.alternate)
    answers(terminal)


# Input


@pytest.mark.parametrize(
    ("opens", "closes"),
    [("?", " "), ("o", "\r"), ("a", "\r"), ("D", "D"), ("L", "L"), ("e", "e"), (":", "\r")],
)
def test_a_key_that_closes_a_question_pressed_twice_closes_no_more(
    start: Start, opens: str, closes: str
) -> None:
    terminal = start()
    for times in (2, 3, 7):
        before = terminal.text()
        terminal.send(opens)
        terminal.wait_for(lambda terminal, before=before: terminal.text() != before)
        terminal.wait_until_quiet(0.3)
        question = terminal.text()
        terminal.send(closes * times)

        def back(terminal: Terminal, question: str = question) -> bool:
            terminal.press("escape")
            # a late key may open the question again
            terminal.wait_until_quiet(0.3)
            closed = walks.status(terminal) is not None and terminal.text() != question
            return terminal.exit_status is not None or closed

        terminal.wait_for(back)
        assert terminal.exit_status is None, terminal.scrollback()
    answers(terminal)


def test_keys_pressed_quickly_are_all_taken(start: Start) -> None:
    terminal = start()
    terminal.send("." * 20)
    walks.wait_for_status(terminal, epoch=20)
    leaves(terminal)


def test_a_paste_presses_no_keys(start: Start) -> None:
    terminal = start()
    terminal.send("\x1b[200~q....\x1b[201~.")
    walks.wait_for_status(terminal, epoch=1)
    leaves(terminal)


# Faults of the program

FAILS = """
import sys
from tui_gd.training.trainer import Trainer

advance = Trainer.advance

def failing(self, epochs):
    if self.epoch >= 5:
        raise ZeroDivisionError("epoch five")
    return advance(self, epochs)

Trainer.advance = failing
from tui_gd.__main__ import main
sys.exit(main())
"""
DEAF = """
import sys
from tui_gd.ui.textual_fixes.driver import Intake

take = Intake.take

def failing(self, text):
    if "x" in text:
        raise RuntimeError("no more input")
    return take(self, text)

Intake.take = failing
from tui_gd.__main__ import main
sys.exit(main())
"""


def test_a_fault_in_the_training_is_shown_and_the_run_is_kept(start: Start, tmp_path: Path) -> None:
    terminal = start("--seed", "3", code=FAILS)
    for epoch in range(1, 6):
        terminal.press(".")
        walks.wait_for_status(terminal, epoch=epoch)
    terminal.press(".")
    terminal.wait_for("ZeroDivisionError: epoch five")
    terminal.wait_for("FAILED")
    terminal.wait_for("report")
    terminal.press("q")
    assert terminal.wait_for_exit() == 1
    assert terminal.leftovers() == []
    said = terminal.scrollback()
    assert "ZeroDivisionError: epoch five" in said
    assert "please report it" in said
    assert "gd-tui resume" in said
    check_kept(tmp_path)


def test_input_that_dies_ends_it_with_status_1(start: Start, tmp_path: Path) -> None:
    terminal = start("--seed", "3", code=DEAF)
    terminal.press(".")
    walks.wait_for_status(terminal, epoch=1)
    terminal.press("x")
    assert terminal.wait_for_exit() == 1
    assert terminal.leftovers() == []
    assert "no more input" in terminal.scrollback()
    assert "please report it" in terminal.scrollback()
    check_kept(tmp_path)


# Streams


@pytest.mark.parametrize("redirection", ["</dev/null", "<&-"])
def test_without_a_terminal_to_type_on_it_says_so_in_a_line(
    tmp_path: Path, redirection: str
) -> None:
    script = f'"$@" {redirection}; echo "status $?"'
    with Terminal(["/bin/sh", "-c", script, "sh", *PROGRAM], cwd=tmp_path) as terminal:
        terminal.wait_for_exit()
        said = terminal.scrollback()
        assert "status 2" in said
        assert "is not a terminal" in said
        assert b"\x1b" not in terminal.raw


@pytest.mark.parametrize("redirection", ["2>errors", "2>&-"])
def test_with_errors_in_a_log_it_draws_on_the_terminal(tmp_path: Path, redirection: str) -> None:
    script = f'exec "$@" {redirection}'
    with Terminal(["/bin/sh", "-c", script, "sh", *PROGRAM], cwd=tmp_path) as terminal:
        walks.wait_for_status(terminal, epoch=0)
        terminal.press(".")
        walks.wait_for_status(terminal, epoch=1)
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
        assert terminal.leftovers() == []
        if "errors" in redirection:
            assert (tmp_path / "errors").read_text() == ""


# Quitting


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_quitting_while_it_trains_gives_the_terminal_back_at_once(
    start: Start, tmp_path: Path, key: str
) -> None:
    terminal = running(start)
    begun = terminal.press(key)
    left = terminal.wait_for(lambda terminal: not terminal.alternate)
    assert left - begun < 0.5 + NOISE
    assert terminal.wait_for_exit() == 0
    assert terminal.leftovers() == []
    check_kept(tmp_path)


def test_quitting_a_terminal_that_then_freezes_ends(start: Start, tmp_path: Path) -> None:
    terminal = running(start)
    terminal.send("q")
    terminal.hold()
    assert ends_within(lambda: terminal.exit_status, 2 * WATCHDOG) == 0
    check_kept(tmp_path)
