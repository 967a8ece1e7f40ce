"""What the terminal can show, as its environment tells it; read before Textual changes it."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass

from tui_gd.plots.symbols import ASCII, UNICODE, Depth, Symbols

FPS_LOCAL = 15.0
FPS_SSH = 10.0
# terminals with 256 colours that do not say so in their name
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
        """Return what `environ` and the output's encoding allow; `plain` and `fps` overrule."""
        usual = FPS_SSH if environ.get("SSH_CONNECTION") else FPS_LOCAL
        carries = not plain and _carries_braille(encoding) and environ.get("TERM") != "linux"
        return cls(_depth(environ), UNICODE if carries else ASCII, fps or usual)


def missing(environ: Mapping[str, str]) -> str | None:
    """Return why this terminal cannot show the interface, or None if it can."""
    name = environ.get("TERM", "")
    if not name:
        return "TERM is not set"
    if name in {"dumb", "unknown"}:
        return f"TERM={name} cannot move the cursor"
    return None


def _depth(environ: Mapping[str, str]) -> Depth:
    # https://no-color.org: any value but the empty one
    if environ.get("NO_COLOR"):
        return "mono"
    if environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return "truecolor"
    name = environ.get("TERM", "")
    if name.endswith("-direct"):
        return "truecolor"
    if name.startswith("vt") or name.endswith("-mono"):
        return "mono"
    return "256" if any(part in name for part in _MANY_COLOURS) else "16"


def _carries_braille(encoding: str | None) -> bool:
    try:
        "⠿▀●".encode(codecs.lookup(encoding or "ascii").name)
    except (LookupError, UnicodeEncodeError):
        return False
    return True
