"""The command line: parses, then calls."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from tui_gd import __version__
from tui_gd.cli.data import DATA_COMMANDS
from tui_gd.cli.export import EXPORT_COMMANDS, is_line, opened_line
from tui_gd.cli.options import add_run_options, drawn_seed, frames
from tui_gd.cli.runs import (
    RUNS_COMMANDS,
    add_id,
    add_resume_options,
    add_store_options,
    resumes,
)
from tui_gd.errors import OutputError, ProblemError
from tui_gd.learning.names import OPTIMIZERS

if TYPE_CHECKING:
    from tui_gd.session.settings import RunSettings
    from tui_gd.ui.terminal import Terminal

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
  gd-tui churn.csv --target churn --loss cross-entropy --standardize
  gd-tui run --seed 1               no interface: the losses, then the report
  gd-tui run --quiet --json -       the whole run as one JSON object
  gd-tui race -a 0.01               64 learning rates around it: how each of them ends
  gd-tui race --optimizers          all optimizers, each at the best of its learning rates
  gd-tui problems                   what can be named as PROBLEM
  gd-tui runs                       the runs that were kept: all that trained
  gd-tui resume                     the newest of them goes on where it was
  gd-tui share 3f9a                 a run as one line of text: gd-tui 'gd1:...' repeats it
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
        commands = {
            "problems": _problems,
            "run": _run,
            "race": _race,
            "check": _check,
            "resume": _resume,
        }
        if argv and argv[0] in commands:
            return commands[argv[0]](argv[1:])
        for others in (DATA_COMMANDS, RUNS_COMMANDS, EXPORT_COMMANDS):
            if argv and argv[0] in others:
                return others[argv[0]](argv[1:], Parser)
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
    resumed = resumes(argv)
    if resumed:
        add_resume_options(parser)
    else:
        add_run_options(parser)
        add_store_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write the run as one object; - is stdout")
    parser.add_argument("--quiet", action="store_true", help="leave the lines of the epochs out")
    options = parser.parse_args(argv)
    from tui_gd.session.settings import OutputSettings

    output = OutputSettings(options.json, options.quiet)
    if resumed:
        from tui_gd.cli.run import train_on

        return train_on(options.resume, options.epochs, output)
    from tui_gd.cli.run import train

    shared = opened_line(parser, options)
    settings = shared.settings if shared else _settings(options)
    return train(settings, output, keep=not options.no_store, shared=shared)


def _race(argv: Sequence[str]) -> int:
    parser = Parser(
        prog="gd-tui race",
        description="Race learning rates from one start: the loss that each of them ends with.",
        allow_abbrev=False,
    )
    add_run_options(parser)
    from tui_gd.cli.race import RaceOptions, add_race_options, hold
    from tui_gd.session.settings import OutputSettings

    add_race_options(parser)
    options = parser.parse_args(argv)
    if options.optimizers:
        options.optimizer = OPTIMIZERS
    return hold(
        _settings(options),
        OutputSettings(options.json, options.quiet),
        RaceOptions(options.count, options.decades),
    )


def _resume(argv: Sequence[str]) -> int:
    parser = Parser(
        prog="gd-tui resume",
        description="Go on with a kept run where it was, in the interface.",
        allow_abbrev=False,
    )
    add_id(parser, optional=True)
    _add_screen_options(parser)
    options = parser.parse_args(argv)
    from tui_gd.cli.runs import to_resume

    run = to_resume(options.id)
    if options.plain:
        from tui_gd.cli.plain import go_on

        return go_on(run.id)
    terminal = _terminal(options)
    if terminal is None:
        from tui_gd.cli.run import train_on
        from tui_gd.session.settings import OutputSettings

        return train_on(run.id, None, OutputSettings())
    from tui_gd.runs.resume import settings_of
    from tui_gd.ui.beginning import Beginning
    from tui_gd.ui.keyfile import read_actions
    from tui_gd.ui.start import run_interface

    beginning = Beginning(keep=True, kept=run.id)
    return run_interface(settings_of(run), terminal, beginning, read_actions())


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
    from tui_gd.cli.check import print_check

    problem = settings.load_problem()
    return 0 if print_check(settings.make_trainer(problem), sys.stdout) else 1


def _interface(argv: Sequence[str]) -> int:
    parser = Parser(
        prog="gd-tui",
        usage="gd-tui [PROBLEM] [options]\n"
        "       gd-tui run [PROBLEM] [options]    without an interface\n"
        "       gd-tui race [PROBLEM] [options]   which learning rate ends lowest\n"
        "       gd-tui problems                   what can be named as PROBLEM\n"
        "       gd-tui data FILE [options]        what is done to the columns of a table\n"
        "       gd-tui runs | show ID | rm ID     the runs that were kept\n"
        "       gd-tui export ID | share ID       one of them as files, or as one line\n"
        "       gd-tui resume [ID]                one of them goes on where it was\n"
        "       gd-tui check [PROBLEM] [options]  the gradient against differences of the loss",
        description="Gradient descent, live in a terminal.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_run_options(parser)
    add_store_options(parser)
    _add_screen_options(parser)
    parser.add_argument("--version", action="version", version=f"gd-tui {__version__}")
    options = parser.parse_args(argv)
    shared = opened_line(parser, options)
    settings = shared.settings if shared else _settings(options)
    if options.plain:
        from tui_gd.cli.plain import begin

        return begin(settings, keep=not options.no_store, shared=shared)
    terminal = _terminal(options)
    if terminal is None:
        from tui_gd.cli.run import train
        from tui_gd.session.settings import OutputSettings

        return train(settings, OutputSettings(), keep=not options.no_store, shared=shared)
    from tui_gd.ui.beginning import Beginning
    from tui_gd.ui.keyfile import read_actions
    from tui_gd.ui.start import run_interface

    beginning = Beginning(keep=not options.no_store, shared=shared)
    return run_interface(settings, terminal, beginning, read_actions())


def _add_screen_options(parser: argparse.ArgumentParser) -> None:
    screen = parser.add_argument_group("screen")
    screen.add_argument("--ascii", action="store_true", help="draw with plain characters only")
    screen.add_argument(
        "--plain",
        action="store_true",
        help="no screen: commands in lines, answers in lines, as for a screen reader or a script",
    )
    screen.add_argument("--fps", type=frames, metavar="N", help="frames a second (15; 10 over SSH)")


def _terminal(options: argparse.Namespace) -> "Terminal | None":
    """Return the terminal, made ready; None, which is said, if it cannot show the interface."""
    from tui_gd.ui.terminal import Terminal, in_front, missing

    why = missing(os.environ)
    if why is not None or sys.stdout is None or not sys.stdout.isatty():
        if why is not None:
            typed = sys.stdin is not None and sys.stdin.isatty()
            hint = " (--plain takes commands)" if typed else ""
            print(f"gd-tui: {why}: training without an interface{hint}", file=sys.stderr)
        return None
    for stream, name in ((sys.stdin, "input"), (sys.stderr, "error")):
        if stream is None or not stream.isatty():
            fail(
                f"standard {name} is not a terminal, which the interface needs: use gd-tui run,"
                " or --plain"
            )
    if not in_front(sys.stdin.fileno()):
        fail("the terminal belongs to another program: use gd-tui run in the background")
    # Textual paints at the next of so many ticks a second: a key's answer waits half of one
    os.environ.setdefault("TEXTUAL_FPS", "120")
    return Terminal.of(os.environ, sys.stdout.encoding, plain=options.ascii, fps=options.fps)


def _settings(options: argparse.Namespace) -> "RunSettings":
    from tui_gd.session.settings import RunSettings

    if options.momentum is not None and not {"momentum", "nesterov"} & set(options.optimizer):
        fail("--momentum goes with --optimizer momentum or nesterov: name one of them")
    if options.momentum == 1.0:
        fail("--momentum 1 never slows down: it has to be below 1, as 0.9")
    if options.surface is not None and options.problem is not None:
        fail(f"--surface is a problem itself: leave {options.problem} out")
    if is_line(options.problem):
        fail("a share line is opened by gd-tui and by gd-tui run: name a problem here")
    if options.problem is None:
        options.problem = "blobs" if options.surface is None else "surface"
    values = vars(options)
    if values["seed"] is None:
        values["seed"] = drawn_seed()
    return RunSettings.of(values)
