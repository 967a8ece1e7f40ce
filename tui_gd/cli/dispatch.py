"""The command line: finds the command, parses its options, calls it, and reports what fails."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from tui_gd.cli.options import fail, find_command
from tui_gd.errors import OutputError, ProblemError


def run(argv: Sequence[str]) -> int:
    """Do what the command line says and return the exit status."""
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
