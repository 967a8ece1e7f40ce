"""The lesson's box: the question, the possible answers, and the reply to the last answer."""

import math
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.plots.axes import BORDER, Canvas, Heading, draw_box
from tui_gd.plots.cells import Cells, width
from tui_gd.plots.palette import Style, bold
from tui_gd.plots.symbols import Symbols
from tui_gd.ui.panels.lines import put_cap

BARS = "▁▂▃▄▅▆▇█"
SPARK = 24
"""Columns for one of the curves to choose from."""
MOST_ROWS = 10
_KEY = re.compile(r"\[[^\[\]]+\]")
_MARGIN = 4
_BESIDE = 8
"""Columns for the number of an option, and the gap between two options."""


@dataclass(frozen=True)
class LessonPicture:
    """What the box shows.

    The `reply` to an answer stands before the `text`, which stays while there are more questions.
    `chosen` is the option that enter would take. `entry` is the text typed so far, or None if there
    is nothing to type. `keys` are pairs (key, what it does), and `focused` says whether the box has
    the focus.
    """

    title: str
    text: str
    reply: str = ""
    right: bool | None = None
    options: tuple[str, ...] = ()
    chosen: int = 0
    entry: str | None = None
    keys: tuple[tuple[str, str], ...] = ()
    focused: bool = True

    def lines(self, columns: int, symbols: Symbols) -> list[str]:
        """Return the reply and the text as the lines of a box that is `columns` wide."""
        room = max(10, columns - _MARGIN)
        texts = [symbols.spell(text) for text in (self.reply, self.text) if text]
        return [line for text in texts for line in textwrap.wrap(text, room)]

    def answers(self, columns: int) -> list[list[int]]:
        """Return the numbers of the options in every row: all in one row, if they fit."""
        numbers = list(range(len(self.options)))
        taken = sum(width(option) + _BESIDE for option in self.options)
        return [numbers] if numbers and taken <= columns - _MARGIN else [[one] for one in numbers]

    def rows(self, columns: int, symbols: Symbols) -> int:
        """Return how many rows the box needs."""
        answers = len(self.answers(columns)) + (self.entry is not None)
        return min(MOST_ROWS, len(self.lines(columns, symbols)) + answers + 3)


def draw_lesson(picture: LessonPicture, rows: int, columns: int, style: Style) -> Cells:
    """Return the box of (rows, columns); if the text has to be shortened, the keys stay."""
    palette, symbols = style.palette, style.symbols
    inside = Cells.blank(rows - BORDER, columns - BORDER, style)
    answers = len(picture.answers(columns)) + (picture.entry is not None)
    room = max(1, inside.shape[0] - answers - 1)
    colour = palette.text
    if picture.reply and picture.right is not None:
        colour = palette.good if picture.right else palette.warning
    replied = len(replace(picture, text="").lines(columns, symbols)) if picture.text else 1
    lines = picture.lines(columns, symbols)[:room]
    asked = _question_at(lines)
    row = 0
    for line in lines:
        inside.put(row, 1, line, colour if row < replied else palette.text)
        begin = max(0, asked - sum(map(len, lines[:row])))
        inside.put(row, 1 + begin, line[begin:], palette.warning)
        for key in _KEY.finditer(line):
            inside.put(row, 1 + key.start(), key[0], bold(palette.key))
        row += 1
    for numbers in picture.answers(columns):
        at = 1
        for number in numbers:
            here = number == picture.chosen
            mark = symbols.selected if here else " "
            text = f"{mark}{number + 1}  {symbols.spell(picture.options[number])}"
            inside.put(row, at, text, palette.focus if here else palette.text)
            at += width(picture.options[number]) + _BESIDE
        row += 1
    if picture.entry is not None:
        inside.put(row, 1, f"{symbols.selected} {picture.entry}_", palette.focus)
    _put_keys(inside, inside.shape[0] - 1, picture.keys, style)
    heading = Heading(picture.title, focused=picture.focused, pointed=True)
    return draw_box(Canvas(rows, columns, style, heading), inside)


def _question_at(lines: Sequence[str]) -> int:
    """Return how many characters precede the question at the end of the lines."""
    text = "\n".join(lines)
    ends = [found.end() for found in re.finditer(r"[.:?]\s", text)]
    begin = max(ends, default=0) if text.endswith("?") else len(text)
    return begin - text.count("\n", 0, begin)


def _put_keys(cells: Cells, row: int, keys: Sequence[tuple[str, str]], style: Style) -> None:
    """Write key caps and what they do, but only whole pairs."""
    palette, at = style.palette, 1
    for key, does in keys:
        cap, words = style.symbols.spell(key), f" {style.symbols.spell(does)}   "
        if at + width(f" {cap} {words.rstrip()}") > cells.shape[1]:
            return
        at = put_cap(cells, row, at, cap, palette)
        at = cells.put(row, at, words, palette.text)


def curve_options(curves: Sequence[Floats], symbols: Symbols) -> tuple[str, ...]:
    """Return every curve as a row of bars on one logarithmic scale, or as numbers in plain."""
    if symbols.plain:
        return tuple(" -> ".join(f"{one:.3g}" for one in _some(losses, 5)) for losses in curves)
    start = max(float(curves[0][0]), 1e-300)
    with np.errstate(all="ignore"):
        logs = [np.log10(np.maximum(_some(losses, SPARK), start * 1e-4)) for losses in curves]
    top = math.log10(start) + 1.0  # a tenfold rise gets the highest bar, and so does anything above
    bottom = min(float(np.min(one[np.isfinite(one)], initial=top)) for one in logs)
    span = max(top - bottom, 1e-9)
    return tuple(
        "".join(BARS[_level((value - bottom) / span)] for value in one)
        + f"  {losses[0]:.3g} → {losses[-1]:.3g}".replace("inf", "∞")
        for one, losses in zip(logs, curves, strict=True)
    )


def _some(losses: Floats, count: int) -> Floats:
    """Return `count` losses, evenly spread, including the first and the last."""
    places = np.unique(np.linspace(0, len(losses) - 1, count).round().astype(np.intp))
    return np.asarray(losses[places], np.float64)


def _level(share: float) -> int:
    if not math.isfinite(share):
        return len(BARS) - 1
    return min(len(BARS) - 1, max(0, int(share * len(BARS))))
