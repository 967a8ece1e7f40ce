"""What leaves the screen: a panel's numbers, the line that repeats a run, and exported files.

On a desktop, numbers go to the desktop's own clipboard if there is a program for it. Otherwise the
terminal gets them by OSC 52, which many terminals ignore without an answer; tmux needs
`set -g set-clipboard on`.
"""

import asyncio
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Label
from textual.widgets.selection_list import Selection

from tui_gd.errors import OutputError, ProblemError
from tui_gd.plots.cells import width
from tui_gd.problems.text import safe_text
from tui_gd.runs.resume import open_without_data
from tui_gd.runs.share import share_line
from tui_gd.ui.panels.panel import View
from tui_gd.ui.screens.questions import Whole, text_line
from tui_gd.ui.screens.run import RunScreen
from tui_gd.ui.textual_fixes.app import Checklist, Dialog, Key

# a name of a file or folder contains at most this many characters of a problem's name
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


def file_name(view: View, panel: str, number: int = 1) -> str:
    """Return the name of a file for a panel's numbers; a higher `number` makes it another one."""
    name, end = _in_file_names(view.problem.name) or "data", f"-{number}" if number > 1 else ""
    return f"gd-tui-{name}-{panel}-epoch{view.snapshot.epoch}{end}.txt"


def _in_file_names(problem: str) -> str:
    return re.sub(r"[^\w.-]+", "-", PurePath(problem).name)[:_NAME_LETTERS].strip(".-")


def write_panel(view: View, panel: str, text: str, folder: str = ".") -> str:
    """Write a panel's text to a new file; return its name, or raise OutputError, one line.

    The name is `gd-tui-<problem>-<panel>-epoch<N>.txt`; if it is taken, `…-2.txt`, `…-3.txt` and so
    on.
    """
    number = 1
    while True:
        path = Path(folder) / file_name(view, panel, number)
        try:
            _write_new(path, text.encode())
        except FileExistsError:
            number += 1
        except OSError as error:
            raise OutputError(f"{safe_text(str(path), None)}: {error.strerror}") from None
        else:
            return str(path)


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that must not exist yet; remove it again if that fails."""
    with path.open("xb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise


def _numbers(screen: RunScreen) -> str:
    panel = screen.board.panel
    return panel_text(screen.view, panel.NAME, panel.numbers(screen.view))


def action_copy(screen: RunScreen) -> None:
    """Copy the focused panel's numbers to the desktop's clipboard, or send them to the terminal."""
    text, panel = _numbers(screen), screen.board.panel.NAME
    lines = f"{len(text.splitlines())} lines of {panel}"
    write = f"{screen.context.keys.of('write')} writes {file_name(screen.view, panel)}"
    if copy_to_desktop(text, os.environ):
        screen.notices.say(f"copied {lines}; {write}")
    elif len(text) > MOST_SENT:
        said = f"{lines} are too long for the terminal's clipboard; {write}"
        screen.notices.say(said, warning=True)
    else:
        screen.app.copy_to_clipboard(text)
        screen.app.refresh(layout=True)  # urxvt writes a longer text over the screen
        screen.notices.say(f"sent {lines} to the terminal, which may ignore it; {write}")


@work(group="export")
async def action_share(screen: RunScreen) -> None:
    """Show the line that repeats the run, and copy it or send it to the terminal."""
    try:
        line = await asyncio.to_thread(lambda: share_line(screen.run.exported()))
    except ProblemError as error:
        screen.notices.say(str(error), warning=True)
        return
    copied = copy_to_desktop(line, os.environ)
    if not copied:
        screen.app.copy_to_clipboard(line)
    done = "copied" if copied else "sent to the terminal"
    screen.app.push_screen(Whole(f"gd-tui and this line in quotes repeat the run ({done})", line))


def action_write(screen: RunScreen) -> None:
    """Write the focused panel's numbers to a file."""
    try:
        path = write_panel(screen.view, screen.board.panel.NAME, _numbers(screen))
    except OutputError as error:
        screen.notices.say(f"cannot write {error}", warning=True)
    else:
        screen.notices.say(f"wrote {path}")


# Files of a run

Export = tuple[tuple[str, ...], str]
"""The chosen kinds of files, and the folder for them."""


class ExportScreen(Dialog[Export | None]):
    """Asks for kinds of files, (kind, text) each, and a folder; remembers nothing."""

    HEADING = "Export"
    KEYS = (
        Key("", "", "space", "choose a kind of file, or no longer"),
        Key("a", "choose_all", "a", "choose all kinds, or none"),
        Key("f", "folder", "f", "the folder to write them into"),
        Key("", "", "enter", "write what is chosen, else the highlighted kind"),
        Key("escape,q,e", "dismiss(None)", "esc or q", "back, nothing is written"),
        Key("j", "app.simulate_key('down')"),
        Key("k", "app.simulate_key('up')"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "write", priority=True)]

    def __init__(
        self, what: str, kinds: Sequence[tuple[str, str]], chosen: Collection[str], folder: str
    ) -> None:
        super().__init__()
        self._what = what
        size = max(width(kind) for kind, _ in kinds)
        self._kinds = Checklist(
            *(Selection(f"{kind:<{size}}  {text}", kind, kind in chosen) for kind, text in kinds)
        )
        self._folder = text_line(folder, compact=True)
        self._fault = Label("", classes="fault", markup=False)

    def compose(self) -> ComposeResult:
        """Lay out the kinds, the folder and the keys."""
        with Vertical():
            yield Label(f"Export {self._what} into the folder", markup=False)
            yield self._folder
            yield self._kinds
            yield self._fault
            yield Label("space chooses  a all  f folder  enter writes  esc leaves", markup=False)

    def on_mount(self) -> None:
        """Begin in the list."""
        self._kinds.focus()

    def action_choose_all(self) -> None:
        """Choose all kinds; if all are chosen, choose none."""
        if len(self._kinds.selected) == self._kinds.option_count:
            self._kinds.deselect_all()
        else:
            self._kinds.select_all()

    def action_folder(self) -> None:
        """Go to the line with the folder."""
        self._folder.focus()

    def action_write(self) -> None:
        """Answer; if nothing is chosen, take the highlighted kind."""
        chosen = self._kinds.selected
        if not chosen and self._kinds.highlighted is not None:
            chosen = [self._kinds.get_option_at_index(self._kinds.highlighted).value]
        try:
            self.dismiss((tuple(chosen), parse_folder(self._folder.value.strip())))
        except ValueError as error:
            self._fault.update(str(error))


def folder_for(problem: str, run: str = "") -> str:
    """Return the name of a folder for a run's files: `gd-tui-blobs-3f9a`."""
    return "-".join(part for part in ("gd-tui", _in_file_names(problem), run) if part)


def parse_folder(text: str) -> str:
    """Return the name of a folder; `ValueError` says what is wrong with it."""
    if not text:
        raise ValueError("name a folder; . is the current one")
    if not text.isprintable():
        raise ValueError("has characters that cannot be printed")
    return text


def action_export(screen: RunScreen) -> None:
    """Ask which files to export of the run on the screen, and the folder for them."""
    ask_export(screen, None, "this run")


@work
async def ask_export(screen: RunScreen, kept: str | None, what: str) -> None:
    """Export a kept run by its id, or the run on the screen; dialogs call it `what`."""
    from tui_gd.runs.exports import KINDS, SCREEN, USUAL

    kinds = [(kind, text) for kind, text in KINDS.items() if kind != SCREEN or kept is None]
    run = screen.run
    folder = folder_for(kept) if kept else folder_for(run.settings.problem, run.kept_id or "")
    answer = await screen.app.push_screen_wait(ExportScreen(what, kinds, USUAL, folder))
    if answer is not None:
        picture = screen.app.export_screenshot() if SCREEN in answer[0] else ""
        screen.notices.say(f"exporting {what} ...")
        _write_export(screen, kept, *answer, picture)


@work(thread=True, group="export")
def _write_export(
    screen: RunScreen, kept: str | None, kinds: tuple[str, ...], folder: str, picture: str
) -> None:
    from tui_gd.runs.exports import export

    try:
        if kept:
            with screen.context.open_library() as store:
                exported = open_without_data(store, store.find(kept))
        else:
            exported = screen.run.exported()
        paths = export(exported, kinds, Path(folder).expanduser(), picture=picture)
    except (ProblemError, OutputError) as error:
        said, warning = str(error), True
    except Exception as error:
        # a fault in an export must not end the run
        said, warning = f"cannot export: {type(error).__name__}: {error}", True
    else:
        said = f"wrote {len(paths)} file{'s' if len(paths) > 1 else ''} into {folder}"
        warning = False
    screen.notices.say_from_thread(said, warning=warning)
