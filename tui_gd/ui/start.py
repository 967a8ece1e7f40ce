"""Runs the interface; when a person leaves it, prints where the run stands."""

import gc
import os
import platform
import sys
import threading
import traceback
from contextlib import redirect_stdout, suppress
from typing import TYPE_CHECKING, NoReturn

from tui_gd import __version__
from tui_gd.errors import MachinesLost, ProblemError
from tui_gd.session.settings import RunSettings
from tui_gd.ui.app import GdApp, leaving
from tui_gd.ui.context import Beginning, Context, write_view

if TYPE_CHECKING:
    from tui_gd.session.report import Report
    from tui_gd.training.trainer import Trainer
    from tui_gd.ui.screens.run import RunScreen

# Python passes the interpreter lock on every 5 ms by default, which delays the answer to a key
# while another thread computes flat out
SWITCH_SECONDS = 0.0003
# the report on the way out may delay it by this many seconds
REPORT_SECONDS = 0.2
FAULT = "gd-tui: this is a fault of gd-tui: please report it, with the lines above"


def run_interface(settings: RunSettings, context: Context, beginning: Beginning) -> NoReturn:
    """Run the interface until a person leaves it, then end the process with its exit status."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    # otherwise a collection of garbage, which nothing interrupts, visits all that was imported:
    # with scikit-learn that takes as long as several frames
    context.settled = gc.freeze
    app = GdApp(settings, context, beginning)
    saving = threading.Lock()

    def save() -> None:
        with saving:
            screen = app.run_screen
            if screen and screen.run.runner:
                screen.run.runner.stop()
                screen.run.put_away()
            if screen and context.view_path:
                write_view(context.view_path, screen.last_view)

    with leaving(app, save) as app.way_out:
        try:
            app.run(mouse=context.mouse)
        finally:
            sys.setswitchinterval(usual)
            app.way_out.left()
            save()
        # behind `textual serve`, standard output belongs to the browser
        with redirect_stdout(sys.stdout if sys.stdout.isatty() else sys.stderr):
            status = _last_words(app)
        _end(status)


def _last_words(app: GdApp) -> int:
    """Print what should stay in the terminal; return the exit status."""
    number = app.way_out.signal if app.way_out else 0
    try:
        if number:
            _say_where_kept(app.run_screen)
        elif app.return_value:
            print(f"gd-tui: {app.return_value}", file=sys.stderr)
            return 2
        elif app.return_code:
            print(FAULT, file=sys.stderr)
            _say_where_kept(app.run_screen)
            return app.return_code
        elif app.run_screen:
            return _summary(app.run_screen)
    except (OSError, ValueError):
        pass  # the terminal is gone
    return 128 + number if number else 0


def _end(status: int) -> NoReturn:
    """End the process now.

    Python would wait for every thread that still loads or computes, and take a second to tear down
    the libraries. Everything worth keeping is already on the disk.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            if stream is not None:
                stream.flush()
    os._exit(status)


def _say_where_kept(screen: "RunScreen | None") -> None:
    """Print the id of the kept run; if it could not be stored, print the line that repeats it."""
    if screen is None:
        return
    kept = screen.run.kept_id
    if screen.run.missing and screen.run.runner:
        print(f"gd-tui: {screen.run.missing}", file=sys.stderr)
        with suppress(ProblemError):
            from tui_gd.runs.record import RunRecord
            from tui_gd.runs.share import share_line

            checkpoint = screen.run.runner.trainer.checkpoint(screen.run.runner.snapshot.seed)
            line = share_line(RunRecord(screen.run.settings, screen.run.problem, checkpoint))
            print(f"gd-tui: this line repeats the run: gd-tui '{line}'")
    if kept is not None:
        print(f"gd-tui: kept as {kept} (gd-tui resume {kept})")


def _report_failure(screen: "RunScreen", failure: BaseException) -> int:
    """Say what went wrong in the training, with everything that a bug report needs."""
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
    runner = screen.run.runner
    if runner is None:
        return 0
    if runner.failure:
        return _report_failure(screen, runner.failure)
    from tui_gd.session.report import print_reports

    trainer, settings = runner.trainer, screen.run.settings
    snapshot = runner.snapshot
    lane = snapshot.lane
    position = trainer.position(lane.number)
    assert position is not None
    print(
        f"gd-tui: {settings.problem}, {lane.loss_name}, seed {snapshot.seed}:"
        f" epoch {trainer.epoch}, loss {trainer.loss[position]:.8g},"
        f" alpha {lane.learning_rate:g}"
    )
    reports = _reports(screen, trainer)
    if reports is not None:
        print_reports(trainer, reports, sys.stdout)
    _say_where_kept(screen)
    if reports is None:
        where = f": gd-tui show {screen.run.kept_id}" if screen.run.kept_id else ""
        print(f"gd-tui: the report takes longer{where}")
    return 0


def _reports(screen: "RunScreen", trainer: "Trainer") -> "list[Report] | None":
    """Return every lane's report; None if they take longer than a person wants to wait."""
    from tui_gd.session.report import reports_of

    known = screen.board.report.at_hand(trainer.best_of(0).weights)
    if known is not None and len(trainer.lanes) == 1:
        return [known]
    made: list[list[Report]] = []

    def make() -> None:
        with suppress(MachinesLost):  # then the store says where the run stands
            made.append(reports_of(trainer))

    making = threading.Thread(target=make, daemon=True)
    making.start()
    making.join(REPORT_SECONDS)
    return made[0] if made else None
