"""The loss panel: training and test loss of every lane over the epochs."""

import math

from tui_gd.learning.history import Buckets
from tui_gd.plots.cells import Cells, Colour, width
from tui_gd.plots.loss import Curve, draw_loss
from tui_gd.snapshot import LaneSnapshot
from tui_gd.ui.panels.panel import Panel, View

_NONE = "-"


class LossPanel(Panel):
    """Draws the losses; moving in it makes another lane the current one.

    Its cursor stands at an epoch: the title names it and the legend the losses there.
    """

    NAME = "loss"

    def __init__(self) -> None:
        super().__init__()
        self.log_axis = False
        self._cursor = 0

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the curves: the current lane's train and test, then the other lanes' train."""
        snapshot = view.snapshot
        cursor = min(self._cursor, snapshot.newest) if self.cursor_on else None
        title = "loss"
        if cursor is not None:
            bucket = snapshot.lane.train.width
            first = cursor // bucket * bucket
            last = min(first + bucket - 1, snapshot.newest)
            title = f"epoch {first}" if last <= first else f"epochs {first} to {last}"
        curves = self._curves(view, cursor)
        cells = draw_loss(
            rows,
            columns,
            curves,
            epoch=snapshot.epoch,
            last_epoch=max(snapshot.epochs, snapshot.newest),
            log=self.log_axis,
            palette=view.palette,
            symbols=view.symbols,
            title=title,
            focused=self.has_focus,
            cursor=cursor,
        )
        if len(snapshot.lanes) > 1:
            list_lanes(cells, [curves[0], *curves[2:]], view)
        return cells

    def _curves(self, view: View, cursor: int | None) -> list[Curve]:
        """Return the curves, the first on top: with several lanes a test curve has no hue."""
        snapshot, palette = view.snapshot, view.palette
        several = len(snapshot.lanes) > 1
        current = snapshot.lane
        others = [lane for lane in snapshot.lanes if lane is not current]
        train, test = (palette.train, palette.train_dimmed), (palette.test, palette.test_dimmed)
        if several:
            train, test = palette.lane(current.number), (palette.text, palette.dim)
        curves = [
            _train_curve(current, train, cursor, _name(current) if several else "train"),
            _curve(
                "test",
                current.test,
                current.test_loss,
                test,
                cursor=cursor,
                dashed=several or palette.depth == "mono" or view.symbols.plain,
            ),
        ]
        curves += [
            _train_curve(lane, palette.lane(lane.number), cursor, _name(lane)) for lane in others
        ]
        return curves

    def moved(self, by: int, view: View) -> int:
        """Choose the next lane, or the one before."""
        del view
        return by

    def begin_cursor(self, view: View) -> bool:
        """Put the cursor at the epoch being viewed."""
        self._cursor = view.snapshot.epoch
        self.cursor_on = True
        return True

    def move_cursor(self, across: int, down: int, view: View) -> None:
        """Move the cursor along the epochs, by a column of the plot; up and down choose a lane."""
        if down:
            self.move(down)
        snapshot = view.snapshot
        last = max(snapshot.epochs, snapshot.newest)
        step = max(1, last // max(self.size.width, 1), snapshot.lane.train.width)
        self._cursor = max(0, min(self._cursor + across * step, snapshot.newest))


def list_lanes(cells: Cells, curves: list[Curve], view: View) -> None:
    """List the lanes in the upper right of the plot, which losses leave free first.

    The border has room for one or two of them. In at most half of the plot's rows; how many are
    left out stands in the last one.
    """
    rows, columns = cells.shape
    room = (rows - 4) // 2
    lines = [(f"{view.symbols.solid} {one.label} {one.shown}", one.colour) for one in curves]
    longest = max(width(text) for text, _ in lines)
    if room < 1 or longest > columns // 2:
        return
    if len(lines) > room:
        left_out = f"and {len(lines) - room + 1} more lanes"
        lines = [*lines[: room - 1], (left_out, view.palette.dim)]
    for row, (text, colour) in enumerate(lines, 1):
        cells.put(row, columns - 2 - longest, f"{text:<{longest}}", colour)


def _name(lane: LaneSnapshot) -> str:
    return f"{lane.name} {lane.learning_rate:g}"


def _train_curve(
    lane: LaneSnapshot, colours: tuple[Colour, Colour], cursor: int | None, label: str
) -> Curve:
    """Return a lane's training loss; what it shares with the lane it branched from is left out."""
    begin = lane.branched_at if lane.parent is not None else 0
    return _curve(label, lane.train, lane.loss, colours, cursor=cursor, begin=begin)


def _curve(
    label: str,
    buckets: Buckets,
    value: float,
    colours: tuple[Colour, Colour],
    *,
    cursor: int | None,
    begin: int = 0,
    dashed: bool = False,
) -> Curve:
    skipped = begin // buckets.width
    return Curve(
        label=label,
        start=skipped * buckets.width,
        width=buckets.width,
        low=buckets.low[skipped:],
        high=buckets.high[skipped:],
        colour=colours[0],
        dimmed=colours[1],
        shown=_shown(value) if cursor is None else _at(buckets, cursor),
        stop=buckets.stop,
        dashed=dashed,
    )


def _shown(value: float) -> str:
    return _NONE if math.isnan(value) else f"{value:.4g}"


def _at(buckets: Buckets, epoch: int) -> str:
    """Return the loss at an epoch, or the least and greatest of the bucket it lies in."""
    at = epoch // buckets.width
    if epoch >= buckets.stop or math.isnan(buckets.low[at]):
        return _NONE
    low, high = buckets.low[at], buckets.high[at]
    return f"{low:.7g}" if low == high else f"{low:.4g} to {high:.4g}"
