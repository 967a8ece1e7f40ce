"""The board of panels: which are shown, which is maximised, and which has the focus.

Every panel has one of four places; which panel stands there is chosen. A wide screen shows all four
places, a smaller one as many of them as fit, a page at a time.
"""

from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.geometry import Size

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

SMALLEST = (40, 12)  # columns, rows
STACKED_COLUMNS = 60
WIDE = (100, 24)
PANEL_ROWS = 10
PLACES = 4


VERDICT_ROWS = 16  # with fewer, the verdict's line is left out


@dataclass(frozen=True)
class Arrangement:
    """How many panels are shown: in two columns if `wide`, else on top of each other.

    In a `tiny` terminal there is no room for any.
    """

    tiny: bool
    wide: bool
    count: int


def arrange(columns: int, rows: int, *, maximised: bool) -> Arrangement:
    """Return as many panels as there is room for, four in a wide terminal."""
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        return Arrangement(tiny=True, wide=False, count=0)
    if maximised:
        return Arrangement(tiny=False, wide=False, count=1)
    if columns >= WIDE[0] and rows >= WIDE[1]:
        return Arrangement(tiny=False, wide=True, count=PLACES)
    lines = 2 + (rows >= VERDICT_ROWS)
    count = max(1, (rows - lines) // PANEL_ROWS) if columns >= STACKED_COLUMNS else 1
    return Arrangement(tiny=False, wide=False, count=min(count, PLACES))


# what stands at the places until another panel is chosen
_USUAL = ("loss", "data", "report", "step")


class Board(Container):
    """Holds the panels and their widgets; nothing is drawn before `fit_to` has been called."""

    def __init__(self) -> None:
        super().__init__(id="panels")
        self.loss, self.points = LossPanel(), DataPanel()
        self.report, self.step = ReportPanel(), StepPanel()
        self.landscape, self.why = LandscapePanel(), WhyPanel()
        self.race, self.starts = RacePanel(), StartsPanel()
        self.network = NetworkPanel()
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
        self._places = {panel.NAME: panel.PLACE for panel in self.panels}
        self._focused = 0
        usual: list[Panel] = [panel for panel in self.panels if panel.NAME in _USUAL]
        self._chosen = sorted(usual, key=self._place)

    def _place(self, panel: Panel) -> int:
        return self._places[panel.NAME]

    def compose(self) -> ComposeResult:
        """Lay out the panels, place by place."""
        for panel in sorted(self.panels, key=self._place):
            yield self._widgets[panel.NAME]

    @property
    def panel(self) -> Panel:
        """The panel that has the focus."""
        return self.panels[self._focused]

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

    def fit_to(self, screen: Size) -> Arrangement:
        """Show as many panels as a screen has room for; return the arrangement."""
        now = arrange(*screen, maximised=self.maximised)
        self.tiny = now.tiny
        if not now.tiny:
            self.set_class(now.wide, "wide")
            self.set_class(not now.wide, "stacked")
            first = self._chosen.index(self.panel) // now.count * now.count
            shown = self._chosen[first : first + now.count]
            for panel in self.panels:
                self._widgets[panel.NAME].display = panel in shown
        return now

    def suit(self, *, surface: bool) -> None:
        """Put the landscape of a surface, which has no data, where the data panel stands."""
        landscape, data = self._widgets[self.landscape.NAME], self._widgets[self.points.NAME]
        place = self.points.PLACE if surface else self.landscape.PLACE
        if self._place(self.landscape) != place:
            self._places[self.landscape.NAME] = place
            self.move_child(landscape, after=data if surface else self._widgets[self.step.NAME])
            self._chosen[self.points.PLACE] = self.landscape if surface else self.points
            if self._chosen[self.landscape.PLACE] is self.landscape:
                self._chosen[self.landscape.PLACE] = self.step
            if self.panel not in self._chosen:
                self._focused = 0

    def forget(self) -> None:
        """Forget what panels found about a problem: the run is on another one."""
        for panel in self.panels:
            panel.forget()

    def choose(self, name: str) -> None:
        """Choose the panel of that name; it replaces the panel at its place."""
        self._focused = [panel.NAME for panel in self.panels].index(name)
        self._chosen[self._place(self.panel)] = self.panel

    def choose_next(self, by: int) -> None:
        """Choose the panel `by` places further."""
        place = (self._place(self.panel) + by) % len(self._chosen)
        self.choose(self._chosen[place].NAME)

    def draw_now(self, view: View) -> None:
        """Draw the panels that are shown."""
        self.points.sample = self.network.sample = self.step.sample
        for widget in self._widgets.values():
            widget.draw_now(view)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember which panel has the focus; the others lose their cursor."""
        # the event of a panel that another one has replaced meanwhile comes too late
        if isinstance(event.widget, PanelWidget) and event.widget.panel in self._chosen:
            self._focused = self.panels.index(event.widget.panel)
            for panel in self.panels:
                if panel is not event.widget.panel:
                    panel.end_cursor()
