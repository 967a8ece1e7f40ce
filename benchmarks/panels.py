"""How long one frame of every panel takes at 120×35, with 1 lane and with 64.

`python benchmarks/panels.py` prints the median and the 90th percentile in ms and the median as a
share of the budget of 5 ms: of every panel's drawing, of the key of its study, of the observer's
snapshot, and of the whole screen at 120×40, all in one process. The run is the usual one on
`blobs`, by default after 300 epochs; of 64 lanes the learning rates are spread evenly over five
decades. Every frame shows another epoch; the studies are those of the first. Times are the
thread's own computing times, which other programs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from tui_gd.learning.engine import Interrupted, computing
from tui_gd.learning.models import Predictor
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import UNICODE
from tui_gd.session.commands import LookAt
from tui_gd.session.observer import Observer
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.ui.panels.board import Board
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.panels.race import RacePanel
from tui_gd.ui.studies import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROWS, COLUMNS = 35, 120
BUDGET_MS = 5.0
LANES = (1, 64)
EPOCHS_A_FRAME = 7


class Frames(NamedTuple):
    """Views of a run at some epochs, and the times of taking their snapshots, in ms."""

    views: list[View]
    took: list[float]


class Times(NamedTuple):
    """Median and 90th percentile, in ms."""

    median: float
    ninetieth: float


def settings_of(lanes: int, problem: str, hidden: tuple[int, ...]) -> RunSettings:
    """The usual run, or one with learning rates from 1e-6 to 1e-1."""
    rates = (0.001,) if lanes == 1 else tuple(np.geomspace(1e-6, 1e-1, lanes).tolist())
    return RunSettings(problem=problem, alpha=rates, seed=1, hidden=hidden)


def frames_of(settings: RunSettings, epochs: int, count: int) -> Frames:
    """Train, and look at `count` epochs from `epochs` on."""
    problem = settings.load_problem()
    settings = replace(settings, loss=settings.loss_for(problem))
    trainer = settings.make_trainer(problem)
    trainer.record_norms()
    predictor = Predictor(trainer.model, problem.task)
    observer = Observer(trainer, predictor)
    trainer.current = trainer.lanes[len(trainer.lanes) // 2].number
    observer.look = LookAt(early=True)  # which a logarithmic axis of epochs needs
    views, took = [], []

    def taken() -> Snapshot:
        return observer.snapshot(
            state=RunState.RUNNING,
            epochs=2 * epochs,
            epochs_per_second=1e4,
            pace=None,
            seed=1,
            notice="",
        )

    with computing(), np.errstate(all="ignore"):
        trainer.advance(epochs)
        taken()
        for _ in range(count):
            begin = time.thread_time()
            snapshot = taken()
            took.append((time.thread_time() - begin) * 1e3)
            views.append(
                View(
                    snapshot,
                    problem,
                    predictor,
                    settings,
                    Style(palette_for("truecolor", True), UNICODE),
                    trainer.engines.make,
                )
            )
            trainer.advance(EPOCHS_A_FRAME)
    return Frames(views, took)


def make_study(panel: Panel, view: View) -> None:
    """Do what the panel wants computed."""
    found = panel.study(view)
    if found is None:
        return
    key = found.key
    try:
        with computing():
            result = found.compute(Progress(lambda part: panel.take(key, part)))
    except Interrupted:
        return
    panel.take(key, result)


def times_of(call: Callable[[View], Any], views: Sequence[View]) -> Times:
    """Time a call on every view, the first of which does not count."""
    took = []
    with np.errstate(all="ignore"):
        for view in views:
            begin = time.thread_time()
            call(view)
            took.append((time.thread_time() - begin) * 1e3)
    return summary(took[1:])


def summary(took: list[float]) -> Times:
    """Median and 90th percentile."""
    return Times(statistics.median(took), float(np.percentile(took, 90)))


def variants(panel: Panel, view: View) -> Iterator[str]:
    """Put the panel into each of the ways in which it can be drawn, one after the other."""
    board = Board()
    yield panel.NAME
    if panel.NAME == board.loss.NAME:
        panel.log_axis = True
        yield "loss, log"
        panel.log_epochs = True
        yield "loss, log, log epochs"
        panel.log_axis = panel.log_epochs = False
        panel.smooth()
        yield "loss, smoothed"
        panel.log_axis = True
        yield "loss, smoothed, log"
        panel.restore()
        panel.begin_cursor(view)
        yield "loss, smoothed, log, cursor"
        panel.end_cursor()
    elif panel.NAME == board.landscape.NAME:
        panel.begin_cursor(view)
        yield "landscape, cursor"
        panel.end_cursor()
        panel._choose(())
        make_study(panel, view)
        yield "landscape, principal"
    elif isinstance(panel, RacePanel):
        panel.start("optimizers", view)
        make_study(panel, view)
        yield "race, optimizers"


def panel_times(frames: Frames, only: set[str]) -> dict[str, Times]:
    """Time every panel's drawing, and the keys of its studies."""
    found: dict[str, Times] = {}
    first = frames.views[0]
    board = Board()
    for panel in board.panels:
        if only and panel.NAME not in only:
            continue
        panel.draw(first, ROWS, COLUMNS)
        make_study(panel, first)
        if panel.study(first) is not None:
            found[f"  study key of {panel.NAME}"] = times_of(panel.study, frames.views)
        for name in variants(panel, first):
            found[name] = times_of(
                lambda view, one=panel: one.draw(view, ROWS, COLUMNS), frames.views
            )
    if not only or "why" in only:
        make_study(board.why, first)
        found["verdict"] = times_of(board.why.verdict, frames.views)
    return found


async def screen_times(settings: RunSettings, frames: Frames, panels: Sequence[str]) -> Times:
    """Time the screen from a snapshot until what has changed is composed."""
    from tui_gd.ui.app import GdApp
    from tui_gd.ui.context import Context
    from tui_gd.ui.terminal import Terminal

    app = GdApp(settings, Context(Terminal("truecolor", UNICODE, 15.0)))
    took: list[float] = []
    async with app.run_test(size=(120, 40)) as pilot:
        while app.run_screen is None or app.run_screen.run.runner is None:
            await pilot.pause(0.05)
        screen, runner = app.run_screen, app.run_screen.run.runner
        for name in panels:
            screen.show_panel(name)
        await pilot.pause(0.3)
        runner.stop()
        for view in frames.views:
            runner.snapshot = view.snapshot
            done = asyncio.Event()
            begin = time.thread_time()
            screen._draw(screen.view)
            screen.call_after_refresh(done.set)
            await done.wait()
            took.append((time.thread_time() - begin) * 1e3)
            while any(one.group == "study" and not one.is_finished for one in app.workers):
                await asyncio.sleep(0.01)
            await pilot.pause(0.01)
    return summary(took[1:])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("panels", nargs="*", help="only these (default: all, and the screen)")
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--problem", default="blobs")
    parser.add_argument("--hidden", type=int, nargs="*", default=())
    options = parser.parse_args()
    found: list[dict[str, Times]] = []
    for lanes in LANES:
        settings = settings_of(lanes, options.problem, tuple(options.hidden))
        frames = frames_of(settings, options.epochs, options.frames)
        one = {"observer's snapshot": summary(frames.took[1:])}
        one |= panel_times(frames, set(options.panels))
        if not options.panels:
            for shown in (
                ("loss", "data", "report", "step"),
                ("loss", "landscape", "why", "lanes"),
            ):
                name = f"screen: {' '.join(shown)}"
                one[name] = asyncio.run(screen_times(settings, frames, shown))
        found.append(one)
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, {COLUMNS}x{ROWS} cells, {options.problem} after {options.epochs} epochs")
    print("ms: median, 90th percentile, and the median as a share of 5 ms")
    print(f"{'':<34}" + "".join(f"{f'{lanes} lanes':>26}" for lanes in LANES))
    for name in dict.fromkeys(name for one in found for name in one):
        cells = "".join(
            f"{one[name].median:10.2f}{one[name].ninetieth:8.2f}{one[name].median / BUDGET_MS:8.2f}"
            if name in one
            else " " * 26
            for one in found
        )
        print(f"{name:<34}{cells}", flush=True)


if __name__ == "__main__":
    main()
