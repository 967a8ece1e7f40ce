"""The identity of a run's data: files and digests, and what is known without the rows."""

import hashlib
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from tui_gd import __version__
from tui_gd.errors import ProblemError
from tui_gd.problems import BUILTIN, Problem
from tui_gd.problems.input_file import files_of, is_pattern, spooled_input
from tui_gd.problems.machines import KEPT
from tui_gd.problems.problem import FeatureRule
from tui_gd.runs.database import make_private, make_private_file
from tui_gd.session.settings import RunSettings

MOST_FEATURES = 1000
"""Wider problems are not described: listing the runs reads all descriptions."""
STDIN = "-"
DIGESTED_BYTES = 1 << 30
"""Larger arrays have no digest: they come from files, which have one."""
_OPTIONS = {"problem": "", "target": "--target ", "test": "--test "}

# A problem of files without its rows: enough to export the weights that were learned from it


def description(problem: Problem) -> dict[str, Any] | None:
    """Return a problem's task, names and rules as plain values; None if it is very wide."""
    if problem.features > MOST_FEATURES:
        return None
    return {
        "name": problem.name,
        "task": problem.task,
        "target": problem.target_name,
        "classes": list(problem.class_names),
        "features": list(problem.feature_names),
        "rules": [list(astuple(rule)) for rule in problem.rules],
    }


def without_rows(known: dict[str, Any]) -> Problem:
    """Return the described problem, without rows; `ValueError` if the description is damaged."""
    names, rules = tuple(map(str, known["features"])), known["rules"]
    if known["task"] not in {"binary", "multiclass", "regression"} or len(rules) not in {
        0,
        len(names),
    }:
        raise ValueError("the description of its data is damaged")
    x, y = np.empty((0, len(names) + 1)), np.empty(0)
    return Problem(
        name=str(known["name"]),
        task=known["task"],
        x_train=x,
        y_train=y,
        x_test=x,
        y_test=y,
        feature_names=names,
        class_names=tuple(map(str, known["classes"])),
        target_name=str(known["target"]),
        rules=tuple(FeatureRule(*rule) for rule in rules),
    )


# Files and digests


def identity(settings: RunSettings, problem: Problem) -> dict[str, Any]:
    """Return what is known at once: paths, sizes and modification times of all files, no digests.

    Call it right after the problem was loaded.
    """
    files = [_entry(option, path) for option, path in _files(settings)]
    stdin = settings.problem == STDIN
    return {
        "stdin": stdin,
        "in_parts": problem.parts is not None,
        "files": files,
        "rows": [problem.train_rows, problem.test_rows],
        "features": problem.features,
        "described": description(problem) if files or stdin else None,
    }


def _entry(option: str, path: str | Path) -> dict[str, Any]:
    """Return what is known at once of a data file that an option names."""
    found = os.stat(path)
    return {
        "option": option,
        "path": os.path.abspath(path),
        "size": found.st_size,
        "changed": found.st_mtime_ns,
    }


def with_digests(known: dict[str, Any], problem: Problem) -> dict[str, Any]:
    """Add SHA-256 of the files' contents and of the arrays to an identity; slow on large data.

    Data in parts have a digest of each part already.
    """
    if problem.parts:
        return {**known, "arrays": arrays_digest(problem)}
    files = [{**file, "sha256": _digest_of(file["path"])} for file in known["files"]]
    return {**known, "files": files, "arrays": arrays_digest(problem)}


def _files(settings: RunSettings) -> Iterator[tuple[str, str]]:
    """Yield the options that name data files, each with its file."""
    name = settings.problem
    if settings.surface is not None or name in BUILTIN or name == STDIN:
        return
    for option, path in settings.data_files.items():
        found = files_of(path) if is_pattern(path) else [path]
        yield from ((option, one) for one in found if os.path.isfile(one))


def _digest_of(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def arrays_digest(problem: Problem) -> str | None:
    """Return SHA-256 of the train and test rows, or of the digests of their parts.

    None if they are very large and not in parts.
    """
    if problem.parts:
        return hashlib.sha256(" ".join(problem.parts.digests).encode()).hexdigest()
    pairs = [(problem.x_train, problem.y_train), (problem.x_test, problem.y_test)]
    if len(problem.y_validation):
        pairs.append((problem.x_validation, problem.y_validation))
    arrays = [array for pair in pairs for array in pair]
    if problem.is_sparse:
        arrays = [y for _, y in pairs]
        for x in (x for x, _ in (*pairs[1::-1], *pairs[2:])):
            parts: Any = x
            arrays += [parts.indptr, parts.indices, parts.data]
    if sum(array.nbytes for array in arrays) > DIGESTED_BYTES:
        return None
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def check_files(run: str, known: dict[str, Any]) -> None:
    """Raise `ProblemError` if a file of a run's data is gone or has changed.

    A missing file is looked for by its name in the working directory, in case it was moved.
    """
    if known.get("stdin") and all(file["option"] != "problem" for file in known["files"]):
        raise ProblemError(f"run {run}: its data came from standard input and were not kept")
    for file in known["files"]:
        path = _place(file)
        named = f"run {run}: {_OPTIONS.get(file['option'], '')}{path}"
        try:
            found = os.stat(path)
        except OSError as error:
            reason = error.strerror or "cannot be read"
            raise ProblemError(
                f"{named}: {reason}; put the file back, or start gd-tui where it is now"
            ) from None
        if found.st_size != file["size"]:
            raise ProblemError(
                f"{named}: has changed since: {found.st_size:,} bytes, not {file['size']:,};"
                " restore the file, or start a new run"
            )
        digest = file.get("sha256")
        if known.get("in_parts"):
            same = True  # the digests of the parts are compared once they are read
        elif digest is None:
            same = found.st_mtime_ns == file["changed"]
        else:
            same = digest == _digest_of(path)
        if not same:
            raise ProblemError(
                f"{named}: its contents have changed since; restore the file, or start a new run"
            )


def check_arrays(
    run: str, known: dict[str, Any], versions: dict[str, str], problem: Problem
) -> None:
    """Raise `ProblemError` if a problem's rows differ from the run's."""
    wanted = known.get("arrays")
    if wanted is not None and wanted != arrays_digest(problem):
        if problem.parts:
            raise ProblemError(
                f"run {run}: the contents of {problem.name} have changed since; restore the files,"
                " or start a new run"
            )
        raise ProblemError(
            f"run {run}: the rows of {problem.name} differ here"
            f" ({differences(versions) or 'the program makes them differently'}): it cannot"
            " continue"
        )


def where_found(settings: RunSettings, known: dict[str, Any]) -> dict[str, str]:
    """Return the settings whose files have other paths as seen from this directory."""
    return {
        file["option"]: path
        for file in known["files"]
        if not is_pattern(getattr(settings, file["option"]))
        and Path(getattr(settings, file["option"])).absolute() != Path(path := _place(file))
    }


def _place(file: dict[str, Any]) -> str:
    """Return a file's path, or, if it is missing there, its path in the working directory."""
    path = str(file["path"])
    moved = os.path.abspath(os.path.basename(path))
    if os.path.exists(path) or not os.path.isfile(moved):
        return path
    same = os.path.getsize(moved) == file["size"] and file.get("sha256") == _digest_of(moved)
    return moved if same else path


def versions_here() -> dict[str, str]:
    """Return the versions that the bits of a run depend on."""
    return {
        "gd-tui": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": metadata.version("scikit-learn"),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def differences(versions: dict[str, str]) -> str:
    """Name the versions that differ from those of a kept run; empty if none does."""
    here = versions_here()
    return ", ".join(
        f"{name} {version} then, {here[name]} here"
        for name, version in versions.items()
        if name != "python" and name in here and here[name] != version
    )


# Standard input can be read only once: a copy of it is kept beside the store

FOLDER = "inputs"
MOST_BYTES = 64 << 20
"""Longer input is not kept."""
_BLOCK = 1 << 20


def keep_input(directory: Path, run: str) -> dict[str, Any] | None:
    """Copy standard input, unchanged, into a file of the run that only its owner may read.

    Returns the file's entry in `identity`, None if it cannot be kept.
    """
    path, part = directory / FOLDER / run, directory / FOLDER / f".{run}"
    try:
        source, size = spooled_input()
        if size > MOST_BYTES:
            return None
        make_private(path.parent)
        make_private_file(part)
        with open(part, "wb") as file:
            # pread leaves the offset alone: the loader may be reading the same file
            for start in range(0, size, _BLOCK):
                file.write(os.pread(source, _BLOCK, start))
        os.replace(part, path)
        return _entry("problem", path)
    except (OSError, ProblemError):
        with suppress(OSError):
            os.unlink(part)
        return None


# What a text that is read in parts was turned into: parsed once, and found again on resume


def keep_parts(directory: Path, run: str, problem: Problem) -> None:
    """Keep what was read of a run's data in a folder of the run, if it lies on disk."""
    if problem.parts:
        problem.parts.machines.keep(directory / KEPT / run)


def delete_data(directory: Path, run: str) -> None:
    """Delete what was kept of a run's data, its input or its parts, if anything was."""
    with suppress(OSError):
        os.unlink(directory / FOLDER / run)
    shutil.rmtree(directory / KEPT / run, ignore_errors=True)
