"""What workers cost an epoch and gain, and what memory a table larger than it takes.

python benchmarks/cluster.py                  overhead at 8 parts, and the speed of 1 and 2 workers
python benchmarks/cluster.py --memory FILE Y  peak memory of a run on a table whose target is Y
"""

import argparse
import resource
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


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--memory", nargs=2, metavar=("FILE", "Y"))
    chosen = options.parse_args()
    if chosen.memory:
        name, target = chosen.memory
        settings = RunSettings(problem=name, target=target, memory=2_000_000_000, standardize=True)
        problem = settings.load_problem()
        Trainer(problem, seed=1, loss=settings.loss_for(problem)).advance(3)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = Path(name).stat().st_size / (1 << 20)
        print(f"{size:,.0f} MiB of text, {problem.train_rows:,} train rows: peak {peak:,.0f} MiB")
        problem.close()
        return
    few = epoch_seconds(8_000, 2)
    print(f"overhead of an epoch at {PARTS} parts on loopback: {1000 * few:.1f} ms")
    one, two = epoch_seconds(4_000_000, 1), epoch_seconds(4_000_000, 2)
    print(f"4,000,000 x 10: 1 worker {1000 * one:.0f} ms, 2 workers {1000 * two:.0f} ms an epoch")
    print(f"speed from 1 to 2 workers: {one / two:.2f}")


if __name__ == "__main__":
    main()
