"""Runs the interface and, when it is left, prints where the run stands."""

import sys
from typing import TYPE_CHECKING

from tui_gd.settings import RunSettings
from tui_gd.ui.app import GdApp
from tui_gd.ui.beginning import Beginning
from tui_gd.ui.terminal import Terminal

if TYPE_CHECKING:
    from tui_gd.ui.screens.run import RunScreen

# Python hands the interpreter lock over every 5 ms by default: too slow for a key to be answered
# while another thread computes flat out
SWITCH_SECONDS = 0.001


def run_interface(settings: RunSettings, terminal: Terminal, beginning: Beginning) -> int:
    """Run the interface until it is left; return the exit status."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    app = GdApp(settings, terminal, beginning=beginning)
    try:
        app.run()
    finally:
        sys.setswitchinterval(usual)
        if app.run_screen and app.run_screen.runner:
            app.run_screen.runner.stop()
            app.run_screen.put_away()
    if app.fault:
        print(f"gd-tui: {app.fault}", file=sys.stderr)
        return 2
    if app.return_code:
        return app.return_code
    return _summary(app.run_screen) if app.run_screen else 0


def _summary(screen: "RunScreen") -> int:
    """Print a line about the run and its report, which stay in the terminal's scrollback."""
    runner = screen.runner
    if runner is None:
        return 0
    from tui_gd.report import print_reports, reports_of

    if runner.failure:
        raise runner.failure
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
    if screen.kept_id is not None:
        print(f"gd-tui: kept as {screen.kept_id} (gd-tui resume {screen.kept_id})")
    return 0
