"""Epochs per second with the interface drawing, against the same run without it.

The interface runs in a pseudo-terminal of 120x40 at its usual 15 frames a second, flat out; then
the same descent, test losses included, runs in a process of its own. In turn, several times; the
median of the ratios is printed.

    python benchmarks/interface.py [--seconds 4] [--turns 5]
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.terminal.session import Terminal  # noqa: E402

HEADLESS = """
import time
from tui_gd import Trainer, load_problem
trainer = Trainer(load_problem("blobs"), learning_rates=[1e-4], seed=1)
trainer.advance(2000)
end, begin, before = time.perf_counter() + {seconds}, time.perf_counter(), trainer.epoch
while time.perf_counter() < end:
    trainer.advance(1024)
print((trainer.epoch - before) / (time.perf_counter() - begin))
"""
EPOCH = re.compile(r"RUNNING\s+epoch (\d+)/")


def with_interface(seconds: float) -> float:
    """Return the epochs a second that the status line counts."""
    command = [sys.executable, "-m", "tui_gd", "-e", "1e9", "-a", "1e-4", "--seed", "1"]
    with Terminal(command, columns=120, rows=40, env={"COLORTERM": "truecolor"}) as terminal:
        terminal.wait_for(r"PAUSED\s+epoch 0/")
        terminal.wait_for(r"precision")
        terminal.press("space")
        terminal.wait_for(EPOCH.pattern)
        time.sleep(1.0)

        def epoch() -> tuple[int, float]:
            seen = EPOCH.search(terminal.text())
            assert seen
            return int(seen[1]), time.perf_counter()

        first, begin = epoch()
        time.sleep(seconds)
        last, end = epoch()
    return (last - first) / (end - begin)


def without(seconds: float) -> float:
    """Return the epochs a second of a process that only trains."""
    code = HEADLESS.format(seconds=seconds)
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    )
    return float(done.stdout)


def main() -> None:
    """Print the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    pairs = [
        (with_interface(options.seconds), without(options.seconds)) for _ in range(options.turns)
    ]
    ratios = [inside / alone for inside, alone in pairs]
    print(f"{len(os.sched_getaffinity(0))} cores; 500x3, one lane, 120x40")
    print(f"epochs/s with the interface over without: {statistics.median(ratios):.2f}")
    print("turns: " + ", ".join(f"{one:,.0f} of {other:,.0f}" for one, other in pairs))


if __name__ == "__main__":
    main()
