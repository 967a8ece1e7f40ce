"""`gd-tui` and `gd-tui resume`: the interface, or its replacement without a terminal."""

import argparse
import os
import sys
from typing import TYPE_CHECKING

from tui_gd.cli.options import OutputSettings, given_options, is_line, settings_of
from tui_gd.errors import ProblemError

if TYPE_CHECKING:
    from tui_gd.ui.context import Context
    from tui_gd.ui.terminal import Terminal


def main(options: argparse.Namespace) -> int:
    """Show a new run, or the run of a share line; return the exit status."""
    if options.version:
        from tui_gd.cli.help import versions

        print(versions())
        return 0
    shared = None
    if is_line(options.problem):
        from tui_gd.cli.export import open_shared

        shared = open_shared(options)
    settings = shared.settings if shared else settings_of(options)
    keep = not options.no_store
    if options.plain:
        from tui_gd.cli.plain import begin

        return begin(settings, keep=keep, shared=shared, as_json=options.json)
    terminal = terminal_for(options)
    if terminal is None:
        from tui_gd.cli.run import train

        return train(settings, OutputSettings(), keep=keep, shared=shared)
    from tui_gd.ui.context import Beginning
    from tui_gd.ui.start import run_interface

    beginning = Beginning(keep=keep, shared=shared, tour=_offers_tour(options))
    return run_interface(settings, context_for(options, terminal), beginning)


def _offers_tour(options: argparse.Namespace) -> bool:
    """Whether to offer the tour: at the very first start, with no option but a seed."""
    from tui_gd.runs.database import store_path

    others = set(given_options(options)) - {"seed"}
    return not (others or options.no_store or options.ascii or store_path().exists())


def resume(options: argparse.Namespace) -> int:
    """Continue a kept run; return the exit status."""
    from tui_gd.runs.identity import check_files
    from tui_gd.runs.store import Store

    # before any screen appears
    with Store() as store:
        run = store.latest_resumable() if options.id is None else store.find(options.id)
    if run.locked_by:
        raise ProblemError(f"run {run.id} is locked by {run.locked_by}: close it there first")
    check_files(run.id, run.identity)
    if options.plain:
        from tui_gd.cli.plain import go_on

        return go_on(run.id, as_json=options.json)
    terminal = terminal_for(options)
    if terminal is None:
        from tui_gd.cli.run import resume_run

        return resume_run(run.id, None, OutputSettings())
    from tui_gd.runs.resume import settings_of as settings_of_run
    from tui_gd.ui.context import Beginning
    from tui_gd.ui.start import run_interface

    beginning = Beginning(keep=True, kept=run.id)
    return run_interface(settings_of_run(run), context_for(options, terminal), beginning)


def context_for(options: argparse.Namespace, terminal: "Terminal") -> "Context":
    """Return what all screens share: from the command line, else the file, else last time."""
    from tui_gd.ui.context import Context, read_preferences, read_view, view_path
    from tui_gd.ui.terminal import light_by_name

    preferences, path = read_preferences(), view_path()
    view, fault = read_view(path)
    theme = options.theme or preferences.theme or view.theme
    return Context(
        terminal,
        preferences.actions,
        dark=theme != "light" if theme else not light_by_name(os.environ),
        preferences=preferences,
        ask_ground=theme is None,
        mouse=preferences.mouse and not options.no_mouse,
        view=view,
        view_path=path,
        notes=(fault,) if fault else (),
    )


def terminal_for(options: argparse.Namespace) -> "Terminal | None":
    """Return the terminal, made ready; if it cannot show the interface, say why and return None.

    `textual serve` names a driver of Textual that draws in a browser through pipes.
    """
    # Textual paints at the next tick, of which there are this many a second: the answer to a key
    # waits for half a tick on average. Textual reads the number when it is imported.
    os.environ.setdefault("TEXTUAL_FPS", "120")
    from tui_gd.ui.terminal import Terminal, in_front, missing

    if options.json:
        raise ProblemError("--json goes with --plain; gd-tui run --json FILE writes a whole run")
    if os.environ.get("TEXTUAL_DRIVER") and not (sys.stdout and sys.stdout.isatty()):
        return Terminal.in_browser(os.environ, plain=options.ascii, fps=options.fps)
    why = missing(os.environ)
    if why is not None or sys.stdout is None or not sys.stdout.isatty():
        if why is not None:
            typed = sys.stdin is not None and sys.stdin.isatty()
            hint = " (--plain takes commands)" if typed else ""
            print(f"gd-tui: {why}: training without an interface{hint}", file=sys.stderr)
        return None
    if sys.stdin is None or not sys.stdin.isatty():
        raise ProblemError(
            "standard input is not a terminal, which the interface needs: use gd-tui run,"
            " or --plain"
        )
    if not in_front(sys.stdin.fileno()):
        raise ProblemError(
            "the terminal belongs to another program: use gd-tui run in the background"
        )
    return Terminal.of(os.environ, sys.stdout.encoding, plain=options.ascii, fps=options.fps)
