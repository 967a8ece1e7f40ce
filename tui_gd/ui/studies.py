"""Studies: what panels want computed beside the run, on a thread of its own, and how often."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# while a run goes on, the studies of a panel take no more than one in so many parts of the time
REST = 10.0


class Progress:
    """What a study knows while it is made: whether it is still wanted, and how to show a part."""

    def __init__(self, show: Callable[[Any], None]) -> None:
        self.wanted = True
        self._show = show

    def show(self, result: Any) -> None:
        """Hand over what has been found so far; it is shown, and the study goes on."""
        if self.wanted:
            self._show(result)


@dataclass(frozen=True, eq=False)
class Study:
    """Something to compute: `compute(progress)` returns the result, on another thread.

    Studies with equal keys have equal results, so a key is everything that the result depends on.
    A study that takes long looks at `progress.wanted` now and then and raises `Interrupted` when
    that is false. numpy's warnings are held back and BLAS held to one thread while it computes.
    While a run goes on, studies are `seconds` apart at least.
    """

    key: tuple[object, ...]
    compute: Callable[[Progress], Any]
    seconds: float = 0.25


@dataclass(slots=True)
class _Made:
    """The study of one panel: the last one begun, and whether it is still being made."""

    key: tuple[object, ...] | None = None
    progress: Progress | None = None
    begun_at: float = -math.inf
    took: float = 0.0


class Studies:
    """Says which studies to make, one at a time for each panel; `clock` returns seconds.

    On a million rows a study takes a second of the interpreter, which keys wait for too: hence the
    rests between them while a run goes on. A study that is no longer wanted is told so.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._made: dict[str, _Made] = {}

    @property
    def busy(self) -> bool:
        """Whether any study is being made."""
        return any(made.progress for made in self._made.values())

    def begin(
        self, panel: str, study: Study, *, running: bool, show: Callable[[Any], None]
    ) -> Progress | None:
        """Return what a panel's study is to be made with now, None if it is not to be made."""
        made = self._made.setdefault(panel, _Made())
        if study.key == made.key:
            return None
        now = self._clock()
        interval = max(study.seconds, REST * made.took)
        if made.progress is not None:
            # while running every frame has another key: what has been begun is then finished
            made.progress.wanted &= running
            return None
        if running and now - made.begun_at < interval:
            return None
        made.key, made.begun_at, made.progress = study.key, now, Progress(show)
        return made.progress

    def end(self, panel: str, *, found: bool) -> None:
        """Take note that a panel's study is over; one that found nothing may be made again."""
        made = self._made[panel]
        made.progress = None
        if found:
            made.took = self._clock() - made.begun_at
        else:
            made.key = None

    def stop(self) -> None:
        """Tell all studies that nobody wants them any more."""
        for made in self._made.values():
            if made.progress:
                made.progress.wanted = False
