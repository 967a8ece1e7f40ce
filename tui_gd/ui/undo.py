"""Undo: runs that a key has replaced, kept in memory to be brought back."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings
from tui_gd.training.checkpoint import Checkpoint

LEVELS = 50
"""So many runs are kept at most …"""
BYTES = 256 << 20
"""… and the oldest go first when they take more than this; the newest always stays."""


@dataclass(frozen=True)
class Change:
    """What a key does and what it replaces, in words; `both`: a branch would keep both."""

    done: str
    before: str
    both: bool = False


@dataclass(frozen=True, eq=False)
class Earlier:
    """A run as it was before a key replaced it; `words` name it: `the 100 epochs of seed 3`.

    `wanted` are its settings as they were asked for: what is chosen by the data is open in them.
    `checkpoint` is filled on the runner's thread. `seed` is that of the newest random start, `goal`
    the last epoch wanted, `kept` the id under which it is kept, if it is.
    """

    words: str
    settings: RunSettings
    wanted: RunSettings
    problem: Problem
    checkpoint: "Future[Checkpoint]"
    seed: int
    goal: int
    kept: str | None = None


class Undo:
    """Two stacks: the runs before the one on the screen, and those that undoing has left."""

    def __init__(self, levels: int = LEVELS, most_bytes: int = BYTES) -> None:
        self._levels, self._most_bytes = levels, most_bytes
        self._before: list[Earlier] = []
        self._after: list[Earlier] = []

    @property
    def before(self) -> Earlier | None:
        """What undo would bring back."""
        return self._before[-1] if self._before else None

    @property
    def after(self) -> Earlier | None:
        """What redo would bring back."""
        return self._after[-1] if self._after else None

    def push(self, earlier: Earlier) -> None:
        """Keep the run that is replaced now; nothing can be redone any more."""
        self._before.append(earlier)
        self._after.clear()
        self._trim()

    def swap(self, now: Earlier, *, back: bool) -> None:
        """Take what `before`, or `after`, has; keep the run on the screen on the other stack."""
        source, other = (self._before, self._after) if back else (self._after, self._before)
        source.pop()
        other.append(now)
        self._trim()

    def _trim(self) -> None:
        runs = [*self._before, *reversed(self._after)]
        problems = {id(run.problem): _problem_bytes(run.problem) for run in runs}
        used = sum(map(_bytes, runs)) + sum(problems.values())
        while len(self._before) > 1 and (len(runs) > self._levels or used > self._most_bytes):
            oldest = self._before.pop(0)
            runs.remove(oldest)
            used -= _bytes(oldest)
            if all(run.problem is not oldest.problem for run in runs):
                used -= problems[id(oldest.problem)]


def _bytes(earlier: Earlier) -> int:
    """Return what a run takes, as far as it is known by now."""
    done = earlier.checkpoint.done() and not earlier.checkpoint.cancelled()
    return sum(_arrays(earlier.checkpoint.result())) if done else 0


def _arrays(checkpoint: Checkpoint) -> Iterator[int]:
    yield from (frame.state.nbytes for frame in checkpoint.keyframes)
    for lanes in checkpoint.series.values():
        for known in lanes.values():
            yield known.values.nbytes + known.thinned.epochs.nbytes + known.thinned.values.nbytes


def _problem_bytes(problem: Problem) -> int:
    arrays = (problem.x_train, problem.y_train, problem.x_test, problem.y_test)
    return sum(array.nbytes for array in (*arrays, problem.x_validation, problem.y_validation))
