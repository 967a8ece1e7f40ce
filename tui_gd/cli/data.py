"""What is in the columns of a table and what is done to them, as lines of text."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from tui_gd.cli.options import add_data_options
from tui_gd.errors import ProblemError
from tui_gd.problems import BUILTIN, Problem
from tui_gd.problems.columns import plain_notes
from tui_gd.problems.files import read_columns
from tui_gd.problems.input_file import format_of, names_file
from tui_gd.problems.problem import ColumnNote
from tui_gd.problems.text import aligned, safe_text
from tui_gd.session.settings import RunSettings

# The command line of `gd-tui data`: parses, then calls.


def _data(argv: Sequence[str], make_parser: Callable[..., argparse.ArgumentParser]) -> int:
    parser = make_parser(
        prog="gd-tui data",
        description="What is in the columns of a table, and what is done to them for a --target.",
        allow_abbrev=False,
    )
    parser.add_argument("problem", metavar="FILE", help="a table; - is CSV on standard input")
    add_data_options(parser.add_argument_group("data"))
    options = parser.parse_args(argv)
    from tui_gd.cli.data import describe
    from tui_gd.session.settings import RunSettings

    describe(RunSettings.of(vars(options)), sys.stdout)
    return 0


DATA_COMMANDS = {"data": _data}


NAME_SHOWN = 28
FOUND_SHOWN = 40
WITHOUT_COLUMNS = ("npz", "npy", "svmlight")


def describe(settings: RunSettings, out: TextIO) -> None:
    """Print a line for every column of a file: its kind, its values, what is done for the target.

    Without a target the columns of a table as they are. `ProblemError` for what is no file.
    """
    if settings.problem in BUILTIN or not names_file(settings.problem):
        raise ProblemError(f"{settings.problem}: is no file; name a table, as data.csv")
    if settings.target is None and format_of(settings.problem) not in WITHOUT_COLUMNS:
        table = read_columns(settings.problem, settings.drop)
        print(f"{table.shown}: {_count(len(table.values), 'row')}", file=out)
        _print_notes(plain_notes(table), out)
        print("name the column to learn: --target COLUMN", file=out)
        return
    problem = settings.load_problem()
    train, test = len(problem.y_train), len(problem.y_test)
    print(f"{problem.name}: {_count(train, 'train row')}, {_count(test, 'test row')}", file=out)
    _print_notes(problem.about, out)
    print(_features(problem), file=out)
    for hint in problem.hints:
        print(hint, file=out)


def _features(problem: Problem) -> str:
    return f"{_count(problem.features, 'feature')}: {', '.join(problem.feature_names)}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _print_notes(notes: Sequence[ColumnNote], out: TextIO) -> None:
    rows = [("column", "kind", "values", "what is done")]
    rows += [
        (safe_text(note.name, NAME_SHOWN), note.kind, safe_text(note.found, FOUND_SHOWN), note.done)
        for note in notes
    ]
    print("\n".join(aligned(rows)), file=out)
