"""How numbers are computed: BLAS on one thread, overflow without a warning."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController


class _OneBlasThread:
    """Holds BLAS to one thread while any of its contexts is open; they may nest and overlap.

    The number of BLAS threads is one for the whole process, so this counts for the whole process.
    On tall data BLAS's own threads cost time, and they sum in another order.
    """

    def __init__(self) -> None:
        self.held = 0
        self._lock = threading.Lock()
        self._controller: ThreadpoolController | None = None
        self._limiter: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self.held:
                self._controller = self._controller or ThreadpoolController()
                self._limiter = self._controller.limit(limits=1, user_api="blas")
                self._limiter.__enter__()
            self.held += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.held -= 1
            if not self.held:
                self._limiter.__exit__(None, None, None)


ONE_BLAS_THREAD = _OneBlasThread()


@contextmanager
def computing() -> Iterator[None]:
    """Hold BLAS to one thread, and numpy's warnings back, while the context is open.

    Overflow is not an accident here: whoever computes looks at the numbers that come out. numpy
    keeps what it warns of per thread.
    """
    with ONE_BLAS_THREAD, np.errstate(all="ignore"):
        yield
