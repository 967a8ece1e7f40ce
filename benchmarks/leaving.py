"""Seconds from `q` to the end of the process, beside an empty Textual app's.

Both run in a pseudo-terminal of 120x40 and are left in turn, several times. Printed are the median
of each and their ratio: for a run at rest, for one that trains flat out, and for one that is left
as soon as something is on the screen, while scikit-learn is still being imported.

    python benchmarks/leaving.py [--turns 5] [--samples 2000000]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.terminal.session import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EMPTY = "from textual.app import App; App().run()"
FIRST_PAINT = "loading"
AT_REST = r"PAUSED\s+epoch 0/"
SETTLING = 1.0
# keys before leaving, what has to be on the screen before them, and the seconds after
KINDS = {
    "at rest": ((), AT_REST, SETTLING),
    "flat out": (("f", "space"), AT_REST, SETTLING),
    "first paint": ((), FIRST_PAINT, 0.0),
}


def alternate(terminal: Terminal) -> bool:
    """Return whether the program has the screen."""
    return terminal.alternate


def leave(
    command: Sequence[str],
    key: str,
    wanted: str | Callable[[Terminal], bool],
    keys: Sequence[str] = (),
    settling: float = SETTLING,
) -> float:
    """Return the seconds from `key` to the end of the process."""
    with Terminal([sys.executable, *command], columns=120, rows=40) as terminal:
        terminal.wait_for(wanted, timeout=120.0)
        terminal.press(*keys)
        time.sleep(settling)
        begun = terminal.press(key)
        terminal.wait_for_exit(120.0)
        return time.monotonic() - begun


def main() -> None:
    """Print the medians and their ratio, of every kind of run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--samples", type=int, default=1000, help="rows, half of them for training")
    options = parser.parse_args()
    command = ["-m", "tui_gd", "--seed", "1", "-e", "1000000000", "--samples", str(options.samples)]
    for kind, (keys, wanted, settling) in KINDS.items():
        ours, empty = [], []
        for _ in range(options.turns):
            empty.append(leave(["-c", EMPTY], "ctrl+q", alternate))
            ours.append(leave(command, "q", wanted, keys, settling))
        middle, bare = statistics.median(ours), statistics.median(empty)
        print(
            f"{kind:<12}{middle:6.2f} s, at most {max(ours):.2f};"
            f" an empty app {bare:.2f} s; ratio {middle / bare:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
