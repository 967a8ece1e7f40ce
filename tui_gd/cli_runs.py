"""The command lines of kept runs: how `runs`, `resume`, `show` and `rm` are read."""

import argparse
from collections.abc import Callable, Mapping, Sequence

from tui_gd.options import epochs_count

Maker = Callable[..., argparse.ArgumentParser]

RUN_ID = "the run's id, or how it begins if no other does (gd-tui runs)"


def parser_of(make: Maker, command: str, description: str) -> argparse.ArgumentParser:
    """Return the parser of a sub-command."""
    return make(prog=f"gd-tui {command}", description=description, allow_abbrev=False)


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Add what says whether a run is kept."""
    parser.add_argument(
        "--no-store", action="store_true", help="do not keep the run (gd-tui runs lists those kept)"
    )


def resumes(argv: Sequence[str]) -> bool:
    """Whether a command line of `gd-tui run` names a kept run."""
    return any(word == "--resume" or word.startswith("--resume=") for word in argv)


def add_resume_options(parser: argparse.ArgumentParser) -> None:
    """Add what may be said about a kept run that goes on: all else it has from its beginning."""
    parser.add_argument("--resume", metavar="ID", required=True, help=RUN_ID)
    parser.add_argument(
        "-e",
        "--epochs",
        type=epochs_count,
        metavar="N",
        help="the last epoch, counted from the run's beginning (the one it was to have)",
    )


def add_id(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the id of a kept run."""
    if optional:
        parser.add_argument(
            "id", nargs="?", metavar="ID", help=f"{RUN_ID}; the newest that can go on"
        )
    else:
        parser.add_argument("id", metavar="ID", help=RUN_ID)


def _runs(argv: Sequence[str], make: Maker) -> int:
    parser = parser_of(make, "runs", "The kept runs, those first that changed last.")
    parser.add_argument("--json", action="store_true", help="write a list of objects")
    options = parser.parse_args(argv)
    from tui_gd.keeping import list_runs

    return list_runs(as_json=options.json)


def _show(argv: Sequence[str], make: Maker) -> int:
    told = "What a kept run is, its loss over the epochs, and its report."
    parser = parser_of(make, "show", told)
    add_id(parser)
    options = parser.parse_args(argv)
    from tui_gd.keeping import show

    return show(options.id)


def _rm(argv: Sequence[str], make: Maker) -> int:
    parser = parser_of(make, "rm", "Delete kept runs, for good.")
    parser.add_argument("ids", nargs="+", metavar="ID", help=RUN_ID)
    options = parser.parse_args(argv)
    from tui_gd.keeping import remove

    return remove(options.ids)


RUNS_COMMANDS: Mapping[str, Callable[[Sequence[str], Maker], int]] = {
    "runs": _runs,
    "show": _show,
    "rm": _rm,
}
"""The sub-commands of kept runs; each is given its words and what makes a parser."""
