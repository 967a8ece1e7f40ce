"""Text files as chunks of whole lines, parsed ahead on a few threads, in order."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tui_gd.errors import ProblemError
from tui_gd.problems.opened import open_bytes, read_bytes, shown_path

CHUNK = 1 << 20
LONGEST_LINE = 1 << 24
THREADS = 4


@dataclass(frozen=True)
class Chunk:
    """Whole lines of a text: the file they are of, their bytes, and where they begin."""

    path: str
    data: bytes
    offset: int

    @property
    def line(self) -> int:
        """The number of its first line, from 1: the file is read again up to there."""
        lines, left = 1, self.offset
        with open_bytes(self.path) as file:
            while left:
                data = read_bytes(self.path, file, min(left, CHUNK))
                if not data:
                    break
                lines, left = lines + data.count(b"\n"), left - len(data)
        return lines

    @property
    def first(self) -> bool:
        """Whether the file begins with it."""
        return self.offset == 0

    def text(self, shown: str) -> str:
        """Return it decoded; `ProblemError` with line and byte if it is no UTF-8."""
        try:
            return self.data.decode("utf-8-sig" if self.first else "utf-8")
        except UnicodeDecodeError as error:
            at = error.start + (3 if self.first and self.data[:3] == b"\xef\xbb\xbf" else 0)
            line = self.line + self.data.count(b"\n", 0, at)
            raise ProblemError(
                f"{shown}: line {line}, byte {self.offset + at} is not UTF-8: save the file as"
                " UTF-8 (from Latin-1: iconv -f latin1 -t utf-8)"
            ) from None


def chunks(path: str, size: int = CHUNK, *, quotes: bool = True) -> Iterator[Chunk]:
    """Read a text in chunks of about `size` bytes that end with a line.

    With `quotes`, a line end within quotes ends no line of the table. `ProblemError` for a line
    of more than 16 MiB.
    """
    rest, offset = b"", 0
    with open_bytes(path) as file:
        while True:
            data = read_bytes(path, file, size)
            if not data:
                break
            rest += data
            cut = _end_of_lines(rest, quotes)
            if not cut:
                if len(rest) > LONGEST_LINE:
                    line = Chunk(path, rest, offset).line
                    raise ProblemError(
                        f"{shown_path(path)}: line {line} is longer than {LONGEST_LINE >> 20} MiB:"
                        " is a quote never closed, or is it no table?"
                    )
                continue
            yield Chunk(path, rest[:cut], offset)
            offset += cut
            rest = rest[cut:]
    if rest:
        yield Chunk(path, rest, offset)


def _end_of_lines(data: bytes, quotes: bool) -> int:
    """Return how many of the bytes are whole lines: up to a line end outside of quotes."""
    cut = data.rfind(b"\n") + 1
    if not quotes or b'"' not in data or data.count(b'"', 0, cut) % 2 == 0:
        return cut
    # back to the last line end before which every quote is closed
    for _ in range(1000):
        quote = data.rfind(b'"', 0, cut)
        cut = data.rfind(b"\n", 0, quote) + 1
        if quote < 0 or data.count(b'"', 0, cut) % 2 == 0:
            return cut
    return 0


def parsed_ahead(
    source: Iterator[Chunk], parse: Callable[[Chunk], Any]
) -> Iterator[tuple[Chunk, Any]]:
    """Give every chunk with what `parse` makes of it, or with the exception that it raises."""
    threads = min(THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    waiting: deque[tuple[Chunk, Future[Any]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for chunk in source:
                waiting.append((chunk, pool.submit(parse, chunk)))
                if len(waiting) > threads:
                    yield _next(waiting)
            while waiting:
                yield _next(waiting)
        finally:
            for _, future in waiting:
                future.cancel()


def _next(waiting: "deque[tuple[Chunk, Future[Any]]]") -> tuple[Chunk, Any]:
    chunk, future = waiting.popleft()
    error = future.exception()
    return chunk, error if error is not None else future.result()
