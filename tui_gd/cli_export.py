"""The command lines of `share` and `export`, and share lines in place of PROBLEM."""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tui_gd.cli_runs import Maker, add_id, parser_of
from tui_gd.errors import ProblemError

if TYPE_CHECKING:
    from tui_gd.runs.steps import Shared

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
    from tui_gd.exporting import share

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
    from tui_gd.exporting import export_run

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
