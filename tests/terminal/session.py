"""A program in a pseudo-terminal, as a terminal window runs it, to be driven by a test."""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.terminal.closing import Closing
from tests.terminal.keys import sequence
from tests.terminal.screen import Cell, Screen, find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
"""The checkout: what `python -m tui_gd` runs in a terminal of these tests."""

# Seconds that a busy machine with two cores may need; a passing test never waits that long.
PATIENCE = 60.0
_KEPT_BYTES = 4 << 20
# a program that computes takes more of a core than this, even on a busy machine
_IDLE_SHARE = 0.1


def environment(home: str, **changes: str | None) -> dict[str, str]:
    """What a new user's terminal has set, and nothing of the environment of the tests.

    `changes` are added; None takes a variable away.
    """
    variables: dict[str, str | None] = {
        "HOME": home,
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "SHELL": "/bin/sh",
        "TERM": "xterm-256color",
        **changes,
    }
    return {name: value for name, value in variables.items() if value is not None}


class Terminal(Closing):
    """`command` in a terminal of `columns` by `rows`, with an empty HOME unless `home` is given.

    A thread reads all the time, keeps the screen and answers the program's queries, as a terminal
    does; `answers=False` makes it one that never answers, and `ground` is what it answers for the
    colour of its ground. `env` changes variables (None removes).
    Used as a context manager, the program is ended on leaving if it still runs.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str | None] | None = None,
        home: str | Path | None = None,
        cwd: str | Path | None = None,
        answers: bool = True,
        ground: bytes = b"",
    ) -> None:
        self._own_home: tempfile.TemporaryDirectory[str] | None = None
        if home is None:
            self._own_home = tempfile.TemporaryDirectory(prefix="home-")
            home = self._own_home.name
        self.home = Path(home)
        self.bytes_received = 0
        self.first_paint: float | None = None
        """`time.monotonic()` when the first bytes drawn on the alternate screen arrived."""
        self._raw = bytearray()
        self._answers = answers
        self._changed = threading.Condition()
        self._watchers: list[_Watcher] = []
        self._reading = threading.Event()
        self._reading.set()
        self._closing = False
        self._drained = threading.Event()
        self._last_arrival = time.monotonic()

        self._master, self._slave = os.openpty()
        os.set_blocking(self._master, False)
        self._screen = Screen(columns, rows, self._answer, ground)
        self._set_window_size(columns, rows)
        self._initial_settings = termios.tcgetattr(self._slave)
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            [*_in_new_session(), *command],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=environment(str(self.home), **(env or {})),
            cwd=cwd or self.home,
        )
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    # What the program is given.

    def send(self, text: str | bytes, timeout: float = PATIENCE) -> float:
        """Type `text`; returns `time.monotonic()` just before the first byte was written.

        Raises:
            TimeoutError: the program did not take the bytes in time.
        """
        data = text.encode() if isinstance(text, str) else text
        began = time.monotonic()
        self._write(data, timeout)
        return began

    def press(self, *keys: str) -> float:
        """Press keys by name (`enter`, `f1`, `ctrl+c`, `.`), one after the other, as `send`."""
        return self.send("".join(sequence(key) for key in keys))

    def resize(self, columns: int, rows: int) -> None:
        """Drag the window to another size."""
        with self._changed:
            self._screen.resize(columns, rows)
        self._set_window_size(columns, rows)

    @contextlib.contextmanager
    def unread(self) -> Iterator[None]:
        """Read nothing within this block; what the program answers is read afterwards."""
        with self._changed:
            yield

    def hold(self) -> None:
        """Stop reading, as a frozen terminal or a stalled line does, until `release`."""
        self._reading.clear()

    def release(self) -> None:
        """Read again after `hold`."""
        self._reading.set()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        self._process.send_signal(number)

    # What the program shows.

    @property
    def columns(self) -> int:
        """Cells in a row."""
        return self._screen.columns

    @property
    def rows(self) -> int:
        """Rows of the screen."""
        return self._screen.rows

    @property
    def raw(self) -> bytes:
        """The bytes received so far, the last four megabytes at most."""
        with self._changed:
            return bytes(self._raw)

    @property
    def frames(self) -> int:
        """Frames received, for a program that brackets them as synchronized output."""
        return self._screen.frames

    @property
    def alternate(self) -> bool:
        """Whether the alternate screen is shown."""
        return self._screen.alternate

    @property
    def modes(self) -> frozenset[int]:
        """The DEC private modes that are on."""
        with self._changed:
            return frozenset(self._screen.modes)

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column of the cursor, from 0."""
        with self._changed:
            return self._screen.cursor

    def text(self) -> str:
        """The screen, rows joined by newlines, without trailing blanks."""
        with self._changed:
            return self._screen.text()

    def scrollback(self) -> str:
        """The normal screen with all that has scrolled off its top."""
        with self._changed:
            return self._screen.scrollback()

    def line(self, row: int) -> str:
        """One row, from 0, without trailing blanks; negative rows count from the bottom."""
        with self._changed:
            return self._screen.line(row)

    def cells(self) -> list[list[Cell]]:
        """Every cell with its colours, row by row."""
        with self._changed:
            return self._screen.cells()

    # Waiting.

    def wait_for(
        self,
        wanted: str | re.Pattern[str] | Callable[[Terminal], Any],
        timeout: float = PATIENCE,
    ) -> float:
        """Wait until a regular expression is on the screen, or a predicate of the terminal is true.

        The screen is looked at as it is now and after every read, never in the middle of a
        synchronized frame. Returns `time.monotonic()` when the bytes that did it arrived.

        Raises:
            AssertionError: not in time, or the program ended; says what was on the screen.
        """
        watcher = _Watcher(find(wanted) if isinstance(wanted, str | re.Pattern) else wanted)
        deadline = time.monotonic() + timeout
        with self._changed:
            watcher.look(self, time.monotonic())
            self._watchers.append(watcher)
            try:
                while watcher.seen is None:
                    left = deadline - time.monotonic()
                    if left <= 0 or (
                        self._drained.is_set() and not watcher.look(self, time.monotonic())
                    ):
                        break
                    self._changed.wait(min(left, 0.1))
            finally:
                self._watchers.remove(watcher)
        if watcher.seen is None:
            ended = self.exit_status
            what = f"{timeout:g} s" if ended is None else f"its end with status {ended}"
            raise AssertionError(f"not seen within {what}: {wanted!r}\n{self.describe()}")
        return watcher.seen

    def wait_for_picture(self, picture: str) -> None:
        """Wait until `text` is `picture`.

        Raises:
            AssertionError: not in time; says in which rows it differs.
        """
        try:
            self.wait_for(lambda terminal: terminal.text() == picture)
        except AssertionError as error:
            rows = difflib.unified_diff(
                picture.split("\n"), self.text().split("\n"), "wanted", "shown", n=0, lineterm=""
            )
            raise AssertionError("\n".join([*rows, str(error)])) from None

    def wait_until_quiet(self, seconds: float = 1.0, timeout: float = PATIENCE) -> None:
        """Wait until no byte has come for `seconds`, counted from this call at the earliest.

        A program that computes all the while has only not got so far on a busy machine: it is
        waited for too. Programs behind ssh or tmux are not seen.

        Raises:
            AssertionError: the program never stopped sending.
        """
        began = time.monotonic()
        deadline = began + timeout
        while True:
            computed = self._seconds_computed()
            while (left := max(self._last_arrival, began) + seconds - time.monotonic()) > 0:
                if time.monotonic() > deadline:
                    raise AssertionError(f"never quiet for {seconds:g} s\n{self.describe()}")
                time.sleep(min(left, 0.1))
            if self._seconds_computed() - computed <= _IDLE_SHARE * seconds:
                return
            began = time.monotonic()

    def _seconds_computed(self) -> float:
        """The processor time that the program has taken, if that can be seen here."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_for_exit(self, timeout: float = PATIENCE) -> int:
        """Wait for the program's end and the last of its output; return its exit status.

        Raises:
            AssertionError: it still runs; says what is on the screen.
        """
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout:g} s\n{self.describe()}") from None
        self._drained.wait(timeout)
        return status

    # Afterwards.

    @property
    def exit_status(self) -> int | None:
        """The exit status, negative for a signal, or None while the program runs."""
        return self._process.poll()

    @property
    def pid(self) -> int:
        """The process id of the program."""
        return self._process.pid

    def leftovers(self) -> list[str]:
        """What the program left changed in the terminal, in words; empty when all is restored."""
        with self._changed:
            found = self._screen.leftovers()
        settings = termios.tcgetattr(self._slave)
        names = ("input", "output", "control", "local", "input speed", "output speed", "characters")
        found += [
            f"termios {name} settings"
            for name, before, after in zip(names, self._initial_settings, settings, strict=True)
            if before != after
        ]
        return found

    def restored(self) -> bool:
        """Whether modes and termios settings are what they were before the program started."""
        return not self.leftovers()

    def describe(self) -> str:
        """The screen in a frame, for the message of a failing test."""
        rows = self.text().split("\n")
        edge = "+" + "-" * self.columns + "+"
        return "\n".join([edge, *(f"|{row:<{self.columns}}|" for row in rows), edge])

    def hang_up(self) -> None:
        """Close the window: the program gets SIGHUP and a terminal that is gone."""
        if self._closing:
            return
        self._stop_reading()
        for descriptor in (self._slave, self._master):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def close(self) -> None:
        """End the program if it still runs, then take everything down."""
        for number in (signal.SIGHUP, signal.SIGKILL):
            if self._process.poll() is None:
                # Its own group once `setsid` has run, until then only the process itself.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
                self._process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(3)
        self.hang_up()
        if self._own_home is not None:
            with contextlib.suppress(OSError):
                self._own_home.cleanup()

    # The reader.

    def _stop_reading(self) -> None:
        self._closing = True
        self._reading.set()
        if self._reader is not threading.current_thread():
            self._reader.join()

    def _read(self) -> None:
        while not self._closing:
            self._reading.wait()
            ended = self._process.poll() is not None  # before looking: its last bytes are there
            readable, _, _ = select.select([self._master], [], [], 0.05)
            now = time.monotonic()
            if readable:
                with contextlib.suppress(BlockingIOError):
                    self._receive(os.read(self._master, 1 << 16), now)
            elif ended:
                self._drained.set()

    def _receive(self, data: bytes, now: float) -> None:
        with self._changed:
            self.bytes_received += len(data)
            self._last_arrival = now
            self._raw += data
            if len(self._raw) > _KEPT_BYTES:
                del self._raw[: len(self._raw) - _KEPT_BYTES]
            self._screen.feed(data)
            if self.first_paint is None and self._screen.painted_alternate:
                self.first_paint = now
            for watcher in self._watchers:
                watcher.look(self, now)
            self._changed.notify_all()

    def _answer(self, data: bytes) -> None:
        if self._answers:
            with contextlib.suppress(TimeoutError):
                self._write(data, 1.0)

    def _write(self, data: bytes, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while data:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"the program does not read: {len(data)} bytes are waiting")
            if select.select([], [self._master], [], left)[1]:
                with contextlib.suppress(BlockingIOError):
                    data = data[os.write(self._master, data) :]

    def _set_window_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class _Watcher:
    """A predicate, and when it was first true."""

    def __init__(self, predicate: Callable[[Terminal], Any]) -> None:
        self._predicate = predicate
        self.seen: float | None = None

    def look(self, terminal: Terminal, now: float) -> bool:
        if self.seen is None and not terminal._screen.synchronizing and self._predicate(terminal):
            self.seen = now
        return self.seen is not None


def _in_new_session() -> list[str]:
    """A prefix that makes stdin the controlling terminal of a new session, then runs the rest.

    `preexec_fn` would do it in the forked child, which Python warns about once threads run.
    """
    if setsid := shutil.which("setsid"):
        return [setsid, "--ctty"]
    program = (
        "import fcntl, os, sys, termios; os.setsid(); "
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-I", "-S", "-c", program]
