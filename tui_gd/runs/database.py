"""The SQLite file of the run store: where it is, its schema, opening it, and its errors."""

import contextlib
import errno
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tui_gd.errors import ProblemError
from tui_gd.files import VARIABLE, data_directory

T = TypeVar("T")

NAME = "runs.sqlite3"
# file systems that two machines may share: SQLite's WAL needs shared memory, so it is unsafe there
NETWORK = frozenset(
    {"9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.glusterfs", "fuse.sshfs"}
    | {"gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs"}
    | {"smb3", "smbfs"}
)


def store_path() -> Path:
    """Return the file of the run store."""
    return data_directory() / NAME


def make_private(directory: Path) -> None:
    """Make a directory that only its owner may enter; `OSError` if that fails.

    The permissions of an existing directory are left alone: they are its owner's decision.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Make an empty file that only its owner may read, unless it exists."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def on_network(path: Path, mounts: str = "/proc/self/mounts") -> bool:
    """Whether a file is on a network file system, as far as `/proc` tells (Linux)."""
    try:
        lines = Path(mounts).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    here = os.path.realpath(path)
    kinds = {}
    for line in lines:
        _, where, kind, *_ = [*line.split(" "), "", "", ""]
        where = where.replace("\\040", " ")
        if here == where or here.startswith(where.rstrip("/") + "/"):
            kinds[where] = kind  # a later mount hides an earlier one
    return bool(kinds) and kinds[max(kinds, key=len)] in NETWORK


VERSION = 1
APPLICATION = 0x67645F31  # "gd_1", in the file's header
BUSY_SECONDS = 10.0
HURRIED_SECONDS = 1.0
"""How long to wait for a program that writes, and how long on the way out."""
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
WAL_BYTES = 32 << 20  # the write-ahead log is truncated to this after a large batch

SCHEMA = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    began REAL NOT NULL,
    changed REAL NOT NULL,
    problem TEXT NOT NULL,
    settings TEXT NOT NULL,
    identity TEXT NOT NULL,
    versions TEXT NOT NULL,
    state TEXT NOT NULL,
    stopped TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    goal INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    next_number INTEGER NOT NULL,
    lanes INTEGER NOT NULL,
    best REAL,
    stopped_at INTEGER
);
CREATE TABLE lanes (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    number INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (run, position)
);
CREATE TABLE entries (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (run, place)
);
CREATE TABLE keyframes (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    numbers TEXT NOT NULL,
    shape TEXT NOT NULL,
    dtype TEXT NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (run, epoch)
);
CREATE TABLE losses (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    lane INTEGER NOT NULL,
    first INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    width INTEGER NOT NULL,
    nbytes INTEGER NOT NULL,
    least REAL,
    train BLOB,
    test BLOB,
    norm BLOB,
    cosine BLOB,
    validation BLOB,
    PRIMARY KEY (run, lane, first)
);
CREATE INDEX losses_sizes ON losses (run, least, nbytes);
CREATE TABLE best (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    lane INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    dtype TEXT NOT NULL,
    weights BLOB NOT NULL,
    PRIMARY KEY (run, lane)
);
"""
ADDED = {"runs": {"stopped_at": "INTEGER"}, "losses": {"validation": "BLOB"}}
"""Columns that stores of this version may lack, by table; they are added when one is opened."""
ADDED_TABLES = ("best",)
"""Tables that stores of this version may lack."""


class StoreError(ProblemError):
    """The run store cannot be used; one line that says why. Not `lasting`: it may work later."""

    def __init__(self, message: str, *, lasting: bool = True) -> None:
        super().__init__(message)
        self.lasting = lasting


@contextlib.contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the system into a `StoreError` about the store at `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _store_error(path, error) from None
    except UnicodeError:
        raise _damaged(path, "invalid text") from None
    except OSError as error:
        raise _no_place(path, error.strerror or str(error)) from None


def _store_error(path: Path, error: sqlite3.Error) -> StoreError:
    reason = " ".join(str(error).split())
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if _is_busy(error):
        return StoreError(f"{path}: another program has locked the run store", lasting=False)
    if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
        return StoreError(
            f"{path}: runs cannot be kept ({reason}); free some disk space", lasting=False
        )
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return _no_place(path, reason)
    return _damaged(path, reason)


def _no_place(path: Path, reason: str) -> StoreError:
    return StoreError(
        f"{path}: runs cannot be kept there ({reason}); name another directory in {VARIABLE}"
    )


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(
        f"{path}: the run store is damaged ({reason}); move it away, or name another directory"
        f" in {VARIABLE}"
    )


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to the store at `path`, which is created if missing; `StoreError`.

    Use it from one thread at a time. The store is in WAL mode where that works, with a rollback
    journal on network file systems, where it may not. A store that may only be read is opened
    read-only.
    """
    with store_errors(path):
        try:
            make_private(path.parent)
            make_private_file(path)
        except OSError as error:
            if error.errno not in _READ_ONLY or not os.access(path, os.R_OK):
                raise
            return _connect_read_only(path)
        connection = _opened(path)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def _opened(name: str | Path) -> sqlite3.Connection:
    """Return a connection to the file of that name, or of that URI."""
    connection = sqlite3.connect(
        name,
        uri=isinstance(name, str),
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = _text
    return connection


def _connect_read_only(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """Return a connection that cannot write.

    In WAL mode even a reader creates files beside the store. Where it cannot, the store is read as
    an immutable file.
    """
    connection = _opened(f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' * immutable}")
    try:
        if _version(connection, path) == 0:
            raise StoreError(f"no runs are kept in {path.parent}")
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError) and not immutable:
            return _connect_read_only(path, immutable=True)
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    version = _version(connection, path)
    mode = _ask(connection, "PRAGMA journal_mode")
    network = on_network(path)
    if version == 0:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        if mode != "wal" and not network and _wal_works(path.parent):
            mode = _ask(connection, "PRAGMA journal_mode = WAL")
    if network and mode == "wal":
        mode = _ask(connection, "PRAGMA journal_mode = DELETE")
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    if _missing(connection, path):
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in _missing(connection, path):  # unless another process was faster
                connection.execute(statement)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the store's version, 0 if it is empty; `StoreError` if it is not a run store."""
    # at one moment: another process may be making the store
    version, application, tables = connection.execute(
        "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_master)"
        " FROM pragma_user_version, pragma_application_id"
    ).fetchone()
    if version == 0 and application == 0:
        if tables:
            raise StoreError(
                f"{path}: is an SQLite file, but not a run store of gd-tui; move it away, or"
                f" name another directory in {VARIABLE}"
            )
        return 0
    if application != APPLICATION:
        raise _damaged(path, "not written by gd-tui")
    if version != VERSION:
        raise StoreError(
            f"{path}: is a run store of version {version}, and this gd-tui reads {VERSION}:"
            f" use the other gd-tui, or name another directory in {VARIABLE}"
        )
    return int(version)


def _text(stored: bytes) -> str:
    """Return a stored text; one damaged byte must not keep the other rows from being read."""
    return stored.decode("utf-8", "replace")


def json_object(text: str) -> dict[str, Any]:
    """Return a stored object; `ValueError` if the text is not one."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("a stored object is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("a stored object is not one")
    return found


def stored_seed(seed: int) -> int:
    """Return a seed as SQLite holds it: in 64 bits with a sign."""
    return (seed + 2**63) % 2**64 - 2**63


def seed_of(stored: int) -> int:
    """Return a seed that was stored, from 0 to 2^64 − 1."""
    return stored % 2**64


def columns_of(connection: sqlite3.Connection, table: str) -> set[str]:
    """Return the names of a table's columns."""
    return {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall()}


def _missing(connection: sqlite3.Connection, path: Path) -> list[str]:
    """Return the statements that add what this store lacks: everything if it is empty."""
    schema = SCHEMA.split(";")
    if _version(connection, path) == 0:
        marks = (f"application_id = {APPLICATION}", f"user_version = {VERSION}")
        return [*schema, *(f"PRAGMA {mark}" for mark in marks)]
    lacking = [
        f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}"
        for table, columns in ADDED.items()
        for name in columns.keys() - columns_of(connection, table)
    ]
    tables = [table for table in ADDED_TABLES if not columns_of(connection, table)]
    return lacking + [one for one in schema for table in tables if f"TABLE {table} (" in one]


def begin(connection: sqlite3.Connection, hurried: Callable[[], bool]) -> None:
    """Begin to write, when no other program does; wait less long from when `hurried` is true."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        _when_free(lambda: connection.execute("BEGIN IMMEDIATE"), hurried)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {1000 * BUSY_SECONDS:.0f}")


def _is_busy(error: sqlite3.Error) -> bool:
    # the low byte is the primary code
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _ask(connection: sqlite3.Connection, question: str) -> str:
    """Answer a question that SQLite refuses, despite its timeout, while another process opens."""
    return str(_when_free(lambda: connection.execute(question).fetchone()[0]))


def _when_free(do: Callable[[], T], hurried: Callable[[], bool] = lambda: False) -> T:
    """Return the result of `do`, which is tried again while another program has the store."""
    begun = time.monotonic()
    while True:
        try:
            return do()
        except sqlite3.OperationalError as error:
            waited = time.monotonic() - begun
            if not _is_busy(error) or waited > (HURRIED_SECONDS if hurried() else BUSY_SECONDS):
                raise
            time.sleep(0.02)


def _wal_works(directory: Path) -> bool:
    """Whether WAL mode works in the directory, tried on a temporary file."""
    try:
        with (
            tempfile.TemporaryDirectory(
                dir=directory, prefix=".probe-", ignore_cleanup_errors=True
            ) as folder,
            contextlib.closing(sqlite3.connect(f"{folder}/probe", isolation_level=None)) as probe,
        ):
            (mode,) = probe.execute("PRAGMA journal_mode = WAL").fetchone()
            probe.execute("CREATE TABLE probe (x)")
            probe.execute("INSERT INTO probe VALUES (1)")
            found = probe.execute("SELECT x FROM probe").fetchone() == (1,)
            return bool(found) and mode == "wal"
    except (sqlite3.Error, OSError):
        return False
