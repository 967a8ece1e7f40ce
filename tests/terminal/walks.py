"""What a person does with gd-tui, key by key, and must see, whatever the terminal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.status import Status, status_in
from tests.terminal.fixtures import PROGRAM
from tests.terminal.session import PATIENCE, environment
from tui_gd.plots.palette import palette_for, rgb

if TYPE_CHECKING:
    from tests.terminal.fixtures import Ended, Session
    from tests.terminal.session import Terminal

# The first line of the help.
HELP = re.compile(r"epoch +one pass over the")
# A panel whose study is not done, or a step panel whose next update is not known.
UNFINISHED = re.compile(r"\w follows\b|│ loss [\d.e+]++ (?!→)")
# In the first line when there are several lanes.
LANES = re.compile(r"\blane \w+ of (\d+)")


def status(terminal: Terminal) -> Status | None:
    """The status line (second row, on the smallest screens the first), or None if there is none."""
    return status_in(terminal.line(0)) or status_in(terminal.line(1))


def wait_for_status(terminal: Terminal, **wanted: object) -> Status:
    """Wait until the status line's fields are `wanted`; return the status."""
    seen: list[Status] = []

    def shows(terminal: Terminal) -> bool:
        now = status(terminal)
        if now is None or any(getattr(now, name) != value for name, value in wanted.items()):
            return False
        seen.append(now)
        return True

    shows.__qualname__ = f"status with {wanted}"
    terminal.wait_for(shows)
    if not terminal.frames and seen[-1].state != "RUNNING":
        # frames without brackets: half of the line may still be from the one before
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            now = status(terminal)
            time.sleep(0.3)
            if now and now == status(terminal):
                return now
    return seen[-1]


def has_focus(terminal: Terminal, word: str) -> bool:
    """Whether the frame of the panel with this word in its title has the colour of the focus."""
    focus = {f"{rgb(palette_for(depth, True).focus)!r}" for depth in ("truecolor", "256")}
    for row, line in enumerate(terminal.text().split("\n")):
        found = re.search(rf"╭( \w)? ({word})\b", line, re.IGNORECASE)
        if found:
            colour = terminal.cells()[row][found.start()].foreground
            known = re.fullmatch("[0-9a-f]{6}", colour)
            channels = tuple(int(colour[at : at + 2], 16) for at in (0, 2, 4)) if known else ()
            return f"{channels!r}" in focus
    return False


def settled(terminal: Terminal, seconds: float = 1.0) -> str:
    """Wait until a run rests and all of its picture is there, studies too; return the picture.

    A program that waits for its disk is quiet too, so quiet alone is not enough.
    """

    def all_drawn(terminal: Terminal) -> bool:
        now = status(terminal)
        if "New here?" in terminal.text():  # the offer of the tour disappears by itself
            return False
        return now is not None and now.state != "RUNNING" and not UNFINISHED.search(terminal.text())

    while True:
        terminal.wait_for(all_drawn)
        before = terminal.text()
        terminal.wait_until_quiet(seconds)
        if terminal.text() == before:
            return before


def lanes_shown(terminal: Terminal) -> int:
    """The number of lanes that the first line names."""
    match = LANES.search(terminal.line(0))
    return int(match[1]) if match else 1


def step_and_change_alpha(terminal: Terminal) -> None:
    """Forward, back, ten at once, the learning rate up and down."""
    first = wait_for_status(terminal, state="PAUSED", epoch=0, epochs=100, alpha=0.01)

    terminal.press(".")
    second = wait_for_status(terminal, state="PAUSED", epoch=1)
    assert second.loss != first.loss

    terminal.press(",")
    assert wait_for_status(terminal, epoch=0).loss == first.loss

    terminal.press("right")
    assert wait_for_status(terminal, epoch=1).loss == second.loss
    terminal.press("left")
    assert wait_for_status(terminal, epoch=0).loss == first.loss

    terminal.press(">")
    wait_for_status(terminal, state="PAUSED", epoch=10)
    terminal.press("<")
    assert wait_for_status(terminal, epoch=0).loss == first.loss

    terminal.press("+")
    wait_for_status(terminal, alpha=0.03)
    terminal.press("-")
    wait_for_status(terminal, alpha=0.01)


def branch_and_read_help(terminal: Terminal) -> None:
    """A branch is one lane more; the help opens and closes and leaves the run as it was."""
    wait_for_status(terminal, state="PAUSED", epoch=0)
    terminal.press(".", ".")
    wait_for_status(terminal, epoch=2)
    before = lanes_shown(terminal)
    terminal.press("b")
    terminal.wait_for(lambda terminal: lanes_shown(terminal) > before)

    terminal.press("?")
    terminal.wait_for(HELP)
    terminal.press("escape")
    terminal.wait_for(lambda terminal: not HELP.search(terminal.text()))
    wait_for_status(terminal, state="PAUSED", epoch=2)


def shrink_and_grow_again(terminal: Terminal) -> None:
    """120×40, 80×24 and back: what was there is there again, to the last cell."""
    assert (terminal.columns, terminal.rows) == (120, 40)
    wait_for_status(terminal, state="PAUSED", epoch=0)
    before = settled(terminal)

    # A program that is resized twice too quickly sees only the last size, which is the first again.
    received = terminal.bytes_received
    terminal.resize(80, 24)
    terminal.wait_for(lambda terminal: terminal.bytes_received > received)
    terminal.wait_until_quiet(0.5)
    wait_for_status(terminal, state="PAUSED", epoch=0)

    terminal.resize(120, 40)
    terminal.wait_for_picture(before)


def run_and_quit(session: Session, *keys: str) -> Ended:
    """From the start to the last epoch by `keys`, then out: its summary stays in the terminal."""
    terminal = session.terminal
    wait_for_status(terminal, state="PAUSED", epoch=0)
    assert terminal.alternate
    terminal.press(*keys)
    wait_for_status(terminal, state="FINISHED", epoch=100, epochs=100)
    terminal.press("q")
    ended = session.end()
    assert ended.status == 0, ended.printed
    assert ended.leftovers == []
    # left out where it is not at hand within a fraction of a second
    assert "recall" in ended.printed or "gd-tui show" in ended.printed
    return ended


def first_loss_is_the_tutorials(terminal: Terminal, seed: int) -> None:
    """The loss at epoch 0 of a run with `seed` is the one the tutorial's loop would print first.

    `loss` has at least seven significant digits.
    """
    shown = wait_for_status(terminal, state="PAUSED", epoch=0)
    assert float(shown.loss) == pytest.approx(tutorials_first_loss(initial_weights(seed)), rel=6e-6)


def initial_weights(seed: int) -> np.ndarray:
    """The start that gd-tui takes for `seed`, as its own report of a run gives it."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "run.json"
        subprocess.run(
            [*PROGRAM, "run", "--seed", str(seed), "-e", "1", "--quiet", "--json", str(report)],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment(directory),
            cwd=directory,
        )
        found = json.loads(report.read_text())
    return np.asarray(found["lanes"][0]["initial_weights"], dtype=float).ravel()


def tutorials_first_loss(weights: np.ndarray) -> float:
    """The tutorial's first epoch, written out: its data, its split, its sum of squares."""
    from sklearn.datasets import make_blobs
    from sklearn.model_selection import train_test_split

    X, y = make_blobs(n_samples=1000, n_features=2, centers=2, cluster_std=1.5, random_state=1)
    X = np.c_[X, np.ones(len(X))]
    X_train, _, y_train, _ = train_test_split(X, y, test_size=0.5, random_state=42)
    p = 1.0 / (1.0 + np.exp(-(X_train @ weights)))
    return float(np.sum((p - y_train) ** 2))


def run_without_terminal(*arguments: str) -> subprocess.CompletedProcess[str]:
    """gd-tui with no terminal at all, as in a pipe or in CI."""
    with tempfile.TemporaryDirectory() as directory:
        return subprocess.run(
            [sys.executable, "-m", "tui_gd", *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment(directory),
            cwd=directory,
        )
