"""The loss panel: training and test loss of every lane over the epochs."""

import math

from tui_gd.learning.history import Buckets
from tui_gd.plots.cells import Cells, Colour
from tui_gd.plots.loss import Curve, draw_loss
from tui_gd.ui.panels.panel import Panel, View


class LossPanel(Panel):
    """Draws the losses; moving in it makes another lane the current one."""

    NAME = "loss"

    def __init__(self) -> None:
        super().__init__()
        self.log_axis = False

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the curves: of one lane train and test, of several train, and the current test."""
        snapshot, palette = view.snapshot, view.palette
        several = len(snapshot.lanes) > 1
        curves = []
        for lane in snapshot.lanes:
            colours = (
                palette.lane(lane.number) if several else (palette.train, palette.train_dimmed)
            )
            label = f"{lane.name} α {lane.learning_rate:g}" if several else "train"
            begin = lane.branched_at if lane.parent is not None else 0
            curves.append(_curve(label, lane.train, lane.loss, colours, begin=begin))
        lane = snapshot.lane
        # the current lane lies on top
        curves.append(curves.pop(snapshot.current))
        label = f"test {lane.name}" if several else "test"
        colours = (palette.test, palette.test_dimmed)
        curves.insert(0, _curve(label, lane.test, lane.test_loss, colours, dashed=True))
        return draw_loss(
            rows,
            columns,
            _in_legend_order(curves),
            epoch=snapshot.epoch,
            last_epoch=max(snapshot.epochs, snapshot.newest),
            log=self.log_axis,
            palette=palette,
            symbols=view.symbols,
            title=f"loss · {view.settings.loss}" if not view.symbols.plain else "loss",
            focused=self.has_focus,
        )

    def move(self, by: int, view: View) -> int | None:
        """Choose the next lane, or the one before."""
        return (view.snapshot.current + by) % len(view.snapshot.lanes)


def _in_legend_order(curves: list[Curve]) -> list[Curve]:
    """Curves are drawn first to last; the legend reads the same way, and the last lies on top."""
    return curves


def _curve(
    label: str,
    buckets: Buckets,
    value: float,
    colours: tuple[Colour, Colour],
    *,
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
        shown="—" if math.isnan(value) else f"{value:.4g}",
        stop=buckets.stop,
        dashed=dashed,
    )
