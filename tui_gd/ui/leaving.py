"""Leaving because of a key, a signal or a lost terminal: save first, and always end."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from tui_gd.ui.textual_fixes.app import PacedApp

ASKING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
QUIT = 0
HANG_UP = 1
# the seconds in which the terminal should be given back in order …
IN_ORDER = 1.2
QUIT_IN_ORDER = 2.0
# … and the seconds from the signal to the end of the process
IN_ALL = 2.3


class Unawaited(ThreadPoolExecutor):
    """Threads of the event loop; the loop's end does not wait for them.

    Loading a large file or importing scikit-learn cannot be interrupted.
    """

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Start nothing more and abandon what is still running."""
        del wait, cancel_futures
        super().shutdown(wait=False, cancel_futures=True)


class Leaving:
    """Ends the app, and the process if the app does not end.

    `save` stops the run and saves it; several threads may call it at once. A thread that starts at
    the beginning does all this. A signal handler could not: while it runs, the main thread may hold
    any lock, even the one needed to start a thread, or wait for a terminal that accepts nothing.
    """

    signal: int

    def __init__(self, app: PacedApp[Any], save: Callable[[], None]) -> None:
        self.signal = 0
        self._app, self._save = app, save
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._left = threading.Event()
        threading.Thread(target=self._watch, name="leaving", daemon=True).start()

    @staticmethod
    def wait_for_no_thread() -> None:
        """Let the running event loop end while its threads still work."""
        asyncio.get_running_loop().set_default_executor(Unawaited())

    def ask(self, number: int, frame: FrameType | None = None) -> None:
        """Leave because of a signal; any thread may call this."""
        del frame
        with suppress(OSError):
            os.write(self._writer, bytes([number]))

    def gone(self) -> None:
        """Leave because the terminal is gone."""
        self.ask(HANG_UP)

    def quit(self) -> None:
        """Make sure that leaving by a key comes to an end."""
        self.ask(QUIT)

    def left(self) -> None:
        """Report that the terminal has been given back."""
        self._left.set()

    def _watch(self) -> None:
        number = os.read(self._reader, 1)[0]
        begun = time.monotonic()
        self.signal = number
        saving = threading.Thread(target=self._save, name="saving", daemon=True)
        saving.start()
        if number != QUIT:
            self._app.leave(128 + number)
        in_order = self._left.wait(QUIT_IN_ORDER if number == QUIT else IN_ORDER)
        if not in_order:
            self._app.abandon_terminal()
        elif number == QUIT:
            # a signal may still come while the run is saved and the report is made
            self._end_at_a_signal(saving)
        saving.join(max(0.0, begun + IN_ALL - time.monotonic()))
        if in_order:  # the main thread ends the process, unless it is blocked
            time.sleep(max(0.0, begun + IN_ALL - time.monotonic()))
        os._exit(128 + number if number else 0)

    def _end_at_a_signal(self, saving: threading.Thread) -> None:
        number = QUIT
        while number == QUIT:  # a person pressed the key twice
            number = os.read(self._reader, 1)[0]
        self.signal = number
        saving.join(IN_ALL)
        os._exit(128 + self.signal)


@contextmanager
def leaving(app: PacedApp[Any], save: Callable[[], None]) -> Iterator[Leaving]:
    """While the context is open, leave in order at interrupt, hang-up and termination.

    A signal that this process ignores, as under nohup, stays ignored. Only the main thread receives
    signals, so any other thread installs no handler.
    """
    way = Leaving(app, save)
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {
            number: signal.signal(number, way.ask)
            for number in ASKING
            if signal.getsignal(number) not in {signal.SIG_IGN, None}
        }
    try:
        yield way
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
