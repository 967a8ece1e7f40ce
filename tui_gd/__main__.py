"""The way in for the command `gd-tui` and for `python -m tui_gd`."""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType


def main() -> int:
    """Run the command line and return its exit status."""
    if os.name == "nt":
        print("gd-tui: needs Linux or macOS; on Windows run it in WSL", file=sys.stderr)
        return 2
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupted)
    from tui_gd.cli.dispatch import run

    return run(sys.argv[1:])


def interrupted(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, or end the process here while something is being imported.

    Modules written in C lose the exception, or make an ImportError of it.
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            with suppress(OSError, RuntimeError, ValueError):
                sys.stdout.flush()
            os._exit(128 + number)
        frame = frame.f_back
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
