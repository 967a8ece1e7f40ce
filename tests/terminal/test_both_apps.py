"""What gd-tui survives and a bare Textual app does not: why the hardening is there.

Each row is one provocation. gd-tui must survive it; the bare app (`bare.py`) must fail in the way
that the row names. When Textual mends a fault, its row fails, and the hardening can go.
Four rows hold on a bare app too, with Textual 8.2, and say so with `HOLDS`: mouse reports after and
before the window, a number without end, and a long paste that does end.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.terminal import provocations as done
from tests.terminal import walks
from tests.terminal.fixtures import PROGRAM
from tests.terminal.session import Terminal

LONG = ("--seed", "3", "-e", "1000000000")
HOLDS = ""
LATIN_1 = {
    "LANG": "C",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "latin-1",
}
# Python code put before an app in which something is to break
GD_TUI = "from tui_gd.__main__ import main\nfrom tui_gd.training.trainer import Trainer as Trains\n"
BARE = "from tests.terminal.bare import BareApp as Trains, main\n"
END = "\nimport sys\nsys.exit(main())"


class Row(NamedTuple):
    """A provocation, how the app is started for it, and how a bare one fails."""

    provoke: done.Provocation
    bare: str
    env: dict[str, str | None] = {}  # noqa: RUF012
    shell: str = 'exec "$@"'
    breaks: str = ""
    starts: bool = True
    """Whether the app must be on the screen before it is provoked."""


def typed(data: bytes, bare: str) -> Row:
    return Row(done.typed(data), bare)


ENDED = "ended with status 0"
SLOW = "no answer|MB more memory|still runs|ended with|left behind"
LEFT = "left behind: .*alternate screen"
RUNS = "still runs"
DRAWS = "it draws"

ROWS = {
    # signals, and the terminal gone
    "SIGTERM": Row(done.signalled(signal.SIGTERM), LEFT),
    "SIGHUP": Row(done.signalled(signal.SIGHUP), LEFT),
    "SIGTERM, frozen": Row(done.signalled_while_frozen, LEFT),
    "window closed": Row(done.hung_up, "exit status -1"),
    "window closed, nohup": Row(done.hung_up, RUNS, shell='trap "" HUP; exec "$@"'),
    "SIGCONT alone": Row(done.continued, "threads more|" + RUNS),
    "SIGTSTP, SIGCONT": Row(done.stopped_and_continued, SLOW),
    # quitting
    "q while training": Row(done.quitting("q"), RUNS),
    "ctrl+c": Row(done.quitting("ctrl+c"), RUNS),
    # input
    "no UTF-8": typed(b"\xff", ENDED),
    "latin-1": typed("é".encode("latin-1"), ENDED),
    "half a character": typed(b"\xc3", ENDED),
    "window of 0 pixels": typed(b"\x1b[48;24;80;0;0t\x1b[<35;5;5M\x1b[<0;5;5M", ENDED),
    "window of 0 cells": typed(b"\x1b[48;0;0;0;0t\x1b[<35;5;5M", ENDED),
    "window without end": typed(b"\x1b[?2048;1$y\x1b[48;99999;99999;1;1t", SLOW),
    "mouse outside": typed(b"\x1b[<0;9999;9999M\x1b[<0;9999;9999m\x1b[<64;99999;1M", HOLDS),
    "mouse before": typed(b"\x1b[<35;0;0M\x1b[<0;-5;-5M", HOLDS),
    "key beyond Unicode": typed(b"\x1b[99999999999999u", ENDED),
    "modifiers": typed(b"\x1b[1114112;5u\x1b[97;99999999999999999999u", ENDED),
    "endless number": typed(b"\x1b[" + b"1" * 500 + b"u", HOLDS),
    "paste without end": typed(b"\x1b[200~abc", SLOW),
    "long paste without end": typed(b"\x1b[200~" + b"x" * 300_000, SLOW),
    "long paste": typed(b"\x1b[200~" + b"x" * 1_000_000 + b"\x1b[201~", HOLDS),
    "paste without brackets": typed(b"x" * 1_000_000, SLOW),
    "many steps": typed(b"." * 100_000, SLOW),
    "many arrows": typed(b"\x1b[B" * 100_000, SLOW),
    "much mouse": typed(b"\x1b[<35;10;10M" * 50_000, SLOW),
    # faults of the program
    "input dies": Row(done.input_dies, "exit status 0, not 1", breaks=done.BREAKS_INPUT),
    "training dies": Row(done.training_dies, "it ended", breaks=done.BREAKS_TRAINING),
    # streams
    "stdin is /dev/null": Row(done.refused, DRAWS, shell='exec "$@" </dev/null', starts=False),
    "stdin is a pipe": Row(done.refused, DRAWS, shell='echo | "$@"', starts=False),
    "stdin is closed": Row(done.refused, "exit status|draws", shell='exec "$@" <&-', starts=False),
    # what the environment says
    "NO_COLOR": Row(done.draws_without_colour, "it ended", {"NO_COLOR": "1"}, starts=False),
    "TERM=dumb": Row(done.goes_on_without, DRAWS, {"TERM": "dumb"}, starts=False),
    "TERM unset": Row(done.goes_on_without, DRAWS, {"TERM": None}, starts=False),
    "TERM=linux": Row(done.draws_red, "red is", {"TERM": "linux"}, starts=False),
    "TERM=xterm": Row(done.draws_red, "red is", {"TERM": "xterm"}),
    "256 colours": Row(done.draws_red, "red is", {"TERM": "xterm-256color"}),
    "latin-1 output": Row(done.draws_plainly, r"literal \\u", LATIN_1, starts=False),
    # the line
    "resized quickly": Row(done.resized_quickly, "frames"),
    "frozen": Row(done.frozen, "old frames|not seen"),
    "left alone": Row(done.left_alone, "never quiet"),
}
FAILING = {name: row for name, row in ROWS.items() if row.bare != HOLDS}
HOLDING = [name for name, row in ROWS.items() if row.bare == HOLDS]


def provoked(row: Row, code: str, command: list[str], arguments: list[str], data: Path) -> None:
    """Start an app, provoke it, and end it."""
    if row.breaks:
        command = [sys.executable, "-c", f"{code}{row.breaks}{END}"]
    line = ["/bin/sh", "-c", row.shell, "sh", *command, *arguments]
    env = {"GD_TUI_DATA": str(data), **row.env}
    with Terminal(line, env=env) as terminal:
        if row.starts:
            walks.wait_for_status(terminal, epoch=0)
        row.provoke(terminal)


def provoke_bare(row: Row, data: Path) -> None:
    provoked(row, BARE, [sys.executable, "-m", "tests.terminal.bare"], [], data)


@pytest.mark.parametrize("name", ROWS)
def test_gd_tui_survives(name: str, tmp_path: Path) -> None:
    provoked(ROWS[name], GD_TUI, [*PROGRAM], [*LONG], tmp_path)


@pytest.mark.parametrize("name", FAILING)
def test_a_bare_app_does_not(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(done, "NOISE", 2.0)  # seconds: the answer never comes
    # a busy machine may not get as far as the fault before the wait for an answer ends
    with pytest.raises(AssertionError, match=f"(?s){ROWS[name].bare}|^no answer"):
        provoke_bare(ROWS[name], tmp_path)


@pytest.mark.parametrize("name", HOLDING)
def test_a_bare_app_survives_that_too(name: str, tmp_path: Path) -> None:
    provoke_bare(ROWS[name], tmp_path)
