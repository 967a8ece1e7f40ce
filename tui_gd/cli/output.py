"""What a command prints and writes: streams whose faults are one line, and JSON files."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from tui_gd.errors import OutputError
from tui_gd.files import WholeFile


class Output:
    """A stream whose faults become an `OutputError`; a closed stream ignores what is written."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

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
        # standard output belongs to the object alone
        self.text_output = Output(sys.stderr if path == "-" else sys.stdout)

    def write(self, document: dict[str, Any]) -> None:
        """Write the object as one line; NaN and infinity are not JSON and a bug."""
        text = json.dumps(document, allow_nan=False) + "\n"
        if self._file:
            self._file.write(text)
        else:
            Output(sys.stdout).write(text)

    def discard(self) -> None:
        """Leave the file as it was, unless it has been written."""
        if self._file:
            self._file.discard()


@contextmanager
def document_at(path: str | None) -> Iterator[Document]:
    """Give the place for a command's JSON; without `write` the file stays as it was."""
    document = Document(path)
    try:
        yield document
    finally:
        document.discard()
