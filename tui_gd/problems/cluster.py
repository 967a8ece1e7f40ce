"""A cluster: the workers of Dask that hold parts and compute with them."""

import hashlib
import logging
import math
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, redirect_stderr, suppress
from importlib import import_module
from multiprocessing import resource_tracker
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from tui_gd.errors import MachinesLost, ProblemError
from tui_gd.problems.machines import POLL_SECONDS, Items, Lasts, Look, Machines, Show, T

PATIENCE_SECONDS = 10.0
"""A cluster may be without a scheduler or a worker for this long."""
NOTICE_SECONDS = 1.0
"""A client may take this long to notice that its connection has gone."""


class Cluster(Machines):
    """Workers of Dask's `distributed`: those of a cluster that is there, or processes made here.

    Results stay on the worker that computed them. If it dies, the task is done again elsewhere, to
    the same bits. Processes made here listen on this machine only, and only this process may talk
    to them: they compute whatever they are sent.
    """

    def __init__(self, *, workers: int = 0, address: str = "") -> None:
        self.address = address or "this machine"
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
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            self.close()
            what = "no scheduler" if address else "the workers do not start"
            raise MachinesLost(
                f"{self.address}: {what} ({' '.join(str(error).split())[:100]})"
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

    def hold(
        self,
        task: Callable[..., Any],
        items: Items,
        show: Show | None = None,
        lasting: Lasts | None = None,
    ) -> list[Any]:
        """Do the task for each tuple of arguments and return futures of the results."""
        del lasting

        def look() -> None:
            if show:
                show(sum(one.done() for one in futures), len(futures))

        with self._submitted(task, items) as futures:
            self._wait(futures, look)
            for future in futures:
                if future.status != "finished":
                    future.result(timeout=PATIENCE_SECONDS)
        return futures

    def call(self, task: Callable[..., T], items: Items, look: Look | None = None) -> list[T]:
        """Do the task for each tuple of arguments and return the results, in order."""
        with self._submitted(task, items) as futures:
            while True:
                self._wait(futures, look)
                try:
                    found: list[T] = self._client.gather(futures)
                except KeyError:  # a worker died between the two lines: its tasks are done again
                    continue
                return found

    def words(self) -> str:
        """Return the number of workers."""
        workers = self._workers()
        return f"{workers} worker{'s' * (workers != 1)}"

    def close(self) -> None:
        """Leave the cluster; end the processes made here."""
        with suppress(Exception):  # it may be gone
            self._client.close(timeout=1)
        if self._local is not None:
            with suppress(Exception):
                self._local.close(timeout=5)

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
    def _submitted(self, task: Callable[..., Any], items: Items) -> Iterator[list[Any]]:
        """Submit the tasks; if the context fails, give them up and say in a line what has gone."""
        futures: list[Any] = []
        try:
            if self._client.status != "running":
                raise self._lost()
            futures.extend(self._client.submit(task, *item, pure=False) for item in items)
            yield futures
        except BaseException as error:
            if not isinstance(error, ProblemError) and self._is_gone(error):
                raise self._lost() from None
            with suppress(Exception):
                self._client.cancel(futures, force=True)
            if isinstance(error, self._dask.KilledWorker):
                raise MachinesLost(
                    f"{self.address}: a part ended several workers, one after another; give them"
                    " more memory"
                ) from None
            raise

    def _is_gone(self, error: BaseException) -> bool:
        """Return whether it failed because the scheduler has gone."""
        end = time.monotonic() + NOTICE_SECONDS
        # the client notices a little after the first message that fails
        while isinstance(error, OSError) and self._client.status == "running":
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return isinstance(error, CancelledError) or self._client.status != "running"

    def _lost(self) -> MachinesLost:
        return MachinesLost(f"{self.address}: the scheduler is gone")

    def _workers(self) -> int:
        # without a scheduler nothing is known of them
        return len(self._client.scheduler_info(n_workers=-1).get("workers", ()))

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
