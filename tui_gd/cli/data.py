"""`gd-tui data`: the columns of a table and how they are prepared."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tui_gd.cli.options import given_options
from tui_gd.cli.output import load_problem, progress
from tui_gd.errors import ProblemError
from tui_gd.problems import BUILTIN, Problem
from tui_gd.problems.files import WITHOUT_COLUMNS, read_columns
from tui_gd.problems.input_file import InputFile, files_of, format_of, names_file
from tui_gd.problems.prepare import plain_notes
from tui_gd.problems.problem import ColumnNote
from tui_gd.problems.text import aligned, safe_text
from tui_gd.session.settings import RunSettings

NAME_SHOWN = 28
FOUND_SHOWN = 40


def main(options: argparse.Namespace) -> int:
    """Print the columns of a table; return the exit status."""
    describe(RunSettings.chosen(given_options(options)), sys.stdout)
    return 0


def describe(settings: RunSettings, out: TextIO) -> None:
    """Print a line for every column: its kind, its values, how it is prepared for the target.

    Without a target, no column is prepared yet. `ProblemError` if `settings` name no file.
    """
    if settings.problem in BUILTIN or not names_file(settings.problem):
        raise ProblemError(f"{settings.problem}: not a file; name a table, such as data.csv")
    reading, first = settings.reading, files_of(settings.problem)[0]
    form = format_of(InputFile(first, reading.encoding))
    if settings.target is None and form not in WITHOUT_COLUMNS:
        with progress(f"reading {safe_text(Path(settings.problem).name)}", "rows") as show:
            table = read_columns(first, settings.drop, reading, show)
        print(f"{table.shown}: {_count(len(table.values), 'row')}", file=out)
        _print_notes(plain_notes(table, settings.dates), out)
        for remark in table.remarks:
            print(remark, file=out)
        print("name the column to learn: --target COLUMN", file=out)
        return
    problem = load_problem(settings)
    train, test = problem.train_rows, problem.test_rows
    counts = [_count(train, "train row"), _count(test, "test row")]
    if validation := problem.validation_rows:
        counts.insert(1, _count(validation, "validation row"))
    print(f"{problem.name}: {', '.join(counts)}", file=out)
    _print_notes(problem.about, out)
    print(_features(problem), file=out)
    print(f"learns with {settings.choice(settings.resolved(problem))}", file=out)
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
