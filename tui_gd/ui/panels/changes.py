"""The changes panel: what became right and wrong between two epochs, and every class's measures."""

from dataclasses import dataclass

from tui_gd.changes import Changes, SurfaceChanges, compare
from tui_gd.plots.box import BORDER, draw_box
from tui_gd.plots.cells import Cells, fit, wrapped
from tui_gd.snapshot import Snapshot
from tui_gd.ui.panels import changed
from tui_gd.ui.panels.changed import Line
from tui_gd.ui.panels.changed_numbers import comparison_numbers
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.panels.scroll import Scroll
from tui_gd.ui.studies import Progress, Study

Key = tuple[object, ...]


@dataclass(frozen=True, eq=False)
class _Shown:
    """A comparison, and what was compared: the epochs, and the lane's name if there are several."""

    problem: object
    before: int
    after: int
    lane: str
    found: Changes


class ChangesPanel(Panel):
    """Draws how the test rows' predictions differ from those at the marked epoch.

    Counts and measures come first, then the rows; all of it is scrolled, the head of the list of
    rows stays.
    """

    NAME = "changes"
    PLACE = 2
    READING_SECONDS = 0.25

    def __init__(self) -> None:
        super().__init__()
        self._shown: _Shown | None = None
        # the head of the list is seen again, and one of its lines
        self._scroll = Scroll(again=2)

    def forget(self) -> None:
        """Forget what was found about a problem: the run is on another one."""
        self._shown = None

    def study(self, view: View) -> Study | None:
        """Return the comparison of the marked epoch's weights with the viewed ones."""
        snapshot, problem, predictor = view.snapshot, view.problem, view.predictor
        before, after = snapshot.reference.weights, snapshot.lane.weights
        if snapshot.reference.epoch == snapshot.epoch:
            return None

        def compute(progress: Progress) -> Changes:
            return compare(problem, predictor, before, after, progress.check)

        epochs = (snapshot.reference.epoch, snapshot.epoch, _lane(snapshot))
        return Study((problem, *epochs, before.tobytes(), after.tobytes()), compute)

    def take(self, key: Key, result: Changes) -> None:
        """Show a comparison."""
        problem, before, after, lane, *_ = key
        assert isinstance(before, int)
        assert isinstance(after, int)
        self._shown = _Shown(problem, before, after, str(lane), result)

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the comparison that is known, or why there is none."""
        palette, symbols, snapshot = view.palette, view.symbols, view.snapshot
        height, room = max(rows - BORDER, 0), max(columns - BORDER - 2, 0)
        inner = Cells.blank(height, columns - BORDER, palette, symbols)
        shown = self._known(view)
        count = 0
        if snapshot.reference.epoch == snapshot.epoch:
            title = f"changes  epoch {snapshot.epoch}"
            self._say(inner, view, room)
        elif shown is None:
            title = f"changes  epoch {snapshot.reference.epoch} → {snapshot.epoch}"
            inner.put(0, 1, fit("the comparison follows", room, symbols.plain), palette.dim)
        else:
            title = _title(shown)
            count = self._draw_lines(inner, view, shown.found, room)
        cells = draw_box(
            rows,
            columns,
            inner,
            title=symbols.spell(title),
            palette=palette,
            symbols=symbols,
            focused=self.has_focus,
        )
        self._scroll.put_place(cells, count, height, palette)
        return cells

    def _known(self, view: View) -> _Shown | None:
        """Return the comparison, if it is one of this problem."""
        shown = self._shown
        return shown if shown is not None and shown.problem is view.problem else None

    def _say(self, inner: Cells, view: View, room: int) -> None:
        epoch = view.snapshot.epoch
        mark = view.keys.of("mark")
        text = (
            f"Epoch {epoch} is the one that others are compared with. Go to another epoch to see "
            f"what changed. {mark} marks the viewed epoch as the one to compare with."
        )
        for row, line in enumerate(wrapped(text, room)):
            inner.put(row, 1, line, view.palette.dim if row else view.palette.text)

    def _draw_lines(self, inner: Cells, view: View, found: Changes, room: int) -> int:
        """Draw the lines from the offset on; return how many there are."""
        height = inner.shape[0]
        head = changed.head_lines(found, view, room)
        count, line_of = changed.listed(found, view, room)
        total = len(head) + count
        first = self._scroll.fit(total, height)
        for row in range(min(height, total)):
            at = row + first
            line = head[at] if at < len(head) else line_of(at - len(head))
            if row == 0 and count and at >= len(head):
                line = head[-1]
            _put(inner, row, line, room)
        return total

    def moved(self, by: int, view: View) -> int:
        """Scroll by lines."""
        del view
        self._scroll.move(by)
        return 0

    def scroll_by(self, pages: int) -> None:
        """Scroll by what is seen at once, less the two lines that are seen again."""
        self._scroll.turn(pages)

    def numbers(self, view: View) -> list[str]:
        """Return the whole comparison with all digits."""
        shown = self._known(view)
        if shown is None:
            return ["changes: none known"]
        return [_title(shown), *comparison_numbers(shown.found, view.problem)]


def _lane(snapshot: Snapshot) -> str:
    return snapshot.lane.name if len(snapshot.lanes) > 1 else ""


def _title(shown: _Shown) -> str:
    lane = f", lane {shown.lane}" if shown.lane else ""
    rows = "" if isinstance(shown.found, SurfaceChanges) else ", test rows"
    return f"changes  epoch {shown.before} → {shown.after}{lane}{rows}"


def _put(cells: Cells, row: int, line: Line, room: int) -> None:
    """Write the pieces of a line, cut to `room` cells."""
    at = 1
    for text, colour in line:
        at = cells.put(row, at, fit(text, room + 1 - at, cells.plain), colour)
