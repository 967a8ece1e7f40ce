"""The page of kept runs as cells: the list, the curves of marked runs, and their differences."""

import math
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from tui_gd.plots.axes import BORDER, Canvas, Frame, Heading, draw_box, draw_words
from tui_gd.plots.cells import Cells, fit, width
from tui_gd.plots.curves import Curve, EpochView, curve_legend, draw_curves
from tui_gd.plots.palette import Palette, Style
from tui_gd.plots.symbols import Symbols
from tui_gd.plots.table import Align, Table, draw_table, visible_offset
from tui_gd.runs.store import KeptRun, Store
from tui_gd.session.settings import RunSettings
from tui_gd.training.checkpoint import Checkpoint, LaneRecord
from tui_gd.training.series import Buckets
from tui_gd.training.series import curve_of as thinned
from tui_gd.ui.panels.readings import curve_of, shown
from tui_gd.ui.screens.settings_page import value_in_words
from tui_gd.ui.textual_fixes.app import Key

# the most buckets of a drawn curve: more than any screen has dots
MOST_BUCKETS = 2048


@dataclass(frozen=True, eq=False)
class KeptLane:
    """One lane of a kept run: how it descended last, and its curves. NaN means: not on record."""

    name: str
    learning_rate: float
    optimizer: str
    loss_name: str
    epochs: int
    train: Buckets
    test: Buckets
    last: float
    last_test: float


@dataclass(frozen=True, eq=False)
class KeptDetail:
    """What the page shows of one kept run: its settings by option name, and its lanes."""

    settings: Mapping[str, Any]
    lanes: tuple[KeptLane, ...]


def read_detail(store: Store, run: str) -> KeptDetail:
    """Read what the page shows of a kept run; `ProblemError` if it is gone or damaged."""
    kept = store.find(run)
    checkpoint = store.checkpoint(kept)
    return KeptDetail(kept.settings, tuple(_lane(lane, checkpoint) for lane in checkpoint.lanes))


def _lane(lane: LaneRecord, checkpoint: Checkpoint) -> KeptLane:
    (_, rate), (_, optimizer, loss) = lane.rates[-1], lane.methods[-1]
    series = [checkpoint.series[name][lane.number] for name in ("train", "test")]
    train, test = (thinned(one, MOST_BUCKETS) for one in series)
    last, last_test = (one.at(one.stop - 1) for one in series)
    return KeptLane(lane.name, rate, optimizer, loss, lane.recorded, train, test, last, last_test)


# Comparing kept runs: their curves in one plot, their differences in one table.

_LONGEST_VALUE = 24
# nobody reads a table with more lanes of one run than this
MOST_LANES = 16
Comparison = tuple[str, list[str], list[list[str]]]
"""Title, header and rows."""


def least(curve: Buckets) -> float:
    """Return the lowest loss of a curve; NaN if it has none."""
    finite = curve.low[np.isfinite(curve.low)]
    return float(finite.min()) if len(finite) else math.nan


def best_lane(detail: KeptDetail) -> KeptLane:
    """Return the lane with the lowest training loss, or the first one if no lane has any."""
    return min(detail.lanes, key=lambda lane: (math.isnan(least(lane.train)), least(lane.train)))


def curves_of(
    runs: Sequence[str], details: Mapping[str, KeptDetail], palette: Palette
) -> tuple[str, list[Curve]]:
    """Return a title and curves: all lanes of one run, or the best lane of each of several."""
    if len(runs) == 1:
        lanes = details[runs[0]].lanes
        several = len(lanes) > 1
        curves = [
            curve_of(
                f"{lane.name} {lane.learning_rate:g}" if several else "train",
                lane.train,
                shown(lane.last, 4),
                palette.lane(number) if several else (palette.train, palette.train_dimmed),
                name=lane.name if several else "",
            )
            for number, lane in enumerate(lanes)
        ]
        if not several and np.isfinite(lanes[0].test.low).any():
            test, colours = lanes[0].test, (palette.test, palette.test_dimmed)
            last = shown(lanes[0].last_test, 4)
            curves.append(curve_of("test", test, last, colours, dashed=True))
        return f"loss of {runs[0]}", curves
    curves = []
    several = any(len(details[run].lanes) > 1 for run in runs)
    for number, run in enumerate(runs):
        lane = best_lane(details[run])
        text = f"{number + 1} {run}" + (f" {lane.name}" if len(details[run].lanes) > 1 else "")
        last, colours = shown(lane.last, 4), palette.lane(number)
        curves.append(curve_of(text, lane.train, last, colours, name=str(number + 1)))
    return "loss, best lane of each" if several else "loss", curves


def compared(runs: Sequence[str], details: Mapping[str, KeptDetail]) -> Comparison:
    """Return differing settings and losses, with a column for each run, or each lane of one run."""
    if len(runs) == 1:
        return _lanes(runs[0], details[runs[0]])
    ones = [details[run] for run in runs]
    best = [best_lane(one) for one in ones]
    body = [
        *_numbers_of(best),
        ["lanes", *(str(len(one.lanes)) for one in ones)],
        ["best lane", *(lane.name for lane in best)],
        ["its α", *(f"{lane.learning_rate:g}" for lane in best)],
        ["its optimizer", *(lane.optimizer for lane in best)],
        ["its loss", *(lane.loss_name for lane in best)],
    ]
    differ = [
        [_option(name), *(_value(one.settings.get(name)) for one in ones)]
        for name in _names(ones)
        if len({_value(one.settings.get(name)) for one in ones}) > 1
    ]
    header = ["", *(f"{number} {run}" for number, run in enumerate(runs, 1))]
    title = "beside each other" if differ else "beside each other: same settings"
    return title, header, body + differ


def _numbers_of(lanes: Sequence[KeptLane]) -> list[list[str]]:
    """Return rows of losses and epochs with a column for each lane."""
    return [
        ["best train loss", *(shown(least(lane.train), 7) for lane in lanes)],
        ["last train loss", *(shown(lane.last, 7) for lane in lanes)],
        ["best test loss", *(shown(least(lane.test), 7) for lane in lanes)],
        ["epochs done", *(str(lane.epochs) for lane in lanes)],
    ]


def _lanes(run: str, detail: KeptDetail) -> Comparison:
    lanes = detail.lanes[:MOST_LANES]
    body = [
        *_numbers_of(lanes),
        ["α", *(f"{lane.learning_rate:g}" for lane in lanes)],
        ["optimizer", *(lane.optimizer for lane in lanes)],
        ["loss", *(lane.loss_name for lane in lanes)],
    ]
    usual = {one.name: one.default for one in fields(RunSettings)}
    told = {"alpha", "optimizer", "loss"}
    for name in _names([detail]):
        value = detail.settings[name]
        given = _value(value) != _value(usual.get(name))
        if name == "problem" or (given and name not in told):
            body.append([_option(name), _value(value)])
    more = len(detail.lanes) - len(lanes)
    title = f"{run}, the first {MOST_LANES} of {len(detail.lanes)} lanes" if more > 0 else run
    return title, ["", *(lane.name for lane in lanes)], body


def _names(details: Sequence[KeptDetail]) -> list[str]:
    """Return the names of all settings: first the ones that the program knows, in its order."""
    known = [one.name for one in fields(RunSettings)]
    found = {name for one in details for name in one.settings}
    return [name for name in known if name in found] + sorted(found - set(known))


def _option(name: str) -> str:
    return name.replace("_", "-")


def _value(value: Any) -> str:
    """Return a setting as a person would type it, cut to a column's width."""
    return fit(value_in_words(value) or "-", _LONGEST_VALUE)


# with fewer columns, curves and settings do not fit next to each other
WIDE = 100
# with fewer rows, only one of them is visible
HIGH = 34
_LEAST_LIST = 4
_NUMBERS = {"lanes", "epochs", "best loss"}
_HEADER = ("", "id", "when", "problem", "lanes", "epochs", "best loss", "state")
# a narrow list leaves out these columns first
_SPARE = ("lanes", "when", "epochs", "best loss", "problem")
_GAP, _MARKER = 2, 2
# a problem's name is cut to the room there is, but never below the shorter width
_LONGEST_PROBLEM, _SHORTEST_PROBLEM = 32, 8

KEYS = (
    Key("space", "mark", "space", "mark"),
    Key("enter", "open", "enter", "go on here"),
    Key("e", "export", "e", "export"),
    Key("x,delete", "delete", "x", "delete"),
    Key("y", "log_axis", "y", "log axis"),
    Key("", "", "tab", "curves/settings"),
    Key("right", "scroll_settings(1)", "← →", "scroll settings"),
    Key("left", "scroll_settings(-1)"),
    Key("u", "unmark", "u", "unmark all"),
    Key("", "", "?", "help"),
    Key("escape,q,L", "dismiss(None)", "esc", "back"),
)
_NEEDED = ("back", "help")


@dataclass(eq=False)
class RunsPage:
    """The kept runs as the page shows them.

    `marked` are ids in the order of their marking; `details` are the runs read so far. The loss
    axis is logarithmic with `log`; with None, if its values need it. `now` is in seconds since
    1970. `message` appears if there is nothing else to say.
    """

    runs: list[KeptRun]
    selected: int = 0
    marked: list[str] = field(default_factory=list)
    details: dict[str, KeptDetail] = field(default_factory=dict)
    log: bool | None = None
    settings: bool = False
    scrolled: int = 0
    message: str = ""
    now: float = 0.0

    @property
    def run(self) -> KeptRun | None:
        """The selected run, if there is one."""
        return self.runs[self.selected] if self.selected < len(self.runs) else None

    @property
    def shown(self) -> list[str]:
        """The ids of the runs to draw: the marked ones, or else the selected one."""
        ids = [run.id for run in self.runs]
        marked = [run for run in self.marked if run in ids]
        return marked or ids[self.selected : self.selected + 1]


Place = tuple[int, int, int, int]
"""Where something is on the page: top, left, rows, columns."""


def places(
    rows: int, columns: int, count: int, *, settings: bool
) -> tuple[Place, Place | None, Place | None]:
    """Divide (rows, columns) among a list of `count` runs, the curves and the settings.

    None means not shown. If only one of the last two fits, `settings` says which.
    """
    most = max(_LEAST_LIST, rows // 3)
    high = min(rows, max(_LEAST_LIST, min(count + BORDER + 1, most)))
    rest = rows - high
    top, whole = (0, 0, high, columns), (high, 0, rest, columns)
    if columns >= WIDE:
        left = columns * 3 // 5
        return top, (high, 0, rest, left), (high, left, rest, columns - left)
    if rows >= HIGH:
        upper = rest * 3 // 5
        return top, (high, 0, upper, columns), (high + upper, 0, rest - upper, columns)
    return top, None if settings else whole, whole if settings else None


def draw_runs(page: RunsPage, rows: int, columns: int, style: Style) -> Cells:
    """Return the page (rows, columns)."""
    cells = Cells.blank(rows, columns, style)
    inner, at = max(rows - 1, 0), 1
    for key, word in key_line(columns - 2, style.symbols) if inner else ():
        at = cells.put(inner, at, key, style.palette.key) + 1
        at = cells.put(inner, at, word, style.palette.dim) + _GAP
    places_of = places(inner, columns, len(page.runs), settings=page.settings)
    drawings = (_draw_list, _draw_curves, _draw_settings)
    for place, draw in zip(places_of, drawings, strict=True):
        if place and min(place[2:]) > 0:
            top, left, high, wide = place
            cells.paste(top, left, draw(page, high, wide, style))
    return cells


def key_line(columns: int, symbols: Symbols) -> list[tuple[str, str]]:
    """Return the keys and words that fit into one line."""
    keys = [
        (one.shown.replace("← →", "left right") if symbols.plain else one.shown, one.text)
        for one in KEYS
        if one.shown
    ]
    kept = sorted(keys, key=lambda entry: entry[1] not in _NEEDED)
    while kept and sum(width(key) + 1 + width(word) + _GAP for key, word in kept) - _GAP > columns:
        kept.pop()
    return [entry for entry in keys if entry in kept]


def row_at(page: RunsPage, x: int, y: int, rows: int, columns: int) -> int | None:
    """Return the number of the run at a cell of a (rows, columns) page; None if there is none."""
    count = len(page.runs)
    (_, _, high, wide), *_ = places(max(rows - 1, 0), columns, count, settings=page.settings)
    room = high - BORDER - 1
    row = y - 2  # below border and header
    if not (0 <= row < room and 0 < x < wide - 1):
        return None
    index = visible_offset(len(page.runs), room, 0, page.selected) + row
    return index if index < len(page.runs) else None


def when_of(seconds: float, now: float) -> str:
    """Return a moment in local time: `14:03` today, else with the day, else with the year."""
    then, today = time.localtime(seconds), time.localtime(now)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M", then)
    if then.tm_year == today.tm_year:
        return time.strftime("%m-%d %H:%M", then)
    return time.strftime("%Y-%m-%d", then)


def _draw_list(page: RunsPage, rows: int, columns: int, style: Style) -> Cells:
    """Return the list in its box."""
    inner = Cells.blank(rows - BORDER, columns - BORDER, style)
    (high, wide), count = inner.shape, len(page.runs)
    title = f"kept runs: {count}" if count else "kept runs"
    if page.message:
        title += f"   {page.message}"
    if not page.runs:
        text = "" if page.message else "none yet: a run is kept from its first epoch on"
        for row, line in enumerate(textwrap.wrap(text, max(wide - 2, 10))):
            inner.put(row, 1, line, style.palette.dim)
    else:
        # if rows are left out, the right of the header says so
        said = width(f" {count}-{count}/{count}") if count > high - 1 else 0
        header, body = _fitting(page, wide - said)
        align: list[Align] = [">" if name in _NUMBERS else "<" for name in header]
        highlight = {
            (row, column): style.palette.lane(page.marked.index(run.id))[0]
            for row, run in enumerate(page.runs)
            for column in (0, 1)
            if run.id in page.marked
        }
        table = Table(header, body, align=align, highlight=highlight, gap=_GAP)
        inner = draw_table(high, wide, table, style, selected=page.selected)
    return draw_box(Canvas(rows, columns, style, Heading(title)), inner)


def _fitting(page: RunsPage, columns: int) -> tuple[list[str], list[list[str]]]:
    """Return header and rows with as many columns as fit."""
    numbers = {run: str(at + 1) for at, run in enumerate(page.marked)}
    body = [
        [
            numbers.get(run.id, " "),
            run.id,
            when_of(run.changed, page.now),
            fit(run.problem.rpartition("/")[2] or run.problem, _LONGEST_PROBLEM),
            str(run.lanes),
            str(run.newest),
            "-" if math.isnan(run.best) else f"{run.best:.6g}",
            run.state,
        ]
        for run in page.runs
    ]
    sizes = {
        name: max(width(line[i]) for line in (_HEADER, *body)) for i, name in enumerate(_HEADER)
    }
    kept = list(_HEADER)
    problem = sizes["problem"]
    sizes["problem"] = min(problem, _SHORTEST_PROBLEM)

    def room() -> int:
        return columns - _MARKER - sum(sizes[name] + _GAP for name in kept) + _GAP

    for name in _SPARE:
        if room() >= 0:
            break
        kept.remove(name)
    longest = min(problem, sizes["problem"] + max(room(), 0))
    at = [_HEADER.index(name) for name in kept]
    where = _HEADER.index("problem")
    return kept, [[fit(line[i], longest) if i == where else line[i] for i in at] for line in body]


def draw_losses(page: RunsPage, rows: int, columns: int, style: Style) -> Frame | None:
    """Return the loss curves of the shown runs; None if no run has been read."""
    known = [run for run in page.shown if run in page.details]
    title, curves = curves_of(known, page.details, style.palette)
    if not curves:
        return None
    last = max(curve.end - 1 for curve in curves)
    view = EpochView(last, log=page.log, notes=(("y log",), ("log, y: linear", "log")))
    canvas = Canvas(rows, columns, style, Heading(style.symbols.spell(title)))
    return draw_curves(canvas.with_legend(curve_legend(curves, canvas)), curves, view)


def _draw_curves(page: RunsPage, rows: int, columns: int, style: Style) -> Cells:
    frame = draw_losses(page, rows, columns, style)
    return frame.cells if frame else _empty(page, rows, columns, style)


def _draw_settings(page: RunsPage, rows: int, columns: int, style: Style) -> Cells:
    """Return settings and losses side by side."""
    known = [run for run in page.shown if run in page.details]
    if not known:
        return _empty(page, rows, columns, style)
    title, header, body = compared(known, page.details)
    colours = {
        (row, column): style.palette.lane(column - 1)[0]
        for row, line in enumerate(body)
        for column in range(1, len(line))
        if line[0] in {"best train loss", "last train loss"}
    }
    spell = style.symbols.spell
    spelt = [[spell(value) for value in line] for line in body]
    table = Table([spell(name) for name in header], spelt, highlight=colours)
    inner = draw_table(rows - BORDER, columns - BORDER, table, style, offset=page.scrolled)
    return draw_box(Canvas(rows, columns, style, Heading(title)), inner)


def _empty(page: RunsPage, rows: int, columns: int, style: Style) -> Cells:
    return draw_words(
        Canvas(rows, columns, style, Heading("loss")), ["reading…"] if page.shown else []
    )
