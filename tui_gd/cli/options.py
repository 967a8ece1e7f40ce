"""The commands and their options: one tree for the parsers, the help and the completions.

This imports nothing heavy, because help and wrong options need no arithmetic. `__main__` calls the
commands.
"""

import argparse
import re
import secrets
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from tui_gd.errors import ProblemError, did_you_mean
from tui_gd.learning import OPTIMIZERS
from tui_gd.problems import TITLES, unknown_problem
from tui_gd.problems.text import aligned
from tui_gd.runs.exports import KINDS as ALL_KINDS
from tui_gd.runs.exports import SCREEN
from tui_gd.session import readers
from tui_gd.session.options import Scope, options_of
from tui_gd.session.readers import Reader
from tui_gd.session.settings import DECADES, DECADES_EACH, RATES, RATES_EACH, RunSettings

RUN_ID = "the run's id, or its first characters (gd-tui runs)"
KINDS = tuple(kind for kind in ALL_KINDS if kind != SCREEN)
"""The kinds of files that `export` writes."""
MOST_RATES = 4096
SHELLS = ("bash", "zsh", "fish")
LESSON_VERBS = """\
also:
  gd-tui lesson check FILE          play a lesson by its own answers; every fault with its line
  gd-tui lesson new                 print a lesson to start from
  gd-tui lesson review ID           what you predicted and what came, as Markdown
  gd-tui lesson hand-in ID          one line to hand in
  gd-tui lesson grade FILE LINES... [--csv]   replay hand-ins (lines or files) and print a table
"""
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
  gd-tui run --seed 1               without an interface: the losses, then the report
  gd-tui run --quiet --json -       the whole run as one JSON object
  gd-tui race -a 0.01               64 learning rates around it and how each of them ends
  gd-tui race --optimizers          all optimizers, each at the best of its learning rates
  gd-tui problems                   what can be named as PROBLEM
  gd-tui runs                       the kept runs
  gd-tui resume                     continue the newest of them
  gd-tui share 3f9a                 a run as one line of text: gd-tui 'gd1:...' repeats it
"""


ENVIRONMENT = {
    "GD_TUI_DATA": "directory of the kept runs (the user's data directory)",
    "GD_TUI_CONFIG": "directory of config.toml: keys, colours, mouse (the user's configuration)",
    "TERM, COLORTERM": "how many colours the terminal shows; COLORTERM=truecolor for all",
    "COLORFGBG": "a light theme if it ends in 7 or 9 to 15 and the terminal does not answer",
    "NO_COLOR": "no colours if it is set",
    "SSH_CONNECTION": "10 frames a second in place of 15 if it is set",
}
MOST_FOLDS = 1000
EXIT_STATUSES = {
    0: "done",
    1: "diverged, exploded or failed in training; a wrong gradient; output that cannot be written",
    2: "the command line or the input is at fault",
    130: "interrupted",
    141: "the reader of the output has gone",
}
_SYNONYMS = {
    "--lr": "--alpha",
    "--learning-rate": "--alpha",
    "--eta": "--alpha",
    "--step-size": "--alpha",
    "--iterations": "--epochs",
    "--max-iter": "--epochs",
    "--steps": "--epochs",
    "--layers": "--hidden",
    "--hidden-layers": "--hidden",
    "--neurons": "--hidden",
    "--batch": "--batch-size",
    "--weight-decay": "--l2",
    "--ridge": "--l2",
    "--lasso": "--l1",
    "--random-state": "--seed",
    "--normalize": "--standardize",
    "--scale": "--standardize",
    "--function": "--surface",
    "--formula": "--surface",
    "--label": "--target",
    "--test-split": "--test-size",
    "--output": "--json",
    "--early-stopping": "--patience",
    "--weights": "--init",
    "--rows": "--samples",
}
"""Options as other programs call them."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with a guess at what the person meant."""

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Return the options; an unknown one ends the program with status 2."""
        options, unknown = self.parse_known_args(args, namespace)
        first = getattr(options, "problem", None)
        if first in {command.name for command in COMMANDS}:
            rest = list(args or [])
            rest.remove(first)
            words = shlex.join(["gd-tui", first, *rest])
            self.error(f"{first} is a command and comes first: {words}")
        if unknown:
            flag = unknown[0].partition("=")[0]
            known = [name for name in self._option_string_actions if name.startswith("--")]
            hint = did_you_mean(flag, known, _SYNONYMS) if flag.startswith("-") else ""
            for one in COMMANDS[:2] if hasattr(options, "problem") else ():
                there = one.parser()._option_string_actions
                if flag in there:
                    fits = [word for word in args or () if _fits(word, there)]
                    hint = f"; {flag} is for {shlex.join(['gd-tui', one.name, *fits])}"
                    break
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return options

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line and leave with status 2."""
        fail(f"{message} (see {self.prog} --help)")


def _fits(word: str, flags: Collection[str]) -> bool:
    """Return whether a word of a command line is a value or one of the flags."""
    return not word.startswith("-") or word.partition("=")[0] in flags


def fail(message: str) -> NoReturn:
    """Print one line on stderr and leave with status 2."""
    print(f"gd-tui: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(2)


@dataclass(frozen=True)
class Command:
    """A sub-command: its arguments, one line about it, its options, and its function.

    `name` is empty for the interface. `main` names a function of the parsed options as
    `module:function` in `tui_gd.cli`.
    """

    name: str
    usage: str
    summary: str
    add: Callable[[argparse.ArgumentParser], None]
    main: str

    def parser(self) -> Parser:
        """Return the command's parser."""
        program = f"gd-tui {self.name}".strip()
        parser = Parser(
            prog=program,
            usage=f"{program} {self.usage}".strip(),
            description=f"{self.summary}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.add(parser)
        return parser


def typed(reader: Reader[Any], flag: str, example: str = "") -> Callable[[str], Any]:
    """Return a function for argparse that reads an option; its error gives an example."""

    def read(text: str) -> Any:
        try:
            return reader.typed(text)
        except ValueError as error:
            hint = f"; try {flag} {example}" if example and "did you mean" not in str(error) else ""
            raise argparse.ArgumentTypeError(f"{error}{hint}") from None

    return read


def add_options(parser: argparse.ArgumentParser, names: Iterable[str] | None = None) -> None:
    """Add the options of a run, or the named ones; only given options are in the namespace."""
    groups: dict[str, argparse._ArgumentGroup] = {}
    for name, one in options_of(RunSettings).items():
        if names is not None and name not in names:
            continue
        about = f"{one.help} ({one.usual})" if one.usual else one.help
        if not one.group:
            parser.add_argument(name, nargs="?", metavar=one.metavar, help=about)
            continue
        if one.group not in groups:
            groups[one.group] = parser.add_argument_group(one.group)
        flags = [one.short, one.flag] if one.short else [one.flag]
        if one.reader is readers.boolean:
            groups[one.group].add_argument(
                *flags, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=about
            )
        else:
            groups[one.group].add_argument(
                *flags,
                type=typed(one.reader, flags[0], one.example),
                default=argparse.SUPPRESS,
                metavar=one.metavar,
                help=about.strip(),
            )


def settings_of(options: argparse.Namespace) -> RunSettings:
    """Return the settings of a command line; if there is no seed, draw one."""
    given = given_options(options)
    if "momentum" in given and not {"momentum", "nesterov"} & set(given.get("optimizer", ())):
        raise ProblemError(
            "--momentum goes with --optimizer momentum or nesterov: name one of them"
        )
    if "surface" in given:
        if "problem" in given:
            raise ProblemError(f"--surface is a problem itself: leave {given['problem']} out")
        given["problem"] = "surface"
    if is_line(given.get("problem")):
        raise ProblemError(
            "a share line is opened by gd-tui and by gd-tui run: name a problem here"
        )
    check_problem(given.get("problem"))
    # the program shows it, so that a person can repeat the run
    given.setdefault("seed", secrets.randbits(32))
    return RunSettings.chosen(given)


def check_problem(name: str | None) -> None:
    """Raise `ProblemError` if no problem and no file has that name; loads nothing."""
    if name is None or name in {*TITLES, "surface"}:
        return
    from tui_gd.problems.input_file import names_file

    if not names_file(name):
        raise unknown_problem(name, [command.name for command in COMMANDS])


def given_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the given options of a run."""
    known = options_of(RunSettings)
    return {
        name: value for name, value in vars(options).items() if name in known and value is not None
    }


def is_line(problem: str | None) -> bool:
    """Whether PROBLEM is a share line, of any version."""
    return problem is not None and re.match(r"\s*gd[0-9]+:", problem) is not None


@dataclass(frozen=True)
class OutputSettings:
    """What a run without an interface prints and writes; `json` is a path or `-`."""

    json: str | None = None
    quiet: bool = False


def _flag(parser: argparse._ActionsContainer, name: str, about: str) -> None:
    parser.add_argument(name, action="store_true", help=about)


def _add_interface(parser: argparse.ArgumentParser) -> None:
    commands = _table(
        (f"{command.name} {command.usage}".strip(), command.summary) for command in COMMANDS
    )
    parser.usage = "gd-tui [PROBLEM] [options]\n       gd-tui COMMAND [...]"
    parser.description = f"{parser.description}\n\ncommands:\n{commands}"
    parser.epilog = "\n\n".join(
        [
            EXAMPLES.rstrip(),
            "environment:\n" + _table(ENVIRONMENT.items()),
            "exit status:\n" + _table((str(one), text) for one, text in EXIT_STATUSES.items()),
        ]
    )
    add_options(parser)
    _add_no_store(parser)
    _add_screen(parser)
    _flag(parser, "--version", "show versions, for a bug report")


def _table(rows: Iterable[tuple[str, str]]) -> str:
    """Return lines of a word and its meaning."""
    return "\n".join(f"  {line}" for line in aligned(list(rows)))


def _add_screen(parser: argparse.ArgumentParser) -> None:
    screen = parser.add_argument_group("screen")
    _flag(screen, "--ascii", "draw with plain characters only")
    _flag(
        screen,
        "--plain",
        "no screen: commands in lines, answers in lines, as for a screen reader or a script",
    )
    _flag(screen, "--json", "with --plain: every answer as one object in a line")
    screen.add_argument(
        "--theme",
        choices=("dark", "light"),
        help="colours for a dark or a light ground (as last time, else as the terminal's own is)",
    )
    _flag(screen, "--no-mouse", "leave the mouse to the terminal, to select text")
    screen.add_argument(
        "--fps",
        type=typed(readers.number(0, 60, above=True), "--fps", "15"),
        metavar="N",
        help="frames a second (15; 10 over SSH)",
    )


def _add_no_store(parser: argparse.ArgumentParser) -> None:
    _flag(parser, "--no-store", "do not keep the run (gd-tui runs lists the kept ones)")


def _add_run(parser: argparse.ArgumentParser) -> None:
    add_options(parser)
    _add_no_store(parser)
    parser.add_argument(
        "--resume", metavar="ID", help=f"continue a kept run, to epoch -e: {RUN_ID}"
    )
    _add_folds(parser, "cross-validate: train K times, test on another part of the rows each time")
    _add_output(parser, "leave out the lines of the epochs, or of the folds")


def _add_folds(group: argparse._ActionsContainer, about: str) -> None:
    reader = typed(readers.whole(2, MOST_FOLDS), "--folds", "5")
    group.add_argument("--folds", type=reader, metavar="K", help=about)


def _add_output(parser: argparse.ArgumentParser, quiet: str) -> None:
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON; - is stdout")
    _flag(parser, "--quiet", quiet)


def _add_race(parser: argparse.ArgumentParser) -> None:
    add_options(parser)
    race = parser.add_argument_group("race")
    race.add_argument(
        "--count",
        type=typed(readers.whole(1, MOST_RATES), "--count", str(RATES)),
        metavar="N",
        help=f"learning rates around -a, evenly on a logarithmic scale"
        f" ({RATES}; of several optimizers {RATES_EACH} each)",
    )
    race.add_argument(
        "--decades",
        type=typed(readers.number(0, 100, above=True), "--decades", "3"),
        metavar="X",
        help=f"powers of ten they span ({DECADES:g}; of several optimizers {DECADES_EACH:g})",
    )
    race.add_argument(
        "--optimizers",
        action="store_const",
        dest="optimizer",
        const=OPTIMIZERS,
        default=argparse.SUPPRESS,
        help="race all optimizers, each at its best rate",
    )
    _add_folds(race, "race K times and choose by the mean loss on the rows that are held out")
    _add_output(parser, "print the best lane alone")


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("problem", metavar="FILE", help="a table; - is CSV on standard input")
    data = options_of(RunSettings, Scope.FILES, Scope.ROWS).items()
    names = {name for name, one in data if one.group == "data" or one.scope is Scope.FILES}
    add_options(parser, names=names)


def _add_id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help=RUN_ID)


def _add_ids(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help=RUN_ID)


def _add_resume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "id", nargs="?", metavar="ID", help=f"{RUN_ID} (the newest that can be continued)"
    )
    _add_screen(parser)


def _add_runs(parser: argparse.ArgumentParser) -> None:
    _flag(parser, "--json", "write one object")


def _add_export(parser: argparse.ArgumentParser) -> None:
    _add_id(parser)
    parser.add_argument(
        "kinds",
        nargs="*",
        metavar="KIND",
        help=f"{', '.join(KINDS)} (report losses weights script)",
    )
    parser.add_argument("--to", metavar="DIR", help="where to (a new folder named after the run)")
    _flag(
        parser,
        "--complete",
        "train the run again where test losses and gradient norms were not computed",
    )
    parser.add_argument("--lane", metavar="NAME", help="the lane of map and estimator (current)")
    parser.add_argument(
        "--estimator", metavar="FILE", help="only the lane as a scikit-learn estimator: .joblib"
    )


def _add_predict(parser: argparse.ArgumentParser) -> None:
    _add_id(parser)
    parser.add_argument(
        "file", metavar="FILE", help="the rows, in any format that training reads; - is stdin"
    )
    _flag(parser, "--proba", "of classes: print the probability of each as well")
    parser.add_argument(
        "--threshold",
        type=typed(readers.number(0, 1, above=True, below=True), "--threshold", "0.3"),
        metavar="P",
        help="of two classes: say the second where its probability is above P (0.5)",
    )
    _flag(parser, "--json", "write one JSON object, not CSV")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to (standard output)")
    parser.add_argument("--lane", metavar="NAME", help="the lane that predicts (current)")
    reading = options_of(RunSettings, Scope.FILES).items()
    of_rows = {name for name, one in reading if one.group == "reading a file"}
    add_options(parser, names=of_rows - {"dates", "skip_missing_target"})


def _add_lesson(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="LESSON", help="an id (gd-tui lessons) or a file")
    parser.add_argument("rest", nargs="*", metavar="...", help=argparse.SUPPRESS)
    parser.add_argument(
        "--from",
        dest="first",
        type=typed(readers.whole(1), "--from", "3"),
        metavar="N",
        help="start at step N",
    )
    parser.add_argument("--name", metavar="NAME", help="who learns; numbers are drawn from it")
    _flag(parser, "--csv", "of grade: write CSV")
    _add_language(parser)
    parser.epilog = LESSON_VERBS
    _add_screen(parser)


def _add_language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--lang", metavar="LANG", help="the language of the lesson, as de (that of the environment)"
    )


def _add_help(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="a command (the program)")
    _flag(parser, "--man", "print the manual page, for man -l -")


def _add_completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shell",
        metavar="SHELL",
        type=typed(readers.one_of(*SHELLS), "completion", "bash"),
        help="bash, zsh or fish",
    )
    parser.epilog = """\
for this shell:
  bash   eval "$(gd-tui completion bash)"
  zsh    eval "$(gd-tui completion zsh)"
  fish   gd-tui completion fish | source
"""


LIVE = Command(
    "", "[PROBLEM] [options]", "Gradient descent, live in a terminal", _add_interface, "live:main"
)
COMMANDS = (
    Command(
        "run",
        "[PROBLEM] [options]",
        "Train without an interface: print losses and a report",
        _add_run,
        "run:main",
    ),
    Command(
        "race",
        "[PROBLEM] [options]",
        "Race learning rates and list the loss that each ends with",
        _add_race,
        "race:main",
    ),
    Command(
        "check", "[PROBLEM] [options]", "Check the gradient numerically", add_options, "check:main"
    ),
    Command("problems", "", "List what can be named as PROBLEM", lambda _: None, "help:problems"),
    Command(
        "data",
        "FILE [options]",
        "Show the columns of a table and what is done to them",
        _add_data,
        "data:main",
    ),
    Command("lessons", "", "List the lessons", _add_language, "lesson:lessons"),
    Command(
        "lesson",
        "LESSON [options]",
        "Learn by predicting: play, check, hand in and grade lessons",
        _add_lesson,
        "lesson:lesson",
    ),
    Command("runs", "[--json]", "List the kept runs, last changed first", _add_runs, "runs:main"),
    Command("show", "ID", "Show the losses and the report of a kept run", _add_id, "show:main"),
    Command("rm", "ID ...", "Delete kept runs for good", _add_ids, "runs:remove"),
    Command(
        "resume",
        "[ID] [options]",
        "Continue a kept run in the interface",
        _add_resume,
        "live:resume",
    ),
    Command(
        "export", "ID [KIND ...] [options]", "Write a kept run as files", _add_export, "export:main"
    ),
    Command(
        "predict",
        "ID FILE [options]",
        "Predict from the rows of a file with the weights of a kept run",
        _add_predict,
        "export:predict",
    ),
    Command("share", "ID", "Print a kept run as one line that repeats it", _add_id, "export:share"),
    Command("help", "[COMMAND]", "Show the help of a command", _add_help, "help:main"),
    Command(
        "completion",
        "SHELL",
        "Print completions for bash, zsh or fish",
        _add_completion,
        "help:completion",
    ),
)


def tree() -> argparse.ArgumentParser:
    """Return the parser of the whole command line, with a sub-parser for every command.

    Completions and the manual page come from it. Its root has no PROBLEM, because argparse would
    take a command for the problem.
    """
    root = argparse.ArgumentParser(prog="gd-tui", description=LIVE.summary)
    add_options(root, names=options_of(RunSettings).keys() - {"problem"})
    _add_no_store(root)
    _add_screen(root)
    commands = root.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        parser = commands.add_parser(
            command.name, help=command.summary, description=command.summary
        )
        command.add(parser)
    return root


def find_command(words: list[str]) -> tuple[Command, list[str]]:
    """Return the command that words name, and the words that follow it."""
    for command in COMMANDS:
        if words and words[0] == command.name:
            return command, words[1:]
    return LIVE, words
