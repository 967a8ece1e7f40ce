"""A page that fills the screen, scrolls, and is closed again."""

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui_gd.plots.cells import Cells
from tui_gd.ui.cellview import CellView, picture_of
from tui_gd.ui.textual_fixes.dialogs import Closing

_PAGE = 10
_END = 10_000_000

Picture = Callable[[int, int, int], tuple[Cells, int]]
"""From rows, columns and the line to scroll to: the page, and the line that it is scrolled to."""


class Page(Closing[None]):
    """Shows what `picture` returns; scrolls, and closes with escape, q, enter or space."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,space", "dismiss", "back"),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown", f"scroll({_PAGE})", show=False),
        Binding("pageup", f"scroll({-_PAGE})", show=False),
        Binding("home,g", f"scroll({-_END})", show=False),
        Binding("end,G", f"scroll({_END})", show=False),
        Binding("ctrl+c,ctrl+q", "app.quit", show=False, priority=True),
    ]

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self._picture = picture
        self._offset = 0

    def compose(self) -> ComposeResult:
        """Lay out one picture."""
        yield CellView()

    def on_resize(self, _: events.Resize) -> None:
        """Draw at the new size."""
        self.call_after_refresh(self._draw)

    def action_scroll(self, by: int) -> None:
        """Scroll some lines."""
        self._offset += by
        self._draw()

    def on_mouse_scroll_down(self) -> None:
        """Scroll as the key down does."""
        self.action_scroll(1)

    def on_mouse_scroll_up(self) -> None:
        """Scroll as the key up does."""
        self.action_scroll(-1)

    def _draw(self) -> None:
        view = picture_of(self)
        if view is not None:
            cells, self._offset = self._picture(view.size.height, view.size.width, self._offset)
            view.show(cells)
