"""The report of a run as text, as Markdown, and as JSON."""

import json
import math
from dataclasses import dataclass
from typing import Any

from tui_gd import __version__
from tui_gd.problems import Problem
from tui_gd.problems.text import aligned, safe_text
from tui_gd.runs.record import RunRecord
from tui_gd.session.report import (
    Report,
    about_problem,
    measure_of,
    plain_numbers,
    report_on,
    scores_line,
)
from tui_gd.session.weights import Weights, plain_number
from tui_gd.training.checkpoint import LaneRecord

HEADINGS = ("lane", "optimizer", "loss", "alpha", "train loss", "test loss")


@dataclass(frozen=True, eq=False)
class _Row:
    """A lane at the epoch that counts."""

    lane: LaneRecord
    alpha: float
    optimizer: str
    loss: str
    train: float
    test: float
    report: Report
    in_units: Weights | None

    @property
    def measure(self) -> tuple[str, str]:
        """The measure that compares lanes, and this lane's value of it."""
        name, value = measure_of(self.report)
        return "R2" if name == "r2" else name, value

    @property
    def cells(self) -> tuple[str, ...]:
        """The lane's row in the table of lanes."""
        return (
            safe_text(self.lane.name),
            self.optimizer,
            self.loss,
            f"{self.alpha:g}",
            _digits(self.train),
            _digits(self.test),
            self.measure[1],
        )


def report_files(run: RunRecord) -> dict[str, bytes]:
    """Return the report as `report.txt`, `report.md` and `report.json`."""
    weights = run.weights_beside_optimum()
    rows = [_row(run, lane, weights[lane.number]) for lane in run.lanes]
    return {
        "report.txt": _text(run, rows).encode(),
        "report.md": _markdown(run, rows).encode(),
        "report.json": _json(run, rows).encode(),
    }


def _row(run: RunRecord, lane: LaneRecord, in_units: Weights | None) -> _Row:
    optimizer, loss = run.method(lane)
    return _Row(
        lane,
        run.learning_rate(lane),
        optimizer,
        loss,
        run.value("train", lane),
        _test_loss(run, lane, loss),
        report_on(run.problem, run.predictor, run.weights(lane)),
        in_units,
    )


def _test_loss(run: RunRecord, lane: LaneRecord, loss: str) -> float:
    """Return a lane's loss on the test rows, NaN if there are none; compute it if not recorded."""
    known = run.value("test", lane)
    return known if math.isfinite(known) else run.test_loss(run.weights(lane), loss)


def _digits(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.10g}"


def _heading(run: RunRecord) -> list[str]:
    epoch, newest = run.epoch, run.checkpoint.newest
    return [
        f"{safe_text(run.problem.name)}: {safe_text(_size(run.problem), 1000)}",
        safe_text(run.command, 2000),
        f"after {epoch} epochs" + (f" of {newest} on record" if newest != epoch else ""),
    ]


def _size(problem: Problem) -> str:
    """Return the size of a problem in words."""
    if problem.surface:
        return problem.surface.formula
    kind = f"{len(problem.class_names)} classes" if problem.class_names else "regression"
    features = "1 feature" if problem.features == 1 else f"{problem.features} features"
    return f"{problem.sizes}, {features}, {kind}"


def _notes(run: RunRecord, rows: list[_Row]) -> list[str]:
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
        if run.validates:
            loss = _digits(run.value("validation", lane))
            best = f"best epoch {run.best_epoch(lane)}: validation loss {loss}"
            notes.append(f"lane {name}: {best}; its weights count")
    return notes


def _text(run: RunRecord, rows: list[_Row]) -> str:
    table = [(*HEADINGS, rows[0].measure[0]), *(row.cells for row in rows)]
    lines = aligned(table, right=range(len(table[0])))
    parts = [f"gd-tui {__version__}", *_heading(run), "", *lines, *_notes(run, rows)]
    for row in rows:
        parts += ["", f"lane {safe_text(row.lane.name)}", row.report.text.rstrip("\n")]
        parts += _more(row)
    return "\n".join(parts) + "\n"


def _more(row: _Row) -> list[str]:
    """Return what stands below a lane's report: its scores, and its weights."""
    scores = scores_line(row.report)
    weights = [] if row.in_units is None else ["", *row.in_units.lines()]
    return [*([scores] if scores else []), *weights]


def _cell(text: str) -> str:
    """Escape text for Markdown."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#!|$~&" else sign for sign in text)


def _markdown(run: RunRecord, rows: list[_Row]) -> str:
    problem, command, epochs = _heading(run)
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
        *(f"- {_cell(note)}" for note in _notes(run, rows)),
    ]
    for row in rows:
        shown = [*row.report.text.strip("\n").splitlines(), *_more(row)]
        text = [f"    {line}".rstrip() for line in shown]
        lines += ["", f"## Lane {_cell(safe_text(row.lane.name))}", "", *text]
    return "\n".join(lines).rstrip("\n") + "\n"


def _json(run: RunRecord, rows: list[_Row]) -> str:
    document = {
        "version": __version__,
        "config": run.settings.as_dict(),
        "problem": about_problem(run.problem),
        "epoch": run.epoch,
        "newest": run.checkpoint.newest,
        "seed": run.checkpoint.seed,
        "lanes": [_lane(run, row) for row in rows],
    }
    return json.dumps(_finite(document), indent=1, allow_nan=False) + "\n"


def _lane(run: RunRecord, row: _Row) -> dict[str, Any]:
    lane = row.lane
    return {
        "name": lane.name,
        "current": lane.number == run.lane.number,
        "parent": lane.parent,
        "number": lane.number,
        "branched_at": lane.branched_at,
        "diverged": lane.diverged,
        "alpha": row.alpha,
        "optimizer": row.optimizer,
        "loss": row.loss,
        "rates": [list(rate) for rate in lane.rates],
        "methods": [list(method) for method in lane.methods],
        "weights": plain_numbers(run.weights(lane)),
        "final_train_loss": plain_number(row.train),
        "final_test_loss": plain_number(row.test),
        "report": row.report.table,
        "scores": getattr(row.report, "scores", {}),
        "in_units": None if row.in_units is None else row.in_units.as_document(),
        **(
            {
                "best_epoch": run.best_epoch(lane),
                "final_validation_loss": plain_number(run.value("validation", lane)),
            }
            if run.validates
            else {}
        ),
    }


def _finite(value: Any) -> Any:
    """Replace every number that JSON cannot hold with None."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return plain_number(value) if isinstance(value, float) else value
