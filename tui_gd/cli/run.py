"""`gd-tui run`: the tutorial's lines, the report, and the run as JSON."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TextIO

import numpy as np

from tui_gd.cli.export import open_shared
from tui_gd.cli.options import given_options, is_line, output_of, settings_of
from tui_gd.cli.signals import Leave, leaving
from tui_gd.errors import OutputError, ProblemError
from tui_gd.files import WholeFile
from tui_gd.learning.engine import Interrupted, computing
from tui_gd.problems import Problem
from tui_gd.runs.document import as_document
from tui_gd.runs.record import check_number
from tui_gd.runs.recorder import Recorder, to_stderr
from tui_gd.runs.resume import resume
from tui_gd.runs.steps import Shared, replay
from tui_gd.runs.store import Store
from tui_gd.session.report import print_reports, reports_of
from tui_gd.session.settings import OutputSettings, RunSettings, flag_of
from tui_gd.training.bursts import Bursts, Every
from tui_gd.training.series import LEAST_DENSE_EPOCHS
from tui_gd.training.trainer import Trainer

# training is let go on for about this long between two looks at what is to be printed
PRINT_SECONDS = 0.1
KEEP_SECONDS = 0.4


class Output:
    """A stream whose errors are said in one line; one that was closed takes nothing."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write, or raise `OutputError`; a pipe that broke stays a `BrokenPipeError`."""
        self._do(lambda stream: stream.write(text))

    def flush(self) -> None:
        """Have everything written out."""
        self._do(lambda stream: stream.flush())

    def _do(self, what: Callable[[TextIO], object]) -> None:
        try:
            if self._stream is not None:
                what(self._stream)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"to standard output: {error.strerror}") from None


def main(options: argparse.Namespace) -> int:
    """Train a new run, a stored one or that of a share line; return the exit status."""
    output = output_of(options)
    if options.resume is not None:
        given = given_options(options)
        for name in given.keys() - {"epochs"}:
            what = flag_of(name) if name != "problem" else given[name]
            raise ProblemError(f"--resume: a stored run has its options; leave {what} out")
        return train_on(options.resume, given.get("epochs"), output)
    shared = open_shared(options) if is_line(options.problem) else None
    settings = shared.settings if shared else settings_of(options)
    return train(settings, output, keep=not options.no_store, shared=shared)


def train(
    settings: RunSettings,
    output: OutputSettings,
    *,
    keep: bool = True,
    shared: Shared | None = None,
) -> int:
    """Train, print and write what `output` says; return the exit status, 1 if diverged.

    With `keep` the run is in the run store from its first epoch on. A `shared` run, whose settings
    these are, is repeated and then goes on to its last epoch.
    """
    with writing(output) as file:
        problem = settings.load_problem()
        whole = output.json is not None
        trainer = settings.make_trainer(
            problem, test_losses=whole, bounded=not whole and shared is None
        )
        if problem.hints:
            to_stderr("; ".join(problem.hints))
        recorder = Recorder(settings, problem) if keep else None
        last = settings.epochs if shared is None else max(settings.epochs, shared.epoch)
        going = Going(settings, problem, trainer, last, recorder, shared)
        return _finish(going, output, file)


def train_on(name: str, epochs: int | None, output: OutputSettings) -> int:
    """Go on with the kept run of that id as `train` does, to epoch `epochs` or as far as it was to.

    A run that was at its end is only reported, unless `epochs` is later.
    """
    with writing(output) as file, Store() as store:
        whole = output.json is not None
        if whole:
            kept = store.find(name)
            check_number(kept.newest, f"go on with run {kept.id} without --json")
        resumed = resume(store, name, test_losses=whole, bounded=not whole)
        with resumed:
            epoch, state = resumed.trainer.epoch, resumed.kept.state
            if epochs is not None and epochs < epoch:
                raise ProblemError(
                    f"-e {epochs}: run {resumed.id} is at epoch {epoch} already; name a later one"
                )
            if resumed.note:
                to_stderr(resumed.note)
            last = epochs or (epoch if state in {"finished", "diverged"} else resumed.goal)
            recorder = resumed.recorder(goal=max(last, resumed.goal))
            settings = resumed.settings
            if "cosine" not in settings.schedule and "one-cycle" not in settings.schedule:
                settings = replace(settings, epochs=last)  # as an uninterrupted run would have it
            going = Going(settings, resumed.problem, resumed.trainer, last, recorder)
            return _finish(going, output, file)


@dataclass(frozen=True, eq=False)
class Going:
    """A run that goes to epoch `last`, the steps of `shared` being done on the way."""

    settings: RunSettings
    problem: Problem
    trainer: Trainer
    last: int
    recorder: Recorder | None
    shared: Shared | None = None


@contextmanager
def writing(output: OutputSettings) -> Iterator[WholeFile | None]:
    """Give the file that `output` names; without a call of its `write` it is left as it was."""
    file = WholeFile(output.json, "--json") if output.json not in {None, "-"} else None
    try:
        yield file
    finally:
        if file:
            file.discard()


def _finish(run: Going, output: OutputSettings, file: WholeFile | None) -> int:
    out = Output(sys.stderr if output.json == "-" else sys.stdout)
    settings, problem, trainer = run.settings, run.problem, run.trainer
    begin = time.perf_counter()
    _train_kept(run, None if output.quiet else out)
    seconds = time.perf_counter() - begin
    if not output.quiet:
        if trainer.stopped:
            print(f"[INFO] stopped after {trainer.epoch} epochs: {trainer.stopped}", file=out)
        print("[INFO] evaluating...", file=out)
    reports = reports_of(trainer, problem)
    print_reports(trainer, reports, out)
    if output.json:
        _fill(trainer)
        document = as_document(settings, problem, trainer, reports, seconds)
        text = json.dumps(document, allow_nan=False) + "\n"
        if file:
            file.write(text)
        else:
            Output(sys.stdout).write(text)
    out.flush()
    if trainer.diverged.all():
        epoch = max(lane.diverged or 0 for lane in trainer.lanes)
        print(
            f"gd-tui: diverged: after epoch {epoch} a number is no longer finite; try a smaller -a",
            file=sys.stderr,
        )
        return 1
    return 0


def _fill(trainer: Trainer) -> None:
    """Compute again the losses of a resumed run that were not kept, or not wanted then."""
    wanted = [trainer.losses, *([trainer.test_losses] if len(trainer.problem.y_test) else [])]
    ends = [lane.recorded if lane.diverged is None else lane.diverged for lane in trainer.lanes]
    if any(np.isnan(losses(i)[: end + 1]).any() for losses in wanted for i, end in enumerate(ends)):
        epoch = trainer.epoch
        to_stderr(f"computing {epoch} epochs again: not all of their losses were kept")
        trainer.back(epoch)
        trainer.finish_tests()
        trainer.advance(epoch)


def _train_kept(run: Going, out: Output | None) -> None:
    """Train, and have the run kept as far as it comes, whatever ends it."""
    recorder, trainer = run.recorder, run.trainer
    if recorder is None:
        _train(run, out, Leave(trainer))
        return
    word: str | None = "interrupted"
    whole = False
    try:
        with leaving(trainer) as leave:
            _train(run, out, leave)
        whole, word = True, _word(run)
        if leave.signal:
            word = "paused"
    except (BrokenPipeError, OutputError):
        whole, word = True, "paused"  # nobody reads on: it stands between two epochs
        raise
    except KeyboardInterrupt:
        word = "paused"  # asked twice: perhaps in the midst of an epoch
        raise
    finally:
        recorder.close(trainer if whole else None, word)
    if leave.signal:
        if recorder.id and not recorder.fault:
            to_stderr(f"kept as {recorder.id} (gd-tui run --resume {recorder.id})")
        leave.go()


def _word(run: Going) -> str:
    if run.trainer.diverged.all():
        return "diverged"
    at_end = run.trainer.epoch >= run.last or run.trainer.stopped
    return "finished" if at_end else "paused"


def _train(run: Going, out: Output | None, leave: Leave) -> None:
    trainer, epochs, recorder = run.trainer, run.last, run.recorder
    time_to_keep = Every(KEEP_SECONDS)
    with computing(), suppress(Interrupted):
        if run.shared:
            replay(trainer, run.shared)
            if out:
                _print_epochs(trainer, 0, out)
        if trainer.stopped:
            return
        before = trainer.epoch
        # what is printed must be on record
        bursts = Bursts(trainer, PRINT_SECONDS, LEAST_DENSE_EPOCHS)
        for epoch in bursts.to(epochs, lambda: not leave.signal):
            if recorder and epoch < epochs and time_to_keep():
                recorder.take(trainer, "running", None)
            if out:
                _print_epochs(trainer, before, out)
            before = epoch


def _print_epochs(trainer: Trainer, before: int, out: Output) -> None:
    """Print the epochs from `before` on as the tutorial does: 1 and every fifth.

    Its `epoch=N` prints the loss before its Nth update: the one after N − 1 epochs.
    """
    several = len(trainer.lanes) > 1
    losses = [trainer.losses_between(i, before, trainer.epoch) for i in range(len(trainer.lanes))]
    for epoch in range(before + 1, trainer.epoch + 1):
        if epoch == 1 or epoch % 5 == 0:
            for lane, values in zip(trainer.lanes, losses, strict=True):
                alpha = f", alpha={lane.rates[0][1]:g}" if several else ""
                print(
                    f"[INFO] epoch={epoch}, loss={values[epoch - 1 - before]:.7f}{alpha}", file=out
                )
    out.flush()
