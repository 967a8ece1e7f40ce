"""`gd-tui show`: a kept run's settings, its losses as a curve, and its report."""

import argparse
import math
import shutil
import sys
from dataclasses import replace

import numpy as np

from tui_gd.cli.output import loading
from tui_gd.cli.runs import when
from tui_gd.errors import ProblemError
from tui_gd.insight.explain import describe
from tui_gd.plots.axes import Canvas, Heading
from tui_gd.plots.curves import Curve, EpochView, bridged, curve_legend, draw_curves
from tui_gd.plots.palette import Palette, Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE, Symbols
from tui_gd.problems.text import aligned, safe_text
from tui_gd.runs.recorder import to_stderr
from tui_gd.runs.resume import open_run, settings_of
from tui_gd.runs.store import KeptRun, Store
from tui_gd.session.report import print_reports, reports_of
from tui_gd.session.settings import RunSettings
from tui_gd.training.checkpoint import Checkpoint, LaneRecord
from tui_gd.training.series import curve_of
from tui_gd.training.spans import KnownPoints

CURVE_ROWS = 16
WIDEST = 120
BUCKETS = 1024
# nobody can tell apart more curves than this in one picture
MOST_CURVES = 8


def main(options: argparse.Namespace) -> int:
    """Print a run's description, its curve and its report; return the exit status.

    If the data are missing, there is no report, and a line on stderr says so.
    """
    with Store() as store:
        run = store.find(options.id)
        checkpoint = store.checkpoint(run)
        print("\n".join(summary(run, checkpoint)))
        print()
        columns = min(WIDEST, shutil.get_terminal_size().columns)
        print("\n".join(curve_lines(checkpoint, columns, sys.stdout.encoding)))
        print("\n".join(description(checkpoint)))
        try:
            with loading(run.problem) as show:
                opened = open_run(store, run, show)
            trainer = opened.trainer(test_losses=False, bounded=True)
        except ProblemError as error:
            sys.stdout.flush()
            to_stderr(f"no report: {error}")
            return 0
    print_reports(trainer, reports_of(trainer), sys.stdout)
    return 0


def summary(run: KeptRun, checkpoint: Checkpoint) -> list[str]:
    """Return the description of a run: a line about it, and one for every lane."""
    owner = f", locked by {run.locked_by}" if run.locked_by else ""
    stopped = f", stopped: {run.stopped}" if run.stopped else ""
    lines = [
        f"run {run.id}: {safe_text(run.problem)}, {run.state}{owner}{stopped}",
        f"started {when(run.started)}, changed {when(run.changed)}, epoch {run.epoch} of {run.goal}"
        f" ({run.newest} on record), seed {run.seed}",
    ]
    if options := _options(run):
        lines.append(f"options: {options}")
    table: list[tuple[str, ...]] = [("lane", "optimizer", "loss", "alpha", "last", "best")]
    table += [_lane_cells(lane, checkpoint) for lane in checkpoint.lanes]
    ends = ["", *(_end(lane) for lane in checkpoint.lanes)]
    rows = zip(aligned(table, right=range(6)), ends, strict=True)
    return [*lines, "", *(line + end for line, end in rows)]


def _lane_cells(lane: LaneRecord, checkpoint: Checkpoint) -> tuple[str, ...]:
    finite = checkpoint.series["train"][lane.number].points().values
    last, best = (finite[-1], finite.min()) if finite.size else (math.nan, math.nan)
    _, optimizer, loss = lane.methods[-1]
    rate = f"{lane.rates[-1][1]:g}"
    return safe_text(lane.name, 12), optimizer, loss, rate, f"{last:.8g}", f"{best:.8g}"


def _end(lane: LaneRecord) -> str:
    return f"  diverged after epoch {lane.diverged}" if lane.diverged is not None else ""


def _options(run: KeptRun) -> str:
    """Return the settings that differ from the usual ones, as options of the command line."""
    settings = replace(settings_of(run), seed=RunSettings().seed)
    return " ".join(map(safe_text, settings.words()[settings.surface is None :]))


def description(checkpoint: Checkpoint) -> list[str]:
    """Return the training loss of the best lane in sentences."""
    losses = checkpoint.series["train"]
    curves = {lane.number: losses[lane.number].points() for lane in checkpoint.lanes}
    best = min(checkpoint.lanes, key=lambda lane: curves[lane.number].values.min(initial=math.inf))
    several = len(checkpoint.lanes) > 1
    what = f"training loss of lane {safe_text(best.name, 12)}" if several else "training loss"
    return describe(curves[best.number], what, best.diverged)


def curve_lines(checkpoint: Checkpoint, columns: int, encoding: str | None) -> list[str]:
    """Return the training losses of the lanes as lines; if there are many, of the best ones."""
    style = Style(palette_for("mono", dark=True), _symbols(encoding))
    losses = checkpoint.series["train"]
    ends = {
        lane.number: losses[lane.number].points().values.min(initial=math.inf)
        for lane in checkpoint.lanes
    }
    lanes = sorted(checkpoint.lanes, key=lambda lane: ends[lane.number])[:MOST_CURVES]
    curves = [
        _curve(lane, losses[lane.number], style.palette, i > 0) for i, lane in enumerate(lanes)
    ]
    all_of_them = "" if len(lanes) == len(checkpoint.lanes) else f", best {len(lanes)} lanes"
    positive = all((curve.low > 0)[np.isfinite(curve.low)].all() for curve in curves)
    view = EpochView(checkpoint.newest, log=bool(positive))
    canvas = Canvas(CURVE_ROWS, columns, style, Heading(f"training loss{all_of_them}"))
    canvas = canvas.with_legend(curve_legend(curves, canvas))
    return [line.rstrip() for line in draw_curves(canvas, curves, view).cells.text()]


def _curve(lane: LaneRecord, known: KnownPoints, palette: Palette, dashed: bool) -> Curve:
    curve = curve_of(known, BUCKETS)
    name = safe_text(lane.name, 12)
    colour = palette.text
    last = known.at(known.stop - 1)
    low, high = bridged(curve.low, curve.high, curve.width, curve.dense_from)
    return Curve(
        name, 0, curve.width, low, high, colour, colour, f"{last:.6g}", curve.stop, dashed, name
    )


def _symbols(encoding: str | None) -> Symbols:
    try:
        "⣿".encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return UNICODE
