"""Writes a live run into the store: copies on the trainer's thread, writes on its own."""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any

from tui_gd.errors import ProblemError
from tui_gd.problems import Problem
from tui_gd.runs.database import StoreError
from tui_gd.runs.identity import (
    identity,
    keep_input,
    keep_parts,
    versions_here,
    with_digests,
)
from tui_gd.runs.store import KeptRun, RunLock, Store
from tui_gd.runs.writer import Batch, Writer
from tui_gd.session.settings import RunSettings
from tui_gd.training.trainer import Trainer

QUEUE = 4
"""At rest, up to this many batches wait; a running run waits for the batch before."""
RETRY_SECONDS = 5.0
"""The pause after a batch that could not be written."""
CLOSE_SECONDS = 20.0
OPEN_SECONDS = 2.0
"""On the way out, a store that cannot be opened is waited for this long, a slow disk longer."""
DIGEST_SECONDS = 2.0


def to_stderr(message: str) -> None:
    """Print a line on stderr."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(f"gd-tui: {message}", file=sys.stderr, flush=True)


class Recorder:
    """Keeps one run in the store; a fault of the store never stops the training.

    The run is stored from its first whole epoch on and has an `id` from then. Call `take` on the
    trainer's thread about twice a second and after every change to the run. `warn` gets one line if
    the run cannot be kept. `kept` and `lock` continue a stored run; the trainer must have been
    asked for its delta before (`Trainer.delta`), so that only later changes are new. The recorder's
    thread calls `give_way`, which may wait, before it writes what is new of a lane.
    """

    give_way: Callable[[], object]

    def __init__(
        self,
        settings: RunSettings,
        problem: Problem,
        *,
        path: Path | None = None,
        goal: int | None = None,
        kept: KeptRun | None = None,
        lock: RunLock | None = None,
        warn: Callable[[str], None] = to_stderr,
    ) -> None:
        self.id = kept.id if kept else None
        self.fault = ""
        self.give_way = lambda: None
        self._settings, self._problem = settings, problem
        self._path, self._warn = path, warn
        self._goal = goal or settings.epochs
        self._lock = lock
        self._started = time.time()
        self._identity: dict[str, Any] = kept.identity if kept else {}
        self._digested: dict[str, Any] | None = None
        self._digesting: threading.Thread | None = None
        self._queue = Queue[tuple[int, Batch] | None]()  # None: no more batches will come
        self._closing = self._ended = False
        self._dead = False  # the run can no longer be kept
        # batches from before the last failure no longer fit: the next one is a whole checkpoint
        self._failures = self._known_failures = 0
        self._retry_at = 0.0
        self._last: tuple[object, ...] | None = None
        self._seed = kept.seed if kept else settings.seed
        self._word = kept.state if kept else ""
        self._store: Store | None = None
        self._writer: Writer | None = None
        self._thread: threading.Thread | None = None
        if kept is None:
            try:
                self._identity = identity(settings, problem)
            except OSError as error:
                self._give_up(f"the run is not kept: {error}")

    def take(
        self, trainer: Trainer, state: str, seed: int | None = None, goal: int | None = None
    ) -> bool:
        """Copy what is new of the run and return whether it will be written.

        While `state` is running and the batch before is still being written, nothing is copied; the
        next call will have it. `seed` is that of the newest random start, `goal` the last epoch
        wanted; None keeps what was given before.
        """
        word = state.lower()
        if self._dead or self._ended or (self.id is None and trainer.newest == 0):
            return False
        if self._lost and not self._closing and time.monotonic() < self._retry_at:
            return False
        waiting = self._queue.unfinished_tasks
        if not self._closing and waiting >= (1 if word == "running" else QUEUE):
            return False
        self._seed = self._seed if seed is None else seed
        self._goal = self._goal if goal is None else goal
        failures = self._failures
        lost, self._known_failures = failures != self._known_failures, failures
        delta = trainer.delta()
        # a restart that was undone has more keyframes than the one in its delta
        whole = lost or (delta.restart is not None and self.id is not None and delta.newest > 0)
        checkpoint = trainer.checkpoint(self._seed) if whole else None
        stop = trainer.stopped, trainer.stopped_at
        goal = max(self._goal, delta.newest)
        mark = (delta.epoch, delta.lanes, word, self._seed, goal, stop)
        if (
            not (checkpoint or delta.restart or delta.changes or delta.entries)
            and mark == self._last
        ):
            return True
        self._last, self._word = mark, word
        self._queue.put((failures, Batch(delta, checkpoint, word, *stop, self._seed, goal)))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
            self._thread.start()
        return True

    def wait(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until every batch has been written; return whether they all have been."""
        done = self._queue.all_tasks_done
        with done:
            return done.wait_for(lambda: not self._queue.unfinished_tasks, seconds)

    def close(
        self,
        trainer: Trainer | None = None,
        state: str | None = None,
        seed: int | None = None,
        goal: int | None = None,
    ) -> None:
        """Write everything, with a last copy from `trainer`, and release the run's lock.

        A run that is closed while running is stored as paused.
        """
        if self._closing:
            return
        self._closing = True
        word = (state or self._word).lower()
        word = "paused" if word == "running" else word
        if trainer is not None:
            self.take(trainer, word, seed, goal)
        self._word, self._ended = word, True
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(OPEN_SECONDS)
            if self._store is not None:
                self._thread.join(CLOSE_SECONDS)
        if self._lock is not None:
            self._lock.close()

    @property
    def missing(self) -> str:
        """Why the end of the run has not been written, empty if it has; to be asked at the end."""
        if self._dead or self._lost:
            return self.fault
        if self._thread is not None and self._thread.is_alive():
            return self.fault or "the run is not kept: the store does not answer"
        return ""

    @property
    def _lost(self) -> bool:
        """Whether a batch was lost and no whole checkpoint has been queued since."""
        return self._failures != self._known_failures

    # On the recorder's own thread

    def _run(self) -> None:
        while item := self._queue.get():
            failures, batch = item
            if failures == self._failures and not self._dead:
                self._guarded(partial(self._write, batch))
            self._queue.task_done()
        self._guarded(self._finish)
        self._close_store()
        self._queue.task_done()

    def _guarded(self, do: Callable[[], None]) -> None:
        """Do something whose faults must not end the training."""
        try:
            try:
                do()
            except StoreError as error:
                self._failed(error)
        except Exception as error:
            self._give_up(f"the run is no longer kept: {type(error).__name__}: {error}")
            self._close_store()

    def _close_store(self) -> None:
        if self._store is not None:
            with suppress(StoreError):
                self._store.close()

    def _write(self, batch: Batch) -> None:
        if self._store is None:
            self._store = Store(self._path, create=True)
            self._store.hurried = lambda: self._closing
        if self._writer is None:
            if self.id is None:
                self._add(self._store, batch)
            assert self.id is not None
            try:
                keep_parts(self._store.directory, self.id, self._problem)
            except ProblemError as error:
                self._say(f"{error}; the data are read again on resume")
            self._writer = Writer(self._store, self.id, self._give_way)
            if "arrays" not in self._identity:
                self._digesting = threading.Thread(target=self._digest, name="digest", daemon=True)
                self._digesting.start()
        self._writer.write(batch)
        self._add_digests()

    def _give_way(self) -> None:
        self.give_way()  # another runner may have set it since

    def _failed(self, error: StoreError) -> None:
        """Drop the batches that could not be written; later the whole run is written again."""
        what = "the run is not kept" if self.id is None else f"run {self.id} is not kept from here"
        if error.lasting:
            self._give_up(f"{what}: {error}")
            return
        self._say(f"{what}: {error}")
        # before the failure is counted: `take` reads it once there is one
        self._retry_at = time.monotonic() + RETRY_SECONDS
        self._failures += 1

    def _give_up(self, message: str) -> None:
        self._dead = True
        self._say(message)

    def _say(self, message: str) -> None:
        if not self.fault:
            self.fault = " ".join(message.split())
            self._warn(self.fault)

    def _add(self, store: Store, batch: Batch) -> None:
        """Add the run to the store under a new id; its first batch follows."""
        settings = self._settings
        kept = KeptRun(
            id="",
            started=self._started,
            changed=time.time(),
            problem=settings.problem if settings.surface is None else settings.surface,
            settings=settings.as_dict(),
            identity=self._identity,
            versions=versions_here(),
            state=batch.state,
            goal=batch.goal,
            seed=batch.seed,
        )
        self.id, self._lock = store.add(kept)
        if self._identity.get("stdin"):
            file = keep_input(store.directory, self.id)
            if file is not None:
                self._identity = {**self._identity, "files": [file, *self._identity["files"]]}
                store.set_identity(self.id, self._identity)

    def _digest(self) -> None:
        self._digested = with_digests(self._identity, self._problem)

    def _add_digests(self) -> None:
        if self._digested is not None and self._store is not None and self.id is not None:
            self._store.set_identity(self.id, self._digested)
            self._digested = None

    def _finish(self) -> None:
        """Write the digests and the final state."""
        if self._store is None or self.id is None or self._dead or self._lost:
            return
        if self._digesting is not None:
            self._digesting.join(DIGEST_SECONDS)
        self._add_digests()
        with self._store.transaction() as connection:
            connection.execute("UPDATE runs SET state = ? WHERE id = ?", (self._word, self.id))
