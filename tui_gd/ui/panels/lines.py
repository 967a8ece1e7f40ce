"""The status line: words and numbers in a fixed order, for people and for programs."""

import math
from collections.abc import Sequence

from textual import events

from tui_gd.plots.cells import Cells, fit, width
from tui_gd.plots.colours import Colour
from tui_gd.plots.palette import Palette, Style
from tui_gd.session.snapshot import RunState
from tui_gd.ui.cellview import CellView
from tui_gd.ui.keys import Action, KeyNames, target
from tui_gd.ui.panels.panel import View
from tui_gd.ui.panels.why import WhyPanel, kind_colour

_KEY_GAP = 2
# what is left out last where the line is short
_NEEDED = ("quit", "help")


class KeysLine(CellView):
    """Shows key and word of every action that has a word for it."""

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._places: list[tuple[int, int, str]] = []

    def draw_now(self, style: Style, actions: Sequence[Action]) -> None:
        """Draw as many whole keys as fit."""
        columns = self.size.width
        cells = Cells.blank(1, columns, style)
        entries = []
        for action in actions:
            if action.footer and action.shown:
                word = action.footer.replace("α", "alpha") if style.symbols.plain else action.footer
                entries.append((action.shown.partition(" or ")[0], word, action))
        ranked = sorted(entries, key=lambda entry: entry[2].name not in _NEEDED)

        def line_width() -> int:
            return sum(width(k + w) + 1 + _KEY_GAP for k, w, _ in ranked) - _KEY_GAP

        while ranked and line_width() > columns:
            ranked.pop()
        self._places = []
        at = 0
        for key, word, action in entries:
            if (key, word, action) in ranked:
                end = cells.put(0, at, key, style.palette.accent) + 1
                end = cells.put(0, end, word, style.palette.dim)
                self._places.append((at, end, target(action)))
                at = end + _KEY_GAP
        self.show(cells)

    async def on_click(self, event: events.Click) -> None:
        """Do what the clicked key does."""
        for start, stop, name in self._places:
            if start <= event.x < stop:
                await self.screen.run_action(name)


_GAP = "  "


class StatusLine(CellView):
    """`STATE  epoch N/M  loss X  α Y`, then what room is left for."""

    def __init__(self) -> None:
        super().__init__(id="status")

    def draw_now(self, view: View, sent: str = "") -> None:
        """Draw the view at the line's width, with what is `sent` to the terminal."""
        self.show(draw_status(view, self.size.width, sent))

    def draw_loading(self, text: str, style: Style) -> None:
        """Draw what is being done before there is a run."""
        cells = Cells.blank(1, self.size.width, style)
        cells.put(0, 0, text, style.palette.dim)
        self.show(cells)


def draw_status(view: View, columns: int, sent: str = "") -> Cells:
    """Return the line (1, columns); what does not fit whole is left out."""
    snapshot, palette, plain = view.snapshot, view.style.palette, view.style.symbols.plain
    lane = snapshot.lane
    cells = Cells.blank(1, columns, Style(palette, view.style.symbols))
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
    snapshot, palette, plain = view.snapshot, view.style.palette, view.style.symbols.plain
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


class TinyPage(CellView):
    """Says how large the terminal has to be; `needed` is (columns, rows)."""

    def __init__(self, needed: tuple[int, int]) -> None:
        super().__init__(id="tiny")
        self._needed = needed

    def draw_now(self, style: Style, keys: KeyNames) -> None:
        """Draw the page at the screen's size."""
        width, height = self.screen.size
        cells = Cells.blank(height, width, style)
        lines = (
            f"needs {self._needed[0]}x{self._needed[1]}",
            f"is {width}x{height}",
            f"{keys.of('quit')} quits",
        )
        top = max(0, (height - len(lines)) // 2)
        for row, line in enumerate(lines, top):
            cells.put(row, max(0, (width - len(line)) // 2), line, style.palette.warning)
        self.show(cells)


_ADVICE_GAP = "   "


class VerdictLine(CellView):
    """Shows the verdict on the current lane at the viewed epoch."""

    def __init__(self) -> None:
        super().__init__(id="verdict")

    def draw_now(self, view: View, why: WhyPanel) -> None:
        """Draw the line at its width; what to try is left out where it does not fit."""
        columns = self.size.width
        cells = Cells.blank(1, columns, view.style)
        if columns and self.display:
            text, advice, kind = why.line(view, columns)
            shown = fit(text, columns, view.style.symbols.plain)
            at = cells.put(0, 0, shown, kind_colour(kind, view.style.palette))
            if advice and at + width(_ADVICE_GAP + advice) <= columns:
                cells.put(0, at, _ADVICE_GAP + advice, view.style.palette.dim)
            self.show(cells)
