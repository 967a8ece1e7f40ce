"""A slow line on 127.0.0.1 with a rate, a round-trip time, and room without limit.

All that is written is taken at once and waits inside, as in the buffers of modems and routers: the
writer never notices how slow the line is.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING

from tests.terminal.closing import Closing

if TYPE_CHECKING:
    pass

# a packet of an old line; short enough that the rate is even
_PIECE = 512


class Line(Closing):
    """Listens on `port` and passes everything on to `target`, another port on 127.0.0.1.

    `rate` is in bytes a second and counts for each direction, `seconds` is there and back.
    """

    def __init__(self, target: int, rate: float, seconds: float) -> None:
        self._target, self._rate, self._delay = target, rate, seconds / 2
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Cut the line."""
        for one in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [near, far]
                for source, sink in ((near, far), (far, near)):
                    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    pieces: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                    for work, end in ((self._take, source), (self._give, sink)):
                        threading.Thread(target=work, args=(end, pieces), daemon=True).start()

    def _take(self, source: socket.socket, pieces: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        sent_at = 0.0
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE):
                sent_at = max(time.monotonic(), sent_at) + len(piece) / self._rate
                pieces.put((sent_at + self._delay, piece))
        pieces.put((0.0, b""))

    @staticmethod
    def _give(sink: socket.socket, pieces: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, piece = pieces.get()
                if not piece:
                    sink.shutdown(socket.SHUT_WR)
                    return
                time.sleep(max(0.0, due - time.monotonic()))
                sink.sendall(piece)
