"""Tables in cells: lines of text in columns, and the confusion matrix of a classifier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.cells import SPACE, Cells, fit, widest, width
from tui_gd.plots.palette import Colour, Style, bold

Align = Literal["<", ">"]

_WIDEST = 10
_HEADS = 2
"""Lines above the matrix."""
_GAP = 5
"""Blanks before the remark on a row."""


@dataclass(frozen=True, eq=False)
class Table:
    """Lines of text in columns."""

    header: Sequence[str]
    body: Sequence[Sequence[str]]
    align: Sequence[Align] | None = None
    """The alignment of each column; by default the first left and the others right."""
    highlight: Mapping[tuple[int, int], Colour] = field(default_factory=dict)
    """Colours of single cells, by (row, column) of the body."""
    gap: int = 2
    """Blanks between two columns."""


def draw_table(
    rows: int,
    columns: int,
    table: Table,
    style: Style,
    *,
    offset: int = 0,
    selected: int | None = None,
) -> Cells:
    """Return a table: its header, and its body from row ``offset`` on.

    The row ``selected`` is marked and kept visible. Columns that do not fit are left out from the
    right; the last one shown is cut, but under a header numbers never are. If rows do not fit, the
    first line ends in ``4–9/12``, if it has room.
    """
    palette, symbols = style.palette, style.symbols
    header, body = table.header, table.body
    cells = Cells.blank(rows, columns, style)
    numbers: list[Align] = [">"] * max(len(header) - 1, 0)
    sides: Sequence[Align] = table.align if table.align is not None else ["<", *numbers]
    top = int(any(header))
    marker = 0 if selected is None else width(symbols.selected) + 1
    widths = [
        widest([line[column] for line in (header, *body) if column < len(line)])
        for column in range(max(map(len, (header, *body)), default=0))
    ]

    def line(row: int, values: Sequence[str], colours: Sequence[Colour]) -> None:
        at = marker
        for column, value in enumerate(values):
            room = min(widths[column], columns - at)
            right = column < len(sides) and sides[column] == ">"
            if room <= 0 or (top and right and column and room < widths[column]):
                return
            text = fit(value, room, symbols.plain)
            place = at + (room - width(text) if right else 0)
            cells.put(row, place, text, colours[column])
            at += widths[column] + table.gap

    if top:
        line(0, header, [palette.dim] * len(header))
    room = max(rows - top, 0)
    offset = visible_offset(len(body), room, offset, selected)
    for row, values in enumerate(body[offset : offset + room], offset):
        chosen = row == selected
        plain = bold(palette.focus) if chosen else palette.text
        colours = [table.highlight.get((row, column), plain) for column in range(len(values))]
        line(top + row - offset, values, colours)
        if chosen:
            cells.put(top + row - offset, 0, symbols.selected, palette.focus)
    if 0 < room < len(body):
        dash = "-" if symbols.plain else "–"
        text = f" {offset + 1}{dash}{offset + room}/{len(body)}"
        if width(text) <= columns and (cells.code[0, columns - width(text) :] == SPACE).all():
            cells.put(0, columns - width(text), text, palette.dim)
    return cells


def visible_offset(count: int, room: int, offset: int, selected: int | None) -> int:
    """Return the first of ``count`` rows to show in ``room`` lines, with ``selected`` visible."""
    if selected is not None:
        offset = min(max(offset, selected - room + 1), selected)
    return max(min(offset, count - room), 0)


# The confusion matrix: how often each true class was predicted as each class


def draw_confusion(
    rows: int,
    columns: int,
    matrix: NDArray[np.integer],
    class_names: Sequence[str],
    style: Style,
) -> Cells:
    """Return counts (classes, classes), rows true, columns predicted, with a remark on each row.

    A cell is green where the prediction is right and red where it is wrong, stronger with its share
    of the row; 0 is faint. Numbers are abbreviated where space is short: ``12k`` for 12345. Classes
    that do not fit are left out, and a line says so.
    """
    palette, plain = style.palette, style.symbols.plain
    classes = len(class_names)
    cells = Cells.blank(rows, columns, style)
    names = max((width(name) for name in (*class_names, "true")), default=0)
    margin = min(names, max(columns // 3, 1)) + 1
    across = min(max((columns - margin) // _needed(matrix), 0), classes)
    shown = min(across, max(rows - _HEADS, 0))
    if shown < classes:
        shown = min(across, max(rows - _HEADS - 1, 0))
        note = f"the first {shown} of {classes} classes" if shown else f"{classes} classes"
        cells.put(max(rows - 1, 0), 0, fit(note, columns, plain), palette.warning)
    if not shown:
        return cells
    wide = min((columns - margin) // shown, _WIDEST)
    heads = [f"{name} " for name in short_names(class_names[:shown], wide - 1, plain=plain)]
    cells.put(0, margin + max(wide - 1 - width("predicted"), 0), "predicted", palette.dim)
    cells.put(1, 0, fit("true", margin - 1, plain), palette.dim)
    # shares of the whole row, even if not all of its columns are shown
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    back = palette.hit(np.eye(classes, dtype=np.bool_), share)
    for label in range(shown):
        row, colour = _HEADS + label, palette.class_colour(label)
        at = margin + (label + 1) * wide - width(heads[label])
        cells.put(1, at, heads[label], colour)
        cells.put(row, 0, fit(class_names[label], margin - 1, plain), colour)
        for other in range(shown):
            left, count = margin + other * wide, int(matrix[label, other])
            if count:
                cells.bg[row, left : left + wide] = back[label, other]
            number = abbreviated(count, wide - 1)
            ink = _ink(count, label == other, float(share[label, other]), style)
            cells.put(row, left + wide - 1 - len(number), number, ink)
        text, colour = _remark(matrix, label, class_names, style)
        end = margin + shown * wide + _GAP
        if end + width(text) <= columns:
            cells.put(row, end, text, colour)
    return cells


def abbreviated(count: int, columns: int) -> str:
    """Return a count in at most ``columns`` characters if possible: 1234, 1.2k, 12k, 3M."""
    forms = [str(count)]
    for size, letter in ((10**3, "k"), (10**6, "M"), (10**9, "G")):
        if count >= size:
            forms += [f"{count / size:.1f}{letter}", f"{round(count / size)}{letter}"]
    return next((form for form in forms if len(form) <= columns), min(forms, key=len))


def short_names(names: Sequence[str], columns: int, *, plain: bool) -> list[str]:
    """Return names of at most ``columns`` cells that differ where the full names do.

    The first of these that works: the full names, without the words they all begin with, cut at
    the end, cut at the beginning, or the numbers of the classes.
    """
    words = [name.split(" ") for name in names]
    alike = 0
    while all(len(some) > alike + 1 and some[alike] == words[0][alike] for some in words):
        alike += 1
    forms = [
        list(names),
        [" ".join(some[alike:]) for some in words],
        [fit(name, columns, plain) for name in names],
        [fit(name[::-1], columns, plain)[::-1] for name in names],
        [str(number) for number in range(1, len(names) + 1)],
    ]
    for form in forms:
        if len(set(form)) == len(set(names)) and max(map(width, form), default=0) <= columns:
            return form
    return forms[2]


def _ink(count: int, right: bool, share: float, style: Style) -> Colour:
    """Return the colour of a number; without filled areas it tells right from wrong."""
    palette = style.palette
    if not count:
        return palette.faint
    colour = palette.text if palette.filled else palette.good if right else palette.error
    return bold(colour) if share >= 0.5 else colour


def _remark(
    matrix: NDArray[np.integer], label: int, names: Sequence[str], style: Style
) -> tuple[str, Colour]:
    """Return a remark: how most rows of a class are predicted."""
    row = matrix[label]
    total, right = int(row.sum()), int(row[label])
    others = np.where(np.arange(len(row)) == label, -1, row)
    most = int(others.argmax())
    if not total:
        return "no rows", style.palette.faint
    if right == total:
        return "all right", style.palette.dim
    count = "all" if others[most] == total else str(others[most])
    return f"{count} taken for {names[most]}", style.palette.dim


def _needed(matrix: NDArray[np.integer]) -> int:
    """Return the cells for the longest abbreviated number and a blank beside it."""
    largest = int(matrix.max(initial=0))
    return min(len(str(largest)), max(len(abbreviated(largest, 1)), 3)) + 1
