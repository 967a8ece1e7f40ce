"""Runs the interface and, when it is left, prints where the run stands."""

import os
import platform
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from tui_gd import __version__
from tui_gd.settings import RunSettings
from tui_gd.ui.app import GdApp
from tui_gd.ui.beginning import Beginning
from tui_gd.ui.keys import ACTIONS, Action
from tui_gd.ui.leaving import leaving
from tui_gd.ui.terminal import Terminal

if TYPE_CHECKING:
    from tui_gd.ui.screens.run import RunScreen

# Python hands the interpreter lock over every 5 ms by default: too slow for a key to be answered
# while another thread computes flat out
SWITCH_SECONDS = 0.001
FAULT = "gd-tui: this is a fault of gd-tui: please report it, with the lines above"


def run_interface(
    settings: RunSettings,
    terminal: Terminal,
    beginning: Beginning,
    actions: Sequence[Action] = ACTIONS,
) -> int:
    """Run the interface until it is left; return the exit status."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    app = GdApp(settings, terminal, beginning=beginning, actions=actions)
    saving = threading.Lock()

    def save() -> None:
        with saving:
            if app.run_screen and app.run_screen.runner:
                app.run_screen.runner.stop()
                app.run_screen.put_away()

    with leaving(app, save) as app.way_out:
        try:
            app.run()
        finally:
            sys.setswitchinterval(usual)
            app.way_out.left()
            save()
        if app.way_out.signal:
            _end(app, 128 + app.way_out.signal)
        if app.fault:
            print(f"gd-tui: {app.fault}", file=sys.stderr)
            return 2
        if app.return_code:
            print(FAULT, file=sys.stderr)
            _say_where_kept(app.run_screen)
            return app.return_code
        return _summary(app.run_screen) if app.run_screen else 0


def _end(app: GdApp, status: int) -> NoReturn:
    """End the process now: what is still to be printed may have nowhere to go."""
    with suppress(OSError, ValueError):
        _say_where_kept(app.run_screen)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _say_where_kept(screen: "RunScreen | None") -> None:
    kept = screen.kept_id if screen else None
    if kept is not None:
        print(f"gd-tui: kept as {kept} (gd-tui resume {kept})")


def _report_failure(screen: "RunScreen", failure: BaseException) -> int:
    """Say what went wrong in the training, with all that a report of it needs."""
    traceback.print_exception(failure, file=sys.stderr)
    print(
        f"gd-tui {__version__}, Python {platform.python_version()}, {platform.platform()}",
        file=sys.stderr,
    )
    print(FAULT, file=sys.stderr)
    _say_where_kept(screen)
    return 1


def _summary(screen: "RunScreen") -> int:
    """Print a line about the run and its report, which stay in the terminal's scrollback."""
    runner = screen.runner
    if runner is None:
        return 0
    if runner.failure:
        return _report_failure(screen, runner.failure)
    from tui_gd.report import print_reports, reports_of

    trainer, settings = runner.trainer, screen.settings
    snapshot = runner.snapshot
    lane = snapshot.lane
    position = trainer.position(lane.number)
    assert position is not None
    print(
        f"gd-tui: {settings.problem}, {lane.loss_name}, seed {snapshot.seed}:"
        f" epoch {trainer.epoch}, loss {trainer.loss[position]:.8g},"
        f" alpha {lane.learning_rate:g}"
    )
    print_reports(trainer, reports_of(trainer, screen.problem), sys.stdout)
    _say_where_kept(screen)
    return 0
