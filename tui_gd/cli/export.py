"""`gd-tui export`, `share` and `predict`: kept runs as files, share lines and predictions."""

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import TextIO

import numpy as np

from tui_gd import __version__
from tui_gd.cli.options import KINDS, given_options
from tui_gd.cli.output import Output, Show, loading, progress
from tui_gd.errors import OutputError, ProblemError, did_you_mean
from tui_gd.files import WholeFile
from tui_gd.learning.models import Floats, Predictor
from tui_gd.problems.new_rows import NewRows, rows_of_file
from tui_gd.problems.text import safe_text
from tui_gd.runs.exports import OF_ROWS, USUAL, export, write_file
from tui_gd.runs.exports.script import estimator_files
from tui_gd.runs.recipe import Shared
from tui_gd.runs.record import RunRecord
from tui_gd.runs.recorder import to_stderr
from tui_gd.runs.resume import open_to_predict, open_without_data
from tui_gd.runs.share import open_line, share_line
from tui_gd.runs.store import Store
from tui_gd.session.options import flag_of

SERIES_IN = frozenset({"losses", "tensorboard"})
"""The kinds of files that contain numbers of every epoch."""
HELD_CHARACTERS = 1 << 20


def open_shared(options: argparse.Namespace) -> Shared:
    """Return the run of a share line, which stands for PROBLEM.

    `ProblemError` if the line is broken, or if there are other options.
    """
    for name in given_options(options).keys() - {"problem"}:
        raise ProblemError(f"{flag_of(name)}: a share line has its options in it; leave it out")
    return open_line(options.problem)


def main(options: argparse.Namespace) -> int:
    """Write a kept run as files and print their names; return the exit status.

    With --estimator and no kinds, write only the estimator. With --complete, train the run again if
    numbers are missing.
    """
    kinds, estimator, complete = options.kinds, options.estimator, options.complete
    for kind in kinds:
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS) or f": choose from {', '.join(KINDS)}"
            raise ProblemError(f"unknown kind {kind!r}{hint}")
    with Store() as store:
        kept = store.find(options.id)
        with loading(kept.problem) as show:
            record = open_without_data(store, kept, show)
        record = in_lane(record, kept.id, options.lane)
    if record.no_data and not kinds and estimator is None:
        kinds = [kind for kind in USUAL if kind not in OF_ROWS]
        to_stderr(f"{record.no_data}: exporting what needs no data, {', '.join(kinds)}")
    wanted = SERIES_IN & set(kinds or USUAL if estimator is None or kinds else ())
    if wanted and record.missing_epochs():
        if complete and record.no_data:
            raise ProblemError(f"--complete trains again: {record.no_data}")
        if complete:
            with progress("training again", "epochs") as show:
                record = record.completed(show)
        elif not record.no_data:
            to_stderr(
                "losses or gradient norms of some epochs are not on record: they were not computed"
                " or were thinned out; export --complete trains again to compute them"
            )
    paths = []
    if estimator is not None:
        (content,) = estimator_files(record).values()
        write_file(Path(estimator), content)
        paths.append(Path(estimator))
    if kinds or estimator is None:
        paths += export(record, kinds or USUAL, Path(options.to or f"gd-tui-{kept.id}"))
    for path in paths:
        print(path)
    return 0


def share(options: argparse.Namespace) -> int:
    """Print the line that repeats a kept run; return the exit status."""
    with Store() as store:
        kept = store.find(options.id)
        with loading(kept.problem) as show:
            record = open_without_data(store, kept, show)
    print(share_line(record))
    return 0


def in_lane(record: RunRecord, run: str, lane: str | None) -> RunRecord:
    """Return a run with the named lane as its current one; `ProblemError` if it has none."""
    if lane is None:
        return record
    found = [one.number for one in record.lanes if one.name == lane]
    if not found:
        names = ", ".join(one.name for one in record.lanes[:20])
        raise ProblemError(f"run {run} has no lane {lane!r}: its lanes are {names}")
    return replace(record, current=found[0])


Predicted = tuple[list[str] | list[float], Floats | None]
"""Some rows: a prediction for each, and for classes the probabilities (rows, classes)."""


def predict(options: argparse.Namespace) -> int:
    """Print a kept run's predictions for every row of a file; return the exit status."""
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
    if options.threshold is not None and problem.task != "binary":
        raise ProblemError(
            f"run {kept.id}: --threshold goes with two classes, and {problem.target_name} has"
            f" {len(problem.class_names) or 'none'}: leave it out"
        )
    if not np.isfinite(run.weights(run.lane)).all():
        raise ProblemError(
            f"run {kept.id}: the weights of lane {run.lane.name} are not finite: --lane names"
            " another"
        )
    file = None if options.output in {None, "-"} else WholeFile(options.output, "--output")
    try:
        given = given_options(options)
        given.pop("threshold", None)  # of the model, not of the file
        rows = rows_of_file(problem, options.file, run.settings.reading, given)
        predictor = run.predictor
        if options.threshold is not None:
            predictor = replace(predictor, threshold=options.threshold)
        proba = options.proba
        with ExitStack() as opened:
            with progress(f"predicting {safe_text(Path(options.file).name)}", "rows") as show:
                found = predicted(run, rows, show, predictor, proba=proba)
                text = _json(run, kept.id, found) if options.json else _csv(run, found, proba)
                if file is not None:
                    file.write(text)
                    return 0
                held = _held(text, opened)
            out = Output(sys.stdout)
            for part in iter(partial(held.read, HELD_CHARACTERS), ""):
                out.write(part)
    finally:
        if file is not None:
            file.discard()
    return 0


def _held(text: Iterator[str], opened: ExitStack) -> TextIO:
    """Put a text into a temporary file to print it from there: what fails prints nothing.

    It is open as long as `opened`.
    """
    where = "a temporary file"
    try:
        where = gettempdir()
        file = opened.enter_context(
            TemporaryFile("w+", encoding="utf-8", errors="surrogatepass", newline="")  # noqa: SIM115
        )
        file.writelines(text)
        file.seek(0)
    except OSError as error:
        raise OutputError(f"predictions into {where}: {error.strerror}") from None
    return file


def predicted(
    run: RunRecord, rows: NewRows, show: Show, predictor: Predictor, *, proba: bool
) -> Iterator[Predicted]:
    """Yield a run's predictions, some rows at a time."""
    weights = run.weights(run.lane).astype(np.float64)
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
            if proba:
                probabilities = predictor.probabilities(weights, x)
            values = names[predictor.predict(weights, x)].tolist()
        yield values, probabilities
        done += len(values)
        show(done, max(done, rows.expected))


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
        "epoch": run.best_epoch(run.lane),
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
