"""gd-tui stepped by keypress through a real sshd on 127.0.0.1."""

import pytest

from tests.terminal import walks
from tests.terminal.fixtures import Place

SIZES = pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])


@SIZES
def test_every_epoch_can_be_stepped_and_stepped_back(
    over_ssh: Place, columns: int, rows: int
) -> None:
    walks.step_and_change_alpha(over_ssh.start(columns=columns, rows=rows).terminal)


def test_a_branch_is_one_lane_more_and_help_opens_and_closes(over_ssh: Place) -> None:
    walks.branch_and_read_help(over_ssh.start().terminal)


@SIZES
def test_a_run_to_the_end_leaves_the_report_and_the_terminal_as_it_was(
    over_ssh: Place, columns: int, rows: int
) -> None:
    walks.run_and_quit(over_ssh.start(columns=columns, rows=rows), "f", "space")


def test_the_first_loss_is_the_tutorials(over_ssh: Place) -> None:
    walks.first_loss_is_the_tutorials(over_ssh.start("--seed", "3").terminal, seed=3)


def test_another_size_of_the_window_reaches_the_other_end(over_ssh: Place) -> None:
    walks.shrink_and_grow_again(over_ssh.start(columns=120, rows=40).terminal)
