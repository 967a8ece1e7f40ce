"""The way in for the command `gd-tui` and for `python -m tui_gd`."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from types import FrameType

from tui_gd.errors import OutputError, ProblemError


def main() -> int:
    """Run the command line and return its exit status."""
    if os.name == "nt":
        print("gd-tui: needs Linux or macOS; on Windows run it in WSL", file=sys.stderr)
        return 2
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupted)
    return run(sys.argv[1:])


def run(argv: Sequence[str]) -> int:
    """Do what the command line says and return the exit status."""
    from tui_gd.cli.options import fail, find_command

    try:
        command, words = find_command(list(argv))
        options = command.parser().parse_args(words)
        module, _, function = command.main.partition(":")
        status = getattr(import_module(f"tui_gd.cli.{module}"), function)(options)
        assert isinstance(status, int)
        return status
    except ProblemError as error:
        fail(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _discard_output()
        return 141
    except OutputError as error:
        _discard_output()
        print(f"gd-tui: cannot write {error}", file=sys.stderr)
        return 1


def _discard_output() -> None:
    """Discard what is still to be printed: the reader has gone (`| head`), or the disk is full.

    Otherwise Python tries again at exit and prints several lines about it.
    """
    with suppress(OSError):  # not every stream is a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
