"""The run store: every kept run, in one SQLite file, and a lock for each.

Only the process that holds a run's lock may train the run or delete it. The operating system
releases the lock when the process ends, so no lock is ever stale.
"""

import contextlib
import fcntl
import json
import math
import os
import re
import secrets
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_gd.errors import ProblemError
from tui_gd.problems.text import safe_text
from tui_gd.runs.database import (
    StoreError,
    begin,
    connect,
    json_object,
    make_private,
    seed_of,
    store_errors,
    store_path,
    stored_seed,
)

if TYPE_CHECKING:
    from tui_gd.training.checkpoint import Checkpoint

ID_DIGITS = 4
STATES = ("running", "paused", "finished", "diverged", "interrupted")
LAST_SECOND = 253_402_300_799.0
"""9999-12-31: no run was started or changed later."""
MOST_EPOCHS = 2**53 - 1
_ID = re.compile("[0-9a-f]{1,64}")
_KINDS = [str, float, float, *[str] * 6, *[int] * 6]
_COLUMNS = (
    "id, began, changed, problem, settings, identity, versions, state, stopped, epoch, newest,"
    " goal, seed, next_number, lanes, best"
)
"""The columns of the list, in the order of the fields of `KeptRun`."""

# a run is listed from its first batch on; a damaged number of lanes does not hide it
_STARTED = "lanes != 0 OR id IN (SELECT run FROM lanes)"

LOCKS = "locks"
# `lock_owner` holds a lock for some microseconds while it looks
WAIT_SECONDS = 0.25


# Locks


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
        folder = directory / LOCKS
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


def _open_locked(path: Path) -> int:
    """Return a descriptor of the locked file, −1 if another process holds the lock."""
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
    try:
        handle = os.open(directory / LOCKS / run, os.O_RDONLY | os.O_CLOEXEC)
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


# Kept runs


@dataclass(frozen=True, eq=False)
class KeptRun:
    """A run in the list of kept runs.

    `epoch` is where it stands, `newest` its last epoch on record, `goal` the last epoch wanted;
    `best` is the lowest training loss of any lane, NaN if there is none. `started` and `changed`
    are in seconds since 1970. `state` is one of `STATES`; `stopped` names the stop rule that ended
    it. `locked_by` is the process that trains it now, None if there is none. It is
    the last field; those before it are the columns `_COLUMNS`, in their order, of the types
    `_KINDS`.
    """

    id: str
    started: float
    changed: float
    problem: str
    settings: dict[str, Any]
    identity: dict[str, Any]
    versions: dict[str, str]
    state: str
    stopped: str = ""
    epoch: int = 0
    newest: int = 0
    goal: int = 0
    seed: int = 0
    next_number: int = 0
    lanes: int = 0
    best: float = math.nan
    locked_by: LockOwner | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the run as `gd-tui runs --json` lists it."""
        return {
            "id": self.id,
            "epochs": self.newest,
            "state": self.state,
            "problem": self.problem,
            "lanes": self.lanes,
            "best_loss": self.best if math.isfinite(self.best) else None,
            "epoch": self.epoch,
            "last_epoch": self.goal,
            "stopped": self.stopped,
            "seed": self.seed,
            "started": self.started,
            "changed": self.changed,
            "locked_by": asdict(self.locked_by) if self.locked_by else None,
        }


@dataclass(frozen=True)
class DamagedRun:
    """A run whose row in the list cannot be believed; only deleting it is left."""

    id: str
    reason: str

    def __str__(self) -> str:
        name = safe_text(self.id)
        return f"run {name} is damaged ({self.reason}): gd-tui rm {name} deletes it"


class Store:
    """The run store at `path`; use it from one thread at a time. Errors are `StoreError`.

    `create` makes the file if it is missing; without it a missing store has no runs.
    """

    def __init__(self, path: Path | None = None, *, create: bool = False) -> None:
        self.path = path or store_path()
        self.hurried: Callable[[], bool] = lambda: False
        self._connection: sqlite3.Connection | None = None
        with store_errors(self.path):
            exists = self.path.exists()
        if create or exists:
            self._connection = connect(self.path)

    @property
    def directory(self) -> Path:
        """The directory that the store is in."""
        return self.path.parent

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection; `StoreError` if there is no store."""
        if self._connection is None:
            raise StoreError(f"no runs are kept in {self.directory}")
        return self._connection

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            with store_errors(self.path):
                self._connection.close()
            self._connection = None

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write everything in the body, or nothing of it."""
        connection = self.connection
        with store_errors(self.path), connection:
            begin(connection, self.hurried)
            yield connection

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Read the store as it is at one moment."""
        connection = self.connection
        with store_errors(self.path), connection:
            connection.execute("BEGIN")
            yield connection

    # The list

    def runs(self) -> list[KeptRun]:
        """Return all kept runs, the most recently changed first, without damaged ones."""
        return self.listed()[0]

    def listed(self) -> tuple[list[KeptRun], list[DamagedRun]]:
        """Return all kept runs, the most recently changed first, and the damaged ones."""
        if self._connection is None:
            return [], []
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM runs WHERE {_STARTED} ORDER BY changed DESC, id"
            ).fetchall()
        runs, damaged = [], []
        for row in rows:
            try:
                runs.append(self._kept(row))
            except (ValueError, RecursionError) as error:
                damaged.append(DamagedRun(str(row[0]), str(error)))
        return runs, damaged

    def find(self, name: str) -> KeptRun:
        """Return the run with the id `name`, or the only one whose id starts so; `ProblemError`."""
        found = self.find_any(name)
        if isinstance(found, DamagedRun):
            raise StoreError(str(found))
        return found

    def find_any(self, name: str) -> KeptRun | DamagedRun:
        """Like `find`, but return a damaged run too."""
        runs = [one for part in self.listed() for one in part]
        wanted = name.strip().lower()
        found = [run for run in runs if run.id == wanted]
        found = found or [run for run in runs if wanted and run.id.startswith(wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(safe_text(run.id) for run in found[:8])
            raise ProblemError(f"{name}: ambiguous ID ({names}): type more characters")
        hint = "gd-tui runs lists them" if runs else f"none is kept in {self.directory}"
        raise ProblemError(f"{name}: no kept run has this id; {hint}")

    def latest_resumable(self) -> KeptRun:
        """Return the run that changed last among those that can continue; `ProblemError`."""
        for run in self.runs():
            if run.locked_by is None and run.state != "diverged":
                return run
        raise ProblemError(f"no run that can continue is kept in {self.directory}")

    def _kept(self, row: tuple[Any, ...]) -> KeptRun:
        """Return the run of a row; `ValueError` if the row is damaged."""
        kinds = [type(value) for value in row]
        if kinds[:-1] != _KINDS or kinds[-1] not in {float, type(None)}:
            raise ValueError("a value has the wrong type")
        stored = KeptRun(*row)
        if not _ID.fullmatch(stored.id):
            raise ValueError("its id is not hexadecimal")
        if not all(0.0 <= seconds <= LAST_SECOND for seconds in (stored.started, stored.changed)):
            raise ValueError("its time is impossible")
        settings, identity, versions = map(json_object, row[4:7])
        _check_identity(identity)
        if not all(isinstance(version, str) for version in versions.values()):
            raise ValueError("its versions are not texts")
        possible = 0 <= stored.epoch <= stored.newest <= MOST_EPOCHS
        if not possible or not 0 <= stored.goal <= MOST_EPOCHS or stored.lanes < 1:
            raise ValueError("its epochs or lanes are impossible")
        state, owner = stored.state, lock_owner(self.directory, stored.id)
        if owner and state not in {"finished", "diverged"}:
            state = "running"
        elif state not in {"paused", "finished", "diverged"}:
            state = "interrupted"
        return replace(
            stored,
            settings=settings,
            identity=identity,
            versions=versions,
            state=state,
            seed=seed_of(stored.seed),
            best=math.nan if row[-1] is None else row[-1],
            locked_by=owner,
        )

    def delete(self, run: str) -> None:
        """Delete a run for good; `ProblemError` if it is locked."""
        if not _ID.fullmatch(run):  # a damaged id names no file
            with self.transaction() as connection:
                connection.execute("DELETE FROM runs WHERE id = ?", (run,))
            return
        from tui_gd.runs.identity import delete_data

        with store_errors(self.path):
            lock = RunLock(self.directory, run)
        try:
            with self.transaction() as connection:
                connection.execute("DELETE FROM runs WHERE id = ?", (run,))
            with store_errors(self.path):
                self.connection.execute("PRAGMA incremental_vacuum").fetchall()
            delete_data(self.directory, run)
        finally:
            lock.close(delete=True)

    # One run

    def add(self, kept: KeptRun) -> tuple[str, RunLock]:
        """Add a run under a new id; return the id and the run's lock.

        The run has no lanes yet. It is listed from its first batch on.
        """
        while True:
            name = self._draw_id()
            try:
                with store_errors(self.path):
                    lock = RunLock(self.directory, name)
            except RunLockedError:
                continue  # another process has drawn the same id
            try:
                self._insert(replace(kept, id=name))
            except BaseException:
                lock.close(delete=True)
                raise
            return name, lock

    def _insert(self, kept: KeptRun) -> None:
        best = kept.best if math.isfinite(kept.best) else None
        *found, _locked_by = (vars(kept) | {"seed": stored_seed(kept.seed), "best": best}).values()
        values = [json.dumps(one) if isinstance(one, dict) else one for one in found]
        marks = ", ".join("?" * len(values))
        with self.transaction() as connection:
            # runs of processes that ended before their first batch
            for (name,) in connection.execute(
                f"SELECT id FROM runs WHERE NOT ({_STARTED})"
            ).fetchall():
                if lock_owner(self.directory, name) is None:
                    connection.execute("DELETE FROM runs WHERE id = ?", (name,))
            connection.execute(f"INSERT INTO runs ({_COLUMNS}) VALUES ({marks})", values)

    def _draw_id(self) -> str:
        """Return an unused id: a few hexadecimal digits, more only if many are taken."""
        with store_errors(self.path):
            taken = {one for (one,) in self.connection.execute("SELECT id FROM runs").fetchall()}
        digits = ID_DIGITS
        while 8 * len(taken) > 16**digits:
            digits += 1
        while True:
            name = secrets.token_hex(digits)[:digits]
            if name not in taken:
                return name

    def set_identity(self, run: str, identity: dict[str, Any]) -> None:
        """Replace what is stored of a run's data, now that more of it is known."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE runs SET identity = ? WHERE id = ?", (json.dumps(identity), run)
            )

    def checkpoint(self, run: KeptRun) -> "Checkpoint":
        """Return everything stored of a run; `StoreError` if the parts do not fit together."""
        # numpy comes with it, and listing runs needs none
        from tui_gd.runs.rows import RunRows

        with self._reading() as connection:
            try:
                checkpoint = RunRows(connection, run.id).checkpoint()
            except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
                raise StoreError(str(DamagedRun(run.id, safe_text(str(error), 100)))) from None
        if checkpoint is None:
            raise StoreError(f"run {run.id} has been deleted meanwhile")
        return checkpoint


def _check_identity(identity: dict[str, Any]) -> None:
    """Raise `ValueError` if what is stored of a run's data is not as `identity` makes it."""
    files, described = identity.get("files", []), identity.get("described")
    if not isinstance(files, list) or not isinstance(described, dict | None):
        raise ValueError("its data are not described")
    for file in files:
        right = (
            isinstance(file, dict)
            and file.get("option") in {"problem", "target", "test"}
            and isinstance(file.get("path"), str)
            and "\0" not in file["path"]
            and all(type(file.get(name)) is int for name in ("size", "changed"))
            and isinstance(file.get("sha256"), str | None)
        )
        if not right:
            raise ValueError("its files are not described")
