"""The changes panel: what became right or wrong between two epochs, and each class's measures."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tui_gd.plots.axes import BORDER, Canvas, draw_box
from tui_gd.plots.cells import Cells, first_fitting, fit, width, wrapped
from tui_gd.plots.palette import Colour, Palette
from tui_gd.problems import Problem
from tui_gd.session.changes import (
    ERRORS,
    MEASURES,
    Changes,
    ClassificationChanges,
    RegressionChanges,
    SurfaceChanges,
    compare,
)
from tui_gd.ui.panels.data import class_label
from tui_gd.ui.panels.panel import Hint, ScrollingPanel, View, run_hint
from tui_gd.ui.studies import Progress, Study

Line = list[tuple[str, Colour]]
"""Pieces of text, each with its colour."""
_GAP = "  "
_WIDEST_NAME = 16
# the widest number of four digits is as wide as -1.234e-05: a row fits into half of 120 columns
_NUMBER = 10
# further digits of a share would only show its rounding
_SHARE_DIGITS = 12
# if the data have many features, only the first ones are listed
FEATURES = 8
# what a changed prediction became: right, wrong, or another class that is wrong as well
_BECAME = ("became right", "became wrong", "wrong as before")
_BECOMES = ("right", "wrong", "other")
_SHORT_ERRORS = ("R²", "MAE", "RMSE")


def lines_of(
    found: Changes, view: View, room: int
) -> tuple[list[Line], int, Callable[[int], Line]]:
    """Return the lines above the rows, how many rows there are, and what returns the line of one.

    If there are rows, the last line above them heads their list.
    """
    if isinstance(found, ClassificationChanges):
        flips = len(found.flips.rows)
        return _classification(found, view, room), flips, partial(_flip_line, found, view, room)
    if isinstance(found, RegressionChanges):
        rows = len(found.listed)
        return _regression(found, view, room), rows, partial(_error_line, found, view, room)
    return _surface(found, view, room), 0, lambda _: []


def _signs(view: View) -> tuple[str, str, str]:
    """Return the signs for an increase, a decrease, and anything else."""
    return ("+", "-", "=") if view.style.symbols.plain else ("▲", "▼", "◆")


def _good(palette: Palette, change: float) -> Colour:
    """Return the colour of a change in a number that should grow."""
    return palette.good if change > 0 else palette.error if change < 0 else palette.dim


def _delta(change: float, digits: str, view: View) -> str:
    """Return a change with its sign: `▲0.020`, in plain `+0.020`."""
    if math.isnan(change):
        return "?"
    if change == 0:
        return "0"
    return f"{_signs(view)[0 if change > 0 else 1]}{abs(change):{digits}}"


def _classification(found: ClassificationChanges, view: View, room: int) -> list[Line]:
    palette = view.style.palette
    lines = [
        _counts(found, view, room),
        _accuracy(found, view, room),
        *_class_table(found, view, room),
    ]
    if len(found.flips.rows):
        heads = {"both": view.style.symbols.spell("before → after"), "sign": ""}
        widths = _flip_widths(found, view.problem, room)
        texts = [_padded(heads.get(name, name), size) for name, size in widths.items()]
        texts[0] = f"{'row':>{widths['row']}}"
        head = _GAP.join(texts)
        names = _whole(view.problem.feature_names[:FEATURES], room - width(head))
        lines.append([(head + names, palette.dim)])
    return lines


def _counts(found: ClassificationChanges, view: View, room: int) -> Line:
    """Return how many predictions changed, and how, in as many words as fit."""
    palette, signs = view.style.palette, _signs(view)
    numbers, colours = [found.fixed, found.broken], [palette.good, palette.error]
    if found.other or len(view.problem.class_names) > 2:
        numbers.append(found.other)
        colours.append(palette.warning)
    line: Line = []
    for before, words in (
        (f"{found.flipped} of {found.rows} predictions changed: ", _BECAME),
        (f"{found.flipped} of {found.rows} changed: ", _BECAME),
        (f"{found.flipped} of {found.rows} changed: ", _BECOMES),
        ("", _BECOMES),
    ):
        parts = zip(signs, numbers, words, strict=False)
        texts = [f"{sign} {number} {word}" for sign, number, word in parts]
        texts[:-1] = [f"{text}, " for text in texts[:-1]]
        line = [(before, palette.text), *zip(texts, colours, strict=True)]
        if sum(width(text) for text, _ in line) <= room:
            break
    return line


def _accuracy(found: ClassificationChanges, view: View, room: int) -> Line:
    """Return the accuracy before and after, in as many digits as fit."""
    before, after = found.accuracy
    line: Line = []
    for digits in (".4f", ".3f", ".2f"):
        both = view.style.symbols.spell(f"accuracy {before:{digits}} → {after:{digits}}")
        change = _delta(after - before, digits, view)
        line = [
            (both + _GAP, view.style.palette.text),
            (change, _good(view.style.palette, after - before)),
        ]
        if width(both + _GAP + change) <= room:
            break
    return line


def _class_table(found: ClassificationChanges, view: View, room: int) -> list[Line]:
    """Return the measures of every class, in as many digits and columns as fit."""
    names = [
        fit(class_label(name), _WIDEST_NAME, view.style.symbols.plain)
        for name in view.problem.class_names
    ]
    first = max(map(width, [*names, "class"]))
    arrow = view.style.symbols.spell(" → ")
    # cells for the number before, the number after, and the change
    forms = ((True, 4, 3), (True, 3, 3), (False, 3, 3), (False, 2, 3), (False, 3, 1))
    for both, digits, count in forms:
        one = digits + 2
        size = (2 * one + width(arrow) if both else one) + 2 + one
        if first + count * (size + len(_GAP)) <= room:
            break
    shown = range(len(MEASURES))[-count:]
    used = first + count * (size + len(_GAP))
    support = used + len(_GAP) + len("support") <= room
    used += (len(_GAP) + len("support")) * support
    columns = [
        fit(f"as {name}", _WIDEST_NAME, view.style.symbols.plain)
        for name in view.problem.class_names
    ]
    across = sum(len(_GAP) + max(width(name), 5) for name in columns)
    confusion = used + len(_GAP) + across <= room
    head = f"{'class':<{first}}"
    head += "".join(f"{_GAP}{MEASURES[at]:<{size}}" for at in shown)
    head += f"{_GAP}support" * support
    if confusion:
        head += _GAP + "".join(f"{_GAP}{_padded(name, 5, left=True)}" for name in columns)
    lines: list[Line] = [[(head, view.style.palette.dim)]]
    for row, name in enumerate(names):
        line: Line = [(_padded(name, first), view.style.palette.text)]
        for at in shown:
            old, new = float(found.before[row, at]), float(found.after[row, at])
            numbers = f"{old:.{digits}f}{arrow}{new:.{digits}f} " if both else f"{new:.{digits}f} "
            change = round(new - old, _SHARE_DIGITS)
            line.append((f"{_GAP}{numbers}", view.style.palette.text))
            text = f"{_delta(change, f'.{digits}f', view):<{one + 1}}"
            line.append((text, _good(view.style.palette, change)))
        line += [(f"{_GAP}{found.support[row]:>7}", view.style.palette.text)] * support
        if confusion:
            line.append((_GAP, view.style.palette.text))
            line += _confusion_row(found, view, row, columns)
        lines.append(line)
    return lines


def _confusion_row(
    found: ClassificationChanges, view: View, row: int, columns: Sequence[str]
) -> Line:
    """Return how many more or fewer rows of a class are predicted as each class."""
    line: Line = []
    for column, name in enumerate(columns):
        change = int(found.confusion[row, column])
        better = change if row == column else -change
        size = max(width(name), 5)
        line.append(
            (f"{_GAP}{_delta(change, 'd', view):>{size}}", _good(view.style.palette, better))
        )
    return line


def _padded(text: str, size: int, *, left: bool = False) -> str:
    """Return text padded with blanks on the right, or on the left; widths count in cells."""
    blanks = " " * max(0, size - width(text))
    return blanks + text if left else text + blanks


def _regression(found: RegressionChanges, view: View, room: int) -> list[Line]:
    palette, signs = view.style.palette, _signs(view)
    arrow = view.style.symbols.spell(" → ")
    lines: list[Line] = [
        [
            (f"of {found.rows}: ", palette.text),
            (f"{signs[1]} {found.nearer} nearer", palette.good),
            (", ", palette.text),
            (f"{signs[0]} {found.farther} farther", palette.error),
        ]
    ]
    befores = [f"{value:.6g}" for value in found.measures_before]
    afters = [f"{value:.6g}" for value in found.measures_after]
    wide, side = max(map(len, befores)), max(map(len, afters))
    for number, name in enumerate(ERRORS):
        change = float(found.measures_after[number] - found.measures_before[number])
        better = change if number == 0 else -change
        delta = _delta(change, ".4g", view)
        word = " better" if better > 0 else " worse" if better < 0 else ""
        now = f"{view.style.symbols.spell(_SHORT_ERRORS[number]):<5}{_GAP}{afters[number]:<{side}}"
        both = f"{befores[number]:>{wide}}{arrow}{afters[number]:<{side}}{_GAP}"
        long = f"{view.style.symbols.spell(name):<23}{_GAP}{both}"
        short = f"{view.style.symbols.spell(_SHORT_ERRORS[number]):<5}{_GAP}{both}"
        forms = ((long, delta + word), (long, delta), (short, delta), (f"{now}{_GAP}", delta))
        text, more = next((one for one in forms if width("".join(one)) <= room), forms[-1])
        lines.append([(text, palette.text), (more, _good(palette, better))])
    if len(found.listed):
        gap, names = _error_columns(found, room)
        texts = "".join(f"{' ' * gap}{name:>{_NUMBER}}" for name in names)
        row = f"{'row':>{_row_width(found.listed)}}"
        features = _whole(view.problem.feature_names[:FEATURES], room - width(row + texts))
        lines.append([(row + texts + features, palette.dim)])
    return lines


def _error_columns(found: RegressionChanges, room: int) -> tuple[int, tuple[str, ...]]:
    """Return the blanks before each column of a regression's rows, and the columns that fit."""
    forms = (
        (2, ("true", "before", "after", "|error|")),
        (1, ("true", "before", "after", "|error|")),
        (1, ("true", "after", "|error|")),
        (1, ("after", "|error|")),
    )
    row = _row_width(found.listed)
    fitting = (one for one in forms if row + len(one[1]) * (one[0] + _NUMBER) <= room)
    return next(fitting, forms[-1])


def _surface(found: SurfaceChanges, view: View, room: int) -> list[Line]:
    palette, spell = view.style.palette, view.style.symbols.spell
    change = found.value_after - found.value_before
    word = " better" if change < 0 else " worse" if change > 0 else ""
    delta = _delta(change, ".4g", view)
    value = f"value  {found.value_before:.7g} → {found.value_after:.7g}"
    lines: list[Line] = [
        *([(line, palette.text)] for line in _way(found, room)),
        [(f"moved  {found.distance:.6g}", palette.text)],
    ]
    change_colour = _good(palette, -change)
    if width(f"{value}{_GAP}{delta}{word}") <= room:
        lines.append([(f"{value}{_GAP}", palette.text), (delta + word, change_colour)])
    else:
        lines += [[(value, palette.text)], [(f"       {delta}{word}", change_colour)]]
    return [[(spell(text), colour) for text, colour in line] for line in lines]


def _way(found: SurfaceChanges, room: int) -> list[str]:
    """Return from where to where the point moved: in one line, or in two."""
    before, after = (
        f"({', '.join(f'{value:.6g}' for value in at)})" for at in (found.before, found.after)
    )
    whole = f"point  {before} → {after}"
    return [whole] if width(whole) <= room else [f"point  {before}", f"     → {after}"]


def _row_width(rows: NDArray[np.intp]) -> int:
    return max(3, len(str(int(rows.max(initial=0)) + 1)))


def _flip_widths(found: ClassificationChanges, problem: Problem, room: int) -> dict[str, int]:
    """Return the cells of each column of the changed rows; leave out what does not fit."""
    name = max(min(width(class_label(name)), _WIDEST_NAME) for name in problem.class_names)
    row = {"row": _row_width(found.flips.rows)}
    true, both = {"true": max(name, 4)}, {"both": max(2 * name + 3, 14)}
    word, sign = {"became": 7}, {"sign": 1}
    forms = (
        {**row, **true, **both, **word},
        {**row, **true, **both, **sign},
        {**row, **both, **sign},
        {**row, **true, **sign},
    )
    fitting = (one for one in forms if sum(one.values()) + len(_GAP) * (len(one) - 1) <= room)
    return next(fitting, forms[-1])


def _flip_line(found: ClassificationChanges, view: View, room: int, at: int) -> Line:
    flips, palette = found.flips, view.style.palette
    sizes = _flip_widths(found, view.problem, room)
    true, before, after = (int(label[at]) for label in (flips.true, flips.before, flips.after))
    names = [
        fit(class_label(view.problem.class_names[one]), _WIDEST_NAME, view.style.symbols.plain)
        for one in (true, before, after)
    ]
    kind = 0 if after == true else 1 if before == true else 2
    colour = (palette.good, palette.error, palette.warning)[kind]
    row = int(flips.rows[at])
    sign = _signs(view)[kind]
    cells = {
        "row": f"{row + 1:>{sizes['row']}}",
        "true": names[0],
        "both": f"{names[1]}{view.style.symbols.spell(' → ')}{names[2]}",
        "became": f"{sign} {_BECOMES[kind]}",
        "sign": sign,
    }
    texts = [_padded(cells[name], size) for name, size in sizes.items()]
    rest = room - width(_GAP.join(texts))
    return [
        (_GAP.join([*texts[:-1], ""]), palette.text),
        (texts[-1], colour),
        (_row_text(view, row, rest), palette.dim),
    ]


def _error_line(found: RegressionChanges, view: View, room: int, at: int) -> Line:
    palette, signs = view.style.palette, _signs(view)
    row, true = int(found.listed[at]), float(found.true[at])
    before, after = float(found.before[at]), float(found.after[at])
    size, grown = abs(after - true), abs(after - true) - abs(before - true)
    gap, names = _error_columns(found, room)
    values = {"true": true, "before": before, "after": after}
    spell, blank = view.style.symbols.spell, " " * gap
    numbers = "".join(
        f"{blank}{spell(f'{values[name]:.4g}'):>{_NUMBER}}" for name in names if name in values
    )
    text = f"{row + 1:>{_row_width(found.listed)}}{numbers}"
    sign = signs[1] if grown < 0 else signs[0]
    errors = (f"{sign} {size:.4g}", f"{sign} {size:.3g}")
    error = first_fitting(errors, _NUMBER)
    rest = room - width(text) - gap - _NUMBER
    return [
        (text, palette.text),
        (f"{blank}{error:>{_NUMBER}}", _good(palette, -grown)),
        (_row_text(view, row, rest), palette.dim),
    ]


def _whole(texts: Sequence[str], room: int) -> str:
    """Return as many of the first texts as fit whole, after a gap and with commas between them."""
    for count in range(len(texts), 0, -1):
        if width(joined := _GAP + ", ".join(texts[:count])) <= room:
            return joined
    return ""


def _row_text(view: View, row: int, room: int) -> str:
    """Return the first features of a test row, as many as fit."""
    values = view.problem.rows(view.problem.x_test, row)[:-1][:FEATURES]
    return _whole([view.style.symbols.spell(f"{value:.4g}") for value in values], room)


# A comparison as lines of text with all digits


def comparison_numbers(found: Changes, problem: Problem) -> list[str]:
    """Return a comparison as lines with all digits, but only the first features of each row."""
    if isinstance(found, SurfaceChanges):
        return [
            "before  " + "  ".join(f"{value:.17g}" for value in found.before),
            "after  " + "  ".join(f"{value:.17g}" for value in found.after),
            f"distance  {found.distance:.17g}",
            f"value  {found.value_before:.17g}  {found.value_after:.17g}",
        ]
    if isinstance(found, RegressionChanges):
        lines = [f"rows {found.rows}, nearer {found.nearer}, farther {found.farther}"]
        both = zip(ERRORS, found.measures_before, found.measures_after, strict=True)
        lines += [f"{name}  {before:.17g}  {after:.17g}" for name, before, after in both]
        lines.append(f"row  {problem.target_name}  before  after  {_named(problem)}")
        columns = (found.listed, found.true, found.before, found.after)
        return lines + [
            f"{row + 1}  {true:.17g}  {before:.17g}  {after:.17g}  {_all_digits(problem, row)}"
            for row, true, before, after in zip(*(c.tolist() for c in columns), strict=True)
        ]
    return _classification_numbers(found, problem)


def _classification_numbers(found: ClassificationChanges, problem: Problem) -> list[str]:
    names = [class_label(name) for name in problem.class_names]
    lines = [
        f"rows {found.rows}, flipped {found.flipped}, fixed {found.fixed}, "
        f"broken {found.broken}, other {found.other}",
        "accuracy  " + "  ".join(f"{value:.17g}" for value in found.accuracy),
        "class  " + "  ".join(f"{name} before  {name} after" for name in MEASURES),
    ]
    for row, name in enumerate(names):
        pairs = zip(found.before[row], found.after[row], strict=True)
        lines.append("  ".join([name, *(f"{a:.17g}  {b:.17g}" for a, b in pairs)]))
    lines.append("confusion, after − before: rows true, columns predicted")
    lines += ["  ".join(map(str, row)) for row in found.confusion.tolist()]
    lines.append(f"row  true  before  after  {_named(problem)}")
    flips = found.flips
    columns = (part.tolist() for part in (flips.rows, flips.true, flips.before, flips.after))
    return lines + [
        f"{row + 1}  {'  '.join(names[label] for label in labels)}  {_all_digits(problem, row)}"
        for row, *labels in zip(*columns, strict=True)
    ]


def _named(problem: Problem) -> str:
    return "  ".join(problem.feature_names[:FEATURES])


def _all_digits(problem: Problem, row: int) -> str:
    values = problem.rows(problem.x_test, row)[:-1][:FEATURES]
    return "  ".join(f"{value:.17g}" for value in values)


@dataclass(frozen=True, eq=False)
class _Shown:
    """A comparison and what it compares: the epochs, and the lane if there are several."""

    problem: object
    before: int
    after: int
    lane: str
    found: Changes


class ChangesPanel(ScrollingPanel):
    """Shows how the predictions for the test rows differ from those at the marked epoch.

    Counts and measures come first, then the rows. All of it scrolls, but the head of the list of
    rows stays in place.
    """

    NAME: ClassVar[str] = "changes"
    PLACE: ClassVar[int] = 2
    READING_SECONDS = 0.25
    # the head of the list stays visible, and so does one of its lines
    AGAIN = 2

    def __init__(self) -> None:
        super().__init__()
        self._shown: _Shown | None = None

    def forget(self) -> None:
        """Forget what was found about a problem, because the run has moved to another one."""
        self._shown = None

    def study(self, view: View) -> Study | None:
        """Return the comparison of the marked epoch's weights with the viewed ones."""
        snapshot, problem, predictor = view.snapshot, view.problem, view.predictor
        before, after = snapshot.reference.weights, snapshot.lane.weights
        if snapshot.reference.epoch == snapshot.epoch:
            return None

        epochs = (snapshot.reference.epoch, snapshot.epoch, view.of_lane)

        def compute(progress: Progress) -> _Shown:
            found = compare(problem, predictor, before, after, progress.check)
            return _Shown(problem, *epochs, found)

        return Study((problem, *epochs, before.tobytes(), after.tobytes()), compute)

    def take(self, key: tuple[object, ...], result: _Shown) -> None:
        """Show a comparison."""
        self._shown = result

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the comparison if it is known; otherwise say why there is none."""
        style, snapshot = view.style, view.snapshot
        height, room = max(rows - BORDER, 0), max(columns - BORDER - 2, 0)
        inner = Cells.blank(height, columns - BORDER, style)
        shown = self._known(view)
        title, count = "Changes", 0
        if snapshot.reference.epoch == snapshot.epoch:
            right = f"epoch {snapshot.epoch}"
            self._say(inner, view, room)
        elif shown is None:
            right = f"epoch {snapshot.reference.epoch} → {snapshot.epoch}"
            inner.put(
                0, 1, fit("the comparison follows", room, style.symbols.plain), style.palette.dim
            )
        else:
            title, right = _title(shown)
            count = self._draw_lines(inner, view, shown.found, room)
        heading = self.heading(view, title, right=right, short="Changes")
        cells = draw_box(Canvas(rows, columns, style, heading), inner)
        self.put_place(cells, count, height, style.palette)
        return cells

    def _known(self, view: View) -> _Shown | None:
        """Return the comparison, if it belongs to this problem."""
        shown = self._shown
        return shown if shown is not None and shown.problem is view.problem else None

    def _say(self, inner: Cells, view: View, room: int) -> None:
        epoch = view.snapshot.epoch
        mark = view.keys.of("mark")
        what = "which test rows became right or wrong"
        if view.problem.task == "regression":
            what = "which test rows came nearer"
        if view.problem.surface:
            what = "how far the point moved"
        text = (
            f"Nothing to compare yet. Other epochs are compared with this one, epoch {epoch}: "
            f"run, or step, and see {what}. {mark}: compare with the epoch on the screen instead."
        )
        for row, line in enumerate(wrapped(text, room)):
            inner.put(row, 1, line, view.style.palette.dim if row else view.style.palette.text)

    def _draw_lines(self, inner: Cells, view: View, found: Changes, room: int) -> int:
        """Draw the lines from the offset on; return how many there are."""
        height = inner.shape[0]
        head, count, line_of = lines_of(found, view, room)
        total = len(head) + count
        first = self.first_line(total, height)
        for row in range(min(height, total)):
            at = row + first
            line = head[at] if at < len(head) else line_of(at - len(head))
            if row == 0 and count and at >= len(head):
                line = head[-1]
            _put(inner, row, line, room)
        return total

    def hints(self, view: View) -> tuple[Hint, ...]:
        """Return the keys that choose what is compared, and that scroll."""
        return (
            run_hint(view),
            Hint(("step(1)", "step_back(1)"), "step, back", 2, "step"),
            Hint(("mark",), "compare with this epoch", 3, "compare"),
            Hint(("scroll(1)",), "scroll", 4),
            Hint(("copy",), "copy all digits", 5, "copy"),
        )

    def numbers(self, view: View) -> list[str]:
        """Return the whole comparison with all digits."""
        shown = self._known(view)
        if shown is None:
            return ["changes: none known"]
        return [", ".join(_title(shown)), *comparison_numbers(shown.found, view.problem)]


def _title(shown: _Shown) -> tuple[str, str]:
    """Return what is compared, and the two epochs."""
    rows = "" if isinstance(shown.found, SurfaceChanges) else ", test rows"
    return f"Changes{rows}", f"epoch {shown.before} → {shown.after}{shown.lane}"


def _put(cells: Cells, row: int, line: Line, room: int) -> None:
    """Write the pieces of a line, cut to `room` cells."""
    at = 1
    for text, colour in line:
        at = cells.put(row, at, fit(text, room + 1 - at, cells.plain), colour)
