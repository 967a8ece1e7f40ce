"""The lanes panel: every lane with its learning rate, origin and losses, the current one marked."""

from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from tui_gd.insight.verdict import share
from tui_gd.plots.axes import BORDER, Canvas, draw_box
from tui_gd.plots.cells import Cells, fit, widest, width
from tui_gd.plots.table import Align, Table, draw_table
from tui_gd.session.snapshot import LaneSnapshot, Snapshot
from tui_gd.ui.panels.lines import losses_in_words
from tui_gd.ui.panels.panel import Hint, Panel, View, run_hint
from tui_gd.ui.panels.readings import not_known, shown

_NONE = "-"
# blanks between two columns, if all of them fit and if they do not
_GAPS = (2, 1)


@dataclass(frozen=True)
class _Form:
    """How roomy the table is: the cells of a lane's name, the digits of a loss, and its name."""

    name: int = 12
    digits: int = 6
    words: bool = True
    """Whether a loss has its usual name, or that of the option."""
    optimizer: str = "optimizer"


_FORMS = (
    *(_Form(), _Form(words=False), _Form(4, words=False)),
    *(_Form(4, digits, words=False, optimizer="opt.") for digits in (5, 4, 3)),
)


@dataclass(frozen=True)
class _Column:
    """A column of the table: its header, its cell for every lane, and its alignment."""

    head: str
    cells: list[str]
    align: Align = "<"

    @property
    def width(self) -> int:
        """The cells that the column takes."""
        return widest([self.head, *self.cells])


class LanesPanel(Panel):
    """Lists the lanes; moving in the panel makes another lane the current one."""

    NAME: ClassVar[str] = "lanes"
    PLACE: ClassVar[int] = 2
    CHOOSES_LANES = True

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the table, scrolled so that the current lane is visible."""
        snapshot, style = view.snapshot, view.style
        inner = Cells.blank(rows - BORDER, columns - BORDER, style)
        height, room = inner.shape
        fitting, gap = self._roomiest(view, room - 1 - width(style.symbols.selected) - 1)
        table = Table(
            [one.head for one in fitting],
            list(zip(*(one.cells for one in fitting), strict=True)),
            align=[one.align for one in fitting],
            highlight={
                (row, 0): style.palette.lane(lane.number)[0]
                for row, lane in enumerate(snapshot.lanes)
            },
            gap=gap,
        )
        drawn = draw_table(height, max(room - 1, 0), table, style, selected=snapshot.current)
        inner.paste(0, 1, drawn)
        hidden = sum(lane.number in view.hidden for lane in snapshot.lanes)
        right = f"{len(snapshot.lanes)} lane{'s' * (len(snapshot.lanes) > 1)}"
        if hidden:
            right += f", {hidden} hidden"
        heading = self.heading(view, "Lanes", right=right)
        return draw_box(Canvas(rows, columns, view.style, heading), inner)

    def _roomiest(self, view: View, room: int) -> tuple[list[_Column], int]:
        """Return as many whole columns as fit, and the blanks between two.

        What differs is always shown, with the train loss beside it. If there is too little room,
        losses get the names of the option, and then lanes and numbers keep only their beginnings.
        """
        for form in _FORMS:
            columns, differing = self._columns(view, form)
            for gap in _GAPS:
                ends = list(accumulate(one.width + gap for one in columns))
                kept = columns[: max(bisect(ends, room + gap), 1)]
                if len(kept) == len(columns):
                    break
            if len(kept) > differing + 1:
                break
        return kept, gap

    @staticmethod
    def _columns(view: View, form: _Form) -> tuple[list[_Column], int]:
        """Return the columns, the most telling first, and how many of them differ.

        They are the lane, what differs, and how it went.
        """
        lanes, symbols = view.snapshot.lanes, view.style.symbols
        names = [fit(lane.name, form.name, symbols.plain) + _note(lane, view) for lane in lanes]
        names = [
            f"{symbols.point(one.number)} {name}" for one, name in zip(lanes, names, strict=True)
        ]
        losses = [lane.loss_name for lane in lanes]
        right = [not_known(lane.accuracy) or share(lane.accuracy) for lane in lanes]

        def number(head: str, values: list[float]) -> _Column:
            return _Column(head, [symbols.spell(shown(one, form.digits)) for one in values], ">")

        settings = [
            _Column(form.optimizer, [lane.optimizer.name for lane in lanes]),
            _Column(symbols.spell("α"), [f"{lane.learning_rate:g}" for lane in lanes], ">"),
            _Column("loss", losses_in_words(losses) if form.words else losses),
        ]
        differ = [one for one in settings if len(set(one.cells)) > 1]
        columns = [
            _Column("lane", names),
            *differ,
            number("train", [lane.loss for lane in lanes]),
            number("test", [lane.test_loss for lane in lanes]),
            _Column("right", right, ">"),
            _Column("from", [_origin(lane, view.snapshot) for lane in lanes]),
            *(one for one in settings if one not in differ),
        ]
        return columns, len(differ)

    def hints(self, view: View) -> tuple[Hint, ...]:
        """Return the keys that act on lanes."""
        return (
            run_hint(view),
            Hint(("move(-1)", "move(1)"), "lane", 2),
            Hint(("branch",), "branch", 3),
            Hint(("branch_with",), "branch with another loss or optimizer", 4, "with another"),
            Hint(("name_lane",), "name", 5),
            Hint(("hide_lane",), "hide", 7),
            Hint(("close_lane",), "close", 6),
        )

    def numbers(self, view: View) -> list[str]:
        """Return all lanes with all digits, separated by tabs."""
        head = (
            "lane alpha optimizer loss parent branched_at train_loss test_loss accuracy"
            " gradient_norm recorded diverged weights"
        )
        lines = [head.replace(" ", "\t")]
        for lane in view.snapshot.lanes:
            values = (
                lane.name,
                repr(lane.learning_rate),
                lane.optimizer.name,
                lane.loss_name,
                parent_name(lane, view.snapshot) or _NONE,
                lane.branched_at,
                repr(lane.loss),
                repr(lane.test_loss),
                repr(lane.accuracy),
                repr(lane.gradient_norm),
                lane.recorded,
                _NONE if lane.diverged is None else lane.diverged,
                " ".join(map(repr, lane.weights.tolist())),
            )
            lines.append("\t".join(map(str, values)))
        return lines


def _origin(lane: LaneSnapshot, snapshot: Snapshot) -> str:
    parent = parent_name(lane, snapshot)
    return f"{parent} at {lane.branched_at}" if parent else "start"


def _note(lane: LaneSnapshot, view: View) -> str:
    """Return what follows a lane's name."""
    diverged = lane.diverged is not None and lane.diverged <= view.snapshot.epoch
    hidden = lane.number in view.hidden
    return " diverged" * diverged + " hidden" * hidden


def parent_name(lane: LaneSnapshot, snapshot: Snapshot) -> str:
    """Return the parent lane's name, `closed` if that lane is gone, "" if there is none."""
    if lane.parent is None:
        return ""
    names = [other.name for other in snapshot.lanes if other.number == lane.parent]
    return names[0] if names else "closed"
