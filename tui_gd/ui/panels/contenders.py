"""The optimizers of a race: the curves of each one's best lane, and the table of them."""

from tui_gd.learning.race import Contender, RaceResult
from tui_gd.plots.cells import Cells
from tui_gd.plots.loss import Curve
from tui_gd.plots.table import draw_table
from tui_gd.ui.panels.panel import View
from tui_gd.ui.panels.readings import shown

_HEADER = ("", "optimizer", "best α", "train", "test", "1 % by", "")
_NONE = "-"
_DIGITS = 5
_ROOMY = 64


def contender_curves(result: RaceResult, view: View, chosen: int) -> tuple[list[Curve], list[str]]:
    """Return train and test curve of every optimizer, those of the chosen one on top.

    Beside them the signs to be written onto the curves: the numbers of the table.
    """
    curves, names = [], []
    order = [chosen, *(i for i in range(len(result.contenders)) if i != chosen)]
    for number in order:
        one = result.contenders[number]
        full, dimmed = view.palette.lane(number)
        train, test = (f"{one.optimizer} train", "test") if number == chosen else ("", "")
        for label, values, dashed in ((train, one.train, False), (test, one.test, True)):
            # what is compared is to be seen on any projector; test curves of others stay behind
            colour = dimmed if dashed and number != chosen else full
            curves.append(
                Curve(label, 0, 1, values, values, colour, dimmed, shown="", dashed=dashed)
            )
            names.append(" " if dashed else str(number + 1))
    return curves, names


def optimizer_table(result: RaceResult, view: View, chosen: int, rows: int, columns: int) -> Cells:
    """Return a row for each optimizer, numbered, with its best rate and how it ended."""
    palette, spell = view.palette, view.symbols.spell
    body = [
        [spell(text) for text in _row(result, number, one)]
        for number, one in enumerate(result.contenders)
    ]
    return draw_table(
        rows,
        columns,
        [spell(text) for text in _HEADER],
        body,
        palette=palette,
        symbols=view.symbols,
        align=(">", "<", ">", ">", ">", ">", "<"),
        selected=chosen,
        gap=2 if columns >= _ROOMY else 1,
        highlight={(number, 0): palette.lane(number)[0] for number in range(len(body))},
    )


def _row(result: RaceResult, number: int, one: Contender) -> list[str]:
    """Return what the table says of an optimizer."""
    if one.lane is None:
        return [str(number + 1), one.optimizer, *[_NONE] * 4, "all diverged"]
    notes = ["best"] if one.lane == result.best else []
    if result.at_edge(one.lane):
        notes.append("edge")
    return [
        str(number + 1),
        one.optimizer,
        f"{one.rate:.4g}",
        shown(one.train_loss, _DIGITS),
        shown(one.test_loss, _DIGITS),
        f"{one.near}",
        ", ".join(notes),
    ]
