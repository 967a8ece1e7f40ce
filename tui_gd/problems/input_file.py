"""Input files: their format, their bytes decompressed, and text in chunks of whole lines."""

import atexit
import bz2
import codecs
import glob
import gzip
import io
import lzma
import os
import re
import shutil
import stat
import sys
import tempfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Literal

from tui_gd.errors import ProblemError, way
from tui_gd.problems.text import safe_text

Format = Literal["delimited", "json", "arff", "parquet", "feather", "npz", "npy", "svmlight"]
STANDARD_INPUT = "-"
PATH_SHOWN = 200
_ENDINGS: dict[Format, str] = {
    "delimited": ".csv .tsv .tab .txt .data .dat",
    "json": ".json .jsonl .ndjson",
    "arff": ".arff",
    "parquet": ".parquet .pq",
    "feather": ".feather .arrow",
    "npz": ".npz",
    "npy": ".npy",
    "svmlight": ".svm .svmlight .libsvm",
}
_FORMATS = {ending: form for form, endings in _ENDINGS.items() for ending in endings.split()}
_PACKED_ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".zip")
_FIRST_BYTES: tuple[tuple[bytes, Format], ...] = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "feather"),
    (b"\x93NUMPY", "npy"),
)
_TEXTS = ("delimited", "json", "arff", "svmlight")
_AS_CSV = "save the table as CSV or Parquet"
_UNPACK = "unpack it and name the table in it"
# what is not read, by its first bytes in lower case, and what to do
_NOT_READ: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"an old spreadsheet; {_AS_CSV}"),
    (b"<!doctype html", f"a web page, not a table; {_AS_CSV}"),
    (b"<html", f"a web page, not a table; {_AS_CSV}"),
    (b"<?xml", f"XML; {_AS_CSV}"),
    (b"%pdf-", f"a PDF; {_AS_CSV}"),
    (b"sqlite format 3\x00", f"a database of SQLite; {_AS_CSV}"),
    (b"\x89hdf\r\n\x1a\n", f"HDF5; {_AS_CSV}"),
    (b"obj\x01", f"Avro; {_AS_CSV}"),
    (b"rdx3\n", f"a file of R; {_AS_CSV}"),
    (b"$fl2@", f"a file of SPSS; {_AS_CSV}"),
    (b"<stata_dta>", f"a file of Stata; {_AS_CSV}"),
    *((b"\x80" + bytes([n]), f"a pickle, which could run code; {_AS_CSV}") for n in range(2, 6)),
    (b"7z\xbc\xaf\x27\x1c", f"an archive of 7-Zip; {_UNPACK}"),
    (b"rar!\x1a\x07", f"an archive of RAR; {_UNPACK}"),
    (b"\x1f\x9d", f"packed with compress; {_UNPACK}"),
    (b"\x04\x22m\x18", f"packed with lz4; {_UNPACK}"),
    (b"\x5d\x00\x00", f"packed with lzma; {_UNPACK}"),
)
# byte order marks, the longest first: that of UTF-32 begins like that of UTF-16
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# what decompressors raise for files that are damaged or cut off
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile)
_ARFF = re.compile(rb"\s*(?:%[^\n]*\n\s*)*@relation\b", re.IGNORECASE)
_JSON = re.compile(rb'\s*(?:\{\s*"|\[\s*[\[{])')
_SVMLIGHT = re.compile(
    rb"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?(?:\s+qid:[0-9]+)?(?:\s+[0-9]+:[^\s:]+)*\s*(?:#.*)?"
)
# the format of a text is decided by this many bytes
SNIFFED = 1 << 14
BUFFER = 1 << 16


@dataclass(frozen=True)
class InputFile:
    """A file of data, or `-` for standard input; `encoding` None means UTF-8.

    Its bytes are decompressed. A text that begins with a byte order mark has the encoding of the
    mark.
    """

    path: str
    encoding: str | None = None

    @property
    def shown(self) -> str:
        """How messages name the file."""
        return shown_path(self.path)

    @property
    def size(self) -> int:
        """The size in bytes, as stored."""
        if self.path == STANDARD_INPUT:
            return os.fstat(_spooled().fileno()).st_size
        return os.stat(self.path).st_size

    @property
    def is_packed(self) -> bool:
        """Whether the file is compressed."""
        with self._stored() as file:
            return _packing(file.read(8)) is not None

    def open(self) -> BinaryIO:
        """Open the decompressed bytes; `ProblemError` if that fails."""
        file = self._stored()
        try:
            packing = _packing(file.read(8))
            file.seek(0)
            if packing is None:
                return file
            if packing == "zip":
                archive = zipfile.ZipFile(file)
                return _Unpacked(archive.open(_member(self.shown, archive)), file)
            if packing == "zst":
                import pyarrow as pa

                source = pa.PythonFile(file, mode="r")
                return _Unpacked(pa.CompressedInputStream(source, "zstd"), file)
            opener: Any = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}[packing]
            return _Unpacked(opener(file), file)
        except ProblemError:
            file.close()
            raise
        except (OSError, RuntimeError, NotImplementedError, *DAMAGED) as error:
            file.close()
            raise cannot_read(self.path, error) from None

    def open_text(self) -> BinaryIO:
        """Open the text as UTF-8, decoded from its own encoding."""
        encoding = self.text_encoding()
        if encoding is None:
            return self.open()
        return io.BufferedReader(_Recoded(self, encoding), BUFFER)

    def text_encoding(self) -> str | None:
        """Return the encoding that was named, or that a byte order mark shows; None if neither."""
        start = self.first_bytes(4)
        mark = next((name for mark, name in _MARKS if start.startswith(mark)), None)
        return self.encoding or mark

    def read(self, file: BinaryIO, size: int) -> bytes:
        """Read up to `size` bytes of the opened file; `ProblemError` if that fails."""
        try:
            return file.read(size)
        except (OSError, MemoryError, *DAMAGED) as error:
            raise cannot_read(self.path, error) from None

    def first_bytes(self, size: int) -> bytes:
        """Return the first bytes, decompressed."""
        with self.open() as file:
            return self.read(file, size)

    def chunks(
        self, quote: bytes = b'"', begin: int = 0, end: int | None = None
    ) -> "Generator[Chunk]":
        """Yield the text in chunks of about `CHUNK` bytes that end with a line.

        A line end within quotes does not end a line; an empty `quote` means that there are none.
        With `begin` and `end`, the bytes from one to the other, which both stand behind a line end.
        `ProblemError` for a line of more than 16 MiB.
        """
        rest, offset, done = b"", begin, begin
        with self.open_text() as file:
            if begin:
                file.seek(begin)
            while True:
                data = self.read(file, CHUNK if end is None else min(CHUNK, end - done))
                done += len(data)
                if not data:
                    break
                rest += data
                cut = _end_of_lines(rest, quote)
                if not cut:
                    if len(rest) > LONGEST_LINE:
                        line = Chunk(self, rest, offset).line
                        raise ProblemError(
                            f"{self.shown}: line {line} is longer than {LONGEST_LINE >> 20} MiB:"
                            " is a quote not closed, or is this not a table?"
                        )
                    continue
                yield Chunk(self, rest[:cut], offset)
                offset += cut
                rest = rest[cut:]
        if rest:
            yield Chunk(self, rest, offset)

    def estimate(self, rows: int, size: int | None = None) -> int:
        """Return about how many rows the text has if the first chunk has `rows`.

        With `size`, the number in that many of its bytes.
        """
        if size is None:
            size = self.size * (UNPACKED if self.is_packed else 1)
        return int(max(size / CHUNK, 1) * rows * 1.02) if size > CHUNK else rows

    def _stored(self) -> BinaryIO:
        try:
            if self.path != STANDARD_INPUT:
                return open(self.path, "rb")
            file = os.fdopen(os.dup(_spooled().fileno()), "rb")
            file.seek(0)
            return file
        except (OSError, ValueError) as error:
            raise cannot_read(self.path, error) from None


def shown_path(path: str) -> str:
    """Return how messages name a path."""
    return "standard input" if path == STANDARD_INPUT else safe_text(path, PATH_SHOWN)


def names_file(name: str) -> bool:
    """Whether PROBLEM names a file: by its ending, by a slash, or because it exists."""
    named = name == STANDARD_INPUT or _format_named(name) is not None or os.sep in name
    return named or is_pattern(name) or os.path.exists(name)


def is_pattern(name: str) -> bool:
    """Whether a name stands for several files, as `part-*.parquet`."""
    try:
        return any(sign in name for sign in "*?") and not Path(name).exists()
    except (OSError, ValueError):
        return False


def files_of(name: str) -> list[str]:
    """Return the files that a name or a pattern stands for, in the order of their names."""
    if not is_pattern(name):
        return [name]
    found = sorted(filter(os.path.isfile, glob.glob(name)))
    if not found:
        raise ProblemError(f"{shown_path(name)}: no file has such a name; quote the pattern")
    return found


def format_of(file: InputFile) -> Format:
    """Return the format of a file, by its content or else by its ending.

    A file of unknown content and ending is a text table. `ProblemError` if it cannot be read.
    """
    if file.path != STANDARD_INPUT:
        _check_regular(file.path)
    with file._stored() as stored:
        packing = _packing(stored.read(8))
    named = _format_named(file.path)
    if packing == "zip":
        names = _names(file)
        if all(name.endswith(".npy") for name in names):
            return "npz"
        named = named or _format_named(names[0])
    first = file.first_bytes(SNIFFED)
    if not first:
        raise ProblemError(f"{file.shown}: is empty; a table needs a header and rows")
    if first.startswith(b"FEA1"):
        raise ProblemError(f"{file.shown}: Feather version 1; write it again as version 2")
    lowered = first[:512].removeprefix(codecs.BOM_UTF8).lower()
    for magic, what in _NOT_READ:
        if lowered.startswith(magic):
            raise ProblemError(f"{file.shown}: {what}")
    if first[257:262] == b"ustar":
        raise ProblemError(f"{file.shown}: an archive of tar; {_UNPACK}")
    found = next((form for magic, form in _FIRST_BYTES if first.startswith(magic)), named)
    if found in {None, "delimited"}:
        with file.open_text() as text:
            found = _sniffed(file.read(text, SNIFFED))
    if packing and found not in _TEXTS:
        raise ProblemError(f"{file.shown}: only text can be read compressed; unpack the file")
    return found or "delimited"


def _format_named(name: str) -> Format | None:
    name = name.lower()
    for ending in _PACKED_ENDINGS:
        name = name.removesuffix(ending)
    return _FORMATS.get(Path(name).suffix)


def _sniffed(first: bytes) -> Format:
    """Return the format of a text by how it begins."""
    text = first.removeprefix(codecs.BOM_UTF8)
    if _ARFF.match(text):
        return "arff"
    if _JSON.match(text):
        return "json"
    lines = [line.strip() for line in (text if len(text) < SNIFFED else text[: text.rfind(b"\n")])
             .split(b"\n")]  # fmt: skip
    lines = [line for line in lines if line and not line.startswith(b"#")]
    pairs = any(b":" in line.partition(b"#")[0] for line in lines)  # a row may have zeros only
    return "svmlight" if pairs and all(map(_SVMLIGHT.fullmatch, lines)) else "delimited"


def _packing(first: bytes) -> str | None:
    """Return how a file is compressed, by its first bytes."""
    kinds = {
        b"\x1f\x8b": "gz",
        b"BZh": "bz2",
        b"\xfd7zXZ\x00": "xz",
        b"\x28\xb5\x2f\xfd": "zst",
        b"PK\x03\x04": "zip",
        b"PK\x05\x06": "zip",
    }
    return next((kind for magic, kind in kinds.items() if first.startswith(magic)), None)


def _names(file: InputFile) -> list[str]:
    """Return the names of the files in a zip archive."""
    try:
        with file._stored() as stored, zipfile.ZipFile(stored) as archive:
            names = [one.filename for one in _contents(archive)]
    except (OSError, *DAMAGED) as error:
        raise cannot_read(file.path, error) from None
    if not names:
        raise ProblemError(f"{file.shown}: a zip archive without a file in it")
    return names


def _member(shown: str, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the only file of a zip archive; `ProblemError` if there are several."""
    found = _contents(archive)
    names = [one.filename for one in found]
    if "[Content_Types].xml" in names or "content.xml" in names:
        raise ProblemError(f"{shown}: a spreadsheet; save the sheet as CSV")
    if len(found) != 1:
        some = ", ".join(safe_text(name) for name in names[:5]) + ", ..." * (len(names) > 5)
        raise ProblemError(
            f"{shown}: a zip archive of {len(found)} files ({some}): unpack it and name one"
        )
    return found[0]


def _contents(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    files = [one for one in archive.infolist() if not one.is_dir()]
    return [one for one in files if not one.filename.startswith(("__MACOSX/", "."))]


class _Unpacked(io.BufferedReader):
    """The bytes of a decompressor; closes the stored file below it too."""

    def __init__(self, file: Any, below: BinaryIO) -> None:
        self._below = below
        super().__init__(file, BUFFER)

    def close(self) -> None:
        """Close both files."""
        super().close()
        self._below.close()


class _Recoded(io.RawIOBase):
    """The UTF-8 of a text in another encoding."""

    def __init__(self, source: InputFile, encoding: str) -> None:
        self._source, self._encoding, self._done = source, encoding, 0
        self._file, self._waiting = source.open(), b""
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the bytes go."""
        while not self._waiting:
            data = self._file.read(len(buffer))
            self._waiting = self._decode(data, final=not data).encode()
            if not data:
                break
        count = min(len(buffer), len(self._waiting))
        buffer[:count] = self._waiting[:count]
        self._waiting = self._waiting[count:]
        return count

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()

    def _decode(self, data: bytes, *, final: bool) -> str:
        try:
            text = self._decoder.decode(data, final)
            self._done += len(data)
            return text.removeprefix("\ufeff") if self._done == len(data) else text
        except UnicodeError as error:
            at = self._done + getattr(error, "start", 0)
            raise ProblemError(
                f"{self._source.shown}: near byte {at} it is not {self._encoding}; name the"
                " encoding of the file with --encoding",
                way(encoding=None),
            ) from None


def spooled_input() -> tuple[int, int]:
    """Return the descriptor and the size in bytes of the copy of standard input."""
    handle = _spooled().fileno()
    return handle, os.fstat(handle).st_size


def cannot_read(path: str, error: BaseException) -> ProblemError:
    """Return the error that says why a file cannot be read, in one line."""
    shown = shown_path(path)
    if isinstance(error, FileNotFoundError):
        return ProblemError(f"{shown}: no such file")
    if isinstance(error, PermissionError):
        return ProblemError(f"{shown}: no permission to read it; chmod or copy it")
    if isinstance(error, DAMAGED) or (isinstance(error, OSError) and error.errno is None):
        return ProblemError(f"{shown}: is cut off or damaged; copy it again")
    if isinstance(error, MemoryError):
        return ProblemError(f"{shown}: not enough memory; take fewer rows")
    if isinstance(error, OSError):
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
# roughly how much longer a compressed file is when unpacked
UNPACKED = 3


@dataclass(frozen=True)
class Chunk:
    """Whole lines of a text file: the file, their bytes in UTF-8, the offset of the first."""

    file: InputFile
    data: bytes
    offset: int

    @property
    def line(self) -> int:
        """The number of its first line, from 1; this reads the file again up to there."""
        lines, left = 1, self.offset
        with self.file.open_text() as file:
            while left:
                data = self.file.read(file, min(left, CHUNK))
                if not data:
                    break
                lines, left = lines + data.count(b"\n"), left - len(data)
        return lines

    @property
    def first(self) -> bool:
        """Whether it is the start of the file."""
        return self.offset == 0

    def text(self) -> str:
        """Return the decoded text; `ProblemError` with line and byte if it is not UTF-8."""
        try:
            return self.data.decode("utf-8-sig" if self.first else "utf-8")
        except UnicodeDecodeError as error:
            at = error.start + (3 if self.first and self.data[:3] == codecs.BOM_UTF8 else 0)
            line = self.line + self.data.count(b"\n", 0, at)
            raise ProblemError(
                f"{self.file.shown}: line {line}, byte {self.offset + at} is not UTF-8: name the"
                " encoding, as --encoding latin-1",
                way(encoding="latin-1"),
            ) from None


def _end_of_lines(data: bytes, quote: bytes) -> int:
    """Return the number of bytes up to the last line end outside quotes."""
    cut = data.rfind(b"\n") + 1
    if not quote or quote not in data or data.count(quote, 0, cut) % 2 == 0:
        return cut
    # go back to a line end with all quotes closed before it
    for _ in range(1000):
        place = data.rfind(quote, 0, cut)
        cut = data.rfind(b"\n", 0, place) + 1
        if place < 0 or data.count(quote, 0, cut) % 2 == 0:
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
    return chunk, future.exception() or future.result()
