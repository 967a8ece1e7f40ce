"""Who drives a run: a lock of the operating system for each, which ends with its process."""

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

FOLDER = "driven"
# somebody who only looks whether a run is driven holds its lock for some microseconds
PATIENCE = 0.25


@dataclass(frozen=True)
class Driver:
    """The process that drives a run, since when in seconds since 1970."""

    pid: int
    host: str
    since: float

    def __str__(self) -> str:
        here = "" if self.host == socket.gethostname() else f" on {self.host}"
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.since))
        return f"process {self.pid}{here}, since {since}"


class DrivenError(ProblemError):
    """Somebody else drives the run; says who."""


class RunLock:
    """The right to drive run `run`, held until `close` or until the process ends, however it ends.

    `DrivenError` if another process, or another part of this one, has it.
    """

    def __init__(self, directory: Path, run: str) -> None:
        folder = directory / FOLDER
        make_private(folder)
        self.run = run
        self._path = folder / run
        self._handle = _locked(self._path)
        if self._handle < 0:
            who = driver_of(directory, run)
            raise DrivenError(f"run {run} is driven by {who or 'another program'}: leave it there")
        words = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, json.dumps(words).encode(), 0)

    def close(self, *, forget: bool = False) -> None:
        """Give the run back; with `forget` the lock's file goes too, for the run does."""
        if self._handle >= 0:
            if forget:
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


def _locked(path: Path) -> int:
    """Return an open file that is locked for this process alone, −1 if somebody else has it."""
    import fcntl

    end = time.monotonic() + PATIENCE
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
            return handle  # a file system without locks: better unguarded than not at all
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        os.close(handle)  # it was deleted between opening and locking


def driver_of(directory: Path, run: str) -> Driver | None:
    """Return who drives a run now, None if nobody does."""
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
            return Driver(int(words["pid"]), str(words["host"]), float(words["since"]))
        return Driver(0, "", time.time())
    except OSError:
        return None
    finally:
        os.close(handle)
    return None
