"""Files of svmlight: a target and the features that are not 0, a row a line."""

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.problems.opened import open_bytes, reason, shown_path
from tui_gd.problems.sources import MOST_COLUMNS
from tui_gd.problems.tables import Floats, room_for


def read_svmlight(path: str) -> tuple[Floats, NDArray[np.float64]]:
    """Return X (rows, features), dense, and y (rows,); `ProblemError` for what is none."""
    from sklearn.datasets import load_svmlight_file

    shown = shown_path(path)
    with open_bytes(path) as file:
        try:
            x, y = load_svmlight_file(file, dtype=np.float64)
        except (ValueError, OSError, EOFError, OverflowError, MemoryError, IndexError) as error:
            raise ProblemError(
                f"{shown}: cannot be read as svmlight ({reason(error)}); a line is"
                " 'target index:value index:value'"
            ) from None
    if not x.shape[0] or not x.shape[1]:
        raise ProblemError(f"{shown}: has no rows or no features; a line is 'target index:value'")
    if x.shape[1] > MOST_COLUMNS:
        raise ProblemError(
            f"{shown}: has {x.shape[1]:,} features, more than {MOST_COLUMNS:,}: take fewer"
        )
    room_for(shown, *x.shape)
    return x.toarray(), y
