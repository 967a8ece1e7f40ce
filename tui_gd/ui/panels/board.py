"""The board of panels: which are shown, which has the focus, and what they want computed.

The board has four places, and a person chooses which panel stands at each. A wide screen shows all
four places. A smaller one shows as many as fit, one page at a time.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message

from tui_gd.errors import MachinesLost
from tui_gd.insight.verdict import Kind
from tui_gd.learning.engine import Interrupted, computing
from tui_gd.problems import Problem
from tui_gd.session.snapshot import RunState
from tui_gd.ui.panels.changes import ChangesPanel
from tui_gd.ui.panels.data import DataPanel
from tui_gd.ui.panels.landscape import LandscapePanel
from tui_gd.ui.panels.lanes import LanesPanel
from tui_gd.ui.panels.loss import LossPanel
from tui_gd.ui.panels.network import NetworkPanel
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.panels.race import RacePanel
from tui_gd.ui.panels.report import ReportPanel
from tui_gd.ui.panels.starts import StartsPanel
from tui_gd.ui.panels.step import StepPanel
from tui_gd.ui.panels.why import WhyPanel
from tui_gd.ui.panels.widget import PanelWidget
from tui_gd.ui.studies import Progress, Studies, Study

SMALLEST = (40, 12)  # columns, rows
PLACES = 4
# a panel with fewer rows or columns shows too little to stand next to others
PANEL_ROWS, PANEL_COLUMNS = 10, 36
STACKED_COLUMNS = 60
GRID_COLUMNS = 100
FEWEST_ROWS = 4
# a lesson's box
LESSON_ROWS = 6
# on a screen with fewer columns, the sentences of a verdict take one more line
NARROW = 72
# a screen this many times as wide as high shows two panels side by side
FLAT = 2.5


@dataclass(frozen=True)
class Arrangement:
    """What a screen has room for: the rows of every line around the panels, and the panels.

    There are `down` × `across` panels; a `tiny` terminal has room for none.
    """

    top: int = 1
    status: int = 1
    verdict: int = 3
    tabs: int = 1
    blank: int = 0
    """Blank lines above the verdict, and as many below it."""
    down: int = 0
    across: int = 0
    more: int = 0
    """Rows that long messages take from the panels."""

    @property
    def tiny(self) -> bool:
        """Whether no panel fits."""
        return self.count == 0

    @property
    def count(self) -> int:
        """How many panels are shown."""
        return self.down * self.across

    @property
    def around(self) -> int:
        """The rows that the panels do not get: these lines, and the footer."""
        return self.top + self.status + self.verdict + self.tabs + 2 * self.blank + 1 + self.more

    @property
    def said(self) -> int:
        """The rows that messages may take, instead of the tabs, the footer, and of panels."""
        return self.tabs + 1 + self.more


def arrange(
    columns: int, rows: int, *, maximised: bool, below: int = 0, said: int = 0
) -> Arrangement:
    """Return the lines and as many panels as fit, with `below` rows for a lesson.

    There are `said` rows of messages. They change how high the panels are, but not how many.
    """
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        return Arrangement()
    rows -= below
    lines = Arrangement(
        verdict=(3 if rows >= 20 else 2) + (columns < NARROW and rows >= 16),
        tabs=int(rows >= 16),
        blank=int(rows >= 34),
    )
    if rows - lines.around < FEWEST_ROWS:
        lines = replace(lines, verdict=0)
    room = rows - lines.around
    down = across = 1
    if not maximised:
        if columns >= GRID_COLUMNS and room >= 2 * PANEL_ROWS:
            down = across = 2
        elif columns >= FLAT * rows and columns >= 2 * PANEL_COLUMNS:
            across = 2
        elif columns >= STACKED_COLUMNS:
            down = max(1, min(room // PANEL_ROWS, PLACES))
    more = max(0, min(said - lines.said, room - FEWEST_ROWS * down))
    return replace(lines, down=down, across=across, more=more)


class Board(Container):
    """Holds the panels and their widgets; call `fit_to` before anything is drawn."""

    class Found(Message):
        """A study has found something: draw the panels again."""

    @dataclass
    class Failed(Message):
        """A study has failed, and why; the same study does not begin again."""

        said: str

    def __init__(self) -> None:
        super().__init__(id="panels")
        self.loss, self.points = LossPanel(), DataPanel()
        self.report, self.step = ReportPanel(), StepPanel()
        self.landscape, self.why = LandscapePanel(), WhyPanel()
        self.race, self.starts = RacePanel(), StartsPanel()
        self.network = NetworkPanel()
        self.studies = Studies(time.monotonic)
        # the problem that panels show; results of studies about another one come too late
        self._problem: Problem | None = None
        self.maximised = False
        self.tiny = True
        self.panels: tuple[Panel, ...] = (
            self.loss,
            self.points,
            self.report,
            self.step,
            self.landscape,
            LanesPanel(),
            self.why,
            ChangesPanel(),
            self.network,
            self.race,
            self.starts,
        )
        self._widgets = {panel.NAME: PanelWidget(panel) for panel in self.panels}
        # the panels that stand at the four places, and the one that has the focus
        self._chosen: list[Panel] = [self.loss, self.points, self.report, self.step]
        self.panel: Panel = self.loss

    def compose(self) -> ComposeResult:
        """Lay out the panels, place by place."""
        for panel in sorted(self.panels, key=lambda panel: panel.place):
            yield self._widgets[panel.NAME]

    def focus_panel(self) -> None:
        """Give the keyboard to the chosen panel."""
        self._widgets[self.panel.NAME].focus()

    def shows(self, panel: Panel) -> bool:
        """Whether a panel is on the screen."""
        return bool(self._widgets[panel.NAME].display)

    @property
    def shown(self) -> list[Panel]:
        """The panels on the screen."""
        return [panel for panel in self.panels if self.shows(panel)]

    def fit_to(self, now: Arrangement) -> None:
        """Show as many panels as there is room for."""
        self.tiny = now.tiny
        if not now.tiny:
            for name, here in (
                ("grid", now.across == now.down == 2),
                ("beside", (now.across, now.down) == (2, 1)),
                ("stacked", now.across == 1),
            ):
                self.set_class(here, name)
            first = self._chosen.index(self.panel) // now.count * now.count
            shown = self._chosen[first : first + now.count]
            for panel in self.panels:
                self._widgets[panel.NAME].display = panel in shown

    def suit(self, *, surface: bool) -> None:
        """Put the landscape in the place of the data panel, because a surface has no data."""
        landscape, data = self._widgets[self.landscape.NAME], self._widgets[self.points.NAME]
        place = self.points.PLACE if surface else self.landscape.PLACE
        if self.landscape.place != place:
            self.landscape.place = place
            self.move_child(landscape, after=data if surface else self._widgets[self.step.NAME])
            self._chosen[self.points.PLACE] = self.landscape if surface else self.points
            if self._chosen[self.landscape.PLACE] is self.landscape:
                self._chosen[self.landscape.PLACE] = self.step
            if self.panel not in self._chosen:
                self.panel = self.loss

    def forget(self) -> None:
        """Forget what panels found about a problem, because the run has moved to another one."""
        self.studies.stop()
        self._problem = None
        for panel in self.panels:
            panel.forget()

    def choose(self, name: str) -> None:
        """Show the panel of that name; it replaces the panel at its place."""
        self.panel = self._widgets[name].panel
        self._chosen[self.panel.place] = self.panel

    def places(self) -> tuple[str, ...]:
        """Return the names of the panels chosen for the four places."""
        return tuple(panel.NAME for panel in self._chosen)

    def choose_all(self, names: Sequence[str], focused: str) -> None:
        """Choose panels by name and give one the focus; skip unknown names."""
        for name in (*names, focused):
            if name in self._widgets:
                self.choose(name)

    def choose_next(self, by: int) -> None:
        """Choose the panel `by` places further on."""
        self.choose(self._chosen[(self.panel.place + by) % PLACES].NAME)

    def draw_now(self, view: View) -> None:
        """Draw the panels that are shown."""
        self.points.sample = self.network.sample = self.step.sample
        self.landscape.at_minimum = self.why.verdict(view).kind is Kind.MINIMUM
        for widget in self._widgets.values():
            widget.draw_now(view)

    def study(self, view: View) -> None:
        """Begin the studies that the shown panels want for this view, and always the verdict's."""
        self._problem = view.problem
        running = view.snapshot.state is RunState.RUNNING
        for panel in (*self.shown, *(() if self.shows(self.why) else (self.why,))):
            study = panel.study(view)
            if study is None:
                continue
            about = (panel, view.problem, study.key)
            show = partial(self.app.call_from_thread, self._take, *about)
            progress = self.studies.begin(panel.NAME, study, running=running, show=show)
            if progress:
                self._make(panel, study, progress, show)

    # without a description, Textual writes out all arguments, including data and weights
    @work(thread=True, group="study", description="study")
    def _make(
        self, panel: Panel, study: Study, progress: Progress, show: Callable[[Any], None]
    ) -> None:
        try:
            with computing():
                result = study.compute(progress)
        except Interrupted:
            # the study that replaces this one begins even when the run is at rest
            if self.app.call_from_thread(self.studies.end, panel.NAME, found=False):
                self.post_message(self.Found())
        except (MemoryError, MachinesLost) as error:
            # this must not end the run; the same study does not begin again
            self.app.call_from_thread(self.studies.end, panel.NAME, found=True)
            why = error if isinstance(error, MachinesLost) else "too little memory"
            self.post_message(self.Failed(f"{why}: {panel.NAME}"))
        else:
            self.app.call_from_thread(self.studies.end, panel.NAME, found=True)
            show(result)

    def _take(self, panel: Panel, problem: Problem, key: tuple[object, ...], result: Any) -> None:
        """Give a panel a result, or a part of it, unless it is about another problem."""
        if problem is self._problem:
            panel.take(key, result)
        self.post_message(self.Found())

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember which panel has the focus; the others lose their cursor."""
        # an event of a panel that has been replaced since then comes too late
        if isinstance(event.widget, PanelWidget) and event.widget.panel in self._chosen:
            self.panel = event.widget.panel
            for panel in self.panels:
                if panel is not self.panel:
                    panel.end_cursor()
