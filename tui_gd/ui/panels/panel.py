"""What all panels share: a view of the run, and the picture drawn from it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tui_gd.learning.engine import Engine, EngineMaker
from tui_gd.learning.models import Predictor
from tui_gd.plots.axes import BORDER, Canvas, Heading, LegendEntry, draw_box
from tui_gd.plots.cells import Cells, width
from tui_gd.plots.curves import Mark
from tui_gd.plots.palette import Palette, Style
from tui_gd.problems import Problem
from tui_gd.session.commands import Command
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import LaneSnapshot, RunState, Snapshot
from tui_gd.training.engines import PartitionedEngine
from tui_gd.ui.keys import KeyNames
from tui_gd.ui.studies import Study


@dataclass(frozen=True, eq=False)
class View:
    """All that a panel draws from: the run at one moment, and how the terminal shows it.

    `make_engine` returns a new engine for the loss of that name, for use on any thread. `hidden`
    holds the numbers of the lanes that plots leave out, `keys` the names of the keys as bound, and
    `marks` the learner's predictions of the loss.
    """

    snapshot: Snapshot
    problem: Problem
    predictor: Predictor
    settings: RunSettings
    style: Style
    make_engine: EngineMaker
    hidden: frozenset[int] = frozenset()
    keys: KeyNames = KeyNames()  # noqa: RUF009 - nothing changes it
    marks: tuple[Mark, ...] = ()

    @property
    def of_lane(self) -> str:
        """The current lane as the end of a title, `, lane A`; empty if it is the only one."""
        several = len(self.snapshot.lanes) > 1
        return f", lane {self.snapshot.lane.name}" if several else ""

    @property
    def lanes(self) -> tuple[LaneSnapshot, ...]:
        """The lanes to draw: those that are not hidden, and always the current one."""
        lanes, current = self.snapshot.lanes, self.snapshot.lane
        return tuple(lane for lane in lanes if lane is current or lane.number not in self.hidden)


@dataclass(frozen=True)
class Hint:
    """A word of the footer behind its keys: those of `actions`, or else `keys` as written.

    If there is little room, the word is `short`; if there is less, the hints of the highest `rank`
    go first.
    """

    actions: tuple[str, ...]
    word: str
    rank: int = 0
    short: str | None = None
    keys: str = ""


ARROWS = "← → ↑ ↓"
"""The keys that move a cursor, as `Hint.keys`."""
LEAVE = Hint(("restore",), "leave", 3)
ZOOM = Hint(("zoom(2.0)", "zoom(0.5)"), "zoom", 5)


def run_hint(view: View) -> Hint:
    """Return the hint of the key that starts or pauses the run."""
    running = view.snapshot.state is RunState.RUNNING
    return Hint(("run_or_pause",), "pause" if running else "run", 1)


@dataclass(frozen=True, slots=True)
class TakeThreshold:
    """Give the run on the screen another threshold; it is a setting, not a step of training."""

    threshold: float


class Panel(ABC):
    """A picture of the run: it draws a view as cells, and keeps the selection within itself.

    A panel knows no screen: `ui.panels.widget` shows it, and `--plain` prints its numbers.
    `focused` says whether the panel gets the keys, `click_focused` whether the next click is the
    one that gave it the focus, and `pointed` whether a lesson speaks of it.
    """

    NAME: ClassVar[str] = ""
    # which of the four places of a wide screen the panel usually has, counted line by line
    PLACE: ClassVar[int] = 0
    # while a run goes on, the panel draws no more often than people can read its numbers
    READING_SECONDS: ClassVar[float] = 0.0
    # whether moving in the panel makes another lane the current one
    CHOOSES_LANES: ClassVar[bool] = False

    def __init__(self) -> None:
        self.focused = self.click_focused = self.cursor_on = self.pointed = False
        self.place = self.PLACE
        self._found: Any
        self.forget()

    def heading(
        self,
        view: View,
        title: str,
        legend: Sequence[LegendEntry] = (),
        *,
        right: str = "",
        short: str = "",
        below: Sequence[str] = (),
    ) -> Heading:
        """Return what the panel's frame says, with the key that shows the panel."""
        spell = view.style.symbols.spell
        return Heading(
            spell(title),
            tuple(legend),
            self.focused,
            key=view.keys.of(self.action),
            pointed=self.pointed,
            right=spell(right),
            short=spell(short),
            below=tuple(map(spell, below)),
        )

    @property
    def action(self) -> str:
        """The action that shows the panel."""
        return f"panel('{self.NAME}')"

    @abstractmethod
    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the panel's picture."""

    def study(self, view: View) -> Study | None:
        """Return what to compute next to the run for this view, if anything."""
        return None

    def take(self, key: tuple[object, ...], result: Any) -> None:
        """Take a study's result, or a part of it; `key` is the study's."""
        self._found = result

    def forget(self) -> None:
        """Forget what was found about a problem, because the run has moved to another one.

        A new panel begins with this, so all that is about a problem has its first value here.
        """
        self._found = None

    def numbers(self, view: View) -> list[str]:
        """Return what the panel shows as lines of text with all digits, for copying."""
        return []

    def move(self, by: int, view: View) -> None:
        """Move the selection within the panel; not called if it `CHOOSES_LANES`."""
        return

    def hints(self, view: View) -> tuple[Hint, ...]:
        """Return the footer's hints while the panel has the focus; none for the usual ones."""
        return (Hint((), "move", 2, keys=ARROWS), LEAVE) if self.cursor_on else ()

    def scroll_by(self, pages: int) -> None:
        """Scroll by pages if not all lines fit."""
        return

    # What a plot can do

    def zoom(self, factor: float, view: View) -> bool:
        """Show a smaller part of the plot, `factor` times as large; return whether it can."""
        return False

    def zoom_at(self, x: int, y: int, factor: float, view: View) -> bool:
        """Zoom so that the place at a cell stays where it is; return whether the panel can."""
        return self.zoom(factor, view)

    def pan(self, share: float, view: View) -> bool:
        """Show another part, by a share of the width; return whether the panel can."""
        return False

    def restore(self) -> bool:
        """Show the whole plot again; return whether only a part was shown."""
        return False

    def begin_cursor(self, view: View) -> bool:
        """Put a cursor into the plot; return whether this panel can have one."""
        return False

    def end_cursor(self) -> None:
        """Take the cursor away."""
        self.cursor_on = False

    def move_cursor(self, across: int, down: int, view: View) -> None:
        """Move the cursor by one step; `across` and `down` are −1, 0 or 1.

        With `CHOOSES_LANES`, the panel ignores `down`: the screen chooses a lane by it.
        """
        return

    def confirm(self, view: View) -> "Command | TakeThreshold | None":
        """Return the command for the thing at the cursor, if there is one."""
        return None

    def click_at(self, x: int, y: int, view: View) -> Command | None:
        """Take a click at a cell of the panel; return the command that follows from it, if any."""
        return None


def on_sample(engine: Engine) -> Engine:
    """Return an engine on the sample of rows in parts; the engine itself on other rows."""
    return engine.sampled() if isinstance(engine, PartitionedEngine) else engine


def sample_in_words(problem: Problem) -> str:
    """Return how many of the train rows panels draw, as `9,000 of 70,000 rows`; empty if all."""
    drawn = len(problem.y_train)
    return f"{drawn:,} of {problem.train_rows:,} rows" if drawn < problem.train_rows else ""


class KeptEngine:
    """The engine of one panel's studies, made once for a run's data and a loss.

    An engine has buffers, so a panel makes one study at a time. With `sampled`, it has the
    sample alone of rows in parts.
    """

    def __init__(self, *, sampled: bool = False) -> None:
        self._sampled = sampled
        self._kept: tuple[tuple[object, ...], Engine] | None = None

    def of(self, view: View, loss_name: str) -> Engine:
        """Return an engine for a loss on the view's data: the kept one if it fits."""
        key = (view.problem, view.settings, loss_name)
        kept = self._kept
        if kept is None or kept[0] != key:
            engine = view.make_engine(loss_name)
            kept = self._kept = (key, on_sample(engine) if self._sampled else engine)
        return kept[1]


class ScrollingPanel(Panel):
    """A panel whose lines scroll if not all fit; consecutive pages share `AGAIN` of them."""

    AGAIN: ClassVar[int] = 1

    def __init__(self) -> None:
        super().__init__()
        self._first, self._room = 0, 1

    def first_line(self, count: int, room: int) -> int:
        """Return the first visible line of `count` lines if `room` lines fit."""
        self._room = max(room, 1)
        self._first = max(0, min(self._first, count - room))
        return self._first

    def move(self, by: int, view: View) -> None:
        """Scroll by lines; the next `first_line` stops at the end."""
        self._first = max(0, self._first + by)

    def scroll_by(self, pages: int) -> None:
        """Scroll by pages."""
        self._first = max(0, self._first + pages * max(1, self._room - self.AGAIN))

    def put_place(self, cells: Cells, count: int, room: int, palette: Palette) -> None:
        """Write which lines are visible into a box's lower border, unless all are."""
        if count > room > 0:
            rows, columns = cells.shape
            text = f" pgdn {self._first + 1}-{self._first + room}/{count} "
            cells.put(rows - 1, columns - width(text) - 2, text, palette.dim)

    def draw_scrolled(
        self, contents: Cells, rows: int, columns: int, heading: Heading, style: Style
    ) -> Cells:
        """Return a box of (rows, columns) with the visible lines of the contents."""
        height = max(rows - BORDER, 0)
        inner = Cells.blank(height, columns - BORDER, style)
        inner.paste(-self.first_line(contents.shape[0], height), 1, contents)
        cells = draw_box(Canvas(rows, columns, style, heading), inner)
        self.put_place(cells, contents.shape[0], height, style.palette)
        return cells
