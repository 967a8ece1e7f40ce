"""Kept runs as files and as share lines, on the command line."""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tui_gd.cli.runs import Maker, add_id, parser_of
from tui_gd.errors import ProblemError

if TYPE_CHECKING:
    from tui_gd.runs.steps import Shared
from pathlib import Path

from tui_gd.runs.completing import completed, missing_epochs
from tui_gd.runs.export import OF_ROWS, USUAL, export, write_file
from tui_gd.runs.exported import Exported
from tui_gd.runs.exports.estimator import estimator_files
from tui_gd.runs.recorder import to_stderr
from tui_gd.runs.resume import open_to_export
from tui_gd.runs.share import share_line
from tui_gd.runs.store import Store

# The command lines of `share` and `export`, and share lines in place of PROBLEM.

KINDS = (
    "report",
    "losses",
    "weights",
    "script",
    "curve",
    "map",
    "tensorboard",
    "predict",
    "estimator",
)
# of no concern to a run: what is drawn, printed and kept
_BESIDES = {"problem", "json", "quiet", "no_store", "ascii", "fps", "plain"}


def is_line(problem: str | None) -> bool:
    """Whether PROBLEM is a share line, of whatever version."""
    return problem is not None and re.match(r"\s*gd[0-9]+:", problem) is not None


def opened_line(parser: argparse.ArgumentParser, options: argparse.Namespace) -> "Shared | None":
    """Return the run of the share line that PROBLEM is; None if it is none.

    `ProblemError` if it is broken, or if options are given beside it, which it has itself.
    """
    if not is_line(options.problem):
        return None
    for name, value in vars(options).items():
        if name not in _BESIDES and value != parser.get_default(name):
            option = name.replace("_", "-")
            raise ProblemError(f"--{option}: a share line has its options in it; leave it out")
    from tui_gd.runs.share import open_line

    return open_line(options.problem)


def _share(argv: Sequence[str], make: Maker) -> int:
    told = "A kept run as one line of text: gd-tui 'gd1:...' repeats it anywhere."
    parser = parser_of(make, "share", told)
    add_id(parser)
    options = parser.parse_args(argv)
    from tui_gd.cli.export import share

    return share(options.id)


def _export(argv: Sequence[str], make: Maker) -> int:
    parser = parser_of(make, "export", "Write a kept run as files.")
    add_id(parser)
    parser.add_argument(
        "kinds",
        nargs="*",
        metavar="KIND",
        help=f"{', '.join(KINDS)} (report losses weights script)",
    )
    parser.add_argument("--to", metavar="DIR", help="where to (a new folder named after the run)")
    parser.add_argument(
        "--complete",
        action="store_true",
        help="train the run again where test losses and gradient norms were not computed",
    )
    parser.add_argument("--lane", metavar="NAME", help="the lane of map and estimator (current)")
    parser.add_argument(
        "--estimator", metavar="FILE", help="only the lane as a scikit-learn estimator: .joblib"
    )
    options = parser.parse_args(argv)
    for kind in options.kinds:
        if kind not in KINDS:
            raise ProblemError(f"unknown kind {kind!r}: choose from {', '.join(KINDS)}")
    from tui_gd.cli.export import export_run

    return export_run(
        options.id,
        options.kinds,
        options.to,
        lane=options.lane,
        estimator=options.estimator,
        complete=options.complete,
    )


EXPORT_COMMANDS: Mapping[str, Callable[[Sequence[str], Maker], int]] = {
    "share": _share,
    "export": _export,
}
"""The sub-commands; each is given its words and what makes a parser."""


SERIES_IN = frozenset({"losses", "tensorboard"})
"""Kinds with numbers of every epoch."""


def share(name: str) -> int:
    """Print the line that repeats a kept run; return the exit status."""
    _, exported = _opened(name)
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
    if exported.gone and not kinds and estimator is None:
        kinds = [kind for kind in USUAL if kind not in OF_ROWS]
        to_stderr(f"{exported.gone}: exported is what needs no data, {', '.join(kinds)}")
    wanted = SERIES_IN & set(kinds or USUAL if estimator is None or kinds else ())
    if wanted and missing_epochs(exported.checkpoint):
        if complete and exported.gone:
            raise ProblemError(f"--complete trains again: {exported.gone}")
        if complete:
            exported = completed(exported)
        elif not exported.gone:
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


def _opened(name: str, lane: str | None = None) -> tuple[str, Exported]:
    """Return a kept run's id and the run; `ProblemError` if it, or the lane, is not there."""
    with Store() as store:
        opened = open_to_export(store, store.find(name))
    current = None
    if lane is not None:
        found = [one.number for one in opened.checkpoint.lanes if one.name == lane]
        if not found:
            names = ", ".join(one.name for one in opened.checkpoint.lanes[:20])
            raise ProblemError(f"run {opened.kept.id} has no lane {lane!r}: its lanes are {names}")
        current = found[0]
    exported = Exported(
        opened.settings, opened.problem, opened.checkpoint, current, gone=opened.gone
    )
    return opened.kept.id, exported
