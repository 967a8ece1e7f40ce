"""Where the parts of a problem lie and are computed with: this machine, its disk, or a cluster.

A task is a function that can be pickled. `hold` leaves its results where they were computed and
returns handles of them, `call` brings the results here. Both do one task for each tuple of
arguments, in which handles stand for what they hold.
"""

import hashlib
import logging
import math
import os
import shutil
import socket
import tempfile
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import MachinesLost, ProblemError

T = TypeVar("T")
Look = Callable[[], None]
Show = Callable[[float, float], None]
Items = Sequence[tuple[Any, ...]]
Half = Literal["train", "test"]

POLL_SECONDS = 0.02
"""Between two calls of `look` while others compute."""
PATIENCE_SECONDS = 10.0
"""So long a cluster may be without a scheduler or a worker."""


class Held(Protocol):
    """What can be kept on disk: arrays (rows, …) of equal length, and a small rest."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name."""

    def with_arrays(self, arrays: dict[str, NDArray[Any]]) -> "Held":
        """Return a copy with other arrays; without rows it is the small rest."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a part, ready for an engine: the first `train` are train rows, then test rows.

    `x` is (rows, features + 1), ones last, `y` (rows,). `token` is another one if the part was read
    again. `wanted`, if set, says whether what is computed with them is still wanted.
    """

    x: NDArray[np.float64]
    y: NDArray[np.generic]
    train: int
    token: str = field(default_factory=lambda: uuid4().hex)
    wanted: Callable[[], bool] | None = None

    def half(self, half: Half) -> tuple[NDArray[np.float64], NDArray[np.generic]]:
        """Return X and y of the train rows or of the test rows."""
        part = slice(self.train) if half == "train" else slice(self.train, None)
        return self.x[part], self.y[part]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return X and y."""
        return {"x": self.x, "y": self.y}

    def with_arrays(self, arrays: dict[str, NDArray[Any]]) -> "Rows":
        """Return the same part with other X and y."""
        return replace(self, x=arrays["x"], y=arrays["y"])


class Machines(Protocol):
    """What computes with the parts of a problem; see the head of this file.

    `remarks` are notes for the person who trains on them.
    """

    remarks: tuple[str, ...]

    def hold(self, task: Callable[..., Any], items: Items, show: Show | None = None) -> list[Any]:
        """Do the task for each tuple of arguments and return handles of the results."""

    def call(self, task: Callable[..., T], items: Items, look: Look | None = None) -> "list[T]":
        """Do the task for each tuple of arguments and return the results, in order.

        `look` is called meanwhile; if it raises, the tasks that are not done are given up.
        """

    def words(self) -> str:
        """Return how many there are, in words; empty for this machine alone."""

    def close(self) -> None:
        """Give up what is held."""


# This machine


@dataclass(frozen=True, eq=False)
class _OnDisk:
    """A handle of what is kept in a file of Arrow's IPC format, mapped whenever it is used."""

    path: Path
    rest: Held

    def open(self) -> Held:
        return self.rest.with_arrays(read_arrays(self.path))


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write arrays (rows,) or (rows, columns) of equal length as one record batch."""
    import pyarrow as pa

    columns = []
    for array in arrays.values():
        flat = pa.array(np.ascontiguousarray(array).reshape(-1))
        wide = array.ndim == 2
        columns.append(pa.FixedSizeListArray.from_arrays(flat, array.shape[1]) if wide else flat)
    batch = pa.record_batch(columns, names=list(arrays))
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


class ThisMachine:
    """The threads of this process. With a `memory` in bytes, parts are kept on disk, not held.

    Parts on disk are files in a folder of their own in `directory`, and each is mapped only while
    it is computed with, so that memory stays below the limit. They are gone when it closes.
    """

    remarks: tuple[str, ...] = ()

    def __init__(self, memory: int | None = None, directory: Path | None = None) -> None:
        self.threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
        self._folder: Path | None = None
        if memory is not None:
            fitting = (memory - RESIDENT_BYTES) // PART_BYTES
            if fitting < 1:
                least = (RESIDENT_BYTES + PART_BYTES) / 1e6
                raise ProblemError(
                    f"--memory {memory / 1e6:.0f}MB: is too little to read a part: give it"
                    f" {least:.0f}MB or more"
                )
            self.threads = min(self.threads, fitting)
            self._folder = _own_folder(directory)
            self._end = weakref.finalize(self, shutil.rmtree, self._folder, True)
        self._pool = ThreadPoolExecutor(self.threads, "part")
        self._files = 0

    def hold(self, task: Callable[..., Any], items: Items, show: Show | None = None) -> list[Any]:
        """Do the task for each tuple of arguments and return handles of the results."""
        names = []
        for _ in items:
            self._files += 1
            names.append(f"{self._files:06}.arrow")

        def kept(place: int, *arguments: Any) -> Any:
            made = task(*map(_opened, arguments))
            return self._kept(made, names[place])

        return self._each(kept, [(i, *item) for i, item in enumerate(items)], None, show)

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

    def words(self) -> str:
        """Return nothing: this machine goes without saying."""
        return ""

    def close(self) -> None:
        """Delete the files."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._folder is not None:
            self._end()

    def _kept(self, made: Held, name: str) -> Any:
        if self._folder is None:
            return made
        path = self._folder / name
        arrays = made.arrays()
        try:
            write_arrays(path, arrays)
        except OSError as error:
            raise ProblemError(
                f"{path}: cannot be written: {error.strerror or error}; parts of large data are"
                " kept there"
            ) from None
        return _OnDisk(
            path, made.with_arrays({name: one[:0].copy() for name, one in arrays.items()})
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


_FOLDER = "parts-"
RESIDENT_BYTES = 400 << 20
"""What the program itself takes, with its libraries."""
PART_BYTES = 250 << 20
"""What it takes at most to read a part or to compute with it, roughly."""


# A cluster


class Cluster:
    """Workers of Dask's `distributed`: those of a cluster that is there, or processes made here.

    Results stay on the worker that computed them. If it dies, the task is done again elsewhere, to
    the same bits. Processes made here listen on this machine only, and only this process may talk
    to them: they compute whatever they are sent.
    """

    def __init__(self, *, workers: int = 0, address: str = "") -> None:
        self.address = address or "this machine"
        self.remarks: tuple[str, ...] = ()
        self._alone_since = math.inf
        self._local: Any = None
        try:
            import dask

            # what fails is said here, in a line
            quiet = ("distributed", "distributed.client", "distributed.nanny", "tornado")
            dask.config.set({
                "logging": dict.fromkeys(quiet, "critical"),
                # idle workers would take copies of parts, and memory for them
                "distributed.scheduler.work-stealing": False,
            })  # fmt: skip
            self._dask: Any = import_module("distributed")
            import_module("cryptography")  # which makes the keys of workers on this machine
        except ImportError:
            option = "--cluster" if address else "--workers"
            raise ProblemError(
                f"{option} needs Dask, the extra cluster: pip install 'gd-tui[cluster]'"
            ) from None
        if address:
            _check_answer(address)
        try:
            with warnings.catch_warnings(action="ignore"):
                if not address:
                    # it inherits stderr, which under an interface is no file, and would warn there
                    # of what a process leaves behind that ends at once
                    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
                        resource_tracker.ensure_running()
                    self._local = self._dask.LocalCluster(
                        n_workers=workers,
                        threads_per_worker=1,
                        processes=True,
                        host="127.0.0.1",
                        dashboard_address=None,
                        memory_limit=0,
                        security=True,
                        silence_logs=logging.CRITICAL,
                    )
                self._client = self._dask.Client(
                    self._local or address, timeout=PATIENCE_SECONDS, set_as_default=False
                )
        except (OSError, ValueError, TypeError) as error:
            raise MachinesLost(
                f"{self.address}: no scheduler ({' '.join(str(error).split())[:100]})"
            ) from None
        try:
            self._client.wait_for_workers(max(1, workers), timeout=PATIENCE_SECONDS)
        except TimeoutError:
            self.close()
            raise MachinesLost(
                f"{self.address}: no worker for {PATIENCE_SECONDS:.0f} s; start some with dask"
                f" worker {address}"
            ) from None
        self._compare()

    def hold(self, task: Callable[..., Any], items: Items, show: Show | None = None) -> list[Any]:
        """Do the task for each tuple of arguments and return futures of the results."""
        futures = self._submitted(task, items)

        def look() -> None:
            if show:
                show(sum(one.done() for one in futures), len(futures))

        with self._giving_up(futures):
            self._wait(futures, look)
            for future in futures:
                if future.status != "finished":
                    future.result(timeout=PATIENCE_SECONDS)
        return futures

    def call(self, task: Callable[..., T], items: Items, look: Look | None = None) -> list[T]:
        """Do the task for each tuple of arguments and return the results, in order."""
        futures = self._submitted(task, items)
        with self._giving_up(futures):
            while True:
                self._wait(futures, look)
                try:
                    found: list[T] = self._client.gather(futures)
                except KeyError:  # a worker died between the two lines: its tasks are done again
                    continue
                return found

    def words(self) -> str:
        """Return the number of workers."""
        count = self._workers()
        return f"{count} worker{'s' * (count != 1)}"

    def close(self) -> None:
        """Leave the cluster; end the processes made here."""
        with suppress(Exception):  # it may be gone
            self._client.close(timeout=1)
        if self._local is not None:
            with suppress(Exception):
                self._local.close(timeout=5)

    def _submitted(self, task: Callable[..., Any], items: Items) -> list[Any]:
        if self._client.status != "running":
            raise self._lost()
        return [self._client.submit(task, *item, pure=False) for item in items]

    def _wait(self, futures: list[Any], look: Look | None) -> None:
        while True:
            try:
                with self._client.as_current():
                    self._dask.wait(futures, timeout=POLL_SECONDS)
                return
            except TimeoutError:
                if look is not None:
                    look()
                self._check_workers()

    @contextmanager
    def _giving_up(self, futures: list[Any]) -> Iterator[None]:
        """Give the tasks up if the context fails, and say in a line what has gone."""
        try:
            yield
        except BaseException as error:
            gone = isinstance(error, CancelledError) or self._client.status != "running"
            if gone and not isinstance(error, ProblemError):
                raise self._lost() from None
            with suppress(Exception):
                self._client.cancel(futures, force=True)
            if isinstance(error, self._dask.KilledWorker):
                raise MachinesLost(
                    f"{self.address}: a part ended several workers, one after another; give them"
                    " more memory"
                ) from None
            raise

    def _lost(self) -> MachinesLost:
        return MachinesLost(f"{self.address}: the scheduler is gone")

    def _workers(self) -> int:
        return len(self._client.scheduler_info(n_workers=-1)["workers"])

    def _check_workers(self) -> None:
        now = time.monotonic()
        if self._workers():
            self._alone_since = math.inf
        elif now - min(self._alone_since, now) > PATIENCE_SECONDS:
            raise MachinesLost(f"{self.address}: no worker for {PATIENCE_SECONDS:.0f} s")
        else:
            self._alone_since = min(self._alone_since, now)

    def _compare(self) -> None:
        """Say once if a worker computes other bits than this machine, or cannot compute at all."""
        try:
            found = self._client.run(fixed_products)
        except Exception as error:
            self.close()
            raise ProblemError(
                f"{self.address}: its workers cannot compute ({' '.join(str(error).split())[:100]})"
                ": install this version of gd-tui on all of them"
            ) from None
        here = fixed_products()
        other = [address for address, digest in found.items() if digest != here]
        if other:
            self.remarks = (
                f"{other[0]}{' and others' * (len(other) > 1)} computes other last digits than this"
                " machine: they depend on which worker has a part",
            )


def _check_answer(address: str) -> None:
    """Wait until something answers at a scheduler's address; `MachinesLost` if nothing does."""
    parts = urlsplit(address)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in {"tcp", "tls"} or not host or not port:
        raise ProblemError(f"--cluster {address}: write tcp://HOST:PORT or tls://HOST:PORT")
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with socket.create_connection((host, port), PATIENCE_SECONDS):
                return
        except OSError as error:
            if time.monotonic() > end or isinstance(error, socket.gaierror):
                raise MachinesLost(
                    f"--cluster {address}: no scheduler answers there for"
                    f" {PATIENCE_SECONDS:.0f} s ({error.strerror or error}); start one with dask"
                    " scheduler"
                ) from None
            time.sleep(0.2)


def fixed_products() -> str:
    """Return a digest of products of fixed numbers, which differs between kinds of processors."""
    from threadpoolctl import threadpool_limits

    x = np.sin(np.arange(4096.0 * 7)).reshape(4096, 7)
    with threadpool_limits(1):
        products = [x @ x[0], x.T @ x[:, 0], x[:512] @ x[:64].T, np.exp(x), np.tanh(x)]
    return hashlib.sha256(b"".join(one.tobytes() for one in products)).hexdigest()


# The parts of a problem


@dataclass(eq=False)
class Parts:
    """The rows of a problem in parts, in a fixed order, on the machines that compute with them.

    `class_counts` and `test_counts` (classes,) are those of train and test rows, `target_mean` is
    the mean of the train rows' targets; of a regression `test_moments` are mean of the test rows'
    targets and their sum of squares about it. `digests` have one of each part's values.
    """

    machines: Machines
    handles: list[Any]
    train_rows: int
    test_rows: int
    numbers: int
    digests: tuple[str, ...]
    class_counts: tuple[int, ...] = ()
    test_counts: tuple[int, ...] = ()
    target_mean: float = 0.0
    test_moments: tuple[float, float] = (0.0, 0.0)
    lost: int = 0
    speed: float = 0.0
    _seen: list[set[str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

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
                self.lost += bool(seen) and token not in seen
                seen.add(token)
        if getattr(task, "half", None) == "train":
            self.speed = 8 * self.numbers / max(time.perf_counter() - begin, 1e-9)
        return [result for _, result in found]

    def words(self) -> str:
        """Return machines, speed and lost parts, as `8 workers · 3.1 GB/s · 1 lost, read again`."""
        parts = [self.machines.words(), f"{self.speed / 1e9:.1f} GB/s" if self.speed else ""]
        if self.lost:
            parts.append(f"{self.lost} lost, read again")
        return " · ".join(filter(None, parts))

    def close(self) -> None:
        """Give the rows up."""
        self.handles = []
        self.machines.close()


def _with_token(task: Callable[..., T], rows: Rows, *arguments: Any) -> tuple[str, T]:
    return rows.token, task(rows, *arguments)
