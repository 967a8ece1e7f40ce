"""The lanes panel: every lane with its learning rate, origin and losses; the current one marked."""

import math
from typing import ClassVar

from tui_gd.plots.axes import BORDER, draw_box
from tui_gd.plots.cells import Cells, fit
from tui_gd.plots.palette import Colour
from tui_gd.plots.table import Table, draw_table
from tui_gd.session.snapshot import LaneSnapshot, Snapshot
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.panels.readings import shown

_HEADER = ("lane", "α", "train", "accuracy", "from", "optimizer", "loss", "test")
_NONE = "-"
_DIGITS = 6
# with fewer cells the columns stand closer
_ROOMY = 70


class LanesPanel(Panel):
    """Lists the lanes; moving in it makes another lane the current one."""

    NAME: ClassVar[str] = "lanes"
    PLACE: ClassVar[int] = 2

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the table, scrolled so that the current lane is in sight."""
        snapshot, symbols = view.snapshot, view.style.symbols
        inner = Cells.blank(rows - BORDER, columns - BORDER, view.style)
        height, room = inner.shape
        names = [
            f"{symbols.point(lane.number)} {fit(lane.name, 12, symbols.plain)}{_note(lane, view)}"
            for lane in snapshot.lanes
        ]
        highlight: dict[tuple[int, int], Colour] = {
            (row, 0): view.style.palette.lane(lane.number)[0]
            for row, lane in enumerate(snapshot.lanes)
        }
        body = [
            (name, *lane_row(lane, view)) for name, lane in zip(names, snapshot.lanes, strict=True)
        ]
        table = draw_table(
            height,
            max(room - 1, 0),
            Table(
                [symbols.spell(title) for title in _HEADER],
                body,
                align=("<", ">", ">", ">", "<", "<", "<", ">"),
                highlight=highlight,
                gap=2 if room > _ROOMY else 1,
            ),
            view.style,
            selected=snapshot.current,
        )
        inner.paste(0, 1, table)
        hidden = sum(lane.number in view.hidden for lane in snapshot.lanes)
        right = f"{len(snapshot.lanes)} lane{'s' * (len(snapshot.lanes) > 1)}"
        if hidden:
            right += f", {hidden} hidden"
        heading = self.heading(view, "Lanes", right=right)
        return draw_box(rows, columns, inner, heading, view.style)

    def moved(self, by: int, view: View) -> int:
        """Choose the next lane, or the one before."""
        del view
        return by

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


def lane_row(lane: LaneSnapshot, view: View) -> tuple[str, ...]:
    """Return a lane's cells after its name."""
    parent = parent_name(lane, view.snapshot)
    return (
        f"{lane.learning_rate:g}",
        shown(lane.loss, _DIGITS),
        _NONE if math.isnan(lane.accuracy) else f"{lane.accuracy:.4f}",
        f"{parent} at {lane.branched_at}" if parent else "start",
        lane.optimizer.name,
        lane.loss_name,
        shown(lane.test_loss, _DIGITS),
    )


def _note(lane: LaneSnapshot, view: View) -> str:
    """Return what is to be said of a lane after its name."""
    diverged = lane.diverged is not None and lane.diverged <= view.snapshot.epoch
    hidden = lane.number in view.hidden
    return " diverged" * diverged + " hidden" * hidden


def parent_name(lane: LaneSnapshot, snapshot: Snapshot) -> str:
    """Return the name of the lane it branched from, `closed` if that is gone, "" if none."""
    if lane.parent is None:
        return ""
    names = [other.name for other in snapshot.lanes if other.number == lane.parent]
    return names[0] if names else "closed"
