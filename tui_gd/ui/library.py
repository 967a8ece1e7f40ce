"""The library of the interface: kept runs out of the run store of this machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tui_gd.training.buckets import Buckets

if TYPE_CHECKING:
    from tui_gd.problems import Problem
    from tui_gd.runs.record import RunRecord
    from tui_gd.session.settings import RunSettings
    from tui_gd.training.trainer import Trainer
from pathlib import Path
from typing import TYPE_CHECKING

from tui_gd.runs.store import Store
from tui_gd.training.buckets import curve_of
from tui_gd.training.checkpoint import Checkpoint, LaneRecord

if TYPE_CHECKING:
    from tui_gd.runs.record import RunRecord
import threading

from tui_gd.training.trainer import Trainer

# The library: what the screens want of kept runs, whatever they are kept in.


@dataclass(frozen=True)
class KeptRun:
    """A line of the list of kept runs.

    `when` is in seconds since 1970, `best` the lowest training loss of any lane (NaN: none).
    `driver` says who drives the run now; empty for nobody.
    """

    id: str
    when: float
    problem: str
    lanes: int
    epochs: int
    best: float
    state: str
    driver: str = ""


@dataclass(frozen=True, eq=False)
class KeptLane:
    """One lane of a kept run: how it descended last, and its curves. NaN is: not on record."""

    name: str
    learning_rate: float
    optimizer: str
    loss_name: str
    epochs: int
    train: Buckets
    test: Buckets
    last: float
    last_test: float


@dataclass(frozen=True, eq=False)
class KeptDetail:
    """What is shown of one kept run: its settings by the names of the options, and its lanes."""

    settings: Mapping[str, Any]
    lanes: tuple[KeptLane, ...]
    accuracy: float | None = None


class RunKeeper(Protocol):
    """What keeps the run on the screen; `id` is its name there, None before its first epoch."""

    @property
    def id(self) -> str | None:
        """The run's id."""

    def take(self, trainer: "Trainer", state: str, seed: int) -> object:
        """Copy what is new of the run; on the runner's thread."""

    def close(self, trainer: "Trainer | None", state: str, seed: int) -> None:
        """Have the run written as it is now, and give it back; may wait for a disk.

        Without a trainer as it was told last.
        """


@dataclass(frozen=True, eq=False)
class Reopened:
    """A kept run made ready to go on.

    `seed` is that of its newest random start, `goal` the last epoch that was wanted, `note`
    something to be said, or empty. `keeper`, given what tells of faults, returns what goes on
    keeping it.
    """

    id: str
    settings: "RunSettings"
    problem: "Problem"
    trainer: "Trainer"
    seed: int
    goal: int
    note: str = ""
    keeper: Callable[[Callable[[str], None]], RunKeeper] | None = None


class RunLibrary(Protocol):
    """Where runs are kept; `ProblemError` or `OutputError`, in one line, where something fails."""

    def runs(self) -> list[KeptRun]:
        """Return all kept runs, the newest first."""

    def read(self, run: str) -> KeptDetail:
        """Return settings and curves of one run."""

    def delete(self, run: str) -> None:
        """Delete one run for good."""

    def reopen(self, run: str) -> Reopened:
        """Return one run as it was left; from then on it is driven here."""

    def exported(self, run: str) -> "RunRecord":
        """Return one run as exports take it."""


# a curve is drawn from so many buckets at most: more than any screen has dots
MOST_BUCKETS = 2048


class StoredRunLibrary:
    """Opens the store for every question: other programs write to it meanwhile."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def runs(self) -> list[KeptRun]:
        """Return all kept runs, those first that changed last."""
        with Store(self._path) as store:
            return [
                KeptRun(
                    run.id,
                    run.changed,
                    run.problem,
                    run.lanes,
                    run.newest,
                    run.best,
                    run.state,
                    str(run.locked_by) if run.locked_by else "",
                )
                for run in store.runs()
            ]

    def read(self, run: str) -> KeptDetail:
        """Return settings and curves of one run."""
        with Store(self._path) as store:
            kept = store.find(run)
            checkpoint = store.checkpoint(kept)
        lanes = tuple(_lane(lane, checkpoint) for lane in checkpoint.lanes)
        return KeptDetail(kept.settings, lanes)

    def delete(self, run: str) -> None:
        """Delete one run for good."""
        with Store(self._path) as store:
            store.delete(store.find(run).id)

    def reopen(self, run: str) -> Reopened:
        """Return one run as it was left; from then on it is driven here."""
        from tui_gd.runs.resume import resume

        with Store(self._path) as store:
            resumed = resume(store, run, bounded=True)
        return Reopened(
            resumed.id,
            resumed.settings,
            resumed.problem,
            resumed.trainer,
            resumed.seed,
            resumed.goal,
            resumed.note,
            lambda warn: resumed.recorder(warn=warn),
        )

    def exported(self, run: str) -> "RunRecord":
        """Return one run as exports take it."""
        from tui_gd.runs.resume import open_without_data

        with Store(self._path) as store:
            return open_without_data(store, store.find(run))


def _lane(lane: LaneRecord, checkpoint: Checkpoint) -> KeptLane:
    train, test = (checkpoint.series[name][lane.number] for name in ("train", "test"))
    _, optimizer, loss = lane.methods[-1]
    return KeptLane(
        lane.name,
        lane.rates[-1][1],
        optimizer,
        loss,
        lane.recorded,
        curve_of(train, MOST_BUCKETS),
        curve_of(test, MOST_BUCKETS),
        train.at(train.stop - 1),
        test.at(test.stop - 1),
    )


# Asks a run where it stands, on the thread that drives it, and hands it on to be kept.

# one pass over the data may take so long
PATIENCE_SECONDS = 30.0


class CheckpointTap:
    """Passes what a runner tells on to `keeper`, and takes a copy of the run when asked to."""

    def __init__(self, keeper: RunKeeper | None = None) -> None:
        self.keeper = keeper
        self._asking = threading.Lock()
        self._wanted = False
        self._answered = threading.Event()
        self._standing: Checkpoint | None = None

    def take(self, trainer: Trainer, state: str, seed: int) -> None:
        """Pass on; called on the runner's thread."""
        if self._wanted:
            self._wanted = False
            self._standing = trainer.checkpoint(seed)
            self._answered.set()
        if self.keeper:
            self.keeper.take(trainer, state, seed)

    def ask(
        self, prod: Callable[[], object], seconds: float = PATIENCE_SECONDS
    ) -> Checkpoint | None:
        """Return where the run stands; None if the runner has not said so within `seconds`.

        `prod` has the runner tell of the run soon. Not to be called on the interface's thread.
        """
        with self._asking:
            self._answered.clear()
            self._standing = None
            self._wanted = True
            prod()
            self._answered.wait(seconds)
            self._wanted = False
            checkpoint, self._standing = self._standing, None
            return checkpoint
