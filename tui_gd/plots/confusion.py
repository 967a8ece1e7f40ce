"""The confusion matrix: how often each true class was predicted as each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tui_gd.plots.cells import Cells, fit, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tui_gd.plots.palette import Style
    from tui_gd.plots.symbols import Symbols

_WIDEST, _TALLEST = 13, 3
_TITLES = (
    "{} (rows: true, columns: predicted)",
    "{} (true × predicted)",
    "{}, rows: true",
    "{}",
)


def confusion_size(classes: int) -> tuple[int, int]:
    """Return the rows and columns at which a matrix of ``classes`` looks best."""
    return 2 + _TALLEST * classes, 8 + max(9 * classes, 36)


def abbreviated(count: int, columns: int) -> str:
    """Return a count in at most ``columns`` characters: 1234, 1.2k, 12k, 3M; else the shortest."""
    forms = [str(count)]
    for size, letter in ((10**3, "k"), (10**6, "M"), (10**9, "G")):
        if count >= size:
            forms += [f"{count / size:.1f}{letter}", f"{round(count / size)}{letter}"]
    return next((form for form in forms if len(form) <= columns), min(forms, key=len))


def draw_confusion(
    rows: int,
    columns: int,
    matrix: NDArray[np.integer],
    class_names: Sequence[str],
    style: Style,
    title: str = "confusion",
) -> Cells:
    """Return counts (classes, classes), rows true, columns predicted.

    Each cell is coloured by its share of its row; the numbers are always there, ``12k`` for 12345
    where it is narrow. Classes that do not fit are left out, and a line says so. Raises
    ValueError when the matrix is not square or the names are not as many.
    """
    palette, symbols = style.palette, style.symbols
    matrix = np.asarray(matrix)
    classes = len(class_names)
    if matrix.shape != (classes, classes):
        raise ValueError(f"{classes} names for a matrix {matrix.shape}")
    cells = Cells.blank(rows, columns, style)
    _write_title(cells, title, style)
    names = max((width(name) for name in class_names), default=0)
    margin = min(names, max(columns // 3, 1)) + 1
    across = min(max((columns - margin) // _needed(matrix), 0), classes)
    down = min(max(rows - 2, 0), classes)
    shown = min(across, down)
    if shown < classes:
        shown = min(across, max(rows - 3, 0))
        note = f"first {shown} of {classes} classes" if shown else f"{classes} classes: too small"
        cells.put(
            rows - 1 if rows > 1 else 0,
            0,
            fit(note, columns, symbols.plain),
            palette.warning,
        )
    if not shown:
        return cells
    wide = min((columns - margin) // shown, _WIDEST)
    tall = min((rows - 2 - (shown < classes)) // shown, _TALLEST)
    # Shares of the whole row, also where not all of its columns are shown.
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    back, ink = palette.confusion(share)
    heads = _told_apart(class_names[:shown], wide - 1, symbols)
    for index in range(shown):
        name = heads[index]
        cells.put(1, margin + index * wide + (wide - width(name)) // 2, name, palette.dim)
        name = fit(class_names[index], margin - 1, symbols.plain)
        middle = 2 + index * tall + (tall - 1) // 2
        cells.put(middle, margin - 1 - width(name), name, palette.dim)
        for other in range(shown):
            left, top = margin + other * wide, 2 + index * tall
            colour, text = int(back[index, other]), int(ink[index, other])
            cells.bg[top : top + tall, left : left + wide] = colour
            number = abbreviated(int(matrix[index, other]), wide - 1)
            cells.put(middle, left + (wide - len(number)) // 2, number, text, colour)
    return cells


def _told_apart(names: Sequence[str], columns: int, symbols: Symbols) -> list[str]:
    """Return names cut to ``columns`` cells: at their ends, or at their beginnings if alike."""
    cut = [fit(name, columns, symbols.plain) for name in names]
    if len(set(cut)) == len(cut):
        return cut
    tails = [fit(name[::-1], columns, symbols.plain)[::-1] for name in names]
    return tails if len(set(tails)) == len(tails) else cut


def _needed(matrix: NDArray[np.integer]) -> int:
    """Return the cells that the longest abbreviated number needs, with a blank beside it."""
    largest = int(matrix.max(initial=0))
    return min(len(str(largest)), max(len(abbreviated(largest, 1)), 3)) + 1


def _write_title(cells: Cells, title: str, style: Style) -> None:
    columns, plain = cells.shape[1], style.symbols.plain
    forms = [form.format(title) for form in _TITLES if form.isascii() or not plain]
    text = next((form for form in forms if width(form) <= columns), title)
    cells.put(0, 0, fit(text, columns, plain), style.palette.text)
