"""The places where gd-tui is started."""

from tests.terminal.fixtures import in_tmux, local

__all__ = ["in_tmux", "local"]
