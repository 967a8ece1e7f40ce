"""A run under the control of words: what every command of the plain interface does."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from tui_gd.errors import ProblemError
from tui_gd.insight.explain import describe
from tui_gd.insight.verdict import Try
from tui_gd.learning import OPTIMIZERS
from tui_gd.learning.engine import Interrupted, computing
from tui_gd.learning.losses import POSSIBLE
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII
from tui_gd.problems import Problem
from tui_gd.problems.text import aligned, safe_text, whole_number
from tui_gd.runs.recorder import Recorder
from tui_gd.session import readers
from tui_gd.session.observer import Observer, state_of
from tui_gd.session.report import ClassificationReport, best_line, report_on
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.session.weights import plain_number
from tui_gd.training.bursts import Bursts, Every, StopRequest
from tui_gd.training.trainer import Trainer
from tui_gd.ui.keys import KeyNames, ladder
from tui_gd.ui.panels.changes import ChangesPanel
from tui_gd.ui.panels.data import DataPanel
from tui_gd.ui.panels.landscape import LandscapePanel
from tui_gd.ui.panels.lanes import LanesPanel
from tui_gd.ui.panels.lines import status_text
from tui_gd.ui.panels.loss import LossPanel
from tui_gd.ui.panels.network import NetworkPanel
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.panels.report import ReportPanel
from tui_gd.ui.panels.starts import StartsPanel
from tui_gd.ui.panels.step import StepPanel
from tui_gd.ui.panels.why import WhyPanel
from tui_gd.ui.studies import Progress


class WordError(Exception):
    """What is wrong with a command, in one line."""


@dataclass(frozen=True, slots=True)
class Word:
    """A command: its names, the usual one first, its argument, and what it does.

    `name` is also the name of the method of `PlainRun`. Of a command with an `argument`, the method
    takes it as text, which may be empty.
    """

    name: str
    short: tuple[str, ...]
    argument: str
    text: str


WORDS = (
    Word("step", (".",), "[N]", "N epochs forward, one if none is named; so does Enter alone"),
    Word("back", (",",), "[N]", "N epochs back, one if none is named"),
    Word("run", (), "[N]", "N epochs forward; without N up to the run's last epoch"),
    Word("goto", ("g",), "N", "go to epoch N"),
    Word("alpha", ("a",), "X", "learning rate from here on, a number, up or down"),
    Word(
        "branch",
        ("b",),
        "[X]",
        "copy the lane; X is the new one's learning rate, optimizer or loss",
    ),
    Word("lane", (), "NAME", "make another lane the current one"),
    Word("lanes", (), "", "every lane in a line"),
    Word("status", (), "", "where the run stands"),
    Word("verdict", (), "", "in words how training goes, and what to try"),
    Word("report", (), "[P]", "the report on the test rows; of two classes at a threshold P"),
    Word("describe", (), "[loss|test]", "a curve in three sentences: fall, knee, plateau"),
    Word("show", (), "PANEL", "all numbers of a panel of the interface, with all digits"),
    Word("race", ("R",), "[all|optimizers]", "race 64 learning rates from here: the best, or all"),
    Word("starts", ("S",), "", "hundreds of random starts: how many reach the bottom"),
    Word("reset", ("r",), "", "again from the same start"),
    Word("new", ("n",), "", "new random start"),
    Word("help", ("?",), "", "these lines"),
    Word("quit", ("q", "exit"), "", "leave; the run is kept"),
)


def find_word(text: str) -> Word:
    """Return the command of that name, or the one for that key of the interface.

    `WordError` if there is none.
    """
    for word in WORDS:
        if text.lower() == word.name or text in word.short:
            return word
    raise WordError(f"{safe_text(text)!r} is no command: help lists them")


def percent_of(text: str) -> int:
    """Read a threshold from 0.01 to 0.99 in hundredths; return how many hundredths it has."""
    for percent in range(1, 100):
        if text in {f"{percent / 100:.2f}", f"{percent / 100:g}"}:
            return percent
    raise WordError(f"{safe_text(text)!r} is not a threshold from 0.01 to 0.99: name one, as 0.35")


def whole(text: str, example: str) -> int:
    """Read a whole number from 0; `WordError` says what is wrong, and gives an example."""
    number = whole_number(text)
    if number is None:
        raise WordError(f"{safe_text(text)!r} is not a whole number from 0: name {example}")
    return number


def count(text: str) -> int:
    """Read a number of epochs from 1; no text means one."""
    number = whole(text, "a number of epochs, as 10") if text else 1
    if number == 0:
        raise WordError("'0' is not a number of epochs from 1")
    return number


# training goes on for about this long between two checks for a signal and for a time to keep
BURST_SECONDS = 0.1
KEEP_SECONDS = 0.4
ALL = "all"


AnyPanel = TypeVar("AnyPanel", bound=Panel)


class PlainRun:
    """A trainer and its current lane; every command's method returns the lines to print.

    `leave` holds the signal, if one has come; long work looks at it. `recorder`, if any, gets the
    run after every command and while it goes on. `epochs` is the last epoch wanted.
    """

    def __init__(
        self,
        settings: RunSettings,
        problem: Problem,
        trainer: Trainer,
        recorder: Recorder | None,
        *,
        epochs: int,
        seed: int,
    ) -> None:
        self.settings, self.problem, self.trainer = settings, problem, trainer
        self.epochs, self.seed = epochs, seed
        self.leave: StopRequest | None = None
        self.recorder = recorder
        self._predictor = trainer.predictor
        self.observer = Observer(trainer, self._predictor)
        self._bursts = Bursts(trainer, BURST_SECONDS)
        trainer.record_norms()

    def greeting(self) -> list[str]:
        """Return the lines that come first, after the status."""
        return []

    # The state of the run

    @property
    def state(self) -> RunState:
        """What the run is doing between two commands, in the words of the status line."""
        return state_of(self.trainer, self.epochs)

    def keep(self) -> None:
        """Keep the run as it is."""
        if self.recorder:
            self.recorder.take(self.trainer, str(self.state), self.seed, self.epochs)

    def snapshot(self) -> Snapshot:
        """Return the run as it is now."""
        self.trainer.finish_tests()
        return self.observer.snapshot(
            state=self.state, epochs=max(self.epochs, self.trainer.epoch), seed=self.seed
        )

    def status(self) -> list[str]:
        """Return the status line; the interface's has the same words in the same order."""
        now = self.snapshot()
        lines = [ASCII.spell(status_text(now, self.problem))]
        if self.trainer.stopped:
            lines.append(f"stopped: {self.trainer.stopped}")
        if now.state is RunState.DIVERGED:
            ended = max(one.diverged or 0 for one in now.lanes)
            lines.append(
                f"diverged: after epoch {ended} a number is no longer finite;"
                " go back, and on with the alpha that verdict names"
            )
        return lines

    def facts(self) -> dict[str, Any]:
        """Return the status as plain values; None for an unknown number."""
        now = self.snapshot()
        lane, outcome = now.lane, now.outcome
        return {
            "state": str(now.state),
            "epoch": now.epoch,
            "epochs": now.epochs,
            "lane": lane.name,
            "lanes": [one.name for one in now.lanes],
            "optimizer": lane.optimizer.name,
            "loss": lane.loss_name,
            "train_loss": plain_number(lane.loss),
            "test_loss": plain_number(lane.test_loss),
            "right": outcome.right if outcome else None,
            "rows": outcome.rows if outcome else None,
            "r2": plain_number(now.r2),
            "alpha": lane.learning_rate,
            **(
                {
                    "validation_loss": plain_number(lane.validation_loss),
                    "best_epoch": lane.best.epoch,
                }
                if lane.best is not None
                else {}
            ),
        }

    # Training

    def step(self, text: str) -> list[str]:
        """Go some epochs forward."""
        self._advance(count(text))
        return self.status()

    def run(self, text: str) -> list[str]:
        """Go some epochs forward, or to the last one; from there, as many epochs again."""
        at = self.trainer.epoch
        if text:
            goal = at + count(text)
        else:
            goal = self.epochs if at < self.epochs else at + self.settings.epochs
        self.epochs = max(self.epochs, goal)
        self._advance(goal - at)
        return self.status()

    def back(self, text: str) -> list[str]:
        """Go some epochs back."""
        epochs = count(text)
        if self.trainer.epoch == 0:
            return ["this is the first epoch", *self.status()]
        return self._go(max(0, self.trainer.epoch - epochs))

    def goto(self, text: str) -> list[str]:
        """Go to an epoch; compute it if it is not on record yet."""
        return self._go(whole(text, "an epoch, as goto 10"))

    def _go(self, epoch: int) -> list[str]:
        try:
            self.trainer.go_to_keyframe(epoch)
        except Interrupted:
            return self.status()
        self._advance(epoch - self.trainer.epoch)
        return self.status()

    def _advance(self, epochs: int) -> None:
        """Go forward until a signal asks to leave; keep the run from time to time."""
        goal, time_to_keep = self.trainer.epoch + epochs, Every(KEEP_SECONDS)
        # an interruption between two blocks of rows leaves it at its last whole epoch
        with suppress(Interrupted):
            for epoch in self._bursts.to(goal, lambda: not self._asked()):
                if self.recorder and epoch < goal and time_to_keep():
                    self.recorder.take(self.trainer, "running", self.seed, self.epochs)

    def _asked(self) -> bool:
        return self.leave is not None and self.leave.signal != 0

    def reset(self) -> list[str]:
        """Begin again from the same start."""
        self.trainer.reset()
        return self.status()

    def new(self) -> list[str]:
        """Begin again from another random start."""
        self.trainer.reset(self.seed + 1)
        self.seed += 1
        return [f"start of seed {self.seed}", *self.status()]

    # Learning rate and lanes

    def alpha(self, text: str) -> list[str]:
        """Set the learning rate of the current lane."""
        self.trainer.set_learning_rate(self._rate(text), self.observer.position)
        return self.status()

    def _rate(self, text: str) -> float:
        if text in {"up", "+", "down", "-"}:
            now = float(self.trainer.learning_rates[self.observer.position])
            return ladder(now, 1 if text in {"up", "+"} else -1) if 1e-300 < now < 1e300 else now
        try:
            return readers.number(0, above=True).typed(text)
        except ValueError:
            raise WordError(
                f"{safe_text(text)!r} is not a positive number: type one, as alpha 0.03"
            ) from None

    def branch(self, text: str) -> list[str]:
        """Copy the current lane into a new one, which becomes the current one."""
        optimizer = text if text in OPTIMIZERS else None
        loss = text if text in POSSIBLE[self.problem.task] else None
        rate = self._rate(text) if text and optimizer is None and loss is None else None
        new = self.trainer.branch(self.observer.position, rate, optimizer=optimizer, loss=loss)
        self.trainer.current = self.trainer.lanes[new].number
        return self.status()

    def lane(self, text: str) -> list[str]:
        """Make the lane of that name the current one."""
        names = [lane.name for lane in self.trainer.lanes]
        for wanted in (text, text.upper()):
            if wanted in names:
                self.trainer.current = self.trainer.lanes[names.index(wanted)].number
                return self.status()
        known = ", ".join(map(safe_text, names[:20])) + (", ..." if len(names) > 20 else "")
        raise WordError(f"{safe_text(text)!r} is no lane: there is {known}")

    def lanes(self) -> list[str]:
        """Describe every lane in a line."""
        now = self.snapshot()
        lines = []
        for i, lane in enumerate(now.lanes):
            ended = lane.diverged is not None and lane.diverged <= now.epoch
            test = "" if math.isnan(lane.test_loss) else f"  test {lane.test_loss:.7g}"
            lines.append(
                f"lane {safe_text(lane.name)}  {lane.optimizer.name}  {lane.loss_name}"
                f"  loss {lane.loss:#.8g}  alpha {lane.learning_rate:g}{test}"
                + (f"  diverged after epoch {lane.diverged}" if ended else "")
                + ("  current" if i == now.current else "")
            )
        return lines

    # Questions about the run

    def report(self, text: str) -> list[str]:
        """Report on the current lane's test rows, with the weights that count.

        With two classes `text` may be a threshold.
        """
        if text and self.problem.task != "binary":
            raise WordError(f"{safe_text(text)!r}: nothing follows this command")
        percent = percent_of(text) if text else None
        self.trainer.finish_tests()
        with computing():
            position = self.observer.position
            weights = self.trainer.best_of(position).weights
            report = report_on(self.problem, self._predictor, weights)
        above = []
        if isinstance(report, ClassificationReport):
            report = report.at(percent or report.percent)
            if percent or report.percent != 50:
                above = [f"threshold {report.percent / 100:g}"]
        lines = report.text.strip("\n").split("\n")
        return [*above, *filter(None, [best_line(self.trainer, position)]), *lines]

    def verdict(self) -> list[str]:
        """Say how training goes, and what to try."""
        return self._seen(WhyPanel(), _verdict_lines)

    def describe(self, text: str) -> list[str]:
        """Describe the curve of the current lane's training, test or validation loss."""
        names = {"": "train", "loss": "train", "test": "test", "validation": "validation"}
        if text not in names or (text == "validation" and not self.trainer.validates):
            raise WordError(f"{safe_text(text)!r}: describe loss or describe test")
        self.trainer.finish_tests()
        trainer, position = self.trainer, self.observer.position
        series = trainer.history.series[names[text]]
        ended = trainer.lanes[position].diverged
        curve = series.known(position, 0, trainer.epoch + 1).points()
        what = "test loss" if text == "test" else "training loss"
        gone = ended if ended is not None and ended <= trainer.epoch else None
        return describe(curve, what, gone)

    def show(self, text: str) -> list[str]:
        """Print what a panel of the interface shows."""
        if text not in PANELS:
            raise WordError(f"{safe_text(text)!r} is no panel: there is {', '.join(PANELS)}")
        return self._seen(PANELS[text](), _number_lines)

    def _seen(self, panel: AnyPanel, lines: Callable[[AnyPanel, View], list[str]]) -> list[str]:
        """Return the lines of a panel that has studied the run; nothing after a signal."""
        try:
            if not self.trainer.diverged.all():
                self.trainer.look_ahead()
            with computing():
                view = self._view()
                study = panel.study(view)
                if study is not None:
                    found = study.compute(_Asked(lambda: not self._asked()))
                    panel.take(study.key, found)
                return lines(panel, view)
        except Interrupted:
            return []

    def _view(self) -> View:
        return View(
            self.snapshot(),
            self.problem,
            self._predictor,
            self.settings,
            Style(palette_for("mono", dark=True), ASCII),
            self.trainer.engines.make,
            keys=Commands(),
        )

    def race(self, text: str) -> list[str]:
        """Race learning rates, or optimizers, from the current lane's weights."""
        from tui_gd.cli.race import table_lines
        from tui_gd.insight.race import rates_around
        from tui_gd.session.settings import DECADES, DECADES_EACH, RATES, RATES_EACH

        if text not in {"", ALL, "optimizers"}:
            raise WordError(f"{safe_text(text)!r}: race, race all or race optimizers")
        trainer, position = self.trainer, self.observer.position
        if trainer.diverged[position]:
            raise WordError("the lane has diverged: reset, or back N, and race from there")
        method = trainer.lanes[position].method_at(trainer.epoch)
        several = text == "optimizers"
        rate = float(trainer.learning_rates[position])
        around = (RATES_EACH, DECADES_EACH) if several else (RATES, DECADES)
        settings = replace(self.settings, start=None) if self.problem.surface else self.settings
        raced = settings.of_race(
            rates_around(rate, *around).tolist(),
            OPTIMIZERS if several else (method.optimizer.name,),
            loss=method.loss,
            epochs=self.settings.epochs,
        )
        try:
            weights = trainer.weights[position].copy()
            with np.errstate(all="ignore"):
                result = raced.race(self.problem, weights, wanted=lambda: not self._asked())
        except Interrupted:
            return []
        except ProblemError as error:
            raise WordError(str(error)) from None
        lines = table_lines(result, rate)
        if text:
            return lines
        return [line for line in lines if line.startswith(("best:", "least ", "diverging:"))]

    def starts(self) -> list[str]:
        """Run hundreds of random starts and count where they end."""
        return self._seen(StartsPanel(), StartsPanel.summary)

    def help(self) -> list[str]:
        """List the commands."""
        return aligned(
            [
                (f"{word.name} {word.argument}".rstrip(), ", ".join(word.short), word.text)
                for word in WORDS
            ]
        )


_PANELS: tuple[type[Panel], ...] = (
    LossPanel,
    DataPanel,
    ReportPanel,
    StepPanel,
    LandscapePanel,
    LanesPanel,
    WhyPanel,
    ChangesPanel,
    NetworkPanel,
)
PANELS = {panel.NAME: panel for panel in _PANELS}
"""The panels that can print their numbers, by name."""

# the commands for what a verdict advises
COMMANDS = {
    "run_or_pause": "run",
    "step(1)": "step",
    "help": "help",
    "step_back(10)": "back 10",
    "go_to": "goto {0}",
    "rescue": "goto {0}, then alpha {1}",
    "reset": "reset",
    "new_start": "new",
    "learning_rate(1)": "alpha up",
    "learning_rate(-1)": "alpha down",
    "type_learning_rate": "alpha",
    "branch_with": "branch {1}",
    "race('optimizers')": "race optimizers",
    "panel('why')": "show why",
    "panel('report')": "report",
}


class Commands(KeyNames):
    """Commands in the place of keys."""

    def tries(self, tries: Sequence[Try]) -> str:
        """Return what a verdict says to try, each behind its command; empty for nothing.

        >>> smaller = Try("learning_rate(-1)", "smaller steps")
        >>> Commands().tries([Try("reset", "again from the start"), smaller])
        'try reset (again from the start), alpha down (smaller steps)'
        """
        said = []
        for one in tries:
            command = COMMANDS.get(one.action, "").format(*one.argument.split(" "))
            said.append(f"{command} ({one.words})" if command else one.words)
        return f"try {', '.join(said)}" if said else ""


class _Asked(Progress):
    """A study's progress that asks whether the study is still wanted."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        super().__init__(lambda _: None)
        self._ask = ask

    @property
    def wanted(self) -> bool:
        """Whether no signal has asked to leave."""
        return self._wanted and self._ask()

    @wanted.setter
    def wanted(self, wanted: bool) -> None:
        self._wanted = wanted


def _number_lines(panel: Panel, view: View) -> list[str]:
    return [ASCII.words(line) for line in panel.numbers(view)]


def _verdict_lines(panel: WhyPanel, view: View) -> list[str]:
    verdict = panel.verdict(view)
    lines = (verdict.line, verdict.why, view.keys.tries(verdict.tries))
    return [ASCII.words(line) for line in lines if line]
