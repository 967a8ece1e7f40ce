"""Leaving waits neither for work that cannot be stopped nor for work that may take long."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.kills import check_whole
from tests.terminal import walks
from tests.terminal.session import Terminal
from tui_gd.runs.database import NAME

# Each of these never ends by itself: who waits for it, waits for ever.
FOR_EVER = """
import sys, threading

def for_ever(*_, **__):
    threading.Event().wait()

{patch}
from tui_gd.__main__ import main
sys.exit(main())
"""
LOADING = """
from tui_gd.session.settings import RunSettings
RunSettings.load_problem = for_ever
"""
IMPORTING = """
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "tui_gd.ui.screens.actions":
            for_ever()

sys.meta_path.insert(0, Slow())
"""
STUDYING = """
import tui_gd.insight.curvature
tui_gd.insight.curvature.curvature = for_ever
"""
REPORTING = """
import tui_gd.session.report
tui_gd.session.report.reports_of = tui_gd.session.report.report_on = for_ever
"""
REPORTING_AT_THE_END = """
import tui_gd.session.report
tui_gd.session.report.reports_of = for_ever
"""
STOPPED_WHILE_REPORTING = """
import os, signal
import tui_gd.session.report

def stopped_and_continued(*_):
    for number in (signal.SIGCONT, signal.SIGWINCH, signal.SIGTSTP):
        os.kill(os.getpid(), number)
    for_ever()

tui_gd.session.report.report_on = for_ever
tui_gd.session.report.reports_of = stopped_and_continued
"""
WAYS: dict[str, tuple[Callable[[Terminal], object], int]] = {
    "q": (lambda terminal: terminal.press("q"), 0),
    "ctrl+c": (lambda terminal: terminal.press("ctrl+c"), 0),
    "SIGTERM": (lambda terminal: terminal.signal(signal.SIGTERM), 128 + signal.SIGTERM),
    "SIGHUP": (lambda terminal: terminal.signal(signal.SIGHUP), 128 + signal.SIGHUP),
}

Start = Callable[..., Terminal]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start gd-tui in a terminal, with a part of it that takes for ever."""
    opened: list[Terminal] = []

    def begin(patch: str, *arguments: str) -> Terminal:
        command = [sys.executable, "-c", FOR_EVER.format(patch=patch), "--seed", "3", *arguments]
        opened.append(Terminal(command, columns=120, rows=40, env={"GD_TUI_DATA": str(tmp_path)}))
        return opened[-1]

    yield begin
    for terminal in opened:
        terminal.close()


def leaves(terminal: Terminal, way: str) -> str:
    """Check status and terminal after leaving in this way; return all that was printed."""
    act, status = WAYS[way]
    act(terminal)
    assert terminal.wait_for_exit() == status, terminal.scrollback()
    assert terminal.leftovers() == []
    assert "Traceback" not in terminal.scrollback()
    return terminal.scrollback()


@pytest.mark.parametrize("way", WAYS)
def test_leaving_does_not_wait_for_loading(start: Start, way: str) -> None:
    terminal = start(LOADING)
    terminal.wait_for("loading blobs")
    terminal.wait_for(lambda terminal: "quit" in terminal.line(-1))  # the run's own screen
    assert "blobs" not in leaves(terminal, way)


@pytest.mark.parametrize("way", WAYS)
def test_leaving_does_not_wait_for_an_import(start: Start, way: str) -> None:
    terminal = start(IMPORTING)
    terminal.wait_for("loading blobs")
    leaves(terminal, way)


@pytest.mark.parametrize("way", WAYS)
def test_leaving_does_not_wait_for_a_study_and_keeps_the_run(
    start: Start, tmp_path: Path, way: str
) -> None:
    terminal = start(STUDYING, "-e", "1000000000")
    walks.wait_for_status(terminal, epoch=0)
    terminal.press("f", "space")
    terminal.wait_for(lambda terminal: (walks.status(terminal) or (0, 0))[1] > 20)
    assert "gd-tui resume" in leaves(terminal, way)
    assert check_whole(tmp_path / NAME, more=10) > 20


def test_a_slow_report_is_left_out_with_a_hint_how_to_get_it(start: Start) -> None:
    terminal = start(REPORTING)
    walks.wait_for_status(terminal, epoch=0)
    terminal.press(".")
    walks.wait_for_status(terminal, epoch=1)
    said = leaves(terminal, "q").split("\n")
    (kept,) = (line.split()[3] for line in said if "kept as" in line)
    assert f"gd-tui: the report takes longer: gd-tui show {kept}" in said
    assert any(line.startswith("gd-tui: blobs, sse, seed 3: epoch 1, loss ") for line in said)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_the_key_that_quits_pressed_many_times_quits_as_if_pressed_once(
    start: Start, key: str
) -> None:
    terminal = start(REPORTING)
    walks.wait_for_status(terminal, epoch=0)
    terminal.press(".")
    walks.wait_for_status(terminal, epoch=1)
    terminal.press(*[key] * 7)
    said = leaves(terminal, "q")
    assert "gd-tui: the report takes longer" in said


@pytest.mark.parametrize(
    ("key", "seen"), [("a", "Learning rate"), ("g", "Go to epoch"), ("l", "cross-entropy")]
)
def test_the_key_that_quits_works_right_after_escapes(start: Start, key: str, seen: str) -> None:
    terminal = start("")
    walks.wait_for_status(terminal, epoch=0)
    terminal.press(key)
    terminal.wait_for(seen)
    terminal.send(b"\x1b\x1b\x1b\x1bq")  # on a slow line they come together
    assert terminal.wait_for_exit() == 0


def test_a_continuation_while_the_last_words_are_printed_disturbs_nothing(start: Start) -> None:
    terminal = start(STOPPED_WHILE_REPORTING)
    walks.wait_for_status(terminal, epoch=0)
    terminal.press(".")
    walks.wait_for_status(terminal, epoch=1)
    said = leaves(terminal, "q")
    assert "gd-tui: the report takes longer" in said


def test_a_report_on_the_screen_is_printed(start: Start) -> None:
    terminal = start(REPORTING_AT_THE_END)
    walks.wait_for_status(terminal, epoch=0)
    terminal.press(".")
    terminal.wait_for(r"Report, test rows ─+ epoch 1\b")
    said = leaves(terminal, "q")
    assert "weighted avg" in said
    assert "takes longer" not in said
