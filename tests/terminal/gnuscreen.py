"""A GNU screen of its own, with sessions in a private directory."""

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

# as a new user has it, but for the message before the first prompt and the key of commands
_CONFIG = """\
startup_message off
defutf8 on
escape ^Bb
"""
_NAME = "gd-tui"


class Server(Closing):
    """A private screen; `environment` is what its command lines need.

    Raises:
        FileNotFoundError: screen is missing; names the Debian package.
    """

    def __init__(self) -> None:
        screen = shutil.which("screen")
        if screen is None:
            raise FileNotFoundError("screen is missing: install the Debian package screen")
        self._temporary = tempfile.TemporaryDirectory(prefix="screen-")
        directory = Path(self._temporary.name)
        sessions = directory / "sessions"
        sessions.mkdir(mode=0o700)
        config = directory / "screenrc"
        config.write_text(_CONFIG)
        self.environment = {"SCREENDIR": str(sessions)}
        self._screen = [screen, "-U", "-c", str(config)]

    def command(self, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` in a new session and shows it."""
        return [*self._screen, "-S", _NAME, "/bin/sh", "-c", shlex.join(command)]

    def attach(self) -> list[str]:
        """The command line that shows the session again, taking it from where it is shown."""
        return [*self._screen, "-d", "-r", _NAME]

    def close(self) -> None:
        """End the session with all that runs in it."""
        subprocess.run(
            [*self._screen, "-S", _NAME, "-X", "quit"],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=self.environment,
        )
        with contextlib.suppress(OSError):
            self._temporary.cleanup()
