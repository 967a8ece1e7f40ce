"""Studies: what panels want computed beside the run, on a thread of its own, and how often."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tui_gd.learning.engine import Interrupted

# a study waits at most this long for a frame to be drawn
FRAME_SECONDS = 0.05
# while a run goes on, all studies take no more than one in so many parts of the time
REST = 10.0
# the panels share it whose studies have become outdated within so many seconds
_LATELY = 1.0


class Progress:
    """What a study knows while it is made: whether it is still wanted, and how to show a part.

    `drawn`, if given, is not set while a frame is drawn: the study then waits, or the frame would
    have to wait for the interpreter lock again and again.
    """

    def __init__(self, show: Callable[[Any], None], drawn: threading.Event | None = None) -> None:
        self._wanted = True
        self._show = show
        self._drawn = drawn

    @property
    def wanted(self) -> bool:
        """Whether the study is still wanted; to be asked on the study's thread."""
        if self._drawn is not None and not self._drawn.is_set():
            self._drawn.wait(FRAME_SECONDS)
        return self._wanted

    @wanted.setter
    def wanted(self, wanted: bool) -> None:
        self._wanted = wanted

    def check(self) -> None:
        """Raise `Interrupted` unless the study is still wanted: to be called between blocks."""
        if not self.wanted:
            raise Interrupted

    def show(self, result: Any) -> None:
        """Hand over what has been found so far; it is shown, and the study goes on."""
        if self._wanted:
            self._show(result)


@dataclass(frozen=True, eq=False)
class Study:
    """Something to compute: `compute(progress)` returns the result, on another thread.

    Studies with equal keys have equal results, so a key is everything that the result depends on.
    A study that takes long calls `progress.check` now and then, which raises `Interrupted` when it
    is no longer wanted. numpy's warnings are held back and BLAS held to one thread while it
    computes. While a run goes on, studies are `seconds` apart at least.
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
    outdated_at: float = -math.inf


class Studies:
    """Says which studies to make, one at a time for each panel; `clock` returns seconds.

    On a million rows a study takes a second of the interpreter, which keys wait for too: hence the
    rests between them while a run goes on. A study that is no longer wanted is told so.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._made: dict[str, _Made] = {}
        self._drawn = threading.Event()
        self._drawn.set()

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
        made.outdated_at = now = self._clock()
        sharing = sum(now - one.outdated_at < _LATELY for one in self._made.values())
        interval = max(study.seconds, REST * sharing * made.took)
        if made.progress is not None:
            # while running every frame has another key: what has been begun is then finished
            if not running:
                made.progress.wanted = False
            return None
        if running and now - made.begun_at < interval:
            return None
        made.key, made.begun_at = study.key, now
        made.progress = Progress(show, self._drawn)
        return made.progress

    def end(self, panel: str, *, found: bool) -> bool:
        """Take note that a panel's study is over; one that found nothing may be made again.

        Return whether it was given up for another one, which is to begin now.
        """
        made = self._made[panel]
        made.progress = None
        if found:
            made.took = self._clock() - made.begun_at
            return False
        stopped, made.key = made.key is None, None
        return not stopped

    def begin_frame(self) -> None:
        """Let the studies wait until `end_frame`, wherever they ask whether they are wanted."""
        self._drawn.clear()

    def end_frame(self) -> None:
        """Let the studies go on."""
        self._drawn.set()

    def stop(self) -> None:
        """Tell all studies that nobody wants them any more, and let go of what they were about."""
        for made in self._made.values():
            made.key = None
            if made.progress:
                made.progress.wanted = False
