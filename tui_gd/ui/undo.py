"""Undo: the runs that a key has replaced stay in memory, so that undo can bring them back."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings
from tui_gd.training.checkpoint import Checkpoint

LEVELS = 50
"""At most this many runs are kept …"""
BYTES = 256 << 20
"""… and the oldest go first if they take more bytes than this; the newest always stays."""


@dataclass(frozen=True)
class Change:
    """What a key does and what it replaces, in words; `both`: a branch would keep both."""

    done: str
    before: str
    both: bool = False


@dataclass(frozen=True, eq=False)
class Earlier:
    """A run as it was before a key replaced it; `words` name it: `the 100 epochs of seed 3`.

    `wanted` are its settings as given; choices that depend on the data are still open in them.
    `checkpoint` is filled on the runner's thread. `seed` is that of the newest random start, `goal`
    the last epoch wanted, `kept` the id of the kept run, if any.
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
    """Two stacks: the runs before the one on the screen, and the runs that undo has left."""

    def __init__(self, levels: int = LEVELS, most_bytes: int = BYTES) -> None:
        self._levels, self._most_bytes = levels, most_bytes
        self._before: list[Earlier] = []
        self._after: list[Earlier] = []

    @property
    def before(self) -> Earlier | None:
        """The run that undo would bring back."""
        return self._before[-1] if self._before else None

    @property
    def after(self) -> Earlier | None:
        """The run that redo would bring back."""
        return self._after[-1] if self._after else None

    def push(self, earlier: Earlier) -> None:
        """Keep the run that is being replaced; after this, nothing can be redone."""
        self._before.append(earlier)
        self._after.clear()
        self._trim()

    def swap(self, now: Earlier, *, back: bool) -> None:
        """Remove the run to bring back; put the run on the screen on the other stack."""
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
    """Return the bytes of a run, as far as they are known by now."""
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
