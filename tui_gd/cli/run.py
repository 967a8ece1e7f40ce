"""`gd-tui run`: the tutorial's lines, the report, and the run as JSON."""

import argparse
import time
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from tui_gd.cli.export import open_shared
from tui_gd.cli.options import given_options, is_line, output_of, settings_of
from tui_gd.cli.output import Document, Output, document_at, load_problem, progress
from tui_gd.cli.signals import StopRequest, stop_on_signals
from tui_gd.errors import OutputError, ProblemError
from tui_gd.learning.engine import Interrupted, computing
from tui_gd.problems import Problem
from tui_gd.runs.record import check_number
from tui_gd.runs.recorder import Recorder, to_stderr
from tui_gd.runs.resume import resume
from tui_gd.runs.steps import Shared, replay
from tui_gd.runs.store import Store
from tui_gd.session.report import as_document, explosion, print_reports, reports_of
from tui_gd.session.settings import OutputSettings, RunSettings, flag_of
from tui_gd.training.bursts import Bursts, Every
from tui_gd.training.series import LEAST_DENSE_EPOCHS
from tui_gd.training.trainer import Trainer

PRINT_SECONDS = 0.1
"""Lines are printed after bursts of epochs that take about this long."""
STORE_SECONDS = 0.4


def main(options: argparse.Namespace) -> int:
    """Train a new run, a kept one or that of a share line; return the exit status."""
    output = output_of(options)
    if options.resume is not None:
        given = given_options(options)
        for name in given.keys() - {"epochs"}:
            what = flag_of(name) if name != "problem" else given[name]
            raise ProblemError(f"--resume: a kept run has its options; leave {what} out")
        return resume_run(options.resume, given.get("epochs"), output)
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
    """Train a new run and report on it; return the exit status, 1 if every lane diverged.

    With `keep` the run is stored from its first epoch on. A `shared` run, whose settings these are,
    is repeated and then continues to its last epoch.
    """
    with document_at(output.json) as document:
        problem = load_problem(settings)
        chosen, settings = settings, settings.resolved(problem)
        if (words := chosen.choice(settings)) and not output.quiet:
            print(f"[INFO] {words}", file=document.text_output)
        trainer = settings.make_trainer(
            problem,
            test_losses=document.wanted,
            bounded=not document.wanted and shared is None,
        )
        if remarks := settings.remarks(problem):
            to_stderr("; ".join(remarks))
        last = shared.last_epoch if shared else settings.epochs
        recorder = Recorder(settings, problem, goal=last) if keep else None
        run = HeadlessRun(settings, problem, trainer, last, recorder, shared)
        return run.finish(document, quiet=output.quiet)


def resume_run(name: str, epochs: int | None, output: OutputSettings) -> int:
    """Continue a kept run as `train` does, to epoch `epochs` or to its own last epoch.

    A run that has reached its end is only reported, unless `epochs` is later.
    """
    with document_at(output.json) as document, Store() as store:
        if document.wanted:
            kept = store.find(name)
            check_number(kept.newest, f"go on with run {kept.id} without --json")
        with resume(
            store, name, test_losses=document.wanted, bounded=not document.wanted
        ) as resumed:
            epoch, state = resumed.trainer.epoch, resumed.kept.state
            if epochs is not None and epochs < epoch:
                raise ProblemError(
                    f"-e {epochs}: run {resumed.id} is at epoch {epoch} already; name a later one"
                )
            if resumed.note:
                to_stderr(resumed.note)
            at_end = state in {"finished", "diverged"} or resumed.trainer.stopped
            last = epochs or (epoch if at_end else resumed.goal)
            recorder = resumed.recorder(goal=max(last, resumed.goal))
            settings = resumed.settings
            if "cosine" not in settings.schedule and "one-cycle" not in settings.schedule:
                settings = replace(settings, epochs=last)  # as an uninterrupted run would have it
            run = HeadlessRun(settings, resumed.problem, resumed.trainer, last, recorder)
            return run.finish(document, quiet=output.quiet)


@dataclass(frozen=True, eq=False)
class HeadlessRun:
    """A run without an interface that trains to epoch `last`, repeating `shared` on the way."""

    settings: RunSettings
    problem: Problem
    trainer: Trainer
    last: int
    recorder: Recorder | None
    shared: Shared | None = None

    @property
    def seed(self) -> int | None:
        """The seed of the newest random start, None if the recorder knows it."""
        return self.shared.newest_seed if self.shared else None

    def finish(self, document: Document, *, quiet: bool) -> int:
        """Train, report and write the document; return the exit status."""
        out, trainer = document.text_output, self.trainer
        begin = time.perf_counter()
        self._train_and_store(None if quiet else out)
        seconds = time.perf_counter() - begin
        if not quiet:
            if trainer.stopped:
                print(f"[INFO] stopped after {trainer.epoch} epochs: {trainer.stopped}", file=out)
            print("[INFO] evaluating...", file=out)
        reports = reports_of(trainer, self.problem)
        print_reports(trainer, self.problem, reports, out)
        if document.wanted:
            _recompute_missing_losses(trainer)
            document.write(as_document(self.settings, self.problem, trainer, reports, seconds))
        out.flush()
        if trainer.diverged.all():
            epoch = max(lane.diverged or 0 for lane in trainer.lanes)
            to_stderr(
                f"diverged: after epoch {epoch} a number is no longer finite; try a smaller -a"
            )
            return 1
        if words := explosion(trainer, reports):
            to_stderr(words)
            return 1
        return 0

    def _train_and_store(self, out: Output | None) -> None:
        """Train, and keep the run as far as it gets, whatever ends it."""
        recorder, trainer = self.recorder, self.trainer
        if recorder is None:
            self._train(out, StopRequest(trainer))
            return
        state: str | None = "interrupted"
        between_epochs = False
        try:
            with stop_on_signals(trainer) as request:
                self._train(out, request)
            between_epochs, state = True, "paused" if request.signal else self._state()
        except (BrokenPipeError, OutputError):
            between_epochs, state = True, "paused"  # nobody reads the lines any more
            raise
        except KeyboardInterrupt:
            state = "paused"  # the second signal may have come during an epoch
            raise
        finally:
            recorder.close(trainer if between_epochs else None, state, self.seed)
        if request.signal:
            if recorder.id and not recorder.fault:
                to_stderr(f"kept as {recorder.id} (gd-tui run --resume {recorder.id})")
            request.leave()

    def _state(self) -> str:
        if self.trainer.diverged.all():
            return "diverged"
        at_end = self.trainer.epoch >= self.last or self.trainer.stopped
        return "finished" if at_end else "paused"

    def _train(self, out: Output | None, request: StopRequest) -> None:
        trainer, recorder = self.trainer, self.recorder
        time_to_store = Every(STORE_SECONDS)
        # lines that are printed on the same terminal show how far it is
        alone = out is None or not out.on_terminal
        with (
            progress("training", "epochs", visible=alone) as show,
            computing(),
            suppress(Interrupted),
        ):
            if self.shared:
                replay(trainer, self.shared)
                if out:
                    _print_epochs(trainer, 0, out)
                if trainer.stopped:
                    return
            before = trainer.epoch
            # what is printed must be on record
            bursts = Bursts(trainer, PRINT_SECONDS, LEAST_DENSE_EPOCHS)
            for epoch in bursts.to(self.last, lambda: not request.signal):
                if recorder and epoch < self.last and time_to_store():
                    recorder.take(trainer, "running", self.seed)
                if out:
                    _print_epochs(trainer, before, out)
                before = epoch
                show(epoch, self.last)


def _recompute_missing_losses(trainer: Trainer) -> None:
    """Compute the losses of a resumed run again that were not kept."""
    wanted = [trainer.losses, *([trainer.test_losses] if len(trainer.problem.y_test) else [])]
    wanted += [trainer.validation_losses] if trainer.validates else []
    ends = [lane.recorded if lane.diverged is None else lane.diverged for lane in trainer.lanes]
    if any(np.isnan(losses(i)[: end + 1]).any() for losses in wanted for i, end in enumerate(ends)):
        epoch = trainer.epoch
        to_stderr(f"computing {epoch} epochs again: some of their losses were not kept")
        trainer.back(epoch)
        trainer.finish_tests()
        trainer.advance(epoch)


def _print_epochs(trainer: Trainer, before: int, out: Output) -> None:
    """Print the epochs after `before` as the tutorial does: the first and every fifth.

    The tutorial's `epoch=N` prints the loss before its Nth update, which is after N − 1 epochs.
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
