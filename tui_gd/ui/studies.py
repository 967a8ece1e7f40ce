"""Studies: what panels compute next to the run, on threads of their own, and how often."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tui_gd.learning.engine import Interrupted

# a study waits at most this long for a frame to be drawn
FRAME_SECONDS = 0.05
# while a run goes on, all studies together take at most one part in this many of the time
REST = 10.0
# panels share that time if their studies became outdated within this many seconds
_LATELY = 1.0


class Progress:
    """What a study can use while it computes: whether it is still wanted, and a way to show a part.

    `drawn`, if given, is clear while a frame is being drawn. The study then waits; otherwise the
    frame would have to wait for the interpreter lock again and again.
    """

    def __init__(self, show: Callable[[Any], None], drawn: threading.Event | None = None) -> None:
        self._wanted = True
        self._show = show
        self._drawn = drawn

    @property
    def wanted(self) -> bool:
        """Whether the study is still wanted; ask on the study's thread."""
        if self._drawn is not None and not self._drawn.is_set():
            self._drawn.wait(FRAME_SECONDS)
        return self._wanted

    @wanted.setter
    def wanted(self, wanted: bool) -> None:
        self._wanted = wanted

    def check(self) -> None:
        """Raise `Interrupted` unless the study is still wanted; call this between blocks."""
        if not self.wanted:
            raise Interrupted

    def show(self, result: Any) -> None:
        """Hand over what has been found so far; the panel shows it, and the study goes on."""
        if self._wanted:
            self._show(result)


@dataclass(frozen=True, eq=False)
class Study:
    """Something to compute: `compute(progress)` returns the result, on another thread.

    Studies with equal keys have equal results, so a key is everything that the result depends on. A
    long study calls `progress.check` now and then, which raises `Interrupted` when nobody wants the
    study any more. While it computes, numpy gives no warnings and BLAS has one thread. While a run
    goes on, at least `seconds` pass between two studies.
    """

    key: tuple[object, ...]
    compute: Callable[[Progress], Any]
    seconds: float = 0.25


@dataclass(slots=True)
class _Made:
    """The study of one panel: the last one begun, and whether it is still running."""

    key: tuple[object, ...] | None = None
    progress: Progress | None = None
    begun_at: float = -math.inf
    took: float = 0.0
    outdated_at: float = -math.inf


class Studies:
    """Decides which studies to run, one at a time for each panel; `clock` returns seconds.

    On a million rows a study keeps the interpreter busy for a second, and keys have to wait for it.
    While a run goes on, there are therefore pauses between studies. A study that is no longer
    wanted learns so.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._made: dict[str, _Made] = {}
        self._drawn = threading.Event()
        self._drawn.set()

    def begin(
        self, panel: str, study: Study, *, running: bool, show: Callable[[Any], None]
    ) -> Progress | None:
        """Return the progress for a study that has to run now, or None if it does not."""
        made = self._made.setdefault(panel, _Made())
        if study.key == made.key:
            return None
        made.outdated_at = now = self._clock()
        sharing = sum(now - one.outdated_at < _LATELY for one in self._made.values())
        interval = max(study.seconds, REST * sharing * made.took)
        if made.progress is not None:
            # while a run goes on, every frame has another key, so let the current study finish
            if not running:
                made.progress.wanted = False
            return None
        if running and now - made.begun_at < interval:
            return None
        made.key, made.begun_at = study.key, now
        made.progress = Progress(show, self._drawn)
        return made.progress

    def end(self, panel: str, *, found: bool) -> bool:
        """Record that a panel's study is over; if it found nothing, it may run again.

        Return whether it made way for another one, which has to begin now.
        """
        made = self._made[panel]
        made.progress = None
        if found:
            made.took = self._clock() - made.begun_at
            return False
        stopped, made.key = made.key is None, None
        return not stopped

    def begin_frame(self) -> None:
        """Let the studies wait until `end_frame`, whenever they ask whether they are wanted."""
        self._drawn.clear()

    def end_frame(self) -> None:
        """Let the studies go on."""
        self._drawn.set()

    def stop(self) -> None:
        """Tell all studies that nobody wants them any more, and forget what they were about."""
        for made in self._made.values():
            made.key = None
            if made.progress:
                made.progress.wanted = False
