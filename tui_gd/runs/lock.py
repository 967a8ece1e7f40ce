"""A lock per run: only the process that holds it may train the run or delete it.

The operating system releases the lock when the process ends, so no lock is ever stale.
"""

import contextlib
import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tui_gd.errors import ProblemError
from tui_gd.runs.database import make_private

FOLDER = "locks"
# `lock_owner` holds a lock for some microseconds while it looks
WAIT_SECONDS = 0.25


@dataclass(frozen=True)
class LockOwner:
    """The process that holds a run's lock; `since` is in seconds since 1970."""

    pid: int
    host: str
    since: float

    def __str__(self) -> str:
        here = "" if self.host == socket.gethostname() else f" on {self.host}"
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.since))
        return f"process {self.pid}{here}, since {since}"


class RunLockedError(ProblemError):
    """Another process holds the run's lock; the message names it."""


class RunLock:
    """The lock of run `run`, held until `close` or until the process ends.

    `RunLockedError` if another process, or another part of this one, holds it.
    """

    def __init__(self, directory: Path, run: str) -> None:
        folder = directory / FOLDER
        make_private(folder)
        self.run = run
        self._path = folder / run
        self._handle = _open_locked(self._path)
        if self._handle < 0:
            owner = lock_owner(directory, run) or "another process"
            raise RunLockedError(f"run {run} is locked by {owner}: close it there first")
        words = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, json.dumps(words).encode(), 0)

    def close(self, *, delete: bool = False) -> None:
        """Release the lock; `delete` removes its file, as for a run that was deleted."""
        if self._handle >= 0:
            if delete:
                with contextlib.suppress(OSError):
                    self._path.unlink()
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> "RunLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _open_locked(path: Path) -> int:
    """Return a descriptor of the locked file, −1 if another process holds the lock."""
    import fcntl

    end = time.monotonic() + WAIT_SECONDS
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            if time.monotonic() > end:
                return -1
            time.sleep(0.02)
            continue
        except OSError:
            return handle  # the file system has no locks: train without one
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        os.close(handle)  # the file was deleted between opening and locking


def lock_owner(directory: Path, run: str) -> LockOwner | None:
    """Return which process holds a run's lock, None if it is free."""
    import fcntl

    try:
        handle = os.open(directory / FOLDER / run, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with contextlib.suppress(ValueError, KeyError, TypeError, OSError):
            words = json.loads(os.pread(handle, 4096, 0))
            return LockOwner(int(words["pid"]), str(words["host"]), float(words["since"]))
        return LockOwner(0, "", time.time())
    except OSError:
        return None
    finally:
        os.close(handle)
    return None
