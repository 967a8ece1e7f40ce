"""What a command prints and writes: streams whose faults are one line, JSON files, progress."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TextIO

from tui_gd.errors import OutputError
from tui_gd.files import WholeFile
from tui_gd.plots.symbols import NO_CURSOR
from tui_gd.problems import Problem
from tui_gd.problems.text import safe_text
from tui_gd.session.settings import RunSettings

PATIENCE_SECONDS = 0.5
"""Work that is done by then shows no progress."""
REFRESH_SECONDS = 0.1

Show = Callable[[float, float], None]
"""Takes the amount done and the total amount."""


class Output:
    """A stream whose faults become an `OutputError`; if closed, it ignores further output."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.on_terminal = stream is not None and stream.isatty()

    def write(self, text: str) -> None:
        """Write, or raise `OutputError`; a broken pipe stays a `BrokenPipeError`."""
        self._do(lambda stream: stream.write(text))

    def flush(self) -> None:
        """Write out everything that is buffered."""
        self._do(lambda stream: stream.flush())

    def _do(self, what: Callable[[TextIO], object]) -> None:
        try:
            if self._stream is not None:
                what(self._stream)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"to standard output: {error.strerror}") from None


class Document:
    """Where `--json` puts its object: a file, standard output for `-`, or nowhere for None."""

    def __init__(self, path: str | None) -> None:
        self.wanted = path is not None
        self._file = WholeFile(path, "--json") if path not in {None, "-"} else None
        # standard output has room for the object only
        self.text_output = Output(sys.stderr if path == "-" else sys.stdout)

    def write(self, document: dict[str, Any]) -> None:
        """Write the object as one line; NaN and infinity are not JSON, so they are a bug."""
        text = json.dumps(document, allow_nan=False) + "\n"
        if self._file:
            self._file.write(text)
        else:
            Output(sys.stdout).write(text)

    def close(self) -> None:
        """Leave the file as it was, unless the object has been written."""
        if self._file:
            self._file.discard()


@contextmanager
def progress(what: str, unit: str, *, visible: bool = True) -> Iterator[Show]:
    """Show on stderr how much of some work is done, its rate and the time left.

    The line appears only on a terminal, only if `visible`, and only after half a second. For work
    without a known amount, it shows that the work goes on, and for how long. It disappears when the
    work is done.
    """
    drawn = visible and sys.stderr is not None and sys.stderr.isatty()
    if not drawn or os.environ.get("TERM", "") in {"", *NO_CURSOR}:
        yield lambda _done, _total: None
        return
    line = _ProgressLine(what, unit)
    try:
        yield line.show
    finally:
        line.close()


class _ProgressLine:
    def __init__(self, what: str, unit: str) -> None:
        self._what, self._unit = what, unit
        self._begin = self._shown = time.perf_counter()
        self._bar: Any = None
        self._lock = threading.Lock()  # protects the bar, which this thread or the timer's starts
        self._closed = False
        patience = min(PATIENCE_SECONDS, threading.TIMEOUT_MAX)
        self._timer = threading.Timer(patience, self._start)
        self._timer.daemon = True
        self._timer.start()

    def show(self, done: float, total: float) -> None:
        now = time.perf_counter()
        passed = now - self._begin
        if passed < PATIENCE_SECONDS or (self._bar and now - self._shown < REFRESH_SECONDS):
            return
        self._shown = now
        self._start()
        rate = done / passed
        left = "" if not rate else f", {duration((total - done) / rate)} left"
        number = f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
        share = f"{100 * done / total:3.0f}% " if total else ""
        text = f"{share}{number} {self._unit}/s{left}"
        self._bar.update(0, completed=done, total=total, text=text)
        self._bar.refresh()

    def _start(self) -> None:
        from rich import progress as rich_progress
        from rich.console import Console

        with self._lock:
            if self._bar or self._closed:
                return
            console = Console(stderr=True)
            console.width -= 3  # room for the ^C that a terminal echoes, or the bar would stay
            bar = rich_progress.Progress(
                rich_progress.TextColumn("{task.description}", markup=False),
                rich_progress.BarColumn(),
                rich_progress.TimeElapsedColumn(),
                rich_progress.TextColumn("{task.fields[text]}", markup=False),
                console=console,
                transient=True,
            )
            bar.add_task(self._what, total=None, text="")
            bar.start()
            self._bar = bar

    def close(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._closed = True
            if self._bar is not None:
                self._bar.stop()


def duration(seconds: float) -> str:
    """Return a time as people say it: seconds, minutes and seconds, hours and minutes."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def loading(name: str) -> AbstractContextManager[Show]:
    """Show how much of a problem, given by its name or path, is loaded."""
    return progress(f"loading {safe_text(Path(name).name)}", "rows")


def load_problem(settings: RunSettings) -> Problem:
    """Load the problem of the settings, with progress."""
    with loading(settings.problem) as show:
        return settings.load_problem(show)


def load_folds(settings: RunSettings, folds: int) -> Iterator[Problem]:
    """Read the data of the settings once, with progress, and give the problem of each fold."""
    with loading(settings.problem) as show:
        return settings.load_folds(folds, show)
