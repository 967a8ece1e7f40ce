"""The shelf: what the screens want of kept runs, whatever they are kept in.

All methods may wait for a disk: they are called on worker threads only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tui_gd.learning.buckets import Buckets

if TYPE_CHECKING:
    from tui_gd.learning.trainer import Trainer
    from tui_gd.problems import Problem
    from tui_gd.runs.exported import Exported
    from tui_gd.settings import RunSettings


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


class Shelf(Protocol):
    """Where runs are kept; `ProblemError` or `OutputError`, in one line, where something fails."""

    def runs(self) -> list[KeptRun]:
        """Return all kept runs, the newest first."""

    def read(self, run: str) -> KeptDetail:
        """Return settings and curves of one run."""

    def delete(self, run: str) -> None:
        """Delete one run for good."""

    def reopen(self, run: str) -> Reopened:
        """Return one run as it was left; from then on it is driven here."""

    def exported(self, run: str) -> "Exported":
        """Return one run as exports take it."""
