"""When a report is due: at every epoch at rest, while running no more often than eyes need."""

import math
from collections.abc import Callable

from tui_gd.settings import RunSettings
from tui_gd.snapshot import RunState, Snapshot

SECONDS = 1.0
REST = 10.0  # while running, reports take no more than this part of the time


class ReportSchedule:
    """Says when to make a report; one is made at a time. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._key: tuple[object, ...] | None = None
        self._busy = False
        self._begun_at = -math.inf
        self._took = 0.0

    def due(self, settings: RunSettings, snapshot: Snapshot) -> bool:
        """Return whether to make a report of `snapshot` now; if so, `done` is to follow."""
        key = (settings, snapshot.seed, snapshot.current, snapshot.epoch, snapshot.lane.loss)
        now = self._clock()
        # on a million rows a report takes a second of the interpreter, which keys wait for too
        interval = max(SECONDS, REST * self._took)
        soon = now - self._begun_at < interval and snapshot.state is RunState.RUNNING
        if self._busy or soon or key == self._key:
            return False
        self._busy, self._key, self._begun_at = True, key, now
        return True

    def done(self) -> None:
        """Take note that the report is made."""
        self._busy = False
        self._took = self._clock() - self._begun_at
