"""gd-tui stepped by keypress in a terminal on this machine, and in tmux."""

import re

import pytest

from tests.terminal import walks
from tests.terminal.fixtures import PROGRAM, Place
from tests.terminal.session import Terminal

LOCAL = pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
LOCAL_AND_TMUX = pytest.mark.parametrize(
    ("place", "columns", "rows"),
    [("local", 80, 24), ("local", 120, 40), ("in_tmux", 120, 40)],
    indirect=["place"],
)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@LOCAL_AND_TMUX
def test_every_epoch_can_be_stepped_and_stepped_back(place: Place, columns: int, rows: int) -> None:
    walks.step_and_change_alpha(place.start(columns=columns, rows=rows).terminal)


@LOCAL
def test_a_branch_is_one_lane_more_and_help_opens_and_closes(
    local: Place, columns: int, rows: int
) -> None:
    walks.branch_and_read_help(local.start(columns=columns, rows=rows).terminal)


def test_one_key_runs_to_the_end_at_a_pace_that_can_be_watched(local: Place) -> None:
    walks.run_and_quit(local.start(), "space")


@LOCAL_AND_TMUX
def test_a_run_to_the_end_leaves_the_report_and_the_terminal_as_it_was(
    place: Place, columns: int, rows: int
) -> None:
    walks.run_and_quit(place.start(columns=columns, rows=rows), "f", "space")


def test_the_first_loss_is_the_tutorials(local: Place) -> None:
    walks.first_loss_is_the_tutorials(local.start("--seed", "3").terminal, seed=3)


def test_ctrl_c_quits_and_restores_the_terminal(local: Place) -> None:
    session = local.start()
    walks.wait_for_status(session.terminal, state="PAUSED", epoch=0)
    session.terminal.press("ctrl+c")
    ended = session.end()
    assert ended.status == 0, ended.printed
    assert ended.leftovers == []


def test_too_small_a_terminal_says_what_it_needs_and_can_be_left(local: Place) -> None:
    session = local.start(columns=30, rows=8)
    session.terminal.wait_for(re.compile(r"40\s*[x×]\s*12"))
    session.terminal.press("q")
    ended = session.end()
    assert ended.status == 0, ended.printed
    assert ended.leftovers == []


def test_another_size_and_back_shows_the_same_again(local: Place) -> None:
    walks.shrink_and_grow_again(local.start(columns=120, rows=40).terminal)


def test_without_a_terminal_it_prints_the_tutorials_lines_and_the_report() -> None:
    done = walks.run_without_terminal()
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^\[INFO\] epoch=(\d+), loss=\d+\.\d{7}$", done.stdout, re.MULTILINE)
    assert list(map(int, lines)) == [1, *range(5, 101, 5)]
    assert "precision" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_the_size_of_the_window_counts_and_not_the_shells_variables(local: Place) -> None:
    terminal = local.start(columns=80, rows=24, env={"COLUMNS": "30", "LINES": "9"}).terminal
    walks.wait_for_status(terminal, epoch=0)
    # the last key of the last row; of 80 columns its word is left out
    terminal.wait_for(lambda terminal: terminal.line(23).rstrip().endswith("? help q"))
    terminal.resize(120, 40)
    terminal.wait_for(lambda terminal: "q quit" in terminal.line(39))


@pytest.mark.parametrize(("answer", "light"), [(b"", True), (b"\x1b]11;rgb:0/0/0\x1b\\", False)])
def test_the_terminals_answer_counts_more_than_colorfgbg(answer: bytes, light: bool) -> None:
    env = {"COLORFGBG": "0;default;15", "COLORTERM": "truecolor"}
    with Terminal([*PROGRAM, "--no-store"], env=env, ground=answer) as terminal:
        walks.wait_for_status(terminal, epoch=0)
        assert (terminal.cells()[2][0].background == "ffffff") is light
