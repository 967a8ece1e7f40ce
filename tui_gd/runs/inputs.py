"""Keeps what came by standard input, which can be read but once, beside the store."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from tui_gd.errors import ProblemError
from tui_gd.problems.opened import spooled_input
from tui_gd.runs.place import make_private

FOLDER = "inputs"
MOST_BYTES = 64 << 20
"""What is longer is not kept."""
_BLOCK = 1 << 20


def keep_input(directory: Path, run: str) -> dict[str, Any] | None:
    """Copy what standard input held into a file of a run, as it came; None if that cannot be.

    Returns what `identity` has of a file. Nobody but its owner may read it.
    """
    path, part = directory / FOLDER / run, directory / FOLDER / f".{run}"
    try:
        source, size = spooled_input()
        if size > MOST_BYTES:
            return None
        make_private(path.parent)
        with open(part, "wb", opener=_private) as file:
            # the loader may read it at the same time: its place in the file stays where it is
            for start in range(0, size, _BLOCK):
                file.write(os.pread(source, _BLOCK, start))
        os.replace(part, path)
        found = os.stat(path)
    except (OSError, ProblemError):
        with suppress(OSError):
            os.unlink(part)
        return None
    return {
        "option": "problem",
        "path": os.path.abspath(path),
        "size": found.st_size,
        "changed": found.st_mtime_ns,
    }


def forget_input(directory: Path, run: str) -> None:
    """Delete what was kept for a run, if anything was."""
    with suppress(OSError):
        os.unlink(directory / FOLDER / run)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
