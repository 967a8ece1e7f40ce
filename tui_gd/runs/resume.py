"""From a kept run to its settings, its problem, and a trainer that goes on with the same bits."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from tui_gd.errors import ProblemError
from tui_gd.learning.models import Model
from tui_gd.problems import Problem
from tui_gd.runs.database import saying
from tui_gd.runs.identity import check_arrays, check_files, differences, where_found, without_rows
from tui_gd.runs.lock import RunLock
from tui_gd.runs.recorder import Recorder, to_stderr
from tui_gd.runs.store import KeptRun, Store
from tui_gd.session.settings import RunSettings, flag_of, options_of
from tui_gd.training.checkpoint import Checkpoint
from tui_gd.training.trainer import Trainer


@dataclass(frozen=True, eq=False)
class Opened:
    """A kept run with its data: what can be shown and exported, whoever drives it.

    `gone` says why its rows cannot be had; it is empty if they are there.
    """

    kept: KeptRun
    settings: RunSettings
    problem: Problem
    checkpoint: Checkpoint
    gone: str = ""

    def trainer(self, *, test_losses: bool = True, bounded: bool = False) -> Trainer:
        """Return a trainer that stands where the run stands; `ProblemError` if it cannot be.

        A `bounded` one keeps the numbers of as many epochs as are looked at, not of all.
        """
        try:
            start = self.checkpoint.keyframes[0].state[0, 0]
            trainer = self.settings.make_trainer(
                self.problem,
                test_losses=test_losses,
                initial_weights=start,
                bounded=bounded,
            )
            trainer.restore(self.checkpoint)
        except (ValueError, KeyError, IndexError) as error:
            raise ProblemError(f"run {self.kept.id} cannot be taken up again: {error}") from None
        return trainer


@dataclass(frozen=True, eq=False)
class Resumed:
    """A kept run made ready to go on, driven by this process until `recorder` or it is closed.

    `settings.epochs` is the number that the run was begun with, for its schedule may depend on it;
    `goal` is the last epoch that was wanted. `note` is something to be said, or empty.
    """

    opened: Opened
    trainer: Trainer
    drive: RunLock
    path: Path
    note: str

    @property
    def id(self) -> str:
        """The run's id."""
        return self.opened.kept.id

    @property
    def settings(self) -> RunSettings:
        """The settings that the run was begun with."""
        return self.opened.settings

    @property
    def problem(self) -> Problem:
        """What is learned from."""
        return self.opened.problem

    @property
    def goal(self) -> int:
        """The last epoch that was wanted."""
        return max(self.opened.kept.goal, self.opened.checkpoint.newest)

    @property
    def seed(self) -> int:
        """The seed of the newest random start."""
        return self.opened.checkpoint.seed

    def recorder(
        self, *, goal: int | None = None, tell: Callable[[str], None] = to_stderr
    ) -> Recorder:
        """Return what goes on keeping the run; closing it gives the run back."""
        self.trainer.delta()  # all of it is in the store
        return Recorder(
            self.settings,
            self.problem,
            path=self.path,
            goal=goal or self.goal,
            kept=self.opened.kept,
            drive=self.drive,
            tell=tell,
        )

    def close(self) -> None:
        """Give the run back."""
        self.drive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def settings_of(kept: KeptRun) -> RunSettings:
    """Return the settings that a run was begun with; its files by paths that hold from here."""
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


def open_run(store: Store, kept: KeptRun) -> Opened:
    """Read a run and load its data; `ProblemError` if these are gone or are others than then."""
    _check_settings(kept)
    check_files(kept.id, kept.identity)
    checkpoint = store.checkpoint(kept)
    settings = settings_of(kept)
    problem = settings.load_problem()
    check_arrays(kept.id, kept.identity, kept.versions, problem)
    return Opened(kept, settings, problem, checkpoint)


def open_to_export(store: Store, kept: KeptRun) -> Opened:
    """Do `open_run`; where its data are gone or are others, with what is known of them instead."""
    try:
        return open_run(store, kept)
    except ProblemError as error:
        described = kept.identity.get("described")
        if not described:
            raise
        _check_settings(kept)
        checkpoint = store.checkpoint(kept)
        settings = settings_of(kept)
        try:
            problem = without_rows(described)
        except (ValueError, KeyError, TypeError):
            raise error from None
        model = Model(problem.features, problem.outputs, settings.hidden, settings.activation)
        if checkpoint.keyframes[0].state.shape[-1] != model.parameters:
            raise
        return Opened(kept, settings, problem, checkpoint, str(error))


def _check_settings(kept: KeptRun) -> None:
    unknown = kept.settings.keys() - options_of(RunSettings)
    if unknown:
        raise ProblemError(
            f"run {kept.id}: was kept by another gd-tui ({kept.versions.get('gd-tui', '?')}), whose"
            f" settings {', '.join(sorted(unknown))} are not known here"
        )


def resume(
    store: Store,
    name: str | None = None,
    *,
    test_losses: bool = True,
    bounded: bool = False,
) -> Resumed:
    """Take up the run of that id, or the newest that can go on; see `Resumed`.

    `ProblemError`, in one line: no such run, somebody else drives it, its data have changed.
    """
    kept = store.newest_to_go_on() if name is None else store.find(name)
    with saying(store.path):
        drive = RunLock(store.directory, kept.id)
    try:
        # as it is now that nobody else can change it
        opened = open_run(store, store.find(kept.id))
        trainer = opened.trainer(test_losses=test_losses, bounded=bounded)
    except BaseException:
        drive.close()
        raise
    other = differences(kept.versions)
    note = f"run {kept.id}: {other}: its last digits may differ from here on" if other else ""
    return Resumed(opened, trainer, drive, store.path, note)
