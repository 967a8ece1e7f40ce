"""`gd-tui runs` and `gd-tui rm`: list and delete kept runs; they start without numpy."""

import argparse
import json
import math
import sys
import time
from dataclasses import asdict

from tui_gd import __version__
from tui_gd.errors import ProblemError
from tui_gd.problems.text import aligned, safe_text
from tui_gd.runs.store import DamagedRun, KeptRun, Store

COLUMNS = ("id", "when", "state", "problem", "lanes", "epochs", "best loss")
NUMBERS = frozenset(map(COLUMNS.index, ("lanes", "epochs", "best loss")))


def main(options: argparse.Namespace) -> int:
    """Print the kept runs, last changed first; return the exit status."""
    with Store() as store:
        runs, damaged = store.listed()
    for one in damaged:
        print(f"gd-tui: {one}", file=sys.stderr)
    if options.json:
        document = {
            "version": __version__,
            "runs": [run.as_dict() for run in runs],
            "damaged": [asdict(one) for one in damaged],
        }
        print(json.dumps(document, allow_nan=False))
    elif runs:
        print_table(runs)
    elif not damaged:
        print(f"no runs are kept in {store.directory}")
    return 0


def print_table(runs: list[KeptRun]) -> None:
    """Print a line for every run, under the names of the columns."""
    rows = [COLUMNS, *map(_cells, runs)]
    print("\n".join(aligned(rows, right=NUMBERS)))


def _cells(run: KeptRun) -> tuple[str, ...]:
    return (
        run.id,
        when(run.changed),
        run.state,
        safe_text(run.problem, 40),
        str(run.lanes),
        str(run.newest),
        f"{run.best:.6g}" if math.isfinite(run.best) else "",
    )


def when(seconds: float) -> str:
    """Return a local time as year, month, day, hour and minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def remove(options: argparse.Namespace) -> int:
    """Delete runs for good: all named runs, or none if one of them does not exist."""
    with Store() as store:
        found = {run.id: run for run in map(store.find_any, options.ids)}
        for run in found.values():
            if isinstance(run, KeptRun) and run.locked_by:
                raise ProblemError(
                    f"run {run.id} is locked by {run.locked_by}: close it there first"
                )
        for run in found.values():
            store.delete(run.id)
            if isinstance(run, DamagedRun):
                print(f"deleted {safe_text(run.id)} (damaged)")
            else:
                print(f"deleted {run.id} ({safe_text(run.problem)}, {run.newest} epochs)")
    return 0
