"""Input files: their format, and their bytes, decompressed, in chunks of lines for text."""

import atexit
import gzip
import io
import os
import shutil
import stat
import sys
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Literal

from tui_gd.errors import ProblemError
from tui_gd.problems.text import safe_text

Format = Literal["delimited", "json", "parquet", "feather", "npz", "npy", "svmlight"]
STANDARD_INPUT = "-"
PATH_SHOWN = 200
_ENDINGS: dict[str, Format] = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".tab": "delimited",
    ".txt": "delimited",
    ".data": "delimited",
    ".dat": "delimited",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "feather",
    ".arrow": "feather",
    ".npz": "npz",
    ".npy": "npy",
    ".svm": "svmlight",
    ".svmlight": "svmlight",
    ".libsvm": "svmlight",
}
_FIRST_BYTES: tuple[tuple[bytes, Format], ...] = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "feather"),
    (b"\x93NUMPY", "npy"),
)
_GZIP = b"\x1f\x8b"
_TEXTS = ("delimited", "json", "svmlight")


def shown_path(path: str) -> str:
    """Return how messages name a path."""
    return "standard input" if path == STANDARD_INPUT else safe_text(path, PATH_SHOWN)


def names_file(name: str) -> bool:
    """Whether PROBLEM names a file: by its ending, by a slash, or because it exists."""
    if name == STANDARD_INPUT or _ending(name) in _ENDINGS or os.sep in name:
        return True
    try:
        return bool(name) and Path(name).exists()
    except (OSError, ValueError):
        return False


def format_of(path: str) -> Format:
    """Return the format of a file, by its first bytes or else by its ending.

    A file without a known ending is a text table. `ProblemError` for a file that cannot be read.
    """
    if path == STANDARD_INPUT:
        return "delimited"
    shown, ending = shown_path(path), _ending(path)
    _check_regular(path)
    first = first_bytes(path, 8)
    named = _ENDINGS.get(ending, "delimited")
    if not first:
        raise ProblemError(f"{shown}: is empty; a table needs a header and rows")
    found = next((form for magic, form in _FIRST_BYTES if first.startswith(magic)), named)
    if first.startswith(b"FEA1"):
        raise ProblemError(f"{shown}: Feather version 1; write it again as version 2")
    if found in _TEXTS and first.startswith(b"PK\x03\x04"):
        raise ProblemError(f"{shown}: a zip archive or a spreadsheet; save it as CSV")
    if found not in _TEXTS and path.endswith(".gz"):
        raise ProblemError(f"{shown}: only text may be .gz; unpack it with gunzip")
    return found


def open_bytes(path: str) -> BinaryIO:
    """Open a file, or the copy of standard input, to read its bytes, decompressed from .gz."""
    try:
        if path == STANDARD_INPUT:
            file: BinaryIO = os.fdopen(os.dup(_spooled().fileno()), "rb")
            file.seek(0)
        else:
            file = open(path, "rb")  # noqa: SIM115
        packed = file.read(2) == _GZIP
        file.seek(0)
    except (OSError, ValueError) as error:
        raise cannot_read(path, error) from None
    return _Decompressed(file) if packed else file  # type: ignore[return-value]


class _Decompressed(gzip.GzipFile):
    """A .gz file that also closes the file beneath it."""

    def __init__(self, packed: BinaryIO) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self._packed = packed

    def close(self) -> None:
        """Close both."""
        super().close()
        self._packed.close()


def spooled_input() -> tuple[int, int]:
    """Return the descriptor and the size in bytes of the copy of standard input."""
    handle = _spooled().fileno()
    return handle, os.fstat(handle).st_size


def read_bytes(path: str, file: BinaryIO, size: int) -> bytes:
    """Read up to `size` bytes; `ProblemError` if that fails."""
    try:
        return file.read(size)
    except (OSError, EOFError, zlib.error, MemoryError) as error:
        raise cannot_read(path, error) from None


def first_bytes(path: str, size: int) -> bytes:
    """Return the first bytes of a file, decompressed."""
    with open_bytes(path) as file:
        return read_bytes(path, file, size)


def size_of(path: str) -> int:
    """Return the size in bytes of a file as stored."""
    return (
        os.fstat(_spooled().fileno()).st_size if path == STANDARD_INPUT else os.stat(path).st_size
    )


def is_packed(path: str) -> bool:
    """Whether a file is compressed."""
    with open_bytes(path) as file:
        return isinstance(file, gzip.GzipFile)


def cannot_read(path: str, error: BaseException) -> ProblemError:
    """Return the error that says why a file cannot be read, in one line."""
    shown = shown_path(path)
    if isinstance(error, FileNotFoundError):
        return ProblemError(f"{shown}: no such file")
    if isinstance(error, PermissionError):
        return ProblemError(f"{shown}: no permission to read it; chmod or copy it")
    if isinstance(error, (EOFError, zlib.error, gzip.BadGzipFile)):
        return ProblemError(f"{shown}: the .gz is cut off or damaged; copy it again")
    if isinstance(error, MemoryError):
        return ProblemError(f"{shown}: not enough memory; take fewer rows")
    if isinstance(error, OSError) and error.strerror:
        return ProblemError(f"{shown}: cannot be read: {error.strerror}")
    return ProblemError(f"{shown}: cannot be read ({reason(error)})")


def reason(error: BaseException) -> str:
    """Return a library's message in one short line that is safe to print."""
    return safe_text(" ".join(str(error).split()), 120) or type(error).__name__


def _check_regular(path: str) -> None:
    shown = shown_path(path)
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise cannot_read(path, error) from None
    if stat.S_ISDIR(mode):
        raise ProblemError(f"{shown}: a directory; name a file in it")
    if not stat.S_ISREG(mode):
        raise ProblemError(f"{shown}: not a regular file; pipe it in and use - as its name")


def _ending(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix


@cache
def _spooled() -> BinaryIO:
    """Return a temporary copy of standard input, which can only be read once."""
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or stream.isatty():
        raise ProblemError("- is standard input, which is a terminal here: pipe a table in")
    try:
        spool = tempfile.TemporaryFile(prefix="gd-")  # noqa: SIM115
        try:
            shutil.copyfileobj(stream, spool, 1 << 20)
            spool.flush()
        except BaseException:
            spool.close()
            raise
    except (OSError, io.UnsupportedOperation) as error:
        raise cannot_read(STANDARD_INPUT, error) from None
    atexit.register(spool.close)
    if spool.tell() == 0:
        spool.close()
        raise ProblemError("standard input: is empty; a table needs a header and rows")
    return spool


CHUNK = 1 << 20
LONGEST_LINE = 1 << 24
THREADS = 4


@dataclass(frozen=True)
class Chunk:
    """Whole lines of a text file: its path, their bytes, and the offset of the first."""

    path: str
    data: bytes
    offset: int

    @property
    def line(self) -> int:
        """The number of its first line, from 1; this reads the file again up to there."""
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
        """Whether it is the start of the file."""
        return self.offset == 0

    def text(self, shown: str) -> str:
        """Return the decoded text; `ProblemError` with line and byte if it is not UTF-8."""
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

    With `quotes`, a line end within quotes does not end a line. `ProblemError` for a line of more
    than 16 MiB.
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
                        " is a quote not closed, or is this not a table?"
                    )
                continue
            yield Chunk(path, rest[:cut], offset)
            offset += cut
            rest = rest[cut:]
    if rest:
        yield Chunk(path, rest, offset)


def _end_of_lines(data: bytes, quotes: bool) -> int:
    """Return the number of bytes up to the last line end outside quotes."""
    cut = data.rfind(b"\n") + 1
    if not quotes or b'"' not in data or data.count(b'"', 0, cut) % 2 == 0:
        return cut
    # go back to a line end before which every quote is closed
    for _ in range(1000):
        quote = data.rfind(b'"', 0, cut)
        cut = data.rfind(b"\n", 0, quote) + 1
        if quote < 0 or data.count(b'"', 0, cut) % 2 == 0:
            return cut
    return 0


def parsed_ahead(
    source: Iterator[Chunk], parse: Callable[[Chunk], Any]
) -> Iterator[tuple[Chunk, Any]]:
    """Yield every chunk in order, with what `parse` returns or raises; a few threads run ahead."""
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
