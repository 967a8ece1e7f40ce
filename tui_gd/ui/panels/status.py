"""The status line: words and numbers in a fixed order, for people and for programs."""

import math

from tui_gd.plots.cells import Cells, Colour, width
from tui_gd.plots.palette import Palette, Symbols
from tui_gd.snapshot import RunState
from tui_gd.ui.cellview import CellView
from tui_gd.ui.panels.panel import View

_GAP = "  "


class StatusLine(CellView):
    """`STATE  epoch N/M  loss X  α Y`, then what room is left for."""

    def __init__(self) -> None:
        super().__init__(id="status")

    def draw_now(self, view: View, sent: str = "") -> None:
        """Draw the view at the line's width, with what is `sent` to the terminal."""
        self.show(draw_status(view, self.size.width, sent))

    def draw_loading(self, text: str, palette: Palette, symbols: Symbols) -> None:
        """Draw what is being done before there is a run."""
        cells = Cells.blank(1, self.size.width, palette, symbols)
        cells.put(0, 0, text, palette.dim)
        self.show(cells)


def draw_status(view: View, columns: int, sent: str = "") -> Cells:
    """Return the line (1, columns); what does not fit whole is left out."""
    snapshot, palette, plain = view.snapshot, view.palette, view.symbols.plain
    lane = snapshot.lane
    cells = Cells.blank(1, columns, palette, view.symbols)
    at = cells.put(0, 0, str(snapshot.state), state_colour(snapshot.state, palette))
    alpha = "alpha" if plain else "α"
    always = (
        f"epoch {snapshot.epoch}/{snapshot.epochs}",
        f"loss {lane.loss:#.8g}",
        f"{alpha} {lane.learning_rate:g}",
    )
    for text in always:
        at = cells.put(0, at, _GAP + text, palette.text)
    for text, colour in [(sent, palette.dim), *_more(view)]:
        if text and at + width(_GAP + text) <= columns:
            at = cells.put(0, at, _GAP + text, colour)
    return cells


def _more(view: View) -> list[tuple[str, Colour]]:
    snapshot, palette, plain = view.snapshot, view.palette, view.symbols.plain
    lane = snapshot.lane
    norm = "|g|" if plain else "‖g‖"
    many = len(snapshot.lanes) > 1
    several = f"lane {lane.name} of {len(snapshot.lanes)}" if many else ""
    speed = snapshot.epochs_per_second
    return [
        (several, palette.lane(lane.number)[0]),
        (
            f"test {lane.test_loss:.7g}" if not math.isnan(lane.test_loss) else "",
            palette.text if many else palette.test,
        ),
        (
            f"accuracy {lane.accuracy:.4f}" if not math.isnan(lane.accuracy) else "",
            palette.text,
        ),
        (f"{norm} {lane.gradient_norm:.4g}", palette.text),
        (f"{speed:,.0f} epochs/s" if speed >= 1 else "", palette.dim),
        (f"{view.problem.name} {lane.loss_name}", palette.dim),
    ]


def state_colour(state: RunState, palette: Palette) -> Colour:
    """Return the colour of a state's word."""
    return {
        RunState.RUNNING: palette.good,
        RunState.PAUSED: palette.warning,
        RunState.FINISHED: palette.accent,
        RunState.DIVERGED: palette.error,
        RunState.FAILED: palette.error,
    }[state]
