"""The engine that a panel's studies share: made once for a run's data and a loss, then kept."""

from tui_gd.learning.engine import Engine
from tui_gd.ui.panels.panel import View


class KeptEngine:
    """The engine of one panel's studies, of which there is one at a time: it has buffers.

    Studies ask for it on their thread while the interface may forget it on its own: so what is kept
    is read and replaced as a whole.
    """

    def __init__(self) -> None:
        self._kept: tuple[tuple[object, ...], Engine] | None = None

    def of(self, view: View, loss_name: str) -> Engine:
        """Return an engine for a loss on the view's data: the one before, if it fits."""
        key = (view.problem, view.settings, loss_name)
        kept = self._kept
        if kept is None or kept[0] != key:
            kept = self._kept = (key, view.make_engine(loss_name))
        return kept[1]

    def forget(self) -> None:
        """Let go of the engine, and of the data that it is on."""
        self._kept = None
