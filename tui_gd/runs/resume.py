"""Reads a kept run: its settings, its data, and a trainer that continues it with the same bits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from tui_gd.errors import ProblemError
from tui_gd.problems import Problem
from tui_gd.problems.sources import Progress
from tui_gd.runs.database import store_errors
from tui_gd.runs.identity import check_arrays, check_files, differences, where_found, without_rows
from tui_gd.runs.record import RunRecord
from tui_gd.runs.recorder import Recorder, to_stderr
from tui_gd.runs.store import KeptRun, RunLock, Store
from tui_gd.session.options import MACHINES, flag_of, options_of
from tui_gd.session.settings import RunSettings
from tui_gd.training.trainer import Trainer


@dataclass(frozen=True, eq=False)
class ResumedRun:
    """A kept run ready to continue; this process holds its lock until it, or its recorder, closes.

    `settings.epochs` is the number that the run was started with, because its schedule may depend
    on it. `note` is a message for the user, or empty.
    """

    kept: KeptRun
    settings: RunSettings
    problem: Problem
    trainer: Trainer
    lock: RunLock
    path: Path
    note: str

    @property
    def id(self) -> str:
        """The run's id."""
        return self.kept.id

    @property
    def goal(self) -> int:
        """The last epoch that was wanted."""
        return max(self.kept.goal, self.kept.newest)

    @property
    def seed(self) -> int:
        """The seed of the newest random start."""
        return self.kept.seed

    def recorder(
        self, *, goal: int | None = None, warn: Callable[[str], None] = to_stderr
    ) -> Recorder:
        """Return the recorder that continues the run in the store; closing it releases the lock."""
        self.trainer.delta()  # all of it is in the store already
        return Recorder(
            self.settings,
            self.problem,
            path=self.path,
            goal=goal or self.goal,
            kept=self.kept,
            lock=self.lock,
            warn=warn,
        )

    def close(self) -> None:
        """Release the lock."""
        self.lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def settings_of(kept: KeptRun) -> RunSettings:
    """Return the settings a run was started with; paths of files that moved are updated."""
    options = options_of(RunSettings)
    values = {}
    try:
        for name, value in kept.settings.items():
            if value is not None and name in options:
                values[name] = options[name].reader.plain(value)
    except ValueError as error:
        raise ProblemError(f"run {kept.id}: its stored {flag_of(name)} {error}") from None
    settings = RunSettings(**values)
    moved: dict[str, Any] = where_found(settings, kept.identity)
    return replace(settings, **moved) if moved else settings


def open_run(
    store: Store,
    kept: KeptRun,
    show: Progress | None = None,
    machines: Mapping[str, Any] | None = None,
) -> RunRecord:
    """Read a run and load its data; `ProblemError` if the data are gone or have changed.

    `show` is told how many rows are loaded, and how many there are. Settings of other `machines` to
    load it on take the place of its own.
    """
    _check_settings(kept)
    check_files(kept.id, kept.identity)
    checkpoint = store.checkpoint(kept)
    settings = settings_of(kept)
    if machines:
        moved: dict[str, Any] = dict.fromkeys(MACHINES) | dict(machines)
        settings = replace(settings, **moved)
    problem = settings.load_problem(show)
    try:
        check_arrays(kept.id, kept.identity, kept.versions, problem)
    except ProblemError:
        problem.close()
        raise
    return RunRecord(settings, problem, checkpoint, goal=kept.goal)


def open_without_data(store: Store, kept: KeptRun, show: Progress | None = None) -> RunRecord:
    """Like `open_run`, but use the stored description of data that are gone or have changed.

    The record's `no_data` then says why it has no rows.
    """
    try:
        return open_run(store, kept, show)
    except ProblemError as error:
        described = _described(store, kept, str(error))
        if described is None:
            raise
        return described


def open_to_predict(store: Store, kept: KeptRun) -> RunRecord:
    """Read a run without its rows if their description is enough, otherwise with them."""
    return _described(store, kept, "its rows were not read") or open_run(store, kept)


def _described(store: Store, kept: KeptRun, why: str) -> RunRecord | None:
    """Return a run by the stored description of its data, None if it is not enough.

    `why` says why the record has no rows.
    """
    described = kept.identity.get("described")
    if not described:
        return None
    _check_settings(kept)
    checkpoint = store.checkpoint(kept)
    settings = settings_of(kept)
    try:
        problem = without_rows(described)
    except (ValueError, KeyError, TypeError):
        return None
    record = RunRecord(settings, problem, checkpoint, no_data=why, goal=kept.goal)
    fits = checkpoint.keyframes[0].state.shape[-1] == record.model.parameters
    return record if fits else None


def _check_settings(kept: KeptRun) -> None:
    unknown = kept.settings.keys() - options_of(RunSettings)
    if unknown:
        raise ProblemError(
            f"run {kept.id}: it was kept by gd-tui {kept.versions.get('gd-tui', '?')}, whose"
            f" settings {', '.join(sorted(unknown))} are not known here"
        )


def resume(
    store: Store,
    name: str | None = None,
    *,
    test_losses: bool = True,
    bounded: bool = False,
    show: Progress | None = None,
    machines: Mapping[str, Any] | None = None,
) -> ResumedRun:
    """Lock and open the run of that id, or the newest; `show` and `machines` as in `open_run`.

    `ProblemError`, in one line: no such run, it is locked, or its data have changed.
    """
    kept = store.latest_resumable() if name is None else store.find(name)
    with store_errors(store.path):
        lock = RunLock(store.directory, kept.id)
    try:
        kept = store.find(kept.id)  # again, now that nobody else can change it
        record = open_run(store, kept, show, machines)
        try:
            trainer = record.trainer(test_losses=test_losses, bounded=bounded)
        except ProblemError as error:
            raise ProblemError(f"run {kept.id}: {error}") from None
    except BaseException:
        lock.close()
        raise
    other = differences(kept.versions)
    note = f"run {kept.id}: {other}: its last digits may differ from here on" if other else ""
    return ResumedRun(kept, record.settings, record.problem, trainer, lock, store.path, note)
