"""The screen of kept runs: browse and compare them, open, export and delete them."""

import time
from collections.abc import Callable
from typing import ClassVar

from textual import events, work
from textual.binding import Binding, BindingType

from tui_gd.errors import OutputError, ProblemError
from tui_gd.plots.cells import Cells
from tui_gd.problems.text import safe_text
from tui_gd.runs.store import DamagedRun, KeptRun
from tui_gd.ui.context import Context
from tui_gd.ui.screens.pages import LETTERS, Page
from tui_gd.ui.screens.questions import Choice, Notices
from tui_gd.ui.screens.runs_page import (
    KEYS,
    KeptDetail,
    RunsPage,
    draw_losses,
    draw_runs,
    read_detail,
    row_at,
)

# another program may keep and delete runs while this screen is open
REFRESH_SECONDS = 2.0


class RunsScreen(Page[str | None]):
    """Shows the run library; answers with the id of the run to continue, or None.

    `current` returns the id of the run on the screen behind. `export` takes the id of a run to
    export.
    """

    own_keys = ("Kept runs", KEYS)

    BINDINGS: ClassVar[list[BindingType]] = [
        *LETTERS,
        Binding("escape,q,L", "dismiss(None)", "back"),
        Binding("space", "mark", show=False),
        Binding("u", "unmark", show=False),
        Binding("enter", "open", show=False),
        Binding("e", "export", show=False),
        Binding("x,delete", "delete", show=False),
        Binding("y", "log_axis", show=False),
        Binding("tab,shift+tab", "turn_over", show=False, priority=True),
        Binding("right", "scroll_settings(1)", show=False),
        Binding("left", "scroll_settings(-1)", show=False),
    ]

    def __init__(
        self,
        context: Context,
        *,
        current: Callable[[], str | None] = lambda: None,
        export: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(self._draw_page)
        self.notices = Notices(self, context.terminal.symbols)
        self.context, self._current, self._export = context, current, export
        self._runs: list[KeptRun] = []
        self._details: dict[str, KeptDetail] = {}
        self._read_as: dict[str, KeptRun] = {}
        self._marked: list[str] = []
        self._log: bool | None = None
        self._settings = False
        self._scrolled = 0
        self._fault, self._damaged = "", set[DamagedRun]()
        self._listing = self._listed = False
        self._reading = ""

    def on_mount(self) -> None:
        """Begin to read the list."""
        self._refresh_list()
        self.set_interval(REFRESH_SECONDS, self._refresh_list)

    # The page

    @property
    def page(self) -> RunsPage:
        """What the page is drawn from."""
        reading = "" if self._listed else self.context.terminal.symbols.spell("reading…")
        return RunsPage(
            self._runs,
            self._at,
            tuple(self._marked),
            self._details,
            self._log,
            self._settings,
            self._scrolled,
            self._fault or reading,
            time.time(),
        )

    @property
    def selected(self) -> KeptRun | None:
        """The selected run, if there is one."""
        return self._runs[self._at] if self._at < len(self._runs) else None

    def _draw_page(self, rows: int, columns: int) -> Cells:
        return draw_runs(self.page, rows, columns, self.context.style)

    # Reading, on worker threads

    def _refresh_list(self) -> None:
        if not self._listing:
            self._listing = True
            self._list()

    @work(thread=True, group="list")
    def _list(self) -> None:
        try:
            with self.context.open_library() as store:
                (runs, damaged), fault = store.listed(), ""
        except (ProblemError, OutputError) as error:
            runs, damaged, fault = [], [], str(error)
        self._hand_over(self._take_list, runs, damaged, fault)

    def _take_list(self, runs: list[KeptRun], damaged: list[DamagedRun], fault: str) -> None:
        for one in set(damaged) - self._damaged:  # name each damaged run once
            self.notices.say(str(one), warning=True)
        self._damaged |= set(damaged)
        before = self.selected
        self._listing, self._listed, self._fault = False, True, fault
        if not fault:
            self._runs = runs
        ids = [run.id for run in self._runs]
        if before and before.id in ids:
            self._at = ids.index(before.id)
        self._at = max(0, min(self._at, len(ids) - 1))
        self._marked = [run for run in self._marked if run in ids]
        self._details = {run: one for run, one in self._details.items() if run in ids}
        self._read_next()
        self.draw()

    def _read_next(self) -> None:
        """Read the next shown run that is new or has changed, one at a time."""
        if self._reading:
            return
        known = {run.id: run for run in self._runs}
        for run in self.page.shown:
            if self._read_as.get(run) != known[run]:
                self._reading = run
                self._read(known[run])
                return

    @work(thread=True, group="read")
    def _read(self, run: KeptRun) -> None:
        try:
            with self.context.open_library() as store:
                detail, fault = read_detail(store, run.id), ""
        except (ProblemError, OutputError) as error:
            detail, fault = None, str(error)
        self._hand_over(self._take_detail, run, detail, fault)

    def _take_detail(self, run: KeptRun, detail: KeptDetail | None, fault: str) -> None:
        self._reading = ""
        self._read_as[run.id] = run  # a run that cannot be read is not read again until it changes
        self._fault = fault
        if detail is not None:
            self._details[run.id] = detail
        self._read_next()
        self.draw()

    def _hand_over(self, take: Callable[..., None], *found: object) -> None:
        """Call `take` on the interface's thread, unless the screen has closed."""
        if self.is_attached and self.app.is_running:
            self.app.call_from_thread(take, *found)

    # Keys

    def action_move(self, by: int) -> None:
        """Select another run."""
        self._at = max(0, min(self._at + by, len(self._runs) - 1))
        self._scrolled = 0 if not self._marked else self._scrolled
        self._read_next()
        self.draw()

    def action_mark(self) -> None:
        """Mark the selected run for comparison, or unmark it, and go to the next."""
        if run := self.selected:
            if run.id in self._marked:
                self._marked.remove(run.id)
            else:
                self._marked.append(run.id)
            self._scrolled = 0
            self.action_move(1)

    def action_unmark(self) -> None:
        """Unmark all runs."""
        self._marked.clear()
        self.action_move(0)

    def action_log_axis(self) -> None:
        """Switch the loss axis between linear and logarithmic."""
        frame = draw_losses(self.page, self.size.height, self.size.width, self.context.style)
        self._log = frame is None or not frame.y.log
        self.draw()

    def action_turn_over(self) -> None:
        """Switch between settings and curves, if only one of them fits."""
        self._settings = not self._settings
        self.draw()

    def action_scroll_settings(self, by: int) -> None:
        """Scroll settings and losses."""
        self._scrolled = max(0, self._scrolled + by)
        self.draw()

    def action_open(self) -> None:
        """Answer with the selected run, if it can be continued here."""
        run = self.selected
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
        run = self.selected
        if run and self._export:
            self._export(run.id)

    @work
    async def action_delete(self) -> None:
        """Delete the selected run after a confirmation."""
        run = self.selected
        if run and self._is_free(run, "open another one before deleting it"):
            question = safe_text(
                f"Delete {run.id} ({run.problem}, {run.newest} epochs) for good?", None
            )
            options = [("no", "no, keep it"), ("yes", "yes, delete it")]
            if await self.app.push_screen_wait(Choice(question, options, "no")) == "yes":
                self._delete(run.id)

    @work(thread=True, group="delete")
    def _delete(self, run: str) -> None:
        try:
            with self.context.open_library() as store:
                store.delete(run)
            said, warning = f"deleted {run}", False
        except (ProblemError, OutputError) as error:
            said, warning = str(error), True
        self._hand_over(self._deleted, run, said, warning)

    def _deleted(self, run: str, said: str, warning: bool) -> None:
        self.notices.say(said, warning=warning)
        if not warning:  # a list that is being read now may be older than the deletion
            self._take_list([one for one in self._runs if one.id != run], [], "")
        self._refresh_list()

    def on_click(self, event: events.Click) -> None:
        """Select the clicked run."""
        rows, columns = self.size.height, self.size.width
        row = row_at(self.page, event.x, event.y, rows, columns)
        if row is not None:
            self.action_move(row - self._at)
