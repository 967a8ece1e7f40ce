"""Exports a run as files, each written whole or not at all.

What makes the files is imported when it is needed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_gd.errors import ProblemError
from tui_gd.files import WholeFile

if TYPE_CHECKING:
    from tui_gd.runs.record import RunRecord

Files = dict[str, bytes]
"""Contents by file name; a name may contain folders."""


@dataclass(frozen=True)
class _Kind:
    """A kind of export: `make` and `why_not`, functions of `module`, return files and a reason."""

    about: str
    module: str
    make: str
    why_not: str = ""

    def call(self, name: str, run: "RunRecord") -> Any:
        from importlib import import_module

        return getattr(import_module(f"tui_gd.runs.exports.{self.module}"), name)(run)


SCREEN = "screen"
_KINDS = {
    "report": _Kind("the report: text, Markdown, JSON", "report", "report_files"),
    "losses": _Kind("losses of every epoch: CSV", "tables", "loss_files"),
    "weights": _Kind("weights of all lanes: .npz, .npy, JSON", "tables", "weight_files"),
    "script": _Kind("a Python script that repeats the run", "script", "script_files"),
    "curve": _Kind("the loss curve: PNG, SVG", "figure", "curve_files", "without_plots"),
    "map": _Kind("the decision map: PNG, SVG", "figure", "map_files", "without_map"),
    "tensorboard": _Kind(
        "event files for TensorBoard", "tables", "event_files", "without_tensorboard"
    ),
    "predict": _Kind(
        "a script that predicts from rows of the table",
        "script",
        "predict_files",
        "without_columns",
    ),
    "estimator": _Kind(
        "the current lane for scikit-learn: joblib",
        "script",
        "estimator_files",
        "without_estimator",
    ),
}
KINDS = {
    **{name: kind.about for name, kind in _KINDS.items()},
    SCREEN: "a picture of the screen: SVG",
}
"""The kinds of export and what each contains; `screen` only in the interface."""
USUAL = ("report", "losses", "weights", "script")
"""The kinds written when none is named: those that need no other package."""

OF_ROWS = frozenset({"report", "map"})
"""The kinds that need the rows of the data."""


def why_not(run: "RunRecord", kind: str) -> str:
    """Return why a run cannot be exported as `kind`, in one line, or an empty text."""
    if kind == SCREEN:
        return "a picture of the screen is exported from the interface (key e)"
    if kind not in _KINDS:
        return f"unknown kind of export {kind!r}: choose from {', '.join(KINDS)}"
    if run.no_data and kind in OF_ROWS:
        return f"{kind} needs the data: {run.no_data}"
    one = _KINDS[kind]
    return str(one.call(one.why_not, run)) if one.why_not else ""


def export(
    run: "RunRecord", kinds: str | Iterable[str], folder: Path, *, picture: str = ""
) -> list[Path]:
    """Write a run into `folder`, which is created if missing; return the files.

    `picture` is the screen as SVG, for the kind `screen`. All contents are made before the first
    file is written. Existing files are replaced. `ProblemError` if a kind is not available or the
    folder cannot be made, `OutputError` if a file cannot be written.
    """
    contents: Files = {}
    for kind in dict.fromkeys([kinds] if isinstance(kinds, str) else kinds):
        if kind == SCREEN and picture:
            contents["screen.svg"] = picture.encode()
            continue
        if reason := why_not(run, kind):
            raise ProblemError(reason)
        contents |= _KINDS[kind].call(_KINDS[kind].make, run)
    files = {folder / name: content for name, content in contents.items()}
    for path, content in files.items():
        write_file(path, content)
    return list(files)


def write_file(path: Path, content: bytes) -> None:
    """Write one file, whole or not at all; its folder is created if missing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProblemError(f"{path.parent}: {error.strerror}; name another folder") from None
    file = WholeFile(str(path), "export to")
    try:
        file.write(content)
    finally:
        file.discard()
