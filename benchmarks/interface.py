"""Epochs per second with the interface drawing, against the same run without it.

The interface trains flat out in a pseudo-terminal of 120x40 at its usual 15 frames a second, and is
paused. Then the same descent, test losses included, runs in a process of its own, and waits. This
repeats several times. Printed are the median of the ratios, by elapsed time and by computed time,
which other programs disturb less, and the shares of a core that the interface, the training and the
studies take.

    python benchmarks/interface.py [--seconds 2] [--turns 5] [--lanes 64] [--keys 5,7]

`--keys` are pressed before the run begins: of the panels 5 the landscape, 6 the lanes, 7 why,
8 the changes, 9 the network, R a race, S the starts; a panel takes the place of another one. With
`--keys each` one panel after the other is opened, each in runs of its own.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.terminal.session import Terminal  # noqa: E402

HEADLESS = """
import sys, time
from tui_gd import Trainer, load_problem
trainer = Trainer(load_problem("blobs"), learning_rates={rates}, seed=1)
for line in sys.stdin:
    begin, used, before = time.perf_counter(), time.process_time(), trainer.epoch
    end = begin + float(line)
    while time.perf_counter() < end:
        trainer.advance({epochs})
    done, took = trainer.epoch - before, time.perf_counter() - begin
    print(done / took, done / (time.process_time() - used), flush=True)
"""
EPOCH = re.compile(r"RUNNING\s+epoch (\d+)/")
EACH = ("", "5", "6", "7", "8", "9", "R", "S", "5,6", "5,7", "R,9")
SETTLING = 0.5
TICKS = os.sysconf("SC_CLK_TCK")


class Sample(NamedTuple):
    """Epochs a second with the interface, and the share of a core of each of its threads."""

    speed: float
    interface: float
    training: float
    studies: float


def rates_of(lanes: int) -> list[float]:
    """Learning rates with which no lane ever comes to rest or diverges."""
    return [1e-4 * 0.9**lane for lane in range(lanes)]


@contextmanager
def with_interface(lanes: int, keys: list[str]) -> Iterator[Callable[[float], Sample]]:
    """Start the interface, paused, with panels opened by `keys`; return a function that trains."""
    rates = ",".join(map(repr, rates_of(lanes)))
    command = [sys.executable, "-m", "tui_gd", "-e", "1e9", "-a", rates, "--seed", "1"]
    with Terminal(command, columns=120, rows=40, env={"COLORTERM": "truecolor"}) as terminal:
        terminal.wait_for(r"PAUSED\s+epoch 0/")
        terminal.wait_for(r"precision")
        for key in keys:
            terminal.press(key)
            terminal.wait_until_quiet(0.5)

        def epoch() -> tuple[int, float]:
            seen = EPOCH.search(terminal.text())
            assert seen
            return int(seen[1]), time.perf_counter()

        def sample(seconds: float) -> Sample:
            terminal.press("space")
            terminal.wait_for(EPOCH.pattern)
            time.sleep(SETTLING)
            used = thread_seconds(terminal.pid)
            first, begin = epoch()
            time.sleep(seconds)
            last, end = epoch()
            after = thread_seconds(terminal.pid)
            terminal.press("space")
            terminal.wait_for(r"PAUSED\s+epoch")
            time.sleep(SETTLING)
            shares = {one: (after[one] - used.get(one, 0.0)) / (end - begin) for one in after}
            main = shares.pop(terminal.pid)
            trains = max(shares.values())
            others = sum(shares.values()) - trains
            return Sample((last - first) / (end - begin), main, trains, others)

        yield sample


def thread_seconds(process: int) -> dict[int, float]:
    """Return the seconds that every thread of a process has computed."""
    found = {}
    for task in Path(f"/proc/{process}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        found[int(task.name)] = (int(fields[11]) + int(fields[12])) / TICKS
    return found


@contextmanager
def without(lanes: int) -> Iterator[Callable[[float], list[float]]]:
    """Start a process that only trains; return a function that trains in it.

    It returns the epochs a second, and those a second that was computed.
    """
    code = HEADLESS.format(rates=rates_of(lanes), epochs=max(1, 1024 // lanes))
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdin
        assert process.stdout
        given, answers = process.stdin, process.stdout

        def sample(seconds: float) -> list[float]:
            given.write(f"{seconds}\n")
            given.flush()
            return [float(number) for number in answers.readline().split()]

        yield sample
        given.close()


def main() -> None:
    """Print the median ratio, of every set of panels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--keys", default="", help="comma-separated, or `each`")
    options = parser.parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores; 500x3, {options.lanes} lanes, 120x40")
    for keys in EACH if options.keys == "each" else (options.keys,):
        samples, alone = [], []
        pressed = [key for key in keys.split(",") if key]
        with with_interface(options.lanes, pressed) as inside, without(options.lanes) as outside:
            outside(SETTLING)
            for _ in range(options.turns):
                samples.append(inside(options.seconds))
                alone.append(outside(options.seconds))
        ratios = [one.speed / other[0] for one, other in zip(samples, alone, strict=True)]
        computed = [
            one.speed / (one.interface + one.training + one.studies) / other[1]
            for one, other in zip(samples, alone, strict=True)
        ]
        main, trains, others = (
            statistics.median(getattr(one, name) for one in samples) for name in Sample._fields[1:]
        )
        turns = "; ".join(
            f"{a.speed:,.0f}/{b[0]:,.0f}" for a, b in zip(samples, alone, strict=True)
        )
        print(
            f"keys {keys or 'none':<6}{statistics.median(ratios):6.2f} of the epochs/s without,"
            f" {statistics.median(computed):.2f} of those a computed second"
            f" (of a core: interface {main:.2f}, training {trains:.2f}, studies {others:.2f})"
            f"  {turns}",
            flush=True,
        )


if __name__ == "__main__":
    main()
