"""A page of text that fills the screen, scrolls, and is closed again."""

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui_gd.plots.cells import Cells
from tui_gd.ui.cellview import CellView, picture_of
from tui_gd.ui.screens.closing import Closing

if TYPE_CHECKING:
    from tui_gd.ui.app import GdApp

_PAGE = 10
_END = 10_000_000


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
    app: "GdApp"

    def __init__(self) -> None:
        super().__init__()
        self._offset = 0

    def picture(self, rows: int, columns: int, offset: int) -> tuple[Cells, int]:
        """Return the page scrolled to `offset`, or as far as it goes, and how far that was."""
        raise NotImplementedError

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
        if view is None:
            return
        cells, self._offset = self.picture(view.size.height, view.size.width, self._offset)
        view.show(cells)
