"""The screen of a terminal as a PNG, drawn as a terminal draws it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from tests.terminal.glyphs import boxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.terminal.screen import Cell

Colour = tuple[int, int, int]

FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf")
FOREGROUND: Colour = (229, 229, 229)
BACKGROUND: Colour = (16, 16, 16)
# xterm's sixteen, by pyte's names for them (its "brown" is yellow).
_NAMED: dict[str, Colour] = {
    "black": (0, 0, 0),
    "red": (205, 0, 0),
    "green": (0, 205, 0),
    "brown": (205, 205, 0),
    "blue": (0, 0, 238),
    "magenta": (205, 0, 205),
    "cyan": (0, 205, 205),
    "white": (229, 229, 229),
    "brightblack": (127, 127, 127),
    "brightred": (255, 0, 0),
    "brightgreen": (0, 255, 0),
    "brightbrown": (255, 255, 0),
    "brightblue": (92, 92, 255),
    "brightmagenta": (255, 0, 255),
    "brightcyan": (0, 255, 255),
    "brightwhite": (255, 255, 255),
}


def colour(name: str, default: Colour) -> Colour:
    """Red, green and blue of a cell's colour: `default`, one of the sixteen names, or hex."""
    if name == "default":
        return default
    if name in _NAMED:
        return _NAMED[name]
    return int(name[0:2], 16), int(name[2:4], 16), int(name[4:6], 16)


def write_png(
    cells: Sequence[Sequence[Cell]],
    path: str | Path,
    *,
    font: str | Path = FONT,
    size: int = 15,
    foreground: Colour = FOREGROUND,
    background: Colour = BACKGROUND,
) -> None:
    """Write `terminal.cells()` as a PNG, with cells of 9 by 18 pixels at the default `size`.

    `foreground` and `background` stand for the terminal's default colours.

    Raises:
        FileNotFoundError: `font` is missing; names the package that has it.
    """
    regular, bold = _load(str(font), size)
    width = round(regular.getlength("M"))
    height = round(size * 1.2)
    baseline = round(height * 0.79)
    image = Image.new("RGB", (width * max(map(len, cells)), height * len(cells)), background)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(cells):
        for column, cell in enumerate(line):
            ink = colour(cell.foreground, foreground)
            paper = colour(cell.background, background)
            if cell.reverse:
                ink, paper = paper, ink
            left, top = column * width, row * height
            if cell.text:
                wide = column + 1 < len(line) and not line[column + 1].text
                right = left + (2 if wide else 1) * width
                draw.rectangle((left, top, right - 1, top + height - 1), paper)
            shapes = boxes(cell.text)
            if shapes is None:
                if cell.text.strip():
                    face = bold if cell.bold else regular
                    draw.text((left, top + baseline), cell.text, ink, face, anchor="ls")
                continue
            for box in shapes:
                x, y = left + round(box.left * width), top + round(box.top * height)
                right = max(left + round(box.right * width), x + 1)
                bottom = max(top + round(box.bottom * height), y + 1)
                draw.rectangle((x, y, right - 1, bottom - 1), _mix(ink, paper, box.share))
    image.save(path, optimize=True)


def _mix(ink: Colour, paper: Colour, share: float) -> Colour:
    red, green, blue = (
        round(of_ink * share + of_paper * (1 - share))
        for of_ink, of_paper in zip(ink, paper, strict=True)
    )
    return red, green, blue


@functools.cache
def _load(font: str, size: int) -> tuple[ImageFont.FreeTypeFont, ImageFont.FreeTypeFont]:
    regular = Path(font)
    if not regular.exists():
        raise FileNotFoundError(
            f"no font at {regular}: install the Debian package fonts-dejavu-core, or name another"
        )
    bold = regular.with_stem(f"{regular.stem}-Bold")
    return (
        ImageFont.truetype(regular, size),
        ImageFont.truetype(bold if bold.exists() else regular, size),
    )
