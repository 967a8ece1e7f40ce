"""The page of a table: why it cannot be read as it is, what helps, and the roles of its columns.

`session/roles.py` says what roles and offers are. The page changes settings and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual import events, work

from tui_gd.plots.axes import BORDER, Canvas, Heading, draw_box
from tui_gd.plots.cells import Cells, first_fitting, fit, width, wrapped
from tui_gd.plots.palette import Style, bold
from tui_gd.plots.table import visible_offset
from tui_gd.problems.problem import ColumnLook
from tui_gd.problems.text import safe_text
from tui_gd.session.options import Scope, options_of
from tui_gd.session.roles import REFUSED, Asked, Offer, Role, becomes, look_in_words, roles_for
from tui_gd.session.settings import RunSettings
from tui_gd.ui.context import Context
from tui_gd.ui.screens.pages import Page
from tui_gd.ui.screens.questions import OPEN_FILE, Prompt, found, likely_target, parse_file
from tui_gd.ui.screens.settings_page import question_about
from tui_gd.ui.textual_fixes.app import Key

_KEYS = (
    "↑ ↓ choose   ← → role   del leave out   letters find   enter {enter}   esc back   F1 keys",
    "↑↓ choose  ←→ role  letters find  enter {enter}  esc back  F1 keys",
    "←→ role  enter {enter}  esc back  F1 keys",
    "←→ role  enter {enter}  esc back",
)
_SHORTEST_NAME, _LONGEST_NAME = 8, 28
# the widths of what stands beside the name: role, kind, values, gaps
_BESIDE = (("role", 10), ("kind", 7), ("values", 7), ("gaps", 6))
_COUNTS = ("values", "gaps")
_NAMED_AT = 4
_ROOMY = 16
"""From this many rows on, everything said may take two lines."""


# The page


class TablePage:
    """The columns of a table, what helps to read it, and the settings so far.

    `replaced` are words for the run that would be replaced, empty if there is none. The listed
    columns have `typed` in their names, and `found` are their places; `cursor` counts the offers
    and then of these. `roles` are those of columns that have one, `target` is the column that is
    learned when a person presses enter on a column.
    """

    roles: dict[str, Role]
    target: str | None

    def __init__(self, asked: Asked, replaced: str = "") -> None:
        self.asked, self.settings, self._replaced = asked, asked.settings, replaced
        self._columns, self._offers = asked.columns, asked.offers
        self._lowered = [look.name.casefold() for look in asked.look.columns]
        self.typed, self.found, self.cursor = "", list(range(len(self._lowered))), 0
        # until a person decides, the target is the column at the cursor
        wrong = not self._offers or any(one.leads == "target" for one in self._offers)
        known = self._columns.target(asked.settings) is not None
        self._decided = known and not (asked.reason and wrong)
        self._update()
        if asked.needs_target or not self._offers:
            self._go_to(self.target if self._decided else self._likely_target())

    def _update(self) -> None:
        """Find roles and target anew; both take longer the more columns there are."""
        self.roles, here = self._columns.roles(self.settings), self.look
        decided = self._columns.target(self.settings) if self._decided else None
        if decided is not None:
            self.target = decided
        elif here and not self._decided and self.roles.get(here.name) is not Role.DROP:
            self.target = here.name
        else:
            self.target = self._likely_target()

    def _likely_target(self, besides: str | None = None) -> str | None:
        """Return the column that is probably the target, among those that are not left out."""
        roles = self._columns.roles(self.settings)
        out = {name for name, role in roles.items() if role is Role.DROP} | {besides}
        names = [name for name in self._columns.places if name not in out]
        return likely_target(names) if names else None

    @property
    def offer(self) -> Offer | None:
        """The offer at the cursor; None on a column."""
        return self._offers[self.cursor] if self.cursor < len(self._offers) else None

    @property
    def look(self) -> ColumnLook | None:
        """The column at the cursor; None on an offer, or if no column is listed."""
        at = self.cursor - len(self._offers)
        return self.asked.look.columns[self.found[at]] if 0 <= at < len(self.found) else None

    def role(self, look: ColumnLook) -> Role:
        """Return the role of a column now; only one is the target."""
        if look.name == self.target:
            return Role.TARGET
        role = self.roles.get(look.name, Role.USUAL)
        return Role.USUAL if role is Role.TARGET else role

    def word(self, look: ColumnLook) -> str:
        """Return the word for what becomes of a column."""
        return becomes(look, self.role(look), self.settings.dates)

    @property
    def enter(self) -> tuple[str, str]:
        """What enter does now, and a word for it."""
        if self.offer:
            return f"enter: {self.offer.words}", "do it"
        if self.target is None or self.look is None:
            return "no column is listed", "-"
        words = [self.word(look) for look in self._columns.looks if look.name != self.target]
        refused = words.count(REFUSED)
        rest = words.count(Role.DROP.value)
        used = len(words) - rest - refused
        said = f"enter learns {self.target} from {used:,} column{'s' * (used != 1)}"
        said += f", {rest:,} left out" if rest else ""
        said += f", {refused:,} refused" if refused else ""
        return said + (f"; {self._replaced}" if self._replaced else ""), "learn"

    @property
    def learned(self) -> RunSettings | None:
        """The settings that enter on a column begins with; None if none is listed."""
        if self.look is None or self.target is None:
            return None
        return replace(self.settings, target=self._columns.reference(self.target))

    def move(self, by: int) -> None:
        """Go to another offer or column."""
        self.cursor = max(0, min(self.cursor + by, len(self._offers) + len(self.found) - 1))
        self._update()

    def _go_to(self, name: str | None) -> None:
        """Put the cursor on a column, if it is listed."""
        place = self._columns.places.get(name or "")
        if place is not None and place in self.found:
            self.cursor = len(self._offers) + self.found.index(place)
            self._update()

    def go_to_another_target(self) -> None:
        """Put the cursor on the column that is probably the target if the given one is not."""
        self._go_to(self._likely_target(besides=self._columns.target(self.asked.settings)))

    def step_role(self, by: int) -> None:
        """Give the column at the cursor another role."""
        if look := self.look:
            roles, now = roles_for(look), self.role(look)
            at = roles.index(now) if now in roles else 0
            self._give(look, roles[(at + by) % len(roles)])

    def leave_out(self) -> None:
        """Leave the column at the cursor out, or take it again."""
        if look := self.look:
            self._give(look, Role.USUAL if self.role(look) is Role.DROP else Role.DROP)

    def _give(self, look: ColumnLook, role: Role) -> None:
        target = self.target
        self.settings = self._columns.with_role(self.settings, look.name, role)
        if role is not Role.TARGET:
            if target == look.name:
                target = self._likely_target(besides=look.name)
            if target is not None:
                self.settings = replace(self.settings, target=self._columns.reference(target))
        self._decided = True
        self._update()

    def find(self, text: str) -> None:
        """List the columns with a text in their names."""
        here = self.look
        self.typed = text
        self.found = found(self._lowered, text.casefold())
        self.cursor = len(self._offers) if self.found else 0
        self._update()
        if not text and here:
            self._go_to(here.name)


# The picture


@dataclass(frozen=True)
class Drawn:
    """The page, and where a click counts: entries by row, the roles' cells, the rows of enter."""

    cells: Cells
    entries: dict[int, int]
    role: range
    enter: range


def draw_table(page: TablePage, rows: int, columns: int, style: Style) -> Drawn:
    """Return the page: why it asks, what is offered, the columns, and what enter does."""
    palette, symbols = style.palette, style.symbols
    inner = Cells.blank(rows - BORDER, columns - BORDER, style)
    high, wide = inner.shape
    wide = max(wide - 2, 1)
    asked, offers = page.asked, page.asked.offers
    foot = _foot(page, wide, high, style)
    free = max(0, high - len(foot))
    reason = wrapped(symbols.words(asked.reason), wide) if asked.reason else []
    question = not reason and f"target: which column of {asked.file}?"
    if question and asked.needs_target:
        reason = wrapped(symbols.words(question), wide)
    listed = len(page.found) + 2
    some = min(listed, 2 if page.offer else 4) if asked.look.columns else 0
    why = min(len(reason), max(1, free - min(2, len(offers)) - (0 if page.offer else some)))
    shown = min(len(offers), max(bool(page.offer), free - why - some))
    roomy = free - why - shown - some > 4
    entries: dict[int, int] = {}
    row = 0
    for line in _cut(reason, why, wide, symbols.plain):
        inner.put(row, 1, line, palette.text if asked.needs_target else palette.error)
        row += 1
    row += roomy and bool(why)
    first = visible_offset(len(offers), shown, 0, page.cursor if page.offer else None)
    for at in range(first, first + shown):
        _put_offer(inner, row, offers[at], style, wide, here=at == page.cursor)
        entries[row + 1] = at
        row += 1
    row += roomy and bool(shown)
    role = range(0)
    if asked.look.columns and free - row > 0:
        role = _put_columns(inner, row, free, page, style, entries)
    for place, (text, colour) in enumerate(foot, high - len(foot)):
        inner.put(place, 1, text, colour)
    title = f"columns of {asked.file}"
    title += f", first {asked.look.rows:,} rows" if asked.look.rows else ""
    title += "   * chosen" if set(page.roles.values()) - {Role.TARGET} else ""
    title = symbols.spell(f"{title}   esc: back")
    box = draw_box(Canvas(rows, columns, style, Heading(title)), inner)
    return Drawn(box, entries, role, range(1 + high - len(foot), 1 + high))


def _cut(lines: list[str], most: int, room: int, plain: bool) -> list[str]:
    """Return at most `most` lines; the last one shows that some are missing."""
    if len(lines) <= most or not most:
        return lines[:most]
    return [*lines[: most - 1], fit(f"{lines[most - 1]} {lines[most]}", room, plain)]


def _put_offer(
    inner: Cells, row: int, offer: Offer, style: Style, wide: int, *, here: bool
) -> None:
    palette, symbols = style.palette, style.symbols
    inner.put(row, 1, symbols.selected if here else " ", palette.focus)
    words = fit(symbols.words(safe_text(offer.words, None)), wide - 2, symbols.plain)
    end = inner.put(row, _NAMED_AT, words, bold(palette.focus) if here else palette.text)
    typed = symbols.words(safe_text(offer.typed, None))
    if end + 2 + width(typed) <= wide:
        inner.put(row, wide + 1 - width(typed), typed, palette.dim)


Fields = list[tuple[str, int, int]]
"""The fields of a row: name, place, width."""


def _fields(looks: Sequence[ColumnLook], wide: int) -> Fields:
    """Return the fields that fit: the column, what stands beside it, and an example."""
    longest = max(width("column"), *(width(safe_text(look.name, None)) for look in looks))
    names = min(longest, max(_SHORTEST_NAME, min(_LONGEST_NAME, wide // 3)))
    fields, at = [("column", _NAMED_AT, names)], _NAMED_AT + names + 2
    for name, room in _BESIDE:
        if at + room < wide:
            fields.append((name, at, room))
            at += room + 2
    return [*fields, ("example", at, wide - 1 - at)]


def _put_columns(
    inner: Cells, row: int, end: int, page: TablePage, style: Style, entries: dict[int, int]
) -> range:
    """Put the columns into the rows up to `end`; return the cells of their roles."""
    palette, symbols = style.palette, style.symbols
    looks, wide, offers = page.asked.look.columns, inner.shape[1], len(page.asked.offers)
    fields = _fields(looks, wide)
    find = f"find: {page.typed}_" if page.typed else ""
    if end - row > 2 or find:
        head = find or symbols.spell(f"{len(looks):,} columns · type to find one")
        head = fit(symbols.words(head), wide - 2, symbols.plain)
        after = inner.put(row, 1, head, palette.text if find else palette.dim)
        count = f"{len(page.found):,} of {len(looks):,} columns" if page.found else "none"
        if find and after + width(count) + 2 < wide:
            inner.put(row, wide - 1 - width(count), count, palette.dim)
        row += 1
    if end - row > 2:
        for name, place, room in fields:
            inner.put(row, place, f"{name:>{room}}" if name in _COUNTS else name, palette.dim)
        row += 1
    here = None if page.offer else page.cursor - offers
    room = max(0, end - row)
    offset = visible_offset(len(page.found), room, max(0, (here or 0) - room // 2), here)
    for index in range(offset, min(offset + room, len(page.found))):
        look = looks[page.found[index]]
        _put_column(inner, row, look, page, fields, style)
        entries[row + 1] = offers + index
        row += 1
    if not page.found:
        inner.put(row, 1, fit("none has that in its name", wide - 2, symbols.plain), palette.dim)
    cells = (range(at + 1, at + 1 + room) for name, at, room in fields if name == "role")
    return next(cells, range(0))


def _put_column(
    inner: Cells, row: int, look: ColumnLook, page: TablePage, fields: Fields, style: Style
) -> None:
    palette, symbols, here = style.palette, style.symbols, look is page.look
    role, word = page.role(look), page.word(look)
    chosen = page.roles.get(look.name, Role.USUAL) not in {Role.USUAL, Role.TARGET}
    ink = palette.faint if word == Role.DROP.value else palette.text
    ink_of_role = palette.error if word == REFUSED else palette.warning if chosen else ink
    inner.put(row, 1, symbols.selected if here else " ", palette.focus)
    inner.put(row, 2, "*" if chosen else " ", palette.focus)
    values, gaps = ("", "") if look.values is None else (f"{look.values:,}", f"{look.gaps:,}")
    texts = {"column": safe_text(look.name, None), "role": word, "kind": look.kind}
    texts |= {"values": values, "gaps": gaps, "example": safe_text(look.example, None)}
    colours = {
        "column": bold(palette.focus) if here else ink,
        "role": bold(palette.text) if role is Role.TARGET else ink_of_role,
    }
    for name, place, room in fields:
        text = fit(symbols.words(texts[name]), room, symbols.plain)
        start = place + room - width(text) if name in _COUNTS else place
        inner.put(row, start, text, colours.get(name, palette.dim))


def _foot(page: TablePage, wide: int, high: int, style: Style) -> list[tuple[str, int]]:
    """Return what is known of the column at the cursor, what enter does, and the keys."""
    palette, symbols = style.palette, style.symbols
    does, word = page.enter
    keys = first_fitting([symbols.spell(form.format(enter=word)) for form in _KEYS], wide)
    said = wrapped(symbols.words(safe_text(does, None)), wide)
    look = page.look
    known = look_in_words(look, page.role(look), page.settings.dates) if look else ""
    about = [] if page.offer else wrapped(symbols.words(known), wide)
    most = 2 if high >= _ROOMY // 2 else 0
    both = 2 if high >= _ROOMY else 1
    lines = [
        *((one, palette.text) for one in _cut(about, most, wide, symbols.plain)),
        *((one, palette.dim) for one in _cut(said, both, wide, symbols.plain)),
        (fit(keys, wide, symbols.plain), palette.key),
    ]
    return lines[max(0, len(lines) - max(1, high - 3)) :]


# The screen


class TableScreen(Page[RunSettings | None]):
    """Shows a table's columns and what helps; answers with the settings to go on with, or None.

    The settings so far are still in `page` after a person leaves it.
    """

    HEADING = "Columns of a table"
    KEYS = (
        Key("down", "move(1)", "↑ ↓", "choose an offer or a column; also pgup, pgdn, home, end"),
        Key(
            "right", "role(1)", "← →", "the column's role: as found, number, text, left out, target"
        ),
        Key("left", "role(-1)"),
        Key("delete", "leave_out", "del", "leave the column out, or take it again"),
        Key(
            "backspace",
            "take_back",
            "letters",
            "find columns by their names; backspace takes a letter back",
        ),
        Key("enter", "take", "enter", "do what is offered, or learn with these roles"),
        Key("escape", "dismiss(None)", "esc", "back; nothing begins"),
    )

    def __init__(self, context: Context, asked: Asked, replaced: str = "") -> None:
        page = TablePage(asked, replaced)
        super().__init__(context, self._draw_page, page.move)
        self.page = page
        self._drawn: Drawn | None = None

    def _draw_page(self, rows: int, columns: int, style: Style) -> Cells:
        self._drawn = draw_table(self.page, rows, columns, style)
        return self._drawn.cells

    def action_role(self, by: int) -> None:
        """Give the column at the cursor another role."""
        self.page.step_role(by)
        self.draw()

    def action_leave_out(self) -> None:
        """Leave the column at the cursor out, or take it again."""
        self.page.leave_out()
        self.draw()

    def action_take_back(self) -> None:
        """Take the last typed letter back."""
        self._find(self.page.typed[:-1])

    def on_key(self, event: events.Key) -> None:
        """Find by a typed letter; the question mark is one only behind another."""
        letter = event.character
        if letter and letter.isprintable() and (letter != "?" or self.page.typed):
            event.stop()
            self._find(self.page.typed + letter)

    def on_paste(self, event: events.Paste) -> None:
        """Find by a pasted name."""
        event.stop()
        self._find(self.page.typed + "".join(filter(str.isprintable, event.text)))

    def _find(self, text: str) -> None:
        self.page.find(text)
        self.draw()

    def action_take(self) -> None:
        """Do what is offered, or learn with these roles."""
        if offer := self.page.offer:
            self._accept(offer)
        elif settings := self.page.learned:
            self.page.settings = settings
            self.dismiss(settings)

    @work
    async def _accept(self, offer: Offer) -> None:
        settings = self.page.settings
        if offer.settings is not None:
            self.dismiss(offer.settings)
        elif (option := offer.ask) is not None:
            question = question_about(option, self.context.terminal.symbols)
            value = await self.app.push_screen_wait(Prompt(question, "", option.reader.typed))
            if value is not None:
                self.dismiss(replace(settings, **{option.name: value}))
        elif offer.leads == "file":
            prompt = Prompt(OPEN_FILE, settings.problem, parse_file)
            path = await self.app.push_screen_wait(prompt)
            if path is not None:
                fresh = options_of(RunSettings, Scope.FILES).keys()
                self.dismiss(settings.changed({"problem": path}, fresh))
        else:
            self.page.go_to_another_target()
            self.draw()

    def on_click(self, event: events.Click) -> None:
        """Do the clicked offer, choose the clicked column, step its role, or learn."""
        drawn = self._drawn
        if drawn is None:
            return
        if event.y in drawn.enter:
            self.action_take()
        elif (entry := drawn.entries.get(event.y)) is not None:
            self.action_move(entry - self.page.cursor)
            if self.page.offer:
                self.action_take()
            elif event.x in drawn.role:
                self.action_role(1)
