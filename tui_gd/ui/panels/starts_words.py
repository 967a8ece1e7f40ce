"""What the panel of many starts says: counts in words, one start's end, signs and colours."""

import numpy as np

from tui_gd.learning.basins import Basin
from tui_gd.learning.many_starts import StartsResult
from tui_gd.plots.box import BORDER, draw_box
from tui_gd.plots.cells import Cells, Colour, fit, width
from tui_gd.plots.histogram import Stack
from tui_gd.plots.palette import Palette, Symbols
from tui_gd.ui.panels.panel import View


def counts_in_words(
    result: StartsResult,
    room: int,
    symbols: Symbols,
    *,
    about: str = "",
    keys: str = "",
    goal: str = "the good minimum",
) -> str:
    """Return how many starts reach a good minimum, as a sentence as long as there is room for.

    `about` goes before it, with the `keys` that change it, and stays longer than the learning rate.
    """
    count, reached = len(result.losses), int(result.good.sum())
    name, rate = result.loss_name, f"α {result.learning_rate:g}"
    done = f"{result.done}"
    if result.done < result.epochs:
        done = f"{result.done} of {result.epochs}"
    lead = f"{about}: " if about else ""
    changed = f"{about} ({keys}): " if about else ""
    forms = (
        f"{changed}{name}, {rate}: {reached} of {count} reach {goal} in {done} epochs",
        f"{lead}{name}, {rate}: {reached} of {count} reach {goal} in {done} epochs",
        f"{lead}{name}, {rate}: {reached} of {count} reach {goal}",
        f"{lead}{name}, {rate}: {reached} of {count} good",
        f"{lead}{name} {rate}: {reached}/{count} good",
        f"{lead}{name}: {reached}/{count} good",
        f"{name}: {reached}/{count} good",
        f"{reached}/{count}",
    )
    return fitting(forms, room, symbols)


def end_in_words(
    result: StartsResult, start: int, room: int, symbols: Symbols, *, where: str, hint: str = ""
) -> str:
    """Return where one start ends, as long as there is room for; `where` says which it is."""
    end = "diverged"
    if np.isfinite(result.losses[start]):
        basin = result.basins[result.basin[start]]
        end = f"{result.loss_name} {result.losses[start]:.5g}, {basin.name}"
    longer = end
    if np.isfinite(result.accuracy[start]):
        longer = f"{end}, accuracy {result.accuracy[start]:.3f}"
    forms = (f"{where}: {longer} {hint}".rstrip(), f"{where}: {longer}", f"{where}: {end}", where)
    return fitting(forms, room, symbols)


def ends_in_words(result: StartsResult, palette: Palette, symbols: Symbols) -> str:
    """Return how many starts end in each basin, with the basins' signs."""
    return "  ".join(
        f"{sign_of(result.basins, place, palette, symbols)[0]} {count} {basin.name}"
        for place, (count, basin) in enumerate(
            zip(result.counts.tolist(), result.basins, strict=True)
        )
        if count
    )


def table_of(result: StartsResult) -> list[str]:
    """Return every start's end with all digits, tabs between, the best first."""
    lines = [
        f"{len(result.losses)} starts, spread {result.spread!r}, {result.optimizer},"
        f" {result.loss_name}, alpha {result.learning_rate!r}, after {result.done} epochs:"
        f" {int(result.good.sum())} good",
        "start\tfinal loss\tbasin\tgood\taccuracy\tloss at the start\tweights at the start",
    ]
    for start in result.order.tolist():
        fields = (
            f"{start + 1}",
            repr(float(result.losses[start])),
            result.basins[result.basin[start]].name,
            "yes" if result.good[start] else "no",
            repr(float(result.accuracy[start])),
            repr(float(result.begin_losses[start])),
            " ".join(map(repr, result.begin[start].tolist())),
        )
        lines.append("\t".join(fields))
    return lines


def sign_of(
    basins: tuple[Basin, ...], place: int, palette: Palette, symbols: Symbols
) -> tuple[str, Colour]:
    """Return sign and colour of a basin: the last one's, of diverged starts, is a cross."""
    if place == len(basins) - 1:
        return symbols.wrong, palette.error
    first = next((index for index, basin in enumerate(basins) if basin.good), -1)
    if place == first:
        return symbols.point(place), palette.good
    # the lanes' third colour is green, as that of what is good
    others = [colour for index, colour in enumerate(palette.lanes) if index != 2]
    return symbols.point(place), others[(place + (place < first)) % len(others)]


def stacks_of(result: StartsResult, palette: Palette, symbols: Symbols) -> list[Stack]:
    """Return the part of the bars that each basin is."""
    return [
        Stack(
            basin.name,
            result.losses[result.basin == place],
            *sign_of(result.basins, place, palette, symbols),
        )
        for place, basin in enumerate(result.basins)
    ]


def fitting(forms: tuple[str, ...], room: int, symbols: Symbols) -> str:
    """Return the first form that fits, in the terminal's characters; else the last one, cut."""
    spelled = [symbols.spell(form) for form in forms]
    found = (form for form in spelled if width(form) <= room)
    return next(found, fit(spelled[-1], max(room, 0), symbols.plain))


def words_in_box(
    view: View, rows: int, columns: int, lines: list[str], title: str, *, focused: bool = False
) -> Cells:
    """Return a box with lines of text, for where there is no room or nothing yet to draw."""
    palette, symbols = view.palette, view.symbols
    inner = Cells.blank(rows - BORDER, columns - BORDER, palette, symbols)
    for row, line in enumerate(lines):
        shown = fit(symbols.spell(line), max(columns - BORDER - 1, 0), symbols.plain)
        inner.put(row, 1, shown, palette.text)
    return draw_box(
        rows,
        columns,
        inner,
        title=symbols.spell(title),
        palette=palette,
        symbols=symbols,
        focused=focused,
    )
