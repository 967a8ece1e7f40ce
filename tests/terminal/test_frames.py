"""Frames to a terminal that is slow, frozen or silent, or that changes its size all the time."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.terminal import walks
from tests.terminal.fixtures import PROGRAM, Place
from tests.terminal.session import PATIENCE, Terminal

FOREVER = ("-e", "100000000")
STORM_SECONDS = 2.0
ANSWERS = pytest.mark.parametrize("answers", [True, False], ids=["answers", "never answers"])


def epoch(terminal: Terminal) -> int:
    """The epoch on the screen; -1 while there is none."""
    now = walks.status(terminal)
    return now.epoch if now else -1


def memory(terminal: Terminal) -> int:
    """What the program has in memory, in bytes."""
    for line in Path(f"/proc/{terminal.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise AssertionError("the program has ended")


def test_a_terminal_that_never_answers_works_as_any_other() -> None:
    with Terminal(PROGRAM, answers=False) as terminal:
        walks.step_and_change_alpha(terminal)


def test_nothing_is_sent_in_five_seconds_of_pause(local: Place) -> None:
    terminal = local.start().terminal
    walks.wait_for_status(terminal, state="PAUSED", epoch=0)
    terminal.press(".")
    walks.wait_for_status(terminal, epoch=1)
    walks.settled(terminal)
    before = terminal.bytes_received
    time.sleep(5.0)
    assert terminal.bytes_received == before


@pytest.mark.parametrize("key", [":", "a", "o", "L", "?"])
def test_nothing_is_sent_while_what_was_opened_waits(local: Place, key: str) -> None:
    terminal = local.start().terminal
    walks.wait_for_status(terminal, state="PAUSED", epoch=0)
    walks.settled(terminal)
    before = terminal.bytes_received
    terminal.press(key)
    terminal.wait_for(lambda terminal: terminal.bytes_received > before)
    # a cursor that blinks does so more often
    terminal.wait_until_quiet(2.0, timeout=20.0)


def test_every_frame_asks_once_and_none_is_sent_before_the_answer(local: Place) -> None:
    terminal = local.start(*FOREVER).terminal
    walks.wait_for_status(terminal, state="PAUSED", epoch=0)
    terminal.press("space")
    walks.wait_for_status(terminal, state="RUNNING")
    terminal.wait_for(lambda terminal: epoch(terminal) > 1000 and terminal.frames > 10)
    terminal.press("space")
    walks.wait_for_status(terminal, state="PAUSED")
    walks.settled(terminal)
    received = terminal.raw
    assert received.count(b"\x1b[6n") == received.count(b"\x1b[?2026h")


@ANSWERS
def test_training_goes_on_while_the_terminal_is_frozen_and_then_the_picture_is_fresh(
    answers: bool,
) -> None:
    with Terminal([*PROGRAM, *FOREVER], columns=120, rows=40, answers=answers) as terminal:
        walks.wait_for_status(terminal, state="PAUSED", epoch=0)
        terminal.press("space")
        walks.wait_for_status(terminal, state="RUNNING")
        running = memory(terminal)
        time.sleep(4.0)
        running = memory(terminal) - running
        before = epoch(terminal)
        terminal.hold()
        frozen = memory(terminal)
        time.sleep(4.0)
        # the run's own history grows all the time
        assert memory(terminal) - frozen < 2 * running + (20 << 20)
        received = terminal.bytes_received
        terminal.release()
        terminal.wait_for(lambda terminal: epoch(terminal) > 1.5 * before)
        # what a pseudo-terminal holds, and a few frames: nothing has queued
        assert terminal.bytes_received - received < 250_000
        terminal.press("space")
        walks.wait_for_status(terminal, state="PAUSED")
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
        assert terminal.leftovers() == []


def test_the_window_dragged_a_hundred_times_a_second_shows_the_last_size(local: Place) -> None:
    terminal = local.start(columns=120, rows=40).terminal
    walks.wait_for_status(terminal, state="PAUSED", epoch=0)
    before = walks.settled(terminal)
    frames, begun = terminal.frames, time.monotonic()
    for index in range(200):
        terminal.resize(80 + index % 60, 20 + index % 30)
        time.sleep(STORM_SECONDS / 200)
    storm, seconds = terminal.frames - frames, time.monotonic() - begun
    terminal.resize(120, 40)
    terminal.wait_for_picture(before)
    assert walks.settled(terminal) == before
    assert storm < 100 * max(1.0, seconds / STORM_SECONDS)


def test_a_window_resized_and_resized_back_at_once_is_whole_again(local: Place) -> None:
    terminal = local.start(columns=120, rows=40).terminal
    walks.wait_for_status(terminal, state="PAUSED", epoch=0)
    before = walks.settled(terminal)
    for columns, rows in [(60, 15), (119, 39), (1, 1)]:
        with terminal.unread():
            terminal.resize(columns, rows)
            terminal.resize(120, 40)
            cut_off = terminal.text()
        assert cut_off != before
        terminal.wait_for_picture(before)
        assert walks.settled(terminal) == before


def test_the_last_of_two_sizes_in_quick_succession_counts(local: Place) -> None:
    terminal = local.start(columns=120, rows=40).terminal
    walks.wait_for_status(terminal, state="PAUSED", epoch=0)
    before = walks.settled(terminal)
    # a second signal within the first one's handler is rare: of so many pairs some have it
    for _ in range(100):
        terminal.resize(119, 39)
        terminal.resize(120, 40)
        terminal.wait_for_picture(before)
        time.sleep(0.02)


def test_a_held_key_leaves_no_steps_behind_on_large_data(local: Place) -> None:
    terminal = local.start(*FOREVER, "--samples", "3000000").terminal
    walks.wait_for_status(terminal, state="PAUSED", epoch=0)
    terminal.press(".")
    walks.wait_for_status(terminal, epoch=1)
    deadline, presses = time.monotonic() + PATIENCE, 0
    while presses < 60 or (epoch(terminal) < 3 and time.monotonic() < deadline):
        terminal.press(".")
        time.sleep(0.03)
        presses += 1
    let_go = epoch(terminal)
    terminal.wait_until_quiet(2.0)
    # one that is not drawn yet, one under way, and on a busy machine keys that nobody has read yet
    assert 1 < let_go <= epoch(terminal) <= let_go + 4


def test_textual_looks_120_times_a_second_whether_there_is_something_to_paint() -> None:
    script = """
from tui_gd.cli.live import terminal_for
from tui_gd.cli.options import find_command
command, words = find_command([])
terminal_for(command.parser().parse_args(words))
from textual.screen import UPDATE_PERIOD
print("every", UPDATE_PERIOD)
"""
    with Terminal([sys.executable, "-c", script]) as terminal:
        terminal.wait_for(f"every {1 / 120}")
