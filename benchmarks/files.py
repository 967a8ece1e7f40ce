"""Loading a table of 1,000,000 x 28 numbers against pyarrow's own read of it, and its memory.

pyarrow and gd-tui read the CSV in turn, in one process; printed is the median of the pairwise
ratios (budget: 1.5). Memory is measured in a child process: its peak while loading minus its size
before, divided by the size of the rows of features (budget: 1.3).

    python benchmarks/files.py [--rows N] [--columns N]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

TURNS = 7
BUDGETS = {"time": 1.5, "memory": 1.3}


def write(folder: Path, rows: int, columns: int) -> Path:
    """Write the CSV: normal numbers, and a target of two classes."""
    import pyarrow as pa
    from pyarrow import csv

    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, columns))
    table = pa.table({f"x{i}": x[:, i] for i in range(columns)})
    table = table.append_column("label", pa.array((x[:, 0] > 0).astype(int)))
    csv.write_csv(table, folder / "data.csv")
    return folder / "data.csv"


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds that a call takes, including the time to free its result."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def ours(path: str) -> object:
    """Load the problem."""
    from tui_gd.problems.files import load_file

    return load_file(path, "label")


def theirs(path: str) -> object:
    """Read the columns."""
    from pyarrow import csv

    return csv.read_csv(path)


def peak() -> float:
    """Return the largest resident size of this program so far, in bytes (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def print_memory(path: str) -> None:
    """Load in this process and print the ratio; everything is imported before."""
    import pyarrow as pa
    import pyarrow.csv
    import sklearn.model_selection  # noqa: F401

    import tui_gd.problems.files  # noqa: F401

    pyarrow.csv.read_csv(pa.BufferReader(b"a,b\n1,2\n"))
    before = peak()
    problem = ours(path)
    size = problem.x_train.nbytes + problem.x_test.nbytes  # type: ignore[attr-defined]
    print((peak() - before) / size)


def main() -> None:
    """Write the table, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=28)
    parser.add_argument("--file", help="a CSV that was written before")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print_memory(options.memory)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or str(write(Path(folder), options.rows, options.columns))
        ours(path), theirs(path)
        pairs = [(seconds(lambda: ours(path)), seconds(lambda: theirs(path))) for _ in range(TURNS)]
        ratio = statistics.median(own / other for own, other in pairs)
        own, other = (statistics.median(times) for times in zip(*pairs, strict=True))
        print(f"gd-tui {own:.2f} s, pyarrow {other:.2f} s: {ratio:.2f} (<= {BUDGETS['time']})")
        child = subprocess.run(
            [sys.executable, __file__, "--memory", path], capture_output=True, text=True, check=True
        )
        memory = float(child.stdout)
        print(f"peak memory over the array: {memory:.2f} (<= {BUDGETS['memory']})")


if __name__ == "__main__":
    main()
