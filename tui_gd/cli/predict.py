"""`gd-tui predict`: what a kept run predicts for the rows of a file."""

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tui_gd import __version__
from tui_gd.cli.export import in_lane
from tui_gd.cli.options import given_options
from tui_gd.cli.output import Output, Show, progress
from tui_gd.errors import ProblemError
from tui_gd.files import WholeFile
from tui_gd.learning.models import Floats
from tui_gd.problems.new_rows import NewRows, rows_of_file
from tui_gd.problems.text import safe_text
from tui_gd.runs.record import RunRecord
from tui_gd.runs.resume import open_to_predict
from tui_gd.runs.store import Store

Predicted = tuple[list[str] | list[float], Floats | None]
"""Some rows: what is predicted for each, and of classes the probabilities (rows, classes)."""


def main(options: argparse.Namespace) -> int:
    """Print what a kept run predicts for every row of a file; return the exit status."""
    with Store() as store:
        kept = store.find(options.id)
        run = in_lane(open_to_predict(store, kept), kept.id, options.lane)
    problem = run.problem
    if problem.surface:
        raise ProblemError(f"run {kept.id} descends on a surface: it has no rows to predict")
    if options.proba and problem.task == "regression":
        raise ProblemError(
            f"run {kept.id} learned numbers, which have no probabilities: leave --proba out"
        )
    if not np.isfinite(run.weights(run.lane)).all():
        raise ProblemError(
            f"run {kept.id}: the weights of lane {run.lane.name} are not finite: --lane names"
            " another"
        )
    file = None if options.output in {None, "-"} else WholeFile(options.output, "--output")
    try:
        given = given_options(options)
        name = safe_text(Path(options.file).name)
        with progress(f"reading {name}", "rows") as show:
            rows = rows_of_file(problem, options.file, run.settings.reading, given, show)
        visible = file is not None or not sys.stdout.isatty()
        with progress("predicting", "rows", visible=visible) as show:
            blocks = predicted(run, rows, show, proba=options.proba)
            text = _json(run, kept.id, blocks) if options.json else _csv(run, blocks, options.proba)
            if file is not None:
                file.write(text)
            else:
                out = Output(sys.stdout)
                for part in text:
                    out.write(part)
    finally:
        if file is not None:
            file.discard()
    return 0


def predicted(run: RunRecord, rows: NewRows, show: Show, *, proba: bool) -> Iterator[Predicted]:
    """Yield what a run predicts, some rows at a time."""
    predictor, weights = run.predictor, run.weights(run.lane).astype(np.float64)
    names, done = np.array(run.problem.class_names), 0
    for x in rows.blocks():
        probabilities = None
        values: list[str] | list[float]
        if run.problem.task == "regression":
            scores = predictor.scores(weights, x)
            if not np.isfinite(scores).all():
                row = done + int(np.argmin(np.isfinite(scores))) + 1
                raise ProblemError(f"{rows.shown}: row {row}: the prediction is too large a number")
            values = scores.tolist()
        else:
            values = names[predictor.predict(weights, x)].tolist()
            probabilities = predictor.probabilities(weights, x) if proba else None
        yield values, probabilities
        done += len(values)
        show(done, len(rows))


def _csv(run: RunRecord, blocks: Iterator[Predicted], proba: bool) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = [run.problem.target_name]
    writer.writerow(head + [f"P({name})" for name in run.problem.class_names if proba])
    for values, probabilities in blocks:
        if probabilities is None:
            writer.writerows([value] for value in values)
        else:
            rows = zip(values, probabilities.tolist(), strict=True)
            writer.writerows([value, *row] for value, row in rows)
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def _json(run: RunRecord, kept: str, blocks: Iterator[Predicted]) -> Iterator[str]:
    head = {
        "version": __version__,
        "run": kept,
        "lane": run.lane.name,
        "epoch": run.epoch,
        "problem": run.problem.name,
        "target": run.problem.target_name,
        "classes": list(run.problem.class_names),
    }
    values: list[str | float] = []
    rows: list[list[float]] = []
    for some, probabilities in blocks:
        values += some
        rows += [] if probabilities is None else probabilities.tolist()
    document = head | {"predictions": values} | ({"probabilities": rows} if rows else {})
    yield json.dumps(document, allow_nan=False) + "\n"
