"""`gd-tui race`: how every learning rate ended, as a table and as JSON."""

import argparse
import math
import time
from contextlib import closing
from dataclasses import replace
from typing import Any

from tui_gd import __version__
from tui_gd.cli.options import settings_of
from tui_gd.cli.output import Document, load_folds, load_problem, progress
from tui_gd.errors import ProblemError
from tui_gd.insight.race import RaceResult, over_folds, rates_around, rounded
from tui_gd.problems import Problem
from tui_gd.problems.text import aligned
from tui_gd.runs.recorder import to_stderr
from tui_gd.session.options import STOPPING, flag_of, options_of
from tui_gd.session.report import about_problem, plain_numbers
from tui_gd.session.settings import DECADES, DECADES_EACH, RATES, RATES_EACH, RunSettings

_NONE = "-"


def main(options: argparse.Namespace) -> int:
    """Race, print and write as `options` say; return the exit status, 1 if all diverged."""
    with closing(Document(options.json)) as document:
        settings = settings_of(options)
        for name in settings.given():
            if options_of(settings)[name].group == STOPPING:
                raise ProblemError(f"{flag_of(name)} stops a run: leave it out of a race")
        folds = options.folds
        if folds is not None:
            _check_folds(settings)
        results, seconds = [], 0.0
        problems = load_folds(settings, folds) if folds else iter([load_problem(settings)])
        for number, problem in enumerate(problems):
            settings = settings.resolved(problem)  # the first fold chooses for all
            begin = time.perf_counter()
            what = f"racing, fold {number + 1} of {folds}" if folds else "racing"
            results.append(_race(settings, options, problem, what))
            seconds += time.perf_counter() - begin
        result = results[0] if folds is None else over_folds(results)
        current = settings.alpha[0] if len(settings.alpha) == 1 else math.nan
        lines = best_lines(result)[-1:] if options.quiet else table_lines(result, current)
        document.text_output.write("\n".join(lines) + "\n")
        if document.wanted:
            document.write(as_document(settings, problem, result, seconds))
        document.text_output.flush()
    if result.best is None:
        to_stderr("diverged: all learning rates did; try a smaller -a")
        return 1
    return 0


def _check_folds(settings: RunSettings) -> None:
    """Raise `ProblemError` for options that do not go with folds in a race."""
    for name in settings.given().keys() & {"test", "test_size", "validation_size"}:
        raise ProblemError(
            f"--folds: every row is held out in one of the folds: leave {flag_of(name)} out"
        )


def _race(
    settings: RunSettings, options: argparse.Namespace, problem: Problem, what: str
) -> RaceResult:
    raced = settings.of_race(
        _rates(settings, options),
        settings.optimizer,
        loss=settings.loss_for(problem),
        epochs=settings.epochs,
    )
    # a trainer of one lane draws the start that a run with these settings would have
    first = replace(settings, alpha=raced.alpha[:1], optimizer=raced.optimizer[:1])
    weights = first.make_trainer(problem, test_losses=False).weights[0].copy()
    with progress(what, "epochs") as show:
        return raced.race(problem, weights, show=lambda now: show(now.done, raced.epochs))


def _rates(settings: RunSettings, options: argparse.Namespace) -> list[float]:
    """Return rates around the one of `-a`, or exactly the rates of `-a` if there are several."""
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
    """Return the race as lines: each lane; with several optimizers, each at its best rate."""
    start = f"start loss {result.begin:.8g}"
    mean = f", mean of {result.folds} folds" if result.folds else ""
    lines = [f"[INFO] {len(result.rates)} lanes, {result.done} epochs, {start}{mean}"]
    held_out = f"{result.held_out} loss"
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    if len(result.contenders) > 1:
        header = ("optimizer", "alpha", "train loss", held_out, "within 1 %", "note")
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
        header = ("alpha", "train loss", held_out, "note")
        rows = [
            (
                _shown(rate, ".6g"),
                _shown(result.train[lane], ".8g"),
                _shown(result.test[lane], ".8g"),
                result.note(lane, current),
            )
            for lane, rate in enumerate(result.rates.tolist())
        ]
    lines += aligned([header, *rows], right=range(len(header) - 1))
    band = result.diverging_band
    if band:
        lines.append(f"diverging: alpha from {rounded(band[0])} to {rounded(band[1])}")
    return [*lines, *best_lines(result)]


def _shown(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else _NONE


def best_lines(result: RaceResult) -> list[str]:
    """Return the advised rate as the last line, after lanes that end lower."""
    advised = result.advised
    if advised is None:
        return ["best: none, all diverged"]
    lines = []
    if len(result.contenders) == 1:
        kinds = (
            ("least train loss", result.best, result.train),
            (f"least {result.held_out} loss", result.best_test, result.test),
        )
        lines = [
            f"{kind}: {_end_line(result, lane)}"
            for kind, lane, losses in kinds
            if lane is not None and not result.alike(losses, advised, lane)
        ]
    return [*lines, f"best: {_end_line(result, advised)}"]


def _end_line(result: RaceResult, lane: int) -> str:
    """Return a lane's rate and losses, and whether better or far worse rates may lie beyond."""
    name = f", optimizer={result.optimizers[lane]}" if len(result.contenders) > 1 else ""
    test = result.test[lane]
    tested = "" if math.isnan(test) else f", {result.held_out}_loss={test:.8g}"
    line = f"alpha={rounded(result.rates[lane])}{name}, loss={result.train[lane]:.8g}{tested}"
    notes = [result.beyond(lane)]
    if edge := result.edge(lane):
        notes.append(f"{edge}: race again with -a {rounded(result.rates[lane])}")
    said = "; ".join(note for note in notes if note)
    return f"{line} ({said})" if said else line


def as_document(
    settings: RunSettings, problem: Problem, result: RaceResult, seconds: float
) -> dict[str, Any]:
    """Return a race as one object of plain values; losses are those after the last epoch."""
    train, held_out = plain_numbers(result.train), plain_numbers(result.test)
    validated = result.held_out == "validation"
    return {
        "version": __version__,
        "config": {
            **settings.config(problem),
            "alpha": list(dict.fromkeys(result.rates.tolist())),
        },
        "problem": about_problem(problem),
        **({"folds": result.folds} if result.folds else {}),
        "epochs": result.done,
        "start_loss": result.begin if math.isfinite(result.begin) else None,
        "lanes": [
            {
                "alpha": rate,
                "optimizer": result.optimizers[lane],
                "train_loss": train[lane],
                "test_loss": None if validated else held_out[lane],
                **({"validation_loss": held_out[lane]} if validated else {}),
                "diverged": int(result.diverged[lane]) if result.diverged[lane] >= 0 else None,
                "ended_higher": bool(result.ended_higher[lane]),
            }
            for lane, rate in enumerate(result.rates.tolist())
        ],
        "best": result.best,
        "best_test": None if validated else result.best_test,
        **({"best_validation": result.best_test} if validated else {}),
        "advised": result.advised,
        "diverging_band": result.diverging_band,
        "seconds": seconds,
    }
