"""`gd-tui run`: the tutorial's lines, the report, the run as JSON; cross-validation."""

import argparse
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tui_gd import __version__
from tui_gd.cli.export import open_shared
from tui_gd.cli.options import OutputSettings, given_options, is_line, settings_of
from tui_gd.cli.output import (
    Document,
    Output,
    load_folds,
    load_problem,
    loading,
    progress,
)
from tui_gd.errors import MachinesLost, OutputError, ProblemError
from tui_gd.learning.engine import Interrupted, computing
from tui_gd.problems import Problem
from tui_gd.runs.recipe import Shared, replay
from tui_gd.runs.record import check_number
from tui_gd.runs.recorder import Recorder, to_stderr
from tui_gd.runs.resume import resume
from tui_gd.runs.store import Store
from tui_gd.session.observer import state_of
from tui_gd.session.options import MACHINES, flag_of
from tui_gd.session.report import (
    ClassificationReport,
    Report,
    about_problem,
    as_document,
    explosion,
    plain_numbers,
    print_reports,
    reports_of,
)
from tui_gd.session.settings import RunSettings
from tui_gd.session.weights import plain_number
from tui_gd.training.bursts import (
    Bursts,
    Every,
    SideBySide,
    StopRequest,
    receiving,
    stop_on_signals,
)
from tui_gd.training.series import LEAST_DENSE_EPOCHS
from tui_gd.training.trainer import Trainer

PRINT_SECONDS = 0.1
"""Lines are printed after bursts of epochs that take about this long."""
STORE_SECONDS = 0.4
SHOWN = {
    "train_loss": "train loss",
    "test_loss": "test loss",
    "accuracy": "accuracy",
    "roc_auc": "ROC AUC",
    "r2": "R²",
    "rmse": "RMSE",
}
"""Those scores of a fold that its line shows, and their names there."""


def main(options: argparse.Namespace) -> int:
    """Train a new run, a kept one or that of a share line; return the exit status."""
    output = OutputSettings(options.json, options.quiet)
    if options.folds is not None:
        return cross_validate(_settings_of_folds(options), output, options.folds)
    if options.resume is not None:
        given = given_options(options)
        for name in given.keys() - {"epochs", *MACHINES}:
            what = flag_of(name) if name != "problem" else given[name]
            raise ProblemError(f"--resume: a kept run has its options; leave {what} out")
        machines = {name: given[name] for name in MACHINES if name in given}
        return resume_run(options.resume, given.get("epochs"), output, machines)
    shared = open_shared(options) if is_line(options.problem) else None
    settings = shared.settings if shared else settings_of(options)
    return train(settings, output, keep=not options.no_store, shared=shared)


def _settings_of_folds(options: argparse.Namespace) -> RunSettings:
    """Return the settings of a cross-validation; `ProblemError` for options it cannot have."""
    if options.resume is not None or is_line(options.problem):
        raise ProblemError("--folds: a run that has begun is not cross-validated; name a problem")
    given = given_options(options)
    for name in ("test", "test_size"):
        if name in given:
            raise ProblemError(
                f"--folds: every row is tested on in one of the folds: leave {flag_of(name)} out"
            )
    settings = settings_of(options)
    if len(settings.alpha) > 1 or len(settings.optimizer) > 1:
        raise ProblemError("--folds trains one lane in each fold: name one -a and one --optimizer")
    return settings


@dataclass(frozen=True, eq=False)
class Fold:
    """A trained fold: its rows, where it ended, and its scores on the test rows.

    `weights` are those that count; see `Trainer.best`. `least_epoch` is the epoch of the least loss
    on the validation rows, which is `best_epoch` then, or else on the test rows. `diverged` is as
    in a lane.
    """

    train_rows: int
    validation_rows: int
    test_rows: int
    alpha: float
    l2: float
    epochs: int
    best_epoch: int
    least_epoch: int
    diverged: int | None
    exploded: bool
    scores: dict[str, float]
    weights: list[float]


def scores_of(trainer: Trainer, report: Report) -> dict[str, float]:
    """Return the scores of the weights that count; NaN if one cannot be computed.

    These are the losses on train, validation and test rows, accuracy, ROC AUC and log loss of
    classes, and R² and the root mean squared error of a regression.
    """
    loss, weights = trainer.lanes[0].methods[0].loss, trainer.best_of(0).weights[None]
    engines = {"train_loss": trainer.engines.train, "test_loss": trainer.engines.test}
    if trainer.validates:
        engines["validation_loss"] = trainer.engines.validation
    with computing():
        scores = {name: float(make(loss).loss(weights)[0]) for name, make in engines.items()}
    if isinstance(report, ClassificationReport):
        scores["accuracy"] = float(report.table["accuracy"])
        return scores | {
            name: report.scores.get(name, math.nan) for name in ("roc_auc", "log_loss")
        }
    names = {"r2": "r2", "rmse": "root mean squared error"}
    return scores | {name: float(report.table[measure]) for name, measure in names.items()}


def cross_validate(settings: RunSettings, output: OutputSettings, folds: int) -> int:
    """Train and test `folds` times, print the scores, their mean and spread; return the status.

    Every fold is a run of its own: its own train rows prepare its columns and choose its learning
    rate. Small ones are trained side by side, which changes no bit. The spread is the standard
    deviation, `sqrt(mean (score − mean)²)`. The status is 1 if a fold diverged or exploded. No run
    is kept. An interrupt prints what the finished folds say, or if none is finished and some were
    side by side, what these say at the epoch where all of them stopped.
    """
    begin = time.perf_counter()
    with closing(Document(output.json)) as document:
        out, quiet = document.text_output, output.quiet
        found: list[Fold] = []
        cut = 0  # of them, those that a signal stopped
        try:
            for group in _groups(settings, load_folds(settings, folds)):
                problem = group[-1].trainer.problem
                if not found:
                    _say_folds(settings, group[0].trainer.problem, folds, None if quiet else out)
                request = _train(group, len(found), folds)
                if request.signal and found:
                    request.leave()  # a mean of finished folds and of others would say nothing
                for run in group:
                    found.append(run.result())
                    cut += not run.ended
                    if not quiet:
                        _print_fold(len(found) - 1, found[-1], out)
                if request.signal:
                    request.leave()
        except (KeyboardInterrupt, SystemExit):
            if found:
                _summarize(found, out, header=quiet)
            words = f"interrupted: {len(found) - cut} of {folds} folds finished"
            if cut:
                epoch = max(fold.epochs for fold in found)
                words += f", {cut} stopped together at epoch {epoch}"
            to_stderr(words)
            raise
        numbers = _summarize(found, out, header=quiet)
        if document.wanted:
            seconds = time.perf_counter() - begin
            document.write(_folds_document(settings, problem, found, numbers, seconds))
        out.flush()
    if bad := [str(i + 1) for i, one in enumerate(found) if one.diverged is not None]:
        to_stderr(f"diverged: in fold {', '.join(bad)}; try a smaller -a")
    elif bad := [str(i + 1) for i, one in enumerate(found) if one.exploded]:
        to_stderr(f"exploded: in fold {', '.join(bad)}; try -a auto, or a smaller -a")
    return 1 if bad else 0


def _say_folds(settings: RunSettings, problem: Problem, folds: int, out: Output | None) -> None:
    """Say how the folds are made, and what the first of them chose."""
    if out:
        if words := settings.choice(settings.resolved(problem)):
            print(f"[INFO] {words}", file=out)
        kind = "stratified by class, " if problem.class_names else ""
        print(f"[INFO] {folds} folds, {kind}split seed {settings.split_seed}", file=out)
        rows = "validation" if len(problem.y_validation) else "test"
        print(f"[INFO] best: the epoch of the least {rows} loss; std: ddof=0", file=out)
    if remarks := settings.remarks(problem):
        to_stderr("; ".join(remarks))


def _print_header(fold: Fold, out: Output) -> None:
    names = "".join(f" {SHOWN[name]:>10}" for name in fold.scores if name in SHOWN)
    print(f"fold {'train':>7} {'test':>7} {'epochs':>7} {'best':>6}{names}", file=out)


def _print_fold(number: int, fold: Fold, out: Output) -> None:
    if number == 0:
        _print_header(fold, out)
    counts = f"{fold.train_rows:>7} {fold.test_rows:>7} {fold.epochs:>7} {fold.least_epoch:>6}"
    print(f"{number + 1:>4} {counts}{_cells(fold.scores)}", file=out)
    out.flush()


def _summarize(found: list[Fold], out: Output, *, header: bool) -> dict[str, dict[str, float]]:
    """Print and return mean and standard deviation of the scores over the folds."""
    if header:
        _print_header(found[0], out)
    names = list(found[0].scores)
    each = np.array([[fold.scores[name] for name in names] for fold in found])
    epochs = np.array([[fold.epochs, fold.least_epoch] for fold in found])
    numbers = {}
    for word, take in (("mean", np.mean), ("std", np.std)):
        with np.errstate(all="ignore"):  # scores of a fold that diverged may be too large
            numbers[word] = dict(zip(names, take(each, axis=0).tolist(), strict=True))
        done, best = take(epochs, axis=0).tolist()
        print(f"{word:>4} {'':>15} {done:>7.1f} {best:>6.1f}{_cells(numbers[word])}", file=out)
    out.flush()
    return numbers


def _cells(scores: Mapping[str, float]) -> str:
    return "".join(f" {_cell(score):>10}" for name, score in scores.items() if name in SHOWN)


def _cell(score: float) -> str:
    if math.isnan(score):
        return "-"
    return f"{score:.4f}" if 1e-3 <= abs(score) < 1e5 or score == 0.0 else f"{score:.4g}"


def _folds_document(
    settings: RunSettings,
    problem: Problem,
    found: list[Fold],
    numbers: dict[str, dict[str, float]],
    seconds: float,
) -> dict[str, Any]:
    """Return a cross-validation as one object of plain values."""
    about = about_problem(problem)

    def plain(scores: dict[str, float]) -> dict[str, float | None]:
        return {name: plain_number(score) for name, score in scores.items()}

    folds = [
        {
            **asdict(one),
            "scores": plain(one.scores),
            "weights": plain_numbers(np.array(one.weights)),
        }
        for one in found
    ]
    return {
        "version": __version__,
        "config": {**settings.as_dict(), "loss": settings.loss_for(problem)},
        "problem": {name: about[name] for name in ("name", "task", "features", "classes")},
        "folds": folds,
        **{word: plain(scores) for word, scores in numbers.items()},
        "seconds": seconds,
    }


@dataclass(frozen=True, eq=False)
class FoldRun:
    """The run of a fold, with its own choices in the settings."""

    settings: RunSettings
    trainer: Trainer

    @property
    def ended(self) -> bool:
        """Whether the run has come to its end."""
        trainer = self.trainer
        at_end = trainer.epoch >= self.settings.epochs or trainer.stopped
        return bool(at_end or trainer.diverged.all())

    def result(self) -> Fold:
        """Return where the run stands, with its scores."""
        trainer, problem = self.trainer, self.trainer.problem
        (report,) = reports_of(trainer)
        best, least = trainer.best_of(0), trainer.best_of(0).epoch
        if not trainer.validates:
            least, _ = trainer.history.test_loss.least(0, trainer.epoch + 1)
        return Fold(
            train_rows=problem.train_rows,
            validation_rows=problem.validation_rows,
            test_rows=problem.test_rows,
            alpha=self.settings.alpha[0],
            l2=self.settings.ridge,
            epochs=trainer.epoch,
            best_epoch=best.epoch,
            least_epoch=least,
            diverged=trainer.lanes[0].diverged,
            exploded=bool(explosion(trainer, [report])),
            scores=scores_of(trainer, report),
            weights=best.weights.tolist(),
        )


def _groups(settings: RunSettings, problems: Iterable[Problem]) -> Iterator[list[FoldRun]]:
    """Yield the runs of the folds in order, those as one group that can be side by side."""
    group: list[FoldRun] = []
    for problem in problems:
        own = settings.resolved(problem)
        trainer = own.make_trainer(problem, test_losses=not len(problem.y_validation), bounded=True)
        run = FoldRun(own, trainer)
        if group and not _together([*group, run]):
            yield group
            group = []
        group.append(run)
        if not _together([*group, run]):  # no room for another: prepare it after the training
            yield group
            group = []
    if group:
        yield group


def _together(runs: list[FoldRun]) -> bool:
    """Whether the runs can be trained side by side, each with its own learning rate and l2."""
    kinds = {replace(run.settings, alpha=(), l2=0.0) for run in runs}
    return len(kinds) == 1 and SideBySide.possible([run.trainer for run in runs])


def _train(group: list[FoldRun], before: int, folds: int) -> StopRequest:
    """Train the runs; a signal stops several in order, all that go on at one epoch."""
    first, last, epochs = before + 1, before + len(group), group[0].settings.epochs
    with ExitStack() as stack:
        trainer: Trainer | SideBySide = group[0].trainer
        what, request = f"fold {first} of {folds}", StopRequest(trainer)
        if len(group) > 1:
            trainer = SideBySide([run.trainer for run in group])
            what, request = f"folds {first} to {last} of {folds}", StopRequest(trainer)
            stack.enter_context(receiving(request.receive))
        show = stack.enter_context(progress(what, "epochs"))
        stack.enter_context(computing())
        for epoch in Bursts(trainer, PRINT_SECONDS).to(epochs, lambda: not request.signal):
            show(epoch, epochs)
    return request


def train(
    settings: RunSettings,
    output: OutputSettings,
    *,
    keep: bool = True,
    shared: Shared | None = None,
) -> int:
    """Train a new run and report on it; return the exit status, 1 if every lane diverged.

    With `keep`, the run is stored from its first epoch on. A `shared` run, which has these
    settings, is repeated and then continues to its last epoch.
    """
    with closing(Document(output.json)) as document, ExitStack() as stack:
        problem = load_problem(settings)
        stack.callback(problem.close)
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
        run = HeadlessRun(settings, trainer, last, recorder, shared)
        return run.finish(document, quiet=output.quiet)


def resume_run(
    name: str,
    epochs: int | None,
    output: OutputSettings,
    machines: Mapping[str, Any] | None = None,
) -> int:
    """Continue a kept run as `train` does, to epoch `epochs` or to its own last epoch.

    Settings in `machines` replace the run's own; they change no bit of the result.

    If a run has reached its end, this only reports on it, unless `epochs` is later.
    """
    with closing(Document(output.json)) as document, Store() as store:
        kept = store.find(name)
        if document.wanted:
            check_number(kept.newest, f"go on with run {kept.id} without --json")
        with loading(kept.problem) as show:
            found = resume(
                store,
                name,
                test_losses=document.wanted,
                bounded=not document.wanted,
                show=show,
                machines=machines,
            )
        with found as resumed, closing(resumed.problem):
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
            run = HeadlessRun(settings, resumed.trainer, last, recorder)
            return run.finish(document, quiet=output.quiet)


@dataclass(frozen=True, eq=False)
class HeadlessRun:
    """A run without an interface that trains to epoch `last`, repeating `shared` on the way."""

    settings: RunSettings
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
            if trainer.problem.parts and (words := trainer.problem.parts.words()):
                print(f"[INFO] {words}", file=out)
            if trainer.stopped:
                print(f"[INFO] stopped after {trainer.epoch} epochs: {trainer.stopped}", file=out)
            print("[INFO] evaluating...", file=out)
        reports = reports_of(trainer)
        print_reports(trainer, reports, out)
        if document.wanted:
            _recompute_missing_losses(trainer)
            document.write(as_document(self.settings, trainer, reports, seconds))
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
            between_epochs = True
            state = "paused" if request.signal else str(state_of(trainer, self.last))
        except MachinesLost as lost:
            between_epochs, state = True, "paused"
            if recorder.id:
                raise MachinesLost(
                    f"{lost}: paused at epoch {trainer.epoch}, kept as {recorder.id}"
                    f" (gd-tui run --resume {recorder.id})"
                ) from None
            raise
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

    def _train(self, out: Output | None, request: StopRequest) -> None:
        trainer, recorder = self.trainer, self.recorder
        time_to_store = Every(STORE_SECONDS)
        # lines printed on the same terminal already show the progress
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
    """Compute the losses of a resumed run that were not kept."""
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

    The tutorial's `epoch=N` prints the loss before its Nth update, that is after N − 1 epochs.
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
