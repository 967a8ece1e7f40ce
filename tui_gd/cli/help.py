"""`gd-tui help`, `problems` and `completion`: what the command line knows about itself."""

import argparse
import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tui_gd import __version__
from tui_gd.cli.options import (
    COMMANDS,
    ENVIRONMENT,
    EXAMPLES,
    EXIT_STATUSES,
    KINDS,
    LIVE,
    SHELLS,
    tree,
)
from tui_gd.errors import ProblemError, did_you_mean
from tui_gd.problems import TITLES
from tui_gd.session.options import options_of
from tui_gd.session.settings import RunSettings


def main(options: argparse.Namespace) -> int:
    """Print the help of a command, or of the program; with --man print the manual page."""
    if options.man:
        print("\n".join(_manual_lines()))
        return 0
    if options.command is None:
        LIVE.parser().print_help()
        return 0
    for command in COMMANDS:
        if command.name == options.command:
            command.parser().print_help()
            return 0
    names = [command.name for command in COMMANDS]
    hint = did_you_mean(options.command, names)
    raise ProblemError(f"unknown command {options.command!r}{hint or ': ' + ', '.join(names)}")


def problems(_: argparse.Namespace) -> int:
    """Print the possible values of PROBLEM; return the exit status."""
    for name, title in TITLES.items():
        print(f"{name:<{24 if ':' in name else 16}}{title}")
    return 0


def completion(options: argparse.Namespace) -> int:
    """Print the completions for a shell; return the exit status."""
    import shtab

    root = tree()
    _say_what_completes(root)
    names = " ".join(TITLES)
    zsh_names = names.replace(":", "\\:")
    preamble: Any = {
        "bash": f"_gd_tui_problems() {{ compgen -W '{names}' -- $1; compgen -f -- $1; }}",
        "zsh": "_gd_tui_problems() {"
        f" _alternative 'problems:problem:({zsh_names})' 'files:file:_files' }}",
    }
    print(shtab.complete(root, options.shell, preamble=preamble))
    return 0


def _say_what_completes(parser: argparse.ArgumentParser) -> None:
    """Tell shtab how to complete the options of a parser and of its sub-parsers."""
    import shtab

    names = {name: one.reader.names for name, one in options_of(RunSettings).items()}
    problem = {
        "bash": "_gd_tui_problems",
        "zsh": "_gd_tui_problems",
        "fish": f"(printf '%s\\n' {' '.join(TITLES)}; __fish_complete_path (commandline -ct))",
    }
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _say_what_completes(command)
        elif action.metavar == "PROBLEM":
            action.complete = problem  # type: ignore[attr-defined]
        elif action.metavar in {"FILE", "FILE.npy"}:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar == "DIR":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.metavar == "KIND":
            action.choices = KINDS
        elif action.metavar == "SHELL":
            action.choices = SHELLS
        elif action.dest == "command":
            action.choices = [command.name for command in COMMANDS]
        elif names.get(action.dest):
            action.choices = names[action.dest]


def versions() -> str:
    """Return what a bug report needs: versions and the terminal; imports no library for it."""
    lines = [f"gd-tui {__version__}"]
    lines.append(
        f"Python {platform.python_version()} ({platform.python_implementation()},"
        f" {platform.system()} {platform.machine()}, {os.cpu_count()} cores)"
    )
    for package in ("numpy", "scikit-learn", "textual", "rich", "plotext", "pyarrow"):
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            version = "is not installed"
        blas = f" ({_blas()})" if package == "numpy" else ""
        lines.append(f"{package} {version}{blas}")
    shown = ("TERM", "COLORTERM", "TERM_PROGRAM", "NO_COLOR", "LANG")
    named = ("SSH_CONNECTION", "TMUX", "STY")  # their values are private
    found = [f"{name}={os.environ[name]}" for name in shown if os.environ.get(name)]
    found += [name for name in named if os.environ.get(name)]
    lines.append(" ".join(["terminal", _size(), *found]))
    return "\n".join(lines)


def _blas() -> str:
    """Return numpy's BLAS, read from numpy's files: importing numpy takes 0.1 s."""
    spec = find_spec("numpy")
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        try:
            text = (Path(place) / "__config__.py").read_text(encoding="utf-8")
        except OSError:
            continue
        if found := re.search(r'"blas": \{\s*"name": "([^"]*)".*?"version": "([^"]*)"', text, re.S):
            return f"{found[1]} {found[2]}"
    return "BLAS unknown"


def _size() -> str:
    for stream in (sys.stdout, sys.stderr, sys.stdin):
        try:
            columns, rows = os.get_terminal_size(stream.fileno())
        except (AttributeError, OSError, ValueError):
            continue
        return f"{columns}x{rows}"
    return "none"


# The manual page


def _manual_lines() -> Iterator[str]:
    """Yield the manual page in roff, made from the same parsers as the help."""
    yield f'.TH GD-TUI 1 "" "gd-tui {__version__}" "User Commands"'
    yield ".SH NAME\ngd-tui \\- gradient descent, live in a terminal"
    yield ".SH SYNOPSIS\n.B gd-tui\n[\\fIPROBLEM\\fR] [\\fIoptions\\fR]"
    for command in COMMANDS:
        yield f".br\n.B gd-tui {_roff(command.name)}\n{_roff(command.usage)}"
    yield ".SH DESCRIPTION"
    yield "Trains a model by gradient descent while the terminal draws the loss, the data with the"
    yield "decision boundary, the loss landscape and the arithmetic of the current step. Without a"
    yield "terminal on standard output it trains as \\fBgd-tui run\\fR does."
    yield ".SH OPTIONS"
    yield from _manual_options(LIVE.parser())
    yield ".SH COMMANDS"
    seen = {tuple(action.option_strings) for action in LIVE.parser()._actions}
    for command in COMMANDS:
        yield f".SS gd-tui {_roff(command.name)} {_roff(command.usage)}"
        yield f"{_roff(command.summary)}."
        parser = command.parser()
        if any(tuple(action.option_strings) not in seen for action in parser._actions):
            yield from _manual_options(parser, seen)
        if {"--alpha"} & set(parser._option_string_actions):
            yield ".PP\nThe options of a run, above, as well."
    yield ".SH ENVIRONMENT"
    for name, about in ENVIRONMENT.items():
        yield f".TP\n.B {_roff(name)}\n{_roff(about)}"
    yield ".SH EXIT STATUS"
    for status, about in EXIT_STATUSES.items():
        yield f".TP\n.B {status}\n{_roff(about)}"
    yield ".SH EXAMPLES\n.nf"
    yield from (_roff(line) for line in EXAMPLES.splitlines()[1:])
    yield ".fi"


def _manual_options(
    parser: argparse.ArgumentParser, seen: set[tuple[str, ...]] | None = None
) -> Iterator[str]:
    for group in parser._action_groups:
        actions = [
            action
            for action in group._group_actions
            if not action.option_strings or tuple(action.option_strings) not in (seen or set())
        ]
        if not actions:
            continue
        if group.title not in {"positional arguments", "options"}:
            yield f".PP\n\\fI{_roff(str(group.title))}\\fR"
        for action in actions:
            value = f" \\fI{_roff(str(action.metavar))}\\fR" if action.metavar else ""
            flags = ", ".join(f"\\fB{_roff(flag)}\\fR{value}" for flag in action.option_strings)
            about = (action.help or "") % {"prog": "gd-tui"}
            yield f".TP\n{flags or value.strip()}\n{_roff(about) or '.'}"


def _roff(text: str) -> str:
    """Return text in a form that roff prints unchanged."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)
