"""Exports: a run as files, each written whole or not at all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tui_gd.errors import ProblemError
from tui_gd.files import WholeFile
from tui_gd.runs.record import RunRecord

Files = dict[str, bytes]
"""Contents by the names of the files; a name may have folders in it."""


@dataclass(frozen=True)
class _Kind:
    """What is written, by a function of a module that is imported when it is wanted."""

    about: str
    module: str
    make: str
    why_not: str = ""

    def _function(self, name: str) -> Callable[[RunRecord], object]:
        from importlib import import_module

        found: Callable[[RunRecord], object] = getattr(
            import_module(f"tui_gd.runs.exports.{self.module}"), name
        )
        return found

    def reason(self, exported: RunRecord) -> str:
        return str(self._function(self.why_not)(exported)) if self.why_not else ""

    def files(self, exported: RunRecord) -> Files:
        made = self._function(self.make)(exported)
        assert isinstance(made, dict)
        return made


SCREEN = "screen"
_KINDS = {
    "report": _Kind("the report: text, Markdown, JSON", "report", "report_files"),
    "losses": _Kind("losses of every epoch: CSV", "report", "loss_files"),
    "weights": _Kind("weights of all lanes: .npz, .npy, JSON", "report", "weight_files"),
    "script": _Kind("a Python script that repeats the run", "script", "script_files"),
    "curve": _Kind("the loss curve: PNG, SVG", "figure", "curve_files", "without_plots"),
    "map": _Kind("the decision map: PNG, SVG", "figure", "map_files", "without_map"),
    "tensorboard": _Kind(
        "event files for TensorBoard", "events", "event_files", "without_tensorboard"
    ),
    "predict": _Kind(
        "a script that predicts from rows of the table",
        "model",
        "predict_files",
        "without_columns",
    ),
    "estimator": _Kind(
        "the current lane for scikit-learn: joblib",
        "estimator",
        "estimator_files",
        "without_estimator",
    ),
}
KINDS = {
    **{name: kind.about for name, kind in _KINDS.items()},
    SCREEN: "a picture of the screen: SVG",
}
"""What a run can be exported as, and what that is; `screen` only where there is one."""
USUAL = ("report", "losses", "weights", "script")
"""What is written where no kind is named: what needs nothing further to be installed."""

OF_ROWS = frozenset({"report", "map"})
"""What is made from the rows of the data, and not from what was kept of the run alone."""


def why_not(exported: RunRecord, kind: str) -> str:
    """Return why a run cannot be exported as `kind`, in one line, or nothing."""
    if kind == SCREEN:
        return "a picture of the screen is exported from the interface (key e)"
    if kind not in _KINDS:
        return f"unknown kind of export {kind!r}: choose from {', '.join(KINDS)}"
    if exported.no_data and kind in OF_ROWS:
        return f"{kind} needs the data: {exported.no_data}"
    return _KINDS[kind].reason(exported)


def export(
    exported: RunRecord, kinds: str | Iterable[str], folder: Path, *, picture: str = ""
) -> list[Path]:
    """Write a run into `folder`, which is made where there is none; return the files.

    `picture` is the screen as SVG, for the kind `screen`. Nothing is written before all is made:
    `ProblemError` if a kind cannot be had or nothing can be written there, `OutputError` if a file
    takes it not; files that were there are replaced.
    """
    contents: Files = {}
    for kind in dict.fromkeys([kinds] if isinstance(kinds, str) else kinds):
        if kind == SCREEN and picture:
            contents["screen.svg"] = picture.encode()
            continue
        if reason := why_not(exported, kind):
            raise ProblemError(reason)
        contents |= _KINDS[kind].files(exported)
    files = {folder / name: content for name, content in contents.items()}
    for path, content in files.items():
        write_file(path, content)
    return list(files)


def write_file(path: Path, content: bytes) -> None:
    """Write one file, whole or not at all, its folder made where there is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProblemError(f"{path.parent}: {error.strerror}; name another folder") from None
    file = WholeFile(str(path), "export to")
    try:
        file.write(content)
    finally:
        file.discard()
