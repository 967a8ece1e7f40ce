"""Where the parts of a problem lie and are computed with: in memory, on disk, or on a cluster.

Here is this machine; the workers of a cluster are in `cluster.py`.

A task is a function that can be pickled. `hold` leaves its results, which are dataclasses, where
they were computed and returns handles of them; `call` brings the results here. Both do one task for
each tuple of arguments, in which handles stand for what they hold.
"""

import hashlib
import math
import os
import shutil
import tempfile
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import MachinesLost, ProblemError

T = TypeVar("T")
Look = Callable[[], None]
Show = Callable[[float, float], None]
Items = Sequence[tuple[Any, ...]]
Half = Literal["train", "validation", "test"]

POLL_SECONDS = 0.02
"""The time between two calls of `look` while others compute."""


def array_fields(result: Any) -> dict[str, NDArray[Any]]:
    """Return the arrays (rows, …) of a dataclass by name; what else it has is small."""
    return {name: one for name, one in vars(result).items() if isinstance(one, np.ndarray)}


class Lasting(Protocol):
    """What can be found again on disk by another process: its rest can be written as text."""

    def rest_as_text(self) -> str:
        """Return everything but the arrays."""

    @classmethod
    def from_text(cls, text: str) -> Any:
        """Return it without rows; `ValueError` for a text that was not written by this version."""


Lasts = tuple[type[Lasting], Sequence[str]]
"""The kind of lasting results, and the name of each; see `Machines.hold`."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a part, ready for an engine: `train` of them, then `validation`, then test rows.

    `x` is (rows, features + 1), ones last, `y` (rows,). `token` is another one if the part was
    read again; up to its dash it is a digest of the rows. `wanted`, if set, says whether what is
    computed with them is still wanted.
    """

    x: NDArray[np.float64]
    y: NDArray[np.generic]
    train: int
    validation: int = 0
    token: str = ""
    wanted: Callable[[], bool] | None = None

    def __post_init__(self) -> None:
        if not self.token:
            digest = _digest(array_fields(self)).decode()[:16]
            object.__setattr__(self, "token", f"{digest}-{uuid4().hex}")

    def half(self, half: Half) -> tuple[NDArray[np.float64], NDArray[np.generic]]:
        """Return X and y of the rows of one kind."""
        tested = self.train + self.validation
        part = {
            "train": slice(self.train),
            "validation": slice(self.train, tested),
            "test": slice(tested, None),
        }[half]
        return self.x[part], self.y[part]


class Machines(ABC):
    """What computes with the parts of a problem; see the head of this file.

    `remarks` are notes for the person who trains on them.
    """

    remarks: tuple[str, ...] = ()

    def make_room(self, what: str, size: int, beside: int = 0) -> int | None:
        """Do no more tasks at once than fit, if each takes `size` bytes and the rest `beside`.

        Return the bytes that each may take; None if nothing limits them. `ProblemError`, which
        names `what` takes them, if not even one fits.
        """
        del what, size, beside
        return None

    @abstractmethod
    def hold(
        self,
        task: Callable[..., Any],
        items: Items,
        show: Show | None = None,
        lasting: Lasts | None = None,
    ) -> list[Any]:
        """Do the task for each tuple of arguments and return handles of the results.

        `lasting` results have names, some perhaps empty, under which they are found again without
        doing the task.
        """

    @abstractmethod
    def call(self, task: Callable[..., T], items: Items, look: Look | None = None) -> "list[T]":
        """Do the task for each tuple of arguments and return the results, in order.

        `look` is called meanwhile; if it raises, the tasks that are not done are given up.
        """

    def words(self) -> str:
        """Return how many there are, in words; empty for this machine alone."""
        return ""

    def keep(self, directory: Path) -> None:  # noqa: B027 - by default nothing is on disk
        """Keep what is `lasting` in a directory beyond this process, if it is on disk."""

    @abstractmethod
    def close(self) -> None:
        """Give up what is held."""


# This machine


@dataclass(frozen=True, eq=False)
class _OnDisk:
    """A handle of a result whose arrays are kept in a file, mapped whenever they are used.

    The file is of Arrow's IPC format; `rest` is the result without rows.
    """

    path: Path
    rest: Any

    def open(self) -> Any:
        return replace(self.rest, **read_arrays(self.path))


def _found_again(path: Path, kind: type[Lasting]) -> Any:
    """Return the rest of what is kept in a file; `ValueError` if the file is damaged."""
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as file:
            known = pa.ipc.open_file(file).schema.metadata or {}
        if known.get(b"sha256") != _digest(read_arrays(path)):
            raise ValueError(f"{path}: is damaged")
    except (pa.ArrowException, OSError, IndexError) as error:
        raise ValueError(str(error)) from None
    return kind.from_text(known[b"rest"].decode())


def _digest(arrays: dict[str, NDArray[Any]]) -> bytes:
    digest = hashlib.sha256()
    for array in arrays.values():
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest().encode()


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]], rest: str | None = None) -> None:
    """Write arrays (rows,) or (rows, columns) of equal length as one record batch.

    With a `rest`, a text, it is written beside them with a digest of them.
    """
    import pyarrow as pa

    known = {} if rest is None else {"rest": rest, "sha256": _digest(arrays)}
    columns = []
    for array in arrays.values():
        flat = pa.array(np.ascontiguousarray(array).reshape(-1))
        wide = array.ndim == 2
        columns.append(pa.FixedSizeListArray.from_arrays(flat, array.shape[1]) if wide else flat)
    batch = pa.record_batch(columns, names=list(arrays)).replace_schema_metadata(known)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return what `write_arrays` wrote, mapped from the file without a copy."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        batch = pa.ipc.open_file(file).get_batch(0)
    arrays = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        wide = pa.types.is_fixed_size_list(column.type)
        flat = (column.values if wide else column).to_numpy()
        arrays[name] = flat.reshape(-1, column.type.list_size) if wide else flat
    return arrays


class ThisMachine(Machines):
    """The threads of this process. With a `memory` in bytes, parts are kept on disk, not held.

    Parts on disk are files in a folder of their own in `directory`, and each is mapped only while
    it is computed with, so that memory stays below the limit. A file is gone when nothing holds its
    handle, except what is `lasting`: that is gone when the machine closes, or lasts as long as the
    folder of a run that it is kept in.
    """

    def __init__(self, memory: int | None = None, directory: Path | None = None) -> None:
        self._cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
        self._memory, self._folder, self._files = memory, None, count(1)
        self._pool = ThreadPoolExecutor(self._cores, "part")
        if memory is not None:
            self.make_room("one part", PART_BYTES)
            self._folder = _own_folder(directory)
            self._end = weakref.finalize(self, shutil.rmtree, self._folder, True)

    def make_room(self, what: str, size: int, beside: int = 0) -> int | None:
        """Do no more tasks at once than fit into the memory; `ProblemError` if not one does."""
        if self._memory is None:
            return None
        room = self._memory - RESIDENT_BYTES - beside
        threads = min(self._cores, room // size)
        if threads < 1:
            least = (RESIDENT_BYTES + beside + size) / 1e6
            raise ProblemError(
                f"--memory {self._memory / 1e6:.0f}MB is too little for the program and {what}:"
                f" give it {math.ceil(least)}MB or more"
            )
        self._pool.shutdown()
        self._pool = ThreadPoolExecutor(threads, "part")
        return room // threads

    def hold(
        self,
        task: Callable[..., Any],
        items: Items,
        show: Show | None = None,
        lasting: Lasts | None = None,
    ) -> list[Any]:
        """Do the task for each tuple of arguments and return handles of the results."""

        def kept(place: int, *arguments: Any) -> Any:
            if self._folder is None:
                return task(*map(_opened, arguments))
            if lasting is None or not lasting[1][place]:
                handle = self._kept(task(*map(_opened, arguments)), f"{next(self._files):06}")
                weakref.finalize(handle, handle.path.unlink, missing_ok=True)
                return handle
            kind, name = lasting[0], f"{_LASTING}{lasting[1][place]}"
            return self._again(kind, name) or self._kept(task(*map(_opened, arguments)), name)

        return self._each(kept, [(i, *item) for i, item in enumerate(items)], None, show)

    def keep(self, directory: Path) -> None:
        """Move what is lasting into a directory; `ProblemError` if that fails."""
        found = [] if self._folder is None else sorted(self._folder.glob(f"{_LASTING}*"))
        try:
            for path in found:
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                path.replace(directory / path.name)
        except OSError as error:
            raise ProblemError(f"{directory}: cannot be written: {error.strerror}") from None

    def _again(self, kind: type[Lasting], name: str) -> _OnDisk | None:
        """Return a handle of what a run has kept under a name; None if it is not there or damaged.

        A link of its own holds it, because the run may be deleted meanwhile.
        """
        assert self._folder is not None
        own = self._folder / f"{name}.arrow"
        for path in self._folder.parent.glob(f"{KEPT}/*/{name}.arrow"):
            with suppress(OSError, ValueError):
                own.unlink(missing_ok=True)
                own.hardlink_to(path)
                return _OnDisk(own, _found_again(own, kind))
        return None

    def call(self, task: Callable[..., T], items: Items, look: Look | None = None) -> list[T]:
        """Do the task for each tuple of arguments and return the results, in order."""
        given_up = threading.Event()

        def opened(*arguments: Any) -> T:
            ready = [_opened(one) for one in arguments]
            return task(*(
                replace(one, wanted=lambda: not given_up.is_set()) if isinstance(one, Rows) else one
                for one in ready
            ))  # fmt: skip

        try:
            return self._each(opened, items, look, None)
        except BaseException:
            given_up.set()
            raise

    def close(self) -> None:
        """Delete the files."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._folder is not None:
            self._end()

    def _kept(self, made: Any, name: str) -> _OnDisk:
        """Write a result of a task to disk and return its handle."""
        assert self._folder is not None
        path = self._folder / f"{name}.arrow"
        path.unlink(missing_ok=True)  # a damaged link to a file that others may be reading
        arrays = array_fields(made)
        rest = made.rest_as_text() if name.startswith(_LASTING) else None
        try:
            write_arrays(path, arrays, rest)
        except OSError as error:
            raise ProblemError(
                f"{path}: cannot be written: {error.strerror or error}; parts of large data are"
                " kept there"
            ) from None
        return _OnDisk(
            path, replace(made, **{name: one[:0].copy() for name, one in arrays.items()})
        )

    def _each(
        self, work: Callable[..., Any], items: Items, look: Look | None, show: Show | None
    ) -> list[Any]:
        futures = [self._pool.submit(work, *item) for item in items]
        try:
            for done, future in enumerate(futures):
                _wait(future, look)
                future.result()
                if show:
                    show(done + 1, len(futures))
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        return [future.result() for future in futures]


def _wait(future: "Future[Any]", look: Look | None) -> None:
    while look is not None and not future.done():
        look()
        with suppress(TimeoutError):
            future.exception(POLL_SECONDS)


def _opened(argument: Any) -> Any:
    return argument.open() if isinstance(argument, _OnDisk) else argument


def _own_folder(directory: Path | None) -> Path:
    """Make a folder for the files of this process; delete those of processes that have ended."""
    place = directory or Path(tempfile.gettempdir())
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in place.glob(f"{_FOLDER}*-*"):
            owner = old.name.removeprefix(_FOLDER).partition("-")[0]
            if owner.isdecimal() and not _is_running(int(owner)):
                shutil.rmtree(old, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=place))
    except OSError as error:
        raise ProblemError(f"{place}: cannot be written: {error.strerror}") from None


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


_FOLDER, _LASTING = "parts-", "read-"
KEPT = "parts"
"""The folder with a folder for each run whose parts are kept."""
RESIDENT_BYTES = 400 << 20
"""What the program itself takes, with its libraries."""
PART_BYTES = 250 << 20
"""What it takes at most to read a part of a text."""


# The parts of a problem


@dataclass(eq=False)
class Parts:
    """The rows of a problem in parts, in a fixed order, on the machines that compute with them.

    `counts` are the train rows of every part. `class_counts` and `test_counts` (classes,) are those
    of train and test rows, `target_mean` is the mean of the train rows' targets; of a regression
    `test_moments` are mean of the test rows' targets and their sum of squares about it. `digests`
    have one of the values of each piece that was read.
    """

    machines: Machines
    handles: list[Any]
    counts: tuple[int, ...]
    test_rows: int
    numbers: int
    digests: tuple[str, ...]
    validation_rows: int = 0
    class_counts: tuple[int, ...] = ()
    test_counts: tuple[int, ...] = ()
    target_mean: float = 0.0
    test_moments: tuple[float, float] = (0.0, 0.0)
    lost: int = 0
    speed: float = 0.0
    _seen: list[set[str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def train_rows(self) -> int:
        """The number of train rows."""
        return sum(self.counts)

    def take(
        self, rows: NDArray[np.intp], look: Look | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.generic]]:
        """Return X and y of some train rows, in their order; they are numbered part by part."""
        ends = np.cumsum(self.counts)
        part = np.searchsorted(ends, rows, side="right")
        order = np.argsort(part, kind="stable")
        wanted, begins = np.unique(part[order], return_index=True)
        places = np.split(order, begins[1:])
        items = [
            (_train_rows, self.handles[one], rows[own] - (ends[one] - self.counts[one]))
            for one, own in zip(wanted.tolist(), places, strict=True)
        ]
        found = [pair for _, pair in self.machines.call(_with_token, items, look)]
        x = np.empty((len(rows), found[0][0].shape[1]), found[0][0].dtype)
        y = np.empty(len(rows), found[0][1].dtype)
        for own, (some, targets) in zip(places, found, strict=True):
            x[own], y[own] = some, targets
        return x, y

    def each(
        self, task: Callable[..., Any], *arguments: Any, look: Look | None = None
    ) -> list[Any]:
        """Return `task(part, *arguments)` for every part, in order; see `Machines.call`."""
        begin = time.perf_counter()
        items = [(task, handle, *arguments) for handle in self.handles]
        found = self.machines.call(_with_token, items, look)
        with self._lock:
            self._seen = self._seen or [set() for _ in found]
            for (token, _), seen in zip(found, self._seen, strict=True):
                if seen and token not in seen:
                    self.lost += 1
                    if token.partition("-")[0] != next(iter(seen)).partition("-")[0]:
                        raise MachinesLost(
                            "a part was read again, and its file has changed since: put back the"
                            " file as it was"
                        )
                seen.add(token)
        if getattr(task, "half", None) == "train":
            self.speed = 8 * self.numbers / max(time.perf_counter() - begin, 1e-9)
        return [result for _, result in found]

    def words(self) -> str:
        """Return machines, speed and lost parts, as `8 workers · 3.1 GB/s · 1 lost, read again`."""
        speed = (
            f"{self.speed / 1e9:.1f} GB/s" if self.speed >= 1e8 else f"{self.speed / 1e6:.0f} MB/s"
        )
        parts = [self.machines.words(), speed if self.speed else ""]
        if self.lost:
            parts.append(f"{self.lost} lost, read again")
        return " · ".join(filter(None, parts))

    def close(self) -> None:
        """Give the rows up."""
        self.handles = []
        self.machines.close()


def _train_rows(
    rows: Rows, chosen: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.generic]]:
    return rows.x[chosen], rows.y[chosen]


def _with_token(task: Callable[..., T], rows: Rows, *arguments: Any) -> tuple[str, T]:
    return rows.token, task(rows, *arguments)
