"""Textual's drivers, mended: each part names the fault of Textual 8.2 that it works around.

A part can go once Textual has mended its fault, and `get_driver_class` with the last of them.
"""

import os
import re
import select
import signal
import sys
import termios
import time
import tty
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from queue import Empty
from typing import Any

from textual import events
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.app import App, ScreenStackError
from textual.drivers import linux_driver
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.message import Message

from tui_gd.ui.terminal import Ground, ask_ground, ground_is_dark

POLL_SECONDS = 0.1
READ_BYTES = 4096
PIECE_BYTES = 4096
# at most this many keys pass through the interface's queues at once …
IN_FLIGHT = 8
# … and none together with one of these
CLOSING = frozenset({"escape", "enter"})
# … this many more wait as long as necessary, so that fast typing loses nothing …
ALWAYS_KEPT = 32
# … and this many for STALE_SECONDS
MOST_WAITING = 256
STALE_SECONDS = 0.5
AGAIN_SECONDS = 0.004
LONGEST_PASTE = 4096
# a paste has broken off if, this many seconds after its last part, only single keys come
PASTE_SECONDS = 0.5
LONGEST_KEY = 7
LONGEST_SEQUENCE = 32
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[^\x1b])", re.DOTALL)
# a key after an escape is a key of its own: tmux and slow lines deliver the keys of half a second
# at once, and GNU screen, while it reports the mouse, delivers all keys so far at once; alt matters
# only for alt+backspace in a text field
_PIECES = re.compile(_SEQUENCE.pattern + r"|\x1b[\[\]OPX^_\x7f]?|[^\x1b]{1,64}", re.DOTALL)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?\Z")
# the reports of a terminal: cursor position, status, attributes, modes, focus
_ANSWER = re.compile(r"\x1b\[[?>]?[\d;]*(?:[Rnc]|\$y)|\x1b\[[IO]")
# the answers of a terminal to a question for the colour of its ground, complete and incomplete
_GROUND = re.compile(r"\x1b\]11;([^\x07\x1b]{0,64})(?:\x07|\x1b\\)")
_GROUND_BEGUN = re.compile(
    r"\x1b\](?:1(?:1(?:;(?:r(?:g(?:ba?(?::[0-9a-fA-F/]{0,24}\x1b?)?)?)?)?)?)?)?\Z"
)
# nobody types the beginning of such an answer, or of a report of the mouse: it gets this many
# seconds to arrive completely
_NOT_TYPED = ("\x1b]11;", "\x1b[<")
WHOLE_SECONDS = 1.0
# an unrequested report of the window's size, and the answer that such reports are possible
_IN_BAND_RESIZE = re.compile(r"\x1b\[(?:48;[\d;:]*t|\?2048;\d*\$y)")
# ends a truncated sequence and an open frame, and undoes all that `start_application_mode` set
_RESTORING = (
    b"\x18\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"
    b"\x1b[m\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)


class Parser(XTermParser):
    """Fault: an escape sequence with a number beyond Unicode ends parser and app."""

    def pieces(self, text: str) -> Iterator[Message]:
        """Parse `text`, one sequence or plain characters; drop an impossible sequence."""
        try:
            yield from self.feed(text)
        except (ArithmeticError, ValueError):
            self._tokens.clear()
            self._gen = self.parse(self._tokens.append)
            self._awaiting = next(self._gen)
            self._timeout_time = None

    def hurry(self) -> Iterator[Message]:
        """End an open sequence, because no more of it has come."""
        if self._timeout_time is not None:
            self._timeout_time = 0.0
        yield from self.tick()


class Intake:
    """Turns input text into messages, at most as many as there is `room` for.

    Faults: a paste that never ends swallows every key after it. Textual parses and queues input
    faster than it can handle it. It believes in-band reports of the window's size, even 0 pixels,
    and divides the mouse's positions by them.
    """

    def __init__(
        self, room: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._parser = Parser()
        self._room, self._clock = room, clock
        self._held, self._held_at = "", 0.0
        self._pasting = False
        self._torn = False  # a paste has broken off, and more of it may come
        self._pasted = ""
        self._pasted_at = 0.0

    def take(self, text: str) -> Iterator[Message]:
        """Yield the messages of `text`, together with those held back before."""
        text, self._held = self._held + text, ""
        for answer in _GROUND.finditer(text):
            if (dark := ground_is_dark(answer[1])) is not None:
                yield Ground(dark=dark)
        text = _GROUND.sub("", text)
        if begun := _GROUND_BEGUN.search(text):
            text, self._held = text[: begun.start()], begun[0]
            self._held_at = self._clock()
        while text:
            if self._pasting or (self._torn and _is_much(text)):
                text = yield from self._paste(text)
                continue
            before, start, text = text.partition(BRACKETED_PASTE_START)
            if start:
                self._pasting, self._pasted, self._pasted_at = True, "", self._clock()
            elif (cut := _UNFINISHED.search(before)) and len(cut[0]) < LONGEST_SEQUENCE:
                before, self._held = before[: cut.start()], cut[0] + self._held
                self._held_at = self._clock()
            yield from self._keys(before)

    def rest(self) -> Iterator[Message]:
        """Yield what was held back if nothing more comes, as after the escape key."""
        if self._held and not self._pasting:
            held, self._held = self._held, ""
            if not held.startswith(_NOT_TYPED):
                yield from self._keys(held)
            elif self._clock() - self._held_at < WHOLE_SECONDS:
                self._held = held
        yield from self._parser.hurry()

    def _keys(self, text: str) -> Iterator[Message]:
        """Yield the keys for which there is room, and always the last one.

        If other keys have taken all the room, the last key still counts: `q`.
        """
        pieces = _PIECES.findall(text)
        for number, piece in enumerate(pieces, 1):
            if piece == BRACKETED_PASTE_END:
                self._torn = False
            elif _ANSWER.fullmatch(piece) and not _IN_BAND_RESIZE.match(piece):
                yield from self._parser.pieces(piece)
            elif not _IN_BAND_RESIZE.match(piece):
                room, last = max(0, self._room()), number == len(pieces)
                kept = piece
                if piece[0] != "\x1b":
                    kept = piece[:room] + (piece[room:][-1:] if last else "")
                if kept and (room or last):
                    yield from self._parser.pieces(kept)
                if piece == "\x1b":
                    yield from self._parser.hurry()

    def _paste(self, text: str) -> Generator[Message, None, str]:
        """Take the part that belongs to the paste, and return the rest."""
        if not self._pasting:
            self._pasting, self._pasted = True, "\x1b" * LONGEST_PASTE
        content, end, after = text.partition(BRACKETED_PASTE_END)
        if end:
            pasted = (self._pasted + content)[:LONGEST_PASTE].replace("\x1b", "").replace("\0", "")
            self._pasting = self._torn = False
            self._pasted = ""
            if pasted and self._room() > 0:
                yield events.Paste(pasted)
            return after
        now = self._clock()
        if not _is_much(text) and now - self._pasted_at > PASTE_SECONDS:
            self._pasting, self._torn, self._pasted = False, True, ""
            return text
        self._pasted_at = now if _is_much(text) else self._pasted_at
        kept = next((n for n in range(5, 0, -1) if text.endswith(BRACKETED_PASTE_END[:n])), 0)
        self._held = text[len(text) - kept :]
        self._pasted = (self._pasted + text[: len(text) - kept])[:LONGEST_PASTE]
        return ""


def _is_much(text: str) -> bool:
    """Whether this is neither a key nor a movement of the mouse."""
    return len(_SEQUENCE.sub("", text)) > LONGEST_KEY


class Writer(WriterThread):
    """Fault: after a write error, everything written later waits for ever.

    Nor is there a way to drop the queue while the terminal is frozen.
    """

    gone: bool = False

    def run(self) -> None:
        """Write the queue, several texts at a time, until told to stop."""
        going = True
        while going:
            texts = [self._queue.get()]
            with suppress(Empty):
                while texts[-1] is not None:
                    texts.append(self._queue.get_nowait())
            going = texts[-1] is not None
            self._send("".join(text for text in texts if text))

    def _send(self, text: str) -> None:
        file = self._file.fileno()
        data = memoryview(text.encode(getattr(self._file, "encoding", None) or "utf-8", "replace"))
        while data and not self.gone:
            try:
                data = data[os.write(file, data[:PIECE_BYTES]) :]
            except BlockingIOError:  # another program that shares the terminal has set this mode
                select.select([], [file], [], POLL_SECONDS)
            except OSError:
                self.gone = True


class HardDriver(LinuxDriver):
    """The driver of the interface.

    The reading thread calls `app.key_read()` for every key before the key enters the app's queues,
    and `app.terminal_gone()` when the terminal is gone.
    """

    def __init__(self, app: App[Any], **how: Any) -> None:
        super().__init__(app, **how)
        # fault: it draws on stderr even if that is a log file
        if sys.__stdout__ and not (sys.__stderr__ and sys.__stderr__.isatty()):
            self._file = sys.__stdout__
        self._gone: Callable[[], object] = getattr(app, "terminal_gone", app.exit)
        self._key_read: Callable[[], object] = getattr(app, "key_read", lambda: None)
        self._waiting: deque[tuple[float, Message]] = deque()
        self._delivering = self._closing = False
        self._cleared = False
        # fault: the driver's handlers stop and start it wherever the main thread is: during a
        # write, they wait for a lock that this thread holds; and a lone SIGCONT starts a second
        # input thread
        signal.signal(signal.SIGTSTP, lambda *_: None)
        signal.signal(signal.SIGCONT, lambda *_: self._on_the_loop(self._come_back))

    @property
    def can_suspend(self) -> bool:
        """Whether the terminal can suspend the program: it cannot."""
        return False

    def start_application_mode(self) -> None:
        """Start, with a writer that survives."""
        vars(linux_driver)["WriterThread"] = Writer
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if getattr(self._app, "asks_ground", False):
            self.write(ask_ground(os.environ))
        # fault: its handler reads the size and then posts it; a second signal in between posts
        # first, so that the outdated size comes last
        signal.signal(signal.SIGWINCH, lambda *_: self._on_the_loop(self._tell_size))

    def stop_application_mode(self) -> None:
        """Clear the screen and stop: consoles and GNU screen often have no alternate screen."""
        if self._writer_thread is not None and not self._cleared:
            self._cleared = True
            self.write("\x1b[m\x1b[H\x1b[2J")
        super().stop_application_mode()

    def _query_in_band_window_resize(self) -> None:
        """Do nothing: SIGWINCH reports the size, and the mouse needs no pixels."""

    def _get_terminal_size(self) -> tuple[int, int]:
        """Fault: Textual believes exported COLUMNS and LINES, whatever the window's size."""
        with suppress(OSError):
            columns, rows = os.get_terminal_size(self.fileno)
            if columns > 0 and rows > 0:
                return columns, rows
        size: tuple[int, int] = super()._get_terminal_size()
        return size

    def _tell_size(self) -> None:
        size = Size(*self._get_terminal_size())
        self._app.post_message(events.Resize(size, size))

    def _come_back(self) -> None:
        """Paint again after a stop: a shell may have written on the screen and changed modes."""
        if self._key_thread is None or not self._key_thread.is_alive():
            return
        with suppress(termios.error):
            modes = termios.tcgetattr(self.fileno)
            modes[tty.LFLAG] = self._patch_lflag(modes[tty.LFLAG])
            modes[tty.IFLAG] = self._patch_iflag(modes[tty.IFLAG])
            termios.tcsetattr(self.fileno, termios.TCSANOW, modes)
        self.write("\x1b[?1049h\x1b[?25l\x1b[?1004h\x1b[?2004h\x1b[?7l")
        self._enable_mouse_support()
        self._app.refresh(layout=True)

    def report_mouse(self, wanted: bool) -> None:
        """Switch the terminal's mouse reports on or off."""
        if wanted:
            self._enable_mouse_support()
        else:
            self._disable_mouse_support()

    def _on_the_loop(self, act: Callable[[], None]) -> None:
        """Call `act` from the event loop; any thread and any signal handler may ask for it."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(act)

    # Input

    def _run_input_thread(self) -> None:
        """Fault: when the thread dies, the app ends with status 0."""
        try:
            self.run_input_thread()
        except Exception as error:
            self._app.call_later(self._fail, error)

    def _fail(self, error: Exception) -> None:
        try:
            raise error
        except Exception:
            self._app._handle_exception(error)

    def run_input_thread(self) -> None:
        """Read the input until told to stop.

        Faults: a byte that is not UTF-8 ends the app, and a lost terminal is read for ever.
        """
        decode = getincrementaldecoder("utf-8")("replace").decode
        intake = Intake(lambda: MOST_WAITING - len(self._waiting))
        while not self.exit_event.is_set():
            try:
                if not select.select([self.fileno], [], [], POLL_SECONDS)[0]:
                    self._process(intake.rest())
                    continue
                data = os.read(self.fileno, READ_BYTES)
            except OSError:
                data = b""
            if not data:
                self._gone()
                return
            self._process(intake.take(decode(data)))

    def _process(self, messages: Iterator[Message]) -> None:
        for message in messages:
            self.process_message(message)

    def send_message(self, message: Message) -> None:
        """Pass on input no faster than the interface handles it."""
        if not isinstance(message, events.InputEvent | events.Paste):
            super().send_message(message)
        elif isinstance(message, events.Key) or len(self._waiting) < MOST_WAITING:
            if isinstance(message, events.Key):
                self._key_read()
            if len(self._waiting) >= MOST_WAITING:
                with suppress(IndexError):  # all of them have just been delivered
                    self._waiting.pop()
            self._waiting.append((time.monotonic(), message))
            self._on_the_loop(self._deliver)

    def _deliver(self) -> None:
        now = time.monotonic()
        while len(self._waiting) > ALWAYS_KEPT and now - self._waiting[0][0] > STALE_SECONDS:
            self._waiting.popleft()
        while self._waiting and self._backlog() < (1 if self._closing else IN_FLIGHT):
            message = self._waiting.popleft()[1]
            self._app.post_message(message)
            # fault: the keys that follow would still go to the text line that this key closes
            self._closing = isinstance(message, events.Key) and message.key in CLOSING
        if self._waiting and not self._delivering:
            self._delivering = True
            self._loop.call_later(AGAIN_SECONDS, self._deliver_again)

    def _deliver_again(self) -> None:
        self._delivering = False
        self._deliver()

    def _backlog(self) -> int:
        """Return how many messages wait in the queues that a key passes through."""
        try:
            node = self._app.focused or self._app.screen
        except ScreenStackError:
            return self._app._message_queue.qsize()
        # a queue that is closing is never emptied
        pumps = [pump for pump in node.ancestors_with_self if pump._running and not pump._closing]
        return sum(pump._message_queue.qsize() for pump in pumps)

    # The way out

    def abandon(self, seconds: float = 0.3) -> None:
        """Give the terminal back without waiting for it; any thread may call this.

        Fault: while the terminal is frozen, every way of leaving waits for it. This drops the
        output that the terminal has not taken yet, which makes room for the few bytes that restore
        it later.
        """
        if self._writer_thread is None or self._file is None:
            return
        if isinstance(self._writer_thread, Writer):
            self._writer_thread.gone = True
        end = time.monotonic() + seconds
        with suppress(OSError, termios.error):
            # opened again: a non-blocking mode on this one would also affect the shell's
            terminal = os.open(
                os.ttyname(self._file.fileno()), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
            )
            data = _RESTORING
            while data and time.monotonic() < end:
                try:
                    data = data[os.write(terminal, data) :]
                except BlockingIOError:
                    termios.tcflush(terminal, termios.TCOFLUSH)
                    data = _RESTORING  # what was written of it may be dropped, too
                    time.sleep(0.01)
            if self.attrs_before is not None:
                termios.tcsetattr(terminal, termios.TCSANOW, self.attrs_before)


def mended(driver: type[Any]) -> type[Any]:
    """Return the mended driver in place of Textual's own, and any other unchanged."""
    if driver is LinuxDriver:
        return HardDriver
    return _browser_driver() if driver.__name__ == "WebDriver" else driver


def _browser_driver() -> type[Any]:
    """Return the driver for a browser behind `textual serve`; imported only for one."""
    from textual.drivers.web_driver import WebDriver

    class BrowserDriver(WebDriver):
        def run_input_thread(self) -> None:
            """Fault: after the server has died, the app goes on for ever without a user."""
            super().run_input_thread()
            if not self.exit_event.is_set():
                getattr(self._app, "terminal_gone", self._app.exit)()

        def process_message(self, message: Message) -> None:
            """Let training wait for the effects of a key."""
            if isinstance(message, events.Key):
                getattr(self._app, "key_read", lambda: None)()
            super().process_message(message)

    return BrowserDriver
