"""What workers cost and gain in an epoch, and the memory for a table that is larger than it.

python benchmarks/cluster.py               overhead at 8 parts, and the speed of 1 and 2 workers
python benchmarks/cluster.py --larger GB   a CSV of that many GB, made here and deleted, trained
                                           under `ulimit -v` of 3 GB and resumed
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pandas as pd

from tui_gd import Trainer
from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings

PARTS, EPOCHS = 8, 20
LIMIT = 3 << 20
"""Of a process's addresses, in KiB."""


def load(rows: int, folder: Path, workers: int | None) -> Problem:
    rng = np.random.default_rng(0)
    for part in range(PARTS):
        x = rng.standard_normal((rows // PARTS, 10))
        table = pd.DataFrame(x, columns=[f"x{i}" for i in range(10)])
        table["y"] = (x.sum(axis=1) > 0).astype(int)
        table.to_parquet(folder / f"part-{part}.parquet", index=False)
    pattern = str(folder / "part-*.parquet")
    return RunSettings(problem=pattern, target="y", workers=workers).load_problem()


def epoch_seconds(rows: int, workers: int | None) -> float:
    with tempfile.TemporaryDirectory() as folder:
        problem = load(rows, Path(folder), workers)
        try:
            trainer = Trainer(problem, loss="cross-entropy", seed=1, test_losses=False)
            trainer.advance(2)
            begin = time.perf_counter()
            trainer.advance(EPOCHS)
            return (time.perf_counter() - begin) / EPOCHS
        finally:
            problem.close()


def write_text(path: Path, size: float) -> None:
    """Write a CSV of that many bytes: 40 columns of numbers, and whether five of them sum up."""
    x = np.random.default_rng(0).standard_normal((20_000, 40)).round(4)
    y = (x[:, :5].sum(axis=1) > 0).astype(int)
    rows = (f"{','.join(map(str, row))},{one}" for row, one in zip(x.tolist(), y, strict=True))
    block = "\n".join(rows) + "\n"
    with open(path, "w") as file:
        file.write(",".join([*(f"x{i}" for i in range(40)), "y"]) + "\n")
        for _ in range(max(1, round(size / len(block)))):
            file.write(block)


def run_limited(folder: Path, *words: str) -> None:
    """Run gd-tui under the limit and print what it took."""
    command = ["sh", "-c", f'ulimit -v {LIMIT}; exec "$@"', "sh", sys.executable, "-m", "tui_gd"]
    begin = time.perf_counter()
    done = subprocess.Popen(
        [*command, *words],
        env={**os.environ, "GD_TUI_DATA": str(folder / "data")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.stderr is not None
    said = done.stderr.read().strip().splitlines()
    _, status, usage = os.wait4(done.pid, 0)
    took, peak = time.perf_counter() - begin, usage.ru_maxrss / 1024
    print(f"  status {os.waitstatus_to_exitcode(status)}, {took:,.0f} s, peak {peak:,.0f} MiB")
    print(f"  {said[-1] if said else ''}")


def train_larger(gigabytes: float) -> None:
    """Train on a text larger than the address space of the process, and resume the run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "tall.csv"
        write_text(path, gigabytes * 1e9)
        size = path.stat().st_size / 1e9
        print(f"{size:.2f} GB of CSV under ulimit -v {LIMIT}, --memory 1GB, 5 epochs:")
        run_limited(folder, "run", str(path), "--target", "y", "--memory", "1GB", "-e", "5")
        print("resumed to 10 epochs, without the text being parsed again:")
        run = os.listdir(folder / "data" / "parts")[0]
        run_limited(folder, "run", "--resume", run, "-e", "10")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--larger", type=float, metavar="GB")
    chosen = options.parse_args()
    if chosen.larger:
        train_larger(chosen.larger)
        return
    few = epoch_seconds(8_000, 2)
    print(f"overhead of an epoch at {PARTS} parts on loopback: {1000 * few:.1f} ms")
    one, two = epoch_seconds(4_000_000, 1), epoch_seconds(4_000_000, 2)
    print(f"4,000,000 x 10: 1 worker {1000 * one:.0f} ms, 2 workers {1000 * two:.0f} ms an epoch")
    print(f"speed from 1 to 2 workers: {one / two:.2f}")


if __name__ == "__main__":
    main()
