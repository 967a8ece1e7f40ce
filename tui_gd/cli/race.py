"""A race without an interface: how every learning rate ended, as a table and as JSON."""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tui_gd import __version__
from tui_gd.cli.run import Output
from tui_gd.errors import ProblemError
from tui_gd.files import WholeFile
from tui_gd.insight.race import RaceResult, rates_around
from tui_gd.problems import Problem
from tui_gd.runs.document import about_problem, plain_numbers
from tui_gd.session.race import (
    DECADES,
    DECADES_EACH,
    RATES,
    RATES_EACH,
    hold_race,
    race_settings,
)
from tui_gd.session.settings import OutputSettings, RunSettings

MOST_RATES = 4096
_NONE = "-"


@dataclass(frozen=True)
class RaceOptions:
    """How many learning rates race over how many decades; None is what is usual."""

    count: int | None = None
    decades: float | None = None


def add_race_options(parser: argparse.ArgumentParser) -> None:
    """Add what a race has beside the options of a run."""
    options = parser.add_argument_group("race")
    options.add_argument(
        "--count",
        type=_number_from(1, MOST_RATES, "--count 64", int),
        metavar="N",
        help=f"learning rates around -a, evenly on a logarithmic scale"
        f" ({RATES}; of several optimizers {RATES_EACH} each)",
    )
    options.add_argument(
        "--decades",
        type=_number_from(0, 100, "--decades 3", float),
        metavar="X",
        help=f"powers of ten they span ({DECADES:g}; of several optimizers {DECADES_EACH:g})",
    )
    options.add_argument(
        "--optimizers", action="store_true", help="race all optimizers, each at its best rate"
    )
    options.add_argument("--json", metavar="FILE", help="write it as one object; - is stdout")
    options.add_argument("--quiet", action="store_true", help="print the best lane alone")


def _number_from(
    low: float, high: float, example: str, kind: Callable[[str], float]
) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = math.nan
        if not (low <= number <= high and number > 0):
            what = "a whole number from 1" if kind is int else "a number above 0"
            raise argparse.ArgumentTypeError(f"{text!r} is not {what} to {high}; try {example}")
        return number

    return read


def hold(settings: RunSettings, output: OutputSettings, options: RaceOptions) -> int:
    """Race, print and write what `output` says; return the exit status, 1 if all diverged."""
    file = WholeFile(output.json, "--json") if output.json not in {None, "-"} else None
    try:
        return _hold_and_write(settings, output, options, file)
    finally:
        if file:
            file.discard()


def _hold_and_write(
    settings: RunSettings, output: OutputSettings, options: RaceOptions, file: WholeFile | None
) -> int:
    for option in ("target_loss", "gradient_norm", "patience"):
        if getattr(settings, option) is not None:
            raise ProblemError(f"--{option.replace('_', '-')} stops a run: leave it out of a race")
    out = Output(sys.stderr if output.json == "-" else sys.stdout)
    problem = settings.load_problem()
    raced = race_settings(
        settings,
        _rates(settings, options),
        settings.optimizer,
        loss=settings.loss_for(problem),
        epochs=settings.epochs,
    )
    # one lane's trainer has the start that a run with these settings would have
    first = replace(settings, alpha=raced.alpha[:1], optimizer=raced.optimizer[:1])
    weights = first.make_trainer(problem, test_losses=False).weights[0].copy()
    begin = time.perf_counter()
    result = hold_race(raced, problem, weights)
    seconds = time.perf_counter() - begin
    current = settings.alpha[0] if len(settings.alpha) == 1 else math.nan
    lines = [_best_line(result)] if output.quiet else table_lines(result, current)
    out.write("\n".join(lines) + "\n")
    if output.json:
        text = json.dumps(as_document(settings, problem, result, seconds), allow_nan=False) + "\n"
        if file:
            file.write(text)
        else:
            Output(sys.stdout).write(text)
    out.flush()
    if result.best is None:
        print("gd-tui: diverged: all learning rates did; try a smaller -a", file=sys.stderr)
        return 1
    return 0


def _rates(settings: RunSettings, options: RaceOptions) -> list[float]:
    """Return the rates around the one of `-a`, or exactly those of it where it names several."""
    if len(settings.alpha) > 1:
        if options.count is not None or options.decades is not None:
            raise ProblemError("--count and --decades are for one -a: several race as they are")
        return list(settings.alpha)
    several = len(settings.optimizer) > 1
    usual = (RATES_EACH, DECADES_EACH) if several else (RATES, DECADES)
    count = usual[0] if options.count is None else options.count
    decades = usual[1] if options.decades is None else options.decades
    return [float(rate) for rate in rates_around(settings.alpha[0], count, decades)]


def table_lines(result: RaceResult, current: float) -> list[str]:
    """Return the race as lines: each lane; of several optimizers each at its best rate."""
    start = f"start loss {result.begin:.8g}"
    lines = [f"[INFO] {len(result.rates)} lanes, {result.done} epochs, {start}"]
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    if len(result.contenders) > 1:
        header = ("optimizer", "alpha", "train loss", "test loss", "within 1 %", "note")
        rows = [
            (
                one.optimizer,
                _shown(one.rate, ".6g"),
                _shown(one.train_loss, ".8g"),
                _shown(one.test_loss, ".8g"),
                _NONE if one.near is None else f"epoch {one.near}",
                "all diverged" if one.lane is None else result.note(one.lane, current),
            )
            for one in result.contenders
        ]
    else:
        header = ("alpha", "train loss", "test loss", "note")
        rows = [
            (
                _shown(rate, ".6g"),
                _shown(result.train[lane], ".8g"),
                _shown(result.test[lane], ".8g"),
                result.note(lane, current),
            )
            for lane, rate in enumerate(result.rates.tolist())
        ]
    lines += _aligned([header, *rows])
    band = result.diverging_band
    if band:
        lines.append(f"diverging: alpha from {band[0]:g} to {band[1]:g}")
    return [*lines, _best_line(result)]


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Return rows as lines: all columns to the right but the last, which is to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [
                *(f"{text:>{wide}}" for text, wide in zip(row[:-1], widths, strict=False)),
                row[-1],
            ]
        ).rstrip()
        for row in rows
    ]


def _shown(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else _NONE


def _best_line(result: RaceResult) -> str:
    if result.best is None:
        return "best: none, all diverged"
    name = f", optimizer={result.optimizers[result.best]}" if len(result.contenders) > 1 else ""
    test = result.test[result.best]
    tested = "" if math.isnan(test) else f", test_loss={test:.8g}"
    loss = result.train[result.best]
    edge = " (at the edge of the range)" if result.at_edge(result.best) else ""
    return f"best: alpha={result.rates[result.best]:g}{name}, loss={loss:.8g}{tested}{edge}"


def as_document(
    settings: RunSettings, problem: Problem, result: RaceResult, seconds: float
) -> dict[str, Any]:
    """Return a race as one object of plain values; losses are those after the last epoch."""
    train, test = plain_numbers(result.train), plain_numbers(result.test)
    return {
        "version": __version__,
        "config": {
            **settings.as_dict(),
            "alpha": list(dict.fromkeys(result.rates.tolist())),
            "loss": settings.loss_for(problem),
        },
        "problem": about_problem(problem),
        "epochs": result.done,
        "start_loss": result.begin if math.isfinite(result.begin) else None,
        "lanes": [
            {
                "alpha": rate,
                "optimizer": result.optimizers[lane],
                "train_loss": train[lane],
                "test_loss": test[lane],
                "diverged": int(result.diverged[lane]) if result.diverged[lane] >= 0 else None,
                "ended_higher": bool(result.ended_higher[lane]),
            }
            for lane, rate in enumerate(result.rates.tolist())
        ],
        "best": result.best,
        "diverging_band": result.diverging_band,
        "seconds": seconds,
    }
