"""gd-tui in tmux and in GNU screen at the other end of a real ssh line: the usual place for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.terminal import gnuscreen, tmux, walks
from tests.terminal.fixtures import PROGRAM, missing
from tests.terminal.session import ROOT, Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.terminal import sshd

KINDS = {"tmux": tmux.Server, "screen": gnuscreen.Server}
QUESTIONS = {"?": "esc: back", "a": "Learning rate", "v": "Landscape over", "ctrl+p": "Search for"}


@pytest.mark.parametrize("kind", KINDS)
def test_escape_closes_a_question_and_the_mouse_works_afterwards(
    ssh_server: sshd.Server, kind: str, tmp_path: Path
) -> None:
    try:
        multiplexer = KINDS[kind]()
    except FileNotFoundError as error:
        missing(error)
    with multiplexer:
        there = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
        there |= getattr(multiplexer, "environment", {})
        line = ssh_server.command(multiplexer.command([*PROGRAM, "--seed", "3"]), env=there)
        with Terminal(line, columns=100, rows=30) as terminal:
            walks.wait_for_status(terminal, epoch=0)
            for key, question in QUESTIONS.items():
                terminal.press(key)
                terminal.wait_for(question)
                terminal.press("escape")  # alone: no key follows it
                terminal.wait_for(lambda now, asked=question: asked not in now.text())
            terminal.wait_for(lambda now: walks.has_focus(now, "loss"))
            terminal.send("\x1b[<0;20;24M\x1b[<0;20;24m")
            terminal.wait_for(lambda now: walks.has_focus(now, "report"))
            terminal.press("escape", ".")  # in one write: both keys act
            walks.wait_for_status(terminal, epoch=1)
            terminal.press("q")
            terminal.wait_for_exit()
            assert terminal.leftovers() == []
