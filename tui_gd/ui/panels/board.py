"""The board of panels: which are shown, which is maximised, and which has the focus."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.geometry import Size

from tui_gd.ui.layout import Arrangement, arrange
from tui_gd.ui.panels.data import DataPanel
from tui_gd.ui.panels.loss import LossPanel
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.panels.report import ReportPanel
from tui_gd.ui.panels.step import StepPanel


class Board(Container):
    """Holds the panels; nothing is drawn before `fit_to` has been called."""

    def __init__(self) -> None:
        super().__init__(id="panels")
        self.loss, self.points = LossPanel(), DataPanel()
        self.report, self.step = ReportPanel(), StepPanel()
        self.maximised = False
        self.tiny = True
        self._panels: tuple[Panel, ...] = (self.loss, self.points, self.report, self.step)
        self._focused = 0

    def compose(self) -> ComposeResult:
        """Lay out the panels."""
        yield from self._panels

    @property
    def panel(self) -> Panel:
        """The panel that has the focus."""
        return self._panels[self._focused]

    def fit_to(self, screen: Size) -> Arrangement:
        """Show as many panels as a screen has room for; return what was chosen."""
        now = arrange(
            *screen, panels=len(self._panels), focused=self._focused, maximised=self.maximised
        )
        self.tiny = now.tiny
        if not now.tiny:
            self.set_class(now.wide, "wide")
            self.set_class(not now.wide, "stacked")
            for number, panel in enumerate(self._panels):
                panel.display = number in now.shown
        return now

    def choose(self, name: str) -> None:
        """Choose the panel of that name."""
        self._focused = [panel.NAME for panel in self._panels].index(name)

    def choose_next(self, by: int) -> None:
        """Choose the panel so many further."""
        self._focused = (self._focused + by) % len(self._panels)

    def draw_now(self, view: View) -> None:
        """Draw the panels that are shown."""
        self.points.sample = self.step.sample
        for panel in self._panels:
            panel.draw_now(view)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember which panel has the focus; one that loses it loses its cursor."""
        if isinstance(event.widget, Panel):
            self._focused = self._panels.index(event.widget)
            for panel in self._panels:
                if panel is not event.widget:
                    panel.end_cursor()
