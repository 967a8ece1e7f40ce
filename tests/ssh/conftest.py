"""gd-tui at the other end of a real ssh line."""

from tests.terminal.fixtures import over_ssh, ssh_server

__all__ = ["over_ssh", "ssh_server"]
