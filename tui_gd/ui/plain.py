"""ASCII for what Textual draws itself: borders of questions and toasts, the palette's icons."""

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

# box drawing and blocks that Textual's borders and scrollbars are made of
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
    """Replaces every character beyond ASCII by one of the same width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments with other text, their styles as they were."""
        del background
        return [Segment(spelt(text), style, control) for text, style, control in segments]


@lru_cache(maxsize=1024)
def spelt(text: str) -> str:
    """Return `text` in ASCII, as wide as it was."""
    if text.isascii():
        return text
    text = text.translate(_SIGNS)
    return "".join(sign if sign.isascii() else "?" * cell_len(sign) for sign in text)
