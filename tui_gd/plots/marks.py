"""Signs over a shaded plane: where lanes are, minima, arrowheads and the cursor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .relief import ink_table, inks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .axes import Frame, Scale
    from .cells import Colour
    from .palette import Palette, Symbols
    from .relief import Relief
    from .tracks import Track

Place = tuple[float, float]


@dataclass(frozen=True)
class Marks:
    """One sign for each thing that is marked; all are one cell wide."""

    viewed: str
    start: str
    following: str
    global_minimum: str
    local_minimum: str
    past: str
    future: str
    """A point of a path along a curve, before and after the viewed epoch."""
    heads: str
    """Arrowheads for eight directions, from the right counter-clockwise."""


UNICODE_MARKS = Marks("◆", "●", "◇", "★", "☆", "•", "◦", "→↗↑↖←↙↓↘")
ASCII_MARKS = Marks("@", "o", "x", "M", "m", "*", "+", ">/^\\</v\\")


def marks(symbols: Symbols) -> Marks:
    """Return the signs of a kind of terminal."""
    return ASCII_MARKS if symbols.plain else UNICODE_MARKS


def paint_signs(
    drawn: Frame,
    relief: Relief,
    places: NDArray[np.floating] | Sequence[Place],
    signs: Sequence[str],
    colours: Sequence[Colour],
    palette: Palette,
) -> None:
    """Put signs, one cell wide, at places (n, 2) of the plot; those outside are left out.

    One sign and colour are for all places; else there is one for each.
    """
    at = np.asarray(places, np.float64).reshape(-1, 2)
    if not len(at):
        return
    column, row = drawn.x.bins(at[:, 0], drawn.columns), drawn.y.bins(at[:, 1], drawn.rows)
    inside = (column >= 0) & (row >= 0)
    column, row = column[inside], drawn.rows - 1 - row[inside]
    level = relief.level[row, column]
    each = np.flatnonzero(inside)
    cells, cell = drawn.cells, (drawn.top + row, drawn.left + column)
    codes = np.array([ord(sign) for sign in signs], np.uint32)
    cells.code[cell] = codes[each if len(codes) > 1 else 0]
    table = ink_table(relief, colours, palette)
    cells.fg[cell] = table[each if len(table) > 1 else 0, level]
    cells.bg[cell] = relief.colours[level]


def paint_minima(
    drawn: Frame,
    relief: Relief,
    minima: Sequence[tuple[float, float, bool]],
    palette: Palette,
    symbols: Symbols,
) -> None:
    """Mark known minima: x, y, whether it is global. The two kinds have different signs."""
    kinds = marks(symbols)
    signs = [kinds.global_minimum if deepest else kinds.local_minimum for *_, deepest in minima]
    places = [(x, y) for x, y, _ in minima]
    paint_signs(drawn, relief, places, signs, [palette.cursor], palette)


def paint_ends(
    drawn: Frame,
    relief: Relief,
    tracks: Sequence[Track],
    starts: Sequence[tuple[NDArray[np.floating], Colour]],
    following: Place | None,
    palette: Palette,
    symbols: Symbols,
) -> None:
    """Mark where the tracks start, where the next step leads, and over it where they are viewed."""
    signs = marks(symbols)
    places = np.array([place for place, _ in starts], np.float64)
    colours = [colour for _, colour in starts]
    paint_signs(drawn, relief, places, [signs.start], colours, palette)
    if following is not None:
        paint_signs(drawn, relief, [following], [signs.following], [palette.cursor], palette)
    viewed = [track for track in tracks if track.viewed is not None]
    paint_signs(
        drawn,
        relief,
        [track.viewed for track in viewed if track.viewed is not None],
        [track.sign or signs.viewed for track in viewed],
        [palette.cursor if track.current else track.colour for track in viewed],
        palette,
    )


def paint_cursor(
    drawn: Frame, relief: Relief, place: Place, palette: Palette, symbols: Symbols
) -> None:
    """Put the cursor at a place: brackets around a cross."""
    column = int(drawn.x.bins(place[0], drawn.columns))
    row = drawn.rows - 1 - int(drawn.y.bins(place[1], drawn.rows))
    if column < 0 or row >= drawn.rows:
        return
    ink = inks(relief.colours, palette.cursor, palette)
    for at, sign in zip(
        (column - 1, column, column + 1),
        (symbols.brackets[0], "+", symbols.brackets[1]),
        strict=True,
    ):
        if 0 <= at < drawn.columns:
            level = relief.level[row, at]
            back = int(relief.colours[level])
            drawn.cells.put(drawn.top + row, drawn.left + at, sign, int(ink[level]), back)


def arrow_tip(drawn_x: Scale, drawn_y: Scale, at: Place, towards: Place, length: float) -> Place:
    """Return the tip of an arrow from `at` in the direction of the vector `towards`.

    It is `length` of the width, or of the height where it is rather upright; not finite where the
    vector has no direction.
    """
    across, up = drawn_x.high - drawn_x.low, drawn_y.high - drawn_y.low
    scaled = np.array([towards[0] / across, towards[1] / up])
    longest = float(np.abs(scaled).max())
    if not (np.isfinite(scaled).all() and longest > 0.0):
        return (np.nan, np.nan)
    scaled *= length / longest
    return at[0] + float(scaled[0]) * across, at[1] + float(scaled[1]) * up


def arrow_head(drawn: Frame, at: Place, tip: Place, symbols: Symbols) -> str:
    """Return the sign that points from `at` to `tip` as it is seen, a cell being twice as high."""
    right = (tip[0] - at[0]) / (drawn.x.high - drawn.x.low) * drawn.columns
    up = (tip[1] - at[1]) / (drawn.y.high - drawn.y.low) * drawn.rows * 2.0
    return marks(symbols).heads[round(float(np.arctan2(up, right)) / (np.pi / 4)) % 8]
