"""One frame in flight: the next one waits until the terminal has drawn the last.

Over a slow line, the program cannot see how far the terminal has come: ssh accepts everything,
frames queue on the way, and the answer to a key waits behind them. So every frame ends with a
question that any terminal answers (where is the cursor, `ESC [6n`). Nothing here imports numpy.
"""

import math
import select
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, CompositorUpdate
from textual.driver import Driver
from textual.drivers._writer_thread import WriterThread
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.widget import Widget

# an answer that takes longer is lost, or the terminal is frozen; the wait doubles each time
ANSWER_SECONDS = 5.0
LONGEST_SECONDS = 60.0
# a terminal that leaves this many questions unanswered gets no more of them
QUESTIONS = 20
# frames behind a slow writer are at most this far apart
SLOWEST_SECONDS = 1.0
# after a frame that took t longer than the fastest one, the line is left idle for SHARE · t
SHARE = 2.0
# the shortest round trip drifts towards the latest one by this share of the difference
FORGET = 0.02
METER_SECONDS = 2.0
# one frame is written in a few pieces; more pieces in the queue belong to several frames
MANY_PIECES = 8
# beyond this many missed spans, the whole screen is painted again
MANY_SPANS = 4000


class Flow:
    """What is on its way to the terminal, and whether more may be sent; `clock` returns seconds.

    One frame is in flight. A second one may follow if it answers a key, which would otherwise wait
    for a whole round trip. Nothing waits for a terminal that has not answered yet. `pause` is the
    shortest interval in seconds of frames that answer no key; the frame rate is another limit.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.frames = 0
        self.bytes = 0
        self.answers = False
        self._clock = clock
        self._asked = 0
        # in flight: when each was sent, by the column that its answer names
        self._open: dict[int, float] = {}
        # given up: if these answers still come, they are ignored
        self._late: set[int] = set()
        self._hurried = False
        self._patience = ANSWER_SECONDS
        self._sent_at = -math.inf
        self._least = math.inf
        self.pause = 0.0
        self._lately: deque[tuple[float, int]] = deque(maxlen=512)

    @property
    def free(self) -> bool:
        """Whether a frame may be drawn."""
        return not self.answers or len(self._open) < 1 + self._hurried

    @property
    def due(self) -> bool:
        """Whether a frame that answers no key may be drawn: it also waits for the pause."""
        return self.free and self._clock() >= self._sent_at + self.pause

    def hurry(self) -> None:
        """Let the next frame follow the one in flight, because it answers a key."""
        self._hurried = True

    def ask(self, size: Size) -> str:
        """Return the question for the end of a frame; the cursor's column identifies its answer."""
        if not self.answers and self._asked >= QUESTIONS:
            return ""
        self._asked += 1
        column = self._asked % max(size.width, 1)
        self._open[column] = self._clock()
        # in the last row, because an answer from the first row looks like shift+F3
        return f"\x1b[{max(size.height, 1)};{column + 1}H\x1b[6n"

    def sent(self, size: int) -> None:
        """Record that a frame of `size` bytes was sent."""
        self.frames += 1
        self.bytes += size
        self._hurried = False
        self._sent_at = self._clock()
        self._lately.append((self._sent_at, size))
        if not self.answers:
            self.pause *= 0.8

    def answered(self, column: int) -> bool:
        """Take an answer (columns count from 0); return whether it belongs to a frame in flight."""
        if column not in self._open and (column in self._late or not self._open):
            self._late.discard(column)
            return False
        # nobody asked for this column: the terminal has just become narrower
        answered = column if column in self._open else next(iter(self._open))
        self.answers, self._patience = True, ANSWER_SECONDS
        self._measure(self._clock() - self._open[answered])
        for earlier in list(self._open):  # their answers were lost, or have never come
            del self._open[earlier]
            if earlier == answered:
                break
        return True

    def give_up(self) -> bool:
        """Stop waiting for overdue answers; return whether there were any."""
        if not self._open or self._clock() < self._sent_at + self._patience:
            return False
        self._late.update(self._open)
        self._open.clear()
        self._patience = min(2.0 * self._patience, LONGEST_SECONDS)
        return True

    def fell_behind(self) -> None:
        """Space frames further apart, because not even the last one has been written."""
        self.pause = min(max(2.0 * self.pause, 0.05), SLOWEST_SECONDS)

    def rates(self) -> tuple[float, float]:
        """Return frames and bytes per second over the last two seconds."""
        since = self._clock() - METER_SECONDS
        while self._lately and self._lately[0][0] < since:
            self._lately.popleft()
        total = sum(size for _, size in self._lately)
        return len(self._lately) / METER_SECONDS, total / METER_SECONDS

    def _measure(self, took: float) -> None:
        if took < self._least:
            self._least = took
        else:
            self._least += FORGET * (took - self._least)
        self.pause = min(SHARE * max(took - self._least, 0.0), SLOWEST_SECONDS)


class Asking(CompositorUpdate):
    """A frame that ends with the question; Textual then puts the cursor back in its place."""

    def __init__(self, update: CompositorUpdate, flow: Flow, size: Size) -> None:
        self._update, self._flow, self._size = update, flow, size

    def render_segments(self, console: Console) -> str:
        """Return the frame's control sequences, with the question unless there are none."""
        text = self._update.render_segments(console)
        if not text:
            return text
        text += self._flow.ask(self._size)
        self._flow.sent(len(text.encode(errors="replace")))
        return text


class ExactUpdate(ChopsUpdate):
    """Textual's partial update, with each span sent from where it begins.

    Fault of Textual 8.2: it sends a changed span from the left edge of its widget on, and a newline
    after every span.
    """

    def render_segments(self, console: Console) -> str:
        """Return the control sequences that paint the changed spans."""
        parts: list[str] = []
        for y, x1, x2 in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= x2 or end <= x1:
                    continue
                start, stop = max(x, x1), min(end, x2)
                parts.append(Control.move_to(start, y).segment.text)
                parts.append(strip.crop(start - x, stop - x).render(console))
        return "".join(parts)


def paint_now(screen: Screen[Any], kind: type[Widget]) -> bool:
    """Paint all widgets of a kind at once; return whether that was possible.

    Fault of Textual 8.2: it waits for its next tick, up to a sixtieth of a second. Painting at once
    is not possible beneath another screen, or if the layout is about to change.
    """
    if screen is not screen.app.screen or screen.app._batch_count:
        return False
    if screen._layout_required or screen._scroll_required or screen._repaint_required:
        return False
    visible = screen._compositor.visible_widgets
    screen._compositor.update_widgets({one for one in visible if isinstance(one, kind)})
    screen._compositor_refresh()
    return True


def put_back(screen: Screen[Any], update: CompositorUpdate) -> None:
    """Mark what cannot be painted now; the next frame paints what is there by then."""
    places = screen._compositor._dirty_regions
    if isinstance(update, ChopsUpdate) and len(places) + len(update.spans) <= MANY_SPANS:
        places.update(Region(x1, y, x2 - x1, 1) for y, x1, x2 in update.spans)
    else:
        put_back_all(screen)


def put_back_all(screen: Screen[Any]) -> None:
    """Let the next frame paint everything."""
    screen._compositor._dirty_regions.add(screen._compositor.size.region)


def is_behind(driver: Driver | None) -> bool:
    """Return whether earlier output still waits for the terminal to take it.

    More output would fill the queue of Textual's writer and then block the interface.
    """
    writer: WriterThread | None = getattr(driver, "_writer_thread", None)
    if writer is None:
        return False
    if writer._queue.qsize() > MANY_PIECES:
        return True
    try:
        poll = select.poll()
        poll.register(writer.fileno(), select.POLLOUT)
        # a terminal that has hung up accepts everything
        return not poll.poll(0)
    except (OSError, ValueError):
        return False
