"""The command line: parses, then calls."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from tui_gd import __version__
from tui_gd.errors import OutputError, ProblemError
from tui_gd.names import OPTIMIZERS
from tui_gd.options import add_run_options, drawn_seed, frames

if TYPE_CHECKING:
    from tui_gd.settings import RunSettings

EXAMPLES = """\
examples:
  gd-tui                            the tutorial's problem, live; space runs it, ? helps
  gd-tui -a 0.03 -e 500             another learning rate, more epochs
  gd-tui -a 0.001,0.01,0.1          a race of three learning rates
  gd-tui --loss cross-entropy       another loss on the same data
  gd-tui moons --hidden 8,8 --optimizer adam -a 0.03 -e 1000
  gd-tui digits --optimizer nesterov --batch-size 32 --standardize
  gd-tui surface:himmelblau --optimizer sgd,momentum,adam
  gd-tui --surface 'x^2 + 10*y^2' -a 0.05
  gd-tui run --seed 1               no interface: the losses, then the report
  gd-tui run --quiet --json -       the whole run as one JSON object
  gd-tui race -a 0.01               64 learning rates around it: how each of them ends
  gd-tui race --optimizers          all optimizers, each at the best of its learning rates
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
    try:
        commands = {"problems": _problems, "run": _run, "race": _race, "check": _check}
        if argv and argv[0] in commands:
            return commands[argv[0]](argv[1:])
        return _interface(argv)
    except ProblemError as error:
        fail(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _say_no_more()
        return 141
    except OutputError as error:
        _say_no_more()
        print(f"gd-tui: cannot write {error}", file=sys.stderr)
        return 1


def _say_no_more() -> None:
    """Let what is still to be printed go nowhere: the reader has gone (`| head`), the disk is full.

    Otherwise Python tries again at exit, and says so in several lines.
    """
    with suppress(OSError):  # not every stream is a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _problems(argv: Sequence[str]) -> int:
    Parser(prog="gd-tui problems", description="What can be named as PROBLEM.").parse_args(argv)
    from tui_gd.problems import BUILTIN, SURFACES

    for name, builtin in BUILTIN.items():
        print(f"{name:<16}{builtin.title}")
    for name, surface in SURFACES.items():
        print(f"{name:<24}{surface.title}")
    return 0


def _run(argv: Sequence[str]) -> int:
    parser = Parser(
        prog="gd-tui run",
        description="Train without an interface: the losses, then the report on the test rows.",
        allow_abbrev=False,
    )
    add_run_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write the run as one object; - is stdout")
    parser.add_argument("--quiet", action="store_true", help="leave the lines of the epochs out")
    options = parser.parse_args(argv)
    from tui_gd.headless import train
    from tui_gd.settings import OutputSettings

    return train(_settings(options), OutputSettings(options.json, options.quiet))


def _race(argv: Sequence[str]) -> int:
    parser = Parser(
        prog="gd-tui race",
        description="Race learning rates from one start: the loss that each of them ends with.",
        allow_abbrev=False,
    )
    add_run_options(parser)
    from tui_gd.racing import RaceOptions, add_race_options, hold
    from tui_gd.settings import OutputSettings

    add_race_options(parser)
    options = parser.parse_args(argv)
    if options.optimizers:
        options.optimizer = OPTIMIZERS
    return hold(
        _settings(options),
        OutputSettings(options.json, options.quiet),
        RaceOptions(options.count, options.decades),
    )


def _check(argv: Sequence[str]) -> int:
    parser = Parser(
        prog="gd-tui check",
        description="Hold the gradient against differences of the loss, for steps 1e-1 to 1e-14.",
        allow_abbrev=False,
    )
    add_run_options(parser)
    options = parser.parse_args(argv)
    options.dtype = "float64"  # in float32 the differences are rounding for the most part
    settings = _settings(options)
    from tui_gd.check import print_check

    problem = settings.load_problem()
    return 0 if print_check(settings.make_trainer(problem), sys.stdout) else 1


def _interface(argv: Sequence[str]) -> int:
    parser = Parser(
        prog="gd-tui",
        usage="gd-tui [PROBLEM] [options]\n"
        "       gd-tui run [PROBLEM] [options]    without an interface\n"
        "       gd-tui race [PROBLEM] [options]   which learning rate ends lowest\n"
        "       gd-tui problems                   what can be named as PROBLEM\n"
        "       gd-tui check [PROBLEM] [options]  the gradient against differences of the loss",
        description="Gradient descent, live in a terminal.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_run_options(parser)
    screen = parser.add_argument_group("screen")
    screen.add_argument("--ascii", action="store_true", help="draw with plain characters only")
    screen.add_argument("--fps", type=frames, metavar="N", help="frames a second (15; 10 over SSH)")
    parser.add_argument("--version", action="version", version=f"gd-tui {__version__}")
    options = parser.parse_args(argv)
    settings = _settings(options)
    from tui_gd.ui.terminal import Terminal, missing

    why = missing(os.environ)
    if why is not None or sys.stdout is None or not sys.stdout.isatty():
        from tui_gd.headless import train
        from tui_gd.settings import OutputSettings

        if why is not None:
            print(f"gd-tui: {why}: training without an interface", file=sys.stderr)
        return train(settings, OutputSettings())
    for stream, name in ((sys.stdin, "input"), (sys.stderr, "error")):
        if stream is None or not stream.isatty():
            fail(f"standard {name} is not a terminal, which the interface needs: use gd-tui run")
    terminal = Terminal.of(os.environ, sys.stdout.encoding, plain=options.ascii, fps=options.fps)
    # Textual paints at the next of so many ticks a second: a key's answer waits half of one
    os.environ.setdefault("TEXTUAL_FPS", "120")
    from tui_gd.ui.start import run_interface

    return run_interface(settings, terminal)


def _settings(options: argparse.Namespace) -> "RunSettings":
    from tui_gd.settings import RunSettings

    if options.momentum is not None and not {"momentum", "nesterov"} & set(options.optimizer):
        fail("--momentum goes with --optimizer momentum or nesterov: name one of them")
    if options.momentum == 1.0:
        fail("--momentum 1 never slows down: it has to be below 1, as 0.9")
    if options.surface is not None and options.problem is not None:
        fail(f"--surface is a problem itself: leave {options.problem} out")
    if options.problem is None:
        options.problem = "blobs" if options.surface is None else "surface"
    values = vars(options)
    if values["seed"] is None:
        values["seed"] = drawn_seed()
    return RunSettings.of(values)
