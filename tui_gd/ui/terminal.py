"""What the terminal can show according to its environment, read before Textual changes that."""

import codecs
import errno
import re
import termios
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter
from textual.message import Message

from tui_gd.plots.symbols import ASCII, NO_CURSOR, UNICODE, Depth, Symbols

# ASCII for the box drawing and block characters of Textual's borders, scrollbars and icons
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("─━═▔▀▁▂▃▄▅▆▇", "-"),
        **dict.fromkeys("│┃║▏▎▍▌▋▊▉▐▕█", "|"),
        **dict.fromkeys("┌┐└┘╭╮╰╯╔╗╚╝┏┓┗┛▗▖▝▘▛▜▙▟", "+"),
        **dict.fromkeys("·•●○", "."),
        **dict(zip("←→↑↓…", "<>^v.", strict=True)),
        "−": "-",
        "–": "-",
        "α": "a",
    }
)


class AsciiOnly(LineFilter):
    """Replaces every character beyond ASCII with one of the same width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments in ASCII, with their styles unchanged."""
        del background
        return [Segment(spelt(text), style, control) for text, style, control in segments]


@lru_cache(maxsize=1024)
def spelt(text: str) -> str:
    """Return `text` in ASCII, with the same width."""
    if text.isascii():
        return text
    text = text.translate(_SIGNS)
    return "".join(sign if sign.isascii() else "?" * cell_len(sign) for sign in text)


FPS_LOCAL = 15.0
FPS_SSH = 10.0
# GNU screen 4 accepts no strings longer than this
SCREEN_PIECE = 240
# terminals with 256 colours whose name does not say so
_MANY_COLOURS = ("256color", "kitty", "alacritty", "foot", "ghostty", "wezterm", "iterm")


@dataclass(frozen=True)
class Terminal:
    """Depth of colour, characters and frame rate (frames a second) of one terminal."""

    depth: Depth
    symbols: Symbols
    fps: float

    @classmethod
    def of(
        cls,
        environ: Mapping[str, str],
        encoding: str | None,
        *,
        plain: bool = False,
        fps: float | None = None,
    ) -> "Terminal":
        """Return what `environ` and the output's encoding allow; `plain` and `fps` override it."""
        usual = FPS_SSH if environ.get("SSH_CONNECTION") else FPS_LOCAL
        carries = not plain and _carries_braille(encoding) and environ.get("TERM") != "linux"
        return cls(_depth(environ), UNICODE if carries else ASCII, fps or usual)

    @classmethod
    def in_browser(
        cls, environ: Mapping[str, str], *, plain: bool = False, fps: float | None = None
    ) -> "Terminal":
        """Return xterm.js, whatever terminal started the server."""
        here = {**environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        return cls.of(here, "utf-8", plain=plain, fps=fps)


def missing(environ: Mapping[str, str]) -> str | None:
    """Return why this terminal cannot show the interface, or None if it can."""
    name = environ.get("TERM", "")
    if not name:
        return "TERM is not set"
    if name in NO_CURSOR:
        return f"TERM={name} cannot move the cursor"
    return None


@dataclass
class Ground(Message):
    """The terminal has said whether its own ground is dark."""

    dark: bool


def ground_is_dark(colour: str) -> bool | None:
    """Return whether a colour in the form of a terminal's report is dark; None if it is no colour.

    A colour is dark if its luma, 0.299·R + 0.587·G + 0.114·B, is below half.

    >>> ground_is_dark("rgb:ffff/ffff/ffff"), ground_is_dark("rgb:1e/1e/2e"), ground_is_dark("x")
    (False, True, None)
    """
    found = re.fullmatch(r"rgba?:([0-9a-fA-F]{1,4})((?:/[0-9a-fA-F]{1,4}){2,3})", colour)
    if found is None:
        return None
    parts = colour.partition(":")[2].split("/")[:3]
    red, green, blue = (int(part, 16) / int("f" * len(part), 16) for part in parts)
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5


def light_by_name(environ: Mapping[str, str]) -> bool:
    """Return whether COLORFGBG names a light ground last: 7 or 9 to 15 of the sixteen colours.

    urxvt sets it, and does not answer when asked for its ground.

    >>> light_by_name({"COLORFGBG": "0;default;15"}), light_by_name({"COLORFGBG": "15;0"})
    (True, False)
    """
    last = environ.get("COLORFGBG", "").rpartition(";")[2]
    return last in {"7", *map(str, range(9, 16))}


def in_screen(environ: Mapping[str, str]) -> bool:
    """Return whether the terminal is a window of GNU screen, and not of a tmux inside it."""
    return "STY" in environ and environ.get("TERM", "").startswith("screen")


def clipboard(text: str, environ: Mapping[str, str]) -> str:
    """Return the sequence that copies `text` to the terminal's clipboard: OSC 52, in base64."""
    return passed_on(f"\x1b]52;c;{b64encode(text.encode()).decode('ascii')}\a", environ)


def ask_ground(environ: Mapping[str, str]) -> str:
    """Return the sequence that asks the terminal for the colour of its ground: OSC 11."""
    return passed_on("\x1b]11;?\a", environ)


def passed_on(sequence: str, environ: Mapping[str, str]) -> str:
    """Return a sequence as it reaches the terminal around GNU screen, too.

    GNU screen keeps such sequences to itself, but it passes on device control strings, in pieces.
    """
    if not in_screen(environ):
        return sequence
    pieces = (sequence[at : at + SCREEN_PIECE] for at in range(0, len(sequence), SCREEN_PIECE))
    return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)


def in_front(file: int) -> bool:
    """Return whether the program may draw on the terminal `file`.

    A background process of a shell (`&`) stops here until `fg`, because the terminal stops every
    background process that changes its settings. The answer is no if no shell could resume it.
    """
    try:
        termios.tcsetattr(file, termios.TCSANOW, termios.tcgetattr(file))
    except termios.error as error:
        return bool(error.args[0] != errno.EIO)
    return True


def _depth(environ: Mapping[str, str]) -> Depth:
    # https://no-color.org: any value but the empty one
    if environ.get("NO_COLOR"):
        return "mono"
    name = environ.get("TERM", "")
    # the terminal around GNU screen may know true colour, but screen 4 garbles it
    true = environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}
    if true and not in_screen(environ):
        return "truecolor"
    if name.endswith("-direct"):
        return "truecolor"
    if name.startswith("vt") or name.endswith("-mono"):
        return "mono"
    many = any(part in name for part in _MANY_COLOURS)
    # xterm calls itself `xterm`, and so do others with fewer colours
    return "256" if many or (name == "xterm" and "XTERM_VERSION" in environ) else "16"


def _carries_braille(encoding: str | None) -> bool:
    try:
        "⠿▀●".encode(codecs.lookup(encoding or "ascii").name)
    except (LookupError, UnicodeEncodeError):
        return False
    return True
