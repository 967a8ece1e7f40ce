"""Where the program keeps its files, and files that are written completely or not at all."""

import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from tui_gd.errors import OutputError, ProblemError

VARIABLE = "GD_TUI_DATA"


def directory(variable: str, kind: Literal["data", "config", "state"]) -> Path:
    """Return the directory that a variable names, else the user's of that kind; `ProblemError`."""
    if named := os.environ.get(variable):
        try:
            return Path(named).expanduser().absolute()
        except RuntimeError:
            raise ProblemError(f"{variable}: {named}: there is no such user") from None
    import platformdirs

    return Path(getattr(platformdirs, f"user_{kind}_dir")("gd-tui", appauthor=False))


def data_directory() -> Path:
    """Return where runs are kept: `GD_TUI_DATA`, or the user's data directory."""
    return directory(VARIABLE, "data")


class WholeFile:
    """A file that replaces `path` when `write` is called, and leaves it unchanged before.

    Create it before the work whose result it holds: `ProblemError` if `path` cannot be written.
    Symbolic links are followed; pipes and devices are written to directly.
    """

    def __init__(self, path: str, option: str) -> None:
        self._temporary: str | None = None
        try:
            if not path:
                raise ProblemError(f"{option} needs the name of a file")
            self._target = Path(os.path.realpath(path))
            if self._target.is_dir():
                raise ProblemError(f"{option} {path}: is a directory; name a file in it")
            self._special = self._target.exists() and not stat.S_ISREG(self._target.stat().st_mode)
            if not self._special:
                # the temporary name does not contain this name, so check its length here
                os.stat(self._target.parent)
                if len(os.fsencode(self._target.name)) > 255:
                    raise ProblemError(f"{option} {path[:20]}…: the name is too long")
                handle, self._temporary = tempfile.mkstemp(dir=self._target.parent, prefix=".gd-")
                os.close(handle)
        except OSError as error:
            raise ProblemError(f"{option} {path}: {error.strerror}; name another place") from None

    def write(self, content: str | bytes | Iterable[str]) -> None:
        """Write text, as UTF-8, or bytes, or text in parts; `OutputError` if that fails."""
        parts = [content] if isinstance(content, str | bytes) else content
        try:
            self._replace(part.encode() if isinstance(part, str) else part for part in parts)
        except OSError as error:
            raise OutputError(f"{self._target}: {error.strerror}") from None

    def _replace(self, parts: Iterable[bytes]) -> None:
        if self._temporary is None:
            with open(self._target, "wb") as file:
                file.writelines(parts)
            return
        with open(self._temporary, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(self._temporary, 0o666 & ~umask)
        os.replace(self._temporary, self._target)
        self._temporary = None

    def discard(self) -> None:
        """Leave `path` unchanged if `write` has not been called."""
        if self._temporary is not None:
            os.unlink(self._temporary)
            self._temporary = None
