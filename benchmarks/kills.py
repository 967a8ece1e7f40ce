"""Kills a run with SIGKILL at random moments and resumes it every time.

After every kill the store must open and have every epoch that was done a second earlier. At the end
losses and weights must equal those of an uninterrupted run, bit for bit.

    python benchmarks/kills.py [KILLS]
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from tui_gd.runs.database import NAME
from tui_gd.runs.resume import resume
from tui_gd.runs.store import Store

RUN = (
    *("run", "iris", "-e", "1e9", "-a", "0.001,0.0003", "--batch-size", "25", "--seed", "7"),
    *("--optimizer", "adam"),
)
LONGEST = 3.0
# imports what a run needs once, then runs every line it reads in a child process; a line is a file
# for the output, then the words of the command
NURSERY = """
import os, sys
import sklearn.datasets, sklearn.metrics, sklearn.model_selection
import tui_gd.cli.run
from tui_gd.__main__ import run
for line in sys.stdin:
    out, *words = line.split()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os._exit(run(words))
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Nursery:
    """Starts processes of the program within milliseconds; their runs are stored in `data`."""

    def __init__(self, data: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
            env={**os.environ, "GD_TUI_DATA": str(data)},
            start_new_session=True,
        )

    def start(self, words: Sequence[str], out: Path) -> int:
        """Start the program, which prints into `out`; return its process."""
        assert self._process.stdin
        out.unlink(missing_ok=True)
        self._process.stdin.write(" ".join([str(out), *words]) + "\n")
        self._process.stdin.flush()
        return self._read()

    def status(self) -> int:
        """Wait for the last process and return its status."""
        return self._read()

    def _read(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def __enter__(self) -> "Nursery":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error:  # with the program that it started
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


def last_epoch(out: Path) -> int:
    """Return the epoch of the last whole line; every fifth epoch is printed."""
    if not out.exists():
        return 0
    with out.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 400))
        lines = file.read().split(b"\n")[:-1]
    found = [line for line in lines if line.startswith(b"[INFO] epoch=")]
    return int(found[-1].split(b"=")[1].split(b",")[0]) if found else 0


def kill_once(nursery: Nursery, words: Sequence[str], out: Path, delay: float) -> int:
    """Kill the program after it has printed for `delay` seconds.

    Return the epoch that it had reached a second before.
    """
    running = nursery.start(words, out)
    seen: list[tuple[float, int]] = []
    patience = time.monotonic() + 60
    while not last_epoch(out):
        assert time.monotonic() < patience, "the program prints nothing"
        time.sleep(0.002)
    begin = now = time.monotonic()
    while now - begin < delay:
        seen.append((now, last_epoch(out)))
        time.sleep(0.005)
        now = time.monotonic()
    os.kill(running, signal.SIGKILL)
    assert nursery.status() == signal.SIGKILL
    before = [epoch for when, epoch in seen if when <= now - 1.0]
    return before[-1] if before else 0


def check_whole(path: Path, more: int) -> int:
    """Compare the only stored run, `more` epochs later, with an uninterrupted one.

    Returns its number of epochs.
    """
    with Store(path) as store, resume(store) as resumed:
        ours = resumed.trainer
        settings = resumed.settings
        whole = settings.make_trainer(resumed.problem, test_losses=False)
        whole.advance(ours.epoch + more)
        ours.advance(more)
        assert ours.epoch == whole.epoch
        for lane in range(len(whole.lanes)):
            assert np.array_equal(ours.losses(lane), whole.losses(lane))
        assert np.array_equal(ours.weights, whole.weights)
        return ours.epoch


def main() -> None:
    """Kill, check, resume; compare at the end."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    chance = random.Random(0)
    run = None
    with tempfile.TemporaryDirectory() as directory:
        data, out = Path(directory) / "data", Path(directory) / "out"
        with Nursery(data) as nursery:
            for _ in range(kills):
                words = RUN if run is None else ("run", "--resume", run)
                before = kill_once(nursery, words, out, chance.uniform(0.0, LONGEST))
                with Store(data / NAME) as store:
                    for kept in store.runs():
                        run = kept.id
                        assert kept.state == "interrupted", kept.state
                        assert kept.newest >= before, (kept.newest, before)
        epochs = check_whole(data / NAME, more=100)
    print(
        f"{kills} kills: the store opened every time, and no epoch was missing that had been done"
    )
    print(f"a second before; all {epochs:,} epochs are those of an uninterrupted run")


if __name__ == "__main__":
    main()
