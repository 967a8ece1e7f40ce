"""gd-tui in a real xterm on an X server of its own: keys, mouse, clipboard, window and colours."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from PIL import ImageGrab

from tests.status import STATUS
from tests.terminal.fixtures import PROGRAM, missing
from tests.terminal.session import PATIENCE, environment
from tui_gd.plots.palette import palette_for, rgb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tui_gd.plots.palette import Palette

PACKAGES = {"Xvfb": "xvfb", "xterm": "xterm", "xdotool": "xdotool", "xclip": "xclip"}
COLUMNS, ROWS = 120, 40
# The file is whole when it is there: F12 prints the screen, and `mv` names what was printed.
PRINTER = "cat >printing && mv printing printed"
RESOURCES = {
    "internalBorder": "0",
    "printerCommand": PRINTER,
    "printAttributes": "0",
    "printerAutoClose": "true",
    "disallowedWindowOps": "",  # OSC 52 is refused without
    "VT100.translations": "#override <Key>F12: print()",
}


class Window:
    """An xterm with gd-tui, then a shell that says how it has ended; rows count from 0."""

    def __init__(
        self, env: Mapping[str, str], home: Path, process: subprocess.Popen[bytes]
    ) -> None:
        self._env, self._home = env, home
        self.process = process
        deadline = time.monotonic() + PATIENCE
        search = ["xdotool", "search", "--onlyvisible", "--class", "xterm"]
        # `search --sync` waits for a window without an end.
        while not (found := self._ask(*search, expect=None)):
            assert process.poll() is None, process.returncode
            assert time.monotonic() < deadline, "xterm opens no window"
            time.sleep(0.1)
        self._window = found.split()[0]
        self._ask("xdotool", "windowfocus", "--sync", self._window)

    def _ask(self, *command: str, expect: int | None = 0) -> str:
        """What a program that uses the display says."""
        done = subprocess.run(
            command,
            check=False,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert expect is None or done.returncode == expect, (command, done)
        return done.stdout

    def press(self, *keys: str) -> None:
        """Press keys by their names in X."""
        self._ask("xdotool", "key", *keys)

    def rows(self) -> list[str]:
        """What xterm shows, as it prints it."""
        printed = self._home / "printed"
        printed.unlink(missing_ok=True)
        self.press("F12")
        deadline = time.monotonic() + PATIENCE
        while not printed.exists():
            assert time.monotonic() < deadline, "xterm prints nothing"
            time.sleep(0.02)
        return [row.rstrip() for row in printed.read_text().strip("\f\r\n").split("\n")]

    def wait_for(self, wanted: str | Callable[[list[str]], object]) -> list[str]:
        """Wait until the rows match a regular expression or a predicate; return them."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            rows = self.rows()
            text = "\n".join(rows)
            if re.search(wanted, text) if isinstance(wanted, str) else wanted(rows):
                return rows
            time.sleep(0.1)
        raise AssertionError("\n".join([f"not seen: {wanted}", *rows]))

    def answer_to(self, key: str, wanted: str) -> re.Match[str]:
        """Press a key until its answer has been read, which is shown for two seconds only."""
        deadline = time.monotonic() + PATIENCE
        rows: list[str] = []
        while time.monotonic() < deadline:
            self.press(key)
            for _ in range(10):
                rows = self.rows()
                if found := re.search(wanted, "\n".join(rows)):
                    return found
        raise AssertionError("\n".join([f"no answer to {key}: {wanted}", *rows]))

    def wait_for_epoch(self, epoch: int) -> list[str]:
        """Wait until a run at rest shows this epoch."""

        def shows(rows: list[str]) -> bool:
            found = STATUS.search("\n".join(rows[:2]))
            return bool(found) and (found["state"], int(found["epoch"])) == ("PAUSED", epoch)

        return self.wait_for(shows)

    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        told = self._ask("xdotool", "getwindowgeometry", "--shell", self._window)
        found = dict(line.split("=") for line in told.split())
        return int(found["WIDTH"]), int(found["HEIGHT"])

    def click(self, row: int, column: int) -> None:
        """Click on the middle of a cell of the window in its first size."""
        width, height = self.size()
        x, y = (column + 0.5) * width / COLUMNS, (row + 0.5) * height / ROWS
        place = ["mousemove", "--window", self._window, str(int(x)), str(int(y))]
        self._ask("xdotool", *place, "click", "1")

    def resize(self, columns: int, rows: int) -> None:
        """Give the window a size in cells."""
        self._ask("xdotool", "windowsize", "--usehints", self._window, str(columns), str(rows))

    def clipboard(self) -> str:
        """What another program would paste; empty without a clipboard."""
        return self._ask("xclip", "-out", "-selection", "clipboard", expect=None)

    def wait_for_colours(self, wanted: set[tuple[int, int, int]]) -> None:
        """Wait until each of these colours is on the display, in more than a letter's pixels."""
        deadline = time.monotonic() + PATIENCE
        while True:
            picture = ImageGrab.grab(xdisplay=self._env["DISPLAY"]).convert("RGB")
            found = picture.getcolors(picture.width * picture.height) or []
            counts = {colour: count for count, colour in found}
            lacking = {colour for colour in wanted if counts.get(colour, 0) < 50}
            if not lacking:
                return
            assert time.monotonic() < deadline, (lacking, sorted(found)[-20:])
            time.sleep(0.1)


@pytest.fixture
def display() -> Iterator[str]:
    """A display with the number of this process.

    A number that a server finds free may be one that another is just leaving, and the end of that
    one would take the socket away.
    """
    for program, package in PACKAGES.items():
        if shutil.which(program) is None:
            missing(
                FileNotFoundError(f"{program} is missing: install the Debian package {package}")
            )
    name = f":{100 + os.getpid() % 50_000}"
    told, tell = os.pipe()
    server = subprocess.Popen(
        [
            "Xvfb",
            name,
            "-displayfd",
            str(tell),
            "-screen",
            "0",
            "1024x640x24",
            "-nolisten",
            "tcp",
            "-noreset",
        ],
        pass_fds=[tell],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(tell)
    try:
        with os.fdopen(told) as answer:
            ready = answer.readline()  # ends with the server, if that cannot start
        assert ready, f"Xvfb {name} ended with {server.wait(PATIENCE)}"
        yield name
    finally:
        server.terminate()
        server.wait(PATIENCE)


@contextlib.contextmanager
def xterm(display: str, home: Path, *options: str, **changes: str) -> Iterator[Window]:
    """gd-tui in an xterm of 120 by 40 with further options; `changes` are variables."""
    env = environment(str(home), DISPLAY=display, GD_TUI_DATA=str(home / "runs"), **changes)
    script = f"{shlex.join([*PROGRAM, '--seed', '3'])}; echo status=$?; read -r line"
    resources = [
        part for name, value in RESOURCES.items() for part in ("-xrm", f"*{name}: {value}")
    ]
    font = ["-fa", "DejaVu Sans Mono", "-fs", "9"]
    size = ["-geometry", f"{COLUMNS}x{ROWS}"]
    line = ["xterm", *font, *resources, *size, *options, "-e", "/bin/sh", "-c"]
    with subprocess.Popen([*line, script], env=env, cwd=home, stdin=subprocess.DEVNULL) as process:
        try:
            yield Window(env, home, process)
        finally:
            process.terminate()


def painted(palette: Palette) -> set[tuple[int, int, int]]:
    """The colours of the ground, the focus, both classes, and the regions where each is certain."""
    roles = [palette.background, palette.focus, *palette.classes[:2], *palette.regions[:2, -1]]
    return {rgb(int(colour)) for colour in roles}


def test_it_is_used_in_xterm_with_keys_mouse_and_clipboard(display: str, tmp_path: Path) -> None:
    with xterm(display, tmp_path) as window:
        assert len(window.wait_for_epoch(0)) == ROWS
        window.press("period", "period", "comma", "period")
        rows = window.wait_for_epoch(2)
        window.wait_for_colours(painted(palette_for("256", dark=False)))  # xterm is white
        row = next(row for row in range(ROWS) if " 4 Step" in rows[row])
        window.click(row + 2, rows[row].index(" 4 Step"))
        said = window.answer_to("w", r"copied (\d+) lines of step; W writes (\S+)")
        copied = window.clipboard()
        assert len(copied.splitlines()) == int(said[1])
        assert "PAUSED  epoch 2/100  loss 170.457" in copied
        window.press("W")
        window.wait_for(lambda _: (tmp_path / said[2]).exists())
        window.wait_for(lambda _: (tmp_path / said[2]).read_text() == copied)
        window.resize(90, 30)
        # drawn anew: the lower frames end at the new edge, and the last line has room for its keys
        edge = re.compile("╮\n(?:.{89}│\n)+.{89}╯\n.*\n.* q(?: quit)?$")
        window.wait_for(
            lambda rows: (
                len(rows) == 30
                and edge.search("\n".join(rows))
                and STATUS.search("\n".join(rows[:2]))
            )
        )
        window.press("q")
        rows = window.wait_for("status=")
        assert "status=0" in rows
        assert "epoch 2, loss 170.457" in rows[0]
        assert not any("space run" in row or "╭" in row for row in rows)
        window.press("Return")
        assert window.process.wait(PATIENCE) == 0


def test_xterm_takes_what_is_sent_to_its_clipboard_over_ssh(display: str, tmp_path: Path) -> None:
    black = ["-bg", "black", "-fg", "white"]
    line = "192.0.2.1 50000 192.0.2.2 22"
    with xterm(display, tmp_path, *black, SSH_CONNECTION=line) as window:
        window.wait_for_epoch(0)
        window.press("period")
        window.wait_for_epoch(1)
        window.wait_for_colours(painted(palette_for("256", dark=True)))
        window.answer_to(
            "w", "sent .* lines of loss to the terminal, which may ignore it; W writes "
        )
        copied = window.clipboard()
        assert copied.startswith("gd-tui  blobs  loss  seed 3\nPAUSED  epoch 1/100 ")
        window.press("q")
        window.wait_for("status=0")
