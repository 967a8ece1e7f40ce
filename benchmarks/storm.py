"""A storm of resizes, keys and bytes, and the state of the interface after it.

The interface trains in a pseudo-terminal that answers it, and gets window sizes from 1x1 to
300x100, random keys (letters, signs, arrows, function keys, ctrl with a letter) and random bytes:
half of them as quickly as it can handle them, half at once, most of which are dropped. Neither
keys nor bytes quit (q, ctrl+c, ctrl+q) or open the list of commands, which can quit. Printed are,
after each part, the time from a key to its answer and the memory of the process, and at the end
whether `q` ends it with status 0 and the terminal as it was. Status 1 if it did not answer within
`--answer` seconds, if memory grew by more than `--most` MB, or if the terminal was not restored.

    python benchmarks/storm.py [--resizes 2000] [--keys 100000] [--bytes 100000] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
import string
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.terminal import walks  # noqa: E402
from tests.terminal.keys import sequence  # noqa: E402
from tests.terminal.provocations import resident  # noqa: E402
from tests.terminal.session import Terminal  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 60.0
PIECE = 512
QUITTING = {3, 16, 17, ord("q"), ord(":"), ord("X")}
# the interface can handle so many keys at once, and so many a second
FEW = 20
A_SECOND = 400.0
NAMED = ("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "tab", "shift+tab",
         "enter", "escape", "f1", "f5", "f6", "f7", "backspace", "delete")  # fmt: skip


class Storm(NamedTuple):
    """The seconds to the slowest answer, the bytes of memory more, and how the program ended."""

    answer: float
    grown: int
    status: int
    left: list[str]


def random_keys(count: int, draw: random.Random) -> list[bytes]:
    """Return that many keys as a terminal sends them; none of them quits."""
    plain = [sign for sign in string.printable[:95] if ord(sign) not in QUITTING]
    ctrl = [chr(number) for number in range(1, 27) if number not in QUITTING]
    keys = [*plain * 3, *ctrl, *map(sequence, NAMED), "é", "α", "猫"]
    return [key.encode() for key in draw.choices(keys, k=count)]


def random_bytes(count: int, draw: random.Random) -> list[bytes]:
    """Return that many bytes; none of them is a key that quits."""
    numbers = draw.choices([n for n in range(256) if n not in QUITTING], k=count)
    return [bytes([number]) for number in numbers]


def resize(terminal: Terminal, count: int, draw: random.Random) -> None:
    """Resize the window that many times, some hundred a second."""
    for _ in range(count):
        terminal.resize(draw.randint(1, 300), draw.randint(1, 100))
        time.sleep(0.003)


def send(terminal: Terminal, keys: list[bytes]) -> None:
    """Type all of it: half as fast as the interface handles it, half at once."""
    half = len(keys) // 2
    for start in range(0, half, FEW):
        terminal.send(b"".join(keys[start : start + FEW]), timeout=PATIENCE)
        time.sleep(FEW / A_SECOND)
    data = b"".join(keys[half:])
    for start in range(0, len(data), PIECE):
        terminal.send(data[start : start + PIECE], timeout=PATIENCE)


def back_to_the_run(terminal: Terminal) -> None:
    """Close whatever is open, until the status line is there and the run is paused."""
    terminal.send(b"\x1b[201~")
    terminal.resize(100, 30)
    deadline = time.monotonic() + PATIENCE
    while True:
        for key in ("escape", "escape", "."):
            terminal.press(key)
            time.sleep(0.4)
        now = walks.status(terminal)
        if now is not None and now.state != "RUNNING" and _answered(terminal, 1.0) is not None:
            return
        if terminal.exit_status is not None or time.monotonic() > deadline:
            raise SystemExit(
                f"it is not back at the run, exit status {terminal.exit_status}\n"
                f"{terminal.describe()}\n{terminal.scrollback()}"
            )


def _answered(terminal: Terminal, patience: float) -> float | None:
    """Return the seconds to the answer to a key, α up or down; None if there was none."""
    first = walks.status(terminal)
    if first is None:
        return None
    for key in "+-":  # the ladder of learning rates has an end
        begun = terminal.press(key)

        def differs(terminal: Terminal) -> bool:
            now = walks.status(terminal)
            return now is not None and now.alpha != first.alpha

        with suppress(AssertionError):
            return terminal.wait_for(differs, timeout=patience) - begun
    return None


def storm(resizes: int, keys: int, amount: int, seed: int, say: Callable[[str], object]) -> Storm:
    """Raise a storm, say how each part of it went, and return the worst of them."""
    draw = random.Random(seed)
    slowest, grown = 0.0, 0
    parts: dict[str, Callable[[Terminal], None]] = {
        f"{resizes:,} resizes": lambda terminal: resize(terminal, resizes, draw),
        f"{keys:,} keys": lambda terminal: send(terminal, random_keys(keys, draw)),
        f"{amount:,} bytes": lambda terminal: send(terminal, random_bytes(amount, draw)),
    }
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "tui_gd", "--seed", "3", "-e", "1000000", "--no-store"]
        # exported and written files go into the directory too
        env = {"GD_TUI_DATA": data}
        with Terminal(command, columns=100, rows=30, env=env, cwd=data) as terminal:
            walks.wait_for_status(terminal, epoch=0)
            before = resident(terminal.pid)
            for part, send_it in parts.items():
                begun = time.monotonic()
                send_it(terminal)
                took = time.monotonic() - begun
                back_to_the_run(terminal)
                answer = _answered(terminal, PATIENCE)
                memory = resident(terminal.pid)
                slowest = max(slowest, PATIENCE if answer is None else answer)
                grown = max(grown, memory - before)
                say(
                    f"{part:<16} sent in {took:6.1f} s, then a key is answered in"
                    f" {1000 * slowest:5.0f} ms, memory {before >> 20} -> {memory >> 20} MB"
                )
            terminal.press("q")
            status = terminal.wait_for_exit(PATIENCE)
            left = terminal.leftovers()
    say(f"q: exit status {status}, left behind in the terminal: {', '.join(left) or 'nothing'}")
    return Storm(slowest, grown, status, left)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resizes", type=int, default=2000)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--bytes", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--answer", type=float, default=2.0, help="seconds")
    parser.add_argument("--most", type=int, default=200, help="MB of memory more")
    options = parser.parse_args()
    found = storm(options.resizes, options.keys, options.bytes, options.seed, print)
    whole = found.status == 0 and not found.left
    return (
        0 if whole and found.answer <= options.answer and found.grown <= options.most << 20 else 1
    )


if __name__ == "__main__":
    sys.exit(main())
