"""The command line: parses, then calls."""

import argparse
import math
import os
import secrets
import sys
from collections.abc import Sequence
from typing import NoReturn

from tui_gd import __version__

EXAMPLES = """\
examples:
  gd-tui                            the tutorial's problem, live; space runs it, ? helps
  gd-tui -a 0.03 -e 500             another learning rate, more epochs
  gd-tui -a 0.001,0.01,0.1          a race of three learning rates
  gd-tui --loss cross-entropy       another loss on the same data
  gd-tui run --seed 1               no interface: the losses, then the report
  gd-tui run --quiet --json -       the whole run as one JSON object
  gd-tui problems                   what can be named as PROBLEM
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line and leave with status 2."""
        fail(f"{message} (see {self.prog} --help)")


def fail(message: str) -> NoReturn:
    """Print one line on stderr and leave with status 2."""
    print(f"gd-tui: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(2)


def run(argv: Sequence[str]) -> int:
    """Do what the command line says and return the exit status."""
    from tui_gd.problems.problem import ProblemError

    try:
        if argv and argv[0] == "problems":
            return _problems(argv[1:])
        if argv and argv[0] == "run":
            return _run(argv[1:])
        return _interface(argv)
    except ProblemError as error:
        fail(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # the reader has gone (`| head`): nothing more to say, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _problems(argv: Sequence[str]) -> int:
    Parser(prog="gd-tui problems", description="What can be named as PROBLEM.").parse_args(argv)
    from tui_gd.problems.builtin import BUILTIN

    for name, builtin in BUILTIN.items():
        print(f"{name:<16}{builtin.title}")
    return 0


def _run(argv: Sequence[str]) -> int:
    parser = Parser(
        prog="gd-tui run",
        description="Train without an interface: the losses, then the report on the test rows.",
        allow_abbrev=False,
    )
    _add_run_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write the run as one object; - is stdout")
    parser.add_argument("--quiet", action="store_true", help="leave the lines of the epochs out")
    options = parser.parse_args(argv)
    from tui_gd.headless import train
    from tui_gd.settings import OutputSettings

    return train(_settings(options), OutputSettings(options.json, options.quiet))


def _interface(argv: Sequence[str]) -> int:
    parser = Parser(
        prog="gd-tui",
        usage="gd-tui [PROBLEM] [options]\n"
        "       gd-tui run [PROBLEM] [options]    without an interface\n"
        "       gd-tui problems                   what can be named as PROBLEM",
        description="Gradient descent, live in a terminal.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_run_options(parser)
    screen = parser.add_argument_group("screen")
    screen.add_argument("--ascii", action="store_true", help="draw with plain characters only")
    screen.add_argument(
        "--fps", type=_frames, metavar="N", help="frames a second (15; 10 over SSH)"
    )
    parser.add_argument("--version", action="version", version=f"gd-tui {__version__}")
    options = parser.parse_args(argv)
    settings = _settings(options)
    from tui_gd.ui.terminal import Terminal, missing

    why = missing(os.environ)
    if why is not None or not sys.stdout.isatty():
        from tui_gd.headless import train
        from tui_gd.settings import OutputSettings

        if why is not None:
            print(f"gd-tui: {why}: training without an interface", file=sys.stderr)
        return train(settings, OutputSettings())
    for stream, name in ((sys.stdin, "input"), (sys.stderr, "error")):
        if stream is None or not stream.isatty():
            fail(f"standard {name} is not a terminal, which the interface needs: use gd-tui run")
    terminal = Terminal.of(os.environ, sys.stdout.encoding, plain=options.ascii, fps=options.fps)
    from tui_gd.ui.start import run_interface

    return run_interface(settings, terminal)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("problem", nargs="?", default="blobs", metavar="PROBLEM", help="blobs")
    group = parser.add_argument_group("run")
    group.add_argument("-e", "--epochs", type=_epochs, default=100, metavar="N", help="(100)")
    group.add_argument(
        "-a",
        "--alpha",
        type=_alphas,
        default=(0.01,),
        metavar="X",
        help="learning rate; several, comma-separated, make a race (0.01)",
    )
    group.add_argument(
        "--loss",
        choices=("sse", "cross-entropy"),
        default="sse",
        help="sse, the tutorial's sum of squared errors, or cross-entropy",
    )
    group.add_argument(
        "--test-size", type=_share, default=0.5, metavar="X", help="share of test rows (0.5)"
    )
    group.add_argument("--seed", type=_seed, metavar="N", help="of the start (drawn, and shown)")
    group.add_argument(
        "--init",
        metavar="FILE.npy",
        help="initial weights, shape (parameters,) or (lanes, parameters)",
    )


def _settings(options: argparse.Namespace):  # type: ignore[no-untyped-def]
    from tui_gd.settings import RunSettings

    return RunSettings(
        problem=options.problem,
        epochs=options.epochs,
        alpha=options.alpha,
        loss=options.loss,
        test_size=options.test_size,
        seed=secrets.randbits(32) if options.seed is None else options.seed,
        init=options.init,
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _epochs(text: str) -> int:
    number = _number(text)
    if not (number >= 1 and number.is_integer() and number < 2**53):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number; try -e 100")
    return int(number)


def _alphas(text: str) -> tuple[float, ...]:
    numbers = tuple(_number(part) for part in text.split(","))
    if not all(0 < number < math.inf for number in numbers):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number; try -a 0.01")
    return numbers


def _share(text: str) -> float:
    number = _number(text)
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 1; try --test-size 0.5")
    return number


def _seed(text: str) -> int:
    if not (text.isdecimal() and text.isascii()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0; try --seed 1")
    return int(text)


def _frames(text: str) -> float:
    number = _number(text)
    if not 0 < number <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 60; try --fps 15")
    return number
