"""The places where gd-tui is started, and what is started there with: a new terminal's signals."""

import signal

import pytest

from tests.terminal.fixtures import in_tmux, local

__all__ = ["in_tmux", "local", "usual_signals"]


@pytest.fixture(scope="session", autouse=True)
def usual_signals() -> None:
    """A shell without job control has what it starts in the background ignore SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
