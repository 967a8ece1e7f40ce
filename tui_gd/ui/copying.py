"""The numbers of a panel as text, for a clipboard or a file.

On a desktop, this uses the desktop's own clipboard if there is a program for it. Otherwise it sends
the text to the terminal by OSC 52, which many terminals ignore without an answer; tmux needs
`set -g set-clipboard on`.
"""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from tui_gd.errors import OutputError, ProblemError
from tui_gd.files import WholeFile
from tui_gd.problems.text import safe_text
from tui_gd.ui.panels.panel import View

# a file's name contains at most this many characters of a problem's name
_NAME_LETTERS = 40
MOST_SENT = 6000
"""A longer text is not sent to the terminal: some terminals write its code over the screen."""


def panel_text(view: View, panel: str, lines: Iterable[str]) -> str:
    """Return the numbers of a panel under two lines that say what they belong to.

    Control characters become `?`; every line ends with a newline.
    """
    snapshot, lane = view.snapshot, view.snapshot.lane
    head = [
        f"gd-tui  {view.problem.name}  {panel}  seed {snapshot.seed}",
        f"{snapshot.state}  epoch {snapshot.epoch}/{snapshot.epochs}  loss {lane.loss!r}"
        f"  alpha {lane.learning_rate!r}  lane {lane.name}  {lane.optimizer.name} {lane.loss_name}",
        "",
    ]
    return "".join(f"{safe_text(line, None)}\n" for line in [*head, *lines])


def copy_to_desktop(text: str, environment: Mapping[str, str]) -> bool:
    """Copy text to the clipboard of this machine's desktop; return whether that worked.

    Over SSH this does nothing, because the clipboard would be the wrong machine's.
    """
    if environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"):
        return False
    desktop = environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    if not desktop and sys.platform != "darwin":
        return False
    import pyperclip

    try:
        pyperclip.copy(text)
    except (pyperclip.PyperclipException, OSError):
        return False
    return True


def file_name(view: View, panel: str) -> str:
    """Return the file name for a panel's numbers, before any number that makes it unique."""
    return f"{_stem(view, panel)}.txt"


def _stem(view: View, panel: str) -> str:
    name = re.sub(r"[^\w.-]+", "-", Path(view.problem.name).name)[:_NAME_LETTERS].strip(".-")
    return f"gd-tui-{name or 'data'}-{panel}-epoch{view.snapshot.epoch}"


def write_panel(view: View, panel: str, text: str, folder: str = ".") -> str:
    """Write a panel's text to a new file; return its name, or raise OutputError, one line.

    The name is `gd-tui-<problem>-<panel>-epoch<N>.txt`; if it is taken, `…-2.txt`, `…-3.txt` and so
    on.
    """
    path = _reserved(Path(folder), _stem(view, panel))
    try:
        _fill(path, text)
    except OutputError:
        path.unlink(missing_ok=True)
        raise
    return str(path)


def _fill(path: Path, text: str) -> None:
    try:
        file = WholeFile(str(path), "the file")
    except ProblemError as error:
        raise OutputError(str(error)) from None
    try:
        file.write(text)
    finally:
        file.discard()


def _reserved(folder: Path, stem: str) -> Path:
    """Return the first free name in a folder; an empty file reserves it."""
    number = 1
    while True:
        path = folder / (f"{stem}.txt" if number == 1 else f"{stem}-{number}.txt")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            number += 1
        except OSError as error:
            raise OutputError(f"{safe_text(str(path), None)}: {error.strerror}") from None
        else:
            return path
