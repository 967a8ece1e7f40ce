"""The screen of kept runs: browse and compare them, open, export and delete them."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import ClassVar, TypeVar

from textual import events, work
from textual.binding import Binding, BindingType

from tui_gd.errors import OutputError, ProblemError
from tui_gd.plots.cells import Cells
from tui_gd.plots.palette import Style
from tui_gd.problems.text import safe_text
from tui_gd.runs.store import DamagedRun, KeptRun, Store
from tui_gd.ui.context import Context
from tui_gd.ui.screens.pages import LETTERS, Page
from tui_gd.ui.screens.questions import Choice, Notices
from tui_gd.ui.screens.runs_page import (
    KEYS,
    RunsPage,
    draw_losses,
    draw_runs,
    read_detail,
    row_at,
)

# another program may keep and delete runs while this screen is open
REFRESH_SECONDS = 2.0

T = TypeVar("T")


class RunsScreen(Page[str | None]):
    """Shows the run library; answers with the id of the run to continue, or None.

    `current` returns the id of the run on the screen behind. `export` takes the id of a run to
    export.
    """

    HEADING = "Kept runs"
    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = [
        *LETTERS,
        Binding("tab,shift+tab", "turn_over", show=False, priority=True),
    ]

    def __init__(
        self, context: Context, current: Callable[[], str | None], export: Callable[[str], object]
    ) -> None:
        super().__init__(context, self._draw_page, self._select)
        self.notices = Notices(self, context.terminal.symbols)
        self._current, self._export = current, export
        self.page = RunsPage([], message=context.terminal.symbols.spell("reading…"))
        self._read_as: dict[str, KeptRun] = {}
        self._damaged = set[DamagedRun]()
        self._listing = self._reading = False

    def on_mount(self) -> None:
        """Begin to read the list."""
        self._refresh_list()
        self.set_interval(REFRESH_SECONDS, self._refresh_list)

    def _draw_page(self, rows: int, columns: int, style: Style) -> Cells:
        self.page.now = time.time()
        return draw_runs(self.page, rows, columns, style)

    # Reading, on threads

    async def _from_store(self, ask: Callable[[Store], T]) -> tuple[T | None, str]:
        """Return what the store answers, or None and what is wrong."""

        def answer() -> T:
            with self.context.open_library() as store:
                return ask(store)

        try:
            return await asyncio.to_thread(answer), ""
        except (ProblemError, OutputError) as error:
            return None, str(error)

    @work(group="list")
    async def _refresh_list(self) -> None:
        if not self._listing:
            self._listing = True
            listed, self.page.message = await self._from_store(Store.listed)
            self._listing = False
            runs, damaged = listed or (self.page.runs, [])
            for one in set(damaged) - self._damaged:  # name each damaged run once
                self.notices.say(str(one), warning=True)
            self._damaged |= set(damaged)
            self._take_list(runs)

    def _take_list(self, runs: list[KeptRun]) -> None:
        page, before = self.page, self.page.run
        page.runs, ids = runs, [run.id for run in runs]
        if before and before.id in ids:
            page.selected = ids.index(before.id)
        page.selected = max(0, min(page.selected, len(ids) - 1))
        page.marked = [run for run in page.marked if run in ids]
        page.details = {run: one for run, one in page.details.items() if run in ids}
        self._read_shown()
        self.draw()

    @work(group="read")
    async def _read_shown(self) -> None:
        """Read the shown runs that are new or have changed, one at a time."""
        if self._reading:
            return
        self._reading = True
        while run := self._unread:
            detail, fault = await self._from_store(partial(read_detail, run=run.id))
            self._read_as[run.id] = run  # not again until it changes, even if it cannot be read
            self.page.message = fault
            if detail is not None:
                self.page.details[run.id] = detail
            self.draw()
        self._reading = False

    @property
    def _unread(self) -> KeptRun | None:
        """The next shown run that is new or has changed."""
        known = {run.id: run for run in self.page.runs}
        shown = (known[run] for run in self.page.shown)
        return next((run for run in shown if self._read_as.get(run.id) != run), None)

    # Keys

    def _select(self, by: int) -> None:
        page = self.page
        page.selected = max(0, min(page.selected + by, len(page.runs) - 1))
        page.scrolled = page.scrolled if page.marked else 0
        self._read_shown()

    def action_mark(self) -> None:
        """Mark the selected run for comparison, or unmark it, and go to the next."""
        if run := self.page.run:
            if run.id in self.page.marked:
                self.page.marked.remove(run.id)
            else:
                self.page.marked.append(run.id)
            self.page.scrolled = 0
            self.action_move(1)

    def action_unmark(self) -> None:
        """Unmark all runs."""
        self.page.marked.clear()
        self.action_move(0)

    def action_log_axis(self) -> None:
        """Switch the loss axis between linear and logarithmic."""
        frame = draw_losses(self.page, self.size.height, self.size.width, self.context.style)
        self.page.log = frame is None or not frame.y.log
        self.draw()

    def action_turn_over(self) -> None:
        """Switch between settings and curves, if only one of them fits."""
        self.page.settings = not self.page.settings
        self.draw()

    def action_scroll_settings(self, by: int) -> None:
        """Scroll settings and losses."""
        self.page.scrolled = max(0, self.page.scrolled + by)
        self.draw()

    def action_open(self) -> None:
        """Answer with the selected run, if it can be continued here."""
        run = self.page.run
        if run and self._is_free(run, "esc goes back to it"):
            self.dismiss(run.id)

    def _is_free(self, run: KeptRun, advice: str) -> bool:
        """Return whether nobody drives a run; otherwise say who does, and what to do."""
        if run.id == self._current():
            said = f"{run.id} is the run you came from: {advice}"
        elif run.locked_by:
            said = f"{run.id} is locked by {run.locked_by}: close it there first"
        else:
            return True
        self.notices.say(said, warning=True)
        return False

    def action_export(self) -> None:
        """Export the selected run."""
        if run := self.page.run:
            self._export(run.id)

    @work
    async def action_delete(self) -> None:
        """Delete the selected run after a confirmation."""
        run = self.page.run
        if run and self._is_free(run, "open another one before deleting it"):
            question = safe_text(
                f"Delete {run.id} ({run.problem}, {run.newest} epochs) for good?", None
            )
            options = [("no", "no, keep it"), ("yes", "yes, delete it")]
            if await self.app.push_screen_wait(Choice(question, options, "no")) == "yes":
                self._delete(run.id)

    @work(group="delete")
    async def _delete(self, run: str) -> None:
        _, fault = await self._from_store(partial(Store.delete, run=run))
        self.notices.say(fault or f"deleted {run}", warning=bool(fault))
        if not fault:  # a list that is being read now may be older than the deletion
            self._take_list([one for one in self.page.runs if one.id != run])
        self._refresh_list()

    def on_click(self, event: events.Click) -> None:
        """Select the clicked run."""
        rows, columns = self.size.height, self.size.width
        row = row_at(self.page, event.x, event.y, rows, columns)
        if row is not None:
            self.action_move(row - self.page.selected)
