"""The run store: every kept run in one SQLite file."""

import contextlib
import json
import math
import secrets
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from tui_gd.errors import ProblemError
from tui_gd.runs.database import StoreError, connect, saying, store_path
from tui_gd.runs.identity import forget_input
from tui_gd.runs.lock import DrivenError, Driver, RunLock, driver_of
from tui_gd.runs.rows import read_standing
from tui_gd.training.checkpoint import Checkpoint

ID_DIGITS = 4
STATES = ("running", "paused", "finished", "diverged", "interrupted")
_KINDS = [str, float, float, *[str] * 6, *[int] * 6]
_COLUMNS = (
    "id, began, changed, problem, settings, identity, versions, state, stopped, epoch, newest,"
    " goal, seed, next_number, lanes, best"
)


@dataclass(frozen=True, eq=False)
class KeptRun:
    """A run in the list of kept runs.

    `epoch` is where it stands, `newest` its last epoch on record, `goal` the last epoch wanted;
    `best` the least training loss of any lane, NaN if there is none. `began` and `changed` are
    seconds since 1970. `state` is one of `STATES`; `stopped` says which stop rule ended it.
    """

    id: str
    began: float
    changed: float
    problem: str
    settings: dict[str, Any]
    identity: dict[str, Any]
    versions: dict[str, str]
    state: str
    stopped: str
    epoch: int
    newest: int
    goal: int
    seed: int
    next_number: int
    lanes: int
    best: float
    driver: Driver | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what the list says, as plain values."""
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
            "began": self.began,
            "changed": self.changed,
            "driver": asdict(self.driver) if self.driver else None,
        }


class Store:
    """The store at `path`; to be used by one thread at a time. `StoreError` for all that fails.

    `create` makes one where there is none; else such a store has no runs.
    """

    def __init__(self, path: Path | None = None, *, create: bool = False) -> None:
        self.path = path or store_path()
        self._connection: sqlite3.Connection | None = None
        with saying(self.path):
            there = self.path.exists()
        if create or there:
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
            with saying(self.path):
                self._connection.close()
            self._connection = None

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do all of the body or nothing of it."""
        connection = self.connection
        with saying(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Let the body see the store as it is at one moment."""
        connection = self.connection
        with saying(self.path):
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT")

    # The list

    def runs(self) -> list[KeptRun]:
        """Return all kept runs, those first that changed last."""
        if self._connection is None:
            return []
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM runs WHERE lanes > 0 ORDER BY changed DESC, id"
            ).fetchall()
        return [self._kept(row) for row in rows]

    def find(self, name: str) -> KeptRun:
        """Return the run whose id is `name`, or begins so if only one does; `ProblemError`."""
        runs = self.runs()
        wanted = name.strip().lower()
        found = [run for run in runs if run.id == wanted]
        found = found or [run for run in runs if wanted and run.id.startswith(wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(run.id for run in found[:8])
            raise ProblemError(f"{name}: several runs begin so ({names}): type more of one")
        hint = "gd-tui runs lists them" if runs else f"none is kept in {self.directory}"
        raise ProblemError(f"{name}: no kept run has this id; {hint}")

    def newest_to_go_on(self) -> KeptRun:
        """Return the run that changed last among those that can go on; `ProblemError` if none."""
        for run in self.runs():
            if run.driver is None and run.state != "diverged":
                return run
        raise ProblemError(f"no run that could go on is kept in {self.directory}")

    def _kept(self, row: tuple[Any, ...]) -> KeptRun:
        values = dict(zip(_COLUMNS.replace(" ", "").split(","), row, strict=True))
        kinds = [type(value) for name, value in values.items() if name != "best"]
        if kinds != _KINDS or type(values["best"]) not in {float, type(None)}:
            raise self._damaged(ascii(values["id"]), "numbers and texts are confused")
        try:
            for name in ("settings", "identity", "versions"):
                values[name] = json.loads(values[name])
        except ValueError:
            raise self._damaged(values["id"], "settings") from None
        driver = driver_of(self.directory, values["id"])
        if values["best"] is None:
            values["best"] = math.nan
        at_end = values["state"] in {"finished", "diverged"}
        if driver and not at_end:
            values["state"] = "running"
        elif values["state"] not in {"paused", "finished", "diverged"}:
            values["state"] = "interrupted"
        return KeptRun(**values, driver=driver)

    def delete(self, run: str) -> None:
        """Delete a run for good; `ProblemError` if somebody drives it."""
        with saying(self.path):
            drive = RunLock(self.directory, run)
        try:
            with self.transaction() as connection:
                connection.execute("DELETE FROM runs WHERE id = ?", (run,))
            with saying(self.path):
                self.connection.execute("PRAGMA incremental_vacuum").fetchall()
            forget_input(self.directory, run)
        finally:
            drive.close(forget=True)

    # One run

    def add(self, kept: KeptRun) -> tuple[str, RunLock]:
        """Add a run, with nothing of it yet, under a new id; return that, and the right to drive.

        Nobody sees it before it has a lane: it is there from its first batch on.
        """
        while True:
            name = self._draw_id()
            try:
                with saying(self.path):
                    drive = RunLock(self.directory, name)
            except DrivenError:
                continue  # another process has drawn the same
            try:
                self._insert(replace(kept, id=name))
            except BaseException:
                drive.close(forget=True)
                raise
            return name, drive

    def _insert(self, kept: KeptRun) -> None:
        values = [
            kept.id,
            kept.began,
            kept.changed,
            kept.problem,
            *(json.dumps(one) for one in (kept.settings, kept.identity, kept.versions)),
            kept.state,
            kept.stopped,
            kept.epoch,
            kept.newest,
            kept.goal,
            kept.seed,
            kept.next_number,
            kept.lanes,
            kept.best if math.isfinite(kept.best) else None,
        ]
        marks = ", ".join("?" * len(values))
        with self.transaction() as connection:
            # what a process began and did not live to fill
            for (name,) in connection.execute("SELECT id FROM runs WHERE lanes = 0").fetchall():
                if driver_of(self.directory, name) is None:
                    connection.execute("DELETE FROM runs WHERE id = ?", (name,))
            connection.execute(f"INSERT INTO runs ({_COLUMNS}) VALUES ({marks})", values)

    def _draw_id(self) -> str:
        """Return an id that no run has: a few hexadecimal digits, more only if many are taken."""
        with saying(self.path):
            taken = {one for (one,) in self.connection.execute("SELECT id FROM runs").fetchall()}
        digits = ID_DIGITS
        while 8 * len(taken) > 16**digits:
            digits += 1
        while True:
            name = secrets.token_hex(digits)[:digits]
            if name not in taken:
                return name

    def checkpoint(self, run: KeptRun) -> Checkpoint:
        """Return all that is kept of where a run stands; `StoreError` if it does not fit."""
        with self._reading() as connection:
            try:
                checkpoint = read_standing(connection, run.id)
            except (ValueError, TypeError, KeyError, IndexError) as error:
                raise self._damaged(run.id, str(error)) from None
        if checkpoint is None:
            raise StoreError(f"run {run.id} has been deleted meanwhile")
        return checkpoint

    def _damaged(self, run: str, what: str) -> StoreError:
        return StoreError(f"{self.path}: what is kept of run {run} is damaged ({what})")


def add_identity(store: Store, run: str, identity: dict[str, Any]) -> None:
    """Put a run's identity in place of the one that was known at first."""
    with store.transaction() as connection:
        connection.execute("UPDATE runs SET identity = ? WHERE id = ?", (json.dumps(identity), run))


def now() -> float:
    """Return seconds since 1970."""
    return time.time()
