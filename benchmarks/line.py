"""What goes over the line: key to paint, bytes, first paint. `python benchmarks/line.py [--ssh]`.

gd-tui runs in a real pseudo-terminal (with `--ssh` behind a real sshd on 127.0.0.1), and a bare
Textual app runs beside it as the yardstick, so every figure comes with a ratio. `matrix` is a line
for each kind of run and size: kB/s, frames/s, key to paint. `--slow 50` puts a line of 50 kB/s, 80
ms there and back, before sshd.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.terminal import slow, sshd
from tests.terminal.session import ROOT, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

GD_TUI = (sys.executable, "-m", "tui_gd")
FOREVER = ("-e", "100000000")
STATUS = re.compile(
    r"(?P<state>RUNNING|PAUSED|FINISHED|DIVERGED)\s+epoch (?P<epoch>\d+)/\d+\s+"
    r"train(?: loss)? (?P<loss>\S+)\s.*α (?P<alpha>\S+)"
)
EMPTY = (sys.executable, "-c", "from textual.app import App; App().run()")
# The least that can answer a key: one line that counts them.
ECHO = (
    sys.executable,
    "-c",
    """
from textual.app import App
from textual.widgets import Static

class Echo(App):
    keys = 0

    def compose(self):
        yield Static("keys 0")

    def on_key(self):
        self.keys += 1
        self.query_one(Static).update(f"keys {self.keys}")

Echo().run()
""",
)
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
BUDGET_MS = {"p50": 15.0, "p99": 60.0}
BUDGET_KB = 10.0
BUDGET_PAINT = 1.3
THERE_AND_BACK = 0.08
SIZES = {"matrix": ("80x24", "120x40", "200x50")}
LANES = ",".join(repr(1e-4 * 0.9**lane) for lane in range(64))
# kinds of run: arguments, keys that open panels, whether it runs
KINDS: dict[str, tuple[tuple[str, ...], str, bool]] = {
    "idle": (("-a", "1e-4"), "", False),
    "500x3": (("-a", "1e-4"), "", True),
    "5,000,000x3": (("-a", "1e-9", "--samples", "10000000"), "", True),
    "64 lanes": (("-a", LANES), "", True),
    "all panels": (("-a", "1e-4"), "56789", True),
}


@dataclass(frozen=True)
class Line:
    """Where programs run: in a local terminal, or at the other end of ssh."""

    name: str
    server: sshd.Server | None
    arguments: tuple[str, ...]
    port: int | None = None
    panels: tuple[str, ...] = ()
    """Keys that are pressed before a run begins, to open other panels."""

    def open(self, command: Sequence[str], columns: int, rows: int) -> Terminal:
        """Start a program there."""
        if self.server is None:
            return Terminal(command, columns=columns, rows=rows)
        home = self.server.directory
        env = {"HOME": str(home), "PYTHONPATH": str(ROOT)}
        remote = self.server.command(command, env=env, cwd=home, port=self.port)
        return Terminal(remote, columns=columns, rows=rows)

    @contextlib.contextmanager
    def gd_tui(self, columns: int, rows: int, *more: str, running: bool) -> Iterator[Terminal]:
        """gd-tui with a run that never ends, training flat out or paused."""
        command = [*GD_TUI, *FOREVER, *self.arguments, *more]
        with self.open(command, columns, rows) as terminal:
            terminal.wait_for(lambda terminal: status(terminal, "state") == "PAUSED")
            terminal.wait_until_quiet(1.5)
            for key in self.panels:
                terminal.press(key)
                terminal.wait_until_quiet(0.5)
            if running:
                terminal.press("space")
                terminal.wait_for(lambda terminal: status(terminal, "state") == "RUNNING")
                time.sleep(1.0)
            yield terminal


def status(terminal: Terminal, name: str) -> str | None:
    """Read a field of the status line, or None while there is none."""
    match = STATUS.search(f"{terminal.line(0)}\n{terminal.line(1)}")
    return None if match is None else match[name]


def answer_times(
    terminal: Terminal, keys: int, seed: int, shown: Callable[[Terminal], str | None]
) -> list[float]:
    """Milliseconds from writing a key to the arrival of the bytes that change what is `shown`."""
    random = np.random.default_rng(seed)
    times = []
    for index in range(keys):
        time.sleep(random.uniform(0.05, 0.2))
        before = shown(terminal)

        def answered(terminal: Terminal, before: str | None = before) -> bool:
            return shown(terminal) not in {None, before}

        pressed = terminal.press("+-"[index % 2])
        times.append((terminal.wait_for(answered) - pressed) * 1e3)
    return times


def report(what: str, line: Line, size: str, text: str) -> None:
    """One line of output."""
    print(f"{what:<22} {line.name:<6} {size:<7} {text}  [{CORES} cores]", flush=True)


def measure_keys(line: Line, columns: int, rows: int, keys: int) -> None:
    """Key to paint while training flat out, beside an app that only counts keys."""
    with line.open(ECHO, columns, rows) as terminal:
        terminal.wait_for("keys 0")
        terminal.wait_until_quiet(0.5)
        floor = answer_times(terminal, keys, 0, lambda terminal: terminal.line(0))
    with line.gd_tui(columns, rows, running=True) as terminal:
        ours = answer_times(terminal, keys, 0, lambda terminal: status(terminal, "alpha"))
    for name, percent in (("p50", 50), ("p95", 95), ("p99", 99)):
        mine, echo = np.percentile(ours, percent), np.percentile(floor, percent)
        budget = f"  budget {BUDGET_MS[name]:g} ms" if name in BUDGET_MS else ""
        report(
            f"key to paint {name}",
            line,
            f"{columns}x{rows}",
            f"{mine:7.1f} ms  bare app {echo:.1f} ms  ratio {mine / echo:.2f}{budget}",
        )


def measure_bytes(line: Line, columns: int, rows: int, seconds: float, fps: int) -> None:
    """Bytes to the terminal, training flat out and paused, beside an empty app that idles."""
    size = f"{columns}x{rows}"
    with line.gd_tui(columns, rows, "--fps", str(fps), running=True) as terminal:
        received, frames = terminal.bytes_received, terminal.frames
        first, began = int(status(terminal, "epoch") or 0), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        kilobytes = (terminal.bytes_received - received) / took / 1e3
        drawn = (terminal.frames - frames) / took
        epochs = (int(status(terminal, "epoch") or 0) - first) / took
    report(
        "training flat out",
        line,
        size,
        f"{kilobytes:7.2f} kB/s with --fps {fps}, {drawn:.1f} frames/s came"
        f" ({kilobytes / drawn if drawn else 0:.2f} kB a frame), {epochs:.0f} epochs/s"
        + (f"  budget {BUDGET_KB:g} kB/s at 10 frames/s" if size == "80x24" else ""),
    )
    with line.gd_tui(columns, rows, running=False) as terminal:
        paused = idle_bytes(terminal, seconds)
    with line.open(EMPTY, columns, rows) as terminal:
        terminal.wait_for(lambda terminal: terminal.first_paint is not None)
        terminal.wait_until_quiet(1.5)
        empty = idle_bytes(terminal, seconds)
    report("paused", line, size, f"{paused:7d} bytes in {seconds:g} s  empty app {empty}  budget 0")


def measure_matrix(line: Line, columns: int, rows: int, seconds: float, keys: int) -> None:
    """Measure every kind of run beside an empty app that gets the same keys."""
    size = f"{columns}x{rows}"

    def measure(what: str, terminal: Terminal, shown: Callable[[Terminal], str | None]) -> None:
        received, frames, began = terminal.bytes_received, terminal.frames, time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        sent = (terminal.bytes_received - received) / took / 1e3
        drawn = (terminal.frames - frames) / took
        found = np.percentile(answer_times(terminal, keys, 0, shown), (50, 95, 99))
        times = " / ".join(f"{one:.0f}" for one in found)
        report(
            what, line, size, f"{sent:7.2f} kB/s  {drawn:4.1f} frames/s  key to paint {times} ms"
        )

    with line.open(ECHO, columns, rows) as terminal:
        terminal.wait_for("keys 0")
        terminal.wait_until_quiet(1.0)
        measure("empty app", terminal, lambda terminal: terminal.line(0))
    for what, (arguments, panels, running) in KINDS.items():
        kind = replace(line, arguments=(*line.arguments, *arguments), panels=tuple(panels))
        with kind.gd_tui(columns, rows, running=running) as terminal:
            measure(what, terminal, lambda terminal: status(terminal, "alpha"))


def idle_bytes(terminal: Terminal, seconds: float) -> int:
    """Bytes that come while nobody does anything."""
    received = terminal.bytes_received
    time.sleep(seconds)
    return terminal.bytes_received - received


def measure_first_paint(line: Line, columns: int, rows: int, repeats: int) -> None:
    """From exec to the first cells on the alternate screen, alternating with an empty app."""
    ours, empty, ready = [], [], []
    for _ in range(repeats):
        empty.append(first_paint(line, EMPTY, columns, rows))
        with line.open([*GD_TUI, *line.arguments], columns, rows) as terminal:
            terminal.wait_for(lambda terminal: terminal.first_paint is not None)
            ours.append((terminal.first_paint or 0.0) - terminal.started)
            seen = terminal.wait_for(lambda terminal: status(terminal, "state") is not None)
            ready.append(seen - terminal.started)
    mine, yardstick = statistics.median(ours), statistics.median(empty)
    report(
        "first paint",
        line,
        f"{columns}x{rows}",
        f"{mine * 1e3:7.0f} ms  empty app {yardstick * 1e3:.0f} ms  "
        f"ratio {mine / yardstick:.2f}  budget {BUDGET_PAINT:g}  "
        f"(status line after {statistics.median(ready) * 1e3:.0f} ms; median of {repeats})",
    )


def first_paint(line: Line, command: Sequence[str], columns: int, rows: int) -> float:
    """Seconds from exec to the first cells on the alternate screen."""
    with line.open(command, columns, rows) as terminal:
        terminal.wait_for(lambda terminal: terminal.first_paint is not None)
        return (terminal.first_paint or 0.0) - terminal.started


def main() -> None:
    """Measure what is asked for, everything by default."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "what", nargs="*", metavar="WHAT", help="keys, bytes, paint (default: these), matrix"
    )
    parser.add_argument("--ssh", action="store_true", help="through sshd on 127.0.0.1")
    parser.add_argument("--slow", type=float, metavar="KB", help="kB/s of a line before sshd")
    parser.add_argument("--size", action="append", metavar="80x24", help="may be repeated")
    parser.add_argument("--keys", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--fps", type=int, default=10, help="for the bytes while training")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument(
        "--panels",
        default="",
        help="keys that open panels, comma-separated: 5 landscape, 6 lanes, 7 why, 8 changes,"
        " 9 network, R race, S starts",
    )
    parser.add_argument("--arguments", default="", help="more arguments for gd-tui, in one string")
    options = parser.parse_args()
    if unknown := set(options.what) - {"keys", "bytes", "paint", "matrix"}:
        parser.error(f"not one of keys, bytes, paint, matrix: {', '.join(sorted(unknown))}")
    what = set(options.what) or {"keys", "bytes", "paint"}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(sshd.Server()) if options.ssh or options.slow else None
        port = None
        if server and options.slow:
            port = stack.enter_context(
                slow.Line(server.port, options.slow * 1e3, THERE_AND_BACK)
            ).port
        rates = ",".join(repr(1e-4 * 0.9**lane) for lane in range(options.lanes))
        line = Line(
            "slow" if port else "ssh" if server else "local",
            server,
            tuple(options.arguments.split())
            if what == {"matrix"}
            else ("-a", rates, *options.arguments.split()),
            port,
            tuple(key for key in options.panels.split(",") if key),
        )
        for size in options.size or SIZES.get(" ".join(what), ("80x24", "120x40")):
            columns, rows = map(int, size.split("x"))
            if "matrix" in what:
                measure_matrix(line, columns, rows, options.seconds, options.keys)
            if "bytes" in what:
                measure_bytes(line, columns, rows, options.seconds, options.fps)
            if "keys" in what:
                measure_keys(line, columns, rows, options.keys)
            if "paint" in what:
                measure_first_paint(line, columns, rows, options.repeats)


if __name__ == "__main__":
    main()
