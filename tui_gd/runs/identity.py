"""What a run's data are: which files with which contents, or which arrays were made."""

import hashlib
import os
import platform
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
from tui_gd.problems.input_file import spooled_input
from tui_gd.problems.problem import FeatureRule
from tui_gd.runs.database import make_private
from tui_gd.session.settings import RunSettings

# What a problem of files is without its rows: enough to export weights that were learned from it.

MOST_FEATURES = 1000
"""Of more features than these nothing is kept: all runs' descriptions are read to list the runs."""


def description(problem: Problem) -> dict[str, Any] | None:
    """Return a problem's task, names and rules, as JSON takes them; None if it is very wide."""
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
    """Return the problem that was described, with no rows; `ValueError` if it is none."""
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


STDIN = "-"
# arrays that are larger are those of files, whose contents are known
DIGESTED_BYTES = 1 << 30
_OPTIONS = {"problem": "", "target": "--target ", "test": "--test "}


def identity(settings: RunSettings, problem: Problem) -> dict[str, Any]:
    """Return what can be said at once: paths, sizes and times of change of all files, no digests.

    To be called when the problem has just been loaded.
    """
    files = []
    for option, path in _files(settings):
        found = os.stat(path)
        files.append(
            {
                "option": option,
                "path": os.path.abspath(path),
                "size": found.st_size,
                "changed": found.st_mtime_ns,
            }
        )
    stdin = settings.problem == STDIN
    return {
        "stdin": stdin,
        "files": files,
        "rows": [len(problem.y_train), len(problem.y_test)],
        "features": problem.features,
        "described": description(problem) if files or stdin else None,
    }


def with_digests(known: dict[str, Any], problem: Problem) -> dict[str, Any]:
    """Return an identity with SHA-256 of the files' contents and of the arrays; takes a while."""
    files = [{**file, "sha256": _digest_of(file["path"])} for file in known["files"]]
    return {**known, "files": files, "arrays": arrays_digest(problem)}


def _files(settings: RunSettings) -> Iterator[tuple[str, str]]:
    """Give the options that name files of data, and these files."""
    name = settings.problem
    if settings.surface is not None or name in BUILTIN or name == STDIN:
        return
    for option in _OPTIONS:
        path = getattr(settings, option, None)
        # the target is a file beside an .npy, and else a column
        meant = option != "target" or name.endswith(".npy")
        if meant and isinstance(path, str) and os.path.isfile(path):
            yield option, path


def _digest_of(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def arrays_digest(problem: Problem) -> str | None:
    """Return SHA-256 of the rows that are trained and tested on; None if they are very large."""
    arrays = (problem.x_train, problem.y_train, problem.x_test, problem.y_test)
    if sum(array.nbytes for array in arrays) > DIGESTED_BYTES:
        return None
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def check_files(run: str, known: dict[str, Any]) -> None:
    """Raise `ProblemError` if a file of a run's data is gone or is another than it was.

    One that is gone is looked for by its name in the working directory: it may have been moved.
    """
    if known.get("stdin") and all(file["option"] != "problem" for file in known["files"]):
        raise ProblemError(f"run {run}: its data came by standard input and are not kept")
    for file in known["files"]:
        path = _place(file)
        named = f"run {run}: {_OPTIONS.get(file['option'], '')}{path}"
        try:
            found = os.stat(path)
        except OSError as error:
            reason = error.strerror or "cannot be read"
            raise ProblemError(
                f"{named}: {reason}; put the data back there, or start gd-tui where they are now"
            ) from None
        if found.st_size != file["size"]:
            raise ProblemError(
                f"{named}: has changed since: {found.st_size:,} bytes, not {file['size']:,};"
                " put the data back as they were, or begin a new run"
            )
        digest = file.get("sha256")
        if digest is None:
            same = found.st_mtime_ns == file["changed"]
        else:
            same = digest == _digest_of(path)
        if not same:
            raise ProblemError(
                f"{named}: its contents have changed since; put the data back as they were, or"
                " begin a new run"
            )


def check_arrays(
    run: str, known: dict[str, Any], versions: dict[str, str], problem: Problem
) -> None:
    """Raise `ProblemError` if a problem's rows are not those that the run had."""
    wanted = known.get("arrays")
    if wanted is not None and wanted != arrays_digest(problem):
        raise ProblemError(
            f"run {run}: {problem.name} comes out otherwise here"
            f" ({differences(versions) or 'the program makes other rows of it'}): it cannot go on"
        )


def where_found(settings: RunSettings, known: dict[str, Any]) -> dict[str, str]:
    """Return the settings that have to name their files by other paths from this directory."""
    return {
        file["option"]: path
        for file in known["files"]
        if Path(getattr(settings, file["option"])).absolute() != Path(path := _place(file))
    }


def _place(file: dict[str, Any]) -> str:
    """Return where a file is: at its path, or, gone from there, in the working directory."""
    path = str(file["path"])
    moved = os.path.abspath(os.path.basename(path))
    if os.path.exists(path) or not os.path.isfile(moved):
        return path
    same = os.path.getsize(moved) == file["size"] and file.get("sha256") == _digest_of(moved)
    return moved if same else path


def versions_here() -> dict[str, str]:
    """Return the versions on which the bits of a run depend."""
    return {
        "gd-tui": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": metadata.version("scikit-learn"),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def differences(versions: dict[str, str]) -> str:
    """Say which versions are others than those of a kept run; empty if none is."""
    here = versions_here()
    return ", ".join(
        f"{name} {version} then, {here[name]} here"
        for name, version in versions.items()
        if name != "python" and name in here and here[name] != version
    )


# Keeps what came by standard input, which can be read but once, beside the store.

FOLDER = "inputs"
MOST_BYTES = 64 << 20
"""What is longer is not kept."""
_BLOCK = 1 << 20


def keep_input(directory: Path, run: str) -> dict[str, Any] | None:
    """Copy what standard input held into a file of a run, as it came; None if that cannot be.

    Returns what `identity` has of a file. Nobody but its owner may read it.
    """
    path, part = directory / FOLDER / run, directory / FOLDER / f".{run}"
    try:
        source, size = spooled_input()
        if size > MOST_BYTES:
            return None
        make_private(path.parent)
        with open(part, "wb", opener=_private) as file:
            # the loader may read it at the same time: its place in the file stays where it is
            for start in range(0, size, _BLOCK):
                file.write(os.pread(source, _BLOCK, start))
        os.replace(part, path)
        found = os.stat(path)
    except (OSError, ProblemError):
        with suppress(OSError):
            os.unlink(part)
        return None
    return {
        "option": "problem",
        "path": os.path.abspath(path),
        "size": found.st_size,
        "changed": found.st_mtime_ns,
    }


def forget_input(directory: Path, run: str) -> None:
    """Delete what was kept for a run, if anything was."""
    with suppress(OSError):
        os.unlink(directory / FOLDER / run)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
