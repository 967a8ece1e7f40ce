"""The report of a run as text, as Markdown, and as JSON."""

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tui_gd import __version__
from tui_gd.learning.models import Floats
from tui_gd.problems.text import aligned, safe_text
from tui_gd.runs.document import about_problem, command_line, plain_number, plain_numbers, size_of
from tui_gd.runs.record import RunRecord
from tui_gd.session.report import ClassificationReport, RegressionReport, Report, report_on
from tui_gd.training.checkpoint import LaneRecord

# The losses of a run, epoch by epoch, as CSV.

COLUMNS = ("epoch", "lane", "alpha", "train_loss", "test_loss", "gradient_norm")


def loss_files(exported: RunRecord) -> dict[str, bytes]:
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


def _rows(exported: RunRecord, lane: LaneRecord) -> Iterator[tuple[object, ...]]:
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
    shown = safe_text(name)
    return f"'{shown}" if shown[:1] in {"=", "+", "-", "@"} else shown


HEADINGS = ("lane", "optimizer", "loss", "alpha", "train loss", "test loss")


@dataclass(frozen=True, eq=False)
class _Row:
    """A lane as it is at the exported epoch."""

    lane: LaneRecord
    alpha: float
    optimizer: str
    loss: str
    train: float
    test: float
    report: Report

    @property
    def measure(self) -> tuple[str, str]:
        """What lanes are compared by, and this lane's."""
        if isinstance(self.report, ClassificationReport):
            return "accuracy", f"{self.report.table['accuracy']:.4f}"
        if isinstance(self.report, RegressionReport):
            return "R2", f"{self.report.table['r2']:.4f}"
        return "ended at", self.report.place

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of the table of lanes."""
        return (
            safe_text(self.lane.name),
            self.optimizer,
            self.loss,
            f"{self.alpha:g}",
            _digits(self.train),
            _digits(self.test),
            self.measure[1],
        )


def report_files(exported: RunRecord) -> dict[str, bytes]:
    """Return the report as `report.txt`, `report.md` and `report.json`."""
    rows = [_row(exported, lane) for lane in exported.lanes]
    return {
        "report.txt": _text(exported, rows).encode(),
        "report.md": _markdown(exported, rows).encode(),
        "report.json": _json(exported, rows).encode(),
    }


def _row(exported: RunRecord, lane: LaneRecord) -> _Row:
    optimizer, loss = exported.method(lane)
    return _Row(
        lane,
        exported.learning_rate(lane),
        optimizer,
        loss,
        exported.value("train", lane),
        _test_loss(exported, lane, loss),
        report_on(exported.problem, exported.predictor, exported.weights(lane)),
    )


def _test_loss(exported: RunRecord, lane: LaneRecord, loss: str) -> float:
    """Return a lane's loss on the test rows; computed where the run left it out, NaN of none."""
    known = exported.value("test", lane)
    return known if math.isfinite(known) else exported.test_loss(exported.weights(lane), loss)


def _digits(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.10g}"


def _heading(exported: RunRecord) -> list[str]:
    epoch, newest = exported.epoch, exported.checkpoint.newest
    return [
        f"{safe_text(exported.problem.name)}: {safe_text(size_of(exported.problem), 1000)}",
        safe_text(command_line(exported.settings), 2000),
        f"after {epoch} epochs" + (f" of {newest} on record" if newest != epoch else ""),
    ]


def _notes(rows: list[_Row]) -> list[str]:
    notes = []
    for row in rows:
        lane, name = row.lane, safe_text(row.lane.name)
        if lane.parent is not None:
            parents = [one.lane.name for one in rows if one.lane.number == lane.parent]
            parent = safe_text(parents[0]) if parents else "a closed lane"
            notes.append(f"lane {name}: from {parent} at epoch {lane.branched_at}")
        changes = [f"{rate:g} from epoch {epoch}" for epoch, rate in lane.rates[1:]]
        if changes:
            notes.append(f"lane {name}: alpha {lane.rates[0][1]:g}, {', '.join(changes)}")
        if lane.diverged is not None:
            notes.append(f"lane {name}: diverged after epoch {lane.diverged}")
    return notes


def _text(exported: RunRecord, rows: list[_Row]) -> str:
    table = [(*HEADINGS, rows[0].measure[0]), *(row.cells for row in rows)]
    lines = aligned(table, right=range(len(table[0])))
    parts = [f"gd-tui {__version__}", *_heading(exported), "", *lines, *_notes(rows)]
    for row in rows:
        parts += ["", f"lane {safe_text(row.lane.name)}", row.report.text.rstrip("\n")]
    return "\n".join(parts) + "\n"


def _cell(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#!|$~&" else sign for sign in text)


def _markdown(exported: RunRecord, rows: list[_Row]) -> str:
    problem, command, epochs = _heading(exported)
    lines = [
        f"# {_cell(problem)}",
        "",
        f"    {command}",
        "",
        f"gd-tui {__version__}, {epochs}.",
        "",
        "| " + " | ".join((*HEADINGS, rows[0].measure[0])) + " |",
        "| " + " | ".join(["---"] * 3 + ["--:"] * 4) + " |",
        *("| " + " | ".join(map(_cell, row.cells)) + " |" for row in rows),
        "",
        *(f"- {_cell(note)}" for note in _notes(rows)),
    ]
    for row in rows:
        text = [f"    {line}".rstrip() for line in row.report.text.strip("\n").splitlines()]
        lines += ["", f"## Lane {_cell(safe_text(row.lane.name))}", "", *text]
    return "\n".join(lines).rstrip("\n") + "\n"


def _json(exported: RunRecord, rows: list[_Row]) -> str:
    document = {
        "version": __version__,
        "config": exported.settings.as_dict(),
        "problem": about_problem(exported.problem),
        "epoch": exported.epoch,
        "newest": exported.checkpoint.newest,
        "seed": exported.checkpoint.seed,
        "lanes": [_lane(exported, row) for row in rows],
    }
    return json.dumps(_finite(document), indent=1, allow_nan=False) + "\n"


def _lane(exported: RunRecord, row: _Row) -> dict[str, Any]:
    lane = row.lane
    return {
        "name": lane.name,
        "current": lane.number == exported.lane.number,
        "parent": lane.parent,
        "number": lane.number,
        "branched_at": lane.branched_at,
        "diverged": lane.diverged,
        "alpha": row.alpha,
        "optimizer": row.optimizer,
        "loss": row.loss,
        "rates": [list(rate) for rate in lane.rates],
        "methods": [list(method) for method in lane.methods],
        "weights": plain_numbers(exported.weights(lane)),
        "final_train_loss": plain_number(row.train),
        "final_test_loss": plain_number(row.test),
        "report": row.report.table,
    }


def _finite(value: Any) -> Any:
    """Return plain values with None for every number that JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return plain_number(value) if isinstance(value, float) else value


# The weights of all lanes, with the names of what they belong to.


def weight_files(exported: RunRecord) -> dict[str, bytes]:
    """Return `weights.npz`, `weights.json` and `weights.npy`, at the exported epoch.

    The .npz holds `weights` (lanes, parameters); `layer1`, `layer2` … (lanes, inputs + 1, outputs),
    the bias row last; the names `lanes`, `features`, `classes`; and `epoch`. The .npy is `weights`
    alone, as `--init` takes it.
    """
    weights = np.stack([exported.weights(lane) for lane in exported.lanes])
    names = [lane.name for lane in exported.lanes]
    layers = [] if exported.problem.surface else exported.model.matrices(weights)
    arrays: dict[str, Any] = {
        "weights": weights,
        **{f"layer{number}": layer for number, layer in enumerate(layers, 1)},
        "lanes": _texts(names),
        "features": _texts(_inputs(exported)),
        "classes": _texts(exported.problem.class_names),
        "epoch": np.array(exported.epoch),
    }
    packed, alone = io.BytesIO(), io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    np.save(alone, weights, allow_pickle=False)
    document = {
        "version": __version__,
        "problem": exported.problem.name,
        "epoch": exported.epoch,
        "features": _inputs(exported),
        "classes": list(exported.problem.class_names),
        "lanes": [
            {"name": name, "weights": _named(exported, row)}
            for name, row in zip(names, weights, strict=True)
        ],
    }
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    return {
        "weights.npz": packed.getvalue(),
        "weights.npy": alone.getvalue(),
        "weights.json": text.encode(),
    }


def _texts(names: Any) -> Any:
    return np.array(list(names), dtype=np.str_)


def _inputs(exported: RunRecord) -> list[str]:
    surface = exported.problem.surface
    return list(surface.names if surface else exported.problem.feature_names)


def _named(exported: RunRecord, weights: Floats) -> Any:
    """Return one lane's weights by what they belong to.

    Of a surface and of a linear model with one output, by the features' names and `bias`; else
    layer by layer, each a list of `{"unit", "weights", "bias"}`.
    """
    names = _inputs(exported)
    if exported.problem.surface:
        return dict(zip(names, plain_numbers(weights), strict=True))
    layers = [layer[0] for layer in exported.model.matrices(weights[None])]
    if len(layers) == 1 and layers[0].shape[1] == 1:
        return {
            "weights": dict(zip(names, plain_numbers(layers[0][:-1, 0]), strict=True)),
            "bias": plain_numbers(layers[0][-1])[0],
        }
    shown = []
    for number, layer in enumerate(layers, 1):
        last = number == len(layers)
        units = (
            _outputs(exported) if last else [f"h{number}.{i + 1}" for i in range(layer.shape[1])]
        )
        shown.append(
            [
                {
                    "unit": unit,
                    "weights": dict(zip(names, plain_numbers(layer[:-1, i]), strict=True)),
                    "bias": plain_numbers(layer[-1])[i],
                }
                for i, unit in enumerate(units)
            ]
        )
        names = units
    return shown


def _outputs(exported: RunRecord) -> list[str]:
    problem = exported.problem
    return list(problem.class_names) if problem.outputs > 1 else [problem.target_name]
