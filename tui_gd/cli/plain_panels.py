"""What panels of the interface show, as lines of text, without a screen."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from tui_gd.insight.diagnosis import Try
from tui_gd.plots.symbols import ASCII
from tui_gd.ui.keys import KeyNames
from tui_gd.ui.panels.changes import ChangesPanel
from tui_gd.ui.panels.data import DataPanel
from tui_gd.ui.panels.landscape import LandscapePanel
from tui_gd.ui.panels.lanes import LanesPanel
from tui_gd.ui.panels.loss import LossPanel
from tui_gd.ui.panels.network import NetworkPanel
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.panels.report import ReportPanel
from tui_gd.ui.panels.starts import StartsPanel
from tui_gd.ui.panels.step import StepPanel
from tui_gd.ui.panels.why import WhyPanel, spelled
from tui_gd.ui.studies import Progress

AnyPanel = TypeVar("AnyPanel", bound=Panel)

_PANELS: tuple[type[Panel], ...] = (
    LossPanel,
    DataPanel,
    ReportPanel,
    StepPanel,
    LandscapePanel,
    LanesPanel,
    WhyPanel,
    ChangesPanel,
    NetworkPanel,
)
PANELS = {panel.NAME: panel for panel in _PANELS}
"""The panels whose numbers can be printed, by their names."""

# the commands that do what a verdict advises
_COMMANDS = {
    "run": "run",
    "step": "step",
    "help": "help",
    "back": "back 10",
    "go_to": "goto {argument}",
    "rescue": "back 10, then alpha {argument}",
    "reset": "reset",
    "new_start": "new",
    "raise": "alpha up",
    "lower": "alpha down",
    "type_rate": "alpha",
    "branch_with": "branch {argument}",
    "race_optimizers": "race optimizers",
    "why": "show why",
    "report": "report",
}


class Commands(KeyNames):
    """Commands in the place of keys."""

    def tries(self, tries: Sequence[Try]) -> str:
        """Return what a verdict says to try, each behind its command; nothing for nothing.

        >>> Commands().tries([Try("reset", "again from the start"), Try("lower", "smaller steps")])
        'try reset (again from the start), alpha down (smaller steps)'
        """
        said = []
        for one in tries:
            command = _COMMANDS.get(one.action, "").format(argument=one.argument.split(" ")[-1])
            said.append(f"{command} ({one.words})" if command else one.words)
        return f"try {', '.join(said)}" if said else ""


Wanted = Callable[[], bool]


class _Asked(Progress):
    """A study's progress that asks whether it is still wanted."""

    def __init__(self, ask: Wanted) -> None:
        super().__init__(lambda _: None)
        self._ask = ask

    @property
    def wanted(self) -> bool:
        """Whether nobody has asked to leave."""
        return self._wanted and self._ask()

    @wanted.setter
    def wanted(self, wanted: bool) -> None:
        self._wanted = wanted


def _studied(panel: AnyPanel, view: View, wanted: Wanted) -> AnyPanel:
    study = panel.study(view)
    if study is not None:
        panel.take(study.key, study.compute(_Asked(wanted)))
    return panel


def panel_lines(name: str, view: View, wanted: Wanted) -> list[str]:
    """Return all numbers of a panel; raise `Interrupted` as soon as they are not wanted."""
    panel = _studied(PANELS[name](), view, wanted)
    return [spelled(line, ASCII) for line in panel.numbers(view)]


def verdict_lines(view: View, wanted: Wanted) -> list[str]:
    """Return the verdict on the current lane and what to try; raise `Interrupted` as above."""
    verdict = _studied(WhyPanel(), view, wanted).verdict(view)
    lines = (verdict.line, verdict.why, view.keys.tries(verdict.tries))
    return [spelled(line, ASCII) for line in lines if line]


def starts_lines(view: View, wanted: Wanted) -> list[str]:
    """Return how many of hundreds of random starts end where; raise `Interrupted` as above."""
    return _studied(StartsPanel(), view, wanted).summary(view)


def verdict_kind(view: View, wanted: Wanted) -> list[str]:
    """Return the kind of the verdict, one word; raise `Interrupted` as above."""
    return [str(_studied(WhyPanel(), view, wanted).verdict(view).kind)]
