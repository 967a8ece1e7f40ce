"""The losses of a run, epoch by epoch, as CSV."""

import csv
import io
import math
from collections.abc import Iterator

import numpy as np

from tui_gd.learning.standing import LaneRecord
from tui_gd.problems.harmless import harmless
from tui_gd.runs.exported import Exported

COLUMNS = ("epoch", "lane", "alpha", "train_loss", "test_loss", "gradient_norm")


def loss_files(exported: Exported) -> dict[str, bytes]:
    """Return `losses.csv`: a row for every lane and epoch on record, with all digits.

    Nothing stands where a number is not known; of a thinned record's early epochs there are some.

    `alpha` is the learning rate of the update that follows, the schedule's factor in it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for lane in exported.lanes:
        writer.writerows(_rows(exported, lane))
    return {"losses.csv": text.getvalue().encode()}


def _rows(exported: Exported, lane: LaneRecord) -> Iterator[tuple[object, ...]]:
    name = _no_formula(lane.name)
    series = [exported.series(kind, lane).points() for kind in ("train", "test", "norm")]
    known = np.unique(np.concatenate([points.epochs for points in series]))
    columns = [exported.learning_rates(lane, known)]
    columns += [points.at_all(known).tolist() for points in series]
    for epoch, *numbers in zip(known.tolist(), *columns, strict=True):
        yield epoch, name, *map(_number, numbers)


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else ""


def _no_formula(name: str) -> str:
    """Return a name that no spreadsheet takes for a formula, and no terminal for a command."""
    shown = harmless(name)
    return f"'{shown}" if shown[:1] in {"=", "+", "-", "@"} else shown
