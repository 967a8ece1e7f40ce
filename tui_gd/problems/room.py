"""Memory for numbers that grows without being copied."""

import mmap
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Room:
    """A stretch of memory; of what is asked for only what is written to is taken.

    numpy's own `resize` copies: its arrays lie in several mappings, which cannot be moved as one.
    """

    def __init__(self, numbers: int) -> None:
        self._map = _mapping(numbers)

    def array(self, rows: int, columns: int) -> Floats:
        """Return the front of it as an array (rows, columns), which keeps it."""
        flat = np.frombuffer(self._map, np.float64, rows * columns)
        return flat.reshape(rows, columns)

    def grow(self, numbers: int) -> None:
        """Make it so long, if it is shorter; what is in it stays.

        Arrays of it have to be gone before; for one that is not, and where pages cannot be moved,
        everything is copied.
        """
        if 8 * numbers <= len(self._map):
            return
        try:
            self._map.resize(8 * numbers)
        except (BufferError, SystemError, OSError):
            self._copy(numbers)

    def _copy(self, numbers: int) -> None:
        larger = _mapping(numbers)
        held = len(self._map) // 8
        np.frombuffer(larger, np.float64, held)[:] = np.frombuffer(self._map, np.float64, held)
        self._map = larger


def _mapping(numbers: int) -> mmap.mmap:
    try:
        made = mmap.mmap(-1, max(8, 8 * numbers), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError, ValueError) as error:
        raise MemoryError from error
    with suppress(AttributeError, OSError):  # not everywhere
        made.madvise(mmap.MADV_HUGEPAGE)
    return made
