"""What happens to a program in a terminal, done to any app that steps, trains and quits by keys.

Each provocation takes a terminal with an app in it and raises AssertionError, in words that tell
what went wrong, when the app does not live up to what gd-tui promises.
"""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.status import Status
from tests.terminal import walks

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.terminal.session import Terminal

    Provocation = Callable[[Terminal], None]

# from a signal to the end of the process
WATCHDOG = 2.5
# seconds more that a busy machine may need
NOISE = 60.0
ANSWER = 2.0
TAKEN = 15.0
MOST_GROWN = 100 << 20


# What an app is asked afterwards


def ends(terminal: Terminal, status: int, seconds: float) -> None:
    """The process ends in time, with this status, and leaves the terminal as it was."""
    deadline = time.monotonic() + seconds + NOISE
    while terminal.exit_status is None:
        assert time.monotonic() < deadline, f"it still runs\n{terminal.describe()}"
        time.sleep(0.02)
    ended = terminal.wait_for_exit()
    left = terminal.leftovers()
    assert not left, f"left behind: {', '.join(left)}; exit status {ended}"
    assert ended == status, f"exit status {ended}, not {status}\n{terminal.scrollback()}"


def answers(terminal: Terminal) -> None:
    """A key is answered within two seconds, and q then leaves the terminal as it was."""
    begun = time.monotonic()
    before = walks.status(terminal)
    while not _stepped(terminal, before):
        ended = terminal.exit_status
        assert ended is None, f"ended with status {ended}\n{terminal.scrollback()}"
        assert time.monotonic() - begun < ANSWER + NOISE, f"no answer\n{terminal.describe()}"
        with suppress(TimeoutError):
            terminal.send(".", timeout=0.5)
        with suppress(AssertionError):
            terminal.wait_for(lambda terminal: _stepped(terminal, before), timeout=0.5)
    quits(terminal)


def quits(terminal: Terminal, status: int = 0) -> None:
    """`q` ends it."""
    terminal.press("q")
    ends(terminal, status, ANSWER)


def _stepped(terminal: Terminal, before: Status | None) -> bool:
    now = walks.status(terminal)
    return now is not None and (before is None or now.epoch != before.epoch)


def resident(pid: int) -> int:
    """Bytes of memory that a process has in use."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def seconds_of_work(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def train(terminal: Terminal) -> None:
    """Train flat out until a few epochs have been seen."""
    terminal.press("f", "space")
    terminal.wait_for(lambda terminal: (walks.status(terminal) or (0, 0))[1] > 20)


# Provocations: signals, and the terminal gone


def signalled(number: signal.Signals) -> Provocation:
    """A signal in the middle of training."""

    def provoke(terminal: Terminal) -> None:
        train(terminal)
        terminal.signal(number)
        ends(terminal, 128 + number, WATCHDOG)

    return provoke


def signalled_while_frozen(terminal: Terminal) -> None:
    """A signal while the terminal takes nothing."""
    train(terminal)
    terminal.hold()
    for width in range(60, 90):  # as much to draw as the terminal can hold and more
        terminal.resize(width, 24)
        time.sleep(0.05)
    terminal.signal(signal.SIGTERM)
    deadline = time.monotonic() + WATCHDOG + NOISE
    while terminal.exit_status is None:
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.02)
    terminal.release()
    ends(terminal, 128 + signal.SIGTERM, 0.0)


def hung_up(terminal: Terminal) -> None:
    """The window is closed."""
    train(terminal)
    terminal.hang_up()
    deadline = time.monotonic() + WATCHDOG + NOISE
    while (ended := terminal.exit_status) is None:
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.02)
    assert ended == 128 + signal.SIGHUP, f"exit status {ended}"


def continued(terminal: Terminal) -> None:
    """SIGCONT without a stop before it, as a shell or a debugger sends it."""
    time.sleep(1.0)
    before = len(os.listdir(f"/proc/{terminal.pid}/task"))
    for _ in range(5):
        terminal.signal(signal.SIGCONT)
        time.sleep(0.2)
    threads = len(os.listdir(f"/proc/{terminal.pid}/task"))
    assert threads <= before, f"{threads - before} threads more"
    answers(terminal)


def stopped_and_continued(terminal: Terminal) -> None:
    """Twenty times SIGTSTP and SIGCONT."""
    for _ in range(20):
        terminal.signal(signal.SIGTSTP)
        time.sleep(0.02)
        terminal.signal(signal.SIGCONT)
    answers(terminal)


# Provocations: input


def quitting(key: str) -> Provocation:
    """A key that quits, while the thread trains."""

    def provoke(terminal: Terminal) -> None:
        train(terminal)
        terminal.press(key)
        ends(terminal, 0, 0.5)

    return provoke


def typed(data: bytes) -> Provocation:
    """Bytes that no keyboard sends, or too many of those that one does."""

    def provoke(terminal: Terminal) -> None:
        before = resident(terminal.pid)
        try:
            terminal.send(data, timeout=TAKEN)
        except TimeoutError as error:
            raise AssertionError("no answer: it does not read") from error
        grown = 0
        with suppress(FileNotFoundError, IndexError):  # it has ended
            grown = resident(terminal.pid) - before
        answers(terminal)
        assert grown < MOST_GROWN, f"{grown >> 20} MB more memory"

    return provoke


def input_dies(terminal: Terminal) -> None:
    """The driver's parser raises at an x: see `BREAKS_INPUT`."""
    terminal.press(".")
    walks.wait_for_status(terminal, epoch=1)
    terminal.press("x")
    ends(terminal, 1, WATCHDOG)


def training_dies(terminal: Terminal) -> None:
    """The sixth epoch raises: see `BREAKS_TRAINING`."""
    for epoch in range(1, 6):
        terminal.press(".")
        walks.wait_for_status(terminal, epoch=epoch)
    terminal.press(".")
    terminal.wait_for(
        lambda terminal: terminal.exit_status is not None or "epoch five" in terminal.text()
    )
    assert terminal.alternate, f"it ended\n{terminal.scrollback()}"
    quits(terminal, status=1)


BREAKS_INPUT = """
from textual._xterm_parser import XTermParser
feed = XTermParser.feed
def failing(self, data):
    if "x" in data:
        raise RuntimeError("no more input")
    return feed(self, data)
XTermParser.feed = failing
"""
BREAKS_TRAINING = """
def failing(self, *epochs):
    if self.epoch >= 5:
        raise ZeroDivisionError("epoch five")
    return advance(self, *epochs)
advance, Trains.advance = Trains.advance, failing
"""

# Provocations: streams and what the environment says of the terminal


ERRORS = "errors"


def refused(terminal: Terminal) -> None:
    """A stream that is no terminal: one line, and the end."""
    deadline = time.monotonic() + 10.0 + NOISE
    while terminal.exit_status is None:
        assert not terminal.alternate, f"it draws\n{terminal.describe()}"
        assert time.monotonic() < deadline, (
            f"it still runs, and has worked {seconds_of_work(terminal.pid):.1f} s"
        )
        time.sleep(0.02)
    ended = terminal.wait_for_exit()
    assert ended == 2, f"exit status {ended}"
    errors = terminal.home / ERRORS
    said = terminal.scrollback() + (errors.read_text() if errors.exists() else "")
    assert "is not a terminal" in said, said
    assert b"\x1b" not in terminal.raw, "it has drawn"


def goes_on_without(terminal: Terminal) -> None:
    """A terminal without a cursor: one line why, then the epochs in lines."""
    terminal.wait_for(
        lambda terminal: "without an interface" in terminal.scrollback() or b"\x1b" in terminal.raw
    )
    assert b"\x1b" not in terminal.raw, f"it draws\n{terminal.describe()}"
    terminal.signal(signal.SIGINT)
    assert terminal.wait_for_exit() == 130


def draws_without_colour(terminal: Terminal) -> None:
    """NO_COLOR: all that is drawn, no colour, and a key is answered."""
    terminal.wait_for(lambda terminal: walks.status(terminal) or terminal.exit_status is not None)
    assert terminal.exit_status is None, f"it ended\n{terminal.scrollback()}"
    terminal.press(".")
    walks.wait_for_status(terminal, epoch=1)
    colours = {
        colour
        for row in terminal.cells()
        for cell in row
        for colour in (cell.foreground, cell.background)
        if colour != "default" and not _is_grey(colour)
    }
    assert not colours, f"colours: {sorted(colours)[:3]}"
    answers(terminal)


def _is_grey(colour: str) -> bool:
    if not re.fullmatch(r"[0-9a-f]{6}", colour):
        return colour in {"black", "white", "brightblack", "brightwhite"}
    red, green, blue = (int(colour[i : i + 2], 16) for i in (0, 2, 4))
    return max(red, green, blue) - min(red, green, blue) < 8


def draws_red(terminal: Terminal) -> None:
    """A terminal of 16 or 256 colours: what is red is drawn in a red of these."""
    draws_red_and_steps(terminal)
    beyond = re.search(rb"\x1b\[[\d;]*[34]8;2;", terminal.raw)
    assert beyond is None, f"true colour: {beyond and beyond[0]!r}"


def draws_red_and_steps(terminal: Terminal) -> None:
    """A step is answered; what is red is drawn in a red, and a key's cap in its own colour."""
    terminal.wait_for("epoch 0/")
    terminal.press(".")
    terminal.wait_for("epoch 1/")
    terminal.wait_for(lambda terminal: len(_backgrounds(terminal)) > 1)
    found = _backgrounds(terminal)
    assert any(map(_is_red, found)) or found & _KEY_CAPS, f"red is one of {sorted(found)}"


# the ground of a key's cap: in true colour, in 256 and in 16 colours
_KEY_CAPS = {"ffd866", "ffd75f", "brightcyan"}


def _backgrounds(terminal: Terminal) -> set[str]:
    return {cell.background for row in terminal.cells() for cell in row}


def _is_red(colour: str) -> bool:
    if not re.fullmatch(r"[0-9a-f]{6}", colour):
        return colour in {"red", "brightred"}
    red, green, blue = (int(colour[i : i + 2], 16) for i in (0, 2, 4))
    return red > 2 * max(green, blue)


def draws_plainly(terminal: Terminal) -> None:
    """An output that carries latin-1 only: no escapes of Python stand for other characters."""
    terminal.wait_for("epoch 0/")
    terminal.press(".")
    terminal.wait_for("epoch 1/")
    escaped = len(re.findall(rb"\\u[0-9a-f]{4}", terminal.raw))
    assert not escaped, f"{escaped} literal \\u…"


# Provocations: the line


def resized_quickly(terminal: Terminal) -> None:
    """200 sizes of the window, 100 a second; then it answers, having sent a picture or two."""
    begun, before = time.monotonic(), terminal.frames
    for index in range(200):
        terminal.resize(80 + index % 60, 20 + index % 30)
        time.sleep(0.01)
    most = 10 + 15 * (time.monotonic() - begun)
    assert terminal.frames - before < most, f"{terminal.frames - before} frames, not {most:.0f}"
    answers(terminal)


def frozen(terminal: Terminal) -> None:
    """The terminal takes nothing for four seconds: training goes on, and no old frame is left."""
    train(terminal)
    begun, first = time.monotonic(), _epoch(terminal)
    time.sleep(2.0)
    rate = (_epoch(terminal) - first) / (time.monotonic() - begun)
    terminal.hold()
    before = _epoch(terminal)
    time.sleep(4.0)
    frames = terminal.frames
    counted: list[int] = []

    def fresh(terminal: Terminal) -> bool:
        if _epoch(terminal) > before + 2.0 * rate:
            counted.append(terminal.frames - frames)
        return bool(counted)

    terminal.release()
    terminal.wait_for(fresh, timeout=10.0)
    assert counted[0] <= 5, f"{counted[0]} old frames"


def _epoch(terminal: Terminal) -> int:
    now = walks.status(terminal)
    return now.epoch if now else 0


def left_alone(terminal: Terminal) -> None:
    """Nothing happens: nothing is sent."""
    terminal.wait_until_quiet(1.0, timeout=5.0)
