"""A tmux server of its own, on a private socket, with one window in a terminal of the tests."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.terminal.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONFIG = """\
set -g default-terminal {term}
set -g status off
set -g remain-on-exit off
set -s escape-time 10
set -g default-shell /bin/sh
set -g mouse on
set -g set-clipboard on
"""


class Server(Closing):
    """A private tmux server; `term` is what programs inside find as TERM.

    Raises:
        FileNotFoundError: tmux is missing; names the Debian package.
    """

    def __init__(self, term: str = "tmux-256color") -> None:
        tmux = shutil.which("tmux")
        if tmux is None:
            raise FileNotFoundError("tmux is missing: install the Debian package tmux")
        # A short path: a socket's may have 107 characters.
        self._temporary = tempfile.TemporaryDirectory(prefix="tmux-")
        directory = Path(self._temporary.name)
        config = directory / "tmux.conf"
        config.write_text(_CONFIG.format(term=term))
        self._tmux = [tmux, "-u", "-S", str(directory / "socket"), "-f", str(config)]

    def command(self, command: Sequence[str]) -> list[str]:
        """The tmux command line that runs `command` in a new session and shows it."""
        return [*self._tmux, "new-session", shlex.join(command)]

    def attach(self) -> list[str]:
        """The tmux command line that shows the session again."""
        return [*self._tmux, "attach-session"]

    def ask(self, expression: str) -> str:
        """What a tmux format such as `#{alternate_on}` is for the pane."""
        answer = subprocess.run(
            [*self._tmux, "display-message", "-p", expression],
            check=True,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        return answer.stdout.strip()

    def close(self) -> None:
        """End the server with all that runs in it."""
        subprocess.run(
            [*self._tmux, "kill-server"],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        with contextlib.suppress(OSError):
            self._temporary.cleanup()
