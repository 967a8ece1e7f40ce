"""The changes panel: what became right or wrong between two epochs, and each class's measures."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats
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


@dataclass(frozen=True)
class _Listing:
    """The columns of the list of rows: the cells of each by its name, and the blanks between two.

    Only the numbers of rows are aligned to the right, or with `right` all columns.
    """

    sizes: Mapping[str, int]
    gap: int = len(_GAP)
    right: bool = False

    @property
    def width(self) -> int:
        """The cells that all columns take."""
        return sum(self.sizes.values()) + self.gap * (len(self.sizes) - 1)

    def line(
        self, texts: Mapping[str, str], features: Sequence[str], room: int, inks: Sequence[Colour]
    ) -> Line:
        """Return the texts in columns, and after them as many features as fit.

        The three colours are those of the columns before the last, of the last, and of features.
        """
        *others, last = (
            _padded(texts[name], size, left=self.right or name == "row")
            for name, size in self.sizes.items()
        )
        first = "".join(text + " " * self.gap for text in others)
        rest = _whole(features, room - width(first + last))
        return list(zip((first, last, rest), inks, strict=True))


_Row = tuple[dict[str, str], Colour]
"""The texts of a row's columns by their names, and the colour of the last."""


def lines_of(
    found: Changes, view: View, room: int
) -> tuple[list[Line], int, Callable[[int], Line]]:
    """Return the lines above the rows, how many rows there are, and what returns the line of one.

    If there are rows, the last line above them heads their list.
    """
    if isinstance(found, SurfaceChanges):
        return _surface(found, view, room), 0, lambda _: []
    problem, palette, spell = view.problem, view.style.palette, view.style.symbols.spell
    row_of: Callable[[int], _Row]
    if isinstance(found, ClassificationChanges):
        rows, row_of = found.flips.rows, partial(_flip, found, view)
        listing = _flip_listing(found, problem, room)
        head = [
            _counts(found, view, room),
            _accuracy(found, view, room),
            *_class_table(found, view, room),
        ]
    else:
        rows, row_of = found.listed, partial(_error, found, view)
        listing, head = _error_listing(found, room), _regression(found, view, room)

    def line_of(at: int) -> Line:
        row = int(rows[at])
        texts, ink = row_of(at)
        features = [spell(f"{value:.4g}") for value in _features(problem, row)]
        inks = (palette.text, ink, palette.dim)
        return listing.line({"row": f"{row + 1}", **texts}, features, room, inks)

    if len(rows):
        heads = {name: name for name in listing.sizes}
        heads |= {"both": spell("before → after"), "sign": ""}
        names = problem.feature_names[:FEATURES]
        head.append(listing.line(heads, names, room, [palette.dim] * 3))
    return head, len(rows), line_of


def _features(problem: Problem, row: int) -> Floats:
    """Return the first features of a test row."""
    values: Floats = problem.rows(problem.x_test, row)[:-1][:FEATURES]
    return values


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
    palette, symbols = view.style.palette, view.style.symbols
    labels = [class_label(name) for name in view.problem.class_names]
    names = [fit(label, _WIDEST_NAME, symbols.plain) for label in labels]
    first = max(map(width, [*names, "class"]))
    arrow = symbols.spell(" → ")
    # cells for the number before, the number after, and the change
    forms = ((True, 4, 3), (True, 3, 3), (False, 3, 3), (False, 2, 3), (False, 3, 1))
    for both, digits, count in forms:
        one = digits + 2
        size = (2 * one + width(arrow) if both else one) + 2 + one
        if first + count * (size + len(_GAP)) <= room:
            break
    columns: list[_Column] = [
        (f"{'class':<{first}}", [[(_padded(name, first), palette.text)] for name in names])
    ]
    for at in range(len(MEASURES))[-count:]:
        cells = []
        for old, new in zip(found.before[:, at].tolist(), found.after[:, at].tolist(), strict=True):
            numbers = f"{old:.{digits}f}{arrow}{new:.{digits}f} " if both else f"{new:.{digits}f} "
            change = round(new - old, _SHARE_DIGITS)
            text = f"{_delta(change, f'.{digits}f', view):<{one + 1}}"
            cells.append([(_GAP + numbers, palette.text), (text, _good(palette, change))])
        columns.append((f"{_GAP}{MEASURES[at]:<{size}}", cells))
    support = [[(f"{_GAP}{rows:>7}", palette.text)] for rows in found.support.tolist()]
    for column in ((f"{_GAP}support", support), _confusion(found, view)):
        if sum(width(head) for head, _ in (*columns, column)) <= room:
            columns.append(column)
    lines = zip(*(cells for _, cells in columns), strict=True)
    head = "".join(head for head, _ in columns)
    return [[(head, palette.dim)], *([piece for cell in line for piece in cell] for line in lines)]


_Column = tuple[str, list[Line]]
"""The head of a column, and its pieces for every class."""


def _confusion(found: ClassificationChanges, view: View) -> _Column:
    """Return how many more or fewer rows of every class are predicted as each class."""
    palette, plain = view.style.palette, view.style.symbols.plain
    names = [fit(f"as {name}", _WIDEST_NAME, plain) for name in view.problem.class_names]
    lines: list[Line] = []
    for row, changes in enumerate(found.confusion.tolist()):
        line = [(_GAP, palette.text)]
        for column, (name, change) in enumerate(zip(names, changes, strict=True)):
            better = change if row == column else -change
            text = f"{_GAP}{_delta(change, 'd', view):>{max(width(name), 5)}}"
            line.append((text, _good(palette, better)))
        lines.append(line)
    heads = (_GAP + _padded(name, 5, left=True) for name in names)
    return _GAP + "".join(heads), lines


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
    return lines


def _error_listing(found: RegressionChanges, room: int) -> _Listing:
    """Return the columns of a regression's list of rows, as many as fit."""
    names = ("true", "before", "after", "|error|")
    forms = ((2, names), (1, names), (1, ("true", "after", "|error|")), (1, ("after", "|error|")))
    row = {"row": _row_width(found.listed)}
    listings = [_Listing(row | dict.fromkeys(kept, _NUMBER), gap, True) for gap, kept in forms]
    return next((one for one in listings if one.width <= room), listings[-1])


def _surface(found: SurfaceChanges, view: View, room: int) -> list[Line]:
    palette, spell = view.style.palette, view.style.symbols.spell
    change = found.value_after - found.value_before
    word = " better" if change < 0 else " worse" if change > 0 else ""
    delta = _delta(change, ".4g", view)
    value = f"value  {found.value_before:.7g} → {found.value_after:.7g}"
    start, end = (
        f"({', '.join(f'{value:.6g}' for value in at)})" for at in (found.before, found.after)
    )
    whole = f"point  {start} → {end}"
    way = [whole] if width(whole) <= room else [f"point  {start}", f"     → {end}"]
    lines = [[(line, palette.text)] for line in (*way, f"moved  {found.distance:.6g}")]
    change_colour = _good(palette, -change)
    if width(f"{value}{_GAP}{delta}{word}") <= room:
        lines.append([(f"{value}{_GAP}", palette.text), (delta + word, change_colour)])
    else:
        lines += [[(value, palette.text)], [(f"       {delta}{word}", change_colour)]]
    return [[(spell(text), colour) for text, colour in line] for line in lines]


def _row_width(rows: NDArray[np.intp]) -> int:
    return max(3, len(str(int(rows.max(initial=0)) + 1)))


def _flip_listing(found: ClassificationChanges, problem: Problem, room: int) -> _Listing:
    """Return the columns of the list of changed predictions, as many as fit."""
    name = max(min(width(class_label(name)), _WIDEST_NAME) for name in problem.class_names)
    row = {"row": _row_width(found.flips.rows)}
    true, both = {"true": max(name, 4)}, {"both": max(2 * name + 3, 14)}
    word, sign = {"became": 7}, {"sign": 1}
    forms = (true | both | word, true | both | sign, both | sign, true | sign)
    listings = [_Listing(row | form) for form in forms]
    return next((one for one in listings if one.width <= room), listings[-1])


def _flip(found: ClassificationChanges, view: View, at: int) -> _Row:
    flips, palette = found.flips, view.style.palette
    true, before, after = (int(label[at]) for label in (flips.true, flips.before, flips.after))
    names = [
        fit(class_label(view.problem.class_names[one]), _WIDEST_NAME, view.style.symbols.plain)
        for one in (true, before, after)
    ]
    kind = 0 if after == true else 1 if before == true else 2
    sign = _signs(view)[kind]
    texts = {
        "true": names[0],
        "both": f"{names[1]}{view.style.symbols.spell(' → ')}{names[2]}",
        "became": f"{sign} {_BECOMES[kind]}",
        "sign": sign,
    }
    return texts, (palette.good, palette.error, palette.warning)[kind]


def _error(found: RegressionChanges, view: View, at: int) -> _Row:
    true, before, after = (float(one[at]) for one in (found.true, found.before, found.after))
    size, grown = abs(after - true), abs(after - true) - abs(before - true)
    values = {"true": true, "before": before, "after": after}
    texts = {name: view.style.symbols.spell(f"{value:.4g}") for name, value in values.items()}
    sign = _signs(view)[1 if grown < 0 else 0]
    texts["|error|"] = first_fitting((f"{sign} {size:.4g}", f"{sign} {size:.3g}"), _NUMBER)
    return texts, _good(view.style.palette, -grown)


def _whole(texts: Sequence[str], room: int) -> str:
    """Return as many of the first texts as fit whole, after a gap and with commas between them."""
    for count in range(len(texts), 0, -1):
        if width(joined := _GAP + ", ".join(texts[:count])) <= room:
            return joined
    return ""


# A comparison as lines of text with all digits


def comparison_numbers(found: Changes, problem: Problem) -> list[str]:
    """Return a comparison as lines with all digits, but only the first features of each row."""
    if isinstance(found, SurfaceChanges):
        return [
            f"before  {_all_digits(found.before)}",
            f"after  {_all_digits(found.after)}",
            f"distance  {found.distance:.17g}",
            f"value  {_all_digits((found.value_before, found.value_after))}",
        ]
    if isinstance(found, RegressionChanges):
        lines = [f"rows {found.rows}, nearer {found.nearer}, farther {found.farther}"]
        both = zip(ERRORS, found.measures_before, found.measures_after, strict=True)
        lines += [f"{name}  {_all_digits(measures)}" for name, *measures in both]
        lines.append(f"row  {problem.target_name}  before  after  {_named(problem)}")
        columns = (found.listed, found.true, found.before, found.after)
        return lines + [
            f"{row + 1}  {_all_digits([*values, *_features(problem, row)])}"
            for row, *values in zip(*(c.tolist() for c in columns), strict=True)
        ]
    return _classification_numbers(found, problem)


def _classification_numbers(found: ClassificationChanges, problem: Problem) -> list[str]:
    names = [class_label(name) for name in problem.class_names]
    lines = [
        f"rows {found.rows}, flipped {found.flipped}, fixed {found.fixed}, "
        f"broken {found.broken}, other {found.other}",
        f"accuracy  {_all_digits(found.accuracy)}",
        "class  " + "  ".join(f"{name} before  {name} after" for name in MEASURES),
    ]
    for name, pairs in zip(names, np.stack([found.before, found.after], axis=2), strict=True):
        lines.append(f"{name}  {_all_digits(pairs.ravel())}")
    lines.append("confusion, after − before: rows true, columns predicted")
    lines += ["  ".join(map(str, row)) for row in found.confusion.tolist()]
    lines.append(f"row  true  before  after  {_named(problem)}")
    flips = found.flips
    columns = (part.tolist() for part in (flips.rows, flips.true, flips.before, flips.after))
    return lines + [
        "  ".join([f"{row + 1}", *map(names.__getitem__, labels), rest])
        for row, *labels in zip(*columns, strict=True)
        if (rest := _all_digits(_features(problem, row)))
    ]


def _named(problem: Problem) -> str:
    return "  ".join(problem.feature_names[:FEATURES])


def _all_digits(values: Iterable[float]) -> str:
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

    _found: _Shown | None

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
        shown = self._found
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
