"""`gd-tui export` and `gd-tui share`: kept runs as files and as share lines."""

import argparse
from dataclasses import replace
from pathlib import Path

from tui_gd.cli.options import KINDS, given_options
from tui_gd.cli.output import progress
from tui_gd.errors import ProblemError, did_you_mean
from tui_gd.runs.export import OF_ROWS, USUAL, export, write_file
from tui_gd.runs.exports.estimator import estimator_files
from tui_gd.runs.record import RunRecord
from tui_gd.runs.recorder import to_stderr
from tui_gd.runs.resume import open_without_data
from tui_gd.runs.share import open_line, share_line
from tui_gd.runs.steps import Shared
from tui_gd.runs.store import Store
from tui_gd.session.settings import flag_of

SERIES_IN = frozenset({"losses", "tensorboard"})
"""Kinds with numbers of every epoch."""


def open_shared(options: argparse.Namespace) -> Shared:
    """Return the run of the share line that PROBLEM is.

    `ProblemError` if it is broken, or if options are given beside it.
    """
    for name in given_options(options).keys() - {"problem"}:
        raise ProblemError(f"{flag_of(name)}: a share line has its options in it; leave it out")
    return open_line(options.problem)


def main(options: argparse.Namespace) -> int:
    """Write a kept run as files and print their names; return the exit status.

    With --estimator and no kinds, only the estimator is written. With --complete the run is trained
    again where numbers are missing.
    """
    kinds, estimator, complete = options.kinds, options.estimator, options.complete
    for kind in kinds:
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS) or f": choose from {', '.join(KINDS)}"
            raise ProblemError(f"unknown kind {kind!r}{hint}")
    with Store() as store:
        kept = store.find(options.id)
        record = in_lane(open_without_data(store, kept), kept.id, options.lane)
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
        record = open_without_data(store, store.find(options.id))
    print(share_line(record))
    return 0


def in_lane(record: RunRecord, run: str, lane: str | None) -> RunRecord:
    """Return a run with the lane of that name as its current one; `ProblemError` if it has none."""
    if lane is None:
        return record
    found = [one.number for one in record.lanes if one.name == lane]
    if not found:
        names = ", ".join(one.name for one in record.lanes[:20])
        raise ProblemError(f"run {run} has no lane {lane!r}: its lanes are {names}")
    return replace(record, current=found[0])
