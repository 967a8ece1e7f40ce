"""The lines around the panels: what is trained, the status, the verdict, the tabs, the footer.

All are drawn from plain values, and `ui.panels.widget` shows them. A line that does not fit leaves
out whole parts; it never cuts a word or a number.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tui_gd.insight.verdict import Kind, Try, Verdict, share
from tui_gd.plots.cells import Cells, width, wrapped
from tui_gd.plots.palette import Colour, Palette, Style
from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import LaneSnapshot, RunState, Snapshot
from tui_gd.ui.keys import KeyNames
from tui_gd.ui.panels.panel import Hint, Panel, View, run_hint

NAME = "gd-tui"
_SAID_INDENT = 3


@dataclass(frozen=True, eq=False)
class Lines:
    """One or more drawn lines; `places` are the cells that react to a click.

    A place is a row, its first column, the column after it, and the action.
    """

    cells: Cells
    places: tuple[tuple[int, int, int, str], ...] = ()


# What is trained


def draw_top(view: View, columns: int, sent: str = "") -> Lines:
    """Return data, model, loss, optimizer, rows and seed; drop parts from the end if too long.

    The machines that compute with rows in parts stay; rather the seed goes. Of several lanes, the
    line begins with the lane that it is about, else with the program's name. `sent` says how much
    was sent to the terminal, and is empty if nobody asked for that.
    """
    palette, plain, snapshot = view.style.palette, view.style.symbols.plain, view.snapshot
    cells = Cells.blank(1, columns, view.style)
    cells.bg[:] = palette.background
    name, colour = NAME, palette.key
    if lane := lane_in_words(snapshot):
        name, colour = lane, palette.lane(snapshot.lane.number)[0]
    seed = "  ".join([*([sent] if sent else []), f"seed {view.snapshot.seed}"])
    long, short = trained(view, short=False), trained(view, short=True)
    forms = [("   ", "  ·  ", long), ("  ", " · ", long), ("  ", " · ", short)]
    machines = view.problem.parts.words() if view.problem.parts else ""
    least = 2 if machines else 1
    forms += [("  ", " · ", short[:count]) for count in range(len(short) - 1, least - 1, -1)]
    for end in (f"  {seed}", *([""] if machines else [])):
        for gap, between, parts in forms:
            text = between.join(parts).replace("·", "|" if plain else "·")
            used = 1 + width(name) + width(gap) + width(text)
            if used + width(end) + 1 <= columns:
                at = cells.put(0, 1, name, colour)
                cells.put(0, at, gap + text, palette.text)
                cells.put(0, columns - width(end) - 1, end, palette.dim)
                return Lines(cells)
    left = view.style.symbols.spell(lane or machines or short[0])
    cells.put(0, 1, left, colour if lane else palette.text)
    return Lines(cells)


def lane_in_words(snapshot: Snapshot) -> str:
    """Return which of several lanes is the current one: `lane B of 2`; empty for one lane."""
    count = len(snapshot.lanes)
    return f"lane {snapshot.lane.name} of {count}" if count > 1 else ""


def trained(view: View, *, short: bool) -> list[str]:
    """Return what is trained in words, the most important first."""
    problem, settings, lane = view.problem, view.settings, view.snapshot.lane
    parts = [problem.name.rsplit("/", 1)[-1]]
    if problem.parts and (words := problem.parts.words()):
        parts.append(words)
    parts.append(model_in_words(problem, settings, lane, short=short))
    if problem.surface is None:
        parts.append(loss_in_words(lane.loss_name, short=short))
    parts.append(_optimizer_in_words(problem, settings, lane))
    for name, value in (("L1", settings.l1), ("L2", settings.ridge)):
        if value:
            parts.append(f"{name} {value:g}")
    if settings.schedule != "constant":
        parts.append(f"α {settings.schedule}")
    if problem.surface is None and not short:
        counts = (problem.train_rows, problem.validation_rows, problem.test_rows)
        every = counts if counts[1] else counts[::2]
        parts.append(f"{' + '.join(f'{count:,}' for count in every)} rows")
    return [view.style.symbols.spell(part) for part in parts]


def model_in_words(
    problem: Problem, settings: RunSettings, lane: LaneSnapshot, *, short: bool
) -> str:
    """Return the model: `one sigmoid unit`, `2-8-8-1 tanh network`, `linear`."""
    if problem.surface:
        return f"point ({', '.join(problem.surface.names)})"
    if settings.hidden:
        sizes = (problem.features, *settings.hidden, problem.outputs)
        return f"{'-'.join(map(str, sizes))} {settings.activation}{'' if short else ' network'}"
    if problem.task == "regression" or lane.loss_name == "hinge":
        return "linear" if short else "linear model"
    if problem.task == "multiclass":
        return "softmax" if short else f"softmax of {problem.outputs} classes"
    return "sigmoid unit" if short else "one sigmoid unit"


_LOSSES = {
    "sse": ("squared error", ", summed"),
    "mse": ("squared error", ", mean"),
    "cross-entropy": ("cross-entropy", ""),
    "hinge": ("hinge loss", ""),
    "mae": ("absolute error", ""),
    "huber": ("Huber loss", ""),
}


def loss_in_words(name: str, *, short: bool = True) -> str:
    """Return a loss by its usual name."""
    words, more = _LOSSES.get(name, (name, ""))
    return words if short else words + more


def losses_in_words(names: Sequence[str]) -> list[str]:
    """Return losses by their usual names; where two losses share one, by their names as options."""
    words = [loss_in_words(name) for name in names]
    alike = len(set(words)) < len(set(names))
    return list(names) if alike else words


def _optimizer_in_words(problem: Problem, settings: RunSettings, lane: LaneSnapshot) -> str:
    name = lane.optimizer.name
    words = "gradient descent" if name == "sgd" else name
    batched = 0 < settings.batch_size < problem.train_rows
    return f"{words}, batches of {settings.batch_size}" if batched else words


# The status

_STATE_CELLS = 8
# of a learning rate of 0.01 as of 0.3: their lengths do not choose the layout
_RATE_CELLS = 4


# how roomy the status is, the roomiest first: its words, cells between fields and cells of a loss
_LAYOUTS = {
    "full": ((4, 10), (3, 10)),
    "long": ((4, 10), (3, 10), (3, 9), (2, 9)),
    "medium": ((3, 10), (2, 10), (2, 9)),
    "short": ((2, 10), (2, 9), (2, 8), (2, 7), (1, 7)),
}
# the fields to leave out if nothing fits; epoch and α always stay
_LEFT_OUT = ("test", "right", "train")


def number(value: float, digits: int = 6) -> str:
    """Return a loss to `digits` significant digits.

    >>> number(250.03), number(9.84e-12), number(123456.7)
    ('250.030', '9.84000e-12', '123457')
    """
    return f"{value:#.{digits}g}".rstrip(".")


@dataclass(frozen=True)
class _Field:
    """A label and its value, and the cells kept for the value so that the next field stays put."""

    label: str
    value: str
    kept: int = 0
    is_loss: bool = False
    """Whether the layout says how many cells are kept."""

    def __str__(self) -> str:
        return f"{self.label} {self.value}".strip()

    @cached_property
    def _own_width(self) -> int:
        return width(str(self))

    def width(self, loss_cells: int) -> int:
        """Return the cells that the field takes, where a loss takes at least `loss_cells`."""
        kept = loss_cells if self.is_loss else self.kept
        return max(len(self.label) + 1 + kept, self._own_width)


def _fields(
    snapshot: Snapshot, problem: Problem, words: str, alpha: str, digits: int = 6
) -> dict[str, _Field]:
    """Return the fields in their order, without any whose number is not known.

    `words` is a key of `_LAYOUTS`, or `text`; `digits` is how many a loss has.
    """
    lane = snapshot.lane
    loss = " loss" if words in {"full", "long", "text"} else ""
    cells_of_epoch = 2 * len(str(snapshot.epochs)) + 1
    fields = {
        "epoch": _Field("epoch", f"{snapshot.epoch}/{snapshot.epochs}", cells_of_epoch),
        "train": _Field(f"train{loss}", number(lane.loss, digits), is_loss=True),
    }
    if not math.isnan(lane.test_loss):
        fields["test"] = _Field(f"test{loss}", number(lane.test_loss, digits), is_loss=True)
    if (outcome := snapshot.outcome) is not None:
        of = "/" if words == "short" else " of "
        counts, most = f"{outcome.right}{of}{outcome.rows}", f"{outcome.rows}{of}{outcome.rows}"
        if words in {"full", "long"}:
            rows = f" {outcome.which} rows"
            counts += f"{rows} ({share(outcome.right / max(outcome.rows, 1))})"
            most += f"{rows} (99.99 %)"
        fields["right"] = _Field("right", counts, len(most))
    elif problem.task == "regression" and not math.isnan(snapshot.r2):
        kept = len(" <-1000")  # a cell more than the number: in ASCII the label is R^2
        fields["right"] = _Field("R²", _r2_in_words(snapshot.r2), kept)
    rate = f"{lane.learning_rate:g}"
    if snapshot.rate_factor != 1.0:
        now = lane.learning_rate * snapshot.rate_factor
        rate += f" × {snapshot.rate_factor:.2g} = {now:.2g}"
    label = f"learning rate {alpha}" if words == "full" else alpha
    fields["rate"] = _Field(label, rate, _RATE_CELLS)
    return fields


def _r2_in_words(r2: float) -> str:
    """Return R² in a few cells.

    >>> _r2_in_words(0.98765), _r2_in_words(0.00001), _r2_in_words(-2e31)
    ('0.9876', '0.0000', '<-1000')
    """
    if r2 < -1000:
        return "<-1000"
    return f"{r2:.4g}" if abs(r2) >= 0.1 else f"{r2:.4f}"


def _speed(snapshot: Snapshot) -> str:
    """Return the part of the status that appears only if there is room; empty at rest."""
    speed = snapshot.epochs_per_second
    return f"{speed:,.0f} epochs/s" if speed >= 1 else ""


def status_text(snapshot: Snapshot, problem: Problem) -> str:
    """Return the status as plain text, with the words of the interface in the same order."""
    fields = _fields(snapshot, problem, "text", "alpha", digits=8)
    parts = [str(snapshot.state), *map(str, fields.values())]
    return "  ".join([*parts, *filter(None, (lane_in_words(snapshot), _speed(snapshot)))])


def draw_status(view: View, columns: int) -> Lines:
    """Return state, epoch, losses, number of right rows, and α, in columns that do not move.

    The status takes the roomiest layout that fits. That depends on the run and the width, not on
    the losses. If no layout fits, it leaves out whole fields.
    """
    palette, spell, snapshot = view.style.palette, view.style.symbols.spell, view.snapshot
    cells = Cells.blank(1, columns, view.style)
    bad = snapshot.state in {RunState.DIVERGED, RunState.FAILED}
    alpha = "alpha" if view.style.symbols.plain else "α"
    forms = {words: _fields(snapshot, view.problem, words, alpha) for words in _LAYOUTS}
    for label in (f" {snapshot.state!s:<{_STATE_CELLS}} ", f"{snapshot.state!s:<{_STATE_CELLS}}"):
        fields, gap, loss_cells, whole = _fitting(forms, columns - len(label))
        if whole:
            break
    cells.put(0, 0, label, palette.background, palette.error if bad else palette.focus)
    values = {"test": palette.test, "rate": palette.key}
    at = len(label)
    for name, field in fields.items():
        at += gap
        end = cells.put(0, at, f"{spell(field.label)} ", palette.dim)
        cells.put(0, end, spell(field.value), values.get(name, palette.text))
        at += field.width(loss_cells)
    speed = _speed(snapshot)
    if at + gap + width(speed) <= columns:
        cells.put(0, at + gap, speed, palette.dim)
    return Lines(cells)


def _fitting(
    forms: dict[str, dict[str, _Field]], room: int
) -> tuple[dict[str, _Field], int, int, bool]:
    """Return the roomiest fields that fit, cells before each, cells of a loss, and if all fit."""
    for words, layouts in _LAYOUTS.items():
        for gap, loss_cells in layouts:
            if _needed(forms[words], gap, loss_cells) <= room:
                return forms[words], gap, loss_cells, True
    fields = dict(forms[words])
    for name in _LEFT_OUT:
        fields.pop(name, None)
        if _needed(fields, gap, loss_cells) <= room:
            break
    return fields, gap, loss_cells, "train" in fields


def _needed(fields: dict[str, _Field], gap: int, loss_cells: int) -> int:
    return sum(field.width(loss_cells) + gap for field in fields.values())


# The verdict

# a verdict's sign, the same without Unicode, and the role of its colour
_SIGNS = {
    Kind.BEGINNING: ("○", "o", "text"),
    Kind.DESCENDING: ("●", "*", "good"),
    Kind.NEARLY: ("●", "*", "good"),
    Kind.MINIMUM: ("●", "*", "good"),
    Kind.DIVERGING: ("✖", "x", "error"),
    Kind.DIVERGED: ("✖", "x", "error"),
}
_WARNING = ("▲", "!", "warning")
_INDENT = 3
_TRY, _TRY_GAP = "Try", 3


def kind_colour(kind: Kind, palette: Palette) -> Colour:
    """Return the colour of a verdict's title."""
    colour: Colour = getattr(palette, _SIGNS.get(kind, _WARNING)[2])
    return colour


def draw_verdict(verdict: Verdict, keys: KeyNames, style: Style, rows: int, columns: int) -> Lines:
    """Return a verdict in `rows` lines: what happens, why, and what to try behind its keys.

    If it does not fit, the reason goes first, then everything but the title, and what to try goes
    last.
    """
    cells = Cells.blank(rows, columns, style)
    if not rows or not columns:
        return Lines(cells)
    room = max(columns - _INDENT - 1, 1)
    title, said, why, tries = _fitting_verdict(verdict, keys, style, rows, room)
    palette, colour = style.palette, kind_colour(verdict.kind, style.palette)
    cells.put(0, 1, _SIGNS.get(verdict.kind, _WARNING)[style.symbols.plain], colour)
    for row, line in enumerate((*said, *why)):
        titled = line[: len(title)] if row == 0 else ""
        end = cells.put(row, _INDENT, titled, colour)
        ink = palette.text if row < len(said) else palette.dim
        cells.put(row, end, line[len(titled) :], ink)
    return Lines(cells, tuple(_put_tries(cells, len(said) + len(why), tries, keys, style)))


def _fitting_verdict(
    verdict: Verdict, keys: KeyNames, style: Style, rows: int, room: int
) -> tuple[str, list[str], list[str], list[list[Try]]]:
    """Return as much of a verdict as fits, spelled; drop its parts in `draw_verdict`'s order.

    It is the title, the lines that begin with it, those of the reason, and those of what to try.
    """
    spell = style.symbols.words
    title, text, why = spell(verdict.title), spell(verdict.text), spell(verdict.why)
    alone = f"{title.rstrip(':.,')}."
    long = tuple(replace(one, words=spell(one.words)) for one in verdict.tries)
    short = tuple(replace(one, words=spell(one.short or one.words)) for one in verdict.tries)
    fewer = [short[:count] for count in range(len(short) - 1, 0, -1)]
    forms = [
        *((title, text, why, tries) for tries in (long, short)),
        *((title, text, "", tries) for tries in (long, short)),
        *((alone, "", "", tries) for tries in (long, short)),
        *((title, text, "", tries) for tries in fewer),
        *((alone, "", "", tries) for tries in fewer),
        (alone, "", "", ()),
    ]
    for head, rest, reason, tries in forms:
        said = wrapped(f"{head} {rest}".strip(), room)
        reasons = wrapped(reason, room) if reason else []
        lines = _tries_lines(tries, keys, room)
        used = [*map(width, (*said, *reasons)), *(cells for cells, _ in lines)]
        if len(used) <= rows and max(used) <= room:
            break
    return head, said, reasons, [line for _, line in lines]


def _tries_lines(tries: Sequence[Try], keys: KeyNames, room: int) -> list[tuple[int, list[Try]]]:
    """Return what to try, as many in each line as fit, and the cells that each line takes."""
    lines: list[tuple[int, list[Try]]] = []
    for one in tries:
        cap = f" {keys.of(one.action)}  " if one.action else ""
        size = _TRY_GAP + width(cap) + width(one.words)
        if lines and lines[-1][0] + size <= room:
            lines[-1] = (lines[-1][0] + size, [*lines[-1][1], one])
        else:
            lines.append((len(_TRY) + size, [one]))
    return lines


def _put_tries(
    cells: Cells, row: int, lines: Sequence[Sequence[Try]], keys: KeyNames, style: Style
) -> Iterable[tuple[int, int, int, str]]:
    """Write what to try; yield the cells of every key cap with its action."""
    palette = style.palette
    for number, line in enumerate(lines):
        at = cells.put(row + number, _INDENT, _TRY if number == 0 else "", palette.dim)
        at = _INDENT + len(_TRY)
        for one in line:
            start = at = at + _TRY_GAP
            if one.action:
                at = put_cap(cells, row + number, at, keys.of(one.action), palette) + 1
            at = cells.put(row + number, at, one.words, palette.text)
            if one.action:
                yield row + number, start, at, one.action


def put_cap(cells: Cells, row: int, column: int, key: str, palette: Palette) -> int:
    """Write a key as a cap: dark on the keys' colour, or in brackets without colours."""
    if palette.depth == "mono":
        return cells.put(row, column, f"[{key}]", palette.text)
    return cells.put(row, column, f" {key} ", palette.background, palette.key)


# The tabs: all panels, with their keys

_TABS = ("loss", "data", "report", "step", "landscape", "lanes", "why", "changes", "network")
_SHORT = {"network": "net"}
# name, the action that shows it, the words of the tab, and short ones
_STUDIES = (
    ("race", "race('rates')", "find α", "α"),
    ("starts", "starts", "many starts", ""),
)


def draw_tabs(shown: Sequence[str], keys: KeyNames, style: Style, columns: int) -> Lines:
    """Return the keys and names of all panels; the `shown` ones are bright.

    If not all names fit, only the shown panels have theirs.
    """
    palette, cells = style.palette, Cells.blank(1, columns, style)
    cells.bg[:] = palette.background
    panels = [(name, f"panel('{name}')", name, _SHORT.get(name, name)) for name in _TABS]
    spell = style.symbols.words
    entries = [(name, action, spell(a), spell(b)) for name, action, a, b in (*panels, *_STUDIES)]
    names = [
        (2, [long for _, _, long, _ in entries]),
        (1, [long for _, _, long, _ in entries]),
        (1, [short for _, _, _, short in entries]),
        (1, [short for _, _, _, short in entries[: len(panels)]] + [""] * len(_STUDIES)),
        (1, [short if name in shown else "" for name, _, _, short in entries]),
        (1, ["" for _ in entries]),
    ]
    tags = [keys.of(action) for _, action, _, _ in entries]

    def needed(gap: int, words: list[str]) -> int:
        return sum(width(f"{k} {w}".strip()) + gap for k, w in zip(tags, words, strict=True)) + gap

    gap, words = next((one for one in names if needed(*one) <= columns), names[-1])
    at, places = 1, []
    for (name, action, _, _), tag, word in zip(entries, tags, words, strict=True):
        start = at
        at = cells.put(0, at, tag, palette.key)
        if word:
            bright = palette.text if name in shown else palette.dim
            at = cells.put(0, at + 1, word, bright)
        places.append((0, start, at, action))
        at += gap
    return Lines(cells, tuple(places))


# The footer: what the keys do now

_HELP, QUIT = Hint(("help",), "help", 0), Hint(("quit",), "quit", 0, "")


def footer_of(panel: Panel | None, view: View) -> tuple[Hint, ...]:
    """Return the footer's words: the keys of the focused panel, or else those of a run."""
    if panel and (own := panel.hints(view)):
        return (*own, _HELP, QUIT)
    return (
        run_hint(view),
        Hint(("step(1)", "step_back(1)"), "step, back", 2, "step"),
        Hint(("learning_rate(1)", "learning_rate(-1)"), "α", 3),
        Hint(("branch",), "branch", 5),
        Hint(("reset",), "restart", 6),
        Hint(("undo",), "undo", 7),
        Hint(("focus_panel(1)",), "panel", 9),
        Hint(("cursor",), "cursor", 8),
        Hint(("command_palette",), "commands", 4, "all"),
        _HELP,
        QUIT,
    )


def draw_footer(hints: Sequence[Hint], keys: KeyNames, style: Style, columns: int) -> Lines:
    """Return keys and words in their order.

    Where there is little room, the least important hints get short words first, then they go.
    """
    cells = Cells.blank(1, columns, style)
    ranks = sorted({hint.rank for hint in hints}, reverse=True)
    # blanks between hints, the rank from which on words are short, and that from which on hints go
    forms = [(2, math.inf, math.inf), (1, math.inf, math.inf)]
    forms += [(1, float(rank), math.inf) for rank in ranks]
    forms += [(1, -math.inf, float(rank)) for rank in ranks]
    for gap, short, below in forms:
        entries = [
            _entry(hint, keys, style, hint.rank >= short) for hint in hints if hint.rank < below
        ]
        used = (width(" ".join([*tags, word]).rstrip()) + gap for tags, word, _ in entries)
        if sum(used) <= columns:
            break
    at, places = 1, []
    for tags, word, actions in entries:
        start = at
        for number, tag in enumerate(tags):
            at = cells.put(0, at + (number > 0), tag, style.palette.key)
            if number < len(actions):
                places.append((0, at - width(tag), at, actions[number]))
        if word:
            at = cells.put(0, at + 1, word, style.palette.dim)
        if actions:
            places.append((0, start, at, actions[0]))
        at += gap
    return Lines(cells, tuple(places))


def _entry(
    hint: Hint, keys: KeyNames, style: Style, short: bool
) -> tuple[list[str], str, tuple[str, ...]]:
    """Return a hint's keys and word as the footer shows them, and its actions."""
    shown = [hint.keys] if hint.keys else [keys.short(one) for one in hint.actions]
    word = hint.short if short and hint.short is not None else hint.word
    spelled = [style.symbols.spell(key) for key in shown]
    return spelled, style.symbols.words(word), hint.actions


def draw_text(text: str, style: Style, columns: int) -> Lines:
    """Return a line of text to show before there is a run."""
    cells = Cells.blank(1, columns, style)
    cells.put(0, 1, text, style.palette.dim)
    return Lines(cells)


# Messages: they stand where the panels' names and the footer do

Said = tuple[str, Colour]
"""A row of a message, and the colour of the bar before it."""
_BAR = "▌"


def said_rows(messages: Sequence[tuple[str, str]], style: Style, columns: int) -> list[Said]:
    """Return the rows of messages, each a text and its severity; a long word takes several rows."""
    palette = style.palette
    colours = {"warning": palette.warning, "error": palette.error}
    room = max(columns - _SAID_INDENT - 1, 1)
    rows = []
    for text, severity in messages:
        for line in style.symbols.words(text).split("\n"):
            folded = " ".join(_folded(word, room) for word in line.split(" "))
            colour = colours.get(severity, palette.focus)
            rows += [(row, colour) for row in wrapped(folded, room)]
    return rows


def _folded(word: str, room: int) -> str:
    """Return a word with a blank wherever it has to be broken."""
    parts = [""]
    for character in word:
        if width(parts[-1] + character) > room:
            parts.append("")
        parts[-1] += character
    return " ".join(parts)


def draw_said(rows: Sequence[Said], style: Style, columns: int) -> Lines:
    """Return rows of messages; a click removes them."""
    cells = Cells.blank(len(rows), columns, style)
    cells.bg[:] = style.palette.background
    for row, (text, colour) in enumerate(rows):
        cells.put(row, 1, "|" if style.symbols.plain else _BAR, colour)
        cells.put(row, _SAID_INDENT, text, style.palette.text)
    return Lines(cells, tuple((row, 0, columns, "end_messages") for row in range(len(rows))))


def shortened(rows: Sequence[Said], room: int, style: Style, columns: int) -> list[Said]:
    """Return as many rows as there is room for; an ellipsis says that there are more."""
    if len(rows) <= room or room < 1:
        return list(rows[:room])
    (text, colour), more = rows[room - 1], style.symbols.spell(" …")
    while text and width(text + more) > columns - _SAID_INDENT - 1:
        text = text.rpartition(" ")[0] or text[:-1]
    return [*rows[: room - 1], (text + more, colour)]


# The page for a terminal that is too small


def draw_tiny(
    rows: int, columns: int, needed: tuple[int, int], quit_key: str, style: Style
) -> Lines:
    """Return a page that gives the terminal's size and the size it needs, (columns, rows)."""
    cells = Cells.blank(rows, columns, style)
    text = (
        f"Too small: {columns}x{rows}, at least {needed[0]}x{needed[1]}."
        f" Enlarge the window, or {quit_key} to quit."
    )
    lines = wrapped(text, max(columns, 1))
    top = max(0, (rows - len(lines)) // 2)
    for row, line in enumerate(lines, top):
        cells.put(row, max(0, (columns - width(line)) // 2), line, style.palette.warning)
    return Lines(cells)
