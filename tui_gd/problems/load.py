"""`load_problem`: a problem from a name, a file, a data frame or arrays."""

import os
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tui_gd.errors import ProblemError
from tui_gd.problems import TITLES, unknown_problem
from tui_gd.problems.arrays import problem_of_arrays
from tui_gd.problems.builtin import load_builtin
from tui_gd.problems.files import learn_from, load_file
from tui_gd.problems.input_file import names_file
from tui_gd.problems.problem import Problem
from tui_gd.problems.reading import Reading
from tui_gd.problems.sources import Batch, Column, Source, arrays_of, kind_of, named, row_name
from tui_gd.problems.split import Preparation
from tui_gd.problems.surfaces import PREFIX

FRAME = "data frame"
TARGET = "y"
# rows of a frame that are converted at a time
ROWS = 1 << 16


def load_problem(  # noqa: PLR0913
    data: Any,
    target: str | int | None = None,
    *,
    test: Any = None,
    test_size: float = 0.5,
    split_seed: int = 42,
    stratify: bool = False,
    standardize: bool = False,
    task: str | None = None,
    drop: Sequence[str] = (),
    validation_size: float | None = None,
    samples: int | None = None,
    noise: float | None = None,
    data_seed: int | None = None,
    classes: int | None = None,
) -> Problem:
    """Return a problem, split into train and test.

    `data` is one of

    - the name of a built-in problem, as "blobs", or a surface, as "surface:himmelblau";
    - the path of a file: CSV, TSV, Parquet, Feather, JSON lines, .npz, .npy, svmlight;
    - a data frame of pandas or polars, or an Arrow table;
    - a pair (X, y): X an array (rows, features) or a data frame, y an array (rows,).

    The `target` of a table or a data frame is a column, by its name or by its number from 1;
    columns in `drop` are left out. `test` has rows to test on, in the same form as `data`; without
    it, ⌈test_size·rows⌉ rows are chosen by `split_seed`, with the shares of the classes if
    `stratify`. `validation_size`, a share or a number of the rows that are left, makes these
    validation rows.
    `standardize` gives each feature mean 0 and variance 1 over the train rows. `task`,
    "classification" or "regression", overrides what the target looks like. `samples` (rows before
    the split), `noise` (a standard deviation), `data_seed` and `classes` change what a built-in
    problem generates.

    `x_train`, `x_test` of the problem have shape (rows, features + 1), ones last.

    Raises `ProblemError`, in one line, for data that cannot be learned from and for options that do
    not go with them, and `TargetMissing` for a table without `target`.

    >>> problem = load_problem("blobs")
    >>> problem.x_train.shape, problem.task, problem.class_names
    ((500, 3), 'binary', ('0', '1'))
    >>> load_problem(([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]), test_size=0.25).task
    'binary'
    """
    made: dict[str, Any] = {
        "samples": samples,
        "noise": noise,
        "data_seed": data_seed,
        "classes": classes,
    }
    how = Preparation(
        test_size, split_seed, stratify, standardize, task, validation_size=validation_size
    )
    column = None if target is None else str(target)
    if isinstance(data, str | os.PathLike):
        name = os.fspath(data)
        if name in TITLES or not names_file(name):
            if name not in TITLES:
                raise unknown_problem(name)
            _refuse(
                name,
                "has its own data",
                {"target": target, "drop": drop, "test": test, "stratify": stratify, "task": task},
            )
            if name.startswith(PREFIX):
                _refuse(name, "is a function without rows", made)
            return load_builtin(name, how, **made)
        _refuse(name, "is not generated", made)
        path = None if test is None else os.fspath(test)
        return load_file(name, column, drop=drop, test=path, how=how)
    _refuse("data", "are not generated", made)
    if isinstance(data, tuple | list) and len(data) == 2:
        if target is not None:
            raise ProblemError("data: (X, y) has its targets: leave target out")
        if not is_frame(data[0]):
            if len(drop):
                raise ProblemError("data: the columns of an array have no names: leave drop out")
            return problem_of_arrays(data[0], data[1], test, how)
        data, column = _joined(*data), TARGET
        test = None if test is None else _joined(*test)
    if not is_frame(data):
        raise ProblemError(
            f"data: {type(data).__name__} is neither a name, a path, a data frame nor (X, y)"
        )
    other = None if test is None else lambda _: Frame(test)
    return learn_from(Frame(data), column, drop, other)(how)


def _refuse(name: str, why: str, options: dict[str, Any]) -> None:
    given = [option for option, value in options.items() if value not in (None, False, ())]
    if given:
        raise ProblemError(f"{name} {why}: leave {', '.join(given)} out")


def is_frame(data: Any) -> bool:
    """Whether this is a data frame of pandas, polars or another library, or an Arrow table."""
    return hasattr(data, "__arrow_c_stream__") or hasattr(data, "iloc")


def _arrow(frame: Any) -> Any:
    try:
        import pyarrow as pa
    except ImportError:
        raise ProblemError(
            f"{FRAME}: read with pyarrow, which is missing: pip install pyarrow"
        ) from None
    try:
        if isinstance(frame, pa.Table):
            return frame
        if hasattr(frame, "iloc"):
            return pa.Table.from_pandas(frame, preserve_index=False)
        return pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ProblemError(f"{FRAME}: {' '.join(str(error).split())}") from None


def _joined(x: Any, y: ArrayLike) -> Any:
    """Return the columns of X and the target as one Arrow table."""
    table = _arrow(x)
    values = np.asarray(y)
    if values.shape != (table.num_rows,):
        raise ProblemError(
            f"data: y of shape {values.shape} is not one target for each of {table.num_rows} rows"
        )
    if TARGET in table.column_names:
        raise ProblemError(
            f"data: X has a column {TARGET!r}, which is the target's name: rename it"
        )
    return table.append_column(TARGET, [values.tolist()])


class Frame(Source):
    """A data frame as batches of columns."""

    def __init__(self, frame: Any) -> None:
        super().__init__(FRAME, Reading())
        self._table = _arrow(frame)
        schema, self.rows = self._table.schema, int(self._table.num_rows)
        if not schema.names:
            raise ProblemError(f"{FRAME}: has no columns")
        names = named(FRAME, list(map(str, schema.names)))
        self.fields = [
            Column(name, kind_of(kind)) for name, kind in zip(names, schema.types, strict=True)
        ]

    def batches(self, *, first: bool = False) -> Iterator[Batch]:
        """Give its rows, some at a time; with `first` the first of them only."""
        for start in range(0, ROWS if first else self.rows, ROWS):
            part = self._table.slice(start, ROWS)
            yield Batch(start, part.num_rows, arrays_of(part), partial(row_name, start))


def labels_of(problem: Problem) -> NDArray[np.generic]:
    """Return the classes (classes,) as a person has them: whole numbers, else texts."""
    names = problem.class_names
    whole = all(re.fullmatch("-?[0-9]{1,9}", name) for name in names)
    return np.array([int(name) for name in names] if whole else list(names))
