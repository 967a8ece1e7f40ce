"""`gd-tui export` and `gd-tui share`: stored runs as files and as share lines."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tui_gd.cli.options import KINDS, given_options
from tui_gd.errors import ProblemError
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
    """Write a stored run as files and print their names; return the exit status."""
    for kind in options.kinds:
        if kind not in KINDS:
            raise ProblemError(f"unknown kind {kind!r}: choose from {', '.join(KINDS)}")
    return export_run(
        options.id,
        options.kinds,
        options.to,
        lane=options.lane,
        estimator=options.estimator,
        complete=options.complete,
    )


def share(options: argparse.Namespace) -> int:
    """Print the line that repeats a stored run; return the exit status."""
    _, exported = _opened(options.id)
    print(share_line(exported))
    return 0


def export_run(
    name: str,
    kinds: Sequence[str],
    folder: str | None,
    *,
    lane: str | None = None,
    estimator: str | None = None,
    complete: bool = False,
) -> int:
    """Write a kept run as `kinds` into a folder, and print the names of the files.

    With `estimator`, the name of a file, that alone is written unless kinds are named too. With
    `complete` the run is trained again where numbers are missing.
    """
    run, exported = _opened(name, lane)
    if exported.no_data and not kinds and estimator is None:
        kinds = [kind for kind in USUAL if kind not in OF_ROWS]
        to_stderr(f"{exported.no_data}: exported is what needs no data, {', '.join(kinds)}")
    wanted = SERIES_IN & set(kinds or USUAL if estimator is None or kinds else ())
    if wanted and exported.missing_epochs():
        if complete and exported.no_data:
            raise ProblemError(f"--complete trains again: {exported.no_data}")
        if complete:
            exported = exported.completed()
        elif not exported.no_data:
            to_stderr(
                "losses or gradient norms of some epochs are not on record, for they were not"
                " computed or were thinned out: export --complete trains this again to have them"
            )
    paths = []
    if estimator is not None:
        (content,) = estimator_files(exported).values()
        write_file(Path(estimator), content)
        paths.append(Path(estimator))
    if kinds or estimator is None:
        paths += export(exported, kinds or USUAL, Path(folder or f"gd-tui-{run}"))
    for path in paths:
        print(path)
    return 0


def _opened(name: str, lane: str | None = None) -> tuple[str, RunRecord]:
    """Return a kept run's id and the run; `ProblemError` if it, or the lane, does not exist."""
    with Store() as store:
        kept = store.find(name)
        record = open_without_data(store, kept)
    if lane is None:
        return kept.id, record
    found = [one.number for one in record.lanes if one.name == lane]
    if not found:
        names = ", ".join(one.name for one in record.lanes[:20])
        raise ProblemError(f"run {kept.id} has no lane {lane!r}: its lanes are {names}")
    return kept.id, replace(record, current=found[0])
