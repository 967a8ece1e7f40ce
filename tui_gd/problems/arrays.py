"""Problems from numpy's files: a pair of .npy files, or an .npz with X and y.

Large arrays are mapped, not read: what is trained on may be larger than memory.
"""

import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.problems.problem import Problem
from tui_gd.problems.split import DataSet, class_type, split

# up to this size the data are read, shuffled and split as all others are
MAPPED_BYTES = 1 << 30
# so many different whole numbers, and no more, are taken for classes
MOST_CLASSES = 20
_HEADER = struct.Struct("<26xHH")  # of a member in a zip file: lengths of its name and extra field


def is_array_file(name: str) -> bool:
    """Whether PROBLEM names one of numpy's files."""
    return name.endswith((".npy", ".npz"))


def load_arrays(
    path: str,
    target: str | None,
    test_size: float,
    *,
    split_seed: int = 42,
    standardize: bool = False,
) -> Problem:
    """Return the problem of `X.npy` and the file `target`, or of `data.npz` with X and y.

    X is (rows, features), y (rows,): whole numbers of at most 20 kinds are classes, others are the
    target of a regression. Up to 1 GiB of X is split as the built-in problems. A larger one stays
    in its file: its first rows are train, the last `test_size` of them test, in the file's order.

    Raises `ProblemError`, one line, for files that are none, shapes that do not fit, numbers that
    are not finite.
    """
    if path.endswith(".npz"):
        x, y = _member(path, "X"), np.asarray(_member(path, "y"))
    else:
        x = _mapped(path)
        if target is None:
            raise ProblemError(f"{path}: name the file of its targets, as --target y.npy")
        y = np.asarray(_mapped(target))
    _check(path, x, y)
    names = tuple(f"x{i + 1}" for i in range(x.shape[1]))
    classes, numbers = _classes(y)
    if x.nbytes <= MAPPED_BYTES:
        data = DataSet(np.asarray(x, np.float64), numbers, names, classes)
        return split(path, data, test_size, split_seed=split_seed, standardize=standardize)
    if standardize:
        raise ProblemError(f"{path}: --standardize needs the data in memory; standardize the file")
    train = len(y) - int(np.ceil(test_size * len(y)))
    kind = class_type(len(classes)) if classes else np.dtype(np.float64)
    numbers = numbers.astype(kind)
    return Problem(
        name=path,
        task="regression" if not classes else "binary" if len(classes) == 2 else "multiclass",
        x_train=x[:train],
        y_train=numbers[:train],
        x_test=x[train:],
        y_test=numbers[train:],
        feature_names=names,
        class_names=classes,
    )


def _check(path: str, x: NDArray[Any], y: NDArray[Any]) -> None:
    for name, array, dimensions in (("X", x, 2), ("y", y, 1)):
        if array.dtype.kind not in "fiub" or array.ndim != dimensions:
            raise ProblemError(
                f"{path}: {name} is {array.dtype} of shape {array.shape}; wanted are numbers in"
                f" {dimensions} dimension{'s' * (dimensions > 1)}"
            )
    if len(x) != len(y) or not x.shape[1]:
        raise ProblemError(f"{path}: X has shape {x.shape} and y {y.shape}: a row each is wanted")
    if len(y) and (y == y[0]).all():
        raise ProblemError(f"{path}: all targets are {y[0]}: there is nothing to learn")
    for start in range(0, len(x), 65_536):
        part = x[start : start + 65_536]
        bad = ~np.isfinite(part).all(axis=1) | ~np.isfinite(y[start : start + 65_536])
        if bad.any():
            raise ProblemError(f"{path}: row {start + int(np.argmax(bad))} is not finite")


def _classes(y: NDArray[Any]) -> tuple[tuple[str, ...], NDArray[Any]]:
    """Return the names of the classes, if y is whole numbers of few kinds, and their numbers."""
    kinds = np.unique(y[:1000])
    if len(kinds) <= MOST_CLASSES:
        kinds = np.unique(y)
    if not 2 <= len(kinds) <= MOST_CLASSES or (kinds != np.rint(kinds.astype(np.float64))).any():
        return (), y.astype(np.float64)
    return tuple(f"{kind:g}" for kind in kinds.astype(np.float64)), np.searchsorted(kinds, y)


def _mapped(path: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(Path(path), mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise ProblemError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError, OverflowError, MemoryError) as error:
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
    except (OSError, ValueError, EOFError, OverflowError, MemoryError, zipfile.BadZipFile) as error:
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
    text = " ".join(str(error).split())
    if "pickle" in text:  # numpy's advice would be to load it nevertheless
        return "not in numpy's format, or Python objects instead of numbers"
    return text[:120] or type(error).__name__
