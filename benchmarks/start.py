"""Processor seconds of commands that only list, over those of `gd-tui --version`.

All commands are started in turn, several times. Printed are the medians and their ratios.

    python benchmarks/start.py [--turns 15]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMANDS = (("--version",), ("problems",), ("runs",), ("help",))


def seconds(command: tuple[str, ...], data: str) -> float:
    """Return the processor time of one start."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tui_gd", *command],
        cwd=ROOT,
        env={**os.environ, "GD_TUI_DATA": data},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}")
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=15)
    turns = parser.parse_args().turns
    taken: dict[tuple[str, ...], list[float]] = {command: [] for command in COMMANDS}
    with tempfile.TemporaryDirectory() as data:
        for _ in range(turns):
            for command, times in taken.items():
                times.append(seconds(command, data))
    medians = {command: statistics.median(times) for command, times in taken.items()}
    for command, median in medians.items():
        print(f"{' '.join(command):<12}{median:6.3f} s{median / medians[COMMANDS[0]]:6.2f}")


if __name__ == "__main__":
    main()
