"""Pages that fill the screen: the keys of all, the help, and how columns were prepared."""

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice, pairwise, zip_longest
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui_gd.plots.axes import BORDER, Canvas, Heading, draw_box
from tui_gd.plots.cells import Cells, fit, widest, wrapped
from tui_gd.plots.palette import Style, bold
from tui_gd.plots.symbols import Symbols
from tui_gd.plots.table import Table, draw_table, visible_offset
from tui_gd.problems import Problem
from tui_gd.problems.problem import ColumnNote
from tui_gd.session.settings import RunSettings
from tui_gd.ui.context import Context
from tui_gd.ui.keys import ACTIONS, Action, KeyNames
from tui_gd.ui.panels.widget import CellView
from tui_gd.ui.textual_fixes.app import Answer, Closing, Key, OwnKeys

_PAGE = 10
_END = 10_000_000


# where letters are not typed, they move as well
LETTERS = (
    Binding("j", "move(1)", show=False),
    Binding("k", "move(-1)", show=False),
    Binding("g", f"move({-_END})", show=False),
    Binding("G", f"move({_END})", show=False),
)


class Page(Closing[Answer]):
    """Fills the screen with one picture, in which keys and the wheel move.

    `picture` takes rows, columns and the style, and returns the page; `move` moves by lines.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("pagedown", f"move({_PAGE})", show=False),
        Binding("pageup", f"move({-_PAGE})", show=False),
        Binding("home", f"move({-_END})", show=False),
        Binding("end", f"move({_END})", show=False),
        Binding("ctrl+c,ctrl+q", "app.quit", show=False, priority=True),
    ]

    def __init__(
        self,
        context: Context,
        picture: Callable[[int, int, Style], Cells],
        move: Callable[[int], None],
    ) -> None:
        super().__init__()
        self.context, self._picture, self._move = context, picture, move

    def compose(self) -> ComposeResult:
        """Lay out one picture."""
        yield CellView()

    def on_mount(self) -> None:
        """Take away what was said before: it would hide rows of the page."""
        self.app.clear_notifications()

    def on_resize(self, _: events.Resize) -> None:
        """Draw at the new size."""
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Draw the page at the screen's size."""
        # there is no view before the screen is laid out and once it is closed
        for view in self.query(CellView):
            view.show(self._picture(view.size.height, view.size.width, self.context.style))

    def action_move(self, by: int) -> None:
        """Move by lines."""
        self._move(by)
        self.draw()

    def on_mouse_scroll_down(self) -> None:
        """Move as the key down does."""
        self.action_move(1)

    def on_mouse_scroll_up(self) -> None:
        """Move as the key up does."""
        self.action_move(-1)


class ScrolledPage(Page[Answer | None]):
    """Scrolls, and closes with escape, q, enter or space.

    `scrolled` takes rows, columns, the line to scroll to and the style; it returns the page and the
    actual line.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *LETTERS,
        Binding("escape,q,enter,space", "dismiss", "back"),
    ]

    def __init__(
        self, context: Context, scrolled: Callable[[int, int, int, Style], tuple[Cells, int]]
    ) -> None:
        super().__init__(context, self._draw_at, self._scroll)
        self._scrolled, self._at = scrolled, 0

    def _draw_at(self, rows: int, columns: int, style: Style) -> Cells:
        cells, self._at = self._scrolled(rows, columns, self._at, style)
        return cells

    def _scroll(self, by: int) -> None:
        self._at += by


# The help: what is on the screen, then every key, from the one table

_KEYS_WIDTH = 14
_ROOMY = 60
_COLUMN = 1 + _KEYS_WIDTH + max(len(action.text) for action in ACTIONS)
_WORDS = str.maketrans({"→": "right", "←": "left", "↑": "up", "↓": "dn", "α": "alpha"})
_SEEN = "What is seen"
_TIE = "\N{NO-BREAK SPACE}"
_MEANINGS = (
    ("epoch", "one pass over the train rows: every weight takes a step, W ← W − α·gradient"),
    ("loss", "how wrong the predictions are; each step against the gradient makes it smaller"),
    ("α", "the learning rate: how large a step is; too large, and the loss goes up"),
    ("points", "rows, in the colour of their class; hollow where the prediction is wrong"),
    ("background", "what the model predicts there; the line is where it changes its mind"),
    ("lane", "one line of descent with its own weights and α; {branch} branches another off"),
    ("verdict", "the lines under the status: what happens, why, and which key to try"),
    ("", "All that is drawn belongs to the epoch in the status line, also after stepping back."),
    ("first keys", "{run_or_pause} run   {step(1)} one epoch   {step_back(1)} back   {+} {-} α"),
    ("", "{panel('why')} the reasons   {settings} settings   {undo} undo   {quit} quit"),
)


@dataclass(frozen=True)
class HelpLine:
    """Keys, or a word, and what they mean; a heading has no text."""

    left: str
    text: str = ""
    keys: bool = False


class HelpScreen(ScrolledPage[None]):
    """Lists the keys, one page at a time; the keys that open it also close it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark,f1", "dismiss", show=False),
        Binding("space,right", "move(1)", show=False),
        Binding("left", "move(-1)", show=False),
    ]

    def __init__(self, context: Context, own: OwnKeys) -> None:
        super().__init__(context, partial(draw_help, actions=context.actions, own=own))

    def action_move(self, by: int) -> None:
        """Turn a page, whatever the key moves elsewhere; or go to the first or the last page."""
        super().action_move(by if abs(by) == _END else 1 if by > 0 else -1)


def help_pages(
    rows: int, room: int, actions: Sequence[Action] = ACTIONS, own: OwnKeys = ("", ())
) -> list[list[HelpLine]]:
    """Return columns of at most `rows` lines: what is on the screen, then the groups of keys.

    The keys of the screen that the help was opened from, `own`, come before all.

    If a group does not fit under the one before, it begins the next column.
    """
    rows, room = max(rows, 1), max(room - _KEYS_WIDTH, 20)
    columns: list[list[HelpLine]] = [[]]
    groups = [_group(*own, room)] if own[1] else []
    groups.append(_seen(room, actions))
    groups += [
        _group(title, [(one.shown, one.text) for one in members if one.shown], room)
        for title, members in groupby(actions, lambda one: one.group)
    ]
    for group in groups:
        now = columns[-1]
        gap = 1 if now else 0
        if len(now) + gap + len(group) > rows and now:
            columns.append([])
        elif gap:
            now.append(HelpLine(""))
        starts = [at for at, line in enumerate(group) if line.left]
        for start, end in pairwise([*starts, len(group)]):  # the lines of an entry stay together
            if columns[-1] and len(columns[-1]) + end - start > rows:
                columns.append([])
            columns[-1] += group[start:end]
    return columns


def _seen(room: int, actions: Sequence[Action]) -> list[HelpLine]:
    keys = KeyNames(actions)
    names = {action.name: keys.short(action.name) for action in actions if action.keys}
    names |= {"+": keys.of("learning_rate(1)"), "-": keys.of("learning_rate(-1)")}
    said = []
    for word, meaning in _MEANINGS:
        # a key stays on the line of its word: among several, of all its words
        blank = r"(?<! ) (?! )" if "   " in meaning else r"(?<=\}) "
        tied = re.sub(blank, _TIE, meaning)
        said.append((word, re.sub(r"\{(.+?)\}", lambda found: names.get(found[1], "-"), tied)))
    return _group(_SEEN, said, room, keys=False)


def _group(
    title: str, entries: Sequence[tuple[str, str]], room: int, *, keys: bool = True
) -> list[HelpLine]:
    """Return a heading, and below it keys, or words, with their meanings in lines of that room."""
    lines = [HelpLine(title)]
    for left, text in entries:
        first, *more = (line.replace(_TIE, " ") for line in textwrap.wrap(text, room))
        lines += [HelpLine(left, first, keys), *(HelpLine("", line) for line in more)]
    return lines


def draw_help(
    rows: int,
    columns: int,
    page: int,
    style: Style,
    actions: Sequence[Action] = ACTIONS,
    own: OwnKeys = ("", ()),
) -> tuple[Cells, int]:
    """Return a page of the help, or the last one if there are fewer, and its number from 0."""
    palette, symbols = style.palette, style.symbols
    inner = Cells.blank(rows - BORDER, columns - BORDER, style)
    height, width = inner.shape
    across = 2 if width >= 2 * (_COLUMN + 1) else 1
    room = width // across
    parts = help_pages(height, room - 2, actions, own)
    pages = -(-len(parts) // across)
    page = max(0, min(page, pages - 1))
    for number, part in enumerate(parts[page * across : (page + 1) * across]):
        at = 1 + number * room
        for row, line in enumerate(part):
            left = line.left.translate(_WORDS) if symbols.plain else line.left
            ink = palette.key if line.keys else bold(palette.text)
            inner.put(row, at, left, ink)
            inner.put(row, at + _KEYS_WIDTH, symbols.words(line.text), palette.text)
    turn = f"   page {page + 1} of {pages}   space ←: turn" if pages > 1 else ""
    if columns < _ROOMY:
        turn = f" {page + 1}/{pages}  space: next" if pages > 1 else ""
    title = symbols.spell(f"help{turn}   esc: back")
    return draw_box(Canvas(rows, columns, style, Heading(title)), inner), page


# The columns of a table: how each one was prepared

_LONGEST_NAME, _SHORTEST_WORDS = 28, 14
Line = tuple[str, ...]


def column_notes(problem: Problem, settings: RunSettings) -> tuple[ColumnNote, ...]:
    """Return a note on every column of a table; for other problems, on every feature."""
    if problem.about:
        return problem.about
    done = "mean 0, variance 1" if settings.standardize else "as it is"
    return tuple(ColumnNote(name, "number", "", done, (name,)) for name in problem.feature_names)


def summary(problem: Problem) -> str:
    """Return one line: the task, its target, and the number of rows."""
    task = problem.task
    classes = f" of {len(problem.class_names)} classes" if problem.class_names else ""
    rows = f"{problem.train_rows} train and {problem.test_rows} test rows"
    return f"{task}{classes}: {problem.target_name} from {problem.features} features; {rows}"


class ColumnsScreen(ScrolledPage[bool]):
    """Shows how every column was prepared; answers whether a person wants to change their roles.

    The key that opens it also closes it.
    """

    HEADING = "What was done to the columns"
    KEYS = (Key("D", "dismiss"), Key("e", "roles", "e", "change what columns of a table are for"))

    def __init__(self, context: Context, problem: Problem, settings: RunSettings) -> None:
        notes = column_notes(problem, settings)
        super().__init__(context, partial(draw_columns, problem=problem, notes=notes))
        self._of_table = bool(problem.about)

    def action_roles(self) -> None:
        """Close, and ask for the roles of a table's columns."""
        if self._of_table:
            self.dismiss(True)


def draw_columns(
    rows: int, columns: int, first: int, style: Style, problem: Problem, notes: Sequence[ColumnNote]
) -> tuple[Cells, int]:
    """Return the page, and the line to which it scrolled: `first`, or as far as it can."""
    palette, symbols = style.palette, style.symbols
    inner = Cells.blank(rows - BORDER, columns - BORDER, style)
    high, wide = inner.shape
    heads = [(line, palette.text) for line in _wrapped(summary(problem), wide, symbols)]
    for number, hint in enumerate(problem.hints):  # the first line names the task
        colour = palette.warning if number else palette.text
        heads += [(line, colour) for line in _wrapped(hint, wide, symbols)]
    heads = heads[: high // 2]
    for row, (text, colour) in enumerate(heads):
        inner.put(row, 1, text, colour)
    top = len(heads) + 1
    room = max(0, high - top - 1)
    first = visible_offset(len(notes), room, max(0, first), None)
    shown = notes[first : first + room]  # a table may have a hundred thousand columns
    body: list[Line] = [
        (
            fit(note.name, _LONGEST_NAME, symbols.plain),
            note.kind,
            symbols.spell(note.found),
            symbols.spell(note.done),
            _features(note),
        )
        for note in shown
    ]
    header: Line = ("column", "kind", "values", "what was done", "features")
    if not any(note.found for note in notes):
        header, body = _without_values(header), [_without_values(line) for line in body]
    table = draw_table(
        max(0, high - top),
        max(0, wide - 2),
        Table(header, _in_lines(header, body, wide - 2, room, symbols), align=["<"] * 5),
        style,
    )
    inner.paste(top, 1, table)
    last = min(first + room, len(notes))
    which = f"{first + 1}–{last} of {len(notes)}" if len(notes) > room else f"{len(notes)}"
    roles = "   e: change roles" if problem.about else ""
    name = problem.name.rpartition("/")[2] or problem.name
    title = f"columns: {which}   {name}{roles}   esc: back"
    box = draw_box(Canvas(rows, columns, style, Heading(symbols.spell(title))), inner)
    return box, first


def _wrapped(text: str, columns: int, symbols: Symbols) -> list[str]:
    return textwrap.wrap(symbols.spell(text), max(20, columns - 2))


def _in_lines(header: Line, body: list[Line], wide: int, room: int, symbols: Symbols) -> list[Line]:
    """Return the rows with long values in as many lines as there is room for, then shortened."""
    widths = [widest(column) for column in zip(header, *body, strict=True)]
    rest = wide - sum(widths[:2]) - 2 * (len(header) - 1)
    for at, share in ((-3, 0.3), (-2, 0.4))[5 - len(header) :]:
        widths[at] = min(widths[at], max(_SHORTEST_WORDS, int(share * rest)))
    widths[-1] = max(_SHORTEST_WORDS, rest - sum(widths[2:-1]))
    parts = [
        [wrapped(text, cells) for text, cells in zip(line, widths, strict=True)] for line in body
    ]
    heights = [max(map(len, line)) for line in parts]
    most = next((k for k in range(9, 1, -1) if sum(min(k, high) for high in heights) <= room), 1)
    rows = []
    for line, high in zip(parts, heights, strict=True):
        cut = [[*part[: most - 1], " ".join(part[most - 1 :])] for part in line]
        for texts in islice(zip_longest(*cut, fillvalue=""), min(most, high)):
            fields = zip(texts, widths, strict=True)
            rows.append(tuple(fit(text, cells, symbols.plain) for text, cells in fields))
    return rows


def _without_values(line: Line) -> Line:
    return (*line[:2], *line[3:])


def _features(note: ColumnNote) -> str:
    """Return the names of a column's features, or their number."""
    if note.features == (note.name,):
        return "itself"
    if not note.features:
        return "-"
    return f"{len(note.features)}: {', '.join(note.features[:20])}"
