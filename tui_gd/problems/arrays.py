"""Problems from files of numbers: a pair of .npy files, an .npz with X and y, or svmlight.

Large arrays are mapped, not read: training data may be larger than memory.
"""

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tui_gd.errors import ProblemError, way
from tui_gd.problems.input_file import InputFile, format_of, reason, shown_path
from tui_gd.problems.prepare import prepare, target_like, target_of, task_hint, whole_kinds
from tui_gd.problems.problem import Problem, as_they_are, task_of
from tui_gd.problems.reading import Reading
from tui_gd.problems.sources import MOST_COLUMNS, Column
from tui_gd.problems.split import Preparation, check_classes, class_type, split_rows
from tui_gd.problems.tables import Floats, Table
from tui_gd.problems.text import safe_text, whole_number

AS_IT_IS = Reading()
# data up to this size are read, shuffled and split like a table
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


def read_arrays(
    path: str, target: str | None, *, test: str | None, reading: Reading
) -> Callable[[Preparation], Problem]:
    """Read an .npz with X and y, or an .npy and its target; return a function for its problem.

    With folds, call it once for each, in order.

    The `target` of an .npy is another file, or the number of one of its columns. X is
    (rows, features); further dimensions are flattened. y is (rows,): texts or up to 20 different
    whole numbers are classes, other numbers the target of a regression. Gaps, NaN, are filled as in
    a table. Up to 1 GiB, X is split like the built-in problems, or tested on the .npz `test`. A
    larger X stays in its file: the last `test_size` of its rows are test rows, and the last of the
    others validation rows, in the file's order.
    An .npz with x_train, y_train, x_test and y_test is split already.

    Raises `ProblemError` in one line for damaged files, shapes that do not match, and numbers that
    are infinite.
    """
    shown = shown_path(path)
    data, split = _read(path, target)
    large = data.x.nbytes > MAPPED_BYTES
    _check(shown, data, gaps=not large)
    own = split is not None
    if own and test is not None:
        raise ProblemError(f"{shown}: has its own test rows: leave --test out")
    if test is not None:
        split, more = _read(test, None)
        if more is not None:
            raise ProblemError(f"{shown_path(test)}: has test rows of its own: name X and y alone")
    if split is not None:
        _check(shown_path(test or path), split, gaps=not large)
        if split.x.shape[1] != data.x.shape[1]:
            raise ProblemError(
                f"{shown_path(test or path)}: has {split.x.shape[1]} features to test on,"
                f" {shown} has {data.x.shape[1]}"
            )
    table, other = None, None
    if not large:
        table = _table_of(shown, data, reading)
        other = None if split is None else _table_of(shown_path(test or path), split, reading)

    def make(how: Preparation) -> Problem:
        if own and how.fold is not None:
            raise ProblemError(f"{shown}: has its own test rows: leave --folds out")
        if table is not None:
            return prepare(table, other, how)
        for option, given in (
            ("--standardize", how.standardize),
            ("--stratify", how.stratify),
            ("--test", test),
            ("--folds", how.fold),
            ("--task", how.task),
            ("--skip-missing-target", reading.skip_missing_target),
        ):
            if given:
                raise ProblemError(
                    f"{shown}: {option} needs the data in memory, so at most"
                    f" {MAPPED_BYTES >> 30} GiB: prepare the file before, or make it smaller",
                    way(**{option[2:].replace("-", "_"): None}),
                )
        return _mapped_problem(shown, data, split, how)

    return make


def problem_of_arrays(
    x: ArrayLike, y: ArrayLike, test: tuple[ArrayLike, ArrayLike] | None, how: Preparation
) -> Problem:
    """Return the problem of X (rows, features) and y (rows,) in memory; `test` is such a pair."""
    data = _of_memory("data", x, y)
    other = None
    if test is not None:
        more = _of_memory("test", *test)
        if more.x.shape[1] != data.x.shape[1]:
            raise ProblemError(
                f"test: has {more.x.shape[1]} features to test on, data has {data.x.shape[1]}"
            )
        other = _table_of("test", more, AS_IT_IS)
    return prepare(_table_of("data", data, AS_IT_IS), other, how)


def _of_memory(shown: str, x: ArrayLike, y: ArrayLike) -> "Arrays":
    def array(values: ArrayLike) -> NDArray[Any]:
        found = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
        if found.dtype != object:
            return found
        # texts of pandas are objects
        numbers = all(isinstance(value, int | float) for value in found.flat)
        return found.astype(np.float64 if numbers else str)

    arrays = _arrays(array(x), array(y))
    _check(shown, arrays, gaps=True)
    return arrays


@dataclass(frozen=True, eq=False)
class Arrays:
    """X (rows, features) and y (rows,) of a file, the names of the features and of y."""

    x: NDArray[Any]
    y: NDArray[Any]
    features: tuple[str, ...]
    target: str = "y"
    remarks: tuple[str, ...] = ()


def _arrays(x: NDArray[Any], y: NDArray[Any]) -> Arrays:
    """Return the arrays with X in two dimensions and y in one, if they allow it."""
    remarks: tuple[str, ...] = ()
    if x.ndim > 2:
        remarks = (f"X of shape {x.shape} is flattened to {len(x)} rows of {x[0].size} features",)
        x = x.reshape(len(x), -1)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    names = tuple(f"x{i + 1}" for i in range(x.shape[1] if x.ndim == 2 else 0))
    return Arrays(x, y, names, remarks=remarks)


def _table_of(shown: str, data: Arrays, reading: Reading) -> Table:
    """Return X and y as a table, the target last."""
    x, y, remarks = data.x, data.y, data.remarks
    labels: tuple[str, ...] = ()
    if y.dtype.kind in "US":
        texts = np.char.strip(y.astype(str))
        kinds, codes = np.unique(texts, return_inverse=True)
        labels = tuple(map(str, kinds))
        y = np.where(np.isin(texts, sorted(reading.missing_texts)), np.nan, codes)
    missing = np.isnan(y) if y.dtype.kind == "f" else np.zeros(len(y), bool)
    if missing.any():
        if not reading.skip_missing_target:
            raise ProblemError(
                f"{shown}: row {int(np.argmax(missing))} (from 0) has no target; fill it in, or"
                " leave such rows out with --skip-missing-target",
                way(skip_missing_target=True),
            )
        skipped = int(missing.sum())
        remarks += (f"skipped {skipped:,} row{'s' * (skipped != 1)} without a target",)
        x, y = x[~missing], y[~missing]
        if not len(y):
            raise ProblemError(f"{shown}: no row has a target")
    values = np.empty((len(x), x.shape[1] + 1))
    values[:, :-1], values[:, -1] = x, y
    low, high = np.fmin.reduce(values).tolist(), np.fmax.reduce(values).tolist()
    gaps = np.isnan(values).sum(axis=0).tolist()
    columns = [
        Column(name, "number", missing=gaps[slot], low=low[slot], high=high[slot])
        for slot, name in enumerate((*data.features, data.target))
    ]
    if labels:
        columns[-1] = Column(data.target, "text", labels=labels)
    return Table(shown, values, columns, remarks=remarks)


def read_features(file: InputFile, sparse_of: int | None) -> Any:
    """Return X (rows, features) of numbers from an .npz, .npy or svmlight file, mapped if possible.

    Targets in the file are ignored. Svmlight is sparse, and its rows have `sparse_of` features.
    """
    form = format_of(file)
    if form == "svmlight":
        x, _ = _read_svmlight(file)
        if sparse_of is not None and x.shape[1] <= sparse_of:
            # the last features are missing if they are 0 in all rows
            x.resize(x.shape[0], sparse_of)
        return x
    if form == "npy":
        x = _mapped(file.path)
    else:
        shapes = _shapes(file.path)
        lowered = {name.lower(): name for name in shapes}
        found = [lowered[name] for name in _FEATURES if name in lowered]
        if not found and len(shapes) == 1:
            found = list(shapes)
        if not found:
            some = ", ".join(map(safe_text, list(shapes)[:8]))
            raise ProblemError(f"{file.shown}: has the arrays {some}; call one of them X")
        x = _member(file.path, found[0])
    x = x.reshape(len(x), -1) if x.ndim > 2 else x
    if x.dtype.kind not in "fiub" or x.ndim != 2 or not x.size:
        raise ProblemError(
            f"{file.shown}: X is {x.dtype} of shape {x.shape}, not numbers in 2 dimensions"
        )
    return x


def _mapped_problem(shown: str, data: Arrays, split: Arrays | None, how: Preparation) -> Problem:
    y = data.y
    if (y == y[0]).all():
        raise ProblemError(f"{shown}: all targets are {y[0]}: there is nothing to learn")
    if y.dtype.kind not in "fiub":
        raise ProblemError(f"{shown}: y is {y.dtype}; data of this size need numbers as classes")
    kinds = whole_kinds(y)
    tested = len(y) - (int(np.ceil(how.test_size * len(y))) if split is None else 0)
    size = how.validation_size or 0
    train = tested - int(size if size >= 1 else np.ceil(size * tested))
    if train < 1:
        raise ProblemError(
            f"{shown}: validation size {size:g} leaves none of {tested} rows to train on"
        )

    def numbers(y: NDArray[Any]) -> NDArray[np.generic]:
        if not len(kinds):
            return y.astype(np.float64)
        places = np.minimum(np.searchsorted(kinds, y), len(kinds) - 1)
        if (kinds[places] != y).any():
            raise ProblemError(f"{shown}: y_test has a class that y_train has not")
        return places.astype(class_type(len(kinds)))

    names = tuple(f"{kind:g}" for kind in kinds)
    x_test, y_test = (data.x[tested:], y[tested:]) if split is None else (split.x, split.y)
    return Problem(
        name=shown,
        task=task_of(names),
        x_train=data.x[:train],
        y_train=numbers(y[:train]),
        x_test=x_test,
        y_test=numbers(y_test),
        x_validation=data.x[train:tested],
        y_validation=numbers(y[train:tested]),
        feature_names=data.features,
        class_names=names,
        target_name=data.target,
        rules=as_they_are(data.features),
    )


def _read(path: str, target: str | None) -> tuple[Arrays, Arrays | None]:
    """Return the arrays of a file, mapped if possible, and its test arrays if it has any."""
    if format_of(InputFile(path)) == "npz":
        return _read_npz(path)
    x = _mapped(path)
    if target is None:
        raise ProblemError(
            f"{shown_path(path)}: name the file with its targets, as --target y.npy, or the number"
            " of the column that is the target"
        )
    if Path(target).is_file():
        return _arrays(x, np.asarray(_mapped(target))), None
    column = whole_number(target, 1, x.shape[1] if x.ndim == 2 else 0)
    if column is None:
        has = f"it has {x.shape[1]} columns" if x.ndim == 2 else f"its shape is {x.shape}"
        raise ProblemError(
            f"{shown_path(path)}: --target {safe_text(target)!r} is neither a file nor a column:"
            f" {has}"
        )
    data = _arrays(np.delete(x, column - 1, axis=1), np.asarray(x[:, column - 1]))
    names = [f"x{i + 1}" for i in range(x.shape[1])]
    target = names.pop(column - 1)
    return replace(data, features=tuple(names), target=target), None


def _read_npz(path: str) -> tuple[Arrays, Arrays | None]:
    """Return the arrays of an .npz, and its test arrays if it has any."""
    shapes = _shapes(path)
    lowered = {name.lower(): name for name in shapes}
    found: list[Arrays] = []
    for x, y in _PAIRS:
        if x in lowered and y in lowered:
            pair = _member(path, lowered[x]), np.asarray(_member(path, lowered[y]))
            found.append(_arrays(*pair))
            if (x, y) != ("x_train", "y_train"):
                break
    if {"indptr", "indices", "shape"} <= set(lowered):
        raise ProblemError(
            f"{shown_path(path)}: is a sparse matrix of scipy without targets; write both with"
            " scikit-learn's dump_svmlight_file"
        )
    if not found:
        some = ", ".join(f"{safe_text(name)} {shape}" for name, shape in list(shapes.items())[:8])
        raise ProblemError(
            f"{shown_path(path)}: has the arrays {some or 'none'}; call two of them X and y, or"
            " x_train, y_train, x_test and y_test"
        )
    return found[0], found[1] if len(found) > 1 else None


# names of X and y, in order of preference; test arrays after train arrays
_PAIRS = (
    ("x_train", "y_train"),
    ("x_test", "y_test"),
    ("x_val", "y_val"),
    ("x", "y"),
    ("data", "target"),
    ("data", "labels"),
    ("features", "labels"),
    ("features", "target"),
    ("images", "labels"),
)


# names of rows to predict, in order of preference
_FEATURES = ("x", "x_test", "data", "features", "images", "x_val", "x_train")


def _shapes(path: str) -> dict[str, str]:
    """Return the arrays in an .npz, with their shapes as text."""
    shapes = {}
    with _one_line(path, ".npz"), zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                version = np.lib.format.read_magic(file)
                shapes[name.removesuffix(".npy")] = str(_header(file, version)[0])
    return shapes


def _header(file: Any, version: tuple[int, int]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    read = np.lib.format.read_array_header_1_0
    return (read if version == (1, 0) else np.lib.format.read_array_header_2_0)(file)


def _check(shown: str, data: Arrays, *, gaps: bool) -> None:
    """Raise `ProblemError` unless X and y have equally many rows, one at least, and no infinity.

    Without `gaps`, NaN is refused too.
    """
    x, y = data.x, data.y
    for name, array, dimensions, kinds in (("X", x, 2, "fiub"), ("y", y, 1, "fiubUS")):
        if array.dtype.kind not in kinds or array.ndim != dimensions:
            raise ProblemError(
                f"{shown}: {name} is {array.dtype} of shape {array.shape}, not numbers in"
                f" {dimensions} dimension{'s' * (dimensions > 1)}"
            )
    if len(x) != len(y) or not x.shape[1]:
        raise ProblemError(f"{shown}: X has shape {x.shape} and y {y.shape}; they need a row each")
    if not len(x):
        raise ProblemError(f"{shown}: has no rows")
    if x.shape[1] > MOST_COLUMNS:
        raise ProblemError(
            f"{shown}: has {x.shape[1]:,} features, more than {MOST_COLUMNS:,}: take fewer"
        )
    for start in range(0, len(x), 65_536):
        for name, array in (("X", x), ("y", y)):
            part = array[start : start + 65_536]
            if part.dtype.kind != "f":
                continue
            wrong = np.isinf(part) if gaps else ~np.isfinite(part)
            if wrong.any():
                place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
                column = f", column {place[1]} of X" if name == "X" else " of y"
                raise ProblemError(
                    f"{shown}: row {start + int(place[0])} (from 0){column} is not finite;"
                    " correct it"
                )


def _mapped(path: str) -> NDArray[Any]:
    with _one_line(path, ".npy"):
        array: NDArray[Any] = np.load(Path(path), mmap_mode="r", allow_pickle=False)
    if array.dtype.names:
        raise ProblemError(
            f"{path}: holds records with {', '.join(map(safe_text, array.dtype.names[:8]))}; save"
            " one array of numbers, or the table as CSV or Parquet"
        )
    return array


def _member(path: str, name: str) -> NDArray[Any]:
    """Return an array of an .npz file, mapped if it is stored uncompressed."""
    with _one_line(path, ".npz"):
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(f"{name}.npy")
            if info.compress_type == zipfile.ZIP_STORED:
                return _map_member(path, info.header_offset)
        with np.load(path, allow_pickle=False) as arrays:
            array: NDArray[Any] = arrays[name]
    return array


def _map_member(path: str, offset: int) -> NDArray[Any]:
    with open(path, "rb") as file:
        file.seek(offset)
        name, extra = _HEADER.unpack(file.read(_HEADER.size))
        file.seek(offset + _HEADER.size + name + extra)
        shape, fortran, dtype = _header(file, np.lib.format.read_magic(file))
        if dtype.hasobject:
            raise ValueError("holds Python objects")
        return np.memmap(path, dtype, "r", file.tell(), shape, order="F" if fortran else "C")


@contextmanager
def _one_line(path: str, form: str) -> Iterator[None]:
    """Turn what damaged files raise into one line."""
    try:
        yield
    except _UNREADABLE as error:
        why = reason(error)
        # numpy would advise to load it anyway
        if "pickle" in str(error) or "Python objects" in str(error):
            why = "not in numpy's format, or Python objects, not numbers"
        raise ProblemError(f"{shown_path(path)}: cannot be read as {form} ({why})") from None


DENSE_BYTES = 1 << 30
"""Svmlight data larger than this when dense, or wider than a table, stay sparse."""
MOST_SPARSE = 2_000_000


def read_svmlight(file: InputFile, test: str | None) -> Callable[[Preparation], Problem]:
    """Read a file of svmlight, tested on the rows of a file `test` if given; see `read_file`.

    Wide or large data stay sparse. `ProblemError` for a file that is not svmlight, where a line is
    a target and the features that are not zero.
    """
    x, y = _read_svmlight(file)
    x_test: Any = None
    y_test: Any = None
    second = InputFile(test or "")
    if test is not None:
        x_test, y_test = _read_svmlight(second)
        if x_test.shape[1] > x.shape[1]:
            raise ProblemError(
                f"{second.shown}: has {x_test.shape[1]:,} features, {file.shown} has {x.shape[1]:,}"
            )
        # the last features are missing if they are 0 in all rows
        x_test.resize(x_test.shape[0], x.shape[1])
    if x.shape[1] > MOST_COLUMNS or 8 * x.shape[0] * x.shape[1] > DENSE_BYTES:
        return partial(_sparse_problem, file.shown, (x, y), (x_test, y_test))
    data = _arrays(x.toarray(), y)
    _check(file.shown, data, gaps=True)
    table = _table_of(file.shown, data, AS_IT_IS)
    if x_test is None:
        return partial(prepare, table, None)
    other = _arrays(x_test.toarray(), y_test)
    _check(second.shown, other, gaps=True)
    return partial(prepare, table, _table_of(second.shown, other, AS_IT_IS))


def _read_svmlight(file: InputFile) -> tuple[Any, NDArray[np.float64]]:
    """Return X (rows, features), sparse, and y (rows,)."""
    from sklearn.datasets import load_svmlight_file

    with file.open_text() as opened:
        try:
            x, y = load_svmlight_file(opened, dtype=np.float64)
        except (ValueError, OSError, EOFError, OverflowError, MemoryError, IndexError) as error:
            raise ProblemError(
                f"{file.shown}: cannot be read as svmlight ({reason(error)}); a line is"
                " 'target index:value index:value'"
            ) from None
    if not x.shape[0] or not x.shape[1]:
        raise ProblemError(
            f"{file.shown}: has no rows or no features; a line is 'target index:value'"
        )
    if x.shape[1] > MOST_SPARSE:
        raise ProblemError(
            f"{file.shown}: has {x.shape[1]:,} features, more than {MOST_SPARSE:,}: take fewer"
        )
    if not np.isfinite(x.data).all() or not np.isfinite(y).all():
        raise ProblemError(f"{file.shown}: has a number that is not finite; correct it")
    return x, y


def _sparse_problem(
    shown: str, train: tuple[Any, Floats], test: tuple[Any, Floats | None], how: Preparation
) -> Problem:
    """Return the problem of sparse X (rows, features) and y (rows,), split if `test` is None.

    It is never standardized: that would fill the zeros.
    """
    from scipy.sparse import csr_array, hstack

    (x, y), (x_test, y_other) = train, test
    column = Column("y", "number", low=float(y.min()), high=float(y.max()))
    target = target_of(shown, column, y, how.task)
    parts = split_rows(shown, target.y, target.class_names, how, tested=y_other is not None)
    if y_other is None:
        x_test, y_test = x[parts.test], target.y[parts.test]
    else:
        y_test = target_like(shown, column, y_other, target)
    x_validation, y_validation = x[parts.validation], target.y[parts.validation]
    x, y_train = x[parts.train], target.y[parts.train]
    check_classes(shown, y_train, target.class_names, len(y))
    names = tuple(f"x{i + 1}" for i in range(x.shape[1]))

    def with_one(x: Any) -> Any:
        return csr_array(hstack([x, np.ones((x.shape[0], 1))]))

    share = 100.0 * x.nnz / (x.shape[0] * x.shape[1])
    return Problem(
        name=shown,
        task=task_of(target.class_names),
        x_train=with_one(x),
        y_train=y_train,
        x_test=with_one(x_test),
        y_test=y_test,
        x_validation=with_one(x_validation),
        y_validation=y_validation,
        feature_names=names,
        class_names=target.class_names,
        target_name=target.name,
        hints=(
            task_hint(target),
            f"{x.shape[1]:,} features stay sparse, {share:.2g} % of the values are not zero"
            f"{': they are not standardized' if how.standardize else ''}",
        ),
        rules=as_they_are(names),
    )
