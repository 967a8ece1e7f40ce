"""The interface in plain lines: for screen readers, slow lines and scripts.

Each line of the input is a command. The answer is a few lines of text without control characters,
or with `--json` one object in a line.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from tui_gd import __version__
from tui_gd.cli.output import Output, load_problem, loading
from tui_gd.cli.plain_run import PlainRun, WordError, find_word
from tui_gd.learning.engine import Interrupted
from tui_gd.problems.text import safe_text
from tui_gd.runs.recipe import Shared, replay
from tui_gd.runs.recorder import Recorder, to_stderr
from tui_gd.runs.resume import resume
from tui_gd.runs.store import Store
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState
from tui_gd.training.bursts import receiving, stop_on_signals

LONGEST_LINE = 1000
LONGEST_ANSWER = 100_000
COMMENT = "#"
_LEAVING = {"quit"}


class _Asked(BaseException):
    """A signal has asked to leave while the session waited for a command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def begin(
    settings: RunSettings, *, keep: bool, shared: Shared | None, as_json: bool = False
) -> int:
    """Take commands for a new run, or for a `shared` one; return the exit status."""
    problem = load_problem(settings)
    problem.check_dense()
    settings = settings.resolved(problem)
    trainer = settings.make_trainer(problem, bounded=True)
    trainer.record_norms()
    if shared is not None:
        replay(trainer, shared)
    epochs = shared.last_epoch if shared else settings.epochs
    seed = shared.newest_seed if shared else settings.seed
    recorder = Recorder(settings, problem, goal=epochs) if keep else None
    run = PlainRun(settings, problem, trainer, recorder, epochs=epochs, seed=seed)
    return Session(run, as_json=as_json).hold()


def go_on(name: str, *, as_json: bool = False) -> int:
    """Take commands for the kept run of that id; return the exit status."""
    with Store() as store, loading(store.find(name).problem) as show:
        found = resume(store, name, bounded=True, show=show)
    with found as kept:
        if kept.note:
            to_stderr(kept.note)
        recorder = kept.recorder()
        run = PlainRun(
            kept.settings, kept.problem, kept.trainer, recorder, epochs=kept.goal, seed=kept.seed
        )
        return Session(run, as_json=as_json).hold()


class Session:
    """Reads commands until there are no more; keeps the run, however that ends."""

    def __init__(self, run: PlainRun, *, as_json: bool = False) -> None:
        self._run, self._as_json = run, as_json
        self._out = Output(sys.stdout)
        self._talking = _is_terminal(sys.stdin)
        self._faults = 0
        self._line = 0
        self._whole = True  # the trainer is between two epochs

    def hold(self) -> int:
        """Take commands; return the exit status: 2 if a script had a command that failed."""
        _forgive()
        try:
            with receiving(_ask):
                help_ = ["help lists the commands"] if self._talking else []
                self._say([_about(self._run), *self._run.status(), *self._run.greeting(), *help_])
                while self._take():
                    pass
        except _Asked as asked:
            return 128 + asked.number
        finally:
            self._put_away()
        if self._faults and not self._talking:
            return 2
        return 1 if self._run.state is RunState.DIVERGED else 0

    def _take(self) -> bool:
        """Do the next line; return whether more are to come."""
        line = self._read()
        if line is None:
            return False
        self._line += 1
        words = line.split()
        if words and words[0].startswith(COMMENT):
            return True
        try:
            call = self.parse(words)
            if call is None:
                return False
            self._say(self.answer(*call), line)
        except WordError as error:
            self._refuse(str(error), line)
        return True

    def parse(self, words: list[str]) -> tuple[str, ...] | None:
        """Return the command in a line's words and its argument, if it takes one; None to leave."""
        name, *rest = words or ["step"]
        word = find_word(name)
        if len(rest) > 1:
            raise WordError(f"{safe_text(' '.join(words))!r}: at most one word follows a command")
        if word.name in _LEAVING:
            return None
        if rest and not word.argument:
            raise WordError(f"{safe_text(rest[0])!r}: nothing follows {word.name}")
        return (word.name, " ".join(rest)) if word.argument else (word.name,)

    def answer(self, name: str, *argument: str) -> list[str]:
        """Perform a command and return its answer.

        A signal during the command ends it in order, and then ends the session. At a terminal,
        ctrl+c ends only the command.
        """
        self._whole = False
        with stop_on_signals(self._run.trainer) as leave:
            self._run.leave = leave
            try:
                lines = getattr(self._run, name)(*argument)
            except Interrupted:
                lines = []  # the signal came between two blocks of rows
            self._whole = True
            self._run.keep()
            number = leave.signal
        if number and not (self._talking and number == signal.SIGINT):
            raise _Asked(number)
        if number:
            lines = ["interrupted", *(lines or self._run.status())]
        return list(lines)

    def _read(self) -> str | None:
        """Return the next line without its end; None after the last one."""
        if sys.stdin is None:
            return None
        if self._talking and not self._as_json and _is_terminal(sys.stdout):
            try:
                return input("> ")
            except EOFError:
                self._say([""])
                return None
        line = sys.stdin.readline(LONGEST_LINE)
        if not line:
            return None
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            while (more := sys.stdin.readline(LONGEST_LINE)) and not more.endswith("\n"):
                pass
        return line

    def _say(self, lines: list[str], command: str | None = None, error: str | None = None) -> None:
        """Print the answer to a command; the greeting has no command."""
        # names come from files
        said = [safe_text(line.expandtabs(4), LONGEST_ANSWER) for line in lines]
        if self._as_json:
            document = {
                "version": __version__,
                "command": command if command is None else command.strip(),
                "lines": said,
                "status": self._run.facts(),
                "error": error,
            }
            said = [json.dumps(document, allow_nan=False)]
        self._out.write("".join(f"{line}\n" for line in said))
        self._out.flush()

    def _refuse(self, fault: str, line: str) -> None:
        self._faults += 1
        if self._as_json:
            self._say([], line, fault)
        to_stderr(fault if self._talking else f"line {self._line}: {fault}")

    def _put_away(self) -> None:
        run, recorder = self._run, self._run.recorder
        if recorder is None:
            return
        trainer = run.trainer if self._whole else None
        recorder.close(trainer, str(run.state), run.seed, run.epochs)
        if recorder.id and not recorder.fault:
            to_stderr(f"kept as {recorder.id} (gd-tui resume {recorder.id})")


def _about(run: PlainRun) -> str:
    problem, settings = run.problem, run.settings
    rows = "" if problem.surface else f", {problem.sizes}"
    return (
        f"{safe_text(settings.surface or settings.problem)}, {', '.join(settings.optimizer)},"
        f" {settings.loss_for(problem)}, seed {run.seed}{rows}"
    )


def _ask(number: int, _: FrameType | None) -> NoReturn:
    raise _Asked(number)


def _is_terminal(stream: object) -> bool:
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty())


def _forgive() -> None:
    """Keep odd bytes and characters from ending the session; let people edit lines with keys."""
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "backslashreplace")):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=errors)
    if _is_terminal(sys.stdin) and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}:
        with suppress(ImportError):
            import readline

            # a screen reader would read it aloud
            readline.parse_and_bind("set enable-bracketed-paste off")
