"""Problems from files of numbers: a pair of .npy files, an .npz with X and y, or svmlight.

Large arrays are mapped, not read: training data may be larger than memory.
"""

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.problems.input_file import open_bytes, reason, shown_path
from tui_gd.problems.prepare import prepare
from tui_gd.problems.problem import Problem, as_they_are
from tui_gd.problems.sources import MOST_COLUMNS
from tui_gd.problems.split import Preparation, class_type
from tui_gd.problems.tables import Column, Floats, Table, check_memory
from tui_gd.problems.target import whole_kinds

# up to this size data are read, shuffled and split like a table
MAPPED_BYTES = 1 << 30
# numpy and zipfile raise these for damaged files
_UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    OverflowError,
    MemoryError,
    RuntimeError,
    TypeError,
    SyntaxError,
    tokenize.TokenError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)
_HEADER = struct.Struct("<26xHH")  # of a zip member: the lengths of its name and extra field


def load_arrays(
    path: str,
    target: str | None,
    test_size: float = 0.5,
    *,
    split_seed: int = 42,
    stratify: bool = False,
    standardize: bool = False,
    task: str | None = None,
    test: str | None = None,
) -> Problem:
    """Return the problem of `X.npy` and the file `target`, or of `data.npz` with X and y.

    X is (rows, features), y (rows,): up to 20 different whole numbers are classes, other numbers
    the target of a regression. Up to 1 GiB, X is split like the built-in problems, or tested on the
    X and y of the .npz `test`. A larger X stays in its file: the last `test_size` of its rows are
    test rows, in the file's order.

    Raises `ProblemError` in one line for damaged files, shapes that do not match, and numbers that
    are not finite.
    """
    shown = shown_path(path)
    x, y = _read(path, target)
    if x.nbytes <= MAPPED_BYTES:
        other = None
        if test is not None:
            x_test, y_test = _read(test, None)
            if x_test.shape[1] != x.shape[1]:
                raise ProblemError(
                    f"{shown_path(test)}: has {x_test.shape[1]} features, {shown} has {x.shape[1]}"
                )
            other = table_of(shown_path(test), x_test, y_test)
        return prepare(
            table_of(shown, x, y),
            other,
            Preparation(test_size, split_seed, stratify, standardize, task),
        )
    for option, given in (
        ("--standardize", standardize),
        ("--stratify", stratify),
        ("--test", test),
        ("--task", task),
    ):
        if given:
            raise ProblemError(
                f"{shown}: {option} needs the data in memory, so at most {MAPPED_BYTES >> 30} GiB:"
                " prepare the file before, or make it smaller"
            )
    return _mapped_problem(shown, x, y, test_size)


def table_of(shown: str, x: NDArray[Any], y: NDArray[Any]) -> Table:
    """Return X (rows, features) and y (rows,) as a table of numbers, the target last."""
    values = np.empty((len(x), x.shape[1] + 1))
    values[:, :-1], values[:, -1] = x, y
    names = [*(f"x{i + 1}" for i in range(x.shape[1])), "y"]
    low, high = values.min(axis=0).tolist(), values.max(axis=0).tolist()
    columns = [
        Column(name, "number", low=low[slot], high=high[slot]) for slot, name in enumerate(names)
    ]
    return Table(shown, values, columns)


def _mapped_problem(shown: str, x: NDArray[Any], y: NDArray[Any], test_size: float) -> Problem:
    if (y == y[0]).all():
        raise ProblemError(f"{shown}: all targets are {y[0]}: there is nothing to learn")
    kinds = whole_kinds(y)
    train = len(y) - int(np.ceil(test_size * len(y)))
    numbers = (
        np.searchsorted(kinds, y).astype(class_type(len(kinds)))
        if len(kinds)
        else y.astype(np.float64)
    )
    names = tuple(f"x{i + 1}" for i in range(x.shape[1]))
    return Problem(
        name=shown,
        task="regression" if not len(kinds) else "binary" if len(kinds) == 2 else "multiclass",
        x_train=x[:train],
        y_train=numbers[:train],
        x_test=x[train:],
        y_test=numbers[train:],
        feature_names=names,
        class_names=tuple(f"{kind:g}" for kind in kinds),
        rules=as_they_are(names),
    )


def _read(path: str, target: str | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return X and y of a file, checked, mapped where possible."""
    if path.endswith(".npz"):
        x, y = _member(path, "X"), np.asarray(_member(path, "y"))
    else:
        x = _mapped(path)
        if target is None:
            raise ProblemError(
                f"{shown_path(path)}: name the file with its targets: --target y.npy"
            )
        y = np.asarray(_mapped(target))
    check_arrays(shown_path(path), x, y)
    return x, y


def check_arrays(path: str, x: NDArray[Any], y: NDArray[Any]) -> None:
    """Raise `ProblemError` unless X and y hold finite numbers, and y one for each row of X."""
    for name, array, dimensions in (("X", x, 2), ("y", y, 1)):
        if array.dtype.kind not in "fiub" or array.ndim != dimensions:
            raise ProblemError(
                f"{path}: {name} is {array.dtype} of shape {array.shape}, not numbers in"
                f" {dimensions} dimension{'s' * (dimensions > 1)}"
            )
    if len(x) != len(y) or not x.shape[1]:
        raise ProblemError(f"{path}: X has shape {x.shape} and y {y.shape}; they need a row each")
    if not len(x):
        raise ProblemError(f"{path}: has no rows")
    for start in range(0, len(x), 65_536):
        finite = np.isfinite(x[start : start + 65_536])
        for name, good in (
            ("X", finite.all(axis=1)),
            ("y", np.isfinite(y[start : start + 65_536])),
        ):
            if not good.all():
                row = int(np.argmin(good))
                column = f", column {int(np.argmin(finite[row]))} of X" if name == "X" else " of y"
                raise ProblemError(
                    f"{path}: row {start + row} (from 0){column} is not finite; correct it"
                )


def _mapped(path: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(Path(path), mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise ProblemError(f"{path}: no such file") from None
    except _UNREADABLE as error:
        raise ProblemError(f"{path}: cannot be read as .npy ({_reason(error)})") from None
    return array


def _member(path: str, name: str) -> NDArray[Any]:
    """Return an array of an .npz file, mapped where it is stored uncompressed."""
    try:
        with zipfile.ZipFile(path) as archive:
            if f"{name}.npy" not in archive.namelist():
                raise ProblemError(f"{path}: has no array {name}; save it with X=… and y=…")
            info = archive.getinfo(f"{name}.npy")
            if info.compress_type == zipfile.ZIP_STORED:
                return _map_member(path, info.header_offset)
        with np.load(path, allow_pickle=False) as arrays:
            array: NDArray[Any] = arrays[name]
            return array
    except FileNotFoundError:
        raise ProblemError(f"{path}: no such file") from None
    except _UNREADABLE as error:
        raise ProblemError(f"{path}: cannot be read as .npz ({_reason(error)})") from None


def _map_member(path: str, offset: int) -> NDArray[Any]:
    with open(path, "rb") as file:
        file.seek(offset)
        name, extra = _HEADER.unpack(file.read(_HEADER.size))
        file.seek(offset + _HEADER.size + name + extra)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        shape, fortran, dtype = (
            read if version == (1, 0) else np.lib.format.read_array_header_2_0
        )(file)
        if dtype.hasobject:
            raise ValueError("holds Python objects")
        return np.memmap(path, dtype, "r", file.tell(), shape, order="F" if fortran else "C")


def _reason(error: BaseException) -> str:
    if "pickle" in str(error):  # numpy would advise to load it anyway
        return "not in numpy's format, or Python objects, not numbers"
    return reason(error)


def read_svmlight(path: str) -> tuple[Floats, NDArray[np.float64]]:
    """Return X (rows, features), dense, and y (rows,) of a svmlight file.

    `ProblemError` for a file that is not svmlight: a line is a target and the features that are not
    zero.
    """
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
    check_memory(shown, *x.shape)
    return x.toarray(), y
