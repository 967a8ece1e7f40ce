"""What grows while training goes on flat out for hours with the interface attached.

The interface runs in a pseudo-terminal of 120x40 and has a store of its own. From within, its
memory, its threads and the queues between them are counted: text for the terminal, messages of the
app and its screen, commands to the runner, batches of the recorder. Keys are pressed now and then.
Memory is the resident memory: the median of the last quarter over that of the second one. Of each
queue, the longest of every quarter counts. Status 1 if memory grew by more than `--most`, or if
there were more threads at the end, or if a queue grew.

At first, memory has to grow, until keyframes, the newest epochs and the store's cache have reached
their limits. So everything before epoch `--after` is left out (a minute or two on small data), or
the first half if the run is too short for that.

    python benchmarks/soak.py [--minutes 120] [--most 1.05] [--after 4000000] [--problem blobs]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLES = 240
LEAST_SECONDS = 0.25
# for panels, lanes and questions; each key undoes itself or is undone by a later one
KEYS = ("5", "7", "4", "3", "tab", "m", "escape", "y", "y", "down", "up", "?", "escape", "w")
QUEUES = ("writer", "app", "screen", "inbox", "recorder")
# a queue may be this long when nothing is wrong
USUAL = 40


def inside(file: str, seconds: float, argv: list[str]) -> int:
    """Run the interface in this process; a thread writes a line of numbers now and then."""
    from tui_gd.__main__ import run
    from tui_gd.ui.app import GdApp

    apps: list[GdApp] = []
    begin = GdApp.__init__

    def remember(app: GdApp, *arguments: object, **named: object) -> None:
        begin(app, *arguments, **named)  # type: ignore[arg-type]
        apps.append(app)

    GdApp.__init__ = remember  # type: ignore[method-assign]

    def count() -> None:
        with Path(file).open("w", encoding="ascii", buffering=1) as out:
            while True:
                time.sleep(seconds)
                if apps:
                    out.write(json.dumps(numbers(apps[0])) + "\n")

    threading.Thread(target=count, name="soak", daemon=True).start()
    return run(argv)


def numbers(app: object) -> dict[str, float]:
    """Return memory, threads, epoch and the lengths of the queues."""
    screen = getattr(app, "run_screen", None)
    run = getattr(screen, "run", None)
    runner = getattr(run, "runner", None)
    writer = getattr(getattr(app, "_driver", None), "_writer_thread", None)
    recorder = getattr(run, "recorder", None)
    waiting = {
        "writer": writer._queue.qsize() if writer else 0,
        "app": app._message_queue.qsize(),  # type: ignore[attr-defined]
        "screen": screen._message_queue.qsize() if screen else 0,
        "inbox": len(runner._inbox) if runner else 0,
        "recorder": recorder._queue.qsize() if recorder else 0,
    }
    resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE
    epoch = runner.snapshot.epoch if runner else 0
    return {
        "rss": resident,
        "threads": threading.active_count(),
        "epoch": epoch,
        **waiting,
    }


def soak(seconds: float, problem: str) -> list[dict[str, float]]:
    """Let the interface train for that long; return the counts."""
    from tests.terminal.session import Terminal

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "numbers"
        each = max(LEAST_SECONDS, seconds / SAMPLES)
        argv = [problem, "-e", "1e12", "-a", "1e-6", "--seed", "1"]
        command = [sys.executable, str(Path(__file__).resolve()), "--inside", str(file), str(each)]
        env = {"COLORTERM": "truecolor", "GD_TUI_DATA": folder, "PYTHONPATH": str(ROOT)}
        with Terminal([*command, *argv], columns=120, rows=40, env=env) as terminal:
            terminal.wait_for(r"PAUSED\s+epoch 0/")
            terminal.press("space")
            terminal.wait_for(r"RUNNING\s+epoch")
            end, pressed = time.monotonic() + seconds, 0
            while time.monotonic() < end:
                time.sleep(min(max(seconds / 200, 0.5), 20.0))
                terminal.press(KEYS[pressed % len(KEYS)])
                pressed += 1
            lines = file.read_text(encoding="ascii").splitlines()
            terminal.press("escape")
            terminal.press("escape")
            terminal.press("ctrl+c")
            status = terminal.wait_for_exit()
            if status or not terminal.restored():
                raise SystemExit(f"left with status {status}: {terminal.leftovers()}")
    return [json.loads(line) for line in lines]


def quarters(samples: list[dict[str, float]], name: str) -> list[list[float]]:
    """Return one of the numbers in four parts of equal length."""
    values = [sample[name] for sample in samples]
    return [values[i * len(values) // 4 : (i + 1) * len(values) // 4] for i in range(4)]


def main() -> int:
    """Print what grew."""
    if sys.argv[1:2] == ["--inside"]:
        return inside(sys.argv[2], float(sys.argv[3]), sys.argv[4:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--most", type=float, default=1.05)
    parser.add_argument("--after", type=float, default=4e6)
    parser.add_argument("--problem", default="blobs")
    options = parser.parse_args()
    samples = soak(options.minutes * 60, options.problem)
    epochs = int(samples[-1]["epoch"])
    print(f"{options.minutes:g} minutes, {epochs:,} epochs, {len(samples)} samples")
    faults = []
    warm = [sample for sample in samples if sample["epoch"] >= options.after]
    warm = max(warm, samples[len(samples) // 2 :], key=len)
    memory = [statistics.median(part) for part in quarters(warm, "rss")]
    ratio = memory[3] / memory[1]
    shown = ", ".join(f"{value / 2**20:.1f}" for value in memory)
    print(f"memory from epoch {warm[0]['epoch']:,} on, MB in each quarter: {shown};", end=" ")
    print(f"last over second {ratio:.3f}")
    if ratio > options.most:
        faults.append(f"memory grew to {ratio:.3f} of what it was")
    threads = [max(part) for part in quarters(samples, "threads")]
    print(f"threads, the most in each quarter: {', '.join(f'{value:.0f}' for value in threads)}")
    if threads[3] > max(threads[:3]) + 1:
        faults.append("there are more threads at the end")
    for name in QUEUES:
        most = [max(part) for part in quarters(samples, name)]
        print(f"{name:>9} queue, the most: {', '.join(f'{value:.0f}' for value in most)}")
        if most[3] > max(USUAL, 2 * max(most[:3])):
            faults.append(f"the {name} queue grew")
    for fault in faults:
        print(f"grew: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
