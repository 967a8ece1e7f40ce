"""gd-tui driven through Textual's pilot: what is pressed, and what a person can then read."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from textual import events
from textual.keys import _character_to_key
from textual.pilot import WaitForScreenTimeout

from tests.status import Status, status_in
from tests.ui.libraries import three_runs
from tui_gd.plots.symbols import UNICODE, Depth, Symbols
from tui_gd.session.runner import Doing
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.ui.app import GdApp
from tui_gd.ui.context import Beginning, Context, LastView, Preferences
from tui_gd.ui.panels.panel import Panel
from tui_gd.ui.panels.widget import CellView, PanelWidget
from tui_gd.ui.screens.live_run import LiveRun
from tui_gd.ui.screens.run import RunScreen
from tui_gd.ui.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from textual.pilot import Pilot

# seconds that a busy machine may need; a passing test never waits that long
PATIENCE = 60.0
# so many checks in a row must find nothing left to do
ROUNDS = 3
# the groups of work that `answered` does not wait for; in `default`, actions ask a person
BESIDE = frozenset({"default", "study", "list", "read"})
# weights that get 252 of the 500 test rows of `blobs` wrong, some in each class
WEIGHTS = (0.5, -0.25, 0.125)


class Driver:
    """An app under Textual's pilot; `until` waits for what a person must see."""

    def __init__(self, app: GdApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def screen(self) -> RunScreen:
        assert self.app.run_screen
        return self.app.run_screen

    @property
    def run(self) -> LiveRun:
        return self.screen.run

    async def press(self, *keys: str) -> None:
        """Press keys by Textual's names, or the characters of a text to type.

        Each is answered before the next one comes: see `answered`.
        """
        for key in keys:
            await self.press_at_once(key)

    async def press_at_once(self, *keys: str) -> None:
        """Press keys without a pause; wait for the answer to the last one."""
        for key in keys:
            name = _character_to_key(key) if len(key) == 1 else key
            self.app._driver.send_message(events.Key(name, key if len(key) == 1 else None))
        await self.answered()

    async def type(self, text: str) -> None:
        """Type a text, quickly."""
        await self.press_at_once(*text)

    async def answered(self) -> None:
        """Wait until everything that keys, clicks and commands have caused is done and drawn.

        All messages are handled, runs are loaded, files are written; the runner rests, or runs
        with no command left, and its snapshot is drawn. Only studies and the reading of kept runs
        may go on. Event loops pass messages on in several rounds, so several checks must agree.
        """
        deadline = time.monotonic() + PATIENCE
        rounds, drawn = 0, self._what_is_drawn()
        while rounds < ROUNDS and not self.app._exit:
            done = await self._messages_seen_to() and self._all_is_done()
            if done and self._is_drawn(drawn):
                rounds += 1
                continue
            if not done:
                drawn = self._what_is_drawn()
            rounds = 0
            if self.app._exception:
                raise self.app._exception
            if time.monotonic() > deadline:
                raise AssertionError(f"never answered\n{self.text()}")
            await asyncio.sleep(0.001)

    async def _messages_seen_to(self) -> bool:
        """Wait until every widget has handled the messages that it has now; return whether it has.

        False if the app ends or the screen changes meanwhile.
        """
        screen = self.app.screen
        seen = asyncio.ensure_future(self.pilot._wait_for_screen(PATIENCE / 10))
        while not seen.done() and not self.app._exit and self.app.screen is screen:
            await asyncio.wait([seen], timeout=0.1)
        if not seen.done():
            seen.cancel()
            return False
        try:
            return await seen
        except WaitForScreenTimeout:
            return False

    def _all_is_done(self) -> bool:
        """Whether no thread works for a key any more; a run that goes on is allowed."""
        at_work = [worker for worker in self.app.workers if worker.group not in BESIDE]
        runner = self.run.runner
        if runner is None or not runner._thread.is_alive():
            return all(worker.is_finished for worker in at_work)
        if runner.snapshot.state is RunState.RUNNING:
            idle = runner._doing is not Doing.COMMAND and not runner._inbox
        else:
            idle = runner.resting and not runner.waits
        return idle and all(worker.is_finished for worker in at_work)

    def _what_is_drawn(self) -> Snapshot | None:
        return self.screen._drawn

    def _is_drawn(self, before: Snapshot | None) -> bool:
        """Whether the latest snapshot is drawn, or while training one after `before`."""
        screen, runner = self.screen, self.run.runner
        seen = screen.is_active or self.app.screen.is_modal
        if runner is None or screen.board.tiny or not seen:
            return True
        drawn = screen._drawn
        return not screen._stale and (
            drawn is runner.snapshot or (self.run.training and drawn is not before)
        )

    async def until(self, seen: Callable[[], Any], what: str = "") -> None:
        """Wait until `seen()` is true."""
        deadline = time.monotonic() + PATIENCE
        while not seen():
            if time.monotonic() > deadline:
                raise AssertionError(f"not seen: {what or seen}\n{self.text()}")
            await asyncio.sleep(0.005)

    async def status(self, **wanted: object) -> Status:
        """Wait until the status line's fields are `wanted`; return it."""

        def shows() -> bool:
            now = self.read_status()
            return now is not None and all(getattr(now, k) == v for k, v in wanted.items())

        await self.until(shows, f"status with {wanted}")
        now = self.read_status()
        assert now
        return now

    async def settled(self) -> None:
        """Wait until the next step's arithmetic and this epoch's report are on the screen."""

        def rests() -> bool:
            if self.run.runner is None or self.studying:
                return False
            snapshot, report = self.run.runner.snapshot, self.screen.board.report
            about = f"epoch {snapshot.epoch}"
            if len(snapshot.lanes) > 1:
                about += f", lane {snapshot.lane.name}"
            known = not np.isnan(snapshot.lane.next_loss)
            return known and (not self.screen.board.shows(report) or report.about == about)

        await self.until(lambda: self.run.runner is not None, "a runner")
        await self.answered()
        while not rests():
            await self.until(rests, "a run at rest")
            await self.answered()

    @property
    def studying(self) -> bool:
        """Whether a study is under way, or its result on its way to the panel."""
        return any(w.group == "study" and not w.is_finished for w in self.app.workers)

    def read_status(self) -> Status | None:
        return status_in(self.read("#status"))

    def read(self, selector: str) -> str:
        """The text of a panel, of `#status` or of `#keys`."""
        cells = self.screen.query_one(selector, CellView).cells
        return "" if cells is None else "\n".join(cells.text())

    def shown(self) -> list[str]:
        """The names of the panels that are shown, in their order."""
        return [panel.NAME for panel in self._in_order() if self.screen.board.shows(panel)]

    def _in_order(self) -> list[Panel]:
        return [widget.panel for widget in self.screen.query(PanelWidget)]

    def focused(self) -> list[str]:
        """The names of the panels whose frame, or without colours whose title, shows the focus."""
        shown = [panel.NAME for panel in self._in_order() if self.screen.board.shows(panel)]
        palette = self.screen.context.style.palette
        if palette.depth == "mono":
            return [name for name in shown if re.match(". [▸>] ", self.read(f"#{name}"))]
        corners = {name: self.screen.query_one(f"#{name}", CellView).cells for name in shown}
        return [
            name
            for name, cells in corners.items()
            if cells is not None and cells.fg[0, 0] == palette.focus
        ]

    def notices(self) -> list[str]:
        return [notice.message for notice in self.app._notifications]

    def text(self) -> str:
        """The whole screen on top, row by row."""
        strips = self.app.screen._compositor.render_strips(self.app.size)
        return "\n".join(strip.text for strip in strips)


@asynccontextmanager
async def driving(
    columns: int = 120,
    rows: int = 40,
    *,
    depth: Depth = "256",
    symbols: Symbols = UNICODE,
    ready: bool = True,
    library: Path | None = None,
    beginning: Beginning = Beginning(),  # noqa: B008 - it is frozen
    view: LastView = LastView(),  # noqa: B008
    preferences: Preferences = Preferences(),  # noqa: B008
    **settings: Any,
) -> AsyncIterator[Driver]:
    """An app of this size at epoch 0; seed 3 unless another is given.

    Without a `library` there are three kept runs in a store of its own.
    """
    context = Context(
        Terminal(depth, symbols, fps=60.0),
        library=library or three_runs(),
        preferences=preferences,
        view=view,
    )
    app = GdApp(RunSettings(**{"seed": 3, **settings}), context, beginning)
    notify = app.notify
    # a notice must not be gone before a busy machine has looked at it
    app.notify = lambda text, **how: notify(text, **{**how, "timeout": 10 * PATIENCE})
    try:
        async with app.run_test(size=(columns, rows), notifications=True) as pilot:
            driver = Driver(app, pilot)
            await driver.until(
                lambda: app.run_screen and app.run_screen.is_mounted, "a run's screen"
            )
            if ready:
                await driver.until(lambda: driver.run.runner is not None, "a runner")
                if columns >= 40 and rows >= 12:
                    await driver.settled()
            yield driver
            # otherwise leaving waits for them
            driver.screen.board.studies.stop()
    finally:
        if app.run_screen.run.runner:
            assert app.run_screen.run.runner.stop(PATIENCE)


def write_weights(path: Path, weights: tuple[float, ...] = WEIGHTS) -> str:
    """Write a file for `--init`."""
    file = path / "start.npy"
    np.save(file, np.array(weights))
    return str(file)
